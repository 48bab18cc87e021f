/* numeric into exact decimals and exact text. */
#include <string.h>

#include "column/format.h"
#include "copy_stream.h"

#define NUMERIC 1700
#define TYPMOD(precision, scale) ((((precision) << 16) | ((scale)&2047)) + 4)

static int set_up(void **state) {
  static struct stream stream;
  stream_init(&stream);
  *state = &stream;
  return 0;
}

static int tear_down(void **state) {
  stream_clear(*state);
  return 0;
}

static struct stream *begin(void **state, int32_t typmod) {
  struct stream *const stream = *state;
  stream->relation.column_count = 0;
  lh_buf_reset(&stream->bytes);
  stream_add_column(stream, NUMERIC, typmod, true);
  stream_header(stream);
  stream_row(stream);
  return stream;
}

/* The one value, as its column's text. */
static void assert_value(struct stream *stream, const char *expected) {
  struct lh_buf text;
  const char *found = NULL;
  stream_trailer(stream);
  stream_assert_decodes(stream);
  lh_buf_init(&text, 1 << 20);
  assert_int_equal(lh_column_format(&stream->batch.columns[0], 0, LH_FORMAT_PLAIN, &text, &stream->err),
                   LH_OK);
  assert_int_equal(lh_buf_cstr(&text, &found, &stream->err), LH_OK);
  assert_string_equal(found, expected);
  lh_buf_clear(&text);
}

static void assert_refused(struct stream *stream, const char *words) {
  stream_trailer(stream);
  stream_assert_fails(stream, LH_ERROR_DATA, words);
  assert_string_equal(stream->err.table, "public.t");
  assert_string_equal(stream->err.column, "c1");
  assert_int_equal(stream->err.row, 1);
  assert_string_not_equal(stream->err.hint, "");
}

static void zero_has_no_groups(void **state) {
  struct stream *stream = begin(state, TYPMOD(5, 2));
  stream_value_numeric(stream, 0, 0, 2, 0);
  assert_value(stream, "0.00");
  stream = begin(state, TYPMOD(38, 10));
  stream_value_numeric(stream, 0, 0, 10, 0);
  assert_value(stream, "0.0000000000");
  stream = begin(state, -1);
  stream_value_numeric(stream, 0, 0, 0, 0);
  assert_value(stream, "0");
  stream = begin(state, -1);
  stream_value_numeric(stream, 0, 0, 3, 0);
  assert_value(stream, "0.000");
}

static void dropped_zero_groups_count(void **state) {
  struct stream *stream = begin(state, TYPMOD(25, 2));
  stream_value_numeric(stream, 0, 5, 0, 1, 1);
  assert_value(stream, "100000000000000000000.00");
  stream = begin(state, -1);
  stream_value_numeric(stream, 0, 5, 0, 1, 1);
  assert_value(stream, "100000000000000000000");
}

static void small_fractions_are_exact(void **state) {
  struct stream *stream = begin(state, TYPMOD(9, 4));
  stream_value_numeric(stream, 0, -1, 4, 1, 1);
  assert_value(stream, "0.0001");
  stream = begin(state, TYPMOD(18, 10));
  stream_value_numeric(stream, 0x4000, -3, 10, 1, 100);
  assert_value(stream, "-0.0000000001");
  stream = begin(state, -1);
  stream_value_numeric(stream, 0, -1, 7, 1, 1);
  assert_value(stream, "0.0001000");
}

static void groups_meet_every_scale(void **state) {
  static const char *const expected[] = {"-12345.6789", "-12345.67890", "-12345.678900", "-12345.6789000",
                                         "-12345.67890000"};
  for (int i = 0; i < 5; i++) {
    const int widths[] = {9, 18, 38};
    for (int j = 0; j < 3; j++) {
      if (5 + 4 + i > widths[j]) {
        continue;
      }
      struct stream *const stream = begin(state, TYPMOD(widths[j], 4 + i));
      stream_value_numeric(stream, 0x4000, 1, 4, 3, 1, 2345, 6789);
      assert_value(stream, expected[i]);
    }
  }
  struct stream *stream = begin(state, TYPMOD(5, 1));
  stream_value_numeric(stream, 0, 0, 1, 2, 12, 3000);
  assert_value(stream, "12.3");
  stream = begin(state, TYPMOD(5, 2));
  stream_value_numeric(stream, 0, 0, 2, 2, 12, 3400);
  assert_value(stream, "12.34");
  stream = begin(state, TYPMOD(5, 3));
  stream_value_numeric(stream, 0, 0, 3, 2, 12, 3450);
  assert_value(stream, "12.345");
}

