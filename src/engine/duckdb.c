/* The embedded engine: a private in-memory DuckDB whose views are the lake's tables. It runs SELECTs only
 * and hands rows out as they come, so that a result of any size passes through in
 * bounded memory. Views and parsing go over a connection of their own, since a new statement ends an open
 * result on the same one. */
#include "engine/duckdb.h"

#include <duckdb.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "engine/duckdb_column.h"
#include "engine/duckdb_error.h"
#include "engine/duckdb_s3.h"
#include "engine/duckdb_view.h"
#include "engine/sql_names.h"

#define SQL_MAX_BYTES ((size_t)64 << 20)

struct lh_engine {
  duckdb_database database;
  duckdb_connection admin;   /* views, parsing */
  duckdb_connection queries; /* the open result's; interrupted from other threads */
  struct lh_arena arena;     /* table names */
  const char **tables;
  size_t table_count;
  size_t table_capacity;
  struct lh_engine_options options; /* its texts are not kept */
  struct lh_arena place_arena;
  struct lh_engine_s3 *s3; /* NULL: httpfs is not loaded; without credentials, in place_arena */
  bool has_open_result;
  atomic_bool interrupted; /* set from other threads; cleared when it has been reported */
};

struct lh_engine_result {
  struct lh_engine *engine;
  struct lh_arena arena; /* sql, schema, readers */
  const char *sql;
  duckdb_prepared_statement prepared;
  duckdb_pending_result pending;
  duckdb_result result;
  struct lh_schema schema;
  struct lh_duckdb_reader *readers;
  duckdb_data_chunk chunk; /* NULL where a new one is to be fetched */
  idx_t chunk_position;
  idx_t chunk_rows;
  uint64_t rows_done;
  bool at_end;
  bool has_failed;
};

static struct lh_duckdb_statement statement_context(const struct lh_engine *engine, const char *sql) {
  return (struct lh_duckdb_statement){
      .sql = sql, .tables = engine->tables, .table_count = engine->table_count, .s3 = engine->s3};
}

static lh_status fail_statement(const struct lh_engine *engine, const char *text, const char *sql,
                                struct lh_error *err) {
  const struct lh_duckdb_statement statement = statement_context(engine, sql);
  return lh_duckdb_error_set(text, &statement, err);
}

/* Takes the interruption, so that the next query runs again. */
static lh_status take_interrupt(struct lh_engine *engine, struct lh_error *err) {
  if (!atomic_exchange(&engine->interrupted, false)) {
    return LH_OK;
  }
  return lh_error_set(err, LH_ERROR_INTERRUPTED, "the query was interrupted");
}

static lh_status run_admin(struct lh_engine *engine, duckdb_connection connection, const char *sql,
                           struct lh_error *err) {
  duckdb_result result;
  const duckdb_state state = duckdb_query(connection, sql, &result);
  const lh_status status =
      state == DuckDBSuccess ? LH_OK : fail_statement(engine, duckdb_result_error(&result), NULL, err);
  duckdb_destroy_result(&result);
  return status;
}

static lh_status set_option(duckdb_config config, const char *name, const char *value, struct lh_error *err) {
  if (duckdb_set_config(config, name, value) != DuckDBSuccess) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "DuckDB %s does not know the option %s", lh_engine_version(),
                        name);
  }
  return LH_OK;
}

static lh_status fill_config(duckdb_config config, const struct lh_engine_options *options,
                             struct lh_error *err) {
  char memory[32];
  char threads[16];
  snprintf(memory, sizeof(memory), "%" PRIu64 "B", options->memory_bytes);
  snprintf(threads, sizeof(threads), "%d", options->threads > 0 ? options->threads : 1);
  const char *const settings[][2] = {
      {"memory_limit", memory},
      {"threads", threads},
      {"temp_directory", options->temp_directory != NULL ? options->temp_directory : ""},
      {"autoinstall_known_extensions", "false"},
      {"autoload_known_extensions", "false"},
      {"allow_community_extensions", "false"},
      {"allow_persistent_secrets", "false"},
      {"preserve_insertion_order", "true"},
  };
  for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
    LH_TRY(set_option(config, settings[i][0], settings[i][1], err));
  }
  return LH_OK;
}

