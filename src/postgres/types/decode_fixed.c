/* Decoders of the types whose values have one width on the wire and one in memory. */
#include <stdio.h>

#include "postgres/types/decode.h"

#define DAY_MICROS INT64_C(86400000000)
/* What infinities are clamped to, since 1970-01-01: PostgreSQL's own first and last finite values, so that
 * nothing finite sorts past them; of timestamps the last one short of INT64_MAX, which readers take for
 * infinity. */
#define FIRST_DAY (-2451545 + LH_PG_EPOCH_DAYS)
#define LAST_DAY (2145031948 + LH_PG_EPOCH_DAYS)
#define FIRST_MICROS (INT64_C(-211813488000000000) + LH_PG_EPOCH_MICROS)
#define LAST_MICROS (INT64_MAX - 1)
#define UUID_BYTES 16
#define TIMESTAMP_TEXT_BYTES 64

lh_status lh_pg_wrong_length(const struct lh_pg_decoder *decoder, size_t length, size_t expected,
                             struct lh_error *err) {
  return lh_error_set(err, LH_ERROR_CORRUPT, "a value of type %s has %zu bytes, not %zu", decoder->type_name,
                      length, expected);
}

lh_status lh_pg_decode_bool(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                            struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length != 1, 0)) {
    return lh_pg_wrong_length(decoder, length, 1, err);
  }
  column->values[column->length] = bytes[0] != 0;
  lh_column_push_valid(column);
  return LH_OK;
}

lh_status lh_pg_decode_int2(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                            struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length != 2, 0)) {
    return lh_pg_wrong_length(decoder, length, 2, err);
  }
  lh_pg_put_32(column, (uint32_t)(int16_t)lh_pg_load_u16(bytes));
  return LH_OK;
}

lh_status lh_pg_decode_int4(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                            struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length != 4, 0)) {
    return lh_pg_wrong_length(decoder, length, 4, err);
  }
  lh_pg_put_32(column, lh_pg_load_u32(bytes));
  return LH_OK;
}

lh_status lh_pg_decode_int8(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                            struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length != 8, 0)) {
    return lh_pg_wrong_length(decoder, length, 8, err);
  }
  lh_pg_put_64(column, lh_pg_load_u64(bytes));
  return LH_OK;
}

lh_status lh_pg_decode_oid(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                           struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length != 4, 0)) {
    return lh_pg_wrong_length(decoder, length, 4, err);
  }
  lh_pg_put_64(column, lh_pg_load_u32(bytes));
  return LH_OK;
}

lh_status lh_pg_decode_money(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                             struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length != 8, 0)) {
    return lh_pg_wrong_length(decoder, length, 8, err);
  }
  const lh_int128 units = (int64_t)lh_pg_load_u64(bytes);
  memcpy(column->values + column->length * sizeof(units), &units, sizeof(units));
  lh_column_push_valid(column);
  return LH_OK;
}

/* `value` as PostgreSQL prints it. */
static lh_status refuse_time_value(const struct lh_pg_decoder *decoder, const char *value,
                                   struct lh_error *err) {
  lh_error_set(err, LH_ERROR_DATA, "the %s %s cannot be held by the column's type in the lake",
               decoder->type_name, value);
  lh_error_hint(err,
                "set on_unrepresentable for the column to null or clamp, or replace the value with a query: "
                "nullif(column, '%s')",
                value);
  return LH_ERROR_DATA;
}

static lh_status put_infinite_date(const struct lh_pg_decoder *decoder, bool negative,
                                   struct lh_column *column, struct lh_error *err) {
  if (lh_pg_takes_nearest(decoder)) {
    lh_pg_put_32(column, (uint32_t)(negative ? FIRST_DAY : LAST_DAY));
    return LH_OK;
  }
  if (lh_pg_takes_null(decoder)) {
    return lh_pg_put_null(column, err);
  }
  return refuse_time_value(decoder, negative ? "-infinity" : "infinity", err);
}

