/*
 * Tasks: one interface for every kind, called in a worker process.
 *
 * A task writes the files of one new version of its lake table and says what it wrote; it does not publish.
 * The kinds are in files of their own: extract.c (table, query), sql.c.
 */
#ifndef LH_TASK_TASK_H
#define LH_TASK_TASK_H

#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "catalog/schema_change.h"
#include "column/schema.h"
#include "engine/duckdb.h"
#include "lakehaul/error.h"
#include "parquet/writer.h"
#include "postgres/connection.h"
#include "project/project.h"
#include "store/store.h"
#include "task/extract.h"
#include "task/interrupt.h"
#include "task/observer.h"
#include "task/output.h"
#include "task/verify/verify.h"

/* A lake table that a SQL task reads, pinned to one version for the whole run. */
struct lh_task_input {
  const char *table;
  const char *const *keys; /* of its files */
  size_t key_count;
  bool is_partitioned;
  struct lh_engine_partitions partitions; /* where it is */
  const char *view_sql;                   /* of a view, which has no files; NULL: a table */
};

struct lh_task_request {
  const struct lh_project *project; /* what it says of engines elsewhere; NULL for tasks that run here */
  const struct lh_task_spec *spec;
  const char *source; /* the project's; NULL for SQL tasks */
  struct lh_pg_session session;
  int streams;         /* connections at most */
  uint64_t rate_bytes; /* read per second at most; 0: no limit */
  struct lh_store *store;
  const char *version;
  const char *snapshot_id;                  /* NULL for SQL tasks */
  const char *snapshot_time, *snapshot_lsn; /* "" for SQL tasks */
  int64_t limit;                            /* rows to extract; -1: all */
  bool verify;                              /* compare the files with the source; nothing for SQL tasks */
  uint64_t memory_bytes;                    /* this task's share */
  int threads;
  const char *temp_directory;
  const struct lh_task_input *inputs;
  size_t input_count;
  const char *const *partitions; /* paths of the only ones to be rewritten; none: as the watermark says */
  size_t partition_count;
  bool full; /* all partitions, whatever has changed */
  struct lh_interrupt *interrupt;
  const struct lh_observer *observer;
};

struct lh_task_file {
  const char *key;
  uint64_t rows, bytes;
};

/* How many values of a column were replaced, since the lake cannot hold them. */
struct lh_task_replaced {
  uint64_t nulls, clamped;
};

/* What a statement on an engine elsewhere took. */
struct lh_task_elsewhere {
  const char *engine, *query_id;
  uint64_t bytes_read, rows_read; /* rows: 0 where not known */
  int64_t queued_ms, run_ms;
};

struct lh_task_result {
  const struct lh_task_elsewhere *elsewhere; /* NULL: it ran here */
  struct lh_schema schema;
  const struct lh_task_replaced *replaced; /* one a field; NULL where nothing can be replaced */
  const char *comment;                     /* the table's; NULL where there is none */
  const char *const *primary_key;          /* names of fields; none where unknown */
  size_t primary_key_count;
  const struct lh_sorted_field *sorted; /* how the rows come; none where they come as they lie */
  size_t sorted_count;
  const struct lh_schema_change *changes; /* against the version that is published */
  size_t change_count;
  const char *source; /* "table public.orders", "query", "sql tasks/x.sql" */
  struct lh_task_file *files;
  size_t file_count;
  uint64_t rows, bytes;
  const struct lh_lake_partition_key *partition_keys;
  size_t partition_key_count; /* 0: not partitioned */
  const struct lh_lake_partition *partitions;
  size_t partition_count;
  bool is_partial; /* only these partitions were read, the others stay as they are published */
  const char *const *replaces;
  size_t replaces_count;
  const char *watermark_column, *watermark; /* NULL: none */
};

/* How a task's connections behave, by the project, and under which name the server shows them: "lakehaul
 * orders". */
struct lh_pg_session lh_task_session(const struct lh_project *project, const struct lh_task_spec *spec,
                                     struct lh_arena *arena);

/* Lets an extraction have as many streams, of those that were asked for, as the task's memory has room for,
 * and fits the parts that they write, and what is on its way to the store (NULL: none), into it; a warning
 * where not even one has enough. Before it copies. */
void lh_task_fit_memory(struct lh_extraction *extraction, uint64_t memory_bytes, struct lh_store *store,
                        struct lh_parquet_writer_options *options, const struct lh_observer *observer);

/* The result lives in `arena`. After a failure, files of the version may be left for the caller to delete. */
lh_status lh_task_run(const struct lh_task_request *request, struct lh_arena *arena,
                      struct lh_task_result *out, struct lh_error *err) LH_WARN_UNUSED;

