/* Decoder of numeric: base-10000 groups straight into the unscaled integer of a DECIMAL, or into exact text.
 *
 * A value is the sum of group[i] * 10000^(weight - i). The number of decimal digits that it has at the
 * column's scale follows from the first group and the weight alone, so that one comparison with the precision
 * replaces every overflow check on the way. Spec: numeric_send and get_str_from_var in PostgreSQL's
 * numeric.c. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "postgres/types/decode.h"

#define HEADER_BYTES 8
#define GROUP_DIGITS 4
#define GROUP_BASE 10000U
#define MAX_SCALE 0x3fffU
#define SIGN_NEGATIVE 0x4000U
#define SIGN_NAN 0xc000U
#define SIGN_INFINITY 0xd000U
#define SIGN_MINUS_INFINITY 0xf000U
#define SHOWN_VALUE_BYTES 80

struct numeric {
  const uint8_t *groups; /* big-endian uint16_t each */
  int count;
  int weight;
  unsigned sign;
  unsigned scale; /* decimals to show */
};

static inline unsigned group_of(const struct numeric *numeric, int index) {
  return lh_pg_load_u16(numeric->groups + 2 * index);
}

static lh_status refuse_bytes(const struct lh_pg_decoder *decoder, const struct numeric *numeric,
                              size_t length, struct lh_error *err) {
  return lh_error_set(
      err, LH_ERROR_CORRUPT,
      "a value of type %s has %zu bytes, %d groups of digits, sign %04x and scale %u: no numeric",
      decoder->type_name, length, numeric->count, numeric->sign, numeric->scale);
}

static inline lh_status read_numeric(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                                     struct numeric *out, struct lh_error *err) {
  if (__builtin_expect(length < HEADER_BYTES, 0)) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "a value of type %s has %zu bytes, fewer than its header",
                        decoder->type_name, length);
  }
  out->count = lh_pg_load_u16(bytes);
  out->weight = (int16_t)lh_pg_load_u16(bytes + 2);
  out->sign = lh_pg_load_u16(bytes + 4);
  out->scale = lh_pg_load_u16(bytes + 6);
  out->groups = bytes + HEADER_BYTES;
  const bool known_sign = out->sign == 0 || out->sign == SIGN_NEGATIVE || out->sign == SIGN_NAN ||
                          out->sign == SIGN_INFINITY || out->sign == SIGN_MINUS_INFINITY;
  if (__builtin_expect(
          length != HEADER_BYTES + 2 * (size_t)out->count || !known_sign || out->scale > MAX_SCALE, 0)) {
    return refuse_bytes(decoder, out, length, err);
  }
  for (int i = 0; i < out->count; i++) {
    if (__builtin_expect(group_of(out, i) >= GROUP_BASE, 0)) {
      return lh_error_set(err, LH_ERROR_CORRUPT, "a value of type %s has a group of four digits that is %u",
                          decoder->type_name, group_of(out, i));
    }
  }
  return LH_OK;
}

static const char *special_name(const struct numeric *numeric) {
  switch (numeric->sign) {
    case SIGN_NAN:
      return "NaN";
    case SIGN_INFINITY:
      return "Infinity";
    case SIGN_MINUS_INFINITY:
      return "-Infinity";
    default:
      return NULL;
  }
}

static void write_group(const struct numeric *numeric, int index, uint8_t out[GROUP_DIGITS]) {
  const unsigned group = index >= 0 && index < numeric->count ? group_of(numeric, index) : 0;
  out[0] = (uint8_t)('0' + group / 1000);
  out[1] = (uint8_t)('0' + group / 100 % 10);
  out[2] = (uint8_t)('0' + group / 10 % 10);
  out[3] = (uint8_t)('0' + group % 10);
}

/* The last group is cut where the scale says so. */
static lh_status append_fraction(const struct numeric *numeric, struct lh_buf *out, struct lh_error *err) {
  if (numeric->scale == 0) {
    return LH_OK;
  }
  LH_TRY(lh_buf_reserve(out, 1 + (size_t)numeric->scale + GROUP_DIGITS, err));
  out->data[out->len++] = '.';
  const size_t end = out->len + numeric->scale;
  size_t at = out->len;
  for (int i = numeric->weight + 1; at < end; i++) {
    write_group(numeric, i, out->data + at);
    at += GROUP_DIGITS;
  }
  out->len = end;
  return LH_OK;
}

