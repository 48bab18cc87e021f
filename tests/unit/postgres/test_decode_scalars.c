/* The types that are text or a struct in the lake: each value as its output function prints it, and bytes
 * that are no such value refused, never read past (run with sanitizers). */
#include <stdlib.h>
#include <string.h>

#include "copy_stream.h"
#include "postgres/types/decode.h"

enum { OID_INTERVAL = 1186, OID_POINT = 600, OID_INTERVAL_ARRAY = 1187, OID_TSVECTOR = 3614 };

/* A value and what is printed of it; bytes in hexadecimal, blanks between them. */
struct example {
  uint32_t oid;
  const char *bytes;
  const char *text;
};

static const struct example examples[] = {
    {27, "00000000 0001", "(0,1)"},
    {27, "ffffffff ffff", "(4294967295,65535)"},
    {601, "0000000000000000 8000000000000000 3ff0000000000000 fff0000000000000", "[(0,-0),(1,-Infinity)]"},
    {602, "01 00000001 3ff8000000000000 0000000000000001", "((1.5,5e-324))"},
    {602, "00 00000001 7ff8000000000000 7fefffffffffffff", "[(NaN,1.7976931348623157e+308)]"},
    {603, "3ff0000000000000 3ff0000000000000 0000000000000000 0000000000000000", "(1,1),(0,0)"},
    {604, "00000001 3fb999999999999a 44b52d02c7e14af6", "((0.1,9.999999999999999e+22))"},
    {628, "3ff0000000000000 bff0000000000000 0000000000000000", "{1,-1,0}"},
    {718, "0000000000000000 0000000000000000 3ff8000000000000", "<(0,0),1.5>"},
    {650, "02 08 01 04 0a000000", "10.0.0.0/8"},
    {650, "02 20 01 04 0a000001", "10.0.0.1/32"},
    {869, "02 20 00 04 0a000001", "10.0.0.1"},
    {869, "02 00 00 04 00000000", "0.0.0.0/0"},
    {869, "03 80 00 10 00000000000000000000000000000000", "::"},
    {869, "03 80 00 10 00000000000000000000000000000001", "::1"},
    {869, "03 80 00 10 00000000000000000000ffff01020304", "::ffff:1.2.3.4"},
    {869, "03 60 00 10 00000000000000000000000001020304", "::1.2.3.4/96"},
    {869, "03 80 00 10 00010000000000020000000000000003", "1:0:0:2::3"},
    {869, "03 80 00 10 00010000000200000003000000040000", "1:0:2:0:3:0:4:0"},
    {869, "03 10 00 10 00010000000000000000000000000000", "1::/16"},
    {869, "03 80 00 10 ffffffffffffffffffffffffffffffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {774, "08002bfffe010203", "08:00:2b:ff:fe:01:02:03"},
    {829, "08002b010203", "08:00:2b:01:02:03"},
    {1266, "0000000000000000 00000000", "00:00:00+00"},
    {1266, "000000141dd76000 0000e0c4", "24:00:00-15:59"},
    {1266, "000000141dd75fff ffffaf24", "23:59:59.999999+05:45"},
    {1266, "000000000007a120 ffffffff", "00:00:00.5+00:00:01"},
    {1560, "00000005 a8", "10101"},
    {1562, "00000000", ""},
    {1562, "00000009 ff80", "111111111"},
    {1790, "c3bc", "ü"},
    {2970, "00000000 0000000000000001 0000000000000002", "1:2:"},
    {5038, "00000002 000000000000000a 0000000000000014 000000000000000a 000000000000000e", "10:20:10,14"},
    {3220, "00000016 b374d848", "16/B374D848"},
    {3220, "ffffffff ffffffff", "FFFFFFFF/FFFFFFFF"},
    {3614, "00000000", ""},
    {3614, "00000002 6100 0001 c001 6200 0002 0002 8003", "'a':1A 'b':2,3B"},
    {3614, "00000001 27005c00", NULL},
    {3614, "00000001 275c00 0000", "'''\\\\'"},
    {3614, "00000001 6100 0001 ffff", "'a':16383A"},
    {4072, "01 24", "$"},
    {5069, "ffffffffffffffff", "18446744073709551615"},
};
#define EXAMPLE_COUNT (sizeof(examples) / sizeof(examples[0]))

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

static unsigned hex_digit(char digit) {
  return (unsigned)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

static size_t read_hex(const char *hex, uint8_t *out) {
  size_t size = 0;
  for (const char *at = hex; *at != '\0';) {
    if (*at == ' ') {
      at++;
      continue;
    }
    out[size++] = (uint8_t)(hex_digit(at[0]) << 4 | hex_digit(at[1]));
    at += 2;
  }
  return size;
}

/* A stream of one row with one value of the type. */
static void one_value(struct stream *stream, uint32_t oid, const uint8_t *bytes, size_t size) {
  lh_buf_reset(&stream->bytes);
  stream->relation.column_count = 0;
  stream_add_column(stream, oid, -1, true);
  stream_header(stream);
  stream_row(stream);
  stream_value_bytes(stream, bytes, size);
  stream_trailer(stream);
}

static void values_are_printed_as_by_the_server(void **state) {
  struct stream *const stream = *state;
  for (size_t i = 0; i < EXAMPLE_COUNT; i++) {
    uint8_t bytes[64];
    const size_t size = read_hex(examples[i].bytes, bytes);
    one_value(stream, examples[i].oid, bytes, size);
    if (examples[i].text == NULL) {
      stream_assert_fails(stream, LH_ERROR_CORRUPT, "public.t");
      continue;
    }
    stream_assert_decodes(stream);
    assert_string_equal(stream_text(stream, &stream->batch.columns[0], 0), examples[i].text);
  }
}

static void values_cut_short_or_with_a_byte_too_many_are_corrupt(void **state) {
  struct stream *const stream = *state;
  for (size_t i = 0; i < EXAMPLE_COUNT; i++) {
    uint8_t bytes[65] = {0};
    const size_t size = read_hex(examples[i].bytes, bytes);
    const bool is_plain_text = examples[i].oid == 1790 || examples[i].oid == 4072;
    for (size_t length = 0; length <= size + 1; length++) {
      if (examples[i].text == NULL || length == size || (is_plain_text && length > 0) ||
          examples[i].oid == 1790) {
        continue;
      }
      one_value(stream, examples[i].oid, bytes, length);
      const lh_status status = stream_decode(stream);
      if (status != LH_ERROR_CORRUPT) {
        fail_msg("%zu of %zu bytes of %s (%u): %s", length, size, examples[i].text, examples[i].oid,
                 lh_status_name(status));
      }
    }
  }
}

static void values_with_any_byte_changed_are_decoded_or_refused(void **state) {
  struct stream *const stream = *state;
  static const uint8_t changes[] = {0x00, 0x01, 0x02, 0x7f, 0x80, 0xff};
  for (size_t i = 0; i < EXAMPLE_COUNT; i++) {
    uint8_t bytes[64];
    const size_t size = read_hex(examples[i].bytes, bytes);
    for (size_t j = 0; j < size * sizeof(changes); j++) {
      const uint8_t before = bytes[j / sizeof(changes)];
      bytes[j / sizeof(changes)] = changes[j % sizeof(changes)];
      one_value(stream, examples[i].oid, bytes, size);
      const lh_status status = stream_decode(stream);
      assert_true(status == LH_OK || status == LH_ERROR_CORRUPT);
      bytes[j / sizeof(changes)] = before;
    }
  }
}

static void noise_of_any_length_is_decoded_or_refused(void **state) {
  struct stream *const stream = *state;
  uint64_t random = 88172645463325252U;
  for (size_t i = 0; i < 4000; i++) {
    uint8_t bytes[80];
    const size_t size = i % sizeof(bytes);
    for (size_t j = 0; j < size; j++) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      bytes[j] = (random & 3) == 0 ? (uint8_t)(random >> 8) : (uint8_t)(random >> 16 & 3);
    }
    one_value(stream, examples[random % EXAMPLE_COUNT].oid, bytes, size);
    const lh_status status = stream_decode(stream);
    assert_true(status == LH_OK || status == LH_ERROR_CORRUPT);
  }
}

/* Counts that would ask for far more memory than was sent. */
static void counts_beyond_the_bytes_are_corrupt(void **state) {
  struct stream *const stream = *state;
  static const struct example hostile[] = {
      {602, "01 ffffffff 3ff8000000000000 0000000000000001", NULL},
      {602, "01 10000001 3ff8000000000000 0000000000000001", NULL},
      {602, "01 00000000", NULL},
      {604, "ffffffff 3fb999999999999a 44b52d02c7e14af6", NULL},
      {604, "00000000", NULL},
      {1560, "ffffffff a8", NULL},
      {1562, "ffffffff", NULL},
      {1562, "fffffff9", NULL},
      {5038, "ffffffff 0000000000000001 0000000000000002", NULL},
      {5038, "20000000 0000000000000001 0000000000000002", NULL},
      {3614, "ffffffff", NULL},
      {3614, "00000001 6100 ffff 0001", NULL},
      {3614, "00000001 61", NULL},
      {3614, "00000001 6100 00", NULL},
      {869, "02 21 00 04 0a000001", NULL},
      {869, "03 81 00 10 00000000000000000000000000000000", NULL},
      {869, "04 20 00 04 0a000001", NULL},
      {869, "02 20 00 10 00000000000000000000000000000000", NULL},
      {1266, "000000141dd76001 00000000", NULL},
      {1266, "ffffffffffffffff 00000000", NULL},
      {1266, "0000000000000000 0000e100", NULL},
      {1266, "0000000000000000 80000000", NULL},
      {4072, "02 24", NULL},
  };
  for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
    uint8_t bytes[64];
    const size_t size = read_hex(hostile[i].bytes, bytes);
    one_value(stream, hostile[i].oid, bytes, size);
    stream_assert_fails(stream, LH_ERROR_CORRUPT, "public.t, column \"c1\", row 1");
  }
}

