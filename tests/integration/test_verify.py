"""verify and run --verify: equal tables of every type are found equal, and whatever is changed in the files is found and
named by column and key."""

from __future__ import annotations

import datetime
import json
import os
import random
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hauls import assert_verified, haul, make_project
from support import Database, Project, is_published, lake_files, lake_pointer, start_lakehaul

TYPES_SQL = """
CREATE EXTENSION IF NOT EXISTS citext;
CREATE TYPE mood AS ENUM ('sad', 'sehr glücklich');
CREATE DOMAIN price AS numeric(12,2);
CREATE DOMAIN tags AS text[];
CREATE TABLE every_type (
    id int4 PRIMARY KEY, "two words" text, "Größe" int8, b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8,
    d9 numeric(9,2), d18 numeric(18,0), d38 numeric(38,10), d_all numeric(5,5), n numeric, n50 numeric(50,3),
    t text, v varchar(10), c char(5), nm name, ch "char", ci citext, m mood, j json, jb jsonb, x bytea, d date, ti time,
    ts timestamp, tz timestamptz, u uuid, o oid, xi xid, p price, ai int4[], at text[], an numeric(10,3)[], am mood[],
    af float8[], ab bytea[], ad date[], az timestamptz[], au uuid[], ap price[], tg tags, inet_ inet, xml_ xml
);
INSERT INTO every_type VALUES
    (1, 'a', -1, true, -32768, -2147483648, -9223372036854775808, '-0', '-0', -9999999.99, 999999999999999999,
     9999999999999999999999999999.9999999999, 0.00001, 'NaN', 1.5, '', '', '', '', '', '', 'sad', '{"a" : 1.50}',
     '{"a": 1.50, "ü": "日"}', '', '0044-03-15 BC', '24:00', '0044-03-15 12:00:00.000001 BC',
     '0001-01-01 00:00:00+00', '00000000-0000-0000-0000-000000000000', 4294967295, '4294967295', -0.01, '{}', '{}', '{}',
     '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '10.0.0.1', '<a/>'),
    (2, ',', 0, false, 32767, 2147483647, 9223372036854775807, 'NaN', 'NaN', 0, 0, 0, 0, 0.00, 0, ' ', ' ', 'a', 'Two Words',
     'a', 'Grüße', 'sehr glücklich', 'null', 'null', '\\x00', '1970-01-01', '00:00', '1970-01-01', '1969-12-31 23:59:59.999999+00',
     'ffffffff-ffff-ffff-ffff-ffffffffffff', 0, '0', 0, '{1,NULL,-3}', '{NULL,"",N,"NULL","a,b"}', '{1.5,NULL,-0.001}',
     '{sad,NULL}', '{NaN,-0,0,Infinity,NULL}', '{"\\\\x00ff",NULL,""}', '{5874897-12-31,NULL}', '{2024-01-01 00:00:00+02}',
     '{00000000-0000-0000-0000-000000000001,NULL}', '{1.10,NULL}', '{a}', '10.0.0.0/8', 'x'),
    (3, E'line\\nbreak', 7, true, 0, 0, 0, 'Infinity', '-Infinity', 0.01, -1, -0.0000000001, -0.99999, -1e100,
     -99999999999999999999999999999999999999999999999.999, 'Ελληνικά 🚚', 'äöüäöüäöüä', 'ab  c', repeat('ü', 31), '\\377',
     'HELLO', NULL, '[1, 2]', '"x"', '\\x80c3', '9999-12-31', '12:30:15.5', '294247-01-10 04:00:54.775806',
     '294247-01-10 04:00:54.775806+00', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 26, '3', 9999999999.99, '[5:7]={5,6,7}',
     ARRAY[repeat('x', 100000)], NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO every_type (id) VALUES (4);
INSERT INTO every_type (id, t, x, f8, n, d38) SELECT g, repeat('text ' || g, g % 50), decode(md5(g::text), 'hex'),
    g / 7.0::float8, g / 7.0, g / 7.0 FROM generate_series(5, 20000) g;
"""


@pytest.fixture
def every_type(database: Database) -> Database:
    database.execute(TYPES_SQL)
    return database


