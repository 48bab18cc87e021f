/* The reader of page indexes and bloom filter headers. The first two bytes of an input are the size of the
 * offset index that follows; the rest is the column index, of which the end is taken for a bloom filter's
 * header, too. */
#include <string.h>

#include "base/arena.h"
#include "base/io.h"
#include "fuzz.h"
#include "parquet/page_index_reader.h"

#define ROWS 1000
#define HEADER_BYTES 2
#define BLOOM_BYTES 16

struct memory_source {
  struct lh_source source;
  const uint8_t *bytes;
};

static lh_status read_at(struct lh_source *source, uint64_t offset, void *bytes, size_t size,
                         struct lh_error *err) {
  const struct memory_source *const memory = (const struct memory_source *)source;
  (void)err;
  if (size > 0) {
    FUZZ_CHECK(offset <= source->size_bytes && size <= source->size_bytes - offset);
    memcpy(bytes, memory->bytes + offset, size);
  }
  return LH_OK;
}

static void release(struct lh_source *source) {
  (void)source;
}

static void check_pages(const struct lh_parquet_page_index *index) {
  int64_t rows = 0;
  for (size_t i = 0; i < index->page_count; i++) {
    const struct lh_parquet_page *const page = &index->pages[i];
    FUZZ_CHECK(page->first_row == rows && page->row_count >= 0);
    rows += page->row_count;
    FUZZ_CHECK(page->min_value.data == NULL || page->min_value.size < SIZE_MAX);
  }
  FUZZ_CHECK(index->page_count == 0 || rows == ROWS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const struct lh_source_ops ops = {.read_at = read_at, .free = release};
  if (size < HEADER_BYTES) {
    return 0;
  }
  const size_t left = size - HEADER_BYTES;
  const size_t wanted = (size_t)data[0] << 8 | data[1];
  const size_t first = wanted < left ? wanted : left;
  struct memory_source memory = {.source = {.ops = &ops, .size_bytes = left, .name = "f"},
                                 .bytes = data + HEADER_BYTES};
  const struct lh_parquet_row_group row_group = {.num_rows = ROWS};
  const struct lh_parquet_column_chunk chunk = {
      .path = "c",
      .offset_index_offset = 0,
      .offset_index_bytes = (int64_t)first,
      .column_index_offset = first < left ? (int64_t)first : -1,
      .column_index_bytes = (int64_t)(left - first),
      .bloom_filter_offset = left > BLOOM_BYTES ? (int64_t)(left - BLOOM_BYTES) : -1,
  };
  struct lh_arena arena;
  struct lh_parquet_page_index index;
  struct lh_error err = {0};
  int64_t bloom_bytes = 0;
  lh_arena_init(&arena, 0);
  lh_status status = lh_parquet_page_index_read(&memory.source, &row_group, &chunk, &arena, &index, &err);
  if (status == LH_OK) {
    check_pages(&index);
  } else {
    FUZZ_CHECK(status == LH_ERROR_CORRUPT || status == LH_ERROR_MEMORY);
  }
  status = lh_parquet_bloom_read_size(&memory.source, &chunk, &bloom_bytes, &err);
  FUZZ_CHECK(status == LH_ERROR_CORRUPT ||
             (status == LH_OK && bloom_bytes >= 0 && bloom_bytes <= (int64_t)left));
  lh_arena_clear(&arena);
  return 0;
}
