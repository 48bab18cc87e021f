/* Each type's values, edge values first, from hand-built COPY streams. */
#include <string.h>

#include "copy_stream.h"
#include "postgres/types/decode.h"

enum {
  OID_BOOL = 16,
  OID_BYTEA = 17,
  OID_CHAR = 18,
  OID_NAME = 19,
  OID_INT8 = 20,
  OID_INT2 = 21,
  OID_INT4 = 23,
  OID_TEXT = 25,
  OID_OID = 26,
  OID_JSON = 114,
  OID_FLOAT4 = 700,
  OID_FLOAT8 = 701,
  OID_INT4_ARRAY = 1007,
  OID_TEXT_ARRAY = 1009,
  OID_DATE = 1082,
  OID_TIME = 1083,
  OID_TIMESTAMP = 1114,
  OID_TIMESTAMPTZ = 1184,
  OID_NUMERIC_ARRAY = 1231,
  OID_UUID = 2950,
  OID_JSONB = 3802
};

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

/* One column of the type, and the header. */
static struct stream *begin(void **state, uint32_t oid, int32_t typmod) {
  struct stream *const stream = *state;
  stream_add_column(stream, oid, typmod, true);
  stream_header(stream);
  return stream;
}

static void a_stream_without_rows_gives_an_empty_batch(void **state) {
  struct stream *const stream = begin(state, OID_INT4, -1);
  stream_trailer(stream);
  stream_assert_decodes(stream);
  assert_int_equal(stream->batch.row_count, 0);
}

static void a_header_extension_is_skipped(void **state) {
  struct stream *const stream = *state;
  stream_add_column(stream, OID_INT4, -1, true);
  stream_bytes(stream, "PGCOPY\n\377\r\n", 11);
  stream_u32(stream, 1);
  stream_u32(stream, 3);
  stream_bytes(stream, "abc", 3);
  stream_row(stream);
  stream_value_u32(stream, 7);
  stream_trailer(stream);
  stream_assert_decodes(stream);
  assert_int_equal(stream_i32(stream, 0, 0), 7);
}

static void bools_are_one_byte_each(void **state) {
  struct stream *const stream = begin(state, OID_BOOL, -1);
  for (unsigned i = 0; i < 2; i++) {
    stream_row(stream);
    stream_value_u8(stream, i);
  }
  stream_trailer(stream);
  stream_assert_decodes(stream);
  assert_int_equal(stream->batch.columns[0].values[0], 0);
  assert_int_equal(stream->batch.columns[0].values[1], 1);
}

static void integers_keep_their_extremes(void **state) {
  struct stream *const stream = *state;
  stream_add_column(stream, OID_INT2, -1, true);
  stream_add_column(stream, OID_INT4, -1, true);
  stream_add_column(stream, OID_INT8, -1, true);
  stream_add_column(stream, OID_OID, -1, true);
  stream_header(stream);
  stream_row(stream);
  stream_value_u16(stream, 0x8000);
  stream_value_u32(stream, 0x80000000);
  stream_value_u64(stream, UINT64_C(0x8000000000000000));
  stream_value_u32(stream, 0);
  stream_row(stream);
  stream_value_u16(stream, 0x7fff);
  stream_value_u32(stream, 0x7fffffff);
  stream_value_u64(stream, UINT64_C(0x7fffffffffffffff));
  stream_value_u32(stream, UINT32_MAX);
  stream_trailer(stream);
  stream_assert_decodes(stream);
  assert_int_equal(stream_i32(stream, 0, 0), INT16_MIN);
  assert_int_equal(stream_i32(stream, 0, 1), INT16_MAX);
  assert_int_equal(stream_i32(stream, 1, 0), INT32_MIN);
  assert_int_equal(stream_i32(stream, 1, 1), INT32_MAX);
  assert_true(stream_i64(stream, 2, 0) == INT64_MIN);
  assert_true(stream_i64(stream, 2, 1) == INT64_MAX);
  assert_int_equal(stream_i64(stream, 3, 0), 0);
  assert_int_equal(stream_i64(stream, 3, 1), UINT32_MAX);
}

