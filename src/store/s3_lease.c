/* Locks of a lake on S3. What a waiting exclusive lock protects, a table's pointer, is replaced by a
 * conditional write, so that such a lock is granted without anything being done. Any other is a lease: an
 * object below "running/" beside the lock's key, which its holder renews. A holder puts its own first and
 * looks for others then, so that of two that exclude each other never both go on. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "store/s3.h"

#define RENEW_SECONDS 30
#define STALE_SECONDS 300
#define LEASE_MAX_BYTES ((size_t)64 << 10)
#define BOOT_ID_MAX_BYTES 64

struct identity {
  char host[256];
  char boot[BOOT_ID_MAX_BYTES];
  char process_space[64];   /* containers of a machine share its boot, but not the numbers of processes */
  uint64_t process_started; /* in ticks since boot */
};

struct s3_lock {
  struct lh_store_lock base;
  const struct lh_s3_store *store;
  struct lh_arena arena;
  const char *directory; /* keys in the bucket; NULL for a lock that needs nothing */
  const char *key;
  struct identity self;
  char started_at[32];
  bool exclusive;
  bool is_put, has_thread;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t ended;
  bool is_over; /* under the lock */
};

/* -------- who holds it -------- */

/* Field 22 of /proc/<pid>/stat; what comes before may have spaces and brackets in it. */
static bool process_start(pid_t pid, uint64_t *out) {
  char path[64];
  char text[1024];
  snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
  FILE *const file = fopen(path, "re");
  if (file == NULL) {
    return false;
  }
  const size_t length = fread(text, 1, sizeof(text) - 1, file);
  fclose(file);
  text[length] = '\0';
  const char *at = strrchr(text, ')');
  for (int field = 2; at != NULL && field < 22; field++) {
    at = strchr(at + 1, ' ');
  }
  if (at == NULL) {
    return false;
  }
  *out = strtoull(at + 1, NULL, 10);
  return true;
}

static void read_identity(struct identity *out) {
  *out = (struct identity){0};
  if (gethostname(out->host, sizeof(out->host) - 1) != 0 || out->host[0] == '\0') {
    snprintf(out->host, sizeof(out->host), "unknown");
  }
  FILE *const file = fopen("/proc/sys/kernel/random/boot_id", "re");
  if (file != NULL) {
    if (fgets(out->boot, sizeof(out->boot), file) != NULL) {
      out->boot[strcspn(out->boot, "\n")] = '\0';
    }
    fclose(file);
  }
  const ssize_t length = readlink("/proc/self/ns/pid", out->process_space, sizeof(out->process_space) - 1);
  out->process_space[length > 0 ? length : 0] = '\0';
  const bool known = process_start(getpid(), &out->process_started);
  (void)known;
}

/* -------- the object -------- */

static lh_status put_lease(const struct s3_lock *lock, struct lh_error *err) {
  char now[32];
  struct lh_buf text;
  bool stored = false;
  lh_buf_init(&text, LEASE_MAX_BYTES);
  lh_status status = lh_json_take_append(
      json_pack("{s:s, s:s, s:s, s:I, s:I, s:b, s:s, s:s}", "host", lock->self.host, "boot_id",
                lock->self.boot, "pid_namespace", lock->self.process_space, "pid", (json_int_t)getpid(),
                "process_started", (json_int_t)lock->self.process_started, "exclusive", lock->exclusive,
                "started_at", lock->started_at, "renewed_at", lh_clock_utc_now(now)),
      true, &text, err);
  if (status == LH_OK) {
    status = lh_s3_put(lock->store, lock->key, text.data, text.len, NULL, NULL, &stored, err);
  }
  lh_buf_clear(&text);
  return status;
}

static lh_status remove_lease(const struct lh_s3_store *store, const char *key, struct lh_error *err) {
  const struct lh_s3_request request = {.method = LH_HTTP_DELETE,
                                        .key = key,
                                        .action = "remove",
                                        .accepted = lh_s3_not_found,
                                        .accepted_count = 1,
                                        .is_cleanup = true};
  return lh_s3_tell(store, &request, err);
}

/* A renewal that fails is tried again at the next turn; there are ten before others take it for dead. */
static void *renew(void *argument) {
  struct s3_lock *const lock = argument;
  struct lh_error err;
  pthread_mutex_lock(&lock->lock);
  while (!lock->is_over) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += RENEW_SECONDS;
    int waited = 0;
    while (!lock->is_over && waited == 0) {
      waited = pthread_cond_timedwait(&lock->ended, &lock->lock, &until);
    }
    if (lock->is_over) {
      break;
    }
    pthread_mutex_unlock(&lock->lock);
    const lh_status renewed = put_lease(lock, &err);
    (void)renewed;
    pthread_mutex_lock(&lock->lock);
  }
  pthread_mutex_unlock(&lock->lock);
  return NULL;
}

