/* Types to fields: through the table, and through the catalog for domains, enums and arrays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "postgres/types/type_registry.h"

#define TYPMOD_10_2 (((10 << 16) | 2) + 4)

/* typname, typtype, typbasetype, typtypmod, typelem, has typsend, and nothing that it is made of */
static const struct lh_pg_catalog_type catalog[] = {
    {50001, "mood", 'e', 0, -1, 0, true, NULL, 0, NULL, 0},
    {50002, "_mood", 'b', 0, -1, 50001, true, NULL, 0, NULL, 0},
    {50003, "price", 'd', 1700, TYPMOD_10_2, 0, true, NULL, 0, NULL, 0},
    {50004, "price_again", 'd', 50003, -1, 0, true, NULL, 0, NULL, 0},
    {50005, "_price_again", 'b', 0, -1, 50004, true, NULL, 0, NULL, 0},
    {50006, "tags", 'd', 1009, -1, 0, true, NULL, 0, NULL, 0},
    {50007, "pair", 'c', 0, -1, 0, true, NULL, 0, NULL, 0},
    {50008, "_pair", 'b', 0, -1, 50007, true, NULL, 0, NULL, 0},
    {50009, "citext", 'b', 0, -1, 0, true, NULL, 0, NULL, 0},
    {50010, "seg", 'b', 0, -1, 0, false, NULL, 0, NULL, 0},
    {50011, "_tags", 'b', 0, -1, 50006, true, NULL, 0, NULL, 0},
    {50012, "loop", 'd', 50012, -1, 0, true, NULL, 0, NULL, 0},
    {50013, "mood_domain", 'd', 50001, -1, 0, true, NULL, 0, NULL, 0},
    {50014, "ltree", 'b', 0, -1, 0, false, NULL, 0, NULL, 0},
    {50015, "_ltree", 'b', 0, -1, 50014, false, NULL, 0, NULL, 0},
    {50016, "wage", 'd', 790, -1, 0, true, NULL, 0, NULL, 0},
    {790, "money", 'b', 0, 3, 0, true, NULL, 0, NULL, 0},
    {1033, "aclitem", 'b', 0, -1, 0, false, NULL, 0, NULL, 0},
    {1034, "_aclitem", 'b', 0, -1, 1033, true, NULL, 0, NULL, 0},
};

struct fixture {
  struct lh_arena arena;
  struct lh_pg_type_rules rules;
  struct lh_field field;
  const struct lh_pg_decoder *decoder;
  bool text_fallback;
  struct lh_error err;
};

static int set_up(void **state) {
  static struct fixture fixture;
  memset(&fixture, 0, sizeof(fixture));
  lh_arena_init(&fixture.arena, 0);
  *state = &fixture;
  return 0;
}

static int tear_down(void **state) {
  lh_arena_clear(&((struct fixture *)*state)->arena);
  return 0;
}

static void resolve(struct fixture *fixture, uint32_t oid, int32_t typmod, const char *source_type) {
  fixture->field = (struct lh_field){.name = "c", .nullable = true, .source_type = source_type};
  assert_int_equal(lh_pg_type_resolve(oid, typmod, &fixture->rules, catalog,
                                      sizeof(catalog) / sizeof(catalog[0]), &fixture->arena, &fixture->field,
                                      &fixture->decoder, &fixture->text_fallback, &fixture->err),
                   LH_OK);
  assert_non_null(fixture->decoder->decode);
}

static void built_in_types_need_no_catalog(void **state) {
  (void)state;
  assert_true(lh_pg_type_is_built_in(23));
  assert_true(lh_pg_type_is_built_in(1007));
  assert_true(lh_pg_type_is_built_in(1231));
  assert_true(lh_pg_type_is_built_in(22));
  assert_true(lh_pg_type_is_built_in(3645));
  assert_false(lh_pg_type_is_built_in(1033));
  assert_false(lh_pg_type_is_built_in(50001));
  assert_false(lh_pg_type_is_built_in(0));
}

static void enums_are_strings(void **state) {
  struct fixture *const fixture = *state;
  resolve(fixture, 50001, -1, "mood");
  assert_int_equal(fixture->field.type, LH_TYPE_STRING);
  assert_false(fixture->text_fallback);
}

