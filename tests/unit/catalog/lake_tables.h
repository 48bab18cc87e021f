/*
 * Publishing made-up versions, for the catalog's tests. Include after cmocka.h.
 */
#ifndef LH_TESTS_LAKE_TABLES_H
#define LH_TESTS_LAKE_TABLES_H

#include <string.h>

#include "../store/temporary_lake.h"
#include "base/json.h"
#include "catalog/local.h"

/* Writes `file_count` files of a new version, its name in each, and describes it. */
static inline struct lh_lake_version make_version(struct temporary_lake *lake, const char *table,
                                                  size_t file_count) {
  static const struct lh_lake_column columns[] = {
      {.name = "id", .type = "int64", .source_type = "bigint", .comment = "", .nullable = false},
      {.name = "näme",
       .type = "string",
       .source_type = "",
       .comment = "what it is \"called\"",
       .nullable = true},
  };
  static const char *const primary_key[] = {"näme", "id"};
  const char *const name = lh_catalog_new_version(&lake->arena);
  struct lh_lake_file *const files = LH_ARENA_ARRAY(&lake->arena, struct lh_lake_file, file_count);
  for (size_t i = 0; i < file_count; i++) {
    files[i].key = lh_arena_printf(&lake->arena, "%s/%s/part-%05zu.parquet", table, name, i);
    files[i].rows = i + 1;
    files[i].bytes = strlen(name);
    lake_put(lake, files[i].key, name);
  }
  return (struct lh_lake_version){
      .table = table,
      .version = name,
      .published_at = "2026-01-31T12:00:00.123456Z",
      .source = "table public.orders",
      .snapshot_time = "2026-01-31T11:59:00Z",
      .snapshot_lsn = "0/16B3748",
      .files = files,
      .file_count = file_count,
      .columns = columns,
      .column_count = 2,
      .comment = "all orders",
      .primary_key = primary_key,
      .primary_key_count = 2,
      .rows = file_count * (file_count + 1) / 2,
      .bytes = file_count * strlen(name),
  };
}

static inline const char *publish_version(struct temporary_lake *lake, const char *table) {
  struct lh_error err;
  const struct lh_lake_version version = make_version(lake, table, 2);
  assert_ok(lh_catalog_publish(lake->store, &version, &err));
  return version.version;
}

static inline const char *pointer_key_of(struct temporary_lake *lake, const char *table) {
  return lh_arena_printf(&lake->arena, "_lakehaul/tables/%s.json", table);
}

/* The pointer as JSON; release with json_decref. */
static inline json_t *load_pointer(struct temporary_lake *lake, const char *table) {
  struct lh_error err;
  json_t *root = NULL;
  const char *const text = lake_text(lake, pointer_key_of(lake, table));
  assert_ok(lh_json_parse(text, strlen(text), "pointer", &root, &err));
  return root;
}

static inline const char *key_of(struct temporary_lake *lake, const char *table, const char *version) {
  return lh_arena_printf(&lake->arena, "%s/%s", table, version);
}

#endif
