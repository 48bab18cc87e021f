/* Growable byte buffer: doubling under a hard maximum. */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#define BUF_LEAST_BYTES 64

void lh_buf_init(struct lh_buf *buf, size_t max) {
  *buf = (struct lh_buf){.max = max};
}

void lh_buf_clear(struct lh_buf *buf) {
  free(buf->data);
  buf->data = NULL;
  buf->len = 0;
  buf->cap = 0;
}

static lh_status refuse_growth(const struct lh_buf *buf, size_t extra, struct lh_error *err) {
  return lh_error_set(err, LH_ERROR_MEMORY, "a buffer would pass its limit of %zu bytes (%zu used, %zu more)",
                      buf->max, buf->len, extra);
}

static lh_status set_capacity(struct lh_buf *buf, size_t cap, struct lh_error *err) {
  uint8_t *const data = realloc(buf->data, cap);
  if (data == NULL) {
    return lh_error_memory(err);
  }
  buf->data = data;
  buf->cap = cap;
  return LH_OK;
}

lh_status lh_buf_grow(struct lh_buf *buf, size_t extra, struct lh_error *err) {
  if (extra > buf->max - buf->len) {
    return refuse_growth(buf, extra, err);
  }
  const size_t needed = buf->len + extra;
  size_t cap = buf->cap > BUF_LEAST_BYTES ? buf->cap : BUF_LEAST_BYTES;
  while (cap < needed && cap <= SIZE_MAX / 2) {
    cap *= 2;
  }
  cap = cap < buf->max ? cap : buf->max;
  return set_capacity(buf, cap < needed ? needed : cap, err);
}

lh_status lh_buf_reserve_exact(struct lh_buf *buf, size_t extra, struct lh_error *err) {
  if (buf->cap - buf->len >= extra) {
    return LH_OK;
  }
  return extra > buf->max - buf->len ? refuse_growth(buf, extra, err)
                                     : set_capacity(buf, buf->len + extra, err);
}

lh_status lh_buf_append_str(struct lh_buf *buf, const char *text, struct lh_error *err) {
  return lh_buf_append(buf, text, strlen(text), err);
}

lh_status lh_buf_append_byte(struct lh_buf *buf, uint8_t byte, struct lh_error *err) {
  return lh_buf_append(buf, &byte, 1, err);
}

lh_status lh_buf_printf(struct lh_buf *buf, struct lh_error *err, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const int length = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (length < 0) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "a text could not be formatted");
  }
  LH_TRY(lh_buf_reserve(buf, (size_t)length + 1, err));
  va_start(args, format);
  vsnprintf((char *)buf->data + buf->len, (size_t)length + 1, format, args);
  va_end(args);
  buf->len += (size_t)length;
  return LH_OK;
}

lh_status lh_buf_cstr(struct lh_buf *buf, const char **out, struct lh_error *err) {
  LH_TRY(lh_buf_reserve(buf, 1, err));
  buf->data[buf->len] = '\0';
  *out = (const char *)buf->data;
  return LH_OK;
}
