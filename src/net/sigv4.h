/*
 * Signing of requests: AWS Signature Version 4 in the Authorization header.
 *
 * Of the AWS Identity and Access Management User Guide, "Create a signed AWS API request"; checked against
 * the cases of the AWS signing test suite. S3 encodes the path once and does not normalise it; all other
 * services encode twice and normalise.
 */
#ifndef LH_NET_SIGV4_H
#define LH_NET_SIGV4_H

#include <time.h>

#include "net/http.h"

#define LH_SIGV4_HASH_CHARS 64

struct lh_aws_credentials {
  const char *access_key_id;
  const char *secret_access_key;
  const char *session_token; /* NULL: none */
};

struct lh_sigv4_scope {
  const char *service; /* "s3", "glue", … */
  const char *region;
  time_t time;         /* UTC, of the server's clock */
  bool encode_path;    /* the URL's path is encoded once more: all services but S3 */
  bool normalize_path; /* empty segments, "." and ".." are resolved: all services but S3 */
  bool payload_header; /* the body's hash is sent, too, in X-Amz-Content-Sha256: S3 */
};

/* As `service` wants it. */
struct lh_sigv4_scope lh_sigv4_scope_of(const char *service, const char *region, time_t time);

/* Puts into `*headers`, in `arena`, the headers of `request` and those that signing adds: Host, X-Amz-Date,
 * X-Amz-Security-Token (whose value stays that of `credentials`), X-Amz-Content-Sha256 where the scope wants
 * it, and Authorization. Signed are all but those that the way may change (Connection, Expect,
 * Transfer-Encoding, User-Agent, X-Amzn-Trace-Id). A Host or X-Amz-Content-Sha256 among the request's headers
 * is used instead of one's own: who sends a large body several times hashes it once. The request's URL must
 * be encoded already, as it will be sent. */
lh_status lh_sigv4_sign(const struct lh_http_request *request, const struct lh_sigv4_scope *scope,
                        const struct lh_aws_credentials *credentials, struct lh_arena *arena,
                        const struct lh_http_header **headers, size_t *header_count,
                        struct lh_error *err) LH_WARN_UNUSED;

/* SHA-256 in hexadecimal digits. */
lh_status lh_sigv4_hash(const void *bytes, size_t size, char out[LH_SIGV4_HASH_CHARS + 1],
                        struct lh_error *err) LH_WARN_UNUSED;

#endif