static void domains_are_their_base_type_with_its_modifier(void **state) {
  struct fixture *const fixture = *state;
  const uint32_t oids[] = {50003, 50004};
  for (size_t i = 0; i < 2; i++) {
    resolve(fixture, oids[i], -1, "price");
    assert_int_equal(fixture->field.type, LH_TYPE_DECIMAL);
    assert_int_equal(fixture->field.precision, 10);
    assert_int_equal(fixture->field.scale, 2);
  }
  resolve(fixture, 50013, -1, "mood_domain");
  assert_int_equal(fixture->field.type, LH_TYPE_STRING);
  assert_false(fixture->text_fallback);
}

static void arrays_are_lists_with_nullable_elements(void **state) {
  struct fixture *const fixture = *state;
  resolve(fixture, 1231, TYPMOD_10_2, "numeric(10,2)[]");
  assert_int_equal(fixture->field.type, LH_TYPE_LIST);
  assert_int_equal(fixture->field.child_count, 1);
  assert_string_equal(fixture->field.children[0].name, "element");
  assert_true(fixture->field.children[0].nullable);
  assert_int_equal(fixture->field.children[0].type, LH_TYPE_DECIMAL);
  assert_int_equal(fixture->field.children[0].precision, 10);
  assert_string_equal(fixture->field.children[0].source_type, "numeric(10,2)");
  assert_int_equal(fixture->decoder->element->oid, 1700);
}

static void arrays_of_enums_and_domains_keep_the_wire_oid(void **state) {
  struct fixture *const fixture = *state;
  resolve(fixture, 50002, -1, "mood[]");
  assert_int_equal(fixture->field.children[0].type, LH_TYPE_STRING);
  assert_int_equal(fixture->decoder->element->oid, 50001);
  resolve(fixture, 50005, -1, "price_again[]");
  assert_int_equal(fixture->field.children[0].type, LH_TYPE_DECIMAL);
  assert_int_equal(fixture->field.children[0].scale, 2);
  assert_int_equal(fixture->decoder->element->oid, 50004);
}

static void a_domain_over_an_array_is_a_list(void **state) {
  struct fixture *const fixture = *state;
  resolve(fixture, 50006, -1, "tags");
  assert_int_equal(fixture->field.type, LH_TYPE_LIST);
  assert_int_equal(fixture->field.children[0].type, LH_TYPE_STRING);
  assert_null(fixture->field.children[0].source_type);
}

static void an_array_of_a_domain_over_an_array_is_a_list_of_lists(void **state) {
  struct fixture *const fixture = *state;
  resolve(fixture, 50011, -1, "tags[]");
  assert_int_equal(fixture->field.type, LH_TYPE_LIST);
  assert_int_equal(fixture->field.children[0].type, LH_TYPE_LIST);
  assert_int_equal(fixture->field.children[0].children[0].type, LH_TYPE_STRING);
  assert_int_equal(fixture->decoder->element->oid, 50006);
  assert_int_equal(fixture->decoder->element->element->oid, 25);
}

static void types_of_extensions_are_found_by_name(void **state) {
  struct fixture *const fixture = *state;
  resolve(fixture, 50009, -1, "citext");
  assert_int_equal(fixture->field.type, LH_TYPE_STRING);
  assert_false(fixture->text_fallback);
}

static void intervals_and_points_are_structs_of_their_parts(void **state) {
  struct fixture *const fixture = *state;
  resolve(fixture, 1186, -1, "interval");
  assert_int_equal(fixture->field.type, LH_TYPE_STRUCT);
  assert_int_equal(fixture->field.child_count, 3);
  assert_string_equal(fixture->field.children[0].name, "months");
  assert_string_equal(fixture->field.children[1].name, "days");
  assert_string_equal(fixture->field.children[2].name, "microseconds");
  assert_int_equal(fixture->field.children[2].type, LH_TYPE_INT64);
  resolve(fixture, 1017, -1, "point[]");
  assert_int_equal(fixture->field.children[0].type, LH_TYPE_STRUCT);
  assert_int_equal(fixture->field.children[0].child_count, 2);
  assert_string_equal(fixture->field.children[0].children[1].name, "y");
  assert_int_equal(fixture->field.children[0].children[1].type, LH_TYPE_DOUBLE);
}

