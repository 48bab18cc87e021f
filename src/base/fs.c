/* Files and directories of the local machine. */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES ((size_t)64 << 10)
#define REMOVE_MAX_DEPTH 64

static lh_status read_all(int fd, const char *path, struct lh_buf *out, lh_status code,
                          struct lh_error *err) {
  for (;;) {
    size_t room = out->max - out->len;
    room = room < READ_BYTES ? room + 1 : READ_BYTES;
    uint8_t chunk[READ_BYTES];
    const ssize_t got = read(fd, chunk, room);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return lh_error_set(err, code, "cannot read %s: %s", path, strerror(errno));
    }
    if (got == 0) {
      return LH_OK;
    }
    if ((size_t)got > out->max - out->len) {
      return lh_error_set(err, code, "%s is larger than %zu bytes", path, out->max);
    }
    LH_TRY(lh_buf_append(out, chunk, (size_t)got, err));
  }
}

lh_status lh_fs_read(const char *path, struct lh_buf *out, lh_status code, struct lh_error *err) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return lh_error_set(err, code, "cannot open %s: %s", path, strerror(errno));
  }
  const lh_status status = read_all(fd, path, out, code, err);
  close(fd);
  return status;
}

lh_status lh_fs_make_directories(const char *path, lh_status code, struct lh_error *err) {
  char part[4096];
  const size_t length = strlen(path);
  if (length == 0 || length >= sizeof(part)) {
    return lh_error_set(err, code, "cannot create a directory of %zu characters: %.64s", length, path);
  }
  memcpy(part, path, length + 1);
  for (size_t i = 1; i <= length; i++) {
    if (part[i] != '/' && part[i] != '\0') {
      continue;
    }
    const char kept = part[i];
    part[i] = '\0';
    if (mkdir(part, 0777) != 0 && errno != EEXIST) {
      return lh_error_set(err, code, "cannot create directory %s: %s", part, strerror(errno));
    }
    part[i] = kept;
  }
  if (!lh_fs_is_directory(path)) {
    return lh_error_set(err, code, "%s is not a directory", path);
  }
  return LH_OK;
}

lh_status lh_fs_write_all(int fd, const void *bytes, size_t size, const char *path, lh_status code,
                          struct lh_error *err) {
  const uint8_t *from = bytes;
  while (size > 0) {
    const ssize_t written = write(fd, from, size);
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0) {
      return lh_error_set(err, code, "cannot write %s: %s", path, strerror(errno));
    }
    from += written;
    size -= (size_t)written;
  }
  return LH_OK;
}

bool lh_fs_is_directory(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static lh_status remove_at(int parent, const char *name, const char *path, int depth, lh_status code,
                           struct lh_error *err);

static lh_status remove_entries(DIR *directory, const char *path, int depth, lh_status code,
                                struct lh_error *err) {
  for (;;) {
    errno = 0;
    const struct dirent *const entry = readdir(directory);
    if (entry == NULL) {
      return errno == 0 ? LH_OK : lh_error_set(err, code, "cannot list %s: %s", path, strerror(errno));
    }
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
      LH_TRY(remove_at(dirfd(directory), entry->d_name, path, depth + 1, code, err));
    }
  }
}

static lh_status remove_at(int parent, const char *name, const char *path, int depth, lh_status code,
                           struct lh_error *err) {
  if (depth > REMOVE_MAX_DEPTH) {
    return lh_error_set(err, code, "cannot remove %s: nested deeper than %d directories", path,
                        REMOVE_MAX_DEPTH);
  }
  if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) {
    return LH_OK;
  }
  if (errno != EISDIR && errno != EPERM) {
    return lh_error_set(err, code, "cannot remove %s in %s: %s", name, path, strerror(errno));
  }
  const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *const directory = fd >= 0 ? fdopendir(fd) : NULL;
  if (directory == NULL) {
    const int cause = errno;
    if (fd >= 0) {
      close(fd);
    }
    return lh_error_set(err, code, "cannot open %s in %s: %s", name, path, strerror(cause));
  }
  const lh_status status = remove_entries(directory, path, depth, code, err);
  closedir(directory);
  LH_TRY(status);
  if (unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT) {
    return lh_error_set(err, code, "cannot remove %s in %s: %s", name, path, strerror(errno));
  }
  return LH_OK;
}

lh_status lh_fs_remove_tree(const char *path, lh_status code, struct lh_error *err) {
  return remove_at(AT_FDCWD, path, path, 0, code, err);
}

lh_status lh_fs_make_temp_directory(struct lh_arena *arena, const char **out, lh_status code,
                                    struct lh_error *err) {
  const char *const wanted = getenv("TMPDIR");
  const char *const base = wanted != NULL && wanted[0] == '/' ? wanted : "/tmp";
  char *const path = lh_arena_printf(arena, "%s/lakehaul-XXXXXX", base);
  if (path == NULL) {
    return lh_error_memory(err);
  }
  if (mkdtemp(path) == NULL) {
    const int cause = errno;
    lh_error_set(err, code, "cannot create a temporary directory in %s: %s", base, strerror(cause));
    lh_error_hint(err, "TMPDIR names the directory for temporary files");
    return code;
  }
  *out = path;
  return LH_OK;
}

const char *lh_path_join(const char *directory, const char *name, struct lh_arena *arena) {
  while (name[0] == '.' && name[1] == '/') {
    name += 2;
  }
  if (name[0] == '/' || strcmp(directory, ".") == 0) {
    return lh_arena_strdup(arena, name);
  }
  const size_t length = strlen(directory);
  const bool slash = length > 0 && directory[length - 1] == '/';
  return lh_arena_printf(arena, "%s%s%s", directory, slash ? "" : "/", name);
}

const char *lh_path_directory(const char *path, struct lh_arena *arena) {
  const char *const slash = strrchr(path, '/');
  if (slash == NULL) {
    return lh_arena_strdup(arena, ".");
  }
  return lh_arena_strndup(arena, path, slash == path ? 1 : (size_t)(slash - path));
}
