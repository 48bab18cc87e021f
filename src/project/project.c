/* The project file: its top-level keys, and the list of tasks with names that are each other's neighbours in
 * one lake. */
#include "project/project.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/str.h"
#include "project/column_spec.h"
#include "project/quantity.h"
#include "project/service_spec.h"
#include "project/task_spec.h"
#include "project/yaml.h"

#define JOBS_DEFAULT 2
#define JOBS_MAX 256
#define STREAMS_DEFAULT 2
#define LOCK_TIMEOUT_DEFAULT_MS 60000
#define FILE_BYTES_DEFAULT ((uint64_t)512 << 20)
#define MEMORY_DEFAULT_BYTES ((uint64_t)512 << 20)
#define MEMORY_MIN_BYTES ((uint64_t)64 << 20)
#define KEEP_DEFAULT 3
#define KEEP_MAX 1000000
#define PROJECT_NAME_MAX_BYTES 128

enum top_key {
  TOP_PROJECT,
  TOP_SOURCE,
  TOP_REPLICA,
  TOP_LAKE,
  TOP_CATALOG,
  TOP_ENGINE,
  TOP_JOBS,
  TOP_STREAMS,
  TOP_MAX_RATE,
  TOP_LOCK_TIMEOUT,
  TOP_STATEMENT_TIMEOUT,
  TOP_FILE_SIZE,
  TOP_MEMORY,
  TOP_KEEP,
  TOP_COMPRESSION,
  TOP_SCHEMA,
  TOP_TASKS,
  TOP_ON_UNREPRESENTABLE,
  TOP_NAMES,
  TOP_COMPAT,
  TOP_BLOOM,
  TOP_AWS,
  TOP_S3,
  TOP_GLUE,
  TOP_CRAWLER,
  TOP_ATHENA,
  TOP_TRINO,
};

static const struct lh_yaml_key top_keys[] = {
    [TOP_PROJECT] = {"project", false},
    [TOP_SOURCE] = {"source", false},
    [TOP_REPLICA] = {"replica", false},
    [TOP_LAKE] = {"lake", false},
    [TOP_CATALOG] = {"catalog", false},
    [TOP_ENGINE] = {"engine", false},
    [TOP_JOBS] = {"jobs", false},
    [TOP_STREAMS] = {"streams", false},
    [TOP_MAX_RATE] = {"max_rate", false},
    [TOP_LOCK_TIMEOUT] = {"lock_timeout", false},
    [TOP_STATEMENT_TIMEOUT] = {"statement_timeout", false},
    [TOP_FILE_SIZE] = {"file_size", false},
    [TOP_MEMORY] = {"memory", false},
    [TOP_KEEP] = {"keep", false},
    [TOP_COMPRESSION] = {"compression", false},
    [TOP_SCHEMA] = {"schema", false},
    [TOP_TASKS] = {"tasks", false},
    [TOP_ON_UNREPRESENTABLE] = {"on_unrepresentable", false},
    [TOP_NAMES] = {"names", false},
    [TOP_COMPAT] = {"compat", false},
    [TOP_BLOOM] = {"bloom", false},
    [TOP_AWS] = {"aws", false},
    [TOP_S3] = {"s3", false},
    [TOP_GLUE] = {"glue", false},
    [TOP_CRAWLER] = {"crawler", false},
    [TOP_ATHENA] = {"athena", false},
    [TOP_TRINO] = {"trino", false},
    {"sources", true},
    {"notify", true},
    {"sentry", true},
    {"metrics", true},
    {"views", true},
};
#define TOP_KEY_COUNT (sizeof(top_keys) / sizeof(top_keys[0]))

/* A value that is one of a few words, of which this version has only the first `available`. */
struct choice {
  const char *key;
  const char *const *words;
  size_t count;
  size_t available;
};

