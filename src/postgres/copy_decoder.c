/* Rows of a COPY stream into column batches: every length is checked against the message before it is used.
 */
#include "postgres/copy_decoder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres/copy_reader.h"
#include "postgres/copy_step.h"
#include "postgres/types/decode.h"

#define SIGNATURE "PGCOPY\n\377\r\n" /* and the NUL that ends it here, too */
#define SIGNATURE_BYTES 11
#define HEADER_BYTES (SIGNATURE_BYTES + 8)
#define FLAG_OIDS (UINT32_C(1) << 16)
#define CRITICAL_FLAGS UINT32_C(0xffff0000)
#define LENGTH_BYTES 4
#define COUNT_BYTES 2
#define TRAILER (-1)

lh_status lh_copy_decoder_init(struct lh_copy_decoder *decoder, const struct lh_pg_relation *relation,
                               struct lh_error *err) {
  *decoder = (struct lh_copy_decoder){.relation = relation, .batch_rows = lh_batch_rows(&relation->schema)};
  decoder->steps = calloc(relation->column_count > 0 ? relation->column_count : 1, sizeof(*decoder->steps));
  if (decoder->steps == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < relation->column_count; i++) {
    lh_copy_step_init(&decoder->steps[i], relation->columns[i].decoder);
  }
  return LH_OK;
}

void lh_copy_decoder_clear(struct lh_copy_decoder *decoder) {
  free(decoder->steps);
  decoder->steps = NULL;
}

/* Sets the bits from `first` to the end of the byte that `end` is in, which holds no bits past `end` yet. */
static void set_valid(uint8_t *validity, size_t first, size_t end) {
  if (first % 8 != 0) {
    validity[first / 8] |= (uint8_t)(0xff << first % 8);
    first = (first / 8 + 1) * 8;
  }
  if (first < end) {
    memset(validity + first / 8, 0xff, (end - first + 7) / 8);
  }
}

static void clear_valid(uint8_t *validity, size_t first, size_t end) {
  if (first % 8 != 0) {
    validity[first / 8] &= (uint8_t) ~(0xff << first % 8);
    first = (first / 8 + 1) * 8;
  }
  if (first < end) {
    memset(validity + first / 8, 0, (end - first + 7) / 8);
  }
}

/* Room for another batch_rows, marked valid before they are there. */
static lh_status reserve_rows(struct lh_copy_decoder *decoder, struct lh_batch *batch, struct lh_error *err) {
  for (size_t i = 0; i < batch->column_count; i++) {
    struct lh_column *const column = &batch->columns[i];
    column->length = batch->row_count;
    LH_TRY(lh_column_reserve(column, decoder->batch_rows, err));
    if (column->validity != NULL) {
      set_valid(column->validity, batch->row_count, batch->row_count + decoder->batch_rows);
    }
    decoder->steps[i].column = column;
    decoder->steps[i].values = column->values;
    decoder->steps[i].offsets = column->offsets;
  }
  decoder->reserved_rows = batch->row_count + decoder->batch_rows;
  return LH_OK;
}

lh_status lh_copy_decoder_begin_batch(struct lh_copy_decoder *decoder, struct lh_batch *batch,
                                      struct lh_error *err) {
  if (batch->column_count != decoder->relation->column_count) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "a batch of %zu columns for %s, which has %zu",
                        batch->column_count, decoder->relation->name, decoder->relation->column_count);
  }
  decoder->reserved_rows = 0;
  return reserve_rows(decoder, batch, err);
}

void lh_copy_decoder_end_batch(struct lh_copy_decoder *decoder, struct lh_batch *batch) {
  for (size_t i = 0; i < batch->column_count; i++) {
    struct lh_column *const column = &batch->columns[i];
    column->length = batch->row_count;
    if (column->validity != NULL) {
      clear_valid(column->validity, batch->row_count, decoder->reserved_rows);
    }
  }
}

