/* The table of types, and the way from a column's type to its row: through domains, enums and arrays. */
#include "postgres/types/type_registry.h"

#include <string.h>

#include "postgres/types/postgis.h"
#include "postgres/types/type_nested.h"

#define INT2_OID 21
#define INT2_VECTOR_OID 22
#define TEXT_OID 25
#define OID_OID 26
#define OID_VECTOR_OID 30
#define MONEY_OID 790
#define MONEY_PRECISION 19
/* Longer chains of domains are taken as a broken catalog. */
#define MAX_DEPTH 64

/* typmod of numeric: precision in the upper half, an 11-bit signed scale in the lower, 4 added to the whole.
 * A negative scale rounds to tens, so the value is whole; a scale past the precision has zeros after the
 * point. */
static void shape_numeric(int32_t typmod, struct lh_field *field, struct lh_pg_decoder *decoder) {
  const int32_t bits = typmod - 4;
  int precision = (bits >> 16) & 0xffff;
  int scale = ((bits & 2047) ^ 1024) - 1024;
  if (scale < 0) {
    precision -= scale;
    scale = 0;
  }
  if (scale > precision) {
    precision = scale;
  }
  if (typmod < 4 || precision < 1 || precision > LH_DECIMAL_MAX_PRECISION) {
    field->type = LH_TYPE_STRING;
    decoder->decode = lh_pg_decode_numeric_text;
    return;
  }
  field->precision = precision;
  field->scale = scale;
  decoder->precision = precision;
  decoder->scale = scale;
}

/* How many digits of money are a fraction is a setting of the server, which describe.c puts into the
 * catalog's row in place of a modifier. */
static void shape_money(int32_t typmod, struct lh_field *field, struct lh_pg_decoder *decoder) {
  (void)decoder;
  field->precision = MONEY_PRECISION;
  field->scale = typmod;
}

