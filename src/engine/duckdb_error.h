/*
 * DuckDB's error texts as lh_error. Connections run with errors_as_json, so that kind, message, position and
 * candidates come apart without guessing. Internal to the engine module.
 */
#ifndef LH_ENGINE_DUCKDB_ERROR_H
#define LH_ENGINE_DUCKDB_ERROR_H

#include <stddef.h>

#include "engine/duckdb.h"
#include "lakehaul/error.h"

/* What the failing statement was about; any of it may be NULL or 0. */
struct lh_duckdb_statement {
  const char *sql;           /* positions are turned into line and column of it */
  const char *const *tables; /* tables that exist, for suggestions */
  size_t table_count;
  const struct lh_engine_s3 *s3; /* where objects are; without credentials */
};

/* Fills `err` from DuckDB's `text` (JSON or plain; NULL is allowed) and returns its code: LH_ERROR_MEMORY for
 * an exceeded memory limit, LH_ERROR_INTERRUPTED, LH_ERROR_CORRUPT for a broken file, LH_ERROR_LAKE for I/O
 * and objects, LH_ERROR_INTERNAL for a bug in DuckDB, LH_ERROR_QUERY for the rest. */
lh_status lh_duckdb_error_set(const char *text, const struct lh_duckdb_statement *statement,
                              struct lh_error *err);

/* Line and column (1-based; columns count characters) of an offset in `sql`, which counts bytes or, as the
 * parser does, characters. */
void lh_duckdb_locate(const char *sql, size_t offset, bool offset_in_characters, size_t *line,
                      size_t *column);

#endif
