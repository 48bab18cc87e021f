/* The queue of ranges behind one lock: a range takes seconds to read, so that nobody waits for it. */
#include "task/range_queue.h"

lh_status lh_range_queue_init(struct lh_range_queue *queue, size_t count, struct lh_arena *arena,
                              struct lh_error *err) {
  *queue = (struct lh_range_queue){.count = count, .returned = LH_ARENA_ARRAY(arena, size_t, count)};
  pthread_mutex_init(&queue->lock, NULL);
  pthread_cond_init(&queue->changed, NULL);
  return queue->returned != NULL ? LH_OK : lh_error_memory(err);
}

void lh_range_queue_clear(struct lh_range_queue *queue) {
  pthread_mutex_destroy(&queue->lock);
  pthread_cond_destroy(&queue->changed);
}

static bool take(struct lh_range_queue *queue, size_t *range) {
  if (queue->stopped) {
    return false;
  }
  if (queue->returned_count > 0) {
    *range = queue->returned[--queue->returned_count];
  } else if (queue->next < queue->count) {
    *range = queue->next++;
  } else {
    return false;
  }
  queue->out++;
  return true;
}

bool lh_range_queue_take(struct lh_range_queue *queue, size_t *range) {
  pthread_mutex_lock(&queue->lock);
  const bool taken = take(queue, range);
  pthread_mutex_unlock(&queue->lock);
  return taken;
}

bool lh_range_queue_wait(struct lh_range_queue *queue, size_t *range) {
  pthread_mutex_lock(&queue->lock);
  bool taken = take(queue, range);
  while (!taken && !queue->stopped && queue->out > 0) {
    pthread_cond_wait(&queue->changed, &queue->lock);
    taken = take(queue, range);
  }
  pthread_mutex_unlock(&queue->lock);
  return taken;
}

void lh_range_queue_settle(struct lh_range_queue *queue, size_t count) {
  pthread_mutex_lock(&queue->lock);
  queue->out -= count;
  pthread_cond_broadcast(&queue->changed);
  pthread_mutex_unlock(&queue->lock);
}

void lh_range_queue_give_back(struct lh_range_queue *queue, const size_t *ranges, size_t count) {
  pthread_mutex_lock(&queue->lock);
  for (size_t i = 0; i < count; i++) {
    queue->returned[queue->returned_count++] = ranges[i];
  }
  queue->out -= count;
  pthread_cond_broadcast(&queue->changed);
  pthread_mutex_unlock(&queue->lock);
}

void lh_range_queue_stop(struct lh_range_queue *queue) {
  pthread_mutex_lock(&queue->lock);
  queue->stopped = true;
  pthread_cond_broadcast(&queue->changed);
  pthread_mutex_unlock(&queue->lock);
}
