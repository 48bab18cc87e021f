/*
 * What the decoders of nested types share. For decode_*.c only.
 */
#ifndef LH_POSTGRES_DECODE_NESTED_H
#define LH_POSTGRES_DECODE_NESTED_H

#include "postgres/types/decode.h"

/* The bytes of a value that has its length in front, `*bytes` NULL for a null; moves `*at` behind it. `outer`
 * names the whole in messages. */
lh_status lh_pg_read_item(const struct lh_pg_decoder *outer, const uint8_t **at, const uint8_t *end,
                          const uint8_t **bytes, size_t *length, struct lh_error *err) LH_WARN_UNUSED;

/* A value with its length in front, as arrays, composites and ranges hold them, into `column`, in which it
 * makes room. */
lh_status lh_pg_decode_item(const struct lh_pg_decoder *outer, const struct lh_pg_decoder *decoder,
                            const uint8_t **at, const uint8_t *end, struct lh_column *column,
                            struct lh_error *err) LH_WARN_UNUSED;

/* LH_ERROR_CORRUPT, "a value of type … <what>". */
lh_status lh_pg_corrupt_value(const struct lh_pg_decoder *decoder, struct lh_error *err, const char *what);

/* A count of items, each of `least` bytes or more, so that a count cannot ask for more memory than was sent.
 */
lh_status lh_pg_read_count(const struct lh_pg_decoder *decoder, const uint8_t **at, const uint8_t *end,
                           size_t least, size_t *count, struct lh_error *err) LH_WARN_UNUSED;

/* Closes a LIST or MAP value: its elements are in the children. */
static inline void lh_pg_close_list(struct lh_column *column) {
  column->offsets[column->length + 1] = (int32_t)column->children[0].length;
  lh_column_push_valid(column);
}

#endif
