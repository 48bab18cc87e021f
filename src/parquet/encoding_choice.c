/*
 * The choice of encodings: what a column may have, what each would take on a sample of its first page, and
 * when that has to be asked again. The rules are in the header.
 */
#include "parquet/encoding_choice.h"

#include <math.h>

#include "parquet/plain.h"
#include "parquet/rle.h"
#include "parquet/writer.h"

#define BIT(encoding) (1U << (encoding))
#define SETTLED_SHARE 64
#define CHUNKS_INHERITING 16
#define LENGTH_BYTES 4
#define MOST_CHANGE 1.25
#define VARIANT_SHARE 32
/* Short matches have to save one byte in so many. */
#define SHORT_MATCHES_SHARE 64
/* The header of a dictionary's page, and what its entries in the footer take. */
#define DICTIONARY_OVERHEAD_BYTES 32

/* Of settings, by the enumeration of the project's words. */
static const enum lh_parquet_encoding encoding_of[] = {
    [LH_ENCODING_AUTO] = LH_PARQUET_PLAIN,
    [LH_ENCODING_PLAIN] = LH_PARQUET_PLAIN,
    [LH_ENCODING_DICTIONARY] = LH_PARQUET_RLE_DICTIONARY,
    [LH_ENCODING_DELTA_BINARY_PACKED] = LH_PARQUET_DELTA_BINARY_PACKED,
    [LH_ENCODING_DELTA_LENGTH_BYTE_ARRAY] = LH_PARQUET_DELTA_LENGTH_BYTE_ARRAY,
    [LH_ENCODING_DELTA_BYTE_ARRAY] = LH_PARQUET_DELTA_BYTE_ARRAY,
    [LH_ENCODING_BYTE_STREAM_SPLIT] = LH_PARQUET_BYTE_STREAM_SPLIT,
    [LH_ENCODING_RLE] = LH_PARQUET_RLE,
};

/* What all readers of the profile take, and those that many use beside them: Polars cannot read
 * DELTA_BYTE_ARRAY of fixed length. */
static bool is_widely_read(enum lh_parquet_encoding encoding, const struct lh_leaf *leaf) {
  return encoding != LH_PARQUET_BYTE_STREAM_SPLIT &&
         !(encoding == LH_PARQUET_DELTA_BYTE_ARRAY && leaf->type == LH_PARQUET_FIXED);
}

static unsigned allowed(const struct lh_leaf *leaf, const struct lh_parquet_writer_options *options) {
  unsigned encodings = 0;
  for (unsigned i = 0; i < LH_PARQUET_ENCODING_COUNT; i++) {
    const enum lh_parquet_encoding encoding = (enum lh_parquet_encoding)i;
    const bool is_read = options->compat == LH_COMPAT_LATEST || is_widely_read(encoding, leaf);
    const bool is_wanted = encoding != LH_PARQUET_RLE_DICTIONARY || options->dictionary_bytes > 0;
    if (is_read && is_wanted && lh_encoding_takes(encoding, leaf)) {
      encodings |= BIT(i);
    }
  }
  return encodings;
}

static lh_status check_setting(const struct lh_leaf *leaf, const struct lh_parquet_writer_options *options,
                               struct lh_error *err) {
  const enum lh_encoding setting = leaf->options->encoding;
  if (!lh_encoding_takes(encoding_of[setting], leaf)) {
    struct lh_arena arena;
    lh_arena_init(&arena, 0);
    const char *const type = lh_field_type_name(leaf->field, &arena);
    lh_error_set(err, LH_ERROR_PROJECT, "column \"%s\" is %s, which cannot be encoded as %s",
                 leaf->display_path, type != NULL ? type : "of a type", lh_encoding_words()[setting]);
    lh_arena_clear(&arena);
    lh_error_hint(err, "leave out encoding, so that it is chosen by measuring");
    return err->code;
  }
  if (setting == LH_ENCODING_BYTE_STREAM_SPLIT && options->compat != LH_COMPAT_LATEST) {
    lh_error_set(err, LH_ERROR_PROJECT,
                 "column \"%s\": Athena, and DuckDB and Trino before their newest, cannot read %s",
                 leaf->display_path, lh_encoding_words()[setting]);
    lh_error_hint(err, "say compat: latest where no such reader matters, or leave out encoding");
    return err->code;
  }
  return LH_OK;
}

