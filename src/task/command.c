/* Command tasks: any program makes the table. It gets the files of the tables it reads and a directory to
 * write into; what it has written there is read by the embedded engine and goes through the same writer as
 * everything else. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "catalog/local.h"
#include "task/program.h"
#include "task/task.h"

#define COPY_BYTES ((size_t)1 << 20)
#define MANIFEST_MAX_BYTES ((size_t)256 << 20)
/* The view over what the program wrote. */
#define OUTPUT_TABLE "output"

struct command {
  const struct lh_task_request *request;
  const char *directory; /* of this task alone, in the run's temporary one */
  const char *output;
  const char *manifest;
  const char **environment;
  size_t environment_count;
};

static lh_status cannot(struct lh_error *err, const char *action, const char *path) {
  return lh_error_set(err, LH_ERROR_LAKE, "cannot %s %s: %s", action, path, strerror(errno));
}

/* -------- what the program gets -------- */

/* Below the table's directory, without the version: "day=2026-01-31/part-00000.parquet". */
static const char *input_name(const struct lh_task_input *input, const char *key, struct lh_arena *arena) {
  const char *rest = key + strlen(input->table) + 1;
  char *const name = lh_arena_alloc(arena, strlen(rest) + 1);
  size_t used = 0;
  while (name != NULL && *rest != '\0') {
    const size_t length = strcspn(rest, "/");
    const char *const part = lh_arena_strndup(arena, rest, length);
    if (part == NULL) {
      return NULL;
    }
    if (!lh_catalog_is_version(part)) {
      memcpy(name + used, rest, length);
      used += length;
      name[used++] = '/';
    }
    rest += length + (rest[length] == '/' ? 1 : 0);
  }
  if (name != NULL) {
    name[used > 0 ? used - 1 : 0] = '\0';
  }
  return name;
}

static lh_status copy_bytes(struct lh_source *source, int fd, const char *path, struct lh_error *err) {
  uint8_t *const bytes = malloc(COPY_BYTES);
  if (bytes == NULL) {
    return lh_error_memory(err);
  }
  lh_status status = LH_OK;
  for (uint64_t at = 0; at < source->size_bytes && status == LH_OK; at += COPY_BYTES) {
    const uint64_t left = source->size_bytes - at;
    const size_t size = left < COPY_BYTES ? (size_t)left : COPY_BYTES;
    status = lh_source_read_at(source, at, bytes, size, err);
    if (status == LH_OK) {
      status = lh_fs_write_all(fd, bytes, size, path, LH_ERROR_LAKE, err);
    }
  }
  free(bytes);
  return status;
}

/* What is on S3 is fetched: a program can read a file, whatever it is written in. */
static lh_status copy_object(struct lh_store *store, const char *key, const char *path,
                             struct lh_error *err) {
  struct lh_source *source = NULL;
  LH_TRY(lh_store_open_object(store, key, &source, err));
  const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  lh_status status = fd >= 0 ? copy_bytes(source, fd, path, err) : cannot(err, "write", path);
  if (fd >= 0 && close(fd) != 0 && status == LH_OK) {
    status = cannot(err, "write", path);
  }
  lh_source_free(source);
  return status;
}

