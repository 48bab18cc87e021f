/* Chosen columns become fields, decoders and one SELECT, which the server plans before anything is read. */
#include "postgres/describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "postgres/column_form.h"
#include "postgres/column_options.h"
#include "postgres/server_version.h"
#include "postgres/sql_text.h"
#include "postgres/types/type_catalog.h"
#include "postgres/types/type_registry.h"

#define SQL_MAX_BYTES ((size_t)64 << 20)

/* -------- which columns -------- */

static ptrdiff_t find_column(const struct lh_pg_found_column *found, size_t found_count, const char *name) {
  for (size_t i = 0; i < found_count; i++) {
    if (strcmp(found[i].name, name) == 0) {
      return (ptrdiff_t)i;
    }
  }
  return -1;
}

static lh_status refuse_column(const struct lh_pg_relation *relation, const struct lh_pg_found_column *found,
                               size_t found_count, const char *name, struct lh_arena *arena,
                               struct lh_error *err) {
  const char **const names = LH_ARENA_ARRAY(arena, const char *, found_count);
  if (names == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < found_count; i++) {
    names[i] = found[i].name;
  }
  lh_error_set(err, LH_ERROR_DATA, "%s has no column \"%s\"", relation->name, name);
  lh_pg_error_column(err, relation, name);
  lh_str_suggest(err, name, names, found_count, "its columns", arena);
  return LH_ERROR_DATA;
}

void lh_pg_error_column(struct lh_error *err, const struct lh_pg_relation *relation, const char *name) {
  snprintf(err->table, sizeof(err->table), "%s", relation->name);
  snprintf(err->column, sizeof(err->column), "%s", name);
}

void lh_pg_suggest_column(struct lh_error *err, const struct lh_pg_relation *relation, const char *name,
                          const char *all, struct lh_arena *arena) {
  const char **const names = LH_ARENA_ARRAY(arena, const char *, relation->column_count);
  if (names == NULL) {
    return;
  }
  for (size_t i = 0; i < relation->column_count; i++) {
    names[i] = relation->columns[i].name;
  }
  lh_str_suggest(err, name, names, relation->column_count, all, arena);
}

static bool is_excluded(const struct lh_pg_select_options *options, const char *name) {
  for (size_t i = 0; i < options->exclude_count; i++) {
    if (strcmp(options->exclude[i], name) == 0) {
      return true;
    }
  }
  return false;
}

static lh_status check_names(const struct lh_pg_relation *relation, const struct lh_pg_found_column *found,
                             size_t found_count, const char *const *names, size_t count, const char *list,
                             struct lh_arena *arena, struct lh_error *err) {
  for (size_t i = 0; i < count; i++) {
    if (find_column(found, found_count, names[i]) < 0) {
      return refuse_column(relation, found, found_count, names[i], arena, err);
    }
    for (size_t j = 0; j < i; j++) {
      if (strcmp(names[i], names[j]) == 0) {
        return lh_error_set(err, LH_ERROR_DATA, "%s: column \"%s\" is %s twice", relation->name, names[i],
                            list);
      }
    }
  }
  return LH_OK;
}

/* Leaves the indices into `found`, in the order in which they are read. */
static lh_status choose(const struct lh_pg_relation *relation, const struct lh_pg_found_column *found,
                        size_t found_count, const struct lh_pg_select_options *options,
                        struct lh_arena *arena, size_t **out, size_t *count, struct lh_error *err) {
  const bool all = options->include == NULL;
  const size_t most = all ? found_count : options->include_count;
  size_t *const chosen = LH_ARENA_ARRAY(arena, size_t, most + 1);
  if (chosen == NULL) {
    return lh_error_memory(err);
  }
  *out = chosen;
  if (!all) {
    LH_TRY(check_names(relation, found, found_count, options->include, most, "included", arena, err));
  }
  LH_TRY(check_names(relation, found, found_count, options->exclude, options->exclude_count, "excluded",
                     arena, err));
  for (size_t i = 0; i < options->settings_count; i++) {
    if (find_column(found, found_count, options->settings[i].column) < 0) {
      return refuse_column(relation, found, found_count, options->settings[i].column, arena, err);
    }
  }
  *count = 0;
  for (size_t i = 0; i < most; i++) {
    const size_t index = all ? i : (size_t)find_column(found, found_count, options->include[i]);
    if (!is_excluded(options, found[index].name)) {
      chosen[(*count)++] = index;
    }
  }
  if (*count > 0) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_DATA, found_count == 0 ? "%s has no columns" : "%s: no column is left to read",
               relation->name);
  lh_error_hint(err, found_count == 0 ? "a lake table needs at least one" : "check include and exclude");
  return LH_ERROR_DATA;
}

/* -------- their types -------- */

