/* Rows set aside by partition: blocks in memory, extents in one temporary file, and batches made of them
 * again. An extent begins with the place of the list's next one, which is filled in when that is written, so
 * that memory does not grow with the number of extents. */
#include "task/partition/row_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "task/partition/row_code.h"

#define LEAST_BLOCK_BYTES ((size_t)1 << 10)
#define MOST_BLOCK_BYTES ((size_t)64 << 10)
#define READ_BYTES ((size_t)256 << 10)
#define SCRATCH_MAX_BYTES ((size_t)8 << 30)

struct lh_row_block {
  struct lh_row_block *next;
  size_t capacity, used; /* of `data` */
  uint8_t data[];
};

struct extent_header {
  uint64_t next; /* offset + 1; 0: the last */
  uint64_t bytes;
};

struct row_drain {
  struct lh_batch *batch;
  size_t batch_bytes; /* of the rows in it, as stored */
  lh_status (*take)(void *context, const struct lh_batch *batch, struct lh_error *err);
  void *context;
};

void lh_row_store_init(struct lh_row_store *store, uint64_t budget_bytes, const char *directory) {
  *store = (struct lh_row_store){.budget_bytes = budget_bytes, .directory = directory, .fd = -1};
  lh_buf_init(&store->scratch, SCRATCH_MAX_BYTES);
}

void lh_row_store_clear(struct lh_row_store *store) {
  if (store->fd >= 0) {
    close(store->fd);
  }
  lh_buf_clear(&store->scratch);
  store->fd = -1;
}

void lh_row_store_reset(struct lh_row_store *store) {
  if (store->fd >= 0) {
    close(store->fd);
  }
  store->fd = -1;
  store->file_bytes = 0;
}

/* -------- blocks -------- */

static size_t block_size(const struct lh_row_block *block) {
  return sizeof(*block) + block->capacity;
}

static void free_block(struct lh_row_store *store, struct lh_row_list *list, struct lh_row_block *block) {
  store->held_bytes -= block_size(block);
  list->bytes -= block_size(block);
  free(block);
}

static void free_blocks(struct lh_row_store *store, struct lh_row_list *list) {
  while (list->first != NULL) {
    struct lh_row_block *const next = list->first->next;
    free_block(store, list, list->first);
    list->first = next;
  }
  list->last = NULL;
}

void lh_row_list_clear(struct lh_row_store *store, struct lh_row_list *list) {
  free_blocks(store, list);
  *list = (struct lh_row_list){0};
}

/* Blocks double with what the list holds, so that thousands of short lists waste little. */
static lh_status add_block(struct lh_row_store *store, struct lh_row_list *list, size_t least,
                           struct lh_error *err) {
  size_t capacity = LEAST_BLOCK_BYTES - sizeof(struct lh_row_block);
  while (capacity < list->bytes / 2 && capacity < MOST_BLOCK_BYTES) {
    capacity *= 2;
  }
  capacity = capacity < least ? least : capacity;
  struct lh_row_block *const block = malloc(sizeof(*block) + capacity);
  if (block == NULL) {
    return lh_error_memory(err);
  }
  block->next = NULL;
  block->capacity = capacity;
  block->used = 0;
  if (list->last != NULL) {
    list->last->next = block;
  } else {
    list->first = block;
  }
  list->last = block;
  list->bytes += block_size(block);
  store->held_bytes += block_size(block);
  return LH_OK;
}

lh_status lh_row_store_add(struct lh_row_store *store, struct lh_row_list *list, const struct lh_batch *batch,
                           const size_t *columns, size_t column_count, const uint32_t *rows, size_t count,
                           struct lh_error *err) {
  for (size_t i = 0; i < count; i++) {
    size_t size = sizeof(uint32_t);
    for (size_t j = 0; j < column_count; j++) {
      size += lh_row_value_size(&batch->columns[columns[j]], rows[i]);
    }
    if (size > UINT32_MAX) {
      return lh_error_set(err, LH_ERROR_DATA, "a row of more than 4 GB cannot be put into a partition");
    }
    if (list->last == NULL || list->last->capacity - list->last->used < size) {
      LH_TRY(add_block(store, list, size, err));
    }
    uint8_t *to = list->last->data + list->last->used;
    const uint32_t stored = (uint32_t)size;
    memcpy(to, &stored, sizeof(stored));
    to += sizeof(stored);
    for (size_t j = 0; j < column_count; j++) {
      to = lh_row_write_value(&batch->columns[columns[j]], rows[i], to);
    }
    list->last->used += size;
  }
  list->rows += count;
  return LH_OK;
}

