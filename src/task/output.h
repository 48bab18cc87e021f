/*
 * Output: the last stage of every task, batches into the Parquet files of one version: its parts.
 *
 * A task has one struct lh_parts, shared by its streams, and each stream an output of its own, which writes
 * one part at a time. A part counts once it is finished; the one that is open can be dropped, so that what
 * went into it can be read again.
 */
#ifndef LH_TASK_OUTPUT_H
#define LH_TASK_OUTPUT_H

#include <pthread.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/io.h"
#include "column/batch.h"
#include "lakehaul/error.h"
#include "parquet/writer.h"

struct lh_part {
  const char *name;
  uint64_t rows;
};

/* Makes the sink of the part of this number and names it, in `arena`: a key of a store, or a path. One call
 * at a time. */
typedef lh_status lh_part_create_function(void *context, uint32_t number, struct lh_arena *arena,
                                          const char **name, struct lh_sink **out, struct lh_error *err);

struct lh_partitioning; /* partition_router.h */
struct lh_partition_router;

struct lh_parts {
  const struct lh_schema *schema;                  /* constant, like the next four; borrowed */
  const struct lh_parquet_writer_options *options; /* of each part */
  uint64_t part_bytes;                             /* lh_output_is_full past about so many; 0: never */
  lh_part_create_function *create;
  void *context;
  const struct lh_partitioning *partitioning; /* NULL: not partitioned; else batches have its plan's schema */
  pthread_mutex_t lock;                       /* over the rest */
  struct lh_arena *arena;
  struct lh_part *finished; /* in no certain order */
  size_t finished_count, finished_capacity;
  uint32_t next_number;
};

/* Part numbers begin with 0. `arena` gets names and the list; no one else may use it meanwhile. */
void lh_parts_init(struct lh_parts *parts, const struct lh_schema *schema,
                   const struct lh_parquet_writer_options *options, uint64_t part_bytes,
                   lh_part_create_function *create, void *context, struct lh_arena *arena);
/* Sorts the finished parts by name, once all outputs have finished. */
void lh_parts_sort(struct lh_parts *parts);
/* Lists a part that was finished elsewhere; the name is copied. */
lh_status lh_parts_add(struct lh_parts *parts, const char *name, uint64_t rows,
                       struct lh_error *err) LH_WARN_UNUSED;
/* Takes the next number. */
uint32_t lh_parts_next_number(struct lh_parts *parts);
/* What was finished stays listed in the arena. */
void lh_parts_clear(struct lh_parts *parts);

struct lh_output {
  struct lh_parts *parts;
  /* Called before a part's footer is written, to set the metadata that its rows have told; may be NULL. */
  lh_status (*before_footer)(void *context, struct lh_parquet_writer *writer, struct lh_error *err);
  void *context;
  const char *name; /* of the open part; NULL where none is open */
  struct lh_sink *sink;
  struct lh_parquet_writer *writer;
  uint64_t rows;                      /* of the open part */
  struct lh_partition_router *router; /* where parts->partitioning is set: writes in the stead of all that */
};

/* Opens nothing yet. */
void lh_output_init(struct lh_output *output, struct lh_parts *parts);
/* Begins a part where none is open. */
lh_status lh_output_write(struct lh_output *output, const struct lh_batch *batch,
                          struct lh_error *err) LH_WARN_UNUSED;
/* Whether the open part has reached its size; of partitions none ever has before the end. */
bool lh_output_is_full(const struct lh_output *output);
/* Where no part has been finished by any output: writes one without rows, which has the schema. Once all have
 * finished. */
lh_status lh_output_write_empty(struct lh_output *output, struct lh_error *err) LH_WARN_UNUSED;
/* Finishes the open part, if there is one, and lists it. */
lh_status lh_output_finish_part(struct lh_output *output, struct lh_error *err) LH_WARN_UNUSED;
/* Forgets the open part and deletes what there is of it. */
void lh_output_drop_part(struct lh_output *output);
/* Drops what is unfinished. */
void lh_output_clear(struct lh_output *output);

/* How large row groups, pages and dictionaries may grow in memory under a budget for one output, the batch
 * and the connection that feeds it. */
void lh_output_fit_memory(struct lh_parquet_writer_options *options, const struct lh_schema *schema,
                          uint64_t memory_bytes);

/* Adds the file's metadata "lakehaul.source_names", a JSON object from each name that is not the source's to
 * the source's, where there is one. In `arena`. */
lh_status lh_output_note_names(struct lh_parquet_writer_options *options, const struct lh_schema *schema,
                               struct lh_arena *arena, struct lh_error *err) LH_WARN_UNUSED;

/* Reads the footer of a finished part back: LH_ERROR_CORRUPT where it has not so many rows. */
lh_status lh_output_check(struct lh_source *source, uint64_t rows, struct lh_error *err) LH_WARN_UNUSED;

#endif
