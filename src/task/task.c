/* Which kind of task is run how, and what all kinds share: part names, writer options, reading back. */
#include "task/task.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "postgres/types/decode.h"
#include "task/extract.h"
#include "task/file_metadata.h"
#include "task/output.h"
#include "task/partition/partition_task.h"

/* The program, its libraries and libpq before anything is read. */
#define PROGRAM_BYTES (UINT64_C(20) << 20)
/* A batch and a connection, and for each column the pages and dictionary that it cannot do without. */
#define STREAM_LEAST_BYTES (UINT64_C(8) << 20)
#define LEAF_LEAST_BYTES (UINT64_C(96) << 10)
/* Of a stream's memory, what is on its way to a lake elsewhere. */
#define UPLOAD_SHARE 4
/* Of a task with partitions, what rows wait in until their partition is written. */
#define SET_ASIDE_SHARE 4
/* What the engine is left with beside the program itself when files are verified. */
#define VERIFY_SHARE_BYTES (UINT64_C(64) << 20)
#define VERIFY_LEAST_ENGINE_BYTES (UINT64_C(64) << 20)

static uint64_t leaf_count(const struct lh_schema *schema) {
  uint64_t leaves = 0;
  for (size_t i = 0; i < schema->field_count; i++) {
    leaves += lh_field_leaf_count(&schema->fields[i]);
  }
  return leaves;
}

void lh_task_fit_memory(struct lh_extraction *extraction, uint64_t memory_bytes, struct lh_store *store,
                        struct lh_parquet_writer_options *options, const struct lh_observer *observer) {
  const struct lh_schema *const schema = &extraction->relation->schema;
  const uint64_t left = memory_bytes > 2 * PROGRAM_BYTES ? memory_bytes - PROGRAM_BYTES : memory_bytes / 2;
  const uint64_t least = STREAM_LEAST_BYTES + leaf_count(schema) * LEAF_LEAST_BYTES +
                         (store != NULL ? lh_store_least_upload_bytes(store) : 0);
  const uint64_t most = left / least;
  const uint64_t wanted = extraction->request.streams > 1 ? (uint64_t)extraction->request.streams : 1;
  const uint64_t streams = most < 1 ? 1 : most < wanted ? most : wanted;
  extraction->request.streams = (int)streams;
  const uint64_t share = left / streams;
  const uint64_t upload = store != NULL ? lh_store_fit_uploads(store, (size_t)(share / UPLOAD_SHARE)) : 0;
  lh_output_fit_memory(options, schema, share > 2 * upload ? share - upload : share / 2);
  if (most < 1) {
    char message[256];
    snprintf(message, sizeof(message),
             "%s has %" PRIu64 " columns, which may take about %" PRIu64
             " MB; this task's share of memory is %" PRIu64 " MB",
             extraction->relation->name, leaf_count(schema), (least + PROGRAM_BYTES) >> 20,
             memory_bytes >> 20);
    lh_observer_warning(observer, message);
  }
}

struct lh_pg_session lh_task_session(const struct lh_project *project, const struct lh_task_spec *spec,
                                     struct lh_arena *arena) {
  return (struct lh_pg_session){
      .application_name = lh_arena_printf(arena, "lakehaul %s", spec->name),
      .lock_timeout_ms = project->lock_timeout_ms,
      .statement_timeout_ms = project->statement_timeout_ms,
  };
}

static uint64_t verify_memory(uint64_t memory_bytes) {
  return memory_bytes < VERIFY_SHARE_BYTES + VERIFY_LEAST_ENGINE_BYTES ? VERIFY_LEAST_ENGINE_BYTES
                                                                       : memory_bytes - VERIFY_SHARE_BYTES;
}

lh_status lh_task_create_part(void *context, uint32_t number, struct lh_arena *arena, const char **name,
                              struct lh_sink **out, struct lh_error *err) {
  const struct lh_task_request *const request = context;
  const struct lh_catalog_part part = {.table = request->spec->name,
                                       .version = request->version,
                                       .number = number,
                                       .is_flat = request->spec->catalog == LH_CATALOG_CRAWLER};
  *name = lh_catalog_part_key(&part, arena);
  return *name != NULL ? lh_store_create(request->store, *name, out, err) : lh_error_memory(err);
}

