/* Partitions on their way between supervisor and workers. */
#include <string.h>

#include "catalog/pointer.h"
#include "run/job.h"

json_t *lh_names_to_json(const char *const *names, size_t count) {
  json_t *const list = json_array();
  for (size_t i = 0; i < count; i++) {
    json_array_append_new(list, json_string(names[i]));
  }
  return list;
}

lh_status lh_names_decode(const json_t *array, const char *what, struct lh_arena *arena,
                          const char *const **out, size_t *count, struct lh_error *err) {
  *count = json_array_size(array);
  const char **const names = LH_ARENA_ARRAY(arena, const char *, *count);
  if (names == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < *count; i++) {
    const char *const name = json_string_value(json_array_get(array, i));
    if (name == NULL) {
      return lh_error_set(err, LH_ERROR_CORRUPT, "%s: a name is not a string", what);
    }
    names[i] = lh_arena_strdup(arena, name);
    if (names[i] == NULL) {
      return lh_error_memory(err);
    }
  }
  *out = names;
  return LH_OK;
}

/* -------- inputs -------- */

json_t *lh_input_partitions_to_json(const struct lh_task_input *input) {
  if (!input->is_partitioned) {
    return json_null();
  }
  const struct lh_engine_partitions *const partitions = &input->partitions;
  json_t *const keys = json_array();
  for (size_t i = 0; i < partitions->key_count; i++) {
    json_array_append_new(
        keys, json_pack("{s:s, s:s}", "name", partitions->keys[i].name, "type", partitions->keys[i].type));
  }
  return json_pack("{s:o, s:o}", "keys", keys, "columns",
                   lh_names_to_json(partitions->columns, partitions->column_count));
}

lh_status lh_input_partitions_decode(const json_t *input, const char *what, struct lh_arena *arena,
                                     struct lh_task_input *out, struct lh_error *err) {
  const json_t *const object = json_object_get(input, "partitions");
  json_t *keys = NULL;
  if (!json_is_object(object)) {
    return LH_OK;
  }
  LH_TRY(lh_json_get_array(object, "keys", what, &keys, err));
  const size_t count = json_array_size(keys);
  struct lh_engine_partition_key *const to = LH_ARENA_ARRAY(arena, struct lh_engine_partition_key, count);
  if (to == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    const json_t *const key = json_array_get(keys, i);
    LH_TRY(lh_json_get_string(key, "name", what, arena, &to[i].name, err));
    LH_TRY(lh_json_get_string(key, "type", what, arena, &to[i].type, err));
  }
  out->is_partitioned = true;
  out->partitions.keys = to;
  out->partitions.key_count = count;
  return lh_names_decode(json_object_get(object, "columns"), what, arena, &out->partitions.columns,
                         &out->partitions.column_count, err);
}

/* -------- what a task has written -------- */

static json_t *keys_to_json(const struct lh_lake_partition_key *keys, size_t count) {
  json_t *const list = json_array();
  for (size_t i = 0; i < count; i++) {
    json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "key", keys[i].name, "transform",
                                          keys[i].transform, "column", keys[i].column, "type", keys[i].type));
  }
  return list;
}

json_t *lh_result_partitions_to_json(const struct lh_task_result *result) {
  if (result->partition_key_count == 0) {
    return json_null();
  }
  json_t *const list = json_array();
  for (size_t i = 0; i < result->partition_count; i++) {
    const struct lh_lake_partition *const partition = &result->partitions[i];
    json_array_append_new(
        list, json_pack("{s:s, s:o, s:I, s:I, s:I}", "path", partition->path, "values",
                        lh_partition_values_to_json(partition, result->partition_key_count), "rows",
                        (json_int_t)partition->rows, "bytes", (json_int_t)partition->bytes, "files",
                        (json_int_t)partition->file_count));
  }
  return json_pack("{s:o, s:o, s:b, s:o, s:s, s:s}", "keys",
                   keys_to_json(result->partition_keys, result->partition_key_count), "list", list, "partial",
                   result->is_partial, "replaces", lh_names_to_json(result->replaces, result->replaces_count),
                   "watermark_column", result->watermark_column != NULL ? result->watermark_column : "",
                   "watermark", result->watermark != NULL ? result->watermark : "");
}

static lh_status decode_keys(const json_t *object, const char *what, struct lh_arena *arena,
                             struct lh_lake_version *out, struct lh_error *err) {
  json_t *array = NULL;
  LH_TRY(lh_json_get_array(object, "keys", what, &array, err));
  const size_t count = json_array_size(array);
  struct lh_lake_partition_key *const keys = LH_ARENA_ARRAY(arena, struct lh_lake_partition_key, count);
  if (keys == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    const json_t *const key = json_array_get(array, i);
    LH_TRY(lh_json_get_string(key, "key", what, arena, &keys[i].name, err));
    LH_TRY(lh_json_get_string(key, "transform", what, arena, &keys[i].transform, err));
    LH_TRY(lh_json_get_string(key, "column", what, arena, &keys[i].column, err));
    LH_TRY(lh_json_get_string(key, "type", what, arena, &keys[i].type, err));
  }
  out->partition_keys = keys;
  out->partition_key_count = count;
  return LH_OK;
}

static lh_status decode_values(const json_t *array, size_t key_count, struct lh_arena *arena,
                               struct lh_lake_partition *out, struct lh_error *err) {
  const char **const values = LH_ARENA_ARRAY(arena, const char *, key_count);
  if (values == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < key_count; i++) {
    const char *const value = json_string_value(json_array_get(array, i));
    values[i] = value != NULL ? lh_arena_strdup(arena, value) : NULL;
    if (value != NULL && values[i] == NULL) {
      return lh_error_memory(err);
    }
  }
  out->values = values;
  return LH_OK;
}

static lh_status decode_list(const json_t *object, const char *what, struct lh_arena *arena,
                             struct lh_lake_version *out, struct lh_error *err) {
  json_t *array = NULL;
  LH_TRY(lh_json_get_array(object, "list", what, &array, err));
  const size_t count = json_array_size(array);
  struct lh_lake_partition *const list = LH_ARENA_ARRAY(arena, struct lh_lake_partition, count);
  if (list == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    const json_t *const item = json_array_get(array, i);
    uint64_t files = 0;
    LH_TRY(lh_json_get_string(item, "path", what, arena, &list[i].path, err));
    LH_TRY(lh_json_get_uint(item, "rows", what, &list[i].rows, err));
    LH_TRY(lh_json_get_uint(item, "bytes", what, &list[i].bytes, err));
    LH_TRY(lh_json_get_uint(item, "files", what, &files, err));
    LH_TRY(decode_values(json_object_get(item, "values"), out->partition_key_count, arena, &list[i], err));
    list[i].file_count = (size_t)files;
    list[i].version = out->version;
  }
  out->partitions = list;
  out->partition_count = count;
  return LH_OK;
}

lh_status lh_result_partitions_decode(const json_t *object, const char *what, struct lh_arena *arena,
                                      struct lh_lake_version *out, struct lh_error *err) {
  if (!json_is_object(object)) {
    return LH_OK;
  }
  LH_TRY(decode_keys(object, what, arena, out, err));
  LH_TRY(decode_list(object, what, arena, out, err));
  out->is_partial = json_is_true(json_object_get(object, "partial"));
  LH_TRY(lh_json_get_string(object, "watermark_column", what, arena, &out->watermark_column, err));
  LH_TRY(lh_json_get_string(object, "watermark", what, arena, &out->watermark, err));
  return lh_names_decode(json_object_get(object, "replaces"), what, arena, &out->replaces,
                         &out->replaces_count, err);
}
