/*
 * parquet_samples DIRECTORY: writes files of every type, nesting, codec and option, with values that a
 * formula gives, so that other programs can compute them too (tests/integration/test_parquet_writer.py).
 * parquet_samples --measure ROWS CODEC FILE: writes a table like TPC-H's lineitem and prints the speed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "column/batch.h"
#include "parquet/encode.h"
#include "parquet/writer.h"

#define FLAT_ROWS 30000
#define NESTED_ROWS 20000
#define BATCH_ROWS 4096
#define EDGE_ROWS 4
#define WIDE_ROWS 300000

/* Writes to a file descriptor; what a sample needs of a sink. */
struct file_sink {
  struct lh_sink sink;
  int fd;
};

static lh_status file_write(struct lh_sink *sink, const void *bytes, size_t size, struct lh_error *err) {
  const int fd = ((struct file_sink *)sink)->fd;
  const uint8_t *at = bytes;
  while (size > 0) {
    const ssize_t written = write(fd, at, size);
    if (written < 0) {
      return lh_error_set(err, LH_ERROR_LAKE, "cannot write: %s", strerror(errno));
    }
    at += written;
    size -= (size_t)written;
  }
  return LH_OK;
}

static const struct lh_sink_ops file_ops = {.write = file_write};

static void open_sink(struct file_sink *file, const char *path) {
  *file = (struct file_sink){.sink = {.ops = &file_ops}};
  file->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file->fd < 0) {
    fprintf(stderr, "parquet_samples: cannot create %s: %s\n", path, strerror(errno));
    exit(1);
  }
}

static void check(lh_status status, const struct lh_error *err) {
  if (status != LH_OK) {
    fprintf(stderr, "parquet_samples: %s\n", err->message);
    exit(1);
  }
}

/* The formula: an even mix of row and salt. */
static uint32_t mix(uint64_t row, uint32_t salt) {
  uint32_t x = (uint32_t)row * 0x9E3779B1U + salt * 0x85EBCA6BU;
  x ^= x >> 15;
  x *= 0x2C1B3C6DU;
  x ^= x >> 12;
  x *= 0x297A2D39U;
  x ^= x >> 15;
  return x;
}

static void append_fixed(struct lh_column *column, const void *value) {
  struct lh_error err;
  check(lh_column_append_fixed(column, value, &err), &err);
}

static void append_i32(struct lh_column *column, int32_t value) {
  append_fixed(column, &value);
}

static void append_i64(struct lh_column *column, int64_t value) {
  append_fixed(column, &value);
}

static void append_text(struct lh_column *column, const char *text, size_t size) {
  struct lh_error err;
  check(lh_column_append_bytes(column, text, size, &err), &err);
}

static lh_int128 power_of_ten(int exponent) {
  lh_int128 power = 1;
  while (exponent-- > 0) {
    power *= 10;
  }
  return power;
}

static void append_decimal(struct lh_column *column, uint64_t row, uint32_t salt) {
  const int precision = column->field->precision;
  const lh_int128 most = power_of_ten(precision) - 1;
  const lh_int128 big = ((lh_int128)mix(row, salt + 1) << 64) + ((lh_int128)mix(row, salt + 2) << 32) +
                        (lh_int128)mix(row, salt + 3);
  lh_int128 value = row == 0 ? most : row == 1 ? -most : big * (precision > 18 ? 1000000007 : 1) % (most + 1);
  if (row > 1 && mix(row, salt) % 2 == 1) {
    value = -value;
  }
  if (column->width == sizeof value) {
    append_fixed(column, &value);
  } else if (column->width == sizeof(int64_t)) {
    append_i64(column, (int64_t)value);
  } else {
    append_i32(column, (int32_t)value);
  }
}

static void append_string(struct lh_column *column, uint64_t row, uint32_t salt) {
  char text[256];
  const uint32_t m = mix(row, salt);
  int size = 0;
  if (m % 10 == 0) {
    size = 0;
  } else if (m % 10 == 1) {
    size = snprintf(text, sizeof text, "%s", "gr\xC3\xBC\xC3\x9F \xF0\x9F\x9A\x9A");
  } else if (m % 10 == 2) {
    size = snprintf(text, sizeof text, "%0120" PRIu32, m);
  } else {
    size = snprintf(text, sizeof text, "word %" PRIu32, m % 50);
  }
  append_text(column, text, (size_t)size);
}

