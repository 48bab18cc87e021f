/* A crawl from the question whether there is a crawler to its last status. Each answer that Glue may give has
 * its own way on: another attempt, an end, or an error that says what it means. */
#include "catalog/crawler.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "catalog/crawler_impl.h"
#include "net/retry.h"

#define MESSAGE_MAX 1024
/* READY without a newer crawl: Glue is not always of one mind with itself, but for so many looks. */
#define STALE_MAX 12
/* Answers that may be better later, one after the other, before the crawl is lost sight of. */
#define BLIND_MAX 3

const char *lh_crawl_end_name(enum lh_crawl_end end) {
  switch (end) {
    case LH_CRAWL_SUCCEEDED:
      return "succeeded";
    case LH_CRAWL_STARTED:
      return "started";
    case LH_CRAWL_LEFT:
      return "left running";
    default:
      return "none";
  }
}

const char *lh_crawl_problem_name(enum lh_crawl_problem problem) {
  static const char *const names[] = {
      [LH_CRAWL_PROBLEM_NONE] = NULL,
      [LH_CRAWL_PROBLEM_OTHER] = "other",
      [LH_CRAWL_PROBLEM_MISSING] = "missing",
      [LH_CRAWL_PROBLEM_RUNNING] = "still running",
      [LH_CRAWL_PROBLEM_STOPPING] = "still stopping",
      [LH_CRAWL_PROBLEM_TIMEOUT] = "operation timeout",
      [LH_CRAWL_PROBLEM_THROTTLED] = "throttled",
      [LH_CRAWL_PROBLEM_UNFINISHED] = "unfinished",
      [LH_CRAWL_PROBLEM_FAILED] = "failed",
      [LH_CRAWL_PROBLEM_CANCELLED] = "cancelled",
      [LH_CRAWL_PROBLEM_REFUSED] = "refused",
      [LH_CRAWL_PROBLEM_SETTINGS] = "settings",
  };
  return names[problem];
}

void lh_crawler_note(const struct lh_crawler *crawler, const char *format, ...) {
  char message[MESSAGE_MAX];
  va_list args;
  if (crawler->options->note == NULL) {
    return;
  }
  va_start(args, format);
  vsnprintf(message, sizeof(message), format, args);
  va_end(args);
  crawler->options->note(crawler->options->context, message);
}

lh_status lh_crawler_fail(struct lh_crawler *crawler, enum lh_crawl_problem problem, struct lh_error *err,
                          const char *format, ...) {
  char message[MESSAGE_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof(message), format, args);
  va_end(args);
  crawler->result->problem = problem;
  return lh_error_set(err, LH_ERROR_CATALOG, "%s", message);
}

bool lh_crawler_failed_with(const struct lh_error *err, const char *exception) {
  return strcmp(err->aws_code, exception) == 0;
}

static bool is_throttled(const struct lh_error *err) {
  return strncmp(err->aws_code, "Throttl", 7) == 0 ||
         strcmp(err->aws_code, "TooManyRequestsException") == 0 ||
         strcmp(err->aws_code, "RequestLimitExceeded") == 0 || err->http_status == 429;
}

/* Puts what was being done before the message, and what such an error means. */
static void explain(struct lh_crawler *crawler, const char *action, struct lh_error *err) {
  lh_error_prefix(err, "crawler %s", crawler->name);
  crawler->result->problem = LH_CRAWL_PROBLEM_OTHER;
  if (is_throttled(err)) {
    crawler->result->problem = LH_CRAWL_PROBLEM_THROTTLED;
    lh_error_hint(err,
                  "Glue takes fewer requests of this account at the moment: try again later, or with a "
                  "longer interval");
  } else if (lh_crawler_failed_with(err, "AccessDeniedException")) {
    crawler->result->problem = LH_CRAWL_PROBLEM_REFUSED;
    lh_error_hint(err, "allow the credentials, from %s, glue:%s of crawler/%s",
                  lh_aws_provider_source(crawler->provider), action, crawler->name);
  } else if (lh_crawler_failed_with(err, "EntityNotFoundException")) {
    crawler->result->problem = LH_CRAWL_PROBLEM_MISSING;
    lh_error_hint(err, "it was deleted meanwhile: run again, which makes it where a role is given");
  } else if (lh_crawler_failed_with(err, "OperationTimeoutException")) {
    crawler->result->problem = LH_CRAWL_PROBLEM_TIMEOUT;
    lh_error_hint(err, "Glue did not get it done in time: try again later");
  }
}

