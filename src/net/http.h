/*
 * HTTP: one request and its whole response, over libcurl (HTTP/1.1, RFC 9112).
 *
 * Nothing is retried, redirected or signed here: aws.h does that. The path and query go out byte for byte as
 * the URL has them. Connections are kept and used again; a client may be used by several threads at a time.
 *
 * A failure to get a response (no address, refused, TLS, timeout, reset, a body that ends early) is an error
 * of the client's `failure` status and of class LH_ERROR_CLASS_RETRYABLE where another attempt may pass (a
 * certificate that does not verify or a URL that is none is fatal); its message names the host and never a
 * header or query. Any HTTP status is a response.
 *
 * Environment: HTTPS_PROXY, http_proxy, NO_PROXY as curl has them; the certificate authorities in the file
 * that the first of AWS_CA_BUNDLE, CURL_CA_BUNDLE and SSL_CERT_FILE names, else the system's.
 */
#ifndef LH_NET_HTTP_H
#define LH_NET_HTTP_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "lakehaul/error.h"

struct lh_http;

struct lh_http_options {
  lh_status failure;          /* of errors: LH_ERROR_LAKE, LH_ERROR_CATALOG, … */
  int64_t connect_timeout_ms; /* 0: 5 s */
  int64_t slow_timeout_ms;    /* how long a transfer may be under 1 KB/s; 0: 30 s; whole seconds */
  bool no_proxy;              /* for addresses of the machine itself (metadata services) */
};

/* The file of certificate authorities that the environment names, and by which variable; NULL: none. */
const char *lh_http_authorities(const char **variable);

lh_status lh_http_open(const struct lh_http_options *options, struct lh_http **out,
                       struct lh_error *err) LH_WARN_UNUSED;
void lh_http_free(struct lh_http *http);

enum lh_http_method { LH_HTTP_GET, LH_HTTP_HEAD, LH_HTTP_PUT, LH_HTTP_POST, LH_HTTP_DELETE };
const char *lh_http_method_name(enum lh_http_method method);

struct lh_http_header {
  const char *name; /* as sent; compared without regard to case */
  const char *value;
};

struct lh_http_request {
  enum lh_http_method method;
  const char *url;
  const struct lh_http_header *headers; /* without Content-Length; an empty value sends the header empty; a
                                           line break in one is an error */
  size_t header_count;
  const void *body; /* borrowed for the call */
  size_t body_size;
  struct lh_buf
      *error_body;    /* takes the body of a status past 299 instead, as far as it has room; may be NULL */
  int64_t timeout_ms; /* of the whole request, however slow it is; 0: none, but for slow transfers */
  /* End the request with LH_ERROR_INTERRUPTED once one of them is true; may be NULL. */
  const atomic_bool *cancelled, *also_cancelled;
};

struct lh_http_response {
  int status;
  const struct lh_http_header *headers; /* of the final response, in the arena */
  size_t header_count;
  struct lh_buf *body; /* the caller's, or its error_body: the body is appended; past the maximum of the
                          former the request fails */
};

/* Headers live in `arena`. On an error nothing of `out` is to be used, and what was appended to the body is
 * taken back. Cancellation is noticed within a second. */
lh_status lh_http_perform(struct lh_http *http, const struct lh_http_request *request, struct lh_buf *body,
                          struct lh_arena *arena, struct lh_http_response *out,
                          struct lh_error *err) LH_WARN_UNUSED;

/* NULL where there is none. */
const char *lh_http_response_header(const struct lh_http_response *response, const char *name);

/* Appends `text` percent-encoded as RFC 3986 and AWS want it: all but A-Z a-z 0-9 - . _ ~, and '/' where
 * `keep_slashes`. */
lh_status lh_http_append_encoded(struct lh_buf *out, const char *text, bool keep_slashes,
                                 struct lh_error *err) LH_WARN_UNUSED;

#endif
