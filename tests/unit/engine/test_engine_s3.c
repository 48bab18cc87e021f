/* A lake on S3 in the engine: DuckDB's httpfs is found or missed with a word, the credentials are nowhere to
 * be seen, and what httpfs says becomes errors that name the object, the reason and the source of the
 * credentials. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/duckdb_s3.h"
#include "engine_support.h"

#define SECRET "s3cr3t'key/+"
#define TOKEN "t0ken\"of'session"

static const struct lh_engine_s3 lake = {
    .scope = "s3://lake/prod/",
    .endpoint = "s3.example:9000",
    .region = "eu-central-1",
    .path_style = true,
    .plain_http = true,
    .key_id = "AKIAEXAMPLE",
    .secret = SECRET,
    .session_token = TOKEN,
    .source = "environment variables",
};

static void expect(const struct lh_engine_s3 *s3, int http_status, const char *duckdb_says,
                   const char *message, const char *hint) {
  struct lh_error err = {0};
  assert_true(lh_duckdb_s3_error(s3, http_status, duckdb_says, &err));
  assert_int_equal(err.code, LH_ERROR_LAKE);
  assert_string_equal(err.message, message);
  if (strstr(err.hint, hint) == NULL) {
    fail_msg("hint: %s", err.hint);
  }
  assert_int_equal(err.http_status, http_status);
}

static void an_object_that_is_not_there(void **state) {
  (void)state;
  expect(&lake, 404,
         "HTTP GET error reading 's3://lake/prod/it's here.parquet' in region 'eu-central-1' (HTTP 404 Not "
         "Found)",
         "cannot read s3://lake/prod/it's here.parquet: there is no such object (HTTP 404)",
         "run the task that writes the table again");
}

static void a_refusal_names_the_source_of_the_credentials(void **state) {
  (void)state;
  static const char *const text =
      "HTTP GET error reading 'http://s3.example:9000/lake/prod/a%%20b/%%C3%%9F.parquet' in region "
      "'eu-central-1' (HTTP 403 "
      "Forbidden)\n\n%s: %s\n\nAuthentication Failure - this is usually caused by invalid or missing "
      "credentials.\n* Credentials are provided, but they did not work.";
  char says[1024];
  snprintf(says, sizeof(says), text, "AccessDenied", "Access Denied.");
  expect(&lake, 403, says, "cannot read s3://lake/prod/a b/ß.parquet: Access Denied (AccessDenied, HTTP 403)",
         "the credentials, from environment variables, need s3:GetObject on s3://lake/prod/*");
  snprintf(says, sizeof(says), text, "SignatureDoesNotMatch", "No &quot;match&quot; &amp; no way");
  expect(&lake, 403, says,
         "cannot read s3://lake/prod/a b/ß.parquet: No \"match\" & no way (SignatureDoesNotMatch, HTTP 403)",
         "check the credentials: they come from environment variables");
  snprintf(says, sizeof(says), text, "ExpiredToken", "The provided token has expired.");
  expect(&lake, 403, says,
         "cannot read s3://lake/prod/a b/ß.parquet: The provided token has expired (ExpiredToken, HTTP 403)",
         "run it again");
}

static void objects_are_named_from_urls_of_either_addressing(void **state) {
  (void)state;
  struct lh_engine_s3 virtual_hosted = lake;
  virtual_hosted.endpoint = "s3.eu-central-1.amazonaws.com";
  virtual_hosted.path_style = false;
  expect(&virtual_hosted, 503,
         "Request returned HTTP 503 for HTTP GET to "
         "'https://lake.s3.eu-central-1.amazonaws.com/prod/day%3D1/x.parquet'",
         "cannot read s3://lake/prod/day=1/x.parquet: HTTP 503", "it was tried several times");
  expect(&lake, 503, "Request returned HTTP 503 for HTTP GET to 'https://elsewhere.example/x%20y.parquet'",
         "cannot read https://elsewhere.example/x%20y.parquet: HTTP 503", "it was tried several times");
  expect(NULL, 500, "Request returned HTTP 500 for HTTP GET to 'https://lake/x'",
         "cannot read https://lake/x: HTTP 500", "tried");
}

static void a_server_without_an_answer(void **state) {
  (void)state;
  expect(&lake, 0,
         "Could not connect to server error for HTTP HEAD to 'http://s3.example:9000/lake/prod/x.parquet'",
         "cannot read s3://lake/prod/x.parquet: could not connect to server",
         "look at the server and the network");
}

static void a_wrong_region(void **state) {
  (void)state;
  expect(&lake, 400,
         "HTTP GET error reading 'http://s3.example:9000/lake/prod/x.parquet' in region 'eu-central-1' (HTTP "
         "400 Bad "
         "Request)\n\nAuthorizationHeaderMalformed: the region &#34;eu-central-1&#34; is wrong\n\nBad "
         "Request - …",
         "cannot read s3://lake/prod/x.parquet: the region \"eu-central-1\" is wrong "
         "(AuthorizationHeaderMalformed, "
         "HTTP 400)",
         "requests are signed for eu-central-1");
}

static void an_object_that_changed_while_it_was_read(void **state) {
  (void)state;
  expect(&lake, 206,
         "ETag on reading file \"s3://lake/prod/x.parquet\" was initially \"1\" and now it returned \"2\", "
         "this likely "
         "means the remote file has changed.\nFor parquet …",
         "cannot read s3://lake/prod/x.parquet: it was replaced while it was read", "");
}

static void other_errors_are_left_alone(void **state) {
  (void)state;
  struct lh_error err = {0};
  assert_false(lh_duckdb_s3_error(&lake, 0, "Referenced column \"x\" not found", &err));
  assert_int_equal(err.code, LH_OK);
}

/* The extension is not where a DuckDB of the system comes without it. */
static void use_s3(struct fixture *fixture) {
  const lh_status status = lh_engine_set_s3(fixture->engine, &lake, &fixture->err);
  if (status != LH_OK && strstr(fixture->err.message, "has no httpfs extension") != NULL &&
      getenv("CI") == NULL) {
    skip();
  }
  assert_ok(fixture, status);
}

