/*
 * Decoders: one PostgreSQL binary value into the next slot of a column.
 *
 * A decoder gets exactly the value's bytes and may read no further, whatever they say. The caller has
 * reserved one more value in the column; what a decoder appends below it (bytes, list elements) it reserves
 * itself. Nulls are the caller's. Errors say what the value is; table, column and row are put in front by the
 * row loop. Wrong bytes are LH_ERROR_CORRUPT, right ones that the column's type cannot hold LH_ERROR_DATA.
 * After an error the batch has half a row: reset it. Spec: each type's send function in PostgreSQL.
 */
#ifndef LH_POSTGRES_DECODE_H
#define LH_POSTGRES_DECODE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "column/batch.h"
#include "column/policy.h"
#include "lakehaul/error.h"

struct lh_pg_decoder;
struct lh_pg_geometries; /* postgis.h */

typedef lh_status lh_pg_decode_function(const struct lh_pg_decoder *decoder, const uint8_t *bytes,
                                        size_t length, struct lh_column *column, struct lh_error *err);

/* How many values of a column, nested ones included, were replaced because its type cannot hold them. Any
 * thread adds. */
struct lh_pg_replaced {
  atomic_uint_least64_t nulls;   /* by NULL */
  atomic_uint_least64_t clamped; /* by the nearest value */
};

/* What the SELECT has to ask the server for. */
enum lh_pg_read_as {
  LH_PG_READ_AS_IS,
  LH_PG_READ_AS_TEXT,
  LH_PG_READ_AS_TEXTS, /* an array, each element as its text */
  LH_PG_READ_AS_JSON,
};

/* How the values of one column are read. Constant once made; shared by threads. */
struct lh_pg_decoder {
  lh_pg_decode_function *decode;
  enum lh_pg_read_as read_as;          /* of the whole column's decoder */
  const char *type_name;               /* for messages: "int4" */
  uint32_t oid;                        /* what an array of this type declares on the wire */
  int precision, scale;                /* numeric into DECIMAL */
  bool check_utf8;                     /* the server does not guarantee the encoding (SQL_ASCII) */
  const struct lh_pg_decoder *element; /* of arrays; a range's bounds, a multirange's ranges */
  const struct lh_pg_decoder *members; /* of composites, in the order of their attributes */
  size_t member_count;
  enum lh_unrepresentable on_unrepresentable;
  enum lh_multidimensional multidimensional; /* arrays */
  struct lh_pg_replaced *replaced;           /* the column's; NULL where values are refused */
  struct lh_pg_geometries *geometries;       /* of a column of geometries; else NULL */
};

/* decode_fixed.c; int4 also reads float4, and int8 float8: the same bytes. */
lh_pg_decode_function lh_pg_decode_bool, lh_pg_decode_int2, lh_pg_decode_int4, lh_pg_decode_int8;
lh_pg_decode_function lh_pg_decode_oid; /* unsigned four bytes into INT64 */
lh_pg_decode_function lh_pg_decode_date, lh_pg_decode_time, lh_pg_decode_timestamp, lh_pg_decode_uuid;

lh_pg_decode_function
    lh_pg_decode_money; /* into DECIMAL of 19 digits, as many fraction digits as money has */

/* decode_interval.c: STRUCT of months, days and microseconds; text */
lh_pg_decode_function lh_pg_decode_interval, lh_pg_decode_timetz;

/* decode_network.c, decode_system.c: text */
lh_pg_decode_function lh_pg_decode_inet, lh_pg_decode_cidr, lh_pg_decode_macaddr, lh_pg_decode_macaddr8;
lh_pg_decode_function lh_pg_decode_tid, lh_pg_decode_lsn, lh_pg_decode_xid8, lh_pg_decode_snapshot;
lh_pg_decode_function lh_pg_decode_bits, lh_pg_decode_tsvector;

/* decode_geometry.c: STRUCT of x and y; text */
lh_pg_decode_function lh_pg_decode_point;
lh_pg_decode_function lh_pg_decode_lseg, lh_pg_decode_box, lh_pg_decode_line, lh_pg_decode_circle;
lh_pg_decode_function lh_pg_decode_path, lh_pg_decode_polygon;

/* decode_bytes.c; versioned: a format version, which is 1, and text: jsonb, jsonpath, ltree and its queries
 */
lh_pg_decode_function lh_pg_decode_text, lh_pg_decode_bytea, lh_pg_decode_versioned_text;
lh_pg_decode_function lh_pg_decode_char; /* the type "char": one byte, as its output function shows it */

/* decode_array.c: arrays of one dimension, any lower bound, into LIST. */
lh_pg_decode_function lh_pg_decode_array;
/* Of any number of dimensions, into STRUCT of `dims`, the length of each, and all `values`. */
lh_pg_decode_function lh_pg_decode_flattened_array;

/* decode_composite.c: STRUCT; ranges into STRUCT of lower, upper (NULL where infinite), lower_inc, upper_inc
 * and empty; multiranges into LIST of that. */
lh_pg_decode_function lh_pg_decode_composite, lh_pg_decode_range, lh_pg_decode_multirange;

