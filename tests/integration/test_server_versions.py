"""The oldest and the newest server that lakehaul reads, beside the installed one of the other tests: what all have is
read the same, and what a version has of its own is read too."""
import json
import os
import socket
import struct
import threading
from collections.abc import Iterator
from datetime import date, datetime, timezone
from decimal import Decimal

import psycopg
import pytest
import support
from support import arrow_rows, lake_pointer, read_lake_duckdb, read_lake_pyarrow

# scripts/fetch-postgres.sh puts them there. For ARM the oldest is not packaged.
SERVERS = support.ROOT / ".deps" / "postgres"
VERSIONS = ["18"] + (["11"] if os.uname().machine == "x86_64" else [])

TYPES_SQL = """
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN cents AS numeric(12,2);
CREATE TABLE types (
  id int PRIMARY KEY, small smallint, big bigint NOT NULL, yes boolean, single real, twice double precision,
  price numeric(10,2), exact numeric, amount cents, label varchar(20), padded char(4), note text, feeling mood,
  doc jsonb, raw bytea, day date, at timestamp, instant timestamptz, clock time, span interval, key uuid, place point,
  address inet, bits bit(3), list int[], texts text[], compound pair, span_of_days daterange
);
COMMENT ON TABLE types IS 'one of each';
INSERT INTO types VALUES
  (1, -32768, 9223372036854775807, true, '-0', 1e300, 12345678.90, 123456789012345678901234567890.5, 7.25, 'grüße',
   'ab', E'line\\nbreak 🐘', 'happy', '{"a": [1, null]}', '\\x00ff', '2026-01-31', '2026-01-31 12:00:00.123456',
   '2026-01-31 12:00:00+02', '23:59:59.5', '1 mon 2 days 3.5 s', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '(1,2)',
   '10.0.0.0/8', '101', '{1,NULL,3}', '{a,NULL,""}', '(1,x)', '[2026-01-01,2026-02-01)');
INSERT INTO types (id, big) VALUES (2, 0);
"""

# Of what older servers do not have.
NEWEST = pytest.mark.parametrize("server", VERSIONS[:1], indirect=True)

# psql's text of a column is its value in the lake.
AS_TEXT = ["exact", "label", "padded", "note", "feeling", "doc", "key", "address", "bits"]


def check_types(table) -> None:
    rows = {row["id"]: row for row in table.to_pylist()}
    one = rows[1]
    assert one["small"] == -32768 and one["big"] == 2**63 - 1 and one["yes"] is True
    assert str(one["single"]) == "-0.0" and one["twice"] == 1e300
    assert one["price"] == Decimal("12345678.90") and one["amount"] == Decimal("7.25")
    assert one["raw"] == b"\x00\xff"
    assert one["day"] == date(2026, 1, 31)
    assert one["at"] == datetime(2026, 1, 31, 12, 0, 0, 123456)
    assert one["instant"] == datetime(2026, 1, 31, 10, tzinfo=timezone.utc)
    assert one["list"] == [1, None, 3] and one["texts"] == ["a", None, ""]
    assert rows[2] == dict.fromkeys(one) | {"id": 2, "big": 0}


@pytest.fixture(scope="module", params=VERSIONS)
def server(request) -> Iterator[support.Database]:
    bindir = SERVERS / request.param / "bin"
    if not (bindir / "postgres").exists():
        support.missing(f"PostgreSQL {request.param} (scripts/fetch-postgres.sh)")
    with support.start_cluster(bindir) as cluster, psycopg.connect(cluster.uri, autocommit=True) as connection:
        assert connection.info.server_version // 10000 == int(request.param)
        yield support.Database(cluster.uri, connection, bindir)


