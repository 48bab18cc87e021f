/*
 * Time: a monotonic clock for durations, UTC for records.
 */
#ifndef LH_BASE_CLOCK_H
#define LH_BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds of a clock that never goes back. */
uint64_t lh_clock_ns(void);
double lh_clock_seconds_since(uint64_t start_ns);

/* "2026-01-31T12:00:00.123456Z" into `out` (32 bytes); returns `out`. */
char *lh_clock_utc_now(char out[32]);

#endif
