/* Checked access to jansson values. */
#include "base/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

lh_status lh_json_parse(const void *bytes, size_t size, const char *what, json_t **out,
                        struct lh_error *err) {
  json_error_t json_error;
  *out = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &json_error);
  if (*out == NULL) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "%s is not valid JSON: line %d, column %d: %s", what,
                        json_error.line, json_error.column, json_error.text);
  }
  return LH_OK;
}

static lh_status missing(const char *key, const char *what, struct lh_error *err) {
  return lh_error_set(err, LH_ERROR_CORRUPT, "%s: \"%s\" is missing", what, key);
}

static lh_status wrong_type(const char *key, const char *expected, const char *what, struct lh_error *err) {
  return lh_error_set(err, LH_ERROR_CORRUPT, "%s: \"%s\" is not %s", what, key, expected);
}

lh_status lh_json_get_string(const json_t *object, const char *key, const char *what, struct lh_arena *arena,
                             const char **out, struct lh_error *err) {
  const json_t *const value = json_object_get(object, key);
  if (value == NULL) {
    return missing(key, what, err);
  }
  if (!json_is_string(value)) {
    return wrong_type(key, "a string", what, err);
  }
  *out = lh_arena_strndup(arena, json_string_value(value), json_string_length(value));
  return *out != NULL ? LH_OK : lh_error_memory(err);
}

lh_status lh_json_get_uint(const json_t *object, const char *key, const char *what, uint64_t *out,
                           struct lh_error *err) {
  const json_t *const value = json_object_get(object, key);
  if (value == NULL) {
    return missing(key, what, err);
  }
  if (!json_is_integer(value) || json_integer_value(value) < 0) {
    return wrong_type(key, "a whole number", what, err);
  }
  *out = (uint64_t)json_integer_value(value);
  return LH_OK;
}

lh_status lh_json_get_array(const json_t *object, const char *key, const char *what, json_t **out,
                            struct lh_error *err) {
  json_t *const value = json_object_get(object, key);
  if (value == NULL) {
    return missing(key, what, err);
  }
  if (!json_is_array(value)) {
    return wrong_type(key, "a list", what, err);
  }
  *out = value;
  return LH_OK;
}

lh_status lh_json_take_append(json_t *value, bool indent, struct lh_buf *out, struct lh_error *err) {
  if (value == NULL) {
    return lh_error_memory(err);
  }
  char *const text = json_dumps(value, indent ? JSON_INDENT(2) : JSON_COMPACT);
  json_decref(value);
  if (text == NULL) {
    return lh_error_memory(err);
  }
  const lh_status status = lh_buf_append(out, text, strlen(text), err);
  free(text);
  return status;
}
