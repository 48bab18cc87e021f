/* SQL tasks on Athena and Trino: the engine makes a table of the task's SELECT over files of the new version.
 * What it has written is read back from the files' footers, the table is taken out of the engine's catalog
 * again, and the files are published like those of any other task. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "codec/codec.h"
#include "engine/remote.h"
#include "parquet/footer.h"
#include "task/elsewhere.h"
#include "task/output.h"
#include "task/partition/partition_task.h"
#include "task/task.h"

/* What cleaning up may take: after a signal, the supervisor waits no longer. */
#define CLEANUP_TIMEOUT_MS 30000
/* Of the task's name in the table's: Hive's metastore takes 128 bytes. */
#define NAME_BYTES 64

struct elsewhere {
  const struct lh_task_request *request;
  struct lh_remote *remote;
  const char *prefix; /* of the version's objects: "orders/20260131T…" */
  struct lh_remote_table table;
  int64_t timeout_ms;
  struct lh_remote_statistics statistics;
};

/* "lakehaul_orders_20260131t120000_123456z_4f2a9c01": no table of anybody's. */
static const char *table_name(const struct lh_task_request *request, struct lh_arena *arena) {
  char *const name =
      lh_arena_printf(arena, "lakehaul_%.*s_%s", NAME_BYTES, request->spec->name, request->version);
  for (char *c = name; c != NULL && *c != '\0'; c++) {
    *c = isalnum((unsigned char)*c) ? (char)tolower((unsigned char)*c) : '_';
  }
  return name;
}

static const char *codec_word(enum lh_codec codec) {
  switch (codec) {
    case LH_CODEC_NONE:
      return "NONE";
    case LH_CODEC_SNAPPY:
      return "SNAPPY";
    case LH_CODEC_GZIP:
      return "GZIP";
    case LH_CODEC_LZ4_RAW:
      return "LZ4";
    case LH_CODEC_ZSTD:
      break;
  }
  return "ZSTD";
}

static lh_status describe(struct elsewhere *elsewhere, struct lh_arena *arena, struct lh_error *err) {
  const struct lh_task_request *const request = elsewhere->request;
  elsewhere->prefix = lh_arena_printf(arena, "%s/%s", request->spec->name, request->version);
  const char *const place =
      elsewhere->prefix != NULL ? lh_store_locate(request->store, elsewhere->prefix, arena) : NULL;
  const bool is_url = place != NULL && strstr(place, "://") != NULL;
  elsewhere->table = (struct lh_remote_table){
      .name = table_name(request, arena),
      .location = place != NULL ? lh_arena_printf(arena, "%s%s", is_url ? "" : "file://", place) : NULL,
      .codec = codec_word(request->spec->codec),
  };
  return elsewhere->table.name != NULL && elsewhere->table.location != NULL ? LH_OK : lh_error_memory(err);
}

/* -------- what was written -------- */

/* A file's columns are those of the table, by Hive's names. */
static bool has_columns(const struct lh_parquet_footer *footer, const struct lh_schema *schema) {
  size_t element = 1;
  size_t column = 0;
  while (element < footer->schema_count && column < schema->field_count) {
    if (strcasecmp(footer->schema[element].name, schema->fields[column].name) != 0) {
      return false;
    }
    size_t left = 1; /* elements of the column's tree */
    for (; left > 0 && element < footer->schema_count; element++) {
      left += (size_t)footer->schema[element].child_count - 1;
    }
    column++;
  }
  return column == schema->field_count && element == footer->schema_count;
}

static lh_status read_file(const struct lh_task_request *request, const struct lh_schema *schema,
                           const char *key, struct lh_arena *scratch, struct lh_task_file *out,
                           struct lh_error *err) {
  struct lh_source *source = NULL;
  struct lh_parquet_footer *footer = NULL;
  LH_TRY(lh_store_open_object(request->store, key, &source, err));
  const uint64_t bytes = source->size_bytes;
  const lh_status status = lh_parquet_footer_read(source, scratch, &footer, err);
  lh_source_free(source);
  LH_TRY(status);
  if (!has_columns(footer, schema)) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "%s has other columns than the table that it was written for",
                        key);
  }
  *out = (struct lh_task_file){key, (uint64_t)footer->num_rows, bytes};
  return LH_OK;
}

