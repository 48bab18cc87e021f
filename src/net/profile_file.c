/* Reading the format of the AWS SDKs' shared files, in place: the text lies in memory for secrets, and no
 * part of it is copied elsewhere. Arrays are sized by a count of lines beforehand. */
#include "net/profile_file.h"

#include <ctype.h>
#include <string.h>

struct parser {
  const char *path;
  lh_status failure;
  int line;
  struct lh_profile_file *out;
  const char *section; /* NULL: none yet */
  bool is_continuable; /* a property stands before this line in the same section */
  size_t last;         /* its index; nested ones aside */
  char *last_end;      /* the NUL behind its value */
};

static lh_status fail(const struct parser *parser, struct lh_error *err, const char *what) {
  return lh_error_set(err, parser->failure, "%s, line %d: %s", parser->path, parser->line, what);
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

static char *skip_blanks(char *text) {
  while (is_blank(*text)) {
    text++;
  }
  return text;
}

static void trim_end(const char *start, char *end) {
  while (end > start && is_blank(end[-1])) {
    end--;
  }
  *end = '\0';
}

/* Cuts a comment: # or ; after white space. */
static void cut_comment(char *text) {
  for (char *c = text; *c != '\0'; c++) {
    if ((*c == '#' || *c == ';') && c > text && is_blank(c[-1])) {
      *c = '\0';
      return;
    }
  }
}

static lh_status read_section(struct parser *parser, char *text, struct lh_error *err) {
  char *const close = strchr(text, ']');
  if (close == NULL) {
    return fail(parser, err, "a section without closing bracket");
  }
  const char *const rest = skip_blanks(close + 1);
  if (*rest != '\0' && *rest != '#' && *rest != ';') {
    return fail(parser, err, "something stands behind the section's closing bracket");
  }
  char *const name = skip_blanks(text + 1);
  trim_end(name, close);
  parser->section = name;
  parser->is_continuable = false;
  parser->out->sections[parser->out->section_count++] = name;
  return LH_OK;
}

/* Splits "name = value". */
static lh_status split_property(const struct parser *parser, char *text, char **name, char **value,
                                struct lh_error *err) {
  char *const equals = strchr(text, '=');
  if (equals == NULL) {
    return fail(parser, err, "neither a section nor \"name = value\"");
  }
  *name = text;
  trim_end(text, equals);
  if (**name == '\0') {
    return fail(parser, err, "a value without a name");
  }
  for (char *c = *name; *c != '\0'; c++) {
    *c = (char)tolower((unsigned char)*c);
  }
  *value = skip_blanks(equals + 1);
  return LH_OK;
}

static void add_property(struct parser *parser, const char *parent, const char *name, const char *value) {
  parser->out->properties[parser->out->count++] = (struct lh_profile_property){
      .section = parser->section, .parent = parent, .name = name, .value = value};
}

static lh_status read_property(struct parser *parser, char *text, struct lh_error *err) {
  char *name = text;
  char *value = text;
  if (parser->section == NULL) {
    return fail(parser, err, "a property before the first section");
  }
  LH_TRY(split_property(parser, text, &name, &value, err));
  if (*value == '#' || *value == ';') {
    *value = '\0';
  }
  cut_comment(value);
  trim_end(value, value + strlen(value));
  parser->last = parser->out->count;
  parser->last_end = value + strlen(value);
  parser->is_continuable = true;
  add_property(parser, NULL, name, value);
  return LH_OK;
}

static lh_status read_continuation(struct parser *parser, char *text, struct lh_error *err) {
  const struct lh_profile_property *const last = &parser->out->properties[parser->last];
  trim_end(text, text + strlen(text));
  if (last->value[0] == '\0') {
    char *name = text;
    char *value = text;
    LH_TRY(split_property(parser, text, &name, &value, err));
    add_property(parser, last->name, name, value);
    return LH_OK;
  }
  /* The value grows in place, over the blanks and comments between: it moves towards the start only. */
  const size_t length = strlen(text);
  *parser->last_end = '\n';
  memmove(parser->last_end + 1, text, length + 1);
  parser->last_end += 1 + length;
  return LH_OK;
}

static lh_status read_line(struct parser *parser, char *line, struct lh_error *err) {
  char *const text = skip_blanks(line);
  if (*text == '\0' || *text == '#' || *text == ';') {
    return LH_OK;
  }
  const bool is_indented = text != line;
  if (is_indented && parser->is_continuable) {
    return read_continuation(parser, text, err);
  }
  return *text == '[' ? read_section(parser, text, err) : read_property(parser, text, err);
}

lh_status lh_profile_file_parse(char *text, size_t size, const char *path, lh_status failure,
                                struct lh_arena *arena, struct lh_profile_file *out, struct lh_error *err) {
  size_t lines = 1;
  for (size_t i = 0; i < size; i++) {
    lines += text[i] == '\n';
    if (text[i] == '\0') {
      return lh_error_set(err, failure, "%s holds a NUL and is no text", path);
    }
  }
  *out = (struct lh_profile_file){.properties = LH_ARENA_ARRAY(arena, struct lh_profile_property, lines),
                                  .sections = LH_ARENA_ARRAY(arena, const char *, lines)};
  if (out->properties == NULL || out->sections == NULL) {
    return lh_error_memory(err);
  }
  struct parser parser = {.path = path, .failure = failure, .out = out};
  char *line = strncmp(text, "\xEF\xBB\xBF", 3) == 0 ? text + 3 : text;
  while (line != NULL) {
    char *const end = strchr(line, '\n');
    if (end != NULL) {
      *end = '\0';
    }
    parser.line++;
    LH_TRY(read_line(&parser, line, err));
    line = end != NULL ? end + 1 : NULL;
  }
  return LH_OK;
}
