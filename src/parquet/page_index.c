/*
 * Page index. A page's record is a fixed head, its two bounds and its level histograms, in one buffer; the
 * thrift structs are made of lists, so that the records are passed once for each list.
 */
#include "parquet/page_index.h"

#define RECORDS_MAX_BYTES ((size_t)1 << 30)
/* Levels are counted where their histogram tells more than the null count. */
#define LEAST_COUNTED_DEFINITION 2

enum { ORDER_NONE = 0, ORDER_ASCENDING = 1, ORDER_DESCENDING = 2 };

struct page_record {
  uint64_t rows;
  uint64_t null_count, nan_count;
  uint64_t unencoded_bytes;
  uint32_t stored_bytes;
  uint32_t min_size, max_size;
  bool is_null_page;
};

void lh_page_index_init(struct lh_page_index *index, const struct lh_leaf *leaf) {
  *index = (struct lh_page_index){.leaf = leaf};
  lh_buf_init(&index->records, RECORDS_MAX_BYTES);
  lh_page_index_reset(index);
}

void lh_page_index_reset(struct lh_page_index *index) {
  lh_buf_reset(&index->records);
  index->page_count = 0;
  index->has_bounds = true;
  index->is_ascending = true;
  index->is_descending = true;
  index->has_last = false;
}

void lh_page_index_clear(struct lh_page_index *index) {
  lh_buf_clear(&index->records);
}

static size_t repetition_counts(const struct lh_leaf *leaf) {
  return leaf->max_repetition > 0 ? leaf->max_repetition + 1U : 0;
}

static size_t definition_counts(const struct lh_leaf *leaf) {
  return leaf->max_definition >= LEAST_COUNTED_DEFINITION ? leaf->max_definition + 1U : 0;
}

/* The length of values in UUID's and time's text form is not the sum of what was put in. */
static bool knows_unencoded_bytes(const struct lh_leaf *leaf) {
  return leaf->type == LH_PARQUET_BYTE_ARRAY && leaf->form != LH_FORM_TIME_TEXT;
}

static bool has_nan_count(const struct lh_leaf *leaf) {
  return leaf->kind == LH_VALUE_FLOAT || leaf->kind == LH_VALUE_DOUBLE;
}

/* -------- records -------- */

struct record_view {
  struct page_record head;
  const uint8_t *min, *max;
  const uint8_t *repetition, *definition; /* uint64_t each, not aligned */
};

/* The record at `at`; returns where the next one begins. */
static size_t view_record(const struct lh_page_index *index, size_t at, struct record_view *view) {
  const uint8_t *bytes = index->records.data + at;
  memcpy(&view->head, bytes, sizeof view->head);
  view->min = bytes + sizeof view->head;
  view->max = view->min + view->head.min_size;
  view->repetition = view->max + view->head.max_size;
  view->definition = view->repetition + repetition_counts(index->leaf) * sizeof(uint64_t);
  const uint8_t *const end = view->definition + definition_counts(index->leaf) * sizeof(uint64_t);
  return (size_t)(end - index->records.data);
}

static lh_status append_histogram(const uint8_t *levels, size_t entries, size_t count, struct lh_buf *out,
                                  struct lh_error *err) {
  if (count == 0) {
    return LH_OK;
  }
  uint64_t histogram[UINT8_MAX + 1] = {0};
  if (levels == NULL) {
    histogram[count - 1] = entries;
  }
  for (size_t i = 0; levels != NULL && i < entries; i++) {
    histogram[levels[i]]++;
  }
  return lh_buf_append(out, histogram, count * sizeof histogram[0], err);
}

/* -------- order -------- */

