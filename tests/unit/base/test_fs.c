/* Files and directories: whole reads, limits, trees, and errors that name the path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"

struct scratch {
  char directory[PATH_MAX];
  struct lh_arena arena;
};

static int set_up(void **state) {
  struct scratch *const scratch = calloc(1, sizeof(*scratch));
  const char *const base = getenv("TMPDIR");
  if (scratch == NULL) {
    return -1;
  }
  snprintf(scratch->directory, sizeof(scratch->directory), "%s/lakehaul-fs-XXXXXX",
           base != NULL ? base : "/tmp");
  lh_arena_init(&scratch->arena, 0);
  *state = scratch;
  return mkdtemp(scratch->directory) != NULL ? 0 : -1;
}

static int tear_down(void **state) {
  struct scratch *const scratch = *state;
  struct lh_error err;
  const lh_status status = lh_fs_remove_tree(scratch->directory, LH_ERROR_LAKE, &err);
  lh_arena_clear(&scratch->arena);
  free(scratch);
  return status == LH_OK ? 0 : -1;
}

static const char *in(struct scratch *scratch, const char *name) {
  return lh_path_join(scratch->directory, name, &scratch->arena);
}

static void write_file(const char *path, const void *bytes, size_t size) {
  struct lh_error err;
  const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(lh_fs_write_all(fd, bytes, size, path, LH_ERROR_LAKE, &err), LH_OK);
  close(fd);
}

static void a_file_is_read_whole_behind_what_is_there(void **state) {
  struct scratch *const scratch = *state;
  struct lh_error err;
  struct lh_buf buf;
  const size_t size = 300001;
  char *const bytes = lh_arena_alloc(&scratch->arena, size);
  for (size_t i = 0; i < size; i++) {
    bytes[i] = (char)(i * 7 + i / 1000);
  }
  write_file(in(scratch, "f"), bytes, size);
  lh_buf_init(&buf, size + 2);
  assert_int_equal(lh_buf_append_str(&buf, "ab", &err), LH_OK);
  assert_int_equal(lh_fs_read(in(scratch, "f"), &buf, LH_ERROR_PROJECT, &err), LH_OK);
  assert_int_equal(buf.len, size + 2);
  assert_memory_equal(buf.data, "ab", 2);
  assert_memory_equal(buf.data + 2, bytes, size);
  lh_buf_clear(&buf);
}

static void a_file_that_is_too_large_missing_or_no_file_is_refused_with_the_callers_status(void **state) {
  struct scratch *const scratch = *state;
  struct lh_error err;
  struct lh_buf buf;
  write_file(in(scratch, "ten"), "0123456789", 10);
  lh_buf_init(&buf, 9);
  assert_int_equal(lh_fs_read(in(scratch, "ten"), &buf, LH_ERROR_PROJECT, &err), LH_ERROR_PROJECT);
  assert_non_null(strstr(err.message, "/ten is larger than 9 bytes"));
  lh_buf_reset(&buf);
  assert_int_equal(lh_fs_read(in(scratch, "none"), &buf, LH_ERROR_LAKE, &err), LH_ERROR_LAKE);
  assert_non_null(strstr(err.message, "/none: No such file"));
  assert_int_equal(lh_fs_read(scratch->directory, &buf, LH_ERROR_LAKE, &err), LH_ERROR_LAKE);
  assert_non_null(strstr(err.message, strerror(EISDIR)));
  lh_buf_clear(&buf);
}

static void a_failed_write_names_the_path(void **state) {
  (void)state;
  struct lh_error err;
  const int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
  assert_true(fd >= 0);
  assert_int_equal(lh_fs_write_all(fd, "x", 1, "/lake/part", LH_ERROR_LAKE, &err), LH_ERROR_LAKE);
  assert_string_equal(err.message, "cannot write /lake/part: No space left on device");
  close(fd);
}

static void directories_are_made_with_their_parents(void **state) {
  struct scratch *const scratch = *state;
  struct lh_error err;
  for (int i = 0; i < 2; i++) {
    assert_int_equal(lh_fs_make_directories(in(scratch, "a/b//c/"), LH_ERROR_LAKE, &err), LH_OK);
    assert_true(lh_fs_is_directory(in(scratch, "a/b/c")));
  }
  write_file(in(scratch, "f"), "", 0);
  assert_false(lh_fs_is_directory(in(scratch, "f")));
  assert_false(lh_fs_is_directory(in(scratch, "none")));
  assert_int_equal(lh_fs_make_directories(in(scratch, "f"), LH_ERROR_LAKE, &err), LH_ERROR_LAKE);
  assert_int_equal(lh_fs_make_directories(in(scratch, "f/x"), LH_ERROR_PROJECT, &err), LH_ERROR_PROJECT);
  assert_int_equal(lh_fs_make_directories("", LH_ERROR_LAKE, &err), LH_ERROR_LAKE);
}

static void a_tree_is_removed_and_what_its_links_point_to_stays(void **state) {
  struct scratch *const scratch = *state;
  struct lh_error err;
  assert_int_equal(lh_fs_make_directories(in(scratch, "tree/a/b"), LH_ERROR_LAKE, &err), LH_OK);
  assert_int_equal(lh_fs_make_directories(in(scratch, "outside"), LH_ERROR_LAKE, &err), LH_OK);
  write_file(in(scratch, "outside/kept"), "x", 1);
  for (int i = 0; i < 300; i++) {
    write_file(in(scratch, lh_arena_printf(&scratch->arena, "tree/a/file-%d", i)), "x", 1);
  }
  assert_int_equal(symlink(in(scratch, "outside"), in(scratch, "tree/a/b/link")), 0);
  assert_int_equal(lh_fs_remove_tree(in(scratch, "tree"), LH_ERROR_LAKE, &err), LH_OK);
  assert_false(lh_fs_is_directory(in(scratch, "tree")));
  assert_int_equal(access(in(scratch, "outside/kept"), F_OK), 0);
  assert_int_equal(lh_fs_remove_tree(in(scratch, "tree"), LH_ERROR_LAKE, &err), LH_OK);
}

static void paths_are_joined_and_taken_apart(void **state) {
  struct scratch *const scratch = *state;
  struct lh_arena *const arena = &scratch->arena;
  assert_string_equal(lh_path_join("/lake", "t/x", arena), "/lake/t/x");
  assert_string_equal(lh_path_join("/lake/", "t", arena), "/lake/t");
  assert_string_equal(lh_path_join("/lake", "/abs", arena), "/abs");
  assert_string_equal(lh_path_directory("/a/b/c", arena), "/a/b");
  assert_string_equal(lh_path_directory("/a", arena), "/");
  assert_string_equal(lh_path_directory("bare", arena), ".");
  assert_string_equal(lh_path_directory("a/b", arena), "a");
}

int main(void) {
#define FS_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      FS_TEST(a_file_is_read_whole_behind_what_is_there),
      FS_TEST(a_file_that_is_too_large_missing_or_no_file_is_refused_with_the_callers_status),
      FS_TEST(a_failed_write_names_the_path),
      FS_TEST(directories_are_made_with_their_parents),
      FS_TEST(a_tree_is_removed_and_what_its_links_point_to_stays),
      FS_TEST(paths_are_joined_and_taken_apart),
  };
  return cmocka_run_group_tests_name("fs", tests, NULL, NULL);
}
