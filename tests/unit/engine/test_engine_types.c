/* Every DuckDB type as a lake type, values compared with what was written. */
#include <string.h>

#include "engine_support.h"

struct example {
  const char *expression; /* with NULL as a second row */
  const char *type;
  const char *value; /* a JSON literal */
};

static void check_example(struct fixture *fixture, const struct example *example) {
  const char *const sql = lh_arena_printf(
      &fixture->arena, "SELECT v AS c FROM (VALUES (0, %s), (1, NULL), (2, NULL)) t(i, v) ORDER BY i",
      example->expression);
  const char *const types = query_types(fixture, sql);
  if (strcmp(types, lh_arena_printf(&fixture->arena, "c %s", example->type)) != 0) {
    fail_msg("%s has the type \"%s\", not \"%s\"", example->expression, types, example->type);
  }
  const char *const text = query_text(fixture, sql);
  const char *const expected = lh_arena_printf(&fixture->arena, "[%s]\n[null]\n[null]\n", example->value);
  if (strcmp(text, expected) != 0) {
    fail_msg("%s gives\n%s, not\n%s", example->expression, text, expected);
  }
}

static void check(void **state, const struct example *examples, size_t count) {
  for (size_t i = 0; i < count; i++) {
    check_example(*state, &examples[i]);
  }
}

#define CHECK(examples) check(state, examples, sizeof(examples) / sizeof((examples)[0]))

static void numbers_keep_every_digit(void **state) {
  static const struct example examples[] = {
      {"true", "boolean", "true"},
      {"(-128)::TINYINT", "int8", "-128"},
      {"(-32768)::SMALLINT", "int16", "-32768"},
      {"(-2147483648)::INTEGER", "int32", "-2147483648"},
      {"(-9223372036854775808)::BIGINT", "int64", "-9223372036854775808"},
      {"255::UTINYINT", "int16", "255"},
      {"65535::USMALLINT", "int32", "65535"},
      {"4294967295::UINTEGER", "int64", "4294967295"},
      {"18446744073709551615::UBIGINT", "decimal(20,0)", "18446744073709551615"},
      {"99999999999999999999999999999999999999::HUGEINT", "decimal(38,0)",
       "99999999999999999999999999999999999999"},
      {"(-99999999999999999999999999999999999999)::HUGEINT", "decimal(38,0)",
       "-99999999999999999999999999999999999999"},
      {"99999999999999999999999999999999999999::UHUGEINT", "decimal(38,0)",
       "99999999999999999999999999999999999999"},
      {"(-12.34)::DECIMAL(4,2)", "decimal(4,2)", "-12.34"},
      {"(-0.000000001)::DECIMAL(9,9)", "decimal(9,9)", "-0.000000001"},
      {"1234567.89::DECIMAL(9,2)", "decimal(9,2)", "1234567.89"},
      {"(-9999999999999999.99)::DECIMAL(18,2)", "decimal(18,2)", "-9999999999999999.99"},
      {"'-0.12345678901234567890123456789012345678'::DECIMAL(38,38)", "decimal(38,38)",
       "-0.12345678901234567890123456789012345678"},
      {"99999999999999999999999999.999999999999::DECIMAL(38,12)", "decimal(38,12)",
       "99999999999999999999999999.999999999999"},
      {"0.1::FLOAT", "float", "0.1"},
      {"'nan'::FLOAT", "float", "\"NaN\""},
      {"0.1::DOUBLE", "double", "0.1"},
      {"'-infinity'::DOUBLE", "double", "\"-Infinity\""},
  };
  CHECK(examples);
}

static void texts_and_bytes_survive(void **state) {
  static const struct example examples[] = {
      {"''", "string", "\"\""},
      {"'twelve bytes'", "string", "\"twelve bytes\""},
      {"'thirteen byte'", "string", "\"thirteen byte\""},
      {"'ünïcode ☃ ' || chr(10) || chr(34)", "string", "\"ünïcode ☃ \\n\\\"\""},
      {"'{\"a\": [1, null]}'::JSON", "json", "{\"a\": [1, null]}"},
      {"'\\x00\\xFF\\x10'::BLOB", "binary", "\"\\\\x00ff10\""},
      {"'b'::ENUM ('a', 'b')", "string", "\"b\""},
      {"'0101100111000'::BIT", "string", "\"0101100111000\""},
      {"'10101010'::BIT", "string", "\"10101010\""},
      {"'00000000-0000-0000-0000-000000000000'::UUID", "uuid", "\"00000000-0000-0000-0000-000000000000\""},
      {"'ffffffff-1234-5678-9abc-def012345678'::UUID", "uuid", "\"ffffffff-1234-5678-9abc-def012345678\""},
  };
  CHECK(examples);
}

static void times_survive(void **state) {
  static const struct example examples[] = {
      {"DATE '1969-12-31'", "date", "\"1969-12-31\""},
      {"DATE '0044-03-15 (BC)'", "date", "\"-000043-03-15\""},
      {"TIME '23:59:59.999999'", "time", "\"23:59:59.999999\""},
      {"'10:30:00.5+05:30'::TIMETZ", "string", "\"10:30:00.5+05:30\""},
      {"'00:00:00-08'::TIMETZ", "string", "\"00:00:00-08\""},
      {"TIMESTAMP '1969-12-31 23:59:59.999999'", "timestamp", "\"1969-12-31T23:59:59.999999\""},
      {"TIMESTAMP_S '2024-02-29 12:00:00'", "timestamp", "\"2024-02-29T12:00:00\""},
      {"TIMESTAMP_MS '2024-02-29 12:00:00.123'", "timestamp", "\"2024-02-29T12:00:00.123\""},
      {"TIMESTAMP_NS '2024-02-29 12:00:00.123456789'", "timestamp_ns", "\"2024-02-29T12:00:00.123456789\""},
      {"TIMESTAMPTZ '2024-02-29 12:00:00+02'", "timestamp with time zone", "\"2024-02-29T10:00:00Z\""},
      {"TIMESTAMPTZ '2024-02-29 12:00:00'", "timestamp with time zone", "\"2024-02-29T12:00:00Z\""},
      {"INTERVAL '14 months -3 days 04:05:06.7'", "struct<months:int32,days:int32,microseconds:int64>",
       "{\"months\": 14, \"days\": -3, \"microseconds\": 14706700000}"},
  };
  CHECK(examples);
}

