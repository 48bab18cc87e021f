/* Decoders of arrays: each element goes through its own type's decoder into the list's child column. */
#include <inttypes.h>

#include "postgres/types/decode_nested.h"

#define HEADER_BYTES 12
#define DIMENSION_BYTES 8
#define MAX_DIMENSIONS 6

/* What stands in front of the elements. */
struct header {
  size_t bytes, count; /* of the header; of elements */
  size_t dimensions;
  uint32_t lengths[MAX_DIMENSIONS];
};

static lh_status check_header(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                              struct lh_error *err) {
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
  if (length < HEADER_BYTES + dimensions * DIMENSION_BYTES) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "an array of %s ends within its header",
                        decoder->element->type_name);
  }
  return LH_OK;
}

static lh_status read_header(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                             struct header *header, struct lh_error *err) {
  LH_TRY(check_header(decoder, bytes, length, err));
  header->dimensions = lh_pg_load_u32(bytes);
  header->bytes = HEADER_BYTES + header->dimensions * DIMENSION_BYTES;
  header->count = header->dimensions == 0 ? 0 : 1;
  for (size_t i = 0; i < header->dimensions; i++) {
    header->lengths[i] = lh_pg_load_u32(bytes + HEADER_BYTES + i * DIMENSION_BYTES);
    /* Every element has at least its length, so that a count cannot ask for more memory than was sent. */
    if (header->lengths[i] > INT32_MAX ||
        __builtin_mul_overflow(header->count, header->lengths[i], &header->count) ||
        header->count > (length - header->bytes) / 4) {
      return lh_error_set(err, LH_ERROR_CORRUPT, "an array of %s claims %zu elements in %zu bytes",
                          decoder->element->type_name, header->count, length);
    }
  }
  return LH_OK;
}

static lh_status put_several_dimensions(const struct lh_pg_decoder *decoder, size_t dimensions,
                                        struct lh_column *column, struct lh_error *err) {
  if (lh_pg_takes_null(decoder)) {
    return lh_pg_put_null(column, err);
  }
  lh_error_set(err, LH_ERROR_DATA, "the array has %zu dimensions, and a list in the lake has one",
               dimensions);
  lh_error_hint(err,
                "set multidimensional for the column to json or flatten, or carry it over as text with a "
                "query: column::text");
  return LH_ERROR_DATA;
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

/* The elements into `list`, which gets one more value. */
static lh_status decode_list(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                             const struct header *header, struct lh_column *list, struct lh_error *err) {
  struct lh_column *const child = &list->children[0];
  LH_TRY(lh_column_reserve(child, header->count, err));
  LH_TRY(decode_elements(decoder->element, bytes + header->bytes, bytes + length, header->count, child, err));
  lh_pg_close_list(list);
  return LH_OK;
}

lh_status lh_pg_decode_array(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                             struct lh_column *column, struct lh_error *err) {
  struct header header = {0};
  LH_TRY(read_header(decoder, bytes, length, &header, err));
  if (__builtin_expect(header.dimensions > 1, 0)) {
    return put_several_dimensions(decoder, header.dimensions, column, err);
  }
  return decode_list(decoder, bytes, length, &header, column, err);
}

lh_status lh_pg_decode_flattened_array(const struct lh_pg_decoder *decoder, const uint8_t *bytes,
                                       size_t length, struct lh_column *column, struct lh_error *err) {
  struct header header = {0};
  struct lh_column *const dimensions = &column->children[0];
  struct lh_column *const values = &column->children[1];
  LH_TRY(read_header(decoder, bytes, length, &header, err));
  LH_TRY(lh_column_reserve(dimensions, 1, err));
  LH_TRY(lh_column_reserve(&dimensions->children[0], header.dimensions, err));
  for (size_t i = 0; i < header.dimensions; i++) {
    lh_pg_put_32(&dimensions->children[0], header.lengths[i]);
  }
  lh_pg_close_list(dimensions);
  LH_TRY(lh_column_reserve(values, 1, err));
  LH_TRY(decode_list(decoder, bytes, length, &header, values, err));
  lh_column_push_valid(column);
  return LH_OK;
}
