/*
 * Dictionary of one column chunk: distinct values in order of first appearance, found by hashing.
 *
 * Open addressing with linear probing, at most half full. Kept over chunks: reset forgets the values
 * and keeps the memory. At most LH_DICTIONARY_MAX_ENTRIES values.
 */
#ifndef LH_PARQUET_DICTIONARY_H
#define LH_PARQUET_DICTIONARY_H

#include "base/buf.h"
#include "parquet/statistics.h"
#include "parquet/values.h"

#define LH_DICTIONARY_MAX_ENTRIES ((size_t)1 << 30)

struct lh_dictionary {
  const struct lh_leaf *leaf;
  size_t count;
  struct lh_buf values;  /* fixed-width values, or all bytes */
  struct lh_buf offsets; /* int32_t, count + 1; LH_VALUE_BYTES only */
  void *slots;           /* uint32_t index + 1; for LH_VALUE_BYTES with the hash's upper half above it */
  size_t slot_count;     /* in use, a power of two */
  size_t slot_capacity;  /* allocated */
};

void lh_dictionary_init(struct lh_dictionary *dictionary, const struct lh_leaf *leaf);
void lh_dictionary_reset(struct lh_dictionary *dictionary);
/* Forgets all but the first `count` values, and gives back the memory that only others need. Nothing can be
 * added until the next reset. */
void lh_dictionary_close(struct lh_dictionary *dictionary, size_t count);
void lh_dictionary_clear(struct lh_dictionary *dictionary);

/* Adds what is new and writes the index of every value to `indices`. */
lh_status lh_dictionary_add(struct lh_dictionary *dictionary, const struct lh_values *values,
                            uint32_t *indices, struct lh_error *err) LH_WARN_UNUSED;

/* The distinct values; borrowed until the dictionary changes. */
struct lh_values lh_dictionary_values(const struct lh_dictionary *dictionary);
/* Adds the values that `indices` name to `statistics`; those from `first_new` on are all among them. Each
 * distinct value is looked at once. `marks` is scratch. */
lh_status lh_dictionary_add_statistics(const struct lh_dictionary *dictionary, const uint32_t *indices,
                                       size_t index_count, size_t first_new, struct lh_buf *marks,
                                       struct lh_column_statistics *statistics,
                                       struct lh_error *err) LH_WARN_UNUSED;
/* Bytes of its page, uncompressed. */
size_t lh_dictionary_bytes(const struct lh_dictionary *dictionary);
/* Memory in use, hash table included. */
size_t lh_dictionary_memory(const struct lh_dictionary *dictionary);

#endif
