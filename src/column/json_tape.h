/*
 * JSON text as a tape: its values one after the other in the order of the text, each with the end of what it
 * holds.
 *
 * A strict reader (RFC 8259) that keeps numbers as they are written, so that no digit is lost. Values are not
 * copied: a tape points into the text, and has bytes of its own only for strings with escapes. Nothing is
 * allocated per value; a tape's buffers are reused from one text to the next. One thread at a time.
 */
#ifndef LH_COLUMN_JSON_TAPE_H
#define LH_COLUMN_JSON_TAPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "lakehaul/error.h"

/* Arrays and objects inside of each other. */
#define LH_JSON_MAX_DEPTH 500
/* Values in one text; a tape of so many takes 96 MB. */
#define LH_JSON_MAX_VALUES ((size_t)4 << 20)

enum lh_json_kind {
  LH_JSON_NULL,
  LH_JSON_TRUE,
  LH_JSON_FALSE,
  LH_JSON_NUMBER,
  LH_JSON_STRING,
  LH_JSON_ARRAY,
  LH_JSON_OBJECT
};

struct lh_json_node {
  uint32_t at;     /* of a number or a string: where its bytes begin */
  uint32_t length; /* and how many they are; of an array or an object: its members, repeated keys included */
  uint32_t key_at, key_length;     /* of an object's member; else an empty text */
  uint32_t end;                    /* index behind the value and all that it holds */
  uint8_t kind;                    /* enum lh_json_kind */
  bool is_decoded, key_is_decoded; /* the bytes are the tape's own, not the text's */
  bool is_member;                  /* of an object */
};

/* What a well-formed text has that Unicode text in the lake cannot. */
enum lh_json_problem {
  LH_JSON_FINE,
  LH_JSON_BAD_CHARACTER, /* \u0000, half of a surrogate pair, invalid UTF-8 */
  LH_JSON_TOO_DEEP,
  LH_JSON_TOO_MANY, /* values */
};

struct lh_json_tape {
  const uint8_t *text; /* borrowed from the last parse */
  struct lh_buf nodes;
  struct lh_buf decoded;
  enum lh_json_problem problem;     /* of the last parse */
  size_t replaced;                  /* characters of the last parse that became U+FFFD */
  uint32_t open[LH_JSON_MAX_DEPTH]; /* the reader's, of what has not ended yet */
};

struct lh_json_options {
  bool check_utf8;         /* nobody vouches for the encoding */
  bool replace_characters; /* U+FFFD in place of a bad character, instead of LH_JSON_BAD_CHARACTER */
};

void lh_json_tape_init(struct lh_json_tape *tape);
void lh_json_tape_clear(struct lh_json_tape *tape);

/* `text` must stay as long as the tape is read. LH_ERROR_CORRUPT where it is not JSON; LH_ERROR_DATA, with
 * tape->problem set, where it is. */
lh_status lh_json_tape_parse(struct lh_json_tape *tape, const void *text, size_t size,
                             const struct lh_json_options *options, struct lh_error *err) LH_WARN_UNUSED;

static inline const struct lh_json_node *lh_json_nodes(const struct lh_json_tape *tape) {
  return (const struct lh_json_node *)(const void *)tape->nodes.data;
}
static inline size_t lh_json_count(const struct lh_json_tape *tape) {
  return tape->nodes.len / sizeof(struct lh_json_node);
}
/* The bytes of a number or a string, and of a member's key. */
static inline const uint8_t *lh_json_bytes(const struct lh_json_tape *tape, const struct lh_json_node *node) {
  return (node->is_decoded ? tape->decoded.data : tape->text) + node->at;
}
static inline const uint8_t *lh_json_key(const struct lh_json_tape *tape, const struct lh_json_node *node) {
  return (node->key_is_decoded ? tape->decoded.data : tape->text) + node->key_at;
}

#endif
