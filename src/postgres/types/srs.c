/* Coordinate systems: the text of PostGIS' spatial_ref_sys is taken apart into lists and put together again
 * as PROJJSON. Only what is known by heart is translated, projection methods by the table below: for readers
 * a coordinate system that is unknown is better than one that is wrong. */
#include "postgres/types/srs.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA "https://proj.org/schemas/v0.7/projjson.schema.json"
#define MAX_DEPTH 16
#define MAX_NUMBER_BYTES 64
#define DEGREE 0.017453292519943295
#define TOLERANCE 1e-11

/* -------- taking apart -------- */

static const char *skip_spaces(const char *at) {
  while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r') {
    at++;
  }
  return at;
}

static bool is_word(char byte) {
  return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
         byte == '_';
}

/* A quoted text; doubled quotes do not occur in names. */
static json_t *parse_text(const char **at) {
  const char *const start = *at + 1;
  const char *const end = strchr(start, '"');
  if (end == NULL) {
    return NULL;
  }
  *at = end + 1;
  return json_stringn(start, (size_t)(end - start));
}

static json_t *parse_number(const char **at) {
  char *end = NULL;
  const double value = strtod(*at, &end);
  if (end == *at || end - *at > MAX_NUMBER_BYTES || !isfinite(value)) {
    return NULL;
  }
  *at = end;
  return json_real(value);
}

/* KEYWORD[argument, …] as a list, the keyword in front; a word alone is a text. Recursion is bounded by
 * MAX_DEPTH. */
static json_t *parse_node(const char **at, int depth) {
  const char *const start = *at;
  while (is_word(**at)) {
    ++*at;
  }
  if (*at == start || depth == MAX_DEPTH) {
    return NULL;
  }
  json_t *const keyword = json_stringn(start, (size_t)(*at - start));
  *at = skip_spaces(*at);
  if (**at != '[' || keyword == NULL) {
    return keyword;
  }
  json_t *const node = json_array();
  json_array_append_new(node, keyword);
  do {
    *at = skip_spaces(*at + 1);
    json_t *const argument = **at == '"' ? parse_text(at)
                             : (**at >= '0' && **at <= '9') || **at == '-' || **at == '.'
                                 ? parse_number(at)
                                 : parse_node(at, depth + 1);
    *at = skip_spaces(*at);
    if (argument == NULL || json_array_append_new(node, argument) != 0) {
      json_decref(node);
      return NULL;
    }
  } while (**at == ',');
  if (**at != ']') {
    json_decref(node);
    return NULL;
  }
  ++*at;
  return node;
}

static bool is_node(const json_t *node, const char *keyword) {
  const char *const found = json_string_value(json_array_get(node, 0));
  return found != NULL && strcmp(found, keyword) == 0;
}

/* The nth child of that keyword; NULL where there is none. */
static const json_t *child_of(const json_t *node, const char *keyword, size_t nth) {
  for (size_t i = 1; i < json_array_size(node); i++) {
    const json_t *const child = json_array_get(node, i);
    if (is_node(child, keyword) && nth-- == 0) {
      return child;
    }
  }
  return NULL;
}

static const char *text_of(const json_t *node, size_t index) {
  return json_string_value(json_array_get(node, index));
}

static double number_of(const json_t *node, size_t index) {
  const json_t *const value = json_array_get(node, index);
  return json_is_real(value) ? json_real_value(value) : NAN;
}

static bool is_near(double one, double other) {
  return fabs(one - other) <= TOLERANCE * (fabs(other) > 1 ? fabs(other) : 1);
}

/* -------- putting together -------- */

/* Whole numbers without a fraction. */
static json_t *make_number(double value) {
  return fabs(value) < 1e15 && value == (double)(json_int_t)value ? json_integer((json_int_t)value)
                                                                  : json_real(value);
}

static void add_id(json_t *object, const json_t *node) {
  const json_t *const authority = child_of(node, "AUTHORITY", 0);
  const char *const name = text_of(authority, 1);
  const char *const code = text_of(authority, 2);
  if (object == NULL || name == NULL || code == NULL || code[0] == '\0') {
    return;
  }
  char *end = NULL;
  const long number = strtol(code, &end, 10);
  json_object_set_new(object, "id",
                      json_pack("{s:s,s:o}", "authority", name, "code",
                                *end == '\0' ? json_integer(number) : json_string(code)));
}

