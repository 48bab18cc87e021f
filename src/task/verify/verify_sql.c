/* Canonical texts and hashes as SQL: what the server is asked to compute of its own values. An expression is
 * NULL exactly where its value is. Names are qualified, so that nothing on the search path can stand in for
 * them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "postgres/types/decode.h"
#include "task/verify/verify_impl.h"

#define FLOAT4_OID 700
#define FLOAT8_OID 701
#define INT4_OID 23
#define INT8_OID 20
#define BOOL_OID 16
#define TEXT_OID 25

/* One expression under construction. */
struct builder {
  const struct lh_verify_source *source;
  struct lh_buf *sql;
  enum lh_unrepresentable policy; /* the column's */
  int depth;                      /* of nesting: makes aliases unique */
  bool impossible;
};

static lh_status append_canonical(struct builder *builder, const struct lh_field *field, uint32_t oid,
                                  const char *value, struct lh_error *err);

#define EMIT(...) LH_TRY(lh_buf_printf(builder->sql, err, __VA_ARGS__))

static bool is_type(const struct lh_verify_type *type, const char *name) {
  return type != NULL && strcmp(type->name, name) == 0;
}

static lh_status give_up(struct builder *builder) {
  builder->impossible = true;
  return LH_OK;
}

/* -------- scalars -------- */

/* As the type's output function has it; a cast to text strips the blanks of a bpchar, and an inet's netmask
 * is another one. */
static lh_status append_text(struct builder *builder, const struct lh_verify_type *type, const char *value,
                             struct lh_error *err) {
  static const char *const castable[] = {"text", "varchar", "name",  "numeric", "uuid",
                                         "time", "json",    "jsonb", "int4",    "int8"};
  for (size_t i = 0; i < sizeof(castable) / sizeof(castable[0]); i++) {
    if (is_type(type, castable[i])) {
      EMIT("(%s)::pg_catalog.text", value);
      return LH_OK;
    }
  }
  EMIT("CASE WHEN %s IS DISTINCT FROM NULL THEN pg_catalog.format('%%s', %s) END", value, value);
  return LH_OK;
}

/* Numerics up to here, half of the least double, become zero; a cast refuses them. */
#define TINY_DOUBLE "2.470328229206232720882843964341106861825299013e-324"

static lh_status append_float(struct builder *builder, const struct lh_verify_type *type, const char *name,
                              const char *value, struct lh_error *err) {
  const char *number = lh_arena_printf(builder->source->arena, "(%s)::pg_catalog.%s", value, name);
  if (is_type(type, "numeric")) {
    number = lh_arena_printf(builder->source->arena,
                             "(CASE WHEN %s > 0 AND %s <= " TINY_DOUBLE
                             " THEN 0 WHEN %s < 0 AND %s >= "
                             "-" TINY_DOUBLE " THEN '-0' ELSE %s END)",
                             value, value, value, value, number != NULL ? number : "");
  }
  if (number == NULL) {
    return lh_error_memory(err);
  }
  EMIT("CASE WHEN %s = 'NaN' THEN 'nan' ELSE pg_catalog.encode(pg_catalog.%ssend(%s), 'hex') END", number,
       name, number);
  return LH_OK;
}

/* Only where rounding to the scale changes nothing is it done, to have all digits of the scale. */
static lh_status append_decimal(struct builder *builder, const struct lh_field *field, const char *value,
                                struct lh_error *err) {
  EMIT(
      "CASE WHEN (%s)::pg_catalog.numeric = pg_catalog.round((%s)::pg_catalog.numeric, %d) THEN "
      "pg_catalog.round((%s)::pg_catalog.numeric, %d)::pg_catalog.text ELSE "
      "(%s)::pg_catalog.numeric::pg_catalog.text END",
      value, value, field->scale, value, field->scale, value);
  return LH_OK;
}

/* A numeric that is read as an integer has lost its zeros after the point. */
static lh_status append_integer(struct builder *builder, const struct lh_field *field,
                                const struct lh_verify_type *type, const char *value, struct lh_error *err) {
  if (is_type(type, "numeric")) {
    return append_decimal(builder, field, value, err);
  }
  const bool is_name = type != NULL && strncmp(type->name, "reg", 3) == 0;
  EMIT("(%s)%s::pg_catalog.text", value, is_name ? "::pg_catalog.oid" : "");
  return LH_OK;
}

