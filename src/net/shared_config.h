/*
 * The shared files, AWS_CONFIG_FILE (~/.aws/config) and AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials), as
 * profiles, sso-sessions and services. Missing files are empty ones.
 *
 * A profile is `[profile x]` of the config file ([default] without the word) and `[x]` of the credentials
 * file, whose values win. The whole lies in memory for secrets until it is cleared: whoever needs a text for
 * longer copies it.
 */
#ifndef LH_NET_SHARED_CONFIG_H
#define LH_NET_SHARED_CONFIG_H

#include "net/profile_file.h"

struct lh_shared_config {
  struct lh_arena *arena;
  lh_status failure;
  const char *config_path, *credentials_path; /* NULL: no HOME and no variable */
  char *config_text, *credentials_text;       /* secret blocks; NULL: no such file */
  struct lh_profile_file config, credentials;
};

/* Reads both. `arena`, which outlives it, gets the arrays and no secret. */
lh_status lh_shared_config_load(struct lh_shared_config *config, struct lh_arena *arena, lh_status failure,
                                struct lh_error *err) LH_WARN_UNUSED;
void lh_shared_config_clear(struct lh_shared_config *config);

bool lh_shared_config_has_profile(const struct lh_shared_config *config, const char *profile);
/* NULL where there is none; an empty value is none. */
const char *lh_shared_config_get(const struct lh_shared_config *config, const char *profile,
                                 const char *name);
/* The same of one file alone. */
const char *lh_shared_config_get_credential(const struct lh_shared_config *config, const char *profile,
                                            const char *name);
const char *lh_shared_config_get_config(const struct lh_shared_config *config, const char *profile,
                                        const char *name);
/* Of `[<kind> <section>]`: kind "sso-session" or "services"; `parent` NULL for a value that is not nested. */
const char *lh_shared_config_get_of(const struct lh_shared_config *config, const char *kind,
                                    const char *section, const char *parent, const char *name);
bool lh_shared_config_has_section(const struct lh_shared_config *config, const char *kind,
                                  const char *section);

/* "~/…" with HOME in its place, in `arena`. NULL: no HOME, or no memory. */
const char *lh_shared_config_expand_home(const char *path, struct lh_arena *arena);

#endif
