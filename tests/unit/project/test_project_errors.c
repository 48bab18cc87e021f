/* What every wrong project file is told: the exact message, its place, and the hint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "project/project.h"

#define V LAKEHAUL_VERSION
/* Three lines; what follows starts on line 4. */
#define HEAD "project: shop\nsource: postgresql://localhost/shop\nlake: ./lake\n"
#define S3_HEAD "project: shop\nlake: s3://bucket/lake\n"
#define TASKS "tasks:\n  orders: { table: public.orders }\n"
#define ON_GLUE "project: shop\nsource: postgresql://localhost/shop\nlake: s3://lake\ncatalog: glue\ntasks:\n"
#define TASK_HINT "a task names a table of the lake: a-z, 0-9 and _, at most 128, the first no digit"
#define EMPTY_HINT "write a task below it, indented: orders: { table: public.orders }"
#define REFERENCE_HINT "write ${NAME} or ${NAME:-default}, and $$ for a dollar sign"
#define TOP_KEYS                                                                                        \
  "project, source, replica, lake, catalog, engine, jobs, streams, max_rate, lock_timeout, "            \
  "statement_timeout, file_size, memory, keep, compression, schema, tasks, on_unrepresentable, names, " \
  "compat, bloom, aws, s3, glue, crawler, athena, trino"
#define TOP_HINT "this version has: " TOP_KEYS
#define TASK_KEYS                                                                                  \
  "table, query, sql, command, columns, compression, schema, where, on_unrepresentable, numeric, " \
  "multidimensional, "                                                                             \
  "names, compat, bloom, sort_by, streams, split_by, file_size, partition_by, "                    \
  "watermark, engine, inputs, partition_index, partition_projection, view, timeout, memory"
#define KEY_HINT "this version has: " TASK_KEYS
#define NAME_64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct wrong_file {
  const char *yaml;
  const char *message; /* after "lakehaul.yaml:" */
  const char *hint;
};

static const struct wrong_file services[] = {
    {HEAD "aws: prod\n" TASKS, "4:6: aws must be a mapping, not a single value", ""},
    {HEAD "aws: { regoin: eu }\n" TASKS, "4:8: unknown key \"regoin\" in aws", "did you mean \"region\"?"},
    {HEAD "s3: { endpoint: localhost }\n" TASKS, "4:17: endpoint of s3 is not a URL",
     "write it as https://host or http://host:port"},
    {HEAD "s3: { encryption: kms }\n" TASKS, "4:19: unknown encryption \"kms\" in s3",
     "known here: bucket, sse-s3, sse-kms"},
    {HEAD "s3: { kms_key: alias/lake }\n" TASKS, "4:7: kms_key of s3 is not used",
     "write encryption: sse-kms beside it"},
    {HEAD "glue: { database: My-Shop }\n" TASKS, "4:19: database of glue is not a name for Athena",
     "use a-z, 0-9 and _"},
    {HEAD "glue: { adopt: maybe }\n" TASKS, "4:16: unknown adopt \"maybe\" in glue",
     "known here: false, true"},
    {ON_GLUE "  a: { table: t, partition_index: true }\n",
     "6:18: task a has partition_index and no partition_by", "add partition_by, or leave it out"},
    {HEAD "tasks:\n  a: { table: t, partition_by: day(at), partition_projection: true }\n",
     "5:41: partition_projection of task a is for tables in Glue", "write catalog: glue, or leave it out"},
    {ON_GLUE "  a: { table: t, partition_by: day(at), watermark: u, partition_projection: true }\n",
     "6:55: task a has partition_projection and a watermark",
     "keep one of them: a watermark leaves partitions of several versions, and projection knows one place "
     "for all"},
    {ON_GLUE "  a: { table: t, partition_by: day(at), partition_projection: { month: {} } }\n",
     "6:65: partition_projection of task a names month, by which it is not partitioned",
     "its first partition key is day"},
    {ON_GLUE "  a: { table: t, partition_by: day(at), partition_projection: { day: { range: NOW } } }\n",
     "6:79: range of partition_projection of task a is not two values", "write range: \"2020-01-01,NOW\""},
    {ON_GLUE "  a: { table: t, partition_by: day(at), partition_projection: { day: { type: dates } } }\n",
     "6:78: unknown type \"dates\" in partition_projection of task a", "did you mean \"date\"?"},
    {HEAD "tasks:\n  a: { table: t, view: true }\n", "5:18: task a is of kind table and cannot be a view",
     "a view is a SELECT over tables of the lake: write sql: tasks/view.sql"},
    {HEAD "catalog: glue\n" TASKS, "4:10: catalog glue needs a lake on S3",
     "write lake: s3://bucket/prefix, or catalog: local"},
    {HEAD "catalog: crawler\n" TASKS, "4:10: catalog crawler needs a lake on S3",
     "write lake: s3://bucket/prefix, or catalog: local"},
    {HEAD "crawler: { retries: many }\n" TASKS,
     "4:21: retries of crawler must be a whole number from 0 to 100000, not \"many\"", ""},
    {HEAD "crawler: { wait: maybe }\n" TASKS, "4:18: unknown wait \"maybe\" in crawler",
     "known here: false, true"},
    {HEAD "athena: { output: ./results }\n" TASKS, "4:19: output of athena is not on S3",
     "write it as s3://bucket/prefix"},
    {HEAD "trino: { url: localhost:8080 }\n" TASKS, "4:15: url of trino is not a URL",
     "write it as https://host or http://host:port"},
};