static lh_status append_binary(struct builder *builder, const struct lh_verify_type *type, const char *value,
                               struct lh_error *err) {
  if (is_type(type, "geometry") || is_type(type, "geography")) {
    EMIT("%s.st_asbinary(%s)", type->schema, value);
    return LH_OK;
  }
  if (!is_type(type, "bytea")) {
    return give_up(builder);
  }
  EMIT("(%s)::pg_catalog.bytea", value);
  return LH_OK;
}

static lh_status append_sent(struct builder *builder, const char *name, const char *send, const char *value,
                             struct lh_error *err) {
  EMIT("pg_catalog.encode(pg_catalog.%s((%s)::pg_catalog.%s), 'hex')", send, value, name);
  return LH_OK;
}

/* -------- frames -------- */

static bool needs_conversion(const struct builder *builder, const struct lh_field *field) {
  return builder->source->convert_text &&
         (field->type == LH_TYPE_STRING || field->type == LH_TYPE_JSON || field->is_variant);
}

/* The MD5 in hex. */
static lh_status append_md5(struct builder *builder, const struct lh_field *field, uint32_t oid,
                            const char *value, struct lh_error *err) {
  const bool convert = needs_conversion(builder, field);
  EMIT("pg_catalog.md5(%s", convert ? "pg_catalog.convert_to(" : "");
  LH_TRY(append_canonical(builder, field, oid, value, err));
  EMIT("%s)", convert ? ", 'UTF8')" : "");
  return LH_OK;
}

static lh_status append_frame(struct builder *builder, const struct lh_field *field, uint32_t oid,
                              const char *value, struct lh_error *err) {
  EMIT("COALESCE(");
  LH_TRY(lh_verify_is_plain(field->type) ? append_canonical(builder, field, oid, value, err)
                                         : append_md5(builder, field, oid, value, err));
  EMIT(", 'N') || ','");
  return LH_OK;
}

/* -------- nested values -------- */

static lh_status append_list(struct builder *builder, const struct lh_field *field,
                             const struct lh_verify_type *type, const char *value, struct lh_error *err) {
  const bool is_vector = is_type(type, "vector") || is_type(type, "halfvec");
  const uint32_t element = is_vector ? FLOAT4_OID : type != NULL ? type->element_oid : 0;
  if (element == 0) {
    return give_up(builder);
  }
  char name[32];
  const int depth = builder->depth++;
  snprintf(name, sizeof(name), "l%d.e", depth);
  EMIT("CASE WHEN %s IS NOT NULL THEN COALESCE((SELECT pg_catalog.string_agg(", value);
  LH_TRY(append_frame(builder, &field->children[0], element, name, err));
  EMIT(", '') FROM (SELECT pg_catalog.unnest((%s)%s) AS e) AS l%d), '') END", value,
       is_vector ? "::pg_catalog.float4[]" : "", depth);
  return LH_OK;
}

/* The text form of a sparsevec, {1:0.5,7:2}/9, is all of it that SQL can see. */
#define SPARSE_ITEMS                                                                                  \
  "(SELECT pg_catalog.split_part(i, ':', 1)::pg_catalog.int4, pg_catalog.split_part(i, ':', 2)::"     \
  "pg_catalog.float4 FROM pg_catalog.unnest(pg_catalog.string_to_array(NULLIF(pg_catalog.split_part(" \
  "pg_catalog.translate(pg_catalog.format('%%s', %s), '{}', ''), '/', 1), ''), ',')) AS i)"

static lh_status append_map(struct builder *builder, const struct lh_field *field,
                            const struct lh_verify_type *type, const char *value, struct lh_error *err) {
  const bool is_sparse = is_type(type, "sparsevec");
  if (!is_sparse && !is_type(type, "hstore")) {
    return give_up(builder);
  }
  char key[32];
  char item[32];
  const int depth = builder->depth++;
  snprintf(key, sizeof(key), "m%d.k", depth);
  snprintf(item, sizeof(item), "m%d.v", depth);
  EMIT("CASE WHEN %s IS NOT NULL THEN COALESCE((SELECT pg_catalog.string_agg(", value);
  LH_TRY(append_frame(builder, &field->children[0], is_sparse ? INT4_OID : TEXT_OID, key, err));
  EMIT(" || ");
  LH_TRY(append_frame(builder, &field->children[1], is_sparse ? FLOAT4_OID : TEXT_OID, item, err));
  EMIT(", '') FROM ");
  if (is_sparse) {
    EMIT(SPARSE_ITEMS, value);
  } else {
    EMIT("%s.each(%s)", type->schema, value);
  }
  EMIT(" AS m%d(k, v)), '') END", depth);
  return LH_OK;
}

