/* The crawl at the end of a run: one for all tables, once the last of them is published. It has no part in
 * the publication: what the lake shows does not depend on it, and where it fails, the run has failed and the
 * tables are as they were published. */
#include "run/crawl.h"

#include "base/log.h"
#include "task/interrupt.h"

static void note(void *context, const char *message) {
  (void)context;
  lh_log(LH_LOG_INFO, "%s", message);
}

static bool has_published(const struct lh_run_result *result) {
  for (size_t i = 0; i < result->task_count; i++) {
    if (result->tasks[i].state == LH_TASK_PUBLISHED) {
      return true;
    }
  }
  return false;
}

void lh_run_crawl(const struct lh_run_options *options, const char *root, struct lh_arena *arena,
                  struct lh_run_result *result) {
  static struct lh_interrupt interrupt; /* its thread waits until the process ends */
  const struct lh_project *const project = options->project;
  if (project->catalog != LH_CATALOG_CRAWLER || result->interrupted || !has_published(result)) {
    return;
  }
  result->has_crawl = true;
  lh_status status = lh_interrupt_start(&interrupt, &result->crawl_error);
  if (status == LH_OK) {
    const struct lh_crawler_options crawler = {
        .aws = &project->aws,
        .glue = &project->glue,
        .crawler = &project->crawler,
        .lake = root,
        .cancelled = &interrupt.is_raised,
        .note = options->progress != LH_PROGRESS_NONE ? note : NULL,
    };
    status = lh_crawler_crawl(&crawler, arena, &result->crawl, &result->crawl_error);
  }
  result->interrupted = status == LH_ERROR_INTERRUPTED;
}
