/*
 * Delta encoder. A block's differences lie in an array on the stack; its least one is subtracted, each
 * miniblock gets the width of its greatest. Integers go block by block straight from the page; lengths of
 * byte arrays pass through a stream that fills the same block, so that no second array is needed.
 */
#include "parquet/delta.h"

#include <string.h>

#include "parquet/bit_pack.h"

#define BLOCK_VALUES 1024
#define MINIBLOCKS 16
#define MINIBLOCK_VALUES (BLOCK_VALUES / MINIBLOCKS)
#define VARINT_MAX_BYTES 10
#define HEADER_MAX_BYTES (4 * VARINT_MAX_BYTES)
#define LENGTH_BYTES 4
#define WORD_BITS 64
#define NARROW_BITS 32

static void put_varint(struct lh_buf *out, uint64_t value) {
  while (value >= 0x80) {
    out->data[out->len++] = (uint8_t)(value | 0x80);
    value >>= 7;
  }
  out->data[out->len++] = (uint8_t)value;
}

static void put_zigzag(struct lh_buf *out, int64_t value) {
  put_varint(out, (uint64_t)value << 1 ^ (uint64_t)(value >> (WORD_BITS - 1)));
}

static lh_status append_header(size_t count, int64_t first, struct lh_buf *out, struct lh_error *err) {
  LH_TRY(lh_buf_reserve(out, HEADER_MAX_BYTES, err));
  put_varint(out, BLOCK_VALUES);
  put_varint(out, MINIBLOCKS);
  put_varint(out, count);
  put_zigzag(out, first);
  return LH_OK;
}

/* Room for the least difference, the widths, and miniblocks of `width_bytes` a value. */
static lh_status reserve_block(struct lh_buf *out, size_t width_bytes, struct lh_error *err) {
  return lh_buf_reserve(out, VARINT_MAX_BYTES + MINIBLOCKS + BLOCK_VALUES * width_bytes + LH_BIT_PACK_SLACK,
                        err);
}

static void pack_miniblock(const uint32_t *values, unsigned width, struct lh_buf *out) {
  for (size_t i = 0; i < MINIBLOCK_VALUES; i += LH_BIT_PACK_GROUP) {
    lh_bit_pack_group(values + i, width, out->data + out->len);
    out->len += width;
  }
}

static void pack_wide_miniblock(const uint64_t *values, unsigned width, struct lh_buf *out) {
  uint32_t narrow[MINIBLOCK_VALUES];
  if (width <= NARROW_BITS) {
    for (size_t i = 0; i < MINIBLOCK_VALUES; i++) {
      narrow[i] = (uint32_t)values[i];
    }
    pack_miniblock(narrow, width, out);
    return;
  }
  for (size_t i = 0; i < MINIBLOCK_VALUES; i += LH_BIT_PACK_GROUP) {
    lh_bit_pack_wide_group(values + i, width, out->data + out->len);
    out->len += width;
  }
}

static unsigned round_width(unsigned width, enum lh_delta_widths widths) {
  return widths == LH_DELTA_BYTES ? (width + 7) / 8 * 8 : width;
}

static size_t used_values(size_t count) {
  return (count + MINIBLOCK_VALUES - 1) / MINIBLOCK_VALUES * MINIBLOCK_VALUES;
}

/* Widths of the unused miniblocks are zero. */
static void put_head(int64_t least, const uint8_t *miniblock_widths, struct lh_buf *out) {
  put_zigzag(out, least);
  memcpy(out->data + out->len, miniblock_widths, MINIBLOCKS);
  out->len += MINIBLOCKS;
}

/* Writes a block of `count` differences, of which the array has room for BLOCK_VALUES. A last miniblock that
 * is not full is filled up with the least, so that zeros are written. */
static void put_block32(uint32_t *deltas, size_t count, enum lh_delta_widths widths, struct lh_buf *out) {
  const size_t used = used_values(count);
  uint8_t miniblock_widths[MINIBLOCKS] = {0};
  int32_t least = (int32_t)deltas[0];
  for (size_t i = 1; i < count; i++) {
    const int32_t delta = (int32_t)deltas[i];
    least = delta < least ? delta : least;
  }
  for (size_t i = count; i < used; i++) {
    deltas[i] = (uint32_t)least;
  }
  for (size_t at = 0; at < used; at += MINIBLOCK_VALUES) {
    uint32_t any = 0;
    for (size_t i = at; i < at + MINIBLOCK_VALUES; i++) {
      deltas[i] -= (uint32_t)least;
      any |= deltas[i];
    }
    const unsigned width = any == 0 ? 0 : NARROW_BITS - (unsigned)__builtin_clz(any);
    miniblock_widths[at / MINIBLOCK_VALUES] = (uint8_t)round_width(width, widths);
  }
  put_head(least, miniblock_widths, out);
  for (size_t at = 0; at < used; at += MINIBLOCK_VALUES) {
    pack_miniblock(deltas + at, miniblock_widths[at / MINIBLOCK_VALUES], out);
  }
}

