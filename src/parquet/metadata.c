/*
 * Serialises what describes the data: page headers, chunk and row group metadata, and the footer with
 * the schema. Annotations are written in both forms, logical and converted, since some readers know only
 * one. The numbers are parquet.thrift's field ids.
 */
#include "parquet/metadata.h"

#include "parquet/thrift.h"

#ifndef LAKEHAUL_BUILD
#define LAKEHAUL_BUILD "source"
#endif
#define CREATED_BY "lakehaul version " LAKEHAUL_VERSION " (build " LAKEHAUL_BUILD ")"

#define PAGE_DATA 0
#define PAGE_DICTIONARY 2

enum { REPETITION_REQUIRED = 0, REPETITION_OPTIONAL = 1, REPETITION_REPEATED = 2 };

enum {
  CONVERTED_NONE = -1,
  CONVERTED_UTF8 = 0,
  CONVERTED_MAP = 1,
  CONVERTED_LIST = 3,
  CONVERTED_DECIMAL = 5,
  CONVERTED_DATE = 6,
  CONVERTED_TIME_MICROS = 8,
  CONVERTED_TIMESTAMP_MICROS = 10,
  CONVERTED_INT_8 = 15,
  CONVERTED_INT_16 = 16,
  CONVERTED_JSON = 19,
};

enum {
  LOGICAL_NONE = 0,
  LOGICAL_STRING = 1,
  LOGICAL_MAP = 2,
  LOGICAL_LIST = 3,
  LOGICAL_DECIMAL = 5,
  LOGICAL_DATE = 6,
  LOGICAL_TIME = 7,
  LOGICAL_TIMESTAMP = 8,
  LOGICAL_INTEGER = 10,
  LOGICAL_JSON = 12,
  LOGICAL_UUID = 14,
  LOGICAL_VARIANT = 16,
  LOGICAL_GEOMETRY = 17,
  LOGICAL_GEOGRAPHY = 18,
};

enum { UNIT_MICROS = 2, UNIT_NANOS = 3 };

#define VARIANT_VERSION 1 /* of the specification */

static void write_data_page(struct lh_thrift_writer *w, const struct lh_page_header *header) {
  lh_thrift_begin_struct_field(w, 5);
  lh_thrift_write_i32(w, 1, (int32_t)header->value_count);
  lh_thrift_write_i32(w, 2, (int32_t)header->encoding);
  lh_thrift_write_i32(w, 3, LH_PARQUET_RLE);
  lh_thrift_write_i32(w, 4, LH_PARQUET_RLE);
  lh_thrift_end_struct(w);
}

static void write_dictionary_page(struct lh_thrift_writer *w, const struct lh_page_header *header) {
  lh_thrift_begin_struct_field(w, 7);
  lh_thrift_write_i32(w, 1, (int32_t)header->value_count);
  lh_thrift_write_i32(w, 2, (int32_t)header->encoding);
  lh_thrift_end_struct(w);
}

lh_status lh_metadata_append_page_header(const struct lh_page_header *header, struct lh_buf *out,
                                         struct lh_error *err) {
  struct lh_thrift_writer w;
  lh_thrift_writer_init(&w, out, err);
  lh_thrift_begin_struct(&w);
  lh_thrift_write_i32(&w, 1, header->is_dictionary ? PAGE_DICTIONARY : PAGE_DATA);
  lh_thrift_write_i32(&w, 2, (int32_t)header->uncompressed_bytes);
  lh_thrift_write_i32(&w, 3, (int32_t)header->compressed_bytes);
  lh_thrift_write_i32(&w, 4, (int32_t)header->crc);
  if (header->is_dictionary) {
    write_dictionary_page(&w, header);
  } else {
    write_data_page(&w, header);
  }
  lh_thrift_end_struct(&w);
  return w.status;
}