static void floats_keep_every_bit(void **state) {
  struct stream *const stream = *state;
  stream_add_column(stream, OID_FLOAT4, -1, true);
  stream_add_column(stream, OID_FLOAT8, -1, true);
  stream_header(stream);
  const uint32_t singles[] = {0x80000000, 0x7fc00001, 0x7f800000, 0xff800000, 1};
  const uint64_t doubles[] = {UINT64_C(0x8000000000000000), UINT64_C(0x7ff8000000000001),
                              UINT64_C(0x7ff0000000000000), UINT64_C(0xfff0000000000000), 1};
  for (size_t i = 0; i < 5; i++) {
    stream_row(stream);
    stream_value_u32(stream, singles[i]);
    stream_value_u64(stream, doubles[i]);
  }
  stream_trailer(stream);
  stream_assert_decodes(stream);
  assert_memory_equal(stream->batch.columns[0].values, singles, sizeof(singles));
  assert_memory_equal(stream->batch.columns[1].values, doubles, sizeof(doubles));
}

static void texts_may_be_empty_and_long(void **state) {
  static char long_text[100000];
  struct stream *const stream = begin(state, OID_TEXT, -1);
  memset(long_text, 'x', sizeof(long_text) - 1);
  const char *const texts[] = {"", "a", "ünïcödé €", "blanks   ", long_text, ""};
  for (size_t i = 0; i < 6; i++) {
    stream_row(stream);
    stream_value_text(stream, texts[i]);
  }
  stream_trailer(stream);
  stream_assert_decodes(stream);
  for (size_t i = 0; i < 6; i++) {
    assert_string_equal(stream_text(stream, &stream->batch.columns[0], i), texts[i]);
  }
}

static void bytes_may_be_empty_and_hold_nul(void **state) {
  struct stream *const stream = begin(state, OID_BYTEA, -1);
  stream_row(stream);
  stream_value_bytes(stream, "", 0);
  stream_row(stream);
  stream_value_bytes(stream, "\0\377\0", 3);
  stream_trailer(stream);
  stream_assert_decodes(stream);
  size_t size = 0;
  lh_column_bytes(&stream->batch.columns[0], 0, &size);
  assert_int_equal(size, 0);
  assert_memory_equal(lh_column_bytes(&stream->batch.columns[0], 1, &size), "\0\377\0", 3);
  assert_int_equal(size, 3);
}

static void the_char_type_reads_as_psql_prints_it(void **state) {
  struct stream *const stream = begin(state, OID_CHAR, -1);
  const unsigned bytes[] = {0, 'x', 0x7f, 0x80, 0xff};
  const char *const texts[] = {"", "x", "\x7f", "\\200", "\\377"};
  for (size_t i = 0; i < 5; i++) {
    stream_row(stream);
    stream_value_u8(stream, bytes[i]);
  }
  stream_trailer(stream);
  stream_assert_decodes(stream);
  for (size_t i = 0; i < 5; i++) {
    assert_string_equal(stream_text(stream, &stream->batch.columns[0], i), texts[i]);
  }
}

static void json_is_text_and_jsonb_has_a_version(void **state) {
  struct stream *const stream = *state;
  stream_add_column(stream, OID_JSON, -1, true);
  stream_add_column(stream, OID_JSONB, -1, true);
  stream_header(stream);
  stream_row(stream);
  stream_value_text(stream, "{\"a\" : 1}");
  stream_value_text(stream, "\001{\"a\": 1}");
  stream_trailer(stream);
  stream_assert_decodes(stream);
  assert_int_equal(stream->fields[0].type, LH_TYPE_JSON);
  assert_int_equal(stream->fields[1].type, LH_TYPE_JSON);
  assert_string_equal(stream_text(stream, &stream->batch.columns[0], 0), "{\"a\" : 1}");
  assert_string_equal(stream_text(stream, &stream->batch.columns[1], 0), "{\"a\": 1}");
}

static void another_version_of_jsonb_is_corrupt(void **state) {
  struct stream *const stream = begin(state, OID_JSONB, -1);
  stream_row(stream);
  stream_value_text(stream, "\002{}");
  stream_trailer(stream);
  stream_assert_fails(stream, LH_ERROR_CORRUPT, "version 2");
}

static void jsonb_without_bytes_is_corrupt(void **state) {
  struct stream *const stream = begin(state, OID_JSONB, -1);
  stream_row(stream);
  stream_value_text(stream, "");
  stream_trailer(stream);
  stream_assert_fails(stream, LH_ERROR_CORRUPT, "jsonb");
}

