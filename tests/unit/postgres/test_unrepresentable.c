/* What decoders do with values that the lake cannot hold, policy by policy, and that each is counted. */
#include "copy_stream.h"

#include <math.h>
#include <string.h>

#include "postgres/types/decode.h"

#define OID_INT4_ARRAY 1007
#define OID_NUMERIC 1700
#define OID_TEXT 25
#define OID_DATE 1082
#define OID_DATE_ARRAY 1182
#define OID_TIMESTAMP 1114
#define TYPMOD_6_2 (((6 << 16) | 2) + 4)
#define SIGN_NAN 0xc000
#define SIGN_INFINITY 0xd000
#define SIGN_MINUS_INFINITY 0xf000

struct fixture {
  struct stream stream;
  struct lh_pg_replaced replaced;
};

static int set_up(void **state) {
  static struct fixture fixture;
  stream_init(&fixture.stream);
  memset(&fixture.replaced, 0, sizeof(fixture.replaced));
  fixture.stream.rules.replaced = &fixture.replaced;
  *state = &fixture;
  return 0;
}

static int tear_down(void **state) {
  stream_clear(&((struct fixture *)*state)->stream);
  return 0;
}

static struct stream *begin(void **state, enum lh_unrepresentable policy, uint32_t oid, int32_t typmod) {
  struct stream *const stream = &((struct fixture *)*state)->stream;
  stream->rules.policy.on_unrepresentable = policy;
  stream_add_column(stream, oid, typmod, true);
  stream_header(stream);
  return stream;
}

static void assert_replaced(void **state, uint64_t nulls, uint64_t clamped) {
  const struct fixture *const fixture = *state;
  assert_int_equal(atomic_load(&fixture->replaced.nulls), nulls);
  assert_int_equal(atomic_load(&fixture->replaced.clamped), clamped);
}

static bool is_valid(const struct lh_column *column, size_t row) {
  return column->validity == NULL || (column->validity[row / 8] >> (row % 8) & 1) != 0;
}

static void put_timestamps(struct stream *stream) {
  const uint64_t values[] = {UINT64_C(0x7fffffffffffffff), UINT64_C(0x8000000000000000),
                             UINT64_C(9223371331200000000) - 1, 0};
  for (size_t i = 0; i < 4; i++) {
    stream_row(stream);
    stream_value_u64(stream, values[i]);
  }
  stream_trailer(stream);
  stream_assert_decodes(stream);
}

static void far_timestamps_become_null(void **state) {
  struct stream *const stream = begin(state, LH_UNREPRESENTABLE_NULL, OID_TIMESTAMP, -1);
  put_timestamps(stream);
  for (size_t i = 0; i < 3; i++) {
    assert_false(is_valid(&stream->batch.columns[0], i));
  }
  assert_int_equal(stream_i64(stream, 0, 3), INT64_C(946684800000000));
  assert_replaced(state, 3, 0);
}

static void far_timestamps_become_the_first_and_the_last(void **state) {
  struct stream *const stream = begin(state, LH_UNREPRESENTABLE_CLAMP, OID_TIMESTAMP, -1);
  put_timestamps(stream);
  assert_int_equal(stream_i64(stream, 0, 0), INT64_MAX - 1);
  assert_int_equal(stream_i64(stream, 0, 1), INT64_C(-210866803200000000));
  assert_int_equal(stream_i64(stream, 0, 2), INT64_MAX - 1);
  assert_replaced(state, 0, 3);
}

static void infinite_dates_in_arrays_are_replaced_singly(void **state) {
  struct stream *const stream = begin(state, LH_UNREPRESENTABLE_CLAMP, OID_DATE_ARRAY, -1);
  stream_row(stream);
  stream_u32(stream, 20 + 3 * 8);
  const uint32_t header[] = {1, 0, OID_DATE, 3, 1, 4, 0x7fffffff, 4, 0, 4, 0x80000000};
  for (size_t i = 0; i < sizeof(header) / sizeof(header[0]); i++) {
    stream_u32(stream, header[i]);
  }
  stream_trailer(stream);
  stream_assert_decodes(stream);
  const int32_t *const days = (const int32_t *)(const void *)stream->batch.columns[0].children[0].values;
  assert_int_equal(days[0], 2145042905);
  assert_int_equal(days[1], 10957);
  assert_int_equal(days[2], -2440588);
  assert_replaced(state, 0, 2);
}

static void put_special_numerics(struct stream *stream) {
  const unsigned signs[] = {SIGN_NAN, SIGN_INFINITY, SIGN_MINUS_INFINITY};
  for (size_t i = 0; i < 3; i++) {
    stream_row(stream);
    stream_value_numeric(stream, signs[i], 0, 0, 0);
  }
  stream_trailer(stream);
  stream_assert_decodes(stream);
}

