/* Words of a command: IEEE Std 1003.1, Shell Command Language, 2.2 Quoting, of which the SDKs take
 * backslashes, single and double quotes. */
#include "net/shell_words.h"

#include <string.h>

static bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Appends one word from `*at` to `*to`, NUL included. False: it does not end. */
static bool read_word(const char **at, char **to) {
  char quote = '\0';
  const char *from = *at;
  for (; *from != '\0' && (quote != '\0' || !is_space(*from)); from++) {
    if (quote == '\0' && (*from == '"' || *from == '\'')) {
      quote = *from;
    } else if (*from == quote) {
      quote = '\0';
    } else if (*from == '\\' && quote != '\'') {
      if (from[1] == '\0') {
        return false;
      }
      if (quote == '"' && from[1] != '"' && from[1] != '\\') {
        *(*to)++ = *from;
      }
      *(*to)++ = *++from;
    } else {
      *(*to)++ = *from;
    }
  }
  *(*to)++ = '\0';
  *at = from;
  return quote == '\0';
}

lh_status lh_shell_words_split(const char *text, lh_status code, struct lh_arena *arena, char ***out,
                               size_t *count, struct lh_error *err) {
  const size_t length = strlen(text);
  char **const words = LH_ARENA_ARRAY(arena, char *, length / 2 + 2);
  char *to = lh_arena_alloc(arena, length + 1);
  if (words == NULL || to == NULL) {
    return lh_error_memory(err);
  }
  *count = 0;
  while (is_space(*text)) {
    text++;
  }
  while (*text != '\0') {
    words[(*count)++] = to;
    if (!read_word(&text, &to)) {
      return lh_error_set(err, code, "a quote is not closed, or a backslash stands at the end");
    }
    while (is_space(*text)) {
      text++;
    }
  }
  *out = words;
  return LH_OK;
}
