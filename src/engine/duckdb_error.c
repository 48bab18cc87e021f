/* Turns DuckDB's errors into the engine's: one line, placed in the user's SQL, with what DuckDB suggests as
 * the hint. Advice that only fits a DuckDB shell (INSTALL, SET …) is replaced by what helps here. */
#include "engine/duckdb_error.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/str.h"
#include "engine/duckdb_s3.h"

#define MESSAGE_MAX 6144
#define HINT_TABLES_MAX 8

struct parsed {
  char kind[64]; /* "Binder", "Out of Memory" */
  char message[MESSAGE_MAX];
  char candidates[LH_ERROR_HINT_MAX];
  char object[32]; /* "Table" in a catalog error */
  char name[LH_ERROR_NAME_MAX];
  long position;   /* -1 where not known */
  int http_status; /* 0: none */
};

void lh_duckdb_locate(const char *sql, size_t offset, bool offset_in_characters, size_t *line,
                      size_t *column) {
  *line = 1;
  *column = 1;
  for (size_t passed = 0; *sql != '\0'; sql++) {
    const bool starts_character = ((unsigned char)*sql & 0xC0U) != 0x80U;
    if (passed >= offset && starts_character) {
      return;
    }
    passed += offset_in_characters ? (starts_character ? 1 : 0) : 1;
    if (*sql == '\n') {
      (*line)++;
      *column = 1;
    } else if (((unsigned char)sql[1] & 0xC0U) != 0x80U) {
      (*column)++;
    }
  }
}

static void copy_text(char *out, size_t size, const char *text, size_t length) {
  const size_t kept = lh_utf8_truncate(text, length, size - 1);
  memcpy(out, text, kept);
  out[kept] = '\0';
}

static void copy_member(const json_t *object, const char *key, char *out, size_t size) {
  const char *const text = json_string_value(json_object_get(object, key));
  copy_text(out, size, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}

static bool parse_json(const char *text, struct parsed *out) {
  const char *const start = strstr(text, "{\"exception_type\"");
  if (start == NULL) {
    return false;
  }
  json_t *const object = json_loads(start, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, NULL);
  if (object == NULL) {
    return false;
  }
  copy_member(object, "exception_type", out->kind, sizeof(out->kind));
  copy_member(object, "exception_message", out->message, sizeof(out->message));
  copy_member(object, "candidates", out->candidates, sizeof(out->candidates));
  copy_member(object, "type", out->object, sizeof(out->object));
  copy_member(object, "name", out->name, sizeof(out->name));
  const char *const position = json_string_value(json_object_get(object, "position"));
  out->position = position != NULL ? strtol(position, NULL, 10) : -1;
  const char *const http_status = json_string_value(json_object_get(object, "status_code"));
  out->http_status = http_status != NULL ? (int)strtol(http_status, NULL, 10) : 0;
  json_decref(object);
  return true;
}

/* "Binder Error: message" */
static void parse_plain(const char *text, struct parsed *out) {
  const char *const end = strstr(text, " Error: ");
  const char *message = text;
  if (end != NULL && (size_t)(end - text) < sizeof(out->kind)) {
    copy_text(out->kind, sizeof(out->kind), text, (size_t)(end - text));
    message = end + strlen(" Error: ");
  }
  copy_text(out->message, sizeof(out->message), message, strlen(message));
}

/* Cuts the message before what belongs into the hint, or is advice for another program. */
static void cut_advice(struct parsed *error) {
  static const char *const advice[] = {"\nDid you mean",         "\nCandidate ",  "\n\tCandidate ",
                                       "\n\nPlease try",         "\n\nLaunch",    "\n\nPossible solutions",
                                       "\nDatabase is launched", "\n\nSee also",  "\n\nLINE ",
                                       "\n\nFor more info",      "\nStack Trace", "\nThis error signals"};
  for (size_t i = 0; i < sizeof(advice) / sizeof(advice[0]); i++) {
    char *const found = strstr(error->message, advice[i]);
    if (found != NULL) {
      *found = '\0';
    }
  }
  size_t length = strlen(error->message);
  while (length > 0 && (isspace((unsigned char)error->message[length - 1]) ||
                        error->message[length - 1] == '!' || error->message[length - 1] == '.')) {
    error->message[--length] = '\0';
  }
}

/* Lower case, unless the word is an acronym or a quoted name. */
static void lower_first(char *text) {
  if (isupper((unsigned char)text[0]) && !isupper((unsigned char)text[1])) {
    text[0] = (char)tolower((unsigned char)text[0]);
  }
}

static bool contains_any(const char *text, const char *const *needles, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (strcasestr(text, needles[i]) != NULL) {
      return true;
    }
  }
  return false;
}

static bool is_corrupt_file(const struct parsed *error) {
  static const char *const signs[] = {"magic bytes",
                                      "to be a parquet file",
                                      "footer length",
                                      "invalid parquet",
                                      "corrupt",
                                      "tprotocol",
                                      "thrift",
                                      "decompression fail",
                                      "out of buffer",
                                      "malformed parquet",
                                      "page header",
                                      "parquet file is",
                                      "column chunk",
                                      "know what type",
                                      "could not read enough bytes"};
  static const char *const kinds[] = {"Invalid Input", "Invalid", "IO", "Serialization"};
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    if (strcasecmp(error->kind, kinds[i]) == 0) {
      return contains_any(error->message, signs, sizeof(signs) / sizeof(signs[0]));
    }
  }
  return false;
}

