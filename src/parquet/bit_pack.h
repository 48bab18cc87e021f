/*
 * Bit packing of groups of eight values, least significant bit first: the RLE hybrid and the deltas share it.
 *
 * A group of `width` bits a value takes `width` bytes; up to LH_BIT_PACK_SLACK bytes behind it may be
 * scribbled on, so that whole words can be stored. Values fit their width. Spec: parquet-format Encodings.md,
 * "Run Length Encoding / Bit-Packing Hybrid", bit-packed-run.
 */
#ifndef LH_PARQUET_BIT_PACK_H
#define LH_PARQUET_BIT_PACK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LH_BIT_PACK_GROUP 8
#define LH_BIT_PACK_SLACK 32
#define LH_BIT_PACK_WORD_WIDTH 8  /* eight values fill at most a word … */
#define LH_BIT_PACK_PAIR_WIDTH 16 /* … or two */

static inline uint64_t lh_bit_join_four(const uint32_t *v, unsigned width) {
  return (uint64_t)v[0] | (uint64_t)v[1] << width | (uint64_t)v[2] << (2 * width) |
         (uint64_t)v[3] << (3 * width);
}

/* `width` 0..32. */
static inline void lh_bit_pack_group(const uint32_t *v, unsigned width, uint8_t *out) {
  if (width <= LH_BIT_PACK_WORD_WIDTH) {
    const uint64_t word = lh_bit_join_four(v, width) | lh_bit_join_four(v + 4, width) << (4 * width);
    memcpy(out, &word, sizeof word);
    return;
  }
  if (width <= LH_BIT_PACK_PAIR_WIDTH) {
    const uint64_t low = lh_bit_join_four(v, width);
    const uint64_t high = lh_bit_join_four(v + 4, width);
    __extension__ const unsigned __int128 pair = low | (unsigned __int128)high << (4 * width);
    memcpy(out, &pair, sizeof pair);
    return;
  }
  uint64_t pending = 0;
  unsigned bits = 0;
  for (size_t i = 0; i < LH_BIT_PACK_GROUP; i++) {
    pending |= (uint64_t)v[i] << bits;
    bits += width;
    if (bits >= 32) {
      const uint32_t word = (uint32_t)pending;
      memcpy(out, &word, sizeof word);
      out += sizeof word;
      pending >>= 32;
      bits -= 32;
    }
  }
  const uint32_t last = (uint32_t)pending;
  memcpy(out, &last, sizeof last);
}

/* `width` 33..64. */
static inline void lh_bit_pack_wide_group(const uint64_t *v, unsigned width, uint8_t *out) {
  __extension__ unsigned __int128 pending = 0;
  unsigned bits = 0;
  for (size_t i = 0; i < LH_BIT_PACK_GROUP; i++) {
    __extension__ const unsigned __int128 value = v[i];
    pending |= value << bits;
    bits += width;
    if (bits >= 64) {
      const uint64_t word = (uint64_t)pending;
      memcpy(out, &word, sizeof word);
      out += sizeof word;
      pending >>= 64;
      bits -= 64;
    }
  }
  const uint64_t last = (uint64_t)pending;
  memcpy(out, &last, sizeof last);
}

#endif
