/* Command-line options: parsing by a command's table, with errors that teach what would have been right. The
 * help that is printed from the same table is in options_help.c. */
#include "cli/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "project/project.h"

#define SHOWN_MAX_BYTES 80 /* of a wrong value in a message */

/* Of a URI only its scheme: the rest may hold a password. */
static int shown_length(const char *text) {
  const char *const authority = strstr(text, "://");
  if (authority != NULL && authority - text < SHOWN_MAX_BYTES) {
    return (int)(authority - text) + 3;
  }
  return (int)lh_utf8_truncate(text, strlen(text), SHOWN_MAX_BYTES);
}

/* Ends every usage error: `see "lakehaul run --help"`, after `advice` where there is any. */
static lh_status hint_help(const struct lh_command_spec *spec, const char *advice, struct lh_error *err) {
  const size_t length = strlen(advice);
  const char *const separator = length == 0 ? "" : advice[length - 1] == '?' ? " " : "; ";
  lh_error_hint(err, "%s%ssee \"lakehaul %s --help\"", advice, separator, spec->name);
  return LH_ERROR_USAGE;
}

static lh_status fail_unknown_option(const struct lh_command_spec *spec, const char *word,
                                     struct lh_error *err) {
  const bool is_long = word[1] == '-';
  const int length = is_long ? (int)strcspn(word, "=") : shown_length(word);
  lh_error_set(err, LH_ERROR_USAGE, "unknown option \"%.*s\"",
               length < SHOWN_MAX_BYTES ? length : SHOWN_MAX_BYTES, word);
  const char *names[LH_OPTIONS_MAX + 1] = {"help"};
  for (size_t i = 0; i < spec->option_count; i++) {
    names[i + 1] = spec->options[i].name;
  }
  char bare[64] = "";
  const size_t skipped = is_long ? 2 : 1;
  const size_t bare_length = strcspn(word + skipped, "=");
  if (bare_length < sizeof(bare)) {
    memcpy(bare, word + skipped, bare_length);
  }
  char advice[128] = "";
  const char *const nearest = bare_length > 1 ? lh_str_nearest(bare, names, spec->option_count + 1) : NULL;
  if (nearest != NULL) {
    snprintf(advice, sizeof(advice), "did you mean --%s?", nearest);
  } else if (spec->positional_name != NULL) {
    snprintf(advice, sizeof(advice), "write -- before a %s that starts with \"-\"", spec->positional_name);
  }
  return hint_help(spec, advice, err);
}

static const struct lh_option *find_long(const struct lh_command_spec *spec, const char *name,
                                         size_t length) {
  for (size_t i = 0; i < spec->option_count; i++) {
    if (strncmp(spec->options[i].name, name, length) == 0 && spec->options[i].name[length] == '\0') {
      return &spec->options[i];
    }
  }
  return NULL;
}

static const struct lh_option *find_short(const struct lh_command_spec *spec, char name) {
  for (size_t i = 0; i < spec->option_count; i++) {
    if (spec->options[i].short_name == name) {
      return &spec->options[i];
    }
  }
  return NULL;
}

static bool has_max(const struct lh_option *option) {
  return option->max != 0 && option->max != INT64_MAX;
}

/* "from 1 to 256", "of at least 1", for numbers and sizes. */
static void describe_bounds(const struct lh_option *option, char out[96]) {
  char least[32];
  char most[32];
  if (option->kind == LH_OPTION_BYTES) {
    lh_str_format_bytes((uint64_t)option->min, least);
    lh_str_format_bytes((uint64_t)option->max, most);
  } else {
    snprintf(least, sizeof(least), "%lld", (long long)option->min);
    snprintf(most, sizeof(most), "%lld", (long long)option->max);
  }
  if (has_max(option)) {
    snprintf(out, 96, "from %s to %s", least, most);
  } else {
    snprintf(out, 96, "of at least %s", least);
  }
}

static bool parse_int(const char *text, int64_t *out) {
  char *end;
  if (text[strspn(text, "-0123456789")] != '\0') {
    return false;
  }
  errno = 0;
  *out = strtoll(text, &end, 10);
  return errno == 0 && end != text && *end == '\0';
}

static bool parse_size(const char *text, int64_t *out) {
  uint64_t bytes;
  if (!lh_parse_bytes(text, &bytes) || bytes > INT64_MAX) {
    return false;
  }
  *out = (int64_t)bytes;
  return true;
}

static lh_status set_number(const struct lh_option *option, const char *text, struct lh_option_value *value,
                            struct lh_error *err) {
  const bool is_size = option->kind == LH_OPTION_BYTES;
  const bool parsed = is_size ? parse_size(text, &value->number) : parse_int(text, &value->number);
  if (parsed && value->number >= option->min && (!has_max(option) || value->number <= option->max)) {
    return LH_OK;
  }
  char bounds[96];
  describe_bounds(option, bounds);
  return lh_error_set(err, LH_ERROR_USAGE, "--%s must be a %s %s, not \"%.*s\"", option->name,
                      is_size ? "size" : "whole number", bounds, shown_length(text), text);
}

