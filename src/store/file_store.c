/* The `file` driver: objects are files below a directory, locks are flock(2) on files there. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "store/file.h"

/* How often directories are made anew when another process removes them as empty. */
#define MAKE_MAX_ATTEMPTS 100

struct file_lock {
  struct lh_store_lock base;
  int fd;
};

/* A descriptor that is only good for fsync may be refused where the file system has no such thing. */
lh_status lh_file_sync_directory(const char *path, struct lh_error *err) {
  const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    return lh_file_error(err, errno, "open directory", path);
  }
  const int synced = fsync(fd);
  const int cause = errno;
  close(fd);
  if (synced != 0 && cause != EINVAL && cause != ENOTSUP) {
    return lh_file_error(err, cause, "write directory", path);
  }
  return LH_OK;
}

/* `*lost`: the directory above was removed as empty by another process meanwhile. */
static lh_status make_directory(const char *part, bool *made, bool *lost, struct lh_error *err) {
  *made = mkdir(part, 0777) == 0;
  const int cause = errno;
  if (*made || cause == EEXIST || lh_fs_is_directory(part)) {
    return LH_OK;
  }
  *lost = cause == ENOENT;
  return lh_file_error(err, cause, "create directory", part);
}

static bool ends_part(const char *path, size_t length) {
  return length > 0 && (path[length] == '/' || path[length] == '\0') && path[length - 1] != '/';
}

static lh_status sync_parent(const char *part, struct lh_arena *arena, bool *lost, struct lh_error *err) {
  const char *const parent = lh_path_directory(part, arena);
  if (parent == NULL) {
    return lh_error_memory(err);
  }
  const lh_status status = lh_file_sync_directory(parent, err);
  *lost = status != LH_OK && !lh_fs_is_directory(parent);
  return status;
}

/* All are made before the first is synced: an empty one would be there to be removed for that long. */
static lh_status make_each_directory(const char *path, struct lh_arena *arena, bool *lost,
                                     struct lh_error *err) {
  const size_t length = strlen(path);
  size_t first_made = length + 1;
  char *const part = lh_arena_strdup(arena, path);
  if (part == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 1; i <= length; i++) {
    if (ends_part(path, i)) {
      bool made = false;
      part[i] = '\0';
      LH_TRY(make_directory(part, &made, lost, err));
      part[i] = path[i];
      first_made = made && i < first_made ? i : first_made;
    }
  }
  for (size_t i = first_made; i <= length; i++) {
    if (ends_part(path, i)) {
      part[i] = '\0';
      LH_TRY(sync_parent(part, arena, lost, err));
      part[i] = path[i];
    }
  }
  return LH_OK;
}

static lh_status make_directories(const char *path, struct lh_error *err) {
  struct lh_arena arena;
  lh_status status = LH_OK;
  bool lost = true;
  if (lh_fs_is_directory(path)) {
    return LH_OK;
  }
  lh_arena_init(&arena, 0);
  for (int attempt = 0; lost && attempt < MAKE_MAX_ATTEMPTS; attempt++) {
    lost = false;
    status = make_each_directory(path, &arena, &lost, err);
  }
  lh_arena_clear(&arena);
  return status;
}

lh_status lh_file_make_parents(const char *path, struct lh_error *err) {
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  const char *const directory = lh_path_directory(path, &arena);
  const lh_status status = directory != NULL ? make_directories(directory, err) : lh_error_memory(err);
  lh_arena_clear(&arena);
  return status;
}