static lh_status append_member(struct builder *builder, const struct lh_field *field, size_t index,
                               uint32_t oid, const char *value, struct lh_error *err) {
  if (value == NULL) {
    return lh_error_memory(err);
  }
  EMIT("%s", index == 0 ? "" : " || ");
  return append_frame(builder, &field->children[index], oid, value, err);
}

static lh_status append_composite(struct builder *builder, const struct lh_field *field,
                                  const struct lh_verify_type *type, const char *value,
                                  struct lh_error *err) {
  if (type->attribute_count != field->child_count) {
    return give_up(builder);
  }
  for (size_t i = 0; i < field->child_count; i++) {
    const char *const member = lh_arena_printf(builder->source->arena, "(%s).%s", value, type->attributes[i]);
    LH_TRY(append_member(builder, field, i, type->attribute_oids[i], member, err));
  }
  return LH_OK;
}

/* How a member of a STRUCT that is no composite is had on the server; "%s" is the whole value. */
struct member {
  const char *type_name; /* NULL: a range */
  const char *name;
  const char *before, *after;
  uint32_t oid; /* 0: what the range is over */
};

static const struct member members[] = {
    {NULL, "lower", "pg_catalog.lower(", ")", 0},
    {NULL, "upper", "pg_catalog.upper(", ")", 0},
    {NULL, "lower_inc", "pg_catalog.lower_inc(", ")", BOOL_OID},
    {NULL, "upper_inc", "pg_catalog.upper_inc(", ")", BOOL_OID},
    {NULL, "empty", "pg_catalog.isempty(", ")", BOOL_OID},
    {"point", "x", "(", ")[0]", FLOAT8_OID},
    {"point", "y", "(", ")[1]", FLOAT8_OID},
    {"interval", "microseconds", "('x' || pg_catalog.substr(pg_catalog.encode(pg_catalog.interval_send(",
     "), 'hex'), 1, 16))::pg_catalog.bit(64)::pg_catalog.int8", INT8_OID},
    {"interval", "days", "('x' || pg_catalog.substr(pg_catalog.encode(pg_catalog.interval_send(",
     "), 'hex'), 17, 8))::pg_catalog.bit(32)::pg_catalog.int4", INT4_OID},
    {"interval", "months", "('x' || pg_catalog.substr(pg_catalog.encode(pg_catalog.interval_send(",
     "), 'hex'), 25, 8))::pg_catalog.bit(32)::pg_catalog.int4", INT4_OID},
};

static const struct member *find_member(const struct lh_verify_type *type, const char *name) {
  for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
    const struct member *const member = &members[i];
    const bool fits = member->type_name != NULL ? is_type(type, member->type_name) : type->range_oid != 0;
    if (fits && strcmp(member->name, name) == 0) {
      return member;
    }
  }
  return NULL;
}

static lh_status append_parts(struct builder *builder, const struct lh_field *field,
                              const struct lh_verify_type *type, const char *value, struct lh_error *err) {
  for (size_t i = 0; i < field->child_count; i++) {
    const struct member *const member = find_member(type, field->children[i].name);
    if (member == NULL) {
      return give_up(builder);
    }
    const char *const part =
        lh_arena_printf(builder->source->arena, "%s%s%s", member->before, value, member->after);
    LH_TRY(append_member(builder, field, i, member->oid != 0 ? member->oid : type->range_oid, part, err));
  }
  return LH_OK;
}

