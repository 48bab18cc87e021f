/* Strings for people: suggestions, sizes, counts, durations, and UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#include "base/str.h"

static const char *const kinds[] = {"table", "query", "file", "sql", "command", "load"};
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

static void the_nearest_name_is_the_one_that_was_meant(void **state) {
  (void)state;
  static const char *const meant[][2] = {{"tabel", "table"}, {"tables", "table"},    {"TABLE", "table"},
                                         {"qurey", "query"}, {"fiel", "file"},       {"comand", "command"},
                                         {"lod", "load"},    {"comandd", "command"}, {"sqk", "sql"}};
  for (size_t i = 0; i < sizeof(meant) / sizeof(meant[0]); i++) {
    const char *const found = lh_str_nearest(meant[i][0], kinds, KIND_COUNT);
    if (found == NULL || strcmp(found, meant[i][1]) != 0) {
      fail_msg("%s: %s instead of %s", meant[i][0], found != NULL ? found : "nothing", meant[i][1]);
    }
  }
}

static void nothing_is_suggested_for_what_is_like_no_name(void **state) {
  (void)state;
  char long_word[200];
  memset(long_word, 'a', sizeof(long_word) - 1);
  long_word[sizeof(long_word) - 1] = '\0';
  assert_null(lh_str_nearest("partition_by", kinds, KIND_COUNT));
  assert_null(lh_str_nearest("x", kinds, KIND_COUNT));
  assert_null(lh_str_nearest("", kinds, KIND_COUNT));
  assert_null(lh_str_nearest(long_word, kinds, KIND_COUNT));
  assert_null(lh_str_nearest("table", NULL, 0));
  const char *const only_long[] = {long_word};
  assert_null(lh_str_nearest("aaa", only_long, 1));
}

static void words_are_joined(void **state) {
  (void)state;
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  assert_string_equal(lh_str_join(kinds, 3, ", ", &arena), "table, query, file");
  assert_string_equal(lh_str_join(kinds, 1, ", ", &arena), "table");
  assert_string_equal(lh_str_join(kinds, 0, ", ", &arena), "");
  assert_string_equal(lh_str_join(kinds, 2, "", &arena), "tablequery");
  lh_arena_clear(&arena);
}

static void bytes_are_shown_in_powers_of_1024(void **state) {
  (void)state;
  char out[32];
  assert_string_equal(lh_str_format_bytes(0, out), "0 B");
  assert_string_equal(lh_str_format_bytes(1023, out), "1023 B");
  assert_string_equal(lh_str_format_bytes(1024, out), "1.0 KB");
  assert_string_equal(lh_str_format_bytes(1536 * 1024, out), "1.5 MB");
  assert_string_equal(lh_str_format_bytes((uint64_t)5 << 30, out), "5.0 GB");
  assert_string_equal(lh_str_format_bytes((uint64_t)1 << 40, out), "1.0 TB");
  assert_string_equal(lh_str_format_bytes(UINT64_MAX, out), "16384.0 PB");
}

static void a_size_that_rounds_up_takes_the_next_unit(void **state) {
  (void)state;
  char out[32];
  assert_string_equal(lh_str_format_bytes((1 << 20) - 1, out), "1.0 MB");
  assert_string_equal(lh_str_format_bytes((1 << 30) - 1, out), "1.0 GB");
}

static void counts_are_grouped_by_thousands(void **state) {
  (void)state;
  char out[32];
  assert_string_equal(lh_str_format_count(0, out), "0");
  assert_string_equal(lh_str_format_count(999, out), "999");
  assert_string_equal(lh_str_format_count(1000, out), "1,000");
  assert_string_equal(lh_str_format_count(123456, out), "123,456");
  assert_string_equal(lh_str_format_count(1234567, out), "1,234,567");
  assert_string_equal(lh_str_format_count(UINT64_MAX, out), "18,446,744,073,709,551,615");
}

static void durations_are_shown_as_people_say_them(void **state) {
  (void)state;
  char out[32];
  assert_string_equal(lh_str_format_seconds(0, out), "0.0 s");
  assert_string_equal(lh_str_format_seconds(1.24, out), "1.2 s");
  assert_string_equal(lh_str_format_seconds(60, out), "1 min 0 s");
  assert_string_equal(lh_str_format_seconds(123.4, out), "2 min 3 s");
  assert_string_equal(lh_str_format_seconds(3599.7, out), "1 h 0 min");
  assert_string_equal(lh_str_format_seconds(7380, out), "2 h 3 min");
  assert_string_equal(lh_str_format_seconds(59.97, out), "1 min 0 s");
}

static void text_is_cut_between_characters(void **state) {
  (void)state;
  /* one, two, three and four bytes a character */
  static const char text[] = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\x98";
  static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
  for (size_t max = 0; max < sizeof(expected) / sizeof(expected[0]); max++) {
    assert_int_equal(lh_utf8_truncate(text, 10, max), expected[max]);
  }
  /* the text itself ends inside a character */
  assert_int_equal(lh_utf8_truncate(text, 8, 100), 6);
  assert_int_equal(lh_utf8_truncate("", 0, 5), 0);
  /* bytes that are no UTF-8 come to an end, too */
  assert_true(lh_utf8_truncate("\x80\x80\x80\x80\x80\x80", 6, 5) <= 5);
}

