/* Running queries over Parquet files: batches, bounded memory, interruption. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <duckdb.h>

#include "base/fs.h"
#include "engine_support.h"

/* Parquet files that DuckDB wrote, since the engine itself only reads. */
static void write_parquet(const char *sql) {
  duckdb_database database = NULL;
  duckdb_connection connection = NULL;
  duckdb_result result;
  assert_int_equal(duckdb_open(NULL, &database), DuckDBSuccess);
  assert_int_equal(duckdb_connect(database, &connection), DuckDBSuccess);
  if (duckdb_query(connection, sql, &result) != DuckDBSuccess) {
    fail_msg("%s: %s", sql, duckdb_result_error(&result));
  }
  duckdb_destroy_result(&result);
  duckdb_disconnect(&connection);
  duckdb_close(&database);
}

static const char *temporary_directory(struct fixture *fixture) {
  char *const path = lh_arena_strdup(&fixture->arena, "/tmp/lakehaul-engine-XXXXXX");
  assert_non_null(mkdtemp(path));
  return path;
}

static void a_table_is_a_view_over_its_files(void **state) {
  struct fixture *const fixture = *state;
  const char *const directory = temporary_directory(fixture);
  const char *const files[] = {lh_arena_printf(&fixture->arena, "%s/it's [1]*?.parquet", directory),
                               lh_arena_printf(&fixture->arena, "%s/day=7.parquet", directory)};
  for (int i = 0; i < 2; i++) {
    const char *const quoted =
        i == 0 ? lh_arena_printf(&fixture->arena, "%s/it''s [1]*?.parquet", directory) : files[1];
    write_parquet(
        lh_arena_printf(&fixture->arena, "COPY (SELECT %d AS id, 'n%d' AS name) TO '%s'", i, i, quoted));
  }
  assert_ok(fixture, lh_engine_add_table(fixture->engine, "odd \"name\"", files, 2, &fixture->err));
  assert_string_equal(query_text(fixture, "SELECT * FROM \"odd \"\"name\"\"\" ORDER BY id"),
                      "[0, \"n0\"]\n[1, \"n1\"]\n");
  assert_ok(fixture, lh_engine_add_table(fixture->engine, "odd \"name\"", files + 1, 1, &fixture->err));
  assert_string_equal(query_text(fixture, "SELECT count(*) AS n FROM \"odd \"\"name\"\"\""), "[1]\n");
  unlink(files[0]);
  unlink(files[1]);
  rmdir(directory);
}

static void a_mistyped_table_comes_with_the_nearest_one(void **state) {
  struct fixture *const fixture = *state;
  const char *const directory = temporary_directory(fixture);
  const char *const file = lh_arena_printf(&fixture->arena, "%s/part-0.parquet", directory);
  write_parquet(lh_arena_printf(&fixture->arena, "COPY (SELECT 1 AS id) TO '%s'", file));
  assert_ok(fixture, lh_engine_add_table(fixture->engine, "orders", &file, 1, &fixture->err));
  assert_ok(fixture, lh_engine_add_table(fixture->engine, "users", &file, 1, &fixture->err));
  assert_fails(fixture, "SELECT 1 AS a\nFROM ordres", LH_ERROR_QUERY,
               "line 2, column 6: table with name ordres does not exist", "did you mean \"orders\"?");
  assert_fails(fixture, "SELECT * FROM something_else", LH_ERROR_QUERY, "something_else", "orders, users");
  assert_string_equal(query_text(fixture, "SELECT * FROM ORDERS"), "[1]\n");
  unlink(file);
  rmdir(directory);
}

static void a_missing_file_is_an_error_of_the_lake(void **state) {
  struct fixture *const fixture = *state;
  const char *const files[] = {"/nonexistent/part-0.parquet"};
  assert_int_equal(lh_engine_add_table(fixture->engine, "gone", files, 1, &fixture->err), LH_ERROR_LAKE);
  assert_non_null(strstr(fixture->err.message, "lake table \"gone\""));
  assert_non_null(strstr(fixture->err.message, "/nonexistent/part-0.parquet"));
  assert_int_equal(lh_engine_add_table(fixture->engine, "gone", files, 0, &fixture->err), LH_ERROR_LAKE);
}

