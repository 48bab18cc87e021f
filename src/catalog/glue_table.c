/* TableInput and PartitionInput: a version of a lake table in the words that Athena and Hive's readers
 * expect. UpdateTable replaces everything, so what others have set on the table is carried over from what
 * Glue has. */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "catalog/glue_impl.h"
#include "column/partition.h"

#define INPUT_FORMAT "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
#define OUTPUT_FORMAT "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
#define SERDE "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
/* Glue's limits. */
#define PRESTO_VIEW "Presto View" /* Athena's and Trino's mark of views */
#define COMMENT_MAX_UNITS 255
#define DESCRIPTION_MAX_BYTES 2048
#define PARAMETERS_MAX_BYTES 512000

static const char *const identity = "identity";

/* -------- texts -------- */

/* At most `most` characters, as UTF-16 counts them, on one line. NULL without memory. */
static const char *make_comment(const char *text, size_t most, struct lh_arena *arena) {
  size_t end = 0;
  size_t units = 0;
  while (text[end] != '\0') {
    const unsigned char lead = (unsigned char)text[end];
    const size_t bytes = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    units += bytes == 4 ? 2 : 1;
    if (units > most) {
      break;
    }
    end += strnlen(text + end, bytes);
  }
  char *const comment = lh_arena_strndup(arena, text, end);
  if (comment != NULL) {
    lh_str_make_line(comment);
  }
  return comment;
}

static bool has_text(const char *text) {
  return text != NULL && text[0] != '\0';
}

const char *lh_glue_name(const char *text, struct lh_arena *arena) {
  char *const lower = lh_arena_strdup(arena, text);
  for (char *c = lower; c != NULL && *c != '\0'; c++) {
    *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
  }
  return lower;
}

const char *lh_glue_location(const struct lh_glue_request *request, const char *below,
                             struct lh_arena *arena) {
  const char *const key =
      below[0] != '\0' ? lh_arena_printf(arena, "%s/%s", request->table, below) : request->table;
  const char *const place = key != NULL ? lh_store_locate(request->store, key, arena) : NULL;
  return place != NULL ? lh_arena_printf(arena, "%s/", place) : NULL;
}

/* -------- columns -------- */

/* What the column of that name is in a list of Glue's, or NULL. */
static const json_t *find_column(const json_t *columns, const char *name) {
  size_t i = 0;
  const json_t *column = NULL;
  json_array_foreach(columns, i, column) {
    if (strcmp(lh_glue_text(column, "Name"), name) == 0) {
      return column;
    }
  }
  return NULL;
}

static lh_status fail_type(const struct lh_lake_version *version, const char *name, const char *type,
                           struct lh_error *err) {
  lh_error_set(err, LH_ERROR_CATALOG, "column \"%s\" of table %s cannot be shown in Glue: it is %.200s", name,
               version->table, type);
  lh_error_hint(err,
                "names of struct members may have letters, digits, spaces, _, . and $ there: exclude the "
                "column, or make json of it: columns: { %.64s: { type: json } }",
                name);
  return LH_ERROR_CATALOG;
}

struct column_list {
  const struct lh_lake_version *version;
  const json_t *existing; /* columns as Glue has them */
  struct lh_map names;    /* that are taken */
  struct lh_arena *arena;
  json_t *out;
};

