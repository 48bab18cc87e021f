/* The canonical form of a URL's path and query, which is what is signed of it. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/sigv4_impl.h"

#define RECODED_MAX (1 << 20)

/* As curl sends it: without a port that is the scheme's own. */
static size_t host_size(const char *url, const char *host, size_t size) {
  const char *const port = strncasecmp(url, "https:", 6) == 0 ? ":443" : ":80";
  const size_t port_size = strlen(port);
  const bool is_default = size > port_size && memcmp(host + size - port_size, port, port_size) == 0;
  return is_default ? size - port_size : size;
}

lh_status lh_sigv4_split_url(const char *url, struct lh_arena *arena, struct lh_sigv4_url *out,
                             struct lh_error *err) {
  const char *const scheme_end = strstr(url, "://");
  if (scheme_end == NULL) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "a request without a whole URL cannot be signed");
  }
  const char *const host = scheme_end + 3;
  const size_t authority = strcspn(host, "/?#");
  out->host = lh_arena_strndup(arena, host, host_size(url, host, authority));
  if (out->host == NULL) {
    return lh_error_memory(err);
  }
  out->path = host + authority;
  out->path_size = strcspn(out->path, "?#");
  out->query = out->path + out->path_size;
  out->query += *out->query == '?' ? 1 : 0;
  out->query_size = strcspn(out->query, "#");
  return LH_OK;
}

/* Empty segments and "." go, ".." takes its forerunner along; a slash at the end stays. */
static lh_status append_normalized_path(const struct lh_sigv4_url *url, bool encode, struct lh_arena *arena,
                                        struct lh_buf *out, struct lh_error *err) {
  const size_t start = out->len;
  const char *const end = url->path + url->path_size;
  for (const char *at = url->path; at < end;) {
    const char *const slash = memchr(at, '/', (size_t)(end - at));
    const size_t size = (size_t)((slash != NULL ? slash : end) - at);
    if (size == 2 && memcmp(at, "..", 2) == 0) {
      while (out->len > start && out->data[--out->len] != '/') {
      }
    } else if (size > 0 && !(size == 1 && *at == '.')) {
      const char *const segment = lh_arena_strndup(arena, at, size);
      if (segment == NULL) {
        return lh_error_memory(err);
      }
      LH_TRY(lh_buf_append_byte(out, '/', err));
      LH_TRY(encode ? lh_http_append_encoded(out, segment, false, err)
                    : lh_buf_append(out, segment, size, err));
    }
    at += size + 1;
  }
  const bool ends_with_slash = url->path_size > 0 && end[-1] == '/';
  return out->len == start || ends_with_slash ? lh_buf_append_byte(out, '/', err) : LH_OK;
}

lh_status lh_sigv4_append_path(const struct lh_sigv4_url *url, const struct lh_sigv4_scope *scope,
                               struct lh_arena *arena, struct lh_buf *out, struct lh_error *err) {
  if (url->path_size == 0) {
    return lh_buf_append_byte(out, '/', err);
  }
  if (scope->normalize_path) {
    return append_normalized_path(url, scope->encode_path, arena, out, err);
  }
  if (!scope->encode_path) {
    return lh_buf_append(out, url->path, url->path_size, err);
  }
  const char *const path = lh_arena_strndup(arena, url->path, url->path_size);
  return path != NULL ? lh_http_append_encoded(out, path, true, err) : lh_error_memory(err);
}

struct parameter {
  const char *name, *value; /* encoded */
};

static int compare_parameters(const void *left, const void *right) {
  const struct parameter *const a = left;
  const struct parameter *const b = right;
  const int by_name = strcmp(a->name, b->name);
  return by_name != 0 ? by_name : strcmp(a->value, b->value);
}

static int hex_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = (char)(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Decoded and encoded again: one form for whatever form the URL has. */
static lh_status recode(const char *text, size_t size, struct lh_arena *arena, struct lh_buf *scratch,
                        const char **out, struct lh_error *err) {
  char *const decoded = lh_arena_alloc(arena, size + 1);
  if (decoded == NULL) {
    return lh_error_memory(err);
  }
  size_t length = 0;
  for (size_t i = 0; i < size; i++) {
    const int high = text[i] == '%' && i + 2 < size ? hex_value(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low >= 0 && (high | low) != 0) {
      decoded[length++] = (char)(high * 16 + low);
      i += 2;
    } else {
      decoded[length++] = text[i];
    }
  }
  decoded[length] = '\0';
  lh_buf_reset(scratch);
  LH_TRY(lh_http_append_encoded(scratch, decoded, false, err));
  *out = lh_arena_strndup(arena, (const char *)scratch->data, scratch->len);
  return *out != NULL ? LH_OK : lh_error_memory(err);
}

static lh_status split_query(const struct lh_sigv4_url *url, struct lh_arena *arena, struct lh_buf *scratch,
                             struct parameter **out, size_t *count, struct lh_error *err) {
  size_t most = 1;
  for (size_t i = 0; i < url->query_size; i++) {
    most += url->query[i] == '&' ? 1 : 0;
  }
  struct parameter *const parameters = LH_ARENA_ARRAY(arena, struct parameter, most);
  if (parameters == NULL) {
    return lh_error_memory(err);
  }
  *count = 0;
  const char *const end = url->query + url->query_size;
  for (const char *at = url->query; at < end;) {
    const char *const ampersand = memchr(at, '&', (size_t)(end - at));
    const char *const stop = ampersand != NULL ? ampersand : end;
    if (stop > at) {
      const char *const equals = memchr(at, '=', (size_t)(stop - at));
      const char *const name_end = equals != NULL ? equals : stop;
      const char *const value = equals != NULL ? equals + 1 : stop;
      struct parameter *const parameter = &parameters[(*count)++];
      LH_TRY(recode(at, (size_t)(name_end - at), arena, scratch, &parameter->name, err));
      LH_TRY(recode(value, (size_t)(stop - value), arena, scratch, &parameter->value, err));
    }
    at = stop + 1;
  }
  *out = parameters;
  return LH_OK;
}

lh_status lh_sigv4_append_query(const struct lh_sigv4_url *url, struct lh_arena *arena, struct lh_buf *out,
                                struct lh_error *err) {
  struct lh_buf scratch;
  lh_buf_init(&scratch, RECODED_MAX);
  struct parameter *parameters = NULL;
  size_t count = 0;
  lh_status status = split_query(url, arena, &scratch, &parameters, &count, err);
  lh_buf_clear(&scratch);
  if (status == LH_OK && count > 1) {
    qsort(parameters, count, sizeof(*parameters), compare_parameters);
  }
  for (size_t i = 0; i < count && status == LH_OK; i++) {
    status = lh_buf_printf(out, err, "%s%s=%s", i > 0 ? "&" : "", parameters[i].name, parameters[i].value);
  }
  return status;
}
