/* Arena, growable buffer and map: alignment, reuse, limits and growth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"

static void every_allocation_is_aligned_and_apart_from_the_others(void **state) {
  (void)state;
  struct lh_arena arena;
  uint8_t *blocks[200];
  lh_arena_init(&arena, 256);
  for (size_t i = 0; i < 200; i++) {
    blocks[i] = lh_arena_alloc(&arena, i);
    assert_non_null(blocks[i]);
    assert_int_equal((uintptr_t)blocks[i] % 16, 0);
    memset(blocks[i], (int)i, i);
  }
  for (size_t i = 0; i < 200; i++) {
    for (size_t j = 0; j < i; j++) {
      assert_int_equal(blocks[i][j], i);
    }
  }
  assert_int_equal(arena.used_bytes, 199 * 200 / 2);
  lh_arena_clear(&arena);
}

static void reset_reuses_the_newest_block(void **state) {
  (void)state;
  struct lh_arena arena;
  lh_arena_init(&arena, 1024);
  assert_non_null(lh_arena_alloc(&arena, 1000));
  void *const newest = lh_arena_alloc(&arena, 1000);
  lh_arena_reset(&arena);
  assert_int_equal(arena.used_bytes, 0);
  assert_ptr_equal(lh_arena_alloc(&arena, 10), newest);
  assert_int_equal(arena.used_bytes, 10);
  lh_arena_clear(&arena);
  assert_null(arena.blocks);
  lh_arena_reset(&arena);
  assert_non_null(lh_arena_alloc(&arena, 5));
  lh_arena_clear(&arena);
}

static void calloc_zeroes_reused_memory(void **state) {
  (void)state;
  static const char zeroes[512];
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  memset(lh_arena_alloc(&arena, 512), 0xAA, 512);
  lh_arena_reset(&arena);
  assert_memory_equal(lh_arena_calloc(&arena, 64, 8), zeroes, 512);
  lh_arena_clear(&arena);
}

static void sizes_that_overflow_are_refused(void **state) {
  (void)state;
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  assert_null(lh_arena_calloc(&arena, SIZE_MAX / 2, 3));
  assert_null(lh_arena_alloc(&arena, SIZE_MAX));
  assert_null(lh_arena_alloc(&arena, SIZE_MAX - 20));
  assert_null(lh_arena_strndup(&arena, "x", SIZE_MAX));
  assert_int_equal(arena.used_bytes, 0);
  lh_arena_clear(&arena);
}

static void arena_strings_are_copies(void **state) {
  (void)state;
  struct lh_arena arena;
  char text[] = "orders";
  lh_arena_init(&arena, 0);
  const char *const copy = lh_arena_strdup(&arena, text);
  const char *const part = lh_arena_strndup(&arena, text, 3);
  const char *const nothing = lh_arena_strndup(&arena, NULL, 0);
  text[0] = 'X';
  assert_string_equal(copy, "orders");
  assert_string_equal(part, "ord");
  assert_string_equal(nothing, "");
  char *const long_text = lh_arena_printf(&arena, "%0*d|%s", 50000, 7, "end");
  assert_int_equal(strlen(long_text), 50004);
  assert_string_equal(long_text + 49999, "7|end");
  lh_arena_clear(&arena);
}

static void a_buffer_holds_its_maximum_and_not_a_byte_more(void **state) {
  (void)state;
  static const uint8_t bytes[100];
  struct lh_buf buf;
  struct lh_error err = {0};
  lh_buf_init(&buf, 100);
  assert_int_equal(lh_buf_append(&buf, bytes, 99, &err), LH_OK);
  assert_int_equal(lh_buf_append(&buf, bytes, 2, &err), LH_ERROR_MEMORY);
  assert_non_null(strstr(err.message, "100 bytes"));
  assert_int_equal(buf.len, 99);
  assert_int_equal(lh_buf_append_byte(&buf, 7, &err), LH_OK);
  assert_int_equal(buf.len, 100);
  assert_true(buf.cap <= 100);
  assert_int_equal(lh_buf_append_byte(&buf, 7, &err), LH_ERROR_MEMORY);
  assert_int_equal(lh_buf_reserve(&buf, SIZE_MAX, &err), LH_ERROR_MEMORY);
  assert_int_equal(lh_buf_append(&buf, NULL, 0, &err), LH_OK);
  lh_buf_clear(&buf);
}

static void a_buffer_keeps_its_bytes_while_it_grows_and_its_capacity_on_reset(void **state) {
  (void)state;
  struct lh_buf buf;
  struct lh_error err;
  lh_buf_init(&buf, 1 << 20);
  for (unsigned i = 0; i < 100000; i++) {
    assert_int_equal(lh_buf_append_byte(&buf, (uint8_t)(i * 31), &err), LH_OK);
  }
  for (unsigned i = 0; i < 100000; i++) {
    assert_int_equal(buf.data[i], (uint8_t)(i * 31));
  }
  const size_t cap = buf.cap;
  const uint8_t *const data = buf.data;
  lh_buf_reset(&buf);
  assert_int_equal(lh_buf_reserve(&buf, 100000, &err), LH_OK);
  assert_int_equal(buf.cap, cap);
  assert_ptr_equal(buf.data, data);
  lh_buf_clear(&buf);
  assert_null(buf.data);
}

static void a_buffer_of_known_size_gets_just_that(void **state) {
  (void)state;
  struct lh_error err;
  struct lh_buf buf;
  lh_buf_init(&buf, 1000);
  assert_int_equal(lh_buf_append(&buf, "abc", 3, &err), LH_OK);
  assert_int_equal(lh_buf_reserve_exact(&buf, 700, &err), LH_OK);
  assert_int_equal(buf.cap, 703);
  assert_memory_equal(buf.data, "abc", 3);
  assert_int_equal(lh_buf_reserve_exact(&buf, 10, &err), LH_OK);
  assert_int_equal(buf.cap, 703);
  assert_int_equal(lh_buf_reserve_exact(&buf, 998, &err), LH_ERROR_MEMORY);
  assert_int_equal(lh_buf_reserve_exact(&buf, 997, &err), LH_OK);
  assert_int_equal(buf.cap, 1000);
  lh_buf_clear(&buf);
}

static void text_is_appended_formatted_and_ended(void **state) {
  (void)state;
  struct lh_buf buf;
  struct lh_error err;
  const char *text = NULL;
  lh_buf_init(&buf, 4096);
  assert_int_equal(lh_buf_append_str(&buf, "rows: ", &err), LH_OK);
  assert_int_equal(lh_buf_printf(&buf, &err, "%d of %s", 12, "orders"), LH_OK);
  assert_int_equal(lh_buf_cstr(&buf, &text, &err), LH_OK);
  assert_string_equal(text, "rows: 12 of orders");
  assert_int_equal(buf.len, strlen(text));
  assert_int_equal(lh_buf_printf(&buf, &err, "%5000d", 1), LH_ERROR_MEMORY);
  assert_int_equal(buf.len, strlen("rows: 12 of orders"));
  lh_buf_clear(&buf);
}

static void a_map_finds_every_key_while_it_grows(void **state) {
  (void)state;
  struct lh_arena arena;
  struct lh_map map;
  struct lh_error err;
  lh_arena_init(&arena, 0);
  lh_map_init(&map, &arena);
  int *const values = LH_ARENA_ARRAY(&arena, int, 5000);
  assert_null(lh_map_get(&map, "anything"));
  for (int i = 0; i < 5000; i++) {
    values[i] = i;
    assert_int_equal(lh_map_put(&map, lh_arena_printf(&arena, "table_%d", i), &values[i], &err), LH_OK);
    assert_int_equal(map.count, i + 1);
    assert_true(map.count < map.capacity);
  }
  for (int i = 0; i < 5000; i++) {
    const int *const found = lh_map_get(&map, lh_arena_printf(&arena, "table_%d", i));
    assert_ptr_equal(found, &values[i]);
  }
  assert_null(lh_map_get(&map, "table_5000"));
  assert_null(lh_map_get(&map, ""));
  lh_arena_clear(&arena);
}

static void putting_a_key_again_replaces_its_value(void **state) {
  (void)state;
  struct lh_arena arena;
  struct lh_map map;
  struct lh_error err;
  int first = 1;
  int second = 2;
  char same_key[] = "a";
  lh_arena_init(&arena, 0);
  lh_map_init(&map, &arena);
  assert_int_equal(lh_map_put(&map, "a", &first, &err), LH_OK);
  assert_int_equal(lh_map_put(&map, "", &first, &err), LH_OK);
  assert_int_equal(lh_map_put(&map, same_key, &second, &err), LH_OK);
  assert_int_equal(map.count, 2);
  assert_ptr_equal(lh_map_get(&map, "a"), &second);
  assert_ptr_equal(lh_map_get(&map, ""), &first);
  lh_arena_clear(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_allocation_is_aligned_and_apart_from_the_others),
      cmocka_unit_test(reset_reuses_the_newest_block),
      cmocka_unit_test(calloc_zeroes_reused_memory),
      cmocka_unit_test(sizes_that_overflow_are_refused),
      cmocka_unit_test(arena_strings_are_copies),
      cmocka_unit_test(a_buffer_holds_its_maximum_and_not_a_byte_more),
      cmocka_unit_test(a_buffer_keeps_its_bytes_while_it_grows_and_its_capacity_on_reset),
      cmocka_unit_test(a_buffer_of_known_size_gets_just_that),
      cmocka_unit_test(text_is_appended_formatted_and_ended),
      cmocka_unit_test(a_map_finds_every_key_while_it_grows),
      cmocka_unit_test(putting_a_key_again_replaces_its_value),
  };
  return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
