/* lakehaul gc: old versions and what failed runs left behind; tables that are dropped. */
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "base/str.h"
#include "catalog/local.h"
#include "cli/cli.h"
#include "cli/gc_drop.h"
#include "cli/lake.h"

enum {
  OPT_PROJECT,
  OPT_LAKE,
  OPT_KEEP,
  OPT_DROP,
  OPT_DROP_REMOVED,
  OPT_FORCE,
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
    [OPT_DROP] = {.name = "drop",
                  .kind = LH_OPTION_TEXTS,
                  .value_name = "TABLE",
                  .help = "take this table or view out of the lake and its catalog, and nothing else; may be "
                          "given again"},
    [OPT_DROP_REMOVED] = {.name = "drop-removed",
                          .kind = LH_OPTION_FLAG,
                          .help = "the same with every table that no task of the project makes"},
    [OPT_FORCE] = {.name = "force",
                   .kind = LH_OPTION_FLAG,
                   .help = "drop tables even if tasks or views read them"},
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
        "older one finish, and removes files that were never published. What Glue points to stays, too. "
        "Refuses to "
        "work while a run writes to the lake.\n\n"
        "Tables whose task was taken out of the project are listed, and dropped only on demand: out of Glue "
        "first, "
        "then the lake's pointer, then the files. Where tasks or views read them, they are named and nothing "
        "is "
        "dropped, but with --force.",
    .examples =
        "  lakehaul gc --dry-run               # what would go\n"
        "  lakehaul gc\n"
        "  lakehaul gc --lake ./lake --keep 1  # nothing but current versions stays\n"
        "  lakehaul gc --drop old_orders --dry-run\n",
    .options = options,
    .option_count = OPT_COUNT,
};

/* What was opened; cleared in any case. */
struct gc {
  const struct lh_options *values;
  struct lh_cli_project open; /* where the lake is the project's */
  struct lh_store *store;
  struct lh_store_lock *lock;
  struct lh_catalogs catalogs;
  int keep;
  bool dry_run;
  struct lh_catalog_gc_result result;
  struct lh_gc_drop drop;
};

static bool drops(const struct gc *gc) {
  return lh_options_given(gc->values, OPT_DROP) || lh_options_flag(gc->values, OPT_DROP_REMOVED);
}

static lh_status check_options(const struct gc *gc, struct lh_error *err) {
  const bool has_project = !lh_options_given(gc->values, OPT_LAKE);
  if (drops(gc) && !has_project) {
    lh_error_set(err, LH_ERROR_USAGE, "tables are dropped with the project at hand, not with --lake");
    lh_error_hint(err, "what reads a table is found in the project and its catalog: leave --lake out");
    return LH_ERROR_USAGE;
  }
  if (!has_project && !lh_options_given(gc->values, OPT_KEEP)) {
    return lh_error_set(err, LH_ERROR_USAGE,
                        "--lake needs --keep: how many versions of each table are to stay");
  }
  if (lh_options_flag(gc->values, OPT_FORCE) && !drops(gc)) {
    return lh_error_set(err, LH_ERROR_USAGE, "--force is for --drop and --drop-removed");
  }
  return LH_OK;
}

static lh_status open_lake(struct gc *gc, struct lh_error *err) {
  const struct lh_cli_lake lake = {.lake = lh_options_string(gc->values, OPT_LAKE),
                                   .project_path = lh_options_string(gc->values, OPT_PROJECT),
                                   .values = gc->values,
                                   .s3_options = OPT_S3};
  bool locked = false;
  LH_TRY(lh_cli_lake_open(&lake, &gc->store, &gc->keep, err));
  if (lh_options_given(gc->values, OPT_KEEP)) {
    gc->keep = (int)lh_options_int(gc->values, OPT_KEEP);
  }
  if (!lh_options_given(gc->values, OPT_LAKE)) {
    LH_TRY(lh_cli_project_open(&gc->open, lh_options_string(gc->values, OPT_PROJECT), err));
    lh_cli_apply_s3_options(gc->values, OPT_S3, &gc->open.project->aws, &gc->open.project->s3);
    LH_TRY(lh_catalogs_open(gc->open.project, gc->store, NULL, false, &gc->catalogs, err));
  }
  LH_TRY(lh_store_lock(gc->store, LH_CATALOG_RUN_LOCK, true, false, &gc->lock, &locked, err));
  if (!locked) {
    lh_error_set(err, LH_ERROR_LAKE, "a run is writing to lake %s", lh_store_root(gc->store));
    lh_error_hint(err, "run gc again once it has ended");
    return LH_ERROR_LAKE;
  }
  return LH_OK;
}

