/*
 * Page index and bloom filter headers of any Parquet file, for showing them.
 *
 * Damaged ones are LH_ERROR_CORRUPT naming the file and the column; nothing is read outside of the file, and
 * no more is allocated than the bytes that the footer gives the index could hold.
 * Spec: PageIndex.md, BloomFilter.md, parquet.thrift.
 */
#ifndef LH_PARQUET_PAGE_INDEX_READER_H
#define LH_PARQUET_PAGE_INDEX_READER_H

#include "parquet/footer.h"

struct lh_parquet_page {
  int64_t offset;
  int64_t compressed_bytes; /* with header */
  int64_t first_row;        /* in the row group */
  int64_t row_count;
  /* Of the ColumnIndex, where there is one: */
  bool is_null_page;
  struct lh_parquet_bytes min_value, max_value;
  int64_t null_count; /* -1 where absent */
};

struct lh_parquet_page_index {
  const struct lh_parquet_page *pages;
  size_t page_count;
  bool has_bounds;    /* there is a ColumnIndex */
  int boundary_order; /* 0 none, 1 ascending, 2 descending; -1 without a ColumnIndex */
};

/* The index of a chunk of `row_group`; no pages where it has no OffsetIndex. Everything lies in `arena`. */
lh_status lh_parquet_page_index_read(struct lh_source *source, const struct lh_parquet_row_group *row_group,
                                     const struct lh_parquet_column_chunk *chunk, struct lh_arena *arena,
                                     struct lh_parquet_page_index *out, struct lh_error *err) LH_WARN_UNUSED;

/* Bytes of the chunk's bloom filter without its header; 0 where it has none. */
lh_status lh_parquet_bloom_read_size(struct lh_source *source, const struct lh_parquet_column_chunk *chunk,
                                     int64_t *bytes, struct lh_error *err) LH_WARN_UNUSED;

/* "ascending", "descending", "none" */
const char *lh_parquet_order_name(int boundary_order);

#endif
