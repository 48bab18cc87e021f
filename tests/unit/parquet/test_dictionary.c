/* Dictionary: every value finds its index again, whatever the kind and the number of values. */
#include "parquet/dictionary.h"

#include "parquet/plain.h"
#include "parquet/writer.h"
#include "support.h"

#define MANY 50000

static void set_leaf(struct lh_leaf *leaf, struct lh_field *field) {
  struct lh_error err;
  struct lh_parquet_writer_options options;
  lh_parquet_writer_options_default(&options);
  *leaf = (struct lh_leaf){.field = field, .display_path = "column"};
  assert_ok(lh_leaf_set_type(leaf, &options, &err));
}

/* `distinct` values in some order, most of them more than once. */
static uint64_t nth_value(size_t index, uint64_t distinct) {
  return (index * UINT64_C(2654435761)) % distinct * UINT64_C(0x100000001);
}

static void assert_indices(struct lh_dictionary *dictionary, size_t width, uint64_t distinct) {
  struct lh_error err;
  uint8_t *const values = calloc(MANY, width);
  uint32_t *const indices = calloc(MANY, sizeof *indices);
  assert_non_null(values);
  assert_non_null(indices);
  for (size_t i = 0; i < MANY; i++) {
    const uint64_t value = nth_value(i, distinct);
    memcpy(values + i * width, &value, width < sizeof value ? width : sizeof value);
    if (width == 16) {
      memcpy(values + i * width + 8, &value, sizeof value);
    }
  }
  for (size_t begin = 0; begin < MANY; begin += MANY / 10) {
    const struct lh_values some = {.count = MANY / 10, .fixed = values + begin * width};
    assert_ok(lh_dictionary_add(dictionary, &some, indices + begin, &err));
  }
  assert_int_equal(dictionary->count, distinct);
  const struct lh_values known = lh_dictionary_values(dictionary);
  assert_int_equal(indices[0], 0);
  for (size_t i = 0; i < MANY; i++) {
    assert_true(indices[i] < known.count);
    assert_memory_equal(known.fixed + indices[i] * width, values + i * width, width);
  }
  free(values);
  free(indices);
}

static void fixed_width_values_find_their_index(void **state) {
  (void)state;
  struct lh_field fields[] = {
      {.type = LH_TYPE_INT32}, {.type = LH_TYPE_DOUBLE}, {.type = LH_TYPE_DECIMAL, .precision = 38}};
  static const size_t widths[] = {4, 8, 16};
  for (size_t i = 0; i < 3; i++) {
    struct lh_leaf leaf;
    struct lh_dictionary dictionary;
    set_leaf(&leaf, &fields[i]);
    lh_dictionary_init(&dictionary, &leaf);
    static const uint64_t distinct[] = {1, 2, 3, 127, 128, 129, 1000, 40000};
    for (size_t j = 0; j < sizeof distinct / sizeof distinct[0]; j++) {
      lh_dictionary_reset(&dictionary);
      assert_indices(&dictionary, widths[i], distinct[j]);
    }
    lh_dictionary_clear(&dictionary);
  }
}

static void texts_find_their_index(void **state) {
  (void)state;
  struct lh_error err;
  struct lh_field field = {.type = LH_TYPE_STRING};
  struct lh_leaf leaf;
  struct lh_dictionary dictionary;
  struct lh_buf data;
  set_leaf(&leaf, &field);
  lh_dictionary_init(&dictionary, &leaf);
  lh_buf_init(&data, SUPPORT_MAX_BYTES);
  int32_t *const offsets = calloc(MANY + 1, sizeof *offsets);
  uint32_t *const indices = calloc(MANY, sizeof *indices);
  for (size_t i = 0; i < MANY; i++) {
    if (nth_value(i, 7001) != 0) { /* one of them is the empty text */
      assert_ok(lh_buf_printf(&data, &err, "%*d", (int)(i % 7001 % 40), (int)(nth_value(i, 7001) % 7001)));
    }
    offsets[i + 1] = (int32_t)data.len;
  }
  const struct lh_values values = {.count = MANY, .offsets = offsets, .data = data.data};
  assert_ok(lh_dictionary_add(&dictionary, &values, indices, &err));
  const struct lh_values known = lh_dictionary_values(&dictionary);
  for (size_t i = 0; i < MANY; i++) {
    const uint32_t index = indices[i];
    const size_t size = (size_t)(offsets[i + 1] - offsets[i]);
    assert_int_equal(known.offsets[index + 1] - known.offsets[index], size);
    assert_memory_equal(known.data + known.offsets[index], data.data + offsets[i], size);
  }
  assert_true(dictionary.count <= 7001 && dictionary.count > 1000);
  assert_int_equal(lh_dictionary_bytes(&dictionary), dictionary.values.len + 4 * dictionary.count);
  free(offsets);
  free(indices);
  lh_buf_clear(&data);
  lh_dictionary_clear(&dictionary);
}

