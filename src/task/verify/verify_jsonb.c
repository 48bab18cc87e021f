/* JSON as jsonb prints it: what DuckDB reads of a VARIANT, brought into the form in which the server shows
 * the same value. The shorter of two names goes first; numbers have all their digits and no exponent. */
#include <stdlib.h>
#include <string.h>

#include "column/format.h"
#include "task/verify/verify_impl.h"

/* Digits of the longest number that a double's text stands for, and room. */
#define MAX_POWER 400

/* Escapes that jsonb refuses: what is left of them once pairs of surrogates and escaped backslashes are gone.
 */
#define REFUSED_ESCAPES                                                                                      \
  "pg_catalog.regexp_replace((%s)::pg_catalog.text, '\\\\\\\\|\\\\u[dD][89abAB]..\\\\u[dD][c-fC-F]..', '', " \
  "'g') OPERATOR(pg_catalog.~) '\\\\u(0000|[dD][89a-fA-F])'"

const char *lh_verify_jsonb_sql(const char *value, bool is_json, struct lh_arena *arena) {
  if (!is_json) {
    return lh_arena_printf(arena, "NULLIF((%s)::pg_catalog.text, 'null')", value);
  }
  return lh_arena_printf(
      arena,
      "NULLIF(CASE WHEN " REFUSED_ESCAPES
      " THEN (%s)::pg_catalog.text ELSE (%s)::pg_catalog.jsonb::pg_catalog.text END, 'null')",
      value, value, value);
}

void lh_verify_jsonb_init(struct lh_verify_jsonb *jsonb) {
  lh_json_tape_init(&jsonb->tape);
  lh_buf_init(&jsonb->members, UINT32_MAX);
  lh_buf_init(&jsonb->text, LH_COLUMN_MAX_BYTES);
}

void lh_verify_jsonb_clear(struct lh_verify_jsonb *jsonb) {
  lh_json_tape_clear(&jsonb->tape);
  lh_buf_clear(&jsonb->members);
  lh_buf_clear(&jsonb->text);
}

static int compare_keys(const void *a, const void *b, void *context) {
  const struct lh_json_tape *const tape = context;
  const struct lh_json_node *const first = &lh_json_nodes(tape)[*(const uint32_t *)a];
  const struct lh_json_node *const second = &lh_json_nodes(tape)[*(const uint32_t *)b];
  if (first->key_length != second->key_length) {
    return first->key_length < second->key_length ? -1 : 1;
  }
  return first->key_length == 0
             ? 0
             : memcmp(lh_json_key(tape, first), lh_json_key(tape, second), first->key_length);
}

static lh_status append_zeros(struct lh_buf *out, long count, struct lh_error *err) {
  for (long i = 0; i < count; i++) {
    LH_TRY(lh_buf_append_byte(out, '0', err));
  }
  return LH_OK;
}

static long parse_exponent(const char *at, const char *end) {
  const bool is_negative = at < end && *at == '-';
  long value = 0;
  for (; at < end; at++) {
    if (*at >= '0' && *at <= '9' && value < MAX_POWER) {
      value = value * 10 + (*at - '0');
    }
  }
  return is_negative ? -value : value;
}

/* A double's text with an exponent: the same number without one. */
static lh_status append_expanded(const char *text, size_t length, struct lh_buf *out, struct lh_error *err) {
  char digits[LH_FLOAT_TEXT_MAX];
  long count = 0;
  long fraction = 0;
  bool behind_point = false;
  size_t at = 0;
  if (text[at] == '-') {
    LH_TRY(lh_buf_append_byte(out, '-', err));
    at++;
  }
  for (; at < length && text[at] != 'e' && text[at] != 'E'; at++) {
    if (text[at] == '.') {
      behind_point = true;
      continue;
    }
    if (count < (long)sizeof(digits) - 1) {
      digits[count++] = text[at];
      fraction += behind_point;
    }
  }
  for (; count > 1 && fraction > 0 && digits[count - 1] == '0'; count--) {
    fraction--;
  }
  const long power = parse_exponent(text + at + 1, text + length) - fraction;
  if (power >= 0) {
    LH_TRY(lh_buf_append(out, digits, (size_t)count, err));
    return append_zeros(out, power < MAX_POWER ? power : MAX_POWER, err);
  }
  const long whole = count + power;
  if (whole > 0) {
    LH_TRY(lh_buf_append(out, digits, (size_t)whole, err));
    LH_TRY(lh_buf_append_byte(out, '.', err));
    return lh_buf_append(out, digits + whole, (size_t)(count - whole), err);
  }
  LH_TRY(lh_buf_append_str(out, "0.", err));
  LH_TRY(append_zeros(out, -whole < MAX_POWER ? -whole : MAX_POWER, err));
  return lh_buf_append(out, digits, (size_t)count, err);
}

