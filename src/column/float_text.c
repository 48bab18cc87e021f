/* Floats as PostgreSQL prints them: the fewest digits that read back as the same number, and among those the
 * nearest; with an exponent from 15 digits (single: 6) on and below 0.0001.
 *
 * A text that lies exactly between two numbers is not taken, although rounding to even would read it back:
 * not every reader rounds so, and PostgreSQL does not take it either. Spec: float8out and d2s.c. */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "column/format.h"

/* 17 digits, a point, an exponent, and room. */
#define SCIENTIFIC_TEXT_BYTES 48

/* A float taken apart: mantissa * 2^exponent; and what is known of its kind. */
struct binary {
  uint64_t mantissa;
  int exponent;
  bool has_near_lower_neighbour; /* a power of two: the gap below is half the one above */
};

/* number * 10^power */
struct decimal {
  uint64_t number;
  int power;
};

static struct binary take_apart(double value, bool is_single) {
  const int bits = is_single ? FLT_MANT_DIG : DBL_MANT_DIG;
  const int least = is_single ? FLT_MIN_EXP - FLT_MANT_DIG : DBL_MIN_EXP - DBL_MANT_DIG;
  int exponent = 0;
  const double fraction = frexp(value, &exponent);
  exponent -= bits;
  if (exponent < least) {
    return (struct binary){(uint64_t)ldexp(fraction, bits + exponent - least), least, false};
  }
  const uint64_t mantissa = (uint64_t)ldexp(fraction, bits);
  return (struct binary){mantissa, exponent, mantissa == UINT64_C(1) << (bits - 1) && exponent > least};
}

/* Whether the decimal lies exactly between the number and one of its neighbours: then its odd part is that of
 * the point in the middle. */
static bool is_halfway(struct decimal decimal, const struct binary *binary) {
  const int twos = __builtin_ctzll(decimal.number);
  uint64_t odd = decimal.number >> twos;
  for (int i = 0; i < decimal.power; i++) {
    if (__builtin_mul_overflow(odd, UINT64_C(5), &odd)) {
      return false;
    }
  }
  for (int i = 0; i > decimal.power; i--) {
    if (odd % 5 != 0) {
      return false;
    }
    odd /= 5;
  }
  const int exponent = decimal.power + twos;
  if (exponent == binary->exponent - 1) {
    return odd == 2 * binary->mantissa + 1 || odd == 2 * binary->mantissa - 1;
  }
  return binary->has_near_lower_neighbour && exponent == binary->exponent - 2 &&
         odd == 4 * binary->mantissa - 1;
}

/* The nearest decimal of that many digits. */
static struct decimal round_to(double value, int digits) {
  char text[SCIENTIFIC_TEXT_BYTES];
  snprintf(text, sizeof(text), "%.*e", digits - 1, value);
  struct decimal decimal = {0, 0};
  const char *at = text;
  for (; *at != 'e'; at++) {
    if (*at != '.') {
      decimal.number = decimal.number * 10 + (uint64_t)(*at - '0');
    }
  }
  decimal.power = (int)strtol(at + 1, NULL, 10) - (digits - 1);
  return decimal;
}

static bool reads_back(struct decimal decimal, double value, bool is_single, const struct binary *binary) {
  char text[SCIENTIFIC_TEXT_BYTES];
  snprintf(text, sizeof(text), "%" PRIu64 "e%d", decimal.number, decimal.power);
  const bool same = is_single ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value;
  return same && !is_halfway(decimal, binary);
}

/* Every decimal of 15 digits (single: 6) is told apart by normal numbers, so that the search begins there.
 * Below a power of two the gap is narrow: where the nearest decimal lies beyond it, the next one up may still
 * do. */
static struct decimal find_shortest(double value, bool is_single) {
  const struct binary binary = take_apart(value, is_single);
  const bool is_normal = value >= (is_single ? (double)FLT_MIN : DBL_MIN);
  const int most = is_single ? 9 : 17;
  struct decimal decimal = {0, 0};
  for (int digits = is_normal ? (is_single ? FLT_DIG : DBL_DIG) : 1; digits <= most; digits++) {
    decimal = round_to(value, digits);
    if (reads_back(decimal, value, is_single, &binary)) {
      break;
    }
    const struct decimal above = {decimal.number + 1, decimal.power};
    if (binary.has_near_lower_neighbour && reads_back(above, value, is_single, &binary)) {
      decimal = above;
      break;
    }
  }
  while (decimal.number % 10 == 0) {
    decimal.number /= 10;
    decimal.power++;
  }
  return decimal;
}

size_t lh_float_format(double value, bool is_single, char out[LH_FLOAT_TEXT_MAX]) {
  const char *const sign = signbit(value) ? "-" : "";
  if (!isfinite(value)) {
    return (size_t)snprintf(out, LH_FLOAT_TEXT_MAX, "%s",
                            isnan(value) ? "NaN"
                            : value > 0  ? "Infinity"
                                         : "-Infinity");
  }
  if (value == 0) {
    return (size_t)snprintf(out, LH_FLOAT_TEXT_MAX, "%s0", sign);
  }
  static const char zeros[] = "000000000000000";
  const struct decimal decimal = find_shortest(fabs(value), is_single);
  char digits[LH_FLOAT_TEXT_MAX];
  const int count = snprintf(digits, sizeof(digits), "%" PRIu64, decimal.number);
  const int exponent = decimal.power + count - 1;
  int used;
  if (exponent < -4 || exponent >= (is_single ? FLT_DIG : DBL_DIG)) {
    used = snprintf(out, LH_FLOAT_TEXT_MAX, "%s%c%s%.*se%c%02d", sign, digits[0], count > 1 ? "." : "",
                    count - 1, digits + 1, exponent < 0 ? '-' : '+', abs(exponent));
  } else if (exponent < 0) {
    used = snprintf(out, LH_FLOAT_TEXT_MAX, "%s0.%.*s%.*s", sign, -exponent - 1, zeros, count, digits);
  } else if (count <= exponent + 1) {
    used = snprintf(out, LH_FLOAT_TEXT_MAX, "%s%.*s%.*s", sign, count, digits, exponent + 1 - count, zeros);
  } else {
    used = snprintf(out, LH_FLOAT_TEXT_MAX, "%s%.*s.%.*s", sign, exponent + 1, digits, count - exponent - 1,
                    digits + exponent + 1);
  }
  return (size_t)used;
}
