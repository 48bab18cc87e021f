"""Whole tables through the real program: every row and name as the server has it, whatever the relation, the codec, the
number of row groups, the database's encoding; and random tables."""

from __future__ import annotations

import ipaddress
import os
import random
import re
import subprocess
import uuid
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hauls import haul, make_project
from oracle import assert_files_hold, duckdb_types, held_values, read_with_duckdb, read_with_pyarrow, server_texts
from support import Cluster, Database, clean_environment, is_published, lake_files, run_lakehaul

# -------- names --------

COLUMN_NAMES = [
    "id", "Select", "UPPER", "two words", " leading", "trailing ", "ümläut", "日本語", "🚚", 'quo"te', '"', "apo'strophe",
    "a.b", "list", "element", "back\\slash", "semi;colon", "100%s%n", "$1", "new\nline", "tab\there", "x" * 63,
    "-- drop", "{}", "[1]", "NULL", "e\u0301", "/*",
]  # fmt: skip

TABLE_NAMES = [
    ("public", "select"), ("public", "Upper"), ("public", "two words"), ("Größe", "日本語 🚚"), ("sche.ma", "ta.ble"),
    ('quo"te', 'quo"te'), ("public", "100%s%n"), ("x" * 63, "y" * 63),
]  # fmt: skip


def quoted(*parts: str) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def test_columns_of_any_name_keep_it(database, tmp_path):
    database.execute(f"CREATE TABLE named ({', '.join(f'{quoted(name)} text' for name in COLUMN_NAMES)})")
    for row in range(3):
        values = [f"{row} of {name}" if (number + row) % 3 else None for number, name in enumerate(COLUMN_NAMES)]
        database.execute(f"INSERT INTO named VALUES ({', '.join(['%s'] * len(values))})", values)
    project = make_project(tmp_path, database, {
        "named": {"table": "named"},
        "turned": {"table": "named", "columns": {"include": COLUMN_NAMES[::-1]}},
        "fewer": {"table": "named", "columns": {"exclude": COLUMN_NAMES[::2]}},
    }, names="keep")  # fmt: skip
    run = haul(project)
    for task, names in [("named", COLUMN_NAMES), ("turned", COLUMN_NAMES[::-1]), ("fewer", COLUMN_NAMES[1::2])]:
        texts = server_texts(database, f"SELECT {', '.join(map(quoted, names))} FROM named")
        assert list(texts) == names
        assert_files_hold(run.files(task), texts)


def test_columns_that_differ_in_case_only_are_two(database, tmp_path):
    database.execute('CREATE TABLE cased AS SELECT 1 AS "case", 2 AS "CASE", 3 AS "Case"')
    files = haul(make_project(tmp_path, database, {"cased": {"table": "cased"}})).files("cased")
    assert read_with_pyarrow(files).to_pylist() == [{"case": 1, "case_2": 2, "case_3": 3}]


def test_tables_of_any_name_are_found(database, tmp_path):
    tasks = {}
    for number, (schema, table) in enumerate(TABLE_NAMES):
        name = quoted(schema, table)
        database.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
        database.execute(f"CREATE TABLE {name} (number int, name text)")
        with database.connection.cursor().copy(f"COPY {name} FROM STDIN") as copy:
            copy.write_row((number, name))
        tasks[f"task_{number}"] = {"table": name}
    run = haul(make_project(tmp_path, database, tasks))
    for number, (schema, table) in enumerate(TABLE_NAMES):
        name = quoted(schema, table)
        assert_files_hold(run.files(f"task_{number}"), {"number": [str(number)], "name": [name]})
        exported = tmp_path / f"{number}.parquet"
        run_lakehaul("export", database.uri, "--table", name, "-o", exported, expect=0)
        assert_files_hold([exported], {"number": [str(number)], "name": [name]})


# -------- relations --------

