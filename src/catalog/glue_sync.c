/* A table of Glue made what its pointer says: read, changed, and read again where somebody else was faster.
 */
#include <string.h>

#include "catalog/glue_impl.h"

/* One attempt's state. */
struct attempt {
  struct lh_glue *glue;
  const struct lh_glue_request *request;
  struct lh_arena *arena;
  const struct lh_lake_version *version;
  json_t *existing; /* as Glue has the table; NULL: not at all */
  const char *subject;
};

static lh_status create_table(struct attempt *attempt, struct lh_error *err) {
  json_t *input = NULL;
  LH_TRY(
      lh_glue_make_table(attempt->request, attempt->version, attempt->existing, attempt->arena, &input, err));
  return lh_glue_call(attempt->glue, "CreateTable", attempt->subject,
                      json_pack("{s:s, s:o}", "DatabaseName", attempt->glue->database, "TableInput", input),
                      NULL, err);
}

static lh_status update_table(struct attempt *attempt, struct lh_error *err) {
  json_t *input = NULL;
  const char *const version_id = json_string_value(json_object_get(attempt->existing, "VersionId"));
  LH_TRY(
      lh_glue_make_table(attempt->request, attempt->version, attempt->existing, attempt->arena, &input, err));
  return lh_glue_call(attempt->glue, "UpdateTable", attempt->subject,
                      json_pack("{s:s, s:o, s:b, s:s*}", "DatabaseName", attempt->glue->database,
                                "TableInput", input, "SkipArchive", 1, "VersionId", version_id),
                      NULL, err);
}

static bool has_same_keys(const json_t *a, const json_t *b) {
  if (json_array_size(a) != json_array_size(b)) {
    return false;
  }
  for (size_t i = 0; i < json_array_size(a); i++) {
    const json_t *const left = json_array_get(a, i);
    const json_t *const right = json_array_get(b, i);
    if (strcmp(lh_glue_text(left, "Name"), lh_glue_text(right, "Name")) != 0 ||
        strcmp(lh_glue_text(left, "Type"), lh_glue_text(right, "Type")) != 0) {
      return false;
    }
  }
  return true;
}

/* Glue does not change what a table is partitioned by: such a table is made anew. */
static lh_status must_recreate(struct attempt *attempt, bool *out, struct lh_error *err) {
  json_t *keys = NULL;
  *out = false;
  if (attempt->existing == NULL) {
    return LH_OK;
  }
  LH_TRY(lh_glue_make_keys(attempt->version, attempt->existing, attempt->arena, &keys, err));
  *out = !has_same_keys(keys, json_object_get(attempt->existing, "PartitionKeys"));
  json_decref(keys);
  return LH_OK;
}

static lh_status put_table(struct attempt *attempt, bool is_new, struct lh_error *err) {
  return is_new ? create_table(attempt, err) : update_table(attempt, err);
}

/* A new table comes before its partitions, which nobody looks for yet. Else partitions move first: one that
 * is new has the columns that the table will have, and those that go are there until the table is done. */
static lh_status put_all(struct attempt *attempt, bool is_new, struct lh_error *err) {
  struct lh_glue_partition_plan *plan = NULL;
  if (!lh_glue_has_partitions(attempt->request, attempt->version)) {
    return put_table(attempt, is_new, err);
  }
  if (is_new) {
    LH_TRY(create_table(attempt, err));
  }
  LH_TRY(
      lh_glue_plan_partitions(attempt->glue, attempt->request, attempt->version, attempt->arena, &plan, err));
  lh_status status = lh_glue_put_partitions(plan, err);
  if (status == LH_OK && !is_new) {
    status = update_table(attempt, err);
  }
  if (status == LH_OK) {
    status = lh_glue_remove_partitions(plan, err);
  }
  lh_glue_partition_plan_free(plan);
  return status;
}

static lh_status read_pointer(const struct lh_glue_request *request, struct lh_arena *arena,
                              struct lh_lake_version **out, struct lh_error *err) {
  LH_TRY(lh_catalog_get(request->store, request->table, arena, out, err));
  if (*out == NULL) {
    return lh_error_set(err, LH_ERROR_CATALOG, "table %s is not in the lake any more", request->table);
  }
  return LH_OK;
}

