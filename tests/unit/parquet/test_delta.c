/* The delta encodings and BYTE_STREAM_SPLIT: plain decoders of the specification get every value back, from
 * every length of a last block, over every width, and across the ends of the integers. */
#include "parquet/byte_stream_split.h"
#include "parquet/delta.h"
#include "support.h"

#define MOST_VALUES 3000
#define BLOCK 1024
#define MINIBLOCKS 16

static uint64_t decode_varint(const struct lh_buf *bytes, size_t *at) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    assert_true(*at < bytes->len);
    const uint8_t byte = bytes->data[(*at)++];
    value |= (uint64_t)(byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) {
      return value;
    }
  }
  fail_msg("a varint of more than ten bytes");
  return 0;
}

static int64_t decode_zigzag(const struct lh_buf *bytes, size_t *at) {
  const uint64_t value = decode_varint(bytes, at);
  return (int64_t)(value >> 1 ^ (~(value & 1) + 1));
}

static uint64_t decode_bits(const struct lh_buf *bytes, size_t start, size_t bit, unsigned width) {
  uint64_t value = 0;
  for (unsigned i = 0; i < width; i++) {
    const size_t at = bit + i;
    assert_true(start + at / 8 < bytes->len);
    value |= (uint64_t)(bytes->data[start + at / 8] >> (at % 8) & 1) << i;
  }
  return value;
}

/* Decodes what begins at `*at`; `most_width` is that of the physical type. */
static size_t decode(const struct lh_buf *bytes, size_t *at, unsigned most_width, int64_t *out) {
  assert_int_equal(decode_varint(bytes, at), BLOCK);
  assert_int_equal(decode_varint(bytes, at), MINIBLOCKS);
  const size_t count = (size_t)decode_varint(bytes, at);
  assert_true(count <= MOST_VALUES);
  uint64_t value = (uint64_t)decode_zigzag(bytes, at);
  out[0] = (int64_t)value;
  for (size_t done = 1; done < count;) {
    const uint64_t least = (uint64_t)decode_zigzag(bytes, at);
    const size_t widths = *at;
    *at += MINIBLOCKS;
    for (size_t mini = 0; mini < MINIBLOCKS && done < count; mini++) {
      const unsigned width = bytes->data[widths + mini];
      assert_true(width <= most_width);
      for (size_t i = 0; i < BLOCK / MINIBLOCKS && done < count; i++, done++) {
        value += least + decode_bits(bytes, *at, i * width, width);
        out[done] = most_width == 32 ? (int32_t)(uint32_t)value : (int64_t)value;
      }
      *at += (size_t)width * BLOCK / MINIBLOCKS / 8;
      assert_true(*at <= bytes->len);
    }
  }
  return count;
}

static uint64_t next_random(uint64_t *state) {
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return *state ^ *state >> 29;
}

static void check_int64s(const int64_t *values, size_t count, enum lh_delta_widths widths) {
  static int64_t decoded[MOST_VALUES];
  struct lh_error err;
  struct lh_buf out;
  lh_buf_init(&out, SUPPORT_MAX_BYTES);
  assert_ok(lh_delta_append_int64(values, count, widths, &out, &err));
  size_t at = 0;
  assert_int_equal(decode(&out, &at, 64, decoded), count);
  assert_int_equal(at, out.len);
  assert_memory_equal(values, decoded, count * sizeof *values);
  lh_buf_clear(&out);
}

static void check_int32s(const int32_t *values, size_t count, enum lh_delta_widths widths) {
  static int64_t decoded[MOST_VALUES];
  struct lh_error err;
  struct lh_buf out;
  lh_buf_init(&out, SUPPORT_MAX_BYTES);
  assert_ok(lh_delta_append_int32(values, count, widths, &out, &err));
  size_t at = 0;
  assert_int_equal(decode(&out, &at, 32, decoded), count);
  assert_int_equal(at, out.len);
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(values[i], decoded[i]);
  }
  lh_buf_clear(&out);
}

static void integers_of_every_width_and_length_read_back(void **state) {
  (void)state;
  static int64_t longs[MOST_VALUES];
  static int32_t ints[MOST_VALUES];
  for (unsigned width = 0; width <= 64; width++) {
    const uint64_t mask = width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
    for (size_t count = 0; count <= MOST_VALUES; count += count < 200 ? 1 : 211) {
      uint64_t seed = width * 1000 + count;
      for (size_t i = 0; i < count; i++) {
        longs[i] = (int64_t)(next_random(&seed) & mask);
        ints[i] = (int32_t)longs[i];
      }
      check_int64s(longs, count, count % 2 == 0 ? LH_DELTA_BITS : LH_DELTA_BYTES);
      check_int32s(ints, count, count % 2 == 0 ? LH_DELTA_BITS : LH_DELTA_BYTES);
    }
  }
}

