/* Command-line options: what is accepted, what every wrong line is told, and the help. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/options.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SEE "see \"lakehaul run --help\""

enum { OPT_OUTPUT, OPT_JOBS, OPT_OFFSET, OPT_MEMORY, OPT_FORMAT, OPT_JSON, OPT_COUNT };

static const char *const formats[] = {"table", "csv", "json", NULL};
static const struct lh_option run_options[OPT_COUNT] = {
    [OPT_OUTPUT] = {.name = "output",
                    .short_name = 'o',
                    .kind = LH_OPTION_STRING,
                    .value_name = "FILE",
                    .help = "where the result goes"},
    [OPT_JOBS] = {.name = "jobs",
                  .short_name = 'j',
                  .kind = LH_OPTION_INT,
                  .value_name = "N",
                  .help = "tasks at a time",
                  .min = 1,
                  .max = 256,
                  .fallback = "the project's"},
    [OPT_OFFSET] = {.name = "offset",
                    .kind = LH_OPTION_INT,
                    .value_name = "N",
                    .help = "rows to go back",
                    .min = -9,
                    .default_text = "0"},
    [OPT_MEMORY] = {.name = "memory",
                    .kind = LH_OPTION_BYTES,
                    .value_name = "SIZE",
                    .help = "ceiling of the whole run, which is divided among its tasks before work starts",
                    .min = 64 << 20,
                    .default_text = "512MB"},
    [OPT_FORMAT] = {.name = "a-rather-long-option-name",
                    .kind = LH_OPTION_CHOICE,
                    .value_name = "FORMAT",
                    .help = "form of the result",
                    .choices = formats,
                    .default_text = "table"},
    [OPT_JSON] = {.name = "json", .kind = LH_OPTION_FLAG, .help = "print a machine-readable result"},
};
static const struct lh_command_spec run_spec = {
    .name = "run",
    .summary = "run tasks and what they depend on",
    .usage = "lakehaul run [options] [TASK…]\nlakehaul run --only TASK",
    .description =
        "Every task is a process of its own: one that fails, crashes or is killed does not stop the "
        "others.\n\nA failed run changes nothing that readers see.",
    .positional_name = "TASK",
    .positional_min = 0,
    .positional_max = 2,
    .positional_help = "tasks to run; all where none is named",
    .options = run_options,
    .option_count = OPT_COUNT,
    .examples =
        "  lakehaul run                    # all tasks\n"
        "  lakehaul run orders --jobs 4    # one task and what it reads\n",
};

/* A command that needs an option and exactly one argument. */
static const struct lh_option query_options[] = {{.name = "into",
                                                  .kind = LH_OPTION_STRING,
                                                  .value_name = "FILE",
                                                  .required = true,
                                                  .help = "the file to write"}};
static const struct lh_command_spec query_spec = {
    .name = "query",
    .summary = "query the lake",
    .usage = "lakehaul query SQL",
    .positional_name = "SQL",
    .positional_min = 1,
    .positional_max = 1,
    .positional_help = "the SELECT to run",
    .options = query_options,
    .option_count = COUNT(query_options),
};
static const struct lh_command_spec gc_spec = {
    .name = "gc", .summary = "old versions", .usage = "lakehaul gc"};

/* Parses a line of words separated by single spaces; "''" is an empty word. */
struct line {
  char text[256];
  char *words[32];
  struct lh_options options;
  struct lh_error err;
};

