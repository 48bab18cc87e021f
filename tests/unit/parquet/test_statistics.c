/* Statistics: the order of each type, zeros, NaN, truncation. */
#include "parquet/statistics.h"

#include <float.h>
#include <math.h>

#include "parquet/writer.h"
#include "support.h"

struct fixture {
  struct lh_field field;
  struct lh_leaf leaf;
  struct lh_column_statistics statistics;
  struct lh_statistics_bounds bounds;
};

static void open_fixture(struct fixture *f, struct lh_field field, size_t limit, bool as_text) {
  struct lh_error err;
  struct lh_parquet_writer_options options;
  lh_parquet_writer_options_default(&options);
  options.uuid_as_string = as_text;
  options.time_as_string = as_text;
  *f = (struct fixture){.field = field};
  f->leaf.field = &f->field;
  f->leaf.display_path = "column";
  assert_ok(lh_leaf_set_type(&f->leaf, &options, &err));
  lh_statistics_init(&f->statistics, &f->leaf, limit);
  lh_statistics_bounds_init(&f->bounds);
}

static void close_fixture(struct fixture *f) {
  lh_statistics_clear(&f->statistics);
  lh_statistics_bounds_clear(&f->bounds);
}

static void add_fixed(struct fixture *f, const void *values, size_t count) {
  struct lh_error err;
  const struct lh_values dense = {.count = count, .fixed = values};
  assert_ok(lh_statistics_add(&f->statistics, &dense, &err));
  assert_ok(lh_statistics_get_bounds(&f->statistics, &f->bounds, &err));
}

static void add_bytes(struct fixture *f, const void *bytes, size_t size) {
  struct lh_error err;
  const int32_t offsets[] = {0, (int32_t)size};
  const struct lh_values dense = {.count = 1, .offsets = offsets, .data = bytes};
  assert_ok(lh_statistics_add(&f->statistics, &dense, &err));
  assert_ok(lh_statistics_get_bounds(&f->statistics, &f->bounds, &err));
}

static void add_text(struct fixture *f, const char *text) {
  add_bytes(f, text, strlen(text));
}

static void assert_bounds(const struct fixture *f, const void *min, size_t min_size, const void *max,
                          size_t max_size) {
  assert_true(f->bounds.present);
  assert_int_equal(f->bounds.min.len, min_size);
  assert_memory_equal(f->bounds.min.data, min, min_size);
  assert_int_equal(f->bounds.max.len, max_size);
  assert_memory_equal(f->bounds.max.data, max, max_size);
}

static void integers_are_ordered_with_their_sign(void **state) {
  (void)state;
  struct fixture f;
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_INT32}, 64, true);
  static const int32_t narrow[] = {5, -1, INT32_MIN, INT32_MAX, 0};
  add_fixed(&f, narrow, 2);
  assert_bounds(&f, &narrow[1], 4, &narrow[0], 4);
  add_fixed(&f, narrow, 5);
  assert_bounds(&f, &narrow[2], 4, &narrow[3], 4);
  assert_true(f.bounds.is_min_exact && f.bounds.is_max_exact);
  close_fixture(&f);
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_INT64}, 64, true);
  static const int64_t wide[] = {INT64_MAX, -1, INT64_MIN};
  add_fixed(&f, wide, 3);
  assert_bounds(&f, &wide[2], 8, &wide[0], 8);
  close_fixture(&f);
}

static void chunks_without_values_have_no_bounds(void **state) {
  (void)state;
  struct fixture f;
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_INT64}, 64, true);
  add_fixed(&f, NULL, 0);
  assert_false(f.bounds.present);
  static const int64_t value = 9;
  add_fixed(&f, &value, 1);
  assert_true(f.bounds.present);
  lh_statistics_reset(&f.statistics);
  add_fixed(&f, NULL, 0);
  assert_false(f.bounds.present);
  close_fixture(&f);
}

