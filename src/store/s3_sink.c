/* Sinks that write objects of S3: bytes gather in the buffer of a part, full ones are uploaded by threads of
 * the sink's own while the next is filled, and nothing is written to disk. What fits one part goes up by one
 * PutObject.
 *
 * The parts in memory, one being filled and the others on their way, stay inside the store's upload_bytes.
 * With room for a single one it is uploaded by the thread that writes. Parts grow with the object, so that
 * 10,000 of them hold the largest one that S3 takes, whatever size it comes to. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "store/s3.h"

#define PART_USUAL_BYTES ((size_t)16 << 20)
#define PART_MOST_BYTES ((size_t)5 << 30)
/* After so many parts they get twice as large. */
#define PARTS_UNTIL_DOUBLE 900
#define BUFFERS_USUAL 4
#define BUFFERS_MAX 8

enum buffer_state { BUFFER_FREE, BUFFER_FILLING, BUFFER_QUEUED, BUFFER_SENDING };

struct buffer {
  uint8_t *bytes; /* NULL until it is used first */
  size_t capacity;
  size_t used;
  uint32_t number; /* of the part, from 1 */
  enum buffer_state state;
};

struct s3_sink {
  struct lh_sink base;
  const struct lh_s3_store *store;
  struct lh_arena arena;
  const char *key;       /* in the bucket */
  const char *upload_id; /* NULL until the first part is full */
  size_t budget_bytes;   /* of the buffers */
  size_t first_part_bytes;
  struct buffer *filling; /* the writing thread's; NULL: none */
  uint32_t next_number;
  bool is_finished; /* there is nothing to abort */
  bool is_broken;
  pthread_t threads[BUFFERS_MAX];
  size_t thread_count;
  atomic_bool stop; /* ends requests under way */

  pthread_mutex_t lock; /* over the rest */
  pthread_cond_t queued, freed;
  struct buffer buffers[BUFFERS_MAX];
  size_t buffer_count; /* that may be in use at once */
  size_t under_way;    /* queued or being sent */
  struct lh_s3_part *parts;
  size_t part_count, part_capacity;
  bool failed;
  struct lh_error error; /* the first, once `failed` */
};

/* -------- sizes -------- */

size_t lh_s3_part_bytes(size_t first_bytes, uint32_t number) {
  const uint32_t doublings = (number - 1) / PARTS_UNTIL_DOUBLE;
  const size_t bytes = first_bytes << doublings;
  return bytes < PART_MOST_BYTES ? bytes : PART_MOST_BYTES;
}

static size_t part_bytes(const struct s3_sink *sink, uint32_t number) {
  return lh_s3_part_bytes(sink->first_part_bytes, number);
}

static size_t buffers_for(const struct s3_sink *sink, size_t bytes) {
  const size_t count = sink->budget_bytes / bytes;
  return count < 1 ? 1 : count > BUFFERS_MAX ? BUFFERS_MAX : count;
}

static void plan_parts(struct s3_sink *sink) {
  size_t bytes = sink->budget_bytes / BUFFERS_USUAL;
  bytes = bytes < LH_S3_PART_LEAST_BYTES ? LH_S3_PART_LEAST_BYTES : bytes;
  sink->first_part_bytes = bytes > PART_USUAL_BYTES ? PART_USUAL_BYTES : bytes;
  sink->buffer_count = buffers_for(sink, sink->first_part_bytes);
}

/* -------- buffers -------- */

/* Of memory that goes back to the system when it is released. */
static lh_status fit_buffer(struct buffer *buffer, size_t bytes, struct lh_error *err) {
  if (buffer->capacity >= bytes) {
    return LH_OK;
  }
  if (buffer->bytes != NULL) {
    munmap(buffer->bytes, buffer->capacity);
    *buffer = (struct buffer){.state = buffer->state};
  }
  void *const memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    return lh_error_memory(err);
  }
  buffer->bytes = memory;
  buffer->capacity = bytes;
  return LH_OK;
}

