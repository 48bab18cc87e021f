/* Athena over its API (AmazonAthena, JSON 1.1): a statement is started, asked for until it has ended, and its
 * result read in pages of up to 1,000 rows. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "engine/remote_impl.h"
#include "net/aws.h"
#include "net/retry.h"

#define PAGE_ROWS 1000
#define POLL_FIRST_MS 100
#define POLL_CAP_MS 2000
#define TOKEN_BYTES 16
#define CATALOG "AwsDataCatalog"

struct athena {
  struct lh_remote common;
  struct lh_athena_target target;
  struct lh_aws_provider *provider;
  struct lh_aws_client *client;
  struct lh_aws_client *canceller; /* the same, but that no signal ends its requests */
};

struct athena_statement {
  struct lh_remote_statement common;
  bool is_running;
  bool has_header; /* the first row of the first page may be the names of the columns */
  json_t *page;    /* the last answer; NULL: none */
  size_t row;      /* the next of it */
  int64_t row_number;
};

static struct athena *athena_of(const struct lh_remote_statement *statement) {
  return (struct athena *)(void *)statement->remote;
}

static const char *text_of(const json_t *object, const char *key) {
  const char *const text = json_string_value(json_object_get(object, key));
  return text != NULL ? text : "";
}

static int64_t number_of(const json_t *object, const char *key) {
  return (int64_t)json_integer_value(json_object_get(object, key));
}

/* -------- errors -------- */

/* "SYNTAX_ERROR: line 1:8: Column …": the word in front of a message, and the place in the SQL. */
struct reason {
  char name[64];
  int line, column; /* 0: not told */
  const char *message;
};

static struct reason read_reason(const char *text) {
  struct reason reason = {.name = "", .message = text};
  const size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
  if (length > 2 && length < sizeof(reason.name) && strncmp(text + length, ": ", 2) == 0) {
    memcpy(reason.name, text, length);
    reason.name[length] = '\0';
    reason.message = text + length + 2;
  }
  if (strncmp(reason.message, "line ", 5) == 0) {
    char *end = NULL;
    const long line = strtol(reason.message + 5, &end, 10);
    const long column = *end == ':' ? strtol(end + 1, &end, 10) : 0;
    if (line > 0 && line < INT32_MAX && column > 0 && column < INT32_MAX && strncmp(end, ": ", 2) == 0) {
      reason.line = (int)line;
      reason.column = (int)column;
      reason.message = end + 2;
    }
  }
  return reason;
}

static void set_failure(const struct athena_statement *statement, lh_status code, const char *text,
                        struct lh_error *err) {
  const struct reason reason = read_reason(text);
  const char *const id = statement->common.statistics.query_id;
  char place[64] = "";
  if (reason.line > 0) {
    snprintf(place, sizeof(place), "line %d, column %d: ", lh_remote_line(&statement->common, reason.line),
             reason.column);
  }
  lh_error_set(err, code, "%s%s (Athena%s%s%s%s)", place, reason.message, reason.name[0] != '\0' ? ": " : "",
               reason.name, id[0] != '\0' ? ", query " : "", id);
}

static void add_hint(const struct athena *athena, struct lh_error *err) {
  const char *const message = err->message;
  if (strstr(message, "utput location") != NULL && strstr(message, "enforces a centralized") == NULL) {
    lh_error_hint(
        err, "write athena: { output: s3://bucket/prefix } into lakehaul.yaml, or give the workgroup one");
  } else if (strstr(message, "enforces a centralized") != NULL) {
    lh_error_hint(err,
                  "tables need a place of their own: use a workgroup that lets clients choose the location");
  } else if (strcasestr(message, "workgroup") != NULL) {
    lh_error_hint(err, "set workgroup of athena in lakehaul.yaml");
  } else if (strstr(message, "TABLE_NOT_FOUND") != NULL || strstr(message, "does not exist") != NULL) {
    lh_error_hint(err, "SHOW TABLES lists those of database %s, the one of glue in lakehaul.yaml",
                  athena->target.database);
  }
}

