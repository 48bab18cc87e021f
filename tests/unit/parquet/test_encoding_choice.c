/* The choice of encodings: what is measured and what is not, when a dictionary pays over a whole chunk, and
 * how long a choice lasts. The values are made up so that it is plain which encoding is the smallest. */
#include "parquet/encoding_choice.h"

#include "parquet/plain.h"
#include "parquet/writer.h"
#include "support.h"

#define PAGE_VALUES 20000
#define CHUNK_VALUES 500000

struct fixture {
  struct lh_field field;
  struct lh_parquet_column_options column;
  struct lh_parquet_writer_options options;
  struct lh_leaf leaf;
  struct lh_encoding_choice choice;
  struct lh_buf plain, encoded, compressed, scratch;
  struct lh_compressor *compressor;
};

static void set_codec(struct fixture *f, enum lh_codec codec) {
  struct lh_error err;
  lh_compressor_free(f->compressor);
  f->options.codec = codec;
  assert_ok(lh_compressor_new(codec, LH_CODEC_LEVEL_DEFAULT, &f->compressor, &err));
}

static lh_status init_fixture(struct fixture *f, enum lh_type type, enum lh_encoding encoding,
                              enum lh_compat compat, struct lh_error *out) {
  struct lh_error err;
  memset(f, 0, sizeof *f);
  f->field = (struct lh_field){.name = "c", .type = type, .precision = 20};
  f->column.encoding = encoding;
  lh_parquet_writer_options_default(&f->options);
  f->options.compat = compat;
  f->options.row_group_rows = CHUNK_VALUES;
  f->leaf = (struct lh_leaf){.field = &f->field, .options = &f->column, .display_path = "c"};
  assert_ok(lh_leaf_set_type(&f->leaf, &f->options, &err));
  struct lh_buf *const buffers[] = {&f->plain, &f->encoded, &f->compressed, &f->scratch};
  for (size_t i = 0; i < 4; i++) {
    lh_buf_init(buffers[i], SUPPORT_MAX_BYTES);
  }
  set_codec(f, LH_CODEC_ZSTD);
  return lh_encoding_choice_init(&f->choice, &f->leaf, &f->options, out);
}

static void clear_fixture(struct fixture *f) {
  struct lh_buf *const buffers[] = {&f->plain, &f->encoded, &f->compressed, &f->scratch};
  for (size_t i = 0; i < 4; i++) {
    lh_buf_clear(buffers[i]);
  }
  lh_compressor_free(f->compressor);
}

static void measure(struct fixture *f, size_t count, uint64_t whole_chunk) {
  struct lh_error err;
  const struct lh_encoding_tools tools = {.codec = f->options.codec,
                                          .compressor = f->compressor,
                                          .encoded = &f->encoded,
                                          .compressed = &f->compressed,
                                          .scratch = &f->scratch};
  const struct lh_encoding_sample sample = {
      .plain = f->plain.data, .count = count, .whole_chunk = whole_chunk};
  assert_ok(lh_encoding_choice_measure(&f->choice, &sample, &tools, &err));
}

static uint64_t next_random(uint64_t *state) {
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return *state ^ *state >> 29;
}

static void push(struct fixture *f, const void *bytes, size_t size) {
  struct lh_error err;
  assert_ok(lh_buf_append(&f->plain, bytes, size, &err));
}

static void push_number(struct fixture *f, int64_t value) {
  push(f, &value, f->leaf.width);
}

static void push_string(struct fixture *f, const char *text) {
  const uint32_t size = (uint32_t)strlen(text);
  push(f, &size, sizeof size);
  push(f, text, size);
}

static void numbers_near_the_one_before_become_deltas(void **state) {
  (void)state;
  struct fixture f;
  struct lh_error err;
  uint64_t seed = 1;
  assert_ok(init_fixture(&f, LH_TYPE_INT64, LH_ENCODING_AUTO, LH_COMPAT_ATHENA, &err));
  assert_true(f.choice.begins_with_dictionary);
  assert_false(f.choice.is_measured);
  for (int64_t i = 0, at = 0; i < PAGE_VALUES; i++, at += (int64_t)(next_random(&seed) % 1024)) {
    push_number(&f, at);
  }
  measure(&f, 8000, 0);
  assert_true(f.choice.is_measured);
  assert_int_equal(f.choice.values.encoding, LH_PARQUET_DELTA_BINARY_PACKED);
  assert_int_equal(f.choice.values.widths, LH_DELTA_BITS);
  clear_fixture(&f);
}

