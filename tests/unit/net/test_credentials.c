/* Which of several sources of credentials counts, as AWS's SDKs order them, and times as the sources write
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "net/credentials_impl.h"

struct home {
  struct lh_arena arena;
  const char *path;
};

static void write_file(const struct home *home, const char *name, const char *text) {
  char path[512];
  snprintf(path, sizeof(path), "%s/%s", home->path, name);
  FILE *const file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static int set_up(void **state) {
  static struct home home;
  struct lh_error err;
  char path[512];
  lh_arena_init(&home.arena, 0);
  assert_int_equal(lh_fs_make_temp_directory(&home.arena, &home.path, LH_ERROR_LAKE, &err), LH_OK);
  snprintf(path, sizeof(path), "%s/.aws", home.path);
  assert_int_equal(lh_fs_make_directories(path, LH_ERROR_LAKE, &err), LH_OK);
  clearenv();
  setenv("HOME", home.path, 1);
  setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
  write_file(&home, ".aws/config",
             "[default]\nregion = r-default\naws_access_key_id = IN_CONFIG\naws_secret_access_key = s\n"
             "[profile prod]\nregion = r-prod\naws_access_key_id = IN_PROD\naws_secret_access_key = s\n"
             "[profile empty]\n");
  *state = &home;
  return 0;
}

static int tear_down(void **state) {
  struct home *const home = *state;
  struct lh_error err;
  assert_int_equal(lh_fs_remove_tree(home->path, LH_ERROR_LAKE, &err), LH_OK);
  lh_arena_clear(&home->arena);
  return 0;
}

/* "IN_CONFIG r-default", or the error's message. */
static const char *found(struct home *home, const char *profile) {
  const struct lh_aws_settings settings = {.profile = profile};
  struct lh_aws_credentials credentials;
  struct lh_aws_provider *provider;
  struct lh_error err;
  if (lh_aws_provider_open(&settings, LH_ERROR_LAKE, &provider, &err) != LH_OK) {
    return lh_arena_strdup(&home->arena, err.message);
  }
  const char *text;
  if (lh_aws_provider_get(provider, &home->arena, &credentials, &err) == LH_OK) {
    const char *const region = lh_aws_provider_region(provider);
    text = lh_arena_printf(&home->arena, "%s %s", credentials.access_key_id, region != NULL ? region : "-");
    lh_aws_credentials_wipe(&credentials);
    assert_null(credentials.secret_access_key);
  } else {
    assert_int_equal(err.error_class, LH_ERROR_CLASS_CREDENTIALS);
    text = lh_arena_strdup(&home->arena, err.message);
  }
  lh_aws_provider_free(provider);
  return text;
}

static void sources_have_an_order(void **state) {
  struct home *const home = *state;
  assert_string_equal(found(home, NULL), "IN_CONFIG r-default");
  assert_string_equal(found(home, "prod"), "IN_PROD r-prod");
  write_file(home, ".aws/credentials", "[default]\naws_access_key_id = IN_FILE\naws_secret_access_key = s\n");
  assert_string_equal(found(home, NULL), "IN_FILE r-default");
  setenv("AWS_PROFILE", "prod", 1);
  assert_string_equal(found(home, NULL), "IN_PROD r-prod");
  setenv("AWS_ACCESS_KEY_ID", "IN_ENVIRONMENT", 1);
  setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
  assert_string_equal(found(home, NULL), "IN_ENVIRONMENT r-prod");
  assert_string_equal(found(home, "default"), "IN_FILE r-default");
  setenv("AWS_REGION", "r-environment", 1);
  assert_string_equal(found(home, "default"), "IN_FILE r-environment");
}

static void a_profile_that_is_meant_ends_the_search(void **state) {
  struct home *const home = *state;
  setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/", 1);
  assert_string_equal(found(home, "empty"), "AWS profile empty has no credentials");
  assert_string_equal(found(home, "none"), "AWS profile none does not exist");
}

static void times_are_read_as_the_sources_write_them(void **state) {
  (void)state;
  static const struct {
    const char *text;
    time_t time; /* -1: no time */
  } cases[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"2026-11-24T18:45:00Z", 1795545900},
      {"2026-11-24T18:45:00.123Z", 1795545900},
      {"2026-11-24T18:45:00UTC", 1795545900},
      {"2026-11-24T18:45:00", 1795545900},
      {"2026-11-24T20:15:00+01:30", 1795545900},
      {"2026-11-24T13:45:00-0500", 1795545900},
      {"2026-11-24", -1},
      {"2026-11-24T18:45:00X", -1},
      {"2026-11-24T18:45:00+1", -1},
      {"2026-11-24T18:45:00+01:2x", -1},
      {"", -1},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    time_t time = -1;
    assert_int_equal(lh_credential_parse_time(cases[i].text, &time), cases[i].time != -1);
    assert_int_equal(time, cases[i].time);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(sources_have_an_order, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_profile_that_is_meant_ends_the_search, set_up, tear_down),
      cmocka_unit_test(times_are_read_as_the_sources_write_them),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
