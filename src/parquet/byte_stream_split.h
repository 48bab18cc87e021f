/*
 * BYTE_STREAM_SPLIT: first the first byte of every value, then the second of every value, and so on.
 *
 * Saves nothing by itself; codecs like it, above all for floats that are near each other.
 * Spec: parquet-format Encodings.md, "Byte Stream Split".
 */
#ifndef LH_PARQUET_BYTE_STREAM_SPLIT_H
#define LH_PARQUET_BYTE_STREAM_SPLIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "lakehaul/error.h"

/* `values`: `count` of `width` bytes each. Appends as many bytes to `out`. */
lh_status lh_byte_stream_split_append(const uint8_t *values, size_t count, size_t width, struct lh_buf *out,
                                      struct lh_error *err) LH_WARN_UNUSED;

#endif
