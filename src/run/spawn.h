/*
 * Worker processes: starting one and reading its reports.
 */
#ifndef LH_RUN_SPAWN_H
#define LH_RUN_SPAWN_H

#include <sys/types.h>

#include "base/buf.h"
#include "run/job.h"

struct lh_worker {
  pid_t pid;        /* 0: none */
  int report_fd;    /* non-blocking; -1: none */
  struct lh_buf in; /* reports received but not taken yet */
};

/* Starts this program as a worker in a process group of its own and hands it the job. */
lh_status lh_worker_spawn(struct lh_worker *worker, const struct lh_job *job,
                          struct lh_error *err) LH_WARN_UNUSED;
/* Reads what is there without waiting. */
lh_status lh_worker_receive(struct lh_worker *worker, struct lh_error *err) LH_WARN_UNUSED;
/* Takes one whole line out of what was received; false when there is none. `line` is borrowed until the next
 * call. */
bool lh_worker_next_line(struct lh_worker *worker, size_t *taken, const char **line, size_t *length);
/* Drops the `taken` bytes at the front. */
void lh_worker_consume(struct lh_worker *worker, size_t taken);
/* Closes the pipe and frees the buffer; the process must have been waited for. */
void lh_worker_clear(struct lh_worker *worker);

#endif