static void special_numerics_become_null_or_the_largest_decimals(void **state) {
  struct stream *const stream = begin(state, LH_UNREPRESENTABLE_CLAMP, OID_NUMERIC, TYPMOD_6_2);
  put_special_numerics(stream);
  assert_false(is_valid(&stream->batch.columns[0], 0));
  assert_int_equal(stream_i32(stream, 0, 1), 999999);
  assert_int_equal(stream_i32(stream, 0, 2), -999999);
  assert_replaced(state, 1, 2);
}

static void a_numeric_that_does_not_fit_is_refused_under_every_policy(void **state) {
  struct stream *const stream = begin(state, LH_UNREPRESENTABLE_NULL, OID_NUMERIC, TYPMOD_6_2);
  stream_row(stream);
  stream_value_numeric(stream, 0, 1, 0, 2, 1, 0);
  stream_trailer(stream);
  stream_assert_fails(stream, LH_ERROR_DATA, "the numeric 10000 cannot be held by decimal(6,2)");
  assert_replaced(state, 0, 0);
}

static void free_numerics_become_doubles(void **state) {
  struct stream *const stream = &((struct fixture *)*state)->stream;
  stream->rules.policy.numeric = LH_NUMERIC_DOUBLE;
  begin(state, LH_UNREPRESENTABLE_ERROR, OID_NUMERIC, -1);
  stream_row(stream);
  stream_value_numeric(stream, 0x4000, 0, 2, 2, 12, 5000);
  stream_row(stream);
  stream_value_numeric(stream, SIGN_INFINITY, 0, 0, 0);
  stream_row(stream);
  stream_value_numeric(stream, 0, 0, 0, 0);
  stream_trailer(stream);
  stream_assert_decodes(stream);
  const double *const values = (const double *)(const void *)stream->batch.columns[0].values;
  assert_true(values[0] == -12.5);
  assert_true(isinf(values[1]) && values[1] > 0);
  assert_true(values[2] == 0);
}

static void a_numeric_past_every_double_follows_the_policy(void **state) {
  struct stream *const stream = &((struct fixture *)*state)->stream;
  stream->rules.policy.numeric = LH_NUMERIC_DOUBLE;
  begin(state, LH_UNREPRESENTABLE_NULL, OID_NUMERIC, -1);
  stream_row(stream);
  stream_value_numeric(stream, 0, 100, 0, 1, 1); /* 1e400 */
  stream_trailer(stream);
  stream_assert_decodes(stream);
  assert_false(is_valid(&stream->batch.columns[0], 0));
  assert_replaced(state, 1, 0);
}

static void bytes_that_are_no_utf8_are_repaired_one_by_one(void **state) {
  struct stream *const stream = &((struct fixture *)*state)->stream;
  stream->rules.check_utf8 = true;
  begin(state, LH_UNREPRESENTABLE_CLAMP, OID_TEXT, -1);
  const char *const texts[] = {"caf\xe9!", "\xe2\x82\xac", "\xf0\x9f", "\xc3(\xed\xa0\x80", ""};
  for (size_t i = 0; i < 5; i++) {
    stream_row(stream);
    stream_value_text(stream, texts[i]);
  }
  stream_trailer(stream);
  stream_assert_decodes(stream);
  const char *const expected[] = {"caf\xef\xbf\xbd!", "€", "\xef\xbf\xbd\xef\xbf\xbd",
                                  "\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", ""};
  for (size_t i = 0; i < 5; i++) {
    assert_string_equal(stream_text(stream, &stream->batch.columns[0], i), expected[i]);
  }
  assert_replaced(state, 0, 3);
}

static void an_array_of_two_dimensions_becomes_null(void **state) {
  struct stream *const stream = begin(state, LH_UNREPRESENTABLE_CLAMP, OID_INT4_ARRAY, -1);
  stream_row(stream);
  stream_u32(stream, 12 + 2 * 8 + 8);
  const uint32_t array[] = {2, 0, 23, 1, 1, 1, 1, 4, 7};
  for (size_t i = 0; i < sizeof(array) / sizeof(array[0]); i++) {
    stream_u32(stream, array[i]);
  }
  stream_trailer(stream);
  stream_assert_decodes(stream);
  assert_false(is_valid(&stream->batch.columns[0], 0));
  assert_replaced(state, 1, 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(far_timestamps_become_null),
      TEST(far_timestamps_become_the_first_and_the_last),
      TEST(infinite_dates_in_arrays_are_replaced_singly),
      TEST(special_numerics_become_null_or_the_largest_decimals),
      TEST(a_numeric_that_does_not_fit_is_refused_under_every_policy),
      TEST(free_numerics_become_doubles),
      TEST(a_numeric_past_every_double_follows_the_policy),
      TEST(bytes_that_are_no_utf8_are_repaired_one_by_one),
      TEST(an_array_of_two_dimensions_becomes_null),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