static void large_decimals_are_big_endian_and_ordered_by_value(void **state) {
  (void)state;
  struct fixture f;
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_DECIMAL, .precision = 19, .scale = 2}, 4, true);
  assert_int_equal(f.leaf.type_length, 9);
  static const lh_int128 values[] = {1, -1, 256};
  add_fixed(&f, values, 3);
  /* The statistics limit is 4: decimals are never truncated. */
  assert_bounds(&f, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 9, "\0\0\0\0\0\0\0\1\0", 9);
  assert_true(f.bounds.is_min_exact && f.bounds.is_max_exact);
  close_fixture(&f);
}

static void fixed_widths_of_decimals_are_minimal(void **state) {
  (void)state;
  assert_int_equal(lh_decimal_file_width(19), 9);
  assert_int_equal(lh_decimal_file_width(21), 9);
  assert_int_equal(lh_decimal_file_width(22), 10);
  assert_int_equal(lh_decimal_file_width(28), 12);
  assert_int_equal(lh_decimal_file_width(29), 13);
  assert_int_equal(lh_decimal_file_width(38), 16);
}

static void zeros_get_the_sign_that_widens(void **state) {
  (void)state;
  struct fixture f;
  static const double minus = -0.0;
  static const double plus = 0.0;
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_DOUBLE}, 64, true);
  add_fixed(&f, &plus, 1);
  assert_bounds(&f, &minus, 8, &plus, 8);
  lh_statistics_reset(&f.statistics);
  add_fixed(&f, &minus, 1);
  assert_bounds(&f, &minus, 8, &plus, 8);
  close_fixture(&f);
  static const float minus32 = -0.0F;
  static const float plus32 = 0.0F;
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_FLOAT}, 64, true);
  add_fixed(&f, &minus32, 1);
  assert_bounds(&f, &minus32, 4, &plus32, 4);
  close_fixture(&f);
}

static void a_nan_drops_the_bounds_of_its_chunk_only(void **state) {
  (void)state;
  struct fixture f;
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_FLOAT}, 64, true);
  static const float values[] = {1.5F, NAN, -2.5F};
  add_fixed(&f, values, 1);
  assert_true(f.bounds.present);
  add_fixed(&f, values, 3);
  assert_false(f.bounds.present);
  add_fixed(&f, values + 2, 1);
  assert_false(f.bounds.present);
  lh_statistics_reset(&f.statistics);
  add_fixed(&f, values + 2, 1);
  assert_bounds(&f, &values[2], 4, &values[2], 4);
  close_fixture(&f);
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_DOUBLE}, 64, true);
  static const double nan64 = NAN;
  add_fixed(&f, &nan64, 1);
  assert_false(f.bounds.present);
  close_fixture(&f);
}

static void infinities_are_bounds(void **state) {
  (void)state;
  struct fixture f;
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_DOUBLE}, 64, true);
  static const double values[] = {INFINITY, -INFINITY, DBL_MAX, DBL_TRUE_MIN};
  add_fixed(&f, values, 1);
  assert_bounds(&f, &values[0], 8, &values[0], 8);
  add_fixed(&f, values, 4);
  assert_bounds(&f, &values[1], 8, &values[0], 8);
  close_fixture(&f);
}

static void booleans_and_uuids_have_their_order(void **state) {
  (void)state;
  struct fixture f;
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_BOOL}, 64, true);
  add_fixed(&f, "\1\1", 2);
  assert_bounds(&f, "\1", 1, "\1", 1);
  add_fixed(&f, "\0", 1);
  assert_bounds(&f, "\0", 1, "\1", 1);
  close_fixture(&f);
  static const uint8_t uuids[32] = {0xFF, [16] = 0x01, [31] = 0xAB};
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_UUID}, 64, false);
  add_fixed(&f, uuids, 2);
  assert_bounds(&f, uuids + 16, 16, uuids, 16);
  close_fixture(&f);
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_UUID}, 64, true);
  add_fixed(&f, uuids, 2);
  assert_bounds(&f, "01000000-0000-0000-0000-0000000000ab", 36, "ff000000-0000-0000-0000-000000000000", 36);
  close_fixture(&f);
}

