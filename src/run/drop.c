/* What depends on a table of the lake, and how the table goes: first out of the catalog that others read,
 * then the pointer, then the files. */
#include "run/drop.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct list {
  const struct lh_drop_plan *plan;
  struct lh_arena *arena;
  struct lh_dependent *items;
  size_t count, capacity;
};

static bool is_dropped(const struct lh_drop_plan *plan, const char *name) {
  for (size_t i = 0; i < plan->table_count; i++) {
    if (strcmp(plan->tables[i], name) == 0) {
      return true;
    }
  }
  return false;
}

static lh_status add(struct list *list, const char *table, const char *kind, const char *name,
                     struct lh_error *err) {
  struct lh_dependent *const items =
      lh_arena_grow(list->arena, list->items, list->count, &list->capacity, sizeof(*items));
  if (items == NULL) {
    return lh_error_memory(err);
  }
  list->items = items;
  list->items[list->count++] = (struct lh_dependent){table, kind, name};
  return LH_OK;
}

/* -------- tasks -------- */

static lh_status add_tasks(struct list *list, struct lh_error *err) {
  const struct lh_graph *const graph = list->plan->graph;
  for (size_t i = 0; i < graph->node_count; i++) {
    const struct lh_graph_node *const node = &graph->nodes[i];
    if (is_dropped(list->plan, node->task->name)) {
      continue;
    }
    for (size_t j = 0; j < node->dependency_count; j++) {
      const char *const table = graph->nodes[node->dependencies[j]].task->name;
      if (is_dropped(list->plan, table)) {
        LH_TRY(add(list, table, "task", node->task->name, err));
      }
    }
    for (size_t j = 0; j < node->external_count; j++) {
      if (is_dropped(list->plan, node->external_tables[j])) {
        LH_TRY(add(list, node->external_tables[j], "task", node->task->name, err));
      }
    }
  }
  return LH_OK;
}

static bool is_task(const struct lh_drop_plan *plan, const char *name) {
  return lh_project_find_task(plan->catalogs->project, name) != NULL;
}

/* -------- views -------- */

/* A view that a task of the project makes is listed as that task. */
static lh_status add_lake_view(struct list *list, const char *name, struct lh_error *err) {
  struct lh_lake_version *version = NULL;
  LH_TRY(lh_catalog_get(list->plan->catalogs->store, name, list->arena, &version, err));
  for (size_t i = 0; version != NULL && i < version->view_read_count; i++) {
    if (is_dropped(list->plan, version->view_reads[i])) {
      LH_TRY(add(list, version->view_reads[i], "view", name, err));
    }
  }
  return LH_OK;
}

static lh_status add_lake_views(struct list *list, struct lh_error *err) {
  const char *const *names = NULL;
  size_t count = 0;
  LH_TRY(lh_catalog_list(list->plan->catalogs->store, list->arena, &names, &count, err));
  for (size_t i = 0; i < count; i++) {
    if (!is_dropped(list->plan, names[i]) && !is_task(list->plan, names[i])) {
      LH_TRY(add_lake_view(list, names[i], err));
    }
  }
  return LH_OK;
}

static bool is_word_byte(char c) {
  return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* Rather one view too many than one too few. */
static bool has_word(const char *text, const char *word) {
  const size_t length = strlen(word);
  for (const char *at = strcasestr(text, word); at != NULL; at = strcasestr(at + 1, word)) {
    if ((at == text || !is_word_byte(at[-1])) && !is_word_byte(at[length])) {
      return true;
    }
  }
  return false;
}

static lh_status add_glue_views(struct list *list, struct lh_error *err) {
  const struct lh_drop_plan *const plan = list->plan;
  const struct lh_glue_view_sql *views = NULL;
  size_t count = 0;
  bool found = false;
  if (plan->catalogs->glue == NULL) {
    return LH_OK;
  }
  LH_TRY(lh_glue_find_database(plan->catalogs->glue, false, &found, err));
  if (!found) {
    return LH_OK;
  }
  LH_TRY(lh_glue_list_foreign_views(plan->catalogs->glue, list->arena, &views, &count, err));
  for (size_t i = 0; i < count; i++) {
    for (size_t j = 0; j < plan->table_count; j++) {
      if (has_word(views[i].sql, plan->tables[j])) {
        LH_TRY(add(list, plan->tables[j], "view in Glue", views[i].name, err));
      }
    }
  }
  return LH_OK;
}

lh_status lh_drop_list_dependents(const struct lh_drop_plan *plan, struct lh_arena *arena,
                                  const struct lh_dependent **out, size_t *count, struct lh_error *err) {
  struct list list = {.plan = plan, .arena = arena};
  LH_TRY(add_tasks(&list, err));
  LH_TRY(add_lake_views(&list, err));
  LH_TRY(add_glue_views(&list, err));
  *out = list.items;
  *count = list.count;
  return LH_OK;
}

/* -------- tables without a task -------- */

lh_status lh_drop_list_removed(const struct lh_drop_plan *plan, struct lh_arena *arena,
                               const char *const **out, size_t *count, struct lh_error *err) {
  const char *const *names = NULL;
  size_t name_count = 0;
  LH_TRY(lh_catalog_list(plan->catalogs->store, arena, &names, &name_count, err));
  const char **const removed = LH_ARENA_ARRAY(arena, const char *, name_count);
  *count = 0;
  if (removed == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < name_count; i++) {
    if (!is_task(plan, names[i])) {
      removed[(*count)++] = names[i];
    }
  }
  *out = removed;
  return LH_OK;
}

/* -------- the end -------- */

static lh_status drop_from_glue(const struct lh_drop_plan *plan, const char *table, bool *out,
                                struct lh_error *err) {
  enum lh_glue_standing standing = LH_GLUE_MISSING;
  *out = false;
  if (plan->catalogs->glue == NULL) {
    return LH_OK;
  }
  if (!plan->dry_run) {
    return lh_glue_drop_table(plan->catalogs->glue, table, out, err);
  }
  LH_TRY(lh_glue_find_table(plan->catalogs->glue, table, &standing, err));
  *out = standing == LH_GLUE_OWN;
  return LH_OK;
}

lh_status lh_drop_table(const struct lh_drop_plan *plan, const char *table, struct lh_drop_result *out,
                        struct lh_error *err) {
  struct lh_catalog_gc_result removed;
  *out = (struct lh_drop_result){0};
  LH_TRY(drop_from_glue(plan, table, &out->was_in_glue, err));
  LH_TRY(lh_catalog_drop(plan->catalogs->store, table, plan->dry_run, &removed, err));
  out->files = removed.files;
  out->bytes = removed.bytes;
  return LH_OK;
}
