/*
 * JSON that holds secrets: the members of one object, decoded where they stand.
 *
 * A JSON library would leave copies of the strings on the heap. Documents of credentials are small objects of
 * strings and numbers, which this reads in place in memory for secrets (RFC 8259; members of other kinds are
 * checked and passed over, 32 levels at most).
 */
#ifndef LH_NET_FLAT_JSON_H
#define LH_NET_FLAT_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "lakehaul/error.h"

/* Where a member's value goes. */
struct lh_flat_json_field {
  const char *name;
  const char *text; /* a string's, NUL-terminated, inside the document; NULL: absent, null or no string */
  int64_t number;   /* a whole number's */
  bool is_number;
};

/* Reads the `size` bytes of `text` and changes them. With `inner` the members of that member, an object, are
 * taken rather than those of the outermost; where it is absent, no field is set. False: not such JSON. */
bool lh_flat_json_read(char *text, size_t size, const char *inner, struct lh_flat_json_field *fields,
                       size_t count) LH_WARN_UNUSED;

#endif
