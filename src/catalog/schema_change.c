/* Two lists of columns, and what happened between them. Types are compared by the names that pointers hold,
 * so that a version of any age can be compared. */
#include "catalog/schema_change.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"

static const char *const kind_names[LH_SCHEMA_CHANGE_KINDS] = {
    [LH_SCHEMA_ADDED] = "added",           [LH_SCHEMA_REMOVED] = "removed",
    [LH_SCHEMA_RENAMED] = "renamed",       [LH_SCHEMA_WIDENED] = "widened",
    [LH_SCHEMA_NARROWED] = "narrowed",     [LH_SCHEMA_RETYPED] = "retyped",
    [LH_SCHEMA_REDECLARED] = "redeclared", [LH_SCHEMA_REORDERED] = "reordered",
};

const char *lh_schema_change_kind_name(enum lh_schema_change_kind kind) {
  return kind_names[kind];
}

bool lh_schema_change_parse_kind(const char *name, enum lh_schema_change_kind *out) {
  for (size_t i = 0; i < LH_SCHEMA_CHANGE_KINDS; i++) {
    if (strcmp(name, kind_names[i]) == 0) {
      *out = (enum lh_schema_change_kind)i;
      return true;
    }
  }
  return false;
}

bool lh_schema_change_breaks(enum lh_schema_change_kind kind) {
  return kind == LH_SCHEMA_REMOVED || kind == LH_SCHEMA_RENAMED || kind == LH_SCHEMA_NARROWED ||
         kind == LH_SCHEMA_RETYPED;
}

/* -------- types -------- */

enum difference { SAME, WIDER, NARROWER, OTHER };

/* Place of `type` in a chain of types that each hold all values of those before; -1: not in it. */
static int find_in_chain(const char *const *chain, int count, const char *type) {
  for (int i = 0; i < count; i++) {
    if (strcmp(chain[i], type) == 0) {
      return i;
    }
  }
  return -1;
}

static enum difference compare_in_chain(const char *const *chain, int count, const char *before,
                                        const char *after) {
  const int from = find_in_chain(chain, count, before);
  const int to = find_in_chain(chain, count, after);
  if (from < 0 || to < 0) {
    return OTHER;
  }
  return to > from ? WIDER : NARROWER;
}

static bool parse_decimal(const char *type, long *precision, long *scale) {
  static const char head[] = "decimal(";
  char *end = NULL;
  if (strncmp(type, head, sizeof(head) - 1) != 0) {
    return false;
  }
  *precision = strtol(type + sizeof(head) - 1, &end, 10);
  if (*end != ',') {
    return false;
  }
  *scale = strtol(end + 1, &end, 10);
  return strcmp(end, ")") == 0;
}

static enum difference compare_decimals(const char *before, const char *after) {
  long precision[2];
  long scale[2];
  if (!parse_decimal(before, &precision[0], &scale[0]) || !parse_decimal(after, &precision[1], &scale[1])) {
    return OTHER;
  }
  const long whole_digits[2] = {precision[0] - scale[0], precision[1] - scale[1]};
  return scale[1] >= scale[0] && whole_digits[1] >= whole_digits[0] ? WIDER : NARROWER;
}

static enum difference compare_elements(const char *before, const char *after) {
  static const char *const integers[] = {"int8", "int16", "int32", "int64"};
  static const char *const floats[] = {"float", "double"};
  if (strcmp(before, after) == 0) {
    return SAME;
  }
  enum difference found = compare_in_chain(integers, 4, before, after);
  if (found == OTHER) {
    found = compare_in_chain(floats, 2, before, after);
  }
  return found != OTHER ? found : compare_decimals(before, after);
}

/* Lists of lists are peeled off both at once. */
static enum difference compare_types(const char *before, const char *after, struct lh_arena *arena) {
  static const char list[] = "list<";
  const size_t prefix = sizeof(list) - 1;
  size_t depth = 0;
  while (strncmp(before, list, prefix) == 0 && strncmp(after, list, prefix) == 0) {
    before += prefix;
    after += prefix;
    depth++;
  }
  const size_t before_length = strlen(before);
  const size_t after_length = strlen(after);
  if (depth == 0 || before_length < depth || after_length < depth) {
    return compare_elements(before, after);
  }
  const char *const inner_before = lh_arena_strndup(arena, before, before_length - depth);
  const char *const inner_after = lh_arena_strndup(arena, after, after_length - depth);
  return inner_before != NULL && inner_after != NULL ? compare_elements(inner_before, inner_after) : OTHER;
}

