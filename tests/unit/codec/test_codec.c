/* Every codec restores what it compressed, and refuses what is damaged. */
#include "codec/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

static const enum lh_codec all_codecs[] = {LH_CODEC_NONE, LH_CODEC_SNAPPY, LH_CODEC_GZIP, LH_CODEC_ZSTD,
                                           LH_CODEC_LZ4_RAW};
#define CODEC_COUNT (sizeof all_codecs / sizeof all_codecs[0])
#define SAMPLE_BYTES 300000

static uint8_t *make_sample(size_t size) {
  uint8_t *const bytes = malloc(size + 1);
  assert_non_null(bytes);
  uint32_t state = 12345;
  for (size_t i = 0; i < size; i++) {
    state = state * 1664525U + 1013904223U;
    bytes[i] = (i / 1000) % 2 == 0 ? (uint8_t)(state >> 24) : (uint8_t)('a' + i % 7);
  }
  return bytes;
}

static uint8_t *make_digits(size_t size) {
  uint8_t *const digits = malloc(size);
  assert_non_null(digits);
  uint64_t random = 1;
  for (size_t i = 0; i < size; i++) {
    random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    digits[i] = (uint8_t) "0123456789abcdef"[random >> 60];
  }
  return digits;
}

static void assert_round_trip(struct lh_compressor *compressor, enum lh_codec codec,
                              enum lh_codec_matches matches, const uint8_t *sample, size_t size) {
  struct lh_error err;
  struct lh_buf packed;
  lh_buf_init(&packed, (size_t)1 << 24);
  assert_int_equal(lh_buf_append_str(&packed, "kept", &err), LH_OK);
  assert_int_equal(lh_compress(compressor, matches, sample, size, &packed, &err), LH_OK);
  assert_memory_equal(packed.data, "kept", 4);
  uint8_t *const restored = malloc(size + 1);
  assert_non_null(restored);
  assert_int_equal(lh_decompress(codec, packed.data + 4, packed.len - 4, restored, size, &err), LH_OK);
  if (size > 0) {
    assert_memory_equal(restored, sample, size);
  }
  assert_int_equal(lh_decompress(codec, packed.data + 4, packed.len - 4, restored, size + 1, &err),
                   LH_ERROR_CORRUPT);
  if (size > 0) {
    assert_int_equal(lh_decompress(codec, packed.data + 4, packed.len - 4, restored, size - 1, &err),
                     LH_ERROR_CORRUPT);
  }
  free(restored);
  lh_buf_clear(&packed);
}

static void every_codec_and_level_restores_every_size(void **state) {
  (void)state;
  static const size_t sizes[] = {0, 1, 2, 17, 4096, 65537, SAMPLE_BYTES};
  uint8_t *const sample = make_sample(SAMPLE_BYTES);
  for (size_t i = 0; i < CODEC_COUNT; i++) {
    int least = 0;
    int most = 0;
    lh_codec_level_bounds(all_codecs[i], &least, &most);
    for (int level = 0; level <= most; level += 3) {
      struct lh_error err;
      struct lh_compressor *compressor = NULL;
      assert_int_equal(lh_compressor_new(all_codecs[i], level, &compressor, &err), LH_OK);
      for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; j++) {
        for (unsigned k = 0; k < LH_MATCHES_COUNT; k++) {
          assert_round_trip(compressor, all_codecs[i], (enum lh_codec_matches)k, sample, sizes[j]);
        }
      }
      lh_compressor_free(compressor);
    }
  }
  free(sample);
}

static size_t compressed_size(struct lh_compressor *compressor, enum lh_codec_matches matches,
                              const uint8_t *bytes, size_t size) {
  struct lh_error err;
  struct lh_buf packed;
  lh_buf_init(&packed, (size_t)1 << 24);
  assert_int_equal(lh_compress(compressor, matches, bytes, size, &packed, &err), LH_OK);
  const size_t packed_size = packed.len;
  lh_buf_clear(&packed);
  return packed_size;
}

/* A digit has four bits of chance. The least that they take is half of the bytes. */
static void random_digits_take_less_without_their_matches(void **state) {
  (void)state;
  struct lh_error err;
  struct lh_compressor *compressor = NULL;
  uint8_t *const digits = malloc(SAMPLE_BYTES);
  assert_non_null(digits);
  uint64_t random = 1;
  for (size_t i = 0; i < SAMPLE_BYTES; i++) {
    random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    digits[i] = (uint8_t) "0123456789abcdef"[random >> 60];
  }
  assert_int_equal(lh_compressor_new(LH_CODEC_ZSTD, LH_CODEC_LEVEL_DEFAULT, &compressor, &err), LH_OK);
  const size_t usual = compressed_size(compressor, LH_MATCHES_OF_LEVEL, digits, SAMPLE_BYTES);
  const size_t with_long = compressed_size(compressor, LH_MATCHES_LONG, digits, SAMPLE_BYTES);
  assert_true(with_long < SAMPLE_BYTES / 2 + SAMPLE_BYTES / 500);
  assert_true(with_long < usual - usual / 100);
  assert_int_equal(compressed_size(compressor, LH_MATCHES_OF_LEVEL, digits, SAMPLE_BYTES), usual);
  lh_compressor_free(compressor);
  free(digits);
}

