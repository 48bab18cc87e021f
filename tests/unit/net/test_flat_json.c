/* JSON read in place, beside jansson: the same documents are taken, with the same values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "net/flat_json.h"

static void check_document(const char *document) {
  char text[512];
  struct lh_flat_json_field fields[] = {{.name = "a"}, {.name = "b"}};
  const size_t size = strlen(document);
  assert_true(size < sizeof(text));
  memcpy(text, document, size);
  json_t *const expected = json_loadb(document, size, 0, NULL);
  const bool is_expected = json_is_object(expected);
  const bool is_read = lh_flat_json_read(text, size, NULL, fields, 2);
  if (is_read != is_expected) {
    fail_msg("%s is %s", document, is_read ? "taken" : "refused");
  }
  for (size_t i = 0; i < 2 && is_expected; i++) {
    const json_t *const value = json_object_get(expected, fields[i].name);
    if (json_is_string(value)) {
      assert_non_null(fields[i].text);
      assert_string_equal(fields[i].text, json_string_value(value));
    } else {
      assert_null(fields[i].text);
    }
    assert_int_equal(fields[i].is_number, json_is_integer(value));
    assert_int_equal(fields[i].number, json_is_integer(value) ? json_integer_value(value) : 0);
  }
  json_decref(expected);
}

static void documents_are_read_as_jansson_reads_them(void **state) {
  (void)state;
  static const char *const documents[] = {
      "{}",
      " { \"a\" : \"x\" , \"b\" : 1 } \n",
      "{\"a\":\"q\\\"\\\\\\/\\b\\f\\n\\r\\t\",\"b\":\"\"}",
      "{\"a\":\"\\u00e9\\u20ac\\ud83d\\ude00\",\"b\":-12}",
      "{\"\\u0061\":\"x\"}",
      "{\"a\":null,\"b\":true,\"c\":false}",
      "{\"c\":[1,[2,{\"a\":\"no\"}],\"x\"],\"a\":\"yes\"}",
      "{\"c\":{\"a\":\"no\",\"d\":{}},\"b\":9007199254740993}",
      "{\"a\":1.5,\"b\":1e3}",
      "{\"a\":\"first\",\"b\":\"/+=\"}",
      "",
      "[]",
      "\"a\"",
      "{",
      "{\"a\"}",
      "{\"a\":}",
      "{\"a\":\"x\",}",
      "{\"a\":\"x\"",
      "{\"a\":\"x}",
      "{\"a\":\"x\"} y",
      "{\"a\":\"\\x\"}",
      "{\"a\":\"\\u12\"}",
      "{\"a\":\"\\ud800\"}",
      "{\"a\":\"\\ud800\\u0041\"}",
      "{\"a\":\"\\udc00\"}",
      "{\"a\":\"\\u0000\"}",
      "{\"a\":\"line\nbreak\"}",
      "{\"a\":[1,2}",
      "{\"a\":nul}",
      "{a:1}",
  };
  for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
    check_document(documents[i]);
  }
}

static void members_of_an_inner_object_are_taken(void **state) {
  (void)state;
  char text[] = "{\"a\":\"outer\",\"roleCredentials\":{\"a\":\"inner\",\"b\":5},\"z\":[]}";
  struct lh_flat_json_field fields[] = {{.name = "a"}, {.name = "b"}};
  assert_true(lh_flat_json_read(text, sizeof(text) - 1, "roleCredentials", fields, 2));
  assert_string_equal(fields[0].text, "inner");
  assert_int_equal(fields[1].number, 5);
}

static void deep_documents_end(void **state) {
  (void)state;
  char text[4096];
  struct lh_flat_json_field field = {.name = "a"};
  memset(text, '[', sizeof(text));
  memcpy(text, "{\"a\":", 5);
  assert_false(lh_flat_json_read(text, sizeof(text), NULL, &field, 1));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(documents_are_read_as_jansson_reads_them),
      cmocka_unit_test(members_of_an_inner_object_are_taken),
      cmocka_unit_test(deep_documents_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
