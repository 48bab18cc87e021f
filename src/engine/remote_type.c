/* Types of Trino and Athena, as they write them, and what they are in the lake. */
#include "engine/remote_impl.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The precision of a timestamp or time that says none. */
#define TIME_PRECISION_DEFAULT 3
#define MICROS_DIGITS 6
#define NANOS_DIGITS 9

struct parser {
  const char *at;
  bool nested;
  struct lh_arena *arena;
  struct lh_error *err;
};

/* A type by its name alone. Those that are missing are text. */
static const struct {
  const char *name;
  enum lh_type type;
} scalars[] = {
    {"boolean", LH_TYPE_BOOL},    {"tinyint", LH_TYPE_INT8},        {"smallint", LH_TYPE_INT16},
    {"integer", LH_TYPE_INT32},   {"int", LH_TYPE_INT32},           {"bigint", LH_TYPE_INT64},
    {"real", LH_TYPE_FLOAT},      {"float", LH_TYPE_FLOAT},         {"double", LH_TYPE_DOUBLE},
    {"decimal", LH_TYPE_DECIMAL}, {"json", LH_TYPE_JSON},           {"varbinary", LH_TYPE_BINARY},
    {"uuid", LH_TYPE_UUID},       {"date", LH_TYPE_DATE},           {"time", LH_TYPE_TIME},
    {"array", LH_TYPE_LIST},      {"timestamp", LH_TYPE_TIMESTAMP}, {"map", LH_TYPE_MAP},
    {"row", LH_TYPE_STRUCT},
};

static lh_status parse(struct parser *parser, size_t depth, struct lh_field *field);

static void skip_space(struct parser *parser) {
  while (*parser->at == ' ') {
    parser->at++;
  }
}

static bool take(struct parser *parser, char wanted) {
  skip_space(parser);
  if (*parser->at != wanted) {
    return false;
  }
  parser->at++;
  return true;
}

static size_t word_length(const char *text) {
  size_t length = 0;
  while (isalnum((unsigned char)text[length]) || text[length] == '_' || text[length] == '$') {
    length++;
  }
  return length;
}

static bool take_word(struct parser *parser, const char *word) {
  skip_space(parser);
  const size_t length = word_length(parser->at);
  if (length != strlen(word) || strncasecmp(parser->at, word, length) != 0) {
    return false;
  }
  parser->at += length;
  return true;
}

/* Up to `most` numbers in brackets; returns how many. Anything else there is skipped. */
static size_t take_numbers(struct parser *parser, int *numbers, size_t most) {
  size_t count = 0;
  skip_space(parser);
  if (*parser->at != '(') {
    return 0;
  }
  parser->at++;
  for (;;) {
    skip_space(parser);
    if (isdigit((unsigned char)*parser->at) && count < most) {
      numbers[count++] = (int)strtol(parser->at, NULL, 10);
    }
    parser->at += strcspn(parser->at, ",)");
    if (*parser->at != ',') {
      parser->at += *parser->at == ')';
      return count;
    }
    parser->at++;
  }
}

/* The rest of a type that is text: what is in its brackets, and words such as "day to second". */
static void skip_rest(struct parser *parser) {
  size_t depth = 0;
  while (*parser->at != '\0' && (depth > 0 || (*parser->at != ',' && *parser->at != ')'))) {
    depth += *parser->at == '(';
    depth -= *parser->at == ')';
    parser->at++;
  }
}

static void make_text(struct parser *parser, struct lh_field *field) {
  field->type = LH_TYPE_STRING;
  skip_rest(parser);
}

static lh_status parse_children(struct parser *parser, size_t depth, size_t count, struct lh_field *field) {
  static const char *const list_names[] = {"element"};
  static const char *const map_names[] = {"key", "value"};
  field->children = LH_ARENA_ARRAY(parser->arena, struct lh_field, count);
  if (field->children == NULL) {
    return lh_error_memory(parser->err);
  }
  field->child_count = count;
  for (size_t i = 0; i < count; i++) {
    field->children[i].name = count == 1 ? list_names[i] : map_names[i];
    LH_TRY(parse(parser, depth + 1, &field->children[i]));
    take(parser, i + 1 < count ? ',' : ')');
  }
  if (field->type == LH_TYPE_MAP) {
    field->children[0].nullable = false;
  }
  return LH_OK;
}

/* Whether a member begins with its name: a quoted one, or a word that another word follows which is not part
 * of one type. */
static bool has_name(const char *text) {
  if (*text == '"') {
    return true;
  }
  const size_t length = word_length(text);
  const char *const next = text + length + strspn(text + length, " ");
  if (length == 0 || (!isalpha((unsigned char)*next) && *next != '_')) {
    return false;
  }
  const size_t next_length = word_length(next);
  const bool of_time = strncasecmp(next, "with", next_length) == 0 && next_length == 4;
  const bool of_interval = strncasecmp(text, "interval", length) == 0 && length == 8 &&
                           (strncasecmp(next, "day ", 4) == 0 || strncasecmp(next, "year ", 5) == 0);
  return !of_time && !of_interval;
}