lh_status lh_encoding_choice_init(struct lh_encoding_choice *choice, const struct lh_leaf *leaf,
                                  const struct lh_parquet_writer_options *options, struct lh_error *err) {
  const enum lh_encoding setting = leaf->options->encoding;
  LH_TRY(check_setting(leaf, options, err));
  *choice = (struct lh_encoding_choice){.leaf = leaf, .chunk_values = options->row_group_rows};
  choice->candidates = allowed(leaf, options);
  if (setting == LH_ENCODING_DICTIONARY) {
    choice->keeps_dictionary = true;
  } else if (setting != LH_ENCODING_AUTO) {
    choice->candidates = BIT(encoding_of[setting]);
    choice->values.encoding = encoding_of[setting];
  }
  choice->begins_with_dictionary = (choice->candidates & BIT(LH_PARQUET_RLE_DICTIONARY)) != 0;
  choice->is_measured = (choice->candidates & (choice->candidates - 1)) == 0;
  return LH_OK;
}

size_t lh_encoding_sample_bytes(const struct lh_leaf *leaf) {
  return leaf->type == LH_PARQUET_BYTE_ARRAY ? LH_ENCODING_SAMPLE_BYTES : LH_ENCODING_FIXED_SAMPLE_BYTES;
}

size_t lh_encoding_sample_count(const struct lh_leaf *leaf, const uint8_t *plain, size_t count) {
  if (leaf->type != LH_PARQUET_BYTE_ARRAY) {
    const size_t most = LH_ENCODING_FIXED_SAMPLE_BYTES / leaf->file_width;
    return count < most ? count : most;
  }
  size_t size = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t length = 0;
    memcpy(&length, plain + size, LENGTH_BYTES);
    size += LENGTH_BYTES + length;
    if (size > LH_ENCODING_SAMPLE_BYTES) {
      return i;
    }
  }
  return count;
}

static lh_status compressed_size(const struct lh_encoding_tools *tools, enum lh_codec_matches matches,
                                 size_t *out, struct lh_error *err) {
  const struct lh_buf *const encoded = tools->encoded;
  *out = encoded->len;
  if (tools->codec == LH_CODEC_NONE) {
    return LH_OK;
  }
  lh_buf_reset(tools->compressed);
  LH_TRY(lh_compress(tools->compressor, matches, encoded->data, encoded->len, tools->compressed, err));
  *out = tools->compressed->len;
  return LH_OK;
}

/* The sizes of what has been tried on a sample: the least compressed one, and the last before compression. */
struct trial {
  size_t least, last_encoded;
};

/* What one of the encodings takes, and whether it is the least so far. One that is hardly smaller than the
 * one before it, of which it is a variant, is not worth compressing. */
static lh_status try_encoding(struct lh_encoding_choice *choice, const struct lh_encoding_sample *sample,
                              struct lh_value_encoding form, bool is_variant,
                              const struct lh_encoding_tools *tools, struct trial *trial,
                              struct lh_error *err) {
  size_t size = 0;
  lh_buf_reset(tools->encoded);
  LH_TRY(lh_encode_values(choice->leaf, form, sample->plain, sample->count, tools->scratch, tools->encoded,
                          err));
  const size_t encoded = tools->encoded->len;
  if (is_variant && encoded > trial->last_encoded - trial->last_encoded / VARIANT_SHARE) {
    return LH_OK;
  }
  LH_TRY(compressed_size(tools, LH_MATCHES_OF_LEVEL, &size, err));
  trial->last_encoded = encoded;
  if (size < trial->least) {
    trial->least = size;
    choice->values = form;
  }
  return LH_OK;
}

/* The matches that may serve an encoding better than those of the level: random digits are text, and numbers
 * of whole bytes have their neighbours' upper bytes. Others are not worth the time. */
static enum lh_codec_matches other_matches(const struct lh_encoding_choice *choice) {
  if (choice->leaf->type == LH_PARQUET_BYTE_ARRAY) {
    return LH_MATCHES_LONG;
  }
  return choice->values.widths == LH_DELTA_BYTES ? LH_MATCHES_SHORT : LH_MATCHES_OF_LEVEL;
}

