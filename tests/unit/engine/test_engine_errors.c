/* What goes wrong in a query, and what the user is told. */
#include <string.h>

#include "engine_support.h"

static void errors_are_placed_in_the_sql(void **state) {
  assert_fails(*state, "SELEC 1", LH_ERROR_QUERY,
               "parser error at line 1, column 1: syntax error at or near \"SELEC\"", "");
  assert_fails(*state, "SELECT a,\n  bb FROM (SELECT 1 AS a, 2 AS bbb)", LH_ERROR_QUERY,
               "binder error at line 2, column 3: referenced column \"bb\" not found in FROM clause",
               "did you mean \"bbb\"?");
  assert_fails(*state, "SELECT 'ééé',\n 'é', nope FROM (SELECT 1 AS a)", LH_ERROR_QUERY, "line 2, column 7",
               "");
  assert_fails(*state, "SELECT 'ééé'\n 5, 6", LH_ERROR_QUERY, "line 2, column 2", "");
}

static void unknown_names_come_with_the_nearest_right_one(void **state) {
  assert_fails(*state, "SELECT flor(1.5) AS x", LH_ERROR_QUERY,
               "catalog error at line 1, column 8: scalar Function with name flor does not exist",
               "did you mean \"floor\"?");
  assert_fails(*state, "SELECT sum('a') AS x", LH_ERROR_QUERY, "no function matches", "candidates: sum(");
  assert_fails(*state, "SELECT * FROM nothing_like_it", LH_ERROR_QUERY, "nothing_like_it does not exist",
               "there are no tables here yet");
}

static void runtime_errors_are_told_too(void **state) {
  assert_fails(
      *state,
      "SELECT CAST(CASE WHEN i = 90000 THEN 'x' ELSE '1' END AS INTEGER) AS v FROM range(100000) t(i)",
      LH_ERROR_QUERY, "conversion error at line 1, column 8: could not convert string 'x' to INT32",
      "TRY_CAST");
  assert_fails(*state, "SELECT (9223372036854775807 + i) AS v FROM range(2) t(i)", LH_ERROR_QUERY, "overflow",
               "");
  assert_fails(*state, "SELECT error('first\nsecond') AS v", LH_ERROR_QUERY, "first second", "");
  assert_fails(*state, "SELECT (SELECT i FROM range(2) t(i)) AS v", LH_ERROR_QUERY, "more than one row", "");
}

static void only_selects_run(void **state) {
  assert_fails(*state, "", LH_ERROR_QUERY, "the SQL is empty", "");
  assert_fails(*state, "-- nothing", LH_ERROR_QUERY, "the SQL is empty", "");
  assert_fails(*state, "SELECT 1; SELECT 2", LH_ERROR_QUERY, "more than one statement", "one SELECT");
  static const char *const refused[] = {
      "CREATE TABLE t (a INT)",
      "SET memory_limit = '100GB'",
      "COPY (SELECT 1) TO '/tmp/never.csv'",
      "ATTACH '/tmp/never.db'",
      "INSTALL httpfs",
      "LOAD httpfs",
      "PRAGMA enable_external_access",
      "CALL pragma_version()",
      "BEGIN",
      "EXPLAIN ANALYZE COPY (SELECT 1) TO '/tmp/never.csv'",
      "EXPORT DATABASE '/tmp/never'",
  };
  for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
    assert_int_equal(query_status(*state, refused[i]), LH_ERROR_QUERY);
  }
  assert_fails(*state, "SET memory_limit = '100GB'", LH_ERROR_QUERY, "not a SELECT", "only reads");
  assert_fails(*state, "SELECT ? AS v", LH_ERROR_QUERY, "parameters", "write the values into the SQL");
}

static void the_network_stays_out_of_reach(void **state) {
  assert_fails(*state, "SELECT * FROM 'https://localhost:1/x.parquet'", LH_ERROR_QUERY, "httpfs",
               "local files only");
}

