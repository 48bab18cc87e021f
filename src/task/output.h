/*
 * Output: the last stage of every task, batches into one Parquet file, counted and read back.
 */
#ifndef LH_TASK_OUTPUT_H
#define LH_TASK_OUTPUT_H

#include <stdint.h>

#include "base/arena.h"
#include "base/io.h"
#include "column/batch.h"
#include "lakehaul/error.h"
#include "parquet/writer.h"

struct lh_output {
  struct lh_sink *sink;
  struct lh_parquet_writer *writer;
  uint64_t rows;
};

/* How large a row group may grow in memory under a task's budget. */
void lh_output_fit_memory(struct lh_parquet_writer_options *options, uint64_t memory_bytes);

/* Adds the file's metadata "lakehaul.source_names", a JSON object from each name that is not the source's to
 * the source's, where there is one. In `arena`. */
lh_status lh_output_note_names(struct lh_parquet_writer_options *options, const struct lh_schema *schema,
                               struct lh_arena *arena, struct lh_error *err) LH_WARN_UNUSED;

/* Takes the sink over, also when it fails. Call lh_output_clear in any case. */
lh_status lh_output_open(struct lh_output *output, const struct lh_schema *schema,
                         const struct lh_parquet_writer_options *options, struct lh_sink *sink,
                         struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_output_write(struct lh_output *output, const struct lh_batch *batch,
                          struct lh_error *err) LH_WARN_UNUSED;
/* Writes the footer and commits the sink. */
lh_status lh_output_finish(struct lh_output *output, struct lh_error *err) LH_WARN_UNUSED;
/* Aborts what is unfinished. */
void lh_output_clear(struct lh_output *output);

/* Reads the footer of a finished file back and compares its row count with the rows sent. */
lh_status lh_output_check(struct lh_source *source, uint64_t rows, struct lh_error *err) LH_WARN_UNUSED;

#endif
