/* GeoParquet metadata: which columns hold geometries, of which kinds and in which coordinate system, from
 * what their decoder has seen. */
#include "postgres/types/postgis.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "postgres/connection_impl.h"
#include "postgres/types/decode.h"
#include "postgres/types/srs.h"

#define VERSION "1.1.0"
#define METADATA_MAX_BYTES ((size_t)16 << 20)
/* Longitude and latitude in WGS 84: what GeoParquet takes where it is told nothing. */
#define WGS_84 4326
/* Kinds that GeoParquet has no geometry for: curves, triangles, surfaces. */
#define UNNAMED_KINDS UINT32_C(0x01010101)

static const char *const kind_names[] = {"Point",           "LineString",   "Polygon",           "MultiPoint",
                                         "MultiLineString", "MultiPolygon", "GeometryCollection"};
#define KIND_COUNT (sizeof(kind_names) / sizeof(kind_names[0]))

/* An empty list says that the kinds are unknown: for geometries with M there are no names. */
static json_t *list_kinds(uint32_t kinds) {
  json_t *const list = json_array();
  const uint32_t named = UINT32_C(0xfe) | UINT32_C(0xfe) << 8;
  if ((kinds & ~named) != 0) {
    return list;
  }
  for (size_t i = 0; i < 2 * KIND_COUNT; i++) {
    const size_t bit = i < KIND_COUNT ? i + 1 : i - KIND_COUNT + 9;
    if ((kinds >> bit & 1) != 0) {
      char name[32];
      snprintf(name, sizeof(name), "%s%s", kind_names[i % KIND_COUNT], i < KIND_COUNT ? "" : " Z");
      json_array_append_new(list, json_string(name));
    }
  }
  return list;
}

/* The table of PostGIS is where its types are. */
static const char srs_sql[] =
    "SELECT pg_catalog.quote_ident(n.nspname) || '.spatial_ref_sys' FROM pg_catalog.pg_type t JOIN "
    "pg_catalog.pg_namespace n ON n.oid = t.typnamespace JOIN pg_catalog.pg_class c ON c.relnamespace = "
    "n.oid "
    "AND c.relname = 'spatial_ref_sys' WHERE t.typname = $1 AND pg_catalog.has_schema_privilege(n.oid, "
    "'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT') LIMIT 1";

/* `*out` NULL where the server does not know the SRID, or the role may not ask. */
static lh_status load_srs(struct lh_pg_connection *connection, int64_t srid, const char *type_name,
                          struct lh_arena *arena, const char **out, struct lh_error *err) {
  struct lh_pg_rows rows;
  char number[24];
  const char *const param = number;
  *out = NULL;
  LH_TRY(lh_pg_query(connection, srs_sql, &type_name, 1, arena, &rows, err));
  if (rows.row_count == 0) {
    return LH_OK;
  }
  const char *const sql =
      lh_arena_printf(arena, "SELECT srtext FROM %s WHERE srid = $1::pg_catalog.int4", rows.values[0]);
  if (sql == NULL) {
    return lh_error_memory(err);
  }
  snprintf(number, sizeof(number), "%" PRId64, srid);
  LH_TRY(lh_pg_query(connection, sql, &param, 1, arena, &rows, err));
  *out = rows.row_count > 0 ? rows.values[0] : NULL;
  return LH_OK;
}

/* What one file's metadata is made of. */
struct builder {
  struct lh_pg_connection *connection;
  const struct lh_pg_relation *relation;
  struct lh_arena *arena;
  struct lh_pg_geo_metadata *out;
  json_t *columns;
  const char *primary;
};

static lh_status warn(struct builder *builder, const char *column, const char *what, int64_t srid,
                      struct lh_error *err) {
  const char *const message =
      srid > 0 ? lh_arena_printf(builder->arena,
                                 "column \"%s\" of %s: the coordinate system of SRID %" PRId64
                                 " %s, so that the lake's readers are told that it is unknown",
                                 column, builder->relation->name, srid, what)
               : lh_arena_printf(builder->arena,
                                 "column \"%s\" of %s %s, so that the lake's readers are told that the "
                                 "coordinate system is unknown",
                                 column, builder->relation->name, what);
  if (message == NULL) {
    return lh_error_memory(err);
  }
  builder->out->warnings[builder->out->warning_count++] = message;
  return LH_OK;
}

/* Parquet's own types take PROJJSON as it is, as DuckDB and pyarrow write it, and are told by srid:0 that the
 * coordinate system is unknown. */
