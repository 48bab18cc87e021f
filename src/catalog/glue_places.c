/* What Glue points to: the directories that gc must leave, whatever the pointer says. */
#include <string.h>

#include "catalog/glue_impl.h"

struct places {
  struct lh_arena *arena;
  const char *root; /* "s3://lake/orders/" */
  const char **list;
  size_t count, capacity;
};

static lh_status append_place(struct places *places, const char *place, size_t size, struct lh_error *err) {
  const char **const list =
      lh_arena_grow(places->arena, places->list, places->count, &places->capacity, sizeof(*list));
  if (list == NULL) {
    return lh_error_memory(err);
  }
  places->list = list;
  places->list[places->count] = lh_arena_strndup(places->arena, place, size);
  return places->list[places->count++] != NULL ? LH_OK : lh_error_memory(err);
}

/* Without the slash at its end; none for what is not in this lake, and for the table's directory itself. */
static lh_status add_place(struct places *places, const char *location, struct lh_error *err) {
  const size_t length = strlen(places->root);
  if (strncmp(location, places->root, length) != 0 || location[length] == '\0') {
    return LH_OK;
  }
  const char *const below = location + length;
  const size_t size = strlen(below);
  return append_place(places, below, below[size - 1] == '/' ? size - 1 : size, err);
}

/* Projected partitions are all of the version that the template ends in. */
static lh_status add_template_place(struct places *places, const char *location, struct lh_error *err) {
  const size_t length = strlen(location);
  if (length < 2 || strncmp(location, places->root, strlen(places->root)) != 0) {
    return LH_OK;
  }
  size_t start = length - 1;
  while (start > 0 && location[start - 1] != '/') {
    start--;
  }
  return append_place(places, location + start, length - 1 - start, err);
}

static lh_status add_partition_place(void *context, json_t *partition, struct lh_error *err) {
  return add_place(context, lh_glue_text(json_object_get(partition, "StorageDescriptor"), "Location"), err);
}

static lh_status collect_places(struct lh_glue *glue, const char *table, const json_t *found,
                                struct places *places, struct lh_error *err) {
  const json_t *const parameters = json_object_get(found, "Parameters");
  LH_TRY(add_place(places, lh_glue_text(json_object_get(found, "StorageDescriptor"), "Location"), err));
  LH_TRY(add_template_place(places, lh_glue_text(parameters, "storage.location.template"), err));
  if (json_array_size(json_object_get(found, "PartitionKeys")) == 0) {
    return LH_OK;
  }
  return lh_glue_each_partition(glue, table, add_partition_place, places, err);
}

static lh_status list_places(struct lh_glue *glue, struct lh_store *store, const char *table,
                             const json_t *found, struct places *places, struct lh_error *err) {
  const struct lh_glue_request request = {.store = store, .table = table};
  places->root = lh_glue_location(&request, "", places->arena);
  if (places->root == NULL) {
    return lh_error_memory(err);
  }
  return found != NULL ? collect_places(glue, table, found, places, err) : LH_OK;
}

lh_status lh_glue_list_places(struct lh_glue *glue, struct lh_store *store, const char *table,
                              struct lh_arena *arena, const char *const **out, size_t *count,
                              struct lh_error *err) {
  json_t *found = NULL;
  struct places places = {.arena = arena};
  LH_TRY(lh_glue_get_table(glue, table, &found, err));
  const lh_status status = list_places(glue, store, table, found, &places, err);
  json_decref(found);
  *out = places.list;
  *count = places.count;
  return status;
}

static bool is_of_version(const char *place, const char *version) {
  const size_t length = strlen(place);
  const size_t version_length = strlen(version);
  return length >= version_length && strcmp(place + length - version_length, version) == 0;
}

lh_status lh_glue_shows_version(struct lh_glue *glue, struct lh_store *store,
                                const struct lh_lake_version *version, bool *out, struct lh_error *err) {
  json_t *found = NULL;
  struct lh_arena arena;
  struct places places = {.arena = &arena};
  lh_arena_init(&arena, 0);
  LH_TRY(lh_glue_get_table(glue, version->table, &found, err));
  const lh_status status = list_places(glue, store, version->table, found, &places, err);
  *out = is_of_version(lh_glue_text(json_object_get(found, "Parameters"), LH_GLUE_VERSION), version->version);
  for (size_t i = 0; i < places.count; i++) {
    *out = *out || is_of_version(places.list[i], version->version);
  }
  json_decref(found);
  lh_arena_clear(&arena);
  return status;
}
