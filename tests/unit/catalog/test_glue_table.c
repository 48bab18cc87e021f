/* TableInput: what Athena expects of a table, what others have set on it, and the rules of projected
 * partitions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#include "catalog/glue_impl.h"
#include "column/partition.h"
#include "lake_tables.h"

static struct lh_glue_request request_of(struct temporary_lake *lake, const char *table) {
  return (struct lh_glue_request){.store = lake->store, .table = table, .compression = "zstd"};
}

/* Release with json_decref. */
static json_t *make_table(struct temporary_lake *lake, const struct lh_glue_request *request,
                          const struct lh_lake_version *version, const json_t *existing) {
  struct lh_error err;
  json_t *input = NULL;
  assert_ok(lh_glue_make_table(request, version, existing, &lake->arena, &input, &err));
  return input;
}

static json_t *parse(const char *text) {
  struct lh_error err;
  json_t *root = NULL;
  assert_ok(lh_json_parse(text, strlen(text), "test", &root, &err));
  return root;
}

static const char *parameter(const json_t *input, const char *name) {
  return json_string_value(json_object_get(json_object_get(input, "Parameters"), name));
}

static const json_t *column(const json_t *input, size_t index) {
  return json_array_get(json_object_get(json_object_get(input, "StorageDescriptor"), "Columns"), index);
}

static void test_a_table_is_what_athena_expects(void **state) {
  struct temporary_lake *const lake = *state;
  const struct lh_lake_version version = make_version(lake, "t", 2);
  const struct lh_glue_request request = request_of(lake, "t");
  json_t *const input = make_table(lake, &request, &version, NULL);
  const json_t *const storage = json_object_get(input, "StorageDescriptor");
  char location[4096];
  snprintf(location, sizeof(location), "%s/t/%s/", lh_store_root(lake->store), version.version);
  assert_string_equal(lh_glue_text(input, "TableType"), "EXTERNAL_TABLE");
  assert_string_equal(lh_glue_text(input, "Description"), "all orders");
  assert_string_equal(lh_glue_text(storage, "Location"), location);
  assert_string_equal(lh_glue_text(storage, "InputFormat"),
                      "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat");
  assert_string_equal(lh_glue_text(storage, "OutputFormat"),
                      "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat");
  assert_string_equal(lh_glue_text(json_object_get(storage, "SerdeInfo"), "SerializationLibrary"),
                      "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe");
  assert_string_equal(parameter(input, "EXTERNAL"), "TRUE");
  assert_string_equal(parameter(input, "classification"), "parquet");
  assert_string_equal(parameter(input, "compressionType"), "zstd");
  assert_string_equal(parameter(input, "typeOfData"), "file");
  assert_string_equal(parameter(input, "recordCount"), "3");
  assert_string_equal(parameter(input, "lakehaul.version"), version.version);
  assert_string_equal(parameter(input, "lakehaul.source"), "table public.orders");
  assert_string_equal(parameter(input, "lakehaul.snapshot_lsn"), "0/16B3748");
  assert_string_equal(lh_glue_text(column(input, 0), "Type"), "bigint");
  assert_null(json_object_get(column(input, 0), "Comment"));
  assert_string_equal(lh_glue_text(column(input, 1), "Comment"), "what it is \"called\"");
  json_decref(input);
}

