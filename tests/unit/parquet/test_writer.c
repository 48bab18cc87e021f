/* The writer: row groups, pages, dictionary and its fallback, limits, errors. Pages are walked by the
 * thrift reader; that values are right is what test_parquet_writer.py shows with other readers. */
#include "parquet/writer.h"

#include <libdeflate.h>

#include "codec/codec.h"
#include "parquet/footer.h"
#include "parquet/thrift.h"
#include "parquet/values.h"
#include "support.h"

#define MOST_PAGES 256

struct page {
  int type; /* 0 data, 2 dictionary */
  int encoding;
  int value_count;
};

struct fixture {
  struct lh_field fields[4];
  struct lh_schema schema;
  struct lh_parquet_writer_options options;
  struct lh_parquet_column_options columns[4];
  struct lh_batch batch;
  struct memory_sink sink;
  struct lh_parquet_writer *writer;
  struct lh_arena arena;
  struct lh_parquet_footer *footer;
  struct page pages[MOST_PAGES];
  size_t page_count;
};

static void open_fixture(struct fixture *f, size_t field_count) {
  struct lh_error err;
  f->schema = (struct lh_schema){f->fields, field_count};
  memory_sink_init(&f->sink);
  lh_arena_init(&f->arena, 0);
  assert_ok(lh_batch_init(&f->batch, &f->schema, 64, &err));
  assert_ok(lh_parquet_writer_new(&f->schema, &f->options, &f->sink.sink, &f->writer, &err));
}

static void init_fixture(struct fixture *f) {
  memset(f, 0, sizeof *f);
  lh_parquet_writer_options_default(&f->options);
  f->options.columns = f->columns;
}

static void close_fixture(struct fixture *f) {
  lh_parquet_writer_free(f->writer);
  lh_batch_clear(&f->batch);
  lh_buf_clear(&f->sink.bytes);
  lh_arena_clear(&f->arena);
}

static void write_batch(struct fixture *f) {
  struct lh_error err;
  f->batch.row_count = f->batch.columns[0].length;
  assert_ok(lh_parquet_writer_write(f->writer, &f->batch, &err));
  lh_batch_reset(&f->batch);
}

static void finish(struct fixture *f) {
  struct lh_error err;
  struct memory_source source;
  assert_ok(lh_parquet_writer_finish(f->writer, &err));
  memory_source_init(&source, f->sink.bytes.data, f->sink.bytes.len);
  assert_ok(lh_parquet_footer_read(&source.source, &f->arena, &f->footer, &err));
  assert_int_equal(f->footer->num_rows, lh_parquet_writer_rows(f->writer));
}

static void read_page_struct(struct lh_thrift_reader *r, const struct lh_thrift_field *outer,
                             struct page *page) {
  struct lh_thrift_scope scope;
  struct lh_thrift_field field;
  lh_thrift_enter_field(r, outer, &scope);
  while (lh_thrift_next_field(r, &scope, &field)) {
    if (field.id == 1) {
      page->value_count = lh_thrift_read_i32(r, &field);
    } else if (field.id == 2) {
      page->encoding = lh_thrift_read_i32(r, &field);
    } else {
      lh_thrift_skip(r, &field);
    }
  }
}

/* Reads one header, checks checksum and decompression of its body, returns where the next one begins. */
static size_t read_page(struct fixture *f, size_t at, struct page *page) {
  struct lh_error err;
  struct lh_thrift_reader r;
  struct lh_thrift_scope scope;
  struct lh_thrift_field field;
  int32_t uncompressed = -1;
  int32_t compressed = -1;
  uint32_t crc = 0;
  lh_thrift_reader_init(&r, f->sink.bytes.data + at, f->sink.bytes.len - at);
  lh_thrift_enter(&r, &scope);
  while (lh_thrift_next_field(&r, &scope, &field)) {
    if (field.id == 1) {
      page->type = lh_thrift_read_i32(&r, &field);
    } else if (field.id == 2) {
      uncompressed = lh_thrift_read_i32(&r, &field);
    } else if (field.id == 3) {
      compressed = lh_thrift_read_i32(&r, &field);
    } else if (field.id == 4) {
      crc = (uint32_t)lh_thrift_read_i32(&r, &field);
    } else {
      read_page_struct(&r, &field, page);
    }
  }
  assert_null(r.problem);
  assert_true(uncompressed >= 0 && compressed >= 0);
  assert_true((size_t)compressed <= (size_t)(r.end - r.at));
  assert_int_equal(libdeflate_crc32(0, r.at, (size_t)compressed), crc);
  uint8_t *const body = malloc((size_t)uncompressed + 1);
  assert_ok(lh_decompress(f->options.codec, r.at, (size_t)compressed, body, (size_t)uncompressed, &err));
  free(body);
  return (size_t)(r.at - f->sink.bytes.data) + (size_t)compressed;
}

