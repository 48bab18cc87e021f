/*
 * Strict reading of one YAML document: every error is "path:line:column: message".
 *
 * A thin layer over libyaml's document: nodes keep their marks, so that a value that is well-formed YAML and
 * still wrong is placed as exactly as a syntax error. Internal to the project module. Errors are
 * LH_ERROR_PROJECT, or LH_ERROR_UNSUPPORTED for a key that a later version has.
 *
 * `key` and `scope` name a value in messages: "columns of task users" is key "columns" in scope "task users";
 * scope NULL is the top level.
 */
#ifndef LH_PROJECT_YAML_H
#define LH_PROJECT_YAML_H

#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

#include "base/arena.h"
#include "lakehaul/error.h"

struct lh_yaml {
  yaml_document_t document;
  const char *path;
  struct lh_arena *arena; /* of texts handed out */
};

/* A key that a mapping may have. */
struct lh_yaml_key {
  const char *name;
  bool later; /* of the design, not of this version */
};

/* What a mapping says for one of its keys; both NULL where it says nothing. */
struct lh_yaml_field {
  yaml_node_t *key;
  yaml_node_t *value;
};

/* Parses the one document of `text`; nodes live until lh_yaml_close, which is due only after LH_OK. Refuses
 * an empty file, a second document, explicit tags and texts with NUL in them. */
lh_status lh_yaml_open(struct lh_yaml *yaml, const char *text, size_t size, const char *path,
                       struct lh_arena *arena, struct lh_error *err) LH_WARN_UNUSED;
void lh_yaml_close(struct lh_yaml *yaml);

yaml_node_t *lh_yaml_root(struct lh_yaml *yaml);
yaml_node_t *lh_yaml_node(struct lh_yaml *yaml, int index);
int lh_yaml_line(const yaml_node_t *node);

/* Sets the error, placed at `node`, and returns `code`. */
lh_status lh_yaml_fail(const struct lh_yaml *yaml, const yaml_node_t *node, lh_status code,
                       struct lh_error *err, const char *format, ...) LH_PRINTF(5, 6);
/* LH_ERROR_UNSUPPORTED: "<what> is not available in lakehaul <version>". */
lh_status lh_yaml_fail_later(const struct lh_yaml *yaml, const yaml_node_t *node, const char *what,
                             struct lh_error *err);
/* LH_ERROR_PROJECT: "unknown <what> "<word>"", with the nearest of the names or all of them as the hint. */
lh_status lh_yaml_fail_unknown(const struct lh_yaml *yaml, const yaml_node_t *node, const char *what,
                               const char *word, const char *scope, const char *const *names, size_t count,
                               struct lh_error *err);

/* The node is of that type: YAML_SCALAR_NODE, YAML_SEQUENCE_NODE or YAML_MAPPING_NODE, and not null. */
lh_status lh_yaml_expect(const struct lh_yaml *yaml, const yaml_node_t *node, yaml_node_type_t type,
                         const char *key, const char *scope, struct lh_error *err) LH_WARN_UNUSED;

/* A mapping's key as text, not expanded, borrowed from the document. */
lh_status lh_yaml_get_key(const struct lh_yaml *yaml, const yaml_node_t *node, const char **out,
                          struct lh_error *err) LH_WARN_UNUSED;
/* Sorts a mapping's pairs into `fields`, one per entry of `keys`; unknown keys and keys given twice are
 * errors. */
lh_status lh_yaml_get_fields(struct lh_yaml *yaml, const yaml_node_t *mapping, const struct lh_yaml_key *keys,
                             size_t key_count, const char *scope, struct lh_yaml_field *fields,
                             struct lh_error *err) LH_WARN_UNUSED;

/* A scalar's text with variables expanded, in the arena; empty and blank texts are errors. */
lh_status lh_yaml_get_text(const struct lh_yaml *yaml, const yaml_node_t *node, const char *key,
                           const char *scope, const char **out, struct lh_error *err) LH_WARN_UNUSED;
/* A scalar's text that is a whole number from `least` to `most`, quoted or not. */
lh_status lh_yaml_get_int(const struct lh_yaml *yaml, const yaml_node_t *node, const char *key,
                          const char *scope, int least, int most, int *out,
                          struct lh_error *err) LH_WARN_UNUSED;
/* A scalar that is one of `words`, of which one may be null without quotes; `*out` is its place among them.
 */
lh_status lh_yaml_get_word(const struct lh_yaml *yaml, const yaml_node_t *node, const char *key,
                           const char *scope, const char *const *words, size_t count, size_t *out,
                           struct lh_error *err) LH_WARN_UNUSED;
/* A list of at least one text, none of them twice. */
lh_status lh_yaml_get_texts(struct lh_yaml *yaml, const yaml_node_t *node, const char *key, const char *scope,
                            const char *const **out, size_t *count, struct lh_error *err) LH_WARN_UNUSED;

#endif
