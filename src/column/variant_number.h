/*
 * The numbers of JSON as a VARIANT's primitives. For variant.c only.
 */
#ifndef LH_COLUMN_VARIANT_NUMBER_H
#define LH_COLUMN_VARIANT_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "lakehaul/error.h"

/* The header byte, a scale and 16 bytes. */
#define LH_VARIANT_NUMBER_MAX 18

/* A well-formed number of JSON; returns the size of what is put into `out`, or 0 where it cannot be held. */
size_t lh_variant_number_encode(const uint8_t *text, size_t length, uint8_t out[LH_VARIANT_NUMBER_MAX]);

/* The nearest finite double. `scratch` is the caller's to reuse. */
lh_status lh_variant_number_encode_nearest(const uint8_t *text, size_t length, struct lh_buf *scratch,
                                           uint8_t out[LH_VARIANT_NUMBER_MAX], size_t *size,
                                           struct lh_error *err) LH_WARN_UNUSED;

#endif
