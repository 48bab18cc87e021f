/* Values out of DuckDB's vectors into columns, a column at a time: whole runs are copied where the bytes are
 * the same on both sides, and nulls are dealt with by their bits. This is the engine's data path: nothing
 * here is allocated per value. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "column/format.h"
#include "engine/duckdb_column.h"

#define DECIMAL_TEXT_MAX 64
/* Longest text of a TIME WITH TIME ZONE: 23:59:59.999999+15:59:59 */
#define TIME_TZ_TEXT_MAX 32

/* Rows of a vector. */
struct run {
  idx_t start, count;
};

struct append {
  idx_t bad_row; /* of the vector being read when an error is returned */
  struct lh_error *err;
};

static lh_status append_rows(struct append *context, const struct lh_duckdb_reader *reader,
                             duckdb_vector vector, idx_t start, idx_t count, struct lh_column *column);

static bool is_valid(const uint64_t *mask, idx_t row) {
  return mask == NULL || ((mask[row >> 6] >> (row & 63)) & 1) != 0;
}

static lh_status fail_value(struct append *context, const struct lh_duckdb_reader *reader, idx_t row,
                            const char *what) {
  context->bad_row = row;
  lh_error_set(context->err, LH_ERROR_DATA, "column \"%s\" (%s) %s", reader->path, reader->type_name, what);
  snprintf(context->err->column, sizeof(context->err->column), "%s", reader->path);
  return LH_ERROR_DATA;
}

/* Sets the validity bits of `count` slots from the column's end on, counts nulls, and takes the slots in. */
static void push_validity(struct lh_column *column, const uint64_t *mask, idx_t start, idx_t count) {
  if (column->validity == NULL) {
    column->length += count;
    return;
  }
  uint8_t *const bits = column->validity;
  idx_t done = 0;
  if (mask == NULL || (start % 8 == 0 && column->length % 8 == 0)) {
    for (; done < count && (column->length + done) % 8 != 0; done++) {
      bits[(column->length + done) >> 3] |= (uint8_t)(1U << ((column->length + done) & 7));
    }
    const size_t bytes = (count - done) / 8;
    uint8_t *const target = bits + ((column->length + done) >> 3);
    if (mask == NULL) {
      memset(target, 0xFF, bytes);
    } else {
      memcpy(target, (const uint8_t *)mask + start / 8, bytes);
      for (size_t i = 0; i < bytes; i++) {
        column->null_count += 8U - (size_t)__builtin_popcount(target[i]);
      }
    }
    done += bytes * 8;
  }
  for (; done < count; done++) {
    if (is_valid(mask, start + done)) {
      bits[(column->length + done) >> 3] |= (uint8_t)(1U << ((column->length + done) & 7));
    } else {
      column->null_count++;
    }
  }
  column->length += count;
}

/* Nulls keep a zeroed slot. */
static void zero_nulls(struct lh_column *column, const uint64_t *mask, idx_t start, idx_t count) {
  if (mask == NULL) {
    return;
  }
  uint8_t *const values = column->values + column->length * column->width;
  for (idx_t i = 0; i < count; i++) {
    if (!is_valid(mask, start + i)) {
      memset(values + i * column->width, 0, column->width);
    }
  }
}

#define WIDEN(from, to)                                    \
  do {                                                     \
    const from *const source = (const from *)data + start; \
    to *const target = (to *)values;                       \
    for (idx_t i = 0; i < count; i++) {                    \
      target[i] = (to)source[i];                           \
    }                                                      \
  } while (0)

static void copy_fixed(enum lh_duckdb_form form, const void *data, idx_t start, idx_t count, size_t width,
                       void *values) {
  switch (form) {
    case LH_DUCKDB_INT8:
      WIDEN(int8_t, int32_t);
      return;
    case LH_DUCKDB_INT16:
      WIDEN(int16_t, int32_t);
      return;
    case LH_DUCKDB_UINT8:
      WIDEN(uint8_t, int32_t);
      return;
    case LH_DUCKDB_UINT16:
      WIDEN(uint16_t, int32_t);
      return;
    case LH_DUCKDB_UINT32:
      WIDEN(uint32_t, int64_t);
      return;
    case LH_DUCKDB_UINT64:
      WIDEN(uint64_t, lh_int128);
      return;
    default:
      memcpy(values, (const uint8_t *)data + start * width, count * width);
      return;
  }
}

