/* The COPY of a relation: libpq's messages, one a row, in blocks through the decoder into batches. */
#include "postgres/copy_reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "postgres/connection_impl.h"
#include "postgres/copy_decoder.h"
#include "postgres/copy_source.h"
#include "postgres/describe.h"

struct lh_copy_reader {
  struct lh_pg_connection *connection; /* borrowed; busy with this COPY until `drained` */
  const struct lh_pg_relation *relation;
  struct lh_copy_source source;
  struct lh_copy_decoder decoder;
  const uint8_t *block; /* of `source`: received and not decoded yet */
  size_t block_bytes;
  uint64_t bytes;
  bool drained; /* the server has nothing more to say */
};

/* Smaller tables are not worth a round trip more. */
#define ROOM_BYTES (1 << 20)

static lh_status start_copy(struct lh_pg_connection *connection, const struct lh_pg_relation *relation,
                            const char *select_sql, struct lh_error *err) {
  struct lh_arena arena;
  PGresult *result = NULL;
  if (relation->estimated_bytes < 0 || relation->estimated_bytes >= ROOM_BYTES) {
    LH_TRY(lh_copy_source_prepare(connection, err));
  }
  lh_arena_init(&arena, 0);
  const char *const sql = lh_arena_printf(&arena, "COPY (%s) TO STDOUT (FORMAT binary)", select_sql);
  const lh_status status = sql != NULL ? lh_pg_execute(connection, sql, NULL, 0, PGRES_COPY_OUT, &result, err)
                                       : lh_error_memory(err);
  lh_arena_clear(&arena);
  PQclear(result);
  return status;
}

static lh_status in_relation(const struct lh_copy_reader *reader, struct lh_error *err) {
  lh_error_prefix(err, "%s", reader->relation->name);
  snprintf(err->table, sizeof(err->table), "%s", reader->relation->name);
  return lh_pg_explain_denial(reader->connection, reader->relation->name, err);
}

lh_status lh_copy_reader_open(struct lh_pg_connection *connection, const struct lh_pg_relation *relation,
                              const char *select_sql, struct lh_copy_reader **out, struct lh_error *err) {
  struct lh_copy_reader *const reader = calloc(1, sizeof(*reader));
  if (reader == NULL) {
    return lh_error_memory(err);
  }
  reader->connection = connection;
  reader->relation = relation;
  lh_status status = lh_copy_decoder_init(&reader->decoder, relation, err);
  if (status == LH_OK && start_copy(connection, relation, select_sql, err) != LH_OK) {
    status = in_relation(reader, err);
  }
  if (status != LH_OK) {
    lh_copy_decoder_clear(&reader->decoder);
    free(reader);
    return status;
  }
  lh_copy_source_init(&reader->source, connection);
  *out = reader;
  return LH_OK;
}

/* The command's result, after the last of its data: the server's count of rows, or its error. */
static lh_status confirm(struct lh_copy_reader *reader, struct lh_error *err) {
  lh_status status = LH_OK;
  bool confirmed = false;
  PGresult *result = NULL;
  lh_copy_source_clear(&reader->source);
  while ((result = PQgetResult(reader->connection->pg)) != NULL) {
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
      status = status == LH_OK ? lh_pg_result_error(reader->connection, result, NULL, err) : status;
    } else if (status == LH_OK) {
      const uint64_t sent = strtoull(PQcmdTuples(result), NULL, 10);
      confirmed = true;
      if (sent != reader->decoder.rows) {
        status = lh_error_set(err, LH_ERROR_CORRUPT, "the server sent %" PRIu64 " rows, %" PRIu64 " arrived",
                              sent, reader->decoder.rows);
      }
    }
    PQclear(result);
  }
  reader->drained = true;
  if (status == LH_OK && !confirmed) {
    status = lh_pg_result_error(reader->connection, NULL, NULL, err);
  }
  return status != LH_OK ? in_relation(reader, err) : lh_copy_decoder_finish(&reader->decoder, err);
}

/* Rows until the batch is full or the source is at its end; `*is_end` says which. */
static lh_status fill(struct lh_copy_reader *reader, struct lh_batch *batch, bool *is_end,
                      struct lh_error *err) {
  size_t batch_bytes = 0;
  while (batch->row_count < reader->decoder.batch_rows && batch_bytes < LH_BATCH_BYTES) {
    if (reader->block_bytes == 0) {
      LH_TRY(lh_copy_source_next(&reader->source, &reader->block, &reader->block_bytes, err));
      *is_end = reader->block_bytes == 0;
      if (*is_end) {
        return LH_OK;
      }
      reader->bytes += reader->block_bytes;
    }
    size_t used = 0;
    LH_TRY(lh_copy_decoder_feed(&reader->decoder, reader->block, reader->block_bytes,
                                reader->decoder.batch_rows, batch, &used, err));
    reader->block += used;
    reader->block_bytes -= used;
    batch_bytes += used;
  }
  return LH_OK;
}

lh_status lh_copy_reader_next(struct lh_copy_reader *reader, struct lh_batch *batch, struct lh_error *err) {
  bool is_end = false;
  if (reader->drained) {
    return LH_OK;
  }
  LH_TRY(lh_copy_decoder_begin_batch(&reader->decoder, batch, err));
  const lh_status status = fill(reader, batch, &is_end, err);
  lh_copy_decoder_end_batch(&reader->decoder, batch);
  return status == LH_OK && is_end ? confirm(reader, err) : status;
}

uint64_t lh_copy_reader_bytes(const struct lh_copy_reader *reader) {
  return reader->bytes;
}

/* Without the server's help all rows would have to be read to be thrown away: where it cannot be told to
 * stop, the connection is left as it is, and libpq reads the rest only if it is used again. */
static void stop(struct lh_copy_reader *reader) {
  char ignored[256];
  lh_copy_source_clear(&reader->source);
  if (PQcancel(reader->connection->cancel, ignored, sizeof(ignored)) == 0) {
    return;
  }
  char *message = NULL;
  while (PQgetCopyData(reader->connection->pg, &message, 0) > 0) {
    PQfreemem(message);
    message = NULL;
  }
  PGresult *result = NULL;
  while ((result = PQgetResult(reader->connection->pg)) != NULL) {
    PQclear(result);
  }
}

void lh_copy_reader_free(struct lh_copy_reader *reader) {
  if (reader == NULL) {
    return;
  }
  if (!reader->drained) {
    stop(reader);
  }
  lh_copy_decoder_clear(&reader->decoder);
  free(reader);
}