static lh_status read_choice(const struct lh_yaml *yaml, const yaml_node_t *node, const struct choice *choice,
                             size_t *out, struct lh_error *err) {
  const char *text;
  LH_TRY(lh_yaml_get_text(yaml, node, choice->key, NULL, &text, err));
  for (size_t i = 0; i < choice->count; i++) {
    if (strcmp(text, choice->words[i]) != 0) {
      continue;
    }
    if (i < choice->available) {
      *out = i;
      return LH_OK;
    }
    char what[64];
    snprintf(what, sizeof(what), "%s %s", choice->key, text);
    lh_yaml_fail_later(yaml, node, what, err);
    lh_error_hint(err, "write %s: %s, or leave it out", choice->key, choice->words[0]);
    return LH_ERROR_UNSUPPORTED;
  }
  return lh_yaml_fail_unknown(yaml, node, choice->key, text, NULL, choice->words, choice->count, err);
}

static lh_status read_name(const struct lh_yaml *yaml, const yaml_node_t *node, struct lh_project *project,
                           struct lh_error *err) {
  LH_TRY(lh_yaml_get_text(yaml, node, "project", NULL, &project->name, err));
  bool plain = strlen(project->name) <= PROJECT_NAME_MAX_BYTES;
  for (const char *c = project->name; plain && *c != '\0'; c++) {
    plain = !iscntrl((unsigned char)*c);
  }
  if (!plain) {
    return lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "project must be one line of at most %d bytes",
                        PROJECT_NAME_MAX_BYTES);
  }
  return LH_OK;
}

/* A variable that is not set is an error only once somebody wants to connect. */
static lh_status read_uri(const struct lh_yaml *yaml, const yaml_node_t *node, const char *key,
                          struct lh_source_uri *out, struct lh_error *err) {
  out->is_named = true;
  const lh_status status = lh_yaml_get_text(yaml, node, key, NULL, &out->uri, err);
  if (status != LH_OK && err->hint[0] == '\0') {
    lh_error_hint(err,
                  "write postgresql://user@host/database, or postgresql:// to use the PG* environment "
                  "variables");
  }
  const bool has_variables =
      node->type == YAML_SCALAR_NODE && strstr((const char *)node->data.scalar.value, "${") != NULL;
  if (status == LH_ERROR_PROJECT && has_variables) {
    out->error = *err;
    return LH_OK;
  }
  return status;
}

lh_status lh_project_get_source(const struct lh_project *project, const char **out, struct lh_error *err) {
  const struct lh_source_uri *const from = project->replica.is_named ? &project->replica : &project->source;
  if (from->error.code != LH_OK) {
    *err = from->error;
    return err->code;
  }
  *out = from->uri;
  return LH_OK;
}

static lh_status read_lake(const struct lh_yaml *yaml, const yaml_node_t *node, struct lh_project *project,
                           struct lh_error *err) {
  LH_TRY(lh_yaml_get_text(yaml, node, "lake", NULL, &project->lake, err));
  const char *const lake = project->lake;
  const char *const colon = strstr(lake, "://");
  if (colon == NULL || strncmp(lake, "file:///", 8) == 0 || strncmp(lake, "s3://", 5) == 0) {
    return LH_OK;
  }
  lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "lake cannot be on \"%.*s\"",
               (int)lh_utf8_truncate(lake, (size_t)(colon + 3 - lake), 32), lake);
  lh_error_hint(err, "write a directory, lake: ./lake, or lake: s3://bucket/prefix");
  return LH_ERROR_PROJECT;
}

static lh_status read_memory(const struct lh_yaml *yaml, const yaml_node_t *node, struct lh_project *project,
                             struct lh_error *err) {
  LH_TRY(lh_quantity_read_bytes(yaml, node, "memory", NULL, &project->memory_bytes, err));
  if (project->memory_bytes < MEMORY_MIN_BYTES) {
    return lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "memory must be at least 64MB, not %.64s",
                        (const char *)node->data.scalar.value);
  }
  return LH_OK;
}

