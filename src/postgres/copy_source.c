/* COPY's messages out of libpq, at the least cost that its interface allows.
 *
 * The server sends 8 KB at a time and would wake us for each. SO_RCVLOWAT leaves us asleep until much more
 * has arrived; libpq's receive buffer is made large enough to take it in one call, by a message that does not
 * fit the first one, since it grows and never shrinks. PQgetlineAsync copies a message into our block, where
 * PQgetCopyData would allocate memory for each.
 *
 * The kernel may hold back less than we asked it to wait for, the end of the COPY above all. So nothing waits
 * without a limit, and after every wait libpq reads what there is. */
#include "postgres/copy_source.h"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#define BLOCK_BYTES ((size_t)32 << 10)
#define BLOCK_MAX_BYTES ((size_t)INT32_MAX)
#define WAKE_BYTES (128 << 10)
/* The first column is for libpq, which doubles 16 KB until it fits: 256 KB. The second is for the server,
 * where a row of hundreds of columns takes a kilobyte for each while it is sent. glibc hands that back to the
 * kernel after every row and asks for it again, which takes several times as long as all else, unless a large
 * piece has been freed before: from then on the process keeps up to twice as much. */
#define ROOM_SQL \
  "SELECT pg_catalog.repeat(' ', 200000), pg_catalog.octet_length(pg_catalog.repeat(' ', 1500000))"
#define FIRST_WAIT_NS 1000000L
#define LONGEST_WAIT_NS 121500000L

lh_status lh_copy_source_prepare(struct lh_pg_connection *connection, struct lh_error *err) {
  PGresult *result = NULL;
  if (connection->has_room) {
    return LH_OK;
  }
  LH_TRY(lh_pg_execute(connection, ROOM_SQL, NULL, 0, PGRES_TUPLES_OK, &result, err));
  PQclear(result);
  connection->has_room = true;
  return LH_OK;
}

/* Best effort: without it there are more calls and more waking up. */
static void wake_at(const struct lh_copy_source *source, int bytes) {
  const int socket = PQsocket(source->connection->pg);
  if (socket >= 0) {
    (void)setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
  }
}

void lh_copy_source_init(struct lh_copy_source *source, struct lh_pg_connection *connection) {
  *source = (struct lh_copy_source){.connection = connection};
  lh_buf_init(&source->block, BLOCK_MAX_BYTES);
  wake_at(source, WAKE_BYTES);
}

/* What libpq has, into the block. The last message may be longer than the block had room for; then the rest
 * of it comes next, and the block ends where a message ends once there is room to spare. */
static lh_status take_messages(struct lh_copy_source *source, struct lh_error *err) {
  struct lh_buf *const block = &source->block;
  LH_TRY(lh_buf_reserve(block, 2 * BLOCK_BYTES, err));
  while (block->len < BLOCK_BYTES) {
    size_t room = block->cap - block->len;
    int size = PQgetlineAsync(source->connection->pg, (char *)block->data + block->len, (int)room);
    while (size > 0 && (size_t)size == room) {
      block->len += room;
      LH_TRY(lh_buf_reserve(block, block->len, err));
      room = block->cap - block->len;
      size = PQgetlineAsync(source->connection->pg, (char *)block->data + block->len, (int)room);
    }
    if (size <= 0) {
      source->is_ended = size < 0;
      return LH_OK;
    }
    block->len += (size_t)size;
  }
  return LH_OK;
}

static void wait_for_bytes(const struct lh_copy_source *source, long wait_ns) {
  struct pollfd readable = {.fd = PQsocket(source->connection->pg), .events = POLLIN};
  const struct timespec limit = {.tv_nsec = wait_ns};
  (void)ppoll(&readable, 1, &limit, NULL);
}

lh_status lh_copy_source_next(struct lh_copy_source *source, const uint8_t **bytes, size_t *size,
                              struct lh_error *err) {
  long wait_ns = FIRST_WAIT_NS;
  bool has_read = false;
  lh_buf_reset(&source->block);
  while (!source->is_ended) {
    LH_TRY(take_messages(source, err));
    if (source->block.len > 0 || source->is_ended) {
      break;
    }
    if (source->is_lost) {
      source->is_ended = true;
      break;
    }
    /* Under TLS there can be bytes that the socket no longer has, so reading comes before waiting. */
    if (has_read) {
      wait_for_bytes(source, wait_ns);
      wait_ns = wait_ns < LONGEST_WAIT_NS ? 2 * wait_ns : wait_ns;
    }
    source->is_lost = PQconsumeInput(source->connection->pg) == 0;
    has_read = true;
  }
  *bytes = source->block.data;
  *size = source->block.len;
  return LH_OK;
}

void lh_copy_source_clear(struct lh_copy_source *source) {
  wake_at(source, 1);
  lh_buf_clear(&source->block);
}
