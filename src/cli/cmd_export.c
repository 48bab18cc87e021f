/* lakehaul export: one table or query into one Parquet file or a directory of them, without a project. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/export_target.h"
#include "cli/lake.h"
#include "task/extract.h"
#include "task/output.h"
#include "task/task.h"

/* As the project file has it where it says nothing. */
#define LOCK_TIMEOUT_MS 60000

enum {
  OPT_TABLE,
  OPT_QUERY,
  OPT_OUTPUT,
  OPT_COMPRESSION,
  OPT_LIMIT,
  OPT_STREAMS,
  OPT_SPLIT_BY,
  OPT_FILE_SIZE,
  OPT_REPLACE,
  OPT_MEMORY,
  OPT_JSON,
  OPT_QUIET,
  OPT_S3,
  OPT_COUNT = OPT_S3 + LH_CLI_S3_OPTIONS
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
                    .help =
                        "the Parquet file to write, or a directory for part-00000.parquet and so on; either "
                        "may be on S3"},
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
    [OPT_STREAMS] = {.name = "streams",
                     .kind = LH_OPTION_INT,
                     .value_name = "N",
                     .help = "database connections, which write files of their own into a directory",
                     .min = 1,
                     .max = LH_STREAMS_MAX,
                     .default_text = "2"},
    [OPT_SPLIT_BY] = {.name = "split-by",
                      .kind = LH_OPTION_STRING,
                      .value_name = "COLUMN",
                      .help = "the column that divides a view or foreign table among the connections"},
    [OPT_FILE_SIZE] = {.name = "file-size",
                       .kind = LH_OPTION_BYTES,
                       .value_name = "SIZE",
                       .help = "begin another file in the directory past this size",
                       .min = 1 << 20,
                       .max = INT64_MAX,
                       .default_text = "512MB"},
    [OPT_REPLACE] = {.name = "replace",
                     .kind = LH_OPTION_FLAG,
                     .help = "remove the parts that an earlier export left in the directory"},
    [OPT_MEMORY] = {.name = "memory",
                    .kind = LH_OPTION_BYTES,
                    .value_name = "SIZE",
                    .help = "most memory to use",
                    .min = LH_CLI_MEMORY_LEAST_BYTES,
                    .max = INT64_MAX,
                    .default_text = "512MB"},
    [OPT_JSON] = LH_CLI_OPTION_JSON,
    [OPT_QUIET] = {.name = "quiet", .kind = LH_OPTION_FLAG, .help = "no progress, only errors"},
    LH_CLI_OPTIONS_S3(OPT_S3, LH_CLI_FROM_ENVIRONMENT),
};

static const struct lh_command_spec spec = {
    .name = "export",
    .summary = "one table or query into Parquet files, without a project",
    .usage = "lakehaul export URI (--table TABLE | --query SQL) -o FILE|DIR [options]",
    .description =
        "A file appears under its name only when it is whole: written, read back and counted. A directory "
        "gets a file of each connection, and more past --file-size.",
    .examples =
        "  lakehaul export postgres://localhost/shop --table public.orders -o orders.parquet\n"
        "  lakehaul export \"$DATABASE_URL\" --query \"select * from orders where status = 'active'\" -o "
        "active.parquet\n"
        "  lakehaul export \"$DATABASE_URL\" -t users -o out/ --compression \"zstd(9)\"\n"
        "  lakehaul export \"$DATABASE_URL\" -t orders -o s3://bucket/orders/\n",
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
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_USAGE,
               table ? "--table and --query exclude each other" : "either --table or --query is needed");
  lh_error_hint(err, "see \"lakehaul export --help\"");
  return LH_ERROR_USAGE;
}

/* What is asked for, and what has come of it. */
struct export_result {
  struct lh_parquet_writer_options writer_options;
  struct lh_export_target target;
  const struct lh_part *parts;
  size_t part_count;
  uint64_t rows, bytes;
  double seconds;
};

static lh_status read_back(struct export_result *result, struct lh_error *err) {
  for (size_t i = 0; i < result->part_count; i++) {
    struct lh_source *source = NULL;
    LH_TRY(lh_export_target_open_part(&result->target, result->parts[i].name, &source, err));
    const lh_status status = lh_output_check(source, result->parts[i].rows, err);
    result->rows += result->parts[i].rows;
    result->bytes += source->size_bytes;
    lh_source_free(source);
    LH_TRY(status);
  }
  return LH_OK;
}

static lh_status copy_to_parts(struct lh_extraction *extraction, const struct lh_options *values,
                               struct lh_parts *parts, struct lh_arena *arena, struct export_result *result,
                               struct lh_error *err) {
  struct export_progress progress = {0};
  const bool bars = isatty(STDERR_FILENO) && !lh_options_flag(values, OPT_QUIET);
  const struct lh_observer observer = {
      .context = &progress, .progress = bars ? on_progress : NULL, .warning = on_warning};
  lh_task_fit_memory(extraction, (uint64_t)lh_options_int(values, OPT_MEMORY), result->target.store,
                     &result->writer_options, &observer);
  lh_status status = lh_extraction_copy(extraction, parts, &observer, arena, err);
  clear_progress(&progress);
  LH_TRY(status);
  lh_parts_sort(parts);
  result->parts = parts->finished;
  result->part_count = parts->finished_count;
  LH_TRY(read_back(result, err));
  return lh_options_flag(values, OPT_REPLACE)
             ? lh_export_target_remove_others(&result->target, result->parts, result->part_count, err)
             : LH_OK;
}

static lh_status check_streams(const struct lh_options *values, const struct export_result *result,
                               struct lh_error *err) {
  if (result->target.is_directory || !lh_options_given(values, OPT_STREAMS) ||
      lh_options_int(values, OPT_STREAMS) == 1) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_USAGE, "several streams write several files, and %s is one",
               result->target.output);
  lh_error_hint(err, "name a directory: -o %s/", result->target.output);
  return LH_ERROR_USAGE;
}

