"""catalog: crawler: files lie flat, so that a crawler, which takes every directory for something, finds tables and
partitions and nothing else; what a run replaces goes at once, and one crawl follows what was published."""
from __future__ import annotations

import io
import json
import re
import signal
import time
from collections.abc import Callable, Iterator

import pyarrow.parquet
import pytest

import support
from processes import wait_until
from services.glue_crawlers import Crawl, CrawlerServer
from services.s3_server import Bucket

PART = r"part-\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{8}-\d{5}\.parquet"


@pytest.fixture
def glue() -> Iterator[CrawlerServer]:
    with CrawlerServer() as server:
        yield server


@pytest.fixture
def shop(
    database: support.Database, project: Callable[..., support.Project], s3_bucket: Bucket,
    s3_env: dict[str, str | None], glue: CrawlerServer,
) -> support.Project:
    database.execute("create table orders as select g as id, date '2026-01-01' + g % 3 as on_day from generate_series(1, 300) g")
    made = project(
        {
            "orders": {"table": "public.orders", "partition_by": "day(on_day)"},
            "users": {"query": "select 1 as id"},
            "totals": {"sql": "totals.sql"},
        },
        files={"totals.sql": "select count(*) as n from orders"},
        source=database.uri, lake=f"{s3_bucket.url}/lake", catalog="crawler",
        crawler={"role": "GlueCrawler", "retry_interval": "30ms"},
    )
    made.env = {**s3_env, **glue.env()}
    return made


def layout(bucket: Bucket) -> list[str]:
    """Keys of data, with versions left out."""
    keys = [key.removeprefix("lake/") for key in bucket.keys("lake/") if "_lakehaul/" not in key]
    return sorted(re.sub(PART, "PART", key) for key in keys)


def rows(bucket: Bucket, table: str) -> int:
    """What is in all files below the table: what a crawler's table has."""
    keys = bucket.keys(f"lake/{table}/")
    return sum(pyarrow.parquet.ParquetFile(io.BytesIO(bucket.get(key))).metadata.num_rows for key in keys)


FLAT = [f"orders/day=2026-01-0{day}/PART" for day in (1, 2, 3)] + ["totals/PART", "users/PART"]


def test_files_lie_flat_and_one_crawl_follows(shop: support.Project, s3_bucket: Bucket, glue: CrawlerServer) -> None:
    result = shop.run("--json")
    answer = json.loads(result.stdout)
    assert answer["crawl"].pop("seconds") >= 0
    assert answer["crawl"] == {
        "result": "succeeded", "problem": None, "status": "SUCCEEDED", "crawler_created": True, "start_attempts": 1,
        "tables": {"created": 2, "updated": 3, "deleted": 0},
    }
    assert layout(s3_bucket) == FLAT
    assert glue.starts() == 1
    assert glue.inputs("CreateCrawler")[0]["Targets"]["S3Targets"][0]["Path"] == f"{s3_bucket.url}/lake/"
    assert shop.lakehaul("query", "--format", "csv", "select n, (select count(*) from orders) m from totals").stdout == "n,m\n300,300\n"
    assert shop.lakehaul("verify", expect=0).returncode == 0


def test_what_a_run_replaces_goes_at_once(
    shop: support.Project, s3_bucket: Bucket, database: support.Database, glue: CrawlerServer
) -> None:
    shop.run()
    first = set(s3_bucket.keys("lake/"))
    database.execute("delete from orders where on_day = '2026-01-02'")
    text = shop.run().stdout
    assert "crawler test: succeeded after" in text
    assert not {key for key in first & set(s3_bucket.keys("lake/")) if key.endswith(".parquet")}
    assert layout(s3_bucket) == [key for key in FLAT if "01-02" not in key]
    assert rows(s3_bucket, "orders") == 200
    assert shop.lakehaul("query", "--format", "csv", "select count(*) n from orders").stdout == "n\n200\n"
    gc = json.loads(shop.lakehaul("gc", "--json", expect=0).stdout)
    assert (gc["versions"], gc["leftovers"], gc["files"]) == (0, 0, 0)
    assert glue.starts() == 2


