/*
 * JSON text into Parquet's VARIANT: the two binaries of a value that is not shredded.
 *
 * Spec: parquet-format, VariantEncoding.md, version 1. The dictionary is sorted and has each name once; the
 * members of an object are listed in its order, and of members with the same name the last one is kept, as
 * jsonb does. Numbers are what jsonb makes of them: whole ones the smallest integer that holds them, or a
 * decimal of no fraction; others decimals with all the digits that they are written with, trailing zeros
 * included (1.50 is 150 with a scale of 2). What has more than 38 digits is a double if the double's shortest
 * text is the same number with the same digits, and else cannot be held.
 *
 * An encoder's buffers are reused from value to value, so that nothing is allocated per value. One thread at
 * a time.
 */
#ifndef LH_COLUMN_VARIANT_H
#define LH_COLUMN_VARIANT_H

#include <stddef.h>

#include "base/buf.h"
#include "lakehaul/error.h"

/* Of the group's children, in their order. */
#define LH_VARIANT_METADATA "metadata"
#define LH_VARIANT_VALUE "value"

struct lh_variant_encoder;

/* Why a value that is JSON cannot be held. */
enum lh_variant_problem {
  LH_VARIANT_FITS,
  LH_VARIANT_NO_NEAREST, /* nested too deep, too many values */
  LH_VARIANT_HAS_NEAREST /* a number, a character */
};

struct lh_variant_options {
  bool check_utf8; /* nobody vouches for the encoding */
  bool nearest;    /* the nearest double for numbers, U+FFFD for characters that cannot be held */
};

/* The caller's, to free; NULL is freed without effect. */
lh_status lh_variant_encoder_new(struct lh_variant_encoder **out, struct lh_error *err) LH_WARN_UNUSED;
void lh_variant_encoder_free(struct lh_variant_encoder *encoder);

/* Appends one value to each of the buffers. LH_ERROR_CORRUPT where the text is not JSON. LH_ERROR_DATA where
 * it cannot be held: `*problem` says whether there is a nearest value. Nothing is appended then. */
lh_status lh_variant_encode(struct lh_variant_encoder *encoder, const void *json, size_t size,
                            const struct lh_variant_options *options, struct lh_buf *metadata,
                            struct lh_buf *value, enum lh_variant_problem *problem,
                            struct lh_error *err) LH_WARN_UNUSED;

#endif
