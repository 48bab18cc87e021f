/* Names of parts in both layouts, made and understood. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "catalog/local.h"

#define VERSION "20260131T120000.123456Z-4f2a09c3"

static void keys_are_made_and_taken_apart(void **state) {
  (void)state;
  static const struct {
    struct lh_catalog_part part;
    const char *key, *directory;
  } cases[] = {
      {{"orders", NULL, VERSION, 0, false}, "orders/" VERSION "/part-00000.parquet", "orders"},
      {{"orders", "day=1/c=de", VERSION, 7, false},
       "orders/day=1/c=de/" VERSION "/part-00007.parquet",
       "orders/day=1/c=de"},
      {{"orders", NULL, VERSION, 0, true}, "orders/part-" VERSION "-00000.parquet", "orders"},
      {{"orders", "day=1", VERSION, 123456, true},
       "orders/day=1/part-" VERSION "-123456.parquet",
       "orders/day=1"},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct lh_arena arena;
    char version[LH_CATALOG_VERSION_SIZE];
    lh_arena_init(&arena, 0);
    const char *const key = lh_catalog_part_key(&cases[i].part, &arena);
    assert_string_equal(key, cases[i].key);
    assert_int_equal(lh_catalog_part_directory(key, VERSION), strlen(cases[i].directory));
    assert_int_equal(lh_catalog_flat_version(strrchr(key, '/') + 1, version), cases[i].part.is_flat);
    if (cases[i].part.is_flat) {
      assert_string_equal(version, VERSION);
    }
    lh_arena_clear(&arena);
  }
}

static void names_of_others_are_no_parts(void **state) {
  (void)state;
  static const char *const names[] = {
      "",
      "part-",
      "part-00000.parquet",
      "part-" VERSION,
      "part-" VERSION "-",
      "part-" VERSION "-0000.parquet",
      "part-" VERSION "-00000",
      "part-" VERSION "-00000.parquet.tmp",
      "part-" VERSION "00000.parquet",
      "Part-" VERSION "-00000.parquet",
      "part-20260131T120000.123456Z-4f2a09cX-00000.parquet",
      "x-part-" VERSION "-00000.parquet",
  };
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    char version[LH_CATALOG_VERSION_SIZE];
    assert_false(lh_catalog_flat_version(names[i], version));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keys_are_made_and_taken_apart),
      cmocka_unit_test(names_of_others_are_no_parts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