static lh_status set_choice(const struct lh_option *option, const char *text, struct lh_option_value *value,
                            struct lh_error *err) {
  char all[256] = "";
  size_t used = 0;
  for (size_t i = 0; option->choices[i] != NULL; i++) {
    if (strcmp(option->choices[i], text) == 0) {
      value->number = (int64_t)i;
      return LH_OK;
    }
    const int written =
        snprintf(all + used, sizeof(all) - used, "%s%s", i > 0 ? ", " : "", option->choices[i]);
    used += written > 0 && (size_t)written < sizeof(all) - used ? (size_t)written : 0;
  }
  return lh_error_set(err, LH_ERROR_USAGE, "--%s must be one of %s, not \"%.*s\"", option->name, all,
                      shown_length(text), text);
}

static lh_status set_value(const struct lh_option *option, const char *text, struct lh_option_value *value,
                           struct lh_error *err) {
  value->text = text;
  if (option->kind != LH_OPTION_FLAG && text[0] == '\0') {
    return lh_error_set(err, LH_ERROR_USAGE, "--%s must not be empty", option->name);
  }
  switch (option->kind) {
    case LH_OPTION_FLAG:
    case LH_OPTION_STRING:
    case LH_OPTION_TEXTS:
      return LH_OK;
    case LH_OPTION_INT:
    case LH_OPTION_BYTES:
      return set_number(option, text, value, err);
    case LH_OPTION_CHOICE:
      return set_choice(option, text, value, err);
  }
  return lh_error_set(err, LH_ERROR_INTERNAL, "option --%s has the kind %d", option->name, (int)option->kind);
}

/* Whether a word after an option that takes a value is its value: "-" and negative numbers are. */
static bool is_value(const struct lh_option *option, const char *word) {
  if (word == NULL) {
    return false;
  }
  int64_t number;
  return word[0] != '-' || word[1] == '\0' || (option->kind == LH_OPTION_INT && parse_int(word, &number));
}

struct parser {
  const struct lh_command_spec *spec;
  struct lh_options *out;
  int argc;
  char **argv;
  int at; /* the next word */
};

/* Takes the option whose word has just been read; `attached` is the value that came with it, or NULL. */
static lh_status take_option(struct parser *parser, const struct lh_option *option, const char *attached,
                             struct lh_error *err) {
  const struct lh_command_spec *const spec = parser->spec;
  struct lh_option_value *const value = &parser->out->values[option - spec->options];
  if (value->given && option->kind != LH_OPTION_TEXTS) {
    lh_error_set(err, LH_ERROR_USAGE, "--%s is given twice", option->name);
    return hint_help(spec, "", err);
  }
  value->given = true;
  if (option->kind == LH_OPTION_FLAG) {
    if (attached != NULL) {
      lh_error_set(err, LH_ERROR_USAGE, "--%s takes no value", option->name);
      return hint_help(spec, "", err);
    }
    return LH_OK;
  }
  const char *text = attached;
  if (text == NULL) {
    const char *const next = parser->at < parser->argc ? parser->argv[parser->at] : NULL;
    if (!is_value(option, next)) {
      char advice[128];
      snprintf(advice, sizeof(advice), "write --%s=%s", option->name, option->value_name);
      lh_error_set(err, LH_ERROR_USAGE, "--%s needs a value", option->name);
      return hint_help(spec, advice, err);
    }
    text = next;
    parser->at++;
  }
  if (option->kind == LH_OPTION_TEXTS) {
    if (parser->out->text_count == LH_OPTION_MAX_TEXTS) {
      return lh_error_set(err, LH_ERROR_USAGE, "--%s is given more than %d times", option->name,
                          LH_OPTION_MAX_TEXTS);
    }
    parser->out->texts[parser->out->text_count++] = text;
  }
  const lh_status status = set_value(option, text, value, err);
  return status == LH_ERROR_USAGE ? hint_help(spec, "", err) : status;
}

static lh_status take_long(struct parser *parser, const char *word, struct lh_error *err) {
  const char *const name = word + 2;
  const size_t length = strcspn(name, "=");
  if (strcmp(name, "help") == 0) {
    parser->out->help = true;
    return LH_OK;
  }
  const struct lh_option *const option = find_long(parser->spec, name, length);
  if (option == NULL) {
    return fail_unknown_option(parser->spec, word, err);
  }
  return take_option(parser, option, name[length] == '=' ? name + length + 1 : NULL, err);
}

static lh_status take_short(struct parser *parser, const char *word, struct lh_error *err) {
  const struct lh_option *const option = find_short(parser->spec, word[1]);
  if (option == NULL && strcmp(word, "-h") == 0) {
    parser->out->help = true;
    return LH_OK;
  }
  /* "-json" is --json with a dash too few, rather than -j with the value "son". */
  const bool is_long_name =
      word[2] != '\0' && find_long(parser->spec, word + 1, strcspn(word + 1, "=")) != NULL;
  if (option == NULL || is_long_name || (option->kind == LH_OPTION_FLAG && word[2] != '\0')) {
    return fail_unknown_option(parser->spec, word, err);
  }
  return take_option(parser, option, word[2] != '\0' ? word + 2 : NULL, err);
}