static void release_buffer(struct buffer *buffer) {
  if (buffer->bytes != NULL) {
    munmap(buffer->bytes, buffer->capacity);
  }
  *buffer = (struct buffer){.state = BUFFER_FREE};
}

/* Called with the lock held. */
static struct buffer *free_buffer(struct s3_sink *sink) {
  for (size_t i = 0; i < sink->buffer_count; i++) {
    if (sink->buffers[i].state == BUFFER_FREE) {
      return &sink->buffers[i];
    }
  }
  return NULL;
}

/* As parts grow there is room for fewer of them; those past the end are given back once they are sent. */
static void shrink_pool(struct s3_sink *sink, size_t count) {
  if (count < sink->buffer_count) {
    sink->buffer_count = count;
  }
  for (size_t i = sink->buffer_count; i < BUFFERS_MAX; i++) {
    if (sink->buffers[i].state == BUFFER_FREE) {
      release_buffer(&sink->buffers[i]);
    }
  }
}

/* The buffer of the next part, once one is free. */
static lh_status take_buffer(struct s3_sink *sink, struct lh_error *err) {
  const size_t bytes = part_bytes(sink, sink->next_number);
  if (sink->next_number > LH_S3_PARTS_MAX) {
    return lh_error_set(err, LH_ERROR_LAKE, "s3://%s/%s has more than the %d parts that S3 takes",
                        sink->store->bucket, sink->key, LH_S3_PARTS_MAX);
  }
  pthread_mutex_lock(&sink->lock);
  shrink_pool(sink, buffers_for(sink, bytes));
  struct buffer *buffer = free_buffer(sink);
  while (buffer == NULL && !sink->failed) {
    pthread_cond_wait(&sink->freed, &sink->lock);
    buffer = free_buffer(sink);
  }
  const bool failed = sink->failed || buffer == NULL;
  if (failed) {
    *err = sink->error;
  } else {
    buffer->state = BUFFER_FILLING;
  }
  pthread_mutex_unlock(&sink->lock);
  if (failed) {
    return err->code;
  }
  sink->filling = buffer;
  buffer->used = 0;
  buffer->number = sink->next_number++;
  return fit_buffer(buffer, bytes, err);
}

/* -------- uploading -------- */

/* Called with the lock held. */
static lh_status note_part(struct s3_sink *sink, uint32_t number, const struct lh_s3_part *part,
                           struct lh_error *err) {
  if (number > sink->part_capacity) {
    const size_t capacity = number * (size_t)2 + 16;
    struct lh_s3_part *const parts = realloc(sink->parts, capacity * sizeof(*parts));
    if (parts == NULL) {
      return lh_error_memory(err);
    }
    sink->parts = parts;
    sink->part_capacity = capacity;
  }
  sink->parts[number - 1] = *part;
  sink->part_count = number > sink->part_count ? number : sink->part_count;
  return LH_OK;
}

static lh_status send_buffer(struct s3_sink *sink, const struct buffer *buffer, struct lh_error *err) {
  struct lh_s3_part part;
  lh_status status = lh_s3_upload_part(sink->store, sink->key, sink->upload_id, buffer->number, buffer->bytes,
                                       buffer->used, &sink->stop, &part, err);
  if (status == LH_OK) {
    pthread_mutex_lock(&sink->lock);
    status = note_part(sink, buffer->number, &part, err);
    pthread_mutex_unlock(&sink->lock);
  }
  return status;
}

/* Called with the lock held. */
static struct buffer *next_queued(struct s3_sink *sink) {
  struct buffer *first = NULL;
  for (size_t i = 0; i < BUFFERS_MAX; i++) {
    struct buffer *const buffer = &sink->buffers[i];
    if (buffer->state == BUFFER_QUEUED && (first == NULL || buffer->number < first->number)) {
      first = buffer;
    }
  }
  return first;
}

static void conclude_buffer(struct s3_sink *sink, struct buffer *buffer, lh_status status,
                            const struct lh_error *error) {
  buffer->state = BUFFER_FREE;
  sink->under_way--;
  if (status != LH_OK && !sink->failed) {
    sink->failed = true;
    sink->error = *error;
    atomic_store(&sink->stop, true);
  }
  pthread_cond_broadcast(&sink->freed);
}