static void differences_wrap_around(void **state) {
  (void)state;
  const int64_t longs[] = {INT64_MIN, INT64_MAX, INT64_MIN, 0, INT64_MAX, -1, 1, INT64_MIN, INT64_MIN};
  const int32_t ints[] = {INT32_MIN, INT32_MAX, INT32_MIN, 0, INT32_MAX, -1, 1, INT32_MIN, INT32_MIN};
  for (size_t count = 0; count <= sizeof longs / sizeof longs[0]; count++) {
    check_int64s(longs, count, LH_DELTA_BITS);
    check_int32s(ints, count, LH_DELTA_BITS);
    check_int64s(longs, count, LH_DELTA_BYTES);
    check_int32s(ints, count, LH_DELTA_BYTES);
  }
}

static void the_specification_s_example_takes_its_bytes(void **state) {
  (void)state;
  const int32_t values[] = {7, 5, 3, 1, 2, 3, 4, 5};
  struct lh_error err;
  struct lh_buf out;
  lh_buf_init(&out, SUPPORT_MAX_BYTES);
  assert_ok(lh_delta_append_int32(values, 8, LH_DELTA_BITS, &out, &err));
  /* 1024, 16, 8, 7; least -2; widths; 0 0 0 3 3 3 3 in two bits and padding up to 64 values */
  const uint8_t expected[9 + 15 + 16 - 2] = {0x80, 8, 16, 8, 14, 3, 2, [22] = 0xC0, [23] = 0x3F};
  assert_int_equal(out.len, sizeof expected);
  assert_memory_equal(out.data, expected, sizeof expected);
  lh_buf_clear(&out);
}

static void steady_numbers_take_next_to_nothing(void **state) {
  (void)state;
  static int64_t values[MOST_VALUES];
  struct lh_error err;
  struct lh_buf out;
  lh_buf_init(&out, SUPPORT_MAX_BYTES);
  for (size_t i = 0; i < MOST_VALUES; i++) {
    values[i] = INT64_C(1700000000000000) + (int64_t)i * 1000000;
  }
  assert_ok(lh_delta_append_int64(values, MOST_VALUES, LH_DELTA_BITS, &out, &err));
  assert_true(out.len < 100);
  lh_buf_clear(&out);
}

struct texts {
  struct lh_buf plain;
  size_t count;
  size_t width;
};

static void add_text(struct texts *texts, const void *bytes, uint32_t size) {
  struct lh_error err;
  if (texts->width == 0) {
    assert_ok(lh_buf_append(&texts->plain, &size, sizeof size, &err));
  }
  assert_ok(lh_buf_append(&texts->plain, bytes, size, &err));
  texts->count++;
}

static const uint8_t *text_at(const struct texts *texts, size_t *at, size_t *size) {
  *size = texts->width;
  if (texts->width == 0) {
    uint32_t length = 0;
    memcpy(&length, texts->plain.data + *at, sizeof length);
    *at += sizeof length;
    *size = length;
  }
  const uint8_t *const text = texts->plain.data + *at;
  *at += *size;
  return text;
}

static struct lh_plain_bytes plain_of(const struct texts *texts) {
  return (struct lh_plain_bytes){texts->plain.data, texts->count, texts->width};
}

static void check_lengths(const struct texts *texts) {
  static int64_t lengths[MOST_VALUES];
  struct lh_error err;
  struct lh_buf out;
  lh_buf_init(&out, SUPPORT_MAX_BYTES);
  const struct lh_plain_bytes plain = plain_of(texts);
  assert_ok(lh_delta_append_lengths(&plain, &out, &err));
  size_t at = 0;
  size_t from = 0;
  assert_int_equal(decode(&out, &at, 32, lengths), texts->count);
  for (size_t i = 0; i < texts->count; i++) {
    size_t size = 0;
    const uint8_t *const text = text_at(texts, &from, &size);
    assert_int_equal(lengths[i], size);
    assert_true(at + size <= out.len);
    assert_memory_equal(out.data + at, text, size);
    at += size;
  }
  assert_int_equal(at, out.len);
  lh_buf_clear(&out);
}

