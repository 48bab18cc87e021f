/*
 * Footer reader: FileMetaData from thrift into structs in an arena. Unknown fields are skipped, known
 * ones checked for type; then the whole is checked against itself: the schema is one tree, every row
 * group has a chunk for each leaf, rows add up, chunks lie before the footer.
 */
#include "parquet/footer.h"

#include <string.h>

#include "parquet/thrift.h"
#include "parquet/values.h"

#define MAGIC "PAR1"
#define MAGIC_ENCRYPTED "PARE"
#define MAGIC_BYTES 4
#define TAIL_BYTES 8 /* length and magic */
#define ABSENT (-1)
/* The least bytes that a conforming struct takes: bounds what a list's claimed length can allocate. */
#define SCHEMA_ELEMENT_LEAST_BYTES 3
#define ROW_GROUP_LEAST_BYTES 7
#define COLUMN_CHUNK_LEAST_BYTES 18
#define KEY_VALUE_LEAST_BYTES 3
#define SORTING_LEAST_BYTES 5

struct footer_reader {
  struct lh_thrift_reader thrift;
  struct lh_arena *arena;
  struct lh_parquet_footer *footer;
  bool out_of_memory;
};

static void *allocate(struct footer_reader *r, size_t count, size_t size) {
  void *const memory = lh_arena_calloc(r->arena, count > 0 ? count : 1, size);
  if (memory == NULL) {
    r->out_of_memory = true;
    lh_thrift_fail(&r->thrift, "there is no memory for it");
  }
  return memory;
}

static const char *copy_text(struct footer_reader *r, const uint8_t *bytes, size_t size) {
  if (r->thrift.problem != NULL) {
    return "";
  }
  char *const text = lh_arena_strndup(r->arena, (const char *)bytes, size);
  if (text == NULL) {
    r->out_of_memory = true;
    lh_thrift_fail(&r->thrift, "there is no memory for it");
    return "";
  }
  return text;
}

static const char *read_text(struct footer_reader *r, const struct lh_thrift_field *field) {
  size_t size = 0;
  const uint8_t *const bytes = lh_thrift_read_binary(&r->thrift, field, &size);
  return copy_text(r, bytes, size);
}

/* The bytes stay where they are: the whole footer lies in the arena. */
static struct lh_parquet_bytes read_bytes(struct footer_reader *r, const struct lh_thrift_field *field) {
  struct lh_parquet_bytes bytes = {0};
  bytes.data = lh_thrift_read_binary(&r->thrift, field, &bytes.size);
  return bytes;
}

/* A union whose members are markers: the id of the one that is set. */
static int read_marker(struct footer_reader *r, const struct lh_thrift_field *union_field) {
  int marker = ABSENT;
  struct lh_thrift_scope scope;
  struct lh_thrift_field field;
  lh_thrift_enter_field(&r->thrift, union_field, &scope);
  while (lh_thrift_next_field(&r->thrift, &scope, &field)) {
    marker = field.id;
    lh_thrift_skip(&r->thrift, &field);
  }
  return marker;
}

enum { LOGICAL_DECIMAL = 5, LOGICAL_TIME = 7, LOGICAL_TIMESTAMP = 8, LOGICAL_INTEGER = 10 };

/* The parameters of DECIMAL, TIME, TIMESTAMP and INTEGER; those of other types are skipped. */
static void read_logical_parameters(struct footer_reader *r, const struct lh_thrift_field *type_field,
                                    struct lh_parquet_schema_element *element) {
  const int type = type_field->id;
  const bool is_time = type == LOGICAL_TIME || type == LOGICAL_TIMESTAMP;
  struct lh_thrift_scope scope;
  struct lh_thrift_field field;
  lh_thrift_enter_field(&r->thrift, type_field, &scope);
  while (lh_thrift_next_field(&r->thrift, &scope, &field)) {
    if (type == LOGICAL_DECIMAL && field.id == 1) {
      element->logical_scale = lh_thrift_read_i32(&r->thrift, &field);
    } else if (type == LOGICAL_DECIMAL && field.id == 2) {
      element->logical_precision = lh_thrift_read_i32(&r->thrift, &field);
    } else if (is_time && field.id == 1) {
      element->logical_utc = lh_thrift_read_bool(&r->thrift, &field);
    } else if (is_time && field.id == 2) {
      element->logical_unit = read_marker(r, &field);
    } else if (type == LOGICAL_INTEGER && field.id == 1) {
      element->logical_bit_width = lh_thrift_read_i32(&r->thrift, &field);
    } else if (type == LOGICAL_INTEGER && field.id == 2) {
      element->logical_signed = lh_thrift_read_bool(&r->thrift, &field);
    } else {
      lh_thrift_skip(&r->thrift, &field);
    }
  }
}