static lh_status open_database(struct lh_engine *engine, const struct lh_engine_options *options,
                               struct lh_error *err) {
  duckdb_config config = NULL;
  if (duckdb_create_config(&config) != DuckDBSuccess) {
    return lh_error_memory(err);
  }
  lh_status status = fill_config(config, options, err);
  if (status == LH_OK) {
    char *message = NULL;
    if (duckdb_open_ext(NULL, &engine->database, config, &message) != DuckDBSuccess) {
      status = fail_statement(engine, message, NULL, err);
      lh_error_prefix(err, "cannot start DuckDB");
    }
    duckdb_free(message);
  }
  duckdb_destroy_config(&config);
  return status;
}

static lh_status connect_both(struct lh_engine *engine, struct lh_error *err) {
  if (duckdb_connect(engine->database, &engine->admin) != DuckDBSuccess ||
      duckdb_connect(engine->database, &engine->queries) != DuckDBSuccess) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "cannot connect to the embedded DuckDB");
  }
  LH_TRY(run_admin(engine, engine->admin, "SET GLOBAL TimeZone = 'UTC'", err));
  /* Geometries stay the bytes that the files hold. */
  LH_TRY(run_admin(engine, engine->admin, "SET GLOBAL enable_geoparquet_conversion = false", err));
  LH_TRY(run_admin(engine, engine->admin, "SET errors_as_json = true", err));
  /* A result's chunks wait in it, measured without the strings that they point to: one at a time. */
  LH_TRY(run_admin(engine, engine->queries, "SET streaming_buffer_size = '1KB'", err));
  return run_admin(engine, engine->queries, "SET errors_as_json = true", err);
}

lh_status lh_engine_open(const struct lh_engine_options *options, struct lh_engine **out,
                         struct lh_error *err) {
  *out = NULL;
  struct lh_engine *const engine = calloc(1, sizeof(*engine));
  if (engine == NULL) {
    return lh_error_memory(err);
  }
  engine->options = *options;
  engine->options.temp_directory = NULL;
  lh_arena_init(&engine->arena, 0);
  lh_arena_init(&engine->place_arena, 0);
  atomic_init(&engine->interrupted, false);
  lh_status status = open_database(engine, options, err);
  if (status == LH_OK) {
    status = connect_both(engine, err);
  }
  if (status != LH_OK) {
    lh_engine_free(engine);
    return status;
  }
  *out = engine;
  return LH_OK;
}

void lh_engine_free(struct lh_engine *engine) {
  if (engine == NULL) {
    return;
  }
  duckdb_disconnect(&engine->queries);
  duckdb_disconnect(&engine->admin);
  duckdb_close(&engine->database);
  free(engine->tables);
  lh_arena_clear(&engine->arena);
  lh_arena_clear(&engine->place_arena);
  free(engine);
}

lh_status lh_engine_set_s3(struct lh_engine *engine, const struct lh_engine_s3 *s3, struct lh_error *err) {
  if (engine->s3 == NULL) {
    LH_TRY(lh_duckdb_s3_load(engine->admin, &engine->options, err));
  }
  lh_arena_reset(&engine->place_arena);
  LH_TRY(lh_duckdb_s3_copy_place(s3, &engine->place_arena, &engine->s3, err));
  return lh_duckdb_s3_set_secret(engine->admin, s3, err);
}

void lh_engine_interrupt(struct lh_engine *engine) {
  atomic_store(&engine->interrupted, true);
  duckdb_interrupt(engine->queries);
}

const char *lh_engine_version(void) {
  return duckdb_library_version();
}

static lh_status remember_table(struct lh_engine *engine, const char *name, struct lh_error *err) {
  for (size_t i = 0; i < engine->table_count; i++) {
    if (strcasecmp(engine->tables[i], name) == 0) {
      return LH_OK;
    }
  }
  if (engine->table_count == engine->table_capacity) {
    const size_t capacity = engine->table_capacity > 0 ? engine->table_capacity * 2 : 16;
    const char **const grown = realloc(engine->tables, capacity * sizeof(*grown));
    if (grown == NULL) {
      return lh_error_memory(err);
    }
    engine->tables = grown;
    engine->table_capacity = capacity;
  }
  const char *const copy = lh_arena_strdup(&engine->arena, name);
  if (copy == NULL) {
    return lh_error_memory(err);
  }
  engine->tables[engine->table_count++] = copy;
  return LH_OK;
}

