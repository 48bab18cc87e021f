/* What the commands share: the ways in (options, project, lake) and the ways out (results, errors). */
#include "cli/cli.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/duckdb.h"

#define PROJECT_MAX_BYTES ((size_t)1 << 20)
#define PARSER_MEMORY_BYTES (UINT64_C(64) << 20)

/* Whether stdout is a pipe or socket that nobody reads any more. */
static bool reader_has_gone(void) {
  struct pollfd stdout_fd = {.fd = STDOUT_FILENO, .events = POLLOUT};
  return poll(&stdout_fd, 1, 0) == 1 && (stdout_fd.revents & (POLLERR | POLLHUP)) != 0;
}

int lh_cli_fail(const struct lh_error *err) {
  if (ferror(stdout) != 0 && reader_has_gone()) {
    return LH_CLI_EXIT_BROKEN_PIPE;
  }
  fflush(stdout); /* before the error where both go to one terminal or file */
  fprintf(stderr, "lakehaul: %s\n", err->message);
  if (err->hint[0] != '\0') {
    fprintf(stderr, "hint: %s\n", err->hint);
  }
  return lh_status_exit_code(err->code);
}

void lh_cli_warn(const char *format, ...) {
  if (!lh_log_enabled(LH_LOG_WARN)) {
    return;
  }
  char *line = NULL;
  va_list args;
  va_start(args, format);
  const int length = vasprintf(&line, format, args);
  va_end(args);
  if (length < 0) {
    return;
  }
  lh_str_make_line(line);
  fflush(stdout);
  fprintf(stderr, "warning: %s\n", line);
  free(line);
}

bool lh_cli_parse(const struct lh_command_spec *spec, int argc, char **argv, struct lh_options *values,
                  int *exit_code) {
  struct lh_error err;
  if (lh_options_parse(spec, argc, argv, values, &err) != LH_OK) {
    *exit_code = lh_cli_fail(&err);
    return true;
  }
  if (!values->help) {
    return false;
  }
  lh_options_print_help(spec, stdout);
  lh_options_clear(values);
  *exit_code = 0;
  return true;
}

int lh_cli_finish_stdout(int exit_code) {
  const bool failed_before = ferror(stdout) != 0;
  errno = 0;
  const bool failed_now = fflush(stdout) != 0;
  const int cause = errno;
  if (exit_code != 0 || (!failed_before && !failed_now)) {
    return exit_code;
  }
  struct lh_error err;
  lh_error_set(&err, LH_ERROR_DATA, "cannot write to standard output%s%s", cause != 0 ? ": " : "",
               cause != 0 ? strerror(cause) : "");
  return lh_cli_fail(&err);
}

lh_status lh_cli_print_json(json_t *taken, struct lh_error *err) {
  if (taken == NULL) {
    return lh_error_memory(err);
  }
  const bool failed = json_dumpf(taken, stdout, JSON_INDENT(2)) != 0 || putchar('\n') == EOF;
  json_decref(taken);
  return failed ? lh_error_set(err, LH_ERROR_DATA, "cannot write the result: %s", strerror(errno)) : LH_OK;
}

const char *lh_cli_printable(const char *text, struct lh_arena *arena) {
  static const char digits[] = "0123456789abcdef";
  const size_t length = strlen(text);
  bool is_plain = lh_utf8_valid((const uint8_t *)text, length);
  const bool is_utf8 = is_plain;
  for (size_t i = 0; i < length && is_plain; i++) {
    is_plain = (unsigned char)text[i] >= 0x20 && text[i] != 0x7F;
  }
  if (is_plain) {
    return text;
  }
  char *const out = lh_arena_alloc(arena, 4 * length + 1);
  if (out == NULL) {
    return NULL;
  }
  char *at = out;
  for (size_t i = 0; i < length; i++) {
    const unsigned char byte = (unsigned char)text[i];
    if (byte >= 0x20 && byte != 0x7F && (byte < 0x80 || is_utf8)) {
      *at++ = text[i];
      continue;
    }
    *at++ = '\\';
    *at++ = 'x';
    *at++ = digits[byte >> 4];
    *at++ = digits[byte & 15];
  }
  *at = '\0';
  return out;
}

json_t *lh_cli_json_text(const char *text) {
  if (lh_utf8_valid((const uint8_t *)text, strlen(text))) {
    return json_string(text);
  }
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  const char *const printable = lh_cli_printable(text, &arena);
  json_t *const value = printable != NULL ? json_string(printable) : NULL;
  lh_arena_clear(&arena);
  return value;
}

lh_status lh_cli_expect_local(const char *path, struct lh_error *err) {
  const char *const colon = strstr(path, "://");
  if (colon == NULL || strcspn(path, "/.") < (size_t)(colon - path)) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_UNSUPPORTED, "%.*s is not available in lakehaul %s", (int)(colon + 3 - path),
               path, LAKEHAUL_VERSION);
  lh_error_hint(err, "give the path of a local file");
  return LH_ERROR_UNSUPPORTED;
}

