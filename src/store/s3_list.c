/* Listings: ListObjectsV2 and ListMultipartUploads, page after page. */
#include <stdlib.h>
#include <string.h>

#include "store/s3.h"

static int hex_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Keys come percent-encoded where the answer says so, since XML cannot hold every character. In place. */
static void decode_key(char *key) {
  char *to = key;
  for (const char *from = key; *from != '\0'; from++) {
    const int high = from[0] == '%' ? hex_value(from[1]) : -1;
    const int low = high >= 0 ? hex_value(from[2]) : -1;
    if (low >= 0) {
      *to++ = (char)(high * 16 + low);
      from += 2;
    } else {
      *to++ = *from == '+' ? ' ' : *from;
    }
  }
  *to = '\0';
}

/* What is no listing, or stops without saying where the next page begins, would look as if nothing (more)
 * were there: a lock would be granted that another holds. `before` and `next` are where this page and the
 * next one begin; NULL: nowhere. */
static lh_status check_page(const struct lh_s3_store *store, bool is_listing, bool is_truncated,
                            const char *before, const char *next, struct lh_error *err) {
  if (!is_listing) {
    lh_error_set(err, LH_ERROR_LAKE, "list %s: the answer is no listing", store->base.root);
    lh_error_hint(err, "is the endpoint that of an S3 service?");
    return err->code;
  }
  const bool goes_on = next != NULL && (before == NULL || strcmp(before, next) != 0);
  return is_truncated && !goes_on
             ? lh_error_set(err, LH_ERROR_LAKE, "list %s: the listing breaks off", store->base.root)
             : LH_OK;
}

/* -------- objects -------- */

struct page {
  struct lh_arena arena;
  struct lh_s3_object *objects;
  size_t count, capacity;
  struct lh_s3_object current;
  bool is_listing, is_encoded, is_truncated;
  const char *next_token;
};

static lh_status page_leaf(void *context, const char *parent, const char *name, const char *text,
                           struct lh_error *err) {
  struct page *const page = context;
  const char **field = NULL;
  if (strcmp(parent, "Contents") == 0) {
    if (strcmp(name, "Key") == 0) {
      field = &page->current.key;
    } else if (strcmp(name, "LastModified") == 0) {
      field = &page->current.modified;
    } else if (strcmp(name, "Size") == 0) {
      page->current.size_bytes = strtoull(text, NULL, 10);
    }
  } else if (strcmp(parent, "CommonPrefixes") == 0 && strcmp(name, "Prefix") == 0) {
    field = &page->current.key;
  } else if (strcmp(name, "NextContinuationToken") == 0) {
    field = &page->next_token;
  } else if (strcmp(name, "IsTruncated") == 0) {
    page->is_truncated = strcmp(text, "true") == 0;
  } else if (strcmp(name, "EncodingType") == 0) {
    page->is_encoded = strcmp(text, "url") == 0;
  }
  if (field != NULL) {
    *field = lh_arena_strdup(&page->arena, text);
    return *field != NULL ? LH_OK : lh_error_memory(err);
  }
  return LH_OK;
}

static lh_status page_end(void *context, const char *name, struct lh_error *err) {
  struct page *const page = context;
  const bool is_prefix = strcmp(name, "CommonPrefixes") == 0;
  page->is_listing = strcmp(name, "ListBucketResult") == 0; /* the root ends last */
  if (!is_prefix && strcmp(name, "Contents") != 0) {
    return LH_OK;
  }
  if (page->current.key != NULL) {
    void *const objects =
        lh_arena_grow(&page->arena, page->objects, page->count, &page->capacity, sizeof(*page->objects));
    if (objects == NULL) {
      return lh_error_memory(err);
    }
    page->objects = objects;
    page->current.is_prefix = is_prefix;
    page->objects[page->count++] = page->current;
  }
  page->current = (struct lh_s3_object){0};
  return LH_OK;
}

static lh_status read_page(const struct lh_s3_store *store, const char *prefix, bool delimited,
                           const char *token, struct page *page, struct lh_buf *body, struct lh_error *err) {
  struct lh_s3_query query[5];
  size_t count = 0;
  struct lh_http_response response;
  if (token != NULL) {
    query[count++] = (struct lh_s3_query){"continuation-token", token};
  }
  if (delimited) {
    query[count++] = (struct lh_s3_query){"delimiter", "/"};
  }
  query[count++] = (struct lh_s3_query){"encoding-type", "url"};
  query[count++] = (struct lh_s3_query){"list-type", "2"};
  query[count++] = (struct lh_s3_query){"prefix", prefix};
  const struct lh_s3_request request = {
      .method = LH_HTTP_GET, .query = query, .query_count = count, .action = "list"};
  LH_TRY(lh_s3_send(store, &request, body, &page->arena, &response, err));
  const struct lh_s3_xml reader = {.context = page, .leaf = page_leaf, .end = page_end};
  LH_TRY(lh_s3_xml_read(&reader, body, "the answer to ListObjectsV2", err));
  LH_TRY(check_page(store, page->is_listing, page->is_truncated, token, page->next_token, err));
  for (size_t i = 0; i < page->count && page->is_encoded; i++) {
    decode_key((char *)page->objects[i].key);
  }
  return LH_OK;
}

