/*
 * Names of columns in the lake, made of those that the source has. For this module's files only.
 */
#ifndef LH_POSTGRES_LAKE_NAMES_H
#define LH_POSTGRES_LAKE_NAMES_H

#include "base/arena.h"
#include "column/policy.h"
#include "column/schema.h"
#include "lakehaul/error.h"

/* Names `fields`, which come with the source's names, and the members of structs in them. `renames` has a
 * name or NULL for each, or is NULL; a name given there is taken as it is.
 *
 * LH_NAMES_LOWER: A-Z become a-z, every other character than a-z, 0-9 and _ becomes _, a digit in front gets
 * _ before it. A name that stays as it is or is given keeps it; others that come out the same get _2, _3, …
 * in their order. LH_NAMES_KEEP: names that differ in the case of A-Z alone are LH_ERROR_DATA, since Athena
 * and Trino read all names in lower case. A name that is changed is in the field's source_name as it was. */
lh_status lh_pg_name_fields(struct lh_field *fields, size_t count, const char *const *renames,
                            enum lh_names names, struct lh_arena *arena, struct lh_error *err) LH_WARN_UNUSED;

#endif
