/* Lakes and objects as the command line names them. */
#include "cli/lake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/fs.h"

enum { PROFILE, REGION, ENDPOINT };

void lh_cli_apply_s3_options(const struct lh_options *values, size_t first, struct lh_aws_settings *aws,
                             struct lh_s3_settings *s3) {
  if (lh_options_given(values, first + PROFILE)) {
    aws->profile = lh_options_string(values, first + PROFILE);
  }
  if (lh_options_given(values, first + REGION)) {
    aws->region = lh_options_string(values, first + REGION);
  }
  if (lh_options_given(values, first + ENDPOINT)) {
    s3->endpoint = lh_options_string(values, first + ENDPOINT);
  }
}

static lh_status open_store(const char *uri, const char *base_dir, const struct lh_cli_lake *lake,
                            struct lh_aws_settings aws, struct lh_s3_settings s3, struct lh_store **out,
                            struct lh_error *err) {
  lh_cli_apply_s3_options(lake->values, lake->s3_options, &aws, &s3);
  const struct lh_store_options options = {
      .base_dir = base_dir, .aws = &aws, .s3 = &s3, .cancelled = lake->cancelled};
  return lh_store_open(uri, &options, out, err);
}

static lh_status open_project_lake(const struct lh_cli_lake *lake, struct lh_arena *arena,
                                   struct lh_store **out, int *keep, struct lh_error *err) {
  struct lh_project *project = NULL;
  if (access(lake->project_path, F_OK) != 0) {
    lh_error_set(err, LH_ERROR_PROJECT, "cannot open %s: %s", lake->project_path, strerror(errno));
    lh_error_hint(err, "name the project file with --project, or a lake with --lake");
    return LH_ERROR_PROJECT;
  }
  LH_TRY(lh_project_load(lake->project_path, arena, &project, err));
  *keep = project->keep;
  return open_store(project->lake, project->directory, lake, project->aws, project->s3, out, err);
}

lh_status lh_cli_lake_open(const struct lh_cli_lake *lake, struct lh_store **out, int *keep,
                           struct lh_error *err) {
  if (lake->lake != NULL) {
    const struct lh_aws_settings aws = {0};
    const struct lh_s3_settings s3 = {0};
    return open_store(lake->lake, ".", lake, aws, s3, out, err);
  }
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  const lh_status status = open_project_lake(lake, &arena, out, keep, err);
  lh_arena_clear(&arena);
  return status;
}

void lh_cli_give_up(void *directory) {
  struct lh_error ignored;
  const lh_status removed = lh_fs_remove_tree(directory, LH_ERROR_LAKE, &ignored);
  (void)removed; /* a temporary directory that stays does no harm */
  dprintf(STDERR_FILENO, "lakehaul: interrupted\n");
  _exit(lh_status_exit_code(LH_ERROR_INTERRUPTED));
}

bool lh_cli_names_s3(const char *uri) {
  return strncasecmp(uri, "s3://", 5) == 0;
}

lh_status lh_cli_is_on_s3(const char *path, bool *out, struct lh_error *err) {
  const char *const colon = strstr(path, "://");
  *out = lh_cli_names_s3(path);
  if (*out || colon == NULL || strcspn(path, "/.") < (size_t)(colon - path)) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_UNSUPPORTED, "%.*s is not available in lakehaul %s", (int)(colon + 3 - path),
               path, LAKEHAUL_VERSION);
  lh_error_hint(err, "give the path of a local file, or s3://bucket/key");
  return LH_ERROR_UNSUPPORTED;
}

lh_status lh_cli_object_open(const char *uri, const struct lh_options *values, size_t s3_options,
                             const atomic_bool *cancelled, struct lh_store **out, const char **key,
                             struct lh_error *err) {
  const struct lh_aws_settings aws = {0};
  const struct lh_s3_settings s3 = {0};
  const struct lh_cli_lake lake = {.values = values, .s3_options = s3_options, .cancelled = cancelled};
  const char *const bucket = uri + strlen("s3://");
  const char *const slash = strchr(bucket, '/');
  *out = NULL;
  if (slash == NULL) {
    lh_error_set(err, LH_ERROR_USAGE, "%s names a bucket and no object in it", uri);
    lh_error_hint(err, "write s3://bucket/key");
    return LH_ERROR_USAGE;
  }
  *key = strrchr(uri, '/') + 1;
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  const char *const place = lh_arena_strndup(&arena, uri, (size_t)(*key - 1 - uri));
  const lh_status status =
      place != NULL ? open_store(place, "", &lake, aws, s3, out, err) : lh_error_memory(err);
  lh_arena_clear(&arena);
  return status;
}
