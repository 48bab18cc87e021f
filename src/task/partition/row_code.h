/*
 * One row of a batch as bytes and back, in the form that row_store.h describes. For this module only.
 */
#ifndef LH_TASK_ROW_CODE_H
#define LH_TASK_ROW_CODE_H

#include <stddef.h>
#include <stdint.h>

#include "column/batch.h"
#include "lakehaul/error.h"

/* Bytes of the value at `index`. */
size_t lh_row_value_size(const struct lh_column *column, size_t index);
/* Writes it and returns what follows. */
uint8_t *lh_row_write_value(const struct lh_column *column, size_t index, uint8_t *to);
/* Appends it to the column and moves `*from` behind it. The bytes are lh_row_write_value's own. */
lh_status lh_row_read_value(struct lh_column *column, const uint8_t **from,
                            struct lh_error *err) LH_WARN_UNUSED;

#endif
