/* Rows to the files of their partitions: which partition a row is of, which file is open, and what is set
 * aside for later. */
#include "task/partition/partition_router.h"

#include <stdlib.h>
#include <string.h>

#include "task/partition/row_store.h"

/* Files and directories of one version that a lake is still of use with. */
#define PARTITIONS_MAX 100000
#define VALUE_MAX_BYTES ((size_t)1 << 20)
#define NO_PARTITION UINT32_MAX
/* The open file gives way to a partition for which so much is waiting, once so many batches had no rows for
 * it. */
#define WAITING_BYTES ((uint64_t)8 << 20)
#define IDLE_BATCHES 16
/* What waits for the open file is written to it past this. */
#define OPEN_WAITING_BYTES ((uint64_t)1 << 20)
#define DRAIN_BATCH_ROWS 1024

struct partition {
  int64_t codes[LH_PARTITION_MAX_KEYS];
  uint64_t hash;
  uint8_t nulls;
  bool left_out;
  const char *path;
  struct lh_row_list waiting;
  uint32_t batch_rows, batch_start; /* of the batch that is being written */
};

struct lh_partition_router {
  const struct lh_partitioning *partitioning;
  struct lh_parts *target;
  struct lh_parts parts; /* finished and not yet listed at the target */
  struct lh_output file; /* of the open partition */
  uint32_t open;         /* or NO_PARTITION */
  uint32_t creating;     /* the partition that the next part is made for */
  uint64_t idle_batches; /* since the open file got rows */
  struct lh_row_store store;
  struct lh_partition_coder coders[LH_PARTITION_MAX_KEYS];
  struct partition *partitions;
  size_t partition_count, partition_capacity;
  uint32_t *slots; /* index + 1; 0: free */
  size_t slot_count;
  struct lh_batch batch;  /* of the files' columns */
  struct lh_column *view; /* the files' columns of a batch that is written as it is */
  struct lh_arena arena;  /* paths */
  struct lh_arena part_arena;
  struct lh_buf value, path;
  size_t row_capacity; /* of the next five */
  int64_t *codes[LH_PARTITION_MAX_KEYS];
  uint8_t *nulls;
  uint32_t *ids;   /* the partition of each row */
  uint32_t *order; /* rows, partition by partition */
  uint32_t *touched;
};

/* -------- its life -------- */

static lh_status create_part(void *context, uint32_t number, struct lh_arena *arena, const char **name,
                             struct lh_sink **out, struct lh_error *err) {
  (void)number;
  const struct lh_partition_router *const router = context;
  const struct lh_partitioning *const partitioning = router->partitioning;
  return partitioning->create(partitioning->context, router->partitions[router->creating].path,
                              lh_parts_next_number(router->target), arena, name, out, err);
}

static lh_status init(struct lh_partition_router *router, const struct lh_output *output,
                      struct lh_error *err) {
  struct lh_parts *const target = output->parts;
  const struct lh_partitioning *const partitioning = target->partitioning;
  const struct lh_partition_plan *const plan = partitioning->plan;
  router->partitioning = partitioning;
  router->target = target;
  router->open = NO_PARTITION;
  lh_arena_init(&router->arena, 0);
  lh_arena_init(&router->part_arena, 0);
  lh_buf_init(&router->value, VALUE_MAX_BYTES);
  lh_buf_init(&router->path, VALUE_MAX_BYTES);
  lh_row_store_init(&router->store, partitioning->memory_bytes, partitioning->temp_directory);
  lh_parts_init(&router->parts, target->schema, target->options, target->part_bytes, create_part, router,
                &router->part_arena);
  lh_output_init(&router->file, &router->parts);
  router->file.before_footer = output->before_footer;
  router->file.context = output->context;
  for (size_t i = 0; i < plan->by.count; i++) {
    lh_partition_coder_init(&router->coders[i], &plan->by.keys[i], &plan->schema->fields[plan->fields[i]]);
  }
  router->view = calloc(plan->file_schema.field_count, sizeof(*router->view));
  if (router->view == NULL) {
    return lh_error_memory(err);
  }
  return lh_batch_init(&router->batch, &plan->file_schema, DRAIN_BATCH_ROWS, err);
}

