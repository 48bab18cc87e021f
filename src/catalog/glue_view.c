/* Views in Glue as Athena and Trino write and read them: TableType VIRTUAL_VIEW, and for the SELECT a comment
 * that holds JSON in Base64 ("Presto View"), with the columns' types in Trino's words. */
#include <string.h>

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/str.h"
#include "catalog/glue_impl.h"

#define VIEW_MAX_BYTES ((size_t)409600) /* Glue's limit of ViewOriginalText */
#define TYPE_MAX_BYTES ((size_t)131072)

/* -------- types -------- */

static const struct {
  const char *glue, *trino;
} scalars[] = {
    {"boolean", "boolean"}, {"tinyint", "tinyint"},  {"smallint", "smallint"},      {"int", "integer"},
    {"bigint", "bigint"},   {"float", "real"},       {"double", "double"},          {"string", "varchar"},
    {"date", "date"},       {"binary", "varbinary"}, {"timestamp", "timestamp(3)"},
};

struct translation {
  const char *at; /* what is left of Glue's name */
  struct lh_buf *out;
  struct lh_error *err;
};

static lh_status append_type(struct translation *translation);

static bool take(struct translation *translation, const char *prefix) {
  const size_t length = strlen(prefix);
  if (strncmp(translation->at, prefix, length) != 0) {
    return false;
  }
  translation->at += length;
  return true;
}

/* "<a,b>" as "(a, b)"; `named`: each with a name before it. */
static lh_status append_parts(struct translation *translation, const char *outer, bool named) {
  LH_TRY(lh_buf_printf(translation->out, translation->err, "%s(", outer));
  for (bool first = true; first || take(translation, ","); first = false) {
    LH_TRY(lh_buf_append_str(translation->out, first ? "" : ",", translation->err));
    if (named) {
      const size_t length = strcspn(translation->at, ":");
      LH_TRY(lh_buf_printf(translation->out, translation->err, "\"%.*s\" ", (int)length, translation->at));
      translation->at += length + 1;
    }
    LH_TRY(append_type(translation));
  }
  translation->at += translation->at[0] == '>' ? 1 : 0;
  return lh_buf_append_str(translation->out, ")", translation->err);
}

/* Of a type that lh_glue_type has made. */
static lh_status append_type(struct translation *translation) {
  if (take(translation, "array<")) {
    return append_parts(translation, "array", false);
  }
  if (take(translation, "map<")) {
    return append_parts(translation, "map", false);
  }
  if (take(translation, "struct<")) {
    return append_parts(translation, "row", true);
  }
  size_t length = strcspn(translation->at, ",>(");
  if (translation->at[length] == '(') {
    length = strcspn(translation->at, ")") + 1; /* decimal(12,2) */
  }
  const char *type = translation->at;
  size_t type_length = length;
  for (size_t i = 0; i < sizeof(scalars) / sizeof(scalars[0]); i++) {
    if (strlen(scalars[i].glue) == length && strncmp(scalars[i].glue, translation->at, length) == 0) {
      type = scalars[i].trino;
      type_length = strlen(type);
    }
  }
  translation->at += length;
  return lh_buf_append(translation->out, type, type_length, translation->err);
}

static lh_status make_type(const char *glue_type, struct lh_arena *arena, const char **out,
                           struct lh_error *err) {
  struct lh_buf text;
  lh_buf_init(&text, TYPE_MAX_BYTES);
  struct translation translation = {glue_type, &text, err};
  const lh_status status = append_type(&translation);
  *out = status == LH_OK ? lh_arena_strndup(arena, (const char *)text.data, text.len) : NULL;
  lh_buf_clear(&text);
  LH_TRY(status);
  return *out != NULL ? LH_OK : lh_error_memory(err);
}

/* -------- the definition -------- */

static lh_status make_definition(const struct lh_glue_view *view, const struct lh_lake_version *version,
                                 const json_t *columns, struct lh_arena *arena, json_t **out,
                                 struct lh_error *err) {
  json_t *const list = json_array();
  size_t i = 0;
  const json_t *column = NULL;
  lh_status status = list != NULL ? LH_OK : lh_error_memory(err);
  json_array_foreach(columns, i, column) {
    const char *type = NULL;
    status = status == LH_OK ? make_type(lh_glue_text(column, "Type"), arena, &type, err) : status;
    if (status == LH_OK) {
      json_array_append_new(list,
                            json_pack("{s:s, s:s}", "name", lh_glue_text(column, "Name"), "type", type));
    }
  }
  if (status != LH_OK) {
    json_decref(list);
    return status;
  }
  /* Without an owner whom Trino could run it as, whoever queries it does. */
  const size_t length = lh_sql_trimmed_length(version->view_sql);
  *out = json_pack("{s:s%, s:s, s:s, s:o, s:b}", "originalSql", version->view_sql, length, "catalog",
                   view->catalog, "schema", view->schema, "columns", list, "runAsInvoker", 1);
  return *out != NULL ? LH_OK : lh_error_memory(err);
}

