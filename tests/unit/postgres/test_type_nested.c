/* Types that are made of others: what they become, and their values off the wire, right and hostile. */
#include <stdlib.h>
#include <string.h>

#include "copy_stream.h"
#include "postgres/types/postgis.h"

#define TYPMOD_10_2 (((10 << 16) | 2) + 4)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define TYPE(OID, NAME, KIND, BASE, ELEMENT)                                             \
  {                                                                                      \
    .oid = (OID), .name = (NAME), .kind = (KIND), .base_oid = (BASE), .base_typmod = -1, \
    .element_oid = (ELEMENT), .has_send = true, .type_name = (NAME)                      \
  }
#define PART(OID, NAME, KIND, PART_OID)                                                                     \
  {                                                                                                         \
    .oid = (OID), .name = (NAME), .kind = (KIND), .base_typmod = -1, .has_send = true, .type_name = (NAME), \
    .part_oid = (PART_OID)                                                                                  \
  }
#define COMPOSITE(OID, NAME, ATTRIBUTES)                                                                 \
  {                                                                                                      \
    .oid = (OID), .name = (NAME), .kind = 'c', .base_typmod = -1, .has_send = true, .type_name = (NAME), \
    .attributes = (ATTRIBUTES), .attribute_count = COUNT(ATTRIBUTES)                                     \
  }

enum {
  INT4 = 23,
  TEXT = 25,
  INT4_ARRAY = 1007,
  TEXT_ARRAY = 1009,
  NUMERIC = 1700,
  INT4RANGE = 3904,
  UNKNOWN = 51000,
  PRICE,
  PAIR,
  PAIRS,
  CLIENT,
  FAMILY,
  ENDLESS,
  ENDLESSES,
  WITH_UNKNOWN,
  PRICERANGE,
  PRICEMULTIRANGE,
  PRICEMULTIRANGES,
  UNKNOWNRANGE,
  PAIRRANGE,
  HSTORE,
  VECTOR,
  HALFVEC,
  SPARSEVEC,
  GEOMETRY,
  GEOGRAPHY,
  TAGS,
  TAGSES,
  DOUBLED = 52000
};

static const struct lh_pg_catalog_attribute pair[] = {{"a", "integer", INT4, -1}, {"b", "text", TEXT, -1}};
static const struct lh_pg_catalog_attribute family[] = {
    {"mother", "client", CLIENT, -1},
    {"children", "pair[]", PAIRS, -1},
    {"since", "numeric(10,2)", NUMERIC, TYPMOD_10_2},
};
static const struct lh_pg_catalog_attribute with_unknown[] = {{"a", "integer", INT4, -1},
                                                              {"u", "unknown", UNKNOWN, -1}};
static const struct lh_pg_catalog_attribute endless[] = {{"again", "endless[]", ENDLESSES, -1}};
/* Each has the next twice: 8,192 fields at the last. */
#define TWICE(OID)             \
  {                            \
    {"one", "x", (OID), -1}, { \
      "other", "x", (OID), -1  \
    }                          \
  }
static const struct lh_pg_catalog_attribute doubled[12][2] = {
    TWICE(52001), TWICE(52002), TWICE(52003), TWICE(52004), TWICE(52005), TWICE(52006),
    TWICE(52007), TWICE(52008), TWICE(52009), TWICE(52010), TWICE(52011), TWICE(INT4),
};

