/*
 * Partition router: the rows of one output, in any order, into one Parquet file a partition.
 *
 * One file is open at a time. It is that of the partition which most rows go to, as it is where rows come in
 * the order of their partitions; the rows of all others are set aside (row_store.h) and written at the end,
 * partition by partition. So memory depends neither on the number of rows nor, but for some 200 bytes each,
 * on that of partitions. One thread.
 */
#ifndef LH_TASK_PARTITION_ROUTER_H
#define LH_TASK_PARTITION_ROUTER_H

#include "base/map.h"
#include "task/output.h"
#include "task/partition/partition_plan.h"

/* What all outputs of a task have in common. */
struct lh_partitioning {
  const struct lh_partition_plan *plan;
  /* Makes the sink of a part in the partition at `path`, like lh_part_create_function. */
  lh_status (*create)(void *context, const char *path, uint32_t number, struct lh_arena *arena,
                      const char **name, struct lh_sink **out, struct lh_error *err);
  /* Deletes a finished part. */
  void (*remove)(void *context, const char *name);
  void *context;
  uint64_t memory_bytes;      /* for rows set aside, of one output */
  const char *temp_directory; /* for those beyond */
  const struct lh_map *only;  /* rows of partitions whose path is not in it are left out; NULL: none is */
  bool at_end_alone;          /* no file is finished before the end */
};

struct lh_partition_router;

/* The finished files go to output->parts, whose schema is that of the files and whose partitioning is set. */
lh_status lh_partition_router_new(const struct lh_output *output, struct lh_partition_router **out,
                                  struct lh_error *err) LH_WARN_UNUSED;
/* `batch` has the plan's schema. */
lh_status lh_partition_router_write(struct lh_partition_router *router, const struct lh_batch *batch,
                                    struct lh_error *err) LH_WARN_UNUSED;
/* Writes what was set aside and lists all files. More rows may follow, into files of their own. */
lh_status lh_partition_router_finish(struct lh_partition_router *router, struct lh_error *err) LH_WARN_UNUSED;
/* Forgets all rows since the last finish, and deletes the files that have some of them. */
void lh_partition_router_drop(struct lh_partition_router *router);
void lh_partition_router_free(struct lh_partition_router *router);

#endif