static const struct lh_column_settings *settings_of(const struct lh_task_spec *spec,
                                                    const struct lh_field *field) {
  const char *const name = field->source_name != NULL ? field->source_name : field->name;
  for (size_t i = 0; i < spec->settings_count; i++) {
    if (strcmp(spec->settings[i].column, name) == 0) {
      return &spec->settings[i];
    }
  }
  return NULL;
}

static bool is_key(const struct lh_field *field, const char *const *primary_key, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(primary_key[i], field->name) == 0) {
      return true;
    }
  }
  return false;
}

/* Rows are looked up by UUIDs and by what the primary key is made of. Whether a filter would help is seen
 * from the values as they are written. */
static enum lh_bloom_policy bloom_of(const struct lh_task_spec *spec,
                                     const struct lh_column_settings *settings, const struct lh_field *field,
                                     bool is_key_field) {
  if (settings != NULL && settings->has_bloom) {
    return settings->bloom ? LH_BLOOM_ALWAYS : LH_BLOOM_NONE;
  }
  return !spec->no_bloom && (field->type == LH_TYPE_UUID || is_key_field) ? LH_BLOOM_AUTO : LH_BLOOM_NONE;
}

/* What the task says of how its columns are written. */
static lh_status set_column_options(const struct lh_task_spec *spec, const struct lh_task_result *result,
                                    struct lh_arena *arena, struct lh_parquet_writer_options *out,
                                    struct lh_error *err) {
  const struct lh_schema *const schema = &result->schema;
  out->compat = spec->compat;
  struct lh_parquet_column_options *const columns =
      LH_ARENA_ARRAY(arena, struct lh_parquet_column_options, schema->field_count);
  if (columns == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < schema->field_count; i++) {
    const struct lh_column_settings *const settings = settings_of(spec, &schema->fields[i]);
    const struct lh_field *const field = &schema->fields[i];
    const bool is_key_field = is_key(field, result->primary_key, result->primary_key_count);
    columns[i] = (struct lh_parquet_column_options){.bloom = bloom_of(spec, settings, field, is_key_field)};
    if (settings != NULL) {
      columns[i].encoding = settings->encoding;
    }
  }
  out->columns = columns;
  return LH_OK;
}

lh_status lh_task_check_columns(const struct lh_task_spec *spec, const struct lh_schema *schema,
                                struct lh_arena *arena, struct lh_error *err) {
  struct lh_parquet_writer_options options;
  lh_parquet_writer_options_default(&options);
  const struct lh_task_result result = {.schema = *schema};
  LH_TRY(set_column_options(spec, &result, arena, &options, err));
  if (spec->partition_by.count > 0) {
    struct lh_partition_plan plan;
    LH_TRY(lh_partition_plan_make(&spec->partition_by, schema, arena, &plan, err));
  }
  return lh_parquet_check_schema(schema, &options, err);
}

lh_status lh_task_writer_options(const struct lh_task_request *request, const struct lh_task_result *result,
                                 struct lh_arena *arena, struct lh_parquet_writer_options *out,
                                 struct lh_error *err) {
  const char *columns = "";
  const char *primary_key = "";
  LH_TRY(lh_metadata_columns(&result->schema, arena, &columns, err));
  LH_TRY(lh_metadata_names(result->primary_key, result->primary_key_count, arena, &primary_key, err));
  const struct lh_key_value pairs[] = {
      {"lakehaul.table", request->spec->name},
      {"lakehaul.source", result->source},
      {"lakehaul.snapshot_time", request->snapshot_time},
      {"lakehaul.snapshot_lsn", request->snapshot_lsn},
      {"lakehaul.comment", result->comment != NULL ? result->comment : ""},
      {"lakehaul.primary_key", primary_key},
      {"lakehaul.columns", columns},
  };
  const size_t count = sizeof(pairs) / sizeof(pairs[0]);
  struct lh_key_value *const metadata = LH_ARENA_ARRAY(arena, struct lh_key_value, count);
  if (metadata == NULL) {
    return lh_error_memory(err);
  }
  lh_parquet_writer_options_default(out);
  for (size_t i = 0; i < count; i++) {
    if (pairs[i].value[0] != '\0') {
      metadata[out->metadata_count++] = pairs[i];
    }
  }
  out->metadata = metadata;
  out->codec = request->spec->codec;
  out->codec_level = request->spec->codec_level;
  out->sort_columns = result->sorted;
  out->sort_column_count = result->sorted_count;
  LH_TRY(set_column_options(request->spec, result, arena, out, err));
  return LH_OK;
}

