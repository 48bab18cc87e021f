/*
 * What the drivers of engines elsewhere share. Internal to the engine module.
 */
#ifndef LH_ENGINE_REMOTE_IMPL_H
#define LH_ENGINE_REMOTE_IMPL_H

#include "base/json.h"
#include "engine/remote.h"

/* Nesting of a result's types. */
#define LH_REMOTE_NESTING_MAX 32

/* One kind of engine. A driver's structs begin with the common ones below. */
struct lh_remote_driver {
  const char *name;
  size_t statement_size;
  /* Sends the statement and waits for its columns; sets statement->schema. The statement is zeroed but for
   * the common part, and is cancelled and freed by the caller also after a failure. */
  lh_status (*start)(struct lh_remote_statement *statement, const char *sql, struct lh_error *err);
  lh_status (*fetch)(struct lh_remote_statement *statement, struct lh_batch *batch, struct lh_error *err);
  /* Asks the server to end it, where it has not ended. Takes seconds at most, never fails. */
  void (*cancel)(struct lh_remote_statement *statement);
  void (*clear)(struct lh_remote_statement *statement);
  void (*free)(struct lh_remote *remote);
  /* "CREATE TABLE … AS", one line, and "DROP TABLE …", in `arena`; NULL without memory. */
  const char *(*create_table_sql)(const struct lh_remote *remote, const struct lh_remote_table *table,
                                  struct lh_arena *arena);
  const char *(*drop_table_sql)(const struct lh_remote *remote, const char *name, struct lh_arena *arena);
};

struct lh_remote {
  const struct lh_remote_driver *driver;
  const atomic_bool *cancelled;
  const char *catalog, *schema; /* of names without one; no catalog where it is not to be named */
};

struct lh_remote_statement {
  struct lh_remote *remote;
  struct lh_arena arena;
  struct lh_schema schema;
  struct lh_remote_statistics statistics;
  uint64_t start_ns;
  int64_t timeout_ms; /* 0: none */
  const char *codec;  /* borrowed while the statement starts; NULL: none */
  int lines_before;   /* of what was sent, that errors do not count */
};

/* LH_ERROR_INTERRUPTED once cancelled, LH_ERROR_QUERY once the time is over. */
lh_status lh_remote_check(const struct lh_remote_statement *statement, struct lh_error *err) LH_WARN_UNUSED;
/* Milliseconds left of the timeout, at least 1; 0 where there is none. */
int64_t lh_remote_time_left(const struct lh_remote_statement *statement);
/* A line that the engine has told, as its reader counts. */
int lh_remote_line(const struct lh_remote_statement *statement, int line);
/* Two columns of one name cannot be told apart in JSON and in files. */
lh_status lh_remote_check_names(const struct lh_schema *schema, struct lh_error *err) LH_WARN_UNUSED;

/* The lake's type of a type as the engine writes it: "decimal(12,2)", "timestamp(3) with time zone",
 * "array(row(a integer))". What is not known, or nested without saying of what, is STRING. `nested` false:
 * nested types are STRING. Everything is nullable; the name is the caller's. In `arena`. */
lh_status lh_remote_parse_type(const char *type, bool nested, struct lh_arena *arena, struct lh_field *field,
                               struct lh_error *err) LH_WARN_UNUSED;

/* `text` between quotes, those in it doubled. NULL without memory. */
const char *lh_remote_quote(const char *text, char quote, struct lh_arena *arena);

/* How engines write bytes. */
enum lh_remote_bytes {
  LH_REMOTE_BYTES_BASE64, /* Trino */
  LH_REMOTE_BYTES_HEX,    /* Athena: "68 69" */
};

/* Appends the value that `text` is. LH_ERROR_DATA, naming the text, where it is none of the column's type. */
lh_status lh_remote_append_text(struct lh_column *column, const char *text, size_t size,
                                enum lh_remote_bytes bytes, struct lh_error *err) LH_WARN_UNUSED;

#endif
