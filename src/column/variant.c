/* The VARIANT encoder: a value's tape is gone through forwards for what is no container and for the names of
 * members, backwards for the sizes of containers, since what is inside of one is behind it, and forwards to
 * write. */
#include "column/variant.h"

#include <stdlib.h>

#include "column/json_tape.h"
#include "column/variant_names.h"
#include "column/variant_number.h"

/* Buffers that a large value has made larger than this are given back. */
#define KEPT_BYTES ((size_t)8 << 20)
#define SHORT_STRING_MAX 63
/* Of an array or an object whose number of elements takes one byte. */
#define SMALL_COUNT_MAX 255
/* Of a number in a message. */
#define SHOWN_BYTES 60

enum basic_type { BASIC_PRIMITIVE, BASIC_SHORT_STRING, BASIC_OBJECT, BASIC_ARRAY };
enum { PRIMITIVE_NULL = 0, PRIMITIVE_TRUE = 1, PRIMITIVE_FALSE = 2, PRIMITIVE_STRING = 16 };

/* What is known of the tape's value of the same index. */
struct part {
  uint32_t size;    /* encoded */
  uint32_t data;    /* of a container: bytes of its elements. Of a number: where it is in `numbers` */
  uint32_t members; /* of an object: where its entries begin, of which it has `count` */
  uint32_t name;    /* of a member: which of the value's names */
  uint32_t count;   /* of a container: elements, dropped ones not counted */
  uint32_t offset;  /* of an element in its container */
  bool is_dropped;  /* a later member has the same name */
};

struct lh_variant_encoder {
  struct lh_json_tape tape;
  struct lh_buf parts;   /* struct part, one a node */
  struct lh_buf numbers; /* encoded */
  struct lh_buf members; /* struct lh_variant_entry: of all objects, each one's sorted */
  struct lh_variant_names names;
  struct lh_buf scratch;
};

static struct lh_buf *buffer_at(struct lh_variant_encoder *encoder, size_t index) {
  struct lh_variant_names *const names = &encoder->names;
  struct lh_buf *const all[] = {
      &encoder->parts,        &encoder->numbers,  &encoder->members, &encoder->scratch, &encoder->tape.nodes,
      &encoder->tape.decoded, &names->bytes,      &names->starts,    &names->entries,   &names->ids,
      &names->last_bytes,     &names->dictionary, &names->scratch};
  return index < sizeof(all) / sizeof(all[0]) ? all[index] : NULL;
}

lh_status lh_variant_encoder_new(struct lh_variant_encoder **out, struct lh_error *err) {
  struct lh_variant_encoder *const encoder = calloc(1, sizeof(*encoder));
  if (encoder == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; buffer_at(encoder, i) != NULL; i++) {
    lh_buf_init(buffer_at(encoder, i), UINT32_MAX);
  }
  lh_json_tape_init(&encoder->tape);
  *out = encoder;
  return LH_OK;
}

void lh_variant_encoder_free(struct lh_variant_encoder *encoder) {
  if (encoder == NULL) {
    return;
  }
  for (size_t i = 0; buffer_at(encoder, i) != NULL; i++) {
    lh_buf_clear(buffer_at(encoder, i));
  }
  free(encoder);
}

static void give_back(struct lh_variant_encoder *encoder) {
  for (size_t i = 0; buffer_at(encoder, i) != NULL; i++) {
    if (buffer_at(encoder, i)->cap > KEPT_BYTES) {
      lh_buf_clear(buffer_at(encoder, i));
      lh_buf_reset(&encoder->names.dictionary);
    }
  }
}

static struct part *parts_of(const struct lh_variant_encoder *encoder) {
  return (struct part *)(void *)encoder->parts.data;
}
static struct lh_variant_entry *entries_in(const struct lh_buf *buf) {
  return (struct lh_variant_entry *)(void *)buf->data;
}

static lh_status resize(struct lh_buf *buf, size_t size, struct lh_error *err) {
  lh_buf_reset(buf);
  LH_TRY(lh_buf_reserve(buf, size, err));
  buf->len = size;
  return LH_OK;
}