static void uuids_are_copied(void **state) {
  struct stream *const stream = begin(state, OID_UUID, -1);
  stream_row(stream);
  stream_value_bytes(stream, "0123456789abcdef", 16);
  stream_trailer(stream);
  stream_assert_decodes(stream);
  assert_memory_equal(stream->batch.columns[0].values, "0123456789abcdef", 16);
}

static void dates_count_from_1970(void **state) {
  struct stream *const stream = begin(state, OID_DATE, -1);
  /* 2000-01-01, 1970-01-01, 1969-12-31, 4713-01-01 BC, 5874897-12-31 */
  const int32_t sent[] = {0, -10957, -10958, -2451507, 2145031948};
  const int32_t expected[] = {10957, 0, -1, -2440550, 2145042905};
  for (size_t i = 0; i < 5; i++) {
    stream_row(stream);
    stream_value_u32(stream, (uint32_t)sent[i]);
  }
  stream_trailer(stream);
  stream_assert_decodes(stream);
  for (size_t i = 0; i < 5; i++) {
    assert_int_equal(stream_i32(stream, 0, i), expected[i]);
  }
}

static void an_infinite_date_is_refused_by_name(void **state) {
  struct stream *const stream = begin(state, OID_DATE, -1);
  stream_row(stream);
  stream_value_u32(stream, 0);
  stream_row(stream);
  stream_value_u32(stream, 0x7fffffff);
  stream_trailer(stream);
  stream_assert_fails(stream, LH_ERROR_DATA, "infinity");
  assert_string_equal(stream->err.table, "public.t");
  assert_string_equal(stream->err.column, "c1");
  assert_int_equal(stream->err.row, 2);
  assert_string_not_equal(stream->err.hint, "");
}

static void a_minus_infinite_date_is_refused(void **state) {
  struct stream *const stream = begin(state, OID_DATE, -1);
  stream_row(stream);
  stream_value_u32(stream, 0x80000000);
  stream_trailer(stream);
  stream_assert_fails(stream, LH_ERROR_DATA, "-infinity");
}

static void times_go_up_to_24_hours(void **state) {
  struct stream *const stream = begin(state, OID_TIME, -1);
  stream_row(stream);
  stream_value_u64(stream, 0);
  stream_row(stream);
  stream_value_u64(stream, UINT64_C(86400000000));
  stream_trailer(stream);
  stream_assert_decodes(stream);
  assert_int_equal(stream_i64(stream, 0, 0), 0);
  assert_int_equal(stream_i64(stream, 0, 1), INT64_C(86400000000));
}

static void a_time_past_24_hours_is_corrupt(void **state) {
  struct stream *const stream = begin(state, OID_TIME, -1);
  stream_row(stream);
  stream_value_u64(stream, UINT64_C(86400000001));
  stream_trailer(stream);
  stream_assert_fails(stream, LH_ERROR_CORRUPT, "not within a day");
}

static void timestamps_count_from_1970_up_to_the_last(void **state) {
  struct stream *const stream = *state;
  stream_add_column(stream, OID_TIMESTAMP, -1, true);
  stream_add_column(stream, OID_TIMESTAMPTZ, -1, true);
  stream_header(stream);
  const int64_t shift = INT64_C(946684800000000);
  const int64_t sent[] = {0, -shift, -shift - 1, INT64_MAX - shift, INT64_C(-211813488000000000)};
  for (size_t i = 0; i < 5; i++) {
    stream_row(stream);
    stream_value_u64(stream, (uint64_t)sent[i]);
    stream_value_u64(stream, (uint64_t)sent[i]);
  }
  stream_trailer(stream);
  stream_assert_decodes(stream);
  assert_false(stream->fields[0].utc);
  assert_true(stream->fields[1].utc);
  for (size_t i = 0; i < 5; i++) {
    assert_true(stream_i64(stream, 0, i) == sent[i] + shift);
    assert_true(stream_i64(stream, 1, i) == sent[i] + shift);
  }
}

static void a_timestamp_past_the_last_is_refused_with_its_value(void **state) {
  struct stream *const stream = begin(state, OID_TIMESTAMP, -1);
  stream_row(stream);
  stream_value_u64(stream, UINT64_C(9223371331199000000));
  stream_trailer(stream);
  stream_assert_fails(stream, LH_ERROR_DATA, "294276-12-31 23:59:59.000000");
}

