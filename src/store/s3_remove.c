/* Removing and measuring what lies below a prefix: DeleteObjects in batches as the listing goes on, and
 * uploads that were left unfinished. */
#include <openssl/evp.h>
#include <string.h>

#include "store/s3.h"

#define REQUEST_MAX_BYTES ((size_t)8 << 20)
#define BATCH_MAX 1000

struct removal {
  const struct lh_s3_store *store;
  const char *path; /* the prefix without '/' at its end */
  bool dry_run;
  uint64_t files, bytes;
};

/* -------- DeleteObjects -------- */

struct refusal {
  char key[256];
  char code[64];
  char message[256];
  bool is_complete;
};

static void copy_text(char *out, size_t size, const char *text) {
  const size_t length = strnlen(text, size - 1);
  memcpy(out, text, length);
  out[length] = '\0';
}

static lh_status refusal_leaf(void *context, const char *parent, const char *name, const char *text,
                              struct lh_error *err) {
  struct refusal *const refusal = context;
  (void)err;
  if (refusal->is_complete || strcmp(parent, "Error") != 0) {
    return LH_OK;
  }
  if (strcmp(name, "Key") == 0) {
    copy_text(refusal->key, sizeof(refusal->key), text);
  } else if (strcmp(name, "Code") == 0) {
    copy_text(refusal->code, sizeof(refusal->code), text);
  } else if (strcmp(name, "Message") == 0) {
    copy_text(refusal->message, sizeof(refusal->message), text);
  }
  return LH_OK;
}

static lh_status refusal_end(void *context, const char *name, struct lh_error *err) {
  struct refusal *const refusal = context;
  (void)err;
  refusal->is_complete = refusal->is_complete || strcmp(name, "Error") == 0;
  return LH_OK;
}

/* Such a key cannot be written in XML 1.0. */
static bool has_controls(const char *key) {
  for (const unsigned char *c = (const unsigned char *)key; *c != '\0'; c++) {
    if (*c < 0x20 && *c != '\t' && *c != '\n' && *c != '\r') {
      return true;
    }
  }
  return false;
}

static lh_status delete_one(const struct lh_s3_store *store, const char *key, struct lh_error *err) {
  const struct lh_s3_request request = {.method = LH_HTTP_DELETE,
                                        .key = key,
                                        .action = "remove",
                                        .accepted = lh_s3_not_found,
                                        .accepted_count = 1};
  return lh_s3_tell(store, &request, err);
}

static lh_status make_document(const struct lh_s3_object *objects, size_t count, struct lh_buf *out,
                               struct lh_error *err) {
  LH_TRY(lh_buf_append_str(
      out, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>", err));
  for (size_t i = 0; i < count; i++) {
    LH_TRY(lh_buf_append_str(out, "<Object><Key>", err));
    LH_TRY(lh_s3_xml_append(out, objects[i].key, err));
    LH_TRY(lh_buf_append_str(out, "</Key></Object>", err));
  }
  return lh_buf_append_str(out, "</Delete>", err);
}

/* S3 wants a checksum of this document; MD5 is the one that every server knows. */
static lh_status make_md5(const struct lh_buf *document, char out[32], struct lh_error *err) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(document->data, document->len, digest, &size, EVP_md5(), NULL) != 1 || size != 16) {
    return lh_error_set(err, LH_ERROR_LAKE, "cannot remove objects: OpenSSL does not provide MD5");
  }
  EVP_EncodeBlock((unsigned char *)out, digest, 16);
  return LH_OK;
}

static lh_status send_document(const struct lh_s3_store *store, const struct lh_buf *document,
                               struct lh_arena *arena, struct lh_buf *body, struct lh_error *err) {
  char md5[32];
  static const struct lh_s3_query query = {"delete", ""};
  struct lh_http_response response;
  LH_TRY(make_md5(document, md5, err));
  const struct lh_http_header headers[] = {{"content-type", "application/xml"}, {"content-md5", md5}};
  const struct lh_s3_request request = {
      .method = LH_HTTP_POST,
      .query = &query,
      .query_count = 1,
      .headers = headers,
      .header_count = 2,
      .body = document->data,
      .body_size = document->len,
      .action = "remove objects below",
      .error_in_success = true,
  };
  LH_TRY(lh_s3_send(store, &request, body, arena, &response, err));
  struct refusal refusal = {0};
  const struct lh_s3_xml reader = {.context = &refusal, .leaf = refusal_leaf, .end = refusal_end};
  LH_TRY(lh_s3_xml_read(&reader, body, "the answer to DeleteObjects", err));
  if (!refusal.is_complete) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_LAKE, "cannot remove s3://%s/%s: %s: %s", store->bucket, refusal.key,
               refusal.code, refusal.message);
  copy_text(err->aws_code, sizeof(err->aws_code), refusal.code);
  lh_error_hint(err, "it takes the right to s3:DeleteObject there");
  return LH_ERROR_LAKE;
}

