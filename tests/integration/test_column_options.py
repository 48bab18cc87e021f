"""What the project says of columns: values that the lake cannot hold, numerics without precision, renaming, casts,
masks, conditions and names; through the real program, read by pyarrow and DuckDB."""

from __future__ import annotations

import datetime
import hashlib
import json
import math
import uuid
from decimal import Decimal

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hauls import Haul, haul, make_project
from oracle import held_values, read_with_duckdb, read_with_pyarrow
from support import Cluster, Database, lake_pointer

UTC_MICROS = pa.timestamp("us", tz="UTC")
FIRST_DAY, LAST_DAY = -2440588, 2145042905  # 4714-11-24 BC and 5874897-12-31, as days since 1970-01-01
FIRST_MICROS, LAST_MICROS = FIRST_DAY * 86_400_000_000, 2**63 - 2


def run_one(directory, database: Database, task: dict, **keys: object) -> Haul:
    return haul(make_project(directory, database, {"t": task}, **keys))


def failure(directory, database: Database, task: dict, **keys: object) -> dict:
    """The error of the one task."""
    run = haul(make_project(directory, database, {"t": task}, **keys), expect=None)
    assert run.tasks["t"]["status"] == "failed", run.stderr
    return run.tasks["t"]["error"]


def read(run: Haul) -> pa.Table:
    """As pyarrow has it, after DuckDB was seen to read the same."""
    table = read_with_pyarrow(run.files("t"))
    other = read_with_duckdb(run.files("t"))
    for name in table.column_names:
        one, two = held_values(table.column(name)), held_values(other.column(name))
        assert one == two, name
    return table


def integers(column: pa.ChunkedArray, type_: pa.DataType) -> list[int | None]:
    """Dates and timestamps as their numbers: Python's own end at the year 9999."""
    return column.cast(pa.int32() if type_ == pa.date32() else pa.int64()).to_pylist()


# -------- values that the lake cannot hold --------

UNREPRESENTABLE = """
CREATE TABLE odd (
  id int PRIMARY KEY, price numeric(6,2) NOT NULL, big numeric(38,0), d date NOT NULL, ts timestamp NOT NULL, tz timestamptz,
  prices numeric(4,1)[] NOT NULL, days date[], grid int[] NOT NULL
);
INSERT INTO odd VALUES
  (1, 1.50, 7, '2024-02-29', '2024-02-29 12:00', '2024-02-29 12:00+00', '{1.5,NULL}', '{2024-02-29}', '{1,2}'),
  (2, 'NaN', 'NaN', 'infinity', 'infinity', 'infinity', '{NaN,2}', '{infinity,2024-01-01,-infinity}', '{{1,2},{3,4}}'),
  (3, -2, -7, '-infinity', '-infinity', '-infinity', '{}', NULL, '{}'),
  (4, 0, NULL, '5874897-12-31', '294276-12-31 23:59:59.999999', NULL, '{0}', '{}', '{NULL}'),
  (5, 0, NULL, '4714-11-24 BC', '4714-11-24 00:00 BC', NULL, '{0}', '{}', '{7}');
"""


@pytest.fixture
def odd(database: Database) -> Database:
    database.execute(UNREPRESENTABLE)
    return database


def test_null_takes_the_place_of_what_the_lake_cannot_hold(odd, tmp_path):
    run = run_one(tmp_path / "p", odd, {"table": "odd"}, on_unrepresentable="null")
    table = read(run)
    assert table.column("price").to_pylist() == [Decimal("1.50"), None, Decimal(-2), Decimal(0), Decimal(0)]
    assert table.column("big").to_pylist() == [7, None, -7, None, None]
    assert integers(table.column("d"), pa.date32()) == [19782, None, None, LAST_DAY, FIRST_DAY]
    assert integers(table.column("ts"), pa.int64())[1:] == [None, None, None, FIRST_MICROS]
    assert integers(table.column("tz"), pa.int64())[1:] == [None, None, None, None]
    assert table.column("prices").to_pylist() == [
        [Decimal("1.5"), None],
        [None, Decimal(2)],
        [],
        [Decimal(0)],
        [Decimal(0)],
    ]
    assert table.column("days").to_pylist()[1] == [None, datetime.date(2024, 1, 1), None]
    assert table.column("grid").to_pylist() == [[1, 2], None, [], [None], [7]]
    warnings = "\n".join(run.warnings("t"))
    for column, count in {"price": 1, "big": 1, "d": 2, "ts": 3, "tz": 2, "prices": 1, "days": 2, "grid": 1}.items():
        values = f"{count} value{'' if count == 1 else 's'}"
        assert f'column "{column}" of public.odd: {values} that the lake cannot hold became null' in warnings
    assert 'column "id"' not in warnings


