/*
 * Type registry: how each PostgreSQL type is carried over.
 *
 * One table, one row a type (type_registry.c): adding a type is a row and a decoder function (decode.h).
 * Enums, domains, arrays, composites and ranges need no row: they are resolved through the catalog to the
 * types that they are made of (type_nested.c).
 */
#ifndef LH_POSTGRES_TYPE_REGISTRY_H
#define LH_POSTGRES_TYPE_REGISTRY_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "column/schema.h"
#include "lakehaul/error.h"
#include "postgres/types/decode.h"

/* A row of the table. */
struct lh_pg_type {
  uint32_t oid;       /* 0: a type of an extension, found by its name */
  uint32_t array_oid; /* of the type's own array type; 0 with oid 0 */
  const char *name;   /* pg_type.typname */
  enum lh_type type;
  bool utc;
  lh_pg_decode_function *decode; /* NULL: carried as text by design */
  /* For types whose field depends on the type modifier: changes field and decoder, which the row has filled.
   * NULL for the others. */
  void (*shape)(int32_t typmod, struct lh_field *field, struct lh_pg_decoder *decoder);
};

/* Of a composite, as it is declared; dropped ones are left out. */
struct lh_pg_catalog_attribute {
  const char *name;
  const char *type_name; /* format_type() */
  uint32_t oid;
  int32_t typmod;
};

/* A row of pg_type, as far as types are resolved by it. */
struct lh_pg_catalog_type {
  uint32_t oid;
  const char *name;
  char kind;             /* typtype: b, d, e, … */
  uint32_t base_oid;     /* typbasetype of a domain */
  int32_t base_typmod;   /* of money: its fraction digits */
  uint32_t element_oid;  /* of a true array, else 0 */
  bool has_send;         /* there is a binary form */
  const char *type_name; /* format_type() */
  uint32_t part_oid;     /* of a range its subtype, of a multirange its range, else 0 */
  const struct lh_pg_catalog_attribute *attributes; /* of a composite */
  size_t attribute_count;
};

/* NULL where there is none. */
const struct lh_pg_type *lh_pg_type_by_oid(uint32_t oid);
/* Whether the type is in the table with its oid, itself or as the element of its array: the catalog need not
 * be asked. */
bool lh_pg_type_is_built_in(uint32_t oid);

/* What holds for a column whatever its type. Borrowed until the types are resolved, `replaced` as long as the
 * decoders are. */
struct lh_pg_type_rules {
  bool check_utf8; /* the server does not vouch for its texts */
  struct lh_column_policy policy;
  struct lh_pg_replaced *replaced; /* NULL with LH_UNREPRESENTABLE_ERROR */
};

/* Fills type, precision, scale, children of `field` (name, nullable and source_type are the caller's; a
 * list's element gets its own) and makes the decoder, in `arena`. `catalog` has the row of every type
 * involved that is not built in. What cannot be carried over in binary becomes STRING, an array of it a LIST
 * of STRING: the decoder's read_as says how to select it, and `*text_fallback` whether that is to be
 * reported. */
lh_status lh_pg_type_resolve(uint32_t oid, int32_t typmod, const struct lh_pg_type_rules *rules,
                             const struct lh_pg_catalog_type *catalog, size_t catalog_count,
                             struct lh_arena *arena, struct lh_field *field,
                             const struct lh_pg_decoder **decoder, bool *text_fallback,
                             struct lh_error *err) LH_WARN_UNUSED;

#endif