static void *upload_parts(void *argument) {
  struct s3_sink *const sink = argument;
  struct lh_error error;
  pthread_mutex_lock(&sink->lock);
  for (;;) {
    struct buffer *const buffer = next_queued(sink);
    if (atomic_load(&sink->stop)) {
      break;
    }
    if (buffer == NULL) {
      pthread_cond_wait(&sink->queued, &sink->lock);
      continue;
    }
    buffer->state = BUFFER_SENDING;
    pthread_mutex_unlock(&sink->lock);
    const lh_status status = send_buffer(sink, buffer, &error);
    pthread_mutex_lock(&sink->lock);
    conclude_buffer(sink, buffer, status, &error);
  }
  pthread_mutex_unlock(&sink->lock);
  return NULL;
}

/* One for each buffer but the one being filled, as they are needed. Where no thread can be started the others
 * do, or the writing thread alone. */
static void start_thread(struct s3_sink *sink) {
  if (sink->thread_count + 1 < sink->buffer_count && sink->thread_count < sink->under_way &&
      pthread_create(&sink->threads[sink->thread_count], NULL, upload_parts, sink) == 0) {
    sink->thread_count++;
  }
}

static void join_threads(struct s3_sink *sink) {
  pthread_mutex_lock(&sink->lock);
  atomic_store(&sink->stop, true);
  pthread_cond_broadcast(&sink->queued);
  pthread_mutex_unlock(&sink->lock);
  for (size_t i = 0; i < sink->thread_count; i++) {
    pthread_join(sink->threads[i], NULL);
  }
  sink->thread_count = 0;
}

/* Hands the part that was filled to the threads, or uploads it where there are none. */
static lh_status submit(struct s3_sink *sink, struct lh_error *err) {
  struct buffer *const buffer = sink->filling;
  sink->filling = NULL;
  if (sink->upload_id == NULL) {
    LH_TRY(lh_s3_upload_begin(sink->store, sink->key, &sink->arena, &sink->upload_id, err));
  }
  pthread_mutex_lock(&sink->lock);
  buffer->state = BUFFER_QUEUED;
  sink->under_way++;
  start_thread(sink);
  const bool here = sink->thread_count == 0;
  buffer->state = here ? BUFFER_SENDING : BUFFER_QUEUED;
  pthread_cond_signal(&sink->queued);
  pthread_mutex_unlock(&sink->lock);
  if (!here) {
    return LH_OK;
  }
  const lh_status status = send_buffer(sink, buffer, err);
  pthread_mutex_lock(&sink->lock);
  conclude_buffer(sink, buffer, status, err);
  pthread_mutex_unlock(&sink->lock);
  return status;
}

static lh_status wait_for_parts(struct s3_sink *sink, struct lh_error *err) {
  lh_status status = LH_OK;
  pthread_mutex_lock(&sink->lock);
  while (sink->under_way > 0 && !sink->failed) {
    pthread_cond_wait(&sink->freed, &sink->lock);
  }
  if (sink->failed) {
    *err = sink->error;
    status = err->code;
  }
  pthread_mutex_unlock(&sink->lock);
  return status;
}

/* -------- the sink -------- */

static lh_status check_usable(const struct s3_sink *sink, struct lh_error *err) {
  return sink->is_broken || sink->is_finished
             ? lh_error_set(err, LH_ERROR_LAKE, "s3://%s/%s was given up after an earlier failure",
                            sink->store->bucket, sink->key)
             : LH_OK;
}

static lh_status write_bytes(struct s3_sink *sink, const uint8_t *bytes, size_t size, struct lh_error *err) {
  while (size > 0) {
    if (sink->filling == NULL) {
      LH_TRY(take_buffer(sink, err));
    }
    struct buffer *const buffer = sink->filling;
    /* Another buffer may be larger than what its part is to have. */
    const size_t room = part_bytes(sink, buffer->number) - buffer->used;
    const size_t taken = size < room ? size : room;
    memcpy(buffer->bytes + buffer->used, bytes, taken);
    buffer->used += taken;
    bytes += taken;
    size -= taken;
    if (taken == room) {
      LH_TRY(submit(sink, err));
    }
  }
  return LH_OK;
}

