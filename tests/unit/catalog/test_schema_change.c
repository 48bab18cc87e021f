/* Schema changes: every way in which two lists of columns can differ, and what it is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#include "catalog/schema_change.h"

#define MAX_COLUMNS 8

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

/* "id int64 not null; amount decimal(10,2)": each a name and a type; the source type is the lake's. */
static size_t parse_columns(const char *text, struct lh_arena *arena, struct lh_lake_column *out) {
  size_t count = 0;
  char *rest = NULL;
  for (char *part = strtok_r(lh_arena_strdup(arena, text), ";", &rest); part != NULL;
       part = strtok_r(NULL, ";", &rest)) {
    part += strspn(part, " ");
    char *const type = strchr(part, ' ');
    assert_non_null(type);
    *type = '\0';
    char *const not_null = strstr(type + 1, " not null");
    out[count] = (struct lh_lake_column){
        .name = part, .type = type + 1, .source_type = type + 1, .comment = "", .nullable = not_null == NULL};
    if (not_null != NULL) {
      *not_null = '\0';
    }
    count++;
    assert_true(count <= MAX_COLUMNS);
  }
  return count;
}

static struct lh_schema_change *compare(const struct lh_lake_column *before, size_t before_count,
                                        const struct lh_lake_column *after, size_t after_count,
                                        struct lh_arena *arena, size_t *count) {
  struct lh_schema_change *changes = NULL;
  struct lh_error err;
  assert_int_equal(lh_schema_compare(before, before_count, after, after_count, arena, &changes, count, &err),
                   LH_OK);
  return changes;
}

/* The changes as "kind column" separated by "; ". */
static void assert_changes(struct lh_arena *arena, const char *before_text, const char *after_text,
                           const char *expected) {
  struct lh_lake_column before[MAX_COLUMNS];
  struct lh_lake_column after[MAX_COLUMNS];
  const size_t before_count = parse_columns(before_text, arena, before);
  const size_t after_count = parse_columns(after_text, arena, after);
  size_t count = 0;
  const struct lh_schema_change *const changes =
      compare(before, before_count, after, after_count, arena, &count);
  const char *found = "";
  for (size_t i = 0; i < count; i++) {
    found = lh_arena_printf(arena, "%s%s%s %s", found, i > 0 ? "; " : "",
                            lh_schema_change_kind_name(changes[i].kind), changes[i].column);
  }
  if (strcmp(found, expected) != 0) {
    fail_msg("from (%s) to (%s): \"%s\", not \"%s\"", before_text, after_text, found, expected);
  }
}

static void equal_lists_have_no_changes(void **state) {
  assert_changes(*state, "a int32; b string not null", "a int32; b string not null", "");
  assert_changes(*state, "", "", "");
}

static void columns_that_came_and_went_are_named(void **state) {
  assert_changes(*state, "a int32", "a int32; b string", "added b");
  assert_changes(*state, "a int32; b string", "a int32", "removed b");
  assert_changes(*state, "a int32; b string; c date", "b string; c date; d json", "removed a; added d");
  assert_changes(*state, "a int32", "b string", "removed a; added b");
  assert_changes(*state, "", "a int32; b int32", "added a; added b");
  assert_changes(*state, "a int32; b int32", "", "removed a; removed b");
}

static void one_removed_and_one_added_in_its_place_are_perhaps_a_rename(void **state) {
  assert_changes(*state, "a int32; b string; c date", "a int32; bee string; c date", "renamed b");
  assert_changes(*state, "a int32; b string; c date", "a int32; bee string; c date; d date",
                 "renamed b; added d");
  assert_changes(*state, "a int32; b int32", "c int32; d int32", "renamed a; renamed b");
  /* another type, another place, another nullability */
  assert_changes(*state, "a int32; b string", "a int32; c json", "removed b; added c");
  assert_changes(*state, "a int32; b string", "c string; a int32", "removed b; added c");
  assert_changes(*state, "a int32; b string", "a int32; c string not null", "removed b; added c");
  assert_changes(*state, "x date; b string; c date", "bee string; c date; x date",
                 "removed b; added bee; reordered x");
}

static void wider_and_narrower_types_are_told_apart(void **state) {
  static const struct {
    const char *narrow, *wide;
  } pairs[] = {
      {"int8", "int16"},
      {"int16", "int32"},
      {"int32", "int64"},
      {"int16", "int64"},
      {"float", "double"},
      {"decimal(10,2)", "decimal(12,2)"},
      {"decimal(10,2)", "decimal(12,4)"},
      {"decimal(10,0)", "decimal(38,10)"},
      {"list<int32>", "list<int64>"},
      {"list<list<decimal(4,1)>>", "list<list<decimal(5,1)>>"},
      {"string not null", "string"},
      {"int32 not null", "int64"},
      {"int32 not null", "int64 not null"},
  };
  for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
    const char *const narrow = lh_arena_printf(*state, "a %s", pairs[i].narrow);
    const char *const wide = lh_arena_printf(*state, "a %s", pairs[i].wide);
    assert_changes(*state, narrow, wide, "widened a");
    assert_changes(*state, wide, narrow, "narrowed a");
  }
  /* one side grows, the other shrinks */
  assert_changes(*state, "a decimal(10,2)", "a decimal(10,4)", "narrowed a");
  assert_changes(*state, "a decimal(10,4)", "a decimal(10,2)", "narrowed a");
  assert_changes(*state, "a int32", "a int64 not null", "narrowed a");
  assert_changes(*state, "a int64 not null", "a int32", "narrowed a");
}

