/* Sinks: nothing shows before finish, nothing stays after abort, and what a full or closed disk leads to. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#include "store/store.h"
#include "temporary_lake.h"

#define BIG_BYTES ((size_t)1000000)

static size_t count_files(struct temporary_lake *lake, const char *prefix) {
  struct lh_error err;
  uint64_t files = 0;
  uint64_t bytes = 0;
  assert_ok(lh_store_measure_prefix(lake->store, prefix, &files, &bytes, &err));
  return files;
}

static void nothing_shows_before_finish(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  struct lh_sink *sink = NULL;
  char *const bytes = lh_arena_calloc(&lake->arena, 1, BIG_BYTES + 1);
  memset(bytes, 'x', BIG_BYTES);
  lake_put(lake, "t/v/part-0001.parquet", "before");
  assert_ok(lh_store_create(lake->store, "t/v/part-0001.parquet", &sink, &err));
  assert_ok(lh_sink_write(sink, bytes, BIG_BYTES, &err));
  assert_string_equal(lake_text(lake, "t/v/part-0001.parquet"), "before");
  const char *const temporary =
      lh_arena_printf(&lake->arena, "t/v/.part-0001.parquet.tmp-%ld-0", (long)getpid());
  assert_true(lake_has(lake, temporary));
  assert_ok(lh_sink_finish(sink, &err));
  lh_sink_free(sink);
  assert_string_equal(lake_text(lake, "t/v/part-0001.parquet"), bytes);
  assert_int_equal(count_files(lake, "t"), 1);
}

static void pieces_of_every_size_arrive_in_order(void **state) {
  static const size_t sizes[] = {0, 1, 7, 4096, 262143, 262144, 262145, 3, 600000, 262141, 2, 100000};
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  struct lh_sink *sink = NULL;
  size_t total = 0;
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    total += sizes[i];
  }
  char *const bytes = lh_arena_calloc(&lake->arena, 1, total + 1);
  for (size_t i = 0; i < total; i++) {
    bytes[i] = (char)('a' + (i * 7919 + i / 251) % 26);
  }
  assert_ok(lh_store_create(lake->store, "x", &sink, &err));
  size_t written = 0;
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    assert_ok(lh_sink_write(sink, bytes + written, sizes[i], &err));
    written += sizes[i];
    assert_int_equal(sink->bytes_written, written);
  }
  assert_ok(lh_sink_finish(sink, &err));
  lh_sink_free(sink);
  assert_string_equal(lake_text(lake, "x"), bytes);
}

static void abort_and_free_leave_nothing(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  for (int aborted = 0; aborted < 2; aborted++) {
    struct lh_sink *sink = NULL;
    assert_ok(lh_store_create(lake->store, "t/v/part", &sink, &err));
    assert_ok(lh_sink_write(sink, "some bytes", 10, &err));
    assert_int_equal(count_files(lake, "t"), 1);
    if (aborted == 1) {
      lh_sink_abort(sink);
      assert_int_equal(count_files(lake, "t"), 0);
      assert_int_equal(lh_sink_write(sink, "x", 1, &err), LH_ERROR_INTERNAL);
      assert_int_equal(lh_sink_finish(sink, &err), LH_ERROR_INTERNAL);
    }
    lh_sink_free(sink);
    assert_int_equal(count_files(lake, "t"), 0);
  }
}

static void freeing_or_aborting_a_finished_sink_keeps_the_object(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  struct lh_sink *sink = NULL;
  assert_ok(lh_store_create(lake->store, "kept", &sink, &err));
  assert_ok(lh_sink_write(sink, "whole", 5, &err));
  assert_ok(lh_sink_finish(sink, &err));
  assert_int_equal(lh_sink_finish(sink, &err), LH_ERROR_INTERNAL);
  lh_sink_abort(sink);
  lh_sink_free(sink);
  assert_string_equal(lake_text(lake, "kept"), "whole");
}

static void two_sinks_on_one_key_do_not_mix(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  struct lh_sink *first = NULL;
  struct lh_sink *second = NULL;
  assert_ok(lh_store_create(lake->store, "t/x", &first, &err));
  assert_ok(lh_store_create(lake->store, "t/x", &second, &err));
  assert_ok(lh_sink_write(first, "first", 5, &err));
  assert_ok(lh_sink_write(second, "second", 6, &err));
  assert_ok(lh_sink_finish(second, &err));
  assert_string_equal(lake_text(lake, "t/x"), "second");
  assert_ok(lh_sink_finish(first, &err));
  assert_string_equal(lake_text(lake, "t/x"), "first");
  lh_sink_free(first);
  lh_sink_free(second);
  assert_int_equal(count_files(lake, "t"), 1);
}

static void names_of_the_greatest_length_have_room_for_a_temporary_one(void **state) {
  struct temporary_lake *const lake = *state;
  char name[256];
  for (size_t i = 0; i < 254; i += 2) {
    memcpy(name + i, "é", 2);
  }
  name[254] = 'x';
  name[255] = '\0';
  lake_put(lake, name, "long");
  assert_string_equal(lake_text(lake, name), "long");
}

static void a_file_sink_makes_its_directory_and_follows_a_link(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  struct lh_sink *sink = NULL;
  const char *const path = lake_path(lake, "new/directories/out.parquet");
  assert_ok(lh_file_sink_create(path, &sink, &err));
  assert_ok(lh_sink_finish(sink, &err));
  lh_sink_free(sink);
  assert_string_equal(lake_text(lake, "new/directories/out.parquet"), "");
  assert_int_equal(symlink("new/directories/out.parquet", lake_path(lake, "link")), 0);
  assert_ok(lh_file_sink_create(lake_path(lake, "link"), &sink, &err));
  assert_ok(lh_sink_write(sink, "through", 7, &err));
  assert_ok(lh_sink_finish(sink, &err));
  lh_sink_free(sink);
  assert_string_equal(lake_text(lake, "new/directories/out.parquet"), "through");
  struct stat info;
  assert_int_equal(lstat(lake_path(lake, "link"), &info), 0);
  assert_true(S_ISLNK(info.st_mode));
}

static void a_file_sink_refuses_directories_and_devices(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  struct lh_sink *sink = NULL;
  assert_int_equal(lh_file_sink_create(lake->directory, &sink, &err), LH_ERROR_LAKE);
  assert_contains(err.message, "is a directory");
  assert_contains(err.hint, "name a file in it");
  assert_int_equal(lh_file_sink_create("/dev/null", &sink, &err), LH_ERROR_LAKE);
  assert_contains(err.message, "not a regular file");
  assert_null(sink);
}

/* What a child process found when it wrote under a limit. */
struct outcome {
  bool arranged; /* the limit could be set up */
  lh_status write_status, finish_status, again_status;
  uint64_t files_left;
  struct lh_error err;
};

