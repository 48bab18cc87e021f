/* What an AWS service's error says, and what may be done about it. */
#include "net/aws_error.h"

#include <expat.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define DEPTH_MAX 32

static void copy_text(char *out, size_t out_size, const char *text, size_t size) {
  const size_t kept = size < out_size ? size : lh_utf8_truncate(text, size, out_size - 1);
  memcpy(out, text, kept);
  out[kept] = '\0';
}

bool lh_aws_error_is_region(const char *text) {
  const size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
  return size > 0 && size <= 32 && text[size] == '\0' && text[0] != '-' && text[size - 1] != '-';
}

/* --- XML --- */

struct reader {
  XML_Parser parser;
  struct lh_aws_error_document *out;
  int depth;
  int error_depth; /* of the <Error> that is open; 0: none */
  bool root_is_error;
  bool has_root;
  char *field; /* where the text of the open element goes; NULL: nowhere */
  size_t field_size, field_used;
};

static void choose_field(struct reader *reader, const char *name) {
  struct lh_aws_error_document *const out = reader->out;
  const struct {
    const char *name;
    char *field;
    size_t size;
  } fields[] = {
      {"Code", out->code, sizeof(out->code)},
      {"Message", out->message, sizeof(out->message)},
      {"Region", out->region, sizeof(out->region)},
      {"RequestId", out->request_id, sizeof(out->request_id)},
  };
  for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
    if (strcmp(name, fields[i].name) == 0) {
      reader->field = fields[i].field;
      reader->field_size = fields[i].size;
      reader->field_used = 0;
      reader->field[0] = '\0';
    }
  }
}

static void XMLCALL start_element(void *context, const XML_Char *name, const XML_Char **attributes) {
  (void)attributes;
  struct reader *const reader = context;
  if (++reader->depth > DEPTH_MAX) {
    XML_StopParser(reader->parser, XML_FALSE);
    return;
  }
  const char *const colon = strchr(name, ':');
  const char *const local_name = colon != NULL ? colon + 1 : name;
  if (reader->depth == 1) {
    reader->has_root = true;
    reader->root_is_error = strcmp(local_name, "Error") == 0 || strcmp(local_name, "ErrorResponse") == 0;
  }
  reader->field = NULL;
  if (strcmp(local_name, "Error") == 0 && reader->error_depth == 0) {
    reader->error_depth = reader->depth;
  } else if (reader->error_depth != 0 && reader->depth == reader->error_depth + 1) {
    choose_field(reader, local_name);
  } else if (reader->depth == 2 && strcmp(local_name, "RequestId") == 0) {
    choose_field(reader, local_name); /* STS has it beside <Error> */
  }
}

static void XMLCALL end_element(void *context, const XML_Char *name) {
  (void)name;
  struct reader *const reader = context;
  if (reader->depth == reader->error_depth) {
    reader->error_depth = -1; /* a second <Error> says nothing */
  }
  reader->depth--;
  reader->field = NULL;
}

static void XMLCALL take_text(void *context, const XML_Char *text, int size) {
  struct reader *const reader = context;
  if (reader->field == NULL) {
    return;
  }
  const size_t room = reader->field_size - 1 - reader->field_used;
  const size_t kept = (size_t)size <= room ? (size_t)size : lh_utf8_truncate(text, (size_t)size, room);
  memcpy(reader->field + reader->field_used, text, kept);
  reader->field_used += kept;
  reader->field[reader->field_used] = '\0';
  if (kept < (size_t)size) {
    reader->field = NULL;
  }
}

/* Entities of its own are nothing that a service sends. */
static void XMLCALL refuse_dtd(void *context, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int has_internal_subset) {
  (void)name;
  (void)system_id;
  (void)public_id;
  (void)has_internal_subset;
  const struct reader *const reader = context;
  XML_StopParser(reader->parser, XML_FALSE);
}

static void tidy(struct lh_aws_error_document *document) {
  lh_str_make_line(document->code);
  lh_aws_error_redact(document->message);
  lh_str_make_line(document->message);
  lh_str_make_line(document->request_id);
  if (!lh_aws_error_is_region(document->region)) {
    document->region[0] = '\0';
  }
}

enum lh_aws_document lh_aws_error_read_xml(const void *body, size_t size, struct lh_aws_error_document *out) {
  memset(out, 0, sizeof(*out));
  const char *text = body;
  while (size > 0 && strchr(" \t\r\n", *text) != NULL && *text != '\0') {
    text++; /* S3 sends white space while it is at work, before the declaration, too */
    size--;
  }
  if (size == 0 || size > INT32_MAX) {
    return LH_AWS_DOCUMENT_NONE;
  }
  struct reader reader = {.out = out, .parser = XML_ParserCreate(NULL)};
  if (reader.parser == NULL) {
    return LH_AWS_DOCUMENT_NONE;
  }
  XML_SetUserData(reader.parser, &reader);
  XML_SetElementHandler(reader.parser, start_element, end_element);
  XML_SetCharacterDataHandler(reader.parser, take_text);
  XML_SetStartDoctypeDeclHandler(reader.parser, refuse_dtd);
  const bool is_whole = XML_Parse(reader.parser, text, (int)size, XML_TRUE) == XML_STATUS_OK;
  XML_ParserFree(reader.parser);
  tidy(out);
  if (!is_whole) {
    memset(out, 0, sizeof(*out));
    return LH_AWS_DOCUMENT_NONE;
  }
  return reader.root_is_error ? LH_AWS_DOCUMENT_ERROR : LH_AWS_DOCUMENT_OTHER;
}

