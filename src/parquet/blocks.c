/* Block lists: append, write out, give back. */
#include "parquet/blocks.h"

#include <stdlib.h>
#include <string.h>

struct lh_block {
  struct lh_block *next;
  size_t used;
  uint8_t bytes[LH_BLOCK_BYTES - 2 * sizeof(size_t)];
};

void lh_block_pool_clear(struct lh_block_pool *pool) {
  while (pool->spare != NULL) {
    struct lh_block *const block = pool->spare;
    pool->spare = block->next;
    free(block);
  }
}

static lh_status add_block(struct lh_block_list *list, struct lh_block_pool *pool, struct lh_error *err) {
  struct lh_block *block = pool->spare;
  if (block != NULL) {
    pool->spare = block->next;
  } else {
    block = malloc(sizeof *block);
    if (block == NULL) {
      return lh_error_memory(err);
    }
  }
  block->next = NULL;
  block->used = 0;
  if (list->last == NULL) {
    list->first = block;
  } else {
    list->last->next = block;
  }
  list->last = block;
  return LH_OK;
}

lh_status lh_block_list_append(struct lh_block_list *list, struct lh_block_pool *pool, const void *bytes,
                               size_t size, struct lh_error *err) {
  const uint8_t *from = bytes;
  while (size > 0) {
    if (list->last == NULL || list->last->used == sizeof list->last->bytes) {
      LH_TRY(add_block(list, pool, err));
    }
    struct lh_block *const block = list->last;
    const size_t room = sizeof block->bytes - block->used;
    const size_t part = size < room ? size : room;
    memcpy(block->bytes + block->used, from, part);
    block->used += part;
    list->size_bytes += part;
    from += part;
    size -= part;
  }
  return LH_OK;
}

lh_status lh_block_list_write(const struct lh_block_list *list, struct lh_sink *sink, struct lh_error *err) {
  for (const struct lh_block *block = list->first; block != NULL; block = block->next) {
    LH_TRY(lh_sink_write(sink, block->bytes, block->used, err));
  }
  return LH_OK;
}

void lh_block_list_release(struct lh_block_list *list, struct lh_block_pool *pool) {
  if (list->last != NULL) {
    list->last->next = pool->spare;
    pool->spare = list->first;
  }
  *list = (struct lh_block_list){0};
}
