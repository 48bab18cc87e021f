/* Shredding: levels and values of nulls, empty lists, structs and maps, as the specification has them. */
#include "parquet/levels.h"

#include "parquet/writer.h"
#include "support.h"

/* A batch of one column and its leaves. */
struct fixture {
  struct lh_schema schema;
  struct lh_batch batch;
  struct lh_arena arena;
  struct lh_leaf *leaves;
  size_t leaf_count;
  struct lh_shredder shredder;
  struct lh_shredded shredded;
};

static struct lh_column *open_fixture(struct fixture *fixture, struct lh_field *field) {
  struct lh_error err;
  struct lh_parquet_writer_options options;
  lh_parquet_writer_options_default(&options);
  *fixture = (struct fixture){.schema = {field, 1}};
  lh_arena_init(&fixture->arena, 0);
  lh_shredder_init(&fixture->shredder);
  assert_ok(lh_batch_init(&fixture->batch, &fixture->schema, 16, &err));
  assert_ok(lh_leaves_from_schema(&fixture->schema, &options, &fixture->arena, &fixture->leaves,
                                  &fixture->leaf_count, &err));
  return &fixture->batch.columns[0];
}

static void close_fixture(struct fixture *fixture) {
  lh_batch_clear(&fixture->batch);
  lh_arena_clear(&fixture->arena);
  lh_shredder_clear(&fixture->shredder);
}

static void shred(struct fixture *fixture, size_t leaf, size_t begin, size_t count) {
  struct lh_error err;
  assert_ok(lh_shred(&fixture->shredder, &fixture->leaves[leaf], fixture->batch.columns, begin, count,
                     &fixture->shredded, &err));
}

/* Levels as strings of digits; NULL where none are to be given. */
static void assert_levels(const struct fixture *fixture, const char *repetition, const char *definition) {
  const struct lh_shredded *const shredded = &fixture->shredded;
  const char *const texts[] = {repetition, definition};
  const uint8_t *const levels[] = {shredded->repetition, shredded->definition};
  for (size_t i = 0; i < 2; i++) {
    if (texts[i] == NULL) {
      assert_null(levels[i]);
      continue;
    }
    assert_non_null(levels[i]);
    assert_int_equal(shredded->entries, strlen(texts[i]));
    for (size_t j = 0; j < shredded->entries; j++) {
      if (levels[i][j] != texts[i][j] - '0') {
        fail_msg("%s level %zu is %d, not %c", i == 0 ? "repetition" : "definition", j, levels[i][j],
                 texts[i][j]);
      }
    }
  }
}

static void assert_ints(const struct fixture *fixture, size_t count, const int32_t *expected) {
  assert_int_equal(fixture->shredded.values.count, count);
  if (count > 0) {
    assert_memory_equal(fixture->shredded.values.fixed, expected, count * sizeof *expected);
  }
}

static void assert_texts(const struct fixture *fixture, size_t count, const char *const *expected) {
  const struct lh_values *const values = &fixture->shredded.values;
  assert_int_equal(values->count, count);
  for (size_t i = 0; i < count; i++) {
    const size_t size = (size_t)(values->offsets[i + 1] - values->offsets[i]);
    assert_int_equal(size, strlen(expected[i]));
    assert_memory_equal(values->data + values->offsets[i], expected[i], size);
  }
}

static void a_column_without_nulls_is_borrowed(void **state) {
  (void)state;
  struct fixture f;
  struct lh_field field = {.name = "n", .type = LH_TYPE_INT32, .nullable = true};
  struct lh_column *const column = open_fixture(&f, &field);
  for (int32_t i = 0; i < 100; i++) {
    push_i32(column, i);
  }
  shred(&f, 0, 10, 50);
  assert_levels(&f, NULL, NULL);
  assert_int_equal(f.shredded.entries, 50);
  assert_ptr_equal(f.shredded.values.fixed, column->values + 40);
  close_fixture(&f);
}

static void nulls_leave_the_values_from_any_row_on(void **state) {
  (void)state;
  struct fixture f;
  struct lh_field field = {.name = "n", .type = LH_TYPE_INT32, .nullable = true};
  struct lh_column *const column = open_fixture(&f, &field);
  for (int32_t i = 0; i < 200; i++) {
    if (i % 3 == 0 || (i > 60 && i < 90)) {
      push_null(column);
    } else {
      push_i32(column, i);
    }
  }
  for (size_t begin = 0; begin < 20; begin++) {
    for (size_t count = 1; count < 180; count += 13) {
      shred(&f, 0, begin, count);
      size_t kept = 0;
      for (size_t i = 0; i < count; i++) {
        const size_t row = begin + i;
        const bool valid = row % 3 != 0 && (row <= 60 || row >= 90);
        assert_int_equal(f.shredded.definition == NULL ? 1 : f.shredded.definition[i], valid);
        if (valid) {
          assert_int_equal(((const int32_t *)(const void *)f.shredded.values.fixed)[kept], row);
          kept++;
        }
      }
      assert_int_equal(f.shredded.values.count, kept);
    }
  }
  close_fixture(&f);
}

