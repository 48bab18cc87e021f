/*
 * Signing of requests (AWS Signature Version 4): the canonical form of a request, hashed as it is made, so
 * that no copy of a session token is left behind; from it and the derived key the Authorization header.
 */
#include "net/sigv4.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/sigv4_impl.h"

#define HASH_BYTES 32
#define HEX_CHARS (2 * HASH_BYTES)
#define SECRET_MAX 1024
#define CANONICAL_MAX (1 << 20)
#define ALGORITHM "AWS4-HMAC-SHA256"

/* Host, X-Amz-Date, X-Amz-Security-Token, X-Amz-Content-Sha256, Authorization. */
#define ADDED_HEADERS 5

struct signing {
  const struct lh_http_request *request;
  const struct lh_sigv4_scope *scope;
  struct lh_arena *arena;
  char time[sizeof("20150830T123600Z")];
  char day[sizeof("20150830")];
  struct lh_http_header *headers; /* those of the request, then those that are added */
  size_t header_count;
  char payload_hash[HEX_CHARS + 1];
};

static void to_hex(const uint8_t hash[HASH_BYTES], char out[HEX_CHARS + 1]) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < HASH_BYTES; i++) {
    out[2 * i] = digits[hash[i] >> 4];
    out[2 * i + 1] = digits[hash[i] & 15];
  }
  out[HEX_CHARS] = '\0';
}

static lh_status crypto_failed(struct lh_error *err) {
  return lh_error_set(err, LH_ERROR_INTERNAL, "a request could not be signed: OpenSSL has no SHA-256");
}

lh_status lh_sigv4_hash(const void *bytes, size_t size, char out[LH_SIGV4_HASH_CHARS + 1],
                        struct lh_error *err) {
  uint8_t hash[HASH_BYTES];
  if (EVP_Digest(size > 0 ? bytes : "", size, hash, NULL, EVP_sha256(), NULL) != 1) {
    return crypto_failed(err);
  }
  to_hex(hash, out);
  return LH_OK;
}

/* --- headers --- */

static const char *find_header(const struct signing *signing, const char *name) {
  for (size_t i = 0; i < signing->header_count; i++) {
    if (strcasecmp(signing->headers[i].name, name) == 0) {
      return signing->headers[i].value;
    }
  }
  return NULL;
}

static void add_header(struct signing *signing, const char *name, const char *value) {
  signing->headers[signing->header_count++] = (struct lh_http_header){.name = name, .value = value};
}

/* What hops may change, or what the transport adds by itself. */
static bool is_signed(const char *name) {
  static const char *const unsigned_names[] = {"authorization",     "connection", "expect",
                                               "transfer-encoding", "user-agent", "x-amzn-trace-id"};
  for (size_t i = 0; i < sizeof(unsigned_names) / sizeof(unsigned_names[0]); i++) {
    if (strcasecmp(name, unsigned_names[i]) == 0) {
      return false;
    }
  }
  return true;
}

static lh_status collect_headers(struct signing *signing, const struct lh_sigv4_url *url,
                                 const struct lh_aws_credentials *credentials, struct lh_error *err) {
  const struct lh_http_request *const request = signing->request;
  signing->headers =
      LH_ARENA_ARRAY(signing->arena, struct lh_http_header, request->header_count + ADDED_HEADERS);
  const char *const date = lh_arena_strdup(signing->arena, signing->time);
  if (signing->headers == NULL || date == NULL) {
    return lh_error_memory(err);
  }
  if (request->header_count > 0) {
    memcpy(signing->headers, request->headers, request->header_count * sizeof(*request->headers));
  }
  signing->header_count = request->header_count;
  if (find_header(signing, "Host") == NULL) {
    add_header(signing, "Host", url->host);
  }
  add_header(signing, "X-Amz-Date", date);
  if (credentials->session_token != NULL) {
    add_header(signing, "X-Amz-Security-Token", credentials->session_token);
  }
  const char *const known_hash = find_header(signing, "X-Amz-Content-Sha256");
  if (known_hash != NULL && strlen(known_hash) < sizeof(signing->payload_hash)) {
    strcpy(signing->payload_hash, known_hash);
    return LH_OK;
  }
  LH_TRY(lh_sigv4_hash(request->body, request->body_size, signing->payload_hash, err));
  if (signing->scope->payload_header) {
    const char *const hash = lh_arena_strdup(signing->arena, signing->payload_hash);
    if (hash == NULL) {
      return lh_error_memory(err);
    }
    add_header(signing, "X-Amz-Content-Sha256", hash);
  }
  return LH_OK;
}

/* --- the canonical request --- */

struct signed_header {
  const char *name; /* lower case */
  const char *value;
  size_t place; /* in the request: headers of one name keep their order */
};