static lh_status set_parquet_crs(struct builder *builder, size_t index, const json_t *crs,
                                 struct lh_error *err) {
  if (crs == NULL) {
    builder->out->crs[index] = "srid:0";
    return LH_OK;
  }
  char *const text = json_dumps(crs, JSON_COMPACT);
  builder->out->crs[index] = text != NULL ? lh_arena_strdup(builder->arena, text) : NULL;
  free(text);
  return builder->out->crs[index] != NULL ? LH_OK : lh_error_memory(err);
}

/* null says that the coordinate system is unknown. */
static lh_status add_crs(struct builder *builder, const struct lh_pg_decoder *decoder, size_t index,
                         json_t *column, struct lh_error *err) {
  const char *const name = builder->relation->schema.fields[index].name;
  const int64_t srid = atomic_load(&decoder->geometries->srid);
  const char *text = NULL;
  json_t *crs = NULL;
  if (srid == WGS_84) {
    return LH_OK;
  }
  if (srid == LH_PG_MIXED_SRIDS) {
    LH_TRY(warn(builder, name, "has geometries of several SRIDs", 0, err));
  } else if (srid > 0) {
    LH_TRY(load_srs(builder->connection, srid, decoder->type_name, builder->arena, &text, err));
    crs = text != NULL ? lh_pg_srs_to_projjson(text) : NULL;
    if (crs == NULL) {
      const char *const what = text != NULL ? "cannot be written as PROJJSON"
                                            : "is not in spatial_ref_sys, or that may not be read";
      LH_TRY(warn(builder, name, what, srid, err));
    }
  }
  const lh_status status = set_parquet_crs(builder, index, crs, err);
  json_object_set_new(column, "crs", crs != NULL ? crs : json_null());
  return status;
}

static lh_status warn_of_kinds(struct builder *builder, const char *column, struct lh_error *err) {
  const char *const message = lh_arena_printf(
      builder->arena,
      "column \"%s\" of %s has curves or surfaces, for which GeoParquet has no kind: it is plain WKB", column,
      builder->relation->name);
  if (message == NULL) {
    return lh_error_memory(err);
  }
  builder->out->warnings[builder->out->warning_count++] = message;
  return LH_OK;
}

static lh_status add_columns(struct builder *builder, struct lh_error *err) {
  const struct lh_pg_relation *const relation = builder->relation;
  for (size_t i = 0; i < relation->column_count; i++) {
    const struct lh_pg_decoder *const decoder = relation->columns[i].decoder;
    if (decoder->geometries == NULL) {
      continue;
    }
    const char *const name = relation->schema.fields[i].name;
    const uint32_t kinds = atomic_load(&decoder->geometries->kinds);
    if ((kinds & UNNAMED_KINDS) != 0) {
      LH_TRY(warn_of_kinds(builder, name, err));
      continue;
    }
    json_t *const column = json_object();
    json_object_set_new(builder->columns, name, column);
    json_object_set_new(column, "encoding", json_string("WKB"));
    json_object_set_new(column, "geometry_types", list_kinds(kinds));
    if (decoder->geometries->is_geography) {
      json_object_set_new(column, "edges", json_string("spherical"));
    }
    LH_TRY(add_crs(builder, decoder, i, column, err));
    builder->primary = builder->primary != NULL ? builder->primary : name;
  }
  return LH_OK;
}

static lh_status serialise(const struct builder *builder, struct lh_error *err) {
  struct lh_buf text;
  lh_buf_init(&text, METADATA_MAX_BYTES);
  json_t *const geo = json_pack("{s:s,s:s,s:O}", "version", VERSION, "primary_column", builder->primary,
                                "columns", builder->columns);
  lh_status status = lh_json_take_append(geo, false, &text, err);
  if (status == LH_OK) {
    builder->out->value = lh_arena_strndup(builder->arena, (const char *)text.data, text.len);
    status = builder->out->value != NULL ? LH_OK : lh_error_memory(err);
  }
  lh_buf_clear(&text);
  return status;
}

lh_status lh_pg_geo_metadata_build(struct lh_pg_connection *connection, const struct lh_pg_relation *relation,
                                   struct lh_arena *arena, struct lh_pg_geo_metadata *out,
                                   struct lh_error *err) {
  struct builder builder = {connection, relation, arena, out, json_object(), NULL};
  *out = (struct lh_pg_geo_metadata){.crs = LH_ARENA_ARRAY(arena, const char *, relation->column_count),
                                     .warnings = LH_ARENA_ARRAY(arena, const char *, relation->column_count)};
  lh_status status =
      builder.columns != NULL && out->crs != NULL && out->warnings != NULL ? LH_OK : lh_error_memory(err);
  if (status == LH_OK) {
    status = add_columns(&builder, err);
  }
  if (status == LH_OK && builder.primary != NULL) {
    status = serialise(&builder, err);
  }
  json_decref(builder.columns);
  return status;
}
