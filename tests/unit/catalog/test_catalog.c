/* The local catalog: what is published is read back, whole, whoever publishes or reads at the same time. */
#include "catalog/local.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#include "lake_tables.h"

#define PUBLISHES 200
#define PUBLISHES_EACH 40

static void a_published_version_is_read_back_field_by_field(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  struct lh_lake_version *got = NULL;
  const struct lh_lake_version version = make_version(lake, "orders", 3);
  assert_ok(lh_catalog_get(lake->store, "orders", &lake->arena, &got, &err));
  assert_null(got);
  assert_ok(lh_catalog_publish(lake->store, &version, &err));
  assert_ok(lh_catalog_get(lake->store, "orders", &lake->arena, &got, &err));
  assert_non_null(got);
  assert_string_equal(got->table, "orders");
  assert_string_equal(got->version, version.version);
  assert_string_equal(got->published_at, version.published_at);
  assert_string_equal(got->source, version.source);
  assert_string_equal(got->snapshot_time, version.snapshot_time);
  assert_string_equal(got->snapshot_lsn, version.snapshot_lsn);
  assert_int_equal(got->rows, 6);
  assert_int_equal(got->bytes, version.bytes);
  assert_int_equal(got->file_count, 3);
  for (size_t i = 0; i < 3; i++) {
    assert_string_equal(got->files[i].key, version.files[i].key);
    assert_int_equal(got->files[i].rows, version.files[i].rows);
    assert_int_equal(got->files[i].bytes, version.files[i].bytes);
  }
  assert_int_equal(got->column_count, 2);
  assert_string_equal(got->comment, "all orders");
  assert_int_equal(got->primary_key_count, 2);
  assert_string_equal(got->primary_key[0], "näme");
  assert_string_equal(got->primary_key[1], "id");
  assert_string_equal(got->columns[0].comment, "");
  assert_string_equal(got->columns[1].comment, "what it is \"called\"");
  assert_string_equal(got->columns[0].source_type, "bigint");
  assert_false(got->columns[0].nullable);
  assert_string_equal(got->columns[1].name, "näme");
  assert_string_equal(got->columns[1].type, "string");
  assert_true(got->columns[1].nullable);
}

static void the_pointer_has_its_documented_form(void **state) {
  static const char *const keys[] = {"format",   "table",   "version", "published_at", "source",
                                     "snapshot", "rows",    "bytes",   "comment",      "primary_key",
                                     "files",    "columns", "previous"};
  struct temporary_lake *const lake = *state;
  const char *const first = publish_version(lake, "orders");
  publish_version(lake, "orders");
  const char *const text = lake_text(lake, pointer_key_of(lake, "orders"));
  const char *at = text;
  for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
    const char *const line = lh_arena_printf(&lake->arena, "\n  \"%s\": ", keys[i]);
    at = strstr(at, line);
    if (at == NULL) {
      fail_msg("\"%s\" is not where it should be in %s", keys[i], text);
    }
  }
  json_t *const root = load_pointer(lake, "orders");
  assert_int_equal(json_integer_value(json_object_get(root, "format")), 1);
  const json_t *const previous = json_array_get(json_object_get(root, "previous"), 0);
  assert_string_equal(json_string_value(json_object_get(previous, "version")), first);
  assert_string_equal(json_string_value(json_object_get(previous, "published_at")),
                      "2026-01-31T12:00:00.123456Z");
  assert_int_equal(json_integer_value(json_object_get(previous, "rows")), 3);
  assert_int_equal(json_integer_value(json_object_get(previous, "files")), 2);
  json_decref(root);
}

static void earlier_versions_are_listed_newest_first(void **state) {
  struct temporary_lake *const lake = *state;
  const char *names[5];
  for (size_t i = 0; i < 5; i++) {
    names[i] = publish_version(lake, "t");
  }
  json_t *const root = load_pointer(lake, "t");
  const json_t *const previous = json_object_get(root, "previous");
  assert_string_equal(json_string_value(json_object_get(root, "version")), names[4]);
  assert_int_equal(json_array_size(previous), 4);
  for (size_t i = 0; i < 4; i++) {
    assert_string_equal(json_string_value(json_object_get(json_array_get(previous, i), "version")),
                        names[3 - i]);
  }
  json_decref(root);
}

