/* Names of the files of a version, in both layouts. */
#include <inttypes.h>
#include <string.h>

#include "catalog/local.h"

#define FLAT_PREFIX "part-"
#define SUFFIX ".parquet"

const char *lh_catalog_part_key(const struct lh_catalog_part *part, struct lh_arena *arena) {
  const char *const path = part->path != NULL ? part->path : "";
  const char *const slash = path[0] != '\0' ? "/" : "";
  return lh_arena_printf(arena, "%s/%s%s%s%s%s%05" PRIu32 SUFFIX, part->table, path, slash,
                         part->is_flat ? FLAT_PREFIX : "", part->version,
                         part->is_flat ? "-" : "/" FLAT_PREFIX, part->number);
}

bool lh_catalog_flat_version(const char *name, char version[LH_CATALOG_VERSION_SIZE]) {
  const size_t length = LH_CATALOG_VERSION_SIZE - 1;
  if (strncmp(name, FLAT_PREFIX, strlen(FLAT_PREFIX)) != 0 ||
      strlen(name) < strlen(FLAT_PREFIX) + length + 1) {
    return false;
  }
  memcpy(version, name + strlen(FLAT_PREFIX), length);
  version[length] = '\0';
  const char *const rest = name + strlen(FLAT_PREFIX) + length;
  const size_t digits = strspn(rest + 1, "0123456789");
  return lh_catalog_is_version(version) && rest[0] == '-' && digits >= 5 &&
         strcmp(rest + 1 + digits, SUFFIX) == 0;
}

size_t lh_catalog_part_directory(const char *key, const char *version) {
  const char *const slash = strrchr(key, '/');
  const size_t length = slash != NULL ? (size_t)(slash - key) : 0;
  const size_t version_length = strlen(version);
  const bool is_nested = length > version_length && key[length - version_length - 1] == '/' &&
                         strncmp(key + length - version_length, version, version_length) == 0;
  return is_nested ? length - version_length - 1 : length;
}
