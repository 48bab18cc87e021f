/*
 * SQL as text: quoting names, and taking a user's statement apart far enough to be put into another one.
 */
#ifndef LH_POSTGRES_SQL_TEXT_H
#define LH_POSTGRES_SQL_TEXT_H

#include "base/arena.h"
#include "lakehaul/error.h"

/* "name" in double quotes, inner ones doubled; in `arena`. NULL without memory. */
const char *lh_pg_quote_name(const char *name, struct lh_arena *arena);

/* The one statement of `sql` without its semicolon and what follows it; comments inside stay. LH_ERROR_QUERY
 * when there is none, or more than one. Quotes, dollar quotes and nested comments are read as PostgreSQL does
 * with standard_conforming_strings on. */
lh_status lh_pg_single_statement(const char *sql, struct lh_arena *arena, const char **out,
                                 struct lh_error *err) LH_WARN_UNUSED;

/* An SQL condition as it may stand between parentheses of ours: `sql` with a line break that ends a comment
 * at its end, in `arena`. LH_ERROR_QUERY where it is empty, holds a semicolon, has parentheses of its own
 * that do not match, or a quote or comment that does not end, so that it could end ours. */
lh_status lh_pg_condition(const char *sql, struct lh_arena *arena, const char **out,
                          struct lh_error *err) LH_WARN_UNUSED;

#endif