static void publishing_a_version_again_does_not_list_it_as_its_own_predecessor(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  const struct lh_lake_version version = make_version(lake, "t", 1);
  publish_version(lake, "t");
  assert_ok(lh_catalog_publish(lake->store, &version, &err));
  assert_ok(lh_catalog_publish(lake->store, &version, &err));
  json_t *const root = load_pointer(lake, "t");
  assert_int_equal(json_array_size(json_object_get(root, "previous")), 1);
  json_decref(root);
}

static const char *current_version(struct temporary_lake *lake, const char *table) {
  struct lh_error err;
  struct lh_lake_version *version = NULL;
  assert_ok(lh_catalog_get(lake->store, table, &lake->arena, &version, &err));
  assert_non_null(version);
  return version->version;
}

static struct lh_publication publish(struct temporary_lake *lake, const struct lh_lake_version *version) {
  struct lh_error err;
  struct lh_publication publication;
  assert_ok(lh_catalog_publish_merged(lake->store, version, &lake->arena, &publication, &err));
  assert_string_equal(publication.current->version, version->version);
  return publication;
}

static void an_older_snapshot_does_not_take_the_place_of_a_later_one(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  const char *const later = publish_version(lake, "t");
  struct lh_lake_version version = make_version(lake, "t", 1);
  version.snapshot_time = "2026-01-31T11:58:59.999999Z";
  assert_int_equal(lh_catalog_publish(lake->store, &version, &err), LH_ERROR_CATALOG);
  assert_contains(err.message, "a later run has published t");
  assert_contains(err.hint, "nothing is lost");
  assert_string_equal(current_version(lake, "t"), later);
  version.snapshot_time = "";
  publish(lake, &version);
  assert_string_equal(current_version(lake, "t"), version.version);
}

static void a_publication_that_is_withdrawn_leaves_what_was_there(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  struct lh_lake_version *none = NULL;
  const struct lh_lake_version first = make_version(lake, "t", 1);
  const struct lh_lake_version second = make_version(lake, "t", 1);
  struct lh_publication publication = publish(lake, &first);
  assert_ok(lh_catalog_withdraw(lake->store, &publication, &err));
  assert_ok(lh_catalog_get(lake->store, "t", &lake->arena, &none, &err));
  assert_null(none);
  publish(lake, &first);
  publication = publish(lake, &second);
  assert_ok(lh_catalog_withdraw(lake->store, &publication, &err));
  assert_string_equal(current_version(lake, "t"), first.version);
  json_t *const root = load_pointer(lake, "t");
  assert_int_equal(json_array_size(json_object_get(root, "previous")), 0);
  json_decref(root);
}

static void what_was_published_since_is_not_withdrawn(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  const struct lh_lake_version first = make_version(lake, "t", 1);
  const struct lh_publication publication = publish(lake, &first);
  const char *const second = publish_version(lake, "t");
  assert_int_equal(lh_catalog_withdraw(lake->store, &publication, &err), LH_ERROR_CATALOG);
  assert_contains(err.message, "published anew meanwhile");
  assert_string_equal(current_version(lake, "t"), second);
}

static void tables_are_listed_by_name_and_other_files_are_not(void **state) {
  static const char *const expected[] = {"a", "a-b", "b", "ü"};
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  const char *const *names = NULL;
  size_t count = 99;
  assert_ok(lh_catalog_list(lake->store, &lake->arena, &names, &count, &err));
  assert_int_equal(count, 0);
  for (size_t i = 4; i > 0; i--) {
    publish_version(lake, expected[i - 1]);
  }
  lake_put(lake, "_lakehaul/tables/README.md", "x");
  lake_put(lake, "_lakehaul/tables/.json", "x");
  lake_put(lake, "_lakehaul/tables/d.json/x", "x");
  lake_put(lake, "_lakehaul/tables/.c.json.tmp-1-0", "x");
  assert_ok(lh_catalog_list(lake->store, &lake->arena, &names, &count, &err));
  assert_int_equal(count, 4);
  for (size_t i = 0; i < 4; i++) {
    assert_string_equal(names[i], expected[i]);
  }
}

