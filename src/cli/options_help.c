/* The help of a command, printed from the table that also drives its parsing. */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "cli/options.h"

#define HELP_COLUMNS 90
#define TEXT_COLUMN_MAX 30 /* option names wider than this have their text on the next line */
#define LABEL_SIZE 128

/* Columns on a terminal: one per character for what help texts hold. */
static size_t display_width(const char *text, size_t length) {
  size_t width = 0;
  for (size_t i = 0; i < length; i++) {
    width += ((unsigned char)text[i] & 0xC0) != 0x80;
  }
  return width;
}

/* Writes words of `text` in lines from column `indent` on; the cursor is at `column`. Empty lines stay. */
static void print_wrapped(const char *text, size_t column, size_t indent, FILE *stream) {
  const char *at = text;
  bool line_has_words = false;
  while (*at != '\0') {
    if (at[0] == '\n' && at[1] == '\n') {
      fputs("\n\n", stream);
      column = 0;
      line_has_words = false;
    }
    at += strspn(at, " \n");
    const size_t length = strcspn(at, " \n");
    if (length == 0) {
      continue;
    }
    const size_t width = display_width(at, length);
    if (line_has_words && column + 1 + width > HELP_COLUMNS) {
      fputc('\n', stream);
      column = 0;
      line_has_words = false;
    }
    if (line_has_words) {
      fputc(' ', stream);
      column++;
    }
    for (; !line_has_words && column < indent; column++) {
      fputc(' ', stream);
    }
    fwrite(at, 1, length, stream);
    column += width;
    line_has_words = true;
    at += length;
  }
  fputc('\n', stream);
}

/* "  -j, --jobs N" */
static void format_label(const struct lh_option *option, char out[LABEL_SIZE]) {
  char short_form[8] = "    ";
  if (option->short_name != '\0') {
    snprintf(short_form, sizeof(short_form), "-%c, ", option->short_name);
  }
  const bool valued = option->kind != LH_OPTION_FLAG;
  snprintf(out, LABEL_SIZE, "  %s--%s%s%s", short_form, option->name, valued ? " " : "",
           valued ? option->value_name : "");
}

static void append(char *out, size_t size, const char *separator, const char *text) {
  const size_t used = strlen(out);
  snprintf(out + used, size - used, "%s%s", used > 0 ? separator : "", text);
}

/* "1 to 256; default: 2" */
static void format_facts(const struct lh_option *option, char *out, size_t size) {
  out[0] = '\0';
  if (option->required) {
    append(out, size, "; ", "required");
  }
  if (option->kind == LH_OPTION_INT || option->kind == LH_OPTION_BYTES) {
    char least[32];
    char most[32];
    char bounds[96];
    if (option->kind == LH_OPTION_BYTES) {
      lh_str_format_bytes((uint64_t)option->min, least);
      lh_str_format_bytes((uint64_t)option->max, most);
    } else {
      snprintf(least, sizeof(least), "%" PRId64, option->min);
      snprintf(most, sizeof(most), "%" PRId64, option->max);
    }
    if (option->max != 0 && option->max != INT64_MAX) {
      snprintf(bounds, sizeof(bounds), "%s to %s", least, most);
      append(out, size, "; ", bounds);
    } else if (option->min > 0) {
      snprintf(bounds, sizeof(bounds), "at least %s", least);
      append(out, size, "; ", bounds);
    }
  }
  for (size_t i = 0; option->kind == LH_OPTION_CHOICE && option->choices[i] != NULL; i++) {
    append(out, size, i > 0 ? ", " : "; ", option->choices[i]);
  }
  const char *const fallback = option->fallback != NULL ? option->fallback : option->default_text;
  if (fallback != NULL) {
    append(out, size, "; ", "default: ");
    append(out, size, "", fallback);
  }
}

static void print_entry(const char *label, const char *text, size_t text_column, FILE *stream) {
  const size_t width = display_width(label, strlen(label));
  fputs(label, stream);
  size_t column = width;
  if (width + 2 > text_column) {
    fputc('\n', stream);
    column = 0;
  }
  for (; column < text_column; column++) {
    fputc(' ', stream);
  }
  print_wrapped(text, column, text_column, stream);
}

static void print_options(const struct lh_command_spec *spec, size_t text_column, FILE *stream) {
  char label[LABEL_SIZE];
  fputs("\nOptions:\n", stream);
  for (size_t i = 0; i < spec->option_count; i++) {
    const struct lh_option *const option = &spec->options[i];
    char facts[256];
    char text[1024];
    format_label(option, label);
    format_facts(option, facts, sizeof(facts));
    snprintf(text, sizeof(text), "%s%s%s%s", option->help, facts[0] != '\0' ? " (" : "", facts,
             facts[0] != '\0' ? ")" : "");
    print_entry(label, text, text_column, stream);
  }
  print_entry("  -h, --help", "show this help", text_column, stream);
}

static size_t find_text_column(const struct lh_command_spec *spec) {
  size_t widest = strlen("  -h, --help");
  for (size_t i = 0; i < spec->option_count; i++) {
    char label[LABEL_SIZE];
    format_label(&spec->options[i], label);
    const size_t width = display_width(label, strlen(label));
    if (width > widest && width + 2 <= TEXT_COLUMN_MAX) {
      widest = width;
    }
  }
  return widest + 2;
}

void lh_options_print_help(const struct lh_command_spec *spec, FILE *stream) {
  fprintf(stream, "lakehaul %s: %s\n\nUsage:\n", spec->name, spec->summary);
  for (const char *line = spec->usage; *line != '\0'; line += strspn(line, "\n")) {
    const size_t length = strcspn(line, "\n");
    fprintf(stream, "  %.*s\n", (int)length, line);
    line += length;
  }
  if (spec->description != NULL) {
    fputc('\n', stream);
    print_wrapped(spec->description, 0, 0, stream);
  }
  const size_t text_column = find_text_column(spec);
  if (spec->positional_name != NULL) {
    char label[LABEL_SIZE];
    snprintf(label, sizeof(label), "  %s%s", spec->positional_name, spec->positional_max > 1 ? "…" : "");
    fputs("\nArguments:\n", stream);
    print_entry(label, spec->positional_help, text_column, stream);
  }
  print_options(spec, text_column, stream);
  if (spec->examples != NULL) {
    fprintf(stream, "\nExamples:\n%s", spec->examples);
  }
}