/* Asks the catalog once, for all types that are not built in, and not at all where there is none. */
static lh_status find_types(struct lh_pg_connection *connection, const struct lh_pg_relation *relation,
                            struct lh_arena *arena, struct lh_pg_catalog_type **out, size_t *count,
                            struct lh_error *err) {
  struct lh_buf oids;
  const char *list = NULL;
  lh_status status = LH_OK;
  lh_buf_init(&oids, SQL_MAX_BYTES);
  *count = 0;
  for (size_t i = 0; i < relation->column_count && status == LH_OK; i++) {
    const uint32_t oid = relation->columns[i].type_oid;
    if (!lh_pg_type_is_built_in(oid)) {
      status = lh_buf_printf(&oids, err, "%c%" PRIu32, oids.len == 0 ? '{' : ',', oid);
    }
  }
  if (status == LH_OK && oids.len > 0) {
    status = lh_buf_append_byte(&oids, '}', err);
    if (status == LH_OK) {
      status = lh_buf_cstr(&oids, &list, err);
    }
    if (status == LH_OK) {
      status = lh_pg_load_types(connection, list, arena, out, count, err);
    }
  }
  lh_buf_clear(&oids);
  return status;
}

static lh_status check_name_encoding(const struct lh_pg_connection *connection,
                                     const struct lh_pg_relation *relation, const char *name,
                                     struct lh_error *err) {
  if (!connection->unsafe_text || lh_utf8_valid((const uint8_t *)name, strlen(name))) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_DATA, "%s has a column whose name is not valid UTF-8", relation->name);
  lh_error_hint(err, "rename it, or give it another name in a query: SELECT … AS …");
  return LH_ERROR_DATA;
}

static lh_status resolve_columns(struct lh_pg_connection *connection, struct lh_pg_relation *relation,
                                 const struct lh_pg_select_options *options, struct lh_arena *arena,
                                 struct lh_error *err) {
  struct lh_pg_catalog_type *types = NULL;
  struct lh_pg_catalog catalog = {0};
  for (size_t i = 0; i < relation->column_count; i++) {
    LH_TRY(check_name_encoding(connection, relation, relation->columns[i].name, err));
  }
  LH_TRY(find_types(connection, relation, arena, &types, &catalog.count, err));
  catalog.types = types;
  return lh_pg_resolve_columns(connection, relation, relation->from_sql, &catalog, options, arena, err);
}

/* -------- what is known about them beside -------- */

static const char *usable_comment(const struct lh_pg_connection *connection, const char *comment) {
  const bool usable = comment != NULL &&
                      (!connection->unsafe_text || lh_utf8_valid((const uint8_t *)comment, strlen(comment)));
  return usable ? comment : NULL;
}

/* The index among the chosen columns of the one at `position` in the primary key, or -1. */
static ptrdiff_t find_key_column(const struct lh_pg_found_column *found, const size_t *chosen, size_t count,
                                 size_t position) {
  for (size_t i = 0; i < count; i++) {
    if ((size_t)found[chosen[i]].key_position == position) {
      return (ptrdiff_t)i;
    }
  }
  return -1;
}

/* Whether different values stay different in the lake. */
static bool stays_unique(const struct lh_pg_column *column) {
  return column->replaced == NULL && (column->expression == NULL || column->mask == LH_MASK_SHA256);
}

static lh_status note_primary_key(struct lh_pg_relation *relation, const struct lh_pg_found_column *found,
                                  size_t found_count, const size_t *chosen, struct lh_arena *arena,
                                  struct lh_error *err) {
  size_t length = 0;
  for (size_t i = 0; i < found_count; i++) {
    length += found[i].key_position > 0 ? 1 : 0;
  }
  const char **const names = LH_ARENA_ARRAY(arena, const char *, length);
  if (names == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < length; i++) {
    const ptrdiff_t index = find_key_column(found, chosen, relation->column_count, i + 1);
    if (index < 0 || !stays_unique(&relation->columns[index])) {
      return LH_OK;
    }
    names[i] = relation->schema.fields[index].name;
  }
  relation->primary_key = names;
  relation->primary_key_count = length;
  return LH_OK;
}

static lh_status note_knowledge(const struct lh_pg_connection *connection, struct lh_pg_relation *relation,
                                const struct lh_pg_found_column *found, size_t found_count,
                                const size_t *chosen, struct lh_arena *arena, struct lh_error *err) {
  relation->comment = usable_comment(connection, relation->comment);
  for (size_t i = 0; i < relation->column_count; i++) {
    relation->schema.fields[i].comment = usable_comment(connection, found[chosen[i]].comment);
  }
  return note_primary_key(relation, found, found_count, chosen, arena, err);
}

/* -------- the statement -------- */