lh_status lh_crawler_call(struct lh_crawler *crawler, const char *action, json_t *input, json_t **out,
                          struct lh_error *err) {
  char target[64];
  json_t *answer = NULL;
  snprintf(target, sizeof(target), "AWSGlue.%s", action);
  const lh_status status = lh_aws_call_json(crawler->client, target, input, &answer, err);
  if (status != LH_OK) {
    if (status != LH_ERROR_INTERRUPTED) {
      explain(crawler, action, err);
    }
    return status;
  }
  if (out != NULL) {
    *out = answer;
  } else {
    json_decref(answer);
  }
  return LH_OK;
}

/* -------- how it is -------- */

struct state {
  bool exists;
  bool is_ready;
  double last_start;  /* of the last crawl, by Glue's clock; 0: none */
  int64_t elapsed_ms; /* of the crawl under way */
  const char *last_status, *last_message, *log_group, *log_stream; /* in the crawler's arena; "" unknown */
};

static lh_status keep(struct lh_crawler *crawler, const json_t *object, const char *key, const char **out,
                      struct lh_error *err) {
  const char *const text = json_string_value(json_object_get(object, key));
  *out = lh_arena_strdup(crawler->arena, text != NULL ? text : "");
  return *out != NULL ? LH_OK : lh_error_memory(err);
}

static lh_status read_state(struct lh_crawler *crawler, const json_t *answer, struct state *out,
                            struct lh_error *err) {
  const json_t *const found = json_object_get(answer, "Crawler");
  const json_t *const last = json_object_get(found, "LastCrawl");
  const char *const state = json_string_value(json_object_get(found, "State"));
  if (state == NULL) {
    return lh_crawler_fail(crawler, LH_CRAWL_PROBLEM_OTHER, err, "crawler %s: Glue does not tell its state",
                           crawler->name);
  }
  *out = (struct state){.exists = true,
                        .is_ready = strcmp(state, "READY") == 0,
                        .last_start = json_number_value(json_object_get(last, "StartTime")),
                        .elapsed_ms = json_integer_value(json_object_get(found, "CrawlElapsedTime"))};
  LH_TRY(keep(crawler, last, "Status", &out->last_status, err));
  LH_TRY(keep(crawler, last, "ErrorMessage", &out->last_message, err));
  LH_TRY(keep(crawler, last, "LogGroup", &out->log_group, err));
  return keep(crawler, last, "LogStream", &out->log_stream, err);
}

/* `check`: whether it is the crawler that the settings mean. */
static lh_status look(struct lh_crawler *crawler, bool check, struct state *out, struct lh_error *err) {
  json_t *answer = NULL;
  *out = (struct state){0};
  lh_status status =
      lh_crawler_call(crawler, "GetCrawler", json_pack("{s:s}", "Name", crawler->name), &answer, err);
  if (status == LH_OK) {
    status = read_state(crawler, answer, out, err);
  }
  if (status == LH_OK && check) {
    status = lh_crawler_check(crawler, json_object_get(answer, "Crawler"), err);
  }
  json_decref(answer);
  return status;
}

/* The crawler is there when this returns. */
static lh_status find_or_create(struct lh_crawler *crawler, struct state *out, struct lh_error *err) {
  const lh_status status = look(crawler, true, out, err);
  if (status == LH_OK || !lh_crawler_failed_with(err, "EntityNotFoundException")) {
    return status;
  }
  crawler->result->problem = LH_CRAWL_PROBLEM_NONE;
  LH_TRY(lh_crawler_create(crawler, err));
  return crawler->result->created ? LH_OK : look(crawler, true, out, err);
}

/* -------- the start -------- */

struct attempt {
  uint64_t first_ns;             /* when it was first asked to start */
  uint64_t deadline_ns;          /* 0: none */
  double start_before;           /* of the last crawl before ours */
  enum lh_crawl_problem refusal; /* why it does not start yet; NONE: it has started */
};

static lh_status fail_unfinished(struct lh_crawler *crawler, struct lh_error *err) {
  char seconds[32];
  lh_str_format_seconds((double)crawler->options->crawler->timeout_ms / 1000.0, seconds);
  lh_crawler_fail(crawler, LH_CRAWL_PROBLEM_UNFINISHED, err, "crawler %s has not ended its crawl within %s",
                  crawler->name, seconds);
  lh_error_hint(err, "it goes on in Glue; a longer timeout waits longer");
  return LH_ERROR_CATALOG;
}

