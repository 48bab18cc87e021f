/*
 * What a task of the project file says of its table in Glue: partition_index and partition_projection.
 * Internal to the project module.
 */
#ifndef LH_PROJECT_CATALOG_SPEC_H
#define LH_PROJECT_CATALOG_SPEC_H

#include "project/project.h"
#include "project/yaml.h"

/* Into `task`, whose catalog, partitions and watermark are known. A field without a key says nothing. */
lh_status lh_catalog_spec_read_index(const struct lh_yaml *yaml, const struct lh_yaml_field *field,
                                     const char *scope, struct lh_task_spec *task,
                                     struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_catalog_spec_read_projection(struct lh_yaml *yaml, const struct lh_yaml_field *field,
                                          const char *scope, struct lh_task_spec *task,
                                          struct lh_error *err) LH_WARN_UNUSED;

/* `view: true`, of a SQL task. */
lh_status lh_catalog_spec_read_view(const struct lh_yaml *yaml, const struct lh_yaml_field *field,
                                    const char *scope, struct lh_task_spec *task,
                                    struct lh_error *err) LH_WARN_UNUSED;

#endif
