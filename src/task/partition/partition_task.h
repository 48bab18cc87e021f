/*
 * Partitions of a task: what it needs before rows are read, and what it has written when they have been. For
 * the kinds of tasks.
 */
#ifndef LH_TASK_PARTITION_TASK_H
#define LH_TASK_PARTITION_TASK_H

#include "postgres/connection.h"
#include "postgres/relation.h"
#include "task/partition/partition_router.h"
#include "task/task.h"

struct lh_task_partitions {
  const struct lh_task_request *request;
  struct lh_partition_plan plan;
  struct lh_partitioning partitioning;
  struct lh_map only;
};

/* For a spec with partition_by, once `result` has its schema and its changes: binds the keys, and notes them
 * in the result. The caller sets how much memory one output may set rows aside in. */
lh_status lh_task_partitions_init(struct lh_task_partitions *partitions,
                                  const struct lh_task_request *request, struct lh_arena *arena,
                                  struct lh_task_result *result, struct lh_error *err) LH_WARN_UNUSED;

/* For tables and queries: chooses the partitions that are read, by name or by watermark, and narrows the
 * relation to them. LH_ERROR_DATA for named ones where the published table is none that they could be part
 * of. */
lh_status lh_task_partitions_choose(struct lh_task_partitions *partitions,
                                    struct lh_pg_connection *connection, struct lh_pg_relation *relation,
                                    struct lh_arena *arena, struct lh_task_result *result,
                                    struct lh_error *err) LH_WARN_UNUSED;

/* Leaves the options of those columns that are in the files. */
lh_status lh_task_partitions_fit_options(const struct lh_task_partitions *partitions, struct lh_arena *arena,
                                         struct lh_parquet_writer_options *options,
                                         struct lh_error *err) LH_WARN_UNUSED;

/* The version's parts: with partitions where `partitions` is not NULL. */
void lh_task_parts_init(struct lh_parts *parts, const struct lh_task_request *request,
                        const struct lh_parquet_writer_options *options,
                        struct lh_task_partitions *partitions, const struct lh_schema *schema,
                        struct lh_arena *arena);

/* After the files are in the result: sorts them into partitions. */
lh_status lh_task_partitions_list(const struct lh_task_partitions *partitions, struct lh_arena *arena,
                                  struct lh_task_result *result, struct lh_error *err) LH_WARN_UNUSED;

#endif