def verify(project: Project, *args: str, expect: int) -> dict[str, dict]:
    result = project.lakehaul("verify", "--json", *args, expect=expect)
    document = json.loads(result.stdout)
    assert document["exit_status"] == expect, document
    return {task["task"]: task for task in document["tasks"]}


def differing_columns(task: dict) -> list[str]:
    return [column["column"] for column in task["columns"] if not column["equal"]]


@pytest.mark.asan
def test_tables_of_every_type_are_equal(every_type, tmp_path):
    every_type.execute(
        "CREATE VIEW v AS SELECT id, t FROM every_type; CREATE TABLE no_rows (a int, b text);"
        "CREATE TABLE parts (k int, v text) PARTITION BY RANGE (k);"
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);"
        "INSERT INTO parts SELECT i, i::text FROM generate_series(0, 9) i"
    )
    tasks = {
        "every_type": {"table": "every_type"},
        "some_columns": {"table": "every_type", "columns": {"include": ["tz", "id", "Größe"]}},
        "a_query": {"query": "SELECT id % 7 AS seventh, count(*) AS n, sum(n) AS total FROM every_type GROUP BY 1 -- end"},
        "v": {"table": "v"},
        "no_rows": {"table": "no_rows"},
        "parts": {"table": "parts"},
    }
    project = make_project(tmp_path, every_type, tasks)
    result = project.run("--verify", "--json")
    assert all(task["verified"] and task["status"] == "published" for task in json.loads(result.stdout)["tasks"])
    found = verify(project, expect=0)
    assert list(found) == list(tasks)
    for name, task in found.items():
        assert task["status"] == "equal", name
        assert all(column["database"] == column["lake"] for column in task["columns"]), name
        assert all(column["database"]["checksum"] is not None for column in task["columns"]), name
    assert found["every_type"]["rows"] == {"database": 20000, "lake": 20000}
    assert found["no_rows"]["rows"] == {"database": 0, "lake": 0}
    text = project.lakehaul("verify", "every_type", "v", expect=0)
    assert re.search(r"^every_type: equal, 20,000 rows, 46 columns in ", text.stdout, re.MULTILINE)
    assert "verifying every_type (1 of 2)" in text.stderr


# -------- damaged files --------


def rewrite(project: Project, table: str, change: Callable[[list[dict]], list[dict] | None]) -> None:
    """Another writer's file in the place of lakehaul's, its rows changed. Timestamps are seen as microseconds, since
    Python's own end at the year 9999."""
    (path,) = lake_files(project.lake, table)
    held = pq.read_table(path)
    plain = pa.schema([field.with_type(pa.int64()) if pa.types.is_timestamp(field.type) else field for field in held.schema])
    rows = held.cast(plain).to_pylist()
    changed = change(rows)
    pq.write_table(pa.Table.from_pylist(rows if changed is None else changed, plain).cast(held.schema), path)


ITEMS_SQL = """
CREATE TABLE items (id int8 PRIMARY KEY, name text, amount numeric(12,2), price float8, at timestamptz, data bytea,
                    parts int4[], flag bool);
INSERT INTO items SELECT g, CASE WHEN g % 10 = 0 THEN '' WHEN g % 10 <> 1 THEN 'item ' || g END, g / 100.0, g / 3.0,
    timestamptz '2024-01-01 00:00:00+00' + g * interval '1 second', decode(md5(g::text), 'hex'),
    CASE WHEN g % 5 > 0 THEN ARRAY[g, NULL, 3] END, g % 2 = 0 FROM generate_series(1, 3000) g;
"""


@pytest.fixture
def items(database: Database, tmp_path: Path) -> Project:
    database.execute(ITEMS_SQL)
    project = make_project(tmp_path, database, {"items": {"table": "items"}})
    project.run()
    return project


def by_id(rows: list[dict], number: int) -> dict:
    return next(row for row in rows if row["id"] == number)


