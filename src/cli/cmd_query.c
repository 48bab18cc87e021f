/* lakehaul query: one SELECT over the lake's tables. */
#include <stdio.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "catalog/local.h"
#include "cli/cli.h"
#include "cli/lake.h"
#include "cli/query_remote.h"
#include "cli/table_format.h"
#include "engine/duckdb.h"
#include "task/interrupt.h"
#include "task/task.h"

enum {
  OPT_PROJECT,
  OPT_LAKE,
  OPT_ENGINE,
  OPT_FORMAT,
  OPT_MEMORY,
  OPT_TIMEOUT,
  OPT_S3,
  OPT_COUNT = OPT_S3 + LH_CLI_S3_OPTIONS
};

#define TIMEOUT_MAX_SECONDS 86400

static const char *const formats[] = {"table", "csv", "json", NULL};
/* In the order of enum lh_engine_kind. */
static const char *const engines[] = {"duckdb", "athena", "trino", NULL};

static const struct lh_option options[OPT_COUNT] = {
    [OPT_PROJECT] = LH_CLI_OPTION_PROJECT,
    [OPT_LAKE] = {.name = "lake",
                  .kind = LH_OPTION_STRING,
                  .value_name = "LAKE",
                  .help = "the lake to read, without a project file: a directory, or s3://bucket/prefix",
                  .fallback = "the project's"},
    [OPT_ENGINE] = {.name = "engine",
                    .short_name = 'e',
                    .kind = LH_OPTION_CHOICE,
                    .value_name = "ENGINE",
                    .help = "what runs the query",
                    .choices = engines,
                    .fallback = "the project's"},
    [OPT_FORMAT] = {.name = "format",
                    .short_name = 'f',
                    .kind = LH_OPTION_CHOICE,
                    .value_name = "FORMAT",
                    .help = "how rows are printed",
                    .choices = formats,
                    .default_text = "table"},
    [OPT_MEMORY] = {.name = "memory",
                    .kind = LH_OPTION_BYTES,
                    .value_name = "SIZE",
                    .help = "most memory for the query on duckdb",
                    .min = LH_CLI_MEMORY_LEAST_BYTES,
                    .max = INT64_MAX,
                    .default_text = "512MB"},
    [OPT_TIMEOUT] = {.name = "timeout",
                     .kind = LH_OPTION_INT,
                     .value_name = "SECONDS",
                     .help = "after so long the query is cancelled, on athena and trino",
                     .min = 1,
                     .max = TIMEOUT_MAX_SECONDS,
                     .fallback = "the project's"},
    LH_CLI_OPTIONS_S3(OPT_S3, "the project's"),
};

static const struct lh_command_spec spec = {
    .name = "query",
    .summary = "query the lake's tables with SQL",
    .usage = "lakehaul query [options] SQL",
    .description =
        "Runs one SELECT on the embedded engine, DuckDB, over the current version of every lake table it "
        "names; or on Athena or Trino, over the tables that their catalog has. Needs no database.",
    .examples =
        "  lakehaul query \"select count(*) from orders\"\n"
        "  lakehaul query --format csv \"select * from users\" > users.csv\n"
        "  lakehaul query --lake ./lake --format json \"select country, sum(amount_usd) from combined_orders "
        "group by 1\"\n"
        "  lakehaul query --lake s3://bucket/lake --aws-profile prod \"select count(*) from orders\"\n"
        "  lakehaul query --engine trino \"select count(*) from orders\"\n",
    .options = options,
    .option_count = OPT_COUNT,
    .positional_name = "SQL",
    .positional_min = 1,
    .positional_max = 1,
    .positional_help = "one SELECT",
};

static lh_status unknown_table(struct lh_store *store, const char *table, struct lh_arena *arena,
                               struct lh_error *err) {
  const char *const *names = NULL;
  size_t count = 0;
  LH_TRY(lh_catalog_list(store, arena, &names, &count, err));
  const lh_status status =
      lh_error_set(err, LH_ERROR_QUERY, "table %s is not in lake %s", table, lh_store_root(store));
  const char *const nearest = lh_str_nearest(table, names, count);
  const char *const all = lh_str_join(names, count, ", ", arena);
  if (nearest != NULL) {
    lh_error_hint(err, "did you mean %s?", nearest);
  } else if (count > 0) {
    lh_error_hint(err, "the lake has: %s", all);
  } else {
    lh_error_hint(err, "the lake has no tables yet; run \"lakehaul run\" first");
  }
  return status;
}

