/* Keys of partitions and the names of their directories: reading what the project says, values as text,
 * Hive's escaping and back. */
#include "column/partition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "column/format.h"
#include "column/partition_impl.h"

#define TRANSFORM_COUNT (LH_PARTITION_YEAR + 1)
#define EXAMPLE "write a column's name, or hour, day, month or year of one: day(created_at)"

static const char *const transform_names[TRANSFORM_COUNT] = {
    [LH_PARTITION_IDENTITY] = "identity", [LH_PARTITION_HOUR] = "hour", [LH_PARTITION_DAY] = "day",
    [LH_PARTITION_MONTH] = "month",       [LH_PARTITION_YEAR] = "year",
};

const char *lh_partition_transform_name(enum lh_partition_transform transform) {
  return transform_names[transform];
}

/* -------- what the project says -------- */

static char *trimmed(const char *text, size_t length, struct lh_arena *arena) {
  while (length > 0 && text[0] == ' ') {
    text++;
    length--;
  }
  while (length > 0 && text[length - 1] == ' ') {
    length--;
  }
  return lh_arena_strndup(arena, text, length);
}

static lh_status fail_key(const char *text, struct lh_error *err) {
  lh_error_set(err, LH_ERROR_PROJECT, "\"%.100s\" is nothing to partition by", text);
  lh_error_hint(err, EXAMPLE);
  return LH_ERROR_PROJECT;
}

static lh_status parse_transform(const char *text, size_t length, struct lh_arena *arena,
                                 enum lh_partition_transform *out, struct lh_error *err) {
  const char *const word = trimmed(text, length, arena);
  if (word == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = LH_PARTITION_HOUR; i < TRANSFORM_COUNT; i++) {
    if (strcmp(word, transform_names[i]) == 0) {
      *out = (enum lh_partition_transform)i;
      return LH_OK;
    }
  }
  lh_error_set(err, LH_ERROR_PROJECT, "there is no \"%.64s\" to partition by", word);
  const char *const nearest =
      lh_str_nearest(word, transform_names + LH_PARTITION_HOUR, TRANSFORM_COUNT - LH_PARTITION_HOUR);
  if (nearest != NULL) {
    lh_error_hint(err, "did you mean \"%s\"?", nearest);
  } else {
    lh_error_hint(err, EXAMPLE);
  }
  return LH_ERROR_PROJECT;
}

/* " as name" behind the parenthesis, or nothing. */
static lh_status parse_name(const char *text, const char *rest, struct lh_arena *arena,
                            struct lh_partition_key *out, struct lh_error *err) {
  static const char word[] = "as ";
  rest += strspn(rest, " ");
  out->name = transform_names[out->transform];
  if (*rest == '\0') {
    return LH_OK;
  }
  if (strncmp(rest, word, sizeof(word) - 1) != 0) {
    return fail_key(text, err);
  }
  rest += sizeof(word) - 1;
  out->name = trimmed(rest, strlen(rest), arena);
  if (out->name == NULL) {
    return lh_error_memory(err);
  }
  const size_t length = strlen(out->name);
  const bool fits = length > 0 && length == strspn(out->name, "abcdefghijklmnopqrstuvwxyz0123456789_") &&
                    (out->name[0] < '0' || out->name[0] > '9');
  return fits ? LH_OK : fail_key(text, err);
}

lh_status lh_partition_parse_key(const char *text, struct lh_arena *arena, struct lh_partition_key *out,
                                 struct lh_error *err) {
  const char *const open = strchr(text, '(');
  const char *const close = strrchr(text, ')');
  *out = (struct lh_partition_key){0};
  if (open == NULL && close == NULL) {
    out->column = trimmed(text, strlen(text), arena);
    out->name = out->column;
    return out->column != NULL ? LH_OK : lh_error_memory(err);
  }
  if (open == NULL || close == NULL || close < open) {
    return fail_key(text, err);
  }
  LH_TRY(parse_transform(text, (size_t)(open - text), arena, &out->transform, err));
  out->column = trimmed(open + 1, (size_t)(close - open - 1), arena);
  if (out->column == NULL) {
    return lh_error_memory(err);
  }
  return out->column[0] != '\0' ? parse_name(text, close + 1, arena, out, err) : fail_key(text, err);
}