struct reference_context {
  struct lh_engine *engine; /* to parse with */
  const struct lh_project *project;
};

/* "hive.shop.orders" and "shop.orders" are orders where names without a schema are of that one. */
static const char *without_schema(const struct lh_project *project, enum lh_engine_kind engine,
                                  const char *name) {
  const bool is_trino = engine == LH_ENGINE_TRINO;
  const char *const catalog = is_trino ? project->trino.catalog : "awsdatacatalog";
  const char *const schema = is_trino ? project->trino.schema : project->glue.database;
  const size_t catalog_length = strlen(catalog);
  const size_t schema_length = strlen(schema);
  const char *rest = name;
  if (strncasecmp(rest, catalog, catalog_length) == 0 && rest[catalog_length] == '.' &&
      strchr(rest + catalog_length + 1, '.') != NULL) {
    rest += catalog_length + 1;
  }
  return strncasecmp(rest, schema, schema_length) == 0 && rest[schema_length] == '.'
             ? rest + schema_length + 1
             : name;
}

static lh_status shorten_names(const struct lh_project *project, const struct lh_task_spec *task,
                               struct lh_arena *arena, struct lh_engine_names *names, struct lh_error *err) {
  const char **const shortened = LH_ARENA_ARRAY(arena, const char *, names->count);
  if (shortened == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < names->count; i++) {
    shortened[i] = without_schema(project, task->engine, names->names[i]);
  }
  names->names = shortened;
  return LH_OK;
}

static lh_status referenced_tables(void *context, const struct lh_task_spec *task, struct lh_arena *arena,
                                   const char *const **names, size_t *count, struct lh_error *err) {
  const struct reference_context *const references = context;
  const bool is_elsewhere = task->kind == LH_TASK_SQL && task->engine != LH_ENGINE_DUCKDB;
  struct lh_engine_names found = {task->inputs, task->input_count};
  lh_status status = LH_OK;
  if (task->kind == LH_TASK_SQL && task->inputs == NULL) {
    status = lh_engine_referenced_tables(references->engine, task->sql, arena, &found, err);
  }
  if (status == LH_OK && is_elsewhere) {
    status = shorten_names(references->project, task, arena, &found, err);
  }
  if (status != LH_OK) {
    err->code = status == LH_ERROR_QUERY ? LH_ERROR_PROJECT : status;
    if (status == LH_ERROR_QUERY && is_elsewhere) {
      lh_error_hint(err, "if %s understands it, say which tables it reads: inputs: [orders, users]",
                    lh_engine_kind_name(task->engine));
    }
    return lh_error_prefix(err, "task %s: %s", task->name, task->sql_path);
  }
  *names = found.names;
  *count = found.count;
  return LH_OK;
}

static lh_status build_graph(struct lh_cli_project *open, struct lh_error *err) {
  const struct lh_engine_options options = {.memory_bytes = PARSER_MEMORY_BYTES, .threads = 1};
  struct lh_engine *engine = NULL;
  for (size_t i = 0; i < open->project->task_count && engine == NULL; i++) {
    if (open->project->tasks[i].kind == LH_TASK_SQL) {
      LH_TRY(lh_engine_open(&options, &engine, err));
    }
  }
  struct reference_context references = {engine, open->project};
  const lh_status status =
      lh_graph_build(open->project, referenced_tables, &references, &open->arena, &open->graph, err);
  lh_engine_free(engine);
  return status;
}

static void hint_missing_project(struct lh_error *err) {
  if (err->hint[0] == '\0') {
    lh_error_hint(err, "run \"lakehaul init\" to write one, or name another with --project");
  }
}

lh_status lh_cli_project_open(struct lh_cli_project *open, const char *path, struct lh_error *err) {
  *open = (struct lh_cli_project){0};
  lh_arena_init(&open->arena, 0);
  lh_buf_init(&open->text, PROJECT_MAX_BYTES);
  const lh_status status = lh_fs_read(path, &open->text, LH_ERROR_PROJECT, err);
  if (status != LH_OK) {
    hint_missing_project(err);
    return status;
  }
  LH_TRY(lh_project_parse((const char *)open->text.data, open->text.len, path, &open->arena, &open->project,
                          err));
  const char *text = NULL;
  LH_TRY(lh_buf_cstr(&open->text, &text, err));
  return build_graph(open, err);
}

void lh_cli_project_clear(struct lh_cli_project *open) {
  lh_buf_clear(&open->text);
  lh_arena_clear(&open->arena);
}

const char *lh_cli_nearest_task(const struct lh_project *project, const char *name, struct lh_arena *arena) {
  const char **const names = LH_ARENA_ARRAY(arena, const char *, project->task_count);
  if (names == NULL) {
    return NULL;
  }
  for (size_t i = 0; i < project->task_count; i++) {
    names[i] = project->tasks[i].name;
  }
  return lh_str_nearest(name, names, project->task_count);
}
