/* What a crawler of ours is like: one table per directory of the lake's root, whatever lies below it, and
 * nothing of lakehaul's own. */
#include <stdlib.h>
#include <string.h>

#include "catalog/crawler_impl.h"
#include "catalog/glue.h"
#include "catalog/pointer.h"

/* "s3://bucket/prefix/": without the slash a crawler takes "prefix2" for the lake as well. NULL: no memory.
 */
static const char *target_path(const struct lh_crawler *crawler) {
  size_t length = strlen(crawler->options->lake);
  while (length > 0 && crawler->options->lake[length - 1] == '/') {
    length--;
  }
  return lh_arena_printf(crawler->arena, "%.*s/", (int)length, crawler->options->lake);
}

/* Glue counts the bucket as level 1, so that tables below "s3://bucket/a/" are of level 3. */
static int table_level(const char *target) {
  int level = 1;
  for (const char *c = target + strlen("s3://"); *c != '\0'; c++) {
    level += *c == '/';
  }
  return level;
}

/* Files of one table are one table even where their columns differ from file to file; a partition's columns
 * are the table's. */
static json_t *make_configuration(const char *target) {
  json_t *const value =
      json_pack("{s:f, s:{s:s, s:i}, s:{s:{s:s}}}", "Version", 1.0, "Grouping", "TableGroupingPolicy",
                "CombineCompatibleSchemas", "TableLevelConfiguration", table_level(target), "CrawlerOutput",
                "Partitions", "AddOrUpdateBehavior", "InheritFromTable");
  char *const text = value != NULL ? json_dumps(value, JSON_COMPACT) : NULL;
  json_t *const configuration = text != NULL ? json_string(text) : NULL;
  free(text);
  json_decref(value);
  return configuration;
}

static json_t *make_input(const struct lh_crawler *crawler, const char *target) {
  const struct lh_crawler_settings *const settings = crawler->options->crawler;
  return json_pack("{s:s, s:s, s:s, s:s, s:{s:[{s:s, s:[s]}]}, s:s, s:{s:s, s:s}, s:{s:s}, s:o}", "Name",
                   crawler->name, "Role", settings->role, "DatabaseName", crawler->options->glue->database,
                   "Description", "the tables of a lake of lakehaul", "Targets", "S3Targets", "Path", target,
                   "Exclusions", LH_CATALOG_OWN_PREFIX "/**", "TablePrefix",
                   settings->table_prefix != NULL ? settings->table_prefix : "", "SchemaChangePolicy",
                   "UpdateBehavior", "UPDATE_IN_DATABASE", "DeleteBehavior", "DEPRECATE_IN_DATABASE",
                   "RecrawlPolicy", "RecrawlBehavior", "CRAWL_EVERYTHING", "Configuration",
                   make_configuration(target));
}

static void explain(struct lh_crawler *crawler, struct lh_error *err) {
  const char *const role = crawler->options->crawler->role;
  if (lh_crawler_failed_with(err, "AccessDeniedException")) {
    const bool is_role = strstr(err->message, "PassRole") != NULL;
    crawler->result->problem = LH_CRAWL_PROBLEM_REFUSED;
    lh_error_hint(err, "allow the credentials, from %s, %s%s", lh_aws_provider_source(crawler->provider),
                  is_role ? "iam:PassRole of " : "glue:CreateCrawler, and iam:PassRole of ", role);
  } else if (lh_crawler_failed_with(err, "InvalidInputException")) {
    crawler->result->problem = LH_CRAWL_PROBLEM_SETTINGS;
    lh_error_hint(err,
                  "crawler.role must be a role that Glue may assume (trust glue.amazonaws.com), and its "
                  "name or ARN must be right");
  } else if (lh_crawler_failed_with(err, "ResourceNumberLimitExceededException")) {
    crawler->result->problem = LH_CRAWL_PROBLEM_SETTINGS;
    lh_error_hint(err, "the account has as many crawlers as it may: name one of them, or delete one");
  }
}