/* The first value of a result, a VARCHAR; borrowed from the chunk. */
static const char *first_text(duckdb_data_chunk chunk, size_t *size) {
  duckdb_string_t *const strings = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
  *size = duckdb_string_t_length(strings[0]);
  return duckdb_string_t_data(&strings[0]);
}

static lh_status create_view(struct lh_engine *engine, const struct lh_duckdb_view *view,
                             const char *replaced, struct lh_buf *sql, struct lh_error *err) {
  const char *text = NULL;
  LH_TRY(lh_duckdb_build_view(view, replaced, sql, err));
  LH_TRY(lh_buf_cstr(sql, &text, err));
  return run_admin(engine, engine->admin, text, err);
}

/* DuckDB prints a decimal below 1 that is inside of a VARIANT as .5, which is not JSON: outside of strings, a
 * point without a digit before it gets one. */
#define BARE_POINT "'(^|[\\[,:-])\\.'"
#define VARIANT_AS_JSON                                                                        \
  "$$CASE WHEN {0} IS NOT NULL THEN list_transform([{0}::JSON::VARCHAR], lambda t: CASE WHEN " \
  "regexp_matches(t, " BARE_POINT                                                              \
  ") THEN array_to_string(list_transform(regexp_extract_all(t, "                               \
  "'\"(?:[^\"\\\\]|\\\\.)*\"|[^\"]+'), lambda s: CASE WHEN s[1] = '\"' THEN s ELSE "           \
  "regexp_replace(s, " BARE_POINT ", '\\10.', 'g') END), '') ELSE t END)[1]::JSON END AS {0}$$"
#define GEOMETRY_AS_WKB "$$ST_AsWKB({0})::BLOB AS {0}$$"

/* Columns of Parquet's GEOMETRY, GEOGRAPHY and VARIANT become DuckDB's own types, for which a lake table has
 * no form, so that the view gives their WKB and their JSON. Leaves "" where there are none. */
static lh_status list_conversions(struct lh_engine *engine, const char *name, struct lh_buf *sql,
                                  struct lh_arena *arena, const char **out, struct lh_error *err) {
  lh_buf_reset(sql);
  LH_TRY(lh_buf_append_str(
      sql,
      "SELECT coalesce(string_agg(format(CASE column_type WHEN 'VARIANT' THEN " VARIANT_AS_JSON
      " ELSE " GEOMETRY_AS_WKB
      " END, '\"' || replace(column_name, '\"', '\"\"') || '\"'), ', '), '') FROM (DESCRIBE ",
      err));
  LH_TRY(lh_duckdb_append_quoted(sql, name, '"', err));
  LH_TRY(lh_buf_append_str(sql, ") WHERE column_type LIKE 'GEOMETRY%' OR column_type = 'VARIANT'", err));
  const char *text = NULL;
  LH_TRY(lh_buf_cstr(sql, &text, err));
  duckdb_result result;
  if (duckdb_query(engine->admin, text, &result) != DuckDBSuccess) {
    const lh_status status = fail_statement(engine, duckdb_result_error(&result), NULL, err);
    duckdb_destroy_result(&result);
    return status;
  }
  duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
  size_t size = 0;
  const char *const found = chunk != NULL ? first_text(chunk, &size) : "";
  *out = lh_arena_strndup(arena, found, size);
  if (chunk != NULL) {
    duckdb_destroy_data_chunk(&chunk);
  }
  duckdb_destroy_result(&result);
  return *out != NULL ? LH_OK : lh_error_memory(err);
}

static lh_status create_table_view(struct lh_engine *engine, const struct lh_duckdb_view *view,
                                   struct lh_buf *sql, struct lh_error *err) {
  const char *conversions = "";
  struct lh_arena arena;
  LH_TRY(create_view(engine, view, "", sql, err));
  lh_arena_init(&arena, 0);
  lh_status status = list_conversions(engine, view->name, sql, &arena, &conversions, err);
  if (status == LH_OK && conversions[0] != '\0') {
    status = create_view(engine, view, conversions, sql, err);
  }
  lh_arena_clear(&arena);
  return status;
}