/* How the source is read: by how many connections, how fast, and how long anybody waits for anybody. */
static lh_status read_reading(const struct lh_yaml *yaml, const struct lh_yaml_field *fields,
                              struct lh_project *project, struct lh_task_spec *defaults,
                              struct lh_error *err) {
  if (fields[TOP_STREAMS].key != NULL) {
    LH_TRY(lh_yaml_get_int(yaml, fields[TOP_STREAMS].value, "streams", NULL, 1, LH_STREAMS_MAX,
                           &defaults->streams, err));
  }
  if (fields[TOP_MAX_RATE].key != NULL) {
    LH_TRY(
        lh_quantity_read_rate(yaml, fields[TOP_MAX_RATE].value, "max_rate", NULL, &project->rate_bytes, err));
  }
  if (fields[TOP_LOCK_TIMEOUT].key != NULL) {
    LH_TRY(lh_quantity_read_duration(yaml, fields[TOP_LOCK_TIMEOUT].value, "lock_timeout", NULL,
                                     &project->lock_timeout_ms, err));
  }
  if (fields[TOP_STATEMENT_TIMEOUT].key != NULL) {
    LH_TRY(lh_quantity_read_duration(yaml, fields[TOP_STATEMENT_TIMEOUT].value, "statement_timeout", NULL,
                                     &project->statement_timeout_ms, err));
  }
  if (fields[TOP_FILE_SIZE].key != NULL) {
    LH_TRY(lh_task_spec_read_file_size(yaml, fields[TOP_FILE_SIZE].value, NULL, &defaults->file_bytes, err));
  }
  return LH_OK;
}

/* The catalog and the engine, and what is said of the services that they, and a lake on S3, need. */
static lh_status read_services(struct lh_yaml *yaml, const struct lh_yaml_field *fields,
                               struct lh_project *project, struct lh_error *err) {
  static const char *const catalogs[] = {"local", "glue", "crawler"};
  size_t choice = 0;
  LH_TRY(lh_service_spec_defaults(yaml->arena, project, err));
  if (fields[TOP_CATALOG].key != NULL) {
    const struct choice known = {"catalog", catalogs, 3, 3};
    LH_TRY(read_choice(yaml, fields[TOP_CATALOG].value, &known, &choice, err));
    project->catalog = (enum lh_catalog_kind)choice;
  }
  if (fields[TOP_ENGINE].key != NULL) {
    LH_TRY(lh_task_spec_read_engine(yaml, fields[TOP_ENGINE].value, NULL, &project->engine, err));
  }
  if (fields[TOP_AWS].key != NULL) {
    LH_TRY(lh_service_spec_read_aws(yaml, fields[TOP_AWS].value, &project->aws, err));
  }
  if (fields[TOP_S3].key != NULL) {
    LH_TRY(lh_service_spec_read_s3(yaml, fields[TOP_S3].value, &project->s3, err));
  }
  if (fields[TOP_GLUE].key != NULL) {
    LH_TRY(lh_service_spec_read_glue(yaml, fields[TOP_GLUE].value, &project->glue, err));
    project->trino.schema = project->glue.database;
  }
  if (fields[TOP_CRAWLER].key != NULL) {
    LH_TRY(lh_service_spec_read_crawler(yaml, fields[TOP_CRAWLER].value, &project->crawler, err));
  }
  if (fields[TOP_ATHENA].key != NULL) {
    LH_TRY(lh_service_spec_read_athena(yaml, fields[TOP_ATHENA].value, &project->athena, err));
  }
  if (fields[TOP_TRINO].key != NULL) {
    LH_TRY(lh_service_spec_read_trino(yaml, fields[TOP_TRINO].value, &project->trino, err));
  }
  return LH_OK;
}

/* Readers of Glue's tables find their files on S3. */
static lh_status check_catalog(const struct lh_yaml *yaml, const struct lh_yaml_field *fields,
                               const struct lh_project *project, struct lh_error *err) {
  if (project->catalog == LH_CATALOG_LOCAL || strncmp(project->lake, "s3://", 5) == 0) {
    return LH_OK;
  }
  lh_yaml_fail(yaml, fields[TOP_CATALOG].value, LH_ERROR_PROJECT, err, "catalog %s needs a lake on S3",
               project->catalog == LH_CATALOG_GLUE ? "glue" : "crawler");
  lh_error_hint(err, "write lake: s3://bucket/prefix, or catalog: local");
  return LH_ERROR_PROJECT;
}