static void infinite_timestamps_are_refused(void **state) {
  struct stream *const stream = begin(state, OID_TIMESTAMPTZ, -1);
  stream_row(stream);
  stream_value_u64(stream, UINT64_C(0x7fffffffffffffff));
  stream_trailer(stream);
  stream_assert_fails(stream, LH_ERROR_DATA, "timestamptz infinity");
  stream->bytes.data[stream->bytes.len - 10] = 0x80;
  memset(stream->bytes.data + stream->bytes.len - 9, 0, 7);
  stream_assert_fails(stream, LH_ERROR_DATA, "timestamptz -infinity");
}

static void nulls_of_every_kind_keep_their_slot(void **state) {
  struct stream *const stream = *state;
  const uint32_t oids[] = {OID_BOOL, OID_INT4, OID_INT8, OID_TEXT, OID_UUID, OID_INT4_ARRAY};
  for (size_t i = 0; i < 6; i++) {
    stream_add_column(stream, oids[i], -1, true);
  }
  stream_header(stream);
  stream_row(stream);
  for (size_t i = 0; i < 6; i++) {
    stream_null(stream);
  }
  stream_trailer(stream);
  stream_assert_decodes(stream);
  for (size_t i = 0; i < 6; i++) {
    assert_int_equal(stream->batch.columns[i].length, 1);
    assert_int_equal(stream->batch.columns[i].null_count, 1);
    assert_false(lh_column_is_valid(&stream->batch.columns[i], 0));
  }
}

static void a_null_in_a_not_null_column_is_refused(void **state) {
  struct stream *const stream = *state;
  stream_add_column(stream, OID_INT4, -1, false);
  stream_header(stream);
  stream_row(stream);
  stream_null(stream);
  stream_trailer(stream);
  stream_assert_fails(stream, LH_ERROR_DATA, "not null");
  assert_int_equal(stream->err.row, 1);
}

static void more_rows_than_a_batch_reserves_still_decode(void **state) {
  struct stream *const stream = *state;
  stream_add_column(stream, OID_INT4, -1, true);
  stream_add_column(stream, OID_TEXT, -1, true);
  stream_header(stream);
  for (uint32_t i = 0; i < 3 * LH_BATCH_ROWS; i++) {
    stream_row(stream);
    stream_value_u32(stream, i);
    stream_value_text(stream, "x");
  }
  stream_trailer(stream);
  stream_assert_decodes(stream);
  assert_int_equal(stream->batch.row_count, 3 * LH_BATCH_ROWS);
  assert_int_equal(stream_i32(stream, 0, 3 * LH_BATCH_ROWS - 1), 3 * LH_BATCH_ROWS - 1);
}

/* ndim 1, the count of elements and the lower bound. */
static void array_header(struct stream *stream, uint32_t bytes, uint32_t element_oid, uint32_t count,
                         uint32_t lower_bound) {
  stream_u32(stream, bytes);
  stream_u32(stream, 1);
  stream_u32(stream, 1);
  stream_u32(stream, element_oid);
  stream_u32(stream, count);
  stream_u32(stream, lower_bound);
}

static void arrays_may_be_empty_and_hold_nulls_at_any_lower_bound(void **state) {
  struct stream *const stream = begin(state, OID_INT4_ARRAY, -1);
  stream_row(stream);
  stream_u32(stream, 12);
  stream_u32(stream, 0);
  stream_u32(stream, 0);
  stream_u32(stream, OID_INT4);
  stream_row(stream);
  array_header(stream, 20 + 8 + 4 + 8, OID_INT4, 3, (uint32_t)-5);
  stream_value_u32(stream, 1);
  stream_null(stream);
  stream_value_u32(stream, 3);
  stream_row(stream);
  stream_null(stream);
  stream_trailer(stream);
  stream_assert_decodes(stream);
  const struct lh_column *const list = &stream->batch.columns[0];
  const struct lh_column *const element = &list->children[0];
  assert_string_equal(element->field->name, "element");
  assert_int_equal(list->offsets[1], 0);
  assert_int_equal(list->offsets[2], 3);
  assert_int_equal(list->offsets[3], 3);
  assert_true(lh_column_is_valid(list, 0));
  assert_false(lh_column_is_valid(list, 2));
  assert_true(lh_column_is_valid(element, 0));
  assert_false(lh_column_is_valid(element, 1));
  assert_int_equal(((const int32_t *)(const void *)element->values)[2], 3);
}