static int compare_headers(const void *left, const void *right) {
  const struct signed_header *const a = left;
  const struct signed_header *const b = right;
  const int by_name = strcmp(a->name, b->name);
  return by_name != 0 ? by_name : (a->place > b->place) - (a->place < b->place);
}

static lh_status sort_headers(const struct signing *signing, struct signed_header **out, size_t *count,
                              struct lh_error *err) {
  struct signed_header *const sorted =
      LH_ARENA_ARRAY(signing->arena, struct signed_header, signing->header_count);
  if (sorted == NULL) {
    return lh_error_memory(err);
  }
  *count = 0;
  for (size_t i = 0; i < signing->header_count; i++) {
    if (!is_signed(signing->headers[i].name)) {
      continue;
    }
    char *const name = lh_arena_strdup(signing->arena, signing->headers[i].name);
    if (name == NULL) {
      return lh_error_memory(err);
    }
    for (char *c = name; *c != '\0'; c++) {
      *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
    }
    sorted[*count] = (struct signed_header){.name = name, .value = signing->headers[i].value, .place = i};
    *count += 1;
  }
  qsort(sorted, *count, sizeof(*sorted), compare_headers);
  *out = sorted;
  return LH_OK;
}

struct hasher {
  EVP_MD_CTX *context;
  bool failed;
};

static void hash_bytes(struct hasher *hasher, const void *bytes, size_t size) {
  hasher->failed = hasher->failed || EVP_DigestUpdate(hasher->context, bytes, size) != 1;
}

static void hash_text(struct hasher *hasher, const char *text) {
  hash_bytes(hasher, text, strlen(text));
}

/* Without white space at its ends, and with one space for any within. */
static void hash_header_value(struct hasher *hasher, const char *value) {
  static const char spaces[] = " \t\r\n";
  const char *at = value + strspn(value, spaces);
  while (*at != '\0') {
    const size_t size = strcspn(at, spaces);
    hash_bytes(hasher, at, size);
    at += size;
    at += strspn(at, spaces);
    if (*at != '\0') {
      hash_text(hasher, " ");
    }
  }
}

static void hash_headers(struct hasher *hasher, const struct signed_header *headers, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const bool goes_on = i > 0 && strcmp(headers[i - 1].name, headers[i].name) == 0;
    if (goes_on) {
      hash_text(hasher, ",");
    } else {
      hash_text(hasher, i > 0 ? "\n" : "");
      hash_text(hasher, headers[i].name);
      hash_text(hasher, ":");
    }
    hash_header_value(hasher, headers[i].value);
  }
  hash_text(hasher, "\n\n");
}

/* "host;x-amz-date" */
static lh_status name_headers(const struct signed_header *headers, size_t count, struct lh_buf *out,
                              struct lh_error *err) {
  for (size_t i = 0; i < count; i++) {
    if (i > 0 && strcmp(headers[i - 1].name, headers[i].name) == 0) {
      continue;
    }
    LH_TRY(lh_buf_printf(out, err, "%s%s", i > 0 ? ";" : "", headers[i].name));
  }
  return LH_OK;
}

static lh_status hash_request(const struct signing *signing, const struct lh_sigv4_url *url,
                              const char **signed_names, char out[HEX_CHARS + 1], struct lh_buf *scratch,
                              struct lh_error *err) {
  struct signed_header *headers = NULL;
  size_t count = 0;
  LH_TRY(sort_headers(signing, &headers, &count, err));
  LH_TRY(name_headers(headers, count, scratch, err));
  *signed_names = lh_arena_strndup(signing->arena, (const char *)scratch->data, scratch->len);
  if (*signed_names == NULL) {
    return lh_error_memory(err);
  }
  lh_buf_reset(scratch);
  LH_TRY(lh_buf_printf(scratch, err, "%s\n", lh_http_method_name(signing->request->method)));
  LH_TRY(lh_sigv4_append_path(url, signing->scope, signing->arena, scratch, err));
  LH_TRY(lh_buf_append_byte(scratch, '\n', err));
  LH_TRY(lh_sigv4_append_query(url, signing->arena, scratch, err));
  LH_TRY(lh_buf_append_byte(scratch, '\n', err));

  struct hasher hasher = {.context = EVP_MD_CTX_new()};
  if (hasher.context == NULL) {
    return lh_error_memory(err);
  }
  hasher.failed = EVP_DigestInit_ex(hasher.context, EVP_sha256(), NULL) != 1;
  hash_bytes(&hasher, scratch->data, scratch->len);
  hash_headers(&hasher, headers, count);
  hash_text(&hasher, *signed_names);
  hash_text(&hasher, "\n");
  hash_text(&hasher, signing->payload_hash);
  uint8_t hash[HASH_BYTES];
  hasher.failed = hasher.failed || EVP_DigestFinal_ex(hasher.context, hash, NULL) != 1;
  EVP_MD_CTX_free(hasher.context);
  if (hasher.failed) {
    return crypto_failed(err);
  }
  to_hex(hash, out);
  return LH_OK;
}