RELATIONS_SQL = """
CREATE TABLE plain (
  id int NOT NULL, gone text, amount numeric(8,2) NOT NULL, also_gone int NOT NULL DEFAULT 1, note text
);
INSERT INTO plain SELECT i, 'gone', i * 1.25, 1, CASE WHEN i % 3 > 0 THEN 'note ' || i END
  FROM generate_series(1, 500) AS i;
ALTER TABLE plain DROP COLUMN gone, DROP COLUMN also_gone;
ALTER TABLE plain ADD COLUMN added timestamptz NOT NULL DEFAULT '2026-01-31 12:00:00+01';
CREATE VIEW a_view AS SELECT note, id, amount * 2 AS twice, amount FROM plain WHERE id % 2 = 0;
CREATE MATERIALIZED VIEW a_materialized_view AS SELECT id % 10 AS bucket, sum(amount) AS total, array_agg(id) AS ids
  FROM plain GROUP BY 1;
CREATE TABLE parted (id int NOT NULL, day date NOT NULL, note text) PARTITION BY RANGE (day);
CREATE TABLE parted_old PARTITION OF parted FOR VALUES FROM (MINVALUE) TO ('2026-01-01') PARTITION BY LIST (id);
CREATE TABLE parted_old_one PARTITION OF parted_old FOR VALUES IN (1, 2);
CREATE TABLE parted_old_rest PARTITION OF parted_old DEFAULT;
CREATE TABLE parted_new (note text, dropped int, day date NOT NULL, id int NOT NULL);
ALTER TABLE parted_new DROP COLUMN dropped;
ALTER TABLE parted ATTACH PARTITION parted_new FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
INSERT INTO parted SELECT i, date '2025-06-01' + i * 3, 'note ' || i FROM generate_series(1, 300) AS i;
CREATE TABLE parent (id int NOT NULL, note text);
CREATE TABLE child (extra int) INHERITS (parent);
INSERT INTO parent SELECT i, 'parent ' || i FROM generate_series(1, 10) AS i;
INSERT INTO child SELECT i, 'child ' || i, i FROM generate_series(11, 20) AS i;
CREATE TABLE computed (
  id int GENERATED ALWAYS AS IDENTITY, base int, double int GENERATED ALWAYS AS (base * 2) STORED,
  serial bigserial, other int GENERATED BY DEFAULT AS IDENTITY (START -1 INCREMENT -1)
);
INSERT INTO computed (base) SELECT i * 3 FROM generate_series(1, 50) AS i;
CREATE UNLOGGED TABLE unlogged AS SELECT i AS id FROM generate_series(1, 10) AS i;
CREATE TABLE updated AS SELECT i AS id, i AS version FROM generate_series(1, 1000) AS i;
UPDATE updated SET version = version + 1000 WHERE id % 2 = 0;
DELETE FROM updated WHERE id % 5 = 0;
CREATE TABLE no_columns ();
"""
RELATIONS = {
    "plain": "id", "a_view": "id", "a_materialized_view": "bucket", "parted": "id", "parent": "id", "child": "id",
    "computed": "id", "unlogged": "id", "updated": "id",
}  # fmt: skip


@pytest.fixture(scope="module")
def relations(module_database):
    module_database.execute(RELATIONS_SQL)
    return module_database


def test_every_kind_of_relation_is_read_whole(relations, tmp_path):
    run = haul(make_project(tmp_path, relations, {name: {"table": name} for name in RELATIONS}))
    schemas = {}
    for name, key in RELATIONS.items():
        texts = server_texts(relations, f"SELECT * FROM {name} ORDER BY {key}")
        schemas[name] = assert_files_hold(run.files(name), texts, key=key)
        assert run.tasks[name]["rows"] == len(texts[key]) > 0
    assert run.tasks["parted"]["rows"] == 300
    assert run.tasks["parent"]["rows"] == 20
    assert schemas["plain"].names == ["id", "amount", "note", "added"]
    assert [field.nullable for field in schemas["plain"]] == [False, False, True, False]
    assert [field.nullable for field in schemas["parted"]] == [False, False, True]
    assert [field.nullable for field in schemas["computed"]] == [False, True, True, False, False]
    assert all(field.nullable for field in schemas["a_view"])


def test_chosen_columns_come_in_the_order_asked_for(relations, tmp_path):
    run = haul(make_project(tmp_path, relations, {
        "included": {"table": "plain", "columns": {"include": ["note", "id"]}},
        "excluded": {"table": "plain", "columns": {"exclude": ["amount", "added"]}},
        "one": {"table": "parted", "columns": {"include": ["note"]}},
    }))  # fmt: skip
    assert_files_hold(
        run.files("included"), server_texts(relations, "SELECT note, id FROM plain ORDER BY id"), key="id"
    )
    assert_files_hold(
        run.files("excluded"), server_texts(relations, "SELECT id, note FROM plain ORDER BY id"), key="id"
    )
    notes = sorted(held_values(read_with_pyarrow(run.files("one")).column("note")))
    assert notes == [row[0] for row in relations.rows('SELECT note FROM parted ORDER BY note COLLATE "C"')]


def test_what_a_query_yields(relations, tmp_path):
    sql = """
    SELECT id, 'literal' AS literal, NULL AS nothing, NULL::int AS null_int, amount * 1.10 AS product,
           sum(amount) OVER w AS total, avg(id) OVER w AS mean, count(*) OVER w AS n, array[id, NULL] AS pair,
           note || '!' AS note, added::date AS day,
           added - interval '1 month' AS before, amount::float4 AS real, (id % 2 = 0) AS even, 'x'::char(3) AS padded,
           note::varchar(4) AS cut, 1e300::numeric AS large, '{"a": 1}'::json AS json,
           added AT TIME ZONE 'Asia/Tokyo' AS local
    FROM plain WINDOW w AS (ORDER BY id) ORDER BY id -- with a comment
    """
    run = haul(make_project(tmp_path, relations, {"result": {"query": sql + ";"}}))
    texts = server_texts(relations, sql)
    schema = assert_files_hold(run.files("result"), texts)
    assert schema.field("product").type == pa.string()
    assert schema.field("n").type == pa.int64()
    assert schema.field("pair").type == pa.list_(pa.int32())
    exported = tmp_path / "exported.parquet"
    run_lakehaul("export", relations.uri, "--query", sql, "-o", exported, expect=0)
    assert assert_files_hold([exported], texts) == schema