def test_columns_that_may_become_null_are_nullable_in_the_lake_and_no_others(odd, tmp_path):
    run = run_one(tmp_path / "p", odd, {"table": "odd", "on_unrepresentable": "null"})
    schema = pq.read_schema(run.files("t")[0])
    assert {name: schema.field(name).nullable for name in ("id", "price", "d", "ts", "prices", "grid")} == {
        "id": False, "price": True, "d": True, "ts": True, "prices": True, "grid": True,
    }  # fmt: skip
    clamped = run_one(tmp_path / "q", odd, {"table": "odd", "on_unrepresentable": "clamp"})
    schema = pq.read_schema(clamped.files("t")[0])
    assert (schema.field("d").nullable, schema.field("ts").nullable, schema.field("price").nullable) == (
        False,
        False,
        True,
    )


def test_clamp_takes_the_nearest_value(odd, tmp_path):
    run = run_one(tmp_path / "p", odd, {"table": "odd", "on_unrepresentable": "clamp"})
    table = read(run)
    assert table.column("price").to_pylist() == [Decimal("1.50"), None, Decimal(-2), Decimal(0), Decimal(0)]
    assert integers(table.column("d"), pa.date32()) == [19782, LAST_DAY, FIRST_DAY, LAST_DAY, FIRST_DAY]
    assert integers(table.column("ts"), pa.int64())[1:] == [LAST_MICROS, FIRST_MICROS, LAST_MICROS, FIRST_MICROS]
    assert integers(table.column("tz"), pa.int64())[1:3] == [LAST_MICROS, FIRST_MICROS]
    assert table.column("grid").to_pylist()[1] is None
    warnings = "\n".join(run.warnings("t"))
    assert 'column "d" of public.odd: 2 values that the lake cannot hold became the nearest that it can' in warnings
    assert 'column "price" of public.odd: 1 value that the lake cannot hold became null' in warnings
    replaced = {column["column"]: (column["became_null"], column["clamped"]) for column in run.tasks["t"]["replaced"]}
    assert replaced == {"price": (1, 0), "big": (1, 0), "d": (0, 2), "ts": (0, 3), "tz": (0, 2), "prices": (1, 0),
                        "days": (0, 2), "grid": (1, 0)}  # fmt: skip
    columns = {column["name"]: column for column in lake_pointer(run.project.lake, "t")["columns"]}
    assert (columns["d"]["clamped"], columns["price"]["became_null"]) == (2, 1)
    assert "clamped" not in columns["price"] and "became_null" not in columns["id"]


def test_infinite_numerics_are_clamped_to_the_largest_decimal(database, tmp_path):
    database.execute("CREATE TABLE n (id int, a numeric, b numeric, c numeric)")
    database.execute(
        "INSERT INTO n VALUES (1, 'Infinity', '-Infinity', 'Infinity'), (2, 'NaN', 1.5, 2), (3, '-Infinity', 2, 3)"
    )
    columns = {
        name: {"numeric": type_}
        for name, type_ in [("a", "decimal(5,2)"), ("b", "decimal(18,4)"), ("c", "decimal(38,0)")]
    }
    run = run_one(tmp_path / "p", database, {"table": "n", "columns": columns, "on_unrepresentable": "clamp"})
    table = read(run)
    assert table.column("a").to_pylist() == [Decimal("999.99"), None, Decimal("-999.99")]
    assert table.column("b").to_pylist() == [Decimal("-" + "9" * 14 + ".9999"), Decimal("1.5"), Decimal(2)]
    assert table.column("c").to_pylist() == [Decimal("9" * 38), Decimal(2), Decimal(3)]
    assert (
        'column "a" of public.n: 3 values that the lake cannot hold became null (1) or the nearest that it can (2)'
        in "\n".join(run.warnings("t"))
    )


def test_values_inside_ranges_and_composites_are_replaced_singly(database, tmp_path):
    database.execute("CREATE TYPE pair AS (n numeric(4,1), free numeric, d date)")
    database.execute("CREATE TABLE t (r daterange NOT NULL, c pair NOT NULL, many pair[] NOT NULL)")
    database.execute(
        "INSERT INTO t VALUES ('[2024-01-01,infinity]', ROW('NaN', 1.5, 'infinity'),"
        " ARRAY[ROW(1, 2, '2024-01-01')::pair, ROW('NaN', 3, NULL)::pair])"
    )
    run = run_one(tmp_path / "p", database, {"table": "t", "on_unrepresentable": "null", "numeric": "decimal(6,2)"})
    [row] = read_with_pyarrow(run.files("t")).to_pylist()
    day = datetime.date(2024, 1, 1)
    assert (row["r"]["lower"], row["r"]["upper"]) == (day, None)
    assert row["c"] == {"n": None, "free": Decimal("1.50"), "d": None}
    assert row["many"] == [{"n": Decimal(1), "free": Decimal(2), "d": day}, {"n": None, "free": Decimal(3), "d": None}]
    assert {c["column"]: c["became_null"] for c in run.tasks["t"]["replaced"]} == {"r": 1, "c": 2, "many": 1}


