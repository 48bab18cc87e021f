/*
 * Bloom filters by policy. The values are hashed page by page from their PLAIN bytes, which lie in the cache
 * at that time; a dictionary's values are hashed once.
 */
#include "parquet/chunk_bloom.h"

#define LENGTH_BYTES 4
/* AUTO: fewer values than a page holds are read faster than a filter is asked. */
#define LEAST_VALUES 20000
/* AUTO: values whose neighbours rise (or fall) this often are in order. */
#define ORDERED_PERCENT 90
#define JUDGED_VALUES 1024
/* AUTO: at least one value in so many is new. */
#define LEAST_DISTINCT_SHARE 2
/* With less memory left no filter is begun. */
#define BUDGET_LEAST_BYTES 1024
/* Fewer bits a value mean more than 10 % false positives. */
#define LEAST_BITS 5.8

void lh_chunk_bloom_init(struct lh_chunk_bloom *bloom, const struct lh_leaf *leaf,
                         enum lh_bloom_policy policy) {
  *bloom = (struct lh_chunk_bloom){.leaf = leaf, .policy = lh_bloom_suits(leaf) ? policy : LH_BLOOM_NONE};
}

void lh_chunk_bloom_reset(struct lh_chunk_bloom *bloom) {
  lh_bloom_clear(&bloom->filter);
  bloom->is_declined = false;
  bloom->is_judged = false;
}

void lh_chunk_bloom_clear(struct lh_chunk_bloom *bloom) {
  lh_bloom_clear(&bloom->filter);
}

/* Of two values in PLAIN encoding, numbers in native order: below, at or above 0. */
static int compare_plain(const struct lh_leaf *leaf, const uint8_t *a, size_t a_size, const uint8_t *b,
                         size_t b_size) {
  int32_t a32 = 0;
  int32_t b32 = 0;
  int64_t a64 = 0;
  int64_t b64 = 0;
  if (leaf->type == LH_PARQUET_INT32) {
    memcpy(&a32, a, sizeof a32);
    memcpy(&b32, b, sizeof b32);
    return (a32 > b32) - (a32 < b32);
  }
  if (leaf->type == LH_PARQUET_INT64) {
    memcpy(&a64, a, sizeof a64);
    memcpy(&b64, b, sizeof b64);
    return (a64 > b64) - (a64 < b64);
  }
  const size_t common = a_size < b_size ? a_size : b_size;
  const int order = common == 0 ? 0 : memcmp(a, b, common);
  return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

/* Whether nearly all neighbours among the first values go the same way. */
static bool is_ordered(const struct lh_leaf *leaf, const uint8_t *plain, size_t count) {
  const bool has_length = leaf->type == LH_PARQUET_BYTE_ARRAY;
  const uint8_t *last = NULL;
  size_t last_size = 0;
  size_t pairs = 0;
  size_t rising = 0;
  size_t falling = 0;
  for (size_t i = 0; i < count && i < JUDGED_VALUES; i++) {
    uint32_t size = (uint32_t)leaf->file_width;
    if (has_length) {
      memcpy(&size, plain, LENGTH_BYTES);
      plain += LENGTH_BYTES;
    }
    const int order = last == NULL ? 0 : compare_plain(leaf, plain, size, last, last_size);
    pairs += last != NULL;
    rising += last != NULL && order >= 0;
    falling += last != NULL && order <= 0;
    last = plain;
    last_size = size;
    plain += size;
  }
  const size_t enough = pairs * ORDERED_PERCENT / 100;
  return rising >= enough || falling >= enough;
}

static lh_status add(struct lh_chunk_bloom *bloom, const struct lh_bloom_values *values,
                     struct lh_error *err) {
  if (bloom->filter.words == NULL) {
    if (*values->budget < BUDGET_LEAST_BYTES) {
      bloom->is_declined = true;
      return LH_OK;
    }
    LH_TRY(lh_bloom_open(&bloom->filter, values->chunk_most, *values->budget, err));
    *values->budget -= lh_bloom_bytes(&bloom->filter);
  }
  lh_bloom_add_plain(&bloom->filter, bloom->leaf, values->plain, values->count);
  return LH_OK;
}

lh_status lh_chunk_bloom_add_page(struct lh_chunk_bloom *bloom, const struct lh_bloom_values *values,
                                  struct lh_error *err) {
  if (bloom->policy == LH_BLOOM_NONE || bloom->is_declined || values->count == 0) {
    return LH_OK;
  }
  if (bloom->policy == LH_BLOOM_AUTO && !bloom->is_judged) {
    bloom->is_judged = true;
    bloom->is_declined =
        values->chunk_most < LEAST_VALUES || is_ordered(bloom->leaf, values->plain, values->count);
  }
  return bloom->is_declined ? LH_OK : add(bloom, values, err);
}

lh_status lh_chunk_bloom_add_dictionary(struct lh_chunk_bloom *bloom, const struct lh_bloom_values *values,
                                        struct lh_error *err) {
  const bool has_pages = bloom->filter.words != NULL;
  if (bloom->policy == LH_BLOOM_NONE || bloom->is_declined ||
      (bloom->policy == LH_BLOOM_AUTO && !has_pages)) {
    return LH_OK;
  }
  return add(bloom, values, err);
}

bool lh_chunk_bloom_finish(struct lh_chunk_bloom *bloom, uint64_t value_count) {
  if (bloom->filter.words == NULL || bloom->is_declined) {
    return false;
  }
  const uint64_t distinct = lh_bloom_estimate_distinct(&bloom->filter);
  const bool helps = value_count >= LEAST_VALUES && distinct >= value_count / LEAST_DISTINCT_SHARE;
  if (distinct == UINT64_MAX || lh_bloom_bits_per_value(&bloom->filter, distinct) < LEAST_BITS ||
      (bloom->policy == LH_BLOOM_AUTO && !helps)) {
    return false;
  }
  lh_bloom_fold(&bloom->filter, distinct);
  return true;
}
