/* lakehaul check: the project file against the rules and the live database. */
#include <stdio.h>

#include "base/str.h"
#include "catalog/local.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/lake.h"
#include "run/catalogs.h"

enum { OPT_PROJECT, OPT_OFFLINE, OPT_COUNT };

static const struct lh_option options[OPT_COUNT] = {
    [OPT_PROJECT] = LH_CLI_OPTION_PROJECT,
    [OPT_OFFLINE] = {.name = "offline",
                     .kind = LH_OPTION_FLAG,
                     .help = "look at the files alone, not at the database or S3"},
};

static const struct lh_command_spec spec = {
    .name = "check",
    .summary = "validate the project and compare it with the live database",
    .usage = "lakehaul check [options]",
    .description =
        "Reads the project file and the SQL files it names, finds the order of tasks, and asks the database "
        "whether every table, column and query is there. Asks Glue, where that is the catalog, which tables "
        "are there. Moves no data. Exit status 0 when a run can "
        "start, 1 when the database or the lake lacks something, 2 when the project file is wrong.",
    .examples =
        "  lakehaul check\n"
        "  lakehaul check --offline                          # in CI, without a database\n"
        "  lakehaul check --project examples/shop/lakehaul.yaml\n",
    .options = options,
    .option_count = OPT_COUNT,
};

/* A problem is reported as it is found, so that one run of check shows all of them. */
struct findings {
  size_t problems;
  lh_status status; /* what the command ends with */
};

static void report_problem(struct findings *findings, const struct lh_project *project,
                           const struct lh_task_spec *task, const struct lh_error *problem) {
  findings->problems++;
  findings->status = problem->code == LH_ERROR_SOURCE ? LH_ERROR_SOURCE : findings->status;
  fprintf(stderr, "%s:%d: task %s: %s\n", project->path, task->line, task->name, problem->message);
  if (problem->hint[0] != '\0') {
    fprintf(stderr, "hint: %s\n", problem->hint);
  }
}

static void report_task(const struct lh_graph_node *node, const struct lh_description *description) {
  const struct lh_task_spec *const task = node->task;
  char rows[32];
  if (!lh_task_kind_reads_source(task->kind)) {
    const size_t tables = node->dependency_count + node->external_count;
    const bool is_elsewhere = task->engine != LH_ENGINE_DUCKDB;
    printf("%s: %s%s%s, reads %zu table%s\n", task->name, lh_task_spec_kind_name(task),
           is_elsewhere ? " on " : "", is_elsewhere ? lh_engine_kind_name(task->engine) : "", tables,
           tables == 1 ? "" : "s");
    return;
  }
  printf("%s: %zu column%s, %s%s rows\n", task->name, description->column_count,
         description->column_count == 1 ? "" : "s", description->estimated_rows >= 0 ? "about " : "",
         description->estimated_rows >= 0 ? lh_str_format_count((uint64_t)description->estimated_rows, rows)
                                          : "an unknown number of");
  for (size_t i = 0; i < description->text_count; i++) {
    lh_cli_warn("task %s: column \"%s\" is carried over as text", task->name, description->text_columns[i]);
  }
}

static lh_status compare_with_database(struct lh_cli_project *open, struct findings *findings,
                                       struct lh_error *err) {
  struct lh_description *descriptions = NULL;
  LH_TRY(lh_describe_tasks(open->project, open->graph, &open->arena, &descriptions, err));
  for (size_t i = 0; i < open->graph->node_count; i++) {
    const struct lh_graph_node *const node = &open->graph->nodes[i];
    if (descriptions[i].status != LH_OK) {
      report_problem(findings, open->project, node->task, &descriptions[i].error);
    } else {
      report_task(node, &descriptions[i]);
    }
  }
  return LH_OK;
}

/* A table that a SQL task reads and no task makes must be in the lake already. `store` is NULL where there is
 * no lake yet. */
static lh_status check_external_table(struct lh_cli_project *open, struct lh_store *store,
                                      const struct lh_task_spec *task, const char *table,
                                      struct findings *findings, struct lh_error *err) {
  struct lh_lake_version *version = NULL;
  if (store != NULL) {
    LH_TRY(lh_catalog_get(store, table, &open->arena, &version, err));
  }
  if (version != NULL) {
    return LH_OK;
  }
  struct lh_error problem;
  lh_error_set(&problem, LH_ERROR_PROJECT,
               "it reads table %s, which no task makes and the lake does not have", table);
  const char *const nearest = lh_cli_nearest_task(open->project, table, &open->arena);
  if (nearest != NULL) {
    lh_error_hint(&problem, "did you mean %s?", nearest);
  } else {
    lh_error_hint(&problem, "add a task %s", table);
  }
  report_problem(findings, open->project, task, &problem);
  return LH_OK;
}

/* A directory that is not there yet is no mistake; a lake on S3 that cannot be reached is one. */
static lh_status open_lake(const struct lh_cli_project *open, bool is_on_s3, struct lh_store **out,
                           struct lh_error *err) {
  const struct lh_store_options lake = {
      .base_dir = open->project->directory, .aws = &open->project->aws, .s3 = &open->project->s3};
  const lh_status status = lh_store_open(open->project->lake, &lake, out, err);
  return is_on_s3 ? status : LH_OK;
}

