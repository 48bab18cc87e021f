"""A lake on S3, as boto3 and pyarrow see it."""
from __future__ import annotations

import io
import json
import os
import signal
import time
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from botocore import httpchecksum
from processes import Gate, closed_gate, gated_query, kill_process, running, wait_until
from services.s3_server import Bucket
from support import Database, Project

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


@pytest.mark.asan
@pytest.mark.threads
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


# -------- runs that end before they should --------


def noisy_query(gate: Gate, rows: int = 400_000, at: int = 350_000) -> str:
    """Rows that no codec makes smaller, which stop at row `at`, long after the first parts have gone up."""
    return (
        f"SELECT i AS id, decode(md5(i::text) || md5((-i)::text) || md5((i * 7)::text), 'hex') AS noise,"
        f" CASE WHEN i = {at} THEN {gate.sql} END AS gate FROM generate_series(1, {rows}) AS i"
    )


def wait_for_upload(bucket: Bucket) -> None:
    def parts() -> bool:
        return any(
            bucket.client.list_parts(Bucket=bucket.name, Key=upload["Key"], UploadId=upload["UploadId"]).get("Parts")
            for upload in bucket.uploads()
        )

    wait_until(parts, "a part has been uploaded")


def noisy_project(database, project, gate: Gate, bucket: Bucket) -> Project:
    return project(
        {"noise": {"query": noisy_query(gate), "compression": "none"}}, source=database.uri, lake=f"{bucket.url}/l",
        memory="128MB",
    )


def test_a_killed_run_changes_nothing_and_gc_removes_its_upload(database, project, s3_bucket: Bucket, s3_env) -> None:
    with closed_gate(database) as gate:
        made = noisy_project(database, project, gate, s3_bucket)
        with running(made, env=s3_env) as run:
            gate.wait_for()
            wait_for_upload(s3_bucket)
            run.kill()
    assert [key for key in s3_bucket.keys() if key.startswith("l/noise/") or "tables" in key] == []
    assert len(s3_bucket.uploads()) == 1
    s3_bucket.client.create_multipart_upload(Bucket=s3_bucket.name, Key="l/noise/somebody-elses")
    dry = json.loads(made.lakehaul("gc", "--dry-run", "--json", env=s3_env, expect=0).stdout)
    assert dry["uploads"] == 1 and len(s3_bucket.uploads()) == 2
    database.execute("CREATE TABLE small AS SELECT 1 AS n")
    other = project({"small": {"table": "small"}}, source=database.uri, lake=f"{s3_bucket.url}/l")
    assert "2 unfinished uploads of earlier runs" in other.run(env=s3_env, expect=0).stderr
    assert "aborted 1 unfinished upload\n" in made.lakehaul("gc", env=s3_env, expect=0).stdout
    assert [upload["Key"] for upload in s3_bucket.uploads()] == ["l/noise/somebody-elses"]
    assert [key for key in s3_bucket.keys() if "running" in key] == []


@pytest.mark.asan
@pytest.mark.threads
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_aborts_its_upload(database, project, s3_bucket: Bucket, s3_env, number) -> None:
    with closed_gate(database) as gate:
        made = noisy_project(database, project, gate, s3_bucket)
        with running(made, env=s3_env) as run:
            gate.wait_for()
            wait_for_upload(s3_bucket)
            run.signal(number)
            run.finish(expect=130)
    assert s3_bucket.keys() == [] and s3_bucket.uploads() == []


def test_a_worker_that_is_killed_leaves_no_upload(database, project, s3_bucket: Bucket, s3_env) -> None:
    with closed_gate(database) as gate:
        made = noisy_project(database, project, gate, s3_bucket)
        with running(made, env=s3_env) as run:
            gate.wait_for()
            wait_for_upload(s3_bucket)
            kill_process(run.worker("noise"))
            run.finish(expect=1)
    assert "killed by signal 9" in run.stdout
    assert s3_bucket.keys() == [] and s3_bucket.uploads() == []


# -------- several at once --------


@pytest.mark.asan
@pytest.mark.threads
def test_gc_waits_for_no_run_and_is_refused_while_one_is_under_way(database, project, s3_bucket: Bucket, s3_env) -> None:
    with closed_gate(database) as gate:
        made = noisy_project(database, project, gate, s3_bucket)
        with running(made, env=s3_env) as run:
            gate.wait_for()
            refused = made.lakehaul("gc", env=s3_env, expect=4)
            assert f"a run is writing to lake {s3_bucket.url}/l" in refused.stderr
            assert len([key for key in s3_bucket.keys() if key.startswith("l/_lakehaul/running/")]) == 1
            gate.open()
            run.finish()
    made.lakehaul("gc", env=s3_env, expect=0)
    assert [key for key in s3_bucket.keys() if "running" in key] == []


