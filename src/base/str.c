/* Strings for people: suggestions by edit distance, sizes and counts, UTF-8. */
#include "base/str.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NEAREST_MAX_LENGTH 64

static size_t min3(size_t a, size_t b, size_t c) {
  const size_t ab = a < b ? a : b;
  return ab < c ? ab : c;
}

static int lower(char c) {
  return tolower((unsigned char)c);
}

/* Optimal string alignment distance: Levenshtein, with a swap of neighbours as one edit. */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length) {
  size_t rows[3][NEAREST_MAX_LENGTH + 1];
  size_t *before = rows[0];
  size_t *previous = rows[1];
  size_t *current = rows[2];
  for (size_t j = 0; j <= b_length; j++) {
    previous[j] = j;
    before[j] = j;
  }
  for (size_t i = 1; i <= a_length; i++) {
    current[0] = i;
    for (size_t j = 1; j <= b_length; j++) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      current[j] = min3(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (same ? 0 : 1));
      const bool swapped =
          i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped && before[j - 2] + 1 < current[j]) {
        current[j] = before[j - 2] + 1;
      }
    }
    size_t *const oldest = before;
    before = previous;
    previous = current;
    current = oldest;
  }
  return previous[b_length];
}

const char *lh_str_nearest(const char *word, const char *const *candidates, size_t count) {
  const size_t length = strlen(word);
  if (length == 0 || length > NEAREST_MAX_LENGTH) {
    return NULL;
  }
  const char *best = NULL;
  size_t best_distance = length / 3 + 2;
  for (size_t i = 0; i < count; i++) {
    const size_t candidate_length = strlen(candidates[i]);
    if (candidate_length > NEAREST_MAX_LENGTH) {
      continue;
    }
    const size_t distance = edit_distance(word, length, candidates[i], candidate_length);
    const size_t longest = length > candidate_length ? length : candidate_length;
    if (distance < best_distance && distance < longest) {
      best = candidates[i];
      best_distance = distance;
    }
  }
  return best;
}

void lh_str_suggest(struct lh_error *err, const char *word, const char *const *candidates, size_t count,
                    const char *all, struct lh_arena *arena) {
  const char *const nearest = lh_str_nearest(word, candidates, count);
  const char *const joined = all != NULL ? lh_str_join(candidates, count, ", ", arena) : NULL;
  if (nearest != NULL) {
    lh_error_hint(err, "did you mean \"%s\"?", nearest);
  } else if (joined != NULL) {
    lh_error_hint(err, "%s: %s", all, joined);
  }
}

const char *lh_str_join(const char *const *words, size_t count, const char *separator,
                        struct lh_arena *arena) {
  const size_t separator_length = strlen(separator);
  size_t total = 1;
  for (size_t i = 0; i < count; i++) {
    total += strlen(words[i]) + separator_length;
  }
  char *const out = lh_arena_alloc(arena, total);
  if (out == NULL) {
    return NULL;
  }
  char *end = out;
  for (size_t i = 0; i < count; i++) {
    if (i > 0) {
      memcpy(end, separator, separator_length);
      end += separator_length;
    }
    const size_t length = strlen(words[i]);
    memcpy(end, words[i], length);
    end += length;
  }
  *end = '\0';
  return out;
}

char *lh_str_format_bytes(uint64_t bytes, char out[32]) {
  static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB"};
  double value = (double)bytes;
  size_t unit = 0;
  /* 1023.95 KB would be shown as 1024.0 KB */
  while (value >= (unit == 0 ? 1024 : 1023.95) && unit + 1 < sizeof(units) / sizeof(units[0])) {
    value /= 1024;
    unit++;
  }
  snprintf(out, 32, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return out;
}

char *lh_str_format_count(uint64_t count, char out[32]) {
  char digits[24];
  const int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);
  size_t to = 0;
  for (int i = 0; i < length; i++) {
    if (i > 0 && (length - i) % 3 == 0) {
      out[to++] = ',';
    }
    out[to++] = digits[i];
  }
  out[to] = '\0';
  return out;
}

