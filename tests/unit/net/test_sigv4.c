/* Signing: every case of the AWS signing test suite, S3's own rules, and the key that AWS' documentation
 * derives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/sigv4.h"

#define HEADERS_MAX 16
#define CASES 38

/* A request as a file has it; all texts point into the file's. */
struct parsed {
  char *target;
  struct lh_http_request request;
  struct lh_http_header headers[HEADERS_MAX];
};

static char *read_file(const char *name, const char *file, struct lh_arena *arena) {
  char path[512];
  snprintf(path, sizeof(path), "%s/%s/%s", SUITE_DIR, name, file);
  FILE *const in = fopen(path, "rb");
  assert_non_null(in);
  char *const text = lh_arena_calloc(arena, 1, 16384);
  assert_non_null(text);
  assert_true(fread(text, 1, 16383, in) < 16383);
  fclose(in);
  return text;
}

static char *next_line(char **at) {
  char *const line = *at;
  char *const end = strchr(line, '\n');
  *at = end != NULL ? end + 1 : line + strlen(line);
  if (end != NULL) {
    *end = '\0';
  }
  return line;
}

/* A line that begins with white space goes on with the header before it: the two are joined again. */
static void parse_headers(struct parsed *out, char **at) {
  while (**at != '\0' && **at != '\n') {
    char *const line = next_line(at);
    while (**at == ' ') {
      (*at)[-1] = '\n';
      next_line(at);
    }
    char *const colon = strchr(line, ':');
    assert_non_null(colon);
    *colon = '\0';
    assert_true(out->request.header_count < HEADERS_MAX);
    out->headers[out->request.header_count++] = (struct lh_http_header){line, colon + 1};
  }
}

static void parse_request(char *text, struct parsed *out) {
  *out = (struct parsed){0};
  char *at = text;
  char *const first = next_line(&at);
  char *const target = strchr(first, ' ');
  char *const version = strstr(first, " HTTP/1.1");
  assert_true(target != NULL && version != NULL);
  *target = *version = '\0';
  out->target = target + 1;
  out->request.method = strcmp(first, "POST") == 0 ? LH_HTTP_POST : LH_HTTP_GET;
  assert_string_equal(first, lh_http_method_name(out->request.method));
  parse_headers(out, &at);
  out->request.headers = out->headers;
  if (*at == '\n') {
    out->request.body = at + 1;
    out->request.body_size = strlen(at + 1);
  }
}

static const char *find(const struct lh_http_header *headers, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++) {
    if (strcasecmp(headers[i].name, name) == 0) {
      return headers[i].value;
    }
  }
  return NULL;
}

static void check_case(const char *name, struct lh_arena *arena) {
  struct parsed given;
  struct parsed expected;
  parse_request(read_file(name, "request.txt", arena), &given);
  parse_request(read_file(name, "header-signed-request.txt", arena), &expected);
  json_t *const context = json_loads(read_file(name, "context.json", arena), 0, NULL);
  const json_t *const keys = json_object_get(context, "credentials");
  const bool omits_token = json_is_true(json_object_get(context, "omit_session_token"));
  assert_string_equal(json_string_value(json_object_get(context, "timestamp")), "2015-08-30T12:36:00Z");
  const struct lh_aws_credentials credentials = {
      .access_key_id = json_string_value(json_object_get(keys, "access_key_id")),
      .secret_access_key = json_string_value(json_object_get(keys, "secret_access_key")),
      .session_token = omits_token ? NULL : json_string_value(json_object_get(keys, "token")),
  };
  struct lh_sigv4_scope scope =
      lh_sigv4_scope_of(json_string_value(json_object_get(context, "service")),
                        json_string_value(json_object_get(context, "region")), 1440938160);
  scope.normalize_path = json_is_true(json_object_get(context, "normalize"));
  scope.payload_header = json_is_true(json_object_get(context, "sign_body"));
  given.request.url = lh_arena_printf(arena, "https://example.amazonaws.com%s", given.target);

  const struct lh_http_header *headers = NULL;
  size_t count = 0;
  struct lh_error err;
  assert_int_equal(lh_sigv4_sign(&given.request, &scope, &credentials, arena, &headers, &count, &err), LH_OK);
  for (size_t i = 0; i < expected.request.header_count; i++) {
    const char *const header = expected.headers[i].name;
    if (omits_token && strcasecmp(header, "X-Amz-Security-Token") == 0) {
      continue; /* added after signing */
    }
    const char *const value = find(headers, count, header);
    if (value == NULL || strcmp(value, find(expected.headers, expected.request.header_count, header)) != 0) {
      fail_msg("%s: %s is\n%s, not\n%s", name, header, value != NULL ? value : "missing",
               expected.headers[i].value);
    }
  }
  json_decref(context);
}