def test_a_table_without_columns_is_refused(relations, tmp_path):
    run = haul(make_project(tmp_path, relations, {"none": {"table": "no_columns"}}), expect=1)
    assert "public.no_columns has no columns" in run.tasks["none"]["error"]["message"]


def test_a_table_without_rows_gives_a_readable_file_with_its_schema(database, tmp_path):
    database.execute("""
        CREATE TYPE mood AS ENUM ('sad', 'ok');
        CREATE TABLE empty (
          b bool, i2 int2, i4 int4 NOT NULL, i8 int8, f4 float4, f8 float8, n numeric(12,2), big numeric(38,10),
          any_n numeric, t text NOT NULL, by bytea, d date, tm time, ts timestamp, tz timestamptz, u uuid, j json,
          jb jsonb, m mood, list int[], texts text[] NOT NULL, net inet, span interval
        );
        """)
    run = haul(
        make_project(
            tmp_path, database, {"empty": {"table": "empty"}, "none": {"query": "SELECT 1 AS one WHERE false"}}
        )
    )
    types = {
        "b": pa.bool_(), "i2": pa.int16(), "i4": pa.int32(), "i8": pa.int64(), "f4": pa.float32(), "f8": pa.float64(),
        "n": pa.decimal128(12, 2), "big": pa.decimal128(38, 10), "any_n": pa.string(), "t": pa.string(),
        "by": pa.binary(), "d": pa.date32(), "tm": pa.string(), "ts": pa.timestamp("us"),
        "tz": pa.timestamp("us", tz="UTC"), "u": pa.string(),
        "j": pa.json_(), "jb": pa.json_(), "m": pa.string(), "list": pa.list_(pa.int32()),
        "texts": pa.list_(pa.string()), "net": pa.string(), "span": pa.struct({"months": pa.int32(), "days": pa.int32(), "microseconds": pa.int64()}),
    }  # fmt: skip
    files = run.files("empty")
    assert len(files) == 1
    table = read_with_pyarrow(files)
    assert table.num_rows == 0
    required = ("i4", "t", "texts")
    for field in table.schema:
        expected = types[field.name]
        assert field.type.value_type == expected.value_type if pa.types.is_list(expected) else field.type == expected
        assert field.nullable == (field.name not in required)
    assert table.column_names == list(types)
    assert read_with_duckdb(files).num_rows == 0
    assert duckdb_types(files[0])["big"] == "DECIMAL(38,10)" and duckdb_types(files[0])["texts"] == "VARCHAR[]"
    assert read_with_duckdb(run.files("none")).num_rows == 0


def test_a_table_of_1500_columns(database, tmp_path):
    names = [f"c{number}" for number in range(1500)]
    database.execute(f"CREATE TABLE wide ({', '.join(f'{name} int2' for name in names)})")
    for row in range(3):
        database.execute(
            f"INSERT INTO wide VALUES ({', '.join('NULL' if i % 7 == row else str(i - 700) for i in range(1500))})"
        )
    files = haul(make_project(tmp_path, database, {"wide": {"table": "wide"}})).files("wide")
    assert_files_hold(files, server_texts(database, "SELECT * FROM wide"))


# -------- row-level security --------


def test_row_level_security_is_an_error_and_not_fewer_rows(database, tmp_path):
    database.execute("""
        CREATE TABLE secured AS SELECT i AS id FROM generate_series(1, 10) AS i;
        ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
        CREATE POLICY few ON secured USING (id <= 3);
        CREATE ROLE held_back LOGIN PASSWORD 'held';
        CREATE ROLE trusted LOGIN PASSWORD 'trusted' BYPASSRLS;
        GRANT SELECT ON secured TO held_back, trusted;
        """)
    tasks = {"secured": {"table": "secured"}}
    for role, password in [("held_back", "held"), ("trusted", "trusted")]:
        uri = re.sub("//[^@]*@", f"//{role}:{password}@", database.uri)
        project = make_project(tmp_path / role, database, tasks, source=uri)
        run = haul(project, expect=0 if role == "trusted" else 1)
        if role == "trusted":
            assert_files_hold(run.files("secured"), {"id": [str(i) for i in range(1, 11)]}, key="id")
            continue
        error = run.tasks["secured"]["error"]
        assert "row-level security" in error["message"] and "secured" in error["message"], error
        assert error["hint"] != ""
        assert not is_published(project.lake, "secured")
        exported = tmp_path / "exported.parquet"
        assert run_lakehaul("export", uri, "--table", "secured", "-o", exported).returncode != 0
        assert not exported.exists()
    database.execute("DROP OWNED BY held_back, trusted; DROP ROLE held_back, trusted")


# -------- encodings of databases --------