static void append_json(struct lh_column *column, uint64_t row, uint32_t salt) {
  char text[64];
  const int size = snprintf(text, sizeof text, "{\"a\": %" PRIu32 "}", mix(row, salt) % 100000);
  append_text(column, text, (size_t)size);
}

static void append_binary(struct lh_column *column, uint64_t row, uint32_t salt) {
  uint8_t bytes[16];
  const uint32_t m = mix(row, salt);
  for (uint32_t i = 0; i < m % 16; i++) {
    bytes[i] = (uint8_t)(m >> (i % 24));
  }
  append_text(column, (const char *)bytes, m % 16);
}

static void append_uuid(struct lh_column *column, uint64_t row, uint32_t salt) {
  uint8_t bytes[16];
  /* Rows of the flat table repeat; below lists, keys of a map have to differ. */
  const uint64_t key = row < FLAT_ROWS ? row % 5000 : row;
  for (uint32_t i = 0; i < 16; i++) {
    bytes[i] = (uint8_t)mix(key, salt + i);
  }
  append_fixed(column, bytes);
}

static void append_time(struct lh_column *column, uint64_t row, uint32_t salt) {
  const int64_t day = INT64_C(86400000000);
  const uint32_t m = mix(row, salt);
  /* 24:00:00 is a time of PostgreSQL, but no reader has it as a number. */
  const int64_t edge = column->field->source_type != NULL ? day : day - 1;
  append_i64(column, row == 0     ? edge
                     : row == 1   ? 0
                     : m % 3 == 0 ? (int64_t)(m % 86400) * 1000000
                                  : (int64_t)(m % 86400) * 1000000 + (int64_t)(mix(row, salt + 9) % 1000000));
}

static void append_timestamp(struct lh_column *column, uint64_t row, uint32_t salt) {
  const int64_t seconds = (int64_t)mix(row, salt) - INT64_C(2147483648);
  const int64_t fraction = (int64_t)(mix(row, salt + 1) % 1000000);
  const int64_t micros = seconds * 1000000 + fraction;
  append_i64(column, column->field->unit == LH_UNIT_NANOS ? micros * 1000 + 7 : micros);
}

static void append_float(struct lh_column *column, uint64_t row, uint32_t salt) {
  const float value = row == 0 ? -0.0F : (float)(int32_t)mix(row, salt) / 1024.0F;
  append_fixed(column, &value);
}

static void append_double(struct lh_column *column, uint64_t row, uint32_t salt) {
  const double value = row == 0 ? 0.0 : (double)(int32_t)mix(row, salt) / 8.0 + 0.25;
  append_fixed(column, &value);
}

static void append_leaf(struct lh_column *column, uint64_t row, uint32_t salt) {
  const uint32_t m = mix(row, salt);
  const uint8_t bit = m & 1;
  switch (column->field->type) {
    case LH_TYPE_BOOL:
      append_fixed(column, &bit);
      return;
    case LH_TYPE_INT8:
      append_i32(column, (int32_t)(m % 256) - 128);
      return;
    case LH_TYPE_INT16:
      append_i32(column, (int32_t)(m % 65536) - 32768);
      return;
    case LH_TYPE_INT32:
      append_i32(column, row == 0 ? INT32_MIN : row == 1 ? INT32_MAX : (int32_t)(m % 70000) - 35000);
      return;
    case LH_TYPE_INT64:
      append_i64(column, row == 0 ? INT64_MIN
                         : row == 1
                             ? INT64_MAX
                             : (int64_t)(int32_t)m * INT64_C(2147483648) + (int64_t)mix(row, salt + 1));
      return;
    case LH_TYPE_FLOAT:
      append_float(column, row, salt);
      return;
    case LH_TYPE_DOUBLE:
      append_double(column, row, salt);
      return;
    case LH_TYPE_DECIMAL:
      append_decimal(column, row, salt);
      return;
    case LH_TYPE_STRING:
      append_string(column, row, salt);
      return;
    case LH_TYPE_JSON:
      append_json(column, row, salt);
      return;
    case LH_TYPE_BINARY:
      append_binary(column, row, salt);
      return;
    case LH_TYPE_UUID:
      append_uuid(column, row, salt);
      return;
    case LH_TYPE_DATE:
      append_i32(column, (int32_t)(m % 60000) - 30000);
      return;
    case LH_TYPE_TIME:
      append_time(column, row, salt);
      return;
    case LH_TYPE_TIMESTAMP:
      append_timestamp(column, row, salt);
      return;
    case LH_TYPE_LIST:
    case LH_TYPE_STRUCT:
    case LH_TYPE_MAP:
    default:
      abort();
  }
}

