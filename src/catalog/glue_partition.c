/* Partitions in Glue: those that a version has are made or moved in batches, those that it has no more are
 * removed. A batch may succeed in part: what failed is looked at one by one, and tried again where that may
 * help. */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "catalog/glue_impl.h"
#include "column/partition.h"

/* Glue's limits. */
#define PUT_BATCH 100
#define DELETE_BATCH 25
#define PAGE_SIZE 1000

enum change_kind { CHANGE_CREATE, CHANGE_UPDATE, CHANGE_DELETE, CHANGE_DONE };

struct change {
  enum change_kind kind;
  const struct lh_lake_partition *partition; /* NULL: it is removed */
  const json_t *existing;                    /* as Glue has it; NULL: not at all */
  const char *key;                           /* of its values, in maps */
};

struct lh_glue_partition_plan {
  struct lh_glue *glue;
  const struct lh_glue_request *request;
  const struct lh_lake_version *version;
  struct lh_arena *arena;
  json_t *columns;
  json_t *known; /* partitions of Glue, by the keys of their values */
  struct change *puts;
  size_t put_count;
  struct change *removals;
  size_t removal_count;
};

/* -------- reading -------- */

lh_status lh_glue_each_partition(struct lh_glue *glue, const char *table, lh_glue_partition_fn visit,
                                 void *context, struct lh_error *err) {
  char *token = NULL;
  lh_status status = LH_OK;
  do {
    json_t *answer = NULL;
    json_t *const input =
        json_pack("{s:s, s:s, s:b, s:i, s:s*}", "DatabaseName", glue->database, "TableName", table,
                  "ExcludeColumnSchema", 1, "MaxResults", PAGE_SIZE, "NextToken", token);
    free(token);
    token = NULL;
    LH_TRY(lh_glue_call(glue, "GetPartitions", table, input, &answer, err));
    size_t i = 0;
    json_t *partition = NULL;
    json_array_foreach(json_object_get(answer, "Partitions"), i, partition) {
      status = visit(context, partition, err);
      if (status != LH_OK) {
        break;
      }
    }
    const char *const next = lh_glue_text(answer, "NextToken");
    if (status == LH_OK && next[0] != '\0') {
      token = strdup(next);
      status = token != NULL ? LH_OK : lh_error_memory(err);
    }
    json_decref(answer);
  } while (status == LH_OK && token != NULL);
  free(token);
  return status;
}

/* Values as one text: a byte that is in no value divides them. NULL without memory. */
static const char *key_of_json(const json_t *values, struct lh_arena *arena) {
  const char *key = "";
  size_t i = 0;
  const json_t *value = NULL;
  json_array_foreach(values, i, value) {
    const char *const text = json_string_value(value);
    key = lh_arena_printf(arena, "%s%s\x1f", key, text != NULL ? text : "");
    if (key == NULL) {
      return NULL;
    }
  }
  return key;
}

static const char *key_of(const struct lh_lake_partition *partition, size_t count, struct lh_arena *arena) {
  const char *key = "";
  for (size_t i = 0; i < count && key != NULL; i++) {
    const char *const value = partition->values[i];
    key = lh_arena_printf(arena, "%s%s\x1f", key, value != NULL ? value : LH_PARTITION_NULL);
  }
  return key;
}

static lh_status note_known(void *context, json_t *partition, struct lh_error *err) {
  struct lh_glue_partition_plan *const plan = context;
  const char *const key = key_of_json(json_object_get(partition, "Values"), plan->arena);
  return key != NULL && json_object_set(plan->known, key, partition) == 0 ? LH_OK : lh_error_memory(err);
}

static bool is_current(const struct lh_glue_partition_plan *plan, const struct lh_lake_partition *partition,
                       const json_t *existing) {
  const char *const below = lh_arena_printf(plan->arena, "%s/%s", partition->path, partition->version);
  const char *const location = below != NULL ? lh_glue_location(plan->request, below, plan->arena) : NULL;
  const json_t *const storage = json_object_get(existing, "StorageDescriptor");
  return location != NULL && strcmp(lh_glue_text(storage, "Location"), location) == 0 &&
         strcmp(lh_glue_text(json_object_get(existing, "Parameters"), LH_GLUE_VERSION), partition->version) ==
             0;
}

/* A schema that changes rewrites all partitions, so that one whose files stay has its columns right. */
static lh_status plan_puts(struct lh_glue_partition_plan *plan, struct lh_map *wanted, struct lh_error *err) {
  const struct lh_lake_version *const version = plan->version;
  plan->puts = LH_ARENA_ARRAY(plan->arena, struct change, version->partition_count);
  if (plan->puts == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < version->partition_count; i++) {
    const struct lh_lake_partition *const partition = &version->partitions[i];
    const char *const key = key_of(partition, version->partition_key_count, plan->arena);
    if (key == NULL) {
      return lh_error_memory(err);
    }
    LH_TRY(lh_map_put(wanted, key, plan, err));
    const json_t *const existing = json_object_get(plan->known, key);
    if (existing == NULL || !is_current(plan, partition, existing)) {
      plan->puts[plan->put_count++] =
          (struct change){.kind = existing != NULL ? CHANGE_UPDATE : CHANGE_CREATE,
                          .partition = partition,
                          .existing = existing,
                          .key = key};
    }
  }
  return LH_OK;
}

