/*
 * Observer: where a running task tells what it does. Every function may be NULL.
 */
#ifndef LH_TASK_OBSERVER_H
#define LH_TASK_OBSERVER_H

#include <stdint.h>

struct lh_observer {
  void *context;
  /* The task's transaction has begun; `estimated_rows` is -1 where unknown. */
  void (*started)(void *context, int64_t estimated_rows);
  /* Totals so far; called often (once a batch), so it must be cheap. */
  void (*progress)(void *context, uint64_t rows, uint64_t bytes_read);
  /* Something the user should know though it is no failure. */
  void (*warning)(void *context, const char *message);
  /* A line that the task's own program printed. */
  void (*log)(void *context, const char *line);
};

void lh_observer_started(const struct lh_observer *observer, int64_t estimated_rows);
void lh_observer_progress(const struct lh_observer *observer, uint64_t rows, uint64_t bytes_read);
void lh_observer_warning(const struct lh_observer *observer, const char *message);
void lh_observer_log(const struct lh_observer *observer, const char *line);

#endif