static void test_what_others_set_is_kept(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_lake_version version = make_version(lake, "t", 1);
  version.comment = "";
  const struct lh_glue_request request = request_of(lake, "t");
  json_t *const existing = parse(
      "{\"Name\": \"t\", \"Owner\": \"data team\", \"Description\": \"by hand\", \"Retention\": 7, "
      "\"CreateTime\": 1.5,"
      " \"VersionId\": \"3\", \"DatabaseName\": \"d\", \"IsRegisteredWithLakeFormation\": false,"
      " \"StorageDescriptor\": {\"Location\": \"s3://old/\", \"Parameters\": {\"seen\": \"yes\"}, "
      "\"Columns\": ["
      "  {\"Name\": \"id\", \"Type\": \"int\", \"Comment\": \"the key\", \"Parameters\": {\"pii\": \"no\"}},"
      "  {\"Name\": \"gone\", \"Type\": \"int\"}]},"
      " \"Parameters\": {\"lakehaul.version\": \"old\", \"team\": \"sales\", \"projection.enabled\": "
      "\"false\"}}");
  json_t *const input = make_table(lake, &request, &version, existing);
  assert_string_equal(lh_glue_text(input, "Owner"), "data team");
  assert_string_equal(lh_glue_text(input, "Description"), "by hand");
  assert_int_equal(json_integer_value(json_object_get(input, "Retention")), 7);
  /* Members of the answer that TableInput does not have would be refused. */
  assert_null(json_object_get(input, "CreateTime"));
  assert_null(json_object_get(input, "VersionId"));
  assert_null(json_object_get(input, "DatabaseName"));
  assert_string_equal(parameter(input, "team"), "sales");
  assert_string_equal(parameter(input, "projection.enabled"), "false");
  assert_string_equal(parameter(input, "lakehaul.version"), version.version);
  assert_string_equal(
      lh_glue_text(json_object_get(json_object_get(input, "StorageDescriptor"), "Parameters"), "seen"),
      "yes");
  assert_string_equal(lh_glue_text(column(input, 0), "Comment"), "the key");
  assert_string_equal(lh_glue_text(column(input, 0), "Type"), "bigint");
  assert_string_equal(lh_glue_text(json_object_get(column(input, 0), "Parameters"), "pii"), "no");
  assert_null(column(input, 2));
  json_decref(input);
  json_decref(existing);
}

static void test_a_comment_that_the_source_took_away_goes(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_lake_version version = make_version(lake, "t", 1);
  const struct lh_glue_request request = request_of(lake, "t");
  json_t *const existing = make_table(lake, &request, &version, NULL);
  version.comment = "";
  json_t *const input = make_table(lake, &request, &version, existing);
  assert_null(json_object_get(input, "Description"));
  assert_null(parameter(input, "comment"));
  json_decref(input);
  json_decref(existing);
}

static void test_long_comments_end_between_characters(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_lake_version version = make_version(lake, "t", 1);
  struct lh_lake_column columns[1] = {version.columns[0]};
  char comment[2 * 300 + 8] = "a\nb";
  for (int i = 0; i < 300; i++) {
    strcat(comment, "ü");
  }
  columns[0].comment = comment;
  version.columns = columns;
  version.column_count = 1;
  const struct lh_glue_request request = request_of(lake, "t");
  json_t *const input = make_table(lake, &request, &version, NULL);
  const char *const kept = lh_glue_text(column(input, 0), "Comment");
  assert_int_equal(strlen(kept), 3 + 2 * 252);
  assert_memory_equal(kept, "a bü", 5);
  json_decref(input);
}

static void assert_refused(struct temporary_lake *lake, const struct lh_glue_request *request,
                           const struct lh_lake_version *version, const char *said) {
  struct lh_error err;
  json_t *input = NULL;
  assert_int_equal(lh_glue_make_table(request, version, NULL, &lake->arena, &input, &err), LH_ERROR_CATALOG);
  assert_contains(err.message, said);
  assert_null(input);
}

static void test_columns_that_glue_cannot_take_are_refused(void **state) {
  struct temporary_lake *const lake = *state;
  struct lh_lake_version version = make_version(lake, "t", 1);
  struct lh_lake_column columns[2] = {version.columns[0], version.columns[0]};
  const struct lh_glue_request request = request_of(lake, "t");
  version.columns = columns;
  columns[1].name = "ID";
  assert_refused(lake, &request, &version, "table t has two columns that Glue calls id");
  columns[1].name = "s";
  columns[1].type = "struct<a-b:int32>";
  assert_refused(lake, &request, &version,
                 "column \"s\" of table t cannot be shown in Glue: it is struct<a-b:int32>");
}

