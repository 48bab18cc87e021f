/* Decoders of interval, whose three parts stay apart because none can be turned into another, and of time
 * with time zone. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "postgres/types/decode.h"

#define INTERVAL_BYTES 16
#define TIMETZ_BYTES 12
#define DAY_MICROS INT64_C(86400000000)
#define SECOND_MICROS 1000000
/* An offset is less than this many seconds: MAX_TZDISP_HOUR is 15. */
#define OFFSET_LIMIT (16 * 3600)
#define TIMETZ_TEXT_BYTES 64

enum { MEMBER_MONTHS, MEMBER_DAYS, MEMBER_MICROSECONDS };

static lh_status put_infinite_interval(const struct lh_pg_decoder *decoder, const char *value,
                                       struct lh_column *column, struct lh_error *err) {
  if (lh_pg_takes_null(decoder)) {
    return lh_pg_put_null(column, err);
  }
  lh_error_set(err, LH_ERROR_DATA, "the %s %s cannot be held by the column's type in the lake",
               decoder->type_name, value);
  lh_error_hint(err,
                "set on_unrepresentable for the column to null, or replace the value with a query: "
                "nullif(column, '%s')",
                value);
  return LH_ERROR_DATA;
}

lh_status lh_pg_decode_interval(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                                struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length != INTERVAL_BYTES, 0)) {
    return lh_pg_wrong_length(decoder, length, INTERVAL_BYTES, err);
  }
  const int64_t micros = (int64_t)lh_pg_load_u64(bytes);
  const int32_t days = lh_pg_load_i32(bytes + 8);
  const int32_t months = lh_pg_load_i32(bytes + 12);
  if (__builtin_expect(micros == INT64_MAX && days == INT32_MAX && months == INT32_MAX, 0)) {
    return put_infinite_interval(decoder, "infinity", column, err);
  }
  if (__builtin_expect(micros == INT64_MIN && days == INT32_MIN && months == INT32_MIN, 0)) {
    return put_infinite_interval(decoder, "-infinity", column, err);
  }
  struct lh_column *const members = column->children;
  for (size_t i = 0; i < column->child_count; i++) {
    LH_TRY(lh_column_reserve(&members[i], 1, err));
  }
  lh_pg_put_32(&members[MEMBER_MONTHS], (uint32_t)months);
  lh_pg_put_32(&members[MEMBER_DAYS], (uint32_t)days);
  lh_pg_put_64(&members[MEMBER_MICROSECONDS], (uint64_t)micros);
  lh_column_push_valid(column);
  return LH_OK;
}

/* The offset has minutes and seconds only where it needs them, the time as many decimals. */
static int print_timetz(int64_t micros, int32_t west, char text[TIMETZ_TEXT_BYTES]) {
  const int64_t seconds = micros / SECOND_MICROS;
  const int64_t fraction = micros % SECOND_MICROS;
  int used = snprintf(text, TIMETZ_TEXT_BYTES, "%02" PRId64 ":%02" PRId64 ":%02" PRId64, seconds / 3600,
                      seconds / 60 % 60, seconds % 60);
  if (fraction != 0) {
    used += snprintf(text + used, TIMETZ_TEXT_BYTES - (size_t)used, ".%06" PRId64, fraction);
    while (text[used - 1] == '0') {
      used--;
    }
  }
  const int offset = abs(west);
  used +=
      snprintf(text + used, TIMETZ_TEXT_BYTES - (size_t)used, "%c%02d", west <= 0 ? '+' : '-', offset / 3600);
  if (offset % 3600 != 0) {
    used += snprintf(text + used, TIMETZ_TEXT_BYTES - (size_t)used, ":%02d", offset / 60 % 60);
  }
  if (offset % 60 != 0) {
    used += snprintf(text + used, TIMETZ_TEXT_BYTES - (size_t)used, ":%02d", offset % 60);
  }
  return used;
}

lh_status lh_pg_decode_timetz(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                              struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length != TIMETZ_BYTES, 0)) {
    return lh_pg_wrong_length(decoder, length, TIMETZ_BYTES, err);
  }
  const int64_t micros = (int64_t)lh_pg_load_u64(bytes);
  const int32_t west = lh_pg_load_i32(bytes + 8);
  if (__builtin_expect(micros < 0 || micros > DAY_MICROS || west <= -OFFSET_LIMIT || west >= OFFSET_LIMIT,
                       0)) {
    return lh_error_set(err, LH_ERROR_CORRUPT,
                        "a value of type %s has %" PRId64 " microseconds and an offset of %" PRId32
                        " seconds, which cannot be",
                        decoder->type_name, micros, west);
  }
  char text[TIMETZ_TEXT_BYTES];
  const int size = print_timetz(micros, west, text);
  return lh_pg_put_bytes(column, (const uint8_t *)text, (size_t)size, err);
}
