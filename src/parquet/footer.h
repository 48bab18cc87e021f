/*
 * Parquet footer reader: a file's metadata as a tree of structs in an arena.
 *
 * Reads any conforming file, not only ours; refuses damaged ones with LH_ERROR_CORRUPT naming the file
 * and what is wrong, and never reads or allocates past what the file's size warrants.
 * Spec: parquet-format README.md "File format", parquet.thrift (FileMetaData).
 */
#ifndef LH_PARQUET_FOOTER_H
#define LH_PARQUET_FOOTER_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/io.h"
#include "lakehaul/error.h"
#include "parquet/writer.h"

struct lh_parquet_bytes {
  const uint8_t *data; /* NULL where absent */
  size_t size;
};

/* A SchemaElement; numbers as in parquet.thrift, -1 where absent. */
struct lh_parquet_schema_element {
  const char *name;
  int type;
  int type_length;
  int repetition;
  int child_count; /* 0 for a leaf */
  int converted_type;
  int scale;
  int precision;
  int field_id;
  int logical_type; /* field id of the LogicalType union */
  int logical_precision, logical_scale;
  int logical_unit; /* 1 millis, 2 micros, 3 nanos */
  int logical_utc;  /* isAdjustedToUTC: 0 or 1 */
  int logical_bit_width, logical_signed;
};

struct lh_parquet_statistics {
  bool present;
  int64_t null_count;     /* -1 where absent */
  int64_t distinct_count; /* -1 where absent */
  struct lh_parquet_bytes min_value, max_value;
  int is_min_exact, is_max_exact; /* -1 where absent */
  int64_t nan_count;              /* -1 where absent */
};

struct lh_parquet_column_chunk {
  int type;
  const int *encodings;
  size_t encoding_count;
  const char *path; /* joined with '.' */
  int codec;
  int64_t num_values;
  int64_t uncompressed_bytes, compressed_bytes; /* with page headers */
  int64_t data_page_offset;
  int64_t dictionary_page_offset;                  /* -1 where absent */
  int64_t bloom_filter_offset, bloom_filter_bytes; /* -1 where absent; so are the bytes in older files */
  int64_t column_index_offset, column_index_bytes; /* -1 where absent */
  int64_t offset_index_offset, offset_index_bytes; /* -1 where absent */
  int64_t unencoded_bytes;                         /* of size_statistics: of byte arrays; -1 where absent */
  struct lh_parquet_statistics statistics;
  int schema_index; /* the leaf's index in `schema` */
};

struct lh_parquet_sorting {
  int column; /* among the row group's columns */
  bool is_descending;
  bool nulls_first;
};

struct lh_parquet_row_group {
  int64_t num_rows;
  int64_t total_byte_size;
  int64_t total_compressed_size; /* -1 where absent */
  const struct lh_parquet_column_chunk *columns;
  size_t column_count;
  const struct lh_parquet_sorting *sorting;
  size_t sorting_count;
};

struct lh_parquet_footer {
  int version;
  int64_t num_rows;
  const char *created_by;                         /* may be NULL */
  const struct lh_parquet_schema_element *schema; /* depth first, [0] is the root */
  size_t schema_count;
  const struct lh_parquet_row_group *row_groups;
  size_t row_group_count;
  const struct lh_key_value *metadata;
  size_t metadata_count;
  size_t column_order_count;
  uint64_t file_bytes;
  uint32_t footer_bytes;
};

/* Everything in `out` lives in `arena`. */
lh_status lh_parquet_footer_read(struct lh_source *source, struct lh_arena *arena,
                                 struct lh_parquet_footer **out, struct lh_error *err) LH_WARN_UNUSED;

/* Words for the numbers: "INT64", "OPTIONAL", "ZSTD", "RLE_DICTIONARY"; "?" for unknown ones. */
const char *lh_parquet_type_name(int type);
const char *lh_parquet_repetition_name(int repetition);
const char *lh_parquet_codec_name(int codec);
const char *lh_parquet_encoding_name(int encoding);
/* The annotation of an element in Parquet's words: "STRING", "DECIMAL(12,2)", "TIMESTAMP(MICROS,true)",
 * "INT(16,true)", "" where there is none (falls back to the converted type). NULL without memory. */
const char *lh_parquet_logical_name(const struct lh_parquet_schema_element *element, struct lh_arena *arena);
/* A min or max in readable form by the element's type: 12, 1.50, "text", 2024-01-31. NULL without memory. */
const char *lh_parquet_format_value(const struct lh_parquet_schema_element *element,
                                    struct lh_parquet_bytes value, struct lh_arena *arena);

#endif
