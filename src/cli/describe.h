/*
 * What the live database says of a project's selected tasks: for `plan` and `check`.
 */
#ifndef LH_CLI_DESCRIBE_H
#define LH_CLI_DESCRIBE_H

#include "column/schema.h"
#include "project/graph.h"

struct lh_description {
  lh_status status;      /* of describing it; LH_OK for SQL tasks, of which the database knows nothing */
  struct lh_error error; /* why not */
  int64_t estimated_rows, estimated_bytes; /* -1 where unknown */
  size_t column_count;
  const char *const
      *text_columns; /* names of columns that are carried over as text for want of a better form */
  size_t text_count;
};

/* One description per node of the graph, in `arena`. An unreachable source is an error of the whole. */
lh_status lh_describe_tasks(const struct lh_project *project, const struct lh_graph *graph,
                            struct lh_arena *arena, struct lh_description **out,
                            struct lh_error *err) LH_WARN_UNUSED;

#endif