static void null_texts_leave_the_offsets(void **state) {
  (void)state;
  struct fixture f;
  struct lh_field field = {.name = "s", .type = LH_TYPE_STRING, .nullable = true};
  struct lh_column *const column = open_fixture(&f, &field);
  push_null(column);
  push_text(column, "one");
  push_text(column, "");
  push_null(column);
  push_null(column);
  push_text(column, "three");
  push_null(column);
  shred(&f, 0, 0, 7);
  assert_levels(&f, NULL, "0110010");
  assert_texts(&f, 3, (const char *const[]){"one", "", "three"});
  shred(&f, 0, 4, 3);
  assert_levels(&f, NULL, "010");
  assert_texts(&f, 1, (const char *const[]){"three"});
  close_fixture(&f);
}

static void bytes_below_a_null_are_refused(void **state) {
  (void)state;
  struct lh_error err;
  struct fixture f;
  struct lh_field field = {.name = "s", .type = LH_TYPE_STRING, .nullable = true};
  struct lh_column *const column = open_fixture(&f, &field);
  push_text(column, "hidden");
  push_text(column, "seen");
  column->validity[0] = 2;
  column->null_count = 1;
  assert_int_equal(lh_shred(&f.shredder, &f.leaves[0], f.batch.columns, 0, 2, &f.shredded, &err),
                   LH_ERROR_INTERNAL);
  close_fixture(&f);
}

/* null, [], [1], [null], [2, null, 3] */
static void lists_tell_null_from_empty_from_null_elements(void **state) {
  (void)state;
  struct fixture f;
  struct lh_field element = {.name = "element", .type = LH_TYPE_INT32, .nullable = true};
  struct lh_field field = {
      .name = "l", .type = LH_TYPE_LIST, .nullable = true, .children = &element, .child_count = 1};
  struct lh_column *const column = open_fixture(&f, &field);
  struct lh_column *const items = &column->children[0];
  push_null(column);
  close_list(column);
  push_i32(items, 1);
  close_list(column);
  push_null(items);
  close_list(column);
  push_i32(items, 2);
  push_null(items);
  push_i32(items, 3);
  close_list(column);
  assert_int_equal(f.leaves[0].max_definition, 3);
  assert_int_equal(f.leaves[0].max_repetition, 1);
  assert_string_equal(f.leaves[0].display_path, "l.list.element");
  shred(&f, 0, 0, 5);
  assert_levels(&f, "0000011", "0132323");
  assert_ints(&f, 3, (const int32_t[]){1, 2, 3});
  shred(&f, 0, 3, 2);
  assert_levels(&f, "0011", "2323");
  assert_ints(&f, 2, (const int32_t[]){2, 3});
  close_fixture(&f);
}

static void a_required_list_of_required_elements_has_one_level(void **state) {
  (void)state;
  struct fixture f;
  struct lh_field element = {.name = "element", .type = LH_TYPE_INT32};
  struct lh_field field = {.name = "l", .type = LH_TYPE_LIST, .children = &element, .child_count = 1};
  struct lh_column *const column = open_fixture(&f, &field);
  close_list(column);
  push_i32(&column->children[0], 7);
  push_i32(&column->children[0], 8);
  close_list(column);
  assert_int_equal(f.leaves[0].max_definition, 1);
  shred(&f, 0, 0, 2);
  assert_levels(&f, "001", "011");
  assert_ints(&f, 2, (const int32_t[]){7, 8});
  close_fixture(&f);
}

/* [[1, 2], [], null], null, [], [[3], [4, null]]: the classic of two repetition levels. */
static void lists_of_lists_have_two_repetition_levels(void **state) {
  (void)state;
  struct fixture f;
  struct lh_field element = {.name = "element", .type = LH_TYPE_INT32, .nullable = true};
  struct lh_field inner = {
      .name = "element", .type = LH_TYPE_LIST, .nullable = true, .children = &element, .child_count = 1};
  struct lh_field field = {
      .name = "l", .type = LH_TYPE_LIST, .nullable = true, .children = &inner, .child_count = 1};
  struct lh_column *const column = open_fixture(&f, &field);
  struct lh_column *const lists = &column->children[0];
  struct lh_column *const items = &lists->children[0];
  push_i32(items, 1);
  push_i32(items, 2);
  close_list(lists);
  close_list(lists);
  push_null(lists);
  close_list(column);
  push_null(column);
  close_list(column);
  push_i32(items, 3);
  close_list(lists);
  push_i32(items, 4);
  push_null(items);
  close_list(lists);
  close_list(column);
  assert_int_equal(f.leaves[0].max_definition, 5);
  shred(&f, 0, 0, 4);
  assert_levels(&f, "021100012", "553201554");
  assert_ints(&f, 4, (const int32_t[]){1, 2, 3, 4});
  close_fixture(&f);
}

