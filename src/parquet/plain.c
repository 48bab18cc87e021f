/*
 * PLAIN encoder: one copy for values that lie in memory as in the file, a loop per form for the others.
 */
#include "parquet/plain.h"

#define LENGTH_BYTES 4
#define SHORT_COPY_BYTES 16
#define UUID_BYTES 16
#define UUID_TEXT_BYTES 36
#define MICROS_PER_SECOND 1000000
#define SECONDS_PER_HOUR 3600
#define FRACTION_DIGITS 6

void lh_plain_format_uuid(const uint8_t *uuid, char *out) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < UUID_BYTES; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      *out++ = '-';
    }
    *out++ = digits[uuid[i] >> 4];
    *out++ = digits[uuid[i] & 15];
  }
}

static void put_two_digits(char *out, uint64_t value) {
  out[0] = (char)('0' + value / 10 % 10);
  out[1] = (char)('0' + value % 10);
}

size_t lh_plain_format_time(int64_t micros, char *out) {
  const uint64_t all = (uint64_t)micros;
  const uint64_t seconds = all / MICROS_PER_SECOND;
  put_two_digits(out, seconds / SECONDS_PER_HOUR);
  out[2] = ':';
  put_two_digits(out + 3, seconds / 60 % 60);
  out[5] = ':';
  put_two_digits(out + 6, seconds % 60);
  uint64_t fraction = all % MICROS_PER_SECOND;
  size_t length = 8;
  if (fraction == 0) {
    return length;
  }
  out[length] = '.';
  for (size_t i = FRACTION_DIGITS; i > 0; i--) {
    out[length + i] = (char)('0' + fraction % 10);
    fraction /= 10;
  }
  length += 1 + FRACTION_DIGITS;
  while (out[length - 1] == '0') {
    length--;
  }
  return length;
}

static void put_length(uint8_t *out, size_t length) {
  const uint32_t little_endian = (uint32_t)length;
  memcpy(out, &little_endian, LENGTH_BYTES);
}

static lh_status append_copy(const struct lh_values *values, size_t width, struct lh_buf *out,
                             struct lh_error *err) {
  return lh_buf_append(out, values->fixed, values->count * width, err);
}

static lh_int128 load128(const uint8_t *bytes) {
  lh_int128 value = 0;
  memcpy(&value, bytes, sizeof value);
  return value;
}

static void put_decimal(const uint8_t *value, size_t width, uint8_t *out) {
  lh_uint128 rest = (lh_uint128)load128(value);
  for (size_t i = width; i > 0; i--) {
    out[i - 1] = (uint8_t)rest;
    rest >>= 8;
  }
}

static lh_status append_decimals(const struct lh_values *values, size_t width, struct lh_buf *out,
                                 struct lh_error *err) {
  LH_TRY(lh_buf_reserve(out, values->count * width, err));
  uint8_t *at = out->data + out->len;
  for (size_t i = 0; i < values->count; i++) {
    put_decimal(values->fixed + i * sizeof(lh_int128), width, at);
    at += width;
  }
  out->len += values->count * width;
  return LH_OK;
}

static lh_status append_uuid_texts(const struct lh_values *values, struct lh_buf *out, struct lh_error *err) {
  const size_t width = LENGTH_BYTES + UUID_TEXT_BYTES;
  LH_TRY(lh_buf_reserve(out, values->count * width, err));
  uint8_t *at = out->data + out->len;
  for (size_t i = 0; i < values->count; i++) {
    put_length(at, UUID_TEXT_BYTES);
    lh_plain_format_uuid(values->fixed + i * UUID_BYTES, (char *)at + LENGTH_BYTES);
    at += width;
  }
  out->len += values->count * width;
  return LH_OK;
}

static int64_t load_i64(const uint8_t *bytes) {
  int64_t value = 0;
  memcpy(&value, bytes, sizeof value);
  return value;
}