/* --- key and signature --- */

static bool mac(const uint8_t *key, size_t key_size, const char *text, uint8_t out[HASH_BYTES]) {
  return HMAC(EVP_sha256(), key, (int)key_size, (const uint8_t *)text, strlen(text), out, NULL) != NULL;
}

static lh_status sign_text(const struct signing *signing, const char *secret, const char *text,
                           char out[HEX_CHARS + 1], struct lh_error *err) {
  char first[sizeof("AWS4") + SECRET_MAX];
  const size_t secret_size = strlen(secret);
  if (secret_size > SECRET_MAX) {
    return lh_error_set(err, LH_ERROR_USAGE, "the secret access key has more than %d characters", SECRET_MAX);
  }
  snprintf(first, sizeof(first), "AWS4%s", secret);
  uint8_t key[HASH_BYTES];
  uint8_t next[HASH_BYTES];
  uint8_t signature[HASH_BYTES];
  const bool ok = mac((const uint8_t *)first, 4 + secret_size, signing->day, key) &&
                  mac(key, HASH_BYTES, signing->scope->region, next) &&
                  mac(next, HASH_BYTES, signing->scope->service, key) &&
                  mac(key, HASH_BYTES, "aws4_request", next) && mac(next, HASH_BYTES, text, signature);
  OPENSSL_cleanse(first, sizeof(first));
  OPENSSL_cleanse(key, sizeof(key));
  OPENSSL_cleanse(next, sizeof(next));
  if (!ok) {
    return crypto_failed(err);
  }
  to_hex(signature, out);
  return LH_OK;
}

static lh_status authorize(struct signing *signing, const struct lh_sigv4_url *url,
                           const struct lh_aws_credentials *credentials, struct lh_buf *scratch,
                           struct lh_error *err) {
  const char *signed_names = NULL;
  char request_hash[HEX_CHARS + 1];
  LH_TRY(hash_request(signing, url, &signed_names, request_hash, scratch, err));
  const char *const scope = lh_arena_printf(signing->arena, "%s/%s/%s/aws4_request", signing->day,
                                            signing->scope->region, signing->scope->service);
  const char *const text = scope != NULL ? lh_arena_printf(signing->arena, ALGORITHM "\n%s\n%s\n%s",
                                                           signing->time, scope, request_hash)
                                         : NULL;
  if (text == NULL) {
    return lh_error_memory(err);
  }
  char signature[HEX_CHARS + 1];
  LH_TRY(sign_text(signing, credentials->secret_access_key, text, signature, err));
  const char *const authorization =
      lh_arena_printf(signing->arena, ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s",
                      credentials->access_key_id, scope, signed_names, signature);
  if (authorization == NULL) {
    return lh_error_memory(err);
  }
  add_header(signing, "Authorization", authorization);
  return LH_OK;
}

struct lh_sigv4_scope lh_sigv4_scope_of(const char *service, const char *region, time_t time) {
  const bool is_s3 = strcmp(service, "s3") == 0;
  return (struct lh_sigv4_scope){
      .service = service,
      .region = region,
      .time = time,
      .encode_path = !is_s3,
      .normalize_path = !is_s3,
      .payload_header = is_s3,
  };
}

lh_status lh_sigv4_sign(const struct lh_http_request *request, const struct lh_sigv4_scope *scope,
                        const struct lh_aws_credentials *credentials, struct lh_arena *arena,
                        const struct lh_http_header **headers, size_t *header_count, struct lh_error *err) {
  struct signing signing = {.request = request, .scope = scope, .arena = arena};
  struct tm utc;
  if (gmtime_r(&scope->time, &utc) == NULL ||
      strftime(signing.time, sizeof(signing.time), "%Y%m%dT%H%M%SZ", &utc) == 0) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "a request could not be signed: the time is out of range");
  }
  memcpy(signing.day, signing.time, sizeof(signing.day) - 1);
  struct lh_sigv4_url url = {0};
  LH_TRY(lh_sigv4_split_url(request->url, arena, &url, err));
  LH_TRY(collect_headers(&signing, &url, credentials, err));
  struct lh_buf scratch;
  lh_buf_init(&scratch, CANONICAL_MAX);
  const lh_status status = authorize(&signing, &url, credentials, &scratch, err);
  lh_buf_clear(&scratch);
  if (status == LH_OK) {
    *headers = signing.headers;
    *header_count = signing.header_count;
  }
  return status;
}