def test_a_columns_policy_goes_before_its_tasks_and_that_before_the_projects(odd, tmp_path):
    task = {"table": "odd", "on_unrepresentable": "null", "columns": {"d": {"on_unrepresentable": "clamp"}}}
    table = read(run_one(tmp_path / "p", odd, task, on_unrepresentable="error"))
    assert integers(table.column("d"), pa.date32())[1] == LAST_DAY
    assert table.column("price").to_pylist()[1] is None
    error = failure(tmp_path / "q", odd, {**task, "columns": {"d": {"on_unrepresentable": "error"}}})
    assert error["message"].startswith('public.odd, column "d", row 2: the date infinity')
    assert "on_unrepresentable" in error["hint"]


def test_invalid_utf8_becomes_null_or_replacement_characters(cluster: Cluster, database, tmp_path):
    with psycopg.connect(cluster.uri, autocommit=True) as server:
        server.execute("CREATE DATABASE ascii_options ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
        try:
            uri = cluster.database_uri("ascii_options")
            with psycopg.connect(uri, autocommit=True) as connection:
                connection.execute("CREATE TABLE raw (id int, text text NOT NULL, list text[])")
                connection.execute(
                    "INSERT INTO raw VALUES (1, 'ok', '{a}'), (2, 'caf' || chr(233) || '!', ARRAY['b', chr(195) || chr(40), 'c']),"
                    " (3, chr(226) || chr(130) || chr(172) || chr(240) || chr(159), NULL)"
                )
                ascii_database = Database(uri, connection, cluster.bindir)
                nulls = read(run_one(tmp_path / "p", ascii_database, {"table": "raw", "on_unrepresentable": "null"}))
                assert nulls.column("text").to_pylist() == ["ok", None, None]
                assert nulls.column("list").to_pylist() == [["a"], ["b", None, "c"], None]
                run = run_one(tmp_path / "q", ascii_database, {"table": "raw", "on_unrepresentable": "clamp"})
                assert read(run).column("text").to_pylist() == ["ok", "caf\ufffd!", "€\ufffd\ufffd"]
                assert read(run).column("list").to_pylist()[1] == ["b", "\ufffd(", "c"]
                assert pq.read_schema(run.files("t")[0]).field("text").nullable is False
        finally:
            server.execute("DROP DATABASE ascii_options WITH (FORCE)")


def test_arrays_of_several_dimensions_as_json_or_flattened(odd, tmp_path):
    task = {"table": "odd", "columns": {"include": ["id", "grid"], "grid": {"multidimensional": "json"}}}
    assert held_values(read(run_one(tmp_path / "p", odd, task)).column("grid")) == [
        "[1,2]", "[[1,2],[3,4]]", "[]", "[null]", "[7]",
    ]  # fmt: skip
    task = {"table": "odd", "columns": {"include": ["grid"]}, "multidimensional": "flatten"}
    run = run_one(tmp_path / "q", odd, task)
    held = read_with_pyarrow(run.files("t")).column("grid").to_pylist()
    assert [1, 2, 3, 4] in held[1].values() and [2, 2] in held[1].values()
    assert not run.warnings("t")


# -------- numerics without precision --------

NUMERICS = ["0", "1.10", "-1.1", "0.30000000000000004", "123456789.987654321", "1e20", "-1e-20", None]


@pytest.fixture
def numerics(database: Database) -> Database:
    database.execute("CREATE TABLE n (id int, x numeric, list numeric[])")
    for number, value in enumerate(NUMERICS):
        database.execute("INSERT INTO n VALUES (%s, %s::numeric, ARRAY[%s]::numeric[])", (number, value, value))
    return database


def test_numerics_become_doubles_that_are_the_nearest(numerics, tmp_path):
    numerics.execute(
        "INSERT INTO n VALUES (98, 'NaN', '{}'), (99, '1e308', '{}'), (100, '4.9e-324', '{}'), (101, '1e-400', '{}')"
    )
    numerics.execute(
        f"INSERT INTO n VALUES (102, 9007199254740993.{'0' * 900}1, '{{}}'), (103, 9007199254740993, '{{}}')"
    )
    table = read(run_one(tmp_path / "p", numerics, {"table": "n", "numeric": "double"}))
    assert table.schema.field("x").type == pa.float64()
    values = dict(zip(table.column("id").to_pylist(), table.column("x").to_pylist(), strict=True))
    for number, value in enumerate(NUMERICS):
        assert values[number] == (None if value is None else float(value)), value
    assert math.isnan(values[98])
    assert (values[99], values[100], values[101]) == (1e308, 5e-324, 0.0)
    assert (values[102], values[103]) == (9007199254740994.0, 9007199254740992.0), "rounded by all digits, to even"
    assert table.column("list").to_pylist()[1] == [1.1]


def test_a_numeric_past_every_double_is_an_error_or_follows_the_policy(database, tmp_path):
    database.execute("CREATE TABLE n AS SELECT 1 AS id, 1e400::numeric AS x UNION ALL SELECT 2, -1e400")
    error = failure(tmp_path / "p", database, {"table": "n", "columns": {"x": {"numeric": "double"}}})
    assert error["message"] == 'public.n, column "x", row 1: the numeric is larger than any double'
    options = {"numeric": "double", "on_unrepresentable": "clamp"}
    table = read(run_one(tmp_path / "q", database, {"table": "n", "columns": {"x": options}}))
    assert table.column("x").to_pylist() == [1.7976931348623157e308, -1.7976931348623157e308]


def test_a_declared_decimal_is_exact_or_an_error_naming_column_row_and_value(database, tmp_path):
    database.execute(
        "CREATE TABLE n AS SELECT i AS id, i * 1.25 AS x, ARRAY[i * 0.5] AS list FROM generate_series(1, 4) AS i"
    )
    declared = {"table": "n", "columns": {"x": {"numeric": "decimal(8,2)"}, "list": {"numeric": "decimal(9,4)"}}}
    table = read(run_one(tmp_path / "p", database, declared))
    assert table.schema.field("x").type == pa.decimal128(8, 2)
    assert table.schema.field("list").type.value_type == pa.decimal128(9, 4)
    assert table.column("x").to_pylist() == [Decimal("1.25"), Decimal("2.50"), Decimal("3.75"), Decimal("5.00")]
    for value in ("0.001", "1000000"):
        database.execute("UPDATE n SET x = %s WHERE id = 4", (Decimal(value),))
        for policy in ("error", "null", "clamp"):
            error = failure(tmp_path / "q", database, {**declared, "on_unrepresentable": policy})
            assert error["message"].startswith('public.n, column "x", row ')
            assert f"the numeric {value} cannot be held by decimal(8,2)" in error["message"]
            assert error["column"] == "x"


def test_probing_finds_the_decimal_that_holds_everything(database, tmp_path):
    database.execute("CREATE DOMAIN amount AS numeric CHECK (VALUE IS NULL OR VALUE > -1e30)")
    database.execute(
        'CREATE TABLE n (id int, "A" numeric, b amount, small numeric, whole numeric, none numeric, huge numeric,'
        " fixed numeric(9,3))"
    )
    database.execute(
        "INSERT INTO n VALUES (1, 123.4, -1.125, 0.0005, 10000000, NULL, 1e30, 1), (2, -99999, 12, NULL, -1, NULL, 1e-20, 2),"
        " (3, 'NaN', 0, 0.25, 0, NULL, 0, 3)"
    )
    run = run_one(
        tmp_path / "p", database, {"table": "n", "numeric": "probe", "on_unrepresentable": "null", "names": "keep"}
    )
    table = read(run)
    types = {field.name: field.type for field in table.schema}
    assert types == {
        "id": pa.int32(), "A": pa.decimal128(6, 1), "b": pa.decimal128(5, 3), "small": pa.decimal128(4, 4),
        "whole": pa.decimal128(8, 0), "none": pa.decimal128(1, 0), "huge": pa.string(), "fixed": pa.decimal128(9, 3),
    }  # fmt: skip
    assert table.column("A").to_pylist() == [Decimal("123.4"), Decimal(-99999), None]
    assert table.column("b").to_pylist() == [Decimal("-1.125"), Decimal(12), Decimal(0)]
    assert table.column("huge").to_pylist() == ["1" + "0" * 30, "0.00000000000000000001", "0"]
    assert 'column "huge" of public.n needs 51 digits, 20 of them behind the point' in "\n".join(run.warnings("t"))


def test_numeric_on_a_column_that_has_a_precision_is_an_error(database, tmp_path):
    database.execute("CREATE TABLE n (x numeric(9,2), i int, list numeric[])")
    error = failure(tmp_path / "q", database, {"table": "n", "columns": {"list": {"numeric": "probe"}}})
    words = "numeric: probe is for numeric without precision"
    assert error["message"] == f'public.n: column "list" is numeric[], and {words}'
    for column, type_ in [("x", "numeric(9,2)"), ("i", "integer")]:
        error = failure(tmp_path / "p", database, {"table": "n", "columns": {column: {"numeric": "double"}}})
        assert (
            error["message"] == f'public.n: column "{column}" is {type_}, and numeric is for numeric without precision'
        )


# -------- types --------

CAST_SOURCES = """
CREATE TABLE c (
  id int, i2 int2, i8 int8, f4 float4, f8 float8, n numeric, t text, b bool, d date, ts timestamp, tz timestamptz, tm time,
  u uuid, j jsonb, arr int[], m text
);
INSERT INTO c VALUES
  (1, 2, 9007199254740993, 0.1, 0.30000000000000004, 12.50, '42', true, '2024-02-29', '2024-02-29 23:59:59.999999',
   '2024-02-29 23:30+00', '12:34:56.789', '00112233-4455-6677-8899-aabbccddeeff', '{"a": 1.50}', '{1,NULL}', '1.25'),
  (2, -1, -1, -1, 0, -3, '-7', false, '0044-03-15 BC', '1969-12-31', '1969-12-31', '24:00', NULL, '[]', '{}', '-0.75'),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
"""


def cast(directory, database: Database, **types: str) -> pa.Table:
    columns = {name.rstrip("_"): {"type": type_} for name, type_ in types.items()}
    return read(run_one(directory, database, {"table": "c", "columns": {**columns, "include": [*columns]}}))


def test_columns_take_the_types_that_the_project_gives_them(database, tmp_path):
    database.execute(CAST_SOURCES)
    table = cast(
        tmp_path / "a", database, id="decimal(12,2)", i2="bigint", i8="text", f4="double", f8="decimal(20,17)", n="decimal(6,3)",
        t="int", b="int", d="timestamp", ts="date", tz="timestamp", tm="text", u="text", j="text", arr="json", m="decimal(5,2)",
    )  # fmt: skip
    assert {field.name: field.type for field in table.schema} == {
        "id": pa.decimal128(12, 2), "i2": pa.int64(), "i8": pa.string(), "f4": pa.float64(), "f8": pa.decimal128(20, 17),
        "n": pa.decimal128(6, 3), "t": pa.int32(), "b": pa.int32(), "d": pa.timestamp("us"), "ts": pa.date32(),
        "tz": pa.timestamp("us"), "tm": pa.string(), "u": pa.string(), "j": pa.string(), "arr": table.schema.field("arr").type,
        "m": pa.decimal128(5, 2),
    }  # fmt: skip
    first = {name: table.column(name)[0].as_py() for name in table.column_names if name not in ("arr",)}
    assert first == {
        "id": Decimal("1.00"), "i2": 2, "i8": "9007199254740993", "f4": 0.10000000149011612, "f8": Decimal("0.30000000000000004"),
        "n": Decimal("12.500"), "t": 42, "b": 1, "d": datetime.datetime(2024, 2, 29), "ts": datetime.date(2024, 2, 29),
        "tz": datetime.datetime(2024, 2, 29, 23, 30), "tm": "12:34:56.789", "u": "00112233-4455-6677-8899-aabbccddeeff",
        "j": '{"a": 1.50}', "m": Decimal("1.25"),
    }  # fmt: skip
    assert held_values(table.column("arr"))[:2] == ["[1,null]", "[]"]
    assert [table.column(name)[2].as_py() for name in table.column_names if name != "id"] == [None] * 15


def test_more_types_and_the_native_forms_of_uuid_and_time(database, tmp_path):
    database.execute(CAST_SOURCES)
    types = {"id": "boolean", "i2": "float", "i8": "double", "f8": "text", "n": "text", "t": "decimal(3,0)", "b": "smallint",
             "d": "timestamptz", "tz": "time", "tm": "time", "u": "uuid", "j": "json", "m": "float"}  # fmt: skip
    task = {"table": "c", "columns": {"include": [*types], **{name: {"type": type_} for name, type_ in types.items()}}}
    files = run_one(tmp_path / "a", database, task).files("t")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        relation = connection.from_parquet([str(files[0])])
        assert dict(zip(relation.columns, map(str, relation.types), strict=True)) == {
            "id": "BOOLEAN", "i2": "FLOAT", "i8": "DOUBLE", "f8": "VARCHAR", "n": "VARCHAR", "t": "DECIMAL(3,0)", "b": "SMALLINT",
            "d": "TIMESTAMP WITH TIME ZONE", "tz": "TIME", "tm": "TIME", "u": "UUID", "j": "JSON", "m": "FLOAT",
        }  # fmt: skip
        rows = relation.fetchall()
    assert [row[-3] for row in rows] == [uuid.UUID("00112233-4455-6677-8899-aabbccddeeff"), None, None]
    assert rows[0][:7] == (True, 2.0, 9007199254740992.0, "0.30000000000000004", "12.50", Decimal(42), 1)
    assert (rows[0][8], rows[0][9]) == (datetime.time(23, 30), datetime.time(12, 34, 56, 789000))
    assert pq.ParquetFile(files[0]).schema.column(10).logical_type.type == "UUID"


@pytest.mark.parametrize(
    ("type_", "value", "message"),
    [
        ("bigint", "1.5", 'public.c, column "x", row 1: 1.5 is no whole number of 64 bits'),
        ("bigint", "9223372036854775808", 'public.c, column "x", row 1: 9223372036854775808 is no whole number of 64 bits'),
        ("int", "-2147483649", 'public.c, column "x", row 1: -2147483649 is no whole number of 32 bits'),
        ("smallint", "32768", 'public.c, column "x", row 1: 32768 is no whole number of 16 bits'),
        ("smallint", "NaN", 'public.c, column "x", row 1: NaN is no whole number of 16 bits'),
        ("decimal(5,2)", "1.005", 'public.c, column "x", row 1: the numeric 1.005 cannot be held by decimal(5,2)'),
        ("decimal(5,2)", "1000", 'public.c, column "x", row 1: the numeric 1000 cannot be held by decimal(5,2)'),
    ],
)  # fmt: skip
def test_no_cast_rounds(database, tmp_path, type_, value, message):
    database.execute(f"CREATE TABLE c AS SELECT '{value}'::numeric AS x, '{value}'::numeric::text AS t")
    for column in ("x", "t"):
        error = failure(tmp_path / column, database, {"table": "c", "columns": {column: {"type": type_}}})
        assert error["message"].startswith(message.replace('"x"', f'"{column}"'))


def test_the_last_integers_are_held(database, tmp_path):
    database.execute(
        "CREATE TABLE c AS SELECT v AS a, v AS b, v AS c FROM unnest(ARRAY[32767, -32768, 0, 1000, 2.00]::numeric[]) AS v"
    )
    database.execute(
        "INSERT INTO c (b, c) VALUES (2147483647, 9223372036854775807), (-2147483648, -9223372036854775808)"
    )
    task = {"table": "c", "columns": {"a": {"type": "smallint"}, "b": {"type": "int"}, "c": {"type": "bigint"}}}
    table = read(run_one(tmp_path / "p", database, task))
    assert table.column("a").to_pylist() == [32767, -32768, 0, 1000, 2, None, None]
    assert table.column("b").to_pylist()[-2:] == [2**31 - 1, -(2**31)]
    assert table.column("c").to_pylist()[-2:] == [2**63 - 1, -(2**63)]


def test_casts_that_there_are_none_for_and_values_that_are_none_of_the_type(database, tmp_path):
    database.execute(CAST_SOURCES)
    error = failure(tmp_path / "a", database, {"table": "c", "columns": {"d": {"type": "bigint"}}})
    assert error["message"] == 'public.c: column "d" is date, for which there is no type: bigint'
    error = failure(tmp_path / "b", database, {"table": "c", "columns": {"arr": {"type": "int"}}})
    assert error["message"] == 'public.c: column "arr" is integer[], for which there is no type: int'
    error = failure(tmp_path / "c", database, {"table": "c", "columns": {"m": {"type": "date"}}})
    assert 'invalid input syntax for type date: "1.25"' in error["message"]


# -------- masks --------


def test_masks_hide_values_and_keep_nulls(database, tmp_path):
    database.execute("CREATE TYPE pair AS (a int, b text)")
    database.execute(
        "CREATE TABLE people (id int, email text NOT NULL, iban text, born date, pay numeric(9,2) NOT NULL, p pair,"
        " list text[])"
    )
    database.execute(
        "INSERT INTO people VALUES (1, 'grüße@example.org', 'DE1', '1970-01-02', 1.50, ROW(NULL, NULL), '{a}'),"
        " (2, '', NULL, NULL, -2, NULL, NULL)"
    )
    columns = {"email": {"mask": "sha256"}, "iban": {"mask": "redact"}, "born": {"mask": "null"}, "pay": {"mask": "sha256"},
               "p": {"mask": "redact"}, "list": {"mask": "sha256", "rename": "hashes"}}  # fmt: skip
    run = run_one(tmp_path / "p", database, {"table": "people", "columns": columns})
    table = read(run)
    hash_of = lambda text: hashlib.sha256(text.encode()).hexdigest()  # noqa: E731
    assert table.column("email").to_pylist() == [hash_of("grüße@example.org"), hash_of("")]
    assert table.column("pay").to_pylist() == [hash_of("1.50"), hash_of("-2.00")]
    assert table.column("hashes").to_pylist() == [hash_of("{a}"), None]
    assert table.column("iban").to_pylist() == ["***", None]
    assert table.column("p").to_pylist() == ["***", None], "a row of NULLs is not NULL"
    assert table.column("born").to_pylist() == [None, None]
    assert table.schema.field("born").type == pa.date32()
    written = b"".join(path.read_bytes() for path in run.files("t"))
    assert b"example" not in written
    schema = pq.read_schema(run.files("t")[0])
    assert (schema.field("email").nullable, schema.field("pay").nullable) == (False, False)


def test_masking_follows_a_query_too(database, tmp_path):
    task = {"query": "SELECT 'secret' AS s, 1 AS n", "columns": {"s": {"mask": "redact"}, "n": {"mask": "null"}}}
    assert read(run_one(tmp_path / "p", database, task)).to_pylist() == [{"s": "***", "n": None}]


# -------- conditions --------


def test_where_takes_the_rows_that_meet_it(database, tmp_path):
    database.execute("CREATE TABLE w AS SELECT i AS id, chr(96 + i) AS name FROM generate_series(1, 9) AS i")
    for where, ids in {
        "id > 7": [8, 9],
        "id = 1 OR id = 2 -- and nothing else": [1, 2],
        "name IN ('a', 'b)', ')') /* ( */": [1],
        "w.id = (SELECT max(id) FROM w)": [9],
        "name = $x$c$x$ AND ((id) > 0)": [3],
    }.items():
        table = read(run_one(tmp_path / "p", database, {"table": "w", "where": where}))
        assert sorted(table.column("id").to_pylist()) == ids, where


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("id = 1) OR (true", "where of public.w: the condition closes a parenthesis that it does not open"),
        ("id = 1; DROP TABLE w", "where of public.w: the condition holds a semicolon"),
        ("id = 1 /* all", "where of public.w: the condition has a parenthesis, quote or comment that does not end"),
        ("name = 'a", "where of public.w: the condition has a parenthesis, quote or comment that does not end"),
        ("(id = 1", "where of public.w: the condition has a parenthesis, quote or comment that does not end"),
        ("-- nothing", "where of public.w: the condition is empty"),
        ("identity = 1", 'where of public.w: column "identity" does not exist'),
        ("id", "where of public.w: argument of WHERE must be type boolean, not type integer"),
        ("id = 1 ORDER BY id", "where of public.w: syntax error at or near"),
    ],
)
def test_a_condition_that_is_none_is_refused(database, tmp_path, where, message):
    database.execute("CREATE TABLE w AS SELECT i AS id, chr(96 + i) AS name FROM generate_series(1, 9) AS i")
    assert failure(tmp_path / "p", database, {"table": "w", "where": where})["message"].startswith(message)
    assert database.value("SELECT count(*) FROM w") == 9