static void put_block64(uint64_t *deltas, size_t count, enum lh_delta_widths widths, struct lh_buf *out) {
  const size_t used = used_values(count);
  uint8_t miniblock_widths[MINIBLOCKS] = {0};
  int64_t least = (int64_t)deltas[0];
  for (size_t i = 1; i < count; i++) {
    const int64_t delta = (int64_t)deltas[i];
    least = delta < least ? delta : least;
  }
  for (size_t i = count; i < used; i++) {
    deltas[i] = (uint64_t)least;
  }
  for (size_t at = 0; at < used; at += MINIBLOCK_VALUES) {
    uint64_t any = 0;
    for (size_t i = at; i < at + MINIBLOCK_VALUES; i++) {
      deltas[i] -= (uint64_t)least;
      any |= deltas[i];
    }
    const unsigned width = any == 0 ? 0 : WORD_BITS - (unsigned)__builtin_clzll(any);
    miniblock_widths[at / MINIBLOCK_VALUES] = (uint8_t)round_width(width, widths);
  }
  put_head(least, miniblock_widths, out);
  for (size_t at = 0; at < used; at += MINIBLOCK_VALUES) {
    pack_wide_miniblock(deltas + at, miniblock_widths[at / MINIBLOCK_VALUES], out);
  }
}

lh_status lh_delta_append_int32(const int32_t *values, size_t count, enum lh_delta_widths widths,
                                struct lh_buf *out, struct lh_error *err) {
  uint32_t deltas[BLOCK_VALUES];
  LH_TRY(append_header(count, count == 0 ? 0 : values[0], out, err));
  for (size_t at = 1; at < count; at += BLOCK_VALUES) {
    const size_t taken = count - at < BLOCK_VALUES ? count - at : BLOCK_VALUES;
    for (size_t i = 0; i < taken; i++) {
      deltas[i] = (uint32_t)values[at + i] - (uint32_t)values[at + i - 1];
    }
    LH_TRY(reserve_block(out, sizeof(uint32_t), err));
    put_block32(deltas, taken, widths, out);
  }
  return LH_OK;
}

lh_status lh_delta_append_int64(const int64_t *values, size_t count, enum lh_delta_widths widths,
                                struct lh_buf *out, struct lh_error *err) {
  uint64_t deltas[BLOCK_VALUES];
  LH_TRY(append_header(count, count == 0 ? 0 : values[0], out, err));
  for (size_t at = 1; at < count; at += BLOCK_VALUES) {
    const size_t taken = count - at < BLOCK_VALUES ? count - at : BLOCK_VALUES;
    for (size_t i = 0; i < taken; i++) {
      deltas[i] = (uint64_t)values[at + i] - (uint64_t)values[at + i - 1];
    }
    LH_TRY(reserve_block(out, sizeof(uint64_t), err));
    put_block64(deltas, taken, widths, out);
  }
  return LH_OK;
}

/* Numbers one by one into blocks of 32 bits: the lengths of byte arrays. */
struct delta_stream {
  struct lh_buf *out;
  bool has_first;
  uint32_t previous;
  size_t pending; /* differences in `deltas` */
  uint32_t deltas[BLOCK_VALUES];
};

static lh_status flush_stream(struct delta_stream *stream, struct lh_error *err) {
  if (stream->pending == 0) {
    return LH_OK;
  }
  LH_TRY(reserve_block(stream->out, sizeof(uint32_t), err));
  put_block32(stream->deltas, stream->pending, LH_DELTA_BITS, stream->out);
  stream->pending = 0;
  return LH_OK;
}

static inline lh_status put_number(struct delta_stream *stream, uint32_t number, struct lh_error *err) {
  if (!stream->has_first) {
    put_zigzag(stream->out, (int32_t)number);
    stream->has_first = true;
  } else {
    stream->deltas[stream->pending++] = number - stream->previous;
  }
  stream->previous = number;
  return stream->pending == BLOCK_VALUES ? flush_stream(stream, err) : LH_OK;
}

/* The header's first value follows with the first number; without any it is 0. */
static lh_status begin_stream(struct delta_stream *stream, size_t count, struct lh_buf *out,
                              struct lh_error *err) {
  stream->out = out;
  stream->has_first = false;
  stream->previous = 0;
  stream->pending = 0;
  LH_TRY(append_header(count, 0, out, err));
  if (count > 0) {
    out->len--; /* the zero that append_header has put there */
  }
  return LH_OK;
}

