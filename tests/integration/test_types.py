"""Every type through the real program: a table per type with its edge values, hauled once, read by pyarrow and DuckDB
and compared with what the server prints."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hauls import Haul, haul, make_project
from oracle import assert_files_hold, duckdb_types, expected_value, held_values, read_with_pyarrow, server_texts
from support import Cluster, Database, is_published

UTC_MICROS = pa.timestamp("us", tz="UTC")
INTEGERS = pa.list_(pa.int32())
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Case:
    """A type, what becomes of it, and values as the server reads them."""

    name: str
    sql_type: str
    arrow: pa.DataType
    duckdb: str
    values: list[str]
    has_array: bool = True


def text_case(name: str, sql_type: str, values: list[str], **more: bool) -> Case:
    return Case(name, sql_type, pa.string(), "VARCHAR", values, **more)


def decimal_case(name: str, sql_type: str, precision: int, scale: int, values: list[str]) -> Case:
    return Case(name, sql_type, pa.decimal128(precision, scale), f"DECIMAL({precision},{scale})", values)


ALL_BYTES = "\\x" + bytes(range(256)).hex()
LONG_BYTES = "\\x" + random.Random(1).randbytes(MEGABYTE).hex()

TEXTS = [
    "", " ", "a", "A", "NULL", "null", "\\N", "\\", "\\\\", "123", "-1.50", "1e5", "NaN", "Infinity", "true", "{}",
    "{a,b}", "2024-01-01", "'single'", '"double"', "a,b;c", "line\nbreak", "tab\there", "carriage\r\nreturn",
    "\x01\x1f\x7f", "Grüße", "Ελληνικά", "日本語", "🚚🏴󠁧󠁢󠁳󠁣󠁴󠁿", "e\u0301", "\u00a0", "\u200b", "\ufeffmark", "\ufffd",
    "\ue000", "x" * 63, "x" * 64, "x" * 65, "ü" * 31 + "abc", "日" * 22, "🚚" * 17, "longer " * 1000, "y" * MEGABYTE,
]  # fmt: skip

TIMESTAMPS = [
    "4714-11-24 00:00:00 BC", "4713-01-01 00:00:00 BC", "0044-03-15 12:00:00.000001 BC",
    "0001-12-31 23:59:59.999999 BC", "0001-01-01 00:00:00", "1582-10-10 00:00:00", "1900-03-01 00:00:00",
    "1969-12-31 23:59:59.999999", "1969-12-31 23:59:59", "1970-01-01 00:00:00", "1970-01-01 00:00:00.000001",
    "1999-12-31 23:59:59.999999", "2000-01-01 00:00:00", "2016-12-31 23:59:60", "2024-02-29 12:34:56.789012",
    "2038-01-19 03:14:08", "2262-04-11 23:47:16.854776", "9999-12-31 23:59:59.999999", "10000-01-01 00:00:00",
    "294247-01-10 04:00:54.775806",
]  # fmt: skip

UNCONSTRAINED = [
    "0", "0.0", "0.000000", "-0.00", "1", "-1", "1.10", "-1.100", "10", "100", "1000", "10000", "100000000", "9999",
    "99999999", "0.1", "0.01", "0.001", "0.0001", "0.00001", "0.00010", "9999.9999", "10000.00001", "1e-20", "-1e-20",
    "1e20", "1e100", "-1e100", "1.00000000000000000000", "12345678901234567890.0123456789000", "NaN", "Infinity",
    "-Infinity", "9" * 131072, "-" + "123456789" * 14563, "0." + "0" * 16382 + "1", "1" + "0" * 131071,
    "8" * 131072 + "." + "7" * 16383,
]  # fmt: skip

CASES = [
    Case("bool", "boolean", pa.bool_(), "BOOLEAN", ["true", "false", "t", "false"]),
    Case("bool_true", "boolean", pa.bool_(), "BOOLEAN", ["true"]),
    Case("int2", "smallint", pa.int16(), "SMALLINT", ["0", "-1", "1", "32767", "-32768"]),
    Case("int4", "integer", pa.int32(), "INTEGER", ["0", "-1", "1", "2147483647", "-2147483648"]),
    Case(
        "int8", "bigint", pa.int64(), "BIGINT",
        ["0", "-1", "1", "9223372036854775807", "-9223372036854775808", "9007199254740993"],
    ),
    Case(
        "float4", "real", pa.float32(), "FLOAT",
        ["NaN", "Infinity", "-Infinity", "0", "-0", "1e-45", "-1e-45", "1.1754942e-38", "1.17549435e-38",
         "3.4028235e38", "-3.4028235e38", "0.1", "16777217", "1e15", "123456.79"],
    ),
    Case("float4_finite", "real", pa.float32(), "FLOAT", ["3.4028235e38", "-3.4028235e38", "0", "1e-45"]),
    Case("float4_zeros", "real", pa.float32(), "FLOAT", ["0", "-0"]),
    Case(
        "float8", "double precision", pa.float64(), "DOUBLE",
        ["NaN", "Infinity", "-Infinity", "0", "-0", "5e-324", "-5e-324", "2.225073858507201e-308",
         "2.2250738585072014e-308", "1.7976931348623157e308", "-1.7976931348623157e308", "0.1", "0.30000000000000004",
         "1e22", "9007199254740993", "123456789012345680"],
    ),
    Case("float8_infinite", "double precision", pa.float64(), "DOUBLE", ["Infinity", "-Infinity", "1"]),
    Case("float8_negative_zero", "double precision", pa.float64(), "DOUBLE", ["-0", "-0", "-1"]),
    Case("float8_positive_zero", "double precision", pa.float64(), "DOUBLE", ["0", "0", "1"]),
    text_case("numeric", "numeric", UNCONSTRAINED),
    text_case("numeric_39_digits", "numeric(39,0)", ["0", "9" * 39, "-" + "9" * 39]),
    text_case("numeric_50_10", "numeric(50,10)", ["0", "1.5", "-1", "NaN", "9" * 40 + "." + "9" * 10, "0.0000000001"]),
    text_case("numeric_1000", "numeric(1000,500)", ["0", "NaN", "9" * 500 + "." + "9" * 500, "-1.5"]),
    text_case("text", "text", TEXTS),
    text_case("text_highest", "text", ["\U0010ffff" * 20, "a"]),
    text_case("text_below_surrogates", "text", ["\ud7ff" * 30, "a" * 70]),
    text_case("text_highest_two_bytes", "text", ["z" + "\u07ff" * 40, "\u07ff" * 40]),
    text_case("text_empty", "text", ["", ""]),
    text_case("varchar", "varchar", TEXTS),
    text_case("varchar_10", "varchar(10)", ["", " ", "abc  ", "0123456789", "äöüäöüäöüä", "日本語日本語日本語日"]),
    text_case("bpchar_5", "char(5)", ["", "a", "a    ", " a", "abcde", "ä", "日本語日本", "\n"]),
    text_case("bpchar_1", "char", ["", "a", "🚚"]),
    text_case("bpchar_free", "bpchar", ["", "a", "a ", "a\t ", "long " * 100]),
    text_case("name", "name", ["", "pg_class", "ü" * 31, "x" * 63, "Two Words"]),
    text_case("char_byte", '"char"', ["a", "", " ", "~", "\\000", "\\001", "\\177", "\\200", "\\351", "\\377", "é"]),
    text_case("citext", "citext", ["", "Hello", "hello", "HELLO", "Grüße"]),
    text_case("xml", "xml", ["<a/>", "<a b='c'>  ü \n</a>", "text only", "<!-- x --><a/><b/>"]),
    Case(
        "bytea", "bytea", pa.binary(), "BLOB",
        ["\\x", "\\x00", "\\xff", "\\x0000", ALL_BYTES, "\\x80c3", "\\x" + "41" * 64, "\\x" + "41" * 65, LONG_BYTES],
    ),
    Case("bytea_highest", "bytea", pa.binary(), "BLOB", ["\\x" + "ff" * 65, "\\x" + "ff" * 64, "\\x00"]),
    Case("bytea_almost_highest", "bytea", pa.binary(), "BLOB", ["\\x" + "ff" * 40 + "61" + "ff" * 40, "\\x00"]),
    Case(
        "date", "date", pa.date32(), "DATE",
        ["4714-11-24 BC", "4713-01-01 BC", "0001-12-31 BC", "0001-02-29 BC", "0001-01-01", "1582-10-10", "1900-03-01",
         "1969-12-31", "1970-01-01", "1970-01-02", "1999-12-31", "2000-01-01", "2000-02-29", "9999-12-31",
         "10000-01-01", "5874897-12-31"],
    ),
    text_case(
        "time", "time",
        ["00:00", "00:00:00.000001", "00:00:01", "09:05:07.5", "12:30:15.500000", "12:00:00.120", "23:59:59.999999",
         "24:00:00"],
    ),
    text_case("time_3", "time(3)", ["00:00", "12:34:56.789", "12:34:56.7896", "23:59:59.9999"]),
    Case("timestamp", "timestamp", pa.timestamp("us"), "TIMESTAMP", TIMESTAMPS),
    Case("timestamp_0", "timestamp(0)", pa.timestamp("us"), "TIMESTAMP", TIMESTAMPS[4:-2]),
    Case("timestamp_3", "timestamp(3)", pa.timestamp("us"), "TIMESTAMP", TIMESTAMPS[4:-2]),
    Case(
        "timestamptz", "timestamptz", UTC_MICROS, "TIMESTAMP WITH TIME ZONE",
        [value.replace(" BC", "+00 BC") if value.endswith("BC") else value + "+00" for value in TIMESTAMPS]
        + ["2024-03-31 02:30:00+02", "2024-10-27 02:30:00 Europe/Berlin", "1883-11-18 12:00:00 America/New_York",
           "2024-06-01 12:00:00+05:45", "2024-06-01 12:00:00-15:59", "0001-01-01 00:00:00+14"],
    ),
    Case("timestamptz_3", "timestamptz(3)", UTC_MICROS, "TIMESTAMP WITH TIME ZONE", ["2024-06-01 12:00:00.123456-03"]),
    text_case(
        "uuid", "uuid",
        ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
         "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "{0123456789abcdef0123456789abcdef}",
         "7f000000-0000-0000-0000-000000000000", "80000000-0000-0000-0000-000000000000"],
    ),
    Case(
        "json", "json", pa.json_(), "JSON",
        ['{"a": 1,  "a": 2}', " [1 , 2] ", "null", '"x"', "1.0", "-0", "1e400", "{}", "[]",
         '{"ü": "\\u00e9\\ud83d\\ude9a"}',
         '{\n\t"b":\r\n null\n}\n', '"' + "j" * MEGABYTE + '"',
         '{"n": 12345678901234567890.123456789012345678901234567890}'],
    ),
    Case(
        "jsonb", "jsonb", pa.json_(), "JSON",
        ['{"a": 1,  "a": 2}', " [1 , 2] ", "null", '"x"', "1.0", "-0", "{}", "[]",
         '{"ü": "\\u00e9\\ud83d\\ude9a", "b": [true]}',
         '{"bb": 1, "a": {"c": null}}', '"' + "j" * MEGABYTE + '"', "12345678901234567890.1234567890123456789"],
    ),
    text_case("enum", "mood", ["ok", "sad", "ハッピー", "with space", 'quo"te', "a,b", "NULL", ""]),
    Case("oid", "oid", pa.int64(), "BIGINT", ["0", "1", "2147483648", "4294967295"]),
    Case("xid", "xid", pa.int64(), "BIGINT", ["0", "3", "4294967295"]),
    Case("cid", "cid", pa.int64(), "BIGINT", ["0", "3", "4294967295"]),
    decimal_case("numeric_12_2", "numeric(12,2)", 12, 2, ["0", "0.01", "-0.01", "9999999999.99", "-9999999999.99",
                                                          "1.005"]),
    decimal_case("numeric_5", "numeric(5)", 5, 0, ["0", "99999", "-99999", "10000", "9999", "0.5"]),
    decimal_case("numeric_38_19", "numeric(38,19)", 38, 19, ["0", "9" * 19 + "." + "9" * 19,
                                                             "-" + "9" * 19 + "." + "9" * 19,
                                                             "1e-19", "10000", "0.0001", "1844674407370955161.5"]),
    Case("domain_int", "positive", pa.int32(), "INTEGER", ["1", "2147483647"]),
    Case("domain_numeric", "price", pa.decimal128(12, 2), "DECIMAL(12,2)", ["0", "1.5", "-9999999999.99"]),
    Case("domain_of_domain", "sale_price", pa.decimal128(12, 2), "DECIMAL(12,2)", ["0", "1.5", "9999999999.99"]),
    text_case("domain_varchar", "short_text", ["", "ab", "äöüäö"]),
    text_case("domain_bpchar", "padded", ["", "ab", "abc"]),
    text_case("domain_enum", "good_mood", ["ok", "ハッピー"]),
    text_case("domain_uuid", "key", ["00000000-0000-0000-0000-000000000000"]),
    Case("domain_timestamptz", "moment", UTC_MICROS, "TIMESTAMP WITH TIME ZONE", ["2024-06-01 12:00:00.123456-03"]),
]  # fmt: skip

# Types with a form in this version that come in a domain over an array: no array of them.
DOMAIN_OVER_ARRAY = Case("domain_array", "int_list", INTEGERS, "INTEGER[]",
                         ["{1,2,NULL}", "{}", "[0:1]={7,8}"], has_array=False)  # fmt: skip
CASES.append(DOMAIN_OVER_ARRAY)

TYPES_SQL = """
CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'ハッピー', 'with space', 'quo"te', 'a,b', 'NULL', '');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN price AS numeric(12,2);
CREATE DOMAIN sale_price AS price CHECK (VALUE IS NULL OR VALUE >= 0);
CREATE DOMAIN short_text AS varchar(5);
CREATE DOMAIN padded AS char(4);
CREATE DOMAIN good_mood AS mood CHECK (VALUE <> 'sad');
CREATE DOMAIN key AS uuid;
CREATE DOMAIN moment AS timestamptz(3);
CREATE DOMAIN int_list AS int[];
CREATE TYPE nothing AS ();
"""


# Types without a form of their own in this version: text, with a warning.
OTHERS = [
    text_case("without_attributes", "nothing", ["()"]),
    text_case("aclitem", "aclitem", ["lakehaul=r/lakehaul", "=arwd/lakehaul"]),
]  # fmt: skip


def make_table(database: Database, case: Case) -> None:
    """Values, NULLs among them, the same NOT NULL, and arrays of them."""
    table = f"t_{case.name}"
    list_type = f"{case.sql_type}[]" if case.has_array else "int[]"
    database.execute(
        f"CREATE TABLE {table} (id int PRIMARY KEY, v {case.sql_type}, required {case.sql_type} NOT NULL, "
        f"list {list_type})"
    )
    values: list[str | None] = [*case.values]
    values[1:1] = [None]
    while len(values) < 13:
        values.append(None if len(values) % 3 == 0 else case.values[len(values) % len(case.values)])
    with database.connection.cursor().copy(f"COPY {table} (id, v, required) FROM STDIN") as copy:
        for row, value in enumerate(values):
            copy.write_row((row, value, case.values[0] if value is None else value))
    if case.has_array:
        every = f"(SELECT array_agg(v ORDER BY id) FROM {table})"
        database.execute(
            f"UPDATE {table} SET list = CASE id % 6 WHEN 1 THEN NULL WHEN 2 THEN ARRAY[NULL]::{list_type} "
            f"WHEN 3 THEN ARRAY[v, NULL, required]::{list_type} WHEN 4 THEN ARRAY[required]::{list_type} "
            f"WHEN 0 THEN CASE WHEN id < 7 THEN {every}::{list_type} END ELSE '{{}}' END"
        )
        database.execute(f"UPDATE {table} SET list[7] = v, list[9] = required WHERE id % 12 = 11")


@pytest.fixture(scope="module")
def types_database(module_database: Database) -> Database:
    module_database.execute(TYPES_SQL)
    return module_database


@pytest.fixture(scope="module")
def cases(types_database, tmp_path_factory) -> Haul:
    for case in CASES + OTHERS:
        make_table(types_database, case)
    tasks = {case.name: {"table": f"public.t_{case.name}"} for case in CASES + OTHERS}
    return haul(make_project(tmp_path_factory.mktemp("cases"), types_database, tasks), "--verify", expect=None)


@pytest.mark.asan
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_values_and_arrays_of(cases, types_database, case):
    texts = server_texts(types_database, f"SELECT id, v, required, list FROM t_{case.name} ORDER BY id")
    files = cases.files(case.name)
    schema = assert_files_hold(files, texts, key="id")
    element = case.arrow if case.has_array else pa.int32()
    assert [(field.name, field.type, field.nullable) for field in schema] == [
        ("id", pa.int32(), False),
        ("v", case.arrow, True),
        ("required", case.arrow, False),
        ("list", pa.list_(pa.field("element", element, nullable=True)), True),
    ]
    element = case.duckdb if case.has_array else "INTEGER"
    assert duckdb_types(files[0]) == {
        "id": "INTEGER", "v": case.duckdb, "required": case.duckdb, "list": f"{element}[]"
    }  # fmt: skip


def test_no_type_with_a_form_of_its_own_is_warned_about(cases):
    assert [line for case in CASES for line in cases.warnings(case.name)] == []


@pytest.mark.parametrize("case", OTHERS, ids=lambda case: case.name)
def test_types_without_a_form_are_what_psql_prints(cases, types_database, case):
    texts = server_texts(types_database, f"SELECT id, v, required, list FROM t_{case.name} ORDER BY id")
    schema = assert_files_hold(cases.files(case.name), texts, key="id")
    assert [(field.name, field.type, field.nullable) for field in schema] == [
        ("id", pa.int32(), False),
        ("v", pa.string(), True),
        ("required", pa.string(), False),
        ("list", pa.list_(pa.field("element", pa.string())), True),
    ]


@pytest.mark.parametrize("case", OTHERS, ids=lambda case: case.name)
def test_types_without_a_form_are_warned_about_by_column_and_type(cases, types_database, case):
    table = f"t_{case.name}"
    warnings = cases.warnings(case.name)
    columns = ["v", "required", "list"]
    for column in columns:
        type_name = types_database.value(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
            f"WHERE attrelid = '{table}'::regclass AND attname = '{column}'"
        )
        about = [line for line in warnings if f'"{column}"' in line]
        assert len(about) == 1 and table in about[0] and type_name in about[0] and "text" in about[0], warnings
    assert len(warnings) == len(columns)


def test_the_texts_are_parsed_as_the_server_means_them(types_database):
    """The oracle itself: its days and microseconds are those that the server computes."""
    for text, number in types_database.rows("SELECT v::text, v - date '1970-01-01' FROM t_date WHERE v IS NOT NULL"):
        assert expected_value(text, pa.date32()) == number
    for table in ("t_timestamp", "t_timestamptz"):
        sql = f"SELECT v::text, (extract(epoch FROM v) * 1000000)::numeric(40,0) FROM {table} WHERE v IS NOT NULL"
        for text, number in types_database.rows(sql):
            assert expected_value(text, pa.timestamp("us")) == number


# -------- decimals --------


def unscaled_text(number: int, scale: int) -> str:
    digits = str(abs(number)).rjust(scale + 1, "0")
    whole, fraction = digits[: len(digits) - scale], digits[len(digits) - scale :]
    return ("-" if number < 0 else "") + whole + ("." + fraction if scale else "")


def test_decimals_of_every_precision_and_scale(types_database, tmp_path):
    shapes = [(precision, scale) for precision in range(1, 39) for scale in sorted({0, precision // 2, precision})]
    generator = random.Random(38)
    types_database.execute(
        "CREATE TABLE decimals (id int, " + ", ".join(f"d_{p}_{s} numeric({p},{s})" for p, s in shapes) + ")"
    )
    columns = []
    for precision, scale in shapes:
        most = 10**precision - 1
        numbers = [0, most, -most, 1, -1, None, 4 * most // 9]
        numbers += [sign * 10 ** (power % precision) for power in range(38) for sign in (1, -1)]
        numbers += [generator.randint(-most, most) // 10 ** generator.randrange(precision) for _ in range(20)]
        columns.append([None if number is None else unscaled_text(number, scale) for number in numbers])
    with types_database.connection.cursor().copy("COPY decimals FROM STDIN") as copy:
        for number, row in enumerate(zip(*columns, strict=True)):
            copy.write_row((number, *row))
    project = make_project(tmp_path, types_database, {"decimals": {"table": "decimals"}})
    files = haul(project).files("decimals")
    schema = assert_files_hold(files, server_texts(types_database, "SELECT * FROM decimals ORDER BY id"), key="id")
    for precision, scale in shapes:
        assert schema.field(f"d_{precision}_{scale}").type == pa.decimal128(precision, scale)
    physical = {column.name: column.physical_type for column in map(pq.ParquetFile(files[0]).schema.column, range(3))}
    assert physical == {"id": "INT32", "d_1_0": "INT32", "d_1_1": "INT32"}


def test_scales_below_zero_and_beyond_the_precision(types_database, tmp_path):
    if types_database.connection.info.server_version < 150000:
        pytest.skip("PostgreSQL has such scales from version 15 on")
    shapes = {
        "numeric(5,-2)": pa.decimal128(7, 0), "numeric(1,-37)": pa.decimal128(38, 0),
        "numeric(36,-2)": pa.decimal128(38, 0), "numeric(37,-2)": pa.string(), "numeric(3,-36)": pa.string(),
        "numeric(3,5)": pa.decimal128(5, 5), "numeric(2,38)": pa.decimal128(38, 38), "numeric(1,39)": pa.string(),
        "numeric(38,39)": pa.string(),
    }  # fmt: skip
    numbers = ["0", "12345", "-9999949", "0.00123", "0.00999", "-0.00999", "NaN", "1e37", "9e37", "-9e37", "99e36",
               "9e-38",
               "-99e-38", "9e-39", "1e-39", None]  # fmt: skip
    columns = [f"c{i}" for i in range(len(shapes))]
    types_database.execute(
        "CREATE TABLE odd_scales (id int, "
        + ", ".join(f"{column} {type_}" for column, type_ in zip(columns, shapes))
        + ")"
    )
    for row, number in enumerate(numbers):
        for column, (type_, held_as) in zip(columns, shapes.items()):
            if number == "NaN" and pa.types.is_decimal(held_as):
                continue
            try:
                types_database.execute(f"INSERT INTO odd_scales (id, {column}) VALUES (%s, %s::{type_})", (row, number))
            except psycopg.errors.NumericValueOutOfRange:
                pass  # too large for this type
    assert all(types_database.value(f"SELECT count(DISTINCT {column}) FROM odd_scales") >= 3 for column in columns)
    types_database.execute("ALTER TABLE odd_scales ADD COLUMN key int GENERATED ALWAYS AS IDENTITY")
    project = make_project(tmp_path, types_database, {"odd_scales": {"table": "odd_scales"}})
    files = haul(project).files("odd_scales")
    schema = assert_files_hold(files, server_texts(types_database, "SELECT * FROM odd_scales ORDER BY key"), key="key")
    assert [schema.field(column).type for column in columns] == list(shapes.values())


# -------- values that the lake's types cannot hold --------


@dataclass(frozen=True)
class Refused:
    name: str
    sql_type: str
    good: str
    bad: str
    words: tuple[str, ...]


REFUSED = [
    Refused("numeric_nan", "numeric(10,2)", "1.00", "NaN", ("NaN", "decimal(10,2)")),
    Refused("wide_numeric_nan", "numeric(38,2)", "1.00", "NaN", ("NaN", "decimal(38,2)")),
    Refused("domain_nan", "price", "1.00", "NaN", ("NaN",)),
    Refused("numeric_nan_in_array", "numeric(10,2)[]", "{1.00,NULL}", "{1.00,NULL,NaN}", ("NaN", "element 3")),
    Refused("date_infinity", "date", "2024-01-01", "infinity", ("infinity", "date")),
    Refused("date_minus_infinity", "date", "2024-01-01", "-infinity", ("-infinity", "date")),
    Refused("timestamp_infinity", "timestamp", "2024-01-01", "infinity", ("infinity", "timestamp")),
    Refused("timestamp_minus_infinity", "timestamp", "2024-01-01", "-infinity", ("-infinity", "timestamp")),
    Refused("timestamptz_infinity", "timestamptz", "2024-01-01 00:00+00", "infinity", ("infinity", "timestamptz")),
    Refused("timestamptz_minus_infinity", "timestamptz", "2024-01-01 00:00+00", "-infinity", ("-infinity",)),
    Refused("date_infinity_in_array", "date[]", "{2024-01-01}", "{NULL,infinity}", ("infinity", "element 2")),
    Refused("timestamp_past_the_last", "timestamp", "2024-01-01", "294247-01-10 04:00:54.775808", ("294247-01-10",)),
    Refused("timestamptz_last_of_all", "timestamptz", "2024-01-01 00:00+00", "294276-12-31 23:59:59.999999+00",
            ("294247",)),
    Refused("two_dimensions", "int[]", "{1,2}", "{{1,2},{3,4}}", ("2 dimensions",)),
    Refused("two_dimensions_of_text", "text[]", "{a}", "{{a},{b}}", ("2 dimensions",)),
    Refused("three_dimensions", "numeric(10,2)[]", "{1}", "{{{1}}}", ("3 dimensions",)),
]  # fmt: skip


@pytest.fixture(scope="module")
def refusals(types_database, tmp_path_factory) -> Haul:
    for refused in REFUSED:
        table = f"refused_{refused.name}"
        types_database.execute(f'CREATE TABLE {table} (id int, "The Value" {refused.sql_type})')
        rows = [(1, refused.good), (2, None), (3, refused.bad), (4, refused.good)]
        with types_database.connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    types_database.execute(
        "CREATE TABLE refused_late AS SELECT id, CASE id WHEN 15001 THEN 'NaN' ELSE 1.5 END::numeric(4,1) AS v "
        "FROM generate_series(1, 20000) AS id"
    )
    types_database.execute("CREATE TABLE accepted AS SELECT 1 AS id")
    tasks = {name: {"table": f"refused_{name}"} for name in [*(refused.name for refused in REFUSED), "late"]}
    tasks["accepted"] = {"table": "accepted"}
    return haul(make_project(tmp_path_factory.mktemp("refusals"), types_database, tasks), expect=1)


@pytest.mark.asan
@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: refused.name)
def test_a_value_that_cannot_be_held_fails_the_task_by_column_row_and_value(refusals, refused):
    task = refusals.tasks[refused.name]
    assert task["status"] == "failed"
    error = task["error"]
    assert error["kind"] == "data"
    for words in (f"public.refused_{refused.name}", '"The Value"', "row 3", *refused.words):
        assert words in error["message"], error["message"]
    assert error["hint"] != ""
    assert (error["column"], error["row"]) == ("The Value", 3)
    assert not is_published(refusals.project.lake, refused.name)
    assert error["message"] in refusals.stderr


def test_the_row_is_counted_through_the_whole_table(refusals):
    error = refusals.tasks["late"]["error"]
    assert error["row"] == 15001
    assert "row 15001" in error["message"] and '"v"' in error["message"] and "NaN" in error["message"]


def test_refused_values_leave_nothing_behind_and_the_other_tasks_alone(refusals):
    assert refusals.tasks["accepted"]["status"] == "published"
    left = [path.relative_to(refusals.project.lake) for path in refusals.project.lake.rglob("*.parquet*")]
    assert [path.parts[0] for path in left] == ["accepted"]


# -------- the ends of time --------


def test_the_last_instant_that_64_bits_hold(types_database, tmp_path):
    types_database.execute(
        "CREATE TABLE last_instant AS SELECT '294247-01-10 04:00:54.775807'::timestamp AS local, "
        "'294247-01-10 04:00:54.775807+00'::timestamptz AS instant"
    )
    project = make_project(tmp_path, types_database, {"last": {"table": "last_instant"}})
    table = read_with_pyarrow(haul(project, "--verify").files("last"))
    assert [held_values(column) for column in table.columns] == [[2**63 - 1], [2**63 - 1]]


def test_a_role_with_other_settings_gives_the_same_lake(cluster: Cluster, types_database, cases, tmp_path):
    """timestamptz is UTC, floats have all their digits, whatever the role is set to."""
    types_database.execute("CREATE VIEW slow AS SELECT 1 AS id, pg_sleep(0.4) IS NULL AS slept")
    types_database.execute("""
        CREATE ROLE far_away LOGIN PASSWORD 'far';
        ALTER ROLE far_away SET TimeZone = 'America/St_Johns';
        ALTER ROLE far_away SET DateStyle = 'German';
        ALTER ROLE far_away SET IntervalStyle = 'iso_8601';
        ALTER ROLE far_away SET extra_float_digits = -15;
        ALTER ROLE far_away SET bytea_output = 'escape';
        ALTER ROLE far_away SET client_encoding = 'LATIN1';
        ALTER ROLE far_away SET default_transaction_isolation = 'serializable';
        ALTER ROLE far_away SET statement_timeout = '250ms';
        ALTER ROLE far_away SET xmloption = 'document';
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO far_away;
        """)
    uri = re.sub("//[^@]*@", "//far_away:far@", types_database.uri)
    names = ["bool", "float4", "float8", "bytea", "date", "time", "timestamp", "timestamptz", "text", "xml"]  # fmt: skip
    tasks = {name: {"table": f"public.t_{name}"} for name in names}
    run = haul(make_project(tmp_path, types_database, {**tasks, "slow": {"table": "slow"}}, source=uri))
    types_database.execute("DROP OWNED BY far_away; DROP ROLE far_away")
    for name in names:
        texts = server_texts(types_database, f"SELECT id, v, required, list FROM t_{name} ORDER BY id")
        assert_files_hold(run.files(name), texts, key="id")
