/*
 * Connections to PostgreSQL: libpq with our errors, read-only transactions and exported snapshots.
 *
 * One thread per connection. Messages never contain a password: where a URI is shown it is scrubbed.
 */
#ifndef LH_POSTGRES_CONNECTION_H
#define LH_POSTGRES_CONNECTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "lakehaul/error.h"

struct lh_pg_connection;

/* How a session behaves towards others. Zeroed: no limits. */
struct lh_pg_session {
  const char *application_name; /* unless the URI has one; NULL: lakehaul */
  int64_t lock_timeout_ms; /* a statement that waits longer for a lock fails with SQLSTATE 55P03; 0: never */
  int64_t statement_timeout_ms; /* 57014; 0: never */
};

/* `uri` is a libpq URI or conninfo string. Sets client_encoding UTF8, application_name lakehaul (unless
 * given), DateStyle ISO, TimeZone UTC, extra_float_digits 3, row_security off, no statement or idle timeout,
 * a connect_timeout of 10 s unless given. Unreachable, refused or wrong password: LH_ERROR_SOURCE, with the
 * server's words, a hint, no secret; so is a server that is older than server_version.h allows. */
lh_status lh_pg_connect(const char *uri, struct lh_pg_connection **out, struct lh_error *err) LH_WARN_UNUSED;
/* The same with the limits of `session`; NULL: none. */
lh_status lh_pg_connect_session(const char *uri, const struct lh_pg_session *session,
                                struct lh_pg_connection **out, struct lh_error *err) LH_WARN_UNUSED;
void lh_pg_disconnect(struct lh_pg_connection *connection);

/* 150004 and the like (PQserverVersion). */
int lh_pg_server_version(const struct lh_pg_connection *connection);

/* The URI with its password replaced by "***", in `arena`; also for conninfo strings. NULL without memory. */
const char *lh_pg_scrub_uri(const char *uri, struct lh_arena *arena);

/* BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; exports the snapshot. Keep the connection open and
 * idle until every importer has begun. */
struct lh_pg_snapshot {
  char id[64];  /* for SET TRANSACTION SNAPSHOT */
  char lsn[32]; /* WAL position read just before, so that replaying from it misses nothing: pg_current_wal_lsn
                   or the replay LSN on a standby; "" where refused */
  char time[40]; /* transaction_timestamp(), ISO 8601 UTC with microseconds: 2026-01-31T12:00:00.123456Z */
};
lh_status lh_pg_export_snapshot(struct lh_pg_connection *connection, struct lh_pg_snapshot *out,
                                struct lh_error *err) LH_WARN_UNUSED;
/* Exports the snapshot of the transaction that is open. */
lh_status lh_pg_share_snapshot(struct lh_pg_connection *connection, char id[64],
                               struct lh_error *err) LH_WARN_UNUSED;
/* Begins the same kind of transaction on another connection on that snapshot; `id` NULL: on a new one. A
 * transaction that is still open is rolled back first, by both. */
lh_status lh_pg_begin_read(struct lh_pg_connection *connection, const char *snapshot_id,
                           struct lh_error *err) LH_WARN_UNUSED;

/* Rows of text values; `rows[i * column_count + j]`, NULL for SQL NULL; all in `arena`. One statement;
 * `params` are bound as text ($1 …). One that yields no rows gives none. */
struct lh_pg_rows {
  size_t row_count, column_count;
  const char *const *values;
};
lh_status lh_pg_query(struct lh_pg_connection *connection, const char *sql, const char *const *params,
                      size_t param_count, struct lh_arena *arena, struct lh_pg_rows *out,
                      struct lh_error *err) LH_WARN_UNUSED;
/* Asks the server to stop what the connection runs, which then fails with LH_ERROR_INTERRUPTED; for
 * signal-driven shutdown from another thread. */
void lh_pg_cancel(struct lh_pg_connection *connection);

#endif
