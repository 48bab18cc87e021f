/* Verification as a whole: sums per column on both sides, what differs, and how that is said. */
#include "task/verify/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "column/format.h"
#include "task/verify/verify_impl.h"

/* A result of the server has at most 1,664 columns, of which each column here takes two. */
#define COLUMNS_PER_STATEMENT 400

const char *lh_verify_row_kind_name(enum lh_verify_row_kind kind) {
  static const char *const names[] = {"differs", "missing", "extra", "repeated"};
  return names[kind];
}

const char *lh_verify_extent_name(enum lh_verify_extent extent) {
  static const char *const names[] = {"checksum", "count", "nothing"};
  return names[extent];
}

const char *lh_verify_list_columns(const struct lh_verify_result *result, enum lh_verify_extent extent,
                                   struct lh_arena *arena) {
  const char *names = "";
  for (size_t i = 0; i < result->column_count && names != NULL; i++) {
    const struct lh_verify_column *const column = &result->columns[i];
    if (column->extent == extent && column->note == NULL) {
      names = lh_arena_printf(arena, "%s%s\"%s\"", names, names[0] == '\0' ? "" : ", ", column->name);
    }
  }
  return names;
}

/* -------- the server's sums -------- */

static lh_status append_sums(const struct lh_verify_source *source, size_t start, size_t end,
                             struct lh_verify_result *out, struct lh_buf *sql, struct lh_error *err) {
  LH_TRY(lh_buf_append_str(sql, "SELECT pg_catalog.count(*)", err));
  for (size_t i = start; i < end; i++) {
    bool can_count = false;
    bool can_hash = false;
    LH_TRY(lh_buf_append_str(sql, ", pg_catalog.count(", err));
    LH_TRY(lh_verify_append_value(source, i, sql, &can_count, err));
    LH_TRY(lh_buf_append_str(sql, "), pg_catalog.sum(", err));
    LH_TRY(lh_verify_append_hash(source, i, sql, &can_hash, err));
    LH_TRY(lh_buf_append_str(sql, can_hash ? ")" : "NULL::pg_catalog.int8)", err));
    out->columns[i].extent = can_hash    ? LH_VERIFY_BY_CHECKSUM
                             : can_count ? LH_VERIFY_BY_COUNT
                                         : LH_VERIFY_NOT_AT_ALL;
  }
  return lh_buf_printf(sql, err, " FROM %s", source->from);
}

static lh_uint128 parse_sum(const char *text) {
  lh_uint128 sum = 0;
  for (; text != NULL && *text >= '0' && *text <= '9'; text++) {
    sum = sum * 10 + (unsigned)(*text - '0');
  }
  return sum;
}

static lh_status sum_database_columns(const struct lh_verify_source *source, size_t start, size_t end,
                                      struct lh_buf *sql, struct lh_verify_result *out,
                                      struct lh_error *err) {
  struct lh_pg_rows rows;
  const char *text = NULL;
  lh_buf_reset(sql);
  LH_TRY(append_sums(source, start, end, out, sql, err));
  LH_TRY(lh_buf_cstr(sql, &text, err));
  LH_TRY(lh_pg_query(source->request->connection, text, NULL, 0, source->arena, &rows, err));
  out->database_rows = strtoull(rows.values[0], NULL, 10);
  for (size_t i = start; i < end; i++) {
    const char *const *const pair = rows.values + 1 + 2 * (i - start);
    out->columns[i].database.values = strtoull(pair[0], NULL, 10);
    out->columns[i].database.sum = parse_sum(pair[1]);
  }
  return LH_OK;
}

static lh_status sum_database(const struct lh_verify_source *source, struct lh_verify_result *out,
                              struct lh_error *err) {
  struct lh_buf sql;
  lh_buf_init(&sql, LH_VERIFY_SQL_MAX_BYTES);
  lh_status status = LH_OK;
  for (size_t start = 0; start < out->column_count && status == LH_OK; start += COLUMNS_PER_STATEMENT) {
    const size_t left = out->column_count - start;
    const size_t count = left < COLUMNS_PER_STATEMENT ? left : COLUMNS_PER_STATEMENT;
    status = sum_database_columns(source, start, start + count, &sql, out, err);
  }
  lh_buf_clear(&sql);
  return status;
}

