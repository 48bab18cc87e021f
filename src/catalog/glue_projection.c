/* Partition projection as parameters of a table ("Partition projection with Amazon Athena", setting up), and
 * what a table must be like for it: all partitions of one version, and every value one that the rules
 * produce. A row in a partition that the rules do not produce would be lost to readers without a word. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "catalog/glue_impl.h"
#include "column/partition.h"

#define TEMPLATE_MAX_BYTES ((size_t)64 << 10)
#define VALUES_MAX_BYTES ((size_t)512000) /* of a parameter: Glue's limit */

/* How the values of one key are projected. */
struct rule {
  const struct lh_lake_partition_key *key;
  size_t index;                         /* of the key */
  const struct lh_projection_key *said; /* NULL: nothing */
  enum lh_projection_type type;
  const char *format; /* of dates */
  const char *unit;
};

static const char *const type_words[] = {
    [LH_PROJECTION_ENUM] = "enum",
    [LH_PROJECTION_INTEGER] = "integer",
    [LH_PROJECTION_DATE] = "date",
    [LH_PROJECTION_INJECTED] = "injected",
};

static lh_status fail_value(const struct lh_lake_version *version, const struct lh_lake_partition *partition,
                            const char *problem, struct lh_error *err) {
  lh_error_set(err, LH_ERROR_CATALOG, "table %s cannot have its partitions projected: partition %.200s %s",
               version->table, partition->path, problem);
  lh_error_hint(err,
                "set its key in partition_projection so that it is covered, or leave partition_projection "
                "out: partitions are registered one by one then");
  return LH_ERROR_CATALOG;
}

/* -------- which rule -------- */

static bool is_integer(const char *type) {
  return strncmp(type, "int", 3) == 0;
}

static void derive_rule(struct rule *rule) {
  static const struct {
    const char *transform, *format, *unit;
  } periods[] = {
      {"hour", "yyyy-MM-dd-HH", "HOURS"}, {"day", "yyyy-MM-dd", "DAYS"}, {"month", "yyyy-MM", "MONTHS"}};
  rule->type = is_integer(rule->key->type) ? LH_PROJECTION_INTEGER : LH_PROJECTION_ENUM;
  if (strcmp(rule->key->type, "date") == 0) {
    rule->type = LH_PROJECTION_DATE;
    rule->format = periods[1].format;
    rule->unit = periods[1].unit;
  }
  for (size_t i = 0; i < sizeof(periods) / sizeof(periods[0]); i++) {
    if (strcmp(rule->key->transform, periods[i].transform) == 0) {
      rule->type = LH_PROJECTION_DATE;
      rule->format = periods[i].format;
      rule->unit = periods[i].unit;
    }
  }
}

static lh_status make_rule(const struct lh_glue_request *request, const struct lh_lake_version *version,
                           size_t index, struct rule *rule, struct lh_error *err) {
  *rule = (struct rule){.key = &version->partition_keys[index], .index = index};
  derive_rule(rule);
  for (size_t i = 0; i < request->projection->key_count; i++) {
    if (strcmp(request->projection->keys[i].key, rule->key->name) == 0) {
      rule->said = &request->projection->keys[i];
    }
  }
  const bool is_open =
      rule->said != NULL && (rule->said->range != NULL || rule->said->type == LH_PROJECTION_DATE);
  if (strcmp(rule->key->transform, "month") == 0 && !is_open) {
    rule->type = LH_PROJECTION_ENUM; /* Trino's projection knows no interval of months, Athena's does */
  }
  if (rule->said == NULL || rule->said->type == LH_PROJECTION_AUTO || rule->said->type == rule->type) {
    return LH_OK;
  }
  const enum lh_projection_type wanted = rule->said->type;
  if (wanted == LH_PROJECTION_DATE || wanted == LH_PROJECTION_INTEGER) {
    lh_error_set(err, LH_ERROR_CATALOG,
                 "partition key %s of table %s cannot be projected as %s: it is %s of %s", rule->key->name,
                 version->table, type_words[wanted], rule->key->transform, rule->key->type);
    lh_error_hint(err, "leave its type out, or write enum or injected");
    return LH_ERROR_CATALOG;
  }
  rule->type = wanted;
  return LH_OK;
}

