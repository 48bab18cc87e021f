/* The tables, and the values of their columns: a mix of row and column is the only source of chance. */
#include "tables.h"

#include <stdio.h>
#include <string.h>

#include "postgres/types/type_registry.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HUNDREDTHS(precision) (((precision) << 16 | 2) + 4) /* numeric(precision, 2) */

enum {
  OID_INT8 = 20,
  OID_INT2 = 21,
  OID_INT4 = 23,
  OID_TEXT = 25,
  OID_FLOAT8 = 701,
  OID_TEXT_ARRAY = 1009,
  OID_BPCHAR = 1042,
  OID_VARCHAR = 1043,
  OID_DATE = 1082,
  OID_TIMESTAMP = 1114,
  OID_TIMESTAMPTZ = 1184,
  OID_NUMERIC = 1700,
  OID_UUID = 2950,
  OID_JSONB = 3802
};

static const char *const words[] = {"final",    "deposits", "sleep",      "quickly", "above",  "the",
                                    "regular",  "packages", "beans",      "haggle",  "slyly",  "across",
                                    "furious",  "accounts", "nag",        "express", "ironic", "pinto",
                                    "requests", "bold",     "theodolite", "among",   "foxes",  "blithely"};
static const char *const flags[] = {"A", "N", "R"};
static const char *const states[] = {"O", "F"};
static const char *const yes_no[] = {"N", "N", "N", "N", "N", "N", "N", "Y"};
static const char *const instructions[] = {"DELIVER IN PERSON        ", "COLLECT COD              ",
                                           "NONE                     ", "TAKE BACK RETURN         "};
static const char *const modes[] = {"REG AIR   ", "AIR       ", "RAIL      ", "SHIP      ",
                                    "TRUCK     ", "MAIL      ", "FOB       "};

/* TPC-H's. */
static const struct table_column lineitem[] = {
    {"l_orderkey", OID_INT8, -1, CONTENT_STEPS, 1, 4, NULL, 0},
    {"l_partkey", OID_INT8, -1, CONTENT_NUMBER, 1, 200000, NULL, 0},
    {"l_suppkey", OID_INT8, -1, CONTENT_NUMBER, 1, 10000, NULL, 0},
    {"l_linenumber", OID_INT4, -1, CONTENT_NUMBER, 1, 7, NULL, 0},
    {"l_quantity", OID_NUMERIC, HUNDREDTHS(15), CONTENT_NUMERIC, 100, 5000, NULL, 0},
    {"l_extendedprice", OID_NUMERIC, HUNDREDTHS(15), CONTENT_NUMERIC, 90100, 10494950, NULL, 0},
    {"l_discount", OID_NUMERIC, HUNDREDTHS(15), CONTENT_NUMERIC, 0, 10, NULL, 0},
    {"l_tax", OID_NUMERIC, HUNDREDTHS(15), CONTENT_NUMERIC, 0, 8, NULL, 0},
    {"l_returnflag", OID_BPCHAR, 5, CONTENT_CHOICE, 0, COUNT(flags), flags, 0},
    {"l_linestatus", OID_BPCHAR, 5, CONTENT_CHOICE, 0, COUNT(states), states, 0},
    {"l_shipdate", OID_DATE, -1, CONTENT_NUMBER, -2922, -396, NULL, 0},
    {"l_commitdate", OID_DATE, -1, CONTENT_NUMBER, -2892, -427, NULL, 0},
    {"l_receiptdate", OID_DATE, -1, CONTENT_NUMBER, -2921, -366, NULL, 0},
    {"l_shipinstruct", OID_BPCHAR, 29, CONTENT_CHOICE, 0, COUNT(instructions), instructions, 0},
    {"l_shipmode", OID_BPCHAR, 14, CONTENT_CHOICE, 0, COUNT(modes), modes, 0},
    {"l_comment", OID_VARCHAR, 48, CONTENT_WORDS, 10, 43, NULL, 0},
};

