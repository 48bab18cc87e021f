/* DuckDB's httpfs, which reads objects on S3 by ranged GETs: it is loaded once a lake is there, told to take
 * names literally and to leave the environment's credentials alone, and given the lake's own as a secret of
 * the lake's prefix. Values are bound, so that no statement and no error has them. */
#include "engine/duckdb_s3.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/duckdb_error.h"
#include "engine/duckdb_view.h"

#define EXTENSION_FILE "httpfs.duckdb_extension"
#define EXTENSION_VARIABLE "LAKEHAUL_HTTPFS"
/* What a thread's request holds outside of DuckDB's memory limit: a row group's columns, twice. */
#define REQUEST_BYTES (UINT64_C(16) << 20)
/* Of its memory, a thread's share for that is a quarter at most. */
#define LEAST_BYTES_PER_THREAD (4 * REQUEST_BYTES)

static lh_status fail_statement(const char *text, struct lh_error *err) {
  const struct lh_duckdb_statement statement = {0};
  return lh_duckdb_error_set(text, &statement, err);
}

static lh_status run(duckdb_connection connection, const char *sql, struct lh_error *err) {
  duckdb_result result;
  const duckdb_state state = duckdb_query(connection, sql, &result);
  const lh_status status = state == DuckDBSuccess ? LH_OK : fail_statement(duckdb_result_error(&result), err);
  duckdb_destroy_result(&result);
  return status;
}

/* -------- loading -------- */

/* Where the extension lies beside the library that this process runs with; "" where that is not known. */
static void find_beside_library(char out[PATH_MAX]) {
  Dl_info info;
  void *const symbol = dlsym(RTLD_DEFAULT, "duckdb_library_version");
  out[0] = '\0';
  if (symbol == NULL || dladdr(symbol, &info) == 0 || info.dli_fname == NULL) {
    return;
  }
  const char *const slash = strrchr(info.dli_fname, '/');
  const int directory = slash != NULL ? (int)(slash + 1 - info.dli_fname) : 0;
  const int length = snprintf(out, PATH_MAX, "%.*s" EXTENSION_FILE, directory, info.dli_fname);
  if (length < 0 || length >= PATH_MAX) {
    out[0] = '\0';
  }
}

static lh_status load_file(duckdb_connection connection, const char *path, struct lh_error *err) {
  struct lh_buf sql;
  const char *text = NULL;
  lh_buf_init(&sql, (size_t)4 * PATH_MAX);
  lh_status status = lh_buf_append_str(&sql, "LOAD ", err);
  if (status == LH_OK) {
    status = lh_duckdb_append_quoted(&sql, path, '\'', err);
  }
  if (status == LH_OK) {
    status = lh_buf_cstr(&sql, &text, err);
  }
  if (status == LH_OK) {
    status = run(connection, text, err);
  }
  lh_buf_clear(&sql);
  return status;
}

static lh_status fail_load(const char *path, struct lh_error *err) {
  err->code = LH_ERROR_LAKE;
  lh_error_prefix(err, "cannot load %s, which reads lakes on S3, into DuckDB %s", path, lh_engine_version());
  lh_error_hint(err,
                "name the httpfs extension of DuckDB %s, a file %s, in " EXTENSION_VARIABLE
                ", or leave the variable unset",
                lh_engine_version(), EXTENSION_FILE);
  return LH_ERROR_LAKE;
}

static lh_status load_extension(duckdb_connection connection, struct lh_error *err) {
  char beside[PATH_MAX];
  struct lh_error not_installed;
  const char *const named = getenv(EXTENSION_VARIABLE);
  if (named != NULL && named[0] != '\0') {
    return load_file(connection, named, err) == LH_OK ? LH_OK : fail_load(named, err);
  }
  find_beside_library(beside);
  if (beside[0] != '\0' && access(beside, R_OK) == 0) {
    return load_file(connection, beside, err) == LH_OK ? LH_OK : fail_load(beside, err);
  }
  if (run(connection, "LOAD httpfs", &not_installed) == LH_OK) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_LAKE,
               "DuckDB %s has no httpfs extension, which reads lakes on S3: neither %s nor one that was "
               "installed is there",
               lh_engine_version(), beside[0] != '\0' ? beside : EXTENSION_FILE);
  lh_error_hint(err, "run \"INSTALL httpfs\" in a DuckDB %s once, or name its file in " EXTENSION_VARIABLE,
                lh_engine_version());
  return LH_ERROR_LAKE;
}

/* Answers of HTTP come on top of DuckDB's memory limit, so that it gets less and fewer threads. */
static lh_status fit_memory(duckdb_connection connection, const struct lh_engine_options *options,
                            struct lh_error *err) {
  char sql[80];
  const uint64_t most = options->memory_bytes / LEAST_BYTES_PER_THREAD;
  uint64_t threads = options->threads > 0 ? (uint64_t)options->threads : 1;
  if (threads > most) {
    threads = most > 0 ? most : 1;
  }
  snprintf(sql, sizeof(sql), "SET GLOBAL threads = %" PRIu64, threads);
  LH_TRY(run(connection, sql, err));
  uint64_t answers = threads * REQUEST_BYTES;
  if (answers > options->memory_bytes / 4) {
    answers = options->memory_bytes / 4;
  }
  snprintf(sql, sizeof(sql), "SET GLOBAL memory_limit = '%" PRIu64 "B'", options->memory_bytes - answers);
  return run(connection, sql, err);
}

