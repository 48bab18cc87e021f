/* lakehaul export: one table or query into one Parquet file, without a project. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/cli.h"
#include "task/extract.h"
#include "task/output.h"

enum {
  OPT_TABLE,
  OPT_QUERY,
  OPT_OUTPUT,
  OPT_COMPRESSION,
  OPT_LIMIT,
  OPT_MEMORY,
  OPT_JSON,
  OPT_QUIET,
  OPT_COUNT
};

static const struct lh_option options[OPT_COUNT] = {
    [OPT_TABLE] = {.name = "table",
                   .short_name = 't',
                   .kind = LH_OPTION_STRING,
                   .value_name = "TABLE",
                   .help = "the table, view or partitioned table to read: public.orders"},
    [OPT_QUERY] = {.name = "query",
                   .short_name = 'q',
                   .kind = LH_OPTION_STRING,
                   .value_name = "SQL",
                   .help = "a query that the database runs, instead of --table"},
    [OPT_OUTPUT] = {.name = "output",
                    .short_name = 'o',
                    .kind = LH_OPTION_STRING,
                    .required = true,
                    .value_name = "FILE|DIR",
                    .help = "the Parquet file to write, or a directory for part-00000.parquet"},
    [OPT_COMPRESSION] = {.name = "compression",
                         .kind = LH_OPTION_STRING,
                         .value_name = "CODEC",
                         .help = "zstd, snappy, gzip, lz4_raw or none; a level in parentheses: \"zstd(9)\"",
                         .default_text = "zstd"},
    [OPT_LIMIT] = {.name = "limit",
                   .kind = LH_OPTION_INT,
                   .value_name = "ROWS",
                   .help = "at most so many rows",
                   .min = 0,
                   .max = INT64_MAX},
    [OPT_MEMORY] = {.name = "memory",
                    .kind = LH_OPTION_BYTES,
                    .value_name = "SIZE",
                    .help = "most memory to use",
                    .min = LH_CLI_MEMORY_LEAST_BYTES,
                    .max = INT64_MAX,
                    .default_text = "512MB"},
    [OPT_JSON] = LH_CLI_OPTION_JSON,
    [OPT_QUIET] = {.name = "quiet", .kind = LH_OPTION_FLAG, .help = "no progress, only errors"},
};

static const struct lh_command_spec spec = {
    .name = "export",
    .summary = "one table or query into one Parquet file, without a project",
    .usage = "lakehaul export URI (--table TABLE | --query SQL) -o FILE|DIR [options]",
    .description = "The file appears under its name only when it is whole: written, read back and counted.",
    .examples =
        "  lakehaul export postgres://localhost/shop --table public.orders -o orders.parquet\n"
        "  lakehaul export \"$DATABASE_URL\" --query \"select * from orders where status = 'active'\" -o "
        "active.parquet\n"
        "  lakehaul export \"$DATABASE_URL\" -t users -o out/ --compression \"zstd(9)\"\n",
    .options = options,
    .option_count = OPT_COUNT,
    .positional_name = "URI",
    .positional_min = 1,
    .positional_max = 1,
    .positional_help = "PostgreSQL connection URI or conninfo string",
};

struct export_progress {
  uint64_t last_ns;
  bool drawn;
};

static void on_progress(void *context, uint64_t rows, uint64_t bytes_read) {
  struct export_progress *const progress = context;
  const uint64_t now = lh_clock_ns();
  if (now - progress->last_ns < UINT64_C(100000000)) {
    return;
  }
  char rows_text[32];
  char bytes_text[32];
  progress->last_ns = now;
  progress->drawn = true;
  fprintf(stderr, "\r\033[2K  %s rows  %s", lh_str_format_count(rows, rows_text),
          lh_str_format_bytes(bytes_read, bytes_text));
}

static void clear_progress(struct export_progress *progress) {
  if (progress->drawn) {
    fputs("\r\033[2K", stderr);
    progress->drawn = false;
  }
}

static void on_warning(void *context, const char *message) {
  clear_progress(context);
  lh_cli_warn("%s", message);
}

static lh_status check_options(const struct lh_options *values, struct lh_error *err) {
  const bool table = lh_options_given(values, OPT_TABLE);
  if (table != lh_options_given(values, OPT_QUERY)) {
    return lh_cli_expect_local(lh_options_string(values, OPT_OUTPUT), err);
  }
  lh_error_set(err, LH_ERROR_USAGE,
               table ? "--table and --query exclude each other" : "either --table or --query is needed");
  lh_error_hint(err, "see \"lakehaul export --help\"");
  return LH_ERROR_USAGE;
}

static const char *output_path(const char *output, struct lh_arena *arena) {
  const size_t length = strlen(output);
  if (lh_fs_is_directory(output) || (length > 0 && output[length - 1] == '/')) {
    return lh_path_join(output, "part-00000.parquet", arena);
  }
  return lh_arena_strdup(arena, output);
}

struct export_result {
  const char *path;
  uint64_t rows, bytes;
  double seconds;
};

static lh_status copy_to_file(struct lh_extraction *extraction, const struct lh_options *values,
                              const struct lh_parquet_writer_options *writer_options,
                              struct export_result *result, struct lh_error *err) {
  struct export_progress progress = {0};
  const bool bars = isatty(STDERR_FILENO) && !lh_options_flag(values, OPT_QUIET);
  const struct lh_observer observer = {
      .context = &progress, .progress = bars ? on_progress : NULL, .warning = on_warning};
  struct lh_sink *sink = NULL;
  struct lh_source *source = NULL;
  LH_TRY(lh_file_sink_create(result->path, &sink, err));
  const lh_status copied =
      lh_extraction_copy(extraction, writer_options, sink, &observer, &result->rows, err);
  clear_progress(&progress);
  LH_TRY(copied);
  LH_TRY(lh_file_source_open(result->path, &source, err));
  result->bytes = source->size_bytes;
  const lh_status status = lh_output_check(source, result->rows, err);
  lh_source_free(source);
  return status;
}

static lh_status export_rows(const struct lh_options *values, struct lh_arena *arena,
                             struct lh_interrupt *interrupt, struct export_result *result,
                             struct lh_error *err) {
  LH_TRY(check_options(values, err));
  struct lh_parquet_writer_options writer_options;
  lh_parquet_writer_options_default(&writer_options);
  LH_TRY(lh_codec_parse(lh_options_string(values, OPT_COMPRESSION), &writer_options.codec,
                        &writer_options.codec_level, err));
  lh_output_fit_memory(&writer_options, (uint64_t)lh_options_int(values, OPT_MEMORY));
  result->path = output_path(lh_options_string(values, OPT_OUTPUT), arena);
  if (result->path == NULL) {
    return lh_error_memory(err);
  }
  const struct lh_extract_request request = {
      .source = values->positionals[0],
      .table = lh_options_string(values, OPT_TABLE),
      .query = lh_options_string(values, OPT_QUERY),
      .select = {.limit = lh_options_given(values, OPT_LIMIT) ? lh_options_int(values, OPT_LIMIT) : -1},
  };
  struct lh_extraction extraction;
  lh_status status = lh_extraction_open(&extraction, &request, interrupt, arena, err);
  if (status == LH_OK) {
    status = copy_to_file(&extraction, values, &writer_options, result, err);
  }
  lh_extraction_close(&extraction);
  LH_TRY(lh_interrupt_check(interrupt, err));
  return status;
}

static lh_status print_result(const struct lh_options *values, const struct export_result *result,
                              struct lh_error *err) {
  char rows[32];
  char bytes[32];
  char seconds[32];
  if (lh_options_flag(values, OPT_JSON)) {
    return lh_cli_print_json(
        json_pack("{s:o, s:I, s:I, s:f}", "file", lh_cli_json_text(result->path), "rows",
                  (json_int_t)result->rows, "bytes", (json_int_t)result->bytes, "seconds", result->seconds),
        err);
  }
  if (!lh_options_flag(values, OPT_QUIET)) {
    printf("%s: %s rows, %s in %s\n", result->path, lh_str_format_count(result->rows, rows),
           lh_str_format_bytes(result->bytes, bytes), lh_str_format_seconds(result->seconds, seconds));
  }
  return LH_OK;
}

static int cmd_export(const struct lh_command_spec *command, int argc, char **argv) {
  static struct lh_interrupt interrupt; /* lives as long as its waiting thread: as the process */
  struct lh_options values;
  struct lh_error err = {0};
  struct lh_arena arena;
  struct export_result result = {0};
  int exit_code = 0;
  if (lh_cli_parse(command, argc, argv, &values, &exit_code)) {
    return exit_code;
  }
  const uint64_t start_ns = lh_clock_ns();
  lh_arena_init(&arena, 0);
  lh_status status = lh_interrupt_start(&interrupt, &err);
  if (status == LH_OK) {
    status = export_rows(&values, &arena, &interrupt, &result, &err);
  }
  if (status == LH_OK) {
    result.seconds = lh_clock_seconds_since(start_ns);
    status = print_result(&values, &result, &err);
  }
  lh_arena_clear(&arena);
  lh_options_clear(&values);
  return status == LH_OK ? 0 : lh_cli_fail(&err);
}

const struct lh_command lh_cmd_export = {&spec, cmd_export};
