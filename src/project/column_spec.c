/* The columns of a task: the lists include and exclude, and a mapping for each column that has settings. */
#include "project/column_spec.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define SCOPE_SIZE 512
#define DECIMAL_MAX_PRECISION 38
#define DECIMAL_EXAMPLE "decimal(12,2)"
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* -------- single values -------- */

lh_status lh_column_spec_read_unrepresentable(struct lh_yaml *yaml, const yaml_node_t *node,
                                              const char *scope, enum lh_unrepresentable *out,
                                              struct lh_error *err) {
  static const char *const words[] = {[LH_UNREPRESENTABLE_ERROR] = "error",
                                      [LH_UNREPRESENTABLE_NULL] = "null",
                                      [LH_UNREPRESENTABLE_CLAMP] = "clamp"};
  size_t index = 0;
  LH_TRY(lh_yaml_get_word(yaml, node, "on_unrepresentable", scope, words, LENGTH(words), &index, err));
  *out = (enum lh_unrepresentable)index;
  return LH_OK;
}

lh_status lh_column_spec_read_multidimensional(struct lh_yaml *yaml, const yaml_node_t *node,
                                               const char *scope, enum lh_multidimensional *out,
                                               struct lh_error *err) {
  static const char *const words[] = {[LH_MULTIDIMENSIONAL_ERROR] = "error",
                                      [LH_MULTIDIMENSIONAL_JSON] = "json",
                                      [LH_MULTIDIMENSIONAL_FLATTEN] = "flatten"};
  size_t index = 0;
  LH_TRY(lh_yaml_get_word(yaml, node, "multidimensional", scope, words, LENGTH(words), &index, err));
  *out = (enum lh_multidimensional)index;
  return LH_OK;
}

lh_status lh_column_spec_read_names(struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                                    enum lh_names *out, struct lh_error *err) {
  static const char *const words[] = {"lower", "keep"};
  size_t index = 0;
  LH_TRY(lh_yaml_get_word(yaml, node, "names", scope, words, LENGTH(words), &index, err));
  *out = index == 0 ? LH_NAMES_LOWER : LH_NAMES_KEEP;
  return LH_OK;
}

/* Digits at `*at`, at most three of them; -1 where there are none or more. */
static int parse_digits(const char **at) {
  int value = 0;
  const char *const begin = *at;
  while (**at >= '0' && **at <= '9' && *at - begin < 4) {
    value = value * 10 + (**at - '0');
    (*at)++;
  }
  return *at == begin || *at - begin > 3 ? -1 : value;
}

/* "decimal(12,2)", "decimal(12)". False where the text is of that kind and wrong. */
static bool parse_decimal(const char *text, int *precision, int *scale) {
  const char *at = text + strcspn(text, "(");
  if (*at != '(') {
    return false;
  }
  at++;
  *precision = parse_digits(&at);
  *scale = 0;
  if (*at == ',') {
    at++;
    at += strspn(at, " ");
    *scale = parse_digits(&at);
  }
  return strcmp(at, ")") == 0 && *precision >= 1 && *precision <= DECIMAL_MAX_PRECISION && *scale >= 0 &&
         *scale <= *precision;
}

static bool is_decimal(const char *text) {
  return strncmp(text, "decimal", strlen("decimal")) == 0 &&
         (text[strlen("decimal")] == '(' || text[strlen("decimal")] == '\0');
}

static lh_status fail_decimal(const struct lh_yaml *yaml, const yaml_node_t *node, const char *text,
                              struct lh_error *err) {
  lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "\"%.64s\" is no decimal of the lake", text);
  lh_error_hint(err, "write %s: a precision from 1 to %d, and a scale up to it", DECIMAL_EXAMPLE,
                DECIMAL_MAX_PRECISION);
  return LH_ERROR_PROJECT;
}

