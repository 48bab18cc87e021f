/*
 * Growable byte buffer with a hard maximum.
 *
 * Grows by doubling up to `max`; past it every append fails with LH_ERROR_MEMORY, so that no input can
 * make the process grow without bound. `reset` keeps capacity. One thread at a time.
 */
#ifndef LH_BASE_BUF_H
#define LH_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lakehaul/error.h"

struct lh_buf {
  uint8_t *data;
  size_t len;
  size_t cap;
  size_t max;
};

void lh_buf_init(struct lh_buf *buf, size_t max);
void lh_buf_clear(struct lh_buf *buf);
static inline void lh_buf_reset(struct lh_buf *buf) {
  buf->len = 0;
}

/* The slow path of lh_buf_reserve. */
lh_status lh_buf_grow(struct lh_buf *buf, size_t extra, struct lh_error *err) LH_WARN_UNUSED;

/* After it, `extra` bytes can be written at data + len. */
LH_WARN_UNUSED static inline lh_status lh_buf_reserve(struct lh_buf *buf, size_t extra,
                                                      struct lh_error *err) {
  if (buf->cap - buf->len >= extra) {
    return LH_OK;
  }
  return lh_buf_grow(buf, extra, err);
}

/* The same, but a capacity that has to grow grows to just that: for a size that is known. */
lh_status lh_buf_reserve_exact(struct lh_buf *buf, size_t extra, struct lh_error *err) LH_WARN_UNUSED;

LH_WARN_UNUSED static inline lh_status lh_buf_append(struct lh_buf *buf, const void *bytes, size_t size,
                                                     struct lh_error *err) {
  LH_TRY(lh_buf_reserve(buf, size, err));
  if (size > 0) {
    memcpy(buf->data + buf->len, bytes, size);
  }
  buf->len += size;
  return LH_OK;
}

lh_status lh_buf_append_str(struct lh_buf *buf, const char *text, struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_buf_printf(struct lh_buf *buf, struct lh_error *err, const char *format, ...)
    LH_PRINTF(3, 4) LH_WARN_UNUSED;
lh_status lh_buf_append_byte(struct lh_buf *buf, uint8_t byte, struct lh_error *err) LH_WARN_UNUSED;
/* NUL-terminates without counting the NUL; the pointer is valid until the next change. */
lh_status lh_buf_cstr(struct lh_buf *buf, const char **out, struct lh_error *err) LH_WARN_UNUSED;

#endif
