/* What the tests of the Parquet module share: a sink and a source in memory, and short ways to fill batches.
 */
#ifndef LH_TEST_PARQUET_SUPPORT_H
#define LH_TEST_PARQUET_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#include "base/buf.h"
#include "base/io.h"
#include "column/batch.h"
#include "lakehaul/error.h"

#define SUPPORT_MAX_BYTES ((size_t)1 << 30)

/* Shows the error's message where a call was to succeed. */
#define assert_ok(call)                       \
  do {                                        \
    if ((call) != LH_OK) {                    \
      fail_msg("%s: %s", #call, err.message); \
    }                                         \
  } while (0)

struct memory_sink {
  struct lh_sink sink;
  struct lh_buf bytes;
  size_t fail_after; /* 0: never */
};

static inline lh_status memory_sink_write(struct lh_sink *sink, const void *bytes, size_t size,
                                          struct lh_error *err) {
  struct memory_sink *const memory = (struct memory_sink *)sink;
  if (memory->fail_after > 0 && memory->bytes.len + size > memory->fail_after) {
    return lh_error_set(err, LH_ERROR_LAKE, "the disk is full");
  }
  return lh_buf_append(&memory->bytes, bytes, size, err);
}

static inline void memory_sink_init(struct memory_sink *memory) {
  static const struct lh_sink_ops ops = {.write = memory_sink_write};
  *memory = (struct memory_sink){.sink = {.ops = &ops}};
  lh_buf_init(&memory->bytes, SUPPORT_MAX_BYTES);
}

struct memory_source {
  struct lh_source source;
  const uint8_t *bytes;
};

static inline lh_status memory_source_read(struct lh_source *source, uint64_t offset, void *bytes,
                                           size_t size, struct lh_error *err) {
  if (offset > source->size_bytes || size > source->size_bytes - offset) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "read past the end");
  }
  memcpy(bytes, ((const struct memory_source *)source)->bytes + offset, size);
  return LH_OK;
}

static inline void memory_source_init(struct memory_source *memory, const uint8_t *bytes, size_t size) {
  static const struct lh_source_ops ops = {.read_at = memory_source_read};
  *memory = (struct memory_source){.source = {.ops = &ops, .size_bytes = size, .name = "memory.parquet"},
                                   .bytes = bytes};
}

static inline void push_i32(struct lh_column *column, int32_t value) {
  struct lh_error err;
  assert_ok(lh_column_append_fixed(column, &value, &err));
}

static inline void push_i64(struct lh_column *column, int64_t value) {
  struct lh_error err;
  assert_ok(lh_column_append_fixed(column, &value, &err));
}

static inline void push_text(struct lh_column *column, const char *text) {
  struct lh_error err;
  assert_ok(lh_column_append_bytes(column, text, strlen(text), &err));
}

static inline void push_null(struct lh_column *column) {
  struct lh_error err;
  assert_ok(lh_column_append_null(column, &err));
}

static inline void close_list(struct lh_column *column) {
  struct lh_error err;
  assert_ok(lh_column_append_list(column, &err));
}

static inline void close_struct(struct lh_column *column) {
  struct lh_error err;
  assert_ok(lh_column_append_struct(column, &err));
}

#endif
