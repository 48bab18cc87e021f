/* Quoted names, and the one statement of a query. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "postgres/sql_text.h"

static int set_up(void **state) {
  static struct lh_arena arena;
  lh_arena_init(&arena, 0);
  *state = &arena;
  return 0;
}

static int tear_down(void **state) {
  lh_arena_clear(*state);
  return 0;
}

static void names_are_quoted_and_their_quotes_doubled(void **state) {
  assert_string_equal(lh_pg_quote_name("id", *state), "\"id\"");
  assert_string_equal(lh_pg_quote_name("Order Items", *state), "\"Order Items\"");
  assert_string_equal(lh_pg_quote_name("a\"b", *state), "\"a\"\"b\"");
  assert_string_equal(lh_pg_quote_name("\"", *state), "\"\"\"\"");
  assert_string_equal(lh_pg_quote_name("", *state), "\"\"");
  assert_string_equal(lh_pg_quote_name("naïve; drop", *state), "\"naïve; drop\"");
}

static void assert_statement(void **state, const char *sql, const char *expected) {
  struct lh_error err;
  const char *found = NULL;
  if (lh_pg_single_statement(sql, *state, &found, &err) != LH_OK) {
    fail_msg("%s: %s", sql, err.message);
  }
  assert_string_equal(found, expected);
}

static void assert_refused(void **state, const char *sql, const char *words) {
  struct lh_error err;
  const char *found = NULL;
  assert_int_equal(lh_pg_single_statement(sql, *state, &found, &err), LH_ERROR_QUERY);
  if (strstr(err.message, words) == NULL) {
    fail_msg("\"%s\" is not in \"%s\"", words, err.message);
  }
}

static void the_last_semicolon_and_what_follows_is_dropped(void **state) {
  assert_statement(state, "select 1", "select 1");
  assert_statement(state, "select 1;", "select 1");
  assert_statement(state, " select 1 ; \n ;; ", "select 1 ");
  assert_statement(state, "select 1; -- the end", "select 1");
  assert_statement(state, "select 1; /* the ; end */", "select 1");
  assert_statement(state, ";; select 1", "select 1");
  assert_statement(state, "/* a; */ -- b;\n select 1", "select 1");
}

static void comments_inside_stay(void **state) {
  assert_statement(state, "select 1 -- one;two", "select 1 -- one;two");
  assert_statement(state, "select /* a; /* nested; */ b; */ 1;", "select /* a; /* nested; */ b; */ 1");
}

static void semicolons_in_quotes_end_nothing(void **state) {
  const char *const statements[] = {
      "select ';'",       "select 'it''s;'",       "select \"a;b\"",     "select \"a\"\";b\"",
      "select E'a\\';b'", "select e'\\\\' || ';'", "select $$a;b$$",     "select $x$a;$$;b$x$",
      "select $x1$;$x1$", "select 'a\\' || ';'",   "select a$b$ from t", "select U&'\\0061;'",
  };
  for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
    assert_statement(state, statements[i], statements[i]);
  }
}

static void two_statements_are_refused(void **state) {
  assert_refused(state, "select 1; select 2", "\"select 2\"");
  assert_refused(state, "select ';'; drop table x;", "\"drop table x;\"");
  assert_refused(state, "select $1; select 2", "\"select 2\"");
  assert_refused(state, "select a$b; select c$d", "\"select c$d\"");
  assert_refused(state, "select 1 -- one\n; select 2", "\"select 2\"");
}

static void nothing_is_no_statement(void **state) {
  assert_refused(state, "", "empty");
  assert_refused(state, " ;; -- x", "empty");
  assert_refused(state, "/* x", "empty");
}

static void what_is_unfinished_ends_with_the_text(void **state) {
  const char *const statements[] = {"select 'a;",    "select \"a;", "select $$a;",
                                    "select 1 /* ;", "select E'\\", "select $x"};
  for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
    assert_statement(state, statements[i], statements[i]);
  }
}

static void conditions_are_taken_as_they_are_and_end_their_line(void **state) {
  const char *const conditions[] = {"id > 7",      "a = ')' OR (b)",   "x /* ( */ = 1 -- (",
                                    "$x$)$x$ = a", "E'\\')' = \"a)\"", " true "};
  for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
    struct lh_error err;
    const char *found = NULL;
    if (lh_pg_condition(conditions[i], *state, &found, &err) != LH_OK) {
      fail_msg("%s: %s", conditions[i], err.message);
    }
    assert_string_equal(found, lh_arena_printf(*state, "%s\n", conditions[i]));
  }
}

static void conditions_cannot_end_what_they_stand_in(void **state) {
  static const struct {
    const char *condition, *message;
  } wrong[] = {
      {"", "the condition is empty"},
      {" -- all", "the condition is empty"},
      {"a) OR (b", "the condition closes a parenthesis that it does not open"},
      {"a)", "the condition closes a parenthesis that it does not open"},
      {"a; b", "the condition holds a semicolon"},
      {"(a", "the condition has a parenthesis, quote or comment that does not end"},
      {"a = 'b", "the condition has a parenthesis, quote or comment that does not end"},
      {"a = \"b", "the condition has a parenthesis, quote or comment that does not end"},
      {"a /* b", "the condition has a parenthesis, quote or comment that does not end"},
      {"a = $x$ b $y$", "the condition has a parenthesis, quote or comment that does not end"},
  };
  for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
    struct lh_error err;
    const char *found = NULL;
    assert_int_equal(lh_pg_condition(wrong[i].condition, *state, &found, &err), LH_ERROR_QUERY);
    assert_string_equal(err.message, wrong[i].message);
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(names_are_quoted_and_their_quotes_doubled),
      TEST(the_last_semicolon_and_what_follows_is_dropped),
      TEST(comments_inside_stay),
      TEST(semicolons_in_quotes_end_nothing),
      TEST(two_statements_are_refused),
      TEST(nothing_is_no_statement),
      TEST(what_is_unfinished_ends_with_the_text),
      TEST(conditions_are_taken_as_they_are_and_end_their_line),
      TEST(conditions_cannot_end_what_they_stand_in),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
