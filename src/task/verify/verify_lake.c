/* Canonical texts and hashes of what DuckDB reads from the Parquet files. They follow the types that DuckDB
 * finds in the files, not those that the writer was told. */
/* MD5 is a checksum here; the low-level functions need no look-up per value. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <inttypes.h>
#include <math.h>
#include <openssl/md5.h>
#include <stdio.h>
#include <string.h>

#include "column/format.h"
#include "task/task.h"
#include "task/verify/verify_impl.h"

#define TABLE_NAME "lake_table"
#define HASH_BITS 60
#define DAYS_TO_2000 10957
#define MICROS_TO_2000 (INT64_C(946684800) * 1000000)
#define SCRATCH_MAX_BYTES ((size_t)2 << 30)

/* -------- canonical texts -------- */

static lh_status append_hex(uint64_t value, int digits, struct lh_buf *out, struct lh_error *err) {
  static const char symbols[] = "0123456789abcdef";
  LH_TRY(lh_buf_reserve(out, (size_t)digits, err));
  for (int i = digits - 1; i >= 0; i--) {
    out->data[out->len++] = (uint8_t)symbols[(value >> (4 * i)) & 15];
  }
  return LH_OK;
}

static int64_t load_integer(const struct lh_column *column, size_t index) {
  int32_t small;
  int64_t large;
  if (column->width == sizeof(small)) {
    memcpy(&small, column->values + index * sizeof(small), sizeof(small));
    return small;
  }
  memcpy(&large, column->values + index * sizeof(large), sizeof(large));
  return large;
}

static lh_status append_float(const struct lh_column *column, size_t index, struct lh_buf *out,
                              struct lh_error *err) {
  float single;
  double full;
  uint32_t single_bits;
  uint64_t full_bits;
  if (column->field->type == LH_TYPE_FLOAT) {
    memcpy(&single, column->values + index * sizeof(single), sizeof(single));
    memcpy(&single_bits, &single, sizeof(single));
    return isnan(single) ? lh_buf_append_str(out, "nan", err) : append_hex(single_bits, 8, out, err);
  }
  memcpy(&full, column->values + index * sizeof(full), sizeof(full));
  memcpy(&full_bits, &full, sizeof(full));
  return isnan(full) ? lh_buf_append_str(out, "nan", err) : append_hex(full_bits, 16, out, err);
}

static lh_status append_decimal(const struct lh_column *column, size_t index, struct lh_buf *out,
                                struct lh_error *err) {
  lh_int128 value;
  if (column->width == sizeof(value)) {
    memcpy(&value, column->values + index * sizeof(value), sizeof(value));
  } else {
    value = load_integer(column, index);
  }
  char text[LH_UINT128_TEXT_MAX];
  const lh_uint128 magnitude = value < 0 ? -(lh_uint128)value : (lh_uint128)value;
  const char *const digits = lh_uint128_format(magnitude, text);
  const int scale = column->field->scale;
  const int count = (int)strlen(digits);
  const int zeros = count > scale ? 0 : scale + 1 - count;
  if (scale == 0) {
    return lh_buf_printf(out, err, "%s%s", value < 0 ? "-" : "", digits);
  }
  if (zeros > 0) {
    return lh_buf_printf(out, err, "%s0.%.*s%s", value < 0 ? "-" : "", zeros - 1,
                         "00000000000000000000000000000000000000", digits);
  }
  return lh_buf_printf(out, err, "%s%.*s.%s", value < 0 ? "-" : "", count - scale, digits,
                       digits + (count - scale));
}

static lh_status append_uuid(const struct lh_column *column, size_t index, struct lh_buf *out,
                             struct lh_error *err) {
  const uint8_t *const bytes = column->values + index * 16;
  for (size_t i = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      LH_TRY(lh_buf_append_byte(out, '-', err));
    }
    LH_TRY(append_hex(bytes[i], 2, out, err));
  }
  return LH_OK;
}

