/* What runs next: dependencies first, `jobs` at a time, and the job each worker is given. */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "run/supervisor.h"

/* What this process itself fills, and the least that a worker can do with. */
#define SUPERVISOR_BYTES (UINT64_C(12) << 20)
#define TASK_LEAST_BYTES (UINT64_C(48) << 20)

static struct lh_task_run *dependency_run(const struct lh_supervisor *supervisor,
                                          const struct lh_task_run *task, size_t index) {
  return supervisor->by_node[task->node->dependencies[index]];
}

/* The first dependency that will never be published in this run, or NULL. */
static const struct lh_task_run *broken_dependency(const struct lh_supervisor *supervisor,
                                                   const struct lh_task_run *task) {
  for (size_t i = 0; i < task->node->dependency_count; i++) {
    const struct lh_task_run *const dependency = dependency_run(supervisor, task, i);
    if (dependency != NULL && dependency->state >= LH_TASK_FAILED) {
      return dependency;
    }
  }
  return NULL;
}

static bool is_ready(const struct lh_supervisor *supervisor, const struct lh_task_run *task) {
  for (size_t i = 0; i < task->node->dependency_count; i++) {
    const struct lh_task_run *const dependency = dependency_run(supervisor, task, i);
    if (dependency != NULL && dependency->state != LH_TASK_PUBLISHED) {
      return false;
    }
  }
  return true;
}

/* The version that a task of this run has published, or the lake's. */
static lh_status find_version(void *context, const char *table, const struct lh_lake_version **out,
                              struct lh_error *err) {
  struct lh_supervisor *const supervisor = context;
  struct lh_lake_version *current = NULL;
  for (size_t i = 0; i < supervisor->task_count; i++) {
    const struct lh_task_run *const task = &supervisor->tasks[i];
    if (task->state == LH_TASK_PUBLISHED && strcmp(task->name, table) == 0) {
      *out = task->published;
      return LH_OK;
    }
  }
  LH_TRY(lh_catalog_get(supervisor->store, table, supervisor->arena, &current, err));
  *out = current;
  if (current == NULL) {
    lh_error_set(err, LH_ERROR_DATA, "reads table %s, which is not in the lake", table);
    lh_error_hint(err, "add a task that makes %s, or run that task first", table);
    return LH_ERROR_DATA;
  }
  return LH_OK;
}

/* Every table that a SQL task reads, pinned to one version: this run's where it makes one, else the lake's.
 */
static lh_status resolve_inputs(struct lh_supervisor *supervisor, const struct lh_task_run *task,
                                struct lh_job *job, struct lh_error *err) {
  const struct lh_graph_node *const node = task->node;
  struct lh_task_input_list list;
  if (node->task->engine != LH_ENGINE_DUCKDB) {
    return LH_OK; /* an engine elsewhere reads what its catalog shows */
  }
  lh_task_inputs_init(&list, supervisor->arena);
  for (size_t i = 0; i < node->dependency_count; i++) {
    const char *const table = supervisor->options->graph->nodes[node->dependencies[i]].task->name;
    LH_TRY(lh_task_inputs_add(&list, table, find_version, supervisor, supervisor->arena, err));
  }
  for (size_t i = 0; i < node->external_count; i++) {
    LH_TRY(lh_task_inputs_add(&list, node->external_tables[i], find_version, supervisor, supervisor->arena,
                              err));
  }
  job->inputs = list.items;
  job->input_count = list.count;
  return LH_OK;
}

/* What the run's memory leaves to the workers. */
static uint64_t workers_memory(const struct lh_supervisor *supervisor) {
  return supervisor->options->memory_bytes - SUPERVISOR_BYTES;
}

/* How many tasks can run at once, which is what the run's memory, rate and processors are divided by: as many
 * as are wanted, but each with the memory that it needs. */
static size_t parallel_tasks(const struct lh_supervisor *supervisor) {
  const size_t fitting = (size_t)(workers_memory(supervisor) / TASK_LEAST_BYTES);
  size_t tasks = (size_t)supervisor->options->jobs;
  tasks = tasks < supervisor->task_count ? tasks : supervisor->task_count;
  tasks = tasks < fitting ? tasks : fitting;
  return tasks > 0 ? tasks : 1;
}

static int threads_per_task(const struct lh_supervisor *supervisor) {
  const long processors = sysconf(_SC_NPROCESSORS_ONLN);
  const long share = processors / (long)parallel_tasks(supervisor);
  return share > 1 ? (int)share : 1;
}

