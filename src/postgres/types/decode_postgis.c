/* Decoder of PostGIS' geometry and geography: the EWKB that they are sent as becomes ISO WKB, which has no
 * SRID and other numbers for types with Z and M; coordinates stay as they are, byte for byte. What kinds of
 * geometries there are, and in which SRID, is noted for the file's GeoParquet metadata. Spec: ISO 19125-1,
 * SQL/MM part 3; lwout_wkb.c in PostGIS. */
#include <inttypes.h>

#include "postgres/types/decode_nested.h"
#include "postgres/types/postgis.h"

#define MAX_DEPTH 32
#define COORDINATE_BYTES 8
#define FLAG_Z UINT32_C(0x80000000)
#define FLAG_M UINT32_C(0x40000000)
#define FLAG_SRID UINT32_C(0x20000000)
#define FLAGS (FLAG_Z | FLAG_M | FLAG_SRID)
#define ISO_Z 1000
#define ISO_M 2000

enum {
  POINT = 1,
  LINE_STRING = 2,
  POLYGON = 3,
  MULTI_POINT = 4,
  MULTI_LINE_STRING = 5,
  MULTI_POLYGON = 6,
  COLLECTION = 7,
  CIRCULAR_STRING = 8,
  COMPOUND_CURVE = 9,
  CURVE_POLYGON = 10,
  MULTI_CURVE = 11,
  MULTI_SURFACE = 12,
  POLYHEDRAL_SURFACE = 15,
  TIN = 16,
  TRIANGLE = 17
};

struct walk {
  const struct lh_pg_decoder *decoder;
  const uint8_t *at, *end;
  struct lh_buf *out; /* has room for all that is read */
  bool big_endian;
  bool has_curves; /* or surfaces, anywhere in it */
  struct lh_error *err;
};

static lh_status corrupt(const struct walk *walk, const char *what) {
  return lh_pg_corrupt_value(walk->decoder, walk->err, what);
}

static void copy(struct walk *walk, size_t size) {
  memcpy(walk->out->data + walk->out->len, walk->at, size);
  walk->out->len += size;
  walk->at += size;
}

static lh_status peek_u32(const struct walk *walk, uint32_t *value) {
  if (walk->end - walk->at < 4) {
    return corrupt(walk, "ends within a number");
  }
  const uint32_t loaded = lh_pg_load_u32(walk->at);
  *value = walk->big_endian ? loaded : __builtin_bswap32(loaded);
  return LH_OK;
}

static void put_u32(struct walk *walk, uint32_t value) {
  const uint32_t stored = walk->big_endian ? __builtin_bswap32(value) : value;
  memcpy(walk->out->data + walk->out->len, &stored, sizeof(stored));
  walk->out->len += sizeof(stored);
}

/* A count of things of `least` bytes or more. */
static lh_status copy_count(struct walk *walk, size_t least, uint32_t *count) {
  LH_TRY(peek_u32(walk, count));
  copy(walk, 4);
  return *count > (size_t)(walk->end - walk->at) / least ? corrupt(walk, "ends within a geometry") : LH_OK;
}

static lh_status copy_points(struct walk *walk, size_t point_bytes) {
  uint32_t count = 0;
  LH_TRY(copy_count(walk, point_bytes, &count));
  copy(walk, point_bytes * count);
  return LH_OK;
}

static lh_status copy_rings(struct walk *walk, size_t point_bytes) {
  uint32_t count = 0;
  LH_TRY(copy_count(walk, 4, &count));
  for (uint32_t i = 0; i < count; i++) {
    LH_TRY(copy_points(walk, point_bytes));
  }
  return LH_OK;
}

struct header {
  uint32_t type, flags, srid;
};

static lh_status copy_header(struct walk *walk, struct header *header) {
  if (walk->end - walk->at < 5 || walk->at[0] > 1) {
    return corrupt(walk, "has no geometry's header");
  }
  walk->big_endian = walk->at[0] == 0;
  copy(walk, 1);
  uint32_t word = 0;
  LH_TRY(peek_u32(walk, &word));
  walk->at += 4;
  header->type = word & ~FLAGS;
  header->flags = word & FLAGS;
  header->srid = 0;
  if ((header->flags & FLAG_SRID) != 0) {
    LH_TRY(peek_u32(walk, &header->srid));
    walk->at += 4;
  }
  if (header->type > TRIANGLE) {
    return lh_error_set(walk->err, LH_ERROR_CORRUPT, "a value of type %s has an unknown kind, %" PRIu32,
                        walk->decoder->type_name, header->type);
  }
  walk->has_curves = walk->has_curves || header->type > COLLECTION;
  put_u32(walk, header->type + ((header->flags & FLAG_Z) != 0 ? ISO_Z : 0) +
                    ((header->flags & FLAG_M) != 0 ? ISO_M : 0));
  return LH_OK;
}