lh_status lh_duckdb_s3_load(duckdb_connection connection, const struct lh_engine_options *options,
                            struct lh_error *err) {
  static const char *const settings[] = {
      /* What the extension took from the environment as it was loaded: only the secret counts, and no query
       * can show what is not there. */
      "RESET GLOBAL s3_access_key_id",
      "RESET GLOBAL s3_secret_access_key",
      "RESET GLOBAL s3_session_token",
      "RESET GLOBAL s3_region",
      "RESET GLOBAL s3_endpoint",
      "RESET GLOBAL s3_use_ssl",
      "RESET GLOBAL s3_kms_key_id",
      "RESET GLOBAL s3_requester_pays",
      /* Proxies as curl has them, NO_PROXY included, not as DuckDB does. */
      "SET GLOBAL http_proxy = ''",
      /* '*', '?' and '[' stand for themselves. */
      "SET GLOBAL s3_url_compatibility_mode = true",
      /* An object of a lake is never replaced: what one HEAD has said stays true. */
      "SET GLOBAL enable_http_metadata_cache = true",
      /* It fills memory up to the limit, and lakes are larger. */
      "SET GLOBAL enable_external_file_cache = false",
      /* Seconds of a whole request. Eight attempts, the last one after 6 s. */
      "SET GLOBAL http_timeout = 60",
      "SET GLOBAL http_retries = 7",
      "SET GLOBAL http_retry_wait_ms = 100",
      "SET GLOBAL http_retry_backoff = 2",
  };
  LH_TRY(load_extension(connection, err));
  for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
    if (run(connection, settings[i], err) != LH_OK) {
      err->code = LH_ERROR_LAKE;
      return lh_error_prefix(err, "cannot set up DuckDB's httpfs: %s", settings[i]);
    }
  }
  return fit_memory(connection, options, err);
}

/* -------- the secret -------- */

/* What DuckDB says is left out: it may have repeated a value. */
static lh_status fail_secret(struct lh_error *err) {
  return lh_error_set(err, LH_ERROR_LAKE, "DuckDB %s does not take the credentials of the lake",
                      lh_engine_version());
}

static lh_status run_bound(duckdb_connection connection, const char *sql, const char *const *values,
                           size_t count, struct lh_error *err) {
  duckdb_prepared_statement prepared = NULL;
  duckdb_result result = {0};
  bool done = duckdb_prepare(connection, sql, &prepared) == DuckDBSuccess;
  for (size_t i = 0; i < count && done; i++) {
    done = duckdb_bind_varchar(prepared, i + 1, values[i]) == DuckDBSuccess;
  }
  if (done) {
    done = duckdb_execute_prepared(prepared, &result) == DuckDBSuccess;
    duckdb_destroy_result(&result);
  }
  duckdb_destroy_prepare(&prepared);
  return done ? LH_OK : fail_secret(err);
}

static void forbid_core_dumps(void) {
  const struct rlimit none = {0, 0};
  const int ignored = setrlimit(RLIMIT_CORE, &none);
  (void)ignored; /* lowering a limit is always allowed */
}

lh_status lh_duckdb_s3_set_secret(duckdb_connection connection, const struct lh_engine_s3 *s3,
                                  struct lh_error *err) {
  static const char *const create =
      "CREATE OR REPLACE TEMPORARY SECRET lakehaul (TYPE s3, SCOPE ?, ENDPOINT ?, REGION ?, URL_STYLE ?, "
      "USE_SSL ?, KEY_ID ?, SECRET ?, SESSION_TOKEN ?)";
  const char *const values[] = {
      s3->scope,
      s3->endpoint,
      s3->region,
      s3->path_style ? "path" : "vhost",
      s3->plain_http ? "false" : "true",
      s3->key_id,
      s3->secret,
      s3->session_token != NULL ? s3->session_token : "",
  };
  forbid_core_dumps();
  if (s3->ca_file != NULL) {
    struct lh_buf sql;
    const char *text = NULL;
    lh_buf_init(&sql, (size_t)4 * PATH_MAX);
    lh_status status = lh_buf_append_str(&sql, "SET GLOBAL ca_cert_file = ", err);
    if (status == LH_OK) {
      status = lh_duckdb_append_quoted(&sql, s3->ca_file, '\'', err);
    }
    if (status == LH_OK) {
      status = lh_buf_cstr(&sql, &text, err);
    }
    if (status == LH_OK) {
      status = run(connection, text, err);
    }
    lh_buf_clear(&sql);
    LH_TRY(status);
  }
  return run_bound(connection, create, values, sizeof(values) / sizeof(values[0]), err);
}

static const char *copy(struct lh_arena *arena, const char *text, bool *failed) {
  const char *const copied = text != NULL ? lh_arena_strdup(arena, text) : NULL;
  *failed = *failed || (text != NULL && copied == NULL);
  return copied;
}

lh_status lh_duckdb_s3_copy_place(const struct lh_engine_s3 *s3, struct lh_arena *arena,
                                  struct lh_engine_s3 **out, struct lh_error *err) {
  bool failed = false;
  struct lh_engine_s3 *const place = LH_ARENA_NEW(arena, struct lh_engine_s3);
  if (place == NULL) {
    return lh_error_memory(err);
  }
  *place = (struct lh_engine_s3){.scope = copy(arena, s3->scope, &failed),
                                 .endpoint = copy(arena, s3->endpoint, &failed),
                                 .region = copy(arena, s3->region, &failed),
                                 .path_style = s3->path_style,
                                 .plain_http = s3->plain_http,
                                 .source = copy(arena, s3->source, &failed)};
  *out = place;
  return failed ? lh_error_memory(err) : LH_OK;
}
