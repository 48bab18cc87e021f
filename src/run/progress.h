/*
 * Progress on standard error: bars on a terminal, plain lines otherwise.
 */
#ifndef LH_RUN_PROGRESS_H
#define LH_RUN_PROGRESS_H

#include "run/run.h"

struct lh_progress {
  enum lh_progress_style style;
  const struct lh_task_run *tasks; /* borrowed */
  size_t task_count;
  size_t name_width;
  size_t drawn_lines; /* bars on the screen now */
  uint64_t last_ns;   /* of the last redraw, or of the last plain progress lines */
};

void lh_progress_init(struct lh_progress *progress, enum lh_progress_style style,
                      const struct lh_task_run *tasks, size_t task_count);
/* A task changed its state (started, published, failed, skipped): one line that stays. */
void lh_progress_state(struct lh_progress *progress, const struct lh_task_run *task);
/* A line that the task's own program printed. */
void lh_progress_log(struct lh_progress *progress, const struct lh_task_run *task, const char *line);
void lh_progress_warning(struct lh_progress *progress, const struct lh_task_run *task, const char *message);
/* How the schema of a published task changed: what breaks queries as warnings. */
void lh_progress_changes(struct lh_progress *progress, const struct lh_task_run *task);
/* Redraws if it is time; call often. */
void lh_progress_tick(struct lh_progress *progress);
/* Removes the bars. */
void lh_progress_end(struct lh_progress *progress);

#endif
