/* Decoder of arrays: each element goes through its own type's decoder into the list's child column. */
#include <inttypes.h>

#include "postgres/decode.h"

#define HEADER_BYTES 12
#define DIMENSION_BYTES 8
#define MAX_DIMENSIONS 6

/* Leaves `*count` elements to be read after `*header` bytes, or `*as_null` where the policy wants that. */
static lh_status read_header(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                             size_t *header, size_t *count, bool *as_null, struct lh_error *err) {
  if (length < HEADER_BYTES) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "an array of %s has %zu bytes, fewer than its header",
                        decoder->element->type_name, length);
  }
  const uint32_t dimensions = lh_pg_load_u32(bytes);
  const uint32_t has_null = lh_pg_load_u32(bytes + 4);
  const uint32_t element_oid = lh_pg_load_u32(bytes + 8);
  if (dimensions > MAX_DIMENSIONS || has_null > 1) {
    return lh_error_set(err, LH_ERROR_CORRUPT,
                        "an array of %s has no array's header (dimensions %" PRIu32 ", flags %" PRIu32 ")",
                        decoder->element->type_name, dimensions, has_null);
  }
  if (element_oid != decoder->element->oid) {
    return lh_error_set(err, LH_ERROR_CORRUPT,
                        "an array of %s (type oid %" PRIu32 ") has elements of type oid %" PRIu32,
                        decoder->element->type_name, decoder->element->oid, element_oid);
  }
  if (dimensions > 1 && lh_pg_takes_null(decoder)) {
    *as_null = true;
    return LH_OK;
  }
  if (dimensions > 1) {
    lh_error_set(err, LH_ERROR_DATA, "the array has %" PRIu32 " dimensions, and a list in the lake has one",
                 dimensions);
    lh_error_hint(err, "carry the column as JSON or text with a query: to_json(column), column::text");
    return LH_ERROR_DATA;
  }
  *header = HEADER_BYTES + dimensions * DIMENSION_BYTES;
  if (length < *header) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "an array of %s ends within its header",
                        decoder->element->type_name);
  }
  *count = dimensions == 0 ? 0 : lh_pg_load_u32(bytes + HEADER_BYTES);
  /* Every element has at least its length, so that a count cannot ask for more memory than was sent. */
  if (*count > (length - *header) / 4) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "an array of %s claims %zu elements in %zu bytes",
                        decoder->element->type_name, *count, length);
  }
  return LH_OK;
}

static lh_status decode_elements(const struct lh_pg_decoder *element, const uint8_t *at, const uint8_t *end,
                                 size_t count, struct lh_column *child, struct lh_error *err) {
  for (size_t i = 0; i < count; i++) {
    if (end - at < 4) {
      return lh_error_set(err, LH_ERROR_CORRUPT, "an array of %s ends before its element %zu",
                          element->type_name, i + 1);
    }
    const int32_t length = lh_pg_load_i32(at);
    at += 4;
    if (length == -1) {
      LH_TRY(lh_pg_put_null(child, err));
      continue;
    }
    if (length < 0 || length > end - at) {
      return lh_error_set(err, LH_ERROR_CORRUPT,
                          "an array of %s has an element %zu of %" PRId32 " bytes, and %td are left",
                          element->type_name, i + 1, length, end - at);
    }
    if (element->decode(element, at, (size_t)length, child, err) != LH_OK) {
      return lh_error_prefix(err, "element %zu", i + 1);
    }
    at += length;
  }
  if (at != end) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "an array of %s has %td bytes after its last element",
                        element->type_name, end - at);
  }
  return LH_OK;
}

lh_status lh_pg_decode_array(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                             struct lh_column *column, struct lh_error *err) {
  size_t header = 0;
  size_t count = 0;
  bool as_null = false;
  struct lh_column *const child = &column->children[0];
  LH_TRY(read_header(decoder, bytes, length, &header, &count, &as_null, err));
  if (as_null) {
    return lh_pg_put_null(column, err);
  }
  LH_TRY(lh_column_reserve(child, count, err));
  LH_TRY(decode_elements(decoder->element, bytes + header, bytes + length, count, child, err));
  column->offsets[column->length + 1] = (int32_t)child->length;
  lh_column_push_valid(column);
  return LH_OK;
}
