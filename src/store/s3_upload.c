/* The requests of a multipart upload: CreateMultipartUpload, UploadPart, CompleteMultipartUpload,
 * AbortMultipartUpload, and how a completion whose answer was lost is told from one that failed. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "store/s3.h"

#define REQUEST_MAX_BYTES ((size_t)4 << 20)
#define UPLOAD_ID_MAX_BYTES 2048
/* S3 answers a completion once it has put the parts together. */
#define COMPLETE_TIMEOUT_MS ((int64_t)10 * 60 * 1000)

/* -------- create -------- */

struct creation {
  struct lh_arena *arena;
  const char *id;
};

static lh_status take_id(void *context, const char *parent, const char *name, const char *text,
                         struct lh_error *err) {
  struct creation *const creation = context;
  if (strcmp(parent, "InitiateMultipartUploadResult") == 0 && strcmp(name, "UploadId") == 0) {
    creation->id = lh_arena_strdup(creation->arena, text);
    return creation->id != NULL ? LH_OK : lh_error_memory(err);
  }
  return LH_OK;
}

static lh_status begin(const struct lh_s3_store *store, const char *full_key, struct lh_arena *arena,
                       const char **id, int *attempts, struct lh_arena *scratch, struct lh_buf *body,
                       struct lh_error *err) {
  struct lh_http_header headers[LH_S3_HEADERS_MAX];
  size_t count = 0;
  struct lh_http_response response;
  static const struct lh_s3_query query = {"uploads", ""};
  lh_s3_object_headers(store, full_key, headers, &count);
  if (store->tables != NULL) {
    headers[count++] =
        (struct lh_http_header){"x-amz-checksum-algorithm", lh_s3_checksum_algorithm(store->s3.checksum)};
    headers[count++] = (struct lh_http_header){"x-amz-checksum-type", "FULL_OBJECT"};
  }
  const struct lh_s3_request request = {
      .method = LH_HTTP_POST,
      .key = full_key,
      .query = &query,
      .query_count = 1,
      .headers = headers,
      .header_count = count,
      .action = "begin an upload to",
      .attempts = attempts,
  };
  LH_TRY(lh_s3_send(store, &request, body, scratch, &response, err));
  struct creation creation = {.arena = arena};
  const struct lh_s3_xml reader = {.context = &creation, .leaf = take_id};
  LH_TRY(lh_s3_xml_read(&reader, body, "the answer to CreateMultipartUpload", err));
  if (creation.id == NULL || creation.id[0] == '\0' || strlen(creation.id) > UPLOAD_ID_MAX_BYTES) {
    return lh_error_set(err, LH_ERROR_LAKE,
                        "cannot begin an upload to s3://%s/%s: the server gave no upload id", store->bucket,
                        full_key);
  }
  *id = creation.id;
  return LH_OK;
}

/* A request whose answer was lost may have begun an upload that nobody knows the id of. It is one to this key
 * that is as young as the request; `id`, which may be NULL, is not. */
static lh_status abort_lost(const struct lh_s3_store *store, const char *full_key, const char *id,
                            time_t begun, struct lh_arena *scratch, struct lh_error *err) {
  struct lh_s3_upload *uploads = NULL;
  size_t count = 0;
  char since[32];
  struct tm utc;
  gmtime_r(&begun, &utc);
  strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%S", &utc);
  LH_TRY(lh_s3_list_uploads(store, full_key, scratch, &uploads, &count, err));
  for (size_t i = 0; i < count; i++) {
    const bool is_ours = id != NULL && strcmp(uploads[i].id, id) == 0;
    if (!is_ours && strcmp(uploads[i].key, full_key) == 0 && strcmp(uploads[i].initiated, since) >= 0) {
      LH_TRY(lh_s3_upload_abort(store, full_key, uploads[i].id, err));
    }
  }
  return LH_OK;
}

lh_status lh_s3_upload_begin(const struct lh_s3_store *store, const char *full_key, struct lh_arena *arena,
                             const char **id, struct lh_error *err) {
  struct lh_arena scratch;
  struct lh_buf body;
  lh_arena_init(&scratch, 0);
  lh_buf_init(&body, LH_S3_ANSWER_MAX_BYTES);
  int attempts = 0;
  const time_t begun = time(NULL);
  const lh_status status = begin(store, full_key, arena, id, &attempts, &scratch, &body, err);
  if (attempts > 1) {
    /* What cannot be found now is left to gc. */
    struct lh_error ignored;
    const lh_status aborted =
        abort_lost(store, full_key, status == LH_OK ? *id : NULL, begun, &scratch, &ignored);
    (void)aborted;
  }
  lh_buf_clear(&body);
  lh_arena_clear(&scratch);
  return status;
}

