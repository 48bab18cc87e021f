/*
 * Grids: small tables for people, every column as wide as its widest cell.
 *
 * For what a command says about its own work; rows of data go through table_format.h. One thread.
 */
#ifndef LH_CLI_GRID_H
#define LH_CLI_GRID_H

#include <stddef.h>
#include <stdio.h>

#include "base/arena.h"
#include "lakehaul/error.h"

#define LH_GRID_COLUMNS_MAX 16

struct lh_grid_column {
  const char *title;
  bool to_the_right; /* numbers */
  size_t most;       /* characters, longer cells are cut; 0: any */
};

struct lh_grid {
  struct lh_arena *arena;
  const struct lh_grid_column *columns; /* borrowed, as the cells are */
  size_t column_count;
  const char **cells; /* row by row */
  size_t row_count, row_capacity;
};

void lh_grid_init(struct lh_grid *grid, const struct lh_grid_column *columns, size_t column_count,
                  struct lh_arena *arena);
/* One cell per column. */
lh_status lh_grid_add(struct lh_grid *grid, const char *const *cells, struct lh_error *err) LH_WARN_UNUSED;
/* Titles and rows, each line behind `indent` spaces. Titles are left out where all are empty. */
void lh_grid_print(const struct lh_grid *grid, size_t indent, FILE *out);

#endif
