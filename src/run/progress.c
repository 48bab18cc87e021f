/* Progress on standard error. Bars are redrawn in place below the lines that stay. */
#include "run/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"

#define BAR_CELLS 24
#define CHANGES_SHOWN 20
#define REDRAW_NS (UINT64_C(100) * 1000 * 1000)
#define PLAIN_NS (UINT64_C(10) * 1000 * 1000 * 1000)
#define CLEAR_LINE "\r\033[2K"
#define LINE_UP "\033[1A"

void lh_progress_init(struct lh_progress *progress, enum lh_progress_style style,
                      const struct lh_task_run *tasks, size_t task_count) {
  *progress = (struct lh_progress){.style = style, .tasks = tasks, .task_count = task_count};
  for (size_t i = 0; i < task_count; i++) {
    const size_t width = strlen(tasks[i].name);
    progress->name_width = width > progress->name_width ? width : progress->name_width;
  }
  progress->last_ns = lh_clock_ns();
}

static void erase(struct lh_progress *progress) {
  for (size_t i = 0; i < progress->drawn_lines; i++) {
    fputs(LINE_UP CLEAR_LINE, stderr);
  }
  progress->drawn_lines = 0;
}

static void draw_bar(const struct lh_progress *progress, const struct lh_task_run *task) {
  char rows[32];
  char bytes[32];
  char seconds[32];
  const double share = task->estimated_rows > 0 ? (double)task->rows / (double)task->estimated_rows : 0;
  const int filled = share >= 1 ? BAR_CELLS : (int)(share * BAR_CELLS);
  fprintf(stderr, "  %-*s ", (int)progress->name_width, task->name);
  for (int i = 0; i < BAR_CELLS; i++) {
    fputs(i < filled ? "█" : "░", stderr);
  }
  if (task->estimated_rows > 0) {
    /* An estimate is not a total: 99 % until it is done. */
    fprintf(stderr, " %3d %%", share >= 1 ? 99 : (int)(share * 100));
  } else {
    fputs("      ", stderr);
  }
  fprintf(stderr, "  %s rows  %s  %s\n", lh_str_format_count(task->rows, rows),
          lh_str_format_bytes(task->bytes, bytes),
          lh_str_format_seconds(lh_clock_seconds_since(task->start_ns), seconds));
}

static void draw(struct lh_progress *progress) {
  for (size_t i = 0; i < progress->task_count; i++) {
    if (progress->tasks[i].state == LH_TASK_RUNNING) {
      draw_bar(progress, &progress->tasks[i]);
      progress->drawn_lines++;
    }
  }
}

static void print_plain(const struct lh_progress *progress) {
  char rows[32];
  char seconds[32];
  for (size_t i = 0; i < progress->task_count; i++) {
    const struct lh_task_run *const task = &progress->tasks[i];
    if (task->state == LH_TASK_RUNNING) {
      fprintf(stderr, "%s: %s rows after %s\n", task->name, lh_str_format_count(task->rows, rows),
              lh_str_format_seconds(lh_clock_seconds_since(task->start_ns), seconds));
    }
  }
}

void lh_progress_tick(struct lh_progress *progress) {
  if (progress->style == LH_PROGRESS_NONE) {
    return;
  }
  const bool bars = progress->style == LH_PROGRESS_BARS;
  const uint64_t now = lh_clock_ns();
  if (now - progress->last_ns < (bars ? REDRAW_NS : PLAIN_NS)) {
    return;
  }
  progress->last_ns = now;
  if (bars) {
    erase(progress);
    draw(progress);
    fflush(stderr);
  } else {
    print_plain(progress);
  }
}

static void print_started(const struct lh_task_run *task) {
  char count[32];
  if (task->estimated_rows >= 0) {
    fprintf(stderr, "%s: started, about %s rows\n", task->name,
            lh_str_format_count((uint64_t)task->estimated_rows, count));
  } else {
    fprintf(stderr, "%s: started\n", task->name);
  }
}