/* -------- types -------- */

static bool takes_type(enum lh_partition_transform transform, enum lh_type type) {
  switch (transform) {
    case LH_PARTITION_IDENTITY:
      return type == LH_TYPE_BOOL || type == LH_TYPE_INT8 || type == LH_TYPE_INT16 || type == LH_TYPE_INT32 ||
             type == LH_TYPE_INT64 || type == LH_TYPE_DECIMAL || type == LH_TYPE_STRING ||
             type == LH_TYPE_UUID || type == LH_TYPE_DATE;
    case LH_PARTITION_HOUR:
      return type == LH_TYPE_TIMESTAMP;
    default:
      return type == LH_TYPE_TIMESTAMP || type == LH_TYPE_DATE;
  }
}

lh_status lh_partition_check_field(const struct lh_partition_key *key, const struct lh_field *field,
                                   struct lh_error *err) {
  struct lh_arena arena;
  if (takes_type(key->transform, field->type) && field->child_count == 0) {
    return LH_OK;
  }
  lh_arena_init(&arena, 0);
  const char *const type = lh_field_type_name(field, &arena);
  const char *const type_text = type != NULL ? type : "of another type";
  if (key->transform == LH_PARTITION_IDENTITY) {
    lh_error_set(err, LH_ERROR_DATA, "column \"%s\" is %s, of which no partitions can be made", field->name,
                 type_text);
    lh_error_hint(err, field->type == LH_TYPE_TIMESTAMP
                           ? "partition by hour, day, month or year of it"
                           : "whole numbers, decimals, texts, booleans, dates and UUIDs can name partitions");
  } else {
    lh_error_set(err, LH_ERROR_DATA, "column \"%s\" is %s, and there is no %s of that", field->name,
                 type_text, transform_names[key->transform]);
    lh_error_hint(
        err, key->transform == LH_PARTITION_HOUR ? "it takes a timestamp" : "it takes a date or a timestamp");
  }
  snprintf(err->column, sizeof(err->column), "%s", field->name);
  lh_arena_clear(&arena);
  return LH_ERROR_DATA;
}

const char *lh_partition_type_name(const struct lh_partition_key *key, const struct lh_field *field,
                                   struct lh_arena *arena) {
  switch (key->transform) {
    case LH_PARTITION_IDENTITY:
      return lh_field_type_name(field, arena);
    case LH_PARTITION_DAY:
      return "date";
    case LH_PARTITION_YEAR:
      return "int32";
    default:
      return "string";
  }
}

/* -------- values -------- */

static lh_status append_year(int64_t year, struct lh_buf *out, struct lh_error *err) {
  return lh_buf_printf(out, err, "%s%04" PRId64, year < 0 ? "-" : "", year < 0 ? -year : year);
}

static lh_status append_date(int64_t days, enum lh_partition_transform transform, struct lh_buf *out,
                             struct lh_error *err) {
  const struct lh_civil_date date = lh_civil_from_days(days);
  LH_TRY(append_year(date.year, out, err));
  if (transform == LH_PARTITION_YEAR) {
    return LH_OK;
  }
  LH_TRY(lh_buf_printf(out, err, "-%02d", date.month));
  return transform == LH_PARTITION_MONTH ? LH_OK : lh_buf_printf(out, err, "-%02d", date.day);
}

lh_status lh_partition_append_period(enum lh_partition_transform transform, int64_t hour, struct lh_buf *out,
                                     struct lh_error *err) {
  const int64_t days = lh_partition_floor(hour, 24);
  if (transform != LH_PARTITION_HOUR) {
    return append_date(days, transform, out, err);
  }
  LH_TRY(append_date(days, LH_PARTITION_DAY, out, err));
  return lh_buf_printf(out, err, "-%02d", (int)(hour - days * 24));
}

static lh_status append_time(const struct lh_partition_key *key, const struct lh_column *column, size_t row,
                             struct lh_buf *out, struct lh_error *err) {
  return key->transform == LH_PARTITION_HOUR
             ? lh_partition_append_period(key->transform, lh_partition_hour_at(column, row), out, err)
             : append_date(lh_partition_day_at(column, row), key->transform, out, err);
}

