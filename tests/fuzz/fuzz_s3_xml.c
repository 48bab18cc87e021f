/* The reader of what S3 answers. What it reads is escaped again, and that read gives the same. */
#include <string.h>

#include "base/str.h"
#include "fuzz.h"
#include "store/s3.h"

struct seen {
  struct lh_buf copy; /* a document of the texts */
  size_t leaves;
};

static lh_status take_leaf(void *context, const char *parent, const char *name, const char *text,
                           struct lh_error *err) {
  struct seen *const seen = context;
  FUZZ_CHECK(strlen(parent) < 64 && strlen(name) < 64);
  FUZZ_CHECK(lh_utf8_valid((const uint8_t *)text, strlen(text)));
  seen->leaves++;
  LH_TRY(lh_buf_append_str(&seen->copy, "<a>", err));
  LH_TRY(lh_s3_xml_append(&seen->copy, text, err));
  return lh_buf_append_str(&seen->copy, "</a>", err);
}

static lh_status take_end(void *context, const char *name, struct lh_error *err) {
  (void)context;
  (void)err;
  FUZZ_CHECK(strlen(name) < 64);
  return LH_OK;
}

static lh_status read_document(const struct lh_buf *document, struct seen *out) {
  struct lh_error err = {0};
  lh_buf_init(&out->copy, (size_t)1 << 20);
  out->leaves = 0;
  FUZZ_CHECK(lh_buf_append_str(&out->copy, "<r>", &err) == LH_OK);
  const struct lh_s3_xml reader = {.context = out, .leaf = take_leaf, .end = take_end};
  const lh_status status = lh_s3_xml_read(&reader, document, "it", &err);
  FUZZ_CHECK(status == LH_OK || status == LH_ERROR_LAKE || status == LH_ERROR_MEMORY);
  return status == LH_OK ? lh_buf_append_str(&out->copy, "</r>", &err) : status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct lh_buf document;
  struct lh_error err = {0};
  struct seen first;
  lh_buf_init(&document, (size_t)1 << 20);
  FUZZ_CHECK(lh_buf_append(&document, data, size, &err) == LH_OK);
  if (read_document(&document, &first) == LH_OK && first.leaves > 0) {
    struct seen second;
    FUZZ_CHECK(read_document(&first.copy, &second) == LH_OK);
    FUZZ_CHECK(second.leaves == first.leaves && second.copy.len == first.copy.len);
    FUZZ_CHECK(memcmp(second.copy.data, first.copy.data, first.copy.len) == 0);
    lh_buf_clear(&second.copy);
  }
  lh_buf_clear(&first.copy);
  lh_buf_clear(&document);
  return 0;
}
