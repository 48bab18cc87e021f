/* The provider of AWS credentials: it asks the sources in their order and keeps what the first one gives. */
#include "net/credentials.h"

#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct lh_aws_provider {
  lh_status failure; /* constant, as is the region */
  char *region;
  const char *_Atomic source;
};

static const char *variable(const char *name) {
  const char *const value = getenv(name);
  return value != NULL && value[0] != '\0' ? value : NULL;
}

lh_status lh_aws_provider_open(const struct lh_aws_settings *settings, lh_status failure,
                               struct lh_aws_provider **out, struct lh_error *err) {
  struct lh_aws_provider *const provider = calloc(1, sizeof(*provider));
  if (provider == NULL) {
    return lh_error_memory(err);
  }
  provider->failure = failure;
  provider->source = "no source";
  const char *region = settings->region != NULL ? settings->region : variable("AWS_REGION");
  region = region != NULL ? region : variable("AWS_DEFAULT_REGION");
  if (region != NULL && (provider->region = strdup(region)) == NULL) {
    lh_aws_provider_free(provider);
    return lh_error_memory(err);
  }
  *out = provider;
  return LH_OK;
}

void lh_aws_provider_free(struct lh_aws_provider *provider) {
  if (provider != NULL) {
    free(provider->region);
    free(provider);
  }
}

static lh_status no_source(const struct lh_aws_provider *provider, struct lh_error *err) {
  lh_error_set(err, provider->failure, "no AWS credentials: AWS_ACCESS_KEY_ID is not set");
  lh_error_hint(err, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
  err->error_class = LH_ERROR_CLASS_CREDENTIALS;
  return err->code;
}

lh_status lh_aws_provider_get(struct lh_aws_provider *provider, struct lh_arena *arena,
                              struct lh_aws_credentials *out, struct lh_error *err) {
  const char *const key = variable("AWS_ACCESS_KEY_ID");
  const char *const secret = variable("AWS_SECRET_ACCESS_KEY");
  const char *const token = variable("AWS_SESSION_TOKEN");
  if (key == NULL && secret == NULL) {
    return no_source(provider, err);
  }
  if (key == NULL || secret == NULL) {
    lh_error_set(err, provider->failure, "environment variables: %s is not set",
                 key == NULL ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY");
    err->error_class = LH_ERROR_CLASS_CREDENTIALS;
    return err->code;
  }
  out->access_key_id = lh_arena_strdup(arena, key);
  out->secret_access_key = lh_arena_strdup(arena, secret);
  out->session_token = token != NULL ? lh_arena_strdup(arena, token) : NULL;
  if (out->access_key_id == NULL || out->secret_access_key == NULL ||
      (token != NULL && out->session_token == NULL)) {
    return lh_error_memory(err);
  }
  atomic_store(&provider->source, "environment variables");
  return LH_OK;
}

static void wipe(const char *text) {
  if (text != NULL) {
    OPENSSL_cleanse((void *)(uintptr_t)text, strlen(text));
  }
}

void lh_aws_credentials_wipe(struct lh_aws_credentials *credentials) {
  wipe(credentials->secret_access_key);
  wipe(credentials->session_token);
  *credentials = (struct lh_aws_credentials){0};
}

void lh_aws_provider_expire(struct lh_aws_provider *provider) {
  (void)provider; /* the environment is asked every time */
}

const char *lh_aws_provider_source(const struct lh_aws_provider *provider) {
  return atomic_load(&provider->source);
}

const char *lh_aws_provider_region(const struct lh_aws_provider *provider) {
  return provider->region;
}

const char *lh_aws_provider_endpoint(const struct lh_aws_provider *provider, const char *service) {
  (void)provider;
  char name[64] = "AWS_ENDPOINT_URL_";
  strncat(name, service, sizeof(name) - strlen(name) - 1);
  const char *const own = variable(name);
  return own != NULL ? own : variable("AWS_ENDPOINT_URL");
}