static lh_status take_positional(struct parser *parser, char *word, struct lh_error *err) {
  const struct lh_command_spec *const spec = parser->spec;
  if (spec->positional_name == NULL || parser->out->positional_count == spec->positional_max) {
    lh_error_set(err, LH_ERROR_USAGE, "unexpected argument \"%.*s\"", shown_length(word), word);
    char advice[128];
    if (spec->positional_name == NULL) {
      snprintf(advice, sizeof(advice), "\"%s\" takes options only", spec->name);
    } else if (spec->positional_max == 1) {
      snprintf(advice, sizeof(advice), "\"%s\" takes one %s; quote it if it holds spaces", spec->name,
               spec->positional_name);
    } else {
      snprintf(advice, sizeof(advice), "\"%s\" takes at most %zu %s", spec->name, spec->positional_max,
               spec->positional_name);
    }
    return hint_help(spec, advice, err);
  }
  parser->argv[parser->out->positional_count++] = word; /* never past the word just read */
  return LH_OK;
}

/* What must be there is there. */
static lh_status check_complete(const struct lh_options *options, struct lh_error *err) {
  const struct lh_command_spec *const spec = options->spec;
  if (spec->positional_name != NULL && options->positional_count < spec->positional_min) {
    lh_error_set(err, LH_ERROR_USAGE, "the argument %s is missing", spec->positional_name);
    return hint_help(spec, spec->positional_help, err);
  }
  for (size_t i = 0; i < spec->option_count; i++) {
    const struct lh_option *const option = &spec->options[i];
    if (option->required && !options->values[i].given) {
      lh_error_set(err, LH_ERROR_USAGE, "the option --%s %s is missing", option->name, option->value_name);
      return hint_help(spec, option->help, err);
    }
  }
  return LH_OK;
}

static lh_status set_defaults(struct lh_options *options, struct lh_error *err) {
  const struct lh_command_spec *const spec = options->spec;
  if (spec->option_count > LH_OPTIONS_MAX) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "\"%s\" has more than %d options", spec->name,
                        LH_OPTIONS_MAX);
  }
  for (size_t i = 0; i < spec->option_count; i++) {
    const struct lh_option *const option = &spec->options[i];
    if (option->default_text != NULL &&
        set_value(option, option->default_text, &options->values[i], err) != LH_OK) {
      return lh_error_set(err, LH_ERROR_INTERNAL, "the default of --%s is wrong: %s", option->name,
                          err->message);
    }
  }
  return LH_OK;
}

lh_status lh_options_parse(const struct lh_command_spec *spec, int argc, char **argv, struct lh_options *out,
                           struct lh_error *err) {
  *out = (struct lh_options){.spec = spec, .positionals = (const char *const *)argv};
  LH_TRY(set_defaults(out, err));
  struct parser parser = {.spec = spec, .out = out, .argc = argc, .argv = argv};
  bool options_ended = false;
  while (parser.at < argc) {
    char *const word = argv[parser.at++];
    if (options_ended || word[0] != '-' || word[1] == '\0') {
      LH_TRY(take_positional(&parser, word, err));
    } else if (strcmp(word, "--") == 0) {
      options_ended = true;
    } else if (word[1] == '-') {
      LH_TRY(take_long(&parser, word, err));
    } else {
      LH_TRY(take_short(&parser, word, err));
    }
    if (out->help) {
      return LH_OK;
    }
  }
  return check_complete(out, err);
}

void lh_options_clear(struct lh_options *options) {
  *options = (struct lh_options){0};
}

bool lh_options_given(const struct lh_options *options, size_t index) {
  return options->values[index].given;
}

bool lh_options_flag(const struct lh_options *options, size_t index) {
  return options->values[index].given;
}

const char *lh_options_string(const struct lh_options *options, size_t index) {
  return options->values[index].text;
}

int64_t lh_options_int(const struct lh_options *options, size_t index) {
  return options->values[index].number;
}

size_t lh_options_choice(const struct lh_options *options, size_t index) {
  return (size_t)options->values[index].number;
}

lh_status lh_options_fail_unknown(const char *what, const char *word, const char *const *names, size_t count,
                                  struct lh_error *err) {
  lh_error_set(err, LH_ERROR_USAGE, "unknown %s \"%.*s\"", what, shown_length(word), word);
  const char *const nearest = lh_str_nearest(word, names, count);
  if (nearest != NULL) {
    lh_error_hint(err, "did you mean \"%s\"? see \"lakehaul --help\"", nearest);
  } else {
    lh_error_hint(err, "see \"lakehaul --help\"");
  }
  return LH_ERROR_USAGE;
}