static lh_status check_root(const char *location, bool create, struct lh_error *err) {
  struct stat info;
  if (create && stat(location, &info) != 0 && errno == ENOENT) {
    LH_TRY(make_directories(location, err));
  }
  if (stat(location, &info) != 0) {
    const int cause = errno;
    const lh_status status = lh_file_error(err, cause, "open the lake", location);
    if (cause == ENOENT) {
      lh_error_hint(err, "lakehaul run creates it; or correct lake: in lakehaul.yaml");
    }
    return status;
  }
  if (!S_ISDIR(info.st_mode)) {
    lh_error_set(err, LH_ERROR_LAKE, "the lake %s is not a directory", location);
    lh_error_hint(err, "lake: in lakehaul.yaml names the directory that holds all tables");
    return LH_ERROR_LAKE;
  }
  if (access(location, create ? R_OK | W_OK | X_OK : R_OK | X_OK) != 0) {
    const int cause = errno;
    lh_error_set(err, LH_ERROR_LAKE, "cannot %s the lake %s: %s", create ? "write to" : "read", location,
                 strerror(cause));
    lh_error_hint(err, cause == EROFS
                           ? "it is on a read-only file system: mount it read-write, or use another"
                           : "give the user who runs lakehaul the rights to it");
    return LH_ERROR_LAKE;
  }
  return LH_OK;
}

static lh_status file_open(const char *location, const struct lh_store_options *options,
                           struct lh_store **out, struct lh_error *err) {
  *out = NULL;
  LH_TRY(check_root(location, options->create, err));
  char *const root = realpath(location, NULL);
  if (root == NULL) {
    return errno == ENOMEM ? lh_error_memory(err) : lh_file_error(err, errno, "open the lake", location);
  }
  struct lh_store *const store = malloc(sizeof(*store));
  if (store == NULL) {
    free(root);
    return lh_error_memory(err);
  }
  *store = (struct lh_store){.driver = &lh_store_file_driver, .root = root};
  *out = store;
  return LH_OK;
}

static void file_free(struct lh_store *store) {
  free((char *)store->root);
  free(store);
}

static const char *file_locate(const struct lh_store *store, const char *key, struct lh_arena *arena) {
  return lh_path_join(store->root, key, arena);
}

/* Runs `use` on the key's path. */
static lh_status with_path(const struct lh_store *store, const char *key,
                           lh_status (*use)(const char *path, void *context, struct lh_error *err),
                           void *context, struct lh_error *err) {
  struct lh_arena arena;
  lh_arena_init(&arena, 2048);
  const char *const path = file_locate(store, key, &arena);
  const lh_status status = path != NULL ? use(path, context, err) : lh_error_memory(err);
  lh_arena_clear(&arena);
  return status;
}

static lh_status create_at(const char *path, void *context, struct lh_error *err) {
  return lh_file_sink_create(path, context, err);
}

static lh_status file_create(struct lh_store *store, const char *key, struct lh_sink **out,
                             struct lh_error *err) {
  return with_path(store, key, create_at, out, err);
}

static lh_status open_at(const char *path, void *context, struct lh_error *err) {
  return lh_file_source_open(path, context, err);
}

static lh_status file_open_object(struct lh_store *store, const char *key, struct lh_source **out,
                                  struct lh_error *err) {
  return with_path(store, key, open_at, out, err);
}

/* Every replacement makes a new file. */
static void make_tag(const struct stat *info, struct lh_store_tag *out) {
  snprintf(out->text, sizeof(out->text), "%llu-%lld-%lld.%09ld", (unsigned long long)info->st_ino,
           (long long)info->st_size, (long long)info->st_mtim.tv_sec, info->st_mtim.tv_nsec);
}

/* The tag of what is at `path`, "" where nothing is. */
static lh_status read_tag(const char *path, struct lh_store_tag *out, struct lh_error *err) {
  struct stat info;
  out->text[0] = '\0';
  if (stat(path, &info) == 0) {
    make_tag(&info, out);
    return LH_OK;
  }
  return errno == ENOENT || errno == ENOTDIR ? LH_OK : lh_file_error(err, errno, "read", path);
}

struct get_request {
  struct lh_buf *out;
  struct lh_store_tag *tag; /* NULL: not asked for */
  bool found;
};