static lh_status plan_removals(struct lh_glue_partition_plan *plan, const struct lh_map *wanted,
                               struct lh_error *err) {
  const char *key = NULL;
  json_t *existing = NULL;
  plan->removals = LH_ARENA_ARRAY(plan->arena, struct change, json_object_size(plan->known));
  if (plan->removals == NULL) {
    return lh_error_memory(err);
  }
  json_object_foreach(plan->known, key, existing) {
    if (lh_map_get(wanted, key) == NULL) {
      plan->removals[plan->removal_count++] =
          (struct change){.kind = CHANGE_DELETE, .existing = existing, .key = key};
    }
  }
  return LH_OK;
}

static lh_status fill_plan(struct lh_glue_partition_plan *plan, struct lh_error *err) {
  struct lh_map wanted;
  lh_map_init(&wanted, plan->arena);
  plan->known = json_object();
  if (plan->known == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(lh_glue_make_columns(plan->version, NULL, plan->arena, &plan->columns, err));
  LH_TRY(lh_glue_each_partition(plan->glue, plan->request->table, note_known, plan, err));
  LH_TRY(plan_puts(plan, &wanted, err));
  return plan_removals(plan, &wanted, err);
}

lh_status lh_glue_plan_partitions(struct lh_glue *glue, const struct lh_glue_request *request,
                                  const struct lh_lake_version *version, struct lh_arena *arena,
                                  struct lh_glue_partition_plan **out, struct lh_error *err) {
  struct lh_glue_partition_plan *const plan = LH_ARENA_NEW(arena, struct lh_glue_partition_plan);
  *out = NULL;
  if (plan == NULL) {
    return lh_error_memory(err);
  }
  plan->glue = glue;
  plan->request = request;
  plan->version = version;
  plan->arena = arena;
  const lh_status status = fill_plan(plan, err);
  if (status != LH_OK) {
    lh_glue_partition_plan_free(plan);
    return status;
  }
  *out = plan;
  return LH_OK;
}

void lh_glue_partition_plan_free(struct lh_glue_partition_plan *plan) {
  if (plan == NULL) {
    return;
  }
  json_decref(plan->columns);
  json_decref(plan->known);
}

/* -------- one batch -------- */

static const struct action {
  const char *name, *list;
  const char *failed_values; /* of an entry of Errors */
  size_t batch;
} actions[] = {
    [CHANGE_CREATE] = {"BatchCreatePartition", "PartitionInputList", "PartitionValues", PUT_BATCH},
    [CHANGE_UPDATE] = {"BatchUpdatePartition", "Entries", "PartitionValueList", PUT_BATCH},
    [CHANGE_DELETE] = {"BatchDeletePartition", "PartitionsToDelete", "PartitionValues", DELETE_BATCH},
};

static lh_status make_entry(const struct lh_glue_partition_plan *plan, const struct change *change,
                            json_t **out, struct lh_error *err) {
  if (change->kind == CHANGE_DELETE) {
    *out = json_pack("{s:O}", "Values", json_object_get(change->existing, "Values"));
    return *out != NULL ? LH_OK : lh_error_memory(err);
  }
  json_t *input = NULL;
  LH_TRY(lh_glue_make_partition(plan->request, plan->version, change->partition, plan->columns,
                                change->existing, plan->arena, &input, err));
  *out = change->kind == CHANGE_CREATE ? input
                                       : json_pack("{s:O, s:o}", "PartitionValueList",
                                                   json_object_get(input, "Values"), "PartitionInput", input);
  return *out != NULL ? LH_OK : lh_error_memory(err);
}

static bool may_pass_later(const char *code) {
  static const char *const codes[] = {
      "InternalServiceException",  "OperationTimeoutException", "ConcurrentModificationException",
      "ResourceNotReadyException", "ThrottlingException",       "ThrottledException"};
  for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
    if (strcmp(code, codes[i]) == 0) {
      return true;
    }
  }
  return false;
}

static lh_status fail_change(const struct lh_glue_partition_plan *plan, const struct change *change,
                             const char *code, const char *message, struct lh_error *err) {
  const char *const which = change->partition != NULL ? change->partition->path : change->key;
  lh_error_set(err, LH_ERROR_CATALOG, "glue:%s of table %s in database %s: partition %.200s: %s: %.500s",
               actions[change->kind].name, plan->request->table, plan->glue->database, which, code, message);
  strncat(err->aws_code, code, sizeof(err->aws_code) - 1);
  return LH_ERROR_CATALOG;
}

