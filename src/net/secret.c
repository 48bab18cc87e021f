/* Secrets in memory. Locking may fail for want of RLIMIT_MEMLOCK; a secret then is as safe as the swap space
 * is, which is no reason to fail. */
#include "net/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Deeper than what libcurl and TLS use. */
#define BURNT_STACK_BYTES ((size_t)128 << 10)

/* In front of every block, in its own pages. */
struct secret_header {
  _Alignas(16) size_t mapped_bytes;
};

void *lh_secret_new(size_t size) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  if (size > SIZE_MAX - sizeof(struct secret_header) - page) {
    return NULL;
  }
  const size_t mapped = (size + sizeof(struct secret_header) + page - 1) / page * page;
  void *const memory = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    return NULL;
  }
  madvise(memory, mapped, MADV_DONTDUMP);
  madvise(memory, mapped, MADV_WIPEONFORK);
  (void)!mlock(memory, mapped);
  struct secret_header *const header = memory;
  header->mapped_bytes = mapped;
  return header + 1;
}

void lh_secret_free(void *block) {
  if (block == NULL) {
    return;
  }
  struct secret_header *const header = (struct secret_header *)block - 1;
  const size_t mapped = header->mapped_bytes;
  OPENSSL_cleanse(header, mapped);
  munmap(header, mapped);
}

lh_status lh_secret_buf_init(struct lh_buf *buf, size_t size, struct lh_error *err) {
  *buf = (struct lh_buf){.data = lh_secret_new(size), .cap = size, .max = size};
  return buf->data != NULL ? LH_OK : lh_error_memory(err);
}

void lh_secret_buf_clear(struct lh_buf *buf) {
  lh_secret_free(buf->data);
  *buf = (struct lh_buf){0};
}

static lh_status read_all(int fd, const char *path, struct lh_buf *buf, lh_status code,
                          struct lh_error *err) {
  while (buf->len < buf->max) {
    const ssize_t got = read(fd, buf->data + buf->len, buf->max - buf->len);
    if (got < 0 && errno != EINTR) {
      return lh_error_set(err, code, "cannot read %s: %s", path, strerror(errno));
    }
    if (got == 0) {
      return LH_OK;
    }
    buf->len += got > 0 ? (size_t)got : 0;
  }
  return lh_error_set(err, code, "%s is larger than %zu bytes", path, buf->max - 1);
}

lh_status lh_secret_read_file(const char *path, struct lh_buf *buf, lh_status code, struct lh_error *err) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return lh_error_set(err, code, "cannot open %s: %s", path, strerror(errno));
  }
  const lh_status status = read_all(fd, path, buf, code, err);
  close(fd);
  return status;
}

void lh_secret_hide(const char *text) {
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  const uintptr_t first = (uintptr_t)text / page * page;
  const uintptr_t end = ((uintptr_t)text + strlen(text) + page) / page * page;
  madvise((void *)first, end - first, MADV_DONTDUMP); /* NOLINT(performance-no-int-to-ptr) */
}

/* The C library copies by vector registers, whose last contents any later call may spill: the same copies of
 * zeros overwrite them. */
static void clear_registers(uint8_t *zeros, size_t size) {
  void *(*volatile const move)(void *, const void *, size_t) = memmove;
  for (size_t copied = 8; copied <= size / 2; copied *= 2) {
    move(zeros + size / 2, zeros, copied);
    move(zeros, zeros + size / 2, copied - 1);
  }
}

__attribute__((noinline)) void lh_secret_burn_stack(void) {
  uint8_t below[BURNT_STACK_BYTES];
  OPENSSL_cleanse(below, sizeof(below));
  clear_registers(below, sizeof(below));
}
