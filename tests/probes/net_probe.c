/*
 * Drives the module from outside: a JSON document on stdin says what to do, a JSON array on stdout what came
 * of each request. tests/integration/test_net_*.py compare it with AWS' SDK and let it meet servers.
 *
 *   {"mode": "sign" | "http" | "aws", "threads": 1, options of the mode, "requests": [{"method": "PUT", …}]}
 */
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/aws.h"
#include "net/retry.h"

#define HEADERS_MAX 64
#define ACCEPTED_MAX 8

struct probe {
  const json_t *document;
  const json_t *requests;
  json_t **results; /* each written by one thread */
  size_t count;
  size_t threads;
  struct lh_http *http;
  struct lh_aws_client *client;
  atomic_bool cancelled; /* ends what the client does */
};

struct worker {
  struct probe *probe;
  size_t first;
  pthread_t thread;
};

static const char *text(const json_t *object, const char *key) {
  return json_string_value(json_object_get(object, key));
}

static int64_t number(const json_t *object, const char *key) {
  return json_integer_value(json_object_get(object, key));
}

static void must(lh_status status, const struct lh_error *err) {
  if (status != LH_OK) {
    fprintf(stderr, "net_probe: %s\nhint: %s\n", err->message, err->hint);
    exit(1);
  }
}

/* --- requests --- */

struct given {
  struct lh_http_request request;
  struct lh_http_header headers[HEADERS_MAX];
  char *body;
  atomic_bool cancelled;
};

static enum lh_http_method method_of(const char *name) {
  for (int method = LH_HTTP_GET; method <= LH_HTTP_DELETE; method++) {
    if (name != NULL && strcmp(name, lh_http_method_name((enum lh_http_method)method)) == 0) {
      return (enum lh_http_method)method;
    }
  }
  return LH_HTTP_GET;
}

/* "body" is text, "body_size" that many bytes of 'x'. */
static void read_request(const json_t *json, const char *endpoint, struct lh_arena *arena,
                         struct given *out) {
  memset(out, 0, sizeof(*out));
  struct lh_http_request *const request = &out->request;
  const char *const url = text(json, "url");
  request->method = method_of(text(json, "method"));
  request->url = url[0] == '/' ? lh_arena_printf(arena, "%s%s", endpoint, url) : url;
  request->headers = out->headers;
  size_t i;
  const json_t *header;
  json_array_foreach(json_object_get(json, "headers"), i, header) {
    out->headers[request->header_count++] = (struct lh_http_header){
        json_string_value(json_array_get(header, 0)), json_string_value(json_array_get(header, 1))};
  }
  if (text(json, "body") != NULL) {
    out->body = strdup(text(json, "body"));
    request->body_size = strlen(out->body);
  } else if (number(json, "body_size") > 0) {
    request->body_size = (size_t)number(json, "body_size");
    out->body = malloc(request->body_size);
    memset(out->body, 'x', request->body_size);
  }
  request->body = out->body;
  request->timeout_ms = number(json, "timeout_ms");
  request->cancelled = json_object_get(json, "cancel_after_ms") != NULL ? &out->cancelled : NULL;
}

struct canceller {
  atomic_bool *cancelled;
  int64_t after_ms;
};

static void *cancel_later(void *context) {
  const struct canceller *const canceller = context;
  struct lh_error err;
  must(lh_retry_sleep(canceller->after_ms, NULL, &err), &err);
  atomic_store(canceller->cancelled, true);
  return NULL;
}

/* --- results --- */

static json_t *header_pairs(const struct lh_http_header *headers, size_t count) {
  json_t *const pairs = json_array();
  for (size_t i = 0; i < count; i++) {
    json_array_append_new(pairs, json_pack("[s, s]", headers[i].name, headers[i].value));
  }
  return pairs;
}

static json_t *error_result(const struct lh_error *err) {
  static const char *const classes[] = {"fatal", "retryable", "credentials"};
  return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i}", "error", lh_status_name(err->code), "message",
                   err->message, "hint", err->hint, "class", classes[err->error_class], "aws_code",
                   err->aws_code, "http_status", err->http_status);
}

