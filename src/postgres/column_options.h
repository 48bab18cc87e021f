/*
 * Columns under the project's settings: from the types that the source has to fields, decoders and names of
 * the lake. For this module's files only.
 */
#ifndef LH_POSTGRES_COLUMN_OPTIONS_H
#define LH_POSTGRES_COLUMN_OPTIONS_H

#include "postgres/connection_impl.h"
#include "postgres/relation.h"
#include "postgres/types/type_registry.h"

/* The types of the columns' catalog, where they are not built in. */
struct lh_pg_catalog {
  const struct lh_pg_catalog_type *types;
  size_t count;
};

/* Fills relation->schema, and of each column decoder, expression and what else depends on `options`. Columns
 * with the policy LH_NUMERIC_PROBE cost one query over `from_sql` for all of them, unless options->no_probe.
 */
lh_status lh_pg_resolve_columns(struct lh_pg_connection *connection, struct lh_pg_relation *relation,
                                const char *from_sql, const struct lh_pg_catalog *catalog,
                                const struct lh_pg_select_options *options, struct lh_arena *arena,
                                struct lh_error *err) LH_WARN_UNUSED;

#endif
