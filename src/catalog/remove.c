/* Removing what a version wrote that was not published: its own directory, and those in partitions; in the
 * flat layout its files. */
#include <string.h>

#include "catalog/local.h"

static lh_status remove_below(struct lh_store *store, const char *prefix, const char *version, size_t depth,
                              struct lh_arena *arena, struct lh_error *err) {
  struct lh_store_entry *entries = NULL;
  size_t count = 0;
  uint64_t files = 0;
  uint64_t bytes = 0;
  LH_TRY(lh_store_list(store, prefix, arena, &entries, &count, err));
  for (size_t i = 0; i < count; i++) {
    const char *const name = entries[i].name;
    char of[LH_CATALOG_VERSION_SIZE];
    const bool is_flat =
        !entries[i].is_prefix && lh_catalog_flat_version(name, of) && strcmp(of, version) == 0;
    const bool is_version = is_flat || (entries[i].is_prefix && strcmp(name, version) == 0);
    if (!is_version && (!entries[i].is_prefix || strchr(name, '=') == NULL)) {
      continue;
    }
    const char *const key = lh_arena_printf(arena, "%s/%s", prefix, name);
    if (key == NULL) {
      return lh_error_memory(err);
    }
    if (is_version) {
      LH_TRY(lh_store_delete_prefix(store, key, &files, &bytes, err));
    } else if (depth < LH_CATALOG_MAX_PARTITION_KEYS) {
      LH_TRY(remove_below(store, key, version, depth + 1, arena, err));
    }
  }
  return LH_OK;
}

static lh_status abort_uploads(struct lh_store *store, const char *table, const char *version,
                               struct lh_arena *arena, struct lh_error *err) {
  struct lh_store_upload *uploads = NULL;
  size_t count = 0;
  const char *const directory = lh_arena_printf(arena, "/%s/", version);
  const char *const part = lh_arena_printf(arena, "/part-%s-", version);
  if (directory == NULL || part == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(lh_store_list_uploads(store, table, arena, &uploads, &count, err));
  for (size_t i = 0; i < count; i++) {
    if (strstr(uploads[i].key, directory) != NULL || strstr(uploads[i].key, part) != NULL) {
      LH_TRY(lh_store_abort_upload(store, &uploads[i], err));
    }
  }
  return LH_OK;
}

lh_status lh_catalog_remove_version(struct lh_store *store, const char *table, const char *version,
                                    struct lh_error *err) {
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  struct lh_error upload_error;
  const lh_status aborted = abort_uploads(store, table, version, &arena, &upload_error);
  lh_status status = remove_below(store, table, version, 0, &arena, err);
  if (status == LH_OK && aborted != LH_OK) {
    *err = upload_error;
    status = aborted;
  }
  lh_arena_clear(&arena);
  return status;
}
