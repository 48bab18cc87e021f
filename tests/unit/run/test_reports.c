/* Jobs and reports survive the way between supervisor and worker, whatever stands in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "run/job.h"

static const char nasty[] = "quote \" backslash \\ line\nbreak \x01 ünïcödé 🐘 ${VAR}";

struct context {
  struct lh_arena arena;
  struct lh_buf buf;
  struct lh_error err;
};

static int set_up(void **state) {
  static struct context context;
  lh_arena_init(&context.arena, 0);
  lh_buf_init(&context.buf, LH_REPORT_MAX_BYTES);
  lh_error_clear(&context.err);
  *state = &context;
  return 0;
}

static int tear_down(void **state) {
  struct context *const context = *state;
  lh_arena_clear(&context->arena);
  lh_buf_clear(&context->buf);
  return 0;
}

static void decode(struct context *context, struct lh_report *report) {
  assert_true(context->buf.len > 0);
  assert_int_equal(context->buf.data[context->buf.len - 1], '\n');
  assert_null(memchr(context->buf.data, '\n', context->buf.len - 1));
  assert_int_equal(lh_report_decode((const char *)context->buf.data, context->buf.len - 1, &context->arena,
                                    report, &context->err),
                   LH_OK);
}

static void a_job_arrives_as_it_was_sent(void **state) {
  struct context *const context = *state;
  const char *const keys[] = {"orders/v1/part-00000.parquet", nasty};
  struct lh_task_input inputs[] = {{.table = "orders", .keys = keys, .key_count = 2},
                                   {.table = "empty", .keys = keys}};
  const struct lh_job sent = {
      .project_path = "dir/lakehaul.yaml",
      .project_text = nasty,
      .task = "combined",
      .sql = "SELECT '\"'",
      .lake = "/tmp/lake",
      .aws = {.profile = "prod"},
      .s3_endpoint = "http://127.0.0.1:9000",
      .version = "v2",
      .snapshot_id = "",
      .snapshot_time = "t",
      .snapshot_lsn = "l",
      .temp_directory = "/tmp/x",
      .limit = -1,
      .memory_bytes = UINT64_C(1) << 40,
      .threads = 2,
      .inputs = inputs,
      .input_count = 2,
  };
  struct lh_job got;
  assert_int_equal(lh_job_encode(&sent, &context->buf, &context->err), LH_OK);
  assert_int_equal(lh_job_decode(&context->buf, &context->arena, &got, &context->err), LH_OK);
  assert_string_equal(got.project_path, sent.project_path);
  assert_string_equal(got.project_text, sent.project_text);
  assert_string_equal(got.task, sent.task);
  assert_string_equal(got.sql, sent.sql);
  assert_string_equal(got.lake, sent.lake);
  assert_string_equal(got.aws.profile, "prod");
  assert_null(got.aws.region);
  assert_string_equal(got.s3_endpoint, sent.s3_endpoint);
  assert_string_equal(got.version, sent.version);
  assert_string_equal(got.snapshot_id, "");
  assert_string_equal(got.snapshot_time, "t");
  assert_string_equal(got.snapshot_lsn, "l");
  assert_string_equal(got.temp_directory, "/tmp/x");
  assert_int_equal(got.limit, -1);
  assert_int_equal(got.memory_bytes, UINT64_C(1) << 40);
  assert_int_equal(got.threads, 2);
  assert_int_equal(got.input_count, 2);
  assert_string_equal(got.inputs[0].table, "orders");
  assert_int_equal(got.inputs[0].key_count, 2);
  assert_string_equal(got.inputs[0].keys[1], nasty);
  assert_int_equal(got.inputs[1].key_count, 0);
}

static void a_damaged_job_is_refused(void **state) {
  struct context *const context = *state;
  struct lh_job got;
  assert_int_equal(lh_buf_append_str(&context->buf, "{\"task\": \"a\"", &context->err), LH_OK);
  assert_int_equal(lh_job_decode(&context->buf, &context->arena, &got, &context->err), LH_ERROR_CORRUPT);
  lh_buf_reset(&context->buf);
  assert_int_equal(lh_buf_append_str(&context->buf, "{\"task\": \"a\"}", &context->err), LH_OK);
  assert_int_equal(lh_job_decode(&context->buf, &context->arena, &got, &context->err), LH_ERROR_CORRUPT);
  assert_non_null(strstr(context->err.message, "is missing"));
}

static void progress_and_warnings_arrive(void **state) {
  struct context *const context = *state;
  struct lh_report report;
  assert_int_equal(lh_report_encode_started(-1, &context->buf, &context->err), LH_OK);
  decode(context, &report);
  assert_int_equal(report.kind, LH_REPORT_STARTED);
  assert_int_equal(report.rows, -1);
  lh_buf_reset(&context->buf);
  assert_int_equal(lh_report_encode_progress(12, UINT64_C(1) << 50, &context->buf, &context->err), LH_OK);
  decode(context, &report);
  assert_int_equal(report.kind, LH_REPORT_PROGRESS);
  assert_int_equal(report.rows, 12);
  assert_int_equal(report.bytes, UINT64_C(1) << 50);
  lh_buf_reset(&context->buf);
  assert_int_equal(lh_report_encode_warning(nasty, &context->buf, &context->err), LH_OK);
  decode(context, &report);
  assert_int_equal(report.kind, LH_REPORT_WARNING);
  assert_string_equal(report.text, nasty);
}

static void an_error_arrives_with_all_it_knows(void **state) {
  struct context *const context = *state;
  struct lh_error failure;
  struct lh_report report;
  lh_error_set(&failure, LH_ERROR_DATA, "column \"e\" is \"odd\"");
  lh_error_hint(&failure, "do this");
  strcpy(failure.sqlstate, "42703");
  strcpy(failure.table, "public.t");
  strcpy(failure.column, "e");
  failure.row = 7;
  assert_int_equal(lh_report_encode_failed(&failure, &context->buf, &context->err), LH_OK);
  decode(context, &report);
  assert_int_equal(report.kind, LH_REPORT_FAILED);
  assert_int_equal(report.error.code, LH_ERROR_DATA);
  assert_string_equal(report.error.message, failure.message);
  assert_string_equal(report.error.hint, "do this");
  assert_string_equal(report.error.sqlstate, "42703");
  assert_string_equal(report.error.table, "public.t");
  assert_string_equal(report.error.column, "e");
  assert_int_equal(report.error.row, 7);
}

static void a_result_arrives_as_a_version_to_publish(void **state) {
  struct context *const context = *state;
  const struct lh_job job = {.task = "t", .version = "v", .snapshot_time = "st", .snapshot_lsn = "0/1"};
  struct lh_field fields[] = {
      {.name = "id", .type = LH_TYPE_INT64},
      {.name = "price",
       .type = LH_TYPE_DECIMAL,
       .precision = 12,
       .scale = 2,
       .nullable = true,
       .source_type = "numeric(12,2)",
       .comment = nasty},
  };
  struct lh_task_file files[] = {{"t/v/part-00000.parquet", 10, 1000}};
  const char *const primary_key[] = {"id", nasty};
  const struct lh_schema_change changes[] = {
      {.kind = LH_SCHEMA_WIDENED, .column = "id", .before = "int32", .after = "int64", .text = nasty}};
  const struct lh_task_result result = {.schema = {fields, 2},
                                        .comment = nasty,
                                        .primary_key = primary_key,
                                        .primary_key_count = 2,
                                        .changes = changes,
                                        .change_count = 1,
                                        .source = "table public.t",
                                        .files = files,
                                        .file_count = 1,
                                        .rows = 10,
                                        .bytes = 1000};
  struct lh_report report;
  assert_int_equal(lh_report_encode_finished(&job, &result, &context->buf, &context->err), LH_OK);
  decode(context, &report);
  assert_int_equal(report.kind, LH_REPORT_FINISHED);
  const struct lh_lake_version *const version = report.version;
  assert_string_equal(version->table, "t");
  assert_string_equal(version->version, "v");
  assert_string_equal(version->source, "table public.t");
  assert_string_equal(version->snapshot_time, "st");
  assert_string_equal(version->snapshot_lsn, "0/1");
  assert_int_equal(version->rows, 10);
  assert_int_equal(version->bytes, 1000);
  assert_int_equal(version->file_count, 1);
  assert_string_equal(version->files[0].key, "t/v/part-00000.parquet");
  assert_int_equal(version->column_count, 2);
  assert_false(version->columns[0].nullable);
  assert_string_equal(version->columns[0].source_type, "");
  assert_true(version->columns[1].nullable);
  assert_string_equal(version->columns[1].type, "decimal(12,2)");
  assert_string_equal(version->columns[1].source_type, "numeric(12,2)");
  assert_string_equal(version->comment, nasty);
  assert_string_equal(version->columns[0].comment, "");
  assert_string_equal(version->columns[1].comment, nasty);
  assert_int_equal(version->primary_key_count, 2);
  assert_string_equal(version->primary_key[1], nasty);
  assert_int_equal(report.change_count, 1);
  assert_int_equal(report.changes[0].kind, LH_SCHEMA_WIDENED);
  assert_string_equal(report.changes[0].column, "id");
  assert_string_equal(report.changes[0].before, "int32");
  assert_string_equal(report.changes[0].after, "int64");
  assert_string_equal(report.changes[0].text, nasty);
}

static void a_damaged_report_is_refused(void **state) {
  struct context *const context = *state;
  const char *const lines[] = {"",
                               "{",
                               "[]",
                               "{\"event\": 1}",
                               "{\"event\": \"dance\"}",
                               "{\"event\": \"failed\"}",
                               "{\"event\": \"failed\", \"error\": {\"code\": 99}}",
                               "{\"event\": \"finished\", \"table\": \"t\"}"};
  for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
    struct lh_report report;
    assert_int_equal(lh_report_decode(lines[i], strlen(lines[i]), &context->arena, &report, &context->err),
                     LH_ERROR_CORRUPT);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_job_arrives_as_it_was_sent, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_damaged_job_is_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(progress_and_warnings_arrive, set_up, tear_down),
      cmocka_unit_test_setup_teardown(an_error_arrives_with_all_it_knows, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_result_arrives_as_a_version_to_publish, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_damaged_report_is_refused, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