/* The settings beside tasks; each keeps its default where the file does not have it. */
static lh_status read_settings(struct lh_yaml *yaml, const struct lh_yaml_field *fields,
                               struct lh_project *project, struct lh_task_spec *defaults,
                               struct lh_error *err) {
  LH_TRY(read_name(yaml, fields[TOP_PROJECT].value, project, err));
  if (fields[TOP_SOURCE].key != NULL) {
    LH_TRY(read_uri(yaml, fields[TOP_SOURCE].value, "source", &project->source, err));
  }
  if (fields[TOP_REPLICA].key != NULL) {
    LH_TRY(read_uri(yaml, fields[TOP_REPLICA].value, "replica", &project->replica, err));
  }
  LH_TRY(read_lake(yaml, fields[TOP_LAKE].value, project, err));
  LH_TRY(read_services(yaml, fields, project, err));
  defaults->engine = project->engine;
  LH_TRY(check_catalog(yaml, fields, project, err));
  defaults->catalog = project->catalog;
  if (fields[TOP_JOBS].key != NULL) {
    LH_TRY(lh_yaml_get_int(yaml, fields[TOP_JOBS].value, "jobs", NULL, 1, JOBS_MAX, &project->jobs, err));
  }
  LH_TRY(read_reading(yaml, fields, project, defaults, err));
  if (fields[TOP_MEMORY].key != NULL) {
    LH_TRY(read_memory(yaml, fields[TOP_MEMORY].value, project, err));
  }
  if (fields[TOP_KEEP].key != NULL) {
    LH_TRY(lh_yaml_get_int(yaml, fields[TOP_KEEP].value, "keep", NULL, 1, KEEP_MAX, &project->keep, err));
  }
  if (fields[TOP_SCHEMA].key != NULL) {
    LH_TRY(lh_task_spec_read_schema_rule(yaml, fields[TOP_SCHEMA].value, NULL, &defaults->schema_rule, err));
  }
  if (fields[TOP_COMPRESSION].key != NULL) {
    LH_TRY(lh_task_spec_read_compression(yaml, fields[TOP_COMPRESSION].value, NULL, &defaults->codec,
                                         &defaults->codec_level, err));
  }
  if (fields[TOP_ON_UNREPRESENTABLE].key != NULL) {
    LH_TRY(lh_column_spec_read_unrepresentable(yaml, fields[TOP_ON_UNREPRESENTABLE].value, NULL,
                                               &defaults->policy.on_unrepresentable, err));
  }
  if (fields[TOP_NAMES].key != NULL) {
    LH_TRY(lh_column_spec_read_names(yaml, fields[TOP_NAMES].value, NULL, &defaults->names, err));
  }
  if (fields[TOP_COMPAT].key != NULL) {
    LH_TRY(lh_task_spec_read_compat(yaml, fields[TOP_COMPAT].value, NULL, &defaults->compat, err));
  }
  if (fields[TOP_BLOOM].key != NULL) {
    LH_TRY(lh_task_spec_read_bloom(yaml, fields[TOP_BLOOM].value, NULL, &defaults->no_bloom, err));
  }
  return LH_OK;
}

static lh_status require_keys(const struct lh_yaml *yaml, const yaml_node_t *root,
                              const struct lh_yaml_field *fields, struct lh_error *err) {
  static const struct {
    enum top_key key;
    const char *example;
  } required[] = {
      {TOP_PROJECT, "project: shop"},
      {TOP_LAKE, "lake: ./lake"},
      {TOP_TASKS, "tasks:, and below it, indented, orders: { table: public.orders }"},
  };
  for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
    const enum top_key key = required[i].key;
    if (fields[key].key == NULL) {
      lh_yaml_fail(yaml, root, LH_ERROR_PROJECT, err, "the key \"%s\" is missing", top_keys[key].name);
      lh_error_hint(err, "add %s", required[i].example);
      return LH_ERROR_PROJECT;
    }
  }
  return LH_OK;
}

/* Task names are table names, which SQL takes in any case: two that differ in case alone are one. */
static lh_status claim_name(const struct lh_yaml *yaml, const yaml_node_t *key, struct lh_map *first_keys,
                            struct lh_error *err) {
  const char *name;
  LH_TRY(lh_yaml_get_key(yaml, key, &name, err));
  char *const folded = lh_arena_strdup(yaml->arena, name);
  if (folded == NULL) {
    return lh_error_memory(err);
  }
  for (char *c = folded; *c != '\0'; c++) {
    *c = (char)tolower((unsigned char)*c);
  }
  const yaml_node_t *const first = lh_map_get(first_keys, folded);
  if (first != NULL) {
    lh_yaml_fail(yaml, key, LH_ERROR_PROJECT, err, "task %.128s is given twice, first on line %d", name,
                 lh_yaml_line(first));
    lh_error_hint(err, "each task makes the lake table of its name: rename one of them");
    return LH_ERROR_PROJECT;
  }
  return lh_map_put(first_keys, folded, (void *)(uintptr_t)key, err);
}

