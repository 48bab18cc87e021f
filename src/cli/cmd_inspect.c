/* lakehaul inspect: what the footer of a Parquet file says of it. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/inspect.h"

enum { OPT_ROW_GROUPS, OPT_JSON, OPT_COUNT };

static const struct lh_option options[OPT_COUNT] = {
    [OPT_ROW_GROUPS] = {.name = "row-groups",
                        .kind = LH_OPTION_FLAG,
                        .help = "the columns of every row group, instead of their sums"},
    [OPT_JSON] = {.name = "json",
                  .kind = LH_OPTION_FLAG,
                  .help = "print everything as JSON on standard output, every row group included"},
};

static const struct lh_command_spec spec = {
    .name = "inspect",
    .summary = "show schema, row groups, encodings and statistics of a Parquet file",
    .usage = "lakehaul inspect [options] FILE",
    .description =
        "Reads the footer alone, of files that any program wrote. Prints a line per column: codec, "
        "encodings, "
        "values, nulls, sizes before and after compression, least and greatest value.",
    .examples =
        "  lakehaul inspect orders.parquet\n"
        "  lakehaul inspect --row-groups orders.parquet\n"
        "  lakehaul inspect --json orders.parquet | jq '.row_groups[].columns[] | {path, "
        "compressed_bytes}'\n",
    .options = options,
    .option_count = OPT_COUNT,
    .positional_name = "FILE",
    .positional_min = 1,
    .positional_max = 1,
    .positional_help = "the Parquet file",
};

/* A file that cannot be read or understood is a failed inspection, not an unreachable lake. */
static lh_status read_footer(const char *path, struct lh_arena *arena, struct lh_parquet_footer **footer,
                             struct lh_error *err) {
  struct lh_source *source = NULL;
  lh_status status = lh_file_source_open(path, &source, err);
  if (status == LH_OK) {
    status = lh_parquet_footer_read(source, arena, footer, err);
  }
  if (status == LH_OK) {
    status = lh_inspect_check_depth(*footer, path, err);
  }
  lh_source_free(source);
  if (status == LH_ERROR_LAKE || status == LH_ERROR_UNSUPPORTED) {
    err->code = LH_ERROR_DATA;
    status = LH_ERROR_DATA;
  }
  return status;
}

static lh_status inspect(const struct lh_options *values, struct lh_arena *arena, struct lh_error *err) {
  const char *const path = values->positionals[0];
  struct lh_parquet_footer *footer = NULL;
  LH_TRY(lh_cli_expect_local(path, err));
  LH_TRY(read_footer(path, arena, &footer, err));
  if (lh_options_flag(values, OPT_JSON)) {
    return lh_inspect_print_json(path, footer, err);
  }
  return lh_inspect_print_text(path, footer, lh_options_flag(values, OPT_ROW_GROUPS), err);
}

static int cmd_inspect(const struct lh_command_spec *command, int argc, char **argv) {
  struct lh_options values;
  struct lh_error err = {0};
  struct lh_arena arena;
  int exit_code = 0;
  if (lh_cli_parse(command, argc, argv, &values, &exit_code)) {
    return exit_code;
  }
  lh_arena_init(&arena, 0);
  const lh_status status = inspect(&values, &arena, &err);
  lh_arena_clear(&arena);
  lh_options_clear(&values);
  return status == LH_OK ? 0 : lh_cli_fail(&err);
}

const struct lh_command lh_cmd_inspect = {&spec, cmd_inspect};