static void version_names_are_unique_sort_by_time_and_are_told_from_others(void **state) {
  static const char *const others[] = {"",
                                       "v1",
                                       "20260131T120000.123456Z-4f2a",
                                       "20260131T120000.123456Z-4F2A09C3",
                                       "20260131T120000.123456Z-4f2a09c3x",
                                       "20260131T120000.123456Z-4f2a09c",
                                       "20260131 120000.123456Z-4f2a09c3",
                                       "2026013aT120000.123456Z-4f2a09c3"};
  struct temporary_lake *const lake = *state;
  const char *before = "";
  for (int i = 0; i < 1000; i++) {
    const char *const name = lh_catalog_new_version(&lake->arena);
    assert_true(lh_catalog_is_version(name));
    assert_string_not_equal(name, before);
    assert_true(strncmp(before, name, 23) <= 0);
    before = name;
  }
  for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
    assert_false(lh_catalog_is_version(others[i]));
  }
}

static void hostile_table_names_are_refused(void **state) {
  static const char *const names[] = {"",
                                      ".",
                                      "..",
                                      "../x",
                                      "a/b",
                                      "/etc",
                                      ".hidden",
                                      "a/",
                                      "a\nb",
                                      "_lakehaul",
                                      "\x7f"
                                      "a",
                                      "\xff\xfe",
                                      "a\x01"};
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  struct lh_lake_version *got = NULL;
  struct lh_lake_version version = make_version(lake, "t", 1);
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    assert_int_equal(lh_catalog_get(lake->store, names[i], &lake->arena, &got, &err), LH_ERROR_CATALOG);
    assert_contains(err.message, "not a name that a lake table can have");
    version.table = names[i];
    assert_int_equal(lh_catalog_publish(lake->store, &version, &err), LH_ERROR_CATALOG);
  }
  char long_name[202];
  memset(long_name, 'x', 201);
  long_name[201] = '\0';
  assert_int_equal(lh_catalog_get(lake->store, long_name, &lake->arena, &got, &err), LH_ERROR_CATALOG);
  long_name[200] = '\0';
  publish_version(lake, long_name);
  assert_false(lake_has(lake, "_lakehaul/tables/..json"));
}

static void assert_refused(struct temporary_lake *lake, const struct lh_lake_version *version, lh_status code,
                           const char *message) {
  struct lh_error err;
  const char *const before = lake_text(lake, pointer_key_of(lake, "t"));
  assert_int_equal(lh_catalog_publish(lake->store, version, &err), code);
  assert_int_equal(err.code, code);
  assert_contains(err.message, message);
  assert_string_equal(lake_text(lake, pointer_key_of(lake, "t")), before);
}

static void a_version_whose_files_are_not_as_stated_is_not_published(void **state) {
  struct temporary_lake *const lake = *state;
  publish_version(lake, "t");
  struct lh_lake_version version = make_version(lake, "t", 3);
  const struct lh_lake_version good = version;
  struct lh_lake_file files[3];
  memcpy(files, good.files, sizeof(files));
  version.files = files;
  files[2].bytes++;
  assert_refused(lake, &version, LH_ERROR_CATALOG, "part-00002.parquet has 32 bytes, 33 were written");
  files[2] = good.files[2];
  files[1].key = key_of(lake, good.version, "nowhere");
  assert_refused(lake, &version, LH_ERROR_CATALOG, "is not below t/");
  files[1].key = "t/../t/x";
  assert_refused(lake, &version, LH_ERROR_CATALOG, "is not below t/");
  files[1].key = "t/missing.parquet";
  assert_refused(lake, &version, LH_ERROR_LAKE, "cannot publish t: cannot open ");
  files[1] = good.files[1];
  version.version = "v2";
  assert_refused(lake, &version, LH_ERROR_CATALOG, "\"v2\" is not the name of a version");
  version.version = good.version;
  version.source = "table \xff";
  assert_refused(lake, &version, LH_ERROR_CATALOG, "source is not valid UTF-8");
}