static lh_status read_tasks(struct lh_yaml *yaml, const yaml_node_t *node,
                            const struct lh_task_spec *defaults, struct lh_project *project,
                            struct lh_error *err) {
  const lh_status status = lh_yaml_expect(yaml, node, YAML_MAPPING_NODE, "tasks", NULL, err);
  if (status != LH_OK || node->data.mapping.pairs.start == node->data.mapping.pairs.top) {
    if (status == LH_OK) {
      lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "tasks is empty");
    }
    lh_error_hint(err, "write a task below it, indented: orders: { table: public.orders }");
    return LH_ERROR_PROJECT;
  }
  const yaml_node_pair_t *const pairs = node->data.mapping.pairs.start;
  const size_t count = (size_t)(node->data.mapping.pairs.top - pairs);
  project->tasks = LH_ARENA_ARRAY(yaml->arena, struct lh_task_spec, count);
  if (project->tasks == NULL) {
    return lh_error_memory(err);
  }
  struct lh_map first_keys;
  lh_map_init(&first_keys, yaml->arena);
  for (size_t i = 0; i < count; i++) {
    struct lh_task_spec *const task = &project->tasks[i];
    const yaml_node_t *const key = lh_yaml_node(yaml, pairs[i].key);
    *task = *defaults;
    LH_TRY(claim_name(yaml, key, &first_keys, err));
    LH_TRY(lh_task_spec_read(yaml, key, lh_yaml_node(yaml, pairs[i].value), project->directory, task, err));
    LH_TRY(lh_map_put(&project->by_name, task->name, task, err));
    project->task_count++;
  }
  return LH_OK;
}

static lh_status require_source(const struct lh_yaml *yaml, const yaml_node_t *root,
                                const struct lh_project *project, struct lh_error *err) {
  const bool named = project->source.is_named || project->replica.is_named;
  for (size_t i = 0; !named && i < project->task_count; i++) {
    if (lh_task_kind_reads_source(project->tasks[i].kind)) {
      lh_yaml_fail(yaml, root, LH_ERROR_PROJECT, err,
                   "the key \"source\" is missing, and task %s reads from it", project->tasks[i].name);
      lh_error_hint(err, "add source: ${DATABASE_URL}");
      return LH_ERROR_PROJECT;
    }
  }
  return LH_OK;
}

/* An engine elsewhere makes tables where it reads them, and publishes nothing by itself. */
static lh_status check_engine(const struct lh_yaml *yaml, const struct lh_project *project,
                              const struct lh_task_spec *task, const yaml_node_t *key, struct lh_error *err) {
  const char *const engine = lh_engine_kind_name(task->engine);
  if (task->engine == LH_ENGINE_ATHENA && strncmp(project->lake, "s3://", 5) != 0) {
    lh_yaml_fail(yaml, key, LH_ERROR_PROJECT, err, "task %s runs on athena, and the lake is not on S3",
                 task->name);
    lh_error_hint(err, "write lake: s3://bucket/prefix, or engine: duckdb for this task");
    return LH_ERROR_PROJECT;
  }
  if (task->engine == LH_ENGINE_ATHENA && project->catalog != LH_CATALOG_GLUE) {
    lh_yaml_fail(yaml, key, LH_ERROR_PROJECT, err, "task %s runs on athena, which finds tables in Glue",
                 task->name);
    lh_error_hint(err, "write catalog: glue, or engine: duckdb for this task");
    return LH_ERROR_PROJECT;
  }
  if (project->catalog == LH_CATALOG_CRAWLER) {
    lh_yaml_fail(yaml, key, LH_ERROR_PROJECT, err,
                 "task %s runs on %s, which would not see what this run makes before the crawler has",
                 task->name, engine);
    lh_error_hint(err, "write catalog: glue, or engine: duckdb for this task");
    return LH_ERROR_PROJECT;
  }
  return LH_OK;
}

