/*
 * Leaves and their values as the stages of the writer hand them to each other.
 *
 * A leaf is one primitive column of the file: how its values lie in memory, how they are written, and
 * the way to it through the schema. Values are dense: nulls are gone, levels tell where they were.
 */
#ifndef LH_PARQUET_VALUES_H
#define LH_PARQUET_VALUES_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "column/schema.h"
#include "lakehaul/error.h"

struct lh_parquet_writer_options;
struct lh_parquet_column_options;

/* Physical types, by Parquet's numbers. */
enum lh_parquet_type {
  LH_PARQUET_BOOLEAN = 0,
  LH_PARQUET_INT32 = 1,
  LH_PARQUET_INT64 = 2,
  LH_PARQUET_INT96 = 3,
  LH_PARQUET_FLOAT = 4,
  LH_PARQUET_DOUBLE = 5,
  LH_PARQUET_BYTE_ARRAY = 6,
  LH_PARQUET_FIXED = 7, /* FIXED_LEN_BYTE_ARRAY */
};

/* Encodings of data pages, by Parquet's numbers. */
enum lh_parquet_encoding {
  LH_PARQUET_PLAIN = 0,
  LH_PARQUET_RLE = 3,
  LH_PARQUET_DELTA_BINARY_PACKED = 5,
  LH_PARQUET_DELTA_LENGTH_BYTE_ARRAY = 6,
  LH_PARQUET_DELTA_BYTE_ARRAY = 7,
  LH_PARQUET_RLE_DICTIONARY = 8,
  LH_PARQUET_BYTE_STREAM_SPLIT = 9,
};
#define LH_PARQUET_ENCODING_COUNT 10

/* Values in memory; decides dictionary and statistics. */
enum lh_value_kind {
  LH_VALUE_BOOL, /* a byte, 0 or 1 */
  LH_VALUE_INT32,
  LH_VALUE_INT64,
  LH_VALUE_INT128,
  LH_VALUE_FLOAT,
  LH_VALUE_DOUBLE,
  LH_VALUE_UUID, /* 16 bytes, compared as bytes */
  LH_VALUE_BYTES,
};

/* Values in the file, where they differ from those in memory. */
enum lh_value_form {
  LH_FORM_AS_IS,
  LH_FORM_DECIMAL,   /* int128 as big-endian FLBA of type_length bytes */
  LH_FORM_UUID_TEXT, /* 36 characters */
  LH_FORM_TIME_TEXT, /* 15:04:05 or 15:04:05.25 */
};

/* One field on the way from the root to a leaf. */
struct lh_leaf_step {
  size_t child; /* index in the parent's children, or among the schema's fields */
  bool nullable;
  bool repeated; /* LIST or MAP: its offsets lead on */
};

struct lh_leaf {
  const struct lh_field *field;                    /* the leaf itself */
  const struct lh_parquet_column_options *options; /* of the top-level field above it; never NULL */
  const struct lh_leaf_step *steps;
  size_t step_count;
  uint8_t max_definition, max_repetition;
  enum lh_value_kind kind;
  enum lh_value_form form;
  enum lh_parquet_type type;
  int type_length;   /* of FIXED, else 0 */
  size_t width;      /* bytes of one value in memory; 0 for LH_VALUE_BYTES */
  size_t file_width; /* most bytes of one PLAIN value; 4 (the length) for LH_VALUE_BYTES */
  bool is_text;      /* truncation respects UTF-8 */
  const char **path; /* path_in_schema */
  size_t path_count;
  const char *display_path; /* joined with '.', for messages */
};

/* `count` dense values; either `fixed`, or `offsets` (count + 1, into `data`, without gaps). */
struct lh_values {
  size_t count;
  const uint8_t *fixed;
  const int32_t *offsets;
  const uint8_t *data;
};

static inline size_t lh_values_bytes(const struct lh_values *values, const struct lh_leaf *leaf) {
  if (leaf->kind != LH_VALUE_BYTES) {
    return values->count * leaf->file_width;
  }
  return (size_t)(values->offsets[values->count] - values->offsets[0]) + 4 * values->count;
}

/* Sets kind, form, type and widths of a leaf for its field. */
lh_status lh_leaf_set_type(struct lh_leaf *leaf, const struct lh_parquet_writer_options *options,
                           struct lh_error *err) LH_WARN_UNUSED;

/* Bytes of the least FLBA that holds every decimal of the precision. */
int lh_decimal_file_width(int precision);

/* All leaves of a schema, depth first, in `arena`. */
lh_status lh_leaves_from_schema(const struct lh_schema *schema,
                                const struct lh_parquet_writer_options *options, struct lh_arena *arena,
                                struct lh_leaf **out, size_t *count, struct lh_error *err) LH_WARN_UNUSED;

#endif
