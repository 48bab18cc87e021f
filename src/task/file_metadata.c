/* The schema's knowledge as JSON texts for a Parquet footer: a file that has left the lake still tells what
 * its columns were in PostgreSQL. */
#include "task/file_metadata.h"

#include "base/json.h"

#define METADATA_MAX_BYTES ((size_t)64 << 20)

static lh_status take_text(json_t *value, struct lh_arena *arena, const char **out, struct lh_error *err) {
  struct lh_buf text;
  lh_buf_init(&text, METADATA_MAX_BYTES);
  lh_status status = lh_json_take_append(value, false, &text, err);
  if (status == LH_OK) {
    *out = lh_arena_strndup(arena, (const char *)text.data, text.len);
    status = *out != NULL ? LH_OK : lh_error_memory(err);
  }
  lh_buf_clear(&text);
  return status;
}

static json_t *column_to_json(const struct lh_field *field, struct lh_arena *arena) {
  const char *const type = lh_field_type_name(field, arena);
  if (type == NULL) {
    return NULL;
  }
  json_t *const column = json_pack("{s:s, s:s}", "name", field->name, "type", type);
  if (column != NULL && field->source_type != NULL) {
    json_object_set_new(column, "source_type", json_string(field->source_type));
  }
  if (column != NULL && field->comment != NULL) {
    json_object_set_new(column, "comment", json_string(field->comment));
  }
  return column;
}

lh_status lh_metadata_columns(const struct lh_schema *schema, struct lh_arena *arena, const char **out,
                              struct lh_error *err) {
  json_t *const columns = json_array();
  for (size_t i = 0; i < schema->field_count; i++) {
    json_t *const column = column_to_json(&schema->fields[i], arena);
    if (json_array_append_new(columns, column) != 0) {
      json_decref(columns);
      return lh_error_memory(err);
    }
  }
  return take_text(columns, arena, out, err);
}

lh_status lh_metadata_names(const char *const *names, size_t count, struct lh_arena *arena, const char **out,
                            struct lh_error *err) {
  *out = "";
  if (count == 0) {
    return LH_OK;
  }
  json_t *const list = json_array();
  for (size_t i = 0; i < count; i++) {
    if (json_array_append_new(list, json_string(names[i])) != 0) {
      json_decref(list);
      return lh_error_memory(err);
    }
  }
  return take_text(list, arena, out, err);
}
