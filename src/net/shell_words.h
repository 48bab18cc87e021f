/*
 * Splits a command into words as a POSIX shell does, quotes and backslashes included, and does nothing else
 * that a shell does: no variables, globs, pipes or comments.
 */
#ifndef LH_NET_SHELL_WORDS_H
#define LH_NET_SHELL_WORDS_H

#include "base/arena.h"

/* A NULL-terminated array for execvp, in `arena`. Out of LH_OK: `code`, a quote is not closed, or a backslash
 * ends the text. */
lh_status lh_shell_words_split(const char *text, lh_status code, struct lh_arena *arena, char ***out,
                               size_t *count, struct lh_error *err) LH_WARN_UNUSED;

#endif
