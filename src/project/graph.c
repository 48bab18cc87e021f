/* The task graph: names that SQL tasks read, matched with the tasks that make them, and put in order. */
#include "project/graph.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/str.h"

#define HINTED_NAMES_MAX 12

static int compare_indexes(const void *left, const void *right) {
  const size_t a = *(const size_t *)left;
  const size_t b = *(const size_t *)right;
  return (a > b) - (a < b);
}

/* Task names are lower-case; SQL may write them in any case. */
static const char *fold(const char *name, struct lh_arena *arena) {
  char *const folded = lh_arena_strdup(arena, name);
  for (char *c = folded; c != NULL && *c != '\0'; c++) {
    *c = (char)tolower((unsigned char)*c);
  }
  return folded;
}

/* Splits what a SQL task reads into tasks of the project and tables that are in the lake already. */
static lh_status add_references(struct lh_graph *graph, struct lh_graph_node *node, const char *const *names,
                                size_t count, struct lh_arena *arena, struct lh_error *err) {
  node->dependencies = LH_ARENA_ARRAY(arena, size_t, count + 1);
  const char **const external = LH_ARENA_ARRAY(arena, const char *, count + 1);
  if (node->dependencies == NULL || external == NULL) {
    return lh_error_memory(err);
  }
  struct lh_map seen;
  lh_map_init(&seen, arena);
  for (size_t i = 0; i < count; i++) {
    const char *const name = fold(names[i], arena);
    if (name == NULL) {
      return lh_error_memory(err);
    }
    if (lh_map_get(&seen, name) != NULL) {
      continue;
    }
    LH_TRY(lh_map_put(&seen, name, node, err));
    const struct lh_task_spec *const task = lh_project_find_task(graph->project, name);
    if (task != NULL) {
      node->dependencies[node->dependency_count++] = (size_t)(task - graph->project->tasks);
    } else {
      external[node->external_count++] = names[i];
    }
  }
  node->external_tables = external;
  qsort(node->dependencies, node->dependency_count, sizeof(size_t), compare_indexes);
  return LH_OK;
}

static lh_status find_references(struct lh_graph *graph, lh_referenced_tables_fn referenced, void *context,
                                 struct lh_arena *arena, struct lh_error *err) {
  for (size_t i = 0; i < graph->node_count; i++) {
    const struct lh_task_spec *const task = graph->nodes[i].task;
    if (lh_task_kind_reads_source(task->kind)) {
      continue;
    }
    const char *const *names = NULL;
    size_t count = 0;
    if (referenced(context, task, arena, &names, &count, err) != LH_OK) {
      return lh_error_prefix(err, "%s:%d", graph->project->path, task->line);
    }
    LH_TRY(add_references(graph, &graph->nodes[i], names, count, arena, err));
  }
  return LH_OK;
}

/* Depth-first search without recursion, since a chain of tasks may be as long as the file. */
struct search {
  struct lh_graph *graph;
  struct lh_arena *arena;
  bool *entered; /* per node: on the path, or done */
  bool *done;    /* per node: in the order */
  size_t *path;
  size_t *next; /* per node of the path: its next dependency to look at */
  size_t depth;
  size_t ordered;
};

/* "a → b → a": the path from the place where `repeated` is on it. */
static lh_status fail_cycle(const struct search *search, size_t repeated, struct lh_error *err) {
  size_t start = 0;
  while (search->path[start] != repeated) {
    start++;
  }
  const struct lh_graph *const graph = search->graph;
  const size_t count = search->depth - start;
  const char **const names = LH_ARENA_ARRAY(search->arena, const char *, count + 1);
  if (names == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    names[i] = graph->names[search->path[start + i]];
  }
  names[count] = graph->names[repeated];
  const char *const spelled = lh_str_join(names, count + 1, " → ", search->arena);
  if (spelled == NULL) {
    return lh_error_memory(err);
  }
  lh_error_set(
      err, LH_ERROR_PROJECT, "%s:%d: %s: %s", graph->project->path, graph->nodes[repeated].task->line,
      count == 1 ? "the task reads the table that it makes" : "tasks read each other in a circle", spelled);
  lh_error_hint(err, "a → b means that a reads b: take one of these reads out of its SQL");
  return LH_ERROR_PROJECT;
}

