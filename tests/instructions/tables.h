/*
 * Tables made up for the counting of instructions: their columns, and their rows as a COPY stream.
 *
 * The same table and number of rows give the same bytes on every machine. What a value costs depends on its
 * size, on its repetitions and on nulls, so these follow the tables that they are named after.
 */
#ifndef LH_TESTS_TABLES_H
#define LH_TESTS_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "postgres/relation.h"

enum content {
  CONTENT_STEPS,   /* `low` and one more every `high` rows: int8, int4 */
  CONTENT_NUMBER,  /* low..high: int2, int4, int8, date; timestamps in seconds; float8 in hundredths */
  CONTENT_NUMERIC, /* low..high hundredths */
  CONTENT_CHOICE,  /* one of `choices`, high of them */
  CONTENT_WORDS,   /* low..high bytes of words */
  CONTENT_TAGS,    /* low..high words, text[] */
  CONTENT_JSON,    /* jsonb of low..high members */
  CONTENT_UUID,
};

struct table_column {
  const char *name;
  uint32_t oid;
  int32_t typmod;
  enum content content;
  int64_t low, high;
  const char *const *choices;
  unsigned null_percent; /* 0: the column is not nullable */
};

struct table {
  const char *name;
  const struct table_column *columns;
  size_t column_count;
};

/* NULL where there is none. */
const struct table *table_find(const char *name);

/* The relation that the server would describe. */
lh_status table_describe(const struct table *table, struct lh_arena *arena, struct lh_pg_relation *relation,
                         struct lh_error *err) LH_WARN_UNUSED;

/* Appends the message of row `row`, the first of which has the stream's header in front, to `bytes`. */
lh_status table_append_row(const struct table *table, uint64_t row, struct lh_buf *bytes,
                           struct lh_error *err) LH_WARN_UNUSED;

#endif
