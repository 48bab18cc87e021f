/*
 * Secrets in memory: pages of their own, left out of core dumps and swap where the system allows it, not
 * inherited by forks, and wiped on release.
 *
 * A block is a whole number of pages, which suits the few secrets that there are: a set of credentials, a
 * file or a response that holds them.
 */
#ifndef LH_NET_SECRET_H
#define LH_NET_SECRET_H

#include <stddef.h>

#include "base/buf.h"
#include "lakehaul/error.h"

/* Zeroed; NULL without memory. */
void *lh_secret_new(size_t size) LH_WARN_UNUSED;
/* Wipes and releases; NULL is fine. */
void lh_secret_free(void *block);

/* A buffer over such a block: it holds `size` bytes, never moves, and is released by lh_secret_buf_clear
 * alone. */
lh_status lh_secret_buf_init(struct lh_buf *buf, size_t size, struct lh_error *err) LH_WARN_UNUSED;
void lh_secret_buf_clear(struct lh_buf *buf);

/* Appends a file that holds a secret to such a buffer, by no other memory. `code` is the status of a failure.
 */
lh_status lh_secret_read_file(const char *path, struct lh_buf *buf, lh_status code,
                              struct lh_error *err) LH_WARN_UNUSED;

/* Wipes the stack below the caller, and the registers that copies go through, after functions that have
 * returned: what they, and the dynamic linker for them, have left there. */
void lh_secret_burn_stack(void);

/* Leaves the pages on which a text of somebody else's (a variable of the environment) lies out of core
 * dumps. As far as the system allows. */
void lh_secret_hide(const char *text);

#endif
