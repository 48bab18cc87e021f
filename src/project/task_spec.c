/* One task of the project file: its name, its kind, what each kind takes, and the SQL file it points at. */
#include "project/task_spec.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "base/str.h"
#include "project/catalog_spec.h"
#include "project/column_spec.h"
#include "project/partition_spec.h"
#include "project/quantity.h"

#define RESERVED_NAME "_lakehaul" /* the lake's own folder */
#define SCOPE_SIZE 256
#define FILE_LEAST_BYTES ((uint64_t)1 << 20)
#define SUGGESTED_FILES_MAX 512

/* Kinds first: their places in the table are those of enum lh_task_kind. */
enum task_key {
  KEY_TABLE,
  KEY_QUERY,
  KEY_SQL,
  KEY_COMMAND,
  KEY_COLUMNS,
  KEY_COMPRESSION,
  KEY_SCHEMA,
  KEY_WHERE,
  KEY_ON_UNREPRESENTABLE,
  KEY_NUMERIC,
  KEY_MULTIDIMENSIONAL,
  KEY_NAMES,
  KEY_COMPAT,
  KEY_BLOOM,
  KEY_SORT_BY,
  KEY_STREAMS,
  KEY_SPLIT_BY,
  KEY_FILE_SIZE,
  KEY_PARTITION_BY,
  KEY_WATERMARK,
  KEY_ENGINE,
  KEY_INPUTS,
  KEY_PARTITION_INDEX,
  KEY_PARTITION_PROJECTION,
  KEY_VIEW,
  KEY_TIMEOUT,
  KEY_MEMORY
};
#define KIND_COUNT 4

static const struct lh_yaml_key task_keys[] = {
    [KEY_TABLE] = {"table", false},
    [KEY_QUERY] = {"query", false},
    [KEY_SQL] = {"sql", false},
    [KEY_COMMAND] = {"command", false},
    [KEY_COLUMNS] = {"columns", false},
    [KEY_COMPRESSION] = {"compression", false},
    [KEY_SCHEMA] = {"schema", false},
    [KEY_WHERE] = {"where", false},
    [KEY_ON_UNREPRESENTABLE] = {"on_unrepresentable", false},
    [KEY_NUMERIC] = {"numeric", false},
    [KEY_MULTIDIMENSIONAL] = {"multidimensional", false},
    [KEY_NAMES] = {"names", false},
    [KEY_COMPAT] = {"compat", false},
    [KEY_BLOOM] = {"bloom", false},
    [KEY_SORT_BY] = {"sort_by", false},
    [KEY_STREAMS] = {"streams", false},
    [KEY_SPLIT_BY] = {"split_by", false},
    [KEY_FILE_SIZE] = {"file_size", false},
    [KEY_PARTITION_BY] = {"partition_by", false},
    [KEY_WATERMARK] = {"watermark", false},
    [KEY_ENGINE] = {"engine", false},
    [KEY_INPUTS] = {"inputs", false},
    [KEY_PARTITION_INDEX] = {"partition_index", false},
    [KEY_PARTITION_PROJECTION] = {"partition_projection", false},
    [KEY_VIEW] = {"view", false},
    [KEY_TIMEOUT] = {"timeout", false},
    [KEY_MEMORY] = {"memory", false},
    {"file", true},
    {"c", true},
    {"load", true},
    {"checks", true},
    {"into", true},
    {"mode", true},
    {"key", true},
    {"source", true},
};
#define TASK_KEY_COUNT (sizeof(task_keys) / sizeof(task_keys[0]))

const char *lh_task_kind_name(enum lh_task_kind kind) {
  return task_keys[kind].name;
}

bool lh_task_kind_reads_source(enum lh_task_kind kind) {
  return kind == LH_TASK_TABLE || kind == LH_TASK_QUERY;
}

const char *lh_task_spec_kind_name(const struct lh_task_spec *task) {
  return task->is_view ? "view" : lh_task_kind_name(task->kind);
}

