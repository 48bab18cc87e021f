/* What a project says of services: AWS accounts, S3, Glue and its crawlers, Athena, Trino. Each is a mapping
 * of a few texts, words and durations. */
#include "project/service_spec.h"

#include <ctype.h>
#include <string.h>

#include "project/quantity.h"

#define CRAWLER_RETRIES_DEFAULT 20
#define CRAWLER_RETRIES_MAX 100000
#define CRAWLER_RETRY_INTERVAL_MS 5000
#define TAGS_MAX 10

lh_status lh_service_spec_defaults(struct lh_arena *arena, struct lh_project *project, struct lh_error *err) {
  char *const database = lh_arena_strdup(arena, project->name);
  if (database == NULL) {
    return lh_error_memory(err);
  }
  /* Athena's names: lower case, digits and underscores. */
  for (char *c = database; *c != '\0'; c++) {
    *c = isalnum((unsigned char)*c) && (unsigned char)*c < 0x80 ? (char)tolower((unsigned char)*c) : '_';
  }
  project->glue.database = database;
  project->crawler = (struct lh_crawler_settings){
      .name = database,
      .wait = true,
      .retries = CRAWLER_RETRIES_DEFAULT,
      .retry_interval_ms = CRAWLER_RETRY_INTERVAL_MS,
  };
  project->trino.catalog = "hive";
  project->trino.schema = database;
  return LH_OK;
}

/* A key of a mapping that is a text, and where the text goes. */
struct text_field {
  const char **out;
  size_t key;
};

static lh_status read_texts(struct lh_yaml *yaml, const struct lh_yaml_field *fields,
                            const struct lh_yaml_key *keys, const char *scope, const struct text_field *texts,
                            size_t count, struct lh_error *err) {
  for (size_t i = 0; i < count; i++) {
    const size_t key = texts[i].key;
    if (fields[key].key != NULL) {
      LH_TRY(lh_yaml_get_text(yaml, fields[key].value, keys[key].name, scope, texts[i].out, err));
    }
  }
  return LH_OK;
}

static lh_status check_url(const struct lh_yaml *yaml, const struct lh_yaml_field *field, const char *key,
                           const char *scope, const char *url, struct lh_error *err) {
  if (field->key == NULL || strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0) {
    return LH_OK;
  }
  lh_yaml_fail(yaml, field->value, LH_ERROR_PROJECT, err, "%s of %s is not a URL", key, scope);
  lh_error_hint(err, "write it as https://host or http://host:port");
  return LH_ERROR_PROJECT;
}

static lh_status read_duration(const struct lh_yaml *yaml, const struct lh_yaml_field *field, const char *key,
                               const char *scope, int64_t *out, struct lh_error *err) {
  return field->key != NULL ? lh_quantity_read_duration(yaml, field->value, key, scope, out, err) : LH_OK;
}

lh_status lh_service_spec_read_aws(struct lh_yaml *yaml, yaml_node_t *node, struct lh_aws_settings *out,
                                   struct lh_error *err) {
  enum { PROFILE, REGION, COUNT };
  static const struct lh_yaml_key keys[COUNT] = {
      [PROFILE] = {"profile", false}, [REGION] = {"region", false}};
  struct lh_yaml_field fields[COUNT];
  LH_TRY(lh_yaml_expect(yaml, node, YAML_MAPPING_NODE, "aws", NULL, err));
  LH_TRY(lh_yaml_get_fields(yaml, node, keys, COUNT, "aws", fields, err));
  const struct text_field texts[] = {{&out->profile, PROFILE}, {&out->region, REGION}};
  return read_texts(yaml, fields, keys, "aws", texts, 2, err);
}