lh_status lh_partition_router_new(const struct lh_output *output, struct lh_partition_router **out,
                                  struct lh_error *err) {
  struct lh_partition_router *const router = calloc(1, sizeof(*router));
  *out = NULL;
  if (router == NULL) {
    return lh_error_memory(err);
  }
  const lh_status status = init(router, output, err);
  if (status != LH_OK) {
    lh_partition_router_free(router);
    return status;
  }
  *out = router;
  return LH_OK;
}

void lh_partition_router_drop(struct lh_partition_router *router) {
  lh_output_drop_part(&router->file);
  router->open = NO_PARTITION;
  for (size_t i = 0; i < router->partition_count; i++) {
    lh_row_list_clear(&router->store, &router->partitions[i].waiting);
  }
  lh_row_store_reset(&router->store);
  for (size_t i = 0; i < router->parts.finished_count; i++) {
    router->partitioning->remove(router->partitioning->context, router->parts.finished[i].name);
  }
  router->parts.finished_count = 0;
}

void lh_partition_router_free(struct lh_partition_router *router) {
  if (router == NULL) {
    return;
  }
  for (size_t i = 0; i < router->partition_count; i++) {
    lh_row_list_clear(&router->store, &router->partitions[i].waiting);
  }
  lh_output_clear(&router->file);
  lh_parts_clear(&router->parts);
  lh_row_store_clear(&router->store);
  lh_batch_clear(&router->batch);
  for (size_t i = 0; i < LH_PARTITION_MAX_KEYS; i++) {
    lh_partition_coder_clear(&router->coders[i]);
    free(router->codes[i]);
  }
  free(router->partitions);
  free(router->slots);
  free(router->view);
  free(router->nulls);
  free(router->ids);
  free(router->order);
  free(router->touched);
  lh_buf_clear(&router->value);
  lh_buf_clear(&router->path);
  lh_arena_clear(&router->arena);
  lh_arena_clear(&router->part_arena);
  free(router);
}

/* -------- the partition of a row -------- */

static lh_status make_path(struct lh_partition_router *router, const struct lh_batch *batch, size_t row,
                           const char **out, struct lh_error *err) {
  const struct lh_partition_plan *const plan = router->partitioning->plan;
  lh_buf_reset(&router->path);
  for (size_t i = 0; i < plan->by.count; i++) {
    const struct lh_column *const column = &batch->columns[plan->fields[i]];
    const char *value = NULL;
    if (lh_column_is_valid(column, row)) {
      lh_buf_reset(&router->value);
      LH_TRY(lh_partition_append_value(&plan->by.keys[i], column, row, &router->value, err));
      LH_TRY(lh_buf_cstr(&router->value, &value, err));
    }
    LH_TRY(lh_partition_append_directory(plan->by.keys[i].name, value, &router->path, err));
  }
  *out = lh_arena_strndup(&router->arena, (const char *)router->path.data, router->path.len);
  return *out != NULL ? LH_OK : lh_error_memory(err);
}

static lh_status grow_slots(struct lh_partition_router *router, struct lh_error *err) {
  if (router->slot_count > router->partition_count * 2) {
    return LH_OK;
  }
  const size_t count = router->slot_count > 0 ? router->slot_count * 2 : 64;
  uint32_t *const slots = calloc(count, sizeof(*slots));
  if (slots == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < router->partition_count; i++) {
    size_t at = router->partitions[i].hash & (count - 1);
    while (slots[at] != 0) {
      at = (at + 1) & (count - 1);
    }
    slots[at] = (uint32_t)i + 1;
  }
  free(router->slots);
  router->slots = slots;
  router->slot_count = count;
  return LH_OK;
}