static void append_null(struct lh_column *column) {
  struct lh_error err;
  check(lh_column_append_null(column, &err), &err);
}

/* `key` tells the value from others of its row: children hash their parent's key with their place. */
static void append_value(struct lh_column *column, uint64_t key, uint32_t salt) {
  struct lh_error err;
  const struct lh_field *const field = column->field;
  if (field->nullable && key >= EDGE_ROWS && mix(key, salt + 100) % 5 == 0) {
    append_null(column);
    return;
  }
  if (!lh_type_is_nested(field->type)) {
    append_leaf(column, key, salt);
    return;
  }
  if (field->type == LH_TYPE_STRUCT) {
    for (uint32_t i = 0; i < column->child_count; i++) {
      append_value(&column->children[i], mix(key, salt + 200 + i), salt + 1 + i);
    }
    check(lh_column_append_struct(column, &err), &err);
    return;
  }
  const uint32_t length = mix(key, salt + 300) % 4;
  for (uint32_t i = 0; i < length; i++) {
    for (uint32_t child = 0; child < column->child_count; child++) {
      append_value(&column->children[child], mix(key, salt + 400 + i * 7 + child), salt + 1 + child);
    }
  }
  check(lh_column_append_list(column, &err), &err);
}

static struct lh_field flat_fields[] = {
    {.name = "c_bool", .type = LH_TYPE_BOOL},
    {.name = "c_time", .type = LH_TYPE_TIME}, /* with a source type: holds 24:00:00 */
    {.name = "c_int8", .type = LH_TYPE_INT8},
    {.name = "c_int16", .type = LH_TYPE_INT16},
    {.name = "c_int32", .type = LH_TYPE_INT32},
    {.name = "c_int64", .type = LH_TYPE_INT64},
    {.name = "c_float", .type = LH_TYPE_FLOAT},
    {.name = "c_double", .type = LH_TYPE_DOUBLE},
    {.name = "c_dec9", .type = LH_TYPE_DECIMAL, .precision = 9, .scale = 2},
    {.name = "c_dec18", .type = LH_TYPE_DECIMAL, .precision = 18, .scale = 0},
    {.name = "c_dec19", .type = LH_TYPE_DECIMAL, .precision = 19, .scale = 19},
    {.name = "c_dec38", .type = LH_TYPE_DECIMAL, .precision = 38, .scale = 10},
    {.name = "c_string", .type = LH_TYPE_STRING},
    {.name = "c_json", .type = LH_TYPE_JSON},
    {.name = "c_binary", .type = LH_TYPE_BINARY},
    {.name = "c_uuid", .type = LH_TYPE_UUID},
    {.name = "c_date", .type = LH_TYPE_DATE},
    {.name = "c_timestamp", .type = LH_TYPE_TIMESTAMP},
    {.name = "c_timestamptz", .type = LH_TYPE_TIMESTAMP, .utc = true},
    {.name = "c_nanos", .type = LH_TYPE_TIMESTAMP, .unit = LH_UNIT_NANOS},
    {.name = "c_time2", .type = LH_TYPE_TIME},
};
#define FLAT_COUNT (sizeof flat_fields / sizeof flat_fields[0])

static struct lh_field list_of_int[] = {{.name = "element", .type = LH_TYPE_INT32, .nullable = true}};
static struct lh_field list_of_text[] = {{.name = "item", .type = LH_TYPE_STRING, .nullable = true}};
static struct lh_field list_required[] = {{.name = "element", .type = LH_TYPE_INT64}};
static struct lh_field list_of_list[] = {
    {.name = "element", .type = LH_TYPE_LIST, .nullable = true, .children = list_of_int, .child_count = 1}};
