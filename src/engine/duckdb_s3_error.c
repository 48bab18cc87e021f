/* What httpfs says of objects that it could not read, as errors of the lake: the object by its name in the
 * lake, S3's own code and words, where the credentials came from, and what to do. The advice that DuckDB adds
 * for its shell is left out. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "engine/duckdb_s3.h"

#define NAME_MAX_BYTES 1200
#define REASON_MAX_BYTES 512

static int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') {
    return digit - '0';
  }
  const char lower = (char)tolower((unsigned char)digit);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static void append_decoded(char *out, size_t size, const char *text, size_t length) {
  size_t used = strlen(out);
  for (size_t i = 0; i < length && used + 1 < size; i++) {
    const bool is_escape =
        text[i] == '%' && i + 2 < length && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0;
    if (is_escape) {
      out[used++] = (char)(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out[used++] = text[i];
    }
  }
  out[lh_utf8_truncate(out, used, used)] = '\0';
}

static void append_text(char *out, size_t size, const char *text, size_t length) {
  const size_t used = strlen(out);
  const size_t kept = lh_utf8_truncate(text, length, size - 1 - used);
  memcpy(out + used, text, kept);
  out[used + kept] = '\0';
}

/* The object that the request was for, as the lake names it, from the URL of either addressing. */
static void name_object(const struct lh_engine_s3 *s3, const char *text, size_t length, char *out,
                        size_t size) {
  out[0] = '\0';
  const char *const scheme_end = memmem(text, length, "://", 3);
  if (s3 == NULL || scheme_end == NULL || strncmp(text, "s3://", 5) == 0) {
    append_text(out, size, text, length);
    return;
  }
  const char *const end = text + length;
  const char *const host = scheme_end + 3;
  const char *const slash = memchr(host, '/', (size_t)(end - host));
  const size_t endpoint = strlen(s3->endpoint);
  if (slash == NULL) {
    append_text(out, size, text, length);
    return;
  }
  const size_t host_length = (size_t)(slash - host);
  append_text(out, size, "s3://", 5);
  if (host_length > endpoint + 1 && strncmp(slash - endpoint, s3->endpoint, endpoint) == 0) {
    append_text(out, size, host, host_length - endpoint - 1);
    append_decoded(out, size, slash, (size_t)(end - slash));
  } else if (host_length == endpoint && strncmp(host, s3->endpoint, endpoint) == 0) {
    append_decoded(out, size, slash + 1, (size_t)(end - slash - 1));
  } else {
    out[0] = '\0';
    append_text(out, size, text, length);
  }
}

/* The first text in quotes: the name of what was asked for. A name may have quotes itself. */
static void find_object(const struct lh_engine_s3 *s3, const char *message, char *out, size_t size) {
  out[0] = '\0';
  const char *const double_quote = strstr(message, "on reading file \"");
  const char *const start = double_quote != NULL ? strchr(double_quote, '"') : strchr(message, '\'');
  if (start == NULL) {
    return;
  }
  const char *const line_end = start + strcspn(start, "\n");
  const char *end = strstr(start, double_quote != NULL ? "\" was initially" : "' in region '");
  if (end == NULL) {
    end = strstr(start, "' (HTTP ");
  }
  if (end == NULL || end > line_end) {
    end = memrchr(start, *start, (size_t)(line_end - start));
  }
  if (end > start) {
    name_object(s3, start + 1, (size_t)(end - start - 1), out, size);
  }
}

/* The entities of XML, which httpfs leaves as they are. */
static void decode_entities(char *text) {
  static const char *const entities[][2] = {{"&#34;", "\""}, {"&quot;", "\""}, {"&#39;", "'"},
                                            {"&apos;", "'"}, {"&lt;", "<"},    {"&gt;", ">"},
                                            {"&amp;", "&"}};
  char *out = text;
  while (*text != '\0') {
    size_t taken = 1;
    *out = *text;
    for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]) && *text == '&'; i++) {
      const size_t length = strlen(entities[i][0]);
      if (strncmp(text, entities[i][0], length) == 0) {
        *out = entities[i][1][0];
        taken = length;
        break;
      }
    }
    text += taken;
    out++;
  }
  *out = '\0';
}

