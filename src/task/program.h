/*
 * Programs: a process of somebody else's code, its output line by line, its end, and limits that it cannot
 * pass.
 */
#ifndef LH_TASK_PROGRAM_H
#define LH_TASK_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "lakehaul/error.h"
#include "task/interrupt.h"
#include "task/observer.h"

struct lh_program {
  const char *const *arguments; /* the program, found through PATH, and what it is given */
  size_t argument_count;
  const char *const *environment; /* "NAME=value", besides this process' own */
  size_t environment_count;
  const char *directory; /* that it starts in */
  int64_t timeout_ms;    /* 0: none */
  uint64_t memory_bytes; /* of its data, per process (RLIMIT_DATA); 0: no limit */
  struct lh_interrupt *interrupt;
  const struct lh_observer *observer; /* gets a log line for each line it prints */
};

/* Runs it to its end, in a process group of its own that is gone afterwards, whatever it started. Its input
 * is empty. LH_ERROR_DATA where it cannot be started, or ends otherwise than with status 0, with the last
 * line that it printed on standard error; and where its time is over. An interrupt stops it. */
lh_status lh_program_run(const struct lh_program *program, struct lh_arena *arena,
                         struct lh_error *err) LH_WARN_UNUSED;

#endif