static lh_status add_files(const struct elsewhere *elsewhere, struct lh_arena *arena,
                           struct lh_task_result *out, struct lh_error *err) {
  const struct lh_task_request *const request = elsewhere->request;
  struct lh_store_entry *entries = NULL;
  size_t count = 0;
  LH_TRY(lh_store_list(request->store, elsewhere->prefix, arena, &entries, &count, err));
  out->files = LH_ARENA_ARRAY(arena, struct lh_task_file, count);
  if (out->files == NULL) {
    return lh_error_memory(err);
  }
  struct lh_arena scratch;
  lh_arena_init(&scratch, 0);
  lh_status status = LH_OK;
  for (size_t i = 0; i < count && status == LH_OK; i++) {
    const char *const key = lh_arena_printf(arena, "%s/%s", elsewhere->prefix, entries[i].name);
    struct lh_task_file *const file = &out->files[out->file_count];
    status = key == NULL ? lh_error_memory(err) : read_file(request, &out->schema, key, &scratch, file, err);
    if (status == LH_OK) {
      out->file_count++;
      out->rows += file->rows;
      out->bytes += file->bytes;
    }
    lh_arena_reset(&scratch);
  }
  lh_arena_clear(&scratch);
  return status;
}

/* An engine writes no file where there is no row; a lake table has one, which tells its columns. */
static lh_status write_empty_file(const struct lh_task_request *request, struct lh_arena *arena,
                                  struct lh_task_result *out, struct lh_error *err) {
  struct lh_parquet_writer_options options;
  struct lh_parts parts;
  struct lh_output output;
  LH_TRY(lh_task_writer_options(request, out, arena, &options, err));
  lh_task_parts_init(&parts, request, &options, NULL, &out->schema, arena);
  lh_output_init(&output, &parts);
  lh_status status = lh_output_write_empty(&output, err);
  lh_output_clear(&output);
  if (status == LH_OK) {
    status = lh_task_add_parts(request, &parts, arena, out, err);
  }
  lh_parts_clear(&parts);
  return status;
}

static lh_status note_statistics(const struct elsewhere *elsewhere, struct lh_arena *arena,
                                 struct lh_task_result *out, struct lh_error *err) {
  const struct lh_remote_statistics *const told = &elsewhere->statistics;
  struct lh_task_elsewhere *const noted = LH_ARENA_NEW(arena, struct lh_task_elsewhere);
  if (noted == NULL) {
    return lh_error_memory(err);
  }
  *noted = (struct lh_task_elsewhere){
      .engine = lh_remote_name(elsewhere->remote),
      .query_id = told->query_id,
      .bytes_read = told->bytes,
      .rows_read = told->rows,
      .queued_ms = told->queued_ms,
      .run_ms = told->run_ms,
  };
  out->elsewhere = noted;
  return LH_OK;
}

/* -------- the table -------- */

static lh_status make_table(struct elsewhere *elsewhere, struct lh_arena *arena, struct lh_task_result *out,
                            struct lh_error *err) {
  const struct lh_task_request *const request = elsewhere->request;
  const struct lh_remote_sql sql = {.text = request->spec->sql, .timeout_ms = elsewhere->timeout_ms};
  lh_observer_started(request->observer, -1);
  if (lh_remote_create_table(elsewhere->remote, &elsewhere->table, &sql, arena, &elsewhere->statistics,
                             err) != LH_OK) {
    return lh_error_prefix(err, "%s", request->spec->sql_path);
  }
  LH_TRY(note_statistics(elsewhere, arena, out, err));
  LH_TRY(lh_remote_describe_table(elsewhere->remote, elsewhere->table.name, elsewhere->timeout_ms, arena,
                                  &out->schema, err));
  LH_TRY(lh_task_check_schema(request, arena, out, err));
  LH_TRY(add_files(elsewhere, arena, out, err));
  lh_observer_progress(request->observer, out->rows, elsewhere->statistics.bytes);
  return LH_OK;
}

/* Over a connection that no signal ends. The files stay: those of a failed task are deleted with its version.
 */
static lh_status drop_table(const struct elsewhere *elsewhere, struct lh_arena *arena, struct lh_error *err) {
  const struct lh_task_request *const request = elsewhere->request;
  struct lh_remote *remote = NULL;
  LH_TRY(lh_task_open_elsewhere(request->project, request->spec->engine, NULL, &remote, err));
  const lh_status status =
      lh_remote_drop_table(remote, elsewhere->table.name, CLEANUP_TIMEOUT_MS, arena, err);
  lh_remote_free(remote);
  return status;
}

