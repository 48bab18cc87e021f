/* Programs: fork, limits, exec; then one loop over what they print, the clock and signals. */
#include "task/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

#define TICK_MS 100
/* Between SIGTERM and SIGKILL: below what the supervisor gives its workers. */
#define STOP_SECONDS 2.0
#define LINE_BYTES 1024
/* What a shell says of a program that cannot be run. */
#define EXIT_CANNOT_RUN 127

/* What is printed, cut into lines; a longer one goes on as the next. */
struct lines {
  int fd; /* -1: at its end */
  size_t length;
  char text[LINE_BYTES + 1];
  char last[LINE_BYTES + 1]; /* the last one that was not blank */
};

struct running {
  const struct lh_program *program;
  pid_t pid;
  struct lines out, errors;
  uint64_t start_ns;
  uint64_t stop_ns; /* when SIGTERM was sent; 0: not yet */
  bool timed_out;
  bool is_over;
  int wait_status;
};

/* The environment with `extra` in front of and instead of what is there. */
static char **make_environment(const struct lh_program *program, struct lh_arena *arena) {
  size_t count = 0;
  while (environ[count] != NULL) {
    count++;
  }
  char **const all = LH_ARENA_ARRAY(arena, char *, count + program->environment_count + 1);
  if (all == NULL) {
    return NULL;
  }
  size_t used = 0;
  for (size_t i = 0; i < program->environment_count; i++) {
    all[used] = lh_arena_strdup(arena, program->environment[i]);
    if (all[used++] == NULL) {
      return NULL;
    }
  }
  for (size_t i = 0; i < count; i++) {
    const size_t name = strcspn(environ[i], "=") + 1;
    bool replaced = false;
    for (size_t j = 0; j < program->environment_count && !replaced; j++) {
      replaced = strncmp(environ[i], program->environment[j], name) == 0;
    }
    if (!replaced) {
      all[used++] = environ[i];
    }
  }
  return all;
}

/* In the child: only calls that are allowed after the fork of a process with threads. */
static _Noreturn void become(const struct lh_program *program, char *const *arguments,
                             char *const *environment, const int ends[3][2]) {
  sigset_t none;
  sigemptyset(&none);
  signal(SIGPIPE, SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, NULL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setpgid(0, 0);
  const int input = open("/dev/null", O_RDONLY);
  bool ready = input >= 0 && dup2(input, STDIN_FILENO) >= 0 && dup2(ends[0][1], STDOUT_FILENO) >= 0 &&
               dup2(ends[1][1], STDERR_FILENO) >= 0;
  ready = ready && chdir(program->directory) == 0;
  if (ready && program->memory_bytes > 0) {
    const struct rlimit limit = {program->memory_bytes, program->memory_bytes};
    ready = setrlimit(RLIMIT_DATA, &limit) == 0;
  }
  if (ready) {
    execvpe(arguments[0], arguments, environment);
  }
  const int cause = errno;
  const ssize_t told = write(ends[2][1], &cause, sizeof(cause));
  (void)told;
  _exit(EXIT_CANNOT_RUN);
}

static void close_pipes(int ends[3][2], int side) {
  for (int i = 0; i < 3; i++) {
    if (ends[i][side] >= 0) {
      close(ends[i][side]);
      ends[i][side] = -1;
    }
  }
}

static lh_status cannot_run(const struct lh_program *program, int cause, struct lh_error *err) {
  lh_error_set(err, LH_ERROR_DATA, "cannot run %s: %s", program->arguments[0], strerror(cause));
  if (cause == ENOENT) {
    lh_error_hint(err, "programs are found through PATH, or by a path from the project file's directory");
  } else if (cause == EACCES) {
    lh_error_hint(err, "make it executable, or name the program that runs it first: [python3, %s]",
                  program->arguments[0]);
  }
  return LH_ERROR_DATA;
}

/* A pipe that is closed by exec tells why there was none. */
static lh_status await_exec(struct running *running, int fd, struct lh_error *err) {
  int cause = 0;
  ssize_t got;
  do {
    got = read(fd, &cause, sizeof(cause));
  } while (got < 0 && errno == EINTR);
  if (got <= 0) {
    return LH_OK;
  }
  waitpid(running->pid, NULL, 0);
  return cannot_run(running->program, cause, err);
}

static lh_status start(struct running *running, struct lh_arena *arena, struct lh_error *err) {
  const struct lh_program *const program = running->program;
  char **const environment = make_environment(program, arena);
  char **const arguments = LH_ARENA_ARRAY(arena, char *, program->argument_count + 1);
  if (environment == NULL || arguments == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < program->argument_count; i++) {
    arguments[i] = lh_arena_strdup(arena, program->arguments[i]);
    if (arguments[i] == NULL) {
      return lh_error_memory(err);
    }
  }
  int ends[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
  for (int i = 0; i < 3; i++) {
    if (pipe2(ends[i], O_CLOEXEC) != 0) {
      const int cause = errno;
      close_pipes(ends, 0);
      close_pipes(ends, 1);
      return lh_error_set(err, LH_ERROR_INTERNAL, "cannot create a pipe: %s", strerror(cause));
    }
  }
  running->pid = fork();
  if (running->pid == 0) {
    become(program, arguments, environment, ends);
  }
  const int cause = errno;
  close_pipes(ends, 1);
  running->out.fd = ends[0][0];
  running->errors.fd = ends[1][0];
  lh_status status;
  if (running->pid < 0) {
    status = lh_error_set(err, LH_ERROR_INTERNAL, "cannot start a process: %s", strerror(cause));
  } else {
    setpgid(running->pid, running->pid);
    status = await_exec(running, ends[2][0], err);
  }
  close(ends[2][0]);
  fcntl(running->out.fd, F_SETFL, O_NONBLOCK);
  fcntl(running->errors.fd, F_SETFL, O_NONBLOCK);
  return status;
}

static void take_line(const struct lh_program *program, struct lines *lines) {
  lines->text[lines->length] = '\0';
  lh_str_make_line(lines->text);
  lines->length = 0;
  if (lines->text[strspn(lines->text, " ")] != '\0') {
    memcpy(lines->last, lines->text, sizeof(lines->last));
  }
  lh_observer_log(program->observer, lines->text);
}

static void take_bytes(const struct lh_program *program, struct lines *lines, const char *bytes,
                       size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (bytes[i] == '\n') {
      take_line(program, lines);
      continue;
    }
    lines->text[lines->length++] = bytes[i];
    if (lines->length == LINE_BYTES) {
      take_line(program, lines);
    }
  }
}

static void read_lines(const struct lh_program *program, struct lines *lines) {
  char bytes[4096];
  while (lines->fd >= 0) {
    const ssize_t got = read(lines->fd, bytes, sizeof(bytes));
    if (got > 0) {
      take_bytes(program, lines, bytes, (size_t)got);
    } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
      close(lines->fd);
      lines->fd = -1;
    } else if (errno == EAGAIN) {
      return;
    }
  }
}

