/* Which tables a SELECT reads, by its text alone. */
#include <string.h>

#include "engine_support.h"

struct example {
  const char *sql;
  const char *names; /* "a, b" */
};

static const char *names_of(struct fixture *fixture, const char *sql) {
  struct lh_engine_names names;
  assert_ok(fixture,
            lh_engine_referenced_tables(fixture->engine, sql, &fixture->arena, &names, &fixture->err));
  const char *text = "";
  for (size_t i = 0; i < names.count; i++) {
    text = lh_arena_printf(&fixture->arena, "%s%s%s", text, i > 0 ? ", " : "", names.names[i]);
  }
  return text;
}

static void check(void **state, const struct example *examples, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const char *const names = names_of(*state, examples[i].sql);
    if (strcmp(names, examples[i].names) != 0) {
      fail_msg("%s\n  reads \"%s\", not \"%s\"", examples[i].sql, names, examples[i].names);
    }
  }
}

#define CHECK(examples) check(state, examples, sizeof(examples) / sizeof((examples)[0]))

static void finds_tables_wherever_they_stand(void **state) {
  static const struct example examples[] = {
      {"SELECT 1", ""},
      {"SELECT * FROM orders", "orders"},
      {"FROM orders", "orders"},
      {"TABLE orders", "orders"},
      {"SELECT * FROM b, a, b", "b, a"},
      {"SELECT * FROM a JOIN b USING (id) LEFT JOIN c ON a.x = c.x", "a, b, c"},
      {"SELECT * FROM a CROSS JOIN b NATURAL JOIN c", "a, b, c"},
      {"SELECT * FROM a ASOF JOIN b ON a.t >= b.t", "a, b"},
      {"SELECT * FROM a POSITIONAL JOIN b", "a, b"},
      {"SELECT * FROM (SELECT * FROM a) AS s", "a"},
      {"SELECT * FROM a AS x JOIN LATERAL (SELECT * FROM b WHERE b.i = x.i) y ON true", "a, b"},
      {"SELECT (SELECT max(x) FROM b) FROM a", "b, a"},
      {"SELECT * FROM a WHERE EXISTS (SELECT 1 FROM b) AND x IN (SELECT y FROM c) AND z > ALL (SELECT w FROM "
       "d)",
       "a, b, c, d"},
      {"SELECT * FROM a WHERE x NOT IN (SELECT y FROM b)", "a, b"},
      {"SELECT count(*) FROM a GROUP BY (SELECT 1 FROM b) HAVING count(*) > (SELECT 2 FROM c)", "a, b, c"},
      {"SELECT * FROM a ORDER BY (SELECT max(x) FROM b) LIMIT (SELECT y FROM c)", "a, b, c"},
      {"SELECT * FROM a QUALIFY row_number() OVER (ORDER BY (SELECT x FROM b)) = 1", "a, b"},
      {"SELECT sum(x) FILTER (WHERE x > (SELECT m FROM b)) FROM a", "b, a"},
      {"SELECT CASE WHEN x THEN (SELECT 1 FROM b) ELSE (SELECT 2 FROM c) END FROM a", "b, c, a"},
      {"SELECT * FROM a UNION ALL SELECT * FROM b EXCEPT (SELECT * FROM c INTERSECT SELECT * FROM d)",
       "a, b, c, d"},
      {"SELECT ARRAY(SELECT x FROM a), list_transform([1], i -> (SELECT i FROM b))", "a, b"},
      {"VALUES ((SELECT 1 FROM a), 2)", "a"},
      {"PIVOT a ON x IN ('p', 'q') USING sum(y)", "a"},
      {"UNPIVOT a ON x, y INTO NAME n VALUE v", "a"},
      {"SELECT * FROM a TABLESAMPLE 10%", "a"},
      {"DESCRIBE a", "a"},
      {"SUMMARIZE SELECT * FROM a", "a"},
  };
  CHECK(examples);
}

