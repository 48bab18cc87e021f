/* What a project says of Trino, looked at before anything is sent: a password above all. */
#include "engine/trino_settings.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

const char *lh_trino_authorization(const char *user, const char *password, struct lh_arena *arena) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  static const char scheme[] = "Basic ";
  const char *const plain = lh_arena_printf(arena, "%s:%s", user, password);
  const size_t size = plain != NULL ? strlen(plain) : 0;
  char *const text = plain != NULL ? lh_arena_alloc(arena, sizeof(scheme) + (size + 2) / 3 * 4) : NULL;
  if (text == NULL) {
    return NULL;
  }
  memcpy(text, scheme, sizeof(scheme));
  char *out = text + sizeof(scheme) - 1;
  for (size_t i = 0; i < size; i += 3) {
    const size_t left = size - i;
    const uint32_t bits = (uint32_t)(uint8_t)plain[i] << 16 |
                          (left > 1 ? (uint32_t)(uint8_t)plain[i + 1] << 8 : 0) |
                          (left > 2 ? (uint32_t)(uint8_t)plain[i + 2] : 0);
    *out++ = digits[bits >> 18];
    *out++ = digits[bits >> 12 & 63];
    *out++ = left > 1 ? digits[bits >> 6 & 63] : '=';
    *out++ = left > 2 ? digits[bits & 63] : '=';
  }
  *out = '\0';
  return text;
}

lh_status lh_trino_check_settings(const struct lh_trino_settings *settings, struct lh_error *err) {
  const char *const texts[] = {settings->url, settings->user, settings->password, settings->catalog,
                               settings->schema};
  if (settings->url == NULL) {
    lh_error_set(err, LH_ERROR_PROJECT, "there is no url of trino");
    lh_error_hint(err, "write trino: { url: https://host:8443 } into lakehaul.yaml");
    return LH_ERROR_PROJECT;
  }
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    for (const char *c = texts[i]; c != NULL && *c != '\0'; c++) {
      if (iscntrl((unsigned char)*c)) {
        return lh_error_set(err, LH_ERROR_PROJECT,
                            "a setting of trino has a line break or control character");
      }
    }
  }
  if (settings->password != NULL && strncmp(settings->url, "https://", 8) != 0) {
    lh_error_set(err, LH_ERROR_PROJECT, "the password of trino would be sent unprotected to %s",
                 settings->url);
    lh_error_hint(err, "use a url with https://, or leave the password out");
    return LH_ERROR_PROJECT;
  }
  return LH_OK;
}
