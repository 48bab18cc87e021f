/* A Parquet file's metadata as one JSON object. It is written a column chunk at a time, so that a file of
 * many row groups needs no tree of all of it in memory. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/cli.h"
#include "cli/inspect.h"

static lh_status print_value(json_t *taken, struct lh_error *err) {
  if (taken == NULL) {
    return lh_error_memory(err);
  }
  const bool failed = json_dumpf(taken, stdout, JSON_ENCODE_ANY) != 0;
  json_decref(taken);
  return failed ? lh_error_set(err, LH_ERROR_DATA, "cannot write the result: %s", strerror(errno)) : LH_OK;
}

static json_t *text_or_null(const char *text) {
  return text != NULL ? lh_cli_json_text(text) : json_null();
}

/* -1 stands for what the file does not say. */
static json_t *number_or_null(int64_t number) {
  return number >= 0 ? json_integer(number) : json_null();
}

static json_t *flag_or_null(int flag) {
  return flag >= 0 ? json_boolean(flag) : json_null();
}

/* Texts bare, anything else in readable form. */
static json_t *bound_json(const struct lh_parquet_schema_element *element, struct lh_parquet_bytes value,
                          struct lh_arena *arena) {
  if (value.data == NULL) {
    return json_null();
  }
  const char *const text = lh_parquet_format_value(element, value, arena);
  if (text == NULL) {
    return NULL;
  }
  const bool is_text = text[0] == '"';
  return is_text ? json_stringn((const char *)value.data, value.size) : lh_cli_json_text(text);
}

static json_t *statistics_json(const struct lh_parquet_schema_element *element,
                               const struct lh_parquet_statistics *statistics, struct lh_arena *arena) {
  if (!statistics->present) {
    return json_null();
  }
  return json_pack(
      "{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "null_count", number_or_null(statistics->null_count),
      "nan_count", number_or_null(statistics->nan_count), "distinct_count",
      number_or_null(statistics->distinct_count), "min", bound_json(element, statistics->min_value, arena),
      "max", bound_json(element, statistics->max_value, arena), "is_min_exact",
      flag_or_null(statistics->is_min_exact), "is_max_exact", flag_or_null(statistics->is_max_exact));
}

static json_t *encodings_json(const struct lh_parquet_column_chunk *chunk) {
  json_t *const encodings = json_array();
  for (size_t i = 0; i < chunk->encoding_count; i++) {
    json_array_append_new(encodings, json_string(lh_parquet_encoding_name(chunk->encodings[i])));
  }
  return encodings;
}

static json_t *chunk_json(const struct lh_parquet_footer *footer, const struct lh_parquet_column_chunk *chunk,
                          struct lh_arena *arena) {
  const struct lh_parquet_schema_element *const element = &footer->schema[chunk->schema_index];
  return json_pack("{s:o, s:s, s:s, s:o, s:I, s:I, s:I, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                   "path", lh_cli_json_text(chunk->path), "type", lh_parquet_type_name(chunk->type), "codec",
                   lh_parquet_codec_name(chunk->codec), "encodings", encodings_json(chunk), "values",
                   (json_int_t)chunk->num_values, "uncompressed_bytes", (json_int_t)chunk->uncompressed_bytes,
                   "compressed_bytes", (json_int_t)chunk->compressed_bytes, "statistics",
                   statistics_json(element, &chunk->statistics, arena), "data_page_offset",
                   (json_int_t)chunk->data_page_offset, "dictionary_page_offset",
                   number_or_null(chunk->dictionary_page_offset), "bloom_filter_offset",
                   number_or_null(chunk->bloom_filter_offset), "column_index_offset",
                   number_or_null(chunk->column_index_offset), "offset_index_offset",
                   number_or_null(chunk->offset_index_offset), "bloom_filter_bytes",
                   number_or_null(chunk->bloom_filter_bytes), "column_index_bytes",
                   number_or_null(chunk->column_index_bytes), "offset_index_bytes",
                   number_or_null(chunk->offset_index_bytes), "unencoded_bytes",
                   number_or_null(chunk->unencoded_bytes));
}