static const struct lh_pg_catalog_type types[] = {
    TYPE(UNKNOWN, "unknown", 'b', 0, 0),
    {.oid = PRICE,
     .name = "price",
     .kind = 'd',
     .base_oid = NUMERIC,
     .base_typmod = TYPMOD_10_2,
     .has_send = true,
     .type_name = "price"},
    COMPOSITE(PAIR, "pair", pair),
    TYPE(PAIRS, "_pair", 'b', 0, PAIR),
    TYPE(CLIENT, "client", 'd', PAIR, 0),
    COMPOSITE(FAMILY, "family", family),
    COMPOSITE(ENDLESS, "endless", endless),
    TYPE(ENDLESSES, "_endless", 'b', 0, ENDLESS),
    COMPOSITE(WITH_UNKNOWN, "with_unknown", with_unknown),
    PART(INT4RANGE, "int4range", 'r', INT4),
    PART(PRICERANGE, "pricerange", 'r', PRICE),
    PART(PRICEMULTIRANGE, "pricemultirange", 'm', PRICERANGE),
    TYPE(PRICEMULTIRANGES, "_pricemultirange", 'b', 0, PRICEMULTIRANGE),
    PART(UNKNOWNRANGE, "unknownrange", 'r', UNKNOWN),
    PART(PAIRRANGE, "pairrange", 'r', PAIR),
    TYPE(HSTORE, "hstore", 'b', 0, 0),
    TYPE(VECTOR, "vector", 'b', 0, 0),
    TYPE(HALFVEC, "halfvec", 'b', 0, 0),
    TYPE(SPARSEVEC, "sparsevec", 'b', 0, 0),
    TYPE(GEOMETRY, "geometry", 'b', 0, 0),
    TYPE(GEOGRAPHY, "geography", 'b', 0, 0),
    TYPE(TAGS, "tags", 'd', TEXT_ARRAY, 0),
    TYPE(TAGSES, "_tags", 'b', 0, TAGS),
    COMPOSITE(52000, "doubled", doubled[0]),
    COMPOSITE(52001, "doubled", doubled[1]),
    COMPOSITE(52002, "doubled", doubled[2]),
    COMPOSITE(52003, "doubled", doubled[3]),
    COMPOSITE(52004, "doubled", doubled[4]),
    COMPOSITE(52005, "doubled", doubled[5]),
    COMPOSITE(52006, "doubled", doubled[6]),
    COMPOSITE(52007, "doubled", doubled[7]),
    COMPOSITE(52008, "doubled", doubled[8]),
    COMPOSITE(52009, "doubled", doubled[9]),
    COMPOSITE(52010, "doubled", doubled[10]),
    COMPOSITE(52011, "doubled", doubled[11]),
};

static int set_up(void **state) {
  static struct stream stream;
  stream_init(&stream);
  stream.catalog = types;
  stream.catalog_count = COUNT(types);
  *state = &stream;
  return 0;
}

static int tear_down(void **state) {
  stream_clear(*state);
  return 0;
}

static struct stream *column_of(void **state, uint32_t oid) {
  struct stream *const stream = *state;
  stream_add_column(stream, oid, -1, true);
  return stream;
}

static const char *type_of(struct stream *stream) {
  const size_t last = stream->relation.column_count - 1;
  return lh_field_type_name(&stream->fields[last], &stream->arena);
}

/* -------- what they become -------- */

static void composites_are_structs_of_their_attributes(void **state) {
  struct stream *const stream = column_of(state, FAMILY);
  assert_string_equal(type_of(stream),
                      "struct<mother:struct<a:int32,b:string>,children:list<struct<a:int32,b:"
                      "string>>,since:decimal(10,2)>");
  assert_string_equal(stream->fields[0].children[0].source_type, "client");
  assert_true(stream->fields[0].children[0].nullable);
  assert_false(stream->columns[0].text_fallback);
}

static void ranges_are_structs_of_their_bounds(void **state) {
  struct stream *const stream = column_of(state, PRICEMULTIRANGES);
  assert_string_equal(type_of(stream),
                      "list<list<struct<lower:decimal(10,2),upper:decimal(10,2),lower_inc:boolean,"
                      "upper_inc:boolean,empty:boolean>>>");
  stream_add_column(stream, PAIRRANGE, -1, true);
  assert_string_equal(type_of(stream),
                      "struct<lower:struct<a:int32,b:string>,upper:struct<a:int32,b:string>,"
                      "lower_inc:boolean,upper_inc:boolean,empty:boolean>");
  assert_string_equal(stream->fields[1].children[1].source_type, "pair");
}

static void types_of_extensions_are_maps_and_lists(void **state) {
  static const struct {
    uint32_t oid;
    const char *type;
  } expected[] = {{HSTORE, "map<string,string>"},  {VECTOR, "list<float>"}, {HALFVEC, "list<float>"},
                  {SPARSEVEC, "map<int32,float>"}, {GEOMETRY, "binary"},    {GEOGRAPHY, "binary"},
                  {TAGSES, "list<list<string>>"}};
  for (size_t i = 0; i < COUNT(expected); i++) {
    assert_string_equal(type_of(column_of(state, expected[i].oid)), expected[i].type);
  }
}

