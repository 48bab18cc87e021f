/* Schema: sizes, names and copies of fields. */
#include "column/schema.h"

#include <string.h>

#include "column/variant.h"

static size_t decimal_width(int precision) {
  if (precision <= 9) {
    return sizeof(int32_t);
  }
  return precision <= 18 ? sizeof(int64_t) : sizeof(lh_int128);
}

size_t lh_field_width(const struct lh_field *field) {
  switch (field->type) {
    case LH_TYPE_BOOL:
      return 1;
    case LH_TYPE_INT8:
    case LH_TYPE_INT16:
    case LH_TYPE_INT32:
    case LH_TYPE_FLOAT:
    case LH_TYPE_DATE:
      return 4;
    case LH_TYPE_INT64:
    case LH_TYPE_DOUBLE:
    case LH_TYPE_TIME:
    case LH_TYPE_TIMESTAMP:
      return 8;
    case LH_TYPE_UUID:
      return 16;
    case LH_TYPE_DECIMAL:
      return decimal_width(field->precision);
    default:
      return 0;
  }
}

bool lh_type_is_variable(enum lh_type type) {
  return type == LH_TYPE_STRING || type == LH_TYPE_JSON || type == LH_TYPE_BINARY;
}

bool lh_type_is_nested(enum lh_type type) {
  return type == LH_TYPE_LIST || type == LH_TYPE_STRUCT || type == LH_TYPE_MAP;
}

size_t lh_field_leaf_count(const struct lh_field *field) {
  if (!lh_type_is_nested(field->type)) {
    return 1;
  }
  size_t count = 0;
  for (size_t i = 0; i < field->child_count; i++) {
    count += lh_field_leaf_count(&field->children[i]);
  }
  return count;
}

ptrdiff_t lh_schema_find(const struct lh_schema *schema, const char *name) {
  for (size_t i = 0; i < schema->field_count; i++) {
    if (strcmp(schema->fields[i].name, name) == 0) {
      return (ptrdiff_t)i;
    }
  }
  return -1;
}

static const char *struct_name(const struct lh_field *field, struct lh_arena *arena) {
  const char *members = "";
  for (size_t i = 0; i < field->child_count; i++) {
    const char *const type = lh_field_type_name(&field->children[i], arena);
    if (type == NULL) {
      return NULL;
    }
    members = lh_arena_printf(arena, "%s%s%s:%s", members, i > 0 ? "," : "", field->children[i].name, type);
    if (members == NULL) {
      return NULL;
    }
  }
  return lh_arena_printf(arena, "struct<%s>", members);
}

static const char *timestamp_name(const struct lh_field *field) {
  if (field->unit == LH_UNIT_NANOS) {
    return field->utc ? "timestamp_ns with time zone" : "timestamp_ns";
  }
  return field->utc ? "timestamp with time zone" : "timestamp";
}

static const char *nested_name(const struct lh_field *field, struct lh_arena *arena) {
  if (field->type == LH_TYPE_STRUCT && field->is_variant) {
    return "variant";
  }
  if (field->type == LH_TYPE_STRUCT) {
    return struct_name(field, arena);
  }
  const char *const first = lh_field_type_name(&field->children[0], arena);
  if (first == NULL) {
    return NULL;
  }
  if (field->type == LH_TYPE_LIST) {
    return lh_arena_printf(arena, "list<%s>", first);
  }
  const char *const value = lh_field_type_name(&field->children[1], arena);
  return value != NULL ? lh_arena_printf(arena, "map<%s,%s>", first, value) : NULL;
}

const char *lh_field_type_name(const struct lh_field *field, struct lh_arena *arena) {
  static const char *const names[LH_TYPE_COUNT] = {
      [LH_TYPE_BOOL] = "boolean",  [LH_TYPE_INT8] = "int8",     [LH_TYPE_INT16] = "int16",
      [LH_TYPE_INT32] = "int32",   [LH_TYPE_INT64] = "int64",   [LH_TYPE_FLOAT] = "float",
      [LH_TYPE_DOUBLE] = "double", [LH_TYPE_STRING] = "string", [LH_TYPE_JSON] = "json",
      [LH_TYPE_BINARY] = "binary", [LH_TYPE_UUID] = "uuid",     [LH_TYPE_DATE] = "date",
      [LH_TYPE_TIME] = "time",
  };
  if (field->type == LH_TYPE_DECIMAL) {
    return lh_arena_printf(arena, "decimal(%d,%d)", field->precision, field->scale);
  }
  if (field->type == LH_TYPE_TIMESTAMP) {
    return timestamp_name(field);
  }
  if (field->type == LH_TYPE_BINARY && field->geometry != LH_GEOMETRY_NONE) {
    return field->geometry == LH_GEOMETRY_PLANAR ? "geometry" : "geography";
  }
  return lh_type_is_nested(field->type) ? nested_name(field, arena) : names[field->type];
}

lh_status lh_field_make_variant(struct lh_field *field, struct lh_arena *arena, struct lh_error *err) {
  static const char *const names[] = {LH_VARIANT_METADATA, LH_VARIANT_VALUE};
  const size_t count = sizeof(names) / sizeof(names[0]);
  field->type = LH_TYPE_STRUCT;
  field->is_variant = true;
  field->child_count = count;
  field->children = LH_ARENA_ARRAY(arena, struct lh_field, count);
  if (field->children == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    field->children[i] = (struct lh_field){.name = names[i], .type = LH_TYPE_BINARY, .is_variant = true};
  }
  return LH_OK;
}

static lh_status copy_fields(const struct lh_field *fields, size_t count, struct lh_arena *arena,
                             struct lh_field **out, struct lh_error *err) {
  struct lh_field *const copies = LH_ARENA_ARRAY(arena, struct lh_field, count);
  if (copies == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    copies[i] = fields[i];
    copies[i].name = lh_arena_strdup(arena, fields[i].name);
    if (fields[i].source_type != NULL) {
      copies[i].source_type = lh_arena_strdup(arena, fields[i].source_type);
    }
    if (fields[i].source_name != NULL) {
      copies[i].source_name = lh_arena_strdup(arena, fields[i].source_name);
    }
    if (fields[i].comment != NULL) {
      copies[i].comment = lh_arena_strdup(arena, fields[i].comment);
    }
    if (copies[i].name == NULL || (fields[i].source_type != NULL && copies[i].source_type == NULL) ||
        (fields[i].source_name != NULL && copies[i].source_name == NULL) ||
        (fields[i].comment != NULL && copies[i].comment == NULL)) {
      return lh_error_memory(err);
    }
    if (fields[i].child_count > 0) {
      LH_TRY(copy_fields(fields[i].children, fields[i].child_count, arena, &copies[i].children, err));
    }
  }
  *out = copies;
  return LH_OK;
}

lh_status lh_schema_copy(const struct lh_schema *schema, struct lh_arena *arena, struct lh_schema *out,
                         struct lh_error *err) {
  out->field_count = schema->field_count;
  return copy_fields(schema->fields, schema->field_count, arena, &out->fields, err);
}
