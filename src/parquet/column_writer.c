/*
 * One leaf of the open row group: shredded rows fill a page, full pages are encoded and compressed at
 * once, and the chunk goes out as a whole. A page gathers indices into the chunk's dictionary, or values in
 * PLAIN that are encoded when it closes; which of them is encoding_choice's to say. A page that does not pay
 * is turned from one into the other, and so are the following ones; a dictionary past its limit is left, too.
 * Earlier pages stay as they are.
 */
#include "parquet/column_writer.h"

#include <libdeflate.h>
#include <limits.h>

#include "parquet/encode.h"
#include "parquet/plain.h"
#include "parquet/rle.h"

#define PAGE_MAX_BYTES ((size_t)INT32_MAX)
/* Room for levels and headers beside the values. */
#define PAGE_SLACK_BYTES ((size_t)1 << 20)
#define LENGTH_BYTES 4
#define INDEX_BYTES sizeof(uint32_t)
#define LEVEL_BYTES 2
/* Of the levels of a page beside a bit a row. */
#define PAGE_LEVELS_BYTES 1024
/* A page of which there is one part in so many gets room for all of it. */
#define BEGUN_SHARE 4
/* Buffers that one huge value has blown up are given back above this many page sizes. */
#define KEPT_PAGES 4

lh_status lh_page_workspace_init(struct lh_page_workspace *workspace,
                                 const struct lh_parquet_writer_options *options, struct lh_error *err) {
  *workspace = (struct lh_page_workspace){.options = options};
  lh_shredder_init(&workspace->shredder);
  lh_buf_init(&workspace->body, PAGE_MAX_BYTES);
  lh_buf_init(&workspace->compressed, 2 * PAGE_MAX_BYTES);
  lh_buf_init(&workspace->header, 1024);
  lh_buf_init(&workspace->scratch, PAGE_MAX_BYTES);
  lh_buf_init(&workspace->sample, PAGE_MAX_BYTES);
  lh_buf_init(&workspace->marks, LH_DICTIONARY_MAX_ENTRIES);
  lh_statistics_bounds_init(&workspace->bounds);
  workspace->bloom_budget = options->bloom_bytes;
  return lh_compressor_new(options->codec, options->codec_level, &workspace->compressor, err);
}

void lh_page_workspace_clear(struct lh_page_workspace *workspace) {
  lh_compressor_free(workspace->compressor);
  lh_shredder_clear(&workspace->shredder);
  lh_block_pool_clear(&workspace->pool);
  lh_buf_clear(&workspace->body);
  lh_buf_clear(&workspace->compressed);
  lh_buf_clear(&workspace->header);
  lh_buf_clear(&workspace->scratch);
  lh_buf_clear(&workspace->sample);
  lh_buf_clear(&workspace->marks);
  lh_statistics_bounds_clear(&workspace->bounds);
}

lh_status lh_column_writer_init(struct lh_column_writer *writer, const struct lh_leaf *leaf,
                                struct lh_page_workspace *workspace, struct lh_error *err) {
  *writer = (struct lh_column_writer){.leaf = leaf, .workspace = workspace};
  lh_buf_init(&writer->page.definition, PAGE_MAX_BYTES);
  lh_buf_init(&writer->page.repetition, PAGE_MAX_BYTES);
  lh_buf_init(&writer->page.values, PAGE_MAX_BYTES);
  lh_buf_init(&writer->page.indices, PAGE_MAX_BYTES);
  lh_dictionary_init(&writer->dictionary, leaf);
  lh_statistics_init(&writer->statistics, leaf, workspace->options->statistics_bytes);
  lh_statistics_init(&writer->page.statistics, leaf, workspace->options->statistics_bytes);
  lh_page_index_init(&writer->index, leaf);
  lh_chunk_bloom_init(&writer->bloom, leaf, leaf->options->bloom);
  LH_TRY(lh_encoding_choice_init(&writer->choice, leaf, workspace->options, err));
  writer->is_dictionary = writer->choice.begins_with_dictionary;
  return LH_OK;
}

void lh_column_writer_clear(struct lh_column_writer *writer) {
  lh_buf_clear(&writer->page.definition);
  lh_buf_clear(&writer->page.repetition);
  lh_buf_clear(&writer->page.values);
  lh_buf_clear(&writer->page.indices);
  lh_dictionary_clear(&writer->dictionary);
  lh_statistics_clear(&writer->statistics);
  lh_statistics_clear(&writer->page.statistics);
  lh_page_index_clear(&writer->index);
  lh_chunk_bloom_clear(&writer->bloom);
  lh_block_list_release(&writer->pages, &writer->workspace->pool);
}

