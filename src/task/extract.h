/*
 * Extraction: one PostgreSQL table or query into the parts of one version, over one or several connections.
 *
 * Open describes and begins (the transaction is on the snapshot when it returns), copy reads all rows. The
 * caller's thread reads as well; the others are begun and joined by copy.
 */
#ifndef LH_TASK_EXTRACT_H
#define LH_TASK_EXTRACT_H

#include <pthread.h>
#include <stdint.h>

#include "base/arena.h"
#include "lakehaul/error.h"
#include "postgres/connection.h"
#include "postgres/relation.h"
#include "project/project.h"
#include "task/interrupt.h"
#include "task/observer.h"
#include "task/output.h"

struct lh_extract_request {
  const char *source; /* URI or conninfo */
  struct lh_pg_session session;
  const char *snapshot_id; /* of a leader that lives as long as the extraction; NULL: a snapshot of its own */
  const char *table;       /* either this … */
  const char *query;       /* … or this */
  struct lh_pg_select_options select;
  int streams;              /* connections at most; below 1: one */
  const char *split_column; /* NULL: by pages, see postgres/split.h */
  uint64_t rate_bytes;      /* read per second at most; 0: no limit */
};

struct lh_extraction {
  struct lh_extract_request request;
  struct lh_pg_connection *connection; /* the first stream's; a lost one is replaced */
  struct lh_pg_relation *relation;     /* in the caller's arena */
  struct lh_interrupt *interrupt;      /* may be NULL */
  pthread_mutex_t lock;                /* over the list: what a signal, or a failure, cancels */
  struct lh_pg_connection **open;      /* one a stream; NULL: none */
};

/* Call lh_extraction_close in any case. */
lh_status lh_extraction_open(struct lh_extraction *extraction, const struct lh_extract_request *request,
                             struct lh_interrupt *interrupt, struct lh_arena *arena,
                             struct lh_error *err) LH_WARN_UNUSED;

/* Reads all rows into finished parts; lh_parts_sort is the caller's. A range whose connection is lost, or
 * that a standby cancels, is read again into a new part as long as the snapshot's leader lives. Connections
 * beyond the first that cannot be had are a warning. */
lh_status lh_extraction_copy(struct lh_extraction *extraction, struct lh_parts *parts,
                             const struct lh_observer *observer, struct lh_arena *arena,
                             struct lh_error *err) LH_WARN_UNUSED;

/* What the project says of the columns and rows of a table or query task. Borrowed from `spec`. */
struct lh_pg_select_options lh_extraction_select(const struct lh_task_spec *spec, int64_t limit);

/* For the streams: makes `connection` the one that is cancelled for this stream; NULL: none. */
void lh_extraction_register(struct lh_extraction *extraction, size_t stream,
                            struct lh_pg_connection *connection);
/* Cancels what all streams' connections run. */
void lh_extraction_cancel(struct lh_extraction *extraction);

void lh_extraction_close(struct lh_extraction *extraction);

#endif
