/* What the server and libpq say, as our errors: class, SQLSTATE, place in the statement, and what can be
 * done. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "postgres/connection_impl.h"

#define WORDS_MAX 1024
#define STANDBY_HINT                                                                               \
  "a standby ends what is in the way of its replay: raise max_standby_streaming_delay there, set " \
  "hot_standby_feedback, or read from the primary"

/* libpq's texts have several lines, indented: one line, single spaces, no newline at the end. */
static const char *one_line(const char *text, char out[WORDS_MAX]) {
  size_t length = 0;
  for (; *text != '\0' && length + 2 < WORDS_MAX; text++) {
    if (!isspace((unsigned char)*text)) {
      out[length++] = *text;
    } else if (length > 0 && out[length - 1] != ' ') {
      out[length++] = ' ';
    }
  }
  if (*text != '\0') {
    length = lh_utf8_truncate(out, length, length);
  }
  while (length > 0 && out[length - 1] == ' ') {
    length--;
  }
  out[length] = '\0';
  return out;
}

static bool has_class(const char *sqlstate, const char *class) {
  return strncmp(sqlstate, class, 2) == 0;
}

static void set_sqlstate(struct lh_error *err, const char *sqlstate) {
  snprintf(err->sqlstate, sizeof(err->sqlstate), "%s", sqlstate);
}

struct connect_hint {
  const char *words; /* in the server's or libpq's message */
  const char *sqlstate;
  enum lh_error_class error_class;
  const char *hint;
};

/* libpq gives no SQLSTATE for a connection that was never made, only words. */
static const struct connect_hint connect_hints[] = {
    {"password authentication failed", "28P01", LH_ERROR_CLASS_CREDENTIALS,
     "check user and password: in the source, in PGPASSWORD or in ~/.pgpass"},
    {"no password supplied", "28P01", LH_ERROR_CLASS_CREDENTIALS,
     "the server wants a password: give it in the source, in PGPASSWORD or in ~/.pgpass"},
    {"no pg_hba.conf entry", "28000", LH_ERROR_CLASS_CREDENTIALS,
     "the server does not admit this user, database, address or lack of TLS: see its pg_hba.conf, or try "
     "sslmode=require"},
    {"authentication failed", "28000", LH_ERROR_CLASS_CREDENTIALS,
     "check the user in the source, and what the server's pg_hba.conf wants of it"},
    {"role \"", "28000", LH_ERROR_CLASS_CREDENTIALS, "check the user in the source"},
    {"database \"", "3D000", LH_ERROR_CLASS_FATAL,
     "check the database in the source; psql -l lists what there is"},
    {"too many clients", "53300", LH_ERROR_CLASS_RETRYABLE,
     "lower jobs or streams, or raise max_connections on the server"},
    {"remaining connection slots", "53300", LH_ERROR_CLASS_RETRYABLE,
     "lower jobs or streams, or raise max_connections on the server"},
    {"too many connections", "53300", LH_ERROR_CLASS_RETRYABLE,
     "lower jobs or streams, or raise the connection limit of the role or database"},
    {"starting up", "57P03", LH_ERROR_CLASS_RETRYABLE, "the server is starting: try again in a moment"},
    {"shutting down", "57P03", LH_ERROR_CLASS_RETRYABLE, "the server is shutting down: try again later"},
    {"could not translate host name", "", LH_ERROR_CLASS_RETRYABLE, "check the host in the source"},
    {"Connection refused", "", LH_ERROR_CLASS_RETRYABLE,
     "nothing listens there: is PostgreSQL running, and are host and port in the source right?"},
    {"No such file or directory", "", LH_ERROR_CLASS_RETRYABLE,
     "is PostgreSQL running on this machine? For another one, name the host in the source"},
    {"timeout expired", "", LH_ERROR_CLASS_RETRYABLE,
     "no answer: are host and port in the source right, and does a firewall let them through? "
     "connect_timeout=30 "
     "waits longer"},
    {"SSL", "", LH_ERROR_CLASS_FATAL, "check sslmode, sslrootcert and sslcert in the source"},
};