static bool name_is_valid(const char *name) {
  const size_t length = strlen(name);
  if (length == 0 || length > LH_TASK_NAME_MAX_BYTES || (name[0] >= '0' && name[0] <= '9')) {
    return false;
  }
  return name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static lh_status check_name(const struct lh_yaml *yaml, const yaml_node_t *key, const char *name,
                            struct lh_error *err) {
  if (strcmp(name, RESERVED_NAME) == 0) {
    lh_yaml_fail(yaml, key, LH_ERROR_PROJECT, err, "the task name %s is reserved", RESERVED_NAME);
    lh_error_hint(err, "the lake keeps its own files under that name: choose another");
    return LH_ERROR_PROJECT;
  }
  if (name_is_valid(name)) {
    return LH_OK;
  }
  const int shown = (int)lh_utf8_truncate(name, strlen(name), 64);
  lh_yaml_fail(yaml, key, LH_ERROR_PROJECT, err, "\"%.*s\" cannot name a task", shown, name);
  lh_error_hint(err, "a task names a table of the lake: a-z, 0-9 and _, at most %d, the first no digit",
                LH_TASK_NAME_MAX_BYTES);
  return LH_ERROR_PROJECT;
}

static const char *const engine_names[] = {
    [LH_ENGINE_DUCKDB] = "duckdb", [LH_ENGINE_ATHENA] = "athena", [LH_ENGINE_TRINO] = "trino"};

const char *lh_engine_kind_name(enum lh_engine_kind kind) {
  return engine_names[kind];
}

lh_status lh_task_spec_read_engine(const struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                                   enum lh_engine_kind *out, struct lh_error *err) {
  size_t index = 0;
  LH_TRY(lh_yaml_get_word(yaml, node, "engine", scope, engine_names,
                          sizeof(engine_names) / sizeof(engine_names[0]), &index, err));
  *out = (enum lh_engine_kind)index;
  return LH_OK;
}

lh_status lh_task_spec_read_compression(const struct lh_yaml *yaml, const yaml_node_t *node,
                                        const char *scope, enum lh_codec *codec, int *level,
                                        struct lh_error *err) {
  const char *text;
  LH_TRY(lh_yaml_get_text(yaml, node, "compression", scope, &text, err));
  struct lh_error problem;
  if (lh_codec_parse(text, codec, level, &problem) == LH_OK) {
    return LH_OK;
  }
  lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "%s%s%s", problem.message, scope != NULL ? " in " : "",
               scope != NULL ? scope : "");
  lh_error_hint(err, "%s", problem.hint);
  return LH_ERROR_PROJECT;
}

lh_status lh_task_spec_read_compat(const struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                                   enum lh_compat *out, struct lh_error *err) {
  static const char *const words[] = {[LH_COMPAT_ATHENA] = "athena", [LH_COMPAT_LATEST] = "latest"};
  size_t index = 0;
  LH_TRY(lh_yaml_get_word(yaml, node, "compat", scope, words, sizeof(words) / sizeof(words[0]), &index, err));
  *out = (enum lh_compat)index;
  return LH_OK;
}

lh_status lh_task_spec_read_bloom(const struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                                  bool *no_bloom, struct lh_error *err) {
  static const char *const words[] = {"auto", "none"};
  size_t index = 0;
  LH_TRY(lh_yaml_get_word(yaml, node, "bloom", scope, words, sizeof(words) / sizeof(words[0]), &index, err));
  *no_bloom = index == 1;
  return LH_OK;
}

/* "placed_at", "total desc": a column, and behind it asc or desc. */
static lh_status read_sort_key(const char *text, struct lh_arena *arena, struct lh_sort_key *out,
                               struct lh_error *err) {
  size_t length = strlen(text);
  const char *const space = strrchr(text, ' ');
  const bool falls = space != NULL && strcasecmp(space + 1, "desc") == 0;
  if (falls || (space != NULL && strcasecmp(space + 1, "asc") == 0)) {
    length = (size_t)(space - text);
    while (length > 0 && text[length - 1] == ' ') {
      length--;
    }
  }
  out->is_descending = falls;
  out->column = lh_arena_strndup(arena, text, length);
  return out->column != NULL ? LH_OK : lh_error_memory(err);
}

