/* The supervisor's event loop: worker reports, worker ends, signals, the clock. */
#include "run/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "run/crawl.h"

#define TICK_MS 100
/* How long workers get to unwind after SIGTERM before they are killed. */
#define STOP_SECONDS 5.0

const char *lh_task_state_name(enum lh_task_state state) {
  static const char *const names[] = {"pending", "running", "published", "failed", "skipped", "interrupted"};
  return names[state];
}

static lh_status plan_tasks(struct lh_supervisor *supervisor, struct lh_error *err) {
  const struct lh_graph *const graph = supervisor->options->graph;
  struct lh_arena *const arena = supervisor->arena;
  supervisor->tasks = LH_ARENA_ARRAY(arena, struct lh_task_run, graph->node_count);
  supervisor->workers = LH_ARENA_ARRAY(arena, struct lh_worker, graph->node_count);
  supervisor->by_node = LH_ARENA_ARRAY(arena, struct lh_task_run *, graph->node_count);
  if (supervisor->tasks == NULL || supervisor->workers == NULL || supervisor->by_node == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < graph->node_count; i++) {
    const size_t index = graph->order[i];
    if (!graph->nodes[index].selected) {
      continue;
    }
    struct lh_task_run *const task = &supervisor->tasks[supervisor->task_count];
    supervisor->workers[supervisor->task_count].report_fd = -1;
    supervisor->task_count++;
    task->node = &graph->nodes[index];
    task->name = task->node->task->name;
    task->estimated_rows = -1;
    supervisor->by_node[index] = task;
  }
  return LH_OK;
}

/* Uploads that a killed run left cost money until they are removed; those of runs that are under way do not
 * count. What may not be listed is left to gc to complain of. */
static void warn_of_uploads(const struct lh_supervisor *supervisor) {
  struct lh_arena arena;
  struct lh_error ignored;
  struct lh_store_upload *uploads = NULL;
  size_t count = 0;
  size_t left = 0;
  const char *const since = lh_store_lock_held_since(supervisor->run_lock);
  lh_arena_init(&arena, 0);
  if (lh_store_list_uploads(supervisor->store, "", &arena, &uploads, &count, &ignored) == LH_OK) {
    for (size_t i = 0; i < count; i++) {
      left += since[0] == '\0' || strcmp(uploads[i].begun_at, since) < 0 ? 1 : 0;
    }
  }
  lh_arena_clear(&arena);
  if (left > 0) {
    lh_log(LH_LOG_WARN,
           "%zu unfinished upload%s of earlier runs take%s space in %s that is paid for: lakehaul gc "
           "removes %s",
           left, left == 1 ? "" : "s", left == 1 ? "s" : "", lh_store_root(supervisor->store),
           left == 1 ? "it" : "them");
  }
}

static lh_status open_lake(struct lh_supervisor *supervisor, struct lh_error *err) {
  const struct lh_run_options *const options = supervisor->options;
  const struct lh_store_options lake = {.base_dir = options->lake_base,
                                        .create = true,
                                        .aws = &options->project->aws,
                                        .s3 = &options->project->s3};
  LH_TRY(lh_store_open(options->lake, &lake, &supervisor->store, err));
  bool locked = false;
  LH_TRY(lh_store_lock(supervisor->store, LH_CATALOG_RUN_LOCK, false, false, &supervisor->run_lock, &locked,
                       err));
  if (!locked) {
    const lh_status status = lh_error_set(err, LH_ERROR_LAKE, "lake %s is locked by a running lakehaul gc",
                                          lh_store_root(supervisor->store));
    lh_error_hint(err, "run again once it has ended");
    return status;
  }
  warn_of_uploads(supervisor);
  return LH_OK;
}

