/*
 * The project file: lakehaul.yaml as structs, with every error placed at file:line:column.
 *
 * Reading a project touches nothing but the files it names. What a SQL task reads is not known here: graph.h
 * takes it from a callback, since parsing SQL is the engine's.
 */
#ifndef LH_PROJECT_PROJECT_H
#define LH_PROJECT_PROJECT_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "codec/codec.h"
#include "column/partition.h"
#include "column/policy.h"
#include "lakehaul/error.h"
#include "net/settings.h"

#define LH_STREAMS_MAX 256

enum lh_catalog_kind { LH_CATALOG_LOCAL, LH_CATALOG_GLUE, LH_CATALOG_CRAWLER };

enum lh_engine_kind { LH_ENGINE_DUCKDB, LH_ENGINE_ATHENA, LH_ENGINE_TRINO };

enum lh_task_kind { LH_TASK_TABLE, LH_TASK_QUERY, LH_TASK_SQL, LH_TASK_COMMAND };

/* What happens when a table's schema is not the published one's. */
enum lh_schema_rule {
  LH_SCHEMA_EVOLVE, /* it is reported */
  LH_SCHEMA_STRICT, /* the task fails before it reads a row */
};

struct lh_task_spec {
  const char *name; /* also the lake table's: [a-z_][a-z0-9_]*, 128 at most */
  enum lh_task_kind kind;
  int line;                   /* of the task's key in the project file */
  const char *table;          /* LH_TASK_TABLE: as PostgreSQL takes it */
  const char *query;          /* LH_TASK_QUERY: the SQL text */
  const char *sql_path;       /* LH_TASK_SQL: as written */
  const char *sql;            /* LH_TASK_SQL: the file's text */
  enum lh_engine_kind engine; /* LH_TASK_SQL: the task's or the project's */
  const char *const *inputs; /* lake tables that it reads; of LH_TASK_SQL NULL where its SQL is to be asked */
  size_t input_count;
  const char *const *command; /* LH_TASK_COMMAND: the program and its arguments */
  size_t command_count;
  int64_t timeout_ms;         /* LH_TASK_COMMAND: 0: none */
  uint64_t memory_bytes;      /* LH_TASK_COMMAND: of its program; 0: no limit */
  const char *const *include; /* columns; NULL: all */
  size_t include_count;
  const char *const *exclude;
  size_t exclude_count;
  const struct lh_column_settings *settings; /* of the columns that have any of their own */
  size_t settings_count;
  struct lh_column_policy policy; /* of the other columns */
  enum lh_names names;
  const char *where;   /* LH_TASK_TABLE: an SQL condition, or NULL */
  enum lh_codec codec; /* the task's or the project's */
  int codec_level;
  enum lh_compat compat; /* the task's or the project's */
  bool no_bloom;         /* the task's or the project's: only columns that ask get a bloom filter */
  const struct lh_sort_key *sort_by; /* NULL: rows come as they lie */
  size_t sort_by_count;
  enum lh_schema_rule schema_rule; /* the task's or the project's */
  int streams;                     /* connections at a time: the task's or the project's, 1..256 */
  const char *split_by;            /* LH_TASK_TABLE: the column that divides the table among them, or NULL */
  uint64_t file_bytes;             /* a file ends past so many: the task's or the project's */
  struct lh_partition_by partition_by;
  const char *watermark;        /* column whose values tell which partitions have changed; NULL: none */
  enum lh_catalog_kind catalog; /* the project's */
  bool partition_index;         /* Glue gets an index over the partition keys */
  bool is_view;                 /* LH_TASK_SQL: a view is published instead of rows */
  const struct lh_glue_projection *projection; /* NULL: partitions are registered in Glue */
};

/* A database as the file names it. */
struct lh_source_uri {
  bool is_named;
  const char *uri;       /* after ${} expansion: may hold a password */
  struct lh_error error; /* why there is none: a variable is not set */
};

struct lh_project {
  const char *path;      /* of lakehaul.yaml as given */
  const char *directory; /* that relative paths start from */
  const char *name;
  struct lh_source_uri source;  /* take it by lh_project_get_source */
  struct lh_source_uri replica; /* read in the source's place */
  const char *lake;             /* as written: a directory, from `directory` where relative, file:///path, or
                                   s3://bucket/prefix */
  enum lh_catalog_kind catalog;
  enum lh_engine_kind engine; /* of SQL tasks and queries */
  struct lh_aws_settings aws;
  struct lh_s3_settings s3;
  struct lh_glue_settings glue;
  struct lh_crawler_settings crawler;
  struct lh_athena_settings athena;
  struct lh_trino_settings trino;
  int jobs;                     /* 1..256 */
  uint64_t rate_bytes;          /* that the whole run reads a second at most; 0: no limit */
  int64_t lock_timeout_ms;      /* 0: none */
  int64_t statement_timeout_ms; /* 0: none */
  uint64_t memory_bytes;        /* at least 64 MiB */
  int keep;                     /* versions that gc leaves: at least 1 */
  struct lh_task_spec *tasks;   /* in the file's order */
  size_t task_count;
  struct lh_map by_name; /* of lh_project_find_task */
};

/* Reads `path`. LH_ERROR_PROJECT for everything that is wrong with it, "lakehaul.yaml:12:3: unknown key
 * "tabel" in task orders", hint: did you mean "table"? Keys and kinds of the design that this version does
 * not have yet are LH_ERROR_UNSUPPORTED naming them. The file and the SQL files it names are read whole, at
 * most 1 MiB each. Everything in `*out` lives in `arena`. */
lh_status lh_project_load(const char *path, struct lh_arena *arena, struct lh_project **out,
                          struct lh_error *err) LH_WARN_UNUSED;
/* The same from memory: what a worker gets from its supervisor; `path` for messages and relative names. */
lh_status lh_project_parse(const char *text, size_t size, const char *path, struct lh_arena *arena,
                           struct lh_project **out, struct lh_error *err) LH_WARN_UNUSED;

/* The URI to read from, the replica's where there is one, for what connects to it. Only then is a variable
 * that is not set an error, so that the lake can be queried without the database's credentials. */
lh_status lh_project_get_source(const struct lh_project *project, const char **out,
                                struct lh_error *err) LH_WARN_UNUSED;

/* NULL where there is none of that name. */
const struct lh_task_spec *lh_project_find_task(const struct lh_project *project, const char *name);
const char *lh_task_kind_name(enum lh_task_kind kind);
/* Whether tasks of the kind read PostgreSQL; the others read tables of the lake. */
bool lh_task_kind_reads_source(enum lh_task_kind kind);
/* "duckdb", "athena", "trino". */
const char *lh_engine_kind_name(enum lh_engine_kind kind);
/* The same, and "view" for a view. */
const char *lh_task_spec_kind_name(const struct lh_task_spec *task);

/* "512MB", "1GiB", "64k", "4096" → bytes (powers of 1024 for all units, in any case, a space before them
 * allowed). False for anything else. */
bool lh_parse_bytes(const char *text, uint64_t *out);

#endif