static lh_status append_column(struct lh_buf *sql, const char *name, enum lh_pg_read_as read_as,
                               struct lh_arena *arena, struct lh_error *err) {
  switch (read_as) {
    case LH_PG_READ_AS_TEXT: {
      const char *const text = lh_pg_text_form(name, arena);
      return text != NULL ? lh_buf_append_str(sql, text, err) : lh_error_memory(err);
    }
    case LH_PG_READ_AS_TEXTS:
      return lh_buf_printf(sql, err, "%s::pg_catalog.text[]", name);
    case LH_PG_READ_AS_JSON:
      return lh_buf_printf(sql, err, "pg_catalog.to_json(%s)::pg_catalog.text", name);
    default:
      return lh_buf_append_str(sql, name, err);
  }
}

static lh_status append_columns(const struct lh_pg_relation *relation, struct lh_arena *arena,
                                struct lh_buf *sql, struct lh_error *err) {
  for (size_t i = 0; i < relation->column_count; i++) {
    const char *const name = lh_pg_quote_name(relation->columns[i].name, arena);
    if (name == NULL) {
      return lh_error_memory(err);
    }
    LH_TRY(lh_buf_append_str(sql, i == 0 ? "SELECT " : ", ", err));
    const char *const expression = relation->columns[i].expression;
    LH_TRY(expression != NULL ? lh_buf_append_str(sql, expression, err)
                              : append_column(sql, name, relation->columns[i].decoder->read_as, arena, err));
  }
  return LH_OK;
}

static lh_status put_select_together(struct lh_pg_relation *relation, struct lh_arena *arena,
                                     struct lh_error *err) {
  const char *const limit =
      relation->limit < 0 ? "" : lh_arena_printf(arena, " LIMIT %" PRId64, relation->limit);
  relation->select_sql = limit != NULL ? lh_arena_printf(arena, "%s FROM %s%s%s", relation->columns_sql,
                                                         relation->from_sql, relation->order_sql, limit)
                                       : NULL;
  return relation->select_sql != NULL ? LH_OK : lh_error_memory(err);
}

static lh_status build_select(struct lh_pg_relation *relation, const struct lh_pg_select_options *options,
                              struct lh_arena *arena, struct lh_error *err) {
  struct lh_buf sql;
  lh_buf_init(&sql, SQL_MAX_BYTES);
  lh_status status = append_columns(relation, arena, &sql, err);
  if (status == LH_OK) {
    relation->columns_sql = lh_arena_strndup(arena, (const char *)sql.data, sql.len);
  }
  lh_buf_clear(&sql);
  LH_TRY(status);
  LH_TRY(lh_pg_sort_relation(relation, options, arena, &relation->order_sql, err));
  return relation->columns_sql != NULL ? put_select_together(relation, arena, err) : lh_error_memory(err);
}

lh_status lh_pg_narrow_relation(struct lh_pg_connection *connection, struct lh_pg_relation *relation,
                                const char *condition, struct lh_arena *arena, struct lh_error *err) {
  const bool is_query = relation->kind == 0;
  const char *const where = relation->where != NULL
                                ? lh_arena_printf(arena, "(%s) AND (%s)", relation->where, condition)
                                : condition;
  relation->from_sql = where != NULL ? lh_arena_printf(arena, "%s WHERE (%s)",
                                                       is_query ? relation->from_sql : relation->name, where)
                                     : NULL;
  if (relation->from_sql == NULL) {
    return lh_error_memory(err);
  }
  relation->where = is_query ? NULL : where;
  LH_TRY(put_select_together(relation, arena, err));
  return lh_pg_lock_relation(connection, relation, arena, err);
}

lh_status lh_pg_explain_denial(const struct lh_pg_connection *connection, const char *relation_name,
                               struct lh_error *err) {
  if (strcmp(err->sqlstate, "42501") == 0 && strstr(err->hint, "GRANT SELECT") != NULL) {
    lh_error_hint(err, "GRANT SELECT ON %s TO \"%s\" (and GRANT USAGE on its schema)", relation_name,
                  PQuser(connection->pg));
  }
  return err->code;
}

static bool plan_has(const PGresult *plan, const char *words) {
  for (int i = 0; i < PQntuples(plan); i++) {
    if (strstr(PQgetvalue(plan, i, 0), words) != NULL) {
      return true;
    }
  }
  return false;
}

/* "Seq Scan on orders  (cost=0.00..1.50 rows=50 width=8)" */
static int64_t parse_rows(const char *plan) {
  const char *found = NULL;
  for (const char *at = plan; (at = strstr(at, "rows=")) != NULL; at++) {
    found = at + strlen("rows=");
  }
  return found != NULL ? strtoll(found, NULL, 10) : -1;
}