static lh_status add_view(struct lh_engine *engine, const struct lh_duckdb_view *view, struct lh_error *err) {
  const char *const name = view->name;
  if (view->file_count == 0) {
    return lh_error_set(err, LH_ERROR_LAKE, "lake table \"%s\" has no files", name);
  }
  struct lh_buf sql;
  lh_buf_init(&sql, SQL_MAX_BYTES);
  lh_status status = create_table_view(engine, view, &sql, err);
  if (status == LH_ERROR_QUERY) {
    status = LH_ERROR_LAKE;
    err->code = status;
  }
  if (status != LH_OK) {
    lh_error_prefix(err, "lake table \"%s\"", name);
    snprintf(err->table, sizeof(err->table), "%s", name);
  }
  lh_buf_clear(&sql);
  return status == LH_OK ? remember_table(engine, name, err) : status;
}

lh_status lh_engine_add_table(struct lh_engine *engine, const char *name, const char *const *files,
                              size_t file_count, struct lh_error *err) {
  const struct lh_duckdb_view view = {.name = name, .files = files, .file_count = file_count};
  return add_view(engine, &view, err);
}

lh_status lh_engine_add_partitioned_table(struct lh_engine *engine, const char *name,
                                          const char *const *files, size_t file_count,
                                          const struct lh_engine_partitions *partitions,
                                          struct lh_error *err) {
  const struct lh_duckdb_view view = {
      .name = name, .files = files, .file_count = file_count, .partitions = partitions};
  return add_view(engine, &view, err);
}

static lh_status prepare(struct lh_engine_result *result, struct lh_error *err) {
  struct lh_engine *const engine = result->engine;
  if (duckdb_prepare(engine->queries, result->sql, &result->prepared) != DuckDBSuccess) {
    const char *const text = duckdb_prepare_error(result->prepared);
    if (text != NULL && strstr(text, "No statement to prepare") != NULL) {
      return lh_error_set(err, LH_ERROR_QUERY, "the SQL is empty");
    }
    return fail_statement(engine, text, result->sql, err);
  }
  /* EXPLAIN is not let through: EXPLAIN ANALYZE COPY … would write. */
  if (duckdb_prepared_statement_type(result->prepared) != DUCKDB_STATEMENT_TYPE_SELECT) {
    lh_error_set(err, LH_ERROR_QUERY, "the statement is not a SELECT");
    lh_error_hint(err, "the engine only reads: write one SELECT");
    return LH_ERROR_QUERY;
  }
  return LH_OK;
}

/* The text is prepared first, which takes one statement only, so that nothing but a SELECT gets to run. */
static lh_status check_view(struct lh_engine *engine, const char *sql, struct lh_error *err) {
  struct lh_engine_result statement = {.engine = engine, .sql = sql};
  const lh_status status = prepare(&statement, err);
  duckdb_destroy_prepare(&statement.prepared);
  return status;
}

lh_status lh_engine_add_sql_view(struct lh_engine *engine, const char *name, const char *sql,
                                 struct lh_error *err) {
  struct lh_buf statement;
  const char *text = NULL;
  lh_buf_init(&statement, SQL_MAX_BYTES);
  lh_status status = check_view(engine, sql, err);
  if (status == LH_OK) {
    status = lh_buf_append_str(&statement, "CREATE OR REPLACE VIEW ", err);
  }
  if (status == LH_OK) {
    status = lh_duckdb_append_quoted(&statement, name, '"', err);
  }
  if (status == LH_OK) {
    status = lh_buf_printf(&statement, err, " AS\n%s", sql);
  }
  if (status == LH_OK) {
    status = lh_buf_cstr(&statement, &text, err);
  }
  if (status == LH_OK) {
    status = run_admin(engine, engine->admin, text, err);
  }
  if (status != LH_OK) {
    lh_error_prefix(err, "view \"%s\"", name);
    snprintf(err->table, sizeof(err->table), "%s", name);
  }
  lh_buf_clear(&statement);
  return status == LH_OK ? remember_table(engine, name, err) : status;
}

