/* Credentials of IAM Identity Center: a profile's account and role, for the token that "aws sso login" left
 * in
 * ~/.aws/sso/cache. Nobody is asked to log in here: a token that has expired is an error that says so. */
#include <openssl/evp.h>
#include <string.h>

#include "net/credentials_impl.h"
#include "net/secret.h"

#define PORTAL_TIMEOUT_MS 10000
#define PORTAL_ATTEMPTS 3
#define TOKEN_FILE_MAX ((size_t)64 << 10)

struct sso {
  const char *profile;
  const char *session; /* NULL: the keys stand in the profile itself */
  const char *start_url, *region, *account, *role;
};

/* A key of the profile, or of its session. */
static const char *get(const struct lh_credential_search *search, const struct sso *sso, const char *name) {
  const char *const of_session =
      sso->session != NULL ? lh_shared_config_get_of(search->config, "sso-session", sso->session, NULL, name)
                           : NULL;
  return of_session != NULL ? of_session : lh_shared_config_get(search->config, sso->profile, name);
}

static lh_status read_keys(const struct lh_credential_search *search, struct sso *sso, struct lh_error *err) {
  static const char *const names[] = {"sso_start_url", "sso_region", "sso_account_id", "sso_role_name"};
  const char **const values[] = {&sso->start_url, &sso->region, &sso->account, &sso->role};
  sso->session = lh_shared_config_get(search->config, sso->profile, "sso_session");
  if (sso->session != NULL && !lh_shared_config_has_section(search->config, "sso-session", sso->session)) {
    lh_credential_fail(search, err, "sso_session %s of profile %s does not exist", sso->session,
                       sso->profile);
    lh_error_hint(err, "write [sso-session %s] into %s, or run aws configure sso", sso->session,
                  search->config->config_path);
    return search->failure;
  }
  for (size_t i = 0; i < 4; i++) {
    const char *const value = get(search, sso, names[i]);
    *values[i] = value;
    if (value == NULL) {
      lh_credential_fail(search, err, "profile %s uses SSO, and has no %s", sso->profile, names[i]);
      lh_error_hint(err, "run aws configure sso");
      return search->failure;
    }
  }
  return LH_OK;
}

static void hint_login(const struct sso *sso, struct lh_error *err) {
  if (sso->session != NULL) {
    lh_error_hint(err, "run aws sso login --sso-session %s", sso->session);
  } else {
    lh_error_hint(err, "run aws sso login --profile %s", sso->profile);
  }
}

/* ~/.aws/sso/cache/<SHA-1 of the session's name, else of the start URL>.json */
static lh_status token_path(const struct lh_credential_search *search, const struct sso *sso,
                            const char **out, struct lh_error *err) {
  const char *const name = sso->session != NULL ? sso->session : sso->start_url;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  char hex[2 * EVP_MAX_MD_SIZE + 1];
  if (EVP_Digest(name, strlen(name), digest, &size, EVP_sha1(), NULL) != 1) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "SHA-1 is not available");
  }
  for (unsigned int i = 0; i < size; i++) {
    hex[2 * (size_t)i] = "0123456789abcdef"[digest[i] >> 4];
    hex[2 * (size_t)i + 1] = "0123456789abcdef"[digest[i] & 15];
  }
  hex[2 * (size_t)size] = '\0';
  const char *const path = lh_arena_printf(search->arena, "~/.aws/sso/cache/%s.json", hex);
  *out = path != NULL ? lh_shared_config_expand_home(path, search->arena) : NULL;
  return *out != NULL
             ? LH_OK
             : lh_credential_fail(search, err, "profile %s uses SSO, and there is no HOME", sso->profile);
}

/* The token is in `buf`, a secret buffer. */
static lh_status read_token(const struct lh_credential_search *search, const struct sso *sso,
                            struct lh_buf *buf, const char **token, struct lh_error *err) {
  struct lh_flat_json_field fields[] = {{.name = "accessToken"}, {.name = "expiresAt"}};
  const char *path;
  time_t expires_at;
  LH_TRY(token_path(search, sso, &path, err));
  if (lh_secret_read_file(path, buf, search->failure, err) != LH_OK) {
    lh_error_prefix(err, "profile %s uses SSO, and nobody is logged in", sso->profile);
    hint_login(sso, err);
    err->error_class = LH_ERROR_CLASS_CREDENTIALS;
    return err->code;
  }
  if (!lh_flat_json_read((char *)buf->data, buf->len, NULL, fields, 2) || fields[0].text == NULL ||
      fields[1].text == NULL || !lh_credential_parse_time(fields[1].text, &expires_at)) {
    lh_credential_fail(search, err, "profile %s uses SSO: %s holds no token", sso->profile, path);
    hint_login(sso, err);
    return search->failure;
  }
  if (expires_at <= time(NULL)) {
    lh_credential_fail(search, err, "profile %s uses SSO, and its log-in has expired, at %s", sso->profile,
                       fields[1].text);
    hint_login(sso, err);
    return search->failure;
  }
  *token = fields[0].text;
  return LH_OK;
}