static void interval_value(struct stream *stream, int64_t micros, int32_t days, int32_t months) {
  stream_u32(stream, 16);
  stream_u64(stream, (uint64_t)micros);
  stream_u32(stream, (uint32_t)days);
  stream_u32(stream, (uint32_t)months);
}

static int32_t member_i32(const struct stream *stream, size_t member, size_t row) {
  int32_t value;
  memcpy(&value, stream->batch.columns[0].children[member].values + row * sizeof(value), sizeof(value));
  return value;
}

static int64_t member_i64(const struct stream *stream, size_t member, size_t row) {
  int64_t value;
  memcpy(&value, stream->batch.columns[0].children[member].values + row * sizeof(value), sizeof(value));
  return value;
}

static void intervals_keep_their_three_parts(void **state) {
  struct stream *const stream = *state;
  stream_add_column(stream, OID_INTERVAL, -1, true);
  stream_header(stream);
  stream_row(stream);
  interval_value(stream, INT64_MIN, INT32_MAX, INT32_MIN);
  stream_row(stream);
  stream_null(stream);
  stream_row(stream);
  interval_value(stream, -1, 2, -3);
  stream_trailer(stream);
  stream_assert_decodes(stream);
  const struct lh_column *const column = &stream->batch.columns[0];
  assert_int_equal(column->length, 3);
  assert_int_equal(column->null_count, 1);
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(column->children[i].length, 3);
  }
  assert_true(lh_column_is_valid(column, 0) && !lh_column_is_valid(column, 1) &&
              lh_column_is_valid(column, 2));
  assert_int_equal(member_i32(stream, 0, 0), INT32_MIN);
  assert_int_equal(member_i32(stream, 1, 0), INT32_MAX);
  assert_true(member_i64(stream, 2, 0) == INT64_MIN);
  assert_int_equal(member_i32(stream, 0, 2), -3);
  assert_int_equal(member_i32(stream, 1, 2), 2);
  assert_int_equal(member_i64(stream, 2, 2), -1);
}