lh_status lh_pg_connect_error(const PGconn *pg, struct lh_error *err) {
  char words[WORDS_MAX];
  one_line(PQerrorMessage(pg), words);
  lh_error_set(err, LH_ERROR_SOURCE, "cannot connect to PostgreSQL: %s", words);
  for (size_t i = 0; i < sizeof(connect_hints) / sizeof(connect_hints[0]); i++) {
    const struct connect_hint *const known = &connect_hints[i];
    if (strstr(words, known->words) != NULL) {
      set_sqlstate(err, known->sqlstate);
      err->error_class = known->error_class;
      lh_error_hint(err, "%s", known->hint);
      return LH_ERROR_SOURCE;
    }
  }
  err->error_class = LH_ERROR_CLASS_RETRYABLE;
  lh_error_hint(err, "check host, port, user and database in the source; is the server running?");
  return LH_ERROR_SOURCE;
}

/* The SQLSTATE in "FATAL:  57P01: terminating connection …", which is the server's last word before it closed
 * the connection; `*said` is what follows it. False where the server said nothing. */
static bool find_last_word(const char *message, char sqlstate[6], const char **said) {
  const char *at = strchr(message, ':');
  if (at == NULL) {
    return false;
  }
  at += 1 + strspn(at + 1, " ");
  if (strspn(at, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 5 || at[5] != ':') {
    return false;
  }
  memcpy(sqlstate, at, 5);
  sqlstate[5] = '\0';
  *said = at + 6 + strspn(at + 6, " ");
  return true;
}

/* Where the server took its leave, libpq has its words but no result that would have its SQLSTATE. */
static lh_status connection_lost(const struct lh_pg_connection *connection, struct lh_error *err) {
  const char *said = PQerrorMessage(connection->pg);
  char sqlstate[6] = "08006";
  char words[WORDS_MAX];
  char line[WORDS_MAX];
  if (find_last_word(said, sqlstate, &said)) {
    snprintf(line, sizeof(line), "%.*s", (int)strcspn(said, "\n"), said);
    said = line;
  }
  one_line(said, words);
  lh_error_set(err, LH_ERROR_SOURCE, "the connection to PostgreSQL was lost: %s",
               words[0] != '\0' ? words : "no reason given");
  err->error_class = LH_ERROR_CLASS_RETRYABLE;
  set_sqlstate(err, sqlstate);
  const char *const is_standby = PQparameterStatus(connection->pg, "in_hot_standby");
  lh_error_hint(err, "%s",
                is_standby != NULL && strcmp(is_standby, "on") == 0
                    ? STANDBY_HINT
                    : "the server's log says why it ended; run again");
  return LH_ERROR_SOURCE;
}

static bool is_server_trouble(const char *sqlstate) {
  /* Connection, resources, operator's intervention, I/O, and serialization (a standby's replay). */
  return has_class(sqlstate, "08") || has_class(sqlstate, "53") || has_class(sqlstate, "57") ||
         has_class(sqlstate, "58") || has_class(sqlstate, "40") || strcmp(sqlstate, "55P03") == 0;
}

static lh_status status_of_sqlstate(const char *sqlstate) {
  if (is_server_trouble(sqlstate) || has_class(sqlstate, "28") || strcmp(sqlstate, "42501") == 0 ||
      has_class(sqlstate, "3D")) {
    return LH_ERROR_SOURCE;
  }
  const bool is_data = strcmp(sqlstate, "42P01") == 0 || strcmp(sqlstate, "42703") == 0 ||
                       strcmp(sqlstate, "22021") == 0 || strcmp(sqlstate, "22P05") == 0 ||
                       has_class(sqlstate, "XX");
  return is_data ? LH_ERROR_DATA : LH_ERROR_QUERY;
}

/* Line and column, from 1, of the character `position` (from 1) of UTF-8 text. */
static void locate(const char *sql, long position, long *line, long *column) {
  *line = 1;
  *column = 1;
  for (long at = 1; *sql != '\0' && at < position; sql++) {
    if (((unsigned char)sql[1] & 0xc0) != 0x80) {
      at++;
    }
    if (*sql == '\n') {
      (*line)++;
      *column = 1;
    } else if (((unsigned char)sql[1] & 0xc0) != 0x80) {
      (*column)++;
    }
  }
}

static const char *field_of(const PGresult *result, int code) {
  const char *const text = PQresultErrorField(result, code);
  return text != NULL ? text : "";
}

static void set_hint(const PGresult *result, const char *sqlstate, struct lh_error *err) {
  const char *const hint = field_of(result, PG_DIAG_MESSAGE_HINT);
  /* Not the message, which is translated. */
  if (strcmp(field_of(result, PG_DIAG_SOURCE_FUNCTION), "check_enable_rls") == 0) {
    lh_error_hint(err,
                  "row-level security would silently leave rows out: use the table's owner or a role with "
                  "BYPASSRLS");
  } else if (strcmp(sqlstate, "42501") == 0) {
    lh_error_hint(err, "the role needs GRANT SELECT ON the table (and GRANT USAGE ON SCHEMA its schema)");
  } else if (strcmp(sqlstate, "40001") == 0) {
    lh_error_hint(err, "%s", STANDBY_HINT);
  } else if (strcmp(sqlstate, "55P03") == 0) {
    lh_error_hint(err,
                  "another session holds a lock, or waits for one: see pg_blocking_pids(); lock_timeout in "
                  "lakehaul.yaml says how long to wait");
  } else if (strcmp(sqlstate, "57014") == 0) {
    lh_error_hint(err, "statement_timeout in lakehaul.yaml says how long a statement may take");
  } else if (strcmp(sqlstate, "25006") == 0) {
    lh_error_hint(err, "lakehaul reads in a read-only transaction");
  } else if (hint[0] != '\0') {
    char words[WORDS_MAX];
    lh_error_hint(err, "%s", one_line(hint, words));
  } else if (strcmp(sqlstate, "42P01") == 0) {
    lh_error_hint(err, "a name without a schema is looked up in search_path");
  } else if (is_server_trouble(sqlstate)) {
    lh_error_hint(err, "the server's log says more; run again");
  }
}

static lh_status cancelled(const char *words, struct lh_error *err) {
  lh_error_set(err, LH_ERROR_INTERRUPTED, "stopped: %s", words);
  set_sqlstate(err, "57014");
  return LH_ERROR_INTERRUPTED;
}

lh_status lh_pg_result_error(const struct lh_pg_connection *connection, const PGresult *result,
                             const char *sql, struct lh_error *err) {
  const char *const sqlstate = field_of(result, PG_DIAG_SQLSTATE);
  char words[WORDS_MAX];
  one_line(field_of(result, PG_DIAG_MESSAGE_PRIMARY), words);
  if (strcmp(sqlstate, "57014") == 0 && atomic_load(&connection->cancelled)) {
    return cancelled(words, err);
  }
  if (sqlstate[0] == '\0' || words[0] == '\0') {
    return connection_lost(connection, err);
  }
  const lh_status status = status_of_sqlstate(sqlstate);
  const long position = strtol(field_of(result, PG_DIAG_STATEMENT_POSITION), NULL, 10);
  if (sql != NULL && position > 0) {
    long line = 0;
    long column = 0;
    locate(sql, position, &line, &column);
    lh_error_set(err, status, "line %ld, column %ld: %s", line, column, words);
  } else {
    lh_error_set(err, status, "%s", words);
  }
  set_sqlstate(err, sqlstate);
  if (has_class(sqlstate, "28")) {
    err->error_class = LH_ERROR_CLASS_CREDENTIALS;
  } else if (is_server_trouble(sqlstate)) {
    err->error_class = LH_ERROR_CLASS_RETRYABLE;
  }
  set_hint(result, sqlstate, err);
  return status;
}
