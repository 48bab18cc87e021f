/* The JSON reader: one pass over the text, without recursion. */
#include "column/json_tape.h"

#include "base/str.h"

#define HIGH_SURROGATE_FIRST 0xD800U
#define LOW_SURROGATE_FIRST 0xDC00U
#define SURROGATE_LAST 0xDFFFU
#define REPLACEMENT 0xFFFDU
#define NO_CHARACTER 0U

struct span {
  uint32_t at, length;
  bool is_decoded;
};

struct reader {
  struct lh_json_tape *tape;
  const struct lh_json_options *options;
  const uint8_t *begin, *at, *end;
  struct span key; /* of the member to come */
  size_t depth;    /* of tape->open */
  struct lh_error *err;
};

void lh_json_tape_init(struct lh_json_tape *tape) {
  tape->text = NULL;
  tape->problem = LH_JSON_FINE;
  tape->replaced = 0;
  lh_buf_init(&tape->nodes, LH_JSON_MAX_VALUES * sizeof(struct lh_json_node));
  lh_buf_init(&tape->decoded, INT32_MAX);
}

void lh_json_tape_clear(struct lh_json_tape *tape) {
  lh_buf_clear(&tape->nodes);
  lh_buf_clear(&tape->decoded);
}

static lh_status malformed(const struct reader *reader) {
  return lh_error_set(reader->err, LH_ERROR_CORRUPT, "the text is not JSON: %s at byte %td",
                      reader->at == reader->end ? "it ends" : "an unexpected character",
                      reader->at - reader->begin + 1);
}

static lh_status refuse(const struct reader *reader, enum lh_json_problem problem, const char *what) {
  reader->tape->problem = problem;
  return lh_error_set(reader->err, LH_ERROR_DATA, "the JSON %s", what);
}

static void skip_space(struct reader *reader) {
  const uint8_t *at = reader->at;
  while (at < reader->end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')) {
    at++;
  }
  reader->at = at;
}

/* -------- strings -------- */

