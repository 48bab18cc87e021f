/* Publication in whatever catalog the project has: Glue is checked, the pointer moves, Glue follows; and the
 * way back where it cannot. */
#include "run/catalogs.h"

#include <string.h>

#include "codec/codec.h"

lh_status lh_catalogs_open(const struct lh_project *project, struct lh_store *store,
                           const atomic_bool *cancelled, bool create, struct lh_catalogs *out,
                           struct lh_error *err) {
  bool found = false;
  *out = (struct lh_catalogs){.project = project, .store = store};
  if (project->catalog == LH_CATALOG_LOCAL) {
    return LH_OK;
  }
  if (strncmp(lh_store_root(store), "s3://", 5) != 0) {
    lh_error_set(err, LH_ERROR_USAGE, "catalog %s needs a lake on S3, and %s is not",
                 project->catalog == LH_CATALOG_GLUE ? "glue" : "crawler", lh_store_root(store));
    lh_error_hint(err, "leave --lake out, or write catalog: local");
    return LH_ERROR_USAGE;
  }
  if (project->catalog == LH_CATALOG_CRAWLER) {
    return LH_OK;
  }
  const struct lh_glue_options options = {
      .aws = &project->aws, .glue = &project->glue, .cancelled = cancelled};
  LH_TRY(lh_glue_open(&options, &out->glue, err));
  return create ? lh_glue_find_database(out->glue, true, &found, err) : LH_OK;
}

void lh_catalogs_close(struct lh_catalogs *catalogs) {
  lh_glue_free(catalogs->glue);
  catalogs->glue = NULL;
}

struct lh_glue_request lh_catalogs_glue_request(const struct lh_catalogs *catalogs,
                                                const struct lh_task_spec *task) {
  return (struct lh_glue_request){
      .store = catalogs->store,
      .table = task->name,
      .compression = lh_codec_name(task->codec),
      .adopt = catalogs->project->glue.adopt,
      .has_index = task->partition_index,
      .projection = task->projection,
      .view = {.catalog =
                   catalogs->project->trino.url != NULL ? catalogs->project->trino.catalog : "awsdatacatalog",
               .schema = catalogs->project->glue.database},
  };
}

/* Projection knows one place for all partitions. */
static lh_status check_partial(const struct lh_task_spec *task, bool partial, struct lh_error *err) {
  if (!partial || task->projection == NULL) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_USAGE,
               "the partitions of table %s are projected, and can only be rewritten together", task->name);
  lh_error_hint(err, "run it without --partition, or leave partition_projection out of the task");
  return LH_ERROR_USAGE;
}

lh_status lh_catalogs_check(struct lh_catalogs *catalogs, const struct lh_task_spec *task, bool partial,
                            struct lh_error *err) {
  enum lh_glue_standing standing = LH_GLUE_MISSING;
  if (catalogs->glue == NULL) {
    return LH_OK;
  }
  LH_TRY(check_partial(task, partial, err));
  const struct lh_glue_request request = lh_catalogs_glue_request(catalogs, task);
  return lh_glue_check_owner_of(catalogs->glue, &request, &standing, err);
}

/* -------- the way back -------- */

/* Glue shows what the pointer says again; a table of which there is no pointer is one that this publication
 * made. */
static lh_status put_glue_back(struct lh_catalogs *catalogs, const struct lh_glue_request *request,
                               const struct lh_lake_version *version, struct lh_arena *arena, bool *shown,
                               struct lh_error *err) {
  struct lh_lake_version *before = NULL;
  bool dropped = false;
  *shown = true;
  LH_TRY(lh_glue_shows_version(catalogs->glue, catalogs->store, version, shown, err));
  if (!*shown) {
    return LH_OK;
  }
  LH_TRY(lh_catalog_get(catalogs->store, version->table, arena, &before, err));
  if (before != NULL) {
    LH_TRY(lh_glue_sync_table(catalogs->glue, request, err));
  } else {
    LH_TRY(lh_glue_drop_table(catalogs->glue, version->table, &dropped, err));
  }
  *shown = false;
  return LH_OK;
}

