/* Decoders of the geometric types: a point as its two numbers, the others as the text that their output
 * functions print, every number with the fewest digits that read back as the same one. */
#include "column/format.h"
#include "postgres/types/decode.h"

#define NUMBER_BYTES 8
#define POINT_BYTES 16
#define PATH_HEADER_BYTES 5
#define POLYGON_HEADER_BYTES 4
/* The marks around a figure's points and one more number. */
#define FIGURE_TEXT_BYTES (LH_FLOAT_TEXT_MAX + 8)
/* "(x,y)," */
#define POINT_TEXT_BYTES (2 * LH_FLOAT_TEXT_MAX + 4)

lh_status lh_pg_decode_point(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                             struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length != POINT_BYTES, 0)) {
    return lh_pg_wrong_length(decoder, length, POINT_BYTES, err);
  }
  for (size_t i = 0; i < column->child_count; i++) {
    LH_TRY(lh_column_reserve(&column->children[i], 1, err));
    lh_pg_put_64(&column->children[i], lh_pg_load_u64(bytes + NUMBER_BYTES * i));
  }
  lh_column_push_valid(column);
  return LH_OK;
}

/* All that write below have room. */
static void write_byte(struct lh_buf *out, char byte) {
  out->data[out->len++] = (uint8_t)byte;
}

static void write_number(struct lh_buf *out, const uint8_t *bytes) {
  const uint64_t bits = lh_pg_load_u64(bytes);
  double number;
  memcpy(&number, &bits, sizeof(number));
  out->len += lh_float_format(number, false, (char *)(out->data + out->len));
}

static void write_points(struct lh_buf *out, const uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (i > 0) {
      write_byte(out, ',');
    }
    write_byte(out, '(');
    write_number(out, bytes + POINT_BYTES * i);
    write_byte(out, ',');
    write_number(out, bytes + POINT_BYTES * i + NUMBER_BYTES);
    write_byte(out, ')');
  }
}

static lh_status reserve_figure(struct lh_column *column, size_t points, struct lh_error *err) {
  return lh_buf_reserve(&column->data, points * POINT_TEXT_BYTES + FIGURE_TEXT_BYTES, err);
}

lh_status lh_pg_decode_lseg(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                            struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length != 2 * POINT_BYTES, 0)) {
    return lh_pg_wrong_length(decoder, length, 2 * POINT_BYTES, err);
  }
  LH_TRY(reserve_figure(column, 2, err));
  write_byte(&column->data, '[');
  write_points(&column->data, bytes, 2);
  write_byte(&column->data, ']');
  lh_pg_close_bytes(column);
  return LH_OK;
}

lh_status lh_pg_decode_box(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                           struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length != 2 * POINT_BYTES, 0)) {
    return lh_pg_wrong_length(decoder, length, 2 * POINT_BYTES, err);
  }
  LH_TRY(reserve_figure(column, 2, err));
  write_points(&column->data, bytes, 2);
  lh_pg_close_bytes(column);
  return LH_OK;
}

lh_status lh_pg_decode_line(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                            struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length != 3 * NUMBER_BYTES, 0)) {
    return lh_pg_wrong_length(decoder, length, 3 * NUMBER_BYTES, err);
  }
  LH_TRY(reserve_figure(column, 2, err));
  for (size_t i = 0; i < 3; i++) {
    write_byte(&column->data, i == 0 ? '{' : ',');
    write_number(&column->data, bytes + NUMBER_BYTES * i);
  }
  write_byte(&column->data, '}');
  lh_pg_close_bytes(column);
  return LH_OK;
}

lh_status lh_pg_decode_circle(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                              struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length != POINT_BYTES + NUMBER_BYTES, 0)) {
    return lh_pg_wrong_length(decoder, length, POINT_BYTES + NUMBER_BYTES, err);
  }
  LH_TRY(reserve_figure(column, 1, err));
  write_byte(&column->data, '<');
  write_points(&column->data, bytes, 1);
  write_byte(&column->data, ',');
  write_number(&column->data, bytes + POINT_BYTES);
  write_byte(&column->data, '>');
  lh_pg_close_bytes(column);
  return LH_OK;
}

/* A count of points, and the points. */
static lh_status decode_points(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                               bool is_closed, struct lh_column *column, struct lh_error *err) {
  const size_t count = lh_pg_load_u32(bytes);
  if (__builtin_expect(count == 0 || length - POLYGON_HEADER_BYTES != POINT_BYTES * count, 0)) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "a value of type %s claims %zu points in %zu bytes",
                        decoder->type_name, count, length);
  }
  LH_TRY(reserve_figure(column, count, err));
  write_byte(&column->data, is_closed ? '(' : '[');
  write_points(&column->data, bytes + POLYGON_HEADER_BYTES, count);
  write_byte(&column->data, is_closed ? ')' : ']');
  lh_pg_close_bytes(column);
  return LH_OK;
}

lh_status lh_pg_decode_path(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                            struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length < PATH_HEADER_BYTES, 0)) {
    return lh_pg_wrong_length(decoder, length, PATH_HEADER_BYTES + POINT_BYTES, err);
  }
  return decode_points(decoder, bytes + 1, length - 1, bytes[0] != 0, column, err);
}

lh_status lh_pg_decode_polygon(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                               struct lh_column *column, struct lh_error *err) {
  if (__builtin_expect(length < POLYGON_HEADER_BYTES, 0)) {
    return lh_pg_wrong_length(decoder, length, POLYGON_HEADER_BYTES + POINT_BYTES, err);
  }
  return decode_points(decoder, bytes, length, true, column, err);
}
