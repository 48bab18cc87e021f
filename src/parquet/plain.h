/*
 * PLAIN encoding of dense values, in the leaf's form.
 * Spec: parquet-format Encodings.md "Plain".
 */
#ifndef LH_PARQUET_PLAIN_H
#define LH_PARQUET_PLAIN_H

#include "base/buf.h"
#include "parquet/values.h"

#define LH_TEXT_VALUE_MAX 36 /* longest result of lh_plain_format_uuid and lh_plain_format_time */

/* Appends all values. Booleans stay a byte each: pages pack them once they are complete. */
lh_status lh_plain_append(const struct lh_leaf *leaf, const struct lh_values *values, struct lh_buf *out,
                          struct lh_error *err) LH_WARN_UNUSED;

/* Appends the values that `indices` pick from `known`, as many of them as fit `most_bytes` of `out`; how many
 * that are comes back in `taken`. */
lh_status lh_plain_append_picked(const struct lh_leaf *leaf, const struct lh_values *known,
                                 const uint32_t *indices, size_t count, size_t most_bytes, struct lh_buf *out,
                                 size_t *taken, struct lh_error *err) LH_WARN_UNUSED;

/* One value in the file's form, without a length in front: what statistics hold. `out` has room for
 * LH_TEXT_VALUE_MAX bytes; returns the size. Not for LH_VALUE_BYTES. */
size_t lh_plain_format_fixed(const struct lh_leaf *leaf, const uint8_t *value, uint8_t *out);

/* 36 characters; no NUL. */
void lh_plain_format_uuid(const uint8_t *uuid, char *out);
/* "15:04:05", "15:04:05.25", "24:00:00" as PostgreSQL prints it; returns the length, no NUL. */
size_t lh_plain_format_time(int64_t micros, char *out);

#endif
