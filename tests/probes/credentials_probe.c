/* Which credentials, region and endpoint this environment has, as one line of JSON for each time it asks. Of
 * the secret it shows a digest alone, which is what the tests compare with boto3's.
 *
 * usage: credentials_probe [--profile P] [--region R] [--service S] [--times N] [--pause MS] [--expire]
 *                          [--threads N] [--abort]
 * --expire calls the credentials expired after each time, --threads has N threads ask at once, --abort ends
 * the program by abort() while the provider is open. Exit status 4 after an error. */
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "net/credentials.h"

#define THREADS_MAX 64

struct options {
  struct lh_aws_settings settings;
  const char *service;
  long times, pause_ms, threads;
  bool expires, aborts;
};

struct asker {
  struct lh_aws_provider *provider;
  const struct options *options;
  lh_status status;
};

static bool read_options(int argc, char **argv, struct options *options) {
  for (int i = 1; i < argc; i++) {
    const char *const value = i + 1 < argc ? argv[i + 1] : "";
    if (strcmp(argv[i], "--expire") == 0) {
      options->expires = true;
      continue;
    }
    if (strcmp(argv[i], "--abort") == 0) {
      options->aborts = true;
      continue;
    }
    i++;
    if (strcmp(argv[i - 1], "--profile") == 0) {
      options->settings.profile = value;
    } else if (strcmp(argv[i - 1], "--region") == 0) {
      options->settings.region = value;
    } else if (strcmp(argv[i - 1], "--service") == 0) {
      options->service = value;
    } else if (strcmp(argv[i - 1], "--times") == 0) {
      options->times = strtol(value, NULL, 10);
    } else if (strcmp(argv[i - 1], "--pause") == 0) {
      options->pause_ms = strtol(value, NULL, 10);
    } else if (strcmp(argv[i - 1], "--threads") == 0) {
      options->threads = strtol(value, NULL, 10);
    } else {
      return false;
    }
  }
  return options->threads >= 1 && options->threads <= THREADS_MAX;
}

/* SHA-256 of the three, each with a line break behind it. */
static void digest_of(const struct lh_aws_credentials *credentials, char hex[65]) {
  const char *const texts[] = {credentials->access_key_id, credentials->secret_access_key,
                               credentials->session_token != NULL ? credentials->session_token : ""};
  unsigned char digest[32];
  EVP_MD_CTX *const context = EVP_MD_CTX_new();
  EVP_DigestInit_ex(context, EVP_sha256(), NULL);
  for (size_t i = 0; i < 3; i++) {
    EVP_DigestUpdate(context, texts[i], strlen(texts[i]));
    EVP_DigestUpdate(context, "\n", 1);
  }
  EVP_DigestFinal_ex(context, digest, NULL);
  EVP_MD_CTX_free(context);
  for (size_t i = 0; i < 32; i++) {
    snprintf(hex + 2 * i, 3, "%02x", digest[i]);
  }
}

static void print_line(json_t *line) {
  char *const text = json_dumps(line, JSON_COMPACT);
  printf("%s\n", text);
  fflush(stdout);
  free(text);
  json_decref(line);
}

static lh_status fail(const struct lh_error *err) {
  print_line(json_pack("{s:s, s:s, s:s, s:s, s:i, s:b}", "error", err->message, "hint", err->hint, "status",
                       lh_status_name(err->code), "aws_code", err->aws_code, "http_status", err->http_status,
                       "credentials", err->error_class == LH_ERROR_CLASS_CREDENTIALS));
  return err->code;
}

static lh_status ask(struct lh_aws_provider *provider, const struct options *options) {
  struct lh_aws_credentials credentials;
  struct lh_error err;
  struct lh_arena arena;
  char digest[65];
  lh_arena_init(&arena, 0);
  if (lh_aws_provider_get(provider, &arena, &credentials, &err) != LH_OK) {
    lh_arena_clear(&arena);
    return fail(&err);
  }
  digest_of(&credentials, digest);
  print_line(json_pack("{s:s, s:s, s:s, s:s?, s:s?}", "access_key_id", credentials.access_key_id, "digest",
                       digest, "source", lh_aws_provider_source(provider), "region",
                       lh_aws_provider_region(provider), "endpoint",
                       lh_aws_provider_endpoint(provider, options->service)));
  lh_aws_credentials_wipe(&credentials);
  lh_arena_clear(&arena);
  return LH_OK;
}

static void *ask_all(void *argument) {
  struct asker *const asker = argument;
  const struct options *const options = asker->options;
  for (long i = 0; i < options->times; i++) {
    if (i > 0) {
      nanosleep(&(struct timespec){.tv_sec = options->pause_ms / 1000,
                                   .tv_nsec = options->pause_ms % 1000 * 1000000},
                NULL);
    }
    const lh_status status = ask(asker->provider, options);
    asker->status = status != LH_OK ? status : asker->status;
    if (options->expires) {
      lh_aws_provider_expire(asker->provider);
    }
  }
  return NULL;
}

int main(int argc, char **argv) {
  struct options options = {.service = "S3", .times = 1, .threads = 1};
  struct lh_aws_provider *provider;
  struct lh_error err;
  if (!read_options(argc, argv, &options)) {
    fputs("credentials_probe: wrong options\n", stderr);
    return 2;
  }
  if (lh_aws_provider_open(&options.settings, LH_ERROR_LAKE, &provider, &err) != LH_OK) {
    return lh_status_exit_code(fail(&err));
  }
  struct asker askers[THREADS_MAX];
  pthread_t threads[THREADS_MAX];
  lh_status status = LH_OK;
  for (long i = 0; i < options.threads; i++) {
    askers[i] = (struct asker){.provider = provider, .options = &options};
    if (pthread_create(&threads[i], NULL, ask_all, &askers[i]) != 0) {
      abort();
    }
  }
  for (long i = 0; i < options.threads; i++) {
    pthread_join(threads[i], NULL);
    status = askers[i].status != LH_OK ? askers[i].status : status;
  }
  if (options.aborts) {
    abort();
  }
  lh_aws_provider_free(provider);
  return lh_status_exit_code(status);
}
