/* Which rows differ, by their key. Both sides add up the hashes of their rows in buckets by the hash of the
 * key; only the rows of the first buckets that differ are then compared one by one, so that memory depends on
 * a bucket's size and not on the table's. What the rows hold is read last, for those that are named. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "column/format.h"
#include "task/verify/verify_impl.h"

/* Rows that are compared one by one: buckets are taken until they hold so many. */
#define ROWS_AT_ONCE 100000
#define MAX_KEY_COLUMNS 32
/* Of the columns that differ, so many are looked at in rows. */
#define MAX_VALUE_COLUMNS 8
#define SHOWN_BYTES 120

struct bucket {
  uint64_t rows;
  lh_uint128 sum;
};

struct row_hash {
  uint64_t key, row;
};

struct row_list {
  struct row_hash *rows;
  size_t count, capacity;
};

/* A row to be named, until its values are read. */
struct finding {
  uint64_t key;
  enum lh_verify_row_kind kind;
  const char *key_text;
  const char **database, **lake; /* one a value column */
  bool *seen_differing;          /* the same */
  uint64_t *hashes;              /* the database's, the same; 0 for NULL */
};

struct search {
  const struct lh_verify_source *source;
  struct lh_verify_lake *lake;
  struct lh_arena *arena;
  size_t
      columns[MAX_KEY_COLUMNS + MAX_VALUE_COLUMNS]; /* of the relation: the key's, then those that differ */
  size_t key_count, value_count;
  struct bucket database[LH_VERIFY_BUCKETS], in_lake[LH_VERIFY_BUCKETS];
  bool chosen[LH_VERIFY_BUCKETS];
  struct row_list database_rows, lake_rows;
  struct finding findings[LH_VERIFY_MAX_ROWS];
  size_t finding_count;
  struct lh_buf scratch;
};

/* -------- the key -------- */

static const char key_sql[] =
    "SELECT a.attname FROM (SELECT i.indrelid, i.indkey::pg_catalog.int2[] AS keys, i.indnkeyatts FROM "
    "pg_catalog.pg_index i WHERE i.indrelid = pg_catalog.to_regclass($1) AND i.indisunique AND i.indisvalid "
    "AND "
    "i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL AND NOT EXISTS (SELECT 1 FROM "
    "pg_catalog.pg_class c WHERE c.oid = i.indrelid AND c.relhassubclass AND c.relkind <> 'p') AND NOT "
    "EXISTS (SELECT 1 FROM "
    "pg_catalog.generate_series(0, i.indnkeyatts - 1) AS n JOIN pg_catalog.pg_attribute k ON k.attrelid = "
    "i.indrelid AND k.attnum = i.indkey[n] AND (NOT k.attnotnull OR k.attname <> ALL "
    "($2::pg_catalog.text[]))) ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1) AS x, "
    "pg_catalog.generate_series(0, x.indnkeyatts - 1) AS n JOIN LATERAL (SELECT b.attname FROM "
    "pg_catalog.pg_attribute b WHERE b.attrelid = x.indrelid AND b.attnum = x.keys[n]) AS a ON true ORDER BY "
    "n";

/* Whether a mask makes values the same that are not. */
static bool is_blurred(const struct lh_pg_column *column) {
  return column->mask == LH_MASK_NULL || column->mask == LH_MASK_REDACT;
}

/* {"a","b"} of the columns that both sides have. */
static lh_status append_names(const struct search *search, struct lh_buf *out, struct lh_error *err) {
  const struct lh_pg_relation *const relation = search->source->request->relation;
  bool first = true;
  LH_TRY(lh_buf_append_byte(out, '{', err));
  for (size_t i = 0; i < relation->column_count; i++) {
    if (search->lake->columns[i] == SIZE_MAX || is_blurred(&relation->columns[i])) {
      continue;
    }
    LH_TRY(lh_buf_append_str(out, first ? "\"" : ",\"", err));
    first = false;
    for (const char *at = relation->columns[i].name; *at != '\0'; at++) {
      if (*at == '"' || *at == '\\') {
        LH_TRY(lh_buf_append_byte(out, '\\', err));
      }
      LH_TRY(lh_buf_append_byte(out, (uint8_t)*at, err));
    }
    LH_TRY(lh_buf_append_byte(out, '"', err));
  }
  return lh_buf_append_byte(out, '}', err);
}

