/* RLE / bit-packed hybrid: a plain decoder of the specification gets every value back, at every width. */
#include "parquet/rle.h"

#include "support.h"

#define MOST_VALUES 3000

static uint64_t decode_varint(const struct lh_buf *bytes, size_t *at) {
  uint64_t value = 0;
  unsigned shift = 0;
  for (;;) {
    assert_true(*at < bytes->len);
    const uint8_t byte = bytes->data[(*at)++];
    value |= (uint64_t)(byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) {
      return value;
    }
    shift += 7;
  }
}

static uint32_t decode_packed(const struct lh_buf *bytes, size_t start, size_t bit, unsigned width) {
  uint64_t value = 0;
  for (unsigned i = 0; i < width; i++) {
    const size_t at = bit + i;
    assert_true(start + at / 8 < bytes->len);
    value |= (uint64_t)(bytes->data[start + at / 8] >> (at % 8) & 1) << i;
  }
  return (uint32_t)value;
}

struct run_counts {
  size_t rle, packed;
};

/* Decodes `count` values and requires that nothing is left over. */
static struct run_counts decode(const struct lh_buf *bytes, unsigned width, size_t count, uint32_t *out) {
  struct run_counts runs = {0};
  size_t at = 0;
  size_t done = 0;
  while (done < count) {
    const uint64_t head = decode_varint(bytes, &at);
    assert_true(head >> 1 > 0);
    if ((head & 1) == 0) {
      uint32_t value = 0;
      const size_t size = (width + 7) / 8;
      assert_true(at + size <= bytes->len);
      memcpy(&value, bytes->data + at, size);
      at += size;
      for (uint64_t i = 0; i < head >> 1; i++) {
        assert_true(done < count);
        out[done++] = value;
      }
      runs.rle++;
      continue;
    }
    const size_t values = (size_t)(head >> 1) * 8;
    for (size_t i = 0; i < values && done < count; i++) {
      out[done++] = decode_packed(bytes, at, i * width, width);
    }
    at += values * width / 8;
    runs.packed++;
  }
  assert_int_equal(at, bytes->len);
  return runs;
}

static uint32_t next_random(uint32_t *state) {
  *state = *state * 1664525U + 1013904223U;
  return *state ^ *state >> 13;
}

/* Values with runs of random lengths, so that stretches begin and end everywhere. */
static void fill(uint32_t *values, size_t count, unsigned width, uint32_t seed) {
  const uint32_t mask = width == 32 ? UINT32_MAX : (1U << width) - 1;
  for (size_t i = 0; i < count;) {
    const uint32_t value = next_random(&seed) & mask;
    size_t run = next_random(&seed) % 3 == 0 ? next_random(&seed) % 40 + 1 : 1;
    for (; run > 0 && i < count; run--) {
      values[i++] = value;
    }
  }
}

static void indices_of_every_width_and_length_read_back(void **state) {
  (void)state;
  static uint32_t values[MOST_VALUES];
  static uint32_t decoded[MOST_VALUES];
  struct lh_error err;
  struct lh_buf out;
  lh_buf_init(&out, SUPPORT_MAX_BYTES);
  for (unsigned width = 0; width <= 32; width++) {
    for (size_t count = 0; count <= MOST_VALUES; count += count < 40 ? 1 : 271) {
      fill(values, count, width, (uint32_t)count + width);
      lh_buf_reset(&out);
      assert_ok(lh_rle_append_indices(values, count, width, &out, &err));
      decode(&out, width, count, decoded);
      assert_memory_equal(values, decoded, count * sizeof *values);
    }
  }
  lh_buf_clear(&out);
}

static void levels_of_every_width_and_length_read_back(void **state) {
  (void)state;
  static uint32_t values[MOST_VALUES];
  static uint32_t decoded[MOST_VALUES];
  struct lh_error err;
  struct lh_buf out;
  lh_buf_init(&out, SUPPORT_MAX_BYTES);
  for (unsigned width = 0; width <= 8; width++) {
    for (size_t count = 0; count <= MOST_VALUES; count += count < 40 ? 1 : 271) {
      uint8_t *const levels = malloc(count + 1);
      assert_non_null(levels);
      fill(values, count, width, (uint32_t)count * 3 + width);
      for (size_t i = 0; i < count; i++) {
        levels[i] = (uint8_t)values[i];
      }
      lh_buf_reset(&out);
      assert_ok(lh_rle_append_levels(levels, count, width, &out, &err));
      decode(&out, width, count, decoded);
      assert_memory_equal(values, decoded, count * sizeof *values);
      free(levels);
    }
  }
  lh_buf_clear(&out);
}

static void equal_values_take_one_short_run(void **state) {
  (void)state;
  static uint32_t values[MOST_VALUES];
  static uint32_t decoded[MOST_VALUES];
  struct lh_error err;
  struct lh_buf out;
  lh_buf_init(&out, SUPPORT_MAX_BYTES);
  for (size_t i = 0; i < MOST_VALUES; i++) {
    values[i] = 5;
  }
  assert_ok(lh_rle_append_indices(values, MOST_VALUES, 3, &out, &err));
  assert_int_equal(out.len, 3);
  const struct run_counts runs = decode(&out, 3, MOST_VALUES, decoded);
  assert_int_equal(runs.rle, 1);
  assert_int_equal(runs.packed, 0);
  lh_buf_reset(&out);
  assert_ok(lh_rle_append_run(5, MOST_VALUES, 3, &out, &err));
  decode(&out, 3, MOST_VALUES, decoded);
  assert_memory_equal(values, decoded, sizeof values);
  lh_buf_clear(&out);
}

static void values_that_all_differ_are_packed_at_their_width(void **state) {
  (void)state;
  static uint32_t values[1024];
  struct lh_error err;
  struct lh_buf out;
  lh_buf_init(&out, SUPPORT_MAX_BYTES);
  for (uint32_t i = 0; i < 1024; i++) {
    values[i] = i;
  }
  assert_ok(lh_rle_append_indices(values, 1024, 10, &out, &err));
  assert_int_equal(out.len, 2 + 1024 * 10 / 8);
  lh_buf_clear(&out);
}

static void booleans_are_packed_least_bit_first(void **state) {
  (void)state;
  static const uint8_t values[] = {1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1};
  struct lh_error err;
  struct lh_buf out;
  lh_buf_init(&out, SUPPORT_MAX_BYTES);
  assert_ok(lh_rle_append_bits(values, sizeof values, &out, &err));
  assert_int_equal(out.len, 2);
  assert_int_equal(out.data[0], 0x81);
  assert_int_equal(out.data[1], 0x06);
  lh_buf_clear(&out);
}

static void bit_widths_are_those_of_the_greatest_value(void **state) {
  (void)state;
  assert_int_equal(lh_rle_bit_width(0), 0);
  assert_int_equal(lh_rle_bit_width(1), 1);
  assert_int_equal(lh_rle_bit_width(2), 2);
  assert_int_equal(lh_rle_bit_width(255), 8);
  assert_int_equal(lh_rle_bit_width(256), 9);
  assert_int_equal(lh_rle_bit_width(UINT32_MAX), 32);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(indices_of_every_width_and_length_read_back),
      cmocka_unit_test(levels_of_every_width_and_length_read_back),
      cmocka_unit_test(equal_values_take_one_short_run),
      cmocka_unit_test(values_that_all_differ_are_packed_at_their_width),
      cmocka_unit_test(booleans_are_packed_least_bit_first),
      cmocka_unit_test(bit_widths_are_those_of_the_greatest_value),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
