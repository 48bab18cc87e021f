/* The COPY decoder. The first byte of an input picks a type, the second the policies of its column; the rest
 * is one value of that type, or with 0 a whole stream of rows that have every type. What is decoded must be a
 * batch that can be printed. */
#include <string.h>

#include "column/format.h"
#include "fuzz.h"
#include "postgres/column_form.h"
#include "postgres/copy_reader.h"
#include "postgres/types/type_registry.h"

#define OID_END 6000
#define MAX_COLUMNS 256
#define TYPMOD_10_2 (((10 << 16) | 2) + 4)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
  BOOL = 16,
  INT4 = 23,
  TEXT = 25,
  JSON = 114,
  MONEY = 790,
  FLOAT8 = 701,
  NUMERIC = 1700,
  JSONB = 3802,
  INT4RANGE = 3904,
  INT4MULTIRANGE = 4451,
  MOOD = 51000,
  PRICE,
  PAIR,
  PAIRS,
  FAMILY,
  HSTORE,
  VECTOR,
  HALFVEC,
  SPARSEVEC,
  GEOMETRY,
  GEOGRAPHY,
  LTREE,
  FAMILYRANGE
};

static const struct lh_pg_catalog_attribute pair[] = {{"a", "integer", INT4, -1}, {"b", "text", TEXT, -1}};
static const struct lh_pg_catalog_attribute family[] = {
    {"pairs", "pair[]", PAIRS, -1},
    {"since", "numeric(10,2)", NUMERIC, TYPMOD_10_2},
    {"when", "int4range", INT4RANGE, -1},
};

#define TYPE(OID, NAME, KIND) \
  .oid = (OID), .name = (NAME), .type_name = (NAME), .kind = (KIND), .has_send = true
#define ANY_TYPMOD .base_typmod = -1

static const struct lh_pg_catalog_type types[] = {
    {TYPE(MONEY, "money", 'b'), .base_typmod = 2},
    {TYPE(INT4RANGE, "int4range", 'r'), .part_oid = INT4, ANY_TYPMOD},
    {TYPE(INT4MULTIRANGE, "int4multirange", 'm'), .part_oid = INT4RANGE, ANY_TYPMOD},
    {TYPE(MOOD, "mood", 'e'), ANY_TYPMOD},
    {TYPE(PRICE, "price", 'd'), .base_oid = NUMERIC, .base_typmod = TYPMOD_10_2},
    {TYPE(PAIR, "pair", 'c'), .attributes = pair, .attribute_count = COUNT(pair), ANY_TYPMOD},
    {TYPE(PAIRS, "pair[]", 'b'), .element_oid = PAIR, ANY_TYPMOD},
    {TYPE(FAMILY, "family", 'c'), .attributes = family, .attribute_count = COUNT(family), ANY_TYPMOD},
    {TYPE(HSTORE, "hstore", 'b'), ANY_TYPMOD},
    {TYPE(VECTOR, "vector", 'b'), ANY_TYPMOD},
    {TYPE(HALFVEC, "halfvec", 'b'), ANY_TYPMOD},
    {TYPE(SPARSEVEC, "sparsevec", 'b'), ANY_TYPMOD},
    {TYPE(GEOMETRY, "geometry", 'b'), ANY_TYPMOD},
    {TYPE(GEOGRAPHY, "geography", 'b'), ANY_TYPMOD},
    {TYPE(LTREE, "ltree", 'b'), ANY_TYPMOD},
    {TYPE(FAMILYRANGE, "familyrange", 'r'), .part_oid = FAMILY, ANY_TYPMOD},
};

