/* The types that the columns of a SELECT have on the server, found through its catalog and not through the
 * type registry, whose mistakes verification is to find. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "postgres/server_version.h"
#include "task/verify/verify_impl.h"

#define MAX_DOMAIN_DEPTH 64

static uint32_t parse_oid(const char *text) {
  return (uint32_t)strtoul(text, NULL, 10);
}

const struct lh_verify_type *lh_verify_find_type(const struct lh_verify_source *source, uint32_t oid) {
  for (int depth = 0; depth < MAX_DOMAIN_DEPTH; depth++) {
    const struct lh_verify_type *found = NULL;
    for (size_t i = 0; i < source->type_count && found == NULL; i++) {
      found = source->types[i].oid == oid ? &source->types[i] : NULL;
    }
    if (found == NULL || found->kind != 'd') {
      return found;
    }
    oid = found->base_oid;
  }
  return NULL;
}

static lh_status run_buffer(const struct lh_verify_source *source, struct lh_buf *sql,
                            struct lh_pg_rows *rows, struct lh_error *err) {
  const char *text = NULL;
  LH_TRY(lh_buf_cstr(sql, &text, err));
  return lh_pg_query(source->request->connection, text, NULL, 0, source->arena, rows, err);
}

static lh_status build_from(struct lh_verify_source *source, struct lh_buf *sql, struct lh_error *err) {
  const struct lh_pg_relation *const relation = source->request->relation;
  lh_buf_reset(sql);
  /* An order matters to a limit alone. */
  if (relation->limit < 0) {
    LH_TRY(lh_buf_printf(sql, err, "(%s FROM %s) AS q(", relation->columns_sql, relation->from_sql));
  } else {
    LH_TRY(lh_buf_printf(sql, err, "(%s) AS q(", relation->select_sql));
  }
  for (size_t i = 0; i < relation->column_count; i++) {
    LH_TRY(lh_buf_printf(sql, err, "%sc%zu", i == 0 ? "" : ", ", i));
  }
  LH_TRY(lh_buf_append_byte(sql, ')', err));
  source->from = lh_arena_strndup(source->arena, (const char *)sql->data, sql->len);
  return source->from != NULL ? LH_OK : lh_error_memory(err);
}

/* The join that never matches lets the server name the types without running the SELECT. */
static lh_status find_column_types(struct lh_verify_source *source, struct lh_buf *sql,
                                   struct lh_error *err) {
  const size_t count = source->request->relation->column_count;
  struct lh_pg_rows rows;
  lh_buf_reset(sql);
  LH_TRY(lh_buf_append_str(sql, "SELECT pg_catalog.unnest(ARRAY[", err));
  for (size_t i = 0; i < count; i++) {
    LH_TRY(lh_buf_printf(sql, err, "%spg_catalog.pg_typeof(q.c%zu)::pg_catalog.oid", i == 0 ? "" : ", ", i));
  }
  LH_TRY(lh_buf_printf(sql, err, "]) FROM (SELECT 1) AS one LEFT JOIN %s ON false", source->from));
  LH_TRY(run_buffer(source, sql, &rows, err));
  source->oids = LH_ARENA_ARRAY(source->arena, uint32_t, count);
  if (source->oids == NULL) {
    return lh_error_memory(err);
  }
  if (rows.row_count != count) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "%zu types for %zu columns", rows.row_count, count);
  }
  for (size_t i = 0; i < count; i++) {
    source->oids[i] = parse_oid(rows.values[i]);
  }
  return LH_OK;
}

static lh_status append_wanted(const struct lh_verify_source *source, struct lh_buf *sql,
                               struct lh_error *err) {
  const bool multiranges = lh_pg_has_multiranges(lh_pg_server_version(source->request->connection));
  lh_buf_reset(sql);
  LH_TRY(lh_buf_append_str(sql, "WITH RECURSIVE wanted(oid) AS (SELECT pg_catalog.unnest('{", err));
  for (size_t i = 0; i < source->request->relation->column_count; i++) {
    LH_TRY(lh_buf_printf(sql, err, "%s%" PRIu32, i == 0 ? "" : ",", source->oids[i]));
  }
  return lh_buf_printf(
      sql, err,
      "}'::pg_catalog.oid[]) UNION SELECT made_of.oid FROM wanted JOIN pg_catalog.pg_type t ON t.oid = "
      "wanted.oid, LATERAL (SELECT t.typbasetype UNION ALL SELECT t.typelem UNION ALL SELECT a.atttypid FROM "
      "pg_catalog.pg_attribute a WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT "
      "a.attisdropped UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid%s) "
      "AS "
      "made_of(oid) WHERE made_of.oid <> 0) ",
      multiranges ? " UNION ALL SELECT r.rngtypid FROM pg_catalog.pg_range r WHERE r.rngmultitypid = t.oid"
                  : "");
}