# -------- names --------

ODD_NAMES = ["id", "Id", "ID", "Order Id", "order_id", "größe", "2nd", "select", "a.b", 'say "hi"', "日本", "x" * 63]
LOWER_NAMES = [
    "id",
    "id_2",
    "id_3",
    "order_id_2",
    "order_id",
    "gr__e",
    "_2nd",
    "select",
    "a_b",
    "say__hi_",
    "__",
    "x" * 63,
]


@pytest.fixture
def odd_names(database: Database) -> Database:
    quoted = ['"' + name.replace('"', '""') + '"' for name in ODD_NAMES]
    database.execute(f"CREATE TABLE names ({', '.join(name + ' int' for name in quoted)})")
    database.execute(f"INSERT INTO names VALUES ({', '.join(map(str, range(len(quoted))))})")
    return database


def test_names_are_those_that_athena_takes(odd_names, tmp_path):
    run = run_one(tmp_path / "p", odd_names, {"table": "names"})
    table = read(run)
    assert table.column_names == LOWER_NAMES
    assert table.to_pylist() == [{name: number for number, name in enumerate(LOWER_NAMES)}]
    warning = [line for line in run.warnings("t") if "have other names" in line]
    assert len(warning) == 1
    for source, name in zip(ODD_NAMES, LOWER_NAMES, strict=True):
        assert (f'"{source}" → {name}' in warning[0]) == (source != name)
    columns = lake_pointer(run.project.lake, "t")["columns"]
    assert [column["name"] for column in columns] == LOWER_NAMES
    assert [column.get("source_name", column["name"]) for column in columns] == ODD_NAMES
    metadata = pq.read_metadata(run.files("t")[0]).metadata
    assert json.loads(metadata[b"lakehaul.source_names"])["gr__e"] == "größe"
    assert "id" not in json.loads(metadata[b"lakehaul.source_names"])