/* Structs grow with their members, however many rows or elements there are. */
static void long_arrays_of_intervals_have_all_their_elements(void **state) {
  struct stream *const stream = *state;
  const uint32_t count = 1000;
  stream_add_column(stream, OID_INTERVAL_ARRAY, -1, true);
  stream_header(stream);
  stream_row(stream);
  stream_u32(stream, 20 + count * 20);
  stream_u32(stream, 1);
  stream_u32(stream, 0);
  stream_u32(stream, OID_INTERVAL);
  stream_u32(stream, count);
  stream_u32(stream, 1);
  for (uint32_t i = 0; i < count; i++) {
    interval_value(stream, i, 0, (int32_t)i);
  }
  stream_trailer(stream);
  stream_assert_decodes(stream);
  const struct lh_column *const elements = &stream->batch.columns[0].children[0];
  assert_int_equal(elements->length, count);
  assert_int_equal(elements->children[0].length, count);
  int32_t months;
  memcpy(&months, elements->children[0].values + (count - 1) * sizeof(months), sizeof(months));
  assert_int_equal(months, count - 1);
}

static void infinite_intervals_obey_the_policy(void **state) {
  struct stream *const stream = *state;
  static const int64_t micros[] = {INT64_MAX, INT64_MIN};
  static const int32_t parts[] = {INT32_MAX, INT32_MIN};
  static const char *const words[] = {"the interval infinity cannot be held",
                                      "the interval -infinity cannot"};
  for (size_t i = 0; i < 4; i++) {
    stream->rules.policy.on_unrepresentable = i < 2 ? LH_UNREPRESENTABLE_ERROR : LH_UNREPRESENTABLE_NULL;
    lh_buf_reset(&stream->bytes);
    stream->relation.column_count = 0;
    stream_add_column(stream, OID_INTERVAL, -1, true);
    stream_header(stream);
    stream_row(stream);
    interval_value(stream, micros[i % 2], parts[i % 2], parts[i % 2]);
    stream_trailer(stream);
    if (i < 2) {
      stream_assert_fails(stream, LH_ERROR_DATA, words[i]);
      continue;
    }
    stream_assert_decodes(stream);
    assert_int_equal(stream->batch.columns[0].null_count, 1);
    assert_int_equal(stream->batch.columns[0].children[0].length, 1);
  }
}

