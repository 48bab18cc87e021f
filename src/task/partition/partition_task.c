/* Partitions of a task: keys bound to its schema, which of them are read, where their files go. */
#include "task/partition/partition_task.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "catalog/local.h"
#include "postgres/types/decode.h"
#include "task/partition/partition_select.h"

#define PATH_MAX_BYTES ((size_t)4 << 10)

/* -------- where files go -------- */

static lh_status create_in_partition(void *context, const char *path, uint32_t number, struct lh_arena *arena,
                                     const char **name, struct lh_sink **out, struct lh_error *err) {
  const struct lh_task_request *const request = ((const struct lh_task_partitions *)context)->request;
  const struct lh_catalog_part part = {.table = request->spec->name,
                                       .path = path,
                                       .version = request->version,
                                       .number = number,
                                       .is_flat = request->spec->catalog == LH_CATALOG_CRAWLER};
  *name = lh_catalog_part_key(&part, arena);
  return *name != NULL ? lh_store_create(request->store, *name, out, err) : lh_error_memory(err);
}

static void remove_part(void *context, const char *name) {
  const struct lh_task_partitions *const partitions = context;
  struct lh_error ignored;
  uint64_t files = 0;
  uint64_t bytes = 0;
  /* What stays belongs to no version and is gone with the next gc. */
  const lh_status removed =
      lh_store_delete_prefix(partitions->request->store, name, &files, &bytes, &ignored);
  (void)removed;
}

static lh_status make_path(const struct lh_partition_plan *plan, const char *const *values,
                           struct lh_arena *arena, const char **out, struct lh_error *err) {
  struct lh_buf path;
  lh_buf_init(&path, PATH_MAX_BYTES);
  lh_status status = LH_OK;
  for (size_t i = 0; i < plan->by.count && status == LH_OK; i++) {
    status = lh_partition_append_directory(plan->by.keys[i].name, values[i], &path, err);
  }
  if (status == LH_OK) {
    *out = lh_arena_strndup(arena, (const char *)path.data, path.len);
    status = *out != NULL ? LH_OK : lh_error_memory(err);
  }
  lh_buf_clear(&path);
  return status;
}

/* A table without rows is a partition of NULLs without rows, so that it has a schema. */
static lh_status create_without_rows(void *context, uint32_t number, struct lh_arena *arena,
                                     const char **name, struct lh_sink **out, struct lh_error *err) {
  const struct lh_task_partitions *const partitions = context;
  const char *const values[LH_PARTITION_MAX_KEYS] = {NULL};
  const char *path = NULL;
  LH_TRY(make_path(&partitions->plan, values, arena, &path, err));
  return create_in_partition(context, path, number, arena, name, out, err);
}

void lh_task_parts_init(struct lh_parts *parts, const struct lh_task_request *request,
                        const struct lh_parquet_writer_options *options,
                        struct lh_task_partitions *partitions, const struct lh_schema *schema,
                        struct lh_arena *arena) {
  if (partitions == NULL) {
    lh_parts_init(parts, schema, options, request->spec->file_bytes, lh_task_create_part, (void *)request,
                  arena);
    return;
  }
  lh_parts_init(parts, &partitions->plan.file_schema, options, request->spec->file_bytes, create_without_rows,
                partitions, arena);
  parts->partitioning = &partitions->partitioning;
}

/* A column that names partitions is the same in all rows of a file, and sorts nothing there. */
static lh_status fit_order(const struct lh_partition_plan *plan, struct lh_arena *arena,
                           struct lh_parquet_writer_options *options, struct lh_error *err) {
  struct lh_sorted_field *const sorted =
      LH_ARENA_ARRAY(arena, struct lh_sorted_field, options->sort_column_count);
  size_t count = 0;
  if (sorted == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < options->sort_column_count; i++) {
    for (size_t j = 0; j < plan->file_schema.field_count; j++) {
      if (plan->stored[j] == options->sort_columns[i].field) {
        sorted[count] = options->sort_columns[i];
        sorted[count++].field = j;
      }
    }
  }
  options->sort_columns = sorted;
  options->sort_column_count = count;
  return LH_OK;
}

lh_status lh_task_partitions_fit_options(const struct lh_task_partitions *partitions, struct lh_arena *arena,
                                         struct lh_parquet_writer_options *options, struct lh_error *err) {
  const struct lh_partition_plan *const plan = &partitions->plan;
  const size_t count = plan->file_schema.field_count;
  LH_TRY(fit_order(plan, arena, options, err));
  if (options->columns == NULL) {
    return LH_OK;
  }
  struct lh_parquet_column_options *const columns =
      LH_ARENA_ARRAY(arena, struct lh_parquet_column_options, count);
  if (columns == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    columns[i] = options->columns[plan->stored[i]];
  }
  options->columns = columns;
  return LH_OK;
}

