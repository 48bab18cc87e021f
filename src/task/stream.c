/* One stream: ranges from the queue, each a COPY, into part after part; and what it does when that fails. */
#include "task/stream.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "postgres/copy_reader.h"
#include "postgres/types/decode.h"
#include "postgres/types/postgis.h"
#include "task/partition/partition_router.h"

#define SELECT_MAX_BYTES ((size_t)64 << 20)
/* A stream that is not the only one shall not wait behind somebody who waits for the first one's locks. */
#define OTHERS_LOCK_TIMEOUT_MS 1000
#define RETURNS_MAX 5
#define FIRST_WAIT_MS 500

static void warn(struct lh_stream_team *team, const char *message) {
  pthread_mutex_lock(&team->lock);
  lh_observer_warning(team->observer, message);
  pthread_mutex_unlock(&team->lock);
}

static void add_progress(struct lh_stream *stream, uint64_t rows, uint64_t bytes) {
  struct lh_stream_team *const team = stream->team;
  stream->part_rows += rows;
  stream->part_bytes += bytes;
  pthread_mutex_lock(&team->lock);
  team->rows += rows;
  team->bytes += bytes;
  lh_observer_progress(team->observer, team->rows, team->bytes);
  pthread_mutex_unlock(&team->lock);
}

static void fail(struct lh_stream_team *team, const struct lh_error *err) {
  pthread_mutex_lock(&team->lock);
  const bool is_first = team->err.code == LH_OK;
  if (is_first) {
    team->err = *err;
  }
  pthread_mutex_unlock(&team->lock);
  if (is_first) {
    atomic_store(&team->stop, true);
    lh_range_queue_stop(&team->queue);
    lh_extraction_cancel(team->extraction);
  }
}

/* -------- parts -------- */

/* Files of partitions have fewer columns than the relation. */
static lh_status crs_of_file(struct lh_stream *stream, const char *const **crs, struct lh_error *err) {
  const struct lh_partitioning *const partitioning = stream->team->parts->partitioning;
  if (partitioning == NULL || *crs == NULL) {
    return LH_OK;
  }
  const struct lh_partition_plan *const plan = partitioning->plan;
  const char **const stored = LH_ARENA_ARRAY(&stream->arena, const char *, plan->file_schema.field_count);
  if (stored == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < plan->file_schema.field_count; i++) {
    stored[i] = (*crs)[plan->stored[i]];
  }
  *crs = stored;
  return LH_OK;
}

/* What is known of geometries once the part's have all been seen, into its metadata. */
static lh_status note_geometries(void *context, struct lh_parquet_writer *writer, struct lh_error *err) {
  struct lh_stream *const stream = context;
  const struct lh_parquet_writer_options *const options = stream->team->parts->options;
  struct lh_pg_geo_metadata geo;
  LH_TRY(
      lh_pg_geo_metadata_build(stream->connection, stream->team->split->relation, &stream->arena, &geo, err));
  for (size_t i = 0; i < geo.warning_count; i++) {
    warn(stream->team, geo.warnings[i]);
  }
  if (geo.value == NULL) {
    return LH_OK;
  }
  const size_t count = options->metadata_count;
  struct lh_key_value *const metadata = LH_ARENA_ARRAY(&stream->arena, struct lh_key_value, count + 1);
  if (metadata == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    metadata[i] = options->metadata[i];
  }
  metadata[count] = (struct lh_key_value){"geo", geo.value};
  lh_parquet_writer_set_metadata(writer, metadata, count + 1);
  const char *const *crs = geo.crs;
  LH_TRY(crs_of_file(stream, &crs, err));
  lh_parquet_writer_set_crs(writer, crs);
  return LH_OK;
}

static bool has_geometries(const struct lh_pg_relation *relation) {
  for (size_t i = 0; i < relation->column_count; i++) {
    if (relation->columns[i].decoder->geometries != NULL) {
      return true;
    }
  }
  return false;
}

static lh_status finish_part(struct lh_stream *stream, struct lh_error *err) {
  LH_TRY(lh_output_finish_part(&stream->output, err));
  lh_arena_reset(&stream->arena);
  stream->part_rows = 0;
  stream->part_bytes = 0;
  return LH_OK;
}

/* At the end of a range: all that were read so far are in finished parts. */
static lh_status settle(struct lh_stream *stream, struct lh_error *err) {
  LH_TRY(finish_part(stream, err));
  lh_range_queue_settle(&stream->team->queue, stream->range_count);
  stream->range_count = 0;
  return LH_OK;
}

static void give_back(struct lh_stream *stream) {
  lh_output_drop_part(&stream->output);
  lh_arena_reset(&stream->arena);
  pthread_mutex_lock(&stream->team->lock);
  stream->team->rows -= stream->part_rows;
  stream->team->bytes -= stream->part_bytes;
  pthread_mutex_unlock(&stream->team->lock);
  stream->part_rows = 0;
  stream->part_bytes = 0;
  lh_range_queue_give_back(&stream->team->queue, stream->ranges, stream->range_count);
  stream->range_count = 0;
}

