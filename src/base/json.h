/*
 * JSON: checked access to jansson values, so that a wrong document is an error and not a crash.
 *
 * Getters fail with LH_ERROR_CORRUPT "<what>: "key" is missing" or "… is not a string". Returned strings are
 * borrowed from the value.
 */
#ifndef LH_BASE_JSON_H
#define LH_BASE_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "lakehaul/error.h"

lh_status lh_json_parse(const void *bytes, size_t size, const char *what, json_t **out,
                        struct lh_error *err) LH_WARN_UNUSED;
/* Copies the string into `arena`. */
lh_status lh_json_get_string(const json_t *object, const char *key, const char *what, struct lh_arena *arena,
                             const char **out, struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_json_get_uint(const json_t *object, const char *key, const char *what, uint64_t *out,
                           struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_json_get_array(const json_t *object, const char *key, const char *what, json_t **out,
                            struct lh_error *err) LH_WARN_UNUSED;
/* Serialised (compact, or indented by two) and appended; releases `value`, which may be NULL after a failed
 * build. */
lh_status lh_json_take_append(json_t *value, bool indent, struct lh_buf *out,
                              struct lh_error *err) LH_WARN_UNUSED;

#endif