char *lh_str_format_seconds(double seconds, char out[32]) {
  if (seconds < 59.95) {
    snprintf(out, 32, "%.1f s", seconds);
    return out;
  }
  const uint64_t whole = (uint64_t)(seconds + 0.5);
  if (whole < 3600) {
    snprintf(out, 32, "%" PRIu64 " min %" PRIu64 " s", whole / 60, whole % 60);
  } else {
    snprintf(out, 32, "%" PRIu64 " h %" PRIu64 " min", whole / 3600, whole % 3600 / 60);
  }
  return out;
}

size_t lh_utf8_truncate(const char *text, size_t length, size_t max) {
  if (length <= max) {
    /* The last character may itself be cut short: step back to its first byte and see. */
    max = length;
  }
  size_t end = max;
  while (end > 0 && ((unsigned char)text[end - 1] & 0xC0) == 0x80 && max - end < 3) {
    end--;
  }
  if (end == 0) {
    return 0;
  }
  const unsigned char lead = (unsigned char)text[end - 1];
  const size_t needed = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  return end - 1 + needed <= max ? max : end - 1;
}

/* Length of the well-formed sequence at `p`, or 0. RFC 3629, table 3-7 of the Unicode standard. */
static size_t utf8_sequence(const uint8_t *p, size_t left) {
  const uint8_t lead = p[0];
  if (lead < 0x80) {
    return 1;
  }
  if (lead >= 0xC2 && lead <= 0xDF) {
    return left >= 2 && (p[1] & 0xC0) == 0x80 ? 2 : 0;
  }
  if (lead >= 0xE0 && lead <= 0xEF) {
    const uint8_t low = lead == 0xE0 ? 0xA0 : 0x80;
    const uint8_t high = lead == 0xED ? 0x9F : 0xBF;
    return left >= 3 && p[1] >= low && p[1] <= high && (p[2] & 0xC0) == 0x80 ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const uint8_t low = lead == 0xF0 ? 0x90 : 0x80;
    const uint8_t high = lead == 0xF4 ? 0x8F : 0xBF;
    const bool ok =
        left >= 4 && p[1] >= low && p[1] <= high && (p[2] & 0xC0) == 0x80 && (p[3] & 0xC0) == 0x80;
    return ok ? 4 : 0;
  }
  return 0;
}

bool lh_utf8_valid(const uint8_t *bytes, size_t size) {
  size_t i = 0;
  while (i < size) {
    uint64_t word;
    while (size - i >= sizeof(word)) {
      memcpy(&word, bytes + i, sizeof(word));
      if ((word & UINT64_C(0x8080808080808080)) != 0) {
        break;
      }
      i += sizeof(word);
    }
    if (i == size) {
      return true;
    }
    const size_t length = utf8_sequence(bytes + i, size - i);
    if (length == 0) {
      return false;
    }
    i += length;
  }
  return true;
}

void lh_str_make_line(char *text) {
  size_t left = strlen(text);
  while (left > 0) {
    size_t length = utf8_sequence((const uint8_t *)text, left);
    if (length == 0) {
      *text = '?';
      length = 1;
    } else if ((unsigned char)*text < 0x20 || *text == 0x7F) {
      *text = ' ';
    }
    text += length;
    left -= length;
  }
}

/* The end of what begins at `at`: a comment, a text or name in quotes, or one character. */
static const char *skip_token(const char *at) {
  if (at[0] == '-' && at[1] == '-') {
    return at + strcspn(at, "\n");
  }
  if (at[0] == '/' && at[1] == '*') {
    const char *const end = strstr(at + 2, "*/");
    return end != NULL ? end + 2 : at + strlen(at);
  }
  if (at[0] == '\'' || at[0] == '"') {
    const char *const end = strchr(at + 1, at[0]);
    return end != NULL ? end + 1 : at + strlen(at);
  }
  return at + 1;
}

size_t lh_sql_trimmed_length(const char *sql) {
  size_t length = 0;
  for (const char *at = sql; *at != '\0';) {
    const char *const end = skip_token(at);
    const bool is_comment = end - at > 1 && (at[0] == '-' || at[0] == '/');
    if (!is_comment && strchr(" \t\r\n;", at[0]) == NULL) {
      length = (size_t)(end - sql);
    }
    at = end;
  }
  return length;
}
