/*
 * The end of a run: a table for people, a JSON document for machines.
 */
#ifndef LH_RUN_SUMMARY_H
#define LH_RUN_SUMMARY_H

#include <stdio.h>

#include "base/json.h"
#include "run/run.h"

void lh_summary_print(const struct lh_run_result *result, FILE *to);
/* "crawler shop: succeeded after …" of a crawl without error; like the next also for `lakehaul crawl`. */
void lh_summary_print_crawl(const struct lh_crawl_result *crawl, const char *crawler, FILE *to);
/* `err` of code LH_OK where nothing has failed. */
json_t *lh_summary_crawl_to_json(const struct lh_crawl_result *crawl, const struct lh_error *err);
/* One JSON document: project, status, exit_status, seconds, snapshot, tasks, crawl where there was one. */
lh_status lh_summary_print_json(const struct lh_run_result *result, const char *project, FILE *to,
                                struct lh_error *err) LH_WARN_UNUSED;

#endif