static lh_status fail_period(enum lh_partition_transform transform, const char *value, struct lh_error *err) {
  static const char *const examples[TRANSFORM_COUNT] = {[LH_PARTITION_HOUR] = "2026-01-31-14",
                                                        [LH_PARTITION_DAY] = "2026-01-31",
                                                        [LH_PARTITION_MONTH] = "2026-01",
                                                        [LH_PARTITION_YEAR] = "2026"};
  lh_error_set(err, LH_ERROR_USAGE, "\"%.64s\" is no %s", value, transform_names[transform]);
  lh_error_hint(err, "write it like %s", examples[transform]);
  return LH_ERROR_USAGE;
}

/* The numbers of "-0044-03-15-12", as many as there are; the caller compares what they come to. */
static void split_period(const char *value, int64_t parts[4]) {
  static const int64_t most = 99999999;
  const bool is_negative = value[0] == '-';
  const char *at = is_negative ? value + 1 : value;
  for (size_t i = 0; i < 4 && *at >= '0' && *at <= '9'; i++) {
    parts[i] = 0;
    for (; *at >= '0' && *at <= '9' && parts[i] < most; at++) {
      parts[i] = parts[i] * 10 + (*at - '0');
    }
    parts[i] = i == 0 && is_negative ? -parts[i] : parts[i];
    at += *at == '-' ? 1 : 0;
  }
}

lh_status lh_partition_parse_period(enum lh_partition_transform transform, const char *value, int64_t *first,
                                    int64_t *end, struct lh_error *err) {
  int64_t parts[4] = {0, 1, 1, 0};
  split_period(value, parts);
  const int64_t year = parts[0];
  const int month = (int)parts[1];
  const int day = (int)parts[2];
  const int hour = (int)parts[3];
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || year < -10000 || year > 10000000) {
    return fail_period(transform, value, err);
  }
  const bool last_month = month == 12;
  const int64_t next_month = lh_days_from_civil(year + (last_month ? 1 : 0), last_month ? 1 : month + 1, 1);
  const int64_t days = lh_days_from_civil(year, month, day);
  *first = days * 24 + hour;
  *end = transform == LH_PARTITION_HOUR    ? *first + 1
         : transform == LH_PARTITION_DAY   ? *first + 24
         : transform == LH_PARTITION_MONTH ? next_month * 24
                                           : lh_days_from_civil(year + 1, 1, 1) * 24;
  /* Only what comes out the same is in the form of the directories. */
  struct lh_buf text;
  const char *canonical = NULL;
  lh_buf_init(&text, LH_PARTITION_MAX_NAME_BYTES);
  lh_status status = lh_partition_append_period(transform, *first, &text, err);
  if (status == LH_OK) {
    status = lh_buf_cstr(&text, &canonical, err);
  }
  if (status == LH_OK && strcmp(canonical, value) != 0) {
    status = fail_period(transform, value, err);
  }
  lh_buf_clear(&text);
  return status;
}

static lh_status check_text(const struct lh_column *column, const struct lh_buf *out, size_t start,
                            struct lh_error *err) {
  const size_t length = out->len - start;
  static const char null[] = LH_PARTITION_NULL;
  const bool is_null = length == sizeof(null) - 1 && memcmp(out->data + start, null, length) == 0;
  const bool has_nul = length > 0 && memchr(out->data + start, '\0', length) != NULL;
  if (length > 0 && !is_null && !has_nul) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_DATA, "column \"%s\" holds %s, which cannot name a partition",
               column->field->name,
               length == 0 ? "an empty text"
               : is_null   ? "the text " LH_PARTITION_NULL
                           : "a text with NUL in it");
  snprintf(err->column, sizeof(err->column), "%s", column->field->name);
  lh_error_hint(err,
                "readers of partitions would take it for NULL or not read it: leave such rows out, or "
                "make them NULL in a query (nullif)");
  return LH_ERROR_DATA;
}

lh_status lh_partition_append_value(const struct lh_partition_key *key, const struct lh_column *column,
                                    size_t row, struct lh_buf *out, struct lh_error *err) {
  const size_t start = out->len;
  if (key->transform != LH_PARTITION_IDENTITY) {
    return append_time(key, column, row, out, err);
  }
  if (column->field->type == LH_TYPE_DATE) {
    return append_date(lh_partition_day_at(column, row), LH_PARTITION_DAY, out, err);
  }
  LH_TRY(lh_column_format(column, row, LH_FORMAT_PLAIN, out, err));
  return check_text(column, out, start, err);
}

