/* What right project files mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "project/project.h"

static struct lh_project *parse(const char *yaml, struct lh_arena *arena) {
  struct lh_project *project = NULL;
  struct lh_error err;
  lh_arena_init(arena, 0);
  const lh_status status = lh_project_parse(yaml, strlen(yaml), "lakehaul.yaml", arena, &project, &err);
  if (status != LH_OK) {
    fail_msg("%s (hint: %s)", err.message, err.hint);
  }
  return project;
}

static void write_file(const char *path, const char *text) {
  FILE *const file = fopen(path, "w");
  assert_non_null(file);
  assert_true(fputs(text, file) >= 0);
  assert_int_equal(fclose(file), 0);
}

static int enter_directory(void **state) {
  static char directory[] = "/tmp/lakehaul-project-XXXXXX";
  *state = mkdtemp(directory);
  if (*state == NULL || chdir(directory) != 0 || mkdir("tasks", 0777) != 0) {
    return -1;
  }
  write_file("tasks/combined.sql", "\xEF\xBB\xBFselect * from orders -- ${NOT_EXPANDED}\n");
  unsetenv("LH_TEST_UNSET");
  setenv("LH_TEST_EMPTY", "", 1);
  setenv("LH_TEST_SCHEMA", "app", 1);
  return setenv("LH_TEST_URL", "postgresql://u:p%40: # \"'{}[]$$${X}@host/db", 1);
}

static int leave_directory(void **state) {
  struct lh_error err;
  return lh_fs_remove_tree(*state, LH_ERROR_LAKE, &err) == LH_OK ? 0 : -1;
}

static void a_full_file_is_read_as_written(void **state) {
  (void)state;
  struct lh_arena arena;
  const struct lh_project *const project = parse(
      "project: shop\n"
      "source: postgresql://localhost/shop\n"
      "lake: file:///srv/lake\n"
      "catalog: local\n"
      "engine: duckdb\n"
      "jobs: 4\n"
      "streams: \"8\"\n"
      "replica: postgresql://replica/shop\n"
      "max_rate: 50MB/s\n"
      "lock_timeout: 5 s\n"
      "statement_timeout: 2h\n"
      "file_size: 128MB\n"
      "memory: 1GiB\n"
      "keep: 5\n"
      "compression: gzip(9)\n"
      "schema: strict\n"
      "tasks:\n"
      "  orders: { table: public.orders }\n"
      "  users: { table: public.users, columns: { exclude: [password_hash, salt] }, compression: snappy, "
      "streams: 3, split_by: created_at, file_size: 1MB }\n"
      "  recent: { query: \"select id from orders\", columns: { include: [id] } }\n"
      "  combined:\n"
      "    sql: tasks/combined.sql\n"
      "    compression: zstd(19)\n"
      "    schema: evolve\n",
      &arena);
  assert_string_equal(project->path, "lakehaul.yaml");
  assert_string_equal(project->directory, ".");
  assert_string_equal(project->name, "shop");
  assert_string_equal(project->source.uri, "postgresql://localhost/shop");
  assert_string_equal(project->lake, "file:///srv/lake");
  assert_int_equal(project->jobs, 4);
  assert_string_equal(project->replica.uri, "postgresql://replica/shop");
  assert_int_equal(project->rate_bytes, UINT64_C(50) << 20);
  assert_int_equal(project->lock_timeout_ms, 5000);
  assert_int_equal(project->statement_timeout_ms, 7200000);
  assert_int_equal(project->tasks[0].streams, 8);
  assert_int_equal(project->tasks[0].file_bytes, UINT64_C(128) << 20);
  assert_int_equal(project->tasks[1].streams, 3);
  assert_int_equal(project->tasks[1].file_bytes, UINT64_C(1) << 20);
  assert_string_equal(project->tasks[1].split_by, "created_at");
  assert_int_equal(project->memory_bytes, (uint64_t)1 << 30);
  assert_int_equal(project->keep, 5);
  assert_int_equal(project->task_count, 4);

  const struct lh_task_spec *task = &project->tasks[0];
  assert_string_equal(task->name, "orders");
  assert_int_equal(task->kind, LH_TASK_TABLE);
  assert_int_equal(task->line, 18);
  assert_string_equal(task->table, "public.orders");
  assert_null(task->include);
  assert_null(task->exclude);
  assert_int_equal(task->codec, LH_CODEC_GZIP);
  assert_int_equal(task->codec_level, 9);
  assert_int_equal(task->schema_rule, LH_SCHEMA_STRICT);

  task = &project->tasks[1];
  assert_int_equal(task->exclude_count, 2);
  assert_string_equal(task->exclude[0], "password_hash");
  assert_string_equal(task->exclude[1], "salt");
  assert_int_equal(task->codec, LH_CODEC_SNAPPY);
  assert_int_equal(task->codec_level, LH_CODEC_LEVEL_DEFAULT);

  task = &project->tasks[2];
  assert_int_equal(task->kind, LH_TASK_QUERY);
  assert_string_equal(task->query, "select id from orders");
  assert_int_equal(task->include_count, 1);
  assert_string_equal(task->include[0], "id");

  task = &project->tasks[3];
  assert_int_equal(task->kind, LH_TASK_SQL);
  assert_int_equal(task->line, 21);
  assert_string_equal(task->sql_path, "tasks/combined.sql");
  assert_string_equal(task->sql, "select * from orders -- ${NOT_EXPANDED}\n");
  assert_int_equal(task->codec, LH_CODEC_ZSTD);
  assert_int_equal(task->codec_level, 19);
  assert_int_equal(task->schema_rule, LH_SCHEMA_EVOLVE);
  lh_arena_clear(&arena);
}

static void what_a_file_leaves_out_has_defaults(void **state) {
  (void)state;
  struct lh_arena arena;
  const struct lh_project *const project =
      parse("project: shop\nlake: ./lake\ntasks:\n  combined: { sql: tasks/combined.sql }\n", &arena);
  assert_null(project->source.uri);
  assert_int_equal(project->jobs, 2);
  assert_int_equal(project->tasks[0].streams, 2);
  assert_int_equal(project->tasks[0].file_bytes, UINT64_C(512) << 20);
  assert_int_equal(project->rate_bytes, 0);
  assert_int_equal(project->lock_timeout_ms, 60000);
  assert_int_equal(project->statement_timeout_ms, 0);
  assert_int_equal(project->memory_bytes, (uint64_t)512 << 20);
  assert_int_equal(project->keep, 3);
  assert_int_equal(project->tasks[0].codec, LH_CODEC_ZSTD);
  assert_int_equal(project->tasks[0].schema_rule, LH_SCHEMA_EVOLVE);
  assert_int_equal(project->tasks[0].codec_level, LH_CODEC_LEVEL_DEFAULT);
  lh_arena_clear(&arena);
}

static void variables_are_expanded_after_yaml_is_parsed(void **state) {
  (void)state;
  struct lh_arena arena;
  const struct lh_project *const project = parse(
      "project: ${LH_TEST_UNSET:-shop}-${LH_TEST_EMPTY:-x}\n"
      "source: ${LH_TEST_URL}\n"
      "lake: ${LH_TEST_UNSET:-./lake/${LH_TEST_SCHEMA}}\n"
      "jobs: ${LH_TEST_UNSET:-7}\n"
      "tasks:\n"
      "  a: { table: \"${LH_TEST_SCHEMA}.orders\", columns: { include: [\"${LH_TEST_SCHEMA}_id\"] } }\n"
      "  b: { query: 'select $1, $$2, ''^x$'' || \"${LH_TEST_EMPTY}\"' }\n",
      &arena);
  assert_string_equal(project->name, "shop-x");
  assert_string_equal(project->source.uri, "postgresql://u:p%40: # \"'{}[]$$${X}@host/db");
  assert_string_equal(project->lake, "./lake/app");
  assert_int_equal(project->jobs, 7);
  assert_string_equal(project->tasks[0].table, "app.orders");
  assert_string_equal(project->tasks[0].include[0], "app_id");
  assert_string_equal(project->tasks[1].query, "select $1, $2, '^x$' || \"\"");
  lh_arena_clear(&arena);
}

static void values_are_text_whatever_yaml_would_take_them_for(void **state) {
  (void)state;
  struct lh_arena arena;
  const struct lh_project *const project = parse(
      "project: 007\nsource: \"null\"\nlake: no\ntasks:\n  a: { table: true, columns: { include: [1.0, off] "
      "} }\n",
      &arena);
  assert_string_equal(project->name, "007");
  assert_string_equal(project->source.uri, "null");
  assert_string_equal(project->lake, "no");
  assert_string_equal(project->tasks[0].table, "true");
  assert_string_equal(project->tasks[0].include[0], "1.0");
  assert_string_equal(project->tasks[0].include[1], "off");
  lh_arena_clear(&arena);
}

static void anchors_and_aliases_share_values(void **state) {
  (void)state;
  struct lh_arena arena;
  const struct lh_project *const project = parse(
      "project: shop\nsource: x\nlake: y\n"
      "tasks:\n"
      "  a: { table: s.a, columns: &secret { exclude: [password] } }\n"
      "  b: { table: s.b, columns: *secret }\n",
      &arena);
  assert_string_equal(project->tasks[1].exclude[0], "password");
  lh_arena_clear(&arena);
}

static void an_alias_within_its_own_anchor_is_refused(void **state) {
  (void)state;
  static const char yaml[] = "project: shop\nsource: x\nlake: y\ntasks: &t\n  a: *t\n";
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  struct lh_project *project = NULL;
  struct lh_error err;
  assert_int_equal(lh_project_parse(yaml, strlen(yaml), "lakehaul.yaml", &arena, &project, &err),
                   LH_ERROR_PROJECT);
  assert_string_equal(err.message, "lakehaul.yaml:5:3: unknown key \"a\" in task a");
  lh_arena_clear(&arena);
}

static void the_longest_task_name_is_accepted(void **state) {
  (void)state;
  char name[129];
  memset(name, 'n', 128);
  name[128] = '\0';
  char yaml[512];
  snprintf(yaml, sizeof(yaml), "project: shop\nsource: x\nlake: y\ntasks:\n  %s: { table: t }\n", name);
  struct lh_arena arena;
  const struct lh_project *const project = parse(yaml, &arena);
  assert_string_equal(project->tasks[0].name, name);
  lh_arena_clear(&arena);
}

static void sql_paths_start_from_the_file_s_directory(void **state) {
  (void)state;
  assert_int_equal(mkdir("elsewhere", 0777), 0);
  write_file("elsewhere/p.yaml", "project: shop\nlake: y\ntasks:\n  a: { sql: q.sql }\n");
  write_file("elsewhere/q.sql", "select 2");
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  struct lh_project *project = NULL;
  struct lh_error err;
  assert_int_equal(lh_project_load("elsewhere/p.yaml", &arena, &project, &err), LH_OK);
  assert_string_equal(project->path, "elsewhere/p.yaml");
  assert_string_equal(project->directory, "elsewhere");
  assert_string_equal(project->tasks[0].sql, "select 2");
  lh_arena_clear(&arena);
}

static void tasks_are_found_by_their_exact_name(void **state) {
  (void)state;
  struct lh_arena arena;
  const struct lh_project *const project =
      parse("project: shop\nsource: x\nlake: y\ntasks:\n  a: { table: t }\n  b: { table: u }\n", &arena);
  assert_ptr_equal(lh_project_find_task(project, "b"), &project->tasks[1]);
  assert_null(lh_project_find_task(project, "B"));
  assert_null(lh_project_find_task(project, "c"));
  lh_arena_clear(&arena);
}

static void kinds_have_the_names_of_their_keys(void **state) {
  (void)state;
  assert_string_equal(lh_task_kind_name(LH_TASK_TABLE), "table");
  assert_string_equal(lh_task_kind_name(LH_TASK_QUERY), "query");
  assert_string_equal(lh_task_kind_name(LH_TASK_SQL), "sql");
}

static void sizes_are_powers_of_1024(void **state) {
  (void)state;
  static const struct {
    const char *text;
    uint64_t bytes;
  } good[] = {
      {"0", 0},
      {"4096", 4096},
      {"4096B", 4096},
      {"64k", 64 << 10},
      {"512MB", (uint64_t)512 << 20},
      {"512 MB", (uint64_t)512 << 20},
      {"512mb", (uint64_t)512 << 20},
      {"1GiB", (uint64_t)1 << 30},
      {"2T", (uint64_t)2 << 40},
      {"16383P", (uint64_t)16383 << 50},
      {"18446744073709551615", UINT64_MAX},
  };
  for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
    uint64_t bytes = 1;
    assert_true(lh_parse_bytes(good[i].text, &bytes));
    assert_true(bytes == good[i].bytes);
  }
  static const char *const bad[] = {
      "",     " ",   "MB",  "-1",  "+1",   "1.5GB",  "1 ",    "1  MB",
      "1MBs", "1Mi", "1iB", "1XB", "0x10", "16384P", "1 MB ", "18446744073709551616"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    uint64_t bytes;
    if (lh_parse_bytes(bad[i], &bytes)) {
      fail_msg("\"%s\" is taken for a size", bad[i]);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_full_file_is_read_as_written),
      cmocka_unit_test(what_a_file_leaves_out_has_defaults),
      cmocka_unit_test(variables_are_expanded_after_yaml_is_parsed),
      cmocka_unit_test(values_are_text_whatever_yaml_would_take_them_for),
      cmocka_unit_test(anchors_and_aliases_share_values),
      cmocka_unit_test(an_alias_within_its_own_anchor_is_refused),
      cmocka_unit_test(the_longest_task_name_is_accepted),
      cmocka_unit_test(sql_paths_start_from_the_file_s_directory),
      cmocka_unit_test(tasks_are_found_by_their_exact_name),
      cmocka_unit_test(kinds_have_the_names_of_their_keys),
      cmocka_unit_test(sizes_are_powers_of_1024),
  };
  return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
