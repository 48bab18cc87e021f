/* A query on an engine elsewhere: sent, cancelled by a signal, printed as those of the embedded engine are.
 */
#include "cli/query_remote.h"

#include "base/log.h"
#include "base/str.h"
#include "cli/cli.h"
#include "task/elsewhere.h"

static lh_status print_rows(struct lh_remote_statement *statement, struct lh_table_printer *printer,
                            struct lh_batch *batch, struct lh_error *err) {
  for (;;) {
    lh_batch_reset(batch);
    LH_TRY(lh_remote_fetch(statement, batch, err));
    if (batch->row_count == 0) {
      return lh_table_printer_finish(printer, err);
    }
    LH_TRY(lh_table_printer_rows(printer, batch, err));
  }
}

static lh_status print_result(struct lh_remote_statement *statement, enum lh_table_format format,
                              struct lh_error *err) {
  const struct lh_schema *const schema = lh_remote_schema(statement);
  struct lh_table_printer *printer = NULL;
  struct lh_batch batch = {0};
  lh_status status = lh_table_printer_open(stdout, format, schema, &printer, err);
  if (status == LH_OK) {
    status = lh_batch_init(&batch, schema, LH_BATCH_ROWS, err);
  }
  if (status == LH_OK) {
    status = print_rows(statement, printer, &batch, err);
  }
  lh_table_printer_free(printer);
  lh_batch_clear(&batch);
  return status;
}

/* "Trino: 1.2 MB read, 0.3 s (0.1 s queued), query 20261124_…". */
static void print_statistics(const struct lh_remote *remote, const struct lh_remote_statistics *statistics) {
  char bytes[32];
  char run[32];
  char queued[32];
  if (!lh_log_enabled(LH_LOG_INFO)) {
    return;
  }
  fprintf(stderr, "%s: %s read, %s (%s queued), query %s\n", lh_remote_name(remote),
          lh_str_format_bytes(statistics->bytes, bytes),
          lh_str_format_seconds((double)statistics->run_ms / 1000.0, run),
          lh_str_format_seconds((double)statistics->queued_ms / 1000.0, queued), statistics->query_id);
}

static lh_status run(const struct lh_remote_query *query, struct lh_remote *remote, struct lh_error *err) {
  struct lh_remote_statement *statement = NULL;
  const struct lh_remote_sql sql = {
      .text = query->sql,
      .timeout_ms = query->timeout_ms > 0 ? query->timeout_ms
                                          : lh_task_timeout_elsewhere(query->project, query->engine),
  };
  LH_TRY(lh_remote_start(remote, &sql, &statement, err));
  const lh_status status = print_result(statement, query->format, err);
  if (status == LH_OK) {
    print_statistics(remote, lh_remote_statistics(statement));
  }
  lh_remote_statement_free(statement);
  return status;
}

lh_status lh_cli_query_remote(const struct lh_remote_query *query, struct lh_interrupt *interrupt,
                              struct lh_error *err) {
  struct lh_remote *remote = NULL;
  LH_TRY(lh_remote_check_reads(query->sql, true, err));
  lh_status status =
      lh_task_open_elsewhere(query->project, query->engine, &interrupt->is_raised, &remote, err);
  if (status == LH_OK) {
    status = run(query, remote, err);
  }
  lh_remote_free(remote);
  return status;
}
