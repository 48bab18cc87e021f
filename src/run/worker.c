/* Worker: one job from standard input, one task, reports on a pipe. It ends with its supervisor. */
#include "run/worker.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "run/job.h"

#define PROGRESS_INTERVAL_NS (UINT64_C(200) * 1000 * 1000)

struct worker {
  struct lh_arena arena;
  struct lh_interrupt *interrupt; /* lives as long as its waiting thread: as the process */
  struct lh_buf line;
  uint64_t last_progress_ns;
};

/* A supervisor that is gone cannot be told anything; the kernel ends this process soon. */
static void send_line(struct worker *worker, lh_status encoded) {
  struct lh_error ignored;
  if (encoded == LH_OK) {
    const lh_status sent = lh_fs_write_all(LH_REPORT_FD, worker->line.data, worker->line.len,
                                           "the report pipe", LH_ERROR_INTERNAL, &ignored);
    (void)sent;
  }
  lh_buf_reset(&worker->line);
}

static void on_started(void *context, int64_t estimated_rows) {
  struct worker *const worker = context;
  struct lh_error err;
  send_line(worker, lh_report_encode_started(estimated_rows, &worker->line, &err));
}

static void on_progress(void *context, uint64_t rows, uint64_t bytes_read) {
  struct worker *const worker = context;
  const uint64_t now = lh_clock_ns();
  if (now - worker->last_progress_ns < PROGRESS_INTERVAL_NS) {
    return;
  }
  worker->last_progress_ns = now;
  struct lh_error err;
  send_line(worker, lh_report_encode_progress(rows, bytes_read, &worker->line, &err));
}

static void on_warning(void *context, const char *message) {
  struct worker *const worker = context;
  struct lh_error err;
  send_line(worker, lh_report_encode_warning(message, &worker->line, &err));
}

static void on_log(void *context, const char *line) {
  struct worker *const worker = context;
  struct lh_error err;
  send_line(worker, lh_report_encode_log(line, &worker->line, &err));
}

static lh_status read_job(struct worker *worker, struct lh_job *job, struct lh_error *err) {
  struct lh_buf bytes;
  lh_buf_init(&bytes, LH_REPORT_MAX_BYTES);
  lh_status status = lh_fs_read("/dev/stdin", &bytes, LH_ERROR_INTERNAL, err);
  if (status == LH_OK) {
    status = lh_job_decode(&bytes, &worker->arena, job, err);
  }
  lh_buf_clear(&bytes);
  return status;
}

static lh_status run_job(struct worker *worker, const struct lh_job *job, struct lh_task_result *result,
                         struct lh_error *err) {
  struct lh_project *project = NULL;
  LH_TRY(lh_project_parse(job->project_text, strlen(job->project_text), job->project_path, &worker->arena,
                          &project, err));
  project->aws = job->aws;
  project->s3.endpoint = job->s3_endpoint;
  const struct lh_task_spec *const spec = lh_project_find_task(project, job->task);
  if (spec == NULL) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "the job names task %s, which the project does not have",
                        job->task);
  }
  const char *source = NULL;
  if (job->snapshot_id[0] != '\0') {
    LH_TRY(lh_project_get_source(project, &source, err));
  }
  struct lh_task_spec pinned = *spec;
  pinned.sql = job->sql;
  const struct lh_observer observer = {.context = worker,
                                       .started = on_started,
                                       .progress = on_progress,
                                       .warning = on_warning,
                                       .log = on_log};
  struct lh_task_request request = {
      .project = project,
      .spec = &pinned,
      .source = source,
      .session = lh_task_session(project, &pinned, &worker->arena),
      .streams = job->streams > 0 ? job->streams : pinned.streams,
      .rate_bytes = job->rate_bytes,
      .version = job->version,
      .snapshot_id = job->snapshot_id[0] != '\0' ? job->snapshot_id : NULL,
      .snapshot_time = job->snapshot_time,
      .snapshot_lsn = job->snapshot_lsn,
      .limit = job->limit,
      .verify = job->verify,
      .memory_bytes = job->memory_bytes,
      .threads = job->threads,
      .temp_directory = job->temp_directory,
      .inputs = job->inputs,
      .input_count = job->input_count,
      .partitions = job->partitions,
      .partition_count = job->partition_count,
      .full = job->full,
      .interrupt = worker->interrupt,
      .observer = &observer,
  };
  const struct lh_store_options lake = {
      .base_dir = "/", .aws = &project->aws, .s3 = &project->s3, .cancelled = &worker->interrupt->is_raised};
  LH_TRY(lh_store_open(job->lake, &lake, &request.store, err));
  const lh_status status = lh_task_run(&request, &worker->arena, result, err);
  lh_store_free(request.store);
  return status;
}

int lh_worker_main(void) {
  static struct lh_interrupt interrupt;
  struct worker worker = {.interrupt = &interrupt};
  struct lh_error err = {0};
  struct lh_error report_err;
  struct lh_job job;
  struct lh_task_result result = {0};
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  lh_arena_init(&worker.arena, 0);
  lh_buf_init(&worker.line, LH_REPORT_MAX_BYTES);
  lh_status status = lh_interrupt_start(worker.interrupt, &err);
  if (status == LH_OK) {
    status = read_job(&worker, &job, &err);
  }
  if (status == LH_OK) {
    status = run_job(&worker, &job, &result, &err);
  }
  if (status == LH_OK) {
    send_line(&worker, lh_report_encode_finished(&job, &result, &worker.line, &report_err));
  } else {
    send_line(&worker, lh_report_encode_failed(&err, &worker.line, &report_err));
  }
  lh_buf_clear(&worker.line);
  lh_arena_clear(&worker.arena);
  return lh_status_exit_code(status);
}
