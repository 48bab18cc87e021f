/* The hot path without server and disk, for valgrind to count its instructions: a table's rows decoded from
 * memory, and written as Parquet into nothing.
 *
 * usage: stages TABLE [ROWS]    two row groups of ROWS rows; the first warms up, in the second all happens
 *                               within count_row_group(), by way of count_decode() and count_write()
 *        stages --compiler
 *
 * Nothing is compressed, since how fast a codec's library is depends on its version and the processor. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parquet/writer.h"
#include "postgres/copy_decoder.h"
#include "tables.h"

#define DEFAULT_ROWS 16384
#define STREAM_MAX_BYTES ((size_t)1 << 31)

/* Valgrind counts by function, so these must not be merged into others. */
#define COUNTED __attribute__((noinline, noclone, noipa))

struct stages {
  struct lh_arena arena;
  struct lh_pg_relation relation;
  struct lh_buf stream;
  size_t at; /* decoded of `stream` */
  size_t rows;
  struct lh_copy_decoder decoder;
  struct lh_batch batch;
  struct lh_sink sink;
  struct lh_parquet_writer *writer;
};

static lh_status sink_write(struct lh_sink *sink, const void *bytes, size_t size, struct lh_error *err) {
  (void)sink;
  (void)bytes;
  (void)size;
  (void)err;
  return LH_OK;
}
static const struct lh_sink_ops sink_ops = {.write = sink_write};

COUNTED static lh_status count_decode(struct stages *stages, size_t rows, struct lh_error *err) {
  size_t used = 0;
  lh_batch_reset(&stages->batch);
  LH_TRY(lh_copy_decoder_begin_batch(&stages->decoder, &stages->batch, err));
  LH_TRY(lh_copy_decoder_feed(&stages->decoder, stages->stream.data + stages->at,
                              stages->stream.len - stages->at, rows, &stages->batch, &used, err));
  lh_copy_decoder_end_batch(&stages->decoder, &stages->batch);
  stages->at += used;
  return LH_OK;
}

COUNTED static lh_status count_write(struct stages *stages, struct lh_error *err) {
  return lh_parquet_writer_write(stages->writer, &stages->batch, err);
}

static inline lh_status pass(struct stages *stages, struct lh_error *err) {
  for (size_t left = stages->rows; left > 0; left -= stages->batch.row_count) {
    LH_TRY(count_decode(stages, left < LH_BATCH_ROWS ? left : LH_BATCH_ROWS, err));
    LH_TRY(count_write(stages, err));
  }
  return LH_OK;
}

COUNTED static lh_status warm_up(struct stages *stages, struct lh_error *err) {
  return pass(stages, err);
}

COUNTED static lh_status count_row_group(struct stages *stages, struct lh_error *err) {
  return pass(stages, err);
}

static lh_status prepare(struct stages *stages, const struct table *table, struct lh_error *err) {
  struct lh_parquet_writer_options options;
  LH_TRY(table_describe(table, &stages->arena, &stages->relation, err));
  for (size_t i = 0; i < 2 * stages->rows; i++) {
    LH_TRY(table_append_row(table, i, &stages->stream, err));
  }
  LH_TRY(lh_copy_decoder_init(&stages->decoder, &stages->relation, err));
  LH_TRY(lh_batch_init(&stages->batch, &stages->relation.schema, LH_BATCH_ROWS, err));
  lh_parquet_writer_options_default(&options);
  options.codec = LH_CODEC_NONE;
  options.row_group_rows = stages->rows;
  return lh_parquet_writer_new(&stages->relation.schema, &options, &stages->sink, &stages->writer, err);
}

static lh_status run(struct stages *stages, const struct table *table, struct lh_error *err) {
  LH_TRY(prepare(stages, table, err));
  LH_TRY(warm_up(stages, err));
  LH_TRY(count_row_group(stages, err));
  return lh_parquet_writer_finish(stages->writer, err);
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--compiler") == 0) {
    puts(COMPILER);
    return 0;
  }
  const struct table *const table = argc == 2 || argc == 3 ? table_find(argv[1]) : NULL;
  const long rows = argc == 3 ? strtol(argv[2], NULL, 10) : DEFAULT_ROWS;
  if (table == NULL || rows <= 0) {
    fprintf(stderr, "usage: %s TABLE [ROWS]\n", argv[0]);
    return 2;
  }
  struct stages stages = {.rows = (size_t)rows, .sink = {.ops = &sink_ops}};
  struct lh_error err;
  lh_arena_init(&stages.arena, 0);
  lh_buf_init(&stages.stream, STREAM_MAX_BYTES);
  const lh_status status = run(&stages, table, &err);
  if (status == LH_OK) {
    printf("%s: %zu rows of %zu bytes\n", table->name, 2 * stages.rows,
           stages.stream.len / (2 * stages.rows));
  } else {
    fprintf(stderr, "%s: %s\n", table->name, err.message);
  }
  lh_parquet_writer_free(stages.writer);
  lh_copy_decoder_clear(&stages.decoder);
  lh_batch_clear(&stages.batch);
  lh_buf_clear(&stages.stream);
  lh_arena_clear(&stages.arena);
  return status == LH_OK ? 0 : 1;
}
