/*
 * The file: magic, row groups, footer. Batches are cut into slices small enough that the limits of a row
 * group are looked at often; each slice goes through all column writers, and the row group closes once
 * its rows, its encoded bytes or the memory it holds pass their limit.
 */
#include "parquet/writer.h"

#include <stdlib.h>

#include "parquet/column_writer.h"

#define MAGIC "PAR1"
#define MAGIC_BYTES 4
#define ROW_GROUPS_MAX 32767
#define SLICE_ROWS 8192
#define SLICE_BYTES ((size_t)4 << 20)
/* Rows so wide that fewer than WIDE_ROWS of them fill the share of a row group's bytes end it there. */
#define WIDE_ROWS 8192
#define WIDE_SHARE 4
#define METADATA_MAX_BYTES ((size_t)1 << 30)

#define DEFAULT_ROW_GROUP_ROWS ((size_t)256 << 10)
#define DEFAULT_ROW_GROUP_BYTES ((size_t)128 << 20)
#define DEFAULT_ROW_GROUP_BUFFER_BYTES ((size_t)24 << 20)
#define DEFAULT_PAGE_BYTES ((size_t)2 << 20)
#define DEFAULT_PAGE_ROWS 20000
#define DEFAULT_DICTIONARY_BYTES ((size_t)1 << 20)
#define DEFAULT_STATISTICS_BYTES 64
#define DEFAULT_PAGE_INDEX_BYTES ((size_t)16 << 20)
#define DEFAULT_BLOOM_BYTES ((size_t)8 << 20)
/* The index may take one part in so many of what the open row group may hold in memory. */
#define PAGE_INDEX_SHARE 4

struct lh_parquet_writer {
  const struct lh_schema *schema;
  struct lh_parquet_writer_options options;
  const char *const *crs; /* borrowed; may be NULL */
  struct lh_sink *sink;
  struct lh_arena arena;
  struct lh_leaf *leaves;
  size_t leaf_count;
  struct lh_page_workspace workspace;
  struct lh_column_writer *columns;
  struct lh_buf chunk_metadata; /* ColumnChunks of all row groups */
  struct lh_buf chunk_parts;    /* struct lh_chunk_parts, one a chunk */
  struct lh_buf row_groups;     /* struct lh_row_group_metadata */
  struct lh_file_index index;
  bool has_full_index; /* the later row groups get none */
  struct lh_sorting_column *sorting;
  size_t row_group_count;
  uint64_t offset; /* bytes of the file so far */
  uint64_t row_count;
  size_t open_rows; /* of the open row group */
  bool is_finished;
  bool has_failed; /* the file is broken: nothing more may be written */
};

void lh_parquet_writer_options_default(struct lh_parquet_writer_options *options) {
  *options = (struct lh_parquet_writer_options){
      .codec = LH_CODEC_ZSTD,
      .codec_level = LH_CODEC_LEVEL_DEFAULT,
      .row_group_rows = DEFAULT_ROW_GROUP_ROWS,
      .row_group_bytes = DEFAULT_ROW_GROUP_BYTES,
      .row_group_buffer_bytes = DEFAULT_ROW_GROUP_BUFFER_BYTES,
      .page_bytes = DEFAULT_PAGE_BYTES,
      .page_rows = DEFAULT_PAGE_ROWS,
      .dictionary_bytes = DEFAULT_DICTIONARY_BYTES,
      .statistics_bytes = DEFAULT_STATISTICS_BYTES,
      .page_index_bytes = DEFAULT_PAGE_INDEX_BYTES,
      .bloom_bytes = DEFAULT_BLOOM_BYTES,
      .uuid_as_string = true,
      .time_as_string = true,
  };
}

static lh_status check_options(const struct lh_parquet_writer_options *options, struct lh_error *err) {
  if (options->row_group_rows > 0 && options->row_group_bytes > 0 && options->row_group_buffer_bytes > 0 &&
      options->page_bytes > 0 && options->page_rows > 0) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_USAGE, "the rows and bytes of row groups and pages must be above 0");
  lh_error_hint(err, "leave them out for the defaults: 262,144 rows and 128 MiB a row group");
  return err->code;
}

