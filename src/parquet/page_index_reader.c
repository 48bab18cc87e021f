/* Page index reader: the two structs of a chunk, brought together page by page and checked against each
 * other. */
#include "parquet/page_index_reader.h"

#include "parquet/thrift.h"

#define ABSENT (-1)
#define PAGE_LOCATION_LEAST_BYTES 6 /* three fields with a head each, and the stop */
#define BLOOM_HEADER_MOST_BYTES 64
#define INDEX_MOST_BYTES ((int64_t)1 << 28)

struct index_reader {
  struct lh_thrift_reader thrift;
  struct lh_arena *arena;
  struct lh_parquet_page *pages;
  size_t page_count;
  struct lh_parquet_page_index *index;
  bool out_of_memory;
};

static lh_status refuse(const struct lh_source *source, const struct lh_parquet_column_chunk *chunk,
                        const char *what, const char *why, struct lh_error *err) {
  lh_error_set(err, LH_ERROR_CORRUPT, "%s: the %s of column \"%s\" cannot be read: %s", source->name, what,
               chunk->path, why);
  lh_error_hint(err, "the file is damaged");
  return err->code;
}

static lh_status read_range(struct lh_source *source, const struct lh_parquet_column_chunk *chunk,
                            const char *what, int64_t offset, int64_t size, struct lh_arena *arena,
                            uint8_t **out, struct lh_error *err) {
  if (offset < 0 || size <= 0 || size > INDEX_MOST_BYTES || (uint64_t)offset > source->size_bytes ||
      (uint64_t)size > source->size_bytes - (uint64_t)offset) {
    return refuse(source, chunk, what, "it does not lie in the file", err);
  }
  *out = lh_arena_alloc(arena, (size_t)size);
  if (*out == NULL) {
    return lh_error_memory(err);
  }
  return lh_source_read_at(source, (uint64_t)offset, *out, (size_t)size, err);
}

static void read_location(struct index_reader *r, struct lh_parquet_page *page) {
  struct lh_thrift_scope scope;
  struct lh_thrift_field field;
  *page = (struct lh_parquet_page){
      .offset = ABSENT, .compressed_bytes = ABSENT, .first_row = ABSENT, .null_count = ABSENT};
  lh_thrift_enter(&r->thrift, &scope);
  while (lh_thrift_next_field(&r->thrift, &scope, &field)) {
    if (field.id == 1) {
      page->offset = lh_thrift_read_i64(&r->thrift, &field);
    } else if (field.id == 2) {
      page->compressed_bytes = lh_thrift_read_i64(&r->thrift, &field);
    } else if (field.id == 3) {
      page->first_row = lh_thrift_read_i64(&r->thrift, &field);
    } else {
      lh_thrift_skip(&r->thrift, &field);
    }
  }
  if (page->offset < 0 || page->compressed_bytes < 0 || page->first_row < 0) {
    lh_thrift_fail(&r->thrift, "the place of a page is incomplete");
  }
}

static void read_locations(struct index_reader *r, const struct lh_thrift_field *list) {
  const size_t count = lh_thrift_read_list(&r->thrift, list, LH_THRIFT_STRUCT, PAGE_LOCATION_LEAST_BYTES);
  if (r->pages != NULL) {
    lh_thrift_fail(&r->thrift, "it lists its pages twice");
    return;
  }
  r->pages = lh_arena_calloc(r->arena, count > 0 ? count : 1, sizeof *r->pages);
  if (r->pages == NULL) {
    r->out_of_memory = true;
    return;
  }
  for (size_t i = 0; i < count && r->thrift.problem == NULL; i++) {
    read_location(r, &r->pages[i]);
  }
  r->page_count = count;
}

static void read_offset_index(struct index_reader *r) {
  struct lh_thrift_scope scope;
  struct lh_thrift_field field;
  lh_thrift_enter(&r->thrift, &scope);
  while (!r->out_of_memory && lh_thrift_next_field(&r->thrift, &scope, &field)) {
    if (field.id == 1) {
      read_locations(r, &field);
    } else {
      lh_thrift_skip(&r->thrift, &field);
    }
  }
  if (!r->out_of_memory && r->pages == NULL) {
    lh_thrift_fail(&r->thrift, "it lists no pages");
  }
}

/* How many rows each page has, from where the next one begins. */
static void count_rows(struct index_reader *r, int64_t row_count) {
  if (r->page_count > 0 && r->pages[0].first_row != 0) {
    lh_thrift_fail(&r->thrift, "its first page does not begin with the first row");
    return;
  }
  for (size_t i = 0; i < r->page_count; i++) {
    const int64_t end = i + 1 < r->page_count ? r->pages[i + 1].first_row : row_count;
    if (end <= r->pages[i].first_row) {
      lh_thrift_fail(&r->thrift, "its pages are not in the order of their rows");
      return;
    }
    r->pages[i].row_count = end - r->pages[i].first_row;
  }
}