/* What the service refuses at once is the SQL's fault where it tells a place in it. */
static lh_status fail_call(const struct athena_statement *statement, struct lh_error *err) {
  if (err->code != LH_ERROR_CATALOG) {
    return err->code;
  }
  const char *const line = strstr(err->message, "line ");
  if (strcmp(err->aws_code, "InvalidRequestException") == 0 && line != NULL &&
      isdigit((unsigned char)line[5])) {
    char text[LH_ERROR_MESSAGE_MAX];
    snprintf(text, sizeof(text), "%s", line);
    set_failure(statement, LH_ERROR_QUERY, text, err);
  }
  add_hint(athena_of(&statement->common), err);
  return err->code;
}

static lh_status fail_execution(struct athena_statement *statement, const json_t *status,
                                struct lh_error *err) {
  const struct athena *const athena = athena_of(&statement->common);
  const char *const id = statement->common.statistics.query_id;
  const json_t *const error = json_object_get(status, "AthenaError");
  const char *reason = text_of(status, "StateChangeReason");
  if (strcmp(text_of(status, "State"), "CANCELLED") == 0) {
    lh_error_set(err, LH_ERROR_QUERY, "Athena query %s was cancelled%s%s", id, reason[0] != '\0' ? ": " : "",
                 reason);
    lh_error_hint(err, "somebody stopped it, or it went past a limit of its workgroup");
    return LH_ERROR_QUERY;
  }
  if (reason[0] == '\0') {
    reason = text_of(error, "ErrorMessage");
  }
  /* Category 1 is the service's, 2 the user's, 3 neither's. */
  const bool is_of_service = number_of(error, "ErrorCategory") == 1;
  set_failure(statement, is_of_service ? LH_ERROR_CATALOG : LH_ERROR_QUERY,
              reason[0] != '\0' ? reason : "it failed", err);
  if (json_is_true(json_object_get(error, "Retryable"))) {
    err->error_class = LH_ERROR_CLASS_RETRYABLE;
    lh_error_hint(err, "Athena says that it may pass later: run again");
  }
  add_hint(athena, err);
  return err->code;
}

/* -------- starting and waiting -------- */

/* A UUID: one per statement, so that a request that is repeated starts nothing twice. */
static lh_status make_token(char out[40], struct lh_error *err) {
  uint8_t bytes[TOKEN_BYTES];
  if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "cannot get random bytes: %s", strerror(errno));
  }
  bytes[6] = (uint8_t)((bytes[6] & 0x0F) | 0x40);
  bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80);
  char *at = out;
  for (size_t i = 0; i < sizeof(bytes); i++) {
    at += snprintf(at, 4, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
  }
  return LH_OK;
}

static json_t *start_input(const struct athena *athena, const char *sql, const char *token) {
  const struct lh_athena_settings *const settings = athena->target.settings;
  json_t *const input =
      json_pack("{s:s, s:s, s:{s:s, s:s}}", "QueryString", sql, "ClientRequestToken", token,
                "QueryExecutionContext", "Catalog", CATALOG, "Database", athena->target.database);
  if (input != NULL && settings->workgroup != NULL) {
    json_object_set_new(input, "WorkGroup", json_string(settings->workgroup));
  }
  if (input != NULL && settings->output != NULL) {
    json_object_set_new(input, "ResultConfiguration", json_pack("{s:s}", "OutputLocation", settings->output));
  }
  return input;
}

static lh_status send_statement(struct athena_statement *statement, const char *sql, struct lh_error *err) {
  const struct athena *const athena = athena_of(&statement->common);
  char token[40];
  json_t *answer = NULL;
  LH_TRY(make_token(token, err));
  if (lh_aws_call_json(athena->client, "AmazonAthena.StartQueryExecution", start_input(athena, sql, token),
                       &answer, err) != LH_OK) {
    return fail_call(statement, err);
  }
  const char *id = NULL;
  const lh_status status =
      lh_json_get_string(answer, "QueryExecutionId", "Athena's answer", &statement->common.arena, &id, err);
  json_decref(answer);
  LH_TRY(status);
  statement->common.statistics.query_id = id;
  statement->is_running = true;
  return LH_OK;
}