static void other_types_are_new_types(void **state) {
  static const struct {
    const char *before, *after;
  } pairs[] = {
      {"int32", "string"},
      {"int32", "double"},
      {"int64", "decimal(20,0)"},
      {"decimal(10,2)", "double"},
      {"timestamp", "timestamp with time zone"},
      {"list<int32>", "int32"},
      {"int32", "list<int32>"},
      {"list<int32>", "list<string>"},
      {"struct<a:int32>", "struct<a:int64>"},
      {"struct<a:int32>", "struct<a:int32,b:int32>"},
      {"decimal(10,2)", "decimal(10,2"},
      {"list<", "list<list<"},
      {"string not null", "json"},
  };
  for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
    assert_changes(*state, lh_arena_printf(*state, "a %s", pairs[i].before),
                   lh_arena_printf(*state, "a %s", pairs[i].after), "retyped a");
  }
}

static void another_order_is_one_change(void **state) {
  assert_changes(*state, "a int32; b string; c date", "c date; b string; a int32", "reordered b");
  assert_changes(*state, "a int32; b string; c date", "a int32; c date; b string", "reordered b");
  assert_changes(*state, "a int32; b string; c date", "d json; a int32; c date", "removed b; added d");
}

static void another_source_type_alone_is_told(void **state) {
  const struct lh_lake_column before[] = {
      {.name = "a", .type = "string", .source_type = "text", .comment = "", .nullable = true},
      {.name = "b", .type = "string", .source_type = "", .comment = "", .nullable = true},
  };
  const struct lh_lake_column after[] = {
      {.name = "a", .type = "string", .source_type = "uuid", .comment = "new", .nullable = true},
      {.name = "b", .type = "string", .source_type = "text", .comment = "new", .nullable = true},
  };
  size_t count = 0;
  const struct lh_schema_change *const changes = compare(before, 2, after, 2, *state, &count);
  assert_int_equal(count, 1);
  assert_int_equal(changes[0].kind, LH_SCHEMA_REDECLARED);
  assert_string_equal(changes[0].before, "text");
  assert_string_equal(changes[0].after, "uuid");
}

static void changes_say_what_they_are_in_words(void **state) {
  struct lh_lake_column before[MAX_COLUMNS];
  struct lh_lake_column after[MAX_COLUMNS];
  static const char *const texts[] = {
      "column \"a\" was widened from int32 not null to int64",
      "column \"b\" was perhaps renamed to \"bee\" (string)",
      "column \"c\" changed its type from date to string",
      "column \"d\" was removed (json)",
  };
  const size_t before_count = parse_columns("a int32 not null; b string; c date; d json", *state, before);
  const size_t after_count = parse_columns("a int64; bee string; c string", *state, after);
  size_t count = 0;
  const struct lh_schema_change *const changes =
      compare(before, before_count, after, after_count, *state, &count);
  assert_int_equal(count, sizeof(texts) / sizeof(texts[0]));
  for (size_t i = 0; i < count; i++) {
    assert_string_equal(changes[i].text, texts[i]);
  }
  assert_string_equal(changes[0].before, "int32 not null");
  assert_string_equal(changes[0].after, "int64");
}

static void what_breaks_queries_is_known_and_kinds_have_names(void **state) {
  (void)state;
  static const bool breaks[LH_SCHEMA_CHANGE_KINDS] = {
      [LH_SCHEMA_REMOVED] = true,
      [LH_SCHEMA_RENAMED] = true,
      [LH_SCHEMA_NARROWED] = true,
      [LH_SCHEMA_RETYPED] = true,
  };
  for (size_t i = 0; i < LH_SCHEMA_CHANGE_KINDS; i++) {
    const enum lh_schema_change_kind kind = (enum lh_schema_change_kind)i;
    enum lh_schema_change_kind parsed = LH_SCHEMA_ADDED;
    assert_int_equal(lh_schema_change_breaks(kind), breaks[i]);
    assert_true(lh_schema_change_parse_kind(lh_schema_change_kind_name(kind), &parsed));
    assert_int_equal(parsed, kind);
  }
  enum lh_schema_change_kind ignored;
  assert_false(lh_schema_change_parse_kind("grown", &ignored));
}

static void a_table_of_1600_columns_is_compared(void **state) {
  enum { COLUMNS = 1600 };
  struct lh_arena *const arena = *state;
  struct lh_lake_column *const before = LH_ARENA_ARRAY(arena, struct lh_lake_column, COLUMNS);
  struct lh_lake_column *const after = LH_ARENA_ARRAY(arena, struct lh_lake_column, COLUMNS);
  for (size_t i = 0; i < COLUMNS; i++) {
    before[i] = (struct lh_lake_column){
        .name = lh_arena_printf(arena, "c%zu", i), .type = "int32", .source_type = "integer", .comment = ""};
    after[i] = before[i];
    after[i].type = i % 2 == 0 ? "int64" : "int32";
  }
  size_t count = 0;
  compare(before, COLUMNS, after, COLUMNS, arena, &count);
  assert_int_equal(count, COLUMNS / 2);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(equal_lists_have_no_changes),
      TEST(columns_that_came_and_went_are_named),
      TEST(one_removed_and_one_added_in_its_place_are_perhaps_a_rename),
      TEST(wider_and_narrower_types_are_told_apart),
      TEST(other_types_are_new_types),
      TEST(another_order_is_one_change),
      TEST(another_source_type_alone_is_told),
      TEST(changes_say_what_they_are_in_words),
      TEST(what_breaks_queries_is_known_and_kinds_have_names),
      TEST(a_table_of_1600_columns_is_compared),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
