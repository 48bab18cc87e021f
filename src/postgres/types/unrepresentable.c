/* The policy for values that the lake cannot hold, asked where a decoder would refuse one. */
#include "postgres/types/decode.h"

bool lh_pg_takes_nearest(const struct lh_pg_decoder *decoder) {
  if (decoder->on_unrepresentable != LH_UNREPRESENTABLE_CLAMP) {
    return false;
  }
  if (decoder->replaced != NULL) {
    atomic_fetch_add_explicit(&decoder->replaced->clamped, 1, memory_order_relaxed);
  }
  return true;
}

bool lh_pg_takes_null(const struct lh_pg_decoder *decoder) {
  if (decoder->on_unrepresentable == LH_UNREPRESENTABLE_ERROR) {
    return false;
  }
  if (decoder->replaced != NULL) {
    atomic_fetch_add_explicit(&decoder->replaced->nulls, 1, memory_order_relaxed);
  }
  return true;
}