def test_a_partition_is_replaced_alone(shop: support.Project, s3_bucket: Bucket, database: support.Database) -> None:
    shop.run()
    before = {key for key in s3_bucket.keys("lake/orders/") if "01-02" not in key}
    database.execute("insert into orders values (1000, '2026-01-02')")
    shop.run("orders", "--only", "--partition", "2026-01-02")
    assert before < set(s3_bucket.keys("lake/orders/"))
    assert layout(s3_bucket) == FLAT
    assert rows(s3_bucket, "orders") == 301
    # A later whole run has none of the parts that an earlier version wrote.
    shop.run()
    assert layout(s3_bucket) == FLAT
    assert rows(s3_bucket, "orders") == 301


def test_a_lake_of_versions_becomes_flat(shop: support.Project, s3_bucket: Bucket) -> None:
    text = shop.path.read_text()
    shop.path.write_text(text.replace("catalog: crawler", "catalog: local"))
    shop.run()
    shop.run()
    assert all(key.count("/") >= 2 for key in layout(s3_bucket))
    shop.path.write_text(text)
    shop.run()
    assert layout(s3_bucket) == FLAT
    assert rows(s3_bucket, "users") == 1


def test_and_back(shop: support.Project, s3_bucket: Bucket) -> None:
    shop.run()
    shop.path.write_text(shop.path.read_text().replace("catalog: crawler", "catalog: local"))
    shop.run()
    shop.lakehaul("gc", expect=0)
    assert not [key for key in layout(s3_bucket) if key in FLAT]
    assert rows(s3_bucket, "users") == 1


def test_a_task_that_fails_leaves_nothing_and_its_table_as_it_was(
    shop: support.Project, s3_bucket: Bucket, database: support.Database, glue: CrawlerServer
) -> None:
    shop.run()
    before = s3_bucket.keys("lake/")
    database.execute("alter table orders add bad numeric(5,0) default 'NaN'")
    shop.run("orders", "--only", expect=1)
    assert s3_bucket.keys("lake/") == before
    assert s3_bucket.uploads() == []
    assert glue.starts() == 1  # nothing was published, nothing to crawl


def test_files_of_a_killed_run_are_gcs(shop: support.Project, s3_bucket: Bucket) -> None:
    shop.run()
    left = "lake/orders/day=2026-01-01/part-20260101T000000.000000Z-00000000-00000.parquet"
    foreign = "lake/orders/day=2026-01-01/part-0.parquet"
    s3_bucket.put(left, b"unfinished business")
    s3_bucket.put(foreign, b"somebody else's")
    shop.run()  # others may be writing it
    assert left in s3_bucket.keys("lake/")
    gc = json.loads(shop.lakehaul("gc", "--json", expect=0).stdout)
    assert (gc["leftovers"], gc["files"]) == (1, 1)
    assert left not in s3_bucket.keys("lake/")
    assert foreign in s3_bucket.keys("lake/")


def test_a_crawl_that_fails_fails_the_run_and_not_the_tables(
    shop: support.Project, s3_bucket: Bucket, glue: CrawlerServer
) -> None:
    glue.to_come = [Crawl(status="FAILED", message="no permission"), Crawl(status="FAILED", message="no permission")]
    result = shop.run(expect=4)
    assert "3 of 3 tasks published" in result.stdout
    assert "lakehaul: the crawl of crawler test failed: no permission" in result.stderr
    assert layout(s3_bucket) == FLAT
    answer = json.loads(shop.run("--json", expect=4).stdout)
    assert (answer["status"], answer["exit_status"]) == ("failed", 4)
    assert answer["crawl"]["problem"] == "failed"


def test_a_lake_elsewhere_is_refused(shop: support.Project, glue: CrawlerServer) -> None:
    result = shop.run("--lake", "./lake", expect=2)
    assert "catalog crawler needs a lake on S3" in result.stderr
    assert glue.actions() == []


def test_an_interrupt_ends_the_waiting_and_not_the_crawl(shop: support.Project, s3_bucket: Bucket, glue: CrawlerServer) -> None:
    glue.to_come = [Crawl(looks=10**6)]
    shop.path.write_text(shop.path.read_text().replace("30ms", "1s"))
    process = support.start_lakehaul("run", "--project", shop.path, env=shop.env)
    wait_until(lambda: glue.starts() == 1, "the crawl is started")
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "3 of 3 tasks published" in stdout
    assert "interrupted: the crawl of crawler test goes on in Glue" in stderr
    assert layout(s3_bucket) == FLAT
