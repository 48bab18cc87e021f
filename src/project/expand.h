/*
 * Environment variables in project values: ${VAR}, ${VAR:-default} and $$.
 *
 * `${VAR}` is the variable's value and an error where it is not set; `${VAR:-default}` takes the default
 * where it is not set or empty, and the default may itself hold variables; `$$` is one `$`. Any other `$`
 * stays as it is, so that SQL may say $1 or '^x$'. What a variable holds is taken as it is and not expanded
 * again.
 */
#ifndef LH_PROJECT_EXPAND_H
#define LH_PROJECT_EXPAND_H

#include "base/arena.h"
#include "lakehaul/error.h"

/* The expanded text, in `arena`. LH_ERROR_PROJECT names the variable but never shows a value. */
lh_status lh_expand_variables(const char *text, struct lh_arena *arena, const char **out,
                              struct lh_error *err) LH_WARN_UNUSED;

#endif