static void the_cases_of_the_signing_test_suite_get_their_signatures(void **state) {
  (void)state;
  DIR *const suite = opendir(SUITE_DIR);
  assert_non_null(suite);
  int cases = 0;
  for (const struct dirent *entry; (entry = readdir(suite)) != NULL;) {
    if (entry->d_name[0] != '.') {
      struct lh_arena arena;
      lh_arena_init(&arena, 0);
      check_case(entry->d_name, &arena);
      lh_arena_clear(&arena);
      cases++;
    }
  }
  closedir(suite);
  assert_int_equal(cases, CASES);
}

static const struct lh_aws_credentials example_keys = {
    .access_key_id = "AKIAIOSFODNN7EXAMPLE",
    .secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};

static const char *sign_s3(const struct lh_http_request *request, struct lh_arena *arena) {
  /* 2013-05-24T00:00:00Z, as in "Authenticating Requests" of the Amazon S3 API Reference. */
  const struct lh_sigv4_scope scope = lh_sigv4_scope_of("s3", "us-east-1", 1369353600);
  const struct lh_http_header *headers = NULL;
  size_t count = 0;
  struct lh_error err;
  assert_int_equal(lh_sigv4_sign(request, &scope, &example_keys, arena, &headers, &count, &err), LH_OK);
  const char *const signature = strstr(find(headers, count, "Authorization"), "Signature=");
  assert_non_null(signature);
  return signature + strlen("Signature=");
}

static void the_examples_of_the_s3_reference_get_their_signatures(void **state) {
  (void)state;
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  const struct lh_http_header range = {"Range", "bytes=0-9"};
  assert_string_equal(
      sign_s3(&(struct lh_http_request){.method = LH_HTTP_GET,
                                        .url = "https://examplebucket.s3.amazonaws.com/test.txt",
                                        .headers = &range,
                                        .header_count = 1},
              &arena),
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  const struct lh_http_header put[] = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                                       {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  assert_string_equal(
      sign_s3(&(struct lh_http_request){.method = LH_HTTP_PUT,
                                        .url = "https://examplebucket.s3.amazonaws.com/test%24file.text",
                                        .headers = put,
                                        .header_count = 2,
                                        .body = "Welcome to Amazon S3.",
                                        .body_size = 21},
              &arena),
      "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  assert_string_equal(
      sign_s3(&(struct lh_http_request){.method = LH_HTTP_GET,
                                        .url = "https://examplebucket.s3.amazonaws.com/?lifecycle"},
              &arena),
      "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  assert_string_equal(
      sign_s3(&(struct lh_http_request){.method = LH_HTTP_GET,
                                        .url = "https://examplebucket.s3.amazonaws.com/?prefix=J&max-keys=2"},
              &arena),
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
  lh_arena_clear(&arena);
}

static void a_hash_that_is_known_is_not_computed_again(void **state) {
  (void)state;
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  struct lh_error err;
  char hash[LH_SIGV4_HASH_CHARS + 1];
  assert_int_equal(lh_sigv4_hash("abc", 3, hash, &err), LH_OK);
  assert_string_equal(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  struct lh_http_request request = {
      .method = LH_HTTP_PUT, .url = "http://127.0.0.1:9000/b/k", .body = "abc", .body_size = 3};
  const char *const computed = sign_s3(&request, &arena);
  const struct lh_http_header known = {"X-Amz-Content-Sha256", hash};
  request.headers = &known;
  request.header_count = 1;
  request.body = "abd"; /* not looked at */
  assert_string_equal(sign_s3(&request, &arena), computed);
  lh_arena_clear(&arena);
}

static void a_key_that_is_too_long_is_refused(void **state) {
  (void)state;
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  char secret[4096];
  memset(secret, 'a', sizeof(secret) - 1);
  secret[sizeof(secret) - 1] = '\0';
  const struct lh_aws_credentials credentials = {.access_key_id = "A", .secret_access_key = secret};
  const struct lh_sigv4_scope scope = lh_sigv4_scope_of("s3", "us-east-1", 0);
  const struct lh_http_request request = {.method = LH_HTTP_GET, .url = "https://a/"};
  const struct lh_http_header *headers = NULL;
  size_t count = 0;
  struct lh_error err;
  assert_int_not_equal(lh_sigv4_sign(&request, &scope, &credentials, &arena, &headers, &count, &err), LH_OK);
  assert_null(strstr(err.message, "aaaa"));
  lh_arena_clear(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_cases_of_the_signing_test_suite_get_their_signatures),
      cmocka_unit_test(the_examples_of_the_s3_reference_get_their_signatures),
      cmocka_unit_test(a_hash_that_is_known_is_not_computed_again),
      cmocka_unit_test(a_key_that_is_too_long_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