static const struct wrong_file not_yaml[] = {
    {"", "1:1: the file is empty", "\"lakehaul init\" writes one from a live database"},
    {"# nothing but a comment\n", "1:1: the file is empty",
     "\"lakehaul init\" writes one from a live database"},
    {HEAD "tasks:\n\torders: { table: o }\n",
     "5:1: found character that cannot start any token while scanning for "
     "the next token",
     "YAML is indented with spaces: there is a tab at the start of the line"},
    {"project: shop\nlake: @here\n",
     "2:7: found character that cannot start any token while scanning for the next token",
     "a value that starts with @, ` or % needs quotes"},
    {HEAD "tasks:\n  a: { table: ${TABLE} }\n",
     "5:16: did not find expected ',' or '}' while parsing a flow mapping",
     "a value between { } that holds any of , [ ] { } needs quotes"},
    {"project: a: b\n", "1:11: mapping values are not allowed in this context",
     "a value that holds \": \" needs quotes; keys of one mapping start in the same column"},
    {"project: \"shop\nlake: x\n",
     "3:1: found unexpected end of stream while scanning a quoted scalar that starts on line 1",
     "a quote is not closed"},
    {"project: *shop\n", "1:10: found undefined alias", "a value that starts with * needs quotes"},
    {"project: shop\nlake: \xff\n", "2:7: invalid leading UTF-8 octet", "the file must be UTF-8 text"},
    {"project: sh\x01op\n", "1:12: control characters are not allowed", "the file must be UTF-8 text"},
    {HEAD TASKS "---\nproject: other\n", "7:1: a second YAML document starts here",
     "one file is one project: remove the line \"---\" or what follows it"},
    {"project: !name shop\n", "1:10: the tag \"!name\" is not supported",
     "remove it; a value that starts with ! needs quotes"},
    {"project: !!int 3\n", "1:10: the tag \"tag:yaml.org,2002:int\" is not supported",
     "remove it; a value that starts with ! needs quotes"},
    {"project: \"a\\0b\"\n", "1:10: a text may not hold the character NUL", ""},
    {"? [a, b]\n: c\n", "1:3: a key must be a single word, not a list", "write \"key: value\""},
};