/* Uncompressed size of the open page, roughly: what its limit is compared with. */
static size_t page_bytes(const struct lh_column_writer *writer) {
  const struct lh_open_page *const page = &writer->page;
  const size_t levels = writer->leaf->step_count > 1 ? page->entries * LEVEL_BYTES : 0;
  return levels + page->values.len + page->indices.len;
}

size_t lh_column_writer_encoded_bytes(const struct lh_column_writer *writer) {
  return (size_t)writer->uncompressed_bytes + page_bytes(writer) + lh_dictionary_bytes(&writer->dictionary);
}

size_t lh_column_writer_held_bytes(const struct lh_column_writer *writer) {
  return writer->pages.size_bytes + page_bytes(writer) + lh_dictionary_memory(&writer->dictionary) +
         writer->index.records.len + lh_bloom_bytes(&writer->bloom.filter);
}

static lh_status too_large(const struct lh_column_writer *writer, struct lh_error *err) {
  lh_error_set(err, LH_ERROR_DATA, "column \"%s\": the values of one row take more than the 2 GiB of a page",
               writer->leaf->display_path);
  lh_error_hint(err, "leave the column out, or shorten its values in a query");
  return err->code;
}

static lh_status append_levels(const uint8_t *levels, size_t count, uint8_t most, struct lh_buf *body,
                               struct lh_error *err) {
  const size_t start = body->len;
  const uint32_t placeholder = 0;
  LH_TRY(lh_buf_append(body, &placeholder, LENGTH_BYTES, err));
  const unsigned width = lh_rle_bit_width(most);
  if (levels != NULL) {
    LH_TRY(lh_rle_append_levels(levels, count, width, body, err));
  } else {
    LH_TRY(lh_rle_append_run(most, count, width, body, err));
  }
  const uint32_t size = (uint32_t)(body->len - start - LENGTH_BYTES);
  memcpy(body->data + start, &size, LENGTH_BYTES);
  return LH_OK;
}

static lh_status build_levels(const struct lh_column_writer *writer, struct lh_buf *body,
                              struct lh_error *err) {
  const struct lh_open_page *const page = &writer->page;
  const struct lh_leaf *const leaf = writer->leaf;
  if (leaf->max_repetition > 0) {
    LH_TRY(append_levels(page->repetition.data, page->entries, leaf->max_repetition, body, err));
  }
  if (leaf->max_definition > 0) {
    LH_TRY(append_levels(page->has_levels ? page->definition.data : NULL, page->entries, leaf->max_definition,
                         body, err));
  }
  return LH_OK;
}

static lh_status append_indices(const struct lh_column_writer *writer, struct lh_buf *body,
                                struct lh_error *err) {
  /* A dictionary of one value gets a bit all the same: some readers do not take a width of 0. */
  const unsigned needed = lh_rle_bit_width((uint32_t)writer->dictionary.count - 1);
  const unsigned width = needed == 0 ? 1 : needed;
  LH_TRY(lh_buf_append_byte(body, (uint8_t)width, err));
  return lh_rle_append_indices((const uint32_t *)(const void *)writer->page.indices.data,
                               writer->page.value_count, width, body, err);
}

/* Puts `front` before the values that are in `values` already. */
static lh_status prepend(struct lh_buf *values, const struct lh_buf *front, struct lh_error *err) {
  if (front->len == 0) {
    return LH_OK;
  }
  LH_TRY(lh_buf_reserve(values, front->len, err));
  memmove(values->data + front->len, values->data, values->len);
  memcpy(values->data, front->data, front->len);
  values->len += front->len;
  return LH_OK;
}

/* Compresses a page's body and describes it; the result is in the workspace's `header` and, unless the
 * codec is none, `compressed`. */
static lh_status finish_page(struct lh_column_writer *writer, const struct lh_buf *body,
                             enum lh_codec_matches matches, struct lh_page_header *header,
                             const struct lh_buf **stored, struct lh_error *err) {
  struct lh_page_workspace *const workspace = writer->workspace;
  *stored = body;
  if (workspace->options->codec != LH_CODEC_NONE) {
    lh_buf_reset(&workspace->compressed);
    LH_TRY(lh_compress(workspace->compressor, matches, body->data, body->len, &workspace->compressed, err));
    *stored = &workspace->compressed;
  }
  if (body->len > PAGE_MAX_BYTES || (*stored)->len > PAGE_MAX_BYTES) {
    return too_large(writer, err);
  }
  header->uncompressed_bytes = body->len;
  header->compressed_bytes = (*stored)->len;
  header->crc = libdeflate_crc32(0, (*stored)->data, (*stored)->len);
  lh_buf_reset(&workspace->header);
  return lh_metadata_append_page_header(header, &workspace->header, err);
}

