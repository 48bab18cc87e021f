/* Garbage collection: versions that are no longer kept, and what runs that failed or were killed left behind.
 * Only what lakehaul itself names is touched: version directories, flat parts and unfinished files. */
#include <string.h>

#include "base/map.h"
#include "catalog/local.h"
#include "catalog/pointer.h"

struct collection {
  struct lh_store *store;
  size_t keep;
  bool dry_run;
  const struct lh_catalog_gc_options *options;
  bool settling; /* others may be writing: what was never published stays */
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
  if (lh_store_has_uploads(gc->store)) {
    return LH_OK; /* remove_uploads has all at once */
  }
  return lh_store_sweep_unfinished(gc->store, prefix, gc->dry_run, &gc->result->files, &gc->result->bytes,
                                   err);
}

static lh_status sweep_version(struct collection *gc, const char *table, const char *name,
                               struct lh_error *err) {
  const char *const prefix = lh_arena_printf(&gc->arena, "%s/%s", table, name);
  return prefix != NULL ? sweep(gc, prefix, err) : lh_error_memory(err);
}

/* Which directories of a table stay. */
struct keeping {
  bool published;
  struct lh_map versions; /* that are kept, current first: to a struct kept_version */
  size_t version_count;
  struct lh_map pruned;    /* versions that were published and are kept no more */
  struct lh_map current;   /* "<path>/<version>" of the partitions that are current */
  struct lh_map retired;   /* "<path>/<version>" and, for all others, "<version>": to the retired entry */
  struct lh_map pinned;    /* places and names of versions that another catalog points to */
  struct lh_map files;     /* keys of the current version's, below the table */
  struct lh_map leftovers; /* names of versions that were never published, counted once */
};

struct kept_version {
  size_t age; /* 0: current */
};

static lh_status keep_version(struct collection *gc, struct keeping *keeping, const char *name,
                              struct lh_error *err) {
  struct kept_version *const kept = LH_ARENA_NEW(&gc->arena, struct kept_version);
  if (kept == NULL) {
    return lh_error_memory(err);
  }
  kept->age = keeping->version_count++;
  return lh_map_put(&keeping->versions, name, kept, err);
}

/* The version directory a file's key lies in, where it has one: "<table>/<version>/…". */
static lh_status keep_directory_of(struct collection *gc, struct lh_map *current, const char *key,
                                   struct lh_error *err) {
  const char *const slash = strchr(key, '/');
  const char *const rest = slash != NULL ? slash + 1 : key;
  const char *const name = lh_arena_strndup(&gc->arena, rest, strcspn(rest, "/"));
  if (name == NULL) {
    return lh_error_memory(err);
  }
  return lh_map_get(current, name) != NULL ? LH_OK : lh_map_put(current, name, gc, err);
}

static lh_status keep_partitions(struct collection *gc, const struct lh_lake_version *version,
                                 struct keeping *keeping, struct lh_error *err) {
  for (size_t i = 0; i < version->partition_count; i++) {
    const struct lh_lake_partition *const partition = &version->partitions[i];
    const char *const place = lh_arena_printf(&gc->arena, "%s/%s", partition->path, partition->version);
    if (place == NULL) {
      return lh_error_memory(err);
    }
    LH_TRY(lh_map_put(&keeping->current, place, gc, err));
  }
  return LH_OK;
}

static lh_status note_retired(struct collection *gc, const struct lh_pointer_retired *retired,
                              struct keeping *keeping, struct lh_error *err) {
  if (retired->paths == NULL) {
    return lh_map_put(&keeping->retired, retired->version, (void *)retired, err);
  }
  for (size_t i = 0; i < retired->path_count; i++) {
    const char *const place = lh_arena_printf(&gc->arena, "%s/%s", retired->paths[i], retired->version);
    if (place == NULL) {
      return lh_error_memory(err);
    }
    LH_TRY(lh_map_put(&keeping->retired, place, (void *)retired, err));
  }
  return LH_OK;
}

static void init_keeping(struct collection *gc, struct keeping *keeping) {
  *keeping = (struct keeping){0};
  lh_map_init(&keeping->versions, &gc->arena);
  lh_map_init(&keeping->pruned, &gc->arena);
  lh_map_init(&keeping->current, &gc->arena);
  lh_map_init(&keeping->retired, &gc->arena);
  lh_map_init(&keeping->pinned, &gc->arena);
  lh_map_init(&keeping->files, &gc->arena);
  lh_map_init(&keeping->leftovers, &gc->arena);
}