static void only_zstd_chooses_its_matches(void **state) {
  (void)state;
  uint8_t *const sample = make_digits(SAMPLE_BYTES);
  for (size_t i = 0; i < CODEC_COUNT; i++) {
    struct lh_error err;
    struct lh_compressor *compressor = NULL;
    assert_int_equal(lh_codec_chooses_matches(all_codecs[i]), all_codecs[i] == LH_CODEC_ZSTD);
    assert_int_equal(lh_compressor_new(all_codecs[i], LH_CODEC_LEVEL_DEFAULT, &compressor, &err), LH_OK);
    const size_t usual = compressed_size(compressor, LH_MATCHES_OF_LEVEL, sample, SAMPLE_BYTES);
    const size_t with_short = compressed_size(compressor, LH_MATCHES_SHORT, sample, SAMPLE_BYTES);
    assert_int_equal(with_short == usual, all_codecs[i] != LH_CODEC_ZSTD);
    lh_compressor_free(compressor);
  }
  free(sample);
}

static void damaged_blocks_are_refused_or_harmless(void **state) {
  (void)state;
  uint8_t *const sample = make_sample(20000);
  uint8_t *const restored = malloc(20000);
  assert_non_null(restored);
  for (size_t i = 1; i < CODEC_COUNT; i++) {
    struct lh_error err;
    struct lh_compressor *compressor = NULL;
    struct lh_buf packed;
    lh_buf_init(&packed, (size_t)1 << 24);
    assert_int_equal(lh_compressor_new(all_codecs[i], LH_CODEC_LEVEL_DEFAULT, &compressor, &err), LH_OK);
    assert_int_equal(lh_compress(compressor, LH_MATCHES_OF_LEVEL, sample, 20000, &packed, &err), LH_OK);
    for (size_t cut = 0; cut < packed.len; cut += 1 + packed.len / 97) {
      assert_int_equal(lh_decompress(all_codecs[i], packed.data, cut, restored, 20000, &err),
                       LH_ERROR_CORRUPT);
      packed.data[cut] ^= 0x55;
      /* LZ4 and snappy carry no checksum: a flipped byte may pass, but must stay within the buffers. */
      (void)!lh_decompress(all_codecs[i], packed.data, packed.len, restored, 20000, &err);
      packed.data[cut] ^= 0x55;
    }
    assert_int_equal(lh_buf_append_str(&packed, "rest", &err), LH_OK);
    assert_int_equal(lh_decompress(all_codecs[i], packed.data, packed.len, restored, 20000, &err),
                     LH_ERROR_CORRUPT);
    lh_compressor_free(compressor);
    lh_buf_clear(&packed);
  }
  free(restored);
  free(sample);
}

static void names_and_numbers_match(void **state) {
  (void)state;
  for (size_t i = 0; i < CODEC_COUNT; i++) {
    enum lh_codec codec = LH_CODEC_NONE;
    assert_true(lh_codec_from_name(lh_codec_name(all_codecs[i]), &codec));
    assert_int_equal(codec, all_codecs[i]);
  }
  size_t count = 0;
  while (lh_codec_names()[count] != NULL) {
    enum lh_codec codec = LH_CODEC_NONE;
    assert_true(lh_codec_from_name(lh_codec_names()[count], &codec));
    count++;
  }
  assert_int_equal(count, CODEC_COUNT);
  enum lh_codec codec = LH_CODEC_NONE;
  assert_false(lh_codec_from_name("brotli", &codec));
  assert_null(lh_codec_name((enum lh_codec)3));
}

static void wrong_levels_are_refused_with_the_bounds(void **state) {
  (void)state;
  struct lh_error err;
  struct lh_compressor *compressor = NULL;
  assert_int_equal(lh_compressor_new(LH_CODEC_ZSTD, 23, &compressor, &err), LH_ERROR_USAGE);
  assert_string_equal(err.hint, "zstd takes levels 1 to 22");
  assert_int_equal(lh_compressor_new(LH_CODEC_GZIP, -1, &compressor, &err), LH_ERROR_USAGE);
  assert_int_equal(lh_compressor_new(LH_CODEC_SNAPPY, 5, &compressor, &err), LH_ERROR_USAGE);
  assert_string_equal(err.hint, "snappy has no levels: leave the level out");
  assert_int_equal(lh_compressor_new((enum lh_codec)4, 0, &compressor, &err), LH_ERROR_UNSUPPORTED);
}