static void shrink(struct lh_buf *buf, size_t page_size) {
  const size_t most = page_size > PAGE_MAX_BYTES / KEPT_PAGES ? PAGE_MAX_BYTES : page_size * KEPT_PAGES;
  if (buf->cap > most) {
    lh_buf_clear(buf);
  }
}

/* At the end of a chunk, whose last page may have been turned into another form: what one column has needed
 * for that serves the next. */
static void free_page(struct lh_open_page *page) {
  lh_buf_clear(&page->values);
  lh_buf_clear(&page->indices);
}

static void reset_page(struct lh_column_writer *writer) {
  struct lh_open_page *const page = &writer->page;
  const size_t page_size = writer->workspace->options->page_bytes + LH_BLOCK_BYTES;
  lh_buf_reset(&page->definition);
  lh_buf_reset(&page->repetition);
  lh_buf_reset(&page->values);
  lh_buf_reset(&page->indices);
  shrink(&page->values, page_size);
  shrink(&page->indices, page_size);
  shrink(&writer->workspace->body, page_size);
  shrink(&writer->workspace->compressed, page_size);
  page->rows = 0;
  page->entries = 0;
  page->value_count = 0;
  page->plain_bytes = 0;
  page->has_levels = false;
  lh_statistics_reset(&page->statistics);
}

/* A page that one huge value has blown up is not copied once more for its encoding. */
static bool is_huge(const struct lh_column_writer *writer) {
  return writer->page.plain_bytes / KEPT_PAGES > writer->workspace->options->page_bytes;
}

static struct lh_value_encoding page_encoding(const struct lh_column_writer *writer) {
  static const struct lh_value_encoding plain = {.encoding = LH_PARQUET_PLAIN};
  static const struct lh_value_encoding dictionary = {.encoding = LH_PARQUET_RLE_DICTIONARY};
  if (writer->page.value_count == 0) {
    return plain; /* no dictionary to point into, and nothing to encode */
  }
  return writer->is_dictionary ? dictionary : is_huge(writer) ? plain : writer->choice.values;
}

/* The body of the open page: in the workspace, or, to spare a copy, in the page's own values. */
static lh_status build_body(struct lh_column_writer *writer, struct lh_value_encoding form,
                            struct lh_buf **body, struct lh_error *err) {
  struct lh_page_workspace *const workspace = writer->workspace;
  struct lh_open_page *const page = &writer->page;
  lh_buf_reset(&workspace->body);
  LH_TRY(build_levels(writer, &workspace->body, err));
  *body = &workspace->body;
  if (form.encoding == LH_PARQUET_RLE_DICTIONARY) {
    return append_indices(writer, &workspace->body, err);
  }
  if (form.encoding == LH_PARQUET_PLAIN && writer->leaf->kind != LH_VALUE_BOOL) {
    *body = &page->values;
    return prepend(&page->values, &workspace->body, err);
  }
  return lh_encode_values(writer->leaf, form, page->values.data, page->value_count, &workspace->scratch,
                          &workspace->body, err);
}

/* Statistics of the open page's values, where they are indices so far. */
static lh_status add_dictionary_statistics(struct lh_column_writer *writer, struct lh_error *err) {
  struct lh_open_page *const page = &writer->page;
  return lh_dictionary_add_statistics(&writer->dictionary, (const uint32_t *)(const void *)page->indices.data,
                                      page->value_count, writer->page_start_count, &writer->workspace->marks,
                                      &page->statistics, err);
}

/* Of the chunk: no more values than this will come. */
static uint64_t chunk_most(const struct lh_column_writer *writer) {
  const uint64_t most = writer->workspace->options->row_group_rows;
  const uint64_t so_far = writer->entries + writer->page.entries;
  return writer->is_finishing || most < so_far ? so_far : most;
}