/* -------- parts -------- */

static lh_status send_part(const struct lh_s3_store *store, const char *full_key, const char *id,
                           uint32_t number, const void *bytes, size_t size, const atomic_bool *cancelled,
                           struct lh_s3_part *out, struct lh_arena *arena, struct lh_buf *body,
                           struct lh_error *err) {
  char number_text[16];
  char checksum[LH_S3_CHECKSUM_TEXT_MAX];
  struct lh_http_header header;
  struct lh_http_response response;
  struct lh_store_tag tag;
  snprintf(number_text, sizeof(number_text), "%" PRIu32, number);
  const struct lh_s3_query query[] = {{"partNumber", number_text}, {"uploadId", id}};
  *out = (struct lh_s3_part){.size = size};
  if (store->tables != NULL) {
    out->checksum = lh_s3_checksum_of(store->s3.checksum, store->tables, bytes, size);
    lh_s3_checksum_text(store->s3.checksum, out->checksum, checksum);
    header = (struct lh_http_header){lh_s3_checksum_header(store->s3.checksum), checksum};
  }
  const struct lh_s3_request request = {
      .method = LH_HTTP_PUT,
      .key = full_key,
      .query = query,
      .query_count = 2,
      .headers = store->tables != NULL ? &header : NULL,
      .header_count = store->tables != NULL ? 1 : 0,
      .body = bytes,
      .body_size = size,
      .action = "write",
      .cancelled = cancelled,
  };
  LH_TRY(lh_s3_send(store, &request, body, arena, &response, err));
  LH_TRY(lh_s3_read_tag(store, &response, full_key, &tag, err));
  memcpy(out->etag, tag.text, sizeof(out->etag));
  return LH_OK;
}

lh_status lh_s3_upload_part(const struct lh_s3_store *store, const char *full_key, const char *id,
                            uint32_t number, const void *bytes, size_t size, const atomic_bool *cancelled,
                            struct lh_s3_part *out, struct lh_error *err) {
  struct lh_arena arena;
  struct lh_buf body;
  lh_arena_init(&arena, 0);
  lh_buf_init(&body, LH_S3_ANSWER_MAX_BYTES);
  const lh_status status =
      send_part(store, full_key, id, number, bytes, size, cancelled, out, &arena, &body, err);
  lh_buf_clear(&body);
  lh_arena_clear(&arena);
  return status;
}

/* -------- complete -------- */

static lh_status make_completion(const struct lh_s3_store *store, const struct lh_s3_part *parts,
                                 size_t count, struct lh_buf *out, struct lh_error *err) {
  char checksum[LH_S3_CHECKSUM_TEXT_MAX];
  const char *const algorithm = lh_s3_checksum_algorithm(store->s3.checksum);
  LH_TRY(lh_buf_append_str(out, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
                           err));
  for (size_t i = 0; i < count; i++) {
    LH_TRY(lh_buf_append_str(out, "<Part>", err));
    if (store->tables != NULL) {
      lh_s3_checksum_text(store->s3.checksum, parts[i].checksum, checksum);
      LH_TRY(lh_buf_printf(out, err, "<Checksum%s>%s</Checksum%s>", algorithm, checksum, algorithm));
    }
    LH_TRY(lh_buf_append_str(out, "<ETag>", err));
    LH_TRY(lh_s3_xml_append(out, parts[i].etag, err));
    LH_TRY(lh_buf_printf(out, err, "</ETag><PartNumber>%zu</PartNumber></Part>", i + 1));
  }
  return lh_buf_append_str(out, "</CompleteMultipartUpload>", err);
}

static uint64_t whole_checksum(const struct lh_s3_store *store, const struct lh_s3_part *parts,
                               size_t count) {
  uint64_t checksum = parts[0].checksum;
  for (size_t i = 1; i < count; i++) {
    checksum = lh_s3_checksum_join(store->s3.checksum, checksum, parts[i].checksum, parts[i].size);
  }
  return checksum;
}

/* Whether the object is there with the size of the parts: the completion that was repeated had arrived the
 * first time. Its key is of this run alone, so that size tells it. */
