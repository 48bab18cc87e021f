/* From PLAIN values to each of the encodings: the table of types, and the calls. */
#include "parquet/encode.h"

#include "parquet/byte_stream_split.h"
#include "parquet/rle.h"

#define LENGTH_BYTES 4

static bool is_integer(const struct lh_leaf *leaf) {
  return leaf->type == LH_PARQUET_INT32 || leaf->type == LH_PARQUET_INT64;
}

bool lh_encoding_takes(enum lh_parquet_encoding encoding, const struct lh_leaf *leaf) {
  switch (encoding) {
    case LH_PARQUET_PLAIN:
      return true;
    case LH_PARQUET_RLE:
      return leaf->type == LH_PARQUET_BOOLEAN;
    case LH_PARQUET_RLE_DICTIONARY:
      return leaf->type != LH_PARQUET_BOOLEAN;
    case LH_PARQUET_DELTA_BINARY_PACKED:
      return is_integer(leaf);
    case LH_PARQUET_DELTA_LENGTH_BYTE_ARRAY:
      return leaf->type == LH_PARQUET_BYTE_ARRAY;
    case LH_PARQUET_DELTA_BYTE_ARRAY:
      return leaf->type == LH_PARQUET_BYTE_ARRAY || leaf->type == LH_PARQUET_FIXED;
    case LH_PARQUET_BYTE_STREAM_SPLIT:
      return is_integer(leaf) || leaf->type == LH_PARQUET_FLOAT || leaf->type == LH_PARQUET_DOUBLE ||
             leaf->type == LH_PARQUET_FIXED;
    default:
      return false;
  }
}

/* Unlike levels, the length is there in every kind of page. */
static lh_status append_rle_bools(const uint8_t *values, size_t count, struct lh_buf *out,
                                  struct lh_error *err) {
  const size_t start = out->len;
  const uint32_t placeholder = 0;
  LH_TRY(lh_buf_append(out, &placeholder, LENGTH_BYTES, err));
  LH_TRY(lh_rle_append_levels(values, count, 1, out, err));
  const uint32_t size = (uint32_t)(out->len - start - LENGTH_BYTES);
  memcpy(out->data + start, &size, LENGTH_BYTES);
  return LH_OK;
}

/* Byte arrays stay as they are; of the other types each value takes file_width. */
static lh_status append_plain(const struct lh_leaf *leaf, const uint8_t *plain, size_t count,
                              struct lh_buf *out, struct lh_error *err) {
  if (leaf->type == LH_PARQUET_BOOLEAN) {
    return lh_rle_append_bits(plain, count, out, err);
  }
  if (leaf->type != LH_PARQUET_BYTE_ARRAY) {
    return lh_buf_append(out, plain, count * leaf->file_width, err);
  }
  size_t size = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t length = 0;
    memcpy(&length, plain + size, LENGTH_BYTES);
    size += LENGTH_BYTES + length;
  }
  return lh_buf_append(out, plain, size, err);
}

lh_status lh_encode_values(const struct lh_leaf *leaf, struct lh_value_encoding form, const uint8_t *plain,
                           size_t count, struct lh_buf *scratch, struct lh_buf *out, struct lh_error *err) {
  const struct lh_plain_bytes bytes = {
      .data = plain, .count = count, .width = leaf->type == LH_PARQUET_FIXED ? leaf->file_width : 0};
  switch (form.encoding) {
    case LH_PARQUET_PLAIN:
      return append_plain(leaf, plain, count, out, err);
    case LH_PARQUET_RLE:
      return append_rle_bools(plain, count, out, err);
    case LH_PARQUET_DELTA_BINARY_PACKED:
      return leaf->type == LH_PARQUET_INT32
                 ? lh_delta_append_int32((const int32_t *)(const void *)plain, count, form.widths, out, err)
                 : lh_delta_append_int64((const int64_t *)(const void *)plain, count, form.widths, out, err);
    case LH_PARQUET_DELTA_LENGTH_BYTE_ARRAY:
      return lh_delta_append_lengths(&bytes, out, err);
    case LH_PARQUET_DELTA_BYTE_ARRAY:
      return lh_delta_append_strings(&bytes, scratch, out, err);
    case LH_PARQUET_BYTE_STREAM_SPLIT:
      return lh_byte_stream_split_append(plain, count, leaf->file_width, out, err);
    case LH_PARQUET_RLE_DICTIONARY:
    default:
      return lh_error_set(err, LH_ERROR_INTERNAL, "column \"%s\": encoding %d has no encoder",
                          leaf->display_path, (int)form.encoding);
  }
}