/* Signals are for the threads that wait for them. */
static lh_status start_renewing(struct s3_lock *lock, struct lh_error *err) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  const int failed = pthread_create(&lock->thread, NULL, renew, lock);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (failed != 0) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "cannot start a thread: %s", strerror(failed));
  }
  lock->has_thread = true;
  return LH_OK;
}

/* -------- the others -------- */

struct other {
  struct identity who;
  pid_t pid;
  bool exclusive;
  char started_at[32];
};

static lh_status decode_other(const struct lh_buf *text, const char *what, struct other *out,
                              struct lh_error *err) {
  json_t *root = NULL;
  *out = (struct other){.exclusive = true};
  LH_TRY(lh_json_parse(text->data, text->len, what, &root, err));
  const char *const boot = json_string_value(json_object_get(root, "boot_id"));
  const char *const space = json_string_value(json_object_get(root, "pid_namespace"));
  snprintf(out->who.boot, sizeof(out->who.boot), "%s", boot != NULL ? boot : "");
  snprintf(out->who.process_space, sizeof(out->who.process_space), "%s", space != NULL ? space : "");
  out->pid = (pid_t)json_integer_value(json_object_get(root, "pid"));
  out->who.process_started = (uint64_t)json_integer_value(json_object_get(root, "process_started"));
  out->exclusive = json_is_true(json_object_get(root, "exclusive"));
  const char *const started = json_string_value(json_object_get(root, "started_at"));
  snprintf(out->started_at, sizeof(out->started_at), "%s", started != NULL ? started : "");
  json_decref(root);
  return LH_OK;
}

/* Seconds since 1970 of "2026-01-31T12:00:00.000Z" or an HTTP date; -1 where it is neither. */
static time_t parse_time(const char *text) {
  struct tm parts = {0};
  const bool known = text != NULL && (strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) != NULL ||
                                      strptime(text, "%a, %d %b %Y %H:%M:%S", &parts) != NULL);
  return known ? timegm(&parts) : -1;
}

/* Of the same boot and the same numbers of processes it is seen whether the process is there, unless it is
 * hidden as another user's; of others only by what the server says of when the lease was renewed, by the
 * server's clock. */
static bool is_alive(const struct s3_lock *lock, const struct other *other, time_t age) {
  const struct identity *const self = &lock->self;
  if (self->process_started != 0 && self->boot[0] != '\0' && self->process_space[0] != '\0' &&
      strcmp(other->who.boot, self->boot) == 0 &&
      strcmp(other->who.process_space, self->process_space) == 0) {
    uint64_t started = 0;
    if (process_start(other->pid, &started)) {
      return started == other->who.process_started;
    }
    if (kill(other->pid, 0) != 0 && errno == ESRCH) {
      return false;
    }
  }
  return age < STALE_SECONDS;
}

struct search {
  const struct s3_lock *lock;
  bool found;     /* one that is alive and excludes this one */
  char since[32]; /* when the first of those that are alive had begun */
  const char *stale[64];
  size_t stale_count;
  struct lh_arena *arena;
};

static lh_status judge(struct search *search, const struct lh_s3_object *object, struct lh_buf *text,
                       struct lh_error *err) {
  struct lh_http_response response;
  struct other other;
  const struct lh_s3_request request = {.method = LH_HTTP_GET,
                                        .key = object->key,
                                        .action = "read",
                                        .accepted = lh_s3_not_found,
                                        .accepted_count = 1};
  LH_TRY(lh_s3_send(search->lock->store, &request, text, search->arena, &response, err));
  if (response.status == 404) {
    return LH_OK;
  }
  LH_TRY(decode_other(text, object->key, &other, err));
  const time_t now = parse_time(lh_http_response_header(&response, "date"));
  const time_t renewed = parse_time(lh_http_response_header(&response, "last-modified"));
  const time_t age = now >= 0 && renewed >= 0 ? now - renewed : 0;
  if (is_alive(search->lock, &other, age)) {
    if (search->since[0] == '\0' || strcmp(other.started_at, search->since) < 0) {
      memcpy(search->since, other.started_at, sizeof(search->since));
    }
    search->found = search->found || search->lock->exclusive || other.exclusive;
    return LH_OK;
  }
  if (search->stale_count < sizeof(search->stale) / sizeof(search->stale[0])) {
    const char *const key = lh_arena_strdup(search->arena, object->key);
    if (key == NULL) {
      return lh_error_memory(err);
    }
    search->stale[search->stale_count++] = key;
  }
  return LH_OK;
}

