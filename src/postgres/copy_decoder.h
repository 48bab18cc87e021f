/*
 * The COPY binary stream, whole messages at a time: signature, rows, trailer.
 *
 * Knows no connection, so that it can be tested and fuzzed. The server sends whole rows: a message ends where
 * a row ends. For this module's files only.
 */
#ifndef LH_POSTGRES_COPY_DECODER_H
#define LH_POSTGRES_COPY_DECODER_H

#include "column/batch.h"
#include "postgres/relation.h"

struct lh_copy_step; /* copy_step.h */

struct lh_copy_decoder {
  const struct lh_pg_relation *relation;
  struct lh_copy_step *steps; /* one a column, for the current batch */
  size_t batch_rows;          /* lh_batch_rows: that a batch is filled with */
  uint64_t rows;              /* decoded so far */
  size_t reserved_rows;       /* of the current batch: every column has room up to here */
  bool started;               /* the signature has been read */
  bool ended;                 /* the trailer has been read */
};

/* `relation` is borrowed. To be cleared, also after a failure. */
lh_status lh_copy_decoder_init(struct lh_copy_decoder *decoder, const struct lh_pg_relation *relation,
                               struct lh_error *err) LH_WARN_UNUSED;
void lh_copy_decoder_clear(struct lh_copy_decoder *decoder);
/* Before the first row of a (reset) batch. */
lh_status lh_copy_decoder_begin_batch(struct lh_copy_decoder *decoder, struct lh_batch *batch,
                                      struct lh_error *err) LH_WARN_UNUSED;
/* After its last row, or an error: until then only its row count can be relied on. */
void lh_copy_decoder_end_batch(struct lh_copy_decoder *decoder, struct lh_batch *batch);
/* Appends the rows of whole messages, as long as the batch has fewer than `max_rows`; `*used` of the bytes
 * have been read then. */
lh_status lh_copy_decoder_feed(struct lh_copy_decoder *decoder, const uint8_t *bytes, size_t size,
                               size_t max_rows, struct lh_batch *batch, size_t *used,
                               struct lh_error *err) LH_WARN_UNUSED;
/* Nothing more will come: LH_ERROR_CORRUPT unless the trailer was read. */
lh_status lh_copy_decoder_finish(const struct lh_copy_decoder *decoder, struct lh_error *err) LH_WARN_UNUSED;

#endif
