/*
 * Publication in the project's catalog: the pointer, which every lake has, and what follows it.
 *
 * Private to src/run and the commands. With catalog glue, Glue is asked first whether the table can be shown
 * there, then the pointer moves, then Glue's table. Where Glue refuses, the pointer goes back, so that
 * nothing is published.
 */
#ifndef LH_RUN_CATALOGS_H
#define LH_RUN_CATALOGS_H

#include <stdatomic.h>

#include "catalog/glue.h"
#include "catalog/local.h"
#include "project/project.h"

/* One thread owns it. */
struct lh_catalogs {
  const struct lh_project *project;
  struct lh_store *store;
  struct lh_glue *glue; /* NULL where the project's catalog is another */
};

/* `create`: makes Glue's database where there is none. What is borrowed outlives it. Call lh_catalogs_close
 * in any case. */
lh_status lh_catalogs_open(const struct lh_project *project, struct lh_store *store,
                           const atomic_bool *cancelled, bool create, struct lh_catalogs *out,
                           struct lh_error *err) LH_WARN_UNUSED;
void lh_catalogs_close(struct lh_catalogs *catalogs);

/* What a task's table is to be like in Glue. */
struct lh_glue_request lh_catalogs_glue_request(const struct lh_catalogs *catalogs,
                                                const struct lh_task_spec *task);

/* Whether a task's table can be published before a row is read: it may be somebody else's in Glue. `partial`:
 * only some of its partitions are to be rewritten. */
lh_status lh_catalogs_check(struct lh_catalogs *catalogs, const struct lh_task_spec *task, bool partial,
                            struct lh_error *err) LH_WARN_UNUSED;

/* A column that the task has written as Parquet's own UUID or TIME, which Athena cannot read; NULL: none. */
const char *lh_catalogs_unreadable_column(const struct lh_task_spec *task);

struct lh_catalogs_outcome {
  struct lh_lake_version *current; /* with the partitions that stayed */
  bool files_stay;     /* after a failure: Glue may point to the version's files, so that they must not go */
  const char *warning; /* in the arena; NULL: none */
};
/* Publishes a version that a task has made. */
lh_status lh_catalogs_publish(struct lh_catalogs *catalogs, const struct lh_task_spec *task,
                              const struct lh_lake_version *version, struct lh_arena *arena,
                              struct lh_catalogs_outcome *out, struct lh_error *err) LH_WARN_UNUSED;

#endif
