/*
 * Levels and dense values. A leaf at the top has levels that are its validity bits; below lists, structs
 * and maps the levels of a range of rows are built step by step, from the root to the leaf: each step
 * turns the arrays of the parent (level, level, index) into those of the child.
 */
#include "parquet/levels.h"

#define SCRATCH_MAX_BYTES ((size_t)INT32_MAX * 8)
#define LEVEL_BYTES 2 /* of one entry of a nested leaf: a definition and a repetition level */

void lh_shredder_init(struct lh_shredder *shredder) {
  lh_buf_init(&shredder->definition, SCRATCH_MAX_BYTES);
  lh_buf_init(&shredder->repetition, SCRATCH_MAX_BYTES);
  lh_buf_init(&shredder->slots, SCRATCH_MAX_BYTES);
  lh_buf_init(&shredder->next_definition, SCRATCH_MAX_BYTES);
  lh_buf_init(&shredder->next_repetition, SCRATCH_MAX_BYTES);
  lh_buf_init(&shredder->next_slots, SCRATCH_MAX_BYTES);
  lh_buf_init(&shredder->values, SCRATCH_MAX_BYTES);
}

void lh_shredder_clear(struct lh_shredder *shredder) {
  lh_buf_clear(&shredder->definition);
  lh_buf_clear(&shredder->repetition);
  lh_buf_clear(&shredder->slots);
  lh_buf_clear(&shredder->next_definition);
  lh_buf_clear(&shredder->next_repetition);
  lh_buf_clear(&shredder->next_slots);
  lh_buf_clear(&shredder->values);
}

static lh_status resize(struct lh_buf *buf, size_t size, struct lh_error *err) {
  lh_buf_reset(buf);
  LH_TRY(lh_buf_reserve(buf, size, err));
  buf->len = size;
  return LH_OK;
}

static uint8_t bit_at(const uint8_t *bits, size_t index) {
  return (uint8_t)((bits[index >> 3] >> (index & 7)) & 1);
}

/* Bit i of `byte` becomes byte i of the result, 0 or 1. */
static uint64_t spread_bits(uint8_t byte) {
  const uint64_t picked = (byte * UINT64_C(0x0101010101010101)) & UINT64_C(0x8040201008040201);
  return ((picked + UINT64_C(0x7F7F7F7F7F7F7F7F)) >> 7) & UINT64_C(0x0101010101010101);
}

/* Bits [begin, begin + count) as bytes; returns how many are set. */
static size_t expand_bits(const uint8_t *bits, size_t begin, size_t count, uint8_t *out) {
  size_t set = 0;
  size_t i = 0;
  for (; i < count && ((begin + i) & 7) != 0; i++) {
    out[i] = bit_at(bits, begin + i);
    set += out[i];
  }
  for (; count - i >= 8; i += 8) {
    const uint8_t byte = bits[(begin + i) >> 3];
    const uint64_t word = spread_bits(byte);
    memcpy(out + i, &word, sizeof word);
    set += (size_t)__builtin_popcount(byte);
  }
  for (; i < count; i++) {
    out[i] = bit_at(bits, begin + i);
    set += out[i];
  }
  return set;
}

/* Copies the values whose `present` is 1; `width` is a constant at each call. */
static inline __attribute__((always_inline)) void compact_width(const uint8_t *values, const uint8_t *present,
                                                                size_t count, size_t width, uint8_t *out) {
  for (size_t i = 0; i < count; i++) {
    memcpy(out, values + i * width, width);
    out += present[i] * width;
  }
}

static void compact(const uint8_t *values, size_t width, const uint8_t *present, size_t count, uint8_t *out) {
  switch (width) {
    case 1:
      compact_width(values, present, count, 1, out);
      return;
    case 4:
      compact_width(values, present, count, 4, out);
      return;
    case 8:
      compact_width(values, present, count, 8, out);
      return;
    default:
      compact_width(values, present, count, 16, out);
  }
}

static lh_status refuse_gap(const struct lh_leaf *leaf, struct lh_error *err) {
  return lh_error_set(err, LH_ERROR_INTERNAL, "column \"%s\": a null of a batch holds bytes",
                      leaf->display_path);
}

/* Nulls have empty ranges, so that the offsets of the values alone describe the same bytes without gaps. */
static lh_status compact_offsets(const struct lh_leaf *leaf, const int32_t *offsets, const uint8_t *present,
                                 size_t count, struct lh_shredder *shredder, struct lh_values *out,
                                 struct lh_error *err) {
  LH_TRY(resize(&shredder->values, (count + 1) * sizeof(int32_t), err));
  int32_t *const dense = (int32_t *)shredder->values.data;
  size_t kept = 0;
  int32_t gap = 0;
  for (size_t i = 0; i < count; i++) {
    dense[kept] = offsets[i];
    gap |= (offsets[i + 1] - offsets[i]) & ((int32_t)present[i] - 1);
    kept += present[i];
  }
  dense[kept] = offsets[count];
  out->offsets = dense;
  out->count = kept;
  return gap == 0 ? LH_OK : refuse_gap(leaf, err);
}