/* All pages of one chunk; they fill it exactly. */
static void read_pages(struct fixture *f, size_t row_group, size_t column) {
  const struct lh_parquet_column_chunk *const chunk = &f->footer->row_groups[row_group].columns[column];
  const int64_t start =
      chunk->dictionary_page_offset > 0 ? chunk->dictionary_page_offset : chunk->data_page_offset;
  size_t at = (size_t)start;
  int64_t values = 0;
  f->page_count = 0;
  while (at < (size_t)(start + chunk->compressed_bytes)) {
    assert_true(f->page_count < MOST_PAGES);
    struct page *const page = &f->pages[f->page_count++];
    const bool is_first_data = page->type == 0 && at == (size_t)chunk->data_page_offset;
    at = read_page(f, at, page);
    assert_true(!is_first_data || page->type == 0);
    values += page->type == 0 ? page->value_count : 0;
  }
  assert_int_equal(at, start + chunk->compressed_bytes);
  assert_int_equal(values, chunk->num_values);
}

static void assert_pages(const struct fixture *f, size_t first, size_t count, int type, int encoding) {
  assert_true(first + count <= f->page_count);
  for (size_t i = first; i < first + count; i++) {
    if (f->pages[i].type != type || f->pages[i].encoding != encoding) {
      fail_msg("page %zu has type %d and encoding %d, not %d and %d", i, f->pages[i].type,
               f->pages[i].encoding, type, encoding);
    }
  }
}

static void a_file_without_rows_has_no_row_group(void **state) {
  (void)state;
  struct fixture f;
  init_fixture(&f);
  f.fields[0] = (struct lh_field){.name = "n", .type = LH_TYPE_INT32, .nullable = true};
  open_fixture(&f, 1);
  finish(&f);
  assert_int_equal(f.footer->row_group_count, 0);
  assert_int_equal(f.footer->num_rows, 0);
  assert_int_equal(f.footer->schema_count, 2);
  close_fixture(&f);
}

static void row_groups_close_at_their_rows_within_a_batch(void **state) {
  (void)state;
  struct fixture f;
  init_fixture(&f);
  f.fields[0] = (struct lh_field){.name = "n", .type = LH_TYPE_INT32};
  f.options.row_group_rows = 1000;
  open_fixture(&f, 1);
  for (int32_t i = 0; i < 2500; i++) {
    push_i32(&f.batch.columns[0], i);
  }
  write_batch(&f);
  assert_int_equal(lh_parquet_writer_rows(f.writer), 2500);
  finish(&f);
  assert_int_equal(f.footer->row_group_count, 3);
  assert_int_equal(f.footer->row_groups[0].num_rows, 1000);
  assert_int_equal(f.footer->row_groups[2].num_rows, 500);
  close_fixture(&f);
}

static void row_groups_close_by_bytes_between_rows_of_a_batch(void **state) {
  (void)state;
  struct fixture f;
  struct lh_error err;
  init_fixture(&f);
  f.fields[0] = (struct lh_field){.name = "s", .type = LH_TYPE_BINARY};
  f.options.codec = LH_CODEC_NONE;
  f.options.row_group_bytes = 20 << 20; /* a quarter of it for rows as wide as these */
  open_fixture(&f, 1);
  char *const big = calloc(1, 3 << 20);
  assert_non_null(big);
  for (int i = 0; i < 7; i++) {
    big[0] = (char)i;
    assert_ok(lh_column_append_bytes(&f.batch.columns[0], big, 3 << 20, &err));
  }
  free(big);
  write_batch(&f);
  finish(&f);
  assert_int_equal(f.footer->row_group_count, 4);
  assert_int_equal(f.footer->row_groups[0].num_rows, 2);
  assert_int_equal(f.footer->row_groups[3].num_rows, 1);
  close_fixture(&f);
}

