/* Column batches: storage, growth, and the appends that are not on the hottest path. */
#include "column/batch.h"

#include <stdlib.h>

#include "column/variant.h"

#define LEAST_ROWS 256

#define COLUMN_LEAST_CAPACITY 16
#define COLUMN_MAX_CAPACITY ((size_t)INT32_MAX - 1)

static bool has_offsets(const struct lh_column *column) {
  const enum lh_type type = column->field->type;
  return lh_type_is_variable(type) || type == LH_TYPE_LIST || type == LH_TYPE_MAP;
}

/* A struct's members and a map's key and value are columns of their own length; lists grow by need. */
static size_t child_capacity(const struct lh_column *column, size_t capacity) {
  return column->field->type == LH_TYPE_STRUCT ? capacity : COLUMN_LEAST_CAPACITY;
}

static lh_status grow_validity(struct lh_column *column, size_t capacity, struct lh_error *err) {
  if (!column->field->nullable) {
    return LH_OK;
  }
  const size_t old_bytes = (column->capacity + 7) / 8;
  const size_t new_bytes = (capacity + 7) / 8;
  uint8_t *const validity = realloc(column->validity, new_bytes);
  if (validity == NULL) {
    return lh_error_memory(err);
  }
  memset(validity + old_bytes, 0, new_bytes - old_bytes);
  column->validity = validity;
  return LH_OK;
}

static lh_status grow_values(struct lh_column *column, size_t capacity, struct lh_error *err) {
  if (column->width > 0) {
    uint8_t *const values = realloc(column->values, capacity * column->width);
    if (values == NULL) {
      return lh_error_memory(err);
    }
    column->values = values;
  }
  if (has_offsets(column)) {
    int32_t *const offsets = realloc(column->offsets, (capacity + 1) * sizeof(int32_t));
    if (offsets == NULL) {
      return lh_error_memory(err);
    }
    offsets[0] = 0;
    column->offsets = offsets;
  }
  return LH_OK;
}

static lh_status set_capacity(struct lh_column *column, size_t capacity, struct lh_error *err) {
  LH_TRY(grow_validity(column, capacity, err));
  LH_TRY(grow_values(column, capacity, err));
  column->capacity = capacity;
  return LH_OK;
}

lh_status lh_column_grow(struct lh_column *column, size_t extra, struct lh_error *err) {
  if (extra > COLUMN_MAX_CAPACITY - column->length) {
    return lh_error_set(err, LH_ERROR_DATA, "column \"%s\" holds more than %zu values in one batch",
                        column->field->name, COLUMN_MAX_CAPACITY);
  }
  const size_t needed = column->length + extra;
  size_t capacity = column->capacity > COLUMN_LEAST_CAPACITY ? column->capacity : COLUMN_LEAST_CAPACITY;
  while (capacity < needed) {
    capacity *= 2;
  }
  return set_capacity(column, capacity < COLUMN_MAX_CAPACITY ? capacity : COLUMN_MAX_CAPACITY, err);
}

static lh_status init_column(struct lh_column *column, const struct lh_field *field, size_t capacity,
                             struct lh_error *err) {
  *column = (struct lh_column){.field = field, .width = lh_field_width(field)};
  lh_buf_init(&column->data, LH_COLUMN_MAX_BYTES);
  if (lh_type_is_variable(field->type)) {
    LH_TRY(lh_buf_reserve(&column->data, capacity, err));
  }
  LH_TRY(set_capacity(column, capacity, err));
  if (field->type == LH_TYPE_STRUCT && field->is_variant) {
    LH_TRY(lh_variant_encoder_new(&column->variant, err));
  }
  if (field->child_count == 0) {
    return LH_OK;
  }
  column->children = calloc(field->child_count, sizeof(*column->children));
  if (column->children == NULL) {
    return lh_error_memory(err);
  }
  column->child_count = field->child_count;
  for (size_t i = 0; i < field->child_count; i++) {
    LH_TRY(init_column(&column->children[i], &field->children[i], child_capacity(column, capacity), err));
  }
  return LH_OK;
}

size_t lh_batch_rows(const struct lh_schema *schema) {
  size_t row_bytes = 1;
  for (size_t i = 0; i < schema->field_count; i++) {
    const size_t width = lh_field_width(&schema->fields[i]);
    row_bytes += width > 0 ? width : sizeof(int32_t);
  }
  const size_t fitting = LH_BATCH_BYTES / row_bytes;
  return fitting > LH_BATCH_ROWS ? LH_BATCH_ROWS : fitting < LEAST_ROWS ? LEAST_ROWS : fitting;
}

