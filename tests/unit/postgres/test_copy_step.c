/* What the row loop decodes itself is what the types' decoders make of the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "copy_stream.h"
#include "postgres/copy_step.h"

enum { OID_BOOL = 16, OID_INT8 = 20, OID_INT4 = 23, OID_TEXT = 25, OID_NUMERIC = 1700 };

#define NUMERIC(precision, scale) (((precision) << 16 | (scale)) + 4)
#define VALUES 20000
#define VALUE_BYTES 64

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

/* xorshift64 */
static uint64_t chance_state = 88172645463325252U;
static unsigned chance(unsigned below) {
  chance_state ^= chance_state << 13;
  chance_state ^= chance_state >> 7;
  chance_state ^= chance_state << 17;
  return (unsigned)(chance_state >> 33) % below;
}

static void put_u16(uint8_t *bytes, unsigned value) {
  bytes[0] = (uint8_t)(value >> 8);
  bytes[1] = (uint8_t)value;
}

/* A numeric that is often right and near the edges of what is simple, and sometimes none at all. */
static size_t make_numeric(uint8_t bytes[VALUE_BYTES]) {
  static const unsigned signs[] = {0, 0, 0, 0x4000, 0x4000, 0xc000, 0xd000, 0xf000, 0x1234};
  static const unsigned edges[] = {0, 1, 10, 100, 1000, 9900, 9990, 9999};
  const unsigned count = chance(6);
  memset(bytes, 0xee, VALUE_BYTES);
  put_u16(bytes, count);
  put_u16(bytes + 2, chance(10) - 4);
  put_u16(bytes + 4, signs[chance(9)]);
  put_u16(bytes + 6, chance(40) == 0 ? 0xffff : chance(12));
  for (unsigned i = 0; i < count; i++) {
    const unsigned kind = chance(60);
    put_u16(bytes + 8 + 2 * i, kind == 0    ? 10000 + chance(55536)
                               : kind <= 30 ? edges[chance(8)]
                                            : 100 * chance(100));
  }
  return 8 + 2 * count + (chance(50) == 0 ? 2 : 0);
}

static lh_int128 value_of(const struct lh_column *column) {
  int32_t narrow;
  int64_t wide;
  lh_int128 widest;
  memcpy(&narrow, column->values, sizeof(narrow));
  memcpy(&wide, column->values, sizeof(wide) < column->width ? sizeof(wide) : column->width);
  memcpy(&widest, column->values, column->width);
  return column->width == 4 ? narrow : column->width == 8 ? wide : widest;
}

static unsigned compare_numerics(int precision, int scale) {
  struct stream stream;
  struct lh_copy_step step;
  unsigned simple = 0;
  stream_init(&stream);
  stream_add_column(&stream, OID_NUMERIC, NUMERIC(precision, scale), true);
  assert_int_equal(lh_batch_init(&stream.batch, &stream.relation.schema, 1, &stream.err), LH_OK);
  lh_copy_step_init(&step, stream.columns[0].decoder);
  assert_int_not_equal(step.kind, LH_STEP_CALL);
  for (int i = 0; i < VALUES; i++) {
    uint8_t bytes[VALUE_BYTES];
    int64_t number = 0;
    const size_t length = make_numeric(bytes);
    if (!lh_copy_step_numeric(&step, bytes, length, sizeof(bytes), &number)) {
      continue;
    }
    simple++;
    lh_batch_reset(&stream.batch);
    struct lh_column *const column = &stream.batch.columns[0];
    assert_int_equal(step.decoder->decode(step.decoder, bytes, length, column, &stream.err), LH_OK);
    assert_int_equal(column->null_count, 0);
    assert_true(value_of(column) == number);
  }
  stream_clear(&stream);
  return simple;
}

static void simple_numerics_are_what_the_decoder_makes_of_them(void **state) {
  (void)state;
  const int shapes[][2] = {{1, 0},  {4, 0},  {5, 1},  {9, 2},  {9, 4},   {15, 2},  {15, 3},
                           {18, 0}, {18, 5}, {18, 8}, {19, 2}, {38, 10}, {38, 12}, {18, 11}};
  for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
    if (compare_numerics(shapes[i][0], shapes[i][1]) < VALUES / 500) {
      fail_msg("decimal(%d,%d): few values are simple", shapes[i][0], shapes[i][1]);
    }
  }
}