static void money_has_the_fraction_digits_that_the_catalog_says(void **state) {
  struct fixture *const fixture = *state;
  assert_false(lh_pg_type_is_built_in(790));
  assert_false(lh_pg_type_is_built_in(791));
  const uint32_t oids[] = {790, 50016};
  for (size_t i = 0; i < 2; i++) {
    resolve(fixture, oids[i], -1, "money");
    assert_int_equal(fixture->field.type, LH_TYPE_DECIMAL);
    assert_int_equal(fixture->field.precision, 19);
    assert_int_equal(fixture->field.scale, 3);
  }
  resolve(fixture, 791, -1, "money[]");
  assert_int_equal(fixture->field.children[0].scale, 3);
}

static void vectors_of_the_catalogs_are_lists(void **state) {
  struct fixture *const fixture = *state;
  resolve(fixture, 22, -1, "int2vector");
  assert_int_equal(fixture->field.type, LH_TYPE_LIST);
  assert_int_equal(fixture->field.children[0].type, LH_TYPE_INT16);
  resolve(fixture, 30, -1, "oidvector");
  assert_int_equal(fixture->field.children[0].type, LH_TYPE_INT64);
}

static void text_by_design_is_selected_as_text_and_not_reported(void **state) {
  struct fixture *const fixture = *state;
  const uint32_t oids[] = {3615, 50014, 3645, 50015};
  for (size_t i = 0; i < 4; i++) {
    resolve(fixture, oids[i], -1, "x");
    assert_false(fixture->text_fallback);
    assert_int_equal(fixture->decoder->read_as, i < 2 ? LH_PG_READ_AS_TEXT : LH_PG_READ_AS_TEXTS);
    assert_int_equal(fixture->field.type, i < 2 ? LH_TYPE_STRING : LH_TYPE_LIST);
  }
  resolve(fixture, 25, -1, "text");
  assert_int_equal(fixture->decoder->read_as, LH_PG_READ_AS_IS);
}

static void arrays_of_anything_else_are_lists_of_texts(void **state) {
  struct fixture *const fixture = *state;
  const uint32_t oids[] = {1034, 50008};
  for (size_t i = 0; i < 2; i++) {
    resolve(fixture, oids[i], -1, "x[]");
    assert_true(fixture->text_fallback);
    assert_int_equal(fixture->decoder->read_as, LH_PG_READ_AS_TEXTS);
    assert_int_equal(fixture->field.type, LH_TYPE_LIST);
    assert_int_equal(fixture->field.children[0].type, LH_TYPE_STRING);
    assert_int_equal(fixture->decoder->element->oid, 25);
  }
}

static void anything_else_falls_back_to_text(void **state) {
  struct fixture *const fixture = *state;
  const uint32_t oids[] = {1033, 50007, 50010, 50012, 99999};
  for (size_t i = 0; i < sizeof(oids) / sizeof(oids[0]); i++) {
    resolve(fixture, oids[i], -1, "x");
    assert_true(fixture->text_fallback);
    assert_int_equal(fixture->field.type, LH_TYPE_STRING);
    assert_int_equal(fixture->field.child_count, 0);
    assert_int_equal(fixture->decoder->read_as, LH_PG_READ_AS_TEXT);
  }
}

static void texts_are_checked_only_where_the_server_does_not(void **state) {
  struct fixture *const fixture = *state;
  resolve(fixture, 1009, -1, "text[]");
  assert_false(fixture->decoder->element->check_utf8);
  fixture->rules.check_utf8 = true;
  resolve(fixture, 1009, -1, "text[]");
  assert_true(fixture->decoder->element->check_utf8);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(built_in_types_need_no_catalog),
      TEST(enums_are_strings),
      TEST(domains_are_their_base_type_with_its_modifier),
      TEST(arrays_are_lists_with_nullable_elements),
      TEST(arrays_of_enums_and_domains_keep_the_wire_oid),
      TEST(a_domain_over_an_array_is_a_list),
      TEST(an_array_of_a_domain_over_an_array_is_a_list_of_lists),
      TEST(types_of_extensions_are_found_by_name),
      TEST(intervals_and_points_are_structs_of_their_parts),
      TEST(money_has_the_fraction_digits_that_the_catalog_says),
      TEST(vectors_of_the_catalogs_are_lists),
      TEST(text_by_design_is_selected_as_text_and_not_reported),
      TEST(arrays_of_anything_else_are_lists_of_texts),
      TEST(anything_else_falls_back_to_text),
      TEST(texts_are_checked_only_where_the_server_does_not),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