static lh_status add_column(struct column_list *list, const char *name, const char *type, const char *comment,
                            struct lh_error *err) {
  const char *const glue_name = lh_glue_name(name, list->arena);
  const char *const glue_type = lh_glue_type(type, list->arena);
  if (glue_name == NULL) {
    return lh_error_memory(err);
  }
  if (glue_type == NULL) {
    return fail_type(list->version, name, type, err);
  }
  if (lh_map_get(&list->names, glue_name) != NULL) {
    lh_error_set(err, LH_ERROR_CATALOG, "table %s has two columns that Glue calls %s", list->version->table,
                 glue_name);
    lh_error_hint(err, "Glue and Athena know lower case only: rename one of them");
    return LH_ERROR_CATALOG;
  }
  LH_TRY(lh_map_put(&list->names, glue_name, list, err));
  const json_t *const before = find_column(list->existing, glue_name);
  json_t *const column = json_pack("{s:s, s:s}", "Name", glue_name, "Type", glue_type);
  const char *const kept = has_text(comment) ? comment : lh_glue_text(before, "Comment");
  if (has_text(kept)) {
    const char *const text = make_comment(kept, COMMENT_MAX_UNITS, list->arena);
    json_object_set_new(column, "Comment", text != NULL ? json_string(text) : NULL);
  }
  json_t *const parameters = json_object_get(before, "Parameters");
  if (json_is_object(parameters)) {
    json_object_set(column, "Parameters", parameters);
  }
  return json_array_append_new(list->out, column) == 0 ? LH_OK : lh_error_memory(err);
}

static bool is_identity(const struct lh_lake_partition_key *key) {
  return strcmp(key->transform, identity) == 0;
}

/* Hive's readers refuse a column that is both in the files and a partition's. */
static bool is_partition_column(const struct lh_lake_version *version, const char *column) {
  for (size_t i = 0; i < version->partition_key_count; i++) {
    if (is_identity(&version->partition_keys[i]) && strcmp(version->partition_keys[i].column, column) == 0) {
      return true;
    }
  }
  return false;
}

static lh_status add_columns(struct column_list *list, struct lh_error *err) {
  const struct lh_lake_version *const version = list->version;
  for (size_t i = 0; i < version->column_count; i++) {
    const struct lh_lake_column *const column = &version->columns[i];
    if (!is_partition_column(version, column->name)) {
      LH_TRY(add_column(list, column->name, column->type, column->comment, err));
    }
  }
  return LH_OK;
}

static lh_status add_keys(struct column_list *list, struct lh_error *err) {
  const struct lh_lake_version *const version = list->version;
  for (size_t i = 0; i < version->partition_key_count; i++) {
    const struct lh_lake_partition_key *const key = &version->partition_keys[i];
    const char *comment = "";
    for (size_t j = 0; j < version->column_count && is_identity(key); j++) {
      comment = strcmp(version->columns[j].name, key->column) == 0 ? version->columns[j].comment : comment;
    }
    LH_TRY(add_column(list, key->name, key->type, comment, err));
  }
  return LH_OK;
}

static lh_status make_list(const struct lh_lake_version *version, const json_t *existing,
                           lh_status (*add)(struct column_list *list, struct lh_error *err),
                           struct lh_arena *arena, json_t **out, struct lh_error *err) {
  struct column_list list = {.version = version, .existing = existing, .arena = arena, .out = json_array()};
  lh_map_init(&list.names, arena);
  const lh_status status = list.out != NULL ? add(&list, err) : lh_error_memory(err);
  if (status != LH_OK) {
    json_decref(list.out);
    return status;
  }
  *out = list.out;
  return LH_OK;
}

lh_status lh_glue_make_columns(const struct lh_lake_version *version, const json_t *existing,
                               struct lh_arena *arena, json_t **out, struct lh_error *err) {
  const json_t *const storage = json_object_get(existing, "StorageDescriptor");
  return make_list(version, json_object_get(storage, "Columns"), add_columns, arena, out, err);
}

lh_status lh_glue_make_keys(const struct lh_lake_version *version, const json_t *existing,
                            struct lh_arena *arena, json_t **out, struct lh_error *err) {
  return make_list(version, json_object_get(existing, "PartitionKeys"), add_keys, arena, out, err);
}

/* -------- storage -------- */

