/* Credentials of a program: credential_process of a profile. It is run without a shell, its output goes into
 * memory for secrets, and what it says of a failure on stderr goes into the error. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/credentials_impl.h"
#include "net/secret.h"
#include "net/shell_words.h"

#define TIMEOUT_MS 60000
#define WAIT_STEP_MS 10
#define STDERR_MAX 4096
#define STDERR_SHOWN 300

extern char **environ;

struct process {
  pid_t pid;
  int out, err; /* read ends of its stdout and stderr; -1 once at their end */
  uint64_t start_ns;
};

static int64_t left_ms(const struct process *process) {
  const int64_t left = TIMEOUT_MS - (int64_t)((lh_clock_ns() - process->start_ns) / 1000000);
  return left > 0 ? left : 0;
}

/* The child begins with the default signals, none blocked, whatever the threads here have. */
static int spawn(char *const *words, int out, int error, pid_t *pid) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  int failed = posix_spawn_file_actions_init(&actions);
  if (failed != 0) {
    return failed;
  }
  failed = posix_spawnattr_init(&attributes);
  if (failed == 0) {
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, error, STDERR_FILENO);
    failed = posix_spawnp(pid, words[0], &actions, &attributes, words, environ);
    posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_destroy(&actions);
  return failed;
}

static int start(struct process *process, char *const *words) {
  int out[2];
  int error[2];
  if (pipe2(out, O_CLOEXEC) != 0) {
    return errno;
  }
  if (pipe2(error, O_CLOEXEC) != 0) {
    const int cause = errno;
    close(out[0]);
    close(out[1]);
    return cause;
  }
  const int failed = spawn(words, out[1], error[1], &process->pid);
  close(out[1]);
  close(error[1]);
  process->out = out[0];
  process->err = error[0];
  process->start_ns = lh_clock_ns();
  return failed;
}

/* Appends what is there; closes at the end. False: more than fits. */
static bool drain(int *fd, struct lh_buf *to, bool drop_excess) {
  uint8_t excess[256];
  const size_t room = to->max - to->len;
  const ssize_t got = read(*fd, room > 0 ? to->data + to->len : excess, room > 0 ? room : sizeof(excess));
  if (got > 0) {
    to->len += room > 0 ? (size_t)got : 0;
    return room > 0 || drop_excess;
  }
  if (got == 0 || errno != EINTR) {
    close(*fd);
    *fd = -1;
  }
  return true;
}

/* Reads both until they are closed. False: too late, or more than `out` holds. */
static bool collect(struct process *process, struct lh_buf *out, struct lh_buf *error) {
  while (process->out >= 0 || process->err >= 0) {
    struct pollfd fds[] = {{.fd = process->out, .events = POLLIN}, {.fd = process->err, .events = POLLIN}};
    const int64_t left = left_ms(process);
    const int ready = left > 0 ? poll(fds, 2, (int)left) : 0;
    if (ready == 0) {
      return false;
    }
    if (ready > 0 && fds[0].revents != 0 && !drain(&process->out, out, false)) {
      return false;
    }
    if (ready > 0 && fds[1].revents != 0 && !drain(&process->err, error, true)) {
      return false;
    }
  }
  return true;
}

/* Ends what is left of it. True: it has ended by itself, in time. */
static bool finish(struct process *process, bool is_whole, int *wait_status) {
  bool in_time = is_whole;
  pid_t ended = 0;
  while (in_time && ended == 0) {
    ended = waitpid(process->pid, wait_status, WNOHANG);
    if (ended == 0) {
      in_time = left_ms(process) > 0;
      nanosleep(&(struct timespec){.tv_nsec = (long)WAIT_STEP_MS * 1000000}, NULL);
    }
  }
  if (ended == 0) {
    kill(process->pid, SIGKILL);
    waitpid(process->pid, wait_status, 0);
  }
  if (process->out >= 0) {
    close(process->out);
  }
  if (process->err >= 0) {
    close(process->err);
  }
  return in_time;
}

