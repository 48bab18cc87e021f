/* Values as text: exact, and in the forms that people and JSON readers expect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "column/format.h"

struct fixture {
  struct lh_buf text;
  struct lh_error err;
};

static int setup(void **state) {
  struct fixture *const fixture = calloc(1, sizeof(*fixture));
  assert_non_null(fixture);
  lh_buf_init(&fixture->text, 1 << 20);
  *state = fixture;
  return 0;
}

static int teardown(void **state) {
  struct fixture *const fixture = *state;
  lh_buf_clear(&fixture->text);
  free(fixture);
  return 0;
}

static void assert_ok(struct fixture *fixture, lh_status status) {
  if (status != LH_OK) {
    fail_msg("%s", fixture->err.message);
  }
}

static const char *text_of(struct fixture *fixture, const struct lh_column *column, size_t index,
                           enum lh_format_style style) {
  const char *text = NULL;
  lh_buf_reset(&fixture->text);
  assert_ok(fixture, lh_column_format(column, index, style, &fixture->text, &fixture->err));
  assert_ok(fixture, lh_buf_cstr(&fixture->text, &text, &fixture->err));
  return text;
}

/* One fixed-width value in both forms. */
static void check(void **state, struct lh_field field, const void *value, const char *plain,
                  const char *json) {
  struct fixture *const fixture = *state;
  field.name = "c";
  field.nullable = true;
  const struct lh_schema schema = {.fields = &field, .field_count = 1};
  struct lh_batch batch;
  assert_ok(fixture, lh_batch_init(&batch, &schema, 1, &fixture->err));
  assert_ok(fixture, lh_column_append_fixed(&batch.columns[0], value, &fixture->err));
  assert_ok(fixture, lh_column_append_null(&batch.columns[0], &fixture->err));
  assert_string_equal(text_of(fixture, &batch.columns[0], 0, LH_FORMAT_PLAIN), plain);
  assert_string_equal(text_of(fixture, &batch.columns[0], 0, LH_FORMAT_JSON), json);
  assert_string_equal(text_of(fixture, &batch.columns[0], 1, LH_FORMAT_PLAIN), "");
  assert_string_equal(text_of(fixture, &batch.columns[0], 1, LH_FORMAT_JSON), "null");
  lh_batch_clear(&batch);
}

static void check_bytes(void **state, enum lh_type type, const char *bytes, size_t size, const char *plain,
                        const char *json) {
  struct fixture *const fixture = *state;
  struct lh_field field = {.name = "c", .type = type, .nullable = true};
  const struct lh_schema schema = {.fields = &field, .field_count = 1};
  struct lh_batch batch;
  assert_ok(fixture, lh_batch_init(&batch, &schema, 1, &fixture->err));
  assert_ok(fixture, lh_column_append_bytes(&batch.columns[0], bytes, size, &fixture->err));
  assert_string_equal(text_of(fixture, &batch.columns[0], 0, LH_FORMAT_PLAIN), plain);
  assert_string_equal(text_of(fixture, &batch.columns[0], 0, LH_FORMAT_JSON), json);
  lh_batch_clear(&batch);
}

static void check_int64(void **state, struct lh_field field, int64_t value, const char *plain,
                        const char *json) {
  check(state, field, &value, plain, json);
}

static void check_int32(void **state, struct lh_field field, int32_t value, const char *plain,
                        const char *json) {
  check(state, field, &value, plain, json);
}

static void check_double(void **state, double value, const char *plain, const char *json) {
  check(state, (struct lh_field){.type = LH_TYPE_DOUBLE}, &value, plain, json);
}

static void check_float(void **state, float value, const char *plain) {
  check(state, (struct lh_field){.type = LH_TYPE_FLOAT}, &value, plain, plain);
}

static void whole_numbers_and_booleans(void **state) {
  const uint8_t yes = 1;
  check(state, (struct lh_field){.type = LH_TYPE_BOOL}, &yes, "true", "true");
  check_int32(state, (struct lh_field){.type = LH_TYPE_INT8}, -128, "-128", "-128");
  check_int32(state, (struct lh_field){.type = LH_TYPE_INT32}, INT32_MIN, "-2147483648", "-2147483648");
  check_int64(state, (struct lh_field){.type = LH_TYPE_INT64}, INT64_MIN, "-9223372036854775808",
              "-9223372036854775808");
}