@contextmanager
def encoded_database(cluster: Cluster, name: str, encoding: str):
    with psycopg.connect(cluster.uri, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
        try:
            uri = cluster.database_uri(name)
            with psycopg.connect(uri, autocommit=True) as connection:
                yield Database(uri, connection, cluster.bindir)
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_bytes_of_a_sql_ascii_database_that_are_no_utf8_are_refused_by_column_and_row(cluster, tmp_path):
    bad = {
        "plain": "chr(233)",  # é in LATIN1
        "cut": "'abc' || chr(195)",
        "overlong": "chr(192) || chr(128)",
        "surrogate": "chr(237) || chr(160) || chr(128)",
        "beyond": "chr(244) || chr(144) || chr(128) || chr(128)",
        "late": "repeat('x', 100000) || chr(255)",
    }
    with encoded_database(cluster, "ascii_types", "SQL_ASCII") as database:
        database.execute("CREATE TYPE pair AS (a int, b text)")
        tasks = {}
        for name, value in bad.items():
            database.execute(f"CREATE TABLE {name} (id int, name text)")
            database.execute(
                f"INSERT INTO {name} VALUES (1, 'gr' || chr(195) || chr(188) || 'n'), (2, NULL), (3, {value})"
            )
            tasks[name] = {"table": name}
        for name, type_, value in [
            ("in_varchar", "varchar(9)", "chr(233)"), ("in_bpchar", "char(9)", "chr(233)"), ("in_name", "name",
                                                                                             "chr(233)::name"),
            ("in_array", "text[]", "ARRAY['a', NULL, chr(233)]"), ("in_json", "json",
                                                                   "('\"' || chr(233) || '\"')::json"),
            ("in_composite", "pair", "(1, chr(233))::pair"), ("in_composites", "pair[]", "ARRAY[(1, chr(233))::pair]"),
        ]:  # fmt: skip
            database.execute(f"CREATE TABLE {name} (id int, name {type_})")
            database.execute(f"INSERT INTO {name} VALUES (1, NULL), (2, NULL), (3, {value})")
            tasks[name] = {"table": name}
        database.execute(
            "CREATE TABLE good AS SELECT 1 AS id, chr(195) || chr(169) AS name, "
            "ARRAY[chr(240) || chr(159) || chr(154) || chr(154)] AS list, chr(233)::bytea AS bytes"
        )
        tasks["good"] = {"table": "good"}
        project = make_project(tmp_path, database, tasks)
        run = haul(project, expect=1)
    for name in tasks:
        if name == "good":
            continue
        error = run.tasks[name]["error"]
        assert error["kind"] == "data", error
        assert (error["table"], error["column"], error["row"]) == (f"public.{name}", "name", 3)
        for words in ('"name"', "row 3", "UTF-8"):
            assert words in error["message"], error["message"]
        assert not is_published(project.lake, name)
    (row,) = read_with_pyarrow(run.files("good")).to_pylist()
    assert row == {"id": 1, "name": "é", "list": ["🚚"], "bytes": b"\xe9"}


def test_a_latin1_database_arrives_as_utf8(cluster, tmp_path):
    with encoded_database(cluster, "latin1_types", "LATIN1") as database:
        database.execute(
            """CREATE TABLE t AS SELECT 1 AS "größe", chr(233) || ' ' || chr(255) AS text, ARRAY[chr(228)] AS list"""
        )
        run = haul(make_project(tmp_path, database, {"t": {"table": "t"}}, names="keep"))
        assert_files_hold(run.files("t"), {"größe": ["1"], "text": ["é ÿ"], "list": ["{ä}"]})


# -------- codecs --------

CODECS = {"zstd": "ZSTD", "zstd(19)": "ZSTD", "snappy": "SNAPPY", "gzip": "GZIP", "gzip(1)": "GZIP",
          "lz4_raw": "LZ4_RAW",
          "none": "UNCOMPRESSED"}  # fmt: skip


def test_every_codec_is_read_by_both_readers(database, tmp_path):
    database.execute(
        "CREATE TABLE coded AS SELECT i AS id, i % 10 AS few, md5(i::text) AS hash, repeat('abc', i % 50) AS repeated, "
        "(i * 1.25)::numeric(20,2) AS amount, CASE WHEN i % 4 = 0 THEN i::float8 END AS sometimes, "
        "ARRAY[i, NULL, i % 3] AS list, NULL::text AS never, i % 3 = 0 AS flag FROM generate_series(1, 25000) AS i"
    )
    tasks = {f"codec_{number}": {"table": "coded", "compression": codec} for number, codec in enumerate(CODECS)}
    run = haul(make_project(tmp_path, database, tasks))
    texts = server_texts(database, "SELECT * FROM coded ORDER BY id")
    expected = read_with_pyarrow(run.files("codec_0"))
    assert_files_hold(run.files("codec_0"), texts, key="id")
    for number, name in enumerate(CODECS.values()):
        files = run.files(f"codec_{number}")
        assert read_with_pyarrow(files).equals(expected)
        assert read_with_duckdb(files).cast(expected.schema.remove_metadata()).equals(expected)
        with duckdb.connect() as connection:
            used = connection.execute(
                "SELECT DISTINCT compression FROM parquet_metadata(?)", [str(files[0])]
            ).fetchall()
        assert used == [(name,)]


# -------- many rows --------

MANY_ROWS = 300_000
# name: (SQL in PostgreSQL, what the server says of it in the CSV, the same of the lake's column in DuckDB)
BIG_COLUMNS = {
    "id": ("i::bigint", "id", "id::VARCHAR"),
    "few": ("'value ' || hash % 7", "few", "few"),
    "many": ("md5(i::text)", "many", "many"),
    "turning": ("CASE WHEN i < 120000 THEN 'same' ELSE md5('t' || i) || md5('u' || i) END", "turning", "turning"),
    "rare": ("CASE WHEN hash % 1000 = 0 THEN hash END", "rare", "rare::VARCHAR"),
    "often": ("CASE WHEN hash % 10 <> 0 THEN hash % 100 END::smallint", "often", "often::VARCHAR"),
    "never": ("NULL::text", "never", "never"),
    "stretches": ("CASE WHEN i / 30000 % 2 = 0 THEN i END", "stretches", "stretches::VARCHAR"),
    "empty_or_null": ("CASE hash % 3 WHEN 0 THEN '' WHEN 1 THEN E'line\\nbreak, \"quoted\"\\\\N' END", "empty_or_null",
                      "empty_or_null"),
    "long": ("CASE WHEN hash % 200 = 0 THEN repeat(md5(i::text), hash % 2000) ELSE 'short' END", "long", "long"),
    "amount": ("((hash % 100000000)::numeric / 100 - 500000)::numeric(12,2)", "amount", "amount::VARCHAR"),
    "exact": ("(hash::numeric * hash * hash / 1000000007)::numeric(38,10)", "exact", "exact::VARCHAR"),
    "unlimited": ("hash::numeric / (1 + hash % 97)", "unlimited", "unlimited"),
    "real": ("hash / 7.0::float8", "float8send(real)", "real"),
    "instant": ("'1950-01-01'::timestamptz + hash * interval '1.000001 seconds'",
                "(extract(epoch FROM instant) * 1000000)::bigint",
                "epoch_us(instant)::VARCHAR"),
    "day": ("'1950-01-01'::date + (hash % 50000)::int", "day - '1970-01-01'::date",
            "(day - DATE '1970-01-01')::VARCHAR"),
    "flag": ("hash % 5 = 0", "flag::int", "flag::INT::VARCHAR"),
    "key": ("md5('k' || i)::uuid", "key", "key"),
    "bytes": ("decode(md5('b' || i), 'hex')", "encode(bytes, 'hex')", "lower(hex(bytes))"),
    "numbers": ("CASE hash % 4 WHEN 0 THEN '{}'::int[] WHEN 1 THEN ARRAY[i, NULL, hash] WHEN 2 THEN ARRAY[hash] END",
                "array_to_json(numbers)", "to_json(numbers)::VARCHAR"),
    "tags": ("CASE hash % 3 WHEN 0 THEN ARRAY['a', 'b' || hash % 10, NULL] WHEN 1 THEN ARRAY[md5(i::text)] END",
             "array_to_json(tags)", "to_json(tags)::VARCHAR"),
}  # fmt: skip


@pytest.fixture(scope="module")
def big(cluster, module_database, tmp_path_factory):
    """A table of many rows, its files, and what psql's COPY says of each row, as CSV."""
    directory = tmp_path_factory.mktemp("big")
    columns = ", ".join(f"{sql} AS {name}" for name, (sql, _, _) in BIG_COLUMNS.items())
    module_database.execute(
        f"CREATE TABLE big AS SELECT {columns} "
        f"FROM (SELECT i, abs(hashint4(i)) AS hash FROM generate_series(1, {MANY_ROWS}) AS i) AS numbers"
    )
    run = haul(make_project(directory, module_database, {"big": {"table": "big"}}, memory="64MB", jobs=1))
    csv = directory / "big.csv"
    said = ", ".join(said for _, said, _ in BIG_COLUMNS.values())
    with csv.open("wb") as file:
        copy = f"COPY (SELECT {said} FROM big) TO STDOUT (FORMAT csv, NULL '\\N', FORCE_QUOTE *)"
        command = [
            cluster.bindir / "psql",
            module_database.uri,
            "--no-psqlrc",
            "-qAtX",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            copy,
        ]
        subprocess.run(command, env=clean_environment(), check=True, stdout=file)
    return module_database, run.files("big"), csv


def test_every_row_of_many_row_groups_is_what_copy_says(big):
    database, files, csv = big
    assert sum(pq.read_metadata(file).num_row_groups for file in files) >= 2
    names = list(BIG_COLUMNS)
    # The server's float8send is the value's bits; DuckDB has no such function, so that it compares doubles.
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET preserve_insertion_order = false")
        columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
        connection.execute(
            f"CREATE TABLE said AS FROM read_csv('{csv}', columns = {{{columns}}}, header = false, "
            "nullstr = '\\N', quote = '\"', escape = '\"', delim = ',', allow_quoted_nulls = false, auto_detect = false, "
            "max_line_size = 10000000)"
        )
        lake = connection.from_parquet([str(file) for file in files])
        held = ", ".join(f"{form} AS {name}" for name, (_, _, form) in BIG_COLUMNS.items() if name != "real")
        connection.execute(f"CREATE TABLE held AS SELECT {held}, real FROM lake")
        counts = connection.execute("SELECT (SELECT count(*) FROM said), (SELECT count(*) FROM held)").fetchall()
        assert counts == [(MANY_ROWS, MANY_ROWS)]
        differences = ", ".join(
            f"count(*) FILTER (said.{name} IS DISTINCT FROM held.{name}) AS {name}" for name in names if name != "real"
        )
        (result,) = connection.execute(f"SELECT {differences} FROM said FULL JOIN held ON said.id = held.id").fetchall()
        assert set(result) == {0}, dict(zip((name for name in names if name != "real"), result))
        real = connection.sql("SELECT said.real, held.real FROM said JOIN held ON said.id = held.id").to_arrow_table()
    assert real.num_rows == MANY_ROWS
    bits = pa.array([int(text[2:], 16) for text in real.column(0).to_pylist()], pa.uint64())
    assert real.column(1).combine_chunks().view(pa.uint64()).equals(bits)


def test_aggregates_over_many_row_groups_are_the_servers(big):
    database, files, _ = big
    sql = """
    SELECT count(*), sum(id), count(DISTINCT few), count(DISTINCT many), count(turning), count(rare), sum(rare),
           sum(often), count(never), sum(stretches), min(amount), max(amount), sum(amount), sum(exact),
           min(instant)::text, max(day)::text, sum(CASE WHEN flag THEN 1 ELSE 0 END),
           sum(length(long)), count(numbers), count(tags)
    FROM big
    """
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.from_parquet([str(file) for file in files]).create_view("big")
        (found,) = connection.execute(sql).fetchall()
    assert [str(value) for value in found] == [str(value) for value in database.rows(sql)[0]]


def test_statistics_and_encodings_of_many_row_groups(big):
    _, files, _ = big
    table = read_with_pyarrow(files)  # checks statistics
    assert table.num_rows == MANY_ROWS
    chunks = [
        pq.read_metadata(file).row_group(group)
        for file in files
        for group in range(pq.read_metadata(file).num_row_groups)
    ]
    encodings = {name: set() for name in BIG_COLUMNS}
    for chunk in chunks:
        for index in range(chunk.num_columns):
            column = chunk.column(index)
            encodings[column.path_in_schema.split(".")[0]].update(column.encodings)
    for name in ("few", "often"):
        assert "RLE_DICTIONARY" in encodings[name], name
    for name in ("many", "turning", "key", "id"):
        assert encodings[name] & {"PLAIN", "DELTA_BINARY_PACKED", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"}, name


def test_long_lists_and_long_values_cross_pages(database, tmp_path):
    """Lists of more elements than a page has values, runs of empty and NULL lists, values larger than a page."""
    database.execute("""
        CREATE TABLE lists AS
        SELECT i AS id,
               CASE WHEN i = 7 THEN (SELECT array_agg(nullif(n % 1000, 5)) FROM generate_series(1, 150000) AS n)
                             WHEN i % 3 = 0 THEN '{}' WHEN i % 3 = 1 THEN ARRAY[i] END AS numbers,
               CASE WHEN i = 9 THEN (SELECT array_agg(md5(n::text)) FROM generate_series(1, 40000) AS n)
                    WHEN i BETWEEN 1000 AND 21500 THEN NULL WHEN i > 21500 THEN ARRAY[NULL, i::text] END AS texts,
               CASE WHEN i % 8192 = 0 THEN NULL ELSE i END AS at_batches, CASE WHEN i % 20000 = 0 THEN i END AS at_pages
        FROM generate_series(0, 45000) AS i;
        CREATE TABLE long_values AS
        SELECT i AS id,
               CASE i WHEN 2 THEN repeat('€uro ', 1500000) WHEN 4 THEN '' WHEN 6 THEN repeat('z', 3000000) END AS text,
               CASE i WHEN 3 THEN decode(repeat('00ff', 2500000), 'hex') END AS bytes
        FROM generate_series(1, 8) AS i;
        """)
    run = haul(make_project(tmp_path, database, {name: {"table": name} for name in ("lists", "long_values")}))
    for name in ("lists", "long_values"):
        assert_files_hold(run.files(name), server_texts(database, f"SELECT * FROM {name} ORDER BY id"), key="id")


# -------- random tables --------

ALPHABETS = ["ab", "0123456789.-e", " \t\n\r", "äöüßéЖЯ", "日本語漢字", "🚚🏴🙂", '"\'\\{},;|', "".join(map(chr, range(1,
                                                                                                               128))),
             "\u0301\u200b\ufeff\ufffd\ud7ff\ue000\U0010ffff"]  # fmt: skip
EDGE_SHARE = 0.2


def random_text(generator: random.Random, most: int = 40) -> str:
    alphabet = generator.choice(ALPHABETS)
    return "".join(generator.choice(alphabet) for _ in range(generator.choice([0, 1, 2, 5, most])))


def random_integer(bits: int) -> Callable[[random.Random], str]:
    edges = [0, 1, -1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1))]

    def make(generator: random.Random) -> str:
        if generator.random() < EDGE_SHARE:
            return str(generator.choice(edges))
        return str(generator.randint(edges[-1], edges[-2]) >> generator.randrange(bits))

    return make


