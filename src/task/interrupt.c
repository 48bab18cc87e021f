/* The thread that waits for SIGINT and SIGTERM. */
#include "task/interrupt.h"

#include <signal.h>
#include <string.h>

static void fill_set(sigset_t *set) {
  sigemptyset(set);
  sigaddset(set, SIGINT);
  sigaddset(set, SIGTERM);
}

/* The signal, or 0 where one came before and the time to end has passed. */
static int wait_for_signal(const struct lh_interrupt *interrupt, const sigset_t *set) {
  static const struct timespec grace = {.tv_sec = LH_INTERRUPT_GRACE_SECONDS};
  if (atomic_load(&interrupt->signal) != 0) {
    const int signal_number = sigtimedwait(set, NULL, &grace);
    return signal_number > 0 ? signal_number : 0;
  }
  int signal_number = 0;
  while (sigwait(set, &signal_number) != 0) {
  }
  return signal_number;
}

static void *wait_for_signals(void *argument) {
  struct lh_interrupt *const interrupt = argument;
  sigset_t set;
  fill_set(&set);
  for (;;) {
    const int signal_number = wait_for_signal(interrupt, &set);
    if (signal_number != 0) {
      atomic_store(&interrupt->signal, signal_number);
      atomic_store(&interrupt->is_raised, true);
    }
    pthread_mutex_lock(&interrupt->lock);
    if (signal_number != 0 && interrupt->cancel != NULL) {
      interrupt->cancel(interrupt->target);
    } else if (signal_number == 0 && interrupt->give_up != NULL) {
      interrupt->give_up(interrupt->give_up_context);
    }
    pthread_mutex_unlock(&interrupt->lock);
  }
  return NULL;
}

lh_status lh_interrupt_start(struct lh_interrupt *interrupt, struct lh_error *err) {
  atomic_init(&interrupt->signal, 0);
  atomic_init(&interrupt->is_raised, false);
  pthread_mutex_init(&interrupt->lock, NULL);
  interrupt->cancel = NULL;
  interrupt->target = NULL;
  interrupt->give_up = NULL;
  interrupt->give_up_context = NULL;
  signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  fill_set(&set);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  pthread_t thread;
  const int failed = pthread_create(&thread, NULL, wait_for_signals, interrupt);
  if (failed != 0) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "cannot start a thread: %s", strerror(failed));
  }
  pthread_detach(thread);
  return LH_OK;
}

void lh_interrupt_set(struct lh_interrupt *interrupt, void (*cancel)(void *), void *target) {
  if (interrupt == NULL) {
    return;
  }
  pthread_mutex_lock(&interrupt->lock);
  interrupt->cancel = cancel;
  interrupt->target = target;
  pthread_mutex_unlock(&interrupt->lock);
}

void lh_interrupt_set_give_up(struct lh_interrupt *interrupt, void (*give_up)(void *), void *context) {
  pthread_mutex_lock(&interrupt->lock);
  interrupt->give_up = give_up;
  interrupt->give_up_context = context;
  pthread_mutex_unlock(&interrupt->lock);
}

lh_status lh_interrupt_check(struct lh_interrupt *interrupt, struct lh_error *err) {
  if (interrupt == NULL || atomic_load(&interrupt->signal) == 0) {
    return LH_OK;
  }
  return lh_error_set(err, LH_ERROR_INTERRUPTED, "interrupted");
}
