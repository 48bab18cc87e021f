/* The provider: which source has credentials, how long they are good, and who asks for new ones. One thread
 * at a time asks a source; others go on with what there is, or wait for that one. Region and endpoints are
 * read once, when the provider is opened. */
#include "net/credentials.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/credentials_impl.h"
#include "net/secret.h"

#define SEARCH_ARENA_BYTES ((size_t)4 << 10)
#define ADVISORY_SECONDS (15 * 60)
#define MANDATORY_SECONDS (10 * 60)
#define PAUSE_SECONDS 30 /* between attempts to renew what is good still */

struct lh_aws_provider {
  /* Constant after opening. */
  lh_status failure;
  struct lh_arena arena;
  const char *profile;   /* never NULL */
  bool is_profile_named; /* by the project: it goes before the environment */
  bool is_profile_meant; /* by the project or AWS_PROFILE */
  const char *region;
  bool ignores_endpoints;
  const char *profile_endpoint;
  const char *service_endpoints[5];
  bool is_fixed;

  pthread_mutex_t lock;
  pthread_cond_t renewed;
  /* Under the lock. */
  struct lh_credential_set *current; /* NULL: none yet */
  bool is_expired;                   /* the service said so */
  bool is_renewing;
  unsigned renewals;            /* attempts that have ended */
  struct lh_error failed;       /* of the last one; code LH_OK: it did not fail */
  time_t next_attempt;          /* to renew what is good still */
  _Atomic(const char *) source; /* in the arena, or a literal */
};

static const char *const service_names[] = {"s3", "glue", "athena", "sts", "sso"};
#define SERVICE_COUNT (sizeof(service_names) / sizeof(service_names[0]))