lh_status lh_column_spec_read_numeric(struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                                      struct lh_column_policy *out, struct lh_error *err) {
  static const enum lh_numeric_form forms[] = {LH_NUMERIC_TEXT, LH_NUMERIC_DOUBLE, LH_NUMERIC_PROBE};
  static const char *const words[] = {"text", "double", "probe", DECIMAL_EXAMPLE};
  const char *text;
  LH_TRY(lh_yaml_get_text(yaml, node, "numeric", scope, &text, err));
  if (is_decimal(text)) {
    out->numeric = LH_NUMERIC_DECIMAL;
    return parse_decimal(text, &out->numeric_precision, &out->numeric_scale)
               ? LH_OK
               : fail_decimal(yaml, node, text, err);
  }
  for (size_t i = 0; i < LENGTH(forms); i++) {
    if (strcmp(text, words[i]) == 0) {
      out->numeric = forms[i];
      return LH_OK;
    }
  }
  return lh_yaml_fail_unknown(yaml, node, "numeric", text, scope, words, LENGTH(words), err);
}

static lh_status read_type(struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                           struct lh_column_settings *settings, struct lh_error *err) {
  static const struct {
    const char *word;
    enum lh_cast cast;
  } types[] = {
      {"text", LH_CAST_TEXT},
      {"json", LH_CAST_JSON},
      {"boolean", LH_CAST_BOOLEAN},
      {"smallint", LH_CAST_SMALLINT},
      {"int", LH_CAST_INT},
      {"bigint", LH_CAST_BIGINT},
      {"float", LH_CAST_FLOAT},
      {"double", LH_CAST_DOUBLE},
      {DECIMAL_EXAMPLE, LH_CAST_DECIMAL},
      {"date", LH_CAST_DATE},
      {"time", LH_CAST_TIME},
      {"timestamp", LH_CAST_TIMESTAMP},
      {"timestamptz", LH_CAST_TIMESTAMPTZ},
      {"uuid", LH_CAST_UUID},
      {"geometry", LH_CAST_GEOMETRY},
      {"geography", LH_CAST_GEOGRAPHY},
      {"variant", LH_CAST_VARIANT},
  };
  const char *words[LENGTH(types)];
  const char *text;
  LH_TRY(lh_yaml_get_text(yaml, node, "type", scope, &text, err));
  if (is_decimal(text)) {
    settings->cast = LH_CAST_DECIMAL;
    return parse_decimal(text, &settings->precision, &settings->scale) ? LH_OK
                                                                       : fail_decimal(yaml, node, text, err);
  }
  for (size_t i = 0; i < LENGTH(types); i++) {
    words[i] = types[i].word;
    if (strcmp(text, words[i]) == 0) {
      settings->cast = types[i].cast;
      return LH_OK;
    }
  }
  return lh_yaml_fail_unknown(yaml, node, "type", text, scope, words, LENGTH(words), err);
}

static lh_status read_mask(struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                           enum lh_mask *out, struct lh_error *err) {
  static const char *const words[] = {"sha256", "null", "redact"};
  static const enum lh_mask masks[] = {LH_MASK_SHA256, LH_MASK_NULL, LH_MASK_REDACT};
  size_t index = 0;
  LH_TRY(lh_yaml_get_word(yaml, node, "mask", scope, words, LENGTH(words), &index, err));
  *out = masks[index];
  return LH_OK;
}

/* Whether the column's type takes it is asked once that is known. */
static lh_status read_encoding(struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                               enum lh_compat compat, enum lh_encoding *out, struct lh_error *err) {
  size_t index = 0;
  LH_TRY(
      lh_yaml_get_word(yaml, node, "encoding", scope, lh_encoding_words(), LH_ENCODING_COUNT, &index, err));
  *out = (enum lh_encoding)index;
  if (*out != LH_ENCODING_BYTE_STREAM_SPLIT || compat == LH_COMPAT_LATEST) {
    return LH_OK;
  }
  lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "%s asks for byte_stream_split, which Athena cannot read",
               scope);
  lh_error_hint(err, "say compat: latest for the task or the project where no older reader matters");
  return LH_ERROR_PROJECT;
}

