/* Publication: a version's files are checked, the pointer that is there is merged with it and replaced in one
 * step, and what was there can be put back. */
#include <string.h>

#include "base/clock.h"
#include "catalog/local.h"
#include "catalog/merge.h"
#include "catalog/pointer.h"

/* The most that others may publish the same table between a read of its pointer and the write. */
#define PUBLISH_MAX_ATTEMPTS 50

static lh_status check_file(struct lh_store *store, const struct lh_lake_version *version,
                            const struct lh_lake_file *file, struct lh_error *err) {
  struct lh_source *source = NULL;
  if (!lh_pointer_owns_key(version->table, file->key)) {
    return lh_error_set(err, LH_ERROR_CATALOG, "cannot publish %s: its file \"%.200s\" is not below %s/",
                        version->table, file->key, version->table);
  }
  const lh_status status = lh_store_open_object(store, file->key, &source, err);
  if (status != LH_OK) {
    return lh_error_prefix(err, "cannot publish %s", version->table);
  }
  const uint64_t size_bytes = source->size_bytes;
  lh_source_free(source);
  if (size_bytes != file->bytes) {
    lh_error_set(err, LH_ERROR_CATALOG, "cannot publish %s: its file %s has %llu bytes, %llu were written",
                 version->table, file->key, (unsigned long long)size_bytes, (unsigned long long)file->bytes);
    lh_error_hint(err, "something else writes into %s: run the task again when it does not",
                  lh_store_root(store));
    return LH_ERROR_CATALOG;
  }
  return LH_OK;
}

static lh_status check_version(struct lh_store *store, const struct lh_lake_version *version,
                               struct lh_error *err) {
  LH_TRY(lh_catalog_check_table(version->table, err));
  if (!lh_catalog_is_version(version->version)) {
    return lh_error_set(err, LH_ERROR_CATALOG, "cannot publish %s: \"%.64s\" is not the name of a version",
                        version->table, version->version);
  }
  for (size_t i = 0; i < version->file_count; i++) {
    LH_TRY(check_file(store, version, &version->files[i], err));
  }
  return LH_OK;
}

/* `out->previous`: what was current, then what came before it. */
static lh_status extend_history(const struct lh_pointer *before, struct lh_arena *arena,
                                struct lh_pointer *out, struct lh_error *err) {
  if (before == NULL) {
    return LH_OK;
  }
  const struct lh_lake_version *const current = &before->current;
  out->previous = LH_ARENA_ARRAY(arena, struct lh_pointer_previous, before->previous_count + 1);
  if (out->previous == NULL) {
    return lh_error_memory(err);
  }
  if (strcmp(current->version, out->current.version) != 0) {
    out->previous[out->previous_count++] = (struct lh_pointer_previous){
        .version = current->version,
        .published_at = current->published_at,
        .rows = current->rows,
        .bytes = current->bytes,
        .files = current->file_count,
    };
  }
  for (size_t i = 0; i < before->previous_count; i++) {
    if (strcmp(before->previous[i].version, out->current.version) != 0) {
      out->previous[out->previous_count++] = before->previous[i];
    }
  }
  return LH_OK;
}

/* Of two runs that overlap the later state stays, whichever ends last. Versions of SQL tasks have no
 * snapshot.
 */
static lh_status check_snapshot(const struct lh_pointer *before, const struct lh_lake_version *version,
                                struct lh_error *err) {
  const char *const theirs = before != NULL ? before->current.snapshot_time : NULL;
  const char *const ours = version->snapshot_time;
  if (theirs == NULL || ours == NULL || ours[0] == '\0' || strcmp(theirs, ours) <= 0) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_CATALOG,
               "a later run has published %s: the lake shows it as of %s, this run read it as of %s",
               version->table, theirs, ours);
  lh_error_hint(err, "nothing is lost: the table shows the later state");
  return LH_ERROR_CATALOG;
}