/* What numeric's output function prints. */
static lh_status append_text(const struct numeric *numeric, struct lh_buf *out, struct lh_error *err) {
  const char *const special = special_name(numeric);
  if (special != NULL) {
    return lh_buf_append_str(out, special, err);
  }
  const int whole_groups = numeric->weight >= 0 ? numeric->weight + 1 : 0;
  LH_TRY(lh_buf_reserve(out, 2 + GROUP_DIGITS * (size_t)whole_groups, err));
  if (numeric->sign == SIGN_NEGATIVE) {
    out->data[out->len++] = '-';
  }
  bool started = false;
  for (int i = 0; i < whole_groups; i++) {
    uint8_t digits[GROUP_DIGITS];
    write_group(numeric, i, digits);
    for (int j = 0; j < GROUP_DIGITS; j++) {
      started = started || digits[j] != '0';
      if (started) {
        out->data[out->len++] = digits[j];
      }
    }
  }
  if (!started) {
    out->data[out->len++] = '0';
  }
  return append_fraction(numeric, out, err);
}

lh_status lh_pg_decode_numeric_text(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                                    struct lh_column *column, struct lh_error *err) {
  struct numeric numeric;
  LH_TRY(read_numeric(decoder, bytes, length, &numeric, err));
  LH_TRY(append_text(&numeric, &column->data, err));
  column->offsets[column->length + 1] = (int32_t)column->data.len;
  lh_column_push_valid(column);
  return LH_OK;
}

static lh_status refuse_value(const struct lh_pg_decoder *decoder, const struct numeric *numeric,
                              struct lh_error *err) {
  struct lh_buf text;
  lh_buf_init(&text, SIZE_MAX);
  const char *shown = NULL;
  lh_status status = append_text(numeric, &text, err);
  if (status == LH_OK) {
    status = lh_buf_cstr(&text, &shown, err);
  }
  if (status == LH_OK) {
    const char *const special = special_name(numeric);
    status = lh_error_set(err, LH_ERROR_DATA, "the numeric %.*s%s cannot be held by decimal(%d,%d)",
                          SHOWN_VALUE_BYTES, shown, text.len > SHOWN_VALUE_BYTES ? "…" : "",
                          decoder->precision, decoder->scale);
    if (special != NULL) {
      lh_error_hint(err,
                    "set on_unrepresentable for the column to null or clamp, or replace the value with a "
                    "query: nullif(column, '%s')",
                    special);
    } else {
      lh_error_hint(err, "declare a wider decimal, or carry the column as text: set its type to text");
    }
  }
  lh_buf_clear(&text);
  return status;
}

static inline int decimal_digits(unsigned group) {
  return group >= 1000 ? 4 : group >= 100 ? 3 : group >= 10 ? 2 : 1;
}

/* Drops zero groups at both ends: the server sends none, others may. */
static inline void trim(struct numeric *numeric) {
  while (numeric->count > 0 && group_of(numeric, 0) == 0) {
    numeric->groups += 2;
    numeric->count--;
    numeric->weight--;
  }
  while (numeric->count > 0 && group_of(numeric, numeric->count - 1) == 0) {
    numeric->count--;
  }
}

static const uint32_t powers_of_ten[GROUP_DIGITS] = {1, 10, 100, 1000};

/* The unscaled value, known to fit. `shift` is the power of ten of the last group at the column's scale, more
 * than -GROUP_DIGITS; where it is negative, the last group's lowest digits are zeros past the scale. */
#define DEFINE_UNSCALED(name, type)                                                                          \
  static type name(const struct numeric *numeric, int shift) {                                               \
    type value = 0;                                                                                          \
    const int whole = shift < 0 ? numeric->count - 1 : numeric->count;                                       \
    for (int i = 0; i < whole; i++) {                                                                        \
      value = value * GROUP_BASE + group_of(numeric, i);                                                     \
    }                                                                                                        \
    if (shift < 0) {                                                                                         \
      return value * powers_of_ten[GROUP_DIGITS + shift] + group_of(numeric, whole) / powers_of_ten[-shift]; \
    }                                                                                                        \
    for (; shift >= GROUP_DIGITS; shift -= GROUP_DIGITS) {                                                   \
      value *= GROUP_BASE;                                                                                   \
    }                                                                                                        \
    return value * powers_of_ten[shift];                                                                     \
  }
DEFINE_UNSCALED(unscaled_64, uint64_t)
DEFINE_UNSCALED(unscaled_128, lh_uint128)