/* The last line of what it said. */
static const char *last_line(struct lh_buf *said) {
  char *const text = (char *)said->data;
  size_t end = said->len < said->max ? said->len : said->max - 1;
  while (end > 0 && strchr(" \r\n\t", text[end - 1]) != NULL) {
    end--;
  }
  text[end] = '\0';
  const char *const line = memrchr(text, '\n', end);
  return line != NULL ? line + 1 : text;
}

static lh_status judge(const struct lh_credential_search *search, const char *what, const char *program,
                       bool in_time, bool is_full, int wait_status, struct lh_buf *said,
                       struct lh_error *err) {
  if (is_full) {
    return lh_credential_fail(search, err, "%s: %s printed more than %zu bytes", what, program,
                              LH_CREDENTIAL_RESPONSE_MAX);
  }
  if (!in_time) {
    lh_credential_fail(search, err, "%s: %s gave no credentials within %d s", what, program,
                       TIMEOUT_MS / 1000);
    lh_error_hint(err, "run it by hand: does it wait for somebody to log in?");
    return search->failure;
  }
  const bool has_exited = WIFEXITED(wait_status);
  if (has_exited && WEXITSTATUS(wait_status) == 0) {
    return LH_OK;
  }
  const char *const line = last_line(said);
  lh_credential_fail(search, err, "%s: %s ended with %s %d%s%.*s", what, program,
                     has_exited ? "exit status" : "signal",
                     has_exited ? WEXITSTATUS(wait_status) : WTERMSIG(wait_status),
                     line[0] != '\0' ? ": " : "", STDERR_SHOWN, line);
  lh_error_hint(err, "run it by hand: it must print credentials as JSON and exit with 0");
  return search->failure;
}

static lh_status run(const struct lh_credential_search *search, const char *what, char *const *words,
                     struct lh_buf *out, struct lh_buf *said, struct lh_error *err) {
  struct process process = {.out = -1, .err = -1};
  int wait_status = 0;
  const int failed = start(&process, words);
  if (failed != 0) {
    if (process.out >= 0) {
      close(process.out);
      close(process.err);
    }
    lh_credential_fail(search, err, "%s: cannot run %s: %s", what, words[0], strerror(failed));
    lh_error_hint(err, "credential_process takes a program's path, or a name on PATH, and no shell syntax");
    return search->failure;
  }
  const bool is_whole = collect(&process, out, said);
  const bool in_time = finish(&process, is_whole, &wait_status);
  return judge(search, what, words[0], in_time, out->len == out->max, wait_status, said, err);
}

lh_status lh_credential_from_process(const struct lh_credential_search *search, const char *profile,
                                     const char *command, struct lh_credential_set **out,
                                     struct lh_error *err) {
  char **words;
  size_t count;
  const char *const what = lh_arena_printf(search->arena, "credential_process of profile %s", profile);
  if (what == NULL) {
    return lh_error_memory(err);
  }
  if (lh_shell_words_split(command, search->failure, search->arena, &words, &count, err) != LH_OK) {
    lh_error_prefix(err, "%s", what);
    err->error_class = LH_ERROR_CLASS_CREDENTIALS;
    return err->code;
  }
  if (count == 0) {
    return lh_credential_fail(search, err, "%s is empty", what);
  }
  struct lh_buf text = {0};
  struct lh_buf said = {0};
  lh_status status = lh_secret_buf_init(&text, LH_CREDENTIAL_RESPONSE_MAX, err);
  if (status == LH_OK) {
    status = lh_secret_buf_init(&said, STDERR_MAX, err);
  }
  if (status == LH_OK) {
    status = run(search, what, words, &text, &said, err);
  }
  if (status == LH_OK) {
    status = lh_credential_read_document(search, (char *)text.data, text.len, what, true, out, err);
  }
  if (status == LH_OK) {
    lh_credential_set_name(*out, "profile %s (credential_process)", profile);
  }
  lh_secret_buf_clear(&text);
  lh_secret_buf_clear(&said);
  return status;
}
