/*
 * The HTTP client: one request and its response over libcurl's easy interface. Handles wait in a pool, each
 * with the connections it has open, so that a thread continues where another one left off.
 */
#include "net/http.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/curl_memory.h"
#include "net/http_impl.h"

#define CONNECT_TIMEOUT_MS 5000
#define SLOW_TIMEOUT_MS 30000
#define SLOW_BYTES_PER_SECOND 1024
#define HEADERS_MAX 256
#define HEADER_BYTES_MAX (256 << 10)
#define RECEIVE_BYTES (256L << 10)
#define SEND_BYTES (256L << 10)

/* --- the client --- */

static CURLcode global_code;

static void init_curl(void) {
  global_code = lh_curl_init();
}

const char *lh_http_authorities(const char **variable) {
  static const char *const variables[] = {"AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"};
  for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
    const char *const file = getenv(variables[i]);
    if (file != NULL && file[0] != '\0') {
      *variable = variables[i];
      return file;
    }
  }
  return NULL;
}

static lh_status find_authorities(struct lh_http *http, struct lh_error *err) {
  const char *const file = lh_http_authorities(&http->ca_variable);
  if (file == NULL) {
    return LH_OK;
  }
  http->ca_file = strdup(file);
  return http->ca_file != NULL ? LH_OK : lh_error_memory(err);
}

lh_status lh_http_open(const struct lh_http_options *options, struct lh_http **out, struct lh_error *err) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  if (pthread_once(&once, init_curl) != 0 || global_code != CURLE_OK) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "libcurl could not be set up");
  }
  struct lh_http *const http = calloc(1, sizeof(*http));
  if (http == NULL) {
    return lh_error_memory(err);
  }
  pthread_mutex_init(&http->mutex, NULL);
  http->failure = options->failure;
  http->connect_timeout_ms =
      options->connect_timeout_ms > 0 ? options->connect_timeout_ms : CONNECT_TIMEOUT_MS;
  http->slow_timeout_ms = options->slow_timeout_ms > 0 ? options->slow_timeout_ms : SLOW_TIMEOUT_MS;
  http->no_proxy = options->no_proxy;
  const lh_status status = find_authorities(http, err);
  if (status != LH_OK) {
    lh_http_free(http);
    return status;
  }
  *out = http;
  return LH_OK;
}

void lh_http_free(struct lh_http *http) {
  if (http == NULL) {
    return;
  }
  for (size_t i = 0; i < http->idle_count; i++) {
    curl_easy_cleanup(http->idle[i]);
  }
  pthread_mutex_destroy(&http->mutex);
  free(http->ca_file);
  free(http);
}

static lh_status take_handle(struct lh_http *http, CURL **out, struct lh_error *err) {
  CURL *curl = NULL;
  pthread_mutex_lock(&http->mutex);
  if (http->idle_count > 0) {
    curl = http->idle[--http->idle_count];
  }
  pthread_mutex_unlock(&http->mutex);
  curl = curl != NULL ? curl : curl_easy_init();
  *out = curl;
  return curl != NULL ? LH_OK : lh_error_memory(err);
}

static void return_handle(struct lh_http *http, CURL *curl) {
  /* Forgets what points to the caller's memory; connections stay. */
  curl_easy_reset(curl);
  pthread_mutex_lock(&http->mutex);
  const bool kept = http->idle_count < LH_HTTP_IDLE_MAX;
  if (kept) {
    http->idle[http->idle_count++] = curl;
  }
  pthread_mutex_unlock(&http->mutex);
  if (!kept) {
    curl_easy_cleanup(curl);
  }
}

/* --- the response --- */