static lh_status add_part(const struct lh_task_request *request, const struct lh_part *part,
                          struct lh_arena *arena, struct lh_task_result *out, struct lh_error *err) {
  struct lh_source *source = NULL;
  LH_TRY(lh_store_open_object(request->store, part->name, &source, err));
  const uint64_t bytes = source->size_bytes;
  const lh_status status = lh_output_check(source, part->rows, err);
  lh_source_free(source);
  LH_TRY(status);
  const char *const key = lh_arena_strdup(arena, part->name);
  if (key == NULL) {
    return lh_error_memory(err);
  }
  out->files[out->file_count++] = (struct lh_task_file){key, part->rows, bytes};
  out->rows += part->rows;
  out->bytes += bytes;
  return LH_OK;
}

lh_status lh_task_add_parts(const struct lh_task_request *request, struct lh_parts *parts,
                            struct lh_arena *arena, struct lh_task_result *out, struct lh_error *err) {
  lh_parts_sort(parts);
  out->files = LH_ARENA_ARRAY(arena, struct lh_task_file, parts->finished_count);
  if (out->files == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < parts->finished_count; i++) {
    LH_TRY(add_part(request, &parts->finished[i], arena, out, err));
  }
  return LH_OK;
}

static lh_status count_replaced(const struct lh_pg_relation *relation, struct lh_arena *arena,
                                struct lh_task_result *out, struct lh_error *err) {
  struct lh_task_replaced *const replaced =
      LH_ARENA_ARRAY(arena, struct lh_task_replaced, relation->column_count);
  if (replaced == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < relation->column_count; i++) {
    struct lh_pg_replaced *const counted = relation->columns[i].replaced;
    replaced[i] = (struct lh_task_replaced){0};
    if (counted != NULL) {
      replaced[i].nulls = atomic_load(&counted->nulls);
      replaced[i].clamped = atomic_load(&counted->clamped);
    }
  }
  out->replaced = replaced;
  return LH_OK;
}

static lh_status describe_extraction(const struct lh_task_request *request,
                                     const struct lh_pg_relation *relation, struct lh_arena *arena,
                                     struct lh_task_result *out, struct lh_error *err) {
  out->schema = relation->schema;
  out->comment = relation->comment;
  out->primary_key = relation->primary_key;
  out->primary_key_count = relation->primary_key_count;
  out->sorted = relation->sorted;
  out->sorted_count = relation->sorted_count;
  out->source =
      request->spec->kind == LH_TASK_QUERY ? "query" : lh_arena_printf(arena, "table %s", relation->name);
  return out->source != NULL ? lh_task_check_schema(request, arena, out, err) : lh_error_memory(err);
}

/* The parts allocate from an arena of their own, since streams make them side by side. */
static lh_status copy_parts(const struct lh_task_request *request, struct lh_extraction *extraction,
                            const struct lh_parquet_writer_options *options,
                            struct lh_task_partitions *partitions, struct lh_arena *arena,
                            struct lh_arena *part_arena, struct lh_task_result *out, struct lh_error *err) {
  struct lh_parts parts;
  lh_task_parts_init(&parts, request, options, partitions, &out->schema, part_arena);
  lh_status status = lh_extraction_copy(extraction, &parts, request->observer, arena, err);
  if (status == LH_OK) {
    status = lh_task_add_parts(request, &parts, arena, out, err);
  }
  lh_parts_clear(&parts);
  return status;
}