static struct lh_field struct_members[] = {
    {.name = "a", .type = LH_TYPE_INT32, .nullable = true},
    {.name = "b", .type = LH_TYPE_STRING, .nullable = true},
    {.name = "c", .type = LH_TYPE_LIST, .nullable = true, .children = list_of_text, .child_count = 1},
};
static struct lh_field list_of_struct[] = {{.name = "element",
                                            .type = LH_TYPE_STRUCT,
                                            .nullable = true,
                                            .children = struct_members,
                                            .child_count = 3}};
static struct lh_field map_members[] = {{.name = "key", .type = LH_TYPE_UUID},
                                        {.name = "value", .type = LH_TYPE_DOUBLE, .nullable = true}};
static struct lh_field map_of_list[] = {
    {.name = "key", .type = LH_TYPE_UUID},
    {.name = "value", .type = LH_TYPE_LIST, .nullable = true, .children = list_of_text, .child_count = 1}};
static struct lh_field outer_members[] = {
    {.name = "inner", .type = LH_TYPE_STRUCT, .nullable = true, .children = struct_members, .child_count = 3},
    {.name = "d", .type = LH_TYPE_DATE, .nullable = true},
};

static struct lh_field nested_fields[] = {
    {.name = "ints", .type = LH_TYPE_LIST, .nullable = true, .children = list_of_int, .child_count = 1},
    {.name = "texts", .type = LH_TYPE_LIST, .nullable = true, .children = list_of_text, .child_count = 1},
    {.name = "required", .type = LH_TYPE_LIST, .children = list_required, .child_count = 1},
    {.name = "lists", .type = LH_TYPE_LIST, .nullable = true, .children = list_of_list, .child_count = 1},
    {.name = "record",
     .type = LH_TYPE_STRUCT,
     .nullable = true,
     .children = struct_members,
     .child_count = 3},
    {.name = "records", .type = LH_TYPE_LIST, .nullable = true, .children = list_of_struct, .child_count = 1},
    {.name = "map", .type = LH_TYPE_MAP, .nullable = true, .children = map_members, .child_count = 2},
    {.name = "maps", .type = LH_TYPE_MAP, .nullable = true, .children = map_of_list, .child_count = 2},
    {.name = "outer", .type = LH_TYPE_STRUCT, .nullable = true, .children = outer_members, .child_count = 2},
    {.name = "solid", .type = LH_TYPE_STRUCT, .children = outer_members, .child_count = 2},
};
#define NESTED_COUNT (sizeof nested_fields / sizeof nested_fields[0])

static void write_file(const char *path, const struct lh_schema *schema,
                       const struct lh_parquet_writer_options *options, uint64_t rows) {
  struct lh_error err;
  struct file_sink file;
  open_sink(&file, path);
  struct lh_batch batch;
  struct lh_parquet_writer *writer = NULL;
  check(lh_batch_init(&batch, schema, BATCH_ROWS, &err), &err);
  check(lh_parquet_writer_new(schema, options, &file.sink, &writer, &err), &err);
  for (uint64_t row = 0; row < rows;) {
    lh_batch_reset(&batch);
    for (; row < rows && batch.row_count < BATCH_ROWS; row++, batch.row_count++) {
      for (uint32_t i = 0; i < batch.column_count; i++) {
        append_value(&batch.columns[i], row, i);
      }
    }
    check(lh_parquet_writer_write(writer, &batch, &err), &err);
  }
  check(lh_parquet_writer_finish(writer, &err), &err);
  lh_parquet_writer_free(writer);
  lh_batch_clear(&batch);
  close(file.fd);
}

static void set_nullable(bool nullable) {
  for (size_t i = 0; i < FLAT_COUNT; i++) {
    flat_fields[i].nullable = nullable;
  }
}

struct sample {
  const char *name;
  bool nested, required, native_types, no_dictionary, default_limits, empty;
  enum lh_codec codec;
  enum lh_encoding encoding; /* of all columns whose type takes it */
  enum lh_parquet_encoding parquet_encoding;
};

#define ENCODED(word, setting, number)                                               \
  {                                                                                  \
    .name = "flat_" word, .codec = LH_CODEC_ZSTD, .encoding = LH_ENCODING_##setting, \
    .parquet_encoding = LH_PARQUET_##number                                          \
  }