def test_members_of_structs_are_named_by_the_rule_too(database, tmp_path):
    database.execute('CREATE TYPE "Addr" AS ("Zip Code" int, zip_code int); CREATE TYPE o AS ("A" "Addr"[], b int)')
    database.execute("""CREATE TABLE s AS SELECT ROW(ARRAY[ROW(1, 2)::"Addr"], 3)::o AS "In" """)
    run = run_one(tmp_path / "p", database, {"table": "s"})
    assert read_with_pyarrow(run.files("t")).to_pylist() == [{"in": {"a": [{"zip_code_2": 1, "zip_code": 2}], "b": 3}}]
    [warning] = run.warnings("t")
    assert warning.endswith(': "In" → in, "In.A" → a, "In.A.Zip Code" → zip_code_2')


def test_names_are_kept_on_demand_if_no_two_differ_in_case_alone(odd_names, tmp_path):
    error = failure(tmp_path / "p", odd_names, {"table": "names", "names": "keep"})
    assert error["message"] == 'public.names: the names of columns "id" and "Id" differ in case alone'
    assert error["hint"] == "rename one of them, or say names: lower"
    task = {"table": "names", "columns": {"exclude": ["Id", "ID"]}}
    run = run_one(tmp_path / "q", odd_names, task, names="keep")
    assert read(run).column_names == [name for name in ODD_NAMES if name not in ("Id", "ID")]
    assert not run.warnings("t")