static lh_status collect_from_result(struct lh_engine *engine, duckdb_result *result, const char *sql,
                                     struct lh_arena *arena, struct lh_engine_names *out,
                                     struct lh_error *err) {
  duckdb_data_chunk chunk = duckdb_fetch_chunk(*result);
  if (chunk == NULL || duckdb_data_chunk_get_size(chunk) != 1) {
    duckdb_destroy_data_chunk(&chunk);
    return fail_statement(engine, duckdb_result_error(result), NULL, err);
  }
  size_t size = 0;
  const char *const tree = first_text(chunk, &size);
  const lh_status status = lh_sql_names_collect(tree, size, sql, arena, out, err);
  duckdb_destroy_data_chunk(&chunk);
  return status;
}

lh_status lh_engine_referenced_tables(struct lh_engine *engine, const char *sql, struct lh_arena *arena,
                                      struct lh_engine_names *out, struct lh_error *err) {
  /* A number past the range of doubles is written as Infinity, which is no JSON. */
  static const char *const serialize =
      "SELECT replace(json_serialize_sql(?::VARCHAR)::VARCHAR, '\"value\":Infinity', '\"value\":0')";
  *out = (struct lh_engine_names){0};
  duckdb_prepared_statement prepared = NULL;
  duckdb_result result = {0};
  lh_status status = LH_OK;
  if (duckdb_prepare(engine->admin, serialize, &prepared) != DuckDBSuccess) {
    status = fail_statement(engine, duckdb_prepare_error(prepared), NULL, err);
  } else if (duckdb_bind_varchar(prepared, 1, sql) != DuckDBSuccess) {
    status = lh_error_set(err, LH_ERROR_QUERY, "the SQL is not valid UTF-8");
  } else {
    const duckdb_state state = duckdb_execute_prepared(prepared, &result);
    status = state == DuckDBSuccess ? collect_from_result(engine, &result, sql, arena, out, err)
                                    : fail_statement(engine, duckdb_result_error(&result), sql, err);
    duckdb_destroy_result(&result);
  }
  duckdb_destroy_prepare(&prepared);
  return status;
}

static lh_status check_names(const struct lh_schema *schema, struct lh_error *err) {
  for (size_t i = 1; i < schema->field_count; i++) {
    const char *const name = schema->fields[i].name;
    for (size_t j = 0; j < i; j++) {
      if (strcasecmp(schema->fields[j].name, name) == 0) {
        lh_error_set(err, LH_ERROR_DATA,
                     "the result has two columns of the name \"%s\" (columns %zu and %zu)", name, j + 1,
                     i + 1);
        snprintf(err->column, sizeof(err->column), "%s", name);
        lh_error_hint(err, "give one of them another name: … AS \"%s_2\"", name);
        return LH_ERROR_DATA;
      }
    }
  }
  return LH_OK;
}

static void keep_raw_times(struct lh_duckdb_reader *readers, size_t count) {
  for (size_t i = 0; i < count; i++) {
    readers[i].raw_times = true;
    keep_raw_times(readers[i].children, readers[i].child_count);
  }
}

static lh_status describe(struct lh_engine_result *result, struct lh_error *err) {
  const size_t count = duckdb_column_count(&result->result);
  result->schema.fields = LH_ARENA_ARRAY(&result->arena, struct lh_field, count + 1);
  result->readers = LH_ARENA_ARRAY(&result->arena, struct lh_duckdb_reader, count + 1);
  if (result->schema.fields == NULL || result->readers == NULL) {
    return lh_error_memory(err);
  }
  result->schema.field_count = count;
  for (size_t i = 0; i < count; i++) {
    duckdb_logical_type type = duckdb_column_logical_type(&result->result, i);
    const lh_status status =
        lh_duckdb_describe_column(type, duckdb_column_name(&result->result, i), &result->arena,
                                  &result->schema.fields[i], &result->readers[i], err);
    duckdb_destroy_logical_type(&type);
    LH_TRY(status);
  }
  if (result->engine->options.raw_times) {
    keep_raw_times(result->readers, count);
  }
  return check_names(&result->schema, err);
}