/* Recursion is bounded by MAX_DEPTH. */
static lh_status copy_geometry(struct walk *walk, size_t depth, struct header *header) {
  if (depth == MAX_DEPTH) {
    return lh_error_set(walk->err, LH_ERROR_UNSUPPORTED, "a value of type %s is nested more than %d deep",
                        walk->decoder->type_name, MAX_DEPTH);
  }
  LH_TRY(copy_header(walk, header));
  const size_t numbers = 2U + ((header->flags & FLAG_Z) != 0) + ((header->flags & FLAG_M) != 0);
  const size_t point_bytes = COORDINATE_BYTES * numbers;
  uint32_t count = 0;
  switch (header->type) {
    case POINT:
      if ((size_t)(walk->end - walk->at) < point_bytes) {
        return corrupt(walk, "ends within a point");
      }
      copy(walk, point_bytes);
      return LH_OK;
    case LINE_STRING:
    case CIRCULAR_STRING:
      return copy_points(walk, point_bytes);
    case POLYGON:
    case TRIANGLE:
      return copy_rings(walk, point_bytes);
    case MULTI_POINT:
    case MULTI_LINE_STRING:
    case MULTI_POLYGON:
    case COLLECTION:
    case COMPOUND_CURVE:
    case CURVE_POLYGON:
    case MULTI_CURVE:
    case MULTI_SURFACE:
    case POLYHEDRAL_SURFACE:
    case TIN:
      break;
    default:
      return lh_error_set(walk->err, LH_ERROR_CORRUPT, "a value of type %s has an unknown kind, %" PRIu32,
                          walk->decoder->type_name, header->type);
  }
  LH_TRY(copy_count(walk, 5, &count));
  for (uint32_t i = 0; i < count; i++) {
    struct header part = {0};
    LH_TRY(copy_geometry(walk, depth + 1, &part));
  }
  return LH_OK;
}

static void note(struct lh_pg_geometries *geometries, const struct header *header) {
  const unsigned dimensions =
      ((header->flags & FLAG_Z) != 0 ? 1U : 0U) | ((header->flags & FLAG_M) != 0 ? 2U : 0U);
  const unsigned kind = header->type <= COLLECTION ? header->type : 0;
  const uint32_t bit = UINT32_C(1) << (8 * dimensions + kind);
  if ((atomic_load_explicit(&geometries->kinds, memory_order_relaxed) & bit) == 0) {
    atomic_fetch_or_explicit(&geometries->kinds, bit, memory_order_relaxed);
  }
  /* Reads where nothing changes, which threads can do at once. */
  const int_least64_t srid = header->srid;
  int_least64_t before = atomic_load_explicit(&geometries->srid, memory_order_relaxed);
  if (before == srid || before == LH_PG_MIXED_SRIDS) {
    return;
  }
  before = LH_PG_NO_SRID;
  if (!atomic_compare_exchange_strong_explicit(&geometries->srid, &before, srid, memory_order_relaxed,
                                               memory_order_relaxed) &&
      before != srid) {
    atomic_store_explicit(&geometries->srid, LH_PG_MIXED_SRIDS, memory_order_relaxed);
  }
}

static lh_status refuse_curves(const struct lh_pg_decoder *decoder, struct lh_column *column,
                               struct lh_error *err) {
  if (lh_pg_takes_null(decoder)) {
    return lh_column_append_null(column, err);
  }
  lh_error_set(err, LH_ERROR_DATA, "a value has curves or surfaces, which Parquet's %s has no kinds for",
               decoder->geometries->is_geography ? "GEOGRAPHY" : "GEOMETRY");
  lh_error_hint(err, "leave out type, to have plain WKB, or say on_unrepresentable: null");
  return LH_ERROR_DATA;
}

lh_status lh_pg_decode_geometry(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                                struct lh_column *column, struct lh_error *err) {
  const size_t start = column->data.len;
  LH_TRY(lh_buf_reserve(&column->data, length, err));
  struct walk walk = {
      .decoder = decoder, .at = bytes, .end = bytes + length, .out = &column->data, .err = err};
  struct header header = {0};
  LH_TRY(copy_geometry(&walk, 0, &header));
  if (walk.at != walk.end) {
    return corrupt(&walk, "has bytes after its geometry");
  }
  if (walk.has_curves && decoder->geometries != NULL && decoder->geometries->is_typed) {
    column->data.len = start;
    return refuse_curves(decoder, column, err);
  }
  column->offsets[column->length + 1] = (int32_t)column->data.len;
  lh_column_push_valid(column);
  if (decoder->geometries != NULL) {
    note(decoder->geometries, &header);
  }
  return LH_OK;
}
