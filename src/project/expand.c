/* Environment variables in project values. Runs on scalars after YAML has been parsed, so that a variable may
 * hold any character without changing what the file says. */
#include "project/expand.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define EXPANDED_MAX_BYTES ((size_t)1 << 20)
#define NESTING_MAX 8

static bool is_name_start(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static bool is_name_char(char c) {
  return is_name_start(c) || (c >= '0' && c <= '9');
}

/* The `}` that closes the reference whose content starts at `text`, those of references within it passed
 * over; NULL where there is none. */
static const char *find_closing_brace(const char *text, const char *end) {
  size_t depth = 1;
  for (const char *at = text; at < end; at++) {
    if (*at == '$' && at + 1 < end && at[1] == '$') {
      at++;
    } else if (*at == '$' && at + 1 < end && at[1] == '{') {
      depth++;
      at++;
    } else if (*at == '}' && --depth == 0) {
      return at;
    }
  }
  return NULL;
}

static lh_status expand_into(const char *text, const char *end, int depth, struct lh_buf *out,
                             struct lh_error *err);

/* What stands between `${` and `}`. */
static lh_status expand_reference(const char *text, const char *end, int depth, struct lh_buf *out,
                                  struct lh_error *err) {
  char name[256];
  size_t length = 0;
  while (text + length < end && is_name_char(text[length])) {
    length++;
  }
  const char *const rest = text + length;
  const bool has_default = end - rest >= 2 && rest[0] == ':' && rest[1] == '-';
  if (length == 0 || length >= sizeof(name) || !is_name_start(text[0]) || (rest != end && !has_default)) {
    lh_error_set(err, LH_ERROR_PROJECT, "\"${%.*s}\" is not a variable reference", (int)(end - text), text);
    lh_error_hint(err, "write ${NAME} or ${NAME:-default}, and $$ for a dollar sign");
    return LH_ERROR_PROJECT;
  }
  memcpy(name, text, length);
  name[length] = '\0';
  const char *const value = getenv(name);
  if (value != NULL && (!has_default || value[0] != '\0')) {
    return lh_buf_append_str(out, value, err);
  }
  if (has_default) {
    return expand_into(rest + 2, end, depth + 1, out, err);
  }
  lh_error_set(err, LH_ERROR_PROJECT, "environment variable %s is not set", name);
  lh_error_hint(err, "set it, or write a default: ${%s:-default}", name);
  return LH_ERROR_PROJECT;
}

static lh_status expand_into(const char *text, const char *end, int depth, struct lh_buf *out,
                             struct lh_error *err) {
  if (depth > NESTING_MAX) {
    return lh_error_set(err, LH_ERROR_PROJECT, "variable references are nested deeper than %d", NESTING_MAX);
  }
  while (text < end) {
    const char *const dollar = memchr(text, '$', (size_t)(end - text));
    const char *const plain_end = dollar != NULL ? dollar : end;
    LH_TRY(lh_buf_append(out, text, (size_t)(plain_end - text), err));
    if (dollar == NULL) {
      return LH_OK;
    }
    const char next = dollar + 1 < end ? dollar[1] : '\0';
    if (next != '{') {
      LH_TRY(lh_buf_append_byte(out, '$', err));
      text = dollar + (next == '$' ? 2 : 1);
      continue;
    }
    const char *const content = dollar + 2;
    const char *const closing = find_closing_brace(content, end);
    if (closing == NULL) {
      lh_error_set(err, LH_ERROR_PROJECT, "\"${\" without its \"}\"");
      lh_error_hint(err, "write ${NAME} or ${NAME:-default}, and $$ for a dollar sign");
      return LH_ERROR_PROJECT;
    }
    LH_TRY(expand_reference(content, closing, depth, out, err));
    text = closing + 1;
  }
  return LH_OK;
}

lh_status lh_expand_variables(const char *text, struct lh_arena *arena, const char **out,
                              struct lh_error *err) {
  struct lh_buf expanded;
  lh_buf_init(&expanded, EXPANDED_MAX_BYTES);
  const char *const end = text + strlen(text);
  const lh_status status = expand_into(text, end, 0, &expanded, err);
  if (status == LH_OK) {
    *out = lh_arena_strndup(arena, expanded.len > 0 ? (const char *)expanded.data : "", expanded.len);
  }
  lh_buf_clear(&expanded);
  LH_TRY(status);
  return *out != NULL ? LH_OK : lh_error_memory(err);
}