static void the_memory_held_closes_row_groups(void **state) {
  (void)state;
  struct fixture f;
  init_fixture(&f);
  f.fields[0] = (struct lh_field){.name = "n", .type = LH_TYPE_INT64};
  f.options.codec = LH_CODEC_NONE;
  f.options.row_group_buffer_bytes = 1 << 20;
  f.columns[0].encoding = LH_ENCODING_PLAIN;
  open_fixture(&f, 1);
  size_t most = 0;
  for (int64_t row = 0; row < 1000000;) {
    for (int i = 0; i < 5000; i++, row++) {
      push_i64(&f.batch.columns[0], row * 7919);
    }
    write_batch(&f);
    const size_t held = lh_parquet_writer_buffered_bytes(f.writer);
    most = held > most ? held : most;
  }
  assert_true(most > 500000 && most <= 1 << 20);
  finish(&f);
  assert_true(f.footer->row_group_count >= 7 && f.footer->row_group_count <= 9);
  close_fixture(&f);
}

static void pages_close_at_their_rows(void **state) {
  (void)state;
  struct fixture f;
  init_fixture(&f);
  f.fields[0] = (struct lh_field){.name = "n", .type = LH_TYPE_INT32, .nullable = true};
  f.options.page_rows = 300;
  f.columns[0].encoding = LH_ENCODING_PLAIN;
  open_fixture(&f, 1);
  for (int32_t i = 0; i < 1000; i++) {
    if (i % 2 == 0) {
      push_null(&f.batch.columns[0]);
    } else {
      push_i32(&f.batch.columns[0], i);
    }
  }
  write_batch(&f);
  finish(&f);
  read_pages(&f, 0, 0);
  assert_int_equal(f.page_count, 4);
  assert_pages(&f, 0, 4, 0, 0);
  assert_int_equal(f.pages[0].value_count, 300);
  assert_int_equal(f.pages[3].value_count, 100);
  assert_int_equal(f.footer->row_groups[0].columns[0].statistics.null_count, 500);
  close_fixture(&f);
}

static void pages_of_texts_close_at_the_first_row_past_their_bytes(void **state) {
  (void)state;
  struct fixture f;
  init_fixture(&f);
  f.fields[0] = (struct lh_field){.name = "s", .type = LH_TYPE_STRING};
  f.options.page_bytes = 100;
  f.columns[0].encoding = LH_ENCODING_PLAIN;
  open_fixture(&f, 1);
  for (int i = 0; i < 20; i++) {
    push_text(&f.batch.columns[0], "sixteen letters!");
  }
  write_batch(&f);
  finish(&f);
  read_pages(&f, 0, 0);
  assert_int_equal(f.page_count, 4);
  assert_int_equal(f.pages[0].value_count, 6); /* 6 x 20 is the first sum above 100 */
  assert_int_equal(f.pages[3].value_count, 2);
  close_fixture(&f);
}

static void pages_of_lists_begin_with_a_row(void **state) {
  (void)state;
  struct fixture f;
  init_fixture(&f);
  struct lh_field element = {.name = "element", .type = LH_TYPE_INT64};
  f.fields[0] = (struct lh_field){.name = "l", .type = LH_TYPE_LIST, .children = &element, .child_count = 1};
  f.options.page_bytes = 500;
  f.options.dictionary_bytes = 0;
  open_fixture(&f, 1);
  for (int i = 0; i < 100; i++) {
    for (int j = 0; j < 10; j++) {
      push_i64(&f.batch.columns[0].children[0], i * 10 + j);
    }
    close_list(&f.batch.columns[0]);
  }
  write_batch(&f);
  finish(&f);
  read_pages(&f, 0, 0);
  assert_true(f.page_count > 10);
  for (size_t i = 0; i < f.page_count; i++) {
    assert_int_equal(f.pages[i].value_count % 10, 0);
  }
  close_fixture(&f);
}

