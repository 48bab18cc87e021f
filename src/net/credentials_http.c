/* Credentials over plain requests: the container's endpoint (ECS, EKS Pod Identity) and the instance's
 * metadata (EC2, IMDSv2). Both are on the machine itself, so that proxies are not asked, and answer within a
 * second or two or not at all. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "net/credentials_impl.h"
#include "net/retry.h"
#include "net/secret.h"

#define CONTAINER_TIMEOUT_MS 2000
#define CONTAINER_ATTEMPTS 3
#define INSTANCE_TIMEOUT_MS 1000
#define INSTANCE_ATTEMPTS 3
#define INSTANCE_TIMEOUT_SECONDS_MAX 60
#define PAUSE_MS 200
#define TOKEN_MAX ((size_t)16 << 10)
#define ROLE_NAME_MAX 128

lh_status lh_credential_ask(const struct lh_credential_search *search,
                            const struct lh_credential_request *request, struct lh_buf *body, int *status,
                            struct lh_error *err) {
  const struct lh_http_options options = {
      .failure = search->failure, .connect_timeout_ms = request->timeout_ms, .no_proxy = request->no_proxy};
  const struct lh_http_request http_request = {.method = request->method,
                                               .url = request->url,
                                               .headers = request->headers,
                                               .header_count = request->header_count,
                                               .body = request->body,
                                               .body_size = request->body_size,
                                               .timeout_ms = request->timeout_ms};
  struct lh_http_response response;
  struct lh_http *http;
  LH_TRY(lh_http_open(&options, &http, err));
  lh_status result = LH_OK;
  for (int attempt = 0; attempt < request->attempts; attempt++) {
    if (attempt > 0 && lh_retry_sleep((int64_t)PAUSE_MS << (attempt - 1), NULL, err) != LH_OK) {
      break;
    }
    lh_buf_reset(body);
    result = lh_http_perform(http, &http_request, body, search->arena, &response, err);
    if (result == LH_OK && response.status < 500 && response.status != 429) {
      break;
    }
  }
  lh_http_free(http);
  *status = result == LH_OK ? response.status : 0;
  return result;
}

/* Whether credentials may be asked for without TLS: the metadata services' addresses and the machine's own.
 */
