/* The project file that `lakehaul init` writes. Everything that comes from outside (the project's name, the
 * source, names of tables) is quoted where YAML or the expansion of variables would read it otherwise. */
#include "project/init.h"

#include <ctype.h>
#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "project/task_spec.h"

#define SOURCE_DEFAULT "${DATABASE_URL}"
#define NAME_COLUMN_MAX 32 /* task names are padded to one column up to this width */

static const char head[] =
    "# What lakehaul hauls out of PostgreSQL into the lake, and what it makes of it there.\n"
    "#\n"
    "#   lakehaul check    compares this file with the live database\n"
    "#   lakehaul plan     shows what would run, and in which order\n"
    "#   lakehaul run      runs it\n"
    "\n";

static const char settings[] =
    "lake: ./lake              # the directory that receives the Parquet files\n"
    "\n"
    "# What applies unless said otherwise:\n"
    "# jobs: 2                 # tasks at a time\n"
    "# streams: 2              # database connections per table\n"
    "# memory: 512MB           # ceiling of the whole run\n"
    "# keep: 3                 # versions of a table that lakehaul gc leaves\n"
    "# compression: zstd       # zstd(9) for smaller files; or snappy, gzip, lz4_raw, none\n"
    "\n"
    "# Every task makes one table of the lake, of the task's name. Other tasks to take as patterns:\n"
    "#\n"
    "#   users:         { table: public.users, columns: { exclude: [password_hash], email: { mask: sha256 } "
    "} }\n"
    "#   recent_orders: { query: \"select * from orders where created_at > now() - interval '30 days'\" }\n"
    "#   daily_sales:   { sql: tasks/daily_sales.sql }    # a SELECT over tables of the lake\n"
    "tasks:\n";

static bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* Takes one identifier, quoted or not, off `*text` and appends its form as part of a task's name. */
static lh_status append_identifier(const char **text, struct lh_buf *out, struct lh_error *err) {
  const char *at = *text;
  const bool quoted = *at == '"';
  at += quoted ? 1 : 0;
  for (; *at != '\0'; at++) {
    if (quoted && *at == '"') {
      if (at[1] != '"') {
        at++;
        break;
      }
      at++;
    }
    if (!quoted && *at == '.') {
      break;
    }
    if (((unsigned char)*at & 0xC0) == 0x80) {
      continue; /* one _ per character, not per byte */
    }
    const char lower = (char)tolower((unsigned char)*at);
    LH_TRY(lh_buf_append_byte(out, (uint8_t)(is_name_char(lower) ? lower : '_'), err));
  }
  *text = at;
  return LH_OK;
}

/* A task name from the last `parts` identifiers of a qualified name. */
static lh_status derive_name(const char *table, size_t parts, struct lh_arena *arena, const char **out,
                             struct lh_error *err) {
  struct lh_buf name;
  lh_buf_init(&name, (size_t)4 << 10);
  size_t starts[3] = {0, 0, 0}; /* of the last identifiers, newest first */
  lh_status status = LH_OK;
  const char *at = table;
  while (status == LH_OK && *at != '\0') {
    if (at != table) {
      status = lh_buf_append_byte(&name, '_', err);
      at += *at == '.' ? 1 : 0;
    }
    starts[2] = starts[1];
    starts[1] = starts[0];
    starts[0] = name.len;
    const char *const before = at;
    if (status == LH_OK) {
      status = append_identifier(&at, &name, err);
    }
    if (at == before) {
      break; /* an empty identifier: "a..b", which PostgreSQL does not have */
    }
  }
  if (status == LH_OK) {
    const size_t start = starts[parts - 1];
    const size_t length = name.len - start;
    const size_t kept = length < LH_TASK_NAME_MAX_BYTES - 8 ? length : LH_TASK_NAME_MAX_BYTES - 8;
    const char *const text = kept > 0 ? (const char *)name.data + start : "_";
    const bool digit_first = text[0] >= '0' && text[0] <= '9';
    *out = lh_arena_printf(arena, "%s%.*s", digit_first ? "_" : "", kept > 0 ? (int)kept : 1, text);
    status = *out != NULL ? LH_OK : lh_error_memory(err);
  }
  lh_buf_clear(&name);
  return status;
}

lh_status lh_project_derive_task_names(const char *const *tables, size_t count, struct lh_arena *arena,
                                       const char *const **out, struct lh_error *err) {
  const char **const names = LH_ARENA_ARRAY(arena, const char *, count);
  if (names == NULL) {
    return lh_error_memory(err);
  }
  /* The map's value: the first table of that short name, or `shared` once there are more. */
  static const char shared[] = "shared";
  struct lh_map short_names;
  lh_map_init(&short_names, arena);
  LH_TRY(lh_map_put(&short_names, "_lakehaul", (void *)(uintptr_t)shared, err));
  for (size_t i = 0; i < count; i++) {
    LH_TRY(derive_name(tables[i], 1, arena, &names[i], err));
    const bool taken = lh_map_get(&short_names, names[i]) != NULL;
    const char *const value = taken ? shared : tables[i];
    LH_TRY(lh_map_put(&short_names, names[i], (void *)(uintptr_t)value, err));
  }
  struct lh_map used;
  lh_map_init(&used, arena);
  LH_TRY(lh_map_put(&used, "_lakehaul", (void *)(uintptr_t)shared, err));
  for (size_t i = 0; i < count; i++) {
    if (lh_map_get(&short_names, names[i]) == shared) {
      LH_TRY(derive_name(tables[i], 2, arena, &names[i], err));
    }
    const char *const stem = names[i];
    for (size_t number = 2; lh_map_get(&used, names[i]) != NULL; number++) {
      names[i] = lh_arena_printf(arena, "%s_%zu", stem, number);
      if (names[i] == NULL) {
        return lh_error_memory(err);
      }
    }
    LH_TRY(lh_map_put(&used, names[i], (void *)(uintptr_t)shared, err));
  }
  *out = names;
  return LH_OK;
}

