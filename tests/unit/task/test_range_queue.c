/* Ranges are read once each, and those that were given back again, whoever gives up in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "task/pace.h"
#include "task/range_queue.h"

#define RANGES 2000
#define READERS 8

struct fixture {
  struct lh_arena arena;
  struct lh_range_queue queue;
  struct lh_error err;
};

static void open_fixture(struct fixture *f, size_t ranges) {
  lh_arena_init(&f->arena, 0);
  assert_int_equal(lh_range_queue_init(&f->queue, ranges, &f->arena, &f->err), LH_OK);
}

static void close_fixture(struct fixture *f) {
  lh_range_queue_clear(&f->queue);
  lh_arena_clear(&f->arena);
}

static void ranges_come_in_order_and_those_given_back_come_first(void **state) {
  (void)state;
  struct fixture f;
  size_t range = 0;
  open_fixture(&f, 3);
  assert_true(lh_range_queue_take(&f.queue, &range));
  assert_int_equal(range, 0);
  assert_true(lh_range_queue_take(&f.queue, &range));
  assert_int_equal(range, 1);
  lh_range_queue_give_back(&f.queue, (const size_t[]){0}, 1);
  assert_true(lh_range_queue_take(&f.queue, &range));
  assert_int_equal(range, 0);
  assert_true(lh_range_queue_take(&f.queue, &range));
  assert_int_equal(range, 2);
  assert_false(lh_range_queue_take(&f.queue, &range));
  lh_range_queue_settle(&f.queue, 3);
  assert_false(lh_range_queue_wait(&f.queue, &range));
  close_fixture(&f);
}

static void a_stopped_queue_gives_nothing_and_keeps_nobody_waiting(void **state) {
  (void)state;
  struct fixture f;
  size_t range = 0;
  open_fixture(&f, 3);
  assert_true(lh_range_queue_take(&f.queue, &range));
  lh_range_queue_stop(&f.queue);
  assert_false(lh_range_queue_take(&f.queue, &range));
  assert_false(lh_range_queue_wait(&f.queue, &range));
  close_fixture(&f);
}

struct reader {
  struct lh_range_queue *queue;
  unsigned seed;
  unsigned settled[RANGES]; /* how often this reader has settled each range */
};

/* Takes up to ten ranges, and then settles them all, or gives all of them back. */
static void *read_ranges(void *argument) {
  struct reader *const reader = argument;
  size_t held[10];
  size_t count = 0;
  for (;;) {
    const bool gives_back = rand_r(&reader->seed) % 4 == 0;
    size_t range = 0;
    const bool taken = lh_range_queue_take(reader->queue, &range);
    if (taken) {
      held[count++] = range;
    }
    if (taken && count < 10) {
      continue;
    }
    if (gives_back && taken) {
      lh_range_queue_give_back(reader->queue, held, count);
    } else {
      for (size_t i = 0; i < count; i++) {
        reader->settled[held[i]]++;
      }
      lh_range_queue_settle(reader->queue, count);
    }
    count = 0;
    if (!taken) {
      if (!lh_range_queue_wait(reader->queue, &range)) {
        return NULL;
      }
      held[count++] = range;
    }
  }
}

static void readers_that_give_back_at_random_settle_each_range_once(void **state) {
  (void)state;
  struct fixture f;
  struct reader *const readers = calloc(READERS, sizeof(*readers));
  pthread_t threads[READERS];
  assert_non_null(readers);
  open_fixture(&f, RANGES);
  for (unsigned i = 0; i < READERS; i++) {
    readers[i].queue = &f.queue;
    readers[i].seed = i + 1;
    assert_int_equal(pthread_create(&threads[i], NULL, read_ranges, &readers[i]), 0);
  }
  for (size_t i = 0; i < READERS; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  }
  for (size_t range = 0; range < RANGES; range++) {
    unsigned settled = 0;
    for (size_t i = 0; i < READERS; i++) {
      settled += readers[i].settled[range];
    }
    assert_int_equal(settled, 1);
  }
  free(readers);
  close_fixture(&f);
}

static void a_pace_takes_the_time_that_its_rate_says(void **state) {
  (void)state;
  struct lh_pace pace;
  struct lh_error err;
  atomic_bool stop = false;
  lh_pace_init(&pace, 10 << 20);
  const uint64_t start_ns = lh_clock_ns();
  for (int i = 0; i < 6; i++) {
    assert_int_equal(lh_pace_wait(&pace, 1 << 20, &stop, NULL, &err), LH_OK);
  }
  /* 0.6 s, of which a fifth of a second may have been saved up. */
  assert_true(lh_clock_seconds_since(start_ns) > 0.35);
  stop = true;
  assert_int_equal(lh_pace_wait(&pace, UINT64_C(1) << 40, &stop, NULL, &err), LH_OK);
  lh_pace_clear(&pace);
  lh_pace_init(&pace, 0);
  stop = false;
  assert_int_equal(lh_pace_wait(&pace, UINT64_C(1) << 40, &stop, NULL, &err), LH_OK);
  lh_pace_clear(&pace);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ranges_come_in_order_and_those_given_back_come_first),
      cmocka_unit_test(a_stopped_queue_gives_nothing_and_keeps_nobody_waiting),
      cmocka_unit_test(readers_that_give_back_at_random_settle_each_range_once),
      cmocka_unit_test(a_pace_takes_the_time_that_its_rate_says),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
