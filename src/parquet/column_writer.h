/*
 * Column writer: one leaf of the open row group.
 *
 * Rows come in ranges of a batch and leave as compressed pages in a block list; lh_column_writer_finish
 * sends the chunk to the sink and describes it. Pages begin at row boundaries.
 */
#ifndef LH_PARQUET_COLUMN_WRITER_H
#define LH_PARQUET_COLUMN_WRITER_H

#include "codec/codec.h"
#include "parquet/blocks.h"
#include "parquet/chunk_bloom.h"
#include "parquet/dictionary.h"
#include "parquet/encoding_choice.h"
#include "parquet/levels.h"
#include "parquet/metadata.h"
#include "parquet/page_index.h"

/* What all columns of a writer share, so that it is held once. */
struct lh_page_workspace {
  const struct lh_parquet_writer_options *options;
  struct lh_compressor *compressor;
  struct lh_shredder shredder;
  struct lh_block_pool pool;
  struct lh_buf body, compressed, header, scratch;
  struct lh_buf sample;               /* values of a page that is in its dictionary's indices */
  struct lh_buf marks;                /* of the dictionary's values that a page uses */
  struct lh_statistics_bounds bounds; /* of the page or chunk being described */
  size_t bloom_budget;                /* bytes that bloom filters may still take in the open row group */
};

struct lh_open_page {
  size_t rows, entries;
  size_t value_count;
  size_t plain_bytes;                     /* what the values take in PLAIN, whichever way they are encoded */
  bool has_levels;                        /* `definition` is filled: not all entries are at the maximum */
  struct lh_buf definition, repetition;   /* a byte each */
  struct lh_buf values;                   /* PLAIN */
  struct lh_buf indices;                  /* uint32_t into the dictionary */
  struct lh_column_statistics statistics; /* null count, and of values that are not in the dictionary */
};

struct lh_column_writer {
  const struct lh_leaf *leaf;
  struct lh_page_workspace *workspace;
  struct lh_open_page page;
  bool is_dictionary; /* the open page and the next ones are dictionary encoded */
  struct lh_dictionary dictionary;
  struct lh_encoding_choice choice;
  size_t page_start_count;      /* dictionary values known when the open page began */
  size_t part_values, part_new; /* of a part at the open page's beginning: values, and new ones of them */
  uint64_t values, dictionary_values;     /* of the stored pages; of those that are dictionary encoded */
  struct lh_column_statistics statistics; /* of all stored pages */
  struct lh_page_index index;
  struct lh_chunk_bloom bloom;
  struct lh_block_list pages;
  uint64_t entries;
  uint64_t uncompressed_bytes; /* of the pages in `pages`, with headers */
  size_t data_pages[LH_PARQUET_ENCODING_COUNT];
  struct lh_chunk_place place; /* of the chunk, once it has been sent */
  bool is_finishing;           /* no more rows will come in this chunk */
};

lh_status lh_page_workspace_init(struct lh_page_workspace *workspace,
                                 const struct lh_parquet_writer_options *options,
                                 struct lh_error *err) LH_WARN_UNUSED;
void lh_page_workspace_clear(struct lh_page_workspace *workspace);

/* LH_ERROR_PROJECT where the column's options do not fit it; lh_column_writer_clear is needed all the same.
 */
lh_status lh_column_writer_init(struct lh_column_writer *writer, const struct lh_leaf *leaf,
                                struct lh_page_workspace *workspace, struct lh_error *err) LH_WARN_UNUSED;
void lh_column_writer_clear(struct lh_column_writer *writer);

/* `columns` are the batch's top-level columns. */
lh_status lh_column_writer_write(struct lh_column_writer *writer, const struct lh_column *columns,
                                 size_t begin, size_t count, struct lh_error *err) LH_WARN_UNUSED;

/* Ends the chunk and sends its pages to the sink, which stands at `offset` of the file; adds to the sums. */
lh_status lh_column_writer_finish(struct lh_column_writer *writer, uint64_t offset, struct lh_sink *sink,
                                  uint64_t *uncompressed_bytes, uint64_t *compressed_bytes,
                                  struct lh_error *err) LH_WARN_UNUSED;
/* Sends the chunk's bloom filter, where it has one, after the pages of all columns; `written` gets its size.
 */
lh_status lh_column_writer_write_bloom(struct lh_column_writer *writer, uint64_t offset, struct lh_sink *sink,
                                       size_t *written, struct lh_error *err) LH_WARN_UNUSED;
/* Appends the chunk's metadata and, unless it is NULL, its index, and makes ready for the next row group. */
lh_status lh_column_writer_describe(struct lh_column_writer *writer, struct lh_buf *metadata,
                                    struct lh_file_index *index, struct lh_chunk_parts *parts,
                                    struct lh_error *err) LH_WARN_UNUSED;

/* Encoded bytes so far, before compression, the open page included. */
size_t lh_column_writer_encoded_bytes(const struct lh_column_writer *writer);
/* Memory held for the open row group: compressed pages, dictionary, open page. */
size_t lh_column_writer_held_bytes(const struct lh_column_writer *writer);

#endif