/* An array of any number of dimensions as a STRUCT of their lengths and of the elements. */
static lh_status append_flattened(struct builder *builder, const struct lh_field *field,
                                  const struct lh_verify_type *type, const char *value,
                                  struct lh_error *err) {
  if (field->child_count != 2 || strcmp(field->children[0].name, "dims") != 0 ||
      field->children[1].type != LH_TYPE_LIST) {
    return give_up(builder);
  }
  EMIT(
      "pg_catalog.md5(COALESCE((SELECT pg_catalog.string_agg(pg_catalog.array_length(%s, d)::pg_catalog.text "
      "|| "
      "',', '') FROM pg_catalog.generate_series(1, pg_catalog.array_ndims(%s)) AS d), '')) || ',' || "
      "COALESCE(pg_catalog.md5(",
      value, value);
  LH_TRY(append_list(builder, &field->children[1], type, value, err));
  EMIT("), 'N') || ','");
  return LH_OK;
}

static lh_status append_struct(struct builder *builder, const struct lh_field *field,
                               const struct lh_verify_type *type, const char *value, struct lh_error *err) {
  if (type == NULL) {
    return give_up(builder);
  }
  /* IS NOT NULL is false for a row that has one NULL. */
  EMIT("CASE WHEN %s IS DISTINCT FROM NULL THEN ", value);
  LH_TRY(type->kind == 'c' ? append_composite(builder, field, type, value, err)
         : type->is_array  ? append_flattened(builder, field, type, value, err)
                           : append_parts(builder, field, type, value, err));
  EMIT(" END");
  return LH_OK;
}

/* -------- values that the lake cannot hold -------- */

/* The last timestamp that is kept, and the first that is not: 64 bits of microseconds since 1970, of which
 * the greatest is taken for infinity. */
#define LAST_TIMESTAMP "294247-01-10 04:00:54.775806"
#define FAR_TIMESTAMP "294247-01-10 04:00:54.775807"
#define FIRST_TIMESTAMP "4714-11-24 00:00:00 BC"
#define LAST_DATE "5874897-12-31"
#define FIRST_DATE "4714-11-24 BC"
/* Numerics from here on, half way from the greatest double to the power of two after it, have no double. */
#define FAR_DOUBLE "1.797693134862315807937289714053e308"
#define LAST_DOUBLE "1.7976931348623157e308"

static const char *adjust_date(const struct builder *builder, const char *value) {
  return lh_arena_printf(
      builder->source->arena, "(CASE WHEN %s = 'infinity' THEN %s WHEN %s = '-infinity' THEN %s ELSE %s END)",
      value, builder->policy == LH_UNREPRESENTABLE_CLAMP ? "'" LAST_DATE "'" : "NULL", value,
      builder->policy == LH_UNREPRESENTABLE_CLAMP ? "'" FIRST_DATE "'" : "NULL", value);
}

/* The session's time zone is UTC. */
static const char *adjust_timestamp(const struct builder *builder, const char *value) {
  return lh_arena_printf(
      builder->source->arena,
      "(CASE WHEN %s >= '" FAR_TIMESTAMP "' THEN %s WHEN %s = '-infinity' THEN %s ELSE %s END)", value,
      builder->policy == LH_UNREPRESENTABLE_CLAMP ? "'" LAST_TIMESTAMP "'" : "NULL", value,
      builder->policy == LH_UNREPRESENTABLE_CLAMP ? "'" FIRST_TIMESTAMP "'" : "NULL", value);
}

/* The greatest value of a field that numerics are read into. */
static const char *greatest_number(const struct lh_field *field, char out[96]) {
  static const char nines[] = "99999999999999999999999999999999999999";
  const int whole = field->precision - field->scale;
  switch (field->type) {
    case LH_TYPE_INT16:
      return "32767";
    case LH_TYPE_INT32:
      return "2147483647";
    case LH_TYPE_INT64:
      return "9223372036854775807";
    default:
      snprintf(out, 96, "%.*s.%.*s", whole, nines, field->scale, nines);
      return out;
  }
}

/* NaN is near to nothing. Infinities are known by their text, since servers before 14 cannot read them. */
static const char *adjust_numeric(const struct builder *builder, const struct lh_field *field,
                                  const char *value) {
  char text[96];
  if (builder->policy != LH_UNREPRESENTABLE_CLAMP) {
    return lh_arena_printf(builder->source->arena,
                           "(CASE WHEN (%s)::pg_catalog.text IN ('NaN', 'Infinity', '-Infinity') THEN NULL "
                           "ELSE %s END)",
                           value, value);
  }
  const char *const greatest = greatest_number(field, text);
  const bool is_decimal = field->type == LH_TYPE_DECIMAL;
  return lh_arena_printf(builder->source->arena,
                         "(CASE (%s)::pg_catalog.text WHEN 'NaN' THEN NULL WHEN 'Infinity' THEN %s WHEN "
                         "'-Infinity' THEN -%s%s ELSE %s END)",
                         value, greatest, greatest, is_decimal ? "" : " - 1", value);
}

