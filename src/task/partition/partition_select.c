/* SQL for some partitions of a relation. */
#include "task/partition/partition_select.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "column/format.h"
#include "postgres/sql_text.h"
#include "postgres/types/decode.h"

#define SQL_MAX_BYTES ((size_t)64 << 20)
#define SECONDS_PER_HOUR 3600
/* Past every date; an infinite one is. */
#define MOST_SECONDS 1e15

/* -------- pieces -------- */

static lh_status append_literal(const char *text, struct lh_buf *sql, struct lh_error *err) {
  const bool has_backslash = strchr(text, '\\') != NULL;
  LH_TRY(lh_buf_append_str(sql, has_backslash ? " E'" : "'", err));
  for (; *text != '\0'; text++) {
    if (*text == '\'' || *text == '\\') {
      LH_TRY(lh_buf_append_byte(sql, (uint8_t)*text, err));
    }
    LH_TRY(lh_buf_append_byte(sql, (uint8_t)*text, err));
  }
  return lh_buf_append_byte(sql, '\'', err);
}

/* What is read in the place of the key's column. */
static lh_status column_sql(const struct lh_pg_relation *relation, size_t index, struct lh_arena *arena,
                            const char **out, struct lh_error *err) {
  const struct lh_pg_column *const column = &relation->columns[index];
  *out = column->expression != NULL ? lh_arena_printf(arena, "(%s)", column->expression)
                                    : lh_pg_quote_name(column->name, arena);
  return *out != NULL ? LH_OK : lh_error_memory(err);
}

static bool is_text_form(const struct lh_pg_relation *relation, size_t index) {
  const struct lh_pg_column *const column = &relation->columns[index];
  return column->expression == NULL && column->decoder->read_as == LH_PG_READ_AS_TEXT;
}

static lh_status watermark_sql(const struct lh_pg_relation *relation, const char *watermark,
                               struct lh_arena *arena, const char **out, struct lh_error *err) {
  for (size_t i = 0; i < relation->column_count; i++) {
    if (strcmp(relation->schema.fields[i].name, watermark) == 0) {
      watermark = relation->columns[i].name;
      break;
    }
  }
  *out = lh_pg_quote_name(watermark, arena);
  return *out != NULL ? LH_OK : lh_error_memory(err);
}

static lh_status run_query(struct lh_pg_connection *connection, struct lh_buf *sql, struct lh_arena *arena,
                           struct lh_pg_rows *out, struct lh_error *err) {
  const char *text = NULL;
  LH_TRY(lh_buf_cstr(sql, &text, err));
  return lh_pg_query(connection, text, NULL, 0, arena, out, err);
}

static lh_status explain_watermark(const char *watermark, struct lh_error *err) {
  const lh_status status = err->code;
  if (strcmp(err->sqlstate, "42703") == 0 || strcmp(err->sqlstate, "42883") == 0) {
    lh_error_set(err, LH_ERROR_DATA, "watermark \"%s\" is no column whose values have an order", watermark);
    snprintf(err->column, sizeof(err->column), "%s", watermark);
    lh_error_hint(err, "name a column that grows when a row changes, like updated_at");
    return LH_ERROR_DATA;
  }
  return status;
}

/* -------- what has changed -------- */

/* Periods as seconds of their beginning, all else as the lake's text. */
static bool is_period(const struct lh_partition_plan *plan, size_t key) {
  return plan->by.keys[key].transform != LH_PARTITION_IDENTITY ||
         plan->schema->fields[plan->fields[key]].type == LH_TYPE_DATE;
}

static enum lh_partition_transform period_of(const struct lh_partition_key *key) {
  return key->transform != LH_PARTITION_IDENTITY ? key->transform : LH_PARTITION_DAY;
}

static lh_status append_value(const struct lh_pg_relation *relation, const struct lh_partition_plan *plan,
                              size_t key, struct lh_arena *arena, struct lh_buf *sql, struct lh_error *err) {
  const char *column = NULL;
  LH_TRY(column_sql(relation, plan->fields[key], arena, &column, err));
  if (is_period(plan, key)) {
    return lh_buf_printf(sql, err,
                         "pg_catalog.date_part('epoch', pg_catalog.date_trunc('%s', %s))::pg_catalog.text",
                         lh_partition_transform_name(period_of(&plan->by.keys[key])), column);
  }
  if (plan->schema->fields[plan->fields[key]].type == LH_TYPE_BOOL) {
    return lh_buf_printf(sql, err, "%s::pg_catalog.text", column);
  }
  return lh_buf_printf(sql, err, "CASE WHEN %s IS DISTINCT FROM NULL THEN pg_catalog.format('%%s', %s) END",
                       column, column);
}