static inline size_t take_length(const struct lh_plain_bytes *values, const uint8_t **at) {
  if (values->width > 0) {
    return values->width;
  }
  uint32_t length = 0;
  memcpy(&length, *at, LENGTH_BYTES);
  *at += LENGTH_BYTES;
  return length;
}

/* The lengths, then all bytes. */
lh_status lh_delta_append_lengths(const struct lh_plain_bytes *values, struct lh_buf *out,
                                  struct lh_error *err) {
  struct delta_stream stream;
  LH_TRY(begin_stream(&stream, values->count, out, err));
  const uint8_t *at = values->data;
  size_t total = 0;
  for (size_t i = 0; i < values->count; i++) {
    const size_t length = take_length(values, &at);
    LH_TRY(put_number(&stream, (uint32_t)length, err));
    at += length;
    total += length;
  }
  LH_TRY(flush_stream(&stream, err));
  LH_TRY(lh_buf_reserve(out, total, err));
  at = values->data;
  for (size_t i = 0; i < values->count; i++) {
    const size_t length = take_length(values, &at);
    if (length > 0) {
      memcpy(out->data + out->len, at, length);
    }
    out->len += length;
    at += length;
  }
  return LH_OK;
}

/* How many bytes two values begin with in common. */
static inline size_t common_prefix(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size) {
  const size_t most = a_size < b_size ? a_size : b_size;
  size_t common = 0;
  while (most - common >= sizeof(uint64_t)) {
    uint64_t a_word = 0;
    uint64_t b_word = 0;
    memcpy(&a_word, a + common, sizeof a_word);
    memcpy(&b_word, b + common, sizeof b_word);
    if (a_word != b_word) {
      return common + (size_t)__builtin_ctzll(a_word ^ b_word) / 8;
    }
    common += sizeof(uint64_t);
  }
  while (common < most && a[common] == b[common]) {
    common++;
  }
  return common;
}

/* The lengths of the prefixes, into `out` and as an array into `prefixes`. */
static lh_status append_prefixes(const struct lh_plain_bytes *values, struct lh_buf *prefixes,
                                 struct lh_buf *out, struct lh_error *err) {
  struct delta_stream stream;
  lh_buf_reset(prefixes);
  LH_TRY(lh_buf_reserve(prefixes, values->count * sizeof(uint32_t), err));
  LH_TRY(begin_stream(&stream, values->count, out, err));
  const uint8_t *at = values->data;
  const uint8_t *previous = values->data;
  size_t previous_length = 0;
  for (size_t i = 0; i < values->count; i++) {
    const size_t length = take_length(values, &at);
    const uint32_t prefix = (uint32_t)common_prefix(previous, previous_length, at, length);
    memcpy(prefixes->data + i * sizeof prefix, &prefix, sizeof prefix);
    LH_TRY(put_number(&stream, prefix, err));
    previous = at;
    previous_length = length;
    at += length;
  }
  return flush_stream(&stream, err);
}

static inline size_t prefix_at(const struct lh_buf *prefixes, size_t index) {
  uint32_t prefix = 0;
  memcpy(&prefix, prefixes->data + index * sizeof prefix, sizeof prefix);
  return prefix;
}

/* What follows the prefixes, as DELTA_LENGTH_BYTE_ARRAY. */
static lh_status append_suffixes(const struct lh_plain_bytes *values, const struct lh_buf *prefixes,
                                 struct lh_buf *out, struct lh_error *err) {
  struct delta_stream stream;
  LH_TRY(begin_stream(&stream, values->count, out, err));
  const uint8_t *at = values->data;
  size_t total = 0;
  for (size_t i = 0; i < values->count; i++) {
    const size_t length = take_length(values, &at);
    const size_t suffix = length - prefix_at(prefixes, i);
    LH_TRY(put_number(&stream, (uint32_t)suffix, err));
    total += suffix;
    at += length;
  }
  LH_TRY(flush_stream(&stream, err));
  LH_TRY(lh_buf_reserve(out, total, err));
  at = values->data;
  for (size_t i = 0; i < values->count; i++) {
    const size_t length = take_length(values, &at);
    const size_t prefix = prefix_at(prefixes, i);
    if (length > prefix) {
      memcpy(out->data + out->len, at + prefix, length - prefix);
    }
    out->len += length - prefix;
    at += length;
  }
  return LH_OK;
}

lh_status lh_delta_append_strings(const struct lh_plain_bytes *values, struct lh_buf *scratch,
                                  struct lh_buf *out, struct lh_error *err) {
  LH_TRY(append_prefixes(values, scratch, out, err));
  return append_suffixes(values, scratch, out, err);
}
