/*
 * What `lakehaul inspect` knows of a file and how it prints it. Private to src/cli.
 */
#ifndef LH_CLI_INSPECT_H
#define LH_CLI_INSPECT_H

#include "parquet/footer.h"
#include "parquet/page_index_reader.h"

/* Levels of nesting that are shown; a file that is nested deeper is refused. */
#define LH_INSPECT_DEPTH_MAX 100

/* One column in one row group, or in several together. */
struct lh_inspect_summary {
  const char *path; /* "tags.list.element" */
  const struct lh_parquet_schema_element *element;
  uint32_t codecs;    /* bit n: the codec n occurs */
  uint32_t encodings; /* bit n: the encoding n occurs; bit 31: one that has no name */
  int64_t values;     /* level entries: values, nulls and empty lists */
  int64_t nulls;      /* -1 where a row group does not say */
  int64_t uncompressed_bytes, compressed_bytes;
  struct lh_parquet_bytes min, max; /* absent unless every row group that has values has them */
  bool is_min_exact, is_max_exact;
  size_t chunks, offset_indexes, column_indexes; /* chunks; those that have the one and the other */
  int64_t bloom_bytes; /* of bloom filters, as far as the footer says; -1 where it does not */
};

/* What is to be shown. */
struct lh_inspection {
  const char *path;
  const struct lh_parquet_footer *footer;
  struct lh_source *pages_of; /* the file: its page index is shown, too; NULL: what the footer says alone */
  bool all_row_groups;
};

/* Sums up `group_count` row groups (at least one) from `first_group` on. */
void lh_inspect_summarise(const struct lh_parquet_footer *footer, size_t column, size_t first_group,
                          size_t group_count, struct lh_inspect_summary *out);

/* Walks the schema depth first without recursion. Start with `next` 1, the first element below the root. */
struct lh_inspect_walk {
  size_t next;
  size_t depth;                            /* of the element that was returned last: 1 below the root */
  int remaining[LH_INSPECT_DEPTH_MAX + 1]; /* children still to come, per level */
};

void lh_inspect_walk_start(struct lh_inspect_walk *walk, const struct lh_parquet_footer *footer);
/* NULL at the end. */
const struct lh_parquet_schema_element *lh_inspect_walk_next(struct lh_inspect_walk *walk,
                                                             const struct lh_parquet_footer *footer);
/* LH_ERROR_UNSUPPORTED where the schema is nested deeper than LH_INSPECT_DEPTH_MAX. */
lh_status lh_inspect_check_depth(const struct lh_parquet_footer *footer, const char *path,
                                 struct lh_error *err) LH_WARN_UNUSED;

/* For people; every row group's columns where `all_row_groups`, else their sums. */
lh_status lh_inspect_print_text(const struct lh_inspection *inspection, struct lh_error *err) LH_WARN_UNUSED;
/* Everything, as one JSON object written piece by piece, a column chunk a line. */
lh_status lh_inspect_print_json(const struct lh_inspection *inspection, struct lh_error *err) LH_WARN_UNUSED;
/* The pages of every row group, as their index has them. */
lh_status lh_inspect_print_pages(const struct lh_inspection *inspection, struct lh_error *err) LH_WARN_UNUSED;

/* Whether the chunks have a page index: "yes", "-", "some"; "places" where it has no bounds. */
const char *lh_inspect_index_text(const struct lh_inspect_summary *summary);
/* How rows are sorted, by the first row group: "day descending, nulls first; id, nulls last"; "-" where it
 * does not say. NULL without memory. */
const char *lh_inspect_order_text(const struct lh_parquet_footer *footer, struct lh_arena *arena);

#endif