static void repeated_values_get_a_dictionary(void **state) {
  (void)state;
  struct fixture f;
  init_fixture(&f);
  f.fields[0] = (struct lh_field){.name = "s", .type = LH_TYPE_STRING};
  f.options.page_rows = 1000;
  open_fixture(&f, 1);
  for (int i = 0; i < 3000; i++) {
    push_text(&f.batch.columns[0], i % 3 == 0 ? "red" : i % 3 == 1 ? "green" : "blue");
  }
  write_batch(&f);
  finish(&f);
  read_pages(&f, 0, 0);
  assert_int_equal(f.page_count, 4);
  assert_pages(&f, 0, 1, 2, 0);
  assert_int_equal(f.pages[0].value_count, 3);
  assert_pages(&f, 1, 3, 0, 8);
  const struct lh_parquet_column_chunk *const chunk = &f.footer->row_groups[0].columns[0];
  assert_memory_equal(chunk->statistics.min_value.data, "blue", 4);
  assert_memory_equal(chunk->statistics.max_value.data, "red", 3);
  close_fixture(&f);
}

static void a_dictionary_that_does_not_pay_is_dropped_with_the_first_page(void **state) {
  (void)state;
  struct fixture f;
  init_fixture(&f);
  f.fields[0] = (struct lh_field){.name = "n", .type = LH_TYPE_INT64};
  f.options.page_rows = 1000;
  open_fixture(&f, 1);
  for (int i = 0; i < 3000; i++) {
    push_i64(&f.batch.columns[0], i);
  }
  write_batch(&f);
  finish(&f);
  read_pages(&f, 0, 0);
  assert_int_equal(f.page_count, 3);
  assert_pages(&f, 0, 3, 0, LH_PARQUET_DELTA_BINARY_PACKED);
  const struct lh_parquet_column_chunk *const chunk = &f.footer->row_groups[0].columns[0];
  const int64_t most = 2999;
  assert_memory_equal(chunk->statistics.max_value.data, &most, sizeof most);
  assert_int_equal(chunk->dictionary_page_offset, -1);
  close_fixture(&f);
}

/* Fifty new values a page of 1000, in a column that is to have a dictionary. */
static void a_dictionary_past_its_bytes_ends_and_its_pages_stay(void **state) {
  (void)state;
  struct fixture f;
  init_fixture(&f);
  f.fields[0] = (struct lh_field){.name = "n", .type = LH_TYPE_INT64, .nullable = true};
  f.options.page_rows = 1000;
  f.options.dictionary_bytes = 1000;
  f.columns[0].encoding = LH_ENCODING_DICTIONARY;
  open_fixture(&f, 1);
  for (int i = 0; i < 6000; i++) {
    push_i64(&f.batch.columns[0], i / 20);
  }
  write_batch(&f);
  finish(&f);
  read_pages(&f, 0, 0);
  assert_pages(&f, 0, 1, 2, 0);
  assert_pages(&f, 1, 3, 0, 8);
  assert_pages(&f, 4, f.page_count - 4, 0, LH_PARQUET_DELTA_BINARY_PACKED);
  assert_true(f.page_count > 6);
  assert_true(f.pages[0].value_count > 1000 / 8);
  assert_true(f.pages[0].value_count * 8 <= 2 * 1000);
  const struct lh_parquet_column_chunk *const chunk = &f.footer->row_groups[0].columns[0];
  const int64_t bounds[] = {0, 299};
  assert_memory_equal(chunk->statistics.min_value.data, &bounds[0], 8);
  assert_memory_equal(chunk->statistics.max_value.data, &bounds[1], 8);
  close_fixture(&f);
}

/* Not in order, and even over all 64 bits. */
static int64_t scatter(int i) {
  const uint64_t x = (uint64_t)(i + 1) * UINT64_C(0x9E3779B97F4A7C15);
  return (int64_t)((x ^ x >> 29) * UINT64_C(0xBF58476D1CE4E5B9));
}

/* Two hundred numbers come again and again, then only new ones: the dictionary keeps the first pages' values.
 */
