/* Sorting and numbering of names, and the dictionary in its encoded form. */
#include "column/variant_names.h"

#include <string.h>

#define METADATA_VERSION 1
#define METADATA_SORTED 0x10
/* Up to so many entries the simplest sort is the fastest. */
#define FEW_ENTRIES 16

static lh_status resize(struct lh_buf *buf, size_t size, struct lh_error *err) {
  lh_buf_reset(buf);
  LH_TRY(lh_buf_reserve(buf, size, err));
  buf->len = size;
  return LH_OK;
}

static const uint32_t *starts_of(const struct lh_variant_names *names) {
  return (const uint32_t *)(const void *)names->starts.data;
}

static struct lh_variant_entry *entries_in(const struct lh_buf *buf) {
  return (struct lh_variant_entry *)(void *)buf->data;
}

/* -------- sorting -------- */

struct sorter {
  const uint8_t *names; /* NULL: `order` decides alone */
  const uint32_t *starts;
};

static uint32_t name_length(const uint8_t *name) {
  uint32_t length;
  memcpy(&length, name - sizeof(length), sizeof(length));
  return length;
}

static int compare_names(const uint8_t *a, const uint8_t *b) {
  const uint32_t a_length = name_length(a);
  const uint32_t b_length = name_length(b);
  const uint32_t common = a_length < b_length ? a_length : b_length;
  const int order = common > 0 ? memcmp(a, b, common) : 0;
  return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

/* Equal ones in the order of the text. */
static bool is_before(const struct sorter *sorter, const struct lh_variant_entry *a,
                      const struct lh_variant_entry *b) {
  if (a->order != b->order) {
    return a->order < b->order;
  }
  const int order = sorter->names == NULL ? 0
                                          : compare_names(sorter->names + sorter->starts[a->key],
                                                          sorter->names + sorter->starts[b->key]);
  return order != 0 ? order < 0 : a->key < b->key;
}

static void insertion_sort(const struct sorter *sorter, struct lh_variant_entry *entries, size_t count) {
  for (size_t i = 1; i < count; i++) {
    const struct lh_variant_entry entry = entries[i];
    size_t at = i;
    for (; at > 0 && is_before(sorter, &entry, &entries[at - 1]); at--) {
      entries[at] = entries[at - 1];
    }
    entries[at] = entry;
  }
}

static void merge(const struct sorter *sorter, const struct lh_variant_entry *from, size_t middle, size_t end,
                  struct lh_variant_entry *to) {
  size_t left = 0;
  size_t right = middle;
  for (size_t i = 0; i < end; i++) {
    const bool takes_left = left < middle && (right == end || !is_before(sorter, &from[right], &from[left]));
    to[i] = takes_left ? from[left++] : from[right++];
  }
}

/* By merging, in `scratch`: qsort() may allocate, and no order of names makes this one slow. */
static lh_status sort(const struct sorter *sorter, struct lh_variant_entry *entries, size_t count,
                      struct lh_buf *scratch, struct lh_error *err) {
  for (size_t i = 0; i < count; i += FEW_ENTRIES) {
    insertion_sort(sorter, entries + i, count - i < FEW_ENTRIES ? count - i : FEW_ENTRIES);
  }
  if (count <= FEW_ENTRIES) {
    return LH_OK;
  }
  LH_TRY(resize(scratch, count * sizeof(*entries), err));
  struct lh_variant_entry *from = entries;
  struct lh_variant_entry *to = entries_in(scratch);
  for (size_t run = FEW_ENTRIES; run < count; run *= 2) {
    for (size_t i = 0; i < count; i += 2 * run) {
      const size_t left = count - i;
      merge(sorter, from + i, run < left ? run : left, 2 * run < left ? 2 * run : left, to + i);
    }
    struct lh_variant_entry *const swapped = from;
    from = to;
    to = swapped;
  }
  if (from != entries) {
    memcpy(entries, from, count * sizeof(*entries));
  }
  return LH_OK;
}

lh_status lh_variant_sort_members(struct lh_variant_names *names, struct lh_variant_entry *entries,
                                  size_t count, struct lh_error *err) {
  const struct sorter sorter = {NULL, NULL};
  return sort(&sorter, entries, count, &names->scratch, err);
}

/* -------- the dictionary -------- */

void lh_variant_names_begin(struct lh_variant_names *names) {
  lh_buf_reset(&names->bytes);
  lh_buf_reset(&names->starts);
}

lh_status lh_variant_names_add(struct lh_variant_names *names, const uint8_t *name, uint32_t length,
                               struct lh_error *err) {
  LH_TRY(lh_buf_append(&names->bytes, &length, sizeof(length), err));
  const uint32_t start = (uint32_t)names->bytes.len;
  LH_TRY(lh_buf_append(&names->starts, &start, sizeof(start), err));
  return lh_buf_append(&names->bytes, name, length, err);
}

/* Orders as the bytes do; short names are filled with zeros, so that equal numbers decide nothing. */
static uint64_t first_bytes(const uint8_t *name) {
  const uint32_t length = name_length(name);
  uint64_t word = 0;
  memcpy(&word, name, length < sizeof(word) ? length : sizeof(word));
  return __builtin_bswap64(word);
}

static lh_status sort_names(struct lh_variant_names *names, struct lh_error *err) {
  const size_t count = names->starts.len / sizeof(uint32_t);
  const uint32_t *const starts = starts_of(names);
  LH_TRY(resize(&names->entries, count * sizeof(struct lh_variant_entry), err));
  struct lh_variant_entry *const entries = entries_in(&names->entries);
  for (size_t i = 0; i < count; i++) {
    entries[i] =
        (struct lh_variant_entry){.order = first_bytes(names->bytes.data + starts[i]), .key = (uint32_t)i};
  }
  const struct sorter sorter = {names->bytes.data, starts};
  return sort(&sorter, entries, count, &names->scratch, err);
}

/* Numbers the names and leaves in `entries` those that differ. */
static lh_status number_names(struct lh_variant_names *names, size_t *distinct, size_t *bytes,
                              struct lh_error *err) {
  const size_t count = names->entries.len / sizeof(struct lh_variant_entry);
  const uint32_t *const starts = starts_of(names);
  struct lh_variant_entry *const entries = entries_in(&names->entries);
  LH_TRY(resize(&names->ids, count * sizeof(uint32_t), err));
  uint32_t *const ids = (uint32_t *)(void *)names->ids.data;
  *distinct = 0;
  *bytes = 0;
  for (size_t i = 0; i < count; i++) {
    const uint8_t *const name = names->bytes.data + starts[entries[i].key];
    const bool is_new =
        *distinct == 0 || compare_names(names->bytes.data + starts[entries[*distinct - 1].key], name) != 0;
    if (is_new) {
      *bytes += name_length(name);
      (*distinct)++;
    }
    ids[entries[i].key] = (uint32_t)(*distinct - 1);
    entries[*distinct - 1] = is_new ? entries[i] : entries[*distinct - 1];
  }
  return LH_OK;
}

static lh_status make_dictionary(struct lh_variant_names *names, struct lh_error *err) {
  size_t count = 0;
  size_t bytes = 0;
  LH_TRY(sort_names(names, err));
  LH_TRY(number_names(names, &count, &bytes, err));
  const size_t width = lh_variant_width(bytes > count ? bytes : count);
  LH_TRY(resize(&names->dictionary, 1 + (count + 2) * width + bytes, err));
  const uint32_t *const starts = starts_of(names);
  const struct lh_variant_entry *const entries = entries_in(&names->entries);
  uint8_t *out = names->dictionary.data;
  *out++ = (uint8_t)(METADATA_VERSION | METADATA_SORTED | (width - 1) << 6);
  out = lh_variant_put(out, (uint32_t)count, width);
  uint8_t *text = out + (count + 1) * width;
  uint32_t offset = 0;
  for (size_t i = 0; i < count; i++) {
    const uint8_t *const name = names->bytes.data + starts[entries[i].key];
    const uint32_t length = name_length(name);
    out = lh_variant_put(out, offset, width);
    memcpy(text + offset, name, length);
    offset += length;
  }
  lh_variant_put(out, offset, width);
  return LH_OK;
}

lh_status lh_variant_names_end(struct lh_variant_names *names, struct lh_error *err) {
  const struct lh_buf *const bytes = &names->bytes;
  if (names->dictionary.len > 0 && bytes->len == names->last_bytes.len &&
      (bytes->len == 0 || memcmp(bytes->data, names->last_bytes.data, bytes->len) == 0)) {
    return LH_OK;
  }
  lh_buf_reset(&names->dictionary);
  LH_TRY(make_dictionary(names, err));
  lh_buf_reset(&names->last_bytes);
  const lh_status status = lh_buf_append(&names->last_bytes, bytes->data, bytes->len, err);
  if (status != LH_OK) {
    lh_buf_reset(&names->dictionary);
  }
  return status;
}
