/* What the engine's tests share. */
#include "engine_support.h"

#include <stdlib.h>
#include <string.h>

#include "column/format.h"

#define TEST_MEMORY_BYTES ((uint64_t)256 << 20)
#define TEST_TEXT_MAX ((size_t)64 << 20)

int fixture_setup(void **state) {
  struct fixture *const fixture = calloc(1, sizeof(*fixture));
  assert_non_null(fixture);
  lh_arena_init(&fixture->arena, 0);
  lh_buf_init(&fixture->text, TEST_TEXT_MAX);
  const struct lh_engine_options options = {.memory_bytes = TEST_MEMORY_BYTES, .threads = 2};
  assert_ok(fixture, lh_engine_open(&options, &fixture->engine, &fixture->err));
  *state = fixture;
  return 0;
}

int fixture_teardown(void **state) {
  struct fixture *const fixture = *state;
  lh_engine_free(fixture->engine);
  lh_buf_clear(&fixture->text);
  lh_arena_clear(&fixture->arena);
  free(fixture);
  return 0;
}

void assert_ok(struct fixture *fixture, lh_status status) {
  if (status != LH_OK) {
    fail_msg("%s: %s (%s)", lh_status_name(status), fixture->err.message, fixture->err.hint);
  }
}

static lh_status append_batch(const struct lh_batch *batch, struct lh_buf *text, struct lh_error *err) {
  for (size_t row = 0; row < batch->row_count; row++) {
    LH_TRY(lh_buf_append_byte(text, '[', err));
    for (size_t i = 0; i < batch->column_count; i++) {
      LH_TRY(lh_buf_append_str(text, i > 0 ? ", " : "", err));
      LH_TRY(lh_column_format(&batch->columns[i], row, LH_FORMAT_JSON, text, err));
    }
    LH_TRY(lh_buf_append_str(text, "]\n", err));
  }
  return LH_OK;
}

static lh_status run(struct fixture *fixture, const char *sql) {
  struct lh_engine_result *result = NULL;
  struct lh_batch batch = {0};
  lh_buf_reset(&fixture->text);
  lh_status status = lh_engine_query(fixture->engine, sql, &result, &fixture->err);
  if (status == LH_OK) {
    status = lh_batch_init(&batch, lh_engine_result_schema(result), LH_BATCH_ROWS, &fixture->err);
  }
  while (status == LH_OK) {
    lh_batch_reset(&batch);
    status = lh_engine_fetch(result, &batch, &fixture->err);
    if (status != LH_OK || batch.row_count == 0) {
      break;
    }
    status = append_batch(&batch, &fixture->text, &fixture->err);
  }
  lh_batch_clear(&batch);
  lh_engine_result_free(result);
  return status;
}

const char *query_text(struct fixture *fixture, const char *sql) {
  assert_ok(fixture, run(fixture, sql));
  const char *text = NULL;
  assert_ok(fixture, lh_buf_cstr(&fixture->text, &text, &fixture->err));
  return text;
}

lh_status query_status(struct fixture *fixture, const char *sql) {
  lh_error_clear(&fixture->err);
  return run(fixture, sql);
}

static void assert_contains(const char *what, const char *text, const char *part) {
  if (strstr(text, part) == NULL) {
    fail_msg("the %s is \"%s\", which does not hold \"%s\"", what, text, part);
  }
}

void assert_fails(struct fixture *fixture, const char *sql, lh_status status, const char *message,
                  const char *hint) {
  const lh_status actual = query_status(fixture, sql);
  if (actual != status) {
    fail_msg("%s: ends as \"%s\", not \"%s\": %s", sql, lh_status_name(actual), lh_status_name(status),
             fixture->err.message);
  }
  assert_int_equal(fixture->err.code, status);
  assert_null(strchr(fixture->err.message, '\n'));
  assert_contains("message", fixture->err.message, message);
  assert_contains("hint", fixture->err.hint, hint);
}

const char *query_types(struct fixture *fixture, const char *sql) {
  struct lh_engine_result *result = NULL;
  assert_ok(fixture, lh_engine_query(fixture->engine, sql, &result, &fixture->err));
  const struct lh_schema *const schema = lh_engine_result_schema(result);
  const char *text = "";
  for (size_t i = 0; i < schema->field_count; i++) {
    assert_true(schema->fields[i].nullable);
    text = lh_arena_printf(&fixture->arena, "%s%s%s %s", text, i > 0 ? ", " : "", schema->fields[i].name,
                           lh_field_type_name(&schema->fields[i], &fixture->arena));
  }
  lh_engine_result_free(result);
  return text;
}
