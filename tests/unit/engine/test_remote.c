/* Types and values of engines elsewhere: what they are in the lake, and that no text of theirs does harm. */
#include <string.h>

#include "engine/remote_impl.h"
#include "engine_support.h"

static const char *type_name(const char *type, bool nested, struct lh_arena *arena) {
  struct lh_field field = {.name = "c"};
  struct lh_error err;
  assert_int_equal(lh_remote_parse_type(type, nested, arena, &field, &err), LH_OK);
  assert_string_equal(field.source_type, type);
  return lh_field_type_name(&field, arena);
}

static void types_of_trino_become_those_of_the_lake(void **state) {
  static const char *const examples[][2] = {
      {"boolean", "boolean"},
      {"BIGINT", "int64"},
      {"decimal(12,2)", "decimal(12,2)"},
      {"decimal(38, 38)", "decimal(38,38)"},
      {"decimal", "decimal(38,0)"},
      {"decimal(39,0)", "string"},
      {"varchar", "string"},
      {"varchar(255)", "string"},
      {"char(3)", "string"},
      {"timestamp", "timestamp"},
      {"timestamp(6)", "timestamp"},
      {"timestamp(3) with time zone", "timestamp with time zone"},
      {"timestamp with time zone", "timestamp with time zone"},
      {"timestamp(3) without time zone", "timestamp"},
      {"timestamp(12)", "string"},
      {"time(6)", "time"},
      {"time(9)", "string"},
      {"time with time zone", "string"},
      {"interval day to second", "string"},
      {"HyperLogLog", "string"},
      {"array(array(real))", "list<list<float>>"},
      {"map(varchar(3), decimal(3,1))", "map<string,decimal(3,1)>"},
      {"row(a integer, b varchar(2))", "struct<a:int32,b:string>"},
      {"row(integer, timestamp(3) with time zone)", "struct<field0:int32,field1:timestamp with time zone>"},
      {"row(\"a, \"\"b\"\"\" row(x date), interval interval year to month)",
       "struct<a, \"b\":struct<x:date>,interval:string>"},
      {"row(interval day to second, interval bigint)", "struct<field0:string,interval:int64>"},
  };
  struct lh_arena *const arena = *state;
  for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
    assert_string_equal(type_name(examples[i][0], true, arena), examples[i][1]);
  }
}

static void nested_types_of_athena_are_text(void **state) {
  assert_string_equal(type_name("array", false, *state), "string");
  assert_string_equal(type_name("row(a integer)", false, *state), "string");
  assert_string_equal(type_name("array", true, *state), "string");
}

static void no_type_does_harm(void **state) {
  static const char *const types[] = {"",
                                      "(",
                                      ")",
                                      "array(",
                                      "array()",
                                      "map(integer)",
                                      "map(integer,",
                                      "row()",
                                      "row(",
                                      "row(\"",
                                      "row(\"a",
                                      "row(a",
                                      "row(,)",
                                      "decimal(",
                                      "decimal(,)",
                                      "decimal(99999999999999999999)",
                                      "timestamp(",
                                      "timestamp(-1)",
                                      "array(((((",
                                      "row(a row(b row(c",
                                      "\"x\"",
                                      "row(a int))))",
                                      "map((,),(,))"};
  struct lh_arena *const arena = *state;
  for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
    assert_non_null(type_name(types[i], true, arena));
  }
  char deep[20000] = "";
  for (size_t i = 0; i < 3000; i++) {
    memcpy(deep + i * 6, "array(", 7);
  }
  assert_non_null(type_name(deep, true, arena));
}

static void check_value(const char *type, const char *text, bool is_value) {
  struct lh_arena arena;
  struct lh_error err;
  struct lh_batch batch;
  struct lh_field field = {.name = "c"};
  lh_arena_init(&arena, 0);
  assert_int_equal(lh_remote_parse_type(type, true, &arena, &field, &err), LH_OK);
  const struct lh_schema schema = {&field, 1};
  assert_int_equal(lh_batch_init(&batch, &schema, 8, &err), LH_OK);
  const lh_status status =
      lh_remote_append_text(&batch.columns[0], text, strlen(text), LH_REMOTE_BYTES_HEX, &err);
  if (status != (is_value ? LH_OK : LH_ERROR_DATA)) {
    fail_msg("\"%s\" as %s: status %d", text, type, (int)status);
  }
  lh_batch_clear(&batch);
  lh_arena_clear(&arena);
}

static void what_is_no_value_is_refused(void **state) {
  static const struct {
    const char *type, *text;
    bool is_value;
  } examples[] = {
      {"boolean", "true", true},
      {"boolean", "1", false},
      {"boolean", "", false},
      {"tinyint", "127", true},
      {"tinyint", "128", false},
      {"smallint", "-32769", false},
      {"integer", "2147483648", false},
      {"bigint", "9223372036854775807", true},
      {"bigint", "9223372036854775808", false},
      {"bigint", " 1", false},
      {"bigint", "1x", false},
      {"double", "1e", false},
      {"double", "-Infinity", true},
      {"decimal(3,1)", "99.9", true},
      {"decimal(3,1)", "100", false},
      {"decimal(3,1)", "1.23", false},
      {"decimal(3,1)", "-", false},
      {"decimal(3,1)", "1.2.3", false},
      {"decimal(38,0)", "100000000000000000000000000000000000000", false},
      {"uuid", "12151fd2-7586-11e9-8f9e-2a86e4085a5", false},
      {"uuid", "12151fd2-7586-11e9-8f9e-2a86e4085a599", false},
      {"date", "2024-13-01", false},
      {"date", "2024-01-01x", false},
      {"date", "99999999-01-01", false},
      {"time(3)", "25:00:00.000", false},
      {"timestamp(3)", "2024-01-01", false},
      {"timestamp(3)", "2024-01-01 00:00:00.000 UTC", false},
      {"timestamp(9)", "2400-01-01 00:00:00.000000000", false},
      {"timestamp(6) with time zone", "2024-01-01 00:00:00.000000 Europe/Berlin", false},
      {"timestamp(6) with time zone", "2024-01-01 00:00:00.000000 +99:00", false},
      {"varbinary", "68 69", true},
      {"varbinary", "6", false},
      {"varbinary", "zz", false},
      {"array(integer)", "[1]", false},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
    check_value(examples[i].type, examples[i].text, examples[i].is_value);
  }
}

static int set_up(void **state) {
  static struct lh_arena arena;
  lh_arena_init(&arena, 0);
  *state = &arena;
  return 0;
}

static int tear_down(void **state) {
  lh_arena_clear(*state);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(types_of_trino_become_those_of_the_lake, set_up, tear_down),
      cmocka_unit_test_setup_teardown(nested_types_of_athena_are_text, set_up, tear_down),
      cmocka_unit_test_setup_teardown(no_type_does_harm, set_up, tear_down),
      cmocka_unit_test(what_is_no_value_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
