/* Which lake type a DuckDB type becomes, and how its values are read: the engine's type registry. */
#include <stdio.h>
#include <string.h>

#include "engine/duckdb_column.h"

#define NESTING_MAX 64
#define PATH_MAX_BYTES 1024
/* Digits of 2^64 - 1. */
#define UINT64_DIGITS 20

/* Types that need no more than a row of this table. */
struct scalar {
  duckdb_type id;
  const char *name;
  enum lh_type type;
  enum lh_duckdb_form form;
  int precision;
  int64_t factor;
  enum lh_time_unit unit;
  bool utc;
};

static const struct scalar scalars[] = {
    {.id = DUCKDB_TYPE_BOOLEAN, .name = "BOOLEAN", .type = LH_TYPE_BOOL, .form = LH_DUCKDB_COPY},
    {.id = DUCKDB_TYPE_TINYINT, .name = "TINYINT", .type = LH_TYPE_INT8, .form = LH_DUCKDB_INT8},
    {.id = DUCKDB_TYPE_SMALLINT, .name = "SMALLINT", .type = LH_TYPE_INT16, .form = LH_DUCKDB_INT16},
    {.id = DUCKDB_TYPE_INTEGER, .name = "INTEGER", .type = LH_TYPE_INT32, .form = LH_DUCKDB_COPY},
    {.id = DUCKDB_TYPE_BIGINT, .name = "BIGINT", .type = LH_TYPE_INT64, .form = LH_DUCKDB_COPY},
    {.id = DUCKDB_TYPE_UTINYINT, .name = "UTINYINT", .type = LH_TYPE_INT16, .form = LH_DUCKDB_UINT8},
    {.id = DUCKDB_TYPE_USMALLINT, .name = "USMALLINT", .type = LH_TYPE_INT32, .form = LH_DUCKDB_UINT16},
    {.id = DUCKDB_TYPE_UINTEGER, .name = "UINTEGER", .type = LH_TYPE_INT64, .form = LH_DUCKDB_UINT32},
    {.id = DUCKDB_TYPE_UBIGINT,
     .name = "UBIGINT",
     .type = LH_TYPE_DECIMAL,
     .form = LH_DUCKDB_UINT64,
     .precision = UINT64_DIGITS},
    {.id = DUCKDB_TYPE_HUGEINT,
     .name = "HUGEINT",
     .type = LH_TYPE_DECIMAL,
     .form = LH_DUCKDB_HUGEINT,
     .precision = LH_DECIMAL_MAX_PRECISION},
    {.id = DUCKDB_TYPE_UHUGEINT,
     .name = "UHUGEINT",
     .type = LH_TYPE_DECIMAL,
     .form = LH_DUCKDB_UHUGEINT,
     .precision = LH_DECIMAL_MAX_PRECISION},
    {.id = DUCKDB_TYPE_FLOAT, .name = "FLOAT", .type = LH_TYPE_FLOAT, .form = LH_DUCKDB_COPY},
    {.id = DUCKDB_TYPE_DOUBLE, .name = "DOUBLE", .type = LH_TYPE_DOUBLE, .form = LH_DUCKDB_COPY},
    {.id = DUCKDB_TYPE_VARCHAR, .name = "VARCHAR", .type = LH_TYPE_STRING, .form = LH_DUCKDB_BYTES},
    {.id = DUCKDB_TYPE_BLOB, .name = "BLOB", .type = LH_TYPE_BINARY, .form = LH_DUCKDB_BYTES},
    {.id = DUCKDB_TYPE_BIT, .name = "BIT", .type = LH_TYPE_STRING, .form = LH_DUCKDB_BIT},
    {.id = DUCKDB_TYPE_UUID, .name = "UUID", .type = LH_TYPE_UUID, .form = LH_DUCKDB_UUID},
    {.id = DUCKDB_TYPE_DATE, .name = "DATE", .type = LH_TYPE_DATE, .form = LH_DUCKDB_DATE},
    {.id = DUCKDB_TYPE_TIME, .name = "TIME", .type = LH_TYPE_TIME, .form = LH_DUCKDB_COPY},
    {.id = DUCKDB_TYPE_TIME_TZ,
     .name = "TIME WITH TIME ZONE",
     .type = LH_TYPE_STRING,
     .form = LH_DUCKDB_TIME_TZ},
    {.id = DUCKDB_TYPE_TIMESTAMP,
     .name = "TIMESTAMP",
     .type = LH_TYPE_TIMESTAMP,
     .form = LH_DUCKDB_TIMESTAMP,
     .factor = 1},
    {.id = DUCKDB_TYPE_TIMESTAMP_S,
     .name = "TIMESTAMP_S",
     .type = LH_TYPE_TIMESTAMP,
     .form = LH_DUCKDB_TIMESTAMP,
     .factor = 1000000},
    {.id = DUCKDB_TYPE_TIMESTAMP_MS,
     .name = "TIMESTAMP_MS",
     .type = LH_TYPE_TIMESTAMP,
     .form = LH_DUCKDB_TIMESTAMP,
     .factor = 1000},
    {.id = DUCKDB_TYPE_TIMESTAMP_NS,
     .name = "TIMESTAMP_NS",
     .type = LH_TYPE_TIMESTAMP,
     .form = LH_DUCKDB_TIMESTAMP,
     .factor = 1,
     .unit = LH_UNIT_NANOS},
    {.id = DUCKDB_TYPE_TIMESTAMP_TZ,
     .name = "TIMESTAMP WITH TIME ZONE",
     .type = LH_TYPE_TIMESTAMP,
     .form = LH_DUCKDB_TIMESTAMP,
     .factor = 1,
     .utc = true},
};

