/*
 * Extraction: one PostgreSQL table or query into one sink, as Parquet.
 *
 * Open describes and begins (the transaction is on the snapshot when it returns), copy streams. One thread.
 */
#ifndef LH_TASK_EXTRACT_H
#define LH_TASK_EXTRACT_H

#include <stdint.h>

#include "base/arena.h"
#include "base/io.h"
#include "lakehaul/error.h"
#include "parquet/writer.h"
#include "postgres/connection.h"
#include "postgres/relation.h"
#include "project/project.h"
#include "task/interrupt.h"
#include "task/observer.h"

struct lh_extract_request {
  const char *source;      /* URI or conninfo */
  const char *snapshot_id; /* NULL: a snapshot of its own */
  const char *table;       /* either this … */
  const char *query;       /* … or this */
  struct lh_pg_select_options select;
};

struct lh_extraction {
  struct lh_pg_connection *connection;
  struct lh_pg_relation *relation; /* in the caller's arena */
  struct lh_interrupt *interrupt;  /* may be NULL */
};

/* Call lh_extraction_close in any case. */
lh_status lh_extraction_open(struct lh_extraction *extraction, const struct lh_extract_request *request,
                             struct lh_interrupt *interrupt, struct lh_arena *arena,
                             struct lh_error *err) LH_WARN_UNUSED;

/* Streams all rows into `sink` (taken over) and finishes it; `*rows` is what went in. */
lh_status lh_extraction_copy(struct lh_extraction *extraction,
                             const struct lh_parquet_writer_options *options, struct lh_sink *sink,
                             const struct lh_observer *observer, uint64_t *rows,
                             struct lh_error *err) LH_WARN_UNUSED;

/* What the project says of the columns and rows of a table or query task. Borrowed from `spec`. */
struct lh_pg_select_options lh_extraction_select(const struct lh_task_spec *spec, int64_t limit);

void lh_extraction_close(struct lh_extraction *extraction);

#endif
