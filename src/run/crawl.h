/*
 * The crawl at the end of a run, with catalog crawler. Private to src/run.
 */
#ifndef LH_RUN_CRAWL_H
#define LH_RUN_CRAWL_H

#include "run/run.h"

/* Crawls the lake at `root` where the run has published anything, and notes how it went in `result`. Before
 * it waits, SIGINT and SIGTERM are blocked in this thread, and only end the waiting. */
void lh_run_crawl(const struct lh_run_options *options, const char *root, struct lh_arena *arena,
                  struct lh_run_result *result);

#endif
