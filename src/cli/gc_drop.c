/* Tables that gc drops: which they are, who reads them, and what is told of it. */
#include "cli/gc_drop.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/cli.h"

static struct lh_drop_plan plan_of(const struct lh_gc_drop *drop) {
  return (struct lh_drop_plan){
      .tables = drop->dropped,
      .table_count = drop->dropped_count,
      .graph = drop->graph,
      .catalogs = drop->catalogs,
      .dry_run = drop->dry_run,
  };
}

lh_status lh_gc_drop_list_removed(struct lh_gc_drop *drop, struct lh_error *err) {
  const struct lh_drop_plan plan = plan_of(drop);
  return lh_drop_list_removed(&plan, drop->arena, &drop->removed, &drop->removed_count, err);
}

static void add_once(struct lh_gc_drop *drop, const char *table) {
  for (size_t i = 0; i < drop->dropped_count; i++) {
    if (strcmp(drop->dropped[i], table) == 0) {
      return;
    }
  }
  drop->dropped[drop->dropped_count++] = table;
}

/* What only Glue has can be dropped, too: the pointer may be gone already. */
static lh_status check_known(const struct lh_gc_drop *drop, const char *table, struct lh_error *err) {
  struct lh_lake_version *version = NULL;
  enum lh_glue_standing standing = LH_GLUE_MISSING;
  const char *const *names = NULL;
  size_t count = 0;
  LH_TRY(lh_catalog_get(drop->catalogs->store, table, drop->arena, &version, err));
  if (version == NULL && drop->catalogs->glue != NULL) {
    LH_TRY(lh_glue_find_table(drop->catalogs->glue, table, &standing, err));
  }
  if (version != NULL || standing == LH_GLUE_OWN) {
    return LH_OK;
  }
  LH_TRY(lh_catalog_list(drop->catalogs->store, drop->arena, &names, &count, err));
  lh_error_set(err, LH_ERROR_USAGE, "table %s is not in lake %s", table,
               lh_store_root(drop->catalogs->store));
  lh_str_suggest(err, table, names, count, "the lake has", drop->arena);
  return LH_ERROR_USAGE;
}

static lh_status choose_tables(struct lh_gc_drop *drop, struct lh_error *err) {
  if (drop->removed_too) {
    LH_TRY(lh_gc_drop_list_removed(drop, err));
  }
  const size_t most = drop->table_count + drop->removed_count;
  drop->dropped = LH_ARENA_ARRAY(drop->arena, const char *, most);
  drop->results = LH_ARENA_ARRAY(drop->arena, struct lh_drop_result, most);
  if (drop->dropped == NULL || drop->results == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < drop->table_count; i++) {
    LH_TRY(check_known(drop, drop->tables[i], err));
    add_once(drop, drop->tables[i]);
  }
  for (size_t i = 0; drop->removed_too && i < drop->removed_count; i++) {
    add_once(drop, drop->removed[i]);
  }
  return LH_OK;
}

/* "table orders is read by task totals and view rich" */
static lh_status refuse(const struct lh_gc_drop *drop, struct lh_error *err) {
  const char *const table = drop->dependents[0].table;
  const char *readers = "";
  for (size_t i = 0; i < drop->dependent_count && readers != NULL; i++) {
    const struct lh_dependent *const dependent = &drop->dependents[i];
    if (strcmp(dependent->table, table) == 0) {
      readers = lh_arena_printf(drop->arena, "%s%s%s %s", readers, readers[0] != '\0' ? ", " : "",
                                dependent->kind, dependent->name);
    }
  }
  if (readers == NULL) {
    return lh_error_memory(err);
  }
  lh_error_set(err, LH_ERROR_DATA, "table %s is read by %s", table, readers);
  lh_error_hint(err, "nothing was dropped; drop those as well, or say --force");
  return LH_ERROR_DATA;
}

lh_status lh_gc_drop_tables(struct lh_gc_drop *drop, struct lh_error *err) {
  LH_TRY(choose_tables(drop, err));
  const struct lh_drop_plan plan = plan_of(drop);
  LH_TRY(lh_drop_list_dependents(&plan, drop->arena, &drop->dependents, &drop->dependent_count, err));
  if (drop->dependent_count > 0 && !drop->force && !drop->dry_run) {
    return refuse(drop, err);
  }
  for (size_t i = 0; i < drop->dropped_count; i++) {
    LH_TRY(lh_drop_table(&plan, drop->dropped[i], &drop->results[i], err));
  }
  return LH_OK;
}

/* -------- what is told -------- */

static lh_status print_json(const struct lh_gc_drop *drop, struct lh_error *err) {
  json_t *const tables = json_array();
  json_t *const dependents = json_array();
  for (size_t i = 0; i < drop->dropped_count; i++) {
    const struct lh_drop_result *const result = &drop->results[i];
    json_array_append_new(tables, json_pack("{s:s, s:I, s:I, s:b}", "table", drop->dropped[i], "files",
                                            (json_int_t)result->files, "bytes", (json_int_t)result->bytes,
                                            "glue", result->was_in_glue));
  }
  for (size_t i = 0; i < drop->dependent_count; i++) {
    const struct lh_dependent *const dependent = &drop->dependents[i];
    json_array_append_new(dependents, json_pack("{s:s, s:s, s:s}", "table", dependent->table, "kind",
                                                dependent->kind, "name", dependent->name));
  }
  return lh_cli_print_json(
      json_pack("{s:b, s:o, s:o}", "dry_run", drop->dry_run, "dropped", tables, "dependents", dependents),
      err);
}

lh_status lh_gc_drop_print(const struct lh_gc_drop *drop, bool as_json, struct lh_error *err) {
  if (as_json) {
    return print_json(drop, err);
  }
  for (size_t i = 0; i < drop->dropped_count; i++) {
    const struct lh_drop_result *const result = &drop->results[i];
    char bytes[32];
    printf("%s %s%s: %" PRIu64 " files, %s\n", drop->dry_run ? "would drop" : "dropped", drop->dropped[i],
           result->was_in_glue ? ", also from Glue" : "", result->files,
           lh_str_format_bytes(result->bytes, bytes));
  }
  if (drop->dropped_count == 0) {
    printf("nothing to drop\n");
  }
  for (size_t i = 0; i < drop->dependent_count; i++) {
    const struct lh_dependent *const dependent = &drop->dependents[i];
    printf("%s is read by %s %s\n", dependent->table, dependent->kind, dependent->name);
  }
  return LH_OK;
}
