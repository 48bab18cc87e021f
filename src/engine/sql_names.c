/* Walks DuckDB's parse tree for the tables that a SELECT reads. The tree is walked without knowing every kind
 * of node: a table is an object of type BASE_TABLE wherever it stands, and a cte_map opens a scope for the
 * object that holds it. Names of a WITH are left out only where they are in scope, so that
 * "WITH orders AS (SELECT * FROM orders) …" still reads the table orders. */
#include "engine/sql_names.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "engine/duckdb_error.h"

/* Of the walk; jansson refuses documents nested deeper than 2048. */
#define DEPTH_MAX 2048

struct scope {
  const char *name; /* a common table expression's */
  const struct scope *outer;
};

struct found {
  const char *name;
  double location; /* in the SQL, to sort by */
  size_t sequence;
};

struct walk {
  struct lh_arena *arena;
  struct found *found;
  size_t count;
  size_t capacity;
  struct lh_error *err;
};

static const char *member(const json_t *object, const char *key) {
  const char *const text = json_string_value(json_object_get(object, key));
  return text != NULL ? text : "";
}

static bool in_scope(const struct scope *scope, const char *name) {
  for (; scope != NULL; scope = scope->outer) {
    if (strcasecmp(scope->name, name) == 0) {
      return true;
    }
  }
  return false;
}

static bool ends_with(const char *text, size_t length, const char *suffix) {
  const size_t suffix_length = strlen(suffix);
  return length > suffix_length && strncasecmp(text + length - suffix_length, suffix, suffix_length) == 0;
}

/* FROM 'orders.parquet' reads a file. */
static bool is_file_name(const char *name) {
  static const char *const suffixes[] = {".parquet", ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".txt"};
  size_t length = strlen(name);
  if (strchr(name, '/') != NULL) {
    return true;
  }
  if (ends_with(name, length, ".gz")) {
    length -= 3;
  } else if (ends_with(name, length, ".zst")) {
    length -= 4;
  }
  for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
    if (ends_with(name, length, suffixes[i])) {
      return true;
    }
  }
  return false;
}

static lh_status add_name(struct walk *walk, const char *name, double location) {
  for (size_t i = 0; i < walk->count; i++) {
    if (strcmp(walk->found[i].name, name) == 0) {
      walk->found[i].location = location < walk->found[i].location ? location : walk->found[i].location;
      return LH_OK;
    }
  }
  if (walk->count == walk->capacity) {
    const size_t capacity = walk->capacity > 0 ? walk->capacity * 2 : 16;
    struct found *const grown = realloc(walk->found, capacity * sizeof(*grown));
    if (grown == NULL) {
      return lh_error_memory(walk->err);
    }
    walk->found = grown;
    walk->capacity = capacity;
  }
  walk->found[walk->count] = (struct found){.name = name, .location = location, .sequence = walk->count};
  walk->count++;
  return LH_OK;
}

static lh_status visit_table(struct walk *walk, const json_t *table, const struct scope *scope) {
  const char *const name = member(table, "table_name");
  const char *schema = member(table, "schema_name");
  const char *const catalog = member(table, "catalog_name");
  if (strcasecmp(schema, "information_schema") == 0 || strcasecmp(schema, "pg_catalog") == 0) {
    return LH_OK;
  }
  const bool bare = schema[0] == '\0';
  if (bare && (in_scope(scope, name) || is_file_name(name))) {
    return LH_OK;
  }
  if (strcasecmp(schema, "recurring") == 0 && in_scope(scope, name)) {
    return LH_OK;
  }
  if (strcasecmp(schema, "main") == 0 && (catalog[0] == '\0' || strcasecmp(catalog, "memory") == 0)) {
    schema = "";
  }
  char *const folded = schema[0] == '\0'    ? lh_arena_strdup(walk->arena, name)
                       : catalog[0] == '\0' ? lh_arena_printf(walk->arena, "%s.%s", schema, name)
                                            : lh_arena_printf(walk->arena, "%s.%s.%s", catalog, schema, name);
  if (folded == NULL) {
    return lh_error_memory(walk->err);
  }
  for (char *c = folded; *c != '\0'; c++) {
    *c = (char)(isascii((unsigned char)*c) ? tolower((unsigned char)*c) : *c);
  }
  return add_name(walk, folded, json_number_value(json_object_get(table, "query_location")));
}

static lh_status visit(struct walk *walk, const json_t *node, const struct scope *scope, size_t depth);

static lh_status visit_members(struct walk *walk, const json_t *object, const struct scope *scope,
                               size_t depth) {
  const char *key = NULL;
  json_t *value = NULL;
  json_object_foreach((json_t *)object, key, value) {
    if (strcmp(key, "cte_map") != 0) {
      LH_TRY(visit(walk, value, scope, depth + 1));
    }
  }
  return LH_OK;
}