static lh_status read_bloom(struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                            struct lh_column_settings *settings, struct lh_error *err) {
  static const char *const words[] = {"false", "true"};
  size_t index = 0;
  LH_TRY(lh_yaml_get_word(yaml, node, "bloom", scope, words, LENGTH(words), &index, err));
  settings->has_bloom = true;
  settings->bloom = index == 1;
  return LH_OK;
}

/* -------- one column -------- */

enum column_key {
  COLUMN_RENAME,
  COLUMN_TYPE,
  COLUMN_MASK,
  COLUMN_NUMERIC,
  COLUMN_MULTIDIMENSIONAL,
  COLUMN_ON_UNREPRESENTABLE,
  COLUMN_ENCODING,
  COLUMN_BLOOM,
  COLUMN_KEY_COUNT
};

static const struct lh_yaml_key column_keys[COLUMN_KEY_COUNT] = {
    [COLUMN_RENAME] = {"rename", false},
    [COLUMN_TYPE] = {"type", false},
    [COLUMN_MASK] = {"mask", false},
    [COLUMN_NUMERIC] = {"numeric", false},
    [COLUMN_MULTIDIMENSIONAL] = {"multidimensional", false},
    [COLUMN_ON_UNREPRESENTABLE] = {"on_unrepresentable", false},
    [COLUMN_ENCODING] = {"encoding", false},
    [COLUMN_BLOOM] = {"bloom", false},
};

/* Settings of which the second would have nothing left to work on. */
static lh_status check_together(const struct lh_yaml *yaml, const struct lh_yaml_field *fields,
                                const char *scope, struct lh_error *err) {
  static const struct {
    enum column_key key, other;
    const char *why;
  } pairs[] = {
      {COLUMN_MASK, COLUMN_TYPE, "a masked value is text, and none with mask: null"},
      {COLUMN_MASK, COLUMN_NUMERIC, "a masked value is text, and none with mask: null"},
      {COLUMN_TYPE, COLUMN_NUMERIC, "numeric is for columns that keep their type"},
  };
  for (size_t i = 0; i < LENGTH(pairs); i++) {
    const yaml_node_t *const second = fields[pairs[i].other].key;
    if (fields[pairs[i].key].key != NULL && second != NULL) {
      lh_yaml_fail(yaml, second, LH_ERROR_PROJECT, err, "%s has both %s and %s", scope,
                   column_keys[pairs[i].key].name, column_keys[pairs[i].other].name);
      lh_error_hint(err, "keep one of them: %s", pairs[i].why);
      return LH_ERROR_PROJECT;
    }
  }
  return LH_OK;
}

static lh_status read_rename(const struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                             const struct lh_task_spec *task, struct lh_column_settings *settings,
                             struct lh_error *err) {
  LH_TRY(lh_yaml_get_text(yaml, node, "rename", scope, &settings->rename, err));
  const char *const name = settings->rename;
  const bool plain = name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0' &&
                     !(name[0] >= '0' && name[0] <= '9');
  if (task->names == LH_NAMES_KEEP || plain) {
    return LH_OK;
  }
  lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "\"%.64s\" cannot name a column of the lake", name);
  lh_error_hint(err, "a-z, 0-9 and _, the first no digit; or say names: keep");
  return LH_ERROR_PROJECT;
}

