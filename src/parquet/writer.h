/*
 * Parquet file writer: column batches in, a Parquet file out through a sink.
 *
 * One thread per writer. Memory: per leaf column one page of values, its dictionary, and the compressed
 * pages of the open row group; independent of the number of rows. Nothing is allocated per row.
 * Spec: parquet-format 2.13, README.md, Encodings.md, LogicalTypes.md, parquet.thrift. Pages are
 * DATA_PAGE (v1), levels RLE; the values' encodings are chosen as encoding_choice.h says.
 */
#ifndef LH_PARQUET_WRITER_H
#define LH_PARQUET_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "base/io.h"
#include "codec/codec.h"
#include "column/batch.h"
#include "column/policy.h"
#include "lakehaul/error.h"

struct lh_key_value {
  const char *key;
  const char *value;
};

/* Of one field of the schema and all leaves below it. Zero is the default of each. */
struct lh_parquet_column_options {
  enum lh_encoding encoding;
  enum lh_bloom_policy bloom; /* counts for nothing where filters do not suit the type: parquet/bloom.h */
};

struct lh_parquet_writer_options {
  enum lh_codec codec;
  int codec_level;               /* LH_CODEC_LEVEL_DEFAULT */
  size_t row_group_rows;         /* a row group closes at this many rows … */
  size_t row_group_bytes;        /* … or once its encoded, uncompressed pages pass this, a quarter for
                                    wide rows, of which it then has less than 8,192 */
  size_t row_group_buffer_bytes; /* … or once its compressed pages held in memory pass this */
  size_t page_bytes;             /* a page closes at the first row past this many uncompressed bytes … */
  size_t page_rows;              /* … or at this many rows */
  size_t dictionary_bytes;       /* a column chunk leaves its dictionary past this; 0: no dictionaries */
  size_t statistics_bytes;       /* min/max of strings and bytes longer than this are truncated */
  bool uuid_as_string;           /* UUID columns as 36-character STRING (what Athena and Spark can read) */
  bool time_as_string;           /* TIME columns as STRING (Athena has no TIME) */
  enum lh_compat compat;         /* what LH_ENCODING_AUTO may choose from */
  const struct lh_parquet_column_options
      *columns;            /* one a field of the schema, or NULL; borrowed until free */
  size_t page_index_bytes; /* row groups get no page index once those before have taken this much memory */
  size_t bloom_bytes;      /* most memory of the bloom filters of a row group */
  const struct lh_sorted_field
      *sort_columns; /* told in the file, not checked; each a leaf; borrowed until free */
  size_t sort_column_count;
  const struct lh_key_value *metadata; /* file key-value metadata; borrowed until finish */
  size_t metadata_count;
};

/* zstd 3, 256 Ki rows, 128 MiB, 24 MiB, 2 MiB, 20,000 rows, 1 MiB, 64 bytes, 16 MiB, 8 MiB, both *_as_string
 * true. */
void lh_parquet_writer_options_default(struct lh_parquet_writer_options *options);

/* Whether lh_parquet_writer_new would take the schema and its columns' options. */
lh_status lh_parquet_check_schema(const struct lh_schema *schema,
                                  const struct lh_parquet_writer_options *options,
                                  struct lh_error *err) LH_WARN_UNUSED;

struct lh_parquet_writer;

/* Writes the magic. `schema` and `sink` are borrowed until the writer is freed; options are copied. */
lh_status lh_parquet_writer_new(const struct lh_schema *schema,
                                const struct lh_parquet_writer_options *options, struct lh_sink *sink,
                                struct lh_parquet_writer **out, struct lh_error *err) LH_WARN_UNUSED;

/* Writes all rows of a batch that has the writer's schema. The batch may be reset afterwards. */
lh_status lh_parquet_writer_write(struct lh_parquet_writer *writer, const struct lh_batch *batch,
                                  struct lh_error *err) LH_WARN_UNUSED;

/* Replaces the options' key-value metadata, with what is known only after the rows; borrowed until finish. */
void lh_parquet_writer_set_metadata(struct lh_parquet_writer *writer, const struct lh_key_value *metadata,
                                    size_t count);

/* The coordinate systems of geometries, known only after the rows: one for each field of the schema, NULL for
 * Parquet's default (OGC:CRS84, longitude and latitude). Borrowed until finish. Spec: Geospatial.md. */
void lh_parquet_writer_set_crs(struct lh_parquet_writer *writer, const char *const *crs);

/* Closes the last row group and writes the footer. Does not finish the sink. Nothing can be written after. */
lh_status lh_parquet_writer_finish(struct lh_parquet_writer *writer, struct lh_error *err) LH_WARN_UNUSED;

/* Rows taken so far. */
uint64_t lh_parquet_writer_rows(const struct lh_parquet_writer *writer);
/* Bytes held in memory for the open row group. */
size_t lh_parquet_writer_buffered_bytes(const struct lh_parquet_writer *writer);

void lh_parquet_writer_free(struct lh_parquet_writer *writer);

#endif