/* `columns` is borrowed; parameters that others set on the descriptor stay. NULL without memory. */
static json_t *make_storage(const char *location, json_t *columns, const json_t *existing) {
  json_t *const storage = json_pack(
      "{s:O, s:s, s:s, s:s, s:b, s:i, s:{s:s, s:{s:s}}, s:[], s:[], s:b, s:{}}", "Columns", columns,
      "Location", location, "InputFormat", INPUT_FORMAT, "OutputFormat", OUTPUT_FORMAT, "Compressed", 0,
      "NumberOfBuckets", -1, "SerdeInfo", "SerializationLibrary", SERDE, "Parameters", "serialization.format",
      "1", "BucketColumns", "SortColumns", "StoredAsSubDirectories", 0, "Parameters");
  const json_t *const before = json_object_get(existing, "StorageDescriptor");
  json_t *const parameters = json_object_get(before, "Parameters");
  if (storage != NULL && json_is_object(parameters)) {
    json_object_update(json_object_get(storage, "Parameters"), parameters);
  }
  return storage;
}

/* -------- parameters -------- */

static void set_text(json_t *parameters, const char *name, const char *text) {
  if (has_text(text)) {
    json_object_set_new(parameters, name, json_string(text));
  } else {
    json_object_del(parameters, name);
  }
}

static void set_count(json_t *parameters, const char *name, uint64_t count) {
  json_object_set_new(parameters, name, json_sprintf("%llu", (unsigned long long)count));
}

static void set_counts(json_t *parameters, uint64_t rows, uint64_t bytes, uint64_t files) {
  set_count(parameters, "recordCount", rows);
  set_count(parameters, "numRows", rows);
  set_count(parameters, "totalSize", bytes);
  set_count(parameters, "numFiles", files);
}

static json_t *copy_parameters(const json_t *existing) {
  json_t *const parameters = json_object_get(existing, "Parameters");
  return json_is_object(parameters) ? json_copy(parameters) : json_object();
}

/* What an earlier projection of ours left; one that somebody else set up stays. */
static void remove_projection(json_t *parameters) {
  const char *key = NULL;
  json_t *value = NULL;
  void *next = NULL;
  if (json_object_get(parameters, LH_GLUE_PROJECTED) == NULL) {
    return;
  }
  json_object_foreach_safe(parameters, next, key, value) {
    if (strncmp(key, "projection.", 11) == 0) {
      json_object_del(parameters, key);
    }
  }
  json_object_del(parameters, "storage.location.template");
  json_object_del(parameters, LH_GLUE_PROJECTED);
}

/* Those of a table or a view that was there under the same name before go. */
static void set_kind(json_t *parameters, bool is_view, const char *compression) {
  static const char *const of_tables[] = {"recordCount", "numRows", "totalSize", "numFiles",
                                          "partition_filtering.enabled"};
  set_text(parameters, "EXTERNAL", is_view ? "" : "TRUE");
  set_text(parameters, "classification", is_view ? "" : "parquet");
  set_text(parameters, "compressionType", is_view ? "" : compression);
  set_text(parameters, "typeOfData", is_view ? "" : "file");
  for (size_t i = 0; is_view && i < sizeof(of_tables) / sizeof(of_tables[0]); i++) {
    json_object_del(parameters, of_tables[i]);
  }
  if (is_view) {
    set_text(parameters, "presto_view", "true");
    set_text(parameters, "comment", PRESTO_VIEW);
  } else if (json_object_get(parameters, "presto_view") != NULL) {
    json_object_del(parameters, "presto_view");
    json_object_del(parameters, "comment");
  }
}