lh_status lh_pg_decode_date(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                            struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length != 4, 0)) {
    return lh_pg_wrong_length(decoder, length, 4, err);
  }
  const int32_t days = lh_pg_load_i32(bytes);
  int32_t shifted = 0;
  if (__builtin_expect(!lh_pg_shift_date(days, &shifted), 0)) {
    return days == INT32_MIN || days == INT32_MAX
               ? put_infinite_date(decoder, days < 0, column, err)
               : lh_error_set(err, LH_ERROR_CORRUPT, "a date %d days after 2000-01-01 cannot be", days);
  }
  lh_pg_put_32(column, (uint32_t)shifted);
  return LH_OK;
}

lh_status lh_pg_decode_time(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                            struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length != 8, 0)) {
    return lh_pg_wrong_length(decoder, length, 8, err);
  }
  const uint64_t micros = lh_pg_load_u64(bytes); /* a negative one is large */
  if (__builtin_expect(micros > (uint64_t)DAY_MICROS, 0)) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "a time of %lld microseconds is not within a day",
                        (long long)micros);
  }
  lh_pg_put_64(column, micros);
  return LH_OK;
}

/* For messages: a time after 2000-01-01. Years are counted in cycles of 400, from March on, so that the leap
 * day is a cycle's and a year's last. */
static const char *format_timestamp(int64_t micros, char out[TIMESTAMP_TEXT_BYTES]) {
  const int64_t days_of_cycle = 146097;
  const int64_t day = micros / DAY_MICROS + 730425; /* since 0000-03-01 */
  const int64_t in_cycle = day % days_of_cycle;
  const int64_t year = (in_cycle - in_cycle / 1460 + in_cycle / 36524 - in_cycle / 146096) / 365;
  const int64_t in_year = in_cycle - (365 * year + year / 4 - year / 100);
  const int64_t month = (5 * in_year + 2) / 153;
  const int64_t seconds = micros % DAY_MICROS / 1000000;
  snprintf(out, TIMESTAMP_TEXT_BYTES, "%lld-%02lld-%02lld %02lld:%02lld:%02lld.%06lld",
           (long long)(day / days_of_cycle * 400 + year + (month >= 10 ? 1 : 0)),
           (long long)(month < 10 ? month + 3 : month - 9), (long long)(in_year - (153 * month + 2) / 5 + 1),
           (long long)(seconds / 3600), (long long)(seconds / 60 % 60), (long long)(seconds % 60),
           (long long)(micros % 1000000));
  return out;
}

/* Infinite, or past what the lake's type holds. */
static lh_status put_far_timestamp(const struct lh_pg_decoder *decoder, int64_t micros,
                                   struct lh_column *column, struct lh_error *err) {
  if (lh_pg_takes_nearest(decoder)) {
    lh_pg_put_64(column, (uint64_t)(micros < 0 ? FIRST_MICROS : LAST_MICROS));
    return LH_OK;
  }
  if (lh_pg_takes_null(decoder)) {
    return lh_pg_put_null(column, err);
  }
  if (micros == INT64_MIN || micros == INT64_MAX) {
    return refuse_time_value(decoder, micros < 0 ? "-infinity" : "infinity", err);
  }
  char text[TIMESTAMP_TEXT_BYTES];
  lh_error_set(err, LH_ERROR_DATA,
               "the %s %s is past the last one that the lake's type can hold, 294247-01-10 04:00:54.775807",
               decoder->type_name, format_timestamp(micros, text));
  lh_error_hint(err,
                "set on_unrepresentable for the column to null or clamp, or replace the value with a query: "
                "least(column, '294247-01-10')");
  return LH_ERROR_DATA;
}

lh_status lh_pg_decode_timestamp(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                                 struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length != 8, 0)) {
    return lh_pg_wrong_length(decoder, length, 8, err);
  }
  const int64_t micros = (int64_t)lh_pg_load_u64(bytes);
  int64_t shifted = 0;
  if (__builtin_expect(!lh_pg_shift_timestamp(micros, &shifted), 0)) {
    return put_far_timestamp(decoder, micros, column, err);
  }
  lh_pg_put_64(column, (uint64_t)shifted);
  return LH_OK;
}

lh_status lh_pg_decode_uuid(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                            struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length != UUID_BYTES, 0)) {
    return lh_pg_wrong_length(decoder, length, UUID_BYTES, err);
  }
  memcpy(column->values + column->length * UUID_BYTES, bytes, UUID_BYTES);
  lh_column_push_valid(column);
  return LH_OK;
}