static lh_status wrap_definition(const struct lh_buf *json, struct lh_arena *arena, const char **out,
                                 struct lh_error *err) {
  const size_t size = 4 * ((json->len + 2) / 3);
  char *const encoded = lh_arena_alloc(arena, size + 1);
  if (encoded == NULL) {
    return lh_error_memory(err);
  }
  EVP_EncodeBlock((unsigned char *)encoded, json->data, (int)json->len);
  *out = lh_arena_printf(arena, "/* Presto View: %s */", encoded);
  return *out != NULL ? LH_OK : lh_error_memory(err);
}

lh_status lh_glue_make_view_text(const struct lh_glue_view *view, const struct lh_lake_version *version,
                                 const json_t *columns, struct lh_arena *arena, const char **out,
                                 struct lh_error *err) {
  json_t *definition = NULL;
  struct lh_buf json;
  LH_TRY(make_definition(view, version, columns, arena, &definition, err));
  lh_buf_init(&json, VIEW_MAX_BYTES / 4 * 3 - 64);
  lh_status status = lh_json_take_append(definition, false, &json, err);
  if (status == LH_OK) {
    status = wrap_definition(&json, arena, out, err);
  } else {
    lh_error_prefix(err, "the SELECT of view %s", version->table);
  }
  lh_buf_clear(&json);
  return status;
}

/* -------- views of others -------- */

/* The SELECT in Athena's and Trino's form; a text in another form as it is. */
static lh_status read_view_text(const char *text, struct lh_arena *arena, const char **out,
                                struct lh_error *err) {
  static const char prefix[] = "/* Presto View: ";
  *out = lh_arena_strdup(arena, text);
  if (*out == NULL) {
    return lh_error_memory(err);
  }
  if (strncmp(text, prefix, sizeof(prefix) - 1) != 0) {
    return LH_OK;
  }
  const char *const encoded = text + sizeof(prefix) - 1;
  const size_t length = strcspn(encoded, " ");
  unsigned char *const bytes = lh_arena_alloc(arena, length + 1);
  if (bytes == NULL) {
    return lh_error_memory(err);
  }
  const int size = EVP_DecodeBlock(bytes, (const unsigned char *)encoded, (int)length);
  json_t *const definition =
      size > 0 ? json_loadb((const char *)bytes, (size_t)size, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
  const char *const sql = lh_glue_text(definition, "originalSql");
  *out = lh_arena_strdup(arena, sql);
  json_decref(definition);
  return *out != NULL ? LH_OK : lh_error_memory(err);
}

struct view_list {
  struct lh_glue_view_sql *items;
  size_t count, capacity;
};

static lh_status add_view(struct view_list *list, const json_t *table, struct lh_arena *arena,
                          struct lh_error *err) {
  if (strcmp(lh_glue_text(table, "TableType"), "VIRTUAL_VIEW") != 0 ||
      lh_glue_standing_of(table) == LH_GLUE_OWN) {
    return LH_OK;
  }
  struct lh_glue_view_sql *const items =
      lh_arena_grow(arena, list->items, list->count, &list->capacity, sizeof(*items));
  if (items == NULL) {
    return lh_error_memory(err);
  }
  list->items = items;
  struct lh_glue_view_sql *const view = &list->items[list->count++];
  view->name = lh_arena_strdup(arena, lh_glue_text(table, "Name"));
  if (view->name == NULL) {
    return lh_error_memory(err);
  }
  return read_view_text(lh_glue_text(table, "ViewOriginalText"), arena, &view->sql, err);
}

lh_status lh_glue_list_foreign_views(struct lh_glue *glue, struct lh_arena *arena,
                                     const struct lh_glue_view_sql **out, size_t *count,
                                     struct lh_error *err) {
  struct view_list list = {0};
  const char *token = "";
  lh_status status = LH_OK;
  while (status == LH_OK && token != NULL) {
    json_t *answer = NULL;
    json_t *const input = json_pack("{s:s, s:s*}", "DatabaseName", glue->database, "NextToken",
                                    token[0] != '\0' ? token : NULL);
    LH_TRY(lh_glue_call(glue, "GetTables", "all tables", input, &answer, err));
    size_t i = 0;
    const json_t *table = NULL;
    json_array_foreach(json_object_get(answer, "TableList"), i, table) {
      status = status == LH_OK ? add_view(&list, table, arena, err) : status;
    }
    const char *const next = lh_glue_text(answer, "NextToken");
    token = next[0] != '\0' ? lh_arena_strdup(arena, next) : NULL;
    json_decref(answer);
  }
  *out = list.items;
  *count = list.count;
  return status;
}