static lh_status classify(const struct parsed *error) {
  if (strcasecmp(error->kind, "Out of Memory") == 0) {
    return LH_ERROR_MEMORY;
  }
  if (strcasecmp(error->kind, "Interrupt") == 0) {
    return LH_ERROR_INTERRUPTED;
  }
  if (strcasecmp(error->kind, "Internal") == 0 || strcasecmp(error->kind, "Fatal") == 0) {
    return LH_ERROR_INTERNAL;
  }
  if (is_corrupt_file(error)) {
    return LH_ERROR_CORRUPT;
  }
  if (strcasecmp(error->kind, "IO") == 0 && strncmp(error->message, "No files found", 14) != 0) {
    return LH_ERROR_LAKE;
  }
  return LH_ERROR_QUERY;
}

static bool is_system_name(const char *name) {
  return strncmp(name, "pg_", 3) == 0 || strncmp(name, "duckdb_", 7) == 0 ||
         strncmp(name, "sqlite_", 7) == 0 || strncmp(name, "pragma_", 7) == 0;
}

static void hint_table(const struct parsed *error, const struct lh_duckdb_statement *statement,
                       struct lh_error *err) {
  const char *const nearest = lh_str_nearest(error->name, statement->tables, statement->table_count);
  if (nearest != NULL) {
    lh_error_hint(err, "did you mean \"%s\"?", nearest);
  } else if (statement->table_count == 0) {
    lh_error_hint(err, "there are no tables here yet");
  } else if (statement->table_count <= HINT_TABLES_MAX) {
    char list[LH_ERROR_HINT_MAX] = "";
    size_t used = 0;
    for (size_t i = 0; i < statement->table_count && used < sizeof(list); i++) {
      used +=
          (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "", statement->tables[i]);
    }
    lh_error_hint(err, "the tables here are %s", list);
  }
}

static void hint_candidates(const struct parsed *error, struct lh_error *err) {
  const bool single = strchr(error->candidates, ',') == NULL;
  if (!single) {
    char spaced[2 * sizeof(error->candidates)];
    size_t used = 0;
    for (const char *c = error->candidates; *c != '\0'; c++) {
      spaced[used++] = *c;
      if (*c == ',' && c[1] != ' ') {
        spaced[used++] = ' ';
      }
    }
    spaced[used] = '\0';
    lh_error_hint(err, "candidates: %s", spaced);
  } else if (!is_system_name(error->candidates)) {
    lh_error_hint(err, "did you mean \"%s\"?", error->candidates);
  }
}

static void add_hint(const struct parsed *error, const struct lh_duckdb_statement *statement,
                     struct lh_error *err) {
  if (err->code == LH_ERROR_MEMORY) {
    lh_error_hint(err, "raise \"memory\" in lakehaul.yaml, or make the query hold less at a time");
  } else if (err->code == LH_ERROR_CORRUPT) {
    lh_error_hint(err, "the file is damaged: run the task that writes the table again");
  } else if (err->code == LH_ERROR_INTERNAL) {
    lh_error_hint(err, "this is a fault in DuckDB: try writing the query another way");
  } else if (strcasecmp(error->object, "Table") == 0) {
    hint_table(error, statement, err);
  } else if (error->candidates[0] != '\0') {
    hint_candidates(error, err);
  } else if (strstr(error->message, "extension") != NULL) {
    lh_error_hint(
        err, statement->s3 == NULL
                 ? "the embedded engine reads local files only and loads no extensions"
                 : "the embedded engine reads local files and objects on S3, and loads no other extension");
  } else if (strstr(error->message, "prepared statement parameters") != NULL) {
    lh_error_hint(err, "write the values into the SQL: parameters are not bound here");
  } else if (strcasecmp(error->kind, "Conversion") == 0) {
    lh_error_hint(err, "TRY_CAST gives NULL for values that cannot be converted");
  }
}

lh_status lh_duckdb_error_set(const char *text, const struct lh_duckdb_statement *statement,
                              struct lh_error *err) {
  struct parsed error = {.position = -1};
  if (text == NULL || text[0] == '\0') {
    return lh_error_set(err, LH_ERROR_INTERNAL, "DuckDB failed without a message");
  }
  if (!parse_json(text, &error)) {
    parse_plain(text, &error);
  }
  const lh_status code = classify(&error);
  if (code == LH_ERROR_INTERRUPTED) {
    return lh_error_set(err, code, "the query was interrupted");
  }
  if (lh_duckdb_s3_error(statement->s3, error.http_status, error.message, err)) {
    return err->code;
  }
  if (strstr(error.message, "Cannot prepare multiple statements") != NULL) {
    lh_error_set(err, code, "the text holds more than one statement");
    lh_error_hint(err, "write one SELECT; a PIVOT needs its values: PIVOT … ON column IN (…)");
    return code;
  }
  cut_advice(&error);
  lower_first(error.message);
  for (char *c = error.kind; *c != '\0'; c++) {
    *c = (char)tolower((unsigned char)*c);
  }
  if (code == LH_ERROR_CORRUPT) {
    lh_error_set(err, code, "a file of the lake cannot be read as Parquet: %s", error.message);
  } else if (error.kind[0] == '\0') {
    lh_error_set(err, code, "%s", error.message);
  } else if (error.position >= 0 && statement->sql != NULL) {
    size_t line = 0;
    size_t column = 0;
    lh_duckdb_locate(statement->sql, (size_t)error.position, strcmp(error.kind, "parser") == 0, &line,
                     &column);
    lh_error_set(err, code, "%s error at line %zu, column %zu: %s", error.kind, line, column, error.message);
  } else {
    lh_error_set(err, code, "%s error: %s", error.kind, error.message);
  }
  add_hint(&error, statement, err);
  return code;
}
