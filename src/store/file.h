/*
 * The parts of the `file` driver: what file_store.c and the file_*.c beside it share.
 */
#ifndef LH_STORE_FILE_H
#define LH_STORE_FILE_H

#include "store/driver.h"

/* LH_ERROR_LAKE "cannot <action> <path>: <text of cause>", with a hint where the user can do something about
 * `cause`, an errno. `action` is "write", "create directory" and the like. */
lh_status lh_file_error(struct lh_error *err, int cause, const char *action, const char *path);

/* Whether a directory entry's name is one that sinks write under: ".<name>.tmp-<process>-<number>". */
bool lh_file_name_is_unfinished(const char *name);

/* The driver's `remove`, on an absolute directory or file path. `parent_stop` is the root: empty directories
 * between it and `path` are removed with LH_STORE_REMOVE_ALL. */
lh_status lh_file_remove(const char *path, const char *parent_stop, enum lh_store_removal removal,
                         bool dry_run, uint64_t *files, uint64_t *bytes, struct lh_error *err) LH_WARN_UNUSED;

/* fsync of a directory, so that names in it last. */
lh_status lh_file_sync_directory(const char *path, struct lh_error *err) LH_WARN_UNUSED;
/* mkdir -p of the directory that `path` lies in; what it creates is durable. */
lh_status lh_file_make_parents(const char *path, struct lh_error *err) LH_WARN_UNUSED;

#endif