static inline bool fits(const struct lh_pg_decoder *decoder, const struct numeric *numeric, int shift) {
  if (shift < 0 &&
      (shift <= -GROUP_DIGITS || group_of(numeric, numeric->count - 1) % powers_of_ten[-shift] != 0)) {
    return false;
  }
  return decimal_digits(group_of(numeric, 0)) + GROUP_DIGITS * (numeric->count - 1) + shift <=
         decoder->precision;
}

static void put_unscaled(struct lh_column *column, bool negative, lh_uint128 magnitude) {
  const lh_uint128 value = negative ? -magnitude : magnitude;
  if (column->width == sizeof(int32_t)) {
    lh_pg_put_32(column, (uint32_t)value);
  } else if (column->width == sizeof(int64_t)) {
    lh_pg_put_64(column, (uint64_t)value);
  } else {
    memcpy(column->values + column->length * sizeof(value), &value, sizeof(value));
    lh_column_push_valid(column);
  }
}

/* NaN and the infinities, which no decimal has: NaN is near to nothing, an infinity to the largest decimal.
 */
static lh_status put_special(const struct lh_pg_decoder *decoder, const struct numeric *numeric,
                             struct lh_column *column, struct lh_error *err) {
  if (numeric->sign != SIGN_NAN && lh_pg_takes_nearest(decoder)) {
    lh_uint128 power = 1;
    for (int i = 0; i < decoder->precision; i++) {
      power *= 10;
    }
    put_unscaled(column, numeric->sign == SIGN_MINUS_INFINITY, power - 1);
    return LH_OK;
  }
  if (lh_pg_takes_null(decoder)) {
    return lh_pg_put_null(column, err);
  }
  return refuse_value(decoder, numeric, err);
}

lh_status lh_pg_decode_numeric(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                               struct lh_column *column, struct lh_error *err) {
  struct numeric numeric;
  LH_TRY(read_numeric(decoder, bytes, length, &numeric, err));
  if (__builtin_expect((numeric.sign & ~SIGN_NEGATIVE) != 0, 0)) {
    return put_special(decoder, &numeric, column, err);
  }
  struct numeric trimmed = numeric;
  trim(&trimmed);
  const int shift = GROUP_DIGITS * (trimmed.weight - trimmed.count + 1) + decoder->scale;
  if (__builtin_expect(trimmed.count > 0 && !fits(decoder, &trimmed, shift), 0)) {
    return refuse_value(decoder, &numeric, err);
  }
  const bool negative = numeric.sign == SIGN_NEGATIVE;
  if (column->width == sizeof(lh_int128)) {
    const lh_uint128 magnitude = trimmed.count > 0 ? unscaled_128(&trimmed, shift) : 0;
    const lh_uint128 value = negative ? -magnitude : magnitude;
    memcpy(column->values + column->length * sizeof(value), &value, sizeof(value));
    lh_column_push_valid(column);
    return LH_OK;
  }
  const uint64_t magnitude = trimmed.count > 0 ? unscaled_64(&trimmed, shift) : 0;
  const uint64_t value = negative ? -magnitude : magnitude;
  if (column->width == sizeof(int32_t)) {
    lh_pg_put_32(column, (uint32_t)value);
  } else {
    lh_pg_put_64(column, value);
  }
  return LH_OK;
}

static lh_status refuse_integer(const struct numeric *numeric, const struct lh_column *column,
                                struct lh_error *err) {
  struct lh_buf text;
  const char *shown = NULL;
  lh_buf_init(&text, SIZE_MAX);
  lh_status status = append_text(numeric, &text, err);
  if (status == LH_OK) {
    status = lh_buf_cstr(&text, &shown, err);
  }
  if (status == LH_OK) {
    status = lh_error_set(err, LH_ERROR_DATA, "%.*s%s is no whole number of %zu bits", SHOWN_VALUE_BYTES,
                          shown, text.len > SHOWN_VALUE_BYTES ? "…" : "",
                          column->field->type == LH_TYPE_INT16 ? (size_t)16 : 8 * column->width);
    lh_error_hint(err, "carry the column as a decimal or as text");
  }
  lh_buf_clear(&text);
  return status;
}

static void put_integer(struct lh_column *column, uint64_t value) {
  if (column->width == sizeof(int32_t)) {
    lh_pg_put_32(column, (uint32_t)value);
  } else {
    lh_pg_put_64(column, value);
  }
}

