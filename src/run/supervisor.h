/*
 * The supervisor's state, shared by the files of this module that make it up: supervisor.c (the loop),
 * schedule.c (what runs next, and on what), publish.c (how a task ends). Private to src/run.
 */
#ifndef LH_RUN_SUPERVISOR_H
#define LH_RUN_SUPERVISOR_H

#include "run/catalogs.h"
#include "run/progress.h"
#include "run/run.h"
#include "run/spawn.h"

/* One thread owns all of it. */
struct lh_supervisor {
  const struct lh_run_options *options;
  struct lh_arena *arena;
  struct lh_task_run *tasks; /* selected tasks, dependencies first */
  struct lh_worker *workers; /* one per task, same index */
  size_t task_count;
  struct lh_task_run **by_node; /* per graph node: its run, or NULL where not selected */
  struct lh_store *store;
  struct lh_store_lock *run_lock;
  struct lh_catalogs catalogs;
  struct lh_pg_connection *leader; /* holds the snapshot; NULL once every reader has ended */
  struct lh_pg_snapshot snapshot;
  struct lh_progress progress;
  const char *temp_directory; /* of this run alone, removed at its end; NULL until it is made */
  size_t running;
  const char *stop_reason; /* nothing more is started: "--fail-fast, orders failed" */
  int signals;             /* SIGINT and SIGTERM received */
  uint64_t signal_ns;      /* when the first came */
};

/* Starts what can start, skips what cannot any more. */
void lh_supervisor_schedule(struct lh_supervisor *supervisor);
/* The worker of task `index` has ended with wait status `wait_status`: publishes or fails the task. */
void lh_supervisor_conclude(struct lh_supervisor *supervisor, size_t index, int wait_status);
/* Takes the reports of task `index` that are there. */
void lh_supervisor_take_reports(struct lh_supervisor *supervisor, size_t index);
/* Ends a task as failed with its error, and removes its files. */
void lh_supervisor_fail(struct lh_supervisor *supervisor, struct lh_task_run *task);
/* Ends the leader's transaction as soon as no task needs the snapshot any more. */
void lh_supervisor_release_snapshot(struct lh_supervisor *supervisor);

static inline bool lh_task_reads_source(const struct lh_task_run *task) {
  return lh_task_kind_reads_source(task->node->task->kind);
}

#endif
