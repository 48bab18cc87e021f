/*
 * Status and error of every fallible lakehaul function.
 *
 * A fallible function returns lh_status and takes the caller's `struct lh_error *err` last. On LH_OK
 * the error is untouched; on anything else it is filled and its code equals the returned status. `err`
 * may not be NULL. The library neither prints nor exits: whoever receives the error decides.
 */
#ifndef LAKEHAUL_ERROR_H
#define LAKEHAUL_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#define LH_WARN_UNUSED __attribute__((warn_unused_result))
#define LH_PRINTF(format_index, first_index) __attribute__((format(printf, format_index, first_index)))

/* What failed. The process's exit status follows from it: lh_status_exit_code(). */
typedef enum lh_status {
  LH_OK = 0,
  LH_ERROR_USAGE,       /* a wrong command-line option or argument */
  LH_ERROR_PROJECT,     /* lakehaul.yaml or a file it names is wrong */
  LH_ERROR_SOURCE,      /* PostgreSQL is unreachable or refuses */
  LH_ERROR_LAKE,        /* the lake cannot be read or written */
  LH_ERROR_CATALOG,     /* the catalog cannot be read or written */
  LH_ERROR_DATA,        /* a value, a type or a result that cannot be carried over */
  LH_ERROR_QUERY,       /* a SQL statement that an engine or the server rejects */
  LH_ERROR_CORRUPT,     /* a file that is not what it claims to be */
  LH_ERROR_UNSUPPORTED, /* a documented feature that this version does not have */
  LH_ERROR_MEMORY,      /* an allocation failed or a bounded buffer is full */
  LH_ERROR_INTERRUPTED, /* SIGINT or SIGTERM */
  LH_ERROR_INTERNAL     /* a bug in lakehaul */
} lh_status;

/* What a caller may do about it. */
enum lh_error_class {
  LH_ERROR_CLASS_FATAL = 0,   /* the same call fails again */
  LH_ERROR_CLASS_RETRYABLE,   /* the same call may pass later */
  LH_ERROR_CLASS_CREDENTIALS, /* the same call may pass with other credentials */
};

#define LH_ERROR_MESSAGE_MAX 2048
#define LH_ERROR_HINT_MAX 512
#define LH_ERROR_NAME_MAX 256

/* Caller-owned, needs no release. Strings are NUL-terminated UTF-8 and empty where not known. */
struct lh_error {
  lh_status code;
  enum lh_error_class error_class;
  char sqlstate[6];
  int http_status;
  char aws_code[64];
  char table[LH_ERROR_NAME_MAX];
  char column[LH_ERROR_NAME_MAX];
  int64_t row;                        /* 1-based row of the table or result; 0 where not known */
  char message[LH_ERROR_MESSAGE_MAX]; /* one line, lower case: what was being done, what was found */
  char hint[LH_ERROR_HINT_MAX];       /* one line: what the user can do; may be empty */
};

/* Fills `err` afresh (every other field is cleared) and returns `code`. Truncates at whole UTF-8
 * characters; line breaks become spaces. */
lh_status lh_error_set(struct lh_error *err, lh_status code, const char *format, ...) LH_PRINTF(3, 4);

/* Sets the hint of an error that was set before. */
void lh_error_hint(struct lh_error *err, const char *format, ...) LH_PRINTF(2, 3);

/* Puts context in front of the message: "context: message". Returns the error's code. */
lh_status lh_error_prefix(struct lh_error *err, const char *format, ...) LH_PRINTF(2, 3);

/* The error for a failed allocation. */
lh_status lh_error_memory(struct lh_error *err);

void lh_error_clear(struct lh_error *err);

/* 0, 1, 2, 3, 4 or 130: see `lakehaul --help`. */
int lh_status_exit_code(lh_status status);

/* Stable lower-case word for logs and JSON, for example "source". */
const char *lh_status_name(lh_status status);

#ifdef __clang_analyzer__
/* Lets static analysis know, across files, that an error is never LH_OK. */
#define lh_error_set(err, code, ...) (lh_error_set((err), (code), __VA_ARGS__), (code))
#define lh_error_memory(err) (lh_error_memory(err), LH_ERROR_MEMORY)
#endif

/* Returns the status of `expr` from the enclosing function if it is not LH_OK. */
#define LH_TRY(expr)                         \
  do {                                       \
    const lh_status lh_try_status_ = (expr); \
    if (lh_try_status_ != LH_OK) {           \
      return lh_try_status_;                 \
    }                                        \
  } while (0)

#endif
