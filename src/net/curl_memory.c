/* libcurl's memory: malloc's blocks, of which glibc knows the size, wiped before they go back. */
#include "net/curl_memory.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static void wipe_and_free(void *block) {
  if (block != NULL) {
    OPENSSL_cleanse(block, malloc_usable_size(block));
    free(block);
  }
}

/* realloc would leave what it moves. */
static void *wipe_and_realloc(void *block, size_t size) {
  void *const moved = malloc(size);
  if (moved == NULL || block == NULL) {
    return moved;
  }
  const size_t held = malloc_usable_size(block);
  memcpy(moved, block, held < size ? held : size);
  wipe_and_free(block);
  return moved;
}

CURLcode lh_curl_init(void) {
  return curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wipe_and_free, wipe_and_realloc, strdup, calloc);
}
