/* Requests to S3: URLs of objects and buckets, the headers that every new object gets, PutObject. */
#include <stdio.h>
#include <string.h>

#include "store/s3.h"

#define URL_MAX_BYTES ((size_t)32 << 10)
#define CLEANUP_ATTEMPTS 3
#define CLEANUP_TIMEOUT_MS 10000

const int lh_s3_not_found[1] = {404};
const int lh_s3_lost_race[3] = {404, 409, 412};

const char *lh_s3_full_key(const struct lh_s3_store *store, const char *key, struct lh_arena *arena) {
  return lh_arena_printf(arena, "%s%s", store->prefix, key);
}

const char *lh_s3_name(const struct lh_s3_store *store, const char *full_key, struct lh_arena *arena) {
  return lh_arena_printf(arena, "s3://%s/%s", store->bucket, full_key);
}

static lh_status make_url(const struct lh_s3_store *store, const struct lh_s3_request *request,
                          struct lh_buf *url, struct lh_error *err) {
  LH_TRY(lh_buf_append_str(url, store->url, err));
  LH_TRY(lh_buf_append_byte(url, '/', err));
  if (request->key != NULL) {
    LH_TRY(lh_http_append_encoded(url, request->key, true, err));
  }
  for (size_t i = 0; i < request->query_count; i++) {
    LH_TRY(lh_buf_append_byte(url, i == 0 ? '?' : '&', err));
    LH_TRY(lh_buf_append_str(url, request->query[i].name, err));
    LH_TRY(lh_buf_append_byte(url, '=', err));
    LH_TRY(lh_http_append_encoded(url, request->query[i].value, false, err));
  }
  return LH_OK;
}

/* What a client of any service cannot know. */
static void hint_for(struct lh_error *err) {
  static const struct {
    const char *code, *hint;
  } hints[] = {
      {"NoSuchBucket", "create the bucket, or correct its name; lakehaul makes none"},
      {"NoSuchUpload",
       "something has aborted the upload: a lifecycle rule of the bucket, or somebody else; run again"},
      {"EntityTooLarge", "let files end sooner: file_size"},
      {"InvalidObjectState", "the object is archived: restore it first"},
      {"NotImplemented", "the server lacks a part of S3 that lakehaul needs"},
  };
  for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]) && err->hint[0] == '\0'; i++) {
    if (strcmp(err->aws_code, hints[i].code) == 0) {
      lh_error_hint(err, "%s", hints[i].hint);
    }
  }
}

static lh_status send_to(const struct lh_s3_store *store, const struct lh_s3_request *request,
                         const char *url, struct lh_buf *body, struct lh_arena *arena,
                         struct lh_http_response *out, struct lh_error *err) {
  const char *const action =
      request->key != NULL
          ? lh_arena_printf(arena, "cannot %s s3://%s/%s", request->action, store->bucket, request->key)
          : lh_arena_printf(arena, "cannot %s %s", request->action, store->base.root);
  if (action == NULL) {
    return lh_error_memory(err);
  }
  const struct lh_aws_call call = {
      .action = action,
      .max_attempts = request->is_cleanup ? CLEANUP_ATTEMPTS : 0,
      .error_in_success = request->error_in_success,
      .accepted = request->accepted,
      .accepted_count = request->accepted_count,
      .attempts = request->attempts,
  };
  const struct lh_http_request http = {
      .method = request->method,
      .url = url,
      .headers = request->headers,
      .header_count = request->header_count,
      .body = request->body,
      .body_size = request->body_size,
      .timeout_ms = request->is_cleanup ? CLEANUP_TIMEOUT_MS : request->timeout_ms,
      .cancelled = request->cancelled,
  };
  const lh_status status =
      lh_aws_send(request->is_cleanup ? store->cleaner : store->client, &call, &http, body, arena, out, err);
  if (status != LH_OK) {
    hint_for(err);
  }
  return status;
}

lh_status lh_s3_send(const struct lh_s3_store *store, const struct lh_s3_request *request,
                     struct lh_buf *body, struct lh_arena *arena, struct lh_http_response *out,
                     struct lh_error *err) {
  struct lh_buf url;
  const char *text = NULL;
  lh_buf_init(&url, URL_MAX_BYTES);
  lh_status status = make_url(store, request, &url, err);
  if (status == LH_OK) {
    status = lh_buf_cstr(&url, &text, err);
  }
  if (status == LH_OK) {
    status = send_to(store, request, text, body, arena, out, err);
  }
  lh_buf_clear(&url);
  return status;
}