/* 12:00:00 or 12:00:00.25 */
static lh_status append_time(int64_t micros, struct lh_buf *out, struct lh_error *err) {
  const int64_t seconds = micros / 1000000;
  const int64_t fraction = micros % 1000000;
  LH_TRY(lh_buf_printf(out, err, "%02" PRId64 ":%02" PRId64 ":%02" PRId64, seconds / 3600, seconds / 60 % 60,
                       seconds % 60));
  if (fraction == 0) {
    return LH_OK;
  }
  LH_TRY(lh_buf_printf(out, err, ".%06" PRId64, fraction));
  while (out->data[out->len - 1] == '0') {
    out->len--;
  }
  return LH_OK;
}

static lh_status append_elements(const struct lh_column *column, size_t index, struct lh_buf *out,
                                 struct lh_error *err) {
  if (column->field->type == LH_TYPE_STRUCT) {
    for (size_t i = 0; i < column->child_count; i++) {
      LH_TRY(lh_verify_append_frame(&column->children[i], index, out, err));
    }
    return LH_OK;
  }
  for (int32_t i = column->offsets[index]; i < column->offsets[index + 1]; i++) {
    for (size_t j = 0; j < column->child_count; j++) {
      LH_TRY(lh_verify_append_frame(&column->children[j], (size_t)i, out, err));
    }
  }
  return LH_OK;
}

static lh_status append_canonical(const struct lh_column *column, size_t index, struct lh_buf *out,
                                  struct lh_error *err) {
  switch (column->field->type) {
    case LH_TYPE_BOOL:
      return lh_buf_append_byte(out, column->values[index] != 0 ? 't' : 'f', err);
    case LH_TYPE_INT8:
    case LH_TYPE_INT16:
    case LH_TYPE_INT32:
    case LH_TYPE_INT64:
      return lh_buf_printf(out, err, "%" PRId64, load_integer(column, index));
    case LH_TYPE_FLOAT:
    case LH_TYPE_DOUBLE:
      return append_float(column, index, out, err);
    case LH_TYPE_DECIMAL:
      return append_decimal(column, index, out, err);
    case LH_TYPE_STRING:
    case LH_TYPE_JSON:
    case LH_TYPE_BINARY: {
      size_t size = 0;
      const uint8_t *const bytes = lh_column_bytes(column, index, &size);
      return lh_buf_append(out, bytes, size, err);
    }
    case LH_TYPE_UUID:
      return append_uuid(column, index, out, err);
    case LH_TYPE_TIME:
      return append_time(load_integer(column, index), out, err);
    case LH_TYPE_DATE:
      return append_hex((uint32_t)load_integer(column, index) - DAYS_TO_2000, 8, out, err);
    case LH_TYPE_TIMESTAMP:
      return append_hex((uint64_t)load_integer(column, index) - MICROS_TO_2000, 16, out, err);
    case LH_TYPE_LIST:
    case LH_TYPE_STRUCT:
    case LH_TYPE_MAP:
      return append_elements(column, index, out, err);
  }
  return lh_error_set(err, LH_ERROR_INTERNAL, "column \"%s\" is of an unknown type", column->field->name);
}

/* -------- hashes -------- */

uint64_t lh_verify_hash_bytes(const void *bytes, size_t size) {
  MD5_CTX state;
  uint8_t digest[MD5_DIGEST_LENGTH];
  MD5_Init(&state);
  MD5_Update(&state, bytes, size);
  MD5_Final(digest, &state);
  uint64_t head;
  memcpy(&head, digest, sizeof(head));
  return __builtin_bswap64(head) >> (64 - HASH_BITS);
}

lh_status lh_verify_hash_value(const struct lh_column *column, size_t index, struct lh_buf *scratch,
                               uint64_t *hash, struct lh_error *err) {
  if (lh_type_is_variable(column->field->type)) {
    size_t size = 0;
    const uint8_t *const bytes = lh_column_bytes(column, index, &size);
    *hash = lh_verify_hash_bytes(bytes, size);
    return LH_OK;
  }
  lh_buf_reset(scratch);
  LH_TRY(append_canonical(column, index, scratch, err));
  *hash = lh_verify_hash_bytes(scratch->data, scratch->len);
  return LH_OK;
}

