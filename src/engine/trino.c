/* Trino over its client protocol (Trino documentation, "Trino client REST API"): a statement is posted, and
 * its answer names the next page until there is none. A page may have columns, rows, both or nothing. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "engine/trino_page.h"
#include "engine/trino_settings.h"
#include "net/http.h"
#include "net/retry.h"

/* A page is cut at 16 MB as a rule, but never within a row. */
#define PAGE_MAX_BYTES ((size_t)256 << 20)
/* Of an answer that is no page. */
#define SHOWN_BYTES 300
#define ATTEMPTS 20
#define RETRY_LEAST_MS 50
#define RETRY_CAP_MS 2000
#define RETRY_AFTER_CAP_MS 60000
#define CANCEL_TIMEOUT_MS 5000
#define HEADERS_MAX 16

struct trino {
  struct lh_remote common;
  const struct lh_trino_settings *settings;
  struct lh_http *http;
  struct lh_arena arena;
  const char *base;     /* the URL without a slash at its end */
  size_t origin_length; /* of "https://host:port" in it */
  const char *user;
  const char *authorization; /* NULL without a password */
  const char *session; /* properties of the catalog, as the header has them; NULL once it has refused them */
};

struct trino_statement {
  struct lh_remote_statement common;
  struct lh_buf next; /* the next page's URL, NUL-terminated; empty after the last one */
  struct lh_buf body;
  struct lh_json_tape tape;
  struct lh_arena scratch; /* of one request */
  lh_trino_place row, rows_end;
  int64_t row_number;
};

static struct trino *trino_of(const struct lh_remote_statement *statement) {
  return (struct trino *)(void *)statement->remote;
}

/* -------- requests -------- */

static void add_header(struct lh_http_header *headers, size_t *count, const char *name, const char *value) {
  if (value != NULL) {
    headers[(*count)++] = (struct lh_http_header){name, value};
  }
}

/* Who asks goes with every request, what is asked for with the first. */
static size_t make_headers(const struct trino *trino, bool is_first, const char *session,
                           struct lh_http_header *headers) {
  size_t count = 0;
  add_header(headers, &count, "X-Trino-User", trino->user);
  add_header(headers, &count, "Authorization", trino->authorization);
  add_header(headers, &count, "User-Agent", "lakehaul");
  if (is_first) {
    add_header(headers, &count, "Content-Type", "text/plain; charset=utf-8");
    add_header(headers, &count, "X-Trino-Source", "lakehaul");
    add_header(headers, &count, "X-Trino-Client-Tags", "lakehaul");
    add_header(headers, &count, "X-Trino-Catalog", trino->settings->catalog);
    add_header(headers, &count, "X-Trino-Schema", trino->settings->schema);
    add_header(headers, &count, "X-Trino-Session", session);
    /* Times with a zone come in UTC, and with all their digits. */
    add_header(headers, &count, "X-Trino-Time-Zone", "UTC");
    add_header(headers, &count, "X-Trino-Client-Capabilities", "PATH,PARAMETRIC_DATETIME");
    add_header(headers, &count, "X-Trino-Transaction-Id", "NONE");
  }
  return count;
}

static lh_status fail_http(struct trino_statement *statement, const struct lh_http_response *response,
                           struct lh_error *err) {
  const struct trino *const trino = trino_of(&statement->common);
  const int status = response->status;
  char text[SHOWN_BYTES + 1];
  const size_t size = statement->body.len < SHOWN_BYTES ? statement->body.len : SHOWN_BYTES;
  if (size > 0) {
    memcpy(text, statement->body.data, size);
  }
  text[lh_utf8_truncate(text, size, size)] = '\0';
  lh_str_make_line(text);
  lh_error_set(err, LH_ERROR_CATALOG, "Trino at %s answers with HTTP status %d%s%s", trino->base, status,
               text[0] != '\0' ? ": " : "", text);
  err->http_status = status;
  if (status == 401 || status == 403) {
    err->error_class = LH_ERROR_CLASS_CREDENTIALS;
    lh_error_hint(err, "it knows no user %s with %s: set user and password of trino in lakehaul.yaml",
                  trino->user, trino->authorization != NULL ? "this password" : "no password");
  } else if (status == 404 || status == 410) {
    lh_error_hint(err,
                  "is url of trino that of the coordinator? A query is gone, too, after it has restarted");
  } else if (status == 429 || status >= 500) {
    err->error_class = LH_ERROR_CLASS_RETRYABLE;
    lh_error_hint(err, "it was asked %d times; try again later", ATTEMPTS);
  }
  return LH_ERROR_CATALOG;
}

