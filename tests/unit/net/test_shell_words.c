/* Words of a command, as a POSIX shell and the SDKs split them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/shell_words.h"

static void words_are_split_as_the_sdks_do(void **state) {
  (void)state;
  static const struct {
    const char *text, *words; /* in brackets */
  } cases[] = {
      {"", ""},
      {"  \t ", ""},
      {"a", "[a]"},
      {" a  b\tc ", "[a][b][c]"},
      {"'a b' \"c d\"", "[a b][c d]"},
      {"a'b'\"c\"d", "[abcd]"},
      {"'' \"\"", "[][]"},
      {"a\\ b \\' \\\\", "[a b]['][\\]"},
      {"\"a\\\"b\\\\c\\d\"", "[a\"b\\c\\d]"},
      {"'a\\b'", "[a\\b]"},
      {"echo $HOME ; ls | cat > x # y", "[echo][$HOME][;][ls][|][cat][>][x][#][y]"},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct lh_arena arena;
    struct lh_error err;
    char **words;
    size_t count;
    char joined[256] = "";
    lh_arena_init(&arena, 0);
    assert_int_equal(lh_shell_words_split(cases[i].text, LH_ERROR_LAKE, &arena, &words, &count, &err), LH_OK);
    for (size_t j = 0; j < count; j++) {
      strcat(strcat(strcat(joined, "["), words[j]), "]");
    }
    assert_null(words[count]);
    assert_string_equal(joined, cases[i].words);
    lh_arena_clear(&arena);
  }
}

static void what_does_not_end_is_an_error(void **state) {
  (void)state;
  static const char *const texts[] = {"'a", "\"a", "a\\", "\"a\\", "'a'b\""};
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    struct lh_arena arena;
    struct lh_error err;
    char **words;
    size_t count;
    lh_arena_init(&arena, 0);
    assert_int_equal(lh_shell_words_split(texts[i], LH_ERROR_LAKE, &arena, &words, &count, &err),
                     LH_ERROR_LAKE);
    lh_arena_clear(&arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_are_split_as_the_sdks_do),
      cmocka_unit_test(what_does_not_end_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
