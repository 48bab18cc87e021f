/* The footer reader and what prints its words. The input is the footer's thrift, put into a file with a
 * mebibyte of data in front that nobody reads. */
#include <string.h>

#include "base/arena.h"
#include "base/io.h"
#include "fuzz.h"
#include "parquet/footer.h"

#define DATA_BYTES ((uint64_t)1 << 20)
#define TAIL_BYTES 8

struct memory_source {
  struct lh_source source;
  const uint8_t *footer;
  size_t size;
  uint8_t tail[TAIL_BYTES];
};

static lh_status read_at(struct lh_source *source, uint64_t offset, void *bytes, size_t size,
                         struct lh_error *err) {
  const struct memory_source *const memory = (const struct memory_source *)source;
  uint8_t *const out = bytes;
  FUZZ_CHECK(offset + size <= source->size_bytes);
  (void)err;
  for (size_t i = 0; i < size; i++) {
    const uint64_t at = offset + i;
    out[i] = at < DATA_BYTES                  ? 0
             : at < DATA_BYTES + memory->size ? memory->footer[at - DATA_BYTES]
                                              : memory->tail[at - DATA_BYTES - memory->size];
  }
  return LH_OK;
}

static void release(struct lh_source *source) {
  (void)source;
}

static void check_text(const char *text) {
  FUZZ_CHECK(text != NULL && strlen(text) < SIZE_MAX);
}

static void check_footer(const struct lh_parquet_footer *footer, struct lh_arena *arena) {
  for (size_t i = 0; i < footer->schema_count; i++) {
    check_text(footer->schema[i].name);
    check_text(lh_parquet_logical_name(&footer->schema[i], arena));
    check_text(lh_parquet_repetition_name(footer->schema[i].repetition));
  }
  for (size_t i = 0; i < footer->row_group_count; i++) {
    const struct lh_parquet_row_group *const row_group = &footer->row_groups[i];
    for (size_t j = 0; j < row_group->column_count; j++) {
      const struct lh_parquet_column_chunk *const chunk = &row_group->columns[j];
      FUZZ_CHECK(chunk->schema_index > 0 && (size_t)chunk->schema_index < footer->schema_count);
      const struct lh_parquet_schema_element *const element = &footer->schema[chunk->schema_index];
      check_text(lh_parquet_format_value(element, chunk->statistics.min_value, arena));
      check_text(lh_parquet_format_value(element, chunk->statistics.max_value, arena));
      check_text(lh_parquet_codec_name(chunk->codec));
      check_text(chunk->path);
    }
  }
  for (size_t i = 0; i < footer->metadata_count; i++) {
    check_text(footer->metadata[i].key);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const struct lh_source_ops ops = {.read_at = read_at, .free = release};
  struct memory_source memory = {
      .source = {.ops = &ops, .size_bytes = DATA_BYTES + size + TAIL_BYTES, .name = "f"},
      .footer = data,
      .size = size};
  const uint32_t length = (uint32_t)size;
  memcpy(memory.tail, &length, sizeof(length));
  memcpy(memory.tail + sizeof(length), "PAR1", 4);
  struct lh_arena arena;
  struct lh_parquet_footer *footer = NULL;
  struct lh_error err = {0};
  lh_arena_init(&arena, 0);
  const lh_status status = lh_parquet_footer_read(&memory.source, &arena, &footer, &err);
  if (status == LH_OK) {
    check_footer(footer, &arena);
  } else {
    FUZZ_CHECK(status == LH_ERROR_CORRUPT || status == LH_ERROR_MEMORY || status == LH_ERROR_UNSUPPORTED);
  }
  lh_arena_clear(&arena);
  return 0;
}