static void borrow_values(const struct lh_column *column, const struct lh_leaf *leaf, size_t begin,
                          size_t count, struct lh_values *out) {
  out->count = count;
  if (leaf->kind == LH_VALUE_BYTES) {
    out->offsets = column->offsets + begin;
    out->data = column->data.data;
  } else {
    out->fixed = column->values + begin * column->width;
  }
}

static lh_status refuse_null(const struct lh_leaf *leaf, struct lh_error *err) {
  return lh_error_set(err, LH_ERROR_DATA, "column \"%s\" is not nullable but holds a null",
                      leaf->display_path);
}

static lh_status shred_flat(struct lh_shredder *shredder, const struct lh_leaf *leaf,
                            const struct lh_column *column, size_t begin, size_t count,
                            struct lh_shredded *out, struct lh_error *err) {
  *out = (struct lh_shredded){.entries = count};
  borrow_values(column, leaf, begin, count, &out->values);
  if (column->null_count == 0 || column->validity == NULL) {
    return LH_OK;
  }
  LH_TRY(resize(&shredder->definition, count, err));
  uint8_t *const present = shredder->definition.data;
  const size_t valid = expand_bits(column->validity, begin, count, present);
  if (valid == count) {
    return LH_OK;
  }
  if (leaf->max_definition == 0) {
    return refuse_null(leaf, err);
  }
  out->definition = present;
  if (leaf->kind == LH_VALUE_BYTES) {
    return compact_offsets(leaf, out->values.offsets, present, count, shredder, &out->values, err);
  }
  LH_TRY(resize(&shredder->values, count * column->width, err));
  compact(out->values.fixed, column->width, present, count, shredder->values.data);
  out->values.fixed = shredder->values.data;
  out->values.count = valid;
  return LH_OK;
}

struct entries {
  uint8_t *definition, *repetition;
  int32_t *slots;
  size_t count;
};

static struct entries current_entries(struct lh_shredder *shredder) {
  return (struct entries){.definition = shredder->definition.data,
                          .repetition = shredder->repetition.data,
                          .slots = (int32_t *)shredder->slots.data,
                          .count = shredder->definition.len};
}

static lh_status begin_entries(struct lh_shredder *shredder, size_t begin, size_t count,
                               struct lh_error *err) {
  LH_TRY(resize(&shredder->definition, count, err));
  LH_TRY(resize(&shredder->repetition, count, err));
  LH_TRY(resize(&shredder->slots, count * sizeof(int32_t), err));
  const struct entries entries = current_entries(shredder);
  if (count > 0) {
    memset(entries.definition, 0, count);
    memset(entries.repetition, 0, count);
  }
  for (size_t i = 0; i < count; i++) {
    entries.slots[i] = (int32_t)(begin + i);
  }
  return LH_OK;
}

/* A nullable field: present values go one level up, nulls end here. */
static lh_status step_nullable(const struct entries *entries, const struct lh_column *column,
                               const struct lh_leaf *leaf, bool nullable, struct lh_error *err) {
  const bool has_nulls = column->null_count > 0 && column->validity != NULL;
  if (!nullable && !has_nulls) {
    return LH_OK;
  }
  bool refused = false;
  for (size_t i = 0; i < entries->count; i++) {
    const int32_t slot = entries->slots[i];
    if (slot < 0) {
      continue;
    }
    if (has_nulls && bit_at(column->validity, (size_t)slot) == 0) {
      entries->slots[i] = -1;
      refused = !nullable;
    } else {
      entries->definition[i] = (uint8_t)(entries->definition[i] + nullable);
    }
  }
  return refused ? refuse_null(leaf, err) : LH_OK;
}

static size_t count_expanded(const struct entries *entries, const int32_t *offsets) {
  size_t count = 0;
  for (size_t i = 0; i < entries->count; i++) {
    const int32_t slot = entries->slots[i];
    const int32_t length = slot < 0 ? 0 : offsets[slot + 1] - offsets[slot];
    count += length > 0 ? (size_t)length : 1;
  }
  return count;
}

static void swap_bufs(struct lh_buf *a, struct lh_buf *b) {
  const struct lh_buf kept = *a;
  *a = *b;
  *b = kept;
}

/* A LIST or MAP: an entry for each element; empty lists end here. */
static lh_status step_repeated(struct lh_shredder *shredder, const struct lh_column *column, uint8_t level,
                               struct lh_error *err) {
  const struct entries from = current_entries(shredder);
  const int32_t *const offsets = column->offsets;
  const size_t count = count_expanded(&from, offsets);
  LH_TRY(resize(&shredder->next_definition, count, err));
  LH_TRY(resize(&shredder->next_repetition, count, err));
  LH_TRY(resize(&shredder->next_slots, count * sizeof(int32_t), err));
  uint8_t *const definition = shredder->next_definition.data;
  uint8_t *const repetition = shredder->next_repetition.data;
  int32_t *const slots = (int32_t *)shredder->next_slots.data;
  size_t at = 0;
  for (size_t i = 0; i < from.count; i++) {
    const int32_t slot = from.slots[i];
    const int32_t first = slot < 0 ? 0 : offsets[slot];
    const int32_t end = slot < 0 ? 0 : offsets[slot + 1];
    if (first >= end) {
      definition[at] = from.definition[i];
      repetition[at] = from.repetition[i];
      slots[at++] = -1;
      continue;
    }
    for (int32_t element = first; element < end; element++) {
      definition[at] = (uint8_t)(from.definition[i] + 1);
      repetition[at] = element == first ? from.repetition[i] : level;
      slots[at++] = element;
    }
  }
  swap_bufs(&shredder->definition, &shredder->next_definition);
  swap_bufs(&shredder->repetition, &shredder->next_repetition);
  swap_bufs(&shredder->slots, &shredder->next_slots);
  return LH_OK;
}