/* Whether the codec does better on the best encoding when it looks for other matches. In a whole page they
 * lie further apart than in a sample: short ones gain less, and there are more by chance, which long ones
 * avoid. What was found to be no better for an encoding is not asked again within the chunks that inherit it.
 */
static lh_status choose_matches(struct lh_encoding_choice *choice, const struct lh_encoding_sample *sample,
                                struct lh_value_encoding before, const struct lh_encoding_tools *tools,
                                struct trial *trial, struct lh_error *err) {
  const enum lh_codec_matches other = other_matches(choice);
  const bool is_known = choice->chunks_left > 0 && before.encoding == choice->values.encoding &&
                        before.widths == choice->values.widths;
  if (other == LH_MATCHES_OF_LEVEL || (is_known && before.matches == LH_MATCHES_OF_LEVEL)) {
    return LH_OK;
  }
  size_t size = 0;
  lh_buf_reset(tools->encoded);
  LH_TRY(lh_encode_values(choice->leaf, choice->values, sample->plain, sample->count, tools->scratch,
                          tools->encoded, err));
  if (trial->least >= tools->encoded->len) {
    return LH_OK; /* it finds none at all */
  }
  LH_TRY(compressed_size(tools, other, &size, err));
  const size_t gain = other == LH_MATCHES_SHORT ? trial->least / SHORT_MATCHES_SHARE : 0;
  if (size <= trial->least - gain) {
    trial->least = size;
    choice->values.matches = other;
  }
  return LH_OK;
}

/* The best of the encodings that are not the dictionary's. */
static lh_status measure_values(struct lh_encoding_choice *choice, const struct lh_encoding_sample *sample,
                                const struct lh_encoding_tools *tools, struct lh_error *err) {
  const struct lh_value_encoding before = choice->values;
  struct trial trial = {.least = SIZE_MAX};
  for (unsigned i = 0; i < LH_PARQUET_ENCODING_COUNT; i++) {
    if ((choice->candidates & BIT(i)) == 0 || i == LH_PARQUET_RLE_DICTIONARY) {
      continue;
    }
    struct lh_value_encoding form = {.encoding = (enum lh_parquet_encoding)i};
    const bool is_variant = i == LH_PARQUET_DELTA_BYTE_ARRAY && choice->leaf->type == LH_PARQUET_BYTE_ARRAY;
    LH_TRY(try_encoding(choice, sample, form, is_variant, tools, &trial, err));
    if (i == LH_PARQUET_DELTA_BINARY_PACKED && tools->codec != LH_CODEC_NONE) {
      form.widths = LH_DELTA_BYTES;
      LH_TRY(try_encoding(choice, sample, form, false, tools, &trial, err));
    }
  }
  if (lh_codec_chooses_matches(tools->codec)) {
    LH_TRY(choose_matches(choice, sample, before, tools, &trial, err));
  }
  choice->value_bytes = (double)trial.least / (double)sample->count;
  return LH_OK;
}

/* As many values from the dictionary's beginning as fit a sample. */
static struct lh_values dictionary_sample(const struct lh_dictionary *dictionary, size_t most_bytes) {
  struct lh_values known = lh_dictionary_values(dictionary);
  const size_t bytes = lh_dictionary_bytes(dictionary);
  if (bytes > most_bytes) {
    const size_t most = (size_t)((double)known.count * (double)most_bytes / (double)bytes);
    known.count = most > 0 ? most : 1;
  }
  return known;
}

static lh_status measure_dictionary(struct lh_encoding_choice *choice,
                                    const struct lh_encoding_sample *sample,
                                    const struct lh_encoding_tools *tools, struct lh_error *err) {
  size_t size = 0;
  lh_buf_reset(tools->encoded);
  LH_TRY(lh_rle_append_indices(sample->indices, sample->count,
                               lh_rle_bit_width((uint32_t)sample->dictionary->count - 1), tools->encoded,
                               err));
  LH_TRY(compressed_size(tools, LH_MATCHES_OF_LEVEL, &size, err));
  choice->index_bytes = (double)size / (double)sample->count;
  const struct lh_values known =
      dictionary_sample(sample->dictionary, lh_encoding_sample_bytes(choice->leaf));
  lh_buf_reset(tools->encoded);
  LH_TRY(lh_plain_append(choice->leaf, &known, tools->encoded, err));
  LH_TRY(compressed_size(tools, LH_MATCHES_OF_LEVEL, &size, err));
  choice->entry_bytes = (double)size / (double)known.count;
  return LH_OK;
}

