/*
 * The Glue data catalog: lake tables as Athena, Trino, Spark and Redshift find them.
 *
 * Of the AWS Glue Web API (JSON 1.1): GetDatabase, CreateDatabase, GetTable, CreateTable, UpdateTable,
 * DeleteTable, GetPartitions, BatchCreatePartition, BatchUpdatePartition, BatchDeletePartition,
 * GetPartitionIndexes, CreatePartitionIndex.
 *
 * Glue follows the pointer (local.h): lh_glue_sync_table makes a table there what its pointer says, however
 * the two came to differ, so that it may be repeated, and may be done by several processes. A table's
 * Location is the directory of its current version, and is replaced in one step by UpdateTable, with the
 * version of the table that was read: where somebody else was faster, all is read again.
 *
 * Errors are LH_ERROR_CATALOG. One client belongs to one thread at a time.
 */
#ifndef LH_CATALOG_GLUE_H
#define LH_CATALOG_GLUE_H

#include <stdatomic.h>

#include "catalog/local.h"
#include "net/settings.h"

struct lh_glue;

struct lh_glue_options {
  const struct lh_aws_settings *aws;
  const struct lh_glue_settings *glue;
  const atomic_bool *cancelled; /* ends waiting with LH_ERROR_INTERRUPTED; may be NULL */
};

/* Asks nothing yet. The settings are borrowed. */
lh_status lh_glue_open(const struct lh_glue_options *options, struct lh_glue **out,
                       struct lh_error *err) LH_WARN_UNUSED;
void lh_glue_free(struct lh_glue *glue);

/* Whether the database is there. `create`: makes it where it is not. */
lh_status lh_glue_find_database(struct lh_glue *glue, bool create, bool *found,
                                struct lh_error *err) LH_WARN_UNUSED;

/* What a view's unqualified names mean to who reads it in Glue. */
struct lh_glue_view {
  const char *catalog; /* as the reader calls Glue: "awsdatacatalog" is Athena's name */
  const char *schema;  /* the database */
};

/* What a table of Glue is to be like, beyond what its pointer says. */
struct lh_glue_request {
  struct lh_store *store; /* on S3 */
  const char *table;
  const char *compression;                     /* of the files: "zstd" */
  bool adopt;                                  /* take over a table that lakehaul did not make */
  bool has_index;                              /* an index over the partition keys, which Athena is to use */
  const struct lh_glue_projection *projection; /* NULL: partitions are registered one by one */
  struct lh_glue_view view;
};

enum lh_glue_standing {
  LH_GLUE_MISSING,
  LH_GLUE_OWN,     /* lakehaul made it */
  LH_GLUE_FOREIGN, /* something else did */
};
/* What is there under a table's name. LH_GLUE_MISSING where the database is not there either. */
lh_status lh_glue_find_table(struct lh_glue *glue, const char *table, enum lh_glue_standing *out,
                             struct lh_error *err) LH_WARN_UNUSED;

/* The same, and LH_ERROR_CATALOG for a foreign table that is not to be adopted. */
lh_status lh_glue_check_owner_of(struct lh_glue *glue, const struct lh_glue_request *request,
                                 enum lh_glue_standing *out, struct lh_error *err) LH_WARN_UNUSED;

/* Whether `version` can be shown in Glue as the request has it: names, types, whose table is there, and where
 * its partitions lie. Changes nothing. */
lh_status lh_glue_check_table(struct lh_glue *glue, const struct lh_glue_request *request,
                              const struct lh_lake_version *version, struct lh_error *err) LH_WARN_UNUSED;

/* Makes the table in Glue what the table's pointer says now. The database is there. Partitions are changed in
 * batches before the table and removed after it, so that no reader is sent to a directory that is not there.
 * After an error Glue may show some partitions of the new version beside those of the old one. */
lh_status lh_glue_sync_table(struct lh_glue *glue, const struct lh_glue_request *request,
                             struct lh_error *err) LH_WARN_UNUSED;

/* Makes the index over the partition keys where there is none of them, for tables that `has_index`. Glue
 * fills it in its own time. */
lh_status lh_glue_ensure_index(struct lh_glue *glue, const struct lh_glue_request *request,
                               const struct lh_lake_version *version, struct lh_error *err) LH_WARN_UNUSED;

/* Removes the table with its partitions where lakehaul made it. A missing one is fine; a foreign one stays,
 * and
 * `*dropped` is false. */
lh_status lh_glue_drop_table(struct lh_glue *glue, const char *table, bool *dropped,
                             struct lh_error *err) LH_WARN_UNUSED;

/* The views of the database that lakehaul did not make, with their SELECTs as far as they can be read (""
 * where not). In `arena`. */
struct lh_glue_view_sql {
  const char *name, *sql;
};
lh_status lh_glue_list_foreign_views(struct lh_glue *glue, struct lh_arena *arena,
                                     const struct lh_glue_view_sql **out, size_t *count,
                                     struct lh_error *err) LH_WARN_UNUSED;

/* The version directories of the table's and its partitions' Locations, below the table's own directory:
 * "day=2026-01-31/20260131T120000.123456Z-4f2a9c01", or the version's name alone for all of its directories.
 * In `arena`. */
lh_status lh_glue_list_places(struct lh_glue *glue, struct lh_store *store, const char *table,
                              struct lh_arena *arena, const char *const **out, size_t *count,
                              struct lh_error *err) LH_WARN_UNUSED;

/* Whether the table or one of its partitions is of that version. */
lh_status lh_glue_shows_version(struct lh_glue *glue, struct lh_store *store,
                                const struct lh_lake_version *version, bool *out,
                                struct lh_error *err) LH_WARN_UNUSED;

/* The type that Glue and Athena know a lake type by (schema.h names them): "array<struct<a:int>>". In
 * `arena`. NULL where there is none: a struct member whose name they cannot take, a text that is no type's
 * name; or without memory. */
const char *lh_glue_type(const char *lake_type, struct lh_arena *arena);

#endif
