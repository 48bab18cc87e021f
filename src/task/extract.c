/* Extraction: connect, take the snapshot, describe, then read the ranges over as many streams as there are.
 */
#include "task/extract.h"

#include <inttypes.h>
#include <stdio.h>

#include "postgres/types/decode.h"
#include "task/stream.h"

/* Enough for values that are nested as deep as Parquet goes. */
#define THREAD_STACK_BYTES ((size_t)1 << 20)

/* -------- connections -------- */

static int stream_limit(const struct lh_extract_request *request) {
  return request->streams > 1 ? request->streams : 1;
}

void lh_extraction_register(struct lh_extraction *extraction, size_t stream,
                            struct lh_pg_connection *connection) {
  pthread_mutex_lock(&extraction->lock);
  extraction->open[stream] = connection;
  pthread_mutex_unlock(&extraction->lock);
}

void lh_extraction_cancel(struct lh_extraction *extraction) {
  pthread_mutex_lock(&extraction->lock);
  for (int i = 0; i < stream_limit(&extraction->request); i++) {
    if (extraction->open[i] != NULL) {
      lh_pg_cancel(extraction->open[i]);
    }
  }
  pthread_mutex_unlock(&extraction->lock);
}

static void cancel_extraction(void *target) {
  lh_extraction_cancel(target);
}

lh_status lh_extraction_open(struct lh_extraction *extraction, const struct lh_extract_request *request,
                             struct lh_interrupt *interrupt, struct lh_arena *arena, struct lh_error *err) {
  *extraction = (struct lh_extraction){.request = *request, .interrupt = interrupt};
  pthread_mutex_init(&extraction->lock, NULL);
  extraction->open = LH_ARENA_ARRAY(arena, struct lh_pg_connection *, (size_t)stream_limit(request));
  if (extraction->open == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(lh_pg_connect_session(request->source, &request->session, &extraction->connection, err));
  lh_extraction_register(extraction, 0, extraction->connection);
  lh_interrupt_set(interrupt, cancel_extraction, extraction);
  LH_TRY(lh_pg_begin_read(extraction->connection, request->snapshot_id, err));
  if (request->table != NULL) {
    return lh_pg_describe_table(extraction->connection, request->table, &request->select, arena,
                                &extraction->relation, err);
  }
  return lh_pg_describe_query(extraction->connection, request->query, &request->select, arena,
                              &extraction->relation, err);
}

void lh_extraction_close(struct lh_extraction *extraction) {
  lh_interrupt_set(extraction->interrupt, NULL, NULL);
  lh_pg_disconnect(extraction->connection);
  pthread_mutex_destroy(&extraction->lock);
  *extraction = (struct lh_extraction){0};
}

/* -------- what the user is told -------- */

struct lh_pg_select_options lh_extraction_select(const struct lh_task_spec *spec, int64_t limit) {
  return (struct lh_pg_select_options){
      .include = spec->include,
      .include_count = spec->include_count,
      .exclude = spec->exclude,
      .exclude_count = spec->exclude_count,
      .settings = spec->settings,
      .settings_count = spec->settings_count,
      .policy = spec->policy,
      .names = spec->names,
      .where = spec->where,
      .sort_by = spec->sort_by,
      .sort_by_count = spec->sort_by_count,
      .limit = limit,
  };
}

static void warn_of_names(const struct lh_pg_relation *relation, const struct lh_observer *observer) {
  struct lh_arena arena;
  if (relation->names_changed == NULL) {
    return;
  }
  lh_arena_init(&arena, 0);
  const char *const message = lh_arena_printf(&arena, "columns of %s have other names in the lake: %s",
                                              relation->name, relation->names_changed);
  if (message != NULL) {
    lh_observer_warning(observer, message);
  }
  lh_arena_clear(&arena);
}

/* At the end of a task: what its policy replaced. */
static void warn_of_replaced(const struct lh_pg_relation *relation, const struct lh_observer *observer) {
  for (size_t i = 0; i < relation->column_count; i++) {
    const struct lh_pg_column *const column = &relation->columns[i];
    if (column->replaced == NULL) {
      continue;
    }
    const uint64_t nulls = atomic_load(&column->replaced->nulls);
    const uint64_t clamped = atomic_load(&column->replaced->clamped);
    char became[96] = "";
    if (nulls > 0 && clamped > 0) {
      snprintf(became, sizeof(became), "null (%" PRIu64 ") or the nearest that it can (%" PRIu64 ")", nulls,
               clamped);
    } else {
      snprintf(became, sizeof(became), "%s", nulls > 0 ? "null" : "the nearest that it can");
    }
    char message[1024];
    snprintf(message, sizeof(message),
             "column \"%s\" of %s: %" PRIu64 " value%s that the lake cannot hold became %s", column->name,
             relation->name, nulls + clamped, nulls + clamped == 1 ? "" : "s", became);
    if (nulls + clamped > 0) {
      lh_observer_warning(observer, message);
    }
  }
}

static void warn_of_columns(const struct lh_pg_relation *relation, const struct lh_observer *observer) {
  warn_of_names(relation, observer);
  for (size_t i = 0; i < relation->column_count; i++) {
    const struct lh_pg_column *const column = &relation->columns[i];
    if (column->warning != NULL) {
      lh_observer_warning(observer, column->warning);
    }
    if (!column->text_fallback) {
      continue;
    }
    char message[1024];
    snprintf(message, sizeof(message), "column \"%s\" of %s is %s, which is carried over as text",
             column->name, relation->name, column->type_name);
    lh_observer_warning(observer, message);
  }
}

/* -------- streams -------- */

static void *run_stream(void *stream) {
  lh_stream_run(stream);
  return NULL;
}

static bool start_thread(pthread_t *thread, struct lh_stream *stream) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
  const bool started = pthread_create(thread, &attributes, run_stream, stream) == 0;
  pthread_attr_destroy(&attributes);
  return started;
}