static void what_holds_an_unknown_type_is_text(void **state) {
  const uint32_t oids[] = {WITH_UNKNOWN, UNKNOWNRANGE};
  for (size_t i = 0; i < COUNT(oids); i++) {
    struct stream *const stream = column_of(state, oids[i]);
    assert_string_equal(type_of(stream), "string");
    assert_true(stream->columns[i].text_fallback);
    assert_int_equal(stream->columns[i].decoder->read_as, LH_PG_READ_AS_TEXT);
  }
}

static void types_without_an_end_or_with_too_many_fields_are_text(void **state) {
  const uint32_t oids[] = {ENDLESS, 52000};
  for (size_t i = 0; i < COUNT(oids); i++) {
    struct stream *const stream = column_of(state, oids[i]);
    assert_string_equal(type_of(stream), "string");
    assert_true(stream->columns[i].text_fallback);
  }
  struct stream *const stream = column_of(state, 52003);
  assert_int_equal(lh_field_leaf_count(&stream->fields[2]), 512);
}

static void several_dimensions_are_json_or_flattened_by_policy(void **state) {
  struct stream *const stream = *state;
  stream->rules.policy.multidimensional = LH_MULTIDIMENSIONAL_FLATTEN;
  stream_add_column(stream, INT4_ARRAY, -1, true);
  assert_string_equal(type_of(stream), "struct<dims:list<int32>,values:list<int32>>");
  stream->rules.policy.multidimensional = LH_MULTIDIMENSIONAL_JSON;
  const uint32_t with_arrays[] = {INT4_ARRAY, FAMILY, TAGSES};
  for (size_t i = 0; i < COUNT(with_arrays); i++) {
    stream_add_column(stream, with_arrays[i], -1, true);
    assert_string_equal(type_of(stream), "string");
    assert_int_equal(stream->columns[i + 1].decoder->read_as, LH_PG_READ_AS_JSON);
    assert_false(stream->columns[i + 1].text_fallback);
  }
  stream_add_column(stream, PAIR, -1, true);
  assert_string_equal(type_of(stream), "struct<a:int32,b:string>");
}

/* -------- values -------- */

static void put_pair(struct stream *stream, uint32_t a, const char *b) {
  stream_u32(stream, 4 + 12 + 8 + (uint32_t)strlen(b));
  stream_u32(stream, 2);
  stream_u32(stream, INT4);
  stream_value_u32(stream, a);
  stream_u32(stream, TEXT);
  stream_value_text(stream, b);
}

static void put_null_pair(struct stream *stream) {
  stream_u32(stream, 20);
  stream_u32(stream, 2);
  stream_u32(stream, INT4);
  stream_null(stream);
  stream_u32(stream, TEXT);
  stream_null(stream);
}

static void nulls_of_every_level_are_told_apart(void **state) {
  struct stream *const stream = column_of(state, PAIR);
  stream_header(stream);
  stream_row(stream);
  put_pair(stream, 7, "x");
  stream_row(stream);
  stream_null(stream);
  stream_row(stream);
  put_null_pair(stream);
  stream_trailer(stream);
  stream_assert_decodes(stream);
  const struct lh_column *const column = &stream->batch.columns[0];
  assert_int_equal(column->length, 3);
  assert_int_equal(column->children[0].length, 3);
  assert_int_equal(column->children[1].length, 3);
  assert_true(lh_column_is_valid(column, 0));
  assert_false(lh_column_is_valid(column, 1));
  assert_true(lh_column_is_valid(column, 2));
  assert_true(lh_column_is_valid(&column->children[0], 0));
  assert_false(lh_column_is_valid(&column->children[0], 2));
  assert_string_equal(stream_text(stream, &column->children[1], 0), "x");
}

