/* What the project file says of columns: settings as they are read, and what every wrong one is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "project/project.h"

/* Four lines; what follows starts on line 5. */
#define HEAD "project: shop\nsource: postgresql://localhost/shop\nlake: ./lake\ntasks:\n"
#define COLUMN_HEAD HEAD "  t:\n    table: u\n    columns:\n"
#define DECIMAL_HINT "write decimal(12,2): a precision from 1 to 38, and a scale up to it"
#define TYPES_HINT                                                                                     \
  "known here: text, json, boolean, smallint, int, bigint, float, double, decimal(12,2), date, time, " \
  "timestamp, timestamptz, uuid, geometry, geography, variant"

static struct lh_project *parse(const char *yaml, struct lh_arena *arena) {
  struct lh_project *project = NULL;
  struct lh_error err;
  lh_arena_init(arena, 0);
  if (lh_project_parse(yaml, strlen(yaml), "lakehaul.yaml", arena, &project, &err) != LH_OK) {
    fail_msg("%s (hint: %s)", err.message, err.hint);
  }
  return project;
}

static void without_a_word_columns_are_as_they_always_were(void **state) {
  (void)state;
  struct lh_arena arena;
  const struct lh_task_spec *const task = parse(HEAD "  t: { table: u }\n", &arena)->tasks;
  assert_int_equal(task->settings_count, 0);
  assert_int_equal(task->policy.on_unrepresentable, LH_UNREPRESENTABLE_ERROR);
  assert_int_equal(task->policy.numeric, LH_NUMERIC_TEXT);
  assert_int_equal(task->policy.multidimensional, LH_MULTIDIMENSIONAL_ERROR);
  assert_int_equal(task->names, LH_NAMES_LOWER);
  assert_int_equal(task->compat, LH_COMPAT_ATHENA);
  assert_null(task->where);
  lh_arena_clear(&arena);
}

static void every_setting_of_a_column_is_read(void **state) {
  (void)state;
  struct lh_arena arena;
  const struct lh_task_spec *const task = parse(COLUMN_HEAD
                                                "      exclude: [secret]\n"
                                                "      Full Name: { rename: name, mask: sha256 }\n"
                                                "      price: { type: \"decimal(12, 2)\" }\n"
                                                "      a: { mask: null, on_unrepresentable: null }\n"
                                                "      b: { numeric: decimal(38) }\n"
                                                "      c: { numeric: probe, multidimensional: json }\n"
                                                "      d: { type: timestamptz }\n"
                                                "      e: { mask: redact }\n"
                                                "      f: { encoding: delta_byte_array }\n",
                                                &arena)
                                              ->tasks;
  const struct lh_column_settings *const settings = task->settings;
  assert_int_equal(task->settings_count, 8);
  assert_int_equal(task->exclude_count, 1);
  assert_string_equal(settings[0].column, "Full Name");
  assert_string_equal(settings[0].rename, "name");
  assert_int_equal(settings[0].mask, LH_MASK_SHA256);
  assert_int_equal(settings[1].cast, LH_CAST_DECIMAL);
  assert_int_equal(settings[1].precision, 12);
  assert_int_equal(settings[1].scale, 2);
  assert_int_equal(settings[2].mask, LH_MASK_NULL);
  assert_int_equal(settings[2].policy.on_unrepresentable, LH_UNREPRESENTABLE_NULL);
  assert_int_equal(settings[3].policy.numeric, LH_NUMERIC_DECIMAL);
  assert_int_equal(settings[3].policy.numeric_precision, 38);
  assert_int_equal(settings[3].policy.numeric_scale, 0);
  assert_true(settings[3].has_numeric);
  assert_int_equal(settings[4].policy.numeric, LH_NUMERIC_PROBE);
  assert_int_equal(settings[4].policy.multidimensional, LH_MULTIDIMENSIONAL_JSON);
  assert_false(settings[5].has_numeric);
  assert_int_equal(settings[5].cast, LH_CAST_TIMESTAMPTZ);
  assert_int_equal(settings[6].mask, LH_MASK_REDACT);
  assert_int_equal(settings[6].encoding, LH_ENCODING_AUTO);
  assert_int_equal(settings[7].encoding, LH_ENCODING_DELTA_BYTE_ARRAY);
  lh_arena_clear(&arena);
}