/* -------- values -------- */

static bool parse_integer(const char *text, int64_t *out) {
  char *end = NULL;
  errno = 0;
  *out = strtoll(text, &end, 10);
  return end != text && *end == '\0' && errno == 0;
}

/* Of values of one rule. Dates in their format are in order as texts, too. */
static int compare_values(const struct rule *rule, const char *left, const char *right) {
  int64_t a = 0;
  int64_t b = 0;
  if (rule->type == LH_PROJECTION_INTEGER && parse_integer(left, &a) && parse_integer(right, &b)) {
    return (a > b) - (a < b);
  }
  return strcmp(left, right);
}

static bool is_plain_date(const struct rule *rule, const char *value) {
  const size_t length = strlen(rule->format);
  if (strlen(value) != length) {
    return false;
  }
  for (size_t i = 0; i < length; i++) {
    const bool is_digit = value[i] >= '0' && value[i] <= '9';
    if (rule->format[i] == '-' ? value[i] != '-' : !is_digit) {
      return false;
    }
  }
  return true;
}

static const char *problem_of(const struct rule *rule, const char *value) {
  int64_t number = 0;
  if (value == NULL) {
    return rule->type == LH_PROJECTION_INJECTED ? NULL
                                                : "holds the rows without a value, which no rule makes";
  }
  switch (rule->type) {
    case LH_PROJECTION_DATE:
      return is_plain_date(rule, value) ? NULL : "is outside the years 0 to 9999";
    case LH_PROJECTION_INTEGER:
      return parse_integer(value, &number) ? NULL : "is not a whole number";
    case LH_PROJECTION_ENUM:
      return strchr(value, ',') == NULL ? NULL : "has a comma in its value, which divides the values";
    default:
      return NULL;
  }
}

/* "a,b" of a range that the project gives; a bound such as NOW-3YEARS is not compared. */
static bool is_in_range(const struct rule *rule, const char *range, const char *value,
                        struct lh_arena *arena) {
  const char *const comma = strchr(range, ',');
  const char *const low = comma != NULL ? lh_arena_strndup(arena, range, (size_t)(comma - range)) : NULL;
  int64_t number = 0;
  if (low == NULL) {
    return true;
  }
  const char *const bounds[] = {low, comma + 1};
  for (int i = 0; i < 2; i++) {
    const bool is_plain = rule->type == LH_PROJECTION_INTEGER ? parse_integer(bounds[i], &number)
                                                              : is_plain_date(rule, bounds[i]);
    const int order = is_plain ? compare_values(rule, value, bounds[i]) : 0;
    if (i == 0 ? order < 0 : order > 0) {
      return false;
    }
  }
  return true;
}

static bool is_among(const struct lh_projection_key *said, const char *value) {
  for (size_t i = 0; i < said->value_count; i++) {
    if (strcmp(said->values[i], value) == 0) {
      return true;
    }
  }
  return false;
}

static lh_status check_values(const struct rule *rule, const struct lh_lake_version *version,
                              struct lh_arena *arena, struct lh_error *err) {
  const bool has_range = rule->said != NULL && rule->said->range != NULL &&
                         (rule->type == LH_PROJECTION_DATE || rule->type == LH_PROJECTION_INTEGER);
  const bool has_values =
      rule->said != NULL && rule->said->value_count > 0 && rule->type == LH_PROJECTION_ENUM;
  for (size_t i = 0; i < version->partition_count; i++) {
    const char *const value = version->partitions[i].values[rule->index];
    const char *problem = problem_of(rule, value);
    if (problem == NULL && has_range && !is_in_range(rule, rule->said->range, value, arena)) {
      problem = "is outside the range that partition_projection gives";
    }
    if (problem == NULL && has_values && !is_among(rule->said, value)) {
      problem = "is not among the values that partition_projection gives";
    }
    if (problem != NULL) {
      return fail_value(version, &version->partitions[i], problem, err);
    }
  }
  return LH_OK;
}

/* -------- parameters -------- */