static void decimals_keep_every_digit(void **state) {
  check_int32(state, (struct lh_field){.type = LH_TYPE_DECIMAL, .precision = 9, .scale = 2}, 1250, "12.50",
              "12.50");
  check_int32(state, (struct lh_field){.type = LH_TYPE_DECIMAL, .precision = 9, .scale = 2}, -5, "-0.05",
              "-0.05");
  check_int32(state, (struct lh_field){.type = LH_TYPE_DECIMAL, .precision = 2, .scale = 2}, 99, "0.99",
              "0.99");
  check_int32(state, (struct lh_field){.type = LH_TYPE_DECIMAL, .precision = 9, .scale = 3}, 0, "0.000",
              "0.000");
  check_int64(state, (struct lh_field){.type = LH_TYPE_DECIMAL, .precision = 18}, -999999999999999999,
              "-999999999999999999", "-999999999999999999");
  const lh_int128 most = (lh_int128)9999999999999999999U * 10000000000000000000U + 9999999999999999999U;
  check(state, (struct lh_field){.type = LH_TYPE_DECIMAL, .precision = 38}, &most,
        "99999999999999999999999999999999999999", "99999999999999999999999999999999999999");
  const lh_int128 least = -most;
  check(state, (struct lh_field){.type = LH_TYPE_DECIMAL, .precision = 38, .scale = 38}, &least,
        "-0.99999999999999999999999999999999999999", "-0.99999999999999999999999999999999999999");
  const lh_int128 one = 1;
  check(state, (struct lh_field){.type = LH_TYPE_DECIMAL, .precision = 38, .scale = 38}, &one,
        "0.00000000000000000000000000000000000001", "0.00000000000000000000000000000000000001");
}

static void floats_have_the_fewest_digits_that_read_back(void **state) {
  check_double(state, 0.1, "0.1", "0.1");
  check_double(state, 1.0, "1", "1");
  check_double(state, -0.0, "-0", "-0");
  check_double(state, 1.0 / 3, "0.3333333333333333", "0.3333333333333333");
  check_double(state, 0.1 + 0.2, "0.30000000000000004", "0.30000000000000004");
  check_double(state, 1e300, "1e+300", "1e+300");
  check_double(state, 5e-324, "5e-324", "5e-324");
  check_double(state, -2.225073858507201e-308, "-2.225073858507201e-308", "-2.225073858507201e-308");
  check_double(state, 0x1p-44, "5.684341886080802e-14", "5.684341886080802e-14");
  check_double(state, 0x1p-24, "5.960464477539063e-08", "5.960464477539063e-08");
  check_double(state, 123456789012345, "123456789012345", "123456789012345");
  check_double(state, 1e15, "1e+15", "1e+15");
  check_double(state, 0.0001, "0.0001", "0.0001");
  check_double(state, 0.000012, "1.2e-05", "1.2e-05");
  check_double(state, 100, "100", "100");
  check_double(state, (double)NAN, "NaN", "\"NaN\"");
  check_double(state, (double)INFINITY, "Infinity", "\"Infinity\"");
  check_double(state, -(double)INFINITY, "-Infinity", "\"-Infinity\"");
  check_float(state, 0.1F, "0.1");
  check_float(state, 16777216.0F, "1.6777216e+07");
  check_float(state, 123456.0F, "123456");
  check_float(state, 1e-45F, "1e-45");
  check_float(state, FLT_MAX, "3.4028235e+38");
}

/* They would be read back by rounding to even only. */
static void decimals_halfway_between_two_floats_are_not_taken(void **state) {
  check_double(state, 1e23, "9.999999999999999e+22", "9.999999999999999e+22");
  check_double(state, 5e22, "4.9999999999999996e+22", "4.9999999999999996e+22");
  check_double(state, 2e22, "2e+22", "2e+22");
}

