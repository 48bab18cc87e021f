/* JSON access: a document that is not as expected is an error that names the place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#include "base/json.h"

static json_t *parse(const char *text) {
  struct lh_error err = {0};
  json_t *root = NULL;
  if (lh_json_parse(text, strlen(text), "manifest", &root, &err) != LH_OK) {
    fail_msg("%s", err.message);
  }
  return root;
}

static void documents_that_are_no_json_name_line_and_column(void **state) {
  (void)state;
  static const char *const bad[] = {"", "{", "{\"a\": 1} x", "{\"a\": 1, \"a\": 2}", "\xff", "nul", "[1,]"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    struct lh_error err = {0};
    json_t *root = NULL;
    assert_int_equal(lh_json_parse(bad[i], strlen(bad[i]), "manifest", &root, &err), LH_ERROR_CORRUPT);
    assert_null(root);
    assert_non_null(strstr(err.message, "manifest is not valid JSON: line "));
  }
}

static void values_come_out_as_their_types(void **state) {
  (void)state;
  struct lh_arena arena;
  struct lh_error err;
  const char *text = NULL;
  uint64_t number = 0;
  json_t *list = NULL;
  lh_arena_init(&arena, 0);
  json_t *const root = parse("{\"s\": \"\xC3\xA9\", \"n\": 9223372036854775807, \"l\": [1, 2]}");
  assert_int_equal(lh_json_get_string(root, "s", "manifest", &arena, &text, &err), LH_OK);
  assert_int_equal(lh_json_get_uint(root, "n", "manifest", &number, &err), LH_OK);
  assert_int_equal(lh_json_get_array(root, "l", "manifest", &list, &err), LH_OK);
  assert_int_equal(json_array_size(list), 2);
  json_decref(root);
  assert_string_equal(text, "\xC3\xA9");
  assert_true(number == INT64_MAX);
  lh_arena_clear(&arena);
}

static void missing_and_mistyped_values_are_named(void **state) {
  (void)state;
  struct lh_arena arena;
  struct lh_error err;
  const char *text = NULL;
  uint64_t number = 0;
  json_t *list = NULL;
  lh_arena_init(&arena, 0);
  json_t *const root = parse("{\"s\": 1, \"n\": -1, \"r\": 1.5, \"l\": {}, \"z\": null}");
  assert_int_equal(lh_json_get_string(root, "x", "manifest", &arena, &text, &err), LH_ERROR_CORRUPT);
  assert_string_equal(err.message, "manifest: \"x\" is missing");
  assert_int_equal(lh_json_get_string(root, "s", "manifest", &arena, &text, &err), LH_ERROR_CORRUPT);
  assert_string_equal(err.message, "manifest: \"s\" is not a string");
  assert_int_equal(lh_json_get_string(root, "z", "manifest", &arena, &text, &err), LH_ERROR_CORRUPT);
  assert_int_equal(lh_json_get_uint(root, "n", "manifest", &number, &err), LH_ERROR_CORRUPT);
  assert_string_equal(err.message, "manifest: \"n\" is not a whole number");
  assert_int_equal(lh_json_get_uint(root, "r", "manifest", &number, &err), LH_ERROR_CORRUPT);
  assert_int_equal(lh_json_get_array(root, "l", "manifest", &list, &err), LH_ERROR_CORRUPT);
  assert_string_equal(err.message, "manifest: \"l\" is not a list");
  json_decref(root);
  lh_arena_clear(&arena);
}

static void values_of_something_that_is_no_object_are_missing(void **state) {
  (void)state;
  struct lh_error err;
  uint64_t number = 0;
  json_t *const root = parse("[1]");
  assert_int_equal(lh_json_get_uint(root, "n", "manifest", &number, &err), LH_ERROR_CORRUPT);
  assert_int_equal(lh_json_get_uint(NULL, "n", "manifest", &number, &err), LH_ERROR_CORRUPT);
  json_decref(root);
}

static void documents_are_written_compact_or_indented_in_order(void **state) {
  (void)state;
  struct lh_buf buf;
  struct lh_error err;
  const char *text = NULL;
  lh_buf_init(&buf, 200);
  json_t *const first = json_pack("{s:i, s:[i]}", "z", 1, "a", 2);
  json_t *const second = json_pack("{s:i}", "z", 1);
  assert_int_equal(lh_json_take_append(first, false, &buf, &err), LH_OK);
  assert_int_equal(lh_json_take_append(second, true, &buf, &err), LH_OK);
  assert_int_equal(lh_buf_cstr(&buf, &text, &err), LH_OK);
  assert_string_equal(text, "{\"z\":1,\"a\":[2]}{\n  \"z\": 1\n}");
  assert_int_equal(lh_json_take_append(NULL, false, &buf, &err), LH_ERROR_MEMORY);
  assert_int_equal(lh_json_take_append(json_sprintf("%300d", 1), false, &buf, &err), LH_ERROR_MEMORY);
  lh_buf_clear(&buf);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(documents_that_are_no_json_name_line_and_column),
      cmocka_unit_test(values_come_out_as_their_types),
      cmocka_unit_test(missing_and_mistyped_values_are_named),
      cmocka_unit_test(values_of_something_that_is_no_object_are_missing),
      cmocka_unit_test(documents_are_written_compact_or_indented_in_order),
  };
  return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
