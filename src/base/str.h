/*
 * Strings for people: suggestions, sizes, counts, quoting.
 */
#ifndef LH_BASE_STR_H
#define LH_BASE_STR_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "lakehaul/error.h"

/* The candidate nearest to `word` by edit distance (case-blind), or NULL when none is near enough to be
 * meant. */
const char *lh_str_nearest(const char *word, const char *const *candidates, size_t count);

/* Hints at the candidate nearest to `word`: did you mean "x"? Where none is near, at all of them, as "<all>:
 * a, b"; no hint where `all` is NULL. */
void lh_str_suggest(struct lh_error *err, const char *word, const char *const *candidates, size_t count,
                    const char *all, struct lh_arena *arena);
/* "a, b, c", in `arena`; "" for none. NULL without memory. */
const char *lh_str_join(const char *const *words, size_t count, const char *separator,
                        struct lh_arena *arena);

/* "1.5 MB" (powers of 1024), "1,234,567", "1.2 s" or "2 min 3 s" into `out` (at least 32 bytes); returns
 * `out`. */
char *lh_str_format_bytes(uint64_t bytes, char out[32]);
char *lh_str_format_count(uint64_t count, char out[32]);
char *lh_str_format_seconds(double seconds, char out[32]);

/* Length of the longest prefix of `text` of at most `max` bytes that ends between two UTF-8 characters. */
size_t lh_utf8_truncate(const char *text, size_t length, size_t max);
/* Whether the bytes are well-formed UTF-8 (RFC 3629). */
bool lh_utf8_valid(const uint8_t *bytes, size_t size);
/* Length of an SQL statement without the blanks, comments and semicolons at its end. */
size_t lh_sql_trimmed_length(const char *sql);
/* Makes `text` one line that JSON takes and no terminal obeys: control characters become spaces, bytes that
 * belong to no UTF-8 character question marks. */
void lh_str_make_line(char *text);

#endif