static lh_status provide_file(const struct command *command, const char *key, const char *path,
                              struct lh_arena *arena, struct lh_error *err) {
  const char *const place = lh_store_locate(command->request->store, key, arena);
  const char *const parent = lh_path_directory(path, arena);
  if (place == NULL || parent == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(lh_fs_make_directories(parent, LH_ERROR_LAKE, err));
  if (strstr(place, "://") != NULL) {
    return copy_object(command->request->store, key, path, err);
  }
  return symlink(place, path) == 0 ? LH_OK : cannot(err, "link", path);
}

static lh_status provide_table(struct command *command, const struct lh_task_input *input, json_t *inputs,
                               struct lh_arena *arena, struct lh_error *err) {
  const char *const directory = lh_arena_printf(arena, "%s/inputs/%s", command->directory, input->table);
  char *const variable = lh_arena_printf(arena, "LAKEHAUL_INPUT_%s=%s", input->table, directory);
  json_t *const files = json_array();
  if (directory == NULL || variable == NULL ||
      json_object_set_new(inputs, input->table,
                          json_pack("{s:s, s:o}", "directory", directory, "files", files)) != 0) {
    return lh_error_memory(err);
  }
  for (char *c = variable + strlen("LAKEHAUL_INPUT_"); *c != '='; c++) {
    *c = (char)toupper((unsigned char)*c);
  }
  command->environment[command->environment_count++] = variable;
  LH_TRY(lh_fs_make_directories(directory, LH_ERROR_LAKE, err));
  for (size_t i = 0; i < input->key_count; i++) {
    const char *const name = input_name(input, input->keys[i], arena);
    const char *const path = name != NULL ? lh_path_join(directory, name, arena) : NULL;
    if (path == NULL || json_array_append_new(files, json_string(path)) != 0) {
      return lh_error_memory(err);
    }
    LH_TRY(provide_file(command, input->keys[i], path, arena, err));
    LH_TRY(lh_interrupt_check(command->request->interrupt, err));
  }
  return LH_OK;
}

static lh_status refuse_view(const struct lh_task_input *input, struct lh_error *err) {
  lh_error_set(err, LH_ERROR_DATA, "reads %s, which is a view and has no files", input->table);
  lh_error_hint(err, "name the tables that it is made of, or leave out its view: true");
  return LH_ERROR_DATA;
}

static lh_status write_manifest(const struct command *command, json_t *inputs, struct lh_error *err) {
  struct lh_buf text;
  lh_buf_init(&text, MANIFEST_MAX_BYTES);
  json_t *const manifest = json_pack("{s:s, s:s, s:s, s:O}", "task", command->request->spec->name, "version",
                                     command->request->version, "output", command->output, "inputs", inputs);
  lh_status status = lh_json_take_append(manifest, true, &text, err);
  const int fd =
      status == LH_OK ? open(command->manifest, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
  if (status == LH_OK) {
    status = fd >= 0 ? lh_fs_write_all(fd, text.data, text.len, command->manifest, LH_ERROR_LAKE, err)
                     : cannot(err, "write", command->manifest);
  }
  if (fd >= 0) {
    close(fd);
  }
  lh_buf_clear(&text);
  return status;
}

static lh_status provide_inputs(struct command *command, struct lh_arena *arena, struct lh_error *err) {
  const struct lh_task_request *const request = command->request;
  json_t *const inputs = json_object();
  lh_status status = inputs != NULL ? LH_OK : lh_error_memory(err);
  for (size_t i = 0; i < request->input_count && status == LH_OK; i++) {
    status = request->inputs[i].view_sql != NULL
                 ? refuse_view(&request->inputs[i], err)
                 : provide_table(command, &request->inputs[i], inputs, arena, err);
  }
  if (status == LH_OK) {
    status = write_manifest(command, inputs, err);
  }
  json_decref(inputs);
  return status;
}

static lh_status prepare(struct command *command, struct lh_arena *arena, struct lh_error *err) {
  const struct lh_task_request *const request = command->request;
  command->directory = lh_path_join(request->temp_directory, request->spec->name, arena);
  command->environment = LH_ARENA_ARRAY(arena, const char *, request->input_count + 3);
  if (command->directory == NULL || command->environment == NULL) {
    return lh_error_memory(err);
  }
  command->output = lh_path_join(command->directory, "output", arena);
  command->manifest = lh_path_join(command->directory, "manifest.json", arena);
  if (command->output == NULL || command->manifest == NULL) {
    return lh_error_memory(err);
  }
  const char *const own[] = {lh_arena_printf(arena, "LAKEHAUL_TASK=%s", request->spec->name),
                             lh_arena_printf(arena, "LAKEHAUL_OUTPUT=%s", command->output),
                             lh_arena_printf(arena, "LAKEHAUL_MANIFEST=%s", command->manifest)};
  for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
    if (own[i] == NULL) {
      return lh_error_memory(err);
    }
    command->environment[command->environment_count++] = own[i];
  }
  LH_TRY(lh_fs_make_directories(command->output, LH_ERROR_LAKE, err));
  return provide_inputs(command, arena, err);
}

/* -------- what it has written -------- */

static bool is_parquet(const char *name) {
  const size_t length = strlen(name);
  return name[0] != '.' && length > strlen(".parquet") &&
         strcmp(name + length - strlen(".parquet"), ".parquet") == 0;
}

static int compare_paths(const void *left, const void *right) {
  return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static lh_status find_files(const struct command *command, struct lh_arena *arena, const char ***out,
                            size_t *count, struct lh_error *err) {
  struct dirent **entries = NULL;
  const int found = scandir(command->output, &entries, NULL, NULL);
  if (found < 0) {
    return cannot(err, "list", command->output);
  }
  *out = LH_ARENA_ARRAY(arena, const char *, (size_t)found);
  lh_status status = *out != NULL ? LH_OK : lh_error_memory(err);
  for (int i = 0; i < found; i++) {
    if (status == LH_OK && is_parquet(entries[i]->d_name)) {
      (*out)[*count] = lh_path_join(command->output, entries[i]->d_name, arena);
      status = (*out)[(*count)++] != NULL ? LH_OK : lh_error_memory(err);
    }
    free(entries[i]);
  }
  free(entries);
  LH_TRY(status);
  if (*count == 0) {
    lh_error_set(err, LH_ERROR_DATA, "%s has written no file *.parquet into its output directory",
                 command->request->spec->command[0]);
    lh_error_hint(err, "the directory's path is in the environment variable LAKEHAUL_OUTPUT");
    return LH_ERROR_DATA;
  }
  qsort(*out, *count, sizeof(**out), compare_paths);
  return LH_OK;
}

static lh_status take_output(const struct command *command, struct lh_engine *engine, struct lh_arena *arena,
                             struct lh_task_result *out, struct lh_error *err) {
  const struct lh_task_spec *const spec = command->request->spec;
  const char **files = NULL;
  size_t count = 0;
  LH_TRY(find_files(command, arena, &files, &count, err));
  if (lh_engine_add_table(engine, OUTPUT_TABLE, files, count, err) != LH_OK) {
    return lh_error_prefix(err, "what %s has written", spec->command[0]);
  }
  out->source = lh_arena_printf(arena, "command %s", spec->command[0]);
  if (out->source == NULL) {
    return lh_error_memory(err);
  }
  if (lh_task_write_select(command->request, engine, "SELECT * FROM " OUTPUT_TABLE, arena, out, err) !=
      LH_OK) {
    return lh_error_prefix(err, "what %s has written", spec->command[0]);
  }
  return LH_OK;
}

lh_status lh_task_run_command(const struct lh_task_request *request, struct lh_arena *arena,
                              struct lh_task_result *out, struct lh_error *err) {
  struct command command = {.request = request};
  struct lh_engine *engine = NULL;
  lh_observer_started(request->observer, -1);
  LH_TRY(prepare(&command, arena, err));
  const struct lh_program program = {
      .arguments = request->spec->command,
      .argument_count = request->spec->command_count,
      .environment = command.environment,
      .environment_count = command.environment_count,
      .directory = request->project->directory,
      .timeout_ms = request->spec->timeout_ms,
      .memory_bytes = request->spec->memory_bytes,
      .interrupt = request->interrupt,
      .observer = request->observer,
  };
  LH_TRY(lh_program_run(&program, arena, err));
  LH_TRY(lh_task_open_engine(request, &engine, err));
  const lh_status status = take_output(&command, engine, arena, out, err);
  lh_task_close_engine(request, engine);
  if (status == LH_OK) {
    struct lh_error ignored;
    const lh_status removed = lh_fs_remove_tree(command.directory, LH_ERROR_LAKE, &ignored);
    (void)removed; /* the run removes what is left */
  }
  return status;
}
