/* A Parquet file's metadata for people: facts, schema as a tree, a line per column. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/cli.h"
#include "cli/grid.h"
#include "cli/inspect.h"

#define INDENT 2
#define COLUMN_NAME_MOST 48
#define VALUE_MOST 40 /* a UUID in quotes */
#define METADATA_VALUE_MOST 100

static const char *ratio_text(int64_t uncompressed, int64_t compressed, struct lh_arena *arena) {
  return compressed > 0 ? lh_arena_printf(arena, "%.1fx", (double)uncompressed / (double)compressed) : "-";
}

static const char *count_text(int64_t count, struct lh_arena *arena) {
  char text[32];
  return count < 0 ? "-" : lh_arena_strdup(arena, lh_str_format_count((uint64_t)count, text));
}

static const char *bytes_text(int64_t bytes, struct lh_arena *arena) {
  char text[32];
  return lh_arena_strdup(arena, lh_str_format_bytes((uint64_t)bytes, text));
}

/* "PLAIN,RLE" from a set of numbers. */
static const char *set_text(uint32_t set, const char *(*name_of)(int), struct lh_arena *arena) {
  const char *names[32];
  size_t count = 0;
  for (int i = 0; i < 32; i++) {
    if ((set >> i & 1) != 0) {
      names[count++] = name_of(i);
    }
  }
  return lh_str_join(names, count, ",", arena);
}

/* A bound that was cut when it was written ends in an ellipsis. */
static const char *bound_text(const struct lh_parquet_schema_element *element, struct lh_parquet_bytes value,
                              bool is_exact, struct lh_arena *arena) {
  const char *const text = lh_parquet_format_value(element, value, arena);
  return text == NULL || is_exact ? text : lh_arena_printf(arena, "%s…", text);
}

static const char *bloom_text(int64_t bytes, struct lh_arena *arena) {
  return bytes == 0 ? "-" : bytes < 0 ? "yes" : bytes_text(bytes, arena);
}

static lh_status add_column(struct lh_grid *grid, const struct lh_inspect_summary *summary,
                            struct lh_error *err) {
  struct lh_arena *const arena = grid->arena;
  const char *const cells[] = {
      lh_cli_printable(summary->path, arena),
      set_text(summary->codecs, lh_parquet_codec_name, arena),
      set_text(summary->encodings, lh_parquet_encoding_name, arena),
      count_text(summary->values, arena),
      count_text(summary->nulls, arena),
      bytes_text(summary->uncompressed_bytes, arena),
      bytes_text(summary->compressed_bytes, arena),
      ratio_text(summary->uncompressed_bytes, summary->compressed_bytes, arena),
      lh_inspect_index_text(summary),
      bloom_text(summary->bloom_bytes, arena),
      bound_text(summary->element, summary->min, summary->is_min_exact, arena),
      bound_text(summary->element, summary->max, summary->is_max_exact, arena),
  };
  return lh_grid_add(grid, cells, err);
}

static lh_status print_columns(const struct lh_parquet_footer *footer, size_t first_group, size_t group_count,
                               struct lh_arena *arena, struct lh_error *err) {
  static const struct lh_grid_column columns[] = {
      {.title = "column", .most = COLUMN_NAME_MOST},
      {.title = "codec"},
      {.title = "encodings"},
      {.title = "values", .to_the_right = true},
      {.title = "nulls", .to_the_right = true},
      {.title = "uncompressed", .to_the_right = true},
      {.title = "compressed", .to_the_right = true},
      {.title = "ratio", .to_the_right = true},
      {.title = "index"},
      {.title = "bloom", .to_the_right = true},
      {.title = "min", .most = VALUE_MOST},
      {.title = "max", .most = VALUE_MOST},
  };
  struct lh_grid grid;
  lh_grid_init(&grid, columns, sizeof(columns) / sizeof(columns[0]), arena);
  for (size_t i = 0; i < footer->row_groups[first_group].column_count; i++) {
    struct lh_inspect_summary summary;
    lh_inspect_summarise(footer, i, first_group, group_count, &summary);
    LH_TRY(add_column(&grid, &summary, err));
  }
  lh_grid_print(&grid, INDENT, stdout);
  return LH_OK;
}

