"""The rarer types through the real program: times with zones, intervals, money, bits, networks, geometry, text search,
identifiers of the server, and those of extensions; each with NULLs and in arrays, compared with what the server prints.
"""
from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hauls import Haul, haul, make_project
from oracle import assert_files_hold, assert_same_values, duckdb_types, read_with_duckdb, server_texts
from support import Database

SEED = 20260131


@dataclass(frozen=True)
class Case:
    """A type, what becomes of it, and values as the server reads them. `shown`: an expression over the value, {}, whose
    text is what the lake holds."""

    name: str
    sql_type: str
    values: list[str]
    arrow: pa.DataType = pa.string()
    duckdb: str = "VARCHAR"
    shown: str = "{}"
    has_array: bool = True


def number_case(name: str, values: list[str]) -> Case:
    return Case(name, name, values, pa.int64(), "BIGINT", "{}::oid")


def decimal_case(name: str, sql_type: str, values: list[str]) -> Case:
    return Case(name, sql_type, values, pa.decimal128(19, 2), "DECIMAL(19,2)", "{}::numeric")


def random_floats(count: int) -> list[str]:
    generator = random.Random(SEED)
    powers = [f"{generator.choice(['-', ''])}{2.0 ** generator.randrange(-1074, 1024)!r}" for _ in range(count // 3)]
    digits = [repr(generator.uniform(-1, 1) * 10.0 ** generator.randrange(-20, 20)) for _ in range(count // 3)]
    short = [f"{generator.randrange(-(10**6), 10**6)}e{generator.randrange(-25, 25)}" for _ in range(count // 3)]
    return powers + digits + short


EDGE_FLOATS = [
    "0", "-0", "1", "-1.5", "0.1", "0.30000000000000004", "NaN", "Infinity", "-Infinity", "5e-324", "-5e-324",
    "2.2250738585072014e-308", "1.7976931348623157e308", "-1.7976931348623157e308", "1e22", "1e23", "5e22", "1e15",
    "123456789012345", "123456789012345.6", "0.0001", "0.00001", "1e-7", "9007199254740993", "4503599627370496.5",
]  # fmt: skip
FLOATS = EDGE_FLOATS + random_floats(150)
PAIRS = list(zip(FLOATS, FLOATS[1:] + FLOATS[:1]))
POINTS = [f"({x},{y})" for x, y in PAIRS]
FINITE_FLOATS = [number for number in FLOATS if number not in ("NaN", "Infinity", "-Infinity")]


def random_addresses(count: int) -> list[str]:
    """Many zeros in all places, and what looks like IPv4 within IPv6."""
    generator = random.Random(SEED)
    addresses = []
    for _ in range(count):
        words = [generator.choice([0, 0, 0, 1, 0xFFFF, 0x0A00, generator.randrange(65536)]) for _ in range(8)]
        if generator.random() < 0.3:
            words[:6] = [0, 0, 0, 0, 0, generator.choice([0, 0xFFFF, 1])]
        bits = generator.choice(["", "", f"/{generator.randrange(129)}"])
        addresses.append(":".join(f"{word:x}" for word in words) + bits)
    return addresses


def random_lexemes(count: int) -> list[str]:
    generator = random.Random(SEED)
    vectors = []
    for _ in range(count):
        lexemes = []
        for _ in range(generator.randrange(6)):
            word = "".join(generator.choice("aü日🚚 :,*!&\\'\"\t1A") for _ in range(generator.randrange(1, 8)))
            quoted = "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"
            places = [f"{generator.randrange(1, 16384)}{generator.choice(['', 'A', 'B', 'C', 'D'])}" for _ in range(3)]
            lexemes.append(quoted + generator.choice(["", ":" + ",".join(places)]))
        vectors.append(" ".join(lexemes))
    return vectors


CASES = [
    Case("timetz", "timetz",
         ["00:00:00+00", "00:00:00.000001-00:00:01", "12:00:00.5+02", "24:00:00-15:59", "24:00:00+00",
          "23:59:59.999999+05:45", "01:02:03.120-00:30", "01:02:03+15:59:59", "01:02:03-15:59:59", "12:00-03:00:30"]),
    Case("timetz_2", "timetz(2)", ["12:00:00.555+02", "23:59:59.999-01"]),
    decimal_case("money", "money",
                 ["0", "12.34", "-0.01", "0.01", "-0.99", "100", "-92233720368547758.08", "92233720368547758.07"]),
    decimal_case("domain_money", "wage", ["1.10", "92233720368547758.07"]),
    Case("bit_1", "bit", ["0", "1"]),
    Case("bit_5", "bit(5)", ["10101", "00000", "11111", "00001"]),
    Case("bit_8", "bit(8)", ["10000001"]),
    Case("varbit", "varbit", ["", "1", "0", "10000000", "100000001", "0" * 9 + "1" * 100, "01" * 40000]),
    Case("inet", "inet",
         ["0.0.0.0", "255.255.255.255", "10.0.0.1", "10.0.0.1/8", "10.0.0.1/0", "0.0.0.0/0", "10.0.0.1/32", "::", "::1",
          "::/0", "::ffff:1.2.3.4", "::1.2.3.4/96", "::ffff:0:1", "::ffff:0:0/96", "1::", "1::/16", "::2:0:0:1",
          "1:0:0:2::3", "1:0:2:0:3:0:4:0", "2001:db8::/32", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
          "fe80::1/128", *random_addresses(1500)]),
    Case("domain_inet", "host", ["10.0.0.1", "10.0.0.1/8", "::1"]),
    Case("cidr", "cidr",
         ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.1/32", "192.168.100.128/25", "10", "::/0", "2001:db8::/32", "::1/128",
          "::ffff:1.2.3.0/120"]),
    Case("macaddr", "macaddr", ["08:00:2b:01:02:03", "FF-FF-FF-FF-FF-FF", "000000000000"]),
    Case("macaddr8", "macaddr8", ["08:00:2b:01:02:03:04:05", "08:00:2b:01:02:03", "ffffffffffffffff", "0000000000000000"]),
    Case("lseg", "lseg", [f"[{a},{b}]" for a, b in zip(POINTS, POINTS[1:])]),
    Case("box", "box", [f"{a},{b}" for a, b in zip(POINTS, POINTS[1:])]),
    Case("line", "line", ["{1,2,3}", "{-0,1,-0}", "{0.1,1e300,5e-324}", "[(0,0),(1,1)]"]),
    Case("path", "path",
         ["[(0,0)]", "((0,0))", "[(0,0),(1,1)]", "((0,0),(1,1))", "[" + ",".join(POINTS) + "]", "(" + ",".join(POINTS) + ")"]),
    Case("polygon", "polygon", ["((0,0))", "((0,0),(1,1),(2,0))", "(" + ",".join(POINTS) + ")"]),
    Case("circle", "circle", ["<(0,0),1.5>", "<(-0,5e-324),0>", "<(1,2),Infinity>", "<(NaN,1),1e23>"]),
    Case("tsvector", "tsvector",
         ["", "'a':1A 'b':2,3C", "'it''s'", "'größe':5B", "'back\\\\slash'", "'日本語 🚚':16383A,16384", "a:1D b:2B,3",
          "'" + "x" * 2046 + "'", *random_lexemes(300)]),
    Case("tsquery", "tsquery",
         ["", "'a' & !'b'", "'a' <-> 'b' | 'c':*A", "!( 'a' | 'b' ) & 'it''s'", "'größe' <5> '日本語':ABCD"]),
    Case("jsonpath", "jsonpath", ["$", '$."a"[*]?(@ > 1.50)', 'strict $."ü"."日本" like_regex "^a"', "lax $[*].double()"]),
    Case("pg_lsn", "pg_lsn", ["0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF", "0/1"]),
    Case("xid8", "xid8", ["0", "1", "18446744073709551615"]),
    Case("tid", "tid", ["(0,0)", "(0,1)", "(4294967295,65535)"]),
    Case("pg_snapshot", "pg_snapshot", ["10:20:10,14", "1:1:", "9223372036854775806:9223372036854775807:"]),
    Case("txid_snapshot", "txid_snapshot", ["10:20:10,14", "1:1:"]),
    Case("refcursor", "refcursor", ["", "a cursor", "größe"]),
    Case("pg_node_tree", "pg_node_tree", [], has_array=False),
    Case("xml", "xml",
         ["<a/>", '<?xml version="1.0" encoding="UTF-8"?><a>ü</a>', '<?xml version="1.0" standalone="yes"?>\n<a/>',
          '<?xml version="1.1"?>\n<a/>', "plain ü", ""]),
    number_case("regproc", ["boolin", "0", "4294967295"]),
    number_case("regprocedure", ["lower(text)"]),
    number_case("regoper", ["0", "4294967295"]),
    number_case("regoperator", ["+(integer,integer)", "0"]),
    number_case("regclass", ["pg_class", "123456789", "-", "4294967295"]),
    number_case("regtype", ["integer", "mood", "timestamp with time zone", "4294967295"]),
    number_case("regrole", ["lakehaul", "-"]),
    number_case("regnamespace", ["public", "pg_catalog"]),
    number_case("regconfig", ["simple", "english"]),
    number_case("regdictionary", ["simple"]),
    number_case("regcollation", ['"C"', '"default"']),
    Case("int2vector", "int2vector", ["", "1 2 -3", "-32768 32767"], pa.list_(pa.int16()), "SMALLINT[]", "{}::int2[]",
         has_array=False),
    Case("oidvector", "oidvector", ["", "1 4294967295"], pa.list_(pa.int64()), "BIGINT[]", "{}::oid[]", has_array=False),
    Case("ltree", "ltree", ["", "a", "Top.Science.Größe", ".".join(["x" * 200] * 50)]),
    Case("lquery", "lquery", ["*", "Top.*{1,2}.!a@|b*%"]),
    Case("ltxtquery", "ltxtquery", ["Europe & Russia*@ & !Transportation"]),
    Case("domain_ltree", "label_path", ["a.b"]),
]  # fmt: skip

# No binary form that is understood, or no binary form at all: text, with a warning.
UNKNOWN = [
    Case("aclitem", "aclitem", ["lakehaul=r/lakehaul", "=arwd/lakehaul"]),
    Case("domain_aclitem", "grant_item", ["=r/lakehaul"]),
    Case("seg", "seg", ["1 .. 2", "~1.50", "5.0(+-)0.3", "<3"]),
    Case("cube", "cube", ["(1,2,3)", "(0.1,-0),(5e-324,1e23)", "()"]),
    Case("isbn", "isbn", ["0-393-04002-X"]),
    Case("composite_of_unknown", "labelled", ["(1,~2)", "(,)"]),
]  # fmt: skip

TYPES_SQL = """
CREATE EXTENSION ltree;
CREATE EXTENSION cube;
CREATE EXTENSION seg;
CREATE EXTENSION isn;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN host AS inet;
CREATE DOMAIN wage AS money;
CREATE DOMAIN label_path AS ltree;
CREATE DOMAIN grant_item AS aclitem;
CREATE TYPE labelled AS (id int, width seg);
"""


def make_table(database: Database, case: Case) -> None:
    """Values, NULLs among them, and arrays of them."""
    table = f"m_{case.name}"
    list_type = f"{case.sql_type}[]" if case.has_array else "int[]"
    database.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, v {case.sql_type}, list {list_type})")
    values: list[str | None] = [*case.values[:1], None, *case.values[1:]] if case.values else [None]
    with database.connection.cursor().copy(f"COPY {table} (id, v) FROM STDIN") as copy:
        for row, value in enumerate(values):
            copy.write_row((row, value))
    if case.has_array:
        database.execute(
            f"UPDATE {table} SET list = CASE id % 6 WHEN 1 THEN NULL WHEN 2 THEN ARRAY[NULL]::{list_type} "
            f"WHEN 3 THEN ARRAY[v, NULL, v]::{list_type} WHEN 4 THEN '{{}}' WHEN 5 THEN ARRAY[NULL, v]::{list_type} "
            f"ELSE (SELECT array_agg(v ORDER BY id) FROM {table} WHERE id < 20)::{list_type} END"
        )
        database.execute(f"UPDATE {table} SET list[7] = v, list[9] = v WHERE id % 12 = 11")


def texts_sql(case: Case) -> str:
    """What the server prints, arrays as arrays of the texts of their elements."""
    element = f"CASE WHEN e IS DISTINCT FROM NULL THEN format('%s', {case.shown.format('e')}) END"
    texts = f"ARRAY(SELECT {element} FROM (SELECT list[n] AS e, n FROM generate_subscripts(list, 1) AS n) AS u ORDER BY n)"
    elements = f"CASE WHEN list IS NOT NULL THEN {texts} END AS list" if case.has_array else "list"
    value = case.shown.format("v") + " AS v"
    return f"SELECT id, {value}, {elements} FROM m_{case.name} ORDER BY id"


@pytest.fixture(scope="module")
def types_database(module_database: Database) -> Database:
    module_database.execute(TYPES_SQL)
    return module_database


@pytest.fixture(scope="module")
def cases(types_database, tmp_path_factory) -> Haul:
    for case in CASES + UNKNOWN:
        make_table(types_database, case)
    tasks = {case.name: {"table": f"public.m_{case.name}"} for case in CASES + UNKNOWN}
    return haul(make_project(tmp_path_factory.mktemp("cases"), types_database, tasks), "--verify", expect=None)


@pytest.mark.asan
@pytest.mark.parametrize("case", CASES + UNKNOWN, ids=lambda case: case.name)
def test_values_and_arrays_are_what_the_server_prints(cases, types_database, case):
    files = cases.files(case.name)
    schema = assert_files_hold(files, server_texts(types_database, texts_sql(case)), key="id")
    element = case.arrow if case.has_array else pa.int32()
    assert [(field.name, field.type) for field in schema][1:] == [
        ("v", case.arrow),
        ("list", pa.list_(pa.field("element", element))),
    ]
    element = case.duckdb if case.has_array else "INTEGER"
    assert duckdb_types(files[0]) == {"id": "INTEGER", "v": case.duckdb, "list": f"{element}[]"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_none_of_them_is_warned_about(cases, case):
    assert cases.warnings(case.name) == []


@pytest.mark.parametrize("case", UNKNOWN, ids=lambda case: case.name)
def test_unknown_types_are_warned_about_by_column_and_type(cases, types_database, case):
    warnings = cases.warnings(case.name)
    assert len(warnings) == 2, warnings
    for column in ("v", "list"):
        type_name = types_database.value(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
            f"WHERE attrelid = 'm_{case.name}'::regclass AND attname = '{column}'"
        )
        assert any(f'"{column}"' in line and type_name in line and "text" in line for line in warnings), warnings


# -------- structs --------

INTERVAL = re.compile(
    r"(?:([+-]?\d+) years? ?)?(?:([+-]?\d+) mons? ?)?(?:([+-]?\d+) days? ?)?"
    r"(?:([+-]?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?",
    re.ASCII,
)
INTERVAL_TYPE = pa.struct({"months": pa.int32(), "days": pa.int32(), "microseconds": pa.int64()})
INTERVALS = [
    "0", "1 year 2 mons -3 days 04:05:06.000007", "-1 day", "-00:00:00.000001", "178000000 years", "-178000000 years",
    "1 mon", "-11 mons", "25:00", "-1 year +1 mon", "2147483647 days", "-2147483648 days", "30 days 24:00", "1 year 1 sec",
    "2562047788:00:54.775807", "-2562047788:00:54.775807", "178956970 years 7 mons", "0.1 secs", "-0.5 days", "1.5 weeks",
]  # fmt: skip


def interval_of(text: str) -> dict[str, int]:
    match = INTERVAL.fullmatch(text)
    assert match, f"{text!r} is no interval that this module knows"
    years, months, days, hours, minutes, seconds = (int(match[i] or 0) for i in (1, 2, 3, 5, 6, 7))
    micros = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + int((match[8] or "").ljust(6, "0"))
    return {"months": 12 * years + months, "days": days, "microseconds": -micros if match[4] == "-" else micros}


def point_of(text: str) -> dict[str, str]:
    x, y = text.strip("()").split(",")
    return {"x": repr(float(x)), "y": repr(float(y))}


def comparable(value: Any) -> Any:
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return {key: comparable(member) for key, member in value.items()}
    return [comparable(element) for element in value] if isinstance(value, list) else value


STRUCTS = [
    (Case("interval", "interval", INTERVALS, INTERVAL_TYPE,
          "STRUCT(months INTEGER, days INTEGER, microseconds BIGINT)"), interval_of),
    (Case("interval_fields", "interval day to second(3)", ["1 day 02:03:04.5678"], INTERVAL_TYPE,
          "STRUCT(months INTEGER, days INTEGER, microseconds BIGINT)"), interval_of),
    (Case("point", "point", POINTS, pa.struct({"x": pa.float64(), "y": pa.float64()}), "STRUCT(x DOUBLE, y DOUBLE)"), point_of),
]  # fmt: skip


@pytest.mark.asan
@pytest.mark.parametrize(("case", "parse"), STRUCTS, ids=lambda value: getattr(value, "name", ""))
def test_structs_hold_the_parts_of_what_the_server_prints(types_database, tmp_path, case, parse):
    make_table(types_database, case)
    run = haul(make_project(tmp_path, types_database, {case.name: {"table": f"m_{case.name}"}}), "--verify")
    files = run.files(case.name)
    assert run.warnings(case.name) == []
    sql = f"SELECT id, v::text, CASE WHEN list IS NOT NULL THEN ARRAY(SELECT e::text FROM unnest(list) e) END FROM m_{case.name}"
    rows = types_database.rows(sql + " ORDER BY id")
    parsed = [[None if text is None else parse(text) for _, text, _ in rows]]
    parsed.append([None if texts is None else [t if t is None else parse(t) for t in texts] for _, _, texts in rows])
    for reader, table in [("pyarrow", pq.read_table(files[0])), ("DuckDB", read_with_duckdb(files))]:
        table = table.sort_by("id")
        for name, expected in zip(("v", "list"), parsed):
            assert_same_values(f"{name} by {reader}", comparable(table.column(name).to_pylist()), expected)
    schema = pq.read_schema(files[0])
    assert schema.field("v").type == case.arrow and schema.field("list").type.value_type == case.arrow
    types = {name: type_.replace('"', "") for name, type_ in duckdb_types(files[0]).items()}
    assert types == {"id": "INTEGER", "v": case.duckdb, "list": f"{case.duckdb}[]"}


def test_an_infinite_interval_is_an_error_that_names_the_column(types_database, tmp_path):
    if types_database.connection.info.server_version < 170000:
        pytest.skip("PostgreSQL has infinite intervals from version 17 on")
    types_database.execute("CREATE TABLE endless AS SELECT interval '-infinity' AS span")
    run = haul(make_project(tmp_path, types_database, {"endless": {"table": "endless"}}), expect=1)
    message = run.tasks["endless"]["error"]["message"]
    assert "span" in message and "-infinity" in message


def test_money_has_the_fraction_digits_of_the_database(types_database, tmp_path):
    """Whichever locale the server has that counts in other units than hundredths."""
    for name in ("ja_JP.UTF-8", "ja_JP.utf8", "ko_KR.UTF-8", "ar_BH.UTF-8"):
        try:
            types_database.execute(f"SET lc_monetary = '{name}'")
            break
        except psycopg.errors.InvalidParameterValue:
            continue
    else:
        pytest.skip("no locale with other fraction digits is installed")
    digits = types_database.value("SELECT scale(0::money::numeric)")
    database_name = types_database.value("SELECT current_database()")
    types_database.execute("RESET lc_monetary")
    types_database.execute(f"ALTER DATABASE {database_name} SET lc_monetary = '{name}'")
    try:
        tasks = {"money": {"query": "SELECT '12'::money AS amount, '{1,NULL}'::money[] AS amounts"}}
        files = haul(make_project(tmp_path, types_database, tasks)).files("money")
    finally:
        types_database.execute(f"ALTER DATABASE {database_name} RESET lc_monetary")
    table = pq.read_table(files[0])
    assert table.schema.field("amount").type == pa.decimal128(19, digits)
    assert table.column("amount").to_pylist() == [12] and table.column("amounts").to_pylist() == [[1, None]]


def test_a_role_with_other_settings_gives_the_same_lake(types_database, cases, tmp_path):
    types_database.execute("""
        CREATE ROLE elsewhere LOGIN PASSWORD 'far';
        ALTER ROLE elsewhere SET TimeZone = 'America/St_Johns';
        ALTER ROLE elsewhere SET DateStyle = 'German';
        ALTER ROLE elsewhere SET IntervalStyle = 'iso_8601';
        ALTER ROLE elsewhere SET extra_float_digits = -15;
        ALTER ROLE elsewhere SET client_encoding = 'LATIN1';
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO elsewhere;
        """)
    uri = re.sub("//[^@]*@", "//elsewhere:far@", types_database.uri)
    tested = [case for case in CASES if case.name in ("timetz", "money", "box", "xml", "tsvector", "tsquery", "ltree")]
    tasks = {case.name: {"table": f"m_{case.name}"} for case in tested}
    tasks["span"] = {"query": "SELECT interval '-1 month 2 days 0.5 seconds' AS v"}
    run = haul(make_project(tmp_path, types_database, tasks, source=uri))
    types_database.execute("DROP OWNED BY elsewhere; DROP ROLE elsewhere")
    for case in tested:
        assert_files_hold(run.files(case.name), server_texts(types_database, texts_sql(case)), key="id")
    span = {"months": -1, "days": 2, "microseconds": 500_000}
    assert pq.read_table(run.files("span")[0]).to_pylist() == [{"v": span}]


# -------- never a failure of the whole task --------


def test_one_unknown_type_leaves_the_other_columns_as_they_are(types_database, tmp_path):
    sql = "SELECT 1 AS id, '=r/lakehaul'::aclitem AS acl, ARRAY['1 .. 2'::seg, NULL] AS segs, 1.5::numeric(3,1) AS n"
    run = haul(make_project(tmp_path, types_database, {"mixed": {"query": sql}}))
    assert pq.read_table(run.files("mixed")[0]).to_pylist() == [
        {"id": 1, "acl": "=r/lakehaul", "segs": ["1 .. 2", None], "n": pa.scalar("1.5").cast(pa.decimal128(3, 1)).as_py()}
    ]
    assert len(run.warnings("mixed")) == 2


def test_the_system_catalogs_are_hauled_whole(types_database, tmp_path):
    """Every type that PostgreSQL itself uses, whatever there is in this version."""
    catalogs = [name for (name,) in types_database.rows(
        "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'pg_catalog'::regnamespace "
        "AND has_table_privilege(c.oid, 'SELECT') ORDER BY 1")]  # fmt: skip
    tasks = {name: {"table": f"pg_catalog.{name}"} for name in catalogs}
    run = haul(make_project(tmp_path, types_database, tasks))
    for name in catalogs:
        counted = sum(pq.read_metadata(path).num_rows for path in run.files(name))
        assert counted == run.tasks[name]["rows"]
