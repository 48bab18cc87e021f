/* Decoders of what names places and times inside a server (row, log position, transaction, snapshot), of bit
 * strings and of text search vectors: as their output functions print them. */
#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"
#include "postgres/types/decode.h"

#define TID_BYTES 6
#define SNAPSHOT_HEADER_BYTES 20
#define BITS_HEADER_BYTES 4
#define LEXEMES_HEADER_BYTES 4
/* Two of 32 bits, or one of 64, and a mark. */
#define NUMBERS_TEXT_BYTES 32
/* ":16383A" */
#define POSITION_TEXT_BYTES 8

lh_status lh_pg_decode_tid(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                           struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length != TID_BYTES, 0)) {
    return lh_pg_wrong_length(decoder, length, TID_BYTES, err);
  }
  char text[NUMBERS_TEXT_BYTES];
  const int size =
      snprintf(text, sizeof(text), "(%" PRIu32 ",%u)", lh_pg_load_u32(bytes), lh_pg_load_u16(bytes + 4));
  return lh_pg_put_bytes(column, (const uint8_t *)text, (size_t)size, err);
}

lh_status lh_pg_decode_lsn(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                           struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length != 8, 0)) {
    return lh_pg_wrong_length(decoder, length, 8, err);
  }
  char text[NUMBERS_TEXT_BYTES];
  const int size =
      snprintf(text, sizeof(text), "%" PRIX32 "/%" PRIX32, lh_pg_load_u32(bytes), lh_pg_load_u32(bytes + 4));
  return lh_pg_put_bytes(column, (const uint8_t *)text, (size_t)size, err);
}

lh_status lh_pg_decode_xid8(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                            struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length != 8, 0)) {
    return lh_pg_wrong_length(decoder, length, 8, err);
  }
  char text[NUMBERS_TEXT_BYTES];
  const int size = snprintf(text, sizeof(text), "%" PRIu64, lh_pg_load_u64(bytes));
  return lh_pg_put_bytes(column, (const uint8_t *)text, (size_t)size, err);
}

/* xmin:xmax:xip,xip,… */
lh_status lh_pg_decode_snapshot(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                                struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length < SNAPSHOT_HEADER_BYTES, 0)) {
    return lh_pg_wrong_length(decoder, length, SNAPSHOT_HEADER_BYTES, err);
  }
  const size_t count = lh_pg_load_u32(bytes);
  if (__builtin_expect(length - SNAPSHOT_HEADER_BYTES != 8 * count, 0)) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "a value of type %s claims %zu transactions in %zu bytes",
                        decoder->type_name, count, length);
  }
  LH_TRY(lh_buf_printf(&column->data, err, "%" PRIu64 ":%" PRIu64 ":", lh_pg_load_u64(bytes + 4),
                       lh_pg_load_u64(bytes + 12)));
  for (size_t i = 0; i < count; i++) {
    LH_TRY(lh_buf_printf(&column->data, err, "%s%" PRIu64, i > 0 ? "," : "",
                         lh_pg_load_u64(bytes + SNAPSHOT_HEADER_BYTES + 8 * i)));
  }
  lh_pg_close_bytes(column);
  return LH_OK;
}

lh_status lh_pg_decode_bits(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                            struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length < BITS_HEADER_BYTES, 0)) {
    return lh_pg_wrong_length(decoder, length, BITS_HEADER_BYTES, err);
  }
  const size_t count = lh_pg_load_u32(bytes);
  if (__builtin_expect(length - BITS_HEADER_BYTES != (count + 7) / 8, 0)) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "a value of type %s claims %zu bits in %zu bytes",
                        decoder->type_name, count, length);
  }
  LH_TRY(lh_buf_reserve(&column->data, count, err));
  const uint8_t *const bits = bytes + BITS_HEADER_BYTES;
  uint8_t *const out = column->data.data + column->data.len;
  for (size_t i = 0; i < count; i++) {
    out[i] = (uint8_t)('0' + ((bits[i / 8] >> (7 - i % 8)) & 1));
  }
  column->data.len += count;
  lh_pg_close_bytes(column);
  return LH_OK;
}