/* Columns beside one of each row of the registry. */
static const struct {
  uint32_t oid;
  int32_t typmod;
  enum lh_cast cast;
} further[] = {
    {NUMERIC, TYPMOD_10_2, LH_CAST_NONE},
    {NUMERIC, ((38 << 16) | 10) + 4, LH_CAST_NONE},
    {NUMERIC, -1, LH_CAST_BIGINT},
    {NUMERIC, -1, LH_CAST_SMALLINT},
    {JSON, -1, LH_CAST_VARIANT},
    {JSONB, -1, LH_CAST_VARIANT},
    {GEOMETRY, -1, LH_CAST_GEOMETRY},
    {MOOD, -1, LH_CAST_NONE},
    {PRICE, -1, LH_CAST_NONE},
    {PAIR, -1, LH_CAST_NONE},
    {PAIRS, -1, LH_CAST_NONE},
    {FAMILY, -1, LH_CAST_NONE},
    {HSTORE, -1, LH_CAST_NONE},
    {VECTOR, -1, LH_CAST_NONE},
    {HALFVEC, -1, LH_CAST_NONE},
    {SPARSEVEC, -1, LH_CAST_NONE},
    {GEOMETRY, -1, LH_CAST_NONE},
    {GEOGRAPHY, -1, LH_CAST_NONE},
    {LTREE, -1, LH_CAST_NONE},
    {INT4RANGE, -1, LH_CAST_NONE},
    {INT4MULTIRANGE, -1, LH_CAST_NONE},
    {FAMILYRANGE, -1, LH_CAST_NONE},
    {1000, -1, LH_CAST_NONE}, /* arrays: bool, text, numeric, timestamptz, interval */
    {1009, -1, LH_CAST_NONE},
    {1231, TYPMOD_10_2, LH_CAST_NONE},
    {1185, -1, LH_CAST_NONE},
    {1187, -1, LH_CAST_NONE},
    {22, -1, LH_CAST_NONE}, /* int2vector */
};

struct wide {
  struct lh_arena arena;
  struct lh_pg_type_rules rules;
  struct lh_pg_replaced replaced;
  struct lh_pg_relation relation;
  struct lh_pg_column columns[MAX_COLUMNS];
  struct lh_field fields[MAX_COLUMNS];
  struct lh_error err;
};

static void add_column(struct wide *wide, uint32_t oid, int32_t typmod, enum lh_cast cast, bool nullable) {
  const size_t i = wide->relation.column_count++;
  struct lh_pg_column *const column = &wide->columns[i];
  const struct lh_column_settings settings = {.column = "c", .cast = cast, .policy = wide->rules.policy};
  FUZZ_CHECK(i < MAX_COLUMNS);
  *column = (struct lh_pg_column){.name = "c", .type_name = "t", .type_oid = oid, .typmod = typmod};
  wide->fields[i] = (struct lh_field){.name = "c", .nullable = nullable};
  FUZZ_CHECK(lh_pg_type_resolve(oid, typmod, &wide->rules, types, COUNT(types), &wide->arena,
                                &wide->fields[i], &column->decoder, &column->text_fallback,
                                &wide->err) == LH_OK);
  FUZZ_CHECK(lh_pg_form_column(&settings, &wide->rules, &wide->arena, column, &wide->fields[i], &wide->err) ==
             LH_OK);
  wide->relation.schema.field_count = wide->relation.column_count;
}

/* The types of the registry, and how many they are. */
static size_t list_types(const uint32_t **out) {
  static uint32_t oids[MAX_COLUMNS];
  static size_t count;
  static bool is_listed;
  for (uint32_t oid = 1; oid < OID_END && !is_listed; oid++) {
    if (lh_pg_type_by_oid(oid) != NULL) {
      FUZZ_CHECK(count < MAX_COLUMNS);
      oids[count++] = oid;
    }
  }
  is_listed = true;
  *out = oids;
  return count;
}

