/*
 * Schema: the names and types of columns, as they travel between stages.
 *
 * A schema is a tree of fields. Names follow Parquet's and Arrow's terms. Schemas are built in an
 * arena, are constant once built, and are borrowed by everything that uses them.
 */
#ifndef LH_COLUMN_SCHEMA_H
#define LH_COLUMN_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "lakehaul/error.h"

enum lh_type {
  LH_TYPE_BOOL,      /* one byte a value, 0 or 1 */
  LH_TYPE_INT8,      /* int32_t in memory */
  LH_TYPE_INT16,     /* int32_t in memory */
  LH_TYPE_INT32,     /* int32_t */
  LH_TYPE_INT64,     /* int64_t */
  LH_TYPE_FLOAT,     /* IEEE 754 single */
  LH_TYPE_DOUBLE,    /* IEEE 754 double */
  LH_TYPE_DECIMAL,   /* unscaled; int32_t to precision 9, int64_t to 18, lh_int128 to 38 */
  LH_TYPE_STRING,    /* UTF-8 */
  LH_TYPE_JSON,      /* UTF-8 that is JSON */
  LH_TYPE_BINARY,    /* bytes */
  LH_TYPE_UUID,      /* 16 bytes, big-endian as written */
  LH_TYPE_DATE,      /* int32_t days since 1970-01-01 */
  LH_TYPE_TIME,      /* int64_t microseconds since midnight */
  LH_TYPE_TIMESTAMP, /* int64_t since 1970-01-01 00:00, in `unit`; `utc`: an instant, else wall clock */
  LH_TYPE_LIST,      /* one child: the element */
  LH_TYPE_STRUCT,    /* one child a member, at least one */
  LH_TYPE_MAP,       /* two children: key (never null), value */
};
#define LH_TYPE_COUNT (LH_TYPE_MAP + 1)

/* BINARY that is a geometry in ISO WKB, of the kinds 1 to 7: how its edges run between their points. */
enum lh_geometry { LH_GEOMETRY_NONE, LH_GEOMETRY_PLANAR, LH_GEOMETRY_SPHERICAL };

enum lh_time_unit { LH_UNIT_MICROS = 0, LH_UNIT_NANOS };

__extension__ typedef __int128 lh_int128;
__extension__ typedef unsigned __int128 lh_uint128;

#define LH_DECIMAL_MAX_PRECISION 38

struct lh_field {
  const char *name;
  enum lh_type type;
  bool nullable;
  int precision; /* LH_TYPE_DECIMAL: 1..38 */
  int scale;     /* LH_TYPE_DECIMAL: 0..precision */
  enum lh_time_unit unit;
  bool utc;
  bool native; /* UUID, TIME: written as Parquet's own type, whatever the writer does with the others */
  enum lh_geometry geometry; /* BINARY: written as Parquet's GEOMETRY or GEOGRAPHY */
  bool is_variant;           /* STRUCT of two BINARYs, written as Parquet's VARIANT; and each of the two */
  const char *source_name;   /* where the source names it otherwise; NULL: the same */
  const char *source_type;   /* the type's name where it came from ("numeric(12,2)"); may be NULL */
  const char *comment;       /* what is said of the column where it came from; may be NULL */
  struct lh_field *children;
  size_t child_count;
};

struct lh_schema {
  struct lh_field *fields;
  size_t field_count;
};

/* A field that rows come sorted by. */
struct lh_sorted_field {
  size_t field; /* among the schema's */
  bool is_descending;
  bool nulls_first;
};

/* Bytes of one value in memory; 0 for STRING, JSON, BINARY and nested types. */
size_t lh_field_width(const struct lh_field *field);
/* STRING, JSON, BINARY. */
bool lh_type_is_variable(enum lh_type type);
/* LIST, STRUCT, MAP. */
bool lh_type_is_nested(enum lh_type type);
/* Number of leaf fields below `field`, itself included. */
size_t lh_field_leaf_count(const struct lh_field *field);
/* Index of the top-level field of that name, or -1. */
ptrdiff_t lh_schema_find(const struct lh_schema *schema, const char *name);

/* The type in SQL-like words: "decimal(12,2)", "timestamp with time zone", "list<string>",
 * "struct<a:int32,b:string>". NULL without memory. */
const char *lh_field_type_name(const struct lh_field *field, struct lh_arena *arena);

/* Makes a VARIANT of the field: the STRUCT and its children, in `arena`. Name and nullability are the
 * caller's.
 */
lh_status lh_field_make_variant(struct lh_field *field, struct lh_arena *arena,
                                struct lh_error *err) LH_WARN_UNUSED;

/* Deep copy into an arena. */
lh_status lh_schema_copy(const struct lh_schema *schema, struct lh_arena *arena, struct lh_schema *out,
                         struct lh_error *err) LH_WARN_UNUSED;

#endif
