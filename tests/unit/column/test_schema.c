/* Schema: widths, names, lookup and copies of fields. */
#include "column/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

static struct lh_field element = {.name = "element", .type = LH_TYPE_STRING, .nullable = true};
static struct lh_field members[] = {
    {.name = "a", .type = LH_TYPE_INT32},
    {.name = "b", .type = LH_TYPE_LIST, .children = &element, .child_count = 1}};
static struct lh_field pair[] = {
    {.name = "key", .type = LH_TYPE_STRING},
    {.name = "value", .type = LH_TYPE_STRUCT, .children = members, .child_count = 2}};
static struct lh_field columns[] = {
    {.name = "id", .type = LH_TYPE_INT64, .source_type = "bigint"},
    {.name = "amount", .type = LH_TYPE_DECIMAL, .precision = 12, .scale = 2, .nullable = true},
    {.name = "attributes", .type = LH_TYPE_MAP, .children = pair, .child_count = 2},
};
static const struct lh_schema schema = {.fields = columns, .field_count = 3};

static void values_have_the_width_of_parquets_physical_type(void **state) {
  (void)state;
  static const struct {
    enum lh_type type;
    int precision;
    size_t width;
  } expected[] = {{LH_TYPE_BOOL, 0, 1},      {LH_TYPE_INT8, 0, 4},      {LH_TYPE_INT16, 0, 4},
                  {LH_TYPE_INT32, 0, 4},     {LH_TYPE_INT64, 0, 8},     {LH_TYPE_FLOAT, 0, 4},
                  {LH_TYPE_DOUBLE, 0, 8},    {LH_TYPE_DECIMAL, 1, 4},   {LH_TYPE_DECIMAL, 9, 4},
                  {LH_TYPE_DECIMAL, 10, 8},  {LH_TYPE_DECIMAL, 18, 8},  {LH_TYPE_DECIMAL, 19, 16},
                  {LH_TYPE_DECIMAL, 38, 16}, {LH_TYPE_STRING, 0, 0},    {LH_TYPE_JSON, 0, 0},
                  {LH_TYPE_BINARY, 0, 0},    {LH_TYPE_UUID, 0, 16},     {LH_TYPE_DATE, 0, 4},
                  {LH_TYPE_TIME, 0, 8},      {LH_TYPE_TIMESTAMP, 0, 8}, {LH_TYPE_LIST, 0, 0},
                  {LH_TYPE_STRUCT, 0, 0},    {LH_TYPE_MAP, 0, 0}};
  for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
    const struct lh_field field = {.type = expected[i].type, .precision = expected[i].precision};
    assert_int_equal(lh_field_width(&field), expected[i].width);
  }
}

static void every_type_is_fixed_variable_or_nested(void **state) {
  (void)state;
  for (int i = 0; i < LH_TYPE_COUNT; i++) {
    const struct lh_field field = {.type = (enum lh_type)i, .precision = 5};
    const int kinds =
        (lh_field_width(&field) > 0) + lh_type_is_variable(field.type) + lh_type_is_nested(field.type);
    assert_int_equal(kinds, 1);
  }
}

static void every_plain_type_has_a_name_of_its_own(void **state) {
  (void)state;
  struct lh_arena arena;
  const char *names[LH_TYPE_COUNT];
  lh_arena_init(&arena, 0);
  for (int i = 0; i < LH_TYPE_LIST; i++) {
    const struct lh_field field = {.type = (enum lh_type)i, .precision = 5, .scale = 1};
    names[i] = lh_field_type_name(&field, &arena);
    assert_non_null(names[i]);
    for (int j = 0; j < i; j++) {
      assert_string_not_equal(names[i], names[j]);
    }
  }
  assert_string_equal(names[LH_TYPE_BOOL], "boolean");
  assert_string_equal(names[LH_TYPE_DECIMAL], "decimal(5,1)");
  lh_arena_clear(&arena);
}

