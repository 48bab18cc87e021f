/*
 * What the files of the Glue catalog share. For glue*.c only.
 */
#ifndef LH_CATALOG_GLUE_IMPL_H
#define LH_CATALOG_GLUE_IMPL_H

#include "base/json.h"
#include "catalog/glue.h"
#include "net/aws.h"
#include "net/retry.h"

#define LH_GLUE_OWN_PREFIX "lakehaul."
#define LH_GLUE_VERSION "lakehaul.version" /* a parameter that tells tables and partitions of ours */
#define LH_GLUE_PROJECTED "lakehaul.projection"
/* A table or partition is read again and changed again so often at most. */
#define LH_GLUE_ATTEMPTS 8

struct lh_glue {
  struct lh_aws_provider *provider;
  struct lh_aws_client *client;
  const char *database;
  const atomic_bool *cancelled;
};

/* Calls AWSGlue.<action>, `input` taken over as by lh_aws_call_json. What fails names the action and
 * `subject`: "table orders". */
lh_status lh_glue_call(struct lh_glue *glue, const char *action, const char *subject, json_t *input,
                       json_t **out, struct lh_error *err) LH_WARN_UNUSED;
/* Whether the error is Glue's exception of that name. */
bool lh_glue_failed_with(const struct lh_error *err, const char *exception);

/* The member "Table" of GetTable's answer, to be released; NULL where there is no such table or database. */
lh_status lh_glue_get_table(struct lh_glue *glue, const char *table, json_t **out,
                            struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_glue_delete_table(struct lh_glue *glue, const char *table, struct lh_error *err) LH_WARN_UNUSED;
enum lh_glue_standing lh_glue_standing_of(const json_t *table);
/* LH_ERROR_CATALOG for a foreign table that is not to be adopted. */
lh_status lh_glue_check_owner(const struct lh_glue *glue, const struct lh_glue_request *request,
                              const json_t *table, struct lh_error *err) LH_WARN_UNUSED;

/* Whether partitions are registered in Glue. */
static inline bool lh_glue_has_partitions(const struct lh_glue_request *request,
                                          const struct lh_lake_version *version) {
  return version->partition_key_count > 0 && request->projection == NULL;
}

/* TableInput of `version`; `existing`, the table as Glue has it, lends it what others have set. */
lh_status lh_glue_make_table(const struct lh_glue_request *request, const struct lh_lake_version *version,
                             const json_t *existing, struct lh_arena *arena, json_t **out,
                             struct lh_error *err) LH_WARN_UNUSED;
/* PartitionInput of one partition; `columns` is borrowed, of lh_glue_make_columns. */
lh_status lh_glue_make_partition(const struct lh_glue_request *request, const struct lh_lake_version *version,
                                 const struct lh_lake_partition *partition, json_t *columns,
                                 const json_t *existing, struct lh_arena *arena, json_t **out,
                                 struct lh_error *err) LH_WARN_UNUSED;
/* The columns that are in the files, and the partition keys, each [{"Name", "Type", "Comment"}]. */
lh_status lh_glue_make_columns(const struct lh_lake_version *version, const json_t *existing,
                               struct lh_arena *arena, json_t **out, struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_glue_make_keys(const struct lh_lake_version *version, const json_t *existing,
                            struct lh_arena *arena, json_t **out, struct lh_error *err) LH_WARN_UNUSED;
/* In lower case, as Glue has all names; in `arena`. NULL without memory. */
const char *lh_glue_name(const char *text, struct lh_arena *arena);
/* "s3://lake/orders/<below>/"; `below` may be "". NULL without memory. */
const char *lh_glue_location(const struct lh_glue_request *request, const char *below,
                             struct lh_arena *arena);

/* ViewOriginalText of a view with these columns of Glue. */
lh_status lh_glue_make_view_text(const struct lh_glue_view *view, const struct lh_lake_version *version,
                                 const json_t *columns, struct lh_arena *arena, const char **out,
                                 struct lh_error *err) LH_WARN_UNUSED;

/* What projection adds to the table's parameters. LH_ERROR_CATALOG where partitions cannot be projected. */
lh_status lh_glue_add_projection(const struct lh_glue_request *request, const struct lh_lake_version *version,
                                 json_t *parameters, struct lh_arena *arena,
                                 struct lh_error *err) LH_WARN_UNUSED;

/* The partitions of a table: which are to be made, changed and removed. */
struct lh_glue_partition_plan;
/* Asks Glue which there are. */
lh_status lh_glue_plan_partitions(struct lh_glue *glue, const struct lh_glue_request *request,
                                  const struct lh_lake_version *version, struct lh_arena *arena,
                                  struct lh_glue_partition_plan **out, struct lh_error *err) LH_WARN_UNUSED;
void lh_glue_partition_plan_free(struct lh_glue_partition_plan *plan);
/* Makes new ones and moves those that changed. */
lh_status lh_glue_put_partitions(struct lh_glue_partition_plan *plan, struct lh_error *err) LH_WARN_UNUSED;
/* Removes those that are no more. */
lh_status lh_glue_remove_partitions(struct lh_glue_partition_plan *plan, struct lh_error *err) LH_WARN_UNUSED;

/* Every partition of the table in turn, without its columns. */
typedef lh_status (*lh_glue_partition_fn)(void *context, json_t *partition, struct lh_error *err);
lh_status lh_glue_each_partition(struct lh_glue *glue, const char *table, lh_glue_partition_fn visit,
                                 void *context, struct lh_error *err) LH_WARN_UNUSED;

/* A text member of an object; "" where there is none. */
static inline const char *lh_glue_text(const json_t *object, const char *key) {
  const char *const text = json_string_value(json_object_get(object, key));
  return text != NULL ? text : "";
}

#endif