static lh_status corrupt(const struct lh_copy_decoder *decoder, const char *what, struct lh_error *err) {
  lh_error_set(err, LH_ERROR_CORRUPT, "%s, row %" PRIu64 ": %s", decoder->relation->name, decoder->rows + 1,
               what);
  snprintf(err->table, sizeof(err->table), "%s", decoder->relation->name);
  err->row = (int64_t)(decoder->rows + 1);
  lh_error_hint(err, "what arrived is not PostgreSQL's binary COPY format: is there a proxy in between?");
  return LH_ERROR_CORRUPT;
}

/* Puts table, column and row in front of what a decoder said of the value. */
static lh_status locate(const struct lh_copy_decoder *decoder, size_t column, struct lh_error *err) {
  const char *const table = decoder->relation->name;
  const char *const name = decoder->relation->columns[column].name;
  if (err->code == LH_ERROR_MEMORY) {
    return err->code;
  }
  lh_error_prefix(err, "%s, column \"%s\", row %" PRIu64, table, name, decoder->rows + 1);
  snprintf(err->table, sizeof(err->table), "%s", table);
  snprintf(err->column, sizeof(err->column), "%s", name);
  err->row = (int64_t)(decoder->rows + 1);
  return err->code;
}

static lh_status read_header(struct lh_copy_decoder *decoder, const uint8_t **at, const uint8_t *end,
                             struct lh_error *err) {
  const uint8_t *const bytes = *at;
  if (end - bytes < HEADER_BYTES) {
    return corrupt(decoder, "the COPY stream ends within its header", err);
  }
  if (memcmp(bytes, SIGNATURE, SIGNATURE_BYTES) != 0) {
    return corrupt(decoder, "the COPY stream does not begin with PGCOPY", err);
  }
  const uint32_t flags = lh_pg_load_u32(bytes + SIGNATURE_BYTES);
  const uint32_t extension = lh_pg_load_u32(bytes + SIGNATURE_BYTES + 4);
  if ((flags & CRITICAL_FLAGS) != 0) {
    return corrupt(
        decoder,
        (flags & FLAG_OIDS) != 0 ? "the COPY stream has row oids" : "the COPY stream has unknown flags", err);
  }
  if (extension > (size_t)(end - bytes - HEADER_BYTES)) {
    return corrupt(decoder, "the COPY stream ends within its header's extension", err);
  }
  *at = bytes + HEADER_BYTES + extension;
  decoder->started = true;
  return LH_OK;
}

static lh_status refuse_length(const struct lh_copy_decoder *decoder, size_t column, ptrdiff_t left,
                               int32_t length, struct lh_error *err) {
  if (length < 0) {
    lh_error_set(err, LH_ERROR_CORRUPT, "a value has a length of %" PRId32, length);
  } else {
    lh_error_set(err, LH_ERROR_CORRUPT, "the row ends within the value (%" PRId32 " bytes, %td sent)", length,
                 left);
  }
  return locate(decoder, column, err);
}

/* The column as it is for a decoder: as long as the row says, and not marked valid yet. */
static struct lh_column *expose(const struct lh_copy_step *step, size_t row) {
  struct lh_column *const column = step->column;
  column->length = row;
  if (column->validity != NULL) {
    column->validity[row >> 3] &= (uint8_t) ~(1U << (row & 7));
  }
  return column;
}

static lh_status call_decoder(const struct lh_copy_decoder *decoder, const struct lh_copy_step *step,
                              size_t row, const uint8_t *bytes, size_t length, struct lh_error *err) {
  const lh_status status = step->decoder->decode(step->decoder, bytes, length, expose(step, row), err);
  return __builtin_expect(status == LH_OK, 1) ? LH_OK : locate(decoder, (size_t)(step - decoder->steps), err);
}

/* A null, or a length that cannot be. */
static lh_status put_nothing(const struct lh_copy_decoder *decoder, const struct lh_copy_step *step,
                             size_t row, uint32_t length, ptrdiff_t left, struct lh_error *err) {
  const size_t index = (size_t)(step - decoder->steps);
  if (__builtin_expect(length != UINT32_MAX, 0)) {
    return refuse_length(decoder, index, left, (int32_t)length, err);
  }
  const lh_status status = lh_pg_put_null(expose(step, row), err);
  return __builtin_expect(status == LH_OK, 1) ? LH_OK : locate(decoder, index, err);
}

