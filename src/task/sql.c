/* SQL tasks: the embedded engine over lake tables, its result through the same writer as extracted rows. */
#include <strings.h>

#include "engine/duckdb.h"
#include "task/output.h"
#include "task/partition/partition_task.h"
#include "task/task.h"

/* What the Parquet writer, the batch and the program itself need beside the engine. */
#define SQL_WRITER_SHARE_BYTES (UINT64_C(96) << 20)
/* Of that, what rows wait in until their partition is written. */
#define SQL_SET_ASIDE_BYTES (UINT64_C(32) << 20)
/* And what is on its way to a lake elsewhere. */
#define SQL_UPLOAD_BYTES ((size_t)16 << 20)
#define SQL_LEAST_ENGINE_BYTES (UINT64_C(64) << 20)

static void interrupt_engine(void *target) {
  lh_engine_interrupt(target);
}

static uint64_t engine_memory(uint64_t memory_bytes) {
  if (memory_bytes < SQL_WRITER_SHARE_BYTES + SQL_LEAST_ENGINE_BYTES) {
    return SQL_LEAST_ENGINE_BYTES;
  }
  return memory_bytes - SQL_WRITER_SHARE_BYTES;
}

static lh_status add_inputs(const struct lh_task_request *request, struct lh_engine *engine,
                            struct lh_arena *arena, struct lh_error *err) {
  for (size_t i = 0; i < request->input_count; i++) {
    LH_TRY(lh_task_add_input(&request->inputs[i], request->store, engine, arena, err));
  }
  return LH_OK;
}

/* Rows go into part after part. */
static lh_status write_batch(struct lh_output *output, const struct lh_batch *batch, struct lh_error *err) {
  LH_TRY(lh_output_write(output, batch, err));
  return lh_output_is_full(output) ? lh_output_finish_part(output, err) : LH_OK;
}

static lh_status copy_batches(const struct lh_task_request *request, struct lh_engine_result *result,
                              struct lh_batch *batch, struct lh_output *output, struct lh_error *err) {
  uint64_t rows = 0;
  for (;;) {
    LH_TRY(lh_interrupt_check(request->interrupt, err));
    lh_batch_reset(batch);
    LH_TRY(lh_engine_fetch(result, batch, err));
    if (batch->row_count == 0) {
      LH_TRY(lh_output_finish_part(output, err));
      return lh_output_write_empty(output, err);
    }
    LH_TRY(write_batch(output, batch, err));
    rows += batch->row_count;
    lh_observer_progress(request->observer, rows, 0);
  }
}

static lh_status copy_result(const struct lh_task_request *request, struct lh_engine_result *result,
                             struct lh_parts *parts, struct lh_error *err) {
  struct lh_batch batch = {0};
  struct lh_output output;
  lh_output_init(&output, parts);
  lh_status status = lh_batch_init(&batch, lh_engine_result_schema(result), LH_BATCH_ROWS, err);
  if (status == LH_OK) {
    status = copy_batches(request, result, &batch, &output, err);
  }
  lh_output_clear(&output);
  lh_batch_clear(&batch);
  return status;
}

/* How the engine has sorted the rows; it does not tell "Id" from "id". */
static lh_status note_order(const struct lh_task_spec *spec, struct lh_arena *arena,
                            struct lh_task_result *out, struct lh_error *err) {
  struct lh_sorted_field *const sorted =
      LH_ARENA_ARRAY(arena, struct lh_sorted_field, spec->sort_by_count + 1);
  if (sorted == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < spec->sort_by_count; i++) {
    const struct lh_sort_key *const key = &spec->sort_by[i];
    size_t field = 0;
    while (field < out->schema.field_count && strcasecmp(out->schema.fields[field].name, key->column) != 0) {
      field++;
    }
    sorted[i] = (struct lh_sorted_field){
        .field = field, .is_descending = key->is_descending, .nulls_first = key->is_descending};
  }
  out->sorted = sorted;
  out->sorted_count = spec->sort_by_count;
  return LH_OK;
}