static int64_t retry_after_ms(const struct lh_http_response *response) {
  const char *const text = lh_http_response_header(response, "Retry-After");
  const long seconds = text != NULL && isdigit((unsigned char)*text) ? strtol(text, NULL, 10) : 0;
  const int64_t wait_ms = seconds < RETRY_AFTER_CAP_MS / 1000 ? (int64_t)seconds * 1000 : RETRY_AFTER_CAP_MS;
  return wait_ms > RETRY_LEAST_MS ? wait_ms : RETRY_LEAST_MS;
}

/* What a gateway answers while there is no coordinator behind it, and who has too many requests. */
static bool is_temporary(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

static lh_status wait_for_retry(const struct trino_statement *statement, int attempt, int64_t least_ms,
                                struct lh_error *err) {
  const struct lh_retry_policy policy = {
      .max_attempts = ATTEMPTS,
      .base_ms = RETRY_LEAST_MS,
      .cap_ms = least_ms > RETRY_CAP_MS ? least_ms : RETRY_CAP_MS,
  };
  return lh_retry_wait(&policy, attempt, least_ms, statement->common.remote->cancelled, err);
}

/* One request and its answer in the body. A page can be asked for again; a statement whose answer did not
 * come may be running, so that it is not sent twice. */
static lh_status send_request(struct trino_statement *statement, struct lh_http_request *request,
                              struct lh_error *err) {
  struct trino *const trino = trino_of(&statement->common);
  for (int attempt = 0;; attempt++) {
    struct lh_http_response response;
    LH_TRY(lh_remote_check(&statement->common, err));
    lh_buf_reset(&statement->body);
    lh_arena_reset(&statement->scratch);
    request->timeout_ms = lh_remote_time_left(&statement->common);
    const lh_status status =
        lh_http_perform(trino->http, request, &statement->body, &statement->scratch, &response, err);
    const bool is_last = attempt + 1 >= ATTEMPTS;
    if (status == LH_OK && response.status == 200) {
      return LH_OK;
    }
    if (status == LH_OK) {
      if (is_last || !is_temporary(response.status)) {
        return fail_http(statement, &response, err);
      }
      LH_TRY(wait_for_retry(statement, attempt, retry_after_ms(&response), err));
      continue;
    }
    /* Out of time rather than out of reach, where there is no time left. */
    struct lh_error reason = *err;
    LH_TRY(lh_remote_check(&statement->common, err));
    *err = reason;
    if (is_last || err->error_class != LH_ERROR_CLASS_RETRYABLE || request->method != LH_HTTP_GET) {
      return status;
    }
    LH_TRY(wait_for_retry(statement, attempt, RETRY_LEAST_MS, err));
  }
}

/* -------- pages -------- */

static lh_status hint_for(const struct trino *trino, const char *name, struct lh_error *err) {
  const struct lh_trino_settings *const settings = trino->settings;
  if (strcmp(name, "TABLE_NOT_FOUND") == 0) {
    lh_error_hint(err, "SHOW TABLES lists those of %s.%s; Trino sees a lake's tables through its catalog",
                  settings->catalog, settings->schema);
  } else if (strcmp(name, "SCHEMA_NOT_FOUND") == 0 || strcmp(name, "CATALOG_NOT_FOUND") == 0 ||
             strcmp(name, "MISSING_CATALOG_NAME") == 0 || strcmp(name, "MISSING_SCHEMA_NAME") == 0) {
    lh_error_hint(err, "set catalog and schema of trino in lakehaul.yaml: they are %s and %s",
                  settings->catalog, settings->schema);
  } else if (strcmp(name, "PERMISSION_DENIED") == 0) {
    lh_error_hint(err, "Trino's user is %s", trino->user);
  } else if (strstr(err->message, "on-managed") != NULL) {
    lh_error_hint(err, "its Hive catalog needs hive.non-managed-table-writes-enabled=true");
  } else if (strstr(name, "MEMORY_LIMIT") != NULL) {
    lh_error_hint(err, "make the query hold less at a time, or raise Trino's limits");
  }
  return err->code;
}

/* "line 1:8: Column 'x' …" tells the place that errorLocation has, too. */
static const char *without_place(const char *message) {
  size_t length = strspn(message, "line ");
  const size_t digits = strspn(message + length, "0123456789:");
  return length == 5 && digits > 2 && strncmp(message + length + digits - 1, ": ", 2) == 0
             ? message + length + digits + 1
             : message;
}

static lh_status fail_query(struct trino_statement *statement, lh_trino_place at, struct lh_error *err) {
  const struct lh_json_tape *const tape = &statement->tape;
  struct lh_arena *const arena = &statement->scratch;
  const char *message = NULL;
  const char *name = NULL;
  const char *type = NULL;
  LH_TRY(lh_trino_text(tape, at, "message", arena, &message, err));
  LH_TRY(lh_trino_text(tape, at, "errorName", arena, &name, err));
  LH_TRY(lh_trino_text(tape, at, "errorType", arena, &type, err));
  name = name != NULL ? name : "no name";
  message = message != NULL ? message : "no message";
  const bool is_of_query =
      type == NULL || strcmp(type, "USER_ERROR") == 0 || strcmp(type, "INSUFFICIENT_RESOURCES") == 0;
  const lh_status code = is_of_query ? LH_ERROR_QUERY : LH_ERROR_CATALOG;
  const lh_trino_place place = lh_trino_find(tape, at, "errorLocation");
  const char *const id = statement->common.statistics.query_id;
  if (place != 0) {
    lh_error_set(err, code, "line %d, column %d: %s (Trino: %s, query %s)",
                 lh_remote_line(&statement->common, (int)lh_trino_number(tape, place, "lineNumber")),
                 (int)lh_trino_number(tape, place, "columnNumber"), without_place(message), name, id);
  } else {
    lh_error_set(err, code, "%s (Trino: %s, query %s)", message, name, id);
  }
  return hint_for(trino_of(&statement->common), name, err);
}

/* A password goes to nobody but whom it was meant for. */
static lh_status check_next(const struct trino *trino, const char *next, struct lh_error *err) {
  if (trino->authorization == NULL || (strncmp(next, trino->base, trino->origin_length) == 0 &&
                                       strchr("/?", next[trino->origin_length]) != NULL)) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_CATALOG, "Trino at %s wants its pages fetched from another address, %.200s",
               trino->base, next);
  lh_error_hint(err, "behind a proxy, Trino needs http-server.process-forwarded=true");
  return LH_ERROR_CATALOG;
}

