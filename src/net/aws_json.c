/* Calls of services that speak JSON 1.1 (Glue, Athena). */
#include <stdlib.h>
#include <string.h>

#include "net/aws_impl.h"

#define RESPONSE_MAX (64u << 20)
#define TIMEOUT_MS 60000

static lh_status parse(const struct lh_aws_client *client, const char *operation, const struct lh_buf *body,
                       json_t **out, struct lh_error *err) {
  if (body->len == 0) {
    *out = json_object();
    return *out != NULL ? LH_OK : lh_error_memory(err);
  }
  json_error_t problem;
  *out = json_loadb((const char *)body->data, body->len, 0, &problem);
  if (*out == NULL) {
    return lh_error_set(err, client->failure, "%s: the answer is no JSON: %s", operation, problem.text);
  }
  return LH_OK;
}

static lh_status call(struct lh_aws_client *client, const char *target, const struct lh_buf *input,
                      struct lh_buf *body, struct lh_arena *arena, json_t **out, struct lh_error *err) {
  const char *const dot = strrchr(target, '.');
  const char *const operation = dot != NULL ? dot + 1 : target;
  const struct lh_http_header headers[] = {
      {"Content-Type", "application/x-amz-json-1.1"},
      {"X-Amz-Target", target},
  };
  const char *const url = lh_arena_printf(arena, "%s/", lh_aws_client_endpoint(client));
  if (url == NULL) {
    return lh_error_memory(err);
  }
  const struct lh_http_request request = {
      .method = LH_HTTP_POST,
      .url = url,
      .headers = headers,
      .header_count = sizeof(headers) / sizeof(headers[0]),
      .body = input->data,
      .body_size = input->len,
      .timeout_ms = TIMEOUT_MS,
  };
  const struct lh_aws_call how = {.action = operation};
  struct lh_http_response response;
  LH_TRY(lh_aws_send(client, &how, &request, body, arena, &response, err));
  return parse(client, operation, body, out, err);
}

lh_status lh_aws_call_json(struct lh_aws_client *client, const char *target, json_t *input, json_t **out,
                           struct lh_error *err) {
  *out = NULL;
  struct lh_arena arena;
  struct lh_buf text;
  struct lh_buf body;
  lh_arena_init(&arena, 0);
  lh_buf_init(&text, RESPONSE_MAX);
  lh_buf_init(&body, RESPONSE_MAX);
  lh_status status = lh_json_take_append(input, false, &text, err);
  if (status == LH_OK) {
    status = call(client, target, &text, &body, &arena, out, err);
  }
  lh_buf_clear(&body);
  lh_buf_clear(&text);
  lh_arena_clear(&arena);
  return status;
}
