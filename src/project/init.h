/*
 * The lakehaul.yaml that `lakehaul init` writes: a project of one table task per table, with comments that
 * show what else the file can say.
 */
#ifndef LH_PROJECT_INIT_H
#define LH_PROJECT_INIT_H

#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "lakehaul/error.h"

/* Names of tasks for tables, in `arena`, one per table: the table's own name, lower-cased, with _ for every
 * character that is not a-z, 0-9 or _. Names that several tables have are preceded by the schema's; what is
 * equal even then is numbered. Tables are named as PostgreSQL takes them: public.orders, "My
 * Schema"."Orders".
 */
lh_status lh_project_derive_task_names(const char *const *tables, size_t count, struct lh_arena *arena,
                                       const char *const **out, struct lh_error *err) LH_WARN_UNUSED;

/* Appends a project file that lh_project_parse accepts. `source` is the value as it stands in the file,
 * ${VAR} references included; NULL writes ${DATABASE_URL}, so that no password gets into the file.
 * `task_names` NULL derives them. No tables at all: LH_ERROR_SOURCE. */
lh_status lh_project_write_template(const char *project_name, const char *source, const char *const *tables,
                                    const char *const *task_names, size_t count, struct lh_buf *out,
                                    struct lh_error *err) LH_WARN_UNUSED;

#endif
