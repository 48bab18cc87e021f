/* The page index as the writer makes it: when a chunk has none, in which order bounds are told to be, and
 * that it does not outgrow its memory. That its figures are those of the rows is what test_page_index.py
 * shows. */
#include <math.h>

#include "parquet/footer.h"
#include "parquet/page_index_reader.h"
#include "parquet/writer.h"
#include "support.h"

#define PAGE_ROWS 10

struct fixture {
  struct lh_field field;
  struct lh_schema schema;
  struct lh_parquet_writer_options options;
  struct lh_batch batch;
  struct memory_sink sink;
  struct memory_source source;
  struct lh_parquet_writer *writer;
  struct lh_arena arena;
  struct lh_parquet_footer *footer;
};

static void open_fixture(struct fixture *f, enum lh_type type) {
  struct lh_error err;
  memset(f, 0, sizeof *f);
  f->field = (struct lh_field){.name = "c", .type = type, .nullable = true};
  f->schema = (struct lh_schema){&f->field, 1};
  lh_parquet_writer_options_default(&f->options);
  f->options.page_rows = PAGE_ROWS;
  memory_sink_init(&f->sink);
  lh_arena_init(&f->arena, 0);
  assert_ok(lh_batch_init(&f->batch, &f->schema, 64, &err));
}

static void close_fixture(struct fixture *f) {
  lh_parquet_writer_free(f->writer);
  lh_batch_clear(&f->batch);
  lh_buf_clear(&f->sink.bytes);
  lh_arena_clear(&f->arena);
}

static void write_batch(struct fixture *f) {
  struct lh_error err;
  if (f->writer == NULL) {
    assert_ok(lh_parquet_writer_new(&f->schema, &f->options, &f->sink.sink, &f->writer, &err));
  }
  f->batch.row_count = f->batch.columns[0].length;
  assert_ok(lh_parquet_writer_write(f->writer, &f->batch, &err));
  lh_batch_reset(&f->batch);
}

/* Writes what the batch holds; the index of the first row group. */
static struct lh_parquet_page_index finish(struct fixture *f) {
  struct lh_error err;
  struct lh_parquet_page_index index;
  write_batch(f);
  assert_ok(lh_parquet_writer_finish(f->writer, &err));
  memory_source_init(&f->source, f->sink.bytes.data, f->sink.bytes.len);
  assert_ok(lh_parquet_footer_read(&f->source.source, &f->arena, &f->footer, &err));
  const struct lh_parquet_row_group *const group = &f->footer->row_groups[0];
  assert_ok(
      lh_parquet_page_index_read(&f->source.source, group, &group->columns[0], &f->arena, &index, &err));
  return index;
}

static void push_real(struct lh_column *column, double value) {
  struct lh_error err;
  assert_ok(lh_column_append_fixed(column, &value, &err));
}

static void push_bytes(struct lh_column *column, const void *bytes, size_t size) {
  struct lh_error err;
  assert_ok(lh_column_append_bytes(column, bytes, size, &err));
}

static void assert_bytes(struct lh_parquet_bytes found, const void *expected, size_t size) {
  assert_int_equal(found.size, size);
  assert_memory_equal(found.data, expected, size);
}

static void pages_of_nulls_alone_have_no_bounds(void **state) {
  (void)state;
  struct fixture f;
  open_fixture(&f, LH_TYPE_INT32);
  for (int32_t i = 0; i < 3 * PAGE_ROWS; i++) {
    if (i / PAGE_ROWS == 1 || i % 4 == 3) {
      push_null(&f.batch.columns[0]);
    } else {
      push_i32(&f.batch.columns[0], i);
    }
  }
  const struct lh_parquet_page_index index = finish(&f);
  assert_int_equal(index.page_count, 3);
  assert_true(index.has_bounds);
  assert_int_equal(index.boundary_order, 1);
  assert_false(index.pages[0].is_null_page);
  assert_true(index.pages[1].is_null_page);
  assert_int_equal(index.pages[1].null_count, PAGE_ROWS);
  assert_int_equal(index.pages[1].min_value.size, 0);
  const int32_t least = 20;
  const int32_t greatest = 29;
  assert_bytes(index.pages[2].min_value, &least, sizeof least);
  assert_bytes(index.pages[2].max_value, &greatest, sizeof greatest);
  close_fixture(&f);
}

