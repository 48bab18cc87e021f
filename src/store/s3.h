/*
 * The parts of the `s3` driver: what s3_store.c and the s3_*.c beside it share.
 *
 * Of the Amazon S3 API Reference (2006-03-01). An object appears whole with PutObject or
 * CompleteMultipartUpload, under its final key: there is no renaming. Keys of the store stand for
 * "<prefix>/<key>" of the bucket.
 */
#ifndef LH_STORE_S3_H
#define LH_STORE_S3_H

#include "base/map.h"
#include "net/aws.h"
#include "store/driver.h"

struct lh_s3_checksum_tables;

struct lh_s3_store {
  struct lh_store base; /* root: "s3://bucket/prefix" */
  struct lh_arena arena;
  const char *bucket;
  const char *prefix; /* "" or ending with '/' */
  const char *url;    /* of the bucket, without a slash at the end; constant once the store is open */
  struct lh_aws_settings aws;
  struct lh_s3_settings s3;
  const char *tagging; /* the value of x-amz-tagging; NULL: no tags */
  bool is_path_style;
  struct lh_aws_provider *provider;
  struct lh_aws_client *client;
  struct lh_aws_client *cleaner;              /* what undoes things is not cancelled */
  const struct lh_s3_checksum_tables *tables; /* NULL where no checksums are wanted */
};

struct lh_s3_query {
  const char *name, *value; /* sorted by name */
};

struct lh_s3_request {
  enum lh_http_method method;
  const char *key; /* in the bucket; NULL: the bucket itself */
  const struct lh_s3_query *query;
  size_t query_count;
  const struct lh_http_header *headers;
  size_t header_count;
  const void *body;
  size_t body_size;
  const char *action; /* for messages: "list" */
  const int *accepted;
  size_t accepted_count;
  bool error_in_success;
  bool is_cleanup; /* sent though the store is cancelled, and not repeated for long */
  int64_t timeout_ms;
  const atomic_bool *cancelled; /* in the place of the store's; may be NULL */
  int *attempts;
};

/* Statuses for lh_s3_request.accepted. */
extern const int lh_s3_not_found[1]; /* 404 */
extern const int lh_s3_lost_race[3]; /* 404, 409, 412 */

/* The response's body is appended to `body`; headers and what it takes on the way live in `arena`. */
lh_status lh_s3_send(const struct lh_s3_store *store, const struct lh_s3_request *request,
                     struct lh_buf *body, struct lh_arena *arena, struct lh_http_response *out,
                     struct lh_error *err) LH_WARN_UNUSED;

/* The same of a request whose answer tells nothing. */
lh_status lh_s3_tell(const struct lh_s3_store *store, const struct lh_s3_request *request,
                     struct lh_error *err) LH_WARN_UNUSED;

/* Most bytes of an answer that is no object. */
#define LH_S3_ANSWER_MAX_BYTES ((size_t)16 << 20)

/* The ETag of a response. */
lh_status lh_s3_read_tag(const struct lh_s3_store *store, const struct lh_http_response *response,
                         const char *full_key, struct lh_store_tag *out, struct lh_error *err) LH_WARN_UNUSED;

/* The key in the bucket. NULL without memory. */
const char *lh_s3_full_key(const struct lh_s3_store *store, const char *key, struct lh_arena *arena);
/* "s3://bucket/key" of a key in the bucket. */
const char *lh_s3_name(const struct lh_s3_store *store, const char *full_key, struct lh_arena *arena);

#define LH_S3_HEADERS_MAX 8
/* Appends the headers of an object that is begun: type, encryption, tags. Texts live in the store. */
void lh_s3_object_headers(const struct lh_s3_store *store, const char *key, struct lh_http_header *headers,
                          size_t *count);

/* -------- XML -------- */

/* Reads a document: `leaf` gets the text of each element without children, by its name and its parent's,
 * `end` each element that had children, once it ends. Namespaces are passed over. A document that is not
 * well-formed is LH_ERROR_LAKE "cannot read <what>". Texts live until the call returns. */
struct lh_s3_xml {
  void *context;
  lh_status (*leaf)(void *context, const char *parent, const char *name, const char *text,
                    struct lh_error *err);
  lh_status (*end)(void *context, const char *name, struct lh_error *err); /* may be NULL */
};
lh_status lh_s3_xml_read(const struct lh_s3_xml *reader, const struct lh_buf *document, const char *what,
                         struct lh_error *err) LH_WARN_UNUSED;
/* Appends text with what XML would take for markup escaped. */
lh_status lh_s3_xml_append(struct lh_buf *out, const char *text, struct lh_error *err) LH_WARN_UNUSED;

/* -------- listing -------- */

struct lh_s3_object {
  const char *key; /* in the bucket; of a common prefix with its '/' */
  bool is_prefix;
  uint64_t size_bytes;
  const char *modified; /* ISO 8601 */
};
/* Gets the objects of one page, which live until it returns. */
typedef lh_status lh_s3_page_function(void *context, const struct lh_s3_object *objects, size_t count,
                                      struct lh_error *err);