static lh_status copy_extraction(const struct lh_task_request *request, struct lh_extraction *extraction,
                                 struct lh_arena *arena, struct lh_task_result *out, struct lh_error *err) {
  struct lh_pg_relation *const relation = extraction->relation;
  struct lh_task_partitions partitions = {0};
  const bool is_partitioned = request->spec->partition_by.count > 0;
  const uint64_t aside_bytes = is_partitioned ? request->memory_bytes / SET_ASIDE_SHARE : 0;
  LH_TRY(describe_extraction(request, relation, arena, out, err));
  if (is_partitioned) {
    LH_TRY(lh_task_partitions_init(&partitions, request, arena, out, err));
    LH_TRY(lh_task_partitions_choose(&partitions, extraction->connection, relation, arena, out, err));
  }
  lh_observer_started(request->observer, relation->estimated_rows);
  struct lh_parquet_writer_options options;
  LH_TRY(lh_task_writer_options(request, out, arena, &options, err));
  if (is_partitioned) {
    LH_TRY(lh_task_partitions_fit_options(&partitions, arena, &options, err));
  }
  LH_TRY(lh_output_note_names(&options, &out->schema, arena, err));
  lh_task_fit_memory(extraction, request->memory_bytes - aside_bytes, request->store, &options,
                     request->observer);
  partitions.partitioning.memory_bytes = aside_bytes / (uint64_t)extraction->request.streams;
  struct lh_arena part_arena;
  lh_arena_init(&part_arena, 0);
  lh_status status = copy_parts(request, extraction, &options, is_partitioned ? &partitions : NULL, arena,
                                &part_arena, out, err);
  lh_arena_clear(&part_arena);
  if (status == LH_OK && is_partitioned) {
    status = lh_task_partitions_list(&partitions, arena, out, err);
  }
  LH_TRY(status);
  return count_replaced(relation, arena, out, err);
}

/* On the connection of the extraction, whose transaction still has its snapshot. */
static lh_status verify_files(const struct lh_task_request *request, const struct lh_extraction *extraction,
                              const struct lh_task_input *lake, struct lh_arena *arena,
                              struct lh_verify_result *out, struct lh_error *err) {
  const char **const files = LH_ARENA_ARRAY(arena, const char *, lake->key_count);
  if (files == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < lake->key_count; i++) {
    files[i] = lh_store_locate(request->store, lake->keys[i], arena);
    if (files[i] == NULL) {
      return lh_error_memory(err);
    }
  }
  const struct lh_verify_request verify = {
      .connection = extraction->connection,
      .relation = extraction->relation,
      .is_table = request->spec->kind == LH_TASK_TABLE,
      .store = request->store,
      .files = files,
      .file_count = lake->key_count,
      .partitions = lake->is_partitioned ? &lake->partitions : NULL,
      .memory_bytes = verify_memory(request->memory_bytes),
      .threads = request->threads,
      .temp_directory = request->temp_directory,
      .interrupt = request->interrupt,
  };
  return lh_verify(&verify, arena, out, err);
}

/* A proof of less than everything says so. */
static lh_status warn_of_uncompared(const struct lh_task_request *request,
                                    const struct lh_verify_result *verified, struct lh_arena *arena,
                                    struct lh_error *err) {
  static const struct {
    enum lh_verify_extent extent;
    const char *said;
  } parts[] = {{LH_VERIFY_BY_COUNT, "the values were only counted"},
               {LH_VERIFY_NOT_AT_ALL, "nothing was compared"}};
  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
    const char *const names = lh_verify_list_columns(verified, parts[i].extent, arena);
    const char *const text =
        names != NULL
            ? lh_arena_printf(arena, "verification: of %s %s: SQL cannot show what the lake is to hold",
                              names, parts[i].said)
            : NULL;
    if (text == NULL) {
      return lh_error_memory(err);
    }
    if (names[0] != '\0') {
      lh_observer_warning(request->observer, text);
    }
  }
  return LH_OK;
}

/* What was written as the version that it would be. */
static lh_status written_input(const struct lh_task_request *request, const struct lh_task_result *result,
                               struct lh_arena *arena, struct lh_task_input *out, struct lh_error *err) {
  struct lh_lake_file *const files = LH_ARENA_ARRAY(arena, struct lh_lake_file, result->file_count);
  struct lh_lake_column *const columns =
      LH_ARENA_ARRAY(arena, struct lh_lake_column, result->schema.field_count);
  if (files == NULL || columns == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < result->file_count; i++) {
    files[i].key = result->files[i].key;
  }
  for (size_t i = 0; i < result->schema.field_count; i++) {
    columns[i].name = result->schema.fields[i].name;
  }
  const struct lh_lake_version version = {
      .table = request->spec->name,
      .files = files,
      .file_count = result->file_count,
      .columns = columns,
      .column_count = result->schema.field_count,
      .partition_keys = result->partition_keys,
      .partition_key_count = result->partition_key_count,
  };
  return lh_task_make_input(&version, false, arena, out, err);
}