lh_status lh_s3_list_pages(const struct lh_s3_store *store, const char *prefix, bool delimited,
                           lh_s3_page_function *take, void *context, struct lh_error *err) {
  struct lh_buf body;
  struct lh_buf token;
  lh_status status = LH_OK;
  bool more = true;
  const char *token_text = NULL;
  lh_buf_init(&body, LH_S3_ANSWER_MAX_BYTES);
  lh_buf_init(&token, LH_S3_ANSWER_MAX_BYTES);
  while (status == LH_OK && more) {
    struct page page = {0};
    lh_arena_init(&page.arena, 0);
    lh_buf_reset(&body);
    status = read_page(store, prefix, delimited, token_text, &page, &body, err);
    if (status == LH_OK && page.count > 0) {
      status = take(context, page.objects, page.count, err);
    }
    more = page.is_truncated;
    if (status == LH_OK && more) {
      lh_buf_reset(&token);
      status = lh_buf_append_str(&token, page.next_token, err);
      if (status == LH_OK) {
        status = lh_buf_cstr(&token, &token_text, err);
      }
    }
    lh_arena_clear(&page.arena);
  }
  lh_buf_clear(&token);
  lh_buf_clear(&body);
  return status;
}

/* -------- the driver's list -------- */

struct entries {
  struct lh_arena *arena;
  size_t prefix_length; /* that names begin after */
  struct lh_store_entry *list;
  size_t count, capacity;
};

static lh_status take_entries(void *context, const struct lh_s3_object *objects, size_t count,
                              struct lh_error *err) {
  struct entries *const entries = context;
  for (size_t i = 0; i < count; i++) {
    const char *const name = objects[i].key + entries->prefix_length;
    const size_t length = strcspn(name, "/");
    /* Some programs put an empty object where a directory would be. */
    if (strlen(objects[i].key) <= entries->prefix_length || name[0] == '.' || length == 0) {
      continue;
    }
    void *const list = lh_arena_grow(entries->arena, entries->list, entries->count, &entries->capacity,
                                     sizeof(*entries->list));
    if (list == NULL) {
      return lh_error_memory(err);
    }
    entries->list = list;
    const char *const copy = lh_arena_strndup(entries->arena, name, length);
    if (copy == NULL) {
      return lh_error_memory(err);
    }
    entries->list[entries->count++] = (struct lh_store_entry){
        .name = copy, .is_prefix = objects[i].is_prefix, .size_bytes = objects[i].size_bytes};
  }
  return LH_OK;
}

lh_status lh_s3_list(struct lh_store *base, const char *prefix, struct lh_arena *arena,
                     struct lh_store_entry **out, size_t *count, struct lh_error *err) {
  const struct lh_s3_store *const store = (const struct lh_s3_store *)base;
  const char *const full_prefix =
      lh_arena_printf(arena, "%s%s%s", store->prefix, prefix, prefix[0] != '\0' ? "/" : "");
  if (full_prefix == NULL) {
    return lh_error_memory(err);
  }
  struct entries entries = {.arena = arena, .prefix_length = strlen(full_prefix)};
  LH_TRY(lh_s3_list_pages(store, full_prefix, true, take_entries, &entries, err));
  *out = entries.list;
  *count = entries.count;
  return LH_OK;
}

/* -------- uploads -------- */

struct uploads {
  struct lh_arena *arena;
  struct lh_s3_upload *list;
  size_t count, capacity;
  size_t page_begin; /* of the page's in the list */
  struct lh_s3_upload current;
  bool is_listing, is_encoded, is_truncated;
  const char *next_key, *next_id;
};

static lh_status upload_leaf(void *context, const char *parent, const char *name, const char *text,
                             struct lh_error *err) {
  struct uploads *const uploads = context;
  const struct {
    const char *parent, *name;
    const char **field;
  } fields[] = {
      {"Upload", "Key", &uploads->current.key},
      {"Upload", "UploadId", &uploads->current.id},
      {"Upload", "Initiated", &uploads->current.initiated},
      {"ListMultipartUploadsResult", "NextKeyMarker", &uploads->next_key},
      {"ListMultipartUploadsResult", "NextUploadIdMarker", &uploads->next_id},
  };
  for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
    if (strcmp(parent, fields[i].parent) == 0 && strcmp(name, fields[i].name) == 0) {
      *fields[i].field = lh_arena_strdup(uploads->arena, text);
      return *fields[i].field != NULL ? LH_OK : lh_error_memory(err);
    }
  }
  if (strcmp(name, "IsTruncated") == 0) {
    uploads->is_truncated = strcmp(text, "true") == 0;
  } else if (strcmp(name, "EncodingType") == 0) {
    uploads->is_encoded = strcmp(text, "url") == 0;
  }
  return LH_OK;
}