static void dates_in_and_out_of_the_common_era(void **state) {
  const struct lh_field field = {.type = LH_TYPE_DATE};
  check_int32(state, field, 0, "1970-01-01", "\"1970-01-01\"");
  check_int32(state, field, -1, "1969-12-31", "\"1969-12-31\"");
  check_int32(state, field, 19782, "2024-02-29", "\"2024-02-29\"");
  check_int32(state, field, -719162, "0001-01-01", "\"0001-01-01\"");
  check_int32(state, field, -719163, "0001-12-31 BC", "\"0000-12-31\"");
  check_int32(state, field, -719529, "0002-12-31 BC", "\"-000001-12-31\"");
  check_int32(state, field, 2932897, "10000-01-01", "\"+010000-01-01\"");
}

static void times_of_day(void **state) {
  const struct lh_field field = {.type = LH_TYPE_TIME};
  check_int64(state, field, 0, "00:00:00", "\"00:00:00\"");
  check_int64(state, field, INT64_C(86399999999), "23:59:59.999999", "\"23:59:59.999999\"");
  check_int64(state, field, INT64_C(86400000000), "24:00:00", "\"24:00:00\"");
  check_int64(state, field, 500000, "00:00:00.5", "\"00:00:00.5\"");
}

static void timestamps_with_and_without_zone(void **state) {
  const struct lh_field wall = {.type = LH_TYPE_TIMESTAMP};
  const struct lh_field instant = {.type = LH_TYPE_TIMESTAMP, .utc = true};
  const struct lh_field nanos = {.type = LH_TYPE_TIMESTAMP, .unit = LH_UNIT_NANOS, .utc = true};
  check_int64(state, wall, 0, "1970-01-01 00:00:00", "\"1970-01-01T00:00:00\"");
  check_int64(state, wall, -1, "1969-12-31 23:59:59.999999", "\"1969-12-31T23:59:59.999999\"");
  check_int64(state, instant, INT64_C(1706702400500000), "2024-01-31 12:00:00.5+00",
              "\"2024-01-31T12:00:00.5Z\"");
  check_int64(state, nanos, INT64_C(1706702400000000001), "2024-01-31 12:00:00.000000001+00",
              "\"2024-01-31T12:00:00.000000001Z\"");
  check_int64(state, instant, INT64_C(-62135683200000000), "0001-12-31 00:00:00+00 BC",
              "\"0000-12-31T00:00:00Z\"");
  check_int64(state, wall, INT64_MIN, "290309-12-21 19:59:05.224192 BC", "\"-290308-12-21T19:59:05.224192\"");
  check_int64(state, wall, INT64_MAX, "294247-01-10 04:00:54.775807", "\"+294247-01-10T04:00:54.775807\"");
}

static void texts_are_escaped_in_json_only(void **state) {
  check_bytes(state, LH_TYPE_STRING, "", 0, "", "\"\"");
  check_bytes(state, LH_TYPE_STRING, "a \"b\" \\ é\n\t\x01", 13, "a \"b\" \\ é\n\t\x01",
              "\"a \\\"b\\\" \\\\ é\\n\\t\\u0001\"");
  check_bytes(state, LH_TYPE_JSON, "{\"a\": 1}", 8, "{\"a\": 1}", "{\"a\": 1}");
  check_bytes(state, LH_TYPE_JSON, "", 0, "", "\"\"");
}

static void bytes_and_uuids_are_hexadecimal(void **state) {
  check_bytes(state, LH_TYPE_BINARY, "\x00\xff\x10", 3, "\\x00ff10", "\"\\\\x00ff10\"");
  check_bytes(state, LH_TYPE_BINARY, "", 0, "\\x", "\"\\\\x\"");
  static const uint8_t uuid[16] = {0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0,
                                   0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xff};
  check(state, (struct lh_field){.type = LH_TYPE_UUID}, uuid, "12345678-9abc-def0-1234-56789abcdeff",
        "\"12345678-9abc-def0-1234-56789abcdeff\"");
}

