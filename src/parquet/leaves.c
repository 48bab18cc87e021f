/*
 * From a schema to the file's leaves: which physical type and form each gets, and the levels and steps
 * on the way to it. The file's schema elements (metadata.c) follow the same tree.
 */
#include <string.h>

#include "base/buf.h"
#include "column/batch.h"
#include "parquet/values.h"
#include "parquet/writer.h"

#define MAX_DEPTH 32
#define UUID_BYTES 16
#define UUID_TEXT_BYTES 36
#define TIME_TEXT_MAX_BYTES 15
#define LENGTH_BYTES 4

int lh_decimal_file_width(int precision) {
  lh_uint128 most = 1;
  for (int i = 0; i < precision; i++) {
    most *= 10;
  }
  most -= 1;
  int bytes = 1;
  while (bytes < 16 && (most >> (8 * bytes - 1)) != 0) {
    bytes++;
  }
  return bytes;
}

static void set(struct lh_leaf *leaf, enum lh_value_kind kind, enum lh_parquet_type type, size_t file_width) {
  leaf->kind = kind;
  leaf->form = LH_FORM_AS_IS;
  leaf->type = type;
  leaf->file_width = file_width;
}

static void set_text_form(struct lh_leaf *leaf, enum lh_value_form form, size_t text_bytes) {
  leaf->form = form;
  leaf->type = LH_PARQUET_BYTE_ARRAY;
  leaf->type_length = 0;
  leaf->file_width = LENGTH_BYTES + text_bytes;
}

static lh_status set_decimal(struct lh_leaf *leaf, struct lh_error *err) {
  const struct lh_field *const field = leaf->field;
  if (field->precision < 1 || field->precision > LH_DECIMAL_MAX_PRECISION || field->scale < 0 ||
      field->scale > field->precision) {
    return lh_error_set(err, LH_ERROR_UNSUPPORTED,
                        "column \"%s\" is decimal(%d,%d); a Parquet decimal here has precision 1 to %d and "
                        "scale 0 to its precision",
                        field->name, field->precision, field->scale, LH_DECIMAL_MAX_PRECISION);
  }
  if (leaf->width == sizeof(int32_t)) {
    set(leaf, LH_VALUE_INT32, LH_PARQUET_INT32, sizeof(int32_t));
  } else if (leaf->width == sizeof(int64_t)) {
    set(leaf, LH_VALUE_INT64, LH_PARQUET_INT64, sizeof(int64_t));
  } else {
    leaf->type_length = lh_decimal_file_width(field->precision);
    set(leaf, LH_VALUE_INT128, LH_PARQUET_FIXED, (size_t)leaf->type_length);
    leaf->form = LH_FORM_DECIMAL;
  }
  return LH_OK;
}

lh_status lh_leaf_set_type(struct lh_leaf *leaf, const struct lh_parquet_writer_options *options,
                           struct lh_error *err) {
  leaf->width = lh_field_width(leaf->field);
  switch (leaf->field->type) {
    case LH_TYPE_BOOL:
      set(leaf, LH_VALUE_BOOL, LH_PARQUET_BOOLEAN, 1);
      return LH_OK;
    case LH_TYPE_INT8:
    case LH_TYPE_INT16:
    case LH_TYPE_INT32:
    case LH_TYPE_DATE:
      set(leaf, LH_VALUE_INT32, LH_PARQUET_INT32, sizeof(int32_t));
      return LH_OK;
    case LH_TYPE_INT64:
    case LH_TYPE_TIMESTAMP:
      set(leaf, LH_VALUE_INT64, LH_PARQUET_INT64, sizeof(int64_t));
      return LH_OK;
    case LH_TYPE_TIME:
      set(leaf, LH_VALUE_INT64, LH_PARQUET_INT64, sizeof(int64_t));
      if (options->time_as_string && !leaf->field->native) {
        set_text_form(leaf, LH_FORM_TIME_TEXT, TIME_TEXT_MAX_BYTES);
      }
      return LH_OK;
    case LH_TYPE_FLOAT:
      set(leaf, LH_VALUE_FLOAT, LH_PARQUET_FLOAT, sizeof(float));
      return LH_OK;
    case LH_TYPE_DOUBLE:
      set(leaf, LH_VALUE_DOUBLE, LH_PARQUET_DOUBLE, sizeof(double));
      return LH_OK;
    case LH_TYPE_DECIMAL:
      return set_decimal(leaf, err);
    case LH_TYPE_UUID:
      set(leaf, LH_VALUE_UUID, LH_PARQUET_FIXED, UUID_BYTES);
      leaf->type_length = UUID_BYTES;
      if (options->uuid_as_string && !leaf->field->native) {
        set_text_form(leaf, LH_FORM_UUID_TEXT, UUID_TEXT_BYTES);
      }
      return LH_OK;
    case LH_TYPE_STRING:
    case LH_TYPE_JSON:
    case LH_TYPE_BINARY:
      set(leaf, LH_VALUE_BYTES, LH_PARQUET_BYTE_ARRAY, LENGTH_BYTES);
      leaf->is_text = leaf->field->type != LH_TYPE_BINARY;
      return LH_OK;
    case LH_TYPE_LIST:
    case LH_TYPE_STRUCT:
    case LH_TYPE_MAP:
    default:
      return lh_error_set(err, LH_ERROR_INTERNAL, "column \"%s\" is not a leaf", leaf->field->name);
  }
}

