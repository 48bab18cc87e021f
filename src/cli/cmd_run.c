/* lakehaul run: the project's tasks, supervised. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/lake.h"
#include "run/run.h"
#include "run/summary.h"

enum {
  OPT_PROJECT,
  OPT_LAKE,
  OPT_JOBS,
  OPT_STREAMS,
  OPT_MEMORY,
  OPT_LIMIT,
  OPT_ONLY,
  OPT_PARTITION,
  OPT_FULL,
  OPT_FAIL_FAST,
  OPT_VERIFY,
  OPT_JSON,
  OPT_QUIET,
  OPT_S3,
  OPT_COUNT = OPT_S3 + LH_CLI_S3_OPTIONS
};

static const struct lh_option options[OPT_COUNT] = {
    [OPT_PROJECT] = LH_CLI_OPTION_PROJECT,
    [OPT_LAKE] = {.name = "lake",
                  .kind = LH_OPTION_STRING,
                  .value_name = "DIR",
                  .help = "the lake to write to",
                  .fallback = "the project's"},
    [OPT_JOBS] = {.name = "jobs",
                  .short_name = 'j',
                  .kind = LH_OPTION_INT,
                  .value_name = "N",
                  .help = "tasks at a time",
                  .fallback = "the project's",
                  .min = 1,
                  .max = 256},
    [OPT_STREAMS] = {.name = "streams",
                     .kind = LH_OPTION_INT,
                     .value_name = "N",
                     .help = "database connections per table",
                     .fallback = "the project's",
                     .min = 1,
                     .max = 256},
    [OPT_MEMORY] = {.name = "memory",
                    .kind = LH_OPTION_BYTES,
                    .value_name = "SIZE",
                    .help = "ceiling of the whole run: 512MB, 2GB",
                    .fallback = "the project's",
                    .min = LH_CLI_MEMORY_LEAST_BYTES,
                    .max = INT64_MAX},
    [OPT_LIMIT] = {.name = "limit",
                   .kind = LH_OPTION_INT,
                   .value_name = "ROWS",
                   .help = "read at most so many rows of each table, to try a project out",
                   .min = 0,
                   .max = INT64_MAX},
    [OPT_ONLY] = {.name = "only",
                  .kind = LH_OPTION_FLAG,
                  .help = "only the named tasks; what they read is taken from the lake as it is"},
    [OPT_PARTITION] = {.name = "partition",
                       .kind = LH_OPTION_TEXTS,
                       .value_name = "VALUE",
                       .help = "rewrite only this partition of the named tasks: 2026-01-31, or as the lake's "
                               "directories have it, country=de/day=2026-01-31; may be given again"},
    [OPT_FULL] = {.name = "full",
                  .kind = LH_OPTION_FLAG,
                  .help = "rewrite all partitions, whatever a watermark says has changed"},
    [OPT_FAIL_FAST] = {.name = "fail-fast",
                       .kind = LH_OPTION_FLAG,
                       .help = "start nothing more once a task failed"},
    [OPT_VERIFY] = {.name = "verify",
                    .kind = LH_OPTION_FLAG,
                    .help = "compare every table and query with its files, on the same snapshot, and publish "
                            "only what is equal"},
    [OPT_JSON] = LH_CLI_OPTION_JSON,
    [OPT_QUIET] = {.name = "quiet",
                   .short_name = 'q',
                   .kind = LH_OPTION_FLAG,
                   .help = "no progress, only errors"},
    LH_CLI_OPTIONS_S3(OPT_S3, "the project's"),
};

static const struct lh_command_spec spec = {
    .name = "run",
    .summary = "run tasks and what they depend on",
    .usage = "lakehaul run [options] [TASK…]",
    .description =
        "Reads all tables on one snapshot, writes each task's table as a new version and publishes it in one "
        "step. A task that fails leaves its table as it was and does not stop the others; what reads from "
        "it is skipped. Without TASK, all tasks of the project run.",
    .examples =
        "  lakehaul run                          # everything\n"
        "  lakehaul run combined_orders          # one task and what it reads\n"
        "  lakehaul run --only combined_orders   # that task alone, over the lake as it is\n"
        "  lakehaul run events --partition 2026-01-31 --partition 2026-02-01\n"
        "  lakehaul run --verify                 # and prove that files and database agree\n"
        "  lakehaul run --limit 1000 --lake /tmp/try\n"
        "  lakehaul run --lake s3://bucket/lake --aws-profile prod\n"
        "  lakehaul run --json > result.json\n",
    .options = options,
    .option_count = OPT_COUNT,
    .positional_name = "TASK",
    .positional_max = LH_POSITIONAL_ANY,
    .positional_help = "tasks to run",
};

static enum lh_progress_style progress_style(const struct lh_options *values) {
  if (lh_options_flag(values, OPT_QUIET)) {
    return LH_PROGRESS_NONE;
  }
  return isatty(STDERR_FILENO) ? LH_PROGRESS_BARS : LH_PROGRESS_PLAIN;
}

/* --partition is about tasks that are named, and that can read single partitions. */
static lh_status check_partitions(const struct lh_options *values, const struct lh_project *project,
                                  struct lh_error *err) {
  if (values->text_count == 0) {
    return LH_OK;
  }
  if (lh_options_flag(values, OPT_FULL)) {
    return lh_error_set(err, LH_ERROR_USAGE, "--partition and --full exclude each other");
  }
  if (values->positional_count == 0) {
    lh_error_set(err, LH_ERROR_USAGE, "--partition needs the name of a task");
    lh_error_hint(err, "write lakehaul run TASK --partition VALUE");
    return LH_ERROR_USAGE;
  }
  for (size_t i = 0; i < values->positional_count; i++) {
    const struct lh_task_spec *const task = lh_project_find_task(project, values->positionals[i]);
    const bool takes_some =
        task == NULL || (task->partition_by.count > 0 && lh_task_kind_reads_source(task->kind));
    if (!takes_some) {
      lh_error_set(err, LH_ERROR_USAGE, "task %s has no single partitions to rewrite", task->name);
      lh_error_hint(err, !lh_task_kind_reads_source(task->kind)
                             ? "tasks that read the lake are always written whole"
                             : "--partition is for tasks with partition_by");
      return LH_ERROR_USAGE;
    }
    const char *const *ignored = NULL;
    struct lh_arena arena;
    lh_arena_init(&arena, 0);
    lh_status status = LH_OK;
    for (size_t j = 0; j < values->text_count && task != NULL && status == LH_OK; j++) {
      status = lh_partition_parse_path(&task->partition_by, values->texts[j], &arena, &ignored, err);
    }
    lh_arena_clear(&arena);
    LH_TRY(status);
  }
  return LH_OK;
}

