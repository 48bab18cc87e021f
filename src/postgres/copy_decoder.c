/* Rows of a COPY stream into column batches: every length is checked against the message before it is used.
 */
#include "postgres/copy_decoder.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "postgres/copy_reader.h"
#include "postgres/types/decode.h"

#define SIGNATURE "PGCOPY\n\377\r\n" /* and the NUL that ends it here, too */
#define SIGNATURE_BYTES 11
#define HEADER_BYTES (SIGNATURE_BYTES + 8)
#define FLAG_OIDS (UINT32_C(1) << 16)
#define CRITICAL_FLAGS UINT32_C(0xffff0000)
#define LENGTH_BYTES 4
#define COUNT_BYTES 2
#define TRAILER (-1)

void lh_copy_decoder_init(struct lh_copy_decoder *decoder, const struct lh_pg_relation *relation) {
  *decoder = (struct lh_copy_decoder){.relation = relation};
}

static lh_status reserve_rows(struct lh_copy_decoder *decoder, struct lh_batch *batch, struct lh_error *err) {
  for (size_t i = 0; i < batch->column_count; i++) {
    LH_TRY(lh_column_reserve(&batch->columns[i], LH_BATCH_ROWS, err));
  }
  decoder->reserved_rows = batch->row_count + LH_BATCH_ROWS;
  return LH_OK;
}

lh_status lh_copy_decoder_begin_batch(struct lh_copy_decoder *decoder, struct lh_batch *batch,
                                      struct lh_error *err) {
  if (batch->column_count != decoder->relation->column_count) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "a batch of %zu columns for %s, which has %zu",
                        batch->column_count, decoder->relation->name, decoder->relation->column_count);
  }
  return reserve_rows(decoder, batch, err);
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

/* The values of one row, the count of which has been checked. */
static lh_status decode_values(struct lh_copy_decoder *decoder, const uint8_t **at, const uint8_t *end,
                               struct lh_batch *batch, struct lh_error *err) {
  const struct lh_pg_column *const columns = decoder->relation->columns;
  const size_t count = batch->column_count;
  const uint8_t *bytes = *at;
  for (size_t i = 0; i < count; i++) {
    if (__builtin_expect(end - bytes < LENGTH_BYTES, 0)) {
      return corrupt(decoder, "the row ends before its last value", err);
    }
    const int32_t length = lh_pg_load_i32(bytes);
    bytes += LENGTH_BYTES;
    if (__builtin_expect(length >= 0 && length <= end - bytes, 1)) {
      const struct lh_pg_decoder *const value = columns[i].decoder;
      const lh_status status = value->decode(value, bytes, (size_t)length, &batch->columns[i], err);
      if (__builtin_expect(status != LH_OK, 0)) {
        return locate(decoder, i, err);
      }
      bytes += length;
    } else if (length != -1) {
      return refuse_length(decoder, i, end - bytes, length, err);
    } else if (__builtin_expect(lh_pg_put_null(&batch->columns[i], err) != LH_OK, 0)) {
      return locate(decoder, i, err);
    }
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
  lh_copy_decoder_init(&decoder, relation);
  LH_TRY(lh_copy_decoder_begin_batch(&decoder, batch, err));
  size_t used = 0;
  LH_TRY(lh_copy_decoder_feed(&decoder, bytes, size, SIZE_MAX, batch, &used, err));
  return lh_copy_decoder_finish(&decoder, err);
}