static lh_status check_bloom(const struct lh_leaf *leaf, struct lh_error *err) {
  if (leaf->options->bloom != LH_BLOOM_ALWAYS || lh_bloom_suits(leaf)) {
    return LH_OK;
  }
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  const char *const type = lh_field_type_name(leaf->field, &arena);
  lh_error_set(err, LH_ERROR_PROJECT, "column \"%s\" is %s, for which bloom filters are of no use",
               leaf->display_path, type != NULL ? type : "of a type");
  lh_arena_clear(&arena);
  lh_error_hint(err,
                "leave out bloom: filters are for whole numbers, decimals, text, bytes, dates and times, "
                "not within lists, structs and maps");
  return err->code;
}

static lh_status check_leaves(const struct lh_leaf *leaves, size_t count,
                              const struct lh_parquet_writer_options *options, struct lh_error *err) {
  for (size_t i = 0; i < count; i++) {
    struct lh_encoding_choice choice;
    LH_TRY(lh_encoding_choice_init(&choice, &leaves[i], options, err));
    LH_TRY(check_bloom(&leaves[i], err));
  }
  return LH_OK;
}

lh_status lh_parquet_check_schema(const struct lh_schema *schema,
                                  const struct lh_parquet_writer_options *options, struct lh_error *err) {
  struct lh_arena arena;
  struct lh_leaf *leaves = NULL;
  size_t count = 0;
  lh_arena_init(&arena, 0);
  lh_status status = lh_leaves_from_schema(schema, options, &arena, &leaves, &count, err);
  if (status == LH_OK) {
    status = check_leaves(leaves, count, options, err);
  }
  lh_arena_clear(&arena);
  return status;
}

static lh_status write_bytes(struct lh_parquet_writer *writer, const void *bytes, size_t size,
                             struct lh_error *err) {
  LH_TRY(lh_sink_write(writer->sink, bytes, size, err));
  writer->offset += size;
  return LH_OK;
}

/* From fields to the leaves that they are. */
static lh_status init_sorting(struct lh_parquet_writer *writer, struct lh_error *err) {
  const struct lh_parquet_writer_options *const options = &writer->options;
  writer->sorting = LH_ARENA_ARRAY(&writer->arena, struct lh_sorting_column, options->sort_column_count);
  if (writer->sorting == NULL && options->sort_column_count > 0) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < options->sort_column_count; i++) {
    const struct lh_sorted_field *const column = &options->sort_columns[i];
    size_t leaf = 0;
    while (leaf < writer->leaf_count &&
           (writer->leaves[leaf].steps[0].child != column->field || writer->leaves[leaf].step_count > 1)) {
      leaf++;
    }
    if (leaf == writer->leaf_count) {
      return lh_error_set(err, LH_ERROR_INTERNAL, "rows cannot be sorted by field %zu of a file",
                          column->field);
    }
    writer->sorting[i] = (struct lh_sorting_column){
        .leaf = leaf, .is_descending = column->is_descending, .nulls_first = column->nulls_first};
  }
  return LH_OK;
}

static lh_status init_columns(struct lh_parquet_writer *writer, struct lh_error *err) {
  LH_TRY(lh_leaves_from_schema(writer->schema, &writer->options, &writer->arena, &writer->leaves,
                               &writer->leaf_count, err));
  LH_TRY(check_leaves(writer->leaves, writer->leaf_count, &writer->options, err));
  LH_TRY(init_sorting(writer, err));
  LH_TRY(lh_page_workspace_init(&writer->workspace, &writer->options, err));
  struct lh_column_writer *const columns =
      LH_ARENA_ARRAY(&writer->arena, struct lh_column_writer, writer->leaf_count);
  if (columns == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < writer->leaf_count; i++) {
    LH_TRY(lh_column_writer_init(&columns[i], &writer->leaves[i], &writer->workspace, err));
  }
  writer->columns = columns;
  return write_bytes(writer, MAGIC, MAGIC_BYTES, err);
}