static lh_uint128 decimal_limit(void) {
  const lh_uint128 ten_to_19 = 10000000000000000000U;
  return ten_to_19 * ten_to_19;
}

static lh_status append_huge(struct append *context, const struct lh_duckdb_reader *reader, const void *data,
                             const uint64_t *mask, idx_t start, idx_t count, lh_int128 *target) {
  const lh_uint128 limit = decimal_limit();
  const bool is_signed = reader->form == LH_DUCKDB_HUGEINT;
  const duckdb_hugeint *const source = data;
  for (idx_t i = 0; i < count; i++) {
    const duckdb_hugeint value = source[start + i];
    const lh_uint128 bits = ((lh_uint128)(uint64_t)value.upper << 64) | value.lower;
    const bool negative = is_signed && value.upper < 0;
    const lh_uint128 magnitude = negative ? (lh_uint128)0 - bits : bits;
    if (magnitude >= limit && is_valid(mask, start + i)) {
      char digits[DECIMAL_TEXT_MAX];
      char what[2 * DECIMAL_TEXT_MAX];
      snprintf(what, sizeof(what), "holds %s%s, which has more than 38 digits", negative ? "-" : "",
               lh_uint128_format(magnitude, digits));
      const lh_status status = fail_value(context, reader, start + i, what);
      lh_error_hint(context->err, "cast it: CAST(… AS DOUBLE) loses digits, CAST(… AS VARCHAR) keeps them");
      return status;
    }
    target[i] = (lh_int128)bits;
  }
  return LH_OK;
}

static lh_status append_dates(struct append *context, const struct lh_duckdb_reader *reader, const void *data,
                              const uint64_t *mask, idx_t start, idx_t count, int32_t *target) {
  const int32_t *const source = (const int32_t *)data + start;
  for (idx_t i = 0; i < count; i++) {
    const bool infinite = source[i] == INT32_MAX || source[i] == -INT32_MAX;
    if (infinite && !reader->raw_times && is_valid(mask, start + i)) {
      const lh_status status = fail_value(context, reader, start + i,
                                          "holds an infinite date, which a lake table has no form for");
      lh_error_hint(context->err, "turn it into NULL: CASE WHEN isfinite(x) THEN x END");
      return status;
    }
    target[i] = source[i];
  }
  return LH_OK;
}

static lh_status append_timestamps(struct append *context, const struct lh_duckdb_reader *reader,
                                   const void *data, const uint64_t *mask, idx_t start, idx_t count,
                                   int64_t *target) {
  const int64_t *const source = (const int64_t *)data + start;
  for (idx_t i = 0; i < count; i++) {
    const bool infinite = !reader->raw_times && (source[i] == INT64_MAX || source[i] == -INT64_MAX);
    const bool past_range = __builtin_mul_overflow(source[i], reader->factor, &target[i]);
    if ((infinite || past_range) && is_valid(mask, start + i)) {
      const lh_status status =
          fail_value(context, reader, start + i,
                     infinite ? "holds an infinite timestamp, which a lake table has no form for"
                              : "holds a timestamp past the range of microseconds in 64 bits");
      lh_error_hint(context->err, infinite ? "turn it into NULL: CASE WHEN isfinite(x) THEN x END"
                                           : "leave such rows out, or turn the value into NULL");
      return status;
    }
  }
  return LH_OK;
}

/* DuckDB holds a UUID as a number whose top bit is flipped, so that it sorts. */
static void append_uuids(const void *data, idx_t start, idx_t count, uint8_t *target) {
  const duckdb_hugeint *const source = (const duckdb_hugeint *)data + start;
  for (idx_t i = 0; i < count; i++) {
    const uint64_t words[2] = {__builtin_bswap64((uint64_t)source[i].upper ^ (UINT64_C(1) << 63)),
                               __builtin_bswap64(source[i].lower)};
    memcpy(target + i * sizeof(words), words, sizeof(words));
  }
}

