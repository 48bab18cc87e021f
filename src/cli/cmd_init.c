/* lakehaul init: a project file from a live database. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/cli.h"
#include "postgres/connection.h"
#include "postgres/relation.h"
#include "project/init.h"

#define FILE_MAX_BYTES ((size_t)1 << 20) /* what the project module reads */
#define SOURCE_VARIABLE "DATABASE_URL"

enum { OPT_OUTPUT, OPT_SCHEMA, OPT_FORCE, OPT_COUNT };

static const struct lh_option options[OPT_COUNT] = {
    [OPT_OUTPUT] = {.name = "output",
                    .short_name = 'o',
                    .kind = LH_OPTION_STRING,
                    .value_name = "FILE",
                    .help = "the project file to write",
                    .default_text = LH_CLI_PROJECT_FILE},
    [OPT_SCHEMA] = {.name = "schema",
                    .short_name = 's',
                    .kind = LH_OPTION_STRING,
                    .value_name = "NAMES",
                    .help = "only tables of these schemas, separated by commas: public,app",
                    .fallback = "all schemas but the system's"},
    [OPT_FORCE] = {.name = "force", .kind = LH_OPTION_FLAG, .help = "replace the file where there is one"},
};

static const struct lh_command_spec spec = {
    .name = "init",
    .summary = "write lakehaul.yaml from a live database",
    .usage = "lakehaul init [options] [URI]",
    .description =
        "Writes a project file with a task for every table, view and partitioned table that the role may "
        "read. "
        "Edit it to leave tables out and to add tasks of your own.\n\n"
        "Its source is ${DATABASE_URL}, whatever the URI, so that no password gets into the file.",
    .examples =
        "  lakehaul init postgresql://user@localhost/shop\n"
        "  DATABASE_URL=postgresql://user@localhost/shop lakehaul init --schema public\n"
        "  lakehaul init --output shop/lakehaul.yaml --force\n",
    .options = options,
    .option_count = OPT_COUNT,
    .positional_name = "URI",
    .positional_max = 1,
    .positional_help = "PostgreSQL connection URI or conninfo string (default: $DATABASE_URL)",
};

struct table_list {
  const char *project_name;
  const char **qualified;
  size_t count;
};

static lh_status find_uri(const struct lh_options *values, const char **out, struct lh_error *err) {
  const char *const from_environment = getenv(SOURCE_VARIABLE);
  *out = values->positional_count > 0 ? values->positionals[0] : from_environment;
  if (*out != NULL && (*out)[0] != '\0') {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_USAGE, "the argument URI is missing, and " SOURCE_VARIABLE " is not set");
  lh_error_hint(err, "lakehaul init postgresql://user@host/database");
  return LH_ERROR_USAGE;
}

static lh_status check_output(const struct lh_options *values, struct lh_error *err) {
  const char *const path = lh_options_string(values, OPT_OUTPUT);
  LH_TRY(lh_cli_expect_local(path, err));
  if (access(path, F_OK) != 0 || lh_options_flag(values, OPT_FORCE)) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_USAGE, "%s exists already", path);
  lh_error_hint(err, "replace it with --force, or write another with --output FILE");
  return LH_ERROR_USAGE;
}

/* Whether `schema` is one of the names in "public,app"; NULL has all. */
static bool is_listed(const char *list, const char *schema) {
  const size_t length = strlen(schema);
  for (const char *at = list; at != NULL; at = strchr(at, ',')) {
    at += at != list ? 1 : 0;
    if (strncmp(at, schema, length) == 0 && (at[length] == ',' || at[length] == '\0')) {
      return true;
    }
  }
  return list == NULL;
}

/* Every name of the list is a schema that has tables: a misspelt one would go unnoticed. */
static lh_status check_schemas(const char *list, const struct lh_pg_table *tables, size_t count,
                               struct lh_arena *arena, struct lh_error *err) {
  const char **const schemas = LH_ARENA_ARRAY(arena, const char *, count);
  char *const names = lh_arena_strdup(arena, list);
  if (schemas == NULL || names == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    schemas[i] = tables[i].schema;
  }
  char *rest = names;
  for (const char *name = strsep(&rest, ","); name != NULL; name = strsep(&rest, ",")) {
    size_t i = 0;
    while (i < count && strcmp(name, schemas[i]) != 0) {
      i++;
    }
    if (i < count) {
      continue;
    }
    lh_error_set(err, LH_ERROR_USAGE, "the database has no schema \"%s\" with tables that this role may read",
                 name);
    const char *const nearest = lh_str_nearest(name, schemas, count);
    if (nearest != NULL) {
      lh_error_hint(err, "did you mean \"%s\"?", nearest);
    }
    return LH_ERROR_USAGE;
  }
  return LH_OK;
}

