/*
 * `lakehaul gc --drop`: tables that are taken out of the lake, and what stands in the way.
 */
#ifndef LH_CLI_GC_DROP_H
#define LH_CLI_GC_DROP_H

#include "run/drop.h"

struct lh_gc_drop {
  const char *const *tables; /* named by the user */
  size_t table_count;
  bool removed_too; /* those that no task makes as well */
  bool force, dry_run;
  const struct lh_graph *graph;
  struct lh_catalogs *catalogs;
  struct lh_arena *arena;
  /* What came of it. */
  const char *const *removed; /* that no task makes */
  size_t removed_count;
  const char **dropped; /* in the order in which they went */
  struct lh_drop_result *results;
  size_t dropped_count;
  const struct lh_dependent *dependents;
  size_t dependent_count;
};

lh_status lh_gc_drop_list_removed(struct lh_gc_drop *drop, struct lh_error *err) LH_WARN_UNUSED;
/* LH_ERROR_DATA, and nothing is dropped, where something reads one of the tables, but with `force`; with
 * `dry_run` it is only told. LH_ERROR_USAGE for a table that the lake does not have. */
lh_status lh_gc_drop_tables(struct lh_gc_drop *drop, struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_gc_drop_print(const struct lh_gc_drop *drop, bool as_json, struct lh_error *err) LH_WARN_UNUSED;

#endif
