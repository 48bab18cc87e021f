/* What a run did, as a table or as JSON. */
#include "run/summary.h"

#include <string.h>

#include "base/str.h"
#include "run/job.h"

static size_t name_width(const struct lh_run_result *result) {
  size_t width = strlen("task");
  for (size_t i = 0; i < result->task_count; i++) {
    const size_t length = strlen(result->tasks[i].name);
    width = length > width ? length : width;
  }
  return width;
}

static void print_task(const struct lh_task_run *task, int width, FILE *to) {
  char rows[32] = "-";
  char bytes[32] = "-";
  if (task->state == LH_TASK_PUBLISHED && !task->node->task->is_view) {
    lh_str_format_count(task->rows, rows);
    lh_str_format_bytes(task->bytes, bytes);
  }
  fprintf(to, "%-*s  %-5s  %15s  %10s  %8.1f  %s", width, task->name,
          lh_task_spec_kind_name(task->node->task), rows, bytes, task->seconds,
          lh_task_state_name(task->state));
  if (task->state == LH_TASK_PUBLISHED && task->verified) {
    fputs(", verified", to);
  } else if (task->state == LH_TASK_FAILED) {
    fprintf(to, ": %s", task->error.message);
  } else if (task->state == LH_TASK_SKIPPED) {
    fprintf(to, ": %s", task->reason);
  }
  fputc('\n', to);
}

/* -------- partitions -------- */

#define PARTITIONS_SHOWN 8

static bool was_written(const struct lh_task_run *task, const struct lh_lake_partition *partition) {
  return strcmp(partition->version, task->version) == 0;
}

static void print_partitions(const struct lh_task_run *task, FILE *to) {
  const struct lh_lake_version *const version = task->published;
  size_t written = 0;
  for (size_t i = 0; i < version->partition_count; i++) {
    written += was_written(task, &version->partitions[i]) ? 1 : 0;
  }
  fprintf(to, "\n%s: %zu of %zu partition%s written\n", task->name, written, version->partition_count,
          version->partition_count == 1 ? "" : "s");
  size_t shown = 0;
  for (size_t i = 0; i < version->partition_count && shown < PARTITIONS_SHOWN; i++) {
    const struct lh_lake_partition *const partition = &version->partitions[i];
    char rows[32];
    char bytes[32];
    if (was_written(task, partition)) {
      fprintf(to, "  %-40s  %15s  %10s\n", partition->path, lh_str_format_count(partition->rows, rows),
              lh_str_format_bytes(partition->bytes, bytes));
      shown++;
    }
  }
  if (written > shown) {
    fprintf(to, "  … and %zu more (--json lists all)\n", written - shown);
  }
}

static json_t *partitions_to_json(const struct lh_task_run *task) {
  const struct lh_lake_version *const version = task->published;
  json_t *const list = json_array();
  for (size_t i = 0; i < version->partition_count; i++) {
    const struct lh_lake_partition *const partition = &version->partitions[i];
    json_t *const values = json_object();
    for (size_t j = 0; j < version->partition_key_count; j++) {
      json_object_set_new(values, version->partition_keys[j].name,
                          partition->values[j] != NULL ? json_string(partition->values[j]) : json_null());
    }
    json_array_append_new(
        list, json_pack("{s:o, s:s, s:I, s:I, s:I, s:b}", "value", values, "path", partition->path, "bytes",
                        (json_int_t)partition->bytes, "rows", (json_int_t)partition->rows, "files",
                        (json_int_t)partition->file_count, "written", was_written(task, partition)));
  }
  return list;
}

void lh_summary_print(const struct lh_run_result *result, FILE *to) {
  const int width = (int)name_width(result);
  uint64_t rows = 0;
  uint64_t bytes = 0;
  size_t published = 0;
  fprintf(to, "\n%-*s  %-5s  %15s  %10s  %8s  %s\n", width, "task", "kind", "rows", "bytes", "seconds",
          "status");
  for (size_t i = 0; i < result->task_count; i++) {
    const struct lh_task_run *const task = &result->tasks[i];
    print_task(task, width, to);
    if (task->state == LH_TASK_PUBLISHED) {
      rows += task->rows;
      bytes += task->bytes;
      published++;
    }
  }
  for (size_t i = 0; i < result->task_count; i++) {
    const struct lh_task_run *const task = &result->tasks[i];
    if (task->state == LH_TASK_PUBLISHED && task->published->partition_key_count > 0) {
      print_partitions(task, to);
    }
  }
  char rows_text[32];
  char bytes_text[32];
  char seconds_text[32];
  fprintf(to, "\n%zu of %zu tasks published, %s rows, %s in %s\n", published, result->task_count,
          lh_str_format_count(rows, rows_text), lh_str_format_bytes(bytes, bytes_text),
          lh_str_format_seconds(result->seconds, seconds_text));
}

/* -------- the crawl -------- */

void lh_summary_print_crawl(const struct lh_crawl_result *crawl, const char *crawler, FILE *to) {
  char seconds[32];
  if (crawl->end != LH_CRAWL_SUCCEEDED) {
    fprintf(to, "crawler %s: %s\n", crawler, lh_crawl_end_name(crawl->end));
  } else {
    fprintf(to, "crawler %s: succeeded after %s", crawler, lh_str_format_seconds(crawl->seconds, seconds));
    if (crawl->has_counts) {
      fprintf(to, ", tables: %lld created, %lld updated, %lld deleted", (long long)crawl->tables_created,
              (long long)crawl->tables_updated, (long long)crawl->tables_deleted);
    }
    fputc('\n', to);
  }
}

