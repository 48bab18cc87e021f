"""The commands beside run: export, query, inspect, init, check and plan, against what other programs say."""
import csv
import io
import json
import re
import stat
import subprocess
from decimal import Decimal

import duckdb
import pyarrow
import pyarrow.parquet
import pytest
from processes import tree
from support import LAKEHAUL, arrow_rows, assert_same_rows, clean_environment, is_published, read_lake_duckdb

ITEMS_SQL = """
CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL, price numeric(10,2), ratio double precision,
                    moment timestamptz, tags text[], extra jsonb, day date, ok boolean, raw bytea, exact numeric);
INSERT INTO items SELECT i, 'item ' || i, (i * 0.37)::numeric(10,2), i / 7.0::double precision,
       '2026-01-01 00:00:00+00'::timestamptz + i * interval '1.000001 seconds', ARRAY['a' || i, NULL],
       jsonb_build_object('n', i), '2026-01-01'::date + i, i % 2 = 0, int4send(i), i / 3.0
FROM generate_series(1, 5000) AS i;
INSERT INTO items VALUES
  (5001, '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (5002, E'comma, "quote" and\nline', -0.01, 'NaN', '0001-01-01 00:00:00+00', '{}', '[]', '0044-03-15 BC', true, '',
   'NaN'),
  (5003, 'ünïcode ☃ 𝄞', 99999999.99, '-Infinity', '9999-12-31 23:59:59.999999+00', '{"a,b"}', '"x"', '9999-12-31',
   false, '\\x00ff', 123456789012345678901234567890.123456789);
"""


@pytest.fixture(scope="module")
def items(module_database):
    """A database with the table items."""
    module_database.execute(ITEMS_SQL)
    return module_database


@pytest.fixture(scope="module")
def lake(items, lakehaul, tmp_path_factory):
    """The same as a lake."""
    directory = tmp_path_factory.mktemp("items")
    (directory / "lakehaul.yaml").write_text(
        f'project: items\nsource: "{items.uri}"\nlake: ./lake\ntasks: {{items: {{table: items}}}}\n'
    )
    lakehaul("run", "--quiet", "--project", directory / "lakehaul.yaml", expect=0)
    return directory / "lake"


# export


@pytest.mark.asan
def test_a_table_becomes_one_file(items, lakehaul, tmp_path):
    path = tmp_path / "items.parquet"
    result = lakehaul("export", items.uri, "--table", "public.items", "-o", path, expect=0)
    assert result.stderr == ""
    assert result.stdout.startswith(f"{path}: 5,003 rows, ")
    table = pyarrow.parquet.ParquetFile(path).read(columns=["id", "name", "price"])
    assert_same_rows(arrow_rows(table.sort_by("id")), items.rows("SELECT id, name, price FROM items ORDER BY id"))
    with duckdb.connect() as connection:
        rows = connection.from_parquet(str(path)).order("id").project("id, ok, raw, day::VARCHAR").fetchall()
    expected = items.rows("SELECT id, ok, raw, replace(day::text, ' BC', ' (BC)') FROM items ORDER BY id")
    assert_same_rows(rows, expected)
    assert list(tmp_path.iterdir()) == [path], "nothing else is left"


def test_a_query_becomes_a_part_in_a_directory(items, lakehaul, tmp_path):
    sql = "SELECT ok, count(*) AS n, sum(price)::numeric(20,2) AS total FROM items GROUP BY ok ORDER BY ok"
    for output in (tmp_path, f"{tmp_path}/made/deep/"):
        document = json.loads(lakehaul("export", items.uri, "--query", sql, "-o", output, "--json", expect=0).stdout)
        path = document["file"]
        assert path.endswith("/part-00000.parquet")
        table = pyarrow.parquet.ParquetFile(path).read()
        assert arrow_rows(table) == items.rows(sql)
        with open(path, "rb") as file:
            assert document["bytes"] == len(file.read())
        assert document["rows"] == table.num_rows
    assert (tmp_path / "made" / "deep" / "part-00000.parquet").exists()


def test_an_existing_file_is_replaced_in_one_step(items, lakehaul, tmp_path):
    path = tmp_path / "items.parquet"
    lakehaul("export", items.uri, "-t", "items", "-o", path, "--limit", "10", expect=0)
    with open(path, "rb") as before:  # a reader that has it open
        lakehaul("export", items.uri, "-t", "items", "-o", path, "--limit", "20", expect=0)
        assert pyarrow.parquet.read_table(before).num_rows == 10
    assert pyarrow.parquet.ParquetFile(path).metadata.num_rows == 20
    assert not stat.S_IMODE(path.stat().st_mode) & 0o111