static lh_status describe_prepared(const struct lh_engine_result *statement, struct lh_arena *arena,
                                   struct lh_schema *out, struct lh_error *err) {
  const size_t count = duckdb_prepared_statement_column_count(statement->prepared);
  out->fields = LH_ARENA_ARRAY(arena, struct lh_field, count + 1);
  out->field_count = count;
  if (out->fields == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    struct lh_duckdb_reader reader;
    duckdb_logical_type type = duckdb_prepared_statement_column_logical_type(statement->prepared, i);
    const char *const name = duckdb_prepared_statement_column_name(statement->prepared, i);
    const lh_status status = lh_duckdb_describe_column(type, name, arena, &out->fields[i], &reader, err);
    duckdb_free((void *)name);
    duckdb_destroy_logical_type(&type);
    LH_TRY(status);
  }
  return check_names(out, err);
}

lh_status lh_engine_describe(struct lh_engine *engine, const char *sql, struct lh_arena *arena,
                             struct lh_schema *out, struct lh_error *err) {
  struct lh_engine_result statement = {.engine = engine, .sql = sql};
  lh_status status = prepare(&statement, err);
  if (status == LH_OK) {
    status = describe_prepared(&statement, arena, out, err);
  }
  duckdb_destroy_prepare(&statement.prepared);
  return status;
}

/* -------- sorted results -------- */

#define SORTED_VIEW "lakehaul_sorted"

static lh_status refuse_sort_column(const char *const *names, size_t count, const char *name,
                                    struct lh_arena *arena, struct lh_error *err) {
  lh_error_set(err, LH_ERROR_DATA, "sort_by: the result has no column \"%s\"", name);
  snprintf(err->column, sizeof(err->column), "%s", name);
  lh_str_suggest(err, name, names, count, "its columns", arena);
  return LH_ERROR_DATA;
}

/* Columns of the prepared statement, by name. */
static lh_status list_columns(struct lh_engine_result *result, const char ***out, size_t *count,
                              struct lh_error *err) {
  *count = duckdb_prepared_statement_column_count(result->prepared);
  const char **const names = LH_ARENA_ARRAY(&result->arena, const char *, *count + 1);
  if (names == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < *count; i++) {
    const char *const name = duckdb_prepared_statement_column_name(result->prepared, i);
    names[i] = lh_arena_strdup(&result->arena, name != NULL ? name : "");
    duckdb_free((void *)name);
    if (names[i] == NULL) {
      return lh_error_memory(err);
    }
  }
  *out = names;
  return LH_OK;
}

/* What the lake has as text is sorted by that text: an enum would be by the order of its values. */
static lh_status append_sort_column(struct lh_engine_result *result, size_t index, const char *name,
                                    bool is_descending, struct lh_buf *sql, struct lh_error *err) {
  struct lh_field field;
  struct lh_duckdb_reader reader;
  duckdb_logical_type type = duckdb_prepared_statement_column_logical_type(result->prepared, index);
  const lh_status status = lh_duckdb_describe_column(type, name, &result->arena, &field, &reader, err);
  duckdb_destroy_logical_type(&type);
  LH_TRY(status);
  if (lh_type_is_nested(field.type) || field.type == LH_TYPE_JSON || field.geometry != LH_GEOMETRY_NONE) {
    lh_error_set(err, LH_ERROR_DATA, "sort_by: column \"%s\" has values without an order", name);
    lh_error_hint(err, "sort by another column");
    return LH_ERROR_DATA;
  }
  const bool is_text = field.type == LH_TYPE_STRING;
  LH_TRY(lh_buf_append_str(sql, is_text ? "CAST(" : "", err));
  LH_TRY(lh_duckdb_append_quoted(sql, name, '"', err));
  LH_TRY(lh_buf_append_str(sql, is_text ? " AS VARCHAR)" : "", err));
  return lh_buf_append_str(sql, is_descending ? " DESC NULLS FIRST" : " ASC NULLS LAST", err);
}