static json_t *page_json(const struct lh_parquet_schema_element *element,
                         const struct lh_parquet_page_index *index, const struct lh_parquet_page *page,
                         struct lh_arena *arena) {
  const bool has_bounds = index->has_bounds && !page->is_null_page;
  return json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "offset", (json_int_t)page->offset,
                   "compressed_bytes", (json_int_t)page->compressed_bytes, "first_row",
                   (json_int_t)page->first_row, "rows", (json_int_t)page->row_count, "null_count",
                   number_or_null(page->null_count), "min",
                   has_bounds ? bound_json(element, page->min_value, arena) : json_null(), "max",
                   has_bounds ? bound_json(element, page->max_value, arena) : json_null());
}

/* What lies outside of the footer. */
static lh_status add_pages(const struct lh_inspection *inspection, const struct lh_parquet_row_group *group,
                           const struct lh_parquet_column_chunk *chunk, json_t *object,
                           struct lh_arena *arena, struct lh_error *err) {
  const struct lh_parquet_schema_element *const element = &inspection->footer->schema[chunk->schema_index];
  struct lh_parquet_page_index index;
  int64_t bloom_bits = 0;
  LH_TRY(lh_parquet_page_index_read(inspection->pages_of, group, chunk, arena, &index, err));
  LH_TRY(lh_parquet_bloom_read_size(inspection->pages_of, chunk, &bloom_bits, err));
  json_t *const pages = json_array();
  for (size_t i = 0; i < index.page_count; i++) {
    json_array_append_new(pages, page_json(element, &index, &index.pages[i], arena));
  }
  json_object_set_new(object, "bloom_filter_bitset_bytes",
                      bloom_bits > 0 ? json_integer(bloom_bits) : json_null());
  json_object_set_new(
      object, "boundary_order",
      index.has_bounds ? json_string(lh_parquet_order_name(index.boundary_order)) : json_null());
  if (json_object_set_new(object, "pages", pages) != 0) {
    return lh_error_memory(err);
  }
  return LH_OK;
}

static lh_status print_chunk(const struct lh_inspection *inspection, const struct lh_parquet_row_group *group,
                             const struct lh_parquet_column_chunk *chunk, struct lh_arena *arena,
                             struct lh_error *err) {
  json_t *const object = chunk_json(inspection->footer, chunk, arena);
  if (object == NULL) {
    return lh_error_memory(err);
  }
  const lh_status status =
      inspection->pages_of == NULL ? LH_OK : add_pages(inspection, group, chunk, object, arena, err);
  if (status != LH_OK) {
    json_decref(object);
    return status;
  }
  return print_value(object, err);
}

static json_t *sorting_json(const struct lh_parquet_row_group *group) {
  json_t *const sorting = json_array();
  for (size_t i = 0; i < group->sorting_count; i++) {
    const struct lh_parquet_sorting *const column = &group->sorting[i];
    json_array_append_new(
        sorting, json_pack("{s:o, s:b, s:b}", "path", lh_cli_json_text(group->columns[column->column].path),
                           "descending", column->is_descending, "nulls_first", column->nulls_first));
  }
  return sorting;
}

static json_t *element_json(const struct lh_parquet_schema_element *element, size_t depth,
                            struct lh_arena *arena) {
  const bool is_leaf = element->child_count == 0;
  const char *const annotation = lh_parquet_logical_name(element, arena);
  return json_pack("{s:o, s:I, s:s, s:o, s:o, s:o, s:i, s:o}", "name", lh_cli_json_text(element->name),
                   "depth", (json_int_t)depth, "repetition", lh_parquet_repetition_name(element->repetition),
                   "type", is_leaf ? json_string(lh_parquet_type_name(element->type)) : json_null(),
                   "type_length", is_leaf ? number_or_null(element->type_length) : json_null(), "annotation",
                   text_or_null(annotation != NULL && annotation[0] != '\0' ? annotation : NULL), "children",
                   element->child_count, "field_id", number_or_null(element->field_id));
}