/* -------- which partitions -------- */

lh_status lh_task_partitions_init(struct lh_task_partitions *partitions,
                                  const struct lh_task_request *request, struct lh_arena *arena,
                                  struct lh_task_result *result, struct lh_error *err) {
  *partitions = (struct lh_task_partitions){.request = request};
  if (lh_partition_plan_make(&request->spec->partition_by, &result->schema, arena, &partitions->plan, err) !=
      LH_OK) {
    snprintf(err->table, sizeof(err->table), "%s", request->spec->name);
    return err->code;
  }
  LH_TRY(lh_partition_plan_describe(&partitions->plan, arena, &result->partition_keys, err));
  result->partition_key_count = partitions->plan.by.count;
  partitions->partitioning = (struct lh_partitioning){
      .plan = &partitions->plan,
      .create = create_in_partition,
      .remove = remove_part,
      .context = partitions,
      .temp_directory = request->temp_directory,
  };
  return LH_OK;
}

static bool changes_files(const struct lh_task_result *result) {
  for (size_t i = 0; i < result->change_count; i++) {
    if (result->changes[i].kind != LH_SCHEMA_REDECLARED) {
      return true;
    }
  }
  return false;
}

/* Why the published table cannot keep some of its partitions; NULL where it can. */
static const char *why_whole(const struct lh_lake_version *published, const struct lh_task_result *result) {
  const struct lh_lake_version written = {.partition_keys = result->partition_keys,
                                          .partition_key_count = result->partition_key_count};
  if (published == NULL) {
    return "it is not published yet";
  }
  if (!lh_catalog_same_partitioning(published, &written)) {
    return "it is published with other partitions";
  }
  return changes_files(result) ? "its columns are not the published ones" : NULL;
}

static lh_status name_choice(const struct lh_task_partitions *partitions, struct lh_arena *arena,
                             struct lh_partition_choice *out, struct lh_error *err) {
  const struct lh_task_request *const request = partitions->request;
  out->values = LH_ARENA_ARRAY(arena, const char *const *, request->partition_count);
  if (out->values == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < request->partition_count; i++) {
    LH_TRY(
        lh_partition_parse_path(&partitions->plan.by, request->partitions[i], arena, &out->values[i], err));
  }
  out->count = request->partition_count;
  return LH_OK;
}

static lh_status narrow(struct lh_task_partitions *partitions, const struct lh_partition_choice *choice,
                        struct lh_pg_connection *connection, struct lh_pg_relation *relation,
                        struct lh_arena *arena, struct lh_task_result *result, struct lh_error *err) {
  const char *condition = NULL;
  const char **const paths = LH_ARENA_ARRAY(arena, const char *, choice->count);
  if (paths == NULL) {
    return lh_error_memory(err);
  }
  lh_map_init(&partitions->only, arena);
  for (size_t i = 0; i < choice->count; i++) {
    LH_TRY(make_path(&partitions->plan, choice->values[i], arena, &paths[i], err));
    LH_TRY(lh_map_put(&partitions->only, paths[i], partitions, err));
  }
  LH_TRY(lh_partition_make_condition(relation, &partitions->plan, choice, arena, &condition, err));
  LH_TRY(lh_pg_narrow_relation(connection, relation, condition, arena, err));
  partitions->partitioning.only = &partitions->only;
  result->is_partial = true;
  result->replaces = paths;
  result->replaces_count = choice->count;
  return LH_OK;
}

static lh_status choose_named(struct lh_task_partitions *partitions, const struct lh_lake_version *published,
                              struct lh_pg_connection *connection, struct lh_pg_relation *relation,
                              struct lh_arena *arena, struct lh_task_result *result, struct lh_error *err) {
  struct lh_partition_choice choice = {0};
  const char *const reason = why_whole(published, result);
  if (reason != NULL) {
    lh_error_set(err, LH_ERROR_DATA, "no single partitions of %s can be written: %s",
                 partitions->request->spec->name, reason);
    lh_error_hint(err, "run it once without --partition");
    return LH_ERROR_DATA;
  }
  result->watermark_column = published->watermark_column;
  result->watermark = published->watermark;
  LH_TRY(name_choice(partitions, arena, &choice, err));
  return narrow(partitions, &choice, connection, relation, arena, result, err);
}

