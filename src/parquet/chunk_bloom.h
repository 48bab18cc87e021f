/*
 * The bloom filter of an open column chunk: whether there is to be one, and what goes into it.
 *
 * Under LH_BLOOM_AUTO a chunk gets a filter when a reader looking for one value could not do without it:
 * there are pages without a dictionary, the values are not in order (or min and max would do), most of them
 * differ (or every row group would hold any of them), and they are enough for skipping them to matter.
 */
#ifndef LH_PARQUET_CHUNK_BLOOM_H
#define LH_PARQUET_CHUNK_BLOOM_H

#include "column/policy.h"
#include "parquet/bloom.h"

struct lh_chunk_bloom {
  const struct lh_leaf *leaf;
  enum lh_bloom_policy policy;
  bool is_declined; /* until the next chunk */
  bool is_judged;   /* the order of its values has been looked at */
  struct lh_bloom filter;
};

/* What is known of a page or a dictionary as it is added. */
struct lh_bloom_values {
  const uint8_t *plain; /* `count` values in PLAIN encoding */
  size_t count;
  uint64_t chunk_most; /* values that the chunk may come to hold */
  size_t *budget;      /* bytes that filters of the row group may still take */
};

/* Where filters do not suit the leaf, `policy` counts for nothing. */
void lh_chunk_bloom_init(struct lh_chunk_bloom *bloom, const struct lh_leaf *leaf,
                         enum lh_bloom_policy policy);
void lh_chunk_bloom_reset(struct lh_chunk_bloom *bloom);
void lh_chunk_bloom_clear(struct lh_chunk_bloom *bloom);

/* A data page without a dictionary. */
lh_status lh_chunk_bloom_add_page(struct lh_chunk_bloom *bloom, const struct lh_bloom_values *values,
                                  struct lh_error *err) LH_WARN_UNUSED;
/* The chunk's dictionary, once all of its pages are there. */
lh_status lh_chunk_bloom_add_dictionary(struct lh_chunk_bloom *bloom, const struct lh_bloom_values *values,
                                        struct lh_error *err) LH_WARN_UNUSED;
/* Brings the filter to its size; false where the chunk gets none. `value_count`: of the chunk, nulls left
 * out. */
bool lh_chunk_bloom_finish(struct lh_chunk_bloom *bloom, uint64_t value_count);

#endif