static lh_status find_key(struct search *search, struct lh_error *err) {
  const struct lh_pg_relation *const relation = search->source->request->relation;
  struct lh_pg_rows rows;
  const char *names = NULL;
  if (!search->source->request->is_table) {
    return LH_OK;
  }
  lh_buf_reset(&search->scratch);
  LH_TRY(append_names(search, &search->scratch, err));
  LH_TRY(lh_buf_cstr(&search->scratch, &names, err));
  const char *const params[] = {relation->name, names};
  LH_TRY(lh_pg_query(search->source->request->connection, key_sql, params, 2, search->arena, &rows, err));
  for (size_t i = 0; i < rows.row_count && i < MAX_KEY_COLUMNS; i++) {
    for (size_t j = 0; j < relation->column_count; j++) {
      if (strcmp(relation->columns[j].name, rows.values[i]) == 0) {
        search->columns[search->key_count++] = j;
      }
    }
  }
  return LH_OK;
}

static bool is_in_key(const struct search *search, size_t column) {
  for (size_t i = 0; i < search->key_count; i++) {
    if (search->columns[i] == column) {
      return true;
    }
  }
  return false;
}

static void choose_columns(struct search *search, const struct lh_verify_result *result) {
  for (size_t i = 0; i < result->column_count && search->value_count < MAX_VALUE_COLUMNS; i++) {
    const struct lh_verify_column *const column = &result->columns[i];
    if (column->differs && column->note == NULL && column->extent == LH_VERIFY_BY_CHECKSUM &&
        !is_in_key(search, i)) {
      search->columns[search->key_count + search->value_count++] = i;
    }
  }
}

static size_t column_count(const struct search *search) {
  return search->key_count + search->value_count;
}

/* -------- hashes of rows -------- */

static lh_status append_hash_of_frames(const struct search *search, const size_t *columns, size_t count,
                                       struct lh_buf *sql, struct lh_error *err) {
  LH_TRY(lh_buf_append_str(sql, "('x' || pg_catalog.substr(pg_catalog.md5(", err));
  LH_TRY(lh_verify_append_frames(search->source, columns, count, sql, err));
  return lh_buf_append_str(sql, "), 1, 15))::pg_catalog.bit(60)::pg_catalog.int8", err);
}

/* OFFSET 0 keeps the server from computing the hashes twice. */
static lh_status append_hashed_rows(const struct search *search, struct lh_buf *sql, struct lh_error *err) {
  LH_TRY(lh_buf_append_str(sql, "(SELECT ", err));
  LH_TRY(append_hash_of_frames(search, search->columns, search->key_count, sql, err));
  LH_TRY(lh_buf_append_str(sql, " AS k, ", err));
  LH_TRY(append_hash_of_frames(search, search->columns, column_count(search), sql, err));
  return lh_buf_printf(sql, err, " AS r FROM %s OFFSET 0) AS h", search->source->from);
}

static lh_status query(const struct search *search, struct lh_buf *sql, struct lh_pg_rows *rows,
                       struct lh_error *err) {
  const char *text = NULL;
  LH_TRY(lh_buf_cstr(sql, &text, err));
  return lh_pg_query(search->source->request->connection, text, NULL, 0, search->arena, rows, err);
}

static lh_status hash_row(struct search *search, const struct lh_batch *batch, size_t row,
                          struct row_hash *out, struct lh_error *err) {
  struct lh_buf *const scratch = &search->scratch;
  lh_buf_reset(scratch);
  for (size_t i = 0; i < search->key_count; i++) {
    LH_TRY(lh_verify_append_frame(&batch->columns[i], row, scratch, err));
  }
  out->key = lh_verify_hash_bytes(scratch->data, scratch->len);
  for (size_t i = search->key_count; i < column_count(search); i++) {
    LH_TRY(lh_verify_append_frame(&batch->columns[i], row, scratch, err));
  }
  out->row = lh_verify_hash_bytes(scratch->data, scratch->len);
  return LH_OK;
}

