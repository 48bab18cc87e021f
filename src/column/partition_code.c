/* Values of partition keys as numbers, a column at a time: hours and days by division, months and years by
 * the calendar, whole numbers as they are, all else by a table of the texts met so far. */
#include <stdlib.h>
#include <string.h>

#include "column/format.h"
#include "column/partition.h"
#include "column/partition_impl.h"

#define LEAST_TEXTS 64

struct lh_partition_text {
  const uint8_t *bytes; /* NULL: a free slot */
  size_t size;
  uint64_t hash;
  int64_t code;
};

void lh_partition_coder_init(struct lh_partition_coder *coder, const struct lh_partition_key *key,
                             const struct lh_field *field) {
  *coder = (struct lh_partition_coder){.transform = key->transform, .field = field};
  lh_arena_init(&coder->arena, 0);
}

void lh_partition_coder_clear(struct lh_partition_coder *coder) {
  free(coder->texts);
  lh_arena_clear(&coder->arena);
  *coder = (struct lh_partition_coder){0};
}

/* -------- texts -------- */

/* FNV-1a, 64 bits. */
static uint64_t hash_bytes(const uint8_t *bytes, size_t size) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < size; i++) {
    hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
  }
  return hash ^ (hash >> 29);
}

static bool is_same(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size) {
  return a_size == b_size && (a_size == 0 || memcmp(a, b, a_size) == 0);
}

static struct lh_partition_text *find_slot(struct lh_partition_text *texts, size_t capacity,
                                           const uint8_t *bytes, size_t size, uint64_t hash) {
  size_t at = hash & (capacity - 1);
  for (;; at = (at + 1) & (capacity - 1)) {
    struct lh_partition_text *const slot = &texts[at];
    const bool same =
        slot->bytes != NULL && slot->hash == hash && is_same(slot->bytes, slot->size, bytes, size);
    if (same || slot->bytes == NULL) {
      return slot;
    }
  }
}

static lh_status grow_texts(struct lh_partition_coder *coder, struct lh_error *err) {
  if (coder->text_capacity > 0 && coder->text_count * 2 < coder->text_capacity) {
    return LH_OK;
  }
  const size_t capacity = coder->text_capacity > 0 ? coder->text_capacity * 2 : LEAST_TEXTS;
  struct lh_partition_text *const texts = calloc(capacity, sizeof(*texts));
  if (texts == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < coder->text_capacity; i++) {
    const struct lh_partition_text *const text = &coder->texts[i];
    if (text->bytes != NULL) {
      *find_slot(texts, capacity, text->bytes, text->size, text->hash) = *text;
    }
  }
  free(coder->texts);
  coder->texts = texts;
  coder->text_capacity = capacity;
  return LH_OK;
}

static lh_status code_text(struct lh_partition_coder *coder, const uint8_t *bytes, size_t size, int64_t *code,
                           struct lh_error *err) {
  const uint64_t hash = hash_bytes(bytes, size);
  LH_TRY(grow_texts(coder, err));
  struct lh_partition_text *const slot = find_slot(coder->texts, coder->text_capacity, bytes, size, hash);
  if (slot->bytes == NULL) {
    uint8_t *const copy = lh_arena_alloc(&coder->arena, size > 0 ? size : 1);
    if (copy == NULL) {
      return lh_error_memory(err);
    }
    if (size > 0) {
      memcpy(copy, bytes, size);
    }
    *slot = (struct lh_partition_text){copy, size, hash, (int64_t)coder->text_count};
    coder->text_count++;
  }
  *code = slot->code;
  return LH_OK;
}

static const uint8_t *value_bytes(const struct lh_column *column, size_t row, size_t *size) {
  if (column->width == 0) {
    return lh_column_bytes(column, row, size);
  }
  *size = column->width;
  return column->values + row * column->width;
}

/* Most rows have the value of the one before. */
static lh_status encode_texts(struct lh_partition_coder *coder, const struct lh_column *column,
                              int64_t *codes, struct lh_error *err) {
  bool has_last = false;
  const uint8_t *last = NULL; /* may be NULL for an empty text */
  size_t last_size = 0;
  int64_t last_code = 0;
  for (size_t row = 0; row < column->length; row++) {
    size_t size = 0;
    if (!lh_column_is_valid(column, row)) {
      continue;
    }
    const uint8_t *const bytes = value_bytes(column, row, &size);
    if (!has_last || !is_same(bytes, size, last, last_size)) {
      LH_TRY(code_text(coder, bytes, size, &last_code, err));
      has_last = true;
      last = bytes;
      last_size = size;
    }
    codes[row] = last_code;
  }
  return LH_OK;
}

/* -------- numbers -------- */

static void encode_numbers(const struct lh_column *column, int64_t *codes) {
  const void *const values = column->values;
  for (size_t row = 0; row < column->length; row++) {
    codes[row] = column->width == 1   ? ((const uint8_t *)values)[row]
                 : column->width == 4 ? ((const int32_t *)values)[row]
                                      : ((const int64_t *)values)[row];
  }
}

static void encode_times(enum lh_partition_transform transform, const struct lh_column *column,
                         int64_t *codes) {
  const size_t rows = column->length;
  if (transform == LH_PARTITION_HOUR) {
    for (size_t row = 0; row < rows; row++) {
      codes[row] = lh_partition_hour_at(column, row);
    }
    return;
  }
  for (size_t row = 0; row < rows; row++) {
    codes[row] = lh_partition_day_at(column, row);
  }
  if (transform == LH_PARTITION_DAY) {
    return;
  }
  int64_t last_day = INT64_MIN;
  int64_t last_code = 0;
  for (size_t row = 0; row < rows; row++) {
    if (codes[row] != last_day) {
      last_day = codes[row];
      const struct lh_civil_date date = lh_civil_from_days(last_day);
      last_code = transform == LH_PARTITION_YEAR ? date.year : date.year * 12 + date.month - 1;
    }
    codes[row] = last_code;
  }
}

/* -------- all kinds -------- */

static void mark_nulls(const struct lh_column *column, int64_t *codes, uint8_t *nulls, uint8_t null_bit) {
  if (column->validity == NULL || column->null_count == 0) {
    return;
  }
  for (size_t row = 0; row < column->length; row++) {
    if (!lh_column_is_valid(column, row)) {
      codes[row] = 0;
      nulls[row] |= null_bit;
    }
  }
}

lh_status lh_partition_encode(struct lh_partition_coder *coder, const struct lh_column *column,
                              int64_t *codes, uint8_t *nulls, uint8_t null_bit, struct lh_error *err) {
  if (coder->transform != LH_PARTITION_IDENTITY) {
    encode_times(coder->transform, column, codes);
  } else if (column->width == 1 || column->width == 4 || column->width == 8) {
    encode_numbers(column, codes);
  } else {
    LH_TRY(encode_texts(coder, column, codes, err));
  }
  mark_nulls(column, codes, nulls, null_bit);
  return LH_OK;
}
