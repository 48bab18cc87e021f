/* Values that engines elsewhere hand out as text, read into columns: exactly, or as an error that shows the
 * text. */
#include "engine/remote_impl.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "column/format.h"

/* Longest text of a number, a time or a UUID. */
#define SCALAR_TEXT_MAX 128
#define SHOWN_BYTES 64
#define UUID_BYTES 16
#define DAY_SECONDS 86400
#define OFFSET_HOURS_MAX 23

static lh_status refuse(const struct lh_column *column, const char *text, size_t size, struct lh_error *err) {
  const int shown = (int)lh_utf8_truncate(text, size, SHOWN_BYTES);
  return lh_error_set(err, LH_ERROR_DATA, "\"%.*s\" is not a value of type %s", shown, text,
                      column->field->source_type != NULL ? column->field->source_type : "its column has");
}

static lh_status append_int(struct lh_column *column, const char *text, size_t size, struct lh_error *err) {
  static const int bits[] = {
      [LH_TYPE_INT8] = 8, [LH_TYPE_INT16] = 16, [LH_TYPE_INT32] = 32, [LH_TYPE_INT64] = 64};
  char *end = NULL;
  errno = 0;
  const long long value = strtoll(text, &end, 10);
  const int spare = 64 - bits[column->field->type];
  if (errno != 0 || end != text + size || isspace((unsigned char)*text) || value > (INT64_MAX >> spare) ||
      value < (INT64_MIN >> spare)) {
    return refuse(column, text, size, err);
  }
  if (column->width == sizeof(int64_t)) {
    const int64_t wide = value;
    return lh_column_append_fixed(column, &wide, err);
  }
  const int32_t narrow = (int32_t)value;
  return lh_column_append_fixed(column, &narrow, err);
}

static lh_status append_float(struct lh_column *column, const char *text, size_t size, struct lh_error *err) {
  char *end = NULL;
  if (isspace((unsigned char)*text)) {
    return refuse(column, text, size, err);
  }
  if (column->field->type == LH_TYPE_FLOAT) {
    const float value = strtof(text, &end);
    return end == text + size ? lh_column_append_fixed(column, &value, err) : refuse(column, text, size, err);
  }
  const double value = strtod(text, &end);
  return end == text + size ? lh_column_append_fixed(column, &value, err) : refuse(column, text, size, err);
}

static lh_status append_decimal(struct lh_column *column, const char *text, size_t size,
                                struct lh_error *err) {
  const struct lh_field *const field = column->field;
  const bool is_negative = size > 0 && text[0] == '-';
  size_t i = is_negative;
  lh_uint128 value = 0;
  int digits = 0;    /* significant ones */
  int fraction = -1; /* digits behind the point; -1 before it */
  for (; i < size; i++) {
    if (text[i] == '.' && fraction < 0) {
      fraction = 0;
      continue;
    }
    if (!isdigit((unsigned char)text[i])) {
      return refuse(column, text, size, err);
    }
    value = value * 10 + (unsigned)(text[i] - '0');
    digits += digits > 0 || text[i] != '0';
    fraction += fraction >= 0;
    if (digits > field->precision || fraction > field->scale) {
      return refuse(column, text, size, err);
    }
  }
  for (int missing = field->scale - (fraction > 0 ? fraction : 0); missing > 0; missing--) {
    value *= 10;
    digits += digits > 0;
  }
  if (digits > field->precision || size == (size_t)is_negative) {
    return refuse(column, text, size, err);
  }
  const lh_int128 wide = is_negative ? -(lh_int128)value : (lh_int128)value;
  if (column->width == sizeof(lh_int128)) {
    return lh_column_append_fixed(column, &wide, err);
  }
  const int64_t middle = (int64_t)wide;
  const int32_t narrow = (int32_t)wide;
  return lh_column_append_fixed(column, column->width == sizeof(int64_t) ? (const void *)&middle : &narrow,
                                err);
}

