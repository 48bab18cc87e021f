/*
 * Dictionary by open addressing. Three tight loops for values of 4, 8 and 16 bytes and one for bytes; a
 * slot holds an index, and for bytes also half of the hash, so that most comparisons of unequal values
 * never touch the bytes.
 */
#include "parquet/dictionary.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define SLOTS_LEAST 256
#define MULTIPLIER UINT64_C(0x9E3779B97F4A7C15)
#define LAST_SALT UINT64_C(0xBF58476D1CE4E5B9)
#define SHORT_BYTES 16
#define MARKED_AT_ONCE 256
#define VALUES_MAX_BYTES ((size_t)INT32_MAX)

void lh_dictionary_init(struct lh_dictionary *dictionary, const struct lh_leaf *leaf) {
  *dictionary = (struct lh_dictionary){.leaf = leaf};
  lh_buf_init(&dictionary->values, VALUES_MAX_BYTES);
  lh_buf_init(&dictionary->offsets, LH_DICTIONARY_MAX_ENTRIES * sizeof(int32_t));
}

static size_t slot_bytes(const struct lh_dictionary *dictionary) {
  return dictionary->leaf->kind == LH_VALUE_BYTES ? sizeof(uint64_t) : sizeof(uint32_t);
}

void lh_dictionary_reset(struct lh_dictionary *dictionary) {
  dictionary->count = 0;
  lh_buf_reset(&dictionary->values);
  lh_buf_reset(&dictionary->offsets);
  dictionary->slot_count = 0;
}

static void free_slots(struct lh_dictionary *dictionary) {
  free(dictionary->slots);
  dictionary->slots = NULL;
  dictionary->slot_count = 0;
  dictionary->slot_capacity = 0;
}

void lh_dictionary_close(struct lh_dictionary *dictionary, size_t count) {
  if (count == 0) {
    lh_dictionary_clear(dictionary);
    return;
  }
  free_slots(dictionary);
  dictionary->count = count;
  if (dictionary->leaf->kind != LH_VALUE_BYTES) {
    dictionary->values.len = count * dictionary->leaf->width;
    return;
  }
  const int32_t *const offsets = (const int32_t *)(const void *)dictionary->offsets.data;
  dictionary->values.len = (size_t)offsets[count];
  dictionary->offsets.len = (count + 1) * sizeof *offsets;
}

void lh_dictionary_clear(struct lh_dictionary *dictionary) {
  lh_buf_clear(&dictionary->values);
  lh_buf_clear(&dictionary->offsets);
  free_slots(dictionary);
  dictionary->count = 0;
}

static inline uint64_t load32(const uint8_t *bytes) {
  uint32_t value = 0;
  memcpy(&value, bytes, sizeof value);
  return value;
}

static inline uint64_t load64(const uint8_t *bytes) {
  uint64_t value = 0;
  memcpy(&value, bytes, sizeof value);
  return value;
}

/* The upper bits of the result are the good ones. Doubles and multiples of large powers of two have
 * their differences in the upper half, which the fold brings down. */
static inline uint64_t hash64(uint64_t value) {
  return (value ^ (value >> 32)) * MULTIPLIER;
}

/* Short byte arrays as two words: with the size they tell them apart. */
struct short_bytes {
  uint64_t first, last;
};

static inline struct short_bytes load_short(const uint8_t *bytes, size_t size) {
  if (size >= sizeof(uint64_t)) {
    return (struct short_bytes){load64(bytes), load64(bytes + size - sizeof(uint64_t))};
  }
  if (size >= sizeof(uint32_t)) {
    return (struct short_bytes){load32(bytes), load32(bytes + size - sizeof(uint32_t))};
  }
  if (size == 0) {
    return (struct short_bytes){0};
  }
  return (struct short_bytes){bytes[0] | (uint64_t)bytes[size / 2] << 8 | (uint64_t)bytes[size - 1] << 16, 0};
}

