/*
 * The embedded SQL engine: DuckDB through its C API, over lake tables.
 *
 * Every lake table is a view over its Parquet files. Results are streamed as column batches, so that they
 * enter the same Parquet writer as extracted rows. One thread per engine; DuckDB itself uses `threads`. The
 * engine touches no network and loads no extension that is not built in, unless lh_engine_set_s3 says that
 * the files are on S3: DuckDB's httpfs is loaded then.
 */
#ifndef LH_ENGINE_DUCKDB_H
#define LH_ENGINE_DUCKDB_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "column/batch.h"
#include "column/policy.h"
#include "lakehaul/error.h"

struct lh_engine;

struct lh_engine_options {
  uint64_t memory_bytes;      /* DuckDB's memory_limit */
  int threads;                /* at least 1 */
  const char *temp_directory; /* for spilling; NULL: no spilling */
  bool raw_times;             /* infinite dates and timestamps are handed out as their numbers, not refused */
};

lh_status lh_engine_open(const struct lh_engine_options *options, struct lh_engine **out,
                         struct lh_error *err) LH_WARN_UNUSED;
void lh_engine_free(struct lh_engine *engine);

/* How objects whose names begin with `scope` are reached. All texts are copied; secrets only into DuckDB. */
struct lh_engine_s3 {
  const char *scope;    /* "s3://bucket/lake/" */
  const char *endpoint; /* host, and port where it is not the scheme's: "s3.eu-central-1.amazonaws.com" */
  const char *region;
  bool path_style;                             /* endpoint/bucket/key, not bucket.endpoint/key */
  bool plain_http;                             /* no TLS */
  const char *key_id, *secret, *session_token; /* the last NULL: none */
  const char *source;                          /* of these credentials, for messages */
  const char *ca_file; /* with certificates of authorities, in PEM; NULL: the system's */
};
/* The first call loads DuckDB's httpfs: the file that LAKEHAUL_HTTPFS names, else httpfs.duckdb_extension
 * beside DuckDB's library, else the one that INSTALL has put where DuckDB looks; none is LH_ERROR_LAKE. Each
 * call replaces what the last one said, so that renewed credentials serve the next query. The process makes
 * no core dumps from then on: DuckDB's memory has the credentials. No error has them. */
lh_status lh_engine_set_s3(struct lh_engine *engine, const struct lh_engine_s3 *s3,
                           struct lh_error *err) LH_WARN_UNUSED;

/* Makes `name` a view over Parquet files (local paths or names of objects, s3://bucket/key, taken literally;
 * at least one), in place of an earlier one of that name. All files have the first one's columns.
 * LH_ERROR_LAKE for a missing file and for an object that cannot be read, with aws_code and class where S3
 * gave a reason; LH_ERROR_CORRUPT for one that is not Parquet. Queries fail likewise. */
lh_status lh_engine_add_table(struct lh_engine *engine, const char *name, const char *const *files,
                              size_t file_count, struct lh_error *err) LH_WARN_UNUSED;

/* Columns that are not in the files but in the names of their directories, as Hive lays partitions out. */
struct lh_engine_partition_key {
  const char *name;
  const char *type; /* of the lake, by its name: "date", "string", "int32", "decimal(12,2)" … */
};
struct lh_engine_partitions {
  const struct lh_engine_partition_key *keys;
  size_t key_count;
  const char *const *columns; /* of the view, in order, those of the keys among them that it is to have */
  size_t column_count;
};
/* The same over the files of a partitioned table. A condition on a key's column leaves files unread. */
lh_status lh_engine_add_partitioned_table(struct lh_engine *engine, const char *name,
                                          const char *const *files, size_t file_count,
                                          const struct lh_engine_partitions *partitions,
                                          struct lh_error *err) LH_WARN_UNUSED;

/* Makes `name` a view: one SELECT over tables that were added before. LH_ERROR_QUERY where it is not that. */
lh_status lh_engine_add_sql_view(struct lh_engine *engine, const char *name, const char *sql,
                                 struct lh_error *err) LH_WARN_UNUSED;

/* The tables that a SELECT reads, by parsing it alone (nothing needs to exist): CTE names where they are in
 * scope, table functions, file names ('x.parquet'), system schemas and subquery aliases left out, each name
 * once, in order of appearance; schema-qualified names as written ("s.t"). Names are folded to lower case,
 * since the engine does not tell "Orders" from "orders". LH_ERROR_QUERY with line and column (1-based, of
 * `sql`) for a syntax error, and for an empty text, more than one statement, or anything but a SELECT. */
struct lh_engine_names {
  const char *const *names;
  size_t count;
};
lh_status lh_engine_referenced_tables(struct lh_engine *engine, const char *sql, struct lh_arena *arena,
                                      struct lh_engine_names *out, struct lh_error *err) LH_WARN_UNUSED;

struct lh_engine_result;

struct lh_engine_sort {
  const struct lh_sort_key *keys;
  size_t count;
};

/* Starts a query (one SELECT; parameters are not bound) whose rows are fetched batch by batch in
 * bounded memory. One result is open at a time: a second one is LH_ERROR_INTERNAL. Binder and runtime errors
 * are LH_ERROR_QUERY in one line, with a hint where DuckDB offers one ("Did you mean …"). Result types that
 * the lake has no form for are LH_ERROR_DATA naming the column; duplicate result column names too. */
lh_status lh_engine_query(struct lh_engine *engine, const char *sql, struct lh_engine_result **out,
                          struct lh_error *err) LH_WARN_UNUSED;
/* The same with the rows sorted by columns of its result: ascending with nulls last, descending with nulls
 * first. LH_ERROR_DATA for a column that it does not have (hint: the nearest name). */
lh_status lh_engine_query_sorted(struct lh_engine *engine, const char *sql, const struct lh_engine_sort *sort,
                                 struct lh_engine_result **out, struct lh_error *err) LH_WARN_UNUSED;
/* The columns that a SELECT would give, in `arena`, without reading a row. */
lh_status lh_engine_describe(struct lh_engine *engine, const char *sql, struct lh_arena *arena,
                             struct lh_schema *out, struct lh_error *err) LH_WARN_UNUSED;
/* Lives as long as the result. Every field is nullable. */
const struct lh_schema *lh_engine_result_schema(const struct lh_engine_result *result);
/* Fills a reset batch of that schema; row_count 0 means the end. Values that the lake has no form for
 * (infinite dates, numbers of more than 38 digits) are LH_ERROR_DATA with column and row. After an error only
 * lh_engine_result_free() is left. */
lh_status lh_engine_fetch(struct lh_engine_result *result, struct lh_batch *batch,
                          struct lh_error *err) LH_WARN_UNUSED;
void lh_engine_result_free(struct lh_engine_result *result);

/* Makes a running query return soon with LH_ERROR_INTERRUPTED, or the next one where none runs; may be called
 * from another thread while the engine lives. Once it has been reported, queries run again. */
void lh_engine_interrupt(struct lh_engine *engine);

/* The linked library's version, "v1.5.5". */
const char *lh_engine_version(void);

#endif