static void leaves_out_what_is_no_table(void **state) {
  static const struct example examples[] = {
      {"SELECT * FROM range(10) r", ""},
      {"SELECT * FROM orders o, unnest(o.items) i", "orders"},
      {"SELECT * FROM read_parquet('x.parquet')", ""},
      {"SELECT * FROM 'data/x.parquet' JOIN 'y.csv.gz' USING (id) JOIN z USING (id)", "z"},
      {"SELECT * FROM (VALUES (1), (2)) v(x)", ""},
      {"SELECT a.x FROM b AS a", "b"},
      {"SELECT * FROM information_schema.tables, pg_catalog.pg_class", ""},
      {"SELECT 'FROM x', \"FROM y\" FROM z -- FROM w\n /* FROM v */", "z"},
  };
  CHECK(examples);
}

static void leaves_out_with_names_only_where_they_are_in_scope(void **state) {
  static const struct example examples[] = {
      {"WITH a AS (SELECT * FROM b) SELECT * FROM a", "b"},
      {"WITH a AS MATERIALIZED (SELECT * FROM b) SELECT * FROM a JOIN c USING (id)", "b, c"},
      {"WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT * FROM b", ""},
      {"WITH b AS (SELECT * FROM a), a AS (SELECT 1) SELECT * FROM b", "a"},
      {"WITH orders AS (SELECT * FROM orders WHERE active) SELECT * FROM orders", "orders"},
      {"SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) s JOIN a ON true", "a"},
      {"WITH a AS (SELECT 1) SELECT * FROM (SELECT * FROM a WHERE EXISTS (SELECT 1 FROM a)) s", ""},
      {"WITH a AS (SELECT 1) SELECT (WITH b AS (SELECT * FROM a) SELECT * FROM b) FROM b", "b"},
      {"WITH a AS (WITH b AS (SELECT * FROM t) SELECT * FROM b) SELECT * FROM a, b", "t, b"},
      {"WITH a AS (SELECT 1) SELECT * FROM s.a", "s.a"},
      {"WITH A AS (SELECT 1) SELECT * FROM a", ""},
      {"WITH a AS (SELECT 1) SELECT * FROM a UNION SELECT * FROM a UNION SELECT * FROM b", "b"},
      {"WITH a AS (SELECT * FROM a), b AS (SELECT * FROM a) SELECT * FROM b", "a"},
      {"WITH RECURSIVE t AS (SELECT id FROM roots UNION ALL SELECT e.id FROM t JOIN edges e ON e.parent = "
       "t.id) "
       "SELECT * FROM t",
       "roots, edges"},
      {"WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 9), u AS (SELECT * FROM t) "
       "SELECT * FROM u JOIN v USING (n)",
       "v"},
  };
  CHECK(examples);
}

static void names_are_folded_and_given_once(void **state) {
  static const struct example examples[] = {
      {"SELECT * FROM Orders JOIN ORDERS o USING (id) JOIN \"orders\" p USING (id)", "orders"},
      {"SELECT * FROM main.orders", "orders"},
      {"SELECT * FROM memory.main.orders", "orders"},
      {"SELECT * FROM sales.orders, other.sales.orders", "sales.orders, other.sales.orders"},
      {"SELECT * FROM \"odd name\", \"a.b\", größe", "odd name, a.b, größe"},
  };
  CHECK(examples);
}

static void survives_numbers_that_json_has_no_form_for(void **state) {
  static const struct example examples[] = {
      {"SELECT 1e400, 18446744073709551615, 340282366920938463463374607431768211455, 1.5e-300 FROM a", "a"},
      {"SELECT '\"value\":Infinity', chr(0), 'é', '\\', E'\\x01' FROM a", "a"},
  };
  CHECK(examples);
}

static void refuse(struct fixture *fixture, const char *sql, const char *message) {
  struct lh_engine_names names;
  const lh_status status =
      lh_engine_referenced_tables(fixture->engine, sql, &fixture->arena, &names, &fixture->err);
  if (status != LH_ERROR_QUERY || strstr(fixture->err.message, message) == NULL) {
    fail_msg("%s: ends as \"%s\" with \"%s\", not with \"%s\"", sql, lh_status_name(status),
             status == LH_OK ? "" : fixture->err.message, message);
  }
}

