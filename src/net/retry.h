/*
 * Retries: how long to wait before the next attempt.
 *
 * Exponential backoff with full jitter: a random time between 0 and min(cap, base * 2^attempt), so that
 * clients that failed together do not come back together.
 */
#ifndef LH_NET_RETRY_H
#define LH_NET_RETRY_H

#include <stdatomic.h>
#include <stdint.h>

#include "lakehaul/error.h"

struct lh_retry_policy {
  int max_attempts;
  int64_t base_ms;
  int64_t cap_ms;
};

/* 8 attempts, 100 ms doubled up to 20 s. */
struct lh_retry_policy lh_retry_default(void);

/* Milliseconds to wait after attempt number `attempt` (0-based) failed. `random` is uniform in 32 bits. At
 * least `least_ms`, what the server asked for by Retry-After, up to the cap. */
int64_t lh_retry_delay_ms(const struct lh_retry_policy *policy, int attempt, uint32_t random,
                          int64_t least_ms);

/* Sleeps, and ends early with LH_ERROR_INTERRUPTED once `*cancelled` (may be NULL). */
lh_status lh_retry_sleep(int64_t delay_ms, const atomic_bool *cancelled, struct lh_error *err) LH_WARN_UNUSED;
/* lh_retry_delay_ms with a random number of the system's, slept. */
lh_status lh_retry_wait(const struct lh_retry_policy *policy, int attempt, int64_t least_ms,
                        const atomic_bool *cancelled, struct lh_error *err) LH_WARN_UNUSED;

#endif