static lh_status read_sort_by(struct lh_yaml *yaml, const struct lh_yaml_field *field, const char *scope,
                              struct lh_task_spec *task, struct lh_error *err) {
  const char *const *texts = NULL;
  size_t count = 0;
  LH_TRY(lh_yaml_get_texts(yaml, field->value, "sort_by", scope, &texts, &count, err));
  struct lh_sort_key *const keys = LH_ARENA_ARRAY(yaml->arena, struct lh_sort_key, count);
  if (keys == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    LH_TRY(read_sort_key(texts[i], yaml->arena, &keys[i], err));
    for (size_t j = 0; j < i; j++) {
      if (strcmp(keys[j].column, keys[i].column) == 0) {
        lh_yaml_fail(yaml, field->value, LH_ERROR_PROJECT, err, "sort_by of %s names %.64s twice", scope,
                     keys[i].column);
        lh_error_hint(err, "the first decides: keep that one");
        return LH_ERROR_PROJECT;
      }
    }
  }
  task->sort_by = keys;
  task->sort_by_count = count;
  return LH_OK;
}

/* Sorted rows come in one order, and so over one connection. */
static lh_status check_sorted(const struct lh_yaml *yaml, const struct lh_yaml_field *fields,
                              const char *scope, struct lh_error *err) {
  static const enum task_key others[] = {KEY_SPLIT_BY, KEY_STREAMS};
  for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
    const yaml_node_t *const key = fields[others[i]].key;
    if (key != NULL) {
      lh_yaml_fail(yaml, key, LH_ERROR_PROJECT, err, "%s has both sort_by and %s", scope,
                   task_keys[others[i]].name);
      lh_error_hint(err, "keep one of them: sorted rows are read over one connection");
      return LH_ERROR_PROJECT;
    }
  }
  return LH_OK;
}

lh_status lh_task_spec_read_schema_rule(const struct lh_yaml *yaml, const yaml_node_t *node,
                                        const char *scope, enum lh_schema_rule *out, struct lh_error *err) {
  static const char *const words[] = {[LH_SCHEMA_EVOLVE] = "evolve", [LH_SCHEMA_STRICT] = "strict"};
  const char *text;
  LH_TRY(lh_yaml_get_text(yaml, node, "schema", scope, &text, err));
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
    if (strcmp(text, words[i]) == 0) {
      *out = (enum lh_schema_rule)i;
      return LH_OK;
    }
  }
  return lh_yaml_fail_unknown(yaml, node, "schema", text, scope, words, sizeof(words) / sizeof(words[0]),
                              err);
}

/* Suggests the file of the same directory whose name is nearest. */
static void hint_nearest_file(const char *written, const char *full_path, struct lh_arena *arena,
                              struct lh_error *err) {
  const char *const directory_path = lh_path_directory(full_path, arena);
  DIR *const directory = directory_path != NULL ? opendir(directory_path) : NULL;
  if (directory == NULL) {
    lh_error_hint(err, "paths start from the project file's directory; %s is not there",
                  directory_path != NULL ? directory_path : "it");
    return;
  }
  const char **const names = LH_ARENA_ARRAY(arena, const char *, SUGGESTED_FILES_MAX);
  size_t count = 0;
  const struct dirent *entry;
  while (names != NULL && count < SUGGESTED_FILES_MAX && (entry = readdir(directory)) != NULL) {
    const char *const name = entry->d_name[0] != '.' ? lh_arena_strdup(arena, entry->d_name) : NULL;
    if (name != NULL) {
      names[count++] = name;
    }
  }
  closedir(directory);
  const char *const slash = strrchr(written, '/');
  const size_t prefix_length = slash != NULL ? (size_t)(slash + 1 - written) : 0;
  const char *const nearest = names != NULL ? lh_str_nearest(written + prefix_length, names, count) : NULL;
  if (nearest != NULL) {
    lh_error_hint(err, "did you mean \"%.*s%s\"?", (int)prefix_length, written, nearest);
  } else {
    lh_error_hint(err, "paths start from the project file's directory");
  }
}

