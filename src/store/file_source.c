/* Sources over local files: positioned reads of a file that is finished. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/file.h"

struct file_source {
  struct lh_source base;
  int fd;
  char path[]; /* base.name */
};

static lh_status source_read_at(struct lh_source *base, uint64_t offset, void *bytes, size_t size,
                                struct lh_error *err) {
  const struct file_source *const source = (const struct file_source *)base;
  uint8_t *to = bytes;
  if (size > base->size_bytes || offset > base->size_bytes - size) {
    return lh_error_set(err, LH_ERROR_CORRUPT,
                        "%s ends too early: %zu bytes wanted at byte %llu of a file of %llu bytes",
                        base->name, size, (unsigned long long)offset, (unsigned long long)base->size_bytes);
  }
  while (size > 0) {
    const ssize_t got = pread(source->fd, to, size, (off_t)offset);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return lh_file_error(err, errno, "read", base->name);
    }
    if (got == 0) {
      return lh_error_set(err, LH_ERROR_CORRUPT, "%s became shorter while it was read", base->name);
    }
    to += got;
    offset += (uint64_t)got;
    size -= (size_t)got;
  }
  return LH_OK;
}

static void source_free(struct lh_source *base) {
  struct file_source *const source = (struct file_source *)base;
  if (source->fd >= 0) {
    close(source->fd);
  }
  free(source);
}

static const struct lh_source_ops file_source_ops = {
    .read_at = source_read_at,
    .free = source_free,
};

static lh_status open_file(struct file_source *source, struct lh_error *err) {
  struct stat info;
  /* Without O_NONBLOCK, opening a named pipe would wait for a writer. */
  source->fd = open(source->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (source->fd < 0 || fstat(source->fd, &info) != 0) {
    return lh_file_error(err, errno, "open", source->path);
  }
  if (!S_ISREG(info.st_mode)) {
    return lh_error_set(err, LH_ERROR_LAKE, "cannot read %s: it is %s", source->path,
                        S_ISDIR(info.st_mode) ? "a directory" : "not a regular file");
  }
  source->base.size_bytes = (uint64_t)info.st_size;
  return LH_OK;
}

lh_status lh_file_source_open(const char *path, struct lh_source **out, struct lh_error *err) {
  const size_t length = strlen(path);
  struct file_source *const source = malloc(sizeof(*source) + length + 1);
  *out = NULL;
  if (source == NULL) {
    return lh_error_memory(err);
  }
  memcpy(source->path, path, length + 1);
  source->base = (struct lh_source){.ops = &file_source_ops, .name = source->path};
  const lh_status status = open_file(source, err);
  if (status != LH_OK) {
    source_free(&source->base);
    return status;
  }
  *out = &source->base;
  return LH_OK;
}