struct finding {
  struct lh_store *store;
  struct lh_arena *arena;
};

static lh_status find_version(void *context, const char *table, const struct lh_lake_version **out,
                              struct lh_error *err) {
  const struct finding *const finding = context;
  struct lh_lake_version *version = NULL;
  LH_TRY(lh_catalog_get(finding->store, table, finding->arena, &version, err));
  *out = version;
  return version != NULL ? LH_OK : unknown_table(finding->store, table, finding->arena, err);
}

/* The tables, and what the views among them read. */
static lh_status add_tables(struct lh_store *store, struct lh_engine *engine,
                            const struct lh_engine_names *tables, struct lh_arena *arena,
                            struct lh_error *err) {
  struct finding finding = {store, arena};
  struct lh_task_input_list list;
  lh_task_inputs_init(&list, arena);
  for (size_t i = 0; i < tables->count; i++) {
    LH_TRY(lh_task_inputs_add(&list, tables->names[i], find_version, &finding, arena, err));
  }
  for (size_t i = 0; i < list.count; i++) {
    LH_TRY(lh_task_add_input(&list.items[i], store, engine, arena, err));
  }
  return LH_OK;
}

static lh_status print_result(struct lh_engine_result *result, enum lh_table_format format,
                              struct lh_interrupt *interrupt, struct lh_error *err) {
  struct lh_table_printer *printer = NULL;
  struct lh_batch batch = {0};
  lh_status status = lh_table_printer_open(stdout, format, lh_engine_result_schema(result), &printer, err);
  if (status == LH_OK) {
    status = lh_batch_init(&batch, lh_engine_result_schema(result), LH_BATCH_ROWS, err);
  }
  while (status == LH_OK) {
    lh_batch_reset(&batch);
    status = lh_engine_fetch(result, &batch, err);
    if (status != LH_OK || batch.row_count == 0) {
      break;
    }
    status = lh_table_printer_rows(printer, &batch, err);
    if (status == LH_OK) {
      status = lh_interrupt_check(interrupt, err);
    }
  }
  if (status == LH_OK) {
    status = lh_table_printer_finish(printer, err);
  }
  lh_table_printer_free(printer);
  lh_batch_clear(&batch);
  return status;
}

static void interrupt_engine(void *target) {
  lh_engine_interrupt(target);
}

static lh_status run_query(const struct lh_options *values, struct lh_store *store, struct lh_engine *engine,
                           struct lh_interrupt *interrupt, struct lh_arena *arena, struct lh_error *err) {
  const char *const sql = values->positionals[0];
  struct lh_engine_names tables = {0};
  lh_interrupt_set(interrupt, interrupt_engine, engine);
  LH_TRY(lh_engine_referenced_tables(engine, sql, arena, &tables, err));
  LH_TRY(add_tables(store, engine, &tables, arena, err));
  struct lh_engine_result *result = NULL;
  LH_TRY(lh_engine_query(engine, sql, &result, err));
  const lh_status status =
      print_result(result, (enum lh_table_format)lh_options_choice(values, OPT_FORMAT), interrupt, err);
  lh_engine_result_free(result);
  return status;
}

static lh_status query_lake(const struct lh_options *values, struct lh_store *store,
                            const char *temp_directory, struct lh_interrupt *interrupt,
                            struct lh_arena *arena, struct lh_error *err) {
  const struct lh_engine_options engine_options = {
      .memory_bytes = (uint64_t)lh_options_int(values, OPT_MEMORY),
      .threads = (int)sysconf(_SC_NPROCESSORS_ONLN),
      .temp_directory = temp_directory,
  };
  struct lh_engine *engine = NULL;
  lh_status status = lh_engine_open(&engine_options, &engine, err);
  if (status == LH_OK) {
    status = run_query(values, store, engine, interrupt, arena, err);
  }
  lh_interrupt_set(interrupt, NULL, NULL);
  if (status == LH_ERROR_MEMORY) {
    lh_error_hint(err, "raise --memory, or make the query hold less at a time");
  }
  lh_engine_free(engine);
  return status;
}

