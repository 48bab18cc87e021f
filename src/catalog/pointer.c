/* The pointer of a lake table: JSON to struct and back, every part checked, since the file can be edited, cut
 * short or come from another version of lakehaul. */
#include "catalog/pointer.h"

#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "catalog/pointer_json.h"

#define POINTER_FORMAT 1
#define POINTER_FORMAT_PARTITIONED 2
#define POINTER_FORMAT_VIEW 3
#define POINTER_MAX_BYTES ((size_t)64 << 20)
#define TABLE_MAX_BYTES 200

bool lh_catalog_table_valid(const char *table) {
  const size_t length = strnlen(table, TABLE_MAX_BYTES + 1);
  if (length > TABLE_MAX_BYTES || table[0] == '.' || strchr(table, '/') != NULL ||
      strcmp(table, LH_CATALOG_OWN_PREFIX) == 0) {
    return false;
  }
  for (size_t i = 0; i < length; i++) {
    const unsigned char c = (unsigned char)table[i];
    if (c < 0x20 || c == 0x7F) {
      return false;
    }
  }
  return lh_store_key_valid(table);
}

lh_status lh_catalog_check_table(const char *table, struct lh_error *err) {
  if (lh_catalog_table_valid(table)) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_CATALOG, "\"%.*s\" is not a name that a lake table can have",
               (int)lh_utf8_truncate(table, strlen(table), TABLE_MAX_BYTES), table);
  lh_error_hint(err,
                "a lake table's name has 1 to %d bytes, no '/', no control characters, does not begin with "
                "'.' and is not %s",
                TABLE_MAX_BYTES, LH_CATALOG_OWN_PREFIX);
  return LH_ERROR_CATALOG;
}

bool lh_pointer_owns_key(const char *table, const char *key) {
  const size_t length = strlen(table);
  return lh_store_key_valid(key) && strncmp(key, table, length) == 0 && key[length] == '/';
}

lh_status lh_pointer_lock(struct lh_store *store, const char *table, struct lh_arena *arena,
                          struct lh_store_lock **out, struct lh_error *err) {
  bool locked = false;
  const char *const key = lh_arena_printf(arena, LH_CATALOG_OWN_PREFIX "/locks/%s.lock", table);
  if (key == NULL) {
    return lh_error_memory(err);
  }
  return lh_store_lock(store, key, true, true, out, &locked, err);
}

/* Reading */

static lh_status read_text(const json_t *object, const char *key, const char *what, struct lh_arena *arena,
                           const char **out, struct lh_error *err) {
  LH_TRY(lh_json_get_string(object, key, what, arena, out, err));
  if (strlen(*out) != json_string_length(json_object_get(object, key))) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "%s: \"%s\" holds a NUL", what, key);
  }
  return LH_OK;
}

/* "" where the key is missing. */
static lh_status read_optional_text(const json_t *object, const char *key, const char *what,
                                    struct lh_arena *arena, const char **out, struct lh_error *err) {
  *out = "";
  return json_object_get(object, key) != NULL ? read_text(object, key, what, arena, out, err) : LH_OK;
}

static lh_status read_primary_key(const json_t *root, const char *what, struct lh_arena *arena,
                                  struct lh_lake_version *version, struct lh_error *err) {
  json_t *list = NULL;
  if (json_object_get(root, "primary_key") == NULL) {
    return LH_OK;
  }
  LH_TRY(lh_json_get_array(root, "primary_key", what, &list, err));
  const size_t count = json_array_size(list);
  const char **const names = LH_ARENA_ARRAY(arena, const char *, count);
  if (names == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    const char *const name = json_string_value(json_array_get(list, i));
    if (name == NULL) {
      return lh_error_set(err, LH_ERROR_CORRUPT, "%s: \"primary_key\" is not made of names", what);
    }
    names[i] = lh_arena_strdup(arena, name);
    if (names[i] == NULL) {
      return lh_error_memory(err);
    }
  }
  version->primary_key = names;
  version->primary_key_count = count;
  return LH_OK;
}

static lh_status check_object(const json_t *value, const char *key, const char *what, struct lh_error *err) {
  if (json_is_object(value)) {
    return LH_OK;
  }
  return lh_error_set(err, LH_ERROR_CORRUPT, "%s: \"%s\" is not made of objects", what, key);
}