/* The code point at `at`, which is well-formed UTF-8, and its length. */
static uint32_t decode_utf8(const unsigned char *at, size_t *length) {
  if (at[0] < 0x80) {
    *length = 1;
    return at[0];
  }
  *length = at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : 2;
  uint32_t point = at[0] & (0xFFu >> (*length + 1));
  for (size_t i = 1; i < *length; i++) {
    point = point << 6 | (at[i] & 0x3Fu);
  }
  return point;
}

/* Characters that YAML does not take raw, or takes for line breaks. */
static bool needs_escape(uint32_t point) {
  return point < 0x20 || point == 0x7F || (point >= 0x80 && point <= 0xA0) || point == 0x2028 ||
         point == 0x2029 || point == 0xFEFF || point == 0xFFFE || point == 0xFFFF;
}

/* Whether the text means itself as a plain scalar, in flow mappings too. */
static bool is_plain(const char *text) {
  static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
    if (strcasecmp(text, words[i]) == 0) {
      return false;
    }
  }
  if (!isalpha((unsigned char)text[0]) && text[0] != '_') {
    return false;
  }
  for (const char *c = text; *c != '\0'; c++) {
    if (!isalnum((unsigned char)*c) && *c != '_' && *c != '.' && *c != '-') {
      return false;
    }
  }
  return true;
}

/* Appends a value that reads back as `text`; `references` keeps ${VAR} as it is. */
static lh_status append_value(const char *text, bool references, struct lh_buf *out, struct lh_error *err) {
  if (!lh_utf8_valid((const uint8_t *)text, strlen(text))) {
    return lh_error_set(err, LH_ERROR_PROJECT, "cannot write a name that is not UTF-8 into the project file");
  }
  if (is_plain(text)) {
    return lh_buf_append_str(out, text, err);
  }
  LH_TRY(lh_buf_append_byte(out, '"', err));
  size_t length = 0;
  for (const char *at = text; *at != '\0'; at += length) {
    const uint32_t point = decode_utf8((const unsigned char *)at, &length);
    if (point == '"' || point == '\\') {
      LH_TRY(lh_buf_printf(out, err, "\\%c", (int)point));
    } else if (point == '$' && !references) {
      LH_TRY(lh_buf_append_str(out, "$$", err));
    } else if (needs_escape(point)) {
      LH_TRY(lh_buf_printf(out, err, "\\u%04X", (unsigned)point));
    } else {
      LH_TRY(lh_buf_append(out, at, length, err));
    }
  }
  return lh_buf_append_byte(out, '"', err);
}

static lh_status append_tasks(const char *const *tables, const char *const *names, size_t count,
                              struct lh_buf *out, struct lh_error *err) {
  int width = 0;
  for (size_t i = 0; i < count; i++) {
    const int length = (int)strlen(names[i]);
    width = length > width && length <= NAME_COLUMN_MAX ? length : width;
  }
  for (size_t i = 0; i < count; i++) {
    const int padding = width > (int)strlen(names[i]) ? width - (int)strlen(names[i]) : 0;
    LH_TRY(lh_buf_printf(out, err, "  %s:%*s { table: ", names[i], padding, ""));
    LH_TRY(append_value(tables[i], false, out, err));
    LH_TRY(lh_buf_append_str(out, " }\n", err));
  }
  return LH_OK;
}

lh_status lh_project_write_template(const char *project_name, const char *source, const char *const *tables,
                                    const char *const *task_names, size_t count, struct lh_buf *out,
                                    struct lh_error *err) {
  if (count == 0) {
    lh_error_set(err, LH_ERROR_SOURCE, "the database has no tables that this role may read");
    lh_error_hint(err, "check the database's name in the URI, and the role's right to SELECT");
    return LH_ERROR_SOURCE;
  }
  LH_TRY(lh_buf_append_str(out, head, err));
  LH_TRY(lh_buf_append_str(out, "project: ", err));
  LH_TRY(append_value(project_name, false, out, err));
  LH_TRY(lh_buf_append_str(out, "\nsource: ", err));
  if (source == NULL || strcmp(source, SOURCE_DEFAULT) == 0) {
    LH_TRY(
        lh_buf_append_str(out, SOURCE_DEFAULT "   # from the environment: no password in this file\n", err));
  } else {
    LH_TRY(append_value(source, true, out, err));
    LH_TRY(lh_buf_append_str(out, "\n", err));
  }
  LH_TRY(lh_buf_append_str(out, settings, err));
  if (task_names != NULL) {
    return append_tasks(tables, task_names, count, out, err);
  }
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  const char *const *derived = NULL;
  lh_status status = lh_project_derive_task_names(tables, count, &arena, &derived, err);
  if (status == LH_OK && derived != NULL) {
    status = append_tasks(tables, derived, count, out, err);
  }
  lh_arena_clear(&arena);
  return status;
}