static lh_status take_statistics(struct trino_statement *statement, struct lh_error *err) {
  const struct lh_json_tape *const tape = &statement->tape;
  struct lh_remote_statistics *const statistics = &statement->common.statistics;
  if (statistics->query_id[0] == '\0') {
    const char *id = NULL;
    LH_TRY(lh_trino_text(tape, 0, "id", &statement->common.arena, &id, err));
    statistics->query_id = id != NULL ? id : "";
  }
  const lh_trino_place stats = lh_trino_find(tape, 0, "stats");
  if (stats != 0) {
    const uint64_t input = lh_trino_number(tape, stats, "physicalInputBytes");
    const int64_t elapsed_ms = (int64_t)lh_trino_number(tape, stats, "elapsedTimeMillis");
    statistics->bytes = input > 0 ? input : lh_trino_number(tape, stats, "processedBytes");
    statistics->rows = lh_trino_number(tape, stats, "processedRows");
    statistics->queued_ms = (int64_t)lh_trino_number(tape, stats, "queuedTimeMillis");
    statistics->run_ms = elapsed_ms > statistics->queued_ms ? elapsed_ms - statistics->queued_ms : 0;
  }
  return LH_OK;
}

static lh_status take_next(struct trino_statement *statement, struct lh_error *err) {
  const char *next = NULL;
  LH_TRY(lh_trino_text(&statement->tape, 0, "nextUri", &statement->scratch, &next, err));
  lh_buf_reset(&statement->next);
  if (next == NULL) {
    return LH_OK;
  }
  LH_TRY(check_next(trino_of(&statement->common), next, err));
  return lh_buf_append(&statement->next, next, strlen(next) + 1, err);
}

static lh_status read_page(struct trino_statement *statement, struct lh_error *err) {
  static const struct lh_json_options options = {.check_utf8 = true};
  struct lh_json_tape *const tape = &statement->tape;
  statement->row = statement->rows_end = 0;
  const lh_status parsed = lh_json_tape_parse(tape, statement->body.data, statement->body.len, &options, err);
  if (parsed != LH_OK && tape->problem != LH_JSON_FINE) {
    return lh_error_prefix(err, "the result of Trino query %s", statement->common.statistics.query_id);
  }
  if (parsed != LH_OK || lh_trino_find(tape, 0, "id") == 0) {
    lh_error_set(err, LH_ERROR_CATALOG, "what answers at %s is not Trino: it sends no page of a result",
                 trino_of(&statement->common)->base);
    lh_error_hint(err, "set url of trino in lakehaul.yaml to that of the coordinator");
    return LH_ERROR_CATALOG;
  }
  LH_TRY(take_statistics(statement, err));
  LH_TRY(take_next(statement, err));
  const lh_trino_place error = lh_trino_find(tape, 0, "error");
  if (error != 0) {
    lh_buf_reset(&statement->next);
    return fail_query(statement, error, err);
  }
  if (statement->common.schema.field_count == 0) {
    LH_TRY(lh_trino_read_columns(tape, &statement->common.arena, &statement->common.schema, err));
  }
  return lh_trino_find_rows(tape, &statement->row, &statement->rows_end, err);
}