/* Gathers the names of all members, in the order of the text. */
static lh_status collect_names(struct lh_variant_encoder *encoder, struct lh_error *err) {
  const struct lh_json_node *const nodes = lh_json_nodes(&encoder->tape);
  const size_t count = lh_json_count(&encoder->tape);
  uint32_t name = 0;
  lh_variant_names_begin(&encoder->names);
  for (size_t i = 0; i < count; i++) {
    if (nodes[i].is_member) {
      parts_of(encoder)[i].name = name++;
      LH_TRY(lh_variant_names_add(&encoder->names, lh_json_key(&encoder->tape, &nodes[i]),
                                  nodes[i].key_length, err));
    }
  }
  return lh_variant_names_end(&encoder->names, err);
}

/* -------- sizes -------- */

/* Header, number of elements, and offsets. */
static uint32_t container_size(const struct part *part) {
  const uint32_t offsets = (part->count + 1) * (uint32_t)lh_variant_width(part->data);
  return 1 + (part->count > SMALL_COUNT_MAX ? 4U : 1U) + offsets + part->data;
}

static void measure_array(const struct lh_json_node *nodes, struct part *parts, size_t index) {
  struct part *const array = &parts[index];
  for (size_t i = index + 1; i < nodes[index].end; i = nodes[i].end) {
    parts[i].offset = array->data;
    array->data += parts[i].size;
    array->count++;
  }
  array->size = container_size(array);
}

/* The last of equal names stays. */
static uint32_t drop_repeated(struct part *parts, struct lh_variant_entry *entries, uint32_t count) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (i + 1 < count && entries[i].order == entries[i + 1].order) {
      parts[entries[i].node].is_dropped = true;
    } else {
      entries[kept++] = entries[i];
    }
  }
  return kept;
}

static lh_status measure_object(struct lh_variant_encoder *encoder, size_t index, struct lh_error *err) {
  const struct lh_json_node *const nodes = lh_json_nodes(&encoder->tape);
  struct part *const parts = parts_of(encoder);
  struct part *const object = &parts[index];
  /* Room for one more, so that also an empty object's entries are somewhere. */
  const size_t room = ((size_t)nodes[index].length + 1) * sizeof(struct lh_variant_entry);
  LH_TRY(lh_buf_reserve(&encoder->members, room, err));
  object->members = (uint32_t)(encoder->members.len / sizeof(struct lh_variant_entry));
  struct lh_variant_entry *const entries = entries_in(&encoder->members) + object->members;
  uint32_t count = 0;
  for (size_t i = index + 1; i < nodes[index].end; i = nodes[i].end) {
    entries[count] = (struct lh_variant_entry){
        .order = lh_variant_names_id(&encoder->names, parts[i].name), .key = count, .node = (uint32_t)i};
    count++;
  }
  LH_TRY(lh_variant_sort_members(&encoder->names, entries, count, err));
  object->count = drop_repeated(parts, entries, count);
  for (size_t i = index + 1; i < nodes[index].end; i = nodes[i].end) {
    if (!parts[i].is_dropped) {
      parts[i].offset = object->data;
      object->data += parts[i].size;
    }
  }
  encoder->members.len += object->count * sizeof(struct lh_variant_entry);
  const uint32_t greatest = object->count > 0 ? (uint32_t)entries[object->count - 1].order : 0;
  object->size = container_size(object) + object->count * (uint32_t)lh_variant_width(greatest);
  return LH_OK;
}

static lh_status measure_number(struct lh_variant_encoder *encoder, const struct lh_json_node *node,
                                const struct lh_variant_options *options, struct part *part,
                                enum lh_variant_problem *problem, struct lh_error *err) {
  const uint8_t *const text = lh_json_bytes(&encoder->tape, node);
  struct lh_buf *const out = &encoder->numbers;
  LH_TRY(lh_buf_reserve(out, LH_VARIANT_NUMBER_MAX, err));
  size_t size = lh_variant_number_encode(text, node->length, out->data + out->len);
  if (size == 0 && options->nearest) {
    LH_TRY(lh_variant_number_encode_nearest(text, node->length, &encoder->scratch, out->data + out->len,
                                            &size, err));
  }
  if (size == 0) {
    const int shown = node->length < SHOWN_BYTES ? (int)node->length : SHOWN_BYTES;
    *problem = LH_VARIANT_HAS_NEAREST;
    return lh_error_set(err, LH_ERROR_DATA,
                        "the JSON has the number %.*s%s, which neither 38 digits nor a double can hold",
                        shown, (const char *)text, node->length > SHOWN_BYTES ? "…" : "");
  }
  part->data = (uint32_t)out->len;
  part->size = (uint32_t)size;
  out->len += size;
  return LH_OK;
}

