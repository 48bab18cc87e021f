/*
 * Resolution of types that are made of others. For type_registry.c and type_nested.c only.
 */
#ifndef LH_POSTGRES_TYPE_NESTED_H
#define LH_POSTGRES_TYPE_NESTED_H

#include "postgres/types/type_registry.h"

/* How deep fields can be nested: what Parquet's writer takes. */
#define LH_PG_MAX_NESTING 32
/* How many fields a column can have, nested ones included. */
#define LH_PG_MAX_FIELDS 4096

/* What the resolution of one column works on. */
struct lh_pg_resolver {
  const struct lh_pg_catalog_type *catalog;
  size_t catalog_count;
  struct lh_arena *arena;
  const struct lh_pg_type_rules *rules;
  size_t *fields_left; /* of LH_PG_MAX_FIELDS */
};

/* NULL where there is none. */
const struct lh_pg_catalog_type *lh_pg_find_in_catalog(const struct lh_pg_resolver *resolver, uint32_t oid);

/* Fills `field` and `decoder` for a type that is `depth` levels below the column; `*resolved` is false where
 * it, or a type that it is made of, has no binary form that is understood, or where it is nested too deep or
 * has too many fields. Recursion is bounded by LH_PG_MAX_NESTING. */
lh_status lh_pg_resolve_at(const struct lh_pg_resolver *resolver, uint32_t oid, int32_t typmod, size_t depth,
                           struct lh_field *field, struct lh_pg_decoder *decoder, bool *resolved,
                           struct lh_error *err) LH_WARN_UNUSED;

/* The same for composites, ranges and multiranges, `entry`, of which a value declares `wire_oid`. */
lh_status lh_pg_resolve_nested(const struct lh_pg_resolver *resolver, const struct lh_pg_catalog_type *entry,
                               uint32_t wire_oid, size_t depth, struct lh_field *field,
                               struct lh_pg_decoder *decoder, bool *resolved,
                               struct lh_error *err) LH_WARN_UNUSED;

/* The children of the types of the table that are nested themselves: interval, hstore, vector. */
lh_status lh_pg_make_members(const struct lh_pg_resolver *resolver, const struct lh_pg_type *type,
                             struct lh_field *field, struct lh_error *err) LH_WARN_UNUSED;

/* An array of `element`, whose field is the only child of the list. By the policy of several dimensions a
 * list or a struct of its dimensions and that list. */
lh_status lh_pg_make_array(const struct lh_pg_resolver *resolver, const struct lh_pg_decoder *element,
                           struct lh_field *element_field, uint32_t wire_oid, struct lh_field *field,
                           struct lh_pg_decoder *decoder, struct lh_error *err) LH_WARN_UNUSED;

/* Whether a column that is decoded so can hold an array. */
bool lh_pg_holds_array(const struct lh_pg_decoder *decoder);

#endif