static lh_status print_row_groups(const struct lh_parquet_footer *footer, struct lh_arena *scratch,
                                  struct lh_error *err) {
  for (size_t i = 0; i < footer->row_group_count; i++) {
    const struct lh_parquet_row_group *const group = &footer->row_groups[i];
    lh_arena_reset(scratch);
    printf("\nRow group %zu: %s rows\n", i, count_text(group->num_rows, scratch));
    LH_TRY(print_columns(footer, i, 1, scratch, err));
  }
  return LH_OK;
}

/* "3, of 5 to 10 rows" */
static const char *row_groups_text(const struct lh_parquet_footer *footer, struct lh_arena *arena) {
  if (footer->row_group_count < 2) {
    return count_text((int64_t)footer->row_group_count, arena);
  }
  int64_t least = INT64_MAX;
  int64_t most = 0;
  for (size_t i = 0; i < footer->row_group_count; i++) {
    const int64_t rows = footer->row_groups[i].num_rows;
    least = rows < least ? rows : least;
    most = rows > most ? rows : most;
  }
  const char *const count = count_text((int64_t)footer->row_group_count, arena);
  if (least == most) {
    return lh_arena_printf(arena, "%s, of %s rows each", count, count_text(most, arena));
  }
  return lh_arena_printf(arena, "%s, of %s to %s rows", count, count_text(least, arena),
                         count_text(most, arena));
}

static const char *data_text(const struct lh_parquet_footer *footer, struct lh_arena *arena) {
  uint64_t uncompressed = 0;
  uint64_t compressed = 0;
  for (size_t i = 0; i < footer->row_group_count; i++) {
    for (size_t j = 0; j < footer->row_groups[i].column_count; j++) {
      uncompressed += (uint64_t)footer->row_groups[i].columns[j].uncompressed_bytes;
      compressed += (uint64_t)footer->row_groups[i].columns[j].compressed_bytes;
    }
  }
  return lh_arena_printf(arena, "%s compressed to %s (%s)", bytes_text((int64_t)uncompressed, arena),
                         bytes_text((int64_t)compressed, arena),
                         ratio_text((int64_t)uncompressed, (int64_t)compressed, arena));
}

static lh_status print_facts(const char *path, const struct lh_parquet_footer *footer, struct lh_arena *arena,
                             struct lh_error *err) {
  static const struct lh_grid_column columns[] = {{.title = ""}, {.title = ""}};
  const char *const size = lh_arena_printf(
      arena, "%s (%s bytes), of which the footer %s", bytes_text((int64_t)footer->file_bytes, arena),
      count_text((int64_t)footer->file_bytes, arena), bytes_text(footer->footer_bytes, arena));
  const char *const rows[][2] = {
      {"size", size},
      {"created by", footer->created_by != NULL ? lh_cli_printable(footer->created_by, arena) : "-"},
      {"format", lh_arena_printf(arena, "version %d", footer->version)},
      {"rows", count_text(footer->num_rows, arena)},
      {"row groups", row_groups_text(footer, arena)},
      {"data", data_text(footer, arena)},
      {"sorted by", lh_inspect_order_text(footer, arena)},
  };
  struct lh_grid grid;
  lh_grid_init(&grid, columns, 2, arena);
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    LH_TRY(lh_grid_add(&grid, rows[i], err));
  }
  const char *const shown_path = lh_cli_printable(path, arena);
  printf("%s\n", shown_path != NULL ? shown_path : "");
  lh_grid_print(&grid, INDENT, stdout);
  return LH_OK;
}

