/* Partitions in the catalog: what a publication replaces and what it carries over, and what gc leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#include "lake_tables.h"

static const struct lh_lake_partition_key day_key[] = {{"day", "day", "at", "date"}};

/* A version with one file of a row in each of the partitions; days without a name are NULL. */
static struct lh_lake_version make_partitions(struct temporary_lake *lake, const char *const *days,
                                              size_t count) {
  struct lh_lake_version version = make_version(lake, "t", 0);
  struct lh_lake_partition *const partitions = LH_ARENA_ARRAY(&lake->arena, struct lh_lake_partition, count);
  struct lh_lake_file *const files = LH_ARENA_ARRAY(&lake->arena, struct lh_lake_file, count);
  for (size_t i = 0; i < count; i++) {
    const char **const value = LH_ARENA_ARRAY(&lake->arena, const char *, 1);
    value[0] = days[i];
    partitions[i].path = lh_arena_printf(&lake->arena, "day=%s", days[i] != NULL ? days[i] : "null");
    partitions[i].version = version.version;
    partitions[i].values = value;
    partitions[i].rows = 1;
    partitions[i].bytes = strlen(version.version);
    partitions[i].file_count = 1;
    files[i] = (struct lh_lake_file){.key = lh_arena_printf(&lake->arena, "t/%s/%s/part-00000.parquet",
                                                            partitions[i].path, version.version),
                                     .rows = 1,
                                     .bytes = strlen(version.version)};
    lake_put(lake, files[i].key, version.version);
  }
  version.partition_keys = day_key;
  version.partition_key_count = 1;
  version.partitions = partitions;
  version.partition_count = count;
  version.files = files;
  version.file_count = count;
  version.rows = count;
  version.bytes = count * strlen(version.version);
  return version;
}

static const char *publish(struct temporary_lake *lake, struct lh_lake_version version,
                           const char *const *replaces, size_t replaces_count) {
  struct lh_error err;
  version.is_partial = replaces != NULL;
  version.replaces = replaces;
  version.replaces_count = replaces_count;
  assert_ok(lh_catalog_publish(lake->store, &version, &err));
  return version.version;
}

/* "path@version path@version …" of what is current, with letters for the versions in `names`. */
static void assert_current(struct temporary_lake *lake, const char *const *names, const char *expected) {
  struct lh_error err;
  struct lh_lake_version *version = NULL;
  const char *found = "";
  assert_ok(lh_catalog_get(lake->store, "t", &lake->arena, &version, &err));
  assert_int_equal(version->rows, version->partition_count);
  assert_int_equal(version->file_count, version->partition_count);
  for (size_t i = 0; i < version->partition_count; i++) {
    const struct lh_lake_partition *const partition = &version->partitions[i];
    char letter = '?';
    for (size_t j = 0; names[j] != NULL; j++) {
      letter = strcmp(names[j], partition->version) == 0 ? (char)('A' + j) : letter;
    }
    found = lh_arena_printf(&lake->arena, "%s%s%s@%c", found, i > 0 ? " " : "", partition->path, letter);
    assert_contains(version->files[i].key, partition->path);
    assert_contains(version->files[i].key, partition->version);
  }
  assert_string_equal(found, expected);
}

static void a_partial_version_replaces_what_it_names_alone(void **state) {
  static const char *const three[] = {"1", "2", "3"};
  static const char *const two[] = {"2", "4"};
  static const char *const replaced[] = {"day=2", "day=3", "day=4"};
  struct temporary_lake *const lake = *state;
  const char *names[4] = {NULL};
  names[0] = publish(lake, make_partitions(lake, three, 3), NULL, 0);
  assert_current(lake, names, "day=1@A day=2@A day=3@A");
  names[1] = publish(lake, make_partitions(lake, two, 2), replaced, 3);
  assert_current(lake, names, "day=1@A day=2@B day=4@B");
  names[2] = publish(lake, make_partitions(lake, three + 2, 1), NULL, 0);
  assert_current(lake, names, "day=3@C");
}