def lease(**fields: object) -> bytes:
    return json.dumps({"host": "elsewhere", "pid": 1, "boot_id": "x", "process_started": 1, "exclusive": False, **fields}).encode()


def test_a_run_on_another_machine_keeps_gc_away_and_gc_keeps_runs_away(orders, project, s3_bucket: Bucket, s3_env) -> None:
    made = project({"orders": {"table": "orders"}}, source=orders.uri, lake=f"{s3_bucket.url}/l")
    s3_bucket.put("l/_lakehaul/running/elsewhere-1-a.json", lease())
    made.run(env=s3_env, expect=0)
    assert "a run is writing" in made.lakehaul("gc", env=s3_env, expect=4).stderr
    s3_bucket.put("l/_lakehaul/running/elsewhere-1-a.json", lease(exclusive=True))
    assert "is locked by a running lakehaul gc" in made.run(env=s3_env, expect=4).stderr


def test_a_lease_of_another_container_of_this_machine_is_believed(orders, project, s3_bucket: Bucket, s3_env) -> None:
    """They share the boot, but not the numbers of processes: that there is none of that number here says nothing."""
    made = project({"orders": {"table": "orders"}}, source=orders.uri, lake=f"{s3_bucket.url}/l")
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    s3_bucket.put("l/_lakehaul/running/pod-1-a.json", lease(boot_id=boot, pid=4_194_304, pid_namespace="pid:[1]"))
    made.run(env=s3_env, expect=0)
    assert "a run is writing" in made.lakehaul("gc", env=s3_env, expect=4).stderr


def test_a_lease_that_nobody_renews_is_removed(orders, project, s3_bucket: Bucket, s3_env) -> None:
    made = project({"orders": {"table": "orders"}}, source=orders.uri, lake=f"{s3_bucket.url}/l")
    keys = [f"l/_lakehaul/running/{name}.json" for name in ("elsewhere-1-a", "here-2-b", "here-3-c")]
    s3_bucket.put(keys[0], lease(exclusive=True))
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    here = {"boot_id": boot, "pid_namespace": os.readlink("/proc/self/ns/pid"), "exclusive": True}
    s3_bucket.put(keys[1], lease(**here, pid=os.getpid()))  # of another process of that number
    s3_bucket.put(keys[2], lease(**here, pid=4_194_304))  # past the highest number
    ago = time.time() - 301
    os.utime(s3_bucket.server.root / s3_bucket.name / keys[0], (ago, ago))
    made.run(env=s3_env, expect=0)
    assert [key for key in s3_bucket.keys() if "running" in key] == []


@pytest.mark.asan
def test_two_runs_at_once_follow_each_other_or_the_later_one_stays(database, project, s3_bucket: Bucket, s3_env) -> None:
    with closed_gate(database) as gate:
        made = project({"t": {"query": gated_query(gate)}}, source=database.uri, lake=f"{s3_bucket.url}/l")
        with running(made, env=s3_env) as one, running(made, env=s3_env) as other:
            gate.wait_for(2)
            gate.open()
            ends = [one.finish(expect=None), other.finish(expect=None)]
    failed = [end for end in ends if end.process.returncode != 0]
    assert len(failed) < 2 and all("a later run has published t" in end.stdout for end in failed)
    pointer, tables = read_table(s3_bucket, "l", "t")
    assert sorted(row for table in tables for row in table.column("id").to_pylist()) == list(range(1, 20_001))
    versions = {pointer["version"], *(previous["version"] for previous in pointer["previous"])}
    assert len(versions) == 2 - len(failed)
    assert {key.split("/")[2] for key in s3_bucket.keys("l/t/")} == versions
    assert s3_bucket.uploads() == []


# -------- what a project says of S3 --------


