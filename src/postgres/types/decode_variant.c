/* Decoder of json and jsonb into VARIANT: the text goes to the column's encoder. */
#include "column/variant.h"
#include "postgres/types/decode.h"

enum { MEMBER_METADATA, MEMBER_VALUE };

static lh_status encode(const struct lh_pg_decoder *decoder, bool nearest, const uint8_t *bytes,
                        size_t length, struct lh_column *column, enum lh_variant_problem *problem,
                        struct lh_error *err) {
  const struct lh_variant_options options = {.check_utf8 = decoder->check_utf8, .nearest = nearest};
  struct lh_column *const metadata = &column->children[MEMBER_METADATA];
  struct lh_column *const value = &column->children[MEMBER_VALUE];
  LH_TRY(lh_column_reserve(metadata, 1, err));
  LH_TRY(lh_column_reserve(value, 1, err));
  LH_TRY(lh_variant_encode(column->variant, bytes, length, &options, &metadata->data, &value->data, problem,
                           err));
  lh_pg_close_bytes(metadata);
  lh_pg_close_bytes(value);
  lh_column_push_valid(column);
  return LH_OK;
}

lh_status lh_pg_decode_variant(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                               struct lh_column *column, struct lh_error *err) {
  enum lh_variant_problem problem = LH_VARIANT_FITS;
  const lh_status status = encode(decoder, false, bytes, length, column, &problem, err);
  if (__builtin_expect(status != LH_ERROR_DATA, 1)) {
    return status;
  }
  if (problem == LH_VARIANT_HAS_NEAREST && lh_pg_takes_nearest(decoder)) {
    return encode(decoder, true, bytes, length, column, &problem, err);
  }
  if (lh_pg_takes_null(decoder)) {
    return lh_pg_put_null(column, err);
  }
  lh_error_hint(err,
                problem == LH_VARIANT_HAS_NEAREST
                    ? "set on_unrepresentable for the column to null or clamp, or leave out type: variant"
                    : "set on_unrepresentable for the column to null, or leave out type: variant");
  return LH_ERROR_DATA;
}

lh_status lh_pg_decode_versioned_variant(const struct lh_pg_decoder *decoder, const uint8_t *bytes,
                                         size_t length, struct lh_column *column, struct lh_error *err) {
  const uint8_t *text = NULL;
  LH_TRY(lh_pg_skip_version(decoder, bytes, length, &text, err));
  return lh_pg_decode_variant(decoder, text, length - 1, column, err);
}