static json_t *response_result(const struct lh_http_response *response, const struct lh_buf *body) {
  char hash[LH_SIGV4_HASH_CHARS + 1];
  struct lh_error err;
  must(lh_sigv4_hash(body->data, body->len, hash, &err), &err);
  json_t *const result = json_pack("{s:i, s:o, s:I, s:s}", "status", response->status, "headers",
                                   header_pairs(response->headers, response->header_count), "body_size",
                                   (json_int_t)body->len, "sha256", hash);
  if (body->len < 65536) {
    json_object_set_new(result, "body",
                        json_stringn(body->len > 0 ? (const char *)body->data : "", body->len));
  }
  return result;
}

/* --- what is driven --- */

static json_t *sign(const json_t *json, const struct given *given, struct lh_arena *arena) {
  const struct lh_sigv4_scope scope =
      lh_sigv4_scope_of(text(json, "service"), text(json, "region"), (time_t)number(json, "time"));
  const struct lh_aws_credentials credentials = {text(json, "access_key"), text(json, "secret_key"),
                                                 text(json, "token")};
  const struct lh_http_header *headers = NULL;
  size_t count = 0;
  struct lh_error err;
  if (lh_sigv4_sign(&given->request, &scope, &credentials, arena, &headers, &count, &err) != LH_OK) {
    return error_result(&err);
  }
  return json_pack("{s:o}", "headers", header_pairs(headers, count));
}

static json_t *call_json(const struct probe *probe, const json_t *json) {
  struct lh_error err;
  json_t *output = NULL;
  json_t *const input = json_deep_copy(json_object_get(json, "input"));
  if (lh_aws_call_json(probe->client, text(json, "target"), input, &output, &err) != LH_OK) {
    return error_result(&err);
  }
  return json_pack("{s:o}", "output", output);
}

static json_t *send_aws(const struct probe *probe, const json_t *json, const struct given *given,
                        struct lh_buf *body, struct lh_arena *arena) {
  int accepted[ACCEPTED_MAX];
  int attempts = 0;
  struct lh_aws_call call = {
      .action = text(json, "action"),
      .max_attempts = (int)number(json, "max_attempts"),
      .error_in_success = json_is_true(json_object_get(json, "error_in_success")),
      .accepted = accepted,
      .attempts = &attempts,
  };
  size_t i;
  const json_t *status;
  json_array_foreach(json_object_get(json, "accepted"), i, status) {
    accepted[call.accepted_count++] = (int)json_integer_value(status);
  }
  struct lh_http_response response;
  struct lh_error err;
  const lh_status sent = lh_aws_send(probe->client, &call, &given->request, body, arena, &response, &err);
  json_t *const result = sent == LH_OK ? response_result(&response, body) : error_result(&err);
  json_object_set_new(result, "attempts", json_integer(attempts));
  json_object_set_new(result, "region", json_string(lh_aws_client_region(probe->client)));
  return result;
}

static json_t *perform(const struct probe *probe, const struct given *given, struct lh_buf *body,
                       struct lh_arena *arena) {
  struct lh_http_response response;
  struct lh_error err;
  return lh_http_perform(probe->http, &given->request, body, arena, &response, &err) == LH_OK
             ? response_result(&response, body)
             : error_result(&err);
}

static json_t *run_request(const struct probe *probe, const json_t *json) {
  if (text(json, "target") != NULL) {
    return call_json(probe, json);
  }
  struct lh_arena arena;
  struct lh_buf body;
  lh_arena_init(&arena, 0);
  lh_buf_init(&body, number(json, "body_max") > 0 ? (size_t)number(json, "body_max") : (size_t)64 << 20);
  struct given given;
  read_request(json, probe->client != NULL ? lh_aws_client_endpoint(probe->client) : "", &arena, &given);
  struct canceller canceller = {&given.cancelled, number(json, "cancel_after_ms")};
  pthread_t thread;
  if (given.request.cancelled != NULL) {
    pthread_create(&thread, NULL, cancel_later, &canceller);
  }
  json_t *const result = probe->client != NULL ? send_aws(probe, json, &given, &body, &arena)
                         : probe->http != NULL ? perform(probe, &given, &body, &arena)
                                               : sign(json, &given, &arena);
  if (given.request.cancelled != NULL) {
    pthread_join(thread, NULL);
  }
  free(given.body);
  lh_buf_clear(&body);
  lh_arena_clear(&arena);
  return result;
}

