/* Tables that an engine elsewhere makes of a SELECT: made, looked at, and taken out of its catalog again,
 * their files left where they are. */
#include "engine/remote_impl.h"

#include <string.h>

const char *lh_remote_quote(const char *text, char quote, struct lh_arena *arena) {
  char *const quoted = lh_arena_alloc(arena, strlen(text) * 2 + 3);
  if (quoted == NULL) {
    return NULL;
  }
  char *out = quoted;
  *out++ = quote;
  for (; *text != '\0'; text++) {
    *out++ = *text;
    if (*text == quote) {
      *out++ = quote;
    }
  }
  *out++ = quote;
  *out = '\0';
  return quoted;
}

lh_status lh_remote_create_table(struct lh_remote *remote, const struct lh_remote_table *table,
                                 const struct lh_remote_sql *sql, struct lh_arena *arena,
                                 struct lh_remote_statistics *statistics, struct lh_error *err) {
  struct lh_remote_sql statement = *sql;
  statement.before = remote->driver->create_table_sql(remote, table, arena);
  statement.codec = table->codec;
  return statement.before != NULL ? lh_remote_execute(remote, &statement, arena, statistics, err)
                                  : lh_error_memory(err);
}

lh_status lh_remote_drop_table(struct lh_remote *remote, const char *name, int64_t timeout_ms,
                               struct lh_arena *arena, struct lh_error *err) {
  const struct lh_remote_sql sql = {.text = remote->driver->drop_table_sql(remote, name, arena),
                                    .timeout_ms = timeout_ms};
  return sql.text != NULL ? lh_remote_execute(remote, &sql, arena, NULL, err) : lh_error_memory(err);
}

/* A text of a column that is one. */
static const char *text_at(const struct lh_column *column, size_t row, struct lh_arena *arena) {
  size_t size = 0;
  const uint8_t *const bytes = lh_column_bytes(column, row, &size);
  return lh_arena_strndup(arena, (const char *)bytes, size);
}

static lh_status add_field(const struct lh_batch *batch, size_t row, struct lh_arena *arena,
                           struct lh_field *field, struct lh_error *err) {
  const struct lh_column *const columns = batch->columns;
  if (!lh_column_is_valid(&columns[0], row) || !lh_column_is_valid(&columns[1], row)) {
    return lh_error_set(err, LH_ERROR_CATALOG, "the catalog has a column without a name or a type");
  }
  const char *const type = text_at(&columns[1], row, arena);
  field->name = text_at(&columns[0], row, arena);
  if (field->name == NULL || type == NULL) {
    return lh_error_memory(err);
  }
  return lh_remote_parse_type(type, true, arena, field, err);
}

/* As many fields as a batch has rows: Trino and Hive stop far before that. */
static lh_status read_fields(struct lh_remote_statement *statement, struct lh_batch *batch,
                             struct lh_arena *arena, struct lh_schema *out, struct lh_error *err) {
  struct lh_field *const fields = LH_ARENA_ARRAY(arena, struct lh_field, LH_BATCH_ROWS);
  if (fields == NULL) {
    return lh_error_memory(err);
  }
  *out = (struct lh_schema){.fields = fields};
  for (;;) {
    lh_batch_reset(batch);
    LH_TRY(lh_remote_fetch(statement, batch, err));
    if (batch->row_count == 0) {
      return LH_OK;
    }
    for (size_t i = 0; i < batch->row_count && out->field_count < LH_BATCH_ROWS; i++) {
      LH_TRY(add_field(batch, i, arena, &fields[out->field_count], err));
      out->field_count++;
    }
  }
}

static lh_status read_description(struct lh_remote_statement *statement, struct lh_arena *arena,
                                  struct lh_schema *out, struct lh_error *err) {
  const struct lh_schema *const schema = &statement->schema;
  if (schema->field_count != 2 || schema->fields[0].type != LH_TYPE_STRING ||
      schema->fields[1].type != LH_TYPE_STRING) {
    return lh_error_set(err, LH_ERROR_CATALOG, "%s does not tell the columns of a table as texts",
                        statement->remote->driver->name);
  }
  struct lh_batch batch = {0};
  lh_status status = lh_batch_init(&batch, schema, LH_BATCH_ROWS, err);
  if (status == LH_OK) {
    status = read_fields(statement, &batch, arena, out, err);
  }
  lh_batch_clear(&batch);
  return status;
}

lh_status lh_remote_describe_table(struct lh_remote *remote, const char *name, int64_t timeout_ms,
                                   struct lh_arena *arena, struct lh_schema *out, struct lh_error *err) {
  const char *const catalog = remote->catalog != NULL ? lh_remote_quote(remote->catalog, '"', arena) : "";
  const char *const schema = lh_remote_quote(remote->schema, '\'', arena);
  const char *const table = lh_remote_quote(name, '\'', arena);
  if (catalog == NULL || schema == NULL || table == NULL) {
    return lh_error_memory(err);
  }
  const struct lh_remote_sql sql = {
      .text = lh_arena_printf(arena,
                              "SELECT column_name, data_type FROM %s%sinformation_schema.columns WHERE "
                              "table_schema = %s AND table_name = %s ORDER BY ordinal_position",
                              catalog, remote->catalog != NULL ? "." : "", schema, table),
      .timeout_ms = timeout_ms,
  };
  if (sql.text == NULL) {
    return lh_error_memory(err);
  }
  struct lh_remote_statement *statement = NULL;
  LH_TRY(lh_remote_start(remote, &sql, &statement, err));
  lh_status status = read_description(statement, arena, out, err);
  lh_remote_statement_free(statement);
  if (status == LH_OK && out->field_count == 0) {
    status = lh_error_set(err, LH_ERROR_CATALOG, "%s has made table %s.%s and does not show it",
                          remote->driver->name, remote->schema, name);
  }
  return status;
}