/* Sleeps for the interval, or what is left of the timeout. */
static lh_status pause_between(struct lh_crawler *crawler, const struct attempt *attempt,
                               struct lh_error *err) {
  int64_t interval_ms = crawler->options->crawler->retry_interval_ms;
  if (attempt->deadline_ns != 0) {
    const int64_t left_ms = ((int64_t)attempt->deadline_ns - (int64_t)lh_clock_ns()) / 1000000;
    if (left_ms <= 0) {
      return fail_unfinished(crawler, err);
    }
    interval_ms = interval_ms < left_ms ? interval_ms : left_ms + 1;
  }
  return lh_retry_sleep(interval_ms, crawler->options->cancelled, err);
}

/* A crawl under way that began after we first asked is ours, though Glue's answer did not say so. */
static lh_status is_ours(struct lh_crawler *crawler, const struct attempt *attempt, bool *out,
                         struct lh_error *err) {
  struct state now;
  *out = false;
  LH_TRY(look(crawler, false, &now, err));
  /* Taken after Glue has counted, so that ours cannot seem to be older than the request that began it. */
  const int64_t asked_ms = (int64_t)((lh_clock_ns() - attempt->first_ns) / 1000000);
  *out = !now.is_ready && now.elapsed_ms > 0 && now.elapsed_ms <= asked_ms;
  return LH_OK;
}

/* One request to start; `attempt->refusal` says how it went where another may go better. */
static lh_status ask_to_start(struct lh_crawler *crawler, struct attempt *attempt, struct lh_error *err) {
  bool ours = false;
  const lh_status status =
      lh_crawler_call(crawler, "StartCrawler", json_pack("{s:s}", "Name", crawler->name), NULL, err);
  crawler->result->start_attempts++;
  attempt->refusal = LH_CRAWL_PROBLEM_NONE;
  if (status == LH_OK) {
    return LH_OK;
  }
  if (lh_crawler_failed_with(err, "CrawlerRunningException")) {
    crawler->result->problem = LH_CRAWL_PROBLEM_NONE;
    LH_TRY(is_ours(crawler, attempt, &ours, err));
    attempt->refusal = ours ? LH_CRAWL_PROBLEM_NONE : LH_CRAWL_PROBLEM_RUNNING;
    return LH_OK;
  }
  if (lh_crawler_failed_with(err, "CrawlerStoppingException")) {
    attempt->refusal = LH_CRAWL_PROBLEM_STOPPING;
  } else if (lh_crawler_failed_with(err, "OperationTimeoutException")) {
    attempt->refusal = LH_CRAWL_PROBLEM_TIMEOUT;
  } else {
    return status;
  }
  crawler->result->problem = LH_CRAWL_PROBLEM_NONE;
  return LH_OK;
}

static const char *refusal_text(enum lh_crawl_problem refusal) {
  switch (refusal) {
    case LH_CRAWL_PROBLEM_RUNNING:
      return "is running already";
    case LH_CRAWL_PROBLEM_STOPPING:
      return "is stopping";
    default:
      return "was not started in time by Glue";
  }
}

static lh_status fail_attempts(struct lh_crawler *crawler, const struct attempt *attempt,
                               struct lh_error *err) {
  const struct lh_crawler_settings *const settings = crawler->options->crawler;
  char seconds[32];
  lh_str_format_seconds((double)settings->retry_interval_ms / 1000.0, seconds);
  const int attempts = crawler->result->start_attempts;
  switch (attempt->refusal) {
    case LH_CRAWL_PROBLEM_RUNNING:
      lh_crawler_fail(crawler, attempt->refusal, err,
                      "crawler %s was still running another crawl after %d attempts to start it, %s apart",
                      crawler->name, attempts, seconds);
      lh_error_hint(err, "wait longer with more retries, or let it be: wait: false");
      break;
    case LH_CRAWL_PROBLEM_STOPPING:
      lh_crawler_fail(crawler, attempt->refusal, err,
                      "crawler %s was still stopping after %d attempts to start it, %s apart", crawler->name,
                      attempts, seconds);
      lh_error_hint(err,
                    "somebody has stopped its crawl, which takes Glue a while: try again later, or with "
                    "more retries");
      break;
    default:
      lh_crawler_fail(
          crawler, attempt->refusal, err,
          "Glue did not start crawler %s in time (OperationTimeoutException), %d attempts, %s apart",
          crawler->name, attempts, seconds);
      lh_error_hint(err, "Glue is busy: try again later");
  }
  return LH_ERROR_CATALOG;
}

