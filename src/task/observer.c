/* Calls to an observer whose functions may be missing. */
#include "task/observer.h"

#include <stddef.h>

void lh_observer_started(const struct lh_observer *observer, int64_t estimated_rows) {
  if (observer != NULL && observer->started != NULL) {
    observer->started(observer->context, estimated_rows);
  }
}

void lh_observer_progress(const struct lh_observer *observer, uint64_t rows, uint64_t bytes_read) {
  if (observer != NULL && observer->progress != NULL) {
    observer->progress(observer->context, rows, bytes_read);
  }
}

void lh_observer_warning(const struct lh_observer *observer, const char *message) {
  if (observer != NULL && observer->warning != NULL) {
    observer->warning(observer->context, message);
  }
}

void lh_observer_log(const struct lh_observer *observer, const char *line) {
  if (observer != NULL && observer->log != NULL) {
    observer->log(observer->context, line);
  }
}
