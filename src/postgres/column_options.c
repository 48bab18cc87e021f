/* Types are resolved, then what the project says of the columns is applied: numerics, casts, masks, names. */
#include "postgres/column_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "postgres/column_form.h"
#include "postgres/describe.h"
#include "postgres/lake_names.h"
#include "postgres/sql_text.h"

#define SQL_MAX_BYTES ((size_t)64 << 20)

/* What one relation's columns are resolved with. */
struct context {
  struct lh_pg_connection *connection;
  struct lh_pg_relation *relation;
  struct lh_field *fields;
  struct lh_column_settings *settings; /* one a column */
  const struct lh_pg_catalog *catalog;
  struct lh_arena *arena;
};

static lh_status collect_settings(struct context *context, const struct lh_pg_select_options *options,
                                  struct lh_error *err) {
  const size_t count = context->relation->column_count;
  context->settings = LH_ARENA_ARRAY(context->arena, struct lh_column_settings, count);
  context->fields = LH_ARENA_ARRAY(context->arena, struct lh_field, count);
  if (context->settings == NULL || context->fields == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    const char *const name = context->relation->columns[i].name;
    context->settings[i] = (struct lh_column_settings){.column = name, .policy = options->policy};
    for (size_t j = 0; j < options->settings_count; j++) {
      if (strcmp(options->settings[j].column, name) == 0) {
        context->settings[i] = options->settings[j];
      }
    }
  }
  return LH_OK;
}

/* `numeric`: what becomes of numerics that no decimal is known for. */
static lh_status resolve_column(const struct context *context, size_t index, enum lh_numeric_form numeric,
                                struct lh_error *err) {
  struct lh_pg_column *const column = &context->relation->columns[index];
  struct lh_field *const field = &context->fields[index];
  struct lh_pg_type_rules rules = {.check_utf8 = context->connection->unsafe_text,
                                   .policy = context->settings[index].policy,
                                   .replaced = column->replaced};
  rules.policy.numeric = numeric;
  *field = (struct lh_field){
      .name = column->name, .nullable = !column->not_null, .source_type = column->type_name};
  LH_TRY(lh_pg_type_resolve(column->type_oid, column->typmod, &rules, context->catalog->types,
                            context->catalog->count, context->arena, field, &column->decoder,
                            &column->text_fallback, err));
  if (lh_pg_form_column(&context->settings[index], &rules, context->arena, column, field, err) != LH_OK) {
    snprintf(err->table, sizeof(err->table), "%s", context->relation->name);
    return lh_error_prefix(err, "%s", context->relation->name);
  }
  return LH_OK;
}

/* -------- numerics without precision -------- */

static bool is_free_numeric(const struct lh_pg_decoder *decoder) {
  return decoder->decode == lh_pg_decode_numeric_text;
}

/* Whether the column's own word on numerics has something to apply to. What structs and maps hold is not
 * looked into. */
static lh_status check_numeric(const struct context *context, size_t index, struct lh_error *err) {
  const struct lh_pg_column *const column = &context->relation->columns[index];
  const struct lh_pg_decoder *decoder = column->decoder;
  while (decoder->element != NULL) {
    decoder = decoder->element;
  }
  const struct lh_field *field = &context->fields[index];
  while (field->type == LH_TYPE_LIST) {
    field = field->children;
  }
  const bool probes = context->settings[index].policy.numeric == LH_NUMERIC_PROBE;
  const bool applies =
      probes ? is_free_numeric(column->decoder) : is_free_numeric(decoder) || field->child_count > 0;
  if (!context->settings[index].has_numeric || applies) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_DATA, "%s: column \"%s\" is %s, and numeric%s is for numeric without precision",
               context->relation->name, column->name, column->type_name, probes ? ": probe" : "");
  lh_pg_error_column(err, context->relation, column->name);
  lh_error_hint(err, probes && field->type != LH_TYPE_DECIMAL ? "declare a decimal, or say type"
                                                              : "say type to have another type");
  return LH_ERROR_DATA;
}

static bool is_probed(const struct context *context, size_t index) {
  return context->settings[index].policy.numeric == LH_NUMERIC_PROBE &&
         is_free_numeric(context->relation->columns[index].decoder);
}

/* One value for each probed column, "scale digits": the most digits behind the point and before it. NaN and
 * infinities have no scale, and count for nothing. */
