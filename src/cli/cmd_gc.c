/* lakehaul gc: old versions and what failed runs left behind. */
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "base/str.h"
#include "catalog/local.h"
#include "cli/cli.h"
#include "cli/lake.h"

enum {
  OPT_PROJECT,
  OPT_LAKE,
  OPT_KEEP,
  OPT_DRY_RUN,
  OPT_JSON,
  OPT_S3,
  OPT_COUNT = OPT_S3 + LH_CLI_S3_OPTIONS
};

static const struct lh_option options[OPT_COUNT] = {
    [OPT_PROJECT] = LH_CLI_OPTION_PROJECT,
    [OPT_LAKE] = {.name = "lake",
                  .kind = LH_OPTION_STRING,
                  .value_name = "LAKE",
                  .help = "the lake to clean up, without a project file; needs --keep",
                  .fallback = "the project's"},
    [OPT_KEEP] = {.name = "keep",
                  .kind = LH_OPTION_INT,
                  .value_name = "N",
                  .help = "versions of each table to leave",
                  .fallback = "the project's",
                  .min = 1,
                  .max = 1000000},
    [OPT_DRY_RUN] = {.name = "dry-run",
                     .short_name = 'n',
                     .kind = LH_OPTION_FLAG,
                     .help = "remove nothing, only count"},
    [OPT_JSON] = LH_CLI_OPTION_JSON,
    LH_CLI_OPTIONS_S3(OPT_S3, "the project's"),
};

static const struct lh_command_spec spec = {
    .name = "gc",
    .summary = "remove old versions and leftovers from the lake",
    .usage = "lakehaul gc [options]",
    .description =
        "Leaves the newest versions of each table, as many as `keep` says, so that queries that began on an "
        "older "
        "one finish, and removes files that were never published. Refuses to work while a run writes to the "
        "lake.",
    .examples =
        "  lakehaul gc --dry-run               # what would go\n"
        "  lakehaul gc\n"
        "  lakehaul gc --lake ./lake --keep 1  # nothing but current versions stays\n",
    .options = options,
    .option_count = OPT_COUNT,
};

static lh_status collect(const struct lh_options *values, struct lh_catalog_gc_result *result,
                         struct lh_error *err) {
  struct lh_store *store = NULL;
  struct lh_store_lock *lock = NULL;
  bool locked = false;
  int keep = 0;
  const struct lh_cli_lake lake = {.lake = lh_options_string(values, OPT_LAKE),
                                   .project_path = lh_options_string(values, OPT_PROJECT),
                                   .values = values,
                                   .s3_options = OPT_S3};
  LH_TRY(lh_cli_lake_open(&lake, &store, &keep, err));
  keep = lh_options_given(values, OPT_KEEP) ? (int)lh_options_int(values, OPT_KEEP) : keep;
  lh_status status = LH_OK;
  if (keep == 0) {
    status =
        lh_error_set(err, LH_ERROR_USAGE, "--lake needs --keep: how many versions of each table are to stay");
  }
  if (status == LH_OK) {
    status = lh_store_lock(store, LH_CATALOG_RUN_LOCK, true, false, &lock, &locked, err);
  }
  if (status == LH_OK && !locked) {
    status = lh_error_set(err, LH_ERROR_LAKE, "a run is writing to lake %s", lh_store_root(store));
    lh_error_hint(err, "run gc again once it has ended");
  }
  if (status == LH_OK) {
    status = lh_catalog_gc(store, keep, lh_options_flag(values, OPT_DRY_RUN), result, err);
  }
  lh_store_unlock(lock);
  lh_store_free(store);
  return status;
}

static void print_text(const struct lh_catalog_gc_result *result, bool dry_run) {
  char bytes[32];
  printf("%s %" PRIu64 " old versions and %" PRIu64 " leftovers: %" PRIu64 " files, %s\n",
         dry_run ? "would remove" : "removed", result->versions, result->leftovers, result->files,
         lh_str_format_bytes(result->bytes, bytes));
  if (result->uploads > 0) {
    printf("%s %" PRIu64 " unfinished upload%s\n", dry_run ? "would abort" : "aborted", result->uploads,
           result->uploads == 1 ? "" : "s");
  }
}

static lh_status print_json(const struct lh_catalog_gc_result *result, bool dry_run, struct lh_error *err) {
  return lh_cli_print_json(
      json_pack("{s:b, s:I, s:I, s:I, s:I, s:I}", "dry_run", dry_run, "uploads", (json_int_t)result->uploads,
                "versions", (json_int_t)result->versions, "leftovers", (json_int_t)result->leftovers, "files",
                (json_int_t)result->files, "bytes", (json_int_t)result->bytes),
      err);
}

static int cmd_gc(const struct lh_command_spec *command, int argc, char **argv) {
  struct lh_options values;
  struct lh_error err = {0};
  struct lh_catalog_gc_result result = {0};
  int exit_code = 0;
  if (lh_cli_parse(command, argc, argv, &values, &exit_code)) {
    return exit_code;
  }
  const bool dry_run = lh_options_flag(&values, OPT_DRY_RUN);
  lh_status status = collect(&values, &result, &err);
  if (status == LH_OK && lh_options_flag(&values, OPT_JSON)) {
    status = print_json(&result, dry_run, &err);
  } else if (status == LH_OK) {
    print_text(&result, dry_run);
  }
  lh_options_clear(&values);
  return status == LH_OK ? 0 : lh_cli_fail(&err);
}

const struct lh_command lh_cmd_gc = {&spec, cmd_gc};
