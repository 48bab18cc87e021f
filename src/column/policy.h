/*
 * Policies: what the project decides about columns as they are carried over.
 *
 * Plain settings, read from the project file and obeyed by the PostgreSQL reader. A task's apply to its
 * columns unless a column has its own. Zero is the default of each.
 */
#ifndef LH_COLUMN_POLICY_H
#define LH_COLUMN_POLICY_H

#include <stdbool.h>
#include <stddef.h>

/* What becomes of a value that the column's type in the lake cannot hold: NaN or an infinity in a decimal, an
 * infinite date or timestamp, a timestamp past 64 bits, an array of several dimensions, invalid UTF-8. */
enum lh_unrepresentable {
  LH_UNREPRESENTABLE_ERROR,
  LH_UNREPRESENTABLE_NULL,
  LH_UNREPRESENTABLE_CLAMP, /* the nearest value that can be held; NULL where none is near */
};

/* How a numeric without precision, or with more than 38 digits, is carried over. */
enum lh_numeric_form {
  LH_NUMERIC_TEXT,
  LH_NUMERIC_DOUBLE,
  LH_NUMERIC_DECIMAL, /* of the policy's precision and scale */
  LH_NUMERIC_PROBE,   /* a decimal that holds what a query for the largest precision and scale finds */
};

enum lh_multidimensional { LH_MULTIDIMENSIONAL_ERROR, LH_MULTIDIMENSIONAL_JSON, LH_MULTIDIMENSIONAL_FLATTEN };

struct lh_column_policy {
  enum lh_unrepresentable on_unrepresentable;
  enum lh_numeric_form numeric;
  int numeric_precision, numeric_scale; /* LH_NUMERIC_DECIMAL */
  enum lh_multidimensional multidimensional;
};

enum lh_names {
  LH_NAMES_AS_IS, /* whatever the source has */
  LH_NAMES_LOWER, /* a-z, 0-9 and _, so that every engine takes them */
  LH_NAMES_KEEP,  /* as the source has them, and none like another but for case */
};

/* Types that a column may be cast to. */
enum lh_cast {
  LH_CAST_NONE,
  LH_CAST_TEXT,
  LH_CAST_JSON,
  LH_CAST_BOOLEAN,
  LH_CAST_SMALLINT,
  LH_CAST_INT,
  LH_CAST_BIGINT,
  LH_CAST_FLOAT,
  LH_CAST_DOUBLE,
  LH_CAST_DECIMAL, /* of the settings' precision and scale */
  LH_CAST_DATE,
  LH_CAST_TIME,
  LH_CAST_TIMESTAMP,
  LH_CAST_TIMESTAMPTZ,
  LH_CAST_UUID,
  LH_CAST_GEOMETRY, /* Parquet's own type instead of plain bytes */
  LH_CAST_GEOGRAPHY,
  LH_CAST_VARIANT, /* json and jsonb alone */
};

/* How a column's values are encoded in Parquet files: by measuring, or as the project says. */
enum lh_encoding {
  LH_ENCODING_AUTO,
  LH_ENCODING_PLAIN,
  LH_ENCODING_DICTIONARY,
  LH_ENCODING_DELTA_BINARY_PACKED,
  LH_ENCODING_DELTA_LENGTH_BYTE_ARRAY,
  LH_ENCODING_DELTA_BYTE_ARRAY,
  LH_ENCODING_BYTE_STREAM_SPLIT,
  LH_ENCODING_RLE,
};
#define LH_ENCODING_COUNT (LH_ENCODING_RLE + 1)

/* "auto", "plain", …, by the numbers above: Parquet's names in lower case. */
const char *const *lh_encoding_words(void);

/* One column of those that a task's rows are sorted by; the first decides first. */
struct lh_sort_key {
  const char *column; /* as the source names it */
  bool is_descending; /* nulls come first, as PostgreSQL has it; last where it is not */
};

/* Whether the column chunks of a column get a bloom filter. */
enum lh_bloom_policy {
  LH_BLOOM_NONE,
  LH_BLOOM_AUTO, /* where the values show that it is of use */
  LH_BLOOM_ALWAYS,
};

/* Who must be able to read the files. */
enum lh_compat {
  LH_COMPAT_ATHENA, /* Athena and Trino, Spark, DuckDB, pyarrow */
  LH_COMPAT_LATEST, /* the newest readers */
};

enum lh_mask { LH_MASK_NONE, LH_MASK_SHA256, LH_MASK_NULL, LH_MASK_REDACT };

/* One column's own settings. */
struct lh_column_settings {
  const char *column; /* as the source names it */
  const char *rename; /* NULL: by the names policy */
  enum lh_cast cast;
  int precision, scale; /* LH_CAST_DECIMAL */
  enum lh_mask mask;
  struct lh_column_policy policy; /* the task's where the column says nothing */
  enum lh_encoding encoding;
  bool has_bloom, bloom; /* the column itself says whether it gets a filter */
  bool has_numeric;      /* the column itself says how its numerics are carried over */
};

#endif