static const char *take_name(struct parser *parser, size_t index) {
  skip_space(parser);
  if (!has_name(parser->at)) {
    return lh_arena_printf(parser->arena, "field%zu", index);
  }
  if (*parser->at != '"') {
    const size_t length = word_length(parser->at);
    const char *const name = lh_arena_strndup(parser->arena, parser->at, length);
    parser->at += length;
    return name;
  }
  char *const name = lh_arena_strdup(parser->arena, parser->at);
  size_t length = 0;
  for (parser->at++; name != NULL && *parser->at != '\0'; parser->at++) {
    if (*parser->at == '"' && *++parser->at != '"') {
      break;
    }
    name[length++] = *parser->at;
  }
  if (name != NULL) {
    name[length] = '\0';
  }
  return name;
}

static size_t count_members(const char *text) {
  size_t count = 1;
  size_t depth = 0;
  bool is_quoted = false;
  for (; *text != '\0' && (is_quoted || depth > 0 || *text != ')'); text++) {
    is_quoted ^= *text == '"';
    if (!is_quoted) {
      depth += *text == '(';
      depth -= *text == ')';
      count += *text == ',' && depth == 0;
    }
  }
  return count;
}

static lh_status parse_members(struct parser *parser, size_t depth, struct lh_field *field) {
  field->child_count = count_members(parser->at);
  field->children = LH_ARENA_ARRAY(parser->arena, struct lh_field, field->child_count);
  if (field->children == NULL) {
    return lh_error_memory(parser->err);
  }
  for (size_t i = 0; i < field->child_count; i++) {
    field->children[i].name = take_name(parser, i);
    if (field->children[i].name == NULL) {
      return lh_error_memory(parser->err);
    }
    LH_TRY(parse(parser, depth + 1, &field->children[i]));
    take(parser, i + 1 < field->child_count ? ',' : ')');
  }
  return LH_OK;
}

static lh_status parse_nested(struct parser *parser, size_t depth, struct lh_field *field) {
  skip_space(parser);
  if (!parser->nested || *parser->at != '(' || depth >= LH_REMOTE_NESTING_MAX) {
    make_text(parser, field);
    return LH_OK;
  }
  parser->at++;
  return field->type == LH_TYPE_STRUCT
             ? parse_members(parser, depth, field)
             : parse_children(parser, depth, field->type == LH_TYPE_LIST ? 1 : 2, field);
}

static void parse_time(struct parser *parser, struct lh_field *field) {
  int precision = TIME_PRECISION_DEFAULT;
  take_numbers(parser, &precision, 1);
  if (take_word(parser, "with")) {
    field->utc = true;
    take_word(parser, "time");
    take_word(parser, "zone");
  } else if (take_word(parser, "without")) {
    take_word(parser, "time");
    take_word(parser, "zone");
  }
  const int most = field->type == LH_TYPE_TIME ? MICROS_DIGITS : NANOS_DIGITS;
  if (precision > most || (field->type == LH_TYPE_TIME && field->utc)) {
    field->utc = false;
    field->type = LH_TYPE_STRING;
  } else if (precision > MICROS_DIGITS) {
    field->unit = LH_UNIT_NANOS;
  }
}

static void parse_decimal(struct parser *parser, struct lh_field *field) {
  int numbers[2] = {LH_DECIMAL_MAX_PRECISION, 0};
  take_numbers(parser, numbers, 2);
  if (numbers[0] < 1 || numbers[0] > LH_DECIMAL_MAX_PRECISION || numbers[1] > numbers[0]) {
    field->type = LH_TYPE_STRING;
    return;
  }
  field->precision = numbers[0];
  field->scale = numbers[1];
}

static lh_status parse(struct parser *parser, size_t depth, struct lh_field *field) {
  field->nullable = true;
  skip_space(parser);
  const size_t length = word_length(parser->at);
  size_t index = 0;
  while (
      index < sizeof(scalars) / sizeof(scalars[0]) &&
      (strlen(scalars[index].name) != length || strncasecmp(parser->at, scalars[index].name, length) != 0)) {
    index++;
  }
  if (index == sizeof(scalars) / sizeof(scalars[0])) {
    make_text(parser, field);
    return LH_OK;
  }
  parser->at += length;
  field->type = scalars[index].type;
  switch ((int)field->type) {
    case LH_TYPE_DECIMAL:
      parse_decimal(parser, field);
      return LH_OK;
    case LH_TYPE_TIME:
    case LH_TYPE_TIMESTAMP:
      parse_time(parser, field);
      return LH_OK;
    case LH_TYPE_LIST:
    case LH_TYPE_MAP:
    case LH_TYPE_STRUCT:
      return parse_nested(parser, depth, field);
    default:
      return LH_OK;
  }
}

lh_status lh_remote_parse_type(const char *type, bool nested, struct lh_arena *arena, struct lh_field *field,
                               struct lh_error *err) {
  struct parser parser = {.at = type, .nested = nested, .arena = arena, .err = err};
  LH_TRY(parse(&parser, 0, field));
  field->source_type = lh_arena_strdup(arena, type);
  return field->source_type != NULL ? LH_OK : lh_error_memory(err);
}
