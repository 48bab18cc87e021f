/* What the files of the signer share; nobody else includes it. */
#ifndef LH_NET_SIGV4_IMPL_H
#define LH_NET_SIGV4_IMPL_H

#include "net/sigv4.h"

/* The parts of a URL that are signed; `path` and `query` are not terminated. */
struct lh_sigv4_url {
  const char *host, *path, *query;
  size_t path_size, query_size;
};

/* The host as curl sends it: without a port that is the scheme's own. It lives in `arena`. */
lh_status lh_sigv4_split_url(const char *url, struct lh_arena *arena, struct lh_sigv4_url *out,
                             struct lh_error *err) LH_WARN_UNUSED;
lh_status lh_sigv4_append_path(const struct lh_sigv4_url *url, const struct lh_sigv4_scope *scope,
                               struct lh_arena *arena, struct lh_buf *out,
                               struct lh_error *err) LH_WARN_UNUSED;
/* Parameters are decoded, encoded, and sorted by name and value. */
lh_status lh_sigv4_append_query(const struct lh_sigv4_url *url, struct lh_arena *arena, struct lh_buf *out,
                                struct lh_error *err) LH_WARN_UNUSED;

#endif
