/* Credentials in the environment: AWS_ACCESS_KEY_ID and the other variables beside it, and
 * AWS_WEB_IDENTITY_TOKEN_FILE as Kubernetes sets it for service accounts. */
#include <stdlib.h>

#include "net/credentials_impl.h"
#include "net/secret.h"

static const char *variable(const char *name) {
  const char *const value = getenv(name);
  return value != NULL && value[0] != '\0' ? value : NULL;
}

lh_status lh_credential_from_environment(struct lh_credential_search *search, struct lh_credential_set **out,
                                         struct lh_error *err) {
  const char *const id = variable("AWS_ACCESS_KEY_ID");
  const char *const secret = variable("AWS_SECRET_ACCESS_KEY");
  const char *const token = variable("AWS_SESSION_TOKEN");
  const char *const expiration = variable("AWS_CREDENTIAL_EXPIRATION");
  time_t expires_at = 0;
  *out = NULL;
  if (id == NULL && secret == NULL) {
    return LH_OK;
  }
  if (id == NULL || secret == NULL) {
    lh_credential_fail(search, err, "the environment has %s, and no %s",
                       id != NULL ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                       id != NULL ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
    lh_error_hint(err, "set both, or neither for credentials from elsewhere");
    return search->failure;
  }
  lh_secret_hide(secret);
  if (token != NULL) {
    lh_secret_hide(token);
  }
  if (expiration != NULL && !lh_credential_parse_time(expiration, &expires_at)) {
    lh_credential_fail(search, err, "AWS_CREDENTIAL_EXPIRATION is no time");
    lh_error_hint(err, "write it as 2026-01-31T12:00:00Z");
    return search->failure;
  }
  if (expires_at != 0 && expires_at <= time(NULL)) {
    lh_credential_fail(search, err, "the credentials of the environment have expired, at %s", expiration);
    lh_error_hint(err, "set new ones");
    return search->failure;
  }
  *out = lh_credential_set_new(id, secret, token, expires_at);
  if (*out == NULL) {
    return lh_error_memory(err);
  }
  lh_credential_set_name(*out, "environment variables");
  return LH_OK;
}

lh_status lh_credential_from_web_identity(struct lh_credential_search *search, struct lh_credential_set **out,
                                          struct lh_error *err) {
  const char *const file = variable("AWS_WEB_IDENTITY_TOKEN_FILE");
  const struct lh_sts_role role = {.arn = variable("AWS_ROLE_ARN"),
                                   .session_name = variable("AWS_ROLE_SESSION_NAME")};
  *out = NULL;
  if (file == NULL) {
    return LH_OK;
  }
  if (role.arn == NULL) {
    lh_credential_fail(search, err, "the environment has AWS_WEB_IDENTITY_TOKEN_FILE, and no AWS_ROLE_ARN");
    lh_error_hint(err, "set both; the Kubernetes service account names the role in its annotation");
    return search->failure;
  }
  LH_TRY(lh_sts_assume_role_with_web_identity(search, &role, file, out, err));
  lh_credential_set_name(*out, "web identity, role %s", role.arn);
  return LH_OK;
}
