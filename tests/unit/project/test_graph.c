/* The task graph: order, cycles, selection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "project/graph.h"

/* Tasks as "name:read,read" words; a word without a colon is a table task. */
struct fixture {
  struct lh_arena arena;
  struct lh_project project;
  char **reads; /* per task: "read,read" or NULL */
};

static void add_task(struct fixture *fixture, char *word) {
  const size_t index = fixture->project.task_count++;
  struct lh_task_spec *const task = &fixture->project.tasks[index];
  char *const colon = strchr(word, ':');
  if (colon != NULL) {
    *colon = '\0';
    fixture->reads[index] = colon + 1;
  }
  *task = (struct lh_task_spec){
      .name = word, .kind = colon != NULL ? LH_TASK_SQL : LH_TASK_TABLE, .line = (int)index + 5};
  struct lh_error err;
  assert_int_equal(lh_map_put(&fixture->project.by_name, word, task, &err), LH_OK);
}

static void set_up(struct fixture *fixture, const char *tasks) {
  lh_arena_init(&fixture->arena, 0);
  const size_t most = strlen(tasks) / 2 + 1;
  fixture->project = (struct lh_project){.path = "lakehaul.yaml"};
  fixture->project.tasks = LH_ARENA_ARRAY(&fixture->arena, struct lh_task_spec, most);
  fixture->reads = LH_ARENA_ARRAY(&fixture->arena, char *, most);
  lh_map_init(&fixture->project.by_name, &fixture->arena);
  char *rest = NULL;
  char *const copy = lh_arena_strdup(&fixture->arena, tasks);
  for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
    add_task(fixture, word);
  }
}

