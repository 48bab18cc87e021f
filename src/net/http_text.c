/* Small texts of HTTP: names of methods, headers of a response, percent-encoding. */
#include <string.h>
#include <strings.h>

#include "net/http.h"

const char *lh_http_method_name(enum lh_http_method method) {
  static const char *const names[] = {
      [LH_HTTP_GET] = "GET",   [LH_HTTP_HEAD] = "HEAD",     [LH_HTTP_PUT] = "PUT",
      [LH_HTTP_POST] = "POST", [LH_HTTP_DELETE] = "DELETE",
  };
  return names[method];
}

const char *lh_http_response_header(const struct lh_http_response *response, const char *name) {
  for (size_t i = 0; i < response->header_count; i++) {
    if (strcasecmp(response->headers[i].name, name) == 0) {
      return response->headers[i].value;
    }
  }
  return NULL;
}

static bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

lh_status lh_http_append_encoded(struct lh_buf *out, const char *text, bool keep_slashes,
                                 struct lh_error *err) {
  static const char digits[] = "0123456789ABCDEF";
  for (const char *c = text; *c != '\0'; c++) {
    if (is_unreserved(*c) || (keep_slashes && *c == '/')) {
      LH_TRY(lh_buf_append_byte(out, (uint8_t)*c, err));
      continue;
    }
    const uint8_t byte = (uint8_t)*c;
    const uint8_t encoded[3] = {'%', (uint8_t)digits[byte >> 4], (uint8_t)digits[byte & 15]};
    LH_TRY(lh_buf_append(out, encoded, sizeof(encoded), err));
  }
  return LH_OK;
}
