/* Decoders of composites and ranges, into STRUCT, and of multiranges, into LIST: every part goes through the
 * decoder of its own type. Recursion is as deep as the type, which was bounded when it was resolved. Spec:
 * record_send, range_send and multirange_send in PostgreSQL. */
#include <inttypes.h>

#include "postgres/types/decode_nested.h"

#define COUNT_BYTES 4
#define LENGTH_BYTES 4
#define OID_BYTES 4

enum { RANGE_LOWER, RANGE_UPPER, RANGE_LOWER_INC, RANGE_UPPER_INC, RANGE_EMPTY, RANGE_MEMBERS };

enum {
  FLAG_EMPTY = 0x01,
  FLAG_LOWER_INC = 0x02,
  FLAG_UPPER_INC = 0x04,
  FLAG_LOWER_INFINITE = 0x08,
  FLAG_UPPER_INFINITE = 0x10,
  FLAGS_KNOWN = 0x1f
};

lh_status lh_pg_corrupt_value(const struct lh_pg_decoder *decoder, struct lh_error *err, const char *what) {
  return lh_error_set(err, LH_ERROR_CORRUPT, "a value of type %s %s", decoder->type_name, what);
}

lh_status lh_pg_read_count(const struct lh_pg_decoder *decoder, const uint8_t **at, const uint8_t *end,
                           size_t least, size_t *count, struct lh_error *err) {
  if (end - *at < COUNT_BYTES) {
    return lh_pg_corrupt_value(decoder, err, "ends within its count");
  }
  *count = lh_pg_load_u32(*at);
  *at += COUNT_BYTES;
  if (*count > (size_t)(end - *at) / least) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "a value of type %s claims %zu parts in %td bytes",
                        decoder->type_name, *count, end - *at);
  }
  return LH_OK;
}

lh_status lh_pg_read_item(const struct lh_pg_decoder *outer, const uint8_t **at, const uint8_t *end,
                          const uint8_t **bytes, size_t *length, struct lh_error *err) {
  if (__builtin_expect(end - *at < LENGTH_BYTES, 0)) {
    return lh_pg_corrupt_value(outer, err, "ends before its last part");
  }
  const int32_t claimed = lh_pg_load_i32(*at);
  *at += LENGTH_BYTES;
  if (claimed == -1) {
    *bytes = NULL;
    *length = 0;
    return LH_OK;
  }
  if (__builtin_expect(claimed < 0 || claimed > end - *at, 0)) {
    return lh_error_set(err, LH_ERROR_CORRUPT,
                        "a value of type %s has a part of %" PRId32 " bytes, and %td are left",
                        outer->type_name, claimed, end - *at);
  }
  *bytes = *at;
  *length = (size_t)claimed;
  *at += claimed;
  return LH_OK;
}

lh_status lh_pg_decode_item(const struct lh_pg_decoder *outer, const struct lh_pg_decoder *decoder,
                            const uint8_t **at, const uint8_t *end, struct lh_column *column,
                            struct lh_error *err) {
  const uint8_t *bytes = NULL;
  size_t length = 0;
  LH_TRY(lh_pg_read_item(outer, at, end, &bytes, &length, err));
  LH_TRY(lh_column_reserve(column, 1, err));
  return bytes != NULL ? decoder->decode(decoder, bytes, length, column, err) : lh_pg_put_null(column, err);
}

lh_status lh_pg_decode_composite(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                                 struct lh_column *column, struct lh_error *err) {
  const uint8_t *at = bytes;
  const uint8_t *const end = bytes + length;
  size_t count = 0;
  LH_TRY(lh_pg_read_count(decoder, &at, end, OID_BYTES + LENGTH_BYTES, &count, err));
  if (__builtin_expect(count != decoder->member_count, 0)) {
    lh_error_set(err, LH_ERROR_CORRUPT, "a value of type %s has %zu attributes, not %zu", decoder->type_name,
                 count, decoder->member_count);
    lh_error_hint(err, "if the type was altered meanwhile, run again");
    return LH_ERROR_CORRUPT;
  }
  for (size_t i = 0; i < count; i++) {
    const struct lh_pg_decoder *const member = &decoder->members[i];
    if (__builtin_expect(end - at < OID_BYTES, 0)) {
      return lh_pg_corrupt_value(decoder, err, "ends before its last attribute");
    }
    const uint32_t oid = lh_pg_load_u32(at);
    at += OID_BYTES;
    if (__builtin_expect(oid != member->oid, 0)) {
      return lh_error_set(err, LH_ERROR_CORRUPT,
                          "attribute \"%s\" of type %s has type oid %" PRIu32 ", not %" PRIu32,
                          column->children[i].field->name, decoder->type_name, oid, member->oid);
    }
    if (__builtin_expect(lh_pg_decode_item(decoder, member, &at, end, &column->children[i], err) != LH_OK,
                         0)) {
      return lh_error_prefix(err, "attribute \"%s\"", column->children[i].field->name);
    }
  }
  if (__builtin_expect(at != end, 0)) {
    return lh_pg_corrupt_value(decoder, err, "has bytes after its last attribute");
  }
  lh_column_push_valid(column);
  return LH_OK;
}

