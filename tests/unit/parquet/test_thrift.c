/* Thrift compact protocol: what is written reads back, and no damaged input is followed too far. */
#include "parquet/thrift.h"

#include "support.h"

#define LONG_TEXT 300
#define MANY 100

static void write_everything(struct lh_buf *out) {
  struct lh_error err;
  struct lh_thrift_writer w;
  char text[LONG_TEXT + 1];
  memset(text, 'x', LONG_TEXT);
  text[LONG_TEXT] = '\0';
  lh_thrift_writer_init(&w, out, &err);
  lh_thrift_begin_struct(&w);
  lh_thrift_write_bool(&w, 1, true);
  lh_thrift_write_bool(&w, 2, false);
  lh_thrift_write_i8(&w, 3, -5);
  lh_thrift_write_i16(&w, 4, INT16_MIN);
  lh_thrift_write_i32(&w, 5, INT32_MIN);
  lh_thrift_write_i64(&w, 6, INT64_MIN);
  lh_thrift_write_i64(&w, 7, INT64_MAX);
  lh_thrift_write_string(&w, 40, text);
  lh_thrift_begin_struct_field(&w, 41);
  lh_thrift_write_i32(&w, 1, 7);
  lh_thrift_write_empty_struct(&w, 2);
  lh_thrift_end_struct(&w);
  lh_thrift_begin_list(&w, 42, LH_THRIFT_I32, MANY);
  for (int32_t i = 0; i < MANY; i++) {
    lh_thrift_write_i32_element(&w, i - 50);
  }
  lh_thrift_begin_list(&w, 43, LH_THRIFT_BINARY, 2);
  lh_thrift_write_string_element(&w, "");
  lh_thrift_write_string_element(&w, "two");
  lh_thrift_begin_list(&w, 44, LH_THRIFT_STRUCT, 0);
  lh_thrift_write_i32(&w, 2000, 1);
  lh_thrift_end_struct(&w);
  assert_int_equal(w.status, LH_OK);
  assert_int_equal(w.depth, 0);
}

static void read_lists(struct lh_thrift_reader *r, const struct lh_thrift_field *field) {
  size_t size = 0;
  if (field->id == 42) {
    assert_int_equal(lh_thrift_read_list(r, field, LH_THRIFT_I32, 1), MANY);
    for (int32_t i = 0; i < MANY; i++) {
      assert_int_equal(lh_thrift_read_i32_element(r), i - 50);
    }
  } else if (field->id == 43) {
    assert_int_equal(lh_thrift_read_list(r, field, LH_THRIFT_BINARY, 1), 2);
    assert_non_null(lh_thrift_read_binary_element(r, &size));
    assert_int_equal(size, 0);
    assert_memory_equal(lh_thrift_read_binary_element(r, &size), "two", 3);
  } else {
    assert_int_equal(lh_thrift_read_list(r, field, LH_THRIFT_STRUCT, 1), 0);
  }
}

static void read_inner(struct lh_thrift_reader *r, const struct lh_thrift_field *outer) {
  struct lh_thrift_scope scope;
  struct lh_thrift_field field;
  lh_thrift_enter_field(r, outer, &scope);
  assert_true(lh_thrift_next_field(r, &scope, &field));
  assert_int_equal(field.id, 1);
  assert_int_equal(lh_thrift_read_i32(r, &field), 7);
  assert_true(lh_thrift_next_field(r, &scope, &field));
  assert_int_equal(field.id, 2);
  lh_thrift_skip(r, &field);
  assert_false(lh_thrift_next_field(r, &scope, &field));
}

static void read_value(struct lh_thrift_reader *r, const struct lh_thrift_field *field) {
  size_t size = 0;
  switch (field->id) {
    case 1:
    case 2:
      assert_int_equal(lh_thrift_read_bool(r, field), field->id == 1);
      return;
    case 3:
      assert_int_equal(lh_thrift_read_i32(r, field), -5);
      return;
    case 4:
      assert_int_equal(lh_thrift_read_i32(r, field), INT16_MIN);
      return;
    case 5:
      assert_int_equal(lh_thrift_read_i32(r, field), INT32_MIN);
      return;
    case 6:
      assert_true(lh_thrift_read_i64(r, field) == INT64_MIN);
      return;
    case 7:
      assert_true(lh_thrift_read_i64(r, field) == INT64_MAX);
      return;
    case 40:
      assert_int_equal(lh_thrift_read_binary(r, field, &size)[0], 'x');
      assert_int_equal(size, LONG_TEXT);
      return;
    case 41:
      read_inner(r, field);
      return;
    case 2000:
      assert_int_equal(lh_thrift_read_i32(r, field), 1);
      return;
    default:
      read_lists(r, field);
  }
}

static void every_kind_of_value_reads_back(void **state) {
  (void)state;
  struct lh_buf bytes;
  lh_buf_init(&bytes, SUPPORT_MAX_BYTES);
  write_everything(&bytes);
  struct lh_thrift_reader r;
  struct lh_thrift_scope scope;
  struct lh_thrift_field field;
  size_t fields = 0;
  lh_thrift_reader_init(&r, bytes.data, bytes.len);
  lh_thrift_enter(&r, &scope);
  while (lh_thrift_next_field(&r, &scope, &field)) {
    read_value(&r, &field);
    fields++;
  }
  assert_null(r.problem);
  assert_int_equal(fields, 13);
  assert_ptr_equal(r.at, r.end);
  lh_buf_clear(&bytes);
}