struct describe {
  struct lh_arena *arena;
  struct lh_error *err;
};

static lh_status describe(struct describe *context, duckdb_logical_type type, const char *path, size_t depth,
                          struct lh_field *field, struct lh_duckdb_reader *reader);

static const char *other_type_name(duckdb_type id) {
  switch ((int)id) {
    case DUCKDB_TYPE_UNION:
      return "UNION";
    case DUCKDB_TYPE_BIGNUM:
      return "BIGNUM";
    case DUCKDB_TYPE_TIME_NS:
      return "TIME_NS";
    case DUCKDB_TYPE_SQLNULL:
      return "NULL";
    case 40:
      return "GEOMETRY";
    case 41:
      return "VARIANT";
    default:
      return "unknown";
  }
}

static lh_status refuse(struct describe *context, duckdb_type id, const char *path) {
  lh_error_set(context->err, LH_ERROR_DATA,
               "column \"%s\" is of DuckDB's type %s, which a lake table has no form for", path,
               other_type_name(id));
  snprintf(context->err->column, sizeof(context->err->column), "%s", path);
  if (id == DUCKDB_TYPE_SQLNULL) {
    lh_error_hint(context->err, "give NULL a type: CAST(NULL AS VARCHAR)");
  } else if (id == DUCKDB_TYPE_TIME_NS) {
    lh_error_hint(context->err, "write CAST(… AS TIME), which keeps microseconds");
  } else {
    lh_error_hint(context->err, "write CAST(… AS VARCHAR) AS \"%s\"", path);
  }
  return LH_ERROR_DATA;
}

static lh_status make_children(struct describe *context, size_t count, struct lh_field *field,
                               struct lh_duckdb_reader *reader) {
  field->children = LH_ARENA_ARRAY(context->arena, struct lh_field, count);
  reader->children = LH_ARENA_ARRAY(context->arena, struct lh_duckdb_reader, count);
  if (field->children == NULL || reader->children == NULL) {
    return lh_error_memory(context->err);
  }
  field->child_count = count;
  reader->child_count = count;
  return LH_OK;
}

static lh_status set_type_name(struct describe *context, const char *name, struct lh_field *field,
                               struct lh_duckdb_reader *reader) {
  if (name == NULL) {
    return lh_error_memory(context->err);
  }
  field->source_type = name;
  reader->type_name = name;
  return LH_OK;
}

static lh_status describe_decimal(struct describe *context, duckdb_logical_type type, struct lh_field *field,
                                  struct lh_duckdb_reader *reader) {
  field->type = LH_TYPE_DECIMAL;
  field->precision = duckdb_decimal_width(type);
  field->scale = duckdb_decimal_scale(type);
  reader->form =
      duckdb_decimal_internal_type(type) == DUCKDB_TYPE_SMALLINT ? LH_DUCKDB_INT16 : LH_DUCKDB_COPY;
  return set_type_name(context,
                       lh_arena_printf(context->arena, "DECIMAL(%d,%d)", field->precision, field->scale),
                       field, reader);
}

