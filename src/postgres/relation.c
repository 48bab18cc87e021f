/* Tables, views and the like: found by name, their columns from the catalog. */
#include "postgres/relation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "postgres/describe.h"
#include "postgres/partitions.h"
#include "postgres/sql_text.h"

/* What makes a NOT NULL hold for every row that the SELECT yields: a base table whose children (if it has
 * any, and is not partitioned) could not have dropped it, and no constraint that is still to be validated. */
#define HOLDS_NOT_NULL                                                                \
  "a.attnotnull AND (c.relkind = 'p' OR (c.relkind = 'r' AND NOT c.relhassubclass)) " \
  "AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint u WHERE u.conrelid = c.oid "  \
  "AND u.contype = 'n' AND NOT u.convalidated AND a.attnum = ANY (u.conkey))"
#define PARTITIONS_BYTES                                                                                    \
  "(SELECT pg_catalog.sum(pg_catalog.pg_relation_size(p.oid))::pg_catalog.int8 FROM (" LH_PG_PARTITIONS_SQL \
  ") p)"

/* A primary key does not hold for the rows of children, unless they are partitions. */
static const char columns_sql[] =
    "SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), c.relkind, "
    "CASE WHEN c.relkind = 'p' THEN COALESCE(" PARTITIONS_BYTES
    ", 0) WHEN c.relkind IN ('r', 'm') THEN pg_catalog.pg_relation_size(c.oid) ELSE -1 END, "
    "a.attname, a.atttypid, a.atttypmod, pg_catalog.format_type(a.atttypid, a.atttypmod), " HOLDS_NOT_NULL
    ", pg_catalog.obj_description(c.oid, 'pg_class'), pg_catalog.col_description(c.oid, a.attnum), "
    "COALESCE(pg_catalog.array_position(k.conkey, a.attnum), 0)"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
    "LEFT JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p' "
    "AND (c.relkind = 'p' OR NOT c.relhassubclass) "
    "WHERE c.oid = pg_catalog.to_regclass($1) ORDER BY a.attnum";

enum {
  FOUND_NAME,
  FOUND_KIND,
  FOUND_BYTES,
  FOUND_COLUMN,
  FOUND_TYPE,
  FOUND_TYPMOD,
  FOUND_TYPE_NAME,
  FOUND_NOT_NULL,
  FOUND_TABLE_COMMENT,
  FOUND_COMMENT,
  FOUND_KEY_POSITION
};

/* The nearest qualified name, judged by the whole name and, where that gives nothing, by the table's alone.
 */
static const char *nearest_table(const struct lh_pg_table *tables, size_t count, const char *name,
                                 struct lh_arena *arena) {
  const char *const dot = strrchr(name, '.');
  const char **const candidates = LH_ARENA_ARRAY(arena, const char *, count + 1);
  if (candidates == NULL) {
    return NULL;
  }
  for (size_t i = 0; i < count; i++) {
    candidates[i] = tables[i].qualified;
  }
  const char *const whole = dot != NULL ? lh_str_nearest(name, candidates, count) : NULL;
  if (whole != NULL) {
    return whole;
  }
  for (size_t i = 0; i < count; i++) {
    candidates[i] = tables[i].name;
  }
  const char *const bare = lh_str_nearest(dot != NULL ? dot + 1 : name, candidates, count);
  for (size_t i = 0; i < count; i++) {
    if (bare != NULL && bare == tables[i].name) {
      return tables[i].qualified;
    }
  }
  return NULL;
}

static lh_status refuse_table(struct lh_pg_connection *connection, const char *name, struct lh_arena *arena,
                              struct lh_error *err) {
  struct lh_pg_table *tables = NULL;
  size_t count = 0;
  LH_TRY(lh_pg_list_tables(connection, arena, &tables, &count, err));
  const char *const nearest = nearest_table(tables, count, name, arena);
  lh_error_set(err, LH_ERROR_DATA, "there is no table %s", name);
  memcpy(err->sqlstate, "42P01", sizeof(err->sqlstate));
  strncpy(err->table, name, sizeof(err->table) - 1);
  if (nearest != NULL) {
    lh_error_hint(err, "did you mean %s?", nearest);
  } else {
    lh_error_hint(err,
                  "%zu tables can be read by this role; without a schema a name is looked up in search_path",
                  count);
  }
  return LH_ERROR_DATA;
}

static const char *kind_name(char kind) {
  switch (kind) {
    case 'i':
    case 'I':
      return "an index";
    case 'S':
      return "a sequence";
    case 'c':
      return "a composite type";
    case 't':
      return "a TOAST table";
    default:
      return "no relation that can be read";
  }
}