/* What was published is taken back; `err` keeps why. */
static void withdraw(struct lh_catalogs *catalogs, const struct lh_glue_request *request,
                     const struct lh_publication *publication, struct lh_arena *arena,
                     struct lh_catalogs_outcome *out, struct lh_error *err) {
  struct lh_error problem = {0};
  const lh_status status = lh_catalog_withdraw(catalogs->store, publication, &problem);
  if (status != LH_OK) {
    /* Then the pointer names the files, or somebody who published meanwhile keeps them as an earlier version.
     */
    out->files_stay = true;
    lh_error_hint(err, "the table's pointer could not be put back (%.200s): run the task again",
                  problem.message);
    return;
  }
  const lh_status back =
      put_glue_back(catalogs, request, publication->current, arena, &out->files_stay, &problem);
  if (back != LH_OK) {
    lh_error_hint(
        err,
        "Glue may show some of what was not published, whose files stay for that; run the task again "
        "once Glue answers");
  } else if (err->hint[0] == '\0') {
    lh_error_hint(err, "nothing was published: the lake and Glue show what they showed before");
  }
}

/* -------- publication -------- */

const char *lh_catalogs_unreadable_column(const struct lh_task_spec *task) {
  for (size_t i = 0; i < task->settings_count; i++) {
    const enum lh_cast cast = task->settings[i].cast;
    if (cast == LH_CAST_UUID || cast == LH_CAST_TIME) {
      return task->settings[i].column;
    }
  }
  return NULL;
}

static lh_status warn_of_column(const struct lh_task_spec *task, struct lh_arena *arena,
                                struct lh_catalogs_outcome *out, struct lh_error *err) {
  const char *const column = lh_catalogs_unreadable_column(task);
  if (column == NULL) {
    return LH_OK;
  }
  out->warning = lh_arena_printf(
      arena, "column \"%s\" is written as Parquet's own type, which Athena cannot read", column);
  return out->warning != NULL ? LH_OK : lh_error_memory(err);
}

static lh_status warn(const char *text, const struct lh_error *cause, struct lh_arena *arena,
                      struct lh_catalogs_outcome *out, struct lh_error *err) {
  out->warning = lh_arena_printf(arena, "%s: %s", text, cause->message);
  return out->warning != NULL ? LH_OK : lh_error_memory(err);
}

static lh_status publish_in_glue(struct lh_catalogs *catalogs, const struct lh_task_spec *task,
                                 const struct lh_lake_version *version, struct lh_arena *arena,
                                 struct lh_catalogs_outcome *out, struct lh_error *err) {
  const struct lh_glue_request request = lh_catalogs_glue_request(catalogs, task);
  struct lh_publication publication;
  struct lh_error index_error;
  LH_TRY(check_partial(task, version->is_partial, err));
  LH_TRY(lh_glue_check_table(catalogs->glue, &request, version, err));
  LH_TRY(lh_catalog_publish_merged(catalogs->store, version, arena, &publication, err));
  const lh_status status = lh_glue_sync_table(catalogs->glue, &request, err);
  if (status != LH_OK) {
    withdraw(catalogs, &request, &publication, arena, out, err);
    return status;
  }
  out->current = publication.current;
  if (lh_glue_ensure_index(catalogs->glue, &request, out->current, &index_error) != LH_OK) {
    return warn("its partitions have no index in Glue", &index_error, arena, out, err);
  }
  return warn_of_column(task, arena, out, err);
}

lh_status lh_catalogs_publish(struct lh_catalogs *catalogs, const struct lh_task_spec *task,
                              const struct lh_lake_version *version, struct lh_arena *arena,
                              struct lh_catalogs_outcome *out, struct lh_error *err) {
  struct lh_publication publication;
  *out = (struct lh_catalogs_outcome){0};
  if (catalogs->glue != NULL) {
    return publish_in_glue(catalogs, task, version, arena, out, err);
  }
  LH_TRY(lh_catalog_publish_merged(catalogs->store, version, arena, &publication, err));
  out->current = publication.current;
  struct lh_error left;
  if (catalogs->project->catalog == LH_CATALOG_CRAWLER &&
      lh_catalog_settle(catalogs->store, version->table, &left) != LH_OK) {
    return warn("what it replaced is still there, and a crawler finds both", &left, arena, out, err);
  }
  return LH_OK;
}
