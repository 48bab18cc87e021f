/* The project file that init writes: always one that parses, whatever the tables are called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "project/init.h"
#include "project/project.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct written {
  struct lh_buf text;
  struct lh_arena arena;
  struct lh_project *project;
};

static void write_and_parse(const char *name, const char *source, const char *const *tables, size_t count,
                            struct written *out) {
  struct lh_error err;
  lh_buf_init(&out->text, (size_t)1 << 20);
  lh_arena_init(&out->arena, 0);
  if (lh_project_write_template(name, source, tables, NULL, count, &out->text, &err) != LH_OK ||
      lh_project_parse((const char *)out->text.data, out->text.len, "lakehaul.yaml", &out->arena,
                       &out->project, &err) != LH_OK) {
    fail_msg("%s (hint: %s) in\n%.*s", err.message, err.hint, (int)out->text.len,
             out->text.data != NULL ? (const char *)out->text.data : "");
  }
}

static void clear(struct written *written) {
  lh_buf_clear(&written->text);
  lh_arena_clear(&written->arena);
}

static void a_usual_database_gives_a_readable_file(void **state) {
  (void)state;
  setenv("DATABASE_URL", "postgresql://u:secret@h/d", 1);
  struct written written;
  write_and_parse("shop", NULL, (const char *const[]){"public.orders", "public.users"}, 2, &written);
  const char *text;
  struct lh_error err;
  assert_int_equal(lh_buf_cstr(&written.text, &text, &err), LH_OK);
  assert_non_null(strstr(text, "\nproject: shop\nsource: ${DATABASE_URL} "));
  assert_non_null(
      strstr(text, "\ntasks:\n  orders: { table: public.orders }\n  users:  { table: public.users }\n"));
  assert_null(strstr(text, "secret"));
  assert_string_equal(written.project->source.uri, "postgresql://u:secret@h/d");
  assert_string_equal(written.project->lake, "./lake");
  assert_int_equal(written.project->task_count, 2);
  clear(&written);
}

static void the_defaults_in_its_comments_are_those_of_the_parser(void **state) {
  (void)state;
  setenv("DATABASE_URL", "postgresql://h/d", 1);
  struct written written;
  write_and_parse("shop", NULL, (const char *const[]){"public.orders"}, 1, &written);
  const struct lh_project plain = *written.project;
  /* The same file with its commented settings in force. */
  const char *text;
  struct lh_error err;
  assert_int_equal(lh_buf_cstr(&written.text, &text, &err), LH_OK);
  char *const uncommented = strdup(text);
  assert_non_null(uncommented);
  static const char *const settings[] = {"# jobs:", "# streams:", "# memory:", "# keep:", "# compression:"};
  for (size_t i = 0; i < COUNT(settings); i++) {
    char *const at = strstr(uncommented, settings[i]);
    assert_non_null(at);
    memmove(at, at + 2, strlen(at + 2) + 1);
  }
  struct lh_project *project = NULL;
  if (lh_project_parse(uncommented, strlen(uncommented), "lakehaul.yaml", &written.arena, &project, &err) !=
      LH_OK) {
    fail_msg("%s", err.message);
  }
  assert_int_equal(project->jobs, plain.jobs);
  assert_int_equal(project->tasks[0].streams, plain.tasks[0].streams);
  assert_int_equal(project->memory_bytes, plain.memory_bytes);
  assert_int_equal(project->keep, plain.keep);
  assert_int_equal(project->tasks[0].codec, plain.tasks[0].codec);
  free(uncommented);
  clear(&written);
}

static void any_name_reads_back_as_it_is(void **state) {
  (void)state;
  static const char *const tables[] = {
      "public.\"Order Items\"",
      "public.\"a\"\"b\"",
      "public.\"back\\slash\"",
      "public.\"${HOME}$$x\"",
      "public.\"line\nbreak\ttab\"",
      "public.\"\xC3\x9C"
      "bung: # {x}, [y]\"",
      "public.\"\xE2\x80\xA8\xC2\x85\xEF\xBB\xBF\"",
      "public.\"\xF0\x9F\x9A\x9B\"",
      "public.\"dot.ted\"",
      "public.cost$us",
      "public.\"1st\"",
      "null",
      "public._lakehaul",
  };
  struct written written;
  write_and_parse("null: \"$5\"", "host='/tmp/a b' user=\"x\" dbname=$$5", tables, COUNT(tables), &written);
  assert_string_equal(written.project->name, "null: \"$5\"");
  assert_string_equal(written.project->source.uri, "host='/tmp/a b' user=\"x\" dbname=$5");
  assert_int_equal(written.project->task_count, COUNT(tables));
  for (size_t i = 0; i < COUNT(tables); i++) {
    assert_string_equal(written.project->tasks[i].table, tables[i]);
  }
  clear(&written);
}

static void assert_names(const char *const *tables, const char *const *expected, size_t count) {
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  const char *const *names = NULL;
  struct lh_error err;
  assert_int_equal(lh_project_derive_task_names(tables, count, &arena, &names, &err), LH_OK);
  for (size_t i = 0; i < count; i++) {
    assert_string_equal(names[i], expected[i]);
  }
  lh_arena_clear(&arena);
}

static void task_names_are_plain_forms_of_table_names(void **state) {
  (void)state;
  static const char *const tables[] = {"public.orders",
                                       "public.\"Order Items\"",
                                       "public.\"1st\"",
                                       "public.\"\xC3\x9C"
                                       "bung\"",
                                       "public.\"dot.ted\"",
                                       "plain",
                                       "public.\"q\"\"t\""};
  static const char *const names[] = {"orders", "order_items", "_1st", "_bung", "dot_ted", "plain", "q_t"};
  assert_names(tables, names, COUNT(tables));
}

static void names_that_collide_carry_their_schema(void **state) {
  (void)state;
  static const char *const tables[] = {"public.orders", "app.orders", "app.users", "public._lakehaul"};
  static const char *const names[] = {"public_orders", "app_orders", "users", "public__lakehaul"};
  assert_names(tables, names, COUNT(tables));
}

static void names_that_collide_even_so_are_numbered(void **state) {
  (void)state;
  static const char *const tables[] = {"app.orders", "app.\"Orders\"", "public.app_orders", "_lakehaul"};
  static const char *const names[] = {"app_orders", "app_orders_2", "app_orders_3", "_lakehaul_2"};
  assert_names(tables, names, COUNT(tables));
}

static void a_database_without_tables_is_an_error(void **state) {
  (void)state;
  struct lh_buf text;
  lh_buf_init(&text, 4096);
  struct lh_error err;
  assert_int_equal(lh_project_write_template("shop", NULL, NULL, NULL, 0, &text, &err), LH_ERROR_SOURCE);
  assert_string_equal(err.message, "the database has no tables that this role may read");
  lh_buf_clear(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_usual_database_gives_a_readable_file),
      cmocka_unit_test(the_defaults_in_its_comments_are_those_of_the_parser),
      cmocka_unit_test(any_name_reads_back_as_it_is),
      cmocka_unit_test(task_names_are_plain_forms_of_table_names),
      cmocka_unit_test(names_that_collide_carry_their_schema),
      cmocka_unit_test(names_that_collide_even_so_are_numbered),
      cmocka_unit_test(a_database_without_tables_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