lh_status lh_parquet_writer_new(const struct lh_schema *schema,
                                const struct lh_parquet_writer_options *options, struct lh_sink *sink,
                                struct lh_parquet_writer **out, struct lh_error *err) {
  LH_TRY(check_options(options, err));
  struct lh_parquet_writer *const writer = calloc(1, sizeof *writer);
  if (writer == NULL) {
    return lh_error_memory(err);
  }
  writer->schema = schema;
  writer->options = *options;
  writer->sink = sink;
  lh_arena_init(&writer->arena, 0);
  lh_buf_init(&writer->chunk_metadata, METADATA_MAX_BYTES);
  lh_buf_init(&writer->chunk_parts, METADATA_MAX_BYTES);
  lh_buf_init(&writer->row_groups, METADATA_MAX_BYTES);
  lh_buf_init(&writer->index.bounds, METADATA_MAX_BYTES);
  lh_buf_init(&writer->index.offsets, METADATA_MAX_BYTES);
  const lh_status status = init_columns(writer, err);
  if (status != LH_OK) {
    lh_parquet_writer_free(writer);
    return status;
  }
  *out = writer;
  return LH_OK;
}

void lh_parquet_writer_free(struct lh_parquet_writer *writer) {
  if (writer == NULL) {
    return;
  }
  if (writer->columns != NULL) {
    for (size_t i = 0; i < writer->leaf_count; i++) {
      lh_column_writer_clear(&writer->columns[i]);
    }
  }
  lh_page_workspace_clear(&writer->workspace);
  lh_buf_clear(&writer->chunk_metadata);
  lh_buf_clear(&writer->chunk_parts);
  lh_buf_clear(&writer->row_groups);
  lh_buf_clear(&writer->index.bounds);
  lh_buf_clear(&writer->index.offsets);
  lh_arena_clear(&writer->arena);
  free(writer);
}

uint64_t lh_parquet_writer_rows(const struct lh_parquet_writer *writer) {
  return writer->row_count;
}

static size_t index_bytes(const struct lh_parquet_writer *writer) {
  return writer->index.bounds.len + writer->index.offsets.len;
}

size_t lh_parquet_writer_buffered_bytes(const struct lh_parquet_writer *writer) {
  size_t bytes = index_bytes(writer);
  for (size_t i = 0; i < writer->leaf_count; i++) {
    bytes += lh_column_writer_held_bytes(&writer->columns[i]);
  }
  return bytes;
}

static size_t encoded_bytes(const struct lh_parquet_writer *writer) {
  size_t bytes = 0;
  for (size_t i = 0; i < writer->leaf_count; i++) {
    bytes += lh_column_writer_encoded_bytes(&writer->columns[i]);
  }
  return bytes;
}

static lh_status refuse_row_groups(struct lh_error *err) {
  lh_error_set(err, LH_ERROR_DATA, "a Parquet file holds at most %d row groups", ROW_GROUPS_MAX);
  lh_error_hint(err, "raise the rows or bytes of a row group, or write more than one file");
  return err->code;
}

static lh_status write_chunks(struct lh_parquet_writer *writer, struct lh_row_group_metadata *row_group,
                              struct lh_error *err) {
  for (size_t i = 0; i < writer->leaf_count; i++) {
    const uint64_t before = row_group->compressed_bytes;
    LH_TRY(lh_column_writer_finish(&writer->columns[i], writer->offset, writer->sink,
                                   &row_group->uncompressed_bytes, &row_group->compressed_bytes, err));
    writer->offset += row_group->compressed_bytes - before;
  }
  for (size_t i = 0; i < writer->leaf_count; i++) {
    size_t bloom_bytes = 0;
    LH_TRY(
        lh_column_writer_write_bloom(&writer->columns[i], writer->offset, writer->sink, &bloom_bytes, err));
    writer->offset += bloom_bytes;
  }
  return LH_OK;
}