/* -------- buckets -------- */

static lh_status fill_database_buckets(struct search *search, struct lh_buf *sql, struct lh_error *err) {
  struct lh_pg_rows rows;
  lh_buf_reset(sql);
  LH_TRY(lh_buf_printf(sql, err, "SELECT h.k & %d, pg_catalog.count(*), pg_catalog.sum(h.r) FROM ",
                       LH_VERIFY_BUCKETS - 1));
  LH_TRY(append_hashed_rows(search, sql, err));
  LH_TRY(lh_buf_append_str(sql, " GROUP BY 1", err));
  LH_TRY(query(search, sql, &rows, err));
  for (size_t i = 0; i < rows.row_count; i++) {
    const char *const *const row = rows.values + i * rows.column_count;
    struct bucket *const bucket = &search->database[strtoul(row[0], NULL, 10) % LH_VERIFY_BUCKETS];
    bucket->rows = strtoull(row[1], NULL, 10);
    for (const char *at = row[2]; *at >= '0' && *at <= '9'; at++) {
      bucket->sum = bucket->sum * 10 + (unsigned)(*at - '0');
    }
  }
  return LH_OK;
}

static lh_status add_to_buckets(void *context, const struct lh_batch *batch, struct lh_error *err) {
  struct search *const search = context;
  for (size_t row = 0; row < batch->row_count; row++) {
    struct row_hash hash;
    LH_TRY(hash_row(search, batch, row, &hash, err));
    struct bucket *const bucket = &search->in_lake[hash.key % LH_VERIFY_BUCKETS];
    bucket->rows++;
    bucket->sum += hash.row;
  }
  return LH_OK;
}

/* False where none differs. */
static bool choose_buckets(struct search *search) {
  uint64_t rows = 0;
  bool any = false;
  for (size_t i = 0; i < LH_VERIFY_BUCKETS && rows < ROWS_AT_ONCE; i++) {
    const struct bucket *const database = &search->database[i];
    const struct bucket *const in_lake = &search->in_lake[i];
    if (database->rows != in_lake->rows || database->sum != in_lake->sum) {
      search->chosen[i] = true;
      any = true;
      rows += database->rows > in_lake->rows ? database->rows : in_lake->rows;
    }
  }
  return any;
}

/* -------- rows of the chosen buckets -------- */

static lh_status add_row(struct row_list *list, struct row_hash row, struct lh_error *err) {
  if (list->count == list->capacity) {
    const size_t capacity = list->capacity > 0 ? list->capacity * 2 : 1024;
    struct row_hash *const grown = realloc(list->rows, capacity * sizeof(*grown));
    if (grown == NULL) {
      return lh_error_memory(err);
    }
    list->rows = grown;
    list->capacity = capacity;
  }
  list->rows[list->count++] = row;
  return LH_OK;
}

static lh_status list_database_rows(struct search *search, struct lh_buf *sql, struct lh_error *err) {
  struct lh_pg_rows rows;
  bool first = true;
  lh_buf_reset(sql);
  LH_TRY(lh_buf_append_str(sql, "SELECT h.k, h.r FROM ", err));
  LH_TRY(append_hashed_rows(search, sql, err));
  LH_TRY(lh_buf_printf(sql, err, " WHERE h.k & %d IN (", LH_VERIFY_BUCKETS - 1));
  for (size_t i = 0; i < LH_VERIFY_BUCKETS; i++) {
    if (search->chosen[i]) {
      LH_TRY(lh_buf_printf(sql, err, "%s%zu", first ? "" : ", ", i));
      first = false;
    }
  }
  LH_TRY(lh_buf_append_byte(sql, ')', err));
  LH_TRY(query(search, sql, &rows, err));
  for (size_t i = 0; i < rows.row_count; i++) {
    const char *const *const row = rows.values + i * rows.column_count;
    const struct row_hash hash = {strtoull(row[0], NULL, 10), strtoull(row[1], NULL, 10)};
    LH_TRY(add_row(&search->database_rows, hash, err));
  }
  return LH_OK;
}