static void a_dictionary_ends_with_the_page_whose_values_are_new(void **state) {
  (void)state;
  struct fixture f;
  init_fixture(&f);
  f.fields[0] = (struct lh_field){.name = "n", .type = LH_TYPE_INT64, .nullable = true};
  f.options.page_rows = 1000;
  open_fixture(&f, 1);
  for (int i = 0; i < 5000; i++) {
    push_i64(&f.batch.columns[0],
             scatter(i < 200 || i >= 2000 ? i : (int)(((unsigned)i * 2654435761U >> 9) % 200)));
  }
  write_batch(&f);
  finish(&f);
  read_pages(&f, 0, 0);
  assert_int_equal(f.page_count, 6);
  assert_pages(&f, 0, 1, 2, 0);
  assert_int_equal(f.pages[0].value_count, 200);
  assert_pages(&f, 1, 2, 0, LH_PARQUET_RLE_DICTIONARY);
  assert_pages(&f, 3, 3, 0, LH_PARQUET_PLAIN);
  int64_t most = INT64_MIN;
  for (int i = 0; i < 5000; i++) {
    most = scatter(i) > most && (i < 200 || i >= 2000) ? scatter(i) : most;
  }
  assert_memory_equal(f.footer->row_groups[0].columns[0].statistics.max_value.data, &most, 8);
  close_fixture(&f);
}

/* Few values, but in an order that differences tell better: runs that ascend. */
static void ascending_runs_are_told_from_repeated_values(void **state) {
  (void)state;
  struct fixture f;
  init_fixture(&f);
  f.fields[0] = (struct lh_field){.name = "n", .type = LH_TYPE_INT64};
  f.options.page_rows = 1000;
  open_fixture(&f, 1);
  for (int i = 0; i < 5000; i++) {
    push_i64(&f.batch.columns[0], i / 4);
  }
  write_batch(&f);
  finish(&f);
  read_pages(&f, 0, 0);
  assert_pages(&f, 0, f.page_count, 0, LH_PARQUET_DELTA_BINARY_PACKED);
  close_fixture(&f);
}

static void a_value_larger_than_a_dictionary_does_not_enter_it(void **state) {
  (void)state;
  struct fixture f;
  struct lh_error err;
  init_fixture(&f);
  f.fields[0] = (struct lh_field){.name = "s", .type = LH_TYPE_STRING};
  f.options.dictionary_bytes = 1000;
  f.columns[0].encoding = LH_ENCODING_DICTIONARY;
  open_fixture(&f, 1);
  char big[2000];
  memset(big, 'x', sizeof big);
  for (int i = 0; i < 10; i++) {
    push_text(&f.batch.columns[0], "small");
  }
  for (int i = 0; i < 10; i++) {
    assert_ok(lh_column_append_bytes(&f.batch.columns[0], big, sizeof big, &err));
  }
  write_batch(&f);
  finish(&f);
  read_pages(&f, 0, 0);
  assert_int_equal(f.page_count, 3);
  assert_pages(&f, 0, 1, 2, 0);
  assert_int_equal(f.pages[0].value_count, 1);
  assert_pages(&f, 1, 1, 0, 8);
  assert_pages(&f, 2, 1, 0, 0);
  close_fixture(&f);
}

static void a_chunk_of_nulls_has_no_dictionary_and_no_bounds(void **state) {
  (void)state;
  struct fixture f;
  init_fixture(&f);
  f.fields[0] = (struct lh_field){.name = "s", .type = LH_TYPE_STRING, .nullable = true};
  open_fixture(&f, 1);
  for (int i = 0; i < 100; i++) {
    push_null(&f.batch.columns[0]);
  }
  write_batch(&f);
  finish(&f);
  read_pages(&f, 0, 0);
  assert_int_equal(f.page_count, 1);
  assert_pages(&f, 0, 1, 0, 0);
  const struct lh_parquet_statistics *const statistics = &f.footer->row_groups[0].columns[0].statistics;
  assert_int_equal(statistics->null_count, 100);
  assert_null(statistics->min_value.data);
  assert_null(statistics->max_value.data);
  close_fixture(&f);
}