def random_float(most: int, digits: int) -> Callable[[random.Random], str]:
    def make(generator: random.Random) -> str:
        if generator.random() < EDGE_SHARE:
            return generator.choice(["NaN", "Infinity", "-Infinity", "-0", "0"])
        return f"{generator.uniform(-1, 1):.{digits}f}e{generator.randint(-most, most)}"

    return make


def random_decimal(precision: int, scale: int) -> Callable[[random.Random], str]:
    def make(generator: random.Random) -> str:
        number = generator.randint(-(10**precision) + 1, 10**precision - 1) // 10 ** generator.randrange(precision)
        if generator.random() < EDGE_SHARE:
            number = generator.choice([0, 1, -1, 10**precision - 1, -(10**precision) + 1])
        digits = str(abs(number)).rjust(scale + 1, "0")
        return f"{'-' if number < 0 else ''}{digits[: len(digits) - scale]}.{digits[len(digits) - scale :]}"

    return make


def random_numeric(generator: random.Random) -> str:
    if generator.random() < EDGE_SHARE:
        return generator.choice(["NaN", "Infinity", "-Infinity", "0", "0.000", "1e50", "-1e-50"])
    whole, fraction = generator.choice([0, 1, 5, 60]), generator.choice([0, 1, 4, 70])
    digits = "".join(generator.choice("0123456789") for _ in range(whole + fraction + 1))
    return f"{generator.choice(['', '-'])}{digits[: whole + 1]}.{digits[whole + 1 :]}"


