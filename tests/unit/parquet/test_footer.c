/* The footer reader: what the writer wrote reads back equal, damage is an error and never more, and
 * numbers become the right words. */
#include "parquet/footer.h"

#include "parquet/writer.h"
#include "support.h"

#define ROWS 600
#define TAIL_BYTES 8

static struct lh_field element = {.name = "element", .type = LH_TYPE_STRING, .nullable = true};
static struct lh_field members[] = {{.name = "a", .type = LH_TYPE_INT32, .nullable = true},
                                    {.name = "b", .type = LH_TYPE_BOOL}};
static struct lh_field pair[] = {{.name = "key", .type = LH_TYPE_STRING},
                                 {.name = "value", .type = LH_TYPE_INT64, .nullable = true}};

static struct lh_field fields[] = {
    {.name = "id", .type = LH_TYPE_INT64},
    {.name = "small", .type = LH_TYPE_INT8, .nullable = true},
    {.name = "price", .type = LH_TYPE_DECIMAL, .nullable = true, .precision = 12, .scale = 2},
    {.name = "wide", .type = LH_TYPE_DECIMAL, .precision = 30, .scale = 4},
    {.name = "at", .type = LH_TYPE_TIMESTAMP, .utc = true},
    {.name = "day", .type = LH_TYPE_DATE},
    {.name = "clock", .type = LH_TYPE_TIME},
    {.name = "uuid", .type = LH_TYPE_UUID},
    {.name = "texts", .type = LH_TYPE_LIST, .nullable = true, .children = &element, .child_count = 1},
    {.name = "pair", .type = LH_TYPE_STRUCT, .nullable = true, .children = members, .child_count = 2},
    {.name = "map", .type = LH_TYPE_MAP, .nullable = true, .children = pair, .child_count = 2},
};
#define FIELD_COUNT (sizeof fields / sizeof fields[0])

static void push_row(struct lh_column *columns, int32_t row) {
  struct lh_error err;
  const lh_int128 wide = (lh_int128)row * 1000000007 * 1000000007;
  const uint8_t uuid[16] = {(uint8_t)row};
  const uint8_t yes = 1;
  push_i64(&columns[0], row);
  push_i32(&columns[1], row % 100 - 50);
  if (row % 4 == 0) {
    push_null(&columns[2]);
  } else {
    push_i64(&columns[2], row * 10 - 1005);
  }
  assert_ok(lh_column_append_fixed(&columns[3], &wide, &err));
  push_i64(&columns[4], INT64_C(1700000000000000) + row);
  push_i32(&columns[5], 19723 + row);
  push_i64(&columns[6], row * INT64_C(1000000));
  assert_ok(lh_column_append_fixed(&columns[7], uuid, &err));
  push_text(&columns[8].children[0], "say \"hi\"");
  push_null(&columns[8].children[0]);
  close_list(&columns[8]);
  push_i32(&columns[9].children[0], row);
  assert_ok(lh_column_append_fixed(&columns[9].children[1], &yes, &err));
  close_struct(&columns[9]);
  push_text(&columns[10].children[0], "k");
  push_i64(&columns[10].children[1], row);
  close_list(&columns[10]);
}

static void write_file(struct memory_sink *sink) {
  struct lh_error err;
  static const struct lh_key_value metadata[] = {{"source", "public.orders"}, {"note", ""}};
  const struct lh_schema schema = {fields, FIELD_COUNT};
  struct lh_parquet_writer_options options;
  struct lh_parquet_writer *writer = NULL;
  struct lh_batch batch;
  lh_parquet_writer_options_default(&options);
  options.uuid_as_string = false;
  options.time_as_string = false;
  options.row_group_rows = 400;
  options.metadata = metadata;
  options.metadata_count = 2;
  memory_sink_init(sink);
  assert_ok(lh_batch_init(&batch, &schema, ROWS, &err));
  assert_ok(lh_parquet_writer_new(&schema, &options, &sink->sink, &writer, &err));
  for (int32_t row = 0; row < ROWS; row++) {
    push_row(batch.columns, row);
  }
  batch.row_count = ROWS;
  assert_ok(lh_parquet_writer_write(writer, &batch, &err));
  assert_ok(lh_parquet_writer_finish(writer, &err));
  lh_parquet_writer_free(writer);
  lh_batch_clear(&batch);
}

struct read_file {
  struct memory_sink sink;
  struct lh_arena arena;
  struct lh_parquet_footer *footer;
};

static void open_file(struct read_file *file) {
  struct lh_error err;
  struct memory_source source;
  write_file(&file->sink);
  lh_arena_init(&file->arena, 0);
  memory_source_init(&source, file->sink.bytes.data, file->sink.bytes.len);
  assert_ok(lh_parquet_footer_read(&source.source, &file->arena, &file->footer, &err));
}

