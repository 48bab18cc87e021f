/*
 * Log: structured lines on stderr, as text or JSON. The sink is the process's one global; set it up before
 * threads start.
 *
 * Only the command line and the run layer write log lines; the modules below return errors.
 */
#ifndef LH_BASE_LOG_H
#define LH_BASE_LOG_H

#include "lakehaul/error.h"

enum lh_log_level { LH_LOG_ERROR, LH_LOG_WARN, LH_LOG_INFO, LH_LOG_DEBUG };
enum lh_log_format { LH_LOG_TEXT, LH_LOG_JSON };

/* "error", "warn", "info", "debug"; false for anything else. */
bool lh_log_level_from_name(const char *name, enum lh_log_level *out);
void lh_log_configure(enum lh_log_level level, enum lh_log_format format);
bool lh_log_enabled(enum lh_log_level level);
void lh_log(enum lh_log_level level, const char *format, ...) LH_PRINTF(2, 3);

#endif
