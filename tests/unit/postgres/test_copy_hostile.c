/* Streams that are cut, wrong or hostile: an error each, and never a read past the bytes (run with
 * sanitizers). */
#include <string.h>

#include "copy_stream.h"

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

static const uint32_t all_oids[] = {16,   17,   18,   19,   20,   21,   23,   25,   26,   114,  700, 701,
                                    1042, 1082, 1083, 1114, 1184, 1700, 2950, 3802, 1007, 1009, 1231};
#define ALL_COUNT (sizeof(all_oids) / sizeof(all_oids[0]))

/* A row that is right, of every kind of value. */
static void every_kind(struct stream *stream) {
  for (size_t i = 0; i < ALL_COUNT; i++) {
    stream_add_column(stream, all_oids[i], all_oids[i] == 1700 ? ((12 << 16) | 2) + 4 : -1, true);
  }
  stream_header(stream);
  stream_row(stream);
  stream_value_u8(stream, 1);
  stream_value_bytes(stream, "\0\1", 2);
  stream_value_u8(stream, 'c');
  stream_value_text(stream, "name");
  stream_value_u64(stream, 8);
  stream_value_u16(stream, 2);
  stream_value_u32(stream, 4);
  stream_value_text(stream, "text");
  stream_value_u32(stream, 26);
  stream_value_text(stream, "{}");
  stream_value_u32(stream, 0x3f800000);
  stream_value_u64(stream, UINT64_C(0x3ff0000000000000));
  stream_value_text(stream, "bp  ");
  stream_value_u32(stream, 1);
  stream_value_u64(stream, 1);
  stream_value_u64(stream, 1);
  stream_value_u64(stream, 1);
  stream_value_numeric(stream, 0, 1, 2, 3, 1, 2345, 6700);
  stream_value_bytes(stream, "0123456789abcdef", 16);
  stream_value_text(stream, "\001{}");
  for (size_t i = 0; i < 3; i++) {
    const uint32_t element[] = {23, 25, 1700};
    stream_u32(stream, 20 + 4 + (i == 0 ? 8U : i == 1 ? 6U : 14U));
    stream_u32(stream, 1);
    stream_u32(stream, 1);
    stream_u32(stream, element[i]);
    stream_u32(stream, 2);
    stream_u32(stream, 1);
    stream_null(stream);
    if (i == 0) {
      stream_value_u32(stream, 9);
    } else if (i == 1) {
      stream_value_text(stream, "ab");
    } else {
      stream_value_numeric(stream, 0, 0, 0, 1, 42);
    }
  }
  stream_trailer(stream);
}

static void the_row_of_every_kind_decodes(void **state) {
  struct stream *const stream = *state;
  every_kind(stream);
  stream_assert_decodes(stream);
  assert_int_equal(stream->batch.row_count, 1);
}

static void a_stream_cut_at_any_byte_is_corrupt(void **state) {
  struct stream *const stream = *state;
  every_kind(stream);
  for (size_t cut = 1; cut <= stream->bytes.len; cut++) {
    const lh_status status = stream_decode_cut(stream, cut);
    if (status != LH_ERROR_CORRUPT) {
      fail_msg("cut by %zu of %zu bytes: %s", cut, stream->bytes.len, lh_status_name(status));
    }
    assert_string_not_equal(stream->err.message, "");
  }
}