static void tell_whole(const struct lh_task_partitions *partitions, const char *reason) {
  char message[256];
  snprintf(message, sizeof(message), "all partitions are rewritten: %s", reason);
  lh_observer_warning(partitions->request->observer, message);
}

static lh_status choose_changed(struct lh_task_partitions *partitions,
                                const struct lh_lake_version *published, struct lh_pg_connection *connection,
                                struct lh_pg_relation *relation, struct lh_arena *arena,
                                struct lh_task_result *result, struct lh_error *err) {
  const struct lh_task_request *const request = partitions->request;
  const char *const watermark = request->spec->watermark;
  const char *const reason = why_whole(published, result);
  struct lh_partition_choice choice = {0};
  bool all = request->full;
  if (request->limit >= 0) {
    return LH_OK;
  }
  result->watermark_column = watermark;
  LH_TRY(lh_partition_find_watermark(connection, relation, watermark, arena, &result->watermark, err));
  if (!all && reason != NULL) {
    all = true;
    if (published != NULL) {
      tell_whole(partitions, reason);
    }
  }
  if (all || strcmp(published->watermark_column, watermark) != 0 || published->watermark[0] == '\0') {
    return LH_OK;
  }
  LH_TRY(lh_partition_find_changed(connection, relation, &partitions->plan, watermark, published->watermark,
                                   arena, &choice, &all, err));
  if (all) {
    return LH_OK;
  }
  if (result->watermark[0] == '\0') {
    result->watermark = published->watermark;
  }
  return narrow(partitions, &choice, connection, relation, arena, result, err);
}

static bool has_geometries(const struct lh_pg_relation *relation) {
  for (size_t i = 0; i < relation->column_count; i++) {
    if (relation->columns[i].decoder->geometries != NULL) {
      return true;
    }
  }
  return false;
}

lh_status lh_task_partitions_choose(struct lh_task_partitions *partitions,
                                    struct lh_pg_connection *connection, struct lh_pg_relation *relation,
                                    struct lh_arena *arena, struct lh_task_result *result,
                                    struct lh_error *err) {
  const struct lh_task_request *const request = partitions->request;
  struct lh_lake_version *published = NULL;
  /* Coordinate systems are asked for when a file ends, and the connection must be free then. */
  partitions->partitioning.at_end_alone = has_geometries(relation);
  LH_TRY(lh_catalog_get(request->store, request->spec->name, arena, &published, err));
  if (request->partition_count > 0) {
    return choose_named(partitions, published, connection, relation, arena, result, err);
  }
  return request->spec->watermark != NULL
             ? choose_changed(partitions, published, connection, relation, arena, result, err)
             : LH_OK;
}

/* -------- what was written -------- */

/* Of the partitions that the user has named: a value may be mistyped. */
static void warn_of_empty(const struct lh_task_partitions *partitions, const struct lh_task_result *result) {
  const bool named = partitions->request->partition_count > 0;
  for (size_t i = 0; named && i < result->replaces_count; i++) {
    bool written = false;
    for (size_t j = 0; j < result->partition_count && !written; j++) {
      written = strcmp(result->partitions[j].path, result->replaces[i]) == 0;
    }
    if (!written) {
      char message[512];
      snprintf(message, sizeof(message), "partition %.400s has no rows, and the table has none of it now",
               result->replaces[i]);
      lh_observer_warning(partitions->request->observer, message);
    }
  }
}

lh_status lh_task_partitions_list(const struct lh_task_partitions *partitions, struct lh_arena *arena,
                                  struct lh_task_result *result, struct lh_error *err) {
  const struct lh_task_request *const request = partitions->request;
  struct lh_lake_partition *list = NULL;
  struct lh_partition_file *const files = LH_ARENA_ARRAY(arena, struct lh_partition_file, result->file_count);
  if (files == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < result->file_count; i++) {
    files[i] =
        (struct lh_partition_file){result->files[i].key, result->files[i].rows, result->files[i].bytes};
  }
  LH_TRY(lh_partition_plan_group(&partitions->plan, request->spec->name, request->version, files,
                                 result->file_count, arena, &list, &result->partition_count, err));
  for (size_t i = 0; i < result->file_count; i++) {
    result->files[i] = (struct lh_task_file){files[i].key, files[i].rows, files[i].bytes};
  }
  result->partitions = list;
  warn_of_empty(partitions, result);
  return LH_OK;
}
