/* The XML that S3 speaks: answers read as names and texts, texts escaped for requests. */
#include <expat.h>
#include <string.h>

#include "store/s3.h"

#define DEPTH_MAX 16
#define NAME_MAX_BYTES 64
#define TEXT_MAX_BYTES ((size_t)64 << 10)

struct element {
  char name[NAME_MAX_BYTES];
  bool has_children;
};

struct parsing {
  const struct lh_s3_xml *reader;
  XML_Parser parser;
  struct element stack[DEPTH_MAX];
  int depth;
  struct lh_buf text;
  lh_status status;
  struct lh_error *err;
};

static void stop(struct parsing *parsing, lh_status status) {
  parsing->status = status;
  XML_StopParser(parsing->parser, XML_FALSE);
}

static void XMLCALL on_start(void *context, const XML_Char *name, const XML_Char **attributes) {
  struct parsing *const parsing = context;
  (void)attributes;
  if (parsing->status != LH_OK) {
    return;
  }
  if (parsing->depth == DEPTH_MAX) {
    stop(parsing, lh_error_set(parsing->err, LH_ERROR_LAKE, "elements nested deeper than %d", DEPTH_MAX));
    return;
  }
  const char *const colon = strchr(name, ':');
  const char *const local = colon != NULL ? colon + 1 : name;
  if (parsing->depth > 0) {
    parsing->stack[parsing->depth - 1].has_children = true;
  }
  struct element *const element = &parsing->stack[parsing->depth++];
  const size_t length = strnlen(local, NAME_MAX_BYTES - 1);
  memcpy(element->name, local, length);
  element->name[length] = '\0';
  element->has_children = false;
  lh_buf_reset(&parsing->text);
}

static void XMLCALL on_text(void *context, const XML_Char *text, int length) {
  struct parsing *const parsing = context;
  if (parsing->status != LH_OK) {
    return;
  }
  const lh_status status = lh_buf_append(&parsing->text, text, (size_t)length, parsing->err);
  if (status != LH_OK) {
    stop(parsing, status);
  }
}

static lh_status end_element(struct parsing *parsing) {
  const struct element *const element = &parsing->stack[--parsing->depth];
  const char *text = NULL;
  if (element->has_children) {
    return parsing->reader->end != NULL
               ? parsing->reader->end(parsing->reader->context, element->name, parsing->err)
               : LH_OK;
  }
  LH_TRY(lh_buf_cstr(&parsing->text, &text, parsing->err));
  const char *const parent = parsing->depth > 0 ? parsing->stack[parsing->depth - 1].name : "";
  return parsing->reader->leaf(parsing->reader->context, parent, element->name, text, parsing->err);
}

static void XMLCALL on_end(void *context, const XML_Char *name) {
  struct parsing *const parsing = context;
  (void)name;
  if (parsing->status != LH_OK) {
    return;
  }
  const lh_status status = end_element(parsing);
  if (status != LH_OK) {
    stop(parsing, status);
  }
  lh_buf_reset(&parsing->text);
}

/* No answer of S3 has one, and its entities could be made to grow without bound. */
static void XMLCALL on_doctype(void *context, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int has_internal_subset) {
  struct parsing *const parsing = context;
  (void)name;
  (void)system_id;
  (void)public_id;
  (void)has_internal_subset;
  stop(parsing, lh_error_set(parsing->err, LH_ERROR_LAKE, "it has a document type"));
}

static lh_status parse(struct parsing *parsing, const char *bytes, size_t size) {
  XML_SetUserData(parsing->parser, parsing);
  XML_SetElementHandler(parsing->parser, on_start, on_end);
  XML_SetCharacterDataHandler(parsing->parser, on_text);
  XML_SetStartDoctypeDeclHandler(parsing->parser, on_doctype);
  const enum XML_Status parsed = XML_Parse(parsing->parser, bytes, (int)size, XML_TRUE);
  LH_TRY(parsing->status);
  if (parsed == XML_STATUS_OK) {
    return LH_OK;
  }
  const enum XML_Error cause = XML_GetErrorCode(parsing->parser);
  return cause == XML_ERROR_NO_MEMORY
             ? lh_error_memory(parsing->err)
             : lh_error_set(parsing->err, LH_ERROR_LAKE, "%s", XML_ErrorString(cause));
}

lh_status lh_s3_xml_read(const struct lh_s3_xml *reader, const struct lh_buf *document, const char *what,
                         struct lh_error *err) {
  struct parsing parsing = {.reader = reader, .err = err};
  const char *bytes = (const char *)document->data;
  size_t size = document->len;
  /* A request that takes long is answered with white space first, before the declaration, too. */
  while (size > 0 && strchr(" \t\r\n", *bytes) != NULL && *bytes != '\0') {
    bytes++;
    size--;
  }
  parsing.parser = XML_ParserCreate(NULL);
  if (parsing.parser == NULL) {
    return lh_error_memory(err);
  }
  lh_buf_init(&parsing.text, TEXT_MAX_BYTES);
  const lh_status status = parse(&parsing, bytes, size);
  XML_ParserFree(parsing.parser);
  lh_buf_clear(&parsing.text);
  if (status == LH_ERROR_LAKE) {
    lh_error_prefix(err, "cannot read %s", what);
    lh_error_hint(err, "is the endpoint that of an S3 service?");
  }
  return status;
}

lh_status lh_s3_xml_append(struct lh_buf *out, const char *text, struct lh_error *err) {
  for (const char *c = text; *c != '\0'; c++) {
    switch (*c) {
      case '&':
        LH_TRY(lh_buf_append_str(out, "&amp;", err));
        break;
      case '<':
        LH_TRY(lh_buf_append_str(out, "&lt;", err));
        break;
      case '>':
        LH_TRY(lh_buf_append_str(out, "&gt;", err));
        break;
      case '\r':
        LH_TRY(lh_buf_append_str(out, "&#13;", err));
        break;
      default:
        LH_TRY(lh_buf_append_byte(out, (uint8_t)*c, err));
        break;
    }
  }
  return LH_OK;
}