static void times_as_text_keep_their_order(void **state) {
  (void)state;
  struct fixture f;
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_TIME}, 64, true);
  static const int64_t values[] = {INT64_C(86400000000), 50000, 1000000, INT64_C(86399999999)};
  add_fixed(&f, values, 4);
  assert_bounds(&f, "00:00:00.05", 11, "24:00:00", 8);
  close_fixture(&f);
}

static void bytes_are_ordered_unsigned_and_by_length(void **state) {
  (void)state;
  struct fixture f;
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_STRING}, 64, true);
  add_text(&f, "abcdefghij");
  add_text(&f, "abcdefgh");
  add_text(&f, "abcdefghi");
  assert_bounds(&f, "abcdefgh", 8, "abcdefghij", 10);
  add_text(&f, "\xC3\xA4");
  assert_bounds(&f, "abcdefgh", 8, "\xC3\xA4", 2);
  add_text(&f, "");
  assert_bounds(&f, "", 0, "\xC3\xA4", 2);
  close_fixture(&f);
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_BINARY}, 64, true);
  add_bytes(&f, "a\0", 2);
  add_bytes(&f, "a", 1);
  add_bytes(&f, "a\0\0", 3);
  assert_bounds(&f, "a", 1, "a\0\0", 3);
  close_fixture(&f);
}

static void long_texts_are_truncated_and_the_greatest_rounded_up(void **state) {
  (void)state;
  struct fixture f;
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_STRING}, 4, true);
  add_text(&f, "abcdefgh");
  assert_bounds(&f, "abcd", 4, "abce", 4);
  assert_false(f.bounds.is_min_exact || f.bounds.is_max_exact);
  add_text(&f, "abcd");
  assert_bounds(&f, "abcd", 4, "abce", 4);
  assert_true(f.bounds.is_min_exact);
  assert_false(f.bounds.is_max_exact);
  add_text(&f, "b");
  assert_bounds(&f, "abcd", 4, "b", 1);
  assert_true(f.bounds.is_max_exact);
  close_fixture(&f);
}

static void a_value_that_goes_on_behind_an_exact_greatest_makes_it_inexact(void **state) {
  (void)state;
  struct fixture f;
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_STRING}, 4, true);
  add_text(&f, "abcd");
  assert_true(f.bounds.is_max_exact);
  add_text(&f, "abcdx");
  assert_bounds(&f, "abcd", 4, "abce", 4);
  assert_true(f.bounds.is_min_exact);
  assert_false(f.bounds.is_max_exact);
  close_fixture(&f);
}

static void truncation_keeps_whole_characters(void **state) {
  (void)state;
  struct fixture f;
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_STRING}, 4, true);
  add_text(&f, "a\xC3\xA4\xC3\xA4"); /* cut within the second a-umlaut */
  assert_bounds(&f, "a\xC3\xA4", 3, "a\xC3\xA5", 3);
  close_fixture(&f);
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_STRING}, 3, true);
  add_text(&f, "\xED\x9F\xBF!"); /* the character before the surrogates: skip them */
  assert_bounds(&f, "\xED\x9F\xBF", 3, "\xEE\x80\x80", 3);
  close_fixture(&f);
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_STRING}, 2, true);
  add_text(&f, "a\x7F!"); /* the last of one byte: raise the one before */
  assert_bounds(&f, "a\x7F", 2, "b", 1);
  close_fixture(&f);
}

static void a_greatest_that_cannot_be_raised_drops_the_bounds(void **state) {
  (void)state;
  struct fixture f;
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_BINARY}, 2, true);
  add_bytes(&f, "\xFF\xFF\xFF", 3);
  assert_false(f.bounds.present);
  close_fixture(&f);
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_BINARY}, 2, true);
  add_bytes(&f, "\x01\xFF\xFF", 3);
  assert_bounds(&f, "\x01\xFF", 2, "\x02", 1);
  close_fixture(&f);
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_STRING}, 4, true);
  add_text(&f, "\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF");
  assert_false(f.bounds.present);
  close_fixture(&f);
}

