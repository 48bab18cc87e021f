/* Log lines and clocks: one write a line, as text or JSON, nothing below the level asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"

#define CAPTURE_BYTES 16384

struct capture {
  int real_stderr;
  int pipe_read;
  char text[CAPTURE_BYTES];
};

static void start_capture(struct capture *capture) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  capture->real_stderr = dup(STDERR_FILENO);
  assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
  close(ends[1]);
  capture->pipe_read = ends[0];
}

static const char *end_capture(struct capture *capture) {
  assert_true(dup2(capture->real_stderr, STDERR_FILENO) >= 0);
  close(capture->real_stderr);
  size_t length = 0;
  for (;;) {
    const ssize_t got = read(capture->pipe_read, capture->text + length, CAPTURE_BYTES - 1 - length);
    if (got <= 0) {
      break;
    }
    length += (size_t)got;
  }
  close(capture->pipe_read);
  capture->text[length] = '\0';
  return capture->text;
}

static void text_lines_carry_their_level_and_respect_the_threshold(void **state) {
  (void)state;
  struct capture capture;
  start_capture(&capture);
  lh_log_configure(LH_LOG_INFO, LH_LOG_TEXT);
  lh_log(LH_LOG_INFO, "%d tables", 4);
  lh_log(LH_LOG_WARN, "slow");
  lh_log(LH_LOG_ERROR, "broken");
  lh_log(LH_LOG_DEBUG, "hidden");
  lh_log_configure(LH_LOG_ERROR, LH_LOG_TEXT);
  lh_log(LH_LOG_WARN, "hidden");
  const char *const text = end_capture(&capture);
  assert_string_equal(text, "4 tables\nwarning: slow\nerror: broken\n");
  assert_true(lh_log_enabled(LH_LOG_ERROR));
  assert_false(lh_log_enabled(LH_LOG_WARN));
}

static void json_lines_are_documents_of_their_own(void **state) {
  (void)state;
  struct capture capture;
  struct lh_error err;
  json_t *root = NULL;
  start_capture(&capture);
  lh_log_configure(LH_LOG_DEBUG, LH_LOG_JSON);
  lh_log(LH_LOG_DEBUG, "a \"quoted\"\nline");
  lh_log_configure(LH_LOG_INFO, LH_LOG_TEXT);
  const char *const text = end_capture(&capture);
  assert_int_equal(lh_json_parse(text, strlen(text), "line", &root, &err), LH_OK);
  assert_string_equal(json_string_value(json_object_get(root, "level")), "debug");
  assert_string_equal(json_string_value(json_object_get(root, "message")), "a \"quoted\"\nline");
  json_decref(root);
}

static void a_very_long_line_is_cut_and_still_ends(void **state) {
  (void)state;
  struct capture capture;
  start_capture(&capture);
  lh_log_configure(LH_LOG_INFO, LH_LOG_TEXT);
  lh_log(LH_LOG_ERROR, "%09000d", 1);
  const char *const text = end_capture(&capture);
  assert_true(strlen(text) < 4300);
  assert_int_equal(text[strlen(text) - 1], '\n');
}

static void level_names_are_exact(void **state) {
  (void)state;
  enum lh_log_level level = LH_LOG_INFO;
  assert_true(lh_log_level_from_name("debug", &level));
  assert_int_equal(level, LH_LOG_DEBUG);
  assert_true(lh_log_level_from_name("error", &level));
  assert_int_equal(level, LH_LOG_ERROR);
  assert_false(lh_log_level_from_name("DEBUG", &level));
  assert_false(lh_log_level_from_name("", &level));
}

static void clocks_tell_iso_8601_and_never_go_back(void **state) {
  (void)state;
  char now[32];
  assert_string_equal(lh_clock_utc_now(now) + 26, "Z");
  for (size_t i = 0; i < 27; i++) {
    const char form = "dddd-dd-ddTdd:dd:dd.ddddddZ"[i];
    assert_true(form == 'd' ? now[i] >= '0' && now[i] <= '9' : now[i] == form);
  }
  uint64_t before = lh_clock_ns();
  for (int i = 0; i < 1000; i++) {
    const uint64_t next = lh_clock_ns();
    assert_true(next >= before);
    before = next;
  }
  assert_true(lh_clock_seconds_since(lh_clock_ns()) >= 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_lines_carry_their_level_and_respect_the_threshold),
      cmocka_unit_test(json_lines_are_documents_of_their_own),
      cmocka_unit_test(a_very_long_line_is_cut_and_still_ends),
      cmocka_unit_test(level_names_are_exact),
      cmocka_unit_test(clocks_tell_iso_8601_and_never_go_back),
  };
  return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