/* -------- directories -------- */

static bool must_escape(uint8_t c) {
  return c < 0x20 || c == 0x7F || strchr("\"#%'*/:=?\\{[]^", c) != NULL;
}

static lh_status append_escaped(const char *text, struct lh_buf *out, struct lh_error *err) {
  for (; *text != '\0'; text++) {
    const uint8_t c = (uint8_t)*text;
    LH_TRY(must_escape(c) ? lh_buf_printf(out, err, "%%%02X", c) : lh_buf_append_byte(out, c, err));
  }
  return LH_OK;
}

lh_status lh_partition_append_directory(const char *name, const char *value, struct lh_buf *out,
                                        struct lh_error *err) {
  if (out->len > 0) {
    LH_TRY(lh_buf_append_byte(out, '/', err));
  }
  const size_t start = out->len;
  LH_TRY(append_escaped(name, out, err));
  LH_TRY(lh_buf_append_byte(out, '=', err));
  LH_TRY(value != NULL ? append_escaped(value, out, err) : lh_buf_append_str(out, LH_PARTITION_NULL, err));
  if (out->len - start <= LH_PARTITION_MAX_NAME_BYTES) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_DATA, "a value of partition key \"%s\" is too long for a directory: %.60s…",
               name, value != NULL ? value : "");
  snprintf(err->column, sizeof(err->column), "%s", name);
  lh_error_hint(err, "a partition's name has at most %d bytes: partition by something shorter",
                LH_PARTITION_MAX_NAME_BYTES);
  return LH_ERROR_DATA;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'A' && c <= 'F') {
    return c - 'A' + 10;
  }
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *unescaped(const char *text, size_t length, struct lh_arena *arena) {
  char *const copy = lh_arena_strndup(arena, text, length);
  char *to = copy;
  for (const char *at = copy; at != NULL && *at != '\0'; at++) {
    const int high = at[0] == '%' ? hex_digit(at[1]) : -1;
    const int low = high >= 0 ? hex_digit(at[2]) : -1;
    *to++ = low >= 0 ? (char)(high * 16 + low) : *at;
    at += low >= 0 ? 2 : 0;
  }
  if (to != NULL) {
    *to = '\0';
  }
  return copy;
}

static lh_status fail_path(const struct lh_partition_by *by, const char *path, struct lh_error *err) {
  char form[512] = "";
  size_t used = 0;
  for (size_t i = 0; i < by->count && used < sizeof(form); i++) {
    used += (size_t)snprintf(form + used, sizeof(form) - used, "%s%s=…", i > 0 ? "/" : "", by->keys[i].name);
  }
  lh_error_set(err, LH_ERROR_USAGE, "\"%.200s\" names no partition", path);
  lh_error_hint(err, "write %s, as the directories of the lake do", form);
  return LH_ERROR_USAGE;
}

lh_status lh_partition_parse_path(const struct lh_partition_by *by, const char *path, struct lh_arena *arena,
                                  const char *const **out, struct lh_error *err) {
  const char **const values = LH_ARENA_ARRAY(arena, const char *, by->count);
  const char *at = path;
  if (values == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < by->count; i++) {
    const size_t length = strcspn(at, "/");
    const char *const equals = memchr(at, '=', length);
    if (equals == NULL && (by->count > 1 || at[length] != '\0')) {
      return fail_path(by, path, err);
    }
    const char *const name = equals != NULL ? unescaped(at, (size_t)(equals - at), arena) : by->keys[i].name;
    const char *const value = equals != NULL ? equals + 1 : at;
    char *const text = unescaped(value, length - (size_t)(value - at), arena);
    if (name == NULL || text == NULL) {
      return lh_error_memory(err);
    }
    if (strcmp(name, by->keys[i].name) != 0 || text[0] == '\0') {
      return fail_path(by, path, err);
    }
    values[i] = strcmp(text, LH_PARTITION_NULL) != 0 ? text : NULL;
    at += length;
    at += i + 1 < by->count && *at == '/' ? 1 : 0;
  }
  *out = values;
  return *at == '\0' ? LH_OK : fail_path(by, path, err);
}
