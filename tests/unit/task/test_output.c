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

static void write_rows(struct context *context, int64_t rows, bool finish) {
  struct lh_parquet_writer_options options;
  struct lh_sink *sink = NULL;
  struct lh_output output;
  struct lh_batch batch;
  lh_parquet_writer_options_default(&options);
  assert_int_equal(lh_file_sink_create(context->path, &sink, &context->err), LH_OK);
  assert_int_equal(lh_output_open(&output, &schema, &options, sink, &context->err), LH_OK);
  assert_int_equal(lh_batch_init(&batch, &schema, 64, &context->err), LH_OK);
  for (int64_t i = 0; i < rows; i++) {
    assert_int_equal(lh_column_append_fixed(&batch.columns[0], &i, &context->err), LH_OK);
    batch.row_count++;
  }
  assert_int_equal(lh_output_write(&output, &batch, &context->err), LH_OK);
  assert_int_equal(output.rows, rows);
  if (finish) {
    assert_int_equal(lh_output_finish(&output, &context->err), LH_OK);
  }
  lh_output_clear(&output);
  lh_batch_clear(&batch);
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

static void row_groups_shrink_to_the_budget_and_never_grow(void **state) {
  (void)state;
  struct lh_parquet_writer_options options;
  lh_parquet_writer_options_default(&options);
  const size_t usual = options.row_group_buffer_bytes;
  lh_output_fit_memory(&options, UINT64_C(1) << 40);
  assert_int_equal(options.row_group_buffer_bytes, usual);
  lh_output_fit_memory(&options, UINT64_C(60) << 20);
  assert_int_equal(options.row_group_buffer_bytes, (size_t)10 << 20);
  lh_output_fit_memory(&options, 1);
  assert_true(options.row_group_buffer_bytes > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_finished_file_holds_the_rows_that_were_sent, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_file_with_other_rows_than_were_sent_is_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(an_unfinished_file_never_appears, set_up, tear_down),
      cmocka_unit_test(row_groups_shrink_to_the_budget_and_never_grow),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