static lh_status grow_partitions(struct lh_partition_router *router, struct lh_error *err) {
  if (router->partition_count == PARTITIONS_MAX) {
    lh_error_set(err, LH_ERROR_DATA, "there are more than %d partitions", PARTITIONS_MAX);
    lh_error_hint(err, "partition by something coarser: day instead of hour, month instead of day");
    return LH_ERROR_DATA;
  }
  if (router->partition_count < router->partition_capacity) {
    return LH_OK;
  }
  const size_t capacity = router->partition_capacity > 0 ? router->partition_capacity * 2 : 64;
  struct partition *const grown = realloc(router->partitions, capacity * sizeof(*grown));
  if (grown == NULL) {
    return lh_error_memory(err);
  }
  router->partitions = grown;
  router->partition_capacity = capacity;
  return LH_OK;
}

static uint64_t hash_row(const struct lh_partition_router *router, size_t row) {
  uint64_t hash = router->nulls[row];
  for (size_t i = 0; i < router->partitioning->plan->by.count; i++) {
    hash = (hash ^ (uint64_t)router->codes[i][row]) * UINT64_C(0x9E3779B97F4A7C15);
    hash ^= hash >> 32;
  }
  return hash;
}

static bool is_of(const struct lh_partition_router *router, const struct partition *partition, size_t row) {
  bool same = partition->nulls == router->nulls[row];
  for (size_t i = 0; i < router->partitioning->plan->by.count; i++) {
    same = same && partition->codes[i] == router->codes[i][row];
  }
  return same;
}

static lh_status add_partition(struct lh_partition_router *router, const struct lh_batch *batch, size_t row,
                               uint64_t hash, struct lh_error *err) {
  LH_TRY(grow_partitions(router, err));
  struct partition *const added = &router->partitions[router->partition_count];
  *added = (struct partition){.hash = hash, .nulls = router->nulls[row]};
  for (size_t i = 0; i < router->partitioning->plan->by.count; i++) {
    added->codes[i] = router->codes[i][row];
  }
  LH_TRY(make_path(router, batch, row, &added->path, err));
  const struct lh_map *const only = router->partitioning->only;
  added->left_out = only != NULL && lh_map_get(only, added->path) == NULL;
  router->partition_count++;
  return LH_OK;
}

static lh_status find_partition(struct lh_partition_router *router, const struct lh_batch *batch, size_t row,
                                uint32_t *out, struct lh_error *err) {
  const uint64_t hash = hash_row(router, row);
  LH_TRY(grow_slots(router, err));
  size_t at = hash & (router->slot_count - 1);
  for (; router->slots[at] != 0; at = (at + 1) & (router->slot_count - 1)) {
    const struct partition *const found = &router->partitions[router->slots[at] - 1];
    if (found->hash == hash && is_of(router, found, row)) {
      *out = router->slots[at] - 1;
      return LH_OK;
    }
  }
  LH_TRY(add_partition(router, batch, row, hash, err));
  *out = (uint32_t)router->partition_count - 1;
  router->slots[at] = *out + 1;
  return LH_OK;
}

static lh_status reserve_rows(struct lh_partition_router *router, size_t rows, struct lh_error *err) {
  if (rows <= router->row_capacity) {
    return LH_OK;
  }
  bool fits = true;
  for (size_t i = 0; i < router->partitioning->plan->by.count; i++) {
    free(router->codes[i]);
    router->codes[i] = malloc(rows * sizeof(int64_t));
    fits = fits && router->codes[i] != NULL;
  }
  free(router->nulls);
  free(router->ids);
  free(router->order);
  free(router->touched);
  router->nulls = malloc(rows);
  router->ids = malloc(rows * sizeof(uint32_t));
  router->order = malloc(rows * sizeof(uint32_t));
  router->touched = malloc(rows * sizeof(uint32_t));
  router->row_capacity = rows;
  fits = fits && router->nulls != NULL && router->ids != NULL && router->order != NULL &&
         router->touched != NULL;
  return fits ? LH_OK : lh_error_memory(err);
}