static inline uint64_t hash_short(struct short_bytes bytes, size_t size) {
  const uint64_t first = bytes.first ^ (MULTIPLIER + size);
  const uint64_t last = bytes.last ^ LAST_SALT;
  __extension__ const unsigned __int128 product = (unsigned __int128)first * last;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_bytes(const uint8_t *bytes, size_t size) {
  return size <= SHORT_BYTES ? hash_short(load_short(bytes, size), size) : XXH3_64bits(bytes, size);
}

static inline uint64_t hash_fixed(const uint8_t *value, size_t width) {
  switch (width) {
    case 4:
      return load32(value) * MULTIPLIER;
    case 8:
      return hash64(load64(value));
    default:
      return hash64(load64(value) + hash64(load64(value + 8)));
  }
}

static inline bool equal_fixed(const uint8_t *a, const uint8_t *b, size_t width) {
  switch (width) {
    case 4:
      return load32(a) == load32(b);
    case 8:
      return load64(a) == load64(b);
    default:
      return load64(a) == load64(b) && load64(a + 8) == load64(b + 8);
  }
}

static unsigned hash_shift(const struct lh_dictionary *dictionary) {
  return 64U - (unsigned)__builtin_ctzll(dictionary->slot_count);
}

static void place_fixed(const struct lh_dictionary *dictionary) {
  uint32_t *const slots = dictionary->slots;
  const size_t mask = dictionary->slot_count - 1;
  const unsigned shift = hash_shift(dictionary);
  const size_t width = dictionary->leaf->width;
  for (size_t i = 0; i < dictionary->count; i++) {
    size_t slot = hash_fixed(dictionary->values.data + i * width, width) >> shift;
    while (slots[slot] != 0) {
      slot = (slot + 1) & mask;
    }
    slots[slot] = (uint32_t)i + 1;
  }
}

/* The place comes from the hash's lower half, the tag beside the index is its upper half. */
static void place_bytes(const struct lh_dictionary *dictionary) {
  uint64_t *const slots = dictionary->slots;
  const size_t mask = dictionary->slot_count - 1;
  const int32_t *const offsets = (const int32_t *)dictionary->offsets.data;
  for (size_t i = 0; i < dictionary->count; i++) {
    const uint64_t hash =
        hash_bytes(dictionary->values.data + offsets[i], (size_t)(offsets[i + 1] - offsets[i]));
    size_t slot = (size_t)hash & mask;
    while (slots[slot] != 0) {
      slot = (slot + 1) & mask;
    }
    slots[slot] = (hash >> 32) << 32 | (i + 1);
  }
}

/* Room for one more value, the table at most half full. */
static lh_status grow_slots(struct lh_dictionary *dictionary, struct lh_error *err) {
  if (dictionary->count >= LH_DICTIONARY_MAX_ENTRIES - 1) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "column \"%s\": a dictionary is full",
                        dictionary->leaf->display_path);
  }
  const size_t count = dictionary->slot_count == 0 ? SLOTS_LEAST : dictionary->slot_count * 2;
  if (count > dictionary->slot_capacity) {
    free(dictionary->slots);
    dictionary->slot_capacity = 0;
    dictionary->slots = malloc(count * slot_bytes(dictionary));
    if (dictionary->slots == NULL) {
      dictionary->slot_count = 0;
      return lh_error_memory(err);
    }
    dictionary->slot_capacity = count;
  }
  memset(dictionary->slots, 0, count * slot_bytes(dictionary));
  dictionary->slot_count = count;
  if (dictionary->leaf->kind == LH_VALUE_BYTES) {
    place_bytes(dictionary);
  } else {
    place_fixed(dictionary);
  }
  return LH_OK;
}

static bool needs_slots(const struct lh_dictionary *dictionary) {
  return (dictionary->count + 1) * 2 > dictionary->slot_count;
}

static inline __attribute__((always_inline)) lh_status add_fixed(struct lh_dictionary *dictionary,
                                                                 const struct lh_values *values, size_t width,
                                                                 uint32_t *indices, struct lh_error *err) {
  uint32_t *slots = dictionary->slots;
  size_t mask = dictionary->slot_count - 1;
  unsigned shift = hash_shift(dictionary);
  const uint8_t *known = dictionary->values.data;
  for (size_t i = 0; i < values->count; i++) {
    const uint8_t *const value = values->fixed + i * width;
    size_t slot = hash_fixed(value, width) >> shift;
    uint32_t entry = slots[slot];
    while (entry != 0 && !equal_fixed(known + (size_t)(entry - 1) * width, value, width)) {
      slot = (slot + 1) & mask;
      entry = slots[slot];
    }
    if (entry == 0) {
      LH_TRY(lh_buf_append(&dictionary->values, value, width, err));
      entry = (uint32_t)++dictionary->count;
      slots[slot] = entry;
      if (needs_slots(dictionary)) {
        LH_TRY(grow_slots(dictionary, err));
      }
      slots = dictionary->slots;
      mask = dictionary->slot_count - 1;
      shift = hash_shift(dictionary);
      known = dictionary->values.data;
    }
    indices[i] = entry - 1;
  }
  return LH_OK;
}

