/* Log lines on stderr; each line is one write, so that processes do not mix theirs. */
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"

static struct {
  enum lh_log_level level;
  enum lh_log_format format;
} log_sink = {.level = LH_LOG_INFO, .format = LH_LOG_TEXT};

static const char *const level_names[] = {"error", "warn", "info", "debug"};
/* In text, as the commands print them; an information needs no word. */
static const char *const text_labels[] = {"error", "warning", "", "debug"};

bool lh_log_level_from_name(const char *name, enum lh_log_level *out) {
  for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
    if (strcmp(name, level_names[i]) == 0) {
      *out = (enum lh_log_level)i;
      return true;
    }
  }
  return false;
}

void lh_log_configure(enum lh_log_level level, enum lh_log_format format) {
  log_sink.level = level;
  log_sink.format = format;
}

bool lh_log_enabled(enum lh_log_level level) {
  return level <= log_sink.level;
}

static void write_line(const char *line, size_t length) {
  /* A log line that cannot be written has nowhere to be reported. */
  const ssize_t written = write(STDERR_FILENO, line, length);
  (void)written;
}

static void write_json(enum lh_log_level level, const char *message) {
  char now[32];
  json_t *const object = json_pack("{s:s, s:s, s:s}", "time", lh_clock_utc_now(now), "level",
                                   level_names[level], "message", message);
  char *const line = json_dumps(object, JSON_COMPACT);
  json_decref(object);
  if (line == NULL) {
    return;
  }
  dprintf(STDERR_FILENO, "%s\n", line);
  free(line);
}

void lh_log(enum lh_log_level level, const char *format, ...) {
  if (!lh_log_enabled(level)) {
    return;
  }
  char message[4096];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof(message), format, args);
  va_end(args);
  if (log_sink.format == LH_LOG_JSON) {
    write_json(level, message);
    return;
  }
  char line[4200];
  const char *const label = text_labels[level];
  const int length = snprintf(line, sizeof(line), "%s%s%s\n", label, label[0] != '\0' ? ": " : "", message);
  if (length > 0) {
    write_line(line, (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1);
  }
}