VALUES_CHANGED = [
    ("name", 1502, "Item 1502"),
    ("name", 1501, ""),  # NULL became empty
    ("name", 1500, None),  # empty became NULL
    ("amount", 1234, "one unit up"),
    ("price", 77, float("nan")),
    ("flag", 3, True),
    ("data", 9, b""),
    ("parts", 6, [6, 3]),  # a NULL element is gone
    ("parts", 5, []),  # NULL became empty
    ("at", 2, "one microsecond later"),
]


@pytest.mark.asan
@pytest.mark.parametrize(
    "column,number,value", VALUES_CHANGED, ids=[f"{case[0]}-{case[1]}" for case in VALUES_CHANGED]
)
def test_one_changed_value_is_found(items, column, number, value):
    before = {}

    def change(rows: list[dict]) -> None:
        row = by_id(rows, number)
        before["value"] = row[column]
        if value == "one unit up":
            row[column] += type(row[column])("0.01")
        elif value == "one microsecond later":
            row[column] += 1
        else:
            assert row[column] != value
            row[column] = value

    rewrite(items, "items", change)
    task = verify(items, expect=1)["items"]
    assert task["status"] == "differs"
    assert task["rows"] == {"database": 3000, "lake": 3000}
    assert differing_columns(task) == [column]
    (row,) = task["differing_rows"]
    assert (row["key"], row["kind"]) == (f"id={number}", "differs")
    (shown,) = row["values"]
    assert shown["column"] == column
    assert shown["database"] != shown["lake"]
    assert (shown["database"] is None) == (before["value"] is None)
    assert (shown["lake"] is None) == (value is None)


def test_a_difference_is_told_in_words(items):
    rewrite(items, "items", lambda rows: by_id(rows, 42).update(amount=by_id(rows, 43)["amount"]))
    result = items.lakehaul("verify", expect=1)
    assert result.stdout.startswith("items: differs\n  rows: 3,000 in the database, 3,000 in the lake\n")
    assert re.search(r'^  column "amount":\n    database +3000 values  checksum \d+\n    lake +3000 values  checksum \d+$',
                     result.stdout, re.MULTILINE)  # fmt: skip
    assert '  row id=42 differs:\n    "amount": "0.42" in the database, "0.43" in the lake\n' in result.stdout
    assert "lakehaul: 1 of 1 tables differ\n" in result.stderr
    snapshot_time = lake_pointer(items.lake, "items")["snapshot"]["time"]
    assert f"hint: the lake has items as of {snapshot_time}: what was changed since differs" in result.stderr


@pytest.mark.asan
def test_missing_and_extra_rows_are_named(items, database):
    rewrite(items, "items", lambda rows: [row for row in rows if row["id"] not in (10, 2000)])
    database.execute("DELETE FROM items WHERE id = 5")
    task = verify(items, expect=1)["items"]
    assert task["rows"] == {"database": 2999, "lake": 2998}
    assert sorted((row["key"], row["kind"]) for row in task["differing_rows"]) == [
        ("id=10", "missing"), ("id=2000", "missing"), ("id=5", "extra"),
    ]  # fmt: skip


@pytest.mark.asan
def test_a_repeated_row_is_named(items):
    rewrite(items, "items", lambda rows: [*rows, by_id(rows, 700)])
    task = verify(items, expect=1)["items"]
    assert task["rows"] == {"database": 3000, "lake": 3001}
    assert [(row["key"], row["kind"]) for row in task["differing_rows"]] == [("id=700", "repeated")]


def test_the_order_of_rows_is_no_difference(items):
    rewrite(items, "items", lambda rows: rows[::-1])
    assert verify(items, expect=0)["items"]["status"] == "equal"


def test_many_differing_rows_are_named_up_to_ten(items):
    rewrite(items, "items", lambda rows: [{**row, "name": "x"} for row in rows])
    task = verify(items, expect=1)["items"]
    assert differing_columns(task) == ["name"]
    assert len(task["differing_rows"]) == 10
    assert all(row["values"][0]["lake"] == "x" for row in task["differing_rows"])


