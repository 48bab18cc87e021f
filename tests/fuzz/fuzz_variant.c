/* JSON to VARIANT. The first byte of an input has the options, the rest is the text. What is encoded must be
 * well formed by the specification's words, down to the last byte; and whether a text is JSON must be what
 * jansson says. */
#include <jansson.h>
#include <string.h>

#include "base/str.h"
#include "column/json_tape.h"
#include "column/variant.h"
#include "fuzz.h"

#define BUFFER_MAX ((size_t)256 << 20)

struct variant {
  const uint8_t *metadata;
  size_t dictionary_size, offset_width;
  const uint8_t *names;
  bool is_unicode;
};

static size_t load(const uint8_t *at, size_t width) {
  size_t value = 0;
  for (size_t i = 0; i < width; i++) {
    value |= (size_t)at[i] << (8 * i);
  }
  return value;
}

static size_t name_offset(const struct variant *variant, size_t id) {
  return load(variant->metadata + 1 + (id + 1) * variant->offset_width, variant->offset_width);
}

static int compare(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size) {
  const size_t common = a_size < b_size ? a_size : b_size;
  const int order = common > 0 ? memcmp(a, b, common) : 0;
  return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

static struct variant check_metadata(const struct lh_buf *metadata, bool is_unicode) {
  FUZZ_CHECK(metadata->len >= 3 && (metadata->data[0] & 0x3F) == 0x11);
  struct variant variant = {.metadata = metadata->data,
                            .offset_width = (size_t)(metadata->data[0] >> 6) + 1,
                            .is_unicode = is_unicode};
  FUZZ_CHECK(metadata->len > variant.offset_width);
  variant.dictionary_size = load(metadata->data + 1, variant.offset_width);
  const size_t head = 1 + (variant.dictionary_size + 2) * variant.offset_width;
  FUZZ_CHECK(head <= metadata->len && name_offset(&variant, 0) == 0);
  FUZZ_CHECK(name_offset(&variant, variant.dictionary_size) == metadata->len - head);
  variant.names = metadata->data + head;
  for (size_t i = 0; i < variant.dictionary_size; i++) {
    const size_t start = name_offset(&variant, i);
    const size_t end = name_offset(&variant, i + 1);
    FUZZ_CHECK(start <= end && end <= metadata->len - head);
    FUZZ_CHECK(!is_unicode || lh_utf8_valid(variant.names + start, end - start));
    if (i + 1 < variant.dictionary_size) {
      FUZZ_CHECK(compare(variant.names + start, end - start, variant.names + end,
                         name_offset(&variant, i + 2) - end) < 0);
    }
  }
  return variant;
}

static void check_value(const struct variant *variant, const uint8_t *value, size_t size, size_t depth);

/* `ids`: NULL for an array. Each element must lie where the one before it in the bytes ends. */
static void check_elements(const struct variant *variant, const uint8_t *at, const uint8_t *end, size_t count,
                           size_t width, size_t depth) {
  const uint8_t *const offsets = at;
  FUZZ_CHECK((size_t)(end - at) >= (count + 1) * width);
  const uint8_t *const data = at + (count + 1) * width;
  const size_t data_size = load(offsets + count * width, width);
  FUZZ_CHECK(data_size == (size_t)(end - data));
  for (size_t i = 0; i < count; i++) {
    const size_t start = load(offsets + i * width, width);
    size_t next = data_size;
    FUZZ_CHECK(start < data_size);
    for (size_t j = 0; j < count && count < 64; j++) {
      const size_t other = load(offsets + j * width, width);
      FUZZ_CHECK(j == i || other != start);
      next = other > start && other < next ? other : next;
    }
    if (count < 64) {
      check_value(variant, data + start, next - start, depth + 1);
    }
  }
}

static void check_container(const struct variant *variant, const uint8_t *value, size_t size, bool is_object,
                            size_t depth) {
  const uint8_t header = (uint8_t)(value[0] >> 2);
  const size_t width = (size_t)(header & 3) + 1;
  const size_t id_width = is_object ? (size_t)(header >> 2 & 3) + 1 : 0;
  const bool is_large = (is_object ? header >> 4 & 1 : header >> 2 & 1) != 0;
  const size_t count_width = is_large ? 4 : 1;
  FUZZ_CHECK(size >= 1 + count_width);
  const size_t count = load(value + 1, count_width);
  const uint8_t *const ids = value + 1 + count_width;
  FUZZ_CHECK((size_t)(value + size - ids) >= count * id_width);
  for (size_t i = 0; is_object && i < count; i++) {
    const size_t id = load(ids + i * id_width, id_width);
    FUZZ_CHECK(id < variant->dictionary_size);
    FUZZ_CHECK(i == 0 || id > load(ids + (i - 1) * id_width, id_width)); /* the dictionary is sorted */
  }
  check_elements(variant, ids + count * id_width, value + size, count, width, depth);
}

static void check_primitive(const struct variant *variant, const uint8_t *value, size_t size) {
  static const size_t sizes[] = {0, 0, 0, 1, 2, 4, 8, 8, 5, 9, 17};
  static const uint8_t scales[] = {[8] = 9, [9] = 18, [10] = 38};
  const size_t type = value[0] >> 2;
  if (type == 16) {
    FUZZ_CHECK(size >= 5 + 64 && load(value + 1, 4) == size - 5);
    FUZZ_CHECK(!variant->is_unicode || lh_utf8_valid(value + 5, size - 5));
    return;
  }
  FUZZ_CHECK(type < sizeof(sizes) / sizeof(sizes[0]) && size == 1 + sizes[type]);
  FUZZ_CHECK(type < 8 || value[1] <= scales[type]);
}

/* Recursion is bounded by LH_JSON_MAX_DEPTH. */
static void check_value(const struct variant *variant, const uint8_t *value, size_t size, size_t depth) {
  FUZZ_CHECK(size > 0 && depth <= LH_JSON_MAX_DEPTH);
  switch (value[0] & 3) {
    case 0:
      check_primitive(variant, value, size);
      return;
    case 1:
      FUZZ_CHECK(size == (size_t)(value[0] >> 2) + 1);
      FUZZ_CHECK(!variant->is_unicode || lh_utf8_valid(value + 1, size - 1));
      return;
    default:
      check_container(variant, value, size, (value[0] & 3) == 2, depth);
  }
}

/* jansson takes neither deep nesting nor numbers past its own, and a zero byte as the end. */
static void check_with_jansson(const uint8_t *text, size_t size, lh_status status) {
  json_error_t error;
  if (memchr(text, 0, size) != NULL) {
    return;
  }
  json_t *const json = json_loadb((const char *)text, size,
                                  JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
  const enum json_error_code code = json != NULL ? json_error_unknown : json_error_code(&error);
  json_decref(json);
  if (json != NULL) {
    FUZZ_CHECK(status != LH_ERROR_CORRUPT);
  } else if (code != json_error_numeric_overflow && code != json_error_stack_overflow) {
    FUZZ_CHECK(status != LH_OK);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct lh_variant_encoder *encoder;
  struct lh_error err = {0};
  if (size < 1) {
    return 0;
  }
  if (encoder == NULL) {
    FUZZ_CHECK(lh_variant_encoder_new(&encoder, &err) == LH_OK);
  }
  const struct lh_variant_options options = {.check_utf8 = (data[0] & 1) != 0, .nearest = (data[0] & 2) != 0};
  const bool is_unicode = options.check_utf8 || lh_utf8_valid(data + 1, size - 1);
  struct lh_buf metadata;
  struct lh_buf value;
  enum lh_variant_problem problem;
  lh_buf_init(&metadata, BUFFER_MAX);
  lh_buf_init(&value, BUFFER_MAX);
  const lh_status status =
      lh_variant_encode(encoder, data + 1, size - 1, &options, &metadata, &value, &problem, &err);
  if (status == LH_OK) {
    const struct variant variant = check_metadata(&metadata, is_unicode);
    check_value(&variant, value.data, value.len, 0);
  } else {
    FUZZ_CHECK(metadata.len == 0 && value.len == 0);
    FUZZ_CHECK(status == LH_ERROR_CORRUPT || (status == LH_ERROR_DATA && problem != LH_VARIANT_FITS));
    FUZZ_CHECK(status != LH_ERROR_DATA || !options.nearest || problem == LH_VARIANT_NO_NEAREST);
  }
  if (options.check_utf8 && !options.nearest) {
    check_with_jansson(data + 1, size - 1, status);
  }
  lh_buf_clear(&metadata);
  lh_buf_clear(&value);
  return 0;
}
