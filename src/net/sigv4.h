/*
 * Signing of requests: AWS Signature Version 4 in the Authorization header.
 *
 * Of the AWS General Reference, "Create a signed AWS API request"; checked against the cases of the AWS
 * signing test suite. S3 encodes the path once and does not normalise it; all other services encode twice and
 * normalise.
 */
#ifndef LH_NET_SIGV4_H
#define LH_NET_SIGV4_H

#include <time.h>

#include "net/http.h"

struct lh_aws_credentials {
  const char *access_key_id;
  const char *secret_access_key;
  const char *session_token; /* NULL: none */
};

struct lh_sigv4_scope {
  const char *service; /* "s3", "glue", … */
  const char *region;
  time_t time; /* UTC, of the server's clock */
  bool is_s3;
};

/* Puts into `*headers`, in `arena`, the headers of `request` and those that signing adds: Host, X-Amz-Date,
 * X-Amz-Security-Token, for S3 X-Amz-Content-Sha256 (of the body), and Authorization. Signed are Host,
 * Content-Type and every X-Amz-*. The request's URL must be encoded already, as it will be sent. */
lh_status lh_sigv4_sign(const struct lh_http_request *request, const struct lh_sigv4_scope *scope,
                        const struct lh_aws_credentials *credentials, struct lh_arena *arena,
                        const struct lh_http_header **headers, size_t *header_count,
                        struct lh_error *err) LH_WARN_UNUSED;

#endif
