/*
 * The values of frequent types decoded in the row loop itself, without a call for each.
 *
 * A step is a column of the batch being filled. Its column's length follows only when the batch is complete:
 * until then the row says where a value belongs, and validity bits are set beforehand and cleared for nulls.
 * Whatever is unusual about a value, an infinity, a wrong length, is left to the type's decoder (decode.h),
 * so that there is one place for errors and policies. For copy_decoder.c only.
 */
#ifndef LH_POSTGRES_COPY_STEP_H
#define LH_POSTGRES_COPY_STEP_H

#include "postgres/types/decode.h"

enum lh_copy_step_kind {
  LH_STEP_CALL, /* every value is the decoder's */
  LH_STEP_BOOL,
  LH_STEP_INT2,
  LH_STEP_32,
  LH_STEP_64,
  LH_STEP_OID,
  LH_STEP_DATE,
  LH_STEP_TIMESTAMP,
  LH_STEP_UUID,
  LH_STEP_BYTES,
  LH_STEP_VERSIONED, /* a byte of 1 in front */
  LH_STEP_NUMERIC_32,
  LH_STEP_NUMERIC_64,
  LH_STEP_NUMERIC_128,
};

struct lh_copy_step {
  enum lh_copy_step_kind kind;
  int top_weight;      /* numeric: of the first of four groups, the last of which ends at or past the scale */
  uint64_t multiplier; /* numeric: the four groups, as one number, times this … */
  uint64_t divisor;    /* … and divided by this have the column's scale */
  uint64_t reciprocal; /* ceil(2^64 / divisor): exact for what four groups can be */
  uint64_t largest;    /* numeric: of the precision */
  uint8_t *values;
  int32_t *offsets;
  struct lh_column *column;
  const struct lh_pg_decoder *decoder;
};

/* What holds for all batches. */
void lh_copy_step_init(struct lh_copy_step *step, const struct lh_pg_decoder *decoder);

#define LH_NUMERIC_HEADER_BYTES 8
#define LH_NUMERIC_LANES 4
/* Of the header as one big-endian number: the sign but for "negative", and the scale's unused bits. */
#define LH_NUMERIC_UNUSUAL UINT64_C(0xbfffc000)
#define LH_NUMERIC_NEGATIVE UINT64_C(0x40000000)
#define LH_LANES(value) ((uint64_t)(value)*UINT64_C(0x0001000100010001))

/* A numeric of up to four groups of decimal digits, without a branch on how many. The groups are shifted to
 * where the column's scale wants them, then added up two by two. False: not one of the simple ones. */
static inline bool lh_copy_step_numeric(const struct lh_copy_step *step, const uint8_t *bytes, size_t length,
                                        size_t left, int64_t *out) {
  static const uint64_t masks[LH_NUMERIC_LANES + 1] = {0, UINT64_C(0xffff) << 48, UINT64_C(0xffffffff) << 32,
                                                       UINT64_C(0xffffffffffff) << 16, UINT64_MAX};
  if (__builtin_expect(left < LH_NUMERIC_HEADER_BYTES + 2 * LH_NUMERIC_LANES, 0)) {
    return false;
  }
  const uint64_t header = lh_pg_load_u64(bytes);
  const uint64_t count = header >> 48;
  const int weight = (int16_t)(header >> 32);
  const int shift = step->top_weight - weight;
  if (__builtin_expect(count > LH_NUMERIC_LANES || length != LH_NUMERIC_HEADER_BYTES + 2 * count ||
                           (header & LH_NUMERIC_UNUSUAL) != 0 || (unsigned)shift >= LH_NUMERIC_LANES ||
                           (int)count + shift > LH_NUMERIC_LANES,
                       0)) {
    return false;
  }
  const uint64_t groups = lh_pg_load_u64(bytes + LH_NUMERIC_HEADER_BYTES) & masks[count];
  /* A group of 10000 or more reaches its lane's highest bit, or has it. */
  const uint64_t past = (groups | (groups + LH_LANES(0x8000 - 10000))) & LH_LANES(0x8000);
  const uint64_t lanes = groups >> (16 * shift);
  const uint64_t low = UINT64_C(0x0000ffff0000ffff);
  const uint64_t pairs = (lanes >> 16 & low) * 10000 + (lanes & low);
  const uint64_t number = ((pairs >> 32) * 100000000 + (uint32_t)pairs) * step->multiplier;
  const uint64_t magnitude = (uint64_t)((lh_uint128)number * step->reciprocal >> 64);
  if (__builtin_expect(past != 0 || magnitude * step->divisor != number || magnitude > step->largest, 0)) {
    return false;
  }
  *out = (header & LH_NUMERIC_NEGATIVE) != 0 ? -(int64_t)magnitude : (int64_t)magnitude;
  return true;
}

