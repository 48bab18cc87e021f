/* Lake tables as tasks and queries read them: published versions, their files and what partitions add. */
#include "task/task.h"

#include <string.h>

#include "store/s3_access.h"

static lh_status describe_partitions(const struct lh_lake_version *version, bool derived,
                                     struct lh_arena *arena, struct lh_task_input *out,
                                     struct lh_error *err) {
  const size_t key_count = version->partition_key_count;
  struct lh_engine_partition_key *const keys =
      LH_ARENA_ARRAY(arena, struct lh_engine_partition_key, key_count);
  const char **const columns = LH_ARENA_ARRAY(arena, const char *, version->column_count + key_count);
  size_t column_count = 0;
  if (keys == NULL || columns == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < version->column_count; i++) {
    columns[column_count++] = version->columns[i].name;
  }
  for (size_t i = 0; i < key_count; i++) {
    const struct lh_lake_partition_key *const key = &version->partition_keys[i];
    keys[i] = (struct lh_engine_partition_key){key->name, key->type};
    if (derived && strcmp(key->transform, lh_partition_transform_name(LH_PARTITION_IDENTITY)) != 0) {
      columns[column_count++] = key->name;
    }
  }
  out->is_partitioned = true;
  out->partitions = (struct lh_engine_partitions){keys, key_count, columns, column_count};
  return LH_OK;
}

lh_status lh_task_make_input(const struct lh_lake_version *version, bool derived, struct lh_arena *arena,
                             struct lh_task_input *out, struct lh_error *err) {
  const char **const keys = LH_ARENA_ARRAY(arena, const char *, version->file_count);
  if (keys == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < version->file_count; i++) {
    keys[i] = version->files[i].key;
  }
  *out = (struct lh_task_input){
      .table = version->table, .keys = keys, .key_count = version->file_count, .view_sql = version->view_sql};
  return version->partition_key_count > 0 ? describe_partitions(version, derived, arena, out, err) : LH_OK;
}

lh_status lh_task_reach_lake(struct lh_store *store, struct lh_engine *engine, struct lh_error *err) {
  if (!lh_store_is_s3(store)) {
    return LH_OK;
  }
  struct lh_arena arena;
  struct lh_store_s3_access access;
  const char *variable = NULL;
  lh_arena_init(&arena, 0);
  lh_status status = lh_store_s3_access(store, &arena, &access, err);
  if (status == LH_OK) {
    const struct lh_engine_s3 s3 = {
        .scope = lh_arena_printf(&arena, "%s/", lh_store_root(store)),
        .endpoint = access.endpoint,
        .region = access.region,
        .path_style = access.is_path_style,
        .plain_http = !access.uses_tls,
        .key_id = access.credentials.access_key_id,
        .secret = access.credentials.secret_access_key,
        .session_token = access.credentials.session_token,
        .source = access.source,
        .ca_file = lh_http_authorities(&variable),
    };
    status = s3.scope != NULL ? lh_engine_set_s3(engine, &s3, err) : lh_error_memory(err);
    lh_aws_credentials_wipe(&access.credentials);
  }
  lh_arena_clear(&arena);
  return status;
}

lh_status lh_task_add_input(const struct lh_task_input *input, struct lh_store *store,
                            struct lh_engine *engine, struct lh_arena *arena, struct lh_error *err) {
  if (input->view_sql != NULL) {
    return lh_engine_add_sql_view(engine, input->table, input->view_sql, err);
  }
  LH_TRY(lh_task_reach_lake(store, engine, err));
  const char **const files = LH_ARENA_ARRAY(arena, const char *, input->key_count);
  if (files == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < input->key_count; i++) {
    files[i] = lh_store_locate(store, input->keys[i], arena);
    if (files[i] == NULL) {
      return lh_error_memory(err);
    }
  }
  return input->is_partitioned ? lh_engine_add_partitioned_table(engine, input->table, files,
                                                                 input->key_count, &input->partitions, err)
                               : lh_engine_add_table(engine, input->table, files, input->key_count, err);
}

/* -------- views -------- */

void lh_task_inputs_init(struct lh_task_input_list *list, struct lh_arena *arena) {
  *list = (struct lh_task_input_list){0};
  lh_map_init(&list->seen, arena);
}

static lh_status append_input(struct lh_task_input_list *list, const struct lh_lake_version *version,
                              struct lh_arena *arena, struct lh_error *err) {
  struct lh_task_input *const items =
      lh_arena_grow(arena, list->items, list->count, &list->capacity, sizeof(*items));
  if (items == NULL) {
    return lh_error_memory(err);
  }
  list->items = items;
  LH_TRY(lh_task_make_input(version, true, arena, &list->items[list->count], err));
  list->count++;
  return LH_OK;
}

/* A view's inputs as a stack, so that a lake's views may be nested without end. */
struct pending {
  const struct lh_lake_version *version;
  size_t next; /* of what it reads */
  struct pending *outer;
};

static lh_status push(const char *table, lh_find_version_fn find, void *context, struct lh_arena *arena,
                      struct lh_task_input_list *list, struct pending **top, struct lh_error *err) {
  const void *const state = lh_map_get(&list->seen, table);
  if (state == list) {
    return LH_OK;
  }
  if (state != NULL) {
    lh_error_set(err, LH_ERROR_CATALOG, "view %s reads itself", table);
    lh_error_hint(err, "it was published by two projects: remove it with \"lakehaul gc --drop %s\"", table);
    return LH_ERROR_CATALOG;
  }
  struct pending *const added = LH_ARENA_NEW(arena, struct pending);
  if (added == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(find(context, table, &added->version, err));
  LH_TRY(lh_map_put(&list->seen, added->version->table, added, err));
  added->outer = *top;
  *top = added;
  return LH_OK;
}

lh_status lh_task_inputs_add(struct lh_task_input_list *list, const char *table, lh_find_version_fn find,
                             void *context, struct lh_arena *arena, struct lh_error *err) {
  struct pending *top = NULL;
  LH_TRY(push(table, find, context, arena, list, &top, err));
  while (top != NULL) {
    const struct lh_lake_version *const version = top->version;
    if (top->next < version->view_read_count) {
      LH_TRY(push(version->view_reads[top->next++], find, context, arena, list, &top, err));
      continue;
    }
    LH_TRY(append_input(list, version, arena, err));
    LH_TRY(lh_map_put(&list->seen, version->table, list, err));
    top = top->outer;
  }
  return LH_OK;
}
