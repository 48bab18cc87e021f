/* The tables of a database, for `init` and for suggestions. */
#include <stdlib.h>

#include "postgres/partitions.h"
#include "postgres/relation.h"

static const char tables_sql[] =
    "SELECT n.nspname, c.relname, pg_catalog.quote_ident(n.nspname) || '.' || "
    "pg_catalog.quote_ident(c.relname), "
    "c.relkind, "
    "CASE WHEN c.relkind = 'p' THEN COALESCE((SELECT pg_catalog.sum(GREATEST(p.reltuples, 0)) FROM "
    "(" LH_PG_PARTITIONS_SQL
    ") p), 0) "
    "WHEN c.relkind IN ('r', 'm') THEN c.reltuples ELSE -1 END::pg_catalog.int8, "
    "CASE WHEN c.relkind = 'p' THEN COALESCE((SELECT "
    "pg_catalog.sum(pg_catalog.pg_total_relation_size(p.oid)) FROM (" LH_PG_PARTITIONS_SQL
    ") p), 0) "
    "WHEN c.relkind IN ('r', 'm') THEN pg_catalog.pg_total_relation_size(c.oid) ELSE 0 END::pg_catalog.int8 "
    "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition "
    "AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' "
    "AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') "
    "AND pg_catalog.has_table_privilege(c.oid, 'SELECT') "
    /* What an extension brought along is not the user's data. */
    "AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::"
    "pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e') "
    "ORDER BY n.nspname, c.relname";

lh_status lh_pg_list_tables(struct lh_pg_connection *connection, struct lh_arena *arena,
                            struct lh_pg_table **out, size_t *count, struct lh_error *err) {
  struct lh_pg_rows rows;
  LH_TRY(lh_pg_query(connection, tables_sql, NULL, 0, arena, &rows, err));
  struct lh_pg_table *const tables = LH_ARENA_ARRAY(arena, struct lh_pg_table, rows.row_count + 1);
  if (tables == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < rows.row_count; i++) {
    const char *const *const row = rows.values + i * rows.column_count;
    tables[i] = (struct lh_pg_table){
        .schema = row[0],
        .name = row[1],
        .qualified = row[2],
        .kind = row[3][0],
        .estimated_rows = strtoll(row[4], NULL, 10),
        .bytes = strtoll(row[5], NULL, 10),
    };
  }
  *out = tables;
  *count = rows.row_count;
  return LH_OK;
}
