/* Sources over objects of S3: HEAD for the size, then ranged GETs of the state that HEAD has seen. The end of
 * an object, where Parquet has its footer, is read once and kept. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/s3.h"

#define TAIL_BYTES ((uint64_t)64 << 10)

struct s3_source {
  struct lh_source base;
  const struct lh_s3_store *store;
  struct lh_arena arena;
  const char *key; /* in the bucket */
  const char *etag;
  uint8_t *tail; /* the last bytes; NULL until they are asked for */
  uint64_t tail_offset;
};

static lh_status fetch(struct s3_source *source, uint64_t offset, size_t size, struct lh_buf *body,
                       struct lh_arena *arena, struct lh_error *err) {
  char range[64];
  struct lh_http_response response;
  snprintf(range, sizeof(range), "bytes=%" PRIu64 "-%" PRIu64, offset, offset + size - 1);
  const struct lh_http_header headers[] = {{"range", range}, {"if-match", source->etag}};
  static const int changed[] = {404, 412};
  const struct lh_s3_request request = {
      .method = LH_HTTP_GET,
      .key = source->key,
      .headers = headers,
      .header_count = 2,
      .action = "read",
      .accepted = changed,
      .accepted_count = 2,
  };
  LH_TRY(lh_s3_send(source->store, &request, body, arena, &response, err));
  if (response.status >= 300) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "%s was removed or replaced while it was read",
                        source->base.name);
  }
  if (body->len != size) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "%s: the server sent %zu bytes of the %zu asked for",
                        source->base.name, body->len, size);
  }
  return LH_OK;
}

static lh_status read_range(struct s3_source *source, uint64_t offset, void *bytes, size_t size,
                            struct lh_error *err) {
  struct lh_arena arena;
  struct lh_buf body;
  lh_arena_init(&arena, 0);
  /* An error's document needs room, too. */
  lh_buf_init(&body, size + ((size_t)64 << 10));
  const lh_status status = fetch(source, offset, size, &body, &arena, err);
  if (status == LH_OK) {
    memcpy(bytes, body.data, size);
  }
  lh_buf_clear(&body);
  lh_arena_clear(&arena);
  return status;
}

static lh_status read_tail(struct s3_source *source, struct lh_error *err) {
  const uint64_t size = source->base.size_bytes - source->tail_offset;
  uint8_t *const tail = lh_arena_alloc(&source->arena, (size_t)size);
  if (tail == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(read_range(source, source->tail_offset, tail, (size_t)size, err));
  source->tail = tail;
  return LH_OK;
}

static lh_status source_read_at(struct lh_source *base, uint64_t offset, void *bytes, size_t size,
                                struct lh_error *err) {
  struct s3_source *const source = (struct s3_source *)base;
  if (size > base->size_bytes || offset > base->size_bytes - size) {
    return lh_error_set(err, LH_ERROR_CORRUPT,
                        "%s ends too early: %zu bytes wanted at byte %llu of an object of %llu bytes",
                        base->name, size, (unsigned long long)offset, (unsigned long long)base->size_bytes);
  }
  if (size == 0) {
    return LH_OK;
  }
  if (offset < source->tail_offset) {
    return read_range(source, offset, bytes, size, err);
  }
  if (source->tail == NULL) {
    LH_TRY(read_tail(source, err));
  }
  memcpy(bytes, source->tail + (offset - source->tail_offset), size);
  return LH_OK;
}

static void source_free(struct lh_source *base) {
  struct s3_source *const source = (struct s3_source *)base;
  lh_arena_clear(&source->arena);
  free(source);
}

static const struct lh_source_ops s3_source_ops = {
    .read_at = source_read_at,
    .free = source_free,
};

static lh_status look(struct s3_source *source, struct lh_arena *arena, struct lh_buf *body,
                      struct lh_error *err) {
  struct lh_http_response response;
  const struct lh_s3_request request = {
      .method = LH_HTTP_HEAD,
      .key = source->key,
      .action = "read",
      .accepted = lh_s3_not_found,
      .accepted_count = 1,
  };
  LH_TRY(lh_s3_send(source->store, &request, body, arena, &response, err));
  if (response.status == 404) {
    lh_error_set(err, LH_ERROR_LAKE, "cannot read %s: there is no such object", source->base.name);
    err->http_status = response.status;
    return LH_ERROR_LAKE;
  }
  const char *const length = lh_http_response_header(&response, "content-length");
  char *end = NULL;
  source->base.size_bytes = length != NULL ? strtoull(length, &end, 10) : 0;
  if (length == NULL || end == length || *end != '\0') {
    return lh_error_set(err, LH_ERROR_LAKE, "cannot read %s: the server does not say its size",
                        source->base.name);
  }
  struct lh_store_tag tag;
  LH_TRY(lh_s3_read_tag(source->store, &response, source->key, &tag, err));
  source->etag = lh_arena_strdup(&source->arena, tag.text);
  return source->etag != NULL ? LH_OK : lh_error_memory(err);
}

static lh_status start(struct s3_source *source, const char *key, struct lh_error *err) {
  struct lh_arena arena;
  struct lh_buf body;
  source->key = lh_s3_full_key(source->store, key, &source->arena);
  if (source->key == NULL) {
    return lh_error_memory(err);
  }
  source->base.name = lh_s3_name(source->store, source->key, &source->arena);
  if (source->base.name == NULL) {
    return lh_error_memory(err);
  }
  lh_arena_init(&arena, 0);
  lh_buf_init(&body, LH_S3_ANSWER_MAX_BYTES);
  const lh_status status = look(source, &arena, &body, err);
  lh_buf_clear(&body);
  lh_arena_clear(&arena);
  source->tail_offset = source->base.size_bytes > TAIL_BYTES ? source->base.size_bytes - TAIL_BYTES : 0;
  return status;
}

lh_status lh_s3_open_object(struct lh_store *base, const char *key, struct lh_source **out,
                            struct lh_error *err) {
  struct s3_source *const source = calloc(1, sizeof(*source));
  *out = NULL;
  if (source == NULL) {
    return lh_error_memory(err);
  }
  source->base.ops = &s3_source_ops;
  source->store = (const struct lh_s3_store *)base;
  lh_arena_init(&source->arena, 0);
  const lh_status status = start(source, key, err);
  if (status != LH_OK) {
    source_free(&source->base);
    return status;
  }
  *out = &source->base;
  return LH_OK;
}