static void a_nan_takes_the_bounds_of_its_chunk(void **state) {
  (void)state;
  struct fixture f;
  open_fixture(&f, LH_TYPE_DOUBLE);
  for (int i = 0; i < 3 * PAGE_ROWS; i++) {
    push_real(&f.batch.columns[0], i % 15 == 14 ? (double)NAN : i % 3);
  }
  const struct lh_parquet_page_index index = finish(&f);
  const struct lh_parquet_statistics *const statistics = &f.footer->row_groups[0].columns[0].statistics;
  assert_int_equal(index.page_count, 3);
  assert_false(index.has_bounds);
  assert_int_equal(statistics->nan_count, 2);
  assert_null(statistics->min_value.data);
  assert_int_equal(statistics->distinct_count, -1);
  close_fixture(&f);
}

/* The same NaN in a dictionary page is counted as often as it occurs. */
static void nans_of_dictionary_pages_are_counted_by_occurrence(void **state) {
  (void)state;
  struct fixture f;
  open_fixture(&f, LH_TYPE_DOUBLE);
  static const struct lh_parquet_column_options options = {.encoding = LH_ENCODING_DICTIONARY};
  f.options.columns = &options;
  for (int i = 0; i < 4 * PAGE_ROWS; i++) {
    push_real(&f.batch.columns[0], i % 2 == 0 ? (double)NAN : -0.0);
  }
  (void)finish(&f);
  assert_int_equal(f.footer->row_groups[0].columns[0].statistics.nan_count, 2 * PAGE_ROWS);
  assert_true(f.footer->row_groups[0].columns[0].dictionary_page_offset > 0);
  close_fixture(&f);
}

static void zeros_are_written_with_the_sign_that_covers_both(void **state) {
  (void)state;
  struct fixture f;
  open_fixture(&f, LH_TYPE_DOUBLE);
  for (int i = 0; i < PAGE_ROWS; i++) {
    push_real(&f.batch.columns[0], i % 2 == 0 ? 0.0 : -0.0);
  }
  const struct lh_parquet_page_index index = finish(&f);
  const double least = -0.0;
  const double greatest = 0.0;
  assert_bytes(index.pages[0].min_value, &least, sizeof least);
  assert_bytes(index.pages[0].max_value, &greatest, sizeof greatest);
  close_fixture(&f);
}

static void long_bounds_are_cut_and_rounded(void **state) {
  (void)state;
  struct fixture f;
  uint8_t bytes[100];
  open_fixture(&f, LH_TYPE_BINARY);
  memset(bytes, 'a', sizeof bytes);
  for (int i = 0; i < 2 * PAGE_ROWS; i++) {
    bytes[0] = (uint8_t)(200 - i);
    push_bytes(&f.batch.columns[0], bytes, sizeof bytes);
  }
  const struct lh_parquet_page_index index = finish(&f);
  assert_int_equal(index.boundary_order, 2);
  assert_int_equal(index.pages[0].min_value.size, 64);
  assert_int_equal(index.pages[0].max_value.size, 64);
  assert_int_equal(index.pages[0].max_value.data[63], 'b');
  assert_int_equal(f.footer->row_groups[0].columns[0].statistics.is_max_exact, 0);
  close_fixture(&f);
}

