/* Prints result rows for `lakehaul query`. A table's first rows are held back as finished cells until their
 * widths are known; everything else goes out as it comes. */
#include "cli/table_format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "column/format.h"

#define HELD_ROWS_MAX 1000
#define HELD_BYTES_MAX ((size_t)8 << 20)
#define CELL_WIDTH_MAX 60
#define WRITE_BYTES ((size_t)64 << 10)
/* Of one value as text: a column's most bytes, every one of them escaped. */
#define TEXT_BYTES_MAX ((size_t)16 << 30)

struct lh_table_printer {
  FILE *out;
  enum lh_table_format format;
  const struct lh_schema *schema;
  struct lh_buf pending; /* for `out` */
  struct lh_buf scratch; /* one value as text */
  uint64_t row_count;
  /* LH_TABLE_FORMAT_TABLE */
  struct lh_buf cells; /* of the rows held back */
  size_t *cell_ends;   /* in `cells`; cell_count of them */
  size_t cell_count;
  size_t cell_capacity;
  size_t *widths; /* in columns, one a field */
  bool widths_are_known;
};

struct range {
  uint32_t first, last;
};

static bool in_ranges(uint32_t code_point, const struct range *ranges, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (code_point >= ranges[i].first && code_point <= ranges[i].last) {
      return true;
    }
  }
  return false;
}

/* Columns that a terminal gives a character: the large blocks of Unicode's East Asian Width and of combining
 * marks. */