static bool valid(const char *text) {
  return lh_utf8_valid((const uint8_t *)text, strlen(text));
}

static void well_formed_utf8_is_told_from_the_rest(void **state) {
  (void)state;
  static const char *const good[] = {"",
                                     "plain",
                                     "\xC2\x80",
                                     "\xDF\xBF",
                                     "\xE0\xA0\x80",
                                     "\xED\x9F\xBF",
                                     "\xEE\x80\x80",
                                     "\xEF\xBF\xBF",
                                     "\xF0\x90\x80\x80",
                                     "\xF4\x8F\xBF\xBF"};
  static const char *const bad[] = {"\x80", /* continuation without a start */
                                    "\xC3",
                                    "\xE2\x82", /* cut short */
                                    "\xF0\x9F\x90",
                                    "\xC3(", /* cut short, not continued */
                                    "\xC0\xAF",
                                    "\xC1\xBF",         /* overlong */
                                    "\xE0\x9F\xBF",     /* overlong */
                                    "\xF0\x8F\xBF\xBF", /* overlong */
                                    "\xED\xA0\x80",
                                    "\xED\xBF\xBF", /* surrogates */
                                    "\xF4\x90\x80\x80",
                                    "\xF5\x80\x80\x80", /* past U+10FFFF */
                                    "\xFE",
                                    "\xFF"};
  for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
    assert_true(valid(good[i]));
  }
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    /* at every place relative to the eight bytes looked at together */
    for (size_t before = 0; before < 17; before++) {
      char text[64] = {0};
      memset(text, 'a', before);
      strcpy(text + before, bad[i]);
      if (valid(text)) {
        fail_msg("bad sequence %zu after %zu bytes is taken for UTF-8", i, before);
      }
      strcat(text, "aaaaaaaaaaaa");
      assert_false(valid(text));
    }
  }
  assert_true(lh_utf8_valid((const uint8_t *)"a\0b", 3));
}

static void a_statement_ends_before_what_follows_it(void **state) {
  static const char *const statements[][2] = {
      {"select 1", ""},
      {"select 1", ";"},
      {"select 1", " ; -- the end\n/* ; */ ;\n"},
      {"select ';--' || \"a;\"", ";"},
      {"select 'it''s;'", " -- it's"},
      {"select 1 /* a */ + 2", "/* open"},
      {"select 1 -- one\n- 2", "\n"},
      {"select 1 / 2 - -1", ";;"},
      {"", " ;"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
    char text[64];
    snprintf(text, sizeof(text), "%s%s", statements[i][0], statements[i][1]);
    assert_int_equal(lh_sql_trimmed_length(text), strlen(statements[i][0]));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_nearest_name_is_the_one_that_was_meant),
      cmocka_unit_test(nothing_is_suggested_for_what_is_like_no_name),
      cmocka_unit_test(words_are_joined),
      cmocka_unit_test(bytes_are_shown_in_powers_of_1024),
      cmocka_unit_test(a_size_that_rounds_up_takes_the_next_unit),
      cmocka_unit_test(counts_are_grouped_by_thousands),
      cmocka_unit_test(durations_are_shown_as_people_say_them),
      cmocka_unit_test(text_is_cut_between_characters),
      cmocka_unit_test(a_statement_ends_before_what_follows_it),
      cmocka_unit_test(well_formed_utf8_is_told_from_the_rest),
  };
  return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