/* -------- reading -------- */

/* While a range is read the connection is busy, so that coordinate systems cannot be asked for. A range that
 * is one of several is small. */
static bool may_cut(const struct lh_stream *stream) {
  const struct lh_pg_split *const split = stream->team->split;
  return split->range_count == 1 && !has_geometries(split->relation);
}

static lh_status copy_batches(struct lh_stream *stream, struct lh_copy_reader *reader, bool cut,
                              struct lh_error *err) {
  struct lh_stream_team *const team = stream->team;
  struct lh_batch *const batch = &stream->batch;
  uint64_t bytes = 0;
  while (!atomic_load(&team->stop)) {
    LH_TRY(lh_interrupt_check(team->extraction->interrupt, err));
    lh_batch_reset(batch);
    LH_TRY(lh_copy_reader_next(reader, batch, err));
    if (batch->row_count == 0) {
      return LH_OK;
    }
    const uint64_t read = lh_copy_reader_bytes(reader) - bytes;
    bytes += read;
    LH_TRY(lh_output_write(&stream->output, batch, err));
    add_progress(stream, batch->row_count, read);
    if (cut && lh_output_is_full(&stream->output)) {
      LH_TRY(finish_part(stream, err));
      stream->range_is_cut = true;
    }
    LH_TRY(lh_pace_wait(&team->pace, read, &team->stop, team->extraction->interrupt, err));
  }
  return lh_error_set(err, LH_ERROR_INTERRUPTED, "another stream has failed");
}

static lh_status copy_range(struct lh_stream *stream, size_t range, struct lh_error *err) {
  const struct lh_pg_split *const split = stream->team->split;
  struct lh_copy_reader *reader = NULL;
  const char *select = NULL;
  stream->range_is_cut = false;
  LH_TRY(lh_pg_split_select(split, range, &stream->select, err));
  LH_TRY(lh_buf_cstr(&stream->select, &select, err));
  lh_status status = lh_copy_reader_open(stream->connection, split->relation, select, &reader, err);
  if (status == LH_OK) {
    status = copy_batches(stream, reader, may_cut(stream), err);
  }
  lh_copy_reader_free(reader);
  if (status != LH_OK && err->row > 0) {
    struct lh_error ignored;
    const char *place = NULL;
    if (lh_pg_split_describe(split, range, &stream->select, &ignored) == LH_OK && stream->select.len > 0 &&
        lh_buf_cstr(&stream->select, &place, &ignored) == LH_OK) {
      lh_error_prefix(err, "%s", place);
    }
  }
  return status;
}

/* -------- when it fails -------- */

static bool is_lock_timeout(const struct lh_error *err) {
  return strcmp(err->sqlstate, "55P03") == 0;
}

/* A lost connection, or a standby's replay that had to go on. Not what an administrator has ended: who does
 * that does not want it to begin again. */
static bool is_passing(const struct lh_error *err) {
  return err->code == LH_ERROR_SOURCE && err->error_class == LH_ERROR_CLASS_RETRYABLE &&
         (strncmp(err->sqlstate, "08", 2) == 0 || strncmp(err->sqlstate, "40", 2) == 0);
}

static lh_status pause(struct lh_stream *stream, struct lh_error *err) {
  const int64_t wait_ms = (int64_t)FIRST_WAIT_MS << stream->returns;
  for (int64_t waited_ms = 0; waited_ms < wait_ms && !atomic_load(&stream->team->stop); waited_ms += 100) {
    LH_TRY(lh_interrupt_check(stream->team->extraction->interrupt, err));
    nanosleep(&(struct timespec){.tv_nsec = 100 * 1000 * 1000}, NULL);
  }
  return LH_OK;
}

static void disconnect(struct lh_stream *stream) {
  lh_extraction_register(stream->team->extraction, stream->number, NULL);
  lh_pg_disconnect(stream->connection);
  stream->connection = NULL;
  if (stream->number == 0) {
    stream->team->extraction->connection = NULL;
  }
}

static lh_status connect(struct lh_stream *stream, struct lh_error *err) {
  struct lh_extraction *const extraction = stream->team->extraction;
  struct lh_pg_session session = extraction->request.session;
  if (stream->number > 0 &&
      (session.lock_timeout_ms == 0 || session.lock_timeout_ms > OTHERS_LOCK_TIMEOUT_MS)) {
    session.lock_timeout_ms = OTHERS_LOCK_TIMEOUT_MS;
  }
  LH_TRY(lh_pg_connect_session(extraction->request.source, &session, &stream->connection, err));
  lh_extraction_register(extraction, stream->number, stream->connection);
  if (stream->number == 0) {
    extraction->connection = stream->connection;
  }
  return lh_pg_begin_read(stream->connection, stream->team->snapshot_id, err);
}

