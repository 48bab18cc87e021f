/* Sizes, rates and durations as people write them. */
#include "project/quantity.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define LEAST_RATE_BYTES 1024
#define TEXT_MAX 64
/* What PostgreSQL's timeouts take. */
#define LONGEST_MS INT64_C(2147483647)

static bool parse_number(const char **at, uint64_t *out) {
  const char *const begin = *at;
  uint64_t value = 0;
  for (; **at >= '0' && **at <= '9'; (*at)++) {
    if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
        __builtin_add_overflow(value, (uint64_t)(**at - '0'), &value)) {
      return false;
    }
  }
  *out = value;
  return *at != begin;
}

bool lh_parse_bytes(const char *text, uint64_t *out) {
  static const char units[] = "KMGTP";
  uint64_t value = 0;
  const char *at = text;
  if (!parse_number(&at, &value)) {
    return false;
  }
  at += *at == ' ' && at[1] != '\0' ? 1 : 0;
  const char *const unit = *at != '\0' ? strchr(units, toupper((unsigned char)*at)) : NULL;
  if (unit != NULL) {
    const unsigned shift = 10 * (unsigned)(unit - units + 1);
    if (value > UINT64_MAX >> shift) {
      return false;
    }
    value <<= shift;
    at++;
    at += *at == 'i' && (at[1] == 'B' || at[1] == 'b') ? 1 : 0;
  }
  at += *at == 'B' || *at == 'b' ? 1 : 0;
  if (*at != '\0') {
    return false;
  }
  *out = value;
  return true;
}

static bool parse_duration(const char *text, int64_t *out) {
  static const struct {
    const char *name;
    uint64_t ms;
  } units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}};
  uint64_t value = 0;
  const char *at = text;
  if (strcmp(text, "none") == 0) {
    *out = 0;
    return true;
  }
  if (!parse_number(&at, &value)) {
    return false;
  }
  at += *at == ' ' ? 1 : 0;
  for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
    if (strcmp(at, units[i].name) == 0) {
      const bool fits = value > 0 && value <= (uint64_t)LONGEST_MS / units[i].ms;
      *out = fits ? (int64_t)(value * units[i].ms) : 0;
      return fits;
    }
  }
  return false;
}

static lh_status refuse(const struct lh_yaml *yaml, const yaml_node_t *node, const char *key,
                        const char *scope, const char *what, const char *text, const char *examples,
                        struct lh_error *err) {
  lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "%s%s%s must be %s, not \"%.*s\"", key,
               scope != NULL ? " of " : "", scope != NULL ? scope : "", what,
               (int)lh_utf8_truncate(text, strlen(text), TEXT_MAX), text);
  lh_error_hint(err, "write %s", examples);
  return LH_ERROR_PROJECT;
}

lh_status lh_quantity_read_bytes(const struct lh_yaml *yaml, const yaml_node_t *node, const char *key,
                                 const char *scope, uint64_t *out, struct lh_error *err) {
  const char *text;
  LH_TRY(lh_yaml_get_text(yaml, node, key, scope, &text, err));
  return lh_parse_bytes(text, out) ? LH_OK
                                   : refuse(yaml, node, key, scope, "a size", text, "512MB or 2GB", err);
}

lh_status lh_quantity_read_rate(const struct lh_yaml *yaml, const yaml_node_t *node, const char *key,
                                const char *scope, uint64_t *out, struct lh_error *err) {
  const char *text;
  char size[TEXT_MAX];
  LH_TRY(lh_yaml_get_text(yaml, node, key, scope, &text, err));
  const size_t length = strlen(text);
  const size_t ending = length > 2 && strcmp(text + length - 2, "/s") == 0 ? 2 : 0;
  snprintf(size, sizeof(size), "%.*s", (int)(length - ending < TEXT_MAX ? length - ending : 0), text);
  if (!lh_parse_bytes(size, out) || *out < LEAST_RATE_BYTES) {
    return refuse(yaml, node, key, scope, "a size a second, 1kB/s at least", text, "50MB/s", err);
  }
  return LH_OK;
}

lh_status lh_quantity_read_duration(const struct lh_yaml *yaml, const yaml_node_t *node, const char *key,
                                    const char *scope, int64_t *out, struct lh_error *err) {
  const char *text;
  LH_TRY(lh_yaml_get_text(yaml, node, key, scope, &text, err));
  return parse_duration(text, out) ? LH_OK
                                   : refuse(yaml, node, key, scope, "a time of up to 24 days", text,
                                            "500ms, 60s, 5min, 2h, or none", err);
}
