/*
 * Inside of a connection, for this module's files only: libpq's handle and the mapping of its errors.
 */
#ifndef LH_POSTGRES_CONNECTION_IMPL_H
#define LH_POSTGRES_CONNECTION_IMPL_H

#include <libpq-fe.h>
#include <stdatomic.h>
#include <stddef.h>

#include "lakehaul/error.h"
#include "postgres/connection.h"

struct lh_pg_connection {
  PGconn *pg;       /* the connection's thread */
  PGcancel *cancel; /* constant; any thread */
  atomic_bool cancelled;
  bool unsafe_text; /* constant: SQL_ASCII, texts are whatever bytes were stored */
  bool has_room;    /* the connection's thread: libpq's buffer has been made large, copy_source.h */
};

/* One statement, parameters as text. A result of the kind `expected` is handed over (PQclear is the
 * caller's); anything else becomes the error, prefixed with nothing. */
lh_status lh_pg_execute(struct lh_pg_connection *connection, const char *sql, const char *const *params,
                        size_t param_count, ExecStatusType expected, PGresult **out,
                        struct lh_error *err) LH_WARN_UNUSED;
/* Statements separated by semicolons, no result wanted. */
lh_status lh_pg_execute_script(struct lh_pg_connection *connection, const char *sql,
                               struct lh_error *err) LH_WARN_UNUSED;

/* server_error.c: the error of a failed result, or of the connection when there is none. `sql`, where not
 * NULL, is the statement that the server's position points into. */
lh_status lh_pg_result_error(const struct lh_pg_connection *connection, const PGresult *result,
                             const char *sql, struct lh_error *err);
/* The error of a connection that could not be made. */
lh_status lh_pg_connect_error(const PGconn *pg, struct lh_error *err);

#endif
