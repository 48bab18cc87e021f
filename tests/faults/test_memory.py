"""`memory` is kept: runs under a limit that the kernel enforces, on tables that would fill more."""
import io
import resource

import pyarrow.parquet as pq
import pytest
from peak_memory import LINEITEM_SQL
from processes import peak_memory_bytes, running
from support import lake_files, read_lake_duckdb, run_lakehaul

MEMORY = 64 * 2**20


def limited_run(made, *args: str, **options) -> None:
    """No process of the run gets more than `memory` for its data: heap, stacks and what it maps privately."""
    run_lakehaul(
        "run", "--project", made.path, *args, expect=0, **options,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY)),
    )


@pytest.fixture
def lineitem(module_database):
    if not module_database.rows("SELECT 1 FROM pg_class WHERE relname = 'lineitem'"):
        module_database.execute(LINEITEM_SQL.format(table="lineitem", rows=400_000))
        module_database.execute("ANALYZE lineitem")
    return module_database


@pytest.mark.parametrize("streams", [1, 2, 8])
def test_a_table_larger_than_memory_is_read_within_it(lineitem, project, streams):
    made = project(
        {"t": {"table": "lineitem"}}, source=lineitem.uri, memory="64MB", streams=streams, compression="zstd(1)"
    )
    limited_run(made)
    assert read_lake_duckdb(made.lake, "t", "SELECT count(*), sum(l_extendedprice) FROM lake_table") == lineitem.rows(
        "SELECT count(*), sum(l_extendedprice) FROM lineitem"
    )


@pytest.mark.parametrize("streams", [1, 8])
def test_what_is_on_its_way_to_s3_is_within_it(lineitem, project, s3_bucket, s3_env, streams):
    made = project(
        {"t": {"table": "lineitem"}}, source=lineitem.uri, lake=f"{s3_bucket.url}/l", memory="64MB", streams=streams,
        compression="none",
    )
    limited_run(made, env=s3_env)
    files = [io.BytesIO(s3_bucket.get(key)) for key in s3_bucket.keys("l/t/")]
    assert sum(pq.read_metadata(file).num_rows for file in files) == 400_000
    etags = [s3_bucket.client.head_object(Bucket=s3_bucket.name, Key=key)["ETag"] for key in s3_bucket.keys("l/t/")]
    assert any("-" in etag for etag in etags), "none was a multipart upload"
    assert s3_bucket.uploads() == []


def test_three_hundred_columns_are_read_within_it(database, project):
    kinds = ["i * {0} % 1000003 AS c{0}", "i / {0}.0::float8 AS c{0}", "md5((i * {0})::text) AS c{0}"]
    columns = ", ".join(kinds[number % 3].format(number) for number in range(1, 301))
    database.execute(f"CREATE TABLE t AS SELECT {columns} FROM generate_series(1, 15000) AS i")
    made = project({"t": {"table": "t"}}, source=database.uri, memory="64MB", streams=4)
    limited_run(made)
    assert read_lake_duckdb(made.lake, "t", "SELECT count(*), sum(c1), sum(hash(c299)) IS NULL FROM lake_table") == [
        (15_000, 15_000 * 15_001 // 2, False)
    ]


def test_values_of_a_megabyte_are_read_within_it(database, project):
    database.execute(
        "CREATE TABLE t AS SELECT i AS id, (SELECT string_agg(md5((i * n)::text), '') FROM generate_series(1, 32768) AS n)"
        " AS body FROM generate_series(1, 150) AS i"
    )
    made = project({"t": {"table": "t"}}, source=database.uri, memory="64MB", streams=2)
    limited_run(made)
    assert read_lake_duckdb(made.lake, "t", "SELECT count(*), min(length(body)), max(length(body)) FROM lake_table") == [
        (150, 2**20, 2**20)
    ]


def test_tasks_at_a_time_are_as_many_as_memory_has_room_for(lineitem, project):
    tasks = {f"t{number}": {"table": "lineitem"} for number in range(4)}
    made = project(tasks, source=lineitem.uri, memory="64MB", jobs=4)
    most = 0
    peaks: dict[int, int] = {}
    with running(made) as run:
        while run.process.poll() is None:
            workers = run.workers()
            most = max(most, len(workers))
            peaks |= {pid: peak_memory_bytes(pid) or peaks.get(pid, 0) for pid in workers.values()}
        run.finish()
    assert most == 1
    assert all(0 < peak < MEMORY for peak in peaks.values()), peaks
    assert all(len(lake_files(made.lake, name)) == 2 for name in tasks)


def test_two_connections_take_less_than_128_megabytes_at_default_settings(lineitem, project):
    made = project({"t": {"table": "lineitem"}}, source=lineitem.uri)
    peak = 0
    with running(made) as run:
        worker = run.worker("t")
        while run.process.poll() is None:
            peak = max(peak, peak_memory_bytes(worker))
        run.finish()
    assert 0 < peak < 128 * 2**20
