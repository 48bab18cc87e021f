/*
 * Words for people: the names of Parquet's numbers, annotations as the specification spells them, and
 * statistics values in readable form.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "column/schema.h"
#include "parquet/footer.h"
#include "parquet/plain.h"
#include "parquet/values.h"

#define UNKNOWN "?"
#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define SECONDS_PER_DAY 86400
#define TEXT_ROOM 64

static const char *name_of(const char *const *names, size_t count, int number) {
  return number >= 0 && (size_t)number < count && names[number] != NULL ? names[number] : UNKNOWN;
}

const char *lh_parquet_type_name(int type) {
  static const char *const names[] = {"BOOLEAN", "INT32",  "INT64",      "INT96",
                                      "FLOAT",   "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"};
  return name_of(names, COUNT(names), type);
}

const char *lh_parquet_repetition_name(int repetition) {
  static const char *const names[] = {"REQUIRED", "OPTIONAL", "REPEATED"};
  return name_of(names, COUNT(names), repetition);
}

const char *lh_parquet_codec_name(int codec) {
  static const char *const names[] = {"UNCOMPRESSED", "SNAPPY", "GZIP", "LZO",
                                      "BROTLI",       "LZ4",    "ZSTD", "LZ4_RAW"};
  return name_of(names, COUNT(names), codec);
}

const char *lh_parquet_encoding_name(int encoding) {
  static const char *const names[] = {"PLAIN",
                                      NULL,
                                      "PLAIN_DICTIONARY",
                                      "RLE",
                                      "BIT_PACKED",
                                      "DELTA_BINARY_PACKED",
                                      "DELTA_LENGTH_BYTE_ARRAY",
                                      "DELTA_BYTE_ARRAY",
                                      "RLE_DICTIONARY",
                                      "BYTE_STREAM_SPLIT"};
  return name_of(names, COUNT(names), encoding);
}

enum {
  LOGICAL_STRING = 1,
  LOGICAL_DECIMAL = 5,
  LOGICAL_DATE = 6,
  LOGICAL_TIME = 7,
  LOGICAL_TIMESTAMP = 8,
  LOGICAL_INTEGER = 10,
  LOGICAL_UUID = 14,
};

enum {
  CONVERTED_UTF8 = 0,
  CONVERTED_DECIMAL = 5,
  CONVERTED_DATE = 6,
  CONVERTED_TIME_MILLIS = 7,
  CONVERTED_TIME_MICROS = 8,
  CONVERTED_TIMESTAMP_MILLIS = 9,
  CONVERTED_TIMESTAMP_MICROS = 10,
  CONVERTED_UINT_8 = 11,
  CONVERTED_UINT_64 = 14,
  CONVERTED_INT_64 = 18,
  CONVERTED_JSON = 19,
};

enum { LOGICAL_ENUM = 4, LOGICAL_JSON = 12, CONVERTED_ENUM = 4 };

static const char *converted_name(const struct lh_parquet_schema_element *element, struct lh_arena *arena) {
  static const char *const names[] = {"UTF8",
                                      "MAP",
                                      "MAP_KEY_VALUE",
                                      "LIST",
                                      "ENUM",
                                      "DECIMAL",
                                      "DATE",
                                      "TIME_MILLIS",
                                      "TIME_MICROS",
                                      "TIMESTAMP_MILLIS",
                                      "TIMESTAMP_MICROS",
                                      "UINT_8",
                                      "UINT_16",
                                      "UINT_32",
                                      "UINT_64",
                                      "INT_8",
                                      "INT_16",
                                      "INT_32",
                                      "INT_64",
                                      "JSON",
                                      "BSON",
                                      "INTERVAL"};
  if (element->converted_type < 0) {
    return "";
  }
  if (element->converted_type == CONVERTED_DECIMAL) {
    const int scale = element->scale < 0 ? 0 : element->scale;
    return lh_arena_printf(arena, "DECIMAL(%d,%d)", element->precision, scale);
  }
  return name_of(names, COUNT(names), element->converted_type);
}

const char *lh_parquet_logical_name(const struct lh_parquet_schema_element *element, struct lh_arena *arena) {
  static const char *const names[] = {
      NULL,  "STRING",  "MAP",  "LIST", "ENUM", "DECIMAL", "DATE",    "TIME",     "TIMESTAMP", NULL,
      "INT", "UNKNOWN", "JSON", "BSON", "UUID", "FLOAT16", "VARIANT", "GEOMETRY", "GEOGRAPHY"};
  static const char *const units[] = {NULL, "MILLIS", "MICROS", "NANOS"};
  switch (element->logical_type) {
    case LOGICAL_DECIMAL:
      return lh_arena_printf(arena, "DECIMAL(%d,%d)", element->logical_precision, element->logical_scale);
    case LOGICAL_TIME:
    case LOGICAL_TIMESTAMP:
      return lh_arena_printf(arena, "%s(%s,%s)", names[element->logical_type],
                             name_of(units, COUNT(units), element->logical_unit),
                             element->logical_utc == 1 ? "true" : "false");
    case LOGICAL_INTEGER:
      return lh_arena_printf(arena, "INT(%d,%s)", element->logical_bit_width,
                             element->logical_signed == 1 ? "true" : "false");
    default:
      return element->logical_type < 0 ? converted_name(element, arena)
                                       : name_of(names, COUNT(names), element->logical_type);
  }
}

/* What a leaf's values mean to a reader. */
enum meaning {
  MEANS_NUMBER,
  MEANS_UNSIGNED,
  MEANS_DECIMAL,
  MEANS_DATE,
  MEANS_TIME,
  MEANS_TIMESTAMP,
  MEANS_TEXT,
  MEANS_UUID,
  MEANS_BYTES,
};

