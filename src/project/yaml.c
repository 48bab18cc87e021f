/* Strict reading of YAML: libyaml's document with its marks, turned into values or into errors that say where
 * they are. What the keys mean is not known here. */
#include "project/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "project/expand.h"

#define SHOWN_MAX_BYTES 64 /* of a wrong value in a message */
#define LABEL_SIZE 512
#define KEYS_MAX 64

static int shown_length(const char *text) {
  return (int)lh_utf8_truncate(text, strlen(text), SHOWN_MAX_BYTES);
}

static const char *label(const char *key, const char *scope, char out[LABEL_SIZE]) {
  snprintf(out, LABEL_SIZE, "%s%s%s", key, scope != NULL ? " of " : "", scope != NULL ? scope : "");
  return out;
}

lh_status lh_yaml_fail(const struct lh_yaml *yaml, const yaml_node_t *node, lh_status code,
                       struct lh_error *err, const char *format, ...) {
  char message[LH_ERROR_MESSAGE_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof(message), format, args);
  va_end(args);
  return lh_error_set(err, code, "%s:%zu:%zu: %s", yaml->path, node->start_mark.line + 1,
                      node->start_mark.column + 1, message);
}

lh_status lh_yaml_fail_later(const struct lh_yaml *yaml, const yaml_node_t *node, const char *what,
                             struct lh_error *err) {
  return lh_yaml_fail(yaml, node, LH_ERROR_UNSUPPORTED, err, "%s is not available in lakehaul %s", what,
                      LAKEHAUL_VERSION);
}

lh_status lh_yaml_fail_unknown(const struct lh_yaml *yaml, const yaml_node_t *node, const char *what,
                               const char *word, const char *scope, const char *const *names, size_t count,
                               struct lh_error *err) {
  lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "unknown %s \"%.*s\"%s%s", what, shown_length(word), word,
               scope != NULL ? " in " : "", scope != NULL ? scope : "");
  const char *const nearest = lh_str_nearest(word, names, count);
  if (nearest != NULL) {
    lh_error_hint(err, "did you mean \"%s\"?", nearest);
    return LH_ERROR_PROJECT;
  }
  const char *const all = lh_str_join(names, count, ", ", yaml->arena);
  if (all != NULL) {
    lh_error_hint(err, "known here: %s", all);
  }
  return LH_ERROR_PROJECT;
}

/* What libyaml says, and what people mostly did to make it say so. */
static const struct {
  const char *problem;
  const char *hint;
} syntax_hints[] = {
    {"mapping values are not allowed in this context",
     "a value that holds \": \" needs quotes; keys of one mapping start in the same column"},
    {"did not find expected ',' or '}'", "a value between { } that holds any of , [ ] { } needs quotes"},
    {"did not find expected ',' or ']'", "a value between [ ] that holds any of , [ ] { } needs quotes"},
    {"could not find expected ':'", "a key ends with a colon and a space: \"key: value\""},
    {"did not find expected key", "keys of one mapping start in the same column"},
    {"found undefined alias", "a value that starts with * needs quotes"},
    {"found character that cannot start any token", "a value that starts with @, ` or % needs quotes"},
    {"found unexpected end of stream", "a quote is not closed"},
    {"did not find expected alphabetic or numeric character", "a value that starts with & or * needs quotes"},
};

/* Whether tabs indent line `line` (from 0). */
static bool indented_by_tab(const char *text, size_t size, size_t line) {
  const char *at = text;
  const char *const end = text + size;
  for (; line > 0 && at != NULL; line--) {
    at = memchr(at, '\n', (size_t)(end - at));
    at = at != NULL ? at + 1 : NULL;
  }
  while (at != NULL && at < end && *at == ' ') {
    at++;
  }
  return at != NULL && at < end && *at == '\t';
}

static void hint_syntax(const yaml_parser_t *parser, const char *text, size_t size, struct lh_error *err) {
  if (indented_by_tab(text, size, parser->problem_mark.line)) {
    lh_error_hint(err, "YAML is indented with spaces: there is a tab at the start of the line");
    return;
  }
  for (size_t i = 0; i < sizeof(syntax_hints) / sizeof(syntax_hints[0]); i++) {
    if (strcmp(parser->problem, syntax_hints[i].problem) == 0) {
      lh_error_hint(err, "%s", syntax_hints[i].hint);
      return;
    }
  }
}

