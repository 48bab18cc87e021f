/*
 * The client of an AWS service: what is the same for all its requests (endpoint, region, the server's clock),
 * and the loop that signs, sends, and decides what to make of the answer. What failed and why is worded in
 * aws_message.c.
 */
#include "net/aws.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "net/aws_error.h"
#include "net/aws_impl.h"
#include "net/retry.h"

/* A clock that is further off is corrected; services take requests within 5 or 15 minutes. */
#define SKEW_LEAST_SECONDS 240
#define ERROR_BODY_MAX (64 << 10)
#define REGION_CHANGES_MAX 16
#define WAIT_SLICE_MS 50

/* --- the client --- */

static const char *domain_of(const char *region) {
  return strncmp(region, "cn-", 3) == 0 ? "amazonaws.com.cn" : "amazonaws.com";
}

static const char *own_endpoint(struct lh_aws_client *client, const char *region) {
  return lh_arena_printf(&client->arena, "https://%s.%s.%s", client->service, region, domain_of(region));
}

static lh_status check_endpoint(const struct lh_aws_client *client, const char *url, struct lh_error *err) {
  const char *const host = strncmp(url, "https://", 8) == 0  ? url + 8
                           : strncmp(url, "http://", 7) == 0 ? url + 7
                                                             : NULL;
  if (host != NULL && strchr(host, '@') != NULL) {
    return lh_error_set(err, client->failure, "the endpoint of %s may not hold a name or password",
                        client->service);
  }
  if (host == NULL || host[0] == '\0' || strpbrk(host, "/?# \t\r\n") != NULL) {
    lh_error_set(err, client->failure, "the endpoint of %s is no URL of a server: \"%.200s\"",
                 client->service, url);
    lh_error_hint(err, "write it without a path, such as https://s3.eu-central-1.amazonaws.com");
    return err->code;
  }
  return LH_OK;
}

static lh_status choose_region(struct lh_aws_client *client, const struct lh_aws_client_options *options,
                               struct lh_error *err) {
  const char *region = options->region != NULL ? options->region : lh_aws_provider_region(options->provider);
  if (region == NULL && client->is_s3) {
    region = "us-east-1";
  }
  if (region == NULL) {
    lh_error_set(err, client->failure, "no AWS region is known for %s", client->service);
    lh_error_hint(err, "set region under aws in lakehaul.yaml, AWS_REGION, or region in the AWS profile");
    return err->code;
  }
  return lh_aws_client_set_region(client, region, err);
}

static lh_status choose_endpoint(struct lh_aws_client *client, const struct lh_aws_client_options *options,
                                 struct lh_error *err) {
  const char *url = options->endpoint;
  if (url == NULL) {
    char upper[32];
    size_t size = 0;
    for (; client->service[size] != '\0' && size + 1 < sizeof(upper); size++) {
      upper[size] = (char)toupper((unsigned char)client->service[size]);
    }
    upper[size] = '\0';
    url = lh_aws_provider_endpoint(options->provider, upper);
  }
  if (url == NULL) {
    client->follows_region = true;
    return LH_OK;
  }
  char *const copy = lh_arena_strdup(&client->arena, url);
  if (copy == NULL) {
    return lh_error_memory(err);
  }
  size_t size = strlen(copy);
  while (size > 0 && copy[size - 1] == '/') {
    copy[--size] = '\0';
  }
  client->endpoint = copy;
  return check_endpoint(client, copy, err);
}

lh_status lh_aws_client_open(const struct lh_aws_client_options *options, struct lh_aws_client **out,
                             struct lh_error *err) {
  struct lh_aws_client *const client = calloc(1, sizeof(*client));
  if (client == NULL) {
    return lh_error_memory(err);
  }
  pthread_mutex_init(&client->mutex, NULL);
  lh_arena_init(&client->arena, 1024);
  client->failure = options->failure;
  client->provider = options->provider;
  client->cancelled = options->cancelled;
  client->service = lh_arena_strdup(&client->arena, options->service);
  client->is_s3 = strcmp(options->service, "s3") == 0;
  lh_status status = client->service != NULL ? choose_endpoint(client, options, err) : lh_error_memory(err);
  if (status == LH_OK) {
    status = choose_region(client, options, err);
  }
  if (status == LH_OK) {
    status = lh_http_open(&(struct lh_http_options){.failure = options->failure}, &client->http, err);
  }
  if (status != LH_OK) {
    lh_aws_client_free(client);
    return status;
  }
  *out = client;
  return LH_OK;
}

void lh_aws_client_free(struct lh_aws_client *client) {
  if (client == NULL) {
    return;
  }
  lh_http_free(client->http);
  lh_arena_clear(&client->arena);
  pthread_mutex_destroy(&client->mutex);
  free(client);
}