static lh_status get_at(const char *path, void *context, struct lh_error *err) {
  struct get_request *const request = context;
  struct lh_source *source = NULL;
  struct stat info;
  if (stat(path, &info) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
    return LH_OK;
  }
  /* Before the content: where it is replaced in between, the tag is of a state that is no more, and nothing
   * will be replaced by it. */
  if (request->tag != NULL) {
    make_tag(&info, request->tag);
  }
  LH_TRY(lh_file_source_open(path, &source, err));
  lh_status status = LH_OK;
  if (source->size_bytes > request->out->max - request->out->len) {
    status = lh_error_set(err, LH_ERROR_LAKE, "%s has %llu bytes, more than the %zu that are read", path,
                          (unsigned long long)source->size_bytes, request->out->max - request->out->len);
  } else {
    const size_t size = (size_t)source->size_bytes;
    status = lh_buf_reserve(request->out, size, err);
    if (status == LH_OK) {
      status = lh_source_read_at(source, 0, request->out->data + request->out->len, size, err);
    }
    if (status == LH_OK) {
      request->out->len += size;
      request->found = true;
    }
  }
  lh_source_free(source);
  return status;
}

static lh_status file_get(struct lh_store *store, const char *key, struct lh_buf *out, bool *found,
                          struct lh_store_tag *tag, struct lh_error *err) {
  struct get_request request = {.out = out, .tag = tag};
  *found = false;
  LH_TRY(with_path(store, key, get_at, &request, err));
  *found = request.found;
  return LH_OK;
}

struct replace_request {
  const void *bytes; /* NULL: remove */
  size_t size;
  const struct lh_store_tag *before;
  struct lh_store_tag *after;
  bool replaced;
};

static lh_status write_whole(const char *path, const void *bytes, size_t size, struct lh_error *err) {
  struct lh_sink *sink = NULL;
  LH_TRY(lh_file_sink_create(path, &sink, err));
  lh_status status = lh_sink_write(sink, bytes, size, err);
  if (status == LH_OK) {
    status = lh_sink_finish(sink, err);
  }
  lh_sink_free(sink);
  return status;
}

static lh_status replace_at(const char *path, void *context, struct lh_error *err) {
  struct replace_request *const request = context;
  struct lh_store_tag now;
  LH_TRY(read_tag(path, &now, err));
  if (strcmp(now.text, request->before->text) != 0) {
    return LH_OK;
  }
  if (request->bytes != NULL) {
    LH_TRY(write_whole(path, request->bytes, request->size, err));
  } else if (unlink(path) != 0 && errno != ENOENT) {
    return lh_file_error(err, errno, "remove", path);
  }
  request->replaced = true;
  return read_tag(path, request->after, err);
}

static lh_status file_replace(struct lh_store *store, const char *key, const void *bytes, size_t size,
                              const struct lh_store_tag *before, struct lh_store_tag *after, bool *replaced,
                              struct lh_error *err) {
  struct replace_request request = {.bytes = bytes, .size = size, .before = before, .after = after};
  LH_TRY(with_path(store, key, replace_at, &request, err));
  *replaced = request.replaced;
  return LH_OK;
}

struct list_request {
  struct lh_arena *arena;
  struct lh_store_entry *entries;
  size_t count;
  size_t capacity;
};

static lh_status add_entry(struct list_request *request, int directory, const char *name,
                           struct lh_error *err) {
  struct stat info;
  if (fstatat(directory, name, &info, 0) != 0) {
    return LH_OK; /* gone meanwhile, or a link to nothing */
  }
  struct lh_store_entry *const entries =
      lh_arena_grow(request->arena, request->entries, request->count, &request->capacity, sizeof(*entries));
  if (entries == NULL) {
    return lh_error_memory(err);
  }
  request->entries = entries;
  const char *const copy = lh_arena_strdup(request->arena, name);
  if (copy == NULL) {
    return lh_error_memory(err);
  }
  const bool is_prefix = S_ISDIR(info.st_mode);
  request->entries[request->count++] = (struct lh_store_entry){
      .name = copy, .is_prefix = is_prefix, .size_bytes = is_prefix ? 0 : (uint64_t)info.st_size};
  return LH_OK;
}

static lh_status list_at(const char *path, void *context, struct lh_error *err) {
  DIR *const directory = opendir(path);
  if (directory == NULL) {
    return errno == ENOENT || errno == ENOTDIR ? LH_OK : lh_file_error(err, errno, "list", path);
  }
  lh_status status = LH_OK;
  while (status == LH_OK) {
    errno = 0;
    const struct dirent *const entry = readdir(directory);
    if (entry == NULL) {
      if (errno != 0) {
        status = lh_file_error(err, errno, "list", path);
      }
      break;
    }
    if (entry->d_name[0] != '.') {
      status = add_entry(context, dirfd(directory), entry->d_name, err);
    }
  }
  closedir(directory);
  return status;
}

