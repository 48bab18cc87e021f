/*
 * From the version that is current and the one that is published: what is current next. For this module only.
 */
#ifndef LH_CATALOG_MERGE_H
#define LH_CATALOG_MERGE_H

#include "catalog/pointer.h"

/* Fills next->current and next->retired. `before` is NULL where nothing is published yet. Lists that need no
 * change are borrowed from both. */
lh_status lh_catalog_merge(const struct lh_pointer *before, const struct lh_lake_version *version,
                           struct lh_arena *arena, struct lh_pointer *next,
                           struct lh_error *err) LH_WARN_UNUSED;

#endif