static lh_status read_files(const json_t *root, const char *what, struct lh_arena *arena,
                            struct lh_lake_version *version, struct lh_error *err) {
  json_t *list = NULL;
  LH_TRY(lh_json_get_array(root, "files", what, &list, err));
  const size_t count = json_array_size(list);
  struct lh_lake_file *const files = LH_ARENA_ARRAY(arena, struct lh_lake_file, count);
  if (files == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    const json_t *const item = json_array_get(list, i);
    LH_TRY(check_object(item, "files", what, err));
    LH_TRY(read_text(item, "key", what, arena, &files[i].key, err));
    LH_TRY(lh_json_get_uint(item, "rows", what, &files[i].rows, err));
    LH_TRY(lh_json_get_uint(item, "bytes", what, &files[i].bytes, err));
    if (!lh_pointer_owns_key(version->table, files[i].key)) {
      return lh_error_set(err, LH_ERROR_CORRUPT, "%s: \"files\" names \"%.200s\", which is not below %s/",
                          what, files[i].key, version->table);
    }
  }
  version->files = files;
  version->file_count = count;
  return LH_OK;
}

static lh_status read_columns(const json_t *root, const char *what, struct lh_arena *arena,
                              struct lh_lake_version *version, struct lh_error *err) {
  json_t *list = NULL;
  LH_TRY(lh_json_get_array(root, "columns", what, &list, err));
  const size_t count = json_array_size(list);
  struct lh_lake_column *const columns = LH_ARENA_ARRAY(arena, struct lh_lake_column, count);
  if (columns == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    const json_t *const item = json_array_get(list, i);
    const json_t *const nullable = json_object_get(item, "nullable");
    LH_TRY(check_object(item, "columns", what, err));
    LH_TRY(read_text(item, "name", what, arena, &columns[i].name, err));
    LH_TRY(read_text(item, "type", what, arena, &columns[i].type, err));
    LH_TRY(read_text(item, "source_type", what, arena, &columns[i].source_type, err));
    LH_TRY(read_optional_text(item, "comment", what, arena, &columns[i].comment, err));
    if (!json_is_boolean(nullable)) {
      return lh_error_set(err, LH_ERROR_CORRUPT, "%s: \"nullable\" of column \"%.200s\" is not true or false",
                          what, columns[i].name);
    }
    columns[i].nullable = json_is_true(nullable);
    columns[i].nulls = (uint64_t)json_integer_value(json_object_get(item, "became_null"));
    columns[i].clamped = (uint64_t)json_integer_value(json_object_get(item, "clamped"));
    columns[i].source_name = "";
    if (json_object_get(item, "source_name") != NULL) {
      LH_TRY(read_text(item, "source_name", what, arena, &columns[i].source_name, err));
    }
  }
  version->columns = columns;
  version->column_count = count;
  return LH_OK;
}

static lh_status read_version_name(const json_t *object, const char *what, struct lh_arena *arena,
                                   const char **out, struct lh_error *err) {
  LH_TRY(read_text(object, "version", what, arena, out, err));
  if (!lh_catalog_is_version(*out)) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "%s: \"%.64s\" is not the name of a version", what, *out);
  }
  return LH_OK;
}

static lh_status read_previous(const json_t *root, const char *what, struct lh_arena *arena,
                               struct lh_pointer *pointer, struct lh_error *err) {
  json_t *list = NULL;
  LH_TRY(lh_json_get_array(root, "previous", what, &list, err));
  const size_t count = json_array_size(list);
  struct lh_pointer_previous *const previous = LH_ARENA_ARRAY(arena, struct lh_pointer_previous, count);
  if (previous == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    const json_t *const item = json_array_get(list, i);
    LH_TRY(check_object(item, "previous", what, err));
    LH_TRY(read_version_name(item, what, arena, &previous[i].version, err));
    LH_TRY(read_text(item, "published_at", what, arena, &previous[i].published_at, err));
    LH_TRY(lh_json_get_uint(item, "rows", what, &previous[i].rows, err));
    LH_TRY(lh_json_get_uint(item, "bytes", what, &previous[i].bytes, err));
    LH_TRY(lh_json_get_uint(item, "files", what, &previous[i].files, err));
  }
  pointer->previous = previous;
  pointer->previous_count = count;
  return LH_OK;
}

