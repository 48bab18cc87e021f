/*
 * Pace: how fast a task may read, over all its streams.
 */
#ifndef LH_TASK_PACE_H
#define LH_TASK_PACE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "task/interrupt.h"

struct lh_pace {
  uint64_t bytes_per_second; /* constant; 0: as fast as it goes */
  pthread_mutex_t lock;      /* over the rest */
  uint64_t free_ns;          /* when all that was read so far has had its time */
};

void lh_pace_init(struct lh_pace *pace, uint64_t bytes_per_second);
void lh_pace_clear(struct lh_pace *pace);

/* Called after `bytes` were read: sleeps as long as they take at that rate, less what others' idling has left
 * (a fifth of a second at most), or until `stop` is set. An interrupt is its error. Any thread. */
lh_status lh_pace_wait(struct lh_pace *pace, uint64_t bytes, const atomic_bool *stop,
                       struct lh_interrupt *interrupt, struct lh_error *err) LH_WARN_UNUSED;

#endif