static void write_much(struct lh_store *store, struct outcome *outcome) {
  static char bytes[1 << 16];
  struct lh_error ignored;
  struct lh_sink *sink = NULL;
  uint64_t size = 0;
  memset(bytes, 'x', sizeof(bytes));
  outcome->write_status = lh_store_create(store, "t/v/part", &sink, &outcome->err);
  for (int i = 0; i < 256 && outcome->write_status == LH_OK; i++) {
    outcome->write_status = lh_sink_write(sink, bytes, sizeof(bytes), &outcome->err);
  }
  if (sink != NULL) {
    outcome->again_status = lh_sink_write(sink, bytes, 1, &ignored);
    outcome->finish_status = lh_sink_finish(sink, &ignored);
    lh_sink_free(sink);
  }
  if (lh_store_measure_prefix(store, "t", &outcome->files_left, &size, &ignored) != LH_OK) {
    outcome->files_left = 99;
  }
}

/* Runs `child` in a process of its own, whose limits and mounts end with it. */
static struct outcome run_limited(struct temporary_lake *lake,
                                  void (*child)(struct temporary_lake *, struct outcome *)) {
  struct outcome *const shared = share_memory(sizeof(*shared));
  const pid_t pid = fork_child();
  if (pid == 0) {
    child(lake, shared);
    _exit(0);
  }
  assert_int_equal(wait_for(pid), 0);
  const struct outcome outcome = *shared;
  munmap(shared, sizeof(*shared));
  return outcome;
}

static void assert_failed_cleanly(const struct outcome *outcome) {
  assert_int_equal(outcome->write_status, LH_ERROR_LAKE);
  assert_int_equal(outcome->again_status, LH_ERROR_LAKE);
  assert_int_equal(outcome->finish_status, LH_ERROR_LAKE);
  assert_int_equal(outcome->files_left, 0);
  assert_contains(outcome->err.message, "/t/v/part: ");
}

static void limit_file_size(struct temporary_lake *lake, struct outcome *outcome) {
  const struct rlimit limit = {.rlim_cur = 500000, .rlim_max = 500000};
  signal(SIGXFSZ, SIG_IGN);
  outcome->arranged = setrlimit(RLIMIT_FSIZE, &limit) == 0;
  write_much(lake->store, outcome);
}

static void a_limit_on_file_size_fails_the_write_and_leaves_nothing(void **state) {
  const struct outcome outcome = run_limited(*state, limit_file_size);
  assert_true(outcome.arranged);
  assert_failed_cleanly(&outcome);
  assert_contains(outcome.err.message, strerror(EFBIG));
  assert_contains(outcome.err.hint, "ulimit -f");
}

static bool mount_over_lake(struct temporary_lake *lake, unsigned long flags) {
  return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
         mount("tmpfs", lh_store_root(lake->store), "tmpfs", flags, "size=600k") == 0;
}

static void fill_small_disk(struct temporary_lake *lake, struct outcome *outcome) {
  outcome->arranged = mount_over_lake(lake, 0);
  if (outcome->arranged) {
    write_much(lake->store, outcome);
  }
}

