/*
 * Bytes in a list of equal blocks: the compressed pages of a column chunk until its row group closes.
 *
 * Growing never copies and never holds more than one block beyond the bytes. Blocks that a list gives
 * back wait in the pool for the next row group.
 */
#ifndef LH_PARQUET_BLOCKS_H
#define LH_PARQUET_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/io.h"
#include "lakehaul/error.h"

#define LH_BLOCK_BYTES ((size_t)32 << 10)

struct lh_block;

struct lh_block_pool {
  struct lh_block *spare;
};

struct lh_block_list {
  struct lh_block *first, *last;
  size_t size_bytes;
};

void lh_block_pool_clear(struct lh_block_pool *pool);

lh_status lh_block_list_append(struct lh_block_list *list, struct lh_block_pool *pool, const void *bytes,
                               size_t size, struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_block_list_write(const struct lh_block_list *list, struct lh_sink *sink,
                              struct lh_error *err) LH_WARN_UNUSED;
/* Empties the list. */
void lh_block_list_release(struct lh_block_list *list, struct lh_block_pool *pool);

#endif
