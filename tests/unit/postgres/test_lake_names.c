/* Names of the source turned into names of the lake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "postgres/lake_names.h"

#define MOST 8

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

/* Names that come out, separated by commas. */
static const char *named(void **state, enum lh_names names, const char *const *from,
                         const char *const *renames, struct lh_error *err) {
  struct lh_field fields[MOST];
  size_t count = 0;
  for (; from[count] != NULL; count++) {
    fields[count] = (struct lh_field){.name = from[count], .type = LH_TYPE_INT32};
  }
  if (lh_pg_name_fields(fields, count, renames, names, *state, err) != LH_OK) {
    return NULL;
  }
  const char *out = "";
  for (size_t i = 0; i < count; i++) {
    out = lh_arena_printf(*state, "%s%s%s", out, i > 0 ? "," : "", fields[i].name);
    const bool changed = strcmp(fields[i].name, from[i]) != 0;
    if (changed) {
      assert_string_equal(fields[i].source_name, from[i]);
    } else {
      assert_null(fields[i].source_name);
    }
  }
  return out;
}

#define NAMES(...)        \
  (const char *const[]) { \
    __VA_ARGS__, NULL     \
  }

static void lower_leaves_plain_names_alone(void **state) {
  struct lh_error err;
  assert_string_equal(named(state, LH_NAMES_LOWER, NAMES("id", "a_1", "_x", "select"), NULL, &err),
                      "id,a_1,_x,select");
}

static void lower_has_one_underscore_for_every_other_character(void **state) {
  struct lh_error err;
  assert_string_equal(
      named(state, LH_NAMES_LOWER, NAMES("Order Id", "größe", "日本", "1st", "a.b-c", "🚚"), NULL, &err),
      "order_id,gr__e,__,_1st,a_b_c,_");
}

static void names_that_come_out_the_same_are_numbered_and_plain_ones_stay(void **state) {
  struct lh_error err;
  assert_string_equal(named(state, LH_NAMES_LOWER, NAMES("A", "a", "a_2", "A ", "a-"), NULL, &err),
                      "a_3,a,a_2,a_,a__2");
}

static void given_names_go_first(void **state) {
  struct lh_error err;
  const char *const renames[] = {NULL, "b", NULL};
  assert_string_equal(named(state, LH_NAMES_LOWER, NAMES("B", "x", "C"), renames, &err), "b_2,b,c");
  assert_null(named(state, LH_NAMES_LOWER, NAMES("b", "x"), renames, &err));
  assert_string_equal(err.message, "columns \"b\" and \"x\" would both be named b");
  assert_int_equal(err.code, LH_ERROR_DATA);
}

static void keep_changes_nothing_and_refuses_what_differs_in_case_alone(void **state) {
  struct lh_error err;
  assert_string_equal(named(state, LH_NAMES_KEEP, NAMES("Order Id", "größe", "x"), NULL, &err),
                      "Order Id,größe,x");
  assert_null(named(state, LH_NAMES_KEEP, NAMES("x", "Id", "ID"), NULL, &err));
  assert_string_equal(err.message, "the names of columns \"Id\" and \"ID\" differ in case alone");
  assert_string_equal(named(state, LH_NAMES_AS_IS, NAMES("x", "Id", "ID"), NULL, &err), "x,Id,ID");
}

static void members_of_structs_are_a_world_of_their_own(void **state) {
  struct lh_error err;
  struct lh_field members[] = {{.name = "Id"}, {.name = "id"}};
  struct lh_field element = {
      .name = "element", .type = LH_TYPE_STRUCT, .children = members, .child_count = 2};
  struct lh_field fields[] = {{.name = "id"},
                              {.name = "Id", .type = LH_TYPE_LIST, .children = &element, .child_count = 1}};
  assert_int_equal(lh_pg_name_fields(fields, 2, NULL, LH_NAMES_LOWER, *state, &err), LH_OK);
  assert_string_equal(fields[1].name, "id_2");
  assert_string_equal(members[0].name, "id_2");
  assert_string_equal(members[1].name, "id");
  assert_string_equal(element.name, "element");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(lower_leaves_plain_names_alone),
      TEST(lower_has_one_underscore_for_every_other_character),
      TEST(names_that_come_out_the_same_are_numbered_and_plain_ones_stay),
      TEST(given_names_go_first),
      TEST(keep_changes_nothing_and_refuses_what_differs_in_case_alone),
      TEST(members_of_structs_are_a_world_of_their_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
