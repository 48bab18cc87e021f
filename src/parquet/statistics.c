/*
 * Statistics in one pass over dense values, a loop per kind of value. For bytes only a prefix of each
 * bound is kept: for the order of truncated bounds nothing behind it matters, but whether there is more.
 */
#include "parquet/statistics.h"

#include <limits.h>
#include <math.h>

#include "base/str.h"
#include "parquet/plain.h"

#define LIMIT_MAX_BYTES ((size_t)1 << 20)
#define CODE_POINT_MAX 0x10FFFF
#define SURROGATE_FIRST 0xD800
#define SURROGATE_LAST 0xDFFF

void lh_statistics_init(struct lh_column_statistics *statistics, const struct lh_leaf *leaf, size_t limit) {
  *statistics = (struct lh_column_statistics){.leaf = leaf};
  statistics->limit = limit < LIMIT_MAX_BYTES ? limit : LIMIT_MAX_BYTES;
  lh_buf_init(&statistics->least_bytes.prefix, LIMIT_MAX_BYTES);
  lh_buf_init(&statistics->greatest_bytes.prefix, LIMIT_MAX_BYTES);
}

void lh_statistics_reset(struct lh_column_statistics *statistics) {
  statistics->null_count = 0;
  statistics->has_values = false;
  statistics->nan_count = 0;
  lh_buf_reset(&statistics->least_bytes.prefix);
  lh_buf_reset(&statistics->greatest_bytes.prefix);
}

void lh_statistics_clear(struct lh_column_statistics *statistics) {
  lh_buf_clear(&statistics->least_bytes.prefix);
  lh_buf_clear(&statistics->greatest_bytes.prefix);
}

/* Joins the bounds of some values with those so far. */
static void merge_integers(struct lh_column_statistics *statistics, int64_t least, int64_t greatest) {
  if (!statistics->has_values || least < statistics->least.integer) {
    statistics->least.integer = least;
  }
  if (!statistics->has_values || greatest > statistics->greatest.integer) {
    statistics->greatest.integer = greatest;
  }
}

static void add_bools(struct lh_column_statistics *statistics, const struct lh_values *values) {
  uint8_t any = 0;
  uint8_t all = 1;
  for (size_t i = 0; i < values->count; i++) {
    any |= values->fixed[i];
    all &= values->fixed[i];
  }
  merge_integers(statistics, all, any);
}

static void add_int32s(struct lh_column_statistics *statistics, const struct lh_values *values) {
  const int32_t *const at = (const int32_t *)(const void *)values->fixed;
  int32_t least = at[0];
  int32_t greatest = at[0];
  for (size_t i = 1; i < values->count; i++) {
    least = at[i] < least ? at[i] : least;
    greatest = at[i] > greatest ? at[i] : greatest;
  }
  merge_integers(statistics, least, greatest);
}

static void add_int64s(struct lh_column_statistics *statistics, const struct lh_values *values) {
  const int64_t *const at = (const int64_t *)(const void *)values->fixed;
  int64_t least = at[0];
  int64_t greatest = at[0];
  for (size_t i = 1; i < values->count; i++) {
    least = at[i] < least ? at[i] : least;
    greatest = at[i] > greatest ? at[i] : greatest;
  }
  merge_integers(statistics, least, greatest);
}

static lh_int128 load128(const uint8_t *bytes) {
  lh_int128 value = 0;
  memcpy(&value, bytes, sizeof value);
  return value;
}

static void add_int128s(struct lh_column_statistics *statistics, const struct lh_values *values) {
  lh_int128 least = statistics->has_values ? statistics->least.wide : load128(values->fixed);
  lh_int128 greatest = statistics->has_values ? statistics->greatest.wide : least;
  for (size_t i = 0; i < values->count; i++) {
    const lh_int128 value = load128(values->fixed + i * sizeof value);
    least = value < least ? value : least;
    greatest = value > greatest ? value : greatest;
  }
  statistics->least.wide = least;
  statistics->greatest.wide = greatest;
}

/* `least` and `greatest` begin as +inf and -inf, so that the loop needs no first value. */
static void merge_reals(struct lh_column_statistics *statistics, double least, double greatest,
                        uint64_t nan_count) {
  statistics->nan_count += nan_count;
  if (!statistics->has_values || least < statistics->least.real) {
    statistics->least.real = least;
  }
  if (!statistics->has_values || greatest > statistics->greatest.real) {
    statistics->greatest.real = greatest;
  }
}

