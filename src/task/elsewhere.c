/* Opens Athena or Trino as the project has them. */
#include "task/elsewhere.h"

lh_status lh_task_open_elsewhere(const struct lh_project *project, enum lh_engine_kind engine,
                                 const atomic_bool *cancelled, struct lh_remote **out, struct lh_error *err) {
  if (engine == LH_ENGINE_TRINO) {
    return lh_remote_open_trino(&project->trino, cancelled, out, err);
  }
  const struct lh_athena_target target = {
      .settings = &project->athena, .aws = &project->aws, .database = project->glue.database};
  return lh_remote_open_athena(&target, cancelled, out, err);
}

int64_t lh_task_timeout_elsewhere(const struct lh_project *project, enum lh_engine_kind engine) {
  return engine == LH_ENGINE_TRINO ? project->trino.timeout_ms : project->athena.timeout_ms;
}
