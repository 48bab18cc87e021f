/* Where an export goes: files of this machine by their path, objects of S3 through a store of the directory
 * that they lie in. */
#include "cli/export_target.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/cli.h"

#define PART_DIGITS 5

static bool ends_with_slash(const char *text) {
  const size_t length = strlen(text);
  return length > 0 && text[length - 1] == '/';
}

/* The store of the directory; of a single object its last part is the key. */
static lh_status open_store(struct lh_export_target *target, const struct lh_store_options *options,
                            struct lh_arena *arena, struct lh_error *err) {
  const char *const output = target->output;
  const char *const rest = output + strlen("s3://");
  const char *root = output;
  if (!target->is_directory) {
    const char *const slash = strrchr(rest, '/');
    if (slash == NULL || slash == rest) {
      lh_error_set(err, LH_ERROR_USAGE, "-o names a bucket without a file in it");
      lh_error_hint(err, "write -o s3://bucket/orders.parquet, or -o s3://bucket/orders/ for several files");
      return LH_ERROR_USAGE;
    }
    root = lh_arena_strndup(arena, output, (size_t)(slash - output));
    target->key = slash + 1;
  }
  if (root == NULL) {
    return lh_error_memory(err);
  }
  return lh_store_open(root, options, &target->store, err);
}

lh_status lh_export_target_open(struct lh_export_target *target, const char *output,
                                const struct lh_store_options *options, struct lh_arena *arena,
                                struct lh_error *err) {
  *target = (struct lh_export_target){.output = output};
  if (strncasecmp(output, "s3://", strlen("s3://")) == 0) {
    target->is_directory = ends_with_slash(output);
    return open_store(target, options, arena, err);
  }
  LH_TRY(lh_cli_expect_local(output, err));
  target->is_directory = lh_fs_is_directory(output) || ends_with_slash(output);
  return LH_OK;
}

void lh_export_target_close(struct lh_export_target *target) {
  lh_store_free(target->store);
  target->store = NULL;
}

/* -------- parts -------- */

static lh_status create_object(const struct lh_export_target *target, const char *key, struct lh_arena *arena,
                               const char **name, struct lh_sink **out, struct lh_error *err) {
  *name = lh_store_locate(target->store, key, arena);
  return *name != NULL ? lh_store_create(target->store, key, out, err) : lh_error_memory(err);
}

lh_status lh_export_target_create_part(void *context, uint32_t number, struct lh_arena *arena,
                                       const char **name, struct lh_sink **out, struct lh_error *err) {
  const struct lh_export_target *const target = context;
  char part[32];
  snprintf(part, sizeof(part), "part-%05" PRIu32 ".parquet", number);
  if (target->store != NULL) {
    return create_object(target, target->is_directory ? part : target->key, arena, name, out, err);
  }
  *name = target->is_directory ? lh_path_join(target->output, part, arena) : target->output;
  return *name != NULL ? lh_file_sink_create(*name, out, err) : lh_error_memory(err);
}

static const char *last_part(const char *name) {
  const char *const slash = strrchr(name, '/');
  return slash != NULL ? slash + 1 : name;
}

lh_status lh_export_target_open_part(const struct lh_export_target *target, const char *name,
                                     struct lh_source **out, struct lh_error *err) {
  return target->store != NULL ? lh_store_open_object(target->store, last_part(name), out, err)
                               : lh_file_source_open(name, out, err);
}

/* -------- what a directory holds already -------- */

static bool is_part_name(const char *name) {
  static const char prefix[] = "part-";
  const size_t digits =
      strncmp(name, prefix, strlen(prefix)) == 0 ? strspn(name + strlen(prefix), "0123456789") : 0;
  return digits >= PART_DIGITS && strcmp(name + strlen(prefix) + digits, ".parquet") == 0;
}

/* Called for each part that is there. */
typedef lh_status found_function(const struct lh_export_target *target, const char *name, int directory,
                                 void *context, struct lh_error *err);

static lh_status each_object(const struct lh_export_target *target, found_function *found, void *context,
                             struct lh_error *err) {
  struct lh_arena arena;
  struct lh_store_entry *entries = NULL;
  size_t count = 0;
  lh_arena_init(&arena, 0);
  lh_status status = lh_store_list(target->store, "", &arena, &entries, &count, err);
  for (size_t i = 0; i < count && status == LH_OK; i++) {
    if (!entries[i].is_prefix && is_part_name(entries[i].name)) {
      status = found(target, entries[i].name, -1, context, err);
    }
  }
  lh_arena_clear(&arena);
  return status;
}

static lh_status each_file(const struct lh_export_target *target, found_function *found, void *context,
                           struct lh_error *err) {
  DIR *const directory = opendir(target->output);
  lh_status status = LH_OK;
  const struct dirent *entry;
  while (directory != NULL && status == LH_OK && (entry = readdir(directory)) != NULL) {
    if (is_part_name(entry->d_name)) {
      status = found(target, entry->d_name, dirfd(directory), context, err);
    }
  }
  if (directory != NULL) {
    closedir(directory);
  }
  return status;
}

static lh_status each_part(const struct lh_export_target *target, found_function *found, void *context,
                           struct lh_error *err) {
  return target->store != NULL ? each_object(target, found, context, err)
                               : each_file(target, found, context, err);
}

static lh_status refuse(const struct lh_export_target *target, const char *name, int directory, void *context,
                        struct lh_error *err) {
  (void)directory;
  (void)context;
  lh_error_set(err, LH_ERROR_USAGE, "%s already holds %s", target->output, name);
  lh_error_hint(err, "--replace puts this export in the place of the parts that are there");
  return LH_ERROR_USAGE;
}

lh_status lh_export_target_check_empty(const struct lh_export_target *target, struct lh_error *err) {
  return target->is_directory ? each_part(target, refuse, NULL, err) : LH_OK;
}

struct written {
  const struct lh_part *parts;
  size_t count;
};

static lh_status remove_other(const struct lh_export_target *target, const char *name, int directory,
                              void *context, struct lh_error *err) {
  const struct written *const written = context;
  uint64_t files = 0;
  uint64_t bytes = 0;
  for (size_t i = 0; i < written->count; i++) {
    if (strcmp(last_part(written->parts[i].name), name) == 0) {
      return LH_OK;
    }
  }
  if (target->store != NULL) {
    return lh_store_delete_prefix(target->store, name, &files, &bytes, err);
  }
  if (unlinkat(directory, name, 0) != 0) {
    return lh_error_set(err, LH_ERROR_LAKE, "cannot remove %s from %s: %s", name, target->output,
                        strerror(errno));
  }
  return LH_OK;
}

lh_status lh_export_target_remove_others(const struct lh_export_target *target, const struct lh_part *parts,
                                         size_t count, struct lh_error *err) {
  struct written written = {parts, count};
  return target->is_directory ? each_part(target, remove_other, &written, err) : LH_OK;
}