static lh_status ensure_database(struct lh_crawler *crawler, struct lh_error *err) {
  const struct lh_glue_options options = {
      .aws = crawler->options->aws, .glue = crawler->options->glue, .cancelled = crawler->options->cancelled};
  struct lh_glue *glue = NULL;
  bool found = false;
  LH_TRY(lh_glue_open(&options, &glue, err));
  const lh_status status = lh_glue_find_database(glue, true, &found, err);
  lh_glue_free(glue);
  if (status != LH_OK && lh_crawler_failed_with(err, "AccessDeniedException")) {
    crawler->result->problem = LH_CRAWL_PROBLEM_REFUSED;
  }
  return status;
}

lh_status lh_crawler_create(struct lh_crawler *crawler, struct lh_error *err) {
  const struct lh_crawler_settings *const settings = crawler->options->crawler;
  const char *const lacks = crawler->options->lake == NULL             ? "a lake on S3"
                            : settings->role == NULL                   ? "a role"
                            : crawler->options->glue->database == NULL ? "a database"
                                                                       : NULL;
  if (lacks != NULL) {
    lh_crawler_fail(crawler, LH_CRAWL_PROBLEM_MISSING, err,
                    "there is no crawler %s in Glue, and it cannot be made without %s", crawler->name, lacks);
    lh_error_hint(err,
                  "name a crawler that exists, or give what one is made of: the lake s3://bucket/prefix, "
                  "Glue's database, and the role (name or ARN) that the crawler is to have");
    return LH_ERROR_CATALOG;
  }
  const char *const target = target_path(crawler);
  if (target == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(ensure_database(crawler, err));
  const lh_status status = lh_crawler_call(crawler, "CreateCrawler", make_input(crawler, target), NULL, err);
  if (status != LH_OK && !lh_crawler_failed_with(err, "AlreadyExistsException")) {
    explain(crawler, err);
    return status;
  }
  crawler->result->created = status == LH_OK;
  lh_crawler_note(crawler,
                  status == LH_OK ? "crawler %s was made, for %s" : "crawler %s, for %s, is there already",
                  crawler->name, target);
  return LH_OK;
}

static const char *text_of(const json_t *object, const char *key) {
  const char *const text = json_string_value(json_object_get(object, key));
  return text != NULL ? text : "";
}

/* Whether the target's path is the lake's or one above it. */
static bool covers(const char *path, const char *target) {
  size_t length = strlen(path);
  while (length > 0 && path[length - 1] == '/') {
    length--;
  }
  return strncmp(path, target, length) == 0 && target[length] == '/';
}

lh_status lh_crawler_check(struct lh_crawler *crawler, const json_t *existing, struct lh_error *err) {
  const json_t *const targets = json_object_get(json_object_get(existing, "Targets"), "S3Targets");
  const char *const database = text_of(existing, "DatabaseName");
  if (crawler->options->lake == NULL) {
    return LH_OK;
  }
  const char *const target = target_path(crawler);
  if (target == NULL) {
    return lh_error_memory(err);
  }
  if (crawler->options->glue->database != NULL && strcmp(database, crawler->options->glue->database) != 0) {
    lh_crawler_note(crawler, "crawler %s writes to database %s, not %s", crawler->name, database,
                    crawler->options->glue->database);
  }
  for (size_t i = 0; i < json_array_size(targets); i++) {
    if (covers(text_of(json_array_get(targets, i), "Path"), target)) {
      return LH_OK;
    }
  }
  lh_crawler_fail(crawler, LH_CRAWL_PROBLEM_SETTINGS, err, "crawler %s does not crawl %s but %s",
                  crawler->name, target,
                  json_array_size(targets) > 0 ? text_of(json_array_get(targets, 0), "Path") : "no S3 path");
  lh_error_hint(err, "give crawler another name, so that one is made, or delete this one");
  return LH_ERROR_CATALOG;
}
