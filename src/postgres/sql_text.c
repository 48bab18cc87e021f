/* A lexer that knows just enough SQL to find the semicolons that end statements, and the quoting of names. */
#include "postgres/sql_text.h"

#include <ctype.h>
#include <string.h>

const char *lh_pg_quote_name(const char *name, struct lh_arena *arena) {
  char *const out = lh_arena_alloc(arena, 2 * strlen(name) + 3);
  if (out == NULL) {
    return NULL;
  }
  char *to = out;
  *to++ = '"';
  for (; *name != '\0'; name++) {
    if (*name == '"') {
      *to++ = '"';
    }
    *to++ = *name;
  }
  *to++ = '"';
  *to = '\0';
  return out;
}

static bool is_word_byte(char c) {
  return isalnum((unsigned char)c) || c == '_' || ((unsigned char)c & 0x80) != 0;
}

/* `at` is behind the opening quote. A doubled quote reads as two strings side by side: no matter here. */
static const char *skip_quoted(const char *at, char quote, bool backslashes) {
  for (; *at != '\0'; at++) {
    if (backslashes && *at == '\\' && at[1] != '\0') {
      at++;
    } else if (*at == quote) {
      return at + 1;
    }
  }
  return at;
}

static const char *skip_block_comment(const char *at) {
  int depth = 0;
  do {
    if (at[0] == '/' && at[1] == '*') {
      depth++;
      at += 2;
    } else if (at[0] == '*' && at[1] == '/') {
      depth--;
      at += 2;
    } else if (*at != '\0') {
      at++;
    }
  } while (depth > 0 && *at != '\0');
  return at;
}

/* `at` is a '$' that no word precedes: $tag$ … $tag$, or a parameter. */
static const char *skip_dollar(const char *at) {
  const char *tag_end = at + 1;
  while (is_word_byte(*tag_end)) {
    tag_end++;
  }
  if (*tag_end != '$' || isdigit((unsigned char)at[1])) {
    return at + 1;
  }
  const size_t tag_length = (size_t)(tag_end + 1 - at);
  for (const char *c = tag_end + 1; *c != '\0'; c++) {
    if (strncmp(c, at, tag_length) == 0) {
      return c + tag_length;
    }
  }
  return at + strlen(at);
}

/* Past white space and comments. */
static const char *skip_blank(const char *at) {
  for (;;) {
    if (isspace((unsigned char)*at)) {
      at++;
    } else if (at[0] == '-' && at[1] == '-') {
      at += strcspn(at, "\r\n");
    } else if (at[0] == '/' && at[1] == '*') {
      at = skip_block_comment(at);
    } else {
      return at;
    }
  }
}

/* Past one word, quoted thing or other character. */
static const char *skip_token(const char *at) {
  if (*at == '\'' || *at == '"') {
    return skip_quoted(at + 1, *at, false);
  }
  if (*at == '$') {
    return skip_dollar(at);
  }
  if (!is_word_byte(*at)) {
    return at + 1;
  }
  const char *const word = at;
  while (is_word_byte(*at) || *at == '$') {
    at++;
  }
  const bool escape_string = at - word == 1 && (*word == 'e' || *word == 'E') && *at == '\'';
  return escape_string ? skip_quoted(at + 1, '\'', true) : at;
}

lh_status lh_pg_single_statement(const char *sql, struct lh_arena *arena, const char **out,
                                 struct lh_error *err) {
  const char *begin = skip_blank(sql);
  while (*begin == ';') {
    begin = skip_blank(begin + 1);
  }
  if (*begin == '\0') {
    return lh_error_set(err, LH_ERROR_QUERY, "the query is empty");
  }
  const char *end = begin;
  while (*end != '\0' && *end != ';') {
    end = skip_blank(skip_token(end));
  }
  const char *rest = end;
  while (*rest == ';') {
    rest = skip_blank(rest + 1);
  }
  if (*rest != '\0') {
    lh_error_set(err, LH_ERROR_QUERY,
                 "the query has more than one statement: the second begins with \"%.*s\"",
                 (int)strcspn(rest, "\r\n") < 40 ? (int)strcspn(rest, "\r\n") : 40, rest);
    lh_error_hint(err, "one SELECT is read; put the others into a view, or use WITH");
    return LH_ERROR_QUERY;
  }
  *out = lh_arena_strndup(arena, begin, (size_t)(end - begin));
  return *out != NULL ? LH_OK : lh_error_memory(err);
}

static lh_status refuse_condition(const char *what, struct lh_error *err) {
  lh_error_set(err, LH_ERROR_QUERY, "the condition %s", what);
  lh_error_hint(err, "write one SQL expression that is true for the rows to take");
  return LH_ERROR_QUERY;
}

/* The condition is read between the parentheses that it will stand in: ours must be the last character, and
 * seen as one. */
lh_status lh_pg_condition(const char *sql, struct lh_arena *arena, const char **out, struct lh_error *err) {
  const char *const enclosed = lh_arena_printf(arena, "(%s\n)", sql);
  if (enclosed == NULL) {
    return lh_error_memory(err);
  }
  if (strcmp(skip_blank(enclosed + 1), ")") == 0) {
    return refuse_condition("is empty", err);
  }
  size_t depth = 0;
  for (const char *at = enclosed; *at != '\0'; at = skip_blank(skip_token(at))) {
    if (*at == ';') {
      return refuse_condition("holds a semicolon", err);
    }
    depth += *at == '(' ? 1 : 0;
    depth -= *at == ')' ? 1 : 0;
    if (depth == 0) {
      if (at[1] != '\0') {
        return refuse_condition("closes a parenthesis that it does not open", err);
      }
      *out = lh_arena_printf(arena, "%s\n", sql);
      return *out != NULL ? LH_OK : lh_error_memory(err);
    }
  }
  return refuse_condition("has a parenthesis, quote or comment that does not end", err);
}