static int hex_digit(char digit) {
  if (isdigit((unsigned char)digit)) {
    return digit - '0';
  }
  const int letter = tolower((unsigned char)digit);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

static lh_status append_uuid(struct lh_column *column, const char *text, size_t size, struct lh_error *err) {
  uint8_t bytes[UUID_BYTES] = {0};
  size_t digits = 0;
  for (size_t i = 0; i < size; i++) {
    const int digit = hex_digit(text[i]);
    if (text[i] == '-') {
      continue;
    }
    if (digit < 0 || digits == sizeof(bytes) * 2) {
      return refuse(column, text, size, err);
    }
    bytes[digits / 2] = (uint8_t)(bytes[digits / 2] << 4 | digit);
    digits++;
  }
  return digits == sizeof(bytes) * 2 ? lh_column_append_fixed(column, bytes, err)
                                     : refuse(column, text, size, err);
}

/* What is left of a text that is taken from its front. */
struct cursor {
  const char *at;
  const char *end;
};

static bool take(struct cursor *cursor, char wanted) {
  if (cursor->at == cursor->end || *cursor->at != wanted) {
    return false;
  }
  cursor->at++;
  return true;
}

/* At least `least` digits. */
static bool take_number(struct cursor *cursor, int least, int most, int64_t *out) {
  int digits = 0;
  *out = 0;
  while (digits < most && cursor->at < cursor->end && isdigit((unsigned char)*cursor->at)) {
    *out = *out * 10 + (*cursor->at++ - '0');
    digits++;
  }
  return digits >= least;
}

static bool take_date(struct cursor *cursor, int64_t *days) {
  int64_t year = 0;
  int64_t month = 0;
  int64_t day = 0;
  const bool is_negative = take(cursor, '-');
  if (!is_negative) {
    take(cursor, '+');
  }
  if (!take_number(cursor, 4, 7, &year) || !take(cursor, '-') || !take_number(cursor, 2, 2, &month) ||
      !take(cursor, '-') || !take_number(cursor, 2, 2, &day) || month < 1 || month > 12 || day < 1 ||
      day > 31) {
    return false;
  }
  *days = lh_days_from_civil(is_negative ? -year : year, (int)month, (int)day);
  return true;
}

/* Units since midnight, 10^digits of them a second. */
static bool take_time(struct cursor *cursor, int digits, int64_t *units) {
  int64_t hour = 0;
  int64_t minute = 0;
  int64_t second = 0;
  if (!take_number(cursor, 2, 2, &hour) || !take(cursor, ':') || !take_number(cursor, 2, 2, &minute) ||
      hour > 24 || minute > 59) {
    return false;
  }
  if (take(cursor, ':') && (!take_number(cursor, 2, 2, &second) || second > 60)) {
    return false;
  }
  *units = (hour * 60 + minute) * 60 + second;
  const bool has_fraction = take(cursor, '.');
  for (int i = 0; i < digits; i++) {
    int64_t digit = 0;
    if (has_fraction) {
      (void)take_number(cursor, 0, 1, &digit);
    }
    *units = *units * 10 + digit;
  }
  return true;
}

/* "UTC", "Z", "+01:00", in seconds east of Greenwich. A zone's name is refused: which offset it has at that
 * time only the zone's tables know. */
static bool take_offset(struct cursor *cursor, int64_t *seconds) {
  int64_t hours = 0;
  int64_t minutes = 0;
  *seconds = 0;
  take(cursor, ' ');
  const size_t left = (size_t)(cursor->end - cursor->at);
  if ((left == 3 && memcmp(cursor->at, "UTC", 3) == 0) || (left == 1 && *cursor->at == 'Z')) {
    cursor->at = cursor->end;
    return true;
  }
  const bool is_negative = take(cursor, '-');
  if ((!is_negative && !take(cursor, '+')) || !take_number(cursor, 2, 2, &hours) || !take(cursor, ':') ||
      !take_number(cursor, 2, 2, &minutes) || hours > OFFSET_HOURS_MAX || minutes > 59) {
    return false;
  }
  *seconds = (hours * 60 + minutes) * 60 * (is_negative ? -1 : 1);
  return true;
}

static lh_status append_timestamp(struct lh_column *column, const char *text, size_t size,
                                  struct lh_error *err) {
  const struct lh_field *const field = column->field;
  const int64_t second_units = field->unit == LH_UNIT_NANOS ? 1000000000 : 1000000;
  struct cursor cursor = {text, text + size};
  int64_t days = 0;
  int64_t units = 0;
  int64_t offset = 0;
  if (!take_date(&cursor, &days) || (!take(&cursor, ' ') && !take(&cursor, 'T')) ||
      !take_time(&cursor, field->unit == LH_UNIT_NANOS ? 9 : 6, &units)) {
    return refuse(column, text, size, err);
  }
  if (field->utc && !take_offset(&cursor, &offset)) {
    refuse(column, text, size, err);
    lh_error_hint(err, "times of named zones are not read: write at_timezone(…, 'UTC')");
    return LH_ERROR_DATA;
  }
  int64_t value = 0;
  if (cursor.at != cursor.end || __builtin_mul_overflow(days * DAY_SECONDS - offset, second_units, &value) ||
      __builtin_add_overflow(value, units, &value)) {
    return refuse(column, text, size, err);
  }
  return lh_column_append_fixed(column, &value, err);
}

static lh_status append_date(struct lh_column *column, const char *text, size_t size, struct lh_error *err) {
  struct cursor cursor = {text, text + size};
  int64_t days = 0;
  if (!take_date(&cursor, &days) || cursor.at != cursor.end || days > INT32_MAX || days < INT32_MIN) {
    return refuse(column, text, size, err);
  }
  const int32_t value = (int32_t)days;
  return lh_column_append_fixed(column, &value, err);
}

static lh_status append_time(struct lh_column *column, const char *text, size_t size, struct lh_error *err) {
  struct cursor cursor = {text, text + size};
  int64_t value = 0;
  if (!take_time(&cursor, 6, &value) || cursor.at != cursor.end) {
    return refuse(column, text, size, err);
  }
  return lh_column_append_fixed(column, &value, err);
}

static lh_status append_bool(struct lh_column *column, const char *text, size_t size, struct lh_error *err) {
  const bool is_true = size == 4 && strncasecmp(text, "true", 4) == 0;
  if (!is_true && (size != 5 || strncasecmp(text, "false", 5) != 0)) {
    return refuse(column, text, size, err);
  }
  const uint8_t value = is_true;
  return lh_column_append_fixed(column, &value, err);
}

static int base64_digit(char digit) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const char *const found = digit != '\0' ? strchr(digits, digit) : NULL;
  return found != NULL ? (int)(found - digits) : -1;
}

