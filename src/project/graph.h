/*
 * The task graph: which task reads which, which are selected, and an order in which each runs after what it
 * reads.
 */
#ifndef LH_PROJECT_GRAPH_H
#define LH_PROJECT_GRAPH_H

#include "project/project.h"

/* Tells what a SQL task reads: names of lake tables, in any case; "s.t" is never a task's. Called once per
 * SQL task, in the file's order. */
typedef lh_status (*lh_referenced_tables_fn)(void *context, const struct lh_task_spec *task,
                                             struct lh_arena *arena, const char *const **names, size_t *count,
                                             struct lh_error *err);

struct lh_graph_node {
  const struct lh_task_spec *task;
  size_t *dependencies; /* indexes into nodes: tasks of this project whose tables it reads */
  size_t dependency_count;
  const char *const
      *external_tables; /* tables it reads that no task of the project makes: must be in the lake already */
  size_t external_count;
  bool selected;
};

struct lh_graph {
  const struct lh_project *project; /* borrowed; outlives the graph */
  struct lh_graph_node *nodes;      /* one per project task, same order; all selected at first */
  const char **names;               /* of the tasks, same order */
  size_t node_count;
  size_t *order; /* all nodes, dependencies first, otherwise in the file's order */
};

/* The graph lives in `arena`. Errors of `referenced` are prefixed with the task's place in the file. A cycle
 * (a task reading itself included) is LH_ERROR_PROJECT that spells it: "a → b → a". */
lh_status lh_graph_build(const struct lh_project *project, lh_referenced_tables_fn referenced, void *context,
                         struct lh_arena *arena, struct lh_graph **out, struct lh_error *err) LH_WARN_UNUSED;

/* Selects the named tasks (none: all) afresh and, unless `only`, all they depend on. An unknown name:
 * LH_ERROR_USAGE with the nearest right one. */
lh_status lh_graph_select(struct lh_graph *graph, const char *const *names, size_t count, bool only,
                          struct lh_error *err) LH_WARN_UNUSED;

#endif
