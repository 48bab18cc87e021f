/* Decoders of text and bytes: copied as they come, checked where the server does not vouch for them. */
#include <stdio.h>

#include "base/str.h"
#include "postgres/types/decode.h"

#define TEXT_VERSION 1
#define SHOWN_BYTES 16

static lh_status refuse_encoding(const uint8_t *bytes, size_t length, struct lh_error *err) {
  char shown[2 * SHOWN_BYTES + 1] = "";
  const size_t count = length < SHOWN_BYTES ? length : SHOWN_BYTES;
  for (size_t i = 0; i < count; i++) {
    snprintf(shown + 2 * i, 3, "%02x", bytes[i]);
  }
  lh_error_set(err, LH_ERROR_DATA, "the text is not valid UTF-8: %zu bytes, beginning with 0x%s", length,
               shown);
  lh_error_hint(
      err,
      "the database's encoding is SQL_ASCII, which checks nothing: set on_unrepresentable for the column to "
      "null or clamp, or convert with a query, for example "
      "convert_from(convert(convert_to(column, 'SQL_ASCII'), 'LATIN1', 'UTF8'), 'UTF8')");
  return LH_ERROR_DATA;
}

/* Well-formed characters as they are, U+FFFD for every byte of what is none. */
static lh_status put_repaired(struct lh_column *column, const uint8_t *bytes, size_t length,
                              struct lh_error *err) {
  static const uint8_t replacement[] = {0xef, 0xbf, 0xbd};
  size_t at = 0;
  while (at < length) {
    size_t size = 1;
    while (size <= 4 && (size > length - at || !lh_utf8_valid(bytes + at, size))) {
      size++;
    }
    const bool valid = size <= 4;
    LH_TRY(valid ? lh_buf_append(&column->data, bytes + at, size, err)
                 : lh_buf_append(&column->data, replacement, sizeof(replacement), err));
    at += valid ? size : 1;
  }
  column->offsets[column->length + 1] = (int32_t)column->data.len;
  lh_column_push_valid(column);
  return LH_OK;
}

static lh_status put_invalid_text(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                                  struct lh_column *column, struct lh_error *err) {
  if (lh_pg_takes_nearest(decoder)) {
    return put_repaired(column, bytes, length, err);
  }
  if (lh_pg_takes_null(decoder)) {
    return lh_pg_put_null(column, err);
  }
  return refuse_encoding(bytes, length, err);
}

lh_status lh_pg_decode_text(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                            struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(decoder->check_utf8, 0) && !lh_utf8_valid(bytes, length)) {
    return put_invalid_text(decoder, bytes, length, column, err);
  }
  return lh_pg_put_bytes(column, bytes, length, err);
}

lh_status lh_pg_decode_bytea(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                             struct lh_column *column, struct lh_error *err) {
  (void)decoder;
  return lh_pg_put_bytes(column, bytes, length, err);
}

lh_status lh_pg_skip_version(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                             const uint8_t **text, struct lh_error *err) {
  if (__builtin_expect(length < 1, 0)) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "a value of type %s has no bytes", decoder->type_name);
  }
  if (__builtin_expect(bytes[0] != TEXT_VERSION, 0)) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "a value of type %s has format version %u, not %d",
                        decoder->type_name, bytes[0], TEXT_VERSION);
  }
  *text = bytes + 1;
  return LH_OK;
}

lh_status lh_pg_decode_versioned_text(const struct lh_pg_decoder *decoder, const uint8_t *bytes,
                                      size_t length, struct lh_column *column, struct lh_error *err) {
  const uint8_t *text = NULL;
  LH_TRY(lh_pg_skip_version(decoder, bytes, length, &text, err));
  return lh_pg_decode_text(decoder, text, length - 1, column, err);
}

/* Zero is the empty string, and bytes past ASCII are octal: what "char" prints from PostgreSQL 15 on, and
 * valid UTF-8 on every version. */
lh_status lh_pg_decode_char(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                            struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length != 1, 0)) {
    return lh_pg_wrong_length(decoder, length, 1, err);
  }
  const uint8_t byte = bytes[0];
  if (byte < 0x80) {
    return lh_pg_put_bytes(column, bytes, byte == 0 ? 0 : 1, err);
  }
  const uint8_t octal[4] = {'\\', (uint8_t)('0' + (byte >> 6)), (uint8_t)('0' + ((byte >> 3) & 7)),
                            (uint8_t)('0' + (byte & 7))};
  return lh_pg_put_bytes(column, octal, sizeof(octal), err);
}