static lh_status add_damaged(struct fixture *fixture, const char *path, const void *bytes, size_t size) {
  FILE *const file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
  return lh_engine_add_table(fixture->engine, "damaged", &path, 1, &fixture->err);
}

static void a_damaged_file_is_told_as_corrupt(void **state) {
  struct fixture *const fixture = *state;
  const char *const directory = temporary_directory(fixture);
  const char *const path = lh_arena_printf(&fixture->arena, "%s/damaged.parquet", directory);
  static const char not_parquet[] = "id,name\n1,this is a CSV file and no Parquet\n";
  assert_int_equal(add_damaged(fixture, path, not_parquet, sizeof(not_parquet)), LH_ERROR_CORRUPT);
  assert_int_equal(add_damaged(fixture, path, "PAR1", 4), LH_ERROR_CORRUPT);
  static const char long_footer[] = "PAR1 data data data \xff\xff\xff\x7fPAR1";
  assert_int_equal(add_damaged(fixture, path, long_footer, sizeof(long_footer) - 1), LH_ERROR_CORRUPT);
  static const char bad_thrift[] = "PAR1 data data data\xfd\xfd\xfd\xfd\x04\0\0\0PAR1";
  assert_int_equal(add_damaged(fixture, path, bad_thrift, sizeof(bad_thrift) - 1), LH_ERROR_CORRUPT);
  unlink(path);
  rmdir(directory);
}

struct totals {
  uint64_t rows, sum;
  size_t batches, most_bytes, least_rows, most_rows;
};

/* Fetches all and sums the first column, an int64. */
static struct totals fetch_all(struct fixture *fixture, const char *sql) {
  struct lh_engine_result *result = NULL;
  struct lh_batch batch;
  struct totals totals = {.least_rows = SIZE_MAX};
  assert_ok(fixture, lh_engine_query(fixture->engine, sql, &result, &fixture->err));
  assert_ok(fixture, lh_batch_init(&batch, lh_engine_result_schema(result), 16, &fixture->err));
  for (;;) {
    lh_batch_reset(&batch);
    assert_ok(fixture, lh_engine_fetch(result, &batch, &fixture->err));
    if (batch.row_count == 0) {
      break;
    }
    for (size_t row = 0; row < batch.row_count; row++) {
      totals.sum += (uint64_t)((const int64_t *)(const void *)batch.columns[0].values)[row];
    }
    const size_t bytes = lh_batch_bytes(&batch);
    totals.rows += batch.row_count;
    totals.batches++;
    totals.most_bytes = bytes > totals.most_bytes ? bytes : totals.most_bytes;
    totals.most_rows = batch.row_count > totals.most_rows ? batch.row_count : totals.most_rows;
    totals.least_rows = batch.row_count < totals.least_rows ? batch.row_count : totals.least_rows;
    for (size_t i = 0; i < batch.column_count; i++) {
      assert_int_equal(batch.columns[i].length, batch.row_count);
    }
  }
  lh_batch_clear(&batch);
  lh_engine_result_free(result);
  return totals;
}

static void rows_come_in_batches_of_8192_none_lost(void **state) {
  const struct totals totals = fetch_all(*state, "SELECT i FROM range(100001) t(i)");
  assert_int_equal(totals.rows, 100001);
  assert_int_equal(totals.sum, UINT64_C(100001) * 100000 / 2);
  assert_int_equal(totals.most_rows, LH_BATCH_ROWS);
  assert_int_equal(totals.batches, 13);
}

static void wide_values_cut_batches_short(void **state) {
  const struct totals totals = fetch_all(
      *state, "SELECT i, repeat('x', 20000) AS wide, [repeat('y', 10000)] AS list FROM range(3000) t(i)");
  assert_int_equal(totals.rows, 3000);
  assert_int_equal(totals.sum, 3000 * 2999 / 2);
  assert_true(totals.most_bytes < LH_BATCH_BYTES + LH_BATCH_BYTES / 2);
  assert_true(totals.batches > 20);
}

static void a_value_larger_than_a_batch_travels_alone(void **state) {
  const struct totals totals = fetch_all(
      *state, "SELECT i, repeat('x', CASE WHEN i % 2 = 0 THEN 6000000 ELSE 1 END) AS v FROM range(6) t(i)");
  assert_int_equal(totals.rows, 6);
  assert_true(totals.most_bytes < 7000000);
}