static lh_status read_view(const json_t *root, const char *what, struct lh_arena *arena,
                           struct lh_lake_version *version, struct lh_error *err) {
  const json_t *const view = json_object_get(root, "view");
  const json_t *const format = json_object_get(root, "format");
  json_t *list = NULL;
  if (view == NULL && json_integer_value(format) != POINTER_FORMAT_VIEW) {
    return LH_OK;
  }
  LH_TRY(check_object(view, "view", what, err));
  LH_TRY(read_text(view, "sql", what, arena, &version->view_sql, err));
  LH_TRY(lh_json_get_array(view, "reads", what, &list, err));
  version->view_read_count = json_array_size(list);
  const char **const reads = LH_ARENA_ARRAY(arena, const char *, version->view_read_count);
  if (reads == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < version->view_read_count; i++) {
    const char *const name = json_string_value(json_array_get(list, i));
    if (name == NULL) {
      return lh_error_set(err, LH_ERROR_CORRUPT, "%s: \"reads\" of \"view\" is not made of texts", what);
    }
    reads[i] = lh_arena_strdup(arena, name);
    if (reads[i] == NULL) {
      return lh_error_memory(err);
    }
  }
  version->view_reads = reads;
  return LH_OK;
}

static lh_status check_format(const json_t *root, const char *what, struct lh_error *err) {
  uint64_t format = 0;
  if (!json_is_object(root)) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "%s is not a JSON object", what);
  }
  LH_TRY(lh_json_get_uint(root, "format", what, &format, err));
  if (format == 0) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "%s: \"format\" is 0", what);
  }
  if (format > POINTER_FORMAT_VIEW) {
    lh_error_set(err, LH_ERROR_CATALOG, "%s has format %llu; this lakehaul reads format %d", what,
                 (unsigned long long)format, POINTER_FORMAT_VIEW);
    lh_error_hint(err, "a newer lakehaul wrote it: use that version for this lake");
    return LH_ERROR_CATALOG;
  }
  return LH_OK;
}

static lh_status read_root(const json_t *root, const char *table, const char *what, struct lh_arena *arena,
                           struct lh_pointer *pointer, struct lh_error *err) {
  struct lh_lake_version *const version = &pointer->current;
  LH_TRY(check_format(root, what, err));
  LH_TRY(read_text(root, "table", what, arena, &version->table, err));
  if (strcmp(version->table, table) != 0) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "%s: \"table\" is \"%.200s\", not the file's own name", what,
                        version->table);
  }
  LH_TRY(read_version_name(root, what, arena, &version->version, err));
  LH_TRY(read_text(root, "published_at", what, arena, &version->published_at, err));
  LH_TRY(read_text(root, "source", what, arena, &version->source, err));
  const json_t *const snapshot = json_object_get(root, "snapshot");
  LH_TRY(check_object(snapshot, "snapshot", what, err));
  LH_TRY(read_text(snapshot, "time", what, arena, &version->snapshot_time, err));
  LH_TRY(read_text(snapshot, "lsn", what, arena, &version->snapshot_lsn, err));
  LH_TRY(lh_json_get_uint(root, "rows", what, &version->rows, err));
  LH_TRY(lh_json_get_uint(root, "bytes", what, &version->bytes, err));
  LH_TRY(read_optional_text(root, "comment", what, arena, &version->comment, err));
  LH_TRY(read_primary_key(root, what, arena, version, err));
  LH_TRY(read_files(root, what, arena, version, err));
  LH_TRY(read_columns(root, what, arena, version, err));
  LH_TRY(read_previous(root, what, arena, pointer, err));
  LH_TRY(read_view(root, what, arena, version, err));
  return lh_pointer_read_partitions(root, what, arena, pointer, err);
}

static lh_status decode(const struct lh_buf *bytes, const char *table, const char *what,
                        struct lh_arena *arena, struct lh_pointer **out, struct lh_error *err) {
  struct lh_pointer *const pointer = LH_ARENA_NEW(arena, struct lh_pointer);
  json_t *root = NULL;
  if (pointer == NULL) {
    return lh_error_memory(err);
  }
  lh_status status = lh_json_parse(bytes->data, bytes->len, what, &root, err);
  if (status == LH_OK) {
    status = read_root(root, table, what, arena, pointer, err);
    json_decref(root);
  }
  if (status == LH_ERROR_CORRUPT) {
    lh_error_hint(err,
                  "restore the file from a backup, or move it away and run the task again, which publishes "
                  "the table anew");
  }
  LH_TRY(status);
  *out = pointer;
  return LH_OK;
}