static void *run_share(void *context) {
  const struct worker *const worker = context;
  const struct probe *const probe = worker->probe;
  for (size_t i = worker->first; i < probe->count; i += probe->threads) {
    probe->results[i] = run_request(probe, json_array_get(probe->requests, i));
  }
  return NULL;
}

static void run_all(struct probe *probe) {
  struct worker workers[16];
  probe->threads = number(probe->document, "threads") > 0 ? (size_t)number(probe->document, "threads") : 1;
  for (size_t i = 0; i < probe->threads; i++) {
    workers[i] = (struct worker){.probe = probe, .first = i};
    pthread_create(&workers[i].thread, NULL, run_share, &workers[i]);
  }
  for (size_t i = 0; i < probe->threads; i++) {
    pthread_join(workers[i].thread, NULL);
  }
}

static struct lh_aws_provider *open_client(struct probe *probe) {
  struct lh_aws_provider *provider = NULL;
  struct lh_error err;
  must(lh_aws_provider_open(&(struct lh_aws_settings){.region = text(probe->document, "region")},
                            LH_ERROR_LAKE, &provider, &err),
       &err);
  const struct lh_aws_client_options options = {
      .service = text(probe->document, "service"),
      .endpoint = text(probe->document, "endpoint"),
      .failure = LH_ERROR_LAKE,
      .provider = provider,
      .cancelled = &probe->cancelled,
  };
  must(lh_aws_client_open(&options, &probe->client, &err), &err);
  return provider;
}

int main(void) {
  struct probe probe = {0};
  struct lh_aws_provider *provider = NULL;
  json_error_t problem;
  json_t *const document = json_loadf(stdin, 0, &problem);
  if (document == NULL) {
    fprintf(stderr, "net_probe: line %d: %s\n", problem.line, problem.text);
    return 2;
  }
  probe.document = document;
  probe.requests = json_object_get(document, "requests");
  probe.count = json_array_size(probe.requests);
  probe.results = calloc(probe.count + 1, sizeof(json_t *));
  const char *const mode = text(document, "mode");
  struct lh_error err;
  if (strcmp(mode, "aws") == 0) {
    provider = open_client(&probe);
  } else if (strcmp(mode, "http") == 0) {
    const struct lh_http_options options = {
        .failure = LH_ERROR_LAKE,
        .connect_timeout_ms = number(document, "connect_timeout_ms"),
        .slow_timeout_ms = number(document, "slow_timeout_ms"),
        .no_proxy = json_is_true(json_object_get(document, "no_proxy")),
    };
    must(lh_http_open(&options, &probe.http, &err), &err);
  }
  struct canceller canceller = {&probe.cancelled, number(document, "cancel_after_ms")};
  pthread_t thread;
  const bool cancels = json_object_get(document, "cancel_after_ms") != NULL;
  if (cancels) {
    pthread_create(&thread, NULL, cancel_later, &canceller);
  }
  run_all(&probe);
  if (cancels) {
    pthread_join(thread, NULL);
  }
  json_t *const results = json_array();
  for (size_t i = 0; i < probe.count; i++) {
    json_array_append_new(results, probe.results[i]);
  }
  json_dumpf(results, stdout, JSON_COMPACT);
  json_decref(results);
  json_decref(document);
  free(probe.results);
  lh_aws_client_free(probe.client);
  lh_aws_provider_free(provider);
  lh_http_free(probe.http);
  return 0;
}