static void thirty_eight_digits_are_exact(void **state) {
  struct stream *stream = begin(state, TYPMOD(38, 0));
  stream_value_numeric(stream, 0x4000, 9, 0, 10, 99, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999);
  assert_value(stream, "-99999999999999999999999999999999999999");
  stream = begin(state, TYPMOD(38, 38));
  stream_value_numeric(stream, 0, -1, 38, 10, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9900);
  assert_value(stream, "0.99999999999999999999999999999999999999");
  stream = begin(state, TYPMOD(38, 10));
  stream_value_numeric(stream, 0, 6, 10, 10, 1234, 5678, 9012, 3456, 7890, 1234, 5678, 9012, 3456, 7800);
  assert_value(stream, "1234567890123456789012345678.9012345678");
}

static void the_widths_hold_their_extremes(void **state) {
  struct stream *stream = begin(state, TYPMOD(9, 2));
  stream_value_numeric(stream, 0x4000, 1, 2, 3, 999, 9999, 9900);
  assert_value(stream, "-9999999.99");
  assert_int_equal(stream->batch.columns[0].width, 4);
  stream = begin(state, TYPMOD(18, 0));
  stream_value_numeric(stream, 0, 4, 0, 5, 99, 9999, 9999, 9999, 9999);
  assert_value(stream, "999999999999999999");
  assert_int_equal(stream->batch.columns[0].width, 8);
}

static void a_negative_scale_gives_whole_numbers(void **state) {
  struct stream *const stream = begin(state, TYPMOD(5, -3));
  assert_int_equal(stream->fields[0].precision, 8);
  assert_int_equal(stream->fields[0].scale, 0);
  stream_value_numeric(stream, 0, 1, 0, 2, 1234, 6000);
  assert_value(stream, "12346000");
}

static void a_scale_past_the_precision_widens_it(void **state) {
  struct stream *const stream = begin(state, TYPMOD(3, 5));
  assert_int_equal(stream->fields[0].precision, 5);
  assert_int_equal(stream->fields[0].scale, 5);
  stream_value_numeric(stream, 0, -1, 5, 2, 12, 3000);
  assert_value(stream, "0.00123");
}

static void past_38_digits_it_is_text(void **state) {
  const int32_t typmods[] = {-1, TYPMOD(39, 0), TYPMOD(1000, 500), TYPMOD(30, -9), TYPMOD(5, 39)};
  for (size_t i = 0; i < 5; i++) {
    struct stream *const stream = begin(state, typmods[i]);
    assert_int_equal(stream->fields[0].type, LH_TYPE_STRING);
    assert_false(stream->columns[0].text_fallback);
    stream_value_numeric(stream, 0x4000, 1, 6, 3, 1, 2345, 6789);
    assert_value(stream, "-12345.678900");
  }
}

static void text_of_specials_is_as_psql_prints_it(void **state) {
  const unsigned signs[] = {0xc000, 0xd000, 0xf000};
  const char *const texts[] = {"NaN", "Infinity", "-Infinity"};
  for (size_t i = 0; i < 3; i++) {
    struct stream *const stream = begin(state, -1);
    stream_value_numeric(stream, signs[i], 0, 0, 0);
    assert_value(stream, texts[i]);
  }
}

static void text_cuts_groups_at_the_scale(void **state) {
  struct stream *stream = begin(state, -1);
  stream_value_numeric(stream, 0, 0, 1, 2, 7, 5000);
  assert_value(stream, "7.5");
  stream = begin(state, -1);
  stream_value_numeric(stream, 0, -2, 10, 2, 12, 3400);
  assert_value(stream, "0.0000001234");
  stream = begin(state, -1);
  stream_value_numeric(stream, 0, 2, 2, 1, 10);
  assert_value(stream, "1000000000.00");
}