static lh_status append_number(const struct lh_json_tape *tape, const struct lh_json_node *node,
                               struct lh_buf *out, struct lh_error *err) {
  const char *const text = (const char *)lh_json_bytes(tape, node);
  const bool has_exponent =
      memchr(text, 'e', node->length) != NULL || memchr(text, 'E', node->length) != NULL;
  return has_exponent ? append_expanded(text, node->length, out, err)
                      : lh_buf_append(out, text, node->length, err);
}

static lh_status append_node(struct lh_verify_jsonb *jsonb, uint32_t index, struct lh_error *err);

static lh_status append_array(struct lh_verify_jsonb *jsonb, uint32_t index, struct lh_error *err) {
  const uint32_t end = lh_json_nodes(&jsonb->tape)[index].end;
  LH_TRY(lh_buf_append_byte(&jsonb->text, '[', err));
  for (uint32_t i = index + 1; i < end; i = lh_json_nodes(&jsonb->tape)[i].end) {
    LH_TRY(lh_buf_append_str(&jsonb->text, i == index + 1 ? "" : ", ", err));
    LH_TRY(append_node(jsonb, i, err));
  }
  return lh_buf_append_byte(&jsonb->text, ']', err);
}

static lh_status append_object(struct lh_verify_jsonb *jsonb, uint32_t index, struct lh_error *err) {
  const struct lh_json_node *const nodes = lh_json_nodes(&jsonb->tape);
  const size_t begin = jsonb->members.len;
  const size_t count = nodes[index].length;
  for (uint32_t i = index + 1; i < nodes[index].end; i = nodes[i].end) {
    LH_TRY(lh_buf_append(&jsonb->members, &i, sizeof(i), err));
  }
  if (count > 1) {
    qsort_r(jsonb->members.data + begin, count, sizeof(uint32_t), compare_keys, &jsonb->tape);
  }
  LH_TRY(lh_buf_append_byte(&jsonb->text, '{', err));
  for (size_t i = 0; i < count; i++) {
    uint32_t member;
    memcpy(&member, jsonb->members.data + begin + i * sizeof(member), sizeof(member));
    LH_TRY(lh_buf_append_str(&jsonb->text, i == 0 ? "" : ", ", err));
    LH_TRY(lh_format_json_string(lh_json_key(&jsonb->tape, &nodes[member]), nodes[member].key_length,
                                 &jsonb->text, err));
    LH_TRY(lh_buf_append_str(&jsonb->text, ": ", err));
    LH_TRY(append_node(jsonb, member, err));
  }
  jsonb->members.len = begin;
  return lh_buf_append_byte(&jsonb->text, '}', err);
}

/* Recursion is bounded by LH_JSON_MAX_DEPTH. */
static lh_status append_node(struct lh_verify_jsonb *jsonb, uint32_t index, struct lh_error *err) {
  const struct lh_json_node *const node = &lh_json_nodes(&jsonb->tape)[index];
  switch ((enum lh_json_kind)node->kind) {
    case LH_JSON_NULL:
      return lh_buf_append_str(&jsonb->text, "null", err);
    case LH_JSON_TRUE:
      return lh_buf_append_str(&jsonb->text, "true", err);
    case LH_JSON_FALSE:
      return lh_buf_append_str(&jsonb->text, "false", err);
    case LH_JSON_NUMBER:
      return append_number(&jsonb->tape, node, &jsonb->text, err);
    case LH_JSON_STRING:
      return lh_format_json_string(lh_json_bytes(&jsonb->tape, node), node->length, &jsonb->text, err);
    case LH_JSON_ARRAY:
      return append_array(jsonb, index, err);
    case LH_JSON_OBJECT:
    default:
      return append_object(jsonb, index, err);
  }
}

/* What is no JSON stays as it is, to be found different. */
static lh_status append_value(struct lh_verify_jsonb *jsonb, const uint8_t *bytes, size_t size,
                              struct lh_error *err) {
  const struct lh_json_options options = {.check_utf8 = false};
  const lh_status status = lh_json_tape_parse(&jsonb->tape, bytes, size, &options, err);
  if (status == LH_ERROR_CORRUPT || status == LH_ERROR_DATA) {
    return lh_buf_append(&jsonb->text, bytes, size, err);
  }
  LH_TRY(status);
  lh_buf_reset(&jsonb->members);
  return append_node(jsonb, 0, err);
}

lh_status lh_verify_jsonb_rewrite(struct lh_verify_jsonb *jsonb, struct lh_column *column,
                                  struct lh_error *err) {
  int32_t start = 0;
  lh_buf_reset(&jsonb->text);
  for (size_t i = 0; i < column->length; i++) {
    const int32_t end = column->offsets[i + 1];
    if (lh_column_is_valid(column, i)) {
      LH_TRY(append_value(jsonb, column->data.data + start, (size_t)(end - start), err));
    }
    start = end;
    column->offsets[i + 1] = (int32_t)jsonb->text.len;
  }
  const struct lh_buf kept = column->data;
  column->data = jsonb->text;
  jsonb->text = kept;
  return LH_OK;
}
