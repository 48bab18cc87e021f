/*
 * One task of the project file: from its YAML node to a struct lh_task_spec. Internal to the project module.
 */
#ifndef LH_PROJECT_TASK_SPEC_H
#define LH_PROJECT_TASK_SPEC_H

#include "project/project.h"
#include "project/yaml.h"

#define LH_PROJECT_FILE_MAX_BYTES ((size_t)1 << 20)
#define LH_TASK_NAME_MAX_BYTES 128

/* Reads the pair `key: value` of `tasks` into `task`, SQL file included. The project's directory and the
 * codec that the task inherits are set before. */
lh_status lh_task_spec_read(struct lh_yaml *yaml, const yaml_node_t *key, const yaml_node_t *value,
                            const char *directory, struct lh_task_spec *task,
                            struct lh_error *err) LH_WARN_UNUSED;

/* "zstd" or "zstd(9)". */
lh_status lh_task_spec_read_compression(const struct lh_yaml *yaml, const yaml_node_t *node,
                                        const char *scope, enum lh_codec *codec, int *level,
                                        struct lh_error *err) LH_WARN_UNUSED;

/* athena or latest. */
lh_status lh_task_spec_read_compat(const struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                                   enum lh_compat *out, struct lh_error *err) LH_WARN_UNUSED;

/* duckdb, athena or trino. */
lh_status lh_task_spec_read_engine(const struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                                   enum lh_engine_kind *out, struct lh_error *err) LH_WARN_UNUSED;

/* auto or none. */
lh_status lh_task_spec_read_bloom(const struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                                  bool *no_bloom, struct lh_error *err) LH_WARN_UNUSED;

/* At least 1MB. */
lh_status lh_task_spec_read_file_size(const struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                                      uint64_t *out, struct lh_error *err) LH_WARN_UNUSED;

/* evolve or strict. */
lh_status lh_task_spec_read_schema_rule(const struct lh_yaml *yaml, const yaml_node_t *node,
                                        const char *scope, enum lh_schema_rule *out,
                                        struct lh_error *err) LH_WARN_UNUSED;

#endif