/* A type without a decoder is carried as text by design. */
static const struct lh_pg_type types[] = {
    {16, 1000, "bool", LH_TYPE_BOOL, false, lh_pg_decode_bool, NULL},
    {17, 1001, "bytea", LH_TYPE_BINARY, false, lh_pg_decode_bytea, NULL},
    {18, 1002, "char", LH_TYPE_STRING, false, lh_pg_decode_char, NULL},
    {19, 1003, "name", LH_TYPE_STRING, false, lh_pg_decode_text, NULL},
    {20, 1016, "int8", LH_TYPE_INT64, false, lh_pg_decode_int8, NULL},
    {21, 1005, "int2", LH_TYPE_INT16, false, lh_pg_decode_int2, NULL},
    {23, 1007, "int4", LH_TYPE_INT32, false, lh_pg_decode_int4, NULL},
    {24, 1008, "regproc", LH_TYPE_INT64, false, lh_pg_decode_oid, NULL},
    {25, 1009, "text", LH_TYPE_STRING, false, lh_pg_decode_text, NULL},
    {26, 1028, "oid", LH_TYPE_INT64, false, lh_pg_decode_oid, NULL},
    {27, 1010, "tid", LH_TYPE_STRING, false, lh_pg_decode_tid, NULL},
    {28, 1011, "xid", LH_TYPE_INT64, false, lh_pg_decode_oid, NULL},
    {29, 1012, "cid", LH_TYPE_INT64, false, lh_pg_decode_oid, NULL},
    {114, 199, "json", LH_TYPE_JSON, false, lh_pg_decode_text, NULL},
    {142, 143, "xml", LH_TYPE_STRING, false, lh_pg_decode_text, NULL},
    {194, 0, "pg_node_tree", LH_TYPE_STRING, false, lh_pg_decode_text, NULL},
    {600, 1017, "point", LH_TYPE_STRUCT, false, lh_pg_decode_point, NULL},
    {601, 1018, "lseg", LH_TYPE_STRING, false, lh_pg_decode_lseg, NULL},
    {602, 1019, "path", LH_TYPE_STRING, false, lh_pg_decode_path, NULL},
    {603, 1020, "box", LH_TYPE_STRING, false, lh_pg_decode_box, NULL},
    {604, 1027, "polygon", LH_TYPE_STRING, false, lh_pg_decode_polygon, NULL},
    {628, 629, "line", LH_TYPE_STRING, false, lh_pg_decode_line, NULL},
    {650, 651, "cidr", LH_TYPE_STRING, false, lh_pg_decode_cidr, NULL},
    {700, 1021, "float4", LH_TYPE_FLOAT, false, lh_pg_decode_int4, NULL},
    {701, 1022, "float8", LH_TYPE_DOUBLE, false, lh_pg_decode_int8, NULL},
    {718, 719, "circle", LH_TYPE_STRING, false, lh_pg_decode_circle, NULL},
    {774, 775, "macaddr8", LH_TYPE_STRING, false, lh_pg_decode_macaddr8, NULL},
    {MONEY_OID, 791, "money", LH_TYPE_DECIMAL, false, lh_pg_decode_money, shape_money},
    {829, 1040, "macaddr", LH_TYPE_STRING, false, lh_pg_decode_macaddr, NULL},
    {869, 1041, "inet", LH_TYPE_STRING, false, lh_pg_decode_inet, NULL},
    {1042, 1014, "bpchar", LH_TYPE_STRING, false, lh_pg_decode_text, NULL},
    {1043, 1015, "varchar", LH_TYPE_STRING, false, lh_pg_decode_text, NULL},
    {1082, 1182, "date", LH_TYPE_DATE, false, lh_pg_decode_date, NULL},
    {1083, 1183, "time", LH_TYPE_TIME, false, lh_pg_decode_time, NULL},
    {1114, 1115, "timestamp", LH_TYPE_TIMESTAMP, false, lh_pg_decode_timestamp, NULL},
    {1184, 1185, "timestamptz", LH_TYPE_TIMESTAMP, true, lh_pg_decode_timestamp, NULL},
    {1186, 1187, "interval", LH_TYPE_STRUCT, false, lh_pg_decode_interval, NULL},
    {1266, 1270, "timetz", LH_TYPE_STRING, false, lh_pg_decode_timetz, NULL},
    {1560, 1561, "bit", LH_TYPE_STRING, false, lh_pg_decode_bits, NULL},
    {1562, 1563, "varbit", LH_TYPE_STRING, false, lh_pg_decode_bits, NULL},
    {1700, 1231, "numeric", LH_TYPE_DECIMAL, false, lh_pg_decode_numeric, shape_numeric},
    {1790, 2201, "refcursor", LH_TYPE_STRING, false, lh_pg_decode_text, NULL},
    {2202, 2207, "regprocedure", LH_TYPE_INT64, false, lh_pg_decode_oid, NULL},
    {2203, 2208, "regoper", LH_TYPE_INT64, false, lh_pg_decode_oid, NULL},
    {2204, 2209, "regoperator", LH_TYPE_INT64, false, lh_pg_decode_oid, NULL},
    {2205, 2210, "regclass", LH_TYPE_INT64, false, lh_pg_decode_oid, NULL},
    {2206, 2211, "regtype", LH_TYPE_INT64, false, lh_pg_decode_oid, NULL},
    {2950, 2951, "uuid", LH_TYPE_UUID, false, lh_pg_decode_uuid, NULL},
    {2970, 2949, "txid_snapshot", LH_TYPE_STRING, false, lh_pg_decode_snapshot, NULL},
    {3220, 3221, "pg_lsn", LH_TYPE_STRING, false, lh_pg_decode_lsn, NULL},
    {3614, 3643, "tsvector", LH_TYPE_STRING, false, lh_pg_decode_tsvector, NULL},
    {3615, 3645, "tsquery", LH_TYPE_STRING, false, NULL, NULL},
    {3734, 3735, "regconfig", LH_TYPE_INT64, false, lh_pg_decode_oid, NULL},
    {3769, 3770, "regdictionary", LH_TYPE_INT64, false, lh_pg_decode_oid, NULL},
    {3802, 3807, "jsonb", LH_TYPE_JSON, false, lh_pg_decode_versioned_text, NULL},
    {4072, 4073, "jsonpath", LH_TYPE_STRING, false, lh_pg_decode_versioned_text, NULL},
    {4089, 4090, "regnamespace", LH_TYPE_INT64, false, lh_pg_decode_oid, NULL},
    {4096, 4097, "regrole", LH_TYPE_INT64, false, lh_pg_decode_oid, NULL},
    {4191, 4192, "regcollation", LH_TYPE_INT64, false, lh_pg_decode_oid, NULL},
    {5038, 5039, "pg_snapshot", LH_TYPE_STRING, false, lh_pg_decode_snapshot, NULL},
    {5069, 271, "xid8", LH_TYPE_STRING, false, lh_pg_decode_xid8, NULL},
    {0, 0, "citext", LH_TYPE_STRING, false, lh_pg_decode_text, NULL},
    {0, 0, "ltree", LH_TYPE_STRING, false, lh_pg_decode_versioned_text, NULL},
    {0, 0, "lquery", LH_TYPE_STRING, false, lh_pg_decode_versioned_text, NULL},
    {0, 0, "ltxtquery", LH_TYPE_STRING, false, lh_pg_decode_versioned_text, NULL},
    {0, 0, "hstore", LH_TYPE_MAP, false, lh_pg_decode_hstore, NULL},
    {0, 0, "vector", LH_TYPE_LIST, false, lh_pg_decode_vector, NULL},
    {0, 0, "halfvec", LH_TYPE_LIST, false, lh_pg_decode_halfvec, NULL},
    {0, 0, "sparsevec", LH_TYPE_MAP, false, lh_pg_decode_sparsevec, NULL},
    {0, 0, "geometry", LH_TYPE_BINARY, false, lh_pg_decode_geometry, NULL},
    {0, 0, "geography", LH_TYPE_BINARY, false, lh_pg_decode_geometry, NULL},
};
#define TYPE_COUNT (sizeof(types) / sizeof(types[0]))