static lh_status plan(struct lh_pg_connection *connection, struct lh_pg_relation *relation,
                      struct lh_arena *arena, struct lh_error *err) {
  PGresult *result = NULL;
  const char *const sql = lh_arena_printf(arena, "EXPLAIN %s", relation->select_sql);
  if (sql == NULL) {
    return lh_error_memory(err);
  }
  if (lh_pg_execute(connection, sql, NULL, 0, PGRES_TUPLES_OK, &result, err) != LH_OK) {
    return err->code;
  }
  relation->estimated_rows = PQntuples(result) > 0 ? parse_rows(PQgetvalue(result, 0, 0)) : -1;
  relation->plan_is_selective = plan_has(result, "Index Scan") || plan_has(result, "Index Only Scan") ||
                                plan_has(result, "Tid ") || plan_has(result, "Subplans Removed");
  PQclear(result);
  return LH_OK;
}

/* Every table that the plan has locked, against the catalog as the snapshot sees it: TRUNCATE, and whatever
 * rewrites a table, is not versioned, so that an older snapshot finds the new file empty or too new. With the
 * locks held nothing of the kind can come in between any more. Catalogs have no file number of their own. A
 * table that is younger than the snapshot stands in the place of another, unless it is a new partition, whose
 * rows are younger too. `is_no_partition` is a condition on l.relation that sees what is younger. */
#define REWRITTEN_SQL(is_no_partition)                                                                    \
  "SELECT l.relation::pg_catalog.regclass::pg_catalog.text FROM pg_catalog.pg_locks l "                   \
  "LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation "                                                \
  "WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.database = (SELECT d.oid " \
  "FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()) AND CASE "              \
  "WHEN c.oid IS NULL THEN pg_catalog.pg_index_has_property(l.relation, 'index_scan') IS NULL "           \
  "AND " is_no_partition                                                                                  \
  " ELSE c.relkind IN ('r', 'm') AND c.relfilenode <> 0 "                                                 \
  "AND c.relfilenode IS DISTINCT FROM pg_catalog.pg_relation_filenode(c.oid) END ORDER BY 1 LIMIT 1"

static const char rewritten_sql[] =
    REWRITTEN_SQL("COALESCE(pg_catalog.pg_partition_root(l.relation) = l.relation, true)");
/* A default partition that is the only one has no constraint, and is taken for a replaced table. */
static const char rewritten_sql_before_12[] =
    REWRITTEN_SQL("pg_catalog.pg_get_partition_constraintdef(l.relation) IS NULL");

static lh_status check_not_rewritten(struct lh_pg_connection *connection,
                                     const struct lh_pg_relation *relation, struct lh_arena *arena,
                                     struct lh_error *err) {
  struct lh_pg_rows rows;
  const bool has_root = lh_pg_has_partition_root(lh_pg_server_version(connection));
  LH_TRY(lh_pg_query(connection, has_root ? rewritten_sql : rewritten_sql_before_12, NULL, 0, arena, &rows,
                     err));
  if (rows.row_count == 0) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_DATA,
               "%s: table %s was emptied, rewritten or replaced after the snapshot was taken, which does not "
               "show its rows",
               relation->name, rows.values[0]);
  err->error_class = LH_ERROR_CLASS_RETRYABLE;
  snprintf(err->table, sizeof(err->table), "%s", rows.values[0]);
  lh_error_hint(err, "run again; TRUNCATE, ALTER TABLE, CLUSTER, VACUUM FULL and REFRESH do this");
  return LH_ERROR_DATA;
}

lh_status lh_pg_build_relation(struct lh_pg_connection *connection, const struct lh_pg_found_column *found,
                               size_t found_count, const char *from_sql,
                               const struct lh_pg_select_options *options, struct lh_arena *arena,
                               struct lh_pg_relation *relation, struct lh_error *err) {
  size_t *chosen = NULL;
  LH_TRY(choose(relation, found, found_count, options, arena, &chosen, &relation->column_count, err));
  relation->columns = LH_ARENA_ARRAY(arena, struct lh_pg_column, relation->column_count);
  if (relation->columns == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < relation->column_count; i++) {
    const struct lh_pg_found_column *const from = &found[chosen[i]];
    relation->columns[i] = (struct lh_pg_column){.name = from->name,
                                                 .type_name = from->type_name,
                                                 .type_oid = from->type_oid,
                                                 .typmod = from->typmod,
                                                 .not_null = from->not_null};
  }
  relation->from_sql = from_sql;
  relation->limit = options->limit;
  LH_TRY(resolve_columns(connection, relation, options, arena, err));
  LH_TRY(note_knowledge(connection, relation, found, found_count, chosen, arena, err));
  LH_TRY(build_select(relation, options, arena, err));
  return lh_pg_lock_relation(connection, relation, arena, err);
}

lh_status lh_pg_lock_relation(struct lh_pg_connection *connection, struct lh_pg_relation *relation,
                              struct lh_arena *arena, struct lh_error *err) {
  LH_TRY(plan(connection, relation, arena, err));
  return check_not_rewritten(connection, relation, arena, err);
}