/* -------- the lake's sums -------- */

struct lake_sums {
  struct lh_verify_lake *lake;
  struct lh_verify_result *result;
  const size_t *indexes; /* of the columns of a batch among those of the result */
  size_t count;
};

static lh_status add_batch(void *context, const struct lh_batch *batch, struct lh_error *err) {
  struct lake_sums *const sums = context;
  sums->result->lake_rows += batch->row_count;
  for (size_t i = 0; i < sums->count; i++) {
    const struct lh_column *const column = &batch->columns[i];
    struct lh_verify_column *const out = &sums->result->columns[sums->indexes[i]];
    for (size_t row = 0; row < batch->row_count; row++) {
      if (!lh_column_is_valid(column, row)) {
        continue;
      }
      uint64_t hash = 0;
      LH_TRY(lh_verify_hash_value(column, row, &sums->lake->scratch, &hash, err));
      out->lake.values++;
      out->lake.sum += hash;
    }
  }
  return LH_OK;
}

static lh_status sum_lake(struct lh_verify_lake *lake, struct lh_verify_result *out, struct lh_error *err) {
  size_t *const indexes = LH_ARENA_ARRAY(lake->arena, size_t, out->column_count);
  size_t count = 0;
  if (indexes == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < out->column_count; i++) {
    if (lake->columns[i] != SIZE_MAX) {
      indexes[count++] = i;
    }
  }
  struct lake_sums sums = {lake, out, indexes, count};
  return lh_verify_lake_scan(lake, indexes, count, add_batch, &sums, err);
}

/* -------- comparing -------- */

static bool is_expected(const struct lh_verify_lake *lake, size_t place) {
  for (size_t i = 0; i < lake->request->relation->schema.field_count; i++) {
    if (lake->columns[i] == place) {
      return true;
    }
  }
  return false;
}

/* One entry per column of the relation, then one for each that the lake has beyond them. */
static lh_status name_columns(const struct lh_verify_lake *lake, struct lh_arena *arena,
                              struct lh_verify_column **extra, size_t *extra_count,
                              struct lh_verify_result *out, struct lh_error *err) {
  const struct lh_schema *const expected = &lake->request->relation->schema;
  out->columns =
      LH_ARENA_ARRAY(arena, struct lh_verify_column, expected->field_count + lake->schema.field_count);
  if (out->columns == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < expected->field_count; i++) {
    out->columns[i].name = expected->fields[i].name;
    out->columns[i].note = lake->columns[i] == SIZE_MAX ? "not in the lake" : NULL;
  }
  out->column_count = expected->field_count;
  *extra = out->columns + out->column_count;
  *extra_count = 0;
  for (size_t i = 0; i < lake->schema.field_count; i++) {
    if (!is_expected(lake, i)) {
      (*extra)[(*extra_count)++] =
          (struct lh_verify_column){.name = lake->schema.fields[i].name, .note = "in the lake alone"};
    }
  }
  return LH_OK;
}

static void compare(struct lh_verify_result *out) {
  for (size_t i = 0; i < out->column_count; i++) {
    struct lh_verify_column *const column = &out->columns[i];
    const bool counts_differ = column->database.values != column->lake.values;
    const bool sums_differ = column->database.sum != column->lake.sum;
    column->differs = column->note != NULL || (counts_differ && column->extent != LH_VERIFY_NOT_AT_ALL) ||
                      (sums_differ && column->extent == LH_VERIFY_BY_CHECKSUM);
    out->differing_columns += column->differs ? 1 : 0;
  }
  out->differs = out->differing_columns > 0 || out->database_rows != out->lake_rows;
}