/* Walks a struct and skips all of it; the problem, or NULL. */
static const char *skip_all(const uint8_t *bytes, size_t size) {
  uint8_t *const exact = malloc(size + 1); /* so that AddressSanitizer sees a read past the end */
  assert_non_null(exact);
  memcpy(exact + 1, bytes, size);
  struct lh_thrift_reader r;
  struct lh_thrift_scope scope;
  struct lh_thrift_field field;
  lh_thrift_reader_init(&r, exact + 1, size);
  lh_thrift_enter(&r, &scope);
  while (lh_thrift_next_field(&r, &scope, &field)) {
    lh_thrift_skip(&r, &field);
  }
  free(exact);
  return r.problem;
}

static void unknown_fields_are_skipped_whole(void **state) {
  (void)state;
  struct lh_buf bytes;
  lh_buf_init(&bytes, SUPPORT_MAX_BYTES);
  write_everything(&bytes);
  assert_null(skip_all(bytes.data, bytes.len));
  lh_buf_clear(&bytes);
}

static void every_prefix_is_a_problem(void **state) {
  (void)state;
  struct lh_buf bytes;
  lh_buf_init(&bytes, SUPPORT_MAX_BYTES);
  write_everything(&bytes);
  for (size_t size = 0; size < bytes.len; size++) {
    assert_non_null(skip_all(bytes.data, size));
  }
  lh_buf_clear(&bytes);
}

static void flipped_bits_stay_within_the_bytes(void **state) {
  (void)state;
  struct lh_buf bytes;
  lh_buf_init(&bytes, SUPPORT_MAX_BYTES);
  write_everything(&bytes);
  for (size_t bit = 0; bit < bytes.len * 8; bit++) {
    bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    (void)skip_all(bytes.data, bytes.len);
    bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
  }
  lh_buf_clear(&bytes);
}

static void deep_nesting_is_refused(void **state) {
  (void)state;
  uint8_t bytes[4096];
  memset(bytes, 0x1C, sizeof bytes); /* field +1, a struct, again and again */
  assert_string_equal(skip_all(bytes, sizeof bytes), "its structs are nested too deeply");
  memset(bytes, 0x19, sizeof bytes); /* a list of one list of one list … */
  assert_string_equal(skip_all(bytes, sizeof bytes), "its structs are nested too deeply");
}

static void a_list_longer_than_the_bytes_is_refused(void **state) {
  (void)state;
  static const uint8_t bytes[] = {0x19, 0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x00};
  struct lh_thrift_reader r;
  struct lh_thrift_scope scope;
  struct lh_thrift_field field;
  lh_thrift_reader_init(&r, bytes, sizeof bytes);
  lh_thrift_enter(&r, &scope);
  assert_true(lh_thrift_next_field(&r, &scope, &field));
  assert_int_equal(lh_thrift_read_list(&r, &field, LH_THRIFT_STRUCT, 1), 0);
  assert_string_equal(r.problem, "a list claims more elements than there are bytes");
}

static void a_wrong_wire_type_is_a_problem(void **state) {
  (void)state;
  static const uint8_t bytes[] = {0x18, 0x01, 'a', 0x00};
  struct lh_thrift_reader r;
  struct lh_thrift_scope scope;
  struct lh_thrift_field field;
  lh_thrift_reader_init(&r, bytes, sizeof bytes);
  lh_thrift_enter(&r, &scope);
  assert_true(lh_thrift_next_field(&r, &scope, &field));
  assert_int_equal(lh_thrift_read_i64(&r, &field), 0);
  assert_string_equal(r.problem, "a field that should be a number is none");
  assert_false(lh_thrift_next_field(&r, &scope, &field));
}

static void numbers_past_their_width_are_problems(void **state) {
  (void)state;
  static const uint8_t endless[] = {0x16, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01};
  assert_string_equal(skip_all(endless, sizeof endless), "a number is longer than 64 bits");
  static const uint8_t wide[] = {0x16, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x00};
  struct lh_thrift_reader r;
  struct lh_thrift_scope scope;
  struct lh_thrift_field field;
  lh_thrift_reader_init(&r, wide, sizeof wide);
  lh_thrift_enter(&r, &scope);
  assert_true(lh_thrift_next_field(&r, &scope, &field));
  assert_int_equal(lh_thrift_read_i32(&r, &field), 0);
  assert_string_equal(r.problem, "a number is out of range");
}

static void a_full_buffer_is_the_writers_status(void **state) {
  (void)state;
  struct lh_error err;
  struct lh_buf small;
  lh_buf_init(&small, 4);
  struct lh_thrift_writer w;
  lh_thrift_writer_init(&w, &small, &err);
  lh_thrift_begin_struct(&w);
  lh_thrift_write_string(&w, 1, "longer than four bytes");
  lh_thrift_end_struct(&w);
  assert_int_equal(w.status, LH_ERROR_MEMORY);
  lh_buf_clear(&small);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_kind_of_value_reads_back),
      cmocka_unit_test(unknown_fields_are_skipped_whole),
      cmocka_unit_test(every_prefix_is_a_problem),
      cmocka_unit_test(flipped_bits_stay_within_the_bytes),
      cmocka_unit_test(deep_nesting_is_refused),
      cmocka_unit_test(a_list_longer_than_the_bytes_is_refused),
      cmocka_unit_test(a_wrong_wire_type_is_a_problem),
      cmocka_unit_test(numbers_past_their_width_are_problems),
      cmocka_unit_test(a_full_buffer_is_the_writers_status),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
