/*
 * What a relation or a query yields: columns, their PostgreSQL types, and how each is carried over.
 *
 * The type registry (type_registry.h) maps a PostgreSQL type to a lh_field and a decoder; a column whose type
 * has no row there is selected in its text form and noted as a fallback.
 */
#ifndef LH_POSTGRES_RELATION_H
#define LH_POSTGRES_RELATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "column/schema.h"
#include "lakehaul/error.h"
#include "postgres/connection.h"

struct lh_pg_decoder; /* decode.h */

struct lh_pg_column {
  const char *name;
  const char *type_name; /* format_type(): "numeric(12,2)", "timestamp with time zone" */
  uint32_t type_oid;     /* of the column as declared */
  int32_t typmod;
  bool not_null;
  bool text_fallback; /* carried as its text form for want of a better one: report it */
  const struct lh_pg_decoder *decoder;
};

struct lh_pg_relation {
  const char *name; /* "public.orders", or "query" */
  struct lh_pg_column *columns;
  size_t column_count;
  struct lh_schema schema; /* one field a column, in order */
  const char *comment;     /* COMMENT ON the table; NULL where there is none */
  const char *const
      *primary_key; /* names of fields, in the key's order; none where a part of it is not read */
  size_t primary_key_count;
  const char *select_sql; /* the SELECT for COPY (…): every column explicit, quoted, cast where it must be */
  int64_t estimated_rows;  /* -1 where unknown */
  int64_t estimated_bytes; /* heap bytes of a table; -1 where unknown */
};

struct lh_pg_select_options {
  const char *const *include; /* only these columns, in this order; NULL: all in table order */
  size_t include_count;
  const char *const *exclude;
  size_t exclude_count;
  int64_t limit; /* rows; -1: all */
};

/* `name` is "schema.table" or "table" (found through search_path); parts are double-quoted where they
 * need it: public."Order Items". LH_ERROR_DATA for an unknown table (hint: the nearest existing name), an
 * unknown include or exclude column (hint: the nearest right name), and when no column is left.
 * LH_ERROR_DATA too where a table was emptied or rewritten after the transaction's snapshot was taken, since
 * the snapshot then does not show its rows; the tables stay locked against that until the transaction ends.
 * Row-level security that applies to this role makes the later COPY fail rather than return fewer rows.
 * Views, partitioned and foreign tables are read through the SELECT like any other. */
lh_status lh_pg_describe_table(struct lh_pg_connection *connection, const char *name,
                               const struct lh_pg_select_options *options, struct lh_arena *arena,
                               struct lh_pg_relation **out, struct lh_error *err) LH_WARN_UNUSED;

/* Any statement that COPY (…) takes; a trailing semicolon is allowed, more than one statement is refused.
 * Duplicate or missing column names are LH_ERROR_DATA naming them. Estimates come from EXPLAIN. */
lh_status lh_pg_describe_query(struct lh_pg_connection *connection, const char *sql,
                               const struct lh_pg_select_options *options, struct lh_arena *arena,
                               struct lh_pg_relation **out, struct lh_error *err) LH_WARN_UNUSED;

/* Every table, partitioned table (not its leaves), view, materialized and foreign table outside the system
 * schemas that the role may read; for `lakehaul init`. */
struct lh_pg_table {
  const char *schema, *name; /* as in pg_class, unquoted */
  const char *qualified;     /* quoted where needed: what lh_pg_describe_table takes */
  char kind;                 /* relkind */
  int64_t estimated_rows;    /* -1 where unknown */
  int64_t bytes;             /* pg_total_relation_size */
};
lh_status lh_pg_list_tables(struct lh_pg_connection *connection, struct lh_arena *arena,
                            struct lh_pg_table **out, size_t *count, struct lh_error *err) LH_WARN_UNUSED;

#endif
