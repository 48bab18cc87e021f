/*
 * Sources of credentials, for credentials.c and themselves. Internal to the net module.
 *
 * Each source answers with a set, with none (it is not configured), or with an error that names it.
 */
#ifndef LH_NET_CREDENTIALS_IMPL_H
#define LH_NET_CREDENTIALS_IMPL_H

#include <time.h>

#include "net/credentials.h"
#include "net/flat_json.h"
#include "net/shared_config.h"

#define LH_CREDENTIAL_SOURCE_MAX 256
#define LH_CREDENTIAL_RESPONSE_MAX ((size_t)64 << 10)
#define LH_CREDENTIAL_CHAIN_MAX 8 /* roles that are assumed one after another */

/* One set, a secret block of its own with its texts behind it. */
struct lh_credential_set {
  struct lh_aws_credentials credentials;
  time_t expires_at; /* 0: never */
  time_t fetched_at;
  char source[LH_CREDENTIAL_SOURCE_MAX]; /* for messages */
};

/* What a look for credentials is given. Every text in `arena`, which is cleared unwiped, is no secret. */
struct lh_credential_search {
  const struct lh_aws_provider *provider; /* for region and endpoints */
  const struct lh_shared_config *config;
  const char *profile; /* the one in use */
  struct lh_arena *arena;
  lh_status failure;
  const char *visited[LH_CREDENTIAL_CHAIN_MAX]; /* profiles whose role is being assumed */
  size_t visited_count;
};

/* Copies; `token` may be NULL or empty. NULL: no memory. */
struct lh_credential_set *lh_credential_set_new(const char *access_key_id, const char *secret_access_key,
                                                const char *token, time_t expires_at);
void lh_credential_set_free(struct lh_credential_set *set);
void lh_credential_set_name(struct lh_credential_set *set, const char *format, ...) LH_PRINTF(2, 3);

/* An error of the search's failure and of class LH_ERROR_CLASS_CREDENTIALS; returns the failure. */
lh_status lh_credential_fail(const struct lh_credential_search *search, struct lh_error *err,
                             const char *format, ...) LH_PRINTF(3, 4);

/* "2026-01-31T12:00:00Z", with fraction or offset or not. False: no such time. */
bool lh_credential_parse_time(const char *text, time_t *out);

/* The document that container, instance and process give: AccessKeyId, SecretAccessKey, SessionToken or
 * Token, Expiration, and "Version": 1 where `is_versioned`. Changes `text`. `what` names the source. */
lh_status lh_credential_read_document(const struct lh_credential_search *search, char *text, size_t size,
                                      const char *what, bool is_versioned, struct lh_credential_set **out,
                                      struct lh_error *err) LH_WARN_UNUSED;

/* A GET or PUT of a metadata service or portal, `attempts` times, the response in a secret buffer. Without
 * a response: an error of class RETRYABLE. */
struct lh_credential_request {
  enum lh_http_method method;
  const char *url;
  const struct lh_http_header *headers;
  size_t header_count;
  const void *body;
  size_t body_size;
  int64_t timeout_ms;
  int attempts;
  bool no_proxy;
};
lh_status lh_credential_ask(const struct lh_credential_search *search,
                            const struct lh_credential_request *request, struct lh_buf *body, int *status,
                            struct lh_error *err) LH_WARN_UNUSED;

/* A provider that knows one set alone, with region and endpoints of `of`; takes `set` over. For STS. */
lh_status lh_aws_provider_open_fixed(const struct lh_aws_provider *of, struct lh_credential_set *set,
                                     struct lh_aws_provider **out, struct lh_error *err) LH_WARN_UNUSED;

/* The sources. `*out` is NULL where one is not configured. */
lh_status lh_credential_from_environment(struct lh_credential_search *search, struct lh_credential_set **out,
                                         struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_credential_from_web_identity(struct lh_credential_search *search, struct lh_credential_set **out,
                                          struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_credential_from_profile(struct lh_credential_search *search, const char *profile,
                                     struct lh_credential_set **out, struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_credential_from_container(struct lh_credential_search *search, struct lh_credential_set **out,
                                       struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_credential_from_instance(struct lh_credential_search *search, struct lh_credential_set **out,
                                      struct lh_error *err) LH_WARN_UNUSED;

/* What a profile may say, each once its keys are known to be there. */
lh_status lh_credential_from_process(const struct lh_credential_search *search, const char *profile,
                                     const char *command, struct lh_credential_set **out,
                                     struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_credential_from_sso(const struct lh_credential_search *search, const char *profile,
                                 struct lh_credential_set **out, struct lh_error *err) LH_WARN_UNUSED;

struct lh_sts_role {
  const char *arn;
  const char *session_name; /* NULL: made */
  const char *external_id;  /* may be NULL */
  int64_t duration_seconds; /* 0: the role's own */
};
/* AssumeRole, signed with `source`, which it takes over. */
lh_status lh_sts_assume_role(const struct lh_credential_search *search, const struct lh_sts_role *role,
                             struct lh_credential_set *source, struct lh_credential_set **out,
                             struct lh_error *err) LH_WARN_UNUSED;
/* AssumeRoleWithWebIdentity, unsigned, with the token that is in the file now. */
lh_status lh_sts_assume_role_with_web_identity(const struct lh_credential_search *search,
                                               const struct lh_sts_role *role, const char *token_file,
                                               struct lh_credential_set **out,
                                               struct lh_error *err) LH_WARN_UNUSED;

#endif
