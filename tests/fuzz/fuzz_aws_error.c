/* Error documents of AWS services, XML and JSON. */
#include <string.h>

#include "base/str.h"
#include "fuzz.h"
#include "net/aws_error.h"

static void check_text(const char *text, size_t capacity) {
  const size_t size = strnlen(text, capacity);
  FUZZ_CHECK(size < capacity);
  FUZZ_CHECK(lh_utf8_valid((const uint8_t *)text, size));
  FUZZ_CHECK(strpbrk(text, "\r\n") == NULL);
}

static void check_document(const struct lh_aws_error_document *document) {
  check_text(document->code, sizeof(document->code));
  check_text(document->message, sizeof(document->message));
  check_text(document->request_id, sizeof(document->request_id));
  FUZZ_CHECK(document->region[0] == '\0' || lh_aws_error_is_region(document->region));
  FUZZ_CHECK(strstr(document->message, "Authorization=") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct lh_aws_error_document document;
  (void)lh_aws_error_read_xml(data, size, &document);
  check_document(&document);
  lh_aws_error_read_json(data, size, &document);
  check_document(&document);
  const struct lh_http_response response = {.status = 400};
  lh_aws_error_read(&response, data, size, &document);
  check_document(&document);
  (void)lh_aws_error_judge(400, document.code);
  return 0;
}
