/*
 * The parts of a pointer that concern partitions, for pointer.c only.
 */
#ifndef LH_CATALOG_POINTER_JSON_H
#define LH_CATALOG_POINTER_JSON_H

#include "base/json.h"
#include "catalog/pointer.h"

/* After files and columns have been read. */
lh_status lh_pointer_read_partitions(const json_t *root, const char *what, struct lh_arena *arena,
                                     struct lh_pointer *pointer, struct lh_error *err) LH_WARN_UNUSED;
/* Adds the keys that there are. False without memory. */
bool lh_pointer_make_partitions(const struct lh_pointer *pointer, json_t *root);

#endif
