/*
 * The messages of a running COPY … TO STDOUT, many at a time.
 *
 * One thread. For this module's files only.
 */
#ifndef LH_POSTGRES_COPY_SOURCE_H
#define LH_POSTGRES_COPY_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "postgres/connection_impl.h"

struct lh_copy_source {
  struct lh_pg_connection *connection; /* borrowed */
  struct lh_buf block;
  bool is_lost;  /* the connection is; what has arrived is still read */
  bool is_ended; /* PQgetResult has the rest */
};

/* Before COPY starts: makes room in libpq, once a connection, for more of it than one message. */
lh_status lh_copy_source_prepare(struct lh_pg_connection *connection, struct lh_error *err) LH_WARN_UNUSED;
/* Once libpq says PGRES_COPY_OUT. */
void lh_copy_source_init(struct lh_copy_source *source, struct lh_pg_connection *connection);
/* Whole messages, as many as have arrived up to some tens of kilobytes, and at least one; waits for it.
 * Borrowed until the next call. `*size` is 0 where there are no more: PQgetResult says why. */
lh_status lh_copy_source_next(struct lh_copy_source *source, const uint8_t **bytes, size_t *size,
                              struct lh_error *err) LH_WARN_UNUSED;
/* Whether all has been read or not; the connection waits for single bytes again. Leaves nothing to free. */
void lh_copy_source_clear(struct lh_copy_source *source);

#endif
