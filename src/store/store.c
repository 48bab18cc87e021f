/* The object store's generic layer: checks keys, picks the driver, and what every driver does alike. */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "store/driver.h"

#define KEY_MAX_BYTES 1024

lh_status lh_store_open(const char *uri, const struct lh_store_options *options, struct lh_store **out,
                        struct lh_error *err) {
  struct lh_arena arena;
  const struct lh_store_driver *driver = NULL;
  const char *location = NULL;
  *out = NULL;
  lh_arena_init(&arena, 0);
  lh_status status = lh_store_parse_uri(uri, options->base_dir != NULL ? options->base_dir : "", &arena,
                                        &driver, &location, err);
  if (status == LH_OK) {
    status = driver->open(location, options, out, err);
  }
  lh_arena_clear(&arena);
  return status;
}

void lh_store_free(struct lh_store *store) {
  if (store != NULL) {
    store->driver->free(store);
  }
}

const char *lh_store_root(const struct lh_store *store) {
  return store->root;
}

const char *lh_store_locate(const struct lh_store *store, const char *key, struct lh_arena *arena) {
  return store->driver->locate(store, key, arena);
}

static bool part_valid(const char *part, size_t length) {
  const bool dots = (length == 1 && part[0] == '.') || (length == 2 && part[0] == '.' && part[1] == '.');
  return length > 0 && !dots;
}

bool lh_store_key_valid(const char *key) {
  const size_t length = strnlen(key, KEY_MAX_BYTES + 1);
  if (length > KEY_MAX_BYTES || !lh_utf8_valid((const uint8_t *)key, length)) {
    return false;
  }
  for (const char *part = key;;) {
    const size_t part_length = strcspn(part, "/");
    if (!part_valid(part, part_length)) {
      return false;
    }
    if (part[part_length] == '\0') {
      return true;
    }
    part += part_length + 1;
  }
}

static lh_status check_key(const struct lh_store *store, const char *key, struct lh_error *err) {
  if (lh_store_key_valid(key)) {
    return LH_OK;
  }
  return lh_error_set(err, LH_ERROR_LAKE, "\"%.200s\" is not a name that an object in %s can have", key,
                      store->root);
}

lh_status lh_store_create(struct lh_store *store, const char *key, struct lh_sink **out,
                          struct lh_error *err) {
  LH_TRY(check_key(store, key, err));
  return store->driver->create(store, key, out, err);
}

size_t lh_store_least_upload_bytes(const struct lh_store *store) {
  return store->driver->least_upload_bytes;
}

size_t lh_store_fit_uploads(struct lh_store *store, size_t bytes) {
  const size_t least = store->driver->least_upload_bytes;
  if (least == 0) {
    return 0;
  }
  const size_t most = store->driver->most_upload_bytes;
  store->upload_bytes = bytes < least ? least : bytes > most ? most : bytes;
  return store->upload_bytes;
}

lh_status lh_store_open_object(struct lh_store *store, const char *key, struct lh_source **out,
                               struct lh_error *err) {
  LH_TRY(check_key(store, key, err));
  return store->driver->open_object(store, key, out, err);
}

lh_status lh_store_get(struct lh_store *store, const char *key, struct lh_buf *out, bool *found,
                       struct lh_error *err) {
  LH_TRY(check_key(store, key, err));
  return store->driver->get(store, key, out, found, NULL, err);
}

lh_status lh_store_get_tagged(struct lh_store *store, const char *key, struct lh_buf *out, bool *found,
                              struct lh_store_tag *tag, struct lh_error *err) {
  tag->text[0] = '\0';
  LH_TRY(check_key(store, key, err));
  return store->driver->get(store, key, out, found, tag, err);
}

lh_status lh_store_replace(struct lh_store *store, const char *key, const void *bytes, size_t size,
                           const struct lh_store_tag *before, struct lh_store_tag *after, bool *replaced,
                           struct lh_error *err) {
  *replaced = false;
  after->text[0] = '\0';
  LH_TRY(check_key(store, key, err));
  return store->driver->replace(store, key, bytes, size, before, after, replaced, err);
}

lh_status lh_store_put(struct lh_store *store, const char *key, const void *bytes, size_t size,
                       struct lh_error *err) {
  struct lh_sink *sink = NULL;
  LH_TRY(lh_store_create(store, key, &sink, err));
  lh_status status = lh_sink_write(sink, bytes, size, err);
  if (status == LH_OK) {
    status = lh_sink_finish(sink, err);
  }
  lh_sink_free(sink);
  return status;
}

static int compare_entries(const void *left, const void *right) {
  const struct lh_store_entry *const a = left;
  const struct lh_store_entry *const b = right;
  return strcmp(a->name, b->name);
}

lh_status lh_store_list(struct lh_store *store, const char *prefix, struct lh_arena *arena,
                        struct lh_store_entry **out, size_t *count, struct lh_error *err) {
  if (prefix[0] != '\0') {
    LH_TRY(check_key(store, prefix, err));
  }
  *out = NULL;
  *count = 0;
  LH_TRY(store->driver->list(store, prefix, arena, out, count, err));
  if (*count > 1) {
    qsort(*out, *count, sizeof(**out), compare_entries);
  }
  return LH_OK;
}

lh_status lh_store_delete_prefix(struct lh_store *store, const char *prefix, uint64_t *files, uint64_t *bytes,
                                 struct lh_error *err) {
  LH_TRY(check_key(store, prefix, err));
  return store->driver->remove(store, prefix, LH_STORE_REMOVE_ALL, false, files, bytes, err);
}

lh_status lh_store_measure_prefix(struct lh_store *store, const char *prefix, uint64_t *files,
                                  uint64_t *bytes, struct lh_error *err) {
  LH_TRY(check_key(store, prefix, err));
  return store->driver->remove(store, prefix, LH_STORE_REMOVE_ALL, true, files, bytes, err);
}

lh_status lh_store_sweep_unfinished(struct lh_store *store, const char *prefix, bool dry_run, uint64_t *files,
                                    uint64_t *bytes, struct lh_error *err) {
  LH_TRY(check_key(store, prefix, err));
  return store->driver->remove(store, prefix, LH_STORE_REMOVE_UNFINISHED, dry_run, files, bytes, err);
}

bool lh_store_has_uploads(const struct lh_store *store) {
  return store->driver->list_uploads != NULL;
}

lh_status lh_store_list_uploads(struct lh_store *store, struct lh_arena *arena, struct lh_store_upload **out,
                                size_t *count, struct lh_error *err) {
  *out = NULL;
  *count = 0;
  return lh_store_has_uploads(store) ? store->driver->list_uploads(store, arena, out, count, err) : LH_OK;
}

lh_status lh_store_abort_upload(struct lh_store *store, const struct lh_store_upload *upload,
                                struct lh_error *err) {
  LH_TRY(check_key(store, upload->key, err));
  return store->driver->abort_upload(store, upload, err);
}

lh_status lh_store_lock(struct lh_store *store, const char *key, bool exclusive, bool wait,
                        struct lh_store_lock **out, bool *locked, struct lh_error *err) {
  *out = NULL;
  *locked = false;
  LH_TRY(check_key(store, key, err));
  return store->driver->lock(store, key, exclusive, wait, out, locked, err);
}

void lh_store_unlock(struct lh_store_lock *lock) {
  if (lock != NULL) {
    lock->driver->unlock(lock);
  }
}

const char *lh_store_lock_held_since(const struct lh_store_lock *lock) {
  return lock->held_since;
}
