/* Keys of partitions bound to a schema, and finished files sorted into partitions. */
#include "task/partition/partition_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

static lh_status fail_column(const char *name, const struct lh_schema *schema, struct lh_arena *arena,
                             struct lh_error *err) {
  const char **const names = LH_ARENA_ARRAY(arena, const char *, schema->field_count);
  if (names == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < schema->field_count; i++) {
    names[i] = schema->fields[i].name;
  }
  lh_error_set(err, LH_ERROR_DATA, "partition_by names column \"%s\", which the table does not have", name);
  snprintf(err->column, sizeof(err->column), "%s", name);
  lh_str_suggest(err, name, names, schema->field_count, "its columns", arena);
  return LH_ERROR_DATA;
}

static lh_status find_field(const char *name, const struct lh_schema *schema, struct lh_arena *arena,
                            size_t *out, struct lh_error *err) {
  ptrdiff_t found = lh_schema_find(schema, name);
  for (size_t i = 0; i < schema->field_count && found < 0; i++) {
    const char *const source_name = schema->fields[i].source_name;
    found = source_name != NULL && strcmp(source_name, name) == 0 ? (ptrdiff_t)i : -1;
  }
  *out = (size_t)found;
  return found >= 0 ? LH_OK : fail_column(name, schema, arena, err);
}

/* Engines do not tell names apart by case. */
static lh_status check_name(const struct lh_partition_key *key, const struct lh_schema *schema,
                            struct lh_error *err) {
  static const char escaped[] = "\"#%'*/:=?\\{[]^";
  if (key->transform == LH_PARTITION_IDENTITY) {
    if (strpbrk(key->name, escaped) == NULL) {
      return LH_OK;
    }
    lh_error_set(err, LH_ERROR_DATA, "column \"%s\" has a name that no partition's directory can have",
                 key->name);
    lh_error_hint(err, "rename it, or use names: lower");
    return LH_ERROR_DATA;
  }
  for (size_t i = 0; i < schema->field_count; i++) {
    if (strcasecmp(schema->fields[i].name, key->name) == 0) {
      lh_error_set(err, LH_ERROR_DATA,
                   "partition_by makes a column \"%s\", and the table has one of that name", key->name);
      snprintf(err->column, sizeof(err->column), "%s", schema->fields[i].name);
      lh_error_hint(err, "give the key another name: %s(%s) as %s_%s",
                    lh_partition_transform_name(key->transform), key->column, key->column,
                    lh_partition_transform_name(key->transform));
      return LH_ERROR_DATA;
    }
  }
  return LH_OK;
}

static bool is_stored(const struct lh_partition_plan *plan, size_t field) {
  for (size_t i = 0; i < plan->by.count; i++) {
    if (plan->fields[i] == field && plan->by.keys[i].transform == LH_PARTITION_IDENTITY) {
      return false;
    }
  }
  return true;
}

static lh_status make_file_schema(struct lh_partition_plan *plan, struct lh_arena *arena,
                                  struct lh_error *err) {
  const struct lh_schema *const schema = plan->schema;
  struct lh_field *const fields = LH_ARENA_ARRAY(arena, struct lh_field, schema->field_count);
  size_t *const stored = LH_ARENA_ARRAY(arena, size_t, schema->field_count);
  size_t count = 0;
  if (fields == NULL || stored == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < schema->field_count; i++) {
    if (is_stored(plan, i)) {
      fields[count] = schema->fields[i];
      stored[count++] = i;
    }
  }
  plan->file_schema = (struct lh_schema){.fields = fields, .field_count = count};
  plan->stored = stored;
  if (count > 0) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_DATA, "all columns name partitions, and none is left for the files");
  lh_error_hint(err, "partition by fewer columns");
  return LH_ERROR_DATA;
}

lh_status lh_partition_plan_make(const struct lh_partition_by *by, const struct lh_schema *schema,
                                 struct lh_arena *arena, struct lh_partition_plan *out,
                                 struct lh_error *err) {
  struct lh_partition_key *const keys = LH_ARENA_ARRAY(arena, struct lh_partition_key, by->count);
  *out = (struct lh_partition_plan){.by = {keys, by->count}, .schema = schema};
  if (keys == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < by->count; i++) {
    keys[i] = by->keys[i];
    LH_TRY(find_field(keys[i].column, schema, arena, &out->fields[i], err));
    const struct lh_field *const field = &schema->fields[out->fields[i]];
    LH_TRY(lh_partition_check_field(&keys[i], field, err));
    keys[i].column = field->name;
    if (keys[i].transform == LH_PARTITION_IDENTITY) {
      keys[i].name = field->name;
    }
    LH_TRY(check_name(&keys[i], schema, err));
  }
  return make_file_schema(out, arena, err);
}