static const struct sample samples[] = {
    {.name = "flat_zstd", .codec = LH_CODEC_ZSTD},
    {.name = "flat_snappy", .codec = LH_CODEC_SNAPPY},
    {.name = "flat_gzip", .codec = LH_CODEC_GZIP},
    {.name = "flat_lz4_raw", .codec = LH_CODEC_LZ4_RAW},
    {.name = "flat_none", .codec = LH_CODEC_NONE},
    {.name = "flat_required", .required = true, .codec = LH_CODEC_ZSTD},
    {.name = "flat_native", .native_types = true, .codec = LH_CODEC_ZSTD},
    {.name = "flat_plain", .no_dictionary = true, .codec = LH_CODEC_ZSTD},
    {.name = "flat_default", .default_limits = true, .codec = LH_CODEC_ZSTD},
    ENCODED("dictionary", DICTIONARY, RLE_DICTIONARY),
    ENCODED("delta_binary_packed", DELTA_BINARY_PACKED, DELTA_BINARY_PACKED),
    ENCODED("delta_length_byte_array", DELTA_LENGTH_BYTE_ARRAY, DELTA_LENGTH_BYTE_ARRAY),
    ENCODED("delta_byte_array", DELTA_BYTE_ARRAY, DELTA_BYTE_ARRAY),
    ENCODED("byte_stream_split", BYTE_STREAM_SPLIT, BYTE_STREAM_SPLIT),
    ENCODED("rle", RLE, RLE),
    {.name = "flat_native_delta_byte_array",
     .native_types = true,
     .codec = LH_CODEC_NONE,
     .encoding = LH_ENCODING_DELTA_BYTE_ARRAY,
     .parquet_encoding = LH_PARQUET_DELTA_BYTE_ARRAY},
    {.name = "flat_empty", .empty = true, .codec = LH_CODEC_ZSTD},
    {.name = "nested_zstd", .nested = true, .codec = LH_CODEC_ZSTD},
    {.name = "nested_plain", .nested = true, .no_dictionary = true, .codec = LH_CODEC_NONE},
    {.name = "nested_default", .nested = true, .default_limits = true, .codec = LH_CODEC_SNAPPY},
    {.name = "nested_empty", .nested = true, .empty = true, .codec = LH_CODEC_ZSTD},
};

static void set_encodings(const struct sample *sample, const struct lh_parquet_writer_options *options,
                          struct lh_parquet_column_options *columns) {
  for (size_t i = 0; i < FLAT_COUNT; i++) {
    struct lh_error err;
    struct lh_leaf leaf = {.field = &flat_fields[i]};
    check(lh_leaf_set_type(&leaf, options, &err), &err);
    columns[i] = (struct lh_parquet_column_options){0};
    if (sample->encoding != LH_ENCODING_AUTO && lh_encoding_takes(sample->parquet_encoding, &leaf)) {
      columns[i].encoding = sample->encoding;
    }
  }
}

static void write_sample(const char *directory, const struct sample *sample) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s.parquet", directory, sample->name);
  struct lh_parquet_writer_options options;
  lh_parquet_writer_options_default(&options);
  options.codec = sample->codec;
  options.uuid_as_string = !sample->native_types;
  options.time_as_string = !sample->native_types;
  if (!sample->default_limits) {
    options.row_group_rows = 7001;
    options.page_rows = 1009;
    options.page_bytes = 16000;
    options.dictionary_bytes = 20000;
  }
  if (sample->no_dictionary) {
    options.dictionary_bytes = 0;
  }
  const struct lh_key_value metadata[] = {{"lakehaul.sample", sample->name}, {"empty", ""}};
  options.metadata = metadata;
  options.metadata_count = 2;
  set_nullable(!sample->required);
  flat_fields[1].source_type = sample->native_types ? NULL : "time";
  struct lh_parquet_column_options columns[FLAT_COUNT];
  if (!sample->nested) {
    set_encodings(sample, &options, columns);
    options.columns = columns;
    options.compat = sample->encoding == LH_ENCODING_BYTE_STREAM_SPLIT ? LH_COMPAT_LATEST : LH_COMPAT_ATHENA;
  }
  const struct lh_schema flat = {flat_fields, FLAT_COUNT};
  const struct lh_schema nested = {nested_fields, NESTED_COUNT};
  const uint64_t rows = sample->empty ? 0 : sample->nested ? NESTED_ROWS : FLAT_ROWS;
  write_file(path, sample->nested ? &nested : &flat, &options, rows);
}