static void timestamps_say_their_unit_and_zone(void **state) {
  (void)state;
  struct lh_arena arena;
  struct lh_field field = {.type = LH_TYPE_TIMESTAMP};
  lh_arena_init(&arena, 0);
  assert_string_equal(lh_field_type_name(&field, &arena), "timestamp");
  field.utc = true;
  assert_string_equal(lh_field_type_name(&field, &arena), "timestamp with time zone");
  field.unit = LH_UNIT_NANOS;
  assert_string_equal(lh_field_type_name(&field, &arena), "timestamp_ns with time zone");
  field.utc = false;
  assert_string_equal(lh_field_type_name(&field, &arena), "timestamp_ns");
  lh_arena_clear(&arena);
}

static void nested_types_spell_out_what_they_hold(void **state) {
  (void)state;
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  assert_string_equal(lh_field_type_name(&columns[1], &arena), "decimal(12,2)");
  assert_string_equal(lh_field_type_name(&members[1], &arena), "list<string>");
  assert_string_equal(lh_field_type_name(&pair[1], &arena), "struct<a:int32,b:list<string>>");
  assert_string_equal(lh_field_type_name(&columns[2], &arena), "map<string,struct<a:int32,b:list<string>>>");
  lh_arena_clear(&arena);
}

static void leaves_are_counted_through_every_level(void **state) {
  (void)state;
  assert_int_equal(lh_field_leaf_count(&columns[0]), 1);
  assert_int_equal(lh_field_leaf_count(&members[1]), 1);
  assert_int_equal(lh_field_leaf_count(&pair[1]), 2);
  assert_int_equal(lh_field_leaf_count(&columns[2]), 3);
}

static void fields_are_found_by_exact_name(void **state) {
  (void)state;
  assert_int_equal(lh_schema_find(&schema, "id"), 0);
  assert_int_equal(lh_schema_find(&schema, "attributes"), 2);
  assert_int_equal(lh_schema_find(&schema, "ID"), -1);
  assert_int_equal(lh_schema_find(&schema, "key"), -1);
  assert_int_equal(lh_schema_find(&(struct lh_schema){0}, "id"), -1);
}

static void assert_same_fields(const struct lh_field *copy, const struct lh_field *original, size_t count) {
  for (size_t i = 0; i < count; i++) {
    assert_string_equal(copy[i].name, original[i].name);
    assert_ptr_not_equal(copy[i].name, original[i].name);
    assert_int_equal(copy[i].type, original[i].type);
    assert_int_equal(copy[i].nullable, original[i].nullable);
    assert_int_equal(copy[i].precision, original[i].precision);
    assert_int_equal(copy[i].scale, original[i].scale);
    assert_int_equal(copy[i].child_count, original[i].child_count);
    if (original[i].source_type == NULL) {
      assert_null(copy[i].source_type);
    } else {
      assert_string_equal(copy[i].source_type, original[i].source_type);
      assert_ptr_not_equal(copy[i].source_type, original[i].source_type);
    }
    if (original[i].child_count > 0) {
      assert_ptr_not_equal(copy[i].children, original[i].children);
      assert_same_fields(copy[i].children, original[i].children, original[i].child_count);
    }
  }
}

static void a_copy_shares_nothing_with_its_original(void **state) {
  (void)state;
  struct lh_arena arena;
  struct lh_error err;
  struct lh_schema copy;
  lh_arena_init(&arena, 0);
  assert_int_equal(lh_schema_copy(&schema, &arena, &copy, &err), LH_OK);
  assert_int_equal(copy.field_count, 3);
  assert_same_fields(copy.fields, schema.fields, 3);
  lh_arena_clear(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_have_the_width_of_parquets_physical_type),
      cmocka_unit_test(every_type_is_fixed_variable_or_nested),
      cmocka_unit_test(every_plain_type_has_a_name_of_its_own),
      cmocka_unit_test(timestamps_say_their_unit_and_zone),
      cmocka_unit_test(nested_types_spell_out_what_they_hold),
      cmocka_unit_test(leaves_are_counted_through_every_level),
      cmocka_unit_test(fields_are_found_by_exact_name),
      cmocka_unit_test(a_copy_shares_nothing_with_its_original),
  };
  return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