static enum meaning logical_meaning(const struct lh_parquet_schema_element *element) {
  switch (element->logical_type) {
    case LOGICAL_STRING:
    case LOGICAL_ENUM:
    case LOGICAL_JSON:
      return MEANS_TEXT;
    case LOGICAL_DECIMAL:
      return MEANS_DECIMAL;
    case LOGICAL_DATE:
      return MEANS_DATE;
    case LOGICAL_TIME:
      return MEANS_TIME;
    case LOGICAL_TIMESTAMP:
      return MEANS_TIMESTAMP;
    case LOGICAL_INTEGER:
      return element->logical_signed == 1 ? MEANS_NUMBER : MEANS_UNSIGNED;
    case LOGICAL_UUID:
      return MEANS_UUID;
    default:
      return element->type >= LH_PARQUET_BYTE_ARRAY ? MEANS_BYTES : MEANS_NUMBER;
  }
}

static enum meaning meaning_of(const struct lh_parquet_schema_element *element) {
  const int converted = element->converted_type;
  if (element->logical_type >= 0) {
    return logical_meaning(element);
  }
  if (converted >= CONVERTED_UINT_8 && converted <= CONVERTED_UINT_64) {
    return MEANS_UNSIGNED;
  }
  switch (converted) {
    case CONVERTED_UTF8:
    case CONVERTED_ENUM:
    case CONVERTED_JSON:
      return MEANS_TEXT;
    case CONVERTED_DECIMAL:
      return MEANS_DECIMAL;
    case CONVERTED_DATE:
      return MEANS_DATE;
    case CONVERTED_TIME_MILLIS:
    case CONVERTED_TIME_MICROS:
      return MEANS_TIME;
    case CONVERTED_TIMESTAMP_MILLIS:
    case CONVERTED_TIMESTAMP_MICROS:
      return MEANS_TIMESTAMP;
    default:
      return element->type >= LH_PARQUET_BYTE_ARRAY ? MEANS_BYTES : MEANS_NUMBER;
  }
}

static const char *format_hex(struct lh_parquet_bytes value, struct lh_arena *arena) {
  static const char digits[] = "0123456789abcdef";
  char *const text = lh_arena_alloc(arena, 2 * value.size + 3);
  if (text == NULL) {
    return NULL;
  }
  text[0] = '0';
  text[1] = 'x';
  for (size_t i = 0; i < value.size; i++) {
    text[2 + 2 * i] = digits[value.data[i] >> 4];
    text[3 + 2 * i] = digits[value.data[i] & 15];
  }
  text[2 + 2 * value.size] = '\0';
  return text;
}