@pytest.mark.asan
def test_keys_of_several_columns_and_unique_keys_are_used(database, tmp_path):
    database.execute(
        'CREATE TABLE two (a int, "The B" text, v int, PRIMARY KEY (a, "The B"));'
        "INSERT INTO two SELECT i % 10, 'b' || i / 10, i FROM generate_series(0, 99) i;"
        "CREATE TABLE uniq (u uuid NOT NULL UNIQUE, n int UNIQUE, v date);"
        "INSERT INTO uniq SELECT md5(i::text)::uuid, NULL, '2024-01-01' FROM generate_series(1, 50) i;"
        "CREATE TABLE no_key (a int, v int); INSERT INTO no_key SELECT i, i FROM generate_series(1, 9) i"
    )
    project = make_project(tmp_path, database, {name: {"table": name} for name in ("two", "uniq", "no_key")})
    project.run()
    rewrite(project, "two", lambda rows: rows[35].update(v=-1))
    rewrite(project, "uniq", lambda rows: rows[6].update(v=None))
    rewrite(project, "no_key", lambda rows: rows[3].update(v=None))
    found = verify(project, expect=1)
    assert [row["key"] for row in found["two"]["differing_rows"]] == ["a=5, The B=b3"]
    assert found["two"]["differing_rows"][0]["values"] == [{"column": "v", "database": "35", "lake": "-1"}]
    assert [row["key"] for row in found["uniq"]["differing_rows"]] == ["u=8f14e45f-ceea-167a-5a36-dedd4bea2543"]
    assert found["no_key"]["differing_rows"] is None
    assert differing_columns(found["no_key"]) == ["v"]
    assert "no key in the lake's columns" in project.lakehaul("verify", "no_key", expect=1).stdout


def test_columns_added_and_dropped_since_are_named(items, database):
    database.execute("ALTER TABLE items ADD COLUMN colour text DEFAULT 'red', DROP COLUMN flag, ALTER amount TYPE numeric(14,3)")
    task = verify(items, expect=1)["items"]
    notes = {column["column"]: column["note"] for column in task["columns"] if not column["equal"]}
    assert notes == {"colour": "not in the lake", "flag": "in the lake alone", "amount": None}


@pytest.mark.asan
def test_what_cannot_be_verified_fails_and_the_rest_is_verified(items, database, tmp_path):
    project = make_project(
        tmp_path, database,
        {"items": {"table": "items"}, "never_run": {"table": "items"}, "gone": {"table": "gone"}, "made": {"sql": "made.sql"}},
    )  # fmt: skip
    (tmp_path / "made.sql").write_text("select count(*) as n from items")
    found = verify(project, expect=1)
    assert {name: task["status"] for name, task in found.items()} == {
        "items": "equal", "never_run": "failed", "gone": "failed", "made": "skipped",
    }  # fmt: skip
    assert "is not in lake" in found["never_run"]["error"]["message"]
    (path,) = lake_files(project.lake, "items")
    path.write_bytes(path.read_bytes()[:-100])
    assert verify(project, "items", expect=1)["items"]["status"] == "failed"
    assert project.lakehaul("verify", "made", expect=0).stdout.startswith("made: skipped")
    assert "did you mean" in project.lakehaul("verify", "item", expect=2).stderr


def test_as_many_columns_as_a_table_can_have(database, tmp_path):
    columns = ", ".join(f"c{number} int2" for number in range(1599))
    database.execute(f"CREATE TABLE wide (id int2 PRIMARY KEY, {columns}); INSERT INTO wide (id, c1598) VALUES (1, 2), (2, 3)")
    project = make_project(tmp_path, database, {"wide": {"table": "wide"}})
    project.run("--verify")
    rewrite(project, "wide", lambda rows: by_id(rows, 2).update(c1597=0))
    task = verify(project, expect=1)["wide"]
    assert differing_columns(task) == ["c1597"]
    assert task["differing_rows"][0]["values"] == [{"column": "c1597", "database": None, "lake": "0"}]


def test_columns_whose_names_differ_in_case_alone(database, tmp_path):
    database.execute("""CREATE TABLE cases (a int PRIMARY KEY, "A" text, "a_1" text); INSERT INTO cases VALUES (1, 'x', 'y')""")
    project = make_project(tmp_path, database, {"cases": {"table": "cases"}})
    project.run("--verify")
    assert verify(project, expect=0)["cases"]["status"] == "equal"


