/* Casts and masks: the expression that the server computes, and the type and decoder of what comes back. */
#include "postgres/column_form.h"

#include <stdio.h>
#include <string.h>

#include "postgres/sql_text.h"
#include "postgres/types/postgis.h"

#define TEXT_OID 25
#define JSON_OID 114
#define NUMERIC_OID 1700

/* Types between which casts are alike. */
enum source {
  FROM_BOOL,
  FROM_INT,
  FROM_NUMERIC,
  FROM_FLOAT,
  FROM_TEXT,
  FROM_DATE,
  FROM_TIME,
  FROM_TIMESTAMP,
  FROM_UUID,
  FROM_OTHER,
  SOURCE_COUNT
};

static enum source source_of(const struct lh_pg_decoder *decoder) {
  static const struct {
    const char *name;
    enum source source;
  } names[] = {
      {"bool", FROM_BOOL},
      {"int2", FROM_INT},
      {"int4", FROM_INT},
      {"int8", FROM_INT},
      {"oid", FROM_INT},
      {"numeric", FROM_NUMERIC},
      {"money", FROM_NUMERIC},
      {"float4", FROM_FLOAT},
      {"float8", FROM_FLOAT},
      {"text", FROM_TEXT},
      {"varchar", FROM_TEXT},
      {"bpchar", FROM_TEXT},
      {"name", FROM_TEXT},
      {"citext", FROM_TEXT},
      {"date", FROM_DATE},
      {"time", FROM_TIME},
      {"timestamp", FROM_TIMESTAMP},
      {"timestamptz", FROM_TIMESTAMP},
      {"uuid", FROM_UUID},
  };
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    if (strcmp(decoder->type_name, names[i].name) == 0) {
      return names[i].source;
    }
  }
  return FROM_OTHER;
}

/* A cast's target, and the expression from each source, in which @ is the column; NULL where there is none.
 * Floats become numbers by way of their text, which has all their digits; the direct cast rounds to 15. */
struct target {
  const char *word;
  uint32_t oid; /* of the expression */
  const char *from[SOURCE_COUNT];
};

/* Whole numbers come as numerics, which the decoder holds to the type's range. */
#define TO_NUMERIC                                                                                 \
  [FROM_INT] = "@::pg_catalog.int8::pg_catalog.numeric", [FROM_NUMERIC] = "@::pg_catalog.numeric", \
  [FROM_FLOAT] = "@::pg_catalog.text::pg_catalog.numeric",                                         \
  [FROM_TEXT] = "@::pg_catalog.text::pg_catalog.numeric"
#define TO_INTEGER \
  { [FROM_BOOL] = "@::pg_catalog.int4::pg_catalog.numeric", TO_NUMERIC }

static const struct target targets[] = {
    [LH_CAST_BOOLEAN] = {"boolean",
                         16,
                         {[FROM_BOOL] = "@",
                          [FROM_INT] = "@ <> 0",
                          [FROM_NUMERIC] = "@::pg_catalog.numeric <> 0",
                          [FROM_TEXT] = "@::pg_catalog.text::pg_catalog.bool"}},
    [LH_CAST_SMALLINT] = {"smallint", NUMERIC_OID, TO_INTEGER},
    [LH_CAST_INT] = {"int", NUMERIC_OID, TO_INTEGER},
    [LH_CAST_BIGINT] = {"bigint", NUMERIC_OID, TO_INTEGER},
    [LH_CAST_FLOAT] = {"float",
                       700,
                       {[FROM_BOOL] = "@::pg_catalog.int4::pg_catalog.float4",
                        [FROM_INT] = "@::pg_catalog.int8::pg_catalog.float4",
                        [FROM_NUMERIC] = "@::pg_catalog.numeric::pg_catalog.float4",
                        [FROM_FLOAT] = "@::pg_catalog.float4",
                        [FROM_TEXT] = "@::pg_catalog.text::pg_catalog.float4"}},
    [LH_CAST_DOUBLE] = {"double",
                        701,
                        {[FROM_BOOL] = "@::pg_catalog.int4::pg_catalog.float8",
                         [FROM_INT] = "@::pg_catalog.int8::pg_catalog.float8",
                         [FROM_NUMERIC] = "@::pg_catalog.numeric::pg_catalog.float8",
                         [FROM_FLOAT] = "@::pg_catalog.float8",
                         [FROM_TEXT] = "@::pg_catalog.text::pg_catalog.float8"}},
    [LH_CAST_DECIMAL] = {"decimal", NUMERIC_OID, {TO_NUMERIC}},
    [LH_CAST_DATE] = {"date",
                      1082,
                      {[FROM_DATE] = "@",
                       [FROM_TIMESTAMP] = "@::pg_catalog.date",
                       [FROM_TEXT] = "@::pg_catalog.text::pg_catalog.date"}},
    [LH_CAST_TIME] = {"time",
                      1083,
                      {[FROM_TIME] = "@",
                       [FROM_TIMESTAMP] = "@::pg_catalog.time",
                       [FROM_TEXT] = "@::pg_catalog.text::pg_catalog.time"}},
    [LH_CAST_TIMESTAMP] = {"timestamp",
                           1114,
                           {[FROM_DATE] = "@::pg_catalog.timestamp",
                            [FROM_TIMESTAMP] = "@::pg_catalog.timestamp",
                            [FROM_TEXT] = "@::pg_catalog.text::pg_catalog.timestamp"}},
    [LH_CAST_TIMESTAMPTZ] = {"timestamptz",
                             1184,
                             {[FROM_DATE] = "@::pg_catalog.timestamptz",
                              [FROM_TIMESTAMP] = "@::pg_catalog.timestamptz",
                              [FROM_TEXT] = "@::pg_catalog.text::pg_catalog.timestamptz"}},
    [LH_CAST_UUID] = {"uuid", 2950, {[FROM_UUID] = "@", [FROM_TEXT] = "@::pg_catalog.text::pg_catalog.uuid"}},
};

