/*
 * Jobs and reports: what passes between the supervisor and a worker process.
 *
 * A job is one JSON document on the worker's standard input. Reports are JSON objects, one a line, on a pipe
 * of their own (LH_REPORT_FD), so that whatever a task prints cannot disturb them.
 */
#ifndef LH_RUN_JOB_H
#define LH_RUN_JOB_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "catalog/local.h"
#include "lakehaul/error.h"
#include "task/task.h"

/* The worker's descriptor for reports. */
#define LH_REPORT_FD 3
/* Most bytes of one report or job. */
#define LH_REPORT_MAX_BYTES ((size_t)64 << 20)

/* The project travels as the text that the supervisor read, so that an edit during the run changes nothing.
 */
struct lh_job {
  const char *project_path;
  const char *project_text;
  const char *task;
  const char *sql;            /* the text of a SQL task as the supervisor read it; "" for the other kinds */
  const char *lake;           /* absolute root */
  struct lh_aws_settings aws; /* the project's, or what the command line says; like the next NULL: nothing */
  const char *s3_endpoint;
  const char *version;
  const char *snapshot_id; /* "" for SQL tasks */
  const char *snapshot_time, *snapshot_lsn;
  const char *temp_directory;
  int64_t limit;
  bool verify;
  uint64_t memory_bytes;
  int threads;
  int streams;         /* 0: as the task says */
  uint64_t rate_bytes; /* this task's share; 0: no limit */
  struct lh_task_input *inputs;
  size_t input_count;
  const char *const *partitions; /* the only ones to be rewritten */
  size_t partition_count;
  bool full;
};

lh_status lh_job_encode(const struct lh_job *job, struct lh_buf *out, struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_job_decode(const struct lh_buf *bytes, struct lh_arena *arena, struct lh_job *out,
                        struct lh_error *err) LH_WARN_UNUSED;

enum lh_report_kind {
  LH_REPORT_STARTED,  /* rows: estimate, -1 where unknown */
  LH_REPORT_PROGRESS, /* rows and bytes so far */
  LH_REPORT_WARNING,  /* text */
  LH_REPORT_LOG,      /* text: a line of the task's own program */
  LH_REPORT_FINISHED, /* result */
  LH_REPORT_FAILED,   /* error */
};

struct lh_report {
  enum lh_report_kind kind;
  int64_t rows;
  uint64_t bytes;
  const char *text;
  struct lh_lake_version *version;  /* what was written; published_at is still empty */
  struct lh_schema_change *changes; /* of its columns against those published before */
  size_t change_count;
  struct lh_task_elsewhere *elsewhere; /* NULL: it ran here */
  struct lh_error error;
};

/* Each appends one line. */
lh_status lh_report_encode_started(int64_t estimated_rows, struct lh_buf *out,
                                   struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_report_encode_progress(uint64_t rows, uint64_t bytes, struct lh_buf *out,
                                    struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_report_encode_warning(const char *text, struct lh_buf *out, struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_report_encode_log(const char *text, struct lh_buf *out, struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_report_encode_finished(const struct lh_job *job, const struct lh_task_result *result,
                                    struct lh_buf *out, struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_report_encode_failed(const struct lh_error *failure, struct lh_buf *out,
                                  struct lh_error *err) LH_WARN_UNUSED;

lh_status lh_report_decode(const char *line, size_t length, struct lh_arena *arena, struct lh_report *out,
                           struct lh_error *err) LH_WARN_UNUSED;

/* Partitions as JSON and back: of an input, in a finished report, and for `--json` those that `version` wrote
 * of all. For this module's files. */
json_t *lh_input_partitions_to_json(const struct lh_task_input *input);
lh_status lh_input_partitions_decode(const json_t *input, const char *what, struct lh_arena *arena,
                                     struct lh_task_input *out, struct lh_error *err) LH_WARN_UNUSED;
json_t *lh_result_partitions_to_json(const struct lh_task_result *result);
lh_status lh_result_partitions_decode(const json_t *object, const char *what, struct lh_arena *arena,
                                      struct lh_lake_version *out, struct lh_error *err) LH_WARN_UNUSED;
json_t *lh_names_to_json(const char *const *names, size_t count);
lh_status lh_names_decode(const json_t *array, const char *what, struct lh_arena *arena,
                          const char *const **out, size_t *count, struct lh_error *err) LH_WARN_UNUSED;

/* What an engine elsewhere told, as a JSON object, also for `--json`; and back. NULL without memory. */
json_t *lh_elsewhere_to_json(const struct lh_task_elsewhere *elsewhere);
lh_status lh_elsewhere_decode(const json_t *object, const char *what, struct lh_arena *arena,
                              struct lh_task_elsewhere **out, struct lh_error *err) LH_WARN_UNUSED;

/* The error as a JSON object, also for `--json`. NULL without memory. */
json_t *lh_error_to_json(const struct lh_error *failure);
json_t *lh_schema_change_to_json(const struct lh_schema_change *change);

#endif