@pytest.fixture(scope="module")
def shop(server) -> support.Database:
    server.execute(TYPES_SQL)
    server.execute("""
        CREATE TABLE sales (id int NOT NULL, region text NOT NULL, amount numeric(8,2)) PARTITION BY LIST (region);
        CREATE TABLE sales_north PARTITION OF sales FOR VALUES IN ('north');
        CREATE TABLE sales_rest PARTITION OF sales DEFAULT PARTITION BY HASH (id);
        CREATE TABLE sales_rest_0 PARTITION OF sales_rest FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE sales_rest_1 PARTITION OF sales_rest FOR VALUES WITH (MODULUS 2, REMAINDER 1);
        INSERT INTO sales
          SELECT i, (ARRAY['north', 'south', 'east'])[i % 3 + 1], i * 1.25 FROM generate_series(1, 900) AS i;
        ANALYZE sales_north; ANALYZE sales_rest_0; ANALYZE sales_rest_1;
        CREATE VIEW by_region AS
          SELECT region, sum(amount)::numeric(12,2) AS amount, count(*) AS sales FROM sales GROUP BY region;
        CREATE MATERIALIZED VIEW kept AS SELECT * FROM by_region;
    """)
    return server


def haul(project, server, tasks: dict, *args: str) -> support.Project:
    made = project(tasks, source=server.uri)
    result = made.run(*args)
    assert "warning" not in result.stderr, result.stderr
    return made


@pytest.mark.asan
def test_types_tables_partitions_and_views_are_read_and_verified(shop, project):
    names = ["types", "sales", "by_region", "kept"]
    made = haul(
        project, shop,
        {name: {"table": name} for name in names}
        | {"recent": {"query": "select id, region from sales where id > 890"}},
        "--verify",
    )
    table = read_lake_pyarrow(made.lake, "types")
    check_types(table)
    texts = shop.connection.execute(
        f"SELECT {', '.join(f'{name}::text' for name in AS_TEXT)} FROM types ORDER BY id"
    ).fetchall()
    # A cast to text trims char(n).
    assert [tuple(t.rstrip(" ") if t else t for t in row) for row in arrow_rows(table.select(AS_TEXT))] == texts
    for name in ("sales", "by_region", "kept"):
        expected = shop.rows(f"SELECT * FROM {name}")
        assert sorted(arrow_rows(read_lake_pyarrow(made.lake, name))) == sorted(expected)
        assert sorted(read_lake_duckdb(made.lake, name)) == sorted(expected)
    assert len(read_lake_pyarrow(made.lake, "recent")) == 10
    pointer = lake_pointer(made.lake, "types")
    assert pointer["comment"] == "one of each" and pointer["primary_key"] == ["id"]
    assert pointer["snapshot"]["lsn"] != ""
    assert [column["name"] for column in pointer["columns"] if not column["nullable"]] == ["id", "big"]
    assert not any(column["nullable"] for column in lake_pointer(made.lake, "sales")["columns"][:2])


def test_init_check_and_plan_know_partitioned_tables(shop, project, tmp_path):
    directory = tmp_path / "init"
    directory.mkdir()
    written = support.Project(directory)
    support.run_lakehaul("init", "--output", written.path, shop.uri, expect=0)
    text = written.path.read_text()
    assert "public.sales" in text and "sales_north" not in text and "by_region" in text
    made = project({"sales": {"table": "sales"}}, source=shop.uri)
    made.lakehaul("check", expect=0)
    plan = json.loads(made.lakehaul("plan", "--json", expect=0).stdout)
    assert plan["tasks"][0]["estimated_rows"] == 900
    assert plan["tasks"][0]["estimated_bytes"] > 0


