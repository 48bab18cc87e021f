/*
 * Splitting: a relation cut into ranges that several connections read, each row in exactly one of them.
 *
 * Tables, partitioned tables and materialized views are cut by pages (ctid) of their heaps, each partition
 * and child on its own; where the server cannot read single pages (before 14, foreign tables) or a column is
 * asked for, by that column's values, at bounds from the planner's histogram. What cannot be cut is one
 * range. All ranges are read on one snapshot. The last range of a heap is open-ended, for rows that come in
 * meanwhile and are then not seen by the snapshot. Spec: PostgreSQL documentation, "System Columns",
 * pg_stats.
 */
#ifndef LH_POSTGRES_SPLIT_H
#define LH_POSTGRES_SPLIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "lakehaul/error.h"
#include "postgres/relation.h"

/* 8 MB of a heap: little enough to share the work out evenly, enough that starting a COPY costs nothing. */
#define LH_PG_RANGE_PAGES 1000

struct lh_pg_split_options {
  const char *column; /* as the source names it: cut by its values; NULL: by pages where that works */
  int streams;        /* how many will read; 1: one range, nothing is asked of the server */
};

/* A heap that is read page by page. */
struct lh_pg_split_leaf {
  const char *name;
  const char *from_sql; /* "ONLY public.orders_2026 AS orders" */
  uint64_t pages;
  size_t first_range; /* its ranges lie side by side */
};

/* Constant once made; any thread may ask for the statements. */
struct lh_pg_split {
  const struct lh_pg_relation *relation; /* borrowed */
  size_t range_count;
  struct lh_pg_split_leaf *leaves; /* by pages */
  size_t leaf_count;
  const char *key;           /* by values: the column, quoted */
  const char *key_type;      /* as format_type() names it */
  const char *const *bounds; /* by values: range_count - 1, ascending, as SQL literals */
  const char *warning;       /* why it is one range though more streams were asked for; NULL for none */
};

/* In `arena`. LH_ERROR_DATA for a column that the relation does not have (hint: the nearest name) or whose
 * type cannot be cut by. */
lh_status lh_pg_split_relation(struct lh_pg_connection *connection, const struct lh_pg_relation *relation,
                               const struct lh_pg_split_options *options, struct lh_arena *arena,
                               struct lh_pg_split **out, struct lh_error *err) LH_WARN_UNUSED;

/* Replaces `sql` by the SELECT of one range. */
lh_status lh_pg_split_select(const struct lh_pg_split *split, size_t range, struct lh_buf *sql,
                             struct lh_error *err) LH_WARN_UNUSED;
/* Replaces `text` by where a range's rows are, for a message that counts rows within it: "among the rows of
 * public.orders from ctid (2000,0)"; by nothing where there is one range. */
lh_status lh_pg_split_describe(const struct lh_pg_split *split, size_t range, struct lh_buf *text,
                               struct lh_error *err) LH_WARN_UNUSED;

#endif