static lh_status list_lake_rows(void *context, const struct lh_batch *batch, struct lh_error *err) {
  struct search *const search = context;
  for (size_t row = 0; row < batch->row_count; row++) {
    struct row_hash hash;
    LH_TRY(hash_row(search, batch, row, &hash, err));
    if (search->chosen[hash.key % LH_VERIFY_BUCKETS]) {
      LH_TRY(add_row(&search->lake_rows, hash, err));
    }
  }
  return LH_OK;
}

static int compare_hashes(const void *left, const void *right) {
  const struct row_hash *const one = left;
  const struct row_hash *const other = right;
  if (one->key != other->key) {
    return one->key < other->key ? -1 : 1;
  }
  return one->row < other->row ? -1 : one->row > other->row;
}

static size_t run_length(const struct row_list *list, size_t start) {
  size_t end = start;
  while (end < list->count && list->rows[end].key == list->rows[start].key) {
    end++;
  }
  return end - start;
}

static void note_finding(struct search *search, uint64_t key, enum lh_verify_row_kind kind) {
  if (search->finding_count < LH_VERIFY_MAX_ROWS) {
    search->findings[search->finding_count++] = (struct finding){.key = key, .kind = kind};
  }
}

/* A merge of both lists, key by key. */
static void compare_rows(struct search *search) {
  struct row_list *const database = &search->database_rows;
  struct row_list *const lake = &search->lake_rows;
  if (database->count > 0) {
    qsort(database->rows, database->count, sizeof(*database->rows), compare_hashes);
  }
  if (lake->count > 0) {
    qsort(lake->rows, lake->count, sizeof(*lake->rows), compare_hashes);
  }
  size_t i = 0;
  size_t j = 0;
  while ((i < database->count || j < lake->count) && search->finding_count < LH_VERIFY_MAX_ROWS) {
    if (j == lake->count || (i < database->count && database->rows[i].key < lake->rows[j].key)) {
      note_finding(search, database->rows[i].key, LH_VERIFY_ROW_MISSING);
      i += run_length(database, i);
    } else if (i == database->count || database->rows[i].key > lake->rows[j].key) {
      note_finding(search, lake->rows[j].key, LH_VERIFY_ROW_EXTRA);
      j += run_length(lake, j);
    } else {
      const size_t ours = run_length(database, i);
      const size_t theirs = run_length(lake, j);
      if (theirs > ours) {
        note_finding(search, lake->rows[j].key, LH_VERIFY_ROW_REPEATED);
      } else if (database->rows[i].row != lake->rows[j].row) {
        note_finding(search, lake->rows[j].key, LH_VERIFY_ROW_DIFFERS);
      }
      i += ours;
      j += theirs;
    }
  }
}

/* -------- what the named rows hold -------- */

static struct finding *find_finding(struct search *search, uint64_t key) {
  for (size_t i = 0; i < search->finding_count; i++) {
    if (search->findings[i].key == key) {
      return &search->findings[i];
    }
  }
  return NULL;
}

static const char *shorten(struct lh_arena *arena, const char *text, size_t length) {
  if (length <= SHOWN_BYTES) {
    return lh_arena_strndup(arena, text, length);
  }
  return lh_arena_printf(arena, "%.*s… (%zu bytes)", (int)lh_utf8_truncate(text, length, SHOWN_BYTES), text,
                         length);
}

static lh_status append_shown(size_t column, struct lh_buf *sql, struct lh_error *err) {
  return lh_buf_printf(sql, err,
                       ", CASE WHEN q.c%zu IS DISTINCT FROM NULL THEN pg_catalog.format('%%s', q.c%zu) END",
                       column, column);
}