static lh_status describe_enum(struct describe *context, duckdb_logical_type type, struct lh_field *field,
                               struct lh_duckdb_reader *reader) {
  const size_t count = duckdb_enum_dictionary_size(type);
  const char **const values = LH_ARENA_ARRAY(context->arena, const char *, count + 1);
  uint32_t *const lengths = LH_ARENA_ARRAY(context->arena, uint32_t, count + 1);
  if (values == NULL || lengths == NULL) {
    return lh_error_memory(context->err);
  }
  for (size_t i = 0; i < count; i++) {
    char *const value = duckdb_enum_dictionary_value(type, i);
    values[i] = value != NULL ? lh_arena_strdup(context->arena, value) : NULL;
    duckdb_free(value);
    if (values[i] == NULL) {
      return lh_error_memory(context->err);
    }
    lengths[i] = (uint32_t)strlen(values[i]);
  }
  const duckdb_type internal = duckdb_enum_internal_type(type);
  field->type = LH_TYPE_STRING;
  reader->form = LH_DUCKDB_ENUM;
  reader->enum_width = internal == DUCKDB_TYPE_UTINYINT ? 1 : internal == DUCKDB_TYPE_USMALLINT ? 2 : 4;
  reader->enum_values = values;
  reader->enum_lengths = lengths;
  reader->enum_count = count;
  return set_type_name(context, "ENUM", field, reader);
}

static lh_status describe_interval(struct describe *context, struct lh_field *field,
                                   struct lh_duckdb_reader *reader) {
  static const struct {
    const char *name;
    enum lh_type type;
  } members[] = {{"months", LH_TYPE_INT32}, {"days", LH_TYPE_INT32}, {"microseconds", LH_TYPE_INT64}};
  LH_TRY(make_children(context, sizeof(members) / sizeof(members[0]), field, reader));
  for (size_t i = 0; i < field->child_count; i++) {
    field->children[i] =
        (struct lh_field){.name = members[i].name, .type = members[i].type, .nullable = true};
  }
  field->type = LH_TYPE_STRUCT;
  reader->form = LH_DUCKDB_INTERVAL;
  return set_type_name(context, "INTERVAL", field, reader);
}

/* Describes a child of that type and releases the type. */
static lh_status describe_child(struct describe *context, duckdb_logical_type child, const char *path,
                                size_t depth, const char *name, struct lh_field *field,
                                struct lh_duckdb_reader *reader) {
  field->name = name;
  const lh_status status = describe(context, child, path, depth + 1, field, reader);
  duckdb_destroy_logical_type(&child);
  return status;
}

static lh_status describe_list(struct describe *context, duckdb_logical_type type, duckdb_type id,
                               const char *path, size_t depth, struct lh_field *field,
                               struct lh_duckdb_reader *reader) {
  const bool is_array = id == DUCKDB_TYPE_ARRAY;
  LH_TRY(make_children(context, 1, field, reader));
  LH_TRY(describe_child(context,
                        is_array ? duckdb_array_type_child_type(type) : duckdb_list_type_child_type(type),
                        path, depth, "element", &field->children[0], &reader->children[0]));
  field->type = LH_TYPE_LIST;
  reader->form = is_array ? LH_DUCKDB_ARRAY : LH_DUCKDB_LIST;
  if (!is_array) {
    return set_type_name(context, lh_arena_printf(context->arena, "%s[]", reader->children[0].type_name),
                         field, reader);
  }
  reader->array_size = duckdb_array_type_array_size(type);
  return set_type_name(context,
                       lh_arena_printf(context->arena, "%s[%llu]", reader->children[0].type_name,
                                       (unsigned long long)reader->array_size),
                       field, reader);
}

static lh_status describe_map(struct describe *context, duckdb_logical_type type, const char *path,
                              size_t depth, struct lh_field *field, struct lh_duckdb_reader *reader) {
  LH_TRY(make_children(context, 2, field, reader));
  LH_TRY(describe_child(context, duckdb_map_type_key_type(type), path, depth, "key", &field->children[0],
                        &reader->children[0]));
  LH_TRY(describe_child(context, duckdb_map_type_value_type(type), path, depth, "value", &field->children[1],
                        &reader->children[1]));
  field->children[0].nullable = false;
  field->type = LH_TYPE_MAP;
  reader->form = LH_DUCKDB_MAP;
  return set_type_name(context,
                       lh_arena_printf(context->arena, "MAP(%s, %s)", reader->children[0].type_name,
                                       reader->children[1].type_name),
                       field, reader);
}

