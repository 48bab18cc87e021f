/*
 * The format of ~/.aws/config and ~/.aws/credentials, as the AWS SDKs read it.
 *
 * Sections in brackets, "name = value" below them. Lines that begin with # or ; are comments, and so is what
 * follows white space and # or ; behind a value or a section. Names of properties are lower-cased. An
 * indented line continues the value before it after a line break; where that value is empty, it is a property
 * of its own, nested in it. Sections that stand twice are one, of a property that stands twice the last one
 * counts. (AWS SDKs and Tools Reference Guide, "Format of the config and credentials files".)
 */
#ifndef LH_NET_PROFILE_FILE_H
#define LH_NET_PROFILE_FILE_H

#include "base/arena.h"
#include "lakehaul/error.h"

struct lh_profile_property {
  const char *section; /* what stands in the brackets, trimmed: "profile dev" */
  const char *parent;  /* name of the property that this one is nested in; NULL: none */
  const char *name;
  const char *value; /* trimmed; "" of a property with nested ones */
};

struct lh_profile_file {
  struct lh_profile_property *properties; /* in the order of the file */
  size_t count;
  const char **sections; /* each one's text, in order, also those without properties */
  size_t section_count;
};

/* Parses `text`, which is NUL-terminated after `size` bytes and is changed and kept: all texts point into
 * it. The arrays live in `arena`. Errors are of `failure` and name `path` and the line, never what stands
 * there. */
lh_status lh_profile_file_parse(char *text, size_t size, const char *path, lh_status failure,
                                struct lh_arena *arena, struct lh_profile_file *out,
                                struct lh_error *err) LH_WARN_UNUSED;

#endif