static void check_strings(const struct texts *texts) {
  static int64_t prefixes[MOST_VALUES];
  static int64_t suffixes[MOST_VALUES];
  static uint8_t value[1 << 16];
  struct lh_error err;
  struct lh_buf out;
  struct lh_buf scratch;
  lh_buf_init(&out, SUPPORT_MAX_BYTES);
  lh_buf_init(&scratch, SUPPORT_MAX_BYTES);
  const struct lh_plain_bytes plain = plain_of(texts);
  assert_ok(lh_delta_append_strings(&plain, &scratch, &out, &err));
  size_t at = 0;
  size_t from = 0;
  assert_int_equal(decode(&out, &at, 32, prefixes), texts->count);
  assert_int_equal(decode(&out, &at, 32, suffixes), texts->count);
  for (size_t i = 0; i < texts->count; i++) {
    size_t size = 0;
    const uint8_t *const text = text_at(texts, &from, &size);
    assert_true(i > 0 || prefixes[i] == 0);
    assert_int_equal(prefixes[i] + suffixes[i], size);
    assert_true(at + (size_t)suffixes[i] <= out.len);
    memcpy(value + prefixes[i], out.data + at, (size_t)suffixes[i]);
    assert_memory_equal(value, text, size);
    at += (size_t)suffixes[i];
  }
  assert_int_equal(at, out.len);
  lh_buf_clear(&out);
  lh_buf_clear(&scratch);
}

static void byte_arrays_of_every_count_read_back(void **state) {
  (void)state;
  struct texts texts = {0};
  lh_buf_init(&texts.plain, SUPPORT_MAX_BYTES);
  uint64_t seed = 1;
  for (size_t count = 0; count <= 300; count++) {
    check_lengths(&texts);
    check_strings(&texts);
    char text[64];
    const uint64_t random = next_random(&seed);
    const int size = random % 7 == 0 ? 0
                                     : snprintf(text, sizeof text, "shop/orders/%zu/%llu", count / 3,
                                                (unsigned long long)(random % 7 == 1 ? random : 5));
    add_text(&texts, text, (uint32_t)size);
  }
  lh_buf_clear(&texts.plain);
}

static void byte_arrays_of_one_width_read_back(void **state) {
  (void)state;
  for (size_t width = 1; width <= 17; width++) {
    struct texts texts = {.width = width};
    lh_buf_init(&texts.plain, SUPPORT_MAX_BYTES);
    for (uint64_t i = 0; i < 200; i++) {
      uint8_t value[24] = {0};
      for (size_t byte = 0; byte < width && byte < 8; byte++) {
        value[width - 1 - byte] = (uint8_t)(i * 37 >> (8 * byte));
      }
      add_text(&texts, value, (uint32_t)width);
    }
    check_lengths(&texts);
    check_strings(&texts);
    lh_buf_clear(&texts.plain);
  }
}

static void a_text_that_begins_the_next_one_is_its_prefix(void **state) {
  (void)state;
  struct texts texts = {0};
  lh_buf_init(&texts.plain, SUPPORT_MAX_BYTES);
  static const char *const parts[] = {"a", "aaaaaaaa", "aaaaaaaaa", "", "aaaaaaaa", "aaaaaaab", "b"};
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
    add_text(&texts, parts[i], (uint32_t)strlen(parts[i]));
  }
  check_strings(&texts);
  lh_buf_clear(&texts.plain);
}

static void split_streams_hold_each_byte_of_every_value(void **state) {
  (void)state;
  uint8_t values[50 * 16];
  struct lh_error err;
  for (size_t i = 0; i < sizeof values; i++) {
    values[i] = (uint8_t)(i * 31 + i / 256);
  }
  for (size_t width = 1; width <= 16; width++) {
    for (size_t count = 0; count <= 50; count++) {
      struct lh_buf out;
      lh_buf_init(&out, SUPPORT_MAX_BYTES);
      assert_ok(lh_byte_stream_split_append(values, count, width, &out, &err));
      assert_int_equal(out.len, count * width);
      for (size_t i = 0; i < count * width; i++) {
        assert_int_equal(out.data[i % width * count + i / width], values[i]);
      }
      lh_buf_clear(&out);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(integers_of_every_width_and_length_read_back),
      cmocka_unit_test(differences_wrap_around),
      cmocka_unit_test(the_specification_s_example_takes_its_bytes),
      cmocka_unit_test(steady_numbers_take_next_to_nothing),
      cmocka_unit_test(byte_arrays_of_every_count_read_back),
      cmocka_unit_test(byte_arrays_of_one_width_read_back),
      cmocka_unit_test(a_text_that_begins_the_next_one_is_its_prefix),
      cmocka_unit_test(split_streams_hold_each_byte_of_every_value),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
