/* From the lake's names of types to those that Hive, and so Glue and Athena, know. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "catalog/glue.h"

#define TYPE_MAX_BYTES ((size_t)131072) /* Glue's limit */
#define DEPTH_MAX 64

struct type_name {
  const char *lake, *glue;
};

/* In the files a uuid and a time are texts unless the project asks for Parquet's own types. */
static const struct type_name scalars[] = {
    {"boolean", "boolean"},
    {"int8", "tinyint"},
    {"int16", "smallint"},
    {"int32", "int"},
    {"int64", "bigint"},
    {"float", "float"},
    {"double", "double"},
    {"string", "string"},
    {"json", "string"},
    {"binary", "binary"},
    {"uuid", "string"},
    {"date", "date"},
    {"time", "string"},
    {"timestamp", "timestamp"},
    {"timestamp with time zone", "timestamp"},
    {"timestamp_ns", "timestamp"},
    {"timestamp_ns with time zone", "timestamp"},
    {"geometry", "binary"},
    {"geography", "binary"},
    {"variant", "struct<metadata:binary,value:binary>"},
};

struct translation {
  const char *at; /* what is left of the lake's name */
  struct lh_buf out;
  struct lh_error err;
};

static bool append(struct translation *translation, const char *text, size_t length) {
  return lh_buf_append(&translation->out, text, length, &translation->err) == LH_OK;
}

static bool take(struct translation *translation, const char *prefix) {
  const size_t length = strlen(prefix);
  if (strncmp(translation->at, prefix, length) != 0) {
    return false;
  }
  translation->at += length;
  return true;
}

/* A name's end is where the type around it goes on. */
static bool append_scalar(struct translation *translation) {
  const size_t length = strcspn(translation->at, ",>");
  for (size_t i = 0; i < sizeof(scalars) / sizeof(scalars[0]); i++) {
    if (strlen(scalars[i].lake) == length && strncmp(scalars[i].lake, translation->at, length) == 0) {
      translation->at += length;
      return append(translation, scalars[i].glue, strlen(scalars[i].glue));
    }
  }
  return false;
}

/* "decimal(12,2)" is the same for both. */
static bool append_decimal(struct translation *translation) {
  const char *const end = strchr(translation->at, ')');
  if (end == NULL) {
    return false;
  }
  const size_t length = (size_t)(end + 1 - translation->at);
  if (strspn(translation->at, "decimal(0123456789,)") < length) {
    return false;
  }
  const bool appended = append(translation, translation->at, length);
  translation->at += length;
  return appended;
}

/* What Hive's parser of types takes for a part of a name. */
static bool is_name_byte(unsigned char c) {
  return c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         c == '_' || c == '.' || c == ' ' || c == '$';
}

static bool append_type(struct translation *translation, int depth);

static bool append_members(struct translation *translation, int depth) {
  do {
    size_t length = 0;
    while (is_name_byte((unsigned char)translation->at[length])) {
      length++;
    }
    if (length == 0 || translation->at[length] != ':') {
      return false;
    }
    for (size_t i = 0; i < length; i++) {
      const char c = translation->at[i];
      const char lower = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
      if (!append(translation, &lower, 1)) {
        return false;
      }
    }
    translation->at += length;
    if (!take(translation, ":") || !append(translation, ":", 1) || !append_type(translation, depth)) {
      return false;
    }
  } while (take(translation, ",") && append(translation, ",", 1));
  return take(translation, ">") && append(translation, ">", 1);
}

static bool append_type(struct translation *translation, int depth) {
  if (depth > DEPTH_MAX) {
    return false;
  }
  if (take(translation, "list<")) {
    return append(translation, "array<", 6) && append_type(translation, depth + 1) &&
           take(translation, ">") && append(translation, ">", 1);
  }
  if (take(translation, "map<")) {
    return append(translation, "map<", 4) && append_type(translation, depth + 1) && take(translation, ",") &&
           append(translation, ",", 1) && append_type(translation, depth + 1) && take(translation, ">") &&
           append(translation, ">", 1);
  }
  if (take(translation, "struct<")) {
    return append(translation, "struct<", 7) && append_members(translation, depth + 1);
  }
  if (strncmp(translation->at, "decimal(", 8) == 0) {
    return append_decimal(translation);
  }
  return append_scalar(translation);
}

const char *lh_glue_type(const char *lake_type, struct lh_arena *arena) {
  struct translation translation = {.at = lake_type};
  lh_buf_init(&translation.out, TYPE_MAX_BYTES);
  const char *type = NULL;
  if (append_type(&translation, 0) && translation.at[0] == '\0') {
    type = lh_arena_strndup(arena, (const char *)translation.out.data, translation.out.len);
  }
  lh_buf_clear(&translation.out);
  return type;
}
