/* The local catalog: what is current, what there is, and the one step that makes a new version current. */
#include "catalog/local.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "catalog/pointer.h"

lh_status lh_catalog_get(struct lh_store *store, const char *table, struct lh_arena *arena,
                         struct lh_lake_version **out, struct lh_error *err) {
  struct lh_pointer *pointer = NULL;
  *out = NULL;
  LH_TRY(lh_pointer_read(store, table, arena, &pointer, err));
  *out = pointer != NULL ? &pointer->current : NULL;
  return LH_OK;
}

static int compare_names(const void *left, const void *right) {
  return strcmp(*(const char *const *)left, *(const char *const *)right);
}

lh_status lh_catalog_list(struct lh_store *store, struct lh_arena *arena, const char *const **names,
                          size_t *count, struct lh_error *err) {
  struct lh_store_entry *entries = NULL;
  size_t entry_count = 0;
  LH_TRY(lh_store_list(store, LH_CATALOG_TABLES, arena, &entries, &entry_count, err));
  const char **const found = LH_ARENA_ARRAY(arena, const char *, entry_count);
  size_t found_count = 0;
  if (found == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < entry_count; i++) {
    const size_t length = strlen(entries[i].name);
    if (entries[i].is_prefix || length <= 5 || strcmp(entries[i].name + length - 5, ".json") != 0) {
      continue;
    }
    const char *const name = lh_arena_strndup(arena, entries[i].name, length - 5);
    if (name == NULL) {
      return lh_error_memory(err);
    }
    if (lh_catalog_table_valid(name)) {
      found[found_count++] = name;
    }
  }
  /* By file name "a-b.json" comes before "a.json". */
  qsort(found, found_count, sizeof(*found), compare_names);
  *names = found;
  *count = found_count;
  return LH_OK;
}

const char *lh_catalog_new_version(struct lh_arena *arena) {
  struct timespec now;
  struct tm utc;
  uint32_t random_bits = 0;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &utc);
  if (getrandom(&random_bits, sizeof(random_bits), 0) != (ssize_t)sizeof(random_bits)) {
    /* Only a kernel without the call comes here: the process and the clock tell versions apart. */
    random_bits = (uint32_t)getpid() * UINT32_C(2654435761) ^ (uint32_t)lh_clock_ns();
  }
  char seconds[32];
  strftime(seconds, sizeof(seconds), "%Y%m%dT%H%M%S", &utc);
  return lh_arena_printf(arena, "%s.%06ldZ-%08x", seconds, now.tv_nsec / 1000, (unsigned)random_bits);
}

bool lh_catalog_is_version(const char *name) {
  static const char form[] = "ddddddddTdddddd.ddddddZ-xxxxxxxx";
  if (strlen(name) != sizeof(form) - 1) {
    return false;
  }
  for (size_t i = 0; i < sizeof(form) - 1; i++) {
    const char c = name[i];
    const bool digit = c >= '0' && c <= '9';
    const bool hex = digit || (c >= 'a' && c <= 'f');
    const bool fits = form[i] == 'd' ? digit : form[i] == 'x' ? hex : c == form[i];
    if (!fits) {
      return false;
    }
  }
  return true;
}
