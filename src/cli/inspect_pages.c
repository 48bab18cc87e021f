/* The page index and the sizes of bloom filters, which lie outside of the footer and are read only when asked
 * for. */
#include <stdio.h>

#include "base/str.h"
#include "cli/cli.h"
#include "cli/grid.h"
#include "cli/inspect.h"

#define INDENT 2
#define COLUMN_NAME_MOST 48
#define VALUE_MOST 40

const char *lh_inspect_index_text(const struct lh_inspect_summary *summary) {
  if (summary->offset_indexes == 0) {
    return "-";
  }
  if (summary->offset_indexes < summary->chunks) {
    return "some";
  }
  return summary->column_indexes == summary->chunks ? "yes"
         : summary->column_indexes == 0             ? "places"
                                                    : "some";
}

const char *lh_inspect_order_text(const struct lh_parquet_footer *footer, struct lh_arena *arena) {
  const struct lh_parquet_row_group *const first = footer->row_group_count > 0 ? footer->row_groups : NULL;
  const char *text = NULL;
  for (size_t i = 0; first != NULL && i < first->sorting_count; i++) {
    const struct lh_parquet_sorting *const sorting = &first->sorting[i];
    const char *const name = lh_cli_printable(first->columns[sorting->column].path, arena);
    text = lh_arena_printf(arena, "%s%s%s%s, nulls %s", text != NULL ? text : "", text != NULL ? "; " : "",
                           name != NULL ? name : "", sorting->is_descending ? " descending" : "",
                           sorting->nulls_first ? "first" : "last");
    if (text == NULL) {
      return NULL;
    }
  }
  return text != NULL ? text : "-";
}

static const char *count_text(int64_t count, struct lh_arena *arena) {
  char text[32];
  return count < 0 ? "-" : lh_arena_strdup(arena, lh_str_format_count((uint64_t)count, text));
}

static const char *bytes_text(int64_t bytes, struct lh_arena *arena) {
  char text[32];
  return lh_arena_strdup(arena, lh_str_format_bytes((uint64_t)bytes, text));
}

static const char *bound_text(const struct lh_parquet_schema_element *element,
                              const struct lh_parquet_page_index *index, const struct lh_parquet_page *page,
                              struct lh_parquet_bytes value, struct lh_arena *arena) {
  return !index->has_bounds || page->is_null_page ? "-" : lh_parquet_format_value(element, value, arena);
}

static lh_status add_pages(struct lh_grid *grid, const struct lh_parquet_footer *footer,
                           const struct lh_parquet_column_chunk *chunk,
                           const struct lh_parquet_page_index *index, struct lh_error *err) {
  struct lh_arena *const arena = grid->arena;
  const struct lh_parquet_schema_element *const element = &footer->schema[chunk->schema_index];
  for (size_t i = 0; i < index->page_count; i++) {
    const struct lh_parquet_page *const page = &index->pages[i];
    const char *const cells[] = {
        lh_cli_printable(chunk->path, arena),
        count_text((int64_t)i, arena),
        count_text(page->first_row, arena),
        count_text(page->row_count, arena),
        bytes_text(page->compressed_bytes, arena),
        count_text(page->null_count, arena),
        bound_text(element, index, page, page->min_value, arena),
        bound_text(element, index, page, page->max_value, arena),
    };
    LH_TRY(lh_grid_add(grid, cells, err));
  }
  return LH_OK;
}

static lh_status print_row_group(const struct lh_inspection *inspection, size_t number,
                                 struct lh_arena *arena, struct lh_error *err) {
  static const struct lh_grid_column columns[] = {
      {.title = "column", .most = COLUMN_NAME_MOST}, {.title = "page", .to_the_right = true},
      {.title = "first row", .to_the_right = true},  {.title = "rows", .to_the_right = true},
      {.title = "compressed", .to_the_right = true}, {.title = "nulls", .to_the_right = true},
      {.title = "min", .most = VALUE_MOST},          {.title = "max", .most = VALUE_MOST},
  };
  const struct lh_parquet_row_group *const group = &inspection->footer->row_groups[number];
  struct lh_grid grid;
  lh_grid_init(&grid, columns, sizeof(columns) / sizeof(columns[0]), arena);
  for (size_t i = 0; i < group->column_count; i++) {
    struct lh_parquet_page_index index;
    LH_TRY(lh_parquet_page_index_read(inspection->pages_of, group, &group->columns[i], arena, &index, err));
    LH_TRY(add_pages(&grid, inspection->footer, &group->columns[i], &index, err));
  }
  printf("\nPages of row group %zu:\n", number);
  lh_grid_print(&grid, INDENT, stdout);
  return LH_OK;
}

lh_status lh_inspect_print_pages(const struct lh_inspection *inspection, struct lh_error *err) {
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  lh_status status = LH_OK;
  for (size_t i = 0; i < inspection->footer->row_group_count && status == LH_OK; i++) {
    lh_arena_reset(&arena);
    status = print_row_group(inspection, i, &arena, err);
  }
  lh_arena_clear(&arena);
  return status;
}
