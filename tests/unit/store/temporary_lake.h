/*
 * A lake of a test's own, in a fresh directory that goes away with the test, and what tests of the store and
 * the catalog say often. Include after cmocka.h.
 */
#ifndef LH_TESTS_TEMPORARY_LAKE_H
#define LH_TESTS_TEMPORARY_LAKE_H

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "store/store.h"

#define assert_ok(expression)                                            \
  do {                                                                   \
    const lh_status assert_ok_status_ = (expression);                    \
    if (assert_ok_status_ != LH_OK) {                                    \
      fail_msg("%s: %s (hint: %s)", #expression, err.message, err.hint); \
    }                                                                    \
  } while (0)

#define assert_contains(text, part)                               \
  do {                                                            \
    if (strstr((text), (part)) == NULL) {                         \
      fail_msg("\"%s\" does not contain \"%s\"", (text), (part)); \
    }                                                             \
  } while (0)

struct temporary_lake {
  char directory[PATH_MAX]; /* parent of the lake */
  struct lh_store *store;
  struct lh_arena arena;
};

static inline int temporary_lake_setup(void **state) {
  struct temporary_lake *const lake = calloc(1, sizeof(*lake));
  const char *const base = getenv("TMPDIR");
  struct lh_error err;
  if (lake == NULL) {
    return -1;
  }
  snprintf(lake->directory, sizeof(lake->directory), "%s/lakehaul-test-XXXXXX", base != NULL ? base : "/tmp");
  if (mkdtemp(lake->directory) == NULL || chmod(lake->directory, 0755) != 0 ||
      lh_store_open("lake", &(const struct lh_store_options){.base_dir = lake->directory, .create = true},
                    &lake->store, &err) != LH_OK) {
    free(lake);
    return -1;
  }
  lh_arena_init(&lake->arena, 0);
  *state = lake;
  return 0;
}

static inline int temporary_lake_teardown(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  lh_store_free(lake->store);
  lh_arena_clear(&lake->arena);
  const lh_status status = lh_fs_remove_tree(lake->directory, LH_ERROR_LAKE, &err);
  free(lake);
  return status == LH_OK ? 0 : -1;
}

static inline const char *lake_path(struct temporary_lake *lake, const char *key) {
  return lh_store_locate(lake->store, key, &lake->arena);
}

static inline bool lake_has(struct temporary_lake *lake, const char *key) {
  struct stat info;
  return lstat(lake_path(lake, key), &info) == 0;
}

static inline void lake_put(struct temporary_lake *lake, const char *key, const char *text) {
  struct lh_error err;
  assert_ok(lh_store_put(lake->store, key, text, strlen(text), &err));
}

/* The object's bytes as text, in the lake's arena. */
static inline const char *lake_text(struct temporary_lake *lake, const char *key) {
  struct lh_error err;
  struct lh_buf bytes;
  bool found = false;
  lh_buf_init(&bytes, (size_t)1 << 26);
  assert_ok(lh_store_get(lake->store, key, &bytes, &found, &err));
  assert_true(found);
  const char *const text = lh_arena_strndup(&lake->arena, (const char *)bytes.data, bytes.len);
  lh_buf_clear(&bytes);
  return text;
}

/* Memory that child processes share with the test, zeroed. */
static inline void *share_memory(size_t size) {
  void *const memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_ptr_not_equal(memory, MAP_FAILED);
  return memory;
}

/* A child process that goes when the test's process does, so that a failed test leaves none behind. */
static inline pid_t fork_child(void) {
  const pid_t parent = getpid();
  const pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)) {
    _exit(1);
  }
  return pid;
}

/* The exit status of a child; a child that dies otherwise fails the test. */
static inline int wait_for(pid_t child) {
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  return WEXITSTATUS(status);
}

#endif
