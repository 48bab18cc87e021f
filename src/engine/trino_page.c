/* Trino's answers: members of JSON objects, the columns of a result, and rows as values of columns. Numbers
 * are read from their digits, so that none passes through a double on its way to a decimal or a float. */
#include "engine/trino_page.h"

#include <stdlib.h>
#include <string.h>

static const struct lh_json_node *node_at(const struct lh_json_tape *tape, lh_trino_place at) {
  return lh_json_nodes(tape) + at;
}

lh_trino_place lh_trino_find(const struct lh_json_tape *tape, lh_trino_place at, const char *key) {
  const size_t length = strlen(key);
  const struct lh_json_node *const object = lh_json_count(tape) > 0 ? node_at(tape, at) : NULL;
  if (object == NULL || object->kind != LH_JSON_OBJECT) {
    return 0;
  }
  for (lh_trino_place i = at + 1; i < object->end; i = node_at(tape, i)->end) {
    const struct lh_json_node *const node = node_at(tape, i);
    if (node->key_length == length && memcmp(lh_json_key(tape, node), key, length) == 0) {
      return node->kind == LH_JSON_NULL ? 0 : i;
    }
  }
  return 0;
}

static char *copy_text(const struct lh_json_tape *tape, const struct lh_json_node *node,
                       struct lh_arena *arena) {
  return lh_arena_strndup(arena, (const char *)lh_json_bytes(tape, node), node->length);
}

lh_status lh_trino_text(const struct lh_json_tape *tape, lh_trino_place at, const char *key,
                        struct lh_arena *arena, const char **out, struct lh_error *err) {
  const lh_trino_place found = lh_trino_find(tape, at, key);
  *out = NULL;
  if (found == 0 || node_at(tape, found)->kind != LH_JSON_STRING) {
    return LH_OK;
  }
  *out = copy_text(tape, node_at(tape, found), arena);
  return *out != NULL ? LH_OK : lh_error_memory(err);
}

uint64_t lh_trino_number(const struct lh_json_tape *tape, lh_trino_place at, const char *key) {
  const lh_trino_place found = lh_trino_find(tape, at, key);
  if (found == 0 || node_at(tape, found)->kind != LH_JSON_NUMBER) {
    return 0;
  }
  uint64_t value = 0;
  const struct lh_json_node *const node = node_at(tape, found);
  const uint8_t *const digits = lh_json_bytes(tape, node);
  for (uint32_t i = 0; i < node->length && digits[i] >= '0' && digits[i] <= '9'; i++) {
    value = value * 10 + (uint64_t)(digits[i] - '0');
  }
  return value;
}

static lh_status fail_page(const char *what, struct lh_error *err) {
  return lh_error_set(err, LH_ERROR_CATALOG, "Trino's answer is not understood: %s", what);
}

lh_status lh_trino_read_columns(const struct lh_json_tape *tape, struct lh_arena *arena,
                                struct lh_schema *out, struct lh_error *err) {
  const lh_trino_place columns = lh_trino_find(tape, 0, "columns");
  *out = (struct lh_schema){0};
  if (columns == 0) {
    return LH_OK;
  }
  const struct lh_json_node *const list = node_at(tape, columns);
  if (list->kind != LH_JSON_ARRAY) {
    return fail_page("its columns are no list", err);
  }
  out->fields = LH_ARENA_ARRAY(arena, struct lh_field, list->length);
  if (out->fields == NULL) {
    return lh_error_memory(err);
  }
  for (lh_trino_place i = columns + 1; i < list->end; i = node_at(tape, i)->end) {
    struct lh_field *const field = &out->fields[out->field_count++];
    const char *type = NULL;
    LH_TRY(lh_trino_text(tape, i, "name", arena, &field->name, err));
    LH_TRY(lh_trino_text(tape, i, "type", arena, &type, err));
    if (field->name == NULL || type == NULL) {
      return fail_page("a column has no name or no type", err);
    }
    LH_TRY(lh_remote_parse_type(type, true, arena, field, err));
  }
  return LH_OK;
}

static lh_status append_value(const struct lh_json_tape *tape, lh_trino_place at, struct lh_column *column,
                              struct lh_error *err);

static lh_status append_list(const struct lh_json_tape *tape, lh_trino_place at, struct lh_column *column,
                             struct lh_error *err) {
  const uint32_t end = node_at(tape, at)->end;
  for (lh_trino_place i = at + 1; i < end; i = node_at(tape, i)->end) {
    LH_TRY(append_value(tape, i, &column->children[0], err));
  }
  return lh_column_append_list(column, err);
}