static bool is_degree(const json_t *geographic) {
  return is_near(number_of(child_of(geographic, "UNIT", 0), 2), DEGREE);
}

static json_t *make_unit(const json_t *unit, const char *kind, double own_factor, const char *own_name) {
  const double factor = number_of(unit, 2);
  if (text_of(unit, 1) == NULL || !(factor > 0)) {
    return NULL;
  }
  return is_near(factor, own_factor) ? json_string(own_name)
                                     : json_pack("{s:s,s:s,s:f}", "type", kind, "name", text_of(unit, 1),
                                                 "conversion_factor", factor);
}

static json_t *make_ellipsoid(const json_t *spheroid) {
  const double axis = number_of(spheroid, 2);
  const double flattening = number_of(spheroid, 3);
  if (text_of(spheroid, 1) == NULL || !(axis > 0) || !(flattening >= 0)) {
    return NULL;
  }
  json_t *const ellipsoid =
      flattening == 0 ? json_pack("{s:s,s:o}", "name", text_of(spheroid, 1), "radius", make_number(axis))
                      : json_pack("{s:s,s:o,s:o}", "name", text_of(spheroid, 1), "semi_major_axis",
                                  make_number(axis), "inverse_flattening", make_number(flattening));
  add_id(ellipsoid, spheroid);
  return ellipsoid;
}

static json_t *make_datum(const json_t *geographic) {
  const json_t *const datum = child_of(geographic, "DATUM", 0);
  const json_t *const meridian = child_of(geographic, "PRIMEM", 0);
  json_t *const ellipsoid = make_ellipsoid(child_of(datum, "SPHEROID", 0));
  if (ellipsoid == NULL || text_of(datum, 1) == NULL) {
    json_decref(ellipsoid);
    return NULL;
  }
  json_t *const made = json_pack("{s:s,s:s,s:o}", "type", "GeodeticReferenceFrame", "name", text_of(datum, 1),
                                 "ellipsoid", ellipsoid);
  if (made != NULL && text_of(meridian, 1) != NULL && isfinite(number_of(meridian, 2))) {
    json_object_set_new(made, "prime_meridian",
                        json_pack("{s:s,s:o}", "name", text_of(meridian, 1), "longitude",
                                  make_number(number_of(meridian, 2))));
  }
  add_id(made, datum);
  return made;
}

static json_t *make_axis(const char *name, const char *abbreviation, const char *direction, json_t *unit) {
  return json_pack("{s:s,s:s,s:s,s:O}", "name", name, "abbreviation", abbreviation, "direction", direction,
                   "unit", unit);
}

/* Takes the parts over. The order of axes is the authority's and says nothing of the file: GeoParquet's
 * coordinates are x and y whatever the coordinate system says. */
static json_t *make_geographic(const json_t *geographic) {
  json_t *const unit = make_unit(child_of(geographic, "UNIT", 0), "AngularUnit", DEGREE, "degree");
  json_t *const datum = make_datum(geographic);
  json_t *made = NULL;
  if (unit != NULL && datum != NULL && text_of(geographic, 1) != NULL) {
    made = json_pack("{s:s,s:s,s:O,s:{s:s,s:[o,o]}}", "type", "GeographicCRS", "name", text_of(geographic, 1),
                     "datum", datum, "coordinate_system", "subtype", "ellipsoidal", "axis",
                     make_axis("Geodetic latitude", "Lat", "north", unit),
                     make_axis("Geodetic longitude", "Lon", "east", unit));
  }
  json_decref(unit);
  json_decref(datum);
  add_id(made, geographic);
  return made;
}

struct parameter {
  const char *wkt, *name;
  int code;
};

