/*
 * DuckDB's result columns as lake columns: types once per query, vectors once per chunk. Internal to the
 * engine module.
 */
#ifndef LH_ENGINE_DUCKDB_COLUMN_H
#define LH_ENGINE_DUCKDB_COLUMN_H

#include <duckdb.h>

#include "base/arena.h"
#include "column/batch.h"
#include "lakehaul/error.h"

enum lh_duckdb_form {
  LH_DUCKDB_COPY,  /* same bytes on both sides */
  LH_DUCKDB_INT8,  /* the rest: what DuckDB holds, by its width or meaning */
  LH_DUCKDB_INT16, /* also DECIMAL to 4 digits */
  LH_DUCKDB_UINT8,
  LH_DUCKDB_UINT16,
  LH_DUCKDB_UINT32,
  LH_DUCKDB_UINT64,
  LH_DUCKDB_HUGEINT,
  LH_DUCKDB_UHUGEINT,
  LH_DUCKDB_DATE,
  LH_DUCKDB_TIMESTAMP, /* times `factor` */
  LH_DUCKDB_TIME_TZ,
  LH_DUCKDB_UUID,
  LH_DUCKDB_BYTES,
  LH_DUCKDB_BIT,
  LH_DUCKDB_ENUM,
  LH_DUCKDB_INTERVAL,
  LH_DUCKDB_LIST,
  LH_DUCKDB_ARRAY,
  LH_DUCKDB_STRUCT,
  LH_DUCKDB_MAP,
};

/* How one column, or a part of one, is carried over. Lives in the arena it was described in. */
struct lh_duckdb_reader {
  enum lh_duckdb_form form;
  const char *path;      /* "address.city", for messages */
  const char *type_name; /* DuckDB's */
  int64_t factor;        /* TIMESTAMP */
  bool raw_times;        /* DATE, TIMESTAMP: infinities are numbers like any other */
  idx_t array_size;      /* ARRAY */
  size_t enum_width;     /* ENUM: bytes of an index */
  const char *const *enum_values;
  const uint32_t *enum_lengths;
  size_t enum_count;
  struct lh_duckdb_reader *children; /* as the field's */
  size_t child_count;
};

/* Fills `field` (nullable) and `reader` for a column of `type`; `name` is copied. LH_ERROR_DATA for a type
 * that the lake has no form for, naming the column and the cast to write. */
lh_status lh_duckdb_describe_column(duckdb_logical_type type, const char *name, struct lh_arena *arena,
                                    struct lh_field *field, struct lh_duckdb_reader *reader,
                                    struct lh_error *err) LH_WARN_UNUSED;

/* Bytes that rows start … start + count - 1 will take in variable-width columns and list elements. */
uint64_t lh_duckdb_measure_rows(const struct lh_duckdb_reader *reader, duckdb_vector vector, idx_t start,
                                idx_t count);

/* Appends rows start … start + count - 1 of a flat vector. After LH_ERROR_DATA `*bad_row` is the vector's row
 * that could not be carried over; the column is then half filled. */
lh_status lh_duckdb_append_rows(const struct lh_duckdb_reader *reader, duckdb_vector vector, idx_t start,
                                idx_t count, struct lh_column *column, idx_t *bad_row,
                                struct lh_error *err) LH_WARN_UNUSED;

#endif
