/*
 * Inside of verification, for the verify*.c files only: canonical texts and how each side computes them.
 *
 * The canonical text of a value, by the type that the lake has it in:
 *   BOOL             t or f
 *   INT*             decimal digits
 *   FLOAT, DOUBLE    the IEEE 754 bytes, big-endian, in hex; nan for every NaN
 *   DECIMAL          all digits, as many after the point as the scale says
 *   STRING, JSON     the UTF-8 bytes; BINARY: the bytes
 *   UUID, TIME       as the server prints them
 *   DATE, TIMESTAMP  days as 32 bits, microseconds as 64 bits since 2000-01-01, big-endian, in hex
 *   VARIANT          what jsonb prints of it; JSON's null is NULL, since DuckDB does not tell them apart
 *   LIST, STRUCT     the frame of each element or member; MAP: of each key and its value in turn
 * A frame is the canonical text (of types above whose texts have neither a comma nor an N) or its MD5 in hex
 * (of the others), or N for NULL, and a comma.
 */
#ifndef LH_TASK_VERIFY_IMPL_H
#define LH_TASK_VERIFY_IMPL_H

#include "base/buf.h"
#include "column/batch.h"
#include "column/json_tape.h"
#include "engine/duckdb.h"
#include "task/verify/verify.h"

/* Rows fall into so many buckets by the hash of their key. */
#define LH_VERIFY_BUCKETS 1024
#define LH_VERIFY_SQL_MAX_BYTES ((size_t)256 << 20)

/* Whether the frame of a value of this type is its text itself. */
static inline bool lh_verify_is_plain(enum lh_type type) {
  return type <= LH_TYPE_DECIMAL || type == LH_TYPE_DATE || type == LH_TYPE_TIMESTAMP;
}

/* -------- the server's side -------- */

/* A row of pg_type, with what the type is made of. */
struct lh_verify_type {
  uint32_t oid;
  const char *schema; /* quoted */
  const char *name;
  char kind;            /* typtype */
  uint32_t base_oid;    /* of a domain */
  uint32_t element_oid; /* of an array; the range of a multirange */
  uint32_t range_oid;   /* what a range is over */
  bool is_array;
  const char **attributes;  /* of a composite: names, quoted */
  uint32_t *attribute_oids; /* and types */
  size_t attribute_count;
};

struct lh_verify_source {
  const struct lh_verify_request *request;
  struct lh_arena *arena;
  uint32_t *oids; /* of the columns of the relation's SELECT */
  struct lh_verify_type *types;
  size_t type_count;
  bool convert_text;   /* the database is not in UTF-8 */
  bool unchecked_text; /* nor in any encoding that it checks */
  const char *from;    /* "FROM (SELECT …) AS q(c0, c1, …)" */
};

/* verify_types.c: finds the types. */
lh_status lh_verify_source_open(const struct lh_verify_request *request, struct lh_arena *arena,
                                struct lh_verify_source *out, struct lh_error *err) LH_WARN_UNUSED;
/* The type with domains taken off; NULL where it is not known. */
const struct lh_verify_type *lh_verify_find_type(const struct lh_verify_source *source, uint32_t oid);

/* verify_sql.c: each appends an expression over the columns c0, c1, … */
/* bigint: the first 60 bits of the MD5 of column `index`; NULL for NULL. `*possible` false, and nothing
 * appended, where SQL cannot show what the lake holds. */
lh_status lh_verify_append_hash(const struct lh_verify_source *source, size_t index, struct lh_buf *sql,
                                bool *possible, struct lh_error *err) LH_WARN_UNUSED;
/* The column's value as the lake can hold it: NULL where the lake has NULL. `*possible` false where SQL
 * cannot tell, and then the column itself. */
lh_status lh_verify_append_value(const struct lh_verify_source *source, size_t index, struct lh_buf *sql,
                                 bool *possible, struct lh_error *err) LH_WARN_UNUSED;
/* text: the frames of these columns one after the other. */
lh_status lh_verify_append_frames(const struct lh_verify_source *source, const size_t *indexes, size_t count,
                                  struct lh_buf *sql, struct lh_error *err) LH_WARN_UNUSED;

/* -------- JSON as jsonb prints it (verify_jsonb.c) -------- */

struct lh_verify_jsonb {
  struct lh_json_tape tape;
  struct lh_buf members; /* uint32_t: of the objects being printed, in jsonb's order */
  struct lh_buf text;
};

void lh_verify_jsonb_init(struct lh_verify_jsonb *jsonb);
void lh_verify_jsonb_clear(struct lh_verify_jsonb *jsonb);
/* The same as SQL, of json or jsonb; NULL without memory. What jsonb cannot hold is shown as it is written.
 */
const char *lh_verify_jsonb_sql(const char *value, bool is_json, struct lh_arena *arena);
/* Replaces each value of a column of JSON. */
lh_status lh_verify_jsonb_rewrite(struct lh_verify_jsonb *jsonb, struct lh_column *column,
                                  struct lh_error *err) LH_WARN_UNUSED;

/* -------- the lake's side (verify_lake.c) -------- */

struct lh_verify_lake {
  const struct lh_verify_request *request;
  struct lh_arena *arena;
  struct lh_engine *engine;
  struct lh_schema schema; /* of the files, as DuckDB reads them */
  size_t *columns;         /* per column of the relation: its place in `schema`, or SIZE_MAX */
  struct lh_buf scratch;
  struct lh_verify_jsonb jsonb;
};

/* Call lh_verify_lake_close in any case. */
lh_status lh_verify_lake_open(const struct lh_verify_request *request, struct lh_arena *arena,
                              struct lh_verify_lake *out, struct lh_error *err) LH_WARN_UNUSED;
void lh_verify_lake_close(struct lh_verify_lake *lake);

/* Reads these columns of the relation, all of which the lake has, and calls `visit` for each batch. */
typedef lh_status lh_verify_visit_function(void *context, const struct lh_batch *batch, struct lh_error *err);
lh_status lh_verify_lake_scan(struct lh_verify_lake *lake, const size_t *indexes, size_t count,
                              lh_verify_visit_function *visit, void *context,
                              struct lh_error *err) LH_WARN_UNUSED;

/* The hash of a value that is not NULL. `scratch` is the caller's to reuse. */
lh_status lh_verify_hash_value(const struct lh_column *column, size_t index, struct lh_buf *scratch,
                               uint64_t *hash, struct lh_error *err) LH_WARN_UNUSED;
/* Appends the frame of a value, NULL or not. */
lh_status lh_verify_append_frame(const struct lh_column *column, size_t index, struct lh_buf *out,
                                 struct lh_error *err) LH_WARN_UNUSED;
uint64_t lh_verify_hash_bytes(const void *bytes, size_t size);

/* -------- rows that differ (verify_rows.c) -------- */

/* Finds out->rows where there is a key; called where something differs. */
lh_status lh_verify_find_rows(const struct lh_verify_source *source, struct lh_verify_lake *lake,
                              struct lh_verify_result *out, struct lh_error *err) LH_WARN_UNUSED;

#endif