static void sums_of_the_footer_are_those_of_its_chunks(void **state) {
  (void)state;
  struct fixture f;
  init_fixture(&f);
  f.fields[0] = (struct lh_field){.name = "n", .type = LH_TYPE_INT32};
  f.fields[1] = (struct lh_field){.name = "s", .type = LH_TYPE_STRING, .nullable = true};
  f.options.row_group_rows = 700;
  open_fixture(&f, 2);
  for (int32_t i = 0; i < 2000; i++) {
    push_i32(&f.batch.columns[0], i);
    push_text(&f.batch.columns[1], "text");
  }
  write_batch(&f);
  finish(&f);
  uint64_t expected = 4;
  int64_t index_bytes = 0;
  for (size_t i = 0; i < f.footer->row_group_count; i++) {
    const struct lh_parquet_row_group *const group = &f.footer->row_groups[i];
    int64_t compressed = 0;
    int64_t uncompressed = 0;
    for (size_t j = 0; j < 2; j++) {
      read_pages(&f, i, j);
      compressed += group->columns[j].compressed_bytes;
      uncompressed += group->columns[j].uncompressed_bytes;
      index_bytes += group->columns[j].column_index_bytes + group->columns[j].offset_index_bytes;
      assert_int_equal(group->columns[j].schema_index, j + 1);
    }
    assert_int_equal(group->total_compressed_size, compressed);
    assert_int_equal(group->total_byte_size, uncompressed);
    expected += (uint64_t)compressed;
  }
  assert_int_equal(f.footer->row_groups[0].columns[0].column_index_offset, expected);
  assert_int_equal(expected + (uint64_t)index_bytes + f.footer->footer_bytes + 8, f.sink.bytes.len);
  close_fixture(&f);
}

static void more_than_32767_row_groups_are_refused(void **state) {
  (void)state;
  struct fixture f;
  struct lh_error err;
  init_fixture(&f);
  f.fields[0] = (struct lh_field){.name = "b", .type = LH_TYPE_BOOL};
  f.options.row_group_rows = 1;
  f.options.codec = LH_CODEC_NONE;
  open_fixture(&f, 1);
  for (int i = 0; i < 32767; i++) {
    assert_ok(lh_column_append_fixed(&f.batch.columns[0], "\1", &err));
  }
  write_batch(&f);
  assert_ok(lh_column_append_fixed(&f.batch.columns[0], "\1", &err));
  f.batch.row_count = 1;
  assert_int_equal(lh_parquet_writer_write(f.writer, &f.batch, &err), LH_ERROR_DATA);
  assert_string_equal(err.message, "a Parquet file holds at most 32767 row groups");
  close_fixture(&f);
}

static void a_failed_sink_ends_the_writer(void **state) {
  (void)state;
  struct fixture f;
  struct lh_error err;
  init_fixture(&f);
  f.fields[0] = (struct lh_field){.name = "n", .type = LH_TYPE_INT32};
  f.options.row_group_rows = 10;
  open_fixture(&f, 1);
  f.sink.fail_after = 100;
  for (int32_t i = 0; i < 100; i++) {
    push_i32(&f.batch.columns[0], i);
  }
  f.batch.row_count = 100;
  assert_int_equal(lh_parquet_writer_write(f.writer, &f.batch, &err), LH_ERROR_LAKE);
  assert_int_equal(lh_parquet_writer_write(f.writer, &f.batch, &err), LH_ERROR_INTERNAL);
  assert_int_equal(lh_parquet_writer_finish(f.writer, &err), LH_ERROR_INTERNAL);
  close_fixture(&f);
}

static void a_finished_writer_takes_nothing_more(void **state) {
  (void)state;
  struct fixture f;
  struct lh_error err;
  init_fixture(&f);
  f.fields[0] = (struct lh_field){.name = "n", .type = LH_TYPE_INT32};
  open_fixture(&f, 1);
  finish(&f);
  assert_int_equal(lh_parquet_writer_write(f.writer, &f.batch, &err), LH_ERROR_INTERNAL);
  close_fixture(&f);
}

static void assert_refused(struct lh_field field, lh_status status, const char *message) {
  struct lh_error err;
  struct fixture f;
  init_fixture(&f);
  memory_sink_init(&f.sink);
  f.fields[0] = field;
  f.schema = (struct lh_schema){f.fields, 1};
  assert_int_equal(lh_parquet_writer_new(&f.schema, &f.options, &f.sink.sink, &f.writer, &err), status);
  assert_string_equal(err.message, message);
}