/* New York's yellow taxis. */
static const struct table_column taxi[] = {
    {"vendor_id", OID_INT2, -1, CONTENT_NUMBER, 1, 2, NULL, 1},
    {"pickup_at", OID_TIMESTAMP, -1, CONTENT_STEPS, 725000000, 2, NULL, 1},
    {"dropoff_at", OID_TIMESTAMP, -1, CONTENT_NUMBER, 725000000, 727600000, NULL, 1},
    {"passenger_count", OID_INT2, -1, CONTENT_NUMBER, 1, 6, NULL, 4},
    {"trip_distance", OID_FLOAT8, -1, CONTENT_NUMBER, 10, 2500, NULL, 1},
    {"rate_code_id", OID_INT2, -1, CONTENT_NUMBER, 1, 6, NULL, 4},
    {"store_and_fwd_flag", OID_TEXT, -1, CONTENT_CHOICE, 0, COUNT(yes_no), yes_no, 4},
    {"pu_location_id", OID_INT4, -1, CONTENT_NUMBER, 1, 265, NULL, 1},
    {"do_location_id", OID_INT4, -1, CONTENT_NUMBER, 1, 265, NULL, 1},
    {"payment_type", OID_INT2, -1, CONTENT_NUMBER, 1, 4, NULL, 1},
    {"fare_amount", OID_NUMERIC, HUNDREDTHS(8), CONTENT_NUMERIC, 250, 7000, NULL, 1},
    {"extra", OID_NUMERIC, HUNDREDTHS(8), CONTENT_NUMERIC, 0, 3, NULL, 1},
    {"mta_tax", OID_FLOAT8, -1, CONTENT_NUMBER, 0, 1, NULL, 1},
    {"tip_amount", OID_NUMERIC, HUNDREDTHS(8), CONTENT_NUMERIC, 0, 1500, NULL, 1},
    {"tolls_amount", OID_FLOAT8, -1, CONTENT_NUMBER, 0, 12, NULL, 1},
    {"improvement_surcharge", OID_FLOAT8, -1, CONTENT_NUMBER, 0, 1, NULL, 1},
    {"total_amount", OID_NUMERIC, HUNDREDTHS(8), CONTENT_NUMERIC, 300, 9000, NULL, 1},
    {"congestion_surcharge", OID_FLOAT8, -1, CONTENT_NUMBER, 0, 2, NULL, 4},
    {"airport_fee", OID_FLOAT8, -1, CONTENT_NUMBER, 0, 2, NULL, 4},
};

