/* The last stage of a task: batches into a file that is counted when it is read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "parquet/footer.h"
#include "store/store.h"
#include "task/output.h"

struct context {
  char directory[64];
  char path[96];
  struct lh_error err;
};

static int set_up(void **state) {
  static struct context context;
  strcpy(context.directory, "/tmp/lakehaul-test-XXXXXX");
  if (mkdtemp(context.directory) == NULL) {
    return -1;
  }
  snprintf(context.path, sizeof(context.path), "%s/out.parquet", context.directory);
  *state = &context;
  return 0;
}

static int tear_down(void **state) {
  struct context *const context = *state;
  return lh_fs_remove_tree(context->directory, LH_ERROR_LAKE, &context->err) == LH_OK ? 0 : -1;
}

static struct lh_field fields[] = {{.name = "n", .type = LH_TYPE_INT64}};
static const struct lh_schema schema = {fields, 1};

static lh_status create_part(void *argument, uint32_t number, struct lh_arena *arena, const char **name,
                             struct lh_sink **out, struct lh_error *err) {
  const struct context *const context = argument;
  *name = number == 0 ? context->path : lh_arena_printf(arena, "%s.%u", context->path, number);
  return lh_file_sink_create(*name, out, err);
}

static void fill(struct lh_batch *batch, int64_t rows, struct lh_error *err) {
  lh_batch_reset(batch);
  for (int64_t i = 0; i < rows; i++) {
    assert_int_equal(lh_column_append_fixed(&batch->columns[0], &i, err), LH_OK);
    batch->row_count++;
  }
}

static void write_rows(struct context *context, int64_t rows, bool finish) {
  struct lh_parquet_writer_options options;
  struct lh_parts parts;
  struct lh_output output;
  struct lh_batch batch;
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  lh_parquet_writer_options_default(&options);
  lh_parts_init(&parts, &schema, &options, 0, create_part, context, &arena);
  lh_output_init(&output, &parts);
  assert_int_equal(lh_batch_init(&batch, &schema, 64, &context->err), LH_OK);
  fill(&batch, rows, &context->err);
  assert_int_equal(lh_output_write(&output, &batch, &context->err), LH_OK);
  assert_int_equal(output.rows, rows);
  if (finish) {
    assert_int_equal(lh_output_finish_part(&output, &context->err), LH_OK);
    assert_int_equal(parts.finished_count, 1);
  }
  lh_output_clear(&output);
  lh_batch_clear(&batch);
  lh_parts_clear(&parts);
  lh_arena_clear(&arena);
}

static void parts_end_at_their_size_and_a_dropped_one_leaves_nothing(void **state) {
  struct context *const context = *state;
  struct lh_parquet_writer_options options;
  struct lh_parts parts;
  struct lh_output output;
  struct lh_batch batch;
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  lh_parquet_writer_options_default(&options);
  lh_parts_init(&parts, &schema, &options, 256 << 10, create_part, context, &arena);
  lh_output_init(&output, &parts);
  assert_int_equal(lh_batch_init(&batch, &schema, 64, &context->err), LH_OK);
  fill(&batch, 60, &context->err);
  assert_false(lh_output_is_full(&output));
  uint64_t rows = 0;
  while (!lh_output_is_full(&output) && rows < 1000000) {
    for (size_t i = 0; i < batch.row_count; i++) {
      ((uint64_t *)(void *)batch.columns[0].values)[i] = (rows + i) * UINT64_C(0x9e3779b97f4a7c15);
    }
    assert_int_equal(lh_output_write(&output, &batch, &context->err), LH_OK);
    rows += batch.row_count;
  }
  assert_in_range(rows, 4096, 65536);
  assert_int_equal(lh_output_finish_part(&output, &context->err), LH_OK);
  assert_int_equal(lh_output_write(&output, &batch, &context->err), LH_OK);
  lh_output_drop_part(&output);
  lh_parts_sort(&parts);
  assert_int_equal(parts.finished_count, 1);
  assert_int_equal(parts.finished[0].rows, rows);
  lh_output_clear(&output);
  lh_batch_clear(&batch);
  lh_parts_clear(&parts);
  lh_arena_clear(&arena);
  assert_int_equal(unlink(context->path), 0);
  assert_int_equal(rmdir(context->directory), 0); /* nothing else is left in it */
  assert_int_equal(lh_fs_make_directories(context->directory, LH_ERROR_LAKE, &context->err), LH_OK);
}

