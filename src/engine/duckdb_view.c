/* The SQL of a lake table's view over its Parquet files. */
#include "engine/duckdb_view.h"

#include <string.h>

lh_status lh_duckdb_append_quoted(struct lh_buf *sql, const char *text, char quote, struct lh_error *err) {
  LH_TRY(lh_buf_append_byte(sql, (uint8_t)quote, err));
  for (; *text != '\0'; text++) {
    if (*text == quote) {
      LH_TRY(lh_buf_append_byte(sql, (uint8_t)quote, err));
    }
    LH_TRY(lh_buf_append_byte(sql, (uint8_t)*text, err));
  }
  return lh_buf_append_byte(sql, (uint8_t)quote, err);
}

/* A path is a pattern to DuckDB: what has a meaning in patterns goes into brackets of its own. The names of
 * objects are literal (lh_duckdb_s3_load). */
static lh_status append_path(struct lh_buf *sql, struct lh_buf *scratch, const char *path,
                             struct lh_error *err) {
  if (strncmp(path, "s3://", 5) == 0) {
    return lh_duckdb_append_quoted(sql, path, '\'', err);
  }
  lh_buf_reset(scratch);
  for (; *path != '\0'; path++) {
    const bool special = *path == '*' || *path == '?' || *path == '[';
    LH_TRY(special ? lh_buf_printf(scratch, err, "[%c]", *path)
                   : lh_buf_append_byte(scratch, (uint8_t)*path, err));
  }
  const char *pattern = NULL;
  LH_TRY(lh_buf_cstr(scratch, &pattern, err));
  return lh_duckdb_append_quoted(sql, pattern, '\'', err);
}

static lh_status append_files(const struct lh_duckdb_view *view, struct lh_buf *sql, struct lh_error *err) {
  struct lh_buf scratch;
  lh_buf_init(&scratch, sql->max);
  lh_status status = lh_buf_append_str(sql, "[", err);
  for (size_t i = 0; i < view->file_count && status == LH_OK; i++) {
    status = lh_buf_append_str(sql, i > 0 ? ", " : "", err);
    if (status == LH_OK) {
      status = append_path(sql, &scratch, view->files[i], err);
    }
  }
  lh_buf_clear(&scratch);
  LH_TRY(status);
  return lh_buf_append_str(sql, "]", err);
}

/* -------- partitions -------- */

/* As the values of files of that type come out: UUIDs are texts in the files, too. */
static const char *type_in_sql(const char *type) {
  static const char *const names[][2] = {
      {"boolean", "BOOLEAN"}, {"int8", "TINYINT"}, {"int16", "SMALLINT"},
      {"int32", "INTEGER"},   {"int64", "BIGINT"}, {"date", "DATE"},
  };
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    if (strcmp(type, names[i][0]) == 0) {
      return names[i][1];
    }
  }
  const bool is_decimal =
      strncmp(type, "decimal(", 8) == 0 && strspn(type + 8, "0123456789,)") == strlen(type + 8);
  return is_decimal ? type : "VARCHAR";
}

static lh_status append_columns(const struct lh_engine_partitions *partitions, struct lh_buf *sql,
                                struct lh_error *err) {
  for (size_t i = 0; i < partitions->column_count; i++) {
    LH_TRY(lh_buf_append_str(sql, i > 0 ? ", " : "", err));
    LH_TRY(lh_duckdb_append_quoted(sql, partitions->columns[i], '"', err));
  }
  return LH_OK;
}

/* The types are said, so that nothing is guessed from the values that happen to be there. Columns are named,
 * so that a "key=value" in the path of the lake itself adds none. */
static lh_status append_partitioned(const struct lh_duckdb_view *view, struct lh_buf *sql,
                                    struct lh_error *err) {
  const struct lh_engine_partitions *const partitions = view->partitions;
  LH_TRY(lh_buf_append_str(sql, "(SELECT ", err));
  LH_TRY(append_columns(partitions, sql, err));
  LH_TRY(lh_buf_append_str(sql, " FROM read_parquet(", err));
  LH_TRY(append_files(view, sql, err));
  LH_TRY(lh_buf_append_str(sql, ", union_by_name = false, hive_partitioning = true, hive_types = {", err));
  for (size_t i = 0; i < partitions->key_count; i++) {
    LH_TRY(lh_buf_append_str(sql, i > 0 ? ", " : "", err));
    LH_TRY(lh_duckdb_append_quoted(sql, partitions->keys[i].name, '\'', err));
    LH_TRY(lh_buf_printf(sql, err, ": '%s'", type_in_sql(partitions->keys[i].type)));
  }
  return lh_buf_append_str(sql, "}))", err);
}

/* -------- the view -------- */

lh_status lh_duckdb_build_view(const struct lh_duckdb_view *view, const char *replaced, struct lh_buf *sql,
                               struct lh_error *err) {
  lh_buf_reset(sql);
  LH_TRY(lh_buf_append_str(sql, "CREATE OR REPLACE VIEW ", err));
  LH_TRY(lh_duckdb_append_quoted(sql, view->name, '"', err));
  LH_TRY(lh_buf_append_str(sql, " AS SELECT *", err));
  if (replaced[0] != '\0') {
    LH_TRY(lh_buf_printf(sql, err, " REPLACE (%s)", replaced));
  }
  LH_TRY(lh_buf_append_str(sql, " FROM ", err));
  if (view->partitions != NULL) {
    return append_partitioned(view, sql, err);
  }
  LH_TRY(lh_buf_append_str(sql, "read_parquet(", err));
  LH_TRY(append_files(view, sql, err));
  return lh_buf_append_str(sql, ", union_by_name = false, hive_partitioning = false)", err);
}
