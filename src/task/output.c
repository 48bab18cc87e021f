/* Batches into the Parquet files of a version, one part after the other, counted and read back. */
#include "task/output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "parquet/footer.h"
#include "task/partition/partition_router.h"

/* What of an output's budget goes to the compressed pages of the open row group, to the open pages of all
 * columns, and to their dictionaries; the rest to the batch, the connection and what is rounded up. */
#define BUFFER_SHARE 6
#define PAGES_SHARE 6
#define DICTIONARIES_SHARE 6
/* Bloom filters count towards the open row group. */
#define BLOOM_SHARE 20
#define LEAST_BUFFER_BYTES ((size_t)2 << 20)
#define LEAST_PAGE_BYTES ((size_t)16 << 10)
#define NAMES_MAX_BYTES ((size_t)16 << 20)

/* `share`, but between `least` and what is set. */
static size_t fit(size_t set, uint64_t share, size_t least) {
  const size_t fitting = share < least ? least : (size_t)share;
  return fitting < set ? fitting : set;
}

void lh_output_fit_memory(struct lh_parquet_writer_options *options, const struct lh_schema *schema,
                          uint64_t memory_bytes) {
  uint64_t leaves = 1;
  for (size_t i = 0; i < schema->field_count; i++) {
    leaves += lh_field_leaf_count(&schema->fields[i]);
  }
  const uint64_t per_column = memory_bytes / leaves;
  options->row_group_buffer_bytes =
      fit(options->row_group_buffer_bytes, memory_bytes / BUFFER_SHARE, LEAST_BUFFER_BYTES);
  options->page_bytes = fit(options->page_bytes, per_column / PAGES_SHARE, LEAST_PAGE_BYTES);
  options->dictionary_bytes =
      fit(options->dictionary_bytes, per_column / DICTIONARIES_SHARE, LEAST_PAGE_BYTES);
  options->bloom_bytes = fit(options->bloom_bytes, memory_bytes / BLOOM_SHARE, 0);
}

static lh_status add_metadata(struct lh_parquet_writer_options *options, const char *key, const char *value,
                              struct lh_arena *arena, struct lh_error *err) {
  struct lh_key_value *const pairs = LH_ARENA_ARRAY(arena, struct lh_key_value, options->metadata_count + 1);
  if (pairs == NULL || value == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < options->metadata_count; i++) {
    pairs[i] = options->metadata[i];
  }
  pairs[options->metadata_count++] = (struct lh_key_value){key, value};
  options->metadata = pairs;
  return LH_OK;
}

lh_status lh_output_note_names(struct lh_parquet_writer_options *options, const struct lh_schema *schema,
                               struct lh_arena *arena, struct lh_error *err) {
  json_t *const names = json_object();
  for (size_t i = 0; i < schema->field_count; i++) {
    if (schema->fields[i].source_name != NULL) {
      json_object_set_new(names, schema->fields[i].name, json_string(schema->fields[i].source_name));
    }
  }
  if (json_object_size(names) == 0) {
    json_decref(names);
    return LH_OK;
  }
  struct lh_buf text;
  lh_buf_init(&text, NAMES_MAX_BYTES);
  lh_status status = lh_json_take_append(names, false, &text, err);
  if (status == LH_OK) {
    status = add_metadata(options, "lakehaul.source_names",
                          lh_arena_strndup(arena, (const char *)text.data, text.len), arena, err);
  }
  lh_buf_clear(&text);
  return status;
}

/* -------- the parts of a version -------- */

void lh_parts_init(struct lh_parts *parts, const struct lh_schema *schema,
                   const struct lh_parquet_writer_options *options, uint64_t part_bytes,
                   lh_part_create_function *create, void *context, struct lh_arena *arena) {
  *parts = (struct lh_parts){
      .schema = schema,
      .options = options,
      .part_bytes = part_bytes,
      .create = create,
      .context = context,
      .arena = arena,
  };
  pthread_mutex_init(&parts->lock, NULL);
}

void lh_parts_clear(struct lh_parts *parts) {
  pthread_mutex_destroy(&parts->lock);
}

static lh_status create_part(struct lh_parts *parts, const char **name, struct lh_sink **sink,
                             struct lh_error *err) {
  pthread_mutex_lock(&parts->lock);
  const lh_status status = parts->create(parts->context, parts->next_number, parts->arena, name, sink, err);
  parts->next_number++;
  pthread_mutex_unlock(&parts->lock);
  return status;
}

static lh_status grow_list(struct lh_parts *parts, struct lh_error *err) {
  const size_t capacity = parts->finished_capacity * 2 + 8;
  struct lh_part *const list = LH_ARENA_ARRAY(parts->arena, struct lh_part, capacity);
  if (list == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < parts->finished_count; i++) {
    list[i] = parts->finished[i];
  }
  parts->finished = list;
  parts->finished_capacity = capacity;
  return LH_OK;
}

static lh_status list_part(struct lh_parts *parts, const char *name, uint64_t rows, struct lh_error *err) {
  lh_status status = LH_OK;
  pthread_mutex_lock(&parts->lock);
  if (parts->finished_count == parts->finished_capacity) {
    status = grow_list(parts, err);
  }
  if (status == LH_OK) {
    parts->finished[parts->finished_count++] = (struct lh_part){name, rows};
  }
  pthread_mutex_unlock(&parts->lock);
  return status;
}