static lh_status find_pinned(struct collection *gc, const char *table, struct keeping *keeping,
                             struct lh_error *err) {
  const char *const *places = NULL;
  size_t count = 0;
  if (gc->options->pinned == NULL) {
    return LH_OK;
  }
  LH_TRY(gc->options->pinned(gc->options->context, table, &gc->arena, &places, &count, err));
  for (size_t i = 0; i < count; i++) {
    LH_TRY(lh_map_put(&keeping->pinned, places[i], gc, err));
  }
  return LH_OK;
}

static lh_status find_kept(struct collection *gc, const struct lh_pointer *pointer, size_t previous_kept,
                           struct keeping *keeping, struct lh_error *err) {
  init_keeping(gc, keeping);
  LH_TRY(find_pinned(gc, pointer->current.table, keeping, err));
  keeping->published = true;
  LH_TRY(keep_version(gc, keeping, pointer->current.version, err));
  for (size_t i = 0; i < pointer->current.file_count; i++) {
    const char *const key = pointer->current.files[i].key;
    LH_TRY(keep_directory_of(gc, &keeping->current, key, err));
    LH_TRY(lh_map_put(&keeping->files, key + strlen(pointer->current.table) + 1, gc, err));
  }
  LH_TRY(keep_partitions(gc, &pointer->current, keeping, err));
  for (size_t i = 0; i < pointer->previous_count; i++) {
    const char *const name = pointer->previous[i].version;
    LH_TRY(i < previous_kept ? keep_version(gc, keeping, name, err)
                             : lh_map_put(&keeping->pruned, name, gc, err));
  }
  for (size_t i = 0; i < pointer->retired_count; i++) {
    LH_TRY(note_retired(gc, &pointer->retired[i], keeping, err));
  }
  return LH_OK;
}

/* What was current until a version is of use to those before it, of which the oldest that is kept has the
 * greatest age. */
static bool is_needed(const struct keeping *keeping, const struct lh_pointer_retired *retired) {
  const struct kept_version *const until = lh_map_get(&keeping->versions, retired->until);
  return until != NULL && until->age + 1 < keeping->version_count;
}

/* `place` is the directory's key below the table, `name` its last part. */
static bool stays(const struct keeping *keeping, const char *place, const char *name, bool *was_published) {
  const bool in_partition = place != name;
  *was_published = true;
  if (lh_map_get(&keeping->current, place) != NULL) {
    return true;
  }
  if (!in_partition && lh_map_get(&keeping->versions, name) != NULL) {
    return true;
  }
  if (in_partition) {
    const struct lh_pointer_retired *retired = lh_map_get(&keeping->retired, place);
    retired = retired != NULL ? retired : lh_map_get(&keeping->retired, name);
    *was_published = retired != NULL || lh_map_get(&keeping->pruned, name) != NULL;
    return retired != NULL && is_needed(keeping, retired);
  }
  *was_published = lh_map_get(&keeping->pruned, name) != NULL;
  return false;
}

static lh_status remove_counted(struct collection *gc, const char *table, const char *place,
                                const char *version, bool was_published, struct keeping *keeping,
                                struct lh_error *err) {
  if (!was_published && lh_map_get(&keeping->leftovers, version) == NULL) {
    LH_TRY(lh_map_put(&keeping->leftovers, version, gc, err));
    gc->result->leftovers++;
  }
  return remove_version(gc, table, place, err);
}

static lh_status handle_version(struct collection *gc, const char *table, const char *place, const char *name,
                                struct keeping *keeping, struct lh_error *err) {
  bool was_published = false;
  if (lh_map_get(&keeping->pinned, place) != NULL || lh_map_get(&keeping->pinned, name) != NULL) {
    return LH_OK;
  }
  if (keeping->published && stays(keeping, place, name, &was_published)) {
    return sweep_version(gc, table, place, err);
  }
  return was_published || !gc->settling ? remove_counted(gc, table, place, name, was_published, keeping, err)
                                        : LH_OK;
}

/* A file of the flat layout. No earlier version keeps any: a reader of the catalog would see both. */
static lh_status handle_part(struct collection *gc, const char *table, const char *within, const char *name,
                             struct keeping *keeping, struct lh_error *err) {
  char of[LH_CATALOG_VERSION_SIZE];
  if (!lh_catalog_flat_version(name, of)) {
    return LH_OK;
  }
  const char *const slash = within[0] != '\0' ? "/" : "";
  const char *const version = lh_arena_strdup(&gc->arena, of);
  const char *const place = lh_arena_printf(&gc->arena, "%s%s%s", within, slash, name);
  const char *const retired = lh_arena_printf(&gc->arena, "%s%s%s", within, slash, of);
  if (version == NULL || place == NULL || retired == NULL) {
    return lh_error_memory(err);
  }
  if (keeping->published && lh_map_get(&keeping->files, place) != NULL) {
    return LH_OK;
  }
  const bool was_published =
      lh_map_get(&keeping->versions, version) != NULL || lh_map_get(&keeping->pruned, version) != NULL ||
      lh_map_get(&keeping->retired, version) != NULL || lh_map_get(&keeping->retired, retired) != NULL;
  return was_published || !gc->settling
             ? remove_counted(gc, table, place, version, was_published, keeping, err)
             : LH_OK;
}

