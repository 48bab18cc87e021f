/* lakehaul verify: the lake's tables against the live database. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cli/cli.h"
#include "cli/lake.h"
#include "cli/verify_report.h"
#include "task/interrupt.h"
#include "task/task.h"

enum {
  OPT_PROJECT,
  OPT_LAKE,
  OPT_MEMORY,
  OPT_JSON,
  OPT_QUIET,
  OPT_S3,
  OPT_COUNT = OPT_S3 + LH_CLI_S3_OPTIONS
};

static const struct lh_option options[OPT_COUNT] = {
    [OPT_PROJECT] = LH_CLI_OPTION_PROJECT,
    [OPT_LAKE] = {.name = "lake",
                  .kind = LH_OPTION_STRING,
                  .value_name = "LAKE",
                  .help = "the lake to verify",
                  .fallback = "the project's"},
    [OPT_MEMORY] = {.name = "memory",
                    .kind = LH_OPTION_BYTES,
                    .value_name = "SIZE",
                    .help = "most memory for reading the lake",
                    .fallback = "the project's",
                    .min = LH_CLI_MEMORY_LEAST_BYTES,
                    .max = INT64_MAX},
    [OPT_JSON] = LH_CLI_OPTION_JSON,
    [OPT_QUIET] = {.name = "quiet",
                   .short_name = 'q',
                   .kind = LH_OPTION_FLAG,
                   .help = "no progress, only results and errors"},
    LH_CLI_OPTIONS_S3(OPT_S3, "the project's"),
};

static const struct lh_command_spec spec = {
    .name = "verify",
    .summary = "compare the lake's tables with the live database",
    .usage = "lakehaul verify [options] [TASK…]",
    .description =
        "Compares rows and, per column, the number of values and a checksum: the database computes its own "
        "in SQL, the files are read back through DuckDB. Where they differ, the column is named, and where "
        "the table has a key, the first rows. What was changed in the database since the table was hauled "
        "differs, too: \"lakehaul run --verify\" compares on the snapshot that is read. Without TASK, all "
        "tables and queries of the project. Exit status 1 when anything differs.",
    .examples =
        "  lakehaul verify\n"
        "  lakehaul verify orders users\n"
        "  lakehaul verify --json > verified.json\n",
    .options = options,
    .option_count = OPT_COUNT,
    .positional_name = "TASK",
    .positional_max = LH_POSITIONAL_ANY,
    .positional_help = "tasks whose tables to verify",
};

/* What all tables of one command share. */
struct verification {
  const struct lh_options *values;
  struct lh_cli_project open;
  struct lh_store *store;
  struct lh_pg_connection *leader; /* holds the snapshot */
  struct lh_pg_snapshot snapshot;
  const char *source;
  const char *temp_directory;
  struct lh_interrupt *interrupt;
  struct lh_verify_report *reports;
  size_t report_count;
};

static lh_status find_version(struct verification *verification, struct lh_verify_report *report,
                              struct lh_error *err) {
  struct lh_lake_version *version = NULL;
  LH_TRY(lh_catalog_get(verification->store, report->task->name, &verification->open.arena, &version, err));
  report->version = version;
  if (version != NULL) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_DATA, "table %s is not in lake %s", report->task->name,
               lh_store_root(verification->store));
  lh_error_hint(err, "run \"lakehaul run %s\" first", report->task->name);
  return LH_ERROR_DATA;
}

