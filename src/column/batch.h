/*
 * Column batches: the one form in which rows travel between stages.
 *
 * Arrow's layout: validity bits (least significant first, 1 = present), fixed-width values, 32-bit
 * offsets and bytes for variable-width ones, offsets and children for lists. Two differences, both so
 * that Parquet's PLAIN encoding is one copy: a bool is one byte, and values have the width of Parquet's
 * physical type (int8 and int16 are held in 32 bits).
 *
 * A null keeps its slot in `values` (zeroed) and an empty range in `offsets`. A LIST's or MAP's
 * children hold the elements of all rows in order; a MAP has its key and value columns side by side in
 * children[0] and children[1], a STRUCT one child a member, each as long as the struct itself.
 *
 * A batch is filled row by row or column by column by one thread, handed on, then reset; capacity is
 * kept, so that nothing is allocated per row.
 */
#ifndef LH_COLUMN_BATCH_H
#define LH_COLUMN_BATCH_H

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "column/schema.h"
#include "lakehaul/error.h"

/* Rows of a batch as filled by the readers; small enough to stay in cache. */
#define LH_BATCH_ROWS 8192
/* A batch is also handed on once its variable-width bytes pass this. */
#define LH_BATCH_BYTES ((size_t)4 << 20)
/* Most bytes that one column of one batch can hold (offsets are 32 bit). */
#define LH_COLUMN_MAX_BYTES ((size_t)INT32_MAX)

struct lh_column {
  const struct lh_field *field;
  size_t width;    /* lh_field_width(field) */
  size_t length;   /* values, nulls included */
  size_t capacity; /* values that fit before lh_column_grow */
  size_t null_count;
  uint8_t *validity;  /* (capacity + 7) / 8 bytes; NULL for a column that is not nullable */
  uint8_t *values;    /* capacity * width bytes; NULL for variable-width and nested columns */
  int32_t *offsets;   /* capacity + 1; offsets[0] = 0; variable-width, LIST and MAP only */
  struct lh_buf data; /* bytes of variable-width values */
  struct lh_column *children;
  size_t child_count;
  struct lh_variant_encoder *variant; /* of a VARIANT, for whoever fills it (variant.h); else NULL */
};

struct lh_batch {
  const struct lh_schema *schema;
  size_t row_count;
  struct lh_column *columns;
  size_t column_count;
};

/* `schema` is borrowed and must outlive the batch. Call lh_batch_clear also after a failure. */
lh_status lh_batch_init(struct lh_batch *batch, const struct lh_schema *schema, size_t capacity,
                        struct lh_error *err) LH_WARN_UNUSED;
/* How many rows a reader fills a batch with: LH_BATCH_ROWS, or, of many columns, as many as have room for
 * their fixed-width values and offsets in LH_BATCH_BYTES. */
size_t lh_batch_rows(const struct lh_schema *schema);
void lh_batch_reset(struct lh_batch *batch);
void lh_batch_clear(struct lh_batch *batch);
/* Bytes of values, offsets and data in use, children included. */
size_t lh_batch_bytes(const struct lh_batch *batch);

/* Makes room for `extra` more values (not bytes, not children). */
lh_status lh_column_grow(struct lh_column *column, size_t extra, struct lh_error *err) LH_WARN_UNUSED;

LH_WARN_UNUSED static inline lh_status lh_column_reserve(struct lh_column *column, size_t extra,
                                                         struct lh_error *err) {
  if (column->capacity - column->length >= extra) {
    return LH_OK;
  }
  return lh_column_grow(column, extra, err);
}

static inline bool lh_column_is_valid(const struct lh_column *column, size_t index) {
  return column->validity == NULL || ((column->validity[index >> 3] >> (index & 7)) & 1) != 0;
}

/* For code that fills: marks the next slot present and counts it; the caller has reserved it and has
 * written its value, or its end offset at offsets[length + 1]. */
static inline void lh_column_push_valid(struct lh_column *column) {
  if (column->validity != NULL) {
    column->validity[column->length >> 3] |= (uint8_t)(1U << (column->length & 7));
  }
  column->length++;
}

/* Appends a null (to all children of a STRUCT, too). Fails with LH_ERROR_DATA if the column is not
 * nullable. */
lh_status lh_column_append_null(struct lh_column *column, struct lh_error *err) LH_WARN_UNUSED;

/* Appends one fixed-width value of column->width bytes in memory order. */
LH_WARN_UNUSED static inline lh_status lh_column_append_fixed(struct lh_column *column, const void *value,
                                                              struct lh_error *err) {
  LH_TRY(lh_column_reserve(column, 1, err));
  memcpy(column->values + column->length * column->width, value, column->width);
  lh_column_push_valid(column);
  return LH_OK;
}

/* Appends one variable-width value. */
lh_status lh_column_append_bytes(struct lh_column *column, const void *bytes, size_t size,
                                 struct lh_error *err) LH_WARN_UNUSED;

/* Closes one LIST or MAP value: its elements are those appended to the children since the last close. */
lh_status lh_column_append_list(struct lh_column *column, struct lh_error *err) LH_WARN_UNUSED;
/* Closes one STRUCT value whose members have each had one value appended. */
lh_status lh_column_append_struct(struct lh_column *column, struct lh_error *err) LH_WARN_UNUSED;

/* A variable-width value; borrowed until the batch changes. */
static inline const uint8_t *lh_column_bytes(const struct lh_column *column, size_t index, size_t *size) {
  *size = (size_t)(column->offsets[index + 1] - column->offsets[index]);
  return column->data.data + column->offsets[index];
}

#endif
