/*
 * Errors of AWS services: what an error document says, and what may be done about a status and code.
 *
 * Documents are XML (S3: <Error>; STS and IAM: <ErrorResponse><Error>) or JSON ({"__type": "ns#Name",
 * "message": …}); any bytes are taken, and what cannot be read leaves its fields empty. Of a document only
 * the fields below are kept: others hold signed strings and tokens.
 */
#ifndef LH_NET_AWS_ERROR_H
#define LH_NET_AWS_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#include "net/http.h"

/* NUL-terminated UTF-8, cut where they are longer. */
struct lh_aws_error_document {
  char code[64];      /* "NoSuchKey", "EntityNotFoundException" */
  char message[1024]; /* one line */
  char region[64];    /* of the bucket, where S3 tells it; nothing that could not be one */
  char request_id[96];
};

/* Whether the body is a whole XML document whose root is <Error>, after white space. */
enum lh_aws_document { LH_AWS_DOCUMENT_NONE, LH_AWS_DOCUMENT_ERROR, LH_AWS_DOCUMENT_OTHER };

/* Reads XML: NONE where it is not well-formed, has a DTD, or is nested more than 32 deep. */
enum lh_aws_document lh_aws_error_read_xml(const void *body, size_t size, struct lh_aws_error_document *out);
void lh_aws_error_read_json(const void *body, size_t size, struct lh_aws_error_document *out);
/* Of a response: the body in whichever form it is, and the headers that tell what the body does not. */
void lh_aws_error_read(const struct lh_http_response *response, const void *body, size_t size,
                       struct lh_aws_error_document *out);

/* Whether a text could be the name of a region: it becomes part of a host name. */
bool lh_aws_error_is_region(const char *text);

/* Takes out of `message` what services quote of a request: canonical requests, strings to sign,
 * Authorization, presigned queries. */
void lh_aws_error_redact(char *message);

enum lh_aws_verdict {
  LH_AWS_FATAL,       /* the same request fails again */
  LH_AWS_RETRYABLE,   /* throttled, or trouble that passes */
  LH_AWS_EXPIRED,     /* with renewed credentials it may pass */
  LH_AWS_SKEWED,      /* the time that was signed is not the server's, if its Date says so as well */
  LH_AWS_CREDENTIALS, /* refused for who asks */
  LH_AWS_REGION,      /* the bucket is in another region, if the response tells which one */
};

/* `code` may be empty: a response to HEAD has no document. */
enum lh_aws_verdict lh_aws_error_judge(int status, const char *code);

#endif