/* The page index is held until the footer: once it has grown too large, row groups go without. */
static struct lh_file_index *index_of_row_group(struct lh_parquet_writer *writer) {
  const struct lh_parquet_writer_options *const options = &writer->options;
  const size_t share = options->row_group_buffer_bytes / PAGE_INDEX_SHARE;
  const size_t most = options->page_index_bytes < share ? options->page_index_bytes : share;
  writer->has_full_index |= index_bytes(writer) >= most;
  return writer->has_full_index ? NULL : &writer->index;
}

static lh_status close_row_group(struct lh_parquet_writer *writer, struct lh_error *err) {
  if (writer->row_group_count == ROW_GROUPS_MAX) {
    return refuse_row_groups(err);
  }
  struct lh_row_group_metadata row_group = {.row_count = writer->open_rows, .file_offset = writer->offset};
  LH_TRY(write_chunks(writer, &row_group, err));
  struct lh_file_index *const index = index_of_row_group(writer);
  for (size_t i = 0; i < writer->leaf_count; i++) {
    struct lh_chunk_parts parts;
    LH_TRY(lh_column_writer_describe(&writer->columns[i], &writer->chunk_metadata, index, &parts, err));
    LH_TRY(lh_buf_append(&writer->chunk_parts, &parts, sizeof parts, err));
  }
  LH_TRY(lh_buf_append(&writer->row_groups, &row_group, sizeof row_group, err));
  writer->row_group_count++;
  writer->open_rows = 0;
  return LH_OK;
}

static size_t estimate_rows(const struct lh_parquet_writer *writer, const struct lh_batch *batch,
                            size_t begin, size_t end) {
  size_t bytes = 0;
  for (size_t i = 0; i < writer->leaf_count; i++) {
    bytes += lh_shred_estimate(&writer->leaves[i], batch->columns, begin, end);
  }
  return bytes;
}

/* Most rows from `begin` that stay within a slice, at least one. */
static size_t slice_rows(const struct lh_parquet_writer *writer, const struct lh_batch *batch, size_t begin) {
  size_t most = batch->row_count - begin;
  const size_t room = writer->options.row_group_rows - writer->open_rows;
  most = most < room ? most : room;
  most = most < SLICE_ROWS ? most : SLICE_ROWS;
  if (estimate_rows(writer, batch, begin, begin + most) <= SLICE_BYTES) {
    return most;
  }
  size_t fits = 1;
  while (fits < most) {
    const size_t middle = fits + (most - fits + 1) / 2;
    if (estimate_rows(writer, batch, begin, begin + middle) <= SLICE_BYTES) {
      fits = middle;
    } else {
      most = middle - 1;
    }
  }
  return fits;
}

/* Engines read some thousand rows of a row group at once, whatever their size. */
static size_t row_group_bytes(const struct lh_parquet_writer *writer) {
  return writer->open_rows < WIDE_ROWS ? writer->options.row_group_bytes / WIDE_SHARE
                                       : writer->options.row_group_bytes;
}

static bool is_row_group_full(const struct lh_parquet_writer *writer) {
  return writer->open_rows >= writer->options.row_group_rows ||
         encoded_bytes(writer) > row_group_bytes(writer) ||
         lh_parquet_writer_buffered_bytes(writer) > writer->options.row_group_buffer_bytes;
}

static lh_status write_batch(struct lh_parquet_writer *writer, const struct lh_batch *batch,
                             struct lh_error *err) {
  for (size_t begin = 0; begin < batch->row_count;) {
    const size_t rows = slice_rows(writer, batch, begin);
    for (size_t i = 0; i < writer->leaf_count; i++) {
      LH_TRY(lh_column_writer_write(&writer->columns[i], batch->columns, begin, rows, err));
    }
    begin += rows;
    writer->open_rows += rows;
    writer->row_count += rows;
    if (is_row_group_full(writer)) {
      LH_TRY(close_row_group(writer, err));
    }
  }
  return LH_OK;
}

