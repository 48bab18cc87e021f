/* Which primitive a number becomes: taken apart as numeric takes it apart, so that nothing is rounded. */
#include "column/variant_number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "column/format.h"
#include "column/schema.h"

enum {
  PRIMITIVE_INT8 = 3,
  PRIMITIVE_INT16 = 4,
  PRIMITIVE_INT32 = 5,
  PRIMITIVE_INT64 = 6,
  PRIMITIVE_DOUBLE = 7,
  PRIMITIVE_DECIMAL4 = 8,
  PRIMITIVE_DECIMAL8 = 9,
  PRIMITIVE_DECIMAL16 = 10
};

/* The first byte of a primitive: basic type 0. */
#define HEADER(primitive) ((uint8_t)((primitive) << 2))
#define DOUBLE_DIGITS 17
/* Past every number that can be held, and far from an overflow. */
#define EXPONENT_LIMIT 100000000

/* A number's digits without the zeros in front and at the end, times 10 to the power. */
struct parts {
  char digits[LH_DECIMAL_MAX_PRECISION + 1];
  size_t count; /* of all such digits, of which `digits` has the first 38; 0: the number is zero */
  int64_t power;
  int64_t scale; /* digits behind the point, as numeric counts them; 0 or more */
  bool is_negative;
};

static int64_t parse_exponent(const uint8_t *at, const uint8_t *end) {
  if (at == end) {
    return 0;
  }
  at++;
  const bool is_negative = *at == '-';
  if (*at == '-' || *at == '+') {
    at++;
  }
  int64_t value = 0;
  for (; at < end; at++) {
    value = value * 10 + (*at - '0');
    value = value < EXPONENT_LIMIT ? value : EXPONENT_LIMIT;
  }
  return is_negative ? -value : value;
}

static struct parts take_apart(const uint8_t *text, size_t length) {
  const uint8_t *const end = text + length;
  struct parts parts = {.is_negative = *text == '-'};
  int64_t fraction = 0;
  size_t zeros = 0; /* behind the last digit that is none */
  bool behind_point = false;
  const uint8_t *at = text + parts.is_negative;
  for (; at < end && *at != 'e' && *at != 'E'; at++) {
    if (*at == '.') {
      behind_point = true;
      continue;
    }
    fraction += behind_point;
    if (*at == '0') {
      zeros += parts.count > 0;
      continue;
    }
    for (; zeros > 0; zeros--, parts.count++) {
      if (parts.count < LH_DECIMAL_MAX_PRECISION) {
        parts.digits[parts.count] = '0';
      }
    }
    if (parts.count < LH_DECIMAL_MAX_PRECISION) {
      parts.digits[parts.count] = (char)*at;
    }
    parts.count++;
  }
  const int64_t power = parse_exponent(at, end) - fraction;
  parts.scale = power < 0 ? -power : 0;
  parts.power = power + (int64_t)zeros;
  return parts;
}

static size_t put(int primitive, const void *bytes, size_t size, uint8_t *out) {
  out[0] = HEADER(primitive);
  memcpy(out + 1, bytes, size);
  return 1 + size;
}

static size_t put_integer(int64_t value, uint8_t *out) {
  if (value >= INT8_MIN && value <= INT8_MAX) {
    return put(PRIMITIVE_INT8, &value, 1, out);
  }
  if (value >= INT16_MIN && value <= INT16_MAX) {
    return put(PRIMITIVE_INT16, &value, 2, out);
  }
  return value >= INT32_MIN && value <= INT32_MAX ? put(PRIMITIVE_INT32, &value, 4, out)
                                                  : put(PRIMITIVE_INT64, &value, 8, out);
}

/* Readers hold the scale to the precision of the decimal's width, too, though the specification does not. */
static size_t put_decimal(lh_int128 value, int digits, int scale, uint8_t *out) {
  const int wanted = digits > scale ? digits : scale;
  const int primitive = wanted <= 9    ? PRIMITIVE_DECIMAL4
                        : wanted <= 18 ? PRIMITIVE_DECIMAL8
                                       : PRIMITIVE_DECIMAL16;
  out[0] = HEADER(primitive);
  out[1] = (uint8_t)scale;
  const size_t size = primitive == PRIMITIVE_DECIMAL4 ? 4 : primitive == PRIMITIVE_DECIMAL8 ? 8 : 16;
  memcpy(out + 2, &value, size);
  return 2 + size;
}

static size_t put_double(double value, uint8_t *out) {
  return put(PRIMITIVE_DOUBLE, &value, sizeof(value), out);
}

/* Numbers of more digits than a decimal has, of which zeros make the most. */
static size_t encode_double(const struct parts *parts, uint8_t *out) {
  char text[LH_FLOAT_TEXT_MAX + 32];
  char shortest[LH_FLOAT_TEXT_MAX];
  if (parts->count == 0 || parts->count > DOUBLE_DIGITS ||
      parts->scale != (parts->power < 0 ? -parts->power : 0)) {
    return 0;
  }
  snprintf(text, sizeof(text), "%s%.*se%lld", parts->is_negative ? "-" : "", (int)parts->count, parts->digits,
           (long long)parts->power);
  const double value = strtod(text, NULL);
  if (!isfinite(value) || value == 0) {
    return 0;
  }
  const size_t length = lh_float_format(value, false, shortest);
  const struct parts printed = take_apart((const uint8_t *)shortest, length);
  const bool is_same = printed.count == parts->count && printed.power == parts->power &&
                       memcmp(printed.digits, parts->digits, parts->count) == 0;
  return is_same ? put_double(value, out) : 0;
}

size_t lh_variant_number_encode(const uint8_t *text, size_t length, uint8_t out[LH_VARIANT_NUMBER_MAX]) {
  const struct parts parts = take_apart(text, length);
  /* Digits from the first that is not zero to the last that is written. */
  const int64_t zeros = parts.power + parts.scale;
  const int64_t digits = parts.count > 0 ? (int64_t)parts.count + zeros : 1;
  if (digits > LH_DECIMAL_MAX_PRECISION || parts.scale > LH_DECIMAL_MAX_PRECISION) {
    return encode_double(&parts, out);
  }
  lh_int128 value = 0;
  for (size_t i = 0; i < parts.count; i++) {
    value = value * 10 + (parts.digits[i] - '0');
  }
  for (int64_t i = 0; i < zeros && parts.count > 0; i++) {
    value *= 10;
  }
  value = parts.is_negative ? -value : value;
  if (parts.scale == 0 && value >= INT64_MIN && value <= INT64_MAX) {
    return put_integer((int64_t)value, out);
  }
  return put_decimal(value, (int)digits, (int)parts.scale, out);
}

lh_status lh_variant_number_encode_nearest(const uint8_t *text, size_t length, struct lh_buf *scratch,
                                           uint8_t out[LH_VARIANT_NUMBER_MAX], size_t *size,
                                           struct lh_error *err) {
  const char *number = NULL;
  lh_buf_reset(scratch);
  LH_TRY(lh_buf_append(scratch, text, length, err));
  LH_TRY(lh_buf_cstr(scratch, &number, err));
  const double value = strtod(number, NULL);
  *size = put_double(isfinite(value) ? value : copysign(DBL_MAX, value), out);
  return LH_OK;
}
