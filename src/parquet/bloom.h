/*
 * Bloom filter of one column chunk: split blocks of 256 bits over XXH64 of the values' PLAIN bytes.
 *
 * Opened large enough for the values that may come, and folded once it is known how many different ones came:
 * halving a filter whose size is a power of two gives exactly the filter that half the size would have had.
 * How many came is told by how many bits are set, so that nothing is kept of the values.
 * Spec: BloomFilter.md; parquet.thrift BloomFilterHeader.
 */
#ifndef LH_PARQUET_BLOOM_H
#define LH_PARQUET_BLOOM_H

#include "base/buf.h"
#include "parquet/values.h"

/* Of a filter; readers refuse more than 128 MiB, and no row group of ours needs as much as this. */
#define LH_BLOOM_MAX_BYTES ((size_t)1 << 20)

struct lh_bloom {
  uint32_t *words; /* eight a block; NULL: not open */
  size_t block_count;
};

/* For up to `values_most` different values at 2.5 % false positives or fewer, in at most `bytes_most` (32 or
 * more) and LH_BLOOM_MAX_BYTES. Clear it in any case. */
lh_status lh_bloom_open(struct lh_bloom *bloom, uint64_t values_most, size_t bytes_most,
                        struct lh_error *err) LH_WARN_UNUSED;
void lh_bloom_clear(struct lh_bloom *bloom);
size_t lh_bloom_bytes(const struct lh_bloom *bloom);

/* Whether filters of such a leaf are of use: readers ask them for equal values, of numbers, dates, text,
 * bytes and UUIDs. Not for floats: 0.0 and -0.0 are equal and hash differently. */
bool lh_bloom_suits(const struct lh_leaf *leaf);

/* Adds `count` values in the leaf's PLAIN encoding. */
void lh_bloom_add_plain(struct lh_bloom *bloom, const struct lh_leaf *leaf, const uint8_t *plain,
                        size_t count);
bool lh_bloom_may_hold(const struct lh_bloom *bloom, const void *value, size_t size);

/* How many different values were added, within a few percent; UINT64_MAX where the filter is full. */
uint64_t lh_bloom_estimate_distinct(const struct lh_bloom *bloom);
/* Halves the filter as long as it still has at most 2.5 % false positives for `distinct` values. */
void lh_bloom_fold(struct lh_bloom *bloom, uint64_t distinct);
/* Bits for each of `distinct` values: 8 are 2.5 % false positives, 5.8 are 10 %. */
double lh_bloom_bits_per_value(const struct lh_bloom *bloom, uint64_t distinct);

/* Appends header and bits. */
lh_status lh_bloom_append(const struct lh_bloom *bloom, struct lh_buf *out,
                          struct lh_error *err) LH_WARN_UNUSED;

#endif
