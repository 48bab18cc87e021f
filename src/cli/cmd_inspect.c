/* lakehaul inspect: what the footer of a Parquet file says of it. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/inspect.h"
#include "cli/lake.h"

#define HTTP_NOT_FOUND 404

enum { OPT_ROW_GROUPS, OPT_PAGES, OPT_JSON, OPT_S3, OPT_COUNT = OPT_S3 + LH_CLI_S3_OPTIONS };

static const struct lh_option options[OPT_COUNT] = {
    [OPT_ROW_GROUPS] = {.name = "row-groups",
                        .kind = LH_OPTION_FLAG,
                        .help = "the columns of every row group, instead of their sums"},
    [OPT_PAGES] = {.name = "pages",
                   .kind = LH_OPTION_FLAG,
                   .help = "the pages of every row group, as the page index has them"},
    [OPT_JSON] = {.name = "json",
                  .kind = LH_OPTION_FLAG,
                  .help = "print everything as JSON on standard output, every row group included"},
    LH_CLI_OPTIONS_S3(OPT_S3, LH_CLI_FROM_ENVIRONMENT),
};

static const struct lh_command_spec spec = {
    .name = "inspect",
    .summary = "show schema, row groups, encodings and statistics of a Parquet file",
    .usage = "lakehaul inspect [options] FILE",
    .description =
        "Reads the footer, of files that any program wrote, and with --pages the page index. Prints a line "
        "per "
        "column: codec, encodings, values, nulls, sizes before and after compression, whether it has a page "
        "index, the size of its bloom filters, least and greatest value.",
    .examples =
        "  lakehaul inspect orders.parquet\n"
        "  lakehaul inspect --row-groups orders.parquet\n"
        "  lakehaul inspect s3://bucket/lake/orders/part-00000.parquet   # reads the footer alone\n"
        "  lakehaul inspect --json orders.parquet | jq '.row_groups[].columns[] | {path, "
        "compressed_bytes}'\n",
    .options = options,
    .option_count = OPT_COUNT,
    .positional_name = "FILE",
    .positional_min = 1,
    .positional_max = 1,
    .positional_help = "the Parquet file, or s3://bucket/key",
};

static lh_status inspect_source(const struct lh_options *values, struct lh_source *source,
                                struct lh_arena *arena, struct lh_error *err) {
  const char *const path = values->positionals[0];
  struct lh_parquet_footer *footer = NULL;
  LH_TRY(lh_parquet_footer_read(source, arena, &footer, err));
  LH_TRY(lh_inspect_check_depth(footer, path, err));
  const struct lh_inspection inspection = {.path = path,
                                           .footer = footer,
                                           .pages_of = lh_options_flag(values, OPT_PAGES) ? source : NULL,
                                           .all_row_groups = lh_options_flag(values, OPT_ROW_GROUPS)};
  return lh_options_flag(values, OPT_JSON) ? lh_inspect_print_json(&inspection, err)
                                           : lh_inspect_print_text(&inspection, err);
}

/* A file that cannot be read or understood is a failed inspection, not an unreachable lake. */
static lh_status as_failed_inspection(struct lh_error *err) {
  err->code = LH_ERROR_DATA;
  return LH_ERROR_DATA;
}

static lh_status inspect_object(const struct lh_options *values, struct lh_arena *arena,
                                struct lh_error *err) {
  struct lh_store *store = NULL;
  struct lh_source *source = NULL;
  const char *key = NULL;
  LH_TRY(lh_cli_object_open(values->positionals[0], values, OPT_S3, NULL, &store, &key, err));
  lh_status status = lh_store_open_object(store, key, &source, err);
  if (status == LH_OK) {
    status = inspect_source(values, source, arena, err);
  }
  lh_source_free(source);
  lh_store_free(store);
  const bool is_missing = status == LH_ERROR_LAKE && err->http_status == HTTP_NOT_FOUND;
  return is_missing || status == LH_ERROR_UNSUPPORTED ? as_failed_inspection(err) : status;
}

static lh_status inspect_file(const struct lh_options *values, struct lh_arena *arena, struct lh_error *err) {
  struct lh_source *source = NULL;
  lh_status status = lh_file_source_open(values->positionals[0], &source, err);
  if (status == LH_OK) {
    status = inspect_source(values, source, arena, err);
  }
  lh_source_free(source);
  return status == LH_ERROR_LAKE || status == LH_ERROR_UNSUPPORTED ? as_failed_inspection(err) : status;
}

static lh_status inspect(const struct lh_options *values, struct lh_arena *arena, struct lh_error *err) {
  bool is_on_s3 = false;
  LH_TRY(lh_cli_is_on_s3(values->positionals[0], &is_on_s3, err));
  return is_on_s3 ? inspect_object(values, arena, err) : inspect_file(values, arena, err);
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
