/* Types to fields: through the table, and through the catalog for domains, enums and arrays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "postgres/type_registry.h"

#define TYPMOD_10_2 (((10 << 16) | 2) + 4)

/* typname, typtype, typbasetype, typtypmod, typelem, has typsend */
static const struct lh_pg_catalog_type catalog[] = {
    {50001, "mood", 'e', 0, -1, 0, true},
    {50002, "_mood", 'b', 0, -1, 50001, true},
    {50003, "price", 'd', 1700, TYPMOD_10_2, 0, true},
    {50004, "price_again", 'd', 50003, -1, 0, true},
    {50005, "_price_again", 'b', 0, -1, 50004, true},
    {50006, "tags", 'd', 1009, -1, 0, true},
    {50007, "pair", 'c', 0, -1, 0, true},
    {50008, "_pair", 'b', 0, -1, 50007, true},
    {50009, "citext", 'b', 0, -1, 0, true},
    {50010, "seg", 'b', 0, -1, 0, false},
    {50011, "_tags", 'b', 0, -1, 50006, true},
    {50012, "loop", 'd', 50012, -1, 0, true},
    {50013, "mood_domain", 'd', 50001, -1, 0, true},
    {869, "inet", 'b', 0, -1, 0, true},
    {1041, "_inet", 'b', 0, -1, 869, true},
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
  assert_false(lh_pg_type_is_built_in(869));
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

static void types_of_extensions_are_found_by_name(void **state) {
  struct fixture *const fixture = *state;
  resolve(fixture, 50009, -1, "citext");
  assert_int_equal(fixture->field.type, LH_TYPE_STRING);
  assert_false(fixture->text_fallback);
}

static void anything_else_falls_back_to_text(void **state) {
  struct fixture *const fixture = *state;
  const uint32_t oids[] = {869, 1041, 50007, 50008, 50010, 50011, 50012, 99999};
  for (size_t i = 0; i < sizeof(oids) / sizeof(oids[0]); i++) {
    resolve(fixture, oids[i], -1, "x");
    assert_true(fixture->text_fallback);
    assert_int_equal(fixture->field.type, LH_TYPE_STRING);
    assert_int_equal(fixture->field.child_count, 0);
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
      TEST(types_of_extensions_are_found_by_name),
      TEST(anything_else_falls_back_to_text),
      TEST(texts_are_checked_only_where_the_server_does_not),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
