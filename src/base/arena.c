/* Arena: a chain of blocks; the newest takes allocations until it is full. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_ALIGN 16
#define ARENA_DEFAULT_BLOCK_BYTES ((size_t)16 << 10)
#define GROW_FIRST_ITEMS 16

struct lh_arena_block {
  struct lh_arena_block *next;
  size_t size;
  size_t used;
  alignas(ARENA_ALIGN) uint8_t bytes[];
};

void lh_arena_init(struct lh_arena *arena, size_t block_bytes) {
  *arena = (struct lh_arena){.block_bytes = block_bytes > 0 ? block_bytes : ARENA_DEFAULT_BLOCK_BYTES};
}

static void free_blocks(struct lh_arena_block *block) {
  while (block != NULL) {
    struct lh_arena_block *const next = block->next;
    free(block);
    block = next;
  }
}

void lh_arena_clear(struct lh_arena *arena) {
  free_blocks(arena->blocks);
  arena->blocks = NULL;
  arena->used_bytes = 0;
}

void lh_arena_reset(struct lh_arena *arena) {
  if (arena->blocks != NULL) {
    free_blocks(arena->blocks->next);
    arena->blocks->next = NULL;
    arena->blocks->used = 0;
  }
  arena->used_bytes = 0;
}

static struct lh_arena_block *add_block(struct lh_arena *arena, size_t least) {
  const size_t size = least > arena->block_bytes ? least : arena->block_bytes;
  if (size > SIZE_MAX - sizeof(struct lh_arena_block)) {
    return NULL;
  }
  struct lh_arena_block *const block = malloc(sizeof(*block) + size);
  if (block == NULL) {
    return NULL;
  }
  block->size = size;
  block->used = 0;
  block->next = arena->blocks;
  arena->blocks = block;
  return block;
}

void *lh_arena_alloc(struct lh_arena *arena, size_t size) {
  if (size > SIZE_MAX - ARENA_ALIGN) {
    return NULL;
  }
  const size_t rounded = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
  struct lh_arena_block *block = arena->blocks;
  if (block == NULL || block->size - block->used < rounded) {
    block = add_block(arena, rounded);
    if (block == NULL) {
      return NULL;
    }
  }
  void *const out = block->bytes + block->used;
  block->used += rounded;
  arena->used_bytes += size;
  return out;
}

void *lh_arena_calloc(struct lh_arena *arena, size_t count, size_t size) {
  size_t total;
  if (__builtin_mul_overflow(count, size, &total)) {
    return NULL;
  }
  void *const out = lh_arena_alloc(arena, total);
  if (out != NULL) {
    memset(out, 0, total);
  }
  return out;
}

char *lh_arena_strndup(struct lh_arena *arena, const char *text, size_t length) {
  if (length == SIZE_MAX) {
    return NULL;
  }
  char *const out = lh_arena_alloc(arena, length + 1);
  if (out != NULL) {
    /* the bytes of an empty buffer may be NULL */
    if (length > 0) {
      memcpy(out, text, length);
    }
    out[length] = '\0';
  }
  return out;
}

char *lh_arena_strdup(struct lh_arena *arena, const char *text) {
  return lh_arena_strndup(arena, text, strlen(text));
}

char *lh_arena_printf(struct lh_arena *arena, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const int length = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (length < 0) {
    return NULL;
  }
  char *const out = lh_arena_alloc(arena, (size_t)length + 1);
  if (out == NULL) {
    return NULL;
  }
  va_start(args, format);
  vsnprintf(out, (size_t)length + 1, format, args);
  va_end(args);
  return out;
}

void *lh_arena_grow(struct lh_arena *arena, void *items, size_t count, size_t *capacity, size_t item_bytes) {
  if (count < *capacity) {
    return items;
  }
  const size_t wanted = *capacity > 0 ? *capacity * 2 : GROW_FIRST_ITEMS;
  void *const grown = lh_arena_calloc(arena, wanted, item_bytes);
  if (grown == NULL) {
    return NULL;
  }
  if (count > 0) {
    memcpy(grown, items, count * item_bytes);
  }
  *capacity = wanted;
  return grown;
}
