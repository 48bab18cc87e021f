/* Lake types in the words of Glue and Athena. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#include "catalog/glue.h"

static void test_every_lake_type_has_its_type_in_glue(void **state) {
  static const struct {
    const char *lake, *glue;
  } types[] = {
      {"boolean", "boolean"},
      {"int8", "tinyint"},
      {"int16", "smallint"},
      {"int32", "int"},
      {"int64", "bigint"},
      {"float", "float"},
      {"double", "double"},
      {"decimal(38,9)", "decimal(38,9)"},
      {"string", "string"},
      {"json", "string"},
      {"binary", "binary"},
      {"uuid", "string"},
      {"date", "date"},
      {"time", "string"},
      {"timestamp", "timestamp"},
      {"timestamp with time zone", "timestamp"},
      {"timestamp_ns", "timestamp"},
      {"timestamp_ns with time zone", "timestamp"},
      {"geometry", "binary"},
      {"geography", "binary"},
      {"variant", "struct<metadata:binary,value:binary>"},
      {"list<int32>", "array<int>"},
      {"list<list<timestamp with time zone>>", "array<array<timestamp>>"},
      {"map<string,decimal(12,2)>", "map<string,decimal(12,2)>"},
      {"struct<Lower:int32,upper bound:uuid,näme:list<map<string,json>>>",
       "struct<lower:int,upper bound:string,näme:array<map<string,string>>>"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
    struct lh_arena arena;
    lh_arena_init(&arena, 0);
    const char *const type = lh_glue_type(types[i].lake, &arena);
    assert_non_null(type);
    assert_string_equal(type, types[i].glue);
    lh_arena_clear(&arena);
  }
}

static void test_what_hive_cannot_write_has_none(void **state) {
  static const char *const types[] = {
      "",
      "interval",
      "int32,",
      "list<>",
      "list<int32",
      "list<int32>>",
      "map<string>",
      "struct<>",
      "struct<a>",
      "struct<a-b:int32>",
      "struct<a:b:int32>",
      "struct<:int32>",
      "decimal(12",
      "decimal(x)",
  };
  struct lh_arena arena;
  (void)state;
  lh_arena_init(&arena, 0);
  for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
    assert_null(lh_glue_type(types[i], &arena));
  }
  lh_arena_clear(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_lake_type_has_its_type_in_glue),
      cmocka_unit_test(test_what_hive_cannot_write_has_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
