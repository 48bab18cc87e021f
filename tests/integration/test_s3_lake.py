"""A lake on S3, as boto3 and pyarrow see it."""
from __future__ import annotations

import io
import json

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from services.s3_server import Bucket
from support import Database, Project, run_lakehaul

ROWS = 2000


@pytest.fixture
def orders(database: Database) -> Database:
    database.execute(
        f"CREATE TABLE orders AS SELECT i AS id, md5(i::text) AS note, now() AS placed FROM generate_series(1, {ROWS}) AS i"
    )
    return database


def read_table(bucket: Bucket, lake: str, table: str) -> tuple[dict, list]:
    """The pointer, and the tables of its files."""
    pointer = json.loads(bucket.get(f"{lake}/_lakehaul/tables/{table}.json"))
    files = [bucket.get(f"{lake}/{file['key']}") for file in pointer["files"]]
    assert [len(file) for file in files] == [file["bytes"] for file in pointer["files"]]
    return pointer, [pq.read_table(io.BytesIO(file)) for file in files]


def test_a_run_writes_tables_and_leaves_nothing_else(orders, project, s3_bucket: Bucket, s3_env) -> None:
    made: Project = project({"orders": {"table": "orders"}}, source=orders.uri, lake=f"{s3_bucket.url}/a lake")
    made.run(env=s3_env, expect=0)
    pointer, tables = read_table(s3_bucket, "a lake", "orders")
    assert sum(table.num_rows for table in tables) == ROWS == pointer["rows"]
    assert sorted(row for table in tables for row in table.column("id").to_pylist()) == list(range(1, ROWS + 1))
    assert s3_bucket.uploads() == []
    assert s3_bucket.keys() == sorted(
        ["a lake/_lakehaul/tables/orders.json", *(f"a lake/{file['key']}" for file in pointer["files"])]
    )


def test_large_tables_go_up_in_parts_of_which_nothing_is_left(database, project, s3_bucket: Bucket, s3_env) -> None:
    database.execute(
        "CREATE TABLE big AS SELECT i AS id, decode(md5(i::text) || md5((-i)::text), 'hex') AS noise"
        " FROM generate_series(1, 1500000) AS i"
    )
    made = project(
        {"big": {"table": "big", "streams": 2, "compression": "none"}}, source=database.uri, lake=f"{s3_bucket.url}/l"
    )
    made.run(env=s3_env, expect=0)
    pointer, tables = read_table(s3_bucket, "l", "big")
    assert max(file["bytes"] for file in pointer["files"]) > 20 * 2**20
    assert sum(table.num_rows for table in tables) == 1_500_000
    assert database.rows("SELECT sum(id) FROM big")[0][0] == sum(pc.sum(table.column("id")).as_py() for table in tables)
    etags = [s3_bucket.client.head_object(Bucket=s3_bucket.name, Key=f"l/{file['key']}")["ETag"] for file in pointer["files"]]
    assert any("-" in etag for etag in etags), "none was a multipart upload"
    assert s3_bucket.uploads() == []
