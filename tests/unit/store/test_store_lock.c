/* Locks: shared and exclusive, between processes and within one, given back however the holder ends. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#include "store/store.h"
#include "temporary_lake.h"

#define LOCK_KEY "_lakehaul/run.lock"

static struct lh_store_lock *try_lock(struct temporary_lake *lake, bool exclusive) {
  struct lh_error err;
  struct lh_store_lock *lock = NULL;
  bool locked = false;
  assert_ok(lh_store_lock(lake->store, LOCK_KEY, exclusive, false, &lock, &locked, &err));
  assert_true(locked == (lock != NULL));
  return lock;
}

/* Another process that holds the lock until it is told to end. */
struct holder {
  pid_t pid;
  int ready, end; /* pipes */
};

static void hold(struct temporary_lake *lake, bool exclusive, int ready, int end) {
  struct lh_error err;
  struct lh_store_lock *lock = NULL;
  bool locked = false;
  char byte = 0;
  if (lh_store_lock(lake->store, LOCK_KEY, exclusive, true, &lock, &locked, &err) != LH_OK || !locked ||
      write(ready, "r", 1) != 1) {
    _exit(1);
  }
  /* ends at a byte (unlocks) or at the end of the pipe (just goes) */
  if (read(end, &byte, 1) == 1) {
    lh_store_unlock(lock);
  }
  _exit(0);
}

static struct holder start_holder(struct temporary_lake *lake, bool exclusive) {
  int ready[2];
  int end[2];
  assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
  assert_int_equal(pipe2(end, O_CLOEXEC), 0);
  const pid_t pid = fork_child();
  if (pid == 0) {
    close(ready[0]);
    close(end[1]);
    hold(lake, exclusive, ready[1], end[0]);
  }
  close(ready[1]);
  close(end[0]);
  return (struct holder){.pid = pid, .ready = ready[0], .end = end[1]};
}

static void await_holder(const struct holder *holder) {
  char byte = 0;
  assert_int_equal(read(holder->ready, &byte, 1), 1);
}

static void end_holder(const struct holder *holder) {
  assert_int_equal(write(holder->end, "e", 1), 1);
  assert_int_equal(wait_for(holder->pid), 0);
  close(holder->ready);
  close(holder->end);
}

static void an_exclusive_lock_keeps_every_other_process_out(void **state) {
  struct temporary_lake *const lake = *state;
  const struct holder holder = start_holder(lake, true);
  await_holder(&holder);
  assert_null(try_lock(lake, true));
  assert_null(try_lock(lake, false));
  end_holder(&holder);
  struct lh_store_lock *const lock = try_lock(lake, true);
  assert_non_null(lock);
  lh_store_unlock(lock);
}

static void shared_locks_admit_each_other_and_keep_exclusive_ones_out(void **state) {
  struct temporary_lake *const lake = *state;
  const struct holder holder = start_holder(lake, false);
  await_holder(&holder);
  struct lh_store_lock *const shared = try_lock(lake, false);
  assert_non_null(shared);
  assert_null(try_lock(lake, true));
  end_holder(&holder);
  assert_null(try_lock(lake, true));
  lh_store_unlock(shared);
  struct lh_store_lock *const exclusive = try_lock(lake, true);
  assert_non_null(exclusive);
  lh_store_unlock(exclusive);
}

static void a_killed_holder_gives_the_lock_back(void **state) {
  struct temporary_lake *const lake = *state;
  const struct holder holder = start_holder(lake, true);
  int status = 0;
  await_holder(&holder);
  assert_null(try_lock(lake, true));
  assert_int_equal(kill(holder.pid, SIGKILL), 0);
  assert_int_equal(waitpid(holder.pid, &status, 0), holder.pid);
  struct lh_store_lock *const lock = try_lock(lake, true);
  assert_non_null(lock);
  lh_store_unlock(lock);
  close(holder.ready);
  close(holder.end);
}

static void whoever_waits_gets_the_lock_when_it_is_free(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_store_lock *const lock = try_lock(lake, true);
  assert_non_null(lock);
  const struct holder holder = start_holder(lake, true);
  int flags = fcntl(holder.ready, F_GETFL);
  char byte = 0;
  assert_int_equal(fcntl(holder.ready, F_SETFL, flags | O_NONBLOCK), 0);
  usleep(50000);
  assert_int_equal(read(holder.ready, &byte, 1), -1);
  assert_int_equal(fcntl(holder.ready, F_SETFL, flags), 0);
  lh_store_unlock(lock);
  await_holder(&holder);
  assert_null(try_lock(lake, false));
  end_holder(&holder);
}

static void locks_of_one_process_exclude_each_other_too(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_store_lock *const lock = try_lock(lake, true);
  assert_non_null(lock);
  assert_null(try_lock(lake, true));
  lh_store_unlock(lock);
}

static void a_child_that_lives_on_does_not_keep_a_lock_that_was_given_back(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_store_lock *const lock = try_lock(lake, true);
  int end[2];
  assert_int_equal(pipe2(end, O_CLOEXEC), 0);
  const pid_t pid = fork_child();
  if (pid == 0) {
    char byte = 0;
    close(end[1]);
    _exit(read(end[0], &byte, 1) == 0 ? 0 : 1);
  }
  lh_store_unlock(lock);
  struct lh_store_lock *const again = try_lock(lake, true);
  assert_non_null(again);
  lh_store_unlock(again);
  close(end[0]);
  close(end[1]);
  assert_int_equal(wait_for(pid), 0);
}

static void locks_do_not_hide_or_change_objects(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_store_lock *const lock = try_lock(lake, false);
  assert_true(lake_has(lake, LOCK_KEY));
  lh_store_unlock(lock);
  assert_true(lake_has(lake, LOCK_KEY));
  assert_string_equal(lake_text(lake, LOCK_KEY), "");
}

int main(void) {
#define LAKE_TEST(test) cmocka_unit_test_setup_teardown(test, temporary_lake_setup, temporary_lake_teardown)
  const struct CMUnitTest tests[] = {
      LAKE_TEST(an_exclusive_lock_keeps_every_other_process_out),
      LAKE_TEST(shared_locks_admit_each_other_and_keep_exclusive_ones_out),
      LAKE_TEST(a_killed_holder_gives_the_lock_back),
      LAKE_TEST(whoever_waits_gets_the_lock_when_it_is_free),
      LAKE_TEST(locks_of_one_process_exclude_each_other_too),
      LAKE_TEST(a_child_that_lives_on_does_not_keep_a_lock_that_was_given_back),
      LAKE_TEST(locks_do_not_hide_or_change_objects),
  };
  return cmocka_run_group_tests_name("store locks", tests, NULL, NULL);
}