static lh_status describe_member(struct describe *context, duckdb_logical_type type, size_t index,
                                 const char *path, size_t depth, struct lh_field *field,
                                 struct lh_duckdb_reader *reader) {
  char *const raw = duckdb_struct_type_child_name(type, index);
  const char *const name = raw != NULL ? lh_arena_strdup(context->arena, raw) : NULL;
  duckdb_free(raw);
  if (name == NULL) {
    return lh_error_memory(context->err);
  }
  if (name[0] == '\0') {
    lh_error_set(context->err, LH_ERROR_DATA, "column \"%s\" is a struct with members that have no names",
                 path);
    snprintf(context->err->column, sizeof(context->err->column), "%s", path);
    lh_error_hint(context->err, "name them: {'a': …, 'b': …} in place of ROW(…) or (…, …)");
    return LH_ERROR_DATA;
  }
  char member_path[PATH_MAX_BYTES];
  snprintf(member_path, sizeof(member_path), "%s.%s", path, name);
  return describe_child(context, duckdb_struct_type_child_type(type, index), member_path, depth, name, field,
                        reader);
}

static lh_status describe_struct(struct describe *context, duckdb_logical_type type, const char *path,
                                 size_t depth, struct lh_field *field, struct lh_duckdb_reader *reader) {
  LH_TRY(make_children(context, duckdb_struct_type_child_count(type), field, reader));
  const char *name = "STRUCT(";
  for (size_t i = 0; i < field->child_count && name != NULL; i++) {
    LH_TRY(describe_member(context, type, i, path, depth, &field->children[i], &reader->children[i]));
    name = lh_arena_printf(context->arena, "%s%s%s %s", name, i > 0 ? ", " : "", field->children[i].name,
                           reader->children[i].type_name);
  }
  field->type = LH_TYPE_STRUCT;
  reader->form = LH_DUCKDB_STRUCT;
  return set_type_name(context, name != NULL ? lh_arena_printf(context->arena, "%s)", name) : NULL, field,
                       reader);
}

static bool is_json(duckdb_logical_type type) {
  char *const alias = duckdb_logical_type_get_alias(type);
  const bool json = alias != NULL && strcmp(alias, "JSON") == 0;
  duckdb_free(alias);
  return json;
}

static lh_status describe_scalar(struct describe *context, duckdb_logical_type type, duckdb_type id,
                                 const char *path, struct lh_field *field, struct lh_duckdb_reader *reader) {
  for (size_t i = 0; i < sizeof(scalars) / sizeof(scalars[0]); i++) {
    const struct scalar *const scalar = &scalars[i];
    if (scalar->id == id) {
      const bool json = id == DUCKDB_TYPE_VARCHAR && is_json(type);
      field->type = json ? LH_TYPE_JSON : scalar->type;
      field->precision = scalar->precision;
      field->unit = scalar->unit;
      field->utc = scalar->utc;
      reader->form = scalar->form;
      reader->factor = scalar->factor;
      return set_type_name(context, json ? "JSON" : scalar->name, field, reader);
    }
  }
  return refuse(context, id, path);
}

static lh_status describe(struct describe *context, duckdb_logical_type type, const char *path, size_t depth,
                          struct lh_field *field, struct lh_duckdb_reader *reader) {
  if (depth > NESTING_MAX) {
    return lh_error_set(context->err, LH_ERROR_DATA, "column \"%s\" is nested deeper than %d levels", path,
                        NESTING_MAX);
  }
  field->nullable = true;
  reader->path = lh_arena_strdup(context->arena, path);
  if (reader->path == NULL) {
    return lh_error_memory(context->err);
  }
  const duckdb_type id = duckdb_get_type_id(type);
  switch (id) {
    case DUCKDB_TYPE_DECIMAL:
      return describe_decimal(context, type, field, reader);
    case DUCKDB_TYPE_ENUM:
      return describe_enum(context, type, field, reader);
    case DUCKDB_TYPE_INTERVAL:
      return describe_interval(context, field, reader);
    case DUCKDB_TYPE_LIST:
    case DUCKDB_TYPE_ARRAY:
      return describe_list(context, type, id, path, depth, field, reader);
    case DUCKDB_TYPE_MAP:
      return describe_map(context, type, path, depth, field, reader);
    case DUCKDB_TYPE_STRUCT:
      return describe_struct(context, type, path, depth, field, reader);
    default:
      return describe_scalar(context, type, id, path, field, reader);
  }
}

lh_status lh_duckdb_describe_column(duckdb_logical_type type, const char *name, struct lh_arena *arena,
                                    struct lh_field *field, struct lh_duckdb_reader *reader,
                                    struct lh_error *err) {
  *field = (struct lh_field){.name = lh_arena_strdup(arena, name)};
  *reader = (struct lh_duckdb_reader){0};
  if (field->name == NULL) {
    return lh_error_memory(err);
  }
  struct describe context = {.arena = arena, .err = err};
  return describe(&context, type, field->name, 0, field, reader);
}