static void a_composite_of_other_attributes_is_corrupt(void **state) {
  struct stream *const stream = column_of(state, PAIR);
  stream_header(stream);
  stream_row(stream);
  stream_u32(stream, 12);
  stream_u32(stream, 1);
  stream_u32(stream, INT4);
  stream_null(stream);
  stream_trailer(stream);
  stream_assert_fails(stream, LH_ERROR_CORRUPT, "1 attributes, not 2");
  lh_buf_reset(&stream->bytes);
  stream_header(stream);
  stream_row(stream);
  stream_u32(stream, 20);
  stream_u32(stream, 2);
  stream_u32(stream, TEXT);
  stream_null(stream);
  stream_u32(stream, TEXT);
  stream_null(stream);
  stream_trailer(stream);
  stream_assert_fails(stream, LH_ERROR_CORRUPT, "attribute \"a\"");
}

static void put_range(struct stream *stream, unsigned flags, size_t bounds) {
  stream_u32(stream, 1 + 8 * (uint32_t)bounds);
  stream_u8(stream, flags);
  for (size_t i = 0; i < bounds; i++) {
    stream_value_u32(stream, (uint32_t)i + 5);
  }
}

static void ranges_have_only_the_bounds_that_are_finite(void **state) {
  struct stream *const stream = column_of(state, INT4RANGE);
  static const struct {
    unsigned flags;
    size_t bounds;
    bool lower, upper;
  } rows[] = {{0x02, 2, true, true},  {0x01, 0, false, false}, {0x18, 0, false, false},
              {0x08, 1, false, true}, {0x12, 1, true, false},  {0x06, 2, true, true}};
  stream_header(stream);
  for (size_t i = 0; i < COUNT(rows); i++) {
    stream_row(stream);
    put_range(stream, rows[i].flags, rows[i].bounds);
  }
  stream_trailer(stream);
  stream_assert_decodes(stream);
  const struct lh_column *const members = stream->batch.columns[0].children;
  for (size_t i = 0; i < COUNT(rows); i++) {
    assert_int_equal(lh_column_is_valid(&members[0], i), rows[i].lower);
    assert_int_equal(lh_column_is_valid(&members[1], i), rows[i].upper);
    assert_int_equal(members[2].values[i], (rows[i].flags & 0x02) != 0);
    assert_int_equal(members[3].values[i], (rows[i].flags & 0x04) != 0);
    assert_int_equal(members[4].values[i], (rows[i].flags & 0x01) != 0);
  }
}

static void a_range_that_is_none_is_corrupt(void **state) {
  static const struct {
    unsigned flags;
    size_t bounds;
    const char *words;
  } wrong[] = {{0x80, 0, "unknown flags"},
               {0x02, 1, "ends before"},
               {0x01, 1, "bytes after"},
               {0x18, 2, "bytes after"}};
  for (size_t i = 0; i < COUNT(wrong); i++) {
    struct stream *const stream = *state;
    stream_clear(stream);
    set_up(state);
    stream_add_column(stream, INT4RANGE, -1, true);
    stream_header(stream);
    stream_row(stream);
    put_range(stream, wrong[i].flags, wrong[i].bounds);
    stream_trailer(stream);
    stream_assert_fails(stream, LH_ERROR_CORRUPT, wrong[i].words);
  }
}

static void hstore_keeps_pairs_in_order_and_nulls(void **state) {
  struct stream *const stream = column_of(state, HSTORE);
  stream_header(stream);
  stream_row(stream);
  stream_u32(stream, 4 + 5 + 5 + 5 + 4);
  stream_u32(stream, 2);
  stream_value_text(stream, "a");
  stream_value_text(stream, "1");
  stream_value_text(stream, "b");
  stream_null(stream);
  stream_trailer(stream);
  stream_assert_decodes(stream);
  const struct lh_column *const column = &stream->batch.columns[0];
  assert_int_equal(column->offsets[1], 2);
  assert_string_equal(stream_text(stream, &column->children[0], 1), "b");
  assert_string_equal(stream_text(stream, &column->children[1], 0), "1");
  assert_false(lh_column_is_valid(&column->children[1], 1));
}

