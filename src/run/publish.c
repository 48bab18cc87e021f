/* How a task ends: its reports are taken, and it is published, or it fails and leaves nothing. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "run/supervisor.h"

static void remove_files(struct lh_supervisor *supervisor, const struct lh_task_run *task) {
  struct lh_error ignored;
  if (task->version == NULL) {
    return;
  }
  /* What cannot be removed now is a leftover that gc finds: the version was never published. */
  const lh_status removed = lh_catalog_remove_version(supervisor->store, task->name, task->version, &ignored);
  (void)removed;
}

void lh_supervisor_fail(struct lh_supervisor *supervisor, struct lh_task_run *task) {
  const bool interrupted = supervisor->signals > 0;
  task->state = interrupted ? LH_TASK_INTERRUPTED : LH_TASK_FAILED;
  remove_files(supervisor, task);
  if (interrupted) {
    task->reason = "interrupted";
  } else if (supervisor->options->fail_fast && supervisor->stop_reason == NULL) {
    const char *const reason = lh_arena_printf(supervisor->arena, "--fail-fast, %s failed", task->name);
    supervisor->stop_reason = reason != NULL ? reason : "--fail-fast";
  }
  lh_progress_state(&supervisor->progress, task);
}

static lh_status take_report(struct lh_supervisor *supervisor, size_t index, const char *line, size_t length,
                             struct lh_error *err) {
  struct lh_task_run *const task = &supervisor->tasks[index];
  struct lh_arena scratch;
  struct lh_report report;
  lh_arena_init(&scratch, 0);
  /* Only the last report of a task stays for the run. */
  const bool keep = memmem(line, length, "\"finished\"", 10) != NULL;
  const lh_status status = lh_report_decode(line, length, keep ? supervisor->arena : &scratch, &report, err);
  if (status == LH_OK) {
    switch (report.kind) {
      case LH_REPORT_STARTED:
        task->estimated_rows = report.rows;
        lh_progress_state(&supervisor->progress, task);
        break;
      case LH_REPORT_PROGRESS:
        task->rows = (uint64_t)report.rows;
        task->bytes = report.bytes;
        break;
      case LH_REPORT_WARNING:
        lh_progress_warning(&supervisor->progress, task, report.text);
        break;
      case LH_REPORT_LOG:
        lh_progress_log(&supervisor->progress, task, report.text);
        break;
      case LH_REPORT_FINISHED:
        task->published = report.version;
        task->changes = report.changes;
        task->change_count = report.change_count;
        task->elsewhere = report.elsewhere;
        break;
      case LH_REPORT_FAILED:
        task->error = report.error;
        break;
    }
  }
  lh_arena_clear(&scratch);
  return status;
}

void lh_supervisor_take_reports(struct lh_supervisor *supervisor, size_t index) {
  struct lh_worker *const worker = &supervisor->workers[index];
  struct lh_task_run *const task = &supervisor->tasks[index];
  struct lh_error err;
  lh_status status = lh_worker_receive(worker, &err);
  size_t taken = 0;
  const char *line = NULL;
  size_t length = 0;
  while (status == LH_OK && lh_worker_next_line(worker, &taken, &line, &length)) {
    status = take_report(supervisor, index, line, length, &err);
  }
  lh_worker_consume(worker, taken);
  if (status != LH_OK && task->error.code == LH_OK) {
    task->error = err;
    kill(worker->pid, SIGKILL);
  }
}

static void describe_end(struct lh_task_run *task, int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    const int signal_number = WTERMSIG(wait_status);
    lh_error_set(&task->error, LH_ERROR_INTERNAL, "its worker process was killed by signal %d (%s)",
                 signal_number, strsignal(signal_number));
    if (signal_number == SIGKILL) {
      lh_error_hint(&task->error,
                    "nothing was published; if the system ran out of memory, lower memory or jobs in "
                    "lakehaul.yaml (see dmesg)");
    } else {
      lh_error_hint(&task->error, "nothing was published; please report this");
    }
    return;
  }
  lh_error_set(&task->error, LH_ERROR_INTERNAL, "its worker process ended with status %d before the task did",
               WEXITSTATUS(wait_status));
  lh_error_hint(&task->error, "nothing was published; what it printed on standard error may say why");
}

/* A view is its SELECT and the names of what it reads, so that whoever reads it finds those first. */
static lh_status describe_view(struct lh_supervisor *supervisor, const struct lh_task_run *task,
                               struct lh_lake_version *version, struct lh_error *err) {
  const struct lh_graph_node *const node = task->node;
  const size_t count = node->dependency_count + node->external_count;
  const char **const reads = LH_ARENA_ARRAY(supervisor->arena, const char *, count);
  if (reads == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < node->dependency_count; i++) {
    reads[i] = supervisor->options->graph->nodes[node->dependencies[i]].task->name;
  }
  for (size_t i = 0; i < node->external_count; i++) {
    reads[node->dependency_count + i] = node->external_tables[i];
  }
  version->view_sql = node->task->sql;
  version->view_reads = reads;
  version->view_read_count = count;
  return LH_OK;
}

static lh_status publish(struct lh_supervisor *supervisor, struct lh_task_run *task, struct lh_error *err) {
  struct lh_catalogs_outcome outcome;
  struct lh_lake_version version = *task->published;
  char now[32];
  version.published_at = lh_arena_strdup(supervisor->arena, lh_clock_utc_now(now));
  if (version.published_at == NULL) {
    return lh_error_memory(err);
  }
  if (task->node->task->is_view) {
    LH_TRY(describe_view(supervisor, task, &version, err));
  }
  const lh_status status = lh_catalogs_publish(&supervisor->catalogs, task->node->task, &version,
                                               supervisor->arena, &outcome, err);
  if (outcome.files_stay) {
    task->version = NULL; /* so that nobody removes them */
  }
  LH_TRY(status);
  if (outcome.warning != NULL) {
    lh_progress_warning(&supervisor->progress, task, outcome.warning);
  }
  task->published = outcome.current;
  task->rows = version.rows;
  task->bytes = version.bytes;
  return LH_OK;
}

void lh_supervisor_conclude(struct lh_supervisor *supervisor, size_t index, int wait_status) {
  struct lh_task_run *const task = &supervisor->tasks[index];
  lh_supervisor_take_reports(supervisor, index);
  lh_worker_clear(&supervisor->workers[index]);
  supervisor->running--;
  task->seconds = lh_clock_seconds_since(task->start_ns);
  const bool ended_well = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
  if (task->error.code == LH_OK && ended_well && task->published != NULL) {
    if (publish(supervisor, task, &task->error) == LH_OK) {
      task->state = LH_TASK_PUBLISHED;
      lh_progress_state(&supervisor->progress, task);
      lh_progress_changes(&supervisor->progress, task);
      return;
    }
  } else if (task->error.code == LH_OK) {
    describe_end(task, wait_status);
  }
  task->published = NULL;
  lh_supervisor_fail(supervisor, task);
}
