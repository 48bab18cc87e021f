/* The schema that a task is about to write against the one that is published: what changed is part of the
 * result, and under `schema: strict` any change ends the task before it reads a row. */
#include <stdio.h>

#include "catalog/local.h"
#include "task/task.h"

static lh_status list_columns(const struct lh_schema *schema, struct lh_arena *arena,
                              const struct lh_lake_column **out, struct lh_error *err) {
  struct lh_lake_column *const columns = LH_ARENA_ARRAY(arena, struct lh_lake_column, schema->field_count);
  if (columns == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < schema->field_count; i++) {
    const struct lh_field *const field = &schema->fields[i];
    columns[i] = (struct lh_lake_column){
        .name = field->name,
        .type = lh_field_type_name(field, arena),
        .source_type = field->source_type != NULL ? field->source_type : "",
        .comment = "",
        .nullable = field->nullable,
    };
    if (columns[i].type == NULL) {
      return lh_error_memory(err);
    }
  }
  *out = columns;
  return LH_OK;
}

static lh_status refuse_changes(const struct lh_task_request *request, const struct lh_task_result *result,
                                struct lh_error *err) {
  char more[64] = "";
  if (result->change_count > 1) {
    snprintf(more, sizeof(more), ", and %zu more changes", result->change_count - 1);
  }
  lh_error_set(err, LH_ERROR_DATA, "its schema is not the published one: %s%s", result->changes[0].text,
               more);
  snprintf(err->table, sizeof(err->table), "%s", request->spec->name);
  snprintf(err->column, sizeof(err->column), "%s", result->changes[0].column);
  lh_error_hint(
      err,
      "nothing was read or published; schema: evolve for task %s publishes the new schema, after which "
      "schema: strict holds it to that one",
      request->spec->name);
  return LH_ERROR_DATA;
}

lh_status lh_task_check_schema(const struct lh_task_request *request, struct lh_arena *arena,
                               struct lh_task_result *out, struct lh_error *err) {
  struct lh_lake_version *published = NULL;
  const struct lh_lake_column *columns = NULL;
  struct lh_schema_change *changes = NULL;
  LH_TRY(lh_catalog_get(request->store, request->spec->name, arena, &published, err));
  if (published == NULL) {
    return LH_OK;
  }
  LH_TRY(list_columns(&out->schema, arena, &columns, err));
  LH_TRY(lh_schema_compare(published->columns, published->column_count, columns, out->schema.field_count,
                           arena, &changes, &out->change_count, err));
  out->changes = changes;
  const bool refused = request->spec->schema_rule == LH_SCHEMA_STRICT && out->change_count > 0;
  return refused ? refuse_changes(request, out, err) : LH_OK;
}