static lh_status check_sql_text(const struct lh_yaml *yaml, const yaml_node_t *node, const char *path,
                                const struct lh_buf *text, struct lh_error *err) {
  bool blank = true;
  for (size_t i = 0; i < text->len; i++) {
    if (text->data[i] == '\0') {
      return lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "%s holds the character NUL", path);
    }
    blank = blank && isspace(text->data[i]);
  }
  if (!blank && !lh_utf8_valid(text->data, text->len)) {
    return lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "%s is not UTF-8 text", path);
  }
  if (!blank) {
    return LH_OK;
  }
  lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "%s is empty", path);
  lh_error_hint(err, "write the SELECT that makes the table into it");
  return LH_ERROR_PROJECT;
}

static lh_status read_sql_file(const struct lh_yaml *yaml, const yaml_node_t *node, const char *directory,
                               struct lh_task_spec *task, struct lh_error *err) {
  static const char byte_order_mark[] = "\xEF\xBB\xBF";
  const char *const path = lh_path_join(directory, task->sql_path, yaml->arena);
  if (path == NULL) {
    return lh_error_memory(err);
  }
  struct lh_buf text;
  lh_buf_init(&text, LH_PROJECT_FILE_MAX_BYTES);
  lh_status status = lh_fs_read(path, &text, LH_ERROR_PROJECT, err);
  if (status == LH_ERROR_PROJECT) {
    lh_error_prefix(err, "%s:%zu:%zu", yaml->path, node->start_mark.line + 1, node->start_mark.column + 1);
    hint_nearest_file(task->sql_path, path, yaml->arena, err);
  }
  if (status == LH_OK) {
    status = check_sql_text(yaml, node, path, &text, err);
  }
  if (status == LH_OK) {
    const size_t skipped = text.len >= 3 && memcmp(text.data, byte_order_mark, 3) == 0 ? 3 : 0;
    task->sql = lh_arena_strndup(yaml->arena, (const char *)text.data + skipped, text.len - skipped);
    status = task->sql != NULL ? LH_OK : lh_error_memory(err);
  }
  lh_buf_clear(&text);
  return status;
}

/* The one kind key among the fields. */
static lh_status find_kind(const struct lh_yaml *yaml, const yaml_node_t *key, const char *scope,
                           const struct lh_yaml_field *fields, enum lh_task_kind *out, struct lh_error *err) {
  int found = -1;
  for (int kind = 0; kind < KIND_COUNT; kind++) {
    if (fields[kind].key == NULL) {
      continue;
    }
    if (found >= 0) {
      lh_yaml_fail(yaml, key, LH_ERROR_PROJECT, err, "%s has two kinds, %s and %s", scope,
                   task_keys[found].name, task_keys[kind].name);
      lh_error_hint(err, "keep one of them, or make two tasks of it");
      return LH_ERROR_PROJECT;
    }
    found = kind;
  }
  if (found < 0) {
    lh_yaml_fail(yaml, key, LH_ERROR_PROJECT, err, "%s has no kind", scope);
    lh_error_hint(err, "give it one of table, query, sql, for example { table: public.orders }");
    return LH_ERROR_PROJECT;
  }
  *out = (enum lh_task_kind)found;
  return LH_OK;
}

