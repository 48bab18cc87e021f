/*
 * COPY streams built by hand, and relations of given types to decode them with.
 */
#ifndef LH_TESTS_COPY_STREAM_H
#define LH_TESTS_COPY_STREAM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "column/batch.h"
#include "postgres/relation.h"
#include "postgres/types/type_registry.h"

#define STREAM_COLUMNS_MAX 32

/* A relation "public.t" with columns c1, c2, …; the batch that it is decoded into; the stream. */
struct stream {
  struct lh_arena arena;
  struct lh_pg_type_rules rules;            /* of the columns added from now on */
  const struct lh_pg_catalog_type *catalog; /* of their types that are not built in */
  size_t catalog_count;
  struct lh_pg_relation relation;
  struct lh_pg_column columns[STREAM_COLUMNS_MAX];
  struct lh_field fields[STREAM_COLUMNS_MAX];
  struct lh_batch batch;
  struct lh_buf bytes;
  struct lh_error err;
};

void stream_init(struct stream *stream);
void stream_clear(struct stream *stream);
/* Before the first row; types of the registry and arrays of them. */
void stream_add_column(struct stream *stream, uint32_t oid, int32_t typmod, bool nullable);

void stream_header(struct stream *stream);
void stream_row(struct stream *stream); /* the count of columns */
void stream_trailer(struct stream *stream);
void stream_u8(struct stream *stream, unsigned value);
void stream_u16(struct stream *stream, unsigned value);
void stream_u32(struct stream *stream, uint32_t value);
void stream_u64(struct stream *stream, uint64_t value);
void stream_bytes(struct stream *stream, const void *bytes, size_t size);
void stream_null(struct stream *stream);
/* With their lengths in front. */
void stream_value_u8(struct stream *stream, unsigned value);
void stream_value_u16(struct stream *stream, unsigned value);
void stream_value_u32(struct stream *stream, uint32_t value);
void stream_value_u64(struct stream *stream, uint64_t value);
void stream_value_bytes(struct stream *stream, const void *bytes, size_t size);
void stream_value_text(struct stream *stream, const char *text);
/* `count` groups follow as ints. */
void stream_value_numeric(struct stream *stream, unsigned sign, int weight, unsigned scale, int count, ...);

/* A batch for what has been added, and all bytes but the last `cut` decoded into it; from memory of exactly
 * that size, so that a sanitizer sees any read past it. */
lh_status stream_decode_cut(struct stream *stream, size_t cut);
lh_status stream_decode(struct stream *stream);
void stream_assert_decodes(struct stream *stream);
/* The message must contain `words`. */
void stream_assert_fails(struct stream *stream, lh_status status, const char *words);

int32_t stream_i32(const struct stream *stream, size_t column, size_t row);
int64_t stream_i64(const struct stream *stream, size_t column, size_t row);
/* The variable-width value as a string in the arena. */
const char *stream_text(struct stream *stream, const struct lh_column *column, size_t row);

#endif
