/*
 * Page index of one column chunk: where its data pages lie and what bounds their values have.
 *
 * Filled a page at a time while the chunk is open, a record of some 50 bytes and the two bounds each, and
 * serialised once the chunk's place in the file is known. A chunk gets no ColumnIndex when a page's bounds
 * cannot be told: of geometries, where a page holds a NaN (readers disagree on its place in the order), where
 * no truncated bound is above a page's values.
 * Spec: PageIndex.md; parquet.thrift OffsetIndex, ColumnIndex, SizeStatistics.
 */
#ifndef LH_PARQUET_PAGE_INDEX_H
#define LH_PARQUET_PAGE_INDEX_H

#include "base/buf.h"
#include "parquet/statistics.h"
#include "parquet/thrift.h"
#include "parquet/values.h"

struct lh_page_index {
  const struct lh_leaf *leaf;
  struct lh_buf records;
  size_t page_count;
  bool has_bounds; /* of every page that has values */
  bool is_ascending, is_descending;
  bool has_last; /* the bounds of the last page that has values: */
  union lh_statistics_value last_least, last_greatest;
  size_t last_record; /* where they lie in `records`, of LH_VALUE_BYTES */
};

/* What is told of one page. */
struct lh_page_facts {
  size_t stored_bytes; /* with header */
  size_t rows;
  size_t unencoded_bytes; /* of byte arrays, without their lengths */
  const struct lh_column_statistics *statistics;
  const struct lh_statistics_bounds *bounds; /* of `statistics` */
  size_t entries;                            /* levels; each NULL where all are at the maximum: */
  const uint8_t *definition, *repetition;
};

void lh_page_index_init(struct lh_page_index *index, const struct lh_leaf *leaf);
void lh_page_index_reset(struct lh_page_index *index);
void lh_page_index_clear(struct lh_page_index *index);

lh_status lh_page_index_add(struct lh_page_index *index, const struct lh_page_facts *facts,
                            struct lh_error *err) LH_WARN_UNUSED;

/* Appends the OffsetIndex of pages that lie one behind the other from `offset` of the file. */
lh_status lh_page_index_append_offsets(const struct lh_page_index *index, uint64_t offset, struct lh_buf *out,
                                       struct lh_error *err) LH_WARN_UNUSED;
/* Appends the ColumnIndex, or nothing where there is none. */
lh_status lh_page_index_append_bounds(const struct lh_page_index *index, struct lh_buf *out,
                                      struct lh_error *err) LH_WARN_UNUSED;
/* Writes the chunk's SizeStatistics as field `id` of the open struct; nothing where they would tell nothing.
 */
void lh_page_index_write_sizes(const struct lh_page_index *index, int id, struct lh_thrift_writer *writer);

#endif
