/* No secret in what is shown of a connection string. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "postgres/connection.h"
#include "postgres/source_uri.h"

struct example {
  const char *given, *shown;
};

static void assert_shown(const struct example *examples, size_t count) {
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  for (size_t i = 0; i < count; i++) {
    assert_string_equal(lh_pg_scrub_uri(examples[i].given, &arena), examples[i].shown);
  }
  lh_arena_clear(&arena);
}
#define ASSERT_SHOWN(examples) assert_shown(examples, sizeof(examples) / sizeof((examples)[0]))

static void uris_without_a_password_stay(void **state) {
  (void)state;
  const char *const uris[] = {"postgresql://",
                              "postgres://host",
                              "postgresql://host:5432/db",
                              "postgresql://user@host:5432/db?sslmode=require",
                              "postgresql://user@/db?host=/run/postgresql",
                              "postgresql://[::1]:5432/db",
                              "postgresql://a:1,b:2/db?target_session_attrs=any",
                              "host=h port=5432 user='my user' dbname = d",
                              ""};
  for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
    const struct example same[] = {{uris[i], uris[i]}};
    ASSERT_SHOWN(same);
  }
}

static void the_password_of_a_uri_is_hidden(void **state) {
  (void)state;
  const struct example examples[] = {
      {"postgresql://u:secret@h:5432/d?sslmode=require", "postgresql://u:***@h:5432/d?sslmode=require"},
      {"postgres://u:s%40cret@h/d", "postgres://u:***@h/d"},
      {"postgres://u:@h/d", "postgres://u:***@h/d"},
      {"postgres://:secret@h/d", "postgres://:***@h/d"},
      {"postgres://u:a:b@h", "postgres://u:***@h"},
      {"postgres://u:secret@[::1]:5432/d", "postgres://u:***@[::1]:5432/d"},
      {"mysql://u:secret@h/d", "mysql://u:***@h/d"},
  };
  ASSERT_SHOWN(examples);
}

static void a_password_that_is_not_encoded_is_hidden_whole(void **state) {
  (void)state;
  const struct example examples[] = {
      {"postgres://u:se@cret@h/d", "postgres://u:***@h/d"},
      {"postgres://u:se/cret@h/d", "postgres://u:***@h/d"},
      {"postgres://u:se?cret@h/d", "postgres://u:***@h/d"},
      {"postgres://u:se@cr/et@h/d", "postgres://u:***@h/d"},
      {"postgres://u:#@h/d", "postgres://u:***@h/d"},
  };
  ASSERT_SHOWN(examples);
}

static void secret_parameters_of_a_uri_are_hidden(void **state) {
  (void)state;
  const struct example examples[] = {
      {"postgres://h/d?user=u&password=secret&sslmode=require",
       "postgres://h/d?user=u&password=***&sslmode=require"},
      {"postgres://h/d?sslpassword=secret", "postgres://h/d?sslpassword=***"},
      {"postgres://h/d?pass%77ord=secret", "postgres://h/d?pass%77ord=***"},
      {"postgres://h/d?PASSWORD=secret", "postgres://h/d?PASSWORD=***"},
      {"postgres://u:a@h/d?password=b&password=c", "postgres://u:***@h/d?password=***&password=***"},
      {"postgres://h/d?passfile=/x&password", "postgres://h/d?passfile=/x&password"},
  };
  ASSERT_SHOWN(examples);
}

static void secrets_of_a_conninfo_are_hidden(void **state) {
  (void)state;
  const struct example examples[] = {
      {"host=h password=secret user=u", "host=h password=*** user=u"},
      {"host=h password = secret user=u", "host=h password = *** user=u"},
      {"password='a b\\'c d' host=h", "password=*** host=h"},
      {"password=a\\ b host=h", "password=*** host=h"},
      {"password='' host=h", "password=*** host=h"},
      {"password= host=h", "password= ***"},
      {"sslpassword=x sslkey=k", "sslpassword=*** sslkey=k"},
      {"Password=secret", "Password=***"},
      {"password=", "password=***"},
      {"host='h password=x'", "host='h password=x'"},
  };
  ASSERT_SHOWN(examples);
}

static void what_is_no_keyword_of_a_conninfo_is_hidden(void **state) {
  (void)state;
  const struct example examples[] = {
      {"host=h password=my secret user=u", "host=h password=*** *** user=u"},
      {"password='unfinished secret", "password=***"},
      {"secret", "***"},
      {"user=u secret", "user=u ***"},
  };
  ASSERT_SHOWN(examples);
}

static void right_sources_are_taken(void **state) {
  (void)state;
  const char *const sources[] = {"postgresql://u:p@h:5432/d?sslmode=require", "postgres://h/d",
                                 "host=h password='a b'", "postgres://u:p%40%2F@h/d", "postgresql://"};
  struct lh_error err;
  for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
    assert_int_equal(lh_pg_check_source(sources[i], &err), LH_OK);
  }
}

static void wrong_sources_are_refused_without_their_secret(void **state) {
  (void)state;
  const char *const sources[] = {"postgres://u:qwe@rty@h/d",
                                 "postgres://u:qwe/rty@h/d",
                                 "postgres://u:qwe%zzrty@h/d",
                                 "postgres://u:qwerty@h/d?sslmod=require",
                                 "postgres://h/d?password=qwe%zzrty",
                                 "password=qwe rty host=h",
                                 "password='qwerty",
                                 "mysql://u:qwerty@h/d",
                                 "qwerty"};
  struct lh_error err;
  for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
    if (lh_pg_check_source(sources[i], &err) == LH_OK) {
      fail_msg("%s is taken", sources[i]);
    }
    assert_int_equal(err.code, LH_ERROR_SOURCE);
    assert_string_not_equal(err.hint, "");
    if (strstr(err.message, "qwe") != NULL || strstr(err.message, "rty") != NULL) {
      fail_msg("the secret is shown: %s", err.message);
    }
  }
}

static void an_unknown_parameter_is_named(void **state) {
  (void)state;
  struct lh_error err;
  assert_int_equal(lh_pg_check_source("postgres://u:p@h/d?sslmod=require", &err), LH_ERROR_SOURCE);
  assert_non_null(strstr(err.message, "\"sslmod\""));
}

static void an_empty_source_is_refused(void **state) {
  (void)state;
  struct lh_error err;
  assert_int_equal(lh_pg_check_source("", &err), LH_ERROR_SOURCE);
  assert_int_equal(lh_pg_check_source(" \n", &err), LH_ERROR_SOURCE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(uris_without_a_password_stay),
      cmocka_unit_test(the_password_of_a_uri_is_hidden),
      cmocka_unit_test(a_password_that_is_not_encoded_is_hidden_whole),
      cmocka_unit_test(secret_parameters_of_a_uri_are_hidden),
      cmocka_unit_test(secrets_of_a_conninfo_are_hidden),
      cmocka_unit_test(what_is_no_keyword_of_a_conninfo_is_hidden),
      cmocka_unit_test(right_sources_are_taken),
      cmocka_unit_test(wrong_sources_are_refused_without_their_secret),
      cmocka_unit_test(an_unknown_parameter_is_named),
      cmocka_unit_test(an_empty_source_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
