/*
 * Thrift compact protocol, both directions. The footer and the page headers are small beside the data,
 * so this code aims at being checkable: one place that reads bytes, one that reads varints.
 */
#include "parquet/thrift.h"

#define VARINT_MAX_BYTES 10
#define LIST_SHORT_MAX 14
#define FIELD_DELTA_MAX 15

void lh_thrift_writer_init(struct lh_thrift_writer *writer, struct lh_buf *out, struct lh_error *err) {
  *writer = (struct lh_thrift_writer){.out = out, .err = err, .status = LH_OK};
}

static void put(struct lh_thrift_writer *writer, const void *bytes, size_t size) {
  if (writer->status == LH_OK) {
    writer->status = lh_buf_append(writer->out, bytes, size, writer->err);
  }
}

static void put_varint(struct lh_thrift_writer *writer, uint64_t value) {
  uint8_t bytes[VARINT_MAX_BYTES];
  size_t size = 0;
  while (value >= 0x80) {
    bytes[size++] = (uint8_t)(value | 0x80);
    value >>= 7;
  }
  bytes[size++] = (uint8_t)value;
  put(writer, bytes, size);
}

static void put_zigzag(struct lh_thrift_writer *writer, int64_t value) {
  put_varint(writer, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

static void put_field(struct lh_thrift_writer *writer, int id, enum lh_thrift_type type) {
  if (writer->depth == 0) {
    return;
  }
  int *const last = &writer->last_ids[writer->depth - 1];
  const int delta = id - *last;
  *last = id;
  if (delta > 0 && delta <= FIELD_DELTA_MAX) {
    const uint8_t head = (uint8_t)((unsigned)delta << 4 | (unsigned)type);
    put(writer, &head, 1);
    return;
  }
  const uint8_t head = (uint8_t)type;
  put(writer, &head, 1);
  put_zigzag(writer, id);
}

void lh_thrift_begin_struct(struct lh_thrift_writer *writer) {
  if (writer->depth == LH_THRIFT_MAX_DEPTH) {
    if (writer->status == LH_OK) {
      writer->status = lh_error_set(writer->err, LH_ERROR_INTERNAL, "thrift structs are nested too deeply");
    }
    return;
  }
  writer->last_ids[writer->depth++] = 0;
}

void lh_thrift_begin_struct_field(struct lh_thrift_writer *writer, int id) {
  put_field(writer, id, LH_THRIFT_STRUCT);
  lh_thrift_begin_struct(writer);
}

void lh_thrift_end_struct(struct lh_thrift_writer *writer) {
  const uint8_t stop = LH_THRIFT_STOP;
  put(writer, &stop, 1);
  if (writer->depth > 0) {
    writer->depth--;
  }
}

void lh_thrift_write_empty_struct(struct lh_thrift_writer *writer, int id) {
  lh_thrift_begin_struct_field(writer, id);
  lh_thrift_end_struct(writer);
}

void lh_thrift_write_bool(struct lh_thrift_writer *writer, int id, bool value) {
  put_field(writer, id, value ? LH_THRIFT_TRUE : LH_THRIFT_FALSE);
}

void lh_thrift_write_i8(struct lh_thrift_writer *writer, int id, int8_t value) {
  put_field(writer, id, LH_THRIFT_BYTE);
  put(writer, &value, 1);
}

void lh_thrift_write_i16(struct lh_thrift_writer *writer, int id, int16_t value) {
  put_field(writer, id, LH_THRIFT_I16);
  put_zigzag(writer, value);
}

void lh_thrift_write_i32(struct lh_thrift_writer *writer, int id, int32_t value) {
  put_field(writer, id, LH_THRIFT_I32);
  put_zigzag(writer, value);
}

void lh_thrift_write_i64(struct lh_thrift_writer *writer, int id, int64_t value) {
  put_field(writer, id, LH_THRIFT_I64);
  put_zigzag(writer, value);
}

void lh_thrift_write_binary(struct lh_thrift_writer *writer, int id, const void *bytes, size_t size) {
  put_field(writer, id, LH_THRIFT_BINARY);
  put_varint(writer, size);
  put(writer, bytes, size);
}

void lh_thrift_write_string(struct lh_thrift_writer *writer, int id, const char *text) {
  lh_thrift_write_binary(writer, id, text, strlen(text));
}

void lh_thrift_begin_list(struct lh_thrift_writer *writer, int id, enum lh_thrift_type type, size_t count) {
  put_field(writer, id, LH_THRIFT_LIST);
  const size_t nibble = count <= LIST_SHORT_MAX ? count : LIST_SHORT_MAX + 1;
  const uint8_t head = (uint8_t)(nibble << 4 | (size_t)type);
  put(writer, &head, 1);
  if (count > LIST_SHORT_MAX) {
    put_varint(writer, count);
  }
}

void lh_thrift_write_i32_element(struct lh_thrift_writer *writer, int32_t value) {
  put_zigzag(writer, value);
}

void lh_thrift_write_i64_element(struct lh_thrift_writer *writer, int64_t value) {
  put_zigzag(writer, value);
}

void lh_thrift_write_bool_element(struct lh_thrift_writer *writer, bool value) {
  const uint8_t byte = value ? LH_THRIFT_TRUE : LH_THRIFT_FALSE;
  put(writer, &byte, 1);
}

void lh_thrift_write_binary_element(struct lh_thrift_writer *writer, const void *bytes, size_t size) {
  put_varint(writer, size);
  put(writer, bytes, size);
}

void lh_thrift_write_string_element(struct lh_thrift_writer *writer, const char *text) {
  lh_thrift_write_binary_element(writer, text, strlen(text));
}

void lh_thrift_write_elements(struct lh_thrift_writer *writer, const struct lh_buf *elements) {
  put(writer, elements->data, elements->len);
}

void lh_thrift_write_fields(struct lh_thrift_writer *writer, const void *bytes, size_t size, int last_id) {
  put(writer, bytes, size);
  if (writer->depth > 0) {
    writer->last_ids[writer->depth - 1] = last_id;
  }
}

void lh_thrift_reader_init(struct lh_thrift_reader *reader, const void *bytes, size_t size) {
  *reader = (struct lh_thrift_reader){.at = bytes, .end = (const uint8_t *)bytes + size};
}

void lh_thrift_fail(struct lh_thrift_reader *reader, const char *problem) {
  if (reader->problem == NULL) {
    reader->problem = problem;
  }
  reader->at = reader->end;
}

static size_t bytes_left(const struct lh_thrift_reader *reader) {
  return (size_t)(reader->end - reader->at);
}

static uint8_t take_byte(struct lh_thrift_reader *reader) {
  if (bytes_left(reader) == 0) {
    lh_thrift_fail(reader, "it ends in the middle of a value");
    return 0;
  }
  return *reader->at++;
}

static const uint8_t *take(struct lh_thrift_reader *reader, size_t size) {
  if (reader->problem != NULL || bytes_left(reader) < size) {
    lh_thrift_fail(reader, "it ends in the middle of a value");
    return NULL;
  }
  const uint8_t *const bytes = reader->at;
  reader->at += size;
  return bytes;
}

static uint64_t take_varint(struct lh_thrift_reader *reader) {
  uint64_t value = 0;
  for (unsigned i = 0; i < VARINT_MAX_BYTES; i++) {
    const uint8_t byte = take_byte(reader);
    value |= (uint64_t)(byte & 0x7F) << (7 * i);
    if ((byte & 0x80) == 0) {
      return reader->problem == NULL ? value : 0;
    }
  }
  lh_thrift_fail(reader, "a number is longer than 64 bits");
  return 0;
}

static int64_t take_zigzag(struct lh_thrift_reader *reader) {
  const uint64_t value = take_varint(reader);
  return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

void lh_thrift_enter(struct lh_thrift_reader *reader, struct lh_thrift_scope *scope) {
  scope->last_id = 0;
  if (reader->depth == LH_THRIFT_MAX_DEPTH) {
    lh_thrift_fail(reader, "its structs are nested too deeply");
    return;
  }
  reader->depth++;
}

bool lh_thrift_next_field(struct lh_thrift_reader *reader, struct lh_thrift_scope *scope,
                          struct lh_thrift_field *field) {
  if (reader->problem != NULL) {
    return false;
  }
  const uint8_t head = take_byte(reader);
  if (reader->problem != NULL) {
    return false;
  }
  field->type = (enum lh_thrift_type)(head & 0x0F);
  if (field->type == LH_THRIFT_STOP) {
    reader->depth--;
    return false;
  }
  const int delta = head >> 4;
  const int64_t id = delta != 0 ? scope->last_id + delta : take_zigzag(reader);
  if (id < INT16_MIN || id > INT16_MAX) {
    lh_thrift_fail(reader, "a field's number is out of range");
    return false;
  }
  field->id = (int)id;
  scope->last_id = field->id;
  return reader->problem == NULL;
}

static size_t take_count(struct lh_thrift_reader *reader, size_t element_bytes) {
  const uint64_t count = take_varint(reader);
  if (count > bytes_left(reader) / element_bytes) {
    lh_thrift_fail(reader, "a list claims more elements than there are bytes");
    return 0;
  }
  return (size_t)count;
}

static void skip_value(struct lh_thrift_reader *reader, enum lh_thrift_type type, size_t depth);

static void skip_struct(struct lh_thrift_reader *reader, size_t depth) {
  while (reader->problem == NULL) {
    const uint8_t head = take_byte(reader);
    const enum lh_thrift_type type = (enum lh_thrift_type)(head & 0x0F);
    if (type == LH_THRIFT_STOP) {
      return;
    }
    if (head >> 4 == 0) {
      (void)take_zigzag(reader);
    }
    if (type != LH_THRIFT_TRUE && type != LH_THRIFT_FALSE) {
      skip_value(reader, type, depth + 1);
    }
  }
}

static void skip_elements(struct lh_thrift_reader *reader, enum lh_thrift_type type, size_t count,
                          size_t depth) {
  for (size_t i = 0; i < count && reader->problem == NULL; i++) {
    skip_value(reader, type, depth + 1);
  }
}

static void skip_list(struct lh_thrift_reader *reader, size_t depth) {
  const uint8_t head = take_byte(reader);
  size_t count = head >> 4;
  if (count > LIST_SHORT_MAX) {
    count = take_count(reader, 1);
  }
  skip_elements(reader, (enum lh_thrift_type)(head & 0x0F), count, depth);
}

static void skip_map(struct lh_thrift_reader *reader, size_t depth) {
  const size_t count = take_count(reader, 2);
  if (count == 0) {
    return;
  }
  const uint8_t types = take_byte(reader);
  for (size_t i = 0; i < count && reader->problem == NULL; i++) {
    skip_value(reader, (enum lh_thrift_type)(types >> 4), depth + 1);
    skip_value(reader, (enum lh_thrift_type)(types & 0x0F), depth + 1);
  }
}

/* One value as it stands in a list or after a field's head; recursion ends at LH_THRIFT_MAX_DEPTH. */
static void skip_value(struct lh_thrift_reader *reader, enum lh_thrift_type type, size_t depth) {
  if (depth > LH_THRIFT_MAX_DEPTH) {
    lh_thrift_fail(reader, "its structs are nested too deeply");
    return;
  }
  switch (type) {
    case LH_THRIFT_TRUE:
    case LH_THRIFT_FALSE:
    case LH_THRIFT_BYTE:
      (void)take_byte(reader);
      return;
    case LH_THRIFT_I16:
    case LH_THRIFT_I32:
    case LH_THRIFT_I64:
      (void)take_varint(reader);
      return;
    case LH_THRIFT_DOUBLE:
      (void)take(reader, 8);
      return;
    case LH_THRIFT_UUID:
      (void)take(reader, 16);
      return;
    case LH_THRIFT_BINARY:
      (void)take(reader, (size_t)take_varint(reader));
      return;
    case LH_THRIFT_LIST:
    case LH_THRIFT_SET:
      skip_list(reader, depth);
      return;
    case LH_THRIFT_MAP:
      skip_map(reader, depth);
      return;
    case LH_THRIFT_STRUCT:
      skip_struct(reader, depth);
      return;
    case LH_THRIFT_STOP:
    default:
      lh_thrift_fail(reader, "a value has an unknown type");
  }
}

void lh_thrift_skip(struct lh_thrift_reader *reader, const struct lh_thrift_field *field) {
  if (field->type != LH_THRIFT_TRUE && field->type != LH_THRIFT_FALSE) {
    skip_value(reader, field->type, reader->depth);
  }
}

bool lh_thrift_read_bool(struct lh_thrift_reader *reader, const struct lh_thrift_field *field) {
  if (field->type != LH_THRIFT_TRUE && field->type != LH_THRIFT_FALSE) {
    lh_thrift_fail(reader, "a field that should be a boolean is none");
  }
  return field->type == LH_THRIFT_TRUE;
}

int64_t lh_thrift_read_i64(struct lh_thrift_reader *reader, const struct lh_thrift_field *field) {
  switch (field->type) {
    case LH_THRIFT_BYTE:
      return (int8_t)take_byte(reader);
    case LH_THRIFT_I16:
    case LH_THRIFT_I32:
    case LH_THRIFT_I64:
      return take_zigzag(reader);
    default:
      lh_thrift_fail(reader, "a field that should be a number is none");
      return 0;
  }
}

static int32_t narrow(struct lh_thrift_reader *reader, int64_t value) {
  if (value < INT32_MIN || value > INT32_MAX) {
    lh_thrift_fail(reader, "a number is out of range");
    return 0;
  }
  return (int32_t)value;
}

int32_t lh_thrift_read_i32(struct lh_thrift_reader *reader, const struct lh_thrift_field *field) {
  return narrow(reader, lh_thrift_read_i64(reader, field));
}

const uint8_t *lh_thrift_read_binary_element(struct lh_thrift_reader *reader, size_t *size) {
  const uint64_t length = take_varint(reader);
  const uint8_t *const bytes = take(reader, (size_t)length);
  *size = bytes == NULL ? 0 : (size_t)length;
  return bytes;
}

const uint8_t *lh_thrift_read_binary(struct lh_thrift_reader *reader, const struct lh_thrift_field *field,
                                     size_t *size) {
  *size = 0;
  if (field->type != LH_THRIFT_BINARY) {
    lh_thrift_fail(reader, "a field that should be text or bytes is none");
    return NULL;
  }
  return lh_thrift_read_binary_element(reader, size);
}

void lh_thrift_enter_field(struct lh_thrift_reader *reader, const struct lh_thrift_field *field,
                           struct lh_thrift_scope *scope) {
  if (field->type != LH_THRIFT_STRUCT) {
    lh_thrift_fail(reader, "a field that should be a struct is none");
  }
  lh_thrift_enter(reader, scope);
}

size_t lh_thrift_read_list(struct lh_thrift_reader *reader, const struct lh_thrift_field *field,
                           enum lh_thrift_type type, size_t element_bytes) {
  if (field->type != LH_THRIFT_LIST) {
    lh_thrift_fail(reader, "a field that should be a list is none");
    return 0;
  }
  const uint8_t head = take_byte(reader);
  size_t count = head >> 4;
  if (count > LIST_SHORT_MAX) {
    count = take_count(reader, element_bytes);
  } else if (count > bytes_left(reader) / element_bytes) {
    lh_thrift_fail(reader, "a list claims more elements than there are bytes");
  }
  /* Booleans are announced by either of their two types. */
  const enum lh_thrift_type announced = (head & 0x0F) == LH_THRIFT_FALSE ? LH_THRIFT_TRUE : head & 0x0F;
  if (count > 0 && announced != type) {
    lh_thrift_fail(reader, "a list has elements of another type than it should");
  }
  return reader->problem == NULL ? count : 0;
}

int32_t lh_thrift_read_i32_element(struct lh_thrift_reader *reader) {
  return narrow(reader, take_zigzag(reader));
}

int64_t lh_thrift_read_i64_element(struct lh_thrift_reader *reader) {
  return take_zigzag(reader);
}

/* Some writers say false with 0 where the protocol has 2. */
bool lh_thrift_read_bool_element(struct lh_thrift_reader *reader) {
  return take_byte(reader) == LH_THRIFT_TRUE;
}