/* The way from the root to the field being visited. */
struct walk {
  const struct lh_parquet_writer_options *options;
  struct lh_arena *arena;
  struct lh_leaf *leaves;
  size_t count;
  struct lh_leaf_step steps[MAX_DEPTH];
  const char *path[2 * MAX_DEPTH]; /* a list or a map puts two names on the path */
};

static lh_status refuse(struct lh_error *err, const struct lh_field *field, const char *why) {
  return lh_error_set(err, LH_ERROR_UNSUPPORTED, "column \"%s\" cannot be written to Parquet: %s",
                      field->name, why);
}

static lh_status check_children(const struct lh_field *field, struct lh_error *err) {
  const bool is_list = field->type == LH_TYPE_LIST && field->child_count == 1;
  const bool is_map = field->type == LH_TYPE_MAP && field->child_count == 2 && !field->children[0].nullable;
  const bool is_struct = field->type == LH_TYPE_STRUCT && field->child_count > 0;
  if (is_list || is_map || is_struct) {
    return LH_OK;
  }
  return refuse(err, field,
                field->type == LH_TYPE_STRUCT ? "a struct needs at least one member"
                : field->type == LH_TYPE_MAP  ? "a map needs a key that is never null, and a value"
                                              : "a list needs exactly one element type");
}

static const struct lh_parquet_column_options *options_of(const struct walk *walk) {
  static const struct lh_parquet_column_options none;
  return walk->options->columns != NULL ? &walk->options->columns[walk->steps[0].child] : &none;
}

static lh_status add_leaf(struct walk *walk, const struct lh_field *field, size_t step_count,
                          size_t path_count, struct lh_error *err) {
  struct lh_leaf *const leaf = &walk->leaves[walk->count++];
  leaf->field = field;
  leaf->options = options_of(walk);
  struct lh_leaf_step *const steps = LH_ARENA_ARRAY(walk->arena, struct lh_leaf_step, step_count);
  leaf->path = LH_ARENA_ARRAY(walk->arena, const char *, path_count);
  if (steps == NULL || leaf->path == NULL) {
    return lh_error_memory(err);
  }
  const char *joined = NULL;
  for (size_t i = 0; i < path_count; i++) {
    leaf->path[i] = walk->path[i];
    joined = joined == NULL ? walk->path[i] : lh_arena_printf(walk->arena, "%s.%s", joined, walk->path[i]);
    if (joined == NULL) {
      return lh_error_memory(err);
    }
  }
  for (size_t i = 0; i < step_count; i++) {
    steps[i] = walk->steps[i];
    leaf->max_repetition = (uint8_t)(leaf->max_repetition + steps[i].repeated);
    leaf->max_definition = (uint8_t)(leaf->max_definition + steps[i].repeated + steps[i].nullable);
  }
  leaf->steps = steps;
  leaf->step_count = step_count;
  leaf->path_count = path_count;
  leaf->display_path = joined;
  return lh_leaf_set_type(leaf, walk->options, err);
}

/* Recursion is bounded by MAX_DEPTH. */
static lh_status visit(struct walk *walk, const struct lh_field *field, const char *name, size_t child,
                       size_t depth, size_t path_count, struct lh_error *err) {
  if (depth == MAX_DEPTH) {
    return refuse(err, field, "it is nested more than 32 levels deep");
  }
  const bool repeated = field->type == LH_TYPE_LIST || field->type == LH_TYPE_MAP;
  walk->steps[depth] =
      (struct lh_leaf_step){.child = child, .nullable = field->nullable, .repeated = repeated};
  walk->path[path_count++] = name;
  if (!lh_type_is_nested(field->type)) {
    return add_leaf(walk, field, depth + 1, path_count, err);
  }
  LH_TRY(check_children(field, err));
  if (repeated) {
    walk->path[path_count++] = field->type == LH_TYPE_LIST ? "list" : "key_value";
  }
  for (size_t i = 0; i < field->child_count; i++) {
    const struct lh_field *const member = &field->children[i];
    const char *const member_name = field->type == LH_TYPE_LIST  ? "element"
                                    : field->type == LH_TYPE_MAP ? (i == 0 ? "key" : "value")
                                                                 : member->name;
    LH_TRY(visit(walk, member, member_name, i, depth + 1, path_count, err));
  }
  return LH_OK;
}

lh_status lh_leaves_from_schema(const struct lh_schema *schema,
                                const struct lh_parquet_writer_options *options, struct lh_arena *arena,
                                struct lh_leaf **out, size_t *count, struct lh_error *err) {
  size_t total = 0;
  for (size_t i = 0; i < schema->field_count; i++) {
    total += lh_field_leaf_count(&schema->fields[i]);
  }
  if (total == 0) {
    lh_error_set(err, LH_ERROR_UNSUPPORTED, "a table without columns cannot be written to Parquet");
    lh_error_hint(err, "select at least one column");
    return err->code;
  }
  struct walk walk = {.options = options, .arena = arena};
  walk.leaves = LH_ARENA_ARRAY(arena, struct lh_leaf, total);
  if (walk.leaves == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < schema->field_count; i++) {
    LH_TRY(visit(&walk, &schema->fields[i], schema->fields[i].name, i, 0, 0, err));
  }
  *out = walk.leaves;
  *count = walk.count;
  return LH_OK;
}
