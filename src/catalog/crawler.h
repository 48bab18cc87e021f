/*
 * A crawler of AWS Glue: made where it is missing, started, and waited for.
 *
 * Of the AWS Glue Web API (JSON 1.1): GetCrawler, CreateCrawler, StartCrawler, GetCrawlerMetrics. A crawl
 * that is under way began before what is to be crawled was there: it is waited for by asking again and again
 * to start another, as often as the settings say, or left alone. A crawl has ended when the crawler is READY
 * and its last crawl began later than the one before ours; both times are Glue's own, so that no clock of
 * this machine matters.
 *
 * Errors are LH_ERROR_CATALOG, with what went wrong in lh_crawl_result.problem. An interrupt
 * (LH_ERROR_INTERRUPTED) ends the waiting and not the crawl, and the message says so.
 */
#ifndef LH_CATALOG_CRAWLER_H
#define LH_CATALOG_CRAWLER_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/arena.h"
#include "lakehaul/error.h"
#include "net/settings.h"

struct lh_crawler_options {
  const struct lh_aws_settings *aws;
  const struct lh_glue_settings *glue; /* its database gets the tables */
  const struct lh_crawler_settings *crawler;
  /* "s3://bucket/prefix", the root of the lake. NULL: only a crawler that exists is started, whatever it
   * crawls. */
  const char *lake;
  const atomic_bool *cancelled;                     /* may be NULL */
  void (*note)(void *context, const char *message); /* what happens meanwhile, a line each; may be NULL */
  void *context;
};

enum lh_crawl_end {
  LH_CRAWL_NONE,      /* an error */
  LH_CRAWL_SUCCEEDED, /* it was waited for */
  LH_CRAWL_STARTED,   /* and not waited for */
  LH_CRAWL_LEFT,      /* another one was under way, and no new one was started */
};
const char *lh_crawl_end_name(enum lh_crawl_end end); /* "succeeded", "started", "left running" */

enum lh_crawl_problem {
  LH_CRAWL_PROBLEM_NONE,
  LH_CRAWL_PROBLEM_OTHER,      /* what has no word of its own: unreachable, unknown exceptions */
  LH_CRAWL_PROBLEM_MISSING,    /* no such crawler, and none could be made; or it was deleted meanwhile */
  LH_CRAWL_PROBLEM_RUNNING,    /* it still was when the attempts were used up */
  LH_CRAWL_PROBLEM_STOPPING,   /* the same */
  LH_CRAWL_PROBLEM_TIMEOUT,    /* OperationTimeoutException, again and again */
  LH_CRAWL_PROBLEM_THROTTLED,  /* again and again */
  LH_CRAWL_PROBLEM_UNFINISHED, /* within the settings' timeout */
  LH_CRAWL_PROBLEM_FAILED,
  LH_CRAWL_PROBLEM_CANCELLED, /* by somebody else, in Glue */
  LH_CRAWL_PROBLEM_REFUSED,   /* the credentials may not */
  LH_CRAWL_PROBLEM_SETTINGS,  /* the crawler is for something else, or its settings are refused */
};
const char *lh_crawl_problem_name(enum lh_crawl_problem problem); /* "still running", …; NULL for NONE */

struct lh_crawl_result {
  enum lh_crawl_end end;
  enum lh_crawl_problem problem;
  bool created;       /* the crawler was made */
  int start_attempts; /* how often it was asked to start */
  double seconds;     /* from the first of them to the end of the crawl */
  const char *status; /* of the last crawl, as Glue has it: "SUCCEEDED"; NULL where unknown */
  bool has_counts;    /* of the last crawl, by GetCrawlerMetrics, where that may be asked */
  int64_t tables_created, tables_updated, tables_deleted;
};

/* Texts of `out`, which is filled as far as it is known after errors as well, live in `arena`. */
lh_status lh_crawler_crawl(const struct lh_crawler_options *options, struct lh_arena *arena,
                           struct lh_crawl_result *out, struct lh_error *err) LH_WARN_UNUSED;

#endif
