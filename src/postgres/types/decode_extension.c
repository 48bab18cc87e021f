/* Decoders of the types of hstore, into MAP, and of pgvector: vector and halfvec into LIST of FLOAT,
 * sparsevec into MAP of its elements that are not zero, with indices from 1 on as its text form counts them.
 * Spec: hstore_send in contrib/hstore; vector_send, halfvec_send and sparsevec_send in pgvector. */
#include <inttypes.h>

#include "base/str.h"
#include "postgres/types/decode_nested.h"

#define LENGTH_BYTES 4
#define VECTOR_HEADER_BYTES 4
#define SPARSE_HEADER_BYTES 12
#define SPARSE_ITEM_BYTES 8

/* A key is taken as it is, since one that was replaced could be another's. */
static lh_status decode_key(const struct lh_pg_decoder *decoder, const uint8_t **at, const uint8_t *end,
                            struct lh_column *column, struct lh_error *err) {
  const uint8_t *bytes = NULL;
  size_t length = 0;
  LH_TRY(lh_pg_read_item(decoder, at, end, &bytes, &length, err));
  if (bytes == NULL) {
    return lh_pg_corrupt_value(decoder, err, "has a key that is null");
  }
  if (decoder->check_utf8 && !lh_utf8_valid(bytes, length)) {
    lh_error_set(err, LH_ERROR_DATA, "a key is not valid UTF-8");
    lh_error_hint(
        err, "the database's encoding is SQL_ASCII, which checks nothing: convert the column with a query");
    return LH_ERROR_DATA;
  }
  LH_TRY(lh_column_reserve(column, 1, err));
  return lh_pg_put_bytes(column, bytes, length, err);
}

static lh_status decode_value(const struct lh_pg_decoder *decoder, const uint8_t **at, const uint8_t *end,
                              struct lh_column *column, struct lh_error *err) {
  const uint8_t *bytes = NULL;
  size_t length = 0;
  LH_TRY(lh_pg_read_item(decoder, at, end, &bytes, &length, err));
  LH_TRY(lh_column_reserve(column, 1, err));
  return bytes != NULL ? lh_pg_decode_text(decoder, bytes, length, column, err) : lh_pg_put_null(column, err);
}

lh_status lh_pg_decode_hstore(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                              struct lh_column *column, struct lh_error *err) {
  const uint8_t *at = bytes;
  const uint8_t *const end = bytes + length;
  size_t count = 0;
  LH_TRY(lh_pg_read_count(decoder, &at, end, 2 * LENGTH_BYTES, &count, err));
  for (size_t i = 0; i < count; i++) {
    LH_TRY(decode_key(decoder, &at, end, &column->children[0], err));
    LH_TRY(decode_value(decoder, &at, end, &column->children[1], err));
  }
  if (at != end) {
    return lh_pg_corrupt_value(decoder, err, "has bytes after its last pair");
  }
  lh_pg_close_list(column);
  return LH_OK;
}

/* Leaves the count of elements, each of `width` bytes. */
static lh_status read_dimensions(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                                 size_t width, size_t *count, struct lh_error *err) {
  if (length < VECTOR_HEADER_BYTES) {
    return lh_pg_corrupt_value(decoder, err, "ends within its header");
  }
  *count = lh_pg_load_u16(bytes);
  if (length - VECTOR_HEADER_BYTES != *count * width) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "a value of type %s claims %zu dimensions in %zu bytes",
                        decoder->type_name, *count, length);
  }
  return LH_OK;
}

lh_status lh_pg_decode_vector(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                              struct lh_column *column, struct lh_error *err) {
  size_t count = 0;
  struct lh_column *const child = &column->children[0];
  LH_TRY(read_dimensions(decoder, bytes, length, sizeof(uint32_t), &count, err));
  LH_TRY(lh_column_reserve(child, count, err));
  for (size_t i = 0; i < count; i++) {
    lh_pg_put_32(child, lh_pg_load_u32(bytes + VECTOR_HEADER_BYTES + sizeof(uint32_t) * i));
  }
  lh_pg_close_list(column);
  return LH_OK;
}

/* IEEE 754: five bits of exponent, ten of fraction. Every half is a single, exactly. */
static uint32_t widen_half(uint16_t half) {
  const uint32_t sign = (uint32_t)(half & 0x8000) << 16;
  const uint32_t exponent = (half >> 10) & 0x1f;
  uint32_t fraction = half & 0x3ff;
  if (exponent == 0x1f) {
    return sign | UINT32_C(0x7f800000) | fraction << 13;
  }
  if (exponent != 0) {
    return sign | (exponent + 112) << 23 | fraction << 13;
  }
  if (fraction == 0) {
    return sign;
  }
  uint32_t shift = 0;
  while ((fraction & 0x400) == 0) {
    fraction <<= 1;
    shift++;
  }
  return sign | (113 - shift) << 23 | (fraction & 0x3ff) << 13;
}

lh_status lh_pg_decode_halfvec(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                               struct lh_column *column, struct lh_error *err) {
  size_t count = 0;
  struct lh_column *const child = &column->children[0];
  LH_TRY(read_dimensions(decoder, bytes, length, sizeof(uint16_t), &count, err));
  LH_TRY(lh_column_reserve(child, count, err));
  for (size_t i = 0; i < count; i++) {
    lh_pg_put_32(child, widen_half(lh_pg_load_u16(bytes + VECTOR_HEADER_BYTES + sizeof(uint16_t) * i)));
  }
  lh_pg_close_list(column);
  return LH_OK;
}

lh_status lh_pg_decode_sparsevec(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                                 struct lh_column *column, struct lh_error *err) {
  if (length < SPARSE_HEADER_BYTES) {
    return lh_pg_corrupt_value(decoder, err, "ends within its header");
  }
  const uint32_t dimensions = lh_pg_load_u32(bytes);
  const size_t count = lh_pg_load_u32(bytes + 4);
  if (dimensions > INT32_MAX || length - SPARSE_HEADER_BYTES != count * SPARSE_ITEM_BYTES) {
    return lh_error_set(err, LH_ERROR_CORRUPT,
                        "a value of type %s claims %zu elements of %" PRIu32 " dimensions in %zu bytes",
                        decoder->type_name, count, dimensions, length);
  }
  const uint8_t *const indices = bytes + SPARSE_HEADER_BYTES;
  const uint8_t *const values = indices + sizeof(uint32_t) * count;
  LH_TRY(lh_column_reserve(&column->children[0], count, err));
  LH_TRY(lh_column_reserve(&column->children[1], count, err));
  int64_t before = -1;
  for (size_t i = 0; i < count; i++) {
    const uint32_t index = lh_pg_load_u32(indices + sizeof(uint32_t) * i);
    if (index >= dimensions || (int64_t)index <= before) {
      return lh_error_set(err, LH_ERROR_CORRUPT,
                          "a value of type %s of %" PRIu32 " dimensions has index %" PRIu32 " after %" PRId64,
                          decoder->type_name, dimensions, index, before);
    }
    before = index;
    lh_pg_put_32(&column->children[0], index + 1);
    lh_pg_put_32(&column->children[1], lh_pg_load_u32(values + sizeof(uint32_t) * i));
  }
  lh_pg_close_list(column);
  return LH_OK;
}
