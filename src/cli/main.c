/* The program's way in: the table of commands, what is asked before any of them (help, version, log level),
 * and the word that makes this process a worker. */
#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/cli.h"
#include "engine/duckdb.h"
#include "run/worker.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct lh_command *const commands[] = {
    &lh_cmd_init,  &lh_cmd_check,   &lh_cmd_plan,   &lh_cmd_run,   &lh_cmd_verify,
    &lh_cmd_query, &lh_cmd_inspect, &lh_cmd_export, &lh_cmd_crawl, &lh_cmd_gc,
};

/* Of the design, not of this version. */
static const char *const later_commands[] = {"load", "model", "status", "report", "grants", "build"};

static const char usage[] =
    "lakehaul: haul PostgreSQL tables into a Parquet data lake, and make tables out of them there\n"
    "\n"
    "Usage:\n"
    "  lakehaul COMMAND [options] [arguments]\n"
    "  lakehaul help COMMAND\n"
    "\n"
    "Commands:\n";

static const char more_usage[] =
    "\n"
    "Options:\n"
    "  -h, --help     show this help\n"
    "  -V, --version  show the versions of lakehaul, DuckDB and libpq\n"
    "\n"
    "Environment:\n"
    "  DATABASE_URL   the database, where the project file says source: ${DATABASE_URL}\n"
    "  LAKEHAUL_LOG   least level of log lines: error, warn, info or debug (default: info)\n"
    "\n"
    "Exit status:\n"
    "  0    all good\n"
    "  1    a task, a check or a query failed, or a file is damaged\n"
    "  2    an option, an argument or the project file is wrong\n"
    "  3    the source database is unreachable or refused\n"
    "  4    the lake or its catalog cannot be read or written\n"
    "  130  interrupted by SIGINT or SIGTERM\n"
    "\n"
    "Start here:\n"
    "  export DATABASE_URL=postgresql://user@host/database\n"
    "  lakehaul init     # writes lakehaul.yaml\n"
    "  lakehaul run      # hauls every table it names\n"
    "  lakehaul query \"select count(*) from orders\"\n";

static void print_usage(FILE *stream) {
  fputs(usage, stream);
  for (size_t i = 0; i < COUNT(commands); i++) {
    fprintf(stream, "  %-8s  %s\n", commands[i]->spec->name, commands[i]->spec->summary);
  }
  fputs(more_usage, stream);
}

static void print_version(void) {
  const int libpq = PQlibVersion();
  printf("lakehaul %s\nDuckDB %s\nlibpq %d.%d\n", LAKEHAUL_VERSION, lh_engine_version(), libpq / 10000,
         libpq % 10000);
}

static lh_status find_command(const char *name, const struct lh_command **out, struct lh_error *err) {
  const char *names[COUNT(commands)];
  for (size_t i = 0; i < COUNT(commands); i++) {
    names[i] = commands[i]->spec->name;
    if (strcmp(name, names[i]) == 0) {
      *out = commands[i];
      return LH_OK;
    }
  }
  for (size_t i = 0; i < COUNT(later_commands); i++) {
    if (strcmp(name, later_commands[i]) == 0) {
      lh_error_set(err, LH_ERROR_UNSUPPORTED, "lakehaul %s is not available in lakehaul %s", name,
                   LAKEHAUL_VERSION);
      lh_error_hint(err, "see \"lakehaul --help\" for the commands that are");
      return LH_ERROR_UNSUPPORTED;
    }
  }
  return lh_options_fail_unknown("command", name, names, COUNT(commands), err);
}

static lh_status fail_unknown_option(const char *word, struct lh_error *err) {
  static const char *const names[] = {"--help", "--version"};
  const lh_status status = lh_options_fail_unknown("option", word, names, COUNT(names), err);
  if (lh_str_nearest(word, names, COUNT(names)) == NULL) {
    lh_error_hint(err, "a command's options come after its name; see \"lakehaul --help\"");
  }
  return status;
}