static void print_published(const struct lh_task_run *task) {
  char rows[32];
  char bytes[32];
  char seconds[32];
  if (task->node->task->is_view) {
    fprintf(stderr, "%s: view of %zu column%s\n", task->name, task->published->column_count,
            task->published->column_count == 1 ? "" : "s");
    return;
  }
  fprintf(stderr, "%s: %s rows, %s in %s\n", task->name, lh_str_format_count(task->rows, rows),
          lh_str_format_bytes(task->bytes, bytes), lh_str_format_seconds(task->seconds, seconds));
  if (task->elsewhere != NULL) {
    const struct lh_task_elsewhere *const elsewhere = task->elsewhere;
    char queued[32];
    fprintf(stderr, "%s: %s read %s in %s (%s queued), query %s\n", task->name, elsewhere->engine,
            lh_str_format_bytes(elsewhere->bytes_read, bytes),
            lh_str_format_seconds((double)elsewhere->run_ms / 1000.0, seconds),
            lh_str_format_seconds((double)elsewhere->queued_ms / 1000.0, queued), elsewhere->query_id);
  }
}

void lh_progress_state(struct lh_progress *progress, const struct lh_task_run *task) {
  if (progress->style == LH_PROGRESS_NONE && task->state != LH_TASK_FAILED) {
    return;
  }
  erase(progress);
  switch (task->state) {
    case LH_TASK_RUNNING:
      if (progress->style == LH_PROGRESS_PLAIN) {
        print_started(task);
      }
      break;
    case LH_TASK_PUBLISHED:
      print_published(task);
      break;
    case LH_TASK_FAILED:
      fprintf(stderr, "task %s: %s\n", task->name, task->error.message);
      if (task->error.hint[0] != '\0') {
        fprintf(stderr, "hint: %s\n", task->error.hint);
      }
      break;
    case LH_TASK_SKIPPED:
      fprintf(stderr, "%s: skipped, %s\n", task->name, task->reason);
      break;
    case LH_TASK_INTERRUPTED:
      fprintf(stderr, "%s: interrupted\n", task->name);
      break;
    case LH_TASK_PENDING:
      break;
  }
  if (progress->style == LH_PROGRESS_BARS) {
    draw(progress);
  }
}

/* Names and comments of the source may hold anything. */
static void print_message(const char *before, const struct lh_task_run *task, const char *message) {
  char *const line = strdup(message);
  if (line != NULL) {
    lh_str_make_line(line);
    fprintf(stderr, "%s%s: %s\n", before, task->name, line);
  }
  free(line);
}

void lh_progress_warning(struct lh_progress *progress, const struct lh_task_run *task, const char *message) {
  erase(progress);
  print_message("warning: task ", task, message);
  if (progress->style == LH_PROGRESS_BARS) {
    draw(progress);
  }
}

void lh_progress_log(struct lh_progress *progress, const struct lh_task_run *task, const char *line) {
  if (progress->style == LH_PROGRESS_NONE) {
    return;
  }
  erase(progress);
  print_message("", task, line);
  if (progress->style == LH_PROGRESS_BARS) {
    draw(progress);
  }
}

/* A table whose columns are others altogether would fill the screen. */
static void print_more(const struct lh_task_run *task, size_t more) {
  char text[96];
  snprintf(text, sizeof(text), "%zu more changes of columns; run --json lists them all", more);
  print_message("warning: task ", task, text);
}

void lh_progress_changes(struct lh_progress *progress, const struct lh_task_run *task) {
  size_t printed = 0;
  erase(progress);
  for (size_t i = 0; i < task->change_count && printed < CHANGES_SHOWN; i++) {
    if (lh_schema_change_breaks(task->changes[i].kind)) {
      print_message("warning: task ", task, task->changes[i].text);
      printed++;
    } else if (progress->style != LH_PROGRESS_NONE) {
      print_message("", task, task->changes[i].text);
      printed++;
    }
  }
  if (printed == CHANGES_SHOWN && task->change_count > CHANGES_SHOWN) {
    print_more(task, task->change_count - printed);
  }
  if (progress->style == LH_PROGRESS_BARS) {
    draw(progress);
  }
}

void lh_progress_end(struct lh_progress *progress) {
  erase(progress);
  fflush(stderr);
}
