/*
 * The tables that a SELECT reads, out of DuckDB's parse tree (json_serialize_sql). Internal to the engine
 * module.
 */
#ifndef LH_ENGINE_SQL_NAMES_H
#define LH_ENGINE_SQL_NAMES_H

#include "engine/duckdb.h"

/* `tree` is what json_serialize_sql() gave for `sql`, of `size` bytes. Errors as
 * lh_engine_referenced_tables(). */
lh_status lh_sql_names_collect(const char *tree, size_t size, const char *sql, struct lh_arena *arena,
                               struct lh_engine_names *out, struct lh_error *err) LH_WARN_UNUSED;

#endif