enum s3_key { S3_ENDPOINT, S3_ADDRESSING, S3_ENCRYPTION, S3_KMS_KEY, S3_CHECKSUM, S3_TAGS, S3_COUNT };
static const struct lh_yaml_key s3_keys[S3_COUNT] = {
    [S3_ENDPOINT] = {"endpoint", false},     [S3_ADDRESSING] = {"addressing", false},
    [S3_ENCRYPTION] = {"encryption", false}, [S3_KMS_KEY] = {"kms_key", false},
    [S3_CHECKSUM] = {"checksum", false},     [S3_TAGS] = {"tags", false},
};

static lh_status read_s3_words(struct lh_yaml *yaml, const struct lh_yaml_field *fields,
                               struct lh_s3_settings *out, struct lh_error *err) {
  static const char *const addressings[] = {
      [LH_S3_ADDRESSING_AUTO] = "auto",
      [LH_S3_ADDRESSING_PATH] = "path",
      [LH_S3_ADDRESSING_VIRTUAL] = "virtual",
  };
  static const char *const encryptions[] = {
      [LH_S3_ENCRYPTION_BUCKET] = "bucket",
      [LH_S3_ENCRYPTION_S3] = "sse-s3",
      [LH_S3_ENCRYPTION_KMS] = "sse-kms",
  };
  static const char *const checksums[] = {
      [LH_S3_CHECKSUM_NONE] = "none",
      [LH_S3_CHECKSUM_CRC32] = "crc32",
      [LH_S3_CHECKSUM_CRC64NVME] = "crc64nvme",
  };
  size_t word = 0;
  if (fields[S3_ADDRESSING].key != NULL) {
    LH_TRY(
        lh_yaml_get_word(yaml, fields[S3_ADDRESSING].value, "addressing", "s3", addressings, 3, &word, err));
    out->addressing = (enum lh_s3_addressing)word;
  }
  if (fields[S3_ENCRYPTION].key != NULL) {
    LH_TRY(
        lh_yaml_get_word(yaml, fields[S3_ENCRYPTION].value, "encryption", "s3", encryptions, 3, &word, err));
    out->encryption = (enum lh_s3_encryption)word;
  }
  if (fields[S3_CHECKSUM].key != NULL) {
    LH_TRY(lh_yaml_get_word(yaml, fields[S3_CHECKSUM].value, "checksum", "s3", checksums, 3, &word, err));
    out->checksum = (enum lh_s3_checksum)word;
  }
  return LH_OK;
}

static lh_status read_tags(struct lh_yaml *yaml, const yaml_node_t *node, struct lh_s3_settings *out,
                           struct lh_error *err) {
  LH_TRY(lh_yaml_expect(yaml, node, YAML_MAPPING_NODE, "tags", "s3", err));
  const yaml_node_pair_t *const pairs = node->data.mapping.pairs.start;
  const size_t count = (size_t)(node->data.mapping.pairs.top - pairs);
  if (count > TAGS_MAX) {
    return lh_yaml_fail(yaml, node, LH_ERROR_PROJECT, err, "tags of s3 are more than the %d that S3 takes",
                        TAGS_MAX);
  }
  struct lh_s3_tag *const tags = LH_ARENA_ARRAY(yaml->arena, struct lh_s3_tag, count);
  if (tags == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < count; i++) {
    const char *key;
    LH_TRY(lh_yaml_get_key(yaml, lh_yaml_node(yaml, pairs[i].key), &key, err));
    tags[i].key = lh_arena_strdup(yaml->arena, key);
    if (tags[i].key == NULL) {
      return lh_error_memory(err);
    }
    LH_TRY(lh_yaml_get_text(yaml, lh_yaml_node(yaml, pairs[i].value), tags[i].key, "tags of s3",
                            &tags[i].value, err));
  }
  out->tags = tags;
  out->tag_count = count;
  return LH_OK;
}