static void write_statistics(struct lh_thrift_writer *w, const struct lh_chunk_metadata *chunk) {
  const struct lh_statistics_bounds *const bounds = chunk->bounds;
  lh_thrift_begin_struct_field(w, 12);
  lh_thrift_write_i64(w, 3, (int64_t)chunk->statistics->null_count);
  if (chunk->distinct_count > 0) {
    lh_thrift_write_i64(w, 4, (int64_t)chunk->distinct_count);
  }
  if (bounds->present) {
    lh_thrift_write_binary(w, 5, bounds->max.data, bounds->max.len);
    lh_thrift_write_binary(w, 6, bounds->min.data, bounds->min.len);
    lh_thrift_write_bool(w, 7, bounds->is_max_exact);
    lh_thrift_write_bool(w, 8, bounds->is_min_exact);
  }
  if (chunk->leaf->kind == LH_VALUE_FLOAT || chunk->leaf->kind == LH_VALUE_DOUBLE) {
    lh_thrift_write_i64(w, 9, (int64_t)chunk->statistics->nan_count);
  }
  lh_thrift_end_struct(w);
}

static bool has_encoding(const struct lh_chunk_metadata *chunk, enum lh_parquet_encoding encoding) {
  /* Levels are RLE, a dictionary's values PLAIN. */
  return chunk->data_pages[encoding] > 0 || encoding == LH_PARQUET_RLE ||
         (encoding == LH_PARQUET_PLAIN && chunk->data_pages[LH_PARQUET_RLE_DICTIONARY] > 0);
}

static void write_encodings(struct lh_thrift_writer *w, const struct lh_chunk_metadata *chunk) {
  size_t count = 0;
  for (int i = 0; i < LH_PARQUET_ENCODING_COUNT; i++) {
    count += has_encoding(chunk, (enum lh_parquet_encoding)i);
  }
  lh_thrift_begin_list(w, 2, LH_THRIFT_I32, count);
  for (int i = 0; i < LH_PARQUET_ENCODING_COUNT; i++) {
    if (has_encoding(chunk, (enum lh_parquet_encoding)i)) {
      lh_thrift_write_i32_element(w, i);
    }
  }
}

static void write_encoding_count(struct lh_thrift_writer *w, int page_type, int encoding, size_t count) {
  lh_thrift_begin_struct(w);
  lh_thrift_write_i32(w, 1, page_type);
  lh_thrift_write_i32(w, 2, encoding);
  lh_thrift_write_i32(w, 3, (int32_t)count);
  lh_thrift_end_struct(w);
}

static void write_encoding_statistics(struct lh_thrift_writer *w, const struct lh_chunk_metadata *chunk) {
  const bool has_dictionary = chunk->data_pages[LH_PARQUET_RLE_DICTIONARY] > 0;
  size_t count = has_dictionary;
  for (int i = 0; i < LH_PARQUET_ENCODING_COUNT; i++) {
    count += chunk->data_pages[i] > 0;
  }
  lh_thrift_begin_list(w, 13, LH_THRIFT_STRUCT, count);
  if (has_dictionary) {
    write_encoding_count(w, PAGE_DICTIONARY, LH_PARQUET_PLAIN, 1);
  }
  for (int i = 0; i < LH_PARQUET_ENCODING_COUNT; i++) {
    if (chunk->data_pages[i] > 0) {
      write_encoding_count(w, PAGE_DATA, i, chunk->data_pages[i]);
    }
  }
}

