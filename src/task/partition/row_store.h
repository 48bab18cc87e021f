/*
 * Row store: rows of batches set aside by partition until their file is written, under one budget.
 *
 * Rows are held in a compact form of their own, one after another, in blocks that grow with what a list
 * holds; past the budget the largest lists go into one temporary file, which has no name and ends with the
 * store. Lists give their rows back in the order in which they came. One thread.
 *
 * A row: its size (4 bytes), then each column's value: a byte that says whether it is there, where it can be
 * NULL; fixed-width values as in memory, texts with their length, lists with their count and elements.
 */
#ifndef LH_TASK_ROW_STORE_H
#define LH_TASK_ROW_STORE_H

#include <stdint.h>

#include "base/buf.h"
#include "column/batch.h"
#include "lakehaul/error.h"

struct lh_row_block;

/* Rows of one partition; all zero is an empty list. */
struct lh_row_list {
  struct lh_row_block *first, *last;
  uint64_t bytes;                 /* of the blocks, as allocated */
  uint64_t rows;                  /* all of them, on disk too */
  uint64_t disk_first, disk_last; /* offsets of extents + 1; 0: none */
};

struct lh_row_store {
  uint64_t budget_bytes;
  uint64_t held_bytes; /* of blocks */
  const char *directory;
  int fd; /* of the temporary file; -1: none yet */
  uint64_t file_bytes;
  struct lh_buf scratch;
};

/* `directory` for the temporary file; borrowed. */
void lh_row_store_init(struct lh_row_store *store, uint64_t budget_bytes, const char *directory);
/* Lists are the caller's to clear before. */
void lh_row_store_clear(struct lh_row_store *store);
void lh_row_list_clear(struct lh_row_store *store, struct lh_row_list *list);
/* Forgets what is on disk; no list may have anything there. */
void lh_row_store_reset(struct lh_row_store *store);

/* Adds rows `rows[0..count)` of the batch, of which the columns at `columns` are taken. */
lh_status lh_row_store_add(struct lh_row_store *store, struct lh_row_list *list, const struct lh_batch *batch,
                           const size_t *columns, size_t column_count, const uint32_t *rows, size_t count,
                           struct lh_error *err) LH_WARN_UNUSED;

static inline bool lh_row_store_is_full(const struct lh_row_store *store) {
  return store->held_bytes > store->budget_bytes;
}
/* Puts what a list holds in memory on disk. LH_ERROR_LAKE where that fails. */
lh_status lh_row_store_spill(struct lh_row_store *store, struct lh_row_list *list,
                             struct lh_error *err) LH_WARN_UNUSED;

/* Hands all rows of the list to `take` in batches and empties it. `batch` has the taken columns' schema; it
 * is reset before each round. */
lh_status lh_row_store_drain(struct lh_row_store *store, struct lh_row_list *list, struct lh_batch *batch,
                             lh_status (*take)(void *context, const struct lh_batch *batch,
                                               struct lh_error *err),
                             void *context, struct lh_error *err) LH_WARN_UNUSED;

#endif