/* Until it has started, or is left to itself (LH_CRAWL_LEFT). */
static lh_status start(struct lh_crawler *crawler, struct attempt *attempt, struct lh_error *err) {
  const struct lh_crawler_settings *const settings = crawler->options->crawler;
  enum lh_crawl_problem told = LH_CRAWL_PROBLEM_NONE;
  for (int retries = 0;; retries++) {
    LH_TRY(ask_to_start(crawler, attempt, err));
    if (attempt->refusal == LH_CRAWL_PROBLEM_NONE) {
      lh_crawler_note(crawler, "crawler %s was started", crawler->name);
      return LH_OK;
    }
    const bool is_busy = attempt->refusal != LH_CRAWL_PROBLEM_TIMEOUT;
    if (is_busy && !settings->wait) {
      crawler->result->end = LH_CRAWL_LEFT;
      lh_crawler_note(crawler, "crawler %s %s and is left to itself: it may miss what is new", crawler->name,
                      refusal_text(attempt->refusal));
      return LH_OK;
    }
    if (retries == settings->retries) {
      return fail_attempts(crawler, attempt, err);
    }
    if (told != attempt->refusal) {
      told = attempt->refusal;
      lh_crawler_note(crawler, "crawler %s %s: asking again, %d times at most", crawler->name,
                      refusal_text(told), settings->retries - retries);
    }
    LH_TRY(pause_between(crawler, attempt, err));
    /* What was under way may have ended: ours must begin later than that one. */
    struct state now;
    LH_TRY(look(crawler, false, &now, err));
    attempt->start_before = now.last_start;
  }
}

/* -------- the end -------- */

static void read_counts(struct lh_crawler *crawler, const json_t *answer) {
  const json_t *const list = json_object_get(answer, "CrawlerMetricsList");
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *const metrics = json_array_get(list, i);
    const char *const name = json_string_value(json_object_get(metrics, "CrawlerName"));
    if (name != NULL && strcmp(name, crawler->name) == 0) {
      crawler->result->has_counts = true;
      crawler->result->tables_created = json_integer_value(json_object_get(metrics, "TablesCreated"));
      crawler->result->tables_updated = json_integer_value(json_object_get(metrics, "TablesUpdated"));
      crawler->result->tables_deleted = json_integer_value(json_object_get(metrics, "TablesDeleted"));
    }
  }
}

/* Nice to know: a crawl is none the worse without it. */
static void ask_counts(struct lh_crawler *crawler) {
  struct lh_error ignored;
  json_t *answer = NULL;
  const enum lh_crawl_problem problem = crawler->result->problem;
  if (lh_crawler_call(crawler, "GetCrawlerMetrics", json_pack("{s:[s]}", "CrawlerNameList", crawler->name),
                      &answer, &ignored) == LH_OK) {
    read_counts(crawler, answer);
  }
  crawler->result->problem = problem;
  json_decref(answer);
}

/* Where its log is, where Glue says. */
static void hint_log(const struct state *last, struct lh_error *err) {
  if (last->log_group[0] != '\0') {
    lh_error_hint(err,
                  "its log is in CloudWatch: group %s, stream %s; what was published before is as it was",
                  last->log_group, last->log_stream);
  }
}

static lh_status conclude(struct lh_crawler *crawler, const struct state *last, struct lh_error *err) {
  crawler->result->status = last->last_status;
  if (strcmp(last->last_status, "SUCCEEDED") == 0) {
    crawler->result->end = LH_CRAWL_SUCCEEDED;
    return LH_OK;
  }
  const bool is_cancelled = strcmp(last->last_status, "CANCELLED") == 0;
  const bool is_failed = strcmp(last->last_status, "FAILED") == 0;
  const char *const colon = last->last_message[0] != '\0' ? ": " : "";
  if (is_cancelled) {
    lh_crawler_fail(crawler, LH_CRAWL_PROBLEM_CANCELLED, err,
                    "the crawl of crawler %s was cancelled in Glue%s%.600s", crawler->name, colon,
                    last->last_message);
    lh_error_hint(err, "somebody stopped it: start it again with lakehaul crawl");
  } else if (is_failed) {
    lh_crawler_fail(crawler, LH_CRAWL_PROBLEM_FAILED, err, "the crawl of crawler %s failed%s%.600s",
                    crawler->name, colon, last->last_message);
    hint_log(last, err);
  } else {
    lh_crawler_fail(crawler, LH_CRAWL_PROBLEM_OTHER, err,
                    "the crawl of crawler %s ended as \"%.64s\"%s%.600s", crawler->name, last->last_status,
                    colon, last->last_message);
    hint_log(last, err);
  }
  return LH_ERROR_CATALOG;
}

