/*
 * How one column is read where the project has settings for it: cast, masked, or as it is. For this module's
 * files only.
 */
#ifndef LH_POSTGRES_COLUMN_FORM_H
#define LH_POSTGRES_COLUMN_FORM_H

#include "column/policy.h"
#include "postgres/relation.h"
#include "postgres/types/type_registry.h"

/* Of a column whose type is resolved: applies cast and mask of `settings` to `column` (expression, decoder,
 * text_fallback) and `field`. A cast that there is none for is LH_ERROR_DATA naming both types. Nothing is
 * rounded: numbers go through numeric's exact digits, and those that the target cannot hold are refused as
 * they are read. */
lh_status lh_pg_form_column(const struct lh_column_settings *settings, const struct lh_pg_type_rules *rules,
                            struct lh_arena *arena, struct lh_pg_column *column, struct lh_field *field,
                            struct lh_error *err) LH_WARN_UNUSED;

/* The column's name in double quotes, or the text form of its value. */
const char *lh_pg_text_form(const char *quoted_name, struct lh_arena *arena);

#endif