const char *lh_pointer_key(const char *table, struct lh_arena *arena) {
  return lh_arena_printf(arena, LH_CATALOG_TABLES "/%s.json", table);
}

lh_status lh_pointer_read(struct lh_store *store, const char *table, struct lh_arena *arena,
                          struct lh_pointer **out, struct lh_error *err) {
  struct lh_pointer_state state;
  return lh_pointer_read_state(store, table, arena, out, &state, err);
}

lh_status lh_pointer_read_state(struct lh_store *store, const char *table, struct lh_arena *arena,
                                struct lh_pointer **out, struct lh_pointer_state *state,
                                struct lh_error *err) {
  *out = NULL;
  *state = (struct lh_pointer_state){0};
  LH_TRY(lh_catalog_check_table(table, err));
  const char *const key = lh_pointer_key(table, arena);
  const char *const what = key != NULL ? lh_store_locate(store, key, arena) : NULL;
  if (what == NULL) {
    return lh_error_memory(err);
  }
  struct lh_buf bytes;
  bool found = false;
  lh_buf_init(&bytes, POINTER_MAX_BYTES);
  lh_status status = lh_store_get_tagged(store, key, &bytes, &found, &state->tag, err);
  if (status == LH_OK && found) {
    state->bytes = lh_arena_strndup(arena, (const char *)bytes.data, bytes.len);
    state->size = bytes.len;
    status = state->bytes != NULL ? decode(&bytes, table, what, arena, out, err) : lh_error_memory(err);
  }
  lh_buf_clear(&bytes);
  return status;
}

/* Writing */

static json_t *make_text(const char *text) {
  return json_string(text != NULL ? text : "");
}

static json_t *make_uint(uint64_t value) {
  return json_integer((json_int_t)value);
}

static json_t *make_files(const struct lh_lake_version *version) {
  json_t *const list = json_array();
  for (size_t i = 0; i < version->file_count; i++) {
    const struct lh_lake_file *const file = &version->files[i];
    json_t *const item = json_pack("{s:o, s:o, s:o}", "key", make_text(file->key), "rows",
                                   make_uint(file->rows), "bytes", make_uint(file->bytes));
    if (json_array_append_new(list, item) != 0) {
      json_decref(list);
      return NULL;
    }
  }
  return list;
}

static json_t *make_columns(const struct lh_lake_version *version) {
  json_t *const list = json_array();
  for (size_t i = 0; i < version->column_count; i++) {
    const struct lh_lake_column *const column = &version->columns[i];
    json_t *const item =
        json_pack("{s:o, s:o, s:o, s:o, s:b}", "name", make_text(column->name), "type",
                  make_text(column->type), "source_type", make_text(column->source_type), "comment",
                  make_text(column->comment), "nullable", column->nullable ? 1 : 0);
    if (column->nulls > 0) {
      json_object_set_new(item, "became_null", make_uint(column->nulls));
    }
    if (column->clamped > 0) {
      json_object_set_new(item, "clamped", make_uint(column->clamped));
    }
    if (column->source_name != NULL && column->source_name[0] != '\0') {
      json_object_set_new(item, "source_name", make_text(column->source_name));
    }
    if (json_array_append_new(list, item) != 0) {
      json_decref(list);
      return NULL;
    }
  }
  return list;
}

static json_t *make_primary_key(const struct lh_lake_version *version) {
  json_t *const list = json_array();
  for (size_t i = 0; i < version->primary_key_count; i++) {
    if (json_array_append_new(list, make_text(version->primary_key[i])) != 0) {
      json_decref(list);
      return NULL;
    }
  }
  return list;
}

static json_t *make_previous(const struct lh_pointer *pointer) {
  json_t *const list = json_array();
  for (size_t i = 0; i < pointer->previous_count; i++) {
    const struct lh_pointer_previous *const previous = &pointer->previous[i];
    json_t *const item =
        json_pack("{s:o, s:o, s:o, s:o, s:o}", "version", make_text(previous->version), "published_at",
                  make_text(previous->published_at), "rows", make_uint(previous->rows), "bytes",
                  make_uint(previous->bytes), "files", make_uint(previous->files));
    if (json_array_append_new(list, item) != 0) {
      json_decref(list);
      return NULL;
    }
  }
  return list;
}

