/*
 * Command-line options, declared once per command: the table drives parsing and help alike.
 *
 *   enum { OPT_JOBS, OPT_JSON, OPT_COUNT };
 *   static const struct lh_option run_options[OPT_COUNT] = {
 *       [OPT_JOBS] = {.name = "jobs", .short_name = 'j', .kind = LH_OPTION_INT, .value_name = "N", .min = 1,
 *                     .max = 256, .help = "tasks at a time", .fallback = "the project's"},
 *       [OPT_JSON] = {.name = "json", .kind = LH_OPTION_FLAG, .help = "print the result as JSON"},
 *   };
 *
 *   struct lh_options options;
 *   LH_TRY(lh_options_parse(&run_spec, argc, argv, &options, err));
 *   if (options.help) { lh_options_print_help(&run_spec, stdout); return LH_OK; }
 *   if (lh_options_given(&options, OPT_JOBS)) { jobs = (int)lh_options_int(&options, OPT_JOBS); }
 *
 * Accepted: --name value, --name=value, -n value, -nvalue, options and arguments in any order, `--` before
 * arguments that start with "-". Every command has --help and -h. No abbreviations: what a script says today
 * means the same tomorrow.
 */
#ifndef LH_CLI_OPTIONS_H
#define LH_CLI_OPTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lakehaul/error.h"

#define LH_OPTIONS_MAX 32        /* per command */
#define LH_OPTION_MAX_TEXTS 1000 /* of an LH_OPTION_TEXTS */

enum lh_option_kind {
  LH_OPTION_FLAG,   /* takes no value */
  LH_OPTION_STRING, /* any text but an empty one */
  LH_OPTION_INT,    /* a whole number from min to max */
  LH_OPTION_BYTES,  /* "512MB", from min to max bytes */
  LH_OPTION_CHOICE, /* one of choices */
  LH_OPTION_TEXTS,  /* a text, and may be given again; one option of a command at most */
};

struct lh_option {
  const char *name; /* "jobs": --jobs */
  char short_name;  /* 'j': -j; 0: none */
  enum lh_option_kind kind;
  bool required;
  const char *value_name;     /* "N" in help and messages; NULL for flags */
  const char *help;           /* one sentence, lower case, no full stop */
  int64_t min;                /* LH_OPTION_INT and LH_OPTION_BYTES, inclusive */
  int64_t max;                /* 0 or INT64_MAX: none */
  const char *const *choices; /* LH_OPTION_CHOICE: NULL-terminated */
  const char *default_text;   /* the value where the option is not given, as one would type it; NULL: none */
  const char *fallback;       /* help only: where the value comes from instead, "the project's" */
};

#define LH_POSITIONAL_ANY SIZE_MAX /* as positional_max */

struct lh_command_spec {
  const char *name;        /* "run" */
  const char *summary;     /* one line, lower case, no full stop */
  const char *usage;       /* "lakehaul run [options] [TASK…]"; a line per form */
  const char *description; /* paragraphs, separated by empty lines; wrapped when printed; may be NULL */
  const char *examples;    /* lines as they are printed, "  lakehaul run\n"; may be NULL */
  const struct lh_option *options;
  size_t option_count;
  const char *positional_name; /* of arguments that are not options: "TASK"; NULL: the command takes none */
  size_t positional_min;
  size_t positional_max;
  const char *positional_help;
};

struct lh_option_value {
  bool given;       /* on the command line, not by its default */
  const char *text; /* borrowed from argv or the spec; NULL where not given and without default */
  int64_t number;   /* LH_OPTION_INT, LH_OPTION_BYTES; index into choices for LH_OPTION_CHOICE */
};

struct lh_options {
  const struct lh_command_spec *spec;
  struct lh_option_value values[LH_OPTIONS_MAX]; /* same order as spec->options */
  const char *const *positionals;                /* borrowed from argv */
  size_t positional_count;
  const char *texts[LH_OPTION_MAX_TEXTS]; /* of the LH_OPTION_TEXTS option; borrowed from argv */
  size_t text_count;
  bool help; /* --help or -h was given: nothing after it is looked at, and nothing is missed */
};

/* Parses what follows the command's name: `argv[0]` is the first option or argument. Moves the arguments to
 * argv's front, and borrows from it. Everything that is wrong is LH_ERROR_USAGE, with a hint that ends in
 * `see "lakehaul run --help"`. */
lh_status lh_options_parse(const struct lh_command_spec *spec, int argc, char **argv, struct lh_options *out,
                           struct lh_error *err) LH_WARN_UNUSED;

/* Forgets what was parsed. Nothing of it is on the heap. */
void lh_options_clear(struct lh_options *options);

/* Accessors by the option's place in the table. */
bool lh_options_given(const struct lh_options *options, size_t index);
bool lh_options_flag(const struct lh_options *options, size_t index);
const char *lh_options_string(const struct lh_options *options, size_t index); /* NULL: none */
int64_t lh_options_int(const struct lh_options *options, size_t index);        /* bytes too; 0: none */
size_t lh_options_choice(const struct lh_options *options, size_t index);      /* index into choices */

/* Summary, usage, description, arguments, options with bounds and defaults, examples; at most 90 columns. */
void lh_options_print_help(const struct lh_command_spec *spec, FILE *stream);

/* LH_ERROR_USAGE for a command or anything else that is one of `names`, with the nearest as its hint: for the
 * program's own command names. */
lh_status lh_options_fail_unknown(const char *what, const char *word, const char *const *names, size_t count,
                                  struct lh_error *err);

#endif