/* Whatever a byte becomes, the decoder says yes or no and stays within its bytes. */
static void a_stream_with_any_byte_changed_is_decoded_or_refused(void **state) {
  static const uint8_t changes[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
  struct stream *const stream = *state;
  every_kind(stream);
  for (size_t i = 0; i < stream->bytes.len; i++) {
    const uint8_t before = stream->bytes.data[i];
    for (size_t j = 0; j < sizeof(changes); j++) {
      stream->bytes.data[i] = changes[j];
      const lh_status status = stream_decode(stream);
      if (status != LH_OK && status != LH_ERROR_CORRUPT && status != LH_ERROR_DATA) {
        fail_msg("byte %zu as %02x: %s: %s", i, changes[j], lh_status_name(status), stream->err.message);
      }
    }
    stream->bytes.data[i] = before;
  }
}

static void noise_after_the_header_is_decoded_or_refused(void **state) {
  struct stream *const stream = *state;
  every_kind(stream);
  uint64_t random = 88172645463325252U;
  for (int round = 0; round < 2000; round++) {
    for (size_t i = 19; i < stream->bytes.len; i++) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      if ((random & 31) == 0) {
        stream->bytes.data[i] = (uint8_t)(random >> 32);
      }
    }
    (void)!stream_decode(stream);
    lh_buf_reset(&stream->bytes);
    stream->relation.column_count = 0;
    every_kind(stream);
  }
}

static struct stream *one_int(void **state) {
  struct stream *const stream = *state;
  stream_add_column(stream, 23, -1, true);
  return stream;
}

static void a_wrong_signature_is_corrupt(void **state) {
  struct stream *const stream = one_int(state);
  stream_bytes(stream, "PGCOPY\n\377\n\n", 11);
  stream_u64(stream, 0);
  stream_trailer(stream);
  stream_assert_fails(stream, LH_ERROR_CORRUPT, "PGCOPY");
}

static void unknown_critical_flags_are_corrupt(void **state) {
  struct stream *const stream = one_int(state);
  stream_bytes(stream, "PGCOPY\n\377\r\n", 11);
  stream_u32(stream, 1 << 17);
  stream_u32(stream, 0);
  stream_trailer(stream);
  stream_assert_fails(stream, LH_ERROR_CORRUPT, "flags");
}

static void row_oids_are_corrupt(void **state) {
  struct stream *const stream = one_int(state);
  stream_bytes(stream, "PGCOPY\n\377\r\n", 11);
  stream_u32(stream, 1 << 16);
  stream_u32(stream, 0);
  stream_trailer(stream);
  stream_assert_fails(stream, LH_ERROR_CORRUPT, "oids");
}

static void a_header_extension_longer_than_the_stream_is_corrupt(void **state) {
  struct stream *const stream = one_int(state);
  stream_bytes(stream, "PGCOPY\n\377\r\n", 11);
  stream_u32(stream, 0);
  stream_u32(stream, UINT32_MAX);
  stream_trailer(stream);
  stream_assert_fails(stream, LH_ERROR_CORRUPT, "extension");
}

static void a_wrong_column_count_is_corrupt(void **state) {
  static const unsigned counts[] = {0, 2, 0x7fff, 0x8000, 0xfffe};
  struct stream *const stream = one_int(state);
  for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
    lh_buf_reset(&stream->bytes);
    stream_header(stream);
    stream_u16(stream, counts[i]);
    stream_value_u32(stream, 1);
    stream_trailer(stream);
    stream_assert_fails(stream, LH_ERROR_CORRUPT, "columns");
  }
}

static void bytes_after_the_trailer_are_corrupt(void **state) {
  struct stream *const stream = one_int(state);
  stream_header(stream);
  stream_trailer(stream);
  stream_u8(stream, 0);
  stream_assert_fails(stream, LH_ERROR_CORRUPT, "after the end");
}

static void a_stream_without_a_trailer_is_corrupt(void **state) {
  struct stream *const stream = one_int(state);
  stream_header(stream);
  stream_row(stream);
  stream_value_u32(stream, 1);
  stream_assert_fails(stream, LH_ERROR_CORRUPT, "trailer");
}

static void a_negative_length_other_than_null_is_corrupt(void **state) {
  struct stream *const stream = one_int(state);
  stream_header(stream);
  stream_row(stream);
  stream_u32(stream, (uint32_t)-2);
  stream_trailer(stream);
  stream_assert_fails(stream, LH_ERROR_CORRUPT, "length of -2");
}