@pytest.mark.asan
def test_a_failed_export_leaves_the_existing_file_and_nothing_else(items, lakehaul, tmp_path):
    path = tmp_path / "items.parquet"
    lakehaul("export", items.uri, "-t", "items", "-o", path, "--limit", "10", expect=0)
    before = tree(tmp_path)
    sql = "SELECT CASE WHEN id = 5000 THEN 1 / (id - 5000) ELSE id END AS id, repeat(md5(id::text), 50) FROM items"
    result = lakehaul("export", items.uri, "-q", sql, "-o", path, expect=1)
    assert "division by zero" in result.stderr
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("zstd", "ZSTD"),
        ("zstd(19)", "ZSTD"),
        ("snappy", "SNAPPY"),
        ("gzip", "GZIP"),
        ("lz4_raw", "LZ4"),
        ("none", "UNCOMPRESSED"),
    ],
)
def test_every_codec_is_read_by_others(items, lakehaul, tmp_path, codec, name):
    path = tmp_path / "items.parquet"
    lakehaul("export", items.uri, "-t", "items", "-o", path, "--compression", codec, "--limit", "2000", expect=0)
    file = pyarrow.parquet.ParquetFile(path)
    group = file.metadata.row_group(0)
    assert {group.column(i).compression for i in range(group.num_columns)} == {name}
    ids = file.read(columns=["id"])["id"].to_pylist()
    with duckdb.connect() as connection:
        rows = connection.from_parquet(str(path)).project("id, price").fetchall()
    listed = ", ".join(map(str, ids))
    assert sorted(rows) == items.rows(f"SELECT id, price FROM items WHERE id IN ({listed}) ORDER BY id")
    assert len(ids) == 2000


def test_a_view_and_a_partitioned_table_are_exported_like_tables(database, lakehaul, tmp_path):
    database.execute(
        "CREATE TABLE parts (id int, region text) PARTITION BY LIST (region);"
        "CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a');"
        "CREATE TABLE parts_b PARTITION OF parts FOR VALUES IN ('b');"
        "INSERT INTO parts SELECT i, CASE WHEN i % 3 = 0 THEN 'a' ELSE 'b' END FROM generate_series(1, 300) AS i;"
        "CREATE VIEW third AS SELECT id AS n FROM parts WHERE region = 'a'"
    )
    for table, rows in (("parts", 300), ("third", 100)):
        lakehaul("export", database.uri, "-t", table, "-o", tmp_path / "x.parquet", expect=0)
        assert pyarrow.parquet.ParquetFile(tmp_path / "x.parquet").metadata.num_rows == rows


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["-t", "itmes", "-o", "x"], 1, ["itmes", "did you mean", "items"]),
        (["-t", "public.items", "-q", "select 1", "-o", "x"], 2, ["--table", "--query"]),
        (["-o", "x"], 2, ["--table", "--query"]),
        (["-t", "items"], 2, ["--output"]),
        (["-t", "items", "-o", "x", "--compression", "lzo"], 2, ["lzo", "zstd"]),
        (["-t", "items", "-o", "x", "--compression", "zstd(99)"], 2, ["zstd(99)"]),
        (["-t", "items", "-o", "x", "--limit", "some"], 2, ["--limit"]),
        (["-t", "items", "-o", "/dev/null/x.parquet"], 4, ["/dev/null/x.parquet"]),
        (["-t", "items", "-o", "gs://bucket/x.parquet"], 2, ["gs://"]),
        (["-t", "items", "-o", "s3://bucket"], 2, ["a bucket without a file", "s3://bucket/orders.parquet"]),
        (["-q", "select 1 as n from nowhere", "-o", "x"], 1, ["nowhere", "column 20"]),
        (["-q", "selec 1", "-o", "x"], 1, ["syntax error"]),
        (["-q", "select 1 as n; select 2 as n", "-o", "x"], 1, []),
        (["-q", "delete from items", "-o", "x"], 1, []),
        (["-q", "select 1 as n, 2 as n", "-o", "x"], 1, ['"n"']),
    ],
)
def test_export_errors_name_their_cause(items, lakehaul, tmp_path, options, status, words):
    result = lakehaul("export", items.uri, *options, cwd=tmp_path, expect=status)
    for word in words:
        assert word in result.stderr
    assert result.stderr.startswith("lakehaul: ")
    assert len(result.stderr.splitlines()) <= 2, "one message, one hint"
    assert items.password not in result.stderr
    assert list(tmp_path.iterdir()) == []


