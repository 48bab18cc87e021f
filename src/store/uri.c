/* From the lake's URI to a driver and a location: plain paths and file URIs, other schemes refused by name.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "store/driver.h"

/* Length of "scheme" where `uri` begins with "scheme://" or "file:/" (RFC 3986, 3.1), else 0. */
static size_t scheme_length(const char *uri) {
  size_t length = 0;
  if (!isalpha((unsigned char)uri[0])) {
    return 0;
  }
  while (isalnum((unsigned char)uri[length]) || (uri[length] != '\0' && strchr("+-.", uri[length]) != NULL)) {
    length++;
  }
  const bool is_file = length == 4 && strncasecmp(uri, "file", 4) == 0;
  return strncmp(uri + length, is_file ? ":/" : "://", is_file ? 2 : 3) == 0 ? length : 0;
}

static int hex_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const int lower = tolower((unsigned char)c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static lh_status percent_decode(const char *uri, const char *path, struct lh_arena *arena, const char **out,
                                struct lh_error *err) {
  char *const decoded = lh_arena_strdup(arena, path);
  if (decoded == NULL) {
    return lh_error_memory(err);
  }
  char *to = decoded;
  for (const char *from = path; *from != '\0'; from++) {
    if (*from != '%') {
      *to++ = *from;
      continue;
    }
    const int high = hex_value(from[1]);
    const int low = high >= 0 ? hex_value(from[2]) : -1;
    if (low < 0 || high + low == 0) {
      lh_error_set(err, LH_ERROR_LAKE, "lake %s: \"%.3s\" is not a percent-encoded character", uri, from);
      lh_error_hint(err, "write a %% in a file:// URI as %%25, or give the path without file://");
      return LH_ERROR_LAKE;
    }
    *to++ = (char)(high * 16 + low);
    from += 2;
  }
  *to = '\0';
  *out = decoded;
  return LH_OK;
}

static lh_status parse_file_uri(const char *uri, struct lh_arena *arena, const char **location,
                                struct lh_error *err) {
  const char *path = uri + strlen("file:");
  if (strncmp(path, "//", 2) == 0) {
    path += 2;
    if (strncasecmp(path, "localhost/", 10) == 0) {
      path += strlen("localhost");
    }
  }
  if (path[0] != '/') {
    lh_error_set(err, LH_ERROR_UNSUPPORTED, "lake %s names another host", uri);
    lh_error_hint(err, "a file URI has three slashes before its path: file:///data/lake");
    return LH_ERROR_UNSUPPORTED;
  }
  return percent_decode(uri, path, arena, location, err);
}

static lh_status refuse_scheme(const char *uri, size_t length, struct lh_error *err) {
  const int shown = length < 32 ? (int)length : 32;
  /* Not the whole URI: what stands before an @ may be a secret. */
  lh_error_set(err, LH_ERROR_UNSUPPORTED, "a lake on %.*s:// is not supported", shown, uri);
  lh_error_hint(err, "use s3://bucket/prefix, or a local directory such as ./lake or file:///data/lake");
  return LH_ERROR_UNSUPPORTED;
}

lh_status lh_store_parse_uri(const char *uri, const char *base_dir, struct lh_arena *arena,
                             const struct lh_store_driver **driver, const char **location,
                             struct lh_error *err) {
  if (uri[0] == '\0') {
    lh_error_set(err, LH_ERROR_LAKE, "the lake's location is empty");
    lh_error_hint(err, "set lake: in lakehaul.yaml to a directory such as ./lake");
    return LH_ERROR_LAKE;
  }
  *driver = &lh_store_file_driver;
  const size_t scheme = scheme_length(uri);
  if (scheme == 4 && strncasecmp(uri, "file", 4) == 0) {
    return parse_file_uri(uri, arena, location, err);
  }
  if (scheme == 2 && strncasecmp(uri, "s3", 2) == 0) {
    *driver = &lh_store_s3_driver;
    *location = uri;
    return LH_OK;
  }
  if (scheme > 0) {
    return refuse_scheme(uri, scheme, err);
  }
  *location = lh_path_join(base_dir[0] != '\0' ? base_dir : ".", uri, arena);
  return *location != NULL ? LH_OK : lh_error_memory(err);
}