/* What readers may ask of the open page's values, before they are encoded. */
static lh_status note_values(struct lh_column_writer *writer, enum lh_parquet_encoding encoding,
                             struct lh_error *err) {
  if (encoding == LH_PARQUET_RLE_DICTIONARY) {
    return add_dictionary_statistics(writer, err);
  }
  const struct lh_bloom_values values = {.plain = writer->page.values.data,
                                         .count = writer->page.value_count,
                                         .chunk_most = chunk_most(writer),
                                         .budget = &writer->workspace->bloom_budget};
  return lh_chunk_bloom_add_page(&writer->bloom, &values, err);
}

/* The page that has been stored, into the chunk's index and statistics. */
static lh_status note_page(struct lh_column_writer *writer, size_t stored_bytes, struct lh_error *err) {
  const struct lh_open_page *const page = &writer->page;
  struct lh_statistics_bounds *const bounds = &writer->workspace->bounds;
  const size_t length_bytes = page->value_count * LENGTH_BYTES;
  LH_TRY(lh_statistics_get_bounds(&page->statistics, bounds, err));
  const struct lh_page_facts facts = {
      .stored_bytes = stored_bytes,
      .rows = page->rows,
      .unencoded_bytes = page->plain_bytes > length_bytes ? page->plain_bytes - length_bytes : 0,
      .statistics = &page->statistics,
      .bounds = bounds,
      .entries = page->entries,
      .definition = page->has_levels ? page->definition.data : NULL,
      .repetition = page->repetition.data,
  };
  LH_TRY(lh_page_index_add(&writer->index, &facts, err));
  return lh_statistics_merge(&writer->statistics, &page->statistics, err);
}

static lh_status store_page(struct lh_column_writer *writer, struct lh_error *err) {
  struct lh_page_workspace *const workspace = writer->workspace;
  const struct lh_value_encoding form = page_encoding(writer);
  struct lh_page_header header = {.value_count = writer->page.entries, .encoding = form.encoding};
  struct lh_buf *body = NULL;
  LH_TRY(note_values(writer, form.encoding, err));
  LH_TRY(build_body(writer, form, &body, err));
  const struct lh_buf *stored = NULL;
  LH_TRY(finish_page(writer, body, form.matches, &header, &stored, err));
  LH_TRY(lh_block_list_append(&writer->pages, &workspace->pool, workspace->header.data, workspace->header.len,
                              err));
  LH_TRY(lh_block_list_append(&writer->pages, &workspace->pool, stored->data, stored->len, err));
  LH_TRY(note_page(writer, workspace->header.len + stored->len, err));
  writer->uncompressed_bytes += workspace->header.len + body->len;
  writer->entries += writer->page.entries;
  writer->data_pages[header.encoding]++;
  writer->values += writer->page.value_count;
  if (header.encoding == LH_PARQUET_RLE_DICTIONARY) {
    writer->dictionary_values += writer->page.value_count;
  }
  writer->page_start_count = writer->dictionary.count;
  writer->part_values = 0;
  reset_page(writer);
  return LH_OK;
}

static struct lh_encoding_tools tools_of(struct lh_page_workspace *workspace) {
  return (struct lh_encoding_tools){.codec = workspace->options->codec,
                                    .compressor = workspace->compressor,
                                    .encoded = &workspace->body,
                                    .compressed = &workspace->compressed,
                                    .scratch = &workspace->scratch};
}

/* Room for what is added to the open page: once a part of a page is there, for a whole one. Doubling would
 * take up to twice as much for good, and leave the sizes on the way as holes. */
static lh_status reserve_page(struct lh_buf *buf, size_t extra, size_t page_bytes, struct lh_error *err) {
  const size_t needed = buf->len + extra;
  const bool is_begun = needed > page_bytes / BEGUN_SHARE && needed <= page_bytes;
  return is_begun ? lh_buf_reserve_exact(buf, page_bytes - buf->len, err) : lh_buf_reserve(buf, extra, err);
}

/* What a page of values mostly stays within, with the levels that may be put before them. */
static size_t values_most(const struct lh_column_writer *writer) {
  const struct lh_parquet_writer_options *const options = writer->workspace->options;
  const struct lh_leaf *const leaf = writer->leaf;
  const size_t levels = options->page_rows / CHAR_BIT + PAGE_LEVELS_BYTES;
  const size_t rows = options->page_rows * (leaf->file_width > 0 ? leaf->file_width : 1);
  const bool is_fixed = leaf->type != LH_PARQUET_BYTE_ARRAY && rows < options->page_bytes;
  return levels + (is_fixed ? rows : options->page_bytes);
}