static int hex_digit(uint8_t byte) {
  if (byte >= '0' && byte <= '9') {
    return byte - '0';
  }
  const uint8_t lower = byte | 0x20;
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Four hex digits at `at`, or -1. */
static int32_t parse_unit(const uint8_t *at, const uint8_t *end) {
  int32_t unit = 0;
  if (end - at < 4) {
    return -1;
  }
  for (int i = 0; i < 4; i++) {
    const int digit = hex_digit(at[i]);
    if (digit < 0) {
      return -1;
    }
    unit = unit * 16 + digit;
  }
  return unit;
}

static lh_status append_character(struct lh_buf *out, uint32_t code, struct lh_error *err) {
  uint8_t bytes[4];
  size_t size;
  if (code < 0x80) {
    bytes[0] = (uint8_t)code;
    size = 1;
  } else if (code < 0x800) {
    bytes[0] = (uint8_t)(0xC0 | code >> 6);
    bytes[1] = (uint8_t)(0x80 | (code & 0x3F));
    size = 2;
  } else if (code < 0x10000) {
    bytes[0] = (uint8_t)(0xE0 | code >> 12);
    bytes[1] = (uint8_t)(0x80 | (code >> 6 & 0x3F));
    bytes[2] = (uint8_t)(0x80 | (code & 0x3F));
    size = 3;
  } else {
    bytes[0] = (uint8_t)(0xF0 | code >> 18);
    bytes[1] = (uint8_t)(0x80 | (code >> 12 & 0x3F));
    bytes[2] = (uint8_t)(0x80 | (code >> 6 & 0x3F));
    bytes[3] = (uint8_t)(0x80 | (code & 0x3F));
    size = 4;
  }
  return lh_buf_append(out, bytes, size, err);
}

static lh_status append_replacement(struct reader *reader, const char *what) {
  if (!reader->options->replace_characters) {
    return refuse(reader, LH_JSON_BAD_CHARACTER, what);
  }
  reader->tape->replaced++;
  return append_character(&reader->tape->decoded, REPLACEMENT, reader->err);
}

/* Behind \u: one unit, or the two of a pair. */
static lh_status read_unicode(struct reader *reader) {
  const int32_t unit = parse_unit(reader->at, reader->end);
  if (unit < 0) {
    return malformed(reader);
  }
  reader->at += 4;
  const uint32_t code = (uint32_t)unit;
  if (code == NO_CHARACTER) {
    return append_replacement(reader, "has \\u0000, which is no character of a text");
  }
  if (code < HIGH_SURROGATE_FIRST || code > SURROGATE_LAST) {
    return append_character(&reader->tape->decoded, code, reader->err);
  }
  if (code < LOW_SURROGATE_FIRST && reader->end - reader->at >= 6 && reader->at[0] == '\\' &&
      reader->at[1] == 'u') {
    const int32_t second = parse_unit(reader->at + 2, reader->end);
    if (second >= (int32_t)LOW_SURROGATE_FIRST && second <= (int32_t)SURROGATE_LAST) {
      reader->at += 6;
      return append_character(
          &reader->tape->decoded,
          0x10000U + ((code - HIGH_SURROGATE_FIRST) << 10) + ((uint32_t)second - LOW_SURROGATE_FIRST),
          reader->err);
    }
  }
  return append_replacement(reader, "has half of a Unicode surrogate pair, which is no character");
}

static lh_status read_escape(struct reader *reader) {
  static const char names[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
  if (reader->at == reader->end) {
    return malformed(reader);
  }
  const uint8_t letter = *reader->at;
  if (letter == 'u') {
    reader->at++;
    return read_unicode(reader);
  }
  for (size_t i = 0; i + 1 < sizeof(names); i += 2) {
    if ((uint8_t)names[i] == letter) {
      reader->at++;
      return lh_buf_append_byte(&reader->tape->decoded, (uint8_t)names[i + 1], reader->err);
    }
  }
  return malformed(reader);
}

/* One character past ASCII. */
static lh_status read_character(struct reader *reader) {
  if (!reader->options->check_utf8) {
    return lh_buf_append_byte(&reader->tape->decoded, *reader->at++, reader->err);
  }
  const size_t left = (size_t)(reader->end - reader->at);
  for (size_t size = 2; size <= 4 && size <= left; size++) {
    if (lh_utf8_valid(reader->at, size)) {
      const lh_status status = lh_buf_append(&reader->tape->decoded, reader->at, size, reader->err);
      reader->at += size;
      return status;
    }
  }
  reader->at++;
  return append_replacement(reader, "is not valid UTF-8");
}

/* Up to what cannot be taken as it stands. */
static const uint8_t *skip_plain(const uint8_t *at, const uint8_t *end, bool check_utf8) {
  const uint8_t limit = check_utf8 ? 0x7F : 0xFF;
  while (at < end && *at != '"' && *at != '\\' && *at >= 0x20 && *at <= limit) {
    at++;
  }
  return at;
}

/* The string from `start`, of which the reader has gone through what is plain. */
static lh_status decode_string(struct reader *reader, const uint8_t *start, struct span *out) {
  struct lh_buf *const decoded = &reader->tape->decoded;
  const size_t begin = decoded->len;
  LH_TRY(lh_buf_append(decoded, start, (size_t)(reader->at - start), reader->err));
  for (;;) {
    if (reader->at == reader->end || *reader->at < 0x20) {
      return malformed(reader);
    }
    if (*reader->at == '"') {
      break;
    }
    if (*reader->at == '\\') {
      reader->at++;
      LH_TRY(read_escape(reader));
    } else {
      LH_TRY(read_character(reader));
    }
    const uint8_t *const plain = reader->at;
    reader->at = skip_plain(plain, reader->end, reader->options->check_utf8);
    LH_TRY(lh_buf_append(decoded, plain, (size_t)(reader->at - plain), reader->err));
  }
  reader->at++;
  *out = (struct span){(uint32_t)begin, (uint32_t)(decoded->len - begin), true};
  return LH_OK;
}

/* From its quote on. */
static lh_status read_string(struct reader *reader, struct span *out) {
  const uint8_t *const start = ++reader->at;
  reader->at = skip_plain(start, reader->end, reader->options->check_utf8);
  if (reader->at < reader->end && *reader->at == '"') {
    *out = (struct span){(uint32_t)(start - reader->begin), (uint32_t)(reader->at - start), false};
    reader->at++;
    return LH_OK;
  }
  return decode_string(reader, start, out);
}

/* -------- numbers and words -------- */

static bool skip_digits(struct reader *reader) {
  const uint8_t *const start = reader->at;
  while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') {
    reader->at++;
  }
  return reader->at > start;
}

static bool skip_byte(struct reader *reader, uint8_t byte) {
  const bool is_there = reader->at < reader->end && *reader->at == byte;
  reader->at += is_there;
  return is_there;
}

static lh_status read_number(struct reader *reader, struct span *out) {
  const uint8_t *const start = reader->at;
  skip_byte(reader, '-');
  if (!skip_byte(reader, '0') && !skip_digits(reader)) {
    return malformed(reader);
  }
  if (skip_byte(reader, '.') && !skip_digits(reader)) {
    return malformed(reader);
  }
  if (skip_byte(reader, 'e') || skip_byte(reader, 'E')) {
    if (!skip_byte(reader, '+')) {
      skip_byte(reader, '-');
    }
    if (!skip_digits(reader)) {
      return malformed(reader);
    }
  }
  *out = (struct span){(uint32_t)(start - reader->begin), (uint32_t)(reader->at - start), false};
  return LH_OK;
}

static lh_status read_word(struct reader *reader, const char *word) {
  for (; *word != '\0'; word++) {
    if (!skip_byte(reader, (uint8_t)*word)) {
      return malformed(reader);
    }
  }
  return LH_OK;
}

/* -------- values -------- */

static lh_status add_node(struct reader *reader, enum lh_json_kind kind, struct span bytes) {
  struct lh_buf *const nodes = &reader->tape->nodes;
  const size_t count = lh_json_count(reader->tape);
  if (count == LH_JSON_MAX_VALUES) {
    return refuse(reader, LH_JSON_TOO_MANY, "has more than 4,194,304 values");
  }
  struct lh_json_node *const all = (struct lh_json_node *)(void *)nodes->data;
  struct lh_json_node *const around = reader->depth > 0 ? &all[reader->tape->open[reader->depth - 1]] : NULL;
  const struct lh_json_node node = {.at = bytes.at,
                                    .length = bytes.length,
                                    .key_at = reader->key.at,
                                    .key_length = reader->key.length,
                                    .end = (uint32_t)(count + 1),
                                    .kind = (uint8_t)kind,
                                    .is_decoded = bytes.is_decoded,
                                    .key_is_decoded = reader->key.is_decoded,
                                    .is_member = around != NULL && around->kind == LH_JSON_OBJECT};
  if (around != NULL) {
    around->length++;
  }
  reader->key = (struct span){0};
  return lh_buf_append(nodes, &node, sizeof(node), reader->err);
}

static lh_status open_container(struct reader *reader, enum lh_json_kind kind) {
  const size_t index = lh_json_count(reader->tape);
  reader->at++;
  LH_TRY(add_node(reader, kind, (struct span){0}));
  if (reader->depth == LH_JSON_MAX_DEPTH) {
    return refuse(reader, LH_JSON_TOO_DEEP, "is nested more than 500 levels deep");
  }
  reader->tape->open[reader->depth++] = (uint32_t)index;
  return LH_OK;
}

static lh_status read_scalar(struct reader *reader) {
  struct span bytes = {0};
  switch (*reader->at) {
    case 'n':
      LH_TRY(read_word(reader, "null"));
      return add_node(reader, LH_JSON_NULL, bytes);
    case 't':
      LH_TRY(read_word(reader, "true"));
      return add_node(reader, LH_JSON_TRUE, bytes);
    case 'f':
      LH_TRY(read_word(reader, "false"));
      return add_node(reader, LH_JSON_FALSE, bytes);
    case '"':
      LH_TRY(read_string(reader, &bytes));
      return add_node(reader, LH_JSON_STRING, bytes);
    default:
      LH_TRY(read_number(reader, &bytes));
      return add_node(reader, LH_JSON_NUMBER, bytes);
  }
}

static bool is_in_object(const struct reader *reader) {
  return reader->depth > 0 &&
         lh_json_nodes(reader->tape)[reader->tape->open[reader->depth - 1]].kind == LH_JSON_OBJECT;
}

/* Of a member of the innermost object, with its colon. */
static lh_status read_key(struct reader *reader) {
  skip_space(reader);
  if (reader->at == reader->end || *reader->at != '"') {
    return malformed(reader);
  }
  LH_TRY(read_string(reader, &reader->key));
  skip_space(reader);
  return skip_byte(reader, ':') ? LH_OK : malformed(reader);
}

/* Whether the innermost container ends here, and then goes behind it. */
static bool close_container(struct reader *reader) {
  skip_space(reader);
  if (!skip_byte(reader, is_in_object(reader) ? '}' : ']')) {
    return false;
  }
  struct lh_json_node *const all = (struct lh_json_node *)(void *)reader->tape->nodes.data;
  all[reader->tape->open[--reader->depth]].end = (uint32_t)lh_json_count(reader->tape);
  return true;
}

/* Behind a value: closes what ends, and goes to the next value; `*done` where there is none. */
static lh_status go_on(struct reader *reader, bool *done) {
  while (reader->depth > 0 && close_container(reader)) {
  }
  *done = reader->depth == 0;
  if (*done) {
    skip_space(reader);
    return reader->at == reader->end ? LH_OK : malformed(reader);
  }
  if (!skip_byte(reader, ',')) {
    return malformed(reader);
  }
  return is_in_object(reader) ? read_key(reader) : LH_OK;
}

static lh_status read_value(struct reader *reader, bool *done) {
  skip_space(reader);
  if (reader->at == reader->end) {
    return malformed(reader);
  }
  if (*reader->at != '{' && *reader->at != '[') {
    LH_TRY(read_scalar(reader));
    return go_on(reader, done);
  }
  LH_TRY(open_container(reader, *reader->at == '{' ? LH_JSON_OBJECT : LH_JSON_ARRAY));
  if (close_container(reader)) {
    return go_on(reader, done);
  }
  return is_in_object(reader) ? read_key(reader) : LH_OK;
}

lh_status lh_json_tape_parse(struct lh_json_tape *tape, const void *text, size_t size,
                             const struct lh_json_options *options, struct lh_error *err) {
  const uint8_t *const begin = text;
  struct reader reader = {
      .tape = tape, .options = options, .begin = begin, .at = begin, .end = begin + size, .err = err};
  tape->text = begin;
  tape->problem = LH_JSON_FINE;
  tape->replaced = 0;
  lh_buf_reset(&tape->nodes);
  lh_buf_reset(&tape->decoded);
  if (size > INT32_MAX) {
    tape->problem = LH_JSON_TOO_MANY;
    return lh_error_set(err, LH_ERROR_DATA, "the JSON has %zu bytes", size);
  }
  bool done = false;
  while (!done) {
    LH_TRY(read_value(&reader, &done));
  }
  return LH_OK;
}
