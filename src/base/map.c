/* Hash map from strings to pointers: open addressing, linear probing, XXH3. */
#include "base/map.h"

#include <string.h>
#include <xxhash.h>

struct lh_map_slot {
  const char *key; /* NULL: free */
  void *value;
};

void lh_map_init(struct lh_map *map, struct lh_arena *arena) {
  *map = (struct lh_map){.arena = arena};
}

static struct lh_map_slot *find_slot(struct lh_map_slot *slots, size_t capacity, const char *key) {
  size_t index = (size_t)XXH3_64bits(key, strlen(key)) & (capacity - 1);
  while (slots[index].key != NULL && strcmp(slots[index].key, key) != 0) {
    index = (index + 1) & (capacity - 1);
  }
  return &slots[index];
}

static lh_status grow(struct lh_map *map, struct lh_error *err) {
  const size_t capacity = map->capacity > 0 ? map->capacity * 2 : 16;
  struct lh_map_slot *const slots = LH_ARENA_ARRAY(map->arena, struct lh_map_slot, capacity);
  if (slots == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < map->capacity; i++) {
    if (map->slots[i].key != NULL) {
      *find_slot(slots, capacity, map->slots[i].key) = map->slots[i];
    }
  }
  map->slots = slots;
  map->capacity = capacity;
  return LH_OK;
}

lh_status lh_map_put(struct lh_map *map, const char *key, void *value, struct lh_error *err) {
  if ((map->count + 1) * 4 > map->capacity * 3) {
    LH_TRY(grow(map, err));
  }
  struct lh_map_slot *const slot = find_slot(map->slots, map->capacity, key);
  if (slot->key == NULL) {
    slot->key = key;
    map->count++;
  }
  slot->value = value;
  return LH_OK;
}

void *lh_map_get(const struct lh_map *map, const char *key) {
  if (map->capacity == 0) {
    return NULL;
  }
  return find_slot(map->slots, map->capacity, key)->value;
}