static int compare_bytes(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size) {
  const size_t common = a_size < b_size ? a_size : b_size;
  const int order = common == 0 ? 0 : memcmp(a, b, common);
  return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

static void note_orders(struct lh_page_index *index, int min_order, int max_order) {
  index->is_ascending &= min_order >= 0 && max_order >= 0;
  index->is_descending &= min_order <= 0 && max_order <= 0;
}

/* Compares the bounds of the page whose record begins at `at` with those of the last page with values. */
static void note_order(struct lh_page_index *index, const struct lh_column_statistics *statistics,
                       size_t at) {
  const enum lh_value_kind kind = index->leaf->kind;
  if (index->has_last && kind == LH_VALUE_BYTES) {
    struct record_view last;
    struct record_view page;
    (void)view_record(index, index->last_record, &last);
    (void)view_record(index, at, &page);
    note_orders(index, compare_bytes(page.min, page.head.min_size, last.min, last.head.min_size),
                compare_bytes(page.max, page.head.max_size, last.max, last.head.max_size));
  } else if (index->has_last) {
    note_orders(index, lh_statistics_compare(kind, &statistics->least, &index->last_least),
                lh_statistics_compare(kind, &statistics->greatest, &index->last_greatest));
  }
  index->has_last = true;
  index->last_record = at;
  index->last_least = statistics->least;
  index->last_greatest = statistics->greatest;
}

lh_status lh_page_index_add(struct lh_page_index *index, const struct lh_page_facts *facts,
                            struct lh_error *err) {
  const struct lh_column_statistics *const statistics = facts->statistics;
  const struct lh_statistics_bounds *const bounds = facts->bounds;
  const struct page_record head = {
      .rows = facts->rows,
      .null_count = statistics->null_count,
      .nan_count = statistics->nan_count,
      .unencoded_bytes = facts->unencoded_bytes,
      .stored_bytes = (uint32_t)facts->stored_bytes,
      .min_size = bounds->present ? (uint32_t)bounds->min.len : 0,
      .max_size = bounds->present ? (uint32_t)bounds->max.len : 0,
      .is_null_page = !statistics->has_values,
  };
  const size_t at = index->records.len;
  LH_TRY(lh_buf_append(&index->records, &head, sizeof head, err));
  if (bounds->present) {
    LH_TRY(lh_buf_append(&index->records, bounds->min.data, bounds->min.len, err));
    LH_TRY(lh_buf_append(&index->records, bounds->max.data, bounds->max.len, err));
  }
  LH_TRY(append_histogram(facts->repetition, facts->entries, repetition_counts(index->leaf), &index->records,
                          err));
  LH_TRY(append_histogram(facts->definition, facts->entries, definition_counts(index->leaf), &index->records,
                          err));
  index->page_count++;
  index->has_bounds &= bounds->present || head.is_null_page;
  if (bounds->present) {
    note_order(index, statistics, at);
  }
  return LH_OK;
}

/* -------- thrift -------- */

lh_status lh_page_index_append_offsets(const struct lh_page_index *index, uint64_t offset, struct lh_buf *out,
                                       struct lh_error *err) {
  struct lh_thrift_writer w;
  struct record_view view;
  lh_thrift_writer_init(&w, out, err);
  lh_thrift_begin_struct(&w);
  lh_thrift_begin_list(&w, 1, LH_THRIFT_STRUCT, index->page_count);
  uint64_t first_row = 0;
  for (size_t at = 0; at < index->records.len;) {
    at = view_record(index, at, &view);
    lh_thrift_begin_struct(&w);
    lh_thrift_write_i64(&w, 1, (int64_t)offset);
    lh_thrift_write_i32(&w, 2, (int32_t)view.head.stored_bytes);
    lh_thrift_write_i64(&w, 3, (int64_t)first_row);
    lh_thrift_end_struct(&w);
    offset += view.head.stored_bytes;
    first_row += view.head.rows;
  }
  if (knows_unencoded_bytes(index->leaf)) {
    lh_thrift_begin_list(&w, 2, LH_THRIFT_I64, index->page_count);
    for (size_t at = 0; at < index->records.len;) {
      at = view_record(index, at, &view);
      lh_thrift_write_i64_element(&w, (int64_t)view.head.unencoded_bytes);
    }
  }
  lh_thrift_end_struct(&w);
  return w.status;
}

static void write_bounds(const struct lh_page_index *index, struct lh_thrift_writer *w) {
  struct record_view view;
  lh_thrift_begin_list(w, 1, LH_THRIFT_TRUE, index->page_count);
  for (size_t at = 0; at < index->records.len;) {
    at = view_record(index, at, &view);
    lh_thrift_write_bool_element(w, view.head.is_null_page);
  }
  lh_thrift_begin_list(w, 2, LH_THRIFT_BINARY, index->page_count);
  for (size_t at = 0; at < index->records.len;) {
    at = view_record(index, at, &view);
    lh_thrift_write_binary_element(w, view.min, view.head.min_size);
  }
  lh_thrift_begin_list(w, 3, LH_THRIFT_BINARY, index->page_count);
  for (size_t at = 0; at < index->records.len;) {
    at = view_record(index, at, &view);
    lh_thrift_write_binary_element(w, view.max, view.head.max_size);
  }
}

static void write_histograms(const struct lh_page_index *index, int id, bool is_repetition,
                             struct lh_thrift_writer *w) {
  const size_t count = is_repetition ? repetition_counts(index->leaf) : definition_counts(index->leaf);
  struct record_view view;
  if (count == 0) {
    return;
  }
  lh_thrift_begin_list(w, id, LH_THRIFT_I64, index->page_count * count);
  for (size_t at = 0; at < index->records.len;) {
    at = view_record(index, at, &view);
    const uint8_t *const from = is_repetition ? view.repetition : view.definition;
    for (size_t i = 0; i < count; i++) {
      int64_t entries = 0;
      memcpy(&entries, from + i * sizeof entries, sizeof entries);
      lh_thrift_write_i64_element(w, entries);
    }
  }
}

lh_status lh_page_index_append_bounds(const struct lh_page_index *index, struct lh_buf *out,
                                      struct lh_error *err) {
  struct lh_thrift_writer w;
  struct record_view view;
  if (!index->has_bounds) {
    return LH_OK;
  }
  lh_thrift_writer_init(&w, out, err);
  lh_thrift_begin_struct(&w);
  write_bounds(index, &w);
  lh_thrift_write_i32(&w, 4,
                      index->is_ascending    ? ORDER_ASCENDING
                      : index->is_descending ? ORDER_DESCENDING
                                             : ORDER_NONE);
  lh_thrift_begin_list(&w, 5, LH_THRIFT_I64, index->page_count);
  for (size_t at = 0; at < index->records.len;) {
    at = view_record(index, at, &view);
    lh_thrift_write_i64_element(&w, (int64_t)view.head.null_count);
  }
  write_histograms(index, 6, true, &w);
  write_histograms(index, 7, false, &w);
  if (has_nan_count(index->leaf)) {
    lh_thrift_begin_list(&w, 8, LH_THRIFT_I64, index->page_count);
    for (size_t at = 0; at < index->records.len;) {
      at = view_record(index, at, &view);
      lh_thrift_write_i64_element(&w, (int64_t)view.head.nan_count);
    }
  }
  lh_thrift_end_struct(&w);
  return w.status;
}

/* A list of the sums over all pages. */
static void write_histogram_sums(const struct lh_page_index *index, int id, bool is_repetition,
                                 struct lh_thrift_writer *w) {
  const size_t count = is_repetition ? repetition_counts(index->leaf) : definition_counts(index->leaf);
  uint64_t sums[UINT8_MAX + 1] = {0};
  struct record_view view;
  if (count == 0) {
    return;
  }
  for (size_t at = 0; at < index->records.len;) {
    at = view_record(index, at, &view);
    const uint8_t *const from = is_repetition ? view.repetition : view.definition;
    for (size_t i = 0; i < count; i++) {
      uint64_t entries = 0;
      memcpy(&entries, from + i * sizeof entries, sizeof entries);
      sums[i] += entries;
    }
  }
  lh_thrift_begin_list(w, id, LH_THRIFT_I64, count);
  for (size_t i = 0; i < count; i++) {
    lh_thrift_write_i64_element(w, (int64_t)sums[i]);
  }
}

void lh_page_index_write_sizes(const struct lh_page_index *index, int id, struct lh_thrift_writer *writer) {
  const bool knows_bytes = knows_unencoded_bytes(index->leaf);
  if (!knows_bytes && repetition_counts(index->leaf) == 0 && definition_counts(index->leaf) == 0) {
    return;
  }
  lh_thrift_begin_struct_field(writer, id);
  if (knows_bytes) {
    uint64_t sum = 0;
    struct record_view view;
    for (size_t at = 0; at < index->records.len;) {
      at = view_record(index, at, &view);
      sum += view.head.unencoded_bytes;
    }
    lh_thrift_write_i64(writer, 1, (int64_t)sum);
  }
  write_histogram_sums(index, 2, true, writer);
  write_histogram_sums(index, 3, false, writer);
  lh_thrift_end_struct(writer);
}