/* The values of an enum travel as their labels. */
static const struct lh_pg_type enum_type = {0, 0, "enum", LH_TYPE_STRING, false, lh_pg_decode_text, NULL};

const struct lh_pg_type *lh_pg_type_by_oid(uint32_t oid) {
  for (size_t i = 0; i < TYPE_COUNT && oid != 0; i++) {
    if (types[i].oid == oid) {
      return &types[i];
    }
  }
  return NULL;
}

static const struct lh_pg_type *type_by_array_oid(uint32_t oid) {
  for (size_t i = 0; i < TYPE_COUNT && oid != 0; i++) {
    if (types[i].array_oid == oid) {
      return &types[i];
    }
  }
  return NULL;
}

static const struct lh_pg_type *extension_type_by_name(const char *name) {
  for (size_t i = 0; i < TYPE_COUNT; i++) {
    if (types[i].oid == 0 && strcmp(types[i].name, name) == 0) {
      return &types[i];
    }
  }
  return NULL;
}

/* These two are arrays in all but name. */
static uint32_t find_vector_element(uint32_t oid) {
  return oid == INT2_VECTOR_OID ? INT2_OID : oid == OID_VECTOR_OID ? OID_OID : 0;
}

bool lh_pg_type_is_built_in(uint32_t oid) {
  const struct lh_pg_type *const known = lh_pg_type_by_oid(oid);
  const struct lh_pg_type *const type = known != NULL ? known : type_by_array_oid(oid);
  return type != NULL ? type->oid != MONEY_OID : find_vector_element(oid) != 0;
}

const struct lh_pg_catalog_type *lh_pg_find_in_catalog(const struct lh_pg_resolver *resolver, uint32_t oid) {
  for (size_t i = 0; i < resolver->catalog_count; i++) {
    if (resolver->catalog[i].oid == oid) {
      return &resolver->catalog[i];
    }
  }
  return NULL;
}

/* Domains are carried as what they are made of; theirs is the modifier then. */
static void strip_domains(const struct lh_pg_resolver *resolver, uint32_t *oid, int32_t *typmod) {
  for (int depth = 0; depth < MAX_DEPTH; depth++) {
    const struct lh_pg_catalog_type *const entry = lh_pg_find_in_catalog(resolver, *oid);
    if (entry == NULL || entry->kind != 'd') {
      return;
    }
    *oid = entry->base_oid;
    *typmod = entry->base_typmod;
  }
}

/* NULL: there is no binary form that is understood. */
static const struct lh_pg_type *find_type(const struct lh_pg_resolver *resolver, uint32_t oid) {
  const struct lh_pg_type *const known = lh_pg_type_by_oid(oid);
  if (known != NULL) {
    return known->decode != NULL && (oid != MONEY_OID || lh_pg_find_in_catalog(resolver, oid) != NULL) ? known
                                                                                                       : NULL;
  }
  const struct lh_pg_catalog_type *const entry = lh_pg_find_in_catalog(resolver, oid);
  if (entry == NULL || !entry->has_send) {
    return NULL;
  }
  if (entry->kind == 'e') {
    return &enum_type;
  }
  return entry->kind == 'b' && entry->element_oid == 0 ? extension_type_by_name(entry->name) : NULL;
}

/* Types that are text in the lake anyway, so that reading their text forms is nothing to report. */
static bool is_text_by_design(const struct lh_pg_resolver *resolver, uint32_t oid) {
  const struct lh_pg_type *type = lh_pg_type_by_oid(oid);
  if (type != NULL) {
    return type->decode == NULL;
  }
  const struct lh_pg_catalog_type *const entry = lh_pg_find_in_catalog(resolver, oid);
  type = entry != NULL && entry->kind == 'b' && !entry->has_send ? extension_type_by_name(entry->name) : NULL;
  return type != NULL && type->type == LH_TYPE_STRING;
}

