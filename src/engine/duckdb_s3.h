/*
 * DuckDB's httpfs: finding and loading it, its secret, and its errors. Internal to the engine module.
 */
#ifndef LH_ENGINE_DUCKDB_S3_H
#define LH_ENGINE_DUCKDB_S3_H

#include <duckdb.h>

#include "engine/duckdb.h"

/* Loads the extension, sets it up, and leaves it a part of the options' memory; once per database. */
lh_status lh_duckdb_s3_load(duckdb_connection connection, const struct lh_engine_options *options,
                            struct lh_error *err) LH_WARN_UNUSED;

/* Creates or replaces the secret of `s3->scope`, and says where certificates are. */
lh_status lh_duckdb_s3_set_secret(duckdb_connection connection, const struct lh_engine_s3 *s3,
                                  struct lh_error *err) LH_WARN_UNUSED;

/* A copy in `arena` without key and secrets, for lh_duckdb_s3_error. */
lh_status lh_duckdb_s3_copy_place(const struct lh_engine_s3 *s3, struct lh_arena *arena,
                                  struct lh_engine_s3 **out, struct lh_error *err) LH_WARN_UNUSED;

/* Whether DuckDB's `message`, with `http_status` (0: no response), is about an object or a server of objects,
 * and then fills `err`: LH_ERROR_LAKE. `s3` may be NULL. */
bool lh_duckdb_s3_error(const struct lh_engine_s3 *s3, int http_status, const char *message,
                        struct lh_error *err);

#endif