/* The first stream's transaction holds the locks for all. Without them a table could have been emptied in the
 * meantime. */
static lh_status lock_again(struct lh_stream *stream, struct lh_error *err) {
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  const lh_status status =
      lh_pg_lock_relation(stream->connection, stream->team->extraction->relation, &arena, err);
  lh_arena_clear(&arena);
  return status;
}

/* Back on the snapshot over a new connection. */
static lh_status return_to_snapshot(struct lh_stream *stream, const struct lh_error *cause,
                                    struct lh_error *err) {
  struct lh_error again;
  stream->returns++;
  disconnect(stream);
  LH_TRY(pause(stream, err));
  lh_status status = connect(stream, &again);
  if (status == LH_OK && stream->number == 0) {
    LH_TRY(lock_again(stream, err));
  }
  if (status != LH_OK) {
    *err = *cause;
    snprintf(err->message, sizeof(err->message), "%.1200s; nor could a new connection go on: %.600s",
             cause->message, again.message);
    return err->code;
  }
  char message[512];
  snprintf(message, sizeof(message), "a connection was replaced, and what it had read is read again: %.300s",
           cause->message);
  warn(stream->team, message);
  return LH_OK;
}

/* LH_OK: the stream goes on, or, with `*leaves`, ends without harm. */
static lh_status recover(struct lh_stream *stream, bool *leaves, struct lh_error *err) {
  const struct lh_error cause = *err;
  const bool can_return = stream->number > 0 || stream->team->first_can_return;
  const bool gives_way = stream->number > 0 && is_lock_timeout(&cause);
  if (stream->range_is_cut || (!gives_way && (!is_passing(&cause) || !can_return)) ||
      stream->returns == RETURNS_MAX) {
    return cause.code;
  }
  give_back(stream);
  if (gives_way) {
    *leaves = true;
    return LH_OK;
  }
  return return_to_snapshot(stream, &cause, err);
}

static lh_status read_ranges(struct lh_stream *stream, struct lh_error *err) {
  struct lh_range_queue *const queue = &stream->team->queue;
  bool leaves = false;
  while (!leaves) {
    size_t range = 0;
    if (!lh_range_queue_take(queue, &range)) {
      LH_TRY(settle(stream, err));
      if (!lh_range_queue_wait(queue, &range)) {
        break;
      }
    }
    stream->ranges[stream->range_count++] = range;
    lh_status status = copy_range(stream, range, err);
    if (status == LH_OK && lh_output_is_full(&stream->output)) {
      status = settle(stream, err);
    }
    if (status != LH_OK) {
      LH_TRY(recover(stream, &leaves, err));
    }
  }
  return LH_OK;
}

/* -------- its life -------- */

lh_status lh_stream_init(struct lh_stream *stream, struct lh_stream_team *team, size_t number,
                         struct lh_arena *arena, struct lh_error *err) {
  *stream = (struct lh_stream){.team = team, .number = number};
  lh_arena_init(&stream->arena, 0);
  lh_buf_init(&stream->select, SELECT_MAX_BYTES);
  lh_output_init(&stream->output, team->parts);
  stream->output.before_footer = note_geometries;
  stream->output.context = stream;
  stream->ranges = LH_ARENA_ARRAY(arena, size_t, team->split->range_count);
  if (stream->ranges == NULL) {
    return lh_error_memory(err);
  }
  if (number == 0) {
    stream->connection = team->extraction->connection;
  }
  return LH_OK;
}

/* Those beyond the first are help that can be done without. */
static bool begin(struct lh_stream *stream) {
  struct lh_error err;
  if (stream->number == 0 || connect(stream, &err) == LH_OK) {
    return true;
  }
  if (!atomic_load(&stream->team->stop)) {
    char message[768];
    snprintf(message, sizeof(message), "one connection fewer reads %s: %.600s",
             stream->team->split->relation->name, err.message);
    warn(stream->team, message);
  }
  return false;
}

void lh_stream_run(struct lh_stream *stream) {
  struct lh_error err = {0};
  if (!begin(stream)) {
    return;
  }
  const struct lh_schema *const schema = &stream->team->split->relation->schema;
  lh_status status = lh_batch_init(&stream->batch, schema, lh_batch_rows(schema), &err);
  if (status == LH_OK) {
    status = read_ranges(stream, &err);
  }
  if (status != LH_OK) {
    fail(stream->team, &err);
  }
}

void lh_stream_clear(struct lh_stream *stream) {
  if (stream->number > 0) {
    disconnect(stream);
  }
  lh_output_clear(&stream->output);
  lh_batch_clear(&stream->batch);
  lh_buf_clear(&stream->select);
  lh_arena_clear(&stream->arena);
}
