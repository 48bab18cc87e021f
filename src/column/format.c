/* Text forms of column values, for `lakehaul query`, messages and comparisons. */
#include "column/format.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define SECONDS_PER_DAY 86400
#define MICROS_PER_SECOND 1000000
#define NANOS_PER_SECOND 1000000000
/* The longest of date, time and offset. */
#define SHORT_TEXT_MAX 96

static const char hex_digits[] = "0123456789abcdef";

const char *lh_uint128_format(lh_uint128 value, char out[LH_UINT128_TEXT_MAX]) {
  char *digit = out + LH_UINT128_TEXT_MAX - 1;
  *digit = '\0';
  do {
    *--digit = (char)('0' + (int)(value % 10));
    value /= 10;
  } while (value > 0);
  return digit;
}

lh_status lh_format_json_string(const void *text, size_t size, struct lh_buf *out, struct lh_error *err) {
  const uint8_t *const bytes = text;
  LH_TRY(lh_buf_append_byte(out, '"', err));
  size_t copied = 0;
  for (size_t i = 0; i < size; i++) {
    const uint8_t byte = bytes[i];
    if (byte >= 0x20 && byte != '"' && byte != '\\') {
      continue;
    }
    LH_TRY(lh_buf_append(out, bytes + copied, i - copied, err));
    copied = i + 1;
    static const char names[] = "\"\"\\\\\nn\rr\tt\bb\ff";
    const char *name = NULL;
    for (size_t j = 0; j + 1 < sizeof(names) && name == NULL; j += 2) {
      name = (uint8_t)names[j] == byte ? &names[j + 1] : NULL;
    }
    if (name != NULL) {
      LH_TRY(lh_buf_printf(out, err, "\\%c", *name));
    } else {
      LH_TRY(lh_buf_printf(out, err, "\\u%04x", byte));
    }
  }
  LH_TRY(lh_buf_append(out, bytes + copied, size - copied, err));
  return lh_buf_append_byte(out, '"', err);
}

static lh_status append_hex(const uint8_t *bytes, size_t size, struct lh_buf *out, struct lh_error *err) {
  if (size > SIZE_MAX / 2) {
    return lh_error_memory(err);
  }
  LH_TRY(lh_buf_reserve(out, size * 2, err));
  for (size_t i = 0; i < size; i++) {
    out->data[out->len++] = (uint8_t)hex_digits[bytes[i] >> 4];
    out->data[out->len++] = (uint8_t)hex_digits[bytes[i] & 15];
  }
  return LH_OK;
}

static lh_int128 decimal_at(const struct lh_column *column, size_t index) {
  if (column->width == sizeof(int32_t)) {
    return ((const int32_t *)(const void *)column->values)[index];
  }
  if (column->width == sizeof(int64_t)) {
    return ((const int64_t *)(const void *)column->values)[index];
  }
  return ((const lh_int128 *)(const void *)column->values)[index];
}

static lh_status format_decimal(const struct lh_column *column, size_t index, struct lh_buf *out,
                                struct lh_error *err) {
  const lh_int128 value = decimal_at(column, index);
  char storage[LH_UINT128_TEXT_MAX];
  const char *const digits =
      lh_uint128_format(value < 0 ? (lh_uint128)0 - (lh_uint128)value : (lh_uint128)value, storage);
  const int length = (int)strlen(digits);
  const int scale = column->field->scale;
  const char *const sign = value < 0 ? "-" : "";
  if (scale == 0) {
    return lh_buf_printf(out, err, "%s%s", sign, digits);
  }
  if (length <= scale) {
    static const char zeros[LH_DECIMAL_MAX_PRECISION + 1] = "00000000000000000000000000000000000000";
    return lh_buf_printf(out, err, "%s0.%.*s%s", sign, scale - length, zeros, digits);
  }
  return lh_buf_printf(out, err, "%s%.*s.%s", sign, length - scale, digits, digits + length - scale);
}

static lh_status format_float(const struct lh_column *column, size_t index, bool json, struct lh_buf *out,
                              struct lh_error *err) {
  const bool is_single = column->field->type == LH_TYPE_FLOAT;
  const double value = is_single ? (double)((const float *)(const void *)column->values)[index]
                                 : ((const double *)(const void *)column->values)[index];
  char text[LH_FLOAT_TEXT_MAX];
  lh_float_format(value, is_single, text);
  return json && !isfinite(value) ? lh_buf_printf(out, err, "\"%s\"", text)
                                  : lh_buf_append_str(out, text, err);
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar; eras of 400 years that start on 1 March. */
struct lh_civil_date lh_civil_from_days(int64_t days) {
  const int64_t shifted = days + 719468;
  const int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  const int64_t day_of_era = shifted - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const int month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  return (struct lh_civil_date){.year = year_of_era + era * 400 + (month <= 2 ? 1 : 0),
                                .month = month,
                                .day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1)};
}