static void a_version_without_rows_has_one_part_without_rows(void **state) {
  struct context *const context = *state;
  struct lh_parquet_writer_options options;
  struct lh_parts parts;
  struct lh_source *source = NULL;
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  lh_parquet_writer_options_default(&options);
  lh_parts_init(&parts, &schema, &options, 0, create_part, context, &arena);
  struct lh_output output;
  lh_output_init(&output, &parts);
  assert_int_equal(lh_output_write_empty(&output, &context->err), LH_OK);
  assert_int_equal(parts.finished_count, 1);
  assert_int_equal(lh_output_write_empty(&output, &context->err), LH_OK);
  assert_int_equal(parts.finished_count, 1);
  lh_output_clear(&output);
  assert_int_equal(lh_file_source_open(context->path, &source, &context->err), LH_OK);
  assert_int_equal(lh_output_check(source, 0, &context->err), LH_OK);
  lh_source_free(source);
  lh_parts_clear(&parts);
  lh_arena_clear(&arena);
}

static void a_finished_file_holds_the_rows_that_were_sent(void **state) {
  struct context *const context = *state;
  struct lh_source *source = NULL;
  write_rows(context, 1000, true);
  assert_int_equal(lh_file_source_open(context->path, &source, &context->err), LH_OK);
  assert_int_equal(lh_output_check(source, 1000, &context->err), LH_OK);
  lh_source_free(source);
}

static void a_file_with_other_rows_than_were_sent_is_refused(void **state) {
  struct context *const context = *state;
  struct lh_source *source = NULL;
  write_rows(context, 1000, true);
  assert_int_equal(lh_file_source_open(context->path, &source, &context->err), LH_OK);
  assert_int_equal(lh_output_check(source, 1001, &context->err), LH_ERROR_CORRUPT);
  assert_non_null(strstr(context->err.message, "holds 1000 rows after writing 1001"));
  lh_source_free(source);
}

static void an_unfinished_file_never_appears(void **state) {
  struct context *const context = *state;
  write_rows(context, 10, false);
  assert_int_not_equal(access(context->path, F_OK), 0);
  assert_int_equal(rmdir(context->directory), 0); /* nothing is left in it */
  assert_int_equal(lh_fs_make_directories(context->directory, LH_ERROR_LAKE, &context->err), LH_OK);
}

static void what_is_held_in_memory_shrinks_to_the_budget_and_never_grows(void **state) {
  (void)state;
  struct lh_parquet_writer_options usual;
  struct lh_parquet_writer_options options;
  lh_parquet_writer_options_default(&usual);
  options = usual;
  lh_output_fit_memory(&options, &schema, UINT64_C(1) << 40);
  assert_int_equal(options.row_group_buffer_bytes, usual.row_group_buffer_bytes);
  assert_int_equal(options.page_bytes, usual.page_bytes);
  assert_int_equal(options.dictionary_bytes, usual.dictionary_bytes);
  lh_output_fit_memory(&options, &schema, UINT64_C(60) << 20);
  assert_int_equal(options.row_group_buffer_bytes, (size_t)10 << 20);
  lh_output_fit_memory(&options, &schema, UINT64_C(6) << 20);
  assert_int_equal(options.page_bytes, (size_t)512 << 10); /* of the root and its one column */
  assert_int_equal(options.dictionary_bytes, (size_t)512 << 10);
  lh_output_fit_memory(&options, &schema, 1);
  assert_true(options.row_group_buffer_bytes > 0);
  assert_true(options.page_bytes > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_finished_file_holds_the_rows_that_were_sent, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_file_with_other_rows_than_were_sent_is_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(an_unfinished_file_never_appears, set_up, tear_down),
      cmocka_unit_test_setup_teardown(parts_end_at_their_size_and_a_dropped_one_leaves_nothing, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(a_version_without_rows_has_one_part_without_rows, set_up, tear_down),
      cmocka_unit_test(what_is_held_in_memory_shrinks_to_the_budget_and_never_grows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
