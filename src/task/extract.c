/* Extraction: connect, take the snapshot, describe, then COPY into Parquet batch by batch. */
#include "task/extract.h"

#include <stdio.h>

#include "postgres/copy_reader.h"
#include "task/output.h"

static void cancel_connection(void *target) {
  lh_pg_cancel(target);
}

lh_status lh_extraction_open(struct lh_extraction *extraction, const struct lh_extract_request *request,
                             struct lh_interrupt *interrupt, struct lh_arena *arena, struct lh_error *err) {
  *extraction = (struct lh_extraction){.interrupt = interrupt};
  LH_TRY(lh_pg_connect(request->source, &extraction->connection, err));
  lh_interrupt_set(interrupt, cancel_connection, extraction->connection);
  LH_TRY(lh_pg_begin_read(extraction->connection, request->snapshot_id, err));
  if (request->table != NULL) {
    return lh_pg_describe_table(extraction->connection, request->table, &request->select, arena,
                                &extraction->relation, err);
  }
  return lh_pg_describe_query(extraction->connection, request->query, &request->select, arena,
                              &extraction->relation, err);
}

static void warn_of_fallbacks(const struct lh_pg_relation *relation, const struct lh_observer *observer) {
  for (size_t i = 0; i < relation->column_count; i++) {
    const struct lh_pg_column *const column = &relation->columns[i];
    if (!column->text_fallback) {
      continue;
    }
    char message[1024];
    snprintf(message, sizeof(message), "column \"%s\" of %s is %s, which is carried over as text",
             column->name, relation->name, column->type_name);
    lh_observer_warning(observer, message);
  }
}

static lh_status copy_batches(struct lh_extraction *extraction, struct lh_copy_reader *reader,
                              struct lh_batch *batch, struct lh_output *output,
                              const struct lh_observer *observer, struct lh_error *err) {
  for (;;) {
    LH_TRY(lh_interrupt_check(extraction->interrupt, err));
    lh_batch_reset(batch);
    LH_TRY(lh_copy_reader_next(reader, batch, err));
    if (batch->row_count == 0) {
      return LH_OK;
    }
    LH_TRY(lh_output_write(output, batch, err));
    lh_observer_progress(observer, output->rows, lh_copy_reader_bytes(reader));
  }
}

lh_status lh_extraction_copy(struct lh_extraction *extraction,
                             const struct lh_parquet_writer_options *options, struct lh_sink *sink,
                             const struct lh_observer *observer, uint64_t *rows, struct lh_error *err) {
  const struct lh_pg_relation *const relation = extraction->relation;
  struct lh_copy_reader *reader = NULL;
  struct lh_batch batch = {0};
  struct lh_output output;
  warn_of_fallbacks(relation, observer);
  lh_status status = lh_output_open(&output, &relation->schema, options, sink, err);
  if (status == LH_OK) {
    status = lh_batch_init(&batch, &relation->schema, LH_BATCH_ROWS, err);
  }
  if (status == LH_OK) {
    status = lh_copy_reader_open(extraction->connection, relation, &reader, err);
  }
  if (status == LH_OK) {
    status = copy_batches(extraction, reader, &batch, &output, observer, err);
  }
  if (status == LH_OK) {
    status = lh_output_finish(&output, err);
  }
  *rows = output.rows;
  lh_output_clear(&output);
  lh_batch_clear(&batch);
  lh_copy_reader_free(reader);
  return status;
}

void lh_extraction_close(struct lh_extraction *extraction) {
  lh_interrupt_set(extraction->interrupt, NULL, NULL);
  lh_pg_disconnect(extraction->connection);
  *extraction = (struct lh_extraction){0};
}