/* Quoted, with control characters, quotes and backslashes escaped; bytes that are not UTF-8 as hex. */
static const char *format_text(struct lh_parquet_bytes value, struct lh_arena *arena) {
  if (!lh_utf8_valid(value.data, value.size)) {
    return format_hex(value, arena);
  }
  char *const text = lh_arena_alloc(arena, 4 * value.size + 3);
  if (text == NULL) {
    return NULL;
  }
  char *at = text;
  *at++ = '"';
  for (size_t i = 0; i < value.size; i++) {
    const uint8_t byte = value.data[i];
    if (byte < 0x20 || byte == 0x7F) {
      at += snprintf(at, 5, "\\x%02x", byte);
      continue;
    }
    if (byte == '"' || byte == '\\') {
      *at++ = '\\';
    }
    *at++ = (char)byte;
  }
  *at++ = '"';
  *at = '\0';
  return text;
}

/* Big-endian two's complement of 1 to 16 bytes. */
static lh_int128 load_big_endian(struct lh_parquet_bytes value) {
  lh_uint128 result = (value.data[0] & 0x80) != 0 ? ~(lh_uint128)0 : 0;
  for (size_t i = 0; i < value.size; i++) {
    result = result << 8 | value.data[i];
  }
  return (lh_int128)result;
}

static const char *format_decimal(lh_int128 value, int scale, struct lh_arena *arena) {
  if (scale < 0 || scale > LH_DECIMAL_MAX_PRECISION) {
    scale = 0;
  }
  char digits[TEXT_ROOM];
  char *at = digits + sizeof digits - 1;
  *at = '\0';
  const bool negative = value < 0;
  lh_uint128 rest = negative ? (lh_uint128)0 - (lh_uint128)value : (lh_uint128)value;
  for (int i = 0; rest > 0 || i <= scale; i++) {
    if (i == scale && scale > 0) {
      *--at = '.';
    }
    *--at = (char)('0' + (int)(rest % 10));
    rest /= 10;
  }
  if (negative) {
    *--at = '-';
  }
  return lh_arena_strdup(arena, at);
}

/* Proleptic Gregorian date of a day number since 1970-01-01, by eras of 400 years from March on. */
static void format_date(int64_t days, char *out) {
  const int64_t shifted = days + 719468;
  const int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  const int64_t day_of_era = shifted - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  const int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2);
  snprintf(out, TEXT_ROOM, "%04" PRId64 "-%02" PRId64 "-%02" PRId64, year, month, day);
}

/* Units in a second and their digits. */
static int64_t units_per_second(const struct lh_parquet_schema_element *element, int *digits) {
  const bool is_millis = element->logical_unit == 1 || element->converted_type == CONVERTED_TIME_MILLIS ||
                         element->converted_type == CONVERTED_TIMESTAMP_MILLIS;
  const bool is_nanos = element->logical_unit == 3;
  *digits = is_nanos ? 9 : is_millis ? 3 : 6;
  return is_nanos ? 1000000000 : is_millis ? 1000 : 1000000;
}

static void format_clock(int64_t seconds, int64_t fraction, int digits, char *out) {
  const int length = snprintf(out, TEXT_ROOM, "%02" PRId64 ":%02" PRId64 ":%02" PRId64, seconds / 3600,
                              seconds / 60 % 60, seconds % 60);
  if (fraction > 0 && length > 0) {
    snprintf(out + length, TEXT_ROOM - (size_t)length, ".%0*" PRId64, digits, fraction);
  }
}

static const char *format_instant(const struct lh_parquet_schema_element *element, int64_t value,
                                  enum meaning meaning, struct lh_arena *arena) {
  int digits = 0;
  const int64_t per_second = units_per_second(element, &digits);
  int64_t seconds = value / per_second;
  int64_t fraction = value % per_second;
  if (fraction < 0) {
    fraction += per_second;
    seconds--;
  }
  char clock[TEXT_ROOM];
  if (meaning == MEANS_TIME) {
    format_clock(seconds, fraction, digits, clock);
    return lh_arena_strdup(arena, clock);
  }
  int64_t days = seconds / SECONDS_PER_DAY;
  int64_t second_of_day = seconds % SECONDS_PER_DAY;
  if (second_of_day < 0) {
    second_of_day += SECONDS_PER_DAY;
    days--;
  }
  char date[TEXT_ROOM];
  format_date(days, date);
  format_clock(second_of_day, fraction, digits, clock);
  return lh_arena_printf(arena, "%s %s%s", date, clock, element->logical_utc == 1 ? "Z" : "");
}

