/*
 * A task's partitions against the schema that it writes: which columns name them, and what is left for the
 * files. The column of an identity key is not in the files, since Hive's readers (Athena, Trino, Spark)
 * refuse a column that is both in a file and a partition's; its value comes from the directory.
 */
#ifndef LH_TASK_PARTITION_PLAN_H
#define LH_TASK_PARTITION_PLAN_H

#include "base/arena.h"
#include "catalog/local.h"
#include "column/partition.h"
#include "column/schema.h"
#include "lakehaul/error.h"

struct lh_partition_plan {
  struct lh_partition_by by; /* its columns by their names in the lake */
  const struct lh_schema *schema;
  size_t fields[LH_PARTITION_MAX_KEYS]; /* of the schema, one a key */
  struct lh_schema file_schema;
  const size_t *stored; /* per field of file_schema its place in the schema */
};

/* Columns are found by their names in the lake, or else in the source. LH_ERROR_DATA for one that there is
 * not, one of a type of which no partitions can be made, a key whose name another column has, and where no
 * column would be left. `by` and `schema` are borrowed. */
lh_status lh_partition_plan_make(const struct lh_partition_by *by, const struct lh_schema *schema,
                                 struct lh_arena *arena, struct lh_partition_plan *out,
                                 struct lh_error *err) LH_WARN_UNUSED;

/* The same for the catalog, in `arena`. */
lh_status lh_partition_plan_describe(const struct lh_partition_plan *plan, struct lh_arena *arena,
                                     const struct lh_lake_partition_key **out,
                                     struct lh_error *err) LH_WARN_UNUSED;

/* A finished file by its key, "<table>/<path>/<version>/part-…". */
struct lh_partition_file {
  const char *key;
  uint64_t rows, bytes;
};
/* The partitions that files lie in, sorted by path, one entry each; the files are brought into their order.
 */
lh_status lh_partition_plan_group(const struct lh_partition_plan *plan, const char *table,
                                  const char *version, struct lh_partition_file *files, size_t file_count,
                                  struct lh_arena *arena, struct lh_lake_partition **out, size_t *count,
                                  struct lh_error *err) LH_WARN_UNUSED;

#endif
