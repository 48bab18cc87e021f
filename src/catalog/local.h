/*
 * The local catalog: which version of each lake table is current.
 *
 * `<table>/<version>/part-*.parquet` holds the data, of a partitioned table
 * `<table>/<key>=<value>/…/<version>/part-*.parquet`; the pointer `_lakehaul/tables/<table>.json` names the
 * current version and is replaced atomically. The pointer lists files, rows, bytes, schema, snapshot and
 * source, and the versions published before it, newest first, so that gc knows what readers may still use.
 * pointer.h has its form. For a crawler, which takes every directory for something of its own, the layout is
 * flat:
 * `<table>/part-<version>-NNNNN.parquet`, of a partitioned table
 * `<table>/<key>=<value>/…/part-<version>-NNNNN.parquet`; a crawler finds all files that are there, so that
 * what a publication replaces is removed at once.
 *
 * A table's name is one part of a key, 200 bytes at most, not beginning with '.', without control characters,
 * and not "_lakehaul"; any other is LH_ERROR_CATALOG. A pointer that cannot be understood is LH_ERROR_CORRUPT
 * naming its file, one of a newer format LH_ERROR_CATALOG. What cannot be read or written is LH_ERROR_LAKE.
 */
#ifndef LH_CATALOG_LOCAL_H
#define LH_CATALOG_LOCAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "lakehaul/error.h"
#include "store/store.h"

struct lh_lake_file {
  const char *key; /* relative to the lake's root */
  uint64_t rows;
  uint64_t bytes;
};

struct lh_lake_column {
  const char *name;
  const char *type;        /* lh_field_type_name */
  const char *source_type; /* "" where unknown */
  uint64_t nulls, clamped; /* values that became NULL, or the nearest, since the lake cannot hold them */
  const char *source_name; /* where the source names it otherwise; "" or NULL: the same */
  const char *comment;     /* "" where there is none */
  bool nullable;
};

/* What a table is partitioned by. */
struct lh_lake_partition_key {
  const char *name;      /* of the directories: "day" */
  const char *transform; /* lh_partition_transform_name */
  const char *column;    /* that the values are taken of */
  const char *type;      /* of the values, as lh_field_type_name has them */
};

struct lh_lake_partition {
  const char *path;          /* its directories below the table's: "country=de/day=2026-01-31" */
  const char *version;       /* that wrote it */
  const char *const *values; /* one a key, not escaped; NULL for a NULL */
  uint64_t rows, bytes;
  size_t file_count; /* the version's files are in the order of its partitions */
};

struct lh_lake_version {
  const char *table;
  const char *version;                      /* sorts by time: 20260131T120000.123456Z-4f2a09c3 */
  const char *published_at;                 /* ISO 8601 UTC */
  const char *source;                       /* "table public.orders", "query", "sql tasks/x.sql" */
  const char *snapshot_time, *snapshot_lsn; /* "" for SQL tasks */
  const struct lh_lake_file *files;
  size_t file_count;
  const struct lh_lake_column *columns;
  size_t column_count;
  const char *comment;            /* the source table's; "" where there is none */
  const char *const *primary_key; /* names of columns, in the key's order; none where unknown */
  size_t primary_key_count;
  uint64_t rows, bytes;
  const struct lh_lake_partition_key *partition_keys;
  size_t partition_key_count;                 /* 0: not partitioned */
  const struct lh_lake_partition *partitions; /* sorted by path */
  size_t partition_count;
  const char *view_sql; /* of a view: its SELECT, and then there are no files and no rows; NULL: a table */
  const char *const *view_reads; /* tables and views that it reads, in lower case */
  size_t view_read_count;
  const char *watermark_column; /* "" or NULL: none */
  const char *watermark;        /* the column's largest value, as the source's text; "" where there is none */
  /* For publishing: a partial version takes the place of these partitions alone; those of the version before
   * that are not among them stay. */
  bool is_partial;
  const char *const *replaces; /* paths */
  size_t replaces_count;
};

/* Whether two tables are partitioned by the same. */
bool lh_catalog_same_partitioning(const struct lh_lake_version *a, const struct lh_lake_version *b);

/* `*out` NULL and LH_OK for a table that was never published. */
lh_status lh_catalog_get(struct lh_store *store, const char *table, struct lh_arena *arena,
                         struct lh_lake_version **out, struct lh_error *err) LH_WARN_UNUSED;
/* Names of all published tables, sorted. */
lh_status lh_catalog_list(struct lh_store *store, struct lh_arena *arena, const char *const **names,
                          size_t *count, struct lh_error *err) LH_WARN_UNUSED;

/* A fresh version name, unique over machines and processes. NULL without memory. */
const char *lh_catalog_new_version(struct lh_arena *arena);

/* Whether `name` is of the form that lh_catalog_new_version makes. */
bool lh_catalog_is_version(const char *name);

