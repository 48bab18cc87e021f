/* How a relation is cut into ranges: the heaps below it, or the bounds of a column's histogram. */
#include "postgres/split.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "postgres/connection_impl.h"
#include "postgres/describe.h"
#include "postgres/server_version.h"
#include "postgres/sql_text.h"

#define LIST_MAX_BYTES ((size_t)16 << 20)
#define PAGE_BYTES 8192 /* of most servers; it only decides what counts as small */

/* Every heap whose rows the table has: itself, its partitions, its children; with a condition ($2 is
 * 'planned') those alone that the plan of the SELECT has locked, since it leaves out partitions that the
 * condition excludes. Whoever may read the table may not always read those by name, and their row security is
 * not the table's. */
static const char leaves_sql[] =
    "WITH RECURSIVE tree(oid) AS (SELECT pg_catalog.to_regclass($1)::pg_catalog.oid UNION "
    "SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid) "
    "SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), c.relkind, "
    "COALESCE(pg_catalog.pg_relation_size(c.oid), 0) "
    "/ pg_catalog.current_setting('block_size')::pg_catalog.int8, "
    "pg_catalog.has_table_privilege(c.oid, 'SELECT') AND NOT pg_catalog.row_security_active(c.oid), "
    "(SELECT pg_catalog.quote_ident(t.relname) FROM pg_catalog.pg_class t "
    "WHERE t.oid = pg_catalog.to_regclass($1)) "
    "FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.oid "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind <> 'p' AND NOT pg_catalog.pg_is_other_temp_schema(c.relnamespace) "
    "AND ($2 = 'all' OR EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.relation = c.oid "
    "AND l.locktype = 'relation' AND l.pid = pg_catalog.pg_backend_pid())) ORDER BY c.oid";
enum { LEAF_NAME, LEAF_KIND, LEAF_PAGES, LEAF_READABLE, LEAF_ALIAS };

/* The histogram of a column, without its ends, and whether an index can find its values. */
static const char bounds_sql[] =
    "SELECT pg_catalog.format_type(a.atttypid, a.atttypmod), t.typname, "
    "EXISTS (SELECT FROM pg_catalog.pg_index x WHERE x.indrelid = c.oid AND x.indisvalid "
    "AND x.indpred IS NULL AND x.indkey[0] = a.attnum), "
    "COALESCE(pg_catalog.pg_relation_size(c.oid), 0) "
    "/ pg_catalog.current_setting('block_size')::pg_catalog.int8, "
    "(SELECT pg_catalog.format(' COLLATE %I.%I', m.nspname, l.collname) FROM pg_catalog.pg_collation l "
    "JOIN pg_catalog.pg_namespace m ON m.oid = l.collnamespace WHERE l.oid = a.attcollation), "
    "pg_catalog.quote_literal(b.bound) "
    "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = $2 AND a.attnum > 0 "
    "AND NOT a.attisdropped JOIN pg_catalog.pg_type t ON t.oid = a.atttypid "
    "LEFT JOIN LATERAL (SELECT s.histogram_bounds::pg_catalog.text::pg_catalog.text[] AS bounds "
    "FROM pg_catalog.pg_stats s WHERE s.schemaname = n.nspname AND s.tablename = c.relname "
    "AND s.attname = a.attname ORDER BY s.inherited DESC LIMIT 1) h ON true "
    "LEFT JOIN LATERAL pg_catalog.unnest(h.bounds) WITH ORDINALITY AS b(bound, place) "
    "ON b.place > 1 AND b.place < pg_catalog.array_length(h.bounds, 1) "
    "WHERE c.oid = pg_catalog.to_regclass($1) ORDER BY b.place";
enum { BOUND_TYPE, BOUND_TYPE_NAME, BOUND_INDEXED, BOUND_PAGES, BOUND_COLLATION, BOUND_VALUE };

static size_t ranges_of(uint64_t pages) {
  return pages <= LH_PG_RANGE_PAGES ? 1 : (size_t)((pages + LH_PG_RANGE_PAGES - 1) / LH_PG_RANGE_PAGES);
}

/* -------- by pages -------- */

static bool is_heap(const char *kind) {
  return kind[0] == 'r' || kind[0] == 'm';
}

