/*
 * The pointer of a lake table, `_lakehaul/tables/<table>.json`: its form, reading and writing.
 *
 *   {"format": 1, "table", "version", "published_at", "source", "snapshot": {"time", "lsn"}, "rows", "bytes",
 *    "comment", "primary_key": [<name>], "files": [{"key", "rows", "bytes"}],
 *    "columns": [{"name", "type", "source_type", "comment", "nullable",
 *    "source_name" where it differs, "became_null" and "clamped" where not 0}],
 *    "previous": [{"version", "published_at", "rows", "bytes", "files": <count>}]}
 *
 * A partitioned table's has "format": 2, since a reader that does not know partitions would not find their
 * columns, and these keys:
 *
 *    "partition_by": [{"key", "transform", "column", "type"}],
 *    "watermark": {"column", "value"} where there is one,
 *    "partitions": [{"path", "version", "values": [<text or null>], "rows", "bytes", "files": <count>}],
 *
 * where "files" above lists the files of each partition in turn. A table that was ever partitioned may have
 *
 *    "retired": [{"version", "until", "partitions": [<path>]}]
 *
 * for directories that earlier versions still need: those that "version" wrote and that are no longer current
 * since the publication "until"; without "partitions" all of them that no other entry names.
 *
 * A view has no files and rows, and "format": 3, since a reader that does not know views would find an empty
 * table:
 *
 *    "view": {"sql", "reads": [<name of a table or view>]}
 *
 * Keys come in this order. Comments and the primary key may be missing: versions of lakehaul that did not
 * keep them wrote none. A reader ignores keys it does not know; a change that older readers would
 * misunderstand raises "format", and they refuse it.
 */
#ifndef LH_CATALOG_POINTER_H
#define LH_CATALOG_POINTER_H

#include "base/json.h"
#include "catalog/local.h"

#define LH_CATALOG_TABLES "_lakehaul/tables"
#define LH_CATALOG_OWN_PREFIX "_lakehaul"

struct lh_pointer_previous {
  const char *version;
  const char *published_at;
  uint64_t rows, bytes, files;
};

struct lh_pointer_retired {
  const char *version;      /* that wrote the directories */
  const char *until;        /* the version since which they are not current */
  const char *const *paths; /* of partitions; NULL: all others of the version */
  size_t path_count;
};

struct lh_pointer {
  struct lh_lake_version current;
  struct lh_pointer_retired *retired;
  size_t retired_count;
  struct lh_pointer_previous *previous; /* newest first */
  size_t previous_count;
};

/* By the rules in local.h. */
bool lh_catalog_table_valid(const char *table);
lh_status lh_catalog_check_table(const char *table, struct lh_error *err) LH_WARN_UNUSED;

/* `*out` in `arena`; NULL and LH_OK where there is none. */
lh_status lh_pointer_read(struct lh_store *store, const char *table, struct lh_arena *arena,
                          struct lh_pointer **out, struct lh_error *err) LH_WARN_UNUSED;
/* A pointer's file as it was read; in the arena of the call that read it. */
struct lh_pointer_state {
  const void *bytes; /* NULL where there was none */
  size_t size;
  struct lh_store_tag tag;
};
lh_status lh_pointer_read_state(struct lh_store *store, const char *table, struct lh_arena *arena,
                                struct lh_pointer **out, struct lh_pointer_state *state,
                                struct lh_error *err) LH_WARN_UNUSED;
/* Replaces the pointer atomically if it is as it was read; the caller holds the table's lock. `*replaced`
 * false: as lh_store_replace has it. */
lh_status lh_pointer_write(struct lh_store *store, const struct lh_pointer *pointer, struct lh_arena *arena,
                           const struct lh_store_tag *before, struct lh_store_tag *after, bool *replaced,
                           struct lh_error *err) LH_WARN_UNUSED;
/* Its key in the store, in `arena`; NULL without memory. */
const char *lh_pointer_key(const char *table, struct lh_arena *arena);

/* The exclusive lock under which a table's pointer is read, changed and replaced; waits for it. */
lh_status lh_pointer_lock(struct lh_store *store, const char *table, struct lh_arena *arena,
                          struct lh_store_lock **out, struct lh_error *err) LH_WARN_UNUSED;

/* A partition's values as a JSON array of texts and nulls; also for reports. NULL without memory. */
json_t *lh_partition_values_to_json(const struct lh_lake_partition *partition, size_t key_count);

/* Whether `key` is a valid key below `table`. */
bool lh_pointer_owns_key(const char *table, const char *key);

#endif
