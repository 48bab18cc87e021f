/* Publication of partitions: those that a version wrote take the place of the ones before, the others stay,
 * and what is no longer current is noted for as long as earlier versions are kept. */
#include "catalog/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"

bool lh_catalog_same_partitioning(const struct lh_lake_version *a, const struct lh_lake_version *b) {
  if (a->partition_key_count != b->partition_key_count) {
    return false;
  }
  for (size_t i = 0; i < a->partition_key_count; i++) {
    const struct lh_lake_partition_key *const left = &a->partition_keys[i];
    const struct lh_lake_partition_key *const right = &b->partition_keys[i];
    if (strcmp(left->name, right->name) != 0 || strcmp(left->transform, right->transform) != 0 ||
        strcmp(left->column, right->column) != 0 || strcmp(left->type, right->type) != 0) {
      return false;
    }
  }
  return true;
}

static bool same_columns(const struct lh_lake_version *a, const struct lh_lake_version *b) {
  if (a->column_count != b->column_count) {
    return false;
  }
  for (size_t i = 0; i < a->column_count; i++) {
    const struct lh_lake_column *const left = &a->columns[i];
    const struct lh_lake_column *const right = &b->columns[i];
    if (strcmp(left->name, right->name) != 0 || strcmp(left->type, right->type) != 0 ||
        left->nullable != right->nullable) {
      return false;
    }
  }
  return true;
}

static lh_status check_fits(const struct lh_pointer *before, const struct lh_lake_version *version,
                            struct lh_error *err) {
  if (before != NULL && lh_catalog_same_partitioning(&before->current, version) &&
      same_columns(&before->current, version)) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_CATALOG, "cannot publish partitions of %s: %s", version->table,
               before == NULL ? "nothing is published that they could be a part of"
                              : "the table's partitions or columns were changed meanwhile");
  lh_error_hint(err, "run the task again with --full");
  return LH_ERROR_CATALOG;
}

/* -------- which partitions are current -------- */

struct candidate {
  const struct lh_lake_partition *partition;
  const struct lh_lake_file *files;
};

static int compare_candidates(const void *left, const void *right) {
  const struct candidate *const a = left;
  const struct candidate *const b = right;
  return strcmp(a->partition->path, b->partition->path);
}

static size_t add_candidates(const struct lh_lake_version *version, const struct lh_map *left_out,
                             struct candidate *out) {
  size_t count = 0;
  const struct lh_lake_file *files = version->files;
  for (size_t i = 0; i < version->partition_count; i++) {
    const struct lh_lake_partition *const partition = &version->partitions[i];
    if (left_out == NULL || lh_map_get(left_out, partition->path) == NULL) {
      out[count++] = (struct candidate){partition, files};
    }
    files += partition->file_count;
  }
  return count;
}

/* Those without rows only stand for a table without rows. */
static size_t drop_empty(struct candidate *candidates, size_t count) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (candidates[i].partition->rows > 0) {
      candidates[kept++] = candidates[i];
    }
  }
  return kept > 0 || count == 0 ? kept : 1;
}

static lh_status take_candidates(const struct candidate *candidates, size_t count, struct lh_arena *arena,
                                 struct lh_lake_version *out, struct lh_error *err) {
  size_t file_count = 0;
  for (size_t i = 0; i < count; i++) {
    file_count += candidates[i].partition->file_count;
  }
  struct lh_lake_partition *const partitions = LH_ARENA_ARRAY(arena, struct lh_lake_partition, count);
  struct lh_lake_file *const files = LH_ARENA_ARRAY(arena, struct lh_lake_file, file_count);
  if (partitions == NULL || files == NULL) {
    return lh_error_memory(err);
  }
  out->rows = 0;
  out->bytes = 0;
  out->file_count = 0;
  for (size_t i = 0; i < count; i++) {
    partitions[i] = *candidates[i].partition;
    for (size_t j = 0; j < partitions[i].file_count; j++) {
      files[out->file_count++] = candidates[i].files[j];
    }
    out->rows += partitions[i].rows;
    out->bytes += partitions[i].bytes;
  }
  out->partitions = partitions;
  out->partition_count = count;
  out->files = files;
  return LH_OK;
}

