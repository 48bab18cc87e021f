/*
 * Range queue: which ranges of a table are still to be read, shared by the streams that read them.
 *
 * A range is taken, and is settled once the part that holds its rows is finished, or is given back. All are
 * done when none is left and none is out, so that a stream waits for what another may yet give back. Any
 * thread.
 */
#ifndef LH_TASK_RANGE_QUEUE_H
#define LH_TASK_RANGE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "lakehaul/error.h"

struct lh_range_queue {
  size_t count;         /* constant */
  pthread_mutex_t lock; /* over the rest */
  pthread_cond_t changed;
  size_t next;      /* ranges from here on were never taken */
  size_t *returned; /* those that were given back: room for all */
  size_t returned_count;
  size_t out; /* taken, neither settled nor given back */
  bool stopped;
};

lh_status lh_range_queue_init(struct lh_range_queue *queue, size_t count, struct lh_arena *arena,
                              struct lh_error *err) LH_WARN_UNUSED;
void lh_range_queue_clear(struct lh_range_queue *queue);

/* False where none is left now, or the queue was stopped. */
bool lh_range_queue_take(struct lh_range_queue *queue, size_t *range);
/* The same, but waits while others may give some back; false: all are settled, or the queue was stopped. */
bool lh_range_queue_wait(struct lh_range_queue *queue, size_t *range);
/* `count` ranges of this stream are in finished parts. */
void lh_range_queue_settle(struct lh_range_queue *queue, size_t count);
void lh_range_queue_give_back(struct lh_range_queue *queue, const size_t *ranges, size_t count);
/* Nobody gets any more. */
void lh_range_queue_stop(struct lh_range_queue *queue);

#endif
