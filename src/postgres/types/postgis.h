/*
 * PostGIS: what is seen of a column's geometries on the way, and the GeoParquet metadata made of it.
 *
 * Spec: GeoParquet 1.1.0.
 */
#ifndef LH_POSTGRES_POSTGIS_H
#define LH_POSTGRES_POSTGIS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/arena.h"
#include "lakehaul/error.h"
#include "postgres/relation.h"

#define LH_PG_NO_SRID (-1)
#define LH_PG_MIXED_SRIDS (-2)

/* Of one column of the relation itself, since GeoParquet knows no geometries inside of others. Any thread
 * adds. */
struct lh_pg_geometries {
  atomic_uint_least32_t kinds; /* bit 8 × (1 for Z + 2 for M) + kind; kind 0: none of GeoParquet's */
  atomic_int_least64_t srid;   /* LH_PG_NO_SRID before the first; 0: the SRID is unknown */
  bool is_geography;
  bool is_typed; /* written as Parquet's own type, which has kinds 1 to 7 alone */
};

struct lh_pg_geo_metadata {
  const char *value; /* of the file's key "geo"; NULL where no column holds geometries */
  const char **crs;  /* one a column, as lh_parquet_writer_set_crs takes them */
  const char **warnings;
  size_t warning_count;
};

/* Once all rows have been read: in `arena`. Asks the server for coordinate systems. */
lh_status lh_pg_geo_metadata_build(struct lh_pg_connection *connection, const struct lh_pg_relation *relation,
                                   struct lh_arena *arena, struct lh_pg_geo_metadata *out,
                                   struct lh_error *err) LH_WARN_UNUSED;

#endif
