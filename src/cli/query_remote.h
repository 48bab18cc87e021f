/*
 * `lakehaul query` on an engine elsewhere: one statement that reads, over what its catalog has.
 */
#ifndef LH_CLI_QUERY_REMOTE_H
#define LH_CLI_QUERY_REMOTE_H

#include "cli/table_format.h"
#include "project/project.h"
#include "task/interrupt.h"

struct lh_remote_query {
  const struct lh_project *project;
  enum lh_engine_kind engine; /* not the embedded one */
  const char *sql;
  enum lh_table_format format;
  int64_t timeout_ms; /* 0: the project's for that engine */
};

/* Prints the rows on standard output, and what reading them took on standard error. */
lh_status lh_cli_query_remote(const struct lh_remote_query *query, struct lh_interrupt *interrupt,
                              struct lh_error *err) LH_WARN_UNUSED;

#endif
