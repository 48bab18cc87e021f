/*
 * Server versions: what PostgreSQL 11 to 18 differ in, as far as this program asks or reads differently.
 *
 * Every statement is written so that all of these versions take it, unless a function here says otherwise.
 * Versions are PQserverVersion's: 150004 is 15.4.
 *
 * Differences that need no question, since one way serves all versions:
 *   12  pg_partition_tree(): partitions are found in pg_inherits, which 11 has too
 *   12  stored generated columns, 18 virtual ones: COPY (SELECT …) yields both like other columns
 *   14  infinities of numeric, 15 negative scales and scales beyond the precision, 17 infinite intervals: the
 *       values and type modifiers say so themselves, and older servers have none
 *   14  pg_range.rngmultitypid: read as JSON, in which a missing column is NULL
 *   18  NOT NULL constraints that are not validated: they are rows of pg_constraint of a kind that older
 *       servers have none of
 */
#ifndef LH_POSTGRES_SERVER_VERSION_H
#define LH_POSTGRES_SERVER_VERSION_H

#include <stdbool.h>

/* Older servers are refused: partitions, SHA-2 functions and snapshots of standbys are not as they are here.
 */
#define LH_PG_OLDEST_VERSION 110000
#define LH_PG_OLDEST_NAME "11"

/* The first version that nobody has tried; it is read like the newest known one. */
#define LH_PG_UNKNOWN_VERSION 190000

static inline bool lh_pg_is_too_old(int version) {
  return version < LH_PG_OLDEST_VERSION;
}

static inline bool lh_pg_is_unknown(int version) {
  return version >= LH_PG_UNKNOWN_VERSION;
}

/* 12: pg_partition_root(), which knows partitions that are younger than the snapshot. */
static inline bool lh_pg_has_partition_root(int version) {
  return version >= 120000;
}

/* 14: multirange types, and pg_range.rngmultitypid that names them. */
static inline bool lh_pg_has_multiranges(int version) {
  return version >= 140000;
}

/* 14: conditions on ctid with < and > read only those pages; before, each reads the whole table. */
static inline bool lh_pg_has_tid_range_scans(int version) {
  return version >= 140000;
}

/* 17: transaction_timeout, which would end the transaction that holds the snapshot. */
static inline bool lh_pg_has_transaction_timeout(int version) {
  return version >= 170000;
}

#endif
