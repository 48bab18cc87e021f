/* The table of types, and the way from a column's type to its row: through domains, enums and arrays. */
#include "postgres/type_registry.h"

#include <string.h>

#define TEXT_OID 25
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

static const struct lh_pg_type types[] = {
    {16, 1000, "bool", LH_TYPE_BOOL, false, lh_pg_decode_bool, NULL},
    {17, 1001, "bytea", LH_TYPE_BINARY, false, lh_pg_decode_bytea, NULL},
    {18, 1002, "char", LH_TYPE_STRING, false, lh_pg_decode_char, NULL},
    {19, 1003, "name", LH_TYPE_STRING, false, lh_pg_decode_text, NULL},
    {20, 1016, "int8", LH_TYPE_INT64, false, lh_pg_decode_int8, NULL},
    {21, 1005, "int2", LH_TYPE_INT16, false, lh_pg_decode_int2, NULL},
    {23, 1007, "int4", LH_TYPE_INT32, false, lh_pg_decode_int4, NULL},
    {25, 1009, "text", LH_TYPE_STRING, false, lh_pg_decode_text, NULL},
    {26, 1028, "oid", LH_TYPE_INT64, false, lh_pg_decode_oid, NULL},
    {28, 1011, "xid", LH_TYPE_INT64, false, lh_pg_decode_oid, NULL},
    {29, 1012, "cid", LH_TYPE_INT64, false, lh_pg_decode_oid, NULL},
    {114, 199, "json", LH_TYPE_JSON, false, lh_pg_decode_text, NULL},
    {142, 143, "xml", LH_TYPE_STRING, false, lh_pg_decode_text, NULL},
    {700, 1021, "float4", LH_TYPE_FLOAT, false, lh_pg_decode_int4, NULL},
    {701, 1022, "float8", LH_TYPE_DOUBLE, false, lh_pg_decode_int8, NULL},
    {1042, 1014, "bpchar", LH_TYPE_STRING, false, lh_pg_decode_text, NULL},
    {1043, 1015, "varchar", LH_TYPE_STRING, false, lh_pg_decode_text, NULL},
    {1082, 1182, "date", LH_TYPE_DATE, false, lh_pg_decode_date, NULL},
    {1083, 1183, "time", LH_TYPE_TIME, false, lh_pg_decode_time, NULL},
    {1114, 1115, "timestamp", LH_TYPE_TIMESTAMP, false, lh_pg_decode_timestamp, NULL},
    {1184, 1185, "timestamptz", LH_TYPE_TIMESTAMP, true, lh_pg_decode_timestamp, NULL},
    {1700, 1231, "numeric", LH_TYPE_DECIMAL, false, lh_pg_decode_numeric, shape_numeric},
    {2950, 2951, "uuid", LH_TYPE_UUID, false, lh_pg_decode_uuid, NULL},
    {3802, 3807, "jsonb", LH_TYPE_JSON, false, lh_pg_decode_jsonb, NULL},
    {0, 0, "citext", LH_TYPE_STRING, false, lh_pg_decode_text, NULL},
};
#define TYPE_COUNT (sizeof(types) / sizeof(types[0]))

/* The values of an enum travel as their labels. */
static const struct lh_pg_type enum_type = {0, 0, "enum", LH_TYPE_STRING, false, lh_pg_decode_text, NULL};

/* What one resolution works on. */
struct resolver {
  const struct lh_pg_catalog_type *catalog;
  size_t catalog_count;
  struct lh_arena *arena;
  const struct lh_pg_type_rules *rules;
};

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

bool lh_pg_type_is_built_in(uint32_t oid) {
  return lh_pg_type_by_oid(oid) != NULL || type_by_array_oid(oid) != NULL;
}

static const struct lh_pg_catalog_type *find_in_catalog(const struct resolver *resolver, uint32_t oid) {
  for (size_t i = 0; i < resolver->catalog_count; i++) {
    if (resolver->catalog[i].oid == oid) {
      return &resolver->catalog[i];
    }
  }
  return NULL;
}

/* Domains are carried as what they are made of; theirs is the modifier then. */
static void strip_domains(const struct resolver *resolver, uint32_t *oid, int32_t *typmod) {
  for (int depth = 0; depth < MAX_DEPTH; depth++) {
    const struct lh_pg_catalog_type *const entry = find_in_catalog(resolver, *oid);
    if (entry == NULL || entry->kind != 'd') {
      return;
    }
    *oid = entry->base_oid;
    *typmod = entry->base_typmod;
  }
}

