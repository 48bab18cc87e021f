/*
 * Hash map from strings to pointers. Keys are borrowed and must outlive the map; memory comes from an arena.
 * One thread.
 */
#ifndef LH_BASE_MAP_H
#define LH_BASE_MAP_H

#include <stddef.h>

#include "base/arena.h"
#include "lakehaul/error.h"

struct lh_map_slot;

struct lh_map {
  struct lh_arena *arena;
  struct lh_map_slot *slots;
  size_t capacity; /* a power of two, or 0 */
  size_t count;
};

void lh_map_init(struct lh_map *map, struct lh_arena *arena);
/* Adds or replaces. */
lh_status lh_map_put(struct lh_map *map, const char *key, void *value, struct lh_error *err) LH_WARN_UNUSED;
/* NULL where there is none. */
void *lh_map_get(const struct lh_map *map, const char *key);

#endif
