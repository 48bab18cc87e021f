/* What the S3 driver computes and parses without a server: checksums, XML, sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#include "store/s3.h"
#include "temporary_lake.h"

static const char *checksum_text(enum lh_s3_checksum kind, const char *text, size_t size, char *out) {
  struct lh_s3_checksum_tables *const tables = malloc(sizeof(*tables));
  assert_non_null(tables);
  lh_s3_checksum_prepare(tables);
  lh_s3_checksum_text(kind, lh_s3_checksum_of(kind, tables, text, size), out);
  free(tables);
  return out;
}

/* Of the catalogue of parametrised CRC algorithms: CRC-32/ISO-HDLC has cbf43926 of "123456789", CRC-64/NVME
 * ae8b14860a799888; of nothing both are 0. */
static void checksums_are_those_of_the_catalogue(void **state) {
  static const char digits[] = "123456789";
  char out[LH_S3_CHECKSUM_TEXT_MAX];
  (void)state;
  assert_string_equal(checksum_text(LH_S3_CHECKSUM_CRC32, digits, 9, out), "y/Q5Jg==");
  assert_string_equal(checksum_text(LH_S3_CHECKSUM_CRC64NVME, digits, 9, out), "rosUhgp5mIg=");
  assert_string_equal(checksum_text(LH_S3_CHECKSUM_CRC32, "", 0, out), "AAAAAA==");
  assert_string_equal(checksum_text(LH_S3_CHECKSUM_CRC64NVME, "", 0, out), "AAAAAAAAAAA=");
}

/* The NVM Express NVM Command Set Specification's examples for 4,096 bytes: all 00h, all FFh. */
static void crc64_of_blocks_is_that_of_the_specification(void **state) {
  struct lh_s3_checksum_tables *const tables = malloc(sizeof(*tables));
  char block[4096];
  (void)state;
  assert_non_null(tables);
  lh_s3_checksum_prepare(tables);
  memset(block, 0, sizeof(block));
  assert_true(lh_s3_checksum_of(LH_S3_CHECKSUM_CRC64NVME, tables, block, sizeof(block)) ==
              UINT64_C(0x6482D367EB22B64E));
  memset(block, 0xFF, sizeof(block));
  assert_true(lh_s3_checksum_of(LH_S3_CHECKSUM_CRC64NVME, tables, block, sizeof(block)) ==
              UINT64_C(0xC0DDBA7302ECA3AC));
  free(tables);
}

static void checksums_of_parts_join_to_that_of_the_whole(void **state) {
  static const enum lh_s3_checksum kinds[] = {LH_S3_CHECKSUM_CRC32, LH_S3_CHECKSUM_CRC64NVME};
  struct lh_s3_checksum_tables *const tables = malloc(sizeof(*tables));
  uint8_t bytes[5000];
  (void)state;
  assert_non_null(tables);
  lh_s3_checksum_prepare(tables);
  for (size_t i = 0; i < sizeof(bytes); i++) {
    bytes[i] = (uint8_t)(i * i >> 3);
  }
  for (size_t kind = 0; kind < 2; kind++) {
    const uint64_t whole = lh_s3_checksum_of(kinds[kind], tables, bytes, sizeof(bytes));
    for (size_t cut = 0; cut <= sizeof(bytes); cut += 625) {
      const uint64_t first = lh_s3_checksum_of(kinds[kind], tables, bytes, cut);
      const uint64_t second = lh_s3_checksum_of(kinds[kind], tables, bytes + cut, sizeof(bytes) - cut);
      assert_true(lh_s3_checksum_join(kinds[kind], first, second, sizeof(bytes) - cut) == whole);
    }
  }
  free(tables);
}

struct seen {
  char text[512];
};

static lh_status note_leaf(void *context, const char *parent, const char *name, const char *text,
                           struct lh_error *err) {
  struct seen *const seen = context;
  (void)err;
  const size_t used = strlen(seen->text);
  snprintf(seen->text + used, sizeof(seen->text) - used, "%s/%s=%s;", parent, name, text);
  return LH_OK;
}