static void texts_that_are_not_known_may_be_left_out(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  struct lh_lake_version *got = NULL;
  const struct lh_lake_version version = {.table = "empty", .version = lh_catalog_new_version(&lake->arena)};
  assert_ok(lh_catalog_publish(lake->store, &version, &err));
  assert_ok(lh_catalog_get(lake->store, "empty", &lake->arena, &got, &err));
  assert_string_equal(got->source, "");
  assert_string_equal(got->snapshot_lsn, "");
  assert_int_equal(strlen(got->published_at), strlen("2026-01-31T12:00:00.123456Z"));
  assert_int_equal(got->file_count, 0);
  assert_int_equal(got->column_count, 0);
  assert_string_equal(got->comment, "");
  assert_int_equal(got->primary_key_count, 0);
}

static void a_pointer_from_before_comments_and_keys_is_read(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  struct lh_lake_version *got = NULL;
  publish_version(lake, "t");
  json_t *const root = load_pointer(lake, "t");
  const json_t *const columns = json_object_get(root, "columns");
  json_object_del(root, "comment");
  json_object_del(root, "primary_key");
  for (size_t i = 0; i < json_array_size(columns); i++) {
    json_object_del(json_array_get(columns, i), "comment");
  }
  char *const text = json_dumps(root, 0);
  lake_put(lake, pointer_key_of(lake, "t"), text);
  free(text);
  json_decref(root);
  assert_ok(lh_catalog_get(lake->store, "t", &lake->arena, &got, &err));
  assert_string_equal(got->comment, "");
  assert_int_equal(got->primary_key_count, 0);
  assert_int_equal(got->column_count, 2);
  assert_string_equal(got->columns[1].comment, "");
}

/* The pointer with `from` replaced by `to` must be refused. */
static void assert_corrupt(struct temporary_lake *lake, const char *good, const char *from, const char *to,
                           lh_status code) {
  struct lh_error err = {0};
  struct lh_lake_version *got = NULL;
  const char *const at = strstr(good, from);
  if (at == NULL) {
    fail_msg("\"%s\" is not in the pointer", from);
    return;
  }
  const char *const bad =
      lh_arena_printf(&lake->arena, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
  lake_put(lake, pointer_key_of(lake, "t"), bad);
  const lh_status status = lh_catalog_get(lake->store, "t", &lake->arena, &got, &err);
  if (status != code) {
    fail_msg("\"%s\" for \"%s\": status %s, %s", to, from, lh_status_name(status), err.message);
  }
  assert_null(got);
  assert_contains(err.message, "/_lakehaul/tables/t.json");
  assert_true(err.hint[0] != '\0');
  /* nothing is published over a pointer that cannot be understood */
  const struct lh_lake_version version = make_version(lake, "t", 1);
  assert_int_equal(lh_catalog_publish(lake->store, &version, &err), code);
  assert_string_equal(lake_text(lake, pointer_key_of(lake, "t")), bad);
}

static void a_corrupt_pointer_is_named_with_what_to_do(void **state) {
  static const char *const changes[][2] = {
      {"\"format\": 1", "\"format\": 0"},
      {"\"comment\": \"all orders\"", "\"comment\": 1"},
      {"\"primary_key\": [", "\"primary_key\": [1, "},
      {"\"format\": 1", "\"format\": \"1\""},
      {"\"format\": 1,", ""},
      {"\"table\": \"t\"", "\"table\": \"other\""},
      {"\"rows\": 3", "\"rows\": -3"},
      {"\"rows\": 3", "\"rows\": 3.5"},
      {"\"snapshot\": {", "\"snapshot\": 1, \"x\": {"},
      {"\"files\": [", "\"files\": [1, "},
      {"\"files\": [", "\"files\": {}, \"x\": ["},
      {"\"columns\": [", "\"columns\": [null, "},
      {"\"previous\": [", "\"previous\": [[], "},
      {"\"previous\": [", "\"x\": ["},
      {"\"nullable\": true", "\"nullable\": \"yes\""},
      {"\"key\": \"t/", "\"key\": \"u/"},
      {"\"key\": \"t/", "\"key\": \"t/../../"},
      {"\"key\": \"t/", "\"key\": \"/t/"},
      {"\"version\": \"", "\"version\": \"../"},
      {"\"source\": \"", "\"source\": \"a\\u0000"},
      {"\"source\": \"", "\"source\": \"\", \"source\": \""},
      {"}\n", ""},
  };
  struct temporary_lake *const lake = *state;
  publish_version(lake, "t");
  publish_version(lake, "t");
  const char *const good = lake_text(lake, pointer_key_of(lake, "t"));
  for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]) - 1; i++) {
    assert_corrupt(lake, good, changes[i][0], changes[i][1], LH_ERROR_CORRUPT);
  }
  assert_corrupt(lake, good, good, "", LH_ERROR_CORRUPT);
  assert_corrupt(lake, good, good, "[]", LH_ERROR_CORRUPT);
  assert_corrupt(lake, good, strstr(good, "\"files\""), "", LH_ERROR_CORRUPT);
}