static lh_status select_tables(const char *schemas, const struct lh_pg_table *tables, size_t count,
                               struct lh_arena *arena, struct table_list *out, struct lh_error *err) {
  if (schemas != NULL) {
    LH_TRY(check_schemas(schemas, tables, count, arena, err));
  }
  out->qualified = LH_ARENA_ARRAY(arena, const char *, count);
  if (out->qualified == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    if (is_listed(schemas, tables[i].schema)) {
      out->qualified[out->count++] = tables[i].qualified;
    }
  }
  return LH_OK;
}

static lh_status read_database(struct lh_pg_connection *connection, const char *schemas,
                               struct lh_arena *arena, struct table_list *out, struct lh_error *err) {
  struct lh_pg_table *tables = NULL;
  size_t count = 0;
  struct lh_pg_rows rows;
  LH_TRY(lh_pg_query(connection, "SELECT current_database()", NULL, 0, arena, &rows, err));
  out->project_name = rows.values[0];
  LH_TRY(lh_pg_list_tables(connection, arena, &tables, &count, err));
  return select_tables(schemas, tables, count, arena, out, err);
}

/* The file appears whole or not at all. */
static lh_status write_file(const char *path, const struct lh_buf *text, struct lh_error *err) {
  struct lh_sink *sink = NULL;
  lh_status status = lh_file_sink_create(path, &sink, err);
  if (status == LH_OK) {
    status = lh_sink_write(sink, text->data, text->len, err);
  }
  if (status == LH_OK) {
    status = lh_sink_finish(sink, err);
  }
  lh_sink_free(sink);
  if (status == LH_ERROR_LAKE) {
    err->code = LH_ERROR_PROJECT; /* it is no part of the lake */
  }
  return status == LH_OK ? LH_OK : err->code;
}

/* As a shell takes it. */
static void print_export(const char *uri, bool is_scrubbed) {
  if (strchr(uri, '\'') != NULL) {
    puts("  export " SOURCE_VARIABLE "=…    # the URI: the project reads its source from there");
    return;
  }
  printf("  export " SOURCE_VARIABLE "='%s'%s\n", uri,
         is_scrubbed ? "    # with the password in place of ***" : "");
}

static lh_status print_next_steps(const struct lh_options *values, const char *uri,
                                  const struct table_list *tables, struct lh_arena *arena,
                                  struct lh_error *err) {
  const char *const path = lh_options_string(values, OPT_OUTPUT);
  const bool is_default = strcmp(path, LH_CLI_PROJECT_FILE) == 0;
  const char *const project = is_default ? "" : lh_arena_printf(arena, " --project %s", path);
  const char *const scrubbed = lh_pg_scrub_uri(uri, arena);
  if (project == NULL || scrubbed == NULL) {
    return lh_error_memory(err);
  }
  printf("wrote %s: %zu task%s, one per table\n\nnext:\n", path, tables->count,
         tables->count == 1 ? "" : "s");
  if (values->positional_count > 0) {
    print_export(scrubbed, strcmp(scrubbed, uri) != 0);
  }
  printf("  lakehaul check%s\n  lakehaul run%s\n", project, project);
  return LH_OK;
}

static lh_status init(const struct lh_options *values, struct lh_arena *arena, struct lh_buf *text,
                      struct lh_error *err) {
  const char *uri = NULL;
  struct lh_pg_connection *connection = NULL;
  struct table_list tables = {0};
  LH_TRY(check_output(values, err));
  LH_TRY(find_uri(values, &uri, err));
  LH_TRY(lh_pg_connect(uri, &connection, err));
  const lh_status status =
      read_database(connection, lh_options_string(values, OPT_SCHEMA), arena, &tables, err);
  lh_pg_disconnect(connection);
  LH_TRY(status);
  LH_TRY(
      lh_project_write_template(tables.project_name, NULL, tables.qualified, NULL, tables.count, text, err));
  LH_TRY(write_file(lh_options_string(values, OPT_OUTPUT), text, err));
  return print_next_steps(values, uri, &tables, arena, err);
}

static int cmd_init(const struct lh_command_spec *command, int argc, char **argv) {
  struct lh_options values;
  struct lh_error err = {0};
  struct lh_arena arena;
  struct lh_buf text;
  int exit_code = 0;
  if (lh_cli_parse(command, argc, argv, &values, &exit_code)) {
    return exit_code;
  }
  lh_arena_init(&arena, 0);
  lh_buf_init(&text, FILE_MAX_BYTES);
  const lh_status status = init(&values, &arena, &text, &err);
  lh_buf_clear(&text);
  lh_arena_clear(&arena);
  lh_options_clear(&values);
  return status == LH_OK ? 0 : lh_cli_fail(&err);
}

const struct lh_command lh_cmd_init = {&spec, cmd_init};