static size_t refuse(struct lh_http_exchange *exchange, const char *what) {
  exchange->failed = lh_error_set(exchange->err, exchange->http->failure, "%s: %s", exchange->host, what);
  return 0;
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool append_text(struct lh_http_exchange *exchange, const char *text, size_t size) {
  exchange->failed = lh_buf_append(&exchange->lines, text, size, exchange->err);
  if (exchange->failed == LH_OK) {
    exchange->failed = lh_buf_append_byte(&exchange->lines, '\0', exchange->err);
  }
  return exchange->failed == LH_OK;
}

/* One line; a status line begins a response, of which the last one counts (100 Continue goes before it). */
static size_t take_header(char *line, size_t size, size_t count, void *context) {
  struct lh_http_exchange *const exchange = context;
  const size_t line_size = size * count;
  if (line_size >= 5 && memcmp(line, "HTTP/", 5) == 0) {
    lh_buf_reset(&exchange->lines);
    exchange->line_count = 0;
    exchange->has_all_lines = false;
    return line_size;
  }
  if (line_size <= 2 && is_blank(line[0])) {
    exchange->has_all_lines = true;
    return line_size;
  }
  const char *const colon = memchr(line, ':', line_size);
  if (colon == NULL || colon == line || is_blank(line[0]) || memchr(line, '\0', line_size) != NULL) {
    return line_size; /* nothing that anybody reads */
  }
  if (exchange->line_count == HEADERS_MAX || line_size > HEADER_BYTES_MAX - exchange->lines.len) {
    return refuse(exchange, "the response has too many or too long headers");
  }
  const char *start = colon + 1;
  const char *end = line + line_size;
  while (start < end && is_blank(*start)) {
    start++;
  }
  while (end > start && is_blank(end[-1])) {
    end--;
  }
  if (!append_text(exchange, line, (size_t)(colon - line)) ||
      !append_text(exchange, start, (size_t)(end - start))) {
    return 0;
  }
  exchange->line_count++;
  return line_size;
}

/* Room for a whole body at once, if the server says how large it is. */
static void reserve_body(struct lh_http_exchange *exchange) {
  struct lh_buf *const body = exchange->body;
  curl_off_t length = -1;
  curl_easy_getinfo(exchange->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  if (length > 0 && (uint64_t)length <= body->max - body->len) {
    struct lh_error ignored;
    if (lh_buf_reserve(body, (size_t)length, &ignored) != LH_OK) {
      return; /* the append says so */
    }
  }
}

static bool is_error_body(const struct lh_http_exchange *exchange) {
  long status = 0;
  curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &status);
  return exchange->request->error_body != NULL && status > 299;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context) {
  struct lh_http_exchange *const exchange = context;
  const size_t given = size * count;
  if (is_error_body(exchange)) {
    struct lh_buf *const out = exchange->request->error_body;
    const size_t room = out->max - out->len;
    exchange->failed = lh_buf_append(out, bytes, given < room ? given : room, exchange->err);
    return exchange->failed == LH_OK ? given : 0;
  }
  struct lh_buf *const body = exchange->body;
  if (given > body->max - body->len) {
    exchange->failed = lh_error_set(exchange->err, exchange->http->failure,
                                    "%s: the response has more than the %zu bytes that were expected at most",
                                    exchange->host, body->max);
    return 0;
  }
  if (body->cap - body->len < given) {
    reserve_body(exchange);
  }
  exchange->failed = lh_buf_append(body, bytes, given, exchange->err);
  return exchange->failed == LH_OK ? given : 0;
}

static int look_for_cancellation(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                                 curl_off_t up) {
  (void)down_total;
  (void)down;
  (void)up_total;
  (void)up;
  const struct lh_http_request *const request = context;
  return (request->cancelled != NULL && atomic_load(request->cancelled)) ||
                 (request->also_cancelled != NULL && atomic_load(request->also_cancelled))
             ? 1
             : 0;
}

static lh_status copy_headers(const struct lh_http_exchange *exchange, struct lh_http_response *out,
                              struct lh_error *err) {
  struct lh_http_header *const headers =
      LH_ARENA_ARRAY(exchange->arena, struct lh_http_header, exchange->line_count + 1);
  char *const text = lh_arena_alloc(exchange->arena, exchange->lines.len + 1);
  if (headers == NULL || text == NULL) {
    return lh_error_memory(err);
  }
  if (exchange->lines.len > 0) {
    memcpy(text, exchange->lines.data, exchange->lines.len);
  }
  const char *at = text;
  for (size_t i = 0; i < exchange->line_count; i++) {
    headers[i].name = at;
    headers[i].value = at + strlen(at) + 1;
    at = headers[i].value + strlen(headers[i].value) + 1;
  }
  out->headers = headers;
  out->header_count = exchange->line_count;
  return LH_OK;
}

/* --- the request --- */

static lh_status add_line(struct lh_http_exchange *exchange, const char *line, struct lh_error *err) {
  struct curl_slist *const longer = curl_slist_append(exchange->headers, line);
  if (longer == NULL) {
    return lh_error_memory(err);
  }
  exchange->headers = longer;
  return LH_OK;
}

static lh_status add_request_header(struct lh_http_exchange *exchange, const struct lh_http_header *header,
                                    struct lh_error *err) {
  if (strpbrk(header->name, "\r\n:") != NULL || strpbrk(header->value, "\r\n") != NULL) {
    return lh_error_set(err, exchange->http->failure, "%s: the header %s would have a line break",
                        exchange->host, header->name);
  }
  const size_t size = strlen(header->name) + strlen(header->value) + sizeof(": ");
  char *const line = malloc(size);
  if (line == NULL) {
    return lh_error_memory(err);
  }
  /* libcurl takes "Name;" for an empty header, and "Name:" for one that is not sent. */
  snprintf(line, size, header->value[0] != '\0' ? "%s: %s" : "%s;", header->name, header->value);
  const lh_status status = add_line(exchange, line, err);
  OPENSSL_cleanse(line, size);
  free(line);
  return status;
}

static lh_status add_request_headers(struct lh_http_exchange *exchange, struct lh_error *err) {
  bool has_type = false;
  const struct lh_http_request *const request = exchange->request;
  for (size_t i = 0; i < request->header_count; i++) {
    LH_TRY(add_request_header(exchange, &request->headers[i], err));
    has_type = has_type || strcasecmp(request->headers[i].name, "Content-Type") == 0;
  }
  return has_type ? LH_OK : add_line(exchange, "Content-Type:", err);
}

/* They may hold a session token. */
static void free_headers(struct curl_slist *headers) {
  for (struct curl_slist *line = headers; line != NULL; line = line->next) {
    OPENSSL_cleanse(line->data, strlen(line->data));
  }
  curl_slist_free_all(headers);
}

#define SET(option, value) (code = code != CURLE_OK ? code : curl_easy_setopt(curl, (option), (value)))

/* Bodies go out as they lie in memory, by a POST whatever the method is called. */
static CURLcode set_method(CURL *curl, const struct lh_http_request *request) {
  CURLcode code = CURLE_OK;
  switch (request->method) {
    case LH_HTTP_GET:
      SET(CURLOPT_HTTPGET, 1L);
      break;
    case LH_HTTP_HEAD:
      SET(CURLOPT_NOBODY, 1L);
      break;
    case LH_HTTP_DELETE:
      SET(CURLOPT_CUSTOMREQUEST, "DELETE");
      break;
    case LH_HTTP_PUT:
    case LH_HTTP_POST:
      SET(CURLOPT_POST, 1L);
      SET(CURLOPT_POSTFIELDS, request->body_size > 0 ? request->body : "");
      SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
      SET(CURLOPT_CUSTOMREQUEST, lh_http_method_name(request->method));
      break;
  }
  return code;
}

static CURLcode set_limits(CURL *curl, const struct lh_http *http, const struct lh_http_request *request) {
  CURLcode code = CURLE_OK;
  SET(CURLOPT_CONNECTTIMEOUT_MS, (long)http->connect_timeout_ms);
  if (request->timeout_ms > 0) {
    SET(CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
  } else {
    SET(CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES_PER_SECOND);
    SET(CURLOPT_LOW_SPEED_TIME, (long)((http->slow_timeout_ms + 999) / 1000));
  }
  if (request->cancelled != NULL || request->also_cancelled != NULL) {
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, look_for_cancellation);
    SET(CURLOPT_XFERINFODATA, request);
  }
  return code;
}

/* A body of over 1 MB is sent once the server says 100 Continue, or nothing for a second: one that refuses
 * the request has not to be sent all of it. */
static CURLcode set_options(struct lh_http_exchange *exchange) {
  CURL *const curl = exchange->curl;
  const struct lh_http *const http = exchange->http;
  CURLcode code = set_method(curl, exchange->request);
  SET(CURLOPT_URL, exchange->request->url);
  SET(CURLOPT_PATH_AS_IS, 1L);
  SET(CURLOPT_PROTOCOLS_STR, "http,https");
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  SET(CURLOPT_HTTPHEADER, exchange->headers);
  SET(CURLOPT_USERAGENT, "lakehaul/" LAKEHAUL_VERSION);
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  SET(CURLOPT_SSL_VERIFYPEER, 1L);
  SET(CURLOPT_SSL_VERIFYHOST, 2L);
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_TCP_KEEPALIVE, 1L);
  SET(CURLOPT_BUFFERSIZE, RECEIVE_BYTES);
  SET(CURLOPT_UPLOAD_BUFFERSIZE, SEND_BYTES);
  SET(CURLOPT_ERRORBUFFER, exchange->curl_message);
  SET(CURLOPT_HEADERFUNCTION, take_header);
  SET(CURLOPT_HEADERDATA, exchange);
  SET(CURLOPT_WRITEFUNCTION, take_body);
  SET(CURLOPT_WRITEDATA, exchange);
  if (http->ca_file != NULL) {
    SET(CURLOPT_CAINFO, http->ca_file);
  }
  if (http->no_proxy) {
    SET(CURLOPT_NOPROXY, "*");
  }
  return code != CURLE_OK ? code : set_limits(curl, http, exchange->request);
}