static void a_count_that_was_not_sent_is_corrupt(void **state) {
  const uint32_t oids[] = {HSTORE, PAIR, PRICEMULTIRANGE};
  for (size_t i = 0; i < COUNT(oids); i++) {
    struct stream *const stream = *state;
    stream_clear(stream);
    set_up(state);
    stream_add_column(stream, oids[i], -1, true);
    stream_header(stream);
    stream_row(stream);
    stream_value_u32(stream, 0x7fffffff);
    stream_trailer(stream);
    stream_assert_fails(stream, LH_ERROR_CORRUPT, "claims 2147483647 parts");
  }
}

static float float_at(const struct lh_column *column, size_t index) {
  float value;
  memcpy(&value, column->values + index * sizeof(value), sizeof(value));
  return value;
}

static void vectors_are_floats(void **state) {
  struct stream *const stream = column_of(state, VECTOR);
  stream_add_column(stream, HALFVEC, -1, true);
  static const uint16_t halves[] = {0x3c00, 0xc000, 0x0001, 0x03ff, 0x0400, 0x7bff, 0x8000, 0x3555};
  static const float floats[] = {1.0F, -2.0F, 0x1p-24F, 0x1.ff8p-15F, 0x1p-14F, 65504.0F, -0.0F, 0x1.554p-2F};
  stream_header(stream);
  stream_row(stream);
  stream_u32(stream, 4 + 8);
  stream_u32(stream, 2U << 16);
  stream_u32(stream, 0x3fc00000);
  stream_u32(stream, 0xbf800000);
  stream_u32(stream, 4 + 2 * COUNT(halves));
  stream_u32(stream, COUNT(halves) << 16);
  for (size_t i = 0; i < COUNT(halves); i++) {
    stream_u16(stream, halves[i]);
  }
  stream_trailer(stream);
  stream_assert_decodes(stream);
  const struct lh_column *const vector = &stream->batch.columns[0].children[0];
  assert_int_equal(vector->length, 2);
  assert_true(float_at(vector, 0) == 1.5F && float_at(vector, 1) == -1.0F);
  const struct lh_column *const half = &stream->batch.columns[1].children[0];
  for (size_t i = 0; i < COUNT(halves); i++) {
    const float found = float_at(half, i);
    assert_memory_equal(&found, &floats[i], sizeof(found));
  }
}

static void sparse_vectors_count_from_one(void **state) {
  struct stream *const stream = column_of(state, SPARSEVEC);
  stream_header(stream);
  stream_row(stream);
  stream_u32(stream, 12 + 16);
  stream_u32(stream, 5);
  stream_u32(stream, 2);
  stream_u32(stream, 0);
  stream_u32(stream, 0);
  stream_u32(stream, 4);
  stream_u32(stream, 0x3f800000);
  stream_u32(stream, 0x40000000);
  stream_trailer(stream);
  stream_assert_decodes(stream);
  const struct lh_column *const column = &stream->batch.columns[0];
  const int32_t expected[] = {1, 5};
  assert_memory_equal(column->children[0].values, expected, sizeof(expected));
  assert_true(float_at(&column->children[1], 1) == 2.0F);
  stream->bytes.data[19 + 2 + 4 + 3] = 4; /* of four dimensions the fifth */
  stream_assert_fails(stream, LH_ERROR_CORRUPT, "index 4");
}

static void arrays_of_several_dimensions_are_flattened(void **state) {
  struct stream *const stream = *state;
  stream->rules.policy.multidimensional = LH_MULTIDIMENSIONAL_FLATTEN;
  stream_add_column(stream, INT4_ARRAY, -1, true);
  stream_header(stream);
  stream_row(stream);
  stream_u32(stream, 12 + 16 + 4 * 4 + 12);
  stream_u32(stream, 2);
  stream_u32(stream, 1);
  stream_u32(stream, INT4);
  stream_u32(stream, 2);
  stream_u32(stream, 1);
  stream_u32(stream, 2);
  stream_u32(stream, 1);
  stream_value_u32(stream, 11);
  stream_null(stream);
  stream_value_u32(stream, 21);
  stream_value_u32(stream, 22);
  stream_row(stream);
  stream_u32(stream, 12);
  stream_u32(stream, 0);
  stream_u32(stream, 0);
  stream_u32(stream, INT4);
  stream_trailer(stream);
  stream_assert_decodes(stream);
  const struct lh_column *const dims = &stream->batch.columns[0].children[0];
  const struct lh_column *const values = &stream->batch.columns[0].children[1];
  const int32_t lengths[] = {2, 2};
  assert_memory_equal(dims->children[0].values, lengths, sizeof(lengths));
  assert_int_equal(dims->offsets[1], 2);
  assert_int_equal(dims->offsets[2], 2);
  assert_int_equal(values->offsets[1], 4);
  assert_int_equal(values->offsets[2], 4);
  assert_false(lh_column_is_valid(&values->children[0], 1));
}