static lh_status referenced(void *context, const struct lh_task_spec *task, struct lh_arena *arena,
                            const char *const **names, size_t *count, struct lh_error *err) {
  struct fixture *const fixture = context;
  const char *const reads = fixture->reads[task - fixture->project.tasks];
  if (strcmp(reads, "?") == 0) {
    return lh_error_set(err, LH_ERROR_QUERY, "syntax error at 1:1");
  }
  const char **const out = LH_ARENA_ARRAY(arena, const char *, strlen(reads) + 1);
  char *rest = NULL;
  char *const copy = lh_arena_strdup(arena, reads);
  for (char *word = strtok_r(copy, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
    out[(*count)++] = word;
  }
  *names = out;
  return LH_OK;
}

static struct lh_graph *build(struct fixture *fixture, const char *tasks) {
  set_up(fixture, tasks);
  struct lh_graph *graph = NULL;
  struct lh_error err;
  if (lh_graph_build(&fixture->project, referenced, fixture, &fixture->arena, &graph, &err) != LH_OK) {
    fail_msg("%s", err.message);
  }
  return graph;
}

static void assert_order(const char *tasks, const char *expected) {
  struct fixture fixture;
  const struct lh_graph *const graph = build(&fixture, tasks);
  char order[256] = "";
  for (size_t i = 0; i < graph->node_count; i++) {
    snprintf(order + strlen(order), sizeof(order) - strlen(order), "%s%s", i > 0 ? " " : "",
             graph->nodes[graph->order[i]].task->name);
  }
  assert_string_equal(order, expected);
  lh_arena_clear(&fixture.arena);
}

static void independent_tasks_keep_the_file_s_order(void **state) {
  (void)state;
  assert_order("c a b", "c a b");
}

static void what_a_task_reads_comes_before_it(void **state) {
  (void)state;
  assert_order("a:c b c", "c a b");
  assert_order("d:b,c b:a c:a a", "a b c d");
  assert_order("d:c,b b c", "b c d");
  assert_order("x a:b b:c c:d d y", "x d c b a y");
}

static void names_in_sql_match_in_any_case(void **state) {
  (void)state;
  struct fixture fixture;
  const struct lh_graph *const graph = build(&fixture, "orders combined:Orders,ORDERS,Elsewhere");
  assert_int_equal(graph->nodes[1].dependency_count, 1);
  assert_int_equal(graph->nodes[1].dependencies[0], 0);
  assert_int_equal(graph->nodes[1].external_count, 1);
  assert_string_equal(graph->nodes[1].external_tables[0], "Elsewhere");
  lh_arena_clear(&fixture.arena);
}

static void qualified_names_are_of_no_task(void **state) {
  (void)state;
  struct fixture fixture;
  const struct lh_graph *const graph = build(&fixture, "orders combined:public.orders");
  assert_int_equal(graph->nodes[1].dependency_count, 0);
  assert_int_equal(graph->nodes[1].external_count, 1);
  assert_string_equal(graph->nodes[1].external_tables[0], "public.orders");
  lh_arena_clear(&fixture.arena);
}

static void assert_build_fails(const char *tasks, lh_status status, const char *message) {
  struct fixture fixture;
  set_up(&fixture, tasks);
  struct lh_graph *graph = NULL;
  struct lh_error err;
  assert_int_equal(lh_graph_build(&fixture.project, referenced, &fixture, &fixture.arena, &graph, &err),
                   status);
  assert_string_equal(err.message, message);
  lh_arena_clear(&fixture.arena);
}

static void a_cycle_is_spelled(void **state) {
  (void)state;
  assert_build_fails("a:b b:a", LH_ERROR_PROJECT,
                     "lakehaul.yaml:5: tasks read each other in a circle: a → b → a");
  assert_build_fails("x:a y a:b b:c c:y,a", LH_ERROR_PROJECT,
                     "lakehaul.yaml:7: tasks read each other in a circle: a → b → c → a");
}

static void a_task_that_reads_itself_is_a_cycle(void **state) {
  (void)state;
  assert_build_fails("x a:x,A", LH_ERROR_PROJECT,
                     "lakehaul.yaml:6: the task reads the table that it makes: a → a");
}

static void errors_in_sql_name_the_task_s_place(void **state) {
  (void)state;
  assert_build_fails("x a:?", LH_ERROR_QUERY, "lakehaul.yaml:6: syntax error at 1:1");
}

static void assert_selected(struct lh_graph *graph, const char *const *names, size_t count, bool only,
                            const char *expected) {
  struct lh_error err;
  assert_int_equal(lh_graph_select(graph, names, count, only, &err), LH_OK);
  char selected[256] = "";
  for (size_t i = 0; i < graph->node_count; i++) {
    if (graph->nodes[i].selected) {
      snprintf(selected + strlen(selected), sizeof(selected) - strlen(selected), "%s%s",
               selected[0] != '\0' ? " " : "", graph->nodes[i].task->name);
    }
  }
  assert_string_equal(selected, expected);
}

static void selection_takes_what_is_named_and_what_that_reads(void **state) {
  (void)state;
  struct fixture fixture;
  struct lh_graph *const graph = build(&fixture, "top:mid,a mid:b a b c other:c");
  assert_selected(graph, NULL, 0, false, "top mid a b c other");
  assert_selected(graph, NULL, 0, true, "top mid a b c other");
  assert_selected(graph, (const char *const[]){"top"}, 1, false, "top mid a b");
  assert_selected(graph, (const char *const[]){"top"}, 1, true, "top");
  assert_selected(graph, (const char *const[]){"other", "mid", "mid"}, 3, false, "mid b c other");
  assert_selected(graph, (const char *const[]){"b"}, 1, false, "b");
  lh_arena_clear(&fixture.arena);
}

static void an_unknown_task_is_a_usage_error_with_the_nearest_name(void **state) {
  (void)state;
  struct fixture fixture;
  struct lh_graph *const graph = build(&fixture, "orders users");
  struct lh_error err;
  assert_int_equal(lh_graph_select(graph, (const char *const[]){"ordres"}, 1, false, &err), LH_ERROR_USAGE);
  assert_string_equal(err.message, "lakehaul.yaml has no task \"ordres\"");
  assert_string_equal(err.hint, "did you mean \"orders\"?");
  assert_int_equal(lh_graph_select(graph, (const char *const[]){"xyz"}, 1, false, &err), LH_ERROR_USAGE);
  assert_string_equal(err.hint, "its tasks: orders, users");
  lh_arena_clear(&fixture.arena);
}

/* A chain as long as files allow must neither overflow the stack nor take quadratic time. */
static void a_chain_of_fifty_thousand_tasks_is_put_in_order(void **state) {
  (void)state;
  enum { COUNT = 50000 };
  char *const tasks = malloc((size_t)COUNT * 16);
  assert_non_null(tasks);
  size_t used = 0;
  for (int i = 0; i < COUNT; i++) {
    used += (size_t)sprintf(tasks + used, i + 1 < COUNT ? "t%d:t%d " : "t%d", i, i + 1);
  }
  struct fixture fixture;
  struct lh_graph *const graph = build(&fixture, tasks);
  assert_int_equal(graph->order[0], COUNT - 1);
  assert_int_equal(graph->order[COUNT - 1], 0);
  struct lh_error err;
  assert_int_equal(lh_graph_select(graph, (const char *const[]){"t0"}, 1, false, &err), LH_OK);
  assert_true(graph->nodes[COUNT - 1].selected);
  lh_arena_clear(&fixture.arena);
  free(tasks);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(independent_tasks_keep_the_file_s_order),
      cmocka_unit_test(what_a_task_reads_comes_before_it),
      cmocka_unit_test(names_in_sql_match_in_any_case),
      cmocka_unit_test(qualified_names_are_of_no_task),
      cmocka_unit_test(a_cycle_is_spelled),
      cmocka_unit_test(a_task_that_reads_itself_is_a_cycle),
      cmocka_unit_test(errors_in_sql_name_the_task_s_place),
      cmocka_unit_test(selection_takes_what_is_named_and_what_that_reads),
      cmocka_unit_test(an_unknown_task_is_a_usage_error_with_the_nearest_name),
      cmocka_unit_test(a_chain_of_fifty_thousand_tasks_is_put_in_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