const char *lh_pg_text_form(const char *quoted_name, struct lh_arena *arena) {
  return lh_arena_printf(arena, "CASE WHEN %s IS DISTINCT FROM NULL THEN pg_catalog.format('%%s', %s) END",
                         quoted_name, quoted_name);
}

/* `template` with the column's name in place of @. */
static const char *fill_in(const char *template, const char *name, struct lh_arena *arena) {
  const char *out = "";
  for (const char *at = template; out != NULL && *at != '\0';) {
    const size_t plain = strcspn(at, "@");
    out = lh_arena_printf(arena, "%s%.*s%s", out, (int)plain, at, at[plain] == '@' ? name : "");
    at += plain + (at[plain] == '@' ? 1 : 0);
  }
  return out;
}

/* The column becomes `expression`, of the built-in type `oid`. */
static lh_status become(const char *expression, uint32_t oid, const struct lh_pg_type_rules *rules,
                        struct lh_arena *arena, struct lh_pg_column *column, struct lh_field *field,
                        struct lh_error *err) {
  if (expression == NULL) {
    return lh_error_memory(err);
  }
  column->expression = expression;
  column->type_oid = oid;
  column->typmod = -1;
  field->children = NULL;
  field->child_count = 0;
  field->utc = false;
  return lh_pg_type_resolve(oid, -1, rules, NULL, 0, arena, field, &column->decoder, &column->text_fallback,
                            err);
}

/* The numeric that the expression yields is read as an integer, which checks each value. */
static lh_status read_as_integer(enum lh_type type, struct lh_arena *arena, struct lh_pg_column *column,
                                 struct lh_field *field, struct lh_error *err) {
  struct lh_pg_decoder *const decoder = LH_ARENA_NEW(arena, struct lh_pg_decoder);
  if (decoder == NULL) {
    return lh_error_memory(err);
  }
  *decoder = *column->decoder;
  decoder->decode = lh_pg_decode_numeric_integer;
  column->decoder = decoder;
  field->type = type;
  return LH_OK;
}

static lh_status refuse_cast(const struct lh_pg_column *column, const char *word, struct lh_error *err) {
  lh_error_set(err, LH_ERROR_DATA, "column \"%s\" is %s, for which there is no type: %s", column->name,
               column->type_name, word);
  snprintf(err->column, sizeof(err->column), "%s", column->name);
  lh_error_hint(err, "text and json take everything; for the rest write a query with a cast of your own");
  return LH_ERROR_DATA;
}

static lh_status cast_to_json(const char *name, enum source source, const struct lh_pg_type_rules *rules,
                              struct lh_arena *arena, struct lh_pg_column *column, struct lh_field *field,
                              struct lh_error *err) {
  if (field->type == LH_TYPE_JSON) {
    return LH_OK;
  }
  const char *const template = source == FROM_TEXT && column->decoder->oid == column->type_oid
                                   ? "@::pg_catalog.text::pg_catalog.json"
                                   : "pg_catalog.to_json(@)";
  return become(fill_in(template, name, arena), JSON_OID, rules, arena, column, field, err);
}

/* Nothing is computed: the bytes are the same under another type. */
static lh_status type_geometry(enum lh_cast cast, const struct lh_pg_column *column, struct lh_field *field,
                               struct lh_error *err) {
  struct lh_pg_geometries *const geometries = column->decoder->geometries;
  const bool as_geography = cast == LH_CAST_GEOGRAPHY;
  if (geometries == NULL || geometries->is_geography != as_geography) {
    refuse_cast(column, as_geography ? "geography" : "geometry", err);
    lh_error_hint(err,
                  "type: geometry is for columns of PostGIS' geometry, type: geography for its geography");
    return LH_ERROR_DATA;
  }
  geometries->is_typed = true;
  field->geometry = as_geography ? LH_GEOMETRY_SPHERICAL : LH_GEOMETRY_PLANAR;
  return LH_OK;
}

