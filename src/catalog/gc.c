/* Garbage collection: versions that are no longer kept, and what runs that failed or were killed left behind.
 * Only what lakehaul itself names is touched: version directories and unfinished files. */
#include <string.h>

#include "base/map.h"
#include "catalog/local.h"
#include "catalog/pointer.h"

struct collection {
  struct lh_store *store;
  size_t keep;
  bool dry_run;
  struct lh_catalog_gc_result *result;
  struct lh_arena arena; /* of one table */
};

static lh_status remove_version(struct collection *gc, const char *table, const char *name,
                                struct lh_error *err) {
  const char *const prefix = lh_arena_printf(&gc->arena, "%s/%s", table, name);
  if (prefix == NULL) {
    return lh_error_memory(err);
  }
  if (gc->dry_run) {
    return lh_store_measure_prefix(gc->store, prefix, &gc->result->files, &gc->result->bytes, err);
  }
  return lh_store_delete_prefix(gc->store, prefix, &gc->result->files, &gc->result->bytes, err);
}

static lh_status sweep(struct collection *gc, const char *prefix, struct lh_error *err) {
  return lh_store_sweep_unfinished(gc->store, prefix, gc->dry_run, &gc->result->files, &gc->result->bytes,
                                   err);
}

static lh_status sweep_version(struct collection *gc, const char *table, const char *name,
                               struct lh_error *err) {
  const char *const prefix = lh_arena_printf(&gc->arena, "%s/%s", table, name);
  return prefix != NULL ? sweep(gc, prefix, err) : lh_error_memory(err);
}

/* The version directory a file's key lies in, where it has one: "<table>/<version>/…". */
static lh_status keep_directory_of(struct collection *gc, struct lh_map *kept, const char *key,
                                   struct lh_error *err) {
  const char *const slash = strchr(key, '/');
  const char *const rest = slash != NULL ? slash + 1 : key;
  const char *const name = lh_arena_strndup(&gc->arena, rest, strcspn(rest, "/"));
  if (name == NULL) {
    return lh_error_memory(err);
  }
  if (lh_map_get(kept, name) != NULL) {
    return LH_OK;
  }
  return lh_map_put(kept, name, gc, err);
}

static lh_status find_kept(struct collection *gc, const struct lh_pointer *pointer, size_t previous_kept,
                           struct lh_map *kept, struct lh_error *err) {
  lh_map_init(kept, &gc->arena);
  LH_TRY(lh_map_put(kept, pointer->current.version, gc, err));
  for (size_t i = 0; i < pointer->current.file_count; i++) {
    LH_TRY(keep_directory_of(gc, kept, pointer->current.files[i].key, err));
  }
  for (size_t i = 0; i < previous_kept; i++) {
    LH_TRY(lh_map_put(kept, pointer->previous[i].version, gc, err));
  }
  return LH_OK;
}

/* Version directories of `table` that are not in `kept` (NULL: none is); those in `pruned` count as versions,
 * the others as leftovers. */
static lh_status remove_directories(struct collection *gc, const char *table, const struct lh_map *kept,
                                    const struct lh_map *pruned, struct lh_error *err) {
  struct lh_store_entry *entries = NULL;
  size_t count = 0;
  LH_TRY(lh_store_list(gc->store, table, &gc->arena, &entries, &count, err));
  for (size_t i = 0; i < count; i++) {
    const char *const name = entries[i].name;
    if (!entries[i].is_prefix || !lh_catalog_is_version(name)) {
      continue;
    }
    if (kept != NULL && lh_map_get(kept, name) != NULL) {
      LH_TRY(sweep_version(gc, table, name, err));
      continue;
    }
    LH_TRY(remove_version(gc, table, name, err));
    if (pruned == NULL || lh_map_get(pruned, name) == NULL) {
      gc->result->leftovers++;
    }
  }
  return LH_OK;
}

static lh_status collect_published(struct collection *gc, const char *table, struct lh_error *err) {
  struct lh_pointer *pointer = NULL;
  struct lh_map kept;
  struct lh_map pruned;
  LH_TRY(lh_pointer_read(gc->store, table, &gc->arena, &pointer, err));
  if (pointer == NULL) {
    return LH_OK;
  }
  const size_t known = pointer->previous_count;
  const size_t previous_kept = known < gc->keep - 1 ? known : gc->keep - 1;
  LH_TRY(find_kept(gc, pointer, previous_kept, &kept, err));
  lh_map_init(&pruned, &gc->arena);
  for (size_t i = previous_kept; i < known; i++) {
    LH_TRY(lh_map_put(&pruned, pointer->previous[i].version, gc, err));
  }
  if (previous_kept < known && !gc->dry_run) {
    pointer->previous_count = previous_kept;
    LH_TRY(lh_pointer_write(gc->store, pointer, &gc->arena, err));
  }
  gc->result->versions += known - previous_kept;
  return remove_directories(gc, table, &kept, &pruned, err);
}

static lh_status collect_locked(struct collection *gc, const char *table, struct lh_error *err) {
  struct lh_store_lock *lock = NULL;
  if (!gc->dry_run) {
    LH_TRY(lh_pointer_lock(gc->store, table, &gc->arena, &lock, err));
  }
  const lh_status status = collect_published(gc, table, err);
  lh_store_unlock(lock);
  return status;
}

/* Tables that were never published: those whose first run failed. */
static lh_status collect_unpublished(struct collection *gc, const struct lh_map *published,
                                     struct lh_arena *arena, struct lh_error *err) {
  struct lh_store_entry *entries = NULL;
  size_t count = 0;
  LH_TRY(lh_store_list(gc->store, "", arena, &entries, &count, err));
  for (size_t i = 0; i < count; i++) {
    const char *const name = entries[i].name;
    if (!entries[i].is_prefix || !lh_catalog_table_valid(name) || lh_map_get(published, name) != NULL) {
      continue;
    }
    lh_arena_reset(&gc->arena);
    LH_TRY(remove_directories(gc, name, NULL, NULL, err));
  }
  return LH_OK;
}

static lh_status collect_all(struct collection *gc, struct lh_arena *arena, struct lh_error *err) {
  const char *const *tables = NULL;
  size_t count = 0;
  struct lh_map published;
  lh_status first = LH_OK;
  lh_map_init(&published, arena);
  LH_TRY(lh_catalog_list(gc->store, arena, &tables, &count, err));
  for (size_t i = 0; i < count; i++) {
    struct lh_error table_error;
    LH_TRY(lh_map_put(&published, tables[i], gc, err));
    lh_arena_reset(&gc->arena);
    const lh_status status = collect_locked(gc, tables[i], &table_error);
    if (status != LH_OK && first == LH_OK) {
      first = status;
      *err = table_error;
    }
  }
  LH_TRY(first);
  LH_TRY(collect_unpublished(gc, &published, arena, err));
  return sweep(gc, LH_CATALOG_OWN_PREFIX, err);
}

lh_status lh_catalog_gc(struct lh_store *store, int keep, bool dry_run, struct lh_catalog_gc_result *out,
                        struct lh_error *err) {
  struct lh_arena arena;
  *out = (struct lh_catalog_gc_result){0};
  struct collection gc = {
      .store = store, .keep = keep > 1 ? (size_t)keep : 1, .dry_run = dry_run, .result = out};
  lh_arena_init(&arena, 0);
  lh_arena_init(&gc.arena, 0);
  const lh_status status = collect_all(&gc, &arena, err);
  lh_arena_clear(&gc.arena);
  lh_arena_clear(&arena);
  return status;
}