#define WIDE(n, oid, content, low, high, null_percent) \
  { "c" #n, oid, -1, content, low, high, NULL, null_percent }
#define WIDE_EIGHT(n)                                                                                        \
  WIDE(n##0, OID_INT8, CONTENT_NUMBER, 0, 1000000000000, 2),                                                 \
      WIDE(n##1, OID_INT4, CONTENT_NUMBER, 0, 100, 0), WIDE(n##2, OID_INT4, CONTENT_NUMBER, 0, 1000000, 50), \
      WIDE(n##3, OID_INT8, CONTENT_STEPS, 0, 1, 0), WIDE(n##4, OID_INT2, CONTENT_NUMBER, 0, 10, 2),          \
      WIDE(n##5, OID_INT4, CONTENT_NUMBER, 0, 5000, 0), WIDE(n##6, OID_INT8, CONTENT_NUMBER, 0, 1000, 95),   \
      WIDE(n##7, OID_INT8, CONTENT_NUMBER, 0, 1, 0)

/* Many numbers, with few and with many nulls. */
static const struct table_column wide[] = {
    WIDE_EIGHT(0), WIDE_EIGHT(1), WIDE_EIGHT(2), WIDE_EIGHT(3),
    WIDE_EIGHT(4), WIDE_EIGHT(5), WIDE_EIGHT(6), WIDE_EIGHT(7),
};

static const struct table_column documents[] = {
    {"id", OID_INT8, -1, CONTENT_STEPS, 1, 1, NULL, 0},
    {"uuid", OID_UUID, -1, CONTENT_UUID, 0, 0, NULL, 0},
    {"created_at", OID_TIMESTAMPTZ, -1, CONTENT_STEPS, 725000000, 1, NULL, 0},
    {"kind", OID_TEXT, -1, CONTENT_CHOICE, 0, COUNT(words), words, 0},
    {"title", OID_TEXT, -1, CONTENT_WORDS, 20, 80, NULL, 0},
    {"body", OID_TEXT, -1, CONTENT_WORDS, 200, 1200, NULL, 5},
    {"note", OID_TEXT, -1, CONTENT_WORDS, 5, 40, NULL, 70},
    {"tags", OID_TEXT_ARRAY, -1, CONTENT_TAGS, 0, 6, NULL, 2},
    {"payload", OID_JSONB, -1, CONTENT_JSON, 2, 12, NULL, 0},
};

static const struct table tables[] = {
    {"lineitem", lineitem, COUNT(lineitem)},
    {"taxi", taxi, COUNT(taxi)},
    {"wide", wide, COUNT(wide)},
    {"documents", documents, COUNT(documents)},
};

const struct table *table_find(const char *name) {
  for (size_t i = 0; i < COUNT(tables); i++) {
    if (strcmp(tables[i].name, name) == 0) {
      return &tables[i];
    }
  }
  return NULL;
}

lh_status table_describe(const struct table *table, struct lh_arena *arena, struct lh_pg_relation *relation,
                         struct lh_error *err) {
  const struct lh_pg_type_rules rules = {0};
  struct lh_field *const fields = LH_ARENA_ARRAY(arena, struct lh_field, table->column_count);
  struct lh_pg_column *const columns = LH_ARENA_ARRAY(arena, struct lh_pg_column, table->column_count);
  if (fields == NULL || columns == NULL) {
    return lh_error_memory(err);
  }
  for (size_t i = 0; i < table->column_count; i++) {
    const struct table_column *const column = &table->columns[i];
    fields[i] = (struct lh_field){.name = column->name, .nullable = column->null_percent > 0};
    columns[i] = (struct lh_pg_column){.name = column->name,
                                       .type_oid = column->oid,
                                       .typmod = column->typmod,
                                       .not_null = column->null_percent == 0};
    LH_TRY(lh_pg_type_resolve(column->oid, column->typmod, &rules, NULL, 0, arena, &fields[i],
                              &columns[i].decoder, &columns[i].text_fallback, err));
  }
  *relation = (struct lh_pg_relation){.name = table->name,
                                      .columns = columns,
                                      .column_count = table->column_count,
                                      .schema = {fields, table->column_count}};
  return LH_OK;
}

/* Of splitmix64. */
static uint64_t mix(uint64_t value) {
  value += UINT64_C(0x9e3779b97f4a7c15);
  value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
  return value ^ (value >> 31);
}

static int64_t pick(uint64_t chance, int64_t low, int64_t high) {
  return low + (int64_t)(chance % (uint64_t)(high - low + 1));
}

static lh_status put(struct lh_buf *bytes, uint64_t value, size_t width, struct lh_error *err) {
  const uint64_t big_endian = __builtin_bswap64(value << (64 - 8 * width));
  return lh_buf_append(bytes, &big_endian, width, err);
}

static lh_status put_value(struct lh_buf *bytes, uint64_t value, size_t width, struct lh_error *err) {
  LH_TRY(put(bytes, width, 4, err));
  return put(bytes, value, width, err);
}

/* The length in front of what has been appended since `at`, where its place was left. */
static void close_value(struct lh_buf *bytes, size_t at) {
  const uint32_t length = __builtin_bswap32((uint32_t)(bytes->len - at - 4));
  memcpy(bytes->data + at, &length, sizeof(length));
}

static lh_status put_number(uint32_t oid, int64_t number, struct lh_buf *bytes, struct lh_error *err) {
  switch (oid) {
    case OID_INT2:
      return put_value(bytes, (uint64_t)number, 2, err);
    case OID_INT8:
      return put_value(bytes, (uint64_t)number, 8, err);
    case OID_TIMESTAMP:
    case OID_TIMESTAMPTZ:
      return put_value(bytes, (uint64_t)number * 1000000, 8, err);
    case OID_FLOAT8: {
      const double value = (double)number / 100;
      uint64_t bits;
      memcpy(&bits, &value, sizeof(bits));
      return put_value(bytes, bits, 8, err);
    }
    default: /* int4, date */
      return put_value(bytes, (uint64_t)number, 4, err);
  }
}

/* As the server sends numeric(p,2): no zero groups at either end. */
static lh_status put_numeric(int64_t hundredths, struct lh_buf *bytes, struct lh_error *err) {
  uint64_t groups[4] = {(uint64_t)hundredths / 100 / 100000000, (uint64_t)hundredths / 100 / 10000 % 10000,
                        (uint64_t)hundredths / 100 % 10000, (uint64_t)hundredths % 100 * 100};
  size_t first = 0;
  size_t end = COUNT(groups);
  while (first < end && groups[first] == 0) {
    first++;
  }
  while (end > first && groups[end - 1] == 0) {
    end--;
  }
  LH_TRY(put(bytes, 8 + 2 * (end - first), 4, err));
  LH_TRY(put(bytes, end - first, 2, err));
  LH_TRY(put(bytes, first == end ? 0 : (uint64_t)(2 - (int)first), 2, err));
  LH_TRY(put(bytes, 0, 2, err));
  LH_TRY(put(bytes, 2, 2, err));
  for (size_t i = first; i < end; i++) {
    LH_TRY(put(bytes, groups[i], 2, err));
  }
  return LH_OK;
}

static lh_status append_words(uint64_t chance, size_t length, struct lh_buf *bytes, struct lh_error *err) {
  const size_t end = bytes->len + length;
  while (bytes->len < end) {
    chance = mix(chance);
    LH_TRY(lh_buf_append_str(bytes, words[chance % COUNT(words)], err));
    LH_TRY(lh_buf_append_byte(bytes, ' ', err));
  }
  bytes->len = end;
  return LH_OK;
}

static lh_status put_text(const char *text, struct lh_buf *bytes, struct lh_error *err) {
  LH_TRY(put(bytes, strlen(text), 4, err));
  return lh_buf_append_str(bytes, text, err);
}

static lh_status put_tags(uint64_t chance, int64_t count, struct lh_buf *bytes, struct lh_error *err) {
  const size_t at = bytes->len;
  LH_TRY(put(bytes, 0, 4, err));
  LH_TRY(put(bytes, count > 0 ? 1 : 0, 4, err));
  LH_TRY(put(bytes, 0, 4, err));
  LH_TRY(put(bytes, OID_TEXT, 4, err));
  if (count > 0) {
    LH_TRY(put(bytes, (uint64_t)count, 4, err));
    LH_TRY(put(bytes, 1, 4, err));
  }
  for (int64_t i = 0; i < count; i++) {
    chance = mix(chance);
    LH_TRY(put_text(words[chance % COUNT(words)], bytes, err));
  }
  close_value(bytes, at);
  return LH_OK;
}

static lh_status put_json(uint64_t chance, int64_t count, struct lh_buf *bytes, struct lh_error *err) {
  const size_t at = bytes->len;
  LH_TRY(put(bytes, 0, 4, err));
  LH_TRY(lh_buf_append_byte(bytes, 1, err));
  for (int64_t i = 0; i < count; i++) {
    chance = mix(chance);
    LH_TRY(lh_buf_printf(bytes, err, "%s\"%s\": {\"n\": %u, \"of\": \"%s\"}", i == 0 ? "{" : ", ",
                         words[(size_t)i % COUNT(words)], (unsigned)(chance >> 48),
                         words[chance % COUNT(words)]));
  }
  LH_TRY(lh_buf_append_byte(bytes, '}', err));
  close_value(bytes, at);
  return LH_OK;
}

static lh_status put_column(const struct table_column *column, uint64_t row, uint64_t chance,
                            struct lh_buf *bytes, struct lh_error *err) {
  const size_t at = bytes->len;
  switch (column->content) {
    case CONTENT_STEPS:
      return put_number(column->oid, column->low + (int64_t)row / column->high, bytes, err);
    case CONTENT_NUMBER:
      return put_number(column->oid, pick(chance, column->low, column->high), bytes, err);
    case CONTENT_NUMERIC:
      return put_numeric(pick(chance, column->low, column->high), bytes, err);
    case CONTENT_CHOICE:
      return put_text(column->choices[chance % (uint64_t)column->high], bytes, err);
    case CONTENT_WORDS:
      LH_TRY(put(bytes, 0, 4, err));
      LH_TRY(append_words(chance, (size_t)pick(chance, column->low, column->high), bytes, err));
      close_value(bytes, at);
      return LH_OK;
    case CONTENT_TAGS:
      return put_tags(chance, pick(chance, column->low, column->high), bytes, err);
    case CONTENT_JSON:
      return put_json(chance, pick(chance, column->low, column->high), bytes, err);
    default: /* CONTENT_UUID */
      LH_TRY(put(bytes, 16, 4, err));
      LH_TRY(put(bytes, chance, 8, err));
      return put(bytes, mix(chance), 8, err);
  }
}

lh_status table_append_row(const struct table *table, uint64_t row, struct lh_buf *bytes,
                           struct lh_error *err) {
  if (row == 0) {
    LH_TRY(lh_buf_append(bytes, "PGCOPY\n\377\r\n", 11, err));
    LH_TRY(put(bytes, 0, 8, err));
  }
  LH_TRY(put(bytes, table->column_count, 2, err));
  for (size_t i = 0; i < table->column_count; i++) {
    const uint64_t chance = mix(mix(row) + i);
    const bool is_null = (chance >> 40) % 100 < table->columns[i].null_percent;
    LH_TRY(is_null ? put(bytes, UINT32_MAX, 4, err)
                   : put_column(&table->columns[i], row, chance >> 8, bytes, err));
  }
  return LH_OK;
}