/* A dictionary of so many values that its indices are wider than 16 bits. */
static void write_wide_sample(const char *directory) {
  struct lh_error err;
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/wide_indices.parquet", directory);
  struct lh_parquet_writer_options options;
  lh_parquet_writer_options_default(&options);
  options.page_rows = WIDE_ROWS;
  struct lh_field field = {.name = "n", .type = LH_TYPE_INT32};
  const struct lh_schema schema = {&field, 1};
  const struct lh_parquet_column_options column = {.encoding = LH_ENCODING_DICTIONARY};
  options.columns = &column;
  struct file_sink file;
  struct lh_batch batch;
  struct lh_parquet_writer *writer = NULL;
  open_sink(&file, path);
  check(lh_batch_init(&batch, &schema, WIDE_ROWS, &err), &err);
  check(lh_parquet_writer_new(&schema, &options, &file.sink, &writer, &err), &err);
  for (uint64_t row = 0; row < WIDE_ROWS; row++) {
    append_i32(&batch.columns[0], (int32_t)(row * 7919 % 100000));
  }
  batch.row_count = WIDE_ROWS;
  check(lh_parquet_writer_write(writer, &batch, &err), &err);
  check(lh_parquet_writer_finish(writer, &err), &err);
  lh_parquet_writer_free(writer);
  lh_batch_clear(&batch);
  close(file.fd);
}

static struct lh_field lineitem_fields[] = {
    {.name = "l_orderkey", .type = LH_TYPE_INT32},
    {.name = "l_partkey", .type = LH_TYPE_INT32},
    {.name = "l_suppkey", .type = LH_TYPE_INT32},
    {.name = "l_linenumber", .type = LH_TYPE_INT32},
    {.name = "l_quantity", .type = LH_TYPE_DECIMAL, .precision = 12, .scale = 2},
    {.name = "l_extendedprice", .type = LH_TYPE_DECIMAL, .precision = 12, .scale = 2},
    {.name = "l_discount", .type = LH_TYPE_DECIMAL, .precision = 12, .scale = 2},
    {.name = "l_tax", .type = LH_TYPE_DECIMAL, .precision = 12, .scale = 2},
    {.name = "l_returnflag", .type = LH_TYPE_STRING},
    {.name = "l_linestatus", .type = LH_TYPE_STRING},
    {.name = "l_shipdate", .type = LH_TYPE_DATE},
    {.name = "l_commitdate", .type = LH_TYPE_DATE},
    {.name = "l_receiptdate", .type = LH_TYPE_DATE},
    {.name = "l_shipinstruct", .type = LH_TYPE_STRING},
    {.name = "l_shipmode", .type = LH_TYPE_STRING},
    {.name = "l_comment", .type = LH_TYPE_STRING},
};
#define LINEITEM_COUNT (sizeof lineitem_fields / sizeof lineitem_fields[0])

static const char *pick(const char *const *words, size_t count, uint32_t number) {
  return words[number % count];
}

static void append_words(struct lh_column *column, uint64_t row) {
  static const char *const words[] = {"carefully", "final",    "deposits", "sleep",   "quickly",   "ironic",
                                      "requests",  "above",    "the",      "pending", "furiously", "even",
                                      "accounts",  "packages", "haggle",   "bold",    "slyly",     "regular"};
  char text[64];
  size_t size = 0;
  const size_t target = 10 + mix(row, 50) % 34;
  for (uint32_t i = 0; size < target; i++) {
    const char *const word = pick(words, sizeof words / sizeof words[0], mix(row, 51 + i));
    const size_t length = strlen(word);
    memcpy(text + size, word, length);
    text[size + length] = ' ';
    size += length + 1;
  }
  append_text(column, text, target);
}

