/* Credentials of a profile of the shared files: which of the ways that a profile may name is taken, and roles
 * that are assumed with the credentials of another profile, which may do the same. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/credentials_impl.h"

static const char *get(const struct lh_credential_search *search, const char *profile, const char *name) {
  return lh_shared_config_get(search->config, profile, name);
}

/* Keys in one of the files. The token is that of the same file. */
static lh_status from_keys(const struct lh_credential_search *search, const char *profile,
                           const char *(*get_of)(const struct lh_shared_config *, const char *, const char *),
                           struct lh_credential_set **out, struct lh_error *err) {
  const char *const id = get_of(search->config, profile, "aws_access_key_id");
  const char *const secret = get_of(search->config, profile, "aws_secret_access_key");
  if (id == NULL && secret == NULL) {
    return LH_OK;
  }
  if (id == NULL || secret == NULL) {
    lh_credential_fail(search, err, "profile %s has %s, and no %s", profile,
                       id != NULL ? "aws_access_key_id" : "aws_secret_access_key",
                       id != NULL ? "aws_secret_access_key" : "aws_access_key_id");
    lh_error_hint(
        err, "write both into %s",
        search->config->credentials_path != NULL ? search->config->credentials_path : "~/.aws/credentials");
    return search->failure;
  }
  *out = lh_credential_set_new(id, secret, get_of(search->config, profile, "aws_session_token"), 0);
  if (*out == NULL) {
    return lh_error_memory(err);
  }
  lh_credential_set_name(*out, "profile %s", profile);
  return LH_OK;
}

static bool has_keys(const struct lh_credential_search *search, const char *profile) {
  return get(search, profile, "aws_access_key_id") != NULL ||
         get(search, profile, "aws_secret_access_key") != NULL;
}

static bool is_visited(const struct lh_credential_search *search, const char *profile) {
  for (size_t i = 0; i < search->visited_count; i++) {
    if (strcmp(search->visited[i], profile) == 0) {
      return true;
    }
  }
  return false;
}

static lh_status fail_cycle(const struct lh_credential_search *search, const char *profile,
                            struct lh_error *err) {
  lh_credential_fail(search, err, "profile %s leads back to itself by source_profile", profile);
  lh_error_hint(err, "one of the profiles must have credentials of its own");
  return search->failure;
}

static lh_status from_source_profile(struct lh_credential_search *search, const char *profile,
                                     const char *source, struct lh_credential_set **out,
                                     struct lh_error *err) {
  if (!lh_shared_config_has_profile(search->config, source)) {
    lh_credential_fail(search, err, "source_profile %s of profile %s does not exist", source, profile);
    lh_error_hint(
        err, "it is looked for in %s and %s",
        search->config->config_path != NULL ? search->config->config_path : "~/.aws/config",
        search->config->credentials_path != NULL ? search->config->credentials_path : "~/.aws/credentials");
    return search->failure;
  }
  /* Keys of the source go before its role, so that a profile may name itself for its own keys. */
  if (has_keys(search, source)) {
    LH_TRY(from_keys(search, source, lh_shared_config_get_credential, out, err));
    return *out != NULL ? LH_OK : from_keys(search, source, lh_shared_config_get_config, out, err);
  }
  if (is_visited(search, source)) {
    return fail_cycle(search, profile, err);
  }
  LH_TRY(lh_credential_from_profile(search, source, out, err));
  if (*out != NULL) {
    return LH_OK;
  }
  lh_credential_fail(search, err, "source_profile %s of profile %s has no credentials", source, profile);
  lh_error_hint(err, "give it keys, credential_process or sso_session");
  return search->failure;
}

static lh_status from_credential_source(struct lh_credential_search *search, const char *profile,
                                        const char *source, struct lh_credential_set **out,
                                        struct lh_error *err) {
  static const char *const names[] = {"Environment", "EcsContainer", "Ec2InstanceMetadata"};
  lh_status (*const sources[])(struct lh_credential_search *, struct lh_credential_set **,
                               struct lh_error *) = {
      lh_credential_from_environment, lh_credential_from_container, lh_credential_from_instance};
  for (size_t i = 0; i < 3; i++) {
    if (strcmp(source, names[i]) != 0) {
      continue;
    }
    LH_TRY(sources[i](search, out, err));
    if (*out != NULL) {
      return LH_OK;
    }
    lh_credential_fail(search, err, "credential_source %s of profile %s has no credentials", source, profile);
    lh_error_hint(err, "set them there, or name a source_profile instead");
    return search->failure;
  }
  lh_credential_fail(search, err, "profile %s has the unknown credential_source %s", profile, source);
  lh_error_hint(err, "use Environment, EcsContainer or Ec2InstanceMetadata");
  return search->failure;
}

