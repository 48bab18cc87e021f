/*
 * What a driver of the object store provides.
 *
 * store.c checks keys and picks the driver; a driver may rely on every key and prefix being valid. A driver's
 * store embeds struct lh_store as its first member. Every function is required but where it says so.
 */
#ifndef LH_STORE_DRIVER_H
#define LH_STORE_DRIVER_H

#include "store/store.h"

struct lh_store_driver;

struct lh_store {
  const struct lh_store_driver *driver;
  const char *root;    /* as shown to users; owned, constant */
  size_t upload_bytes; /* of memory, that a sink has for what is on its way */
};

struct lh_store_lock {
  const struct lh_store_driver *driver;
  char held_since[32]; /* of others; "" where there are none */
};

enum lh_store_removal {
  LH_STORE_REMOVE_ALL,       /* everything below the prefix, then prefixes that hold nothing any more */
  LH_STORE_REMOVE_UNFINISHED /* only what sinks left unfinished */
};

struct lh_store_driver {
  size_t least_upload_bytes, most_upload_bytes; /* 0: its sinks hold nothing back */
  /* `location` is what uri.c made of the URI: for `file` an absolute path. */
  lh_status (*open)(const char *location, const struct lh_store_options *options, struct lh_store **out,
                    struct lh_error *err);
  void (*free)(struct lh_store *store);
  const char *(*locate)(const struct lh_store *store, const char *key, struct lh_arena *arena);
  lh_status (*create)(struct lh_store *store, const char *key, struct lh_sink **out, struct lh_error *err);
  lh_status (*open_object)(struct lh_store *store, const char *key, struct lh_source **out,
                           struct lh_error *err);
  /* `tag` may be NULL. */
  lh_status (*get)(struct lh_store *store, const char *key, struct lh_buf *out, bool *found,
                   struct lh_store_tag *tag, struct lh_error *err);
  lh_status (*replace)(struct lh_store *store, const char *key, const void *bytes, size_t size,
                       const struct lh_store_tag *before, struct lh_store_tag *after, bool *replaced,
                       struct lh_error *err);
  /* In any order; store.c sorts. */
  lh_status (*list)(struct lh_store *store, const char *prefix, struct lh_arena *arena,
                    struct lh_store_entry **out, size_t *count, struct lh_error *err);
  lh_status (*remove)(struct lh_store *store, const char *prefix, enum lh_store_removal removal, bool dry_run,
                      uint64_t *files, uint64_t *bytes, struct lh_error *err);
  /* Both NULL where there are no such things. */
  lh_status (*list_uploads)(struct lh_store *store, const char *prefix, struct lh_arena *arena,
                            struct lh_store_upload **out, size_t *count, struct lh_error *err);
  lh_status (*abort_upload)(struct lh_store *store, const struct lh_store_upload *upload,
                            struct lh_error *err);
  lh_status (*lock)(struct lh_store *store, const char *key, bool exclusive, bool wait,
                    struct lh_store_lock **out, bool *locked, struct lh_error *err);
  void (*unlock)(struct lh_store_lock *lock);
};

extern const struct lh_store_driver lh_store_file_driver, lh_store_s3_driver;

/* Which driver serves `uri`, and the location its `open` takes, in `arena`. A relative path is relative to
 * `base_dir`; file URIs (RFC 8089) are percent-decoded. */
lh_status lh_store_parse_uri(const char *uri, const char *base_dir, struct lh_arena *arena,
                             const struct lh_store_driver **driver, const char **location,
                             struct lh_error *err) LH_WARN_UNUSED;

#endif
