/* The keys that a task's table is partitioned by, from the project file. */
#include "project/partition_spec.h"

#include <string.h>

static lh_status read_key(const struct lh_yaml *yaml, const yaml_node_t *node, const char *text,
                          const char *scope, struct lh_partition_key *out, struct lh_error *err) {
  struct lh_error problem;
  const lh_status status = lh_partition_parse_key(text, yaml->arena, out, &problem);
  if (status != LH_ERROR_PROJECT) {
    *err = problem;
    return status;
  }
  lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "partition_by of %s: %s", scope, problem.message);
  lh_error_hint(err, "%s", problem.hint);
  return LH_ERROR_PROJECT;
}

static lh_status check_names(const struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                             const struct lh_partition_key *keys, size_t count, struct lh_error *err) {
  for (size_t i = 1; i < count; i++) {
    for (size_t j = 0; j < i; j++) {
      if (strcmp(keys[i].name, keys[j].name) == 0) {
        lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "partition_by of %s has two keys named \"%s\"", scope,
                     keys[i].name);
        lh_error_hint(err, "name one of them: day(created_at) as created_day");
        return LH_ERROR_PROJECT;
      }
    }
  }
  return LH_OK;
}

lh_status lh_partition_spec_read(struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                                 struct lh_partition_by *out, struct lh_error *err) {
  const char *one = NULL;
  const char *const *texts = &one;
  size_t count = 1;
  if (node->type == YAML_SEQUENCE_NODE) {
    LH_TRY(lh_yaml_get_texts(yaml, node, "partition_by", scope, &texts, &count, err));
  } else {
    LH_TRY(lh_yaml_get_text(yaml, node, "partition_by", scope, &one, err));
  }
  if (count > LH_PARTITION_MAX_KEYS) {
    return lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "partition_by of %s has more than %d keys", scope,
                        LH_PARTITION_MAX_KEYS);
  }
  struct lh_partition_key *const keys = LH_ARENA_ARRAY(yaml->arena, struct lh_partition_key, count);
  if (keys == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    LH_TRY(read_key(yaml, node, texts[i], scope, &keys[i], err));
  }
  LH_TRY(check_names(yaml, node, scope, keys, count, err));
  *out = (struct lh_partition_by){keys, count};
  return LH_OK;
}