/* Bytes that are no text carry an offset instead of a mark. */
static lh_status fail_encoding(const char *path, const yaml_parser_t *parser, const char *text, size_t size,
                               struct lh_error *err) {
  const size_t offset = parser->problem_offset < size ? parser->problem_offset : size;
  size_t line = 1;
  size_t column = 1;
  for (size_t i = 0; i < offset; i++) {
    if (text[i] == '\n') {
      line++;
      column = 1;
    } else if (((unsigned char)text[i] & 0xC0) != 0x80) {
      column++;
    }
  }
  lh_error_set(err, LH_ERROR_PROJECT, "%s:%zu:%zu: %s", path, line, column, parser->problem);
  lh_error_hint(err, "the file must be UTF-8 text");
  return LH_ERROR_PROJECT;
}

static lh_status fail_syntax(const char *path, const yaml_parser_t *parser, const char *text, size_t size,
                             struct lh_error *err) {
  if (parser->error == YAML_MEMORY_ERROR || parser->problem == NULL) {
    return lh_error_memory(err);
  }
  if (parser->error == YAML_READER_ERROR) {
    return fail_encoding(path, parser, text, size, err);
  }
  const yaml_mark_t *const at = &parser->problem_mark;
  const bool has_context = parser->context != NULL;
  char since[48] = "";
  if (has_context && parser->context_mark.line != at->line) {
    snprintf(since, sizeof(since), " that starts on line %zu", parser->context_mark.line + 1);
  }
  lh_error_set(err, LH_ERROR_PROJECT, "%s:%zu:%zu: %s%s%s%s", path, at->line + 1, at->column + 1,
               parser->problem, has_context ? " " : "", has_context ? parser->context : "", since);
  hint_syntax(parser, text, size, err);
  return LH_ERROR_PROJECT;
}

/* Tags would give values other types than the keys say, and NUL would cut texts short. */
static lh_status check_nodes(const struct lh_yaml *yaml, struct lh_error *err) {
  static const char *const plain_tags[] = {YAML_STR_TAG, YAML_SEQ_TAG, YAML_MAP_TAG};
  for (const yaml_node_t *node = yaml->document.nodes.start; node < yaml->document.nodes.top; node++) {
    bool plain = false;
    for (size_t i = 0; i < sizeof(plain_tags) / sizeof(plain_tags[0]); i++) {
      plain = plain || strcmp((const char *)node->tag, plain_tags[i]) == 0;
    }
    if (!plain) {
      lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "the tag \"%.*s\" is not supported",
                   shown_length((const char *)node->tag), (const char *)node->tag);
      lh_error_hint(err, "remove it; a value that starts with ! needs quotes");
      return LH_ERROR_PROJECT;
    }
    if (node->type == YAML_SCALAR_NODE &&
        memchr(node->data.scalar.value, '\0', node->data.scalar.length) != NULL) {
      return lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "a text may not hold the character NUL");
    }
  }
  return LH_OK;
}

static lh_status load_only_document(struct lh_yaml *yaml, yaml_parser_t *parser, const char *text,
                                    size_t size, struct lh_error *err) {
  if (yaml_parser_load(parser, &yaml->document) == 0) {
    return fail_syntax(yaml->path, parser, text, size, err);
  }
  if (yaml_document_get_root_node(&yaml->document) == NULL) {
    yaml_document_delete(&yaml->document);
    lh_error_set(err, LH_ERROR_PROJECT, "%s:1:1: the file is empty", yaml->path);
    lh_error_hint(err, "\"lakehaul init\" writes one from a live database");
    return LH_ERROR_PROJECT;
  }
  yaml_document_t second;
  lh_status status = LH_OK;
  if (yaml_parser_load(parser, &second) == 0) {
    status = fail_syntax(yaml->path, parser, text, size, err);
  } else {
    const yaml_node_t *const root = yaml_document_get_root_node(&second);
    if (root != NULL) {
      status = lh_yaml_fail(yaml, root, LH_ERROR_PROJECT, err, "a second YAML document starts here");
      lh_error_hint(err, "one file is one project: remove the line \"---\" or what follows it");
    }
    yaml_document_delete(&second);
  }
  if (status == LH_OK) {
    status = check_nodes(yaml, err);
  }
  if (status != LH_OK) {
    yaml_document_delete(&yaml->document);
  }
  return status;
}