static void dimensions_that_multiply_past_what_was_sent_are_corrupt(void **state) {
  struct stream *const stream = *state;
  stream->rules.policy.multidimensional = LH_MULTIDIMENSIONAL_FLATTEN;
  stream_add_column(stream, INT4_ARRAY, -1, true);
  stream_header(stream);
  stream_row(stream);
  stream_u32(stream, 12 + 48);
  stream_u32(stream, 6);
  stream_u32(stream, 0);
  stream_u32(stream, INT4);
  for (int i = 0; i < 6; i++) {
    stream_u32(stream, 0x7fffffff);
    stream_u32(stream, 1);
  }
  stream_trailer(stream);
  stream_assert_fails(stream, LH_ERROR_CORRUPT, "claims");
}

/* -------- geometries -------- */

static const struct {
  const char *ewkb, *iso;
  uint32_t kind; /* a bit of lh_pg_geometries.kinds */
} geometries[] = {
    {"0101000000"
     "000000000000f03f"
     "0000000000000040",
     "0101000000"
     "000000000000f03f"
     "0000000000000040",
     1},
    {"0101000020e6100000"
     "000000000000f03f"
     "0000000000000040",
     "0101000000"
     "000000000000f03f"
     "0000000000000040",
     1},
    {"0020000001000010e6"
     "3ff0000000000000"
     "4000000000000000",
     "0000000001"
     "3ff0000000000000"
     "4000000000000000",
     1},
    {"0101000080"
     "000000000000f03f"
     "0000000000000040"
     "0000000000000840",
     "01e9030000"
     "000000000000f03f"
     "0000000000000040"
     "0000000000000840",
     9},
    {"01010000c0"
     "000000000000f03f"
     "0000000000000040"
     "0000000000000840"
     "0000000000001040",
     "01b90b0000"
     "000000000000f03f"
     "0000000000000040"
     "0000000000000840"
     "0000000000001040",
     25},
    {"010200000000000000", "010200000000000000", 2},
    {"01030000400100000000000000", "01d30700000100000000000000", 19},
    {"01070000a0e61000000200000001010000800000000000000000000000000000000000000000000000000103000080"
     "00000000",
     "01ef0300000200000001e90300000000000000000000000000000000000000000000000000"
     "0001eb03000000000000",
     15},
};

static size_t unhex(const char *text, uint8_t *out) {
  size_t count = 0;
  for (; text[0] != '\0'; text += 2) {
    const char digits[3] = {text[0], text[1], '\0'};
    out[count++] = (uint8_t)strtoul(digits, NULL, 16);
  }
  return count;
}

static void geometries_become_iso_wkb(void **state) {
  uint8_t bytes[256];
  for (size_t i = 0; i < COUNT(geometries); i++) {
    struct stream *const stream = *state;
    stream_clear(stream);
    set_up(state);
    stream_add_column(stream, GEOMETRY, -1, true);
    stream_header(stream);
    stream_row(stream);
    stream_value_bytes(stream, bytes, unhex(geometries[i].ewkb, bytes));
    stream_trailer(stream);
    stream_assert_decodes(stream);
    size_t size = 0;
    const uint8_t *const found = lh_column_bytes(&stream->batch.columns[0], 0, &size);
    const size_t expected = unhex(geometries[i].iso, bytes);
    assert_int_equal(size, expected);
    assert_memory_equal(found, bytes, size);
    const struct lh_pg_geometries *const seen = stream->columns[0].decoder->geometries;
    assert_int_equal(seen->kinds, UINT32_C(1) << geometries[i].kind);
  }
}

