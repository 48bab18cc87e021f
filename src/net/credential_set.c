/* A set of credentials as one block of memory for secrets, and the forms in which sources give them: times,
 * and the JSON document that containers, instances and programs have in common. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/credentials_impl.h"
#include "net/secret.h"

static const char *put(char **to, const char *text) {
  const size_t size = strlen(text) + 1;
  const char *const at = memcpy(*to, text, size);
  *to += size;
  return at;
}

struct lh_credential_set *lh_credential_set_new(const char *access_key_id, const char *secret_access_key,
                                                const char *token, time_t expires_at) {
  token = token != NULL && token[0] != '\0' ? token : NULL;
  const size_t size =
      strlen(access_key_id) + strlen(secret_access_key) + (token != NULL ? strlen(token) : 0) + 3;
  struct lh_credential_set *const set = lh_secret_new(sizeof(*set) + size);
  if (set == NULL) {
    return NULL;
  }
  char *to = (char *)(set + 1);
  set->credentials.access_key_id = put(&to, access_key_id);
  set->credentials.secret_access_key = put(&to, secret_access_key);
  set->credentials.session_token = token != NULL ? put(&to, token) : NULL;
  set->expires_at = expires_at;
  set->fetched_at = time(NULL);
  return set;
}

void lh_credential_set_free(struct lh_credential_set *set) {
  lh_secret_free(set);
}

void lh_credential_set_name(struct lh_credential_set *set, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(set->source, sizeof(set->source), format, args);
  va_end(args);
}

lh_status lh_credential_fail(const struct lh_credential_search *search, struct lh_error *err,
                             const char *format, ...) {
  char message[LH_ERROR_MESSAGE_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof(message), format, args);
  va_end(args);
  lh_error_set(err, search->failure, "%s", message);
  err->error_class = LH_ERROR_CLASS_CREDENTIALS;
  return search->failure;
}

/* "+01:00" or "-0130"; nothing, "Z" and "UTC" are 0. */
static bool parse_offset(const char *text, long *seconds) {
  *seconds = 0;
  if (text[0] == '\0' || strcmp(text, "Z") == 0 || strcmp(text, "UTC") == 0) {
    return true;
  }
  if (text[0] != '+' && text[0] != '-') {
    return false;
  }
  char digits[5] = "";
  size_t count = 0;
  for (const char *c = text + 1; *c != '\0'; c++) {
    if (*c == ':' && count == 2) {
      continue;
    }
    if (*c < '0' || *c > '9' || count == 4) {
      return false;
    }
    digits[count++] = *c;
  }
  const long clock = strtol(digits, NULL, 10);
  *seconds = (text[0] == '-' ? -60 : 60) * (clock / 100 * 60 + clock % 100);
  return count == 4;
}

bool lh_credential_parse_time(const char *text, time_t *out) {
  struct tm tm = {0};
  long offset;
  const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
  if (rest == NULL) {
    return false;
  }
  if (*rest == '.') {
    rest += 1 + strspn(rest + 1, "0123456789");
  }
  if (!parse_offset(rest, &offset)) {
    return false;
  }
  *out = timegm(&tm) - offset;
  return true;
}

lh_status lh_credential_read_document(const struct lh_credential_search *search, char *text, size_t size,
                                      const char *what, bool is_versioned, struct lh_credential_set **out,
                                      struct lh_error *err) {
  enum { VERSION, CODE, MESSAGE, ID, SECRET, SESSION_TOKEN, TOKEN, EXPIRATION, COUNT };
  struct lh_flat_json_field fields[COUNT] = {
      [VERSION] = {.name = "Version"},
      [CODE] = {.name = "Code"},
      [MESSAGE] = {.name = "Message"},
      [ID] = {.name = "AccessKeyId"},
      [SECRET] = {.name = "SecretAccessKey"},
      [SESSION_TOKEN] = {.name = "SessionToken"},
      [TOKEN] = {.name = "Token"},
      [EXPIRATION] = {.name = "Expiration"},
  };
  time_t expires_at = 0;
  if (!lh_flat_json_read(text, size, NULL, fields, COUNT)) {
    return lh_credential_fail(search, err, "%s: what came is no JSON object", what);
  }
  if (fields[CODE].text != NULL && strcmp(fields[CODE].text, "Success") != 0) {
    return lh_credential_fail(search, err, "%s: %.64s%s%.300s", what, fields[CODE].text,
                              fields[MESSAGE].text != NULL ? ": " : "",
                              fields[MESSAGE].text != NULL ? fields[MESSAGE].text : "");
  }
  if (is_versioned && (!fields[VERSION].is_number || fields[VERSION].number != 1)) {
    return lh_credential_fail(search, err, "%s: what came has not \"Version\": 1", what);
  }
  for (size_t i = ID; i <= SECRET; i++) {
    if (fields[i].text == NULL || fields[i].text[0] == '\0') {
      return lh_credential_fail(search, err, "%s: what came has no %s", what, fields[i].name);
    }
  }
  if (fields[EXPIRATION].text != NULL && !lh_credential_parse_time(fields[EXPIRATION].text, &expires_at)) {
    return lh_credential_fail(search, err, "%s: Expiration is no time", what);
  }
  if (expires_at != 0 && expires_at <= time(NULL)) {
    return lh_credential_fail(search, err, "%s: what came has expired, at %s", what, fields[EXPIRATION].text);
  }
  const char *const token =
      fields[SESSION_TOKEN].text != NULL ? fields[SESSION_TOKEN].text : fields[TOKEN].text;
  *out = lh_credential_set_new(fields[ID].text, fields[SECRET].text, token, expires_at);
  return *out != NULL ? LH_OK : lh_error_memory(err);
}