static const char *variable(const char *name) {
  const char *const value = getenv(name);
  return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool is_true(const char *value) {
  return value != NULL && strcasecmp(value, "true") == 0;
}

/* Copies into the provider's arena; NULL stays NULL. */
static lh_status keep(struct lh_aws_provider *provider, const char *text, const char **out,
                      struct lh_error *err) {
  *out = text != NULL ? lh_arena_strdup(&provider->arena, text) : NULL;
  return text == NULL || *out != NULL ? LH_OK : lh_error_memory(err);
}

static lh_status read_region(struct lh_aws_provider *provider, const struct lh_aws_settings *settings,
                             const struct lh_shared_config *config, struct lh_error *err) {
  const char *region = settings->region;
  region = region != NULL ? region : variable("AWS_REGION");
  region = region != NULL ? region : variable("AWS_DEFAULT_REGION");
  region = region != NULL ? region : lh_shared_config_get(config, provider->profile, "region");
  return keep(provider, region, &provider->region, err);
}

static lh_status read_endpoints(struct lh_aws_provider *provider, const struct lh_shared_config *config,
                                struct lh_error *err) {
  const char *const profile = provider->profile;
  const char *const services = lh_shared_config_get(config, profile, "services");
  provider->ignores_endpoints =
      is_true(variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) ||
      is_true(lh_shared_config_get(config, profile, "ignore_configured_endpoint_urls"));
  if (services != NULL && !lh_shared_config_has_section(config, "services", services)) {
    lh_error_set(err, provider->failure, "services %s of profile %s does not exist", services, profile);
    lh_error_hint(err, "write [services %s] into %s", services, config->config_path);
    return err->code;
  }
  for (size_t i = 0; services != NULL && i < SERVICE_COUNT; i++) {
    LH_TRY(keep(provider,
                lh_shared_config_get_of(config, "services", services, service_names[i], "endpoint_url"),
                &provider->service_endpoints[i], err));
  }
  return keep(provider, lh_shared_config_get(config, profile, "endpoint_url"), &provider->profile_endpoint,
              err);
}

static lh_status read_settings(struct lh_aws_provider *provider, const struct lh_aws_settings *settings,
                               struct lh_error *err) {
  struct lh_shared_config config;
  struct lh_arena arena;
  const char *profile = settings->profile;
  provider->is_profile_named = profile != NULL;
  profile = profile != NULL ? profile : variable("AWS_PROFILE");
  provider->is_profile_meant = profile != NULL;
  LH_TRY(keep(provider, profile != NULL ? profile : "default", &provider->profile, err));
  lh_arena_init(&arena, SEARCH_ARENA_BYTES);
  lh_status status = lh_shared_config_load(&config, &arena, provider->failure, err);
  if (status != LH_OK) {
    lh_arena_clear(&arena);
    return status;
  }
  if (provider->is_profile_meant && !lh_shared_config_has_profile(&config, provider->profile)) {
    status = lh_error_set(err, provider->failure, "AWS profile %s does not exist", provider->profile);
    lh_error_hint(err, "%s names it; it is looked for in %s and %s",
                  provider->is_profile_named ? "the project" : "AWS_PROFILE",
                  config.config_path != NULL ? config.config_path : "~/.aws/config",
                  config.credentials_path != NULL ? config.credentials_path : "~/.aws/credentials");
    err->error_class = LH_ERROR_CLASS_CREDENTIALS;
  }
  if (status == LH_OK) {
    status = read_region(provider, settings, &config, err);
  }
  if (status == LH_OK) {
    status = read_endpoints(provider, &config, err);
  }
  lh_shared_config_clear(&config);
  lh_arena_clear(&arena);
  return status;
}

static struct lh_aws_provider *new_provider(lh_status failure) {
  struct lh_aws_provider *const provider = calloc(1, sizeof(*provider));
  if (provider == NULL) {
    return NULL;
  }
  provider->failure = failure;
  provider->source = "no source";
  lh_arena_init(&provider->arena, 0);
  pthread_mutex_init(&provider->lock, NULL);
  pthread_cond_init(&provider->renewed, NULL);
  return provider;
}

lh_status lh_aws_provider_open(const struct lh_aws_settings *settings, lh_status failure,
                               struct lh_aws_provider **out, struct lh_error *err) {
  struct lh_aws_provider *const provider = new_provider(failure);
  if (provider == NULL) {
    return lh_error_memory(err);
  }
  const lh_status status = read_settings(provider, settings, err);
  if (status != LH_OK) {
    lh_aws_provider_free(provider);
    return status;
  }
  *out = provider;
  return LH_OK;
}

lh_status lh_aws_provider_open_fixed(const struct lh_aws_provider *of, struct lh_credential_set *set,
                                     struct lh_aws_provider **out, struct lh_error *err) {
  struct lh_aws_provider *const provider = new_provider(of->failure);
  if (provider == NULL) {
    lh_credential_set_free(set);
    return lh_error_memory(err);
  }
  provider->is_fixed = true;
  provider->current = set;
  provider->ignores_endpoints = of->ignores_endpoints;
  lh_status status = keep(provider, of->profile, &provider->profile, err);
  if (status == LH_OK) {
    status = keep(provider, of->region, &provider->region, err);
  }
  if (status == LH_OK) {
    status = keep(provider, of->profile_endpoint, &provider->profile_endpoint, err);
  }
  for (size_t i = 0; i < SERVICE_COUNT && status == LH_OK; i++) {
    status = keep(provider, of->service_endpoints[i], &provider->service_endpoints[i], err);
  }
  const char *source = NULL;
  if (status == LH_OK) {
    status = keep(provider, set->source, &source, err);
  }
  if (status != LH_OK) {
    lh_aws_provider_free(provider);
    return status;
  }
  provider->source = source;
  *out = provider;
  return LH_OK;
}

void lh_aws_provider_free(struct lh_aws_provider *provider) {
  if (provider == NULL) {
    return;
  }
  lh_credential_set_free(provider->current);
  pthread_cond_destroy(&provider->renewed);
  pthread_mutex_destroy(&provider->lock);
  lh_arena_clear(&provider->arena);
  free(provider);
}

/* No source has any. */
static lh_status fail_empty(const struct lh_aws_provider *provider, const struct lh_credential_search *search,
                            struct lh_error *err) {
  if (provider->is_profile_meant) {
    lh_credential_fail(search, err, "AWS profile %s has no credentials", provider->profile);
    lh_error_hint(err,
                  "give it aws_access_key_id and aws_secret_access_key, role_arn, sso_session or "
                  "credential_process");
    return search->failure;
  }
  lh_credential_fail(
      search, err,
      "no AWS credentials: not in the environment (AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE), in "
      "profile "
      "%s of %s and %s, from a container (AWS_CONTAINER_CREDENTIALS_FULL_URI), or from instance metadata%s",
      provider->profile, search->config->config_path != NULL ? search->config->config_path : "~/.aws/config",
      search->config->credentials_path != NULL ? search->config->credentials_path : "~/.aws/credentials",
      is_true(variable("AWS_EC2_METADATA_DISABLED")) ? " (AWS_EC2_METADATA_DISABLED)" : "");
  lh_error_hint(err,
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile: aws: {profile: …} or "
                "AWS_PROFILE");
  return search->failure;
}

static lh_status from_own_profile(struct lh_credential_search *search, struct lh_credential_set **out,
                                  struct lh_error *err) {
  return lh_credential_from_profile(search, search->profile, out, err);
}

/* The first source that has any. A profile that is meant and has none ends the search. */
static lh_status search_sources(const struct lh_aws_provider *provider, struct lh_credential_search *search,
                                struct lh_credential_set **out, struct lh_error *err) {
  typedef lh_status source(struct lh_credential_search *, struct lh_credential_set **, struct lh_error *);
  source *const sources[] = {lh_credential_from_environment, lh_credential_from_web_identity,
                             from_own_profile, lh_credential_from_container, lh_credential_from_instance};
  const size_t profile_index = 2;
  const size_t first = provider->is_profile_named ? profile_index : 0;
  for (size_t i = first; i < sizeof(sources) / sizeof(sources[0]); i++) {
    LH_TRY(sources[i](search, out, err));
    if (*out != NULL) {
      return LH_OK;
    }
    if (i == profile_index && provider->is_profile_meant) {
      break;
    }
  }
  return fail_empty(provider, search, err);
}

static lh_status resolve(const struct lh_aws_provider *provider, struct lh_credential_set **out,
                         struct lh_error *err) {
  struct lh_shared_config config;
  struct lh_arena arena;
  struct lh_credential_search search = {.provider = provider,
                                        .config = &config,
                                        .profile = provider->profile,
                                        .arena = &arena,
                                        .failure = provider->failure};
  *out = NULL;
  lh_arena_init(&arena, SEARCH_ARENA_BYTES);
  lh_status status = lh_shared_config_load(&config, &arena, provider->failure, err);
  if (status == LH_OK) {
    status = search_sources(provider, &search, out, err);
    lh_shared_config_clear(&config);
  }
  lh_arena_clear(&arena);
  return status;
}

/* Seconds before the expiry from which new ones are wanted, or needed: less where the set is good for a short
 * time at all. */
static time_t window(const struct lh_credential_set *set, time_t seconds, time_t share) {
  const time_t life = set->expires_at - set->fetched_at;
  return life / share < seconds ? life / share : seconds;
}

static bool is_fresh(const struct lh_aws_provider *provider, time_t now) {
  const struct lh_credential_set *const set = provider->current;
  return set != NULL && !provider->is_expired &&
         (set->expires_at == 0 || set->expires_at - now > window(set, ADVISORY_SECONDS, 2));
}

static bool is_good(const struct lh_aws_provider *provider, time_t now) {
  const struct lh_credential_set *const set = provider->current;
  return set != NULL && !provider->is_expired &&
         (set->expires_at == 0 || set->expires_at - now > window(set, MANDATORY_SECONDS, 3));
}

/* Under the lock. The text of a set before stays where it is: others may be holding it. */
static lh_status take_over(struct lh_aws_provider *provider, struct lh_credential_set *set,
                           struct lh_error *err) {
  if (strcmp(provider->source, set->source) != 0) {
    const char *source;
    LH_TRY(keep(provider, set->source, &source, err));
    provider->source = source;
  }
  lh_credential_set_free(provider->current);
  provider->current = set;
  provider->is_expired = false;
  return LH_OK;
}

/* Under the lock, which it gives up while the source is asked. */
static void renew(struct lh_aws_provider *provider) {
  struct lh_credential_set *set = NULL;
  struct lh_error err;
  lh_error_clear(&err);
  provider->is_renewing = true;
  pthread_mutex_unlock(&provider->lock);
  const lh_status status = resolve(provider, &set, &err);
  lh_secret_burn_stack();
  pthread_mutex_lock(&provider->lock);
  if (status == LH_OK && set != NULL && take_over(provider, set, &err) != LH_OK) {
    lh_credential_set_free(set);
  }
  provider->failed = err;
  provider->next_attempt = time(NULL) + PAUSE_SECONDS;
  provider->renewals++;
  provider->is_renewing = false;
  pthread_cond_broadcast(&provider->renewed);
}

/* Under the lock: fresh credentials are in provider->current, or good ones where nothing fresh is to be had.
 */
static lh_status make_current(struct lh_aws_provider *provider, struct lh_error *err) {
  if (provider->is_fixed) {
    return LH_OK;
  }
  time_t now = time(NULL);
  if (is_fresh(provider, now) ||
      (is_good(provider, now) && (provider->is_renewing || now < provider->next_attempt))) {
    return LH_OK;
  }
  if (provider->is_renewing) {
    const unsigned before = provider->renewals;
    while (provider->renewals == before) {
      pthread_cond_wait(&provider->renewed, &provider->lock);
    }
  } else {
    renew(provider);
  }
  now = time(NULL);
  if (provider->failed.code == LH_OK || is_good(provider, now)) {
    return LH_OK;
  }
  *err = provider->failed;
  return err->code;
}

lh_status lh_aws_provider_get(struct lh_aws_provider *provider, struct lh_arena *arena,
                              struct lh_aws_credentials *out, struct lh_error *err) {
  pthread_mutex_lock(&provider->lock);
  lh_status status = make_current(provider, err);
  if (status == LH_OK) {
    const struct lh_aws_credentials *const from = &provider->current->credentials;
    *out = (struct lh_aws_credentials){
        .access_key_id = lh_arena_strdup(arena, from->access_key_id),
        .secret_access_key = lh_arena_strdup(arena, from->secret_access_key),
        .session_token = from->session_token != NULL ? lh_arena_strdup(arena, from->session_token) : NULL,
    };
    if (out->access_key_id == NULL || out->secret_access_key == NULL ||
        (from->session_token != NULL && out->session_token == NULL)) {
      lh_aws_credentials_wipe(out);
      status = lh_error_memory(err);
    }
  }
  pthread_mutex_unlock(&provider->lock);
  return status;
}

/* The texts are ours, in the owner's arena: const only for those who read them. */
static void wipe(const char *text) {
  if (text != NULL) {
    OPENSSL_cleanse((char *)text, strlen(text));
  }
}

void lh_aws_credentials_wipe(struct lh_aws_credentials *credentials) {
  wipe(credentials->access_key_id);
  wipe(credentials->secret_access_key);
  wipe(credentials->session_token);
  *credentials = (struct lh_aws_credentials){0};
}

void lh_aws_credentials_wipe_secret(struct lh_aws_credentials *credentials) {
  wipe(credentials->secret_access_key);
}

void lh_aws_provider_expire(struct lh_aws_provider *provider) {
  pthread_mutex_lock(&provider->lock);
  provider->is_expired = !provider->is_fixed;
  pthread_mutex_unlock(&provider->lock);
}

const char *lh_aws_provider_source(const struct lh_aws_provider *provider) {
  return provider->source;
}

const char *lh_aws_provider_region(const struct lh_aws_provider *provider) {
  return provider->region;
}

const char *lh_aws_provider_endpoint(const struct lh_aws_provider *provider, const char *service) {
  char name[64];
  if (provider->ignores_endpoints) {
    return NULL;
  }
  snprintf(name, sizeof(name), "AWS_ENDPOINT_URL_%s", service);
  const char *endpoint = variable(name);
  endpoint = endpoint != NULL ? endpoint : variable("AWS_ENDPOINT_URL");
  for (size_t i = 0; i < SERVICE_COUNT && endpoint == NULL; i++) {
    if (strcasecmp(service_names[i], service) == 0) {
      endpoint = provider->service_endpoints[i];
    }
  }
  return endpoint != NULL ? endpoint : provider->profile_endpoint;
}
