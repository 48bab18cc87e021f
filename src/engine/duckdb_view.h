/*
 * A lake table as a view: its SQL. Internal to the engine module.
 */
#ifndef LH_ENGINE_DUCKDB_VIEW_H
#define LH_ENGINE_DUCKDB_VIEW_H

#include "base/buf.h"
#include "engine/duckdb.h"

struct lh_duckdb_view {
  const char *name;
  const char *const *files; /* local paths or s3://bucket/key, taken literally */
  size_t file_count;
  const struct lh_engine_partitions *partitions; /* NULL: all columns are in the files */
};

/* Puts the statement into `sql`. `replaced`: what stands in for some of the columns; may be empty. */
lh_status lh_duckdb_build_view(const struct lh_duckdb_view *view, const char *replaced, struct lh_buf *sql,
                               struct lh_error *err) LH_WARN_UNUSED;
/* Appends `text` in quotes, inner ones doubled. */
lh_status lh_duckdb_append_quoted(struct lh_buf *sql, const char *text, char quote,
                                  struct lh_error *err) LH_WARN_UNUSED;

#endif
