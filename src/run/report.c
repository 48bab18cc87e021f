/* Reports from a worker to its supervisor, one JSON object a line. */
#include <string.h>

#include "run/job.h"

static const char report_what[] = "a report from a worker";

static lh_status append_line(json_t *object, struct lh_buf *out, struct lh_error *err) {
  LH_TRY(lh_json_take_append(object, false, out, err));
  return lh_buf_append_byte(out, '\n', err);
}

lh_status lh_report_encode_started(int64_t estimated_rows, struct lh_buf *out, struct lh_error *err) {
  return append_line(json_pack("{s:s, s:I}", "event", "started", "rows", (json_int_t)estimated_rows), out,
                     err);
}

lh_status lh_report_encode_progress(uint64_t rows, uint64_t bytes, struct lh_buf *out, struct lh_error *err) {
  return append_line(
      json_pack("{s:s, s:I, s:I}", "event", "progress", "rows", (json_int_t)rows, "bytes", (json_int_t)bytes),
      out, err);
}

lh_status lh_report_encode_warning(const char *text, struct lh_buf *out, struct lh_error *err) {
  return append_line(json_pack("{s:s, s:s}", "event", "warning", "text", text), out, err);
}

lh_status lh_report_encode_log(const char *text, struct lh_buf *out, struct lh_error *err) {
  return append_line(json_pack("{s:s, s:s}", "event", "log", "text", text), out, err);
}

json_t *lh_error_to_json(const struct lh_error *failure) {
  return json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:I}", "kind", lh_status_name(failure->code), "code",
                   (int)failure->code, "message", failure->message, "hint", failure->hint, "sqlstate",
                   failure->sqlstate, "table", failure->table, "column", failure->column, "row",
                   (json_int_t)failure->row);
}

lh_status lh_report_encode_failed(const struct lh_error *failure, struct lh_buf *out, struct lh_error *err) {
  return append_line(json_pack("{s:s, s:o}", "event", "failed", "error", lh_error_to_json(failure)), out,
                     err);
}

json_t *lh_schema_change_to_json(const struct lh_schema_change *change) {
  return json_pack("{s:s, s:s, s:s, s:s, s:s}", "change", lh_schema_change_kind_name(change->kind), "column",
                   change->column, "before", change->before, "after", change->after, "text", change->text);
}

static json_t *changes_to_json(const struct lh_schema_change *changes, size_t count) {
  json_t *const list = json_array();
  for (size_t i = 0; i < count; i++) {
    json_array_append_new(list, lh_schema_change_to_json(&changes[i]));
  }
  return list;
}

static lh_status columns_to_json(const struct lh_task_result *result, json_t *array, struct lh_error *err) {
  const struct lh_schema *const schema = &result->schema;
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  lh_status status = LH_OK;
  for (size_t i = 0; i < schema->field_count && status == LH_OK; i++) {
    const struct lh_field *const field = &schema->fields[i];
    const char *const type = lh_field_type_name(field, &arena);
    json_t *const column =
        type != NULL
            ? json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "name", field->name, "type", type, "source_type",
                        field->source_type != NULL ? field->source_type : "", "comment",
                        field->comment != NULL ? field->comment : "", "nullable", field->nullable,
                        "source_name", field->source_name != NULL ? field->source_name : "")
            : NULL;
    if (column != NULL && result->replaced != NULL) {
      json_object_set_new(column, "became_null", json_integer((json_int_t)result->replaced[i].nulls));
      json_object_set_new(column, "clamped", json_integer((json_int_t)result->replaced[i].clamped));
    }
    if (column == NULL || json_array_append_new(array, column) != 0) {
      status = lh_error_memory(err);
    }
  }
  lh_arena_clear(&arena);
  return status;
}

lh_status lh_report_encode_finished(const struct lh_job *job, const struct lh_task_result *result,
                                    struct lh_buf *out, struct lh_error *err) {
  json_t *const files = json_array();
  for (size_t i = 0; i < result->file_count; i++) {
    const struct lh_task_file *const file = &result->files[i];
    json_array_append_new(files, json_pack("{s:s, s:I, s:I}", "key", file->key, "rows",
                                           (json_int_t)file->rows, "bytes", (json_int_t)file->bytes));
  }
  json_t *const columns = json_array();
  const lh_status status = columns_to_json(result, columns, err);
  json_t *const object = json_pack(
      "{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:o, s:s, s:o, s:o, s:o}", "event", "finished", "table",
      job->task, "version", job->version, "source", result->source, "snapshot_time", job->snapshot_time,
      "snapshot_lsn", job->snapshot_lsn, "rows", (json_int_t)result->rows, "bytes", (json_int_t)result->bytes,
      "files", files, "columns", columns, "comment", result->comment != NULL ? result->comment : "",
      "primary_key", lh_names_to_json(result->primary_key, result->primary_key_count), "schema_changes",
      changes_to_json(result->changes, result->change_count), "partitioning",
      lh_result_partitions_to_json(result));
  if (status != LH_OK) {
    json_decref(object);
    return status;
  }
  if (object != NULL && result->elsewhere != NULL) {
    json_object_set_new(object, "elsewhere", lh_elsewhere_to_json(result->elsewhere));
  }
  return append_line(object, out, err);
}

