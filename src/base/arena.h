/*
 * Arena: memory that is released all at once.
 *
 * Allocations are aligned to 16 bytes and stay at their address until the arena is reset or cleared.
 * One thread at a time. Allocation functions return NULL when the system has no memory; callers answer
 * with lh_error_memory().
 */
#ifndef LH_BASE_ARENA_H
#define LH_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "lakehaul/error.h"

struct lh_arena_block;

struct lh_arena {
  struct lh_arena_block *blocks; /* newest first */
  size_t block_bytes;            /* least size of a new block */
  size_t used_bytes;             /* sum of what callers asked for since init or reset */
};

/* `block_bytes` 0 means 16 KiB. Allocates nothing yet. */
void lh_arena_init(struct lh_arena *arena, size_t block_bytes);
/* Releases everything; the arena can be used again. */
void lh_arena_clear(struct lh_arena *arena);
/* Forgets every allocation but keeps the newest block for reuse. */
void lh_arena_reset(struct lh_arena *arena);

void *lh_arena_alloc(struct lh_arena *arena, size_t size);
/* Zeroed; checks count * size for overflow. */
void *lh_arena_calloc(struct lh_arena *arena, size_t count, size_t size);
char *lh_arena_strdup(struct lh_arena *arena, const char *text);
char *lh_arena_strndup(struct lh_arena *arena, const char *text, size_t length);
char *lh_arena_printf(struct lh_arena *arena, const char *format, ...) LH_PRINTF(2, 3);

/* Room for one more item at the end of an array of the arena: `items` itself, or a copy that is twice as
 * long, with
 * `*capacity` set. Zeroed behind `count`. NULL without memory. */
void *lh_arena_grow(struct lh_arena *arena, void *items, size_t count, size_t *capacity, size_t item_bytes);

#define LH_ARENA_NEW(arena, type) ((type *)lh_arena_calloc((arena), 1, sizeof(type)))
#define LH_ARENA_ARRAY(arena, type, count) ((type *)lh_arena_calloc((arena), (count), sizeof(type)))

#endif
