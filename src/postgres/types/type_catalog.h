/*
 * The catalog's rows of types and of all that they are made of. For this module's files only.
 */
#ifndef LH_POSTGRES_TYPE_CATALOG_H
#define LH_POSTGRES_TYPE_CATALOG_H

#include "postgres/connection_impl.h"
#include "postgres/types/type_registry.h"

/* `oids` is an array as text, "{50001,50002}". */
lh_status lh_pg_load_types(struct lh_pg_connection *connection, const char *oids, struct lh_arena *arena,
                           struct lh_pg_catalog_type **out, size_t *count,
                           struct lh_error *err) LH_WARN_UNUSED;

#endif
