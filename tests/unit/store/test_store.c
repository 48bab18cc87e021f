/* The store as a whole: locations, keys, small objects, sources, listing and removal. */
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#include "temporary_lake.h"

static void open_and_check(const char *uri, const char *base, const char *expected_root) {
  struct lh_error err;
  struct lh_store *store = NULL;
  assert_ok(
      lh_store_open(uri, &(const struct lh_store_options){.base_dir = base, .create = true}, &store, &err));
  assert_string_equal(lh_store_root(store), expected_root);
  lh_store_free(store);
}

static void locations_are_paths_relative_paths_and_file_uris(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_arena *const arena = &lake->arena;
  char real[PATH_MAX];
  assert_non_null(realpath(lake->directory, real));
  open_and_check("./a/b/", real, lh_arena_printf(arena, "%s/a/b", real));
  open_and_check(lh_arena_printf(arena, "%s/c", real), "/nowhere", lh_arena_printf(arena, "%s/c", real));
  open_and_check(lh_arena_printf(arena, "file://%s/my%%20lake%%C3%%A9", real), "/nowhere",
                 lh_arena_printf(arena, "%s/my lakeé", real));
  open_and_check(lh_arena_printf(arena, "file://localhost%s/d", real), "/nowhere",
                 lh_arena_printf(arena, "%s/d", real));
  open_and_check(lh_arena_printf(arena, "FILE:%s/e%%2Ff", real), "/nowhere",
                 lh_arena_printf(arena, "%s/e/f", real));
  open_and_check("50%", real, lh_arena_printf(arena, "%s/50%%", real));
}

static void assert_open_fails(const char *uri, const char *base, bool create, lh_status code,
                              const char *message, const char *hint) {
  struct lh_error err = {0};
  struct lh_store *store = NULL;
  const struct lh_store_options options = {.base_dir = base, .create = create};
  assert_int_equal(lh_store_open(uri, &options, &store, &err), code);
  assert_int_equal(err.code, code);
  assert_null(store);
  assert_contains(err.message, message);
  assert_contains(err.hint, hint);
}

static void other_schemes_are_refused_by_name(void **state) {
  (void)state;
  assert_open_fails("s3://key:secret@bucket/lake", "/", true, LH_ERROR_UNSUPPORTED, "bucket's name",
                    "s3://bucket/prefix");
  assert_open_fails("gs://bucket", "/", true, LH_ERROR_UNSUPPORTED, "gs:// is not supported", "./lake");
  assert_open_fails("file://server/lake", "/", true, LH_ERROR_UNSUPPORTED, "another host", "file:///");
}

static void broken_locations_say_what_is_wrong(void **state) {
  struct temporary_lake *const lake = *state;
  assert_open_fails("", lake->directory, true, LH_ERROR_LAKE, "empty", "lake:");
  assert_open_fails("file:///tmp/%zz", "/", true, LH_ERROR_LAKE, "%zz", "%25");
  assert_open_fails("file:///tmp/%0", "/", true, LH_ERROR_LAKE, "%0", "%25");
  assert_open_fails("file:///tmp/%00x", "/", true, LH_ERROR_LAKE, "%00", "%25");
  assert_open_fails("missing", lake->directory, false, LH_ERROR_LAKE, "missing", "lakehaul run creates it");
  lake_put(lake, "plain", "x");
  assert_open_fails("lake/plain", lake->directory, true, LH_ERROR_LAKE, "not a directory", "lake:");
  assert_open_fails("lake/plain/below", lake->directory, true, LH_ERROR_LAKE, "Not a directory", "file");
}