static lh_status set(json_t *parameters, const struct rule *rule, const char *what, const char *value,
                     struct lh_arena *arena, struct lh_error *err) {
  const char *const key = lh_glue_name(rule->key->name, arena);
  const char *const name = key != NULL ? lh_arena_printf(arena, "projection.%s.%s", key, what) : NULL;
  if (name == NULL || json_object_set_new(parameters, name, json_string(value)) != 0) {
    return lh_error_memory(err);
  }
  return LH_OK;
}

/* From the least to the greatest value. */
static const char *derive_range(const struct rule *rule, const struct lh_lake_version *version,
                                struct lh_arena *arena) {
  const char *least = NULL;
  const char *greatest = NULL;
  for (size_t i = 0; i < version->partition_count; i++) {
    const char *const value = version->partitions[i].values[rule->index];
    least = least == NULL || compare_values(rule, value, least) < 0 ? value : least;
    greatest = greatest == NULL || compare_values(rule, value, greatest) > 0 ? value : greatest;
  }
  if (least == NULL) {
    return rule->type == LH_PROJECTION_INTEGER ? "0,0" : "NOW,NOW";
  }
  /* As years have zeros in front, which the rule's digits put there. */
  int64_t first = 0;
  int64_t last = 0;
  if (rule->type == LH_PROJECTION_INTEGER && parse_integer(least, &first) && parse_integer(greatest, &last)) {
    return lh_arena_printf(arena, "%lld,%lld", (long long)first, (long long)last);
  }
  return lh_arena_printf(arena, "%s,%s", least, greatest);
}

/* Each value once. */
static lh_status set_values(json_t *parameters, const struct rule *rule,
                            const struct lh_lake_version *version, struct lh_arena *arena,
                            struct lh_error *err) {
  struct lh_buf list;
  struct lh_map seen;
  const char *text = NULL;
  const bool is_said = rule->said != NULL && rule->said->value_count > 0;
  const size_t count = is_said ? rule->said->value_count : version->partition_count;
  lh_status status = LH_OK;
  lh_buf_init(&list, VALUES_MAX_BYTES);
  lh_map_init(&seen, arena);
  for (size_t i = 0; i < count && status == LH_OK; i++) {
    const char *const value = is_said ? rule->said->values[i] : version->partitions[i].values[rule->index];
    if (lh_map_get(&seen, value) == NULL) {
      status = lh_map_put(&seen, value, &list, err);
      status = status == LH_OK ? lh_buf_printf(&list, err, "%s%s", list.len > 0 ? "," : "", value) : status;
    }
  }
  if (status == LH_OK) {
    status = lh_buf_cstr(&list, &text, err);
  }
  if (status == LH_OK) {
    status = set(parameters, rule, "values", text, arena, err);
  }
  lh_buf_clear(&list);
  return status == LH_OK ? LH_OK
                         : lh_error_prefix(err, "the values of partition key %s of table %s", rule->key->name,
                                           version->table);
}