static size_t indices_most(const struct lh_column_writer *writer) {
  return writer->workspace->options->page_rows * INDEX_BYTES;
}

/* The values of the open page again, from their indices. */
static lh_status expand_indices(const struct lh_column_writer *writer, size_t most_bytes, struct lh_buf *out,
                                size_t *count, struct lh_error *err) {
  const struct lh_open_page *const page = &writer->page;
  const struct lh_values known = lh_dictionary_values(&writer->dictionary);
  const size_t bytes = page->plain_bytes < most_bytes ? page->plain_bytes : most_bytes;
  lh_buf_reset(out);
  LH_TRY(lh_buf_reserve(out, bytes, err));
  return lh_plain_append_picked(writer->leaf, &known, (const uint32_t *)(const void *)page->indices.data,
                                page->value_count, most_bytes, out, count, err);
}

/* The open page's first values in each encoding. Values too long for a sample leave the choice as it was. */
static lh_status measure(struct lh_column_writer *writer, bool is_last, struct lh_error *err) {
  const struct lh_open_page *const page = &writer->page;
  struct lh_buf *const values = &writer->workspace->sample;
  const struct lh_encoding_tools tools = tools_of(writer->workspace);
  struct lh_encoding_sample sample = {.whole_chunk = is_last ? writer->values + page->value_count : 0};
  if (writer->is_dictionary) {
    LH_TRY(expand_indices(writer, lh_encoding_sample_bytes(writer->leaf), values, &sample.count, err));
    sample.plain = values->data;
    sample.indices = (const uint32_t *)(const void *)page->indices.data;
    sample.dictionary = &writer->dictionary;
  } else {
    sample.count = lh_encoding_sample_count(writer->leaf, page->values.data, page->value_count);
    sample.plain = page->values.data;
  }
  return sample.count > 0 ? lh_encoding_choice_measure(&writer->choice, &sample, &tools, err) : LH_OK;
}

static struct lh_dictionary_growth growth_of(const struct lh_column_writer *writer, bool is_last) {
  return (struct lh_dictionary_growth){.values_before = writer->values,
                                       .values = writer->page.value_count,
                                       .added = writer->dictionary.count - writer->page_start_count,
                                       .part_values = writer->part_values,
                                       .part_new = writer->part_new,
                                       .known = writer->dictionary.count,
                                       .is_last = is_last};
}

/* Whether the open page is better off with the dictionary. One that is too large to be turned into another
 * encoding keeps it. */
static lh_status judge_dictionary(struct lh_column_writer *writer, bool is_last, bool *pays,
                                  struct lh_error *err) {
  const struct lh_dictionary_growth growth = growth_of(writer, is_last);
  *pays = true;
  if (lh_encoding_choice_is_settled(&writer->choice, &growth) || is_huge(writer)) {
    return LH_OK;
  }
  if (!writer->choice.is_measured) {
    LH_TRY(measure(writer, is_last, err));
  }
  *pays = writer->choice.is_measured && lh_encoding_choice_dictionary_pays(&writer->choice, &growth);
  return LH_OK;
}

/* No dictionary from here on; for the open page, too, unless it is better off with it. */
static lh_status leave_dictionary(struct lh_column_writer *writer, bool pays, struct lh_error *err) {
  if (pays && writer->page.rows > 0) {
    LH_TRY(store_page(writer, err));
  }
  writer->is_dictionary = false;
  if (!pays) {
    size_t expanded = 0;
    LH_TRY(add_dictionary_statistics(writer, err));
    LH_TRY(reserve_page(&writer->page.values, writer->page.plain_bytes, values_most(writer), err));
    LH_TRY(expand_indices(writer, PAGE_MAX_BYTES, &writer->page.values, &expanded, err));
    if (expanded < writer->page.value_count) {
      return too_large(writer, err);
    }
  }
  lh_buf_clear(&writer->page.indices);
  lh_dictionary_close(&writer->dictionary, writer->page_start_count);
  return LH_OK;
}

/* The dictionary has passed its limit. */
static lh_status end_dictionary(struct lh_column_writer *writer, struct lh_error *err) {
  bool pays = false;
  LH_TRY(judge_dictionary(writer, false, &pays, err));
  return leave_dictionary(writer, pays, err);
}