lh_status lh_batch_init(struct lh_batch *batch, const struct lh_schema *schema, size_t capacity,
                        struct lh_error *err) {
  *batch = (struct lh_batch){.schema = schema};
  batch->columns = calloc(schema->field_count > 0 ? schema->field_count : 1, sizeof(*batch->columns));
  if (batch->columns == NULL) {
    return lh_error_memory(err);
  }
  batch->column_count = schema->field_count;
  for (size_t i = 0; i < schema->field_count; i++) {
    LH_TRY(init_column(&batch->columns[i], &schema->fields[i], capacity > 0 ? capacity : 1, err));
  }
  return LH_OK;
}

static void reset_column(struct lh_column *column) {
  if (column->validity != NULL) {
    memset(column->validity, 0, (column->length + 7) / 8);
  }
  column->length = 0;
  column->null_count = 0;
  lh_buf_reset(&column->data);
  for (size_t i = 0; i < column->child_count; i++) {
    reset_column(&column->children[i]);
  }
}

void lh_batch_reset(struct lh_batch *batch) {
  batch->row_count = 0;
  for (size_t i = 0; i < batch->column_count; i++) {
    reset_column(&batch->columns[i]);
  }
}

static void clear_column(struct lh_column *column) {
  lh_variant_encoder_free(column->variant);
  free(column->validity);
  free(column->values);
  free(column->offsets);
  lh_buf_clear(&column->data);
  for (size_t i = 0; i < column->child_count; i++) {
    clear_column(&column->children[i]);
  }
  free(column->children);
}

void lh_batch_clear(struct lh_batch *batch) {
  for (size_t i = 0; i < batch->column_count; i++) {
    clear_column(&batch->columns[i]);
  }
  free(batch->columns);
  *batch = (struct lh_batch){0};
}

static size_t column_bytes(const struct lh_column *column) {
  size_t bytes = column->length * column->width + column->data.len;
  if (column->offsets != NULL) {
    bytes += (column->length + 1) * sizeof(int32_t);
  }
  for (size_t i = 0; i < column->child_count; i++) {
    bytes += column_bytes(&column->children[i]);
  }
  return bytes;
}

size_t lh_batch_bytes(const struct lh_batch *batch) {
  size_t bytes = 0;
  for (size_t i = 0; i < batch->column_count; i++) {
    bytes += column_bytes(&batch->columns[i]);
  }
  return bytes;
}

/* The struct is null, so its members are too; a member that may not be null gets a zero instead, which
 * no reader looks at. */
static lh_status append_hidden(struct lh_column *column, struct lh_error *err) {
  LH_TRY(lh_column_reserve(column, 1, err));
  if (column->width > 0) {
    memset(column->values + column->length * column->width, 0, column->width);
  }
  if (column->offsets != NULL) {
    column->offsets[column->length + 1] = column->offsets[column->length];
  }
  if (column->field->type == LH_TYPE_STRUCT) {
    for (size_t i = 0; i < column->child_count; i++) {
      LH_TRY(append_hidden(&column->children[i], err));
    }
  }
  if (column->validity != NULL) {
    column->null_count++;
  }
  column->length++;
  return LH_OK;
}

lh_status lh_column_append_null(struct lh_column *column, struct lh_error *err) {
  if (!column->field->nullable) {
    const lh_status status = lh_error_set(
        err, LH_ERROR_DATA, "a null in column \"%s\", which is declared not null", column->field->name);
    strncpy(err->column, column->field->name, sizeof(err->column) - 1);
    return status;
  }
  return append_hidden(column, err);
}

lh_status lh_column_append_bytes(struct lh_column *column, const void *bytes, size_t size,
                                 struct lh_error *err) {
  LH_TRY(lh_column_reserve(column, 1, err));
  LH_TRY(lh_buf_append(&column->data, bytes, size, err));
  column->offsets[column->length + 1] = (int32_t)column->data.len;
  lh_column_push_valid(column);
  return LH_OK;
}

lh_status lh_column_append_list(struct lh_column *column, struct lh_error *err) {
  LH_TRY(lh_column_reserve(column, 1, err));
  column->offsets[column->length + 1] = (int32_t)column->children[0].length;
  lh_column_push_valid(column);
  return LH_OK;
}

lh_status lh_column_append_struct(struct lh_column *column, struct lh_error *err) {
  LH_TRY(lh_column_reserve(column, 1, err));
  lh_column_push_valid(column);
  return LH_OK;
}
