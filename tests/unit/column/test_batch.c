/* Column batches: filling, growing, resetting, nulls, nested values and limits. */
#include "column/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#define assert_ok(expression)                         \
  do {                                                \
    const lh_status assert_ok_status_ = (expression); \
    if (assert_ok_status_ != LH_OK) {                 \
      fail_msg("%s: %s", #expression, err.message);   \
    }                                                 \
  } while (0)

static void fill_flat(struct lh_batch *batch, int64_t rows) {
  struct lh_error err;
  for (int64_t i = 0; i < rows; i++) {
    char text[32];
    const int length = snprintf(text, sizeof(text), "row %lld", (long long)i * 7);
    assert_ok(lh_column_append_fixed(&batch->columns[0], &i, &err));
    if (i % 3 == 0) {
      assert_ok(lh_column_append_null(&batch->columns[1], &err));
    } else {
      assert_ok(lh_column_append_bytes(&batch->columns[1], text, (size_t)length, &err));
    }
    batch->row_count++;
  }
}

static void assert_flat(const struct lh_batch *batch, int64_t rows) {
  const struct lh_column *const ids = &batch->columns[0];
  const struct lh_column *const texts = &batch->columns[1];
  assert_int_equal(batch->row_count, rows);
  assert_int_equal(ids->length, rows);
  assert_int_equal(texts->length, rows);
  assert_null(ids->validity);
  assert_int_equal(ids->null_count, 0);
  assert_int_equal(texts->null_count, (rows + 2) / 3);
  for (int64_t i = 0; i < rows; i++) {
    int64_t id = -1;
    char text[32];
    size_t size = 99;
    memcpy(&id, ids->values + (size_t)i * ids->width, sizeof(id));
    assert_int_equal(id, i);
    const uint8_t *const bytes = lh_column_bytes(texts, (size_t)i, &size);
    assert_int_equal(lh_column_is_valid(texts, (size_t)i), i % 3 != 0);
    if (i % 3 == 0) {
      assert_int_equal(size, 0);
    } else {
      const int length = snprintf(text, sizeof(text), "row %lld", (long long)i * 7);
      assert_int_equal(size, length);
      assert_memory_equal(bytes, text, size);
    }
  }
}

static struct lh_field flat_fields[] = {{.name = "id", .type = LH_TYPE_INT64},
                                        {.name = "text", .type = LH_TYPE_STRING, .nullable = true}};
static const struct lh_schema flat = {.fields = flat_fields, .field_count = 2};

static void what_is_appended_is_found_again_while_columns_grow(void **state) {
  (void)state;
  struct lh_error err;
  static const size_t capacities[] = {0, 1, 7, 100, LH_BATCH_ROWS};
  for (size_t i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++) {
    struct lh_batch batch;
    assert_ok(lh_batch_init(&batch, &flat, capacities[i], &err));
    fill_flat(&batch, 3000);
    assert_flat(&batch, 3000);
    lh_batch_clear(&batch);
  }
}

static void a_reset_batch_is_filled_again_without_new_memory(void **state) {
  (void)state;
  struct lh_error err;
  struct lh_batch batch;
  assert_ok(lh_batch_init(&batch, &flat, 16, &err));
  fill_flat(&batch, 1000);
  const struct lh_column before[2] = {batch.columns[0], batch.columns[1]};
  for (int64_t rows = 0; rows <= 1000; rows += 125) {
    lh_batch_reset(&batch);
    assert_int_equal(batch.row_count, 0);
    assert_int_equal(batch.columns[1].null_count, 0);
    fill_flat(&batch, rows);
    assert_flat(&batch, rows);
  }
  for (size_t i = 0; i < 2; i++) {
    assert_ptr_equal(batch.columns[i].values, before[i].values);
    assert_ptr_equal(batch.columns[i].offsets, before[i].offsets);
    assert_ptr_equal(batch.columns[i].validity, before[i].validity);
    assert_ptr_equal(batch.columns[i].data.data, before[i].data.data);
    assert_int_equal(batch.columns[i].capacity, before[i].capacity);
  }
  lh_batch_clear(&batch);
}

static void a_null_keeps_a_zeroed_slot_even_in_reused_memory(void **state) {
  (void)state;
  struct lh_error err;
  struct lh_batch batch;
  struct lh_field field = {.name = "n", .type = LH_TYPE_DECIMAL, .precision = 38, .nullable = true};
  const struct lh_schema schema = {.fields = &field, .field_count = 1};
  const lh_int128 all_ones = -1;
  const lh_int128 zero = 0;
  assert_ok(lh_batch_init(&batch, &schema, 4, &err));
  struct lh_column *const column = &batch.columns[0];
  for (int i = 0; i < 20; i++) {
    assert_ok(lh_column_append_fixed(column, &all_ones, &err));
  }
  lh_batch_reset(&batch);
  for (size_t i = 0; i < 20; i++) {
    assert_ok(lh_column_append_null(column, &err));
    assert_false(lh_column_is_valid(column, i));
    assert_memory_equal(column->values + i * column->width, &zero, sizeof(zero));
  }
  assert_int_equal(column->null_count, 20);
  assert_ok(lh_column_append_fixed(column, &all_ones, &err));
  assert_true(lh_column_is_valid(column, 20));
  assert_int_equal(column->null_count, 20);
  lh_batch_clear(&batch);
}

static void a_null_in_a_not_null_column_is_refused_by_name(void **state) {
  (void)state;
  struct lh_error err = {0};
  struct lh_batch batch;
  assert_ok(lh_batch_init(&batch, &flat, 4, &err));
  assert_int_equal(lh_column_append_null(&batch.columns[0], &err), LH_ERROR_DATA);
  assert_string_equal(err.column, "id");
  assert_non_null(strstr(err.message, "\"id\""));
  assert_int_equal(batch.columns[0].length, 0);
  lh_batch_clear(&batch);
}

static void lists_hold_any_number_of_elements(void **state) {
  (void)state;
  struct lh_error err;
  struct lh_batch batch;
  struct lh_field element = {.name = "element", .type = LH_TYPE_INT32, .nullable = true};
  struct lh_field field = {
      .name = "l", .type = LH_TYPE_LIST, .nullable = true, .children = &element, .child_count = 1};
  const struct lh_schema schema = {.fields = &field, .field_count = 1};
  assert_ok(lh_batch_init(&batch, &schema, 2, &err));
  struct lh_column *const list = &batch.columns[0];
  for (int round = 0; round < 2; round++) {
    lh_batch_reset(&batch);
    /* 0, 1, … elements, every fifth row null, the first element of each row null */
    for (int32_t row = 0; row < 100; row++) {
      if (row % 5 == 4) {
        assert_ok(lh_column_append_null(list, &err));
        continue;
      }
      for (int32_t i = 0; i < row; i++) {
        assert_ok(i == 0 ? lh_column_append_null(&list->children[0], &err)
                         : lh_column_append_fixed(&list->children[0], &i, &err));
      }
      assert_ok(lh_column_append_list(list, &err));
    }
    assert_int_equal(list->length, 100);
    assert_int_equal(list->null_count, 20);
    assert_int_equal(list->offsets[0], 0);
    for (int32_t row = 0; row < 100; row++) {
      assert_int_equal(list->offsets[row + 1] - list->offsets[row], row % 5 == 4 ? 0 : row);
      assert_int_equal(lh_column_is_valid(list, (size_t)row), row % 5 != 4);
    }
    assert_int_equal(list->offsets[100], list->children[0].length);
    assert_int_equal(list->children[0].null_count, 79);
  }
  lh_batch_clear(&batch);
}

static void a_null_struct_gives_every_member_a_slot(void **state) {
  (void)state;
  struct lh_error err;
  struct lh_batch batch;
  struct lh_field inner = {.name = "deep", .type = LH_TYPE_STRING};
  struct lh_field members[] = {
      {.name = "a", .type = LH_TYPE_INT64},
      {.name = "b", .type = LH_TYPE_STRING, .nullable = true},
      {.name = "c", .type = LH_TYPE_STRUCT, .nullable = true, .children = &inner, .child_count = 1}};
  struct lh_field field = {
      .name = "s", .type = LH_TYPE_STRUCT, .nullable = true, .children = members, .child_count = 3};
  const struct lh_schema schema = {.fields = &field, .field_count = 1};
  assert_ok(lh_batch_init(&batch, &schema, 1, &err));
  struct lh_column *const column = &batch.columns[0];
  for (int64_t row = 0; row < 50; row++) {
    if (row % 2 == 1) {
      assert_ok(lh_column_append_null(column, &err));
      continue;
    }
    assert_ok(lh_column_append_fixed(&column->children[0], &row, &err));
    assert_ok(lh_column_append_bytes(&column->children[1], "text", 4, &err));
    assert_ok(lh_column_append_bytes(&column->children[2].children[0], "x", 1, &err));
    assert_ok(lh_column_append_struct(&column->children[2], &err));
    assert_ok(lh_column_append_struct(column, &err));
  }
  assert_int_equal(column->length, 50);
  assert_int_equal(column->null_count, 25);
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(column->children[i].length, 50);
  }
  assert_int_equal(column->children[2].children[0].length, 50);
  assert_int_equal(column->children[1].null_count, 25);
  for (size_t row = 0; row < 50; row++) {
    size_t size = 99;
    int64_t value = -1;
    lh_column_bytes(&column->children[1], row, &size);
    assert_int_equal(size, row % 2 == 1 ? 0 : 4);
    lh_column_bytes(&column->children[2].children[0], row, &size);
    assert_int_equal(size, row % 2 == 1 ? 0 : 1);
    memcpy(&value, column->children[0].values + row * 8, sizeof(value));
    assert_int_equal(value, row % 2 == 1 ? 0 : row);
    assert_int_equal(lh_column_is_valid(&column->children[2], row), row % 2 == 0);
  }
  lh_batch_clear(&batch);
}