static void the_newest_readers_may_be_asked_for(void **state) {
  (void)state;
  struct lh_arena arena;
  const struct lh_project *const project = parse(
      "project: shop\nsource: x\nlake: y\ncompat: latest\ntasks:\n"
      "  a: { table: t, columns: { c: { encoding: byte_stream_split } } }\n"
      "  b: { table: t, compat: athena }\n",
      &arena);
  assert_int_equal(project->tasks[0].compat, LH_COMPAT_LATEST);
  assert_int_equal(project->tasks[0].settings[0].encoding, LH_ENCODING_BYTE_STREAM_SPLIT);
  assert_int_equal(project->tasks[1].compat, LH_COMPAT_ATHENA);
  lh_arena_clear(&arena);
}

static void the_order_of_rows_is_read(void **state) {
  (void)state;
  struct lh_arena arena;
  const struct lh_task_spec *const task =
      parse(HEAD "  t: { query: q, sort_by: [a, b desc, \"Placed at  DESC\", d asc, desc] }\n", &arena)
          ->tasks;
  static const struct lh_sort_key expected[] = {
      {"a", false}, {"b", true}, {"Placed at", true}, {"d", false}, {"desc", false}};
  assert_int_equal(task->sort_by_count, 5);
  for (size_t i = 0; i < 5; i++) {
    assert_string_equal(task->sort_by[i].column, expected[i].column);
    assert_int_equal(task->sort_by[i].is_descending, expected[i].is_descending);
  }
  lh_arena_clear(&arena);
}

static void bloom_filters_can_be_asked_for_and_left_out(void **state) {
  (void)state;
  struct lh_arena arena;
  const struct lh_project *const project = parse(
      "project: shop\nsource: x\nlake: y\nbloom: none\ntasks:\n"
      "  a: { table: t, columns: { c: { bloom: true }, d: { bloom: false }, e: { mask: null } } }\n"
      "  b: { table: t, bloom: auto }\n",
      &arena);
  const struct lh_column_settings *const settings = project->tasks[0].settings;
  assert_true(project->tasks[0].no_bloom);
  assert_false(project->tasks[1].no_bloom);
  assert_true(settings[0].has_bloom && settings[0].bloom);
  assert_true(settings[1].has_bloom && !settings[1].bloom);
  assert_false(settings[2].has_bloom);
  lh_arena_clear(&arena);
}

static void what_is_nearer_goes_before_what_is_further(void **state) {
  (void)state;
  struct lh_arena arena;
  const struct lh_project *const project = parse(
      "project: shop\nsource: x\nlake: y\non_unrepresentable: null\nnames: keep\ntasks:\n"
      "  a: { table: t, columns: { c: { on_unrepresentable: error }, D: { rename: \"E f\" } } }\n"
      "  b: { table: t, on_unrepresentable: clamp, names: lower, numeric: double }\n",
      &arena);
  const struct lh_task_spec *const a = &project->tasks[0];
  assert_int_equal(a->policy.on_unrepresentable, LH_UNREPRESENTABLE_NULL);
  assert_int_equal(a->settings[0].policy.on_unrepresentable, LH_UNREPRESENTABLE_ERROR);
  assert_int_equal(a->settings[1].policy.on_unrepresentable, LH_UNREPRESENTABLE_NULL);
  assert_string_equal(a->settings[1].rename, "E f");
  assert_int_equal(a->names, LH_NAMES_KEEP);
  assert_int_equal(project->tasks[1].policy.on_unrepresentable, LH_UNREPRESENTABLE_CLAMP);
  assert_int_equal(project->tasks[1].names, LH_NAMES_LOWER);
  assert_int_equal(project->tasks[1].policy.numeric, LH_NUMERIC_DOUBLE);
  lh_arena_clear(&arena);
}

static void columns_may_be_named_like_the_lists(void **state) {
  (void)state;
  struct lh_arena arena;
  const struct lh_task_spec *const task =
      parse(COLUMN_HEAD "      include: [include, exclude]\n      exclude: { mask: redact }\n", &arena)
          ->tasks;
  assert_int_equal(task->include_count, 2);
  assert_int_equal(task->exclude_count, 0);
  assert_int_equal(task->settings_count, 1);
  assert_string_equal(task->settings[0].column, "exclude");
  lh_arena_clear(&arena);
}