static lh_status decode_files(const json_t *object, struct lh_arena *arena, struct lh_lake_version *out,
                              struct lh_error *err) {
  json_t *array = NULL;
  LH_TRY(lh_json_get_array(object, "files", report_what, &array, err));
  out->file_count = json_array_size(array);
  struct lh_lake_file *const files = LH_ARENA_ARRAY(arena, struct lh_lake_file, out->file_count);
  if (files == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < out->file_count; i++) {
    const json_t *const file = json_array_get(array, i);
    LH_TRY(lh_json_get_string(file, "key", report_what, arena, &files[i].key, err));
    LH_TRY(lh_json_get_uint(file, "rows", report_what, &files[i].rows, err));
    LH_TRY(lh_json_get_uint(file, "bytes", report_what, &files[i].bytes, err));
  }
  out->files = files;
  return LH_OK;
}

static lh_status decode_columns(const json_t *object, struct lh_arena *arena, struct lh_lake_version *out,
                                struct lh_error *err) {
  json_t *array = NULL;
  LH_TRY(lh_json_get_array(object, "columns", report_what, &array, err));
  out->column_count = json_array_size(array);
  struct lh_lake_column *const columns = LH_ARENA_ARRAY(arena, struct lh_lake_column, out->column_count);
  if (columns == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < out->column_count; i++) {
    const json_t *const column = json_array_get(array, i);
    LH_TRY(lh_json_get_string(column, "name", report_what, arena, &columns[i].name, err));
    LH_TRY(lh_json_get_string(column, "type", report_what, arena, &columns[i].type, err));
    LH_TRY(lh_json_get_string(column, "source_type", report_what, arena, &columns[i].source_type, err));
    LH_TRY(lh_json_get_string(column, "source_name", report_what, arena, &columns[i].source_name, err));
    LH_TRY(lh_json_get_string(column, "comment", report_what, arena, &columns[i].comment, err));
    columns[i].nullable = json_is_true(json_object_get(column, "nullable"));
    columns[i].nulls = (uint64_t)json_integer_value(json_object_get(column, "became_null"));
    columns[i].clamped = (uint64_t)json_integer_value(json_object_get(column, "clamped"));
  }
  out->columns = columns;
  return LH_OK;
}

static lh_status decode_primary_key(const json_t *object, struct lh_arena *arena, struct lh_lake_version *out,
                                    struct lh_error *err) {
  json_t *array = NULL;
  LH_TRY(lh_json_get_array(object, "primary_key", report_what, &array, err));
  out->primary_key_count = json_array_size(array);
  const char **const names = LH_ARENA_ARRAY(arena, const char *, out->primary_key_count);
  if (names == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < out->primary_key_count; i++) {
    const char *const name = json_string_value(json_array_get(array, i));
    if (name == NULL) {
      return lh_error_set(err, LH_ERROR_CORRUPT, "%s: a column of the primary key is not a name",
                          report_what);
    }
    names[i] = lh_arena_strdup(arena, name);
    if (names[i] == NULL) {
      return lh_error_memory(err);
    }
  }
  out->primary_key = names;
  return LH_OK;
}

static lh_status decode_changes(const json_t *object, struct lh_arena *arena, struct lh_report *out,
                                struct lh_error *err) {
  json_t *array = NULL;
  LH_TRY(lh_json_get_array(object, "schema_changes", report_what, &array, err));
  out->change_count = json_array_size(array);
  out->changes = LH_ARENA_ARRAY(arena, struct lh_schema_change, out->change_count);
  if (out->changes == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < out->change_count; i++) {
    const json_t *const change = json_array_get(array, i);
    struct lh_schema_change *const to = &out->changes[i];
    const char *kind = NULL;
    LH_TRY(lh_json_get_string(change, "change", report_what, arena, &kind, err));
    LH_TRY(lh_json_get_string(change, "column", report_what, arena, &to->column, err));
    LH_TRY(lh_json_get_string(change, "before", report_what, arena, &to->before, err));
    LH_TRY(lh_json_get_string(change, "after", report_what, arena, &to->after, err));
    LH_TRY(lh_json_get_string(change, "text", report_what, arena, &to->text, err));
    if (!lh_schema_change_parse_kind(kind, &to->kind)) {
      return lh_error_set(err, LH_ERROR_CORRUPT, "%s: unknown change \"%s\"", report_what, kind);
    }
  }
  return LH_OK;
}