lh_status lh_partition_plan_describe(const struct lh_partition_plan *plan, struct lh_arena *arena,
                                     const struct lh_lake_partition_key **out, struct lh_error *err) {
  struct lh_lake_partition_key *const keys =
      LH_ARENA_ARRAY(arena, struct lh_lake_partition_key, plan->by.count);
  if (keys == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < plan->by.count; i++) {
    const struct lh_partition_key *const key = &plan->by.keys[i];
    keys[i] = (struct lh_lake_partition_key){
        .name = key->name,
        .transform = lh_partition_transform_name(key->transform),
        .column = key->column,
        .type = lh_partition_type_name(key, &plan->schema->fields[plan->fields[i]], arena),
    };
    if (keys[i].type == NULL) {
      return lh_error_memory(err);
    }
  }
  *out = keys;
  return LH_OK;
}

/* -------- files -------- */

/* The directories between those of the table and of the version. */
static const char *path_of(const char *table, const char *version, const char *key, struct lh_arena *arena) {
  const size_t table_length = strlen(table) + 1;
  return lh_arena_strndup(arena, key + table_length, lh_catalog_part_directory(key, version) - table_length);
}

static int compare_files(const void *left, const void *right) {
  const struct lh_partition_file *const a = left;
  const struct lh_partition_file *const b = right;
  return strcmp(a->key, b->key);
}

static int compare_partitions(const void *left, const void *right) {
  const struct lh_lake_partition *const a = left;
  const struct lh_lake_partition *const b = right;
  return strcmp(a->path, b->path);
}

/* Files sorted by key come partition by partition, though not always in the order of the paths. */
static lh_status list_partitions(const struct lh_partition_plan *plan, const char *table, const char *version,
                                 const struct lh_partition_file *files, size_t file_count,
                                 struct lh_arena *arena, struct lh_lake_partition *out, size_t *count,
                                 struct lh_error *err) {
  *count = 0;
  for (size_t i = 0; i < file_count; i++) {
    const char *const path = path_of(table, version, files[i].key, arena);
    if (path == NULL) {
      return lh_error_memory(err);
    }
    if (*count == 0 || strcmp(out[*count - 1].path, path) != 0) {
      struct lh_lake_partition *const added = &out[(*count)++];
      *added = (struct lh_lake_partition){.path = path, .version = version};
      LH_TRY(lh_partition_parse_path(&plan->by, path, arena, &added->values, err));
    }
    struct lh_lake_partition *const partition = &out[*count - 1];
    partition->rows += files[i].rows;
    partition->bytes += files[i].bytes;
    partition->file_count++;
  }
  return LH_OK;
}

static lh_status order_files(const char *table, const struct lh_lake_partition *partitions, size_t count,
                             struct lh_partition_file *files, size_t file_count, struct lh_arena *arena,
                             struct lh_error *err) {
  struct lh_partition_file *const ordered = LH_ARENA_ARRAY(arena, struct lh_partition_file, file_count);
  size_t used = 0;
  if (ordered == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    /* What follows is the version's directory, or in the flat layout the file. */
    const char *const prefix = lh_arena_printf(arena, "%s/%s/", table, partitions[i].path);
    if (prefix == NULL) {
      return lh_error_memory(err);
    }
    const size_t length = strlen(prefix);
    size_t low = 0;
    size_t high = file_count;
    while (low < high) {
      const size_t middle = low + (high - low) / 2;
      if (strncmp(files[middle].key, prefix, length) < 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    for (size_t j = 0; j < partitions[i].file_count; j++) {
      ordered[used++] = files[low + j];
    }
  }
  for (size_t i = 0; i < used; i++) {
    files[i] = ordered[i];
  }
  return LH_OK;
}

lh_status lh_partition_plan_group(const struct lh_partition_plan *plan, const char *table,
                                  const char *version, struct lh_partition_file *files, size_t file_count,
                                  struct lh_arena *arena, struct lh_lake_partition **out, size_t *count,
                                  struct lh_error *err) {
  struct lh_lake_partition *const partitions = LH_ARENA_ARRAY(arena, struct lh_lake_partition, file_count);
  if (partitions == NULL) {
    return lh_error_memory(err);
  }
  qsort(files, file_count, sizeof(*files), compare_files);
  LH_TRY(list_partitions(plan, table, version, files, file_count, arena, partitions, count, err));
  qsort(partitions, *count, sizeof(*partitions), compare_partitions);
  *out = partitions;
  return order_files(table, partitions, *count, files, file_count, arena, err);
}
