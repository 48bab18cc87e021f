/* Describing a project's tasks from the live database, on one read-only connection. */
#include "cli/describe.h"

#include "postgres/connection.h"
#include "postgres/relation.h"
#include "postgres/split.h"
#include "task/extract.h"
#include "task/task.h"

static lh_status describe_task(struct lh_pg_connection *connection, const struct lh_task_spec *task,
                               struct lh_arena *arena, struct lh_description *out, struct lh_error *err) {
  struct lh_pg_select_options select = lh_extraction_select(task, -1);
  select.no_probe = true;
  struct lh_pg_relation *relation = NULL;
  LH_TRY(task->kind == LH_TASK_TABLE
             ? lh_pg_describe_table(connection, task->table, &select, arena, &relation, err)
             : lh_pg_describe_query(connection, task->query, &select, arena, &relation, err));
  LH_TRY(lh_task_check_columns(task, &relation->schema, arena, err));
  if (task->split_by != NULL) {
    const struct lh_pg_split_options options = {.column = task->split_by, .streams = task->streams};
    struct lh_pg_split *split = NULL;
    LH_TRY(lh_pg_split_relation(connection, relation, &options, arena, &split, err));
  }
  out->estimated_rows = relation->estimated_rows;
  out->estimated_bytes = relation->estimated_bytes;
  out->column_count = relation->column_count;
  const char **const names = LH_ARENA_ARRAY(arena, const char *, relation->column_count);
  if (names == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < relation->column_count; i++) {
    if (relation->columns[i].text_fallback) {
      names[out->text_count++] = relation->columns[i].name;
    }
  }
  out->text_columns = names;
  return LH_OK;
}

/* A statement that fails spoils its transaction, so each task has its own. */
static void describe_alone(struct lh_pg_connection *connection, const struct lh_task_spec *task,
                           struct lh_arena *arena, struct lh_description *out) {
  struct lh_pg_rows rows;
  struct lh_error ignored;
  out->status = lh_pg_begin_read(connection, NULL, &out->error);
  if (out->status == LH_OK) {
    out->status = describe_task(connection, task, arena, out, &out->error);
  }
  const lh_status ended = lh_pg_query(connection, "ROLLBACK", NULL, 0, arena, &rows, &ignored);
  (void)ended; /* a connection that is lost fails the next task with its own words */
}

lh_status lh_describe_tasks(const struct lh_project *project, const struct lh_graph *graph,
                            struct lh_arena *arena, struct lh_description **out, struct lh_error *err) {
  struct lh_description *const descriptions = LH_ARENA_ARRAY(arena, struct lh_description, graph->node_count);
  struct lh_pg_connection *connection = NULL;
  if (descriptions == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < graph->node_count; i++) {
    const struct lh_graph_node *const node = &graph->nodes[i];
    descriptions[i].estimated_rows = -1;
    descriptions[i].estimated_bytes = -1;
    if (!node->selected || !lh_task_kind_reads_source(node->task->kind)) {
      continue;
    }
    if (connection == NULL) {
      const char *source = NULL;
      LH_TRY(lh_project_get_source(project, &source, err));
      LH_TRY(lh_pg_connect(source, &connection, err));
    }
    describe_alone(connection, node->task, arena, &descriptions[i]);
  }
  lh_pg_disconnect(connection);
  *out = descriptions;
  return LH_OK;
}