static lh_status check_external_tables(struct lh_cli_project *open, bool offline, struct findings *findings,
                                       struct lh_error *err) {
  struct lh_store *store = NULL;
  const bool is_on_s3 = lh_cli_names_s3(open->project->lake);
  if (is_on_s3 && offline) {
    return LH_OK;
  }
  lh_status status = open_lake(open, is_on_s3, &store, err);
  for (size_t i = 0; i < open->graph->node_count; i++) {
    const struct lh_graph_node *const node = &open->graph->nodes[i];
    const bool is_elsewhere = node->task->engine != LH_ENGINE_DUCKDB; /* with other tables than the lake's */
    for (size_t j = 0; j < node->external_count && !is_elsewhere && status == LH_OK; j++) {
      status = check_external_table(open, store, node->task, node->external_tables[j], findings, err);
    }
  }
  lh_store_free(store);
  return status;
}

/* What a run would make in Glue, and what it would be refused. */
static lh_status check_tables_in_glue(struct lh_cli_project *open, struct lh_catalogs *catalogs,
                                      struct findings *findings, const char **made, struct lh_error *err) {
  *made = "";
  for (size_t i = 0; i < open->project->task_count; i++) {
    const struct lh_task_spec *const task = &open->project->tasks[i];
    const struct lh_glue_request request = lh_catalogs_glue_request(catalogs, task);
    enum lh_glue_standing standing = LH_GLUE_MISSING;
    struct lh_error problem = {0};
    if (lh_glue_check_owner_of(catalogs->glue, &request, &standing, &problem) != LH_OK) {
      if (standing != LH_GLUE_FOREIGN) {
        *err = problem;
        return err->code;
      }
      report_problem(findings, open->project, task, &problem);
    }
    if (standing == LH_GLUE_MISSING) {
      *made = lh_arena_printf(&open->arena, "%s%s%s", *made, (*made)[0] != '\0' ? ", " : "", task->name);
    }
    if (*made == NULL) {
      return lh_error_memory(err);
    }
    const char *const column = lh_catalogs_unreadable_column(task);
    if (column != NULL) {
      lh_cli_warn("task %s: column \"%s\" is written as Parquet's own type, which Athena cannot read",
                  task->name, column);
    }
  }
  return LH_OK;
}

static lh_status ask_glue(struct lh_cli_project *open, struct lh_catalogs *catalogs,
                          struct findings *findings, struct lh_error *err) {
  const char *made = "";
  bool found = false;
  LH_TRY(lh_glue_find_database(catalogs->glue, false, &found, err));
  LH_TRY(check_tables_in_glue(open, catalogs, findings, &made, err));
  printf("glue: database %s%s%s%s\n", open->project->glue.database, found ? "" : " would be made",
         made[0] != '\0' ? "; tables that would be made: " : "", made);
  return LH_OK;
}

static lh_status check_glue(struct lh_cli_project *open, struct findings *findings, struct lh_error *err) {
  struct lh_store *store = NULL;
  struct lh_catalogs catalogs = {0};
  if (open->project->catalog != LH_CATALOG_GLUE) {
    return LH_OK;
  }
  LH_TRY(open_lake(open, true, &store, err));
  lh_status status = lh_catalogs_open(open->project, store, NULL, false, &catalogs, err);
  if (status == LH_OK) {
    status = ask_glue(open, &catalogs, findings, err);
  }
  lh_catalogs_close(&catalogs);
  lh_store_free(store);
  return status;
}

static lh_status check(const struct lh_options *values, struct lh_cli_project *open, struct lh_error *err) {
  struct findings findings = {.status = LH_ERROR_DATA};
  const bool offline = lh_options_flag(values, OPT_OFFLINE);
  LH_TRY(lh_cli_project_open(open, lh_options_string(values, OPT_PROJECT), err));
  LH_TRY(check_external_tables(open, offline, &findings, err));
  if (!offline) {
    LH_TRY(compare_with_database(open, &findings, err));
    LH_TRY(check_glue(open, &findings, err));
  }
  if (findings.problems > 0) {
    return lh_error_set(err, findings.status, "%s: %zu problem%s found", open->project->path,
                        findings.problems, findings.problems == 1 ? "" : "s");
  }
  printf("%s: %zu task%s, no problem found%s\n", open->project->path, open->project->task_count,
         open->project->task_count == 1 ? "" : "s", offline ? "; not compared with the database" : "");
  return LH_OK;
}

static int cmd_check(const struct lh_command_spec *command, int argc, char **argv) {
  struct lh_options values;
  struct lh_error err = {0};
  struct lh_cli_project open = {0};
  int exit_code = 0;
  if (lh_cli_parse(command, argc, argv, &values, &exit_code)) {
    return exit_code;
  }
  const lh_status status = check(&values, &open, &err);
  lh_cli_project_clear(&open);
  lh_options_clear(&values);
  return status == LH_OK ? 0 : lh_cli_fail(&err);
}

const struct lh_command lh_cmd_check = {&spec, cmd_check};
