/*
 * Thrift compact protocol: what Parquet's page headers and footer are written in.
 *
 * Both sides keep the first failure and turn every later call into nothing, so that callers check once
 * at the end. The reader works on a byte range: it never reads past it, follows nesting only to
 * LH_THRIFT_MAX_DEPTH, and refuses lists that claim more elements than the bytes left could hold.
 * Spec: thrift-compact-protocol.md.
 */
#ifndef LH_PARQUET_THRIFT_H
#define LH_PARQUET_THRIFT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "lakehaul/error.h"

#define LH_THRIFT_MAX_DEPTH 16

enum lh_thrift_type {
  LH_THRIFT_STOP = 0,
  LH_THRIFT_TRUE = 1,
  LH_THRIFT_FALSE = 2,
  LH_THRIFT_BYTE = 3,
  LH_THRIFT_I16 = 4,
  LH_THRIFT_I32 = 5,
  LH_THRIFT_I64 = 6,
  LH_THRIFT_DOUBLE = 7,
  LH_THRIFT_BINARY = 8,
  LH_THRIFT_LIST = 9,
  LH_THRIFT_SET = 10,
  LH_THRIFT_MAP = 11,
  LH_THRIFT_STRUCT = 12,
  LH_THRIFT_UUID = 13,
};

/* Appends to `out`. Begin with lh_thrift_begin_struct, end with lh_thrift_end_struct and look at `status`. */
struct lh_thrift_writer {
  struct lh_buf *out;
  struct lh_error *err;
  lh_status status;
  int last_ids[LH_THRIFT_MAX_DEPTH]; /* the last field id of each open struct */
  size_t depth;
};

void lh_thrift_writer_init(struct lh_thrift_writer *writer, struct lh_buf *out, struct lh_error *err);
/* The outermost struct, or a list's next element. */
void lh_thrift_begin_struct(struct lh_thrift_writer *writer);
void lh_thrift_begin_struct_field(struct lh_thrift_writer *writer, int id);
void lh_thrift_end_struct(struct lh_thrift_writer *writer);
/* A struct without fields, as unions of markers have them. */
void lh_thrift_write_empty_struct(struct lh_thrift_writer *writer, int id);
void lh_thrift_write_bool(struct lh_thrift_writer *writer, int id, bool value);
void lh_thrift_write_i8(struct lh_thrift_writer *writer, int id, int8_t value);
void lh_thrift_write_i16(struct lh_thrift_writer *writer, int id, int16_t value);
void lh_thrift_write_i32(struct lh_thrift_writer *writer, int id, int32_t value);
void lh_thrift_write_i64(struct lh_thrift_writer *writer, int id, int64_t value);
void lh_thrift_write_binary(struct lh_thrift_writer *writer, int id, const void *bytes, size_t size);
void lh_thrift_write_string(struct lh_thrift_writer *writer, int id, const char *text);
/* `count` elements must follow, by one of the functions below or lh_thrift_begin_struct. */
void lh_thrift_begin_list(struct lh_thrift_writer *writer, int id, enum lh_thrift_type type, size_t count);
void lh_thrift_write_i32_element(struct lh_thrift_writer *writer, int32_t value);
void lh_thrift_write_i64_element(struct lh_thrift_writer *writer, int64_t value);
/* Of a list of LH_THRIFT_TRUE. */
void lh_thrift_write_bool_element(struct lh_thrift_writer *writer, bool value);
void lh_thrift_write_binary_element(struct lh_thrift_writer *writer, const void *bytes, size_t size);
void lh_thrift_write_string_element(struct lh_thrift_writer *writer, const char *text);
/* Bytes that were serialised before: elements of the open list, or fields of the open struct, whose last one
 * has the number `last_id`. */
void lh_thrift_write_elements(struct lh_thrift_writer *writer, const struct lh_buf *elements);
void lh_thrift_write_fields(struct lh_thrift_writer *writer, const void *bytes, size_t size, int last_id);

struct lh_thrift_reader {
  const uint8_t *at;
  const uint8_t *end;
  const char *problem; /* static text; NULL while all is well */
  size_t depth;
};

/* One open struct, on the caller's stack. */
struct lh_thrift_scope {
  int last_id;
};

struct lh_thrift_field {
  int id;
  enum lh_thrift_type type;
};

void lh_thrift_reader_init(struct lh_thrift_reader *reader, const void *bytes, size_t size);
/* Records a problem unless there is one already. */
void lh_thrift_fail(struct lh_thrift_reader *reader, const char *problem);
/* For the outermost struct, a struct field, or an element of a list of structs. */
void lh_thrift_enter(struct lh_thrift_reader *reader, struct lh_thrift_scope *scope);
/* False after the struct's last field and after a problem. */
bool lh_thrift_next_field(struct lh_thrift_reader *reader, struct lh_thrift_scope *scope,
                          struct lh_thrift_field *field);
void lh_thrift_skip(struct lh_thrift_reader *reader, const struct lh_thrift_field *field);
/* Values of the field just met; a wire type that does not fit is a problem. 0 or NULL after a problem. */
bool lh_thrift_read_bool(struct lh_thrift_reader *reader, const struct lh_thrift_field *field);
int64_t lh_thrift_read_i64(struct lh_thrift_reader *reader, const struct lh_thrift_field *field);
int32_t lh_thrift_read_i32(struct lh_thrift_reader *reader, const struct lh_thrift_field *field);
/* Points into the reader's bytes. */
const uint8_t *lh_thrift_read_binary(struct lh_thrift_reader *reader, const struct lh_thrift_field *field,
                                     size_t *size);
void lh_thrift_enter_field(struct lh_thrift_reader *reader, const struct lh_thrift_field *field,
                           struct lh_thrift_scope *scope);
/* Number of elements of type `type`, each of at least `element_bytes` bytes. */
size_t lh_thrift_read_list(struct lh_thrift_reader *reader, const struct lh_thrift_field *field,
                           enum lh_thrift_type type, size_t element_bytes);
int32_t lh_thrift_read_i32_element(struct lh_thrift_reader *reader);
int64_t lh_thrift_read_i64_element(struct lh_thrift_reader *reader);
bool lh_thrift_read_bool_element(struct lh_thrift_reader *reader);
const uint8_t *lh_thrift_read_binary_element(struct lh_thrift_reader *reader, size_t *size);

#endif