static lh_status list_pinned(void *context, const char *table, struct lh_arena *arena,
                             const char *const **out, size_t *count, struct lh_error *err) {
  const struct lh_catalogs *const catalogs = context;
  return lh_glue_list_places(catalogs->glue, catalogs->store, table, arena, out, count, err);
}

static lh_status collect(struct gc *gc, struct lh_error *err) {
  const struct lh_catalog_gc_options how = {
      .keep = gc->keep,
      .dry_run = gc->dry_run,
      .pinned = gc->catalogs.glue != NULL ? list_pinned : NULL,
      .context = &gc->catalogs,
  };
  if (gc->open.project != NULL) {
    LH_TRY(lh_gc_drop_list_removed(&gc->drop, err));
  }
  return lh_catalog_gc(gc->store, &how, &gc->result, err);
}

static lh_status run(struct gc *gc, struct lh_error *err) {
  LH_TRY(check_options(gc, err));
  LH_TRY(open_lake(gc, err));
  gc->drop = (struct lh_gc_drop){
      .tables = gc->values->texts,
      .table_count = lh_options_given(gc->values, OPT_DROP) ? gc->values->text_count : 0,
      .removed_too = lh_options_flag(gc->values, OPT_DROP_REMOVED),
      .force = lh_options_flag(gc->values, OPT_FORCE),
      .dry_run = gc->dry_run,
      .graph = gc->open.graph,
      .catalogs = &gc->catalogs,
      .arena = &gc->open.arena,
  };
  return drops(gc) ? lh_gc_drop_tables(&gc->drop, err) : collect(gc, err);
}

static void print_text(const struct lh_catalog_gc_result *result, const struct lh_gc_drop *drop,
                       bool dry_run) {
  char bytes[32];
  printf("%s %" PRIu64 " old versions and %" PRIu64 " leftovers: %" PRIu64 " files, %s\n",
         dry_run ? "would remove" : "removed", result->versions, result->leftovers, result->files,
         lh_str_format_bytes(result->bytes, bytes));
  if (result->uploads > 0) {
    printf("%s %" PRIu64 " unfinished upload%s\n", dry_run ? "would abort" : "aborted", result->uploads,
           result->uploads == 1 ? "" : "s");
  }
  if (drop->removed_count > 0) {
    printf("no task makes: ");
    for (size_t i = 0; i < drop->removed_count; i++) {
      printf("%s%s", i > 0 ? ", " : "", drop->removed[i]);
    }
    printf(" (--drop takes them out)\n");
  }
}

static lh_status print_json(const struct lh_catalog_gc_result *result, const struct lh_gc_drop *drop,
                            bool dry_run, struct lh_error *err) {
  json_t *const removed = json_array();
  for (size_t i = 0; i < drop->removed_count; i++) {
    json_array_append_new(removed, json_string(drop->removed[i]));
  }
  return lh_cli_print_json(json_pack("{s:o, s:b, s:I, s:I, s:I, s:I, s:I}", "without_task", removed,
                                     "dry_run", dry_run, "uploads", (json_int_t)result->uploads, "versions",
                                     (json_int_t)result->versions, "leftovers", (json_int_t)result->leftovers,
                                     "files", (json_int_t)result->files, "bytes", (json_int_t)result->bytes),
                           err);
}

static lh_status print(const struct gc *gc, struct lh_error *err) {
  const bool as_json = lh_options_flag(gc->values, OPT_JSON);
  if (drops(gc)) {
    return lh_gc_drop_print(&gc->drop, as_json, err);
  }
  if (as_json) {
    return print_json(&gc->result, &gc->drop, gc->dry_run, err);
  }
  print_text(&gc->result, &gc->drop, gc->dry_run);
  return LH_OK;
}

static int cmd_gc(const struct lh_command_spec *command, int argc, char **argv) {
  struct lh_options values;
  struct lh_error err = {0};
  int exit_code = 0;
  if (lh_cli_parse(command, argc, argv, &values, &exit_code)) {
    return exit_code;
  }
  struct gc gc = {.values = &values, .dry_run = lh_options_flag(&values, OPT_DRY_RUN)};
  lh_status status = run(&gc, &err);
  if (status == LH_OK) {
    status = print(&gc, &err);
  }
  lh_store_unlock(gc.lock);
  lh_catalogs_close(&gc.catalogs);
  lh_store_free(gc.store);
  lh_cli_project_clear(&gc.open);
  lh_options_clear(&values);
  return status == LH_OK ? 0 : lh_cli_fail(&err);
}

const struct lh_command lh_cmd_gc = {&spec, cmd_gc};