/* A column that leaves its dictionary has pages that point into the first values, or none. */
static void a_closed_dictionary_keeps_its_first_values_alone(void **state) {
  (void)state;
  struct lh_error err;
  struct lh_field fields[] = {{.type = LH_TYPE_INT64}, {.type = LH_TYPE_STRING}};
  static const int64_t numbers[] = {70, 71, 72, 73};
  static const int32_t offsets[] = {0, 2, 4, 6, 8};
  const struct lh_values values[] = {
      {.count = 4, .fixed = (const uint8_t *)numbers},
      {.count = 4, .offsets = offsets, .data = (const uint8_t *)"aabbccdd"},
  };
  for (size_t i = 0; i < 2; i++) {
    struct lh_leaf leaf;
    struct lh_dictionary dictionary;
    uint32_t indices[4];
    set_leaf(&leaf, &fields[i]);
    lh_dictionary_init(&dictionary, &leaf);
    assert_ok(lh_dictionary_add(&dictionary, &values[i], indices, &err));
    lh_dictionary_close(&dictionary, 3);
    assert_int_equal(lh_dictionary_values(&dictionary).count, 3);
    assert_int_equal(lh_dictionary_bytes(&dictionary), i == 0 ? 24 : 18);
    assert_null(dictionary.slots);
    lh_dictionary_close(&dictionary, 0);
    assert_int_equal(lh_dictionary_memory(&dictionary), 0);
    assert_null(dictionary.values.data);
    lh_dictionary_reset(&dictionary);
    assert_ok(lh_dictionary_add(&dictionary, &values[i], indices, &err));
    assert_int_equal(indices[3], 3);
    lh_dictionary_clear(&dictionary);
  }
}

static void zeros_and_nans_are_told_apart_by_their_bits(void **state) {
  (void)state;
  struct lh_error err;
  struct lh_field field = {.type = LH_TYPE_DOUBLE};
  struct lh_leaf leaf;
  struct lh_dictionary dictionary;
  set_leaf(&leaf, &field);
  lh_dictionary_init(&dictionary, &leaf);
  static const uint64_t bits[] = {0, UINT64_C(0x8000000000000000), UINT64_C(0x7FF8000000000000),
                                  UINT64_C(0x7FF8000000000001), UINT64_C(0x7FF8000000000000)};
  uint32_t indices[5];
  const struct lh_values values = {.count = 5, .fixed = (const uint8_t *)bits};
  assert_ok(lh_dictionary_add(&dictionary, &values, indices, &err));
  assert_int_equal(dictionary.count, 4);
  assert_int_equal(indices[4], indices[2]);
  lh_dictionary_clear(&dictionary);
}

static void assert_time(int64_t micros, const char *expected) {
  char text[LH_TEXT_VALUE_MAX];
  const size_t size = lh_plain_format_time(micros, text);
  assert_int_equal(size, strlen(expected));
  assert_memory_equal(text, expected, size);
}

static void times_are_printed_as_postgresql_does(void **state) {
  (void)state;
  assert_time(0, "00:00:00");
  assert_time(INT64_C(86400000000), "24:00:00");
  assert_time(INT64_C(86399999999), "23:59:59.999999");
  assert_time(INT64_C(3723500000), "01:02:03.5");
  assert_time(1, "00:00:00.000001");
}

static void texts_are_encoded_with_their_length(void **state) {
  (void)state;
  struct lh_error err;
  struct lh_field field = {.type = LH_TYPE_STRING};
  struct lh_leaf leaf;
  struct lh_buf out;
  set_leaf(&leaf, &field);
  lh_buf_init(&out, SUPPORT_MAX_BYTES);
  /* Exactly as many bytes as the offsets cover, so that AddressSanitizer sees reads past them. */
  uint8_t *const data = malloc(30);
  assert_non_null(data);
  memcpy(data, "abcdefghijklmnopqrstuvwxyz0123", 30);
  static const int32_t offsets[] = {0, 3, 3, 20, 30};
  const struct lh_values values = {.count = 4, .offsets = offsets, .data = data};
  assert_ok(lh_plain_append(&leaf, &values, &out, &err));
  static const char expected[] = "\3\0\0\0abc\0\0\0\0\21\0\0\0defghijklmnopqrst\12\0\0\0uvwxyz0123";
  assert_int_equal(out.len, sizeof expected - 1);
  assert_memory_equal(out.data, expected, out.len);
  free(data);
  lh_buf_clear(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fixed_width_values_find_their_index),
      cmocka_unit_test(texts_find_their_index),
      cmocka_unit_test(a_closed_dictionary_keeps_its_first_values_alone),
      cmocka_unit_test(zeros_and_nans_are_told_apart_by_their_bits),
      cmocka_unit_test(times_are_printed_as_postgresql_does),
      cmocka_unit_test(texts_are_encoded_with_their_length),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