/* -------- text search vectors -------- */

static lh_status corrupt_lexemes(const struct lh_pg_decoder *decoder, size_t index, struct lh_error *err) {
  return lh_error_set(err, LH_ERROR_CORRUPT, "a value of type %s ends within its lexeme %zu",
                      decoder->type_name, index + 1);
}

/* In quotes, with quotes and backslashes doubled. Room is reserved. */
static void write_lexeme(struct lh_buf *out, const uint8_t *lexeme, size_t size) {
  out->data[out->len++] = '\'';
  for (size_t i = 0; i < size; i++) {
    if (lexeme[i] == '\'' || lexeme[i] == '\\') {
      out->data[out->len++] = lexeme[i];
    }
    out->data[out->len++] = lexeme[i];
  }
  out->data[out->len++] = '\'';
}

/* The position is in the lower 14 bits, its weight, D to A, above; D is not shown. */
static void write_position(struct lh_buf *out, char mark, unsigned position) {
  static const char weights[][2] = {"", "C", "B", "A"};
  out->len += (size_t)snprintf((char *)(out->data + out->len), POSITION_TEXT_BYTES, "%c%u%s", mark,
                               position & 0x3fff, weights[position >> 14]);
}

static lh_status write_lexemes(const struct lh_pg_decoder *decoder, const uint8_t *at, const uint8_t *end,
                               size_t count, struct lh_buf *out, struct lh_error *err) {
  for (size_t i = 0; i < count; i++) {
    const uint8_t *const zero = memchr(at, '\0', (size_t)(end - at));
    if (zero == NULL || end - zero < 3) {
      return corrupt_lexemes(decoder, i, err);
    }
    const size_t size = (size_t)(zero - at);
    const size_t positions = lh_pg_load_u16(zero + 1);
    if (2 * positions > (size_t)(end - zero - 3)) {
      return corrupt_lexemes(decoder, i, err);
    }
    LH_TRY(lh_buf_reserve(out, 2 * size + 3 + POSITION_TEXT_BYTES * positions + 1, err));
    if (i > 0) {
      out->data[out->len++] = ' ';
    }
    write_lexeme(out, at, size);
    at = zero + 3;
    for (size_t j = 0; j < positions; j++, at += 2) {
      write_position(out, j == 0 ? ':' : ',', lh_pg_load_u16(at));
    }
  }
  return at == end ? LH_OK
                   : lh_error_set(err, LH_ERROR_CORRUPT, "a value of type %s has %td bytes after its lexemes",
                                  decoder->type_name, end - at);
}

lh_status lh_pg_decode_tsvector(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                                struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length < LEXEMES_HEADER_BYTES, 0)) {
    return lh_pg_wrong_length(decoder, length, LEXEMES_HEADER_BYTES, err);
  }
  struct lh_buf *const out = &column->data;
  const size_t start = out->len;
  LH_TRY(lh_buf_reserve(out, 1, err));
  LH_TRY(
      write_lexemes(decoder, bytes + LEXEMES_HEADER_BYTES, bytes + length, lh_pg_load_u32(bytes), out, err));
  if (__builtin_expect(decoder->check_utf8, 0) && !lh_utf8_valid(out->data + start, out->len - start)) {
    out->len = start;
    if (lh_pg_takes_null(decoder)) {
      return lh_pg_put_null(column, err);
    }
    lh_error_set(err, LH_ERROR_DATA, "the %s is not valid UTF-8", decoder->type_name);
    lh_error_hint(err,
                  "the database's encoding is SQL_ASCII, which checks nothing: set on_unrepresentable for "
                  "the column to null");
    return LH_ERROR_DATA;
  }
  lh_pg_close_bytes(column);
  return LH_OK;
}
