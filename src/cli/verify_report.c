/* What verification found, for people and for programs. */
#include "cli/verify_report.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"
#include "cli/cli.h"
#include "column/format.h"
#include "run/job.h"

static const char *const state_names[] = {"equal", "differs", "failed", "skipped"};

/* -------- text -------- */

static const char *quoted(const char *text, struct lh_arena *arena) {
  if (text == NULL) {
    return "NULL";
  }
  const char *const printable = lh_cli_printable(text, arena);
  const char *const made = printable != NULL ? lh_arena_printf(arena, "\"%s\"", printable) : NULL;
  return made != NULL ? made : "?";
}

static void print_column(const struct lh_verify_column *column, struct lh_arena *arena) {
  char database[LH_UINT128_TEXT_MAX];
  char lake[LH_UINT128_TEXT_MAX];
  printf("  column %s", quoted(column->name, arena));
  if (column->note != NULL) {
    printf(" is %s\n", column->note);
    return;
  }
  printf(":\n    database  %20" PRIu64 " values  checksum %s\n", column->database.values,
         lh_uint128_format(column->database.sum, database));
  printf("    lake      %20" PRIu64 " values  checksum %s\n", column->lake.values,
         lh_uint128_format(column->lake.sum, lake));
}

static void print_row(const struct lh_verify_row *row, struct lh_arena *arena) {
  static const char *const words[] = {"differs", "is missing in the lake", "is in the lake alone",
                                      "is in the lake more often than in the database"};
  const char *const key = lh_cli_printable(row->key, arena);
  printf("  row %s %s%s\n", key != NULL ? key : "?", words[row->kind], row->value_count > 0 ? ":" : "");
  for (size_t i = 0; i < row->value_count; i++) {
    const struct lh_verify_value *const value = &row->values[i];
    printf("    %s: %s in the database, %s in the lake\n", quoted(value->column, arena),
           quoted(value->database, arena), quoted(value->lake, arena));
  }
}

static const char *list_columns(const struct lh_verify_result *result, enum lh_verify_extent extent,
                                struct lh_arena *arena) {
  const char *const names = lh_verify_list_columns(result, extent, arena);
  const char *const printable = names != NULL ? lh_cli_printable(names, arena) : NULL;
  return printable != NULL ? printable : "?";
}

static void print_equal(const struct lh_verify_report *report, struct lh_arena *arena) {
  char rows[32];
  char seconds[32];
  const struct lh_verify_result *const result = &report->result;
  const char *const counted = list_columns(result, LH_VERIFY_BY_COUNT, arena);
  const char *const skipped = list_columns(result, LH_VERIFY_NOT_AT_ALL, arena);
  printf("%s: equal, %s rows, %zu columns in %s", report->task->name,
         lh_str_format_count(result->lake_rows, rows), result->column_count,
         lh_str_format_seconds(report->seconds, seconds));
  if (counted[0] != '\0') {
    printf("; of %s the values were only counted", counted);
  }
  if (skipped[0] != '\0') {
    printf("; not compared: %s", skipped);
  }
  putchar('\n');
}

static void print_difference(const struct lh_verify_report *report, struct lh_arena *arena) {
  const struct lh_verify_result *const result = &report->result;
  char database[32];
  char lake[32];
  printf("%s: differs\n  rows: %s in the database, %s in the lake\n", report->task->name,
         lh_str_format_count(result->database_rows, database), lh_str_format_count(result->lake_rows, lake));
  for (size_t i = 0; i < result->column_count; i++) {
    if (result->columns[i].differs) {
      print_column(&result->columns[i], arena);
    }
  }
  for (size_t i = 0; i < result->row_count; i++) {
    print_row(&result->rows[i], arena);
  }
  if (!result->has_key) {
    puts("  no key in the lake's columns to find rows by");
  } else if (result->row_count == LH_VERIFY_MAX_ROWS) {
    puts("  and maybe more rows");
  }
}

void lh_verify_report_print(const struct lh_verify_report *report, struct lh_arena *arena) {
  switch (report->state) {
    case LH_VERIFY_EQUAL:
      print_equal(report, arena);
      break;
    case LH_VERIFY_DIFFERENT:
      print_difference(report, arena);
      break;
    case LH_VERIFY_FAILED:
      printf("%s: failed: %s\n", report->task->name, report->error.message);
      break;
    case LH_VERIFY_SKIPPED:
      printf("%s: skipped, a SQL task is made from the lake's own tables\n", report->task->name);
      break;
  }
}

/* -------- JSON -------- */

/* Checksums have more digits than JSON's numbers can be trusted with. */
static json_t *side_to_json(const struct lh_verify_side *side, enum lh_verify_extent extent) {
  char text[LH_UINT128_TEXT_MAX];
  return json_pack("{s:I, s:s?}", "values", (json_int_t)side->values, "checksum",
                   extent == LH_VERIFY_BY_CHECKSUM ? lh_uint128_format(side->sum, text) : NULL);
}

static json_t *columns_to_json(const struct lh_verify_result *result) {
  json_t *const columns = json_array();
  for (size_t i = 0; i < result->column_count; i++) {
    const struct lh_verify_column *const column = &result->columns[i];
    json_array_append_new(
        columns, json_pack("{s:o, s:b, s:s, s:s?, s:o, s:o}", "column", lh_cli_json_text(column->name),
                           "equal", !column->differs, "compared", lh_verify_extent_name(column->extent),
                           "note", column->note, "database", side_to_json(&column->database, column->extent),
                           "lake", side_to_json(&column->lake, column->extent)));
  }
  return columns;
}

static json_t *text_or_null(const char *text) {
  return text != NULL ? lh_cli_json_text(text) : json_null();
}

static json_t *rows_to_json(const struct lh_verify_result *result) {
  json_t *const rows = json_array();
  for (size_t i = 0; i < result->row_count; i++) {
    const struct lh_verify_row *const row = &result->rows[i];
    json_t *const values = json_array();
    for (size_t j = 0; j < row->value_count; j++) {
      const struct lh_verify_value *const value = &row->values[j];
      json_array_append_new(
          values, json_pack("{s:o, s:o, s:o}", "column", lh_cli_json_text(value->column), "database",
                            text_or_null(value->database), "lake", text_or_null(value->lake)));
    }
    json_array_append_new(rows, json_pack("{s:o, s:s, s:o}", "key", lh_cli_json_text(row->key), "kind",
                                          lh_verify_row_kind_name(row->kind), "values", values));
  }
  return rows;
}

json_t *lh_verify_report_to_json(const struct lh_verify_report *report) {
  json_t *const object = json_pack("{s:s, s:s, s:f}", "task", report->task->name, "status",
                                   state_names[report->state], "seconds", report->seconds);
  if (report->version != NULL) {
    json_object_set_new(object, "version", json_string(report->version->version));
    json_object_set_new(object, "snapshot_time", json_string(report->version->snapshot_time));
  }
  if (report->state == LH_VERIFY_FAILED) {
    json_object_set_new(object, "error", lh_error_to_json(&report->error));
  }
  if (report->state == LH_VERIFY_EQUAL || report->state == LH_VERIFY_DIFFERENT) {
    const struct lh_verify_result *const result = &report->result;
    json_object_set_new(object, "rows",
                        json_pack("{s:I, s:I}", "database", (json_int_t)result->database_rows, "lake",
                                  (json_int_t)result->lake_rows));
    json_object_set_new(object, "columns", columns_to_json(result));
    json_object_set_new(object, "differing_rows",
                        result->has_key || !result->differs ? rows_to_json(result) : json_null());
  }
  return object;
}
