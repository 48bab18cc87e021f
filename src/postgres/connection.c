/* Connections: sessions whose settings make what the server sends unambiguous, read-only transactions on one
 * snapshot, and small queries. */
#include "postgres/connection.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "postgres/connection_impl.h"
#include "postgres/server_version.h"
#include "postgres/source_uri.h"

#define CONNECT_TIMEOUT_SECONDS "10"
#define CANCEL_MESSAGE_BYTES 256

/* Whatever the role's or the database's defaults are. Exports take as long as they take, and the transaction
 * that holds the snapshot only waits: no timeout may end them. */
static const char session_settings[] =
    "SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC'; SET extra_float_digits = "
    "3; "
    "SET bytea_output = 'hex'; SET row_security = off; SET standard_conforming_strings = on; "
    "SET idle_in_transaction_session_timeout = 0";

/* A search_path that names pg_catalog behind a schema of the user's lets that one's functions, operators and
 * types take the place of the server's. Where it does not name it at all, the server has it in front already.
 */
static const char catalog_first_sql[] =
    "SELECT pg_catalog.set_config('search_path', pg_catalog.concat_ws(', ', 'pg_catalog', "
    "NULLIF(pg_catalog.current_setting('search_path'), '')), false)";

/* libpq's default prints notices to stderr. */
static void ignore_notice(void *context, const PGresult *notice) {
  (void)context;
  (void)notice;
}

static bool is_given(const PQconninfoOption *options, const char *keyword) {
  for (; options->keyword != NULL; options++) {
    if (strcmp(options->keyword, keyword) == 0) {
      return options->val != NULL;
    }
  }
  return false;
}

/* `dbname` is expanded as a URI or conninfo string: what stands before it are defaults, what stands after it
 * wins. */
static PGconn *open_session(const char *uri, const struct lh_pg_session *session) {
  const char *keywords[5] = {"fallback_application_name"};
  const char *values[5] = {session->application_name != NULL ? session->application_name : "lakehaul"};
  size_t count = 1;
  PQconninfoOption *const given = PQconninfoParse(uri, NULL);
  if (given == NULL) {
    return NULL;
  }
  if (!is_given(given, "connect_timeout") && getenv("PGCONNECT_TIMEOUT") == NULL) {
    keywords[count] = "connect_timeout";
    values[count++] = CONNECT_TIMEOUT_SECONDS;
  }
  PQconninfoFree(given);
  keywords[count] = "dbname";
  values[count++] = uri;
  keywords[count] = "client_encoding";
  values[count++] = "UTF8";
  return PQconnectdbParams(keywords, values, 1);
}

static lh_status check_version(const PGconn *pg, struct lh_error *err) {
  const int version = PQserverVersion(pg);
  const char *const name = PQparameterStatus(pg, "server_version");
  if (lh_pg_is_too_old(version)) {
    lh_error_set(err, LH_ERROR_SOURCE,
                 "the server is PostgreSQL %s; " LH_PG_OLDEST_NAME " is the oldest that can be read",
                 name != NULL ? name : "of an unknown version");
    lh_error_hint(err, "upgrade the server, or read from a replica of a newer version");
    return LH_ERROR_SOURCE;
  }
  if (lh_pg_is_unknown(version)) {
    lh_log(LH_LOG_DEBUG, "the server is PostgreSQL %s, newer than this version of lakehaul knows",
           name != NULL ? name : "of an unknown version");
  }
  return LH_OK;
}

static lh_status set_timeouts(struct lh_pg_connection *connection, const struct lh_pg_session *session,
                              struct lh_error *err) {
  char sql[128];
  snprintf(sql, sizeof(sql), "SET statement_timeout = %" PRId64 "; SET lock_timeout = %" PRId64,
           session->statement_timeout_ms, session->lock_timeout_ms);
  return lh_pg_execute_script(connection, sql, err);
}

static lh_status set_up_session(struct lh_pg_connection *connection, const struct lh_pg_session *session,
                                struct lh_error *err) {
  PQsetNoticeReceiver(connection->pg, ignore_notice, NULL);
  /* For the SQLSTATE in the last words of a server that closes the connection: server_error.c. */
  PQsetErrorVerbosity(connection->pg, PQERRORS_VERBOSE);
  LH_TRY(check_version(connection->pg, err));
  LH_TRY(set_timeouts(connection, session, err));
  LH_TRY(lh_pg_execute_script(connection, session_settings, err));
  LH_TRY(lh_pg_execute_script(connection, catalog_first_sql, err));
  if (lh_pg_has_transaction_timeout(PQserverVersion(connection->pg))) {
    LH_TRY(lh_pg_execute_script(connection, "SET transaction_timeout = 0", err));
  }
  const char *const encoding = PQparameterStatus(connection->pg, "server_encoding");
  connection->unsafe_text = encoding != NULL && strcmp(encoding, "SQL_ASCII") == 0;
  if (connection->unsafe_text) {
    /* With UTF8 the server itself would refuse wrong bytes, and name neither column nor row. */
    LH_TRY(lh_pg_execute_script(connection, "SET client_encoding = 'SQL_ASCII'", err));
  }
  connection->cancel = PQgetCancel(connection->pg);
  return connection->cancel != NULL ? LH_OK : lh_error_memory(err);
}

