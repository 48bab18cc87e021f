/*
 * Object store: named byte objects below one root, as in S3, on whatever holds the lake.
 *
 * One driver table (driver.h); `file` is the only driver of this version. Objects appear whole or not at all:
 * they are written under a temporary name and renamed by `finish`, after fsync of the file and before fsync
 * of its directory.
 *
 * Keys are relative, '/'-separated, UTF-8, 1024 bytes at most, without empty, "." or ".." parts; any other
 * key is LH_ERROR_LAKE. A store is constant once opened and may be used by several threads at a time; a sink
 * or source belongs to one thread.
 */
#ifndef LH_STORE_STORE_H
#define LH_STORE_STORE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/io.h"
#include "lakehaul/error.h"
#include "net/settings.h"

struct lh_store;

/* How a store is opened. Everything is borrowed for the call, but `cancelled`, which outlives the store. */
struct lh_store_options {
  const char *base_dir;              /* that a relative path starts from; "" or NULL: the working directory */
  bool create;                       /* the root where there is none */
  const struct lh_aws_settings *aws; /* NULL, like the next: nothing was said */
  const struct lh_s3_settings *s3;
  const atomic_bool *cancelled; /* once true, requests under way end with LH_ERROR_INTERRUPTED; may be NULL */
};

/* `uri` is a directory path, absolute or relative, or file:///path. Other schemes: LH_ERROR_UNSUPPORTED.
 * Unreachable, not a directory, not writable: LH_ERROR_LAKE. */
lh_status lh_store_open(const char *uri, const struct lh_store_options *options, struct lh_store **out,
                        struct lh_error *err) LH_WARN_UNUSED;
void lh_store_free(struct lh_store *store);

/* The root as shown to users ("/data/lake"). */
const char *lh_store_root(const struct lh_store *store);
/* A name by which other programs open the object (absolute path), in `arena`. NULL without memory. */
const char *lh_store_locate(const struct lh_store *store, const char *key, struct lh_arena *arena);
/* Whether `key` names an object, by the rules above. */
bool lh_store_key_valid(const char *key);

/* A sink that makes the object appear on finish, replacing one of that key. It holds 256 KiB of buffer. A
 * full or read-only disk or missing rights: LH_ERROR_LAKE with the path and a hint. After a failed write,
 * finish fails, too, and publishes nothing. */
lh_status lh_store_create(struct lh_store *store, const char *key, struct lh_sink **out,
                          struct lh_error *err) LH_WARN_UNUSED;
/* What a sink of this store takes of memory beside the writer's own, at least: S3's parts wait in memory
 * until they have arrived. 0 for `file`. */
size_t lh_store_least_upload_bytes(const struct lh_store *store);
/* Lets each sink that is created from now on have `bytes` for that, or the least where it is less, and
 * returns how much it is, 0 for `file`. Before sinks are created. */
size_t lh_store_fit_uploads(struct lh_store *store, size_t bytes);

lh_status lh_store_open_object(struct lh_store *store, const char *key, struct lh_source **out,
                               struct lh_error *err) LH_WARN_UNUSED;

/* Whole small objects. A missing one: `*found` false and LH_OK. */
lh_status lh_store_get(struct lh_store *store, const char *key, struct lh_buf *out, bool *found,
                       struct lh_error *err) LH_WARN_UNUSED;
/* Replaces the object atomically and durably. */
lh_status lh_store_put(struct lh_store *store, const char *key, const void *bytes, size_t size,
                       struct lh_error *err) LH_WARN_UNUSED;

/* Stands for one state of an object: another one has another tag. "" for no object. */
#define LH_STORE_TAG_MAX 128
struct lh_store_tag {
  char text[LH_STORE_TAG_MAX];
};
/* lh_store_get that also says which state was read; `*tag` is "" for a missing object. */
lh_status lh_store_get_tagged(struct lh_store *store, const char *key, struct lh_buf *out, bool *found,
                              struct lh_store_tag *tag, struct lh_error *err) LH_WARN_UNUSED;
/* Replaces the object, or removes it where `bytes` is NULL, as lh_store_put does, if it is still in the state
 * `before` ("": if there is none), and says in `*after` which state it is in then. `*replaced` false and
 * LH_OK: somebody else has changed it, or a response was lost and this call has; read again. On `file` only
 * under an exclusive lock that all who change the object take. */