/* Nothing is computed: the text is read as another type. */
static lh_status read_as_variant(struct lh_arena *arena, struct lh_pg_column *column, struct lh_field *field,
                                 struct lh_error *err) {
  const bool is_json = field->type == LH_TYPE_JSON && column->decoder->read_as == LH_PG_READ_AS_IS;
  if (!is_json) {
    refuse_cast(column, "variant", err);
    lh_error_hint(err, "type: variant is for columns of json and jsonb, and of domains over them");
    return LH_ERROR_DATA;
  }
  struct lh_pg_decoder *const decoder = LH_ARENA_NEW(arena, struct lh_pg_decoder);
  if (decoder == NULL) {
    return lh_error_memory(err);
  }
  *decoder = *column->decoder;
  decoder->decode =
      decoder->decode == lh_pg_decode_versioned_text ? lh_pg_decode_versioned_variant : lh_pg_decode_variant;
  column->decoder = decoder;
  return lh_field_make_variant(field, arena, err);
}

static lh_status apply_cast(const struct lh_column_settings *settings, const char *name,
                            const struct lh_pg_type_rules *rules, struct lh_arena *arena,
                            struct lh_pg_column *column, struct lh_field *field, struct lh_error *err) {
  const enum source source = source_of(column->decoder);
  if (settings->cast == LH_CAST_TEXT) {
    return become(lh_pg_text_form(name, arena), TEXT_OID, rules, arena, column, field, err);
  }
  if (settings->cast == LH_CAST_JSON) {
    return cast_to_json(name, source, rules, arena, column, field, err);
  }
  if (settings->cast == LH_CAST_GEOMETRY || settings->cast == LH_CAST_GEOGRAPHY) {
    return type_geometry(settings->cast, column, field, err);
  }
  if (settings->cast == LH_CAST_VARIANT) {
    return read_as_variant(arena, column, field, err);
  }
  const struct target *const target = &targets[settings->cast];
  const char *const template = target->from[source];
  if (template == NULL) {
    return refuse_cast(column, target->word, err);
  }
  struct lh_pg_type_rules as_target = *rules;
  as_target.policy.numeric = settings->cast == LH_CAST_DECIMAL ? LH_NUMERIC_DECIMAL : LH_NUMERIC_TEXT;
  as_target.policy.numeric_precision = settings->precision;
  as_target.policy.numeric_scale = settings->scale;
  LH_TRY(become(fill_in(template, name, arena), target->oid, &as_target, arena, column, field, err));
  field->native = settings->cast == LH_CAST_UUID || settings->cast == LH_CAST_TIME;
  switch (settings->cast) {
    case LH_CAST_SMALLINT:
      return read_as_integer(LH_TYPE_INT16, arena, column, field, err);
    case LH_CAST_INT:
      return read_as_integer(LH_TYPE_INT32, arena, column, field, err);
    case LH_CAST_BIGINT:
      return read_as_integer(LH_TYPE_INT64, arena, column, field, err);
    default:
      return LH_OK;
  }
}

/* NULL stays NULL under every mask. */
static lh_status apply_mask(enum lh_mask mask, const char *name, const struct lh_pg_type_rules *rules,
                            struct lh_arena *arena, struct lh_pg_column *column, struct lh_field *field,
                            struct lh_error *err) {
  switch (mask) {
    case LH_MASK_SHA256:
      return become(
          lh_arena_printf(arena,
                          "pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(%s::pg_catalog."
                          "text, 'UTF8')), 'hex')",
                          name),
          TEXT_OID, rules, arena, column, field, err);
    case LH_MASK_REDACT:
      return become(
          lh_arena_printf(arena, "CASE WHEN %s IS DISTINCT FROM NULL THEN '***'::pg_catalog.text END", name),
          TEXT_OID, rules, arena, column, field, err);
    case LH_MASK_NULL:
      /* The column keeps its type in the lake. */
      column->expression = "NULL::pg_catalog.text";
      column->text_fallback = false;
      field->nullable = true;
      return LH_OK;
    case LH_MASK_NONE:
      break;
  }
  return LH_OK;
}

lh_status lh_pg_form_column(const struct lh_column_settings *settings, const struct lh_pg_type_rules *rules,
                            struct lh_arena *arena, struct lh_pg_column *column, struct lh_field *field,
                            struct lh_error *err) {
  const char *const name = lh_pg_quote_name(column->name, arena);
  if (name == NULL) {
    return lh_error_memory(err);
  }
  column->mask = settings->mask;
  if (settings->mask != LH_MASK_NONE) {
    return apply_mask(settings->mask, name, rules, arena, column, field, err);
  }
  return settings->cast != LH_CAST_NONE ? apply_cast(settings, name, rules, arena, column, field, err)
                                        : LH_OK;
}