static lh_status append_fixed(struct append *context, const struct lh_duckdb_reader *reader,
                              duckdb_vector vector, idx_t start, idx_t count, struct lh_column *column) {
  const void *const data = duckdb_vector_get_data(vector);
  const uint64_t *const mask = duckdb_vector_get_validity(vector);
  LH_TRY(lh_column_reserve(column, count, context->err));
  void *const values = column->values + column->length * column->width;
  switch (reader->form) {
    case LH_DUCKDB_HUGEINT:
    case LH_DUCKDB_UHUGEINT:
      LH_TRY(append_huge(context, reader, data, mask, start, count, values));
      break;
    case LH_DUCKDB_DATE:
      LH_TRY(append_dates(context, reader, data, mask, start, count, values));
      break;
    case LH_DUCKDB_TIMESTAMP:
      LH_TRY(append_timestamps(context, reader, data, mask, start, count, values));
      break;
    case LH_DUCKDB_UUID:
      append_uuids(data, start, count, values);
      break;
    default:
      copy_fixed(reader->form, data, start, count, column->width, values);
      break;
  }
  zero_nulls(column, mask, start, count);
  push_validity(column, mask, start, count);
  return LH_OK;
}

/* duckdb_string_t_data() without a call per value. */
static const char *string_data(const duckdb_string_t *string, uint32_t *length) {
  *length = string->value.inlined.length;
  return *length <= sizeof(string->value.inlined.inlined) ? string->value.inlined.inlined
                                                          : string->value.pointer.ptr;
}

/* A BIT is a byte that counts the padding bits at the front of the first data byte, then the data. */
static uint32_t bit_count(const uint8_t *bytes, uint32_t length) {
  return length < 2 ? 0 : (length - 1) * 8 - bytes[0];
}

static size_t format_bits(const uint8_t *bytes, uint32_t length, uint8_t *out) {
  const uint32_t count = bit_count(bytes, length);
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t position = i + bytes[0];
    out[i] = (uint8_t)('0' + ((bytes[1 + position / 8] >> (7 - position % 8)) & 1));
  }
  return count;
}

static size_t format_time_tz(uint64_t bits, uint8_t *out) {
  const duckdb_time_tz_struct parts = duckdb_from_time_tz((duckdb_time_tz){.bits = bits});
  const int32_t offset = parts.offset < 0 ? -parts.offset : parts.offset;
  char *const text = (char *)out;
  int used =
      snprintf(text, TIME_TZ_TEXT_MAX, "%02d:%02d:%02d", parts.time.hour, parts.time.min, parts.time.sec);
  if (parts.time.micros != 0) {
    used += snprintf(text + used, TIME_TZ_TEXT_MAX - (size_t)used, ".%06" PRId32, parts.time.micros);
    while (text[used - 1] == '0') {
      used--;
    }
  }
  used += snprintf(text + used, TIME_TZ_TEXT_MAX - (size_t)used, "%c%02" PRId32, parts.offset < 0 ? '-' : '+',
                   offset / 3600);
  if (offset % 3600 != 0) {
    used += snprintf(text + used, TIME_TZ_TEXT_MAX - (size_t)used, ":%02" PRId32, offset / 60 % 60);
  }
  if (offset % 60 != 0) {
    used += snprintf(text + used, TIME_TZ_TEXT_MAX - (size_t)used, ":%02" PRId32, offset % 60);
  }
  return (size_t)used;
}

static uint32_t enum_index(const struct lh_duckdb_reader *reader, const void *data, idx_t row) {
  const uint32_t index = reader->enum_width == 1   ? ((const uint8_t *)data)[row]
                         : reader->enum_width == 2 ? ((const uint16_t *)data)[row]
                                                   : ((const uint32_t *)data)[row];
  return index < reader->enum_count ? index : (uint32_t)reader->enum_count;
}

