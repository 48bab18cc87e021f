/* What errors of AWS services say, in every form they come in and in forms that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/aws_error.h"

static struct lh_aws_error_document read_xml(const char *text, enum lh_aws_document expected) {
  struct lh_aws_error_document document;
  assert_int_equal(lh_aws_error_read_xml(text, strlen(text), &document), expected);
  return document;
}

static void errors_of_s3_are_read(void **state) {
  (void)state;
  const struct lh_aws_error_document document = read_xml(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AuthorizationHeaderMalformed</Code>"
      "<Message>The region &apos;us-east-1&apos; is wrong;\n expecting &#x27;eu-west-1&#39;</Message>"
      "<Region>eu-west-1</Region><RequestId>4442587FB7D0A2F9</RequestId><HostId>x</HostId></Error>",
      LH_AWS_DOCUMENT_ERROR);
  assert_string_equal(document.code, "AuthorizationHeaderMalformed");
  assert_string_equal(document.message, "The region 'us-east-1' is wrong;  expecting 'eu-west-1");
  assert_string_equal(document.region, "eu-west-1");
  assert_string_equal(document.request_id, "4442587FB7D0A2F9");
}

static void errors_of_sts_are_read(void **state) {
  (void)state;
  const struct lh_aws_error_document document = read_xml(
      "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n"
      "    <Type>Sender</Type>\n    <Code>AccessDenied</Code>\n"
      "    <Message><![CDATA[User: <x> is not authorized]]></Message>\n  </Error>\n"
      "  <RequestId>abc</RequestId>\n</ErrorResponse>\n",
      LH_AWS_DOCUMENT_ERROR);
  assert_string_equal(document.code, "AccessDenied");
  assert_string_equal(document.message, "User: <x> is not authorized");
  assert_string_equal(document.request_id, "abc");
}

static void prefixes_of_names_do_not_matter(void **state) {
  (void)state;
  const struct lh_aws_error_document document =
      read_xml("<s:Error xmlns:s=\"u\"><s:Code>SlowDown</s:Code></s:Error>", LH_AWS_DOCUMENT_ERROR);
  assert_string_equal(document.code, "SlowDown");
}

static void white_space_may_go_before_the_declaration(void **state) {
  (void)state;
  const struct lh_aws_error_document document = read_xml(
      " \r\n\t <?xml version=\"1.0\"?><Error><Code>InternalError</Code></Error>", LH_AWS_DOCUMENT_ERROR);
  assert_string_equal(document.code, "InternalError");
}

static void only_the_errors_own_elements_count(void **state) {
  (void)state;
  const struct lh_aws_error_document document = read_xml(
      "<Error><Detail><Code>Inner</Code></Detail><Code>A<b>x</b></Code></Error>", LH_AWS_DOCUMENT_ERROR);
  assert_string_equal(document.code, "A");
  const struct lh_aws_error_document other =
      read_xml("<Result><Code>NotAnError</Code><ETag>1</ETag></Result>", LH_AWS_DOCUMENT_OTHER);
  assert_string_equal(other.code, "");
}

static void what_is_no_document_has_nothing(void **state) {
  (void)state;
  static const char *const texts[] = {
      "",
      " \n",
      "no xml",
      "<Error>",
      "<Error><Code>SlowDown</Code>",
      "<Error><Code>SlowDown</Message></Error>",
      "<Error><Code>A</Code></Error><Error/>",
      "{\"__type\": \"x\"}",
      "<html><body>502 Bad Gateway<br></body></html>",
      "<Error><Code>&undefined;</Code></Error>",
      "<!DOCTYPE a [<!ENTITY b \"bb\">]><Error><Code>&b;</Code></Error>",
      "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><Error><Code>A</Code></Error>",
      "<Error><Code>\xff\xfe</Code></Error>",
  };
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    const struct lh_aws_error_document document = read_xml(texts[i], LH_AWS_DOCUMENT_NONE);
    assert_string_equal(document.code, "");
    assert_string_equal(document.message, "");
  }
}

static void nul_bytes_are_no_xml(void **state) {
  (void)state;
  struct lh_aws_error_document document;
  static const char text[] = "<Error><Code>A\0B</Code></Error>";
  assert_int_equal(lh_aws_error_read_xml(text, sizeof(text) - 1, &document), LH_AWS_DOCUMENT_NONE);
  static const char zeros[64];
  assert_int_equal(lh_aws_error_read_xml(zeros, sizeof(zeros), &document), LH_AWS_DOCUMENT_NONE);
}

static char *repeat(const char *before, const char *text, size_t times, const char *after) {
  const size_t size = strlen(text);
  char *const out = malloc(strlen(before) + size * times + strlen(after) + 1);
  assert_non_null(out);
  char *at = stpcpy(out, before);
  for (size_t i = 0; i < times; i++) {
    at = stpcpy(at, text);
  }
  strcpy(at, after);
  return out;
}

static void what_is_too_long_is_cut_between_characters(void **state) {
  (void)state;
  char *const text = repeat("<Error><Code>A</Code><Message>", "\xe2\x82\xac&amp;", 100000,
                            "</Message><RequestId>r</RequestId></Error>");
  const struct lh_aws_error_document document = read_xml(text, LH_AWS_DOCUMENT_ERROR);
  free(text);
  const size_t length = strlen(document.message);
  assert_true(length > 1000 && length < sizeof(document.message));
  assert_null(strchr(document.message, '?'));
  assert_string_equal(document.request_id, "r");
}

static void what_is_too_deep_is_refused(void **state) {
  (void)state;
  char *const deep = repeat("<Error><Code>A</Code>", "<a>", 100000, "");
  read_xml(deep, LH_AWS_DOCUMENT_NONE);
  free(deep);
  char *const json = repeat("", "{\"a\":", 100000, "");
  struct lh_aws_error_document document;
  lh_aws_error_read_json(json, strlen(json), &document);
  assert_string_equal(document.code, "");
  free(json);
}

static void a_region_that_is_none_is_left_out(void **state) {
  (void)state;
  static const char *const texts[] = {
      "evil.example/", "EU-WEST-1", "a b", "-a", "", "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz"};
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    char text[256];
    snprintf(text, sizeof(text), "<Error><Code>A</Code><Region>%s</Region></Error>", texts[i]);
    assert_string_equal(read_xml(text, LH_AWS_DOCUMENT_ERROR).region, "");
    assert_false(lh_aws_error_is_region(texts[i]));
  }
  assert_true(lh_aws_error_is_region("us-gov-west-1"));
}

static struct lh_aws_error_document read_json(const char *text) {
  struct lh_aws_error_document document;
  lh_aws_error_read_json(text, strlen(text), &document);
  return document;
}

static void errors_in_json_are_read(void **state) {
  (void)state;
  struct lh_aws_error_document document = read_json(
      "{\"__type\":\"com.amazonaws.glue#EntityNotFoundException\",\"Message\":\"Table t not found.\"}");
  assert_string_equal(document.code, "EntityNotFoundException");
  assert_string_equal(document.message, "Table t not found.");
  document =
      read_json("{\"__type\":\"ThrottlingException:http://internal.amazon.com/coral/\",\"message\":null}");
  assert_string_equal(document.code, "ThrottlingException");
  assert_string_equal(document.message, "");
  document = read_json("{\"code\":\"A\",\"message\":\"b\\nc\"}");
  assert_string_equal(document.code, "A");
  assert_string_equal(document.message, "b c");
}

static void what_is_no_error_in_json_has_nothing(void **state) {
  (void)state;
  static const char *const texts[] = {
      "", "{", "[]", "\"a\"", "{\"__type\":1,\"message\":[]}", "1", "{}x", "{\"__type\":\"a\\u0000b\"}"};
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    assert_string_equal(read_json(texts[i]).code, "");
    assert_string_equal(read_json(texts[i]).message, "");
  }
}

static void headers_tell_what_the_body_does_not(void **state) {
  (void)state;
  const struct lh_http_header headers[] = {{"X-Amzn-ErrorType", "ns#AccessDeniedException:http://x"},
                                           {"x-amzn-RequestId", "id-1"},
                                           {"x-amz-bucket-region", "eu-west-3"}};
  const struct lh_http_response response = {.status = 400, .headers = headers, .header_count = 3};
  struct lh_aws_error_document document;
  lh_aws_error_read(&response, NULL, 0, &document);
  assert_string_equal(document.code, "AccessDeniedException");
  assert_string_equal(document.request_id, "id-1");
  assert_string_equal(document.region, "eu-west-3");
  static const char body[] =
      " <Error><Code>B</Code><Region>eu-west-1</Region><RequestId>2</RequestId></Error>";
  lh_aws_error_read(&response, body, sizeof(body) - 1, &document);
  assert_string_equal(document.code, "B");
  assert_string_equal(document.request_id, "2");
  assert_string_equal(document.region, "eu-west-3");
}

static void quotations_of_requests_are_taken_out(void **state) {
  (void)state;
  static const char *const texts[] = {
      "does not match.\n\nThe Canonical String for this request should have "
      "been\n'POST\nx-amz-security-token:abc",
      "does not match. The String-to-Sign should have been 'AWS4",
      "does not match. Authorization=AWS4-HMAC-SHA256 Credential=A/b, Signature=c",
      "does not match. 'Signature=c",
      "does not match. X-Amz-Signature=c",
  };
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    char text[256];
    snprintf(text, sizeof(text), "%s", texts[i]);
    lh_aws_error_redact(text);
    assert_string_equal(text, "does not match.");
  }
}

static void codes_and_statuses_are_judged(void **state) {
  (void)state;
  static const struct {
    int status;
    const char *code;
    enum lh_aws_verdict verdict;
  } cases[] = {
      {503, "SlowDown", LH_AWS_RETRYABLE},
      {400, "ThrottlingException", LH_AWS_RETRYABLE},
      {400, "RequestTimeout", LH_AWS_RETRYABLE},
      {400, "OperationTimeoutException", LH_AWS_RETRYABLE},
      {409, "OperationAborted", LH_AWS_RETRYABLE},
      {429, "", LH_AWS_RETRYABLE},
      {500, "Anything", LH_AWS_RETRYABLE},
      {502, "", LH_AWS_RETRYABLE},
      {504, "", LH_AWS_RETRYABLE},
      {501, "NotImplemented", LH_AWS_FATAL},
      {400, "ExpiredToken", LH_AWS_EXPIRED},
      {403, "ExpiredTokenException", LH_AWS_EXPIRED},
      {403, "RequestTimeTooSkewed", LH_AWS_SKEWED},
      {403, "", LH_AWS_SKEWED},
      {400, "InvalidSignatureException", LH_AWS_SKEWED},
      {301, "PermanentRedirect", LH_AWS_REGION},
      {400, "AuthorizationHeaderMalformed", LH_AWS_REGION},
      {400, "IllegalLocationConstraintException", LH_AWS_REGION},
      {301, "", LH_AWS_REGION},
      {400, "", LH_AWS_REGION},
      {403, "AccessDenied", LH_AWS_CREDENTIALS},
      {400, "AccessDeniedException", LH_AWS_CREDENTIALS},
      {400, "UnrecognizedClientException", LH_AWS_CREDENTIALS},
      {403, "SomethingElse", LH_AWS_CREDENTIALS},
      {401, "", LH_AWS_CREDENTIALS},
      {404, "NoSuchKey", LH_AWS_FATAL},
      {409, "ConditionalRequestConflict", LH_AWS_FATAL},
      {412, "PreconditionFailed", LH_AWS_FATAL},
      {400, "ValidationException", LH_AWS_FATAL},
      {404, "", LH_AWS_FATAL},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    if (lh_aws_error_judge(cases[i].status, cases[i].code) != cases[i].verdict) {
      fail_msg("%d %s", cases[i].status, cases[i].code);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(errors_of_s3_are_read),
      cmocka_unit_test(errors_of_sts_are_read),
      cmocka_unit_test(prefixes_of_names_do_not_matter),
      cmocka_unit_test(white_space_may_go_before_the_declaration),
      cmocka_unit_test(only_the_errors_own_elements_count),
      cmocka_unit_test(what_is_no_document_has_nothing),
      cmocka_unit_test(nul_bytes_are_no_xml),
      cmocka_unit_test(what_is_too_long_is_cut_between_characters),
      cmocka_unit_test(what_is_too_deep_is_refused),
      cmocka_unit_test(a_region_that_is_none_is_left_out),
      cmocka_unit_test(errors_in_json_are_read),
      cmocka_unit_test(what_is_no_error_in_json_has_nothing),
      cmocka_unit_test(headers_tell_what_the_body_does_not),
      cmocka_unit_test(quotations_of_requests_are_taken_out),
      cmocka_unit_test(codes_and_statuses_are_judged),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
