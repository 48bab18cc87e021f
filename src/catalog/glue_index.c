/* The partition index: partitions found by their values without reading all of a table's. */
#include <string.h>

#include "catalog/glue_impl.h"

static bool covers(const json_t *index, const json_t *keys) {
  const json_t *const indexed = json_object_get(index, "Keys");
  if (json_array_size(indexed) != json_array_size(keys)) {
    return false;
  }
  for (size_t i = 0; i < json_array_size(keys); i++) {
    if (strcmp(lh_glue_text(json_array_get(indexed, i), "Name"),
               json_string_value(json_array_get(keys, i))) != 0) {
      return false;
    }
  }
  return true;
}

static lh_status find_index(struct lh_glue *glue, const char *table, const json_t *keys, bool *found,
                            struct lh_error *err) {
  json_t *answer = NULL;
  LH_TRY(lh_glue_call(glue, "GetPartitionIndexes", table,
                      json_pack("{s:s, s:s}", "DatabaseName", glue->database, "TableName", table), &answer,
                      err));
  size_t i = 0;
  const json_t *index = NULL;
  *found = false;
  json_array_foreach(json_object_get(answer, "PartitionIndexDescriptorList"), i, index) {
    *found = *found || covers(index, keys);
  }
  json_decref(answer);
  return LH_OK;
}

static lh_status make_index(struct lh_glue *glue, const char *table, json_t *keys, struct lh_error *err) {
  json_t *const index = json_pack("{s:O, s:s}", "Keys", keys, "IndexName", "lakehaul");
  const lh_status status = lh_glue_call(glue, "CreatePartitionIndex", table,
                                        json_pack("{s:s, s:s, s:o}", "DatabaseName", glue->database,
                                                  "TableName", table, "PartitionIndex", index),
                                        NULL, err);
  if (status == LH_OK || lh_glue_failed_with(err, "AlreadyExistsException")) {
    return LH_OK;
  }
  if (lh_glue_failed_with(err, "ResourceNumberLimitExceededException")) {
    lh_error_hint(err, "a table has three indexes at most: delete one of them in Glue");
  }
  return status;
}

lh_status lh_glue_ensure_index(struct lh_glue *glue, const struct lh_glue_request *request,
                               const struct lh_lake_version *version, struct lh_error *err) {
  struct lh_arena arena;
  bool found = false;
  if (!request->has_index || !lh_glue_has_partitions(request, version)) {
    return LH_OK;
  }
  lh_arena_init(&arena, 0);
  json_t *const keys = json_array();
  for (size_t i = 0; i < version->partition_key_count; i++) {
    const char *const name = lh_glue_name(version->partition_keys[i].name, &arena);
    json_array_append_new(keys, name != NULL ? json_string(name) : NULL);
  }
  lh_status status = find_index(glue, request->table, keys, &found, err);
  if (status == LH_OK && !found) {
    status = make_index(glue, request->table, keys, err);
  }
  json_decref(keys);
  lh_arena_clear(&arena);
  return status;
}
