/* lakehaul crawl: the Glue crawler of a lake, made where it is missing, started and waited for. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "catalog/crawler.h"
#include "cli/cli.h"
#include "run/summary.h"
#include "task/interrupt.h"

enum {
  OPT_PROJECT,
  OPT_LAKE,
  OPT_ROLE,
  OPT_DATABASE,
  OPT_PREFIX,
  OPT_WAIT,
  OPT_NO_WAIT,
  OPT_RETRIES,
  OPT_INTERVAL,
  OPT_TIMEOUT,
  OPT_JSON,
  OPT_PROFILE,
  OPT_REGION,
  OPT_COUNT
};

#define SECONDS_MAX 86400
#define RETRIES_DEFAULT 20
#define INTERVAL_MS_DEFAULT 5000

static const struct lh_option options[OPT_COUNT] = {
    [OPT_PROJECT] = LH_CLI_OPTION_PROJECT,
    [OPT_LAKE] = {.name = "lake",
                  .kind = LH_OPTION_STRING,
                  .value_name = "URL",
                  .help = "what is crawled: s3://bucket/prefix",
                  .fallback = "the project's"},
    [OPT_ROLE] = {.name = "role",
                  .kind = LH_OPTION_STRING,
                  .value_name = "ROLE",
                  .help = "name or ARN of the IAM role of a crawler that is made",
                  .fallback = "the project's"},
    [OPT_DATABASE] = {.name = "database",
                      .kind = LH_OPTION_STRING,
                      .value_name = "NAME",
                      .help = "Glue's database, in which a crawler that is made keeps the tables",
                      .fallback = "the project's"},
    [OPT_PREFIX] = {.name = "table-prefix",
                    .kind = LH_OPTION_STRING,
                    .value_name = "TEXT",
                    .help = "what a crawler that is made puts before the names of tables",
                    .fallback = "the project's"},
    [OPT_WAIT] = {.name = "wait", .kind = LH_OPTION_FLAG, .help = "wait for the end of the crawl"},
    [OPT_NO_WAIT] = {.name = "no-wait", .kind = LH_OPTION_FLAG, .help = "start it, and leave it to itself"},
    [OPT_RETRIES] = {.name = "retries",
                     .kind = LH_OPTION_INT,
                     .value_name = "N",
                     .help = "how often to ask again while the crawler runs already",
                     .max = 100000,
                     .fallback = "the project's, or 20"},
    [OPT_INTERVAL] = {.name = "interval",
                      .kind = LH_OPTION_INT,
                      .value_name = "SECONDS",
                      .help = "between two questions to Glue",
                      .min = 1,
                      .max = SECONDS_MAX,
                      .fallback = "the project's, or 5"},
    [OPT_TIMEOUT] = {.name = "timeout",
                     .kind = LH_OPTION_INT,
                     .value_name = "SECONDS",
                     .help = "after so long it is not waited for any more",
                     .min = 1,
                     .max = SECONDS_MAX,
                     .fallback = "the project's, or none"},
    [OPT_JSON] = LH_CLI_OPTION_JSON,
    [OPT_PROFILE] = {.name = "aws-profile",
                     .kind = LH_OPTION_STRING,
                     .value_name = "NAME",
                     .help = "the profile of ~/.aws whose credentials and region are used",
                     .fallback = "the project's, else the environment's"},
    [OPT_REGION] = {.name = "aws-region",
                    .kind = LH_OPTION_STRING,
                    .value_name = "NAME",
                    .help = "the crawler's region",
                    .fallback = "the project's, else the environment's"},
};

static const struct lh_command_spec spec = {
    .name = "crawl",
    .summary = "start the lake's Glue crawler and wait for its end",
    .usage = "lakehaul crawl [options] [CRAWLER]",
    .description =
        "Makes the crawler where there is none, starts it, waits for its end, and says what it found. A "
        "crawl "
        "that is under way already began before what is new was there: it is waited for by asking again, "
        "every 5 seconds, 20 times at most, to start another; with --no-wait it is left to itself.\n"
        "\n"
        "The project says which crawler it is, unless CRAWLER names one; then the project file is read only "
        "with --project.\n"
        "\n"
        "Exit status: 0 the crawl succeeded, or was started with --no-wait. 4 Glue is unreachable or answers "
        "what has no status of its own. 20 there is no such crawler, and none can be made. 21 it was still "
        "running, 22 still stopping, 23 Glue did not start it in time (OperationTimeoutException), each "
        "after "
        "the last attempt. 24 Glue wants fewer requests. 25 the crawl has not ended within the timeout. 26 "
        "the crawl failed. 27 it was cancelled. 28 the credentials may not do it. 29 the crawler's settings "
        "do not fit. 130 interrupted: the crawl goes on.",
    .examples =
        "  lakehaul crawl                           # the project's crawler\n"
        "  lakehaul crawl --no-wait\n"
        "  lakehaul crawl --retries 60 --interval 10 --timeout 1800\n"
        "  lakehaul crawl shop --lake s3://lake/shop --database shop --role GlueCrawler\n",
    .options = options,
    .option_count = OPT_COUNT,
    .positional_name = "CRAWLER",
    .positional_max = 1,
    .positional_help = "the crawler's name; by default the project's",
};

static int exit_status(enum lh_crawl_problem problem, const struct lh_error *err) {
  static const int statuses[] = {
      [LH_CRAWL_PROBLEM_MISSING] = 20,  [LH_CRAWL_PROBLEM_RUNNING] = 21,   [LH_CRAWL_PROBLEM_STOPPING] = 22,
      [LH_CRAWL_PROBLEM_TIMEOUT] = 23,  [LH_CRAWL_PROBLEM_THROTTLED] = 24, [LH_CRAWL_PROBLEM_UNFINISHED] = 25,
      [LH_CRAWL_PROBLEM_FAILED] = 26,   [LH_CRAWL_PROBLEM_CANCELLED] = 27, [LH_CRAWL_PROBLEM_REFUSED] = 28,
      [LH_CRAWL_PROBLEM_SETTINGS] = 29,
  };
  const int own = statuses[problem];
  return err->code == LH_ERROR_CATALOG && own != 0 ? own : lh_status_exit_code(err->code);
}

struct crawl_settings {
  struct lh_aws_settings aws;
  struct lh_glue_settings glue;
  struct lh_crawler_settings crawler;
  const char *lake;
};

/* What the project says, where it is read. Its texts live as long as `open`. */
static lh_status read_project(const struct lh_options *values, struct lh_cli_project *open,
                              struct crawl_settings *out, struct lh_error *err) {
  if (values->positional_count > 0 && !lh_options_given(values, OPT_PROJECT)) {
    return LH_OK;
  }
  LH_TRY(lh_cli_project_open(open, lh_options_string(values, OPT_PROJECT), err));
  out->aws = open->project->aws;
  out->glue = open->project->glue;
  out->crawler = open->project->crawler;
  out->lake = open->project->lake;
  return LH_OK;
}