static void read_logical_type(struct footer_reader *r, const struct lh_thrift_field *union_field,
                              struct lh_parquet_schema_element *element) {
  struct lh_thrift_scope scope;
  struct lh_thrift_field field;
  lh_thrift_enter_field(&r->thrift, union_field, &scope);
  while (lh_thrift_next_field(&r->thrift, &scope, &field)) {
    element->logical_type = field.id;
    read_logical_parameters(r, &field, element);
  }
}

static void read_schema_element(struct footer_reader *r, struct lh_parquet_schema_element *element) {
  *element = (struct lh_parquet_schema_element){
      .type = ABSENT,
      .type_length = ABSENT,
      .repetition = ABSENT,
      .converted_type = ABSENT,
      .scale = ABSENT,
      .precision = ABSENT,
      .field_id = ABSENT,
      .logical_type = ABSENT,
      .logical_precision = ABSENT,
      .logical_scale = ABSENT,
      .logical_unit = ABSENT,
      .logical_utc = ABSENT,
      .logical_bit_width = ABSENT,
      .logical_signed = ABSENT,
  };
  int *const numbers[] = {NULL,
                          &element->type,
                          &element->type_length,
                          &element->repetition,
                          NULL,
                          &element->child_count,
                          &element->converted_type,
                          &element->scale,
                          &element->precision,
                          &element->field_id};
  struct lh_thrift_scope scope;
  struct lh_thrift_field field;
  lh_thrift_enter(&r->thrift, &scope);
  while (lh_thrift_next_field(&r->thrift, &scope, &field)) {
    const size_t known = sizeof numbers / sizeof numbers[0];
    if (field.id == 4) {
      element->name = read_text(r, &field);
    } else if (field.id == 10) {
      read_logical_type(r, &field, element);
    } else if (field.id > 0 && (size_t)field.id < known && numbers[field.id] != NULL) {
      *numbers[field.id] = lh_thrift_read_i32(&r->thrift, &field);
    } else {
      lh_thrift_skip(&r->thrift, &field);
    }
  }
  if (element->name == NULL) {
    lh_thrift_fail(&r->thrift, "a schema element has no name");
  }
}

static void read_schema(struct footer_reader *r, const struct lh_thrift_field *field) {
  const size_t count = lh_thrift_read_list(&r->thrift, field, LH_THRIFT_STRUCT, SCHEMA_ELEMENT_LEAST_BYTES);
  struct lh_parquet_schema_element *const schema =
      allocate(r, count, sizeof(struct lh_parquet_schema_element));
  for (size_t i = 0; i < count && r->thrift.problem == NULL; i++) {
    read_schema_element(r, &schema[i]);
  }
  r->footer->schema = schema;
  r->footer->schema_count = count;
}

static void read_statistics(struct footer_reader *r, const struct lh_thrift_field *statistics_field,
                            struct lh_parquet_statistics *out) {
  struct lh_thrift_scope scope;
  struct lh_thrift_field field;
  lh_thrift_enter_field(&r->thrift, statistics_field, &scope);
  out->present = true;
  while (lh_thrift_next_field(&r->thrift, &scope, &field)) {
    switch (field.id) {
      case 3:
        out->null_count = lh_thrift_read_i64(&r->thrift, &field);
        break;
      case 4:
        out->distinct_count = lh_thrift_read_i64(&r->thrift, &field);
        break;
      case 5:
        out->max_value = read_bytes(r, &field);
        break;
      case 6:
        out->min_value = read_bytes(r, &field);
        break;
      case 7:
        out->is_max_exact = lh_thrift_read_bool(&r->thrift, &field);
        break;
      case 8:
        out->is_min_exact = lh_thrift_read_bool(&r->thrift, &field);
        break;
      case 9:
        out->nan_count = lh_thrift_read_i64(&r->thrift, &field);
        break;
      default:
        lh_thrift_skip(&r->thrift, &field);
    }
  }
}