static lh_status check_open(const struct lh_parquet_writer *writer, struct lh_error *err) {
  if (writer->is_finished || writer->has_failed) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "a Parquet writer was used after it had %s",
                        writer->is_finished ? "finished" : "failed");
  }
  return LH_OK;
}

static lh_status check_batch(const struct lh_parquet_writer *writer, const struct lh_batch *batch,
                             struct lh_error *err) {
  const struct lh_schema *const schema = writer->schema;
  if (batch->column_count != schema->field_count) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "a batch of %zu columns was sent to a file of %zu",
                        batch->column_count, schema->field_count);
  }
  for (size_t i = 0; i < batch->column_count; i++) {
    const struct lh_column *const column = &batch->columns[i];
    if (column->field->type != schema->fields[i].type ||
        column->width != lh_field_width(&schema->fields[i]) || column->length != batch->row_count) {
      return lh_error_set(err, LH_ERROR_INTERNAL, "column \"%s\" of a batch does not fit the file's schema",
                          schema->fields[i].name);
    }
  }
  return LH_OK;
}

lh_status lh_parquet_writer_write(struct lh_parquet_writer *writer, const struct lh_batch *batch,
                                  struct lh_error *err) {
  LH_TRY(check_open(writer, err));
  LH_TRY(check_batch(writer, batch, err));
  const lh_status status = write_batch(writer, batch, err);
  writer->has_failed = status != LH_OK;
  return status;
}

static lh_status write_footer(struct lh_parquet_writer *writer, struct lh_error *err) {
  const uint64_t bounds_offset = writer->offset;
  const struct lh_file_index *const index = &writer->index;
  LH_TRY(write_bytes(writer, index->bounds.data, index->bounds.len, err));
  const uint64_t offsets_offset = writer->offset;
  LH_TRY(write_bytes(writer, index->offsets.data, index->offsets.len, err));
  const struct lh_file_metadata file = {
      .schema = writer->schema,
      .options = &writer->options,
      .crs = writer->crs,
      .row_count = writer->row_count,
      .leaf_count = writer->leaf_count,
      .row_group_count = writer->row_group_count,
      .row_groups = (const struct lh_row_group_metadata *)(const void *)writer->row_groups.data,
      .chunks = &writer->chunk_metadata,
      .parts = (const struct lh_chunk_parts *)(const void *)writer->chunk_parts.data,
      .bounds_offset = bounds_offset,
      .offsets_offset = offsets_offset,
      .sorting = writer->sorting,
      .sorting_count = writer->options.sort_column_count,
  };
  struct lh_buf *const out = &writer->index.bounds;
  lh_buf_reset(out);
  LH_TRY(lh_metadata_append_footer(&file, out, err));
  const uint32_t length = (uint32_t)out->len;
  LH_TRY(lh_buf_append(out, &length, sizeof length, err));
  LH_TRY(lh_buf_append(out, MAGIC, MAGIC_BYTES, err));
  return write_bytes(writer, out->data, out->len, err);
}

static lh_status finish(struct lh_parquet_writer *writer, struct lh_error *err) {
  if (writer->open_rows > 0) {
    LH_TRY(close_row_group(writer, err));
  }
  return write_footer(writer, err);
}

void lh_parquet_writer_set_metadata(struct lh_parquet_writer *writer, const struct lh_key_value *metadata,
                                    size_t count) {
  writer->options.metadata = metadata;
  writer->options.metadata_count = count;
}

void lh_parquet_writer_set_crs(struct lh_parquet_writer *writer, const char *const *crs) {
  writer->crs = crs;
}

lh_status lh_parquet_writer_finish(struct lh_parquet_writer *writer, struct lh_error *err) {
  LH_TRY(check_open(writer, err));
  const lh_status status = finish(writer, err);
  writer->has_failed = status != LH_OK;
  writer->is_finished = status == LH_OK;
  return status;
}