# query


def query(lakehaul, lake, sql, *options, expect=0):
    return lakehaul("query", "--lake", lake, *options, sql, expect=expect).stdout


COLUMNS = ["id", "name", "price", "ratio", "moment", "tags", "extra", "day", "ok", "raw", "exact"]


@pytest.mark.asan
def test_csv_holds_what_psql_prints(items, lake, lakehaul):
    """Column by column; booleans and lists are spelled as the engine spells them."""
    columns = "id, name, price, ratio, moment, extra, day, raw, exact"
    ours = list(csv.reader(io.StringIO(query(lakehaul, lake, f"SELECT {columns} FROM items ORDER BY id", "-f", "csv"))))
    theirs = list(csv.reader(io.StringIO(items.psql("--csv", "-c", f"SELECT {columns} FROM items ORDER BY id"))))
    assert ours[0] == columns.split(", ")
    assert_same_rows(ours[1:], theirs if theirs[0] != ours[0] else theirs[1:])


def test_csv_tells_null_from_the_empty_text(lake, lakehaul):
    text = query(lakehaul, lake, "SELECT name, price FROM items WHERE id = 5001", "-f", "csv")
    assert text == 'name,price\n"",\n'


def test_json_is_an_array_of_objects_with_exact_numbers(items, lake, lakehaul):
    text = query(lakehaul, lake, "SELECT * FROM items ORDER BY id", "--format", "json")
    rows = json.loads(text, parse_float=Decimal)
    assert [list(row) for row in rows] == [COLUMNS] * 5003
    database_rows = items.rows(
        "SELECT id, name, price, tags, extra, ok, encode(raw, 'hex'), exact::text FROM items ORDER BY id"
    )
    assert_same_rows(
        [
            (
                row["id"],
                row["name"],
                row["price"],
                row["tags"],
                row["extra"],
                row["ok"],
                None if row["raw"] is None else row["raw"].removeprefix("\\x"),
                row["exact"],
            )
            for row in rows
        ],
        database_rows,
    )
    assert (rows[5001]["ratio"], rows[5002]["ratio"]) == ("NaN", "-Infinity")
    assert float(rows[0]["ratio"]) == 1 / 7
    assert rows[0]["moment"] == "2026-01-01T00:00:01.000001Z"


def test_a_table_has_aligned_columns_and_a_count(lake, lakehaul):
    lines = query(lakehaul, lake, "SELECT id, name, price FROM items WHERE id > 4999 ORDER BY id").splitlines()
    assert lines[-1] == "(4 rows)"
    header, rule, *rows = lines[:-1]
    edges = [i for i, c in enumerate(rule) if c == "+"]
    assert [name.strip() for name in header.split("|")] == ["id", "name", "price"]
    for row in rows:
        assert [row[i] for i in edges] == ["|", "|"]
    assert [cell.strip() for cell in rows[1].split("|")] == ["5001", "", "NULL"]
    assert rows[2].count("\\n") == 1, "a line break is shown and does not break the table"


@pytest.mark.parametrize(("form", "text"), [("csv", "n\n"), ("json", "[]\n"), ("table", " n\n---\n(0 rows)\n")])
def test_an_empty_result_is_still_well_formed(lake, lakehaul, form, text):
    assert query(lakehaul, lake, "SELECT id AS n FROM items WHERE false", "-f", form) == text