/* The values of one row, the count of which has been checked. */
static lh_status decode_values(struct lh_copy_decoder *decoder, const uint8_t **at, const uint8_t *end,
                               const struct lh_batch *batch, struct lh_error *err) {
  const struct lh_copy_step *const steps_end = decoder->steps + batch->column_count;
  const size_t row = batch->row_count;
  const uint8_t *bytes = *at;
  for (const struct lh_copy_step *step = decoder->steps; step != steps_end; step++) {
    if (__builtin_expect(end - bytes < LENGTH_BYTES, 0)) {
      return corrupt(decoder, "the row ends before its last value", err);
    }
    const uint32_t length = lh_pg_load_u32(bytes); /* a negative one is large */
    bytes += LENGTH_BYTES;
    const size_t left = (size_t)(end - bytes);
    if (__builtin_expect(length > left, 0)) {
      LH_TRY(put_nothing(decoder, step, row, length, end - bytes, err));
      continue;
    }
    if (__builtin_expect(!lh_copy_step_put(step, row, bytes, length, left), 0)) {
      LH_TRY(call_decoder(decoder, step, row, bytes, length, err));
    }
    bytes += length;
  }
  *at = bytes;
  return LH_OK;
}

static lh_status refuse_count(const struct lh_copy_decoder *decoder, int count, struct lh_error *err) {
  char what[96];
  snprintf(what, sizeof(what), "the row has %d columns, and %zu were asked for", count,
           decoder->relation->column_count);
  return corrupt(decoder, what, err);
}

lh_status lh_copy_decoder_feed(struct lh_copy_decoder *decoder, const uint8_t *bytes, size_t size,
                               size_t max_rows, struct lh_batch *batch, size_t *used, struct lh_error *err) {
  const uint8_t *at = bytes;
  const uint8_t *const end = bytes + size;
  if (__builtin_expect(!decoder->started, 0)) {
    LH_TRY(read_header(decoder, &at, end, err));
  }
  while (at != end && batch->row_count < max_rows) {
    if (decoder->ended) {
      return corrupt(decoder, "there are bytes after the end of the COPY stream", err);
    }
    if (end - at < COUNT_BYTES) {
      return corrupt(decoder, "the COPY stream ends within a row", err);
    }
    const int count = (int16_t)lh_pg_load_u16(at);
    at += COUNT_BYTES;
    if (count == TRAILER) {
      decoder->ended = true;
      continue;
    }
    if (__builtin_expect((size_t)count != batch->column_count, 0)) {
      return refuse_count(decoder, count, err);
    }
    if (__builtin_expect(batch->row_count == decoder->reserved_rows, 0)) {
      LH_TRY(reserve_rows(decoder, batch, err));
    }
    LH_TRY(decode_values(decoder, &at, end, batch, err));
    batch->row_count++;
    decoder->rows++;
  }
  *used = (size_t)(at - bytes);
  return LH_OK;
}

lh_status lh_copy_decoder_finish(const struct lh_copy_decoder *decoder, struct lh_error *err) {
  return decoder->ended ? LH_OK : corrupt(decoder, "the COPY stream ends without its trailer", err);
}

lh_status lh_copy_decode_stream(const struct lh_pg_relation *relation, const uint8_t *bytes, size_t size,
                                struct lh_batch *batch, struct lh_error *err) {
  struct lh_copy_decoder decoder;
  size_t used = 0;
  lh_status status = lh_copy_decoder_init(&decoder, relation, err);
  if (status == LH_OK) {
    status = lh_copy_decoder_begin_batch(&decoder, batch, err);
  }
  if (status == LH_OK) {
    status = lh_copy_decoder_feed(&decoder, bytes, size, SIZE_MAX, batch, &used, err);
    lh_copy_decoder_end_batch(&decoder, batch);
  }
  if (status == LH_OK) {
    status = lh_copy_decoder_finish(&decoder, err);
  }
  lh_copy_decoder_clear(&decoder);
  return status;
}
