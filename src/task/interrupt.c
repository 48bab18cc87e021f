/* The thread that waits for SIGINT and SIGTERM. */
#include "task/interrupt.h"

#include <signal.h>
#include <string.h>

static void fill_set(sigset_t *set) {
  sigemptyset(set);
  sigaddset(set, SIGINT);
  sigaddset(set, SIGTERM);
}

static void *wait_for_signals(void *argument) {
  struct lh_interrupt *const interrupt = argument;
  sigset_t set;
  fill_set(&set);
  for (;;) {
    int signal_number = 0;
    if (sigwait(&set, &signal_number) != 0) {
      continue;
    }
    atomic_store(&interrupt->signal, signal_number);
    atomic_store(&interrupt->is_raised, true);
    pthread_mutex_lock(&interrupt->lock);
    if (interrupt->cancel != NULL) {
      interrupt->cancel(interrupt->target);
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

lh_status lh_interrupt_check(struct lh_interrupt *interrupt, struct lh_error *err) {
  if (interrupt == NULL || atomic_load(&interrupt->signal) == 0) {
    return LH_OK;
  }
  return lh_error_set(err, LH_ERROR_INTERRUPTED, "interrupted");
}
