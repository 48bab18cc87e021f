/* Building of COPY streams, decoding them, and looking at the result. */
#include "copy_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres/copy_reader.h"
#include "postgres/types/type_registry.h"

void stream_init(struct stream *stream) {
  memset(stream, 0, sizeof(*stream));
  lh_arena_init(&stream->arena, 0);
  lh_buf_init(&stream->bytes, (size_t)1 << 24);
  stream->relation.name = "public.t";
  stream->relation.columns = stream->columns;
  stream->relation.schema.fields = stream->fields;
}

void stream_clear(struct stream *stream) {
  lh_batch_clear(&stream->batch);
  lh_buf_clear(&stream->bytes);
  lh_arena_clear(&stream->arena);
}

void stream_add_column(struct stream *stream, uint32_t oid, int32_t typmod, bool nullable) {
  const size_t i = stream->relation.column_count++;
  struct lh_pg_column *const column = &stream->columns[i];
  column->name = lh_arena_printf(&stream->arena, "c%zu", i + 1);
  column->type_oid = oid;
  column->typmod = typmod;
  column->not_null = !nullable;
  stream->fields[i].name = column->name;
  stream->fields[i].nullable = nullable;
  assert_int_equal(
      lh_pg_type_resolve(oid, typmod, &stream->rules, stream->catalog, stream->catalog_count, &stream->arena,
                         &stream->fields[i], &column->decoder, &column->text_fallback, &stream->err),
      LH_OK);
  stream->relation.schema.field_count = stream->relation.column_count;
}

void stream_bytes(struct stream *stream, const void *bytes, size_t size) {
  assert_int_equal(lh_buf_append(&stream->bytes, bytes, size, &stream->err), LH_OK);
}

void stream_u8(struct stream *stream, unsigned value) {
  const uint8_t byte = (uint8_t)value;
  stream_bytes(stream, &byte, 1);
}

void stream_u16(struct stream *stream, unsigned value) {
  stream_u8(stream, value >> 8);
  stream_u8(stream, value);
}

void stream_u32(struct stream *stream, uint32_t value) {
  stream_u16(stream, value >> 16);
  stream_u16(stream, value);
}

void stream_u64(struct stream *stream, uint64_t value) {
  stream_u32(stream, (uint32_t)(value >> 32));
  stream_u32(stream, (uint32_t)value);
}

void stream_header(struct stream *stream) {
  stream_bytes(stream, "PGCOPY\n\377\r\n", 11);
  stream_u32(stream, 0);
  stream_u32(stream, 0);
}

void stream_row(struct stream *stream) {
  stream_u16(stream, (unsigned)stream->relation.column_count);
}

void stream_trailer(struct stream *stream) {
  stream_u16(stream, 0xffff);
}

void stream_null(struct stream *stream) {
  stream_u32(stream, UINT32_MAX);
}

void stream_value_u8(struct stream *stream, unsigned value) {
  stream_u32(stream, 1);
  stream_u8(stream, value);
}

void stream_value_u16(struct stream *stream, unsigned value) {
  stream_u32(stream, 2);
  stream_u16(stream, value);
}

void stream_value_u32(struct stream *stream, uint32_t value) {
  stream_u32(stream, 4);
  stream_u32(stream, value);
}

void stream_value_u64(struct stream *stream, uint64_t value) {
  stream_u32(stream, 8);
  stream_u64(stream, value);
}

void stream_value_bytes(struct stream *stream, const void *bytes, size_t size) {
  stream_u32(stream, (uint32_t)size);
  stream_bytes(stream, bytes, size);
}

void stream_value_text(struct stream *stream, const char *text) {
  stream_value_bytes(stream, text, strlen(text));
}

void stream_value_numeric(struct stream *stream, unsigned sign, int weight, unsigned scale, int count, ...) {
  va_list groups;
  stream_u32(stream, 8 + 2 * (uint32_t)count);
  stream_u16(stream, (unsigned)count);
  stream_u16(stream, (unsigned)weight & 0xffff);
  stream_u16(stream, sign);
  stream_u16(stream, scale);
  va_start(groups, count);
  for (int i = 0; i < count; i++) {
    stream_u16(stream, va_arg(groups, unsigned));
  }
  va_end(groups);
}

lh_status stream_decode_cut(struct stream *stream, size_t cut) {
  const size_t size = stream->bytes.len - cut;
  uint8_t *const copy = malloc(size > 0 ? size : 1);
  assert_non_null(copy);
  if (size > 0) {
    memcpy(copy, stream->bytes.data, size);
  }
  lh_batch_clear(&stream->batch);
  assert_int_equal(lh_batch_init(&stream->batch, &stream->relation.schema, 1, &stream->err), LH_OK);
  const lh_status status = lh_copy_decode_stream(&stream->relation, copy, size, &stream->batch, &stream->err);
  free(copy);
  return status;
}

lh_status stream_decode(struct stream *stream) {
  return stream_decode_cut(stream, 0);
}

void stream_assert_decodes(struct stream *stream) {
  if (stream_decode(stream) != LH_OK) {
    fail_msg("decoding failed: %s", stream->err.message);
  }
}

void stream_assert_fails(struct stream *stream, lh_status status, const char *words) {
  const lh_status found = stream_decode(stream);
  if (found != status) {
    fail_msg("expected %s, found %s: %s", lh_status_name(status), lh_status_name(found), stream->err.message);
  }
  assert_int_equal(stream->err.code, status);
  if (strstr(stream->err.message, words) == NULL) {
    fail_msg("\"%s\" is not in \"%s\"", words, stream->err.message);
  }
}

int32_t stream_i32(const struct stream *stream, size_t column, size_t row) {
  int32_t value;
  assert_true(row < stream->batch.columns[column].length);
  memcpy(&value, stream->batch.columns[column].values + row * sizeof(value), sizeof(value));
  return value;
}

int64_t stream_i64(const struct stream *stream, size_t column, size_t row) {
  int64_t value;
  assert_true(row < stream->batch.columns[column].length);
  memcpy(&value, stream->batch.columns[column].values + row * sizeof(value), sizeof(value));
  return value;
}

const char *stream_text(struct stream *stream, const struct lh_column *column, size_t row) {
  size_t size = 0;
  assert_true(row < column->length);
  const uint8_t *const bytes = lh_column_bytes(column, row, &size);
  return lh_arena_strndup(&stream->arena, (const char *)bytes, size);
}
