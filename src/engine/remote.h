/*
 * Engines elsewhere: statements on Athena or Trino, their results as column batches.
 *
 * A statement is sent, watched until it has a result, and read page by page. Values come as texts and are
 * read into the types of the lake, so that they print as those of the embedded engine do: whole numbers,
 * decimals and times exactly, Trino's arrays, maps and rows as nested values, Athena's as the text it makes
 * of them. What a type of the engine has no form for in the lake is text.
 *
 * Every statement ends: one that is freed before its end, or whose caller was interrupted or out of time, is
 * cancelled on the server. Session state (SET SESSION, USE, PREPARE) ends with the statement that sets it.
 * LH_ERROR_QUERY where the SQL is at fault, with line and column where the engine knows them;
 * LH_ERROR_CATALOG where the service is; LH_ERROR_INTERRUPTED once cancelled. One thread.
 */
#ifndef LH_ENGINE_REMOTE_H
#define LH_ENGINE_REMOTE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/arena.h"
#include "column/batch.h"
#include "lakehaul/error.h"
#include "net/settings.h"

struct lh_remote;

/* `settings` and what they name are borrowed until the engine is freed. `cancelled`, which may be NULL, ends
 * what is waited for once true. Connects to nothing yet. */
lh_status lh_remote_open_trino(const struct lh_trino_settings *settings, const atomic_bool *cancelled,
                               struct lh_remote **out, struct lh_error *err) LH_WARN_UNUSED;
/* The database that names without one are of, and the account. */
struct lh_athena_target {
  const struct lh_athena_settings *settings;
  const struct lh_aws_settings *aws;
  const char *database;
};
/* Looks for where credentials come from. */
lh_status lh_remote_open_athena(const struct lh_athena_target *target, const atomic_bool *cancelled,
                                struct lh_remote **out, struct lh_error *err) LH_WARN_UNUSED;
void lh_remote_free(struct lh_remote *remote);

/* "Trino", "Athena". */
const char *lh_remote_name(const struct lh_remote *remote);

struct lh_remote_statistics {
  const char *query_id; /* "" before the engine gave one */
  uint64_t bytes;       /* read: scanned by Athena, which bills them; input of Trino */
  uint64_t rows;        /* read by Trino; 0 where not known */
  int64_t queued_ms, run_ms;
};

struct lh_remote_statement;

struct lh_remote_sql {
  const char *before; /* a line in front of the text, of which errors do not count the lines; NULL: none */
  const char *text;   /* a semicolon at its end is not sent */
  const char *codec;  /* of files that it writes, where the engine is told apart from the text; NULL: none */
  int64_t timeout_ms; /* from the start until the last row; 0: none */
};

/* Sends the statement and waits until the columns of its result are known. LH_ERROR_DATA for two columns of
 * one name. */
lh_status lh_remote_start(struct lh_remote *remote, const struct lh_remote_sql *sql,
                          struct lh_remote_statement **out, struct lh_error *err) LH_WARN_UNUSED;
/* Lives as long as the statement. Every field is nullable. No fields: it has no result. */
const struct lh_schema *lh_remote_schema(const struct lh_remote_statement *statement);
/* Fills a reset batch of that schema; row_count 0 means the end. After an error only
 * lh_remote_statement_free() is left. */
lh_status lh_remote_fetch(struct lh_remote_statement *statement, struct lh_batch *batch,
                          struct lh_error *err) LH_WARN_UNUSED;
/* As of the last page; final after the end. Lives as long as the statement. */
const struct lh_remote_statistics *lh_remote_statistics(const struct lh_remote_statement *statement);
/* Cancels it where it has not ended. */
void lh_remote_statement_free(struct lh_remote_statement *statement);

/* Runs a statement to its end and forgets its rows. `statistics` may be NULL; its query_id is in `arena`. */
lh_status lh_remote_execute(struct lh_remote *remote, const struct lh_remote_sql *sql, struct lh_arena *arena,
                            struct lh_remote_statistics *statistics, struct lh_error *err) LH_WARN_UNUSED;

/* A table in the engine's catalog, in the schema or database of names without one, over files of its own. */
struct lh_remote_table {
  const char *name;     /* plain: a-z, 0-9 and _ */
  const char *location; /* of its files, a directory's URL without a slash at the end; nothing is there yet */
  const char *codec;    /* "ZSTD", "SNAPPY", "GZIP", "LZ4", "NONE" */
};
/* Makes it of the rows of `sql` (a SELECT; `before` is set here), as Parquet. */
lh_status lh_remote_create_table(struct lh_remote *remote, const struct lh_remote_table *table,
                                 const struct lh_remote_sql *sql, struct lh_arena *arena,
                                 struct lh_remote_statistics *statistics,
                                 struct lh_error *err) LH_WARN_UNUSED;
/* Its columns, as the catalog has them, in `arena`. Every field is nullable. */
lh_status lh_remote_describe_table(struct lh_remote *remote, const char *name, int64_t timeout_ms,
                                   struct lh_arena *arena, struct lh_schema *out,
                                   struct lh_error *err) LH_WARN_UNUSED;
/* Takes it out of the catalog, where it is there; its files stay. */
lh_status lh_remote_drop_table(struct lh_remote *remote, const char *name, int64_t timeout_ms,
                               struct lh_arena *arena, struct lh_error *err) LH_WARN_UNUSED;

/* LH_OK for statements that change nothing: SELECT, WITH, VALUES, TABLE, and, where `also_describes`, SHOW,
 * DESCRIBE and EXPLAIN. Anything else is LH_ERROR_QUERY. */
lh_status lh_remote_check_reads(const char *sql, bool also_describes, struct lh_error *err) LH_WARN_UNUSED;

#endif
