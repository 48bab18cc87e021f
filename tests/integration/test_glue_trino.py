"""Trino reads what lakehaul put into Glue: types, partitions, projected partitions, views; and the shop example returns
the same rows by Trino as by DuckDB."""
from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hauls import haul, make_project
from services.aws_server import AwsServer
from services.s3_server import Bucket, S3Server
from services.trino_server import TrinoServer
from support import ROOT, Database, Project

pytestmark = pytest.mark.slow


@pytest.fixture
def project(
    tmp_path: Path, database: Database, s3_bucket: Bucket, aws_services_env: dict[str, str | None]
) -> Iterator[Project]:
    """Without tasks yet: see `haul_tasks`."""
    project = make_project(tmp_path / "project", database, {"a": {"table": "a"}})
    project.env.update(aws_services_env)
    yield project


def haul_tasks(project: Project, database: Database, bucket: Bucket, tasks: dict[str, Any], *args: str, **keys: Any) -> None:
    keys = {"lake": f"{bucket.url}/lake", "catalog": "glue", "glue": {"database": "shop"}, **keys}
    make_project(project.directory, database, tasks, **keys)
    haul(project, *args)


def duckdb_rows(project: Project, sql: str) -> list[tuple]:
    rows = json.loads(project.lakehaul("query", "--format", "json", sql, expect=0).stdout)
    return [tuple(row.values()) for row in rows]


def test_trino_reads_every_type(
    project: Project, database: Database, s3_bucket: Bucket, s3_server: S3Server, aws_server: AwsServer, trino_server: TrinoServer
) -> None:
    database.execute(
        """
        create type pair as (a int, b text);
        create table types (id int, b bool, s smallint, l bigint, r real, d double precision, n numeric(20,3), t text,
                            j jsonb, u uuid, bin bytea, day date, ts timestamp, tz timestamptz, tm time, arr int[],
                            arr2 text[], p pair, rng int4range, iv interval);
        insert into types values
          (1, true, -3, 9007199254740993, 1.5, 0.1, 12345678901234567.891, 'ü', '{"a": 1}',
           '123e4567-e89b-12d3-a456-426614174000', '\\xdeadbeef', '2026-02-28', '2026-02-28 12:34:56.789',
           '2026-02-28 12:34:56.789+02', '12:34:56', '{1,null,3}', '{a,b}', '(7,seven)', '[1,5)', '1 mon 2 days 03:00'),
          (2, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null)
        """
    )
    haul_tasks(project, database, s3_bucket, {"types": {"table": "types"}})
    with trino_server.glue_catalog(s3_server, aws_server) as catalog:
        rows = trino_server.rows(
            "SELECT b, s, l, r, d, cast(n AS varchar), t, j, u, to_hex(bin), cast(day AS varchar), cast(ts AS varchar),"
            " cast(tz AS varchar), tm, arr, arr2, p.b, rng.lower, iv.days FROM shop.types ORDER BY id",
            catalog,
        )
    assert rows[0] == (
        True, -3, 9007199254740993, 1.5, 0.1, "12345678901234567.891", "ü", '{"a": 1}',
        "123e4567-e89b-12d3-a456-426614174000", "DEADBEEF", "2026-02-28", "2026-02-28 12:34:56.789",
        "2026-02-28 10:34:56.789", "12:34:56", [1, None, 3], ["a", "b"], "seven", 1, 2,
    )
    assert set(rows[1]) == {None}


def test_trino_reads_partitions_as_they_change(
    project: Project, database: Database, s3_bucket: Bucket, s3_server: S3Server, aws_server: AwsServer, trino_server: TrinoServer
) -> None:
    database.execute(
        """
        create table events (id int, kind text, at timestamp, amount int);
        insert into events select i, case i % 3 when 0 then 'a/b' when 1 then 'c' end, '2026-01-30'::timestamp + i * interval '8 hours', i
        from generate_series(0, 11) as i
        """
    )
    tasks = {"events": {"table": "events", "partition_by": ["kind", "day(at)"]}}
    sql = "SELECT kind, cast(day AS varchar), count(*), sum(amount) FROM {} GROUP BY 1, 2 ORDER BY 1, 2"
    haul_tasks(project, database, s3_bucket, tasks)
    with trino_server.glue_catalog(s3_server, aws_server) as catalog:
        for change in ("", "update events set amount = amount + 100 where id = 4; delete from events where kind = 'a/b'; alter table events add column more text default 'x'"):
            if change:
                database.execute(change)
                haul_tasks(project, database, s3_bucket, tasks)
            assert trino_server.rows(sql.format("shop.events"), catalog) == database.rows(
                "SELECT kind, at::date::text, count(*), sum(amount) FROM events GROUP BY 1, 2 ORDER BY 1, 2"
            )
        assert trino_server.rows("SELECT DISTINCT more FROM shop.events", catalog) == [("x",)]
        only = trino_server.rows("SELECT id FROM shop.events WHERE kind = 'c' AND day = DATE '2026-01-31'", catalog)
        assert only == [(4,)]