static void maps_close_over_keys_and_values(void **state) {
  (void)state;
  struct lh_error err;
  struct lh_batch batch;
  struct lh_field pair[] = {{.name = "key", .type = LH_TYPE_STRING},
                            {.name = "value", .type = LH_TYPE_DOUBLE, .nullable = true}};
  struct lh_field field = {
      .name = "m", .type = LH_TYPE_MAP, .nullable = true, .children = pair, .child_count = 2};
  const struct lh_schema schema = {.fields = &field, .field_count = 1};
  const double value = 1.5;
  assert_ok(lh_batch_init(&batch, &schema, 1, &err));
  struct lh_column *const map = &batch.columns[0];
  for (int row = 0; row < 60; row++) {
    for (int i = 0; i < row % 4; i++) {
      assert_ok(lh_column_append_bytes(&map->children[0], "k", 1, &err));
      assert_ok(lh_column_append_fixed(&map->children[1], &value, &err));
    }
    assert_ok(lh_column_append_list(map, &err));
  }
  assert_ok(lh_column_append_null(map, &err));
  assert_int_equal(map->offsets[60], 15 * 6);
  assert_int_equal(map->offsets[61], 15 * 6);
  assert_int_equal(map->children[0].length, 15 * 6);
  assert_int_equal(map->children[1].length, 15 * 6);
  lh_batch_clear(&batch);
}

