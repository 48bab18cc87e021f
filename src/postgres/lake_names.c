/* Column names that every engine over the lake takes: lower case, plain characters, none twice. */
#include "postgres/lake_names.h"

#include <string.h>

#include "base/map.h"

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* One _ for every other character, not for every byte of it. */
static const char *make_plain(const char *name, struct lh_arena *arena) {
  char *const out = lh_arena_alloc(arena, strlen(name) + 2);
  if (out == NULL) {
    return NULL;
  }
  char *to = out;
  if (*name >= '0' && *name <= '9') {
    *to++ = '_';
  }
  for (; *name != '\0'; name++) {
    const bool continues = ((unsigned char)*name & 0xC0) == 0x80;
    const char c = lower(*name);
    if (!continues) {
      *to++ = is_plain(c) ? c : '_';
    }
  }
  *to = '\0';
  return out;
}

static const char *fold(const char *name, struct lh_arena *arena) {
  char *const out = lh_arena_strdup(arena, name);
  for (char *c = out; out != NULL && *c != '\0'; c++) {
    *c = lower(*c);
  }
  return out;
}

/* What two names must not have in common. */
static const char *key_of(const char *name, enum lh_names names, struct lh_arena *arena) {
  return names == LH_NAMES_AS_IS ? name : fold(name, arena);
}

/* Claims the names that are fixed: given, or already what the policy wants. */
static lh_status claim(struct lh_map *taken, struct lh_field *field, const char *source_name,
                       enum lh_names names, struct lh_arena *arena, struct lh_error *err) {
  const char *const key = key_of(field->name, names, arena);
  if (key == NULL) {
    return lh_error_memory(err);
  }
  const struct lh_field *const other = lh_map_get(taken, key);
  if (other == NULL) {
    return lh_map_put(taken, key, field, err);
  }
  const char *const other_source = other->source_name != NULL ? other->source_name : other->name;
  if (strcmp(other->name, field->name) == 0) {
    lh_error_set(err, LH_ERROR_DATA, "columns \"%s\" and \"%s\" would both be named %s", other_source,
                 source_name, field->name);
  } else {
    lh_error_set(err, LH_ERROR_DATA, "the names of columns \"%s\" and \"%s\" differ in case alone",
                 other->name, field->name);
  }
  lh_error_hint(err, "rename one of them%s", names == LH_NAMES_KEEP ? ", or say names: lower" : "");
  return LH_ERROR_DATA;
}

static lh_status number_name(struct lh_map *taken, struct lh_field *field, struct lh_arena *arena,
                             struct lh_error *err) {
  const char *name = field->name;
  for (size_t number = 2; name != NULL && lh_map_get(taken, name) != NULL; number++) {
    name = lh_arena_printf(arena, "%s_%zu", field->name, number);
  }
  if (name == NULL) {
    return lh_error_memory(err);
  }
  field->name = name;
  return lh_map_put(taken, name, field, err);
}

static lh_status name_members(struct lh_field *field, enum lh_names names, struct lh_arena *arena,
                              struct lh_error *err) {
  if (field->type == LH_TYPE_STRUCT) {
    return lh_pg_name_fields(field->children, field->child_count, NULL, names, arena, err);
  }
  for (size_t i = 0; i < field->child_count; i++) {
    LH_TRY(name_members(&field->children[i], names, arena, err));
  }
  return LH_OK;
}

lh_status lh_pg_name_fields(struct lh_field *fields, size_t count, const char *const *renames,
                            enum lh_names names, struct lh_arena *arena, struct lh_error *err) {
  struct lh_map taken;
  lh_map_init(&taken, arena);
  for (size_t i = 0; i < count; i++) {
    struct lh_field *const field = &fields[i];
    const char *const source_name = field->name;
    const bool given = renames != NULL && renames[i] != NULL;
    field->name = given ? renames[i] : names == LH_NAMES_LOWER ? make_plain(source_name, arena) : source_name;
    if (field->name == NULL) {
      return lh_error_memory(err);
    }
    const bool changed = strcmp(field->name, source_name) != 0;
    field->source_name = changed ? source_name : NULL;
    if (given || !changed) {
      LH_TRY(claim(&taken, field, source_name, names, arena, err));
    }
    LH_TRY(name_members(field, names, arena, err));
  }
  for (size_t i = 0; i < count; i++) {
    const bool given = renames != NULL && renames[i] != NULL;
    if (fields[i].source_name != NULL && !given) {
      LH_TRY(number_name(&taken, &fields[i], arena, err));
    }
  }
  return LH_OK;
}
