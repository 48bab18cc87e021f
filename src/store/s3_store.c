/* The `s3` driver: a lake below a prefix of a bucket. Opening it finds out where the bucket is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/s3.h"
#include "store/s3_access.h"

#define TAGGING_MAX_BYTES ((size_t)8 << 10)
#define BUCKET_MAX_BYTES 255

/* -------- where it is -------- */

static bool bucket_valid(const char *bucket) {
  const size_t length = strlen(bucket);
  return length > 0 && length <= BUCKET_MAX_BYTES && bucket[0] != '.' &&
         strspn(bucket, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == length;
}

/* "s3://bucket/a/b//" → "bucket", "a/b/". */
static lh_status split_location(struct lh_s3_store *store, const char *location, struct lh_error *err) {
  const char *const rest = location + strlen("s3://");
  const size_t length = strcspn(rest, "/");
  const char *prefix = rest + length;
  prefix += strspn(prefix, "/");
  size_t prefix_length = strlen(prefix);
  while (prefix_length > 0 && prefix[prefix_length - 1] == '/') {
    prefix_length--;
  }
  store->bucket = lh_arena_strndup(&store->arena, rest, length);
  char *const root = lh_arena_strndup(&store->arena, prefix, prefix_length);
  if (store->bucket == NULL || root == NULL) {
    return lh_error_memory(err);
  }
  if (!bucket_valid(store->bucket)) {
    /* Not the name itself: what stands before an @ may be a secret. */
    lh_error_set(err, LH_ERROR_UNSUPPORTED, "the s3:// location does not begin with a bucket's name");
    lh_error_hint(err, "write it as s3://bucket/prefix; credentials come from the environment or a profile");
    return LH_ERROR_UNSUPPORTED;
  }
  if (prefix_length > 0 && !lh_store_key_valid(root)) {
    return lh_error_set(err, LH_ERROR_LAKE, "s3://%s/%s: the prefix has empty or dotted parts", store->bucket,
                        root);
  }
  store->prefix = prefix_length > 0 ? lh_arena_printf(&store->arena, "%s/", root) : "";
  store->base.root =
      lh_arena_printf(&store->arena, prefix_length > 0 ? "s3://%s/%s" : "s3://%s", store->bucket, root);
  return store->prefix != NULL && store->base.root != NULL ? LH_OK : lh_error_memory(err);
}

static const char *copy_text(struct lh_s3_store *store, const char *text, bool *failed) {
  const char *const copy = text != NULL ? lh_arena_strdup(&store->arena, text) : NULL;
  *failed = *failed || (text != NULL && copy == NULL);
  return copy;
}

static lh_status make_tagging(struct lh_s3_store *store, const struct lh_s3_settings *settings,
                              struct lh_error *err) {
  struct lh_buf text;
  lh_status status = LH_OK;
  lh_buf_init(&text, TAGGING_MAX_BYTES);
  for (size_t i = 0; i < settings->tag_count && status == LH_OK; i++) {
    status = i > 0 ? lh_buf_append_byte(&text, '&', err) : LH_OK;
    if (status == LH_OK) {
      status = lh_http_append_encoded(&text, settings->tags[i].key, false, err);
    }
    if (status == LH_OK) {
      status = lh_buf_append_byte(&text, '=', err);
    }
    if (status == LH_OK) {
      status = lh_http_append_encoded(&text, settings->tags[i].value, false, err);
    }
  }
  if (status == LH_OK && text.len > 0) {
    store->tagging = lh_arena_strndup(&store->arena, (const char *)text.data, text.len);
    status = store->tagging != NULL ? LH_OK : lh_error_memory(err);
  }
  lh_buf_clear(&text);
  return status;
}

/* The store outlives what the settings were read into. */
static lh_status copy_settings(struct lh_s3_store *store, const struct lh_store_options *options,
                               struct lh_error *err) {
  bool failed = false;
  if (options->aws != NULL) {
    store->aws.profile = copy_text(store, options->aws->profile, &failed);
    store->aws.region = copy_text(store, options->aws->region, &failed);
  }
  if (options->s3 != NULL) {
    store->s3 = *options->s3;
    store->s3.endpoint = copy_text(store, options->s3->endpoint, &failed);
    store->s3.kms_key = copy_text(store, options->s3->kms_key, &failed);
    store->s3.tags = NULL;
    store->s3.tag_count = 0;
    LH_TRY(make_tagging(store, options->s3, err));
  }
  if (store->s3.checksum != LH_S3_CHECKSUM_NONE) {
    struct lh_s3_checksum_tables *const tables = LH_ARENA_NEW(&store->arena, struct lh_s3_checksum_tables);
    failed = failed || tables == NULL;
    if (tables != NULL) {
      lh_s3_checksum_prepare(tables);
    }
    store->tables = tables;
  }
  return failed ? lh_error_memory(err) : LH_OK;
}

/* https://bucket.host/ for AWS, whose certificates do not cover a bucket with dots; https://host/bucket/ for
 * other servers, which seldom have names for buckets. */
static lh_status make_url(struct lh_s3_store *store, struct lh_error *err) {
  const char *const endpoint = lh_aws_client_endpoint(store->client);
  const char *const host = strstr(endpoint, "://");
  store->is_path_style = store->s3.addressing == LH_S3_ADDRESSING_PATH;
  if (store->s3.addressing == LH_S3_ADDRESSING_AUTO) {
    store->is_path_style = !lh_aws_client_is_aws(store->client) || strchr(store->bucket, '.') != NULL;
  }
  if (store->is_path_style || host == NULL) {
    store->url = lh_arena_printf(&store->arena, "%s/%s", endpoint, store->bucket);
  } else {
    store->url = lh_arena_printf(&store->arena, "%.*s://%s.%s", (int)(host - endpoint), endpoint,
                                 store->bucket, host + strlen("://"));
  }
  return store->url != NULL ? LH_OK : lh_error_memory(err);
}

static lh_status open_clients(struct lh_s3_store *store, const atomic_bool *cancelled, struct lh_error *err) {
  LH_TRY(lh_aws_provider_open(&store->aws, LH_ERROR_LAKE, &store->provider, err));
  struct lh_aws_client_options options = {
      .service = "s3",
      .endpoint = store->s3.endpoint,
      .failure = LH_ERROR_LAKE,
      .provider = store->provider,
      .cancelled = cancelled,
  };
  LH_TRY(lh_aws_client_open(&options, &store->client, err));
  options.cancelled = NULL;
  LH_TRY(lh_aws_client_open(&options, &store->cleaner, err));
  return make_url(store, err);
}

static lh_status take_listing(void *context, const char *parent, const char *name, const char *text,
                              struct lh_error *err) {
  bool *const is_listing = context;
  (void)name;
  (void)text;
  (void)err;
  *is_listing = *is_listing || strcmp(parent, "ListBucketResult") == 0;
  return LH_OK;
}

/* Other web servers have answers to everything, too. */
static lh_status check_listing(const struct lh_s3_store *store, const struct lh_buf *body,
                               struct lh_error *err) {
  bool is_listing = false;
  const struct lh_s3_xml reader = {.context = &is_listing, .leaf = take_listing};
  const lh_status status = lh_s3_xml_read(&reader, body, "the list of objects", err);
  if (status == LH_ERROR_MEMORY || (status == LH_OK && is_listing)) {
    return status;
  }
  lh_error_set(err, LH_ERROR_LAKE, "cannot open %s: what answers at %s is no S3 service", store->base.root,
               lh_aws_client_endpoint(store->client));
  lh_error_hint(err, "check the endpoint");
  return LH_ERROR_LAKE;
}

/* Asks for at most one key: whether the bucket is there and may be listed. The client learns of its region on
 * the way. */
static lh_status find_bucket(struct lh_s3_store *store, struct lh_error *err) {
  const struct lh_s3_query query[] = {{"list-type", "2"}, {"max-keys", "1"}, {"prefix", store->prefix}};
  const struct lh_s3_request request = {
      .method = LH_HTTP_GET, .query = query, .query_count = 3, .action = "open"};
  struct lh_arena arena;
  struct lh_buf body;
  struct lh_http_response response;
  lh_arena_init(&arena, 0);
  lh_buf_init(&body, LH_S3_ANSWER_MAX_BYTES);
  lh_status status = lh_s3_send(store, &request, &body, &arena, &response, err);
  if (status == LH_OK) {
    status = check_listing(store, &body, err);
  }
  lh_buf_clear(&body);
  lh_arena_clear(&arena);
  LH_TRY(status);
  LH_TRY(lh_aws_client_set_region(store->cleaner, lh_aws_client_region(store->client), err));
  return make_url(store, err);
}

static void s3_free(struct lh_store *base) {
  struct lh_s3_store *const store = (struct lh_s3_store *)base;
  lh_aws_client_free(store->client);
  lh_aws_client_free(store->cleaner);
  lh_aws_provider_free(store->provider);
  lh_arena_clear(&store->arena);
  free(store);
}

static lh_status start(struct lh_s3_store *store, const char *location,
                       const struct lh_store_options *options, struct lh_error *err) {
  LH_TRY(split_location(store, location, err));
  LH_TRY(copy_settings(store, options, err));
  LH_TRY(open_clients(store, options->cancelled, err));
  return find_bucket(store, err);
}

/* The bucket must be there already; a prefix needs no creation. */
static lh_status s3_open(const char *location, const struct lh_store_options *options, struct lh_store **out,
                         struct lh_error *err) {
  struct lh_s3_store *const store = calloc(1, sizeof(*store));
  *out = NULL;
  if (store == NULL) {
    return lh_error_memory(err);
  }
  store->base.driver = &lh_store_s3_driver;
  store->base.upload_bytes = LH_S3_UPLOAD_USUAL_BYTES;
  lh_arena_init(&store->arena, 0);
  const lh_status status = start(store, location, options, err);
  if (status != LH_OK) {
    s3_free(&store->base);
    return status;
  }
  *out = &store->base;
  return LH_OK;
}

static const char *s3_locate(const struct lh_store *base, const char *key, struct lh_arena *arena) {
  const struct lh_s3_store *const store = (const struct lh_s3_store *)base;
  return lh_arena_printf(arena, "s3://%s/%s%s", store->bucket, store->prefix, key);
}

bool lh_store_is_s3(const struct lh_store *store) {
  return store->driver == &lh_store_s3_driver;
}

lh_status lh_store_s3_access(struct lh_store *base, struct lh_arena *arena, struct lh_store_s3_access *out,
                             struct lh_error *err) {
  const struct lh_s3_store *const store = (const struct lh_s3_store *)base;
  const char *const endpoint = lh_aws_client_endpoint(store->client);
  const char *const host = strstr(endpoint, "://");
  *out = (struct lh_store_s3_access){
      .bucket = store->bucket,
      .endpoint = host != NULL ? host + strlen("://") : endpoint,
      .uses_tls = strncmp(endpoint, "https://", strlen("https://")) == 0,
      .is_path_style = store->is_path_style,
      .region = lh_aws_client_region(store->client),
  };
  LH_TRY(lh_aws_provider_get(store->provider, arena, &out->credentials, err));
  out->source = lh_arena_strdup(arena, lh_aws_provider_source(store->provider));
  if (out->source == NULL) {
    lh_aws_credentials_wipe(&out->credentials);
    return lh_error_memory(err);
  }
  return LH_OK;
}

/* -------- small objects -------- */

static lh_status get_with(const struct lh_s3_store *store, const char *key, struct lh_buf *out, bool *found,
                          struct lh_store_tag *tag, struct lh_arena *arena, struct lh_error *err) {
  const char *const full_key = lh_s3_full_key(store, key, arena);
  struct lh_http_response response;
  if (full_key == NULL) {
    return lh_error_memory(err);
  }
  const struct lh_s3_request request = {
      .method = LH_HTTP_GET,
      .key = full_key,
      .action = "read",
      .accepted = lh_s3_not_found,
      .accepted_count = 1,
  };
  const size_t length = out->len;
  LH_TRY(lh_s3_send(store, &request, out, arena, &response, err));
  *found = response.status != 404;
  if (!*found) {
    out->len = length; /* without the error document */
    return LH_OK;
  }
  return tag != NULL ? lh_s3_read_tag(store, &response, full_key, tag, err) : LH_OK;
}

static lh_status s3_get(struct lh_store *base, const char *key, struct lh_buf *out, bool *found,
                        struct lh_store_tag *tag, struct lh_error *err) {
  struct lh_arena arena;
  *found = false;
  lh_arena_init(&arena, 0);
  const lh_status status = get_with((const struct lh_s3_store *)base, key, out, found, tag, &arena, err);
  lh_arena_clear(&arena);
  return status;
}

/* DeleteObject by ETag; servers that do not know that condition are asked for the ETag first. */
static lh_status remove_if(const struct lh_s3_store *store, const char *full_key,
                           const struct lh_store_tag *before, bool *removed, struct lh_arena *arena,
                           struct lh_buf *body, struct lh_error *err) {
  struct lh_http_response response;
  const struct lh_s3_request look = {
      .method = LH_HTTP_HEAD,
      .key = full_key,
      .action = "read",
      .accepted = lh_s3_not_found,
      .accepted_count = 1,
  };
  LH_TRY(lh_s3_send(store, &look, body, arena, &response, err));
  const char *const etag = lh_http_response_header(&response, "etag");
  if (response.status == 404 || etag == NULL || strcmp(etag, before->text) != 0) {
    return LH_OK;
  }
  static const int refused[] = {404, 409, 412, 501};
  const struct lh_http_header condition = {"if-match", before->text};
  struct lh_s3_request request = {
      .method = LH_HTTP_DELETE,
      .key = full_key,
      .headers = &condition,
      .header_count = 1,
      .action = "remove",
      .accepted = refused,
      .accepted_count = 4,
  };
  LH_TRY(lh_s3_send(store, &request, body, arena, &response, err));
  if (response.status == 501) {
    request.header_count = 0; /* what was just seen has to do */
    request.accepted_count = 3;
    LH_TRY(lh_s3_send(store, &request, body, arena, &response, err));
  }
  *removed = response.status < 300;
  return LH_OK;
}

static lh_status replace_with(const struct lh_s3_store *store, const char *key, const void *bytes,
                              size_t size, const struct lh_store_tag *before, struct lh_store_tag *after,
                              bool *replaced, struct lh_arena *arena, struct lh_error *err) {
  const char *const full_key = lh_s3_full_key(store, key, arena);
  if (full_key == NULL) {
    return lh_error_memory(err);
  }
  if (bytes != NULL) {
    const bool is_new = before->text[0] == '\0';
    const struct lh_http_header condition = {is_new ? "if-none-match" : "if-match",
                                             is_new ? "*" : before->text};
    return lh_s3_put(store, full_key, bytes, size, &condition, after, replaced, err);
  }
  struct lh_buf body;
  lh_buf_init(&body, LH_S3_ANSWER_MAX_BYTES);
  const lh_status status = remove_if(store, full_key, before, replaced, arena, &body, err);
  lh_buf_clear(&body);
  return status;
}

static lh_status s3_replace(struct lh_store *base, const char *key, const void *bytes, size_t size,
                            const struct lh_store_tag *before, struct lh_store_tag *after, bool *replaced,
                            struct lh_error *err) {
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  const lh_status status =
      replace_with((const struct lh_s3_store *)base, key, bytes, size, before, after, replaced, &arena, err);
  lh_arena_clear(&arena);
  return status;
}

const struct lh_store_driver lh_store_s3_driver = {
    .least_upload_bytes = LH_S3_PART_LEAST_BYTES,
    .most_upload_bytes = LH_S3_UPLOAD_MOST_BYTES,
    .open = s3_open,
    .free = s3_free,
    .locate = s3_locate,
    .create = lh_s3_create,
    .open_object = lh_s3_open_object,
    .get = s3_get,
    .replace = s3_replace,
    .list = lh_s3_list,
    .remove = lh_s3_remove,
    .list_uploads = lh_s3_uploads,
    .abort_upload = lh_s3_abort,
    .lock = lh_s3_lock,
    .unlock = lh_s3_unlock,
};
