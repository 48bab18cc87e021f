/* The rate limit: a moment that each read pushes on, and that whoever has read waits for. */
#include "task/pace.h"

#include <time.h>

#include "base/clock.h"

#define SECOND_NS UINT64_C(1000000000)
#define CREDIT_NS (SECOND_NS / 5)
#define NAP_NS (SECOND_NS / 10)

void lh_pace_init(struct lh_pace *pace, uint64_t bytes_per_second) {
  *pace = (struct lh_pace){.bytes_per_second = bytes_per_second};
  pthread_mutex_init(&pace->lock, NULL);
}

void lh_pace_clear(struct lh_pace *pace) {
  pthread_mutex_destroy(&pace->lock);
}

static uint64_t reserve(struct lh_pace *pace, uint64_t bytes) {
  const uint64_t now = lh_clock_ns();
  const uint64_t oldest = now > CREDIT_NS ? now - CREDIT_NS : 0;
  const double needed_ns = (double)bytes / (double)pace->bytes_per_second * (double)SECOND_NS;
  pthread_mutex_lock(&pace->lock);
  const uint64_t begin = pace->free_ns > oldest ? pace->free_ns : oldest;
  pace->free_ns = begin + (uint64_t)needed_ns;
  const uint64_t free_ns = pace->free_ns;
  pthread_mutex_unlock(&pace->lock);
  return free_ns;
}

lh_status lh_pace_wait(struct lh_pace *pace, uint64_t bytes, const atomic_bool *stop,
                       struct lh_interrupt *interrupt, struct lh_error *err) {
  if (pace->bytes_per_second == 0) {
    return LH_OK;
  }
  const uint64_t until = reserve(pace, bytes);
  for (uint64_t now = lh_clock_ns(); now < until && !atomic_load(stop); now = lh_clock_ns()) {
    LH_TRY(lh_interrupt_check(interrupt, err));
    const uint64_t nap = until - now < NAP_NS ? until - now : NAP_NS;
    nanosleep(&(struct timespec){.tv_nsec = (long)nap}, NULL);
  }
  return LH_OK;
}