/* -------- partitions -------- */

static const struct lh_lake_partition_key keys[] = {
    {"country", "identity", "näme", "string"}, {"day", "day", "at", "date"}, {"y", "year", "at", "int32"}};

static struct lh_lake_version partitioned(struct temporary_lake *lake, const char *const *countries,
                                          size_t count) {
  struct lh_lake_version version = make_version(lake, "t", 0);
  struct lh_lake_partition *const partitions = LH_ARENA_ARRAY(&lake->arena, struct lh_lake_partition, count);
  for (size_t i = 0; i < count; i++) {
    const char **const values = LH_ARENA_ARRAY(&lake->arena, const char *, 3);
    values[0] = countries[i];
    values[1] = i % 2 == 0 ? "2026-02-28" : "2025-12-31";
    values[2] = i % 2 == 0 ? "2026" : "0999";
    partitions[i] = (struct lh_lake_partition){
        .path = lh_arena_printf(&lake->arena, "country=%s/day=%s/y=%s",
                                values[0] != NULL ? values[0] : LH_PARTITION_NULL, values[1], values[2]),
        .version = version.version,
        .values = values,
        .rows = 1,
    };
  }
  version.partition_keys = keys;
  version.partition_key_count = 3;
  version.partitions = partitions;
  version.partition_count = count;
  return version;
}

static void test_partition_keys_are_not_among_the_columns(void **state) {
  struct temporary_lake *const lake = *state;
  static const char *const countries[] = {"de"};
  static const struct lh_lake_partition_key näme[] = {{"näme", "identity", "näme", "string"}};
  struct lh_lake_version version = partitioned(lake, countries, 1);
  version.partition_keys = näme;
  version.partition_key_count = 1;
  const struct lh_glue_request request = request_of(lake, "t");
  json_t *const input = make_table(lake, &request, &version, NULL);
  const json_t *const key = json_array_get(json_object_get(input, "PartitionKeys"), 0);
  assert_string_equal(lh_glue_text(column(input, 0), "Name"), "id");
  assert_null(column(input, 1));
  assert_string_equal(lh_glue_text(key, "Name"), "näme");
  assert_string_equal(lh_glue_text(key, "Comment"), "what it is \"called\"");
  json_decref(input);
}

static void test_projection_has_a_rule_for_every_key(void **state) {
  struct temporary_lake *const lake = *state;
  static const char *const countries[] = {"fr", "de", "fr"};
  static const struct lh_projection_key said[] = {{.key = "day", .range = "2020-01-01,NOW"}};
  static const struct lh_glue_projection projection = {said, 1};
  const struct lh_lake_version version = partitioned(lake, countries, 3);
  struct lh_glue_request request = request_of(lake, "t");
  char location[4096];
  request.projection = &projection;
  snprintf(location, sizeof(location), "%s/t/country=${country}/day=${day}/y=${y}/%s/",
           lh_store_root(lake->store), version.version);
  json_t *const input = make_table(lake, &request, &version, NULL);
  assert_string_equal(parameter(input, "projection.enabled"), "true");
  assert_string_equal(parameter(input, "projection.country.type"), "enum");
  assert_string_equal(parameter(input, "projection.country.values"), "fr,de");
  assert_string_equal(parameter(input, "projection.day.type"), "date");
  assert_string_equal(parameter(input, "projection.day.range"), "2020-01-01,NOW");
  assert_string_equal(parameter(input, "projection.day.format"), "yyyy-MM-dd");
  assert_string_equal(parameter(input, "projection.day.interval.unit"), "DAYS");
  assert_string_equal(parameter(input, "projection.y.type"), "integer");
  assert_string_equal(parameter(input, "projection.y.range"), "999,2026");
  assert_string_equal(parameter(input, "projection.y.digits"), "4");
  assert_string_equal(parameter(input, "storage.location.template"), location);
  /* What is projected no more leaves nothing. */
  request.projection = NULL;
  json_t *const after = make_table(lake, &request, &version, input);
  assert_null(parameter(after, "projection.enabled"));
  assert_null(parameter(after, "projection.day.range"));
  assert_null(parameter(after, "storage.location.template"));
  json_decref(after);
  json_decref(input);
}

