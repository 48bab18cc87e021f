/* The reader of lakehaul.yaml. What it refuses, it refuses with a message of one line. */
#include <string.h>

#include "base/arena.h"
#include "fuzz.h"
#include "project/graph.h"
#include "project/project.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct lh_arena arena;
  struct lh_project *project = NULL;
  struct lh_error err = {0};
  lh_arena_init(&arena, 0);
  const lh_status status =
      lh_project_parse((const char *)data, size, "lakehaul.yaml", &arena, &project, &err);
  if (status == LH_OK) {
    FUZZ_CHECK(project->name != NULL && project->lake != NULL);
  } else {
    FUZZ_CHECK(err.message[0] != '\0' && strchr(err.message, '\n') == NULL);
  }
  lh_arena_clear(&arena);
  return 0;
}