static lh_status load_types(struct lh_verify_source *source, struct lh_buf *sql, struct lh_error *err) {
  const bool multiranges = lh_pg_has_multiranges(lh_pg_server_version(source->request->connection));
  struct lh_pg_rows rows;
  LH_TRY(append_wanted(source, sql, err));
  LH_TRY(lh_buf_printf(
      sql, err,
      "SELECT t.oid, pg_catalog.quote_ident(n.nspname), t.typname, t.typtype, t.typbasetype, CASE WHEN "
      "t.typoutput::pg_catalog.oid IN ('pg_catalog.array_out'::pg_catalog.regproc, "
      "'pg_catalog.int2vectorout'::pg_catalog.regproc, 'pg_catalog.oidvectorout'::pg_catalog.regproc) THEN "
      "t.typelem ELSE COALESCE(%s, 0) END, "
      "COALESCE((SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid), 0), "
      "t.typoutput = 'pg_catalog.array_out'::pg_catalog.regproc FROM wanted JOIN pg_catalog.pg_type t ON "
      "t.oid = "
      "wanted.oid JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace",
      multiranges ? "(SELECT r.rngtypid FROM pg_catalog.pg_range r WHERE r.rngmultitypid = t.oid)" : "0"));
  LH_TRY(run_buffer(source, sql, &rows, err));
  source->types = LH_ARENA_ARRAY(source->arena, struct lh_verify_type, rows.row_count);
  if (source->types == NULL) {
    return lh_error_memory(err);
  }
  source->type_count = rows.row_count;
  for (size_t i = 0; i < rows.row_count; i++) {
    const char *const *const row = rows.values + i * rows.column_count;
    source->types[i] = (struct lh_verify_type){
        .oid = parse_oid(row[0]),
        .schema = row[1],
        .name = row[2],
        .kind = row[3][0],
        .base_oid = parse_oid(row[4]),
        .element_oid = parse_oid(row[5]),
        .range_oid = parse_oid(row[6]),
        .is_array = row[7][0] == 't',
    };
  }
  return LH_OK;
}

static struct lh_verify_type *type_of_attributes(const struct lh_verify_source *source, uint32_t oid) {
  for (size_t i = 0; i < source->type_count; i++) {
    if (source->types[i].oid == oid) {
      return &source->types[i];
    }
  }
  return NULL;
}

static lh_status load_attributes(struct lh_verify_source *source, struct lh_buf *sql, struct lh_error *err) {
  struct lh_pg_rows rows;
  LH_TRY(append_wanted(source, sql, err));
  LH_TRY(lh_buf_append_str(
      sql,
      "SELECT t.oid, pg_catalog.quote_ident(a.attname), a.atttypid FROM wanted JOIN pg_catalog.pg_type t ON "
      "t.oid = wanted.oid AND t.typtype = 'c' JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid AND "
      "a.attnum > 0 AND NOT a.attisdropped ORDER BY t.oid, a.attnum",
      err));
  LH_TRY(run_buffer(source, sql, &rows, err));
  const char **const names = LH_ARENA_ARRAY(source->arena, const char *, rows.row_count);
  uint32_t *const oids = LH_ARENA_ARRAY(source->arena, uint32_t, rows.row_count);
  if (names == NULL || oids == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < rows.row_count; i++) {
    const char *const *const row = rows.values + i * rows.column_count;
    struct lh_verify_type *const type = type_of_attributes(source, parse_oid(row[0]));
    names[i] = row[1];
    oids[i] = parse_oid(row[2]);
    if (type != NULL) {
      if (type->attribute_count == 0) {
        type->attributes = &names[i];
        type->attribute_oids = &oids[i];
      }
      type->attribute_count++;
    }
  }
  return LH_OK;
}

static lh_status find_encoding(struct lh_verify_source *source, struct lh_error *err) {
  struct lh_pg_rows rows;
  LH_TRY(
      lh_pg_query(source->request->connection, "SHOW server_encoding", NULL, 0, source->arena, &rows, err));
  const char *const encoding = rows.row_count == 1 ? rows.values[0] : "";
  source->unchecked_text = strcmp(encoding, "SQL_ASCII") == 0;
  source->convert_text = !source->unchecked_text && strcmp(encoding, "UTF8") != 0;
  return LH_OK;
}

lh_status lh_verify_source_open(const struct lh_verify_request *request, struct lh_arena *arena,
                                struct lh_verify_source *out, struct lh_error *err) {
  *out = (struct lh_verify_source){.request = request, .arena = arena};
  struct lh_buf sql;
  lh_buf_init(&sql, LH_VERIFY_SQL_MAX_BYTES);
  lh_status status = build_from(out, &sql, err);
  if (status == LH_OK) {
    status = find_encoding(out, err);
  }
  if (status == LH_OK) {
    status = find_column_types(out, &sql, err);
  }
  if (status == LH_OK) {
    status = load_types(out, &sql, err);
  }
  if (status == LH_OK) {
    status = load_attributes(out, &sql, err);
  }
  lh_buf_clear(&sql);
  return status;
}