static void partitions_without_rows_stand_only_for_a_table_without_rows(void **state) {
  static const char *const one[] = {"1"};
  static const char *const none[] = {NULL};
  static const char *const replaced[] = {"day=1"};
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  struct lh_lake_version *found = NULL;
  publish(lake, make_partitions(lake, one, 1), NULL, 0);
  struct lh_lake_version empty = make_partitions(lake, none, 1);
  ((struct lh_lake_partition *)empty.partitions)[0].rows = 0;
  publish(lake, empty, replaced, 1);
  assert_ok(lh_catalog_get(lake->store, "t", &lake->arena, &found, &err));
  assert_int_equal(found->partition_count, 1);
  assert_int_equal(found->rows, 0);
  assert_null(found->partitions[0].values[0]);
  const char *names[2] = {publish(lake, make_partitions(lake, one, 1), replaced, 1), NULL};
  assert_current(lake, names, "day=1@A");
}

static void a_partial_version_needs_a_table_of_its_form(void **state) {
  static const struct lh_lake_partition_key month_key[] = {{"day", "month", "at", "string"}};
  static const char *const one[] = {"1"};
  static const char *const replaced[] = {"day=1"};
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  struct lh_lake_version version = make_partitions(lake, one, 1);
  version.is_partial = true;
  version.replaces = replaced;
  version.replaces_count = 1;
  assert_int_equal(lh_catalog_publish(lake->store, &version, &err), LH_ERROR_CATALOG);
  publish(lake, make_partitions(lake, one, 1), NULL, 0);
  assert_ok(lh_catalog_publish(lake->store, &version, &err));
  version.partition_keys = month_key;
  assert_int_equal(lh_catalog_publish(lake->store, &version, &err), LH_ERROR_CATALOG);
  version.partition_keys = day_key;
  version.column_count = 1;
  assert_int_equal(lh_catalog_publish(lake->store, &version, &err), LH_ERROR_CATALOG);
  assert_string_equal(err.hint, "run the task again with --full");
}

static void the_pointer_says_format_2_only_where_there_are_partitions(void **state) {
  static const char *const one[] = {"1"};
  struct temporary_lake *const lake = *state;
  publish(lake, make_partitions(lake, one, 1), NULL, 0);
  json_t *root = load_pointer(lake, "t");
  assert_int_equal(json_integer_value(json_object_get(root, "format")), 2);
  assert_int_equal(json_array_size(json_object_get(root, "partitions")), 1);
  json_decref(root);
  publish_version(lake, "t");
  root = load_pointer(lake, "t");
  assert_int_equal(json_integer_value(json_object_get(root, "format")), 1);
  assert_null(json_object_get(root, "partitions"));
  assert_int_equal(json_array_size(json_object_get(root, "retired")), 1);
  json_decref(root);
}

static void collect(struct temporary_lake *lake, int keep, uint64_t versions, uint64_t leftovers) {
  struct lh_catalog_gc_result result;
  struct lh_error err;
  assert_ok(lh_catalog_gc(lake->store, &(const struct lh_catalog_gc_options){.keep = keep, .dry_run = false},
                          &result, &err));
  assert_int_equal(result.versions, versions);
  assert_int_equal(result.leftovers, leftovers);
}

static bool has_partition(struct temporary_lake *lake, const char *day, const char *version) {
  return lake_has(lake, lh_arena_printf(&lake->arena, "t/day=%s/%s/part-00000.parquet", day, version));
}