static lh_status append_order(struct lh_engine_result *result, const struct lh_engine_sort *sort,
                              struct lh_buf *sql, struct lh_error *err) {
  const char **names = NULL;
  size_t count = 0;
  LH_TRY(list_columns(result, &names, &count, err));
  LH_TRY(lh_buf_append_str(sql, "SELECT * FROM " SORTED_VIEW, err));
  for (size_t i = 0; i < sort->count; i++) {
    size_t index = 0;
    while (index < count && strcasecmp(names[index], sort->keys[i].column) != 0) {
      index++;
    }
    if (index == count) {
      return refuse_sort_column(names, count, sort->keys[i].column, &result->arena, err);
    }
    LH_TRY(lh_buf_append_str(sql, i == 0 ? " ORDER BY " : ", ", err));
    LH_TRY(append_sort_column(result, index, names[index], sort->keys[i].is_descending, sql, err));
  }
  return LH_OK;
}

/* The statement becomes a view of the connection, since a text in parentheses might end in a semicolon. */
static lh_status create_sorted_view(struct lh_engine_result *result, struct lh_error *err) {
  const char *const sql =
      lh_arena_printf(&result->arena, "CREATE OR REPLACE TEMP VIEW " SORTED_VIEW " AS\n%s", result->sql);
  duckdb_result created = {0};
  if (sql == NULL) {
    return lh_error_memory(err);
  }
  lh_status status = LH_OK;
  if (duckdb_query(result->engine->queries, sql, &created) != DuckDBSuccess) {
    status = fail_statement(result->engine, duckdb_result_error(&created), NULL, err);
  }
  duckdb_destroy_result(&created);
  return status;
}

/* Prepares the statement, which finds its errors where the user wrote them, and puts a sorted one in its
 * place. */
static lh_status prepare_sorted(struct lh_engine_result *result, const struct lh_engine_sort *sort,
                                struct lh_error *err) {
  LH_TRY(prepare(result, err));
  if (sort->count == 0) {
    return LH_OK;
  }
  struct lh_buf sql;
  const char *text = NULL;
  lh_buf_init(&sql, SQL_MAX_BYTES);
  lh_status status = append_order(result, sort, &sql, err);
  if (status == LH_OK) {
    status = lh_buf_cstr(&sql, &text, err);
  }
  if (status == LH_OK) {
    status = create_sorted_view(result, err);
  }
  if (status == LH_OK) {
    result->sql = lh_arena_strdup(&result->arena, text);
    duckdb_destroy_prepare(&result->prepared);
    status = result->sql != NULL ? prepare(result, err) : lh_error_memory(err);
  }
  lh_buf_clear(&sql);
  return status;
}

static lh_status start(struct lh_engine_result *result, const struct lh_engine_sort *sort,
                       struct lh_error *err) {
  struct lh_engine *const engine = result->engine;
  LH_TRY(prepare_sorted(result, sort, err));
  if (duckdb_pending_prepared_streaming(result->prepared, &result->pending) != DuckDBSuccess) {
    return fail_statement(engine, duckdb_pending_error(result->pending), result->sql, err);
  }
  /* Beginning a query makes DuckDB forget an earlier interrupt; from here on it keeps one. */
  LH_TRY(take_interrupt(engine, err));
  if (duckdb_execute_pending(result->pending, &result->result) != DuckDBSuccess) {
    return fail_statement(engine, duckdb_result_error(&result->result), result->sql, err);
  }
  return describe(result, err);
}

lh_status lh_engine_query(struct lh_engine *engine, const char *sql, struct lh_engine_result **out,
                          struct lh_error *err) {
  const struct lh_engine_sort unsorted = {0};
  return lh_engine_query_sorted(engine, sql, &unsorted, out, err);
}

lh_status lh_engine_query_sorted(struct lh_engine *engine, const char *sql, const struct lh_engine_sort *sort,
                                 struct lh_engine_result **out, struct lh_error *err) {
  *out = NULL;
  if (engine->has_open_result) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "the engine's last result is still open");
  }
  struct lh_engine_result *const result = calloc(1, sizeof(*result));
  if (result == NULL) {
    return lh_error_memory(err);
  }
  result->engine = engine;
  engine->has_open_result = true;
  lh_arena_init(&result->arena, 0);
  result->sql = lh_arena_strdup(&result->arena, sql);
  const lh_status status = result->sql != NULL ? start(result, sort, err) : lh_error_memory(err);
  if (status != LH_OK) {
    if (status == LH_ERROR_INTERRUPTED) {
      atomic_store(&engine->interrupted, false);
    }
    lh_engine_result_free(result);
    return status;
  }
  *out = result;
  return LH_OK;
}