/* Whether the task is one of those that --partition is about. */
static bool takes_partitions(const struct lh_supervisor *supervisor, const struct lh_task_run *task) {
  const struct lh_run_options *const options = supervisor->options;
  for (size_t i = 0; i < options->partition_task_count; i++) {
    if (strcmp(options->partition_tasks[i], task->name) == 0) {
      return true;
    }
  }
  return false;
}

static lh_status start(struct lh_supervisor *supervisor, size_t index, struct lh_error *err) {
  struct lh_task_run *const task = &supervisor->tasks[index];
  const bool reads_source = lh_task_reads_source(task);
  task->version = lh_catalog_new_version(supervisor->arena);
  if (task->version == NULL) {
    return lh_error_memory(err);
  }
  struct lh_job job = {
      .project_path = supervisor->options->project->path,
      .project_text = supervisor->options->project_text,
      .task = task->name,
      .sql = task->node->task->kind == LH_TASK_SQL ? task->node->task->sql : "",
      .lake = lh_store_root(supervisor->store),
      .aws = supervisor->options->project->aws,
      .s3_endpoint = supervisor->options->project->s3.endpoint,
      .version = task->version,
      .snapshot_id = reads_source ? supervisor->snapshot.id : "",
      .snapshot_time = reads_source ? supervisor->snapshot.time : "",
      .snapshot_lsn = reads_source ? supervisor->snapshot.lsn : "",
      .temp_directory = supervisor->temp_directory,
      .limit = supervisor->options->limit,
      .verify = supervisor->options->verify && reads_source,
      .memory_bytes = workers_memory(supervisor) / parallel_tasks(supervisor),
      .threads = threads_per_task(supervisor),
      .streams = supervisor->options->streams,
      .rate_bytes = supervisor->options->project->rate_bytes / parallel_tasks(supervisor),
  };
  job.full = supervisor->options->full;
  if (takes_partitions(supervisor, task)) {
    job.partitions = supervisor->options->partitions;
    job.partition_count = supervisor->options->partition_count;
  }
  LH_TRY(resolve_inputs(supervisor, task, &job, err));
  LH_TRY(lh_worker_spawn(&supervisor->workers[index], &job, err));
  lh_log(LH_LOG_DEBUG, "task %s: worker process %d, version %s", task->name,
         (int)supervisor->workers[index].pid, task->version);
  task->verified = job.verify;
  task->state = LH_TASK_RUNNING;
  task->start_ns = lh_clock_ns();
  supervisor->running++;
  return LH_OK;
}

static void skip(struct lh_supervisor *supervisor, struct lh_task_run *task, const char *reason) {
  task->state = supervisor->signals > 0 ? LH_TASK_INTERRUPTED : LH_TASK_SKIPPED;
  task->reason = reason;
  lh_progress_state(&supervisor->progress, task);
}

static void skip_after(struct lh_supervisor *supervisor, struct lh_task_run *task,
                       const struct lh_task_run *cause) {
  const char *const verb = cause->state == LH_TASK_SKIPPED ? "was skipped" : "failed";
  const char *const reason = lh_arena_printf(supervisor->arena, "%s %s", cause->name, verb);
  skip(supervisor, task, reason != NULL ? reason : "a task it reads failed");
}

void lh_supervisor_schedule(struct lh_supervisor *supervisor) {
  for (size_t i = 0; i < supervisor->task_count; i++) {
    struct lh_task_run *const task = &supervisor->tasks[i];
    if (task->state != LH_TASK_PENDING) {
      continue;
    }
    const struct lh_task_run *const broken = broken_dependency(supervisor, task);
    if (broken != NULL) {
      skip_after(supervisor, task, broken);
    } else if (supervisor->stop_reason != NULL) {
      skip(supervisor, task, supervisor->stop_reason);
    } else if (supervisor->running < parallel_tasks(supervisor) && is_ready(supervisor, task)) {
      if (start(supervisor, i, &task->error) != LH_OK) {
        lh_supervisor_fail(supervisor, task);
      }
    }
  }
  lh_supervisor_release_snapshot(supervisor);
}

void lh_supervisor_release_snapshot(struct lh_supervisor *supervisor) {
  if (supervisor->leader == NULL) {
    return;
  }
  for (size_t i = 0; i < supervisor->task_count; i++) {
    const struct lh_task_run *const task = &supervisor->tasks[i];
    const bool is_under_way = task->state == LH_TASK_PENDING || task->state == LH_TASK_RUNNING;
    if (is_under_way && lh_task_reads_source(task)) {
      return;
    }
  }
  lh_pg_disconnect(supervisor->leader);
  supervisor->leader = NULL;
}
