/*
 * Sinks and sources: the two byte-stream contracts between modules.
 *
 * A sink takes bytes in order and commits them as a whole: nothing is visible under the final name
 * before `finish` returned LH_OK. A source gives random access to a finished object.
 * Implementations embed the struct as their first member and fill in the table.
 */
#ifndef LH_BASE_IO_H
#define LH_BASE_IO_H

#include <stddef.h>
#include <stdint.h>

#include "lakehaul/error.h"

struct lh_sink;

struct lh_sink_ops {
  lh_status (*write)(struct lh_sink *sink, const void *bytes, size_t size, struct lh_error *err);
  lh_status (*finish)(struct lh_sink *sink, struct lh_error *err); /* commits; durable when it returns */
  void (*abort)(struct lh_sink *sink);                             /* never fails; removes what was begun */
  void (*free)(struct lh_sink *sink);                              /* aborts what is unfinished */
};

struct lh_sink {
  const struct lh_sink_ops *ops;
  uint64_t bytes_written;
};

LH_WARN_UNUSED static inline lh_status lh_sink_write(struct lh_sink *sink, const void *bytes, size_t size,
                                                     struct lh_error *err) {
  LH_TRY(sink->ops->write(sink, bytes, size, err));
  sink->bytes_written += size;
  return LH_OK;
}
LH_WARN_UNUSED static inline lh_status lh_sink_finish(struct lh_sink *sink, struct lh_error *err) {
  return sink->ops->finish(sink, err);
}
static inline void lh_sink_abort(struct lh_sink *sink) {
  sink->ops->abort(sink);
}
static inline void lh_sink_free(struct lh_sink *sink) {
  if (sink != NULL) {
    sink->ops->free(sink);
  }
}

struct lh_source;

struct lh_source_ops {
  /* Reads exactly `size` bytes at `offset`; a shorter object is LH_ERROR_CORRUPT. */
  lh_status (*read_at)(struct lh_source *source, uint64_t offset, void *bytes, size_t size,
                       struct lh_error *err);
  void (*free)(struct lh_source *source);
};

struct lh_source {
  const struct lh_source_ops *ops;
  uint64_t size_bytes;
  const char *name; /* for messages; lives as long as the source */
};

LH_WARN_UNUSED static inline lh_status lh_source_read_at(struct lh_source *source, uint64_t offset,
                                                         void *bytes, size_t size, struct lh_error *err) {
  return source->ops->read_at(source, offset, bytes, size, err);
}
static inline void lh_source_free(struct lh_source *source) {
  if (source != NULL) {
    source->ops->free(source);
  }
}

#endif