static lh_status add_rule(const struct rule *rule, const struct lh_lake_version *version, json_t *parameters,
                          struct lh_arena *arena, struct lh_error *err) {
  LH_TRY(set(parameters, rule, "type", type_words[rule->type], arena, err));
  if (rule->type == LH_PROJECTION_INJECTED) {
    return LH_OK;
  }
  if (rule->type == LH_PROJECTION_ENUM) {
    return set_values(parameters, rule, version, arena, err);
  }
  const bool is_said = rule->said != NULL && rule->said->range != NULL;
  const char *const range = is_said ? rule->said->range : derive_range(rule, version, arena);
  if (range == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(set(parameters, rule, "range", range, arena, err));
  if (rule->type == LH_PROJECTION_INTEGER) {
    const bool is_year = strcmp(rule->key->transform, "year") == 0;
    return is_year ? set(parameters, rule, "digits", "4", arena, err) : LH_OK;
  }
  LH_TRY(set(parameters, rule, "format", rule->format, arena, err));
  LH_TRY(set(parameters, rule, "interval", "1", arena, err));
  return set(parameters, rule, "interval.unit", rule->unit, arena, err);
}

/* -------- where partitions lie -------- */

/* One version, and directories that are their values as they are. */
static lh_status check_places(const struct lh_lake_version *version, struct lh_arena *arena,
                              struct lh_error *err) {
  for (size_t i = 0; i < version->partition_count; i++) {
    const struct lh_lake_partition *const partition = &version->partitions[i];
    const char *path = "";
    if (strcmp(partition->version, version->version) != 0) {
      lh_error_set(err, LH_ERROR_CATALOG,
                   "table %s cannot have its partitions projected: %.200s is of an earlier version, and one "
                   "template cannot name two",
                   version->table, partition->path);
      lh_error_hint(err,
                    "with partition_projection all partitions are rewritten together: run the task without "
                    "--partition, or leave partition_projection out");
      return LH_ERROR_CATALOG;
    }
    for (size_t j = 0; path != NULL && j < version->partition_key_count; j++) {
      const char *const value = partition->values[j];
      path = lh_arena_printf(arena, "%s%s%s=%s", path, j > 0 ? "/" : "", version->partition_keys[j].name,
                             value != NULL ? value : LH_PARTITION_NULL);
    }
    if (path == NULL) {
      return lh_error_memory(err);
    }
    if (strcmp(path, partition->path) != 0) {
      return fail_value(version, partition,
                        "has characters in its value that are escaped in the directory's name", err);
    }
  }
  return LH_OK;
}

static lh_status add_template(const struct lh_glue_request *request, const struct lh_lake_version *version,
                              json_t *parameters, struct lh_arena *arena, struct lh_error *err) {
  struct lh_buf text;
  const char *below = NULL;
  lh_status status = LH_OK;
  lh_buf_init(&text, TEMPLATE_MAX_BYTES);
  for (size_t i = 0; i < version->partition_key_count && status == LH_OK; i++) {
    const char *const directory = version->partition_keys[i].name;
    const char *const name = lh_glue_name(directory, arena);
    status = name != NULL ? lh_buf_printf(&text, err, "%s=${%s}/", directory, name) : lh_error_memory(err);
  }
  if (status == LH_OK) {
    status = lh_buf_append_str(&text, version->version, err);
  }
  if (status == LH_OK) {
    status = lh_buf_cstr(&text, &below, err);
  }
  if (status == LH_OK) {
    const char *const root = lh_glue_location(request, "", arena);
    const char *const location = root != NULL ? lh_arena_printf(arena, "%s%s/", root, below) : NULL;
    const bool is_set = location != NULL && json_object_set_new(parameters, "storage.location.template",
                                                                json_string(location)) == 0;
    status = is_set ? LH_OK : lh_error_memory(err);
  }
  lh_buf_clear(&text);
  return status;
}

static lh_status check_said(const struct lh_glue_request *request, const struct lh_lake_version *version,
                            struct lh_error *err) {
  for (size_t i = 0; i < request->projection->key_count; i++) {
    const char *const said = request->projection->keys[i].key;
    bool known = false;
    for (size_t j = 0; j < version->partition_key_count; j++) {
      known = known || strcmp(version->partition_keys[j].name, said) == 0;
    }
    if (!known) {
      lh_error_set(err, LH_ERROR_CATALOG,
                   "partition_projection of table %s names %s, by which it is not partitioned",
                   version->table, said);
      lh_error_hint(err, "its first partition key is %s", version->partition_keys[0].name);
      return LH_ERROR_CATALOG;
    }
  }
  return LH_OK;
}

lh_status lh_glue_add_projection(const struct lh_glue_request *request, const struct lh_lake_version *version,
                                 json_t *parameters, struct lh_arena *arena, struct lh_error *err) {
  LH_TRY(check_said(request, version, err));
  LH_TRY(check_places(version, arena, err));
  for (size_t i = 0; i < version->partition_key_count; i++) {
    struct rule rule;
    LH_TRY(make_rule(request, version, i, &rule, err));
    LH_TRY(check_values(&rule, version, arena, err));
    LH_TRY(add_rule(&rule, version, parameters, arena, err));
  }
  LH_TRY(add_template(request, version, parameters, arena, err));
  const bool is_set = json_object_set_new(parameters, "projection.enabled", json_string("true")) == 0 &&
                      json_object_set_new(parameters, LH_GLUE_PROJECTED, json_string("true")) == 0;
  return is_set ? LH_OK : lh_error_memory(err);
}