static void take_statistics(struct athena_statement *statement, const json_t *execution) {
  const json_t *const found = json_object_get(execution, "Statistics");
  struct lh_remote_statistics *const statistics = &statement->common.statistics;
  const int64_t bytes = number_of(found, "DataScannedInBytes");
  const int64_t total_ms = number_of(found, "TotalExecutionTimeInMillis");
  statistics->bytes = bytes > 0 ? (uint64_t)bytes : 0;
  statistics->queued_ms = number_of(found, "QueryQueueTimeInMillis");
  statistics->run_ms = total_ms > statistics->queued_ms ? total_ms - statistics->queued_ms
                                                        : number_of(found, "EngineExecutionTimeInMillis");
}

/* Whether there are rows to be read: a table that was made has its files in the result's place. */
static bool has_rows(const json_t *execution) {
  const char *const location = text_of(json_object_get(execution, "ResultConfiguration"), "OutputLocation");
  const size_t length = strlen(location);
  if (strncmp(text_of(execution, "SubstatementType"), "CREATE_TABLE_AS_SELECT", 22) == 0) {
    return false;
  }
  return length < 4 || strcmp(location + length - 4, ".csv") == 0 ||
         strcmp(location + length - 4, ".txt") == 0;
}

/* Asks once: `*has_ended`, and then whether there is a result. */
static lh_status poll(struct athena_statement *statement, bool *has_ended, bool *has_result,
                      struct lh_error *err) {
  const struct athena *const athena = athena_of(&statement->common);
  json_t *answer = NULL;
  json_t *const input = json_pack("{s:s}", "QueryExecutionId", statement->common.statistics.query_id);
  if (lh_aws_call_json(athena->client, "AmazonAthena.GetQueryExecution", input, &answer, err) != LH_OK) {
    return fail_call(statement, err);
  }
  const json_t *const execution = json_object_get(answer, "QueryExecution");
  const json_t *const found = json_object_get(execution, "Status");
  const char *const state = text_of(found, "State");
  lh_status status = LH_OK;
  take_statistics(statement, execution);
  *has_ended = strcmp(state, "SUCCEEDED") == 0;
  if (*has_ended) {
    statement->is_running = false;
    *has_result = has_rows(execution);
    statement->has_header = strcmp(text_of(execution, "StatementType"), "DML") == 0;
  } else if (strcmp(state, "FAILED") == 0 || strcmp(state, "CANCELLED") == 0) {
    statement->is_running = false;
    status = fail_execution(statement, found, err);
  } else if (strcmp(state, "QUEUED") != 0 && strcmp(state, "RUNNING") != 0) {
    status = lh_error_set(err, LH_ERROR_CATALOG, "Athena query %s is in state \"%.64s\", which is not known",
                          statement->common.statistics.query_id, state);
  }
  json_decref(answer);
  return status;
}

static lh_status wait_for_end(struct athena_statement *statement, bool *has_result, struct lh_error *err) {
  int64_t delay_ms = POLL_FIRST_MS;
  for (;;) {
    bool has_ended = false;
    LH_TRY(lh_remote_check(&statement->common, err));
    LH_TRY(poll(statement, &has_ended, has_result, err));
    if (has_ended) {
      return LH_OK;
    }
    const int64_t left_ms = lh_remote_time_left(&statement->common);
    LH_TRY(lh_retry_sleep(left_ms > 0 && left_ms < delay_ms ? left_ms : delay_ms,
                          statement->common.remote->cancelled, err));
    delay_ms = delay_ms * 3 / 2 < POLL_CAP_MS ? delay_ms * 3 / 2 : POLL_CAP_MS;
  }
}

/* -------- results -------- */