static void add_floats(struct lh_column_statistics *statistics, const struct lh_values *values) {
  const float *const at = (const float *)(const void *)values->fixed;
  float least = INFINITY;
  float greatest = -INFINITY;
  uint64_t nan_count = 0;
  for (size_t i = 0; i < values->count; i++) {
    least = at[i] < least ? at[i] : least;
    greatest = at[i] > greatest ? at[i] : greatest;
    nan_count += (uint64_t)__builtin_isunordered(at[i], at[i]);
  }
  merge_reals(statistics, (double)least, (double)greatest, nan_count);
}

static void add_doubles(struct lh_column_statistics *statistics, const struct lh_values *values) {
  const double *const at = (const double *)(const void *)values->fixed;
  double least = INFINITY;
  double greatest = -INFINITY;
  uint64_t nan_count = 0;
  for (size_t i = 0; i < values->count; i++) {
    least = at[i] < least ? at[i] : least;
    greatest = at[i] > greatest ? at[i] : greatest;
    nan_count += (uint64_t)__builtin_isunordered(at[i], at[i]);
  }
  merge_reals(statistics, least, greatest, nan_count);
}

static void add_uuids(struct lh_column_statistics *statistics, const struct lh_values *values) {
  const size_t width = sizeof statistics->least.uuid;
  const uint8_t *least = statistics->has_values ? statistics->least.uuid : values->fixed;
  const uint8_t *greatest = statistics->has_values ? statistics->greatest.uuid : values->fixed;
  for (size_t i = 0; i < values->count; i++) {
    const uint8_t *const value = values->fixed + i * width;
    least = memcmp(value, least, width) < 0 ? value : least;
    greatest = memcmp(value, greatest, width) > 0 ? value : greatest;
  }
  memmove(statistics->least.uuid, least, width);
  memmove(statistics->greatest.uuid, greatest, width);
}

/* The first eight bytes as a number that orders as the bytes do; short values are filled with zeros, so
 * that equal numbers decide nothing. */
static uint64_t order_key(const uint8_t *bytes, size_t size) {
  uint64_t word = 0;
  if (size >= sizeof word) {
    memcpy(&word, bytes, sizeof word);
  } else if (size > 0) {
    memcpy(&word, bytes, size);
  }
  return __builtin_bswap64(word);
}