static lh_status merge_partitions(const struct lh_pointer *before, const struct lh_lake_version *version,
                                  struct lh_arena *arena, struct lh_lake_version *out, struct lh_error *err) {
  const bool carries = version->is_partial;
  const size_t most = version->partition_count + (carries ? before->current.partition_count : 0);
  struct candidate *const candidates = LH_ARENA_ARRAY(arena, struct candidate, most);
  if (candidates == NULL) {
    return lh_error_memory(err);
  }
  size_t count = add_candidates(version, NULL, candidates);
  if (carries) {
    struct lh_map replaced;
    lh_map_init(&replaced, arena);
    for (size_t i = 0; i < version->replaces_count; i++) {
      LH_TRY(lh_map_put(&replaced, version->replaces[i], out, err));
    }
    for (size_t i = 0; i < count; i++) {
      if (version->partitions[i].rows > 0) {
        LH_TRY(lh_map_put(&replaced, version->partitions[i].path, out, err));
      }
    }
    count += add_candidates(&before->current, &replaced, candidates + count);
  }
  count = drop_empty(candidates, count);
  qsort(candidates, count, sizeof(*candidates), compare_candidates);
  return take_candidates(candidates, count, arena, out, err);
}

/* -------- what is no longer -------- */

static lh_status note_current(const struct lh_lake_version *version, struct lh_arena *arena,
                              struct lh_map *out, struct lh_error *err) {
  lh_map_init(out, arena);
  for (size_t i = 0; i < version->partition_count; i++) {
    LH_TRY(lh_map_put(out, version->partitions[i].path, (void *)&version->partitions[i], err));
  }
  return LH_OK;
}

static bool is_current(const struct lh_map *current, const struct lh_lake_partition *partition) {
  const struct lh_lake_partition *const now = lh_map_get(current, partition->path);
  return now != NULL && strcmp(now->version, partition->version) == 0;
}

/* One entry for the partitions that `name` wrote, of those that were current before. */
static lh_status retire_of(const struct lh_lake_version *before, const struct lh_map *current,
                           const char *name, const char *until, struct lh_arena *arena,
                           struct lh_pointer *next, struct lh_error *err) {
  const char **const paths = LH_ARENA_ARRAY(arena, const char *, before->partition_count);
  size_t gone = 0;
  bool all_gone = true;
  if (paths == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < before->partition_count; i++) {
    const struct lh_lake_partition *const partition = &before->partitions[i];
    if (strcmp(partition->version, name) != 0) {
      continue;
    }
    if (is_current(current, partition)) {
      all_gone = false;
    } else {
      paths[gone++] = partition->path;
    }
  }
  if (gone > 0) {
    next->retired[next->retired_count++] =
        (struct lh_pointer_retired){name, until, all_gone ? NULL : paths, all_gone ? 0 : gone};
  }
  return LH_OK;
}

static lh_status retire(const struct lh_pointer *before, struct lh_arena *arena, struct lh_pointer *next,
                        struct lh_error *err) {
  const struct lh_lake_version *const old = &before->current;
  struct lh_map current;
  struct lh_map seen;
  next->retired =
      LH_ARENA_ARRAY(arena, struct lh_pointer_retired, before->retired_count + old->partition_count);
  if (next->retired == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < before->retired_count; i++) {
    next->retired[next->retired_count++] = before->retired[i];
  }
  LH_TRY(note_current(&next->current, arena, &current, err));
  lh_map_init(&seen, arena);
  for (size_t i = 0; i < old->partition_count; i++) {
    const char *const name = old->partitions[i].version;
    if (lh_map_get(&seen, name) != NULL) {
      continue;
    }
    LH_TRY(lh_map_put(&seen, name, next, err));
    LH_TRY(retire_of(old, &current, name, next->current.version, arena, next, err));
  }
  return LH_OK;
}

lh_status lh_catalog_merge(const struct lh_pointer *before, const struct lh_lake_version *version,
                           struct lh_arena *arena, struct lh_pointer *next, struct lh_error *err) {
  next->current = *version;
  next->current.is_partial = false;
  next->current.replaces = NULL;
  next->current.replaces_count = 0;
  if (version->is_partial) {
    LH_TRY(check_fits(before, version, err));
  }
  if (version->partition_key_count > 0) {
    LH_TRY(merge_partitions(before, version, arena, &next->current, err));
  }
  return before != NULL ? retire(before, arena, next, err) : LH_OK;
}