/* Which engine is asked for; `*project` is read where it decides or has what another engine needs. */
static lh_status choose_engine(const struct lh_options *values, struct lh_arena *arena,
                               const struct lh_project **project, enum lh_engine_kind *out,
                               struct lh_error *err) {
  const bool is_chosen = lh_options_given(values, OPT_ENGINE);
  const char *const path = lh_options_string(values, OPT_PROJECT);
  struct lh_project *loaded = NULL;
  *out = is_chosen ? (enum lh_engine_kind)lh_options_choice(values, OPT_ENGINE) : LH_ENGINE_DUCKDB;
  if (*out == LH_ENGINE_DUCKDB &&
      (is_chosen || lh_options_given(values, OPT_LAKE) || access(path, F_OK) != 0)) {
    return LH_OK;
  }
  if (lh_options_given(values, OPT_LAKE)) {
    lh_error_set(err, LH_ERROR_USAGE, "--lake does not go with --engine %s", engines[*out]);
    lh_error_hint(err, "it reads the tables that its catalog has; what it needs is in lakehaul.yaml");
    return LH_ERROR_USAGE;
  }
  LH_TRY(lh_project_load(path, arena, &loaded, err));
  lh_cli_apply_s3_options(values, OPT_S3, &loaded->aws, &loaded->s3);
  *project = loaded;
  *out = is_chosen ? *out : loaded->engine;
  return LH_OK;
}

static lh_status query_elsewhere(const struct lh_options *values, const struct lh_project *project,
                                 enum lh_engine_kind engine, struct lh_interrupt *interrupt,
                                 struct lh_error *err) {
  const struct lh_remote_query remote = {
      .project = project,
      .engine = engine,
      .sql = values->positionals[0],
      .format = (enum lh_table_format)lh_options_choice(values, OPT_FORMAT),
      .timeout_ms = lh_options_int(values, OPT_TIMEOUT) * 1000,
  };
  return lh_cli_query_remote(&remote, interrupt, err);
}

static lh_status query_here(const struct lh_options *values, struct lh_interrupt *interrupt,
                            struct lh_error *err) {
  struct lh_store *store = NULL;
  struct lh_arena arena;
  struct lh_error ignored;
  const char *temp_directory = NULL;
  int keep = 0;
  const struct lh_cli_lake lake = {.lake = lh_options_string(values, OPT_LAKE),
                                   .project_path = lh_options_string(values, OPT_PROJECT),
                                   .values = values,
                                   .s3_options = OPT_S3,
                                   .cancelled = &interrupt->is_raised};
  LH_TRY(lh_cli_lake_open(&lake, &store, &keep, err));
  lh_arena_init(&arena, 0);
  lh_status status = lh_fs_make_temp_directory(&arena, &temp_directory, LH_ERROR_LAKE, err);
  if (status == LH_OK) {
    lh_interrupt_set_give_up(interrupt, lh_cli_give_up, (void *)temp_directory);
    status = query_lake(values, store, temp_directory, interrupt, &arena, err);
    lh_interrupt_set_give_up(interrupt, NULL, NULL);
    const lh_status removed = lh_fs_remove_tree(temp_directory, LH_ERROR_LAKE, &ignored);
    (void)removed; /* a temporary directory that stays does no harm */
  }
  lh_arena_clear(&arena);
  lh_store_free(store);
  return status;
}

static lh_status query(const struct lh_options *values, struct lh_error *err) {
  static struct lh_interrupt interrupt; /* lives as long as its waiting thread: as the process */
  const struct lh_project *project = NULL;
  enum lh_engine_kind engine = LH_ENGINE_DUCKDB;
  struct lh_arena arena;
  LH_TRY(lh_interrupt_start(&interrupt, err));
  lh_arena_init(&arena, 0);
  lh_status status = choose_engine(values, &arena, &project, &engine, err);
  if (status == LH_OK && engine == LH_ENGINE_DUCKDB && lh_options_given(values, OPT_TIMEOUT)) {
    status = lh_error_set(err, LH_ERROR_USAGE, "--timeout is for queries on athena and trino");
    lh_error_hint(err, "Ctrl-C ends one on duckdb");
  }
  if (status == LH_OK) {
    status = engine == LH_ENGINE_DUCKDB ? query_here(values, &interrupt, err)
                                        : query_elsewhere(values, project, engine, &interrupt, err);
  }
  lh_arena_clear(&arena);
  LH_TRY(lh_interrupt_check(&interrupt, err));
  return status;
}

static int cmd_query(const struct lh_command_spec *command, int argc, char **argv) {
  struct lh_options values;
  struct lh_error err = {0};
  int exit_code = 0;
  if (lh_cli_parse(command, argc, argv, &values, &exit_code)) {
    return exit_code;
  }
  const lh_status status = query(&values, &err);
  lh_options_clear(&values);
  return status == LH_OK ? 0 : lh_cli_fail(&err);
}

const struct lh_command lh_cmd_query = {&spec, cmd_query};