lh_status lh_service_spec_read_s3(struct lh_yaml *yaml, yaml_node_t *node, struct lh_s3_settings *out,
                                  struct lh_error *err) {
  struct lh_yaml_field fields[S3_COUNT];
  LH_TRY(lh_yaml_expect(yaml, node, YAML_MAPPING_NODE, "s3", NULL, err));
  LH_TRY(lh_yaml_get_fields(yaml, node, s3_keys, S3_COUNT, "s3", fields, err));
  const struct text_field texts[] = {{&out->endpoint, S3_ENDPOINT}, {&out->kms_key, S3_KMS_KEY}};
  LH_TRY(read_texts(yaml, fields, s3_keys, "s3", texts, 2, err));
  LH_TRY(check_url(yaml, &fields[S3_ENDPOINT], "endpoint", "s3", out->endpoint, err));
  LH_TRY(read_s3_words(yaml, fields, out, err));
  if (out->kms_key != NULL && out->encryption != LH_S3_ENCRYPTION_KMS) {
    lh_yaml_fail(yaml, fields[S3_KMS_KEY].key, LH_ERROR_PROJECT, err, "kms_key of s3 is not used");
    lh_error_hint(err, "write encryption: sse-kms beside it");
    return LH_ERROR_PROJECT;
  }
  return fields[S3_TAGS].key != NULL ? read_tags(yaml, fields[S3_TAGS].value, out, err) : LH_OK;
}