static lh_status write_result(const struct lh_task_request *request, struct lh_engine_result *result,
                              struct lh_arena *arena, struct lh_task_result *out, struct lh_error *err) {
  LH_TRY(lh_schema_copy(lh_engine_result_schema(result), arena, &out->schema, err));
  LH_TRY(note_order(request->spec, arena, out, err));
  LH_TRY(lh_task_check_schema(request, arena, out, err));
  struct lh_parquet_writer_options options;
  struct lh_parts parts;
  struct lh_task_partitions partitions;
  const bool is_partitioned = request->spec->partition_by.count > 0;
  const uint64_t aside_bytes = is_partitioned ? SQL_SET_ASIDE_BYTES : 0;
  if (is_partitioned) {
    LH_TRY(lh_task_partitions_init(&partitions, request, arena, out, err));
    partitions.partitioning.memory_bytes = aside_bytes;
  }
  LH_TRY(lh_task_writer_options(request, out, arena, &options, err));
  if (is_partitioned) {
    LH_TRY(lh_task_partitions_fit_options(&partitions, arena, &options, err));
  }
  const uint64_t upload_bytes = lh_store_fit_uploads(request->store, SQL_UPLOAD_BYTES);
  lh_output_fit_memory(&options, &out->schema, SQL_WRITER_SHARE_BYTES - aside_bytes - upload_bytes);
  lh_task_parts_init(&parts, request, &options, is_partitioned ? &partitions : NULL, &out->schema, arena);
  lh_status status = copy_result(request, result, &parts, err);
  if (status == LH_OK) {
    status = lh_task_add_parts(request, &parts, arena, out, err);
  }
  if (status == LH_OK && is_partitioned) {
    status = lh_task_partitions_list(&partitions, arena, out, err);
  }
  lh_parts_clear(&parts);
  return status;
}

lh_status lh_task_write_select(const struct lh_task_request *request, struct lh_engine *engine,
                               const char *sql, struct lh_arena *arena, struct lh_task_result *out,
                               struct lh_error *err) {
  struct lh_engine_result *result = NULL;
  const struct lh_engine_sort sort = {request->spec->sort_by, request->spec->sort_by_count};
  const lh_status prepared = lh_engine_query_sorted(engine, sql, &sort, &result, err);
  if (prepared != LH_OK) {
    return request->spec->kind == LH_TASK_SQL ? lh_error_prefix(err, "%s", request->spec->sql_path)
                                              : prepared;
  }
  const lh_status status = write_result(request, result, arena, out, err);
  lh_engine_result_free(result);
  return status;
}

/* Of a view only the columns are asked for: the SELECT is bound and no row is read. */
static lh_status describe_view(const struct lh_task_request *request, struct lh_engine *engine,
                               struct lh_arena *arena, struct lh_task_result *out, struct lh_error *err) {
  lh_status status = lh_engine_describe(engine, request->spec->sql, arena, &out->schema, err);
  if (status != LH_OK) {
    return lh_error_prefix(err, "%s", request->spec->sql_path);
  }
  out->source = lh_arena_printf(arena, "view %s", request->spec->sql_path);
  return out->source != NULL ? lh_task_check_schema(request, arena, out, err) : lh_error_memory(err);
}

static lh_status run_in_engine(const struct lh_task_request *request, struct lh_engine *engine,
                               struct lh_arena *arena, struct lh_task_result *out, struct lh_error *err) {
  LH_TRY(add_inputs(request, engine, arena, err));
  if (request->spec->is_view) {
    return describe_view(request, engine, arena, out, err);
  }
  out->source = lh_arena_printf(arena, "sql %s", request->spec->sql_path);
  if (out->source == NULL) {
    return lh_error_memory(err);
  }
  return lh_task_write_select(request, engine, request->spec->sql, arena, out, err);
}

lh_status lh_task_open_engine(const struct lh_task_request *request, struct lh_engine **out,
                              struct lh_error *err) {
  const struct lh_engine_options options = {
      .memory_bytes = engine_memory(request->memory_bytes),
      .threads = request->threads,
      .temp_directory = request->temp_directory,
  };
  LH_TRY(lh_engine_open(&options, out, err));
  lh_interrupt_set(request->interrupt, interrupt_engine, *out);
  return LH_OK;
}

void lh_task_close_engine(const struct lh_task_request *request, struct lh_engine *engine) {
  lh_interrupt_set(request->interrupt, NULL, NULL);
  lh_engine_free(engine);
}

lh_status lh_task_run_sql(const struct lh_task_request *request, struct lh_arena *arena,
                          struct lh_task_result *out, struct lh_error *err) {
  struct lh_engine *engine = NULL;
  LH_TRY(lh_task_open_engine(request, &engine, err));
  lh_observer_started(request->observer, -1);
  const lh_status status = run_in_engine(request, engine, arena, out, err);
  lh_task_close_engine(request, engine);
  return status;
}
