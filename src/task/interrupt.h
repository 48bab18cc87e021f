/*
 * Interrupts: SIGINT and SIGTERM turned into one flag and one cancel call.
 *
 * A thread of its own waits for the signals, so that no handler runs in the middle of anything. The work
 * registers what a signal should cancel (a query on the server, a query in the engine), notices the flag
 * between batches, and unwinds as after any other error: sinks abort, connections close.
 */
#ifndef LH_TASK_INTERRUPT_H
#define LH_TASK_INTERRUPT_H

#include <pthread.h>
#include <stdatomic.h>

#include "lakehaul/error.h"

struct lh_interrupt {
  atomic_int signal;      /* 0 until one arrives; set by the waiting thread */
  atomic_bool is_raised;  /* whether one has, for what cannot ask */
  pthread_mutex_t lock;   /* over the fields below */
  void (*cancel)(void *); /* may be NULL */
  void *target;
  void (*give_up)(void *); /* may be NULL */
  void *give_up_context;
};

/* Blocks SIGINT and SIGTERM in this thread and those it starts later, ignores SIGPIPE, and starts waiting.
 * Call once, early; the struct must live as long as the process. */
lh_status lh_interrupt_start(struct lh_interrupt *interrupt, struct lh_error *err) LH_WARN_UNUSED;

/* Registers what to cancel; NULL to stop. After it returned with NULL, the old target is not touched any
 * more. */
void lh_interrupt_set(struct lh_interrupt *interrupt, void (*cancel)(void *), void *target);

/* Registers what is called when, LH_INTERRUPT_GRACE_SECONDS after a signal, the work has still not ended:
 * what waits for a server's answer in a library of somebody else's cannot be stopped. NULL where it has
 * ended. */
#define LH_INTERRUPT_GRACE_SECONDS 5
void lh_interrupt_set_give_up(struct lh_interrupt *interrupt, void (*give_up)(void *), void *context);

/* LH_OK, or LH_ERROR_INTERRUPTED once a signal has arrived. A NULL interrupt is never interrupted. */
lh_status lh_interrupt_check(struct lh_interrupt *interrupt, struct lh_error *err) LH_WARN_UNUSED;

#endif