static int compare_bytes(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size) {
  const size_t common = a_size < b_size ? a_size : b_size;
  const int order = common == 0 ? 0 : memcmp(a, b, common);
  return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

static lh_status keep_bytes(struct lh_column_statistics *statistics, struct lh_statistics_bytes *bound,
                            const uint8_t *bytes, size_t size, struct lh_error *err) {
  const size_t kept = size < statistics->limit ? size : statistics->limit;
  lh_buf_reset(&bound->prefix);
  LH_TRY(lh_buf_append(&bound->prefix, bytes, kept, err));
  bound->exact = kept == size;
  return LH_OK;
}

/* Below the least prefix: a new least. Equal to it: the least is that prefix and nothing more. */
static lh_status lower_least(struct lh_column_statistics *statistics, const uint8_t *bytes, size_t size,
                             struct lh_error *err) {
  struct lh_statistics_bytes *const least = &statistics->least_bytes;
  const int order = compare_bytes(bytes, size, least->prefix.data, least->prefix.len);
  if (order > 0) {
    return LH_OK;
  }
  return keep_bytes(statistics, least, bytes, size, err);
}

/* A value that goes on behind a prefix of full length makes it inexact; any other greater one replaces
 * it. */
static lh_status raise_greatest(struct lh_column_statistics *statistics, const uint8_t *bytes, size_t size,
                                struct lh_error *err) {
  struct lh_statistics_bytes *const greatest = &statistics->greatest_bytes;
  const size_t kept = size < statistics->limit ? size : statistics->limit;
  const int order = compare_bytes(bytes, kept, greatest->prefix.data, greatest->prefix.len);
  if (order > 0) {
    return keep_bytes(statistics, greatest, bytes, size, err);
  }
  if (order == 0 && kept < size) {
    greatest->exact = false;
  }
  return LH_OK;
}

static lh_status add_bytes(struct lh_column_statistics *statistics, const struct lh_values *values,
                           struct lh_error *err) {
  const uint8_t *const data = values->data;
  const int32_t *const offsets = values->offsets;
  size_t i = 0;
  if (!statistics->has_values) {
    const size_t size = (size_t)(offsets[1] - offsets[0]);
    LH_TRY(keep_bytes(statistics, &statistics->least_bytes, data + offsets[0], size, err));
    LH_TRY(keep_bytes(statistics, &statistics->greatest_bytes, data + offsets[0], size, err));
    i = 1;
  }
  struct lh_buf *const least = &statistics->least_bytes.prefix;
  struct lh_buf *const greatest = &statistics->greatest_bytes.prefix;
  uint64_t least_key = order_key(least->data, least->len);
  uint64_t greatest_key = order_key(greatest->data, greatest->len);
  for (; i < values->count; i++) {
    const size_t size = (size_t)(offsets[i + 1] - offsets[i]);
    const uint8_t *const bytes = data + offsets[i];
    const uint64_t key = order_key(bytes, size);
    if (key <= least_key) {
      LH_TRY(lower_least(statistics, bytes, size, err));
      least_key = order_key(least->data, least->len);
    }
    if (key >= greatest_key) {
      LH_TRY(raise_greatest(statistics, bytes, size, err));
      greatest_key = order_key(greatest->data, greatest->len);
    }
  }
  return LH_OK;
}

lh_status lh_statistics_add(struct lh_column_statistics *statistics, const struct lh_values *values,
                            struct lh_error *err) {
  if (values->count == 0) {
    return LH_OK;
  }
  switch (statistics->leaf->kind) {
    case LH_VALUE_BOOL:
      add_bools(statistics, values);
      break;
    case LH_VALUE_INT32:
      add_int32s(statistics, values);
      break;
    case LH_VALUE_INT64:
      add_int64s(statistics, values);
      break;
    case LH_VALUE_INT128:
      add_int128s(statistics, values);
      break;
    case LH_VALUE_FLOAT:
      add_floats(statistics, values);
      break;
    case LH_VALUE_DOUBLE:
      add_doubles(statistics, values);
      break;
    case LH_VALUE_UUID:
      add_uuids(statistics, values);
      break;
    case LH_VALUE_BYTES:
    default:
      LH_TRY(add_bytes(statistics, values, err));
  }
  statistics->has_values = true;
  return LH_OK;
}

/* The first index from `i` on whose byte is 1, or `count`. Eight unused ones are passed at a time. */
static size_t next_used(const uint8_t *used, size_t i, size_t count) {
  while (i < count && used[i] == 0) {
    uint64_t word = 0;
    while (count - i >= sizeof word) {
      memcpy(&word, used + i, sizeof word);
      if (word != 0) {
        return i + (size_t)__builtin_ctzll(word) / CHAR_BIT;
      }
      i += sizeof word;
    }
    i += i < count && used[i] == 0;
  }
  return i;
}

lh_status lh_statistics_add_used(struct lh_column_statistics *statistics, const struct lh_values *values,
                                 const uint8_t *used, struct lh_error *err) {
  const size_t width = statistics->leaf->width;
  for (size_t i = next_used(used, 0, values->count); i < values->count;) {
    size_t end = i + 1;
    while (end < values->count && used[end] != 0) {
      end++;
    }
    struct lh_values run = {.count = end - i};
    if (statistics->leaf->kind == LH_VALUE_BYTES) {
      run.offsets = values->offsets + i;
      run.data = values->data;
    } else {
      run.fixed = values->fixed + i * width;
    }
    LH_TRY(lh_statistics_add(statistics, &run, err));
    i = next_used(used, end, values->count);
  }
  return LH_OK;
}

int lh_statistics_compare(enum lh_value_kind kind, const union lh_statistics_value *a,
                          const union lh_statistics_value *b) {
  switch (kind) {
    case LH_VALUE_INT128:
      return (a->wide > b->wide) - (a->wide < b->wide);
    case LH_VALUE_FLOAT:
    case LH_VALUE_DOUBLE:
      return (a->real > b->real) - (a->real < b->real);
    case LH_VALUE_UUID:
      return memcmp(a->uuid, b->uuid, sizeof a->uuid);
    case LH_VALUE_BOOL:
    case LH_VALUE_INT32:
    case LH_VALUE_INT64:
    case LH_VALUE_BYTES:
    default:
      return (a->integer > b->integer) - (a->integer < b->integer);
  }
}

static lh_status copy_bound(struct lh_statistics_bytes *to, const struct lh_statistics_bytes *from,
                            struct lh_error *err) {
  lh_buf_reset(&to->prefix);
  to->exact = from->exact;
  return lh_buf_append(&to->prefix, from->prefix.data, from->prefix.len, err);
}

/* Of two equal least prefixes one that is a whole value is the least; of two equal greatest ones the value
 * that goes on is the greatest. */
static lh_status merge_bytes(struct lh_column_statistics *statistics,
                             const struct lh_column_statistics *other, struct lh_error *err) {
  struct lh_statistics_bytes *const least = &statistics->least_bytes;
  struct lh_statistics_bytes *const greatest = &statistics->greatest_bytes;
  const struct lh_buf *const low = &other->least_bytes.prefix;
  const struct lh_buf *const high = &other->greatest_bytes.prefix;
  const bool is_first = !statistics->has_values;
  const int low_order =
      is_first ? -1 : compare_bytes(low->data, low->len, least->prefix.data, least->prefix.len);
  const int high_order =
      is_first ? 1 : compare_bytes(high->data, high->len, greatest->prefix.data, greatest->prefix.len);
  if (low_order < 0) {
    LH_TRY(copy_bound(least, &other->least_bytes, err));
  } else if (low_order == 0) {
    least->exact |= other->least_bytes.exact;
  }
  if (high_order > 0) {
    LH_TRY(copy_bound(greatest, &other->greatest_bytes, err));
  } else if (high_order == 0) {
    greatest->exact &= other->greatest_bytes.exact;
  }
  return LH_OK;
}

lh_status lh_statistics_merge(struct lh_column_statistics *statistics,
                              const struct lh_column_statistics *other, struct lh_error *err) {
  statistics->null_count += other->null_count;
  statistics->nan_count += other->nan_count;
  if (!other->has_values) {
    return LH_OK;
  }
  const enum lh_value_kind kind = statistics->leaf->kind;
  if (kind == LH_VALUE_BYTES) {
    LH_TRY(merge_bytes(statistics, other, err));
  } else {
    if (!statistics->has_values || lh_statistics_compare(kind, &other->least, &statistics->least) < 0) {
      statistics->least = other->least;
    }
    if (!statistics->has_values || lh_statistics_compare(kind, &other->greatest, &statistics->greatest) > 0) {
      statistics->greatest = other->greatest;
    }
  }
  statistics->has_values = true;
  return LH_OK;
}

void lh_statistics_bounds_init(struct lh_statistics_bounds *bounds) {
  *bounds = (struct lh_statistics_bounds){0};
  lh_buf_init(&bounds->min, LIMIT_MAX_BYTES);
  lh_buf_init(&bounds->max, LIMIT_MAX_BYTES);
}

void lh_statistics_bounds_clear(struct lh_statistics_bounds *bounds) {
  lh_buf_clear(&bounds->min);
  lh_buf_clear(&bounds->max);
}

/* Start of the last UTF-8 character of well-formed text that is not empty. */
static size_t last_character(const uint8_t *text, size_t size) {
  size_t at = size - 1;
  while (at > 0 && (text[at] & 0xC0) == 0x80) {
    at--;
  }
  return at;
}

static size_t sequence_length(uint8_t lead) {
  return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/* Cuts a character that the truncation split. */
static void drop_split_character(struct lh_buf *text) {
  if (text->len == 0) {
    return;
  }
  const size_t at = last_character(text->data, text->len);
  if (text->len - at < sequence_length(text->data[at])) {
    text->len = at;
  }
}

static uint32_t decode_character(const uint8_t *at, size_t length) {
  static const uint8_t lead_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
  uint32_t code = at[0] & lead_bits[length];
  for (size_t i = 1; i < length; i++) {
    code = code << 6 | (at[i] & 0x3FU);
  }
  return code;
}

static void encode_character(uint32_t code, uint8_t *at, size_t length) {
  static const uint8_t lead_marks[] = {0, 0x00, 0xC0, 0xE0, 0xF0};
  for (size_t i = length; i > 1; i--) {
    at[i - 1] = (uint8_t)(0x80 | (code & 0x3F));
    code >>= 6;
  }
  at[0] = (uint8_t)(lead_marks[length] | code);
}

/* The least text of no more bytes that is above every text beginning with this one; false if there is
 * none. Each character is raised within its length, so that the bytes do not grow. */
static bool round_up_text(struct lh_buf *text) {
  static const uint32_t most[] = {0, 0x7F, 0x7FF, 0xFFFF, CODE_POINT_MAX};
  while (text->len > 0) {
    const size_t at = last_character(text->data, text->len);
    const size_t length = text->len - at;
    uint32_t code = decode_character(text->data + at, length) + 1;
    if (code >= SURROGATE_FIRST && code <= SURROGATE_LAST) {
      code = SURROGATE_LAST + 1;
    }
    if (code <= most[length]) {
      encode_character(code, text->data + at, length);
      return true;
    }
    text->len = at;
  }
  return false;
}

static bool round_up_bytes(struct lh_buf *bytes) {
  while (bytes->len > 0) {
    if (bytes->data[bytes->len - 1] < UINT8_MAX) {
      bytes->data[bytes->len - 1]++;
      return true;
    }
    bytes->len--;
  }
  return false;
}

static lh_status get_byte_bounds(const struct lh_column_statistics *statistics,
                                 struct lh_statistics_bounds *bounds, struct lh_error *err) {
  const struct lh_statistics_bytes *const least = &statistics->least_bytes;
  const struct lh_statistics_bytes *const greatest = &statistics->greatest_bytes;
  LH_TRY(lh_buf_append(&bounds->min, least->prefix.data, least->prefix.len, err));
  LH_TRY(lh_buf_append(&bounds->max, greatest->prefix.data, greatest->prefix.len, err));
  bounds->is_min_exact = least->exact;
  bounds->is_max_exact = greatest->exact;
  bounds->present = true;
  if (!least->exact && statistics->leaf->is_text) {
    drop_split_character(&bounds->min);
  }
  if (greatest->exact) {
    return LH_OK;
  }
  if (statistics->leaf->is_text) {
    drop_split_character(&bounds->max);
  }
  const bool is_text = statistics->leaf->is_text && lh_utf8_valid(bounds->max.data, bounds->max.len);
  bounds->present = is_text ? round_up_text(&bounds->max) : round_up_bytes(&bounds->max);
  return LH_OK;
}

/* The bounds of a fixed-width kind as one value in memory form. */
static void store_bound(const struct lh_column_statistics *statistics, bool is_min, uint8_t *out) {
  const union lh_statistics_value *const bound = is_min ? &statistics->least : &statistics->greatest;
  const double zero = is_min ? -0.0 : 0.0;
  const double real = bound->real == 0 ? zero : bound->real;
  const float real32 = (float)real;
  const int32_t int32 = (int32_t)bound->integer;
  switch (statistics->leaf->kind) {
    case LH_VALUE_BOOL:
      out[0] = (uint8_t)bound->integer;
      return;
    case LH_VALUE_INT32:
      memcpy(out, &int32, sizeof int32);
      return;
    case LH_VALUE_FLOAT:
      memcpy(out, &real32, sizeof real32);
      return;
    case LH_VALUE_DOUBLE:
      memcpy(out, &real, sizeof real);
      return;
    case LH_VALUE_INT64:
    case LH_VALUE_INT128:
    case LH_VALUE_UUID:
    case LH_VALUE_BYTES:
    default:
      memcpy(out, bound, sizeof *bound);
  }
}

lh_status lh_statistics_get_bounds(const struct lh_column_statistics *statistics,
                                   struct lh_statistics_bounds *bounds, struct lh_error *err) {
  lh_buf_reset(&bounds->min);
  lh_buf_reset(&bounds->max);
  bounds->present = false;
  /* For geometries and the parts of a VARIANT the order of bytes means nothing. */
  if (!statistics->has_values || statistics->nan_count > 0 ||
      statistics->leaf->field->geometry != LH_GEOMETRY_NONE || statistics->leaf->field->is_variant) {
    return LH_OK;
  }
  if (statistics->leaf->kind == LH_VALUE_BYTES) {
    return get_byte_bounds(statistics, bounds, err);
  }
  uint8_t value[sizeof(union lh_statistics_value)];
  uint8_t text[LH_TEXT_VALUE_MAX];
  store_bound(statistics, true, value);
  LH_TRY(lh_buf_append(&bounds->min, text, lh_plain_format_fixed(statistics->leaf, value, text), err));
  store_bound(statistics, false, value);
  LH_TRY(lh_buf_append(&bounds->max, text, lh_plain_format_fixed(statistics->leaf, value, text), err));
  bounds->present = true;
  bounds->is_min_exact = true;
  bounds->is_max_exact = true;
  return LH_OK;
}