static lh_status collect_columns(const struct lh_pg_rows *rows, struct lh_arena *arena,
                                 struct lh_pg_found_column **out, size_t *count, struct lh_error *err) {
  struct lh_pg_found_column *const found = LH_ARENA_ARRAY(arena, struct lh_pg_found_column, rows->row_count);
  if (found == NULL) {
    return lh_error_memory(err);
  }
  *count = 0;
  for (size_t i = 0; i < rows->row_count; i++) {
    const char *const *const row = rows->values + i * rows->column_count;
    if (row[FOUND_COLUMN] != NULL) {
      found[(*count)++] = (struct lh_pg_found_column){
          .name = row[FOUND_COLUMN],
          .type_name = row[FOUND_TYPE_NAME],
          .type_oid = (uint32_t)strtoul(row[FOUND_TYPE], NULL, 10),
          .typmod = (int32_t)strtol(row[FOUND_TYPMOD], NULL, 10),
          .not_null = row[FOUND_NOT_NULL] != NULL && row[FOUND_NOT_NULL][0] == 't',
          .comment = row[FOUND_COMMENT],
          .key_position = (int)strtol(row[FOUND_KEY_POSITION], NULL, 10),
      };
    }
  }
  *out = found;
  return LH_OK;
}

/* The table, or those of its rows that the condition takes, which the server is asked to understand. */
static lh_status build_from(struct lh_pg_connection *connection, struct lh_pg_relation *relation,
                            const char *where, struct lh_arena *arena, const char **out,
                            struct lh_error *err) {
  const char *const name = relation->name;
  if (where == NULL) {
    *out = name;
    return LH_OK;
  }
  const char *condition = NULL;
  if (lh_pg_condition(where, arena, &condition, err) != LH_OK) {
    return lh_error_prefix(err, "where of %s", name);
  }
  relation->where = condition;
  *out = lh_arena_printf(arena, "%s WHERE (%s)", name, condition);
  const char *const sql = *out != NULL ? lh_arena_printf(arena, "EXPLAIN SELECT FROM %s", *out) : NULL;
  if (sql == NULL) {
    return lh_error_memory(err);
  }
  /* Without our statement, in which positions would mean nothing to who wrote the condition. */
  PGresult *const result = PQexec(connection->pg, sql);
  const bool understood = PQresultStatus(result) == PGRES_TUPLES_OK;
  if (!understood) {
    lh_pg_result_error(connection, result, NULL, err);
  }
  PQclear(result);
  if (understood) {
    return LH_OK;
  }
  if (err->code == LH_ERROR_DATA && strcmp(err->sqlstate, "42501") != 0) {
    err->code = LH_ERROR_QUERY;
  }
  return lh_error_prefix(err, "where of %s", name);
}

lh_status lh_pg_describe_table(struct lh_pg_connection *connection, const char *name,
                               const struct lh_pg_select_options *options, struct lh_arena *arena,
                               struct lh_pg_relation **out, struct lh_error *err) {
  struct lh_pg_rows rows;
  struct lh_pg_found_column *found = NULL;
  size_t found_count = 0;
  if (lh_pg_query(connection, columns_sql, &name, 1, arena, &rows, err) != LH_OK) {
    /* Broken quoting, a syntax error, too many parts. */
    if (strcmp(err->sqlstate, "42602") == 0 || strcmp(err->sqlstate, "42601") == 0 ||
        strcmp(err->sqlstate, "0A000") == 0) {
      lh_error_set(err, LH_ERROR_DATA, "\"%s\" is not the name of a table", name);
      lh_error_hint(err,
                    "write schema.table, each in double quotes where it has other characters than letters, "
                    "digits and _: public.\"Order Items\"");
    }
    return err->code;
  }
  if (rows.row_count == 0) {
    return refuse_table(connection, name, arena, err);
  }
  const char kind = rows.values[FOUND_KIND][0];
  if (strchr("rpvmf", kind) == NULL) {
    return lh_error_set(err, LH_ERROR_DATA, "%s is %s, not a table", rows.values[FOUND_NAME],
                        kind_name(kind));
  }
  struct lh_pg_relation *const relation = LH_ARENA_NEW(arena, struct lh_pg_relation);
  if (relation == NULL) {
    return lh_error_memory(err);
  }
  relation->name = rows.values[FOUND_NAME];
  relation->kind = kind;
  relation->comment = rows.values[FOUND_TABLE_COMMENT];
  relation->estimated_bytes = strtoll(rows.values[FOUND_BYTES], NULL, 10);
  LH_TRY(collect_columns(&rows, arena, &found, &found_count, err));
  const char *from_sql = NULL;
  if (build_from(connection, relation, options->where, arena, &from_sql, err) != LH_OK) {
    snprintf(err->table, sizeof(err->table), "%s", relation->name);
    return lh_pg_explain_denial(connection, relation->name, err);
  }
  if (lh_pg_build_relation(connection, found, found_count, from_sql, options, arena, relation, err) !=
      LH_OK) {
    snprintf(err->table, sizeof(err->table), "%s", relation->name);
    if (strcmp(err->sqlstate, "42703") == 0) {
      lh_error_prefix(err, "%s has changed since the snapshot was taken", relation->name);
      lh_error_hint(err, "run again");
    }
    return lh_pg_explain_denial(connection, relation->name, err);
  }
  *out = relation;
  return LH_OK;
}
