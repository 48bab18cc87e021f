/*
 * Coordinate systems: from the WKT of PostGIS' spatial_ref_sys to PROJJSON.
 *
 * Spec: OGC 01-009 (WKT 1), PROJJSON 0.7.
 */
#ifndef LH_POSTGRES_SRS_H
#define LH_POSTGRES_SRS_H

#include <jansson.h>

/* The caller's; NULL where the text is not a geographic or projected system in WKT 1, or without memory. */
json_t *lh_pg_srs_to_projjson(const char *wkt);

#endif