def test_columns_are_compared_as_the_project_wants_them(items, database, tmp_path):
    database.execute("INSERT INTO items (id, amount, at) VALUES (9001, 'NaN', 'infinity'), (9002, 1, '-infinity')")
    columns = {
        "name": {"mask": "sha256"}, "data": {"mask": "redact"}, "price": {"type": "text", "rename": "costs"},
        "exclude": ["flag"],
    }  # fmt: skip
    tasks = {
        name: {"table": "items", "where": "id <> 17", "on_unrepresentable": name, "columns": columns}
        for name in ("clamp", "null")
    }
    project = make_project(tmp_path / "p", database, tasks)
    project.run("--verify")
    rewrite(project, "clamp", lambda rows: by_id(rows, 18).update(costs="6.5"))
    rewrite(project, "null", lambda rows: by_id(rows, 9001).update(amount=by_id(rows, 9002)["amount"]))
    found = verify(project, expect=1)
    assert all(task["rows"] == {"database": 3001, "lake": 3001} for task in found.values())
    assert differing_columns(found["clamp"]) == ["costs"] and differing_columns(found["null"]) == ["amount"]
    assert [row["key"] for task in found.values() for row in task["differing_rows"]] == ["id=18", "id=9001"]


@pytest.mark.parametrize("form", ["json", "flatten"])
def test_arrays_of_several_dimensions(database, tmp_path, form):
    database.execute(
        "CREATE TYPE grid AS (g int[], t text); CREATE TABLE grids (id int PRIMARY KEY, g int[], d text[], c grid[]);"
        "INSERT INTO grids VALUES (1, '{{1,2,3},{4,NULL,6}}', '{{{a}},{{NULL}}}', ARRAY[ROW('{{1},{2}}', 'x')::grid, NULL]), "
        "(2, '{}', NULL, '{}'), (3, '{1,2,3,4,NULL,6}', '{\"\"}', NULL), (4, NULL, '[3:3][5:6]={{y,z}}', NULL)"
    )
    tasks = {"grids": {"table": "grids", "multidimensional": form, "on_unrepresentable": "null"}}
    project = make_project(tmp_path, database, tasks)
    project.run("--verify")
    task = verify(project, expect=0)["grids"]
    assert all(column["compared"] == "checksum" for column in task["columns"])
    if form == "flatten":
        rewrite(project, "grids", lambda rows: by_id(rows, 1)["g"].update(dims=[3, 2]))
        assert differing_columns(verify(project, expect=1)["grids"]) == ["g"]


def test_a_catalog_with_vectors(database, tmp_path):
    project = make_project(tmp_path, database, {"i": {"table": "pg_catalog.pg_index"}, "p": {"table": "pg_catalog.pg_proc"}})
    project.run("--verify")
    assert_verified(project)


def test_a_masked_key_finds_no_rows(items, database, tmp_path):
    project = make_project(tmp_path / "p", database, {"t": {"table": "items", "columns": {"id": {"mask": "redact"}}}})
    project.run("--verify")
    rewrite(project, "t", lambda rows: rows[5].update(name="x"))
    task = verify(project, expect=1)["t"]
    assert differing_columns(task) == ["name"] and task["differing_rows"] is None


def test_an_unreachable_database_is_the_sources_error(items, tmp_path):
    project = make_project(tmp_path / "p", Database("postgresql://127.0.0.1:1/none", None, None), {"items": {"table": "items"}})
    project.lake.mkdir()
    result = project.lakehaul("verify", expect=3)
    assert result.stderr.startswith("lakehaul: ")


def test_a_signal_ends_it_soon(items, database):
    database.execute(
        "ALTER TABLE items RENAME TO old; CREATE VIEW items AS SELECT old.* FROM old, pg_sleep(0.1) WHERE pg_sleep(60) IS NOT NULL"
    )
    process = start_lakehaul("verify", "--project", items.path)
    deadline = time.monotonic() + 30
    while database.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "interrupted" in stderr


# -------- before publication --------


