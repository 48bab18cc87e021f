/*
 * The names in one VARIANT: from those of all its members to the dictionary and their numbers in it.
 *
 * Rows tend to have the same names: the dictionary of the value before is used again where they are the same
 * in the same order. For variant.c only.
 */
#ifndef LH_COLUMN_VARIANT_NAMES_H
#define LH_COLUMN_VARIANT_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "lakehaul/error.h"

/* What is sorted: a name, or a member of an object. */
struct lh_variant_entry {
  uint64_t order; /* the first eight bytes of a name; the number of a member's name in the dictionary */
  uint32_t key;   /* which of the value's names; of the object's members */
  uint32_t node;  /* of a member */
};

struct lh_variant_names {
  struct lh_buf bytes;      /* of the value's members in turn: a length of 32 bits, and the name */
  struct lh_buf starts;     /* uint32_t: where the name of each begins */
  struct lh_buf entries;    /* the names, sorted */
  struct lh_buf ids;        /* uint32_t: of each name, its number in the dictionary */
  struct lh_buf last_bytes; /* what `ids` and `dictionary` were made of */
  struct lh_buf dictionary; /* encoded: the value's metadata; empty where it is not made */
  struct lh_buf scratch;
};

/* Before the first name of a value. */
void lh_variant_names_begin(struct lh_variant_names *names);
lh_status lh_variant_names_add(struct lh_variant_names *names, const uint8_t *name, uint32_t length,
                               struct lh_error *err) LH_WARN_UNUSED;
/* Behind the last one: makes `dictionary` and `ids`. */
lh_status lh_variant_names_end(struct lh_variant_names *names, struct lh_error *err) LH_WARN_UNUSED;

/* The number of the value's `index`-th name. */
static inline uint32_t lh_variant_names_id(const struct lh_variant_names *names, size_t index) {
  return ((const uint32_t *)(const void *)names->ids.data)[index];
}

/* The members of one object by the numbers of their names, equal ones in the order of the text. */
lh_status lh_variant_sort_members(struct lh_variant_names *names, struct lh_variant_entry *entries,
                                  size_t count, struct lh_error *err) LH_WARN_UNUSED;

/* Bytes of the smallest width, 1 to 4, that holds a number. */
static inline size_t lh_variant_width(uint64_t value) {
  return value <= 0xFF ? 1 : value <= 0xFFFF ? 2 : value <= 0xFFFFFF ? 3 : 4;
}
/* Little-endian; returns what is behind. */
static inline uint8_t *lh_variant_put(uint8_t *out, uint32_t value, size_t width) {
  for (size_t i = 0; i < width; i++) {
    out[i] = (uint8_t)(value >> (8 * i));
  }
  return out + width;
}

#endif