/* Arguments as they are given: empty ones and equal ones, too. */
static lh_status read_command(struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                              struct lh_task_spec *task, struct lh_error *err) {
  const bool is_list = node->type == YAML_SEQUENCE_NODE;
  const yaml_node_item_t *const items = is_list ? node->data.sequence.items.start : NULL;
  const size_t count = is_list ? (size_t)(node->data.sequence.items.top - items) : 0;
  if (count == 0) {
    lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err,
                 "command of %s must be a list of the program and its arguments", scope);
    lh_error_hint(err, "write command: [python3, tasks/score.py]");
    return LH_ERROR_PROJECT;
  }
  const char **const command = LH_ARENA_ARRAY(yaml->arena, const char *, count);
  if (command == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    const yaml_node_t *const item = lh_yaml_node(yaml, items[i]);
    const bool is_empty = item->type == YAML_SCALAR_NODE && item->data.scalar.length == 0 && i > 0;
    command[i] = "";
    if (!is_empty) {
      LH_TRY(lh_yaml_get_text(yaml, item, "command", scope, &command[i], err));
    }
  }
  task->command = command;
  task->command_count = count;
  return LH_OK;
}

static lh_status read_kind_value(struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                                 const char *directory, struct lh_task_spec *task, struct lh_error *err) {
  const char *text;
  if (task->kind == LH_TASK_COMMAND) {
    return read_command(yaml, node, scope, task, err);
  }
  LH_TRY(lh_yaml_get_text(yaml, node, lh_task_kind_name(task->kind), scope, &text, err));
  switch (task->kind) {
    case LH_TASK_TABLE:
      task->table = text;
      return LH_OK;
    case LH_TASK_QUERY:
      task->query = text;
      return LH_OK;
    case LH_TASK_SQL:
      task->sql_path = text;
      return read_sql_file(yaml, node, directory, task, err);
    case LH_TASK_COMMAND:
      break;
  }
  return lh_error_set(err, LH_ERROR_INTERNAL, "task kind %d is unknown", (int)task->kind);
}

static bool takes(enum lh_task_kind kind, enum task_key key, bool of_queries) {
  switch (kind) {
    case LH_TASK_TABLE:
      return key != KEY_ENGINE && key != KEY_INPUTS && key != KEY_TIMEOUT && key != KEY_MEMORY;
    case LH_TASK_QUERY:
      return of_queries;
    case LH_TASK_SQL:
      return key == KEY_ENGINE || key == KEY_INPUTS;
    case LH_TASK_COMMAND:
      return key == KEY_INPUTS || key == KEY_TIMEOUT || key == KEY_MEMORY;
  }
  return false;
}

/* What concerns rows as the database has them says nothing to a task that reads the lake, nor the other way.
 */
static lh_status check_kind_takes(const struct lh_yaml *yaml, const struct lh_yaml_field *fields,
                                  const char *scope, enum lh_task_kind kind, struct lh_error *err) {
  static const struct {
    enum task_key key;
    bool of_queries;
    const char *hint;
  } of_tables[] = {
      {KEY_COLUMNS, true, "name the columns in its SELECT"},
      {KEY_WHERE, false, "write the condition into its SELECT"},
      {KEY_ON_UNREPRESENTABLE, true, "it is for tasks that read PostgreSQL"},
      {KEY_NUMERIC, true, "it is for tasks that read PostgreSQL"},
      {KEY_MULTIDIMENSIONAL, true, "it is for tasks that read PostgreSQL"},
      {KEY_NAMES, true, "name the columns in its SELECT"},
      {KEY_STREAMS, false, "only tables are read over several connections"},
      {KEY_SPLIT_BY, false, "only tables are read over several connections"},
      {KEY_WATERMARK, true, "it is for tasks that read PostgreSQL"},
      {KEY_ENGINE, false, "it is for SQL tasks: others run here"},
      {KEY_INPUTS, false, "it is for SQL and command tasks: others read PostgreSQL"},
      {KEY_TIMEOUT, false, "it is for command tasks"},
      {KEY_MEMORY, false, "it is for command tasks; the project's memory is divided among all others"},
  };
  for (size_t i = 0; i < sizeof(of_tables) / sizeof(of_tables[0]); i++) {
    const yaml_node_t *const key = fields[of_tables[i].key].key;
    const bool taken = takes(kind, of_tables[i].key, of_tables[i].of_queries);
    if (key != NULL && !taken) {
      lh_yaml_fail(yaml, key, LH_ERROR_PROJECT, err, "%s is of kind %s and takes no %s", scope,
                   lh_task_kind_name(kind), task_keys[of_tables[i].key].name);
      lh_error_hint(err, "%s", of_tables[i].hint);
      return LH_ERROR_PROJECT;
    }
  }
  return LH_OK;
}