/* China's regions are of another domain. */
static bool is_in_china(const char *region) {
  return region != NULL && strncmp(region, "cn-", 3) == 0;
}

static lh_status portal_url(const struct lh_credential_search *search, const struct sso *sso,
                            const char **out, struct lh_error *err) {
  const char *const endpoint = lh_aws_provider_endpoint(search->provider, "SSO");
  struct lh_buf url;
  const char *text;
  lh_buf_init(&url, 4096);
  lh_status status = endpoint != NULL ? lh_buf_append_str(&url, endpoint, err)
                                      : lh_buf_printf(&url, err, "https://portal.sso.%s.amazonaws.com%s",
                                                      sso->region, is_in_china(sso->region) ? ".cn" : "");
  while (url.len > 0 && url.data[url.len - 1] == '/') {
    url.len--;
  }
  const char *const parts[] = {"/federation/credentials?account_id=", sso->account, "&role_name=", sso->role};
  for (size_t i = 0; i < 4 && status == LH_OK; i++) {
    status = i % 2 == 0 ? lh_buf_append_str(&url, parts[i], err)
                        : lh_http_append_encoded(&url, parts[i], false, err);
  }
  if (status == LH_OK) {
    status = lh_buf_cstr(&url, &text, err);
  }
  if (status == LH_OK) {
    *out = lh_arena_strdup(search->arena, text);
    status = *out != NULL ? LH_OK : lh_error_memory(err);
  }
  lh_buf_clear(&url);
  return status;
}

static lh_status fail_portal(const struct lh_credential_search *search, const struct sso *sso, int status,
                             struct lh_error *err) {
  lh_credential_fail(search, err, "profile %s uses SSO: role %s of account %s is not given, status %d",
                     sso->profile, sso->role, sso->account, status);
  err->http_status = status;
  if (status == 401) {
    hint_login(sso, err);
  } else {
    lh_error_hint(err,
                  "aws sso login, and look whether sso_account_id and sso_role_name are among those that the "
                  "portal shows");
  }
  return search->failure;
}

static lh_status ask_portal(const struct lh_credential_search *search, const struct sso *sso,
                            struct lh_buf *token_file, struct lh_buf *body, struct lh_credential_set **out,
                            struct lh_error *err) {
  struct lh_flat_json_field fields[] = {
      {.name = "accessKeyId"}, {.name = "secretAccessKey"}, {.name = "sessionToken"}, {.name = "expiration"}};
  const char *token = NULL;
  const char *url;
  int status;
  LH_TRY(read_token(search, sso, token_file, &token, err));
  LH_TRY(portal_url(search, sso, &url, err));
  const struct lh_http_header header = {"x-amz-sso_bearer_token", token};
  const struct lh_credential_request request = {.method = LH_HTTP_GET,
                                                .url = url,
                                                .headers = &header,
                                                .header_count = 1,
                                                .timeout_ms = PORTAL_TIMEOUT_MS,
                                                .attempts = PORTAL_ATTEMPTS};
  if (lh_credential_ask(search, &request, body, &status, err) != LH_OK) {
    lh_error_prefix(err, "profile %s uses SSO", sso->profile);
    err->error_class = LH_ERROR_CLASS_CREDENTIALS;
    return err->code;
  }
  if (status != 200) {
    return fail_portal(search, sso, status, err);
  }
  if (!lh_flat_json_read((char *)body->data, body->len, "roleCredentials", fields, 4) ||
      fields[0].text == NULL || fields[1].text == NULL || fields[2].text == NULL || !fields[3].is_number) {
    return lh_credential_fail(search, err, "profile %s uses SSO: the portal's answer has no credentials",
                              sso->profile);
  }
  *out = lh_credential_set_new(fields[0].text, fields[1].text, fields[2].text, fields[3].number / 1000);
  return *out != NULL ? LH_OK : lh_error_memory(err);
}

lh_status lh_credential_from_sso(const struct lh_credential_search *search, const char *profile,
                                 struct lh_credential_set **out, struct lh_error *err) {
  struct sso sso = {.profile = profile};
  struct lh_buf token = {0};
  struct lh_buf body = {0};
  LH_TRY(read_keys(search, &sso, err));
  lh_status status = lh_secret_buf_init(&token, TOKEN_FILE_MAX, err);
  if (status == LH_OK) {
    status = lh_secret_buf_init(&body, LH_CREDENTIAL_RESPONSE_MAX, err);
  }
  if (status == LH_OK) {
    status = ask_portal(search, &sso, &token, &body, out, err);
  }
  if (status == LH_OK) {
    lh_credential_set_name(*out, "profile %s (SSO, role %s)", profile, sso.role);
  }
  lh_secret_buf_clear(&token);
  lh_secret_buf_clear(&body);
  return status;
}