int64_t lh_days_from_civil(int64_t year, int month, int day) {
  const int64_t shifted_year = month <= 2 ? year - 1 : year;
  const int64_t era = (shifted_year >= 0 ? shifted_year : shifted_year - 399) / 400;
  const int64_t year_of_era = shifted_year - era * 400;
  const int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

static int print_date(int64_t days, bool json, char *text, size_t size) {
  const struct lh_civil_date date = lh_civil_from_days(days);
  int64_t year = date.year;
  const char *sign = "";
  int width = 4;
  if (json && (year < 0 || year > 9999)) {
    sign = year < 0 ? "-" : "+";
    width = 6;
    year = year < 0 ? -year : year;
  } else if (!json && year < 1) {
    year = 1 - year;
  }
  return snprintf(text, size, "%s%0*" PRId64 "-%02d-%02d", sign, width, year, date.month, date.day);
}

static bool is_before_christ(int64_t days) {
  return lh_civil_from_days(days).year < 1;
}

/* `fraction` in units of which `per_second` make a second. */
static int print_time(int64_t seconds, int64_t fraction, int64_t per_second, char *text, size_t size) {
  int used = snprintf(text, size, "%02" PRId64 ":%02" PRId64 ":%02" PRId64, seconds / 3600, seconds / 60 % 60,
                      seconds % 60);
  if (fraction == 0) {
    return used;
  }
  used += snprintf(text + used, size - (size_t)used, ".%0*" PRId64, per_second == MICROS_PER_SECOND ? 6 : 9,
                   fraction);
  while (text[used - 1] == '0') {
    text[--used] = '\0';
  }
  return used;
}

static lh_status append_quoted(const char *text, bool json, struct lh_buf *out, struct lh_error *err) {
  return json ? lh_buf_printf(out, err, "\"%s\"", text) : lh_buf_append_str(out, text, err);
}

static lh_status format_date(int32_t days, bool json, struct lh_buf *out, struct lh_error *err) {
  char text[SHORT_TEXT_MAX];
  const int used = print_date(days, json, text, sizeof(text));
  if (!json && is_before_christ(days)) {
    snprintf(text + used, sizeof(text) - (size_t)used, " BC");
  }
  return append_quoted(text, json, out, err);
}

static lh_status format_time(int64_t micros, bool json, struct lh_buf *out, struct lh_error *err) {
  char text[SHORT_TEXT_MAX];
  print_time(micros / MICROS_PER_SECOND, micros % MICROS_PER_SECOND, MICROS_PER_SECOND, text, sizeof(text));
  return append_quoted(text, json, out, err);
}

static lh_status format_timestamp(const struct lh_field *field, int64_t value, bool json, struct lh_buf *out,
                                  struct lh_error *err) {
  const int64_t per_second = field->unit == LH_UNIT_NANOS ? NANOS_PER_SECOND : MICROS_PER_SECOND;
  int64_t fraction = value % per_second;
  int64_t seconds = value / per_second;
  if (fraction < 0) {
    fraction += per_second;
    seconds--;
  }
  int64_t second_of_day = seconds % SECONDS_PER_DAY;
  int64_t days = seconds / SECONDS_PER_DAY;
  if (second_of_day < 0) {
    second_of_day += SECONDS_PER_DAY;
    days--;
  }
  char text[SHORT_TEXT_MAX];
  const size_t size = sizeof(text);
  int used = print_date(days, json, text, size);
  text[used++] = json ? 'T' : ' ';
  used += print_time(second_of_day, fraction, per_second, text + used, size - (size_t)used);
  const char *const zone = field->utc ? (json ? "Z" : "+00") : "";
  snprintf(text + used, size - (size_t)used, "%s%s", zone, !json && is_before_christ(days) ? " BC" : "");
  return append_quoted(text, json, out, err);
}

static lh_status format_uuid(const uint8_t *bytes, bool json, struct lh_buf *out, struct lh_error *err) {
  char text[37];
  char *next = text;
  for (size_t i = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      *next++ = '-';
    }
    *next++ = hex_digits[bytes[i] >> 4];
    *next++ = hex_digits[bytes[i] & 15];
  }
  *next = '\0';
  return append_quoted(text, json, out, err);
}

static lh_status format_binary(const uint8_t *bytes, size_t size, bool json, struct lh_buf *out,
                               struct lh_error *err) {
  LH_TRY(lh_buf_append_str(out, json ? "\"\\\\x" : "\\x", err));
  LH_TRY(append_hex(bytes, size, out, err));
  return json ? lh_buf_append_byte(out, '"', err) : LH_OK;
}