static void a_fixed_width_value_of_another_width_is_corrupt(void **state) {
  struct stream *const stream = *state;
  static const uint32_t oids[] = {16, 18, 20, 21, 23, 26, 700, 701, 1082, 1083, 1114, 1184, 2950};
  for (size_t i = 0; i < sizeof(oids) / sizeof(oids[0]); i++) {
    for (size_t size = 0; size <= 17; size += size == 0 ? 3 : 14) {
      stream->relation.column_count = 0;
      lh_buf_reset(&stream->bytes);
      stream_add_column(stream, oids[i], -1, true);
      stream_header(stream);
      stream_row(stream);
      stream_value_bytes(stream, "01234567890123456", size);
      stream_trailer(stream);
      stream_assert_fails(stream, LH_ERROR_CORRUPT, "bytes");
      assert_string_equal(stream->err.column, "c1");
    }
  }
}

/* An int4[] with the given header, one element of four bytes, and `extra` bytes behind it. */
static void array_of(struct stream *stream, uint32_t dimensions, uint32_t flags, uint32_t oid, uint32_t count,
                     size_t extra) {
  stream->relation.column_count = 0;
  lh_buf_reset(&stream->bytes);
  stream_add_column(stream, 1007, -1, true);
  stream_header(stream);
  stream_row(stream);
  stream_u32(stream, 28 + (uint32_t)extra);
  stream_u32(stream, dimensions);
  stream_u32(stream, flags);
  stream_u32(stream, oid);
  stream_u32(stream, count);
  stream_u32(stream, 1);
  stream_value_u32(stream, 5);
  stream_bytes(stream, "zzzzzzzz", extra);
  stream_trailer(stream);
}

static void wrong_arrays_are_corrupt(void **state) {
  struct stream *const stream = *state;
  array_of(stream, 1, 0, 23, 1, 0);
  stream_assert_decodes(stream);
  array_of(stream, 7, 0, 23, 1, 0);
  stream_assert_fails(stream, LH_ERROR_CORRUPT, "dimensions 7");
  array_of(stream, UINT32_MAX, 0, 23, 1, 0);
  stream_assert_fails(stream, LH_ERROR_CORRUPT, "dimensions");
  array_of(stream, 1, 2, 23, 1, 0);
  stream_assert_fails(stream, LH_ERROR_CORRUPT, "flags 2");
  array_of(stream, 1, 0, 20, 1, 0);
  stream_assert_fails(stream, LH_ERROR_CORRUPT, "type oid 20");
  array_of(stream, 1, 0, 23, UINT32_MAX, 0);
  stream_assert_fails(stream, LH_ERROR_CORRUPT, "claims");
  array_of(stream, 1, 0, 23, 2, 0);
  stream_assert_fails(stream, LH_ERROR_CORRUPT, "ends before its element 2");
  array_of(stream, 1, 0, 23, 0, 0);
  stream_assert_fails(stream, LH_ERROR_CORRUPT, "after its last element");
  array_of(stream, 1, 0, 23, 1, 3);
  stream_assert_fails(stream, LH_ERROR_CORRUPT, "after its last element");
  array_of(stream, 0, 0, 23, 1, 0);
  stream_assert_fails(stream, LH_ERROR_CORRUPT, "after its last element");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(the_row_of_every_kind_decodes),
      TEST(a_stream_cut_at_any_byte_is_corrupt),
      TEST(a_stream_with_any_byte_changed_is_decoded_or_refused),
      TEST(noise_after_the_header_is_decoded_or_refused),
      TEST(a_wrong_signature_is_corrupt),
      TEST(unknown_critical_flags_are_corrupt),
      TEST(row_oids_are_corrupt),
      TEST(a_header_extension_longer_than_the_stream_is_corrupt),
      TEST(a_wrong_column_count_is_corrupt),
      TEST(bytes_after_the_trailer_are_corrupt),
      TEST(a_stream_without_a_trailer_is_corrupt),
      TEST(a_negative_length_other_than_null_is_corrupt),
      TEST(a_fixed_width_value_of_another_width_is_corrupt),
      TEST(wrong_arrays_are_corrupt),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
