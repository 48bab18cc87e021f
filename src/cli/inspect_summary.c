/* Column chunks summed up over row groups, the least of their minima and the greatest of their maxima by the
 * column's own order; and the walk over a schema. */
#include <string.h>

#include "cli/inspect.h"
#include "parquet/values.h"

#define UNNAMED_BIT (UINT32_C(1) << 31)

/* Numbers of parquet.thrift's ConvertedType and LogicalType that decide how values are ordered. */
enum { CONVERTED_DECIMAL = 5, CONVERTED_UINT_8 = 11, CONVERTED_UINT_64 = 14, CONVERTED_INTERVAL = 21 };
enum { LOGICAL_DECIMAL = 5, LOGICAL_INTEGER = 10, LOGICAL_FLOAT16 = 15 };

static bool is_unsigned(const struct lh_parquet_schema_element *element) {
  return (element->converted_type >= CONVERTED_UINT_8 && element->converted_type <= CONVERTED_UINT_64) ||
         (element->logical_type == LOGICAL_INTEGER && element->logical_signed == 0);
}

static bool is_decimal(const struct lh_parquet_schema_element *element) {
  return element->converted_type == CONVERTED_DECIMAL || element->logical_type == LOGICAL_DECIMAL;
}

static bool is_of_width(const struct lh_parquet_bytes *one, const struct lh_parquet_bytes *other,
                        size_t width) {
  return one->size == width && other->size == width;
}

static bool compare_int32(const struct lh_parquet_schema_element *element, const struct lh_parquet_bytes *one,
                          const struct lh_parquet_bytes *other, int *order) {
  int32_t a = 0;
  int32_t b = 0;
  if (!is_of_width(one, other, sizeof(a))) {
    return false;
  }
  memcpy(&a, one->data, sizeof(a));
  memcpy(&b, other->data, sizeof(b));
  *order =
      is_unsigned(element) ? ((uint32_t)a > (uint32_t)b) - ((uint32_t)a < (uint32_t)b) : (a > b) - (a < b);
  return true;
}

static bool compare_int64(const struct lh_parquet_schema_element *element, const struct lh_parquet_bytes *one,
                          const struct lh_parquet_bytes *other, int *order) {
  int64_t a = 0;
  int64_t b = 0;
  if (!is_of_width(one, other, sizeof(a))) {
    return false;
  }
  memcpy(&a, one->data, sizeof(a));
  memcpy(&b, other->data, sizeof(b));
  *order =
      is_unsigned(element) ? ((uint64_t)a > (uint64_t)b) - ((uint64_t)a < (uint64_t)b) : (a > b) - (a < b);
  return true;
}

static bool compare_float(const struct lh_parquet_bytes *one, const struct lh_parquet_bytes *other,
                          int *order) {
  float a = 0;
  float b = 0;
  if (!is_of_width(one, other, sizeof(a))) {
    return false;
  }
  memcpy(&a, one->data, sizeof(a));
  memcpy(&b, other->data, sizeof(b));
  *order = (a > b) - (a < b);
  return true;
}

static bool compare_double(const struct lh_parquet_bytes *one, const struct lh_parquet_bytes *other,
                           int *order) {
  double a = 0;
  double b = 0;
  if (!is_of_width(one, other, sizeof(a))) {
    return false;
  }
  memcpy(&a, one->data, sizeof(a));
  memcpy(&b, other->data, sizeof(b));
  *order = (a > b) - (a < b);
  return true;
}

/* Byte `i` of a big-endian two's complement number widened to `width` bytes, so that bytes compare as numbers
 * do once the sign is turned. */
static unsigned decimal_byte(const struct lh_parquet_bytes *value, size_t width, size_t i) {
  const unsigned sign = value->size > 0 && (value->data[0] & 0x80) != 0 ? 0xFF : 0;
  const size_t filled = width - value->size;
  const unsigned byte = i < filled ? sign : value->data[i - filled];
  return i == 0 ? byte ^ 0x80 : byte;
}

static int compare_decimal(const struct lh_parquet_bytes *one, const struct lh_parquet_bytes *other) {
  const size_t width = one->size > other->size ? one->size : other->size;
  for (size_t i = 0; i < width; i++) {
    const unsigned a = decimal_byte(one, width, i);
    const unsigned b = decimal_byte(other, width, i);
    if (a != b) {
      return a < b ? -1 : 1;
    }
  }
  return 0;
}

static int compare_bytes(const struct lh_parquet_bytes *one, const struct lh_parquet_bytes *other) {
  const size_t shorter = one->size < other->size ? one->size : other->size;
  const int order = shorter > 0 ? memcmp(one->data, other->data, shorter) : 0;
  return order != 0 ? order : (one->size > other->size) - (one->size < other->size);
}

/* False where the type has no order, or a value not the form of its type. */
static bool compare(const struct lh_parquet_schema_element *element, const struct lh_parquet_bytes *one,
                    const struct lh_parquet_bytes *other, int *order) {
  switch (element->type) {
    case LH_PARQUET_BOOLEAN:
      *order = compare_bytes(one, other);
      return true;
    case LH_PARQUET_INT32:
      return compare_int32(element, one, other, order);
    case LH_PARQUET_INT64:
      return compare_int64(element, one, other, order);
    case LH_PARQUET_FLOAT:
      return compare_float(one, other, order);
    case LH_PARQUET_DOUBLE:
      return compare_double(one, other, order);
    case LH_PARQUET_BYTE_ARRAY:
    case LH_PARQUET_FIXED:
      if (element->converted_type == CONVERTED_INTERVAL || element->logical_type == LOGICAL_FLOAT16) {
        return false;
      }
      *order = is_decimal(element) ? compare_decimal(one, other) : compare_bytes(one, other);
      return true;
    default:
      return false;
  }
}