static void close_file(struct read_file *file) {
  lh_arena_clear(&file->arena);
  lh_buf_clear(&file->sink.bytes);
}

static void counts_and_metadata_read_back(void **state) {
  (void)state;
  struct read_file file;
  open_file(&file);
  const struct lh_parquet_footer *const footer = file.footer;
  assert_int_equal(footer->version, 1);
  assert_int_equal(footer->num_rows, ROWS);
  assert_int_equal(footer->row_group_count, 2);
  assert_int_equal(footer->row_groups[0].num_rows, 400);
  assert_int_equal(footer->row_groups[1].num_rows, 200);
  assert_int_equal(footer->metadata_count, 2);
  assert_string_equal(footer->metadata[0].key, "source");
  assert_string_equal(footer->metadata[0].value, "public.orders");
  assert_string_equal(footer->metadata[1].value, "");
  assert_int_equal(footer->column_order_count, footer->row_groups[0].column_count);
  assert_int_equal(strncmp(footer->created_by, "lakehaul version ", 17), 0);
  assert_int_equal(footer->file_bytes, file.sink.bytes.len);
  close_file(&file);
}

static const struct lh_parquet_schema_element *find(const struct read_file *file, const char *name) {
  for (size_t i = 0; i < file->footer->schema_count; i++) {
    if (strcmp(file->footer->schema[i].name, name) == 0) {
      return &file->footer->schema[i];
    }
  }
  fail_msg("the schema has no \"%s\"", name);
  return NULL;
}

static void assert_element(struct read_file *file, const char *name, const char *type, const char *repetition,
                           const char *logical) {
  const struct lh_parquet_schema_element *const found = find(file, name);
  assert_string_equal(lh_parquet_type_name(found->type), type);
  assert_string_equal(lh_parquet_repetition_name(found->repetition), repetition);
  assert_string_equal(lh_parquet_logical_name(found, &file->arena), logical);
}

static void the_schema_reads_back_in_words(void **state) {
  (void)state;
  struct read_file file;
  open_file(&file);
  assert_element(&file, "id", "INT64", "REQUIRED", "");
  assert_element(&file, "small", "INT32", "OPTIONAL", "INT(8,true)");
  assert_element(&file, "price", "INT64", "OPTIONAL", "DECIMAL(12,2)");
  assert_element(&file, "wide", "FIXED_LEN_BYTE_ARRAY", "REQUIRED", "DECIMAL(30,4)");
  assert_int_equal(find(&file, "wide")->type_length, 13);
  assert_element(&file, "at", "INT64", "REQUIRED", "TIMESTAMP(MICROS,true)");
  assert_element(&file, "day", "INT32", "REQUIRED", "DATE");
  assert_element(&file, "clock", "INT64", "REQUIRED", "TIME(MICROS,false)");
  assert_element(&file, "uuid", "FIXED_LEN_BYTE_ARRAY", "REQUIRED", "UUID");
  assert_element(&file, "texts", "?", "OPTIONAL", "LIST");
  assert_element(&file, "list", "?", "REPEATED", "");
  assert_element(&file, "element", "BYTE_ARRAY", "OPTIONAL", "STRING");
  assert_element(&file, "map", "?", "OPTIONAL", "MAP");
  assert_element(&file, "key", "BYTE_ARRAY", "REQUIRED", "STRING");
  assert_int_equal(find(&file, "pair")->child_count, 2);
  close_file(&file);
}

static const struct lh_parquet_column_chunk *find_chunk(const struct read_file *file, const char *path) {
  const struct lh_parquet_row_group *const group = &file->footer->row_groups[0];
  for (size_t i = 0; i < group->column_count; i++) {
    if (strcmp(group->columns[i].path, path) == 0) {
      return &group->columns[i];
    }
  }
  fail_msg("there is no chunk of \"%s\"", path);
  return NULL;
}

static void assert_values(struct read_file *file, const char *path, const char *min, const char *max) {
  const struct lh_parquet_column_chunk *const chunk = find_chunk(file, path);
  const struct lh_parquet_schema_element *const leaf = &file->footer->schema[chunk->schema_index];
  assert_string_equal(lh_parquet_format_value(leaf, chunk->statistics.min_value, &file->arena), min);
  assert_string_equal(lh_parquet_format_value(leaf, chunk->statistics.max_value, &file->arena), max);
  assert_int_equal(chunk->statistics.is_min_exact, 1);
}