static void an_empty_result_has_its_schema(void **state) {
  assert_string_equal(query_types(*state, "SELECT 1 AS a, 'x' AS b WHERE false"), "a int32, b string");
  assert_string_equal(query_text(*state, "SELECT 1 AS a WHERE false"), "");
}

static void order_is_kept(void **state) {
  struct fixture *const fixture = *state;
  const char *const text = query_text(fixture, "SELECT i FROM range(50000) t(i) ORDER BY i DESC");
  assert_memory_equal(text, "[49999]\n[49998]\n", 16);
  assert_string_equal(text + strlen(text) - 8, "[1]\n[0]\n");
}

static void the_time_zone_is_utc_whatever_the_environment_says(void **state) {
  setenv("TZ", "America/New_York", 1);
  assert_string_equal(query_text(*state,
                                 "SELECT TIMESTAMPTZ '2024-07-01 12:00:00+00'::VARCHAR AS t, "
                                 "date_trunc('day', TIMESTAMPTZ '2024-07-01 01:00:00+00') AS d"),
                      "[\"2024-07-01 12:00:00+00\", \"2024-07-01T00:00:00Z\"]\n");
  unsetenv("TZ");
}

static void the_memory_limit_holds(void **state) {
  struct fixture *const fixture = *state;
  assert_fails(fixture, "SELECT DISTINCT i::VARCHAR || repeat('x', 200) AS v FROM range(10000000) t(i)",
               LH_ERROR_MEMORY, "out of memory", "\"memory\" in lakehaul.yaml");
  assert_string_equal(query_text(fixture, "SELECT 1 AS still_alive"), "[1]\n");
}

static void a_spill_directory_lets_the_query_pass(void **state) {
  struct fixture *const fixture = *state;
  const char *const directory = temporary_directory(fixture);
  const struct lh_engine_options options = {
      .memory_bytes = (uint64_t)64 << 20, .threads = 1, .temp_directory = directory};
  struct lh_engine *const shared = fixture->engine;
  assert_ok(fixture, lh_engine_open(&options, &fixture->engine, &fixture->err));
  const struct totals totals =
      fetch_all(fixture, "SELECT i, repeat('x', 100) AS v FROM range(1500000) t(i) ORDER BY hash(i)");
  assert_int_equal(totals.rows, 1500000);
  lh_engine_free(fixture->engine);
  fixture->engine = shared;
  assert_ok(fixture, lh_fs_remove_tree(directory, LH_ERROR_LAKE, &fixture->err));
}

static void one_result_is_open_at_a_time(void **state) {
  struct fixture *const fixture = *state;
  struct lh_engine_result *first = NULL;
  struct lh_engine_result *second = NULL;
  assert_ok(fixture, lh_engine_query(fixture->engine, "SELECT 1 AS a", &first, &fixture->err));
  assert_int_equal(lh_engine_query(fixture->engine, "SELECT 2 AS a", &second, &fixture->err),
                   LH_ERROR_INTERNAL);
  assert_null(second);
  lh_engine_result_free(first);
  assert_string_equal(query_text(fixture, "SELECT 2 AS a"), "[2]\n");
}

static void parsing_and_adding_tables_leave_an_open_result_alone(void **state) {
  struct fixture *const fixture = *state;
  struct lh_engine_result *result = NULL;
  struct lh_engine_names names;
  struct lh_batch batch;
  assert_ok(fixture,
            lh_engine_query(fixture->engine, "SELECT i FROM range(30000) t(i)", &result, &fixture->err));
  assert_ok(fixture, lh_batch_init(&batch, lh_engine_result_schema(result), LH_BATCH_ROWS, &fixture->err));
  size_t rows = 0;
  do {
    assert_ok(fixture, lh_engine_referenced_tables(fixture->engine, "SELECT * FROM x", &fixture->arena,
                                                   &names, &fixture->err));
    lh_batch_reset(&batch);
    assert_ok(fixture, lh_engine_fetch(result, &batch, &fixture->err));
    rows += batch.row_count;
  } while (batch.row_count > 0);
  assert_int_equal(rows, 30000);
  lh_batch_clear(&batch);
  lh_engine_result_free(result);
}