/* Takes one chunk's bound into the sum's. `sign` 1 keeps the greater, -1 the lesser. False where they cannot
 * be compared. */
static bool merge_bound(const struct lh_parquet_schema_element *element, int sign,
                        const struct lh_parquet_bytes *bound, bool is_exact, struct lh_parquet_bytes *sum,
                        bool *is_sum_exact) {
  int order = 1;
  if (sum->data != NULL && !compare(element, bound, sum, &order)) {
    return false;
  }
  if (sum->data == NULL || sign * order > 0) {
    *sum = *bound;
    *is_sum_exact = is_exact;
  }
  return true;
}

static bool merge_bounds(const struct lh_parquet_column_chunk *chunk, struct lh_inspect_summary *out) {
  const struct lh_parquet_statistics *const statistics = &chunk->statistics;
  if (chunk->num_values == 0 || statistics->null_count == chunk->num_values) {
    return true;
  }
  return statistics->min_value.data != NULL && statistics->max_value.data != NULL &&
         merge_bound(out->element, -1, &statistics->min_value, statistics->is_min_exact != 0, &out->min,
                     &out->is_min_exact) &&
         merge_bound(out->element, 1, &statistics->max_value, statistics->is_max_exact != 0, &out->max,
                     &out->is_max_exact);
}

static uint32_t bit_of(int number) {
  return number >= 0 && number < 31 ? UINT32_C(1) << number : UNNAMED_BIT;
}

static void sum_indexes(const struct lh_parquet_column_chunk *chunk, struct lh_inspect_summary *out) {
  out->chunks++;
  out->offset_indexes += chunk->offset_index_offset >= 0;
  out->column_indexes += chunk->column_index_offset >= 0;
  if (chunk->bloom_filter_offset < 0) {
    return;
  }
  const bool known = out->bloom_bytes >= 0 && chunk->bloom_filter_bytes >= 0;
  if (!known || __builtin_add_overflow(out->bloom_bytes, chunk->bloom_filter_bytes, &out->bloom_bytes)) {
    out->bloom_bytes = -1;
  }
}

void lh_inspect_summarise(const struct lh_parquet_footer *footer, size_t column, size_t first_group,
                          size_t group_count, struct lh_inspect_summary *out) {
  bool bounded = true;
  for (size_t i = first_group; i < first_group + group_count; i++) {
    const struct lh_parquet_column_chunk *const chunk = &footer->row_groups[i].columns[column];
    if (i == first_group) {
      *out = (struct lh_inspect_summary){
          .path = chunk->path,
          .element = &footer->schema[chunk->schema_index],
          .is_min_exact = true,
          .is_max_exact = true,
      };
    }
    out->codecs |= bit_of(chunk->codec);
    for (size_t j = 0; j < chunk->encoding_count; j++) {
      out->encodings |= bit_of(chunk->encodings[j]);
    }
    const bool nulls_known = out->nulls >= 0 && chunk->statistics.null_count >= 0;
    if (!nulls_known || __builtin_add_overflow(out->nulls, chunk->statistics.null_count, &out->nulls)) {
      out->nulls = -1;
    }
    /* Each is checked against the file's size or is a sum of rows; a file that overflows them is a lie. */
    out->values = (int64_t)((uint64_t)out->values + (uint64_t)chunk->num_values);
    out->uncompressed_bytes =
        (int64_t)((uint64_t)out->uncompressed_bytes + (uint64_t)chunk->uncompressed_bytes);
    out->compressed_bytes = (int64_t)((uint64_t)out->compressed_bytes + (uint64_t)chunk->compressed_bytes);
    bounded = bounded && merge_bounds(chunk, out);
    sum_indexes(chunk, out);
  }
  if (!bounded) {
    out->min = (struct lh_parquet_bytes){0};
    out->max = (struct lh_parquet_bytes){0};
  }
}

void lh_inspect_walk_start(struct lh_inspect_walk *walk, const struct lh_parquet_footer *footer) {
  *walk = (struct lh_inspect_walk){.next = 1, .depth = 0};
  walk->remaining[0] = footer->schema_count > 0 ? footer->schema[0].child_count : 0;
}

const struct lh_parquet_schema_element *lh_inspect_walk_next(struct lh_inspect_walk *walk,
                                                             const struct lh_parquet_footer *footer) {
  if (walk->next >= footer->schema_count) {
    return NULL;
  }
  /* From the last element down into its children, or up to the next ancestor that has more. */
  size_t level = walk->depth;
  while (level > 0 && walk->remaining[level] == 0) {
    level--;
  }
  walk->remaining[level]--;
  const struct lh_parquet_schema_element *const element = &footer->schema[walk->next++];
  walk->depth = level + 1;
  if (walk->depth <= LH_INSPECT_DEPTH_MAX) {
    walk->remaining[walk->depth] = element->child_count;
  }
  return element;
}

lh_status lh_inspect_check_depth(const struct lh_parquet_footer *footer, const char *path,
                                 struct lh_error *err) {
  struct lh_inspect_walk walk;
  lh_inspect_walk_start(&walk, footer);
  while (lh_inspect_walk_next(&walk, footer) != NULL) {
    if (walk.depth > LH_INSPECT_DEPTH_MAX) {
      return lh_error_set(err, LH_ERROR_UNSUPPORTED, "the schema of %s is nested deeper than %d levels", path,
                          LH_INSPECT_DEPTH_MAX);
    }
  }
  return LH_OK;
}