static const char *metadata_value(const char *value, struct lh_arena *arena) {
  const size_t length = strlen(value);
  if (length <= METADATA_VALUE_MOST) {
    return lh_cli_printable(value, arena);
  }
  const size_t shown = lh_utf8_truncate(value, length, METADATA_VALUE_MOST);
  const char *const start = lh_arena_strndup(arena, value, shown);
  const char *const printable = start != NULL ? lh_cli_printable(start, arena) : NULL;
  return printable == NULL
             ? NULL
             : lh_arena_printf(arena, "%s… (%s)", printable, bytes_text((int64_t)length, arena));
}

static lh_status print_metadata(const struct lh_parquet_footer *footer, struct lh_arena *arena,
                                struct lh_error *err) {
  static const struct lh_grid_column columns[] = {{.title = "", .most = COLUMN_NAME_MOST}, {.title = ""}};
  struct lh_grid grid;
  lh_grid_init(&grid, columns, 2, arena);
  for (size_t i = 0; i < footer->metadata_count; i++) {
    const char *const value = footer->metadata[i].value;
    const char *const cells[] = {lh_cli_printable(footer->metadata[i].key, arena),
                                 value != NULL ? metadata_value(value, arena) : "-"};
    LH_TRY(lh_grid_add(&grid, cells, err));
  }
  if (footer->metadata_count > 0) {
    puts("\nMetadata:");
    lh_grid_print(&grid, INDENT, stdout);
  }
  return LH_OK;
}

static const char *type_text(const struct lh_parquet_schema_element *element, struct lh_arena *arena) {
  if (element->child_count > 0) {
    return "group";
  }
  const char *const name = lh_parquet_type_name(element->type);
  return element->type_length > 0 ? lh_arena_printf(arena, "%s(%d)", name, element->type_length) : name;
}

static lh_status print_schema(const struct lh_parquet_footer *footer, struct lh_arena *arena,
                              struct lh_error *err) {
  static const struct lh_grid_column columns[] = {
      {.title = "", .most = COLUMN_NAME_MOST}, {.title = ""}, {.title = ""}, {.title = ""}};
  struct lh_grid grid;
  struct lh_inspect_walk walk;
  const struct lh_parquet_schema_element *element;
  lh_grid_init(&grid, columns, sizeof(columns) / sizeof(columns[0]), arena);
  lh_inspect_walk_start(&walk, footer);
  while ((element = lh_inspect_walk_next(&walk, footer)) != NULL) {
    const char *const name = lh_cli_printable(element->name, arena);
    const char *const cells[] = {
        name != NULL ? lh_arena_printf(arena, "%*s%s", (int)(INDENT * (walk.depth - 1)), "", name) : NULL,
        lh_parquet_repetition_name(element->repetition), type_text(element, arena),
        lh_parquet_logical_name(element, arena)};
    LH_TRY(lh_grid_add(&grid, cells, err));
  }
  puts("\nSchema:");
  lh_grid_print(&grid, INDENT, stdout);
  return LH_OK;
}

lh_status lh_inspect_print_text(const struct lh_inspection *inspection, struct lh_error *err) {
  const struct lh_parquet_footer *const footer = inspection->footer;
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  lh_status status = print_facts(inspection->path, footer, &arena, err);
  if (status == LH_OK) {
    status = print_metadata(footer, &arena, err);
  }
  if (status == LH_OK) {
    status = print_schema(footer, &arena, err);
  }
  if (status == LH_OK && inspection->all_row_groups) {
    status = print_row_groups(footer, &arena, err);
  } else if (status == LH_OK && footer->row_group_count > 0) {
    puts(footer->row_group_count == 1 ? "\nColumns:" : "\nColumns, all row groups together:");
    status = print_columns(footer, 0, footer->row_group_count, &arena, err);
  }
  if (status == LH_OK && inspection->pages_of != NULL) {
    status = lh_inspect_print_pages(inspection, err);
  }
  lh_arena_clear(&arena);
  return status;
}
