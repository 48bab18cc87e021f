/*
 * Schema changes: how the columns of one version of a lake table differ from those of the version before.
 *
 * What counts is what readers of the lake see, judged by name. A type is widened when every value that it
 * could hold fits the new one and readers that know either read both (int32 to int64, float to double, a
 * decimal with more digits on one side and no fewer on the other, NOT NULL to nullable); narrowed when the
 * way back is that; any other change of type is a new type.
 */
#ifndef LH_CATALOG_SCHEMA_CHANGE_H
#define LH_CATALOG_SCHEMA_CHANGE_H

#include "catalog/local.h"

enum lh_schema_change_kind {
  LH_SCHEMA_ADDED,
  LH_SCHEMA_REMOVED,
  LH_SCHEMA_RENAMED, /* a guess: one removed and one added between the same neighbours, of the same types */
  LH_SCHEMA_WIDENED,
  LH_SCHEMA_NARROWED,
  LH_SCHEMA_RETYPED,
  LH_SCHEMA_REDECLARED, /* another type in the source, the same in the lake */
  LH_SCHEMA_REORDERED,  /* the columns that both have, once for all of them */
};
#define LH_SCHEMA_CHANGE_KINDS (LH_SCHEMA_REORDERED + 1)

/* Texts are borrowed from the columns or live in the caller's arena; "" where there is nothing to say. */
struct lh_schema_change {
  enum lh_schema_change_kind kind;
  const char *column; /* its name before, of an added one its name now; of an order the first that moved */
  const char *before; /* type, or name of what is renamed */
  const char *after;
  const char *text; /* one line for people: column "amount" was widened from int32 to int64 */
};

/* "added", "removed", … */
const char *lh_schema_change_kind_name(enum lh_schema_change_kind kind);
/* The kind of that name; false where there is none. */
bool lh_schema_change_parse_kind(const char *name, enum lh_schema_change_kind *out);

/* Whether queries over the table before may fail or lose values now: warn of it. */
bool lh_schema_change_breaks(enum lh_schema_change_kind kind);

/* Changes of the columns before, in their order, then what was added, then the order. Both lists have each
 * name once. */
lh_status lh_schema_compare(const struct lh_lake_column *before, size_t before_count,
                            const struct lh_lake_column *after, size_t after_count, struct lh_arena *arena,
                            struct lh_schema_change **out, size_t *count,
                            struct lh_error *err) LH_WARN_UNUSED;

#endif