static void text_that_is_not_utf8_is_rounded_up_as_bytes(void **state) {
  (void)state;
  struct fixture f;
  open_fixture(&f, (struct lh_field){.type = LH_TYPE_STRING}, 8, true);
  add_text(&f, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80");
  assert_bounds(&f, "\x80\x80\x80\x80\x80\x80\x80\x80", 8, "\x80\x80\x80\x80\x80\x80\x80\x81", 8);
  close_fixture(&f);
}

static int compare_text(const struct lh_buf *a, const char *b, size_t b_size) {
  const size_t common = a->len < b_size ? a->len : b_size;
  const int order = common == 0 ? 0 : memcmp(a->data, b, common);
  return order != 0 ? order : (a->len > b_size) - (a->len < b_size);
}

/* Random short texts over a tiny alphabet: bounds enclose every value, and exact ones occur. */
static void bounds_enclose_every_value_at_every_limit(void **state) {
  (void)state;
  uint32_t seed = 7;
  for (size_t limit = 1; limit < 12; limit++) {
    for (int round = 0; round < 200; round++) {
      struct fixture f;
      char texts[8][16];
      size_t sizes[8];
      open_fixture(&f, (struct lh_field){.type = LH_TYPE_BINARY}, limit, true);
      for (size_t i = 0; i < 8; i++) {
        seed = seed * 1664525U + 1013904223U;
        sizes[i] = (seed >> 20) % 14;
        for (size_t j = 0; j < sizes[i]; j++) {
          seed = seed * 1664525U + 1013904223U;
          texts[i][j] = (char)('a' + (seed >> 24) % 2);
        }
        add_bytes(&f, texts[i], sizes[i]);
      }
      bool min_found = false;
      bool max_found = false;
      for (size_t i = 0; i < 8; i++) {
        const int min_order = compare_text(&f.bounds.min, texts[i], sizes[i]);
        const int max_order = compare_text(&f.bounds.max, texts[i], sizes[i]);
        assert_true(min_order <= 0 && max_order >= 0);
        min_found |= min_order == 0;
        max_found |= max_order == 0;
      }
      assert_int_equal(f.bounds.is_min_exact, min_found);
      assert_true(!f.bounds.is_max_exact || max_found);
      close_fixture(&f);
    }
  }
}

static void geometries_have_no_bounds(void **state) {
  (void)state;
  struct fixture f;
  const struct lh_field field = {.name = "g", .type = LH_TYPE_BINARY, .geometry = LH_GEOMETRY_PLANAR};
  open_fixture(&f, field, 64, false);
  add_text(&f, "\1\1");
  assert_true(f.statistics.has_values);
  assert_false(f.bounds.present);
  close_fixture(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(integers_are_ordered_with_their_sign),
      cmocka_unit_test(chunks_without_values_have_no_bounds),
      cmocka_unit_test(large_decimals_are_big_endian_and_ordered_by_value),
      cmocka_unit_test(fixed_widths_of_decimals_are_minimal),
      cmocka_unit_test(zeros_get_the_sign_that_widens),
      cmocka_unit_test(a_nan_drops_the_bounds_of_its_chunk_only),
      cmocka_unit_test(infinities_are_bounds),
      cmocka_unit_test(booleans_and_uuids_have_their_order),
      cmocka_unit_test(times_as_text_keep_their_order),
      cmocka_unit_test(bytes_are_ordered_unsigned_and_by_length),
      cmocka_unit_test(long_texts_are_truncated_and_the_greatest_rounded_up),
      cmocka_unit_test(a_value_that_goes_on_behind_an_exact_greatest_makes_it_inexact),
      cmocka_unit_test(truncation_keeps_whole_characters),
      cmocka_unit_test(a_greatest_that_cannot_be_raised_drops_the_bounds),
      cmocka_unit_test(text_that_is_not_utf8_is_rounded_up_as_bytes),
      cmocka_unit_test(bounds_enclose_every_value_at_every_limit),
      cmocka_unit_test(geometries_have_no_bounds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