static lh_status append_digest(const void *bytes, size_t size, struct lh_buf *out, struct lh_error *err) {
  MD5_CTX state;
  uint8_t digest[MD5_DIGEST_LENGTH];
  MD5_Init(&state);
  MD5_Update(&state, bytes, size);
  MD5_Final(digest, &state);
  for (size_t i = 0; i < sizeof(digest); i++) {
    LH_TRY(append_hex(digest[i], 2, out, err));
  }
  return LH_OK;
}

lh_status lh_verify_append_frame(const struct lh_column *column, size_t index, struct lh_buf *out,
                                 struct lh_error *err) {
  if (!lh_column_is_valid(column, index)) {
    return lh_buf_append(out, "N,", 2, err);
  }
  const size_t start = out->len;
  LH_TRY(append_canonical(column, index, out, err));
  if (!lh_verify_is_plain(column->field->type)) {
    /* The digest goes behind the text first, then in its place. */
    const size_t end = out->len;
    LH_TRY(append_digest(out->data + start, end - start, out, err));
    memmove(out->data + start, out->data + end, out->len - end);
    out->len = start + (out->len - end);
  }
  return lh_buf_append_byte(out, ',', err);
}

/* -------- reading -------- */

/* Whichever of the two is at work. */
static void interrupt_both(void *target) {
  const struct lh_verify_lake *const lake = target;
  lh_engine_interrupt(lake->engine);
  lh_pg_cancel(lake->request->connection);
}

static lh_status read_schema(struct lh_verify_lake *lake, struct lh_error *err) {
  struct lh_engine_result *result = NULL;
  LH_TRY(lh_engine_query(lake->engine, "SELECT * FROM " TABLE_NAME " LIMIT 0", &result, err));
  const lh_status status = lh_schema_copy(lh_engine_result_schema(result), lake->arena, &lake->schema, err);
  lh_engine_result_free(result);
  return status;
}

/* DuckDB does not tell "a" from "A", and calls the second of a file's columns "A_1". */
static bool is_name_for(const char *read, const char *name) {
  const size_t length = strlen(name);
  if (strncmp(read, name, length) != 0) {
    return false;
  }
  return read[length] == '\0' || (read[length] == '_' && read[length + 1] != '\0' &&
                                  strspn(read + length + 1, "0123456789") == strlen(read + length + 1));
}

static bool are_in_order(const struct lh_schema *read, const struct lh_schema *expected) {
  if (read->field_count != expected->field_count) {
    return false;
  }
  for (size_t i = 0; i < read->field_count; i++) {
    if (!is_name_for(read->fields[i].name, expected->fields[i].name)) {
      return false;
    }
  }
  return true;
}

static lh_status match_columns(struct lh_verify_lake *lake, struct lh_error *err) {
  const struct lh_schema *const expected = &lake->request->relation->schema;
  const bool in_order = are_in_order(&lake->schema, expected);
  lake->columns = LH_ARENA_ARRAY(lake->arena, size_t, expected->field_count);
  if (lake->columns == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < expected->field_count; i++) {
    const ptrdiff_t found = lh_schema_find(&lake->schema, expected->fields[i].name);
    lake->columns[i] = in_order ? i : found >= 0 ? (size_t)found : SIZE_MAX;
  }
  return LH_OK;
}

lh_status lh_verify_lake_open(const struct lh_verify_request *request, struct lh_arena *arena,
                              struct lh_verify_lake *out, struct lh_error *err) {
  *out = (struct lh_verify_lake){.request = request, .arena = arena};
  lh_buf_init(&out->scratch, SCRATCH_MAX_BYTES);
  lh_verify_jsonb_init(&out->jsonb);
  const struct lh_engine_options options = {
      .memory_bytes = request->memory_bytes,
      .threads = 1,
      .temp_directory = request->temp_directory,
      .raw_times = true,
  };
  LH_TRY(lh_engine_open(&options, &out->engine, err));
  lh_interrupt_set(request->interrupt, interrupt_both, out);
  LH_TRY(lh_task_reach_lake(request->store, out->engine, err));
  LH_TRY(request->partitions != NULL
             ? lh_engine_add_partitioned_table(out->engine, TABLE_NAME, request->files, request->file_count,
                                               request->partitions, err)
             : lh_engine_add_table(out->engine, TABLE_NAME, request->files, request->file_count, err));
  LH_TRY(read_schema(out, err));
  return match_columns(out, err);
}

