/* JSON text to VARIANT: bytes as the specification gives them, numbers, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "column/json_tape.h"
#include "column/variant.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct fixture {
  struct lh_variant_encoder *encoder;
  struct lh_buf metadata, value;
  struct lh_error err;
};

static int setup(void **state) {
  struct fixture *const fixture = calloc(1, sizeof(*fixture));
  assert_non_null(fixture);
  lh_buf_init(&fixture->metadata, 64 << 20);
  lh_buf_init(&fixture->value, 64 << 20);
  assert_int_equal(lh_variant_encoder_new(&fixture->encoder, &fixture->err), LH_OK);
  *state = fixture;
  return 0;
}

static int teardown(void **state) {
  struct fixture *const fixture = *state;
  lh_variant_encoder_free(fixture->encoder);
  lh_buf_clear(&fixture->metadata);
  lh_buf_clear(&fixture->value);
  free(fixture);
  return 0;
}

/* From memory of exactly that size, so that a sanitizer sees any read past it. */
static lh_status encode(struct fixture *fixture, const char *json, size_t size,
                        const struct lh_variant_options *options, enum lh_variant_problem *problem) {
  uint8_t *const copy = malloc(size > 0 ? size : 1);
  assert_non_null(copy);
  memcpy(copy, json, size);
  lh_buf_reset(&fixture->metadata);
  lh_buf_reset(&fixture->value);
  fixture->err = (struct lh_error){0};
  const lh_status status = lh_variant_encode(fixture->encoder, copy, size, options, &fixture->metadata,
                                             &fixture->value, problem, &fixture->err);
  free(copy);
  return status;
}

static lh_status encode_text(struct fixture *fixture, const char *json) {
  const struct lh_variant_options options = {.check_utf8 = false};
  enum lh_variant_problem problem;
  return encode(fixture, json, strlen(json), &options, &problem);
}

static void assert_hex(const struct lh_buf *bytes, const char *expected) {
  char text[512] = "";
  assert_true(bytes->len < sizeof(text) / 2);
  for (size_t i = 0; i < bytes->len; i++) {
    snprintf(text + 2 * i, 3, "%02x", bytes->data[i]);
  }
  assert_string_equal(text, expected);
}

static void assert_value(struct fixture *fixture, const char *json, const char *expected) {
  if (encode_text(fixture, json) != LH_OK) {
    fail_msg("%s: %s", json, fixture->err.message);
  }
  assert_hex(&fixture->value, expected);
}

