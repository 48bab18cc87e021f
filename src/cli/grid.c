/* Grids: cells are collected, widths follow from them, lines are printed without blanks at their ends. */
#include "cli/grid.h"

#include <string.h>

#define GAP "  "
#define ELLIPSIS "…"
#define FIRST_ROWS 32

/* Bytes of the first `most` characters. */
static size_t bytes_of(const char *text, size_t most) {
  size_t i = 0;
  size_t characters = 0;
  for (; text[i] != '\0'; i++) {
    if (((unsigned char)text[i] & 0xC0) != 0x80 && ++characters > most) {
      break;
    }
  }
  return i;
}

static size_t width_of(const char *text) {
  size_t width = 0;
  for (const char *c = text; *c != '\0'; c++) {
    width += ((unsigned char)*c & 0xC0) != 0x80;
  }
  return width;
}

static size_t shown_width(const struct lh_grid_column *column, const char *text) {
  const size_t width = width_of(text);
  return column->most > 0 && width > column->most ? column->most : width;
}

void lh_grid_init(struct lh_grid *grid, const struct lh_grid_column *columns, size_t column_count,
                  struct lh_arena *arena) {
  *grid = (struct lh_grid){.arena = arena, .columns = columns, .column_count = column_count};
}

lh_status lh_grid_add(struct lh_grid *grid, const char *const *cells, struct lh_error *err) {
  if (grid->column_count > LH_GRID_COLUMNS_MAX) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "a grid of %zu columns is too wide", grid->column_count);
  }
  if (grid->row_count == grid->row_capacity) {
    const size_t capacity = grid->row_capacity > 0 ? 2 * grid->row_capacity : FIRST_ROWS;
    const char **const grown = LH_ARENA_ARRAY(grid->arena, const char *, capacity * grid->column_count);
    if (grown == NULL) {
      return lh_error_memory(err);
    }
    if (grid->row_count > 0) {
      memcpy(grown, grid->cells, grid->row_count * grid->column_count * sizeof(*grown));
    }
    grid->cells = grown;
    grid->row_capacity = capacity;
  }
  for (size_t i = 0; i < grid->column_count; i++) {
    if (cells[i] == NULL) {
      return lh_error_memory(err);
    }
    grid->cells[grid->row_count * grid->column_count + i] = cells[i];
  }
  grid->row_count++;
  return LH_OK;
}

static void print_spaces(size_t count, FILE *out) {
  for (size_t i = 0; i < count; i++) {
    fputc(' ', out);
  }
}

static void print_cell(const struct lh_grid_column *column, const char *text, FILE *out) {
  if (column->most > 0 && width_of(text) > column->most) {
    fwrite(text, 1, bytes_of(text, column->most - 1), out);
    fputs(ELLIPSIS, out);
  } else {
    fputs(text, out);
  }
}

/* Blanks are printed once a cell follows them. */
static void print_line(const struct lh_grid *grid, const char *const *cells, const size_t *widths,
                       size_t indent, FILE *out) {
  size_t pending = indent;
  for (size_t i = 0; i < grid->column_count; i++) {
    const struct lh_grid_column *const column = &grid->columns[i];
    const size_t padding = widths[i] - shown_width(column, cells[i]);
    pending += column->to_the_right ? padding : 0;
    if (cells[i][0] != '\0') {
      print_spaces(pending, out);
      print_cell(column, cells[i], out);
      pending = 0;
    }
    pending += (column->to_the_right ? 0 : padding) + strlen(GAP);
  }
  fputc('\n', out);
}

void lh_grid_print(const struct lh_grid *grid, size_t indent, FILE *out) {
  size_t widths[LH_GRID_COLUMNS_MAX] = {0};
  const char *titles[LH_GRID_COLUMNS_MAX] = {0};
  bool has_titles = false;
  for (size_t i = 0; i < grid->column_count && i < LH_GRID_COLUMNS_MAX; i++) {
    titles[i] = grid->columns[i].title;
    widths[i] = shown_width(&grid->columns[i], titles[i]);
    has_titles = has_titles || titles[i][0] != '\0';
  }
  for (size_t i = 0; i < grid->row_count * grid->column_count; i++) {
    const size_t column = i % grid->column_count;
    const size_t width = shown_width(&grid->columns[column], grid->cells[i]);
    widths[column] = width > widths[column] ? width : widths[column];
  }
  if (has_titles) {
    print_line(grid, titles, widths, indent, out);
  }
  for (size_t row = 0; row < grid->row_count; row++) {
    print_line(grid, grid->cells + row * grid->column_count, widths, indent, out);
  }
}
