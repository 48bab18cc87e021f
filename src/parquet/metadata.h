/*
 * Parquet's thrift structs as the writer writes them: page headers, column chunks, row groups, footer.
 * Spec: parquet.thrift; LogicalTypes.md for the annotations.
 */
#ifndef LH_PARQUET_METADATA_H
#define LH_PARQUET_METADATA_H

#include "base/buf.h"
#include "column/schema.h"
#include "parquet/page_index.h"
#include "parquet/statistics.h"
#include "parquet/values.h"
#include "parquet/writer.h"

struct lh_page_header {
  bool is_dictionary;
  size_t uncompressed_bytes, compressed_bytes; /* of the body; both fit 31 bits */
  uint32_t crc;
  size_t value_count; /* level entries; of a dictionary its values */
  enum lh_parquet_encoding encoding;
};

/* Where a chunk lies in the file. */
struct lh_chunk_place {
  uint64_t data_page_offset;
  uint64_t dictionary_page_offset; /* 0: none */
  uint64_t compressed_bytes;       /* with page headers */
  uint64_t bloom_offset;
  size_t bloom_bytes; /* with header; 0: none */
};

struct lh_chunk_metadata {
  const struct lh_leaf *leaf;
  enum lh_codec codec;
  uint64_t value_count;
  uint64_t uncompressed_bytes; /* with page headers */
  const struct lh_chunk_place *place;
  size_t data_pages[LH_PARQUET_ENCODING_COUNT]; /* of each encoding */
  const struct lh_column_statistics *statistics;
  const struct lh_statistics_bounds *bounds; /* of `statistics` */
  uint64_t distinct_count;                   /* 0: not known */
  const struct lh_page_index *index;
};

/* The page index of all chunks so far, held until the footer. */
struct lh_file_index {
  struct lh_buf bounds;  /* ColumnIndexes */
  struct lh_buf offsets; /* OffsetIndexes */
};

/* How many bytes of what was serialised belong to one chunk. */
struct lh_chunk_parts {
  uint32_t metadata_bytes;
  uint32_t bounds_bytes, offsets_bytes; /* of lh_file_index; 0: none */
};

struct lh_row_group_metadata {
  uint64_t row_count;
  uint64_t uncompressed_bytes, compressed_bytes;
  uint64_t file_offset;
};

struct lh_sorting_column {
  size_t leaf;
  bool is_descending;
  bool nulls_first;
};

struct lh_file_metadata {
  const struct lh_schema *schema;
  const struct lh_parquet_writer_options *options;
  const char *const *crs; /* as lh_parquet_writer_set_crs has it; may be NULL */
  uint64_t row_count;
  size_t leaf_count;
  size_t row_group_count;
  const struct lh_row_group_metadata *row_groups;
  const struct lh_buf *chunks;            /* serialised by lh_metadata_append_chunk, row group by row group */
  const struct lh_chunk_parts *parts;     /* one a chunk */
  uint64_t bounds_offset, offsets_offset; /* where the index was written */
  const struct lh_sorting_column *sorting;
  size_t sorting_count;
};

lh_status lh_metadata_append_page_header(const struct lh_page_header *header, struct lh_buf *out,
                                         struct lh_error *err) LH_WARN_UNUSED;
/* The ColumnChunk up to its fields about the index, which the footer adds. */
lh_status lh_metadata_append_chunk(const struct lh_chunk_metadata *chunk, struct lh_buf *out,
                                   struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_metadata_append_footer(const struct lh_file_metadata *file, struct lh_buf *out,
                                    struct lh_error *err) LH_WARN_UNUSED;

#endif