static void arrays_of_texts_hold_empty_ones(void **state) {
  struct stream *const stream = begin(state, OID_TEXT_ARRAY, -1);
  stream_row(stream);
  array_header(stream, 20 + 4 + 6, OID_TEXT, 2, 1);
  stream_value_text(stream, "");
  stream_value_text(stream, "ab");
  stream_trailer(stream);
  stream_assert_decodes(stream);
  const struct lh_column *const element = &stream->batch.columns[0].children[0];
  assert_string_equal(stream_text(stream, element, 0), "");
  assert_string_equal(stream_text(stream, element, 1), "ab");
}

static void an_array_of_two_dimensions_is_refused_with_column_and_row(void **state) {
  struct stream *const stream = begin(state, OID_INT4_ARRAY, -1);
  stream_row(stream);
  stream_u32(stream, 12 + 16 + 8);
  stream_u32(stream, 2);
  stream_u32(stream, 0);
  stream_u32(stream, OID_INT4);
  for (int i = 0; i < 4; i++) {
    stream_u32(stream, 1);
  }
  stream_value_u32(stream, 5);
  stream_trailer(stream);
  stream_assert_fails(stream, LH_ERROR_DATA, "2 dimensions");
  assert_string_equal(stream->err.column, "c1");
  assert_int_equal(stream->err.row, 1);
  assert_string_not_equal(stream->err.hint, "");
}

static void an_element_that_cannot_be_held_is_named_by_its_place(void **state) {
  struct stream *const stream = begin(state, OID_NUMERIC_ARRAY, ((5 << 16) | 2) + 4);
  stream_row(stream);
  array_header(stream, 20 + 12, 1700, 1, 1);
  stream_value_numeric(stream, 0xc000, 0, 0, 0);
  stream_trailer(stream);
  stream_assert_fails(stream, LH_ERROR_DATA, "element 1");
}

static void text_of_a_sql_ascii_database_is_checked(void **state) {
  struct stream *const stream = begin(state, OID_TEXT, -1);
  struct lh_pg_decoder checking = *stream->columns[0].decoder;
  checking.check_utf8 = true;
  stream->columns[0].decoder = &checking;
  stream_row(stream);
  stream_value_text(stream, "café");
  stream_row(stream);
  stream_value_text(stream, "caf\xe9");
  stream_trailer(stream);
  stream_assert_fails(stream, LH_ERROR_DATA, "0x636166e9");
  assert_string_equal(stream->err.column, "c1");
  assert_int_equal(stream->err.row, 2);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_stream_without_rows_gives_an_empty_batch),
      TEST(a_header_extension_is_skipped),
      TEST(bools_are_one_byte_each),
      TEST(integers_keep_their_extremes),
      TEST(floats_keep_every_bit),
      TEST(texts_may_be_empty_and_long),
      TEST(bytes_may_be_empty_and_hold_nul),
      TEST(the_char_type_reads_as_psql_prints_it),
      TEST(json_is_text_and_jsonb_has_a_version),
      TEST(another_version_of_jsonb_is_corrupt),
      TEST(jsonb_without_bytes_is_corrupt),
      TEST(uuids_are_copied),
      TEST(dates_count_from_1970),
      TEST(an_infinite_date_is_refused_by_name),
      TEST(a_minus_infinite_date_is_refused),
      TEST(times_go_up_to_24_hours),
      TEST(a_time_past_24_hours_is_corrupt),
      TEST(timestamps_count_from_1970_up_to_the_last),
      TEST(a_timestamp_past_the_last_is_refused_with_its_value),
      TEST(infinite_timestamps_are_refused),
      TEST(nulls_of_every_kind_keep_their_slot),
      TEST(a_null_in_a_not_null_column_is_refused),
      TEST(more_rows_than_a_batch_reserves_still_decode),
      TEST(arrays_may_be_empty_and_hold_nulls_at_any_lower_bound),
      TEST(arrays_of_texts_hold_empty_ones),
      TEST(an_array_of_two_dimensions_is_refused_with_column_and_row),
      TEST(an_element_that_cannot_be_held_is_named_by_its_place),
      TEST(text_of_a_sql_ascii_database_is_checked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