static void names_with_levels_are_parsed(void **state) {
  (void)state;
  static const struct {
    const char *text;
    enum lh_codec codec;
    int level;
  } cases[] = {
      {"zstd", LH_CODEC_ZSTD, LH_CODEC_LEVEL_DEFAULT},
      {"zstd(1)", LH_CODEC_ZSTD, 1},
      {"zstd(22)", LH_CODEC_ZSTD, 22},
      {"gzip(12)", LH_CODEC_GZIP, 12},
      {"lz4_raw", LH_CODEC_LZ4_RAW, LH_CODEC_LEVEL_DEFAULT},
      {"none", LH_CODEC_NONE, LH_CODEC_LEVEL_DEFAULT},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct lh_error err = {0};
    enum lh_codec codec = LH_CODEC_NONE;
    int level = -1;
    assert_int_equal(lh_codec_parse(cases[i].text, &codec, &level, &err), LH_OK);
    assert_int_equal(codec, cases[i].codec);
    assert_int_equal(level, cases[i].level);
  }
}

static void wrong_names_and_levels_say_what_would_be_right(void **state) {
  (void)state;
  static const struct {
    const char *text, *message, *hint;
  } cases[] = {
      {"zsdt", "unknown compression \"zsdt\"", "did you mean \"zstd\"?"},
      {"brotli", "unknown compression \"brotli\"", "known here: zstd, snappy, gzip, lz4_raw, none"},
      {"", "unknown compression \"\"", "known here: zstd, snappy, gzip, lz4_raw, none"},
      {"ZSTD", "unknown compression \"ZSTD\"", "did you mean \"zstd\"?"},
      {"(3)", "unknown compression \"\"", "known here: zstd, snappy, gzip, lz4_raw, none"},
      {"zstd(0)", "\"zstd(0)\" is not a level of zstd", "write zstd(1) to zstd(22)"},
      {"zstd(23)", "\"zstd(23)\" is not a level of zstd", "write zstd(1) to zstd(22)"},
      {"zstd()", "\"zstd()\" is not a level of zstd", "write zstd(1) to zstd(22)"},
      {"zstd(9", "\"zstd(9\" is not a level of zstd", "write zstd(1) to zstd(22)"},
      {"zstd(9) ", "\"zstd(9) \" is not a level of zstd", "write zstd(1) to zstd(22)"},
      {"zstd( 9)", "\"zstd( 9)\" is not a level of zstd", "write zstd(1) to zstd(22)"},
      {"gzip(99999999999999999999)", "\"gzip(99999999999999999999)\" is not a level of gzip",
       "write gzip(1) to gzip(12)"},
      {"snappy(1)", "compression snappy has no levels", "write snappy"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct lh_error err;
    enum lh_codec codec = LH_CODEC_NONE;
    int level = 0;
    assert_int_equal(lh_codec_parse(cases[i].text, &codec, &level, &err), LH_ERROR_USAGE);
    assert_string_equal(err.message, cases[i].message);
    assert_string_equal(err.hint, cases[i].hint);
  }
}

static void output_past_the_buffer_maximum_is_an_error(void **state) {
  (void)state;
  struct lh_error err;
  uint8_t *const sample = make_sample(SAMPLE_BYTES);
  struct lh_compressor *compressor = NULL;
  struct lh_buf small;
  lh_buf_init(&small, 1000);
  assert_int_equal(lh_compressor_new(LH_CODEC_ZSTD, 0, &compressor, &err), LH_OK);
  assert_int_equal(lh_compress(compressor, LH_MATCHES_OF_LEVEL, sample, SAMPLE_BYTES, &small, &err),
                   LH_ERROR_MEMORY);
  lh_compressor_free(compressor);
  lh_buf_clear(&small);
  free(sample);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_codec_and_level_restores_every_size),
      cmocka_unit_test(random_digits_take_less_without_their_matches),
      cmocka_unit_test(only_zstd_chooses_its_matches),
      cmocka_unit_test(damaged_blocks_are_refused_or_harmless),
      cmocka_unit_test(names_and_numbers_match),
      cmocka_unit_test(wrong_levels_are_refused_with_the_bounds),
      cmocka_unit_test(names_with_levels_are_parsed),
      cmocka_unit_test(wrong_names_and_levels_say_what_would_be_right),
      cmocka_unit_test(output_past_the_buffer_maximum_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