/* Before a row is read: whose tables are in the catalog. */
static lh_status open_catalogs(struct lh_supervisor *supervisor, struct lh_error *err) {
  const struct lh_run_options *const options = supervisor->options;
  LH_TRY(lh_catalogs_open(options->project, supervisor->store, NULL, true, &supervisor->catalogs, err));
  for (size_t i = 0; i < supervisor->task_count; i++) {
    const struct lh_task_run *const task = &supervisor->tasks[i];
    bool partial = false;
    for (size_t j = 0; j < options->partition_task_count; j++) {
      partial = partial || strcmp(options->partition_tasks[j], task->name) == 0;
    }
    LH_TRY(lh_catalogs_check(&supervisor->catalogs, task->node->task, partial, err));
  }
  return LH_OK;
}

static lh_status open_source(struct lh_supervisor *supervisor, struct lh_error *err) {
  for (size_t i = 0; i < supervisor->task_count; i++) {
    if (lh_task_reads_source(&supervisor->tasks[i])) {
      const char *source = NULL;
      LH_TRY(lh_project_get_source(supervisor->options->project, &source, err));
      const struct lh_pg_session session = {
          .application_name = "lakehaul",
          .lock_timeout_ms = supervisor->options->project->lock_timeout_ms,
          .statement_timeout_ms = supervisor->options->project->statement_timeout_ms,
      };
      LH_TRY(lh_pg_connect_session(source, &session, &supervisor->leader, err));
      return lh_pg_export_snapshot(supervisor->leader, &supervisor->snapshot, err);
    }
  }
  return LH_OK;
}

static void signal_workers(struct lh_supervisor *supervisor, int signal_number) {
  for (size_t i = 0; i < supervisor->task_count; i++) {
    if (supervisor->workers[i].pid > 0) {
      kill(supervisor->workers[i].pid, signal_number);
    }
  }
}

static void reap(struct lh_supervisor *supervisor) {
  for (size_t i = 0; i < supervisor->task_count; i++) {
    const pid_t pid = supervisor->workers[i].pid;
    int wait_status = 0;
    if (pid > 0 && waitpid(pid, &wait_status, WNOHANG) == pid) {
      lh_supervisor_conclude(supervisor, i, wait_status);
    }
  }
}

static void on_signal(struct lh_supervisor *supervisor, int signal_number) {
  if (signal_number == SIGCHLD) {
    return;
  }
  supervisor->signals++;
  if (supervisor->signals == 1) {
    supervisor->signal_ns = lh_clock_ns();
    supervisor->stop_reason = "interrupted";
    signal_workers(supervisor, SIGTERM);
  } else {
    signal_workers(supervisor, SIGKILL);
  }
}

static void take_signals(struct lh_supervisor *supervisor, int signal_fd) {
  struct signalfd_siginfo info;
  while (read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
    on_signal(supervisor, (int)info.ssi_signo);
  }
}

static void enforce_stop(struct lh_supervisor *supervisor) {
  if (supervisor->signals > 0 && lh_clock_seconds_since(supervisor->signal_ns) > STOP_SECONDS) {
    signal_workers(supervisor, SIGKILL);
  }
}

static lh_status wait_for_events(struct lh_supervisor *supervisor, int signal_fd, struct lh_error *err) {
  struct pollfd *const fds = calloc(supervisor->running + 1, sizeof(*fds));
  if (fds == NULL) {
    return lh_error_memory(err);
  }
  nfds_t count = 0;
  fds[count++] = (struct pollfd){.fd = signal_fd, .events = POLLIN};
  for (size_t i = 0; i < supervisor->task_count && count <= supervisor->running; i++) {
    if (supervisor->workers[i].report_fd >= 0) {
      fds[count++] = (struct pollfd){.fd = supervisor->workers[i].report_fd, .events = POLLIN};
    }
  }
  const int ready = poll(fds, count, TICK_MS);
  free(fds);
  if (ready < 0 && errno != EINTR) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "cannot wait for workers: %s", strerror(errno));
  }
  return LH_OK;
}

