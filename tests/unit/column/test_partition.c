/* Partitions: keys as a project writes them, values of rows, and the names of directories as Hive has them.
 */
#include "column/partition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#define HOUR_US (INT64_C(3600) * 1000 * 1000)
#define DAY_US (24 * HOUR_US)

static int set_up(void **state) {
  static struct lh_arena arena;
  lh_arena_init(&arena, 0);
  *state = &arena;
  return 0;
}

static int tear_down(void **state) {
  lh_arena_clear(*state);
  return 0;
}

/* -------- keys -------- */

static void keys_are_columns_or_periods_of_columns(void **state) {
  static const struct {
    const char *text, *name, *column;
    enum lh_partition_transform transform;
  } keys[] = {
      {"country", "country", "country", LH_PARTITION_IDENTITY},
      {"day(created_at)", "day", "created_at", LH_PARTITION_DAY},
      {" hour( Created At ) ", "hour", "Created At", LH_PARTITION_HOUR},
      {"month(at) as at_month", "at_month", "at", LH_PARTITION_MONTH},
      {"year(f(x))", "year", "f(x)", LH_PARTITION_YEAR},
  };
  for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
    struct lh_partition_key key;
    struct lh_error err;
    assert_int_equal(lh_partition_parse_key(keys[i].text, *state, &key, &err), LH_OK);
    assert_string_equal(key.name, keys[i].name);
    assert_string_equal(key.column, keys[i].column);
    assert_int_equal(key.transform, keys[i].transform);
  }
}

static void wrong_keys_are_told(void **state) {
  static const char *const keys[][2] = {
      {"dya(at)", "did you mean \"day\"?"},
      {"bucket(16, id)", "write a column's name, or hour, day, month or year of one: day(created_at)"},
      {"day()", "write a column's name, or hour, day, month or year of one: day(created_at)"},
      {"day(at", "write a column's name, or hour, day, month or year of one: day(created_at)"},
      {"day(at) as", "write a column's name, or hour, day, month or year of one: day(created_at)"},
      {"day(at) as 1st", "write a column's name, or hour, day, month or year of one: day(created_at)"},
      {"day(at) of week", "write a column's name, or hour, day, month or year of one: day(created_at)"},
  };
  for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
    struct lh_partition_key key;
    struct lh_error err;
    assert_int_equal(lh_partition_parse_key(keys[i][0], *state, &key, &err), LH_ERROR_PROJECT);
    assert_string_equal(err.hint, keys[i][1]);
  }
}

/* -------- values -------- */

static const char *value_of(enum lh_partition_transform transform, struct lh_field field, const void *value,
                            struct lh_arena *arena) {
  struct lh_batch batch;
  struct lh_buf text;
  struct lh_error err;
  const struct lh_schema schema = {&field, 1};
  const struct lh_partition_key key = {"k", transform, "c"};
  lh_buf_init(&text, 1 << 10);
  assert_int_equal(lh_batch_init(&batch, &schema, 1, &err), LH_OK);
  assert_int_equal(lh_column_append_fixed(&batch.columns[0], value, &err), LH_OK);
  assert_int_equal(lh_partition_append_value(&key, &batch.columns[0], 0, &text, &err), LH_OK);
  const char *const copy = lh_arena_strndup(arena, (const char *)text.data, text.len);
  lh_buf_clear(&text);
  lh_batch_clear(&batch);
  return copy;
}