/* Everything whose key begins with `prefix`; `delimited`: what has a further '/' only as common prefixes. */
lh_status lh_s3_list_pages(const struct lh_s3_store *store, const char *prefix, bool delimited,
                           lh_s3_page_function *take, void *context, struct lh_error *err) LH_WARN_UNUSED;

struct lh_s3_upload {
  const char *key, *id, *initiated;
};
lh_status lh_s3_list_uploads(const struct lh_s3_store *store, const char *prefix, struct lh_arena *arena,
                             struct lh_s3_upload **out, size_t *count, struct lh_error *err) LH_WARN_UNUSED;

/* -------- parts of the driver -------- */

lh_status lh_s3_list(struct lh_store *base, const char *prefix, struct lh_arena *arena,
                     struct lh_store_entry **out, size_t *count, struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_s3_remove(struct lh_store *base, const char *prefix, enum lh_store_removal removal, bool dry_run,
                       uint64_t *files, uint64_t *bytes, struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_s3_uploads(struct lh_store *base, const char *prefix, struct lh_arena *arena,
                        struct lh_store_upload **out, size_t *count, struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_s3_abort(struct lh_store *base, const struct lh_store_upload *upload,
                      struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_s3_create(struct lh_store *base, const char *key, struct lh_sink **out,
                       struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_s3_open_object(struct lh_store *base, const char *key, struct lh_source **out,
                            struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_s3_lock(struct lh_store *base, const char *key, bool exclusive, bool wait,
                     struct lh_store_lock **out, bool *locked, struct lh_error *err) LH_WARN_UNUSED;
void lh_s3_unlock(struct lh_store_lock *base);

/* -------- uploads -------- */

#define LH_S3_PART_LEAST_BYTES ((size_t)5 << 20) /* S3's own minimum, but for the last part */
#define LH_S3_PARTS_MAX 10000
#define LH_S3_UPLOAD_USUAL_BYTES ((size_t)16 << 20)
#define LH_S3_UPLOAD_MOST_BYTES ((size_t)64 << 20)

/* Of the part of that number, from 1, where the first has `first_bytes`. */
size_t lh_s3_part_bytes(size_t first_bytes, uint32_t number);

struct lh_s3_part {
  char etag[LH_STORE_TAG_MAX];
  uint64_t checksum;
  uint64_t size;
};

lh_status lh_s3_upload_begin(const struct lh_s3_store *store, const char *full_key, struct lh_arena *arena,
                             const char **id, struct lh_error *err) LH_WARN_UNUSED;
/* `number` begins with 1. */
lh_status lh_s3_upload_part(const struct lh_s3_store *store, const char *full_key, const char *id,
                            uint32_t number, const void *bytes, size_t size, const atomic_bool *cancelled,
                            struct lh_s3_part *out, struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_s3_upload_complete(const struct lh_s3_store *store, const char *full_key, const char *id,
                                const struct lh_s3_part *parts, size_t count,
                                struct lh_error *err) LH_WARN_UNUSED;
/* Fine also where there is no such upload any more. */
lh_status lh_s3_upload_abort(const struct lh_s3_store *store, const char *full_key, const char *id,
                             struct lh_error *err) LH_WARN_UNUSED;
/* PutObject. `condition`: one more header, or NULL; where it does not hold, `*stored` is false. */
lh_status lh_s3_put(const struct lh_s3_store *store, const char *full_key, const void *bytes, size_t size,
                    const struct lh_http_header *condition, struct lh_store_tag *tag, bool *stored,
                    struct lh_error *err) LH_WARN_UNUSED;

/* -------- checksums -------- */

/* The header's name and the value's text, base64 of its bytes, the highest first. */
#define LH_S3_CHECKSUM_TEXT_MAX 16
const char *lh_s3_checksum_header(enum lh_s3_checksum kind);
const char *lh_s3_checksum_algorithm(enum lh_s3_checksum kind); /* "CRC32", "CRC64NVME" */
struct lh_s3_checksum_tables {
  uint64_t slices[8][256];
};
void lh_s3_checksum_prepare(struct lh_s3_checksum_tables *tables);
uint64_t lh_s3_checksum_of(enum lh_s3_checksum kind, const struct lh_s3_checksum_tables *tables,
                           const void *bytes, size_t size);
/* Of what `first` and then, in `second_size` bytes, `second` are the checksums of. */
uint64_t lh_s3_checksum_join(enum lh_s3_checksum kind, uint64_t first, uint64_t second, uint64_t second_size);
void lh_s3_checksum_text(enum lh_s3_checksum kind, uint64_t checksum, char out[LH_S3_CHECKSUM_TEXT_MAX]);

#endif