def random_date(generator: random.Random) -> str:
    year = generator.choice(
        [generator.randint(1, 9999), generator.randint(1900, 2100), generator.randint(10000, 200000)]
    )
    before = " BC" if year <= 4700 and generator.random() < 0.1 else ""
    return f"{year:04}-{generator.randint(1, 12):02}-{generator.randint(1, 28):02}{before}"


def random_time(generator: random.Random) -> str:
    micros = generator.choice([0, 1, 86_399_999_999, 86_400_000_000, generator.randrange(86_400_000_000)])
    seconds, fraction = divmod(micros, 1_000_000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:06}"


def random_timestamp(zone: bool) -> Callable[[random.Random], str]:
    def make(generator: random.Random) -> str:
        date, _, before = random_date(generator).partition(" ")
        offset = generator.choice(["+00", "-08", "+05:45", "+14"]) if zone else ""
        return f"{date} {random_time(generator)}{offset} {before}"

    return make


def random_json(generator: random.Random, depth: int = 0) -> str:
    kind = generator.randrange(4 if depth > 2 else 6)
    if kind == 4:
        return "[" + ", ".join(random_json(generator, depth + 1) for _ in range(generator.randrange(4))) + "]"
    if kind == 5:
        members = (
            f'"{generator.choice("abcü")}" : {random_json(generator, depth + 1)}' for _ in range(generator.randrange(4))
        )
        return "{" + ",".join(members) + " }"
    return [f"{generator.randint(-9, 9)}.50", "null", "true", '"x\\u00e9 日"'][kind]


