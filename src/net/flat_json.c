/* JSON that holds secrets, decoded in place: a string is never longer decoded than written, and its closing
 * quote makes room for the NUL. */
#include "net/flat_json.h"

#include <string.h>

#define DEPTH_MAX 32

struct reader {
  char *at, *end;
};

static void skip_space(struct reader *r) {
  while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) {
    r->at++;
  }
}

static bool take(struct reader *r, char c) {
  skip_space(r);
  if (r->at >= r->end || *r->at != c) {
    return false;
  }
  r->at++;
  return true;
}

static bool read_hex4(struct reader *r, uint32_t *out) {
  if (r->end - r->at < 4) {
    return false;
  }
  *out = 0;
  for (int i = 0; i < 4; i++) {
    const char c = *r->at++;
    uint32_t digit;
    if (c >= '0' && c <= '9') {
      digit = (uint32_t)(c - '0');
    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
      digit = (uint32_t)((c | 0x20) - 'a') + 10;
    } else {
      return false;
    }
    *out = *out << 4 | digit;
  }
  return true;
}

static char *put_utf8(char *to, uint32_t code) {
  if (code < 0x80) {
    *to++ = (char)code;
  } else if (code < 0x800) {
    *to++ = (char)(0xC0 | code >> 6);
    *to++ = (char)(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    *to++ = (char)(0xE0 | code >> 12);
    *to++ = (char)(0x80 | (code >> 6 & 0x3F));
    *to++ = (char)(0x80 | (code & 0x3F));
  } else {
    *to++ = (char)(0xF0 | code >> 18);
    *to++ = (char)(0x80 | (code >> 12 & 0x3F));
    *to++ = (char)(0x80 | (code >> 6 & 0x3F));
    *to++ = (char)(0x80 | (code & 0x3F));
  }
  return to;
}

/* Behind "\u". NUL is refused: these texts are C strings. */
static bool read_unicode(struct reader *r, char **to) {
  uint32_t code;
  if (!read_hex4(r, &code)) {
    return false;
  }
  if (code >= 0xD800 && code < 0xDC00) {
    uint32_t low;
    if (r->end - r->at < 6 || r->at[0] != '\\' || r->at[1] != 'u') {
      return false;
    }
    r->at += 2;
    if (!read_hex4(r, &low) || low < 0xDC00 || low > 0xDFFF) {
      return false;
    }
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  } else if (code >= 0xDC00 && code < 0xE000) {
    return false;
  }
  if (code == 0) {
    return false;
  }
  *to = put_utf8(*to, code);
  return true;
}

static bool read_escape(struct reader *r, char **to) {
  static const char from[] = "\"\\/bfnrt";
  static const char into[] = "\"\\/\b\f\n\r\t";
  if (r->at >= r->end) {
    return false;
  }
  const char c = *r->at++;
  if (c == 'u') {
    return read_unicode(r, to);
  }
  const char *const found = c != '\0' ? strchr(from, c) : NULL;
  if (found == NULL) {
    return false;
  }
  *(*to)++ = into[found - from];
  return true;
}

/* The opening quote is next. */
static bool read_string(struct reader *r, char **out) {
  if (!take(r, '"')) {
    return false;
  }
  char *const start = r->at;
  char *to = start;
  while (r->at < r->end) {
    const char c = *r->at++;
    if (c == '"') {
      *to = '\0';
      *out = start;
      return true;
    }
    if ((unsigned char)c < 0x20) {
      return false;
    }
    if (c != '\\') {
      *to++ = c;
    } else if (!read_escape(r, &to)) {
      return false;
    }
  }
  return false;
}

/* Numbers with a fraction or past 64 bits, true, false and null: a word, whose value is nobody's. */
static bool read_word(struct reader *r, struct lh_flat_json_field *field) {
  const char *const start = r->at;
  while (r->at < r->end && strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", *r->at) != NULL &&
         *r->at != '\0') {
    r->at++;
  }
  const size_t length = (size_t)(r->at - start);
  if (length == 0) {
    return false;
  }
  const bool is_negative = start[0] == '-';
  int64_t number = 0;
  for (size_t i = is_negative; i < length; i++) {
    if (start[i] < '0' || start[i] > '9') {
      const bool is_literal =
          (length == 4 && (memcmp(start, "true", 4) == 0 || memcmp(start, "null", 4) == 0)) ||
          (length == 5 && memcmp(start, "false", 5) == 0);
      return is_literal || (start[0] >= '0' && start[0] <= '9') || is_negative;
    }
    if (__builtin_mul_overflow(number, 10, &number) ||
        __builtin_add_overflow(number, start[i] - '0', &number)) {
      return true;
    }
  }
  if (field != NULL) {
    field->number = is_negative ? -number : number;
    field->is_number = true;
  }
  return true;
}

static bool read_object(struct reader *r, const char *inner, struct lh_flat_json_field *fields, size_t count,
                        int depth);

static bool read_array(struct reader *r, int depth);

static bool read_value(struct reader *r, struct lh_flat_json_field *field, int depth) {
  skip_space(r);
  if (r->at >= r->end || depth > DEPTH_MAX) {
    return false;
  }
  char *text;
  switch (*r->at) {
    case '{':
      return read_object(r, NULL, NULL, 0, depth + 1);
    case '[':
      return read_array(r, depth + 1);
    case '"':
      if (!read_string(r, &text)) {
        return false;
      }
      if (field != NULL) {
        field->text = text;
      }
      return true;
    default:
      return read_word(r, field);
  }
}

static bool read_array(struct reader *r, int depth) {
  if (!take(r, '[')) {
    return false;
  }
  if (take(r, ']')) {
    return true;
  }
  do {
    if (!read_value(r, NULL, depth)) {
      return false;
    }
  } while (take(r, ','));
  return take(r, ']');
}

static struct lh_flat_json_field *find(struct lh_flat_json_field *fields, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(fields[i].name, name) == 0) {
      return &fields[i];
    }
  }
  return NULL;
}

/* Every member is read before the next: a name is decoded in place, and compared at once. */
static bool read_member(struct reader *r, const char *inner, struct lh_flat_json_field *fields, size_t count,
                        int depth) {
  char *name;
  if (!read_string(r, &name) || !take(r, ':')) {
    return false;
  }
  if (inner == NULL) {
    return read_value(r, find(fields, count, name), depth);
  }
  skip_space(r);
  if (strcmp(name, inner) == 0 && r->at < r->end && *r->at == '{') {
    return read_object(r, NULL, fields, count, depth + 1);
  }
  return read_value(r, NULL, depth);
}

static bool read_object(struct reader *r, const char *inner, struct lh_flat_json_field *fields, size_t count,
                        int depth) {
  if (!take(r, '{')) {
    return false;
  }
  if (take(r, '}')) {
    return true;
  }
  do {
    if (!read_member(r, inner, fields, count, depth)) {
      return false;
    }
  } while (take(r, ','));
  return take(r, '}');
}

bool lh_flat_json_read(char *text, size_t size, const char *inner, struct lh_flat_json_field *fields,
                       size_t count) {
  struct reader r = {.at = text, .end = text + size};
  if (!read_object(&r, inner, fields, count, 0)) {
    return false;
  }
  skip_space(&r);
  return r.at == r.end;
}