static const struct wrong_file wrong_settings[] = {
    {"- project\n", "1:1: the file must consist of keys: project, lake, tasks",
     "\"lakehaul init\" writes one from a live database"},
    {"shop\n", "1:1: the file must consist of keys: project, lake, tasks",
     "\"lakehaul init\" writes one from a live database"},
    {"lake: ./lake\n" TASKS, "1:1: the key \"project\" is missing", "add project: shop"},
    {"project: shop\n" TASKS, "1:1: the key \"lake\" is missing", "add lake: ./lake"},
    {"project: shop\nlake: ./lake\n", "1:1: the key \"tasks\" is missing",
     "add tasks:, and below it, indented, orders: { table: public.orders }"},
    {"project: shop\nlake: ./lake\n" TASKS,
     "1:1: the key \"source\" is missing, and task orders reads from it", "add source: ${DATABASE_URL}"},
    {"project: shop\nlake: ./lake\ntasks:\n  a: { query: select 1 }\n",
     "1:1: the key \"source\" is missing, and task a reads from it", "add source: ${DATABASE_URL}"},
    {"proejct: shop\n", "1:1: unknown key \"proejct\"", "did you mean \"project\"?"},
    {"Project: shop\n", "1:1: unknown key \"Project\"", "did you mean \"project\"?"},
    {HEAD "frobnicate: 1\n", "4:1: unknown key \"frobnicate\"", "known here: " TOP_KEYS},
    {HEAD TASKS "lake: ./other\n", "6:1: lake is given twice, first on line 3", "keep one of them"},
    {"project:\nlake: x\n" TASKS, "1:9: project has no value", ""},
    {"project: ~\nlake: x\n" TASKS, "1:10: project has no value", ""},
    {"project: \"\"\nlake: x\n" TASKS, "1:10: project is empty", ""},
    {"project: [shop]\nlake: x\n" TASKS, "1:10: project must be a single value, not a list",
     "a value that starts with [ or \"- \" needs quotes"},
    {"project: \"two\\nlines\"\nlake: x\n" TASKS, "1:10: project must be one line of at most 128 bytes", ""},
    {"project: a\nsource: ' '\nlake: x\n" TASKS, "2:9: source is empty",
     "write postgresql://user@host/database, or postgresql:// to use the PG* environment variables"},
    {"project: a\nlake: { }\n" TASKS, "2:7: lake must be a single value, not a mapping",
     "a value that starts with { needs quotes"},
    {"project: a\nlake: gs://bucket\n" TASKS, "2:7: lake cannot be on \"gs://\"",
     "write a directory, lake: ./lake, or lake: s3://bucket/prefix"},
    {"project: a\nlake: file://srv/lake\n" TASKS, "2:7: lake cannot be on \"file://\"",
     "write a directory, lake: ./lake, or lake: s3://bucket/prefix"},
    {HEAD "catalog: locla\n" TASKS, "4:10: unknown catalog \"locla\"", "did you mean \"local\"?"},
    {HEAD "engine: spark-sql\n" TASKS, "4:9: unknown engine \"spark-sql\"",
     "known here: duckdb, athena, trino"},
    {HEAD "jobs: 0\n" TASKS, "4:7: jobs must be a whole number from 1 to 256, not \"0\"", ""},
    {HEAD "jobs: 257\n" TASKS, "4:7: jobs must be a whole number from 1 to 256, not \"257\"", ""},
    {HEAD "jobs: -1\n" TASKS, "4:7: jobs must be a whole number from 1 to 256, not \"-1\"", ""},
    {HEAD "jobs: 2.0\n" TASKS, "4:7: jobs must be a whole number from 1 to 256, not \"2.0\"", ""},
    {HEAD "jobs: \"2 \"\n" TASKS, "4:7: jobs must be a whole number from 1 to 256, not \"2 \"", ""},
    {HEAD "jobs: 99999999999999999999\n" TASKS,
     "4:7: jobs must be a whole number from 1 to 256, not \"99999999999999999999\"", ""},
    {HEAD "jobs: many\n" TASKS, "4:7: jobs must be a whole number from 1 to 256, not \"many\"", ""},
    {HEAD "streams: 1000\n" TASKS, "4:10: streams must be a whole number from 1 to 256, not \"1000\"", ""},
    {HEAD "keep: 0\n" TASKS, "4:7: keep must be a whole number from 1 to 1000000, not \"0\"", ""},
    {HEAD "memory: lots\n" TASKS, "4:9: memory must be a size, not \"lots\"", "write 512MB or 2GB"},
    {HEAD "memory: 512MBs\n" TASKS, "4:9: memory must be a size, not \"512MBs\"", "write 512MB or 2GB"},
    {HEAD "memory: 63MB\n" TASKS, "4:9: memory must be at least 64MB, not 63MB", ""},
    {HEAD "compression: zsdt\n" TASKS, "4:14: unknown compression \"zsdt\"", "did you mean \"zstd\"?"},
    {HEAD "schema: strickt\n" TASKS, "4:9: unknown schema \"strickt\"", "did you mean \"strict\"?"},
    {HEAD "tasks:\n  a: { table: a, schema: loose }\n", "5:26: unknown schema \"loose\" in task a",
     "known here: evolve, strict"},
    {HEAD "compression: zstd(99)\n" TASKS, "4:14: \"zstd(99)\" is not a level of zstd",
     "write zstd(1) to zstd(22)"},
    {HEAD "compression: zstd(9\n" TASKS, "4:14: \"zstd(9\" is not a level of zstd",
     "write zstd(1) to zstd(22)"},
    {HEAD "compression: snappy(1)\n" TASKS, "4:14: compression snappy has no levels", "write snappy"},
};