static void read_encodings(struct footer_reader *r, const struct lh_thrift_field *field,
                           struct lh_parquet_column_chunk *chunk) {
  const size_t count = lh_thrift_read_list(&r->thrift, field, LH_THRIFT_I32, 1);
  int *const encodings = allocate(r, count, sizeof(int));
  for (size_t i = 0; i < count && r->thrift.problem == NULL; i++) {
    encodings[i] = lh_thrift_read_i32_element(&r->thrift);
  }
  chunk->encodings = encodings;
  chunk->encoding_count = count;
}

/* Joins the parts with '.': two passes over the list, one to measure and one to copy. */
static void read_path(struct footer_reader *r, const struct lh_thrift_field *field,
                      struct lh_parquet_column_chunk *chunk) {
  const size_t count = lh_thrift_read_list(&r->thrift, field, LH_THRIFT_BINARY, 1);
  struct lh_thrift_reader ahead = r->thrift;
  size_t total = 0;
  for (size_t i = 0; i < count; i++) {
    size_t size = 0;
    (void)lh_thrift_read_binary_element(&ahead, &size);
    total += size + 1;
  }
  if (ahead.problem != NULL) {
    lh_thrift_fail(&r->thrift, ahead.problem);
    return;
  }
  char *const path = allocate(r, total + 1, 1);
  size_t at = 0;
  for (size_t i = 0; i < count && path != NULL; i++) {
    size_t size = 0;
    const uint8_t *const part = lh_thrift_read_binary_element(&r->thrift, &size);
    if (i > 0) {
      path[at++] = '.';
    }
    memcpy(path + at, part, size);
    at += size;
  }
  chunk->path = path;
}

static void read_size_statistics(struct footer_reader *r, const struct lh_thrift_field *sizes_field,
                                 struct lh_parquet_column_chunk *chunk) {
  struct lh_thrift_scope scope;
  struct lh_thrift_field field;
  lh_thrift_enter_field(&r->thrift, sizes_field, &scope);
  while (lh_thrift_next_field(&r->thrift, &scope, &field)) {
    if (field.id == 1) {
      chunk->unencoded_bytes = lh_thrift_read_i64(&r->thrift, &field);
    } else {
      lh_thrift_skip(&r->thrift, &field);
    }
  }
}

static void read_column_metadata(struct footer_reader *r, const struct lh_thrift_field *metadata_field,
                                 struct lh_parquet_column_chunk *chunk) {
  int64_t *const numbers[] = {NULL,
                              NULL,
                              NULL,
                              NULL,
                              NULL,
                              &chunk->num_values,
                              &chunk->uncompressed_bytes,
                              &chunk->compressed_bytes,
                              NULL,
                              &chunk->data_page_offset,
                              NULL,
                              &chunk->dictionary_page_offset,
                              NULL,
                              NULL,
                              &chunk->bloom_filter_offset,
                              &chunk->bloom_filter_bytes};
  struct lh_thrift_scope scope;
  struct lh_thrift_field field;
  lh_thrift_enter_field(&r->thrift, metadata_field, &scope);
  while (lh_thrift_next_field(&r->thrift, &scope, &field)) {
    const size_t known = sizeof numbers / sizeof numbers[0];
    if (field.id == 1) {
      chunk->type = lh_thrift_read_i32(&r->thrift, &field);
    } else if (field.id == 2) {
      read_encodings(r, &field, chunk);
    } else if (field.id == 3) {
      read_path(r, &field, chunk);
    } else if (field.id == 4) {
      chunk->codec = lh_thrift_read_i32(&r->thrift, &field);
    } else if (field.id == 12) {
      read_statistics(r, &field, &chunk->statistics);
    } else if (field.id == 16) {
      read_size_statistics(r, &field, chunk);
    } else if (field.id > 0 && (size_t)field.id < known && numbers[field.id] != NULL) {
      *numbers[field.id] = lh_thrift_read_i64(&r->thrift, &field);
    } else {
      lh_thrift_skip(&r->thrift, &field);
    }
  }
  if (chunk->path == NULL || chunk->type == ABSENT || chunk->codec == ABSENT || chunk->num_values < 0 ||
      chunk->uncompressed_bytes < 0 || chunk->compressed_bytes < 0 || chunk->data_page_offset < 0) {
    lh_thrift_fail(&r->thrift, "the metadata of a column chunk is incomplete");
  }
}