static void a_decimal_refuses_specials_and_says_which(void **state) {
  const unsigned signs[] = {0xc000, 0xd000, 0xf000};
  const char *const words[] = {"numeric NaN", "numeric Infinity", "numeric -Infinity"};
  for (size_t i = 0; i < 3; i++) {
    struct stream *const stream = begin(state, TYPMOD(10, 2));
    stream_value_numeric(stream, signs[i], 0, 0, 0);
    assert_refused(stream, words[i]);
  }
}

static void a_decimal_refuses_what_is_too_large_or_too_fine(void **state) {
  struct stream *stream = begin(state, TYPMOD(5, 2));
  stream_value_numeric(stream, 0, 0, 0, 1, 1000);
  assert_refused(stream, "1000 cannot be held by decimal(5,2)");
  stream = begin(state, TYPMOD(5, 2));
  stream_value_numeric(stream, 0, -1, 3, 1, 10);
  assert_refused(stream, "0.001");
  stream = begin(state, TYPMOD(5, 2));
  stream_value_numeric(stream, 0, -2, 8, 1, 1);
  assert_refused(stream, "0.00000001");
  stream = begin(state, TYPMOD(38, 0));
  stream_value_numeric(stream, 0, 9, 0, 1, 100);
  assert_refused(stream, "100000000000000000000000000000000000000");
  stream = begin(state, TYPMOD(38, 0));
  stream_value_numeric(stream, 0x4000, 32767, 0, 1, 1);
  assert_refused(stream, "-1000");
  stream = begin(state, TYPMOD(38, 10));
  stream_value_numeric(stream, 0, -32768, 0, 1, 1);
  assert_refused(stream, "cannot be held");
}

static void needless_zero_groups_do_no_harm(void **state) {
  struct stream *const stream = begin(state, TYPMOD(5, 2));
  stream_value_numeric(stream, 0, 3, 2, 8, 0, 0, 0, 12, 3400, 0, 0, 0);
  assert_value(stream, "12.34");
}

static void wrong_numerics_are_corrupt(void **state) {
  const int32_t typmods[] = {-1, TYPMOD(10, 2)};
  for (size_t i = 0; i < 2; i++) {
    struct stream *stream = begin(state, typmods[i]);
    stream_value_numeric(stream, 0x1234, 0, 0, 1, 1);
    stream_trailer(stream);
    stream_assert_fails(stream, LH_ERROR_CORRUPT, "sign 1234");
    stream = begin(state, typmods[i]);
    stream_value_numeric(stream, 0, 0, 0x4000, 1, 1);
    stream_trailer(stream);
    stream_assert_fails(stream, LH_ERROR_CORRUPT, "scale 16384");
    stream = begin(state, typmods[i]);
    stream_value_numeric(stream, 0, 0, 0, 2, 1, 10000);
    stream_trailer(stream);
    stream_assert_fails(stream, LH_ERROR_CORRUPT, "10000");
    stream = begin(state, typmods[i]);
    stream_value_bytes(stream, "\0\2\0\0\0\0\0\0\0\1", 10);
    stream_trailer(stream);
    stream_assert_fails(stream, LH_ERROR_CORRUPT, "2 groups");
    stream = begin(state, typmods[i]);
    stream_value_bytes(stream, "\0\0\0\0\0\0\0", 7);
    stream_trailer(stream);
    stream_assert_fails(stream, LH_ERROR_CORRUPT, "header");
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(zero_has_no_groups),
      TEST(dropped_zero_groups_count),
      TEST(small_fractions_are_exact),
      TEST(groups_meet_every_scale),
      TEST(thirty_eight_digits_are_exact),
      TEST(the_widths_hold_their_extremes),
      TEST(a_negative_scale_gives_whole_numbers),
      TEST(a_scale_past_the_precision_widens_it),
      TEST(past_38_digits_it_is_text),
      TEST(text_of_specials_is_as_psql_prints_it),
      TEST(text_cuts_groups_at_the_scale),
      TEST(a_decimal_refuses_specials_and_says_which),
      TEST(a_decimal_refuses_what_is_too_large_or_too_fine),
      TEST(needless_zero_groups_do_no_harm),
      TEST(wrong_numerics_are_corrupt),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
