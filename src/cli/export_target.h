/*
 * Where an export goes: one file or a directory of parts, on this machine or on S3.
 */
#ifndef LH_CLI_EXPORT_TARGET_H
#define LH_CLI_EXPORT_TARGET_H

#include "store/store.h"
#include "task/output.h"

struct lh_export_target {
  const char *output; /* as given */
  bool is_directory;
  struct lh_store *store; /* of the directory that the output is or lies in; NULL: on this machine */
  const char *key;        /* of the one object there */
};

/* `options` say how S3 is reached; their `cancelled` outlives the target. On S3 a directory ends with '/'. */
lh_status lh_export_target_open(struct lh_export_target *target, const char *output,
                                const struct lh_store_options *options, struct lh_arena *arena,
                                struct lh_error *err) LH_WARN_UNUSED;
void lh_export_target_close(struct lh_export_target *target);

/* LH_ERROR_USAGE where the directory holds parts, which would be read together with those to come. */
lh_status lh_export_target_check_empty(const struct lh_export_target *target,
                                       struct lh_error *err) LH_WARN_UNUSED;
/* Of `context`, a target. */
lh_part_create_function lh_export_target_create_part;
lh_status lh_export_target_open_part(const struct lh_export_target *target, const char *name,
                                     struct lh_source **out, struct lh_error *err) LH_WARN_UNUSED;
/* Removes the parts that the directory holds beside these. */
lh_status lh_export_target_remove_others(const struct lh_export_target *target, const struct lh_part *parts,
                                         size_t count, struct lh_error *err) LH_WARN_UNUSED;

#endif
