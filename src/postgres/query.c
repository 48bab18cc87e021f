/* Queries: prepared by the server to learn their columns, then read as a subquery of a SELECT of ours. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "postgres/describe.h"
#include "postgres/sql_text.h"

#define QUERY_NAME "query"
#define UNNAMED_COLUMN "?column?"

static lh_status as_query_error(struct lh_error *err) {
  if (err->code == LH_ERROR_DATA) {
    err->code = LH_ERROR_QUERY;
  }
  return err->code;
}

static lh_status describe_prepared(struct lh_pg_connection *connection, PGresult **out,
                                   struct lh_error *err) {
  PGresult *const result = PQdescribePrepared(connection->pg, "");
  if (PQresultStatus(result) != PGRES_COMMAND_OK) {
    lh_pg_result_error(connection, result, NULL, err);
    PQclear(result);
    return as_query_error(err);
  }
  if (PQnparams(result) > 0) {
    lh_error_set(err, LH_ERROR_QUERY,
                 "the query has %d parameters ($1 …), and there is nothing to fill them with",
                 PQnparams(result));
    PQclear(result);
    return LH_ERROR_QUERY;
  }
  if (PQnfields(result) == 0) {
    lh_error_set(err, LH_ERROR_QUERY, "the query yields no columns: it is no SELECT");
    lh_error_hint(err, "write a SELECT, VALUES, TABLE or WITH … SELECT");
    PQclear(result);
    return LH_ERROR_QUERY;
  }
  *out = result;
  return LH_OK;
}

/* The server parses and analyses the statement; nothing runs. */
static lh_status prepare(struct lh_pg_connection *connection, const char *sql, PGresult **out,
                         struct lh_error *err) {
  PGresult *const result = PQprepare(connection->pg, "", sql, 0, NULL);
  const lh_status status =
      PQresultStatus(result) == PGRES_COMMAND_OK ? LH_OK : lh_pg_result_error(connection, result, sql, err);
  PQclear(result);
  if (status != LH_OK) {
    return as_query_error(err);
  }
  return describe_prepared(connection, out, err);
}

static lh_status copy_columns(const PGresult *described, struct lh_arena *arena,
                              struct lh_pg_found_column **out, size_t *count, struct lh_error *err) {
  const int columns = PQnfields(described);
  struct lh_pg_found_column *const found = LH_ARENA_ARRAY(arena, struct lh_pg_found_column, (size_t)columns);
  if (found == NULL) {
    return lh_error_memory(err);
  }
  for (int i = 0; i < columns; i++) {
    found[i] = (struct lh_pg_found_column){.name = lh_arena_strdup(arena, PQfname(described, i)),
                                           .type_oid = PQftype(described, i),
                                           .typmod = PQfmod(described, i)};
    if (found[i].name == NULL) {
      return lh_error_memory(err);
    }
  }
  *out = found;
  *count = (size_t)columns;
  return LH_OK;
}

static lh_status check_names(const struct lh_pg_found_column *found, size_t count, struct lh_error *err) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(found[i].name, UNNAMED_COLUMN) == 0) {
      lh_error_set(err, LH_ERROR_DATA, "column %zu of the query has no name", i + 1);
      lh_error_hint(err, "name it: … AS name");
      return LH_ERROR_DATA;
    }
    for (size_t j = 0; j < i; j++) {
      if (strcmp(found[i].name, found[j].name) == 0) {
        lh_error_set(err, LH_ERROR_DATA, "columns %zu and %zu of the query are both named \"%s\"", j + 1,
                     i + 1, found[i].name);
        strncpy(err->column, found[i].name, sizeof(err->column) - 1);
        lh_error_hint(err, "name one of them otherwise: … AS other_name");
        return LH_ERROR_DATA;
      }
    }
  }
  return LH_OK;
}

static lh_status append_array(struct lh_buf *out, const struct lh_pg_found_column *found, size_t count,
                              bool oids, struct lh_error *err) {
  for (size_t i = 0; i < count; i++) {
    LH_TRY(lh_buf_printf(out, err, "%c%" PRId64, i == 0 ? '{' : ',',
                         oids ? (int64_t)found[i].type_oid : (int64_t)found[i].typmod));
  }
  return lh_buf_append(out, "}", 2, err);
}

static lh_status name_types(struct lh_pg_connection *connection, struct lh_pg_found_column *found,
                            size_t count, struct lh_arena *arena, struct lh_error *err) {
  static const char sql[] =
      "SELECT pg_catalog.format_type(oid, typmod) FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.oid[]), "
      "pg_catalog.unnest($2::pg_catalog.int4[])) WITH ORDINALITY AS t(oid, typmod, n) ORDER BY n";
  struct lh_buf oids;
  struct lh_buf typmods;
  struct lh_pg_rows rows = {0};
  lh_buf_init(&oids, SIZE_MAX);
  lh_buf_init(&typmods, SIZE_MAX);
  lh_status status = append_array(&oids, found, count, true, err);
  if (status == LH_OK) {
    status = append_array(&typmods, found, count, false, err);
  }
  if (status == LH_OK) {
    const char *const params[] = {(const char *)oids.data, (const char *)typmods.data};
    status = lh_pg_query(connection, sql, params, 2, arena, &rows, err);
  }
  for (size_t i = 0; i < rows.row_count && i < count; i++) {
    found[i].type_name = rows.values[i];
  }
  lh_buf_clear(&oids);
  lh_buf_clear(&typmods);
  return status;
}

/* Syntax that stands alone but not as a subquery: EXPLAIN, SHOW, INSERT … RETURNING, SELECT … INTO. */
static lh_status refuse_statement(struct lh_error *err) {
  if (strcmp(err->sqlstate, "42601") == 0) {
    lh_error_set(err, LH_ERROR_QUERY, "the query is no SELECT that only reads");
    lh_error_hint(err, "write a SELECT, VALUES, TABLE or WITH … SELECT");
  }
  return as_query_error(err);
}

lh_status lh_pg_describe_query(struct lh_pg_connection *connection, const char *sql,
                               const struct lh_pg_select_options *options, struct lh_arena *arena,
                               struct lh_pg_relation **out, struct lh_error *err) {
  const char *statement = NULL;
  PGresult *described = NULL;
  struct lh_pg_found_column *found = NULL;
  size_t found_count = 0;
  LH_TRY(lh_pg_single_statement(sql, arena, &statement, err));
  LH_TRY(prepare(connection, sql, &described, err));
  const lh_status status = copy_columns(described, arena, &found, &found_count, err);
  PQclear(described);
  LH_TRY(status);
  LH_TRY(check_names(found, found_count, err));
  LH_TRY(name_types(connection, found, found_count, arena, err));
  struct lh_pg_relation *const relation = LH_ARENA_NEW(arena, struct lh_pg_relation);
  /* The line break ends a comment at the end of the statement. */
  const char *const from = lh_arena_printf(arena, "(%s\n) AS q", statement);
  if (relation == NULL || from == NULL) {
    return lh_error_memory(err);
  }
  relation->name = QUERY_NAME;
  relation->estimated_bytes = -1;
  const lh_status built =
      lh_pg_build_relation(connection, found, found_count, from, options, arena, relation, err);
  if (built != LH_OK) {
    /* A wrong include or exclude keeps its class; what the server says is about the query. */
    return err->sqlstate[0] != '\0' ? refuse_statement(err) : built;
  }
  *out = relation;
  return LH_OK;
}