static void times_in_whole_seconds_take_deltas_of_whole_bytes(void **state) {
  (void)state;
  struct fixture f;
  struct lh_error err;
  uint64_t seed = 1;
  assert_ok(init_fixture(&f, LH_TYPE_TIMESTAMP, LH_ENCODING_AUTO, LH_COMPAT_ATHENA, &err));
  for (int64_t i = 0; i < PAGE_VALUES; i++) {
    push_number(&f, (INT64_C(1700000000) + i + (int64_t)(next_random(&seed) % 1200)) * 1000000);
  }
  measure(&f, 8000, 0);
  assert_int_equal(f.choice.values.encoding, LH_PARQUET_DELTA_BINARY_PACKED);
  assert_int_equal(f.choice.values.widths, LH_DELTA_BYTES);
  assert_int_equal(f.choice.values.matches, LH_MATCHES_SHORT); /* of their four bytes */
  clear_fixture(&f);
}

static void texts_that_begin_alike_are_told_from_others(void **state) {
  (void)state;
  struct fixture f;
  struct lh_error err;
  char text[64];
  uint64_t seed = 1;
  assert_ok(init_fixture(&f, LH_TYPE_STRING, LH_ENCODING_AUTO, LH_COMPAT_ATHENA, &err));
  for (int i = 0; i < 2000; i++) {
    snprintf(text, sizeof text, "/srv/archive/%06d/%08x", i, (unsigned)next_random(&seed) % 16);
    push_string(&f, text);
  }
  measure(&f, 2000, 0);
  assert_int_equal(f.choice.values.encoding, LH_PARQUET_DELTA_BYTE_ARRAY);
  lh_buf_reset(&f.plain);
  for (int i = 0; i < 2000; i++) {
    snprintf(text, sizeof text, "%016llx%.*s", (unsigned long long)next_random(&seed), i % 7, "abcdefg");
    push_string(&f, text);
  }
  measure(&f, 2000, 0);
  assert_int_equal(f.choice.values.encoding, LH_PARQUET_DELTA_LENGTH_BYTE_ARRAY);
  clear_fixture(&f);
}

static void push_hash(struct fixture *f, uint64_t *seed) {
  char text[64];
  snprintf(text, sizeof text, "%016llx%016llx", (unsigned long long)next_random(seed),
           (unsigned long long)next_random(seed));
  push_string(f, text);
}

/* Sixteen words, of which one is taken after the other. */
static void push_words(struct fixture *f, uint64_t *seed) {
  static const char *const words[] = {"lorem",     "ipsum",   "dolor",  "sit",   "amet", "sed",
                                      "do",        "ut",      "labore", "magna", "enim", "veniam",
                                      "consequat", "officia", "mollit", "anim"};
  char text[400];
  size_t length = 0;
  for (int i = 0; i < 40; i++) {
    length += (size_t)snprintf(text + length, sizeof text - length, "%s ", words[next_random(seed) >> 60]);
  }
  push_string(f, text);
}

static void short_matches_are_left_out_of_random_digits(void **state) {
  (void)state;
  struct fixture f;
  struct lh_error err;
  uint64_t seed = 1;
  assert_ok(init_fixture(&f, LH_TYPE_STRING, LH_ENCODING_AUTO, LH_COMPAT_ATHENA, &err));
  for (int i = 0; i < 3600; i++) {
    push_hash(&f, &seed);
  }
  measure(&f, 3600, 0);
  assert_int_equal(f.choice.values.matches, LH_MATCHES_LONG);
  set_codec(&f, LH_CODEC_SNAPPY);
  measure(&f, 3600, 0);
  assert_int_equal(f.choice.values.matches, LH_MATCHES_OF_LEVEL);
  set_codec(&f, LH_CODEC_ZSTD);
  lh_buf_reset(&f.plain);
  for (int i = 0; i < 500; i++) {
    push_words(&f, &seed);
  }
  measure(&f, 500, 0);
  assert_int_equal(f.choice.values.matches, LH_MATCHES_OF_LEVEL);
  clear_fixture(&f);
}

/* Bell curves: the upper bytes of their doubles repeat. */
static void fill_doubles(struct fixture *f) {
  uint64_t seed = 1;
  for (int i = 0; i < PAGE_VALUES; i++) {
    double sum = 0;
    for (int j = 0; j < 12; j++) {
      sum += (double)(next_random(&seed) % 1000003) / 1000003;
    }
    push(f, &sum, sizeof sum);
  }
}