static lh_status expect_end(const char *after, int argc, char *const *argv, struct lh_error *err) {
  if (argc == 0) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_USAGE, "unexpected argument \"%.80s\" after \"%s\"", argv[0], after);
  lh_error_hint(err, "see \"lakehaul --help\"");
  return LH_ERROR_USAGE;
}

/* lakehaul help [COMMAND] */
static lh_status help(int argc, char *const *argv, struct lh_error *err) {
  if (argc == 0 || strcmp(argv[0], "help") == 0) {
    LH_TRY(expect_end("help", argc > 0 ? argc - 1 : 0, argv + 1, err));
    print_usage(stdout);
    return LH_OK;
  }
  const struct lh_command *command = NULL;
  LH_TRY(expect_end(argv[0], argc - 1, argv + 1, err));
  LH_TRY(find_command(argv[0], &command, err));
  lh_options_print_help(command->spec, stdout);
  return LH_OK;
}

static lh_status configure_log(struct lh_error *err) {
  const char *const name = getenv("LAKEHAUL_LOG");
  enum lh_log_level level = LH_LOG_INFO;
  if (name != NULL && name[0] != '\0' && !lh_log_level_from_name(name, &level)) {
    return lh_error_set(
        err, LH_ERROR_USAGE,
        "the environment variable LAKEHAUL_LOG must be one of error, warn, info, debug, not \"%.80s\"", name);
  }
  lh_log_configure(level, LH_LOG_TEXT);
  return LH_OK;
}

static bool is_either(const char *word, const char *one, const char *other) {
  return strcmp(word, one) == 0 || strcmp(word, other) == 0;
}

/* What the first word asks for; `argv` begins with it. */
static lh_status dispatch(int argc, char **argv, int *exit_code, struct lh_error *err) {
  const char *const word = argv[0];
  LH_TRY(configure_log(err));
  if (strcmp(word, "help") == 0) {
    return help(argc - 1, argv + 1, err);
  }
  if (is_either(word, "-h", "--help")) {
    print_usage(stdout);
    return LH_OK;
  }
  if (is_either(word, "-V", "--version")) {
    LH_TRY(expect_end(word, argc - 1, argv + 1, err));
    print_version();
    return LH_OK;
  }
  if (word[0] == '-') {
    return fail_unknown_option(word, err);
  }
  const struct lh_command *command = NULL;
  LH_TRY(find_command(word, &command, err));
  char seconds[32];
  const uint64_t start_ns = lh_clock_ns();
  *exit_code = command->run(command->spec, argc - 1, argv + 1);
  lh_log(LH_LOG_DEBUG, "%s ended with exit status %d after %s", command->spec->name, *exit_code,
         lh_str_format_seconds(lh_clock_seconds_since(start_ns), seconds));
  return LH_OK;
}

/* Descriptors 0, 1 and 2 that are closed would be given to the next file opened, and what is printed would go
 * into it. Opened for the wrong direction, so that using them is still an error. */
static void reserve_standard_descriptors(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    if (fcntl(fd, F_GETFD) < 0) {
      const int opened = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
      (void)opened; /* the lowest free one: `fd` */
    }
  }
}

int main(int argc, char **argv) {
  reserve_standard_descriptors();
  /* A file that passes `ulimit -f` is a failed write, which is reported, and not the process's end. */
  signal(SIGXFSZ, SIG_IGN);
  if (argc == 2 && strcmp(argv[1], LH_WORKER_COMMAND) == 0) {
    return lh_worker_main();
  }
  if (argc < 2) {
    print_usage(stderr);
    return lh_status_exit_code(LH_ERROR_USAGE);
  }
  struct lh_error err;
  int exit_code = 0;
  if (dispatch(argc - 1, argv + 1, &exit_code, &err) != LH_OK) {
    exit_code = lh_cli_fail(&err);
  }
  return lh_cli_finish_stdout(exit_code);
}