static void read_index_list(struct index_reader *r, const struct lh_thrift_field *field) {
  static const enum lh_thrift_type types[] = {LH_THRIFT_STOP,   LH_THRIFT_TRUE, LH_THRIFT_BINARY,
                                              LH_THRIFT_BINARY, LH_THRIFT_STOP, LH_THRIFT_I64};
  const size_t count = lh_thrift_read_list(&r->thrift, field, types[field->id], 1);
  if (count != r->page_count) {
    lh_thrift_fail(&r->thrift, "its lists are not as long as there are pages");
  }
  for (size_t i = 0; i < r->page_count && r->thrift.problem == NULL; i++) {
    struct lh_parquet_page *const page = &r->pages[i];
    if (field->id == 1) {
      page->is_null_page = lh_thrift_read_bool_element(&r->thrift);
    } else if (field->id == 2) {
      page->min_value.data = lh_thrift_read_binary_element(&r->thrift, &page->min_value.size);
    } else if (field->id == 3) {
      page->max_value.data = lh_thrift_read_binary_element(&r->thrift, &page->max_value.size);
    } else {
      page->null_count = lh_thrift_read_i64_element(&r->thrift);
    }
  }
}

static void read_column_index(struct index_reader *r) {
  enum { LISTS = 1 << 1 | 1 << 2 | 1 << 3 };
  unsigned met = 0;
  struct lh_thrift_scope scope;
  struct lh_thrift_field field;
  lh_thrift_enter(&r->thrift, &scope);
  while (lh_thrift_next_field(&r->thrift, &scope, &field)) {
    if (field.id == 4) {
      r->index->boundary_order = lh_thrift_read_i32(&r->thrift, &field);
    } else if (field.id >= 1 && field.id <= 5) {
      read_index_list(r, &field);
      met |= 1U << field.id;
    } else {
      lh_thrift_skip(&r->thrift, &field);
    }
  }
  if ((met & LISTS) != LISTS || r->index->boundary_order < 0) {
    lh_thrift_fail(&r->thrift, "it is incomplete");
  }
}

static lh_status read_bounds(struct index_reader *r, struct lh_source *source,
                             const struct lh_parquet_column_chunk *chunk, struct lh_error *err) {
  uint8_t *bytes = NULL;
  LH_TRY(read_range(source, chunk, "column index", chunk->column_index_offset, chunk->column_index_bytes,
                    r->arena, &bytes, err));
  lh_thrift_reader_init(&r->thrift, bytes, (size_t)chunk->column_index_bytes);
  read_column_index(r);
  r->index->has_bounds = true;
  return r->thrift.problem == NULL ? LH_OK : refuse(source, chunk, "column index", r->thrift.problem, err);
}

lh_status lh_parquet_page_index_read(struct lh_source *source, const struct lh_parquet_row_group *row_group,
                                     const struct lh_parquet_column_chunk *chunk, struct lh_arena *arena,
                                     struct lh_parquet_page_index *out, struct lh_error *err) {
  *out = (struct lh_parquet_page_index){.boundary_order = ABSENT};
  if (chunk->offset_index_offset < 0) {
    return LH_OK;
  }
  struct index_reader r = {.arena = arena, .index = out};
  uint8_t *bytes = NULL;
  LH_TRY(read_range(source, chunk, "offset index", chunk->offset_index_offset, chunk->offset_index_bytes,
                    arena, &bytes, err));
  lh_thrift_reader_init(&r.thrift, bytes, (size_t)chunk->offset_index_bytes);
  read_offset_index(&r);
  if (r.out_of_memory) {
    return lh_error_memory(err);
  }
  if (r.thrift.problem == NULL) {
    count_rows(&r, row_group->num_rows);
  }
  if (r.thrift.problem != NULL) {
    return refuse(source, chunk, "offset index", r.thrift.problem, err);
  }
  if (chunk->column_index_offset >= 0) {
    LH_TRY(read_bounds(&r, source, chunk, err));
  }
  out->pages = r.pages;
  out->page_count = r.page_count;
  return LH_OK;
}

lh_status lh_parquet_bloom_read_size(struct lh_source *source, const struct lh_parquet_column_chunk *chunk,
                                     int64_t *bytes, struct lh_error *err) {
  *bytes = 0;
  if (chunk->bloom_filter_offset < 0) {
    return LH_OK;
  }
  uint8_t header[BLOOM_HEADER_MOST_BYTES];
  const uint64_t offset = (uint64_t)chunk->bloom_filter_offset;
  const uint64_t left = offset < source->size_bytes ? source->size_bytes - offset : 0;
  const size_t size = left < sizeof header ? (size_t)left : sizeof header;
  struct lh_thrift_reader r;
  struct lh_thrift_scope scope;
  struct lh_thrift_field field;
  LH_TRY(lh_source_read_at(source, offset, header, size, err));
  lh_thrift_reader_init(&r, header, size);
  lh_thrift_enter(&r, &scope);
  while (lh_thrift_next_field(&r, &scope, &field)) {
    if (field.id == 1) {
      *bytes = lh_thrift_read_i64(&r, &field);
    } else {
      lh_thrift_skip(&r, &field);
    }
  }
  if (r.problem == NULL && (*bytes <= 0 || (uint64_t)*bytes > left - (size_t)(r.at - header))) {
    lh_thrift_fail(&r, "it does not lie in the file");
  }
  return r.problem == NULL ? LH_OK : refuse(source, chunk, "bloom filter", r.problem, err);
}

const char *lh_parquet_order_name(int boundary_order) {
  return boundary_order == 1 ? "ascending" : boundary_order == 2 ? "descending" : "none";
}
