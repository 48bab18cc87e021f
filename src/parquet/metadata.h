/*
 * Parquet's thrift structs as the writer writes them: page headers, column chunks, row groups, footer.
 * Spec: parquet.thrift; LogicalTypes.md for the annotations.
 */
#ifndef LH_PARQUET_METADATA_H
#define LH_PARQUET_METADATA_H

#include "base/buf.h"
#include "column/schema.h"
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

struct lh_chunk_metadata {
  const struct lh_leaf *leaf;
  enum lh_codec codec;
  uint64_t value_count;
  uint64_t uncompressed_bytes, compressed_bytes; /* with page headers */
  uint64_t data_page_offset;
  uint64_t dictionary_page_offset;              /* 0: none */
  size_t data_pages[LH_PARQUET_ENCODING_COUNT]; /* of each encoding */
  uint64_t null_count;
  const struct lh_statistics_bounds *bounds;
};

struct lh_row_group_metadata {
  uint64_t row_count;
  uint64_t uncompressed_bytes, compressed_bytes;
  uint64_t file_offset;
  size_t ordinal;
  size_t column_count;
  const struct lh_buf *columns; /* serialised by lh_metadata_append_chunk */
};

struct lh_file_metadata {
  const struct lh_schema *schema;
  const struct lh_parquet_writer_options *options;
  const char *const *crs; /* as lh_parquet_writer_set_crs has it; may be NULL */
  uint64_t row_count;
  size_t leaf_count;
  size_t row_group_count;
  const struct lh_buf *row_groups; /* serialised by lh_metadata_append_row_group */
};

lh_status lh_metadata_append_page_header(const struct lh_page_header *header, struct lh_buf *out,
                                         struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_metadata_append_chunk(const struct lh_chunk_metadata *chunk, struct lh_buf *out,
                                   struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_metadata_append_row_group(const struct lh_row_group_metadata *row_group, struct lh_buf *out,
                                       struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_metadata_append_footer(const struct lh_file_metadata *file, struct lh_buf *out,
                                    struct lh_error *err) LH_WARN_UNUSED;

#endif