static lh_status append_time_texts(const struct lh_leaf *leaf, const struct lh_values *values,
                                   struct lh_buf *out, struct lh_error *err) {
  LH_TRY(lh_buf_reserve(out, values->count * leaf->file_width, err));
  for (size_t i = 0; i < values->count; i++) {
    uint8_t *const at = out->data + out->len;
    const int64_t micros = load_i64(values->fixed + i * sizeof(int64_t));
    const size_t length = lh_plain_format_time(micros, (char *)at + LENGTH_BYTES);
    put_length(at, length);
    out->len += LENGTH_BYTES + length;
  }
  return LH_OK;
}

static lh_status append_byte_arrays(const struct lh_values *values, struct lh_buf *out,
                                    struct lh_error *err) {
  const int32_t *const offsets = values->offsets;
  const size_t bytes = (size_t)(offsets[values->count] - offsets[0]);
  LH_TRY(lh_buf_reserve(out, bytes + values->count * LENGTH_BYTES + SHORT_COPY_BYTES, err));
  uint8_t *at = out->data + out->len;
  /* Up to here a short value may be copied as 16 bytes without reading past the source. */
  const int32_t wide_end = offsets[values->count] - SHORT_COPY_BYTES;
  for (size_t i = 0; i < values->count; i++) {
    const size_t length = (size_t)(offsets[i + 1] - offsets[i]);
    put_length(at, length);
    at += LENGTH_BYTES;
    if (length <= SHORT_COPY_BYTES && offsets[i] <= wide_end) {
      memcpy(at, values->data + offsets[i], SHORT_COPY_BYTES);
    } else if (length > 0) {
      memcpy(at, values->data + offsets[i], length);
    }
    at += length;
  }
  out->len = (size_t)(at - out->data);
  return LH_OK;
}

lh_status lh_plain_append(const struct lh_leaf *leaf, const struct lh_values *values, struct lh_buf *out,
                          struct lh_error *err) {
  if (values->count == 0) {
    return LH_OK;
  }
  if (leaf->kind == LH_VALUE_BYTES) {
    return append_byte_arrays(values, out, err);
  }
  switch (leaf->form) {
    case LH_FORM_DECIMAL:
      return append_decimals(values, leaf->file_width, out, err);
    case LH_FORM_UUID_TEXT:
      return append_uuid_texts(values, out, err);
    case LH_FORM_TIME_TEXT:
      return append_time_texts(leaf, values, out, err);
    case LH_FORM_AS_IS:
    default:
      return append_copy(values, leaf->width, out, err);
  }
}

static struct lh_values pick(const struct lh_leaf *leaf, const struct lh_values *known, uint32_t index) {
  struct lh_values one = {.count = 1};
  if (leaf->kind == LH_VALUE_BYTES) {
    one.offsets = known->offsets + index;
    one.data = known->data;
  } else {
    one.fixed = known->fixed + index * leaf->width;
  }
  return one;
}

lh_status lh_plain_append_picked(const struct lh_leaf *leaf, const struct lh_values *known,
                                 const uint32_t *indices, size_t count, size_t most_bytes, struct lh_buf *out,
                                 size_t *taken, struct lh_error *err) {
  *taken = 0;
  for (size_t i = 0; i < count; i++) {
    const struct lh_values one = pick(leaf, known, indices[i]);
    if (lh_values_bytes(&one, leaf) > most_bytes - out->len) {
      return LH_OK;
    }
    LH_TRY(lh_plain_append(leaf, &one, out, err));
    (*taken)++;
  }
  return LH_OK;
}

size_t lh_plain_format_fixed(const struct lh_leaf *leaf, const uint8_t *value, uint8_t *out) {
  switch (leaf->form) {
    case LH_FORM_DECIMAL:
      put_decimal(value, leaf->file_width, out);
      return leaf->file_width;
    case LH_FORM_UUID_TEXT:
      lh_plain_format_uuid(value, (char *)out);
      return UUID_TEXT_BYTES;
    case LH_FORM_TIME_TEXT:
      return lh_plain_format_time(load_i64(value), (char *)out);
    case LH_FORM_AS_IS:
    default:
      memcpy(out, value, leaf->width);
      return leaf->width;
  }
}