static const char *format_integer(const struct lh_parquet_schema_element *element, int64_t value,
                                  bool is_int32, struct lh_arena *arena) {
  char date[TEXT_ROOM];
  const enum meaning meaning = meaning_of(element);
  switch (meaning) {
    case MEANS_DECIMAL:
      return format_decimal(value, element->scale < 0 ? element->logical_scale : element->scale, arena);
    case MEANS_DATE:
      format_date(value, date);
      return lh_arena_strdup(arena, date);
    case MEANS_TIME:
    case MEANS_TIMESTAMP:
      return format_instant(element, value, meaning, arena);
    case MEANS_UNSIGNED:
      return lh_arena_printf(arena, "%" PRIu64, is_int32 ? (uint64_t)(uint32_t)value : (uint64_t)value);
    case MEANS_NUMBER:
    case MEANS_TEXT:
    case MEANS_UUID:
    case MEANS_BYTES:
    default:
      return lh_arena_printf(arena, "%" PRId64, value);
  }
}

/* The fewest digits that read back as the same number. */
static const char *format_double(double value, struct lh_arena *arena) {
  char text[TEXT_ROOM];
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (strtod(text, NULL) == value) {
      break;
    }
  }
  return lh_arena_strdup(arena, text);
}

static const char *format_float(float value, struct lh_arena *arena) {
  char text[TEXT_ROOM];
  for (int digits = 6; digits <= 9; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, (double)value);
    if (strtof(text, NULL) == value) {
      break;
    }
  }
  return lh_arena_strdup(arena, text);
}

static const char *format_bytes(const struct lh_parquet_schema_element *element,
                                struct lh_parquet_bytes value, struct lh_arena *arena) {
  const enum meaning meaning = meaning_of(element);
  if (meaning == MEANS_TEXT) {
    return format_text(value, arena);
  }
  const int scale = element->scale < 0 ? element->logical_scale : element->scale;
  if (meaning == MEANS_DECIMAL && value.size >= 1 && value.size <= 16) {
    return format_decimal(load_big_endian(value), scale, arena);
  }
  if (meaning == MEANS_UUID && value.size == 16) {
    char text[LH_TEXT_VALUE_MAX];
    lh_plain_format_uuid(value.data, text);
    return lh_arena_strndup(arena, text, sizeof text);
  }
  return format_hex(value, arena);
}

const char *lh_parquet_format_value(const struct lh_parquet_schema_element *element,
                                    struct lh_parquet_bytes value, struct lh_arena *arena) {
  int32_t int32 = 0;
  int64_t int64 = 0;
  float real32 = 0;
  double real64 = 0;
  if (value.data == NULL) {
    return "";
  }
  switch (element->type) {
    case LH_PARQUET_BOOLEAN:
      return value.size != 1 ? format_hex(value, arena) : value.data[0] != 0 ? "true" : "false";
    case LH_PARQUET_INT32:
      if (value.size == sizeof int32) {
        memcpy(&int32, value.data, sizeof int32);
        return format_integer(element, int32, true, arena);
      }
      return format_hex(value, arena);
    case LH_PARQUET_INT64:
      if (value.size == sizeof int64) {
        memcpy(&int64, value.data, sizeof int64);
        return format_integer(element, int64, false, arena);
      }
      return format_hex(value, arena);
    case LH_PARQUET_FLOAT:
      if (value.size == sizeof real32) {
        memcpy(&real32, value.data, sizeof real32);
        return format_float(real32, arena);
      }
      return format_hex(value, arena);
    case LH_PARQUET_DOUBLE:
      if (value.size == sizeof real64) {
        memcpy(&real64, value.data, sizeof real64);
        return format_double(real64, arena);
      }
      return format_hex(value, arena);
    default:
      return format_bytes(element, value, arena);
  }
}