static lh_status take_leases(void *context, const struct lh_s3_object *objects, size_t count,
                             struct lh_error *err) {
  struct search *const search = context;
  lh_status status = LH_OK;
  for (size_t i = 0; i < count && status == LH_OK; i++) {
    if (strcmp(objects[i].key, search->lock->key) == 0) {
      continue;
    }
    struct lh_buf text;
    lh_buf_init(&text, LEASE_MAX_BYTES);
    status = judge(search, &objects[i], &text, err);
    lh_buf_clear(&text);
  }
  return status;
}

static lh_status look_for_others(struct s3_lock *lock, bool *found, struct lh_error *err) {
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  struct search search = {.lock = lock, .arena = &arena};
  lh_status status = lh_s3_list_pages(lock->store, lock->directory, false, take_leases, &search, err);
  for (size_t i = 0; i < search.stale_count && status == LH_OK; i++) {
    struct lh_error ignored;
    /* One that may not be removed stays, and is stale for the next one, too. */
    const lh_status removed = remove_lease(lock->store, search.stale[i], &ignored);
    (void)removed;
  }
  lh_arena_clear(&arena);
  *found = search.found;
  memcpy(lock->base.held_since, search.since, sizeof(lock->base.held_since));
  return status;
}

/* -------- the driver's lock -------- */

static lh_status name_lease(struct s3_lock *lock, const char *key, struct lh_error *err) {
  uint64_t random_bits = 0;
  const char *const slash = strrchr(key, '/');
  if (getrandom(&random_bits, sizeof(random_bits), 0) != (ssize_t)sizeof(random_bits)) {
    random_bits = lh_clock_ns();
  }
  lock->directory = lh_arena_printf(&lock->arena, "%s%.*srunning/", lock->store->prefix,
                                    slash != NULL ? (int)(slash - key + 1) : 0, key);
  for (char *c = lock->self.host; *c != '\0'; c++) {
    *c = strchr("/\\ ", *c) != NULL ? '_' : *c;
  }
  lock->key = lock->directory != NULL
                  ? lh_arena_printf(&lock->arena, "%s%s-%ld-%016llx.json", lock->directory, lock->self.host,
                                    (long)getpid(), (unsigned long long)random_bits)
                  : NULL;
  return lock->key != NULL ? LH_OK : lh_error_memory(err);
}

static lh_status take_lease(struct s3_lock *lock, const char *key, bool *locked, struct lh_error *err) {
  bool found = false;
  read_identity(&lock->self);
  lh_clock_utc_now(lock->started_at);
  LH_TRY(name_lease(lock, key, err));
  LH_TRY(put_lease(lock, err));
  lock->is_put = true;
  LH_TRY(look_for_others(lock, &found, err));
  if (found) {
    return LH_OK;
  }
  LH_TRY(start_renewing(lock, err));
  *locked = true;
  return LH_OK;
}

void lh_s3_unlock(struct lh_store_lock *base) {
  struct s3_lock *const lock = (struct s3_lock *)base;
  struct lh_error ignored;
  if (lock->has_thread) {
    pthread_mutex_lock(&lock->lock);
    lock->is_over = true;
    pthread_cond_signal(&lock->ended);
    pthread_mutex_unlock(&lock->lock);
    pthread_join(lock->thread, NULL);
  }
  if (lock->is_put) {
    /* What stays is stale as soon as this process has ended. */
    const lh_status removed = remove_lease(lock->store, lock->key, &ignored);
    (void)removed;
  }
  pthread_cond_destroy(&lock->ended);
  pthread_mutex_destroy(&lock->lock);
  lh_arena_clear(&lock->arena);
  free(lock);
}

static struct s3_lock *new_lock(const struct lh_s3_store *store, bool exclusive) {
  struct s3_lock *const lock = calloc(1, sizeof(*lock));
  pthread_condattr_t attributes;
  if (lock == NULL) {
    return NULL;
  }
  lock->base.driver = &lh_store_s3_driver;
  lock->store = store;
  lock->exclusive = exclusive;
  lh_arena_init(&lock->arena, 1024);
  pthread_mutex_init(&lock->lock, NULL);
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&lock->ended, &attributes);
  pthread_condattr_destroy(&attributes);
  return lock;
}

lh_status lh_s3_lock(struct lh_store *base, const char *key, bool exclusive, bool wait,
                     struct lh_store_lock **out, bool *locked, struct lh_error *err) {
  struct s3_lock *const lock = new_lock((const struct lh_s3_store *)base, exclusive);
  lh_status status = LH_OK;
  *out = NULL;
  *locked = false;
  if (lock == NULL) {
    return lh_error_memory(err);
  }
  if (exclusive && wait) {
    *locked = true;
  } else {
    status = take_lease(lock, key, locked, err);
  }
  if (status != LH_OK || !*locked) {
    lh_s3_unlock(&lock->base);
    return status;
  }
  *out = &lock->base;
  return LH_OK;
}