struct wrong_file {
  const char *yaml;
  const char *message; /* after "lakehaul.yaml:" */
  const char *hint;
};

static const struct wrong_file wrong_files[] = {
    {COLUMN_HEAD "      email: { maks: sha256 }\n", "8:16: unknown key \"maks\" in column email of task t",
     "did you mean \"mask\"?"},
    {COLUMN_HEAD "      email: { mask: sha265 }\n", "8:22: unknown mask \"sha265\" in column email of task t",
     "did you mean \"sha256\"?"},
    {COLUMN_HEAD "      email: { mask: ~ }\n", "8:22: mask of column email of task t has no value", ""},
    {COLUMN_HEAD "      email: {}\n", "8:14: column email of task t is empty",
     "say rename, type, mask, numeric, multidimensional, on_unrepresentable, encoding or bloom"},
    {COLUMN_HEAD "      email: sha256\n", "8:7: unknown key \"email\" in columns of task t",
     "known here: include, exclude; a column's settings are a mapping: email: { … }"},
    {COLUMN_HEAD "      a: { mask: null }\n      a: { rename: b }\n",
     "9:7: a of columns of task t is given twice, first on line 8", "keep one of them"},
    {COLUMN_HEAD "      include: [a]\n      include: [b]\n",
     "9:7: include of columns of task t is given twice, first on line 8", "keep one of them"},
    {COLUMN_HEAD "      exclude: [a]\n      a: { mask: null }\n",
     "9:7: column a of task t has settings and is not taken",
     "remove the settings, or the name from exclude"},
    {COLUMN_HEAD "      a: { mask: null }\n      include: [b]\n",
     "8:7: column a of task t has settings and is not taken",
     "remove the settings, or add the name to include"},
    {COLUMN_HEAD "      a: { mask: null, type: int }\n", "8:24: column a of task t has both mask and type",
     "keep one of them: a masked value is text, and none with mask: null"},
    {COLUMN_HEAD "      a: { numeric: probe, type: int }\n",
     "8:12: column a of task t has both type and numeric",
     "keep one of them: numeric is for columns that keep their type"},
    {COLUMN_HEAD "      a: { type: number }\n", "8:18: unknown type \"number\" in column a of task t",
     TYPES_HINT},
    {COLUMN_HEAD "      a: { type: \"decimal(39,0)\" }\n",
     "8:18: \"decimal(39,0)\" is no decimal of the lake", DECIMAL_HINT},
    {COLUMN_HEAD "      a: { type: \"decimal(5,6)\" }\n", "8:18: \"decimal(5,6)\" is no decimal of the lake",
     DECIMAL_HINT},
    {COLUMN_HEAD "      a: { type: decimal }\n", "8:18: \"decimal\" is no decimal of the lake", DECIMAL_HINT},
    {COLUMN_HEAD "      a: { numeric: decimal(5 }\n", "8:21: \"decimal(5\" is no decimal of the lake",
     DECIMAL_HINT},
    {COLUMN_HEAD "      a: { numeric: exact }\n", "8:21: unknown numeric \"exact\" in column a of task t",
     "known here: text, double, probe, decimal(12,2)"},
    {COLUMN_HEAD "      a: { rename: Big }\n", "8:20: \"Big\" cannot name a column of the lake",
     "a-z, 0-9 and _, the first no digit; or say names: keep"},
    {COLUMN_HEAD "      a: { rename: 2nd }\n", "8:20: \"2nd\" cannot name a column of the lake",
     "a-z, 0-9 and _, the first no digit; or say names: keep"},
    {COLUMN_HEAD "      a: { multidimensional: jsno }\n",
     "8:30: unknown multidimensional \"jsno\" in column a of task t", "did you mean \"json\"?"},
    {COLUMN_HEAD "      a: { encoding: delta }\n", "8:22: unknown encoding \"delta\" in column a of task t",
     "known here: auto, plain, dictionary, delta_binary_packed, delta_length_byte_array, delta_byte_array, "
     "byte_stream_split, rle"},
    {COLUMN_HEAD "      a: { encoding: byte_stream_split }\n",
     "8:22: column a of task t asks for byte_stream_split, which Athena cannot read",
     "say compat: latest for the task or the project where no older reader matters"},
    {COLUMN_HEAD "      a: { bloom: auto }\n", "8:19: unknown bloom \"auto\" in column a of task t",
     "known here: false, true"},
    {HEAD "  t: { table: u, bloom: true }\n", "5:25: unknown bloom \"true\" in task t",
     "known here: auto, none"},
    {HEAD "  t: { table: u, sort_by: id }\n", "5:27: sort_by of task t must be a list, not a single value",
     "a list is written [a, b]"},
    {HEAD "  t: { table: u, sort_by: [a, b, a desc] }\n", "5:27: sort_by of task t names a twice",
     "the first decides: keep that one"},
    {HEAD "  t: { table: u, sort_by: [a], split_by: a }\n", "5:32: task t has both sort_by and split_by",
     "keep one of them: sorted rows are read over one connection"},
    {HEAD "  t: { table: u, streams: 2, sort_by: [a] }\n", "5:18: task t has both sort_by and streams",
     "keep one of them: sorted rows are read over one connection"},
    {HEAD "  t: { table: u, compat: any }\n", "5:26: unknown compat \"any\" in task t",
     "known here: athena, latest"},
    {HEAD "  t: { table: u, on_unrepresentable: nulls }\n",
     "5:38: unknown on_unrepresentable \"nulls\" in task t", "did you mean \"null\"?"},
    {HEAD "  t: { table: u, names: upper }\n", "5:25: unknown names \"upper\" in task t",
     "known here: lower, keep"},
    {HEAD "  t: { table: u, where: \" \" }\n", "5:25: where of task t is empty", ""},
    {HEAD "  t: { query: select 1, where: a }\n", "5:25: task t is of kind query and takes no where",
     "write the condition into its SELECT"},
    {HEAD "  t: { sql: none.sql, numeric: double }\n", "5:23: task t is of kind sql and takes no numeric",
     "it is for tasks that read PostgreSQL"},
    {"project: a\nsource: x\nlake: y\nnames: Lower\ntasks: { t: { table: u } }\n",
     "4:8: unknown names \"Lower\"", "did you mean \"lower\"?"},
    {"project: a\nsource: x\nlake: y\non_unrepresentable: ~\ntasks: { t: { table: u } }\n",
     "4:21: on_unrepresentable has no value", ""},
};

