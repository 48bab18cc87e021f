/* Jobs and reports as JSON. */
#include "run/job.h"

#include <string.h>

static json_t *inputs_to_json(const struct lh_job *job) {
  json_t *const inputs = json_array();
  for (size_t i = 0; i < job->input_count; i++) {
    const struct lh_task_input *const input = &job->inputs[i];
    json_array_append_new(inputs, json_pack("{s:s, s:o, s:o, s:s?}", "table", input->table, "keys",
                                            lh_names_to_json(input->keys, input->key_count), "partitions",
                                            lh_input_partitions_to_json(input), "view", input->view_sql));
  }
  return inputs;
}

lh_status lh_job_encode(const struct lh_job *job, struct lh_buf *out, struct lh_error *err) {
  json_t *const object = json_pack(
      "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:s?, s:s?, s:I, s:b, s:I, s:i, s:i, s:I, "
      "s:o, s:o, s:b}",
      "project_path", job->project_path, "project_text", job->project_text, "task", job->task, "sql",
      job->sql, "lake", job->lake, "version", job->version, "snapshot_id", job->snapshot_id, "snapshot_time",
      job->snapshot_time, "snapshot_lsn", job->snapshot_lsn, "temp_directory", job->temp_directory,
      "aws_profile", job->aws.profile, "aws_region", job->aws.region, "s3_endpoint", job->s3_endpoint,
      "limit", (json_int_t)job->limit, "verify", job->verify, "memory_bytes", (json_int_t)job->memory_bytes,
      "threads", job->threads, "streams", job->streams, "rate_bytes", (json_int_t)job->rate_bytes, "inputs",
      inputs_to_json(job), "partitions", lh_names_to_json(job->partitions, job->partition_count), "full",
      job->full);
  return lh_json_take_append(object, false, out, err);
}

static const char job_what[] = "the job from the supervisor";

static lh_status decode_inputs(const json_t *object, struct lh_arena *arena, struct lh_job *out,
                               struct lh_error *err) {
  json_t *array = NULL;
  LH_TRY(lh_json_get_array(object, "inputs", job_what, &array, err));
  out->input_count = json_array_size(array);
  out->inputs = LH_ARENA_ARRAY(arena, struct lh_task_input, out->input_count);
  if (out->inputs == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < out->input_count; i++) {
    const json_t *const input = json_array_get(array, i);
    json_t *keys = NULL;
    LH_TRY(lh_json_get_string(input, "table", job_what, arena, &out->inputs[i].table, err));
    LH_TRY(lh_json_get_array(input, "keys", job_what, &keys, err));
    LH_TRY(lh_names_decode(keys, job_what, arena, &out->inputs[i].keys, &out->inputs[i].key_count, err));
    LH_TRY(lh_input_partitions_decode(input, job_what, arena, &out->inputs[i], err));
    if (json_is_string(json_object_get(input, "view"))) {
      LH_TRY(lh_json_get_string(input, "view", job_what, arena, &out->inputs[i].view_sql, err));
    }
  }
  return LH_OK;
}

static lh_status decode_job_object(const json_t *object, struct lh_arena *arena, struct lh_job *out,
                                   struct lh_error *err) {
  const struct {
    const char *key;
    const char **value;
  } strings[] = {
      {"project_path", &out->project_path},
      {"project_text", &out->project_text},
      {"task", &out->task},
      {"lake", &out->lake},
      {"version", &out->version},
      {"snapshot_id", &out->snapshot_id},
      {"snapshot_time", &out->snapshot_time},
      {"snapshot_lsn", &out->snapshot_lsn},
      {"temp_directory", &out->temp_directory},
      {"sql", &out->sql},
  };
  for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
    LH_TRY(lh_json_get_string(object, strings[i].key, job_what, arena, strings[i].value, err));
  }
  const struct {
    const char *key;
    const char **value;
  } settings[] = {{"aws_profile", &out->aws.profile},
                  {"aws_region", &out->aws.region},
                  {"s3_endpoint", &out->s3_endpoint}};
  for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
    if (json_is_string(json_object_get(object, settings[i].key))) {
      LH_TRY(lh_json_get_string(object, settings[i].key, job_what, arena, settings[i].value, err));
    }
  }
  out->limit = json_integer_value(json_object_get(object, "limit"));
  out->verify = json_is_true(json_object_get(object, "verify"));
  out->threads = (int)json_integer_value(json_object_get(object, "threads"));
  out->streams = (int)json_integer_value(json_object_get(object, "streams"));
  LH_TRY(lh_json_get_uint(object, "memory_bytes", job_what, &out->memory_bytes, err));
  LH_TRY(lh_json_get_uint(object, "rate_bytes", job_what, &out->rate_bytes, err));
  out->full = json_is_true(json_object_get(object, "full"));
  LH_TRY(lh_names_decode(json_object_get(object, "partitions"), job_what, arena, &out->partitions,
                         &out->partition_count, err));
  return decode_inputs(object, arena, out, err);
}

lh_status lh_job_decode(const struct lh_buf *bytes, struct lh_arena *arena, struct lh_job *out,
                        struct lh_error *err) {
  json_t *object = NULL;
  *out = (struct lh_job){0};
  LH_TRY(lh_json_parse(bytes->data, bytes->len, job_what, &object, err));
  const lh_status status = decode_job_object(object, arena, out, err);
  json_decref(object);
  return status;
}