static enum difference compare_nullability(const struct lh_lake_column *before,
                                           const struct lh_lake_column *after) {
  if (before->nullable == after->nullable) {
    return SAME;
  }
  return after->nullable ? WIDER : NARROWER;
}

static bool is_redeclared(const struct lh_lake_column *before, const struct lh_lake_column *after) {
  return before->source_type[0] != '\0' && after->source_type[0] != '\0' &&
         strcmp(before->source_type, after->source_type) != 0;
}

/* -------- the two lists -------- */

#define NOWHERE SIZE_MAX

struct comparison {
  const struct lh_lake_column *before, *after;
  size_t before_count, after_count;
  size_t *before_to_after; /* index of the same name in the other list, or NOWHERE */
  size_t *after_to_before;
  size_t *renamed_to; /* of a removed column: the added one that it perhaps became, or NOWHERE */
  bool *is_new_name;  /* per added column */
  struct lh_schema_change *changes;
  size_t change_count;
  struct lh_arena *arena;
};

static lh_status match_names(struct comparison *comparison, struct lh_error *err) {
  struct lh_map places;
  lh_map_init(&places, comparison->arena);
  for (size_t i = 0; i < comparison->after_count; i++) {
    LH_TRY(lh_map_put(&places, comparison->after[i].name, &comparison->after_to_before[i], err));
    comparison->after_to_before[i] = NOWHERE;
  }
  for (size_t i = 0; i < comparison->before_count; i++) {
    size_t *const place = lh_map_get(&places, comparison->before[i].name);
    comparison->renamed_to[i] = NOWHERE;
    comparison->before_to_after[i] = place != NULL ? (size_t)(place - comparison->after_to_before) : NOWHERE;
    if (place != NULL) {
      *place = i;
    }
  }
  return LH_OK;
}

static bool looks_the_same(const struct lh_lake_column *before, const struct lh_lake_column *after) {
  return strcmp(before->type, after->type) == 0 && before->nullable == after->nullable &&
         strcmp(before->source_type, after->source_type) == 0;
}

/* Between two columns that stayed, the n-th that went and the n-th that came may be one. */
static void guess_renames(struct comparison *comparison) {
  size_t i = 0;
  while (i < comparison->before_count) {
    if (comparison->before_to_after[i] != NOWHERE) {
      i++;
      continue;
    }
    size_t j = i > 0 ? comparison->before_to_after[i - 1] + 1 : 0;
    while (i < comparison->before_count && comparison->before_to_after[i] == NOWHERE) {
      if (j < comparison->after_count && comparison->after_to_before[j] == NOWHERE) {
        if (looks_the_same(&comparison->before[i], &comparison->after[j])) {
          comparison->renamed_to[i] = j;
          comparison->is_new_name[j] = true;
        }
        j++;
      }
      i++;
    }
  }
}

static lh_status add_change(struct comparison *comparison, enum lh_schema_change_kind kind,
                            const char *column, const char *before, const char *after, const char *text,
                            struct lh_error *err) {
  if (before == NULL || after == NULL || text == NULL) {
    return lh_error_memory(err);
  }
  comparison->changes[comparison->change_count++] = (struct lh_schema_change){
      .kind = kind, .column = column, .before = before, .after = after, .text = text};
  return LH_OK;
}

static lh_status add_missing(struct comparison *comparison, size_t index, struct lh_error *err) {
  const struct lh_lake_column *const column = &comparison->before[index];
  const size_t renamed_to = comparison->renamed_to[index];
  if (renamed_to == NOWHERE) {
    return add_change(
        comparison, LH_SCHEMA_REMOVED, column->name, column->type, "",
        lh_arena_printf(comparison->arena, "column \"%s\" was removed (%s)", column->name, column->type),
        err);
  }
  const char *const name = comparison->after[renamed_to].name;
  return add_change(comparison, LH_SCHEMA_RENAMED, column->name, column->name, name,
                    lh_arena_printf(comparison->arena, "column \"%s\" was perhaps renamed to \"%s\" (%s)",
                                    column->name, name, column->type),
                    err);
}

static const char *type_text(const struct lh_lake_column *column, struct lh_arena *arena) {
  return column->nullable ? column->type : lh_arena_printf(arena, "%s not null", column->type);
}