static lh_status add_parameters(const struct lh_glue_request *request, const struct lh_lake_version *version,
                                json_t *parameters, struct lh_arena *arena, struct lh_error *err) {
  const char *const primary_key = lh_str_join(version->primary_key, version->primary_key_count, ",", arena);
  const char *const comment =
      make_comment(version->comment != NULL ? version->comment : "", PARAMETERS_MAX_BYTES / 4, arena);
  if (primary_key == NULL || comment == NULL) {
    return lh_error_memory(err);
  }
  set_kind(parameters, version->view_sql != NULL, request->compression);
  if (comment[0] != '\0') {
    set_text(parameters, "comment", comment);
  }
  set_text(parameters, LH_GLUE_VERSION, version->version);
  set_text(parameters, "lakehaul.source", version->source);
  set_text(parameters, "lakehaul.snapshot_time", version->snapshot_time);
  set_text(parameters, "lakehaul.snapshot_lsn", version->snapshot_lsn);
  set_text(parameters, "lakehaul.primary_key", primary_key);
  remove_projection(parameters);
  if (version->view_sql != NULL) {
    return LH_OK;
  }
  set_counts(parameters, version->rows, version->bytes, version->file_count);
  if (request->has_index && version->partition_key_count > 0) {
    set_text(parameters, "partition_filtering.enabled", "true");
  }
  if (request->projection == NULL || version->partition_key_count == 0) {
    return LH_OK;
  }
  return lh_glue_add_projection(request, version, parameters, arena, err);
}

/* -------- the whole -------- */

/* The members of TableInput that say nothing of what lakehaul publishes. */
static void keep_foreign_members(json_t *input, const json_t *existing) {
  static const char *const members[] = {"Owner", "LastAccessTime", "LastAnalyzedTime", "Retention"};
  for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
    json_t *const value = json_object_get(existing, members[i]);
    if (value != NULL && !json_is_null(value)) {
      json_object_set(input, members[i], value);
    }
  }
}

/* The source's comment; without one, what somebody else wrote in Glue, but not what was the source's before.
 */
static void describe(json_t *input, json_t *parameters, const struct lh_lake_version *version,
                     const json_t *existing) {
  const char *const description = lh_glue_text(existing, "Description");
  const char *const before = lh_glue_text(json_object_get(existing, "Parameters"), "comment");
  if (has_text(version->comment)) {
    const size_t length = lh_utf8_truncate(version->comment, strlen(version->comment), DESCRIPTION_MAX_BYTES);
    json_object_set_new(input, "Description", json_stringn(version->comment, length));
  } else if (description[0] != '\0' && strcmp(description, before) != 0) {
    json_object_set_new(input, "Description", json_string(description));
  } else if (description[0] != '\0') {
    json_object_del(parameters, "comment");
  }
}

static lh_status check_files(const struct lh_lake_version *version, struct lh_error *err) {
  const size_t table_length = strlen(version->table);
  const size_t version_length = strlen(version->version);
  for (size_t i = 0; version->partition_key_count == 0 && i < version->file_count; i++) {
    const char *const below = version->files[i].key + table_length + 1;
    if (strncmp(below, version->version, version_length) != 0 || below[version_length] != '/') {
      return lh_error_set(err, LH_ERROR_CATALOG, "table %s has file %s, which is not of its version %s",
                          version->table, version->files[i].key, version->version);
    }
  }
  return LH_OK;
}

/* The parts of TableInput; those that were made are released by the caller. */
struct table_parts {
  json_t *columns, *keys, *parameters;
};

static lh_status make_parts(const struct lh_glue_request *request, const struct lh_lake_version *version,
                            const json_t *existing, struct lh_arena *arena, struct table_parts *parts,
                            struct lh_error *err) {
  LH_TRY(check_files(version, err));
  LH_TRY(lh_glue_make_columns(version, existing, arena, &parts->columns, err));
  LH_TRY(lh_glue_make_keys(version, existing, arena, &parts->keys, err));
  size_t i = 0;
  const json_t *key = NULL;
  json_array_foreach(parts->keys, i, key) {
    if (find_column(parts->columns, lh_glue_text(key, "Name")) != NULL) {
      return lh_error_set(err, LH_ERROR_CATALOG,
                          "table %s has a column and a partition key that Glue calls %s", version->table,
                          lh_glue_text(key, "Name"));
    }
  }
  parts->parameters = copy_parameters(existing);
  return parts->parameters != NULL ? add_parameters(request, version, parts->parameters, arena, err)
                                   : lh_error_memory(err);
}