lh_status lh_task_spec_read_file_size(const struct lh_yaml *yaml, const yaml_node_t *node, const char *scope,
                                      uint64_t *out, struct lh_error *err) {
  LH_TRY(lh_quantity_read_bytes(yaml, node, "file_size", scope, out, err));
  if (*out < FILE_LEAST_BYTES) {
    return lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "file_size%s%s must be at least 1MB, not %.64s",
                        scope != NULL ? " of " : "", scope != NULL ? scope : "",
                        (const char *)node->data.scalar.value);
  }
  return LH_OK;
}

/* Into how many connections and files a table goes. */
static lh_status read_division(const struct lh_yaml *yaml, const struct lh_yaml_field *fields,
                               const char *scope, struct lh_task_spec *task, struct lh_error *err) {
  if (fields[KEY_STREAMS].key != NULL) {
    LH_TRY(lh_yaml_get_int(yaml, fields[KEY_STREAMS].value, "streams", scope, 1, LH_STREAMS_MAX,
                           &task->streams, err));
  }
  if (fields[KEY_SPLIT_BY].key != NULL) {
    LH_TRY(lh_yaml_get_text(yaml, fields[KEY_SPLIT_BY].value, "split_by", scope, &task->split_by, err));
  }
  if (fields[KEY_FILE_SIZE].key != NULL) {
    LH_TRY(lh_task_spec_read_file_size(yaml, fields[KEY_FILE_SIZE].value, scope, &task->file_bytes, err));
  }
  return LH_OK;
}

static lh_status read_policy(struct lh_yaml *yaml, const struct lh_yaml_field *fields, const char *scope,
                             struct lh_task_spec *task, struct lh_error *err) {
  if (fields[KEY_WHERE].key != NULL) {
    LH_TRY(lh_yaml_get_text(yaml, fields[KEY_WHERE].value, "where", scope, &task->where, err));
  }
  if (fields[KEY_ON_UNREPRESENTABLE].key != NULL) {
    LH_TRY(lh_column_spec_read_unrepresentable(yaml, fields[KEY_ON_UNREPRESENTABLE].value, scope,
                                               &task->policy.on_unrepresentable, err));
  }
  if (fields[KEY_NUMERIC].key != NULL) {
    LH_TRY(lh_column_spec_read_numeric(yaml, fields[KEY_NUMERIC].value, scope, &task->policy, err));
  }
  if (fields[KEY_MULTIDIMENSIONAL].key != NULL) {
    LH_TRY(lh_column_spec_read_multidimensional(yaml, fields[KEY_MULTIDIMENSIONAL].value, scope,
                                                &task->policy.multidimensional, err));
  }
  if (fields[KEY_NAMES].key != NULL) {
    LH_TRY(lh_column_spec_read_names(yaml, fields[KEY_NAMES].value, scope, &task->names, err));
  }
  return LH_OK;
}