lh_status lh_store_replace(struct lh_store *store, const char *key, const void *bytes, size_t size,
                           const struct lh_store_tag *before, struct lh_store_tag *after, bool *replaced,
                           struct lh_error *err) LH_WARN_UNUSED;

struct lh_store_entry {
  const char *name; /* last part of the key */
  bool is_prefix;   /* a directory */
  uint64_t size_bytes;
};
/* Entries directly below `prefix` ("" for the root), sorted by name; none if it does not exist. Names that
 * begin with '.' (unfinished objects among them) are left out. */
lh_status lh_store_list(struct lh_store *store, const char *prefix, struct lh_arena *arena,
                        struct lh_store_entry **out, size_t *count, struct lh_error *err) LH_WARN_UNUSED;
/* Deletes everything below `prefix` (a missing one is fine; "" is refused), unfinished objects included but
 * for uploads, and adds what was removed to `*files` and `*bytes`. Symbolic links are removed, not followed.
 */
lh_status lh_store_delete_prefix(struct lh_store *store, const char *prefix, uint64_t *files, uint64_t *bytes,
                                 struct lh_error *err) LH_WARN_UNUSED;
/* Adds up what lh_store_delete_prefix would remove. */
lh_status lh_store_measure_prefix(struct lh_store *store, const char *prefix, uint64_t *files,
                                  uint64_t *bytes, struct lh_error *err) LH_WARN_UNUSED;
/* Deletes (`dry_run`: only adds up) what sinks of killed processes left unfinished, at any depth below
 * `prefix`. The caller makes sure that nobody writes there. */
lh_status lh_store_sweep_unfinished(struct lh_store *store, const char *prefix, bool dry_run, uint64_t *files,
                                    uint64_t *bytes, struct lh_error *err) LH_WARN_UNUSED;

/* An upload that was begun and neither finished nor aborted. It is no object yet, but is paid for. */
struct lh_store_upload {
  const char *key;
  const char *id;
  const char *begun_at; /* ISO 8601 UTC; "" where unknown */
};
/* Whether unfinished objects are such uploads, which lh_store_list_uploads finds all at once, and not files
 * beside the others, which lh_store_sweep_unfinished finds. */
bool lh_store_has_uploads(const struct lh_store *store);
/* Those of keys below `prefix` ("" for all), in `arena`; none where it has no such thing. */
lh_status lh_store_list_uploads(struct lh_store *store, const char *prefix, struct lh_arena *arena,
                                struct lh_store_upload **out, size_t *count,
                                struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_store_abort_upload(struct lh_store *store, const struct lh_store_upload *upload,
                                struct lh_error *err) LH_WARN_UNUSED;

/* An advisory lock on a key, shared or exclusive, between processes and between locks of one process,
 * released by lh_store_unlock or the process's end. `wait` false: `*locked` false and `*out` NULL when
 * another holds it. On `file` the key's object stays behind, empty: deleting it would let two holders in. On
 * S3 a lock that does not wait is a lease, an object that its holder renews until it unlocks, and which
 * counts for five minutes more where the holder is killed on another machine; an exclusive one that waits is
 * granted to all, since what it protects there is replaced on conditions. */
struct lh_store_lock;
lh_status lh_store_lock(struct lh_store *store, const char *key, bool exclusive, bool wait,
                        struct lh_store_lock **out, bool *locked, struct lh_error *err) LH_WARN_UNUSED;
void lh_store_unlock(struct lh_store_lock *lock);
/* When the earliest of the others that held the lock as it was taken had got it; "" where there was none, or
 * where that is not known. */
const char *lh_store_lock_held_since(const struct lh_store_lock *lock);

/* A source over a local file outside any store, for `inspect`. */
lh_status lh_file_source_open(const char *path, struct lh_source **out, struct lh_error *err) LH_WARN_UNUSED;
/* A sink over a local file outside any store: temporary name beside it, renamed on finish. Creates the
 * directory it is in. A symbolic link is followed; what exists and is no regular file is refused. */
lh_status lh_file_sink_create(const char *path, struct lh_sink **out, struct lh_error *err) LH_WARN_UNUSED;

#endif