static void numerics_of_four_groups_are_simple_up_to_the_last(void **state) {
  struct stream *const stream = *state;
  struct lh_copy_step step;
  uint8_t bytes[16] = {0, 4, 0, 3, 0x40, 0, 0, 0};
  int64_t number = 0;
  stream_add_column(stream, OID_NUMERIC, NUMERIC(16, 0), true);
  lh_copy_step_init(&step, stream->columns[0].decoder);
  for (size_t i = 8; i < sizeof(bytes); i += 2) {
    put_u16(bytes + i, 9999);
  }
  assert_true(lh_copy_step_numeric(&step, bytes, sizeof(bytes), sizeof(bytes), &number));
  assert_true(number == -INT64_C(9999999999999999));
  assert_false(lh_copy_step_numeric(&step, bytes, sizeof(bytes), sizeof(bytes) - 1, &number));
}

/* Every size of text, also where little of the stream is left behind it. */
static void texts_of_all_sizes_end_where_they_do(void **state) {
  struct stream *const stream = *state;
  char text[101];
  stream_add_column(stream, OID_TEXT, -1, false);
  stream_header(stream);
  for (size_t size = 0; size < sizeof(text); size++) {
    memset(text, (int)('!' + size % 90), size);
    text[size] = '\0';
    stream_row(stream);
    stream_value_text(stream, text);
  }
  for (size_t size = sizeof(text); size-- > 0;) {
    stream_row(stream);
    stream_value_bytes(stream, text, size);
  }
  stream_trailer(stream);
  stream_assert_decodes(stream);
  for (size_t row = 0; row < 2 * sizeof(text); row++) {
    const size_t size = row < sizeof(text) ? row : 2 * sizeof(text) - 1 - row;
    const char *const found = stream_text(stream, &stream->batch.columns[0], row);
    assert_int_equal(strlen(found), size);
    assert_true(size == 0 || found[size - 1] == (row < sizeof(text) ? (int)('!' + size % 90) : '!' + 10));
  }
}

/* Rows are marked valid before they come. */
static void validity_ends_with_the_rows(void **state) {
  struct stream *const stream = *state;
  stream_add_column(stream, OID_INT4, -1, true);
  stream_add_column(stream, OID_TEXT, -1, true);
  stream_add_column(stream, OID_BOOL, -1, true);
  stream_header(stream);
  const size_t rows = LH_BATCH_ROWS + 11;
  for (size_t i = 0; i < rows; i++) {
    stream_row(stream);
    i % 3 == 0 ? stream_null(stream) : stream_value_u32(stream, (uint32_t)i);
    i % 5 == 0 ? stream_null(stream) : stream_value_text(stream, "text");
    stream_value_u8(stream, 1);
  }
  stream_trailer(stream);
  stream_assert_decodes(stream);
  const size_t every[] = {3, 5, SIZE_MAX};
  for (size_t i = 0; i < 3; i++) {
    const struct lh_column *const column = &stream->batch.columns[i];
    assert_int_equal(column->length, rows);
    assert_int_equal(column->null_count, every[i] == SIZE_MAX ? 0 : (rows + every[i] - 1) / every[i]);
    for (size_t row = 0; row < (column->capacity + 7) / 8 * 8; row++) {
      const bool valid = (column->validity[row / 8] >> row % 8 & 1) != 0;
      assert_int_equal(valid, row < rows && (every[i] == SIZE_MAX || row % every[i] != 0));
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(simple_numerics_are_what_the_decoder_makes_of_them),
      cmocka_unit_test_setup_teardown(numerics_of_four_groups_are_simple_up_to_the_last, set_up, tear_down),
      cmocka_unit_test_setup_teardown(texts_of_all_sizes_end_where_they_do, set_up, tear_down),
      cmocka_unit_test_setup_teardown(validity_ends_with_the_rows, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