/* Bytes of one value of a variable-width column. */
static uint64_t text_bytes(const struct lh_duckdb_reader *reader, const void *data, idx_t row) {
  const duckdb_string_t *const strings = data;
  switch (reader->form) {
    case LH_DUCKDB_ENUM:
      return reader->enum_lengths[enum_index(reader, data, row)];
    case LH_DUCKDB_TIME_TZ:
      return TIME_TZ_TEXT_MAX;
    case LH_DUCKDB_BIT:
      return (uint64_t)strings[row].value.inlined.length * 8;
    default:
      return strings[row].value.inlined.length;
  }
}

static uint64_t measure_text(const struct lh_duckdb_reader *reader, duckdb_vector vector, idx_t start,
                             idx_t count) {
  const void *const data = duckdb_vector_get_data(vector);
  const uint64_t *const mask = duckdb_vector_get_validity(vector);
  uint64_t bytes = 0;
  for (idx_t row = start; row < start + count; row++) {
    if (is_valid(mask, row)) {
      bytes += text_bytes(reader, data, row);
    }
  }
  return bytes;
}

/* Writes one value to `out`, which has the room that text_bytes() told; returns the bytes written. */
static size_t copy_text(const struct lh_duckdb_reader *reader, const void *data, idx_t row, uint8_t *out) {
  if (reader->form == LH_DUCKDB_ENUM) {
    const uint32_t index = enum_index(reader, data, row);
    const uint32_t length = reader->enum_lengths[index];
    if (length > 0) {
      memcpy(out, reader->enum_values[index], length);
    }
    return length;
  }
  if (reader->form == LH_DUCKDB_TIME_TZ) {
    return format_time_tz(((const uint64_t *)data)[row], out);
  }
  uint32_t length = 0;
  const char *const bytes = string_data((const duckdb_string_t *)data + row, &length);
  if (reader->form == LH_DUCKDB_BIT) {
    return format_bits((const uint8_t *)bytes, length, out);
  }
  if (length > 0) {
    memcpy(out, bytes, length);
  }
  return length;
}

static lh_status append_text(struct append *context, const struct lh_duckdb_reader *reader,
                             duckdb_vector vector, idx_t start, idx_t count, struct lh_column *column) {
  const void *const data = duckdb_vector_get_data(vector);
  const uint64_t *const mask = duckdb_vector_get_validity(vector);
  const uint64_t bytes = measure_text(reader, vector, start, count);
  if (bytes > LH_COLUMN_MAX_BYTES - column->data.len) {
    return fail_value(context, reader, start, "holds values of more than 2 GiB together");
  }
  LH_TRY(lh_column_reserve(column, count, context->err));
  LH_TRY(lh_buf_reserve(&column->data, bytes, context->err));
  int32_t *const ends = column->offsets + column->length + 1;
  size_t used = column->data.len;
  for (idx_t i = 0; i < count; i++) {
    if (is_valid(mask, start + i)) {
      used += copy_text(reader, data, start + i, column->data.data + used);
    }
    ends[i] = (int32_t)used;
  }
  column->data.len = used;
  push_validity(column, mask, start, count);
  return LH_OK;
}

static lh_status append_intervals(struct append *context, duckdb_vector vector, idx_t start, idx_t count,
                                  struct lh_column *column) {
  const duckdb_interval *const data = duckdb_vector_get_data(vector);
  const uint64_t *const mask = duckdb_vector_get_validity(vector);
  for (idx_t row = start; row < start + count; row++) {
    if (!is_valid(mask, row)) {
      LH_TRY(lh_column_append_null(column, context->err));
      continue;
    }
    LH_TRY(lh_column_append_fixed(&column->children[0], &data[row].months, context->err));
    LH_TRY(lh_column_append_fixed(&column->children[1], &data[row].days, context->err));
    LH_TRY(lh_column_append_fixed(&column->children[2], &data[row].micros, context->err));
    LH_TRY(lh_column_append_struct(column, context->err));
  }
  return LH_OK;
}