static const char *adjust_double(const struct builder *builder, const char *value) {
  const bool clamps = builder->policy == LH_UNREPRESENTABLE_CLAMP;
  return lh_arena_printf(
      builder->source->arena,
      "(CASE WHEN (%s)::pg_catalog.text IN ('NaN', 'Infinity', '-Infinity') THEN %s WHEN %s "
      ">= " FAR_DOUBLE " THEN %s WHEN %s <= -" FAR_DOUBLE " THEN %s ELSE %s END)",
      value, value, value, clamps ? LAST_DOUBLE : "NULL", value, clamps ? "-" LAST_DOUBLE : "NULL", value);
}

/* Parquet's geometries have neither curves nor surfaces, on their own or in a collection. */
static const char *adjust_geometry(const struct builder *builder, const struct lh_verify_type *type,
                                   const char *value) {
  return lh_arena_printf(builder->source->arena,
                         "(CASE WHEN %s.st_astext(%s) OPERATOR(pg_catalog.!~) "
                         "'CIRCULAR|CURVE|SURFACE|TIN|TRIANGLE' THEN %s END)",
                         type->schema, value, value);
}

/* The expression with what the policy puts in the place of such values; NULL without memory. */
static const char *adjust(const struct builder *builder, const struct lh_field *field,
                          const struct lh_verify_type *type, const char *value) {
  if (builder->policy == LH_UNREPRESENTABLE_ERROR) {
    return field->is_variant ? lh_verify_jsonb_sql(value, is_type(type, "json"), builder->source->arena)
                             : value;
  }
  const bool is_numeric = is_type(type, "numeric");
  switch (field->type) {
    case LH_TYPE_DATE:
      return adjust_date(builder, value);
    case LH_TYPE_TIMESTAMP:
      return adjust_timestamp(builder, value);
    case LH_TYPE_DECIMAL:
    case LH_TYPE_INT16:
    case LH_TYPE_INT32:
    case LH_TYPE_INT64:
      return is_numeric ? adjust_numeric(builder, field, value) : value;
    case LH_TYPE_DOUBLE:
      return is_numeric ? adjust_double(builder, value) : value;
    case LH_TYPE_BINARY:
      return field->geometry != LH_GEOMETRY_NONE && type != NULL ? adjust_geometry(builder, type, value)
                                                                 : value;
    case LH_TYPE_LIST:
      return type != NULL && type->is_array
                 ? lh_arena_printf(builder->source->arena,
                                   "(CASE WHEN pg_catalog.array_ndims(%s) > 1 THEN NULL ELSE %s END)", value,
                                   value)
                 : value;
    case LH_TYPE_STRUCT:
      return is_type(type, "interval")
                 ? lh_arena_printf(builder->source->arena, "(CASE WHEN pg_catalog.isfinite(%s) THEN %s END)",
                                   value, value)
                 : value;
    default:
      return value;
  }
}

/* Which bytes are no UTF-8, SQL does not tell in a database that checks none; nor which numbers a VARIANT
 * cannot hold. And jsonb has no escapes of characters that are not the database's. */
static bool is_beyond_sql(const struct builder *builder, const struct lh_field *field,
                          const struct lh_verify_type *type) {
  if (field->is_variant) {
    const bool is_unicode = !builder->source->unchecked_text && !builder->source->convert_text;
    return builder->policy != LH_UNREPRESENTABLE_ERROR || (is_type(type, "json") && !is_unicode);
  }
  return builder->policy != LH_UNREPRESENTABLE_ERROR && builder->source->unchecked_text &&
         (field->type == LH_TYPE_STRING || field->type == LH_TYPE_JSON);
}