/* Of everything but arrays and objects. */
static lh_status measure_scalars(struct lh_variant_encoder *encoder, const struct lh_variant_options *options,
                                 enum lh_variant_problem *problem, struct lh_error *err) {
  const struct lh_json_node *const nodes = lh_json_nodes(&encoder->tape);
  const size_t count = lh_json_count(&encoder->tape);
  struct part *const parts = parts_of(encoder);
  lh_buf_reset(&encoder->numbers);
  for (size_t i = 0; i < count; i++) {
    parts[i] = (struct part){.size = 1};
    if (nodes[i].kind == LH_JSON_NUMBER) {
      LH_TRY(measure_number(encoder, &nodes[i], options, &parts[i], problem, err));
    } else if (nodes[i].kind == LH_JSON_STRING) {
      parts[i].size = nodes[i].length + (nodes[i].length <= SHORT_STRING_MAX ? 1 : 5);
    }
  }
  return LH_OK;
}

/* Backwards: what a container holds is behind it. */
static lh_status measure_containers(struct lh_variant_encoder *encoder, struct lh_error *err) {
  const struct lh_json_node *const nodes = lh_json_nodes(&encoder->tape);
  lh_buf_reset(&encoder->members);
  for (size_t i = lh_json_count(&encoder->tape); i > 0; i--) {
    if (nodes[i - 1].kind == LH_JSON_ARRAY) {
      measure_array(nodes, parts_of(encoder), i - 1);
    } else if (nodes[i - 1].kind == LH_JSON_OBJECT) {
      LH_TRY(measure_object(encoder, i - 1, err));
    }
  }
  return LH_OK;
}

/* -------- writing -------- */

static uint8_t *put_string(const uint8_t *text, uint32_t length, uint8_t *out) {
  if (length <= SHORT_STRING_MAX) {
    *out++ = (uint8_t)(BASIC_SHORT_STRING | length << 2);
  } else {
    *out++ = BASIC_PRIMITIVE | PRIMITIVE_STRING << 2;
    out = lh_variant_put(out, length, 4);
  }
  memcpy(out, text, length);
  return out + length;
}

static uint8_t *put_array(const struct lh_json_node *nodes, const struct part *parts, size_t index,
                          uint8_t *out) {
  const struct part *const array = &parts[index];
  const size_t width = lh_variant_width(array->data);
  const bool is_large = array->count > SMALL_COUNT_MAX;
  *out++ = (uint8_t)(BASIC_ARRAY | (width - 1) << 2 | (size_t)is_large << 4);
  out = lh_variant_put(out, array->count, is_large ? 4 : 1);
  for (size_t i = index + 1; i < nodes[index].end; i = nodes[i].end) {
    out = lh_variant_put(out, parts[i].offset, width);
  }
  return lh_variant_put(out, array->data, width);
}

static uint8_t *put_object(const struct lh_variant_encoder *encoder, size_t index, uint8_t *out) {
  const struct part *const parts = parts_of(encoder);
  const struct part *const object = &parts[index];
  const struct lh_variant_entry *const entries = entries_in(&encoder->members) + object->members;
  const size_t width = lh_variant_width(object->data);
  const size_t id_width = object->count > 0 ? lh_variant_width(entries[object->count - 1].order) : 1;
  const bool is_large = object->count > SMALL_COUNT_MAX;
  *out++ = (uint8_t)(BASIC_OBJECT | (width - 1) << 2 | (id_width - 1) << 4 | (size_t)is_large << 6);
  out = lh_variant_put(out, object->count, is_large ? 4 : 1);
  for (uint32_t i = 0; i < object->count; i++) {
    out = lh_variant_put(out, (uint32_t)entries[i].order, id_width);
  }
  for (uint32_t i = 0; i < object->count; i++) {
    out = lh_variant_put(out, parts[entries[i].node].offset, width);
  }
  return lh_variant_put(out, object->data, width);
}

