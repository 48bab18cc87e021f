/* A task's place in the catalog: a table or a view; in Glue an index over partitions, or rules that stand for
 * them.
 */
#include "project/catalog_spec.h"

#include <stdio.h>
#include <string.h>

#define SCOPE_SIZE 320

static const char *const truths[] = {"false", "true"};

/* Both are of partitioned tables in Glue. */
static lh_status check_taken(const struct lh_yaml *yaml, const struct lh_yaml_field *field, const char *key,
                             const char *scope, const struct lh_task_spec *task, struct lh_error *err) {
  if (task->catalog != LH_CATALOG_GLUE) {
    lh_yaml_fail(yaml, field->key, LH_ERROR_PROJECT, err, "%s of %s is for tables in Glue", key, scope);
    lh_error_hint(err, "write catalog: glue, or leave it out");
    return LH_ERROR_PROJECT;
  }
  if (task->partition_by.count == 0) {
    lh_yaml_fail(yaml, field->key, LH_ERROR_PROJECT, err, "%s has %s and no partition_by", scope, key);
    lh_error_hint(err, "add partition_by, or leave it out");
    return LH_ERROR_PROJECT;
  }
  return LH_OK;
}

lh_status lh_catalog_spec_read_index(const struct lh_yaml *yaml, const struct lh_yaml_field *field,
                                     const char *scope, struct lh_task_spec *task, struct lh_error *err) {
  size_t truth = 0;
  if (field->key == NULL) {
    return LH_OK;
  }
  LH_TRY(lh_yaml_get_word(yaml, field->value, "partition_index", scope, truths, 2, &truth, err));
  task->partition_index = truth == 1;
  return truth == 1 ? check_taken(yaml, field, "partition_index", scope, task, err) : LH_OK;
}

static lh_status read_rule(struct lh_yaml *yaml, yaml_node_t *node, const char *scope,
                           struct lh_projection_key *out, struct lh_error *err) {
  enum { TYPE, RANGE, VALUES, COUNT };
  static const struct lh_yaml_key keys[COUNT] = {
      [TYPE] = {"type", false}, [RANGE] = {"range", false}, [VALUES] = {"values", false}};
  static const char *const types[] = {"auto", "enum", "integer", "date", "injected"};
  struct lh_yaml_field fields[COUNT];
  size_t type = 0;
  LH_TRY(lh_yaml_expect(yaml, node, YAML_MAPPING_NODE, out->key, scope, err));
  LH_TRY(lh_yaml_get_fields(yaml, node, keys, COUNT, scope, fields, err));
  if (fields[TYPE].key != NULL) {
    LH_TRY(lh_yaml_get_word(yaml, fields[TYPE].value, "type", scope, types, 5, &type, err));
    out->type = (enum lh_projection_type)type;
  }
  if (fields[VALUES].key != NULL) {
    LH_TRY(
        lh_yaml_get_texts(yaml, fields[VALUES].value, "values", scope, &out->values, &out->value_count, err));
  }
  if (fields[RANGE].key == NULL) {
    return LH_OK;
  }
  LH_TRY(lh_yaml_get_text(yaml, fields[RANGE].value, "range", scope, &out->range, err));
  const char *const comma = strchr(out->range, ',');
  if (comma == NULL || comma == out->range || comma[1] == '\0' || strchr(comma + 1, ',') != NULL) {
    lh_yaml_fail(yaml, fields[RANGE].value, LH_ERROR_PROJECT, err, "range of %s is not two values", scope);
    lh_error_hint(err, "write range: \"2020-01-01,NOW\"");
    return LH_ERROR_PROJECT;
  }
  return LH_OK;
}

static bool is_partition_key(const struct lh_task_spec *task, const char *name) {
  for (size_t i = 0; i < task->partition_by.count; i++) {
    if (strcmp(task->partition_by.keys[i].name, name) == 0) {
      return true;
    }
  }
  return false;
}