lh_status lh_pg_decode_numeric_integer(const struct lh_pg_decoder *decoder, const uint8_t *bytes,
                                       size_t length, struct lh_column *column, struct lh_error *err) {
  struct numeric numeric;
  LH_TRY(read_numeric(decoder, bytes, length, &numeric, err));
  const uint64_t largest = column->field->type == LH_TYPE_INT16   ? INT16_MAX
                           : column->field->type == LH_TYPE_INT32 ? INT32_MAX
                                                                  : INT64_MAX;
  const bool negative = numeric.sign == SIGN_NEGATIVE || numeric.sign == SIGN_MINUS_INFINITY;
  if ((numeric.sign & ~SIGN_NEGATIVE) != 0) {
    if (numeric.sign != SIGN_NAN && lh_pg_takes_nearest(decoder)) {
      put_integer(column, negative ? -largest - 1 : largest);
      return LH_OK;
    }
    return lh_pg_takes_null(decoder) ? lh_pg_put_null(column, err) : refuse_integer(&numeric, column, err);
  }
  struct numeric trimmed = numeric;
  trim(&trimmed);
  const int shift = GROUP_DIGITS * (trimmed.weight - trimmed.count + 1);
  if (trimmed.count == 0) {
    put_integer(column, 0);
    return LH_OK;
  }
  /* At most five groups, and so far from what 64 bits overflow at 20 digits. */
  if (shift < 0 || trimmed.weight > 4) {
    return refuse_integer(&numeric, column, err);
  }
  const lh_uint128 magnitude = unscaled_128(&trimmed, shift);
  if (magnitude > (lh_uint128)largest + (negative ? 1 : 0)) {
    return refuse_integer(&numeric, column, err);
  }
  put_integer(column, negative ? -(uint64_t)magnitude : (uint64_t)magnitude);
  return LH_OK;
}

#define DOUBLE_GROUPS 200 /* 797 digits and more: the 767 that can decide how a double is rounded */
#define DOUBLE_TEXT_BYTES (GROUP_DIGITS * (DOUBLE_GROUPS + 1) + 24)

/* The nearest double, by the C library's own reading of the digits. Of a longer value, what follows the
 * digits that matter is one that is not zero. */
static double nearest_double(const struct numeric *numeric) {
  char text[DOUBLE_TEXT_BYTES];
  struct numeric trimmed = *numeric;
  trim(&trimmed);
  const int groups = trimmed.count < DOUBLE_GROUPS ? trimmed.count : DOUBLE_GROUPS;
  char *at = text;
  if (trimmed.sign == SIGN_NEGATIVE) {
    *at++ = '-';
  }
  for (int i = 0; i < groups; i++, at += GROUP_DIGITS) {
    write_group(&trimmed, i, (uint8_t *)at);
  }
  int exponent = GROUP_DIGITS * (trimmed.weight - groups + 1);
  if (groups == 0) {
    *at++ = '0';
    exponent = 0;
  } else if (groups < trimmed.count) {
    *at++ = '1';
    exponent--;
  }
  snprintf(at, DOUBLE_TEXT_BYTES - (size_t)(at - text), "e%d", exponent);
  return strtod(text, NULL);
}

static lh_status put_large_double(const struct lh_pg_decoder *decoder, double value, struct lh_column *column,
                                  struct lh_error *err) {
  const double nearest = value < 0 ? -DBL_MAX : DBL_MAX;
  uint64_t bits;
  if (lh_pg_takes_nearest(decoder)) {
    memcpy(&bits, &nearest, sizeof(bits));
    lh_pg_put_64(column, bits);
    return LH_OK;
  }
  if (lh_pg_takes_null(decoder)) {
    return lh_pg_put_null(column, err);
  }
  lh_error_set(err, LH_ERROR_DATA, "the numeric is larger than any double");
  lh_error_hint(err, "carry the column as text, or set on_unrepresentable for it to null or clamp");
  return LH_ERROR_DATA;
}

lh_status lh_pg_decode_numeric_double(const struct lh_pg_decoder *decoder, const uint8_t *bytes,
                                      size_t length, struct lh_column *column, struct lh_error *err) {
  struct numeric numeric;
  LH_TRY(read_numeric(decoder, bytes, length, &numeric, err));
  double value = 0;
  if ((numeric.sign & ~SIGN_NEGATIVE) == 0) {
    value = nearest_double(&numeric);
    if (__builtin_expect(isinf(value), 0)) {
      return put_large_double(decoder, value, column, err);
    }
  } else if (numeric.sign == SIGN_NAN) {
    value = (double)NAN;
  } else {
    value = numeric.sign == SIGN_INFINITY ? (double)INFINITY : -(double)INFINITY;
  }
  uint64_t bits;
  memcpy(&bits, &value, sizeof(bits));
  lh_pg_put_64(column, bits);
  return LH_OK;
}