static const struct wrong_file wrong_tasks[] = {
    {HEAD "tasks:\n", "4:7: tasks has no value", EMPTY_HINT},
    {HEAD "tasks: {}\n", "4:8: tasks is empty", EMPTY_HINT},
    {HEAD "tasks: []\n", "4:8: tasks must be a mapping, not a list", EMPTY_HINT},
    {HEAD "tasks: orders\n", "4:8: tasks must be a mapping, not a single value", EMPTY_HINT},
    {HEAD "tasks:\n  orders:\n", "5:10: task orders does not say what it hauls",
     "write orders: { table: public.orders }, or another kind: query, sql"},
    {HEAD "tasks:\n  orders: public.orders\n", "5:11: task orders does not say what it hauls",
     "write orders: { table: public.orders }, or another kind: query, sql"},
    {HEAD "tasks:\n  orders: {}\n", "5:3: task orders has no kind",
     "give it one of table, query, sql, for example { table: public.orders }"},
    {HEAD "tasks:\n  orders: { table: o, query: select 1 }\n",
     "5:3: task orders has two kinds, table and query", "keep one of them, or make two tasks of it"},
    {HEAD "tasks:\n  orders:\n    tabel: public.orders\n", "6:5: unknown key \"tabel\" in task orders",
     "did you mean \"table\"?"},
    {HEAD "tasks:\n  orders:\n    xyz: 1\n", "6:5: unknown key \"xyz\" in task orders",
     "known here: " TASK_KEYS},
    {HEAD "tasks:\n  orders: { table: a, table: b }\n",
     "5:23: table of task orders is given twice, first on line 5", "keep one of them"},
    {HEAD "tasks:\n  orders: { table: a }\n  orders: { table: b }\n",
     "6:3: task orders is given twice, first on line 5",
     "each task makes the lake table of its name: rename one of them"},
    {HEAD "tasks:\n  orders: { table: a }\n  Orders: { table: b }\n",
     "6:3: task Orders is given twice, first on line 5",
     "each task makes the lake table of its name: rename one of them"},
    {HEAD "tasks:\n  Orders: { table: a }\n", "5:3: \"Orders\" cannot name a task", TASK_HINT},
    {HEAD "tasks:\n  2nd: { table: a }\n", "5:3: \"2nd\" cannot name a task", TASK_HINT},
    {HEAD "tasks:\n  a-b: { table: a }\n", "5:3: \"a-b\" cannot name a task", TASK_HINT},
    {HEAD "tasks:\n  ../x: { table: a }\n", "5:3: \"../x\" cannot name a task", TASK_HINT},
    {HEAD "tasks:\n  \"\": { table: a }\n", "5:3: \"\" cannot name a task", TASK_HINT},
    {HEAD "tasks:\n  " NAME_64 NAME_64 "a: { table: a }\n", "5:3: \"" NAME_64 "\" cannot name a task",
     TASK_HINT},
    {HEAD "tasks:\n  _lakehaul: { table: a }\n", "5:3: the task name _lakehaul is reserved",
     "the lake keeps its own files under that name: choose another"},
    {HEAD "tasks:\n  a: { table: [b] }\n", "5:15: table of task a must be a single value, not a list",
     "a value that starts with [ or \"- \" needs quotes"},
    {HEAD "tasks:\n  a: { query: \"\" }\n", "5:15: query of task a is empty", ""},
    {HEAD "tasks:\n  a: { table: t, columns: [b] }\n",
     "5:27: columns of task a must be a mapping, not a list",
     "write columns: { include: [a, b] } or columns: { exclude: [a, b] }"},
    {HEAD "tasks:\n  a: { table: t, columns: { exlude: [b] } }\n",
     "5:29: unknown key \"exlude\" in columns of task a", "did you mean \"exclude\"?"},
    {HEAD "tasks:\n  a: { table: t, columns: { exclude: b } }\n",
     "5:38: exclude of columns of task a must be a list, not a single value", "a list is written [a, b]"},
    {HEAD "tasks:\n  a: { table: t, columns: { exclude: [] } }\n",
     "5:38: exclude of columns of task a is empty", ""},
    {HEAD "tasks:\n  a: { table: t, columns: { exclude: [b, [c]] } }\n",
     "5:42: an entry of exclude of columns of task a must be a single value, not a list",
     "a value that starts with [ or \"- \" needs quotes"},
    {HEAD "tasks:\n  a: { table: t, columns: { exclude: [b, b] } }\n",
     "5:42: exclude of columns of task a names \"b\" twice", ""},
    {HEAD "tasks:\n  a: { table: t, columns: { include: [b], exclude: [c] } }\n",
     "5:27: columns of task a has both include and exclude",
     "give one of them: the columns to take, or those to leave out"},
    {HEAD "tasks:\n  a: { table: t, columns: {} }\n",
     "5:27: columns of task a has neither include nor exclude",
     "give one of them: the columns to take, or those to leave out"},
    {HEAD "tasks:\n  a: { sql: good.sql, columns: { include: [b] } }\n",
     "5:23: task a is of kind sql and takes no columns", "name the columns in its SELECT"},
    {HEAD "tasks:\n  a: { table: t, engine: trino }\n", "5:18: task a is of kind table and takes no engine",
     "it is for SQL tasks: others run here"},
    {HEAD "tasks:\n  a: { query: select 1, inputs: [b] }\n",
     "5:25: task a is of kind query and takes no inputs",
     "it is for SQL and command tasks: others read PostgreSQL"},
    {HEAD "tasks:\n  a: { sql: good.sql, engine: presto }\n", "5:31: unknown engine \"presto\" in task a",
     "known here: duckdb, athena, trino"},
    {HEAD "tasks:\n  a: { sql: good.sql, inputs: [] }\n", "5:31: inputs of task a is empty", ""},
    {HEAD "tasks:\n  a: { sql: good.sql, engine: trino, partition_by: b }\n",
     "5:38: task a runs on trino, which takes no partition_by", "leave it out, or write engine: duckdb"},
    {HEAD "engine: trino\ntasks:\n  a: { sql: good.sql, sort_by: [b] }\n",
     "6:23: task a runs on trino, which takes no sort_by", "leave it out, or write engine: duckdb"},
    {HEAD "engine: athena\ntasks:\n  a: { sql: good.sql }\n",
     "6:3: task a runs on athena, and the lake is not on S3",
     "write lake: s3://bucket/prefix, or engine: duckdb for this task"},
    {S3_HEAD "tasks:\n  a: { sql: good.sql, engine: athena }\n",
     "4:3: task a runs on athena, which finds tables in Glue",
     "write catalog: glue, or engine: duckdb for this task"},
    {S3_HEAD "catalog: crawler\ntasks:\n  a: { sql: good.sql, engine: trino }\n",
     "5:3: task a runs on trino, which would not see what this run makes before the crawler has",
     "write catalog: glue, or engine: duckdb for this task"},
    {HEAD "tasks:\n  a: { table: t, compression: lz5 }\n", "5:31: unknown compression \"lz5\" in task a",
     "known here: zstd, snappy, gzip, lz4_raw, none"},
};

