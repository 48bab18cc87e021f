/*
 * How another program, DuckDB's httpfs, reaches what lies in a store on S3.
 */
#ifndef LH_STORE_S3_ACCESS_H
#define LH_STORE_S3_ACCESS_H

#include "net/credentials.h"
#include "store/store.h"

struct lh_store_s3_access {
  const char *bucket;
  const char *endpoint; /* host, and port where it is not the usual one: "s3.eu-central-1.amazonaws.com" */
  bool uses_tls;
  bool is_path_style;
  const char *region;
  struct lh_aws_credentials credentials; /* of now; the caller wipes them */
  const char *source;                    /* where they come from, for messages; in `arena`, too */
};

bool lh_store_is_s3(const struct lh_store *store);
/* Of a store that is on S3. Texts live as long as the store, but the credentials and their
 * source, which live in `arena`. */
lh_status lh_store_s3_access(struct lh_store *store, struct lh_arena *arena, struct lh_store_s3_access *out,
                             struct lh_error *err) LH_WARN_UNUSED;

#endif