lh_status lh_pg_connect(const char *uri, struct lh_pg_connection **out, struct lh_error *err) {
  return lh_pg_connect_session(uri, NULL, out, err);
}

lh_status lh_pg_connect_session(const char *uri, const struct lh_pg_session *session,
                                struct lh_pg_connection **out, struct lh_error *err) {
  static const struct lh_pg_session unlimited = {0};
  if (session == NULL) {
    session = &unlimited;
  }
  LH_TRY(lh_pg_check_source(uri, err));
  struct lh_pg_connection *const connection = calloc(1, sizeof(*connection));
  if (connection == NULL) {
    return lh_error_memory(err);
  }
  connection->pg = open_session(uri, session);
  lh_status status;
  if (connection->pg == NULL) {
    status = lh_error_memory(err);
  } else if (PQstatus(connection->pg) != CONNECTION_OK) {
    status = lh_pg_connect_error(connection->pg, err);
  } else {
    status = set_up_session(connection, session, err);
  }
  if (status != LH_OK) {
    lh_pg_disconnect(connection);
    return status;
  }
  *out = connection;
  return LH_OK;
}

void lh_pg_disconnect(struct lh_pg_connection *connection) {
  if (connection != NULL) {
    PQfreeCancel(connection->cancel);
    PQfinish(connection->pg);
    free(connection);
  }
}

int lh_pg_server_version(const struct lh_pg_connection *connection) {
  return PQserverVersion(connection->pg);
}

lh_status lh_pg_execute(struct lh_pg_connection *connection, const char *sql, const char *const *params,
                        size_t param_count, ExecStatusType expected, PGresult **out, struct lh_error *err) {
  PGresult *const result = PQexecParams(connection->pg, sql, (int)param_count, NULL, params, NULL, NULL, 0);
  const ExecStatusType found = PQresultStatus(result);
  if (found == expected) {
    *out = result;
    return LH_OK;
  }
  lh_status status;
  if (found == PGRES_COMMAND_OK || found == PGRES_TUPLES_OK || found == PGRES_COPY_OUT ||
      found == PGRES_COPY_IN || found == PGRES_COPY_BOTH || found == PGRES_EMPTY_QUERY) {
    status = lh_error_set(err, LH_ERROR_INTERNAL, "a statement gave %s, not %s", PQresStatus(found),
                          PQresStatus(expected));
  } else {
    status = lh_pg_result_error(connection, result, NULL, err);
  }
  PQclear(result);
  return status;
}

lh_status lh_pg_execute_script(struct lh_pg_connection *connection, const char *sql, struct lh_error *err) {
  PGresult *const result = PQexec(connection->pg, sql);
  const ExecStatusType found = PQresultStatus(result);
  const lh_status status = found == PGRES_COMMAND_OK || found == PGRES_TUPLES_OK
                               ? LH_OK
                               : lh_pg_result_error(connection, result, NULL, err);
  PQclear(result);
  return status;
}

static lh_status copy_rows(const PGresult *result, struct lh_arena *arena, struct lh_pg_rows *out,
                           struct lh_error *err) {
  out->row_count = (size_t)PQntuples(result);
  out->column_count = (size_t)PQnfields(result);
  const char **const values = LH_ARENA_ARRAY(arena, const char *, out->row_count * out->column_count + 1);
  if (values == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < out->row_count * out->column_count; i++) {
    const int row = (int)(i / out->column_count);
    const int column = (int)(i % out->column_count);
    if (PQgetisnull(result, row, column)) {
      continue;
    }
    values[i] =
        lh_arena_strndup(arena, PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column));
    if (values[i] == NULL) {
      return lh_error_memory(err);
    }
  }
  out->values = values;
  return LH_OK;
}

lh_status lh_pg_query(struct lh_pg_connection *connection, const char *sql, const char *const *params,
                      size_t param_count, struct lh_arena *arena, struct lh_pg_rows *out,
                      struct lh_error *err) {
  *out = (struct lh_pg_rows){0};
  PGresult *const result = PQexecParams(connection->pg, sql, (int)param_count, NULL, params, NULL, NULL, 0);
  const ExecStatusType found = PQresultStatus(result);
  lh_status status = LH_OK;
  if (found == PGRES_TUPLES_OK) {
    status = copy_rows(result, arena, out, err);
  } else if (found != PGRES_COMMAND_OK) {
    status = lh_pg_result_error(connection, result, sql, err);
  }
  PQclear(result);
  return status;
}

