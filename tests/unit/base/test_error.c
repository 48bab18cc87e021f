/* Errors: one line, whole characters, context in front, exit statuses as documented. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#include "base/str.h"
#include "lakehaul/error.h"

static void setting_an_error_clears_what_was_there(void **state) {
  (void)state;
  struct lh_error err;
  memset(&err, 'x', sizeof(err));
  assert_int_equal(lh_error_set(&err, LH_ERROR_SOURCE, "cannot reach %s", "db:5432"), LH_ERROR_SOURCE);
  assert_int_equal(err.code, LH_ERROR_SOURCE);
  assert_string_equal(err.message, "cannot reach db:5432");
  assert_string_equal(err.hint, "");
  assert_string_equal(err.sqlstate, "");
  assert_string_equal(err.table, "");
  assert_int_equal(err.row, 0);
  assert_int_equal(err.error_class, LH_ERROR_CLASS_FATAL);
}

static void an_error_may_be_made_of_its_own_message(void **state) {
  (void)state;
  struct lh_error err;
  lh_error_set(&err, LH_ERROR_LAKE, "no space");
  lh_error_set(&err, LH_ERROR_DATA, "gave up after: %s", err.message);
  assert_string_equal(err.message, "gave up after: no space");
  lh_error_hint(&err, "once");
  lh_error_hint(&err, "%s more", err.hint);
  assert_string_equal(err.hint, "once more");
}

static void line_breaks_become_spaces(void **state) {
  (void)state;
  struct lh_error err;
  lh_error_set(&err, LH_ERROR_QUERY, "syntax error\nLINE 1:\tselct\r\n");
  lh_error_hint(&err, "a\nb");
  assert_string_equal(err.message, "syntax error LINE 1: selct  ");
  assert_string_equal(err.hint, "a b");
}

static void what_terminals_would_obey_or_json_refuse_is_replaced(void **state) {
  (void)state;
  struct lh_error err;
  lh_error_set(&err, LH_ERROR_DATA,
               "column \"a\x1b[31mb\x7f\" of Gr\xf6\xdf"
               "e, gr\xc3\xb6\xc3\x9f"
               "e");
  assert_string_equal(err.message,
                      "column \"a [31mb \" of Gr??e, gr\xc3\xb6\xc3\x9f"
                      "e");
  lh_error_hint(&err, "cut short: \xc3");
  assert_string_equal(err.hint, "cut short: ?");
}

static void long_texts_end_at_a_whole_character(void **state) {
  (void)state;
  struct lh_error err;
  char text[3 * LH_ERROR_MESSAGE_MAX + 1];
  for (size_t shift = 0; shift < 4; shift++) {
    memset(text, 'a', shift);
    for (size_t i = shift; i + 4 < sizeof(text); i += 4) {
      memcpy(text + i, "\xF0\x9F\x90\x98", 5);
    }
    lh_error_set(&err, LH_ERROR_DATA, "%s", text);
    const size_t length = strlen(err.message);
    assert_true(length < LH_ERROR_MESSAGE_MAX && length > LH_ERROR_MESSAGE_MAX - 5);
    assert_true(lh_utf8_valid((const uint8_t *)err.message, length));
    lh_error_hint(&err, "%s", text);
    assert_true(strlen(err.hint) > LH_ERROR_HINT_MAX - 5);
    assert_true(lh_utf8_valid((const uint8_t *)err.hint, strlen(err.hint)));
    lh_error_prefix(&err, "table %s", "orders");
    assert_true(lh_utf8_valid((const uint8_t *)err.message, strlen(err.message)));
    assert_int_equal(strncmp(err.message, "table orders: ", 14), 0);
  }
}

static void a_prefix_puts_context_in_front_and_keeps_the_rest(void **state) {
  (void)state;
  struct lh_error err;
  lh_error_set(&err, LH_ERROR_DATA, "value out of range");
  lh_error_hint(&err, "cast it to text");
  err.row = 17;
  assert_int_equal(lh_error_prefix(&err, "column %s", "amount"), LH_ERROR_DATA);
  assert_string_equal(err.message, "column amount: value out of range");
  assert_string_equal(err.hint, "cast it to text");
  assert_int_equal(err.row, 17);
  char context[2 * LH_ERROR_MESSAGE_MAX];
  memset(context, 'c', sizeof(context) - 1);
  context[sizeof(context) - 1] = '\0';
  assert_int_equal(lh_error_prefix(&err, "%s", context), LH_ERROR_DATA);
  assert_int_equal(strlen(err.message), LH_ERROR_MESSAGE_MAX - 1);
}

static void exit_codes_follow_the_failing_side(void **state) {
  (void)state;
  static const int expected[][2] = {{LH_OK, 0},
                                    {LH_ERROR_USAGE, 2},
                                    {LH_ERROR_PROJECT, 2},
                                    {LH_ERROR_UNSUPPORTED, 2},
                                    {LH_ERROR_SOURCE, 3},
                                    {LH_ERROR_LAKE, 4},
                                    {LH_ERROR_CATALOG, 4},
                                    {LH_ERROR_DATA, 1},
                                    {LH_ERROR_QUERY, 1},
                                    {LH_ERROR_CORRUPT, 1},
                                    {LH_ERROR_INTERRUPTED, 130},
                                    {LH_ERROR_MEMORY, 1},
                                    {LH_ERROR_INTERNAL, 1}};
  for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
    assert_int_equal(lh_status_exit_code((lh_status)expected[i][0]), expected[i][1]);
  }
}

static void every_status_has_a_name_of_its_own(void **state) {
  (void)state;
  for (int i = LH_OK; i <= LH_ERROR_INTERNAL; i++) {
    assert_string_not_equal(lh_status_name((lh_status)i), "unknown");
    for (int j = LH_OK; j < i; j++) {
      assert_string_not_equal(lh_status_name((lh_status)i), lh_status_name((lh_status)j));
    }
  }
  assert_string_equal(lh_status_name((lh_status)(LH_ERROR_INTERNAL + 1)), "unknown");
}

static lh_status try_and_count(lh_status status, int *count) {
  LH_TRY(status);
  (*count)++;
  return LH_OK;
}

static void try_returns_on_failure_only(void **state) {
  (void)state;
  int count = 0;
  assert_int_equal(try_and_count(LH_OK, &count), LH_OK);
  assert_int_equal(count, 1);
  assert_int_equal(try_and_count(LH_ERROR_LAKE, &count), LH_ERROR_LAKE);
  assert_int_equal(count, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(setting_an_error_clears_what_was_there),
      cmocka_unit_test(an_error_may_be_made_of_its_own_message),
      cmocka_unit_test(line_breaks_become_spaces),
      cmocka_unit_test(what_terminals_would_obey_or_json_refuse_is_replaced),
      cmocka_unit_test(long_texts_end_at_a_whole_character),
      cmocka_unit_test(a_prefix_puts_context_in_front_and_keeps_the_rest),
      cmocka_unit_test(exit_codes_follow_the_failing_side),
      cmocka_unit_test(every_status_has_a_name_of_its_own),
      cmocka_unit_test(try_returns_on_failure_only),
  };
  return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