lh_status lh_parts_add(struct lh_parts *parts, const char *name, uint64_t rows, struct lh_error *err) {
  pthread_mutex_lock(&parts->lock);
  const char *const copy = lh_arena_strdup(parts->arena, name);
  pthread_mutex_unlock(&parts->lock);
  return copy != NULL ? list_part(parts, copy, rows, err) : lh_error_memory(err);
}

uint32_t lh_parts_next_number(struct lh_parts *parts) {
  pthread_mutex_lock(&parts->lock);
  const uint32_t number = parts->next_number++;
  pthread_mutex_unlock(&parts->lock);
  return number;
}

static int compare_names(const void *a, const void *b) {
  return strcmp(((const struct lh_part *)a)->name, ((const struct lh_part *)b)->name);
}

/* -------- one stream's part -------- */

void lh_output_init(struct lh_output *output, struct lh_parts *parts) {
  *output = (struct lh_output){.parts = parts};
}

static lh_status begin_part(struct lh_output *output, struct lh_error *err) {
  struct lh_parts *const parts = output->parts;
  LH_TRY(create_part(parts, &output->name, &output->sink, err));
  return lh_parquet_writer_new(parts->schema, parts->options, output->sink, &output->writer, err);
}

static lh_status write_partitions(struct lh_output *output, const struct lh_batch *batch,
                                  struct lh_error *err) {
  if (output->router == NULL) {
    LH_TRY(lh_partition_router_new(output, &output->router, err));
  }
  return lh_partition_router_write(output->router, batch, err);
}

lh_status lh_output_write(struct lh_output *output, const struct lh_batch *batch, struct lh_error *err) {
  if (output->parts->partitioning != NULL) {
    return write_partitions(output, batch, err);
  }
  if (output->writer == NULL) {
    LH_TRY(begin_part(output, err));
  }
  LH_TRY(lh_parquet_writer_write(output->writer, batch, err));
  output->rows += batch->row_count;
  return LH_OK;
}

bool lh_output_is_full(const struct lh_output *output) {
  if (output->writer == NULL || output->parts->part_bytes == 0) {
    return false;
  }
  return output->sink->bytes_written + lh_parquet_writer_buffered_bytes(output->writer) >=
         output->parts->part_bytes;
}

lh_status lh_output_finish_part(struct lh_output *output, struct lh_error *err) {
  if (output->router != NULL) {
    return lh_partition_router_finish(output->router, err);
  }
  if (output->writer == NULL) {
    return LH_OK;
  }
  if (output->before_footer != NULL) {
    LH_TRY(output->before_footer(output->context, output->writer, err));
  }
  LH_TRY(lh_parquet_writer_finish(output->writer, err));
  LH_TRY(lh_sink_finish(output->sink, err));
  LH_TRY(list_part(output->parts, output->name, output->rows, err));
  lh_output_drop_part(output);
  return LH_OK;
}

void lh_output_drop_part(struct lh_output *output) {
  if (output->router != NULL) {
    lh_partition_router_drop(output->router);
  }
  lh_parquet_writer_free(output->writer);
  lh_sink_free(output->sink);
  output->writer = NULL;
  output->sink = NULL;
  output->name = NULL;
  output->rows = 0;
}

void lh_output_clear(struct lh_output *output) {
  lh_output_drop_part(output);
  lh_partition_router_free(output->router);
  *output = (struct lh_output){0};
}

static lh_status finish_without_rows(struct lh_output *output, struct lh_error *err) {
  struct lh_parts *const parts = output->parts;
  LH_TRY(begin_part(output, err));
  if (output->before_footer != NULL) {
    LH_TRY(output->before_footer(output->context, output->writer, err));
  }
  LH_TRY(lh_parquet_writer_finish(output->writer, err));
  LH_TRY(lh_sink_finish(output->sink, err));
  return list_part(parts, output->name, 0, err);
}

lh_status lh_output_write_empty(struct lh_output *output, struct lh_error *err) {
  if (output->parts->finished_count > 0) {
    return LH_OK;
  }
  const lh_status status = finish_without_rows(output, err);
  lh_output_drop_part(output);
  return status;
}

void lh_parts_sort(struct lh_parts *parts) {
  qsort(parts->finished, parts->finished_count, sizeof(parts->finished[0]), compare_names);
}

/* -------- reading back -------- */

lh_status lh_output_check(struct lh_source *source, uint64_t rows, struct lh_error *err) {
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  struct lh_parquet_footer *footer = NULL;
  lh_status status = lh_parquet_footer_read(source, &arena, &footer, err);
  if (status == LH_OK && (uint64_t)footer->num_rows != rows) {
    status = lh_error_set(err, LH_ERROR_CORRUPT, "%s holds %" PRId64 " rows after writing %" PRIu64,
                          source->name, footer->num_rows, rows);
    lh_error_hint(err, "nothing was published; please report this");
  }
  lh_arena_clear(&arena);
  return status;
}
