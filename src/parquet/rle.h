/*
 * RLE / bit-packed hybrid: the encoding of levels and of dictionary indices.
 *
 * Whole arrays in, runs of eight or more equal values as RLE, all else bit-packed in groups of eight.
 * Spec: parquet-format Encodings.md, "Run Length Encoding / Bit-Packing Hybrid".
 */
#ifndef LH_PARQUET_RLE_H
#define LH_PARQUET_RLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "lakehaul/error.h"

/* Bits that the numbers 0..`most` need; 0 for 0. */
unsigned lh_rle_bit_width(uint32_t most);

/* `width` 0..32; all values fit it. Appends to `out`. */
lh_status lh_rle_append_indices(const uint32_t *values, size_t count, unsigned width, struct lh_buf *out,
                                struct lh_error *err) LH_WARN_UNUSED;
/* The same for levels: a byte each, `width` 0..8. */
lh_status lh_rle_append_levels(const uint8_t *values, size_t count, unsigned width, struct lh_buf *out,
                               struct lh_error *err) LH_WARN_UNUSED;
/* One value `count` times. */
lh_status lh_rle_append_run(uint32_t value, size_t count, unsigned width, struct lh_buf *out,
                            struct lh_error *err) LH_WARN_UNUSED;
/* Bits without run headers, least significant first, the last byte filled with zeros: PLAIN booleans.
 * `values` are 0 or 1. */
lh_status lh_rle_append_bits(const uint8_t *values, size_t count, struct lh_buf *out,
                             struct lh_error *err) LH_WARN_UNUSED;

#endif