static lh_status verify_before_publication(const struct lh_task_request *request,
                                           const struct lh_extraction *extraction, struct lh_arena *arena,
                                           const struct lh_task_result *result, struct lh_error *err) {
  struct lh_verify_result verified;
  struct lh_task_input written;
  LH_TRY(written_input(request, result, arena, &written, err));
  LH_TRY(verify_files(request, extraction, &written, arena, &verified, err));
  if (!verified.differs) {
    return warn_of_uncompared(request, &verified, arena, err);
  }
  const lh_status status = lh_verify_set_error(&verified, err);
  lh_error_hint(err,
                "nothing was published; a query whose result is not the same each time cannot be "
                "verified, else please report this");
  return status;
}

static struct lh_extract_request extract_request(const struct lh_task_request *request) {
  const struct lh_task_spec *const spec = request->spec;
  return (struct lh_extract_request){
      .source = request->source,
      .session = request->session,
      .snapshot_id = request->snapshot_id,
      .table = spec->kind == LH_TASK_TABLE ? spec->table : NULL,
      .query = spec->kind == LH_TASK_QUERY ? spec->query : NULL,
      .select = lh_extraction_select(spec, request->limit),
      .streams = spec->sort_by_count > 0 ? 1 : request->streams,
      .split_column = spec->split_by,
      .rate_bytes = request->rate_bytes,
  };
}

/* Under a LIMIT, both readings must come upon the rows in the same order. */
static lh_status read_in_order(const struct lh_extraction *extraction, struct lh_arena *arena,
                               struct lh_error *err) {
  static const char *const settings[] = {"SET LOCAL synchronize_seqscans = off",
                                         "SET LOCAL max_parallel_workers_per_gather = 0"};
  struct lh_pg_rows none;
  for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
    LH_TRY(lh_pg_query(extraction->connection, settings[i], NULL, 0, arena, &none, err));
  }
  return LH_OK;
}

static lh_status run_extraction(const struct lh_task_request *request, struct lh_arena *arena,
                                struct lh_task_result *out, struct lh_error *err) {
  const struct lh_extract_request extract = extract_request(request);
  struct lh_extraction extraction;
  lh_status status = lh_extraction_open(&extraction, &extract, request->interrupt, arena, err);
  if (status == LH_OK && request->verify && request->limit >= 0) {
    status = read_in_order(&extraction, arena, err);
  }
  if (status == LH_OK) {
    status = copy_extraction(request, &extraction, arena, out, err);
  }
  if (status == LH_OK && request->verify) {
    status = verify_before_publication(request, &extraction, arena, out, err);
  }
  lh_extraction_close(&extraction);
  return status;
}

lh_status lh_task_verify(const struct lh_task_request *request, const struct lh_task_input *lake,
                         struct lh_arena *arena, struct lh_verify_result *out, struct lh_error *err) {
  const struct lh_extract_request extract = extract_request(request);
  struct lh_extraction extraction;
  lh_status status = lh_extraction_open(&extraction, &extract, request->interrupt, arena, err);
  if (status == LH_OK) {
    status = verify_files(request, &extraction, lake, arena, out, err);
  }
  lh_extraction_close(&extraction);
  LH_TRY(lh_interrupt_check(request->interrupt, err));
  return status;
}

static lh_status run_kind(const struct lh_task_request *request, struct lh_arena *arena,
                          struct lh_task_result *out, struct lh_error *err) {
  switch (request->spec->kind) {
    case LH_TASK_TABLE:
    case LH_TASK_QUERY:
      return run_extraction(request, arena, out, err);
    case LH_TASK_SQL:
      return request->spec->engine == LH_ENGINE_DUCKDB ? lh_task_run_sql(request, arena, out, err)
                                                       : lh_task_run_sql_elsewhere(request, arena, out, err);
    case LH_TASK_COMMAND:
      return lh_task_run_command(request, arena, out, err);
  }
  return lh_error_set(err, LH_ERROR_INTERNAL, "task kind %d is unknown", (int)request->spec->kind);
}

lh_status lh_task_run(const struct lh_task_request *request, struct lh_arena *arena,
                      struct lh_task_result *out, struct lh_error *err) {
  *out = (struct lh_task_result){0};
  const lh_status status = run_kind(request, arena, out, err);
  /* What a signal cancelled fails in many ways; the cause is the signal. */
  LH_TRY(lh_interrupt_check(request->interrupt, err));
  return status;
}