static lh_status get_page(struct athena_statement *statement, const char *next, struct lh_error *err) {
  const struct athena *const athena = athena_of(&statement->common);
  json_t *const input = json_pack("{s:s, s:i}", "QueryExecutionId", statement->common.statistics.query_id,
                                  "MaxResults", PAGE_ROWS);
  json_t *answer = NULL;
  if (input != NULL && next != NULL) {
    json_object_set_new(input, "NextToken", json_string(next));
  }
  LH_TRY(lh_remote_check(&statement->common, err));
  if (lh_aws_call_json(athena->client, "AmazonAthena.GetQueryResults", input, &answer, err) != LH_OK) {
    return fail_call(statement, err);
  }
  json_decref(statement->page);
  statement->page = answer;
  statement->row = 0;
  return LH_OK;
}

static const json_t *rows_of(const struct athena_statement *statement) {
  return json_object_get(json_object_get(statement->page, "ResultSet"), "Rows");
}

static lh_status read_columns(struct athena_statement *statement, struct lh_error *err) {
  const json_t *const set = json_object_get(statement->page, "ResultSet");
  const json_t *const columns = json_object_get(json_object_get(set, "ResultSetMetadata"), "ColumnInfo");
  struct lh_arena *const arena = &statement->common.arena;
  struct lh_schema *const schema = &statement->common.schema;
  const size_t count = json_array_size(columns);
  schema->fields = LH_ARENA_ARRAY(arena, struct lh_field, count);
  if (schema->fields == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    const json_t *const column = json_array_get(columns, i);
    const char *type = text_of(column, "Type");
    if (strcmp(type, "decimal") == 0) {
      type = lh_arena_printf(arena, "decimal(%" PRId64 ",%" PRId64 ")", number_of(column, "Precision"),
                             number_of(column, "Scale"));
    }
    schema->fields[i].name = lh_arena_strdup(arena, text_of(column, "Name"));
    if (type == NULL || schema->fields[i].name == NULL) {
      return lh_error_memory(err);
    }
    LH_TRY(lh_remote_parse_type(type, false, arena, &schema->fields[i], err));
    schema->field_count++;
  }
  return LH_OK;
}

/* A SELECT's first row is the names of its columns. */
static void skip_header(struct athena_statement *statement) {
  const json_t *const data = json_object_get(json_array_get(rows_of(statement), 0), "Data");
  const struct lh_schema *const schema = &statement->common.schema;
  if (!statement->has_header || schema->field_count == 0 || json_array_size(data) != schema->field_count) {
    return;
  }
  for (size_t i = 0; i < schema->field_count; i++) {
    if (strcmp(text_of(json_array_get(data, i), "VarCharValue"), schema->fields[i].name) != 0) {
      return;
    }
  }
  statement->row = 1;
}

static lh_status append_row(const json_t *row, struct lh_batch *batch, struct lh_error *err) {
  const json_t *const data = json_object_get(row, "Data");
  for (size_t i = 0; i < batch->column_count; i++) {
    struct lh_column *const column = &batch->columns[i];
    const json_t *const value = json_object_get(json_array_get(data, i), "VarCharValue");
    const lh_status status = json_is_string(value)
                                 ? lh_remote_append_text(column, json_string_value(value),
                                                         json_string_length(value), LH_REMOTE_BYTES_HEX, err)
                                 : lh_column_append_null(column, err);
    if (status != LH_OK) {
      return lh_error_prefix(err, "column \"%s\"", batch->schema->fields[i].name);
    }
  }
  batch->row_count++;
  return LH_OK;
}

/* -------- the driver -------- */

static lh_status start(struct lh_remote_statement *common, const char *sql, struct lh_error *err) {
  struct athena_statement *const statement = (struct athena_statement *)(void *)common;
  bool has_result = false;
  LH_TRY(send_statement(statement, sql, err));
  LH_TRY(wait_for_end(statement, &has_result, err));
  if (!has_result) {
    return LH_OK;
  }
  LH_TRY(get_page(statement, NULL, err));
  LH_TRY(read_columns(statement, err));
  skip_header(statement);
  return LH_OK;
}

