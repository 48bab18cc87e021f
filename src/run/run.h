/*
 * A run: the supervisor that works a project's tasks off, each in a worker process of its own.
 *
 * One event loop: reports from workers, their ends, signals, and the clock. The supervisor alone publishes,
 * after a worker has ended well; what a task left behind when it failed is deleted.
 */
#ifndef LH_RUN_RUN_H
#define LH_RUN_RUN_H

#include <stdint.h>

#include "base/arena.h"
#include "catalog/crawler.h"
#include "catalog/local.h"
#include "catalog/schema_change.h"
#include "lakehaul/error.h"
#include "postgres/connection.h"
#include "project/graph.h"
#include "task/task.h"

enum lh_task_state {
  LH_TASK_PENDING,
  LH_TASK_RUNNING,
  LH_TASK_PUBLISHED,
  LH_TASK_FAILED,
  LH_TASK_SKIPPED,     /* a task it reads failed, or --fail-fast */
  LH_TASK_INTERRUPTED, /* stopped or not begun because of a signal */
};

/* "pending", "running", "published", … */
const char *lh_task_state_name(enum lh_task_state state);

/* One task's way through the run. Everything but `error` lives in the run's arena. */
struct lh_task_run {
  const struct lh_graph_node *node;
  const char *name;
  enum lh_task_state state;
  const char *version;    /* of the files it writes; NULL before it starts */
  int64_t estimated_rows; /* -1 where unknown */
  uint64_t rows;          /* so far, then in all */
  uint64_t bytes;         /* read so far, then bytes of its files */
  uint64_t start_ns;
  double seconds;
  struct lh_error error;                   /* of a failed task */
  const char *reason;                      /* of a skipped one: "orders failed" */
  const struct lh_lake_version *published; /* with the partitions that stayed */
  bool verified;                           /* its files are compared with the source before it is published */
  const struct lh_schema_change *changes;  /* of its columns against those published before */
  size_t change_count;
  const struct lh_task_elsewhere *elsewhere; /* what an engine elsewhere told; NULL: it ran here */
};

enum lh_progress_style { LH_PROGRESS_NONE, LH_PROGRESS_PLAIN, LH_PROGRESS_BARS };

struct lh_run_options {
  const struct lh_project *project;
  const char *project_text; /* as read: handed to the workers */
  struct lh_graph *graph;   /* with its selection made */
  int jobs;
  int streams; /* connections per table, whatever the project says; 0: what it says */
  uint64_t memory_bytes;
  const char *lake;              /* the project's, or what --lake says */
  const char *lake_base;         /* the directory that a relative `lake` starts from */
  int64_t limit;                 /* -1: all rows */
  const char *const *partitions; /* of the tasks named by the user: the only ones to be rewritten */
  size_t partition_count;
  const char *const *partition_tasks; /* those tasks */
  size_t partition_task_count;
  bool full; /* all partitions, whatever has changed */
  bool fail_fast;
  bool verify; /* compare what was read with the source before it is published */
  enum lh_progress_style progress;
};

struct lh_run_result {
  struct lh_task_run *tasks; /* the selected ones in the order they were planned */
  size_t task_count;
  struct lh_pg_snapshot snapshot; /* empty strings where no task read the source */
  bool interrupted;
  double seconds;
  bool has_crawl; /* with catalog crawler, where something was published */
  struct lh_crawl_result crawl;
  struct lh_error crawl_error; /* code LH_OK: none */
};

/* LH_OK also when tasks failed: see the result. An error is one that kept the run from starting: source or
 * lake unreachable. */
lh_status lh_run_execute(const struct lh_run_options *options, struct lh_arena *arena,
                         struct lh_run_result *out, struct lh_error *err) LH_WARN_UNUSED;

/* 0, 1 or 130; 4 where all but the crawl went well. */
int lh_run_exit_code(const struct lh_run_result *result);

#endif
