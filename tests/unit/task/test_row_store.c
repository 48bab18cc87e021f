/* Rows set aside and taken back: nothing lost, changed or reordered, in memory and on disk. */
#include "task/partition/row_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#include "base/fs.h"
#include "column/format.h"

#define LISTS 7
#define ROUNDS 40
#define ROWS 500

static struct lh_field element = {.name = "element", .type = LH_TYPE_STRING, .nullable = true};
static struct lh_field members[] = {
    {.name = "a", .type = LH_TYPE_INT32, .nullable = true},
    {.name = "b", .type = LH_TYPE_LIST, .nullable = true, .children = &element, .child_count = 1},
};
static struct lh_field pair[] = {
    {.name = "key", .type = LH_TYPE_STRING},
    {.name = "value", .type = LH_TYPE_INT64, .nullable = true},
};
static struct lh_field fields[] = {
    {.name = "n", .type = LH_TYPE_INT64},
    {.name = "text", .type = LH_TYPE_STRING, .nullable = true},
    {.name = "left_out", .type = LH_TYPE_INT32},
    {.name = "flag", .type = LH_TYPE_BOOL, .nullable = true},
    {.name = "s", .type = LH_TYPE_STRUCT, .nullable = true, .children = members, .child_count = 2},
    {.name = "m", .type = LH_TYPE_MAP, .nullable = true, .children = pair, .child_count = 2},
};
static const struct lh_schema schema = {fields, 6};
static const size_t taken[] = {0, 1, 3, 4, 5};
static struct lh_field taken_fields[5];
static const struct lh_schema taken_schema = {taken_fields, 5};

struct context {
  char directory[64];
  struct lh_error err;
};

#define assert_ok(expression) assert_int_equal((expression), LH_OK)

static int set_up(void **state) {
  static struct context context;
  strcpy(context.directory, "/tmp/lakehaul-test-XXXXXX");
  for (size_t i = 0; i < 5; i++) {
    taken_fields[i] = fields[taken[i]];
  }
  *state = &context;
  return mkdtemp(context.directory) != NULL ? 0 : -1;
}

static int tear_down(void **state) {
  struct context *const context = *state;
  return lh_fs_remove_tree(context->directory, LH_ERROR_LAKE, &context->err) == LH_OK ? 0 : -1;
}

static void append_struct(struct lh_column *column, int64_t n, struct lh_error *err) {
  struct lh_column *const list = &column->children[1];
  const int32_t small = (int32_t)n;
  assert_ok(n % 2 == 0 ? lh_column_append_fixed(&column->children[0], &small, err)
                       : lh_column_append_null(&column->children[0], err));
  if (n % 5 == 0) {
    assert_ok(lh_column_append_null(list, err));
  } else {
    for (int64_t i = 0; i < n % 4; i++) {
      assert_ok(i == 1 ? lh_column_append_null(&list->children[0], err)
                       : lh_column_append_bytes(&list->children[0], "element", (size_t)(n % 8), err));
    }
    assert_ok(lh_column_append_list(list, err));
  }
  assert_ok(lh_column_append_struct(column, err));
}

static void append_map(struct lh_column *column, int64_t n, struct lh_error *err) {
  for (int64_t i = 0; i < n % 3; i++) {
    assert_ok(lh_column_append_bytes(&column->children[0], "key", 3, err));
    assert_ok(i == 0 ? lh_column_append_fixed(&column->children[1], &n, err)
                     : lh_column_append_null(&column->children[1], err));
  }
  assert_ok(lh_column_append_list(column, err));
}

static void append_row(struct lh_batch *batch, int64_t n, struct lh_error *err) {
  static char text[3000];
  const uint8_t flag = n % 2 == 0;
  const int32_t zero = 0;
  memset(text, 'x', sizeof(text));
  const int length = snprintf(text, sizeof(text), "text of %lld", (long long)n);
  const size_t size = n % 1000 == 999 ? sizeof(text) : (size_t)length;
  assert_ok(lh_column_append_fixed(&batch->columns[0], &n, err));
  assert_ok(n % 7 == 0 ? lh_column_append_null(&batch->columns[1], err)
                       : lh_column_append_bytes(&batch->columns[1], text, n % 7 == 1 ? 0 : size, err));
  assert_ok(lh_column_append_fixed(&batch->columns[2], &zero, err));
  assert_ok(n % 3 == 0 ? lh_column_append_null(&batch->columns[3], err)
                       : lh_column_append_fixed(&batch->columns[3], &flag, err));
  if (n % 6 == 0) {
    assert_ok(lh_column_append_null(&batch->columns[4], err));
  } else {
    append_struct(&batch->columns[4], n, err);
  }
  if (n % 11 == 0) {
    assert_ok(lh_column_append_null(&batch->columns[5], err));
  } else {
    append_map(&batch->columns[5], n, err);
  }
  batch->row_count++;
}