/* `chosen` 0: all; else that one, of as many as there are. */
static void add_columns(struct wide *wide, size_t chosen, bool nullable) {
  const uint32_t *oids = NULL;
  const size_t type_count = list_types(&oids);
  const size_t count = type_count + COUNT(further);
  const size_t first = chosen == 0 ? 0 : (chosen - 1) % count;
  const size_t end = chosen == 0 ? count : first + 1;
  for (size_t i = first; i < end; i++) {
    if (i < type_count) {
      add_column(wide, oids[i], -1, LH_CAST_NONE, nullable);
    } else {
      const size_t other = i - type_count;
      add_column(wide, further[other].oid, further[other].typmod, further[other].cast, nullable);
    }
  }
}

static void put_u32(uint8_t *out, uint32_t value) {
  const uint32_t swapped = __builtin_bswap32(value);
  memcpy(out, &swapped, sizeof(swapped));
}

/* A stream of one row that has one value, to be freed. */
static uint8_t *wrap(const uint8_t *data, size_t size, size_t *total) {
  static const uint8_t head[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1";
  const size_t head_size = sizeof(head) - 1;
  *total = head_size + 4 + size + 2;
  uint8_t *const stream = malloc(*total);
  FUZZ_CHECK(stream != NULL);
  memcpy(stream, head, head_size);
  put_u32(stream + head_size, (uint32_t)size);
  memcpy(stream + head_size + 4, data, size);
  memset(stream + head_size + 4 + size, 0xff, 2);
  return stream;
}

static void check_batch(struct wide *wide, const struct lh_batch *batch) {
  struct lh_buf text;
  lh_buf_init(&text, (size_t)1 << 30);
  for (size_t i = 0; i < batch->column_count; i++) {
    FUZZ_CHECK(batch->columns[i].length == batch->row_count);
    for (size_t row = 0; row < batch->row_count; row++) {
      lh_buf_reset(&text);
      FUZZ_CHECK(lh_column_format(&batch->columns[i], row, LH_FORMAT_PLAIN, &text, &wide->err) == LH_OK);
      FUZZ_CHECK(lh_column_format(&batch->columns[i], row, LH_FORMAT_JSON, &text, &wide->err) == LH_OK);
    }
  }
  lh_buf_clear(&text);
}

static void decode(struct wide *wide, const uint8_t *stream, size_t size) {
  struct lh_batch batch;
  FUZZ_CHECK(lh_batch_init(&batch, &wide->relation.schema, 1, &wide->err) == LH_OK);
  const lh_status status = lh_copy_decode_stream(&wide->relation, stream, size, &batch, &wide->err);
  if (status == LH_OK) {
    check_batch(wide, &batch);
  } else {
    FUZZ_CHECK(status == LH_ERROR_CORRUPT || status == LH_ERROR_DATA || status == LH_ERROR_MEMORY);
    FUZZ_CHECK(wide->err.message[0] != '\0');
  }
  lh_batch_clear(&batch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct wide wide;
  if (size < 2) {
    return 0;
  }
  const uint8_t flags = data[1];
  wide = (struct wide){0};
  lh_arena_init(&wide.arena, 0);
  wide.relation.name = "public.t";
  wide.relation.columns = wide.columns;
  wide.relation.schema.fields = wide.fields;
  wide.rules.policy.on_unrepresentable = (enum lh_unrepresentable)((flags & 3) % 3);
  wide.rules.policy.multidimensional =
      (flags & 4) != 0 ? LH_MULTIDIMENSIONAL_FLATTEN : LH_MULTIDIMENSIONAL_ERROR;
  wide.rules.policy.numeric = (flags & 8) != 0 ? LH_NUMERIC_DOUBLE : LH_NUMERIC_TEXT;
  wide.rules.check_utf8 = (flags & 16) != 0;
  wide.rules.replaced = &wide.replaced;
  add_columns(&wide, data[0], (flags & 32) == 0);
  if (data[0] == 0) {
    decode(&wide, data + 2, size - 2);
  } else {
    size_t total;
    uint8_t *const stream = wrap(data + 2, size - 2, &total);
    decode(&wide, stream, total);
    free(stream);
  }
  lh_arena_clear(&wide.arena);
  return 0;
}