static void moments_before_1970_are_floored(void **state) {
  static const struct {
    int64_t micros;
    const char *hour, *day, *month, *year;
  } moments[] = {
      {0, "1970-01-01-00", "1970-01-01", "1970-01", "1970"},
      {-1, "1969-12-31-23", "1969-12-31", "1969-12", "1969"},
      {-DAY_US, "1969-12-31-00", "1969-12-31", "1969-12", "1969"},
      {-DAY_US - 1, "1969-12-30-23", "1969-12-30", "1969-12", "1969"},
      {20484 * DAY_US + 14 * HOUR_US, "2026-01-31-14", "2026-01-31", "2026-01", "2026"},
      {-735525 * DAY_US, "-0044-03-15-00", "-0044-03-15", "-0044-03", "-0044"},
      {-719528 * DAY_US, "0000-01-01-00", "0000-01-01", "0000-01", "0000"},
      {3652090 * DAY_US, "11969-01-31-00", "11969-01-31", "11969-01", "11969"},
  };
  const struct lh_field field = {.name = "c", .type = LH_TYPE_TIMESTAMP, .utc = true};
  const struct lh_field nanos = {.name = "c", .type = LH_TYPE_TIMESTAMP, .unit = LH_UNIT_NANOS};
  const int64_t last_nano = -1;
  for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
    const int64_t *const at = &moments[i].micros;
    assert_string_equal(value_of(LH_PARTITION_HOUR, field, at, *state), moments[i].hour);
    assert_string_equal(value_of(LH_PARTITION_DAY, field, at, *state), moments[i].day);
    assert_string_equal(value_of(LH_PARTITION_MONTH, field, at, *state), moments[i].month);
    assert_string_equal(value_of(LH_PARTITION_YEAR, field, at, *state), moments[i].year);
  }
  assert_string_equal(value_of(LH_PARTITION_DAY, nanos, &last_nano, *state), "1969-12-31");
}

static void values_that_readers_take_for_null_are_refused(void **state) {
  static const char *const texts[] = {"", LH_PARTITION_NULL};
  (void)state;
  struct lh_field field = {.name = "c", .type = LH_TYPE_STRING};
  const struct lh_schema schema = {&field, 1};
  const struct lh_partition_key key = {"c", LH_PARTITION_IDENTITY, "c"};
  for (size_t i = 0; i < 2; i++) {
    struct lh_batch batch;
    struct lh_buf text;
    struct lh_error err;
    lh_buf_init(&text, 1 << 10);
    assert_int_equal(lh_batch_init(&batch, &schema, 1, &err), LH_OK);
    assert_int_equal(lh_column_append_bytes(&batch.columns[0], texts[i], strlen(texts[i]), &err), LH_OK);
    assert_int_equal(lh_partition_append_value(&key, &batch.columns[0], 0, &text, &err), LH_ERROR_DATA);
    lh_buf_clear(&text);
    lh_batch_clear(&batch);
  }
}

/* -------- periods -------- */

static void a_period_is_read_back_in_its_own_form_alone(void **state) {
  static const struct {
    enum lh_partition_transform transform;
    const char *text;
    int64_t first, end; /* both 0: refused */
  } periods[] = {
      {LH_PARTITION_HOUR, "1970-01-02-03", 27, 28},
      {LH_PARTITION_DAY, "1969-12-31", -24, 0},
      {LH_PARTITION_MONTH, "1970-02", 31 * 24, 59 * 24},
      {LH_PARTITION_MONTH, "1969-12", -31 * 24, 0},
      {LH_PARTITION_YEAR, "1972", 730 * 24, 1096 * 24},
      {LH_PARTITION_DAY, "1970-1-1", 0, 0},
      {LH_PARTITION_DAY, "1970-02-29", 0, 0},
      {LH_PARTITION_MONTH, "1970-13", 0, 0},
      {LH_PARTITION_MONTH, "1970-02-01", 0, 0},
      {LH_PARTITION_HOUR, "1970-01-01-24", 0, 0},
      {LH_PARTITION_YEAR, "70", 0, 0},
      {LH_PARTITION_YEAR, "infinity", 0, 0},
      {LH_PARTITION_DAY, "1970-01-01 ", 0, 0},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(periods) / sizeof(periods[0]); i++) {
    struct lh_error err;
    int64_t first = 0;
    int64_t end = 0;
    const bool fits = periods[i].first != 0 || periods[i].end != 0;
    assert_int_equal(lh_partition_parse_period(periods[i].transform, periods[i].text, &first, &end, &err),
                     fits ? LH_OK : LH_ERROR_USAGE);
    if (fits) {
      assert_int_equal(first, periods[i].first);
      assert_int_equal(end, periods[i].end);
    }
  }
}