/* A table that stays shows files that are published: it does no harm until gc deletes them. */
static lh_status take_down(const struct elsewhere *elsewhere, lh_status made, struct lh_arena *arena,
                           struct lh_error *err) {
  struct lh_error why;
  char message[LH_ERROR_MESSAGE_MAX];
  if (drop_table(elsewhere, arena, &why) == LH_OK || made != LH_OK) {
    return made;
  }
  const bool is_trino = elsewhere->request->spec->engine == LH_ENGINE_TRINO;
  snprintf(message, sizeof(message), "table %s stays in the catalog of %s and can be dropped: %.1024s%s",
           elsewhere->table.name, lh_remote_name(elsewhere->remote), why.message,
           is_trino ? "; hive.allow-drop-table=true lets lakehaul do it" : "");
  lh_observer_warning(elsewhere->request->observer, message);
  (void)err;
  return LH_OK;
}

static lh_status run(struct elsewhere *elsewhere, struct lh_arena *arena, struct lh_task_result *out,
                     struct lh_error *err) {
  const struct lh_task_request *const request = elsewhere->request;
  out->source = lh_arena_printf(arena, "sql %s on %s", request->spec->sql_path,
                                lh_engine_kind_name(request->spec->engine));
  if (out->source == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(describe(elsewhere, arena, err));
  const lh_status made = make_table(elsewhere, arena, out, err);
  LH_TRY(take_down(elsewhere, made, arena, err));
  return out->file_count == 0 ? write_empty_file(request, arena, out, err) : LH_OK;
}

/* Athena tells of a nested result that it is nested, and a view needs to know of what. */
static lh_status check_view(const struct lh_task_request *request, const struct lh_schema *schema,
                            struct lh_error *err) {
  static const char *const nested[] = {"array", "map", "row"};
  for (size_t i = 0; i < schema->field_count; i++) {
    const struct lh_field *const field = &schema->fields[i];
    for (size_t j = 0; j < sizeof(nested) / sizeof(nested[0]); j++) {
      if (field->type == LH_TYPE_STRING && strcmp(field->source_type, nested[j]) == 0) {
        lh_error_set(err, LH_ERROR_DATA,
                     "%s: column \"%s\" is of type %s, of whose elements Athena says nothing",
                     request->spec->sql_path, field->name, nested[j]);
        lh_error_hint(err, "write engine: duckdb for this view, or json_format(CAST(%s AS json))",
                      field->name);
        return LH_ERROR_DATA;
      }
    }
  }
  return LH_OK;
}

/* Of a view only the columns are asked for. The line's end in front of the parenthesis ends a comment. */
static lh_status describe_view(struct elsewhere *elsewhere, struct lh_arena *arena,
                               struct lh_task_result *out, struct lh_error *err) {
  const struct lh_task_request *const request = elsewhere->request;
  struct lh_remote_statement *statement = NULL;
  const size_t length = lh_sql_trimmed_length(request->spec->sql);
  const struct lh_remote_sql sql = {
      .before = "SELECT * FROM (",
      .text = lh_arena_printf(arena, "%.*s\n) AS described LIMIT 0", (int)length, request->spec->sql),
      .timeout_ms = elsewhere->timeout_ms,
  };
  out->source = lh_arena_printf(arena, "view %s on %s", request->spec->sql_path,
                                lh_engine_kind_name(request->spec->engine));
  if (sql.text == NULL || out->source == NULL) {
    return lh_error_memory(err);
  }
  lh_observer_started(request->observer, -1);
  if (lh_remote_start(elsewhere->remote, &sql, &statement, err) != LH_OK) {
    return lh_error_prefix(err, "%s", request->spec->sql_path);
  }
  const lh_status status = lh_schema_copy(lh_remote_schema(statement), arena, &out->schema, err);
  lh_remote_statement_free(statement);
  LH_TRY(status);
  LH_TRY(check_view(request, &out->schema, err));
  return lh_task_check_schema(request, arena, out, err);
}

lh_status lh_task_run_sql_elsewhere(const struct lh_task_request *request, struct lh_arena *arena,
                                    struct lh_task_result *out, struct lh_error *err) {
  struct elsewhere elsewhere = {.request = request};
  if (lh_remote_check_reads(request->spec->sql, false, err) != LH_OK) {
    return lh_error_prefix(err, "%s", request->spec->sql_path);
  }
  elsewhere.timeout_ms = lh_task_timeout_elsewhere(request->project, request->spec->engine);
  LH_TRY(lh_task_open_elsewhere(request->project, request->spec->engine, &request->interrupt->is_raised,
                                &elsewhere.remote, err));
  const lh_status status =
      request->spec->is_view ? describe_view(&elsewhere, arena, out, err) : run(&elsewhere, arena, out, err);
  lh_remote_free(elsewhere.remote);
  return status;
}
