/* Extraction: connect, take the snapshot, describe, then COPY into Parquet batch by batch. */
#include "task/extract.h"

#include <inttypes.h>
#include <stdio.h>

#include "postgres/copy_reader.h"
#include "postgres/types/decode.h"
#include "postgres/types/postgis.h"
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

struct lh_pg_select_options lh_extraction_select(const struct lh_task_spec *spec, int64_t limit) {
  return (struct lh_pg_select_options){
      .include = spec->include,
      .include_count = spec->include_count,
      .exclude = spec->exclude,
      .exclude_count = spec->exclude_count,
      .settings = spec->settings,
      .settings_count = spec->settings_count,
      .policy = spec->policy,
      .names = spec->names,
      .where = spec->where,
      .limit = limit,
  };
}

static void warn_of_names(const struct lh_pg_relation *relation, const struct lh_observer *observer) {
  struct lh_arena arena;
  if (relation->names_changed == NULL) {
    return;
  }
  lh_arena_init(&arena, 0);
  const char *const message = lh_arena_printf(&arena, "columns of %s have other names in the lake: %s",
                                              relation->name, relation->names_changed);
  if (message != NULL) {
    lh_observer_warning(observer, message);
  }
  lh_arena_clear(&arena);
}

/* At the end of a task: what its policy replaced. */
static void warn_of_replaced(const struct lh_pg_relation *relation, const struct lh_observer *observer) {
  for (size_t i = 0; i < relation->column_count; i++) {
    const struct lh_pg_column *const column = &relation->columns[i];
    if (column->replaced == NULL) {
      continue;
    }
    const uint64_t nulls = atomic_load(&column->replaced->nulls);
    const uint64_t clamped = atomic_load(&column->replaced->clamped);
    char became[96] = "";
    if (nulls > 0 && clamped > 0) {
      snprintf(became, sizeof(became), "null (%" PRIu64 ") or the nearest that it can (%" PRIu64 ")", nulls,
               clamped);
    } else {
      snprintf(became, sizeof(became), "%s", nulls > 0 ? "null" : "the nearest that it can");
    }
    char message[1024];
    snprintf(message, sizeof(message),
             "column \"%s\" of %s: %" PRIu64 " value%s that the lake cannot hold became %s", column->name,
             relation->name, nulls + clamped, nulls + clamped == 1 ? "" : "s", became);
    if (nulls + clamped > 0) {
      lh_observer_warning(observer, message);
    }
  }
}

static void warn_of_columns(const struct lh_pg_relation *relation, const struct lh_observer *observer) {
  warn_of_names(relation, observer);
  for (size_t i = 0; i < relation->column_count; i++) {
    const struct lh_pg_column *const column = &relation->columns[i];
    if (column->warning != NULL) {
      lh_observer_warning(observer, column->warning);
    }
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

/* What is known of geometries once they have all been seen, into the file's metadata. */
static lh_status note_geometries(const struct lh_extraction *extraction,
                                 const struct lh_parquet_writer_options *options, struct lh_output *output,
                                 const struct lh_observer *observer, struct lh_arena *arena,
                                 struct lh_error *err) {
  struct lh_pg_geo_metadata geo;
  LH_TRY(lh_pg_geo_metadata_build(extraction->connection, extraction->relation, arena, &geo, err));
  for (size_t i = 0; i < geo.warning_count; i++) {
    lh_observer_warning(observer, geo.warnings[i]);
  }
  if (geo.value == NULL) {
    return LH_OK;
  }
  const size_t count = options->metadata_count;
  struct lh_key_value *const metadata = LH_ARENA_ARRAY(arena, struct lh_key_value, count + 1);
  if (metadata == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    metadata[i] = options->metadata[i];
  }
  metadata[count] = (struct lh_key_value){"geo", geo.value};
  lh_parquet_writer_set_metadata(output->writer, metadata, count + 1);
  lh_parquet_writer_set_crs(output->writer, geo.crs);
  return LH_OK;
}

lh_status lh_extraction_copy(struct lh_extraction *extraction,
                             const struct lh_parquet_writer_options *options, struct lh_sink *sink,
                             const struct lh_observer *observer, uint64_t *rows, struct lh_error *err) {
  const struct lh_pg_relation *const relation = extraction->relation;
  struct lh_copy_reader *reader = NULL;
  struct lh_batch batch = {0};
  struct lh_output output;
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  warn_of_columns(relation, observer);
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
    status = note_geometries(extraction, options, &output, observer, &arena, err);
  }
  if (status == LH_OK) {
    status = lh_output_finish(&output, err);
  }
  if (status == LH_OK) {
    warn_of_replaced(relation, observer);
  }
  *rows = output.rows;
  lh_output_clear(&output);
  lh_batch_clear(&batch);
  lh_copy_reader_free(reader);
  lh_arena_clear(&arena);
  return status;
}

void lh_extraction_close(struct lh_extraction *extraction) {
  lh_interrupt_set(extraction->interrupt, NULL, NULL);
  lh_pg_disconnect(extraction->connection);
  *extraction = (struct lh_extraction){0};
}
