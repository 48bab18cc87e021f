/* What the files of the AWS client share; nobody else includes it. */
#ifndef LH_NET_AWS_IMPL_H
#define LH_NET_AWS_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "net/aws.h"
#include "net/aws_error.h"

struct lh_aws_client {
  const char *service; /* constant, as are all fields before the mutex */
  bool is_s3;
  bool follows_region; /* the endpoint is AWS' own, of the region */
  lh_status failure;
  struct lh_aws_provider *provider;
  const atomic_bool *cancelled;
  struct lh_http *http;
  pthread_mutex_t mutex;
  struct lh_arena arena; /* under the mutex: texts that were current once; they stay until the end */
  int region_changes;    /* under the mutex */
  /* Replaced under the mutex, read without it. */
  const char *_Atomic endpoint;
  const char *_Atomic region;
  atomic_llong clock_offset_seconds; /* of the service's clock to this machine's */
};

/* What an error message may need to know of the attempt. */
struct lh_aws_attempt {
  struct lh_aws_credentials credentials;
  const char *region;
  time_t signed_at;
  int64_t skew_seconds;
};

/* The error for an answer that is not accepted. */
void lh_aws_message_set(const struct lh_aws_client *client, const struct lh_aws_call *call,
                        const struct lh_aws_attempt *attempt, int status,
                        const struct lh_aws_error_document *document, enum lh_aws_verdict verdict,
                        struct lh_error *err);
/* Puts in front of an error of another module what was being done; its code and class stay. */
void lh_aws_message_prefix(const struct lh_aws_client *client, const struct lh_aws_call *call,
                           struct lh_error *err);
/* Adds how often it was tried, where it was more than once. */
void lh_aws_message_attempts(int attempts, struct lh_error *err);

#endif
