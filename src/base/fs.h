/*
 * Files and directories of the local machine, with errors that name the path.
 */
#ifndef LH_BASE_FS_H
#define LH_BASE_FS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "lakehaul/error.h"

/* Appends the whole file; at most what `out` may hold. `code` is the status of a failure. */
lh_status lh_fs_read(const char *path, struct lh_buf *out, lh_status code,
                     struct lh_error *err) LH_WARN_UNUSED;
/* mkdir -p. */
lh_status lh_fs_make_directories(const char *path, lh_status code, struct lh_error *err) LH_WARN_UNUSED;
/* Writes all of it, retrying short writes and EINTR. */
lh_status lh_fs_write_all(int fd, const void *bytes, size_t size, const char *path, lh_status code,
                          struct lh_error *err) LH_WARN_UNUSED;
bool lh_fs_is_directory(const char *path);
/* Removes a directory with all below it; a missing one is fine. Symbolic links are removed, not followed. */
lh_status lh_fs_remove_tree(const char *path, lh_status code, struct lh_error *err) LH_WARN_UNUSED;

/* A new directory below $TMPDIR (or /tmp), the caller's to remove with lh_fs_remove_tree. */
lh_status lh_fs_make_temp_directory(struct lh_arena *arena, const char **out, lh_status code,
                                    struct lh_error *err) LH_WARN_UNUSED;

/* Parts of paths, in `arena`; NULL without memory. */
const char *lh_path_join(const char *directory, const char *name,
                         struct lh_arena *arena);                        /* an absolute `name` wins */
const char *lh_path_directory(const char *path, struct lh_arena *arena); /* "." for a bare name */

#endif
