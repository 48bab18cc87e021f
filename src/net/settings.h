/*
 * What a project may say of AWS, S3 and engines elsewhere: plain settings, without behaviour.
 *
 * Texts are borrowed. NULL means that nothing was said: the environment, the AWS profile or a default decide.
 * Secrets are not among them, but for Trino's password, which is never printed.
 */
#ifndef LH_NET_SETTINGS_H
#define LH_NET_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lh_aws_settings {
  const char *profile;
  const char *region;
};

enum lh_s3_addressing {
  LH_S3_ADDRESSING_AUTO, /* path-style for endpoints of one's own and dotted buckets, else virtual-hosted */
  LH_S3_ADDRESSING_PATH, /* https://endpoint/bucket/key */
  LH_S3_ADDRESSING_VIRTUAL, /* https://bucket.endpoint/key */
};

enum lh_s3_encryption {
  LH_S3_ENCRYPTION_BUCKET, /* as the bucket has it: no header is sent */
  LH_S3_ENCRYPTION_S3,     /* SSE-S3: AES256 */
  LH_S3_ENCRYPTION_KMS,    /* SSE-KMS: aws:kms with `kms_key`, or the account's own key where it is NULL */
};

/* Beside the SHA-256 of the payload, which is signed in any case. */
enum lh_s3_checksum { LH_S3_CHECKSUM_NONE, LH_S3_CHECKSUM_CRC32, LH_S3_CHECKSUM_CRC64NVME };

struct lh_s3_tag {
  const char *key, *value;
};

struct lh_s3_settings {
  const char *endpoint; /* a URL */
  enum lh_s3_addressing addressing;
  enum lh_s3_encryption encryption;
  const char *kms_key;
  enum lh_s3_checksum checksum;
  const struct lh_s3_tag *tags; /* of every object that is written; 10 at most */
  size_t tag_count;
};

struct lh_glue_settings {
  const char *database;
  const char *endpoint;
  bool adopt; /* take over tables that lakehaul did not make */
};

/* Partition projection: Athena computes a table's partitions from rules instead of asking Glue for them. The
 * rules hold one template of where a partition's files are, so that all partitions must be of one version:
 * `s3://lake/events/day=${day}/<version>/`. A table that is rewritten in part cannot be projected. */
enum lh_projection_type {
  LH_PROJECTION_AUTO, /* by the partition key: date, integer or enum */
  LH_PROJECTION_ENUM,
  LH_PROJECTION_INTEGER,
  LH_PROJECTION_DATE,
  LH_PROJECTION_INJECTED, /* queries must name the value */
};

struct lh_projection_key {
  const char *key; /* name of the partition key */
  enum lh_projection_type type;
  const char *range;         /* "2020-01-01,NOW"; NULL: from the least to the greatest that there is */
  const char *const *values; /* LH_PROJECTION_ENUM; none: those that there are */
  size_t value_count;
};

struct lh_glue_projection {
  const struct lh_projection_key *keys; /* those that the project says anything of */
  size_t key_count;
};

struct lh_crawler_settings {
  const char *name;
  const char *role;         /* name or ARN of the IAM role of a crawler that is created */
  const char *table_prefix; /* of the tables that it makes */
  bool wait;                /* for the end of the crawl */
  int retries;              /* to start it while it is running already */
  int64_t retry_interval_ms;
  int64_t timeout_ms; /* of the whole wait; 0: none */
};

struct lh_athena_settings {
  const char *workgroup;
  const char *output; /* s3://bucket/prefix of the results; NULL: the workgroup's */
  const char *endpoint;
  int64_t timeout_ms; /* of a query; 0: none */
};

struct lh_trino_settings {
  const char *url; /* of the coordinator */
  const char *user;
  const char *password;
  const char *catalog;
  const char *schema;
  int64_t timeout_ms; /* of a query; 0: none */
};

#endif