static const char *content_type(const char *key) {
  const char *const dot = strrchr(key, '.');
  if (dot != NULL && strcmp(dot, ".parquet") == 0) {
    return "application/vnd.apache.parquet";
  }
  return dot != NULL && strcmp(dot, ".json") == 0 ? "application/json" : "application/octet-stream";
}

void lh_s3_object_headers(const struct lh_s3_store *store, const char *key, struct lh_http_header *headers,
                          size_t *count) {
  headers[(*count)++] = (struct lh_http_header){"content-type", content_type(key)};
  if (store->s3.encryption != LH_S3_ENCRYPTION_BUCKET) {
    headers[(*count)++] = (struct lh_http_header){
        "x-amz-server-side-encryption", store->s3.encryption == LH_S3_ENCRYPTION_KMS ? "aws:kms" : "AES256"};
  }
  if (store->s3.encryption == LH_S3_ENCRYPTION_KMS && store->s3.kms_key != NULL) {
    headers[(*count)++] =
        (struct lh_http_header){"x-amz-server-side-encryption-aws-kms-key-id", store->s3.kms_key};
  }
  if (store->tagging != NULL) {
    headers[(*count)++] = (struct lh_http_header){"x-amz-tagging", store->tagging};
  }
}

/* What a conditional write that was refused met: the state was another (404, 412), or somebody else was
 * writing at that moment (409). */
static lh_status put(const struct lh_s3_store *store, const char *full_key, const void *bytes, size_t size,
                     const struct lh_http_header *condition, struct lh_store_tag *tag, bool *stored,
                     struct lh_buf *body, struct lh_arena *arena, struct lh_error *err) {
  struct lh_http_header headers[LH_S3_HEADERS_MAX];
  char checksum[LH_S3_CHECKSUM_TEXT_MAX];
  size_t count = 0;
  struct lh_http_response response;
  lh_s3_object_headers(store, full_key, headers, &count);
  if (store->tables != NULL) {
    lh_s3_checksum_text(store->s3.checksum, lh_s3_checksum_of(store->s3.checksum, store->tables, bytes, size),
                        checksum);
    headers[count++] = (struct lh_http_header){lh_s3_checksum_header(store->s3.checksum), checksum};
  }
  if (condition != NULL) {
    headers[count++] = *condition;
  }
  const struct lh_s3_request request = {
      .method = LH_HTTP_PUT,
      .key = full_key,
      .headers = headers,
      .header_count = count,
      .body = bytes,
      .body_size = size,
      .action = "write",
      .accepted = condition != NULL ? lh_s3_lost_race : NULL,
      .accepted_count = condition != NULL ? sizeof(lh_s3_lost_race) / sizeof(lh_s3_lost_race[0]) : 0,
  };
  LH_TRY(lh_s3_send(store, &request, body, arena, &response, err));
  *stored = response.status < 300;
  return *stored && tag != NULL ? lh_s3_read_tag(store, &response, full_key, tag, err) : LH_OK;
}

lh_status lh_s3_read_tag(const struct lh_s3_store *store, const struct lh_http_response *response,
                         const char *full_key, struct lh_store_tag *out, struct lh_error *err) {
  const char *const etag = lh_http_response_header(response, "etag");
  if (etag == NULL || etag[0] == '\0' || strlen(etag) >= sizeof(out->text)) {
    lh_error_set(err, LH_ERROR_LAKE, "the server at %s gave no ETag for s3://%s/%s", store->url,
                 store->bucket, full_key);
    lh_error_hint(err, "a lake needs a server that knows conditional writes by ETag");
    return LH_ERROR_LAKE;
  }
  snprintf(out->text, sizeof(out->text), "%s", etag);
  return LH_OK;
}

lh_status lh_s3_put(const struct lh_s3_store *store, const char *full_key, const void *bytes, size_t size,
                    const struct lh_http_header *condition, struct lh_store_tag *tag, bool *stored,
                    struct lh_error *err) {
  struct lh_arena arena;
  struct lh_buf body;
  lh_arena_init(&arena, 0);
  lh_buf_init(&body, LH_S3_ANSWER_MAX_BYTES);
  const lh_status status = put(store, full_key, bytes, size, condition, tag, stored, &body, &arena, err);
  lh_buf_clear(&body);
  lh_arena_clear(&arena);
  return status;
}

lh_status lh_s3_tell(const struct lh_s3_store *store, const struct lh_s3_request *request,
                     struct lh_error *err) {
  struct lh_arena arena;
  struct lh_buf body;
  struct lh_http_response response;
  lh_arena_init(&arena, 0);
  lh_buf_init(&body, LH_S3_ANSWER_MAX_BYTES);
  const lh_status status = lh_s3_send(store, request, &body, &arena, &response, err);
  lh_buf_clear(&body);
  lh_arena_clear(&arena);
  return status;
}