static void append_lineitem(struct lh_column *columns, uint64_t row) {
  static const char *const instructions[] = {"DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"};
  static const char *const modes[] = {"REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"};
  const int32_t date = 8036 + (int32_t)(mix(row / 4, 7) % 2400);
  const char *const instruction = pick(instructions, 4, mix(row, 13));
  const char *const mode = pick(modes, 7, mix(row, 14));
  append_i32(&columns[0], (int32_t)(row / 4 + row / 32 * 8));
  append_i32(&columns[1], (int32_t)(mix(row, 1) % 200000));
  append_i32(&columns[2], (int32_t)(mix(row, 2) % 10000));
  append_i32(&columns[3], (int32_t)(row % 4) + 1);
  append_i64(&columns[4], (int64_t)(mix(row, 4) % 50 + 1) * 100);
  append_i64(&columns[5], (int64_t)(mix(row, 5) % 10000000 + 90000));
  append_i64(&columns[6], (int64_t)(mix(row, 6) % 11));
  append_i64(&columns[7], (int64_t)(mix(row, 8) % 9));
  append_text(&columns[8], pick((const char *const[]){"A", "N", "R"}, 3, mix(row, 9)), 1);
  append_text(&columns[9], pick((const char *const[]){"F", "O"}, 2, mix(row, 10)), 1);
  append_i32(&columns[10], date + (int32_t)(mix(row, 11) % 121));
  append_i32(&columns[11], date + 30 + (int32_t)(mix(row, 12) % 61));
  append_i32(&columns[12], date + (int32_t)(mix(row, 11) % 121) + 1 + (int32_t)(mix(row, 15) % 30));
  append_text(&columns[13], instruction, strlen(instruction));
  append_text(&columns[14], mode, strlen(mode));
  append_words(&columns[15], row);
}

static struct lh_field indexed_fields[] = {
    {.name = "rising", .type = LH_TYPE_INT64},
    {.name = "falling", .type = LH_TYPE_INT32},
    {.name = "key", .type = LH_TYPE_STRING},
    {.name = "number", .type = LH_TYPE_INT64},
    {.name = "uuid", .type = LH_TYPE_UUID},
    {.name = "day", .type = LH_TYPE_DATE, .nullable = true}, /* whole pages of nulls */
    {.name = "few", .type = LH_TYPE_STRING, .nullable = true},
    {.name = "long", .type = LH_TYPE_STRING}, /* of bounds that are cut */
    {.name = "price", .type = LH_TYPE_DECIMAL, .precision = 30, .scale = 2},
    {.name = "real", .type = LH_TYPE_DOUBLE, .nullable = true}, /* NaN in the second row group */
    {.name = "texts", .type = LH_TYPE_LIST, .nullable = true, .children = list_of_text, .child_count = 1},
};
#define INDEXED_COUNT (sizeof indexed_fields / sizeof indexed_fields[0])
#define INDEXED_ROWS 60000

static void append_indexed(struct lh_column *columns, uint64_t row) {
  char text[256];
  append_i64(&columns[0], (int64_t)row * 3);
  append_i32(&columns[1], (int32_t)(INDEXED_ROWS - row) / 7);
  append_text(&columns[2], text,
              (size_t)snprintf(text, sizeof text, "key-%08" PRIx32 "-%" PRIu64, mix(row, 1), row));
  append_i64(&columns[3], (int64_t)mix(row, 2) << 20 | (int64_t)row);
  append_uuid(&columns[4], row + FLAT_ROWS, 3);
  if (row / 1000 % 3 == 1) {
    append_null(&columns[5]);
  } else {
    append_i32(&columns[5], (int32_t)(row / 100 + mix(row, 4) % 50));
  }
  if (mix(row, 5) % 4 == 0) {
    append_null(&columns[6]);
  } else {
    append_text(&columns[6], text,
                (size_t)snprintf(text, sizeof text, "word %" PRIu64, row / 2000 + row % 3));
  }
  append_text(&columns[7], text,
              (size_t)snprintf(text, sizeof text, "%0100" PRIu32 " \xC3\xBC", mix(row / 500, 6)));
  append_decimal(&columns[8], row + EDGE_ROWS, 7);
  const double real = row == 45000 ? strtod("nan", NULL) : (double)(int32_t)mix(row, 8) / 16;
  if (row % 5 == 0 && row != 45000) {
    append_null(&columns[9]);
  } else {
    append_fixed(&columns[9], &real);
  }
  append_value(&columns[10], row + EDGE_ROWS, 9);
}