static void read_column_chunk(struct footer_reader *r, struct lh_parquet_column_chunk *chunk) {
  *chunk = (struct lh_parquet_column_chunk){
      .type = ABSENT,
      .codec = ABSENT,
      .num_values = ABSENT,
      .uncompressed_bytes = ABSENT,
      .compressed_bytes = ABSENT,
      .data_page_offset = ABSENT,
      .dictionary_page_offset = ABSENT,
      .bloom_filter_offset = ABSENT,
      .bloom_filter_bytes = ABSENT,
      .column_index_offset = ABSENT,
      .column_index_bytes = ABSENT,
      .offset_index_offset = ABSENT,
      .offset_index_bytes = ABSENT,
      .unencoded_bytes = ABSENT,
      .statistics = {.null_count = ABSENT,
                     .distinct_count = ABSENT,
                     .is_min_exact = ABSENT,
                     .is_max_exact = ABSENT,
                     .nan_count = ABSENT},
  };
  bool has_metadata = false;
  struct lh_thrift_scope scope;
  struct lh_thrift_field field;
  lh_thrift_enter(&r->thrift, &scope);
  while (lh_thrift_next_field(&r->thrift, &scope, &field)) {
    switch (field.id) {
      case 3:
        read_column_metadata(r, &field, chunk);
        has_metadata = true;
        break;
      case 4:
        chunk->offset_index_offset = lh_thrift_read_i64(&r->thrift, &field);
        break;
      case 5:
        chunk->offset_index_bytes = lh_thrift_read_i64(&r->thrift, &field);
        break;
      case 6:
        chunk->column_index_offset = lh_thrift_read_i64(&r->thrift, &field);
        break;
      case 7:
        chunk->column_index_bytes = lh_thrift_read_i64(&r->thrift, &field);
        break;
      default:
        lh_thrift_skip(&r->thrift, &field);
    }
  }
  if (!has_metadata) {
    lh_thrift_fail(&r->thrift, "a column chunk has no readable metadata: it is damaged or encrypted");
  }
}

static void read_columns(struct footer_reader *r, const struct lh_thrift_field *field,
                         struct lh_parquet_row_group *row_group) {
  const size_t count = lh_thrift_read_list(&r->thrift, field, LH_THRIFT_STRUCT, COLUMN_CHUNK_LEAST_BYTES);
  struct lh_parquet_column_chunk *const columns = allocate(r, count, sizeof(struct lh_parquet_column_chunk));
  for (size_t i = 0; i < count && r->thrift.problem == NULL; i++) {
    read_column_chunk(r, &columns[i]);
  }
  row_group->columns = columns;
  row_group->column_count = count;
}