def test_a_large_result_passes_through_in_little_memory_and_a_closed_pipe_ends_it(lake, lakehaul):
    text = query(lakehaul, lake, "SELECT i, 'row ' || i AS t FROM range(300000) r(i)", "-f", "csv", "--memory", "64MB")
    lines = text.splitlines()
    assert (len(lines), lines[-1]) == (300_001, "299999,row 299999")
    piped = subprocess.run(
        ["sh", "-c", f'"{LAKEHAUL}" query --lake "{lake}" -f csv "SELECT i FROM range(100000000) r(i)" | head -2'],
        capture_output=True,
        encoding="utf-8",
        env=clean_environment(),
        timeout=30,
        check=True,
    )
    assert (piped.stdout, piped.stderr) == ("i\n0\n", "")


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT * FROM itmes", ["itmes", "did you mean items?"]),
        ("SELECT nmae FROM items", ["line 1, column 8", "name"]),
        ("SELECT FROM", ["syntax error"]),
        ("DROP TABLE items", ["SELECT"]),
        ("COPY items TO 'stolen.csv'", ["SELECT"]),
        ("SELECT 1; SELECT 2", []),
        ("", ["empty"]),
    ],
)
def test_query_errors_are_one_message_and_a_hint(lake, lakehaul, tmp_path, sql, words):
    result = lakehaul("query", "--lake", lake, sql, cwd=tmp_path, expect=1)
    assert result.stdout == ""
    for word in words:
        assert word in result.stderr
    assert len(result.stderr.splitlines()) <= 2
    assert list(tmp_path.iterdir()) == []


def test_query_finds_the_lake_by_its_project(lake, lakehaul):
    project = lake.parent / "lakehaul.yaml"
    result = lakehaul("query", "--project", project, "-f", "csv", "SELECT count(*) AS n FROM items", expect=0)
    assert result.stdout == "n\n5003\n"
    assert lakehaul("query", "--lake", lake / "none", "SELECT 1", expect=4).stderr.count("hint:") == 1
    assert lakehaul("query", "--project", lake / "none.yaml", "SELECT 1", expect=2).stderr.count("hint:") == 1


# inspect


def assert_inspection_agrees(lakehaul, path):
    """inspect --json against pyarrow's reading of the same footer, number by number."""
    document = json.loads(lakehaul("inspect", "--json", path, expect=0).stdout)
    metadata = pyarrow.parquet.ParquetFile(path).metadata
    size = path.stat().st_size
    assert (document["size_bytes"], document["footer_bytes"]) == (size, metadata.serialized_size)
    assert (document["rows"], document["created_by"]) == (metadata.num_rows, metadata.created_by)
    assert len(document["row_groups"]) == metadata.num_row_groups
    theirs = {key.decode(): value.decode() for key, value in (metadata.metadata or {}).items()}
    assert {pair["key"]: pair["value"] for pair in document["metadata"]} == theirs
    leaves = [element for element in document["schema"] if element["children"] == 0]
    assert [leaf["name"] for leaf in leaves] == [metadata.schema.column(i).name for i in range(metadata.num_columns)]
    assert [leaf["type"] for leaf in leaves] == [
        metadata.schema.column(i).physical_type for i in range(metadata.num_columns)
    ]
    for g, group in enumerate(document["row_groups"]):
        their_group = metadata.row_group(g)
        assert (group["rows"], group["uncompressed_bytes"]) == (their_group.num_rows, their_group.total_byte_size)
        for c, column in enumerate(group["columns"]):
            their_column = their_group.column(c)
            assert {
                "path": column["path"],
                "type": column["type"],
                "codec": column["codec"].replace("LZ4_RAW", "LZ4"),
                "encodings": sorted(column["encodings"]),
                "values": column["values"],
                "sizes": (column["uncompressed_bytes"], column["compressed_bytes"]),
                "data": column["data_page_offset"],
                "dictionary": column["dictionary_page_offset"],
                "index": (column["column_index_offset"] is not None, column["offset_index_offset"] is not None),
            } == {
                "path": their_column.path_in_schema,
                "type": their_column.physical_type,
                "codec": their_column.compression,
                "encodings": sorted(their_column.encodings),
                "values": their_column.num_values,
                "sizes": (their_column.total_uncompressed_size, their_column.total_compressed_size),
                "data": their_column.data_page_offset,
                "dictionary": their_column.dictionary_page_offset,
                "index": (their_column.has_column_index, their_column.has_offset_index),
            }
            statistics, their_statistics = column["statistics"], their_column.statistics
            if their_statistics is not None:
                assert statistics["distinct_count"] == their_statistics.distinct_count
            if their_statistics is None:
                assert statistics is None
                continue
            their_nulls = their_statistics.null_count if their_statistics.has_null_count else None
            assert statistics["null_count"] == their_nulls
            if their_statistics.has_min_max and their_column.physical_type in ("INT32", "INT64"):
                if their_statistics.logical_type.type == "NONE":
                    assert (int(statistics["min"]), int(statistics["max"])) == (
                        their_statistics.min_raw,
                        their_statistics.max_raw,
                    )
            if their_statistics.has_min_max and their_statistics.logical_type.type == "STRING":
                assert (statistics["min"], statistics["max"]) == (their_statistics.min, their_statistics.max)
    return document


