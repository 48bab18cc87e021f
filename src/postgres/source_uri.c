/* Hiding passwords in URIs and conninfo strings, also in malformed ones: in doubt more is hidden than need
 * be. */
#include "postgres/source_uri.h"

#include <ctype.h>
#include <libpq-fe.h>
#include <string.h>
#include <strings.h>

#include "postgres/connection.h"

#define HIDDEN "***"
#define KEYWORD_MAX 64

static bool is_secret_keyword(const char *keyword, size_t length) {
  static const char *const secrets[] = {"password", "sslpassword", "oauth_client_secret", "scram_client_key",
                                        "scram_server_key"};
  for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
    if (strlen(secrets[i]) == length && strncasecmp(secrets[i], keyword, length) == 0) {
      return true;
    }
  }
  return false;
}

/* Behind "scheme://", or NULL: a connection string then. Schemes that libpq does not know are hidden alike.
 */
static const char *after_scheme(const char *uri) {
  const size_t length = strspn(uri, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");
  return length > 0 && strncmp(uri + length, "://", 3) == 0 ? uri + length + 3 : NULL;
}

static const char *last_at_sign(const char *begin, const char *end) {
  const char *found = NULL;
  for (const char *c = begin; c < end; c++) {
    found = *c == '@' ? c : found;
  }
  return found;
}

/* The '@' that ends user and password, or NULL: the last before the path, or past it when a password holds an
 * unencoded slash; and from there the last before the query. */
static const char *end_of_credentials(const char *begin) {
  const char *const path = begin + strcspn(begin, "/");
  const char *at = last_at_sign(begin, path);
  const char *const query = at != NULL ? at + strcspn(at, "?") : begin + strcspn(begin, "?");
  const char *const later = last_at_sign(begin, query);
  return later != NULL ? later : at;
}

static int hex_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const int lower = tolower((unsigned char)c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Percent-decodes a keyword, since libpq does, too. */
static size_t decode_keyword(const char *text, size_t length, char out[KEYWORD_MAX]) {
  size_t to = 0;
  for (size_t i = 0; i < length && to < KEYWORD_MAX; i++) {
    if (text[i] == '%' && i + 2 < length && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      out[to++] = (char)(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out[to++] = text[i];
    }
  }
  return to;
}

/* A copy being written; it never outgrows `room`. */
struct copy {
  char *at;
};

static void put(struct copy *copy, const char *text, size_t length) {
  memcpy(copy->at, text, length);
  copy->at += length;
}

static void scrub_query(const char *query, struct copy *copy) {
  while (*query != '\0') {
    const size_t length = strcspn(query, "&");
    const size_t key_length = strcspn(query, "=&");
    char keyword[KEYWORD_MAX];
    const size_t decoded = decode_keyword(query, key_length, keyword);
    if (key_length < length && is_secret_keyword(keyword, decoded)) {
      put(copy, query, key_length + 1);
      put(copy, HIDDEN, strlen(HIDDEN));
    } else {
      put(copy, query, length);
    }
    query += length;
    if (*query == '&') {
      put(copy, query++, 1);
    }
  }
}

static void scrub_uri(const char *uri, const char *begin, struct copy *copy) {
  const char *rest = begin;
  const char *const at = end_of_credentials(begin);
  put(copy, uri, (size_t)(begin - uri));
  if (at != NULL) {
    const char *const colon = memchr(begin, ':', (size_t)(at - begin));
    if (colon != NULL) {
      put(copy, begin, (size_t)(colon + 1 - begin));
      put(copy, HIDDEN, strlen(HIDDEN));
      rest = at;
    }
  }
  const char *const search = at != NULL ? at : rest;
  const char *const query = search + strcspn(search, "?");
  put(copy, rest, (size_t)(query - rest));
  if (*query == '?') {
    put(copy, query, 1);
    scrub_query(query + 1, copy);
  }
}

/* Past a value as libpq reads it: quoted, or up to the next space; backslashes escape in both. */
static const char *skip_value(const char *value) {
  const bool quoted = *value == '\'';
  for (value += quoted ? 1 : 0; *value != '\0'; value++) {
    if (*value == '\\' && value[1] != '\0') {
      value++;
    } else if (quoted && *value == '\'') {
      return value + 1;
    } else if (!quoted && isspace((unsigned char)*value)) {
      return value;
    }
  }
  return value;
}

static const char *skip_spaces(const char *text) {
  while (isspace((unsigned char)*text)) {
    text++;
  }
  return text;
}

static void scrub_conninfo(const char *text, struct copy *copy) {
  while (*text != '\0') {
    const char *const keyword = skip_spaces(text);
    put(copy, text, (size_t)(keyword - text));
    text = keyword;
    while (*text != '\0' && *text != '=' && !isspace((unsigned char)*text)) {
      text++;
    }
    const size_t length = (size_t)(text - keyword);
    const char *const equals = skip_spaces(text);
    if (*equals != '=') {
      /* Not a keyword: perhaps what follows a space in an unquoted password. */
      if (length > 0) {
        put(copy, HIDDEN, strlen(HIDDEN));
      }
      continue;
    }
    const char *const value = skip_spaces(equals + 1);
    const char *const end = skip_value(value);
    put(copy, keyword, (size_t)(value - keyword));
    if (is_secret_keyword(keyword, length)) {
      put(copy, HIDDEN, strlen(HIDDEN));
    } else {
      put(copy, value, (size_t)(end - value));
    }
    text = end;
  }
}

const char *lh_pg_scrub_uri(const char *uri, struct lh_arena *arena) {
  /* Each secret takes at least one byte, and three in its place. */
  char *const out = lh_arena_alloc(arena, strlen(uri) * 3 + sizeof(HIDDEN));
  if (out == NULL) {
    return NULL;
  }
  struct copy copy = {out};
  const char *const begin = after_scheme(uri);
  if (begin != NULL) {
    scrub_uri(uri, begin, &copy);
  } else {
    scrub_conninfo(uri, &copy);
  }
  *copy.at = '\0';
  return out;
}

/* Whether libpq ends the credentials elsewhere than a reader would: at an '@' or '/' inside the password. */
static bool has_unencoded_password(const char *uri) {
  const char *const begin = after_scheme(uri);
  if (begin == NULL) {
    return false;
  }
  const char *const end = end_of_credentials(begin);
  const char *const libpq_end = begin + strcspn(begin, "@/");
  return end != NULL && end != libpq_end && memchr(begin, ':', (size_t)(end - begin)) != NULL;
}

/* libpq's words may quote the string: they are shown only where they are the same without the secrets. The
 * result is libpq's, NULL where there is nothing to show. */
static char *safe_words(const char *uri, const char *scrubbed) {
  char *words = NULL;
  if (after_scheme(uri) == NULL && strcmp(uri, scrubbed) != 0) {
    return NULL;
  }
  PQconninfoFree(PQconninfoParse(scrubbed, &words));
  if (words != NULL) {
    words[strcspn(words, "\n")] = '\0';
  }
  return words;
}

static lh_status refuse(const char *uri, struct lh_error *err) {
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  const char *const scrubbed = lh_pg_scrub_uri(uri, &arena);
  if (scrubbed == NULL) {
    lh_arena_clear(&arena);
    return lh_error_memory(err);
  }
  char *const words = safe_words(uri, scrubbed);
  lh_error_set(err, LH_ERROR_SOURCE, "the source \"%s\" is no PostgreSQL URI or connection string%s%s",
               scrubbed, words != NULL ? ": " : "", words != NULL ? words : "");
  if (after_scheme(uri) == NULL || words != NULL) {
    lh_error_hint(
        err,
        "write postgresql://user:password@host:5432/database?sslmode=require, or host=… dbname=… with "
        "values that have spaces in single quotes");
  } else {
    lh_error_hint(
        err,
        "percent-encode special characters in user and password: @ is %%40, : %%3A, / %%2F, ? %%3F, "
        "# %%23, %% %%25");
  }
  PQfreemem(words);
  lh_arena_clear(&arena);
  return LH_ERROR_SOURCE;
}

lh_status lh_pg_check_source(const char *uri, struct lh_error *err) {
  if (uri[strspn(uri, " \t\r\n")] == '\0') {
    lh_error_set(err, LH_ERROR_SOURCE, "the source is empty");
    lh_error_hint(err, "write postgresql://user:password@host:5432/database");
    return LH_ERROR_SOURCE;
  }
  if (has_unencoded_password(uri)) {
    return refuse(uri, err);
  }
  PQconninfoOption *const options = PQconninfoParse(uri, NULL);
  const lh_status status = options == NULL ? refuse(uri, err) : LH_OK;
  PQconninfoFree(options);
  return status;
}