/* What a change that failed is to become: it is tried again as it is, or as another one. */
static lh_status take_failure(struct lh_glue_partition_plan *plan, struct change *change,
                              const json_t *detail, struct lh_error *err) {
  const char *const code = lh_glue_text(detail, "ErrorCode");
  const bool missing = strcmp(code, "EntityNotFoundException") == 0;
  if (change->kind == CHANGE_CREATE && strcmp(code, "AlreadyExistsException") == 0) {
    change->kind = CHANGE_UPDATE;
  } else if (change->kind == CHANGE_UPDATE && missing) {
    change->kind = CHANGE_CREATE;
    change->existing = NULL;
  } else if (change->kind == CHANGE_DELETE && missing) {
    change->kind = CHANGE_DONE;
  } else if (!may_pass_later(code)) {
    return fail_change(plan, change, code, lh_glue_text(detail, "ErrorMessage"), err);
  }
  return LH_OK;
}

/* Sorts out an answer: changes that are not among its errors are done. */
static lh_status take_answer(struct lh_glue_partition_plan *plan, enum change_kind kind,
                             struct change **batch, size_t count, const json_t *answer,
                             struct lh_error *err) {
  struct lh_map failed;
  lh_map_init(&failed, plan->arena);
  size_t i = 0;
  const json_t *error = NULL;
  json_array_foreach(json_object_get(answer, "Errors"), i, error) {
    const char *const key = key_of_json(json_object_get(error, actions[kind].failed_values), plan->arena);
    if (key == NULL) {
      return lh_error_memory(err);
    }
    LH_TRY(lh_map_put(&failed, key, json_object_get(error, "ErrorDetail"), err));
  }
  for (size_t j = 0; j < count; j++) {
    const json_t *const detail = lh_map_get(&failed, batch[j]->key);
    if (detail == NULL) {
      batch[j]->kind = CHANGE_DONE;
    } else {
      LH_TRY(take_failure(plan, batch[j], detail, err));
    }
  }
  return LH_OK;
}

static lh_status send_batch(struct lh_glue_partition_plan *plan, enum change_kind kind, struct change **batch,
                            size_t count, struct lh_error *err) {
  json_t *const list = json_array();
  lh_status status = list != NULL ? LH_OK : lh_error_memory(err);
  for (size_t i = 0; i < count && status == LH_OK; i++) {
    json_t *entry = NULL;
    status = make_entry(plan, batch[i], &entry, err);
    if (status == LH_OK && json_array_append_new(list, entry) != 0) {
      status = lh_error_memory(err);
    }
  }
  if (status != LH_OK) {
    json_decref(list);
    return status;
  }
  json_t *answer = NULL;
  json_t *const input = json_pack("{s:s, s:s, s:o}", "DatabaseName", plan->glue->database, "TableName",
                                  plan->request->table, actions[kind].list, list);
  const char *const subject = lh_arena_printf(plan->arena, "table %s", plan->request->table);
  LH_TRY(lh_glue_call(plan->glue, actions[kind].name, subject != NULL ? subject : "", input, &answer, err));
  status = take_answer(plan, kind, batch, count, answer, err);
  json_decref(answer);
  return status;
}

/* -------- all of them -------- */

/* Every change of that kind, once. */
static lh_status send_all(struct lh_glue_partition_plan *plan, enum change_kind kind, struct change *changes,
                          size_t count, struct lh_error *err) {
  struct change *batch[PUT_BATCH];
  size_t used = 0;
  for (size_t i = 0; i < count; i++) {
    if (changes[i].kind == kind) {
      batch[used++] = &changes[i];
    }
    if (used == actions[kind].batch || (used > 0 && i + 1 == count)) {
      LH_TRY(send_batch(plan, kind, batch, used, err));
      used = 0;
    }
  }
  return LH_OK;
}

static const struct change *first_open(const struct change *changes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (changes[i].kind != CHANGE_DONE) {
      return &changes[i];
    }
  }
  return NULL;
}

static lh_status work_off(struct lh_glue_partition_plan *plan, struct change *changes, size_t count,
                          const enum change_kind *kinds, size_t kind_count, struct lh_error *err) {
  const struct lh_retry_policy policy = lh_retry_default();
  for (int attempt = 0; attempt < LH_GLUE_ATTEMPTS; attempt++) {
    for (size_t i = 0; i < kind_count; i++) {
      LH_TRY(send_all(plan, kinds[i], changes, count, err));
    }
    if (first_open(changes, count) == NULL) {
      return LH_OK;
    }
    LH_TRY(lh_retry_wait(&policy, attempt, 0, plan->glue->cancelled, err));
  }
  const struct change *const open = first_open(changes, count);
  fail_change(plan, open, "gave up", "it failed again and again, in ways that pass as a rule", err);
  lh_error_hint(err, "Glue is busy or unavailable: run the task again later");
  return LH_ERROR_CATALOG;
}

lh_status lh_glue_put_partitions(struct lh_glue_partition_plan *plan, struct lh_error *err) {
  static const enum change_kind kinds[] = {CHANGE_CREATE, CHANGE_UPDATE};
  return work_off(plan, plan->puts, plan->put_count, kinds, 2, err);
}

lh_status lh_glue_remove_partitions(struct lh_glue_partition_plan *plan, struct lh_error *err) {
  static const enum change_kind kinds[] = {CHANGE_DELETE};
  return work_off(plan, plan->removals, plan->removal_count, kinds, 1, err);
}