def random_address(generator: random.Random) -> str:
    if generator.random() < 0.5:
        return f"{ipaddress.IPv4Address(generator.getrandbits(32))}/{generator.randrange(33)}"
    words = [generator.choice([0, 0, 1, 0xFFFF, generator.getrandbits(16)]) for _ in range(8)]
    return ":".join(f"{word:x}" for word in words) + f"/{generator.randrange(129)}"


def random_types(generator: random.Random) -> dict[str, Callable[[random.Random], str]]:
    precision = generator.randint(1, 38)
    scale = generator.randint(0, precision)
    length = generator.randint(1, 12)
    return {
        "bool": lambda g: g.choice(["true", "false"]),
        "int2": random_integer(16),
        "int4": random_integer(32),
        "int8": random_integer(64),
        "float4": random_float(37, 7),
        "float8": random_float(300, 17),
        f"numeric({precision},{scale})": random_decimal(precision, scale),
        "numeric": random_numeric,
        "numeric(60,20)": random_decimal(60, 20),
        "text": random_text,
        f"varchar({length})": lambda g: random_text(g, length)[:length],
        f"char({length})": lambda g: random_text(g, length)[:length],
        "bytea": lambda g: "\\x" + g.randbytes(g.choice([0, 1, 3, 64, 65, 200])).hex(),
        "date": random_date,
        "time": random_time,
        "timestamp": random_timestamp(False),
        "timestamptz": random_timestamp(True),
        "uuid": lambda g: str(uuid.UUID(int=g.getrandbits(128))),
        "json": random_json,
        "jsonb": random_json,
        "mood": lambda g: g.choice(["sad", "ok", "sehr glücklich"]),
        "price": random_decimal(12, 2),
        "timetz": lambda g: random_time(g) + g.choice(["+00", "-08", "+05:45", "-15:59:59", "+00:00:01"]),
        "inet": random_address,
        "macaddr": lambda g: g.randbytes(6).hex(),
        "varbit": lambda g: "".join(g.choice("01") for _ in range(g.choice([0, 1, 7, 8, 9, 100]))),
        "circle": lambda g: f"<({random_float(300, 17)(g)},{g.uniform(-9, 9)}),{g.uniform(0, 9)}>",
        "tsvector": lambda g: " ".join(f"'{g.choice('abcü日')}{g.randrange(9)}':{g.randrange(1, 99)}B" for _ in range(3)),
        "pg_lsn": lambda g: f"{g.getrandbits(32):X}/{g.getrandbits(32):X}",
    }


