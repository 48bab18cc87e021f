/*
 * What the commands share: how errors and JSON are printed, how a project is opened.
 */
#ifndef LH_CLI_CLI_H
#define LH_CLI_CLI_H

#include "base/buf.h"
#include "base/json.h"
#include "cli/options.h"
#include "lakehaul/error.h"
#include "project/graph.h"
#include "store/store.h"

/* A command: its options and what it does. `run` gets what follows the command's name and returns the
 * process's exit status. */
struct lh_command {
  const struct lh_command_spec *spec;
  int (*run)(const struct lh_command_spec *spec, int argc, char **argv);
};

extern const struct lh_command lh_cmd_check, lh_cmd_crawl, lh_cmd_export, lh_cmd_gc, lh_cmd_init,
    lh_cmd_inspect, lh_cmd_plan, lh_cmd_query, lh_cmd_run, lh_cmd_verify;

/* The exit status where whoever read the output has gone (`| head`): as if the signal had ended the process.
 */
#define LH_CLI_EXIT_BROKEN_PIPE 141

/* Entries of option tables that several commands have. */
#define LH_CLI_PROJECT_FILE "lakehaul.yaml"
#define LH_CLI_OPTION_PROJECT                                                             \
  {                                                                                       \
    .name = "project", .short_name = 'p', .kind = LH_OPTION_STRING, .value_name = "FILE", \
    .help = "the project file; what it names is relative to its directory",               \
    .default_text = LH_CLI_PROJECT_FILE                                                   \
  }
#define LH_CLI_OPTION_JSON \
  { .name = "json", .kind = LH_OPTION_FLAG, .help = "print the result as JSON on standard output" }
#define LH_CLI_MEMORY_LEAST_BYTES (64 << 20)

/* "lakehaul: message" and "hint: …" on stderr; returns the exit status for the error. Silent where a result
 * could not be written because its reader has gone. */
int lh_cli_fail(const struct lh_error *err);

/* "warning: …" on stderr, unless LAKEHAUL_LOG is error. */
void lh_cli_warn(const char *format, ...) LH_PRINTF(1, 2);

/* Parses a command's options. True when the command is over: help was printed (exit code 0), or the options
 * were wrong and the error is (2). Otherwise `values` is the caller's to clear. */
bool lh_cli_parse(const struct lh_command_spec *spec, int argc, char **argv, struct lh_options *values,
                  int *exit_code);

/* Flushes stdout at the end. Returns `exit_code`, or where that is 0 and not all that was printed has
 * arrived, that of the error which it prints. */
int lh_cli_finish_stdout(int exit_code);

/* Prints the value, indented, on stdout and releases it; NULL, after a failed build, is LH_ERROR_MEMORY. */
lh_status lh_cli_print_json(json_t *taken, struct lh_error *err) LH_WARN_UNUSED;

/* Text that comes from files and databases, fit for a terminal: control characters and bytes that are not
 * UTF-8 as \xNN. Borrowed where nothing is to be done, else in `arena`; NULL without memory. */
const char *lh_cli_printable(const char *text, struct lh_arena *arena);
/* The text as a JSON string; what JSON cannot hold is escaped as above. NULL without memory. */
json_t *lh_cli_json_text(const char *text);

/* s3:// and the like where only local paths are taken: LH_ERROR_UNSUPPORTED. */
lh_status lh_cli_expect_local(const char *path, struct lh_error *err) LH_WARN_UNUSED;

struct lh_cli_project {
  struct lh_arena arena;
  struct lh_buf text; /* of the project file, NUL-terminated */
  struct lh_project *project;
  struct lh_graph *graph;
};

/* Reads and parses the project file and builds its graph. Call lh_cli_project_clear in any case. */
lh_status lh_cli_project_open(struct lh_cli_project *open, const char *path,
                              struct lh_error *err) LH_WARN_UNUSED;
void lh_cli_project_clear(struct lh_cli_project *open);

/* The task whose name is nearest to `name`, or NULL. */
const char *lh_cli_nearest_task(const struct lh_project *project, const char *name, struct lh_arena *arena);

#endif
