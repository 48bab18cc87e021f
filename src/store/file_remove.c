/* Removing and measuring what lies below a directory: whole prefixes, or only what sinks left unfinished.
 * Works through directory descriptors, so that a link swapped in meanwhile is not followed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "store/file.h"

#define REMOVE_MAX_DEPTH 64

struct removal {
  const char *path; /* for messages */
  enum lh_store_removal what;
  bool dry_run;
  uint64_t files;
  uint64_t bytes;
};

static lh_status remove_entry(struct removal *removal, int parent, const char *name, int depth,
                              struct lh_error *err);

static lh_status remove_entries(struct removal *removal, DIR *directory, int depth, struct lh_error *err) {
  for (;;) {
    errno = 0;
    const struct dirent *const entry = readdir(directory);
    if (entry == NULL) {
      return errno == 0 ? LH_OK : lh_file_error(err, errno, "list", removal->path);
    }
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
      LH_TRY(remove_entry(removal, dirfd(directory), entry->d_name, depth + 1, err));
    }
  }
}

static lh_status remove_directory(struct removal *removal, int parent, const char *name, int depth,
                                  struct lh_error *err) {
  if (depth > REMOVE_MAX_DEPTH) {
    return lh_error_set(err, LH_ERROR_LAKE, "cannot remove %s: nested deeper than %d directories",
                        removal->path, REMOVE_MAX_DEPTH);
  }
  const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    return errno == ENOENT ? LH_OK : lh_file_error(err, errno, "list", removal->path);
  }
  DIR *const directory = fdopendir(fd);
  if (directory == NULL) {
    close(fd);
    return lh_error_memory(err);
  }
  const lh_status status = remove_entries(removal, directory, depth, err);
  closedir(directory);
  LH_TRY(status);
  if (removal->dry_run || removal->what != LH_STORE_REMOVE_ALL) {
    return LH_OK;
  }
  if (unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT) {
    return lh_file_error(err, errno, "remove", removal->path);
  }
  return LH_OK;
}

static lh_status remove_file(struct removal *removal, int parent, const char *name, const struct stat *info,
                             struct lh_error *err) {
  if (removal->what == LH_STORE_REMOVE_UNFINISHED &&
      (!S_ISREG(info->st_mode) || !lh_file_name_is_unfinished(name))) {
    return LH_OK;
  }
  if (!removal->dry_run && unlinkat(parent, name, 0) != 0) {
    return errno == ENOENT ? LH_OK : lh_file_error(err, errno, "remove a file in", removal->path);
  }
  removal->files++;
  removal->bytes += S_ISREG(info->st_mode) ? (uint64_t)info->st_size : 0;
  return LH_OK;
}

static lh_status remove_entry(struct removal *removal, int parent, const char *name, int depth,
                              struct lh_error *err) {
  struct stat info;
  if (fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT || errno == ENOTDIR ? LH_OK : lh_file_error(err, errno, "remove", removal->path);
  }
  if (S_ISDIR(info.st_mode)) {
    return remove_directory(removal, parent, name, depth, err);
  }
  return remove_file(removal, parent, name, &info, err);
}

/* A prefix exists as long as it holds something: directories that became empty go, up to the root. */
static lh_status remove_empty_parents(const char *path, const char *stop, struct lh_error *err) {
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  lh_status status = LH_OK;
  const size_t stop_length = strlen(stop);
  const char *directory = path;
  for (;;) {
    directory = lh_path_directory(directory, &arena);
    if (directory == NULL) {
      status = lh_error_memory(err);
      break;
    }
    if (strlen(directory) <= stop_length || rmdir(directory) != 0) {
      break;
    }
  }
  lh_arena_clear(&arena);
  return status;
}

lh_status lh_file_remove(const char *path, const char *parent_stop, enum lh_store_removal removal_kind,
                         bool dry_run, uint64_t *files, uint64_t *bytes, struct lh_error *err) {
  struct removal removal = {.path = path, .what = removal_kind, .dry_run = dry_run};
  const lh_status status = remove_entry(&removal, AT_FDCWD, path, 0, err);
  *files += removal.files;
  *bytes += removal.bytes;
  LH_TRY(status);
  if (dry_run || removal_kind != LH_STORE_REMOVE_ALL) {
    return LH_OK;
  }
  return remove_empty_parents(path, parent_stop, err);
}