static bool is_trusted_host(const char *url) {
  static const char *const hosts[] = {"169.254.170.2", "169.254.170.23", "localhost", "[fd00:ec2::23]",
                                      "[::1]"};
  if (strncmp(url, "http://", 7) != 0) {
    return false;
  }
  const char *const host = url + 7;
  const size_t length = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
  for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
    if (strlen(hosts[i]) == length && strncmp(hosts[i], host, length) == 0) {
      return host[length] == '\0' || strchr(":/?#", host[length]) != NULL;
    }
  }
  char text[INET_ADDRSTRLEN];
  struct in_addr address;
  if (length >= sizeof(text)) {
    return false;
  }
  memcpy(text, host, length);
  text[length] = '\0';
  return inet_pton(AF_INET, text, &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

/* The authorization, read anew each time since Pod Identity replaces the file; `*out` stays NULL where there
 * is none. It points into `token`, a secret buffer. */
static lh_status container_authorization(const struct lh_credential_search *search, struct lh_buf *token,
                                         const char **out, struct lh_error *err) {
  const char *const file = getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  const char *const text = getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  const char *what = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
  *out = NULL;
  if (file != NULL && file[0] != '\0') {
    what = file;
    if (lh_secret_read_file(file, token, search->failure, err) != LH_OK) {
      lh_error_prefix(err, "container credentials: the authorization token");
      lh_error_hint(err,
                    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names it, and the pod identity agent keeps "
                    "it: is it still mounted?");
      err->error_class = LH_ERROR_CLASS_CREDENTIALS;
      return err->code;
    }
    LH_TRY(lh_buf_cstr(token, out, err));
  } else if (text != NULL && text[0] != '\0') {
    lh_secret_hide(text);
    *out = text;
  }
  if (*out != NULL && strpbrk(*out, "\r\n") != NULL) {
    lh_credential_fail(search, err, "container credentials: the authorization token in %s has a line break",
                       what);
    lh_error_hint(err, "it must be one line, without a break at its end");
    return search->failure;
  }
  return LH_OK;
}

static lh_status ask_container(const struct lh_credential_search *search, const char *url,
                               struct lh_buf *token, struct lh_buf *body, struct lh_credential_set **out,
                               struct lh_error *err) {
  const char *authorization;
  int status;
  LH_TRY(container_authorization(search, token, &authorization, err));
  const struct lh_http_header headers[] = {{"Accept", "application/json"}, {"Authorization", authorization}};
  const struct lh_credential_request request = {.method = LH_HTTP_GET,
                                                .url = url,
                                                .headers = headers,
                                                .header_count = authorization != NULL ? 2 : 1,
                                                .timeout_ms = CONTAINER_TIMEOUT_MS,
                                                .attempts = CONTAINER_ATTEMPTS,
                                                .no_proxy = strncmp(url, "https:", 6) != 0};
  if (lh_credential_ask(search, &request, body, &status, err) != LH_OK) {
    lh_error_prefix(err, "container credentials");
    lh_error_hint(err, "AWS_CONTAINER_CREDENTIALS_%s names the service: is its agent running?",
                  getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != NULL ? "RELATIVE_URI" : "FULL_URI");
    err->error_class = LH_ERROR_CLASS_CREDENTIALS;
    return err->code;
  }
  if (status != 200) {
    lh_credential_fail(search, err, "container credentials: the service answered with status %d", status);
    err->http_status = status;
    lh_error_hint(err,
                  status == 401 || status == 403
                      ? "the authorization token is not accepted: is the task's or pod's role still there?"
                      : "has the task or the pod a role?");
    return search->failure;
  }
  LH_TRY(lh_credential_read_document(search, (char *)body->data, body->len, "container credentials", false,
                                     out, err));
  lh_credential_set_name(*out, "container credentials");
  return LH_OK;
}

lh_status lh_credential_from_container(struct lh_credential_search *search, struct lh_credential_set **out,
                                       struct lh_error *err) {
  const char *const relative = getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const char *url = getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  *out = NULL;
  if (relative != NULL && relative[0] != '\0') {
    url = lh_arena_printf(search->arena, "http://169.254.170.2%s%s", relative[0] == '/' ? "" : "/", relative);
    if (url == NULL) {
      return lh_error_memory(err);
    }
  } else if (url == NULL || url[0] == '\0') {
    return LH_OK;
  } else if (strncmp(url, "https://", 8) != 0 && !is_trusted_host(url)) {
    lh_credential_fail(
        search, err,
        "container credentials: AWS_CONTAINER_CREDENTIALS_FULL_URI names a host that is not trusted");
    lh_error_hint(err,
                  "it may be https://, or http:// of a loopback address, 169.254.170.2, 169.254.170.23 or "
                  "[fd00:ec2::23]");
    return search->failure;
  }
  struct lh_buf token = {0};
  struct lh_buf body = {0};
  lh_status status = lh_secret_buf_init(&token, TOKEN_MAX, err);
  if (status == LH_OK) {
    status = lh_secret_buf_init(&body, LH_CREDENTIAL_RESPONSE_MAX, err);
  }
  if (status == LH_OK) {
    status = ask_container(search, url, &token, &body, out, err);
  }
  lh_secret_buf_clear(&token);
  lh_secret_buf_clear(&body);
  return status;
}

struct instance {
  const struct lh_credential_search *search;
  const char *endpoint;
  int64_t timeout_ms;
  struct lh_buf token; /* the session's, a secret */
  struct lh_buf body;
};

static bool is_word(const char *value, const char *word) {
  return value != NULL && strcasecmp(value, word) == 0;
}

/* NULL: no memory. */
static const char *instance_endpoint(const struct lh_credential_search *search) {
  const char *named = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  const char *mode = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
  if (named == NULL || named[0] == '\0') {
    named = lh_shared_config_get(search->config, search->profile, "ec2_metadata_service_endpoint");
  }
  if (mode == NULL || mode[0] == '\0') {
    mode = lh_shared_config_get(search->config, search->profile, "ec2_metadata_service_endpoint_mode");
  }
  if (named == NULL) {
    return is_word(mode, "ipv6") ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
  }
  size_t length = strlen(named);
  while (length > 0 && named[length - 1] == '/') {
    length--;
  }
  return lh_arena_strndup(search->arena, named, length);
}

static int64_t instance_timeout_ms(void) {
  const char *const text = getenv("AWS_METADATA_SERVICE_TIMEOUT");
  const long seconds = text != NULL ? strtol(text, NULL, 10) : 0;
  return seconds > 0 && seconds <= INSTANCE_TIMEOUT_SECONDS_MAX ? seconds * 1000 : INSTANCE_TIMEOUT_MS;
}

/* A metadata path with the session's token, the response in instance->body. */
static lh_status ask_instance(struct instance *instance, enum lh_http_method method, const char *path,
                              const struct lh_http_header *header, int attempts, int *status,
                              struct lh_error *err) {
  const char *const url = lh_arena_printf(instance->search->arena, "%s%s", instance->endpoint, path);
  if (url == NULL) {
    return lh_error_memory(err);
  }
  const struct lh_credential_request request = {.method = method,
                                                .url = url,
                                                .headers = header,
                                                .header_count = 1,
                                                .timeout_ms = instance->timeout_ms,
                                                .attempts = attempts,
                                                .no_proxy = true};
  return lh_credential_ask(instance->search, &request, &instance->body, status, err);
}

static lh_status fail_instance(const struct lh_credential_search *search, int status, const char *what,
                               struct lh_error *err) {
  lh_credential_fail(search, err, "instance metadata: %s: status %d", what, status);
  err->http_status = status;
  return search->failure;
}

/* The session's token; its absence means that this is no instance, or one that does not let us ask. */
static lh_status open_session(struct instance *instance, bool *is_there, struct lh_error *err) {
  const struct lh_http_header ttl = {"x-aws-ec2-metadata-token-ttl-seconds", "21600"};
  int status;
  *is_there = false;
  if (ask_instance(instance, LH_HTTP_PUT, "/latest/api/token", &ttl, 1, &status, err) != LH_OK) {
    return err->code == LH_ERROR_MEMORY ? err->code : LH_OK;
  }
  if (status == 403 || status == 404 || status == 405) {
    return LH_OK;
  }
  if (status != 200 || instance->body.len == 0) {
    fail_instance(instance->search, status, "no session token", err);
    lh_error_hint(err, "allow this program to reach IMDSv2: in a container the hop limit must be 2");
    return instance->search->failure;
  }
  LH_TRY(lh_buf_append(&instance->token, instance->body.data, instance->body.len, err));
  *is_there = true;
  return LH_OK;
}

static lh_status read_instance(struct instance *instance, char role[ROLE_NAME_MAX],
                               struct lh_credential_set **out, struct lh_error *err) {
  static const char path[] = "/latest/meta-data/iam/security-credentials/";
  const struct lh_credential_search *const search = instance->search;
  const char *token;
  int status;
  LH_TRY(lh_buf_cstr(&instance->token, &token, err));
  const struct lh_http_header header = {"x-aws-ec2-metadata-token", token};
  LH_TRY(ask_instance(instance, LH_HTTP_GET, path, &header, INSTANCE_ATTEMPTS, &status, err));
  if (status == 404) {
    return LH_OK;
  }
  const char *name;
  LH_TRY(lh_buf_cstr(&instance->body, &name, err));
  const size_t length = strcspn(name, "\r\n");
  if (status != 200 || length == 0 || length >= ROLE_NAME_MAX) {
    return fail_instance(search, status, "the role's name", err);
  }
  memcpy(role, name, length);
  role[length] = '\0';
  const char *const url = lh_arena_printf(search->arena, "%s%s", path, role);
  if (url == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(ask_instance(instance, LH_HTTP_GET, url, &header, INSTANCE_ATTEMPTS, &status, err));
  if (status != 200) {
    return fail_instance(search, status, "the role's credentials", err);
  }
  return lh_credential_read_document(search, (char *)instance->body.data, instance->body.len,
                                     "instance metadata", false, out, err);
}

lh_status lh_credential_from_instance(struct lh_credential_search *search, struct lh_credential_set **out,
                                      struct lh_error *err) {
  struct instance instance = {.search = search};
  char role[ROLE_NAME_MAX] = "";
  bool is_there = false;
  *out = NULL;
  if (is_word(getenv("AWS_EC2_METADATA_DISABLED"), "true")) {
    return LH_OK;
  }
  instance.endpoint = instance_endpoint(search);
  instance.timeout_ms = instance_timeout_ms();
  if (instance.endpoint == NULL) {
    return lh_error_memory(err);
  }
  lh_status status = lh_secret_buf_init(&instance.token, TOKEN_MAX, err);
  if (status == LH_OK) {
    status = lh_secret_buf_init(&instance.body, LH_CREDENTIAL_RESPONSE_MAX, err);
  }
  if (status == LH_OK) {
    status = open_session(&instance, &is_there, err);
  }
  if (status == LH_OK && is_there) {
    status = read_instance(&instance, role, out, err);
    if (status != LH_OK && err->error_class != LH_ERROR_CLASS_CREDENTIALS) {
      lh_error_prefix(err, "instance metadata");
      err->error_class = LH_ERROR_CLASS_CREDENTIALS;
    }
  }
  if (status == LH_OK && *out != NULL) {
    lh_credential_set_name(*out, "instance metadata, role %s", role);
  }
  lh_secret_buf_clear(&instance.token);
  lh_secret_buf_clear(&instance.body);
  return status;
}
