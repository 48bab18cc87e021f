"""pgvector through the real program and the real extension, on a server of its own that ships it: what the server
prints of a vector is what both readers find in the lake."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
import support
from hauls import Haul, assert_verified, haul, make_project
from oracle import (
    assert_same_values,
    duckdb_types,
    expected_value,
    held_values,
    parse_array,
    read_with_duckdb,
    read_with_pyarrow,
    server_texts,
)
from support import Database

# scripts/fetch-pgvector.sh puts it there.
BINDIR = support.ROOT / ".deps" / "pgvector" / "server" / "pgsql" / "bin"
DIMENSIONS_MAX = 16000  # pgvector's limit; of a sparsevec it is that of the elements that are not zero
SPARSE_DIMENSIONS_MAX = 1_000_000_000

FLOAT_EDGES = "[0,-0,1e-45,-1e-45,1.17549435e-38,3.4028235e38,-3.4028235e38,0.1,16777217,1e-10,123456.79]"
HALF_EDGES = "[0,-0,5.9604645e-08,-5.9604645e-08,6.0975552e-05,6.1035156e-05,65504,-65504,0.1,1e-9,-1e-9,2049]"
VECTORS = ["[1]", "[-0]", "[1,2,3]", FLOAT_EDGES, f"[{','.join(f'{i / 7:.9g}' for i in range(DIMENSIONS_MAX))}]"]
HALVES = ["[1]", "[-0]", "[1,2,3]", HALF_EDGES, f"[{','.join(f'{i / 7:.9g}' for i in range(DIMENSIONS_MAX))}]"]
SPARSE = [
    "{1:1}/1", "{}/1", f"{{}}/{SPARSE_DIMENSIONS_MAX}", "{1:0,2:-0,3:5}/7", "{7:1,2:-1e-45,3:3.4028235e38}/7",
    f"{{1:0.1,{SPARSE_DIMENSIONS_MAX}:-3.4028235e38}}/{SPARSE_DIMENSIONS_MAX}",
    f"{{{','.join(f'{i * 60000}:{i / 7:.9g}' for i in range(1, DIMENSIONS_MAX + 1))}}}/{SPARSE_DIMENSIONS_MAX}",
]  # fmt: skip

SCALARS = {"v": "vector", "h": "halfvec", "s": "sparsevec"}
ARRAYS = {"vs": "vector", "hs": "halfvec", "ss": "sparsevec"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[support.Cluster]:
    """Instead of the cluster of the other tests."""
    if not (BINDIR / "postgres").exists():
        support.missing("PostgreSQL with pgvector (scripts/fetch-pgvector.sh)")
    with support.start_cluster(BINDIR) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def pgvector(module_database: Database) -> Database:
    module_database.execute("CREATE EXTENSION vector")
    version = module_database.value("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
    assert tuple(map(int, version.split(".")[:2])) >= (0, 7), "halfvec and sparsevec came with 0.7"
    return module_database


def fill_edges(database: Database) -> None:
    """Each edge as a value and as an element, NULLs beside them."""
    columns = [*(f"{name} {type_}" for name, type_ in SCALARS.items()), *(f"{n} {t}[]" for n, t in ARRAYS.items())]
    database.execute(f"CREATE TABLE edges (id int PRIMARY KEY, {', '.join(columns)})")
    edges = [VECTORS, HALVES, SPARSE]
    for number in range(max(map(len, edges)) + 1):
        values = [texts[number] if number < len(texts) else None for texts in edges]
        database.execute(
            "INSERT INTO edges SELECT id, v, h, s, ARRAY[NULL, v, '[5]'], ARRAY[h, h, NULL], ARRAY[s, NULL, '{}/3'] "
            "FROM (SELECT %s::int AS id, %s::vector AS v, %s::halfvec AS h, %s::sparsevec AS s) AS one",
            (number, *values),
        )
    database.execute("INSERT INTO edges (id, vs, hs, ss) VALUES (100, '{}', '{}', '{}'), (101, NULL, NULL, NULL)")


@pytest.fixture(scope="module")
def hauled(pgvector: Database, tmp_path_factory) -> Haul:
    fill_edges(pgvector)
    pgvector.execute("""
        CREATE DOMAIN unit AS vector(2) CHECK (abs(vector_norm(VALUE) - 1) < 0.001);
        CREATE TYPE embedding AS (model text, dense vector, half halfvec(2), sparse sparsevec(9));
        CREATE TABLE nested (id int PRIMARY KEY, held embedding, list embedding[], direction unit, directions unit[]);
        INSERT INTO nested VALUES
          (1, ROW('a', '[1,-0]', '[0.1,2]', '{9:3}/9'), ARRAY[ROW('b', '[4]', NULL, '{}/9')::embedding, NULL], '[0,1]',
           ARRAY['[1,0]'::unit, NULL]),
          (2, ROW(NULL, NULL, NULL, NULL), '{}', NULL, '{}'), (3, NULL, NULL, NULL, NULL);
        CREATE TABLE many AS SELECT id, CASE WHEN id % 7 > 0 THEN ARRAY[id, 1.0 / id, -id * 1e10]::vector END AS v,
          CASE WHEN id % 5 > 0 THEN ARRAY[id % 100, 1.0 / id]::halfvec END AS h,
          CASE WHEN id % 3 > 0 THEN format('{%s:%s,%s:1}/50000', id, 1.0 / id, id + 1)::sparsevec END AS s
        FROM generate_series(1, 20000) AS id;
    """)
    finite = [n for n in range(1 << 16) if n & 0x7C00 != 0x7C00]
    halves = [struct.unpack("e", struct.pack("H", n))[0] for n in finite]
    pgvector.execute("CREATE TABLE every_half (id int, h halfvec)")
    for start in range(0, len(halves), DIMENSIONS_MAX):
        part = halves[start : start + DIMENSIONS_MAX]
        pgvector.execute("INSERT INTO every_half VALUES (%s, %s)", (start, str(part)))
    tasks = {name: {"table": name} for name in ("edges", "nested", "many", "every_half")}
    return haul(make_project(tmp_path_factory.mktemp("pgvector"), pgvector, tasks))


def parse_vector(text: str | None, type_: str) -> Any:
    """What the lake holds for what the server prints: floats by their repr; a sparsevec as index and value."""
    if text is None:
        return None
    if type_ == "sparsevec":
        items = re.fullmatch(r"\{(.*)\}/\d+", text)[1]
        pairs = (item.split(":") for item in items.split(",")) if items else ()
        return [(int(index), expected_value(value, pa.float32())) for index, value in pairs]
    return [expected_value(number, pa.float32()) for number in re.fullmatch(r"\[(.+)\]", text)[1].split(",")]


def parse_vectors(text: str | None, type_: str) -> Any:
    return None if text is None else [parse_vector(element, type_) for element in parse_array(text)]


def held_vectors(column: pa.ChunkedArray) -> list[Any]:
    if not has_map(column.type):
        return held_values(column)

    def held(value: Any) -> Any:
        return (value[0], repr(value[1])) if isinstance(value, tuple) else value and [held(item) for item in value]

    return [held(value) if value is not None else None for value in column.to_pylist()]


def has_map(type_: pa.DataType) -> bool:
    return pa.types.is_map(type_) or (pa.types.is_list(type_) and has_map(type_.value_type))


READERS = pytest.mark.parametrize("read", [read_with_pyarrow, read_with_duckdb], ids=["pyarrow", "duckdb"])


def assert_lake_holds(database: Database, run: Haul, task: str, read, columns: dict[str, str]) -> None:
    texts = server_texts(database, f"SELECT * FROM {task} ORDER BY id")
    table = read(run.files(task)).sort_by("id")
    assert table.column("id").to_pylist() == [int(text) for text in texts["id"]]
    for name, type_ in columns.items():
        parse = parse_vectors if name in ARRAYS else parse_vector
        expected = [parse(text, type_) for text in texts[name]]
        assert_same_values(f"{task}.{name}", held_vectors(table.column(name)), expected)


@pytest.mark.asan
@READERS
def test_edges_are_what_the_server_prints(pgvector, hauled, read):
    assert hauled.stderr.count("warning") == 0, hauled.stderr
    assert_lake_holds(pgvector, hauled, "edges", read, SCALARS | ARRAYS)


@READERS
def test_many_rows_are_what_the_server_prints(pgvector, hauled, read):
    assert_lake_holds(pgvector, hauled, "many", read, SCALARS)


@READERS
def test_every_finite_half_is_what_the_server_prints(pgvector, hauled, read):
    assert_lake_holds(pgvector, hauled, "every_half", read, {"h": "halfvec"})


def test_types_in_the_lake(hauled):
    (path,) = hauled.files("edges")
    schema = read_with_pyarrow([path]).schema
    for name in ("v", "h"):
        assert schema.field(name).type.value_type == pa.float32()
        assert schema.field(f"{name}s").type.value_type.value_type == pa.float32()
    for type_ in (schema.field("s").type, schema.field("ss").type.value_type):
        assert (type_.key_type, type_.item_type) == (pa.int32(), pa.float32())
    assert duckdb_types(path) == {
        "id": "INTEGER", "v": "FLOAT[]", "h": "FLOAT[]", "s": "MAP(INTEGER, FLOAT)",
        "vs": "FLOAT[][]", "hs": "FLOAT[][]", "ss": "MAP(INTEGER, FLOAT)[]",
    }  # fmt: skip


def test_vectors_in_composites_and_domains(hauled):
    half = struct.unpack("e", struct.pack("e", 0.1))[0]
    one, two, three = read_with_pyarrow(hauled.files("nested")).sort_by("id").to_pylist()
    assert str(one["held"]["dense"]) == "[1.0, -0.0]"
    assert one["held"] == {"model": "a", "dense": [1, 0], "half": [half, 2], "sparse": [(9, 3)]}
    assert one["list"] == [{"model": "b", "dense": [4], "half": None, "sparse": []}, None]
    assert one["direction"] == [0, 1] and one["directions"] == [[1, 0], None]
    assert two["held"] == dict.fromkeys(one["held"]) and two["list"] == two["directions"] == []
    assert three == dict.fromkeys(three) | {"id": 3}


def test_dimensions_are_kept_in_the_types_name(pgvector, project):
    pgvector.execute("CREATE TABLE bounded (v vector(3), h halfvec(4)[], s sparsevec(1000000000))")
    made = project({"bounded": {"table": "bounded"}}, source=pgvector.uri)
    made.run()
    columns = support.lake_pointer(made.lake, "bounded")["columns"]
    types = [column["source_type"] for column in columns]
    assert types == ["vector(3)", "halfvec(4)[]", "sparsevec(1000000000)"]


def test_verification_finds_the_server_and_the_lake_equal(hauled):
    hauled.project.run("--verify")
    assert_verified(hauled.project)


def test_verification_finds_every_vector_that_differs(pgvector, project):
    pgvector.execute("""
        CREATE TABLE changing (v vector(2) PRIMARY KEY, h halfvec, s sparsevec, vs vector[]);
        INSERT INTO changing SELECT ARRAY[i, -i]::vector, ARRAY[0, i]::halfvec, '{1:1,2:2}/5', '{"[1]",NULL}'
        FROM generate_series(1, 10) AS i""")
    made = project({"changing": {"table": "changing"}}, source=pgvector.uri)
    made.run("--verify")
    for column, value, in_database, in_lake in [
        ("h", "[-0,3]", "[-0,3]", "[0, 3]"),
        ("s", "{1:1,3:2}/5", "{1:1,3:2}/5", '[{"key": 1, "value": 1}, {"key": 2, "value": 2}]'),
        ("vs", '{NULL,"[1]"}', "{NULL,[1]}", "[[1], null]"),
    ]:
        before = pgvector.value(f"SELECT {column}::text FROM changing WHERE v = '[3,-3]'")
        pgvector.execute(f"UPDATE changing SET {column} = '{value}' WHERE v = '[3,-3]'")
        (task,) = json.loads(made.lakehaul("verify", "--json", expect=1).stdout)["tasks"]
        assert [one["column"] for one in task["columns"] if not one["equal"]] == [column]
        (row,) = task["differing_rows"]
        assert row["key"] == "v=[3,-3]"
        assert row["values"] == [{"column": column, "database": in_database, "lake": in_lake}]
        pgvector.execute(f"UPDATE changing SET {column} = '{before}' WHERE v = '[3,-3]'")
    assert_verified(made)


def test_arrays_of_several_dimensions(pgvector, project):
    pgvector.execute("""
        CREATE TABLE grid (v vector[], s sparsevec[]);
        INSERT INTO grid VALUES ('{{"[1,2]","[3]"},{"[4]",NULL}}', '{{"{2:1}/3"}}')""")
    tasks = {name: {"table": "grid", "multidimensional": name} for name in ("json", "flatten", "error")}
    run = haul(project(tasks, source=pgvector.uri), "--verify", expect=1)
    assert read_with_pyarrow(run.files("json")).to_pylist() == [
        {"v": '[["[1,2]","[3]"],["[4]",null]]', "s": '[["{2:1}/3"]]'}
    ]
    assert read_with_pyarrow(run.files("flatten")).to_pylist() == [
        {"v": {"dims": [2, 2], "values": [[1, 2], [3], [4], None]}, "s": {"dims": [1, 1], "values": [[(2, 1)]]}}
    ]
    assert 'column "v", row 1: the array has 2 dimensions' in run.tasks["error"]["error"]["message"]


def test_an_extension_outside_of_the_search_path(database, project):
    database.execute("""
        CREATE SCHEMA "My Types";
        CREATE EXTENSION vector SCHEMA "My Types";
        CREATE TABLE elsewhere AS SELECT '[1,2]'::"My Types".vector(2) AS v, '[3]'::"My Types".halfvec AS h,
          '{2:4}/5'::"My Types".sparsevec AS s, ARRAY['[6]'::"My Types".vector] AS vs;
        CREATE SCHEMA other;
        CREATE TYPE other.vector AS ENUM ('x');
        CREATE TYPE other.sparsevec AS (vector int);
        CREATE TABLE namesakes AS SELECT 'x'::other.vector AS v, ROW(1)::other.sparsevec AS s""")
    tasks = {name: {"table": name} for name in ("elsewhere", "namesakes")}
    run = haul(project(tasks, source=database.uri), "--verify")
    assert "warning" not in run.stderr, run.stderr
    (row,) = read_with_pyarrow(run.files("elsewhere")).to_pylist()
    assert row == {"v": [1, 2], "h": [3], "s": [(2, 4)], "vs": [[6]]}
    assert read_with_pyarrow(run.files("namesakes")).to_pylist() == [{"v": "x", "s": {"vector": 1}}]


def test_types_and_masks_of_vector_columns(pgvector, hauled, project):
    columns = {"include": ["id", "v", "h", "s"], "v": {"type": "text"}, "h": {"mask": "sha256"}, "s": {"mask": "null"}}
    run = haul(project({"edges": {"table": "edges", "columns": columns}}, source=pgvector.uri), "--verify")
    table = read_with_pyarrow(run.files("edges")).sort_by("id")
    expected = pgvector.rows("SELECT v::text, encode(sha256(h::text::bytea), 'hex') FROM edges ORDER BY id")
    assert list(zip(table.column("v").to_pylist(), table.column("h").to_pylist())) == expected
    assert table.column("s").null_count == len(expected)


def test_distances_computed_over_the_lake_are_the_servers(pgvector, project):
    pgvector.execute("""
        CREATE TABLE items AS SELECT id, ARRAY[sin(id), cos(id * 2), 0.5]::vector AS v,
          format('{%s:0.5}/100', id)::sparsevec AS s
        FROM generate_series(1, 50) AS id""")
    sql = "SELECT id, list_distance(v, [1, 0, 0]::FLOAT[]) AS distance, v, s FROM items"
    tasks = {"items": {"table": "items"}, "distances": {"sql": "distances.sql"}}
    made = project(tasks, source=pgvector.uri, files={"distances.sql": sql})
    made.run()
    expected = dict(pgvector.rows("SELECT id, v <-> '[1,0,0]' FROM items"))
    rows = {row["id"]: row for row in support.read_lake_pyarrow(made.lake, "distances").to_pylist()}
    assert {id: row["distance"] for id, row in rows.items()} == pytest.approx(expected, rel=1e-5)
    items = {row["id"]: row for row in support.read_lake_pyarrow(made.lake, "items").to_pylist()}
    assert {id: (row["v"], row["s"]) for id, row in rows.items()} == {id: (r["v"], r["s"]) for id, r in items.items()}