lh_status lh_metadata_append_chunk(const struct lh_chunk_metadata *chunk, struct lh_buf *out,
                                   struct lh_error *err) {
  const struct lh_leaf *const leaf = chunk->leaf;
  const struct lh_chunk_place *const place = chunk->place;
  struct lh_thrift_writer w;
  lh_thrift_writer_init(&w, out, err);
  lh_thrift_begin_struct(&w);
  lh_thrift_write_i64(&w, 2, 0); /* file_offset: readers are told to ignore it, writers to write 0 */
  lh_thrift_begin_struct_field(&w, 3);
  lh_thrift_write_i32(&w, 1, (int32_t)leaf->type);
  write_encodings(&w, chunk);
  lh_thrift_begin_list(&w, 3, LH_THRIFT_BINARY, leaf->path_count);
  for (size_t i = 0; i < leaf->path_count; i++) {
    lh_thrift_write_string_element(&w, leaf->path[i]);
  }
  lh_thrift_write_i32(&w, 4, (int32_t)chunk->codec);
  lh_thrift_write_i64(&w, 5, (int64_t)chunk->value_count);
  lh_thrift_write_i64(&w, 6, (int64_t)chunk->uncompressed_bytes);
  lh_thrift_write_i64(&w, 7, (int64_t)place->compressed_bytes);
  lh_thrift_write_i64(&w, 9, (int64_t)place->data_page_offset);
  if (place->dictionary_page_offset > 0) {
    lh_thrift_write_i64(&w, 11, (int64_t)place->dictionary_page_offset);
  }
  write_statistics(&w, chunk);
  write_encoding_statistics(&w, chunk);
  if (place->bloom_bytes > 0) {
    lh_thrift_write_i64(&w, 14, (int64_t)place->bloom_offset);
    lh_thrift_write_i32(&w, 15, (int32_t)place->bloom_bytes);
  }
  lh_page_index_write_sizes(chunk->index, 16, &w);
  lh_thrift_end_struct(&w);
  return w.status;
}

/* What has been passed of the chunks while row groups are written. */
struct chunk_cursor {
  const uint8_t *metadata;
  const struct lh_chunk_parts *parts;
  uint64_t bounds_offset, offsets_offset;
};

static void write_chunk(struct lh_thrift_writer *w, struct chunk_cursor *at) {
  const struct lh_chunk_parts *const parts = at->parts++;
  lh_thrift_begin_struct(w);
  lh_thrift_write_fields(w, at->metadata, parts->metadata_bytes, 3);
  at->metadata += parts->metadata_bytes;
  if (parts->offsets_bytes > 0) {
    lh_thrift_write_i64(w, 4, (int64_t)at->offsets_offset);
    lh_thrift_write_i32(w, 5, (int32_t)parts->offsets_bytes);
    at->offsets_offset += parts->offsets_bytes;
  }
  if (parts->bounds_bytes > 0) {
    lh_thrift_write_i64(w, 6, (int64_t)at->bounds_offset);
    lh_thrift_write_i32(w, 7, (int32_t)parts->bounds_bytes);
    at->bounds_offset += parts->bounds_bytes;
  }
  lh_thrift_end_struct(w);
}

static void write_sorting(struct lh_thrift_writer *w, const struct lh_file_metadata *file) {
  if (file->sorting_count == 0) {
    return;
  }
  lh_thrift_begin_list(w, 4, LH_THRIFT_STRUCT, file->sorting_count);
  for (size_t i = 0; i < file->sorting_count; i++) {
    lh_thrift_begin_struct(w);
    lh_thrift_write_i32(w, 1, (int32_t)file->sorting[i].leaf);
    lh_thrift_write_bool(w, 2, file->sorting[i].is_descending);
    lh_thrift_write_bool(w, 3, file->sorting[i].nulls_first);
    lh_thrift_end_struct(w);
  }
}

static void write_row_groups(struct lh_thrift_writer *w, const struct lh_file_metadata *file) {
  struct chunk_cursor at = {.metadata = file->chunks->data,
                            .parts = file->parts,
                            .bounds_offset = file->bounds_offset,
                            .offsets_offset = file->offsets_offset};
  lh_thrift_begin_list(w, 4, LH_THRIFT_STRUCT, file->row_group_count);
  for (size_t i = 0; i < file->row_group_count; i++) {
    const struct lh_row_group_metadata *const row_group = &file->row_groups[i];
    lh_thrift_begin_struct(w);
    lh_thrift_begin_list(w, 1, LH_THRIFT_STRUCT, file->leaf_count);
    for (size_t leaf = 0; leaf < file->leaf_count; leaf++) {
      write_chunk(w, &at);
    }
    lh_thrift_write_i64(w, 2, (int64_t)row_group->uncompressed_bytes);
    lh_thrift_write_i64(w, 3, (int64_t)row_group->row_count);
    write_sorting(w, file);
    lh_thrift_write_i64(w, 5, (int64_t)row_group->file_offset);
    lh_thrift_write_i64(w, 6, (int64_t)row_group->compressed_bytes);
    lh_thrift_write_i16(w, 7, (int16_t)i);
    lh_thrift_end_struct(w);
  }
}