static void an_abandoned_result_frees_its_query(void **state) {
  struct fixture *const fixture = *state;
  struct lh_engine_result *result = NULL;
  assert_ok(fixture,
            lh_engine_query(fixture->engine, "SELECT i FROM range(100000000) t(i)", &result, &fixture->err));
  lh_engine_result_free(result);
  lh_engine_result_free(NULL);
  assert_string_equal(query_text(fixture, "SELECT 1 AS a"), "[1]\n");
}

static void *interrupt_soon(void *engine) {
  usleep(200000);
  lh_engine_interrupt(engine);
  return NULL;
}

static void an_interrupt_ends_a_running_query(void **state) {
  struct fixture *const fixture = *state;
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, fixture->engine), 0);
  const lh_status status = query_status(
      fixture, "SELECT count(*) AS n FROM range(10000000) a(i), range(10000000) b(j) WHERE i * j % 7 = 1");
  assert_int_equal(pthread_join(thread, NULL), 0);
  assert_int_equal(status, LH_ERROR_INTERRUPTED);
  assert_int_equal(fixture->err.code, LH_ERROR_INTERRUPTED);
  assert_string_equal(query_text(fixture, "SELECT 1 AS runs_again"), "[1]\n");
}

static void an_interrupt_ends_a_stream_between_batches(void **state) {
  struct fixture *const fixture = *state;
  struct lh_engine_result *result = NULL;
  struct lh_batch batch;
  assert_ok(fixture,
            lh_engine_query(fixture->engine, "SELECT i FROM range(100000000) t(i)", &result, &fixture->err));
  assert_ok(fixture, lh_batch_init(&batch, lh_engine_result_schema(result), LH_BATCH_ROWS, &fixture->err));
  assert_ok(fixture, lh_engine_fetch(result, &batch, &fixture->err));
  lh_engine_interrupt(fixture->engine);
  lh_batch_reset(&batch);
  assert_int_equal(lh_engine_fetch(result, &batch, &fixture->err), LH_ERROR_INTERRUPTED);
  assert_int_equal(lh_engine_fetch(result, &batch, &fixture->err), LH_ERROR_INTERNAL);
  lh_batch_clear(&batch);
  lh_engine_result_free(result);
}

static void an_interrupt_before_the_query_is_not_lost(void **state) {
  struct fixture *const fixture = *state;
  lh_engine_interrupt(fixture->engine);
  assert_int_equal(query_status(fixture, "SELECT 1 AS a"), LH_ERROR_INTERRUPTED);
  assert_int_equal(query_status(fixture, "SELECT 1 AS a"), LH_OK);
}

static void tells_the_library_version(void **state) {
  (void)state;
  assert_int_equal(lh_engine_version()[0], 'v');
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_table_is_a_view_over_its_files),
      cmocka_unit_test(a_mistyped_table_comes_with_the_nearest_one),
      cmocka_unit_test(a_missing_file_is_an_error_of_the_lake),
      cmocka_unit_test(a_damaged_file_is_told_as_corrupt),
      cmocka_unit_test(rows_come_in_batches_of_8192_none_lost),
      cmocka_unit_test(wide_values_cut_batches_short),
      cmocka_unit_test(a_value_larger_than_a_batch_travels_alone),
      cmocka_unit_test(an_empty_result_has_its_schema),
      cmocka_unit_test(order_is_kept),
      cmocka_unit_test(the_time_zone_is_utc_whatever_the_environment_says),
      cmocka_unit_test(the_memory_limit_holds),
      cmocka_unit_test(a_spill_directory_lets_the_query_pass),
      cmocka_unit_test(one_result_is_open_at_a_time),
      cmocka_unit_test(parsing_and_adding_tables_leave_an_open_result_alone),
      cmocka_unit_test(an_abandoned_result_frees_its_query),
      cmocka_unit_test(an_interrupt_ends_a_running_query),
      cmocka_unit_test(an_interrupt_ends_a_stream_between_batches),
      cmocka_unit_test(an_interrupt_before_the_query_is_not_lost),
      cmocka_unit_test(tells_the_library_version),
  };
  return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
