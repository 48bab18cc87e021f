/*
 * What a file says of its table beside data: values of the lakehaul.* keys in a Parquet footer, as JSON.
 */
#ifndef LH_TASK_FILE_METADATA_H
#define LH_TASK_FILE_METADATA_H

#include "base/arena.h"
#include "column/schema.h"
#include "lakehaul/error.h"

/* [{"name", "type", "source_type"?, "comment"?}] */
lh_status lh_metadata_columns(const struct lh_schema *schema, struct lh_arena *arena, const char **out,
                              struct lh_error *err) LH_WARN_UNUSED;
/* ["id", …]; "" where there is none. */
lh_status lh_metadata_names(const char *const *names, size_t count, struct lh_arena *arena, const char **out,
                            struct lh_error *err) LH_WARN_UNUSED;

#endif