static const struct wrong_file wrong_commands[] = {
    {HEAD "tasks:\n  a: { command: python3 a.py }\n",
     "5:17: command of task a must be a list of the program and its arguments",
     "write command: [python3, tasks/score.py]"},
    {HEAD "tasks:\n  a: { command: [] }\n",
     "5:17: command of task a must be a list of the program and its arguments",
     "write command: [python3, tasks/score.py]"},
    {HEAD "tasks:\n  a: { command: [''] }\n", "5:18: command of task a is empty", ""},
    {HEAD "tasks:\n  a: { command: [b], where: x }\n", "5:22: task a is of kind command and takes no where",
     "write the condition into its SELECT"},
    {HEAD "tasks:\n  a: { command: [b], engine: trino }\n",
     "5:22: task a is of kind command and takes no engine", "it is for SQL tasks: others run here"},
    {HEAD "tasks:\n  a: { table: b, timeout: 5s }\n", "5:18: task a is of kind table and takes no timeout",
     "it is for command tasks"},
    {HEAD "tasks:\n  a: { sql: good.sql, memory: 1GB }\n", "5:23: task a is of kind sql and takes no memory",
     "it is for command tasks; the project's memory is divided among all others"},
};

static const struct wrong_file wrong_sql_files[] = {
    {HEAD "tasks:\n  a: { sql: goood.sql }\n", "5:13: cannot open goood.sql: No such file or directory",
     "did you mean \"good.sql\"?"},
    {HEAD "tasks:\n  a: { sql: tasks/daly.sql }\n",
     "5:13: cannot open tasks/daly.sql: No such file or directory", "did you mean \"tasks/daily.sql\"?"},
    {HEAD "tasks:\n  a: { sql: tasks/something_else.sql }\n",
     "5:13: cannot open tasks/something_else.sql: No such file or directory",
     "paths start from the project file's directory"},
    {HEAD "tasks:\n  a: { sql: tsks/daily.sql }\n",
     "5:13: cannot open tsks/daily.sql: No such file or directory",
     "paths start from the project file's directory; tsks is not there"},
    {HEAD "tasks:\n  a: { sql: blank.sql }\n", "5:13: blank.sql is empty",
     "write the SELECT that makes the table into it"},
    {HEAD "tasks:\n  a: { sql: zero.sql }\n", "5:13: zero.sql is empty",
     "write the SELECT that makes the table into it"},
    {HEAD "tasks:\n  a: { sql: latin1.sql }\n", "5:13: latin1.sql is not UTF-8 text", ""},
};