def test_a_given_name_goes_before_the_rule(odd_names, tmp_path):
    columns = {"Id": {"rename": "order_id_2"}, "日本": {"rename": "japan"}, "id": {"rename": "key"}}
    run = run_one(tmp_path / "p", odd_names, {"table": "names", "columns": columns})
    names = read(run).column_names
    assert names == ["key", "order_id_2", "id", "order_id_3", *LOWER_NAMES[4:10], "japan", LOWER_NAMES[11]]
    assert "japan" not in "\n".join(run.warnings("t")), "what the project asks for is no news"
    error = failure(tmp_path / "q", odd_names, {"table": "names", "columns": {"Id": {"rename": "order_id"}}})
    assert error["message"] == 'public.names: columns "Id" and "order_id" would both be named order_id'


def test_tasks_read_the_names_of_the_lake(odd_names, tmp_path):
    tasks = {"t": {"table": "names"}, "s": {"sql": "s.sql"}}
    made = make_project(tmp_path / "p", odd_names, tasks)
    (made.directory / "s.sql").write_text("SELECT id_2 + order_id_2 AS total FROM t")
    run = haul(made)
    assert read_with_pyarrow(run.files("s")).to_pylist() == [{"total": 4}]


def test_an_export_keeps_all_names(odd_names, tmp_path, lakehaul):
    file = tmp_path / "names.parquet"
    lakehaul("export", odd_names.uri, "--table", "names", "-o", file, expect=0)
    assert pq.read_schema(file).names == ODD_NAMES