static lh_status verify_version(struct verification *verification, struct lh_verify_report *report,
                                struct lh_error *err) {
  const struct lh_options *const values = verification->values;
  struct lh_arena *const arena = &verification->open.arena;
  LH_TRY(find_version(verification, report, err));
  const struct lh_lake_version *const version = report->version;
  struct lh_task_input lake;
  LH_TRY(lh_task_make_input(version, false, arena, &lake, err));
  const struct lh_task_request request = {
      .spec = report->task,
      .source = verification->source,
      .session = lh_task_session(verification->open.project, report->task, arena),
      .store = verification->store,
      .version = version->version,
      .snapshot_id = verification->snapshot.id,
      .snapshot_time = verification->snapshot.time,
      .snapshot_lsn = verification->snapshot.lsn,
      .limit = -1,
      .memory_bytes = lh_options_given(values, OPT_MEMORY) ? (uint64_t)lh_options_int(values, OPT_MEMORY)
                                                           : verification->open.project->memory_bytes,
      .threads = (int)sysconf(_SC_NPROCESSORS_ONLN),
      .temp_directory = verification->temp_directory,
      .interrupt = verification->interrupt,
  };
  return lh_task_verify(&request, &lake, arena, &report->result, err);
}

static void show_progress(const struct verification *verification, size_t number) {
  if (!lh_options_flag(verification->values, OPT_QUIET)) {
    fprintf(stderr, "verifying %s (%zu of %zu)\n", verification->reports[number].task->name, number + 1,
            verification->report_count);
  }
}

/* LH_OK also where the task failed: see its report. */
static lh_status verify_task(struct verification *verification, size_t number, struct lh_error *err) {
  struct lh_verify_report *const report = &verification->reports[number];
  if (!lh_task_kind_reads_source(report->task->kind)) {
    report->state = LH_VERIFY_SKIPPED;
    return LH_OK;
  }
  const uint64_t start_ns = lh_clock_ns();
  show_progress(verification, number);
  const lh_status status = verify_version(verification, report, &report->error);
  report->seconds = lh_clock_seconds_since(start_ns);
  if (status == LH_ERROR_INTERRUPTED) {
    *err = report->error;
    return status;
  }
  report->state = status != LH_OK          ? LH_VERIFY_FAILED
                  : report->result.differs ? LH_VERIFY_DIFFERENT
                                           : LH_VERIFY_EQUAL;
  return LH_OK;
}

static lh_status open_all(struct verification *verification, struct lh_error *err) {
  const struct lh_options *const values = verification->values;
  struct lh_cli_project *const open = &verification->open;
  LH_TRY(lh_cli_project_open(open, lh_options_string(values, OPT_PROJECT), err));
  LH_TRY(lh_graph_select(open->graph, values->positionals, values->positional_count, true, err));
  lh_cli_apply_s3_options(values, OPT_S3, &open->project->aws, &open->project->s3);
  const char *const lake = lh_options_string(values, OPT_LAKE);
  const struct lh_store_options lake_options = {.base_dir = lake != NULL ? "." : open->project->directory,
                                                .aws = &open->project->aws,
                                                .s3 = &open->project->s3,
                                                .cancelled = &verification->interrupt->is_raised};
  LH_TRY(lh_store_open(lake != NULL ? lake : open->project->lake, &lake_options, &verification->store, err));
  LH_TRY(lh_project_get_source(open->project, &verification->source, err));
  LH_TRY(lh_fs_make_temp_directory(&open->arena, &verification->temp_directory, LH_ERROR_LAKE, err));
  lh_interrupt_set_give_up(verification->interrupt, lh_cli_give_up, (void *)verification->temp_directory);
  verification->reports = LH_ARENA_ARRAY(&open->arena, struct lh_verify_report, open->graph->node_count);
  if (verification->reports == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < open->graph->node_count; i++) {
    if (open->graph->nodes[i].selected) {
      verification->reports[verification->report_count++].task = open->graph->nodes[i].task;
    }
  }
  LH_TRY(lh_pg_connect(verification->source, &verification->leader, err));
  return lh_pg_export_snapshot(verification->leader, &verification->snapshot, err);
}

static lh_status verify_all(struct verification *verification, struct lh_error *err) {
  LH_TRY(open_all(verification, err));
  for (size_t i = 0; i < verification->report_count; i++) {
    LH_TRY(verify_task(verification, i, err));
    if (!lh_options_flag(verification->values, OPT_JSON)) {
      lh_verify_report_print(&verification->reports[i], &verification->open.arena);
      fflush(stdout);
    }
  }
  return LH_OK;
}