static lh_status upload_end(void *context, const char *name, struct lh_error *err) {
  struct uploads *const uploads = context;
  uploads->is_listing = strcmp(name, "ListMultipartUploadsResult") == 0;
  if (strcmp(name, "Upload") != 0) {
    return LH_OK;
  }
  if (uploads->current.key != NULL && uploads->current.id != NULL) {
    void *const list = lh_arena_grow(uploads->arena, uploads->list, uploads->count, &uploads->capacity,
                                     sizeof(*uploads->list));
    if (list == NULL) {
      return lh_error_memory(err);
    }
    uploads->list = list;
    if (uploads->current.initiated == NULL) {
      uploads->current.initiated = "";
    }
    uploads->list[uploads->count++] = uploads->current;
  }
  uploads->current = (struct lh_s3_upload){0};
  return LH_OK;
}

static lh_status read_uploads(const struct lh_s3_store *store, const char *prefix, struct uploads *uploads,
                              struct lh_buf *body, struct lh_error *err) {
  struct lh_s3_query query[5];
  size_t count = 0;
  struct lh_http_response response;
  query[count++] = (struct lh_s3_query){"encoding-type", "url"};
  if (uploads->next_key != NULL) {
    query[count++] = (struct lh_s3_query){"key-marker", uploads->next_key};
  }
  query[count++] = (struct lh_s3_query){"prefix", prefix};
  if (uploads->next_key != NULL && uploads->next_id != NULL) {
    query[count++] = (struct lh_s3_query){"upload-id-marker", uploads->next_id};
  }
  query[count++] = (struct lh_s3_query){"uploads", ""};
  const struct lh_s3_request request = {
      .method = LH_HTTP_GET, .query = query, .query_count = count, .action = "list uploads to"};
  LH_TRY(lh_s3_send(store, &request, body, uploads->arena, &response, err));
  const char *const key_before = uploads->next_key;
  const char *const id_before = uploads->next_id;
  uploads->next_key = NULL;
  uploads->next_id = NULL;
  uploads->is_truncated = false;
  uploads->is_encoded = false;
  uploads->page_begin = uploads->count;
  const struct lh_s3_xml reader = {.context = uploads, .leaf = upload_leaf, .end = upload_end};
  LH_TRY(lh_s3_xml_read(&reader, body, "the answer to ListMultipartUploads", err));
  const bool is_same_key =
      id_before == NULL || uploads->next_id == NULL || strcmp(id_before, uploads->next_id) == 0;
  LH_TRY(check_page(store, uploads->is_listing, uploads->is_truncated, is_same_key ? key_before : NULL,
                    uploads->next_key, err));
  for (size_t i = uploads->page_begin; i < uploads->count && uploads->is_encoded; i++) {
    decode_key((char *)uploads->list[i].key);
  }
  if (uploads->is_encoded && uploads->next_key != NULL) {
    decode_key((char *)uploads->next_key);
  }
  return LH_OK;
}

lh_status lh_s3_list_uploads(const struct lh_s3_store *store, const char *prefix, struct lh_arena *arena,
                             struct lh_s3_upload **out, size_t *count, struct lh_error *err) {
  struct uploads uploads = {.arena = arena, .is_truncated = true};
  struct lh_buf body;
  lh_status status = LH_OK;
  bool more = true;
  lh_buf_init(&body, LH_S3_ANSWER_MAX_BYTES);
  while (status == LH_OK && more) {
    lh_buf_reset(&body);
    status = read_uploads(store, prefix, &uploads, &body, err);
    more = uploads.is_truncated;
  }
  lh_buf_clear(&body);
  *out = uploads.list;
  *count = uploads.count;
  return status;
}

lh_status lh_s3_uploads(struct lh_store *base, const char *prefix, struct lh_arena *arena,
                        struct lh_store_upload **out, size_t *count, struct lh_error *err) {
  const struct lh_s3_store *const store = (const struct lh_s3_store *)base;
  const size_t prefix_length = strlen(store->prefix);
  struct lh_s3_upload *found = NULL;
  size_t found_count = 0;
  const char *const below =
      lh_arena_printf(arena, "%s%s%s", store->prefix, prefix, prefix[0] != '\0' ? "/" : "");
  if (below == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(lh_s3_list_uploads(store, below, arena, &found, &found_count, err));
  struct lh_store_upload *const uploads = LH_ARENA_ARRAY(arena, struct lh_store_upload, found_count);
  if (uploads == NULL) {
    return lh_error_memory(err);
  }
  size_t kept = 0;
  for (size_t i = 0; i < found_count; i++) {
    const char *const key = found[i].key + prefix_length;
    if (strncmp(found[i].key, store->prefix, prefix_length) == 0 && lh_store_key_valid(key)) {
      uploads[kept++] =
          (struct lh_store_upload){.key = key, .id = found[i].id, .begun_at = found[i].initiated};
    }
  }
  *out = uploads;
  *count = kept;
  return LH_OK;
}