lh_status lh_encoding_choice_measure(struct lh_encoding_choice *choice,
                                     const struct lh_encoding_sample *sample,
                                     const struct lh_encoding_tools *tools, struct lh_error *err) {
  LH_TRY(measure_values(choice, sample, tools, err));
  if (sample->indices != NULL) {
    LH_TRY(measure_dictionary(choice, sample, tools, err));
  }
  choice->is_measured = true;
  choice->assumed_values = sample->whole_chunk > 0 ? sample->whole_chunk : choice->chunk_values;
  choice->chunk_value_bytes = 0;
  choice->chunks_left = CHUNKS_INHERITING;
  return LH_OK;
}

bool lh_encoding_choice_is_settled(const struct lh_encoding_choice *choice,
                                   const struct lh_dictionary_growth *growth) {
  return choice->keeps_dictionary || growth->added <= growth->values / SETTLED_SHARE;
}

/* How many values will be new in the `rest` of the chunk. Each half page brings `fall` times as many as the
 * one before it. */
static double project_new(const struct lh_dictionary_growth *growth, double rest) {
  const double values = (double)growth->values;
  const double rate = (double)growth->added / values;
  double fall = rate; /* without a part to compare with: many new ones stay many, few stay few */
  double last_rate = rate;
  if (growth->part_values > 0 && growth->part_values < growth->values && growth->part_new > 0) {
    last_rate = (double)(growth->added - growth->part_new) / (double)(growth->values - growth->part_values);
    fall = last_rate * (double)growth->part_values / (double)growth->part_new;
  }
  const double halves = 2 * rest / values;
  if (fall >= 1) {
    return last_rate * rest;
  }
  return last_rate * (values / 2) * fall * (1 - pow(fall, halves)) / (1 - fall);
}

static unsigned index_width(double known) {
  return lh_rle_bit_width(known < INT32_MAX ? (uint32_t)known : INT32_MAX) + (known < 1);
}

bool lh_encoding_choice_dictionary_pays(const struct lh_encoding_choice *choice,
                                        const struct lh_dictionary_growth *growth) {
  const uint64_t so_far = growth->values_before + growth->values;
  const double rest =
      growth->is_last || choice->chunk_values <= so_far ? 0 : (double)(choice->chunk_values - so_far);
  const double added = (double)growth->added + project_new(growth, rest);
  const double known = (double)growth->known + added - (double)growth->added;
  const double wider = (double)index_width(known) / (double)index_width((double)growth->known);
  const double values = (double)growth->values + rest;
  const double overhead = growth->values_before == 0 ? DICTIONARY_OVERHEAD_BYTES : 0;
  const double with = values * choice->index_bytes * wider + added * choice->entry_bytes + overhead;
  return with <= values * choice->value_bytes;
}

static void ask_again(struct lh_encoding_choice *choice) {
  choice->is_measured = false;
  choice->begins_with_dictionary = (choice->candidates & BIT(LH_PARQUET_RLE_DICTIONARY)) != 0;
}

void lh_encoding_choice_end_chunk(struct lh_encoding_choice *choice, uint64_t values, uint64_t in_dictionary,
                                  uint64_t compressed_bytes) {
  const bool has_choice = (choice->candidates & (choice->candidates - 1)) != 0;
  if (values == 0 || !has_choice || choice->keeps_dictionary) {
    return;
  }
  choice->chunk_values = values;
  if (!choice->is_measured) {
    return;
  }
  const double value_bytes = (double)compressed_bytes / (double)values;
  const bool is_of_other_size = values > 2 * choice->assumed_values || values < choice->assumed_values / 2;
  const double before = choice->chunk_value_bytes > 0 ? choice->chunk_value_bytes : value_bytes;
  choice->chunk_value_bytes = before;
  choice->begins_with_dictionary = in_dictionary > values / 2;
  choice->chunks_left--;
  if (choice->chunks_left == 0 || is_of_other_size || value_bytes > before * MOST_CHANGE ||
      value_bytes < before / MOST_CHANGE) {
    ask_again(choice);
  }
}
