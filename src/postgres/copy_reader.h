/*
 * COPY (SELECT …) TO STDOUT (FORMAT binary), decoded into column batches.
 *
 * Wire bytes go straight into the batch: no object per row, no allocation per value. The connection must be
 * inside a transaction and is busy until the reader is freed. One thread. Spec: PostgreSQL documentation,
 * COPY, "Binary Format"; each type's send function.
 */
#ifndef LH_POSTGRES_COPY_READER_H
#define LH_POSTGRES_COPY_READER_H

#include "column/batch.h"
#include "lakehaul/error.h"
#include "postgres/relation.h"

struct lh_copy_reader;

/* `relation` is borrowed until the reader is freed. `select_sql` has its columns: relation->select_sql, or a
 * part of its rows (split.h). */
lh_status lh_copy_reader_open(struct lh_pg_connection *connection, const struct lh_pg_relation *relation,
                              const char *select_sql, struct lh_copy_reader **out,
                              struct lh_error *err) LH_WARN_UNUSED;

/* Fills a reset batch (schema: relation->schema) with up to lh_batch_rows rows or LH_BATCH_BYTES; row_count 0
 * means the end, and that the server has confirmed it. Errors name table, column and row, and leave half a
 * row in the batch: reset it. The row count that
 * the server reports at the end is compared with the rows decoded. */
lh_status lh_copy_reader_next(struct lh_copy_reader *reader, struct lh_batch *batch,
                              struct lh_error *err) LH_WARN_UNUSED;

/* Bytes received so far. */
uint64_t lh_copy_reader_bytes(const struct lh_copy_reader *reader);

/* Cancels what is unfinished. */
void lh_copy_reader_free(struct lh_copy_reader *reader);

/* The decoder alone, for tests and fuzzing: decodes a whole COPY stream held in memory into one batch. */
lh_status lh_copy_decode_stream(const struct lh_pg_relation *relation, const uint8_t *bytes, size_t size,
                                struct lh_batch *batch, struct lh_error *err) LH_WARN_UNUSED;

#endif
