/* The format of ~/.aws/config: what the AWS SDKs agree on, and which lines are errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/profile_file.h"

/* The last property of that name: "section|parent|name". */
static const char *value_of(const struct lh_profile_file *file, const char *section, const char *parent,
                            const char *name) {
  const char *found = NULL;
  for (size_t i = 0; i < file->count; i++) {
    const struct lh_profile_property *const p = &file->properties[i];
    if (strcmp(p->section, section) == 0 && strcmp(p->name, name) == 0 &&
        strcmp(p->parent != NULL ? p->parent : "", parent) == 0) {
      found = p->value;
    }
  }
  return found;
}

struct parsed {
  struct lh_arena arena;
  struct lh_profile_file file;
  struct lh_error err;
  lh_status status;
};

static void parse(struct parsed *parsed, const char *text) {
  lh_arena_init(&parsed->arena, 0);
  lh_error_clear(&parsed->err);
  char *const copy = lh_arena_strdup(&parsed->arena, text);
  assert_non_null(copy);
  parsed->status = lh_profile_file_parse(copy, strlen(text), "config", LH_ERROR_LAKE, &parsed->arena,
                                         &parsed->file, &parsed->err);
}

static void values_are_found_by_section_and_name(void **state) {
  (void)state;
  static const struct {
    const char *text, *section, *parent, *name, *value;
  } cases[] = {
      {"[default]\nregion = eu-central-1\n", "default", "", "region", "eu-central-1"},
      {"[profile a]\r\nregion=x\r\n", "profile a", "", "region", "x"},
      {"[ profile a ]\nregion   =\t x  y \t\n", "profile a", "", "region", "x  y"},
      {"\xEF\xBB\xBF[a]\nk = v", "a", "", "k", "v"},
      {"[a]\nKey_Id = v", "a", "", "key_id", "v"},
      {"[a]\nk = v=w==\n", "a", "", "k", "v=w=="},
      {"[a]\nk =\n", "a", "", "k", ""},
      {"# c\n; c\n\n[a] # c\nk = v # c\n", "a", "", "k", "v"},
      {"[a] ; c\nk = v ; c\n", "a", "", "k", "v"},
      {"[a]\nk = v#w;x\n", "a", "", "k", "v#w;x"},
      {"[a]\nk = # c\n", "a", "", "k", ""},
      {"[a]\n# k = u\nk = v\n  # between\n  w\n", "a", "", "k", "v\nw"},
      {"[a]\nk = v\n\n   w  \n\tx\n", "a", "", "k", "v\nw\nx"},
      {"[a]\ns3 =\n  endpoint_url = http://h:1\n  b = c\nk = v\n", "a", "s3", "endpoint_url", "http://h:1"},
      {"[a]\ns3 =\n  endpoint_url = http://h:1\n  b = c\nk = v\n", "a", "s3", "b", "c"},
      {"[a]\ns3 =\n  endpoint_url = http://h:1\n  b = c\nk = v\n", "a", "", "k", "v"},
      {"[a]\nk = 1\n[b]\nk = 2\n[a]\nk = 3\nl = 4\n", "a", "", "k", "3"},
      {"[a]\nk = 1\nk = 2\n", "a", "", "k", "2"},
      {"  [a]\n  k = v\n", "a", "", "k", "v"},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct parsed p;
    parse(&p, cases[i].text);
    assert_int_equal(p.status, LH_OK);
    const char *const value = value_of(&p.file, cases[i].section, cases[i].parent, cases[i].name);
    if (value == NULL || strcmp(value, cases[i].value) != 0) {
      fail_msg("%s\n%s is %s", cases[i].text, cases[i].name, value != NULL ? value : "not there");
    }
    lh_arena_clear(&p.arena);
  }
}

static void empty_texts_hold_nothing(void **state) {
  (void)state;
  static const char *const texts[] = {"", "\n\n", "# c", "  \n\t\n;\n"};
  for (size_t i = 0; i < 4; i++) {
    struct parsed p;
    parse(&p, texts[i]);
    assert_int_equal(p.status, LH_OK);
    assert_int_equal(p.file.count, 0);
    assert_int_equal(p.file.section_count, 0);
    lh_arena_clear(&p.arena);
  }
}

static void wrong_lines_are_named_without_what_they_hold(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"[a\nk = hunter2", "config, line 1: a section without closing bracket"},
      {"[a] hunter2\n", "config, line 1: something stands behind the section's closing bracket"},
      {"\nk = hunter2\n", "config, line 2: a property before the first section"},
      {"[a]\nhunter2\n", "config, line 2: neither a section nor \"name = value\""},
      {"[a]\n= hunter2\n", "config, line 2: a value without a name"},
      {"[a]\ns3 =\n  hunter2\n", "config, line 3: neither a section nor \"name = value\""},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct parsed p;
    parse(&p, cases[i].text);
    assert_int_equal(p.status, LH_ERROR_LAKE);
    assert_string_equal(p.err.message, cases[i].message);
    lh_arena_clear(&p.arena);
  }
}

static void a_nul_is_refused(void **state) {
  (void)state;
  char text[] = "[a]\nk = \0v\n";
  struct lh_arena arena;
  struct lh_profile_file file;
  struct lh_error err;
  lh_arena_init(&arena, 0);
  assert_int_equal(
      lh_profile_file_parse(text, sizeof(text) - 1, "config", LH_ERROR_LAKE, &arena, &file, &err),
      LH_ERROR_LAKE);
  lh_arena_clear(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_are_found_by_section_and_name),
      cmocka_unit_test(empty_texts_hold_nothing),
      cmocka_unit_test(wrong_lines_are_named_without_what_they_hold),
      cmocka_unit_test(a_nul_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