static lh_status make_next(const struct lh_pointer *before, const struct lh_lake_version *version,
                           struct lh_arena *arena, struct lh_pointer *next, struct lh_error *err) {
  char now[32];
  LH_TRY(check_snapshot(before, version, err));
  LH_TRY(lh_catalog_merge(before, version, arena, next, err));
  LH_TRY(extend_history(before, arena, next, err));
  if (next->current.published_at == NULL) {
    next->current.published_at = lh_arena_strdup(arena, lh_clock_utc_now(now));
    if (next->current.published_at == NULL) {
      return lh_error_memory(err);
    }
  }
  return LH_OK;
}

/* The pointer is replaced only where it is still the one that was merged with; else it is read anew. */
static lh_status replace_pointer(struct lh_store *store, const struct lh_lake_version *version,
                                 struct lh_arena *arena, struct lh_publication *out, struct lh_error *err) {
  for (int attempt = 0; attempt < PUBLISH_MAX_ATTEMPTS; attempt++) {
    struct lh_pointer *before = NULL;
    struct lh_pointer_state state;
    bool replaced = false;
    LH_TRY(lh_pointer_read_state(store, version->table, arena, &before, &state, err));
    if (attempt > 0 && before != NULL && strcmp(before->current.version, version->version) == 0) {
      /* The write before this read has arrived, only its response has not. */
      out->current = &before->current;
      out->after = state.tag;
      return LH_OK;
    }
    struct lh_pointer *const next = LH_ARENA_NEW(arena, struct lh_pointer);
    if (next == NULL) {
      return lh_error_memory(err);
    }
    LH_TRY(make_next(before, version, arena, next, err));
    out->before = state.bytes;
    out->before_size = state.size;
    out->current = &next->current;
    LH_TRY(lh_pointer_write(store, next, arena, &state.tag, &out->after, &replaced, err));
    if (replaced) {
      return LH_OK;
    }
  }
  lh_error_set(err, LH_ERROR_CATALOG, "cannot publish %s: others replace its pointer again and again",
               version->table);
  lh_error_hint(err, "run again when fewer runs publish this table at once");
  return LH_ERROR_CATALOG;
}

lh_status lh_catalog_publish_merged(struct lh_store *store, const struct lh_lake_version *version,
                                    struct lh_arena *arena, struct lh_publication *out,
                                    struct lh_error *err) {
  struct lh_store_lock *lock = NULL;
  *out = (struct lh_publication){0};
  LH_TRY(check_version(store, version, err));
  lh_status status = lh_pointer_lock(store, version->table, arena, &lock, err);
  if (status == LH_OK) {
    status = replace_pointer(store, version, arena, out, err);
  }
  lh_store_unlock(lock);
  return status;
}

static lh_status put_back(struct lh_store *store, const struct lh_publication *publication, const char *table,
                          struct lh_arena *arena, struct lh_error *err) {
  struct lh_store_tag after;
  bool replaced = false;
  const char *const key = lh_pointer_key(table, arena);
  if (key == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(lh_store_replace(store, key, publication->before, publication->before_size, &publication->after,
                          &after, &replaced, err));
  return replaced ? LH_OK
                  : lh_error_set(err, LH_ERROR_CATALOG,
                                 "cannot take back what was published of %s: it was published anew meanwhile",
                                 table);
}

lh_status lh_catalog_withdraw(struct lh_store *store, const struct lh_publication *publication,
                              struct lh_error *err) {
  struct lh_arena arena;
  struct lh_store_lock *lock = NULL;
  const char *const table = publication->current->table;
  lh_arena_init(&arena, 0);
  lh_status status = lh_pointer_lock(store, table, &arena, &lock, err);
  if (status == LH_OK) {
    status = put_back(store, publication, table, &arena, err);
  }
  lh_store_unlock(lock);
  lh_arena_clear(&arena);
  return status;
}

lh_status lh_catalog_publish(struct lh_store *store, const struct lh_lake_version *version,
                             struct lh_error *err) {
  struct lh_arena arena;
  struct lh_publication publication;
  lh_arena_init(&arena, 0);
  const lh_status status = lh_catalog_publish_merged(store, version, &arena, &publication, err);
  lh_arena_clear(&arena);
  return status;
}