#define LH_CATALOG_VERSION_SIZE 33 /* with the NUL */
struct lh_catalog_part {
  const char *table;
  const char *path; /* of its partition; NULL: none */
  const char *version;
  uint32_t number;
  bool is_flat;
};
/* The key of a part, in `arena`; NULL without memory. */
const char *lh_catalog_part_key(const struct lh_catalog_part *part, struct lh_arena *arena);
/* Whether `name`, the last part of a key, is that of a flat part, and of which version. */
bool lh_catalog_flat_version(const char *name, char version[LH_CATALOG_VERSION_SIZE]);
/* How much of `key`, a part's of `version`, is its table's directory and its partition's, without the slash.
 */
size_t lh_catalog_part_directory(const char *key, const char *version);

/* Makes `version` current in one step, so that publishing processes follow each other: under the table's lock
 * and by a write that takes only the place of what was read. Its files must lie below the table and exist
 * with the stated sizes, its name must be from lh_catalog_new_version, and its snapshot must not be older
 * than that of the version that is current; else LH_ERROR_CATALOG (LH_ERROR_LAKE for a missing file) and
 * nothing changes. The version that was current becomes the first of the earlier ones. NULL texts are written
 * as "", a NULL `published_at` as now. */
lh_status lh_catalog_publish(struct lh_store *store, const struct lh_lake_version *version,
                             struct lh_error *err) LH_WARN_UNUSED;

/* A version that was made current, and what it takes to undo that. */
struct lh_publication {
  struct lh_lake_version *current; /* with the partitions that stayed */
  const void *before;              /* the pointer's file as it was; NULL: there was none */
  size_t before_size;
  struct lh_store_tag after; /* of the pointer's file now */
};
/* The same, and `*out`, in `arena`, tells what is current then. A partial version that does not fit what was
 * current (none, or one of other partitions or columns) is LH_ERROR_CATALOG. Partitions without rows are
 * dropped as long as another is left. */
lh_status lh_catalog_publish_merged(struct lh_store *store, const struct lh_lake_version *version,
                                    struct lh_arena *arena, struct lh_publication *out,
                                    struct lh_error *err) LH_WARN_UNUSED;
/* Puts back what was current before, as if nothing had been published; the version's files stay.
 * LH_ERROR_CATALOG where the table was published anew meanwhile, and then that stays. */
lh_status lh_catalog_withdraw(struct lh_store *store, const struct lh_publication *publication,
                              struct lh_error *err) LH_WARN_UNUSED;

/* Deletes the files of a version that was not published, those in partitions included. */
lh_status lh_catalog_remove_version(struct lh_store *store, const char *table, const char *version,
                                    struct lh_error *err) LH_WARN_UNUSED;

struct lh_catalog_gc_result {
  uint64_t versions;  /* removed */
  uint64_t leftovers; /* directories of failed or killed runs, removed */
  uint64_t uploads;   /* that such runs did not finish, aborted */
  uint64_t files, bytes;
};
/* Removes published versions but the newest `keep` of each table (the current one always stays), and what was
 * never published: version directories that no pointer names, and files left unfinished. What lakehaul did
 * not write is left alone. The caller holds the lake's run lock exclusively. `dry_run`: only counts.
 *
 * Pointers forget versions before their files go, so that an end at any point leaves leftovers and never a
 * named version without files. A table whose pointer cannot be read is passed over; the others are done, then
 * the first such error is returned. */
struct lh_catalog_gc_options {
  int keep;
  bool dry_run;
  /* Tells what else of a table must stay, since another catalog points to it: version directories below the
   * table's ("day=2026-01-31/<version>"), or a version's name for all of its directories. NULL: nothing. */
  lh_status (*pinned)(void *context, const char *table, struct lh_arena *arena, const char *const **out,
                      size_t *count, struct lh_error *err);
  void *context;
};
lh_status lh_catalog_gc(struct lh_store *store, const struct lh_catalog_gc_options *options,
                        struct lh_catalog_gc_result *out, struct lh_error *err) LH_WARN_UNUSED;

/* Takes a table out of the lake: its pointer, then the directories of its versions, whatever points to them.
 * `out` counts files and bytes. The caller holds the run lock exclusively. */
lh_status lh_catalog_drop(struct lh_store *store, const char *table, bool dry_run,
                          struct lh_catalog_gc_result *out, struct lh_error *err) LH_WARN_UNUSED;

/* Removes what publications of one table have replaced, in whatever layout, and forgets its earlier versions:
 * for the flat layout. What was never published, which others may be writing, stays. */
lh_status lh_catalog_settle(struct lh_store *store, const char *table, struct lh_error *err) LH_WARN_UNUSED;

/* As deep as partitions are nested. */
#define LH_CATALOG_MAX_PARTITION_KEYS 4
#define LH_CATALOG_RUN_LOCK "_lakehaul/run.lock"

#endif
