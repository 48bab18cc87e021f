/*
 * What the engine's tests share: an engine per test, and results as text.
 */
#ifndef LH_TEST_ENGINE_SUPPORT_H
#define LH_TEST_ENGINE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "engine/duckdb.h"

struct fixture {
  struct lh_engine *engine;
  struct lh_arena arena;
  struct lh_buf text; /* of the last query_text() */
  struct lh_error err;
};

/* cmocka set-up and tear-down: an engine of 256 MiB and two threads in `*state`. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Fails the test with the error's text. */
void assert_ok(struct fixture *fixture, lh_status status);

/* Every row as "[value, value]\n" of JSON literals. Fails the test on an error. */
const char *query_text(struct fixture *fixture, const char *sql);

/* Runs the query to its end and returns how it ended; the error is in the fixture. */
lh_status query_status(struct fixture *fixture, const char *sql);

/* Asserts that the query fails with that status and with these texts in message and hint. */
void assert_fails(struct fixture *fixture, const char *sql, lh_status status, const char *message,
                  const char *hint);

/* "name type, name type" of the query's result. */
const char *query_types(struct fixture *fixture, const char *sql);

#endif