static void read_sorting(struct footer_reader *r, const struct lh_thrift_field *list_field,
                         struct lh_parquet_row_group *row_group) {
  const size_t count = lh_thrift_read_list(&r->thrift, list_field, LH_THRIFT_STRUCT, SORTING_LEAST_BYTES);
  struct lh_parquet_sorting *const sorting = allocate(r, count, sizeof(struct lh_parquet_sorting));
  for (size_t i = 0; i < count && r->thrift.problem == NULL; i++) {
    struct lh_thrift_scope scope;
    struct lh_thrift_field field;
    lh_thrift_enter(&r->thrift, &scope);
    while (lh_thrift_next_field(&r->thrift, &scope, &field)) {
      if (field.id == 1) {
        sorting[i].column = lh_thrift_read_i32(&r->thrift, &field);
      } else if (field.id == 2) {
        sorting[i].is_descending = lh_thrift_read_bool(&r->thrift, &field);
      } else if (field.id == 3) {
        sorting[i].nulls_first = lh_thrift_read_bool(&r->thrift, &field);
      } else {
        lh_thrift_skip(&r->thrift, &field);
      }
    }
  }
  row_group->sorting = sorting;
  row_group->sorting_count = count;
}

static void read_row_group(struct footer_reader *r, struct lh_parquet_row_group *row_group) {
  *row_group = (struct lh_parquet_row_group){
      .num_rows = ABSENT, .total_byte_size = ABSENT, .total_compressed_size = ABSENT};
  struct lh_thrift_scope scope;
  struct lh_thrift_field field;
  lh_thrift_enter(&r->thrift, &scope);
  while (lh_thrift_next_field(&r->thrift, &scope, &field)) {
    switch (field.id) {
      case 1:
        read_columns(r, &field, row_group);
        break;
      case 2:
        row_group->total_byte_size = lh_thrift_read_i64(&r->thrift, &field);
        break;
      case 3:
        row_group->num_rows = lh_thrift_read_i64(&r->thrift, &field);
        break;
      case 4:
        read_sorting(r, &field, row_group);
        break;
      case 6:
        row_group->total_compressed_size = lh_thrift_read_i64(&r->thrift, &field);
        break;
      default:
        lh_thrift_skip(&r->thrift, &field);
    }
  }
  if (row_group->columns == NULL || row_group->num_rows < 0) {
    lh_thrift_fail(&r->thrift, "a row group is incomplete");
  }
}

static void read_row_groups(struct footer_reader *r, const struct lh_thrift_field *field) {
  const size_t count = lh_thrift_read_list(&r->thrift, field, LH_THRIFT_STRUCT, ROW_GROUP_LEAST_BYTES);
  struct lh_parquet_row_group *const row_groups = allocate(r, count, sizeof(struct lh_parquet_row_group));
  for (size_t i = 0; i < count && r->thrift.problem == NULL; i++) {
    read_row_group(r, &row_groups[i]);
  }
  r->footer->row_groups = row_groups;
  r->footer->row_group_count = count;
}

static void read_key_values(struct footer_reader *r, const struct lh_thrift_field *list_field) {
  const size_t count = lh_thrift_read_list(&r->thrift, list_field, LH_THRIFT_STRUCT, KEY_VALUE_LEAST_BYTES);
  struct lh_key_value *const pairs = allocate(r, count, sizeof(struct lh_key_value));
  for (size_t i = 0; i < count && r->thrift.problem == NULL; i++) {
    struct lh_thrift_scope scope;
    struct lh_thrift_field field;
    lh_thrift_enter(&r->thrift, &scope);
    while (lh_thrift_next_field(&r->thrift, &scope, &field)) {
      if (field.id == 1) {
        pairs[i].key = read_text(r, &field);
      } else if (field.id == 2) {
        pairs[i].value = read_text(r, &field);
      } else {
        lh_thrift_skip(&r->thrift, &field);
      }
    }
    if (pairs[i].key == NULL) {
      lh_thrift_fail(&r->thrift, "a key-value pair has no key");
    }
  }
  r->footer->metadata = pairs;
  r->footer->metadata_count = count;
}

static void read_column_orders(struct footer_reader *r, const struct lh_thrift_field *list_field) {
  const size_t count = lh_thrift_read_list(&r->thrift, list_field, LH_THRIFT_STRUCT, 1);
  for (size_t i = 0; i < count && r->thrift.problem == NULL; i++) {
    struct lh_thrift_scope scope;
    struct lh_thrift_field field;
    lh_thrift_enter(&r->thrift, &scope);
    while (lh_thrift_next_field(&r->thrift, &scope, &field)) {
      lh_thrift_skip(&r->thrift, &field);
    }
  }
  r->footer->column_order_count = count;
}

