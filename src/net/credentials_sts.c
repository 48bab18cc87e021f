/* Credentials of STS: roles assumed with other credentials, or with the token of a web identity (a Kubernetes
 * service account). Answers are XML (STS API 2011-06-15) and are read where they lie, in memory for secrets.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/aws.h"
#include "net/credentials_impl.h"
#include "net/secret.h"

#define FORM "application/x-www-form-urlencoded; charset=utf-8"
#define FORM_MAX ((size_t)64 << 10)
#define TOKEN_MAX ((size_t)20 << 10)
#define WEB_IDENTITY_TIMEOUT_MS 10000
#define WEB_IDENTITY_ATTEMPTS 4
#define REGION_DEFAULT "us-east-1"

/* &amp; and the other four, in place. */
static void decode_entities(char *text) {
  static const char *const names[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&apos;"};
  static const char characters[] = "&<>\"'";
  char *to = text;
  for (const char *from = text; *from != '\0';) {
    size_t i = 0;
    while (i < 5 && strncmp(from, names[i], strlen(names[i])) != 0) {
      i++;
    }
    *to++ = i < 5 ? characters[i] : *from;
    from += i < 5 ? strlen(names[i]) : 1;
  }
  *to = '\0';
}

/* The text of the first element of that name; it ends at '<'. NULL where there is none. */
static char *element(char *document, const char *name) {
  char tag[64];
  snprintf(tag, sizeof(tag), "<%s>", name);
  char *const start = strstr(document, tag);
  if (start == NULL) {
    return NULL;
  }
  snprintf(tag, sizeof(tag), "</%s>", name);
  char *const text = start + strlen(name) + 2;
  const char *const end = strstr(text, tag);
  return end != NULL && end == text + strcspn(text, "<") ? text : NULL;
}

/* Elements are found first and ended afterwards, so that each search sees the whole document. */
static lh_status read_credentials(const struct lh_credential_search *search, char *document,
                                  struct lh_credential_set **out, struct lh_error *err) {
  static const char *const names[] = {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"};
  char *texts[4];
  time_t expires_at = 0;
  for (size_t i = 0; i < 4; i++) {
    texts[i] = element(document, names[i]);
    if (texts[i] == NULL) {
      return lh_credential_fail(search, err, "the answer of STS has no %s", names[i]);
    }
  }
  for (size_t i = 0; i < 4; i++) {
    texts[i][strcspn(texts[i], "<")] = '\0';
    decode_entities(texts[i]);
  }
  if (!lh_credential_parse_time(texts[3], &expires_at)) {
    return lh_credential_fail(search, err, "the answer of STS has no time of expiry");
  }
  *out = lh_credential_set_new(texts[0], texts[1], texts[2], expires_at);
  return *out != NULL ? LH_OK : lh_error_memory(err);
}

static lh_status append_field(struct lh_buf *form, const char *name, const char *value,
                              struct lh_error *err) {
  if (value == NULL) {
    return LH_OK;
  }
  LH_TRY(lh_buf_append_byte(form, '&', err));
  LH_TRY(lh_buf_append_str(form, name, err));
  LH_TRY(lh_buf_append_byte(form, '=', err));
  return lh_http_append_encoded(form, value, false, err);
}

static lh_status append_role(struct lh_buf *form, const char *action, const struct lh_sts_role *role,
                             struct lh_error *err) {
  char made[64];
  char duration[32];
  snprintf(made, sizeof(made), "lakehaul-%jd", (intmax_t)time(NULL));
  snprintf(duration, sizeof(duration), "%" PRId64, role->duration_seconds);
  LH_TRY(lh_buf_append_str(form, "Action=", err));
  LH_TRY(lh_buf_append_str(form, action, err));
  LH_TRY(append_field(form, "Version", "2011-06-15", err));
  LH_TRY(append_field(form, "RoleArn", role->arn, err));
  LH_TRY(append_field(form, "RoleSessionName", role->session_name != NULL ? role->session_name : made, err));
  LH_TRY(append_field(form, "ExternalId", role->external_id, err));
  return append_field(form, "DurationSeconds", role->duration_seconds > 0 ? duration : NULL, err);
}

static lh_status endpoint_url(const struct lh_credential_search *search, const char **out,
                              struct lh_error *err) {
  const char *const configured = lh_aws_provider_endpoint(search->provider, "STS");
  const char *const region = lh_aws_provider_region(search->provider);
  if (configured != NULL) {
    const size_t length = strlen(configured);
    *out = lh_arena_printf(search->arena, "%s%s", configured, configured[length - 1] == '/' ? "" : "/");
  } else {
    *out = lh_arena_printf(search->arena, "https://sts.%s.amazonaws.com%s/",
                           region != NULL ? region : REGION_DEFAULT,
                           region != NULL && strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
  }
  return *out != NULL ? LH_OK : lh_error_memory(err);
}

static lh_status send_assume_role(const struct lh_credential_search *search, const struct lh_sts_role *role,
                                  struct lh_aws_provider *source, struct lh_buf *form, struct lh_buf *body,
                                  struct lh_error *err) {
  const char *const region = lh_aws_provider_region(search->provider);
  const struct lh_aws_client_options options = {.service = "sts",
                                                .region = region != NULL ? region : REGION_DEFAULT,
                                                .failure = search->failure,
                                                .provider = source};
  const struct lh_http_header type = {"Content-Type", FORM};
  const struct lh_aws_call call = {.action = "assume the role"};
  struct lh_http_request request = {.method = LH_HTTP_POST, .headers = &type, .header_count = 1};
  struct lh_http_response response;
  struct lh_aws_client *client;
  LH_TRY(append_role(form, "AssumeRole", role, err));
  LH_TRY(endpoint_url(search, &request.url, err));
  request.body = form->data;
  request.body_size = form->len;
  LH_TRY(lh_aws_client_open(&options, &client, err));
  const lh_status status = lh_aws_send(client, &call, &request, body, search->arena, &response, err);
  lh_aws_client_free(client);
  return status;
}

static lh_status assume_role(const struct lh_credential_search *search, const struct lh_sts_role *role,
                             struct lh_aws_provider *source, struct lh_buf *form, struct lh_buf *body,
                             struct lh_credential_set **out, struct lh_error *err) {
  LH_TRY(send_assume_role(search, role, source, form, body, err));
  LH_TRY(lh_buf_append_byte(body, '\0', err));
  return read_credentials(search, (char *)body->data, out, err);
}

lh_status lh_sts_assume_role(const struct lh_credential_search *search, const struct lh_sts_role *role,
                             struct lh_credential_set *source, struct lh_credential_set **out,
                             struct lh_error *err) {
  struct lh_aws_provider *provider;
  struct lh_buf form;
  struct lh_buf body;
  lh_status status = lh_aws_provider_open_fixed(search->provider, source, &provider, err);
  if (status != LH_OK) {
    return status;
  }
  lh_buf_init(&form, FORM_MAX);
  status = lh_secret_buf_init(&body, LH_CREDENTIAL_RESPONSE_MAX, err);
  if (status == LH_OK) {
    status = assume_role(search, role, provider, &form, &body, out, err);
    lh_secret_buf_clear(&body);
  }
  if (status != LH_OK) {
    lh_error_prefix(err, "role %s", role->arn);
    err->error_class = LH_ERROR_CLASS_CREDENTIALS;
    if (strcmp(err->aws_code, "AccessDenied") == 0) {
      lh_error_hint(err, "allow sts:AssumeRole to %s, and let the role's trust policy name it",
                    lh_aws_provider_source(provider));
    }
  }
  lh_buf_clear(&form);
  lh_aws_provider_free(provider);
  return status;
}

/* The token, without the line break that editors leave at the end. */
static lh_status read_token(const struct lh_credential_search *search, const char *file, struct lh_buf *token,
                            const char **out, struct lh_error *err) {
  if (lh_secret_read_file(file, token, search->failure, err) != LH_OK) {
    lh_error_prefix(err, "web identity: the token");
    lh_error_hint(err, "AWS_WEB_IDENTITY_TOKEN_FILE or the profile names the file: is it still mounted?");
    err->error_class = LH_ERROR_CLASS_CREDENTIALS;
    return err->code;
  }
  while (token->len > 0 && strchr(" \r\n\t", token->data[token->len - 1]) != NULL) {
    token->len--;
  }
  if (token->len == 0) {
    return lh_credential_fail(search, err, "web identity: the token in %s is empty", file);
  }
  return lh_buf_cstr(token, out, err);
}

static lh_status fail_web_identity(const struct lh_credential_search *search, const struct lh_sts_role *role,
                                   int status, char *document, struct lh_error *err) {
  char *const code = element(document, "Code");
  char *const message = element(document, "Message");
  if (code != NULL) {
    code[strcspn(code, "<")] = '\0';
  }
  if (message != NULL) {
    message[strcspn(message, "<")] = '\0';
    decode_entities(message);
  }
  lh_credential_fail(search, err, "role %s by web identity: STS answered with status %d%s%s%s%.300s",
                     role->arn, status, code != NULL ? ", " : "", code != NULL ? code : "",
                     message != NULL ? ": " : "", message != NULL ? message : "");
  err->http_status = status;
  snprintf(err->aws_code, sizeof(err->aws_code), "%s", code != NULL ? code : "");
  lh_error_hint(err,
                strcmp(err->aws_code, "ExpiredTokenException") == 0
                    ? "the token's file is not renewed: is the service account's volume still mounted?"
                    : "the role's trust policy must name the identity provider and this service account");
  return search->failure;
}

static lh_status send_web_identity(const struct lh_credential_search *search, const struct lh_sts_role *role,
                                   const struct lh_buf *form, struct lh_buf *body,
                                   struct lh_credential_set **out, struct lh_error *err) {
  const struct lh_http_header type = {"Content-Type", FORM};
  struct lh_credential_request request = {.method = LH_HTTP_POST,
                                          .headers = &type,
                                          .header_count = 1,
                                          .body = form->data,
                                          .body_size = form->len,
                                          .timeout_ms = WEB_IDENTITY_TIMEOUT_MS,
                                          .attempts = WEB_IDENTITY_ATTEMPTS};
  int status;
  LH_TRY(endpoint_url(search, &request.url, err));
  if (lh_credential_ask(search, &request, body, &status, err) != LH_OK) {
    lh_error_prefix(err, "role %s by web identity", role->arn);
    err->error_class = LH_ERROR_CLASS_CREDENTIALS;
    return err->code;
  }
  LH_TRY(lh_buf_append_byte(body, '\0', err));
  if (status != 200) {
    return fail_web_identity(search, role, status, (char *)body->data, err);
  }
  return read_credentials(search, (char *)body->data, out, err);
}

lh_status lh_sts_assume_role_with_web_identity(const struct lh_credential_search *search,
                                               const struct lh_sts_role *role, const char *token_file,
                                               struct lh_credential_set **out, struct lh_error *err) {
  struct lh_buf token = {0};
  struct lh_buf form = {0};
  struct lh_buf body = {0};
  const char *text = NULL;
  lh_status status = lh_secret_buf_init(&token, TOKEN_MAX, err);
  if (status == LH_OK) {
    status = lh_secret_buf_init(&form, FORM_MAX, err);
  }
  if (status == LH_OK) {
    status = lh_secret_buf_init(&body, LH_CREDENTIAL_RESPONSE_MAX, err);
  }
  if (status == LH_OK) {
    status = read_token(search, token_file, &token, &text, err);
  }
  if (status == LH_OK) {
    status = append_role(&form, "AssumeRoleWithWebIdentity", role, err);
  }
  if (status == LH_OK) {
    status = append_field(&form, "WebIdentityToken", text, err);
  }
  if (status == LH_OK) {
    status = send_web_identity(search, role, &form, &body, out, err);
  }
  lh_secret_buf_clear(&token);
  lh_secret_buf_clear(&form);
  lh_secret_buf_clear(&body);
  return status;
}