static void no_query_shows_the_credentials(void **state) {
  struct fixture *const fixture = *state;
  setenv("AWS_SECRET_ACCESS_KEY", SECRET, 1);
  setenv("AWS_SESSION_TOKEN", TOKEN, 1);
  use_s3(fixture);
  unsetenv("AWS_SECRET_ACCESS_KEY");
  unsetenv("AWS_SESSION_TOKEN");
  assert_string_equal(
      query_text(fixture,
                 "SELECT name, scope::VARCHAR AS scope, secret_string LIKE '%endpoint=s3.example:9000;%' AS "
                 "endpoint FROM duckdb_secrets()"),
      "[\"lakehaul\", \"['s3://lake/prod/']\", true]\n");
  assert_string_equal(query_text(fixture,
                                 "SELECT count(*) AS n FROM duckdb_secrets() WHERE secret_string LIKE "
                                 "'%s3cr3t%' OR secret_string LIKE '%t0ken%'"),
                      "[0]\n");
  assert_string_equal(query_text(fixture,
                                 "SELECT count(*) AS n FROM duckdb_settings() WHERE value LIKE '%s3cr3t%' OR "
                                 "value LIKE '%t0ken%'"),
                      "[0]\n");
  assert_fails(fixture, "SELECT * FROM duckdb_secrets(redact := false)", LH_ERROR_QUERY, "unredacted", "");
}

static void credentials_can_be_renewed(void **state) {
  struct fixture *const fixture = *state;
  use_s3(fixture);
  struct lh_engine_s3 renewed = lake;
  renewed.key_id = "AKIARENEWED";
  renewed.session_token = NULL;
  assert_ok(fixture, lh_engine_set_s3(fixture->engine, &renewed, &fixture->err));
  assert_string_equal(
      query_text(fixture,
                 "SELECT count(*) AS n, min(secret_string LIKE '%AKIARENEWED%') AS renewed FROM "
                 "duckdb_secrets()"),
      "[1, true]\n");
}

static void an_extension_that_cannot_be_loaded_is_told_with_its_name(void **state) {
  struct fixture *const fixture = *state;
  setenv("LAKEHAUL_HTTPFS", "/nonexistent/httpfs.duckdb_extension", 1);
  const lh_status status = lh_engine_set_s3(fixture->engine, &lake, &fixture->err);
  unsetenv("LAKEHAUL_HTTPFS");
  assert_int_equal(status, LH_ERROR_LAKE);
  assert_non_null(strstr(fixture->err.message, "cannot load /nonexistent/httpfs.duckdb_extension"));
  assert_non_null(strstr(fixture->err.hint, "LAKEHAUL_HTTPFS"));
  assert_non_null(strstr(fixture->err.hint, lh_engine_version()));
}

static void credentials_that_are_no_text_are_refused_without_being_shown(void **state) {
  struct fixture *const fixture = *state;
  use_s3(fixture);
  struct lh_engine_s3 broken = lake;
  broken.secret = SECRET "\xff\xfe";
  assert_int_equal(lh_engine_set_s3(fixture->engine, &broken, &fixture->err), LH_ERROR_LAKE);
  assert_null(strstr(fixture->err.message, "s3cr3t"));
  assert_null(strstr(fixture->err.hint, "s3cr3t"));
}

static void a_local_lake_loads_nothing(void **state) {
  struct fixture *const fixture = *state;
  assert_string_equal(
      query_text(fixture,
                 "SELECT count(*) AS n FROM duckdb_extensions() WHERE extension_name = 'httpfs' AND loaded"),
      "[0]\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_object_that_is_not_there),
      cmocka_unit_test(a_refusal_names_the_source_of_the_credentials),
      cmocka_unit_test(objects_are_named_from_urls_of_either_addressing),
      cmocka_unit_test(a_server_without_an_answer),
      cmocka_unit_test(a_wrong_region),
      cmocka_unit_test(an_object_that_changed_while_it_was_read),
      cmocka_unit_test(other_errors_are_left_alone),
      TEST(no_query_shows_the_credentials),
      TEST(credentials_can_be_renewed),
      TEST(an_extension_that_cannot_be_loaded_is_told_with_its_name),
      TEST(credentials_that_are_no_text_are_refused_without_being_shown),
      TEST(a_local_lake_loads_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