static void bytes_in_use_count_values_offsets_data_and_children(void **state) {
  (void)state;
  struct lh_error err;
  struct lh_batch batch;
  const int64_t id = 1;
  assert_ok(lh_batch_init(&batch, &flat, 1000, &err));
  const size_t empty = lh_batch_bytes(&batch);
  assert_int_equal(empty, sizeof(int32_t));
  assert_ok(lh_column_append_fixed(&batch.columns[0], &id, &err));
  assert_ok(lh_column_append_bytes(&batch.columns[1], "12345", 5, &err));
  assert_int_equal(lh_batch_bytes(&batch), empty + 8 + 4 + 5);
  lh_batch_reset(&batch);
  assert_int_equal(lh_batch_bytes(&batch), empty);
  lh_batch_clear(&batch);
}

static void bytes_past_a_columns_limit_are_refused_and_change_nothing(void **state) {
  (void)state;
  struct lh_error err = {0};
  struct lh_batch batch;
  char *const big = calloc(1, 1000);
  assert_non_null(big);
  assert_ok(lh_batch_init(&batch, &flat, 1, &err));
  struct lh_column *const column = &batch.columns[1];
  assert_int_equal(column->data.max, LH_COLUMN_MAX_BYTES);
  column->data.max = 2500;
  assert_ok(lh_column_append_bytes(column, big, 1000, &err));
  assert_ok(lh_column_append_bytes(column, big, 1000, &err));
  assert_int_equal(lh_column_append_bytes(column, big, 1000, &err), LH_ERROR_MEMORY);
  assert_int_equal(column->length, 2);
  assert_int_equal(column->data.len, 2000);
  assert_ok(lh_column_append_bytes(column, big, 500, &err));
  assert_ok(lh_column_append_bytes(column, big, 0, &err));
  assert_int_equal(column->length, 4);
  assert_true(lh_column_is_valid(column, 3));
  free(big);
  lh_batch_clear(&batch);
}

static void more_values_than_offsets_can_count_are_refused(void **state) {
  (void)state;
  struct lh_error err = {0};
  struct lh_batch batch;
  assert_ok(lh_batch_init(&batch, &flat, 1, &err));
  assert_int_equal(lh_column_grow(&batch.columns[0], (size_t)INT32_MAX, &err), LH_ERROR_DATA);
  assert_non_null(strstr(err.message, "\"id\""));
  assert_int_equal(lh_column_reserve(&batch.columns[0], SIZE_MAX, &err), LH_ERROR_DATA);
  lh_batch_clear(&batch);
}

static void a_batch_without_columns_and_a_cleared_one_are_harmless(void **state) {
  (void)state;
  struct lh_error err;
  struct lh_batch batch;
  const struct lh_schema none = {0};
  assert_ok(lh_batch_init(&batch, &none, 10, &err));
  assert_int_equal(lh_batch_bytes(&batch), 0);
  lh_batch_reset(&batch);
  lh_batch_clear(&batch);
  lh_batch_clear(&batch);
  lh_batch_reset(&batch);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_appended_is_found_again_while_columns_grow),
      cmocka_unit_test(a_reset_batch_is_filled_again_without_new_memory),
      cmocka_unit_test(a_null_keeps_a_zeroed_slot_even_in_reused_memory),
      cmocka_unit_test(a_null_in_a_not_null_column_is_refused_by_name),
      cmocka_unit_test(lists_hold_any_number_of_elements),
      cmocka_unit_test(a_null_struct_gives_every_member_a_slot),
      cmocka_unit_test(maps_close_over_keys_and_values),
      cmocka_unit_test(bytes_in_use_count_values_offsets_data_and_children),
      cmocka_unit_test(bytes_past_a_columns_limit_are_refused_and_change_nothing),
      cmocka_unit_test(more_values_than_offsets_can_count_are_refused),
      cmocka_unit_test(a_batch_without_columns_and_a_cleared_one_are_harmless),
  };
  return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