static void split_streams_are_for_the_newest_readers_alone(void **state) {
  (void)state;
  struct fixture f;
  struct lh_error err;
  assert_ok(init_fixture(&f, LH_TYPE_DOUBLE, LH_ENCODING_AUTO, LH_COMPAT_ATHENA, &err));
  fill_doubles(&f);
  measure(&f, 8000, 0);
  assert_int_equal(f.choice.values.encoding, LH_PARQUET_PLAIN);
  clear_fixture(&f);
  assert_ok(init_fixture(&f, LH_TYPE_DOUBLE, LH_ENCODING_AUTO, LH_COMPAT_LATEST, &err));
  fill_doubles(&f);
  measure(&f, 8000, 0);
  assert_int_equal(f.choice.values.encoding, LH_PARQUET_BYTE_STREAM_SPLIT);
  clear_fixture(&f);
}

static void few_new_values_need_no_measuring(void **state) {
  (void)state;
  struct fixture f;
  struct lh_error err;
  assert_ok(init_fixture(&f, LH_TYPE_INT32, LH_ENCODING_AUTO, LH_COMPAT_ATHENA, &err));
  struct lh_dictionary_growth growth = {.values = 6400, .added = 100, .known = 100};
  assert_true(lh_encoding_choice_is_settled(&f.choice, &growth));
  growth.added = 101;
  assert_false(lh_encoding_choice_is_settled(&f.choice, &growth));
  lh_encoding_choice_end_chunk(&f.choice, CHUNK_VALUES, CHUNK_VALUES, 1000);
  assert_true(f.choice.begins_with_dictionary);
  assert_false(f.choice.is_measured);
  clear_fixture(&f);
}

/* A choice as measuring leaves it: 1.5 bytes an index, 4 an entry, 3 a value without the dictionary. */
static struct lh_encoding_choice measured(void) {
  return (struct lh_encoding_choice){.candidates = 1U << LH_PARQUET_PLAIN | 1U << LH_PARQUET_RLE_DICTIONARY,
                                     .is_measured = true,
                                     .index_bytes = 1.5,
                                     .entry_bytes = 4,
                                     .value_bytes = 3,
                                     .chunk_values = CHUNK_VALUES,
                                     .assumed_values = CHUNK_VALUES,
                                     .chunks_left = 16,
                                     .begins_with_dictionary = true};
}

static void a_dictionary_is_judged_by_what_it_will_hold_in_the_end(void **state) {
  (void)state;
  const struct lh_encoding_choice choice = measured();
  /* Of 10,000 values that come again and again nearly all are known after a page. */
  struct lh_dictionary_growth growth = {
      .values = 20000, .added = 8647, .part_values = 10000, .part_new = 6321, .known = 8647};
  assert_true(lh_encoding_choice_dictionary_pays(&choice, &growth));
  /* The same page alone would cost more with it, and so does one where as many new ones keep coming. */
  growth.is_last = true;
  assert_false(lh_encoding_choice_dictionary_pays(&choice, &growth));
  growth.is_last = false;
  growth.part_new = 4324;
  assert_false(lh_encoding_choice_dictionary_pays(&choice, &growth));
  /* A later page of new values. */
  growth = (struct lh_dictionary_growth){.values_before = 100000,
                                         .values = 20000,
                                         .added = 20000,
                                         .part_values = 10000,
                                         .part_new = 10000,
                                         .known = 28647};
  assert_false(lh_encoding_choice_dictionary_pays(&choice, &growth));
}

static void a_choice_lasts_while_chunks_stay_alike(void **state) {
  (void)state;
  struct lh_encoding_choice choice = measured();
  for (int i = 0; i < 15; i++) {
    lh_encoding_choice_end_chunk(&choice, CHUNK_VALUES, 0,
                                 CHUNK_VALUES * 3 + (i % 2 == 0 ? 0 : CHUNK_VALUES / 2));
    assert_true(choice.is_measured);
    assert_false(choice.begins_with_dictionary);
  }
  lh_encoding_choice_end_chunk(&choice, CHUNK_VALUES, 0, CHUNK_VALUES * 3);
  assert_false(choice.is_measured);
  assert_true(choice.begins_with_dictionary);
}

static void a_choice_ends_when_sizes_change(void **state) {
  (void)state;
  struct lh_encoding_choice choice = measured();
  lh_encoding_choice_end_chunk(&choice, CHUNK_VALUES, CHUNK_VALUES, CHUNK_VALUES * 3);
  assert_true(choice.is_measured && choice.begins_with_dictionary);
  lh_encoding_choice_end_chunk(&choice, CHUNK_VALUES, 0, CHUNK_VALUES * 4);
  assert_false(choice.is_measured);
  choice = measured();
  lh_encoding_choice_end_chunk(&choice, CHUNK_VALUES / 3, 0, CHUNK_VALUES);
  assert_false(choice.is_measured);
  assert_int_equal(choice.chunk_values, CHUNK_VALUES / 3);
}