static void duplicate_column_names_are_refused(void **state) {
  assert_fails(*state, "SELECT 1 AS id, 'x' AS name, 2 AS id", LH_ERROR_DATA,
               "two columns of the name \"id\" (columns 1 and 3)", "AS \"id_2\"");
  assert_fails(*state, "SELECT 1 AS id, 2 AS \"ID\"", LH_ERROR_DATA, "\"ID\"", "");
}

static void types_without_a_form_name_column_and_cast(void **state) {
  assert_fails(*state, "SELECT 1 AS a, 1::BIGNUM AS big", LH_ERROR_DATA,
               "column \"big\" is of DuckDB's type BIGNUM", "CAST(… AS VARCHAR) AS \"big\"");
  assert_fails(*state, "SELECT union_value(a := 1) AS u", LH_ERROR_DATA, "UNION", "VARCHAR");
  assert_fails(*state, "SELECT {'x': [1::BIGNUM]} AS s", LH_ERROR_DATA, "column \"s.x\"", "");
  assert_fails(*state, "SELECT ROW(1, 2) AS r", LH_ERROR_DATA, "members that have no names", "name them");
}

static void assert_bad_value(struct fixture *fixture, const char *sql, const char *column, int64_t row,
                             const char *message) {
  assert_fails(fixture, sql, LH_ERROR_DATA, message, "");
  assert_string_equal(fixture->err.column, column);
  assert_int_equal(fixture->err.row, row);
}

static void values_without_a_form_name_column_and_row(void **state) {
  assert_bad_value(*state, "SELECT CASE WHEN i = 5000 THEN DATE 'infinity' END AS d FROM range(9000) t(i)",
                   "d", 5001, "infinite date");
  assert_bad_value(*state, "SELECT CASE WHEN i = 2 THEN TIMESTAMP '-infinity' END AS t FROM range(9) t(i)",
                   "t", 3, "infinite timestamp");
  assert_bad_value(*state,
                   "SELECT i, [CASE WHEN i = 7 THEN TIMESTAMPTZ 'infinity' END] AS l FROM range(9) t(i)", "l",
                   8, "infinite timestamp");
  assert_bad_value(
      *state,
      "SELECT CASE WHEN i > 1 THEN {'a': [NULL, CASE WHEN i = 3000 THEN DATE 'infinity' END]} END AS s "
      "FROM range(4000) t(i)",
      "s.a", 3001, "infinite date");
  assert_bad_value(*state, "SELECT MAP {i: CASE WHEN i = 4 THEN DATE 'infinity' END} AS m FROM range(9) t(i)",
                   "m", 5, "infinite date");
  assert_bad_value(*state, "SELECT [DATE 'infinity', NULL]::DATE[2] AS a FROM range(3)", "a", 1,
                   "infinite date");
  assert_bad_value(*state, "SELECT 100000000000000000000000000000000000000::HUGEINT AS h", "h", 1,
                   "column \"h\" (HUGEINT) holds 100000000000000000000000000000000000000");
  assert_bad_value(*state, "SELECT (-170141183460469231731687303715884105728)::HUGEINT AS h", "h", 1,
                   "-170141183460469231731687303715884105728");
  assert_bad_value(*state, "SELECT 340282366920938463463374607431768211455::UHUGEINT AS h", "h", 1,
                   "340282366920938463463374607431768211455");
}

static void bad_values_under_a_null_do_not_matter(void **state) {
  assert_string_equal(
      query_text(*state,
                 "SELECT CASE WHEN i = 1 THEN {'d': DATE '2024-01-01'} END AS s FROM range(2) "
                 "t(i) ORDER BY i"),
      "[null]\n[{\"d\": \"2024-01-01\"}]\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(errors_are_placed_in_the_sql),
      cmocka_unit_test(unknown_names_come_with_the_nearest_right_one),
      cmocka_unit_test(runtime_errors_are_told_too),
      cmocka_unit_test(only_selects_run),
      cmocka_unit_test(the_network_stays_out_of_reach),
      cmocka_unit_test(duplicate_column_names_are_refused),
      cmocka_unit_test(types_without_a_form_name_column_and_cast),
      cmocka_unit_test(values_without_a_form_name_column_and_row),
      cmocka_unit_test(bad_values_under_a_null_do_not_matter),
  };
  return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
