/*
 * What a project says of services: the keys aws, s3, glue, crawler, athena and trino. Internal to the project
 * module.
 */
#ifndef LH_PROJECT_SERVICE_SPEC_H
#define LH_PROJECT_SERVICE_SPEC_H

#include "project/project.h"
#include "project/yaml.h"

/* What holds where the file says nothing. The project's name is set before. */
lh_status lh_service_spec_defaults(struct lh_arena *arena, struct lh_project *project,
                                   struct lh_error *err) LH_WARN_UNUSED;

/* Each reads the mapping of one key. */
lh_status lh_service_spec_read_aws(struct lh_yaml *yaml, yaml_node_t *node, struct lh_aws_settings *out,
                                   struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_service_spec_read_s3(struct lh_yaml *yaml, yaml_node_t *node, struct lh_s3_settings *out,
                                  struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_service_spec_read_glue(struct lh_yaml *yaml, yaml_node_t *node, struct lh_glue_settings *out,
                                    struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_service_spec_read_crawler(struct lh_yaml *yaml, yaml_node_t *node,
                                       struct lh_crawler_settings *out, struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_service_spec_read_athena(struct lh_yaml *yaml, yaml_node_t *node, struct lh_athena_settings *out,
                                      struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_service_spec_read_trino(struct lh_yaml *yaml, yaml_node_t *node, struct lh_trino_settings *out,
                                     struct lh_error *err) LH_WARN_UNUSED;

#endif
