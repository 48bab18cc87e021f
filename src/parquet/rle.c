/*
 * RLE / bit-packed hybrid encoder. Values are looked at eight at a time: eight equal ones begin a run,
 * anything else extends the pending bit-packed stretch, so that stretches stay multiples of eight.
 * Groups are packed with overlapping wide stores (bit_pack.h).
 */
#include "parquet/rle.h"

#include "parquet/bit_pack.h"

#define GROUP LH_BIT_PACK_GROUP
#define GROUP_SLACK LH_BIT_PACK_SLACK
#define HEADER_MAX_BYTES 10

unsigned lh_rle_bit_width(uint32_t most) {
  return most == 0 ? 0 : 32U - (unsigned)__builtin_clz(most);
}

/* The caller has reserved HEADER_MAX_BYTES. */
static void put_varint(struct lh_buf *out, uint64_t value) {
  while (value >= 0x80) {
    out->data[out->len++] = (uint8_t)(value | 0x80);
    value >>= 7;
  }
  out->data[out->len++] = (uint8_t)value;
}

lh_status lh_rle_append_run(uint32_t value, size_t count, unsigned width, struct lh_buf *out,
                            struct lh_error *err) {
  LH_TRY(lh_buf_reserve(out, HEADER_MAX_BYTES + sizeof value, err));
  put_varint(out, (uint64_t)count << 1);
  memcpy(out->data + out->len, &value, sizeof value);
  out->len += (width + 7) / 8;
  return LH_OK;
}

/* Eight bytes of 0 or 1 become one byte: byte i lands in bit i. */
static uint8_t gather_bits(uint64_t bytes) {
  return (uint8_t)((bytes * UINT64_C(0x0102040810204080)) >> 56);
}

static uint64_t load64(const void *bytes) {
  uint64_t word = 0;
  memcpy(&word, bytes, sizeof word);
  return word;
}

/* A bit-packed stretch; a last group that is not full is filled with zeros. */
static lh_status append_packed(const uint32_t *values, size_t count, unsigned width, struct lh_buf *out,
                               struct lh_error *err) {
  if (count == 0) {
    return LH_OK;
  }
  const size_t groups = (count + GROUP - 1) / GROUP;
  LH_TRY(lh_buf_reserve(out, HEADER_MAX_BYTES + groups * width + GROUP_SLACK, err));
  put_varint(out, (uint64_t)groups << 1 | 1);
  uint8_t *at = out->data + out->len;
  const size_t full = count / GROUP;
  for (size_t i = 0; i < full; i++) {
    lh_bit_pack_group(values + i * GROUP, width, at);
    at += width;
  }
  if (full < groups) {
    uint32_t last[GROUP] = {0};
    memcpy(last, values + full * GROUP, (count - full * GROUP) * sizeof *values);
    lh_bit_pack_group(last, width, at);
  }
  out->len += groups * width;
  return LH_OK;
}

static bool is_equal_group(const uint32_t *v) {
  const uint64_t first = load64(v);
  if (v[0] != v[1] || load64(v + 2) != first) {
    return false;
  }
  return load64(v + 4) == first && load64(v + 6) == first;
}

lh_status lh_rle_append_indices(const uint32_t *values, size_t count, unsigned width, struct lh_buf *out,
                                struct lh_error *err) {
  if (width == 0) {
    return count == 0 ? LH_OK : lh_rle_append_run(0, count, 0, out, err);
  }
  size_t pending = 0; /* where the bit-packed stretch begins */
  size_t at = 0;
  while (count - at >= GROUP) {
    if (!is_equal_group(values + at)) {
      at += GROUP;
      continue;
    }
    size_t end = at + GROUP;
    while (end < count && values[end] == values[at]) {
      end++;
    }
    LH_TRY(append_packed(values + pending, at - pending, width, out, err));
    LH_TRY(lh_rle_append_run(values[at], end - at, width, out, err));
    at = end;
    pending = end;
  }
  return append_packed(values + pending, count - pending, width, out, err);
}

static uint64_t pack_bytes(uint64_t group, unsigned width) {
  if (width == 1) {
    return gather_bits(group);
  }
  uint64_t word = 0;
  for (unsigned i = 0; i < GROUP; i++) {
    word |= ((group >> (8 * i)) & 0xFF) << (i * width);
  }
  return word;
}

static lh_status append_packed_bytes(const uint8_t *values, size_t count, unsigned width, struct lh_buf *out,
                                     struct lh_error *err) {
  if (count == 0) {
    return LH_OK;
  }
  const size_t groups = (count + GROUP - 1) / GROUP;
  LH_TRY(lh_buf_reserve(out, HEADER_MAX_BYTES + groups * width + GROUP_SLACK, err));
  put_varint(out, (uint64_t)groups << 1 | 1);
  for (size_t i = 0; i < count; i += GROUP) {
    uint64_t group = 0;
    memcpy(&group, values + i, count - i < GROUP ? count - i : GROUP);
    const uint64_t word = pack_bytes(group, width);
    memcpy(out->data + out->len, &word, sizeof word);
    out->len += width;
  }
  return LH_OK;
}

lh_status lh_rle_append_levels(const uint8_t *values, size_t count, unsigned width, struct lh_buf *out,
                               struct lh_error *err) {
  if (width == 0) {
    return count == 0 ? LH_OK : lh_rle_append_run(0, count, 0, out, err);
  }
  size_t pending = 0;
  size_t at = 0;
  while (count - at >= GROUP) {
    const uint64_t same = values[at] * UINT64_C(0x0101010101010101);
    if (load64(values + at) != same) {
      at += GROUP;
      continue;
    }
    size_t end = at + GROUP;
    while (count - end >= GROUP && load64(values + end) == same) {
      end += GROUP;
    }
    while (end < count && values[end] == values[at]) {
      end++;
    }
    LH_TRY(append_packed_bytes(values + pending, at - pending, width, out, err));
    LH_TRY(lh_rle_append_run(values[at], end - at, width, out, err));
    at = end;
    pending = end;
  }
  return append_packed_bytes(values + pending, count - pending, width, out, err);
}

lh_status lh_rle_append_bits(const uint8_t *values, size_t count, struct lh_buf *out, struct lh_error *err) {
  LH_TRY(lh_buf_reserve(out, (count + 7) / 8, err));
  for (size_t i = 0; i < count; i += GROUP) {
    uint64_t group = 0;
    memcpy(&group, values + i, count - i < GROUP ? count - i : GROUP);
    out->data[out->len++] = gather_bits(group);
  }
  return LH_OK;
}
