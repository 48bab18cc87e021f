/*
 * Streams: the threads that read a relation's ranges, each over a connection of its own into an output of its
 * own.
 *
 * Each takes ranges from one queue until it is empty. What a range has brought counts once its part is
 * finished; when a connection fails in between, the open part is dropped and all ranges in it are read again.
 */
#ifndef LH_TASK_STREAM_H
#define LH_TASK_STREAM_H

#include <stdatomic.h>

#include "postgres/split.h"
#include "task/extract.h"
#include "task/pace.h"
#include "task/range_queue.h"

/* What the streams of one extraction share. */
struct lh_stream_team {
  struct lh_extraction *extraction; /* constant, like the next five; the list inside is under its lock */
  const struct lh_pg_split *split;
  struct lh_parts *parts;
  const struct lh_observer *observer;
  const char *snapshot_id; /* that others than the first can take; NULL: there are no others */
  bool first_can_return;   /* the snapshot's leader is not the first stream itself */
  struct lh_range_queue queue;
  struct lh_pace pace;
  atomic_bool stop;     /* one has failed */
  pthread_mutex_t lock; /* over calls of the observer, and the rest */
  uint64_t rows, bytes; /* read so far */
  struct lh_error err;  /* of the first that failed */
};

struct lh_stream {
  struct lh_stream_team *team;
  size_t number;                       /* 0: the extraction's own thread and connection */
  struct lh_pg_connection *connection; /* the stream's thread */
  struct lh_arena arena;               /* of the open part */
  struct lh_batch batch;
  struct lh_output output;
  struct lh_buf select;
  size_t *ranges; /* in the open part: room for all */
  size_t range_count;
  uint64_t part_rows, part_bytes; /* what the open part's ranges have added to the team's sums */
  bool range_is_cut;              /* a part was finished amid the range that is being read */
  int returns;                    /* how often the connection was replaced */
};

/* `arena` is used before and after the stream runs, not meanwhile. */
lh_status lh_stream_init(struct lh_stream *stream, struct lh_stream_team *team, size_t number,
                         struct lh_arena *arena, struct lh_error *err) LH_WARN_UNUSED;
/* Reads until the queue is empty or a stream has failed; the first failure is the team's error. */
void lh_stream_run(struct lh_stream *stream);
void lh_stream_clear(struct lh_stream *stream);

#endif
