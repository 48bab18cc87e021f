/*
 * The delta encodings: DELTA_BINARY_PACKED for integers, DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY for
 * bytes.
 *
 * Blocks of 1,024 values in 16 miniblocks: what stands before a block's values is then about a hundredth of
 * them. Differences wrap around, so that every integer can follow every other one. Byte arrays come as PLAIN
 * has them: a length of 4 bytes before each, or nothing but the bytes where all have one width.
 *
 * Spec: parquet-format Encodings.md, "Delta Encoding", "Delta-length byte array", "Delta Strings".
 */
#ifndef LH_PARQUET_DELTA_H
#define LH_PARQUET_DELTA_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "lakehaul/error.h"

/* Byte arrays in PLAIN. */
struct lh_plain_bytes {
  const uint8_t *data;
  size_t count;
  size_t width; /* of every value, without a length before it; 0: each has its length before it */
};

/* How many bits a miniblock gives to each value. */
enum lh_delta_widths {
  LH_DELTA_BITS,  /* as few as it needs */
  LH_DELTA_BYTES, /* whole bytes, in which a codec finds what repeats: timestamps that are whole seconds */
};

/* DELTA_BINARY_PACKED. Appends to `out`, as all of these do. */
lh_status lh_delta_append_int32(const int32_t *values, size_t count, enum lh_delta_widths widths,
                                struct lh_buf *out, struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_delta_append_int64(const int64_t *values, size_t count, enum lh_delta_widths widths,
                                struct lh_buf *out, struct lh_error *err) LH_WARN_UNUSED;

/* DELTA_LENGTH_BYTE_ARRAY. No value is longer than 2 GiB. */
lh_status lh_delta_append_lengths(const struct lh_plain_bytes *values, struct lh_buf *out,
                                  struct lh_error *err) LH_WARN_UNUSED;

/* DELTA_BYTE_ARRAY. `scratch` is overwritten. */
lh_status lh_delta_append_strings(const struct lh_plain_bytes *values, struct lh_buf *scratch,
                                  struct lh_buf *out, struct lh_error *err) LH_WARN_UNUSED;

#endif