static lh_status delete_batch(const struct lh_s3_store *store, const struct lh_s3_object *objects,
                              size_t count, struct lh_error *err) {
  struct lh_arena arena;
  struct lh_buf document;
  struct lh_buf body;
  lh_arena_init(&arena, 0);
  lh_buf_init(&document, REQUEST_MAX_BYTES);
  lh_buf_init(&body, LH_S3_ANSWER_MAX_BYTES);
  lh_status status = make_document(objects, count, &document, err);
  if (status == LH_OK) {
    status = send_document(store, &document, &arena, &body, err);
  }
  lh_buf_clear(&body);
  lh_buf_clear(&document);
  lh_arena_clear(&arena);
  return status;
}

/* -------- below a prefix -------- */

/* The object of that very key, and what lies below it as if it were a directory. */
static bool is_below(const char *path, const char *key) {
  const size_t length = strlen(path);
  return strncmp(key, path, length) == 0 && (key[length] == '\0' || key[length] == '/');
}

static lh_status take_objects(void *context, const struct lh_s3_object *objects, size_t count,
                              struct lh_error *err) {
  struct removal *const removal = context;
  struct lh_s3_object batch[BATCH_MAX];
  size_t batch_count = 0;
  for (size_t i = 0; i < count; i++) {
    if (!is_below(removal->path, objects[i].key)) {
      continue;
    }
    removal->files++;
    removal->bytes += objects[i].size_bytes;
    if (removal->dry_run) {
      continue;
    }
    if (has_controls(objects[i].key)) {
      LH_TRY(delete_one(removal->store, objects[i].key, err));
      continue;
    }
    batch[batch_count++] = objects[i];
    if (batch_count == BATCH_MAX) {
      LH_TRY(delete_batch(removal->store, batch, batch_count, err));
      batch_count = 0;
    }
  }
  return batch_count > 0 ? delete_batch(removal->store, batch, batch_count, err) : LH_OK;
}

static lh_status remove_uploads(struct removal *removal, struct lh_arena *arena, struct lh_error *err) {
  struct lh_s3_upload *uploads = NULL;
  size_t count = 0;
  LH_TRY(lh_s3_list_uploads(removal->store, removal->path, arena, &uploads, &count, err));
  for (size_t i = 0; i < count; i++) {
    if (!is_below(removal->path, uploads[i].key)) {
      continue;
    }
    if (!removal->dry_run) {
      LH_TRY(lh_s3_upload_abort(removal->store, uploads[i].key, uploads[i].id, err));
    }
    removal->files++;
  }
  return LH_OK;
}

static lh_status remove_below(struct removal *removal, enum lh_store_removal what, struct lh_arena *arena,
                              struct lh_error *err) {
  return what == LH_STORE_REMOVE_ALL
             ? lh_s3_list_pages(removal->store, removal->path, false, take_objects, removal, err)
             : remove_uploads(removal, arena, err);
}

lh_status lh_s3_remove(struct lh_store *base, const char *prefix, enum lh_store_removal what, bool dry_run,
                       uint64_t *files, uint64_t *bytes, struct lh_error *err) {
  const struct lh_s3_store *const store = (const struct lh_s3_store *)base;
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  struct removal removal = {
      .store = store, .path = lh_s3_full_key(store, prefix, &arena), .dry_run = dry_run};
  const lh_status status =
      removal.path != NULL ? remove_below(&removal, what, &arena, err) : lh_error_memory(err);
  *files += removal.files;
  *bytes += removal.bytes;
  lh_arena_clear(&arena);
  return status;
}