static const struct parameter parameters[] = {
    {"latitude_of_origin", "Latitude of natural origin", 8801},
    {"latitude_of_origin", "Latitude of false origin", 8821},
    {"latitude_of_origin", "Latitude of standard parallel", 8832},
    {"latitude_of_center", "Latitude of natural origin", 8801},
    {"latitude_of_center", "Latitude of false origin", 8821},
    {"latitude_of_center", "Latitude of projection centre", 8811},
    {"central_meridian", "Longitude of natural origin", 8802},
    {"central_meridian", "Longitude of false origin", 8822},
    {"central_meridian", "Longitude of origin", 8833},
    {"longitude_of_center", "Longitude of natural origin", 8802},
    {"longitude_of_center", "Longitude of false origin", 8822},
    {"longitude_of_center", "Longitude of projection centre", 8812},
    {"standard_parallel_1", "Latitude of 1st standard parallel", 8823},
    {"standard_parallel_2", "Latitude of 2nd standard parallel", 8824},
    {"azimuth", "Azimuth at projection centre", 8813},
    {"rectified_grid_angle", "Angle from Rectified to Skew Grid", 8814},
    {"scale_factor", "Scale factor at natural origin", 8805},
    {"scale_factor", "Scale factor at projection centre", 8815},
    {"false_easting", "False easting", 8806},
    {"false_easting", "Easting at false origin", 8826},
    {"false_easting", "Easting at projection centre", 8816},
    {"false_northing", "False northing", 8807},
    {"false_northing", "Northing at false origin", 8827},
    {"false_northing", "Northing at projection centre", 8817},
};
#define PARAMETER_COUNT (sizeof(parameters) / sizeof(parameters[0]))
#define MAX_PARAMETERS 8

/* EPSG's methods with the parameters that they have, all of which must be given. */
static const struct method {
  const char *wkt, *name;
  int code;
  int parameters[MAX_PARAMETERS];
} methods[] = {
    {"Transverse_Mercator", "Transverse Mercator", 9807, {8801, 8802, 8805, 8806, 8807}},
    {"Oblique_Stereographic", "Oblique Stereographic", 9809, {8801, 8802, 8805, 8806, 8807}},
    {"Lambert_Conformal_Conic_1SP", "Lambert Conic Conformal (1SP)", 9801, {8801, 8802, 8805, 8806, 8807}},
    {"Lambert_Conformal_Conic_2SP",
     "Lambert Conic Conformal (2SP)",
     9802,
     {8821, 8822, 8823, 8824, 8826, 8827}},
    {"Albers_Conic_Equal_Area", "Albers Equal Area", 9822, {8821, 8822, 8823, 8824, 8826, 8827}},
    {"Lambert_Azimuthal_Equal_Area", "Lambert Azimuthal Equal Area", 9820, {8801, 8802, 8806, 8807}},
    {"Cassini_Soldner", "Cassini-Soldner", 9806, {8801, 8802, 8806, 8807}},
    {"Hotine_Oblique_Mercator_Azimuth_Center",
     "Hotine Oblique Mercator (variant B)",
     9815,
     {8811, 8812, 8813, 8814, 8815, 8816, 8817}},
    {"Mercator_1SP", "Mercator (variant A)", 9804, {8801, 8802, 8805, 8806, 8807}},
    {"Mercator_2SP", "Mercator (variant B)", 9805, {8823, 8802, 8806, 8807}},
};
static const struct method web_mercator = {
    "Mercator_1SP", "Popular Visualisation Pseudo Mercator", 1024, {8801, 8802, 8806, 8807}};
static const struct method polar_from_pole = {
    "Polar_Stereographic", "Polar Stereographic (variant A)", 9810, {8801, 8802, 8805, 8806, 8807}};
static const struct method polar_from_parallel = {
    "Polar_Stereographic", "Polar Stereographic (variant B)", 9829, {8832, 8833, 8806, 8807}};

static double parameter_of(const json_t *projected, const char *name) {
  const json_t *parameter = NULL;
  for (size_t i = 0; (parameter = child_of(projected, "PARAMETER", i)) != NULL; i++) {
    const char *const found = text_of(parameter, 1);
    if (found != NULL && strcmp(found, name) == 0) {
      return number_of(parameter, 2);
    }
  }
  return NAN;
}

/* The web's Mercator is told from the real one by what PROJ is told beside: a sphere. Anything else that is
 * told to PROJ alone is not understood. */