static lh_status keep_database_row(struct search *search, const char *const *row, struct lh_error *err) {
  struct finding *const finding = find_finding(search, strtoull(row[0], NULL, 10));
  if (finding == NULL) {
    return LH_OK;
  }
  const char *key = "";
  for (size_t i = 0; i < search->key_count; i++) {
    const size_t column = search->columns[i];
    key = lh_arena_printf(search->arena, "%s%s%s=%s", key, i > 0 ? ", " : "",
                          search->source->request->relation->columns[column].name, row[1 + i]);
    if (key == NULL) {
      return lh_error_memory(err);
    }
  }
  finding->key_text = key;
  finding->database = LH_ARENA_ARRAY(search->arena, const char *, search->value_count);
  finding->hashes = LH_ARENA_ARRAY(search->arena, uint64_t, search->value_count);
  if (finding->database == NULL || finding->hashes == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < search->value_count; i++) {
    const char *const text = row[1 + search->key_count + 2 * i];
    const char *const hash = row[2 + search->key_count + 2 * i];
    finding->database[i] = text != NULL ? shorten(search->arena, text, strlen(text)) : NULL;
    finding->hashes[i] = hash != NULL ? strtoull(hash, NULL, 10) : UINT64_MAX;
  }
  return LH_OK;
}

static lh_status read_database_values(struct search *search, struct lh_buf *sql, struct lh_error *err) {
  struct lh_pg_rows rows;
  lh_buf_reset(sql);
  LH_TRY(lh_buf_append_str(sql, "SELECT ", err));
  LH_TRY(append_hash_of_frames(search, search->columns, search->key_count, sql, err));
  for (size_t i = 0; i < column_count(search); i++) {
    LH_TRY(append_shown(search->columns[i], sql, err));
    if (i >= search->key_count) {
      bool possible = false;
      LH_TRY(lh_buf_append_str(sql, ", ", err));
      LH_TRY(lh_verify_append_hash(search->source, search->columns[i], sql, &possible, err));
    }
  }
  LH_TRY(lh_buf_printf(sql, err, " FROM %s WHERE ", search->source->from));
  LH_TRY(append_hash_of_frames(search, search->columns, search->key_count, sql, err));
  for (size_t i = 0; i < search->finding_count; i++) {
    LH_TRY(lh_buf_printf(sql, err, "%s%" PRIu64, i == 0 ? " IN (" : ", ", search->findings[i].key));
  }
  LH_TRY(lh_buf_append_byte(sql, ')', err));
  LH_TRY(query(search, sql, &rows, err));
  for (size_t i = 0; i < rows.row_count; i++) {
    LH_TRY(keep_database_row(search, rows.values + i * rows.column_count, err));
  }
  return LH_OK;
}

static lh_status format_value(struct search *search, const struct lh_column *column, size_t row,
                              const char **out, struct lh_error *err) {
  *out = NULL;
  if (!lh_column_is_valid(column, row)) {
    return LH_OK;
  }
  lh_buf_reset(&search->scratch);
  LH_TRY(lh_column_format(column, row, LH_FORMAT_PLAIN, &search->scratch, err));
  *out = shorten(search->arena, search->scratch.len > 0 ? (const char *)search->scratch.data : "",
                 search->scratch.len);
  return *out != NULL ? LH_OK : lh_error_memory(err);
}

static lh_status format_key(struct search *search, const struct lh_batch *batch, size_t row,
                            struct finding *finding, struct lh_error *err) {
  const char *key = "";
  for (size_t i = 0; i < search->key_count; i++) {
    const char *value = NULL;
    LH_TRY(format_value(search, &batch->columns[i], row, &value, err));
    key = lh_arena_printf(search->arena, "%s%s%s=%s", key, i > 0 ? ", " : "",
                          search->source->request->relation->columns[search->columns[i]].name,
                          value != NULL ? value : "NULL");
    if (key == NULL) {
      return lh_error_memory(err);
    }
  }
  finding->key_text = key;
  return LH_OK;
}