/* Keys are texts, whatever their type. */
static lh_status append_map(const struct lh_json_tape *tape, lh_trino_place at, struct lh_column *column,
                            struct lh_error *err) {
  const uint32_t end = node_at(tape, at)->end;
  for (lh_trino_place i = at + 1; i < end; i = node_at(tape, i)->end) {
    const struct lh_json_node *const node = node_at(tape, i);
    LH_TRY(lh_remote_append_text(&column->children[0], (const char *)lh_json_key(tape, node),
                                 node->key_length, LH_REMOTE_BYTES_BASE64, err));
    LH_TRY(append_value(tape, i, &column->children[1], err));
  }
  return lh_column_append_list(column, err);
}

static lh_status append_struct(const struct lh_json_tape *tape, lh_trino_place at, struct lh_column *column,
                               struct lh_error *err) {
  const struct lh_json_node *const node = node_at(tape, at);
  lh_trino_place i = at + 1;
  if (node->length != column->child_count) {
    return fail_page("a row has another number of members than its type", err);
  }
  for (size_t member = 0; member < column->child_count; member++) {
    LH_TRY(append_value(tape, i, &column->children[member], err));
    i = node_at(tape, i)->end;
  }
  return lh_column_append_struct(column, err);
}

/* A nested value that the lake has no form for, as its JSON. The tape has the places of scalars only, so that
 * it is the type's own text that is asked for. */
static lh_status refuse_nested(const struct lh_column *column, struct lh_error *err) {
  lh_error_set(err, LH_ERROR_DATA, "a value of type %s is nested", column->field->source_type);
  lh_error_hint(err, "write json_format(CAST(%s AS json))", column->field->name);
  return LH_ERROR_DATA;
}

static lh_status append_value(const struct lh_json_tape *tape, lh_trino_place at, struct lh_column *column,
                              struct lh_error *err) {
  const struct lh_json_node *const node = node_at(tape, at);
  const enum lh_type type = column->field->type;
  switch ((enum lh_json_kind)node->kind) {
    case LH_JSON_NULL:
      return lh_column_append_null(column, err);
    case LH_JSON_TRUE:
      return lh_remote_append_text(column, "true", 4, LH_REMOTE_BYTES_BASE64, err);
    case LH_JSON_FALSE:
      return lh_remote_append_text(column, "false", 5, LH_REMOTE_BYTES_BASE64, err);
    case LH_JSON_NUMBER:
    case LH_JSON_STRING:
      return lh_remote_append_text(column, (const char *)lh_json_bytes(tape, node), node->length,
                                   LH_REMOTE_BYTES_BASE64, err);
    case LH_JSON_ARRAY:
      return type == LH_TYPE_LIST     ? append_list(tape, at, column, err)
             : type == LH_TYPE_STRUCT ? append_struct(tape, at, column, err)
                                      : refuse_nested(column, err);
    case LH_JSON_OBJECT:
      return type == LH_TYPE_MAP ? append_map(tape, at, column, err) : refuse_nested(column, err);
  }
  return fail_page("a value is of no kind", err);
}

lh_status lh_trino_find_rows(const struct lh_json_tape *tape, lh_trino_place *first, lh_trino_place *end,
                             struct lh_error *err) {
  const lh_trino_place data = lh_trino_find(tape, 0, "data");
  *first = *end = 0;
  if (data == 0) {
    return LH_OK;
  }
  if (node_at(tape, data)->kind != LH_JSON_ARRAY) {
    return fail_page("its rows are no list", err);
  }
  *first = data + 1;
  *end = node_at(tape, data)->end;
  return LH_OK;
}

lh_status lh_trino_append_row(const struct lh_json_tape *tape, lh_trino_place at, struct lh_batch *batch,
                              struct lh_error *err) {
  const struct lh_json_node *const row = node_at(tape, at);
  if (row->kind != LH_JSON_ARRAY || row->length != batch->column_count) {
    return fail_page("a row has another number of values than there are columns", err);
  }
  lh_trino_place i = at + 1;
  for (size_t column = 0; column < batch->column_count; column++) {
    if (append_value(tape, i, &batch->columns[column], err) != LH_OK) {
      return lh_error_prefix(err, "column \"%s\"", batch->schema->fields[column].name);
    }
    i = node_at(tape, i)->end;
  }
  batch->row_count++;
  return LH_OK;
}