static lh_status execute(const struct lh_options *values, struct lh_cli_project *open,
                         struct lh_run_result *result, struct lh_error *err) {
  lh_cli_apply_s3_options(values, OPT_S3, &open->project->aws, &open->project->s3);
  const struct lh_project *const project = open->project;
  LH_TRY(check_partitions(values, project, err));
  LH_TRY(lh_graph_select(open->graph, values->positionals, values->positional_count,
                         lh_options_flag(values, OPT_ONLY), err));
  const char *const lake = lh_options_string(values, OPT_LAKE);
  char working_directory[4096];
  if (getcwd(working_directory, sizeof(working_directory)) == NULL) {
    return lh_error_set(err, LH_ERROR_LAKE, "cannot find the working directory: %s", strerror(errno));
  }
  const struct lh_run_options run = {
      .project = project,
      .project_text = (const char *)open->text.data,
      .graph = open->graph,
      .jobs = lh_options_given(values, OPT_JOBS) ? (int)lh_options_int(values, OPT_JOBS) : project->jobs,
      .streams = lh_options_given(values, OPT_STREAMS) ? (int)lh_options_int(values, OPT_STREAMS) : 0,
      .memory_bytes = lh_options_given(values, OPT_MEMORY) ? (uint64_t)lh_options_int(values, OPT_MEMORY)
                                                           : project->memory_bytes,
      .lake = lake != NULL ? lake : project->lake,
      .lake_base = lake != NULL ? working_directory : project->directory,
      .limit = lh_options_given(values, OPT_LIMIT) ? lh_options_int(values, OPT_LIMIT) : -1,
      .partitions = values->texts,
      .partition_count = values->text_count,
      .partition_tasks = values->positionals,
      .partition_task_count = values->text_count > 0 ? values->positional_count : 0,
      .full = lh_options_flag(values, OPT_FULL),
      .fail_fast = lh_options_flag(values, OPT_FAIL_FAST),
      .verify = lh_options_flag(values, OPT_VERIFY),
      .progress = progress_style(values),
  };
  if (run.limit >= 0 && lake == NULL) {
    lh_log(LH_LOG_WARN,
           "--limit publishes tables of at most %" PRId64 " rows; --lake DIR publishes elsewhere", run.limit);
  }
  return lh_run_execute(&run, &open->arena, result, err);
}

static int cmd_run(const struct lh_command_spec *command, int argc, char **argv) {
  struct lh_options values;
  struct lh_error err = {0};
  struct lh_cli_project open = {0};
  struct lh_run_result result = {0};
  int exit_code = 0;
  if (lh_cli_parse(command, argc, argv, &values, &exit_code)) {
    return exit_code;
  }
  lh_status status = lh_cli_project_open(&open, lh_options_string(&values, OPT_PROJECT), &err);
  if (status == LH_OK) {
    status = execute(&values, &open, &result, &err);
  }
  if (status == LH_OK) {
    exit_code = lh_run_exit_code(&result);
    if (lh_options_flag(&values, OPT_JSON)) {
      status = lh_summary_print_json(&result, open.project->name, stdout, &err);
    } else if (!lh_options_flag(&values, OPT_QUIET)) {
      lh_summary_print(&result, stdout);
      if (result.has_crawl && result.crawl_error.code == LH_OK) {
        lh_summary_print_crawl(&result.crawl, open.project->crawler.name, stdout);
      }
    }
  }
  if (status != LH_OK) {
    exit_code = lh_cli_fail(&err);
  } else if (result.has_crawl && result.crawl_error.code != LH_OK) {
    lh_cli_fail(&result.crawl_error);
  }
  lh_cli_project_clear(&open);
  lh_options_clear(&values);
  return exit_code;
}

const struct lh_command lh_cmd_run = {&spec, cmd_run};