static lh_status fetch(struct lh_remote_statement *common, struct lh_batch *batch, struct lh_error *err) {
  struct athena_statement *const statement = (struct athena_statement *)(void *)common;
  while (batch->row_count < LH_BATCH_ROWS && common->schema.field_count > 0) {
    if (statement->row < json_array_size(rows_of(statement))) {
      statement->row_number++;
      if (append_row(json_array_get(rows_of(statement), statement->row++), batch, err) != LH_OK) {
        err->row = statement->row_number;
        return err->code;
      }
      continue;
    }
    const char *const next = json_string_value(json_object_get(statement->page, "NextToken"));
    if (next == NULL || batch->row_count > 0) {
      break;
    }
    LH_TRY(get_page(statement, next, err));
  }
  return LH_OK;
}

static void cancel(struct lh_remote_statement *common) {
  struct athena_statement *const statement = (struct athena_statement *)(void *)common;
  if (!statement->is_running) {
    return;
  }
  json_t *answer = NULL;
  struct lh_error ignored;
  json_t *const input = json_pack("{s:s}", "QueryExecutionId", common->statistics.query_id);
  const lh_status status = lh_aws_call_json(athena_of(common)->canceller, "AmazonAthena.StopQueryExecution",
                                            input, &answer, &ignored);
  if (status == LH_OK) {
    json_decref(answer);
  }
  statement->is_running = false;
}

static void clear(struct lh_remote_statement *common) {
  json_decref(((struct athena_statement *)(void *)common)->page);
}

static void free_athena(struct lh_remote *remote) {
  struct athena *const athena = (struct athena *)(void *)remote;
  lh_aws_client_free(athena->client);
  lh_aws_client_free(athena->canceller);
  lh_aws_provider_free(athena->provider);
  free(athena);
}

static const char *create_table_sql(const struct lh_remote *remote, const struct lh_remote_table *table,
                                    struct lh_arena *arena) {
  const char *const schema = lh_remote_quote(remote->schema, '"', arena);
  const char *const location = lh_remote_quote(table->location, '\'', arena);
  return schema != NULL && location != NULL
             ? lh_arena_printf(arena,
                               "CREATE TABLE %s.\"%s\" WITH (format = 'PARQUET', write_compression = '%s', "
                               "external_location = %s) AS",
                               schema, table->name, table->codec, location)
             : NULL;
}

/* Hive's language, which has other quotes. */
static const char *drop_table_sql(const struct lh_remote *remote, const char *name, struct lh_arena *arena) {
  const char *const schema = lh_remote_quote(remote->schema, '`', arena);
  return schema != NULL ? lh_arena_printf(arena, "DROP TABLE IF EXISTS %s.`%s`", schema, name) : NULL;
}

static const struct lh_remote_driver driver = {
    .name = "Athena",
    .statement_size = sizeof(struct athena_statement),
    .start = start,
    .fetch = fetch,
    .cancel = cancel,
    .clear = clear,
    .free = free_athena,
    .create_table_sql = create_table_sql,
    .drop_table_sql = drop_table_sql,
};

static lh_status open_clients(struct athena *athena, const atomic_bool *cancelled, struct lh_error *err) {
  LH_TRY(lh_aws_provider_open(athena->target.aws, LH_ERROR_CATALOG, &athena->provider, err));
  struct lh_aws_client_options options = {
      .service = "athena",
      .endpoint = athena->target.settings->endpoint,
      .failure = LH_ERROR_CATALOG,
      .provider = athena->provider,
      .cancelled = cancelled,
  };
  LH_TRY(lh_aws_client_open(&options, &athena->client, err));
  options.cancelled = NULL;
  return lh_aws_client_open(&options, &athena->canceller, err);
}

lh_status lh_remote_open_athena(const struct lh_athena_target *target, const atomic_bool *cancelled,
                                struct lh_remote **out, struct lh_error *err) {
  *out = NULL;
  struct athena *const athena = calloc(1, sizeof(*athena));
  if (athena == NULL) {
    return lh_error_memory(err);
  }
  athena->common = (struct lh_remote){.driver = &driver, .cancelled = cancelled, .schema = target->database};
  athena->target = *target;
  const lh_status status = open_clients(athena, cancelled, err);
  if (status != LH_OK) {
    free_athena(&athena->common);
    return status;
  }
  *out = &athena->common;
  return LH_OK;
}