static void an_object_is_replaced_only_in_the_state_that_was_read(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  struct lh_buf bytes;
  struct lh_store_tag none = {""};
  struct lh_store_tag first;
  struct lh_store_tag second;
  bool flag = false;
  lh_buf_init(&bytes, 16);
  assert_ok(lh_store_replace(lake->store, "a/x", "1", 1, &none, &first, &flag, &err));
  assert_true(flag);
  assert_ok(lh_store_replace(lake->store, "a/x", "2", 1, &none, &second, &flag, &err));
  assert_false(flag);
  assert_ok(lh_store_replace(lake->store, "a/x", "3", 1, &first, &second, &flag, &err));
  assert_true(flag);
  assert_ok(lh_store_replace(lake->store, "a/x", NULL, 0, &first, &none, &flag, &err));
  assert_false(flag);
  assert_ok(lh_store_get_tagged(lake->store, "a/x", &bytes, &flag, &first, &err));
  assert_true(flag);
  assert_string_equal(first.text, second.text);
  assert_memory_equal(bytes.data, "3", 1);
  assert_ok(lh_store_replace(lake->store, "a/x", NULL, 0, &second, &none, &flag, &err));
  assert_true(flag);
  assert_string_equal(none.text, "");
  assert_ok(lh_store_get_tagged(lake->store, "a/x", &bytes, &flag, &first, &err));
  assert_false(flag);
  assert_string_equal(first.text, "");
  lh_buf_clear(&bytes);
}

static void keys_that_could_leave_the_lake_are_refused(void **state) {
  static const char *const wrong[] = {"",  "/",   "/etc/passwd", "..",   "../x", "a/../../x", "a/..",
                                      ".", "./a", "a/./b",       "a//b", "a/",   "\xff/a",    "a/\xc0\xaf"};
  static const char *const right[] = {"a",       "a/b",  "..a/b..",         "a b/ü.parquet",
                                      ".hidden", "a\\b", "day=2026-01-31/x"};
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  struct lh_sink *sink = NULL;
  struct lh_source *source = NULL;
  struct lh_store_lock *lock = NULL;
  bool flag = false;
  uint64_t files = 0;
  uint64_t bytes = 0;
  for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
    assert_false(lh_store_key_valid(wrong[i]));
    assert_int_equal(lh_store_create(lake->store, wrong[i], &sink, &err), LH_ERROR_LAKE);
    assert_int_equal(lh_store_open_object(lake->store, wrong[i], &source, &err), LH_ERROR_LAKE);
    assert_int_equal(lh_store_get(lake->store, wrong[i], NULL, &flag, &err), LH_ERROR_LAKE);
    assert_int_equal(lh_store_put(lake->store, wrong[i], "x", 1, &err), LH_ERROR_LAKE);
    assert_int_equal(lh_store_delete_prefix(lake->store, wrong[i], &files, &bytes, &err), LH_ERROR_LAKE);
    assert_int_equal(lh_store_lock(lake->store, wrong[i], true, false, &lock, &flag, &err), LH_ERROR_LAKE);
  }
  for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
    assert_true(lh_store_key_valid(right[i]));
  }
  char *const deep = lh_arena_alloc(&lake->arena, 1026);
  memset(deep, 'a', 1025);
  deep[1025] = '\0';
  assert_false(lh_store_key_valid(deep));
  deep[1024] = '\0';
  assert_true(lh_store_key_valid(deep));
}

static void what_is_put_is_got_and_replaced_whole(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  struct lh_buf bytes;
  bool found = true;
  lh_buf_init(&bytes, 1000);
  assert_ok(lh_store_get(lake->store, "a/b/c.json", &bytes, &found, &err));
  assert_false(found);
  lake_put(lake, "a/b/c.json", "first, and longer");
  lake_put(lake, "a/b/c.json", "second");
  assert_string_equal(lake_text(lake, "a/b/c.json"), "second");
  lake_put(lake, "empty", "");
  assert_string_equal(lake_text(lake, "empty"), "");
  /* get appends, and a part of a key that is a file means there is nothing below */
  assert_ok(lh_buf_append_str(&bytes, "kept ", &err));
  assert_ok(lh_store_get(lake->store, "a/b/c.json", &bytes, &found, &err));
  assert_true(found);
  assert_int_equal(bytes.len, 11);
  assert_memory_equal(bytes.data, "kept second", 11);
  assert_ok(lh_store_get(lake->store, "empty/x", &bytes, &found, &err));
  assert_false(found);
  lh_buf_clear(&bytes);
}

static void an_object_larger_than_the_buffer_is_refused(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  struct lh_buf bytes;
  bool found = true;
  lh_buf_init(&bytes, 9);
  lake_put(lake, "ten", "0123456789");
  assert_int_equal(lh_store_get(lake->store, "ten", &bytes, &found, &err), LH_ERROR_LAKE);
  assert_false(found);
  assert_contains(err.message, "10 bytes");
  lh_buf_clear(&bytes);
}