/* A look that fails in a way that may pass is not the crawl's end. */
static lh_status look_again(struct lh_crawler *crawler, int *blind, struct state *out, bool *is_seen,
                            struct lh_error *err) {
  const lh_status status = look(crawler, false, out, err);
  *is_seen = status == LH_OK;
  if (status == LH_OK) {
    *blind = 0;
    return LH_OK;
  }
  if (err->error_class != LH_ERROR_CLASS_RETRYABLE || ++*blind == BLIND_MAX) {
    return status;
  }
  crawler->result->problem = LH_CRAWL_PROBLEM_NONE;
  return LH_OK;
}

static lh_status wait_for_end(struct lh_crawler *crawler, struct attempt *attempt, struct lh_error *err) {
  struct state now = {0};
  bool is_seen = false;
  int blind = 0;
  for (int stale = 0; stale < STALE_MAX;) {
    LH_TRY(pause_between(crawler, attempt, err));
    LH_TRY(look_again(crawler, &blind, &now, &is_seen, err));
    if (!is_seen) {
      continue;
    }
    if (!now.is_ready) {
      /* While ours is under way, the last crawl is the one before it. */
      attempt->start_before = now.last_start;
      continue;
    }
    if (now.last_start > attempt->start_before) {
      return conclude(crawler, &now, err);
    }
    stale++;
  }
  lh_crawler_fail(crawler, LH_CRAWL_PROBLEM_OTHER, err,
                  "crawler %s was started, and Glue shows no new crawl of it", crawler->name);
  lh_error_hint(err, "look at its runs in Glue");
  return LH_ERROR_CATALOG;
}

static lh_status crawl(struct lh_crawler *crawler, struct lh_error *err) {
  const struct lh_crawler_settings *const settings = crawler->options->crawler;
  struct state before = {0};
  LH_TRY(find_or_create(crawler, &before, err));
  struct attempt attempt = {.first_ns = lh_clock_ns(), .start_before = before.last_start};
  if (settings->timeout_ms > 0) {
    attempt.deadline_ns = attempt.first_ns + (uint64_t)settings->timeout_ms * 1000000;
  }
  lh_status status = start(crawler, &attempt, err);
  if (status == LH_OK && crawler->result->end == LH_CRAWL_NONE) {
    crawler->result->end = settings->wait ? LH_CRAWL_NONE : LH_CRAWL_STARTED;
    status = settings->wait ? wait_for_end(crawler, &attempt, err) : LH_OK;
    if (status == LH_ERROR_INTERRUPTED) {
      lh_error_set(err, LH_ERROR_INTERRUPTED, "interrupted: the crawl of crawler %s goes on in Glue",
                   crawler->name);
    }
    if (settings->wait && crawler->result->status != NULL) {
      ask_counts(crawler);
    }
  }
  crawler->result->seconds = lh_clock_seconds_since(attempt.first_ns);
  return status;
}

lh_status lh_crawler_crawl(const struct lh_crawler_options *options, struct lh_arena *arena,
                           struct lh_crawl_result *out, struct lh_error *err) {
  struct lh_crawler crawler = {
      .options = options, .name = options->crawler->name, .arena = arena, .result = out};
  struct lh_error failure; /* errors that are no failure, such as a missing crawler, do not get out */
  *out = (struct lh_crawl_result){0};
  lh_status status = lh_aws_provider_open(options->aws, LH_ERROR_CATALOG, &crawler.provider, &failure);
  if (status == LH_OK) {
    const struct lh_aws_client_options client = {
        .service = "glue",
        .endpoint = options->glue->endpoint,
        .region = options->aws->region,
        .failure = LH_ERROR_CATALOG,
        .provider = crawler.provider,
        .cancelled = options->cancelled,
    };
    status = lh_aws_client_open(&client, &crawler.client, &failure);
  }
  if (status == LH_OK) {
    status = crawl(&crawler, &failure);
  }
  if (status != LH_OK && out->problem == LH_CRAWL_PROBLEM_NONE && status != LH_ERROR_INTERRUPTED) {
    out->problem = LH_CRAWL_PROBLEM_OTHER;
  }
  if (status != LH_OK) {
    out->end = LH_CRAWL_NONE;
    *err = failure;
  }
  lh_aws_client_free(crawler.client);
  lh_aws_provider_free(crawler.provider);
  return status;
}
