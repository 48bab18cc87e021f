/* Coordinate systems from WKT to PROJJSON: known ones, those that stay unknown, and texts that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "postgres/types/srs.h"

#define WGS_84                                                                                 \
  "GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\",SPHEROID[\"WGS 84\",6378137,298.257223563],"           \
  "AUTHORITY[\"EPSG\",\"6326\"]],PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433]," \
  "AUTHORITY[\"EPSG\",\"4326\"]]"
#define UTM                                                                 \
  "PROJCS[\"WGS 84 / UTM zone 33N\"," WGS_84                                \
  ",PROJECTION[\"Transverse_Mercator\"],"                                   \
  "PARAMETER[\"latitude_of_origin\",0],PARAMETER[\"central_meridian\",15]," \
  "PARAMETER[\"scale_factor\",0.9996],PARAMETER[\"false_easting\",500000]," \
  "PARAMETER[\"false_northing\",0],UNIT[\"metre\",1],AUTHORITY[\"EPSG\",\"32633\"]]"
#define MERCATOR(EXTENSION)                                                                       \
  "PROJCS[\"M\"," WGS_84                                                                          \
  ",PROJECTION[\"Mercator_1SP\"],PARAMETER[\"central_meridian\",0],"                              \
  "PARAMETER[\"scale_factor\",1],PARAMETER[\"false_easting\",0],PARAMETER[\"false_northing\",0]," \
  "UNIT[\"metre\",1]" EXTENSION "]"

static const char *text_at(const json_t *value, const char *outer, const char *inner, const char *key) {
  return json_string_value(json_object_get(json_object_get(json_object_get(value, outer), inner), key));
}

static void geographic_systems_have_datum_and_ellipsoid(void **state) {
  (void)state;
  json_t *const made = lh_pg_srs_to_projjson(WGS_84);
  assert_string_equal(json_string_value(json_object_get(made, "type")), "GeographicCRS");
  assert_string_equal(text_at(made, "datum", "ellipsoid", "name"), "WGS 84");
  assert_int_equal(json_integer_value(json_object_get(json_object_get(made, "id"), "code")), 4326);
  json_decref(made);
}

static void projected_systems_have_a_method_of_epsg(void **state) {
  (void)state;
  json_t *const made = lh_pg_srs_to_projjson(UTM);
  assert_string_equal(json_string_value(json_object_get(made, "type")), "ProjectedCRS");
  assert_string_equal(text_at(made, "conversion", "method", "name"), "Transverse Mercator");
  const json_t *const parameters = json_object_get(json_object_get(made, "conversion"), "parameters");
  assert_int_equal(json_array_size(parameters), 5);
  json_decref(made);
}

static void the_mercator_of_the_web_is_told_from_the_real_one(void **state) {
  (void)state;
  static const char *const texts[] = {
      MERCATOR(""), MERCATOR(",EXTENSION[\"PROJ4\",\"+proj=merc +a=6378137 +b=6378137 +lat_ts=0\"]")};
  static const char *const names[] = {"Mercator (variant A)", "Popular Visualisation Pseudo Mercator"};
  for (size_t i = 0; i < 2; i++) {
    json_t *const made = lh_pg_srs_to_projjson(texts[i]);
    assert_string_equal(text_at(made, "conversion", "method", "name"), names[i]);
    json_decref(made);
  }
}

static void what_is_not_known_by_heart_stays_unknown(void **state) {
  (void)state;
  static const char *const texts[] = {
      "",
      " ",
      "GEOGCS",
      "GEOGCS[]",
      "GEOGCS[\"a\"",
      "GEOGCS[\"a\",DATUM[\"d\",SPHEROID[\"s\",-1,0]],UNIT[\"degree\",0.017]]",
      "GEOGCS[\"a\",DATUM[\"d\",SPHEROID[\"s\",nan,0]],UNIT[\"degree\",0.017]]",
      "GEOGCS[\"a\",DATUM[\"d\",SPHEROID[\"s\",1e999,0]],UNIT[\"degree\",0.017]]",
      "GEOCCS[\"WGS 84\",DATUM[\"WGS_1984\",SPHEROID[\"WGS 84\",6378137,298.257223563]]]",
      "PROJCS[\"p\"," WGS_84 ",PROJECTION[\"Bonne\"],UNIT[\"metre\",1]]",
      "PROJCS[\"p\"," WGS_84 ",PROJECTION[\"Transverse_Mercator\"],UNIT[\"metre\",1]]",
      "PROJCS[\"p\",PROJECTION[\"Transverse_Mercator\"],UNIT[\"metre\",1]]",
      MERCATOR(",EXTENSION[\"PROJ4\",\"+proj=merc +R=1\"]"),
  };
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    json_t *const made = lh_pg_srs_to_projjson(texts[i]);
    if (made != NULL) {
      fail_msg("\"%s\" was taken for a coordinate system", texts[i]);
    }
  }
}

static void a_text_cut_anywhere_is_none(void **state) {
  (void)state;
  for (size_t length = 0; length < strlen(UTM); length++) {
    char *const cut = strndup(UTM, length);
    assert_non_null(cut);
    json_t *const made = lh_pg_srs_to_projjson(cut);
    if (made != NULL) {
      fail_msg("%s was taken for a coordinate system", cut);
    }
    free(cut);
  }
}

static void a_text_with_any_byte_changed_is_read_within_its_bounds(void **state) {
  (void)state;
  static const char changes[] = {'[', ']', '"', ',', '-', '.', 'e', '9', ' ', '\x80'};
  for (size_t i = 0; i < strlen(UTM); i++) {
    for (size_t j = 0; j < sizeof(changes); j++) {
      char *const changed = strdup(UTM);
      assert_non_null(changed);
      changed[i] = changes[j];
      json_decref(lh_pg_srs_to_projjson(changed));
      free(changed);
    }
  }
}

static void nesting_without_an_end_is_refused(void **state) {
  (void)state;
  char text[20001];
  for (size_t i = 0; i < 10000; i++) {
    memcpy(text + 2 * i, "A[", 2);
  }
  text[20000] = '\0';
  assert_null(lh_pg_srs_to_projjson(text));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(geographic_systems_have_datum_and_ellipsoid),
      cmocka_unit_test(projected_systems_have_a_method_of_epsg),
      cmocka_unit_test(the_mercator_of_the_web_is_told_from_the_real_one),
      cmocka_unit_test(what_is_not_known_by_heart_stays_unknown),
      cmocka_unit_test(a_text_cut_anywhere_is_none),
      cmocka_unit_test(a_text_with_any_byte_changed_is_read_within_its_bounds),
      cmocka_unit_test(nesting_without_an_end_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