/* Version directories and flat parts of `table` below `within` ("" or a partition's path); nested as deep as
 * keys can be. */
static lh_status handle_directories(struct collection *gc, const char *table, const char *within,
                                    size_t depth, struct keeping *keeping, struct lh_error *err) {
  struct lh_store_entry *entries = NULL;
  size_t count = 0;
  const char *const prefix = within[0] != '\0' ? lh_arena_printf(&gc->arena, "%s/%s", table, within) : table;
  if (prefix == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(lh_store_list(gc->store, prefix, &gc->arena, &entries, &count, err));
  for (size_t i = 0; i < count; i++) {
    const char *const name = entries[i].name;
    if (!entries[i].is_prefix) {
      LH_TRY(handle_part(gc, table, within, name, keeping, err));
      continue;
    }
    const char *const place = within[0] != '\0' ? lh_arena_printf(&gc->arena, "%s/%s", within, name) : name;
    if (place == NULL) {
      return lh_error_memory(err);
    }
    if (lh_catalog_is_version(name)) {
      LH_TRY(handle_version(gc, table, place, name, keeping, err));
    } else if (depth < LH_CATALOG_MAX_PARTITION_KEYS && strchr(name, '=') != NULL) {
      LH_TRY(handle_directories(gc, table, place, depth + 1, keeping, err));
    }
  }
  return LH_OK;
}

/* Forgets what is kept no more. */
static bool prune(struct lh_pointer *pointer, size_t previous_kept, const struct keeping *keeping) {
  size_t needed = 0;
  for (size_t i = 0; i < pointer->retired_count; i++) {
    if (is_needed(keeping, &pointer->retired[i])) {
      pointer->retired[needed++] = pointer->retired[i];
    }
  }
  const bool changed = needed < pointer->retired_count || previous_kept < pointer->previous_count;
  pointer->retired_count = needed;
  pointer->previous_count = previous_kept;
  return changed;
}

static lh_status write_pruned(struct collection *gc, const struct lh_pointer *pruned,
                              const struct lh_store_tag *before, struct lh_error *err) {
  struct lh_store_tag after;
  bool replaced = false;
  LH_TRY(lh_pointer_write(gc->store, pruned, &gc->arena, before, &after, &replaced, err));
  if (replaced) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_CATALOG, "table %s was published while its old versions were removed",
               pruned->current.table);
  lh_error_hint(err, "run gc again");
  return LH_ERROR_CATALOG;
}

static lh_status collect_published(struct collection *gc, const char *table, struct lh_error *err) {
  struct lh_pointer *pointer = NULL;
  struct lh_pointer_state state;
  struct keeping keeping;
  LH_TRY(lh_pointer_read_state(gc->store, table, &gc->arena, &pointer, &state, err));
  if (pointer == NULL) {
    return LH_OK;
  }
  const size_t known = pointer->previous_count;
  const size_t previous_kept = known < gc->keep - 1 ? known : gc->keep - 1;
  LH_TRY(find_kept(gc, pointer, previous_kept, &keeping, err));
  struct lh_pointer pruned = *pointer;
  pruned.retired = LH_ARENA_ARRAY(&gc->arena, struct lh_pointer_retired, pointer->retired_count);
  if (pruned.retired == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < pointer->retired_count; i++) {
    pruned.retired[i] = pointer->retired[i];
  }
  if (prune(&pruned, previous_kept, &keeping) && !gc->dry_run) {
    LH_TRY(write_pruned(gc, &pruned, &state.tag, err));
  }
  gc->result->versions += known - previous_kept;
  return handle_directories(gc, table, "", 0, &keeping, err);
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

/* Whether a key is one that lakehaul writes under: below a version's directory, or among its own files. */
static bool is_own_key(const char *key, struct lh_arena *arena) {
  if (strncmp(key, LH_CATALOG_OWN_PREFIX "/", strlen(LH_CATALOG_OWN_PREFIX) + 1) == 0) {
    return true;
  }
  for (const char *part = key; *part != '\0';) {
    const size_t length = strcspn(part, "/");
    const char *const name = lh_arena_strndup(arena, part, length);
    char flat[LH_CATALOG_VERSION_SIZE];
    if (name != NULL && part != key && (lh_catalog_is_version(name) || lh_catalog_flat_version(name, flat))) {
      return true;
    }
    part += length + (part[length] == '/' ? 1 : 0);
  }
  return false;
}

/* Nobody writes to the lake now: what is unfinished will not be finished. */
static lh_status remove_uploads(struct collection *gc, struct lh_arena *arena, struct lh_error *err) {
  struct lh_store_upload *uploads = NULL;
  size_t count = 0;
  LH_TRY(lh_store_list_uploads(gc->store, "", arena, &uploads, &count, err));
  for (size_t i = 0; i < count; i++) {
    if (!is_own_key(uploads[i].key, arena)) {
      continue;
    }
    if (!gc->dry_run) {
      LH_TRY(lh_store_abort_upload(gc->store, &uploads[i], err));
    }
    gc->result->uploads++;
  }
  return LH_OK;
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
    struct keeping nothing;
    lh_arena_reset(&gc->arena);
    init_keeping(gc, &nothing);
    LH_TRY(find_pinned(gc, name, &nothing, err));
    LH_TRY(handle_directories(gc, name, "", 0, &nothing, err));
  }
  return LH_OK;
}