static lh_status make_table_input(const struct lh_glue_request *request,
                                  const struct lh_lake_version *version, const struct table_parts *parts,
                                  const json_t *existing, struct lh_arena *arena, json_t **out,
                                  struct lh_error *err) {
  const char *const below = version->partition_key_count > 0 ? "" : version->version;
  const char *const location = lh_glue_location(request, below, arena);
  json_t *const storage = location != NULL ? make_storage(location, parts->columns, existing) : NULL;
  *out = json_pack("{s:s, s:s, s:i, s:o, s:O}", "Name", request->table, "TableType", "EXTERNAL_TABLE",
                   "Retention", 0, "StorageDescriptor", storage, "PartitionKeys", parts->keys);
  return *out != NULL ? LH_OK : lh_error_memory(err);
}

static lh_status make_view_input(const struct lh_glue_request *request, const struct lh_lake_version *version,
                                 const struct table_parts *parts, struct lh_arena *arena, json_t **out,
                                 struct lh_error *err) {
  const char *text = NULL;
  LH_TRY(lh_glue_make_view_text(&request->view, version, parts->columns, arena, &text, err));
  *out = json_pack("{s:s, s:s, s:i, s:{s:O, s:s, s:{}}, s:[], s:s, s:s}", "Name", request->table, "TableType",
                   "VIRTUAL_VIEW", "Retention", 0, "StorageDescriptor", "Columns", parts->columns, "Location",
                   "", "SerdeInfo", "PartitionKeys", "ViewOriginalText", text, "ViewExpandedText",
                   "/* " PRESTO_VIEW " */");
  return *out != NULL ? LH_OK : lh_error_memory(err);
}

lh_status lh_glue_make_table(const struct lh_glue_request *request, const struct lh_lake_version *version,
                             const json_t *existing, struct lh_arena *arena, json_t **out,
                             struct lh_error *err) {
  struct table_parts parts = {0};
  json_t *input = NULL;
  lh_status status = make_parts(request, version, existing, arena, &parts, err);
  if (status == LH_OK) {
    status = version->view_sql != NULL
                 ? make_view_input(request, version, &parts, arena, &input, err)
                 : make_table_input(request, version, &parts, existing, arena, &input, err);
  }
  if (status == LH_OK) {
    keep_foreign_members(input, existing);
    describe(input, parts.parameters, version, existing);
    status = json_object_set(input, "Parameters", parts.parameters) == 0 ? LH_OK : lh_error_memory(err);
  }
  json_decref(parts.columns);
  json_decref(parts.keys);
  json_decref(parts.parameters);
  if (status != LH_OK) {
    json_decref(input);
    return status;
  }
  *out = input;
  return LH_OK;
}

lh_status lh_glue_make_partition(const struct lh_glue_request *request, const struct lh_lake_version *version,
                                 const struct lh_lake_partition *partition, json_t *columns,
                                 const json_t *existing, struct lh_arena *arena, json_t **out,
                                 struct lh_error *err) {
  const char *const below = lh_arena_printf(arena, "%s/%s", partition->path, partition->version);
  const char *const location = below != NULL ? lh_glue_location(request, below, arena) : NULL;
  json_t *const parameters = copy_parameters(existing);
  json_t *const storage = location != NULL ? make_storage(location, columns, existing) : NULL;
  json_t *const values = json_array();
  for (size_t i = 0; i < version->partition_key_count; i++) {
    const char *const value = partition->values[i];
    json_array_append_new(values, json_string(value != NULL ? value : LH_PARTITION_NULL));
  }
  if (parameters != NULL) {
    set_text(parameters, "classification", "parquet");
    set_text(parameters, "compressionType", request->compression);
    set_text(parameters, "typeOfData", "file");
    set_text(parameters, LH_GLUE_VERSION, partition->version);
    set_counts(parameters, partition->rows, partition->bytes, partition->file_count);
  }
  *out =
      json_pack("{s:o, s:o, s:o}", "Values", values, "StorageDescriptor", storage, "Parameters", parameters);
  return *out != NULL ? LH_OK : lh_error_memory(err);
}