static lh_status close_page(struct lh_column_writer *writer, bool is_last, struct lh_error *err) {
  if (writer->is_dictionary) {
    bool pays = false;
    LH_TRY(judge_dictionary(writer, is_last, &pays, err));
    if (!pays) {
      LH_TRY(leave_dictionary(writer, false, err));
    }
  }
  if (!writer->is_dictionary && !writer->choice.is_measured && !is_huge(writer)) {
    LH_TRY(measure(writer, is_last, err));
  }
  return store_page(writer, err);
}

/* The levels so far were all at the maximum and not written out; now they have to be. */
static lh_status add_definition(struct lh_column_writer *writer, const struct lh_shredded *shredded,
                                struct lh_error *err) {
  struct lh_open_page *const page = &writer->page;
  const uint8_t most = writer->leaf->max_definition;
  if (most == 0 || (shredded->definition == NULL && !page->has_levels)) {
    return LH_OK;
  }
  LH_TRY(lh_buf_reserve(&page->definition, page->entries - page->definition.len + shredded->entries, err));
  memset(page->definition.data + page->definition.len, most, page->entries - page->definition.len);
  page->definition.len = page->entries;
  page->has_levels = true;
  if (shredded->definition == NULL) {
    memset(page->definition.data + page->definition.len, most, shredded->entries);
    page->definition.len += shredded->entries;
    return LH_OK;
  }
  return lh_buf_append(&page->definition, shredded->definition, shredded->entries, err);
}

static lh_status add_values(struct lh_column_writer *writer, const struct lh_values *values,
                            struct lh_error *err) {
  struct lh_open_page *const page = &writer->page;
  const size_t plain_bytes = lh_values_bytes(values, writer->leaf);
  page->plain_bytes += plain_bytes;
  page->value_count += values->count;
  if (!writer->is_dictionary) {
    LH_TRY(lh_statistics_add(&page->statistics, values, err));
    LH_TRY(reserve_page(&page->values, plain_bytes, values_most(writer), err));
    return lh_plain_append(writer->leaf, values, &page->values, err);
  }
  LH_TRY(reserve_page(&page->indices, values->count * INDEX_BYTES, indices_most(writer), err));
  uint32_t *const indices = (uint32_t *)(void *)(page->indices.data + page->indices.len);
  LH_TRY(lh_dictionary_add(&writer->dictionary, values, indices, err));
  page->indices.len += values->count * INDEX_BYTES;
  if (writer->part_values == 0 || page->value_count <= writer->workspace->options->page_rows / 2) {
    writer->part_values = page->value_count;
    writer->part_new = writer->dictionary.count - writer->page_start_count;
  }
  return LH_OK;
}

static lh_status add_rows(struct lh_column_writer *writer, const struct lh_column *columns, size_t begin,
                          size_t count, struct lh_error *err) {
  struct lh_shredded shredded;
  LH_TRY(lh_shred(&writer->workspace->shredder, writer->leaf, columns, begin, count, &shredded, err));
  LH_TRY(add_definition(writer, &shredded, err));
  if (shredded.repetition != NULL) {
    LH_TRY(lh_buf_append(&writer->page.repetition, shredded.repetition, shredded.entries, err));
  }
  LH_TRY(add_values(writer, &shredded.values, err));
  writer->page.statistics.null_count += shredded.entries - shredded.values.count;
  writer->page.entries += shredded.entries;
  writer->page.rows += count;
  return LH_OK;
}

/* The least number of rows from `begin` whose bytes pass `room`, or `count`. */
static size_t rows_past(const struct lh_leaf *leaf, const struct lh_column *columns, size_t begin,
                        size_t count, size_t room) {
  if (lh_shred_estimate(leaf, columns, begin, begin + count) <= room) {
    return count;
  }
  size_t least = 1;
  size_t most = count;
  while (least < most) {
    const size_t middle = least + (most - least) / 2;
    if (lh_shred_estimate(leaf, columns, begin, begin + middle) > room) {
      most = middle;
    } else {
      least = middle + 1;
    }
  }
  return least;
}

static bool is_page_full(const struct lh_column_writer *writer) {
  const struct lh_parquet_writer_options *const options = writer->workspace->options;
  return writer->page.rows >= options->page_rows || page_bytes(writer) > options->page_bytes;
}

/* A row that would not even fit an empty dictionary ends it. Of the others at most one dictionary's worth
 * is taken at a time, so that the limit cannot be passed by more than that. */
