/*
 * BYTE_STREAM_SPLIT encoder: a transposition of bytes. The loop over values is the outer one, so that each
 * value is read once; the streams are written side by side.
 */
#include "parquet/byte_stream_split.h"

static inline __attribute__((always_inline)) void split(const uint8_t *values, size_t count, size_t width,
                                                        uint8_t *out) {
  for (size_t i = 0; i < count; i++) {
    for (size_t byte = 0; byte < width; byte++) {
      out[byte * count + i] = values[i * width + byte];
    }
  }
}

lh_status lh_byte_stream_split_append(const uint8_t *values, size_t count, size_t width, struct lh_buf *out,
                                      struct lh_error *err) {
  LH_TRY(lh_buf_reserve(out, count * width, err));
  uint8_t *const at = out->data + out->len;
  switch (width) {
    case 4:
      split(values, count, 4, at);
      break;
    case 8:
      split(values, count, 8, at);
      break;
    default:
      split(values, count, width, at);
  }
  out->len += count * width;
  return LH_OK;
}
