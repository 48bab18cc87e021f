/*
 * Which encoding the pages of a column get: the one place where that is decided.
 *
 * A column that says `encoding` gets it (a dictionary until it passes its limit). LH_ENCODING_AUTO measures:
 *
 * 1. A column begins with a dictionary. A page of which at most one value in 64 is new keeps it.
 * 2. The first page with more is measured: up to 128 KiB of its texts or 64 KiB of others are encoded in each
 * way that the type and `compat` allow and compressed with the file's codec. The smallest wins, and of the
 * matches that the codec may look for those that serve it best. The dictionary is charged with the values
 * that it will hold at the end of the chunk, where the share of new ones is taken to go on falling as it fell
 * over the page.
 * 3. Each later page that brings more than one new value in 64 is judged by the same figures. One that does
 * not pay is written in the best of the other encodings, and so are all after it.
 * 4. Row groups inherit the choice, 16 of them at most, while the bytes per value stay within a quarter of
 * what they were, and their number within a half and a double of what was taken for granted; then the first
 * page is measured again.
 */
#ifndef LH_PARQUET_ENCODING_CHOICE_H
#define LH_PARQUET_ENCODING_CHOICE_H

#include "base/buf.h"
#include "codec/codec.h"
#include "parquet/dictionary.h"
#include "parquet/encode.h"
#include "parquet/values.h"

/* Texts need more to show what repeats in them. */
#define LH_ENCODING_SAMPLE_BYTES ((size_t)128 << 10)
#define LH_ENCODING_FIXED_SAMPLE_BYTES ((size_t)64 << 10)

struct lh_encoding_choice {
  const struct lh_leaf *leaf;
  unsigned candidates;             /* a bit for each encoding, by Parquet's number */
  bool keeps_dictionary;           /* the column says so */
  bool begins_with_dictionary;     /* the next chunk */
  struct lh_value_encoding values; /* for pages without a dictionary */
  bool is_measured;                /* the following are known */
  double value_bytes;              /* one value in `values`, compressed */
  double index_bytes, entry_bytes; /* one index and one of the dictionary's values, compressed */
  uint64_t chunk_values;           /* what a chunk will hold, as far as is known */
  uint64_t assumed_values;         /* the same when the choice was made */
  double chunk_value_bytes;        /* of the first whole chunk since measuring; 0: there is none yet */
  unsigned chunks_left;            /* that inherit the choice */
};

/* The values of the open page, or the first of them. */
struct lh_encoding_sample {
  const uint8_t *plain; /* as lh_plain_append has it */
  size_t count;
  const uint32_t *indices;                /* NULL: only the other encodings are measured */
  const struct lh_dictionary *dictionary; /* that the indices point into */
  uint64_t whole_chunk;                   /* the values of the chunk, where it ends with this page; else 0 */
};

/* What measuring needs: `codec` is only asked whether it is none. All buffers are overwritten. */
struct lh_encoding_tools {
  enum lh_codec codec;
  struct lh_compressor *compressor;
  struct lh_buf *encoded, *compressed, *scratch;
};

/* How a page has made its dictionary grow. */
struct lh_dictionary_growth {
  uint64_t values_before;       /* values of the chunk before the page */
  size_t values, added;         /* of the page; the new ones among them */
  size_t part_values, part_new; /* of a part at its beginning; 0 where there is none */
  size_t known;                 /* the dictionary's values after the page */
  bool is_last;                 /* nothing follows in the chunk */
};

/* Fails with LH_ERROR_PROJECT where the column's setting does not fit its type or `compat`. */
lh_status lh_encoding_choice_init(struct lh_encoding_choice *choice, const struct lh_leaf *leaf,
                                  const struct lh_parquet_writer_options *options,
                                  struct lh_error *err) LH_WARN_UNUSED;

/* Of a sample's PLAIN values. */
size_t lh_encoding_sample_bytes(const struct lh_leaf *leaf);
/* How many of a page's PLAIN values fit a sample; 0: none is worth measuring, since they are huge. */
size_t lh_encoding_sample_count(const struct lh_leaf *leaf, const uint8_t *plain, size_t count);

lh_status lh_encoding_choice_measure(struct lh_encoding_choice *choice,
                                     const struct lh_encoding_sample *sample,
                                     const struct lh_encoding_tools *tools,
                                     struct lh_error *err) LH_WARN_UNUSED;

/* Whether that page has so few new values that nothing needs to be measured. */
bool lh_encoding_choice_is_settled(const struct lh_encoding_choice *choice,
                                   const struct lh_dictionary_growth *growth);
/* Whether the page is better off with the dictionary; after measuring. */
bool lh_encoding_choice_dictionary_pays(const struct lh_encoding_choice *choice,
                                        const struct lh_dictionary_growth *growth);

/* At the end of a chunk: its values, how many of them were dictionary encoded, and its compressed bytes. */
void lh_encoding_choice_end_chunk(struct lh_encoding_choice *choice, uint64_t values, uint64_t in_dictionary,
                                  uint64_t compressed_bytes);

#endif
