/* Statements on engines elsewhere: what all drivers have in common, from the start of a statement to its end
 * or its cancellation, and which statements only read. */
#include "engine/remote_impl.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/str.h"

const char *lh_remote_name(const struct lh_remote *remote) {
  return remote->driver->name;
}

void lh_remote_free(struct lh_remote *remote) {
  if (remote != NULL) {
    remote->driver->free(remote);
  }
}

/* A semicolon behind the statement is a shell's, not the engine's. */
static const char *whole_text(const struct lh_remote_sql *sql, struct lh_arena *arena) {
  size_t length = strlen(sql->text);
  while (length > 0 && (isspace((unsigned char)sql->text[length - 1]) || sql->text[length - 1] == ';')) {
    length--;
  }
  const char *const text = lh_arena_strndup(arena, sql->text, length);
  return text != NULL && sql->before != NULL ? lh_arena_printf(arena, "%s\n%s", sql->before, text) : text;
}

lh_status lh_remote_start(struct lh_remote *remote, const struct lh_remote_sql *sql,
                          struct lh_remote_statement **out, struct lh_error *err) {
  *out = NULL;
  struct lh_remote_statement *const statement = calloc(1, remote->driver->statement_size);
  if (statement == NULL) {
    return lh_error_memory(err);
  }
  statement->remote = remote;
  statement->start_ns = lh_clock_ns();
  statement->timeout_ms = sql->timeout_ms;
  statement->codec = sql->codec;
  statement->lines_before = sql->before != NULL ? 1 : 0;
  statement->statistics.query_id = "";
  lh_arena_init(&statement->arena, 0);
  const char *const text = whole_text(sql, &statement->arena);
  lh_status status = text != NULL ? remote->driver->start(statement, text, err) : lh_error_memory(err);
  if (status == LH_OK) {
    status = lh_remote_check_names(&statement->schema, err);
  }
  if (status != LH_OK) {
    lh_remote_statement_free(statement);
    return status;
  }
  *out = statement;
  return LH_OK;
}

int lh_remote_line(const struct lh_remote_statement *statement, int line) {
  return line > statement->lines_before ? line - statement->lines_before : 1;
}

const struct lh_schema *lh_remote_schema(const struct lh_remote_statement *statement) {
  return &statement->schema;
}

const struct lh_remote_statistics *lh_remote_statistics(const struct lh_remote_statement *statement) {
  return &statement->statistics;
}

lh_status lh_remote_fetch(struct lh_remote_statement *statement, struct lh_batch *batch,
                          struct lh_error *err) {
  return statement->remote->driver->fetch(statement, batch, err);
}

void lh_remote_statement_free(struct lh_remote_statement *statement) {
  if (statement == NULL) {
    return;
  }
  statement->remote->driver->cancel(statement);
  statement->remote->driver->clear(statement);
  lh_arena_clear(&statement->arena);
  free(statement);
}

static lh_status drain(struct lh_remote_statement *statement, struct lh_error *err) {
  struct lh_batch batch = {0};
  lh_status status = lh_batch_init(&batch, &statement->schema, LH_BATCH_ROWS, err);
  do {
    lh_batch_reset(&batch);
    if (status == LH_OK) {
      status = lh_remote_fetch(statement, &batch, err);
    }
  } while (status == LH_OK && batch.row_count > 0);
  lh_batch_clear(&batch);
  return status;
}

lh_status lh_remote_execute(struct lh_remote *remote, const struct lh_remote_sql *sql, struct lh_arena *arena,
                            struct lh_remote_statistics *statistics, struct lh_error *err) {
  struct lh_remote_statement *statement = NULL;
  LH_TRY(lh_remote_start(remote, sql, &statement, err));
  lh_status status = drain(statement, err);
  if (status == LH_OK && statistics != NULL) {
    *statistics = statement->statistics;
    statistics->query_id = lh_arena_strdup(arena, statement->statistics.query_id);
    status = statistics->query_id != NULL ? LH_OK : lh_error_memory(err);
  }
  lh_remote_statement_free(statement);
  return status;
}

int64_t lh_remote_time_left(const struct lh_remote_statement *statement) {
  if (statement->timeout_ms == 0) {
    return 0;
  }
  const int64_t passed_ms = (int64_t)((lh_clock_ns() - statement->start_ns) / 1000000);
  return passed_ms < statement->timeout_ms ? statement->timeout_ms - passed_ms : 1;
}