static void srids_are_noted(void **state) {
  uint8_t bytes[256];
  struct stream *const stream = column_of(state, GEOMETRY);
  const struct lh_pg_geometries *const seen = stream->columns[0].decoder->geometries;
  assert_int_equal(seen->srid, LH_PG_NO_SRID);
  stream_header(stream);
  stream_row(stream);
  stream_value_bytes(stream, bytes, unhex(geometries[1].ewkb, bytes));
  stream_row(stream);
  stream_value_bytes(stream, bytes, unhex(geometries[2].ewkb, bytes));
  stream_trailer(stream);
  stream_assert_decodes(stream);
  assert_int_equal(seen->srid, 4326);
  lh_buf_reset(&stream->bytes);
  stream_header(stream);
  stream_row(stream);
  stream_value_bytes(stream, bytes, unhex(geometries[0].ewkb, bytes));
  stream_trailer(stream);
  stream_assert_decodes(stream);
  assert_int_equal(seen->srid, LH_PG_MIXED_SRIDS);
}

/* A circular string alone, and in a collection behind a point. */
static void curves_are_refused_where_the_type_has_none(void **state) {
  static const char *const curves[] = {
      "010800000000000000",
      "0107000000020000000101000000000000000000000000000000000000000108000000"
      "00000000"};
  uint8_t bytes[256];
  for (size_t i = 0; i < COUNT(curves); i++) {
    struct stream *const stream = *state;
    stream_clear(stream);
    set_up(state);
    stream_add_column(stream, GEOMETRY, -1, true);
    stream->columns[0].decoder->geometries->is_typed = true;
    stream_header(stream);
    stream_row(stream);
    stream_value_bytes(stream, bytes, unhex(curves[i], bytes));
    stream_trailer(stream);
    stream_assert_fails(stream, LH_ERROR_DATA, "curves or surfaces");
  }
}

static void geometries_nested_without_an_end_are_refused(void **state) {
  struct stream *const stream = column_of(state, GEOMETRY);
  stream_header(stream);
  stream_row(stream);
  stream_u32(stream, 9 * 40);
  for (int i = 0; i < 40; i++) {
    stream_bytes(stream, "\1\7\0\0\0\1\0\0\0", 9);
  }
  stream_trailer(stream);
  stream_assert_fails(stream, LH_ERROR_UNSUPPORTED, "nested");
}

/* -------- hostile bytes -------- */

static void every_kind(struct stream *stream) {
  static const uint32_t oids[] = {FAMILY, PRICEMULTIRANGES, PAIRRANGE, HSTORE, SPARSEVEC,
                                  VECTOR, HALFVEC,          GEOMETRY,  TAGSES};
  uint8_t bytes[256];
  for (size_t i = 0; i < COUNT(oids); i++) {
    stream_add_column(stream, oids[i], -1, true);
  }
  stream_header(stream);
  stream_row(stream);
  stream_u32(stream, 4 + (4 + 29) + (4 + 4 + 53) + (4 + 14));
  stream_u32(stream, 3);
  stream_u32(stream, CLIENT);
  put_pair(stream, 1, "x");
  stream_u32(stream, PAIRS);
  stream_u32(stream, 20 + 4 + 29);
  stream_u32(stream, 1);
  stream_u32(stream, 1);
  stream_u32(stream, PAIR);
  stream_u32(stream, 2);
  stream_u32(stream, 1);
  stream_null(stream);
  put_pair(stream, 2, "y");
  stream_u32(stream, NUMERIC);
  stream_value_numeric(stream, 0, 0, 0, 1, 42);

  stream_u32(stream, 20 + 4 + 4 + 4 + 1 + 14);
  stream_u32(stream, 1);
  stream_u32(stream, 0);
  stream_u32(stream, PRICEMULTIRANGE);
  stream_u32(stream, 1);
  stream_u32(stream, 1);
  stream_u32(stream, 4 + 4 + 1 + 14);
  stream_u32(stream, 1);
  stream_u32(stream, 1 + 14);
  stream_u8(stream, 0x12);
  stream_value_numeric(stream, 0, 0, 0, 1, 42);

  stream_u32(stream, 1 + 29);
  stream_u8(stream, 0x10);
  put_pair(stream, 2, "y");

  stream_u32(stream, 4 + 5 + 5);
  stream_u32(stream, 1);
  stream_value_text(stream, "k");
  stream_value_text(stream, "v");

  stream_u32(stream, 12 + 8);
  stream_u32(stream, 5);
  stream_u32(stream, 1);
  stream_u32(stream, 0);
  stream_u32(stream, 3);
  stream_u32(stream, 0x3f800000);

  stream_u32(stream, 4 + 4);
  stream_u32(stream, 1U << 16);
  stream_u32(stream, 0x3f800000);

  stream_u32(stream, 4 + 2);
  stream_u32(stream, 1U << 16);
  stream_u16(stream, 0x3c00);

  stream_value_bytes(stream, bytes, unhex(geometries[7].ewkb, bytes));

  stream_u32(stream, 20 + 4 + 25);
  stream_u32(stream, 1);
  stream_u32(stream, 0);
  stream_u32(stream, TAGS);
  stream_u32(stream, 1);
  stream_u32(stream, 1);
  stream_u32(stream, 20 + 5);
  stream_u32(stream, 1);
  stream_u32(stream, 0);
  stream_u32(stream, TEXT);
  stream_u32(stream, 1);
  stream_u32(stream, 1);
  stream_value_text(stream, "t");
  stream_trailer(stream);
}

