/*
 * What the files of the crawler share. For crawler*.c only.
 */
#ifndef LH_CATALOG_CRAWLER_IMPL_H
#define LH_CATALOG_CRAWLER_IMPL_H

#include "base/json.h"
#include "catalog/crawler.h"
#include "net/aws.h"

struct lh_crawler {
  const struct lh_crawler_options *options;
  const char *name;
  struct lh_aws_provider *provider;
  struct lh_aws_client *client;
  struct lh_arena *arena;
  struct lh_crawl_result *result;
};

/* Calls AWSGlue.<action>, which takes `input` over. `*out` NULL: the answer is not wanted. */
lh_status lh_crawler_call(struct lh_crawler *crawler, const char *action, json_t *input, json_t **out,
                          struct lh_error *err) LH_WARN_UNUSED;
bool lh_crawler_failed_with(const struct lh_error *err, const char *exception);
void lh_crawler_note(const struct lh_crawler *crawler, const char *format, ...) LH_PRINTF(2, 3);
/* An error of our own. */
lh_status lh_crawler_fail(struct lh_crawler *crawler, enum lh_crawl_problem problem, struct lh_error *err,
                          const char *format, ...) LH_PRINTF(4, 5);

/* Makes it; one that somebody else has made meanwhile is as good. */
lh_status lh_crawler_create(struct lh_crawler *crawler, struct lh_error *err) LH_WARN_UNUSED;
/* Whether an existing one, as GetCrawler has it, crawls the lake; a note where it writes elsewhere. */
lh_status lh_crawler_check(struct lh_crawler *crawler, const json_t *existing,
                           struct lh_error *err) LH_WARN_UNUSED;

#endif
