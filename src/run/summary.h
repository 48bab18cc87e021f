/*
 * The end of a run: a table for people, a JSON document for machines.
 */
#ifndef LH_RUN_SUMMARY_H
#define LH_RUN_SUMMARY_H

#include <stdio.h>

#include "run/run.h"

void lh_summary_print(const struct lh_run_result *result, FILE *to);
/* One JSON document: project, status, exit_status, seconds, snapshot, tasks. */
lh_status lh_summary_print_json(const struct lh_run_result *result, const char *project, FILE *to,
                                struct lh_error *err) LH_WARN_UNUSED;

#endif
