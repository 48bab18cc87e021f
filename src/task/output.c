/* Batches into one Parquet file, counted and read back. */
#include "task/output.h"

#include <inttypes.h>

#include "base/json.h"
#include "parquet/footer.h"

/* The rest of a task's budget goes to open pages, dictionaries, the batch and libpq. */
#define OUTPUT_BUFFER_SHARE 6
#define NAMES_MAX_BYTES ((size_t)16 << 20)
#define OUTPUT_LEAST_BUFFER_BYTES ((size_t)4 << 20)

void lh_output_fit_memory(struct lh_parquet_writer_options *options, uint64_t memory_bytes) {
  size_t share = (size_t)(memory_bytes / OUTPUT_BUFFER_SHARE);
  if (share < OUTPUT_LEAST_BUFFER_BYTES) {
    share = OUTPUT_LEAST_BUFFER_BYTES;
  }
  if (share < options->row_group_buffer_bytes) {
    options->row_group_buffer_bytes = share;
  }
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

lh_status lh_output_open(struct lh_output *output, const struct lh_schema *schema,
                         const struct lh_parquet_writer_options *options, struct lh_sink *sink,
                         struct lh_error *err) {
  *output = (struct lh_output){.sink = sink};
  return lh_parquet_writer_new(schema, options, sink, &output->writer, err);
}

lh_status lh_output_write(struct lh_output *output, const struct lh_batch *batch, struct lh_error *err) {
  LH_TRY(lh_parquet_writer_write(output->writer, batch, err));
  output->rows += batch->row_count;
  return LH_OK;
}

lh_status lh_output_finish(struct lh_output *output, struct lh_error *err) {
  LH_TRY(lh_parquet_writer_finish(output->writer, err));
  return lh_sink_finish(output->sink, err);
}

void lh_output_clear(struct lh_output *output) {
  lh_parquet_writer_free(output->writer);
  lh_sink_free(output->sink);
  *output = (struct lh_output){0};
}

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