@pytest.mark.asan
def test_run_verify_publishes_nothing_that_differs(database, tmp_path):
    database.execute("CREATE TABLE good AS SELECT 1 AS id")
    project = make_project(
        tmp_path, database,
        {"good": {"table": "good"}, "changing": {"query": "SELECT clock_timestamp()::text AS now, 1 AS one"}},
    )  # fmt: skip
    run = haul_with_verify(project, expect=1)
    assert run["good"]["status"] == "published" and run["good"]["verified"] is True
    assert run["changing"]["status"] == "failed"
    assert run["changing"]["error"]["message"].startswith('verification failed: column "now" differs: 1 values, checksum ')
    assert run["changing"]["error"]["column"] == "now"
    assert not is_published(project.lake, "changing")
    assert not list((project.lake / "changing").rglob("*.parquet"))


def haul_with_verify(project: Project, expect: int) -> dict[str, dict]:
    result = project.run("--verify", "--json", expect=expect)
    return {task["task"]: task for task in json.loads(result.stdout)["tasks"]}


def test_a_limited_run_is_verified(every_type, tmp_path):
    project = make_project(tmp_path, every_type, {"every_type": {"table": "every_type"}})
    result = json.loads(project.run("--verify", "--limit", "100", "--json").stdout)
    assert (result["tasks"][0]["rows"], result["tasks"][0]["verified"]) == (100, True)


