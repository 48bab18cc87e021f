/* Retries: exponential backoff with full jitter, slept in slices so that an interrupt ends it. */
#include "net/retry.h"

#include <sys/random.h>
#include <time.h>

#include "base/clock.h"

#define SLICE_MS 50

struct lh_retry_policy lh_retry_default(void) {
  return (struct lh_retry_policy){.max_attempts = 8, .base_ms = 100, .cap_ms = 20000};
}

int64_t lh_retry_delay_ms(const struct lh_retry_policy *policy, int attempt, uint32_t random,
                          int64_t least_ms) {
  int64_t most_ms = policy->base_ms;
  for (int i = 0; i < attempt && most_ms < policy->cap_ms; i++) {
    most_ms *= 2;
  }
  most_ms = most_ms < policy->cap_ms ? most_ms : policy->cap_ms;
  const int64_t jittered_ms = (int64_t)(((unsigned __int128)(uint64_t)most_ms * random) >> 32);
  if (jittered_ms >= least_ms) {
    return jittered_ms;
  }
  return least_ms < policy->cap_ms ? least_ms : policy->cap_ms;
}

lh_status lh_retry_sleep(int64_t delay_ms, const atomic_bool *cancelled, struct lh_error *err) {
  const uint64_t start_ns = lh_clock_ns();
  for (;;) {
    if (cancelled != NULL && atomic_load(cancelled)) {
      return lh_error_set(err, LH_ERROR_INTERRUPTED, "interrupted");
    }
    const int64_t left_ms = delay_ms - (int64_t)((lh_clock_ns() - start_ns) / 1000000);
    if (left_ms <= 0) {
      return LH_OK;
    }
    const int64_t slice_ms = left_ms < SLICE_MS ? left_ms : SLICE_MS;
    nanosleep(&(struct timespec){.tv_nsec = (long)(slice_ms * 1000000)}, NULL);
  }
}

lh_status lh_retry_wait(const struct lh_retry_policy *policy, int attempt, int64_t least_ms,
                        const atomic_bool *cancelled, struct lh_error *err) {
  uint32_t random = 0;
  if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
    random = (uint32_t)lh_clock_ns() * UINT32_C(2654435761);
  }
  return lh_retry_sleep(lh_retry_delay_ms(policy, attempt, random, least_ms), cancelled, err);
}
