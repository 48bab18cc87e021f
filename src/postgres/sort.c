/*
 * Sorting: the ORDER BY of a task's SELECT, and the order it gives the rows in the lake's terms.
 *
 * Readers take the order for that of the values in the file: text by its bytes, whatever collation the
 * database has, and what the lake has as text by that text. Columns whose values the lake replaces, and those
 * whose values have no order there, are refused.
 */
#include <string.h>

#include "base/str.h"
#include "postgres/column_form.h"
#include "postgres/describe.h"
#include "postgres/sql_text.h"
#include "postgres/types/decode.h"

#define TEXT_OID 25
#define VARCHAR_OID 1043

static lh_status refuse_unknown(const struct lh_pg_relation *relation, const char *name,
                                struct lh_arena *arena, struct lh_error *err) {
  lh_error_set(err, LH_ERROR_DATA, "sort_by: %s has no column \"%s\" that is read", relation->name, name);
  lh_pg_error_column(err, relation, name);
  lh_pg_suggest_column(err, relation, name, "columns to sort by", arena);
  return LH_ERROR_DATA;
}

static lh_status refuse_column(const struct lh_pg_relation *relation, size_t index, const char *why,
                               const char *hint, struct lh_error *err) {
  const char *const name = relation->columns[index].name;
  lh_error_set(err, LH_ERROR_DATA, "sort_by: column \"%s\" of %s %s", name, relation->name, why);
  lh_pg_error_column(err, relation, name);
  lh_error_hint(err, "%s", hint);
  return LH_ERROR_DATA;
}

static lh_status check_column(const struct lh_pg_relation *relation, size_t index, struct lh_error *err) {
  const struct lh_pg_column *const column = &relation->columns[index];
  const struct lh_field *const field = &relation->schema.fields[index];
  if (column->mask == LH_MASK_NULL || column->mask == LH_MASK_REDACT) {
    return refuse_column(relation, index, "is masked", "sort by another column", err);
  }
  if (lh_type_is_nested(field->type) || field->type == LH_TYPE_JSON || field->geometry != LH_GEOMETRY_NONE) {
    return refuse_column(relation, index, "has values without an order", "sort by another column", err);
  }
  if (column->replaced != NULL) {
    return refuse_column(relation, index, "may have values that the lake replaces, which changes their order",
                         "say on_unrepresentable: error for it, or sort by another column", err);
  }
  return LH_OK;
}

/* What sorts as the column's values in the file do. */
static const char *sort_expression(const struct lh_pg_relation *relation, size_t index,
                                   struct lh_arena *arena) {
  const struct lh_pg_column *const column = &relation->columns[index];
  const char *const name = lh_pg_quote_name(column->name, arena);
  const bool is_text = relation->schema.fields[index].type == LH_TYPE_STRING;
  if (name == NULL || (column->expression == NULL && !is_text)) {
    return name;
  }
  const bool is_plain = column->type_oid == TEXT_OID || column->type_oid == VARCHAR_OID;
  const char *const value = column->expression != NULL ? column->expression
                            : is_plain                 ? name
                                                       : lh_pg_text_form(name, arena);
  if (value == NULL || !is_text) {
    return value;
  }
  return lh_arena_printf(arena, "(%s) COLLATE pg_catalog.\"C\"", value);
}

static lh_status find_column(const struct lh_pg_relation *relation, const char *name, struct lh_arena *arena,
                             size_t *out, struct lh_error *err) {
  for (size_t i = 0; i < relation->column_count; i++) {
    if (strcmp(relation->columns[i].name, name) == 0) {
      *out = i;
      return check_column(relation, i, err);
    }
  }
  return refuse_unknown(relation, name, arena, err);
}

lh_status lh_pg_sort_relation(struct lh_pg_relation *relation, const struct lh_pg_select_options *options,
                              struct lh_arena *arena, const char **order_sql, struct lh_error *err) {
  *order_sql = "";
  struct lh_sorted_field *const sorted =
      LH_ARENA_ARRAY(arena, struct lh_sorted_field, options->sort_by_count + 1);
  if (sorted == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < options->sort_by_count; i++) {
    const struct lh_sort_key *const key = &options->sort_by[i];
    size_t index = 0;
    LH_TRY(find_column(relation, key->column, arena, &index, err));
    const char *const expression = sort_expression(relation, index, arena);
    *order_sql = expression == NULL
                     ? NULL
                     : lh_arena_printf(arena, "%s%s %s%s", *order_sql, i == 0 ? " ORDER BY" : ",", expression,
                                       key->is_descending ? " DESC" : "");
    if (*order_sql == NULL) {
      return lh_error_memory(err);
    }
    sorted[i] = (struct lh_sorted_field){
        .field = index, .is_descending = key->is_descending, .nulls_first = key->is_descending};
  }
  relation->sorted = sorted;
  relation->sorted_count = options->sort_by_count;
  return LH_OK;
}
