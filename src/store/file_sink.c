/* Sinks over local files: written under a temporary name in the same directory, made durable, then renamed,
 * so that the final name only ever shows a whole file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "store/file.h"

#define SINK_BUFFER_BYTES ((size_t)256 << 10)
/* File names have 255 bytes at most; the rest is for the temporary name's own parts. */
#define SINK_NAME_KEPT_BYTES 200
#define SINK_MAX_ATTEMPTS 10000
/* A directory just made may be removed as empty by another process before the file is in it. */
#define SINK_MAX_LOST_DIRECTORIES 100

struct file_sink {
  struct lh_sink base;
  struct lh_arena arena; /* of the names */
  const char *path;
  const char *directory;
  const char *temporary; /* NULL while there is none */
  int fd;                /* -1 once closed */
  bool broken;           /* a write failed: the bytes are not whole */
  size_t used;
  uint8_t buffer[SINK_BUFFER_BYTES];
};

bool lh_file_name_is_unfinished(const char *name) {
  if (name[0] != '.') {
    return false;
  }
  const char *tail = NULL;
  for (const char *at = strstr(name, ".tmp-"); at != NULL; at = strstr(at + 1, ".tmp-")) {
    tail = at + strlen(".tmp-");
  }
  if (tail == NULL) {
    return false;
  }
  const size_t process = strspn(tail, "0123456789");
  if (process == 0 || tail[process] != '-') {
    return false;
  }
  const size_t number = strspn(tail + process + 1, "0123456789");
  return number > 0 && tail[process + 1 + number] == '\0';
}

static lh_status write_through(struct file_sink *sink, const uint8_t *bytes, size_t size,
                               struct lh_error *err) {
  while (size > 0) {
    const ssize_t written = write(sink->fd, bytes, size);
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      sink->broken = true;
      return lh_file_error(err, written < 0 ? errno : EIO, "write", sink->path);
    }
    bytes += written;
    size -= (size_t)written;
  }
  return LH_OK;
}

static lh_status flush(struct file_sink *sink, struct lh_error *err) {
  const size_t used = sink->used;
  sink->used = 0;
  return write_through(sink, sink->buffer, used, err);
}

static lh_status check_usable(const struct file_sink *sink, struct lh_error *err) {
  if (sink->fd < 0) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "%s was already finished or given up", sink->path);
  }
  if (sink->broken) {
    return lh_error_set(err, LH_ERROR_LAKE, "%s is incomplete: an earlier write failed", sink->path);
  }
  return LH_OK;
}

static lh_status sink_write(struct lh_sink *base, const void *bytes, size_t size, struct lh_error *err) {
  struct file_sink *const sink = (struct file_sink *)base;
  LH_TRY(check_usable(sink, err));
  if (size > SINK_BUFFER_BYTES - sink->used) {
    LH_TRY(flush(sink, err));
  }
  if (size >= SINK_BUFFER_BYTES) {
    return write_through(sink, bytes, size, err);
  }
  if (size > 0) {
    memcpy(sink->buffer + sink->used, bytes, size);
    sink->used += size;
  }
  return LH_OK;
}

static void give_up(struct file_sink *sink) {
  if (sink->fd >= 0) {
    close(sink->fd);
    sink->fd = -1;
  }
  if (sink->temporary != NULL) {
    unlink(sink->temporary);
    sink->temporary = NULL;
  }
}

static lh_status commit(struct file_sink *sink, struct lh_error *err) {
  LH_TRY(flush(sink, err));
  if (fsync(sink->fd) != 0) {
    return lh_file_error(err, errno, "write", sink->path);
  }
  const int closed = close(sink->fd);
  sink->fd = -1;
  if (closed != 0) {
    return lh_file_error(err, errno, "write", sink->path);
  }
  if (rename(sink->temporary, sink->path) != 0) {
    return lh_file_error(err, errno, "write", sink->path);
  }
  sink->temporary = NULL;
  return lh_file_sync_directory(sink->directory, err);
}

static lh_status sink_finish(struct lh_sink *base, struct lh_error *err) {
  struct file_sink *const sink = (struct file_sink *)base;
  lh_status status = check_usable(sink, err);
  if (status == LH_OK) {
    status = commit(sink, err);
  }
  if (status != LH_OK) {
    give_up(sink);
  }
  return status;
}