static lh_status make_changed_sql(const struct lh_pg_relation *relation, const struct lh_partition_plan *plan,
                                  const char *watermark, const char *since, struct lh_arena *arena,
                                  struct lh_buf *sql, struct lh_error *err) {
  const char *column = NULL;
  LH_TRY(watermark_sql(relation, watermark, arena, &column, err));
  for (size_t i = 0; i < plan->by.count; i++) {
    LH_TRY(lh_buf_append_str(sql, i == 0 ? "SELECT DISTINCT " : ", ", err));
    LH_TRY(append_value(relation, plan, i, arena, sql, err));
  }
  LH_TRY(lh_buf_printf(sql, err, " FROM %s%s%s > ", relation->from_sql,
                       relation->where != NULL ? " AND " : " WHERE ", column));
  LH_TRY(append_literal(since, sql, err));
  return lh_buf_printf(sql, err, " LIMIT %d", LH_PARTITION_MOST_CHANGED + 1);
}

/* `*out` stays NULL for a period that the lake has no form for. */
static lh_status period_value(const struct lh_partition_key *key, const char *seconds_text,
                              struct lh_arena *arena, const char **out, struct lh_error *err) {
  const double seconds = strtod(seconds_text, NULL);
  if (seconds > MOST_SECONDS || seconds < -MOST_SECONDS) {
    return LH_OK;
  }
  const int64_t whole = (int64_t)seconds; /* periods begin with whole hours */
  struct lh_buf text;
  lh_buf_init(&text, LH_PARTITION_MAX_NAME_BYTES);
  lh_status status = lh_partition_append_period(period_of(key), whole / SECONDS_PER_HOUR, &text, err);
  if (status == LH_OK) {
    *out = lh_arena_strndup(arena, (const char *)text.data, text.len);
    status = *out != NULL ? LH_OK : lh_error_memory(err);
  }
  lh_buf_clear(&text);
  return status;
}

static lh_status take_choice(const struct lh_partition_plan *plan, const char *const *row,
                             struct lh_arena *arena, const char *const **out, bool *all,
                             struct lh_error *err) {
  const char **const values = LH_ARENA_ARRAY(arena, const char *, plan->by.count);
  if (values == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < plan->by.count; i++) {
    if (row[i] == NULL || !is_period(plan, i)) {
      values[i] = row[i];
      continue;
    }
    LH_TRY(period_value(&plan->by.keys[i], row[i], arena, &values[i], err));
    *all = *all || values[i] == NULL;
  }
  *out = values;
  return LH_OK;
}

lh_status lh_partition_find_changed(struct lh_pg_connection *connection,
                                    const struct lh_pg_relation *relation,
                                    const struct lh_partition_plan *plan, const char *watermark,
                                    const char *since, struct lh_arena *arena,
                                    struct lh_partition_choice *out, bool *all, struct lh_error *err) {
  struct lh_pg_rows rows = {0};
  struct lh_buf sql;
  *out = (struct lh_partition_choice){0};
  *all = false;
  lh_buf_init(&sql, SQL_MAX_BYTES);
  lh_status status = make_changed_sql(relation, plan, watermark, since, arena, &sql, err);
  if (status == LH_OK && run_query(connection, &sql, arena, &rows, err) != LH_OK) {
    status = explain_watermark(watermark, err);
  }
  lh_buf_clear(&sql);
  LH_TRY(status);
  *all = rows.row_count > LH_PARTITION_MOST_CHANGED;
  out->values = LH_ARENA_ARRAY(arena, const char *const *, rows.row_count);
  if (out->values == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < rows.row_count && !*all; i++) {
    LH_TRY(take_choice(plan, rows.values + i * rows.column_count, arena, &out->values[i], all, err));
    out->count++;
  }
  return LH_OK;
}

lh_status lh_partition_find_watermark(struct lh_pg_connection *connection,
                                      const struct lh_pg_relation *relation, const char *watermark,
                                      struct lh_arena *arena, const char **out, struct lh_error *err) {
  const char *column = NULL;
  struct lh_pg_rows rows;
  LH_TRY(watermark_sql(relation, watermark, arena, &column, err));
  const char *const sql = lh_arena_printf(arena, "SELECT pg_catalog.max(%s)::pg_catalog.text FROM %s", column,
                                          relation->from_sql);
  if (sql == NULL) {
    return lh_error_memory(err);
  }
  if (lh_pg_query(connection, sql, NULL, 0, arena, &rows, err) != LH_OK) {
    return explain_watermark(watermark, err);
  }
  *out = rows.values[0] != NULL ? rows.values[0] : "";
  return LH_OK;
}

/* -------- the condition -------- */

/* A moment as PostgreSQL reads it in the column's type. */
static lh_status append_moment(const struct lh_field *field, int64_t hour, struct lh_buf *sql,
                               struct lh_error *err) {
  const int64_t days = hour >= 0 ? hour / 24 : -((23 - hour) / 24);
  const struct lh_civil_date date = lh_civil_from_days(days);
  const bool is_bc = date.year < 1;
  LH_TRY(lh_buf_printf(sql, err, "'%04" PRId64 "-%02d-%02d", is_bc ? 1 - date.year : date.year, date.month,
                       date.day));
  if (field->type == LH_TYPE_TIMESTAMP) {
    LH_TRY(lh_buf_printf(sql, err, " %02d:00:00%s", (int)(hour - days * 24), field->utc ? "+00" : ""));
  }
  return lh_buf_append_str(sql, is_bc ? " BC'" : "'", err);
}