# -------- wrong settings --------


def test_settings_of_a_column_that_is_not_there_name_the_nearest(database, tmp_path):
    database.execute("CREATE TABLE u (id int, email text)")
    error = failure(tmp_path / "p", database, {"table": "u", "columns": {"emial": {"mask": "sha256"}}})
    assert error["message"] == 'public.u has no column "emial"'
    assert error["hint"] == 'did you mean "email"?'
    made = make_project(tmp_path / "q", database, {"t": {"table": "u", "columns": {"emial": {"mask": "sha256"}}}})
    checked = made.lakehaul("check", expect=1)
    assert 'task t: public.u has no column "emial"' in checked.stderr


def test_check_does_not_probe(database, tmp_path):
    """A view that takes long to read shows it: check looks, and reads nothing."""
    database.execute("CREATE VIEW slow AS SELECT 1::numeric AS x, pg_sleep(30) IS NULL AS slept")
    made = make_project(tmp_path / "p", database, {"t": {"table": "slow", "numeric": "probe"}})
    made.lakehaul("check", expect=0, timeout=20)


# -------- encodings --------


@pytest.fixture
def encoded(database: Database) -> Database:
    database.execute(
        "CREATE TABLE encoded AS SELECT i AS id, 'name ' || i AS \"Full Name\", i / 7.0::float8 AS ratio, "
        "ARRAY['a' || i, 'b'] AS tags FROM generate_series(1, 1000) i"
    )
    return database


