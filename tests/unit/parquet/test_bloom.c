/* Bloom filters: the rates that BloomFilter.md gives, folding, and when a chunk gets one. That other programs
 * find the values is what test_page_index.py shows. */
#include "parquet/bloom.h"

#include "parquet/chunk_bloom.h"
#include "parquet/thrift.h"
#include "support.h"

#define MANY 26214 /* BloomFilter.md: in 1024 blocks of 32 bytes, 1.26 % false positives */
#define PROBES 200000

static const struct lh_field int64_field = {.name = "id", .type = LH_TYPE_INT64};
static const struct lh_field text_field = {.name = "key", .type = LH_TYPE_STRING};

static struct lh_leaf int64_leaf(void) {
  return (struct lh_leaf){.field = &int64_field,
                          .kind = LH_VALUE_INT64,
                          .type = LH_PARQUET_INT64,
                          .step_count = 1,
                          .width = 8,
                          .file_width = 8};
}

static struct lh_leaf text_leaf(void) {
  return (struct lh_leaf){.field = &text_field,
                          .kind = LH_VALUE_BYTES,
                          .type = LH_PARQUET_BYTE_ARRAY,
                          .step_count = 1,
                          .file_width = 4};
}

/* Values in an order that is none, all different. */
static int64_t scattered(int64_t i) {
  return (int64_t)((uint64_t)i * UINT64_C(0x9E3779B97F4A7C15));
}

static void fill(struct lh_bloom *bloom, int64_t first, int64_t count) {
  const struct lh_leaf leaf = int64_leaf();
  for (int64_t i = first; i < first + count; i++) {
    const int64_t value = scattered(i);
    lh_bloom_add_plain(bloom, &leaf, (const uint8_t *)&value, 1);
  }
}

static double false_positives(const struct lh_bloom *bloom) {
  size_t found = 0;
  for (int64_t i = 0; i < PROBES; i++) {
    const int64_t value = scattered(i + 1000000000);
    found += lh_bloom_may_hold(bloom, &value, sizeof value);
  }
  return (double)found / PROBES;
}

static void the_rate_of_false_positives_is_the_specifications(void **state) {
  (void)state;
  struct lh_error err;
  struct lh_bloom bloom;
  assert_ok(lh_bloom_open(&bloom, MANY, LH_BLOOM_MAX_BYTES, &err));
  assert_int_equal(lh_bloom_bytes(&bloom), 1024 * 32);
  fill(&bloom, 0, MANY);
  for (int64_t i = 0; i < MANY; i++) {
    const int64_t value = scattered(i);
    assert_true(lh_bloom_may_hold(&bloom, &value, sizeof value));
  }
  const double rate = false_positives(&bloom);
  assert_true(rate > 0.010 && rate < 0.015);
  lh_bloom_clear(&bloom);
}

static void a_folded_filter_is_the_filter_of_that_size(void **state) {
  (void)state;
  struct lh_error err;
  struct lh_bloom large;
  struct lh_bloom small;
  assert_ok(lh_bloom_open(&large, 500000, LH_BLOOM_MAX_BYTES, &err));
  assert_ok(lh_bloom_open(&small, 3000, LH_BLOOM_MAX_BYTES, &err));
  fill(&large, 0, 3000);
  fill(&small, 0, 3000);
  assert_true(lh_bloom_bytes(&large) > 64 * lh_bloom_bytes(&small));
  lh_bloom_fold(&large, 3000);
  assert_int_equal(lh_bloom_bytes(&large), lh_bloom_bytes(&small));
  assert_memory_equal(large.words, small.words, lh_bloom_bytes(&small));
  assert_true(false_positives(&small) < 0.011);
  lh_bloom_clear(&large);
  lh_bloom_clear(&small);
}