static lh_status append_probe(const struct context *context, const char *from_sql, struct lh_buf *sql,
                              struct lh_error *err) {
  size_t count = 0;
  for (size_t i = 0; i < context->relation->column_count; i++) {
    if (!is_probed(context, i)) {
      continue;
    }
    const char *const name = lh_pg_quote_name(context->relation->columns[i].name, context->arena);
    if (name == NULL) {
      return lh_error_memory(err);
    }
    LH_TRY(lh_buf_printf(
        sql, err,
        "%spg_catalog.concat(pg_catalog.max(pg_catalog.scale(%s)), ' ', pg_catalog.length(NULLIF("
        "pg_catalog.trunc(pg_catalog.max(pg_catalog.abs(%s)) FILTER (WHERE pg_catalog.scale(%s) IS NOT "
        "NULL)), 0)::pg_catalog.text))",
        count == 0 ? "SELECT " : ", ", name, name, name));
    count++;
  }
  return count > 0 ? lh_buf_printf(sql, err, " FROM %s", from_sql) : LH_OK;
}

/* A column without finite values becomes decimal(1,0); one that no decimal holds stays text, and says so. */
static lh_status take_probed(const struct context *context, size_t index, const char *found,
                             struct lh_error *err) {
  struct lh_column_policy *const policy = &context->settings[index].policy;
  struct lh_pg_column *const column = &context->relation->columns[index];
  char *end = NULL;
  const long scale = strtol(found, &end, 10);
  const long digits = strtol(end, NULL, 10);
  const long precision = scale + digits > 0 ? scale + digits : 1;
  if (precision <= LH_DECIMAL_MAX_PRECISION) {
    policy->numeric = LH_NUMERIC_DECIMAL;
    policy->numeric_precision = (int)precision;
    policy->numeric_scale = (int)scale;
    return LH_OK;
  }
  policy->numeric = LH_NUMERIC_TEXT;
  column->warning =
      lh_arena_printf(context->arena,
                      "column \"%s\" of %s needs %ld digits, %ld of them behind the point: more "
                      "than a decimal has, so it is carried over as text",
                      column->name, context->relation->name, precision, scale);
  return column->warning != NULL ? LH_OK : lh_error_memory(err);
}

static lh_status probe(const struct context *context, const char *from_sql, struct lh_error *err) {
  struct lh_buf sql;
  const char *text = NULL;
  struct lh_pg_rows rows = {0};
  lh_buf_init(&sql, SQL_MAX_BYTES);
  lh_status status = append_probe(context, from_sql, &sql, err);
  if (status == LH_OK && sql.len > 0) {
    status = lh_buf_cstr(&sql, &text, err);
  }
  if (status == LH_OK && text != NULL) {
    status = lh_pg_query(context->connection, text, NULL, 0, context->arena, &rows, err);
  }
  lh_buf_clear(&sql);
  size_t next = 0;
  for (size_t i = 0; i < context->relation->column_count && status == LH_OK && next < rows.column_count;
       i++) {
    if (is_probed(context, i)) {
      status = take_probed(context, i, rows.values[next], err);
      next++;
    }
  }
  return status;
}

static lh_status resolve_numerics(const struct context *context, const char *from_sql, bool no_probe,
                                  struct lh_error *err) {
  for (size_t i = 0; i < context->relation->column_count; i++) {
    LH_TRY(check_numeric(context, i, err));
  }
  if (!no_probe) {
    LH_TRY(probe(context, from_sql, err));
  }
  for (size_t i = 0; i < context->relation->column_count; i++) {
    const enum lh_numeric_form numeric = context->settings[i].policy.numeric;
    const bool formed = context->relation->columns[i].expression != NULL;
    if (!formed && (numeric == LH_NUMERIC_DOUBLE || numeric == LH_NUMERIC_DECIMAL)) {
      LH_TRY(resolve_column(context, i, numeric, err));
    }
  }
  return LH_OK;
}

/* -------- nullability and names -------- */

/* Whether a value that is not NULL in the source may be NULL in the lake. */
static bool may_become_null(const struct lh_field *field, const struct lh_pg_decoder *decoder,
                            enum lh_unrepresentable policy) {
  if (policy == LH_UNREPRESENTABLE_ERROR) {
    return false;
  }
  const bool clamps = policy == LH_UNREPRESENTABLE_CLAMP;
  switch (field->type) {
    case LH_TYPE_DATE:
    case LH_TYPE_TIMESTAMP:
      return !clamps;
    case LH_TYPE_STRING:
    case LH_TYPE_JSON:
      return decoder->check_utf8 && !clamps;
    case LH_TYPE_DECIMAL:
    case LH_TYPE_LIST:
    case LH_TYPE_MAP:
    case LH_TYPE_STRUCT:
      return true;
    case LH_TYPE_INT16:
    case LH_TYPE_INT32:
    case LH_TYPE_INT64:
      return decoder->decode == lh_pg_decode_numeric_integer;
    case LH_TYPE_DOUBLE:
      return decoder->decode == lh_pg_decode_numeric_double && !clamps;
    case LH_TYPE_BINARY:
      return field->geometry != LH_GEOMETRY_NONE;
    default:
      return false;
  }
}