static void a_pointer_of_a_newer_format_is_refused_and_unknown_keys_are_not(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_error err;
  struct lh_lake_version *got = NULL;
  publish_version(lake, "t");
  const char *const good = lake_text(lake, pointer_key_of(lake, "t"));
  assert_corrupt(lake, good, "\"format\": 1", "\"format\": 4", LH_ERROR_CATALOG);
  assert_int_equal(lh_catalog_get(lake->store, "t", &lake->arena, &got, &err), LH_ERROR_CATALOG);
  assert_contains(err.message, "has format 4; this lakehaul reads format 3");
  assert_contains(err.hint, "newer lakehaul");
  assert_corrupt(lake, good, "\"format\": 1", "\"format\": 3",
                 LH_ERROR_CORRUPT); /* a view without its SELECT */
  lake_put(lake, pointer_key_of(lake, "t"), lh_arena_printf(&lake->arena, "{\"new\": [],%s", good + 1));
  assert_ok(lh_catalog_get(lake->store, "t", &lake->arena, &got, &err));
  assert_non_null(got);
}

static void publish_many(struct temporary_lake *lake, const char *table, int times) {
  for (int i = 0; i < times; i++) {
    struct lh_error err;
    const struct lh_lake_version version = make_version(lake, table, 1);
    if (lh_catalog_publish(lake->store, &version, &err) != LH_OK) {
      fprintf(stderr, "%s\n", err.message);
      _exit(1);
    }
  }
  _exit(0);
}

static void processes_that_publish_at_once_lose_no_version(void **state) {
  struct temporary_lake *const lake = *state;
  pid_t children[2];
  for (size_t i = 0; i < 2; i++) {
    children[i] = fork_child();
    if (children[i] == 0) {
      publish_many(lake, "t", PUBLISHES_EACH);
    }
  }
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(wait_for(children[i]), 0);
  }
  struct lh_error err;
  struct lh_store_entry *entries = NULL;
  size_t count = 0;
  assert_ok(lh_store_list(lake->store, "t", &lake->arena, &entries, &count, &err));
  assert_int_equal(count, 2 * PUBLISHES_EACH);
  json_t *const root = load_pointer(lake, "t");
  assert_int_equal(json_array_size(json_object_get(root, "previous")), 2 * PUBLISHES_EACH - 1);
  const char *const text = lake_text(lake, pointer_key_of(lake, "t"));
  for (size_t i = 0; i < count; i++) {
    assert_contains(text, entries[i].name);
  }
  json_decref(root);
}