@pytest.mark.asan
@pytest.mark.parametrize("checksum", ["crc32", "crc64nvme"])
def test_objects_have_the_checksum_that_the_project_asks_for(database, project, s3_bucket: Bucket, s3_env, checksum) -> None:
    database.execute(
        "CREATE TABLE big AS SELECT i AS id, decode(md5(i::text) || md5((-i)::text), 'hex') AS noise"
        " FROM generate_series(1, 500000) AS i"
    )
    made = project(
        {"big": {"table": "big", "streams": 1, "compression": "none"}}, source=database.uri,
        lake=f"{s3_bucket.url}/l", s3={"checksum": checksum}, memory="96MB",
    )
    made.run(env=s3_env, expect=0)
    pointer, _ = read_table(s3_bucket, "l", "big")
    name = f"Checksum{checksum.upper()}"
    for key in [file["key"] for file in pointer["files"]] + ["_lakehaul/tables/big.json"]:
        # boto3 computes it of what it reads and compares.
        answer = s3_bucket.client.get_object(Bucket=s3_bucket.name, Key=f"l/{key}", ChecksumMode="ENABLED")
        assert answer["ChecksumType"] == "FULL_OBJECT" and answer[name]
        assert isinstance(answer["Body"], httpchecksum.StreamingChecksumBody) or checksum == "crc64nvme"
        answer["Body"].read()
    assert "-" in s3_bucket.client.head_object(Bucket=s3_bucket.name, Key=f"l/{pointer['files'][0]['key']}")["ETag"]


def test_objects_get_tags_and_encryption(orders, project, s3_bucket: Bucket, s3_server, s3_proxy, aws_home) -> None:
    """What the server takes of it is asked of it; the headers are seen on the way."""
    made = project(
        {"orders": {"table": "orders"}}, source=orders.uri, lake=f"{s3_bucket.url}/l",
        s3={
            "endpoint": s3_proxy.endpoint, "encryption": "sse-kms", "kms_key": "alias/lake",
            "tags": {"team": "data+co @ 1=2", "cost centre": "4711/a_b"},
        },
    )
    env = {**aws_home, **s3_server.env(), "AWS_ENDPOINT_URL_S3": None}
    made.run(env=env, expect=0)
    for key in s3_bucket.keys():
        tags = s3_bucket.client.get_object_tagging(Bucket=s3_bucket.name, Key=key)["TagSet"]
        assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "data+co @ 1=2", "cost centre": "4711/a_b"}
    puts = [request for request in s3_proxy.requests if request.operation == "PutObject"]
    assert len(puts) >= 3
    for request in puts:
        assert request.headers.get("x-amz-server-side-encryption") == "aws:kms"
        assert request.headers.get("x-amz-server-side-encryption-aws-kms-key-id") == "alias/lake"
        assert "x-amz-acl" not in request.headers


@pytest.mark.asan
def test_an_odd_bucket_and_prefix_and_partitions_and_gc(database, project, s3_bucket: Bucket, s3_env) -> None:
    database.execute("CREATE TABLE t AS SELECT i AS id, 'a b/ü=' || i % 3 AS kind FROM generate_series(1, 900) AS i")
    made = project(
        {"t": {"table": "t", "partition_by": ["kind"]}}, source=database.uri, lake=f"{s3_bucket.url}/ä + &=/b//", keep=1
    )
    made.run(env=s3_env, expect=0)
    made.run(env=s3_env, expect=0)
    pointer, tables = read_table(s3_bucket, "ä + &=/b", "t")
    assert sorted(row for table in tables for row in table.column("id").to_pylist()) == list(range(1, 901))
    assert len([key for key in s3_bucket.keys() if key.endswith(".parquet")]) == 6
    made.lakehaul("gc", env=s3_env, expect=0)
    assert s3_bucket.keys() == sorted(
        ["ä + &=/b/_lakehaul/tables/t.json", *(f"ä + &=/b/{file['key']}" for file in pointer["files"])]
    )


def test_gc_removes_more_objects_than_one_request_takes(orders, project, s3_bucket: Bucket, s3_env) -> None:
    made = project({"orders": {"table": "orders"}}, source=orders.uri, lake=f"{s3_bucket.url}/l")
    made.run(env=s3_env, expect=0)
    directory = s3_bucket.server.root / s3_bucket.name / "l/orders/20260131T120000.123456Z-4f2a9c01"
    s3_bucket.put("l/orders/20260131T120000.123456Z-4f2a9c01/part-00000.parquet", b"x")
    for number in range(2100):
        (directory / f"part-1{number:04}.parquet").write_bytes(b"x")
    result = made.lakehaul("gc", "--json", env=s3_env, expect=0)
    assert json.loads(result.stdout) | {"files": 2101, "leftovers": 1} == json.loads(result.stdout)
    assert len(s3_bucket.keys("l/orders/")) == len(read_table(s3_bucket, "l", "orders")[0]["files"])