static const struct wrong_file wrong_variables[] = {
    {"project: shop\nsource: x\nlake: ${LH_TEST_UNSET}\n" TASKS,
     "3:7: environment variable LH_TEST_UNSET is not set",
     "set it, or write a default: ${LH_TEST_UNSET:-default}"},
    {HEAD "tasks:\n  a: { table: \"${LH_TEST_UNSET}.orders\" }\n",
     "5:15: environment variable LH_TEST_UNSET is not set",
     "set it, or write a default: ${LH_TEST_UNSET:-default}"},
    {"project: ${LH_TEST_UNSET\nlake: x\n" TASKS, "1:10: \"${\" without its \"}\"", REFERENCE_HINT},
    {"project: ${}\nlake: x\n" TASKS, "1:10: \"${}\" is not a variable reference", REFERENCE_HINT},
    {"project: ${1A}\nlake: x\n" TASKS, "1:10: \"${1A}\" is not a variable reference", REFERENCE_HINT},
    {"project: ${A:=b}\nlake: x\n" TASKS, "1:10: \"${A:=b}\" is not a variable reference", REFERENCE_HINT},
    {"project: ${LH_TEST_UNSET:-}\nlake: x\n" TASKS, "1:10: project is empty", ""},
    {"project: ${LH_TEST_UNSET:-${LH_TEST_UNSET2}}\nlake: x\n" TASKS,
     "1:10: environment variable LH_TEST_UNSET2 is not set",
     "set it, or write a default: ${LH_TEST_UNSET2:-default}"},
    {HEAD "jobs: ${LH_TEST_WORD}\n" TASKS, "4:7: jobs must be a whole number from 1 to 256, not \"word\"",
     ""},
};

static const struct wrong_file later_features[] = {
    {HEAD "sources: { a: b }\n" TASKS, "4:1: sources is not available in lakehaul " V, TOP_HINT},
    {HEAD "notify: x\n" TASKS, "4:1: notify is not available in lakehaul " V, TOP_HINT},
    {HEAD "tasks:\n  a: { file: a.csv }\n", "5:8: file of task a is not available in lakehaul " V, KEY_HINT},
    {HEAD "tasks:\n  a: { c: a.c }\n", "5:8: c of task a is not available in lakehaul " V, KEY_HINT},
    {HEAD "tasks:\n  a: { load: b }\n", "5:8: load of task a is not available in lakehaul " V, KEY_HINT},
    {HEAD "tasks:\n  a: { table: b, checks: [] }\n", "5:18: checks of task a is not available in lakehaul " V,
     KEY_HINT},
};

static void write_file(const char *path, const char *text) {
  FILE *const file = fopen(path, "w");
  assert_non_null(file);
  assert_true(fputs(text, file) >= 0);
  assert_int_equal(fclose(file), 0);
}