struct annotation {
  int converted; /* CONVERTED_NONE: there is none */
  int logical;   /* LOGICAL_NONE: there is none */
};

static struct annotation annotation_of(const struct lh_field *field,
                                       const struct lh_parquet_writer_options *options) {
  static const struct annotation text = {CONVERTED_UTF8, LOGICAL_STRING};
  switch (field->type) {
    case LH_TYPE_INT8:
      return (struct annotation){CONVERTED_INT_8, LOGICAL_INTEGER};
    case LH_TYPE_INT16:
      return (struct annotation){CONVERTED_INT_16, LOGICAL_INTEGER};
    case LH_TYPE_DECIMAL:
      return (struct annotation){CONVERTED_DECIMAL, LOGICAL_DECIMAL};
    case LH_TYPE_STRING:
      return text;
    case LH_TYPE_JSON:
      return (struct annotation){CONVERTED_JSON, LOGICAL_JSON};
    case LH_TYPE_UUID:
      return options->uuid_as_string && !field->native ? text
                                                       : (struct annotation){CONVERTED_NONE, LOGICAL_UUID};
    case LH_TYPE_DATE:
      return (struct annotation){CONVERTED_DATE, LOGICAL_DATE};
    case LH_TYPE_TIME:
      return options->time_as_string && !field->native
                 ? text
                 : (struct annotation){CONVERTED_TIME_MICROS, LOGICAL_TIME};
    case LH_TYPE_TIMESTAMP:
      return (struct annotation){field->unit == LH_UNIT_NANOS ? CONVERTED_NONE : CONVERTED_TIMESTAMP_MICROS,
                                 LOGICAL_TIMESTAMP};
    case LH_TYPE_LIST:
      return (struct annotation){CONVERTED_LIST, LOGICAL_LIST};
    case LH_TYPE_MAP:
      return (struct annotation){CONVERTED_MAP, LOGICAL_MAP};
    case LH_TYPE_BINARY:
      return (struct annotation){CONVERTED_NONE, field->geometry == LH_GEOMETRY_NONE     ? LOGICAL_NONE
                                                 : field->geometry == LH_GEOMETRY_PLANAR ? LOGICAL_GEOMETRY
                                                                                         : LOGICAL_GEOGRAPHY};
    case LH_TYPE_STRUCT:
      return (struct annotation){CONVERTED_NONE, field->is_variant ? LOGICAL_VARIANT : LOGICAL_NONE};
    case LH_TYPE_BOOL:
    case LH_TYPE_INT32:
    case LH_TYPE_INT64:
    case LH_TYPE_FLOAT:
    case LH_TYPE_DOUBLE:
    default:
      return (struct annotation){CONVERTED_NONE, LOGICAL_NONE};
  }
}

static void write_time_type(struct lh_thrift_writer *w, bool utc, int unit) {
  lh_thrift_write_bool(w, 1, utc);
  lh_thrift_begin_struct_field(w, 2);
  lh_thrift_write_empty_struct(w, unit);
  lh_thrift_end_struct(w);
}