static lh_status sink_write(struct lh_sink *base, const void *bytes, size_t size, struct lh_error *err) {
  struct s3_sink *const sink = (struct s3_sink *)base;
  LH_TRY(check_usable(sink, err));
  const lh_status status = write_bytes(sink, bytes, size, err);
  sink->is_broken = status != LH_OK;
  return status;
}

static void give_up(struct s3_sink *sink) {
  struct lh_error ignored;
  join_threads(sink);
  for (size_t i = 0; i < BUFFERS_MAX; i++) {
    release_buffer(&sink->buffers[i]);
  }
  sink->filling = NULL;
  if (sink->upload_id != NULL && !sink->is_finished) {
    /* What cannot be aborted now is found by gc. */
    const lh_status aborted = lh_s3_upload_abort(sink->store, sink->key, sink->upload_id, &ignored);
    (void)aborted;
  }
  sink->is_finished = true;
}

static lh_status put_whole(struct s3_sink *sink, struct lh_error *err) {
  bool stored = false;
  const struct buffer *const buffer = sink->filling;
  return lh_s3_put(sink->store, sink->key, buffer != NULL ? buffer->bytes : NULL,
                   buffer != NULL ? buffer->used : 0, NULL, NULL, &stored, err);
}

static lh_status commit(struct s3_sink *sink, struct lh_error *err) {
  if (sink->upload_id == NULL) {
    return put_whole(sink, err);
  }
  if (sink->filling != NULL && sink->filling->used > 0) {
    LH_TRY(submit(sink, err));
  }
  LH_TRY(wait_for_parts(sink, err));
  return lh_s3_upload_complete(sink->store, sink->key, sink->upload_id, sink->parts, sink->part_count, err);
}

static lh_status sink_finish(struct lh_sink *base, struct lh_error *err) {
  struct s3_sink *const sink = (struct s3_sink *)base;
  LH_TRY(check_usable(sink, err));
  const lh_status status = commit(sink, err);
  sink->is_finished = status == LH_OK;
  sink->is_broken = status != LH_OK;
  give_up(sink);
  return status;
}

static void sink_abort(struct lh_sink *base) {
  struct s3_sink *const sink = (struct s3_sink *)base;
  sink->is_broken = true;
  give_up(sink);
}

static void sink_free(struct lh_sink *base) {
  struct s3_sink *const sink = (struct s3_sink *)base;
  give_up(sink);
  pthread_cond_destroy(&sink->queued);
  pthread_cond_destroy(&sink->freed);
  pthread_mutex_destroy(&sink->lock);
  lh_arena_clear(&sink->arena);
  free(sink->parts);
  free(sink);
}

static const struct lh_sink_ops s3_sink_ops = {
    .write = sink_write,
    .finish = sink_finish,
    .abort = sink_abort,
    .free = sink_free,
};

/* No request is made before there is something to send. */
lh_status lh_s3_create(struct lh_store *base, const char *key, struct lh_sink **out, struct lh_error *err) {
  const struct lh_s3_store *const store = (const struct lh_s3_store *)base;
  struct s3_sink *const sink = calloc(1, sizeof(*sink));
  *out = NULL;
  if (sink == NULL) {
    return lh_error_memory(err);
  }
  sink->base.ops = &s3_sink_ops;
  sink->store = store;
  sink->budget_bytes = store->base.upload_bytes;
  sink->next_number = 1;
  lh_arena_init(&sink->arena, 1024);
  pthread_mutex_init(&sink->lock, NULL);
  pthread_cond_init(&sink->queued, NULL);
  pthread_cond_init(&sink->freed, NULL);
  atomic_init(&sink->stop, false);
  plan_parts(sink);
  sink->key = lh_s3_full_key(store, key, &sink->arena);
  if (sink->key == NULL) {
    sink_free(&sink->base);
    return lh_error_memory(err);
  }
  *out = &sink->base;
  return LH_OK;
}
