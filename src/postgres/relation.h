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
#include "column/policy.h"
#include "column/schema.h"
#include "lakehaul/error.h"
#include "postgres/connection.h"

struct lh_pg_decoder; /* decode.h */
struct lh_pg_replaced;

struct lh_pg_column {
  const char *name;
  const char *type_name; /* format_type(): "numeric(12,2)", "timestamp with time zone" */
  uint32_t type_oid;     /* of what is read: as declared, or of `expression` */
  int32_t typmod;
  bool not_null;
  bool text_fallback; /* carried as its text form for want of a better one: report it */
  const struct lh_pg_decoder *decoder;
  const char *expression; /* SQL that is read in the column's place: a cast or a mask; NULL: the column */
  enum lh_mask mask;
  struct lh_pg_replaced *replaced; /* decode.h; grows while rows are read; NULL where none can be */
  const char *warning;             /* to be reported; NULL for none */
};

struct lh_pg_relation {
  const char *name; /* "public.orders", or "query" */
  struct lh_pg_column *columns;
  size_t column_count;
  struct lh_schema schema; /* one field a column, in order, under the names of the lake */
  char kind;               /* pg_class.relkind; 0 of a query */
  const char
      *columns_sql;     /* "SELECT id, total::text": the columns explicit, quoted, cast where they must be */
  const char *from_sql; /* what follows FROM, a condition included */
  const char *where;    /* that condition alone; NULL for none */
  int64_t limit;        /* rows; -1: all */
  bool plan_is_selective; /* as the server plans it, an index or what partitions hold answers the condition */
  const char *comment;    /* COMMENT ON the table; NULL where there is none */
  const char *const
      *primary_key; /* names of fields, in the key's order; none where a part of it is not read as it is */
  size_t primary_key_count;
  const char *order_sql; /* " ORDER BY …", or "" */
  const struct lh_sorted_field
      *sorted; /* how the rows of select_sql come; none where they come as they lie */
  size_t sorted_count;
  const char *select_sql;    /* the SELECT for COPY (…): columns_sql, from_sql, the order, the limit */
  const char *names_changed; /* "\"Order Id\" → order_id, …": by the names policy; NULL for none */
  int64_t estimated_rows;    /* -1 where unknown */
  int64_t estimated_bytes;   /* heap bytes of a table; -1 where unknown */
};

struct lh_pg_select_options {
  const char *const *include; /* only these columns, in this order; NULL: all in table order */
  size_t include_count;
  const char *const *exclude;
  size_t exclude_count;
  const struct lh_column_settings *settings; /* of columns that have any of their own */
  size_t settings_count;
  struct lh_column_policy policy; /* of the others */
  enum lh_names names;
  const char *where; /* tables: an SQL condition, or NULL */
  bool no_probe;     /* LH_NUMERIC_PROBE costs nothing and finds nothing: for looking at relations alone */
  int64_t limit;     /* rows; -1: all */
  const struct lh_sort_key *sort_by; /* the server sorts */
  size_t sort_by_count;
};

/* `name` is "schema.table" or "table" (found through search_path); parts are double-quoted where they
 * need it: public."Order Items". LH_ERROR_DATA for an unknown table (hint: the nearest existing name), an
 * unknown include or exclude column or one with settings (hint: the nearest right name), settings that the
 * column's type does not allow, a sort_by column that is not read or has no order in the lake, and when no
 * column is left. LH_ERROR_QUERY for a wrong condition.
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

/* What describing ends with, again, after the transaction that described was lost: the server plans the
 * SELECT, which locks what is read, and a table that was emptied or rewritten since the snapshot is
 * LH_ERROR_DATA. */
lh_status lh_pg_lock_relation(struct lh_pg_connection *connection, struct lh_pg_relation *relation,
                              struct lh_arena *arena, struct lh_error *err) LH_WARN_UNUSED;

/* Leaves those rows that the condition takes, too: SQL of lakehaul's own, over the source's columns. Planned
 * like a described relation. */
lh_status lh_pg_narrow_relation(struct lh_pg_connection *connection, struct lh_pg_relation *relation,
                                const char *condition, struct lh_arena *arena,
                                struct lh_error *err) LH_WARN_UNUSED;

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