static lh_status take_rows(struct lh_column_writer *writer, const struct lh_column *columns, size_t begin,
                           size_t most, size_t *taken, struct lh_error *err) {
  const struct lh_parquet_writer_options *const options = writer->workspace->options;
  size_t count = most;
  if (writer->is_dictionary) {
    const size_t limit = options->dictionary_bytes;
    count = rows_past(writer->leaf, columns, begin, most, limit);
    const bool is_past = lh_shred_estimate(writer->leaf, columns, begin, begin + count) > limit;
    if (count == 1 && is_past) {
      LH_TRY(end_dictionary(writer, err));
    } else if (is_past) {
      count--;
    }
  }
  if (!writer->is_dictionary) {
    const size_t used = page_bytes(writer);
    const size_t room = options->page_bytes > used ? options->page_bytes - used : 0;
    count = rows_past(writer->leaf, columns, begin, most, room);
  }
  if (lh_shred_estimate(writer->leaf, columns, begin, begin + count) >
      PAGE_MAX_BYTES - PAGE_SLACK_BYTES - page_bytes(writer)) {
    return too_large(writer, err);
  }
  *taken = count;
  return add_rows(writer, columns, begin, count, err);
}

static lh_status write_rows(struct lh_column_writer *writer, const struct lh_column *columns, size_t begin,
                            size_t count, struct lh_error *err) {
  const struct lh_parquet_writer_options *const options = writer->workspace->options;
  while (count > 0) {
    const size_t room = options->page_rows - writer->page.rows;
    size_t taken = 0;
    LH_TRY(take_rows(writer, columns, begin, count < room ? count : room, &taken, err));
    begin += taken;
    count -= taken;
    if (writer->is_dictionary && lh_dictionary_bytes(&writer->dictionary) > options->dictionary_bytes) {
      LH_TRY(end_dictionary(writer, err));
    }
    if (is_page_full(writer)) {
      LH_TRY(close_page(writer, false, err));
    }
  }
  return LH_OK;
}

lh_status lh_column_writer_write(struct lh_column_writer *writer, const struct lh_column *columns,
                                 size_t begin, size_t count, struct lh_error *err) {
  const lh_status status = write_rows(writer, columns, begin, count, err);
  if (status == LH_OK) {
    return LH_OK;
  }
  return lh_error_prefix(err, "writing column \"%s\"", writer->leaf->display_path);
}

/* Sends the dictionary's page; `written` gets its size with header. */
static lh_status write_dictionary(struct lh_column_writer *writer, struct lh_sink *sink, size_t *written,
                                  struct lh_error *err) {
  struct lh_page_workspace *const workspace = writer->workspace;
  const struct lh_values known = lh_dictionary_values(&writer->dictionary);
  lh_buf_reset(&workspace->body);
  LH_TRY(lh_plain_append(writer->leaf, &known, &workspace->body, err));
  const struct lh_bloom_values values = {.plain = workspace->body.data,
                                         .count = known.count,
                                         .chunk_most = known.count,
                                         .budget = &workspace->bloom_budget};
  LH_TRY(lh_chunk_bloom_add_dictionary(&writer->bloom, &values, err));
  struct lh_page_header header = {
      .is_dictionary = true, .value_count = known.count, .encoding = LH_PARQUET_PLAIN};
  const struct lh_buf *stored = NULL;
  LH_TRY(finish_page(writer, &workspace->body, LH_MATCHES_OF_LEVEL, &header, &stored, err));
  LH_TRY(lh_sink_write(sink, workspace->header.data, workspace->header.len, err));
  LH_TRY(lh_sink_write(sink, stored->data, stored->len, err));
  writer->uncompressed_bytes += workspace->header.len + workspace->body.len;
  *written = workspace->header.len + stored->len;
  return LH_OK;
}

lh_status lh_column_writer_finish(struct lh_column_writer *writer, uint64_t offset, struct lh_sink *sink,
                                  uint64_t *uncompressed_bytes, uint64_t *compressed_bytes,
                                  struct lh_error *err) {
  writer->is_finishing = true;
  if (writer->page.rows > 0) {
    LH_TRY(close_page(writer, true, err));
  }
  size_t dictionary_size = 0;
  if (writer->data_pages[LH_PARQUET_RLE_DICTIONARY] > 0) {
    LH_TRY(write_dictionary(writer, sink, &dictionary_size, err));
  }
  LH_TRY(lh_block_list_write(&writer->pages, sink, err));
  writer->place = (struct lh_chunk_place){
      .data_page_offset = offset + dictionary_size,
      .dictionary_page_offset = dictionary_size > 0 ? offset : 0,
      .compressed_bytes = writer->pages.size_bytes + dictionary_size,
  };
  lh_block_list_release(&writer->pages, &writer->workspace->pool);
  free_page(&writer->page);
  *uncompressed_bytes += writer->uncompressed_bytes;
  *compressed_bytes += writer->place.compressed_bytes;
  lh_encoding_choice_end_chunk(&writer->choice, writer->values, writer->dictionary_values,
                               writer->place.compressed_bytes);
  return LH_OK;
}