/* One value, of a container all that comes before its elements, which follow it here as on the tape. */
static uint8_t *put_node(const struct lh_variant_encoder *encoder, size_t index, uint8_t *out) {
  const struct lh_json_node *const node = &lh_json_nodes(&encoder->tape)[index];
  const struct part *const part = &parts_of(encoder)[index];
  switch ((enum lh_json_kind)node->kind) {
    case LH_JSON_NULL:
      *out = PRIMITIVE_NULL << 2;
      return out + 1;
    case LH_JSON_TRUE:
      *out = PRIMITIVE_TRUE << 2;
      return out + 1;
    case LH_JSON_FALSE:
      *out = PRIMITIVE_FALSE << 2;
      return out + 1;
    case LH_JSON_NUMBER:
      memcpy(out, encoder->numbers.data + part->data, part->size);
      return out + part->size;
    case LH_JSON_STRING:
      return put_string(lh_json_bytes(&encoder->tape, node), node->length, out);
    case LH_JSON_ARRAY:
      return put_array(lh_json_nodes(&encoder->tape), parts_of(encoder), index, out);
    case LH_JSON_OBJECT:
    default:
      return put_object(encoder, index, out);
  }
}

static lh_status write_value(const struct lh_variant_encoder *encoder, struct lh_buf *value,
                             struct lh_error *err) {
  const struct lh_json_node *const nodes = lh_json_nodes(&encoder->tape);
  const struct part *const parts = parts_of(encoder);
  LH_TRY(lh_buf_reserve(value, parts[0].size, err));
  uint8_t *out = value->data + value->len;
  for (size_t i = 0; i < nodes[0].end;) {
    if (parts[i].is_dropped) {
      i = nodes[i].end;
      continue;
    }
    out = put_node(encoder, i, out);
    i++;
  }
  if (out != value->data + value->len + parts[0].size) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "a VARIANT of %u bytes has become %td", parts[0].size,
                        out - (value->data + value->len));
  }
  value->len += parts[0].size;
  return LH_OK;
}

static lh_status encode(struct lh_variant_encoder *encoder, const void *json, size_t size,
                        const struct lh_variant_options *options, struct lh_buf *metadata,
                        struct lh_buf *value, enum lh_variant_problem *problem, struct lh_error *err) {
  const struct lh_json_options reading = {.check_utf8 = options->check_utf8,
                                          .replace_characters = options->nearest};
  const lh_status status = lh_json_tape_parse(&encoder->tape, json, size, &reading, err);
  if (status != LH_OK) {
    *problem =
        encoder->tape.problem == LH_JSON_BAD_CHARACTER ? LH_VARIANT_HAS_NEAREST : LH_VARIANT_NO_NEAREST;
    return status;
  }
  LH_TRY(resize(&encoder->parts, lh_json_count(&encoder->tape) * sizeof(struct part), err));
  LH_TRY(measure_scalars(encoder, options, problem, err));
  LH_TRY(collect_names(encoder, err));
  LH_TRY(measure_containers(encoder, err));
  LH_TRY(lh_buf_reserve(metadata, encoder->names.dictionary.len, err));
  LH_TRY(write_value(encoder, value, err));
  return lh_buf_append(metadata, encoder->names.dictionary.data, encoder->names.dictionary.len, err);
}

lh_status lh_variant_encode(struct lh_variant_encoder *encoder, const void *json, size_t size,
                            const struct lh_variant_options *options, struct lh_buf *metadata,
                            struct lh_buf *value, enum lh_variant_problem *problem, struct lh_error *err) {
  *problem = LH_VARIANT_FITS;
  const lh_status status = encode(encoder, json, size, options, metadata, value, problem, err);
  give_back(encoder);
  return status;
}
