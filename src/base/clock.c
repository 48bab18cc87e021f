/* Clocks. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

uint64_t lh_clock_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

double lh_clock_seconds_since(uint64_t start_ns) {
  return (double)(lh_clock_ns() - start_ns) / 1e9;
}

char *lh_clock_utc_now(char out[32]) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  struct tm utc;
  gmtime_r(&now.tv_sec, &utc);
  char seconds[24];
  strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &utc);
  snprintf(out, 32, "%.19s.%06dZ", seconds, (int)(now.tv_nsec / 1000));
  return out;
}