#undef SET

/* OpenSSL writes to sockets that the server may have closed: the signal of that is kept from a process that
 * does not ignore it. */
static CURLcode transfer(CURL *curl) {
  sigset_t pipe_signal;
  sigset_t before;
  sigset_t pending;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  sigpending(&pending);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  const CURLcode code = curl_easy_perform(curl);
  if (sigismember(&pending, SIGPIPE) == 0 && sigismember(&before, SIGPIPE) == 0) {
    const struct timespec at_once = {0};
    while (sigtimedwait(&pipe_signal, NULL, &at_once) == -1 && errno == EINTR) {
    }
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return code;
}

/* "s3.eu-central-1.amazonaws.com": what messages may say of a URL. */
static const char *host_of(const char *url, struct lh_arena *arena) {
  const char *const scheme_end = strstr(url, "://");
  const char *start = scheme_end != NULL ? scheme_end + 3 : url;
  size_t size = strcspn(start, "/?#");
  const char *const at_sign = memchr(start, '@', size);
  if (at_sign != NULL) {
    size -= (size_t)(at_sign + 1 - start);
    start = at_sign + 1;
  }
  return lh_arena_strndup(arena, start, size);
}

static lh_status exchange_all(struct lh_http_exchange *exchange, struct lh_http_response *out,
                              struct lh_error *err) {
  LH_TRY(add_request_headers(exchange, err));
  CURLcode code = set_options(exchange);
  if (code == CURLE_OK) {
    code = transfer(exchange->curl);
  }
  if (code != CURLE_OK) {
    return lh_http_fail(exchange, code, err);
  }
  if (!exchange->has_all_lines) {
    return lh_http_fail(exchange, CURLE_PARTIAL_FILE, err);
  }
  long status = 0;
  curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &status);
  *out = (struct lh_http_response){
      .status = (int)status,
      .body = is_error_body(exchange) ? exchange->request->error_body : exchange->body,
  };
  return copy_headers(exchange, out, err);
}

lh_status lh_http_perform(struct lh_http *http, const struct lh_http_request *request, struct lh_buf *body,
                          struct lh_arena *arena, struct lh_http_response *out, struct lh_error *err) {
  struct lh_http_exchange exchange = {.http = http,
                                      .request = request,
                                      .arena = arena,
                                      .body = body,
                                      .err = err,
                                      .host = host_of(request->url, arena)};
  if (exchange.host == NULL) {
    return lh_error_memory(err);
  }
  const size_t body_start = body->len;
  const size_t error_start = request->error_body != NULL ? request->error_body->len : 0;
  LH_TRY(take_handle(http, &exchange.curl, err));
  lh_buf_init(&exchange.lines, HEADER_BYTES_MAX * 2);
  const lh_status status = exchange_all(&exchange, out, err);
  return_handle(http, exchange.curl);
  free_headers(exchange.headers);
  lh_buf_clear(&exchange.lines);
  if (status != LH_OK) {
    body->len = body_start;
    if (request->error_body != NULL) {
      request->error_body->len = error_start;
    }
  }
  return status;
}
