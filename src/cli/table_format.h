/*
 * Rows on their way to a person or a pipe: as an aligned table, as CSV, or as JSON.
 *
 * Table: numbers to the right, NULL spelled out, cells cut at 60 columns (numbers never), control characters
 * escaped so that data cannot steer a terminal; the first 1,000 rows decide the widths. CSV: RFC 4180 quoting
 * with a header and line feeds; NULL is empty, an empty text is "". JSON: one array, an object a row, a row a
 * line. Memory does not grow with the number of rows.
 */
#ifndef LH_CLI_TABLE_FORMAT_H
#define LH_CLI_TABLE_FORMAT_H

#include <stdio.h>

#include "column/batch.h"
#include "lakehaul/error.h"

/* In the order of the choices of --format. */
enum lh_table_format { LH_TABLE_FORMAT_TABLE, LH_TABLE_FORMAT_CSV, LH_TABLE_FORMAT_JSON };

struct lh_table_printer;

/* `out` and `schema` are borrowed until the printer is freed. Failures to write are LH_ERROR_DATA. */
lh_status lh_table_printer_open(FILE *out, enum lh_table_format format, const struct lh_schema *schema,
                                struct lh_table_printer **printer, struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_table_printer_rows(struct lh_table_printer *printer, const struct lh_batch *batch,
                                struct lh_error *err) LH_WARN_UNUSED;
/* Prints what is held back and what closes the form, and flushes. */
lh_status lh_table_printer_finish(struct lh_table_printer *printer, struct lh_error *err) LH_WARN_UNUSED;
/* Prints nothing. */
void lh_table_printer_free(struct lh_table_printer *printer);

#endif