/* Fills `ids`; `*uniform` where all rows are of one partition. */
static lh_status find_partitions(struct lh_partition_router *router, const struct lh_batch *batch,
                                 bool *uniform, struct lh_error *err) {
  const struct lh_partition_plan *const plan = router->partitioning->plan;
  LH_TRY(reserve_rows(router, batch->row_count, err));
  memset(router->nulls, 0, batch->row_count);
  for (size_t i = 0; i < plan->by.count; i++) {
    LH_TRY(lh_partition_encode(&router->coders[i], &batch->columns[plan->fields[i]], router->codes[i],
                               router->nulls, (uint8_t)(1U << i), err));
  }
  *uniform = true;
  for (size_t row = 0; row < batch->row_count; row++) {
    if (row > 0 && is_of(router, &router->partitions[router->ids[row - 1]], row)) {
      router->ids[row] = router->ids[row - 1];
      continue;
    }
    LH_TRY(find_partition(router, batch, row, &router->ids[row], err));
    *uniform = *uniform && row == 0;
  }
  return LH_OK;
}

/* -------- the open file -------- */

static lh_status write_file(void *context, const struct lh_batch *batch, struct lh_error *err) {
  struct lh_partition_router *const router = context;
  LH_TRY(lh_output_write(&router->file, batch, err));
  return lh_output_is_full(&router->file) ? lh_output_finish_part(&router->file, err) : LH_OK;
}

static lh_status write_waiting(struct lh_partition_router *router, uint32_t index, struct lh_error *err) {
  router->creating = index;
  return lh_row_store_drain(&router->store, &router->partitions[index].waiting, &router->batch, write_file,
                            router, err);
}

static lh_status close_file(struct lh_partition_router *router, struct lh_error *err) {
  if (router->open == NO_PARTITION) {
    return LH_OK;
  }
  LH_TRY(write_waiting(router, router->open, err));
  LH_TRY(lh_output_finish_part(&router->file, err));
  router->open = NO_PARTITION;
  return LH_OK;
}

static lh_status open_file(struct lh_partition_router *router, uint32_t index, struct lh_error *err) {
  LH_TRY(close_file(router, err));
  router->open = index;
  router->idle_batches = 0;
  return write_waiting(router, index, err);
}

/* The batch as it is, without the columns that are not in files. */
static lh_status write_whole(struct lh_partition_router *router, const struct lh_batch *batch,
                             struct lh_error *err) {
  const struct lh_partition_plan *const plan = router->partitioning->plan;
  for (size_t i = 0; i < plan->file_schema.field_count; i++) {
    router->view[i] = batch->columns[plan->stored[i]];
  }
  const struct lh_batch view = {.schema = &plan->file_schema,
                                .row_count = batch->row_count,
                                .columns = router->view,
                                .column_count = plan->file_schema.field_count};
  LH_TRY(write_waiting(router, router->open, err));
  return write_file(router, &view, err);
}

/* -------- rows of several partitions -------- */

/* Sorts the batch's rows by partition, in the order in which partitions come up in it. */
static size_t group_rows(struct lh_partition_router *router, size_t row_count) {
  size_t touched = 0;
  for (size_t row = 0; row < row_count; row++) {
    struct partition *const partition = &router->partitions[router->ids[row]];
    if (partition->batch_rows++ == 0) {
      router->touched[touched++] = router->ids[row];
    }
  }
  uint32_t start = 0;
  for (size_t i = 0; i < touched; i++) {
    struct partition *const partition = &router->partitions[router->touched[i]];
    partition->batch_start = start;
    start += partition->batch_rows;
    partition->batch_rows = 0;
  }
  for (size_t row = 0; row < row_count; row++) {
    struct partition *const partition = &router->partitions[router->ids[row]];
    router->order[partition->batch_start + partition->batch_rows++] = (uint32_t)row;
  }
  return touched;
}

