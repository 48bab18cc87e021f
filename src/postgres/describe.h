/*
 * From the columns that a table or a query has to the relation that is read: selection, types, SELECT,
 * estimates. For this module's files only.
 */
#ifndef LH_POSTGRES_DESCRIBE_H
#define LH_POSTGRES_DESCRIBE_H

#include "postgres/connection_impl.h"
#include "postgres/relation.h"

/* A column before its type is resolved. */
struct lh_pg_found_column {
  const char *name;
  const char *type_name;
  uint32_t type_oid;
  int32_t typmod;
  bool not_null;
  const char *comment; /* NULL where there is none */
  int key_position;    /* in the primary key, from 1; 0: not part of it */
};

/* Chooses among `found`, resolves types, builds relation->select_sql over `from_sql` (what follows FROM) and
 * has the server plan it, which gives estimated_rows, finds missing permissions and row-level security, and
 * locks what is read until the transaction ends. A table that was rewritten since the snapshot is an error.
 * relation->name is set by the caller; all else but estimated_bytes is filled here. */
lh_status lh_pg_build_relation(struct lh_pg_connection *connection, const struct lh_pg_found_column *found,
                               size_t found_count, const char *from_sql,
                               const struct lh_pg_select_options *options, struct lh_arena *arena,
                               struct lh_pg_relation *relation, struct lh_error *err) LH_WARN_UNUSED;

/* Of a relation with resolved columns: fills `sorted`, and leaves " ORDER BY …", or nothing, in `order_sql`.
 */
lh_status lh_pg_sort_relation(struct lh_pg_relation *relation, const struct lh_pg_select_options *options,
                              struct lh_arena *arena, const char **order_sql,
                              struct lh_error *err) LH_WARN_UNUSED;

/* Names a column of the relation in `err`, and as its hint the nearest one there is: "<all>: …" where none is
 * near, nothing where `all` is NULL. */
void lh_pg_error_column(struct lh_error *err, const struct lh_pg_relation *relation, const char *name);
void lh_pg_suggest_column(struct lh_error *err, const struct lh_pg_relation *relation, const char *name,
                          const char *all, struct lh_arena *arena);

/* Makes the hint of a denied permission name what has to be granted. */
lh_status lh_pg_explain_denial(const struct lh_pg_connection *connection, const char *relation_name,
                               struct lh_error *err);

#endif