/* Each WITH query sees the ones before it; what holds the WITH sees them all. */
static lh_status visit_with(struct walk *walk, const json_t *object, const json_t *ctes, size_t index,
                            const struct scope *scope, size_t depth) {
  if (depth > DEPTH_MAX) {
    return lh_error_set(walk->err, LH_ERROR_QUERY, "the SQL is nested too deeply");
  }
  if (index == json_array_size(ctes)) {
    return visit_members(walk, object, scope, depth);
  }
  const json_t *const entry = json_array_get(ctes, index);
  LH_TRY(visit(walk, json_object_get(entry, "value"), scope, depth + 1));
  const struct scope inner = {.name = member(entry, "key"), .outer = scope};
  return visit_with(walk, object, ctes, index + 1, &inner, depth + 1);
}

static lh_status visit(struct walk *walk, const json_t *node, const struct scope *scope, size_t depth) {
  if (depth > DEPTH_MAX) {
    return lh_error_set(walk->err, LH_ERROR_QUERY, "the SQL is nested too deeply");
  }
  if (json_is_array(node)) {
    for (size_t i = 0; i < json_array_size(node); i++) {
      LH_TRY(visit(walk, json_array_get(node, i), scope, depth + 1));
    }
    return LH_OK;
  }
  if (!json_is_object(node)) {
    return LH_OK;
  }
  const char *const type = member(node, "type");
  if (strcmp(type, "BASE_TABLE") == 0 && json_object_get(node, "table_name") != NULL) {
    LH_TRY(visit_table(walk, node, scope));
  }
  const struct scope recursive = {.name = member(node, "cte_name"), .outer = scope};
  if (strcmp(type, "RECURSIVE_CTE_NODE") == 0) {
    scope = &recursive;
  }
  const json_t *const ctes = json_object_get(json_object_get(node, "cte_map"), "map");
  return visit_with(walk, node, ctes, 0, scope, depth);
}

static int by_location(const void *left, const void *right) {
  const struct found *const a = left;
  const struct found *const b = right;
  if (a->location != b->location) {
    return a->location < b->location ? -1 : 1;
  }
  return a->sequence < b->sequence ? -1 : 1;
}

static lh_status refuse(const json_t *tree, const char *sql, struct lh_error *err) {
  const char *const message = member(tree, "error_message");
  const char *const position = member(tree, "position");
  if (strcmp(member(tree, "error_type"), "not implemented") == 0) {
    lh_error_set(err, LH_ERROR_QUERY, "the statement is not a SELECT");
    lh_error_hint(err, "write one SELECT; a PIVOT needs its values: PIVOT … ON column IN (…)");
    return LH_ERROR_QUERY;
  }
  if (position[0] == '\0') {
    return lh_error_set(err, LH_ERROR_QUERY, "%s", message);
  }
  size_t line = 0;
  size_t column = 0;
  lh_duckdb_locate(sql, strtoul(position, NULL, 10), true, &line, &column);
  return lh_error_set(err, LH_ERROR_QUERY, "line %zu, column %zu: %s", line, column, message);
}

static lh_status collect(struct walk *walk, const json_t *tree, const char *sql,
                         struct lh_engine_names *out) {
  if (json_is_true(json_object_get(tree, "error"))) {
    return refuse(tree, sql, walk->err);
  }
  const json_t *const statements = json_object_get(tree, "statements");
  if (json_array_size(statements) == 0) {
    return lh_error_set(walk->err, LH_ERROR_QUERY, "line 1, column 1: the SQL is empty");
  }
  if (json_array_size(statements) > 1) {
    lh_error_set(walk->err, LH_ERROR_QUERY, "the text holds %zu statements", json_array_size(statements));
    lh_error_hint(walk->err, "write one SELECT: WITH … AS (…) names what is computed on the way");
    return LH_ERROR_QUERY;
  }
  LH_TRY(visit(walk, statements, NULL, 0));
  if (walk->count > 0) {
    qsort(walk->found, walk->count, sizeof(*walk->found), by_location);
  }
  const char **const names = LH_ARENA_ARRAY(walk->arena, const char *, walk->count + 1);
  if (names == NULL) {
    return lh_error_memory(walk->err);
  }
  for (size_t i = 0; i < walk->count; i++) {
    names[i] = walk->found[i].name;
  }
  *out = (struct lh_engine_names){.names = names, .count = walk->count};
  return LH_OK;
}

lh_status lh_sql_names_collect(const char *tree, size_t size, const char *sql, struct lh_arena *arena,
                               struct lh_engine_names *out, struct lh_error *err) {
  json_error_t json_error;
  /* Integers as reals: "no location" is 2^64 - 1, which is past jansson's integers. */
  json_t *const parsed = json_loadb(tree, size, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &json_error);
  if (parsed == NULL) {
    return lh_error_set(err, LH_ERROR_QUERY, "the SQL is too deeply nested to find the tables it reads (%s)",
                        json_error.text);
  }
  struct walk walk = {.arena = arena, .err = err};
  const lh_status status = collect(&walk, parsed, sql, out);
  free(walk.found);
  json_decref(parsed);
  return status;
}