def random_array(make: Callable[[random.Random], str]) -> Callable[[random.Random], str]:
    def element(generator: random.Random) -> str:
        if generator.random() < 0.2:
            return "NULL"
        return '"' + re.sub(r'(["\\])', r"\\\1", make(generator)) + '"'

    return lambda g: "{" + ",".join(element(g) for _ in range(g.choice([0, 1, 2, 3, 9]))) + "}"


def random_values(
    generator: random.Random, rows: int, required: bool, make: Callable[[random.Random], str]
) -> list[str | None]:
    """Of one value, of few or of many, with NULLs singly or in stretches."""
    pool = [make(generator) for _ in range(generator.choice([1, 4, 100, rows + 1]))]
    null_rate = 0 if required else generator.choice([0, 0.1, 0.5, 0.95, 1])
    stretch = generator.choice([1, 1, 50])
    values: list[str | None] = []
    while len(values) < rows:
        if generator.random() < null_rate:
            values += [None] * stretch
        else:
            values += [generator.choice(pool) for _ in range(stretch)]
    return values[:rows]


RANDOM_TABLES = 200
RANDOM_ROWS = [0, 1, 2, 7, 8, 9, 63, 64, 65, 100, 500, 1000]
RANDOM_LONG_ROWS = [8191, 8192, 8193, 20001]


def make_random_table(database: Database, generator: random.Random, name: str, rows: int, most_columns: int) -> None:
    columns = {"id": ("int4 NOT NULL", [str(row) for row in range(rows)])}
    for number in range(generator.randint(1, most_columns)):
        sql_type, make = generator.choice(list(random_types(generator).items()))
        if generator.random() < 0.3:
            sql_type, make = f"{sql_type}[]", random_array(make)
        required = generator.random() < 0.2
        columns[f"c{number}"] = (
            sql_type + (" NOT NULL" if required else ""),
            random_values(generator, rows, required, make),
        )
    database.execute(
        f"CREATE TABLE {name} ({', '.join(f'{column} {type_}' for column, (type_, _) in columns.items())})"
    )
    with database.connection.cursor().copy(f"COPY {name} FROM STDIN") as copy:
        for row in zip(*(values for _, values in columns.values()), strict=True):
            copy.write_row(row)


@pytest.mark.asan
def test_random_tables_come_through_unchanged(database, tmp_path):
    seed = int(os.environ.get("LAKEHAUL_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"the same again: LAKEHAUL_TEST_SEED={seed}")
    generator = random.Random(seed)
    database.execute("CREATE TYPE mood AS ENUM ('sad', 'ok', 'sehr glücklich'); CREATE DOMAIN price AS numeric(12,2)")
    names = [f"random_{number}" for number in range(RANDOM_TABLES)]
    tasks = {}
    for number, name in enumerate(names):
        if number < len(RANDOM_LONG_ROWS):
            make_random_table(database, generator, name, RANDOM_LONG_ROWS[number], 3)
        else:
            make_random_table(database, generator, name, generator.choice(RANDOM_ROWS), 12)
        tasks[name] = {"table": name, "compression": generator.choice(["zstd", "snappy", "gzip", "lz4_raw", "none"])}
    run = haul(make_project(tmp_path, database, tasks), "--verify")
    for name in names:
        texts = server_texts(database, f"SELECT * FROM {name} ORDER BY id")
        schema = assert_files_hold(run.files(name), texts, key="id")
        required = database.rows(
            f"SELECT attname FROM pg_attribute WHERE attrelid = '{name}'::regclass AND attnum > 0 AND attnotnull"
        )
        assert {field.name for field in schema if not field.nullable} == {row[0] for row in required}