static void a_column_gets_what_it_asks_for(void **state) {
  (void)state;
  struct fixture f;
  struct lh_error err;
  assert_ok(init_fixture(&f, LH_TYPE_STRING, LH_ENCODING_DELTA_BYTE_ARRAY, LH_COMPAT_ATHENA, &err));
  assert_false(f.choice.begins_with_dictionary);
  assert_true(f.choice.is_measured);
  assert_int_equal(f.choice.values.encoding, LH_PARQUET_DELTA_BYTE_ARRAY);
  lh_encoding_choice_end_chunk(&f.choice, 100, 0, 100000);
  assert_true(f.choice.is_measured);
  clear_fixture(&f);
  assert_ok(init_fixture(&f, LH_TYPE_STRING, LH_ENCODING_DICTIONARY, LH_COMPAT_ATHENA, &err));
  const struct lh_dictionary_growth growth = {.values = 100, .added = 100, .known = 100};
  assert_true(lh_encoding_choice_is_settled(&f.choice, &growth));
  clear_fixture(&f);
}

static void encodings_that_do_not_fit_are_refused(void **state) {
  (void)state;
  static const struct {
    enum lh_type type;
    enum lh_encoding encoding;
    const char *message;
  } wrong[] = {
      {LH_TYPE_STRING, LH_ENCODING_DELTA_BINARY_PACKED,
       "column \"c\" is string, which cannot be encoded as delta_binary_packed"},
      {LH_TYPE_INT32, LH_ENCODING_DELTA_LENGTH_BYTE_ARRAY,
       "column \"c\" is int32, which cannot be encoded as delta_length_byte_array"},
      {LH_TYPE_BOOL, LH_ENCODING_DICTIONARY,
       "column \"c\" is boolean, which cannot be encoded as dictionary"},
      {LH_TYPE_DOUBLE, LH_ENCODING_RLE, "column \"c\" is double, which cannot be encoded as rle"},
      {LH_TYPE_DECIMAL, LH_ENCODING_DELTA_BINARY_PACKED,
       "column \"c\" is decimal(20,0), which cannot be encoded as delta_binary_packed"},
      {LH_TYPE_DOUBLE, LH_ENCODING_BYTE_STREAM_SPLIT,
       "column \"c\": Athena, and DuckDB and Trino before their newest, cannot read byte_stream_split"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    struct fixture f;
    struct lh_error err;
    assert_int_equal(init_fixture(&f, wrong[i].type, wrong[i].encoding, LH_COMPAT_ATHENA, &err),
                     LH_ERROR_PROJECT);
    assert_string_equal(err.message, wrong[i].message);
    clear_fixture(&f);
  }
}

static void samples_end_before_they_grow_large(void **state) {
  (void)state;
  struct fixture f;
  struct lh_error err;
  assert_ok(init_fixture(&f, LH_TYPE_STRING, LH_ENCODING_AUTO, LH_COMPAT_ATHENA, &err));
  static char large[LH_ENCODING_SAMPLE_BYTES / 2];
  memset(large, 'x', sizeof large - 1);
  push_string(&f, "small");
  push_string(&f, large);
  push_string(&f, large);
  assert_int_equal(lh_encoding_sample_count(&f.leaf, f.plain.data, 3), 2);
  assert_int_equal(lh_encoding_sample_count(&f.leaf, f.plain.data, 1), 1);
  lh_buf_reset(&f.plain);
  push_string(&f, large);
  const uint32_t huge = UINT32_C(1) << 30;
  memcpy(f.plain.data, &huge, sizeof huge);
  assert_int_equal(lh_encoding_sample_count(&f.leaf, f.plain.data, 1), 0);
  clear_fixture(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_near_the_one_before_become_deltas),
      cmocka_unit_test(times_in_whole_seconds_take_deltas_of_whole_bytes),
      cmocka_unit_test(texts_that_begin_alike_are_told_from_others),
      cmocka_unit_test(short_matches_are_left_out_of_random_digits),
      cmocka_unit_test(split_streams_are_for_the_newest_readers_alone),
      cmocka_unit_test(few_new_values_need_no_measuring),
      cmocka_unit_test(a_dictionary_is_judged_by_what_it_will_hold_in_the_end),
      cmocka_unit_test(a_choice_lasts_while_chunks_stay_alike),
      cmocka_unit_test(a_choice_ends_when_sizes_change),
      cmocka_unit_test(a_column_gets_what_it_asks_for),
      cmocka_unit_test(encodings_that_do_not_fit_are_refused),
      cmocka_unit_test(samples_end_before_they_grow_large),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