static void statistics_read_back_in_words(void **state) {
  (void)state;
  struct read_file file;
  open_file(&file);
  assert_values(&file, "id", "0", "399");
  assert_values(&file, "small", "-50", "49");
  assert_values(&file, "price", "-9.95", "29.85");
  assert_values(&file, "wide", "0.0000", "39900000558600001.9551");
  assert_values(&file, "at", "2023-11-14 22:13:20Z", "2023-11-14 22:13:20.000399Z");
  assert_values(&file, "day", "2024-01-01", "2025-02-03");
  assert_values(&file, "clock", "00:00:00", "00:06:39");
  assert_values(&file, "uuid", "00000000-0000-0000-0000-000000000000",
                "ff000000-0000-0000-0000-000000000000");
  assert_values(&file, "texts.list.element", "\"say \\\"hi\\\"\"", "\"say \\\"hi\\\"\"");
  assert_values(&file, "pair.b", "true", "true");
  assert_int_equal(find_chunk(&file, "price")->statistics.null_count, 100);
  assert_int_equal(find_chunk(&file, "texts.list.element")->statistics.null_count, 400);
  assert_int_equal(find_chunk(&file, "texts.list.element")->num_values, 800);
  assert_string_equal(lh_parquet_codec_name(find_chunk(&file, "id")->codec), "ZSTD");
  close_file(&file);
}

static lh_status read_copy(const uint8_t *bytes, size_t size, struct lh_error *err) {
  uint8_t *const exact = malloc(size + 1); /* so that AddressSanitizer sees a read past the end */
  assert_non_null(exact);
  memcpy(exact + 1, bytes, size);
  struct memory_source source;
  struct lh_arena arena;
  struct lh_parquet_footer *footer = NULL;
  lh_arena_init(&arena, 0);
  memory_source_init(&source, exact + 1, size);
  const lh_status status = lh_parquet_footer_read(&source.source, &arena, &footer, err);
  if (status == LH_OK) {
    for (size_t i = 0; i < footer->schema_count; i++) {
      assert_non_null(lh_parquet_logical_name(&footer->schema[i], &arena));
    }
    for (size_t i = 0; i < footer->row_group_count; i++) {
      for (size_t j = 0; j < footer->row_groups[i].column_count; j++) {
        const struct lh_parquet_column_chunk *const chunk = &footer->row_groups[i].columns[j];
        const struct lh_parquet_schema_element *const leaf = &footer->schema[chunk->schema_index];
        assert_non_null(lh_parquet_format_value(leaf, chunk->statistics.min_value, &arena));
        assert_non_null(lh_parquet_format_value(leaf, chunk->statistics.max_value, &arena));
      }
    }
  }
  lh_arena_clear(&arena);
  free(exact);
  return status;
}

static void a_file_cut_anywhere_is_corrupt(void **state) {
  (void)state;
  struct lh_error err;
  struct read_file file;
  open_file(&file);
  for (size_t size = 0; size < file.sink.bytes.len; size++) {
    assert_int_equal(read_copy(file.sink.bytes.data, size, &err), LH_ERROR_CORRUPT);
    assert_non_null(strstr(err.message, "memory.parquet"));
  }
  close_file(&file);
}

/* The footer shortened within a file that is otherwise whole: its length says so, too. */
static void every_prefix_of_a_footer_is_corrupt(void **state) {
  (void)state;
  struct lh_error err;
  struct read_file file;
  open_file(&file);
  const size_t data_bytes = file.sink.bytes.len - TAIL_BYTES - file.footer->footer_bytes;
  uint8_t *const copy = malloc(file.sink.bytes.len);
  assert_non_null(copy);
  for (uint32_t size = 0; size < file.footer->footer_bytes; size++) {
    memcpy(copy, file.sink.bytes.data, data_bytes + size);
    memcpy(copy + data_bytes + size, &size, sizeof size);
    memcpy(copy + data_bytes + size + sizeof size, "PAR1", 4);
    assert_int_equal(read_copy(copy, data_bytes + size + TAIL_BYTES, &err), LH_ERROR_CORRUPT);
  }
  free(copy);
  close_file(&file);
}

static void flipped_bits_of_a_footer_never_crash(void **state) {
  (void)state;
  struct lh_error err;
  struct read_file file;
  open_file(&file);
  const size_t begin = file.sink.bytes.len - TAIL_BYTES - file.footer->footer_bytes;
  const size_t small = begin > 16 ? 16 : begin; /* the data is not looked at: leave most of it out */
  const size_t size = file.sink.bytes.len - begin + small;
  uint8_t *const bytes = file.sink.bytes.data + begin - small;
  for (size_t bit = small * 8; bit < size * 8; bit++) {
    bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    (void)!read_copy(file.sink.bytes.data, file.sink.bytes.len, &err);
    bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
  }
  close_file(&file);
}