/* Where a SQL task runs, and what it reads. Elsewhere it is not lakehaul that writes the files. */
static lh_status read_engine(struct lh_yaml *yaml, const struct lh_yaml_field *fields, const char *scope,
                             struct lh_task_spec *task, struct lh_error *err) {
  static const enum task_key of_the_writer[] = {KEY_PARTITION_BY, KEY_SORT_BY, KEY_COMPAT, KEY_BLOOM,
                                                KEY_FILE_SIZE};
  if (fields[KEY_ENGINE].key != NULL) {
    LH_TRY(lh_task_spec_read_engine(yaml, fields[KEY_ENGINE].value, scope, &task->engine, err));
  }
  if (fields[KEY_INPUTS].key != NULL) {
    LH_TRY(lh_yaml_get_texts(yaml, fields[KEY_INPUTS].value, "inputs", scope, &task->inputs,
                             &task->input_count, err));
  }
  const bool is_elsewhere = task->kind == LH_TASK_SQL && task->engine != LH_ENGINE_DUCKDB;
  for (size_t i = 0; is_elsewhere && i < sizeof(of_the_writer) / sizeof(of_the_writer[0]); i++) {
    const yaml_node_t *const key = fields[of_the_writer[i]].key;
    if (key != NULL) {
      lh_yaml_fail(yaml, key, LH_ERROR_PROJECT, err, "%s runs on %s, which takes no %s", scope,
                   lh_engine_kind_name(task->engine), task_keys[of_the_writer[i]].name);
      lh_error_hint(err, "leave it out, or write engine: duckdb");
      return LH_ERROR_PROJECT;
    }
  }
  return LH_OK;
}

/* How long the program of a task may run, and in how much memory. */
static lh_status read_limits(const struct lh_yaml *yaml, const struct lh_yaml_field *fields,
                             const char *scope, struct lh_task_spec *task, struct lh_error *err) {
  if (fields[KEY_TIMEOUT].key != NULL) {
    LH_TRY(
        lh_quantity_read_duration(yaml, fields[KEY_TIMEOUT].value, "timeout", scope, &task->timeout_ms, err));
  }
  if (fields[KEY_MEMORY].key != NULL) {
    LH_TRY(lh_quantity_read_bytes(yaml, fields[KEY_MEMORY].value, "memory", scope, &task->memory_bytes, err));
  }
  return LH_OK;
}

/* A view is a name for its SELECT: nothing is written. */
static lh_status read_view(const struct lh_yaml *yaml, const struct lh_yaml_field *fields, const char *scope,
                           struct lh_task_spec *task, struct lh_error *err) {
  static const enum task_key of_files[] = {
      KEY_COMPRESSION, KEY_COMPAT,       KEY_BLOOM,           KEY_SORT_BY,
      KEY_FILE_SIZE,   KEY_PARTITION_BY, KEY_PARTITION_INDEX, KEY_PARTITION_PROJECTION};
  const struct lh_yaml_field *const view = &fields[KEY_VIEW];
  if (view->key == NULL) {
    return LH_OK;
  }
  LH_TRY(lh_catalog_spec_read_view(yaml, view, scope, task, err));
  for (size_t i = 0; task->is_view && i < sizeof(of_files) / sizeof(of_files[0]); i++) {
    const yaml_node_t *const key = fields[of_files[i]].key;
    if (key != NULL) {
      lh_yaml_fail(yaml, key, LH_ERROR_PROJECT, err, "%s is a view and takes no %s", scope,
                   task_keys[of_files[i]].name);
      lh_error_hint(err, "it is for tables, which have files");
      return LH_ERROR_PROJECT;
    }
  }
  return LH_OK;
}

static lh_status read_partitions(struct lh_yaml *yaml, const struct lh_yaml_field *fields, const char *scope,
                                 struct lh_task_spec *task, struct lh_error *err) {
  const struct lh_yaml_field *const watermark = &fields[KEY_WATERMARK];
  if (fields[KEY_PARTITION_BY].key != NULL) {
    LH_TRY(lh_partition_spec_read(yaml, fields[KEY_PARTITION_BY].value, scope, &task->partition_by, err));
  }
  if (watermark->key == NULL) {
    return LH_OK;
  }
  LH_TRY(lh_yaml_get_text(yaml, watermark->value, "watermark", scope, &task->watermark, err));
  if (task->partition_by.count > 0) {
    return LH_OK;
  }
  lh_yaml_fail(yaml, watermark->key, LH_ERROR_PROJECT, err, "%s has a watermark and no partition_by", scope);
  lh_error_hint(err, "a watermark says which partitions have changed: add partition_by, or leave it out");
  return LH_ERROR_PROJECT;
}