static lh_status print_json(const struct verification *verification, bool good, struct lh_error *err) {
  json_t *const tasks = json_array();
  for (size_t i = 0; i < verification->report_count; i++) {
    json_array_append_new(tasks, lh_verify_report_to_json(&verification->reports[i]));
  }
  return lh_cli_print_json(
      json_pack("{s:s, s:s, s:i, s:{s:s, s:s}, s:o}", "project", verification->open.project->name, "status",
                good ? "equal" : "differs", "exit_status", good ? 0 : 1, "snapshot", "time",
                verification->snapshot.time, "lsn", verification->snapshot.lsn, "tasks", tasks),
      err);
}

/* The error that the command ends with, where not everything is equal. */
static lh_status conclude(const struct verification *verification, struct lh_error *err) {
  size_t differing = 0;
  size_t failed = 0;
  const struct lh_verify_report *first = NULL;
  for (size_t i = 0; i < verification->report_count; i++) {
    const struct lh_verify_report *const report = &verification->reports[i];
    const bool differs = report->state == LH_VERIFY_DIFFERENT;
    const bool failure = report->state == LH_VERIFY_FAILED;
    differing += differs ? 1 : 0;
    failed += failure ? 1 : 0;
    if (first == NULL && (differs || failure)) {
      first = report;
    }
  }
  if (first == NULL) {
    return LH_OK;
  }
  if (differing > 0) {
    lh_error_set(err, LH_ERROR_DATA, "%zu of %zu tables differ%s", differing, verification->report_count,
                 failed > 0 ? ", others failed" : "");
    if (first->state == LH_VERIFY_DIFFERENT) {
      lh_error_hint(err,
                    "the lake has %s as of %s: what was changed since differs; \"lakehaul run --verify\" "
                    "compares on one snapshot",
                    first->task->name, first->version->snapshot_time);
    }
    return LH_ERROR_DATA;
  }
  lh_error_set(err, LH_ERROR_DATA, "%zu of %zu tables could not be verified", failed,
               verification->report_count);
  lh_error_hint(err, "%s", first->error.hint);
  return LH_ERROR_DATA;
}

static lh_status verify(struct verification *verification, struct lh_error *err) {
  struct lh_error difference = {0};
  LH_TRY(verify_all(verification, err));
  const lh_status concluded = conclude(verification, &difference);
  if (lh_options_flag(verification->values, OPT_JSON)) {
    LH_TRY(print_json(verification, concluded == LH_OK, err));
  }
  if (concluded != LH_OK) {
    *err = difference;
  }
  return concluded;
}

static void clear(struct verification *verification) {
  struct lh_error ignored;
  lh_pg_disconnect(verification->leader);
  lh_store_free(verification->store);
  if (verification->temp_directory != NULL) {
    lh_interrupt_set_give_up(verification->interrupt, NULL, NULL);
    const lh_status removed = lh_fs_remove_tree(verification->temp_directory, LH_ERROR_LAKE, &ignored);
    (void)removed; /* a temporary directory that stays does no harm */
  }
  lh_cli_project_clear(&verification->open);
}

static int cmd_verify(const struct lh_command_spec *command, int argc, char **argv) {
  static struct lh_interrupt interrupt; /* lives as long as its waiting thread: as the process */
  struct lh_options values;
  struct lh_error err = {0};
  int exit_code = 0;
  if (lh_cli_parse(command, argc, argv, &values, &exit_code)) {
    return exit_code;
  }
  struct verification verification = {.values = &values, .interrupt = &interrupt};
  lh_status status = lh_interrupt_start(&interrupt, &err);
  if (status == LH_OK) {
    status = verify(&verification, &err);
  }
  clear(&verification);
  lh_options_clear(&values);
  return status == LH_OK ? 0 : lh_cli_fail(&err);
}

const struct lh_command lh_cmd_verify = {&spec, cmd_verify};