static lh_status add_leaves(const struct lh_pg_rows *rows, struct lh_arena *arena, struct lh_pg_split *split,
                            struct lh_error *err) {
  split->leaves = LH_ARENA_ARRAY(arena, struct lh_pg_split_leaf, rows->row_count);
  if (split->leaves == NULL) {
    return lh_error_memory(err);
  }
  split->range_count = 0;
  for (size_t i = 0; i < rows->row_count; i++) {
    const char *const *const row = rows->values + i * rows->column_count;
    struct lh_pg_split_leaf *const leaf = &split->leaves[i];
    leaf->name = row[LEAF_NAME];
    leaf->from_sql = lh_arena_printf(arena, "ONLY %s AS %s", row[LEAF_NAME], row[LEAF_ALIAS]);
    if (leaf->from_sql == NULL) {
      return lh_error_memory(err);
    }
    leaf->pages = is_heap(row[LEAF_KIND]) ? strtoull(row[LEAF_PAGES], NULL, 10) : 0;
    leaf->first_range = split->range_count;
    split->range_count += ranges_of(leaf->pages);
  }
  split->leaf_count = rows->row_count;
  return LH_OK;
}

/* A condition may name the table in ways that hold for the table alone: `public.orders.id > 7`. A statement
 * that fails would end the transaction, hence the savepoint. */
static bool takes_condition(struct lh_pg_connection *connection, const struct lh_pg_split *split,
                            struct lh_arena *arena) {
  struct lh_pg_rows rows;
  struct lh_error ignored;
  struct lh_buf select;
  const char *text = NULL;
  lh_buf_init(&select, SIZE_MAX / 2);
  bool taken = lh_pg_split_select(split, 0, &select, &ignored) == LH_OK &&
               lh_buf_cstr(&select, &text, &ignored) == LH_OK &&
               lh_pg_query(connection, "SAVEPOINT split", NULL, 0, arena, &rows, &ignored) == LH_OK;
  if (taken) {
    const char *const sql = lh_arena_printf(arena, "EXPLAIN %s", text);
    taken = sql != NULL && lh_pg_query(connection, sql, NULL, 0, arena, &rows, &ignored) == LH_OK;
    const lh_status back =
        lh_pg_execute_script(connection, "ROLLBACK TO SAVEPOINT split; RELEASE SAVEPOINT split", &ignored);
    taken = taken && back == LH_OK;
  }
  lh_buf_clear(&select);
  return taken;
}

static void make_whole(struct lh_pg_split *split, const char *warning) {
  split->leaf_count = 0;
  split->bounds = NULL;
  split->range_count = 1;
  split->warning = warning;
}

static lh_status split_by_pages(struct lh_pg_connection *connection, struct lh_arena *arena,
                                struct lh_pg_split *split, struct lh_error *err) {
  const struct lh_pg_relation *const relation = split->relation;
  const char *const params[] = {relation->name, relation->where != NULL ? "planned" : "all"};
  struct lh_pg_rows rows;
  LH_TRY(lh_pg_query(connection, leaves_sql, params, 2, arena, &rows, err));
  for (size_t i = 0; i < rows.row_count; i++) {
    const char *const *const row = rows.values + i * rows.column_count;
    if (row[LEAF_READABLE] == NULL || row[LEAF_READABLE][0] != 't') {
      make_whole(split, lh_arena_printf(arena,
                                        "%s is read over one connection, since this role may not read %s "
                                        "by itself: GRANT SELECT ON it for more",
                                        relation->name, row[LEAF_NAME]));
      return LH_OK;
    }
  }
  LH_TRY(add_leaves(&rows, arena, split, err));
  if (split->range_count < 2) {
    make_whole(split, NULL);
  } else if (relation->where != NULL && !takes_condition(connection, split, arena)) {
    make_whole(split, lh_arena_printf(arena,
                                      "%s is read over one connection, since its partitions do not take the "
                                      "condition: name columns without their table in it",
                                      relation->name));
  }
  return LH_OK;
}

/* -------- by values -------- */

/* Types whose order the server, the histogram and a literal agree on. */
static bool can_cut_by(const char *type) {
  static const char *const types[] = {"int2",   "int4",   "int8",      "oid",        "numeric",
                                      "float4", "float8", "text",      "varchar",    "bpchar",
                                      "uuid",   "date",   "timestamp", "timestamptz"};
  for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
    if (strcmp(type, types[i]) == 0) {
      return true;
    }
  }
  return false;
}

/* Every so manieth of the histogram's bounds. */
static lh_status append_choice(const struct lh_pg_rows *rows, size_t ranges, struct lh_buf *list,
                               struct lh_error *err) {
  for (size_t i = 1; i < ranges; i++) {
    const size_t row = i * rows->row_count / ranges;
    LH_TRY(lh_buf_printf(list, err, "%s%s", i > 1 ? ", " : "",
                         rows->values[row * rows->column_count + BOUND_VALUE]));
  }
  return LH_OK;
}

/* Sorted by the server, equal ones once: ranges would overlap if the histogram had been made under another
 * order of the same collation. */