const char *lh_aws_client_endpoint(const struct lh_aws_client *client) {
  return atomic_load(&client->endpoint);
}

const char *lh_aws_client_region(const struct lh_aws_client *client) {
  return atomic_load(&client->region);
}

bool lh_aws_client_is_aws(const struct lh_aws_client *client) {
  const char *const endpoint = lh_aws_client_endpoint(client);
  const size_t host_size = strcspn(endpoint + strlen("https://"), ":");
  const char *const end = endpoint + strlen("https://") + host_size;
  static const char *const domains[] = {".amazonaws.com", ".amazonaws.com.cn"};
  for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
    const size_t size = strlen(domains[i]);
    if (host_size > size && strncmp(end - size, domains[i], size) == 0) {
      return true;
    }
  }
  return false;
}

/* Earlier texts stay where they are, since other threads may be using them. */
static lh_status replace_region(struct lh_aws_client *client, const char *region, struct lh_error *err) {
  if (client->region != NULL && strcmp(client->region, region) == 0) {
    return LH_OK;
  }
  if (client->region_changes++ == REGION_CHANGES_MAX) {
    return lh_error_set(err, client->failure, "%s names another region with every answer", client->service);
  }
  const char *const copy = lh_arena_strdup(&client->arena, region);
  const char *const endpoint = client->follows_region ? own_endpoint(client, region) : client->endpoint;
  if (copy == NULL || endpoint == NULL) {
    return lh_error_memory(err);
  }
  atomic_store(&client->endpoint, endpoint);
  atomic_store(&client->region, copy);
  return LH_OK;
}

lh_status lh_aws_client_set_region(struct lh_aws_client *client, const char *region, struct lh_error *err) {
  if (!lh_aws_error_is_region(region)) {
    lh_error_set(err, client->failure, "\"%.64s\" is no name of an AWS region", region);
    lh_error_hint(err, "write it as in eu-central-1");
    return err->code;
  }
  pthread_mutex_lock(&client->mutex);
  const lh_status status = replace_region(client, region, err);
  pthread_mutex_unlock(&client->mutex);
  return status;
}

/* --- one attempt --- */

/* A call on its way; a thread's own. */
struct sending {
  struct lh_aws_client *client;
  const struct lh_aws_call *call;
  const struct lh_http_request *request;
  struct lh_buf *body;
  size_t body_start;
  struct lh_buf error_body;
  struct lh_arena *arena;
  struct lh_arena scratch; /* of one attempt: its credentials and headers */
  struct lh_aws_attempt attempt;
  bool was_renewed, was_skewed, was_moved;
};

/* How many bytes at the end of a host name are those of AWS' own endpoint in whichever region: "s3", a
 * region, the domain. 0: another server's. */
static size_t own_host_size(const struct lh_aws_client *client, const char *host, size_t size) {
  const char *const domain = domain_of(client->region);
  const size_t domain_size = strlen(domain);
  const size_t service_size = strlen(client->service);
  if (size < domain_size + 1 || strncmp(host + size - domain_size, domain, domain_size) != 0) {
    return 0;
  }
  size_t region = size - domain_size - 1; /* of the dot before the domain; then of the region's first byte */
  while (region > 0 && host[region - 1] != '.') {
    region--;
  }
  if (region < service_size + 1 ||
      strncmp(host + region - 1 - service_size, client->service, service_size) != 0) {
    return 0;
  }
  const size_t start = region - 1 - service_size;
  return start == 0 || host[start - 1] == '.' ? size - start : 0;
}

/* The URL as it would be made with the endpoint of now, which a bucket's region may have changed. */
static lh_status current_url(struct sending *sending, const char **out, struct lh_error *err) {
  const char *const url = sending->request->url;
  const size_t scheme_size = strlen("https://");
  *out = url;
  if (!sending->client->follows_region || strncmp(url, "https://", scheme_size) != 0) {
    return LH_OK;
  }
  const size_t host_size = strcspn(url + scheme_size, ":/?#");
  const size_t own_size = own_host_size(sending->client, url + scheme_size, host_size);
  if (own_size == 0) {
    return LH_OK;
  }
  const char *const endpoint = lh_aws_client_endpoint(sending->client);
  *out = lh_arena_printf(&sending->scratch, "%.*s%s%s", (int)(scheme_size + host_size - own_size), url,
                         endpoint + scheme_size, url + scheme_size + host_size);
  return *out != NULL ? LH_OK : lh_error_memory(err);
}