static lh_status parse(const struct lh_command_spec *spec, const char *text, struct line *line) {
  memset(line, 0, sizeof(*line));
  snprintf(line->text, sizeof(line->text), "%s", text);
  int count = 0;
  char *rest = NULL;
  for (char *word = strtok_r(line->text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
    if (strcmp(word, "''") == 0) {
      word[0] = '\0';
    }
    line->words[count++] = word;
  }
  return lh_options_parse(spec, count, line->words, &line->options, &line->err);
}

static void assert_parses(const char *text, struct line *line) {
  if (parse(&run_spec, text, line) != LH_OK) {
    fail_msg("\"%s\": %s", text, line->err.message);
  }
}

static void every_form_of_an_option_means_the_same(void **state) {
  (void)state;
  static const char *const forms[] = {"--jobs 4", "--jobs=4", "-j 4", "-j4"};
  for (size_t i = 0; i < COUNT(forms); i++) {
    struct line line;
    assert_parses(forms[i], &line);
    assert_true(lh_options_given(&line.options, OPT_JOBS));
    assert_int_equal(lh_options_int(&line.options, OPT_JOBS), 4);
    assert_int_equal(line.options.positional_count, 0);
  }
}

static void options_and_arguments_come_in_any_order(void **state) {
  (void)state;
  struct line line;
  assert_parses("orders --json -o out.json users --memory=1GB --a-rather-long-option-name csv --offset -3",
                &line);
  assert_int_equal(line.options.positional_count, 2);
  assert_string_equal(line.options.positionals[0], "orders");
  assert_string_equal(line.options.positionals[1], "users");
  assert_true(lh_options_flag(&line.options, OPT_JSON));
  assert_string_equal(lh_options_string(&line.options, OPT_OUTPUT), "out.json");
  assert_true(lh_options_int(&line.options, OPT_MEMORY) == (int64_t)1 << 30);
  assert_int_equal(lh_options_choice(&line.options, OPT_FORMAT), 1);
  assert_string_equal(lh_options_string(&line.options, OPT_FORMAT), "csv");
  assert_int_equal(lh_options_int(&line.options, OPT_OFFSET), -3);
}

static void what_is_not_given_has_its_default(void **state) {
  (void)state;
  struct line line;
  assert_parses("", &line);
  assert_false(lh_options_given(&line.options, OPT_MEMORY));
  assert_true(lh_options_int(&line.options, OPT_MEMORY) == (int64_t)512 << 20);
  assert_int_equal(lh_options_choice(&line.options, OPT_FORMAT), 0);
  assert_string_equal(lh_options_string(&line.options, OPT_FORMAT), "table");
  assert_null(lh_options_string(&line.options, OPT_OUTPUT));
  assert_int_equal(lh_options_int(&line.options, OPT_JOBS), 0);
  assert_false(lh_options_flag(&line.options, OPT_JSON));
}

static void two_dashes_end_the_options(void **state) {
  (void)state;
  struct line line;
  assert_parses("--json -- --jobs --", &line);
  assert_int_equal(line.options.positional_count, 2);
  assert_string_equal(line.options.positionals[0], "--jobs");
  assert_string_equal(line.options.positionals[1], "--");
}

static void one_dash_is_a_value_and_an_argument(void **state) {
  (void)state;
  struct line line;
  assert_parses("-o - -", &line);
  assert_string_equal(lh_options_string(&line.options, OPT_OUTPUT), "-");
  assert_string_equal(line.options.positionals[0], "-");
}

static void a_command_may_take_any_number_of_arguments(void **state) {
  (void)state;
  const struct lh_command_spec spec = {.name = "plan",
                                       .positional_name = "TASK",
                                       .positional_max = LH_POSITIONAL_ANY,
                                       .positional_help = "tasks"};
  struct line line;
  assert_int_equal(parse(&spec, "a b c d e f g h", &line), LH_OK);
  assert_int_equal(line.options.positional_count, 8);
  assert_string_equal(line.options.positionals[7], "h");
  lh_options_clear(&line.options);
  assert_int_equal(line.options.positional_count, 0);
}

static void a_number_without_a_maximum_goes_up_to_the_largest(void **state) {
  (void)state;
  static const struct lh_option options[] = {{.name = "limit",
                                              .kind = LH_OPTION_INT,
                                              .value_name = "ROWS",
                                              .help = "rows",
                                              .min = 0,
                                              .max = INT64_MAX}};
  const struct lh_command_spec spec = {
      .name = "x", .usage = "lakehaul x", .options = options, .option_count = 1};
  struct line line;
  assert_int_equal(parse(&spec, "--limit 9223372036854775807", &line), LH_OK);
  assert_true(lh_options_int(&line.options, 0) == INT64_MAX);
  assert_int_equal(parse(&spec, "--limit 9223372036854775808", &line), LH_ERROR_USAGE);
  assert_string_equal(line.err.message,
                      "--limit must be a whole number of at least 0, not \"9223372036854775808\"");
}

static void help_asks_for_nothing_else(void **state) {
  (void)state;
  static const char *const lines[] = {"--help", "-h", "--help --into", "--into x -h a b c"};
  for (size_t i = 0; i < COUNT(lines); i++) {
    struct line line;
    assert_int_equal(parse(&query_spec, lines[i], &line), LH_OK);
    assert_true(line.options.help);
  }
}

struct wrong_line {
  const struct lh_command_spec *spec;
  const char *text;
  const char *message;
  const char *hint;
};

static const struct wrong_line wrong_lines[] = {
    {&run_spec, "--jbos 3", "unknown option \"--jbos\"", "did you mean --jobs? " SEE},
    {&run_spec, "--job=3", "unknown option \"--job\"", "did you mean --jobs? " SEE},
    {&run_spec, "--helpp", "unknown option \"--helpp\"", "did you mean --help? " SEE},
    {&run_spec, "-json", "unknown option \"-json\"", "did you mean --json? " SEE},
    {&run_spec, "--frobnicate", "unknown option \"--frobnicate\"",
     "write -- before a TASK that starts with \"-\"; " SEE},
    {&run_spec, "-x", "unknown option \"-x\"", "write -- before a TASK that starts with \"-\"; " SEE},
    {&run_spec, "--", "", NULL},
    {&run_spec, "--jobs", "--jobs needs a value", "write --jobs=N; " SEE},
    {&run_spec, "--jobs --json", "--jobs needs a value", "write --jobs=N; " SEE},
    {&run_spec, "-o -x", "--output needs a value", "write --output=FILE; " SEE},
    {&run_spec, "--output=", "--output must not be empty", SEE},
    {&run_spec, "-o ''", "--output must not be empty", SEE},
    {&run_spec, "--jobs 0", "--jobs must be a whole number from 1 to 256, not \"0\"", SEE},
    {&run_spec, "--jobs 257", "--jobs must be a whole number from 1 to 256, not \"257\"", SEE},
    {&run_spec, "--jobs 99999999999999999999",
     "--jobs must be a whole number from 1 to 256, not \"99999999999999999999\"", SEE},
    {&run_spec, "--jobs 4x", "--jobs must be a whole number from 1 to 256, not \"4x\"", SEE},
    {&run_spec, "--jobs 1-", "--jobs must be a whole number from 1 to 256, not \"1-\"", SEE},
    {&run_spec, "--jobs -4", "--jobs must be a whole number from 1 to 256, not \"-4\"", SEE},
    {&run_spec, "--offset -10", "--offset must be a whole number of at least -9, not \"-10\"", SEE},
    {&run_spec, "--memory 1MB", "--memory must be a size of at least 64.0 MB, not \"1MB\"", SEE},
    {&run_spec, "--memory much", "--memory must be a size of at least 64.0 MB, not \"much\"", SEE},
    {&run_spec, "--a-rather-long-option-name xml",
     "--a-rather-long-option-name must be one of table, csv, json, not \"xml\"", SEE},
    {&run_spec, "--json=yes", "--json takes no value", SEE},
    {&run_spec, "--json --json", "--json is given twice", SEE},
    {&run_spec, "-j 2 --jobs=3", "--jobs is given twice", SEE},
    {&run_spec, "a b c", "unexpected argument \"c\"", "\"run\" takes at most 2 TASK; " SEE},
    {&query_spec, "--into x", "the argument SQL is missing",
     "the SELECT to run; see \"lakehaul query --help\""},
    {&query_spec, "--into x select 1", "unexpected argument \"1\"",
     "\"query\" takes one SQL; quote it if it holds spaces; see \"lakehaul query --help\""},
    {&query_spec, "sql", "the option --into FILE is missing",
     "the file to write; see \"lakehaul query --help\""},
    {&gc_spec, "all", "unexpected argument \"all\"", "\"gc\" takes options only; see \"lakehaul gc --help\""},
    {&gc_spec, "-v", "unknown option \"-v\"", "see \"lakehaul gc --help\""},
};

static void every_wrong_line_is_a_usage_error_with_a_hint(void **state) {
  (void)state;
  size_t mismatches = 0;
  for (size_t i = 0; i < COUNT(wrong_lines); i++) {
    const struct wrong_line *const wrong = &wrong_lines[i];
    struct line line;
    const lh_status status = parse(wrong->spec, wrong->text, &line);
    if (wrong->hint == NULL) {
      assert_int_equal(status, LH_OK);
      continue;
    }
    if (status != LH_ERROR_USAGE || strcmp(line.err.message, wrong->message) != 0 ||
        strcmp(line.err.hint, wrong->hint) != 0) {
      mismatches++;
      print_error("\"%s %s\" is told\n  %s\n  hint: %s\ninstead of\n  %s\n  hint: %s\n", wrong->spec->name,
                  wrong->text, line.err.message, line.err.hint, wrong->message, wrong->hint);
    }
  }
  assert_int_equal(mismatches, 0);
}

static void a_wrong_default_is_a_bug_that_shows_at_once(void **state) {
  (void)state;
  static const struct lh_option options[] = {
      {.name = "n", .kind = LH_OPTION_INT, .value_name = "N", .help = "n", .min = 1, .default_text = "0"}};
  const struct lh_command_spec spec = {.name = "x", .options = options, .option_count = 1};
  struct line line;
  assert_int_equal(parse(&spec, "", &line), LH_ERROR_INTERNAL);
}

static void an_unknown_command_gets_the_nearest(void **state) {
  (void)state;
  static const char *const names[] = {"run", "check", "query"};
  struct lh_error err;
  assert_int_equal(lh_options_fail_unknown("command", "chekc", names, COUNT(names), &err), LH_ERROR_USAGE);
  assert_string_equal(err.message, "unknown command \"chekc\"");
  assert_string_equal(err.hint, "did you mean \"check\"? see \"lakehaul --help\"");
}

static const char run_help[] =
    "lakehaul run: run tasks and what they depend on\n"
    "\n"
    "Usage:\n"
    "  lakehaul run [options] [TASK…]\n"
    "  lakehaul run --only TASK\n"
    "\n"
    "Every task is a process of its own: one that fails, crashes or is killed does not stop the\n"
    "others.\n"
    "\n"
    "A failed run changes nothing that readers see.\n"
    "\n"
    "Arguments:\n"
    "  TASK…              tasks to run; all where none is named\n"
    "\n"
    "Options:\n"
    "  -o, --output FILE  where the result goes\n"
    "  -j, --jobs N       tasks at a time (1 to 256; default: the project's)\n"
    "      --offset N     rows to go back (default: 0)\n"
    "      --memory SIZE  ceiling of the whole run, which is divided among its tasks before\n"
    "                     work starts (at least 64.0 MB; default: 512MB)\n"
    "      --a-rather-long-option-name FORMAT\n"
    "                     form of the result (table, csv, json; default: table)\n"
    "      --json         print a machine-readable result\n"
    "  -h, --help         show this help\n"
    "\n"
    "Examples:\n"
    "  lakehaul run                    # all tasks\n"
    "  lakehaul run orders --jobs 4    # one task and what it reads\n";

static void the_help_teaches_with_bounds_defaults_and_examples(void **state) {
  (void)state;
  char *text = NULL;
  size_t size = 0;
  FILE *const stream = open_memstream(&text, &size);
  assert_non_null(stream);
  lh_options_print_help(&run_spec, stream);
  assert_int_equal(fclose(stream), 0);
  assert_string_equal(text, run_help);
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_form_of_an_option_means_the_same),
      cmocka_unit_test(options_and_arguments_come_in_any_order),
      cmocka_unit_test(what_is_not_given_has_its_default),
      cmocka_unit_test(two_dashes_end_the_options),
      cmocka_unit_test(one_dash_is_a_value_and_an_argument),
      cmocka_unit_test(a_command_may_take_any_number_of_arguments),
      cmocka_unit_test(a_number_without_a_maximum_goes_up_to_the_largest),
      cmocka_unit_test(help_asks_for_nothing_else),
      cmocka_unit_test(every_wrong_line_is_a_usage_error_with_a_hint),
      cmocka_unit_test(a_wrong_default_is_a_bug_that_shows_at_once),
      cmocka_unit_test(an_unknown_command_gets_the_nearest),
      cmocka_unit_test(the_help_teaches_with_bounds_defaults_and_examples),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