static lh_status gather_offsets(const struct lh_leaf *leaf, const struct lh_column *column,
                                const struct entries *entries, struct lh_shredder *shredder,
                                struct lh_values *out, struct lh_error *err) {
  LH_TRY(resize(&shredder->values, (entries->count + 1) * sizeof(int32_t), err));
  int32_t *const dense = (int32_t *)shredder->values.data;
  size_t kept = 0;
  int32_t end = 0;
  dense[0] = 0;
  for (size_t i = 0; i < entries->count; i++) {
    const int32_t slot = entries->slots[i];
    if (slot < 0) {
      continue;
    }
    if (kept > 0 && column->offsets[slot] != end) {
      return refuse_gap(leaf, err);
    }
    dense[kept++] = column->offsets[slot];
    end = column->offsets[slot + 1];
    dense[kept] = end;
  }
  out->count = kept;
  out->offsets = dense;
  out->data = column->data.data;
  return LH_OK;
}

static lh_status gather_fixed(const struct lh_column *column, const struct entries *entries,
                              struct lh_shredder *shredder, struct lh_values *out, struct lh_error *err) {
  const size_t width = column->width;
  LH_TRY(resize(&shredder->values, entries->count * width, err));
  uint8_t *to = shredder->values.data;
  size_t kept = 0;
  for (size_t i = 0; i < entries->count; i++) {
    const int32_t slot = entries->slots[i];
    if (slot >= 0) {
      memcpy(to, column->values + (size_t)slot * width, width);
      to += width;
      kept++;
    }
  }
  out->count = kept;
  out->fixed = shredder->values.data;
  return LH_OK;
}

static lh_status shred_nested(struct lh_shredder *shredder, const struct lh_leaf *leaf,
                              const struct lh_column *columns, size_t begin, size_t count,
                              struct lh_shredded *out, struct lh_error *err) {
  *out = (struct lh_shredded){0};
  LH_TRY(begin_entries(shredder, begin, count, err));
  const struct lh_column *column = &columns[leaf->steps[0].child];
  uint8_t level = 0;
  for (size_t i = 0;; i++) {
    const struct entries entries = current_entries(shredder);
    LH_TRY(step_nullable(&entries, column, leaf, leaf->steps[i].nullable, err));
    if (leaf->steps[i].repeated) {
      LH_TRY(step_repeated(shredder, column, ++level, err));
    }
    if (i + 1 == leaf->step_count) {
      break;
    }
    column = &column->children[leaf->steps[i + 1].child];
  }
  const struct entries entries = current_entries(shredder);
  out->entries = entries.count;
  out->definition = leaf->max_definition > 0 ? entries.definition : NULL;
  out->repetition = leaf->max_repetition > 0 ? entries.repetition : NULL;
  if (leaf->kind == LH_VALUE_BYTES) {
    return gather_offsets(leaf, column, &entries, shredder, &out->values, err);
  }
  return gather_fixed(column, &entries, shredder, &out->values, err);
}

lh_status lh_shred(struct lh_shredder *shredder, const struct lh_leaf *leaf, const struct lh_column *columns,
                   size_t begin, size_t count, struct lh_shredded *out, struct lh_error *err) {
  if (leaf->step_count == 1) {
    return shred_flat(shredder, leaf, &columns[leaf->steps[0].child], begin, count, out, err);
  }
  return shred_nested(shredder, leaf, columns, begin, count, out, err);
}

size_t lh_shred_estimate(const struct lh_leaf *leaf, const struct lh_column *columns, size_t begin,
                         size_t end) {
  const size_t rows = end - begin;
  const struct lh_column *column = &columns[leaf->steps[0].child];
  for (size_t i = 0;; i++) {
    if (leaf->steps[i].repeated) {
      begin = (size_t)column->offsets[begin];
      end = (size_t)column->offsets[end];
    }
    if (i + 1 == leaf->step_count) {
      break;
    }
    column = &column->children[leaf->steps[i + 1].child];
  }
  size_t bytes = (end - begin) * leaf->file_width;
  if (leaf->kind == LH_VALUE_BYTES) {
    bytes += (size_t)(column->offsets[end] - column->offsets[begin]);
  }
  if (leaf->step_count > 1) {
    bytes += (rows + end - begin) * LEVEL_BYTES;
  }
  return bytes;
}