static const struct method *find_method(const json_t *projected) {
  const char *const name = text_of(child_of(projected, "PROJECTION", 0), 1);
  const json_t *const extension = child_of(projected, "EXTENSION", 0);
  if (name == NULL) {
    return NULL;
  }
  if (extension != NULL) {
    const char *const proj = text_of(extension, 2);
    return proj != NULL && strstr(proj, "+proj=merc +a=6378137 +b=6378137") != NULL &&
                   strcmp(name, web_mercator.wkt) == 0
               ? &web_mercator
               : NULL;
  }
  if (strcmp(name, polar_from_pole.wkt) == 0) {
    return fabs(parameter_of(projected, "latitude_of_origin")) == 90 ? &polar_from_pole
                                                                     : &polar_from_parallel;
  }
  for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
    if (strcmp(methods[i].wkt, name) == 0) {
      return &methods[i];
    }
  }
  return NULL;
}

static json_t *make_parameter(const json_t *projected, int code, json_t *linear) {
  double value = NAN;
  const struct parameter *found = NULL;
  for (size_t i = 0; i < PARAMETER_COUNT && !isfinite(value); i++) {
    if (parameters[i].code == code) {
      found = &parameters[i];
      value = parameter_of(projected, found->wkt);
    }
  }
  /* The Mercator's origin is the equator where nothing is said. */
  if (!isfinite(value) && code == 8801 && isfinite(parameter_of(projected, "central_meridian"))) {
    value = 0;
  }
  if (found == NULL || !isfinite(value)) {
    return NULL;
  }
  const bool is_linear = strncmp(found->wkt, "false_", 6) == 0;
  json_t *const unit = is_linear                                 ? json_incref(linear)
                       : strcmp(found->wkt, "scale_factor") == 0 ? json_string("unity")
                                                                 : json_string("degree");
  return json_pack("{s:s,s:o,s:o,s:{s:s,s:i}}", "name", found->name, "value", make_number(value), "unit",
                   unit, "id", "authority", "EPSG", "code", code);
}

static json_t *make_conversion(const json_t *projected, json_t *linear) {
  const struct method *const method = find_method(projected);
  if (method == NULL) {
    return NULL;
  }
  json_t *const list = json_array();
  for (size_t i = 0; i < MAX_PARAMETERS && method->parameters[i] != 0; i++) {
    json_t *const parameter = make_parameter(projected, method->parameters[i], linear);
    if (parameter == NULL) {
      json_decref(list);
      return NULL;
    }
    json_array_append_new(list, parameter);
  }
  return json_pack("{s:s,s:{s:s,s:{s:s,s:i}},s:o}", "name", "unnamed", "method", "name", method->name, "id",
                   "authority", "EPSG", "code", method->code, "parameters", list);
}

static json_t *make_projected(const json_t *projected) {
  const json_t *const geographic = child_of(projected, "GEOGCS", 0);
  json_t *const linear = make_unit(child_of(projected, "UNIT", 0), "LinearUnit", 1, "metre");
  json_t *const base = is_degree(geographic) ? make_geographic(geographic) : NULL;
  json_t *const conversion = linear != NULL ? make_conversion(projected, linear) : NULL;
  json_t *made = NULL;
  if (base != NULL && conversion != NULL && text_of(projected, 1) != NULL) {
    made = json_pack("{s:s,s:s,s:O,s:O,s:{s:s,s:[o,o]}}", "type", "ProjectedCRS", "name",
                     text_of(projected, 1), "base_crs", base, "conversion", conversion, "coordinate_system",
                     "subtype", "Cartesian", "axis", make_axis("Easting", "E", "east", linear),
                     make_axis("Northing", "N", "north", linear));
  }
  json_decref(linear);
  json_decref(base);
  json_decref(conversion);
  add_id(made, projected);
  return made;
}

json_t *lh_pg_srs_to_projjson(const char *wkt) {
  const char *at = skip_spaces(wkt);
  json_t *const node = parse_node(&at, 0);
  json_t *made = NULL;
  if (is_node(node, "GEOGCS")) {
    made = make_geographic(node);
  } else if (is_node(node, "PROJCS")) {
    made = make_projected(node);
  }
  json_decref(node);
  if (made != NULL) {
    json_object_set_new(made, "$schema", json_string(SCHEMA));
  }
  return made;
}