static lh_status read_settings(struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                               const struct lh_task_spec *task, struct lh_column_settings *settings,
                               struct lh_error *err) {
  struct lh_yaml_field fields[COLUMN_KEY_COUNT];
  settings->policy = task->policy;
  LH_TRY(lh_yaml_get_fields(yaml, node, column_keys, COLUMN_KEY_COUNT, scope, fields, err));
  if (node->data.mapping.pairs.start == node->data.mapping.pairs.top) {
    lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "%s is empty", scope);
    lh_error_hint(err,
                  "say rename, type, mask, numeric, multidimensional, on_unrepresentable, encoding or bloom");
    return LH_ERROR_PROJECT;
  }
  LH_TRY(check_together(yaml, fields, scope, err));
  if (fields[COLUMN_RENAME].key != NULL) {
    LH_TRY(read_rename(yaml, fields[COLUMN_RENAME].value, scope, task, settings, err));
  }
  if (fields[COLUMN_TYPE].key != NULL) {
    LH_TRY(read_type(yaml, fields[COLUMN_TYPE].value, scope, settings, err));
  }
  if (fields[COLUMN_MASK].key != NULL) {
    LH_TRY(read_mask(yaml, fields[COLUMN_MASK].value, scope, &settings->mask, err));
  }
  if (fields[COLUMN_NUMERIC].key != NULL) {
    settings->has_numeric = true;
    LH_TRY(lh_column_spec_read_numeric(yaml, fields[COLUMN_NUMERIC].value, scope, &settings->policy, err));
  }
  if (fields[COLUMN_MULTIDIMENSIONAL].key != NULL) {
    LH_TRY(lh_column_spec_read_multidimensional(yaml, fields[COLUMN_MULTIDIMENSIONAL].value, scope,
                                                &settings->policy.multidimensional, err));
  }
  if (fields[COLUMN_ENCODING].key != NULL) {
    LH_TRY(read_encoding(yaml, fields[COLUMN_ENCODING].value, scope, task->compat, &settings->encoding, err));
  }
  if (fields[COLUMN_BLOOM].key != NULL) {
    LH_TRY(read_bloom(yaml, fields[COLUMN_BLOOM].value, scope, settings, err));
  }
  if (fields[COLUMN_ON_UNREPRESENTABLE].key != NULL) {
    LH_TRY(lh_column_spec_read_unrepresentable(yaml, fields[COLUMN_ON_UNREPRESENTABLE].value, scope,
                                               &settings->policy.on_unrepresentable, err));
  }
  return LH_OK;
}

/* -------- all of them -------- */

enum list_key { INCLUDE, EXCLUDE, LIST_COUNT };
static const char *const list_names[LIST_COUNT] = {[INCLUDE] = "include", [EXCLUDE] = "exclude"};

static lh_status fail_twice(const struct lh_yaml *yaml, const yaml_node_t *key, const char *word,
                            const char *scope, const yaml_node_t *first, struct lh_error *err) {
  lh_yaml_fail(yaml, key, LH_ERROR_PROJECT, err, "%.64s of %s is given twice, first on line %d", word, scope,
               lh_yaml_line(first));
  lh_error_hint(err, "keep one of them");
  return LH_ERROR_PROJECT;
}

/* One pair of the mapping: a list, or a column. */
static lh_status read_pair(struct lh_yaml *yaml, const yaml_node_pair_t *pair, const char *task_scope,
                           const char *scope, struct lh_yaml_field lists[LIST_COUNT], struct lh_map *seen,
                           struct lh_task_spec *task, struct lh_column_settings *settings,
                           struct lh_error *err) {
  yaml_node_t *const key = lh_yaml_node(yaml, pair->key);
  yaml_node_t *const value = lh_yaml_node(yaml, pair->value);
  const char *word;
  LH_TRY(lh_yaml_get_key(yaml, key, &word, err));
  if (value->type != YAML_MAPPING_NODE) {
    size_t list = 0;
    while (list < LIST_COUNT && strcmp(word, list_names[list]) != 0) {
      list++;
    }
    if (list == LIST_COUNT) {
      lh_yaml_fail_unknown(yaml, key, "key", word, scope, list_names, LIST_COUNT, err);
      if (strstr(err->hint, "did you mean") == NULL) {
        lh_error_hint(err, "known here: include, exclude; a column's settings are a mapping: %.64s: { … }",
                      word);
      }
      return LH_ERROR_PROJECT;
    }
    if (lists[list].key != NULL) {
      return fail_twice(yaml, key, word, scope, lists[list].key, err);
    }
    lists[list] = (struct lh_yaml_field){key, value};
    return LH_OK;
  }
  const yaml_node_t *const first = lh_map_get(seen, word);
  if (first != NULL) {
    return fail_twice(yaml, key, word, scope, first, err);
  }
  *settings = (struct lh_column_settings){.column = lh_arena_strdup(yaml->arena, word)};
  if (settings->column == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(lh_map_put(seen, settings->column, key, err));
  task->settings_count++;
  char column_scope[SCOPE_SIZE];
  const int shown = (int)lh_utf8_truncate(word, strlen(word), 64);
  snprintf(column_scope, sizeof(column_scope), "column %.*s of %s", shown, word, task_scope);
  return read_settings(yaml, value, column_scope, task, settings, err);
}

static bool names_column(const char *const *names, size_t count, const char *column) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(names[i], column) == 0) {
      return true;
    }
  }
  return false;
}