static void test_rows_that_projection_would_lose_are_refused(void **state) {
  struct temporary_lake *const lake = *state;
  static const char *const plain[] = {"fr", "de"};
  static const struct {
    const char *country;
    struct lh_projection_key said;
    const char *message;
  } cases[] = {
      {NULL, {.key = "day"}, "holds the rows without a value, which no rule makes"},
      {"a,b", {.key = "day"}, "has a comma in its value"},
      {"fr", {.key = "day", .range = "2026-01-01,NOW"}, "day=2025-12-31/y=0999 is outside the range"},
      {"fr", {.key = "y", .range = "1000,3000"}, "y=0999 is outside the range"},
      {"fr", {.key = "country", .values = plain + 1, .value_count = 1}, "country=fr/"},
      {"fr",
       {.key = "country", .type = LH_PROJECTION_DATE},
       "cannot be projected as date: it is identity of string"},
      {"fr", {.key = "month"}, "names month, by which it is not partitioned"},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    const char *const countries[] = {cases[i].country, cases[i].country};
    const struct lh_lake_version version = partitioned(lake, countries, 2);
    const struct lh_glue_projection projection = {&cases[i].said, 1};
    struct lh_glue_request request = request_of(lake, "t");
    request.projection = &projection;
    assert_refused(lake, &request, &version, cases[i].message);
  }
}

static void test_partitions_of_two_versions_are_not_projected(void **state) {
  struct temporary_lake *const lake = *state;
  static const char *const countries[] = {"fr", "a/b"};
  static const struct lh_glue_projection projection = {0};
  struct lh_lake_version version = partitioned(lake, countries, 2);
  struct lh_lake_partition *const partitions = (struct lh_lake_partition *)(uintptr_t)version.partitions;
  struct lh_glue_request request = request_of(lake, "t");
  request.projection = &projection;
  partitions[1].path = "country=a%2Fb/day=2025-12-31/y=0999";
  assert_refused(lake, &request, &version, "has characters in its value that are escaped");
  partitions[0].version = "20260131T120000.123456Z-4f2a9c01";
  assert_refused(lake, &request, &version, "is of an earlier version, and one template cannot name two");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_a_table_is_what_athena_expects, temporary_lake_setup,
                                      temporary_lake_teardown),
      cmocka_unit_test_setup_teardown(test_what_others_set_is_kept, temporary_lake_setup,
                                      temporary_lake_teardown),
      cmocka_unit_test_setup_teardown(test_a_comment_that_the_source_took_away_goes, temporary_lake_setup,
                                      temporary_lake_teardown),
      cmocka_unit_test_setup_teardown(test_long_comments_end_between_characters, temporary_lake_setup,
                                      temporary_lake_teardown),
      cmocka_unit_test_setup_teardown(test_columns_that_glue_cannot_take_are_refused, temporary_lake_setup,
                                      temporary_lake_teardown),
      cmocka_unit_test_setup_teardown(test_partition_keys_are_not_among_the_columns, temporary_lake_setup,
                                      temporary_lake_teardown),
      cmocka_unit_test_setup_teardown(test_projection_has_a_rule_for_every_key, temporary_lake_setup,
                                      temporary_lake_teardown),
      cmocka_unit_test_setup_teardown(test_rows_that_projection_would_lose_are_refused, temporary_lake_setup,
                                      temporary_lake_teardown),
      cmocka_unit_test_setup_teardown(test_partitions_of_two_versions_are_not_projected, temporary_lake_setup,
                                      temporary_lake_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