/* -------- the temporary file -------- */

static lh_status fail_file(const struct lh_row_store *store, const char *what, int code,
                           struct lh_error *err) {
  lh_error_set(err, LH_ERROR_LAKE, "cannot %s rows of partitions in %s: %s", what, store->directory,
               strerror(code));
  lh_error_hint(err,
                "rows that come in no order wait there for their partition: make room, set TMPDIR, or "
                "give the run more memory");
  return LH_ERROR_LAKE;
}

static lh_status open_file(struct lh_row_store *store, struct lh_error *err) {
  char path[4096];
  if (store->fd >= 0) {
    return LH_OK;
  }
  snprintf(path, sizeof(path), "%s/partitions-XXXXXX", store->directory);
  store->fd = mkostemp(path, O_CLOEXEC);
  if (store->fd < 0) {
    return fail_file(store, "keep", errno, err);
  }
  unlink(path);
  store->file_bytes = 0;
  return LH_OK;
}

static lh_status write_at(const struct lh_row_store *store, const void *bytes, size_t size, uint64_t offset,
                          struct lh_error *err) {
  const uint8_t *from = bytes;
  while (size > 0) {
    const ssize_t written = pwrite(store->fd, from, size, (off_t)offset);
    if (written < 0 && errno != EINTR) {
      return fail_file(store, "keep", errno, err);
    }
    if (written > 0) {
      from += written;
      offset += (uint64_t)written;
      size -= (size_t)written;
    }
  }
  return LH_OK;
}

static lh_status read_at(const struct lh_row_store *store, void *bytes, size_t size, uint64_t offset,
                         struct lh_error *err) {
  uint8_t *to = bytes;
  while (size > 0) {
    const ssize_t got = pread(store->fd, to, size, (off_t)offset);
    if (got == 0 || (got < 0 && errno != EINTR)) {
      return fail_file(store, "read", got == 0 ? EIO : errno, err);
    }
    if (got > 0) {
      to += got;
      offset += (uint64_t)got;
      size -= (size_t)got;
    }
  }
  return LH_OK;
}

lh_status lh_row_store_spill(struct lh_row_store *store, struct lh_row_list *list, struct lh_error *err) {
  struct extent_header header = {0};
  if (list->first == NULL) {
    return LH_OK;
  }
  LH_TRY(open_file(store, err));
  struct lh_buf *const bytes = &store->scratch;
  lh_buf_reset(bytes);
  for (const struct lh_row_block *block = list->first; block != NULL; block = block->next) {
    header.bytes += block->used;
  }
  LH_TRY(lh_buf_append(bytes, &header, sizeof(header), err));
  uint64_t at = store->file_bytes;
  const uint64_t place = at + 1;
  for (const struct lh_row_block *block = list->first; block != NULL; block = block->next) {
    LH_TRY(lh_buf_append(bytes, block->data, block->used, err));
    if (bytes->len >= READ_BYTES || block->next == NULL) {
      LH_TRY(write_at(store, bytes->data, bytes->len, at, err));
      at += bytes->len;
      lh_buf_reset(bytes);
    }
  }
  store->file_bytes = at;
  if (list->disk_last != 0) {
    LH_TRY(write_at(store, &place, sizeof(place), list->disk_last - 1, err));
  } else {
    list->disk_first = place;
  }
  list->disk_last = place;
  free_blocks(store, list);
  return LH_OK;
}

/* -------- giving rows back -------- */