/* The pointer is read after Glue's table: whoever moves the pointer later changes the table later, too, and
 * then UpdateTable finds another version of the table than the one that was read. */
static lh_status sync_once(struct attempt *attempt, struct lh_error *err) {
  struct lh_lake_version *version = NULL;
  bool recreate = false;
  LH_TRY(lh_glue_get_table(attempt->glue, attempt->request->table, &attempt->existing, err));
  LH_TRY(lh_glue_check_owner(attempt->glue, attempt->request, attempt->existing, err));
  LH_TRY(read_pointer(attempt->request, attempt->arena, &version, err));
  attempt->version = version;
  LH_TRY(must_recreate(attempt, &recreate, err));
  if (recreate) {
    LH_TRY(lh_glue_delete_table(attempt->glue, attempt->request->table, err));
  }
  return put_all(attempt, attempt->existing == NULL || recreate, err);
}

/* Another process changed, made or removed the table since it was read. */
static bool was_overtaken(const struct lh_error *err) {
  return lh_glue_failed_with(err, "ConcurrentModificationException") ||
         lh_glue_failed_with(err, "VersionMismatchException") ||
         lh_glue_failed_with(err, "AlreadyExistsException") ||
         lh_glue_failed_with(err, "EntityNotFoundException") ||
         lh_glue_failed_with(err, "ResourceNotReadyException");
}

/* Partitions bear no version that Glue would compare, so that the pointer is asked again. */
static lh_status is_settled(const struct attempt *attempt, bool *out, struct lh_error *err) {
  struct lh_lake_version *now = NULL;
  *out = true;
  if (!lh_glue_has_partitions(attempt->request, attempt->version)) {
    return LH_OK;
  }
  LH_TRY(read_pointer(attempt->request, attempt->arena, &now, err));
  *out = strcmp(now->version, attempt->version->version) == 0;
  return LH_OK;
}

static lh_status attempt_sync(struct lh_glue *glue, const struct lh_glue_request *request,
                              struct lh_arena *arena, bool *settled, struct lh_error *err) {
  struct attempt attempt = {.glue = glue, .request = request, .arena = arena};
  attempt.subject = lh_arena_printf(arena, "table %s", request->table);
  if (attempt.subject == NULL) {
    return lh_error_memory(err);
  }
  lh_status status = sync_once(&attempt, err);
  if (status == LH_OK) {
    status = is_settled(&attempt, settled, err);
  }
  json_decref(attempt.existing);
  return status;
}

lh_status lh_glue_sync_table(struct lh_glue *glue, const struct lh_glue_request *request,
                             struct lh_error *err) {
  const struct lh_retry_policy policy = lh_retry_default();
  struct lh_arena arena;
  bool settled = false;
  lh_status status = LH_OK;
  lh_arena_init(&arena, 0);
  for (int attempt = 0; attempt < LH_GLUE_ATTEMPTS && !settled; attempt++) {
    if (attempt > 0) {
      const lh_status waited = lh_retry_wait(&policy, attempt - 1, 0, glue->cancelled, err);
      status = waited;
      if (waited != LH_OK) {
        break;
      }
    }
    lh_arena_reset(&arena);
    err->aws_code[0] = '\0';
    status = attempt_sync(glue, request, &arena, &settled, err);
    if (status != LH_OK && !was_overtaken(err)) {
      break;
    }
  }
  if (status == LH_OK && !settled) {
    status = lh_error_set(err, LH_ERROR_CATALOG, "table %s is published by others again and again",
                          request->table);
  }
  lh_arena_clear(&arena);
  return status;
}

lh_status lh_glue_check_table(struct lh_glue *glue, const struct lh_glue_request *request,
                              const struct lh_lake_version *version, struct lh_error *err) {
  struct lh_arena arena;
  json_t *existing = NULL;
  json_t *input = NULL;
  lh_arena_init(&arena, 0);
  lh_status status = lh_glue_get_table(glue, request->table, &existing, err);
  if (status == LH_OK) {
    status = lh_glue_check_owner(glue, request, existing, err);
  }
  if (status == LH_OK) {
    status = lh_glue_make_table(request, version, existing, &arena, &input, err);
  }
  json_decref(input);
  json_decref(existing);
  lh_arena_clear(&arena);
  return status;
}