/* -------- directories -------- */

static void directories_are_escaped_as_hive_does_and_read_back(void **state) {
  static const struct lh_partition_key keys[] = {{"country", LH_PARTITION_IDENTITY, "country"},
                                                 {"day", LH_PARTITION_DAY, "at"}};
  static const struct lh_partition_by by = {keys, 2};
  static const char *const values[][2] = {
      {"de", "country=de/day=2026-01-31"},
      {NULL, "country=__HIVE_DEFAULT_PARTITION__/day=2026-01-31"},
      {"a/b=c%d", "country=a%2Fb%3Dc%25d/day=2026-01-31"},
      {"\x01\x1f\x7f\"#'*:?\\{[]^", "country=%01%1F%7F%22%23%27%2A%3A%3F%5C%7B%5B%5D%5E/day=2026-01-31"},
      {"größe +&}<", "country=größe +&}</day=2026-01-31"},
  };
  for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
    struct lh_buf path;
    struct lh_error err;
    const char *text = NULL;
    const char *const *back = NULL;
    lh_buf_init(&path, 1 << 10);
    assert_int_equal(lh_partition_append_directory("country", values[i][0], &path, &err), LH_OK);
    assert_int_equal(lh_partition_append_directory("day", "2026-01-31", &path, &err), LH_OK);
    assert_int_equal(lh_buf_cstr(&path, &text, &err), LH_OK);
    assert_string_equal(text, values[i][1]);
    assert_int_equal(lh_partition_parse_path(&by, text, *state, &back, &err), LH_OK);
    if (values[i][0] == NULL) {
      assert_null(back[0]);
    } else {
      assert_string_equal(back[0], values[i][0]);
    }
    assert_string_equal(back[1], "2026-01-31");
    lh_buf_clear(&path);
  }
}

static void paths_name_all_keys_in_their_order(void **state) {
  static const struct lh_partition_key keys[] = {{"a", LH_PARTITION_IDENTITY, "a"},
                                                 {"b", LH_PARTITION_IDENTITY, "b"}};
  static const struct lh_partition_by both = {keys, 2};
  static const struct lh_partition_by one = {keys, 1};
  static const char *const wrong[] = {"a=1", "b=1/a=2", "a=1/b=2/c=3", "a=1/b=", "1/2", "a=1/b=2/", ""};
  const char *const *values = NULL;
  struct lh_error err;
  for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
    assert_int_equal(lh_partition_parse_path(&both, wrong[i], *state, &values, &err), LH_ERROR_USAGE);
    assert_string_equal(err.hint, "write a=…/b=…, as the directories of the lake do");
  }
  assert_int_equal(lh_partition_parse_path(&one, "x%2Fy", *state, &values, &err), LH_OK);
  assert_string_equal(values[0], "x/y");
}

static void a_value_too_long_for_a_directory_is_an_error(void **state) {
  struct lh_buf path;
  struct lh_error err;
  char text[300];
  (void)state;
  memset(text, '/', sizeof(text));
  text[90] = '\0';
  lh_buf_init(&path, 1 << 10);
  assert_int_equal(lh_partition_append_directory("c", text, &path, &err), LH_ERROR_DATA);
  text[84] = '\0';
  lh_buf_reset(&path);
  assert_int_equal(lh_partition_append_directory("c", text, &path, &err), LH_OK);
  lh_buf_clear(&path);
}

/* -------- codes -------- */

