/*
 * Shredding: rows of a column become definition and repetition levels and dense values.
 *
 * Works on one leaf and a range of rows at a time, from validity bits and offsets. A flat column without
 * nulls costs nothing: its values are borrowed from the batch.
 * Spec: parquet-format README.md "Nested Encoding"; Dremel.
 */
#ifndef LH_PARQUET_LEVELS_H
#define LH_PARQUET_LEVELS_H

#include "base/buf.h"
#include "column/batch.h"
#include "parquet/values.h"

/* Scratch space, shared by all leaves of a writer. */
struct lh_shredder {
  struct lh_buf definition, repetition, slots; /* a level each, and int32_t: the value's index, or -1 */
  struct lh_buf next_definition, next_repetition, next_slots;
  struct lh_buf values; /* compacted values or offsets */
};

struct lh_shredded {
  size_t entries;            /* level entries: values, nulls and empty lists */
  const uint8_t *definition; /* NULL: all at the maximum */
  const uint8_t *repetition; /* NULL for a leaf that is not repeated */
  struct lh_values values;   /* the entries that are values */
};

void lh_shredder_init(struct lh_shredder *shredder);
void lh_shredder_clear(struct lh_shredder *shredder);

/* `columns` are the batch's top-level columns. What `out` points to is valid until the next call. */
lh_status lh_shred(struct lh_shredder *shredder, const struct lh_leaf *leaf, const struct lh_column *columns,
                   size_t begin, size_t count, struct lh_shredded *out, struct lh_error *err) LH_WARN_UNUSED;

/* An estimate of the leaf's PLAIN bytes in rows [begin, end), levels of nested leaves included. Grows
 * with `end`; cheap: looks at offsets only. */
size_t lh_shred_estimate(const struct lh_leaf *leaf, const struct lh_column *columns, size_t begin,
                         size_t end);

#endif