/* Elements of a LIST, ARRAY or MAP. */
static lh_status append_elements(struct append *context, const struct lh_duckdb_reader *reader,
                                 duckdb_vector elements, struct run run, struct lh_column *column) {
  if (run.count == 0) {
    return LH_OK;
  }
  if (reader->form != LH_DUCKDB_MAP) {
    return append_rows(context, &reader->children[0], elements, run.start, run.count, &column->children[0]);
  }
  for (idx_t i = 0; i < 2; i++) {
    LH_TRY(append_rows(context, &reader->children[i], duckdb_struct_vector_get_child(elements, i), run.start,
                       run.count, &column->children[i]));
  }
  return LH_OK;
}

/* Where a row's elements are in the child vector. */
static struct run elements_of(const struct lh_duckdb_reader *reader, const void *data, idx_t row) {
  if (reader->form == LH_DUCKDB_ARRAY) {
    return (struct run){.start = row * reader->array_size, .count = reader->array_size};
  }
  const duckdb_list_entry entry = ((const duckdb_list_entry *)data)[row];
  return (struct run){.start = entry.offset, .count = entry.length};
}

static duckdb_vector element_vector(const struct lh_duckdb_reader *reader, duckdb_vector vector) {
  return reader->form == LH_DUCKDB_ARRAY ? duckdb_array_vector_get_child(vector)
                                         : duckdb_list_vector_get_child(vector);
}

/* Makes the bad row of the elements the bad row of the lists. */
static lh_status blame_list(struct append *context, const struct lh_duckdb_reader *reader,
                            duckdb_vector vector, idx_t start, idx_t count, lh_status status) {
  const void *const data = duckdb_vector_get_data(vector);
  const uint64_t *const mask = duckdb_vector_get_validity(vector);
  for (idx_t row = start; row < start + count; row++) {
    const struct run elements = elements_of(reader, data, row);
    if (is_valid(mask, row) && context->bad_row >= elements.start &&
        context->bad_row - elements.start < elements.count) {
      context->bad_row = row;
      return status;
    }
  }
  return status;
}

/* The elements of consecutive rows mostly lie one after the other, and are then read in one run. */
static lh_status append_lists(struct append *context, const struct lh_duckdb_reader *reader,
                              duckdb_vector vector, idx_t start, idx_t count, struct lh_column *column) {
  const void *const data = duckdb_vector_get_data(vector);
  const uint64_t *const mask = duckdb_vector_get_validity(vector);
  const duckdb_vector elements = element_vector(reader, vector);
  LH_TRY(lh_column_reserve(column, count, context->err));
  int32_t *const ends = column->offsets + column->length + 1;
  uint64_t end = column->children[0].length;
  struct run run = {0};
  lh_status status = LH_OK;
  for (idx_t i = 0; i < count && status == LH_OK; i++) {
    const struct run next =
        is_valid(mask, start + i) ? elements_of(reader, data, start + i) : (struct run){0};
    end += next.count;
    if (end > INT32_MAX) {
      return fail_value(context, reader, start + i, "holds more than 2^31 - 1 elements in one batch");
    }
    ends[i] = (int32_t)end;
    if (run.count > 0 && run.start + run.count == next.start) {
      run.count += next.count;
    } else if (next.count > 0) {
      status = append_elements(context, reader, elements, run, column);
      run = next;
    }
  }
  if (status == LH_OK) {
    status = append_elements(context, reader, elements, run, column);
  }
  if (status != LH_OK) {
    return blame_list(context, reader, vector, start, count, status);
  }
  push_validity(column, mask, start, count);
  return LH_OK;
}