static lh_status read_role(const struct lh_credential_search *search, const char *profile,
                           struct lh_sts_role *role, struct lh_error *err) {
  *role = (struct lh_sts_role){.arn = get(search, profile, "role_arn"),
                               .session_name = get(search, profile, "role_session_name"),
                               .external_id = get(search, profile, "external_id")};
  const char *const duration = get(search, profile, "duration_seconds");
  if (duration != NULL) {
    char *end;
    errno = 0;
    role->duration_seconds = strtoll(duration, &end, 10);
    if (errno != 0 || *end != '\0' || role->duration_seconds < 1) {
      return lh_credential_fail(search, err, "duration_seconds of profile %s is no number of seconds",
                                profile);
    }
  }
  if (get(search, profile, "mfa_serial") != NULL) {
    lh_credential_fail(search, err, "profile %s asks for an MFA code (mfa_serial)", profile);
    lh_error_hint(err,
                  "lakehaul runs unattended: get credentials with the AWS CLI and set them as "
                  "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN");
    return search->failure;
  }
  return LH_OK;
}

static lh_status from_role(struct lh_credential_search *search, const char *profile,
                           struct lh_credential_set **out, struct lh_error *err) {
  struct lh_sts_role role;
  const char *const source_profile = get(search, profile, "source_profile");
  const char *const credential_source = get(search, profile, "credential_source");
  LH_TRY(read_role(search, profile, &role, err));
  if ((source_profile != NULL) == (credential_source != NULL)) {
    lh_credential_fail(search, err, "profile %s has role_arn and %s source_profile %s credential_source",
                       profile, source_profile != NULL ? "both" : "neither",
                       source_profile != NULL ? "and" : "nor");
    lh_error_hint(err, "exactly one of them says whose credentials assume the role");
    return search->failure;
  }
  if (search->visited_count == LH_CREDENTIAL_CHAIN_MAX) {
    return lh_credential_fail(search, err, "profile %s: more than %d roles one after another", profile,
                              LH_CREDENTIAL_CHAIN_MAX);
  }
  search->visited[search->visited_count++] = profile;
  struct lh_credential_set *source = NULL;
  lh_status status = source_profile != NULL
                         ? from_source_profile(search, profile, source_profile, &source, err)
                         : from_credential_source(search, profile, credential_source, &source, err);
  search->visited_count--;
  if (status == LH_OK) {
    status = lh_sts_assume_role(search, &role, source, out, err);
  }
  if (status != LH_OK) {
    return status;
  }
  lh_credential_set_name(*out, "profile %s (role %s)", profile, role.arn);
  return LH_OK;
}

static lh_status from_web_identity(const struct lh_credential_search *search, const char *profile,
                                   const char *file, struct lh_credential_set **out, struct lh_error *err) {
  struct lh_sts_role role;
  LH_TRY(read_role(search, profile, &role, err));
  if (role.arn == NULL) {
    lh_credential_fail(search, err, "profile %s has web_identity_token_file, and no role_arn", profile);
    lh_error_hint(err, "write the role's ARN beside it");
    return search->failure;
  }
  LH_TRY(lh_sts_assume_role_with_web_identity(search, &role, file, out, err));
  lh_credential_set_name(*out, "profile %s (web identity, role %s)", profile, role.arn);
  return LH_OK;
}

lh_status lh_credential_from_profile(struct lh_credential_search *search, const char *profile,
                                     struct lh_credential_set **out, struct lh_error *err) {
  const char *const token_file = get(search, profile, "web_identity_token_file");
  const char *const process = get(search, profile, "credential_process");
  *out = NULL;
  if (token_file != NULL) {
    return from_web_identity(search, profile, token_file, out, err);
  }
  if (get(search, profile, "role_arn") != NULL) {
    return from_role(search, profile, out, err);
  }
  if (get(search, profile, "sso_account_id") != NULL || get(search, profile, "sso_role_name") != NULL) {
    return lh_credential_from_sso(search, profile, out, err);
  }
  LH_TRY(from_keys(search, profile, lh_shared_config_get_credential, out, err));
  if (*out == NULL && process != NULL) {
    return lh_credential_from_process(search, profile, process, out, err);
  }
  if (*out == NULL) {
    LH_TRY(from_keys(search, profile, lh_shared_config_get_config, out, err));
  }
  if (*out == NULL && get(search, profile, "login_session") != NULL) {
    lh_credential_fail(search, err, "profile %s is one of \"aws login\"", profile);
    lh_error_hint(err,
                  "let the AWS CLI give its credentials: credential_process = aws configure "
                  "export-credentials --profile %s --format process, in another profile",
                  profile);
    return search->failure;
  }
  return LH_OK;
}