/* --- JSON --- */

/* "com.amazonaws.glue#EntityNotFoundException:http://internal.amazon.com/…" has the name in its middle. */
static void copy_code(char *out, size_t out_size, const char *text) {
  const char *const hash = strrchr(text, '#');
  const char *const name = hash != NULL ? hash + 1 : text;
  copy_text(out, out_size, name, strcspn(name, ":"));
}

static const char *first_string(const json_t *object, const char *first, const char *second) {
  const char *const text = json_string_value(json_object_get(object, first));
  return text != NULL ? text : json_string_value(json_object_get(object, second));
}

void lh_aws_error_read_json(const void *body, size_t size, struct lh_aws_error_document *out) {
  memset(out, 0, sizeof(*out));
  json_t *const document = json_loadb(body, size, 0, NULL);
  if (document == NULL) {
    return;
  }
  const char *const code = first_string(document, "__type", "code");
  const char *const message = first_string(document, "message", "Message");
  if (code != NULL) {
    copy_code(out->code, sizeof(out->code), code);
  }
  if (message != NULL) {
    copy_text(out->message, sizeof(out->message), message, strlen(message));
  }
  json_decref(document);
  tidy(out);
}

/* --- responses --- */

static void take_header(const struct lh_http_response *response, const char *name, char *out,
                        size_t out_size) {
  const char *const value = lh_http_response_header(response, name);
  if (value != NULL && out[0] == '\0') {
    copy_text(out, out_size, value, strlen(value));
  }
}

void lh_aws_error_read(const struct lh_http_response *response, const void *body, size_t size,
                       struct lh_aws_error_document *out) {
  memset(out, 0, sizeof(*out));
  const char *const type = lh_http_response_header(response, "x-amzn-ErrorType");

  if (size > 0 && *(const char *)body == '{') {
    lh_aws_error_read_json(body, size, out);
  } else if (size > 0) {
    (void)lh_aws_error_read_xml(body, size, out);
  }
  if (type != NULL && out->code[0] == '\0') {
    copy_code(out->code, sizeof(out->code), type);
  }
  take_header(response, "x-amz-request-id", out->request_id, sizeof(out->request_id));
  take_header(response, "x-amzn-RequestId", out->request_id, sizeof(out->request_id));
  const char *const region = lh_http_response_header(response, "x-amz-bucket-region");
  if (region != NULL && lh_aws_error_is_region(region)) {
    copy_text(out->region, sizeof(out->region), region, strlen(region));
  }
  tidy(out);
}

void lh_aws_error_redact(char *message) {
  static const char *const marks[] = {"The Canonical String", "The String-to-Sign", "canonical request",
                                      "Authorization=",       "X-Amz-Signature",    "x-amz-security-token",
                                      "X-Amz-Security-Token", "Signature="};
  for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
    char *const found = strstr(message, marks[i]);
    if (found != NULL) {
      *found = '\0';
    }
  }
  size_t size = strlen(message);
  while (size > 0 && strchr(" \n\r\t'\"", message[size - 1]) != NULL) {
    message[--size] = '\0';
  }
}

/* --- what may be done --- */

static bool is_among(const char *code, const char *const *codes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(code, codes[i]) == 0) {
      return true;
    }
  }
  return false;
}

#define AMONG(code, ...)                               \
  is_among((code), (const char *const[]){__VA_ARGS__}, \
           sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

enum lh_aws_verdict lh_aws_error_judge(int status, const char *code) {
  if (AMONG(code, "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled",
            "RequestThrottledException", "TooManyRequestsException", "ProvisionedThroughputExceededException",
            "RequestLimitExceeded", "BandwidthLimitExceeded", "PriorRequestNotComplete", "SlowDown",
            "RequestTimeout", "RequestTimeoutException", "InternalError", "InternalFailure",
            "InternalServiceException", "InternalServerException", "OperationTimeoutException",
            "ServiceUnavailable", "OperationAborted", "IDPCommunicationError")) {
    return LH_AWS_RETRYABLE;
  }
  if (AMONG(code, "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired")) {
    return LH_AWS_EXPIRED;
  }
  if (AMONG(code, "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture", "InvalidSignatureException",
            "SignatureDoesNotMatch", "AuthFailure")) {
    return LH_AWS_SKEWED;
  }
  if (AMONG(code, "PermanentRedirect", "TemporaryRedirect", "Redirect", "AuthorizationHeaderMalformed",
            "IllegalLocationConstraintException")) {
    return LH_AWS_REGION;
  }
  if (AMONG(code, "AccessDenied", "AccessDeniedException", "InvalidAccessKeyId", "InvalidToken",
            "InvalidClientTokenId", "UnrecognizedClientException", "MissingAuthenticationToken",
            "MissingAuthenticationTokenException", "IncompleteSignature", "IncompleteSignatureException",
            "NotAuthorized", "AllAccessDisabled", "AccountProblem", "NotSignedUp", "OptInRequired",
            "UnauthorizedException")) {
    return LH_AWS_CREDENTIALS;
  }
  if (status == 500 || status == 502 || status == 503 || status == 504 || status == 429) {
    return LH_AWS_RETRYABLE;
  }
  if (code[0] == '\0' && (status == 301 || status == 307 || status == 400)) {
    return LH_AWS_REGION; /* of a HEAD: what is wrong cannot be told but by the bucket's region */
  }
  if (code[0] == '\0' && status == 403) {
    return LH_AWS_SKEWED;
  }
  return status == 401 || status == 403 ? LH_AWS_CREDENTIALS : LH_AWS_FATAL;
}