const struct lh_schema *lh_engine_result_schema(const struct lh_engine_result *result) {
  return &result->schema;
}

/* Makes the next chunk with rows current, or finds the end. */
static lh_status next_chunk(struct lh_engine_result *result, struct lh_error *err) {
  while (result->chunk == NULL && !result->at_end) {
    LH_TRY(take_interrupt(result->engine, err));
    result->chunk = duckdb_fetch_chunk(result->result);
    if (result->chunk == NULL) {
      const char *const text = duckdb_result_error(&result->result);
      if (text != NULL && text[0] != '\0') {
        return fail_statement(result->engine, text, result->sql, err);
      }
      result->at_end = true;
      return LH_OK;
    }
    result->chunk_position = 0;
    result->chunk_rows = duckdb_data_chunk_get_size(result->chunk);
    if (result->chunk_rows == 0) {
      duckdb_destroy_data_chunk(&result->chunk);
      result->chunk = NULL;
    }
  }
  return LH_OK;
}

static uint64_t measure(const struct lh_engine_result *result, idx_t count) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < result->schema.field_count; i++) {
    bytes += lh_duckdb_measure_rows(&result->readers[i], duckdb_data_chunk_get_vector(result->chunk, i),
                                    result->chunk_position, count);
  }
  return bytes;
}

static lh_status append_rows(struct lh_engine_result *result, idx_t count, struct lh_batch *batch,
                             struct lh_error *err) {
  for (size_t i = 0; i < batch->column_count; i++) {
    idx_t bad_row = UINT64_MAX;
    const lh_status status =
        lh_duckdb_append_rows(&result->readers[i], duckdb_data_chunk_get_vector(result->chunk, i),
                              result->chunk_position, count, &batch->columns[i], &bad_row, err);
    if (status != LH_OK) {
      if (bad_row != UINT64_MAX) {
        err->row = (int64_t)(result->rows_done + (bad_row - result->chunk_position)) + 1;
      }
      return status;
    }
  }
  batch->row_count += count;
  result->rows_done += count;
  result->chunk_position += count;
  if (result->chunk_position == result->chunk_rows) {
    duckdb_destroy_data_chunk(&result->chunk);
    result->chunk = NULL;
  }
  return LH_OK;
}

static lh_status fill(struct lh_engine_result *result, struct lh_batch *batch, struct lh_error *err) {
  uint64_t used = 0;
  while (batch->row_count < LH_BATCH_ROWS) {
    LH_TRY(next_chunk(result, err));
    if (result->at_end) {
      return LH_OK;
    }
    const idx_t room = LH_BATCH_ROWS - batch->row_count;
    const idx_t left = result->chunk_rows - result->chunk_position;
    idx_t count = left < room ? left : room;
    uint64_t bytes = measure(result, count);
    const bool all_fit = used + bytes <= LH_BATCH_BYTES;
    while (used + bytes > LH_BATCH_BYTES && count > 1) {
      count /= 2;
      bytes = measure(result, count);
    }
    if (used + bytes > LH_BATCH_BYTES && batch->row_count > 0) {
      return LH_OK;
    }
    LH_TRY(append_rows(result, count, batch, err));
    used += bytes;
    if (!all_fit) {
      return LH_OK;
    }
  }
  return LH_OK;
}

lh_status lh_engine_fetch(struct lh_engine_result *result, struct lh_batch *batch, struct lh_error *err) {
  if (result->has_failed) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "the query has failed already");
  }
  const lh_status status = fill(result, batch, err);
  if (status != LH_OK) {
    result->has_failed = true;
    if (status == LH_ERROR_INTERRUPTED) {
      atomic_store(&result->engine->interrupted, false);
    }
  }
  return status;
}

void lh_engine_result_free(struct lh_engine_result *result) {
  if (result == NULL) {
    return;
  }
  duckdb_destroy_data_chunk(&result->chunk);
  duckdb_destroy_result(&result->result);
  duckdb_destroy_pending(&result->pending);
  duckdb_destroy_prepare(&result->prepared);
  result->engine->has_open_result = false;
  lh_arena_clear(&result->arena);
  free(result);
}