static lh_status loop(struct lh_supervisor *supervisor, int signal_fd, struct lh_error *err) {
  lh_supervisor_schedule(supervisor);
  while (supervisor->running > 0) {
    LH_TRY(wait_for_events(supervisor, signal_fd, err));
    take_signals(supervisor, signal_fd);
    for (size_t i = 0; i < supervisor->task_count; i++) {
      if (supervisor->workers[i].report_fd >= 0) {
        lh_supervisor_take_reports(supervisor, i);
      }
    }
    reap(supervisor);
    enforce_stop(supervisor);
    lh_supervisor_schedule(supervisor);
    lh_progress_tick(&supervisor->progress);
  }
  /* Tasks that became skippable with the last end have dependents of their own. */
  lh_supervisor_schedule(supervisor);
  return LH_OK;
}

static lh_status supervise(struct lh_supervisor *supervisor, struct lh_error *err) {
  sigset_t set;
  sigset_t before;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, &before);
  const int signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signal_fd < 0) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "cannot watch signals: %s", strerror(errno));
  }
  lh_progress_init(&supervisor->progress, supervisor->options->progress, supervisor->tasks,
                   supervisor->task_count);
  const lh_status status = loop(supervisor, signal_fd, err);
  if (status != LH_OK) {
    signal_workers(supervisor, SIGKILL);
  }
  lh_progress_end(&supervisor->progress);
  close(signal_fd);
  sigprocmask(SIG_SETMASK, &before, NULL);
  return status;
}

static void clear(struct lh_supervisor *supervisor) {
  struct lh_error ignored;
  for (size_t i = 0; i < supervisor->task_count; i++) {
    if (supervisor->workers[i].pid > 0) {
      waitpid(supervisor->workers[i].pid, NULL, 0);
      lh_worker_clear(&supervisor->workers[i]);
    }
  }
  lh_pg_disconnect(supervisor->leader);
  lh_catalogs_close(&supervisor->catalogs);
  lh_store_unlock(supervisor->run_lock);
  lh_store_free(supervisor->store);
  if (supervisor->temp_directory != NULL) {
    /* A temporary directory that stays does no harm and has no one to be reported to. */
    const lh_status removed = lh_fs_remove_tree(supervisor->temp_directory, LH_ERROR_LAKE, &ignored);
    (void)removed;
  }
}

lh_status lh_run_execute(const struct lh_run_options *options, struct lh_arena *arena,
                         struct lh_run_result *out, struct lh_error *err) {
  const uint64_t start_ns = lh_clock_ns();
  struct lh_supervisor supervisor = {.options = options, .arena = arena};
  lh_status status = plan_tasks(&supervisor, err);
  if (status == LH_OK) {
    status = open_lake(&supervisor, err);
  }
  if (status == LH_OK) {
    status = open_catalogs(&supervisor, err);
  }
  if (status == LH_OK) {
    status = open_source(&supervisor, err);
  }
  if (status == LH_OK) {
    status = lh_fs_make_temp_directory(arena, &supervisor.temp_directory, LH_ERROR_LAKE, err);
  }
  if (status == LH_OK) {
    status = supervise(&supervisor, err);
  }
  const char *const root =
      supervisor.store != NULL ? lh_arena_strdup(arena, lh_store_root(supervisor.store)) : NULL;
  clear(&supervisor);
  *out = (struct lh_run_result){
      .tasks = supervisor.tasks,
      .task_count = supervisor.task_count,
      .snapshot = supervisor.snapshot,
      .interrupted = supervisor.signals > 0,
      .seconds = lh_clock_seconds_since(start_ns),
  };
  if (status == LH_OK && root != NULL) {
    lh_run_crawl(options, root, arena, out);
    out->seconds = lh_clock_seconds_since(start_ns);
  }
  return status;
}

int lh_run_exit_code(const struct lh_run_result *result) {
  if (result->interrupted) {
    return lh_status_exit_code(LH_ERROR_INTERRUPTED);
  }
  for (size_t i = 0; i < result->task_count; i++) {
    if (result->tasks[i].state != LH_TASK_PUBLISHED) {
      return 1;
    }
  }
  return result->has_crawl ? lh_status_exit_code(result->crawl_error.code) : 0;
}
