/*
 * Statistics of a page or a column chunk: null count, NaN count, least and greatest value.
 *
 * Order by type (TYPE_ORDER): signed numbers, decimals by value, bytes as unsigned. Floats: a NaN
 * drops both bounds; a zero is written as -0.0 for the least and +0.0 for the greatest. Strings and
 * bytes longer than the limit are truncated, the greatest one rounded up, and marked inexact.
 * Spec: parquet.thrift Statistics and ColumnOrder.
 */
#ifndef LH_PARQUET_STATISTICS_H
#define LH_PARQUET_STATISTICS_H

#include "base/buf.h"
#include "parquet/values.h"

/* A value in memory form. */
union lh_statistics_value {
  int64_t integer; /* bool, int32, int64 */
  lh_int128 wide;
  double real;
  uint8_t uuid[16];
};

/* A bound of LH_VALUE_BYTES: at most `limit` bytes of the value. */
struct lh_statistics_bytes {
  struct lh_buf prefix;
  bool exact; /* the prefix is the whole value */
};

struct lh_column_statistics {
  const struct lh_leaf *leaf;
  size_t limit;
  uint64_t null_count;
  uint64_t nan_count;
  bool has_values;
  union lh_statistics_value least, greatest;
  struct lh_statistics_bytes least_bytes, greatest_bytes;
};

/* What goes into the file. */
struct lh_statistics_bounds {
  bool present;
  bool is_min_exact, is_max_exact;
  struct lh_buf min, max;
};

void lh_statistics_init(struct lh_column_statistics *statistics, const struct lh_leaf *leaf, size_t limit);
void lh_statistics_reset(struct lh_column_statistics *statistics);
void lh_statistics_clear(struct lh_column_statistics *statistics);

lh_status lh_statistics_add(struct lh_column_statistics *statistics, const struct lh_values *values,
                            struct lh_error *err) LH_WARN_UNUSED;

/* Adds the values whose byte in `used` is 1; the others' are 0. */
lh_status lh_statistics_add_used(struct lh_column_statistics *statistics, const struct lh_values *values,
                                 const uint8_t *used, struct lh_error *err) LH_WARN_UNUSED;

/* Adds what other statistics of the same leaf have seen. */
lh_status lh_statistics_merge(struct lh_column_statistics *statistics,
                              const struct lh_column_statistics *other, struct lh_error *err) LH_WARN_UNUSED;

/* Below, at or above 0 as values are ordered; not for LH_VALUE_BYTES. */
int lh_statistics_compare(enum lh_value_kind kind, const union lh_statistics_value *a,
                          const union lh_statistics_value *b);

void lh_statistics_bounds_init(struct lh_statistics_bounds *bounds);
void lh_statistics_bounds_clear(struct lh_statistics_bounds *bounds);
lh_status lh_statistics_get_bounds(const struct lh_column_statistics *statistics,
                                   struct lh_statistics_bounds *bounds, struct lh_error *err) LH_WARN_UNUSED;

#endif