/* Members are read in runs of present structs: what lies under a null struct is not to be looked at. */
static lh_status append_structs(struct append *context, const struct lh_duckdb_reader *reader,
                                duckdb_vector vector, idx_t start, idx_t count, struct lh_column *column) {
  const uint64_t *const mask = duckdb_vector_get_validity(vector);
  const idx_t end = start + count;
  for (idx_t row = start; row < end;) {
    if (!is_valid(mask, row)) {
      LH_TRY(lh_column_append_null(column, context->err));
      row++;
      continue;
    }
    idx_t run_end = mask == NULL ? end : row + 1;
    while (run_end < end && is_valid(mask, run_end)) {
      run_end++;
    }
    for (size_t i = 0; i < reader->child_count; i++) {
      LH_TRY(append_rows(context, &reader->children[i], duckdb_struct_vector_get_child(vector, i), row,
                         run_end - row, &column->children[i]));
    }
    LH_TRY(lh_column_reserve(column, run_end - row, context->err));
    push_validity(column, NULL, row, run_end - row);
    row = run_end;
  }
  return LH_OK;
}

static lh_status append_rows(struct append *context, const struct lh_duckdb_reader *reader,
                             duckdb_vector vector, idx_t start, idx_t count, struct lh_column *column) {
  switch (reader->form) {
    case LH_DUCKDB_BYTES:
    case LH_DUCKDB_BIT:
    case LH_DUCKDB_ENUM:
    case LH_DUCKDB_TIME_TZ:
      return append_text(context, reader, vector, start, count, column);
    case LH_DUCKDB_INTERVAL:
      return append_intervals(context, vector, start, count, column);
    case LH_DUCKDB_LIST:
    case LH_DUCKDB_ARRAY:
    case LH_DUCKDB_MAP:
      return append_lists(context, reader, vector, start, count, column);
    case LH_DUCKDB_STRUCT:
      return append_structs(context, reader, vector, start, count, column);
    default:
      return append_fixed(context, reader, vector, start, count, column);
  }
}

lh_status lh_duckdb_append_rows(const struct lh_duckdb_reader *reader, duckdb_vector vector, idx_t start,
                                idx_t count, struct lh_column *column, idx_t *bad_row, struct lh_error *err) {
  struct append context = {.bad_row = UINT64_MAX, .err = err};
  const lh_status status = append_rows(&context, reader, vector, start, count, column);
  *bad_row = context.bad_row;
  return status;
}

static uint64_t measure_lists(const struct lh_duckdb_reader *reader, duckdb_vector vector, idx_t start,
                              idx_t count) {
  const void *const data = duckdb_vector_get_data(vector);
  const uint64_t *const mask = duckdb_vector_get_validity(vector);
  const duckdb_vector elements = element_vector(reader, vector);
  uint64_t bytes = 0;
  for (idx_t row = start; row < start + count; row++) {
    if (!is_valid(mask, row)) {
      continue;
    }
    const struct run run = elements_of(reader, data, row);
    if (reader->form != LH_DUCKDB_MAP) {
      bytes += run.count * sizeof(int32_t) +
               lh_duckdb_measure_rows(&reader->children[0], elements, run.start, run.count);
      continue;
    }
    for (idx_t i = 0; i < 2; i++) {
      bytes += run.count * sizeof(int32_t) +
               lh_duckdb_measure_rows(&reader->children[i], duckdb_struct_vector_get_child(elements, i),
                                      run.start, run.count);
    }
  }
  return bytes;
}

uint64_t lh_duckdb_measure_rows(const struct lh_duckdb_reader *reader, duckdb_vector vector, idx_t start,
                                idx_t count) {
  uint64_t bytes = 0;
  switch (reader->form) {
    case LH_DUCKDB_BYTES:
    case LH_DUCKDB_BIT:
    case LH_DUCKDB_ENUM:
    case LH_DUCKDB_TIME_TZ:
      return measure_text(reader, vector, start, count);
    case LH_DUCKDB_LIST:
    case LH_DUCKDB_ARRAY:
    case LH_DUCKDB_MAP:
      return measure_lists(reader, vector, start, count);
    case LH_DUCKDB_STRUCT:
      for (size_t i = 0; i < reader->child_count; i++) {
        bytes += lh_duckdb_measure_rows(&reader->children[i], duckdb_struct_vector_get_child(vector, i),
                                        start, count);
      }
      return bytes;
    default:
      return bytes;
  }
}