static lh_status verify_sides(const struct lh_verify_source *source, struct lh_verify_lake *lake,
                              struct lh_verify_result *out, struct lh_error *err) {
  struct lh_verify_column *extra = NULL;
  size_t extra_count = 0;
  LH_TRY(name_columns(lake, source->arena, &extra, &extra_count, out, err));
  LH_TRY(sum_database(source, out, err));
  LH_TRY(sum_lake(lake, out, err));
  out->column_count += extra_count;
  compare(out);
  return out->differs ? lh_verify_find_rows(source, lake, out, err) : LH_OK;
}

lh_status lh_verify(const struct lh_verify_request *request, struct lh_arena *arena,
                    struct lh_verify_result *out, struct lh_error *err) {
  struct lh_verify_source source;
  struct lh_verify_lake lake;
  *out = (struct lh_verify_result){0};
  LH_TRY(lh_verify_source_open(request, arena, &source, err));
  lh_status status = lh_verify_lake_open(request, arena, &lake, err);
  if (status == LH_OK) {
    status = verify_sides(&source, &lake, out, err);
  }
  lh_verify_lake_close(&lake);
  return status;
}

/* -------- saying it -------- */

static void append_row(const struct lh_verify_row *row, char *text, size_t size) {
  size_t used = (size_t)snprintf(text, size, "; row %s %s", row->key,
                                 row->kind == LH_VERIFY_ROW_DIFFERS   ? "differs"
                                 : row->kind == LH_VERIFY_ROW_MISSING ? "is missing in the lake"
                                 : row->kind == LH_VERIFY_ROW_EXTRA   ? "is in the lake alone"
                                                                      : "is repeated in the lake");
  if (row->value_count > 0 && used < size) {
    const struct lh_verify_value *const value = &row->values[0];
    snprintf(text + used, size - used, ": %s is %s%s%s in the database, %s%s%s in the lake", value->column,
             value->database != NULL ? "\"" : "", value->database != NULL ? value->database : "NULL",
             value->database != NULL ? "\"" : "", value->lake != NULL ? "\"" : "",
             value->lake != NULL ? value->lake : "NULL", value->lake != NULL ? "\"" : "");
  }
}

static void describe_column(const struct lh_verify_column *column, char *text, size_t size) {
  if (column->note != NULL) {
    snprintf(text, size, "column \"%s\" is %s", column->name, column->note);
    return;
  }
  char database[LH_UINT128_TEXT_MAX];
  char lake[LH_UINT128_TEXT_MAX];
  snprintf(text, size,
           "column \"%s\" differs: %" PRIu64 " values, checksum %s in the database, %" PRIu64
           " values, checksum %s in the lake",
           column->name, column->database.values, lh_uint128_format(column->database.sum, database),
           column->lake.values, lh_uint128_format(column->lake.sum, lake));
}

lh_status lh_verify_set_error(const struct lh_verify_result *result, struct lh_error *err) {
  char rows[128] = "";
  char column_text[768] = "";
  char row_text[768] = "";
  const struct lh_verify_column *column = NULL;
  for (size_t i = 0; i < result->column_count && column == NULL; i++) {
    column = result->columns[i].differs ? &result->columns[i] : NULL;
  }
  if (result->database_rows != result->lake_rows) {
    snprintf(rows, sizeof(rows), "%" PRIu64 " rows in the database, %" PRIu64 " in the lake%s",
             result->database_rows, result->lake_rows, column != NULL ? "; " : "");
  }
  if (column != NULL) {
    describe_column(column, column_text, sizeof(column_text));
  }
  if (result->row_count > 0) {
    append_row(&result->rows[0], row_text, sizeof(row_text));
  }
  lh_error_set(err, LH_ERROR_DATA, "verification failed: %s%s%s", rows, column_text, row_text);
  if (column != NULL) {
    snprintf(err->column, sizeof(err->column), "%s", column->name);
  }
  return LH_ERROR_DATA;
}