static lh_status note_end(void *context, const char *name, struct lh_error *err) {
  struct seen *const seen = context;
  (void)err;
  const size_t used = strlen(seen->text);
  snprintf(seen->text + used, sizeof(seen->text) - used, "/%s;", name);
  return LH_OK;
}

static lh_status read_xml(const char *document, struct seen *seen, struct lh_error *err) {
  const struct lh_s3_xml reader = {.context = seen, .leaf = note_leaf, .end = note_end};
  struct lh_buf bytes;
  seen->text[0] = '\0';
  lh_buf_init(&bytes, (size_t)1 << 20);
  assert_int_equal(lh_buf_append_str(&bytes, document, err), LH_OK);
  const lh_status status = lh_s3_xml_read(&reader, &bytes, "the answer", err);
  lh_buf_clear(&bytes);
  return status;
}

static void xml_is_read_by_element(void **state) {
  struct lh_error err;
  struct seen seen;
  (void)state;
  assert_ok(
      read_xml(" \n\n<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<s:R xmlns:s=\"http://x/\"><C><Key>a&amp;b "
               "&#xfc;<![CDATA[<c>]]></Key><Size>1</Size></C><E/></s:R>",
               &seen, &err));
  assert_string_equal(seen.text, "C/Key=a&b ü<c>;C/Size=1;/C;R/E=;/R;");
}

static void hostile_xml_is_an_error(void **state) {
  static const char *const wrong[] = {
      "",
      "<html><body>Bad gateway",
      "<a></b>",
      "not xml",
      "<!DOCTYPE a [<!ENTITY b \"bbbbbbbbbb\"><!ENTITY c \"&b;&b;&b;&b;\">]><a>&c;</a>",
      "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a></a></a></a></"
      "a></a></a></a></a>"
      "</a></a>",
  };
  struct lh_error err;
  struct seen seen;
  (void)state;
  for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
    assert_int_equal(read_xml(wrong[i], &seen, &err), LH_ERROR_LAKE);
    assert_contains(err.message, "cannot read the answer");
  }
}

static void keys_are_escaped_in_xml(void **state) {
  struct lh_error err;
  struct lh_buf out;
  const char *text = NULL;
  (void)state;
  lh_buf_init(&out, 1024);
  assert_ok(lh_s3_xml_append(&out, "a<b>&\"'\r ü", &err));
  assert_ok(lh_buf_cstr(&out, &text, &err));
  assert_string_equal(text, "a&lt;b&gt;&amp;\"'&#13; ü");
  lh_buf_clear(&out);
}

/* 10,000 parts of 5 MiB to 5 GiB; an object may have 5 TiB. */
static void the_largest_object_takes_no_more_parts_than_there_may_be(void **state) {
  static const size_t firsts[] = {(size_t)5 << 20, (size_t)16 << 20};
  (void)state;
  for (size_t i = 0; i < 2; i++) {
    uint64_t sum = 0;
    assert_true(lh_s3_part_bytes(firsts[i], 1) == firsts[i]);
    for (uint32_t number = 1; number <= LH_S3_PARTS_MAX; number++) {
      const size_t bytes = lh_s3_part_bytes(firsts[i], number);
      assert_true(bytes >= firsts[i] && bytes <= (size_t)5 << 30);
      sum += bytes;
    }
    assert_true(sum >= UINT64_C(5) << 40);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(checksums_are_those_of_the_catalogue),
      cmocka_unit_test(crc64_of_blocks_is_that_of_the_specification),
      cmocka_unit_test(checksums_of_parts_join_to_that_of_the_whole),
      cmocka_unit_test(xml_is_read_by_element),
      cmocka_unit_test(hostile_xml_is_an_error),
      cmocka_unit_test(keys_are_escaped_in_xml),
      cmocka_unit_test(the_largest_object_takes_no_more_parts_than_there_may_be),
  };
  return cmocka_run_group_tests_name("s3_texts", tests, NULL, NULL);
}