static void gc_leaves_what_kept_versions_had(void **state) {
  static const char *const two[] = {"1", "2"};
  static const char *const replaced[] = {"day=2"};
  struct temporary_lake *const lake = *state;
  const char *names[5] = {NULL};
  names[0] = publish(lake, make_partitions(lake, two, 2), NULL, 0);
  names[1] = publish(lake, make_partitions(lake, two + 1, 1), replaced, 1);
  names[2] = publish(lake, make_partitions(lake, two + 1, 1), replaced, 1);
  const struct lh_lake_version failed = make_partitions(lake, two, 2);
  collect(lake, 2, 1, 1);
  assert_false(has_partition(lake, "2", names[0]));
  assert_true(has_partition(lake, "1", names[0]));
  assert_true(has_partition(lake, "2", names[1]));
  assert_false(has_partition(lake, "1", failed.version));
  names[3] = publish(lake, make_partitions(lake, two, 1), NULL, 0);
  collect(lake, 2, 1, 0);
  assert_false(has_partition(lake, "2", names[1]));
  assert_true(has_partition(lake, "1", names[0]) && has_partition(lake, "2", names[2]));
  collect(lake, 1, 1, 0);
  assert_current(lake, names, "day=1@D");
  assert_true(has_partition(lake, "1", names[3]));
  assert_false(has_partition(lake, "1", names[0]) || lake_has(lake, "t/day=2"));
}

static void a_version_that_was_not_published_is_removed_from_all_partitions(void **state) {
  static const char *const two[] = {"1", "2"};
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  const char *const kept = publish(lake, make_partitions(lake, two, 1), NULL, 0);
  const struct lh_lake_version failed = make_partitions(lake, two, 2);
  assert_ok(lh_catalog_remove_version(lake->store, "t", failed.version, &err));
  assert_true(has_partition(lake, "1", kept));
  assert_false(has_partition(lake, "1", failed.version) || has_partition(lake, "2", failed.version));
}

static void corrupt_partitions_are_refused(void **state) {
  static const char *const changes[][2] = {
      {"\"path\": \"day=1\"", "\"path\": \"day=2\""},
      {"\"path\": \"day=1\"", "\"path\": 1"},
      {"\"files\": 1", "\"files\": 2"},
      {"\"files\": 1", "\"files\": 0"},
      {"\"values\": [", "\"values\": [null, "},
      {"\"partitions\": [", "\"x\": ["},
      {"\"partitions\": [", "\"partitions\": [1, "},
      {"\"partition_by\": [", "\"partition_by\": [{}, "},
      {"\"partition_by\": [", "\"partition_by\": 1, \"x\": ["},
  };
  static const char *const one[] = {"1"};
  struct temporary_lake *const lake = *state;
  publish(lake, make_partitions(lake, one, 1), NULL, 0);
  const char *const good = lake_text(lake, pointer_key_of(lake, "t"));
  for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
    struct lh_error err;
    struct lh_lake_version *got = NULL;
    const char *const at = strstr(good, changes[i][0]);
    assert_non_null(at);
    lake_put(lake, pointer_key_of(lake, "t"),
             lh_arena_printf(&lake->arena, "%.*s%s%s", (int)(at - good), good, changes[i][1],
                             at + strlen(changes[i][0])));
    if (lh_catalog_get(lake->store, "t", &lake->arena, &got, &err) != LH_ERROR_CORRUPT) {
      fail_msg("\"%s\" is taken", changes[i][1]);
    }
  }
}

int main(void) {
#define LAKE_TEST(test) cmocka_unit_test_setup_teardown(test, temporary_lake_setup, temporary_lake_teardown)
  const struct CMUnitTest tests[] = {
      LAKE_TEST(a_partial_version_replaces_what_it_names_alone),
      LAKE_TEST(partitions_without_rows_stand_only_for_a_table_without_rows),
      LAKE_TEST(a_partial_version_needs_a_table_of_its_form),
      LAKE_TEST(the_pointer_says_format_2_only_where_there_are_partitions),
      LAKE_TEST(gc_leaves_what_kept_versions_had),
      LAKE_TEST(a_version_that_was_not_published_is_removed_from_all_partitions),
      LAKE_TEST(corrupt_partitions_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