static void take_text(const struct lh_options *values, size_t option, const char **out) {
  if (lh_options_given(values, option)) {
    *out = lh_options_string(values, option);
  }
}

static lh_status read_options(const struct lh_options *values, struct crawl_settings *out,
                              struct lh_error *err) {
  const bool waits = lh_options_given(values, OPT_WAIT);
  if (waits && lh_options_given(values, OPT_NO_WAIT)) {
    lh_error_set(err, LH_ERROR_USAGE, "--wait and --no-wait contradict each other");
    lh_error_hint(err, "see \"lakehaul crawl --help\"");
    return LH_ERROR_USAGE;
  }
  if (values->positional_count > 0) {
    out->crawler.name = values->positionals[0];
  }
  take_text(values, OPT_LAKE, &out->lake);
  take_text(values, OPT_ROLE, &out->crawler.role);
  take_text(values, OPT_DATABASE, &out->glue.database);
  take_text(values, OPT_PREFIX, &out->crawler.table_prefix);
  take_text(values, OPT_PROFILE, &out->aws.profile);
  take_text(values, OPT_REGION, &out->aws.region);
  out->crawler.wait = waits || (out->crawler.wait && !lh_options_given(values, OPT_NO_WAIT));
  if (lh_options_given(values, OPT_RETRIES)) {
    out->crawler.retries = (int)lh_options_int(values, OPT_RETRIES);
  }
  if (lh_options_given(values, OPT_INTERVAL)) {
    out->crawler.retry_interval_ms = lh_options_int(values, OPT_INTERVAL) * 1000;
  }
  if (lh_options_given(values, OPT_TIMEOUT)) {
    out->crawler.timeout_ms = lh_options_int(values, OPT_TIMEOUT) * 1000;
  }
  if (out->lake != NULL && strncmp(out->lake, "s3://", 5) != 0) {
    lh_error_set(err, LH_ERROR_USAGE, "a crawler needs a lake on S3, and %s is not", out->lake);
    lh_error_hint(err, "give --lake s3://bucket/prefix");
    return LH_ERROR_USAGE;
  }
  return LH_OK;
}