static void write_logical_type(struct lh_thrift_writer *w, int logical, const struct lh_field *field,
                               const char *crs) {
  lh_thrift_begin_struct_field(w, 10);
  lh_thrift_begin_struct_field(w, logical);
  switch (logical) {
    case LOGICAL_DECIMAL:
      lh_thrift_write_i32(w, 1, field->scale);
      lh_thrift_write_i32(w, 2, field->precision);
      break;
    case LOGICAL_TIME:
      write_time_type(w, false, UNIT_MICROS);
      break;
    case LOGICAL_TIMESTAMP:
      write_time_type(w, field->utc, field->unit == LH_UNIT_NANOS ? UNIT_NANOS : UNIT_MICROS);
      break;
    case LOGICAL_INTEGER:
      lh_thrift_write_i8(w, 1, field->type == LH_TYPE_INT8 ? 8 : 16);
      lh_thrift_write_bool(w, 2, true);
      break;
    case LOGICAL_VARIANT:
      lh_thrift_write_i8(w, 1, VARIANT_VERSION);
      break;
    case LOGICAL_GEOMETRY:
    case LOGICAL_GEOGRAPHY: /* edges are spherical where no algorithm is named */
      if (crs != NULL) {
        lh_thrift_write_string(w, 1, crs);
      }
      break;
    default:
      break;
  }
  lh_thrift_end_struct(w);
  lh_thrift_end_struct(w);
}

static void write_annotation(struct lh_thrift_writer *w, const struct lh_field *field, int32_t id,
                             const char *crs, const struct lh_parquet_writer_options *options) {
  const struct annotation annotation = annotation_of(field, options);
  if (annotation.converted != CONVERTED_NONE) {
    lh_thrift_write_i32(w, 6, annotation.converted);
  }
  if (field->type == LH_TYPE_DECIMAL) {
    lh_thrift_write_i32(w, 7, field->scale);
    lh_thrift_write_i32(w, 8, field->precision);
  }
  if (id > 0) {
    lh_thrift_write_i32(w, 9, id);
  }
  if (annotation.logical != LOGICAL_NONE) {
    write_logical_type(w, annotation.logical, field, crs);
  }
}

/* The field_id of a field is its place among all fields as Iceberg numbers those of a new table: the fields
 * of one parent first, then what is below each of them. The parts of a VARIANT are no fields: 0, for none. */
struct field_ids {
  int32_t next;
};

static int32_t take_ids(struct field_ids *ids, size_t count) {
  const int32_t first = ids->next;
  ids->next += (int32_t)count;
  return first;
}

static void write_group(struct lh_thrift_writer *w, int repetition, const char *name, size_t child_count) {
  lh_thrift_begin_struct(w);
  lh_thrift_write_i32(w, 3, repetition);
  lh_thrift_write_string(w, 4, name);
  lh_thrift_write_i32(w, 5, (int32_t)child_count);
}

/* How many SchemaElements a field takes: lists and maps have a repeated group in the middle. */
static size_t count_elements(const struct lh_field *field) {
  size_t count = field->type == LH_TYPE_LIST || field->type == LH_TYPE_MAP ? 2 : 1;
  for (size_t i = 0; i < field->child_count; i++) {
    count += count_elements(&field->children[i]);
  }
  return count;
}

static void write_leaf_element(struct lh_thrift_writer *w, const struct lh_field *field, const char *name,
                               int32_t id, const char *crs, const struct lh_parquet_writer_options *options) {
  struct lh_leaf leaf = {.field = field};
  if (w->status == LH_OK) {
    w->status = lh_leaf_set_type(&leaf, options, w->err);
  }
  lh_thrift_begin_struct(w);
  lh_thrift_write_i32(w, 1, (int32_t)leaf.type);
  if (leaf.type == LH_PARQUET_FIXED) {
    lh_thrift_write_i32(w, 2, leaf.type_length);
  }
  lh_thrift_write_i32(w, 3, field->nullable ? REPETITION_OPTIONAL : REPETITION_REQUIRED);
  lh_thrift_write_string(w, 4, name);
  write_annotation(w, field, id, crs, options);
  lh_thrift_end_struct(w);
}

