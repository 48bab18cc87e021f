/*
 * Lakes and objects on S3 as commands take them: how they are opened, and the options that say how S3 is
 * reached.
 */
#ifndef LH_CLI_LAKE_H
#define LH_CLI_LAKE_H

#include <stdatomic.h>

#include "cli/options.h"
#include "project/project.h"
#include "store/store.h"

/* Entries of an option table from index `first` on, LH_CLI_S3_OPTIONS of them. `otherwise`: where they come
 * from when they are not given, for the help. */
#define LH_CLI_S3_OPTIONS 3
#define LH_CLI_OPTIONS_S3(first, otherwise)                                             \
  [(first)] = {.name = "aws-profile",                                                   \
               .kind = LH_OPTION_STRING,                                                \
               .value_name = "NAME",                                                    \
               .help = "the AWS profile whose credentials S3 gets",                     \
               .fallback = (otherwise)},                                                \
  [(first) + 1] = {.name = "aws-region",                                                \
                   .kind = LH_OPTION_STRING,                                            \
                   .value_name = "REGION",                                              \
                   .help = "the AWS region of the bucket",                              \
                   .fallback = (otherwise)},                                            \
  [(first) + 2] = {.name = "s3-endpoint",                                               \
                   .kind = LH_OPTION_STRING,                                            \
                   .value_name = "URL",                                                 \
                   .help = "the S3 server, where it is not AWS: http://127.0.0.1:9000", \
                   .fallback = (otherwise)}
/* As `otherwise` of commands without a project. */
#define LH_CLI_FROM_ENVIRONMENT "the environment's"

/* Puts what these options say in the place of what is there. */
void lh_cli_apply_s3_options(const struct lh_options *values, size_t first, struct lh_aws_settings *aws,
                             struct lh_s3_settings *s3);

/* The lake that a command works on. */
struct lh_cli_lake {
  const char *lake;         /* as --lake says; NULL: the project's */
  const char *project_path; /* read only where it is needed */
  const struct lh_options *values;
  size_t s3_options;            /* index of the first one */
  const atomic_bool *cancelled; /* may be NULL */
};
/* Where the lake is the project's, its `*keep` is set, too. */
lh_status lh_cli_lake_open(const struct lh_cli_lake *lake, struct lh_store **out, int *keep,
                           struct lh_error *err) LH_WARN_UNUSED;

/* Removes the temporary directory, says that the command was interrupted, and ends the process: for
 * lh_interrupt_set_give_up while DuckDB runs, which waits a minute for S3. `directory`: a path. */
void lh_cli_give_up(void *directory);

bool lh_cli_names_s3(const char *uri);
/* The same for the name of a file. Other schemes are LH_ERROR_UNSUPPORTED, a path of the file system is
 * neither. */
lh_status lh_cli_is_on_s3(const char *path, bool *out, struct lh_error *err) LH_WARN_UNUSED;
/* Opens what holds the object s3://bucket/key, and says its key there, which is a part of `uri`; a `uri` that
 * ends with '/' is a place for several, and `*key` is "". */
lh_status lh_cli_object_open(const char *uri, const struct lh_options *values, size_t s3_options,
                             const atomic_bool *cancelled, struct lh_store **out, const char **key,
                             struct lh_error *err) LH_WARN_UNUSED;

#endif
