/* Garbage collection: what is kept, what goes, and what is none of its business. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#include "catalog/local.h"
#include "lake_tables.h"

static struct lh_catalog_gc_result collect(struct temporary_lake *lake, int keep, bool dry_run) {
  struct lh_error err;
  struct lh_catalog_gc_result result;
  assert_ok(lh_catalog_gc(
      lake->store, &(const struct lh_catalog_gc_options){.keep = keep, .dry_run = dry_run}, &result, &err));
  return result;
}

static size_t count_previous(struct temporary_lake *lake, const char *table) {
  json_t *const root = load_pointer(lake, table);
  const size_t count = json_array_size(json_object_get(root, "previous"));
  json_decref(root);
  return count;
}

static void assert_result(const struct lh_catalog_gc_result *result, uint64_t versions, uint64_t leftovers,
                          uint64_t files) {
  assert_int_equal(result->versions, versions);
  assert_int_equal(result->leftovers, leftovers);
  assert_int_equal(result->files, files);
}

static void the_newest_versions_are_kept_and_the_others_go(void **state) {
  struct temporary_lake *const lake = *state;
  const char *orders[5];
  for (size_t i = 0; i < 5; i++) {
    orders[i] = publish_version(lake, "orders");
  }
  const char *const user = publish_version(lake, "users");
  const struct lh_catalog_gc_result result = collect(lake, 3, false);
  assert_result(&result, 2, 0, 4);
  assert_int_equal(result.bytes, 4 * strlen(user));
  for (size_t i = 0; i < 5; i++) {
    assert_int_equal(lake_has(lake, key_of(lake, "orders", orders[i])), i >= 2);
  }
  assert_true(lake_has(lake, key_of(lake, "users", user)));
  assert_int_equal(count_previous(lake, "orders"), 2);
  const struct lh_catalog_gc_result again = collect(lake, 3, false);
  assert_result(&again, 0, 0, 0);
}

static void the_current_version_always_stays(void **state) {
  static const int keeps[] = {1, 0, -5};
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  for (size_t i = 0; i < sizeof(keeps) / sizeof(keeps[0]); i++) {
    struct lh_lake_version *got = NULL;
    publish_version(lake, "t");
    const char *const current = publish_version(lake, "t");
    collect(lake, keeps[i], false);
    assert_ok(lh_catalog_get(lake->store, "t", &lake->arena, &got, &err));
    assert_string_equal(got->version, current);
    assert_true(lake_has(lake, got->files[0].key));
    assert_true(lake_has(lake, got->files[1].key));
    assert_int_equal(count_previous(lake, "t"), 0);
  }
}

static void a_dry_run_counts_the_same_and_changes_nothing(void **state) {
  struct temporary_lake *const lake = *state;
  const char *const old = publish_version(lake, "t");
  const char *const current = publish_version(lake, "t");
  const struct lh_lake_version failed = make_version(lake, "t", 3);
  const struct lh_lake_version never = make_version(lake, "never", 1);
  lake_put(lake, lh_arena_printf(&lake->arena, "t/%s/.part.tmp-1-0", current), "12345");
  lake_put(lake, lh_arena_printf(&lake->arena, "t/%s/.part.tmp-1-0", failed.version), "12345");
  lake_put(lake, "_lakehaul/tables/.t.json.tmp-1-0", "1");
  const char *const before = lake_text(lake, pointer_key_of(lake, "t"));
  const struct lh_catalog_gc_result dry = collect(lake, 1, true);
  assert_string_equal(lake_text(lake, pointer_key_of(lake, "t")), before);
  assert_true(lake_has(lake, key_of(lake, "t", old)));
  assert_true(lake_has(lake, never.files[0].key));
  assert_true(lake_has(lake, "_lakehaul/tables/.t.json.tmp-1-0"));
  assert_result(&dry, 1, 2, 2 + 4 + 1 + 1 + 1);
  const struct lh_catalog_gc_result real = collect(lake, 1, false);
  assert_result(&real, dry.versions, dry.leftovers, dry.files);
  assert_int_equal(real.bytes, dry.bytes);
  assert_false(lake_has(lake, key_of(lake, "t", old)));
  assert_false(lake_has(lake, "never"));
  assert_false(lake_has(lake, "_lakehaul/tables/.t.json.tmp-1-0"));
}

static void leftovers_of_failed_runs_go(void **state) {
  struct temporary_lake *const lake = *state;
  const char *const current = publish_version(lake, "t");
  const struct lh_lake_version failed = make_version(lake, "t", 1);
  const struct lh_lake_version never = make_version(lake, "never", 2);
  const struct lh_catalog_gc_result result = collect(lake, 3, false);
  assert_result(&result, 0, 2, 3);
  assert_true(lake_has(lake, key_of(lake, "t", current)));
  assert_false(lake_has(lake, key_of(lake, "t", failed.version)));
  assert_false(lake_has(lake, key_of(lake, "never", never.version)));
  assert_false(lake_has(lake, "never"));
}

static void files_of_users_are_never_touched(void **state) {
  static const char *const theirs[] = {"notes.txt",
                                       "photos/2026/a.jpg",
                                       "photos/20260131T120000/a.jpg",
                                       "t/README.md",
                                       "t/v1/part.parquet",
                                       "t/backup/20260131T120000.123456Z-4f2a09c3/part.parquet",
                                       "20260131T120000.123456Z-4f2a09c3/x",
                                       "photos/20260131T120000.123456Z-4f2a09c4",
                                       ".hidden/20260131T120000.123456Z-4f2a09c3/x",
                                       "t/.keep",
                                       "_lakehaul/notes.txt"};
  struct temporary_lake *const lake = *state;
  publish_version(lake, "t");
  publish_version(lake, "t");
  for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++) {
    lake_put(lake, theirs[i], "mine");
  }
  const struct lh_catalog_gc_result result = collect(lake, 1, false);
  assert_result(&result, 1, 0, 2);
  for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++) {
    if (!lake_has(lake, theirs[i])) {
      fail_msg("%s is gone", theirs[i]);
    }
  }
}

static void pointers_forget_a_version_before_its_files_go(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  struct lh_catalog_gc_result result;
  /* Rights stop everyone but root, so root steps down until the teardown. */
  assert_int_equal(chmod(lh_store_root(lake->store), 0777), 0);
  assert_true(geteuid() != 0 || seteuid(65534) == 0);
  const char *const old = publish_version(lake, "t");
  publish_version(lake, "t");
  assert_int_equal(chmod(lake_path(lake, key_of(lake, "t", old)), 0555), 0);
  assert_int_equal(
      lh_catalog_gc(lake->store, &(const struct lh_catalog_gc_options){.keep = 1, .dry_run = false}, &result,
                    &err),
      LH_ERROR_LAKE);
  assert_contains(err.message, old);
  assert_int_equal(count_previous(lake, "t"), 0);
  assert_int_equal(chmod(lake_path(lake, key_of(lake, "t", old)), 0755), 0);
  const struct lh_catalog_gc_result later = collect(lake, 1, false);
  assert_result(&later, 0, 1, 2);
}

