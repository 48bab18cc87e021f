/*
 * Bloom filter. A value's hash chooses a block by its upper half and one bit in each of the block's eight
 * words by its lower half.
 */
#include "parquet/bloom.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "parquet/thrift.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define BLOCK_WORDS 8
#define BLOCK_BYTES (BLOCK_WORDS * sizeof(uint32_t))
#define WORD_BITS 32
#define LENGTH_BYTES 4
/* At least; a power of two of blocks gives 8 to 16, which is 2.5 % to 0.06 % false positives, on average well
 * under 1 %: (1 - exp(-8 / bits))^8. */
#define BITS_PER_VALUE 8
#define MOST_BLOCKS (LH_BLOOM_MAX_BYTES / BLOCK_BYTES)

/* Blocks for that many values, a power of two. */
static size_t blocks_for(uint64_t distinct) {
  size_t blocks = 1;
  while (blocks < MOST_BLOCKS &&
         (double)(blocks * BLOCK_BYTES * CHAR_BIT) < (double)distinct * BITS_PER_VALUE) {
    blocks *= 2;
  }
  return blocks;
}

lh_status lh_bloom_open(struct lh_bloom *bloom, uint64_t values_most, size_t bytes_most,
                        struct lh_error *err) {
  bloom->block_count = blocks_for(values_most);
  while (bloom->block_count > 1 && bloom->block_count * BLOCK_BYTES > bytes_most) {
    bloom->block_count /= 2;
  }
  bloom->words = calloc(bloom->block_count, BLOCK_BYTES);
  return bloom->words != NULL ? LH_OK : lh_error_memory(err);
}

void lh_bloom_clear(struct lh_bloom *bloom) {
  free(bloom->words);
  *bloom = (struct lh_bloom){0};
}

size_t lh_bloom_bytes(const struct lh_bloom *bloom) {
  return bloom->words == NULL ? 0 : bloom->block_count * BLOCK_BYTES;
}

bool lh_bloom_suits(const struct lh_leaf *leaf) {
  const bool is_plain_bytes = leaf->field->geometry == LH_GEOMETRY_NONE;
  return leaf->step_count == 1 && is_plain_bytes && leaf->kind != LH_VALUE_BOOL &&
         leaf->kind != LH_VALUE_FLOAT && leaf->kind != LH_VALUE_DOUBLE;
}

static const uint32_t salts[BLOCK_WORDS] = {0x47b6137bU, 0x44974d91U, 0x8824ad5bU, 0xa2b7289dU,
                                            0x705495c7U, 0x2df1424bU, 0x9efc4947U, 0x5c6bfb31U};

static inline uint32_t *block_of(const struct lh_bloom *bloom, uint64_t hash) {
  return bloom->words + (size_t)(((hash >> 32) * bloom->block_count) >> 32) * BLOCK_WORDS;
}

static inline void add_hash(const struct lh_bloom *bloom, uint64_t hash) {
  uint32_t *const block = block_of(bloom, hash);
  const uint32_t key = (uint32_t)hash;
  for (size_t i = 0; i < BLOCK_WORDS; i++) {
    block[i] |= UINT32_C(1) << ((key * salts[i]) >> 27);
  }
}

void lh_bloom_add_plain(struct lh_bloom *bloom, const struct lh_leaf *leaf, const uint8_t *plain,
                        size_t count) {
  if (plain == NULL) {
    return; /* count is 0 */
  }
  if (leaf->type != LH_PARQUET_BYTE_ARRAY) {
    for (size_t i = 0; i < count; i++) {
      add_hash(bloom, XXH64(plain + i * leaf->file_width, leaf->file_width, 0));
    }
    return;
  }
  for (size_t i = 0; i < count; i++) {
    uint32_t length = 0;
    memcpy(&length, plain, LENGTH_BYTES);
    add_hash(bloom, XXH64(plain + LENGTH_BYTES, length, 0));
    plain += LENGTH_BYTES + length;
  }
}

bool lh_bloom_may_hold(const struct lh_bloom *bloom, const void *value, size_t size) {
  const uint64_t hash = XXH64(value != NULL ? value : "", size, 0);
  const uint32_t *const block = block_of(bloom, hash);
  const uint32_t key = (uint32_t)hash;
  for (size_t i = 0; i < BLOCK_WORDS; i++) {
    if ((block[i] & UINT32_C(1) << ((key * salts[i]) >> 27)) == 0) {
      return false;
    }
  }
  return true;
}

/* A value sets one bit of 32 in each word of its block; with blocks taken at random a bit stays unset with
 * the probability exp(-values / (blocks * 32)). */
uint64_t lh_bloom_estimate_distinct(const struct lh_bloom *bloom) {
  const size_t words = bloom->block_count * BLOCK_WORDS;
  uint64_t set = 0;
  for (size_t i = 0; i < words; i++) {
    set += (uint64_t)__builtin_popcount(bloom->words[i]);
  }
  const double bits = (double)words * WORD_BITS;
  if ((double)set >= bits) {
    return UINT64_MAX;
  }
  return (uint64_t)(-(double)(bloom->block_count * WORD_BITS) * log1p(-(double)set / bits) + 0.5);
}

void lh_bloom_fold(struct lh_bloom *bloom, uint64_t distinct) {
  const size_t wanted = blocks_for(distinct);
  while (bloom->block_count > wanted) {
    bloom->block_count /= 2;
    for (size_t i = 0; i < bloom->block_count; i++) {
      for (size_t word = 0; word < BLOCK_WORDS; word++) {
        bloom->words[i * BLOCK_WORDS + word] =
            bloom->words[2 * i * BLOCK_WORDS + word] | bloom->words[(2 * i + 1) * BLOCK_WORDS + word];
      }
    }
  }
}

double lh_bloom_bits_per_value(const struct lh_bloom *bloom, uint64_t distinct) {
  return (double)lh_bloom_bytes(bloom) * CHAR_BIT / (distinct > 0 ? (double)distinct : 1);
}

/* A union whose only member is an empty struct. */
static void write_marker(struct lh_thrift_writer *w, int id) {
  lh_thrift_begin_struct_field(w, id);
  lh_thrift_write_empty_struct(w, 1);
  lh_thrift_end_struct(w);
}

lh_status lh_bloom_append(const struct lh_bloom *bloom, struct lh_buf *out, struct lh_error *err) {
  struct lh_thrift_writer w;
  lh_thrift_writer_init(&w, out, err);
  lh_thrift_begin_struct(&w);
  lh_thrift_write_i32(&w, 1, (int32_t)lh_bloom_bytes(bloom));
  write_marker(&w, 2);
  write_marker(&w, 3);
  write_marker(&w, 4);
  lh_thrift_end_struct(&w);
  LH_TRY(w.status);
  return lh_buf_append(out, bloom->words, lh_bloom_bytes(bloom), err);
}
