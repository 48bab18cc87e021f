/*
 * Settings of Trino that are sent in headers. Internal to the engine module.
 */
#ifndef LH_ENGINE_TRINO_SETTINGS_H
#define LH_ENGINE_TRINO_SETTINGS_H

#include "base/arena.h"
#include "lakehaul/error.h"
#include "net/settings.h"

/* LH_ERROR_PROJECT for a URL that is missing, a text that is no header's, and a password that would not go
 * over https. */
lh_status lh_trino_check_settings(const struct lh_trino_settings *settings,
                                  struct lh_error *err) LH_WARN_UNUSED;
/* "Basic dXNlcjpwYXNzd29yZA==" (RFC 7617), in `arena`; NULL without memory. */
const char *lh_trino_authorization(const char *user, const char *password, struct lh_arena *arena);

#endif