static int teardown_with_own_rights(void **state) {
  return seteuid(getuid()) == 0 ? temporary_lake_teardown(state) : -1;
}

static void a_table_with_a_corrupt_pointer_keeps_all_its_files(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  struct lh_catalog_gc_result result;
  const char *const first = publish_version(lake, "bad");
  const char *const second = publish_version(lake, "bad");
  const char *const old = publish_version(lake, "good");
  publish_version(lake, "good");
  lake_put(lake, pointer_key_of(lake, "bad"), "{");
  assert_int_equal(
      lh_catalog_gc(lake->store, &(const struct lh_catalog_gc_options){.keep = 1, .dry_run = false}, &result,
                    &err),
      LH_ERROR_CORRUPT);
  assert_contains(err.message, "bad.json");
  assert_true(lake_has(lake, key_of(lake, "bad", first)));
  assert_true(lake_has(lake, key_of(lake, "bad", second)));
  assert_false(lake_has(lake, key_of(lake, "good", old)));
  assert_result(&result, 1, 0, 2);
}

static void files_the_pointer_names_stay_whatever_directory_they_are_in(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  const struct lh_lake_version older = make_version(lake, "t", 1);
  struct lh_lake_version version = make_version(lake, "t", 1);
  const struct lh_lake_file files[] = {older.files[0], version.files[0]};
  version.files = files;
  version.file_count = 2;
  assert_ok(lh_catalog_publish(lake->store, &version, &err));
  const struct lh_catalog_gc_result result = collect(lake, 1, false);
  assert_result(&result, 0, 0, 0);
  assert_true(lake_has(lake, older.files[0].key));
}

static void an_empty_lake_has_nothing_to_collect(void **state) {
  struct temporary_lake *const lake = *state;
  const struct lh_catalog_gc_result result = collect(lake, 3, false);
  assert_result(&result, 0, 0, 0);
}

int main(void) {
#define LAKE_TEST(test) cmocka_unit_test_setup_teardown(test, temporary_lake_setup, temporary_lake_teardown)
  const struct CMUnitTest tests[] = {
      LAKE_TEST(the_newest_versions_are_kept_and_the_others_go),
      LAKE_TEST(the_current_version_always_stays),
      LAKE_TEST(a_dry_run_counts_the_same_and_changes_nothing),
      LAKE_TEST(leftovers_of_failed_runs_go),
      LAKE_TEST(files_of_users_are_never_touched),
      cmocka_unit_test_setup_teardown(pointers_forget_a_version_before_its_files_go, temporary_lake_setup,
                                      teardown_with_own_rights),
      LAKE_TEST(a_table_with_a_corrupt_pointer_keeps_all_its_files),
      LAKE_TEST(files_the_pointer_names_stay_whatever_directory_they_are_in),
      LAKE_TEST(an_empty_lake_has_nothing_to_collect),
  };
  return cmocka_run_group_tests_name("catalog gc", tests, NULL, NULL);
}