lh_status lh_yaml_open(struct lh_yaml *yaml, const char *text, size_t size, const char *path,
                       struct lh_arena *arena, struct lh_error *err) {
  *yaml = (struct lh_yaml){.path = path, .arena = arena};
  yaml_parser_t parser;
  if (yaml_parser_initialize(&parser) == 0) {
    return lh_error_memory(err);
  }
  /* An empty file may come as a buffer that was never allocated, which libyaml refuses by abort(). */
  yaml_parser_set_input_string(&parser, (const unsigned char *)(size > 0 ? text : ""), size);
  const lh_status status = load_only_document(yaml, &parser, text, size, err);
  yaml_parser_delete(&parser);
  return status;
}

void lh_yaml_close(struct lh_yaml *yaml) {
  yaml_document_delete(&yaml->document);
}

yaml_node_t *lh_yaml_root(struct lh_yaml *yaml) {
  return yaml_document_get_root_node(&yaml->document);
}

yaml_node_t *lh_yaml_node(struct lh_yaml *yaml, int index) {
  return yaml_document_get_node(&yaml->document, index);
}

int lh_yaml_line(const yaml_node_t *node) {
  return (int)node->start_mark.line + 1;
}

static bool is_null(const yaml_node_t *node) {
  if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
    return false;
  }
  const char *const text = (const char *)node->data.scalar.value;
  return text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0 ||
         strcmp(text, "Null") == 0 || strcmp(text, "NULL") == 0;
}

static const char *type_name(yaml_node_type_t type) {
  switch (type) {
    case YAML_SEQUENCE_NODE:
      return "a list";
    case YAML_MAPPING_NODE:
      return "a mapping";
    default:
      return "a single value";
  }
}

lh_status lh_yaml_expect(const struct lh_yaml *yaml, const yaml_node_t *node, yaml_node_type_t type,
                         const char *key, const char *scope, struct lh_error *err) {
  char name[LABEL_SIZE];
  if (is_null(node)) {
    return lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "%s has no value", label(key, scope, name));
  }
  if (node->type == type) {
    return LH_OK;
  }
  lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "%s must be %s, not %s", label(key, scope, name),
               type_name(type), type_name(node->type));
  if (type == YAML_SEQUENCE_NODE) {
    lh_error_hint(err, "a list is written [a, b]");
  } else if (node->type == YAML_MAPPING_NODE) {
    lh_error_hint(err, "a value that starts with { needs quotes");
  } else if (node->type == YAML_SEQUENCE_NODE) {
    lh_error_hint(err, "a value that starts with [ or \"- \" needs quotes");
  }
  return LH_ERROR_PROJECT;
}

lh_status lh_yaml_get_key(const struct lh_yaml *yaml, const yaml_node_t *node, const char **out,
                          struct lh_error *err) {
  if (node->type != YAML_SCALAR_NODE) {
    lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "a key must be a single word, not %s",
                 type_name(node->type));
    lh_error_hint(err, "write \"key: value\"");
    return LH_ERROR_PROJECT;
  }
  *out = (const char *)node->data.scalar.value;
  return LH_OK;
}

/* The keys of this version. */
static size_t list_key_names(const struct lh_yaml_key *keys, size_t key_count, const char *names[KEYS_MAX]) {
  size_t count = 0;
  for (size_t i = 0; i < key_count && count < KEYS_MAX; i++) {
    if (!keys[i].later) {
      names[count++] = keys[i].name;
    }
  }
  return count;
}

lh_status lh_yaml_get_fields(struct lh_yaml *yaml, const yaml_node_t *mapping, const struct lh_yaml_key *keys,
                             size_t key_count, const char *scope, struct lh_yaml_field *fields,
                             struct lh_error *err) {
  memset(fields, 0, key_count * sizeof(*fields));
  const yaml_node_pair_t *const end = mapping->data.mapping.pairs.top;
  for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start; pair < end; pair++) {
    yaml_node_t *const key_node = lh_yaml_node(yaml, pair->key);
    const char *word;
    LH_TRY(lh_yaml_get_key(yaml, key_node, &word, err));
    size_t index = 0;
    while (index < key_count && strcmp(keys[index].name, word) != 0) {
      index++;
    }
    const char *names[KEYS_MAX];
    if (index == key_count) {
      const size_t count = list_key_names(keys, key_count, names);
      return lh_yaml_fail_unknown(yaml, key_node, "key", word, scope, names, count, err);
    }
    char name[LABEL_SIZE];
    if (keys[index].later) {
      lh_yaml_fail_later(yaml, key_node, label(word, scope, name), err);
      const char *const all = lh_str_join(names, list_key_names(keys, key_count, names), ", ", yaml->arena);
      lh_error_hint(err, "this version has: %s", all != NULL ? all : "less");
      return LH_ERROR_UNSUPPORTED;
    }
    if (fields[index].key != NULL) {
      lh_yaml_fail(yaml, key_node, LH_ERROR_PROJECT, err, "%s is given twice, first on line %d",
                   label(word, scope, name), lh_yaml_line(fields[index].key));
      lh_error_hint(err, "keep one of them");
      return LH_ERROR_PROJECT;
    }
    fields[index] = (struct lh_yaml_field){key_node, lh_yaml_node(yaml, pair->value)};
  }
  return LH_OK;
}