static lh_status perform(struct sending *sending, struct lh_http_response *out, struct lh_error *err) {
  struct lh_aws_client *const client = sending->client;
  struct lh_aws_attempt *const attempt = &sending->attempt;
  LH_TRY(lh_aws_provider_get(client->provider, &sending->scratch, &attempt->credentials, err));
  struct lh_http_request request = *sending->request;
  LH_TRY(current_url(sending, &request.url, err));
  attempt->region = lh_aws_client_region(client);
  attempt->signed_at = time(NULL) + (time_t)atomic_load(&client->clock_offset_seconds);
  const struct lh_sigv4_scope scope = lh_sigv4_scope_of(client->service, attempt->region, attempt->signed_at);
  const lh_status status = lh_sigv4_sign(&request, &scope, &attempt->credentials, &sending->scratch,
                                         &request.headers, &request.header_count, err);
  lh_aws_credentials_wipe_secret(&attempt->credentials);
  LH_TRY(status);
  request.also_cancelled = client->cancelled;
  request.error_body = &sending->error_body;
  return lh_http_perform(client->http, &request, sending->body, sending->arena, out, err);
}

static bool is_accepted(const struct lh_aws_call *call, int status) {
  for (size_t i = 0; i < call->accepted_count; i++) {
    if (call->accepted[i] == status) {
      return true;
    }
  }
  return status >= 200 && status <= 299;
}

/* Whether the response is none of an error; if it is, what it says. */
static bool is_good(struct sending *sending, struct lh_http_response *response,
                    struct lh_aws_error_document *document) {
  const struct lh_buf *const body = sending->body;
  if (!is_accepted(sending->call, response->status)) {
    lh_aws_error_read(response, sending->error_body.data, sending->error_body.len, document);
    return false;
  }
  if (!sending->call->error_in_success || response->status > 299 || body->len == sending->body_start) {
    return true;
  }
  const enum lh_aws_document kind =
      lh_aws_error_read_xml(body->data + sending->body_start, body->len - sending->body_start, document);
  if (kind == LH_AWS_DOCUMENT_OTHER) {
    return true;
  }
  if (kind == LH_AWS_DOCUMENT_NONE) {
    snprintf(document->message, sizeof(document->message), "the answer is no whole document");
  }
  response->status = 500;
  return false;
}

/* --- what to make of an error --- */

static bool parse_date(const struct lh_http_response *response, time_t *out) {
  const char *const date = lh_http_response_header(response, "Date");
  struct tm utc = {0};
  if (date == NULL || strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &utc) == NULL) {
    return false;
  }
  *out = timegm(&utc);
  return *out > 0;
}

/* The server's clock is taken over if it is far from the one that was signed with. */
static bool correct_clock(struct sending *sending, const struct lh_http_response *response) {
  time_t server_time = 0;
  if (sending->was_skewed || !parse_date(response, &server_time)) {
    return false;
  }
  sending->attempt.skew_seconds = (int64_t)server_time - (int64_t)sending->attempt.signed_at;
  if (llabs(sending->attempt.skew_seconds) < SKEW_LEAST_SECONDS) {
    return false;
  }
  sending->was_skewed = true;
  atomic_store(&sending->client->clock_offset_seconds, (int64_t)server_time - (int64_t)time(NULL));
  return true;
}

static bool renew_credentials(struct sending *sending) {
  if (sending->was_renewed || sending->attempt.credentials.session_token == NULL) {
    return false;
  }
  sending->was_renewed = true;
  lh_aws_provider_expire(sending->client->provider);
  return true;
}

static bool change_region(struct sending *sending, const struct lh_aws_error_document *document) {
  struct lh_error ignored;
  if (!sending->client->is_s3 || sending->was_moved || document->region[0] == '\0' ||
      strcmp(document->region, sending->attempt.region) == 0) {
    return false;
  }
  sending->was_moved = true;
  return lh_aws_client_set_region(sending->client, document->region, &ignored) == LH_OK;
}

/* Whether something was put right, so that the same request is worth sending at once. */
static bool is_cured(struct sending *sending, const struct lh_http_response *response,
                     const struct lh_aws_error_document *document, enum lh_aws_verdict verdict) {
  switch (verdict) {
    case LH_AWS_EXPIRED:
      return renew_credentials(sending);
    case LH_AWS_SKEWED:
      return correct_clock(sending, response);
    case LH_AWS_REGION:
      /* The answer to a HEAD does not say that it was the token. */
      return change_region(sending, document) || (document->code[0] == '\0' && renew_credentials(sending));
    default:
      return false;
  }
}

static int64_t asked_delay_ms(const struct lh_http_response *response) {
  const char *const text = lh_http_response_header(response, "Retry-After");
  const long seconds = text != NULL ? strtol(text, NULL, 10) : 0;
  return seconds > 0 && seconds < 3600 ? seconds * 1000 : 0;
}

