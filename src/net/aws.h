/*
 * A client of one AWS service: requests that are signed, sent, and repeated where that may help.
 *
 * Repeated with full jitter, at most 8 attempts, each signed anew: failures to get a response, 500, 502, 503,
 * 504, 429, throttling and time-out codes. Put right and sent again at once: expired credentials, which are
 * renewed; a clock more than 4 minutes off, which the server's Date corrects; for S3 the region, where the
 * answer tells the bucket's. Each once a request; what was learnt of clock and region holds for all later
 * ones. A request that is repeated may find its own work done ("already exists"). Error documents in XML (S3,
 * STS) and JSON are understood. One client may be used by several threads.
 */
#ifndef LH_NET_AWS_H
#define LH_NET_AWS_H

#include "base/json.h"
#include "net/credentials.h"

struct lh_aws_client;

struct lh_aws_client_options {
  const char *service; /* to sign for: "s3", "glue", "athena", "sts" */
  const char
      *endpoint; /* a URL without path; NULL: the provider's, else https://<service>.<region>.amazonaws.com */
  const char *region; /* NULL: the provider's; none is an error but for S3, which begins with us-east-1 */
  lh_status failure;  /* status of errors */
  struct lh_aws_provider *provider; /* borrowed; outlives the client */
  const atomic_bool *cancelled;     /* ends requests, as their own does; may be NULL */
};

lh_status lh_aws_client_open(const struct lh_aws_client_options *options, struct lh_aws_client **out,
                             struct lh_error *err) LH_WARN_UNUSED;
void lh_aws_client_free(struct lh_aws_client *client);

/* "https://glue.eu-central-1.amazonaws.com": without a slash at the end. Whether it is one of AWS' own. */
const char *lh_aws_client_endpoint(const struct lh_aws_client *client);
bool lh_aws_client_is_aws(const struct lh_aws_client *client);
const char *lh_aws_client_region(const struct lh_aws_client *client);
/* Both may change when a request is sent; what was returned before lives as long as the client. A request
 * whose URL has an endpoint of before is sent to the one of now. */

/* Later requests are signed for `region`, and go to its endpoint where the endpoint is AWS' own. */
lh_status lh_aws_client_set_region(struct lh_aws_client *client, const char *region,
                                   struct lh_error *err) LH_WARN_UNUSED;

/* How a request is repeated. */
struct lh_aws_call {
  const char *action;    /* for messages: "put object orders/part-00000.parquet" */
  int max_attempts;      /* 0: 8 */
  bool error_in_success; /* a 200 may hold an <Error> document, or half of one: it is taken for a 500 (S3's
                            Complete and Copy) */
  const int *accepted;   /* statuses past 299 that are no errors, such as 404 */
  size_t accepted_count;
  int *attempts; /* how many there were; may be NULL */
};

/* `request` has a whole URL. Statuses 2xx and accepted ones are responses; every other one is an error of the
 * client's `failure` with http_status, aws_code, class, what the service said, which source of credentials
 * was used where it refused them, and a hint. The body of the last attempt is appended to `body`, whose
 * maximum need not be more than a response has: documents of errors do not go there, but those of accepted
 * statuses as far as there is room. 409 ConditionalRequestConflict is not repeated here: what is to be done
 * anew, the caller knows. */
lh_status lh_aws_send(struct lh_aws_client *client, const struct lh_aws_call *call,
                      const struct lh_http_request *request, struct lh_buf *body, struct lh_arena *arena,
                      struct lh_http_response *out, struct lh_error *err) LH_WARN_UNUSED;

/* JSON 1.1: POST / with X-Amz-Target `target` ("AWSGlue.GetTable"). Takes over `input`, which may be NULL
 * after a failed build; `*out` is the caller's to release. An error's aws_code is the exception's name
 * without what stands before '#': "EntityNotFoundException". */
lh_status lh_aws_call_json(struct lh_aws_client *client, const char *target, json_t *input, json_t **out,
                           struct lh_error *err) LH_WARN_UNUSED;

#endif
