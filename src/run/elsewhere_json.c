/* What an engine elsewhere told of a task, as JSON: in a finished report and in the summary. */
#include <math.h>

#include "run/job.h"

json_t *lh_elsewhere_to_json(const struct lh_task_elsewhere *elsewhere) {
  return json_pack("{s:s, s:s, s:I, s:I, s:f, s:f}", "engine", elsewhere->engine, "query_id",
                   elsewhere->query_id, "bytes_read", (json_int_t)elsewhere->bytes_read, "rows_read",
                   (json_int_t)elsewhere->rows_read, "queued_seconds", (double)elsewhere->queued_ms / 1000.0,
                   "run_seconds", (double)elsewhere->run_ms / 1000.0);
}

static int64_t milliseconds(const json_t *object, const char *key) {
  return llround(json_number_value(json_object_get(object, key)) * 1000.0);
}

lh_status lh_elsewhere_decode(const json_t *object, const char *what, struct lh_arena *arena,
                              struct lh_task_elsewhere **out, struct lh_error *err) {
  struct lh_task_elsewhere *const elsewhere = LH_ARENA_NEW(arena, struct lh_task_elsewhere);
  if (elsewhere == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(lh_json_get_string(object, "engine", what, arena, &elsewhere->engine, err));
  LH_TRY(lh_json_get_string(object, "query_id", what, arena, &elsewhere->query_id, err));
  LH_TRY(lh_json_get_uint(object, "bytes_read", what, &elsewhere->bytes_read, err));
  LH_TRY(lh_json_get_uint(object, "rows_read", what, &elsewhere->rows_read, err));
  elsewhere->queued_ms = milliseconds(object, "queued_seconds");
  elsewhere->run_ms = milliseconds(object, "run_seconds");
  *out = elsewhere;
  return LH_OK;
}