static void nested_values_survive(void **state) {
  static const struct example examples[] = {
      {"[1, NULL, 3]", "list<int32>", "[1, null, 3]"},
      {"[]::VARCHAR[]", "list<string>", "[]"},
      {"[['a', NULL], NULL, [], ['long enough not to be inlined']]", "list<list<string>>",
       "[[\"a\", null], null, [], [\"long enough not to be inlined\"]]"},
      {"[1.5, NULL]::DECIMAL(5,1)[2]", "list<decimal(5,1)>", "[1.5, null]"},
      {"[[1, 2], [3, NULL]]::INTEGER[2][2]", "list<list<int32>>", "[[1, 2], [3, null]]"},
      {"{'a': 1, 'b': NULL::VARCHAR}", "struct<a:int32,b:string>", "{\"a\": 1, \"b\": null}"},
      {"{'a': NULL::INTEGER, 'b': {'c': [DATE '2024-01-31']}}", "struct<a:int32,b:struct<c:list<date>>>",
       "{\"a\": null, \"b\": {\"c\": [\"2024-01-31\"]}}"},
      {"[{'x': 1}, NULL, {'x': NULL}]", "list<struct<x:int32>>", "[{\"x\": 1}, null, {\"x\": null}]"},
      {"MAP {'k': 1, 'l': NULL}", "map<string,int32>",
       "[{\"key\": \"k\", \"value\": 1}, {\"key\": \"l\", \"value\": null}]"},
      {"MAP {}::MAP(INTEGER, VARCHAR)", "map<int32,string>", "[]"},
      {"MAP {1: [MAP {'z': {'q': true}}]}", "map<int32,list<map<string,struct<q:boolean>>>>",
       "[{\"key\": 1, \"value\": [[{\"key\": \"z\", \"value\": {\"q\": true}}]]}]"},
      {"[INTERVAL 1 DAY, NULL]", "list<struct<months:int32,days:int32,microseconds:int64>>",
       "[{\"months\": 0, \"days\": 1, \"microseconds\": 0}, null]"},
  };
  CHECK(examples);
}

static void decimals_of_expressions_keep_precision_and_scale(void **state) {
  assert_string_equal(
      query_types(*state,
                  "SELECT 1.10::DECIMAL(12,2) * (1 + 0.19::DECIMAL(5,4)) AS with_tax, sum(2::BIGINT) AS s"),
      "with_tax decimal(18,6), s decimal(38,0)");
}

/* Rows that are null, empty and full in turn, thousands of them, so that chunks, offsets and validity bits
 * meet at every alignment; DuckDB's own JSON is the judge. */
static void nulls_at_every_level_match_duckdbs_own_json(void **state) {
  static const char *const expressions[] = {
      "CASE WHEN i % 3 > 0 THEN i END",
      "CASE WHEN i % 7 > 0 THEN 'v' || repeat('x', (i % 20)::INT) END",
      "CASE WHEN i % 3 > 0 THEN [CASE WHEN i % 5 > 0 THEN i END, i + 1] END",
      "CASE WHEN i % 3 > 0 THEN list_transform(range(i % 4), x -> CASE WHEN (x + i) % 3 > 0 THEN 's' || x "
      "END) END",
      "CASE WHEN i % 4 > 0 THEN {'a': CASE WHEN i % 3 > 0 THEN i END, 'b': CASE WHEN i % 5 > 0 THEN ['p', "
      "NULL] "
      "END} END",
      "CASE WHEN i % 4 > 0 THEN [CASE WHEN i % 3 > 0 THEN {'q': CASE WHEN i % 5 > 0 THEN [i] END} END] END",
      "list_select([i, i + 1, i + 2], [3, 1])",
      "list_reverse([NULL, i % 10])",
      "['same', 'for every row']",
      "(CASE WHEN i % 2 = 0 THEN [i, 2, NULL] END)::INTEGER[3]",
      "i % 2 = 0",
      "(i % 100)::UTINYINT",
  };
  struct fixture *const fixture = *state;
  for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++) {
    const char *const sql =
        lh_arena_printf(&fixture->arena, "SELECT %s AS v FROM range(10000) t(i) ORDER BY i", expressions[i]);
    const char *const ours = lh_arena_strdup(&fixture->arena, query_text(fixture, sql));
    const char *const theirs = query_text(
        fixture,
        lh_arena_printf(&fixture->arena,
                        "SELECT replace(replace(coalesce(to_json(v), 'null')::VARCHAR, ',', ', '), ':', ': "
                        "')::JSON FROM (%s)",
                        sql));
    if (strcmp(ours, theirs) != 0) {
      fail_msg("%s comes out differently", expressions[i]);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_keep_every_digit),
      cmocka_unit_test(texts_and_bytes_survive),
      cmocka_unit_test(times_survive),
      cmocka_unit_test(nested_values_survive),
      cmocka_unit_test(decimals_of_expressions_keep_precision_and_scale),
      cmocka_unit_test(nulls_at_every_level_match_duckdbs_own_json),
  };
  return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