static void test_scalars(void **state) {
  static const char *const cases[][2] = {
      {"null", "00"},   {" true ", "04"},  {"false", "08"},
      {"\"\"", "01"},   {"\"a\"", "0561"}, {"\"\\u00e9\\ud83d\\ude00\\/\\n\"", "21c3a9f09f98802f0a"},
      {"[]", "030000"}, {"{}", "020000"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    assert_value(*state, cases[i][0], cases[i][1]);
  }
}

/* int8 0c, int16 10, int32 14, int64 18, double 1c, decimals 20, 24, 28 */
static void test_numbers_are_not_altered(void **state) {
  static const char *const cases[][2] = {
      {"0", "0c00"},
      {"-0", "0c00"},
      {"127", "0c7f"},
      {"-128", "0c80"},
      {"128", "108000"},
      {"-32768", "100080"},
      {"32768", "1400800000"},
      {"2147483648", "180000008000000000"},
      {"-9223372036854775808", "180000000000000080"},
      {"9223372036854775808", "280000000000000000800000000000000000"},
      {"-9223372036854775809", "2800ffffffffffffff7fffffffffffffffff"},
      {"99999999999999999999999999999999999999", "2800ffffffff3f228a097ac4865aa84c3b4b"},
      {"1e2", "0c64"},
      {"1.50e1", "200196000000"},
      {"1.0", "20010a000000"},
      {"1.00", "200264000000"},
      {"-0.5", "2001fbffffff"},
      {"0.000000001", "200901000000"},
      {"0.0000000001", "240a0100000000000000"},
      {"123456789.1", "2401d302964900000000"},
      {"0.00000000000000000000000000000000000001", "282601000000000000000000000000000000"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    assert_value(*state, cases[i][0], cases[i][1]);
  }
}

static void test_long_numbers_are_doubles_of_the_same_digits_or_refused(void **state) {
  static const struct {
    const char *json;
    double expected; /* 0: refused */
  } cases[] = {
      {"1e38", 1e38},
      {"-1e300", -1e300},
      {"1.7976931348623157e308", 1.7976931348623157e308},
      {"1e-39", 1e-39},
      {"5e-324", 5e-324},
      {"0.00000000000000000000000000000000000000015", 1.5e-40},
      {"1e400", 0},
      {"1e-400", 0},
      {"1.0e-39", 0},
      {"100000000000000000000000000000000000001", 0},
      {"0.123456789012345678901234567890123456789", 0},
      {"1e99999999999999999999", 0},
      {"0e-99999999999999999999", 0},
  };
  struct fixture *const fixture = *state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    const lh_status status = encode_text(fixture, cases[i].json);
    if (cases[i].expected == 0) {
      assert_int_equal(status, LH_ERROR_DATA);
      assert_non_null(strstr(fixture->err.message, "which neither 38 digits nor a double can hold"));
      assert_int_equal(fixture->value.len + fixture->metadata.len, 0);
      continue;
    }
    double value;
    assert_int_equal(status, LH_OK);
    assert_int_equal(fixture->value.len, 9);
    assert_int_equal(fixture->value.data[0], 0x1c);
    memcpy(&value, fixture->value.data + 1, sizeof(value));
    assert_memory_equal(&value, &cases[i].expected, sizeof(value));
  }
}

static void test_strings_from_64_bytes_on_have_a_length(void **state) {
  struct fixture *const fixture = *state;
  char json[80] = "\"";
  memset(json + 1, 'x', 63);
  strcpy(json + 64, "\"");
  assert_int_equal(encode_text(fixture, json), LH_OK);
  assert_int_equal(fixture->value.len, 64);
  assert_int_equal(fixture->value.data[0], 0xfd);
  strcpy(json + 64, "x\"");
  assert_int_equal(encode_text(fixture, json), LH_OK);
  assert_int_equal(fixture->value.len, 69);
  assert_memory_equal(fixture->value.data, "\x40\x40\0\0\0x", 6);
}

static void test_objects_list_their_members_by_name(void **state) {
  struct fixture *const fixture = *state;
  assert_value(fixture, "{\"c\": 3, \"b\": 2, \"a\": 1}",
               "020300010204020006"
               "0c030c020c01");
  assert_hex(&fixture->metadata,
             "11030001020361"
             "6263");
  assert_value(fixture, "[{\"b\":null},{\"a\":{\"b\":[true]}}]",
               "03020006150201010001000201"
               "00000a02010100050301000104");
  assert_hex(&fixture->metadata,
             "110200010261"
             "62");
}

static void test_names_are_sorted_by_their_bytes(void **state) {
  struct fixture *const fixture = *state;
  assert_int_equal(encode_text(fixture,
                               "{\"b\":1,\"\":2,\"aaaaaaaab\":3,\"aaaaaaaaa\":4,\"aaaaaaaa\":5,\"\\u00e9\":6,"
                               "\"a\\u0001\":7,\"a\":8}"),
                   LH_OK);
  static const char names[] =
      "a"
      "a\1"
      "aaaaaaaa"
      "aaaaaaaaa"
      "aaaaaaaab"
      "b"
      "\xc3\xa9";
  assert_int_equal(fixture->metadata.data[0], 0x11);
  assert_int_equal(fixture->metadata.data[1], 8);
  assert_memory_equal(fixture->metadata.data + 11, names, sizeof(names) - 1);
}

static void test_of_equal_names_the_last_stays(void **state) {
  struct fixture *const fixture = *state;
  assert_value(fixture, "{\"a\":[1,{\"a\":2}],\"b\":0,\"a\":1,\"a\":2}",
               "0202000102000"
               "40c000c02");
}

static void test_the_dictionary_is_that_of_each_value(void **state) {
  struct fixture *const fixture = *state;
  static const char *const texts[] = {
      "{\"a\":1,\"b\":2}", "{\"a\":3,\"b\":4}", "{\"b\":1,\"a\":2}", "{\"ab\":1}", "1", "{\"a\":1,\"b\":2}"};
  static const char *const expected[] = {"11020001026162", "11020001026162", "11020001026162",
                                         "110100026162",   "110000",         "11020001026162"};
  for (size_t i = 0; i < COUNT(texts); i++) {
    assert_int_equal(encode_text(fixture, texts[i]), LH_OK);
    assert_hex(&fixture->metadata, expected[i]);
  }
}

/* 300 members: their number takes four bytes, their ids and offsets two. */
static void test_large_objects_and_arrays(void **state) {
  struct fixture *const fixture = *state;
  char json[8192] = "{";
  size_t used = 1;
  for (int i = 0; i < 300; i++) {
    used += (size_t)snprintf(json + used, sizeof(json) - used, "%s\"k%03d\":%d", i == 0 ? "" : ",", 299 - i,
                             i % 100);
  }
  strcpy(json + used, "}");
  assert_int_equal(encode_text(fixture, json), LH_OK);
  assert_int_equal(fixture->value.data[0], 0x02 | 1 << 2 | 1 << 4 | 1 << 6);
  assert_memory_equal(fixture->value.data + 1, "\x2c\x01\0\0\0\0\x01\0\x02\0", 10);
  assert_int_equal(fixture->value.len, 5 + 300 * 2 + 301 * 2 + 300 * 2);
  assert_int_equal(fixture->metadata.len, 1 + 302 * 2 + 300 * 4);
  used = 1;
  json[0] = '[';
  for (int i = 0; i < 256; i++) {
    used += (size_t)snprintf(json + used, sizeof(json) - used, "%s0", i == 0 ? "" : ",");
  }
  strcpy(json + used, "]");
  assert_int_equal(encode_text(fixture, json), LH_OK);
  assert_memory_equal(fixture->value.data, "\x17\0\x01\0\0\0\0\x02\0", 9);
}

static void test_what_is_not_json_is_corrupt(void **state) {
  static const char *const texts[] = {
      "",          " ",       "nul",         "truex",       "{",      "[",          "]",
      "[1,]",      "[1 2]",   "{\"a\"}",     "{\"a\":",     "{a:1}",  "{\"a\":1,}", "{,}",
      "01",        "-",       "1.",          ".5",          "1e",     "1e+",        "+1",
      "\"",        "\"\\x\"", "\"\\u12\"",   "\"\\u123g\"", "\"\n\"", "1 2",        "[1}",
      "{\"a\":1]", "NaN",     "\"a\" \"b\"", "{\"a\" 1}",   "[,1]",   "'a'",        "\"\\",
      "\"\\u",
  };
  for (size_t i = 0; i < COUNT(texts); i++) {
    struct fixture *const fixture = *state;
    if (encode_text(fixture, texts[i]) != LH_ERROR_CORRUPT) {
      fail_msg("%s was taken", texts[i]);
    }
  }
}

static void test_characters_that_no_text_has(void **state) {
  static const char *const texts[] = {"\"\\u0000\"", "{\"\\ud800\":1}", "[\"\\udc00\"]", "\"\\ud800\\u0041\"",
                                      "\"\\ud800\\ud800\""};
  struct fixture *const fixture = *state;
  const struct lh_variant_options nearest = {.nearest = true};
  const struct lh_variant_options checked = {.check_utf8 = true};
  const struct lh_variant_options repaired = {.check_utf8 = true, .nearest = true};
  enum lh_variant_problem problem;
  for (size_t i = 0; i < COUNT(texts); i++) {
    assert_int_equal(encode(fixture, texts[i], strlen(texts[i]), &checked, &problem), LH_ERROR_DATA);
    assert_int_equal(problem, LH_VARIANT_HAS_NEAREST);
    assert_int_equal(encode(fixture, texts[i], strlen(texts[i]), &nearest, &problem), LH_OK);
  }
  assert_int_equal(encode(fixture, "\"\\ud800A\"", 9, &nearest, &problem), LH_OK);
  assert_hex(&fixture->value, "11efbfbd41");
  assert_int_equal(encode(fixture, "\"\xc3\xa9\xff\"", 5, &checked, &problem), LH_ERROR_DATA);
  assert_int_equal(problem, LH_VARIANT_HAS_NEAREST);
  assert_int_equal(encode(fixture, "\"\xc3\xa9\xff\"", 5, &repaired, &problem), LH_OK);
  assert_hex(&fixture->value, "15c3a9efbfbd");
}

static void test_the_nearest_double(void **state) {
  struct fixture *const fixture = *state;
  const struct lh_variant_options nearest = {.nearest = true};
  enum lh_variant_problem problem;
  assert_int_equal(encode(fixture, "-1e400", 6, &nearest, &problem), LH_OK);
  assert_hex(&fixture->value, "1cffffffffffffefff");
  assert_int_equal(encode(fixture, "0.1234567890123456789012345678901234567890", 42, &nearest, &problem),
                   LH_OK);
  assert_hex(&fixture->value, "1c5ff64637dd9abf3f");
}

static void test_nesting_has_a_limit(void **state) {
  struct fixture *const fixture = *state;
  char json[2 * LH_JSON_MAX_DEPTH + 3];
  memset(json, '[', LH_JSON_MAX_DEPTH);
  memset(json + LH_JSON_MAX_DEPTH, ']', LH_JSON_MAX_DEPTH);
  json[sizeof(json) - 3] = '\0';
  assert_int_equal(encode_text(fixture, json), LH_OK);
  memset(json, '[', LH_JSON_MAX_DEPTH + 1);
  memset(json + LH_JSON_MAX_DEPTH + 1, ']', LH_JSON_MAX_DEPTH + 1);
  json[sizeof(json) - 1] = '\0';
  const struct lh_variant_options nearest = {.nearest = true};
  enum lh_variant_problem problem;
  assert_int_equal(encode(fixture, json, strlen(json), &nearest, &problem), LH_ERROR_DATA);
  assert_int_equal(problem, LH_VARIANT_NO_NEAREST);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_scalars, setup, teardown),
      cmocka_unit_test_setup_teardown(test_numbers_are_not_altered, setup, teardown),
      cmocka_unit_test_setup_teardown(test_long_numbers_are_doubles_of_the_same_digits_or_refused, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(test_strings_from_64_bytes_on_have_a_length, setup, teardown),
      cmocka_unit_test_setup_teardown(test_objects_list_their_members_by_name, setup, teardown),
      cmocka_unit_test_setup_teardown(test_names_are_sorted_by_their_bytes, setup, teardown),
      cmocka_unit_test_setup_teardown(test_of_equal_names_the_last_stays, setup, teardown),
      cmocka_unit_test_setup_teardown(test_the_dictionary_is_that_of_each_value, setup, teardown),
      cmocka_unit_test_setup_teardown(test_large_objects_and_arrays, setup, teardown),
      cmocka_unit_test_setup_teardown(test_what_is_not_json_is_corrupt, setup, teardown),
      cmocka_unit_test_setup_teardown(test_characters_that_no_text_has, setup, teardown),
      cmocka_unit_test_setup_teardown(test_the_nearest_double, setup, teardown),
      cmocka_unit_test_setup_teardown(test_nesting_has_a_limit, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