/* The depth of a schema was checked when its leaves were made. `crs`: of a top-level field. */
static void write_element(struct lh_thrift_writer *w, const struct lh_field *field, const char *name,
                          int32_t id, struct field_ids *ids, const char *crs,
                          const struct lh_parquet_writer_options *options) {
  if (!lh_type_is_nested(field->type)) {
    write_leaf_element(w, field, name, id, crs, options);
    return;
  }
  const bool is_struct = field->type == LH_TYPE_STRUCT;
  write_group(w, field->nullable ? REPETITION_OPTIONAL : REPETITION_REQUIRED, name,
              is_struct ? field->child_count : 1);
  write_annotation(w, field, id, NULL, options);
  lh_thrift_end_struct(w);
  if (!is_struct) {
    write_group(w, REPETITION_REPEATED, field->type == LH_TYPE_LIST ? "list" : "key_value",
                field->child_count);
    lh_thrift_end_struct(w);
  }
  const int32_t first = field->is_variant ? 0 : take_ids(ids, field->child_count);
  for (size_t i = 0; i < field->child_count; i++) {
    const struct lh_field *const member = &field->children[i];
    const char *const member_name = is_struct                     ? member->name
                                    : field->type == LH_TYPE_LIST ? "element"
                                    : i == 0                      ? "key"
                                                                  : "value";
    write_element(w, member, member_name, first > 0 ? first + (int32_t)i : 0, ids, NULL, options);
  }
}

static void write_schema(struct lh_thrift_writer *w, const struct lh_file_metadata *file) {
  size_t count = 1;
  for (size_t i = 0; i < file->schema->field_count; i++) {
    count += count_elements(&file->schema->fields[i]);
  }
  lh_thrift_begin_list(w, 2, LH_THRIFT_STRUCT, count);
  lh_thrift_begin_struct(w);
  lh_thrift_write_string(w, 4, "schema");
  lh_thrift_write_i32(w, 5, (int32_t)file->schema->field_count);
  lh_thrift_end_struct(w);
  struct field_ids ids = {.next = 1};
  const int32_t first = take_ids(&ids, file->schema->field_count);
  for (size_t i = 0; i < file->schema->field_count; i++) {
    write_element(w, &file->schema->fields[i], file->schema->fields[i].name, first + (int32_t)i, &ids,
                  file->crs != NULL ? file->crs[i] : NULL, file->options);
  }
}

static void write_key_values(struct lh_thrift_writer *w, const struct lh_parquet_writer_options *options) {
  if (options->metadata_count == 0) {
    return;
  }
  lh_thrift_begin_list(w, 5, LH_THRIFT_STRUCT, options->metadata_count);
  for (size_t i = 0; i < options->metadata_count; i++) {
    lh_thrift_begin_struct(w);
    lh_thrift_write_string(w, 1, options->metadata[i].key);
    if (options->metadata[i].value != NULL) {
      lh_thrift_write_string(w, 2, options->metadata[i].value);
    }
    lh_thrift_end_struct(w);
  }
}

lh_status lh_metadata_append_footer(const struct lh_file_metadata *file, struct lh_buf *out,
                                    struct lh_error *err) {
  struct lh_thrift_writer w;
  lh_thrift_writer_init(&w, out, err);
  lh_thrift_begin_struct(&w);
  lh_thrift_write_i32(&w, 1, 1);
  write_schema(&w, file);
  lh_thrift_write_i64(&w, 3, (int64_t)file->row_count);
  write_row_groups(&w, file);
  write_key_values(&w, file->options);
  lh_thrift_write_string(&w, 6, CREATED_BY);
  lh_thrift_begin_list(&w, 7, LH_THRIFT_STRUCT, file->leaf_count);
  for (size_t i = 0; i < file->leaf_count; i++) {
    lh_thrift_begin_struct(&w);
    lh_thrift_write_empty_struct(&w, 1); /* TYPE_ORDER */
    lh_thrift_end_struct(&w);
  }
  lh_thrift_end_struct(&w);
  return w.status;
}
