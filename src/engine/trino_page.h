/*
 * A page of Trino's answers, read without an allocation per value. Internal to the engine module.
 */
#ifndef LH_ENGINE_TRINO_PAGE_H
#define LH_ENGINE_TRINO_PAGE_H

#include "column/json_tape.h"
#include "engine/remote_impl.h"

/* Where a member of an object or an element of an array is on the tape; 0, which is the page itself: nowhere.
 */
typedef uint32_t lh_trino_place;

/* The member `key` of the object at `at`; 0 where there is none, or where it is null. */
lh_trino_place lh_trino_find(const struct lh_json_tape *tape, lh_trino_place at, const char *key);
/* A member that is a text, in `arena`; `*out` is NULL where there is none. */
lh_status lh_trino_text(const struct lh_json_tape *tape, lh_trino_place at, const char *key,
                        struct lh_arena *arena, const char **out, struct lh_error *err) LH_WARN_UNUSED;
/* A member that is a whole number from 0; 0 where there is none. */
uint64_t lh_trino_number(const struct lh_json_tape *tape, lh_trino_place at, const char *key);

/* The schema of the page's columns; no fields where it has none. */
lh_status lh_trino_read_columns(const struct lh_json_tape *tape, struct lh_arena *arena,
                                struct lh_schema *out, struct lh_error *err) LH_WARN_UNUSED;
/* Where the page's first row is, and what is behind its last; the same where it has none. */
lh_status lh_trino_find_rows(const struct lh_json_tape *tape, lh_trino_place *first, lh_trino_place *end,
                             struct lh_error *err) LH_WARN_UNUSED;
/* Appends the row at `at` to the batch. */
lh_status lh_trino_append_row(const struct lh_json_tape *tape, lh_trino_place at, struct lh_batch *batch,
                              struct lh_error *err) LH_WARN_UNUSED;

#endif