static void other_files_are_told_from_parquet(void **state) {
  (void)state;
  struct lh_error err;
  assert_int_equal(read_copy((const uint8_t *)"", 0, &err), LH_ERROR_CORRUPT);
  assert_string_equal(err.message, "memory.parquet is not a readable Parquet file: it is too short");
  assert_int_equal(read_copy((const uint8_t *)"id,name\n1,one\n2,two\n", 20, &err), LH_ERROR_CORRUPT);
  assert_string_equal(err.message,
                      "memory.parquet is not a readable Parquet file: it does not end with PAR1");
  assert_int_equal(read_copy((const uint8_t *)"PAR1....\xFF\xFF\xFF\xFFPAR1", 16, &err), LH_ERROR_CORRUPT);
  assert_int_equal(read_copy((const uint8_t *)"PAR1\0\1\0\0\0PARE", 13, &err), LH_ERROR_UNSUPPORTED);
}

/* A footer of a few bytes that promises a hundred million row groups gets no memory for them. */
static void a_promise_of_many_row_groups_allocates_little(void **state) {
  (void)state;
  struct lh_error err;
  static const uint8_t bytes[] = {'P',  'A',  'R',  '1',  0x15, 0x02, 0x29, 0xFC, 0x80, 0xC2, 0xD7,
                                  0x2F, 0x00, 0x09, 0x00, 0x00, 0x00, 'P',  'A',  'R',  '1'};
  assert_int_equal(read_copy(bytes, sizeof bytes, &err), LH_ERROR_CORRUPT);
}

static void assert_formatted(struct lh_parquet_schema_element leaf, const void *bytes, size_t size,
                             const char *expected) {
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  const struct lh_parquet_bytes value = {bytes, size};
  assert_string_equal(lh_parquet_format_value(&leaf, value, &arena), expected);
  lh_arena_clear(&arena);
}

static void values_of_other_writers_are_formatted_too(void **state) {
  (void)state;
  const struct lh_parquet_schema_element absent = {
      .type = 1, .converted_type = -1, .logical_type = -1, .scale = -1, .logical_unit = -1};
  struct lh_parquet_schema_element leaf = absent;
  const int32_t minus = -1;
  assert_formatted(leaf, &minus, 4, "-1");
  leaf.converted_type = 13; /* UINT_32 */
  assert_formatted(leaf, &minus, 4, "4294967295");
  leaf.converted_type = 6;
  assert_formatted(leaf, &minus, 4, "1969-12-31");
  leaf.converted_type = 5;
  leaf.scale = 3;
  assert_formatted(leaf, &minus, 4, "-0.001");
  leaf.scale = 2000000000;
  assert_formatted(leaf, &minus, 4, "-1");
  leaf = absent;
  leaf.type = 2;
  leaf.converted_type = 9; /* TIMESTAMP_MILLIS */
  const int64_t millis = -1;
  assert_formatted(leaf, &millis, 8, "1969-12-31 23:59:59.999");
  leaf = absent;
  leaf.type = 5;
  const double tenth = 0.1;
  assert_formatted(leaf, &tenth, 8, "0.1");
  assert_formatted(leaf, &tenth, 3, "0x9a9999");
  leaf.type = 4;
  const float third = 1.0F / 3;
  assert_formatted(leaf, &third, 4, "0.33333334");
  leaf.type = 6;
  assert_formatted(leaf, "\x01\xFF", 2, "0x01ff");
  leaf.converted_type = 0;
  assert_formatted(leaf, "a\nb", 3, "\"a\\x0ab\"");
  assert_formatted(leaf, "\xFF", 1, "0xff");
  leaf.converted_type = 5;
  leaf.scale = 2;
  assert_formatted(leaf, "\xFF\x00", 2, "-2.56");
  assert_formatted(leaf, NULL, 0, "");
}

static void unknown_numbers_are_question_marks(void **state) {
  (void)state;
  assert_string_equal(lh_parquet_type_name(8), "?");
  assert_string_equal(lh_parquet_type_name(-1), "?");
  assert_string_equal(lh_parquet_encoding_name(1), "?");
  assert_string_equal(lh_parquet_encoding_name(8), "RLE_DICTIONARY");
  assert_string_equal(lh_parquet_codec_name(0), "UNCOMPRESSED");
  assert_string_equal(lh_parquet_codec_name(99), "?");
  assert_string_equal(lh_parquet_repetition_name(3), "?");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counts_and_metadata_read_back),
      cmocka_unit_test(the_schema_reads_back_in_words),
      cmocka_unit_test(statistics_read_back_in_words),
      cmocka_unit_test(a_file_cut_anywhere_is_corrupt),
      cmocka_unit_test(every_prefix_of_a_footer_is_corrupt),
      cmocka_unit_test(flipped_bits_of_a_footer_never_crash),
      cmocka_unit_test(other_files_are_told_from_parquet),
      cmocka_unit_test(a_promise_of_many_row_groups_allocates_little),
      cmocka_unit_test(values_of_other_writers_are_formatted_too),
      cmocka_unit_test(unknown_numbers_are_question_marks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