static void the_row_of_every_kind_decodes(void **state) {
  struct stream *const stream = *state;
  every_kind(stream);
  stream_assert_decodes(stream);
}

static void a_stream_cut_at_any_byte_is_corrupt(void **state) {
  struct stream *const stream = *state;
  every_kind(stream);
  for (size_t cut = 1; cut <= stream->bytes.len; cut++) {
    const lh_status status = stream_decode_cut(stream, cut);
    if (status != LH_ERROR_CORRUPT) {
      fail_msg("cut by %zu of %zu bytes: %s", cut, stream->bytes.len, lh_status_name(status));
    }
  }
}

static void a_stream_with_any_byte_changed_is_decoded_or_refused(void **state) {
  static const uint8_t changes[] = {0x00, 0x01, 0x02, 0x05, 0x07, 0x7f, 0x80, 0xff};
  struct stream *const stream = *state;
  every_kind(stream);
  for (size_t i = 0; i < stream->bytes.len; i++) {
    const uint8_t before = stream->bytes.data[i];
    for (size_t j = 0; j < COUNT(changes); j++) {
      stream->bytes.data[i] = changes[j];
      const lh_status status = stream_decode(stream);
      if (status != LH_OK && status != LH_ERROR_CORRUPT && status != LH_ERROR_DATA) {
        fail_msg("byte %zu as %02x: %s: %s", i, changes[j], lh_status_name(status), stream->err.message);
      }
    }
    stream->bytes.data[i] = before;
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(composites_are_structs_of_their_attributes),
      TEST(ranges_are_structs_of_their_bounds),
      TEST(types_of_extensions_are_maps_and_lists),
      TEST(what_holds_an_unknown_type_is_text),
      TEST(types_without_an_end_or_with_too_many_fields_are_text),
      TEST(several_dimensions_are_json_or_flattened_by_policy),
      TEST(nulls_of_every_level_are_told_apart),
      TEST(a_composite_of_other_attributes_is_corrupt),
      TEST(ranges_have_only_the_bounds_that_are_finite),
      TEST(a_range_that_is_none_is_corrupt),
      TEST(hstore_keeps_pairs_in_order_and_nulls),
      TEST(a_count_that_was_not_sent_is_corrupt),
      TEST(vectors_are_floats),
      TEST(sparse_vectors_count_from_one),
      TEST(arrays_of_several_dimensions_are_flattened),
      TEST(dimensions_that_multiply_past_what_was_sent_are_corrupt),
      TEST(geometries_become_iso_wkb),
      TEST(srids_are_noted),
      TEST(curves_are_refused_where_the_type_has_none),
      TEST(geometries_nested_without_an_end_are_refused),
      TEST(the_row_of_every_kind_decodes),
      TEST(a_stream_cut_at_any_byte_is_corrupt),
      TEST(a_stream_with_any_byte_changed_is_decoded_or_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