static lh_status keep_lake_row(struct search *search, const struct lh_batch *batch, size_t row,
                               struct finding *finding, struct lh_error *err) {
  if (finding->key_text == NULL) {
    LH_TRY(format_key(search, batch, row, finding, err));
  }
  if (finding->lake != NULL) {
    return LH_OK;
  }
  finding->lake = LH_ARENA_ARRAY(search->arena, const char *, search->value_count);
  finding->seen_differing = LH_ARENA_ARRAY(search->arena, bool, search->value_count);
  if (finding->lake == NULL || finding->seen_differing == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < search->value_count; i++) {
    const struct lh_column *const column = &batch->columns[search->key_count + i];
    uint64_t hash = UINT64_MAX;
    LH_TRY(format_value(search, column, row, &finding->lake[i], err));
    if (lh_column_is_valid(column, row)) {
      LH_TRY(lh_verify_hash_value(column, row, &search->scratch, &hash, err));
    }
    finding->seen_differing[i] = finding->hashes != NULL && finding->hashes[i] != hash;
  }
  return LH_OK;
}

static lh_status read_lake_values(void *context, const struct lh_batch *batch, struct lh_error *err) {
  struct search *const search = context;
  for (size_t row = 0; row < batch->row_count; row++) {
    struct row_hash hash;
    LH_TRY(hash_row(search, batch, row, &hash, err));
    struct finding *const finding = find_finding(search, hash.key);
    if (finding != NULL) {
      LH_TRY(keep_lake_row(search, batch, row, finding, err));
    }
  }
  return LH_OK;
}

static lh_status name_rows(const struct search *search, struct lh_verify_result *out, struct lh_error *err) {
  for (size_t i = 0; i < search->finding_count; i++) {
    const struct finding *const finding = &search->findings[i];
    struct lh_verify_row *const row = &out->rows[out->row_count++];
    row->kind = finding->kind;
    row->key = finding->key_text != NULL ? finding->key_text : "?";
    if (finding->kind != LH_VERIFY_ROW_DIFFERS || finding->lake == NULL || finding->database == NULL) {
      continue;
    }
    row->values = LH_ARENA_ARRAY(search->arena, struct lh_verify_value, search->value_count);
    if (row->values == NULL) {
      return lh_error_memory(err);
    }
    for (size_t j = 0; j < search->value_count; j++) {
      if (finding->seen_differing[j]) {
        row->values[row->value_count++] =
            (struct lh_verify_value){.column = out->columns[search->columns[search->key_count + j]].name,
                                     .database = finding->database[j],
                                     .lake = finding->lake[j]};
      }
    }
  }
  return LH_OK;
}

/* -------- all of it -------- */

static lh_status scan(struct search *search, lh_verify_visit_function *visit, struct lh_error *err) {
  return lh_verify_lake_scan(search->lake, search->columns, column_count(search), visit, search, err);
}

static lh_status search_rows(struct search *search, struct lh_buf *sql, struct lh_verify_result *out,
                             struct lh_error *err) {
  LH_TRY(find_key(search, err));
  if (search->key_count == 0) {
    return LH_OK;
  }
  out->has_key = true;
  choose_columns(search, out);
  LH_TRY(fill_database_buckets(search, sql, err));
  LH_TRY(scan(search, add_to_buckets, err));
  if (!choose_buckets(search)) {
    return LH_OK;
  }
  LH_TRY(list_database_rows(search, sql, err));
  LH_TRY(scan(search, list_lake_rows, err));
  compare_rows(search);
  if (search->finding_count == 0) {
    return LH_OK;
  }
  LH_TRY(read_database_values(search, sql, err));
  LH_TRY(scan(search, read_lake_values, err));
  return name_rows(search, out, err);
}

lh_status lh_verify_find_rows(const struct lh_verify_source *source, struct lh_verify_lake *lake,
                              struct lh_verify_result *out, struct lh_error *err) {
  struct search *const search = LH_ARENA_NEW(source->arena, struct search);
  if (search == NULL) {
    return lh_error_memory(err);
  }
  struct lh_buf sql;
  search->source = source;
  search->lake = lake;
  search->arena = source->arena;
  lh_buf_init(&sql, LH_VERIFY_SQL_MAX_BYTES);
  lh_buf_init(&search->scratch, LH_VERIFY_SQL_MAX_BYTES);
  const lh_status status = search_rows(search, &sql, out, err);
  free(search->database_rows.rows);
  free(search->lake_rows.rows);
  lh_buf_clear(&search->scratch);
  lh_buf_clear(&sql);
  return status;
}