def test_a_table_emptied_after_the_snapshot_is_an_error(shop, project):
    shop.execute("DROP TABLE IF EXISTS emptied; CREATE TABLE emptied AS SELECT 1 AS a")
    made = project({"slow": {"query": "select pg_sleep(1)::text as s"}, "emptied": {"table": "emptied"}},
                   source=shop.uri, jobs=1)
    with support.start_lakehaul("run", "--project", made.path, "--json") as running:
        while not shop.value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY (SELECT%pg_sleep%'"):
            assert running.poll() is None
        shop.execute("TRUNCATE emptied")
        stdout, stderr = running.communicate(timeout=60)
    by_name = {task["task"]: task for task in json.loads(stdout)["tasks"]}
    assert by_name["slow"]["status"] == "published", stderr
    assert "was emptied" in by_name["emptied"]["error"]["message"]


def test_a_new_partition_is_no_replaced_table(shop, project):
    shop.execute("DROP TABLE IF EXISTS growing; CREATE TABLE growing (a int) PARTITION BY LIST (a);"
                 "CREATE TABLE growing_1 PARTITION OF growing FOR VALUES IN (1); INSERT INTO growing VALUES (1)")
    made = project({"slow": {"query": "select pg_sleep(1)::text as s"}, "growing": {"table": "growing"}},
                   source=shop.uri, jobs=1)
    with support.start_lakehaul("run", "--project", made.path, "--json") as running:
        while not shop.value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY (SELECT%pg_sleep%'"):
            assert running.poll() is None
        shop.execute("CREATE TABLE growing_2 PARTITION OF growing FOR VALUES IN (2); INSERT INTO growing VALUES (2)")
        stdout, stderr = running.communicate(timeout=60)
    assert all(task["status"] == "published" for task in json.loads(stdout)["tasks"]), stderr
    assert arrow_rows(read_lake_pyarrow(made.lake, "growing")) == [(1,)]


@NEWEST
def test_generated_columns_are_columns(shop, project):
    kinds = ["STORED", "VIRTUAL"]
    columns = ", ".join(f"{kind.lower()} int GENERATED ALWAYS AS (a * 2) {kind}" for kind in kinds)
    shop.execute(f"CREATE TABLE generated (a int, {columns}, n int GENERATED ALWAYS AS IDENTITY)")
    shop.execute("INSERT INTO generated VALUES (1), (NULL)")
    made = haul(project, shop, {"generated": {"table": "generated"}}, "--verify")
    table = read_lake_pyarrow(made.lake, "generated")
    assert table.column_names == ["a", *(kind.lower() for kind in kinds), "n"]
    assert arrow_rows(table) == [(1, *[2] * len(kinds), 1), (None, *[None] * len(kinds), 2)]


@NEWEST
def test_values_that_only_newer_servers_have(shop, project):
    shop.execute("""
        CREATE TABLE newer (below numeric(4,-2), fraction numeric(3,5), ranges int4multirange, big numeric);
        INSERT INTO newer VALUES (123456, 0.00123, '{[1,3),[7,9)}', 'Infinity');
    """)
    made = haul(project, shop, {"newer": {"table": "newer"}}, "--verify")
    row = read_lake_pyarrow(made.lake, "newer").to_pylist()[0]
    assert row["below"] == Decimal(123500) and row["fraction"] == Decimal("0.00123") and row["big"] == "Infinity"


@NEWEST
def test_a_not_null_that_is_not_validated_does_not_count(shop, project):
    shop.execute("""
        CREATE TABLE unproven (a int, b int);
        INSERT INTO unproven VALUES (NULL, 1);
        ALTER TABLE unproven ADD CONSTRAINT later NOT NULL a NOT VALID;
        ALTER TABLE unproven ADD CONSTRAINT now NOT NULL b;
    """)
    made = haul(project, shop, {"unproven": {"table": "unproven"}}, "--verify")
    assert [column["nullable"] for column in lake_pointer(made.lake, "unproven")["columns"]] == [True, False]
    assert arrow_rows(read_lake_pyarrow(made.lake, "unproven")) == [(None, 1)]


def answer_startup(listener: socket.socket, version: str) -> None:
    """What a server of that version says to a client that needs no password, and no more."""

    def message(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("!i", len(body) + 4) + body

    connection, _ = listener.accept()
    with connection:
        connection.recv(8192)
        connection.sendall(
            message(b"R", struct.pack("!i", 0))
            + message(b"S", b"server_version\0" + version.encode() + b"\0")
            + message(b"S", b"server_encoding\0UTF8\0")
            + message(b"K", struct.pack("!ii", 1, 1))
            + message(b"Z", b"I")
        )
        connection.recv(8192)


def test_a_server_older_than_11_is_refused(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=answer_startup, args=(listener, "10.23"), daemon=True)
        server.start()
        uri = f"postgresql://reader@127.0.0.1:{listener.getsockname()[1]}/shop?sslmode=disable&gssencmode=disable"
        result = support.run_lakehaul("export", uri, "--table", "orders", "-o", tmp_path / "orders.parquet", expect=3)
        server.join(timeout=10)
    assert "the server is PostgreSQL 10.23; 11 is the oldest that can be read" in result.stderr
    assert "hint: upgrade the server" in result.stderr
    assert list(tmp_path.iterdir()) == []