static void sources_read_any_range_and_refuse_what_is_past_the_end(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  struct lh_source *source = NULL;
  char bytes[16] = {0};
  lake_put(lake, "t/v/part-0.parquet", "0123456789");
  assert_ok(lh_store_open_object(lake->store, "t/v/part-0.parquet", &source, &err));
  assert_int_equal(source->size_bytes, 10);
  assert_string_equal(source->name, lake_path(lake, "t/v/part-0.parquet"));
  assert_ok(lh_source_read_at(source, 7, bytes, 3, &err));
  assert_string_equal(bytes, "789");
  assert_ok(lh_source_read_at(source, 10, bytes, 0, &err));
  assert_int_equal(lh_source_read_at(source, 8, bytes, 3, &err), LH_ERROR_CORRUPT);
  assert_contains(err.message, "part-0.parquet ends too early");
  assert_int_equal(lh_source_read_at(source, UINT64_MAX, bytes, 3, &err), LH_ERROR_CORRUPT);
  assert_int_equal(lh_source_read_at(source, 2, bytes, SIZE_MAX, &err), LH_ERROR_CORRUPT);
  /* cut short behind the reader's back */
  assert_int_equal(truncate(source->name, 4), 0);
  assert_int_equal(lh_source_read_at(source, 2, bytes, 3, &err), LH_ERROR_CORRUPT);
  assert_contains(err.message, "shorter");
  lh_source_free(source);
}

static void sources_exist_only_for_regular_files(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  struct lh_source *source = NULL;
  lake_put(lake, "dir/x", "1");
  assert_int_equal(lh_store_open_object(lake->store, "nothing", &source, &err), LH_ERROR_LAKE);
  assert_contains(err.message, "No such file");
  assert_int_equal(lh_store_open_object(lake->store, "dir", &source, &err), LH_ERROR_LAKE);
  assert_contains(err.message, "is a directory");
  assert_int_equal(mkfifo(lake_path(lake, "pipe"), 0600), 0);
  assert_int_equal(lh_file_source_open(lake_path(lake, "pipe"), &source, &err), LH_ERROR_LAKE);
  assert_contains(err.message, "not a regular file");
  assert_null(source);
}

static void lists_are_sorted_and_leave_hidden_names_out(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  struct lh_store_entry *entries = NULL;
  size_t count = 99;
  assert_ok(lh_store_list(lake->store, "", &lake->arena, &entries, &count, &err));
  assert_int_equal(count, 0);
  for (int i = 199; i >= 0; i--) {
    char key[32];
    snprintf(key, sizeof(key), "many/file-%03d", i);
    lake_put(lake, key, "12345");
  }
  lake_put(lake, "many/a directory/x", "1");
  lake_put(lake, "many/.hidden", "1");
  struct lh_sink *sink = NULL;
  assert_ok(lh_store_create(lake->store, "many/unfinished", &sink, &err));
  assert_ok(lh_store_list(lake->store, "many", &lake->arena, &entries, &count, &err));
  lh_sink_free(sink);
  assert_int_equal(count, 201);
  assert_string_equal(entries[0].name, "a directory");
  assert_true(entries[0].is_prefix);
  for (size_t i = 1; i < count; i++) {
    char name[32];
    snprintf(name, sizeof(name), "file-%03zu", i - 1);
    assert_string_equal(entries[i].name, name);
    assert_false(entries[i].is_prefix);
    assert_int_equal(entries[i].size_bytes, 5);
  }
  assert_ok(lh_store_list(lake->store, "none/at/all", &lake->arena, &entries, &count, &err));
  assert_int_equal(count, 0);
  assert_ok(lh_store_list(lake->store, "many/file-000", &lake->arena, &entries, &count, &err));
  assert_int_equal(count, 0);
}