static lh_status append_period(const struct lh_field *field, const struct lh_partition_key *key,
                               const char *column, const char *value, struct lh_buf *sql,
                               struct lh_error *err) {
  int64_t first = 0;
  int64_t end = 0;
  LH_TRY(lh_partition_parse_period(period_of(key), value, &first, &end, err));
  LH_TRY(lh_buf_printf(sql, err, "%s >= ", column));
  LH_TRY(append_moment(field, first, sql, err));
  LH_TRY(lh_buf_printf(sql, err, " AND %s < ", column));
  return append_moment(field, end, sql, err);
}

/* Digits as the lake writes them: no zeros before, as many decimals as the type has. */
static bool is_number_form(const char *value, int scale) {
  const char *at = value[0] == '-' ? value + 1 : value;
  const size_t whole = strspn(at, "0123456789");
  const bool fits = whole > 0 && (at[0] != '0' || whole == 1);
  at += whole;
  if (!fits || scale == 0) {
    return fits && *at == '\0';
  }
  return *at == '.' && strspn(at + 1, "0123456789") == (size_t)scale && strlen(at + 1) == (size_t)scale;
}

static lh_status check_value(const struct lh_field *field, const char *value, struct lh_error *err) {
  bool fits = true;
  switch (field->type) {
    case LH_TYPE_BOOL:
      fits = strcmp(value, "true") == 0 || strcmp(value, "false") == 0;
      break;
    case LH_TYPE_INT8:
    case LH_TYPE_INT16:
    case LH_TYPE_INT32:
    case LH_TYPE_INT64:
      fits = is_number_form(value, 0);
      break;
    case LH_TYPE_DECIMAL:
      fits = is_number_form(value, field->scale);
      break;
    case LH_TYPE_UUID:
      fits = strlen(value) == 36 && strspn(value, "0123456789abcdef-") == 36;
      break;
    default:
      break;
  }
  if (fits) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_USAGE, "\"%.64s\" is no value of partitions by column \"%s\"", value,
               field->name);
  lh_error_hint(err, "write it as the directories of the lake do");
  return LH_ERROR_USAGE;
}

static lh_status append_key(const struct lh_pg_relation *relation, const struct lh_partition_plan *plan,
                            size_t key, const char *value, struct lh_arena *arena, struct lh_buf *sql,
                            struct lh_error *err) {
  const size_t index = plan->fields[key];
  const struct lh_field *const field = &plan->schema->fields[index];
  const char *column = NULL;
  LH_TRY(column_sql(relation, index, arena, &column, err));
  if (value == NULL) {
    return lh_buf_printf(sql, err, "%s IS NULL", column);
  }
  if (is_period(plan, key)) {
    return append_period(field, &plan->by.keys[key], column, value, sql, err);
  }
  LH_TRY(check_value(field, value, err));
  LH_TRY(lh_buf_printf(sql, err,
                       is_text_form(relation, index) ? "pg_catalog.format('%%s', %s) = " : "%s = ", column));
  return append_literal(value, sql, err);
}

static lh_status append_choice(const struct lh_pg_relation *relation, const struct lh_partition_plan *plan,
                               const struct lh_partition_choice *choice, struct lh_arena *arena,
                               struct lh_buf *sql, struct lh_error *err) {
  if (choice->count == 0) {
    return lh_buf_append_str(sql, "false", err);
  }
  for (size_t i = 0; i < choice->count; i++) {
    LH_TRY(lh_buf_append_str(sql, i == 0 ? "(" : " OR (", err));
    for (size_t j = 0; j < plan->by.count; j++) {
      LH_TRY(lh_buf_append_str(sql, j == 0 ? "" : " AND ", err));
      LH_TRY(append_key(relation, plan, j, choice->values[i][j], arena, sql, err));
    }
    LH_TRY(lh_buf_append_str(sql, ")", err));
  }
  return LH_OK;
}

lh_status lh_partition_make_condition(const struct lh_pg_relation *relation,
                                      const struct lh_partition_plan *plan,
                                      const struct lh_partition_choice *choice, struct lh_arena *arena,
                                      const char **out, struct lh_error *err) {
  struct lh_buf sql;
  lh_buf_init(&sql, SQL_MAX_BYTES);
  lh_status status = append_choice(relation, plan, choice, arena, &sql, err);
  if (status == LH_OK) {
    *out = lh_arena_strndup(arena, (const char *)sql.data, sql.len);
    status = *out != NULL ? LH_OK : lh_error_memory(err);
  }
  lh_buf_clear(&sql);
  return status;
}
