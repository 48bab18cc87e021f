/*
 * Errors of AWS calls in words: what was being done, what the service said and under which request, whose
 * credentials it refused, and what the user can do. Nothing secret gets in, whatever a service quotes.
 */
#include <stdio.h>
#include <string.h>

#include "net/aws_impl.h"

/* Overwrites every occurrence: a service may quote what it was sent. */
static void hide(char *text, const char *secret) {
  const size_t size = secret != NULL ? strlen(secret) : 0;
  if (size < 8) {
    return;
  }
  for (char *found = strstr(text, secret); found != NULL; found = strstr(found + size, secret)) {
    memset(found, '*', size);
  }
}

void lh_aws_message_prefix(const struct lh_aws_client *client, const struct lh_aws_call *call,
                           struct lh_error *err) {
  if (err->code != LH_ERROR_INTERRUPTED && err->code != LH_ERROR_MEMORY) {
    lh_error_prefix(err, "%s", call->action != NULL ? call->action : client->service);
  }
}

void lh_aws_message_attempts(int attempts, struct lh_error *err) {
  const size_t used = strlen(err->message);
  if (attempts > 1 && err->code != LH_ERROR_INTERRUPTED && used + 32 < sizeof(err->message)) {
    snprintf(err->message + used, sizeof(err->message) - used, " (%d attempts)", attempts);
  }
}

static void hint_credentials(const char *code, const char *source, struct lh_error *err) {
  if (strcmp(code, "InvalidAccessKeyId") == 0 || strcmp(code, "UnrecognizedClientException") == 0 ||
      strcmp(code, "InvalidClientTokenId") == 0 || strcmp(code, "InvalidToken") == 0) {
    lh_error_hint(
        err, "the service does not know the keys of %s: check them, and that the endpoint is theirs", source);
  } else if (strcmp(code, "SignatureDoesNotMatch") == 0 || strcmp(code, "InvalidSignatureException") == 0) {
    lh_error_hint(err, "the secret access key of %s is not the one of its access key id", source);
  } else {
    lh_error_hint(err,
                  "whom the credentials of %s belong to may not do this: give the permission, or use others",
                  source);
  }
}

static void set_hint(const struct lh_aws_client *client, const struct lh_aws_attempt *attempt,
                     const struct lh_aws_error_document *document, enum lh_aws_verdict verdict,
                     struct lh_error *err) {
  const char *const source = lh_aws_provider_source(client->provider);
  switch (verdict) {
    case LH_AWS_EXPIRED:
      lh_error_hint(err, "the session of %s has expired: get a new one", source);
      break;
    case LH_AWS_SKEWED:
      if (attempt->skew_seconds > 240 || attempt->skew_seconds < -240) {
        lh_error_hint(err, "this machine's clock is wrong by %lld seconds: set it",
                      (long long)-attempt->skew_seconds);
        break;
      }
      hint_credentials(document->code, source, err);
      break;
    case LH_AWS_CREDENTIALS:
      hint_credentials(document->code, source, err);
      break;
    case LH_AWS_REGION:
      if (document->region[0] != '\0' && strcmp(document->region, attempt->region) != 0) {
        lh_error_hint(err, "set the region %s, which is the bucket's", document->region);
      } else {
        lh_error_hint(err, "check the region, %s here, and the endpoint", attempt->region);
      }
      break;
    case LH_AWS_RETRYABLE:
      lh_error_hint(err, "the service is in trouble or wants fewer requests: try again later");
      break;
    case LH_AWS_FATAL:
      if (strcmp(document->code, "NoSuchBucket") == 0) {
        lh_error_hint(err, "check the bucket's name, and that the endpoint is where it is");
      }
      break;
  }
}

static enum lh_error_class class_of(enum lh_aws_verdict verdict) {
  switch (verdict) {
    case LH_AWS_RETRYABLE:
      return LH_ERROR_CLASS_RETRYABLE;
    case LH_AWS_EXPIRED:
    case LH_AWS_SKEWED:
    case LH_AWS_CREDENTIALS:
      return LH_ERROR_CLASS_CREDENTIALS;
    default:
      return LH_ERROR_CLASS_FATAL;
  }
}

void lh_aws_message_set(const struct lh_aws_client *client, const struct lh_aws_call *call,
                        const struct lh_aws_attempt *attempt, int status,
                        const struct lh_aws_error_document *document, enum lh_aws_verdict verdict,
                        struct lh_error *err) {
  char said[sizeof(document->message)];
  snprintf(said, sizeof(said), "%s", document->message);
  /* The secret key is not sent, and gone by now. */
  hide(said, attempt->credentials.session_token);
  char reference[sizeof(document->code) + sizeof(document->request_id) + 64];
  snprintf(reference, sizeof(reference), "%s%sHTTP status %d%s%s", document->code,
           document->code[0] != '\0' ? ", " : "", status, document->request_id[0] != '\0' ? ", request " : "",
           document->request_id);
  const enum lh_error_class class = class_of(verdict);
  const bool names_source = class == LH_ERROR_CLASS_CREDENTIALS;
  lh_error_set(err, client->failure, "%s: %s (%s)%s%s", call->action != NULL ? call->action : client->service,
               said[0] != '\0' ? said : "the service refuses", reference,
               names_source ? ", with the credentials of " : "",
               names_source ? lh_aws_provider_source(client->provider) : "");
  err->error_class = class;
  err->http_status = status;
  snprintf(err->aws_code, sizeof(err->aws_code), "%s", document->code);
  set_hint(client, attempt, document, verdict, err);
}