static lh_status set_aside(struct lh_partition_router *router, const struct lh_batch *batch,
                           struct lh_error *err) {
  const struct lh_partition_plan *const plan = router->partitioning->plan;
  const size_t touched = group_rows(router, batch->row_count);
  lh_status status = LH_OK;
  for (size_t i = 0; i < touched; i++) {
    struct partition *const partition = &router->partitions[router->touched[i]];
    if (status == LH_OK && !partition->left_out) {
      status = lh_row_store_add(&router->store, &partition->waiting, batch, plan->stored,
                                plan->file_schema.field_count, router->order + partition->batch_start,
                                partition->batch_rows, err);
    }
    if (router->touched[i] == router->open) {
      router->idle_batches = 0;
    }
    partition->batch_rows = 0;
  }
  return status;
}

/* The lists that are at least half as large as the largest, until half of the budget is free. */
static lh_status make_room(struct lh_partition_router *router, struct lh_error *err) {
  struct lh_row_store *const store = &router->store;
  while (store->held_bytes > store->budget_bytes / 2) {
    uint64_t largest = 0;
    for (size_t i = 0; i < router->partition_count; i++) {
      const uint64_t bytes = router->partitions[i].waiting.bytes;
      largest = bytes > largest ? bytes : largest;
    }
    for (size_t i = 0; i < router->partition_count && store->held_bytes > store->budget_bytes / 2; i++) {
      if (router->partitions[i].waiting.bytes * 2 >= largest && largest > 0) {
        LH_TRY(lh_row_store_spill(store, &router->partitions[i].waiting, err));
      }
    }
  }
  return LH_OK;
}

/* A partition for which much is waiting gets the open file when that is idle. */
static lh_status choose_file(struct lh_partition_router *router, size_t touched_last, struct lh_error *err) {
  const struct partition *const last = &router->partitions[touched_last];
  const uint64_t share = router->store.budget_bytes / 4;
  const uint64_t much = share < WAITING_BYTES ? share : WAITING_BYTES;
  const bool is_free = router->open == NO_PARTITION || router->idle_batches >= IDLE_BATCHES;
  if (router->partitioning->at_end_alone || touched_last == router->open || last->left_out || !is_free ||
      last->waiting.bytes < much) {
    return LH_OK;
  }
  return open_file(router, (uint32_t)touched_last, err);
}

lh_status lh_partition_router_write(struct lh_partition_router *router, const struct lh_batch *batch,
                                    struct lh_error *err) {
  bool uniform = false;
  if (batch->row_count == 0) {
    return LH_OK;
  }
  LH_TRY(find_partitions(router, batch, &uniform, err));
  router->idle_batches++;
  /* A whole batch of one partition: the rows come in the order of their partitions. */
  const bool may_open = router->open == NO_PARTITION && !router->partitioning->at_end_alone &&
                        !router->partitions[router->ids[0]].left_out;
  if (uniform && may_open && batch->row_count >= LH_BATCH_ROWS) {
    LH_TRY(open_file(router, router->ids[0], err));
  }
  if (uniform && router->ids[0] == router->open) {
    router->idle_batches = 0;
    return write_whole(router, batch, err);
  }
  LH_TRY(set_aside(router, batch, err));
  LH_TRY(choose_file(router, router->ids[batch->row_count - 1], err));
  if (router->open != NO_PARTITION && router->partitions[router->open].waiting.bytes > OPEN_WAITING_BYTES) {
    LH_TRY(write_waiting(router, router->open, err));
  }
  return lh_row_store_is_full(&router->store) ? make_room(router, err) : LH_OK;
}

/* -------- the end -------- */

lh_status lh_partition_router_finish(struct lh_partition_router *router, struct lh_error *err) {
  LH_TRY(close_file(router, err));
  for (size_t i = 0; i < router->partition_count; i++) {
    if (router->partitions[i].waiting.rows > 0) {
      LH_TRY(write_waiting(router, (uint32_t)i, err));
      LH_TRY(lh_output_finish_part(&router->file, err));
    }
  }
  lh_row_store_reset(&router->store);
  for (size_t i = 0; i < router->parts.finished_count; i++) {
    LH_TRY(lh_parts_add(router->target, router->parts.finished[i].name, router->parts.finished[i].rows, err));
  }
  router->parts.finished_count = 0;
  return LH_OK;
}