static void a_full_disk_fails_the_write_and_leaves_nothing(void **state) {
  struct temporary_lake *const lake = *state;
  const struct outcome outcome = run_limited(lake, fill_small_disk);
  if (!outcome.arranged) {
    print_message("skipped: mounting a small disk needs root\n");
    skip();
  }
  assert_failed_cleanly(&outcome);
  assert_contains(outcome.err.message, strerror(ENOSPC));
  assert_contains(outcome.err.hint, "free space in ");
  assert_contains(outcome.err.hint, "/lake/t/v and run again; nothing was published");
}

static void write_to_read_only_disk(struct temporary_lake *lake, struct outcome *outcome) {
  outcome->arranged = mount_over_lake(lake, MS_RDONLY);
  if (outcome->arranged) {
    write_much(lake->store, outcome);
  }
}

static void a_read_only_disk_is_named(void **state) {
  const struct outcome outcome = run_limited(*state, write_to_read_only_disk);
  if (!outcome.arranged) {
    print_message("skipped: mounting a read-only disk needs root\n");
    skip();
  }
  assert_int_equal(outcome.write_status, LH_ERROR_LAKE);
  assert_contains(outcome.err.message, strerror(EROFS));
  assert_contains(outcome.err.hint, "read-only");
}

static void write_without_rights(struct temporary_lake *lake, struct outcome *outcome) {
  const char *const root = lh_store_root(lake->store);
  outcome->arranged = chmod(root, 0555) == 0 && (geteuid() != 0 || setuid(65534) == 0);
  struct lh_store *store = NULL;
  struct lh_error err;
  write_much(lake->store, outcome);
  outcome->again_status = lh_store_open(root, &(const struct lh_store_options){.create = true}, &store, &err);
  outcome->finish_status =
      lh_store_open(root, &(const struct lh_store_options){.create = false}, &store, &err);
}

static void missing_rights_are_named_and_a_lake_can_still_be_read(void **state) {
  struct temporary_lake *const lake = *state;
  const struct outcome outcome = run_limited(lake, write_without_rights);
  assert_int_equal(chmod(lh_store_root(lake->store), 0755), 0);
  assert_true(outcome.arranged);
  assert_int_equal(outcome.write_status, LH_ERROR_LAKE);
  assert_contains(outcome.err.message, strerror(EACCES));
  assert_contains(outcome.err.hint, "right to read and write in ");
  assert_int_equal(outcome.again_status, LH_ERROR_LAKE);
  assert_int_equal(outcome.finish_status, LH_OK);
}

/* What the removing process is told; a negative round ends it. */
static void remove_once_a_round(struct temporary_lake *lake, const atomic_int *round) {
  struct lh_error err;
  uint64_t files = 0;
  uint64_t bytes = 0;
  int seen = 0;
  for (;;) {
    const int now = atomic_load(round);
    if (now < 0) {
      _exit(0);
    }
    if (now != seen && lh_store_delete_prefix(lake->store, "t/gone", &files, &bytes, &err) != LH_OK) {
      _exit(1);
    }
    seen = now;
  }
}

static void removal_of_empty_directories_does_not_disturb_a_new_object(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  uint64_t files = 0;
  uint64_t bytes = 0;
  atomic_int *const round = share_memory(sizeof(*round));
  const pid_t pid = fork_child();
  if (pid == 0) {
    remove_once_a_round(lake, round);
  }
  for (int i = 1; i <= 2000; i++) {
    struct lh_sink *sink = NULL;
    atomic_store(round, i);
    assert_ok(lh_store_create(lake->store, "t/v/part", &sink, &err));
    lh_sink_free(sink);
    assert_ok(lh_store_delete_prefix(lake->store, "t/v", &files, &bytes, &err));
  }
  atomic_store(round, -1);
  assert_int_equal(wait_for(pid), 0);
  munmap(round, sizeof(*round));
}

int main(void) {
#define LAKE_TEST(test) cmocka_unit_test_setup_teardown(test, temporary_lake_setup, temporary_lake_teardown)
  const struct CMUnitTest tests[] = {
      LAKE_TEST(nothing_shows_before_finish),
      LAKE_TEST(pieces_of_every_size_arrive_in_order),
      LAKE_TEST(abort_and_free_leave_nothing),
      LAKE_TEST(freeing_or_aborting_a_finished_sink_keeps_the_object),
      LAKE_TEST(two_sinks_on_one_key_do_not_mix),
      LAKE_TEST(names_of_the_greatest_length_have_room_for_a_temporary_one),
      LAKE_TEST(a_file_sink_makes_its_directory_and_follows_a_link),
      LAKE_TEST(a_file_sink_refuses_directories_and_devices),
      LAKE_TEST(a_limit_on_file_size_fails_the_write_and_leaves_nothing),
      LAKE_TEST(a_full_disk_fails_the_write_and_leaves_nothing),
      LAKE_TEST(a_read_only_disk_is_named),
      LAKE_TEST(missing_rights_are_named_and_a_lake_can_still_be_read),
      LAKE_TEST(removal_of_empty_directories_does_not_disturb_a_new_object),
  };
  return cmocka_run_group_tests_name("store sinks", tests, NULL, NULL);
}