static void different_values_are_counted_by_their_bits(void **state) {
  (void)state;
  struct lh_error err;
  static const int64_t counts[] = {0, 1, 100, 20000, 300000, 600000};
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
    struct lh_bloom bloom;
    assert_ok(lh_bloom_open(&bloom, 524288, LH_BLOOM_MAX_BYTES, &err));
    fill(&bloom, 0, counts[i]);
    fill(&bloom, 0, counts[i]); /* the same again */
    const double estimate = (double)lh_bloom_estimate_distinct(&bloom);
    assert_true(estimate >= (double)counts[i] * 0.97 && estimate <= (double)counts[i] * 1.03);
    lh_bloom_clear(&bloom);
  }
}

static void sizes_stay_within_the_limit(void **state) {
  (void)state;
  struct lh_error err;
  struct lh_bloom bloom;
  assert_ok(lh_bloom_open(&bloom, UINT64_MAX / 64, LH_BLOOM_MAX_BYTES, &err));
  assert_int_equal(lh_bloom_bytes(&bloom), LH_BLOOM_MAX_BYTES);
  lh_bloom_fold(&bloom, 0);
  assert_int_equal(lh_bloom_bytes(&bloom), 32);
  memset(bloom.words, 0xFF, 32);
  assert_true(lh_bloom_estimate_distinct(&bloom) == UINT64_MAX);
  lh_bloom_clear(&bloom);
}

static void text_is_hashed_without_its_length(void **state) {
  (void)state;
  struct lh_error err;
  struct lh_bloom bloom;
  const struct lh_leaf leaf = text_leaf();
  static const uint8_t plain[] = "\x03\0\0\0one\0\0\0\0\x05\0\0\0three";
  assert_ok(lh_bloom_open(&bloom, 10, LH_BLOOM_MAX_BYTES, &err));
  lh_bloom_add_plain(&bloom, &leaf, plain, 3);
  assert_true(lh_bloom_may_hold(&bloom, "one", 3));
  assert_true(lh_bloom_may_hold(&bloom, "", 0));
  assert_true(lh_bloom_may_hold(&bloom, "three", 5));
  assert_false(lh_bloom_may_hold(&bloom, "two", 3));
  lh_bloom_clear(&bloom);
}

static void the_header_says_what_the_filter_is(void **state) {
  (void)state;
  struct lh_error err;
  struct lh_bloom bloom;
  struct lh_buf out;
  lh_buf_init(&out, SUPPORT_MAX_BYTES);
  assert_ok(lh_bloom_open(&bloom, 1, LH_BLOOM_MAX_BYTES, &err));
  assert_ok(lh_bloom_append(&bloom, &out, &err));
  /* numBytes 32; three unions, each with its first member, which is empty */
  static const uint8_t header[] = {0x15, 0x40, 0x1C, 0x1C, 0, 0, 0x1C, 0x1C, 0, 0, 0x1C, 0x1C, 0, 0, 0};
  assert_int_equal(out.len, sizeof header + 32);
  assert_memory_equal(out.data, header, sizeof header);
  lh_buf_clear(&out);
  lh_bloom_clear(&bloom);
}

static void floats_and_what_is_nested_get_none(void **state) {
  (void)state;
  struct lh_leaf leaf = int64_leaf();
  assert_true(lh_bloom_suits(&leaf));
  leaf.step_count = 2;
  assert_false(lh_bloom_suits(&leaf));
  leaf = int64_leaf();
  leaf.kind = LH_VALUE_DOUBLE;
  assert_false(lh_bloom_suits(&leaf));
  leaf.kind = LH_VALUE_BOOL;
  assert_false(lh_bloom_suits(&leaf));
}

/* -------- which chunks get one -------- */

enum { SHUFFLED, ASCENDING, REPEATED };