static lh_status decode_bound(const struct lh_pg_decoder *decoder, bool is_present, const uint8_t **at,
                              const uint8_t *end, struct lh_column *column, struct lh_error *err) {
  if (!is_present) {
    LH_TRY(lh_column_reserve(column, 1, err));
    return lh_pg_put_null(column, err);
  }
  if (end - *at >= LENGTH_BYTES && lh_pg_load_i32(*at) == -1) {
    return lh_pg_corrupt_value(decoder, err, "has a bound that is null");
  }
  if (lh_pg_decode_item(decoder, decoder->element, at, end, column, err) != LH_OK) {
    return lh_error_prefix(err, "%s bound", column->field->name);
  }
  return LH_OK;
}

static lh_status put_flag(struct lh_column *column, bool value, struct lh_error *err) {
  LH_TRY(lh_column_reserve(column, 1, err));
  column->values[column->length] = value;
  lh_column_push_valid(column);
  return LH_OK;
}

lh_status lh_pg_decode_range(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                             struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length < 1 || (bytes[0] & ~FLAGS_KNOWN) != 0, 0)) {
    return lh_pg_corrupt_value(decoder, err, length < 1 ? "has no bytes" : "has unknown flags");
  }
  const unsigned flags = bytes[0];
  const bool is_empty = (flags & FLAG_EMPTY) != 0;
  const uint8_t *at = bytes + 1;
  const uint8_t *const end = bytes + length;
  struct lh_column *const members = column->children;
  LH_TRY(decode_bound(decoder, (flags & (FLAG_EMPTY | FLAG_LOWER_INFINITE)) == 0, &at, end,
                      &members[RANGE_LOWER], err));
  LH_TRY(decode_bound(decoder, (flags & (FLAG_EMPTY | FLAG_UPPER_INFINITE)) == 0, &at, end,
                      &members[RANGE_UPPER], err));
  LH_TRY(put_flag(&members[RANGE_LOWER_INC], (flags & FLAG_LOWER_INC) != 0, err));
  LH_TRY(put_flag(&members[RANGE_UPPER_INC], (flags & FLAG_UPPER_INC) != 0, err));
  LH_TRY(put_flag(&members[RANGE_EMPTY], is_empty, err));
  if (__builtin_expect(at != end, 0)) {
    return lh_pg_corrupt_value(decoder, err, "has bytes after its last bound");
  }
  lh_column_push_valid(column);
  return LH_OK;
}

lh_status lh_pg_decode_multirange(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                                  struct lh_column *column, struct lh_error *err) {
  const uint8_t *at = bytes;
  const uint8_t *const end = bytes + length;
  size_t count = 0;
  LH_TRY(lh_pg_read_count(decoder, &at, end, LENGTH_BYTES + 1, &count, err));
  LH_TRY(lh_column_reserve(&column->children[0], count, err));
  for (size_t i = 0; i < count; i++) {
    if (end - at >= LENGTH_BYTES && lh_pg_load_i32(at) == -1) {
      return lh_pg_corrupt_value(decoder, err, "has a range that is null");
    }
    if (lh_pg_decode_item(decoder, decoder->element, &at, end, &column->children[0], err) != LH_OK) {
      return lh_error_prefix(err, "range %zu", i + 1);
    }
  }
  if (__builtin_expect(at != end, 0)) {
    return lh_pg_corrupt_value(decoder, err, "has bytes after its last range");
  }
  lh_pg_close_list(column);
  return LH_OK;
}