static lh_status choose_bounds(struct lh_pg_connection *connection, const struct lh_pg_rows *rows,
                               size_t ranges, struct lh_arena *arena, struct lh_pg_split *split,
                               struct lh_error *err) {
  const char *const collation = rows->values[BOUND_COLLATION];
  struct lh_pg_rows sorted = {0};
  struct lh_buf list;
  const char *text = NULL;
  lh_buf_init(&list, LIST_MAX_BYTES);
  lh_status status = append_choice(rows, ranges, &list, err);
  if (status == LH_OK) {
    status = lh_buf_cstr(&list, &text, err);
  }
  const char *const sql =
      status == LH_OK
          ? lh_arena_printf(arena,
                            "SELECT pg_catalog.quote_literal(b::pg_catalog.text) FROM pg_catalog.unnest("
                            "ARRAY[%s]::%s[]) AS u(b) GROUP BY b ORDER BY b%s",
                            text, split->key_type, collation != NULL ? collation : "")
          : NULL;
  lh_buf_clear(&list);
  LH_TRY(status);
  if (sql == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(lh_pg_query(connection, sql, NULL, 0, arena, &sorted, err));
  split->bounds = sorted.values;
  split->range_count = sorted.row_count + 1;
  return LH_OK;
}

static lh_status refuse_column(const struct lh_pg_relation *relation, const char *column,
                               struct lh_arena *arena, struct lh_error *err) {
  lh_error_set(err, LH_ERROR_DATA, "%s has no column \"%s\" to be split by", relation->name, column);
  lh_pg_error_column(err, relation, column);
  lh_pg_suggest_column(err, relation, column, NULL, arena);
  return LH_ERROR_DATA;
}

/* Without an index each range is a scan of the whole table, so that there is no more than one a stream. */
static lh_status split_by_values(struct lh_pg_connection *connection,
                                 const struct lh_pg_split_options *options, const char *column,
                                 struct lh_arena *arena, struct lh_pg_split *split, struct lh_error *err) {
  const char *const params[] = {split->relation->name, column};
  struct lh_pg_rows rows;
  LH_TRY(lh_pg_query(connection, bounds_sql, params, 2, arena, &rows, err));
  if (rows.row_count == 0) {
    return refuse_column(split->relation, column, arena, err);
  }
  if (!can_cut_by(rows.values[BOUND_TYPE_NAME])) {
    lh_error_set(err, LH_ERROR_DATA, "%s cannot be split by column \"%s\", which is %s",
                 split->relation->name, column, rows.values[BOUND_TYPE]);
    lh_error_hint(err, "split_by takes a column of numbers, text, uuid, dates or timestamps");
    return LH_ERROR_DATA;
  }
  if (rows.values[BOUND_VALUE] == NULL) {
    make_whole(split,
               lh_arena_printf(arena,
                               "%s is read over one connection, since the server has no histogram of "
                               "column \"%s\": it has too few different values, or ANALYZE has not seen "
                               "them",
                               split->relation->name, column));
    return LH_OK;
  }
  const bool indexed = rows.values[BOUND_INDEXED][0] == 't';
  const uint64_t pages = strtoull(rows.values[BOUND_PAGES], NULL, 10);
  size_t ranges = indexed ? ranges_of(pages) : (size_t)options->streams;
  ranges = ranges > (size_t)options->streams ? ranges : (size_t)options->streams;
  ranges = ranges < rows.row_count + 1 ? ranges : rows.row_count + 1;
  split->key = lh_pg_quote_name(column, arena);
  split->key_type = rows.values[BOUND_TYPE];
  return split->key != NULL ? choose_bounds(connection, &rows, ranges, arena, split, err)
                            : lh_error_memory(err);
}

/* The first column of the primary key, by the name that the source has for it; NULL where there is none. */
static const char *key_column(const struct lh_pg_relation *relation) {
  if (relation->primary_key_count == 0) {
    return NULL;
  }
  const ptrdiff_t index = lh_schema_find(&relation->schema, relation->primary_key[0]);
  return index >= 0 ? relation->columns[index].name : NULL;
}

static bool is_small(const struct lh_pg_relation *relation) {
  return relation->estimated_bytes >= 0 &&
         relation->estimated_bytes <= (int64_t)LH_PG_RANGE_PAGES * PAGE_BYTES;
}

lh_status lh_pg_split_relation(struct lh_pg_connection *connection, const struct lh_pg_relation *relation,
                               const struct lh_pg_split_options *options, struct lh_arena *arena,
                               struct lh_pg_split **out, struct lh_error *err) {
  struct lh_pg_split *const split = LH_ARENA_NEW(arena, struct lh_pg_split);
  if (split == NULL) {
    return lh_error_memory(err);
  }
  split->relation = relation;
  *out = split;
  make_whole(split, NULL);
  const bool is_one = options->streams < 2 || relation->kind == 0 || relation->limit >= 0;
  if (is_one || (options->column == NULL && (relation->plan_is_selective || is_small(relation)))) {
    return LH_OK;
  }
  if (options->column != NULL) {
    return split_by_values(connection, options, options->column, arena, split, err);
  }
  if (relation->kind == 'v' || relation->kind == 'f') {
    return LH_OK;
  }
  if (lh_pg_has_tid_range_scans(lh_pg_server_version(connection))) {
    return split_by_pages(connection, arena, split, err);
  }
  const char *const key = key_column(relation);
  return key != NULL ? split_by_values(connection, options, key, arena, split, err) : LH_OK;
}

/* -------- the statements -------- */

static const struct lh_pg_split_leaf *find_leaf(const struct lh_pg_split *split, size_t range) {
  size_t least = 0;
  size_t most = split->leaf_count - 1;
  while (least < most) {
    const size_t middle = least + (most - least + 1) / 2;
    if (split->leaves[middle].first_range <= range) {
      least = middle;
    } else {
      most = middle - 1;
    }
  }
  return &split->leaves[least];
}

static lh_status append_pages(const struct lh_pg_split *split, size_t range, struct lh_buf *sql,
                              struct lh_error *err) {
  const struct lh_pg_split_leaf *const leaf = find_leaf(split, range);
  const size_t place = range - leaf->first_range;
  const size_t count = ranges_of(leaf->pages);
  LH_TRY(lh_buf_printf(sql, err, "%s FROM %s", split->relation->columns_sql, leaf->from_sql));
  if (count > 1) {
    LH_TRY(lh_buf_printf(sql, err, " WHERE ctid >= '(%" PRIu64 ",0)'::pg_catalog.tid",
                         (uint64_t)place * LH_PG_RANGE_PAGES));
  }
  if (place + 1 < count) {
    LH_TRY(lh_buf_printf(sql, err, " AND ctid < '(%" PRIu64 ",0)'::pg_catalog.tid",
                         (uint64_t)(place + 1) * LH_PG_RANGE_PAGES));
  }
  if (split->relation->where == NULL) {
    return LH_OK;
  }
  return lh_buf_printf(sql, err, "%s(%s)", count > 1 ? " AND " : " WHERE ", split->relation->where);
}

static lh_status append_values(const struct lh_pg_split *split, size_t range, struct lh_buf *sql,
                               struct lh_error *err) {
  LH_TRY(lh_buf_printf(sql, err, "%s FROM %s%s(", split->relation->columns_sql, split->relation->from_sql,
                       split->relation->where != NULL ? " AND " : " WHERE "));
  if (range == 0) {
    return lh_buf_printf(sql, err, "%s < %s::%s OR %s IS NULL)", split->key, split->bounds[0],
                         split->key_type, split->key);
  }
  LH_TRY(lh_buf_printf(sql, err, "%s >= %s::%s", split->key, split->bounds[range - 1], split->key_type));
  if (range + 1 < split->range_count) {
    LH_TRY(lh_buf_printf(sql, err, " AND %s < %s::%s", split->key, split->bounds[range], split->key_type));
  }
  return lh_buf_append_byte(sql, ')', err);
}

lh_status lh_pg_split_select(const struct lh_pg_split *split, size_t range, struct lh_buf *sql,
                             struct lh_error *err) {
  lh_buf_reset(sql);
  if (split->leaf_count > 0) {
    return append_pages(split, range, sql, err);
  }
  if (split->bounds != NULL && split->range_count > 1) {
    return append_values(split, range, sql, err);
  }
  return lh_buf_append_str(sql, split->relation->select_sql, err);
}

lh_status lh_pg_split_describe(const struct lh_pg_split *split, size_t range, struct lh_buf *text,
                               struct lh_error *err) {
  lh_buf_reset(text);
  if (split->range_count < 2) {
    return LH_OK;
  }
  if (split->leaf_count == 0) {
    return lh_buf_printf(text, err, "among the rows with %s %s %s", split->key, range == 0 ? "below" : "from",
                         split->bounds[range == 0 ? 0 : range - 1]);
  }
  const struct lh_pg_split_leaf *const leaf = find_leaf(split, range);
  return lh_buf_printf(text, err, "among the rows of %s from ctid (%" PRIu64 ",0)", leaf->name,
                       (uint64_t)(range - leaf->first_range) * LH_PG_RANGE_PAGES);
}