static lh_status collect_all(struct collection *gc, struct lh_arena *arena, struct lh_error *err) {
  const char *const *tables = NULL;
  size_t count = 0;
  struct lh_map published;
  lh_status first = LH_OK;
  lh_map_init(&published, arena);
  LH_TRY(remove_uploads(gc, arena, err));
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

lh_status lh_catalog_gc(struct lh_store *store, const struct lh_catalog_gc_options *options,
                        struct lh_catalog_gc_result *out, struct lh_error *err) {
  struct lh_arena arena;
  *out = (struct lh_catalog_gc_result){0};
  struct collection gc = {.store = store,
                          .keep = options->keep > 1 ? (size_t)options->keep : 1,
                          .dry_run = options->dry_run,
                          .options = options,
                          .result = out};
  lh_arena_init(&arena, 0);
  lh_arena_init(&gc.arena, 0);
  const lh_status status = collect_all(&gc, &arena, err);
  lh_arena_clear(&gc.arena);
  lh_arena_clear(&arena);
  return status;
}

lh_status lh_catalog_settle(struct lh_store *store, const char *table, struct lh_error *err) {
  struct lh_catalog_gc_result ignored = {0};
  const struct lh_catalog_gc_options options = {.keep = 1};
  struct collection gc = {
      .store = store, .keep = 1, .settling = true, .options = &options, .result = &ignored};
  lh_arena_init(&gc.arena, 0);
  const lh_status status = collect_locked(&gc, table, err);
  lh_arena_clear(&gc.arena);
  return status;
}

/* -------- dropping -------- */

static lh_status forget_table(struct collection *gc, const char *table, struct lh_error *err) {
  struct lh_pointer *pointer = NULL;
  struct lh_pointer_state state;
  struct lh_store_tag after;
  bool replaced = true;
  const char *const key = lh_pointer_key(table, &gc->arena);
  if (key == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(lh_pointer_read_state(gc->store, table, &gc->arena, &pointer, &state, err));
  if (pointer != NULL && !gc->dry_run) {
    LH_TRY(lh_store_replace(gc->store, key, NULL, 0, &state.tag, &after, &replaced, err));
  }
  if (!replaced) {
    lh_error_set(err, LH_ERROR_CATALOG, "table %s was published while it was dropped", table);
    lh_error_hint(err, "drop it again");
    return LH_ERROR_CATALOG;
  }
  return LH_OK;
}

static lh_status drop_locked(struct collection *gc, const char *table, struct lh_error *err) {
  struct lh_store_lock *lock = NULL;
  struct keeping nothing;
  if (!gc->dry_run) {
    LH_TRY(lh_pointer_lock(gc->store, table, &gc->arena, &lock, err));
  }
  lh_status status = forget_table(gc, table, err);
  if (status == LH_OK) {
    init_keeping(gc, &nothing);
    status = handle_directories(gc, table, "", 0, &nothing, err);
  }
  lh_store_unlock(lock);
  return status;
}

lh_status lh_catalog_drop(struct lh_store *store, const char *table, bool dry_run,
                          struct lh_catalog_gc_result *out, struct lh_error *err) {
  *out = (struct lh_catalog_gc_result){0};
  LH_TRY(lh_catalog_check_table(table, err));
  const struct lh_catalog_gc_options options = {.dry_run = dry_run};
  struct collection gc = {.store = store, .dry_run = dry_run, .options = &options, .result = out};
  lh_arena_init(&gc.arena, 0);
  const lh_status status = drop_locked(&gc, table, err);
  lh_arena_clear(&gc.arena);
  return status;
}