json_t *lh_summary_crawl_to_json(const struct lh_crawl_result *crawl, const struct lh_error *err) {
  json_t *const counts =
      crawl->has_counts
          ? json_pack("{s:I, s:I, s:I}", "created", (json_int_t)crawl->tables_created, "updated",
                      (json_int_t)crawl->tables_updated, "deleted", (json_int_t)crawl->tables_deleted)
          : json_null();
  json_t *const object = json_pack("{s:s, s:s?, s:s?, s:b, s:i, s:f, s:o}", "result",
                                   err->code != LH_OK ? "error" : lh_crawl_end_name(crawl->end), "problem",
                                   lh_crawl_problem_name(crawl->problem), "status", crawl->status,
                                   "crawler_created", crawl->created, "start_attempts", crawl->start_attempts,
                                   "seconds", crawl->seconds, "tables", counts);
  if (object != NULL && err->code != LH_OK) {
    json_object_set_new(object, "error", json_string(err->message));
    json_object_set_new(object, "hint", json_string(err->hint));
  }
  return object;
}

static json_t *files_to_json(const struct lh_lake_version *version) {
  json_t *const files = json_array();
  for (size_t i = 0; version != NULL && i < version->file_count; i++) {
    const struct lh_lake_file *const file = &version->files[i];
    json_array_append_new(files, json_pack("{s:s, s:I, s:I}", "key", file->key, "rows",
                                           (json_int_t)file->rows, "bytes", (json_int_t)file->bytes));
  }
  return files;
}

static json_t *changes_to_json(const struct lh_task_run *task) {
  json_t *const changes = json_array();
  for (size_t i = 0; i < task->change_count; i++) {
    json_array_append_new(changes, lh_schema_change_to_json(&task->changes[i]));
  }
  return changes;
}

/* The columns of which values were replaced. */
static json_t *replaced_to_json(const struct lh_lake_version *version) {
  json_t *const replaced = json_array();
  for (size_t i = 0; version != NULL && i < version->column_count; i++) {
    const struct lh_lake_column *const column = &version->columns[i];
    if (column->nulls > 0 || column->clamped > 0) {
      json_array_append_new(replaced,
                            json_pack("{s:s, s:I, s:I}", "column", column->name, "became_null",
                                      (json_int_t)column->nulls, "clamped", (json_int_t)column->clamped));
    }
  }
  return replaced;
}

static json_t *task_to_json(const struct lh_task_run *task) {
  const bool published = task->state == LH_TASK_PUBLISHED;
  json_t *const object =
      json_pack("{s:s, s:s, s:s, s:I, s:I, s:f, s:o}", "task", task->name, "kind",
                lh_task_spec_kind_name(task->node->task), "status", lh_task_state_name(task->state), "rows",
                published ? (json_int_t)task->rows : 0, "bytes", published ? (json_int_t)task->bytes : 0,
                "seconds", task->seconds, "files", files_to_json(task->published));
  if (published) {
    json_object_set_new(object, "version", json_string(task->version));
    json_object_set_new(object, "verified", json_boolean(task->verified));
    json_object_set_new(object, "schema_changes", changes_to_json(task));
    json_object_set_new(object, "replaced", replaced_to_json(task->published));
    if (task->published->partition_key_count > 0) {
      json_object_set_new(object, "partitions", partitions_to_json(task));
    }
  }
  if (task->elsewhere != NULL) {
    json_object_set_new(object, "elsewhere", lh_elsewhere_to_json(task->elsewhere));
  }
  if (task->state == LH_TASK_FAILED) {
    json_object_set_new(object, "error", lh_error_to_json(&task->error));
  }
  if (task->reason != NULL) {
    json_object_set_new(object, "reason", json_string(task->reason));
  }
  return object;
}

lh_status lh_summary_print_json(const struct lh_run_result *result, const char *project, FILE *to,
                                struct lh_error *err) {
  const int exit_status = lh_run_exit_code(result);
  json_t *const tasks = json_array();
  for (size_t i = 0; i < result->task_count; i++) {
    json_array_append_new(tasks, task_to_json(&result->tasks[i]));
  }
  json_t *const object = json_pack("{s:s, s:s, s:i, s:f, s:{s:s, s:s}, s:o}", "project", project, "status",
                                   exit_status == 0      ? "ok"
                                   : result->interrupted ? "interrupted"
                                                         : "failed",
                                   "exit_status", exit_status, "seconds", result->seconds, "snapshot", "time",
                                   result->snapshot.time, "lsn", result->snapshot.lsn, "tasks", tasks);
  if (object != NULL && result->has_crawl) {
    json_object_set_new(object, "crawl", lh_summary_crawl_to_json(&result->crawl, &result->crawl_error));
  }
  struct lh_buf text;
  lh_buf_init(&text, LH_REPORT_MAX_BYTES);
  lh_status status = lh_json_take_append(object, true, &text, err);
  if (status == LH_OK) {
    fwrite(text.data, 1, text.len, to);
    fputc('\n', to);
  }
  lh_buf_clear(&text);
  return status;
}
