/* lakehaul plan: what would run, in which order, on how much data. */
#include <stdio.h>

#include "base/json.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/grid.h"

enum { OPT_PROJECT, OPT_ONLY, OPT_JSON, OPT_COUNT };

static const struct lh_option options[OPT_COUNT] = {
    [OPT_PROJECT] = LH_CLI_OPTION_PROJECT,
    [OPT_ONLY] = {.name = "only",
                  .kind = LH_OPTION_FLAG,
                  .help = "only the named tasks, without what they read"},
    [OPT_JSON] = LH_CLI_OPTION_JSON,
};

static const struct lh_command_spec spec = {
    .name = "plan",
    .summary = "what would run, in which order, with estimated rows and bytes",
    .usage = "lakehaul plan [options] [TASK…]",
    .description =
        "Reads the project and asks the database for estimates; moves no data. Without TASK, all tasks of "
        "the project are planned.",
    .examples =
        "  lakehaul plan\n"
        "  lakehaul plan combined_orders          # one task and what it reads\n"
        "  lakehaul plan --json combined_orders\n",
    .options = options,
    .option_count = OPT_COUNT,
    .positional_name = "TASK",
    .positional_max = LH_POSITIONAL_ANY,
    .positional_help = "tasks to plan",
};

static const char *reads_text(const struct lh_graph *graph, const struct lh_graph_node *node,
                              struct lh_arena *arena) {
  if (node->task->kind == LH_TASK_TABLE) {
    return node->task->table;
  }
  if (node->task->kind == LH_TASK_QUERY) {
    return "query";
  }
  const char **const names =
      LH_ARENA_ARRAY(arena, const char *, node->dependency_count + node->external_count);
  if (names == NULL) {
    return "";
  }
  size_t count = 0;
  for (size_t i = 0; i < node->dependency_count; i++) {
    names[count++] = graph->nodes[node->dependencies[i]].task->name;
  }
  for (size_t i = 0; i < node->external_count; i++) {
    names[count++] = node->external_tables[i];
  }
  const char *const text = lh_str_join(names, count, ", ", arena);
  return text != NULL ? text : "";
}

/* "-" where the database has no estimate, and for SQL tasks. */
static const char *count_text(int64_t count, struct lh_arena *arena) {
  char text[32] = "-";
  return lh_arena_strdup(arena, count >= 0 ? lh_str_format_count((uint64_t)count, text) : text);
}

static const char *bytes_text(int64_t bytes, struct lh_arena *arena) {
  char text[32] = "-";
  return lh_arena_strdup(arena, bytes >= 0 ? lh_str_format_bytes((uint64_t)bytes, text) : text);
}

static lh_status print_text(const struct lh_graph *graph, const struct lh_description *descriptions,
                            struct lh_arena *arena, struct lh_error *err) {
  static const struct lh_grid_column columns[] = {{.title = "step", .to_the_right = true},
                                                  {.title = "task"},
                                                  {.title = "kind"},
                                                  {.title = "rows (about)", .to_the_right = true},
                                                  {.title = "bytes", .to_the_right = true},
                                                  {.title = "reads"}};
  struct lh_grid grid;
  lh_grid_init(&grid, columns, sizeof(columns) / sizeof(columns[0]), arena);
  size_t step = 0;
  for (size_t i = 0; i < graph->node_count; i++) {
    const struct lh_graph_node *const node = &graph->nodes[graph->order[i]];
    const struct lh_description *const description = &descriptions[graph->order[i]];
    if (!node->selected) {
      continue;
    }
    const char *const cells[] = {lh_arena_printf(arena, "%zu", ++step),
                                 node->task->name,
                                 lh_task_spec_kind_name(node->task),
                                 count_text(description->estimated_rows, arena),
                                 bytes_text(description->estimated_bytes, arena),
                                 reads_text(graph, node, arena)};
    LH_TRY(lh_grid_add(&grid, cells, err));
  }
  lh_grid_print(&grid, 0, stdout);
  return LH_OK;
}

static json_t *estimate_json(int64_t estimate) {
  return estimate >= 0 ? json_integer(estimate) : json_null();
}

static lh_status print_json(const struct lh_graph *graph, const struct lh_description *descriptions,
                            struct lh_error *err) {
  json_t *const tasks = json_array();
  for (size_t i = 0; i < graph->node_count; i++) {
    const struct lh_graph_node *const node = &graph->nodes[graph->order[i]];
    const struct lh_description *const description = &descriptions[graph->order[i]];
    if (!node->selected) {
      continue;
    }
    json_t *const reads = json_array();
    for (size_t j = 0; j < node->dependency_count; j++) {
      json_array_append_new(reads, json_string(graph->nodes[node->dependencies[j]].task->name));
    }
    for (size_t j = 0; j < node->external_count; j++) {
      json_array_append_new(reads, json_string(node->external_tables[j]));
    }
    json_array_append_new(tasks, json_pack("{s:s, s:s, s:o, s:o, s:o}", "task", node->task->name, "kind",
                                           lh_task_spec_kind_name(node->task), "reads", reads,
                                           "estimated_rows", estimate_json(description->estimated_rows),
                                           "estimated_bytes", estimate_json(description->estimated_bytes)));
  }
  return lh_cli_print_json(json_pack("{s:o}", "tasks", tasks), err);
}

static lh_status plan(const struct lh_options *values, struct lh_cli_project *open, struct lh_error *err) {
  struct lh_description *descriptions = NULL;
  LH_TRY(lh_cli_project_open(open, lh_options_string(values, OPT_PROJECT), err));
  LH_TRY(lh_graph_select(open->graph, values->positionals, values->positional_count,
                         lh_options_flag(values, OPT_ONLY), err));
  LH_TRY(lh_describe_tasks(open->project, open->graph, &open->arena, &descriptions, err));
  for (size_t i = 0; i < open->graph->node_count; i++) {
    if (descriptions[i].status != LH_OK) {
      *err = descriptions[i].error;
      return lh_error_prefix(err, "%s:%d: task %s", open->project->path, open->graph->nodes[i].task->line,
                             open->graph->nodes[i].task->name);
    }
  }
  if (lh_options_flag(values, OPT_JSON)) {
    return print_json(open->graph, descriptions, err);
  }
  return print_text(open->graph, descriptions, &open->arena, err);
}

static int cmd_plan(const struct lh_command_spec *command, int argc, char **argv) {
  struct lh_options values;
  struct lh_error err = {0};
  struct lh_cli_project open = {0};
  int exit_code = 0;
  if (lh_cli_parse(command, argc, argv, &values, &exit_code)) {
    return exit_code;
  }
  const lh_status status = plan(&values, &open, &err);
  lh_cli_project_clear(&open);
  lh_options_clear(&values);
  return status == LH_OK ? 0 : lh_cli_fail(&err);
}

const struct lh_command lh_cmd_plan = {&spec, cmd_plan};