lh_status lh_yaml_get_text(const struct lh_yaml *yaml, const yaml_node_t *node, const char *key,
                           const char *scope, const char **out, struct lh_error *err) {
  LH_TRY(lh_yaml_expect(yaml, node, YAML_SCALAR_NODE, key, scope, err));
  if (lh_expand_variables((const char *)node->data.scalar.value, yaml->arena, out, err) != LH_OK) {
    return lh_error_prefix(err, "%s:%zu:%zu", yaml->path, node->start_mark.line + 1,
                           node->start_mark.column + 1);
  }
  if ((*out)[strspn(*out, " \t\r\n")] == '\0') {
    char name[LABEL_SIZE];
    return lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "%s is empty", label(key, scope, name));
  }
  return LH_OK;
}

lh_status lh_yaml_get_int(const struct lh_yaml *yaml, const yaml_node_t *node, const char *key,
                          const char *scope, int least, int most, int *out, struct lh_error *err) {
  const char *text;
  LH_TRY(lh_yaml_get_text(yaml, node, key, scope, &text, err));
  int64_t value = 0;
  const char *at = text;
  for (; *at >= '0' && *at <= '9' && value <= most; at++) {
    value = value * 10 + (*at - '0');
  }
  if (*at != '\0' || value < least || value > most) {
    char name[LABEL_SIZE];
    return lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err,
                        "%s must be a whole number from %d to %d, not \"%.*s\"", label(key, scope, name),
                        least, most, shown_length(text), text);
  }
  *out = (int)value;
  return LH_OK;
}

lh_status lh_yaml_get_word(const struct lh_yaml *yaml, const yaml_node_t *node, const char *key,
                           const char *scope, const char *const *words, size_t count, size_t *out,
                           struct lh_error *err) {
  const char *text = "null";
  const bool says_null =
      node->type == YAML_SCALAR_NODE && strcmp((const char *)node->data.scalar.value, text) == 0;
  if (!says_null) {
    LH_TRY(lh_yaml_get_text(yaml, node, key, scope, &text, err));
  }
  for (size_t i = 0; i < count; i++) {
    if (strcmp(text, words[i]) == 0) {
      *out = i;
      return LH_OK;
    }
  }
  return lh_yaml_fail_unknown(yaml, node, key, text, scope, words, count, err);
}

lh_status lh_yaml_get_texts(struct lh_yaml *yaml, const yaml_node_t *node, const char *key, const char *scope,
                            const char *const **out, size_t *count, struct lh_error *err) {
  char name[LABEL_SIZE];
  LH_TRY(lh_yaml_expect(yaml, node, YAML_SEQUENCE_NODE, key, scope, err));
  const yaml_node_item_t *const items = node->data.sequence.items.start;
  const size_t item_count = (size_t)(node->data.sequence.items.top - items);
  if (item_count == 0) {
    return lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "%s is empty", label(key, scope, name));
  }
  const char **const texts = LH_ARENA_ARRAY(yaml->arena, const char *, item_count);
  if (texts == NULL) {
    return lh_error_memory(err);
  }
  struct lh_map seen;
  lh_map_init(&seen, yaml->arena);
  for (size_t i = 0; i < item_count; i++) {
    const yaml_node_t *const item = lh_yaml_node(yaml, items[i]);
    LH_TRY(lh_yaml_get_text(yaml, item, "an entry", label(key, scope, name), &texts[i], err));
    if (lh_map_get(&seen, texts[i]) != NULL) {
      return lh_yaml_fail(yaml, item, LH_ERROR_PROJECT, err, "%s names \"%.*s\" twice",
                          label(key, scope, name), shown_length(texts[i]), texts[i]);
    }
    LH_TRY(lh_map_put(&seen, texts[i], (void *)texts, err));
  }
  *out = texts;
  *count = item_count;
  return LH_OK;
}