def test_trino_reads_projected_partitions(
    project: Project, database: Database, s3_bucket: Bucket, s3_server: S3Server, aws_server: AwsServer, trino_server: TrinoServer
) -> None:
    database.execute(
        """
        create table events (id int, country text, at timestamp);
        insert into events select i, case i % 2 when 0 then 'de' else 'fr' end, '2026-01-30'::timestamp + i * interval '9 hours'
        from generate_series(0, 11) as i
        """
    )
    tasks = {"events": {"table": "events", "partition_by": ["country", "day(at)", "hour(at)", "month(at)"], "partition_projection": True}}
    properties = {
        "hive.metastore": "glue", "hive.metastore.glue.endpoint-url": aws_server.endpoint,
        "hive.metastore.glue.region": aws_server.region, "hive.metastore.glue.aws-access-key": aws_server.keys.access_key,
        "hive.metastore.glue.aws-secret-key": aws_server.keys.secret_key, "hive.partition-projection-enabled": "true",
    }
    for _ in range(2):
        haul_tasks(project, database, s3_bucket, tasks)
        with trino_server.catalog(s3_server, **properties) as catalog:
            rows = trino_server.rows("SELECT id, country, hour FROM shop.events ORDER BY id", catalog)
        assert rows == database.rows("SELECT id, country, to_char(at, 'YYYY-MM-DD-HH24') FROM events ORDER BY id")
        database.execute("insert into events values (99, 'it', '2026-02-03 04:00')")
    with trino_server.glue_catalog(s3_server, aws_server) as catalog:  # which does not know of projection
        assert trino_server.rows("SELECT count(*) FROM shop.events", catalog) == [(0,)]


def test_the_shop_example_by_trino_and_duckdb(
    project: Project, database: Database, s3_bucket: Bucket, s3_server: S3Server, aws_server: AwsServer, trino_server: TrinoServer
) -> None:
    shop = ROOT / "examples" / "shop"
    for name in ("schema.sql", "data.sql"):
        database.psql("-f", shop / name)
    shutil.copytree(shop / "tasks", project.directory / "tasks")
    (project.directory / "tasks" / "rich.sql").write_text(
        "select country, count(*) as orders, max(amount_usd) as top from combined_orders where amount_usd > 100 group by country"
    )
    tasks = {
        **{name: {"table": f"public.{name}"} for name in ("products", "orders", "currencies", "taxes")},
        "users": {"table": "public.users", "columns": {"exclude": ["password_hash"]}},
        "combined_orders": {"sql": "tasks/combined_orders.sql"},
        "revenue_by_country": {"sql": "tasks/revenue_by_country.sql"},
        "rich": {"sql": "tasks/rich.sql", "view": True},
    }
    glue = aws_server.client("glue")

    def location(table: str) -> str:
        return glue.get_table(DatabaseName="shop", Name=table)["Table"]["StorageDescriptor"]["Location"]

    with trino_server.glue_catalog(s3_server, aws_server) as catalog:
        keys = {"trino": {"url": trino_server.url, "catalog": catalog}}
        haul_tasks(project, database, s3_bucket, tasks, **keys)
        assert {table["Name"] for table in glue.get_tables(DatabaseName="shop")["TableList"]} == set(tasks)
        first = location("orders")
        for table in ("combined_orders", "revenue_by_country", "rich"):
            count = f"SELECT count(*) AS n FROM {table}"
            assert trino_server.rows(count, catalog, "shop") == duckdb_rows(project, count) != [(0,)]
        # In one step: a reader sees the old version or the new one, whole.
        seen = []
        original = database.value("select count(*) from orders")
        database.execute("insert into orders select * from orders where false")
        database.execute("delete from orders where id in (select id from orders limit 100)")
        haul_tasks(project, database, s3_bucket, tasks, **keys)
        assert location("orders") != first
        seen = trino_server.rows("SELECT count(*) FROM orders", catalog, "shop")
        assert seen == [(original - 100,)]
        sums = "SELECT country, cast(sum(amount_usd) AS varchar) AS total FROM combined_orders GROUP BY country ORDER BY 1"
        assert trino_server.rows(sums, catalog, "shop") == duckdb_rows(project, sums)
        rich = "SELECT country, orders, cast(top AS varchar) AS top FROM rich ORDER BY 1"
        assert trino_server.rows(rich, catalog, "shop") == duckdb_rows(project, rich)


def test_a_view_in_trinos_own_sql(
    project: Project, database: Database, s3_bucket: Bucket, s3_server: S3Server, aws_server: AwsServer, trino_server: TrinoServer
) -> None:
    database.execute("create table orders (id int, tags text[]); insert into orders values (1, '{a,b}'), (2, '{c}')")
    sql = "SELECT o.id, t.tag FROM orders AS o CROSS JOIN UNNEST(tags) WITH ORDINALITY AS t (tag, n);\n"
    (project.directory / "tags.sql").write_text(sql)
    tasks = {
        "orders": {"table": "orders"},
        "order_tags": {"sql": "tags.sql", "view": True, "engine": "trino", "inputs": ["orders"]},
    }
    with trino_server.glue_catalog(s3_server, aws_server) as catalog:
        haul_tasks(project, database, s3_bucket, tasks, trino={"url": trino_server.url, "catalog": catalog})
        rows = trino_server.rows("SELECT id, tag FROM order_tags ORDER BY 1, 2", catalog, "shop")
    assert rows == [(1, "a"), (1, "b"), (2, "c")]
