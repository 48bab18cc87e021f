/*
 * What a task of the project file says of partitions. Internal to the project module.
 */
#ifndef LH_PROJECT_PARTITION_SPEC_H
#define LH_PROJECT_PARTITION_SPEC_H

#include "project/project.h"
#include "project/yaml.h"

/* `partition_by`: one key or a list of them. */
lh_status lh_partition_spec_read(struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                                 struct lh_partition_by *out, struct lh_error *err) LH_WARN_UNUSED;

#endif