static lh_status append_canonical(struct builder *builder, const struct lh_field *field, uint32_t oid,
                                  const char *raw, struct lh_error *err) {
  const struct lh_verify_type *const type = lh_verify_find_type(builder->source, oid);
  const char *const value = adjust(builder, field, type, raw);
  if (value == NULL) {
    return lh_error_memory(err);
  }
  if (is_beyond_sql(builder, field, type)) {
    return give_up(builder);
  }
  switch (field->type) {
    case LH_TYPE_BOOL:
      EMIT("CASE WHEN %s THEN 't' WHEN NOT %s THEN 'f' END", value, value);
      return LH_OK;
    case LH_TYPE_INT8:
    case LH_TYPE_INT16:
    case LH_TYPE_INT32:
    case LH_TYPE_INT64:
      return append_integer(builder, field, type, value, err);
    case LH_TYPE_FLOAT:
      return append_float(builder, type, "float4", value, err);
    case LH_TYPE_DOUBLE:
      return append_float(builder, type, "float8", value, err);
    case LH_TYPE_DECIMAL:
      return append_decimal(builder, field, value, err);
    case LH_TYPE_STRING:
    case LH_TYPE_JSON:
    case LH_TYPE_UUID:
    case LH_TYPE_TIME:
      return append_text(builder, type, value, err);
    case LH_TYPE_BINARY:
      return append_binary(builder, type, value, err);
    case LH_TYPE_DATE:
      return append_sent(builder, "date", "date_send", value, err);
    case LH_TYPE_TIMESTAMP:
      return field->utc ? append_sent(builder, "timestamptz", "timestamptz_send", value, err)
                        : append_sent(builder, "timestamp", "timestamp_send", value, err);
    case LH_TYPE_LIST:
      return append_list(builder, field, type, value, err);
    case LH_TYPE_STRUCT:
      if (field->is_variant) {
        EMIT("%s", value);
        return LH_OK;
      }
      return append_struct(builder, field, type, value, err);
    case LH_TYPE_MAP:
      return append_map(builder, field, type, value, err);
  }
  return give_up(builder);
}

/* -------- columns -------- */

static enum lh_unrepresentable policy_of(const struct lh_verify_source *source, size_t index) {
  const struct lh_pg_decoder *const decoder = source->request->relation->columns[index].decoder;
  return decoder->on_unrepresentable;
}

lh_status lh_verify_append_hash(const struct lh_verify_source *source, size_t index, struct lh_buf *sql,
                                bool *possible, struct lh_error *err) {
  struct builder state = {.source = source, .sql = sql, .policy = policy_of(source, index)};
  struct builder *const builder = &state;
  const struct lh_field *const field = &source->request->relation->schema.fields[index];
  const size_t start = sql->len;
  char value[32];
  snprintf(value, sizeof(value), "q.c%zu", index);
  EMIT("('x' || pg_catalog.substr(");
  LH_TRY(append_md5(builder, field, source->oids[index], value, err));
  EMIT(", 1, 15))::pg_catalog.bit(60)::pg_catalog.int8");
  *possible = !builder->impossible;
  if (builder->impossible) {
    sql->len = start;
  }
  return LH_OK;
}

lh_status lh_verify_append_value(const struct lh_verify_source *source, size_t index, struct lh_buf *sql,
                                 bool *possible, struct lh_error *err) {
  struct builder state = {.source = source, .sql = sql, .policy = policy_of(source, index)};
  struct builder *const builder = &state;
  const struct lh_field *const field = &source->request->relation->schema.fields[index];
  char name[32];
  snprintf(name, sizeof(name), "q.c%zu", index);
  const struct lh_verify_type *const type = lh_verify_find_type(source, source->oids[index]);
  *possible = !is_beyond_sql(builder, field, type);
  const char *const value = *possible || !field->is_variant ? adjust(builder, field, type, name) : name;
  return value != NULL ? lh_buf_append_str(sql, value, err) : lh_error_memory(err);
}

lh_status lh_verify_append_frames(const struct lh_verify_source *source, const size_t *indexes, size_t count,
                                  struct lh_buf *sql, struct lh_error *err) {
  struct builder state = {.source = source, .sql = sql};
  struct builder *const builder = &state;
  EMIT("''");
  for (size_t i = 0; i < count; i++) {
    char value[32];
    snprintf(value, sizeof(value), "q.c%zu", indexes[i]);
    builder->policy = policy_of(source, indexes[i]);
    EMIT(" || ");
    LH_TRY(append_frame(builder, &source->request->relation->schema.fields[indexes[i]],
                        source->oids[indexes[i]], value, err));
  }
  return LH_OK;
}