static const struct lh_pg_type *find_type(const struct resolver *resolver, uint32_t oid) {
  const struct lh_pg_type *const known = lh_pg_type_by_oid(oid);
  if (known != NULL) {
    return known;
  }
  const struct lh_pg_catalog_type *const entry = find_in_catalog(resolver, oid);
  if (entry == NULL || !entry->has_send) {
    return NULL;
  }
  if (entry->kind == 'e') {
    return &enum_type;
  }
  return entry->kind == 'b' && entry->element_oid == 0 ? extension_type_by_name(entry->name) : NULL;
}

static uint32_t find_element(const struct resolver *resolver, uint32_t oid) {
  const struct lh_pg_type *const known = type_by_array_oid(oid);
  if (known != NULL) {
    return known->oid;
  }
  const struct lh_pg_catalog_type *const entry = find_in_catalog(resolver, oid);
  return entry != NULL ? entry->element_oid : 0;
}

/* `wire_oid` is the type as the server declares it, `type` the one that it comes down to. */
static void apply_type(const struct resolver *resolver, const struct lh_pg_type *type, uint32_t wire_oid,
                       int32_t typmod, struct lh_field *field, struct lh_pg_decoder *decoder) {
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
    type->shape(typmod, field, decoder);
  }
}

/* "numeric(10,2)[]" without its brackets. */
static lh_status name_element(const struct resolver *resolver, const char *array_name, const char **out,
                              struct lh_error *err) {
  const size_t length = array_name != NULL ? strlen(array_name) : 0;
  *out = NULL;
  if (length > 2 && strcmp(array_name + length - 2, "[]") == 0) {
    *out = lh_arena_strndup(resolver->arena, array_name, length - 2);
    return *out != NULL ? LH_OK : lh_error_memory(err);
  }
  return LH_OK;
}

static lh_status apply_array(const struct resolver *resolver, const struct lh_pg_type *element_type,
                             uint32_t element_oid, int32_t typmod, uint32_t wire_oid, struct lh_field *field,
                             struct lh_pg_decoder *decoder, struct lh_error *err) {
  struct lh_field *const child = LH_ARENA_NEW(resolver->arena, struct lh_field);
  struct lh_pg_decoder *const element = LH_ARENA_NEW(resolver->arena, struct lh_pg_decoder);
  if (child == NULL || element == NULL) {
    return lh_error_memory(err);
  }
  child->name = "element";
  child->nullable = true;
  LH_TRY(name_element(resolver, field->source_type, &child->source_type, err));
  apply_type(resolver, element_type, element_oid, typmod, child, element);
  field->type = LH_TYPE_LIST;
  field->children = child;
  field->child_count = 1;
  *decoder = (struct lh_pg_decoder){.decode = lh_pg_decode_array,
                                    .type_name = "array",
                                    .oid = wire_oid,
                                    .element = element,
                                    .on_unrepresentable = resolver->rules->policy.on_unrepresentable,
                                    .multidimensional = resolver->rules->policy.multidimensional,
                                    .replaced = resolver->rules->replaced};
  return LH_OK;
}

lh_status lh_pg_type_resolve(uint32_t oid, int32_t typmod, const struct lh_pg_type_rules *rules,
                             const struct lh_pg_catalog_type *catalog, size_t catalog_count,
                             struct lh_arena *arena, struct lh_field *field,
                             const struct lh_pg_decoder **decoder, bool *text_fallback,
                             struct lh_error *err) {
  const struct resolver resolver = {catalog, catalog_count, arena, rules};
  struct lh_pg_decoder *const made = LH_ARENA_NEW(arena, struct lh_pg_decoder);
  if (made == NULL) {
    return lh_error_memory(err);
  }
  *decoder = made;
  *text_fallback = false;
  uint32_t base_oid = oid;
  strip_domains(&resolver, &base_oid, &typmod);
  const struct lh_pg_type *const type = find_type(&resolver, base_oid);
  if (type != NULL) {
    apply_type(&resolver, type, oid, typmod, field, made);
    return LH_OK;
  }
  const uint32_t element_oid = find_element(&resolver, base_oid);
  uint32_t element_base_oid = element_oid;
  strip_domains(&resolver, &element_base_oid, &typmod);
  const struct lh_pg_type *const element_type =
      element_oid != 0 ? find_type(&resolver, element_base_oid) : NULL;
  if (element_type != NULL) {
    return apply_array(&resolver, element_type, element_oid, typmod, oid, field, made, err);
  }
  *text_fallback = true;
  apply_type(&resolver, lh_pg_type_by_oid(TEXT_OID), TEXT_OID, -1, field, made);
  return LH_OK;
}