/* Pages of 1,000 rows in row groups of 20,000, and bloom filters. */
static void write_indexed_sample(const char *directory) {
  struct lh_error err;
  char path[PATH_MAX];
  static const struct lh_parquet_column_options columns[INDEXED_COUNT] = {
      [2] = {.bloom = LH_BLOOM_ALWAYS},
      [3] = {.bloom = LH_BLOOM_AUTO},
      [4] = {.bloom = LH_BLOOM_AUTO},
      [6] = {.bloom = LH_BLOOM_ALWAYS},
  };
  static const struct lh_sorted_field sorting[] = {{.field = 0}, {.field = 1, .is_descending = true}};
  struct lh_parquet_writer_options options;
  lh_parquet_writer_options_default(&options);
  options.row_group_rows = 20000;
  options.page_rows = 1000;
  options.columns = columns;
  options.sort_columns = sorting;
  options.sort_column_count = 2;
  const struct lh_schema schema = {indexed_fields, INDEXED_COUNT};
  struct file_sink file;
  struct lh_batch batch;
  struct lh_parquet_writer *writer = NULL;
  snprintf(path, sizeof path, "%s/indexed.parquet", directory);
  open_sink(&file, path);
  check(lh_batch_init(&batch, &schema, BATCH_ROWS, &err), &err);
  check(lh_parquet_writer_new(&schema, &options, &file.sink, &writer, &err), &err);
  for (uint64_t row = 0; row < INDEXED_ROWS;) {
    lh_batch_reset(&batch);
    for (; row < INDEXED_ROWS && batch.row_count < BATCH_ROWS; row++, batch.row_count++) {
      append_indexed(batch.columns, row);
    }
    check(lh_parquet_writer_write(writer, &batch, &err), &err);
  }
  check(lh_parquet_writer_finish(writer, &err), &err);
  lh_parquet_writer_free(writer);
  lh_batch_clear(&batch);
  close(file.fd);
}

static double now_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Only the writer is timed, not the filling of batches. */
static void measure(uint64_t rows, const char *codec, const char *path) {
  struct lh_error err;
  struct lh_parquet_writer_options options;
  lh_parquet_writer_options_default(&options);
  if (!lh_codec_from_name(codec, &options.codec)) {
    fprintf(stderr, "parquet_samples: no codec \"%s\"\n", codec);
    exit(2);
  }
  for (size_t i = 0; i < LINEITEM_COUNT; i++) {
    lineitem_fields[i].nullable = true;
  }
  const struct lh_schema schema = {lineitem_fields, LINEITEM_COUNT};
  struct file_sink file;
  open_sink(&file, path);
  struct lh_batch batch;
  struct lh_parquet_writer *writer = NULL;
  check(lh_batch_init(&batch, &schema, LH_BATCH_ROWS, &err), &err);
  check(lh_parquet_writer_new(&schema, &options, &file.sink, &writer, &err), &err);
  double seconds = 0;
  for (uint64_t row = 0; row < rows;) {
    lh_batch_reset(&batch);
    for (; row < rows && batch.row_count < LH_BATCH_ROWS; row++, batch.row_count++) {
      append_lineitem(batch.columns, row);
    }
    const double start = now_seconds();
    check(lh_parquet_writer_write(writer, &batch, &err), &err);
    seconds += now_seconds() - start;
  }
  const double start = now_seconds();
  check(lh_parquet_writer_finish(writer, &err), &err);
  seconds += now_seconds() - start;
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("%" PRIu64 " rows, %.3f CPU s, %.0f rows/s, %" PRIu64 " bytes, peak %ld KiB\n", rows, seconds,
         (double)rows / seconds, file.sink.bytes_written, usage.ru_maxrss);
  lh_parquet_writer_free(writer);
  lh_batch_clear(&batch);
  close(file.fd);
}

int main(int argc, char **argv) {
  if (argc == 5 && strcmp(argv[1], "--measure") == 0) {
    measure(strtoull(argv[2], NULL, 10), argv[3], argv[4]);
    return 0;
  }
  if (argc != 2) {
    fprintf(stderr, "usage: parquet_samples DIRECTORY | --measure ROWS CODEC FILE\n");
    return 2;
  }
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    write_sample(argv[1], &samples[i]);
  }
  write_wide_sample(argv[1]);
  write_indexed_sample(argv[1]);
  return 0;
}