static bool gets_filter(enum lh_bloom_policy policy, int form, size_t count, bool from_dictionary,
                        size_t budget) {
  struct lh_error err;
  const struct lh_leaf leaf = int64_leaf();
  struct lh_chunk_bloom bloom;
  int64_t *const values = malloc(count * sizeof *values);
  assert_non_null(values);
  for (size_t i = 0; i < count; i++) {
    values[i] = form == ASCENDING ? (int64_t)i : scattered((int64_t)(form == REPEATED ? i % 100 : i));
  }
  const struct lh_bloom_values added = {
      .plain = (const uint8_t *)values, .count = count, .chunk_most = count, .budget = &budget};
  lh_chunk_bloom_init(&bloom, &leaf, policy);
  if (from_dictionary) {
    assert_ok(lh_chunk_bloom_add_dictionary(&bloom, &added, &err));
  } else {
    assert_ok(lh_chunk_bloom_add_page(&bloom, &added, &err));
  }
  const bool written = lh_chunk_bloom_finish(&bloom, count);
  assert_true(!written || lh_bloom_bits_per_value(&bloom.filter, form == REPEATED ? 100 : count) >= 8);
  lh_chunk_bloom_clear(&bloom);
  free(values);
  return written;
}

static void only_chunks_that_need_one_get_one_by_themselves(void **state) {
  (void)state;
  const size_t budget = LH_BLOOM_MAX_BYTES;
  assert_true(gets_filter(LH_BLOOM_AUTO, SHUFFLED, 100000, false, budget));
  assert_false(gets_filter(LH_BLOOM_AUTO, ASCENDING, 100000, false, budget));
  assert_false(gets_filter(LH_BLOOM_AUTO, REPEATED, 100000, false, budget));
  assert_false(gets_filter(LH_BLOOM_AUTO, SHUFFLED, 1000, false, budget));
  assert_false(gets_filter(LH_BLOOM_AUTO, SHUFFLED, 100000, true, budget));
  assert_false(gets_filter(LH_BLOOM_NONE, SHUFFLED, 100000, false, budget));
}

static void chunks_get_one_where_it_is_asked_for(void **state) {
  (void)state;
  const size_t budget = LH_BLOOM_MAX_BYTES;
  assert_true(gets_filter(LH_BLOOM_ALWAYS, ASCENDING, 100000, false, budget));
  assert_true(gets_filter(LH_BLOOM_ALWAYS, REPEATED, 100000, false, budget));
  assert_true(gets_filter(LH_BLOOM_ALWAYS, SHUFFLED, 1000, false, budget));
  assert_true(gets_filter(LH_BLOOM_ALWAYS, SHUFFLED, 1000, true, budget));
}

static void too_little_memory_means_no_filter(void **state) {
  (void)state;
  assert_true(gets_filter(LH_BLOOM_ALWAYS, SHUFFLED, 1000, false, 2048));
  assert_false(gets_filter(LH_BLOOM_ALWAYS, SHUFFLED, 1000, false, 1023));
  /* a third of what few false positives take would let too many pass */
  assert_false(gets_filter(LH_BLOOM_ALWAYS, SHUFFLED, 100000, false, 32768));
  /* 10 million different values: a filter of the largest size would let nearly all pass */
  assert_false(gets_filter(LH_BLOOM_ALWAYS, SHUFFLED, 10000000, false, LH_BLOOM_MAX_BYTES));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_rate_of_false_positives_is_the_specifications),
      cmocka_unit_test(a_folded_filter_is_the_filter_of_that_size),
      cmocka_unit_test(different_values_are_counted_by_their_bits),
      cmocka_unit_test(sizes_stay_within_the_limit),
      cmocka_unit_test(text_is_hashed_without_its_length),
      cmocka_unit_test(the_header_says_what_the_filter_is),
      cmocka_unit_test(floats_and_what_is_nested_get_none),
      cmocka_unit_test(only_chunks_that_need_one_get_one_by_themselves),
      cmocka_unit_test(chunks_get_one_where_it_is_asked_for),
      cmocka_unit_test(too_little_memory_means_no_filter),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