@pytest.mark.asan
def test_inspect_agrees_with_pyarrow_on_our_files(items, lakehaul, tmp_path):
    path = tmp_path / "items.parquet"
    lakehaul("export", items.uri, "-t", "items", "-o", path, "--quiet", expect=0)
    document = assert_inspection_agrees(lakehaul, path)
    ids = document["row_groups"][0]["columns"][0]["statistics"]
    assert (ids["min"], ids["max"], ids["null_count"]) == ("1", "5003", 0)
    price = document["row_groups"][0]["columns"][2]["statistics"]
    assert (price["min"], price["max"], price["null_count"]) == ("-0.01", "99999999.99", 1)


FOREIGN = pyarrow.table(
    {
        "n": pyarrow.array([1, None, 3] * 100, pyarrow.int64()),
        "small": pyarrow.array([-1, 2, None] * 100, pyarrow.int32()),
        "text": ["a", "ö", None] * 100,
        "price": pyarrow.array([Decimal("1.25"), None, Decimal("-3.50")] * 100, pyarrow.decimal128(20, 2)),
        "list": [[1, 2], [], None] * 100,
        "pair": [{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}] * 100,
        "at": pyarrow.array([0, 1000, None] * 100, pyarrow.timestamp("ns", tz="UTC")),
        "half": pyarrow.array([0.5, None, 1.5] * 100, pyarrow.float32()),
    }
)


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "zstd", "row_group_size": 70},
        {"compression": "snappy", "use_dictionary": False, "data_page_version": "2.0"},
        {"compression": "lz4", "version": "1.0", "write_statistics": False},
        {"compression": "none", "write_page_index": True, "column_encoding": {"n": "DELTA_BINARY_PACKED"},
         "use_dictionary": ["text"]},
    ],
)  # fmt: skip
def test_inspect_agrees_with_pyarrow_on_its_own_files(lakehaul, tmp_path, options):
    path = tmp_path / "foreign.parquet"
    pyarrow.parquet.write_table(FOREIGN, path, **options)
    assert_inspection_agrees(lakehaul, path)


def test_inspect_shows_the_pages_of_other_writers_files(lakehaul, tmp_path):
    path = tmp_path / "pages.parquet"
    table = pyarrow.table({"n": range(5000), "text": [None if i < 2000 else f"t{i:05}" for i in range(5000)]})
    pyarrow.parquet.write_table(table, path, write_page_index=True, data_page_size=1, write_batch_size=1000)
    document = json.loads(lakehaul("inspect", "--pages", "--json", path, expect=0).stdout)
    numbers, texts = document["row_groups"][0]["columns"]
    assert [(p["first_row"], p["rows"], p["min"], p["max"], p["null_count"]) for p in numbers["pages"]] == [
        (first, 1000, str(first), str(first + 999), 0) for first in range(0, 5000, 1000)
    ]
    assert numbers["boundary_order"] == "ascending"
    assert [(p["min"], p["max"], p["null_count"]) for p in texts["pages"]] == [
        (None, None, 1000), (None, None, 1000), ("t02000", "t02999", 0), ("t03000", "t03999", 0), ("t04000", "t04999", 0)
    ]  # fmt: skip
    text = lakehaul("inspect", "--pages", path, expect=0).stdout
    assert re.search(r"^  text +3 +3,000 +1,000 .*\"t03000\" +\"t03999\"$", text, re.MULTILINE)
    assert "Pages of row group 0:" in text


def test_inspect_refuses_a_damaged_page_index_by_column(lakehaul, tmp_path):
    path = tmp_path / "pages.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"n": range(5000)}), path, write_page_index=True)
    document = json.loads(lakehaul("inspect", "--json", path, expect=0).stdout)
    data = bytearray(path.read_bytes())
    data[document["row_groups"][0]["columns"][0]["column_index_offset"] + 1] = 0xFF
    path.write_bytes(data)
    lakehaul("inspect", path, expect=0)
    result = lakehaul("inspect", "--pages", path, expect=1)
    assert f'{path}: the column index of column "n" cannot be read: ' in result.stderr