static lh_status print_schema(const struct lh_parquet_footer *footer, struct lh_arena *arena,
                              struct lh_error *err) {
  struct lh_inspect_walk walk;
  const struct lh_parquet_schema_element *element;
  const char *separator = "\n    ";
  lh_inspect_walk_start(&walk, footer);
  fputs("  \"schema\": [", stdout);
  while ((element = lh_inspect_walk_next(&walk, footer)) != NULL) {
    fputs(separator, stdout);
    LH_TRY(print_value(element_json(element, walk.depth, arena), err));
    separator = ",\n    ";
  }
  fputs("\n  ],\n", stdout);
  return LH_OK;
}

static lh_status print_metadata(const struct lh_parquet_footer *footer, struct lh_error *err) {
  const char *separator = "\n    ";
  fputs("  \"metadata\": [", stdout);
  for (size_t i = 0; i < footer->metadata_count; i++) {
    fputs(separator, stdout);
    LH_TRY(print_value(json_pack("{s:o, s:o}", "key", lh_cli_json_text(footer->metadata[i].key), "value",
                                 text_or_null(footer->metadata[i].value)),
                       err));
    separator = ",\n    ";
  }
  fputs("\n  ],\n", stdout);
  return LH_OK;
}

static lh_status print_row_group(const struct lh_inspection *inspection,
                                 const struct lh_parquet_row_group *group, struct lh_arena *scratch,
                                 struct lh_error *err) {
  const char *separator = "\n      ";
  fputs("\n    {\"rows\": ", stdout);
  LH_TRY(print_value(json_integer(group->num_rows), err));
  fputs(", \"uncompressed_bytes\": ", stdout);
  LH_TRY(print_value(number_or_null(group->total_byte_size), err));
  fputs(", \"compressed_bytes\": ", stdout);
  LH_TRY(print_value(number_or_null(group->total_compressed_size), err));
  fputs(", \"sorting\": ", stdout);
  LH_TRY(print_value(sorting_json(group), err));
  fputs(", \"columns\": [", stdout);
  for (size_t i = 0; i < group->column_count; i++) {
    fputs(separator, stdout);
    lh_arena_reset(scratch);
    LH_TRY(print_chunk(inspection, group, &group->columns[i], scratch, err));
    separator = ",\n      ";
  }
  fputs("\n    ]}", stdout);
  return LH_OK;
}

static lh_status print_head(const char *path, const struct lh_parquet_footer *footer, struct lh_error *err) {
  const struct {
    const char *name;
    json_t *value;
  } members[] = {
      {"file", lh_cli_json_text(path)},
      {"size_bytes", json_integer((json_int_t)footer->file_bytes)},
      {"footer_bytes", json_integer((json_int_t)footer->footer_bytes)},
      {"version", json_integer(footer->version)},
      {"created_by", text_or_null(footer->created_by)},
      {"rows", json_integer(footer->num_rows)},
  };
  lh_status status = LH_OK;
  fputs("{\n", stdout);
  for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
    if (status != LH_OK) {
      json_decref(members[i].value);
      continue;
    }
    printf("  \"%s\": ", members[i].name);
    status = print_value(members[i].value, err);
    fputs(",\n", stdout);
  }
  return status;
}

static lh_status print_all(const struct lh_inspection *inspection, struct lh_arena *arena,
                           struct lh_error *err) {
  const struct lh_parquet_footer *const footer = inspection->footer;
  LH_TRY(print_head(inspection->path, footer, err));
  LH_TRY(print_metadata(footer, err));
  LH_TRY(print_schema(footer, arena, err));
  fputs("  \"row_groups\": [", stdout);
  for (size_t i = 0; i < footer->row_group_count; i++) {
    fputs(i > 0 ? "," : "", stdout);
    LH_TRY(print_row_group(inspection, &footer->row_groups[i], arena, err));
  }
  fputs("\n  ]\n}\n", stdout);
  return LH_OK;
}

lh_status lh_inspect_print_json(const struct lh_inspection *inspection, struct lh_error *err) {
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  const lh_status status = print_all(inspection, &arena, err);
  lh_arena_clear(&arena);
  return status;
}