static lh_status file_list(struct lh_store *store, const char *prefix, struct lh_arena *arena,
                           struct lh_store_entry **out, size_t *count, struct lh_error *err) {
  struct list_request request = {.arena = arena};
  LH_TRY(with_path(store, prefix, list_at, &request, err));
  *out = request.entries;
  *count = request.count;
  return LH_OK;
}

struct remove_request {
  const char *root;
  enum lh_store_removal removal;
  bool dry_run;
  uint64_t *files, *bytes;
};

static lh_status remove_at(const char *path, void *context, struct lh_error *err) {
  const struct remove_request *const request = context;
  return lh_file_remove(path, request->root, request->removal, request->dry_run, request->files,
                        request->bytes, err);
}

static lh_status file_remove(struct lh_store *store, const char *prefix, enum lh_store_removal removal,
                             bool dry_run, uint64_t *files, uint64_t *bytes, struct lh_error *err) {
  struct remove_request request = {
      .root = store->root, .removal = removal, .dry_run = dry_run, .files = files, .bytes = bytes};
  return with_path(store, prefix, remove_at, &request, err);
}

struct lock_request {
  bool exclusive;
  bool wait;
  int fd; /* -1 when another holds it */
};

static int open_lock_file(const char *path, bool exclusive) {
  const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0 && !exclusive && (errno == EROFS || errno == EACCES)) {
    /* Whoever may only read can still keep writers out. */
    return open(path, O_RDONLY | O_CLOEXEC);
  }
  return fd;
}

static lh_status lock_at(const char *path, void *context, struct lh_error *err) {
  struct lock_request *const request = context;
  const int operation = (request->exclusive ? LOCK_EX : LOCK_SH) | (request->wait ? 0 : LOCK_NB);
  struct stat info;
  LH_TRY(lh_file_make_parents(path, err));
  for (;;) {
    const int fd = open_lock_file(path, request->exclusive);
    if (fd < 0) {
      return lh_file_error(err, errno, "open the lock", path);
    }
    int result = flock(fd, operation);
    while (result != 0 && errno == EINTR) {
      result = flock(fd, operation);
    }
    const int cause = errno;
    if (result == 0 && fstat(fd, &info) == 0 && info.st_nlink > 0) {
      request->fd = fd;
      return LH_OK;
    }
    close(fd);
    if (result != 0) {
      return cause == EWOULDBLOCK ? LH_OK : lh_file_error(err, cause, "lock", path);
    }
    /* The file was deleted between opening and locking: the lock is on nothing. */
  }
}

static lh_status file_lock(struct lh_store *store, const char *key, bool exclusive, bool wait,
                           struct lh_store_lock **out, bool *locked, struct lh_error *err) {
  struct lock_request request = {.exclusive = exclusive, .wait = wait, .fd = -1};
  struct file_lock *const lock = malloc(sizeof(*lock));
  if (lock == NULL) {
    return lh_error_memory(err);
  }
  const lh_status status = with_path(store, key, lock_at, &request, err);
  if (status != LH_OK || request.fd < 0) {
    free(lock);
    return status;
  }
  *lock = (struct file_lock){.base = {.driver = &lh_store_file_driver}, .fd = request.fd};
  *out = &lock->base;
  *locked = true;
  return LH_OK;
}

static void file_unlock(struct lh_store_lock *base) {
  struct file_lock *const lock = (struct file_lock *)base;
  /* Said outright, since a child process between fork and exec shares the descriptor. */
  flock(lock->fd, LOCK_UN);
  close(lock->fd);
  free(lock);
}

const struct lh_store_driver lh_store_file_driver = {
    .open = file_open,
    .free = file_free,
    .locate = file_locate,
    .create = file_create,
    .open_object = file_open_object,
    .get = file_get,
    .replace = file_replace,
    .list = file_list,
    .remove = file_remove,
    .lock = file_lock,
    .unlock = file_unlock,
};