static void read_file_metadata(struct footer_reader *r) {
  struct lh_parquet_footer *const footer = r->footer;
  struct lh_thrift_scope scope;
  struct lh_thrift_field field;
  footer->version = ABSENT;
  footer->num_rows = ABSENT;
  lh_thrift_enter(&r->thrift, &scope);
  while (lh_thrift_next_field(&r->thrift, &scope, &field)) {
    switch (field.id) {
      case 1:
        footer->version = lh_thrift_read_i32(&r->thrift, &field);
        break;
      case 2:
        read_schema(r, &field);
        break;
      case 3:
        footer->num_rows = lh_thrift_read_i64(&r->thrift, &field);
        break;
      case 4:
        read_row_groups(r, &field);
        break;
      case 5:
        read_key_values(r, &field);
        break;
      case 6:
        footer->created_by = read_text(r, &field);
        break;
      case 7:
        read_column_orders(r, &field);
        break;
      default:
        lh_thrift_skip(&r->thrift, &field);
    }
  }
  if (footer->version == ABSENT || footer->schema == NULL || footer->num_rows < 0 ||
      footer->row_groups == NULL) {
    lh_thrift_fail(&r->thrift, "version, schema, row count or row groups are missing");
  }
}

/* Depth first, every element announces its children: one tree, and all elements are in it. */
static void check_schema(struct footer_reader *r, size_t *leaf_count) {
  const struct lh_parquet_footer *const footer = r->footer;
  int64_t expected = 1;
  *leaf_count = 0;
  for (size_t i = 0; i < footer->schema_count; i++) {
    const struct lh_parquet_schema_element *const element = &footer->schema[i];
    if (expected <= 0 || element->child_count < 0) {
      break;
    }
    expected += element->child_count - 1;
    if (i > 0 && element->child_count == 0) {
      if (element->type < 0) {
        lh_thrift_fail(&r->thrift, "a column of its schema has no type");
        return;
      }
      *leaf_count += 1;
    }
    if (expected == 0 && i + 1 == footer->schema_count) {
      return;
    }
  }
  lh_thrift_fail(&r->thrift, "its schema is not one tree");
}

static bool lies_before(int64_t start, int64_t size, uint64_t end) {
  return start >= 0 && size >= 0 && (uint64_t)start <= end && (uint64_t)size <= end - (uint64_t)start;
}

static void check_chunk(struct footer_reader *r, struct lh_parquet_column_chunk *chunk, size_t schema_index,
                        uint64_t data_end) {
  const int64_t dictionary = chunk->dictionary_page_offset;
  const int64_t start =
      dictionary > 0 && dictionary < chunk->data_page_offset ? dictionary : chunk->data_page_offset;
  if (chunk->type != r->footer->schema[schema_index].type) {
    lh_thrift_fail(&r->thrift, "a column chunk has another type than its column");
  }
  if (!lies_before(start, chunk->compressed_bytes, data_end)) {
    lh_thrift_fail(&r->thrift, "a column chunk reaches past the data");
  }
  chunk->schema_index = (int)schema_index;
}

static void check_row_groups(struct footer_reader *r, size_t leaf_count, uint64_t data_end) {
  const struct lh_parquet_footer *const footer = r->footer;
  int64_t rows = 0;
  for (size_t i = 0; i < footer->row_group_count && r->thrift.problem == NULL; i++) {
    const struct lh_parquet_row_group *const row_group = &footer->row_groups[i];
    if (row_group->column_count != leaf_count) {
      lh_thrift_fail(&r->thrift, "a row group does not have one chunk for each column");
      return;
    }
    if (__builtin_add_overflow(rows, row_group->num_rows, &rows)) {
      lh_thrift_fail(&r->thrift, "its row count is out of range");
      return;
    }
    for (size_t j = 0; j < row_group->sorting_count; j++) {
      if (row_group->sorting[j].column < 0 || (size_t)row_group->sorting[j].column >= leaf_count) {
        lh_thrift_fail(&r->thrift, "a row group is sorted by a column that is not there");
        return;
      }
    }
    size_t element = 0;
    for (size_t j = 0; j < leaf_count; j++) {
      do {
        element++;
      } while (footer->schema[element].child_count > 0);
      /* The chunks were allocated here and are constant for callers only. */
      struct lh_parquet_column_chunk *const chunk = (struct lh_parquet_column_chunk *)&row_group->columns[j];
      check_chunk(r, chunk, element, data_end);
    }
  }
  if (rows != footer->num_rows) {
    lh_thrift_fail(&r->thrift, "the rows of its row groups do not add up to its row count");
  }
}

