/* The local catalog: what is current, what there is, and the one step that makes a new version current. */
#include "catalog/local.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "catalog/merge.h"
#include "catalog/pointer.h"

lh_status lh_catalog_get(struct lh_store *store, const char *table, struct lh_arena *arena,
                         struct lh_lake_version **out, struct lh_error *err) {
  struct lh_pointer *pointer = NULL;
  *out = NULL;
  LH_TRY(lh_pointer_read(store, table, arena, &pointer, err));
  *out = pointer != NULL ? &pointer->current : NULL;
  return LH_OK;
}

static int compare_names(const void *left, const void *right) {
  return strcmp(*(const char *const *)left, *(const char *const *)right);
}

lh_status lh_catalog_list(struct lh_store *store, struct lh_arena *arena, const char *const **names,
                          size_t *count, struct lh_error *err) {
  struct lh_store_entry *entries = NULL;
  size_t entry_count = 0;
  LH_TRY(lh_store_list(store, LH_CATALOG_TABLES, arena, &entries, &entry_count, err));
  const char **const found = LH_ARENA_ARRAY(arena, const char *, entry_count);
  size_t found_count = 0;
  if (found == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < entry_count; i++) {
    const size_t length = strlen(entries[i].name);
    if (entries[i].is_prefix || length <= 5 || strcmp(entries[i].name + length - 5, ".json") != 0) {
      continue;
    }
    const char *const name = lh_arena_strndup(arena, entries[i].name, length - 5);
    if (name == NULL) {
      return lh_error_memory(err);
    }
    if (lh_catalog_table_valid(name)) {
      found[found_count++] = name;
    }
  }
  /* By file name "a-b.json" comes before "a.json". */
  qsort(found, found_count, sizeof(*found), compare_names);
  *names = found;
  *count = found_count;
  return LH_OK;
}

const char *lh_catalog_new_version(struct lh_arena *arena) {
  struct timespec now;
  struct tm utc;
  uint32_t random_bits = 0;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &utc);
  if (getrandom(&random_bits, sizeof(random_bits), 0) != (ssize_t)sizeof(random_bits)) {
    /* Only a kernel without the call comes here: the process and the clock tell versions apart. */
    random_bits = (uint32_t)getpid() * UINT32_C(2654435761) ^ (uint32_t)lh_clock_ns();
  }
  char seconds[32];
  strftime(seconds, sizeof(seconds), "%Y%m%dT%H%M%S", &utc);
  return lh_arena_printf(arena, "%s.%06ldZ-%08x", seconds, now.tv_nsec / 1000, (unsigned)random_bits);
}

bool lh_catalog_is_version(const char *name) {
  static const char form[] = "ddddddddTdddddd.ddddddZ-xxxxxxxx";
  if (strlen(name) != sizeof(form) - 1) {
    return false;
  }
  for (size_t i = 0; i < sizeof(form) - 1; i++) {
    const char c = name[i];
    const bool digit = c >= '0' && c <= '9';
    const bool hex = digit || (c >= 'a' && c <= 'f');
    const bool fits = form[i] == 'd' ? digit : form[i] == 'x' ? hex : c == form[i];
    if (!fits) {
      return false;
    }
  }
  return true;
}

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

static lh_status replace_pointer(struct lh_store *store, const struct lh_lake_version *version,
                                 struct lh_arena *arena, struct lh_lake_version **out, struct lh_error *err) {
  struct lh_pointer *before = NULL;
  struct lh_pointer *const next = LH_ARENA_NEW(arena, struct lh_pointer);
  char now[32];
  if (next == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(lh_pointer_read(store, version->table, arena, &before, err));
  LH_TRY(lh_catalog_merge(before, version, arena, next, err));
  LH_TRY(extend_history(before, arena, next, err));
  if (next->current.published_at == NULL) {
    next->current.published_at = lh_arena_strdup(arena, lh_clock_utc_now(now));
    if (next->current.published_at == NULL) {
      return lh_error_memory(err);
    }
  }
  *out = &next->current;
  return lh_pointer_write(store, next, arena, err);
}

lh_status lh_catalog_publish_merged(struct lh_store *store, const struct lh_lake_version *version,
                                    struct lh_arena *arena, struct lh_lake_version **out,
                                    struct lh_error *err) {
  struct lh_store_lock *lock = NULL;
  *out = NULL;
  LH_TRY(check_version(store, version, err));
  lh_status status = lh_pointer_lock(store, version->table, arena, &lock, err);
  if (status == LH_OK) {
    status = replace_pointer(store, version, arena, out, err);
  }
  lh_store_unlock(lock);
  return status;
}

lh_status lh_catalog_publish(struct lh_store *store, const struct lh_lake_version *version,
                             struct lh_error *err) {
  struct lh_arena arena;
  struct lh_lake_version *current = NULL;
  lh_arena_init(&arena, 0);
  const lh_status status = lh_catalog_publish_merged(store, version, &arena, &current, err);
  lh_arena_clear(&arena);
  return status;
}