/* All values of all rows as one text. */
static lh_status print_rows(void *context, const struct lh_batch *batch, struct lh_error *err) {
  struct lh_buf *const out = context;
  for (size_t row = 0; row < batch->row_count; row++) {
    for (size_t i = 0; i < batch->column_count; i++) {
      LH_TRY(lh_column_format(&batch->columns[i], row, LH_FORMAT_JSON, out, err));
      LH_TRY(lh_buf_append_byte(out, i + 1 < batch->column_count ? ',' : '\n', err));
    }
  }
  return LH_OK;
}

static void print_expected(int64_t list, struct lh_buf *out, struct lh_error *err) {
  struct lh_batch batch;
  assert_ok(lh_batch_init(&batch, &schema, 64, err));
  for (int64_t n = list; n < (int64_t)ROUNDS * ROWS; n += LISTS) {
    append_row(&batch, n, err);
  }
  struct lh_column columns[5];
  for (size_t i = 0; i < 5; i++) {
    columns[i] = batch.columns[taken[i]];
  }
  const struct lh_batch view = {&taken_schema, batch.row_count, columns, 5};
  assert_ok(print_rows(out, &view, err));
  lh_batch_clear(&batch);
}

static void add_round(struct lh_row_store *store, struct lh_row_list *lists, struct lh_batch *batch,
                      int64_t first, struct lh_error *err) {
  uint32_t rows[ROWS];
  lh_batch_reset(batch);
  for (int64_t i = 0; i < ROWS; i++) {
    append_row(batch, first + i, err);
  }
  for (int64_t list = 0; list < LISTS; list++) {
    size_t count = 0;
    for (uint32_t i = 0; i < ROWS; i++) {
      if ((first + i) % LISTS == list) {
        rows[count++] = i;
      }
    }
    assert_ok(lh_row_store_add(store, &lists[list], batch, taken, 5, rows, count, err));
  }
}

static void go_through(struct context *context, uint64_t budget_bytes, bool *spilled) {
  struct lh_row_store store;
  struct lh_row_list lists[LISTS] = {0};
  struct lh_batch batch;
  struct lh_batch back;
  struct lh_error *const err = &context->err;
  lh_row_store_init(&store, budget_bytes, context->directory);
  assert_ok(lh_batch_init(&batch, &schema, ROWS, err));
  assert_ok(lh_batch_init(&back, &taken_schema, 16, err));
  for (int64_t round = 0; round < ROUNDS; round++) {
    add_round(&store, lists, &batch, round * ROWS, err);
    for (size_t i = 0; i < LISTS && lh_row_store_is_full(&store); i++) {
      assert_ok(lh_row_store_spill(&store, &lists[(i + (size_t)round) % LISTS], err));
    }
  }
  *spilled = store.fd >= 0;
  for (int64_t i = 0; i < LISTS; i++) {
    struct lh_buf expected;
    struct lh_buf found;
    lh_buf_init(&expected, 1 << 26);
    lh_buf_init(&found, 1 << 26);
    print_expected(i, &expected, err);
    assert_ok(lh_row_store_drain(&store, &lists[i], &back, print_rows, &found, err));
    assert_int_equal(found.len, expected.len);
    assert_memory_equal(found.data, expected.data, expected.len);
    lh_buf_clear(&expected);
    lh_buf_clear(&found);
  }
  assert_int_equal(store.held_bytes, 0);
  lh_batch_clear(&back);
  lh_batch_clear(&batch);
  lh_row_store_clear(&store);
}

static void rows_in_memory_come_back_as_they_were(void **state) {
  bool spilled = true;
  go_through(*state, (uint64_t)1 << 40, &spilled);
  assert_false(spilled);
}

static void rows_on_disk_come_back_as_they_were_and_in_order(void **state) {
  struct context *const context = *state;
  bool spilled = false;
  go_through(context, 64 << 10, &spilled);
  assert_true(spilled);
  go_through(context, 0, &spilled);
  assert_true(spilled);
}

static void a_directory_that_cannot_be_written_is_named(void **state) {
  struct context *const context = *state;
  struct lh_row_store store;
  struct lh_row_list list = {0};
  struct lh_batch batch;
  const uint32_t row = 0;
  lh_row_store_init(&store, 0, "/nowhere/at/all");
  assert_ok(lh_batch_init(&batch, &schema, 1, &context->err));
  append_row(&batch, 1, &context->err);
  assert_ok(lh_row_store_add(&store, &list, &batch, taken, 5, &row, 1, &context->err));
  assert_int_equal(lh_row_store_spill(&store, &list, &context->err), LH_ERROR_LAKE);
  assert_non_null(strstr(context->err.message, "/nowhere/at/all"));
  lh_row_list_clear(&store, &list);
  assert_int_equal(store.held_bytes, 0);
  lh_batch_clear(&batch);
  lh_row_store_clear(&store);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(rows_in_memory_come_back_as_they_were, set_up, tear_down),
      cmocka_unit_test_setup_teardown(rows_on_disk_come_back_as_they_were_and_in_order, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_directory_that_cannot_be_written_is_named, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