/* null, {a: null, b: "x"}, {a: 5, b: ""} with a required b. */
static void structs_tell_null_from_null_members(void **state) {
  (void)state;
  struct fixture f;
  struct lh_field members[] = {{.name = "a", .type = LH_TYPE_INT32, .nullable = true},
                               {.name = "b", .type = LH_TYPE_STRING}};
  struct lh_field field = {
      .name = "s", .type = LH_TYPE_STRUCT, .nullable = true, .children = members, .child_count = 2};
  struct lh_column *const column = open_fixture(&f, &field);
  push_null(column);
  push_null(&column->children[0]);
  push_text(&column->children[1], "x");
  close_struct(column);
  push_i32(&column->children[0], 5);
  push_text(&column->children[1], "");
  close_struct(column);
  shred(&f, 0, 0, 3);
  assert_levels(&f, NULL, "012");
  assert_ints(&f, 1, (const int32_t[]){5});
  shred(&f, 1, 0, 3);
  assert_int_equal(f.leaves[1].max_definition, 1);
  assert_levels(&f, NULL, "011");
  assert_texts(&f, 2, (const char *const[]){"x", ""});
  close_fixture(&f);
}

static void required_structs_of_required_members_have_no_levels(void **state) {
  (void)state;
  struct fixture f;
  struct lh_field members[] = {{.name = "a", .type = LH_TYPE_INT32}};
  struct lh_field field = {.name = "s", .type = LH_TYPE_STRUCT, .children = members, .child_count = 1};
  struct lh_column *const column = open_fixture(&f, &field);
  push_i32(&column->children[0], 5);
  close_struct(column);
  shred(&f, 0, 0, 1);
  assert_levels(&f, NULL, NULL);
  assert_ints(&f, 1, (const int32_t[]){5});
  close_fixture(&f);
}

/* null, {}, {"k": 1, "m": null} */
static void maps_have_keys_and_values_side_by_side(void **state) {
  (void)state;
  struct fixture f;
  struct lh_field members[] = {{.name = "k", .type = LH_TYPE_STRING},
                               {.name = "v", .type = LH_TYPE_INT32, .nullable = true}};
  struct lh_field field = {
      .name = "m", .type = LH_TYPE_MAP, .nullable = true, .children = members, .child_count = 2};
  struct lh_column *const column = open_fixture(&f, &field);
  push_null(column);
  close_list(column);
  push_text(&column->children[0], "k");
  push_i32(&column->children[1], 1);
  push_text(&column->children[0], "m");
  push_null(&column->children[1]);
  close_list(column);
  assert_string_equal(f.leaves[0].display_path, "m.key_value.key");
  assert_string_equal(f.leaves[1].display_path, "m.key_value.value");
  shred(&f, 0, 0, 3);
  assert_levels(&f, "0001", "0122");
  assert_texts(&f, 2, (const char *const[]){"k", "m"});
  shred(&f, 1, 0, 3);
  assert_levels(&f, "0001", "0132");
  assert_ints(&f, 1, (const int32_t[]){1});
  close_fixture(&f);
}

static void estimates_grow_with_the_rows(void **state) {
  (void)state;
  struct fixture f;
  struct lh_field element = {.name = "element", .type = LH_TYPE_STRING, .nullable = true};
  struct lh_field field = {
      .name = "l", .type = LH_TYPE_LIST, .nullable = true, .children = &element, .child_count = 1};
  struct lh_column *const column = open_fixture(&f, &field);
  for (int32_t i = 0; i < 50; i++) {
    for (int32_t j = 0; j < i % 5; j++) {
      push_text(&column->children[0], "some text");
    }
    close_list(column);
  }
  size_t last = 0;
  for (size_t end = 1; end <= 50; end++) {
    const size_t bytes = lh_shred_estimate(&f.leaves[0], f.batch.columns, 0, end);
    assert_true(bytes > last);
    last = bytes;
  }
  close_fixture(&f);
}

static void a_null_in_a_required_column_is_an_error(void **state) {
  (void)state;
  struct lh_error err;
  struct fixture f;
  struct lh_field field = {.name = "n", .type = LH_TYPE_INT32, .nullable = true};
  struct lh_column *const column = open_fixture(&f, &field);
  push_i32(column, 1);
  push_null(column);
  f.leaves[0].max_definition = 0;
  assert_int_equal(lh_shred(&f.shredder, &f.leaves[0], f.batch.columns, 0, 2, &f.shredded, &err),
                   LH_ERROR_DATA);
  assert_string_equal(err.message, "column \"n\" is not nullable but holds a null");
  close_fixture(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_column_without_nulls_is_borrowed),
      cmocka_unit_test(nulls_leave_the_values_from_any_row_on),
      cmocka_unit_test(null_texts_leave_the_offsets),
      cmocka_unit_test(bytes_below_a_null_are_refused),
      cmocka_unit_test(lists_tell_null_from_empty_from_null_elements),
      cmocka_unit_test(a_required_list_of_required_elements_has_one_level),
      cmocka_unit_test(lists_of_lists_have_two_repetition_levels),
      cmocka_unit_test(structs_tell_null_from_null_members),
      cmocka_unit_test(required_structs_of_required_members_have_no_levels),
      cmocka_unit_test(maps_have_keys_and_values_side_by_side),
      cmocka_unit_test(estimates_grow_with_the_rows),
      cmocka_unit_test(a_null_in_a_required_column_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