static int enter_directory(void **state) {
  static char directory[] = "/tmp/lakehaul-project-XXXXXX";
  *state = mkdtemp(directory);
  if (*state == NULL || chdir(directory) != 0 || mkdir("tasks", 0777) != 0) {
    return -1;
  }
  write_file("good.sql", "select 1 as one\n");
  write_file("tasks/daily.sql", "select 1 as one\n");
  write_file("blank.sql", " \n\t\n");
  write_file("zero.sql", "");
  write_file("latin1.sql", "select 'caf\xe9'\n");
  unsetenv("LH_TEST_UNSET");
  unsetenv("LH_TEST_UNSET2");
  return setenv("LH_TEST_WORD", "word", 1);
}

static int leave_directory(void **state) {
  struct lh_error err;
  return lh_fs_remove_tree(*state, LH_ERROR_LAKE, &err) == LH_OK ? 0 : -1;
}

static size_t count_mismatches(const struct wrong_file *files, size_t count, lh_status expected) {
  size_t mismatches = 0;
  for (size_t i = 0; i < count; i++) {
    struct lh_arena arena;
    lh_arena_init(&arena, 0);
    struct lh_project *project = NULL;
    struct lh_error err;
    lh_error_clear(&err);
    const lh_status status =
        lh_project_parse(files[i].yaml, strlen(files[i].yaml), "lakehaul.yaml", &arena, &project, &err);
    char message[LH_ERROR_MESSAGE_MAX];
    snprintf(message, sizeof(message), "lakehaul.yaml:%s", files[i].message);
    if (status != expected || err.code != expected || strcmp(err.message, message) != 0 ||
        strcmp(err.hint, files[i].hint) != 0) {
      mismatches++;
      print_error("the file\n%s\nis told (%s)\n  %s\n  hint: %s\ninstead of (%s)\n  %s\n  hint: %s\n\n",
                  files[i].yaml, lh_status_name(status), err.message, err.hint, lh_status_name(expected),
                  message, files[i].hint);
    }
    lh_arena_clear(&arena);
  }
  return mismatches;
}

#define ASSERT_TOLD(files, status) \
  assert_int_equal(count_mismatches(files, sizeof(files) / sizeof((files)[0]), status), 0)

static void what_is_not_yaml_is_placed_and_explained(void **state) {
  (void)state;
  ASSERT_TOLD(not_yaml, LH_ERROR_PROJECT);
}

static void wrong_settings_are_placed_and_explained(void **state) {
  (void)state;
  ASSERT_TOLD(wrong_settings, LH_ERROR_PROJECT);
}

static void wrong_services_are_placed_and_explained(void **state) {
  (void)state;
  ASSERT_TOLD(services, LH_ERROR_PROJECT);
}

static void wrong_tasks_are_placed_and_explained(void **state) {
  (void)state;
  ASSERT_TOLD(wrong_tasks, LH_ERROR_PROJECT);
}

static void wrong_commands_are_placed_and_explained(void **state) {
  (void)state;
  ASSERT_TOLD(wrong_commands, LH_ERROR_PROJECT);
}

static void wrong_sql_files_are_placed_where_they_are_named(void **state) {
  (void)state;
  ASSERT_TOLD(wrong_sql_files, LH_ERROR_PROJECT);
}

static void wrong_variables_are_placed_where_they_are_used(void **state) {
  (void)state;
  ASSERT_TOLD(wrong_variables, LH_ERROR_PROJECT);
}

static void a_source_without_its_variable_is_an_error_only_to_who_connects(void **state) {
  (void)state;
  static const char yaml[] = "project: shop\nsource: ${LH_TEST_UNSET}\nlake: x\n" TASKS;
  struct lh_arena arena;
  struct lh_project *project = NULL;
  struct lh_error err = {0};
  const char *source = NULL;
  unsetenv("LH_TEST_UNSET");
  lh_arena_init(&arena, 0);
  assert_int_equal(lh_project_parse(yaml, strlen(yaml), "lakehaul.yaml", &arena, &project, &err), LH_OK);
  assert_int_equal(lh_project_get_source(project, &source, &err), LH_ERROR_PROJECT);
  assert_string_equal(err.message, "lakehaul.yaml:2:9: environment variable LH_TEST_UNSET is not set");
  lh_arena_clear(&arena);
}

