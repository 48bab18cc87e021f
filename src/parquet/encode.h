/*
 * A page's values in any encoding but the dictionary's, made from their PLAIN form.
 *
 * Pages are gathered in PLAIN and encoded once they are full, so that encodings can be compared on the same
 * values and every encoder has one input.
 * Spec: parquet-format Encodings.md; which types an encoding takes is its table "Supported Types".
 */
#ifndef LH_PARQUET_ENCODE_H
#define LH_PARQUET_ENCODE_H

#include "base/buf.h"
#include "codec/codec.h"
#include "parquet/delta.h"
#include "parquet/values.h"

/* An encoding, which of its forms where it has more than one, and how the result is compressed. */
struct lh_value_encoding {
  enum lh_parquet_encoding encoding;
  enum lh_delta_widths widths; /* LH_PARQUET_DELTA_BINARY_PACKED */
  enum lh_codec_matches matches;
};

/* Whether the leaf's type may be encoded so; dictionaries for all but booleans. */
bool lh_encoding_takes(enum lh_parquet_encoding encoding, const struct lh_leaf *leaf);

/* Appends `count` values to `out`. `plain` is what lh_plain_append has made (booleans a byte each); `scratch`
 * is overwritten. Not for LH_PARQUET_RLE_DICTIONARY. */
lh_status lh_encode_values(const struct lh_leaf *leaf, struct lh_value_encoding form, const uint8_t *plain,
                           size_t count, struct lh_buf *scratch, struct lh_buf *out,
                           struct lh_error *err) LH_WARN_UNUSED;

#endif