/* "AccessDenied" and "Access Denied" out of "…\n\nAccessDenied: Access Denied.\n\n…". */
static void find_reason(const char *message, char *code, size_t code_size, char *words, size_t words_size) {
  code[0] = '\0';
  words[0] = '\0';
  const char *const start = strstr(message, "\n\n");
  if (start == NULL) {
    return;
  }
  const size_t length = strspn(start + 2, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
  const char *const after = start + 2 + length;
  if (length == 0 || strncmp(after, ": ", 2) != 0) {
    return;
  }
  append_text(code, code_size, start + 2, length);
  append_text(words, words_size, after + 2, strcspn(after + 2, "\n"));
  decode_entities(words);
  size_t kept = strlen(words);
  while (kept > 0 && (words[kept - 1] == '.' || words[kept - 1] == ' ')) {
    words[--kept] = '\0';
  }
}

static void hint_credentials(const struct lh_engine_s3 *s3, struct lh_error *err) {
  err->error_class = LH_ERROR_CLASS_CREDENTIALS;
  if (s3 == NULL || s3->source == NULL) {
    lh_error_hint(err, "only objects of the lake are read with its credentials");
  } else if (strcmp(err->aws_code, "SignatureDoesNotMatch") == 0 ||
             strcmp(err->aws_code, "InvalidAccessKeyId") == 0 || strcmp(err->aws_code, "InvalidToken") == 0) {
    lh_error_hint(err, "check the credentials: they come from %s", s3->source);
  } else {
    lh_error_hint(err, "the credentials, from %s, need s3:GetObject on %s*", s3->source, s3->scope);
  }
}

static void add_hint(const struct lh_engine_s3 *s3, int http_status, struct lh_error *err) {
  if (strcmp(err->aws_code, "NoSuchBucket") == 0) {
    lh_error_hint(err, "check the name of the bucket and the endpoint");
  } else if (strcmp(err->aws_code, "ExpiredToken") == 0) {
    err->error_class = LH_ERROR_CLASS_CREDENTIALS;
    lh_error_hint(err, "the credentials expired while the query ran: run it again");
  } else if (http_status == 403 || http_status == 401) {
    hint_credentials(s3, err);
  } else if (http_status == 404) {
    lh_error_hint(err,
                  "the object was removed behind the lake's back: run the task that writes the table again");
  } else if (http_status == 400 || http_status == 301) {
    lh_error_hint(err, "check the region%s%s", s3 != NULL ? ": requests are signed for " : "",
                  s3 != NULL ? s3->region : "");
  } else if (http_status == 0 || http_status == 408 || http_status == 429 || http_status >= 500) {
    err->error_class = LH_ERROR_CLASS_RETRYABLE;
    lh_error_hint(err, "it was tried several times: look at the server and the network, and try again");
  }
}

/* "Could not connect to server error for HTTP HEAD to '…'" */
static bool is_about_transport(const char *message) {
  return strstr(message, " error for HTTP ") != NULL || strstr(message, "for HTTP GET to '") != NULL ||
         strstr(message, "for HTTP HEAD to '") != NULL;
}

static void describe_transport(const char *message, const char *object, struct lh_error *err) {
  const char *const end = strstr(message, " error for HTTP ");
  char cause[REASON_MAX_BYTES] = "";
  append_text(cause, sizeof(cause), message, end != NULL ? (size_t)(end - message) : 0);
  if (isupper((unsigned char)cause[0]) && !isupper((unsigned char)cause[1])) {
    cause[0] = (char)tolower((unsigned char)cause[0]);
  }
  lh_error_set(err, LH_ERROR_LAKE, "cannot read %s: %s", object, cause[0] != '\0' ? cause : "no response");
}

static void describe_status(int http_status, const char *message, const char *object, struct lh_error *err) {
  char code[sizeof(err->aws_code)];
  char words[REASON_MAX_BYTES];
  find_reason(message, code, sizeof(code), words, sizeof(words));
  if (strstr(message, "ETag on reading") != NULL) {
    lh_error_set(err, LH_ERROR_LAKE, "cannot read %s: it was replaced while it was read", object);
  } else if (code[0] != '\0') {
    lh_error_set(err, LH_ERROR_LAKE, "cannot read %s: %s (%s, HTTP %d)", object, words, code, http_status);
  } else if (http_status == 404) {
    lh_error_set(err, LH_ERROR_LAKE, "cannot read %s: there is no such object (HTTP 404)", object);
  } else {
    lh_error_set(err, LH_ERROR_LAKE, "cannot read %s: HTTP %d", object, http_status);
  }
  snprintf(err->aws_code, sizeof(err->aws_code), "%s", code);
  err->http_status = http_status;
}

bool lh_duckdb_s3_error(const struct lh_engine_s3 *s3, int http_status, const char *message,
                        struct lh_error *err) {
  if (http_status == 0 && !is_about_transport(message)) {
    return false;
  }
  char object[NAME_MAX_BYTES];
  find_object(s3, message, object, sizeof(object));
  const char *const named = object[0] != '\0' ? object : "an object";
  if (http_status == 0) {
    describe_transport(message, named, err);
  } else {
    describe_status(http_status, message, named, err);
  }
  add_hint(s3, http_status, err);
  return true;
}
