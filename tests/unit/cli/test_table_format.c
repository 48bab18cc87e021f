/* Result rows as table, CSV and JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/table_format.h"

static struct lh_field fields[] = {
    {.name = "id", .type = LH_TYPE_INT32, .nullable = true},
    {.name = "name, \"full\"", .type = LH_TYPE_STRING, .nullable = true},
    {.name = "price", .type = LH_TYPE_DECIMAL, .precision = 9, .scale = 2, .nullable = true}};
static const struct lh_schema schema = {.fields = fields, .field_count = 3};

struct output {
  char *text;
  size_t size;
  FILE *file;
  struct lh_batch batch;
  struct lh_error err;
};

static int setup(void **state) {
  struct output *const output = calloc(1, sizeof(*output));
  assert_non_null(output);
  output->file = open_memstream(&output->text, &output->size);
  assert_non_null(output->file);
  assert_int_equal(lh_batch_init(&output->batch, &schema, 8, &output->err), LH_OK);
  *state = output;
  return 0;
}

static int teardown(void **state) {
  struct output *const output = *state;
  fclose(output->file);
  lh_batch_clear(&output->batch);
  free(output->text);
  free(output);
  return 0;
}

/* `name` NULL: the whole row is null. */
static void add(struct output *output, int32_t id, const char *name, int32_t cents) {
  struct lh_column *const columns = output->batch.columns;
  struct lh_error *const err = &output->err;
  if (name == NULL) {
    for (size_t i = 0; i < 3; i++) {
      assert_int_equal(lh_column_append_null(&columns[i], err), LH_OK);
    }
  } else {
    assert_int_equal(lh_column_append_fixed(&columns[0], &id, err), LH_OK);
    assert_int_equal(lh_column_append_bytes(&columns[1], name, strlen(name), err), LH_OK);
    assert_int_equal(lh_column_append_fixed(&columns[2], &cents, err), LH_OK);
  }
  output->batch.row_count++;
}

static const char *print(struct output *output, enum lh_table_format format) {
  struct lh_table_printer *printer = NULL;
  assert_int_equal(lh_table_printer_open(output->file, format, &schema, &printer, &output->err), LH_OK);
  assert_int_equal(lh_table_printer_rows(printer, &output->batch, &output->err), LH_OK);
  assert_int_equal(lh_table_printer_finish(printer, &output->err), LH_OK);
  lh_table_printer_free(printer);
  return output->text;
}

static void tables_are_aligned_and_spell_out_null(void **state) {
  add(*state, 1, "Zoë", 1250);
  add(*state, 1000, "日本", 5);
  add(*state, 0, NULL, 0);
  add(*state, -7, "", -99999);
  assert_string_equal(print(*state, LH_TABLE_FORMAT_TABLE),
                      "   id | name, \"full\" |   price\n"
                      "------+--------------+---------\n"
                      "    1 | Zoë          |   12.50\n"
                      " 1000 | 日本         |    0.05\n"
                      " NULL | NULL         |    NULL\n"
                      "   -7 |              | -999.99\n"
                      "(4 rows)\n");
}

static void tables_escape_what_would_steer_a_terminal(void **state) {
  add(*state, 1, "a\nb\t\x1b[31m\x7f\xc2\x9b", 0);
  assert_non_null(strstr(print(*state, LH_TABLE_FORMAT_TABLE), "a\\nb\\t\\x1b[31m\\x7f\\x9b"));
}

static void tables_cut_long_cells_between_characters(void **state) {
  char wide[401] = "";
  for (int i = 0; i < 100; i++) {
    strcat(wide, "é");
  }
  add(*state, 1, wide, 0);
  const char *const text = print(*state, LH_TABLE_FORMAT_TABLE);
  char expected[200] = "| ";
  for (int i = 0; i < 59; i++) {
    strcat(expected, "é");
  }
  strcat(expected, "… |");
  assert_non_null(strstr(text, expected));
  assert_non_null(strstr(text, "(1 row)\n"));
}