static void delete_prefix_removes_all_below_it_and_nothing_beside_it(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  uint64_t files = 100;
  uint64_t bytes = 1000;
  lake_put(lake, "t/v1/a", "123");
  lake_put(lake, "t/v1/deep/er/b", "4567");
  lake_put(lake, "t/v1/.a.tmp-1-0", "89");
  lake_put(lake, "t/v10/c", "kept");
  lake_put(lake, "outside/d", "kept");
  assert_int_equal(symlink(lake_path(lake, "outside"), lake_path(lake, "t/v1/link")), 0);
  assert_ok(lh_store_measure_prefix(lake->store, "t/v1", &files, &bytes, &err));
  assert_int_equal(files, 104);
  assert_int_equal(bytes, 1009);
  assert_true(lake_has(lake, "t/v1/deep/er/b"));
  files = 0;
  bytes = 0;
  assert_ok(lh_store_delete_prefix(lake->store, "t/v1", &files, &bytes, &err));
  assert_int_equal(files, 4);
  assert_int_equal(bytes, 9);
  assert_false(lake_has(lake, "t/v1"));
  assert_string_equal(lake_text(lake, "t/v10/c"), "kept");
  assert_string_equal(lake_text(lake, "outside/d"), "kept");
  assert_ok(lh_store_delete_prefix(lake->store, "t/v1", &files, &bytes, &err));
  assert_int_equal(files, 4);
}

static void prefixes_that_became_empty_go_and_the_root_stays(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  uint64_t files = 0;
  uint64_t bytes = 0;
  lake_put(lake, "t/x/v1/a", "1");
  assert_ok(lh_store_delete_prefix(lake->store, "t/x/v1", &files, &bytes, &err));
  assert_false(lake_has(lake, "t"));
  lake_put(lake, "t/v1", "1");
  assert_ok(lh_store_delete_prefix(lake->store, "t/v1", &files, &bytes, &err));
  assert_false(lake_has(lake, "t"));
  assert_int_equal(files, 2);
  assert_true(lh_fs_is_directory(lh_store_root(lake->store)));
}

static void the_sweep_removes_unfinished_objects_only(void **state) {
  static const char *const kept[] = {"t/part.parquet",   "t/.tmp-1-2x",         "t/.a.tmp-",
                                     "t/.a.tmp-1",       "t/.a.tmp-1-",         "t/a.tmp-1-2",
                                     "t/.a.tmp-x-2",     "t/.gitignore",        "t/.d.tmp-1-1/file",
                                     "other/.a.tmp-1-2", "t/.a.tmp-1-2.parquet"};
  static const char *const swept[] = {"t/.part.parquet.tmp-123-0", "t/deep/.x.tmp-1-99",
                                      "t/.a.tmp-b.tmp-7-8"};
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  uint64_t files = 0;
  uint64_t bytes = 0;
  for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
    lake_put(lake, kept[i], "12");
  }
  for (size_t i = 0; i < sizeof(swept) / sizeof(swept[0]); i++) {
    lake_put(lake, swept[i], "12");
  }
  assert_ok(lh_store_sweep_unfinished(lake->store, "t", true, &files, &bytes, &err));
  assert_int_equal(files, 3);
  assert_int_equal(bytes, 6);
  assert_true(lake_has(lake, swept[0]));
  assert_ok(lh_store_sweep_unfinished(lake->store, "t", false, &files, &bytes, &err));
  assert_int_equal(files, 6);
  for (size_t i = 0; i < sizeof(swept) / sizeof(swept[0]); i++) {
    assert_false(lake_has(lake, swept[i]));
  }
  for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
    assert_true(lake_has(lake, kept[i]));
  }
}

int main(void) {
#define LAKE_TEST(test) cmocka_unit_test_setup_teardown(test, temporary_lake_setup, temporary_lake_teardown)
  const struct CMUnitTest tests[] = {
      LAKE_TEST(locations_are_paths_relative_paths_and_file_uris),
      LAKE_TEST(other_schemes_are_refused_by_name),
      LAKE_TEST(broken_locations_say_what_is_wrong),
      LAKE_TEST(an_object_is_replaced_only_in_the_state_that_was_read),
      LAKE_TEST(keys_that_could_leave_the_lake_are_refused),
      LAKE_TEST(what_is_put_is_got_and_replaced_whole),
      LAKE_TEST(an_object_larger_than_the_buffer_is_refused),
      LAKE_TEST(sources_read_any_range_and_refuse_what_is_past_the_end),
      LAKE_TEST(sources_exist_only_for_regular_files),
      LAKE_TEST(lists_are_sorted_and_leave_hidden_names_out),
      LAKE_TEST(delete_prefix_removes_all_below_it_and_nothing_beside_it),
      LAKE_TEST(prefixes_that_became_empty_go_and_the_root_stays),
      LAKE_TEST(the_sweep_removes_unfinished_objects_only),
  };
  return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