void lh_verify_lake_close(struct lh_verify_lake *lake) {
  if (lake->request != NULL) {
    lh_interrupt_set(lake->request->interrupt, NULL, NULL);
  }
  lh_engine_free(lake->engine);
  lh_buf_clear(&lake->scratch);
  lh_verify_jsonb_clear(&lake->jsonb);
  *lake = (struct lh_verify_lake){0};
}

/* Columns are named by their place, so that no name needs quoting or folding. */
static lh_status append_scan(const struct lh_verify_lake *lake, const size_t *indexes, size_t count,
                             struct lh_buf *sql, struct lh_error *err) {
  lh_buf_reset(sql);
  LH_TRY(lh_buf_append_str(sql, "SELECT ", err));
  for (size_t i = 0; i < count; i++) {
    LH_TRY(lh_buf_printf(sql, err, "c%zu, ", lake->columns[indexes[i]]));
  }
  LH_TRY(lh_buf_append_str(sql, "true AS present FROM " TABLE_NAME " AS t(", err));
  for (size_t i = 0; i < lake->schema.field_count; i++) {
    LH_TRY(lh_buf_printf(sql, err, "%sc%zu", i == 0 ? "" : ", ", i));
  }
  return lh_buf_append_byte(sql, ')', err);
}

/* Columns that the relation has as VARIANT come as JSON. */
static lh_status rewrite_variants(struct lh_verify_lake *lake, const size_t *indexes, size_t count,
                                  struct lh_batch *batch, struct lh_error *err) {
  for (size_t i = 0; i < count; i++) {
    const struct lh_field *const field = &lake->request->relation->schema.fields[indexes[i]];
    if (field->is_variant && batch->columns[i].field->type == LH_TYPE_JSON) {
      LH_TRY(lh_verify_jsonb_rewrite(&lake->jsonb, &batch->columns[i], err));
    }
  }
  return LH_OK;
}

static lh_status visit_batches(struct lh_verify_lake *lake, struct lh_engine_result *result,
                               const size_t *indexes, size_t count, lh_verify_visit_function *visit,
                               void *context, struct lh_error *err) {
  struct lh_batch batch = {0};
  lh_status status = lh_batch_init(&batch, lh_engine_result_schema(result), LH_BATCH_ROWS, err);
  while (status == LH_OK) {
    status = lh_interrupt_check(lake->request->interrupt, err);
    if (status == LH_OK) {
      lh_batch_reset(&batch);
      status = lh_engine_fetch(result, &batch, err);
    }
    if (status != LH_OK || batch.row_count == 0) {
      break;
    }
    status = rewrite_variants(lake, indexes, count, &batch, err);
    if (status == LH_OK) {
      status = visit(context, &batch, err);
    }
  }
  lh_batch_clear(&batch);
  return status;
}

lh_status lh_verify_lake_scan(struct lh_verify_lake *lake, const size_t *indexes, size_t count,
                              lh_verify_visit_function *visit, void *context, struct lh_error *err) {
  struct lh_engine_result *result = NULL;
  struct lh_buf sql;
  const char *text = NULL;
  lh_buf_init(&sql, LH_VERIFY_SQL_MAX_BYTES);
  lh_status status = append_scan(lake, indexes, count, &sql, err);
  if (status == LH_OK) {
    status = lh_buf_cstr(&sql, &text, err);
  }
  if (status == LH_OK) {
    status = lh_engine_query(lake->engine, text, &result, err);
  }
  if (status == LH_OK) {
    status = visit_batches(lake, result, indexes, count, visit, context, err);
  }
  lh_engine_result_free(result);
  lh_buf_clear(&sql);
  return status;
}