static lh_status append_change(const struct lh_field *field, const char *prefix, struct lh_buf *out,
                               struct lh_error *err) {
  return field->source_name == NULL ? LH_OK
                                    : lh_buf_printf(out, err, "%s\"%s%s\" → %s", out->len > 0 ? ", " : "",
                                                    prefix, field->source_name, field->name);
}

/* Of the structs in a column. `prefix`: the source's names of what is around, each with its dot; lists and
 * maps add none. */
static lh_status append_member_changes(const struct lh_field *field, const char *prefix,
                                       struct lh_arena *arena, struct lh_buf *out, struct lh_error *err) {
  for (size_t i = 0; i < field->child_count; i++) {
    const struct lh_field *const child = &field->children[i];
    const char *inner = prefix;
    if (field->type == LH_TYPE_STRUCT) {
      LH_TRY(append_change(child, prefix, out, err));
      inner = lh_arena_printf(arena, "%s%s.", prefix,
                              child->source_name != NULL ? child->source_name : child->name);
    }
    if (inner == NULL) {
      return lh_error_memory(err);
    }
    LH_TRY(append_member_changes(child, inner, arena, out, err));
  }
  return LH_OK;
}

/* A name that the project gives is nothing to report. */
static lh_status append_changes(const struct context *context, const char *const *renames, struct lh_buf *out,
                                struct lh_error *err) {
  for (size_t i = 0; i < context->relation->column_count; i++) {
    const struct lh_field *const field = &context->fields[i];
    if (renames[i] == NULL) {
      LH_TRY(append_change(field, "", out, err));
    }
    const char *const prefix = lh_arena_printf(context->arena, "%s.", context->relation->columns[i].name);
    if (prefix == NULL) {
      return lh_error_memory(err);
    }
    LH_TRY(append_member_changes(field, prefix, context->arena, out, err));
  }
  return LH_OK;
}

static lh_status note_changes(const struct context *context, const char *const *renames,
                              struct lh_error *err) {
  struct lh_buf text;
  lh_buf_init(&text, SQL_MAX_BYTES);
  lh_status status = append_changes(context, renames, &text, err);
  if (status == LH_OK && text.len > 0) {
    context->relation->names_changed = lh_arena_strndup(context->arena, (const char *)text.data, text.len);
    status = context->relation->names_changed != NULL ? LH_OK : lh_error_memory(err);
  }
  lh_buf_clear(&text);
  return status;
}

static lh_status name_columns(const struct context *context, enum lh_names names, struct lh_error *err) {
  const size_t count = context->relation->column_count;
  const char **const renames = LH_ARENA_ARRAY(context->arena, const char *, count);
  if (renames == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    renames[i] = context->settings[i].rename;
  }
  if (lh_pg_name_fields(context->fields, count, renames, names, context->arena, err) != LH_OK) {
    snprintf(err->table, sizeof(err->table), "%s", context->relation->name);
    return lh_error_prefix(err, "%s", context->relation->name);
  }
  return note_changes(context, renames, err);
}

lh_status lh_pg_resolve_columns(struct lh_pg_connection *connection, struct lh_pg_relation *relation,
                                const char *from_sql, const struct lh_pg_catalog *catalog,
                                const struct lh_pg_select_options *options, struct lh_arena *arena,
                                struct lh_error *err) {
  struct context context = {
      .connection = connection, .relation = relation, .catalog = catalog, .arena = arena};
  LH_TRY(collect_settings(&context, options, err));
  for (size_t i = 0; i < relation->column_count; i++) {
    if (context.settings[i].policy.on_unrepresentable != LH_UNREPRESENTABLE_ERROR) {
      relation->columns[i].replaced = LH_ARENA_NEW(arena, struct lh_pg_replaced);
      if (relation->columns[i].replaced == NULL) {
        return lh_error_memory(err);
      }
    }
    LH_TRY(resolve_column(&context, i, LH_NUMERIC_TEXT, err));
  }
  LH_TRY(resolve_numerics(&context, from_sql, options->no_probe, err));
  for (size_t i = 0; i < relation->column_count; i++) {
    struct lh_field *const field = &context.fields[i];
    field->nullable = field->nullable || may_become_null(field, relation->columns[i].decoder,
                                                         context.settings[i].policy.on_unrepresentable);
  }
  LH_TRY(name_columns(&context, options->names, err));
  relation->schema = (struct lh_schema){.fields = context.fields, .field_count = relation->column_count};
  return LH_OK;
}