/* A transaction that is still open would keep its old snapshot. */
static lh_status end_transaction(struct lh_pg_connection *connection, struct lh_error *err) {
  return PQtransactionStatus(connection->pg) == PQTRANS_IDLE
             ? LH_OK
             : lh_pg_execute_script(connection, "ROLLBACK", err);
}

/* Functions that a role may be denied: the position is a record only, so that an export does without. It is
 * asked for before the snapshot is taken: replaying changes from there on misses none. */
static lh_status read_lsn(struct lh_pg_connection *connection, char out[32], struct lh_error *err) {
  static const char sql[] =
      "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END";
  PGresult *result = NULL;
  struct lh_error refused;
  out[0] = '\0';
  const lh_status status = lh_pg_execute(connection, sql, NULL, 0, PGRES_TUPLES_OK, &result, &refused);
  if (status != LH_OK && PQstatus(connection->pg) == CONNECTION_OK) {
    return LH_OK;
  }
  if (status != LH_OK) {
    *err = refused;
    return status;
  }
  snprintf(out, 32, "%s", PQgetvalue(result, 0, 0));
  PQclear(result);
  return LH_OK;
}

lh_status lh_pg_export_snapshot(struct lh_pg_connection *connection, struct lh_pg_snapshot *out,
                                struct lh_error *err) {
  static const char sql[] =
      "SELECT pg_export_snapshot(), "
      "to_char(transaction_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";
  PGresult *result = NULL;
  LH_TRY(end_transaction(connection, err));
  LH_TRY(read_lsn(connection, out->lsn, err));
  LH_TRY(lh_pg_begin_read(connection, NULL, err));
  if (lh_pg_execute(connection, sql, NULL, 0, PGRES_TUPLES_OK, &result, err) != LH_OK) {
    return lh_error_prefix(err, "exporting the snapshot");
  }
  snprintf(out->id, sizeof(out->id), "%s", PQgetvalue(result, 0, 0));
  snprintf(out->time, sizeof(out->time), "%s", PQgetvalue(result, 0, 1));
  PQclear(result);
  return LH_OK;
}

lh_status lh_pg_share_snapshot(struct lh_pg_connection *connection, char id[64], struct lh_error *err) {
  PGresult *result = NULL;
  if (lh_pg_execute(connection, "SELECT pg_export_snapshot()", NULL, 0, PGRES_TUPLES_OK, &result, err) !=
      LH_OK) {
    return lh_error_prefix(err, "exporting the snapshot");
  }
  snprintf(id, 64, "%s", PQgetvalue(result, 0, 0));
  PQclear(result);
  return LH_OK;
}

static lh_status import_snapshot(struct lh_pg_connection *connection, const char *snapshot_id,
                                 struct lh_error *err) {
  char sql[192];
  const size_t length = strlen(snapshot_id);
  if (length == 0 || length >= 64 || strspn(snapshot_id, "0123456789abcdefABCDEF-") != length) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "\"%.64s\" is not the name of a snapshot", snapshot_id);
  }
  snprintf(sql, sizeof(sql), "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '%s'",
           snapshot_id);
  const lh_status status = lh_pg_execute_script(connection, sql, err);
  if (status == LH_OK || PQstatus(connection->pg) != CONNECTION_OK) {
    return status;
  }
  struct lh_error ignored;
  (void)!lh_pg_execute_script(connection, "ROLLBACK", &ignored);
  if (err->code == LH_ERROR_QUERY || err->code == LH_ERROR_DATA) {
    err->code = LH_ERROR_SOURCE;
    lh_error_prefix(err, "taking the run's snapshot %s", snapshot_id);
    lh_error_hint(err,
                  "it lives as long as the connection that exported it, and only on that server: run again");
  }
  return err->code;
}

lh_status lh_pg_begin_read(struct lh_pg_connection *connection, const char *snapshot_id,
                           struct lh_error *err) {
  LH_TRY(end_transaction(connection, err));
  if (snapshot_id != NULL) {
    return import_snapshot(connection, snapshot_id, err);
  }
  return lh_pg_execute_script(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err);
}

void lh_pg_cancel(struct lh_pg_connection *connection) {
  char ignored[CANCEL_MESSAGE_BYTES];
  atomic_store(&connection->cancelled, true);
  PQcancel(connection->cancel, ignored, sizeof(ignored));
}