def encodings(run: Haul) -> dict[str, set[str]]:
    row_group = pq.read_metadata(run.files("t")[0]).row_group(0)
    chunks = [row_group.column(i) for i in range(row_group.num_columns)]
    return {chunk.path_in_schema.split(".")[0]: set(chunk.encodings) - {"RLE"} for chunk in chunks}


def test_encodings_are_as_asked_for(encoded, tmp_path):
    columns = {
        "id": {"encoding": "plain"},
        "Full Name": {"encoding": "delta_byte_array", "rename": "name"},
        "ratio": {"encoding": "byte_stream_split"},
        "tags": {"encoding": "dictionary"},
    }
    run = run_one(tmp_path / "p", encoded, {"table": "encoded", "columns": columns, "compat": "latest"})
    assert encodings(run) == {
        "id": {"PLAIN"},
        "name": {"DELTA_BYTE_ARRAY"},
        "ratio": {"BYTE_STREAM_SPLIT"},
        "tags": {"PLAIN", "RLE_DICTIONARY"},
    }
    assert read(run).column("name").to_pylist() == [f"name {i}" for i in range(1, 1001)]
    chosen = run_one(tmp_path / "q", encoded, {"table": "encoded"})
    assert encodings(chosen)["id"] == {"DELTA_BINARY_PACKED"}
    assert encodings(chosen)["ratio"] == {"PLAIN"}
    assert read(chosen).column("ratio").to_pylist() == read(run).column("ratio").to_pylist()


def test_an_encoding_that_does_not_fit_is_refused_before_rows_are_read(encoded, tmp_path):
    task = {"table": "encoded", "columns": {"Full Name": {"encoding": "delta_binary_packed"}}}
    error = failure(tmp_path / "p", encoded, task)
    assert 'column "full_name" is string, which cannot be encoded as delta_binary_packed' in error["message"]
    checked = make_project(tmp_path / "q", encoded, {"t": task}).lakehaul("check", expect=1)
    assert 'column "full_name" is string, which cannot be encoded as delta_binary_packed' in checked.stderr
