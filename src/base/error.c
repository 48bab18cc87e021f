/* Filling in errors, and what a status means for the process's exit. */
#include "lakehaul/error.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

#undef lh_error_set
#undef lh_error_memory

/* One line, whole characters: errors travel through logs, JSON and terminals, and quote what servers, whose
 * encoding may be any, and files say. */
static void tidy(char *text, size_t size, bool truncated) {
  if (truncated) {
    text[lh_utf8_truncate(text, size - 1, size - 1)] = '\0';
  }
  lh_str_make_line(text);
}

LH_PRINTF(3, 0) static void format_into(char *out, size_t size, const char *format, va_list args) {
  const int written = vsnprintf(out, size, format, args);
  if (written < 0) {
    out[0] = '\0';
    return;
  }
  tidy(out, size, (size_t)written >= size);
}

lh_status lh_error_set(struct lh_error *err, lh_status code, const char *format, ...) {
  /* Formatted aside first, since the arguments may point into `err`. */
  char message[LH_ERROR_MESSAGE_MAX];
  va_list args;
  va_start(args, format);
  format_into(message, sizeof(message), format, args);
  va_end(args);
  lh_error_clear(err);
  memcpy(err->message, message, sizeof(message));
  err->code = code;
  return code;
}

void lh_error_hint(struct lh_error *err, const char *format, ...) {
  char hint[LH_ERROR_HINT_MAX];
  va_list args;
  va_start(args, format);
  format_into(hint, sizeof(hint), format, args);
  va_end(args);
  memcpy(err->hint, hint, sizeof(hint));
}

lh_status lh_error_prefix(struct lh_error *err, const char *format, ...) {
  char message[LH_ERROR_MESSAGE_MAX];
  va_list args;
  va_start(args, format);
  format_into(message, sizeof(message), format, args);
  va_end(args);
  const size_t used = strlen(message);
  const int written = snprintf(message + used, sizeof(message) - used, ": %s", err->message);
  tidy(message, sizeof(message), written < 0 || (size_t)written >= sizeof(message) - used);
  memcpy(err->message, message, sizeof(message));
  return err->code;
}

lh_status lh_error_memory(struct lh_error *err) {
  return lh_error_set(err, LH_ERROR_MEMORY, "out of memory");
}

void lh_error_clear(struct lh_error *err) {
  memset(err, 0, sizeof(*err));
}

int lh_status_exit_code(lh_status status) {
  switch (status) {
    case LH_OK:
      return 0;
    case LH_ERROR_USAGE:
    case LH_ERROR_PROJECT:
    case LH_ERROR_UNSUPPORTED:
      return 2;
    case LH_ERROR_SOURCE:
      return 3;
    case LH_ERROR_LAKE:
    case LH_ERROR_CATALOG:
      return 4;
    case LH_ERROR_INTERRUPTED:
      return 130;
    default:
      return 1;
  }
}

const char *lh_status_name(lh_status status) {
  static const char *const names[] = {
      [LH_OK] = "ok",
      [LH_ERROR_USAGE] = "usage",
      [LH_ERROR_PROJECT] = "project",
      [LH_ERROR_SOURCE] = "source",
      [LH_ERROR_LAKE] = "lake",
      [LH_ERROR_CATALOG] = "catalog",
      [LH_ERROR_DATA] = "data",
      [LH_ERROR_QUERY] = "query",
      [LH_ERROR_CORRUPT] = "corrupt",
      [LH_ERROR_UNSUPPORTED] = "unsupported",
      [LH_ERROR_MEMORY] = "memory",
      [LH_ERROR_INTERRUPTED] = "interrupted",
      [LH_ERROR_INTERNAL] = "internal",
  };
  const size_t index = (size_t)status;
  return index < sizeof(names) / sizeof(names[0]) ? names[index] : "unknown";
}