@pytest.mark.parametrize("version", ["V1", "V2"])
def test_inspect_agrees_with_pyarrow_on_files_of_duckdb(lakehaul, tmp_path, version):
    path = tmp_path / "duck.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT i, i::VARCHAR AS text, i::DECIMAL(9,1) AS price, [i, NULL] AS list, {'a': i} AS pair,"
            " MAP {i: 'x'} AS m FROM range(10000) t(i))"
            f" TO '{path}' (FORMAT parquet, PARQUET_VERSION {version}, ROW_GROUP_SIZE 4096, COMPRESSION zstd)"
        )
    assert_inspection_agrees(lakehaul, path)


def test_inspect_as_text_has_a_line_per_column(items, lakehaul, tmp_path):
    path = tmp_path / "items.parquet"
    lakehaul("export", items.uri, "-t", "items", "-o", path, "--quiet", expect=0)
    lines = lakehaul("inspect", path, expect=0).stdout.splitlines()
    assert lines[0] == str(path)
    size = path.stat().st_size
    assert any(f"({size:,} bytes)" in line for line in lines)
    assert any(re.match(r"  rows +5,003$", line) for line in lines)
    header = next(line for line in lines if line.startswith("  column"))
    columns = lines[lines.index(header) + 1 :]
    assert [line.split()[0] for line in columns] == [
        "tags.list.element" if name == "tags" else name for name in COLUMNS
    ]
    assert columns[0].split()[-2:] == ["1", "5003"]
    by_group = lakehaul("inspect", "--row-groups", path, expect=0).stdout
    assert "Row group 0: 5,003 rows" in by_group


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:8],
        lambda data: data[:-1],
        lambda data: data[:-8] + b"\xff\xff\xff\x7fPAR1",
        lambda data: data[: len(data) // 2] + data[-8:],
        lambda data: b"plain text, no Parquet",
    ],
)
@pytest.mark.asan
def test_inspect_refuses_damaged_files_by_name(items, lakehaul, tmp_path, damage):
    path = tmp_path / "items.parquet"
    lakehaul("export", items.uri, "-t", "items", "-o", path, "--quiet", expect=0)
    path.write_bytes(damage(path.read_bytes()))
    result = lakehaul("inspect", path, expect=1)
    assert str(path) in result.stderr
    assert result.stdout == ""


def test_inspect_of_a_missing_file_says_so(lakehaul, tmp_path):
    result = lakehaul("inspect", tmp_path / "none.parquet", expect=1)
    assert "none.parquet" in result.stderr and "No such file" in result.stderr


# init, check, plan


NAMES_SQL = """
CREATE SCHEMA app; CREATE SCHEMA "Odd Schema";
CREATE TABLE public.orders (id int, amount numeric(10,2));
CREATE TABLE app.orders (id int);
CREATE TABLE "Odd Schema"."Tab""le ü$" ("Col umn" text, "select" int);
CREATE TABLE parts (id int) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
CREATE VIEW seen AS SELECT id FROM public.orders;
CREATE MATERIALIZED VIEW kept AS SELECT id FROM public.orders;
INSERT INTO public.orders VALUES (1, 1.5), (2, NULL); INSERT INTO app.orders VALUES (3);
INSERT INTO "Odd Schema"."Tab""le ü$" VALUES ('x', 1); INSERT INTO parts VALUES (5);
REFRESH MATERIALIZED VIEW kept;
"""


@pytest.mark.asan
def test_init_writes_a_project_that_passes_check_and_runs(database, lakehaul, tmp_path):
    database.execute(NAMES_SQL)
    path = tmp_path / "lakehaul.yaml"
    env = {"DATABASE_URL": database.uri}
    result = lakehaul("init", database.uri, cwd=tmp_path, expect=0)
    assert database.password not in path.read_text() + result.stdout + result.stderr
    refused = lakehaul("init", database.uri, cwd=tmp_path, expect=2)
    assert "exists already" in refused.stderr
    lakehaul("init", "--force", cwd=tmp_path, env=env, expect=0)
    checked = lakehaul("check", "--project", path, env=env, expect=0)
    assert "no problem found" in checked.stdout
    result = lakehaul("run", "--project", path, "--json", env=env, expect=0)
    tasks = {task["task"]: task["rows"] for task in json.loads(result.stdout)["tasks"]}
    assert len(tasks) == 6, "the partition is part of its table"
    assert sorted(tasks.values()) == [1, 1, 1, 2, 2, 2]
    assert tasks["public_orders"] == 2 and tasks["app_orders"] == 1
    assert read_lake_duckdb(tmp_path / "lake", "public_orders", "SELECT * FROM lake_table ORDER BY id") == [
        (1, Decimal("1.50")),
        (2, None),
    ]


