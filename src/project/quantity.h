/*
 * Quantities of the project file: sizes, rates and durations with their units. Internal to the project
 * module, but for lh_parse_bytes (project.h).
 */
#ifndef LH_PROJECT_QUANTITY_H
#define LH_PROJECT_QUANTITY_H

#include "project/project.h"
#include "project/yaml.h"

/* "512MB": as lh_parse_bytes. */
lh_status lh_quantity_read_bytes(const struct lh_yaml *yaml, const yaml_node_t *node, const char *key,
                                 const char *scope, uint64_t *out, struct lh_error *err) LH_WARN_UNUSED;
/* "50MB/s" or "50MB": bytes per second, at least 1 KiB. */
lh_status lh_quantity_read_rate(const struct lh_yaml *yaml, const yaml_node_t *node, const char *key,
                                const char *scope, uint64_t *out, struct lh_error *err) LH_WARN_UNUSED;
/* "500ms", "60s", "5min", "2h": milliseconds, at least one; "none": 0. */
lh_status lh_quantity_read_duration(const struct lh_yaml *yaml, const yaml_node_t *node, const char *key,
                                    const char *scope, int64_t *out, struct lh_error *err) LH_WARN_UNUSED;

#endif