lh_status lh_remote_check(const struct lh_remote_statement *statement, struct lh_error *err) {
  const struct lh_remote *const remote = statement->remote;
  if (remote->cancelled != NULL && atomic_load(remote->cancelled)) {
    return lh_error_set(err, LH_ERROR_INTERRUPTED, "interrupted");
  }
  const int64_t passed_ms = (int64_t)((lh_clock_ns() - statement->start_ns) / 1000000);
  if (statement->timeout_ms == 0 || passed_ms < statement->timeout_ms) {
    return LH_OK;
  }
  char limit[32];
  lh_error_set(err, LH_ERROR_QUERY, "%s query %s was cancelled: it took longer than %s", remote->driver->name,
               statement->statistics.query_id,
               lh_str_format_seconds((double)statement->timeout_ms / 1000.0, limit));
  lh_error_hint(err, "raise timeout in lakehaul.yaml, or --timeout");
  return LH_ERROR_QUERY;
}

lh_status lh_remote_check_names(const struct lh_schema *schema, struct lh_error *err) {
  for (size_t i = 0; i < schema->field_count; i++) {
    for (size_t j = 0; j < i; j++) {
      if (strcmp(schema->fields[i].name, schema->fields[j].name) == 0) {
        lh_error_set(err, LH_ERROR_DATA, "the result has two columns named \"%s\"", schema->fields[i].name);
        lh_error_hint(err, "name one of them otherwise: … AS other_name");
        return LH_ERROR_DATA;
      }
    }
  }
  return LH_OK;
}

/* Behind white space, comments and opening brackets; `*options` is set where brackets were passed. */
static const char *skip_space(const char *sql) {
  for (;;) {
    if (isspace((unsigned char)*sql) || *sql == '(') {
      sql++;
    } else if (strncmp(sql, "--", 2) == 0) {
      sql += strcspn(sql, "\n");
    } else if (strncmp(sql, "/*", 2) == 0) {
      const char *const end = strstr(sql + 2, "*/");
      sql = end != NULL ? end + 2 : sql + strlen(sql);
    } else {
      return sql;
    }
  }
}

static size_t word_length(const char *sql) {
  size_t length = 0;
  while (isalnum((unsigned char)sql[length]) || sql[length] == '_') {
    length++;
  }
  return length;
}

static bool is_one_of(const char *word, size_t length, const char *const *words, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (strlen(words[i]) == length && strncasecmp(word, words[i], length) == 0) {
      return true;
    }
  }
  return false;
}

/* Behind EXPLAIN, its words and options, where what is explained begins: EXPLAIN ANALYZE runs it. */
static const char *skip_explain(const char *sql, size_t length) {
  static const char *const words[] = {"analyze", "verbose"};
  sql += length;
  for (;;) {
    while (isspace((unsigned char)*sql)) {
      sql++;
    }
    const size_t next = word_length(sql);
    if (is_one_of(sql, next, words, 2)) {
      sql += next;
      continue;
    }
    static const char *const options[] = {"type", "format"};
    const char *const inside = skip_space(sql);
    if (*sql == '(' && is_one_of(inside, word_length(inside), options, 2)) {
      sql += strcspn(sql, ")");
      sql += *sql != '\0';
      continue;
    }
    return skip_space(sql);
  }
}

lh_status lh_remote_check_reads(const char *sql, bool also_describes, struct lh_error *err) {
  static const char *const reads[] = {"select", "with", "values", "table"};
  static const char *const describes[] = {"show", "describe", "desc"};
  const char *word = skip_space(sql);
  size_t length = word_length(word);
  if (also_describes && length == 7 && strncasecmp(word, "explain", 7) == 0) {
    word = skip_explain(word, length);
    length = word_length(word);
  }
  if (is_one_of(word, length, reads, 4) || (also_describes && is_one_of(word, length, describes, 3))) {
    return LH_OK;
  }
  if (*word == '\0') {
    return lh_error_set(err, LH_ERROR_QUERY, "the SQL is empty");
  }
  lh_error_set(err, LH_ERROR_QUERY, "\"%.*s …\" is not a statement that reads",
               (int)(length > 0 && length < 64 ? length : 1), word);
  lh_error_hint(err, "write a SELECT%s", also_describes ? ", or SHOW, DESCRIBE, EXPLAIN" : "");
  return LH_ERROR_QUERY;
}
