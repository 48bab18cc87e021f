/*
 * The engines elsewhere that a project names, with what it says of them.
 */
#ifndef LH_TASK_ELSEWHERE_H
#define LH_TASK_ELSEWHERE_H

#include "engine/remote.h"
#include "project/project.h"

/* `engine` is not the embedded one; the project outlives what is opened. */
lh_status lh_task_open_elsewhere(const struct lh_project *project, enum lh_engine_kind engine,
                                 const atomic_bool *cancelled, struct lh_remote **out,
                                 struct lh_error *err) LH_WARN_UNUSED;
/* Milliseconds that a statement may take there; 0: any time. */
int64_t lh_task_timeout_elsewhere(const struct lh_project *project, enum lh_engine_kind engine);

#endif
