/*
 * Some partitions of a relation: which have changed, and the condition under which the server reads them
 * alone.
 */
#ifndef LH_TASK_PARTITION_SELECT_H
#define LH_TASK_PARTITION_SELECT_H

#include "postgres/connection.h"
#include "postgres/relation.h"
#include "task/partition/partition_plan.h"

/* More changed partitions than this are not worth naming one by one. */
#define LH_PARTITION_MOST_CHANGED 1000

/* Partitions by their values, one a key; NULL for a NULL. */
struct lh_partition_choice {
  const char *const **values;
  size_t count;
};

/* The partitions that rows are in whose watermark is greater than `since`. `*all` where there are too many to
 * name, or some whose value has no form in the lake (an infinite date): all have to be read. The watermark is
 * a column by its name in the source or the lake. */
lh_status lh_partition_find_changed(struct lh_pg_connection *connection,
                                    const struct lh_pg_relation *relation,
                                    const struct lh_partition_plan *plan, const char *watermark,
                                    const char *since, struct lh_arena *arena,
                                    struct lh_partition_choice *out, bool *all,
                                    struct lh_error *err) LH_WARN_UNUSED;
/* The greatest watermark of all rows as the server's text; "" where there is none. */
lh_status lh_partition_find_watermark(struct lh_pg_connection *connection,
                                      const struct lh_pg_relation *relation, const char *watermark,
                                      struct lh_arena *arena, const char **out,
                                      struct lh_error *err) LH_WARN_UNUSED;

/* The SQL condition for the rows of these partitions, in `arena`: half-open ranges of the column for hour,
 * day, month and year, equality for identity, so that indexes serve. LH_ERROR_USAGE for values that are not
 * in the form of the lake's directories. */
lh_status lh_partition_make_condition(const struct lh_pg_relation *relation,
                                      const struct lh_partition_plan *plan,
                                      const struct lh_partition_choice *choice, struct lh_arena *arena,
                                      const char **out, struct lh_error *err) LH_WARN_UNUSED;

#endif