/* The first stream is this thread's. One that cannot be started is done without. */
static void run_streams(struct lh_stream *streams, pthread_t *threads, size_t count) {
  size_t started = 1;
  while (started < count && start_thread(&threads[started], &streams[started])) {
    started++;
  }
  lh_stream_run(&streams[0]);
  for (size_t i = 1; i < started; i++) {
    pthread_join(threads[i], NULL);
  }
}

static lh_status read_ranges(struct lh_stream_team *team, size_t count, struct lh_arena *arena,
                             struct lh_error *err) {
  struct lh_stream *const streams = LH_ARENA_ARRAY(arena, struct lh_stream, count);
  pthread_t *const threads = LH_ARENA_ARRAY(arena, pthread_t, count);
  if (streams == NULL || threads == NULL) {
    return lh_error_memory(err);
  }
  lh_status status = LH_OK;
  size_t made = 0;
  while (made < count && status == LH_OK) {
    status = lh_stream_init(&streams[made], team, made, arena, err);
    made++;
  }
  if (status == LH_OK) {
    run_streams(streams, threads, count);
    status = team->err.code;
    if (status != LH_OK) {
      *err = team->err;
    } else {
      status = lh_output_write_empty(&streams[0].output, err);
    }
  }
  for (size_t i = 0; i < made; i++) {
    lh_stream_clear(&streams[i]);
  }
  return status;
}

static lh_status run_team(struct lh_stream_team *team, struct lh_arena *arena, struct lh_error *err) {
  struct lh_extraction *const extraction = team->extraction;
  const size_t limit = (size_t)stream_limit(&extraction->request);
  const size_t count = team->split->range_count < limit ? team->split->range_count : limit;
  char shared_id[64];
  if (team->snapshot_id == NULL && count > 1) {
    LH_TRY(lh_pg_share_snapshot(extraction->connection, shared_id, err));
    team->snapshot_id = shared_id;
  }
  LH_TRY(lh_range_queue_init(&team->queue, team->split->range_count, arena, err));
  pthread_mutex_init(&team->lock, NULL);
  lh_pace_init(&team->pace, extraction->request.rate_bytes);
  const lh_status status = read_ranges(team, count, arena, err);
  lh_pace_clear(&team->pace);
  pthread_mutex_destroy(&team->lock);
  lh_range_queue_clear(&team->queue);
  return status;
}

lh_status lh_extraction_copy(struct lh_extraction *extraction, struct lh_parts *parts,
                             const struct lh_observer *observer, struct lh_arena *arena,
                             struct lh_error *err) {
  const struct lh_pg_relation *const relation = extraction->relation;
  const struct lh_pg_split_options options = {.column = extraction->request.split_column,
                                              .streams = stream_limit(&extraction->request)};
  struct lh_pg_split *split = NULL;
  warn_of_columns(relation, observer);
  LH_TRY(lh_pg_split_relation(extraction->connection, relation, &options, arena, &split, err));
  if (split->warning != NULL) {
    lh_observer_warning(observer, split->warning);
  }
  struct lh_stream_team team = {
      .extraction = extraction,
      .split = split,
      .parts = parts,
      .observer = observer,
      .snapshot_id = extraction->request.snapshot_id,
      .first_can_return = extraction->request.snapshot_id != NULL,
  };
  LH_TRY(run_team(&team, arena, err));
  warn_of_replaced(relation, observer);
  return LH_OK;
}