static size_t character_width(uint32_t code_point) {
  static const struct range wide[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},
                                      {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
                                      {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F},
                                      {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
  static const struct range none[] = {{0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x064B, 0x065F},
                                      {0x200B, 0x200F}, {0x202A, 0x202E}, {0x2060, 0x2064}, {0x20D0, 0x20FF},
                                      {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}};
  if (code_point < 0x0300) {
    return 1;
  }
  if (in_ranges(code_point, none, sizeof(none) / sizeof(none[0]))) {
    return 0;
  }
  return in_ranges(code_point, wide, sizeof(wide) / sizeof(wide[0])) ? 2 : 1;
}

/* Bytes of the character at `bytes`, 0 where they are no UTF-8. */
static size_t decode(const uint8_t *bytes, size_t size, uint32_t *code_point) {
  const size_t length = bytes[0] < 0x80 ? 1 : bytes[0] < 0xE0 ? 2 : bytes[0] < 0xF0 ? 3 : 4;
  if (length > size || !lh_utf8_valid(bytes, length)) {
    return 0;
  }
  static const uint8_t masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
  *code_point = bytes[0] & masks[length];
  for (size_t i = 1; i < length; i++) {
    *code_point = (*code_point << 6) | (bytes[i] & 0x3FU);
  }
  return length;
}

/* A character as it is shown, into `shown`; returns its bytes, and its width. */
static size_t show(const uint8_t *bytes, size_t size, char shown[8], size_t *taken, size_t *width) {
  uint32_t code_point = 0;
  *taken = decode(bytes, size, &code_point);
  if (*taken > 0 && code_point >= 0x20 && (code_point < 0x7F || code_point > 0x9F)) {
    memcpy(shown, bytes, *taken);
    *width = character_width(code_point);
    return *taken;
  }
  int length = 0;
  if (*taken == 1 && (code_point == '\n' || code_point == '\t' || code_point == '\r')) {
    length = snprintf(shown, 8, "\\%c", code_point == '\n' ? 'n' : code_point == '\t' ? 't' : 'r');
  } else {
    length = snprintf(shown, 8, "\\x%02x", *taken == 0 ? bytes[0] : code_point & 0xFFU);
  }
  *taken = *taken == 0 ? 1 : *taken;
  *width = (size_t)length;
  return (size_t)length;
}

/* Appends the text as a cell of at most `most` columns and tells its width. */
static lh_status append_cell(struct lh_buf *cells, const uint8_t *text, size_t size, size_t most,
                             size_t *width, struct lh_error *err) {
  static const char ellipsis[] = "\xE2\x80\xA6";
  size_t cut_at = cells->len; /* where the ellipsis still fits */
  size_t cut_width = 0;
  *width = 0;
  for (size_t i = 0; i < size;) {
    char shown[8];
    size_t taken = 0;
    size_t shown_width = 0;
    const size_t length = show(text + i, size - i, shown, &taken, &shown_width);
    if (*width + shown_width > most) {
      cells->len = cut_at;
      *width = cut_width + 1;
      return lh_buf_append(cells, ellipsis, sizeof(ellipsis) - 1, err);
    }
    LH_TRY(lh_buf_append(cells, shown, length, err));
    *width += shown_width;
    i += taken;
    if (*width < most) {
      cut_at = cells->len;
      cut_width = *width;
    }
  }
  return LH_OK;
}

static size_t cell_width(const uint8_t *text, size_t size) {
  size_t width = 0;
  uint32_t code_point = 0;
  for (size_t i = 0; i < size;) {
    const size_t taken = decode(text + i, size - i, &code_point);
    width += taken > 0 ? character_width(code_point) : 1;
    i += taken > 0 ? taken : 1;
  }
  return width;
}

static bool is_number(enum lh_type type) {
  return (type >= LH_TYPE_INT8 && type <= LH_TYPE_DECIMAL);
}

static lh_status flush_pending(struct lh_table_printer *printer, struct lh_error *err) {
  if (printer->pending.len > 0 &&
      fwrite(printer->pending.data, 1, printer->pending.len, printer->out) != printer->pending.len) {
    return lh_error_set(err, LH_ERROR_DATA, "cannot write the result: %s", strerror(errno));
  }
  lh_buf_reset(&printer->pending);
  return LH_OK;
}

static lh_status end_row(struct lh_table_printer *printer, struct lh_error *err) {
  return printer->pending.len >= WRITE_BYTES ? flush_pending(printer, err) : LH_OK;
}

static lh_status append_spaces(struct lh_buf *out, size_t count, char fill, struct lh_error *err) {
  LH_TRY(lh_buf_reserve(out, count, err));
  if (count > 0) {
    memset(out->data + out->len, fill, count);
  }
  out->len += count;
  return LH_OK;
}

static lh_status append_padded(struct lh_table_printer *printer, size_t field, const uint8_t *text,
                               size_t size, struct lh_error *err) {
  struct lh_buf *const out = &printer->pending;
  const size_t width = cell_width(text, size);
  const size_t wanted = printer->widths[field];
  const size_t padding = width < wanted ? wanted - width : 0;
  const bool to_the_right = is_number(printer->schema->fields[field].type);
  const bool is_last = field + 1 == printer->schema->field_count;
  LH_TRY(lh_buf_append_str(out, field == 0 ? " " : "| ", err));
  LH_TRY(append_spaces(out, to_the_right ? padding : 0, ' ', err));
  LH_TRY(lh_buf_append(out, text, size, err));
  if (is_last) {
    return lh_buf_append_byte(out, '\n', err);
  }
  return append_spaces(out, (to_the_right ? 0 : padding) + 1, ' ', err);
}

/* Header and rule. */
static lh_status print_head(struct lh_table_printer *printer, struct lh_error *err) {
  struct lh_buf *const out = &printer->pending;
  for (size_t i = 0; i < printer->schema->field_count; i++) {
    const char *const name = printer->schema->fields[i].name;
    size_t width = 0;
    lh_buf_reset(&printer->scratch);
    LH_TRY(append_cell(&printer->scratch, (const uint8_t *)name, strlen(name), CELL_WIDTH_MAX, &width, err));
    LH_TRY(append_padded(printer, i, printer->scratch.data, printer->scratch.len, err));
  }
  for (size_t i = 0; i < printer->schema->field_count; i++) {
    LH_TRY(lh_buf_append_str(out, i > 0 ? "+" : "", err));
    LH_TRY(append_spaces(out, printer->widths[i] + 2, '-', err));
  }
  return lh_buf_append_byte(out, '\n', err);
}

/* Prints the rows held back; from here on rows go out as they come. */
static lh_status release_cells(struct lh_table_printer *printer, struct lh_error *err) {
  if (!printer->widths_are_known) {
    printer->widths_are_known = true;
    LH_TRY(print_head(printer, err));
  }
  size_t start = 0;
  for (size_t i = 0; i < printer->cell_count; i++) {
    const size_t field = i % printer->schema->field_count;
    LH_TRY(append_padded(printer, field, printer->cells.data + start, printer->cell_ends[i] - start, err));
    start = printer->cell_ends[i];
    if (field + 1 == printer->schema->field_count) {
      LH_TRY(end_row(printer, err));
    }
  }
  printer->cell_count = 0;
  lh_buf_reset(&printer->cells);
  return LH_OK;
}

static lh_status hold_cell(struct lh_table_printer *printer, size_t field, const uint8_t *text, size_t size,
                           struct lh_error *err) {
  size_t width = 0;
  LH_TRY(append_cell(&printer->cells, text, size, CELL_WIDTH_MAX, &width, err));
  if (!printer->widths_are_known && width > printer->widths[field]) {
    printer->widths[field] = width;
  }
  if (printer->cell_count == printer->cell_capacity) {
    const size_t capacity = printer->cell_capacity > 0 ? printer->cell_capacity * 2 : 256;
    size_t *const grown = realloc(printer->cell_ends, capacity * sizeof(*grown));
    if (grown == NULL) {
      return lh_error_memory(err);
    }
    printer->cell_ends = grown;
    printer->cell_capacity = capacity;
  }
  printer->cell_ends[printer->cell_count++] = printer->cells.len;
  return LH_OK;
}

static lh_status table_row(struct lh_table_printer *printer, const struct lh_batch *batch, size_t row,
                           struct lh_error *err) {
  for (size_t i = 0; i < batch->column_count; i++) {
    lh_buf_reset(&printer->scratch);
    if (lh_column_is_valid(&batch->columns[i], row)) {
      LH_TRY(lh_column_format(&batch->columns[i], row, LH_FORMAT_PLAIN, &printer->scratch, err));
    } else {
      LH_TRY(lh_buf_append_str(&printer->scratch, "NULL", err));
    }
    LH_TRY(hold_cell(printer, i, printer->scratch.data, printer->scratch.len, err));
  }
  const bool is_enough = printer->widths_are_known || printer->row_count >= HELD_ROWS_MAX ||
                         printer->cells.len >= HELD_BYTES_MAX;
  return is_enough ? release_cells(printer, err) : LH_OK;
}

static lh_status csv_cell(struct lh_buf *out, const uint8_t *text, size_t size, struct lh_error *err) {
  bool is_plain = size > 0;
  for (size_t i = 0; i < size && is_plain; i++) {
    is_plain = text[i] != ',' && text[i] != '"' && text[i] != '\n' && text[i] != '\r';
  }
  if (is_plain) {
    return lh_buf_append(out, text, size, err);
  }
  LH_TRY(lh_buf_append_byte(out, '"', err));
  for (size_t i = 0; i < size; i++) {
    LH_TRY(text[i] == '"' ? lh_buf_append_str(out, "\"\"", err) : lh_buf_append_byte(out, text[i], err));
  }
  return lh_buf_append_byte(out, '"', err);
}

static lh_status csv_head(struct lh_table_printer *printer, struct lh_error *err) {
  for (size_t i = 0; i < printer->schema->field_count; i++) {
    const char *const name = printer->schema->fields[i].name;
    LH_TRY(lh_buf_append_str(&printer->pending, i > 0 ? "," : "", err));
    LH_TRY(csv_cell(&printer->pending, (const uint8_t *)name, strlen(name), err));
  }
  return lh_buf_append_byte(&printer->pending, '\n', err);
}

static lh_status csv_row(struct lh_table_printer *printer, const struct lh_batch *batch, size_t row,
                         struct lh_error *err) {
  for (size_t i = 0; i < batch->column_count; i++) {
    LH_TRY(lh_buf_append_str(&printer->pending, i > 0 ? "," : "", err));
    if (lh_column_is_valid(&batch->columns[i], row)) {
      lh_buf_reset(&printer->scratch);
      LH_TRY(lh_column_format(&batch->columns[i], row, LH_FORMAT_PLAIN, &printer->scratch, err));
      LH_TRY(csv_cell(&printer->pending, printer->scratch.data, printer->scratch.len, err));
    }
  }
  LH_TRY(lh_buf_append_byte(&printer->pending, '\n', err));
  return end_row(printer, err);
}

static lh_status json_row(struct lh_table_printer *printer, const struct lh_batch *batch, size_t row,
                          struct lh_error *err) {
  struct lh_buf *const out = &printer->pending;
  LH_TRY(lh_buf_append_str(out, printer->row_count > 1 ? ",\n{" : "\n{", err));
  for (size_t i = 0; i < batch->column_count; i++) {
    const char *const name = printer->schema->fields[i].name;
    LH_TRY(lh_buf_append_str(out, i > 0 ? ", " : "", err));
    LH_TRY(lh_format_json_string(name, strlen(name), out, err));
    LH_TRY(lh_buf_append_str(out, ": ", err));
    LH_TRY(lh_column_format(&batch->columns[i], row, LH_FORMAT_JSON, out, err));
  }
  LH_TRY(lh_buf_append_byte(out, '}', err));
  return end_row(printer, err);
}

static lh_status begin(struct lh_table_printer *printer, struct lh_error *err) {
  if (printer->format == LH_TABLE_FORMAT_CSV) {
    return csv_head(printer, err);
  }
  if (printer->format == LH_TABLE_FORMAT_JSON) {
    return lh_buf_append_byte(&printer->pending, '[', err);
  }
  printer->widths = calloc(printer->schema->field_count + 1, sizeof(*printer->widths));
  if (printer->widths == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < printer->schema->field_count; i++) {
    const char *const name = printer->schema->fields[i].name;
    lh_buf_reset(&printer->scratch);
    LH_TRY(append_cell(&printer->scratch, (const uint8_t *)name, strlen(name), CELL_WIDTH_MAX,
                       &printer->widths[i], err));
  }
  return LH_OK;
}

lh_status lh_table_printer_open(FILE *out, enum lh_table_format format, const struct lh_schema *schema,
                                struct lh_table_printer **printer, struct lh_error *err) {
  *printer = NULL;
  struct lh_table_printer *const opened = calloc(1, sizeof(*opened));
  if (opened == NULL) {
    return lh_error_memory(err);
  }
  opened->out = out;
  opened->format = format;
  opened->schema = schema;
  lh_buf_init(&opened->pending, TEXT_BYTES_MAX);
  lh_buf_init(&opened->scratch, TEXT_BYTES_MAX);
  lh_buf_init(&opened->cells, TEXT_BYTES_MAX);
  const lh_status status = begin(opened, err);
  if (status != LH_OK) {
    lh_table_printer_free(opened);
    return status;
  }
  *printer = opened;
  return LH_OK;
}

lh_status lh_table_printer_rows(struct lh_table_printer *printer, const struct lh_batch *batch,
                                struct lh_error *err) {
  for (size_t row = 0; row < batch->row_count; row++) {
    printer->row_count++;
    switch (printer->format) {
      case LH_TABLE_FORMAT_TABLE:
        LH_TRY(table_row(printer, batch, row, err));
        break;
      case LH_TABLE_FORMAT_CSV:
        LH_TRY(csv_row(printer, batch, row, err));
        break;
      case LH_TABLE_FORMAT_JSON:
        LH_TRY(json_row(printer, batch, row, err));
        break;
    }
  }
  return LH_OK;
}

lh_status lh_table_printer_finish(struct lh_table_printer *printer, struct lh_error *err) {
  if (printer->format == LH_TABLE_FORMAT_TABLE) {
    char count[32];
    LH_TRY(release_cells(printer, err));
    LH_TRY(lh_buf_printf(&printer->pending, err, "(%s %s)\n", lh_str_format_count(printer->row_count, count),
                         printer->row_count == 1 ? "row" : "rows"));
  } else if (printer->format == LH_TABLE_FORMAT_JSON) {
    LH_TRY(lh_buf_append_str(&printer->pending, printer->row_count > 0 ? "\n]\n" : "]\n", err));
  }
  LH_TRY(flush_pending(printer, err));
  if (fflush(printer->out) != 0) {
    return lh_error_set(err, LH_ERROR_DATA, "cannot write the result: %s", strerror(errno));
  }
  return LH_OK;
}

void lh_table_printer_free(struct lh_table_printer *printer) {
  if (printer == NULL) {
    return;
  }
  lh_buf_clear(&printer->pending);
  lh_buf_clear(&printer->scratch);
  lh_buf_clear(&printer->cells);
  free(printer->cell_ends);
  free(printer->widths);
  free(printer);
}
