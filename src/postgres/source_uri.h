/*
 * Connection strings with secrets: recognising them, and saying what is wrong without showing one.
 */
#ifndef LH_POSTGRES_SOURCE_URI_H
#define LH_POSTGRES_SOURCE_URI_H

#include "lakehaul/error.h"

/* LH_ERROR_SOURCE when libpq cannot read the string, or would read a part of an unencoded password as
 * something else (and then show it in its messages). */
lh_status lh_pg_check_source(const char *uri, struct lh_error *err) LH_WARN_UNUSED;

#endif
