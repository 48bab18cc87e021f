/*
 * Verification: a lake table's files against the table or query that they were read from.
 *
 * Rows, and per column the number of values and a checksum, computed on both sides without each other: the
 * server computes its own in SQL over the same SELECT, and the files are read back through DuckDB, not
 * through the code that wrote them. A checksum is the sum, over all values that are not NULL, of the first 60
 * bits of the MD5 of the value's canonical text (verify_impl.h), so that the order of rows does not matter.
 * Where the rows have a key, the first rows that differ are found by it, in memory bounded by a share of the
 * rows.
 */
#ifndef LH_TASK_VERIFY_H
#define LH_TASK_VERIFY_H

#include <stdint.h>

#include "base/arena.h"
#include "column/schema.h"
#include "engine/duckdb.h"
#include "lakehaul/error.h"
#include "postgres/connection.h"
#include "postgres/relation.h"
#include "store/store.h"
#include "task/interrupt.h"

/* Rows that differ are named up to this many. */
#define LH_VERIFY_MAX_ROWS 10

struct lh_verify_request {
  struct lh_pg_connection *connection; /* in the transaction whose snapshot is compared */
  const struct lh_pg_relation *relation;
  bool is_table;            /* `relation` is a table: it may have a key */
  struct lh_store *store;   /* where the lake is */
  const char *const *files; /* of the lake table, at least one, as lh_store_locate names them */
  size_t file_count;
  const struct lh_engine_partitions *partitions; /* NULL: all columns are in the files */
  uint64_t memory_bytes;                         /* for DuckDB */
  int threads;
  const char *temp_directory;
  struct lh_interrupt *interrupt; /* may be NULL; on return it cancels nothing any more */
};

struct lh_verify_side {
  uint64_t values; /* that are not NULL */
  lh_uint128 sum;
};

/* How far the server can show what the lake is to hold. */
enum lh_verify_extent {
  LH_VERIFY_BY_CHECKSUM,
  LH_VERIFY_BY_COUNT, /* only `values` are compared */
  LH_VERIFY_NOT_AT_ALL,
};

struct lh_verify_column {
  const char *name; /* in the lake */
  struct lh_verify_side database, lake;
  bool differs;
  enum lh_verify_extent extent;
  const char *note; /* why it differs where that is not in the numbers: "not in the lake"; may be NULL */
};

/* One column of a row that differs; NULL texts are NULL values. Long values are cut. */
struct lh_verify_value {
  const char *column;
  const char *database, *lake;
};

enum lh_verify_row_kind {
  LH_VERIFY_ROW_DIFFERS,
  LH_VERIFY_ROW_MISSING,  /* not in the lake */
  LH_VERIFY_ROW_EXTRA,    /* in the lake alone */
  LH_VERIFY_ROW_REPEATED, /* more often in the lake than in the database */
};

struct lh_verify_row {
  enum lh_verify_row_kind kind;
  const char *key; /* "id=5, part=a" */
  struct lh_verify_value *values;
  size_t value_count; /* 0 for all kinds but LH_VERIFY_ROW_DIFFERS */
};

struct lh_verify_result {
  bool differs;
  uint64_t database_rows, lake_rows;
  struct lh_verify_column *columns;
  size_t column_count;
  size_t differing_columns;
  bool has_key; /* `rows` were looked for where something differs */
  struct lh_verify_row rows[LH_VERIFY_MAX_ROWS];
  size_t row_count;
};

/* LH_OK also where the two differ: see the result, which lives in `arena`. */
lh_status lh_verify(const struct lh_verify_request *request, struct lh_arena *arena,
                    struct lh_verify_result *out, struct lh_error *err) LH_WARN_UNUSED;

/* "checksum", "count", "nothing" */
/* The names of the columns that were compared so far and no further, quoted, in `arena`; "" for none. NULL
 * without memory. */
const char *lh_verify_list_columns(const struct lh_verify_result *result, enum lh_verify_extent extent,
                                   struct lh_arena *arena);
const char *lh_verify_extent_name(enum lh_verify_extent extent);
/* "differs", "missing", "extra", "repeated" */
const char *lh_verify_row_kind_name(enum lh_verify_row_kind kind);

/* What differs first, as an LH_ERROR_DATA that names column and row. */
lh_status lh_verify_set_error(const struct lh_verify_result *result, struct lh_error *err);

#endif