def test_a_database_in_another_encoding(cluster, tmp_path):
    with psycopg.connect(cluster.uri, autocommit=True) as server:
        server.execute("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        uri = cluster.database_uri("latin")
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute("CREATE TABLE t AS SELECT 1 AS id, 'Größe'::text AS a, '{\"ü\"}'::text[] AS b, '\"é\"'::jsonb AS c")
            database = Database(uri, connection, cluster.bindir)
            project = make_project(tmp_path, database, {"t": {"table": "t"}})
            project.run("--verify")
            assert verify(project, expect=0)["t"]["status"] == "equal"
        server.execute("DROP DATABASE latin WITH (FORCE)")


# -------- random nested tables --------

NESTED_TABLES = 24
SCALARS: dict[str, Callable[[random.Random], object]] = {
    "int4": lambda g: g.choice([0, -1, 2**31 - 1, -(2**31), g.randint(-999, 999)]),
    "int8": lambda g: g.randint(-(2**53), 2**53),
    "text": lambda g: "".join(g.choice("aB1 ,\"\\{}()'\nü日🚚") for _ in range(g.choice([0, 1, 3, 12]))),
    "bool": lambda g: g.random() < 0.5,
    "date": lambda g: str(datetime.date(1, 1, 1) + datetime.timedelta(days=g.randrange(3652059))),
}


class NestedTypes:
    """Composite types in a database, made of scalars, arrays and each other, and random values of them as JSON."""

    def __init__(self, database: Database, generator: random.Random):
        self.database, self.generator = database, generator
        self.members: dict[str, dict[str, str]] = {}

    def random_type(self) -> str:
        name = self.generator.choice([*SCALARS, *self.members, *self.members])
        return f"{name}[]" if self.generator.random() < 0.35 else name

    def make(self, name: str) -> None:
        members = {f"m{i}": self.random_type() for i in range(self.generator.randint(1, 4))}
        self.database.execute(f"CREATE TYPE {name} AS ({', '.join(f'{key} {type_}' for key, type_ in members.items())})")
        self.members[name] = members

    def value(self, type_: str) -> object:
        g = self.generator
        if g.random() < 0.2:
            return None
        if type_.endswith("[]"):
            return [self.value(type_[:-2]) for _ in range(g.choice([0, 1, 2, 5]))]
        if type_ in SCALARS:
            return SCALARS[type_](g)
        return {name: self.value(member) for name, member in self.members[type_].items()}


def as_json(value: object) -> object:
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return str(value) if isinstance(value, datetime.date) else value


@pytest.mark.asan
def test_random_nested_tables_come_through_unchanged(database, tmp_path):
    seed = int(os.environ.get("LAKEHAUL_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"the same again: LAKEHAUL_TEST_SEED={seed}")
    types = NestedTypes(database, random.Random(seed))
    for number in range(8):
        types.make(f"nested_{number}")
    expected: dict[str, list[dict]] = {}
    for number in range(NESTED_TABLES):
        name = f"table_{number}"
        columns = {"id": "int4", **{f"c{i}": types.random_type() for i in range(types.generator.randint(1, 5))}}
        database.execute(f"CREATE TABLE {name} ({', '.join(f'{key} {type_}' for key, type_ in columns.items())})")
        rows = [
            {key: row if key == "id" else types.value(type_) for key, type_ in columns.items()}
            for row in range(types.generator.choice([0, 1, 9, 300]))
        ]
        database.execute(
            f"INSERT INTO {name} SELECT (jsonb_populate_record(NULL::{name}, doc)).* FROM jsonb_array_elements(%s::jsonb) doc",
            (json.dumps(rows),),
        )
        expected[name] = rows
    run = haul(make_project(tmp_path, database, {name: {"table": name} for name in expected}), "--verify")
    for name, rows in expected.items():
        held = sorted((as_json(row) for path in run.files(name) for row in pq.read_table(path).to_pylist()), key=lambda row: row["id"])
        assert held == rows, name


# -------- a table that changes --------

CHANGING_SECONDS = 6
CHANGING_SQL = """
CREATE TABLE account (id int8 PRIMARY KEY, balance numeric(12,2) NOT NULL, note text, version int4 NOT NULL);
INSERT INTO account SELECT g, 100, repeat('note', g % 20), 0 FROM generate_series(1, 20000) g;
CREATE TABLE entry (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account int8, amount numeric(12,2));
"""


def change_until(uri: str, stop: threading.Event, number: int, done: list[int]) -> None:
    """Transfers that keep the sum, and rows deleted and inserted again in one transaction, so that a torn read shows in
    sums and counts."""
    with psycopg.connect(uri) as connection:
        step = 0
        while not stop.is_set():
            step += 1
            one, other = (step * factor % 6000 * 3 + number + 1 for factor in (7919, 104729))  # each thread has its own
            with connection.transaction():
                connection.execute("UPDATE account SET balance = balance - 1, version = version + 1 WHERE id = %s", (one,))
                connection.execute("UPDATE account SET balance = balance + 1, version = version + 1 WHERE id = %s", (other,))
                connection.execute("INSERT INTO entry (account, amount) VALUES (%s, -1), (%s, 1)", (one, other))
            with connection.transaction():
                connection.execute("DELETE FROM entry WHERE id = %s", (step * 2,))
                moved = connection.execute("DELETE FROM account WHERE id = %s RETURNING *", (one,)).fetchone()
                connection.execute("INSERT INTO account VALUES (%s, %s, %s, %s)", moved)
            done[number] = step


@pytest.mark.slow
def test_no_row_is_missed_or_read_twice_while_the_table_changes(database, tmp_path):
    database.execute(CHANGING_SQL)
    project = make_project(
        tmp_path, database,
        {"account": {"table": "account"}, "entry": {"table": "entry"},
         "totals": {"query": "SELECT count(*) AS n, sum(balance) AS total FROM account"}},
        jobs=3,
    )  # fmt: skip
    stop = threading.Event()
    done = [0, 0, 0]
    threads = [threading.Thread(target=change_until, args=(database.uri, stop, i, done)) for i in range(3)]
    for thread in threads:
        thread.start()
    runs = 0
    try:
        end = time.monotonic() + CHANGING_SECONDS
        while runs < 3 or time.monotonic() < end:
            before = sum(done)
            run = haul_with_verify(project, expect=0)
            assert all(task["verified"] for task in run.values())
            assert sum(done) > before, "nothing was changed during the run"
            held = pq.read_table(lake_files(project.lake, "account")[0])
            assert held.num_rows == 20000 and len(set(held["id"].to_pylist())) == 20000
            assert sum(held["balance"].to_pylist()) == 2_000_000
            (totals,) = pq.read_table(lake_files(project.lake, "totals")[0]).to_pylist()
            assert (totals["n"], float(totals["total"])) == (20000, 2_000_000)
            runs += 1
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert min(done) > 10
