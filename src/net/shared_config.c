/* Which section of the shared files is which profile. */
#include "net/shared_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/secret.h"

#define FILE_BYTES_MAX ((size_t)1 << 20)

const char *lh_shared_config_expand_home(const char *path, struct lh_arena *arena) {
  if (path[0] != '~' || (path[1] != '/' && path[1] != '\0')) {
    return path;
  }
  const char *const home = getenv("HOME");
  return home != NULL && home[0] != '\0' ? lh_arena_printf(arena, "%s%s", home, path + 1) : NULL;
}

static const char *path_of(const char *variable, const char *usual, struct lh_arena *arena) {
  const char *const named = getenv(variable);
  return lh_shared_config_expand_home(named != NULL && named[0] != '\0' ? named : usual, arena);
}

/* `*text` stays NULL where there is no such file. */
static lh_status load_file(const struct lh_shared_config *config, const char *path, char **text,
                           struct lh_profile_file *out, struct lh_error *err) {
  if (path == NULL || (access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))) {
    return LH_OK;
  }
  struct lh_buf buf;
  LH_TRY(lh_secret_buf_init(&buf, FILE_BYTES_MAX, err));
  lh_status status = lh_secret_read_file(path, &buf, config->failure, err);
  if (status == LH_OK) {
    status = lh_buf_append_byte(&buf, '\0', err);
  }
  if (status == LH_OK) {
    status =
        lh_profile_file_parse((char *)buf.data, buf.len - 1, path, config->failure, config->arena, out, err);
  }
  if (status != LH_OK) {
    lh_secret_buf_clear(&buf);
    err->error_class = LH_ERROR_CLASS_CREDENTIALS;
    return status;
  }
  *text = (char *)buf.data;
  return LH_OK;
}

lh_status lh_shared_config_load(struct lh_shared_config *config, struct lh_arena *arena, lh_status failure,
                                struct lh_error *err) {
  *config = (struct lh_shared_config){
      .arena = arena,
      .failure = failure,
      .config_path = path_of("AWS_CONFIG_FILE", "~/.aws/config", arena),
      .credentials_path = path_of("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", arena),
  };
  lh_status status = load_file(config, config->config_path, &config->config_text, &config->config, err);
  if (status == LH_OK) {
    status =
        load_file(config, config->credentials_path, &config->credentials_text, &config->credentials, err);
  }
  if (status != LH_OK) {
    lh_shared_config_clear(config);
  }
  return status;
}

void lh_shared_config_clear(struct lh_shared_config *config) {
  lh_secret_free(config->config_text);
  lh_secret_free(config->credentials_text);
  config->config_text = config->credentials_text = NULL;
  config->config = config->credentials = (struct lh_profile_file){0};
}

/* Whether `section` is "<kind> <name>", the name in quotes or not. */
static bool is_section(const char *section, const char *kind, const char *name) {
  const size_t kind_length = strlen(kind);
  if (strncmp(section, kind, kind_length) != 0) {
    return false;
  }
  const char *rest = section + kind_length;
  const size_t blanks = strspn(rest, " \t");
  if (blanks == 0) {
    return false;
  }
  rest += blanks;
  const size_t length = strlen(rest);
  if (length >= 2 && (rest[0] == '"' || rest[0] == '\'') && rest[length - 1] == rest[0]) {
    return strlen(name) == length - 2 && strncmp(rest + 1, name, length - 2) == 0;
  }
  return strcmp(rest, name) == 0;
}

static bool has_kind(const struct lh_profile_file *file, const char *kind, const char *name) {
  for (size_t i = 0; i < file->section_count; i++) {
    if (is_section(file->sections[i], kind, name)) {
      return true;
    }
  }
  return false;
}

static bool has_plain(const struct lh_profile_file *file, const char *name) {
  for (size_t i = 0; i < file->section_count; i++) {
    if (strcmp(file->sections[i], name) == 0) {
      return true;
    }
  }
  return false;
}

/* [default] of the config file; [profile default] goes before it where both stand. */
static bool is_plain_default(const struct lh_shared_config *config, const char *profile) {
  return strcmp(profile, "default") == 0 && !has_kind(&config->config, "profile", "default");
}

bool lh_shared_config_has_profile(const struct lh_shared_config *config, const char *profile) {
  return has_plain(&config->credentials, profile) || has_kind(&config->config, "profile", profile) ||
         (is_plain_default(config, profile) && has_plain(&config->config, profile));
}

/* The last one counts. `kind` NULL: the section's whole text is `section`. */
static const char *find(const struct lh_profile_file *file, const char *kind, const char *section,
                        const char *parent, const char *name) {
  for (size_t i = file->count; i-- > 0;) {
    const struct lh_profile_property *const property = &file->properties[i];
    if (strcmp(property->name, name) != 0 || (property->parent == NULL) != (parent == NULL) ||
        (parent != NULL && strcmp(property->parent, parent) != 0)) {
      continue;
    }
    if (kind != NULL ? is_section(property->section, kind, section)
                     : strcmp(property->section, section) == 0) {
      return property->value[0] != '\0' ? property->value : NULL;
    }
  }
  return NULL;
}

const char *lh_shared_config_get_credential(const struct lh_shared_config *config, const char *profile,
                                            const char *name) {
  return find(&config->credentials, NULL, profile, NULL, name);
}

const char *lh_shared_config_get_config(const struct lh_shared_config *config, const char *profile,
                                        const char *name) {
  const char *const kind = is_plain_default(config, profile) ? NULL : "profile";
  return find(&config->config, kind, profile, NULL, name);
}

const char *lh_shared_config_get(const struct lh_shared_config *config, const char *profile,
                                 const char *name) {
  const char *const value = lh_shared_config_get_credential(config, profile, name);
  return value != NULL ? value : lh_shared_config_get_config(config, profile, name);
}

const char *lh_shared_config_get_of(const struct lh_shared_config *config, const char *kind,
                                    const char *section, const char *parent, const char *name) {
  return find(&config->config, kind, section, parent, name);
}

bool lh_shared_config_has_section(const struct lh_shared_config *config, const char *kind,
                                  const char *section) {
  return has_kind(&config->config, kind, section);
}