static lh_status append_bytes(struct lh_dictionary *dictionary, const uint8_t *bytes, size_t size,
                              struct lh_error *err) {
  LH_TRY(lh_buf_append(&dictionary->values, bytes, size, err));
  const int32_t end = (int32_t)dictionary->values.len;
  LH_TRY(lh_buf_append(&dictionary->offsets, &end, sizeof end, err));
  dictionary->count++;
  return LH_OK;
}

static inline bool equal_short(const struct lh_dictionary *dictionary, size_t index, struct short_bytes bytes,
                               size_t size) {
  const int32_t *const offsets = (const int32_t *)dictionary->offsets.data;
  if ((size_t)(offsets[index + 1] - offsets[index]) != size) {
    return false;
  }
  const struct short_bytes known = load_short(dictionary->values.data + offsets[index], size);
  return known.first == bytes.first && known.last == bytes.last;
}

static inline bool equal_long(const struct lh_dictionary *dictionary, size_t index, const uint8_t *bytes,
                              size_t size) {
  const int32_t *const offsets = (const int32_t *)dictionary->offsets.data;
  const size_t length = (size_t)(offsets[index + 1] - offsets[index]);
  return length == size && memcmp(dictionary->values.data + offsets[index], bytes, size) == 0;
}

/* Of a value's slots the one that holds it, or the first that is free. The upper half of an entry is that of
 * its hash. */