static lh_status visit_from(struct search *search, size_t root, struct lh_error *err) {
  search->depth = 0;
  search->path[search->depth] = root;
  search->next[search->depth++] = 0;
  search->entered[root] = true;
  while (search->depth > 0) {
    const size_t current = search->path[search->depth - 1];
    const struct lh_graph_node *const node = &search->graph->nodes[current];
    if (search->next[search->depth - 1] == node->dependency_count) {
      search->done[current] = true;
      search->graph->order[search->ordered++] = current;
      search->depth--;
      continue;
    }
    const size_t dependency = node->dependencies[search->next[search->depth - 1]++];
    if (search->done[dependency]) {
      continue;
    }
    if (search->entered[dependency]) {
      return fail_cycle(search, dependency, err);
    }
    search->entered[dependency] = true;
    search->path[search->depth] = dependency;
    search->next[search->depth++] = 0;
  }
  return LH_OK;
}

static lh_status put_in_order(struct lh_graph *graph, struct lh_arena *arena, struct lh_error *err) {
  struct search search = {
      .graph = graph,
      .arena = arena,
      .entered = LH_ARENA_ARRAY(arena, bool, graph->node_count),
      .done = LH_ARENA_ARRAY(arena, bool, graph->node_count),
      .path = LH_ARENA_ARRAY(arena, size_t, graph->node_count),
      .next = LH_ARENA_ARRAY(arena, size_t, graph->node_count),
  };
  graph->order = LH_ARENA_ARRAY(arena, size_t, graph->node_count);
  if (search.entered == NULL || search.done == NULL || search.path == NULL || search.next == NULL ||
      graph->order == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < graph->node_count; i++) {
    if (!search.done[i]) {
      LH_TRY(visit_from(&search, i, err));
    }
  }
  return LH_OK;
}

lh_status lh_graph_build(const struct lh_project *project, lh_referenced_tables_fn referenced, void *context,
                         struct lh_arena *arena, struct lh_graph **out, struct lh_error *err) {
  struct lh_graph *const graph = LH_ARENA_NEW(arena, struct lh_graph);
  if (graph == NULL) {
    return lh_error_memory(err);
  }
  graph->project = project;
  graph->node_count = project->task_count;
  graph->nodes = LH_ARENA_ARRAY(arena, struct lh_graph_node, graph->node_count);
  graph->names = LH_ARENA_ARRAY(arena, const char *, graph->node_count);
  if (graph->nodes == NULL || graph->names == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < graph->node_count; i++) {
    graph->nodes[i].task = &project->tasks[i];
    graph->nodes[i].selected = true;
    graph->names[i] = project->tasks[i].name;
  }
  LH_TRY(find_references(graph, referenced, context, arena, err));
  LH_TRY(put_in_order(graph, arena, err));
  *out = graph;
  return LH_OK;
}

static lh_status fail_unknown_task(const struct lh_graph *graph, const char *name, struct lh_error *err) {
  lh_error_set(err, LH_ERROR_USAGE, "%s has no task \"%.128s\"", graph->project->path, name);
  const char *const nearest = lh_str_nearest(name, graph->names, graph->node_count);
  if (nearest != NULL) {
    lh_error_hint(err, "did you mean \"%s\"?", nearest);
    return LH_ERROR_USAGE;
  }
  struct lh_arena scratch;
  lh_arena_init(&scratch, 0);
  const bool all = graph->node_count <= HINTED_NAMES_MAX;
  const char *const list =
      lh_str_join(graph->names, all ? graph->node_count : HINTED_NAMES_MAX, ", ", &scratch);
  if (list != NULL) {
    lh_error_hint(err, "its tasks: %s%s", list, all ? "" : ", …");
  }
  lh_arena_clear(&scratch);
  return LH_ERROR_USAGE;
}

lh_status lh_graph_select(struct lh_graph *graph, const char *const *names, size_t count, bool only,
                          struct lh_error *err) {
  for (size_t i = 0; i < graph->node_count; i++) {
    graph->nodes[i].selected = count == 0;
  }
  for (size_t i = 0; i < count; i++) {
    const struct lh_task_spec *const task = lh_project_find_task(graph->project, names[i]);
    if (task == NULL) {
      return fail_unknown_task(graph, names[i], err);
    }
    graph->nodes[task - graph->project->tasks].selected = true;
  }
  if (only) {
    return LH_OK;
  }
  /* Backwards through the order every reader comes before what it reads. */
  for (size_t i = graph->node_count; i > 0; i--) {
    const struct lh_graph_node *const node = &graph->nodes[graph->order[i - 1]];
    for (size_t j = 0; node->selected && j < node->dependency_count; j++) {
      graph->nodes[node->dependencies[j]].selected = true;
    }
  }
  return LH_OK;
}