static uint32_t find_element(const struct lh_pg_resolver *resolver, uint32_t oid) {
  if (find_vector_element(oid) != 0) {
    return find_vector_element(oid);
  }
  const struct lh_pg_type *const known = type_by_array_oid(oid);
  if (known != NULL) {
    return known->oid;
  }
  const struct lh_pg_catalog_type *const entry = lh_pg_find_in_catalog(resolver, oid);
  return entry != NULL ? entry->element_oid : 0;
}

/* Of a numeric that no decimal is known for. */
static void apply_numeric_policy(const struct lh_column_policy *policy, struct lh_field *field,
                                 struct lh_pg_decoder *decoder) {
  if (policy->numeric == LH_NUMERIC_DOUBLE) {
    field->type = LH_TYPE_DOUBLE;
    decoder->decode = lh_pg_decode_numeric_double;
  } else if (policy->numeric == LH_NUMERIC_DECIMAL) {
    field->type = LH_TYPE_DECIMAL;
    field->precision = policy->numeric_precision;
    field->scale = policy->numeric_scale;
    decoder->decode = lh_pg_decode_numeric;
    decoder->precision = policy->numeric_precision;
    decoder->scale = policy->numeric_scale;
  }
}

/* `wire_oid` is the type as the server declares it, `type` the one that it comes down to. */
static lh_status apply_type(const struct lh_pg_resolver *resolver, const struct lh_pg_type *type,
                            uint32_t wire_oid, int32_t typmod, struct lh_field *field,
                            struct lh_pg_decoder *decoder, struct lh_error *err) {
  field->type = type->type;
  field->utc = type->utc;
  field->unit = LH_UNIT_MICROS;
  *decoder = (struct lh_pg_decoder){.decode = type->decode,
                                    .type_name = type->name,
                                    .oid = wire_oid,
                                    .check_utf8 = resolver->rules->check_utf8,
                                    .on_unrepresentable = resolver->rules->policy.on_unrepresentable,
                                    .replaced = resolver->rules->replaced};
  if (type->shape != NULL) {
    type->shape(type->oid == MONEY_OID ? lh_pg_find_in_catalog(resolver, MONEY_OID)->base_typmod : typmod,
                field, decoder);
  }
  if (decoder->decode == lh_pg_decode_numeric_text) {
    apply_numeric_policy(&resolver->rules->policy, field, decoder);
  }
  return lh_type_is_nested(field->type) ? lh_pg_make_members(resolver, type, field, err) : LH_OK;
}

/* "numeric(10,2)[]" without its brackets. */
static lh_status name_element(const struct lh_pg_resolver *resolver, const char *array_name, const char **out,
                              struct lh_error *err) {
  const size_t length = array_name != NULL ? strlen(array_name) : 0;
  *out = NULL;
  if (length > 2 && strcmp(array_name + length - 2, "[]") == 0) {
    *out = lh_arena_strndup(resolver->arena, array_name, length - 2);
    return *out != NULL ? LH_OK : lh_error_memory(err);
  }
  return LH_OK;
}

static lh_status apply_array(const struct lh_pg_resolver *resolver, uint32_t element_oid, int32_t typmod,
                             uint32_t wire_oid, size_t depth, struct lh_field *field,
                             struct lh_pg_decoder *decoder, bool *resolved, struct lh_error *err) {
  struct lh_field *const child = LH_ARENA_NEW(resolver->arena, struct lh_field);
  struct lh_pg_decoder *const element = LH_ARENA_NEW(resolver->arena, struct lh_pg_decoder);
  if (child == NULL || element == NULL) {
    return lh_error_memory(err);
  }
  const size_t levels = resolver->rules->policy.multidimensional == LH_MULTIDIMENSIONAL_FLATTEN ? 2 : 1;
  child->name = "element";
  child->nullable = true;
  LH_TRY(name_element(resolver, field->source_type, &child->source_type, err));
  LH_TRY(lh_pg_resolve_at(resolver, element_oid, typmod, depth + levels, child, element, resolved, err));
  return lh_pg_make_array(resolver, element, child, wire_oid, field, decoder, err);
}