static json_t *make_view(const struct lh_lake_version *version) {
  json_t *const reads = json_array();
  for (size_t i = 0; i < version->view_read_count; i++) {
    json_array_append_new(reads, make_text(version->view_reads[i]));
  }
  return json_pack("{s:o, s:o}", "sql", make_text(version->view_sql), "reads", reads);
}

static int format_of(const struct lh_lake_version *version) {
  if (version->view_sql != NULL) {
    return POINTER_FORMAT_VIEW;
  }
  return version->partition_key_count > 0 ? POINTER_FORMAT_PARTITIONED : POINTER_FORMAT;
}

static json_t *make_root(const struct lh_pointer *pointer) {
  const struct lh_lake_version *const version = &pointer->current;
  json_t *const root = json_pack(
      "{s:i, s:o, s:o, s:o, s:o, s:{s:o, s:o}, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "format",
      format_of(version), "table", make_text(version->table), "version", make_text(version->version),
      "published_at", make_text(version->published_at), "source", make_text(version->source), "snapshot",
      "time", make_text(version->snapshot_time), "lsn", make_text(version->snapshot_lsn), "rows",
      make_uint(version->rows), "bytes", make_uint(version->bytes), "comment", make_text(version->comment),
      "primary_key", make_primary_key(version), "files", make_files(version), "columns",
      make_columns(version), "previous", make_previous(pointer));
  const bool has_view =
      version->view_sql == NULL || json_object_set_new(root, "view", make_view(version)) == 0;
  if (root != NULL && (!has_view || !lh_pointer_make_partitions(pointer, root))) {
    json_decref(root);
    return NULL;
  }
  return root;
}

static lh_status check_text(const char *text, const char *what, const struct lh_lake_version *version,
                            struct lh_error *err) {
  if (text == NULL || lh_utf8_valid((const uint8_t *)text, strlen(text))) {
    return LH_OK;
  }
  return lh_error_set(err, LH_ERROR_CATALOG, "cannot publish %s: its %s is not valid UTF-8", version->table,
                      what);
}

static lh_status check_texts(const struct lh_lake_version *version, struct lh_error *err) {
  LH_TRY(check_text(version->published_at, "time of publication", version, err));
  LH_TRY(check_text(version->source, "source", version, err));
  LH_TRY(check_text(version->snapshot_time, "snapshot's time", version, err));
  LH_TRY(check_text(version->snapshot_lsn, "snapshot's position", version, err));
  LH_TRY(check_text(version->comment, "comment", version, err));
  LH_TRY(check_text(version->view_sql, "SQL", version, err));
  for (size_t i = 0; i < version->primary_key_count; i++) {
    LH_TRY(check_text(version->primary_key[i], "primary key", version, err));
  }
  for (size_t i = 0; i < version->partition_count; i++) {
    LH_TRY(check_text(version->partitions[i].path, "partition's path", version, err));
  }
  for (size_t i = 0; i < version->column_count; i++) {
    LH_TRY(check_text(version->columns[i].comment, "column's comment", version, err));
    LH_TRY(check_text(version->columns[i].name, "column's name", version, err));
    LH_TRY(check_text(version->columns[i].type, "column's type", version, err));
    LH_TRY(check_text(version->columns[i].source_type, "column's source type", version, err));
    LH_TRY(check_text(version->columns[i].source_name, "column's source name", version, err));
  }
  return LH_OK;
}

lh_status lh_pointer_write(struct lh_store *store, const struct lh_pointer *pointer, struct lh_arena *arena,
                           const struct lh_store_tag *before, struct lh_store_tag *after, bool *replaced,
                           struct lh_error *err) {
  struct lh_buf bytes;
  LH_TRY(check_texts(&pointer->current, err));
  const char *const key = lh_pointer_key(pointer->current.table, arena);
  if (key == NULL) {
    return lh_error_memory(err);
  }
  lh_buf_init(&bytes, POINTER_MAX_BYTES);
  lh_status status = lh_json_take_append(make_root(pointer), true, &bytes, err);
  if (status == LH_OK) {
    status = lh_buf_append_byte(&bytes, '\n', err);
  }
  if (status == LH_OK) {
    status = lh_store_replace(store, key, bytes.data, bytes.len, before, after, replaced, err);
  }
  lh_buf_clear(&bytes);
  return status;
}
