/* What the catalog says of types: each with its domain's base, element, attributes, subtype, and those of
 * these, in one query, and the attributes of composites in another where there are any. */
#include "postgres/types/type_catalog.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* Multiranges came with PostgreSQL 14: through JSON a column can be asked for that may not be there. */
#define MULTIRANGE "(pg_catalog.to_jsonb(r) ->> 'rngmultitypid')::pg_catalog.oid"

#define WANTED                                                                                             \
  "WITH RECURSIVE wanted(oid) AS ("                                                                        \
  " SELECT pg_catalog.unnest($1::pg_catalog.oid[]) UNION"                                                  \
  " SELECT made_of.oid FROM wanted JOIN pg_catalog.pg_type t ON t.oid = wanted.oid,"                       \
  " LATERAL (SELECT t.typbasetype UNION ALL SELECT t.typelem UNION ALL"                                    \
  " SELECT a.atttypid FROM pg_catalog.pg_attribute a WHERE t.typtype = 'c' AND a.attrelid = t.typrelid"    \
  " AND a.attnum > 0 AND NOT a.attisdropped UNION ALL"                                                     \
  " SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE t.typtype = 'r' AND r.rngtypid = t.oid UNION ALL" \
  " SELECT r.rngtypid FROM pg_catalog.pg_range r WHERE t.typtype = 'm' AND " MULTIRANGE                    \
  " = t.oid"                                                                                               \
  ") AS made_of(oid) WHERE made_of.oid <> 0) "

/* A modifier of money stands for its fraction digits, which are a setting of the server. */
static const char types_sql[] = WANTED
    "SELECT t.oid, t.typname, t.typtype, t.typbasetype, CASE WHEN t.oid = 790 THEN "
    "pg_catalog.scale(0::pg_catalog.money::pg_catalog.numeric) ELSE t.typtypmod END, CASE WHEN t.typoutput = "
    "'pg_catalog.array_out'::pg_catalog.regproc THEN t.typelem ELSE 0 END, t.typsend <> 0, "
    "pg_catalog.format_type(t.oid, NULL), COALESCE((SELECT CASE t.typtype WHEN 'r' THEN r.rngsubtype ELSE "
    "r.rngtypid END FROM pg_catalog.pg_range r WHERE t.typtype = 'r' AND r.rngtypid = t.oid OR t.typtype = "
    "'m' "
    "AND " MULTIRANGE " = t.oid), 0) FROM wanted JOIN pg_catalog.pg_type t ON t.oid = wanted.oid";

static const char attributes_sql[] = WANTED
    "SELECT t.oid, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.atttypid, a.atttypmod "
    "FROM wanted JOIN pg_catalog.pg_type t ON t.oid = wanted.oid JOIN pg_catalog.pg_attribute a ON "
    "a.attrelid "
    "= t.typrelid AND a.attnum > 0 AND NOT a.attisdropped WHERE t.typtype = 'c' ORDER BY t.oid, a.attnum";

enum {
  TYPE_OID,
  TYPE_NAME,
  TYPE_KIND,
  TYPE_BASE,
  TYPE_TYPMOD,
  TYPE_ELEMENT,
  TYPE_SEND,
  TYPE_FORMAT,
  TYPE_PART
};
enum { ATTRIBUTE_OWNER, ATTRIBUTE_NAME, ATTRIBUTE_FORMAT, ATTRIBUTE_TYPE, ATTRIBUTE_TYPMOD };

static uint32_t parse_oid(const char *text) {
  return (uint32_t)strtoul(text, NULL, 10);
}

static struct lh_pg_catalog_type read_type(const char *const *row) {
  return (struct lh_pg_catalog_type){
      .oid = parse_oid(row[TYPE_OID]),
      .name = row[TYPE_NAME],
      .kind = row[TYPE_KIND][0],
      .base_oid = parse_oid(row[TYPE_BASE]),
      .base_typmod = (int32_t)strtol(row[TYPE_TYPMOD], NULL, 10),
      .element_oid = parse_oid(row[TYPE_ELEMENT]),
      .has_send = row[TYPE_SEND][0] == 't',
      .type_name = row[TYPE_FORMAT],
      .part_oid = parse_oid(row[TYPE_PART]),
  };
}

/* Attributes come in the order of their types. A composite with a name that is not UTF-8 gets none, so that
 * it is carried over as text. */
static lh_status load_attributes(struct lh_pg_connection *connection, const char *oids,
                                 struct lh_arena *arena, struct lh_pg_catalog_type *types, size_t type_count,
                                 struct lh_error *err) {
  struct lh_pg_rows rows;
  LH_TRY(lh_pg_query(connection, attributes_sql, &oids, 1, arena, &rows, err));
  struct lh_pg_catalog_attribute *const attributes =
      LH_ARENA_ARRAY(arena, struct lh_pg_catalog_attribute, rows.row_count + 1);
  if (attributes == NULL) {
    return lh_error_memory(err);
  }
  size_t end = 0;
  for (size_t start = 0; start < rows.row_count; start = end) {
    const uint32_t owner = parse_oid(rows.values[start * rows.column_count + ATTRIBUTE_OWNER]);
    bool valid = true;
    for (end = start; end < rows.row_count; end++) {
      const char *const *const row = rows.values + end * rows.column_count;
      if (parse_oid(row[ATTRIBUTE_OWNER]) != owner) {
        break;
      }
      valid = valid && lh_utf8_valid((const uint8_t *)row[ATTRIBUTE_NAME], strlen(row[ATTRIBUTE_NAME]));
      attributes[end] = (struct lh_pg_catalog_attribute){
          .name = row[ATTRIBUTE_NAME],
          .type_name = row[ATTRIBUTE_FORMAT],
          .oid = parse_oid(row[ATTRIBUTE_TYPE]),
          .typmod = (int32_t)strtol(row[ATTRIBUTE_TYPMOD], NULL, 10),
      };
    }
    for (size_t i = 0; i < type_count && valid; i++) {
      if (types[i].oid == owner) {
        types[i].attributes = attributes + start;
        types[i].attribute_count = end - start;
      }
    }
  }
  return LH_OK;
}

lh_status lh_pg_load_types(struct lh_pg_connection *connection, const char *oids, struct lh_arena *arena,
                           struct lh_pg_catalog_type **out, size_t *count, struct lh_error *err) {
  struct lh_pg_rows rows;
  bool has_composites = false;
  LH_TRY(lh_pg_query(connection, types_sql, &oids, 1, arena, &rows, err));
  struct lh_pg_catalog_type *const types =
      LH_ARENA_ARRAY(arena, struct lh_pg_catalog_type, rows.row_count + 1);
  if (types == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < rows.row_count; i++) {
    types[i] = read_type(rows.values + i * rows.column_count);
    has_composites = has_composites || types[i].kind == 'c';
  }
  *out = types;
  *count = rows.row_count;
  return has_composites ? load_attributes(connection, oids, arena, types, *count, err) : LH_OK;
}