static lh_status add_difference(struct comparison *comparison, const struct lh_lake_column *before,
                                const struct lh_lake_column *after, struct lh_error *err) {
  struct lh_arena *const arena = comparison->arena;
  const enum difference type = compare_types(before->type, after->type, arena);
  const enum difference null = compare_nullability(before, after);
  if (type == SAME && null == SAME) {
    return !is_redeclared(before, after)
               ? LH_OK
               : add_change(
                     comparison, LH_SCHEMA_REDECLARED, before->name, before->source_type, after->source_type,
                     lh_arena_printf(arena,
                                     "column \"%s\" is now %s in the source, it was %s; in the "
                                     "lake it stays %s",
                                     before->name, after->source_type, before->source_type, after->type),
                     err);
  }
  const char *from = before->type;
  const char *to = after->type;
  if (null != SAME) {
    from = type_text(before, arena);
    to = type_text(after, arena);
    if (from == NULL || to == NULL) {
      return lh_error_memory(err);
    }
  }
  if (type == OTHER) {
    return add_change(
        comparison, LH_SCHEMA_RETYPED, before->name, from, to,
        lh_arena_printf(arena, "column \"%s\" changed its type from %s to %s", before->name, from, to), err);
  }
  const bool narrowed = type == NARROWER || null == NARROWER;
  return add_change(comparison, narrowed ? LH_SCHEMA_NARROWED : LH_SCHEMA_WIDENED, before->name, from, to,
                    lh_arena_printf(arena, "column \"%s\" was %s from %s to %s", before->name,
                                    narrowed ? "narrowed" : "widened", from, to),
                    err);
}

static lh_status add_order(struct comparison *comparison, struct lh_error *err) {
  size_t last = 0;
  for (size_t i = 0; i < comparison->after_count; i++) {
    const size_t place = comparison->after_to_before[i];
    if (place == NOWHERE) {
      continue;
    }
    if (place < last) {
      const char *const name = comparison->after[i].name;
      return add_change(
          comparison, LH_SCHEMA_REORDERED, name, "", "",
          lh_arena_printf(comparison->arena, "columns are in another order, \"%s\" among them", name), err);
    }
    last = place;
  }
  return LH_OK;
}

static lh_status collect_changes(struct comparison *comparison, struct lh_error *err) {
  for (size_t i = 0; i < comparison->before_count; i++) {
    const size_t place = comparison->before_to_after[i];
    LH_TRY(place == NOWHERE
               ? add_missing(comparison, i, err)
               : add_difference(comparison, &comparison->before[i], &comparison->after[place], err));
  }
  for (size_t i = 0; i < comparison->after_count; i++) {
    const struct lh_lake_column *const column = &comparison->after[i];
    if (comparison->after_to_before[i] == NOWHERE && !comparison->is_new_name[i]) {
      LH_TRY(add_change(
          comparison, LH_SCHEMA_ADDED, column->name, "", column->type,
          lh_arena_printf(comparison->arena, "column \"%s\" was added (%s)", column->name, column->type),
          err));
    }
  }
  return add_order(comparison, err);
}

lh_status lh_schema_compare(const struct lh_lake_column *before, size_t before_count,
                            const struct lh_lake_column *after, size_t after_count, struct lh_arena *arena,
                            struct lh_schema_change **out, size_t *count, struct lh_error *err) {
  struct comparison comparison = {
      .before = before,
      .after = after,
      .before_count = before_count,
      .after_count = after_count,
      .before_to_after = LH_ARENA_ARRAY(arena, size_t, before_count),
      .after_to_before = LH_ARENA_ARRAY(arena, size_t, after_count),
      .renamed_to = LH_ARENA_ARRAY(arena, size_t, before_count),
      .is_new_name = LH_ARENA_ARRAY(arena, bool, after_count),
      .changes = LH_ARENA_ARRAY(arena, struct lh_schema_change, before_count + after_count + 1),
      .arena = arena,
  };
  if (comparison.before_to_after == NULL || comparison.after_to_before == NULL ||
      comparison.renamed_to == NULL || comparison.is_new_name == NULL || comparison.changes == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(match_names(&comparison, err));
  guess_renames(&comparison);
  LH_TRY(collect_changes(&comparison, err));
  *out = comparison.changes;
  *count = comparison.change_count;
  return LH_OK;
}
