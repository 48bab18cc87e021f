/*
 * Partitions: rows of a lake table in directories by values that are computed from their columns.
 *
 * The layout is Hive's: one directory a key, `<name>=<value>`, nested in the order of the keys. Characters
 * that Hive escapes in FileUtils.escapePathName (ASCII controls and "#%'*\/:=?{[]^) are percent-encoded, NULL
 * is LH_PARTITION_NULL. Values of hour, day, month and year are those of UTC for instants and of the wall
 * clock for timestamps without a zone, floored, also before 1970: 2026-01-31-14, 2026-01-31, 2026-01, 2026;
 * years outside 0..9999 as ISO 8601 has them, with a sign only where they are negative.
 */
#ifndef LH_COLUMN_PARTITION_H
#define LH_COLUMN_PARTITION_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "column/batch.h"
#include "column/schema.h"
#include "lakehaul/error.h"

#define LH_PARTITION_NULL "__HIVE_DEFAULT_PARTITION__"
#define LH_PARTITION_MAX_KEYS 4
/* Most bytes of one directory's name: what file systems take. */
#define LH_PARTITION_MAX_NAME_BYTES 255

enum lh_partition_transform {
  LH_PARTITION_IDENTITY,
  LH_PARTITION_HOUR,
  LH_PARTITION_DAY,
  LH_PARTITION_MONTH,
  LH_PARTITION_YEAR,
};

struct lh_partition_key {
  const char *name; /* of the directory: "day", or an identity's column */
  enum lh_partition_transform transform;
  const char *column;
};

struct lh_partition_by {
  const struct lh_partition_key *keys;
  size_t count; /* 0: not partitioned; LH_PARTITION_MAX_KEYS at most */
};

/* "identity", "hour", "day", "month", "year" */
const char *lh_partition_transform_name(enum lh_partition_transform transform);

/* "country", "day(created_at)", "day(created_at) as created_day"; into `arena`. LH_ERROR_PROJECT, without a
 * place in the file, for anything else. */
lh_status lh_partition_parse_key(const char *text, struct lh_arena *arena, struct lh_partition_key *out,
                                 struct lh_error *err) LH_WARN_UNUSED;

/* LH_ERROR_DATA where the transform cannot be taken of a column of that type. */
lh_status lh_partition_check_field(const struct lh_partition_key *key, const struct lh_field *field,
                                   struct lh_error *err) LH_WARN_UNUSED;
/* The type that the key's values have for readers, by its name in schema.h; in `arena`. NULL without memory.
 */
const char *lh_partition_type_name(const struct lh_partition_key *key, const struct lh_field *field,
                                   struct lh_arena *arena);

/* Appends the value of a row as text, not escaped; the row's value is not NULL. Texts that readers of the
 * layout cannot tell from NULL (an empty one, LH_PARTITION_NULL itself) are LH_ERROR_DATA. */
lh_status lh_partition_append_value(const struct lh_partition_key *key, const struct lh_column *column,
                                    size_t row, struct lh_buf *out, struct lh_error *err) LH_WARN_UNUSED;

/* Appends `<name>=<value>`, escaped, with a '/' before it unless `out` is empty; `value` NULL is a NULL.
 * LH_ERROR_DATA where it is too long for a directory. */
lh_status lh_partition_append_directory(const char *name, const char *value, struct lh_buf *out,
                                        struct lh_error *err) LH_WARN_UNUSED;

/* The values of a path, unescaped, in `arena`, one a key; NULL for a NULL. A path of one key may be the value
 * alone. LH_ERROR_USAGE where it does not name all keys in their order. */
lh_status lh_partition_parse_path(const struct lh_partition_by *by, const char *path, struct lh_arena *arena,
                                  const char *const **out, struct lh_error *err) LH_WARN_UNUSED;

/* -------- periods -------- */

/* The hours that a value of hour, day, month or year stands for, since 1970-01-01 00:00: from `*first` up to
 * and without `*end`. LH_ERROR_USAGE where the text is not in the form that the directories have. */
lh_status lh_partition_parse_period(enum lh_partition_transform transform, const char *value, int64_t *first,
                                    int64_t *end, struct lh_error *err) LH_WARN_UNUSED;
/* Appends the value of the period that an hour lies in. */
lh_status lh_partition_append_period(enum lh_partition_transform transform, int64_t hour, struct lh_buf *out,
                                     struct lh_error *err) LH_WARN_UNUSED;

/* -------- codes -------- */

/* Values as numbers that are equal where the partitions are. A coder belongs to one key and one thread. */
struct lh_partition_coder {
  enum lh_partition_transform transform;
  const struct lh_field *field;
  struct lh_arena arena; /* texts met so far */
  struct lh_partition_text *texts;
  size_t text_count, text_capacity; /* a power of two, or 0 */
};

void lh_partition_coder_init(struct lh_partition_coder *coder, const struct lh_partition_key *key,
                             const struct lh_field *field);
void lh_partition_coder_clear(struct lh_partition_coder *coder);
/* The code of each of the column's values; of a NULL it is 0, and `null_bit` is set in the row's `nulls`.
 * Nothing is allocated but for texts not met before. */
lh_status lh_partition_encode(struct lh_partition_coder *coder, const struct lh_column *column,
                              int64_t *codes, uint8_t *nulls, uint8_t null_bit,
                              struct lh_error *err) LH_WARN_UNUSED;

#endif