lh_status lh_service_spec_read_glue(struct lh_yaml *yaml, yaml_node_t *node, struct lh_glue_settings *out,
                                    struct lh_error *err) {
  enum { DATABASE, ENDPOINT, ADOPT, COUNT };
  static const struct lh_yaml_key keys[COUNT] = {
      [DATABASE] = {"database", false}, [ENDPOINT] = {"endpoint", false}, [ADOPT] = {"adopt", false}};
  static const char *const truths[] = {"false", "true"};
  struct lh_yaml_field fields[COUNT];
  size_t truth = 0;
  LH_TRY(lh_yaml_expect(yaml, node, YAML_MAPPING_NODE, "glue", NULL, err));
  LH_TRY(lh_yaml_get_fields(yaml, node, keys, COUNT, "glue", fields, err));
  const struct text_field texts[] = {{&out->database, DATABASE}, {&out->endpoint, ENDPOINT}};
  LH_TRY(read_texts(yaml, fields, keys, "glue", texts, 2, err));
  if (out->database[strspn(out->database, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0') {
    lh_yaml_fail(yaml, fields[DATABASE].value, LH_ERROR_PROJECT, err,
                 "database of glue is not a name for Athena");
    lh_error_hint(err, "use a-z, 0-9 and _");
    return LH_ERROR_PROJECT;
  }
  if (fields[ADOPT].key != NULL) {
    LH_TRY(lh_yaml_get_word(yaml, fields[ADOPT].value, "adopt", "glue", truths, 2, &truth, err));
    out->adopt = truth == 1;
  }
  return check_url(yaml, &fields[ENDPOINT], "endpoint", "glue", out->endpoint, err);
}

lh_status lh_service_spec_read_crawler(struct lh_yaml *yaml, yaml_node_t *node,
                                       struct lh_crawler_settings *out, struct lh_error *err) {
  enum { NAME, ROLE, TABLE_PREFIX, WAIT, RETRIES, RETRY_INTERVAL, TIMEOUT, COUNT };
  static const struct lh_yaml_key keys[COUNT] = {
      [NAME] = {"name", false},       [ROLE] = {"role", false},
      [WAIT] = {"wait", false},       [TABLE_PREFIX] = {"table_prefix", false},
      [RETRIES] = {"retries", false}, [RETRY_INTERVAL] = {"retry_interval", false},
      [TIMEOUT] = {"timeout", false},
  };
  static const char *const truths[] = {"false", "true"};
  struct lh_yaml_field fields[COUNT];
  size_t truth = 0;
  LH_TRY(lh_yaml_expect(yaml, node, YAML_MAPPING_NODE, "crawler", NULL, err));
  LH_TRY(lh_yaml_get_fields(yaml, node, keys, COUNT, "crawler", fields, err));
  const struct text_field texts[] = {
      {&out->name, NAME}, {&out->role, ROLE}, {&out->table_prefix, TABLE_PREFIX}};
  LH_TRY(read_texts(yaml, fields, keys, "crawler", texts, 3, err));
  if (fields[WAIT].key != NULL) {
    LH_TRY(lh_yaml_get_word(yaml, fields[WAIT].value, "wait", "crawler", truths, 2, &truth, err));
    out->wait = truth == 1;
  }
  if (fields[RETRIES].key != NULL) {
    LH_TRY(lh_yaml_get_int(yaml, fields[RETRIES].value, "retries", "crawler", 0, CRAWLER_RETRIES_MAX,
                           &out->retries, err));
  }
  LH_TRY(read_duration(yaml, &fields[RETRY_INTERVAL], "retry_interval", "crawler", &out->retry_interval_ms,
                       err));
  return read_duration(yaml, &fields[TIMEOUT], "timeout", "crawler", &out->timeout_ms, err);
}

lh_status lh_service_spec_read_athena(struct lh_yaml *yaml, yaml_node_t *node, struct lh_athena_settings *out,
                                      struct lh_error *err) {
  enum { WORKGROUP, OUTPUT, ENDPOINT, TIMEOUT, COUNT };
  static const struct lh_yaml_key keys[COUNT] = {
      [WORKGROUP] = {"workgroup", false},
      [OUTPUT] = {"output", false},
      [ENDPOINT] = {"endpoint", false},
      [TIMEOUT] = {"timeout", false},
  };
  struct lh_yaml_field fields[COUNT];
  LH_TRY(lh_yaml_expect(yaml, node, YAML_MAPPING_NODE, "athena", NULL, err));
  LH_TRY(lh_yaml_get_fields(yaml, node, keys, COUNT, "athena", fields, err));
  const struct text_field texts[] = {
      {&out->workgroup, WORKGROUP}, {&out->output, OUTPUT}, {&out->endpoint, ENDPOINT}};
  LH_TRY(read_texts(yaml, fields, keys, "athena", texts, 3, err));
  LH_TRY(check_url(yaml, &fields[ENDPOINT], "endpoint", "athena", out->endpoint, err));
  if (out->output != NULL && strncmp(out->output, "s3://", 5) != 0) {
    lh_yaml_fail(yaml, fields[OUTPUT].value, LH_ERROR_PROJECT, err, "output of athena is not on S3");
    lh_error_hint(err, "write it as s3://bucket/prefix");
    return LH_ERROR_PROJECT;
  }
  return read_duration(yaml, &fields[TIMEOUT], "timeout", "athena", &out->timeout_ms, err);
}

lh_status lh_service_spec_read_trino(struct lh_yaml *yaml, yaml_node_t *node, struct lh_trino_settings *out,
                                     struct lh_error *err) {
  enum { URL, USER, PASSWORD, CATALOG, SCHEMA, TIMEOUT, COUNT };
  static const struct lh_yaml_key keys[COUNT] = {
      [URL] = {"url", false},         [USER] = {"user", false},     [PASSWORD] = {"password", false},
      [CATALOG] = {"catalog", false}, [SCHEMA] = {"schema", false}, [TIMEOUT] = {"timeout", false},
  };
  struct lh_yaml_field fields[COUNT];
  LH_TRY(lh_yaml_expect(yaml, node, YAML_MAPPING_NODE, "trino", NULL, err));
  LH_TRY(lh_yaml_get_fields(yaml, node, keys, COUNT, "trino", fields, err));
  const struct text_field texts[] = {{&out->url, URL},
                                     {&out->user, USER},
                                     {&out->password, PASSWORD},
                                     {&out->catalog, CATALOG},
                                     {&out->schema, SCHEMA}};
  LH_TRY(read_texts(yaml, fields, keys, "trino", texts, 5, err));
  LH_TRY(check_url(yaml, &fields[URL], "url", "trino", out->url, err));
  return read_duration(yaml, &fields[TIMEOUT], "timeout", "trino", &out->timeout_ms, err);
}