static lh_status format_variable(const struct lh_column *column, size_t index, bool json, struct lh_buf *out,
                                 struct lh_error *err) {
  size_t size = 0;
  const uint8_t *const bytes = lh_column_bytes(column, index, &size);
  if (column->field->type == LH_TYPE_BINARY) {
    return format_binary(bytes, size, json, out, err);
  }
  /* An empty text is no JSON. */
  const bool as_is = !json || (column->field->type == LH_TYPE_JSON && size > 0);
  return as_is ? lh_buf_append(out, bytes, size, err) : lh_format_json_string(bytes, size, out, err);
}

static lh_status format_list(const struct lh_column *column, size_t index, struct lh_buf *out,
                             struct lh_error *err) {
  const size_t start = (size_t)column->offsets[index];
  const size_t end = (size_t)column->offsets[index + 1];
  LH_TRY(lh_buf_append_byte(out, '[', err));
  for (size_t i = start; i < end; i++) {
    LH_TRY(lh_buf_append_str(out, i > start ? ", " : "", err));
    if (column->field->type == LH_TYPE_LIST) {
      LH_TRY(lh_column_format(&column->children[0], i, LH_FORMAT_JSON, out, err));
      continue;
    }
    LH_TRY(lh_buf_append_str(out, "{\"key\": ", err));
    LH_TRY(lh_column_format(&column->children[0], i, LH_FORMAT_JSON, out, err));
    LH_TRY(lh_buf_append_str(out, ", \"value\": ", err));
    LH_TRY(lh_column_format(&column->children[1], i, LH_FORMAT_JSON, out, err));
    LH_TRY(lh_buf_append_byte(out, '}', err));
  }
  return lh_buf_append_byte(out, ']', err);
}

static lh_status format_struct(const struct lh_column *column, size_t index, struct lh_buf *out,
                               struct lh_error *err) {
  LH_TRY(lh_buf_append_byte(out, '{', err));
  for (size_t i = 0; i < column->child_count; i++) {
    const char *const name = column->children[i].field->name;
    LH_TRY(lh_buf_append_str(out, i > 0 ? ", " : "", err));
    LH_TRY(lh_format_json_string(name, strlen(name), out, err));
    LH_TRY(lh_buf_append_str(out, ": ", err));
    LH_TRY(lh_column_format(&column->children[i], index, LH_FORMAT_JSON, out, err));
  }
  return lh_buf_append_byte(out, '}', err);
}

lh_status lh_column_format(const struct lh_column *column, size_t index, enum lh_format_style style,
                           struct lh_buf *out, struct lh_error *err) {
  const bool json = style == LH_FORMAT_JSON;
  if (!lh_column_is_valid(column, index)) {
    return json ? lh_buf_append_str(out, "null", err) : LH_OK;
  }
  const void *const values = column->values;
  switch (column->field->type) {
    case LH_TYPE_BOOL:
      return lh_buf_append_str(out, column->values[index] != 0 ? "true" : "false", err);
    case LH_TYPE_INT8:
    case LH_TYPE_INT16:
    case LH_TYPE_INT32:
      return lh_buf_printf(out, err, "%" PRId32, ((const int32_t *)values)[index]);
    case LH_TYPE_INT64:
      return lh_buf_printf(out, err, "%" PRId64, ((const int64_t *)values)[index]);
    case LH_TYPE_FLOAT:
    case LH_TYPE_DOUBLE:
      return format_float(column, index, json, out, err);
    case LH_TYPE_DECIMAL:
      return format_decimal(column, index, out, err);
    case LH_TYPE_STRING:
    case LH_TYPE_JSON:
    case LH_TYPE_BINARY:
      return format_variable(column, index, json, out, err);
    case LH_TYPE_UUID:
      return format_uuid(column->values + index * 16, json, out, err);
    case LH_TYPE_DATE:
      return format_date(((const int32_t *)values)[index], json, out, err);
    case LH_TYPE_TIME:
      return format_time(((const int64_t *)values)[index], json, out, err);
    case LH_TYPE_TIMESTAMP:
      return format_timestamp(column->field, ((const int64_t *)values)[index], json, out, err);
    case LH_TYPE_LIST:
    case LH_TYPE_MAP:
      return format_list(column, index, out, err);
    case LH_TYPE_STRUCT:
      return format_struct(column, index, out, err);
  }
  return lh_error_set(err, LH_ERROR_INTERNAL, "column \"%s\" has a type that has no text form",
                      column->field->name);
}