static lh_status hand_over(struct row_drain *drain, struct lh_error *err) {
  if (drain->batch->row_count == 0) {
    return LH_OK;
  }
  LH_TRY(drain->take(drain->context, drain->batch, err));
  lh_batch_reset(drain->batch);
  drain->batch_bytes = 0;
  return LH_OK;
}

/* The whole rows at the front of `bytes`; `*used` is how many bytes those are. */
static lh_status take_rows(struct row_drain *drain, const uint8_t *bytes, size_t size, size_t *used,
                           struct lh_error *err) {
  *used = 0;
  for (;;) {
    uint32_t row_bytes = 0;
    if (size - *used < sizeof(row_bytes)) {
      return LH_OK;
    }
    memcpy(&row_bytes, bytes + *used, sizeof(row_bytes));
    if (size - *used < row_bytes) {
      return LH_OK;
    }
    const uint8_t *from = bytes + *used + sizeof(row_bytes);
    for (size_t i = 0; i < drain->batch->column_count; i++) {
      LH_TRY(lh_row_read_value(&drain->batch->columns[i], &from, err));
    }
    *used += row_bytes;
    drain->batch_bytes += row_bytes;
    drain->batch->row_count++;
    if (drain->batch->row_count == LH_BATCH_ROWS || drain->batch_bytes >= LH_BATCH_BYTES) {
      LH_TRY(hand_over(drain, err));
    }
  }
}

static lh_status drain_extent(struct lh_row_store *store, struct row_drain *drain, uint64_t offset,
                              uint64_t size, struct lh_error *err) {
  struct lh_buf *const bytes = &store->scratch;
  lh_buf_reset(bytes);
  while (size > 0 || bytes->len > 0) {
    const size_t piece = size < READ_BYTES ? (size_t)size : READ_BYTES;
    size_t used = 0;
    LH_TRY(lh_buf_reserve(bytes, piece, err));
    LH_TRY(read_at(store, bytes->data + bytes->len, piece, offset, err));
    bytes->len += piece;
    offset += piece;
    size -= piece;
    LH_TRY(take_rows(drain, bytes->data, bytes->len, &used, err));
    if (used == 0 && size == 0) {
      return lh_error_set(err, LH_ERROR_INTERNAL, "a row that was set aside is cut short");
    }
    memmove(bytes->data, bytes->data + used, bytes->len - used);
    bytes->len -= used;
  }
  return LH_OK;
}

static lh_status drain_disk(struct lh_row_store *store, struct lh_row_list *list, struct row_drain *drain,
                            struct lh_error *err) {
  while (list->disk_first != 0) {
    struct extent_header header;
    const uint64_t offset = list->disk_first - 1;
    LH_TRY(read_at(store, &header, sizeof(header), offset, err));
    LH_TRY(drain_extent(store, drain, offset + sizeof(header), header.bytes, err));
    list->disk_first = header.next;
  }
  list->disk_last = 0;
  return LH_OK;
}

static lh_status drain_blocks(struct lh_row_store *store, struct lh_row_list *list, struct row_drain *drain,
                              struct lh_error *err) {
  while (list->first != NULL) {
    struct lh_row_block *const block = list->first;
    size_t used = 0;
    LH_TRY(take_rows(drain, block->data, block->used, &used, err));
    list->first = block->next;
    free_block(store, list, block);
  }
  list->last = NULL;
  return LH_OK;
}

lh_status lh_row_store_drain(struct lh_row_store *store, struct lh_row_list *list, struct lh_batch *batch,
                             lh_status (*take)(void *context, const struct lh_batch *batch,
                                               struct lh_error *err),
                             void *context, struct lh_error *err) {
  struct row_drain drain = {.batch = batch, .take = take, .context = context};
  lh_batch_reset(batch);
  LH_TRY(drain_disk(store, list, &drain, err));
  LH_TRY(drain_blocks(store, list, &drain, err));
  LH_TRY(hand_over(&drain, err));
  *list = (struct lh_row_list){0};
  return LH_OK;
}
