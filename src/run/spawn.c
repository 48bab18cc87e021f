/* Worker processes: posix_spawn of this program, the job in a memory file, reports through a pipe. */
#include "run/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "run/worker.h"

#define RECEIVE_BYTES ((size_t)64 << 10)

/* A memory file never blocks the supervisor, however large the job. */
static lh_status write_job_file(const struct lh_job *job, int *out, struct lh_error *err) {
  const int fd = memfd_create("lakehaul-job", MFD_CLOEXEC);
  if (fd < 0) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "cannot create a memory file: %s", strerror(errno));
  }
  struct lh_buf bytes;
  lh_buf_init(&bytes, LH_REPORT_MAX_BYTES);
  lh_status status = lh_job_encode(job, &bytes, err);
  if (status == LH_OK) {
    status = lh_fs_write_all(fd, bytes.data, bytes.len, "the job", LH_ERROR_INTERNAL, err);
  }
  lh_buf_clear(&bytes);
  if (status == LH_OK && lseek(fd, 0, SEEK_SET) != 0) {
    status = lh_error_set(err, LH_ERROR_INTERNAL, "cannot rewind the job: %s", strerror(errno));
  }
  if (status != LH_OK) {
    close(fd);
    return status;
  }
  *out = fd;
  return LH_OK;
}

static int start_process(int job_fd, int report_fd, pid_t *pid) {
  char program[] = "lakehaul";
  char command[] = LH_WORKER_COMMAND;
  char *const arguments[] = {program, command, NULL};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none;
  sigset_t defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, job_fd, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, report_fd, LH_REPORT_FD);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  /* Its own group: Ctrl-C reaches the supervisor alone, which then stops its workers in order. */
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  const int failed = posix_spawn(pid, "/proc/self/exe", &actions, &attributes, arguments, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return failed;
}

lh_status lh_worker_spawn(struct lh_worker *worker, const struct lh_job *job, struct lh_error *err) {
  *worker = (struct lh_worker){.report_fd = -1};
  lh_buf_init(&worker->in, LH_REPORT_MAX_BYTES);
  int job_fd = -1;
  LH_TRY(write_job_file(job, &job_fd, err));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    const int cause = errno;
    close(job_fd);
    return lh_error_set(err, LH_ERROR_INTERNAL, "cannot create a pipe: %s", strerror(cause));
  }
  const int failed = start_process(job_fd, ends[1], &worker->pid);
  close(job_fd);
  close(ends[1]);
  if (failed != 0) {
    close(ends[0]);
    worker->pid = 0;
    return lh_error_set(err, LH_ERROR_INTERNAL, "cannot start a worker process: %s", strerror(failed));
  }
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  worker->report_fd = ends[0];
  return LH_OK;
}

lh_status lh_worker_receive(struct lh_worker *worker, struct lh_error *err) {
  while (worker->report_fd >= 0) {
    LH_TRY(lh_buf_reserve(&worker->in, RECEIVE_BYTES, err));
    const ssize_t got = read(worker->report_fd, worker->in.data + worker->in.len, RECEIVE_BYTES);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0 && errno == EAGAIN) {
      return LH_OK;
    }
    if (got <= 0) {
      close(worker->report_fd);
      worker->report_fd = -1;
      return LH_OK;
    }
    worker->in.len += (size_t)got;
  }
  return LH_OK;
}

bool lh_worker_next_line(struct lh_worker *worker, size_t *taken, const char **line, size_t *length) {
  if (*taken >= worker->in.len) {
    return false;
  }
  const char *const start = (const char *)worker->in.data + *taken;
  const char *const end = memchr(start, '\n', worker->in.len - *taken);
  if (end == NULL) {
    return false;
  }
  *line = start;
  *length = (size_t)(end - start);
  *taken += *length + 1;
  return true;
}

void lh_worker_consume(struct lh_worker *worker, size_t taken) {
  if (taken > 0) {
    memmove(worker->in.data, worker->in.data + taken, worker->in.len - taken);
    worker->in.len -= taken;
  }
}

void lh_worker_clear(struct lh_worker *worker) {
  if (worker->report_fd >= 0) {
    close(worker->report_fd);
  }
  lh_buf_clear(&worker->in);
  *worker = (struct lh_worker){.report_fd = -1};
}