lh_status lh_column_writer_write_bloom(struct lh_column_writer *writer, uint64_t offset, struct lh_sink *sink,
                                       size_t *written, struct lh_error *err) {
  struct lh_buf *const bytes = &writer->workspace->body;
  *written = 0;
  if (!lh_chunk_bloom_finish(&writer->bloom, writer->entries - writer->statistics.null_count)) {
    return LH_OK;
  }
  lh_buf_reset(bytes);
  LH_TRY(lh_bloom_append(&writer->bloom.filter, bytes, err));
  LH_TRY(lh_sink_write(sink, bytes->data, bytes->len, err));
  writer->place.bloom_offset = offset;
  writer->place.bloom_bytes = bytes->len;
  *written = bytes->len;
  return LH_OK;
}

/* A chunk that is dictionary encoded as a whole holds exactly what is in the dictionary; of floats, zeros and
 * NaNs of several bit patterns. */
static uint64_t distinct_count(const struct lh_column_writer *writer) {
  const bool is_float = writer->leaf->kind == LH_VALUE_FLOAT || writer->leaf->kind == LH_VALUE_DOUBLE;
  for (int i = 0; i < LH_PARQUET_ENCODING_COUNT; i++) {
    if (is_float || (i != LH_PARQUET_RLE_DICTIONARY && writer->data_pages[i] > 0)) {
      return 0;
    }
  }
  return writer->dictionary.count;
}

static void reset_chunk(struct lh_column_writer *writer) {
  if (writer->choice.begins_with_dictionary) {
    lh_dictionary_reset(&writer->dictionary);
  } else {
    lh_dictionary_clear(&writer->dictionary);
  }
  lh_statistics_reset(&writer->statistics);
  lh_page_index_reset(&writer->index);
  lh_chunk_bloom_reset(&writer->bloom);
  writer->workspace->bloom_budget = writer->workspace->options->bloom_bytes;
  writer->is_dictionary = writer->choice.begins_with_dictionary;
  writer->is_finishing = false;
  writer->values = 0;
  writer->dictionary_values = 0;
  writer->page_start_count = 0;
  writer->entries = 0;
  writer->uncompressed_bytes = 0;
  memset(writer->data_pages, 0, sizeof writer->data_pages);
}

lh_status lh_column_writer_describe(struct lh_column_writer *writer, struct lh_buf *metadata,
                                    struct lh_file_index *index, struct lh_chunk_parts *parts,
                                    struct lh_error *err) {
  struct lh_chunk_metadata chunk = {
      .leaf = writer->leaf,
      .codec = writer->workspace->options->codec,
      .value_count = writer->entries,
      .uncompressed_bytes = writer->uncompressed_bytes,
      .place = &writer->place,
      .statistics = &writer->statistics,
      .bounds = &writer->workspace->bounds,
      .distinct_count = distinct_count(writer),
      .index = &writer->index,
  };
  memcpy(chunk.data_pages, writer->data_pages, sizeof chunk.data_pages);
  LH_TRY(lh_statistics_get_bounds(&writer->statistics, &writer->workspace->bounds, err));
  const size_t metadata_start = metadata->len;
  LH_TRY(lh_metadata_append_chunk(&chunk, metadata, err));
  *parts = (struct lh_chunk_parts){.metadata_bytes = (uint32_t)(metadata->len - metadata_start)};
  if (index != NULL) {
    const size_t bounds_start = index->bounds.len;
    const size_t offsets_start = index->offsets.len;
    LH_TRY(lh_page_index_append_bounds(&writer->index, &index->bounds, err));
    LH_TRY(
        lh_page_index_append_offsets(&writer->index, writer->place.data_page_offset, &index->offsets, err));
    parts->bounds_bytes = (uint32_t)(index->bounds.len - bounds_start);
    parts->offsets_bytes = (uint32_t)(index->offsets.len - offsets_start);
  }
  reset_chunk(writer);
  return LH_OK;
}