static void print_note(void *context, const char *message) {
  (void)context;
  if (lh_log_enabled(LH_LOG_INFO)) {
    fprintf(stderr, "%s\n", message);
  }
}

/* Also of what failed. */
static lh_status print_json(const struct crawl_settings *settings, const struct lh_crawl_result *result,
                            const struct lh_error *failure, struct lh_error *err) {
  json_t *const value = lh_summary_crawl_to_json(result, failure);
  if (value != NULL) {
    json_object_set_new(value, "crawler", lh_cli_json_text(settings->crawler.name));
    json_object_set_new(
        value, "database",
        settings->glue.database != NULL ? lh_cli_json_text(settings->glue.database) : json_null());
    json_object_set_new(value, "lake",
                        settings->lake != NULL ? lh_cli_json_text(settings->lake) : json_null());
  }
  return lh_cli_print_json(value, err);
}

static lh_status crawl(const struct lh_options *values, struct lh_cli_project *open, struct lh_arena *arena,
                       struct crawl_settings *settings, struct lh_crawl_result *result,
                       struct lh_error *err) {
  static struct lh_interrupt interrupt;
  LH_TRY(lh_interrupt_start(&interrupt, err));
  LH_TRY(read_project(values, open, settings, err));
  LH_TRY(read_options(values, settings, err));
  const struct lh_crawler_options crawler = {.aws = &settings->aws,
                                             .glue = &settings->glue,
                                             .crawler = &settings->crawler,
                                             .lake = settings->lake,
                                             .cancelled = &interrupt.is_raised,
                                             .note = print_note};
  return lh_crawler_crawl(&crawler, arena, result, err);
}

static int cmd_crawl(const struct lh_command_spec *command, int argc, char **argv) {
  struct crawl_settings settings = {
      .crawler = {.wait = true, .retries = RETRIES_DEFAULT, .retry_interval_ms = INTERVAL_MS_DEFAULT}};
  struct lh_cli_project open = {0};
  struct lh_crawl_result result = {0};
  struct lh_options values;
  struct lh_arena arena;
  struct lh_error err = {0};
  struct lh_error print_error = {0};
  int exit_code = 0;
  if (lh_cli_parse(command, argc, argv, &values, &exit_code)) {
    return exit_code;
  }
  lh_arena_init(&arena, 0);
  const lh_status status = crawl(&values, &open, &arena, &settings, &result, &err);
  lh_status printed = LH_OK;
  if (lh_options_flag(&values, OPT_JSON) && settings.crawler.name != NULL) {
    printed = print_json(&settings, &result, &err, &print_error);
  } else if (status == LH_OK) {
    lh_summary_print_crawl(&result, settings.crawler.name, stdout);
  }
  if (status != LH_OK) {
    lh_cli_fail(&err);
    exit_code = exit_status(result.problem, &err);
  } else if (printed != LH_OK) {
    exit_code = lh_cli_fail(&print_error);
  }
  lh_cli_project_clear(&open);
  lh_arena_clear(&arena);
  lh_options_clear(&values);
  return exit_code;
}

const struct lh_command lh_cmd_crawl = {&spec, cmd_crawl};