static lh_status decode_finished(const json_t *object, struct lh_arena *arena, struct lh_report *out,
                                 struct lh_error *err) {
  struct lh_lake_version *const version = LH_ARENA_NEW(arena, struct lh_lake_version);
  if (version == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(lh_json_get_string(object, "table", report_what, arena, &version->table, err));
  LH_TRY(lh_json_get_string(object, "version", report_what, arena, &version->version, err));
  LH_TRY(lh_json_get_string(object, "source", report_what, arena, &version->source, err));
  LH_TRY(lh_json_get_string(object, "snapshot_time", report_what, arena, &version->snapshot_time, err));
  LH_TRY(lh_json_get_string(object, "snapshot_lsn", report_what, arena, &version->snapshot_lsn, err));
  LH_TRY(lh_json_get_uint(object, "rows", report_what, &version->rows, err));
  LH_TRY(lh_json_get_uint(object, "bytes", report_what, &version->bytes, err));
  LH_TRY(decode_files(object, arena, version, err));
  LH_TRY(decode_columns(object, arena, version, err));
  LH_TRY(lh_json_get_string(object, "comment", report_what, arena, &version->comment, err));
  LH_TRY(decode_primary_key(object, arena, version, err));
  LH_TRY(
      lh_result_partitions_decode(json_object_get(object, "partitioning"), report_what, arena, version, err));
  LH_TRY(decode_changes(object, arena, out, err));
  const json_t *const elsewhere = json_object_get(object, "elsewhere");
  if (elsewhere != NULL) {
    LH_TRY(lh_elsewhere_decode(elsewhere, report_what, arena, &out->elsewhere, err));
  }
  version->published_at = "";
  out->version = version;
  out->rows = (int64_t)version->rows;
  out->bytes = version->bytes;
  return LH_OK;
}

static void copy_text(char *to, size_t size, const json_t *object, const char *key) {
  const char *const text = json_string_value(json_object_get(object, key));
  snprintf(to, size, "%s", text != NULL ? text : "");
}

static lh_status decode_failed(const json_t *object, struct lh_report *out, struct lh_error *err) {
  const json_t *const failure = json_object_get(object, "error");
  const json_int_t code = json_integer_value(json_object_get(failure, "code"));
  if (code <= LH_OK || code > LH_ERROR_INTERNAL) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "%s: an error without a code", report_what);
  }
  lh_error_clear(&out->error);
  out->error.code = (lh_status)code;
  copy_text(out->error.message, sizeof(out->error.message), failure, "message");
  copy_text(out->error.hint, sizeof(out->error.hint), failure, "hint");
  copy_text(out->error.sqlstate, sizeof(out->error.sqlstate), failure, "sqlstate");
  copy_text(out->error.table, sizeof(out->error.table), failure, "table");
  copy_text(out->error.column, sizeof(out->error.column), failure, "column");
  out->error.row = json_integer_value(json_object_get(failure, "row"));
  return LH_OK;
}

static lh_status decode_object(const json_t *object, struct lh_arena *arena, struct lh_report *out,
                               struct lh_error *err) {
  const char *event = NULL;
  LH_TRY(lh_json_get_string(object, "event", report_what, arena, &event, err));
  if (strcmp(event, "started") == 0) {
    out->kind = LH_REPORT_STARTED;
    out->rows = json_integer_value(json_object_get(object, "rows"));
    return LH_OK;
  }
  if (strcmp(event, "progress") == 0) {
    out->kind = LH_REPORT_PROGRESS;
    out->rows = json_integer_value(json_object_get(object, "rows"));
    out->bytes = (uint64_t)json_integer_value(json_object_get(object, "bytes"));
    return LH_OK;
  }
  if (strcmp(event, "warning") == 0 || strcmp(event, "log") == 0) {
    out->kind = event[0] == 'w' ? LH_REPORT_WARNING : LH_REPORT_LOG;
    return lh_json_get_string(object, "text", report_what, arena, &out->text, err);
  }
  if (strcmp(event, "finished") == 0) {
    out->kind = LH_REPORT_FINISHED;
    return decode_finished(object, arena, out, err);
  }
  if (strcmp(event, "failed") == 0) {
    out->kind = LH_REPORT_FAILED;
    return decode_failed(object, out, err);
  }
  return lh_error_set(err, LH_ERROR_CORRUPT, "%s: unknown event \"%s\"", report_what, event);
}

lh_status lh_report_decode(const char *line, size_t length, struct lh_arena *arena, struct lh_report *out,
                           struct lh_error *err) {
  json_t *object = NULL;
  *out = (struct lh_report){0};
  LH_TRY(lh_json_parse(line, length, report_what, &object, err));
  const lh_status status = decode_object(object, arena, out, err);
  json_decref(object);
  return status;
}