static inline size_t find_short(const struct lh_dictionary *dictionary, uint64_t hash,
                                struct short_bytes bytes, size_t size) {
  const uint64_t *const slots = dictionary->slots;
  const size_t mask = dictionary->slot_count - 1;
  size_t slot = (size_t)hash & mask;
  while (slots[slot] != 0 && (slots[slot] >> 32 != hash >> 32 ||
                              !equal_short(dictionary, (uint32_t)slots[slot] - 1, bytes, size))) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

static inline size_t find_long(const struct lh_dictionary *dictionary, uint64_t hash, const uint8_t *bytes,
                               size_t size) {
  const uint64_t *const slots = dictionary->slots;
  const size_t mask = dictionary->slot_count - 1;
  size_t slot = (size_t)hash & mask;
  while (slots[slot] != 0 && (slots[slot] >> 32 != hash >> 32 ||
                              !equal_long(dictionary, (uint32_t)slots[slot] - 1, bytes, size))) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

/* A new value into its free slot. */
static lh_status insert_bytes(struct lh_dictionary *dictionary, size_t slot, uint64_t hash,
                              const uint8_t *bytes, size_t size, struct lh_error *err) {
  LH_TRY(append_bytes(dictionary, bytes, size, err));
  ((uint64_t *)dictionary->slots)[slot] = (hash >> 32) << 32 | dictionary->count;
  return needs_slots(dictionary) ? grow_slots(dictionary, err) : LH_OK;
}

static lh_status add_bytes(struct lh_dictionary *dictionary, const struct lh_values *values,
                           uint32_t *indices, struct lh_error *err) {
  for (size_t i = 0; i < values->count; i++) {
    const size_t size = (size_t)(values->offsets[i + 1] - values->offsets[i]);
    const uint8_t *const bytes = size == 0 ? (const uint8_t *)"" : values->data + values->offsets[i];
    uint64_t hash = 0;
    size_t slot = 0;
    if (size <= SHORT_BYTES) {
      const struct short_bytes words = load_short(bytes, size);
      hash = hash_short(words, size);
      slot = find_short(dictionary, hash, words, size);
    } else {
      hash = XXH3_64bits(bytes, size);
      slot = find_long(dictionary, hash, bytes, size);
    }
    const uint64_t entry = ((const uint64_t *)dictionary->slots)[slot];
    if (entry == 0) {
      LH_TRY(insert_bytes(dictionary, slot, hash, bytes, size, err));
      indices[i] = (uint32_t)dictionary->count - 1;
    } else {
      indices[i] = (uint32_t)entry - 1;
    }
  }
  return LH_OK;
}

lh_status lh_dictionary_add(struct lh_dictionary *dictionary, const struct lh_values *values,
                            uint32_t *indices, struct lh_error *err) {
  if (dictionary->slot_count == 0) {
    LH_TRY(grow_slots(dictionary, err));
  }
  if (dictionary->leaf->kind == LH_VALUE_BYTES) {
    if (dictionary->offsets.len == 0) {
      const int32_t start = 0;
      LH_TRY(lh_buf_append(&dictionary->offsets, &start, sizeof start, err));
    }
    return add_bytes(dictionary, values, indices, err);
  }
  switch (dictionary->leaf->width) {
    case 4:
      return add_fixed(dictionary, values, 4, indices, err);
    case 8:
      return add_fixed(dictionary, values, 8, indices, err);
    default:
      return add_fixed(dictionary, values, 16, indices, err);
  }
}

struct lh_values lh_dictionary_values(const struct lh_dictionary *dictionary) {
  struct lh_values values = {.count = dictionary->count};
  if (dictionary->leaf->kind == LH_VALUE_BYTES) {
    values.offsets = (const int32_t *)dictionary->offsets.data;
    values.data = dictionary->values.data;
  } else {
    values.fixed = dictionary->values.data;
  }
  return values;
}

static struct lh_values values_from(const struct lh_dictionary *dictionary, size_t first) {
  struct lh_values values = lh_dictionary_values(dictionary);
  values.count -= first;
  if (dictionary->leaf->kind == LH_VALUE_BYTES) {
    values.offsets += first;
  } else {
    values.fixed += first * dictionary->leaf->width;
  }
  return values;
}

static bool is_nan(const struct lh_dictionary *dictionary, uint32_t index) {
  float real32 = 0;
  double real = 0;
  if (dictionary->leaf->kind == LH_VALUE_FLOAT) {
    memcpy(&real32, dictionary->values.data + index * sizeof real32, sizeof real32);
    return __builtin_isnan(real32);
  }
  memcpy(&real, dictionary->values.data + index * sizeof real, sizeof real);
  return __builtin_isnan(real);
}

/* Sets the byte of every value that is used, until there is none left among the first `known`: values that
 * are few are soon all met. */
static void mark_used(const uint32_t *indices, size_t index_count, size_t known, uint8_t *used) {
  size_t i = 0;
  while (index_count - i >= MARKED_AT_ONCE && memchr(used, 0, known) != NULL) {
    const size_t end = i + MARKED_AT_ONCE;
    for (; i < end; i += 4) {
      const uint64_t first = load64((const uint8_t *)(indices + i));
      const uint64_t second = load64((const uint8_t *)(indices + i + 2));
      used[(uint32_t)first] = 1;
      used[first >> 32] = 1;
      used[(uint32_t)second] = 1;
      used[second >> 32] = 1;
    }
  }
  const bool has_rest = index_count - i < MARKED_AT_ONCE;
  for (; has_rest && i < index_count; i++) {
    used[indices[i]] = 1;
  }
}

lh_status lh_dictionary_add_statistics(const struct lh_dictionary *dictionary, const uint32_t *indices,
                                       size_t index_count, size_t first_new, struct lh_buf *marks,
                                       struct lh_column_statistics *statistics, struct lh_error *err) {
  const uint64_t nan_count = statistics->nan_count;
  const struct lh_values fresh = values_from(dictionary, first_new);
  LH_TRY(lh_statistics_add(statistics, &fresh, err));
  if (first_new > 0) {
    struct lh_values known = lh_dictionary_values(dictionary);
    known.count = first_new;
    lh_buf_reset(marks);
    LH_TRY(lh_buf_reserve(marks, dictionary->count, err));
    uint8_t *const used = marks->data;
    memset(used, 0, dictionary->count);
    mark_used(indices, index_count, first_new, used);
    LH_TRY(lh_statistics_add_used(statistics, &known, used, err));
  }
  if (statistics->nan_count == nan_count) {
    return LH_OK;
  }
  statistics->nan_count = nan_count; /* by values, not by entries */
  for (size_t i = 0; i < index_count; i++) {
    statistics->nan_count += is_nan(dictionary, indices[i]);
  }
  return LH_OK;
}

size_t lh_dictionary_bytes(const struct lh_dictionary *dictionary) {
  if (dictionary->leaf->kind == LH_VALUE_BYTES) {
    return dictionary->values.len + 4 * dictionary->count;
  }
  return dictionary->count * dictionary->leaf->file_width;
}

size_t lh_dictionary_memory(const struct lh_dictionary *dictionary) {
  return dictionary->values.len + dictionary->offsets.len + dictionary->slot_count * slot_bytes(dictionary);
}
