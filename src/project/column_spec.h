/*
 * What a task of the project file says about columns: which to take, each one's settings, and the policies
 * that hold for all of them. Internal to the project module.
 */
#ifndef LH_PROJECT_COLUMN_SPEC_H
#define LH_PROJECT_COLUMN_SPEC_H

#include "project/project.h"
#include "project/yaml.h"

/* The mapping `columns` into `task`, whose policy is set before. `include` and `exclude` are lists; every key
 * with a mapping as its value is a column with settings of its own, even one of those names. */
lh_status lh_column_spec_read(struct lh_yaml *yaml, const yaml_node_t *node, const char *task_scope,
                              struct lh_task_spec *task, struct lh_error *err) LH_WARN_UNUSED;

/* Single values. `scope` NULL is the top level. */
lh_status lh_column_spec_read_unrepresentable(struct lh_yaml *yaml, const yaml_node_t *node,
                                              const char *scope, enum lh_unrepresentable *out,
                                              struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_column_spec_read_numeric(struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                                      struct lh_column_policy *out, struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_column_spec_read_multidimensional(struct lh_yaml *yaml, const yaml_node_t *node,
                                               const char *scope, enum lh_multidimensional *out,
                                               struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_column_spec_read_names(struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                                    enum lh_names *out, struct lh_error *err) LH_WARN_UNUSED;

#endif
