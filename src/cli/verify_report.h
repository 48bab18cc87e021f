/*
 * What `lakehaul verify` found out about each task, and how it is printed.
 */
#ifndef LH_CLI_VERIFY_REPORT_H
#define LH_CLI_VERIFY_REPORT_H

#include "base/json.h"
#include "catalog/local.h"
#include "postgres/connection.h"
#include "project/project.h"
#include "task/verify/verify.h"

enum lh_verify_state { LH_VERIFY_EQUAL, LH_VERIFY_DIFFERENT, LH_VERIFY_FAILED, LH_VERIFY_SKIPPED };

struct lh_verify_report {
  const struct lh_task_spec *task;
  enum lh_verify_state state;
  const struct lh_lake_version *version; /* NULL where there is none, or none was looked for */
  struct lh_verify_result result;        /* of the first two states */
  struct lh_error error;                 /* LH_VERIFY_FAILED */
  double seconds;
};

/* A paragraph on standard output. */
void lh_verify_report_print(const struct lh_verify_report *report, struct lh_arena *arena);

/* NULL without memory. */
json_t *lh_verify_report_to_json(const struct lh_verify_report *report);

#endif
