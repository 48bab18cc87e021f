/* The Glue catalog's calls: the database, what table there is, and its end. Every failure names what was done
 * to what. */
#include "catalog/glue.h"

#include <stdlib.h>
#include <string.h>

#include "catalog/glue_impl.h"

lh_status lh_glue_open(const struct lh_glue_options *options, struct lh_glue **out, struct lh_error *err) {
  struct lh_glue *const glue = calloc(1, sizeof(*glue));
  *out = NULL;
  if (glue == NULL) {
    return lh_error_memory(err);
  }
  glue->database = options->glue->database;
  glue->cancelled = options->cancelled;
  lh_status status = lh_aws_provider_open(options->aws, LH_ERROR_CATALOG, &glue->provider, err);
  if (status == LH_OK) {
    const struct lh_aws_client_options client = {
        .service = "glue",
        .endpoint = options->glue->endpoint,
        .region = options->aws->region,
        .failure = LH_ERROR_CATALOG,
        .provider = glue->provider,
        .cancelled = options->cancelled,
    };
    status = lh_aws_client_open(&client, &glue->client, err);
  }
  if (status != LH_OK) {
    lh_glue_free(glue);
    return status;
  }
  *out = glue;
  return LH_OK;
}

void lh_glue_free(struct lh_glue *glue) {
  if (glue == NULL) {
    return;
  }
  lh_aws_client_free(glue->client);
  lh_aws_provider_free(glue->provider);
  free(glue);
}

bool lh_glue_failed_with(const struct lh_error *err, const char *exception) {
  return strcmp(err->aws_code, exception) == 0;
}

/* The message is kept, the action put before it: what a policy has to allow bears the same name. */
static lh_status explain(const struct lh_glue *glue, const char *action, const char *subject,
                         struct lh_error *err) {
  const lh_status status =
      lh_error_prefix(err, "glue:%s of %s in database %s", action, subject, glue->database);
  if (lh_glue_failed_with(err, "AccessDeniedException")) {
    lh_error_hint(
        err,
        "the credentials, from %s, may not do that: allow glue:%s on the catalog, database/%s and its tables",
        lh_aws_provider_source(glue->provider), action, glue->database);
  }
  return status;
}

lh_status lh_glue_call(struct lh_glue *glue, const char *action, const char *subject, json_t *input,
                       json_t **out, struct lh_error *err) {
  char target[64] = "AWSGlue.";
  json_t *answer = NULL;
  strncat(target, action, sizeof(target) - strlen(target) - 1);
  const lh_status status = lh_aws_call_json(glue->client, target, input, &answer, err);
  if (status != LH_OK) {
    return status == LH_ERROR_INTERRUPTED ? status : explain(glue, action, subject, err);
  }
  if (out != NULL) {
    *out = answer;
  } else {
    json_decref(answer);
  }
  return LH_OK;
}

/* -------- the database -------- */

static lh_status get_database(struct lh_glue *glue, bool *found, struct lh_error *err) {
  const lh_status status =
      lh_glue_call(glue, "GetDatabase", "it", json_pack("{s:s}", "Name", glue->database), NULL, err);
  *found = status == LH_OK;
  return status != LH_OK && lh_glue_failed_with(err, "EntityNotFoundException") ? LH_OK : status;
}

lh_status lh_glue_find_database(struct lh_glue *glue, bool create, bool *found, struct lh_error *err) {
  LH_TRY(get_database(glue, found, err));
  if (*found || !create) {
    return LH_OK;
  }
  json_t *const input = json_pack("{s:{s:s, s:s}}", "DatabaseInput", "Name", glue->database, "Description",
                                  "tables of a lake, by lakehaul");
  const lh_status status = lh_glue_call(glue, "CreateDatabase", "it", input, NULL, err);
  if (status != LH_OK && !lh_glue_failed_with(err, "AlreadyExistsException")) {
    return status;
  }
  *found = true;
  return LH_OK;
}

/* -------- tables -------- */

static const char *subject_of(const char *table, char out[160]) {
  out[0] = '\0';
  strncat(out, "table ", 7);
  strncat(out, table, 150);
  return out;
}

lh_status lh_glue_get_table(struct lh_glue *glue, const char *table, json_t **out, struct lh_error *err) {
  char subject[160];
  json_t *answer = NULL;
  json_t *const input = json_pack("{s:s, s:s}", "DatabaseName", glue->database, "Name", table);
  *out = NULL;
  const lh_status status = lh_glue_call(glue, "GetTable", subject_of(table, subject), input, &answer, err);
  if (status != LH_OK) {
    return lh_glue_failed_with(err, "EntityNotFoundException") ? LH_OK : status;
  }
  json_t *const found = json_object_get(answer, "Table");
  if (!json_is_object(found)) {
    json_decref(answer);
    return lh_error_set(err, LH_ERROR_CATALOG,
                        "glue:GetTable of table %s in database %s: the answer has no table", table,
                        glue->database);
  }
  *out = json_incref(found);
  json_decref(answer);
  return LH_OK;
}

enum lh_glue_standing lh_glue_standing_of(const json_t *table) {
  if (table == NULL) {
    return LH_GLUE_MISSING;
  }
  const json_t *const parameters = json_object_get(table, "Parameters");
  return json_object_get(parameters, LH_GLUE_VERSION) != NULL ? LH_GLUE_OWN : LH_GLUE_FOREIGN;
}

lh_status lh_glue_find_table(struct lh_glue *glue, const char *table, enum lh_glue_standing *out,
                             struct lh_error *err) {
  json_t *found = NULL;
  LH_TRY(lh_glue_get_table(glue, table, &found, err));
  *out = lh_glue_standing_of(found);
  json_decref(found);
  return LH_OK;
}

lh_status lh_glue_check_owner(const struct lh_glue *glue, const struct lh_glue_request *request,
                              const json_t *table, struct lh_error *err) {
  if (request->adopt || lh_glue_standing_of(table) != LH_GLUE_FOREIGN) {
    return LH_OK;
  }
  lh_error_set(err, LH_ERROR_CATALOG, "Glue's database %s has a table %s that lakehaul did not make",
               glue->database, request->table);
  lh_error_hint(err,
                "it is left as it is; to have lakehaul take it over write glue: { adopt: true }, or name "
                "another database or task");
  return LH_ERROR_CATALOG;
}

lh_status lh_glue_check_owner_of(struct lh_glue *glue, const struct lh_glue_request *request,
                                 enum lh_glue_standing *out, struct lh_error *err) {
  json_t *found = NULL;
  LH_TRY(lh_glue_get_table(glue, request->table, &found, err));
  const lh_status status = lh_glue_check_owner(glue, request, found, err);
  *out = lh_glue_standing_of(found);
  json_decref(found);
  return status;
}

lh_status lh_glue_delete_table(struct lh_glue *glue, const char *table, struct lh_error *err) {
  char subject[160];
  const lh_status status =
      lh_glue_call(glue, "DeleteTable", subject_of(table, subject),
                   json_pack("{s:s, s:s}", "DatabaseName", glue->database, "Name", table), NULL, err);
  return status != LH_OK && lh_glue_failed_with(err, "EntityNotFoundException") ? LH_OK : status;
}

lh_status lh_glue_drop_table(struct lh_glue *glue, const char *table, bool *dropped, struct lh_error *err) {
  enum lh_glue_standing standing = LH_GLUE_MISSING;
  *dropped = false;
  LH_TRY(lh_glue_find_table(glue, table, &standing, err));
  if (standing == LH_GLUE_OWN) {
    LH_TRY(lh_glue_delete_table(glue, table, err));
    *dropped = true;
  }
  return LH_OK;
}
