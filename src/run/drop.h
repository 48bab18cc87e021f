/*
 * Dropping tables of the lake: what depends on them, and their end.
 */
#ifndef LH_RUN_DROP_H
#define LH_RUN_DROP_H

#include "project/graph.h"
#include "run/catalogs.h"

struct lh_drop_plan {
  const char *const *tables; /* to be dropped */
  size_t table_count;
  const struct lh_graph *graph; /* of the project */
  struct lh_catalogs *catalogs;
  bool dry_run;
};

/* Something that reads a table, and is not dropped with it. */
struct lh_dependent {
  const char *table;
  const char *kind; /* "task", "view", "view in Glue" */
  const char *name;
};
/* Tasks by their SQL, views of the lake by what they say they read, views that others made in Glue by the
 * words of their SELECTs. In `arena`. */
lh_status lh_drop_list_dependents(const struct lh_drop_plan *plan, struct lh_arena *arena,
                                  const struct lh_dependent **out, size_t *count,
                                  struct lh_error *err) LH_WARN_UNUSED;

/* Tables of the lake that no task of the project makes, sorted. In `arena`. */
lh_status lh_drop_list_removed(const struct lh_drop_plan *plan, struct lh_arena *arena,
                               const char *const **out, size_t *count, struct lh_error *err) LH_WARN_UNUSED;

struct lh_drop_result {
  uint64_t files, bytes;
  bool was_in_glue;
};
/* Takes one table out of Glue, then out of the lake, so that no reader is sent to files that are gone. A
 * table of Glue that lakehaul did not make stays. The caller holds the run lock exclusively. */
lh_status lh_drop_table(const struct lh_drop_plan *plan, const char *table, struct lh_drop_result *out,
                        struct lh_error *err) LH_WARN_UNUSED;

#endif