def test_init_takes_schemas_and_knows_the_nearest(database, lakehaul, tmp_path):
    database.execute(NAMES_SQL)
    lakehaul("init", database.uri, "--schema", "app", "-o", tmp_path / "x.yaml", expect=0)
    text = (tmp_path / "x.yaml").read_text()
    assert "app.orders" in text and "public.orders }" not in text
    result = lakehaul("init", database.uri, "--schema", "pulbic", "-o", tmp_path / "y.yaml", expect=2)
    assert 'did you mean "public"?' in result.stderr
    assert not (tmp_path / "y.yaml").exists()


def test_init_of_an_empty_database_says_so(database, lakehaul, tmp_path):
    result = lakehaul("init", database.uri, cwd=tmp_path, expect=3)
    assert "no tables" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_check_reports_every_problem_with_its_line(database, project):
    database.execute("CREATE TABLE orders (id int, amount numeric(10,2), rights aclitem)")
    made = project(
        {
            "orders": {"table": "public.orders"},
            "oders": {"table": "public.oders"},
            "less": {"table": "orders", "columns": {"exclude": ["amuont"]}},
            "asked": {"query": "SELECT id, amont FROM orders"},
            "derived": {"sql": "derived.sql"},
        },
        source=database.uri,
        files={"derived.sql": "SELECT * FROM ordres"},
    )
    lines = made.path.read_text().splitlines()
    result = made.lakehaul("check", expect=1)
    for task, words in (
        ("oders", ["oders", "orders"]),
        ("less", ["amuont", "amount"]),
        ("asked", ["amont"]),
        ("derived", ["ordres", "orders"]),
    ):
        number = lines.index(f"  {task}:") + 1
        messages = result.stderr.splitlines()
        found = [i for i, line in enumerate(messages) if f"lakehaul.yaml:{number}: task {task}:" in line]
        assert len(found) == 1, result.stderr
        text = " ".join(messages[found[0] : found[0] + 2])
        for word in words:
            assert word in text
    assert "4 problems found" in result.stderr
    assert re.search(r"^orders: 3 columns", result.stdout, re.MULTILINE)
    assert "rights" in result.stderr and "text" in result.stderr, "a column carried over as text is told"
    assert not made.lake.exists()


def test_plan_shows_order_reads_and_estimates(database, project):
    database.execute(
        "CREATE TABLE big AS SELECT i, md5(i::text) AS t FROM generate_series(1, 10000) AS i; ANALYZE big;"
        "CREATE TABLE tiny AS SELECT 1 AS i; ANALYZE tiny"
    )
    made = project(
        {
            "both": {"sql": "both.sql"},
            "big": {"table": "big"},
            "tiny": {"table": "tiny"},
            "apart": {"query": "SELECT i FROM big WHERE i < 100"},
        },
        source=database.uri,
        files={"both.sql": "SELECT big.i FROM big JOIN tiny USING (i)"},
    )
    tasks = json.loads(made.lakehaul("plan", "--json", expect=0).stdout)["tasks"]
    order = [task["task"] for task in tasks]
    assert order.index("both") > max(order.index("big"), order.index("tiny"))
    by_name = {task["task"]: task for task in tasks}
    assert by_name["both"] == {
        "task": "both",
        "kind": "sql",
        "reads": ["big", "tiny"],
        "estimated_rows": None,
        "estimated_bytes": None,
    }
    assert by_name["big"]["estimated_rows"] == 10_000
    heap = database.value("SELECT pg_table_size('big')")
    assert heap * 0.5 <= by_name["big"]["estimated_bytes"] <= heap
    assert 50 <= by_name["apart"]["estimated_rows"] <= 200
    text = made.lakehaul("plan", "both", expect=0).stdout
    assert "apart" not in text
    assert re.search(r"3 +both +sql +- +- +big, tiny", text)
    assert not made.lake.exists() and not is_published(made.lake, "big")