/* One file is written by one connection, in whatever size. */
static int stream_count(const struct lh_options *values, const struct export_result *result) {
  return result->target.is_directory ? (int)lh_options_int(values, OPT_STREAMS) : 1;
}

static lh_status export_parts(const struct lh_options *values, struct lh_extraction *extraction,
                              struct lh_arena *arena, struct lh_arena *part_arena,
                              struct export_result *result, struct lh_error *err) {
  const struct lh_schema *const schema = &extraction->relation->schema;
  struct lh_parquet_writer_options *const writer_options = &result->writer_options;
  struct lh_parts parts;
  lh_parts_init(&parts, schema, writer_options,
                result->target.is_directory ? (uint64_t)lh_options_int(values, OPT_FILE_SIZE) : 0,
                lh_export_target_create_part, &result->target, part_arena);
  const lh_status status = copy_to_parts(extraction, values, &parts, arena, result, err);
  lh_parts_clear(&parts);
  return status;
}

static lh_status export_rows(const struct lh_options *values, struct lh_arena *arena,
                             struct lh_arena *part_arena, struct lh_interrupt *interrupt,
                             struct export_result *result, struct lh_error *err) {
  LH_TRY(check_options(values, err));
  lh_parquet_writer_options_default(&result->writer_options);
  LH_TRY(lh_codec_parse(lh_options_string(values, OPT_COMPRESSION), &result->writer_options.codec,
                        &result->writer_options.codec_level, err));
  struct lh_aws_settings aws = {0};
  struct lh_s3_settings s3 = {0};
  lh_cli_apply_s3_options(values, OPT_S3, &aws, &s3);
  const struct lh_store_options reached = {
      .create = true, .aws = &aws, .s3 = &s3, .cancelled = &interrupt->is_raised};
  LH_TRY(lh_export_target_open(&result->target, lh_options_string(values, OPT_OUTPUT), &reached, arena, err));
  LH_TRY(check_streams(values, result, err));
  if (!lh_options_flag(values, OPT_REPLACE)) {
    LH_TRY(lh_export_target_check_empty(&result->target, err));
  }
  const struct lh_extract_request request = {
      .source = values->positionals[0],
      .session = {.lock_timeout_ms = LOCK_TIMEOUT_MS},
      .table = lh_options_string(values, OPT_TABLE),
      .query = lh_options_string(values, OPT_QUERY),
      .select = {.limit = lh_options_given(values, OPT_LIMIT) ? lh_options_int(values, OPT_LIMIT) : -1},
      .streams = stream_count(values, result),
      .split_column = lh_options_string(values, OPT_SPLIT_BY),
  };
  struct lh_extraction extraction;
  lh_status status = lh_extraction_open(&extraction, &request, interrupt, arena, err);
  if (status == LH_OK) {
    status = export_parts(values, &extraction, arena, part_arena, result, err);
  }
  lh_extraction_close(&extraction);
  LH_TRY(lh_interrupt_check(interrupt, err));
  return status;
}

static json_t *files_to_json(const struct export_result *result) {
  json_t *const files = json_array();
  for (size_t i = 0; i < result->part_count; i++) {
    json_array_append_new(files, lh_cli_json_text(result->parts[i].name));
  }
  return files;
}

static lh_status print_result(const struct lh_options *values, const struct export_result *result,
                              struct lh_error *err) {
  char rows[32];
  char bytes[32];
  char seconds[32];
  if (lh_options_flag(values, OPT_JSON)) {
    return lh_cli_print_json(
        json_pack("{s:o, s:o, s:I, s:I, s:f}", "file", lh_cli_json_text(result->parts[0].name), "files",
                  files_to_json(result), "rows", (json_int_t)result->rows, "bytes", (json_int_t)result->bytes,
                  "seconds", result->seconds),
        err);
  }
  if (lh_options_flag(values, OPT_QUIET)) {
    return LH_OK;
  }
  if (result->part_count == 1) {
    printf("%s: ", result->parts[0].name);
  } else {
    printf("%s: %zu files, ", result->target.output, result->part_count);
  }
  printf("%s rows, %s in %s\n", lh_str_format_count(result->rows, rows),
         lh_str_format_bytes(result->bytes, bytes), lh_str_format_seconds(result->seconds, seconds));
  return LH_OK;
}

static int cmd_export(const struct lh_command_spec *command, int argc, char **argv) {
  static struct lh_interrupt interrupt; /* lives as long as its waiting thread: as the process */
  struct lh_options values;
  struct lh_error err = {0};
  struct lh_arena arena;
  struct lh_arena part_arena; /* the streams' */
  struct export_result result = {0};
  int exit_code = 0;
  if (lh_cli_parse(command, argc, argv, &values, &exit_code)) {
    return exit_code;
  }
  const uint64_t start_ns = lh_clock_ns();
  lh_arena_init(&arena, 0);
  lh_arena_init(&part_arena, 0);
  lh_status status = lh_interrupt_start(&interrupt, &err);
  if (status == LH_OK) {
    status = export_rows(&values, &arena, &part_arena, &interrupt, &result, &err);
  }
  if (status == LH_OK) {
    result.seconds = lh_clock_seconds_since(start_ns);
    status = print_result(&values, &result, &err);
  }
  lh_export_target_close(&result.target);
  lh_arena_clear(&part_arena);
  lh_arena_clear(&arena);
  lh_options_clear(&values);
  return status == LH_OK ? 0 : lh_cli_fail(&err);
}

const struct lh_command lh_cmd_export = {&spec, cmd_export};