static void publish_and_collect(struct temporary_lake *lake) {
  for (int i = 0; i < PUBLISHES; i++) {
    struct lh_error err;
    struct lh_catalog_gc_result result;
    const struct lh_lake_version version = make_version(lake, "t", 1 + (size_t)i % 3);
    if (lh_catalog_publish(lake->store, &version, &err) != LH_OK ||
        (i % 20 == 19 &&
         lh_catalog_gc(lake->store, &(const struct lh_catalog_gc_options){.keep = 100, .dry_run = false},
                       &result, &err) != LH_OK)) {
      fprintf(stderr, "%s\n", err.message);
      _exit(1);
    }
  }
  _exit(0);
}

/* False where the reader was so slow that the version has been collected since: ten came after it. */
static bool assert_whole(struct temporary_lake *lake, const struct lh_lake_version *version) {
  struct lh_error err;
  for (size_t i = 0; i < version->file_count; i++) {
    struct lh_source *source = NULL;
    if (lh_store_open_object(lake->store, version->files[i].key, &source, &err) != LH_OK) {
      struct lh_lake_version *now = NULL;
      assert_ok(lh_catalog_get(lake->store, "t", &lake->arena, &now, &err));
      assert_string_not_equal(now->version, version->version);
      return false;
    }
    assert_int_equal(source->size_bytes, version->files[i].bytes);
    lh_source_free(source);
    assert_contains(version->files[i].key, version->version);
  }
  assert_int_equal(version->rows, version->file_count * (version->file_count + 1) / 2);
  return true;
}

static void a_reader_sees_whole_versions_during_200_publishes_and_gc(void **state) {
  struct temporary_lake *const lake = *state;
  size_t changes = 0;
  size_t reads = 0;
  char last[64] = "";
  int child_status = 0;
  publish_version(lake, "t");
  const pid_t child = fork_child();
  if (child == 0) {
    publish_and_collect(lake);
  }
  while (waitpid(child, &child_status, WNOHANG) == 0) {
    struct lh_arena arena;
    struct lh_error err;
    struct lh_lake_version *version = NULL;
    lh_arena_init(&arena, 0);
    assert_ok(lh_catalog_get(lake->store, "t", &arena, &version, &err));
    assert_non_null(version);
    const bool whole = assert_whole(lake, version);
    changes += whole && strcmp(last, version->version) != 0 ? 1 : 0;
    reads++;
    snprintf(last, sizeof(last), "%s", version->version);
    lh_arena_clear(&arena);
  }
  assert_true(WIFEXITED(child_status));
  assert_int_equal(WEXITSTATUS(child_status), 0);
  assert_true(changes > 10);
  assert_true(reads >= changes);
}

int main(void) {
#define LAKE_TEST(test) cmocka_unit_test_setup_teardown(test, temporary_lake_setup, temporary_lake_teardown)
  const struct CMUnitTest tests[] = {
      LAKE_TEST(a_published_version_is_read_back_field_by_field),
      LAKE_TEST(the_pointer_has_its_documented_form),
      LAKE_TEST(earlier_versions_are_listed_newest_first),
      LAKE_TEST(publishing_a_version_again_does_not_list_it_as_its_own_predecessor),
      LAKE_TEST(an_older_snapshot_does_not_take_the_place_of_a_later_one),
      LAKE_TEST(a_publication_that_is_withdrawn_leaves_what_was_there),
      LAKE_TEST(what_was_published_since_is_not_withdrawn),
      LAKE_TEST(tables_are_listed_by_name_and_other_files_are_not),
      LAKE_TEST(version_names_are_unique_sort_by_time_and_are_told_from_others),
      LAKE_TEST(hostile_table_names_are_refused),
      LAKE_TEST(a_version_whose_files_are_not_as_stated_is_not_published),
      LAKE_TEST(texts_that_are_not_known_may_be_left_out),
      LAKE_TEST(a_pointer_from_before_comments_and_keys_is_read),
      LAKE_TEST(a_corrupt_pointer_is_named_with_what_to_do),
      LAKE_TEST(a_pointer_of_a_newer_format_is_refused_and_unknown_keys_are_not),
      LAKE_TEST(processes_that_publish_at_once_lose_no_version),
      LAKE_TEST(a_reader_sees_whole_versions_during_200_publishes_and_gc),
  };
  return cmocka_run_group_tests_name("catalog", tests, NULL, NULL);
}