static lh_status refuse(const struct lh_source *source, const char *why, struct lh_error *err) {
  lh_error_set(err, LH_ERROR_CORRUPT, "%s is not a readable Parquet file: %s", source->name, why);
  lh_error_hint(err, "the file is damaged, was not written to its end, or is no Parquet file");
  return err->code;
}

/* The length of the footer, from the file's last bytes. */
static lh_status read_tail(struct lh_source *source, uint32_t *footer_bytes, struct lh_error *err) {
  uint8_t tail[TAIL_BYTES];
  if (source->size_bytes < MAGIC_BYTES + TAIL_BYTES) {
    return refuse(source, "it is too short", err);
  }
  LH_TRY(lh_source_read_at(source, source->size_bytes - TAIL_BYTES, tail, sizeof tail, err));
  if (memcmp(tail + MAGIC_BYTES, MAGIC_ENCRYPTED, MAGIC_BYTES) == 0) {
    return lh_error_set(err, LH_ERROR_UNSUPPORTED, "%s has an encrypted footer, which cannot be read",
                        source->name);
  }
  if (memcmp(tail + MAGIC_BYTES, MAGIC, MAGIC_BYTES) != 0) {
    return refuse(source, "it does not end with PAR1", err);
  }
  memcpy(footer_bytes, tail, sizeof *footer_bytes);
  if (*footer_bytes == 0 || *footer_bytes > source->size_bytes - MAGIC_BYTES - TAIL_BYTES) {
    return refuse(source, "the length of its footer does not fit the file", err);
  }
  return LH_OK;
}

static lh_status parse(struct lh_source *source, const uint8_t *bytes, struct lh_arena *arena,
                       struct lh_parquet_footer *footer, struct lh_error *err) {
  struct footer_reader r = {.arena = arena, .footer = footer};
  lh_thrift_reader_init(&r.thrift, bytes, footer->footer_bytes);
  read_file_metadata(&r);
  size_t leaf_count = 0;
  if (r.thrift.problem == NULL) {
    check_schema(&r, &leaf_count);
  }
  if (r.thrift.problem == NULL) {
    check_row_groups(&r, leaf_count, footer->file_bytes - footer->footer_bytes - TAIL_BYTES);
  }
  if (r.out_of_memory) {
    return lh_error_memory(err);
  }
  return r.thrift.problem == NULL ? LH_OK : refuse(source, r.thrift.problem, err);
}

lh_status lh_parquet_footer_read(struct lh_source *source, struct lh_arena *arena,
                                 struct lh_parquet_footer **out, struct lh_error *err) {
  uint32_t footer_bytes = 0;
  LH_TRY(read_tail(source, &footer_bytes, err));
  struct lh_parquet_footer *const footer = LH_ARENA_NEW(arena, struct lh_parquet_footer);
  uint8_t *const bytes = lh_arena_alloc(arena, footer_bytes);
  if (footer == NULL || bytes == NULL) {
    return lh_error_memory(err);
  }
  footer->file_bytes = source->size_bytes;
  footer->footer_bytes = footer_bytes;
  LH_TRY(lh_source_read_at(source, source->size_bytes - TAIL_BYTES - footer_bytes, bytes, footer_bytes, err));
  LH_TRY(parse(source, bytes, arena, footer, err));
  *out = footer;
  return LH_OK;
}