/* Copies of a size known beforehand need no call; what is too much is overwritten by the next value. */
#define LH_SHORT_BYTES 16
#define LH_MEDIUM_BYTES 48

static inline bool lh_copy_step_bytes(const struct lh_copy_step *step, size_t row, const uint8_t *bytes,
                                      size_t length, size_t left) {
  struct lh_buf *const data = &step->column->data;
  const size_t room = data->cap - data->len;
  uint8_t *const to = data->data + data->len;
  if (__builtin_expect(left < LH_MEDIUM_BYTES || room < LH_MEDIUM_BYTES || length > LH_MEDIUM_BYTES, 0)) {
    if (length > room) {
      return false;
    }
    memcpy(to, bytes, length);
  } else if (length <= LH_SHORT_BYTES) {
    memcpy(to, bytes, LH_SHORT_BYTES);
  } else {
    memcpy(to, bytes, LH_MEDIUM_BYTES);
  }
  data->len += length;
  step->offsets[row + 1] = (int32_t)data->len;
  return true;
}

#define LH_STORE(type, value)                                             \
  do {                                                                    \
    const type lh_stored_ = (type)(value);                                \
    memcpy(step->values + row * sizeof(type), &lh_stored_, sizeof(type)); \
    return true;                                                          \
  } while (0)

/* `length` bytes, of `left` that can be read, as the value of `row`. False: nothing has been done, and the
 * decoder has to. */
static inline __attribute__((always_inline)) bool lh_copy_step_put(const struct lh_copy_step *step,
                                                                   size_t row, const uint8_t *bytes,
                                                                   size_t length, size_t left) {
  int64_t number = 0;
  int32_t days = 0;
  switch (step->kind) {
    case LH_STEP_BOOL:
      if (length == 1) {
        LH_STORE(uint8_t, bytes[0] != 0);
      }
      return false;
    case LH_STEP_INT2:
      if (length == 2) {
        LH_STORE(int32_t, (int16_t)lh_pg_load_u16(bytes));
      }
      return false;
    case LH_STEP_32:
      if (length == 4) {
        LH_STORE(uint32_t, lh_pg_load_u32(bytes));
      }
      return false;
    case LH_STEP_64:
      if (length == 8) {
        LH_STORE(uint64_t, lh_pg_load_u64(bytes));
      }
      return false;
    case LH_STEP_OID:
      if (length == 4) {
        LH_STORE(uint64_t, lh_pg_load_u32(bytes));
      }
      return false;
    case LH_STEP_DATE:
      if (length == 4 && lh_pg_shift_date(lh_pg_load_i32(bytes), &days)) {
        LH_STORE(int32_t, days);
      }
      return false;
    case LH_STEP_TIMESTAMP:
      if (length == 8 && lh_pg_shift_timestamp((int64_t)lh_pg_load_u64(bytes), &number)) {
        LH_STORE(int64_t, number);
      }
      return false;
    case LH_STEP_UUID:
      if (length == 16) {
        memcpy(step->values + row * 16, bytes, 16);
        return true;
      }
      return false;
    case LH_STEP_BYTES:
      return lh_copy_step_bytes(step, row, bytes, length, left);
    case LH_STEP_VERSIONED:
      return length > 0 && bytes[0] == 1 && lh_copy_step_bytes(step, row, bytes + 1, length - 1, left - 1);
    case LH_STEP_NUMERIC_32:
      if (lh_copy_step_numeric(step, bytes, length, left, &number)) {
        LH_STORE(int32_t, number);
      }
      return false;
    case LH_STEP_NUMERIC_64:
      if (lh_copy_step_numeric(step, bytes, length, left, &number)) {
        LH_STORE(int64_t, number);
      }
      return false;
    case LH_STEP_NUMERIC_128:
      if (lh_copy_step_numeric(step, bytes, length, left, &number)) {
        LH_STORE(lh_int128, number);
      }
      return false;
    case LH_STEP_CALL:
    default:
      return false;
  }
}

#undef LH_STORE

#endif