static void syntax_errors_name_line_and_column(void **state) {
  refuse(*state, "SELEC 1", "line 1, column 1: syntax error at or near \"SELEC\"");
  refuse(*state, "SELECT *\nFROM a\nWHERE", "syntax error at end of input");
  refuse(*state, "SELECT 1,\n  'ééé' 5 FROM a", "line 2, column 9: syntax error at or near \"5\"");
  refuse(*state, "SELECT\n 'open", "line 2, column 2: unterminated quoted string");
}

static void refuses_what_is_not_one_select(void **state) {
  refuse(*state, "", "the SQL is empty");
  refuse(*state, " -- nothing\n ;; ", "the SQL is empty");
  refuse(*state, "SELECT 1; SELECT 2", "2 statements");
  refuse(*state, "INSERT INTO a SELECT 1", "not a SELECT");
  refuse(*state, "WITH x AS (SELECT 1) INSERT INTO a SELECT * FROM x", "not a SELECT");
  refuse(*state, "CREATE TABLE a AS SELECT 1", "not a SELECT");
  refuse(*state, "COPY (SELECT 1) TO 'x.csv'", "not a SELECT");
  refuse(*state, "DROP TABLE a", "not a SELECT");
  refuse(*state, "SET threads = 1", "not a SELECT");
  refuse(*state, "ATTACH 'x.db'", "not a SELECT");
  refuse(*state, "INSTALL httpfs", "not a SELECT");
}

static void a_trailing_semicolon_is_fine(void **state) {
  assert_string_equal(names_of(*state, "SELECT * FROM a;"), "a");
  assert_string_equal(names_of(*state, "SELECT * FROM a; -- the end\n;"), "a");
}

static void deep_nesting_is_an_error_and_no_crash(void **state) {
  struct fixture *const fixture = *state;
  struct lh_buf sql;
  lh_buf_init(&sql, 1 << 20);
  assert_ok(fixture, lh_buf_append_str(&sql, "SELECT * FROM a WHERE ", &fixture->err));
  for (int i = 0; i < 20000; i++) {
    assert_ok(fixture, lh_buf_append_str(&sql, "NOT (x + ", &fixture->err));
  }
  const char *text = NULL;
  assert_ok(fixture, lh_buf_cstr(&sql, &text, &fixture->err));
  struct lh_engine_names names;
  assert_int_equal(lh_engine_referenced_tables(fixture->engine, text, &fixture->arena, &names, &fixture->err),
                   LH_ERROR_QUERY);
  lh_buf_reset(&sql);
  for (int i = 0; i < 150; i++) {
    assert_ok(fixture, lh_buf_append_str(&sql, "SELECT * FROM (", &fixture->err));
  }
  assert_ok(fixture, lh_buf_append_str(&sql, "SELECT * FROM deep", &fixture->err));
  for (int i = 0; i < 150; i++) {
    assert_ok(fixture, lh_buf_append_str(&sql, ") s", &fixture->err));
  }
  assert_ok(fixture, lh_buf_cstr(&sql, &text, &fixture->err));
  assert_string_equal(names_of(fixture, text), "deep");
  lh_buf_clear(&sql);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_tables_wherever_they_stand),
      cmocka_unit_test(leaves_out_what_is_no_table),
      cmocka_unit_test(leaves_out_with_names_only_where_they_are_in_scope),
      cmocka_unit_test(names_are_folded_and_given_once),
      cmocka_unit_test(survives_numbers_that_json_has_no_form_for),
      cmocka_unit_test(syntax_errors_name_line_and_column),
      cmocka_unit_test(refuses_what_is_not_one_select),
      cmocka_unit_test(a_trailing_semicolon_is_fine),
      cmocka_unit_test(deep_nesting_is_an_error_and_no_crash),
  };
  return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
