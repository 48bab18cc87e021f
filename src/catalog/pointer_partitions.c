/* Partitions in a pointer: JSON to struct and back. */
#include <string.h>

#include "catalog/pointer_json.h"

/* -------- reading -------- */

static lh_status fail_partition(const char *what, const char *path, const char *problem,
                                struct lh_error *err) {
  return lh_error_set(err, LH_ERROR_CORRUPT, "%s: partition \"%.200s\" %s", what, path, problem);
}

static lh_status read_keys(const json_t *root, const char *what, struct lh_arena *arena,
                           struct lh_lake_version *version, struct lh_error *err) {
  json_t *list = NULL;
  LH_TRY(lh_json_get_array(root, "partition_by", what, &list, err));
  const size_t count = json_array_size(list);
  struct lh_lake_partition_key *const keys = LH_ARENA_ARRAY(arena, struct lh_lake_partition_key, count);
  if (keys == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    const json_t *const item = json_array_get(list, i);
    LH_TRY(lh_json_get_string(item, "key", what, arena, &keys[i].name, err));
    LH_TRY(lh_json_get_string(item, "transform", what, arena, &keys[i].transform, err));
    LH_TRY(lh_json_get_string(item, "column", what, arena, &keys[i].column, err));
    LH_TRY(lh_json_get_string(item, "type", what, arena, &keys[i].type, err));
  }
  version->partition_keys = keys;
  version->partition_key_count = count;
  return LH_OK;
}

static lh_status read_values(const json_t *item, const char *what, size_t key_count, struct lh_arena *arena,
                             struct lh_lake_partition *partition, struct lh_error *err) {
  json_t *list = NULL;
  LH_TRY(lh_json_get_array(item, "values", what, &list, err));
  const char **const values = LH_ARENA_ARRAY(arena, const char *, key_count);
  if (values == NULL) {
    return lh_error_memory(err);
  }
  if (json_array_size(list) != key_count) {
    return fail_partition(what, partition->path, "has not one value for each key", err);
  }
  for (size_t i = 0; i < key_count; i++) {
    const json_t *const value = json_array_get(list, i);
    if (json_is_null(value)) {
      continue;
    }
    if (!json_is_string(value)) {
      return fail_partition(what, partition->path, "has a value that is no text", err);
    }
    values[i] = lh_arena_strdup(arena, json_string_value(value));
    if (values[i] == NULL) {
      return lh_error_memory(err);
    }
  }
  partition->values = values;
  return LH_OK;
}

/* Whether a key is of a part of `version` in `directory`, in one layout or the other. */
static bool is_part_in(const char *key, const char *directory, const char *version) {
  const size_t length = strlen(directory);
  char of[LH_CATALOG_VERSION_SIZE];
  if (lh_catalog_part_directory(key, version) != length || strncmp(key, directory, length) != 0) {
    return false;
  }
  const char *const name = key + length + 1;
  return strchr(name, '/') != NULL || (lh_catalog_flat_version(name, of) && strcmp(of, version) == 0);
}

/* Its files come next among those of the version, all of them in its directory. */
static lh_status check_files(const struct lh_lake_version *version, const char *what,
                             const struct lh_lake_partition *partition, size_t first_file,
                             struct lh_arena *arena, struct lh_error *err) {
  const char *const directory = lh_arena_printf(arena, "%s/%s", version->table, partition->path);
  if (directory == NULL) {
    return lh_error_memory(err);
  }
  if (partition->file_count > version->file_count - first_file) {
    return fail_partition(what, partition->path, "has more files than there are", err);
  }
  for (size_t i = 0; i < partition->file_count; i++) {
    if (!is_part_in(version->files[first_file + i].key, directory, partition->version)) {
      return fail_partition(what, partition->path, "has a file that is not in its directory", err);
    }
  }
  return LH_OK;
}

static lh_status read_list(const json_t *root, const char *what, struct lh_arena *arena,
                           struct lh_lake_version *version, struct lh_error *err) {
  json_t *list = NULL;
  size_t first_file = 0;
  LH_TRY(lh_json_get_array(root, "partitions", what, &list, err));
  const size_t count = json_array_size(list);
  struct lh_lake_partition *const partitions = LH_ARENA_ARRAY(arena, struct lh_lake_partition, count);
  if (partitions == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    const json_t *const item = json_array_get(list, i);
    struct lh_lake_partition *const to = &partitions[i];
    uint64_t files = 0;
    LH_TRY(lh_json_get_string(item, "path", what, arena, &to->path, err));
    LH_TRY(lh_json_get_string(item, "version", what, arena, &to->version, err));
    LH_TRY(lh_json_get_uint(item, "rows", what, &to->rows, err));
    LH_TRY(lh_json_get_uint(item, "bytes", what, &to->bytes, err));
    LH_TRY(lh_json_get_uint(item, "files", what, &files, err));
    LH_TRY(read_values(item, what, version->partition_key_count, arena, to, err));
    to->file_count = (size_t)files;
    if (!lh_catalog_is_version(to->version)) {
      return fail_partition(what, to->path, "is of no version", err);
    }
    LH_TRY(check_files(version, what, to, first_file, arena, err));
    first_file += to->file_count;
  }
  if (first_file != version->file_count) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "%s: \"partitions\" do not hold all files", what);
  }
  version->partitions = partitions;
  version->partition_count = count;
  return LH_OK;
}

