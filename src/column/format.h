/*
 * Values of a column as text: for people and CSV (PLAIN), and as JSON literals (JSON).
 *
 * Nothing is rounded: decimals have all their digits, floats the fewest that read back as the same number.
 * PLAIN writes times as PostgreSQL does ("2024-01-31 12:00:00.5+00", "0044-03-15 BC"), bytes as \x0fa0, text
 * as it is, and nested values as JSON. JSON writes ISO 8601 (years outside 1..9999 in its expanded form,
 * "-000043-03-15"), NaN and infinities as strings, maps as arrays of {"key": …, "value": …}, and embeds JSON
 * columns as they are.
 */
#ifndef LH_COLUMN_FORMAT_H
#define LH_COLUMN_FORMAT_H

#include "base/buf.h"
#include "column/batch.h"

enum lh_format_style { LH_FORMAT_PLAIN, LH_FORMAT_JSON };

/* Appends the value at `index`. A null appends "null" as JSON and nothing as PLAIN: only the caller knows how
 * a null is to be shown. */
lh_status lh_column_format(const struct lh_column *column, size_t index, enum lh_format_style style,
                           struct lh_buf *out, struct lh_error *err) LH_WARN_UNUSED;

/* Appends `size` bytes of UTF-8 as a JSON string, quotes included. */
lh_status lh_format_json_string(const void *text, size_t size, struct lh_buf *out,
                                struct lh_error *err) LH_WARN_UNUSED;

/* A float (`is_single`: a single, widened) as PostgreSQL prints it, NUL-terminated; returns its length. */
#define LH_FLOAT_TEXT_MAX 48
size_t lh_float_format(double value, bool is_single, char out[LH_FLOAT_TEXT_MAX]);

/* A day of the proleptic Gregorian calendar, counted from 1970-01-01. */
struct lh_civil_date {
  int64_t year; /* astronomical: 0 is 1 BC */
  int month, day;
};
struct lh_civil_date lh_civil_from_days(int64_t days);
/* The way back; `month` from 1 to 12. */
int64_t lh_days_from_civil(int64_t year, int month, int day);

/* All digits of a number, at most 39, NUL-terminated; returns a pointer into `out`. */
#define LH_UINT128_TEXT_MAX 40
const char *lh_uint128_format(lh_uint128 value, char out[LH_UINT128_TEXT_MAX]);

#endif