/* Bytes were appended to the column's data, and a value reserved. */
static lh_status end_bytes(struct lh_column *column) {
  column->offsets[column->length + 1] = (int32_t)column->data.len;
  lh_column_push_valid(column);
  return LH_OK;
}

static lh_status append_base64(struct lh_column *column, const char *text, size_t size,
                               struct lh_error *err) {
  struct lh_buf *const data = &column->data;
  uint32_t bits = 0;
  int bit_count = 0;
  size_t digits = 0;
  LH_TRY(lh_column_reserve(column, 1, err));
  LH_TRY(lh_buf_reserve(data, size, err));
  for (; digits < size && text[digits] != '='; digits++) {
    const int digit = base64_digit(text[digits]);
    if (digit < 0) {
      return refuse(column, text, size, err);
    }
    bits = bits << 6 | (uint32_t)digit;
    bit_count += 6;
    if (bit_count >= 8) {
      bit_count -= 8;
      data->data[data->len++] = (uint8_t)(bits >> bit_count);
    }
  }
  return end_bytes(column);
}

/* "68 69", with or without the spaces. */
static lh_status append_hex(struct lh_column *column, const char *text, size_t size, struct lh_error *err) {
  struct lh_buf *const data = &column->data;
  LH_TRY(lh_column_reserve(column, 1, err));
  LH_TRY(lh_buf_reserve(data, size, err));
  for (size_t i = 0; i < size; i++) {
    if (text[i] == ' ') {
      continue;
    }
    const int high = hex_digit(text[i]);
    const int low = i + 1 < size ? hex_digit(text[++i]) : -1;
    if (high < 0 || low < 0) {
      return refuse(column, text, size, err);
    }
    data->data[data->len++] = (uint8_t)(high << 4 | low);
  }
  return end_bytes(column);
}

/* `text` ends in NUL. */
static lh_status append_scalar(struct lh_column *column, const char *text, size_t size,
                               struct lh_error *err) {
  switch ((int)column->field->type) {
    case LH_TYPE_BOOL:
      return append_bool(column, text, size, err);
    case LH_TYPE_INT8:
    case LH_TYPE_INT16:
    case LH_TYPE_INT32:
    case LH_TYPE_INT64:
      return append_int(column, text, size, err);
    case LH_TYPE_FLOAT:
    case LH_TYPE_DOUBLE:
      return append_float(column, text, size, err);
    case LH_TYPE_DECIMAL:
      return append_decimal(column, text, size, err);
    case LH_TYPE_UUID:
      return append_uuid(column, text, size, err);
    case LH_TYPE_DATE:
      return append_date(column, text, size, err);
    case LH_TYPE_TIME:
      return append_time(column, text, size, err);
    case LH_TYPE_TIMESTAMP:
      return append_timestamp(column, text, size, err);
    default:
      return refuse(column, text, size, err);
  }
}

lh_status lh_remote_append_text(struct lh_column *column, const char *text, size_t size,
                                enum lh_remote_bytes bytes, struct lh_error *err) {
  const enum lh_type type = column->field->type;
  if (type == LH_TYPE_STRING || type == LH_TYPE_JSON) {
    return lh_column_append_bytes(column, text, size, err);
  }
  if (type == LH_TYPE_BINARY) {
    return bytes == LH_REMOTE_BYTES_BASE64 ? append_base64(column, text, size, err)
                                           : append_hex(column, text, size, err);
  }
  char scalar[SCALAR_TEXT_MAX];
  if (size == 0 || size >= sizeof(scalar)) {
    return refuse(column, text, size, err);
  }
  memcpy(scalar, text, size);
  scalar[size] = '\0';
  return append_scalar(column, scalar, size, err);
}