static void wrong_settings_are_placed_and_explained(void **state) {
  (void)state;
  size_t mismatches = 0;
  for (size_t i = 0; i < sizeof(wrong_files) / sizeof(wrong_files[0]); i++) {
    struct lh_arena arena;
    struct lh_project *project = NULL;
    struct lh_error err;
    char message[LH_ERROR_MESSAGE_MAX];
    lh_arena_init(&arena, 0);
    lh_error_clear(&err);
    const lh_status status = lh_project_parse(wrong_files[i].yaml, strlen(wrong_files[i].yaml),
                                              "lakehaul.yaml", &arena, &project, &err);
    snprintf(message, sizeof(message), "lakehaul.yaml:%s", wrong_files[i].message);
    if (status != LH_ERROR_PROJECT || strcmp(err.message, message) != 0 ||
        strcmp(err.hint, wrong_files[i].hint) != 0) {
      mismatches++;
      print_error("the file\n%s\nis told (%s)\n  %s\n  hint: %s\ninstead of\n  %s\n  hint: %s\n\n",
                  wrong_files[i].yaml, lh_status_name(status), err.message, err.hint, message,
                  wrong_files[i].hint);
    }
    lh_arena_clear(&arena);
  }
  assert_int_equal(mismatches, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_a_word_columns_are_as_they_always_were),
      cmocka_unit_test(every_setting_of_a_column_is_read),
      cmocka_unit_test(the_newest_readers_may_be_asked_for),
      cmocka_unit_test(the_order_of_rows_is_read),
      cmocka_unit_test(bloom_filters_can_be_asked_for_and_left_out),
      cmocka_unit_test(what_is_nearer_goes_before_what_is_further),
      cmocka_unit_test(columns_may_be_named_like_the_lists),
      cmocka_unit_test(wrong_settings_are_placed_and_explained),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