/* Settings for a column that is not taken are a mistake in one place or the other. */
static lh_status check_taken(const struct lh_yaml *yaml, const struct lh_map *seen, const char *task_scope,
                             const struct lh_task_spec *task, struct lh_error *err) {
  for (size_t i = 0; i < task->settings_count; i++) {
    const char *const column = task->settings[i].column;
    const bool excluded = names_column(task->exclude, task->exclude_count, column);
    if (!excluded && (task->include == NULL || names_column(task->include, task->include_count, column))) {
      continue;
    }
    const int shown = (int)lh_utf8_truncate(column, strlen(column), 64);
    lh_yaml_fail(yaml, lh_map_get(seen, column), LH_ERROR_PROJECT, err,
                 "column %.*s of %s has settings and is not taken", shown, column, task_scope);
    lh_error_hint(err, excluded ? "remove the settings, or the name from exclude"
                                : "remove the settings, or add the name to include");
    return LH_ERROR_PROJECT;
  }
  return LH_OK;
}

static lh_status read_lists(struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                            const struct lh_yaml_field lists[LIST_COUNT], struct lh_task_spec *task,
                            struct lh_error *err) {
  const bool include = lists[INCLUDE].key != NULL;
  const bool exclude = lists[EXCLUDE].key != NULL;
  if (include == exclude && (include || task->settings_count == 0)) {
    lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "%s has %s include %s exclude", scope,
                 include ? "both" : "neither", include ? "and" : "nor");
    lh_error_hint(err, "give one of them: the columns to take, or those to leave out");
    return LH_ERROR_PROJECT;
  }
  if (include) {
    LH_TRY(lh_yaml_get_texts(yaml, lists[INCLUDE].value, "include", scope, &task->include,
                             &task->include_count, err));
  }
  if (exclude) {
    LH_TRY(lh_yaml_get_texts(yaml, lists[EXCLUDE].value, "exclude", scope, &task->exclude,
                             &task->exclude_count, err));
  }
  return LH_OK;
}

lh_status lh_column_spec_read(struct lh_yaml *yaml, const yaml_node_t *node, const char *task_scope,
                              struct lh_task_spec *task, struct lh_error *err) {
  const lh_status status = lh_yaml_expect(yaml, node, YAML_MAPPING_NODE, "columns", task_scope, err);
  if (status != LH_OK) {
    lh_error_hint(err, "write columns: { include: [a, b] } or columns: { exclude: [a, b] }");
    return status;
  }
  const yaml_node_pair_t *const pairs = node->data.mapping.pairs.start;
  const size_t count = (size_t)(node->data.mapping.pairs.top - pairs);
  struct lh_column_settings *const settings =
      LH_ARENA_ARRAY(yaml->arena, struct lh_column_settings, count + 1);
  if (settings == NULL) {
    return lh_error_memory(err);
  }
  char scope[SCOPE_SIZE];
  snprintf(scope, sizeof(scope), "columns of %s", task_scope);
  struct lh_yaml_field lists[LIST_COUNT] = {{NULL, NULL}, {NULL, NULL}};
  struct lh_map seen;
  lh_map_init(&seen, yaml->arena);
  task->settings = settings;
  for (size_t i = 0; i < count; i++) {
    LH_TRY(read_pair(yaml, &pairs[i], task_scope, scope, lists, &seen, task, &settings[task->settings_count],
                     err));
  }
  LH_TRY(read_lists(yaml, node, scope, lists, task, err));
  return check_taken(yaml, &seen, task_scope, task, err);
}
