/* Waiting between attempts: bounds, growth, and an end by cancellation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/retry.h"

static const struct lh_retry_policy policy = {.max_attempts = 5, .base_ms = 100, .cap_ms = 1000};

static void delays_lie_between_nothing_and_a_bound_that_doubles(void **state) {
  (void)state;
  static const int64_t bounds[] = {100, 200, 400, 800, 1000, 1000, 1000};
  for (int attempt = 0; attempt < 7; attempt++) {
    assert_int_equal(lh_retry_delay_ms(&policy, attempt, 0, 0), 0);
    assert_int_equal(lh_retry_delay_ms(&policy, attempt, UINT32_MAX, 0), bounds[attempt] - 1);
    assert_int_equal(lh_retry_delay_ms(&policy, attempt, UINT32_C(1) << 31, 0), bounds[attempt] / 2);
  }
  assert_int_equal(lh_retry_delay_ms(&policy, 1000000, UINT32_MAX, 0), 999);
}

static void what_the_server_asks_for_is_waited_up_to_the_cap(void **state) {
  (void)state;
  assert_int_equal(lh_retry_delay_ms(&policy, 0, 0, 700), 700);
  assert_int_equal(lh_retry_delay_ms(&policy, 0, 0, 7000), 1000);
  assert_int_equal(lh_retry_delay_ms(&policy, 3, UINT32_MAX, 10), 799);
}

static void a_cancelled_wait_ends(void **state) {
  (void)state;
  const atomic_bool cancelled = true;
  struct lh_error err;
  const uint64_t start_ns = lh_clock_ns();
  assert_int_equal(lh_retry_sleep(60000, &cancelled, &err), LH_ERROR_INTERRUPTED);
  assert_true(lh_clock_seconds_since(start_ns) < 10);
}

static void a_wait_takes_its_time(void **state) {
  (void)state;
  struct lh_error err;
  const uint64_t start_ns = lh_clock_ns();
  assert_int_equal(lh_retry_sleep(120, NULL, &err), LH_OK);
  assert_true(lh_clock_seconds_since(start_ns) >= 0.119);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(delays_lie_between_nothing_and_a_bound_that_doubles),
      cmocka_unit_test(what_the_server_asks_for_is_waited_up_to_the_cap),
      cmocka_unit_test(a_cancelled_wait_ends),
      cmocka_unit_test(a_wait_takes_its_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
