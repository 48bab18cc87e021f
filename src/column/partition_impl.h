/*
 * Days and hours of values, shared by the partition*.c files of this module.
 */
#ifndef LH_COLUMN_PARTITION_IMPL_H
#define LH_COLUMN_PARTITION_IMPL_H

#include "column/batch.h"

#define LH_MICROS_PER_HOUR (INT64_C(3600) * 1000 * 1000)

/* Divides towards minus infinity. */
static inline int64_t lh_partition_floor(int64_t value, int64_t divisor) {
  const int64_t quotient = value / divisor;
  return quotient * divisor > value ? quotient - 1 : quotient;
}

static inline int64_t lh_partition_hour_units(const struct lh_field *field) {
  return field->unit == LH_UNIT_NANOS ? LH_MICROS_PER_HOUR * 1000 : LH_MICROS_PER_HOUR;
}

/* Of a TIMESTAMP: hours since 1970-01-01 00:00. */
static inline int64_t lh_partition_hour_at(const struct lh_column *column, size_t row) {
  const int64_t value = ((const int64_t *)(const void *)column->values)[row];
  return lh_partition_floor(value, lh_partition_hour_units(column->field));
}

/* Of a DATE or TIMESTAMP: days since 1970-01-01. */
static inline int64_t lh_partition_day_at(const struct lh_column *column, size_t row) {
  if (column->field->type == LH_TYPE_DATE) {
    return ((const int32_t *)(const void *)column->values)[row];
  }
  return lh_partition_floor(lh_partition_hour_at(column, row), 24);
}

#endif
