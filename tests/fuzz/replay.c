/* Runs a fuzz target over the files of its corpus, in place of libFuzzer's main. */
#include <dirent.h>
#include <string.h>

#include "fuzz.h"

#define PATH_BYTES 4096

static void run_file(const char *path) {
  FILE *const file = fopen(path, "rb");
  FUZZ_CHECK(file != NULL);
  FUZZ_CHECK(fseek(file, 0, SEEK_END) == 0);
  const long size = ftell(file);
  FUZZ_CHECK(size >= 0 && fseek(file, 0, SEEK_SET) == 0);
  /* Exactly the size, so that a sanitizer sees any read past it. */
  uint8_t *const bytes = malloc(size > 0 ? (size_t)size : 1);
  FUZZ_CHECK(bytes != NULL && fread(bytes, 1, (size_t)size, file) == (size_t)size);
  fclose(file);
  LLVMFuzzerTestOneInput(bytes, (size_t)size);
  free(bytes);
}

static size_t run_directory(const char *path) {
  DIR *const directory = opendir(path);
  if (directory == NULL) {
    run_file(path);
    return 1;
  }
  size_t count = 0;
  for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
    if (entry->d_name[0] == '.') {
      continue;
    }
    char name[PATH_BYTES];
    snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
    fprintf(stderr, "%s\n", name); /* the last one shown is the one that failed */
    run_file(name);
    count++;
  }
  closedir(directory);
  return count;
}

int main(int argc, char **argv) {
  size_t count = 0;
  for (int i = 1; i < argc; i++) {
    count += run_directory(argv[i]);
  }
  printf("%zu inputs\n", count);
  return count > 0 ? 0 : 1;
}