static void points_keep_every_bit(void **state) {
  struct stream *const stream = *state;
  stream_add_column(stream, OID_POINT, -1, true);
  stream_header(stream);
  stream_row(stream);
  stream_u32(stream, 16);
  stream_u64(stream, UINT64_C(0x8000000000000000));
  stream_u64(stream, UINT64_C(0x7ff8000000000001));
  stream_row(stream);
  stream_null(stream);
  stream_trailer(stream);
  stream_assert_decodes(stream);
  assert_true(member_i64(stream, 0, 0) == INT64_MIN);
  assert_true(member_i64(stream, 1, 0) == INT64_C(0x7ff8000000000001));
  assert_int_equal(stream->batch.columns[0].children[1].length, 2);
}

static void structs_of_the_wrong_length_are_corrupt(void **state) {
  struct stream *const stream = *state;
  static const uint8_t bytes[17] = {0};
  static const uint32_t oids[] = {OID_INTERVAL, OID_POINT};
  for (size_t i = 0; i < 2; i++) {
    for (size_t size = 0; size <= sizeof(bytes); size++) {
      one_value(stream, oids[i], bytes, size);
      assert_int_equal(stream_decode(stream), size == 16 ? LH_OK : LH_ERROR_CORRUPT);
    }
  }
}

static void money_is_a_decimal_of_its_units(void **state) {
  struct stream *const stream = *state;
  static const struct lh_pg_decoder decoder = {
      .decode = lh_pg_decode_money, .type_name = "money", .oid = 790};
  stream_add_column(stream, 25, -1, true);
  stream->columns[0].decoder = &decoder;
  stream->fields[0].type = LH_TYPE_DECIMAL;
  stream->fields[0].precision = 19;
  stream->fields[0].scale = 2;
  stream_header(stream);
  stream_row(stream);
  stream_value_u64(stream, UINT64_C(0x8000000000000000));
  stream_row(stream);
  stream_value_u64(stream, 1234);
  stream_trailer(stream);
  stream_assert_decodes(stream);
  lh_int128 values[2];
  memcpy(values, stream->batch.columns[0].values, sizeof(values));
  assert_true(values[0] == INT64_MIN);
  assert_true(values[1] == 1234);
}

static void lexemes_that_are_no_text_are_refused_or_null(void **state) {
  struct stream *const stream = *state;
  static const uint8_t bytes[] = {0, 0, 0, 1, 0xff, 0, 0, 0};
  stream->rules.check_utf8 = true;
  one_value(stream, OID_TSVECTOR, bytes, sizeof(bytes));
  stream_assert_fails(stream, LH_ERROR_DATA, "the tsvector is not valid UTF-8");
  stream->rules.policy.on_unrepresentable = LH_UNREPRESENTABLE_NULL;
  one_value(stream, OID_TSVECTOR, bytes, sizeof(bytes));
  stream_assert_decodes(stream);
  assert_int_equal(stream->batch.columns[0].null_count, 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(values_are_printed_as_by_the_server),
      TEST(values_cut_short_or_with_a_byte_too_many_are_corrupt),
      TEST(values_with_any_byte_changed_are_decoded_or_refused),
      TEST(noise_of_any_length_is_decoded_or_refused),
      TEST(counts_beyond_the_bytes_are_corrupt),
      TEST(intervals_keep_their_three_parts),
      TEST(long_arrays_of_intervals_have_all_their_elements),
      TEST(infinite_intervals_obey_the_policy),
      TEST(points_keep_every_bit),
      TEST(structs_of_the_wrong_length_are_corrupt),
      TEST(money_is_a_decimal_of_its_units),
      TEST(lexemes_that_are_no_text_are_refused_or_null),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