static lh_status check_engines(struct lh_yaml *yaml, const yaml_node_t *tasks,
                               const struct lh_project *project, struct lh_error *err) {
  const yaml_node_pair_t *const pairs = tasks->data.mapping.pairs.start;
  for (size_t i = 0; i < project->task_count; i++) {
    const struct lh_task_spec *const task = &project->tasks[i];
    if (task->kind == LH_TASK_SQL && task->engine != LH_ENGINE_DUCKDB) {
      LH_TRY(check_engine(yaml, project, task, lh_yaml_node(yaml, pairs[i].key), err));
    }
  }
  return LH_OK;
}

static lh_status read_project(struct lh_yaml *yaml, struct lh_project *project, struct lh_error *err) {
  const yaml_node_t *const root = lh_yaml_root(yaml);
  if (root->type != YAML_MAPPING_NODE) {
    lh_yaml_fail(yaml, root, LH_ERROR_PROJECT, err, "the file must consist of keys: project, lake, tasks");
    lh_error_hint(err, "\"lakehaul init\" writes one from a live database");
    return LH_ERROR_PROJECT;
  }
  struct lh_yaml_field fields[TOP_KEY_COUNT];
  struct lh_task_spec defaults = {
      .codec = LH_CODEC_ZSTD,
      .codec_level = LH_CODEC_LEVEL_DEFAULT,
      .names = LH_NAMES_LOWER,
      .streams = STREAMS_DEFAULT,
      .file_bytes = FILE_BYTES_DEFAULT,
  };
  LH_TRY(lh_yaml_get_fields(yaml, root, top_keys, TOP_KEY_COUNT, NULL, fields, err));
  LH_TRY(require_keys(yaml, root, fields, err));
  LH_TRY(read_settings(yaml, fields, project, &defaults, err));
  LH_TRY(read_tasks(yaml, fields[TOP_TASKS].value, &defaults, project, err));
  LH_TRY(check_engines(yaml, fields[TOP_TASKS].value, project, err));
  return require_source(yaml, root, project, err);
}

lh_status lh_project_parse(const char *text, size_t size, const char *path, struct lh_arena *arena,
                           struct lh_project **out, struct lh_error *err) {
  if (size > LH_PROJECT_FILE_MAX_BYTES) {
    return lh_error_set(err, LH_ERROR_PROJECT, "%s is larger than %zu bytes", path,
                        LH_PROJECT_FILE_MAX_BYTES);
  }
  struct lh_project *const project = LH_ARENA_NEW(arena, struct lh_project);
  if (project == NULL) {
    return lh_error_memory(err);
  }
  *project = (struct lh_project){
      .path = lh_arena_strdup(arena, path),
      .directory = lh_path_directory(path, arena),
      .jobs = JOBS_DEFAULT,
      .memory_bytes = MEMORY_DEFAULT_BYTES,
      .keep = KEEP_DEFAULT,
      .lock_timeout_ms = LOCK_TIMEOUT_DEFAULT_MS,
  };
  lh_map_init(&project->by_name, arena);
  if (project->path == NULL || project->directory == NULL) {
    return lh_error_memory(err);
  }
  struct lh_yaml yaml;
  LH_TRY(lh_yaml_open(&yaml, text, size, project->path, arena, err));
  const lh_status status = read_project(&yaml, project, err);
  lh_yaml_close(&yaml);
  if (status == LH_OK) {
    *out = project;
  }
  return status;
}

lh_status lh_project_load(const char *path, struct lh_arena *arena, struct lh_project **out,
                          struct lh_error *err) {
  struct lh_buf text;
  lh_buf_init(&text, LH_PROJECT_FILE_MAX_BYTES);
  lh_status status = lh_fs_read(path, &text, LH_ERROR_PROJECT, err);
  if (status == LH_ERROR_PROJECT) {
    lh_error_hint(err, "\"lakehaul init\" writes a project file from a live database");
  }
  if (status == LH_OK) {
    const char *const bytes = text.len > 0 ? (const char *)text.data : "";
    status = lh_project_parse(bytes, text.len, path, arena, out, err);
  }
  lh_buf_clear(&text);
  return status;
}

const struct lh_task_spec *lh_project_find_task(const struct lh_project *project, const char *name) {
  return lh_map_get(&project->by_name, name);
}