static void features_of_later_versions_are_unsupported_by_name(void **state) {
  (void)state;
  ASSERT_TOLD(later_features, LH_ERROR_UNSUPPORTED);
}

static void a_missing_project_file_is_named(void **state) {
  (void)state;
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  struct lh_project *project = NULL;
  struct lh_error err;
  assert_int_equal(lh_project_load("nothing.yaml", &arena, &project, &err), LH_ERROR_PROJECT);
  assert_string_equal(err.message, "cannot open nothing.yaml: No such file or directory");
  assert_string_equal(err.hint, "\"lakehaul init\" writes a project file from a live database");
  lh_arena_clear(&arena);
}

static void a_file_of_more_than_a_mebibyte_is_refused(void **state) {
  (void)state;
  const size_t size = ((size_t)1 << 20) + 1;
  char *const text = malloc(size);
  assert_non_null(text);
  memset(text, '#', size);
  FILE *const file = fopen("large.yaml", "w");
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  struct lh_project *project = NULL;
  struct lh_error err;
  assert_int_equal(lh_project_load("large.yaml", &arena, &project, &err), LH_ERROR_PROJECT);
  assert_string_equal(err.message, "large.yaml is larger than 1048576 bytes");
  assert_int_equal(lh_project_parse(text, size, "large.yaml", &arena, &project, &err), LH_ERROR_PROJECT);
  assert_string_equal(err.message, "large.yaml is larger than 1048576 bytes");
  lh_arena_clear(&arena);
  free(text);
}

static void a_wrong_source_is_never_shown(void **state) {
  (void)state;
  static const char yaml[] = "project: shop\nsource: [postgresql://u:secret@h/d]\nlake: x\n" TASKS;
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  struct lh_project *project = NULL;
  struct lh_error err;
  assert_int_equal(lh_project_parse(yaml, strlen(yaml), "lakehaul.yaml", &arena, &project, &err),
                   LH_ERROR_PROJECT);
  assert_null(strstr(err.message, "secret"));
  assert_null(strstr(err.hint, "secret"));
  lh_arena_clear(&arena);
}

/* Whatever the file's end, parsing it ends in a status: with sanitizers this finds reads past the end. */
static void every_prefix_of_a_file_is_parsed_or_refused(void **state) {
  (void)state;
  static const char yaml[] = HEAD
      "jobs: \"${LH_TEST_UNSET:-3}\"\ncompression: zstd(9)\ntasks:\n  a: &a { table: 't', columns: { "
      "include: [x, y] "
      "} }\n  b:\n    query: |\n      select $1, '$$'\n  c: *a\n  d: { sql: good.sql }\n";
  for (size_t size = 0; size <= strlen(yaml); size++) {
    char *const prefix = malloc(size + 1);
    assert_non_null(prefix);
    memcpy(prefix, yaml, size);
    struct lh_arena arena;
    lh_arena_init(&arena, 0);
    struct lh_project *project = NULL;
    struct lh_error err;
    const lh_status status = lh_project_parse(prefix, size, "lakehaul.yaml", &arena, &project, &err);
    if (status != LH_OK) {
      assert_int_equal(status, LH_ERROR_PROJECT);
      assert_int_equal(strncmp(err.message, "lakehaul.yaml:", 14), 0);
    } else {
      assert_non_null(project);
    }
    lh_arena_clear(&arena);
    free(prefix);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_not_yaml_is_placed_and_explained),
      cmocka_unit_test(wrong_settings_are_placed_and_explained),
      cmocka_unit_test(wrong_services_are_placed_and_explained),
      cmocka_unit_test(wrong_tasks_are_placed_and_explained),
      cmocka_unit_test(wrong_commands_are_placed_and_explained),
      cmocka_unit_test(wrong_sql_files_are_placed_where_they_are_named),
      cmocka_unit_test(wrong_variables_are_placed_where_they_are_used),
      cmocka_unit_test(a_source_without_its_variable_is_an_error_only_to_who_connects),
      cmocka_unit_test(features_of_later_versions_are_unsupported_by_name),
      cmocka_unit_test(a_missing_project_file_is_named),
      cmocka_unit_test(a_file_of_more_than_a_mebibyte_is_refused),
      cmocka_unit_test(a_wrong_source_is_never_shown),
      cmocka_unit_test(every_prefix_of_a_file_is_parsed_or_refused),
  };
  return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
