/* Errors of the file driver: the path, the system's words for the cause, and what to do about it. */
#include <errno.h>
#include <string.h>

#include "store/file.h"

static void hint_for(struct lh_error *err, int cause, const char *path) {
  const char *const slash = strrchr(path, '/');
  const int length = slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path);
  const char *const directory = slash == NULL ? "." : path;
  switch (cause) {
    case ENOSPC:
      lh_error_hint(err, "free space in %.*s and run again; nothing was published", length, directory);
      break;
    case EDQUOT:
      lh_error_hint(err, "free space or raise the disk quota in %.*s and run again; nothing was published",
                    length, directory);
      break;
    case EFBIG:
      lh_error_hint(err,
                    "raise the limit on file sizes (ulimit -f, or the file system's own) and run again; "
                    "nothing was published");
      break;
    case EROFS:
      lh_error_hint(err, "%.*s is on a read-only file system: mount it read-write, or use another place",
                    length, directory);
      break;
    case EACCES:
    case EPERM:
      lh_error_hint(err, "give the user who runs lakehaul the right to read and write in %.*s", length,
                    directory);
      break;
    case EMFILE:
    case ENFILE:
      lh_error_hint(err, "raise the limit on open files (ulimit -n), or lower jobs and streams");
      break;
    case ENOTDIR:
      lh_error_hint(err, "a part of the path is a file: move it away, or use another place");
      break;
    default:
      break;
  }
}

lh_status lh_file_error(struct lh_error *err, int cause, const char *action, const char *path) {
  const lh_status status =
      lh_error_set(err, LH_ERROR_LAKE, "cannot %s %s: %s", action, path, strerror(cause));
  hint_for(err, cause, path);
  return status;
}