static lh_status get_page(struct trino_statement *statement, struct lh_error *err) {
  struct lh_http_header headers[HEADERS_MAX];
  struct lh_http_request request = {
      .method = LH_HTTP_GET,
      .url = (const char *)statement->next.data,
      .headers = headers,
      .header_count = make_headers(trino_of(&statement->common), false, NULL, headers),
      .cancelled = statement->common.remote->cancelled,
  };
  LH_TRY(send_request(statement, &request, err));
  return read_page(statement, err);
}

static lh_status post_statement(struct trino_statement *statement, const char *sql, struct lh_error *err) {
  const struct trino *const trino = trino_of(&statement->common);
  const char *const codec = statement->common.codec;
  const char *session = trino->session;
  if (session != NULL && codec != NULL) {
    session = lh_arena_printf(&statement->common.arena, "%s,%s.compression_codec=%s", session,
                              trino->settings->catalog, codec);
    if (session == NULL) {
      return lh_error_memory(err);
    }
  }
  struct lh_http_header headers[HEADERS_MAX];
  struct lh_http_request request = {
      .method = LH_HTTP_POST,
      .url = lh_arena_printf(&statement->common.arena, "%s/v1/statement", trino->base),
      .headers = headers,
      .header_count = make_headers(trino, true, session, headers),
      .body = sql,
      .body_size = strlen(sql),
      .cancelled = trino->common.cancelled,
  };
  if (request.url == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(send_request(statement, &request, err));
  return read_page(statement, err);
}

/* -------- the driver -------- */

/* To the page that has the columns, or to the end. */
static lh_status begin(struct trino_statement *statement, const char *sql, struct lh_error *err) {
  LH_TRY(post_statement(statement, sql, err));
  while (statement->common.schema.field_count == 0 && statement->next.len > 0) {
    LH_TRY(get_page(statement, err));
  }
  return LH_OK;
}

static lh_status start(struct lh_remote_statement *common, const char *sql, struct lh_error *err) {
  struct trino_statement *const statement = (struct trino_statement *)(void *)common;
  struct trino *const trino = trino_of(common);
  lh_buf_init(&statement->next, PAGE_MAX_BYTES);
  lh_buf_init(&statement->body, PAGE_MAX_BYTES);
  lh_arena_init(&statement->scratch, 0);
  lh_json_tape_init(&statement->tape);
  const lh_status status = begin(statement, sql, err);
  if (status == LH_ERROR_QUERY && trino->session != NULL &&
      strstr(err->message, "(Trino: INVALID_SESSION_PROPERTY") != NULL) {
    trino->session = NULL; /* the catalog is none of Hive's */
    common->statistics.query_id = "";
    return begin(statement, sql, err);
  }
  return status;
}

static lh_status fetch(struct lh_remote_statement *common, struct lh_batch *batch, struct lh_error *err) {
  struct trino_statement *const statement = (struct trino_statement *)(void *)common;
  while (batch->row_count < LH_BATCH_ROWS) {
    if (statement->row < statement->rows_end) {
      statement->row_number++;
      if (lh_trino_append_row(&statement->tape, statement->row, batch, err) != LH_OK) {
        err->row = statement->row_number;
        return err->code;
      }
      statement->row = lh_json_nodes(&statement->tape)[statement->row].end;
    } else if (statement->next.len == 0 || batch->row_count > 0) {
      break;
    } else {
      LH_TRY(get_page(statement, err));
    }
  }
  return LH_OK;
}

static void cancel(struct lh_remote_statement *common) {
  struct trino_statement *const statement = (struct trino_statement *)(void *)common;
  const struct trino *const trino = trino_of(common);
  if (statement->next.len == 0) {
    return;
  }
  struct lh_http_header headers[HEADERS_MAX];
  const struct lh_http_request request = {
      .method = LH_HTTP_DELETE,
      .url = (const char *)statement->next.data,
      .headers = headers,
      .header_count = make_headers(trino, false, NULL, headers),
      .timeout_ms = CANCEL_TIMEOUT_MS,
  };
  struct lh_http_response response;
  struct lh_error ignored;
  lh_buf_reset(&statement->body);
  const lh_status status =
      lh_http_perform(trino->http, &request, &statement->body, &statement->scratch, &response, &ignored);
  (void)status; /* the coordinator gives up a query that nobody fetches */
}

static void clear(struct lh_remote_statement *common) {
  struct trino_statement *const statement = (struct trino_statement *)(void *)common;
  lh_buf_clear(&statement->next);
  lh_buf_clear(&statement->body);
  lh_arena_clear(&statement->scratch);
  lh_json_tape_clear(&statement->tape);
}

static void free_trino(struct lh_remote *remote) {
  struct trino *const trino = (struct trino *)(void *)remote;
  lh_http_free(trino->http);
  lh_arena_clear(&trino->arena);
  free(trino);
}

/* Hive's tables that are not in its own directory are external, and keep their files when they are dropped.
 */
static const char *create_table_sql(const struct lh_remote *remote, const struct lh_remote_table *table,
                                    struct lh_arena *arena) {
  const char *const catalog = lh_remote_quote(remote->catalog, '"', arena);
  const char *const schema = lh_remote_quote(remote->schema, '"', arena);
  const char *const location = lh_remote_quote(table->location, '\'', arena);
  return catalog != NULL && schema != NULL && location != NULL
             ? lh_arena_printf(
                   arena, "CREATE TABLE %s.%s.\"%s\" WITH (format = 'PARQUET', external_location = %s) AS",
                   catalog, schema, table->name, location)
             : NULL;
}

static const char *drop_table_sql(const struct lh_remote *remote, const char *name, struct lh_arena *arena) {
  const char *const catalog = lh_remote_quote(remote->catalog, '"', arena);
  const char *const schema = lh_remote_quote(remote->schema, '"', arena);
  return catalog != NULL && schema != NULL
             ? lh_arena_printf(arena, "DROP TABLE IF EXISTS %s.%s.\"%s\"", catalog, schema, name)
             : NULL;
}

static const struct lh_remote_driver driver = {
    .name = "Trino",
    .statement_size = sizeof(struct trino_statement),
    .start = start,
    .fetch = fetch,
    .cancel = cancel,
    .clear = clear,
    .free = free_trino,
    .create_table_sql = create_table_sql,
    .drop_table_sql = drop_table_sql,
};

/* -------- opening -------- */

static lh_status fill(struct trino *trino, struct lh_error *err) {
  const struct lh_trino_settings *const settings = trino->settings;
  size_t length = strlen(settings->url);
  while (length > 0 && settings->url[length - 1] == '/') {
    length--;
  }
  trino->base = lh_arena_strndup(&trino->arena, settings->url, length);
  trino->user = settings->user != NULL ? settings->user : "lakehaul";
  /* Hive's times have milliseconds unless they are asked for more. */
  trino->session = lh_arena_printf(&trino->arena, "%s.timestamp_precision=MICROSECONDS", settings->catalog);
  if (trino->base == NULL || trino->session == NULL) {
    return lh_error_memory(err);
  }
  const char *const host = strstr(trino->base, "://");
  trino->origin_length = host != NULL ? (size_t)(host + 3 - trino->base) + strcspn(host + 3, "/") : length;
  if (settings->password != NULL) {
    trino->authorization = lh_trino_authorization(trino->user, settings->password, &trino->arena);
    if (trino->authorization == NULL) {
      return lh_error_memory(err);
    }
  }
  const struct lh_http_options options = {.failure = LH_ERROR_CATALOG};
  return lh_http_open(&options, &trino->http, err);
}

lh_status lh_remote_open_trino(const struct lh_trino_settings *settings, const atomic_bool *cancelled,
                               struct lh_remote **out, struct lh_error *err) {
  *out = NULL;
  LH_TRY(lh_trino_check_settings(settings, err));
  struct trino *const trino = calloc(1, sizeof(*trino));
  if (trino == NULL) {
    return lh_error_memory(err);
  }
  trino->common = (struct lh_remote){
      .driver = &driver, .cancelled = cancelled, .catalog = settings->catalog, .schema = settings->schema};
  trino->settings = settings;
  lh_arena_init(&trino->arena, 0);
  const lh_status status = fill(trino, err);
  if (status != LH_OK) {
    free_trino(&trino->common);
    return status;
  }
  *out = &trino->common;
  return LH_OK;
}