static void an_empty_result_still_has_its_head(void **state) {
  assert_string_equal(print(*state, LH_TABLE_FORMAT_TABLE),
                      " id | name, \"full\" | price\n"
                      "----+--------------+-------\n"
                      "(0 rows)\n");
}

static void csv_tells_null_from_empty_and_quotes(void **state) {
  add(*state, 1, "plain", 100);
  add(*state, 2, "with, comma \"quote\"\nline", 1);
  add(*state, 3, "", 1);
  add(*state, 0, NULL, 0);
  assert_string_equal(print(*state, LH_TABLE_FORMAT_CSV),
                      "id,\"name, \"\"full\"\"\",price\n"
                      "1,plain,1.00\n"
                      "2,\"with, comma \"\"quote\"\"\nline\",0.01\n"
                      "3,\"\",0.01\n"
                      ",,\n");
}

static void json_is_an_array_of_objects(void **state) {
  add(*state, 1, "a \"b\"\n", 100);
  add(*state, 0, NULL, 0);
  assert_string_equal(print(*state, LH_TABLE_FORMAT_JSON),
                      "[\n"
                      "{\"id\": 1, \"name, \\\"full\\\"\": \"a \\\"b\\\"\\n\", \"price\": 1.00},\n"
                      "{\"id\": null, \"name, \\\"full\\\"\": null, \"price\": null}\n"
                      "]\n");
}

static void json_without_rows_is_an_empty_array(void **state) {
  assert_string_equal(print(*state, LH_TABLE_FORMAT_JSON), "[]\n");
}

static void thousands_of_rows_keep_the_first_widths(void **state) {
  struct output *const output = *state;
  for (int32_t i = 1; i <= 5000; i++) {
    add(output, i, i == 3000 ? "wider than all before" : "x", i);
  }
  const char *const text = print(output, LH_TABLE_FORMAT_TABLE);
  assert_non_null(strstr(text, "\n 1000 | x            | 10.00\n 1001 | x            | 10.01\n"));
  assert_non_null(strstr(text, "\n 3000 | wider than all before | 30.00\n"));
  assert_non_null(strstr(text, "(5,000 rows)\n"));
}

static void a_failed_write_is_an_error(void **state) {
  struct output *const output = *state;
  FILE *const full = fopen("/dev/full", "w");
  if (full == NULL) {
    skip();
  }
  struct lh_table_printer *printer = NULL;
  add(output, 1, "x", 1);
  assert_int_equal(lh_table_printer_open(full, LH_TABLE_FORMAT_CSV, &schema, &printer, &output->err), LH_OK);
  assert_int_equal(lh_table_printer_rows(printer, &output->batch, &output->err), LH_OK);
  assert_int_equal(lh_table_printer_finish(printer, &output->err), LH_ERROR_DATA);
  assert_non_null(strstr(output->err.message, "No space left on device"));
  lh_table_printer_free(printer);
  fclose(full);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(tables_are_aligned_and_spell_out_null, setup, teardown),
      cmocka_unit_test_setup_teardown(tables_escape_what_would_steer_a_terminal, setup, teardown),
      cmocka_unit_test_setup_teardown(tables_cut_long_cells_between_characters, setup, teardown),
      cmocka_unit_test_setup_teardown(an_empty_result_still_has_its_head, setup, teardown),
      cmocka_unit_test_setup_teardown(csv_tells_null_from_empty_and_quotes, setup, teardown),
      cmocka_unit_test_setup_teardown(json_is_an_array_of_objects, setup, teardown),
      cmocka_unit_test_setup_teardown(json_without_rows_is_an_empty_array, setup, teardown),
      cmocka_unit_test_setup_teardown(thousands_of_rows_keep_the_first_widths, setup, teardown),
      cmocka_unit_test_setup_teardown(a_failed_write_is_an_error, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