static void end_lines(const struct lh_program *program, struct lines *lines) {
  read_lines(program, lines);
  if (lines->length > 0) {
    take_line(program, lines);
  }
  if (lines->fd >= 0) {
    close(lines->fd);
    lines->fd = -1;
  }
}

static void enforce_limits(struct running *running) {
  const struct lh_program *const program = running->program;
  struct lh_error ignored;
  const bool is_late = program->timeout_ms > 0 &&
                       lh_clock_seconds_since(running->start_ns) * 1000.0 > (double)program->timeout_ms;
  const bool is_interrupted = lh_interrupt_check(program->interrupt, &ignored) != LH_OK;
  if (running->stop_ns == 0 && (is_late || is_interrupted)) {
    running->timed_out = !is_interrupted;
    running->stop_ns = lh_clock_ns();
    kill(-running->pid, SIGTERM);
  } else if (running->stop_ns != 0 && lh_clock_seconds_since(running->stop_ns) > STOP_SECONDS) {
    kill(-running->pid, SIGKILL);
  }
}

/* What it started may hold the pipes open: its own end counts. */
static void follow(struct running *running) {
  while (!running->is_over) {
    struct pollfd fds[2] = {{.fd = running->out.fd, .events = POLLIN},
                            {.fd = running->errors.fd, .events = POLLIN}};
    poll(fds, 2, TICK_MS);
    read_lines(running->program, &running->out);
    read_lines(running->program, &running->errors);
    running->is_over = waitpid(running->pid, &running->wait_status, WNOHANG) == running->pid;
    enforce_limits(running);
  }
  kill(-running->pid, SIGKILL);
  end_lines(running->program, &running->out);
  end_lines(running->program, &running->errors);
}

static lh_status judge(const struct running *running, struct lh_error *err) {
  const struct lh_program *const program = running->program;
  const char *const name = program->arguments[0];
  const char *const last = running->errors.last;
  const int status = running->wait_status;
  LH_TRY(lh_interrupt_check(program->interrupt, err));
  if (running->timed_out) {
    char limit[32];
    lh_error_set(err, LH_ERROR_DATA, "%s was stopped after %s, its timeout", name,
                 lh_str_format_seconds((double)program->timeout_ms / 1000.0, limit));
    lh_error_hint(err, "raise timeout of the task, or make it do less");
    return LH_ERROR_DATA;
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    return LH_OK;
  }
  if (WIFSIGNALED(status)) {
    lh_error_set(err, LH_ERROR_DATA, "%s was killed by signal %d (%s)%s%s", name, WTERMSIG(status),
                 strsignal(WTERMSIG(status)), last[0] != '\0' ? ": " : "", last);
  } else {
    lh_error_set(err, LH_ERROR_DATA, "%s ended with exit status %d%s%s", name, WEXITSTATUS(status),
                 last[0] != '\0' ? ": " : "", last);
  }
  if (program->memory_bytes > 0) {
    char limit[32];
    lh_error_hint(err, "it may have wanted more than its memory, %s",
                  lh_str_format_bytes(program->memory_bytes, limit));
  }
  return LH_ERROR_DATA;
}

lh_status lh_program_run(const struct lh_program *program, struct lh_arena *arena, struct lh_error *err) {
  struct running *const running = LH_ARENA_NEW(arena, struct running);
  if (running == NULL) {
    return lh_error_memory(err);
  }
  running->program = program;
  running->out.fd = -1;
  running->errors.fd = -1;
  running->start_ns = lh_clock_ns();
  const lh_status status = start(running, arena, err);
  if (status == LH_OK) {
    follow(running);
    return judge(running, err);
  }
  for (int i = 0; i < 2; i++) {
    const int fd = i == 0 ? running->out.fd : running->errors.fd;
    if (fd >= 0) {
      close(fd);
    }
  }
  return status;
}
