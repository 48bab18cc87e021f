/* What the files of the HTTP client share; nobody else includes it. */
#ifndef LH_NET_HTTP_IMPL_H
#define LH_NET_HTTP_IMPL_H

#include <curl/curl.h>
#include <pthread.h>

#include "net/http.h"

/* More handles than these are not kept for later requests. */
#define LH_HTTP_IDLE_MAX 64

struct lh_http {
  lh_status failure; /* constant, as are all fields before the mutex */
  int64_t connect_timeout_ms;
  int64_t slow_timeout_ms;
  bool no_proxy;
  char *ca_file;                /* NULL: the system's */
  const char *ca_variable;      /* the environment variable that named it */
  pthread_mutex_t mutex;        /* protects what follows */
  CURL *idle[LH_HTTP_IDLE_MAX]; /* each with its connections; the one used last is taken first */
  size_t idle_count;
};

/* One request on its way; a thread's own. */
struct lh_http_exchange {
  struct lh_http *http;
  const struct lh_http_request *request;
  CURL *curl;
  const char *host; /* for messages, in `arena` */
  struct lh_arena *arena;
  struct curl_slist *headers;
  struct lh_buf *body;
  struct lh_buf lines; /* of the response's headers: name, NUL, value, NUL, … */
  size_t line_count;
  bool has_all_lines;   /* the empty line that ends the headers was there: libcurl takes half of them for a
                           response */
  struct lh_error *err; /* set by callbacks, whose failure is `failed` */
  lh_status failed;
  char curl_message[CURL_ERROR_SIZE];
};

/* The error of a transfer that ended with `code`. */
lh_status lh_http_fail(struct lh_http_exchange *exchange, CURLcode code, struct lh_error *err);

#endif
