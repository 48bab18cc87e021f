/*
 * The leaves of a partitioned table, in SQL that every server version takes. For this module's files only.
 */
#ifndef LH_POSTGRES_PARTITIONS_H
#define LH_POSTGRES_PARTITIONS_H

/* A SELECT of oid and reltuples of the leaves below the table `c` of the query around it. */
#define LH_PG_PARTITIONS_SQL                                                                   \
  "WITH RECURSIVE below(oid) AS (SELECT i.inhrelid FROM pg_catalog.pg_inherits i "             \
  "WHERE i.inhparent = c.oid UNION ALL SELECT i.inhrelid FROM below "                          \
  "JOIN pg_catalog.pg_inherits i ON i.inhparent = below.oid) SELECT leaf.oid, leaf.reltuples " \
  "FROM below JOIN pg_catalog.pg_class leaf ON leaf.oid = below.oid WHERE leaf.relkind <> 'p'"

#endif