/* Compares the files of this input (without derived columns) with the table or query of the task, on
 * `snapshot_id` or a snapshot of its own. Not for SQL tasks. */
lh_status lh_task_verify(const struct lh_task_request *request, const struct lh_task_input *lake,
                         struct lh_arena *arena, struct lh_verify_result *out,
                         struct lh_error *err) LH_WARN_UNUSED;

/* Whether a file can be written of a schema as the task has it: what a run would find out first. */
lh_status lh_task_check_columns(const struct lh_task_spec *spec, const struct lh_schema *schema,
                                struct lh_arena *arena, struct lh_error *err) LH_WARN_UNUSED;

/* A published version as an input. `derived`: with the columns that only partitions have, as queries see
 * them. */
lh_status lh_task_make_input(const struct lh_lake_version *version, bool derived, struct lh_arena *arena,
                             struct lh_task_input *out, struct lh_error *err) LH_WARN_UNUSED;
/* Lets `engine` read what lies in `store`, where that is on S3, with the credentials of now. */
lh_status lh_task_reach_lake(struct lh_store *store, struct lh_engine *engine,
                             struct lh_error *err) LH_WARN_UNUSED;
/* Inputs in the order in which they can be added: what a view reads comes before it. Each table once. */
struct lh_task_input_list {
  struct lh_task_input *items;
  size_t count, capacity;
  struct lh_map seen; /* names; a view whose own inputs are not complete yet maps to itself */
};
/* Finds the version of a table that is to be read. An unknown table is an error. */
typedef lh_status (*lh_find_version_fn)(void *context, const char *table, const struct lh_lake_version **out,
                                        struct lh_error *err);
void lh_task_inputs_init(struct lh_task_input_list *list, struct lh_arena *arena);
/* Adds a table or view and all that the view reads. LH_ERROR_CATALOG for a view that reads itself. */
lh_status lh_task_inputs_add(struct lh_task_input_list *list, const char *table, lh_find_version_fn find,
                             void *context, struct lh_arena *arena, struct lh_error *err) LH_WARN_UNUSED;
/* Makes it a view of `engine`, which is let read `store`. */
lh_status lh_task_add_input(const struct lh_task_input *input, struct lh_store *store,
                            struct lh_engine *engine, struct lh_arena *arena,
                            struct lh_error *err) LH_WARN_UNUSED;

/* For the kinds: whether the schema of `out` may follow the one that is published (see schema_check.c; call
 * it before rows are read), the options of the version's parts with what `out` knows of the schema as
 * metadata, the function that makes those parts (`context` is the request), and their entries after reading
 * them back. */
lh_status lh_task_check_schema(const struct lh_task_request *request, struct lh_arena *arena,
                               struct lh_task_result *out, struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_task_writer_options(const struct lh_task_request *request, const struct lh_task_result *result,
                                 struct lh_arena *arena, struct lh_parquet_writer_options *out,
                                 struct lh_error *err) LH_WARN_UNUSED;
lh_part_create_function lh_task_create_part;
lh_status lh_task_add_parts(const struct lh_task_request *request, struct lh_parts *parts,
                            struct lh_arena *arena, struct lh_task_result *out,
                            struct lh_error *err) LH_WARN_UNUSED;
/* An engine within the task's memory, which a signal interrupts until it is closed; and the rows of a SELECT
 * on it, as the version's files. `out->source` is set before. */
lh_status lh_task_open_engine(const struct lh_task_request *request, struct lh_engine **out,
                              struct lh_error *err) LH_WARN_UNUSED;
void lh_task_close_engine(const struct lh_task_request *request, struct lh_engine *engine);
lh_status lh_task_write_select(const struct lh_task_request *request, struct lh_engine *engine,
                               const char *sql, struct lh_arena *arena, struct lh_task_result *out,
                               struct lh_error *err) LH_WARN_UNUSED;
/* The command kind. */
lh_status lh_task_run_command(const struct lh_task_request *request, struct lh_arena *arena,
                              struct lh_task_result *out, struct lh_error *err) LH_WARN_UNUSED;
/* The SQL kind, on the embedded engine and on one elsewhere. */
lh_status lh_task_run_sql(const struct lh_task_request *request, struct lh_arena *arena,
                          struct lh_task_result *out, struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_task_run_sql_elsewhere(const struct lh_task_request *request, struct lh_arena *arena,
                                    struct lh_task_result *out, struct lh_error *err) LH_WARN_UNUSED;

#endif
