/* Values of one row as bytes: written beside each other by row, appended to columns again. */
#include "task/partition/row_code.h"

#include <string.h>

static uint8_t *write_count(uint8_t *to, size_t count) {
  const uint32_t stored = (uint32_t)count;
  memcpy(to, &stored, sizeof(stored));
  return to + sizeof(stored);
}

static size_t read_count(const uint8_t **from) {
  uint32_t stored;
  memcpy(&stored, *from, sizeof(stored));
  *from += sizeof(stored);
  return stored;
}

static void list_bounds(const struct lh_column *column, size_t index, size_t *start, size_t *end) {
  *start = (size_t)column->offsets[index];
  *end = (size_t)column->offsets[index + 1];
}

size_t lh_row_value_size(const struct lh_column *column, size_t index) {
  size_t size = column->validity != NULL ? 1 : 0;
  if (!lh_column_is_valid(column, index)) {
    return size;
  }
  if (column->width > 0) {
    return size + column->width;
  }
  size_t start = index;
  size_t end = index + 1;
  if (column->offsets != NULL) {
    size += sizeof(uint32_t);
    list_bounds(column, index, &start, &end);
    if (column->child_count == 0) {
      return size + (end - start);
    }
  }
  for (size_t at = start; at < end; at++) {
    for (size_t i = 0; i < column->child_count; i++) {
      size += lh_row_value_size(&column->children[i], at);
    }
  }
  return size;
}

uint8_t *lh_row_write_value(const struct lh_column *column, size_t index, uint8_t *to) {
  const bool is_valid = lh_column_is_valid(column, index);
  if (column->validity != NULL) {
    *to++ = is_valid ? 1 : 0;
  }
  if (!is_valid) {
    return to;
  }
  if (column->width > 0) {
    memcpy(to, column->values + index * column->width, column->width);
    return to + column->width;
  }
  size_t start = index;
  size_t end = index + 1;
  if (column->offsets != NULL) {
    list_bounds(column, index, &start, &end);
    to = write_count(to, end - start);
    if (column->child_count == 0) {
      if (end > start) {
        memcpy(to, column->data.data + start, end - start);
      }
      return to + (end - start);
    }
  }
  for (size_t at = start; at < end; at++) {
    for (size_t i = 0; i < column->child_count; i++) {
      to = lh_row_write_value(&column->children[i], at, to);
    }
  }
  return to;
}

static lh_status read_children(struct lh_column *column, const uint8_t **from, struct lh_error *err) {
  for (size_t i = 0; i < column->child_count; i++) {
    LH_TRY(lh_row_read_value(&column->children[i], from, err));
  }
  return LH_OK;
}

lh_status lh_row_read_value(struct lh_column *column, const uint8_t **from, struct lh_error *err) {
  if (column->validity != NULL) {
    const uint8_t is_valid = *(*from)++;
    if (is_valid == 0) {
      return lh_column_append_null(column, err);
    }
  }
  if (column->width > 0) {
    const uint8_t *const value = *from;
    *from += column->width;
    return lh_column_append_fixed(column, value, err);
  }
  if (column->offsets == NULL) {
    LH_TRY(read_children(column, from, err));
    return lh_column_append_struct(column, err);
  }
  const size_t count = read_count(from);
  if (column->child_count == 0) {
    const uint8_t *const bytes = *from;
    *from += count;
    return lh_column_append_bytes(column, bytes, count, err);
  }
  for (size_t i = 0; i < count; i++) {
    LH_TRY(read_children(column, from, err));
  }
  return lh_column_append_list(column, err);
}