lh_status lh_pg_resolve_at(const struct lh_pg_resolver *resolver, uint32_t oid, int32_t typmod, size_t depth,
                           struct lh_field *field, struct lh_pg_decoder *decoder, bool *resolved,
                           struct lh_error *err) {
  *resolved = depth<LH_PG_MAX_NESTING && * resolver->fields_left> 0;
  if (!*resolved) {
    return LH_OK;
  }
  --*resolver->fields_left;
  uint32_t base_oid = oid;
  strip_domains(resolver, &base_oid, &typmod);
  const struct lh_pg_type *const type = find_type(resolver, base_oid);
  if (type != NULL) {
    *resolved = depth + lh_type_is_nested(type->type) < LH_PG_MAX_NESTING;
    return apply_type(resolver, type, oid, typmod, field, decoder, err);
  }
  const uint32_t element_oid = find_element(resolver, base_oid);
  if (element_oid != 0) {
    return apply_array(resolver, element_oid, typmod, oid, depth, field, decoder, resolved, err);
  }
  const struct lh_pg_catalog_type *const entry = lh_pg_find_in_catalog(resolver, base_oid);
  *resolved = entry != NULL;
  return entry != NULL ? lh_pg_resolve_nested(resolver, entry, oid, depth, field, decoder, resolved, err)
                       : LH_OK;
}

/* What the server is asked to print: whole, or each element of an array. */
static lh_status apply_text(const struct lh_pg_resolver *resolver, bool is_array, struct lh_field *field,
                            struct lh_pg_decoder *decoder, struct lh_error *err) {
  const struct lh_pg_type *const text = lh_pg_type_by_oid(TEXT_OID);
  bool resolved = true;
  field->children = NULL;
  field->child_count = 0;
  *resolver->fields_left = LH_PG_MAX_FIELDS;
  if (is_array) {
    LH_TRY(apply_array(resolver, TEXT_OID, -1, text->array_oid, 0, field, decoder, &resolved, err));
  } else {
    LH_TRY(apply_type(resolver, text, TEXT_OID, -1, field, decoder, err));
  }
  decoder->read_as = is_array ? LH_PG_READ_AS_TEXTS : LH_PG_READ_AS_TEXT;
  return LH_OK;
}

/* Vectors are arrays by their bytes, but always of one dimension. */
static lh_status apply_json(const struct lh_pg_resolver *resolver, uint32_t base_oid, struct lh_field *field,
                            struct lh_pg_decoder *decoder, struct lh_error *err) {
  if (resolver->rules->policy.multidimensional != LH_MULTIDIMENSIONAL_JSON ||
      find_vector_element(base_oid) != 0 || !lh_pg_holds_array(decoder)) {
    return LH_OK;
  }
  LH_TRY(apply_text(resolver, false, field, decoder, err));
  decoder->read_as = LH_PG_READ_AS_JSON;
  return LH_OK;
}

static lh_status note_geometries(const struct lh_pg_resolver *resolver, struct lh_pg_decoder *decoder,
                                 struct lh_error *err) {
  if (decoder->decode != lh_pg_decode_geometry) {
    return LH_OK;
  }
  decoder->geometries = LH_ARENA_NEW(resolver->arena, struct lh_pg_geometries);
  if (decoder->geometries == NULL) {
    return lh_error_memory(err);
  }
  atomic_init(&decoder->geometries->kinds, 0);
  atomic_init(&decoder->geometries->srid, LH_PG_NO_SRID);
  decoder->geometries->is_geography = strcmp(decoder->type_name, "geography") == 0;
  decoder->geometries->is_typed = false;
  return LH_OK;
}

lh_status lh_pg_type_resolve(uint32_t oid, int32_t typmod, const struct lh_pg_type_rules *rules,
                             const struct lh_pg_catalog_type *catalog, size_t catalog_count,
                             struct lh_arena *arena, struct lh_field *field,
                             const struct lh_pg_decoder **decoder, bool *text_fallback,
                             struct lh_error *err) {
  size_t fields_left = LH_PG_MAX_FIELDS;
  const struct lh_pg_resolver resolver = {catalog, catalog_count, arena, rules, &fields_left};
  struct lh_pg_decoder *const made = LH_ARENA_NEW(arena, struct lh_pg_decoder);
  if (made == NULL) {
    return lh_error_memory(err);
  }
  bool resolved = false;
  *decoder = made;
  *text_fallback = false;
  LH_TRY(lh_pg_resolve_at(&resolver, oid, typmod, 0, field, made, &resolved, err));
  uint32_t base_oid = oid;
  strip_domains(&resolver, &base_oid, &typmod);
  if (!resolved) {
    const uint32_t element_oid = find_element(&resolver, base_oid);
    uint32_t element_base_oid = element_oid;
    strip_domains(&resolver, &element_base_oid, &typmod);
    *text_fallback = !is_text_by_design(&resolver, element_oid != 0 ? element_base_oid : base_oid);
    LH_TRY(apply_text(&resolver, element_oid != 0, field, made, err));
  }
  LH_TRY(note_geometries(&resolver, made, err));
  return apply_json(&resolver, base_oid, field, made, err);
}