static lh_status read_rules(struct lh_yaml *yaml, yaml_node_t *node, const char *scope,
                            const struct lh_task_spec *task, struct lh_glue_projection *out,
                            struct lh_error *err) {
  LH_TRY(lh_yaml_expect(yaml, node, YAML_MAPPING_NODE, "partition_projection", scope, err));
  const yaml_node_pair_t *const pairs = node->data.mapping.pairs.start;
  const size_t count = (size_t)(node->data.mapping.pairs.top - pairs);
  struct lh_projection_key *const keys = LH_ARENA_ARRAY(yaml->arena, struct lh_projection_key, count);
  if (keys == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    const yaml_node_t *const key_node = lh_yaml_node(yaml, pairs[i].key);
    const char *name;
    char inner[SCOPE_SIZE];
    LH_TRY(lh_yaml_get_key(yaml, key_node, &name, err));
    if (!is_partition_key(task, name)) {
      lh_yaml_fail(yaml, key_node, LH_ERROR_PROJECT, err,
                   "partition_projection of %s names %.64s, by which it is "
                   "not partitioned",
                   scope, name);
      lh_error_hint(err, "its first partition key is %s", task->partition_by.keys[0].name);
      return LH_ERROR_PROJECT;
    }
    keys[i].key = lh_arena_strdup(yaml->arena, name);
    if (keys[i].key == NULL) {
      return lh_error_memory(err);
    }
    snprintf(inner, sizeof(inner), "partition_projection of %.128s", scope);
    LH_TRY(read_rule(yaml, lh_yaml_node(yaml, pairs[i].value), inner, &keys[i], err));
  }
  *out = (struct lh_glue_projection){keys, count};
  return LH_OK;
}

lh_status lh_catalog_spec_read_projection(struct lh_yaml *yaml, const struct lh_yaml_field *field,
                                          const char *scope, struct lh_task_spec *task,
                                          struct lh_error *err) {
  size_t truth = 1;
  if (field->key == NULL) {
    return LH_OK;
  }
  struct lh_glue_projection *const projection = LH_ARENA_NEW(yaml->arena, struct lh_glue_projection);
  if (projection == NULL) {
    return lh_error_memory(err);
  }
  if (field->value->type == YAML_SCALAR_NODE) {
    LH_TRY(lh_yaml_get_word(yaml, field->value, "partition_projection", scope, truths, 2, &truth, err));
  }
  if (truth == 0) {
    return LH_OK;
  }
  LH_TRY(check_taken(yaml, field, "partition_projection", scope, task, err));
  if (task->watermark != NULL) {
    lh_yaml_fail(yaml, field->key, LH_ERROR_PROJECT, err, "%s has partition_projection and a watermark",
                 scope);
    lh_error_hint(err,
                  "keep one of them: a watermark leaves partitions of several versions, and projection knows "
                  "one place for all");
    return LH_ERROR_PROJECT;
  }
  if (field->value->type != YAML_SCALAR_NODE) {
    LH_TRY(read_rules(yaml, field->value, scope, task, projection, err));
  }
  task->projection = projection;
  return LH_OK;
}

lh_status lh_catalog_spec_read_view(const struct lh_yaml *yaml, const struct lh_yaml_field *field,
                                    const char *scope, struct lh_task_spec *task, struct lh_error *err) {
  size_t truth = 0;
  LH_TRY(lh_yaml_get_word(yaml, field->value, "view", scope, truths, 2, &truth, err));
  task->is_view = truth == 1;
  if (truth == 0 || task->kind == LH_TASK_SQL) {
    return LH_OK;
  }
  lh_yaml_fail(yaml, field->key, LH_ERROR_PROJECT, err, "%s is of kind %s and cannot be a view", scope,
               lh_task_kind_name(task->kind));
  lh_error_hint(err, "a view is a SELECT over tables of the lake: write sql: tasks/view.sql");
  return LH_ERROR_PROJECT;
}