/* decode_extension.c: hstore into MAP, vectors into LIST of FLOAT, sparse ones into MAP. */
lh_pg_decode_function lh_pg_decode_hstore, lh_pg_decode_vector, lh_pg_decode_halfvec, lh_pg_decode_sparsevec;

/* decode_postgis.c: geometry and geography into ISO WKB. */
lh_pg_decode_function lh_pg_decode_geometry;

/* decode_variant.c: JSON into VARIANT; versioned as above. */
lh_pg_decode_function lh_pg_decode_variant, lh_pg_decode_versioned_variant;

/* numeric.c: exact, into DECIMAL of the decoder's precision and scale; and as the text that numeric's output
 * function gives. */
lh_pg_decode_function lh_pg_decode_numeric, lh_pg_decode_numeric_text;
/* Whole numbers into INT16, INT32 and INT64, and none that is not whole or does not fit; into the nearest
 * DOUBLE. */
lh_pg_decode_function lh_pg_decode_numeric_integer, lh_pg_decode_numeric_double;

/* For the place where a decoder refuses a value that is right but that the column's type cannot hold, and
 * nowhere before it: whether the policy wants the nearest value appended instead, which a decoder asks only
 * where there is one, or else NULL (lh_pg_put_null). Each yes is counted. */
bool lh_pg_takes_nearest(const struct lh_pg_decoder *decoder);
bool lh_pg_takes_null(const struct lh_pg_decoder *decoder);

/* The error of a value with the wrong number of bytes. */
lh_status lh_pg_wrong_length(const struct lh_pg_decoder *decoder, size_t length, size_t expected,
                             struct lh_error *err);

/* `*text` is what is behind the version of a value that has one. */
lh_status lh_pg_skip_version(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                             const uint8_t **text, struct lh_error *err) LH_WARN_UNUSED;

static inline uint16_t lh_pg_load_u16(const uint8_t *bytes) {
  uint16_t value;
  memcpy(&value, bytes, sizeof(value));
  return __builtin_bswap16(value);
}
static inline uint32_t lh_pg_load_u32(const uint8_t *bytes) {
  uint32_t value;
  memcpy(&value, bytes, sizeof(value));
  return __builtin_bswap32(value);
}
static inline uint64_t lh_pg_load_u64(const uint8_t *bytes) {
  uint64_t value;
  memcpy(&value, bytes, sizeof(value));
  return __builtin_bswap64(value);
}
static inline int32_t lh_pg_load_i32(const uint8_t *bytes) {
  return (int32_t)lh_pg_load_u32(bytes);
}

/* From PostgreSQL's epoch, 2000-01-01, to 1970-01-01. */
#define LH_PG_EPOCH_DAYS 10957
#define LH_PG_EPOCH_MICROS INT64_C(946684800000000)

/* False for infinities and what has no place in the lake's types. */
static inline bool lh_pg_shift_date(int32_t days, int32_t *shifted) {
  return days != INT32_MIN && !__builtin_add_overflow(days, LH_PG_EPOCH_DAYS, shifted);
}
static inline bool lh_pg_shift_timestamp(int64_t micros, int64_t *shifted) {
  return micros != INT64_MIN && !__builtin_add_overflow(micros, LH_PG_EPOCH_MICROS, shifted);
}

/* Appends to columns in which room is reserved. */
static inline void lh_pg_put_32(struct lh_column *column, uint32_t value) {
  memcpy(column->values + column->length * sizeof(value), &value, sizeof(value));
  lh_column_push_valid(column);
}
static inline void lh_pg_put_64(struct lh_column *column, uint64_t value) {
  memcpy(column->values + column->length * sizeof(value), &value, sizeof(value));
  lh_column_push_valid(column);
}
/* Closes a variable-width value that has been appended to column->data. */
static inline void lh_pg_close_bytes(struct lh_column *column) {
  column->offsets[column->length + 1] = (int32_t)column->data.len;
  lh_column_push_valid(column);
}
LH_WARN_UNUSED static inline lh_status lh_pg_put_bytes(struct lh_column *column, const uint8_t *bytes,
                                                       size_t size, struct lh_error *err) {
  LH_TRY(lh_buf_append(&column->data, bytes, size, err));
  lh_pg_close_bytes(column);
  return LH_OK;
}
LH_WARN_UNUSED static inline lh_status lh_pg_put_null(struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(column->validity == NULL || column->field->type == LH_TYPE_STRUCT, 0)) {
    return lh_column_append_null(column, err);
  }
  if (column->offsets != NULL) {
    column->offsets[column->length + 1] = column->offsets[column->length];
  } else if (column->width == sizeof(uint64_t)) {
    memset(column->values + column->length * sizeof(uint64_t), 0, sizeof(uint64_t));
  } else if (column->width == sizeof(uint32_t)) {
    memset(column->values + column->length * sizeof(uint32_t), 0, sizeof(uint32_t));
  } else {
    memset(column->values + column->length * column->width, 0, column->width);
  }
  column->null_count++;
  column->length++;
  return LH_OK;
}

#endif