static void bounds_that_nothing_is_above_are_left_out(void **state) {
  (void)state;
  struct fixture f;
  uint8_t bytes[100];
  open_fixture(&f, LH_TYPE_BINARY);
  memset(bytes, 0xFF, sizeof bytes);
  for (int i = 0; i < 2 * PAGE_ROWS; i++) {
    push_bytes(&f.batch.columns[0], bytes, i < PAGE_ROWS ? 3 : sizeof bytes);
  }
  const struct lh_parquet_page_index index = finish(&f);
  assert_int_equal(index.page_count, 2);
  assert_false(index.has_bounds);
  close_fixture(&f);
}

/* The statistics of a chunk are those of its pages together, whichever way each was encoded. */
static void the_chunk_has_the_bounds_of_all_its_pages(void **state) {
  (void)state;
  struct fixture f;
  char text[32];
  open_fixture(&f, LH_TYPE_STRING);
  f.options.dictionary_bytes = 600;
  for (int i = 0; i < 20 * PAGE_ROWS; i++) {
    const int number = i < 10 * PAGE_ROWS ? 500 + i % 7 : i * 37 % 1000;
    push_bytes(&f.batch.columns[0], text, (size_t)snprintf(text, sizeof text, "%04d", number));
  }
  const struct lh_parquet_page_index index = finish(&f);
  const struct lh_parquet_column_chunk *const chunk = &f.footer->row_groups[0].columns[0];
  assert_true(chunk->dictionary_page_offset > 0);
  assert_int_equal(chunk->statistics.distinct_count, -1);
  struct lh_parquet_bytes least = index.pages[0].min_value;
  struct lh_parquet_bytes greatest = index.pages[0].max_value;
  for (size_t i = 1; i < index.page_count; i++) {
    if (memcmp(index.pages[i].min_value.data, least.data, 4) < 0) {
      least = index.pages[i].min_value;
    }
    if (memcmp(index.pages[i].max_value.data, greatest.data, 4) > 0) {
      greatest = index.pages[i].max_value;
    }
  }
  assert_bytes(index.pages[3].min_value, "0500", 4);
  assert_bytes(index.pages[3].max_value, "0506", 4);
  assert_bytes(chunk->statistics.min_value, least.data, least.size);
  assert_bytes(chunk->statistics.max_value, greatest.data, greatest.size);
  close_fixture(&f);
}

static void an_index_that_outgrows_its_memory_ends(void **state) {
  (void)state;
  struct fixture f;
  open_fixture(&f, LH_TYPE_INT32);
  f.options.row_group_rows = 5 * PAGE_ROWS;
  f.options.page_index_bytes = 1000;
  for (int i = 0; i < 40; i++) {
    for (int32_t row = 0; row < 5 * PAGE_ROWS; row++) {
      push_i32(&f.batch.columns[0], row);
    }
    write_batch(&f);
  }
  (void)finish(&f);
  size_t with_index = 0;
  int64_t bytes = 0;
  for (size_t i = 0; i < f.footer->row_group_count; i++) {
    const struct lh_parquet_column_chunk *const chunk = &f.footer->row_groups[i].columns[0];
    assert_true((chunk->offset_index_offset >= 0) == (chunk->column_index_offset >= 0));
    if (chunk->offset_index_offset >= 0) {
      assert_int_equal(with_index, i);
      with_index++;
      bytes += chunk->offset_index_bytes + chunk->column_index_bytes;
    }
  }
  assert_true(with_index >= 3 && with_index <= 10);
  assert_true(bytes >= 1000 && bytes < 1500);
  close_fixture(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pages_of_nulls_alone_have_no_bounds),
      cmocka_unit_test(a_nan_takes_the_bounds_of_its_chunk),
      cmocka_unit_test(nans_of_dictionary_pages_are_counted_by_occurrence),
      cmocka_unit_test(zeros_are_written_with_the_sign_that_covers_both),
      cmocka_unit_test(long_bounds_are_cut_and_rounded),
      cmocka_unit_test(bounds_that_nothing_is_above_are_left_out),
      cmocka_unit_test(the_chunk_has_the_bounds_of_all_its_pages),
      cmocka_unit_test(an_index_that_outgrows_its_memory_ends),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