static void nested_values_are_json_in_both_forms(void **state) {
  struct fixture *const fixture = *state;
  struct lh_field element = {.name = "element", .type = LH_TYPE_STRING, .nullable = true};
  struct lh_field entries[2] = {{.name = "key", .type = LH_TYPE_STRING},
                                {.name = "value", .type = LH_TYPE_INT32, .nullable = true}};
  struct lh_field members[2] = {
      {.name = "list", .type = LH_TYPE_LIST, .nullable = true, .children = &element, .child_count = 1},
      {.name = "a \"map\"", .type = LH_TYPE_MAP, .nullable = true, .children = entries, .child_count = 2}};
  struct lh_field field = {
      .name = "c", .type = LH_TYPE_STRUCT, .nullable = true, .children = members, .child_count = 2};
  const struct lh_schema schema = {.fields = &field, .field_count = 1};
  struct lh_batch batch;
  assert_ok(fixture, lh_batch_init(&batch, &schema, 4, &fixture->err));
  struct lh_column *const list = &batch.columns[0].children[0];
  struct lh_column *const map = &batch.columns[0].children[1];
  assert_ok(fixture, lh_column_append_bytes(&list->children[0], "x", 1, &fixture->err));
  assert_ok(fixture, lh_column_append_null(&list->children[0], &fixture->err));
  assert_ok(fixture, lh_column_append_list(list, &fixture->err));
  const int32_t seven = 7;
  assert_ok(fixture, lh_column_append_bytes(&map->children[0], "k", 1, &fixture->err));
  assert_ok(fixture, lh_column_append_fixed(&map->children[1], &seven, &fixture->err));
  assert_ok(fixture, lh_column_append_list(map, &fixture->err));
  assert_ok(fixture, lh_column_append_struct(&batch.columns[0], &fixture->err));
  assert_ok(fixture, lh_column_append_list(list, &fixture->err));
  assert_ok(fixture, lh_column_append_null(map, &fixture->err));
  assert_ok(fixture, lh_column_append_struct(&batch.columns[0], &fixture->err));
  assert_ok(fixture, lh_column_append_null(&batch.columns[0], &fixture->err));
  const char *const first = "{\"list\": [\"x\", null], \"a \\\"map\\\"\": [{\"key\": \"k\", \"value\": 7}]}";
  assert_string_equal(text_of(fixture, &batch.columns[0], 0, LH_FORMAT_JSON), first);
  assert_string_equal(text_of(fixture, &batch.columns[0], 0, LH_FORMAT_PLAIN), first);
  assert_string_equal(text_of(fixture, &batch.columns[0], 1, LH_FORMAT_JSON),
                      "{\"list\": [], \"a \\\"map\\\"\": null}");
  assert_string_equal(text_of(fixture, &batch.columns[0], 2, LH_FORMAT_JSON), "null");
  lh_batch_clear(&batch);
}

static void a_full_buffer_is_an_error(void **state) {
  struct fixture *const fixture = *state;
  struct lh_buf small;
  lh_buf_init(&small, 4);
  assert_int_equal(lh_format_json_string("abcdef", 6, &small, &fixture->err), LH_ERROR_MEMORY);
  lh_buf_clear(&small);
}

static void the_largest_number_has_39_digits(void **state) {
  (void)state;
  char text[LH_UINT128_TEXT_MAX];
  assert_string_equal(lh_uint128_format(~(lh_uint128)0, text), "340282366920938463463374607431768211455");
  assert_string_equal(lh_uint128_format(0, text), "0");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(whole_numbers_and_booleans, setup, teardown),
      cmocka_unit_test_setup_teardown(decimals_keep_every_digit, setup, teardown),
      cmocka_unit_test_setup_teardown(floats_have_the_fewest_digits_that_read_back, setup, teardown),
      cmocka_unit_test_setup_teardown(decimals_halfway_between_two_floats_are_not_taken, setup, teardown),
      cmocka_unit_test_setup_teardown(dates_in_and_out_of_the_common_era, setup, teardown),
      cmocka_unit_test_setup_teardown(times_of_day, setup, teardown),
      cmocka_unit_test_setup_teardown(timestamps_with_and_without_zone, setup, teardown),
      cmocka_unit_test_setup_teardown(texts_are_escaped_in_json_only, setup, teardown),
      cmocka_unit_test_setup_teardown(bytes_and_uuids_are_hexadecimal, setup, teardown),
      cmocka_unit_test_setup_teardown(nested_values_are_json_in_both_forms, setup, teardown),
      cmocka_unit_test_setup_teardown(a_full_buffer_is_an_error, setup, teardown),
      cmocka_unit_test_setup_teardown(the_largest_number_has_39_digits, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