static void sink_abort(struct lh_sink *base) {
  give_up((struct file_sink *)base);
}

static void sink_free(struct lh_sink *base) {
  struct file_sink *const sink = (struct file_sink *)base;
  give_up(sink);
  lh_arena_clear(&sink->arena);
  free(sink);
}

static const struct lh_sink_ops file_sink_ops = {
    .write = sink_write,
    .finish = sink_finish,
    .abort = sink_abort,
    .free = sink_free,
};

static lh_status open_temporary(struct file_sink *sink, struct lh_error *err) {
  const char *const slash = strrchr(sink->path, '/');
  const char *const name = slash != NULL ? slash + 1 : sink->path;
  const size_t kept = lh_utf8_truncate(name, strlen(name), SINK_NAME_KEPT_BYTES);
  int lost_directories = 0;
  for (int number = 0; number < SINK_MAX_ATTEMPTS; number++) {
    const char *const temporary = lh_arena_printf(&sink->arena, "%s/.%.*s.tmp-%ld-%d", sink->directory,
                                                  (int)kept, name, (long)getpid(), number);
    if (temporary == NULL) {
      return lh_error_memory(err);
    }
    sink->fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (sink->fd >= 0) {
      sink->temporary = temporary;
      return LH_OK;
    }
    if (errno == ENOENT && lost_directories++ < SINK_MAX_LOST_DIRECTORIES) {
      LH_TRY(lh_file_make_parents(sink->path, err));
    } else if (errno != EEXIST) {
      return lh_file_error(err, errno, "create", sink->path);
    }
  }
  return lh_file_error(err, EEXIST, "create", sink->path);
}

/* The path to replace: `path` itself, or what it links to. */
static lh_status resolve_target(struct file_sink *sink, const char *path, struct lh_error *err) {
  struct stat info;
  sink->path = lh_arena_strdup(&sink->arena, path);
  if (sink->path == NULL) {
    return lh_error_memory(err);
  }
  if (lstat(path, &info) != 0) {
    return LH_OK;
  }
  if (S_ISLNK(info.st_mode)) {
    char *const resolved = realpath(path, NULL);
    if (resolved == NULL) {
      return errno == ENOMEM ? lh_error_memory(err) : lh_file_error(err, errno, "follow the link", path);
    }
    sink->path = lh_arena_strdup(&sink->arena, resolved);
    free(resolved);
    if (sink->path == NULL) {
      return lh_error_memory(err);
    }
    if (stat(sink->path, &info) != 0) {
      return LH_OK;
    }
  }
  if (!S_ISREG(info.st_mode)) {
    const bool directory = S_ISDIR(info.st_mode);
    lh_error_set(err, LH_ERROR_LAKE, "cannot write %s: it is %s", path,
                 directory ? "a directory" : "not a regular file");
    lh_error_hint(err, "name a file%s",
                  directory ? " in it" : "; devices and pipes cannot be replaced whole");
    return LH_ERROR_LAKE;
  }
  return LH_OK;
}

static lh_status start(struct file_sink *sink, const char *path, struct lh_error *err) {
  LH_TRY(resolve_target(sink, path, err));
  sink->directory = lh_path_directory(sink->path, &sink->arena);
  if (sink->directory == NULL) {
    return lh_error_memory(err);
  }
  return open_temporary(sink, err);
}

lh_status lh_file_sink_create(const char *path, struct lh_sink **out, struct lh_error *err) {
  struct file_sink *const sink = malloc(sizeof(*sink));
  *out = NULL;
  if (sink == NULL) {
    return lh_error_memory(err);
  }
  sink->base = (struct lh_sink){.ops = &file_sink_ops};
  lh_arena_init(&sink->arena, 1024);
  sink->path = NULL;
  sink->directory = NULL;
  sink->temporary = NULL;
  sink->fd = -1;
  sink->broken = false;
  sink->used = 0;
  const lh_status status = start(sink, path, err);
  if (status != LH_OK) {
    sink_free(&sink->base);
    return status;
  }
  *out = &sink->base;
  return LH_OK;
}