static lh_status is_complete(const struct lh_s3_store *store, const char *full_key,
                             const struct lh_s3_part *parts, size_t count, bool *out, struct lh_arena *arena,
                             struct lh_buf *body, struct lh_error *err) {
  struct lh_http_response response;
  uint64_t size = 0;
  for (size_t i = 0; i < count; i++) {
    size += parts[i].size;
  }
  char expected[24];
  snprintf(expected, sizeof(expected), "%" PRIu64, size);
  const struct lh_s3_request request = {
      .method = LH_HTTP_HEAD,
      .key = full_key,
      .action = "read",
      .accepted = lh_s3_not_found,
      .accepted_count = 1,
  };
  LH_TRY(lh_s3_send(store, &request, body, arena, &response, err));
  const char *const length = lh_http_response_header(&response, "content-length");
  *out = response.status == 200 && length != NULL && strcmp(length, expected) == 0;
  return LH_OK;
}

static lh_status complete(const struct lh_s3_store *store, const char *full_key, const char *id,
                          const struct lh_s3_part *parts, size_t count, const struct lh_buf *document,
                          struct lh_arena *arena, struct lh_buf *body, struct lh_error *err) {
  const struct lh_s3_query query = {"uploadId", id};
  char checksum[LH_S3_CHECKSUM_TEXT_MAX];
  struct lh_http_header headers[3] = {{"content-type", "application/xml"}};
  size_t header_count = 1;
  int attempts = 0;
  struct lh_http_response response;
  if (store->tables != NULL) {
    lh_s3_checksum_text(store->s3.checksum, whole_checksum(store, parts, count), checksum);
    headers[header_count++] = (struct lh_http_header){lh_s3_checksum_header(store->s3.checksum), checksum};
    headers[header_count++] = (struct lh_http_header){"x-amz-checksum-type", "FULL_OBJECT"};
  }
  const struct lh_s3_request request = {
      .method = LH_HTTP_POST,
      .key = full_key,
      .query = &query,
      .query_count = 1,
      .headers = headers,
      .header_count = header_count,
      .body = document->data,
      .body_size = document->len,
      .action = "complete",
      .error_in_success = true,
      .timeout_ms = COMPLETE_TIMEOUT_MS,
      .attempts = &attempts,
  };
  const lh_status status = lh_s3_send(store, &request, body, arena, &response, err);
  if (status == LH_ERROR_LAKE && attempts > 1 && strcmp(err->aws_code, "NoSuchUpload") == 0) {
    const struct lh_error first = *err;
    bool is_there = false;
    LH_TRY(is_complete(store, full_key, parts, count, &is_there, arena, body, err));
    if (!is_there) {
      *err = first;
    }
    return is_there ? LH_OK : first.code;
  }
  return status;
}

lh_status lh_s3_upload_complete(const struct lh_s3_store *store, const char *full_key, const char *id,
                                const struct lh_s3_part *parts, size_t count, struct lh_error *err) {
  struct lh_arena arena;
  struct lh_buf document;
  struct lh_buf body;
  lh_arena_init(&arena, 0);
  lh_buf_init(&document, REQUEST_MAX_BYTES);
  lh_buf_init(&body, LH_S3_ANSWER_MAX_BYTES);
  lh_status status = make_completion(store, parts, count, &document, err);
  if (status == LH_OK) {
    status = complete(store, full_key, id, parts, count, &document, &arena, &body, err);
  }
  lh_buf_clear(&body);
  lh_buf_clear(&document);
  lh_arena_clear(&arena);
  return status;
}

/* -------- abort -------- */

lh_status lh_s3_upload_abort(const struct lh_s3_store *store, const char *full_key, const char *id,
                             struct lh_error *err) {
  const struct lh_s3_query query = {"uploadId", id};
  const struct lh_s3_request request = {
      .method = LH_HTTP_DELETE,
      .key = full_key,
      .query = &query,
      .query_count = 1,
      .action = "abort the upload to",
      .accepted = lh_s3_not_found,
      .accepted_count = 1,
      .is_cleanup = true,
  };
  return lh_s3_tell(store, &request, err);
}

lh_status lh_s3_abort(struct lh_store *base, const struct lh_store_upload *upload, struct lh_error *err) {
  const struct lh_s3_store *const store = (const struct lh_s3_store *)base;
  struct lh_arena arena;
  lh_arena_init(&arena, 2048);
  const char *const full_key = lh_s3_full_key(store, upload->key, &arena);
  const lh_status status =
      full_key != NULL ? lh_s3_upload_abort(store, full_key, upload->id, err) : lh_error_memory(err);
  lh_arena_clear(&arena);
  return status;
}