enum step { STEP_DONE, STEP_AT_ONCE, STEP_LATER, STEP_FAIL };

/* One attempt and what follows from it; `err` is set unless it is done or something was put right. */
static enum step try_once(struct sending *sending, struct lh_http_response *out, int64_t *delay_ms,
                          struct lh_error *err) {
  *delay_ms = 0;
  sending->body->len = sending->body_start;
  lh_buf_reset(&sending->error_body);
  sending->attempt.credentials = (struct lh_aws_credentials){0};
  if (perform(sending, out, err) != LH_OK) {
    lh_aws_message_prefix(sending->client, sending->call, err);
    return err->error_class == LH_ERROR_CLASS_RETRYABLE ? STEP_LATER : STEP_FAIL;
  }
  struct lh_aws_error_document document;
  if (is_good(sending, out, &document)) {
    return STEP_DONE;
  }
  const enum lh_aws_verdict verdict = lh_aws_error_judge(out->status, document.code);
  if (is_cured(sending, out, &document, verdict)) {
    return STEP_AT_ONCE;
  }
  lh_aws_message_set(sending->client, sending->call, &sending->attempt, out->status, &document, verdict, err);
  *delay_ms = asked_delay_ms(out);
  return verdict == LH_AWS_RETRYABLE ? STEP_LATER : STEP_FAIL;
}

static void end_attempt(struct sending *sending) {
  lh_aws_credentials_wipe(&sending->attempt.credentials);
  lh_arena_reset(&sending->scratch);
}

/* Sleeps in slices, since two may end it. */
static lh_status wait_for_next(const struct sending *sending, const struct lh_retry_policy *policy,
                               int attempt, int64_t least_ms, struct lh_error *err) {
  uint32_t random = 0;
  if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
    random = (uint32_t)lh_clock_ns();
  }
  int64_t left_ms = lh_retry_delay_ms(policy, attempt, random, least_ms);
  while (left_ms > 0) {
    const atomic_bool *const cancelled = sending->request->cancelled;
    if (cancelled != NULL && atomic_load(cancelled)) {
      return lh_error_set(err, LH_ERROR_INTERRUPTED, "interrupted");
    }
    const int64_t slice_ms = left_ms < WAIT_SLICE_MS ? left_ms : WAIT_SLICE_MS;
    LH_TRY(lh_retry_sleep(slice_ms, sending->client->cancelled, err));
    left_ms -= slice_ms;
  }
  return LH_OK;
}

static lh_status send_until_done(struct sending *sending, int *attempts, struct lh_http_response *out,
                                 struct lh_error *err) {
  struct lh_retry_policy policy = lh_retry_default();
  if (sending->call->max_attempts > 0) {
    policy.max_attempts = sending->call->max_attempts;
  }
  for (int failures = 0;;) {
    *attempts += 1;
    int64_t delay_ms = 0;
    const enum step step = try_once(sending, out, &delay_ms, err);
    end_attempt(sending);
    if (step == STEP_DONE) {
      return LH_OK;
    }
    if (step == STEP_AT_ONCE) {
      continue;
    }
    if (step == STEP_FAIL || ++failures == policy.max_attempts) {
      return err->code;
    }
    LH_TRY(wait_for_next(sending, &policy, failures - 1, delay_ms, err));
  }
}

/* An accepted status of an error has its document where the caller looks for it. */
static lh_status hand_over_body(struct sending *sending, struct lh_http_response *out, struct lh_error *err) {
  if (out->body != &sending->error_body) {
    return LH_OK;
  }
  out->body = sending->body;
  const size_t room = sending->body->max - sending->body->len;
  const size_t size = sending->error_body.len < room ? sending->error_body.len : room;
  return lh_buf_append(sending->body, sending->error_body.data, size, err);
}

lh_status lh_aws_send(struct lh_aws_client *client, const struct lh_aws_call *call,
                      const struct lh_http_request *request, struct lh_buf *body, struct lh_arena *arena,
                      struct lh_http_response *out, struct lh_error *err) {
  struct sending sending = {
      .client = client,
      .call = call,
      .request = request,
      .body = body,
      .body_start = body->len,
      .arena = arena,
  };
  lh_buf_init(&sending.error_body, ERROR_BODY_MAX);
  lh_arena_init(&sending.scratch, 0);
  int attempts = 0;
  lh_status status = send_until_done(&sending, &attempts, out, err);
  if (status == LH_OK) {
    status = hand_over_body(&sending, out, err);
  } else {
    body->len = sending.body_start;
    lh_aws_message_attempts(attempts, err);
  }
  if (call->attempts != NULL) {
    *call->attempts = attempts;
  }
  lh_buf_clear(&sending.error_body);
  lh_arena_clear(&sending.scratch);
  return status;
}