static void equal_values_have_equal_codes_and_others_do_not(void **state) {
  static const char *const texts[] = {"de", "de", NULL, "fr", "de", "d", "fr", "dé"};
  static const size_t count = sizeof(texts) / sizeof(texts[0]);
  (void)state;
  struct lh_field field = {.name = "c", .type = LH_TYPE_STRING, .nullable = true};
  const struct lh_schema schema = {&field, 1};
  const struct lh_partition_key key = {"c", LH_PARTITION_IDENTITY, "c"};
  struct lh_partition_coder coder;
  struct lh_batch batch;
  struct lh_error err;
  int64_t codes[8];
  uint8_t nulls[8] = {0};
  lh_partition_coder_init(&coder, &key, &field);
  assert_int_equal(lh_batch_init(&batch, &schema, 8, &err), LH_OK);
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(texts[i] == NULL
                         ? lh_column_append_null(&batch.columns[0], &err)
                         : lh_column_append_bytes(&batch.columns[0], texts[i], strlen(texts[i]), &err),
                     LH_OK);
  }
  assert_int_equal(lh_partition_encode(&coder, &batch.columns[0], codes, nulls, 2, &err), LH_OK);
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(nulls[i], texts[i] == NULL ? 2 : 0);
    for (size_t j = 0; j < count; j++) {
      if (texts[i] != NULL && texts[j] != NULL) {
        assert_int_equal(codes[i] == codes[j], strcmp(texts[i], texts[j]) == 0);
      }
    }
  }
  lh_partition_coder_clear(&coder);
  lh_batch_clear(&batch);
}

static void ten_thousand_texts_keep_their_codes(void **state) {
  enum { COUNT = 10000 };
  (void)state;
  struct lh_field field = {.name = "c", .type = LH_TYPE_STRING};
  const struct lh_schema schema = {&field, 1};
  const struct lh_partition_key key = {"c", LH_PARTITION_IDENTITY, "c"};
  struct lh_partition_coder coder;
  struct lh_batch batch;
  struct lh_error err;
  int64_t *const codes = calloc(2, COUNT * sizeof(int64_t));
  uint8_t *const nulls = calloc(COUNT, 1);
  lh_partition_coder_init(&coder, &key, &field);
  assert_int_equal(lh_batch_init(&batch, &schema, COUNT, &err), LH_OK);
  for (int i = 0; i < COUNT; i++) {
    char text[16];
    const int length = snprintf(text, sizeof(text), "t%d", i);
    assert_int_equal(lh_column_append_bytes(&batch.columns[0], text, (size_t)length, &err), LH_OK);
  }
  assert_int_equal(lh_partition_encode(&coder, &batch.columns[0], codes, nulls, 1, &err), LH_OK);
  assert_int_equal(lh_partition_encode(&coder, &batch.columns[0], codes + COUNT, nulls, 1, &err), LH_OK);
  assert_memory_equal(codes, codes + COUNT, COUNT * sizeof(int64_t));
  for (int i = 0; i < COUNT; i++) {
    assert_int_equal(codes[i], i);
  }
  free(codes);
  free(nulls);
  lh_partition_coder_clear(&coder);
  lh_batch_clear(&batch);
}

int main(void) {
#define PARTITION_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      PARTITION_TEST(keys_are_columns_or_periods_of_columns),
      PARTITION_TEST(wrong_keys_are_told),
      PARTITION_TEST(moments_before_1970_are_floored),
      PARTITION_TEST(values_that_readers_take_for_null_are_refused),
      PARTITION_TEST(a_period_is_read_back_in_its_own_form_alone),
      PARTITION_TEST(directories_are_escaped_as_hive_does_and_read_back),
      PARTITION_TEST(paths_name_all_keys_in_their_order),
      PARTITION_TEST(a_value_too_long_for_a_directory_is_an_error),
      PARTITION_TEST(equal_values_have_equal_codes_and_others_do_not),
      PARTITION_TEST(ten_thousand_texts_keep_their_codes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