static void schemas_that_parquet_cannot_hold_are_refused(void **state) {
  (void)state;
  assert_refused((struct lh_field){.name = "s", .type = LH_TYPE_STRUCT}, LH_ERROR_UNSUPPORTED,
                 "a table without columns cannot be written to Parquet");
  assert_refused((struct lh_field){.name = "d", .type = LH_TYPE_DECIMAL, .precision = 39},
                 LH_ERROR_UNSUPPORTED,
                 "column \"d\" is decimal(39,0); a Parquet decimal here has precision 1 to 38 and scale 0 to "
                 "its precision");
  struct lh_field pair[] = {{.name = "k", .type = LH_TYPE_INT32, .nullable = true},
                            {.name = "v", .type = LH_TYPE_INT32}};
  assert_refused((struct lh_field){.name = "m", .type = LH_TYPE_MAP, .children = pair, .child_count = 2},
                 LH_ERROR_UNSUPPORTED,
                 "column \"m\" cannot be written to Parquet: a map needs a key that is never null, and a "
                 "value");
  struct lh_field chain[40];
  for (size_t i = 0; i < 40; i++) {
    chain[i] = (struct lh_field){.name = "deep",
                                 .type = LH_TYPE_LIST,
                                 .children = i < 39 ? &chain[i + 1] : NULL,
                                 .child_count = i < 39};
  }
  chain[39].type = LH_TYPE_INT32;
  assert_refused(chain[0], LH_ERROR_UNSUPPORTED,
                 "column \"deep\" cannot be written to Parquet: it is nested more than 32 levels deep");
}

static void zero_limits_are_refused(void **state) {
  (void)state;
  struct lh_error err;
  struct fixture f;
  init_fixture(&f);
  f.fields[0] = (struct lh_field){.name = "n", .type = LH_TYPE_INT32};
  f.schema = (struct lh_schema){f.fields, 1};
  f.options.page_rows = 0;
  assert_int_equal(lh_parquet_writer_new(&f.schema, &f.options, &f.sink.sink, &f.writer, &err),
                   LH_ERROR_USAGE);
}

static void a_batch_of_another_shape_is_refused(void **state) {
  (void)state;
  struct lh_error err;
  struct fixture f;
  init_fixture(&f);
  f.fields[0] = (struct lh_field){.name = "n", .type = LH_TYPE_INT32};
  open_fixture(&f, 1);
  push_i32(&f.batch.columns[0], 1);
  f.batch.row_count = 2;
  assert_int_equal(lh_parquet_writer_write(f.writer, &f.batch, &err), LH_ERROR_INTERNAL);
  close_fixture(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_file_without_rows_has_no_row_group),
      cmocka_unit_test(row_groups_close_at_their_rows_within_a_batch),
      cmocka_unit_test(row_groups_close_by_bytes_between_rows_of_a_batch),
      cmocka_unit_test(the_memory_held_closes_row_groups),
      cmocka_unit_test(pages_close_at_their_rows),
      cmocka_unit_test(pages_of_texts_close_at_the_first_row_past_their_bytes),
      cmocka_unit_test(pages_of_lists_begin_with_a_row),
      cmocka_unit_test(repeated_values_get_a_dictionary),
      cmocka_unit_test(a_dictionary_that_does_not_pay_is_dropped_with_the_first_page),
      cmocka_unit_test(a_dictionary_past_its_bytes_ends_and_its_pages_stay),
      cmocka_unit_test(a_dictionary_ends_with_the_page_whose_values_are_new),
      cmocka_unit_test(ascending_runs_are_told_from_repeated_values),
      cmocka_unit_test(a_value_larger_than_a_dictionary_does_not_enter_it),
      cmocka_unit_test(a_chunk_of_nulls_has_no_dictionary_and_no_bounds),
      cmocka_unit_test(sums_of_the_footer_are_those_of_its_chunks),
      cmocka_unit_test(more_than_32767_row_groups_are_refused),
      cmocka_unit_test(a_failed_sink_ends_the_writer),
      cmocka_unit_test(a_finished_writer_takes_nothing_more),
      cmocka_unit_test(schemas_that_parquet_cannot_hold_are_refused),
      cmocka_unit_test(zero_limits_are_refused),
      cmocka_unit_test(a_batch_of_another_shape_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