static lh_status read_paths(const json_t *item, const char *what, struct lh_arena *arena,
                            struct lh_pointer_retired *out, struct lh_error *err) {
  json_t *list = NULL;
  if (json_object_get(item, "partitions") == NULL) {
    return LH_OK;
  }
  LH_TRY(lh_json_get_array(item, "partitions", what, &list, err));
  const size_t count = json_array_size(list);
  const char **const paths = LH_ARENA_ARRAY(arena, const char *, count);
  if (paths == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    const char *const path = json_string_value(json_array_get(list, i));
    if (path == NULL) {
      return lh_error_set(err, LH_ERROR_CORRUPT, "%s: \"retired\" names partitions that are no texts", what);
    }
    paths[i] = lh_arena_strdup(arena, path);
    if (paths[i] == NULL) {
      return lh_error_memory(err);
    }
  }
  out->paths = paths;
  out->path_count = count;
  return LH_OK;
}

static lh_status read_retired(const json_t *root, const char *what, struct lh_arena *arena,
                              struct lh_pointer *pointer, struct lh_error *err) {
  json_t *list = NULL;
  if (json_object_get(root, "retired") == NULL) {
    return LH_OK;
  }
  LH_TRY(lh_json_get_array(root, "retired", what, &list, err));
  const size_t count = json_array_size(list);
  pointer->retired = LH_ARENA_ARRAY(arena, struct lh_pointer_retired, count);
  if (pointer->retired == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    const json_t *const item = json_array_get(list, i);
    LH_TRY(lh_json_get_string(item, "version", what, arena, &pointer->retired[i].version, err));
    LH_TRY(lh_json_get_string(item, "until", what, arena, &pointer->retired[i].until, err));
    LH_TRY(read_paths(item, what, arena, &pointer->retired[i], err));
  }
  pointer->retired_count = count;
  return LH_OK;
}

lh_status lh_pointer_read_partitions(const json_t *root, const char *what, struct lh_arena *arena,
                                     struct lh_pointer *pointer, struct lh_error *err) {
  struct lh_lake_version *const version = &pointer->current;
  version->watermark_column = "";
  version->watermark = "";
  LH_TRY(read_retired(root, what, arena, pointer, err));
  if (json_object_get(root, "partition_by") == NULL) {
    return LH_OK;
  }
  LH_TRY(read_keys(root, what, arena, version, err));
  LH_TRY(read_list(root, what, arena, version, err));
  const json_t *const watermark = json_object_get(root, "watermark");
  if (watermark == NULL) {
    return LH_OK;
  }
  LH_TRY(lh_json_get_string(watermark, "column", what, arena, &version->watermark_column, err));
  return lh_json_get_string(watermark, "value", what, arena, &version->watermark, err);
}

/* -------- writing -------- */

static json_t *make_keys(const struct lh_lake_version *version) {
  json_t *const list = json_array();
  for (size_t i = 0; i < version->partition_key_count; i++) {
    const struct lh_lake_partition_key *const key = &version->partition_keys[i];
    json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "key", key->name, "transform",
                                          key->transform, "column", key->column, "type", key->type));
  }
  return list;
}

json_t *lh_partition_values_to_json(const struct lh_lake_partition *partition, size_t key_count) {
  json_t *const values = json_array();
  for (size_t i = 0; i < key_count; i++) {
    const char *const value = partition->values[i];
    json_array_append_new(values, value != NULL ? json_string(value) : json_null());
  }
  return values;
}

static json_t *make_list(const struct lh_lake_version *version) {
  json_t *const list = json_array();
  for (size_t i = 0; i < version->partition_count; i++) {
    const struct lh_lake_partition *const partition = &version->partitions[i];
    json_t *const item =
        json_pack("{s:s, s:s, s:o, s:I, s:I, s:I}", "path", partition->path, "version", partition->version,
                  "values", lh_partition_values_to_json(partition, version->partition_key_count), "rows",
                  (json_int_t)partition->rows, "bytes", (json_int_t)partition->bytes, "files",
                  (json_int_t)partition->file_count);
    if (json_array_append_new(list, item) != 0) {
      json_decref(list);
      return NULL;
    }
  }
  return list;
}

static json_t *make_retired(const struct lh_pointer *pointer) {
  json_t *const list = json_array();
  for (size_t i = 0; i < pointer->retired_count; i++) {
    const struct lh_pointer_retired *const retired = &pointer->retired[i];
    json_t *const item = json_pack("{s:s, s:s}", "version", retired->version, "until", retired->until);
    json_t *const paths = retired->paths != NULL ? json_array() : NULL;
    for (size_t j = 0; paths != NULL && j < retired->path_count; j++) {
      json_array_append_new(paths, json_string(retired->paths[j]));
    }
    if (paths != NULL) {
      json_object_set_new(item, "partitions", paths);
    }
    if (json_array_append_new(list, item) != 0) {
      json_decref(list);
      return NULL;
    }
  }
  return list;
}

static bool has_text(const char *text) {
  return text != NULL && text[0] != '\0';
}

bool lh_pointer_make_partitions(const struct lh_pointer *pointer, json_t *root) {
  const struct lh_lake_version *const version = &pointer->current;
  bool made = true;
  if (version->partition_key_count > 0) {
    made = json_object_set_new(root, "partition_by", make_keys(version)) == 0 &&
           json_object_set_new(root, "partitions", make_list(version)) == 0;
    if (made && has_text(version->watermark_column)) {
      made = json_object_set_new(root, "watermark",
                                 json_pack("{s:s, s:s}", "column", version->watermark_column, "value",
                                           has_text(version->watermark) ? version->watermark : "")) == 0;
    }
  }
  return pointer->retired_count > 0 && made ? json_object_set_new(root, "retired", make_retired(pointer)) == 0
                                            : made;
}
