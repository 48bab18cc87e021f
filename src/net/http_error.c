/* Why there was no response, in words: which failures pass with time, and what the user can do about others.
 */
#include <string.h>

#include "net/http_impl.h"

/* `detail` is libcurl's; where it may quote a URL with a name and password (a proxy's), it is left out. */
static lh_status set_error(struct lh_http_exchange *exchange, enum lh_error_class class, const char *what,
                           const char *detail, struct lh_error *err) {
  const bool has_detail = detail != NULL && detail[0] != '\0' && strchr(detail, '@') == NULL;
  lh_error_set(err, exchange->http->failure, "%s: %s%s%s", exchange->host, what, has_detail ? ": " : "",
               has_detail ? detail : "");
  err->error_class = class;
  return err->code;
}

static lh_status fail_verification(struct lh_http_exchange *exchange, struct lh_error *err) {
  const struct lh_http *const http = exchange->http;
  const lh_status status = set_error(exchange, LH_ERROR_CLASS_FATAL, "its certificate does not verify",
                                     exchange->curl_message, err);
  if (http->ca_file != NULL) {
    lh_error_hint(err, "%s names %s: it needs the certificate of the authority that signed the server's",
                  http->ca_variable, http->ca_file);
  } else {
    lh_error_hint(err,
                  "if an authority of your own signed it, name the file of its certificate in AWS_CA_BUNDLE");
  }
  return status;
}

static lh_status fail_authorities(struct lh_http_exchange *exchange, struct lh_error *err) {
  const struct lh_http *const http = exchange->http;
  const lh_status status =
      set_error(exchange, LH_ERROR_CLASS_FATAL, "certificate authorities cannot be read", http->ca_file, err);
  lh_error_hint(err, "%s has to name a file of certificates in PEM form",
                http->ca_variable != NULL ? http->ca_variable : "AWS_CA_BUNDLE");
  return status;
}

/* A proxy that says no to a tunnel says it again; its own trouble passes. */
static lh_status fail_receiving(struct lh_http_exchange *exchange, struct lh_error *err) {
  long proxy_status = 0;
  curl_easy_getinfo(exchange->curl, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
  if (proxy_status < 400) {
    return set_error(exchange, LH_ERROR_CLASS_RETRYABLE, "the connection broke", exchange->curl_message, err);
  }
  const enum lh_error_class class = proxy_status < 500 ? LH_ERROR_CLASS_FATAL : LH_ERROR_CLASS_RETRYABLE;
  char what[64];
  snprintf(what, sizeof(what), "the proxy answers with status %ld", proxy_status);
  const lh_status status = set_error(exchange, class, what, NULL, err);
  lh_error_hint(err,
                proxy_status == 407
                    ? "the proxy wants a name and a password: http://name:password@proxy:port in HTTPS_PROXY"
                    : "HTTPS_PROXY names the proxy, NO_PROXY the hosts that are reached without it");
  return status;
}

static const char *proxy_hint(const struct lh_http_exchange *exchange) {
  return exchange->http->no_proxy ? "check the address"
                                  : "check the endpoint, and HTTPS_PROXY and NO_PROXY if there is a proxy";
}

static lh_status fail_connecting(struct lh_http_exchange *exchange, CURLcode code, struct lh_error *err) {
  const char *what = "no connection";
  const char *detail = exchange->curl_message;
  if (code == CURLE_COULDNT_RESOLVE_HOST) {
    what = "the name has no address";
    detail = NULL;
  } else if (code == CURLE_COULDNT_RESOLVE_PROXY) {
    what = "the proxy's name has no address";
    detail = NULL;
  }
  const lh_status status = set_error(exchange, LH_ERROR_CLASS_RETRYABLE, what, detail, err);
  lh_error_hint(err, "%s", proxy_hint(exchange));
  return status;
}

static lh_status fail_in_time(struct lh_http_exchange *exchange, struct lh_error *err) {
  curl_off_t connect_us = 0;
  curl_easy_getinfo(exchange->curl, CURLINFO_PRETRANSFER_TIME_T, &connect_us);
  const char *const what = connect_us > 0 ? "no answer in time" : "no connection in time";
  const lh_status status = set_error(exchange, LH_ERROR_CLASS_RETRYABLE, what, exchange->curl_message, err);
  if (connect_us == 0) {
    lh_error_hint(err, "%s", proxy_hint(exchange));
  }
  return status;
}

lh_status lh_http_fail(struct lh_http_exchange *exchange, CURLcode code, struct lh_error *err) {
  if (exchange->failed != LH_OK) {
    return exchange->failed;
  }
  switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
      return lh_error_set(err, LH_ERROR_INTERRUPTED, "interrupted");
    case CURLE_OUT_OF_MEMORY:
      return set_error(exchange, LH_ERROR_CLASS_FATAL, "no memory, or a header of the response is too long",
                       NULL, err);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
      return fail_verification(exchange, err);
    case CURLE_SSL_CACERT_BADFILE:
      return fail_authorities(exchange, err);
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
      return fail_connecting(exchange, code, err);
    case CURLE_OPERATION_TIMEDOUT:
      return fail_in_time(exchange, err);
    case CURLE_SSL_CONNECT_ERROR:
      return set_error(exchange, LH_ERROR_CLASS_RETRYABLE, "no TLS connection", exchange->curl_message, err);
    case CURLE_PARTIAL_FILE:
      return set_error(exchange, LH_ERROR_CLASS_RETRYABLE, "the response ends early", NULL, err);
    case CURLE_GOT_NOTHING:
      return set_error(exchange, LH_ERROR_CLASS_RETRYABLE, "the connection was closed without a response",
                       NULL, err);
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
      return fail_receiving(exchange, err);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_LOGIN_DENIED: /* a name in the URL */
      return set_error(exchange, LH_ERROR_CLASS_FATAL, "this is no server or URL of HTTP that can be used",
                       NULL, err);
    default:
      return set_error(exchange, LH_ERROR_CLASS_RETRYABLE, "the request failed", curl_easy_strerror(code),
                       err);
  }
}