lh_status lh_task_spec_read(struct lh_yaml *yaml, const yaml_node_t *key, const yaml_node_t *value,
                            const char *directory, struct lh_task_spec *task, struct lh_error *err) {
  const char *name;
  LH_TRY(lh_yaml_get_key(yaml, key, &name, err));
  LH_TRY(check_name(yaml, key, name, err));
  task->name = lh_arena_strdup(yaml->arena, name);
  if (task->name == NULL) {
    return lh_error_memory(err);
  }
  task->line = lh_yaml_line(key);
  const lh_status status = lh_yaml_expect(yaml, value, YAML_MAPPING_NODE, "task", task->name, err);
  if (status != LH_OK) {
    lh_yaml_fail(yaml, value, status, err, "task %s does not say what it hauls", task->name);
    lh_error_hint(err, "write %s: { table: public.orders }, or another kind: query, sql", task->name);
    return status;
  }
  char scope[SCOPE_SIZE];
  snprintf(scope, sizeof(scope), "task %s", task->name);
  struct lh_yaml_field fields[TASK_KEY_COUNT];
  LH_TRY(lh_yaml_get_fields(yaml, value, task_keys, TASK_KEY_COUNT, scope, fields, err));
  LH_TRY(find_kind(yaml, key, scope, fields, &task->kind, err));
  LH_TRY(check_kind_takes(yaml, fields, scope, task->kind, err));
  LH_TRY(read_view(yaml, fields, scope, task, err));
  LH_TRY(read_policy(yaml, fields, scope, task, err));
  if (fields[KEY_COMPAT].key != NULL) {
    LH_TRY(lh_task_spec_read_compat(yaml, fields[KEY_COMPAT].value, scope, &task->compat, err));
  }
  if (fields[KEY_BLOOM].key != NULL) {
    LH_TRY(lh_task_spec_read_bloom(yaml, fields[KEY_BLOOM].value, scope, &task->no_bloom, err));
  }
  if (fields[KEY_SORT_BY].key != NULL) {
    LH_TRY(check_sorted(yaml, fields, scope, err));
    LH_TRY(read_sort_by(yaml, &fields[KEY_SORT_BY], scope, task, err));
  }
  LH_TRY(read_division(yaml, fields, scope, task, err));
  LH_TRY(read_partitions(yaml, fields, scope, task, err));
  LH_TRY(read_engine(yaml, fields, scope, task, err));
  LH_TRY(read_limits(yaml, fields, scope, task, err));
  LH_TRY(lh_catalog_spec_read_index(yaml, &fields[KEY_PARTITION_INDEX], scope, task, err));
  LH_TRY(lh_catalog_spec_read_projection(yaml, &fields[KEY_PARTITION_PROJECTION], scope, task, err));
  if (fields[KEY_COLUMNS].key != NULL) {
    LH_TRY(lh_column_spec_read(yaml, fields[KEY_COLUMNS].value, scope, task, err));
  }
  if (fields[KEY_COMPRESSION].key != NULL) {
    LH_TRY(lh_task_spec_read_compression(yaml, fields[KEY_COMPRESSION].value, scope, &task->codec,
                                         &task->codec_level, err));
  }
  if (fields[KEY_SCHEMA].key != NULL) {
    LH_TRY(lh_task_spec_read_schema_rule(yaml, fields[KEY_SCHEMA].value, scope, &task->schema_rule, err));
  }
  return read_kind_value(yaml, fields[task->kind].value, scope, directory, task, err);
}
