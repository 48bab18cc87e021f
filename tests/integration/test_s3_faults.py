"""Faults of networks and of S3: each ends in a table as it should be, or in one clear error with nothing published and
no upload left behind."""
from __future__ import annotations

import io
import json
import signal
import time
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from processes import running, wait_until
from services import faults
from services.environment import Keys
from services.fault_proxy import FaultProxy
from services.s3_server import Bucket, S3Server
from support import Database, free_port, run_lakehaul, start_lakehaul

ROWS = 150_000
KEY = "dir/noise.parquet"


@pytest.fixture(scope="module")
def noise(module_database: Database) -> Database:
    """19 MB that no codec makes smaller: several parts."""
    module_database.execute(
        "CREATE TABLE noise AS SELECT i AS id, (SELECT decode(string_agg(md5((i * 8 + n)::text), ''), 'hex')"
        f" FROM generate_series(1, 8) AS n) AS noise FROM generate_series(1, {ROWS}) AS i"
    )
    return module_database


@pytest.fixture
def proxy_env(s3_server: S3Server, s3_proxy: FaultProxy, aws_home) -> dict:
    return {**aws_home, **s3_server.env(endpoint=s3_proxy.endpoint)}


def export(database: Database, bucket: Bucket, env: dict, expect: int = 0):
    return run_lakehaul(
        "export", database.uri, "-t", "noise", "-o", f"{bucket.url}/{KEY}", "--compression", "none", "--memory", "96MB",
        env=env, expect=expect,
    )


@pytest.fixture(scope="module")
def rows(noise: Database, tmp_path_factory) -> pa.Table:
    path = tmp_path_factory.mktemp("local") / "noise.parquet"
    run_lakehaul("export", noise.uri, "-t", "noise", "-o", path, "--compression", "none", expect=0)
    return pq.read_table(path)


def read_rows(bucket: Bucket) -> pa.Table:
    return pq.read_table(io.BytesIO(bucket.get(KEY)))


PASSING = [
    ("CreateMultipartUpload", faults.slow_down()),
    ("CreateMultipartUpload", faults.half_answer()),
    ("UploadPart", faults.internal_error()),
    ("UploadPart", faults.unavailable_without_body()),
    ("UploadPart", faults.request_timeout()),
    ("UploadPart", faults.reset_before_body()),
    ("UploadPart", faults.reset_after_body()),
    ("UploadPart", faults.reset_instead_of_answer()),
    ("CompleteMultipartUpload", faults.slow_down()),
    ("CompleteMultipartUpload", faults.error_in_200()),
    ("CompleteMultipartUpload", faults.done_but_error_in_200()),
    ("CompleteMultipartUpload", faults.reset_instead_of_answer()),
    ("CompleteMultipartUpload", faults.half_answer()),
    ("HeadObject", faults.unavailable_without_body()),
    ("GetObject", faults.half_answer()),
]


@pytest.mark.asan
@pytest.mark.parametrize(("operation", "fault"), PASSING, ids=[f"{o}-{f.__name__}" for o, f in PASSING])
def test_what_passes_is_repeated(operation, fault, noise, rows, s3_bucket: Bucket, s3_proxy: FaultProxy, proxy_env) -> None:
    rule = s3_proxy.add(fault, operation, times=2 if fault.__name__ in ("slow_down", "internal_error") else 1)
    export(noise, s3_bucket, proxy_env)
    assert rule.met >= 1
    assert read_rows(s3_bucket).equals(rows)
    assert s3_bucket.uploads() == []


def test_a_clock_that_is_wrong_is_corrected(noise, rows, s3_server, s3_bucket, s3_proxy, proxy_env) -> None:
    s3_proxy.add(faults.other_clock(timedelta(hours=3), s3_server.keys), times=None)
    export(noise, s3_bucket, proxy_env)
    assert read_rows(s3_bucket).equals(rows)


LASTING = [
    ("UploadPart", faults.access_denied(), ["AccessDenied", "environment"]),
    ("CreateMultipartUpload", faults.access_denied(), ["AccessDenied", "environment"]),
    ("CompleteMultipartUpload", faults.access_denied(), ["AccessDenied"]),
    ("CompleteMultipartUpload", faults.error_in_200("InternalError"), ["InternalError"]),
    ("UploadPart", faults.no_such_upload(), ["NoSuchUpload"]),
    ("UploadPart", faults.expired_token(), ["ExpiredToken", "environment"]),
]


@pytest.mark.asan
@pytest.mark.threads
@pytest.mark.parametrize(("operation", "fault", "words"), LASTING, ids=[f"{o}-{f.__name__}" for o, f, _ in LASTING])
def test_what_stays_is_one_error_and_leaves_nothing(
    operation, fault, words, noise, s3_bucket: Bucket, s3_proxy: FaultProxy, proxy_env
) -> None:
    s3_proxy.add(fault, operation, times=None)
    result = export(noise, s3_bucket, proxy_env, expect=4)
    lines = result.stderr.splitlines()
    assert len(lines) == 2 and lines[0].startswith("lakehaul: ") and lines[1].startswith("hint: "), result.stderr
    assert all(word in result.stderr for word in words), result.stderr
    assert f"{s3_bucket.url}/{KEY}" in lines[0]
    assert s3_bucket.keys() == [] and s3_bucket.uploads() == []


@pytest.mark.parametrize("fault", [faults.stall(20), faults.slow_down()], ids=["stall", "slow_down"])
def test_an_interrupt_ends_a_run_whose_uploads_do_not_move(
    fault, noise, project, s3_bucket: Bucket, s3_proxy: FaultProxy, proxy_env
) -> None:
    """Before the five seconds are over after which it would be killed and leave its uploads."""
    rule = s3_proxy.add(fault, "UploadPart", times=None)
    tasks = {"noise": {"table": "noise", "compression": "none"}}
    made = project(tasks, source=noise.uri, lake=f"{s3_bucket.url}/l", memory="96MB")
    with running(made, env=proxy_env) as run:
        wait_until(lambda: rule.met >= 2, "parts are on their way")
        start = time.monotonic()
        run.signal(signal.SIGINT)
        run.finish(expect=130)
        assert time.monotonic() - start < 4.5
    assert s3_bucket.keys() == [] and s3_bucket.uploads() == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html><body><p>Welcome</p></body></html>", "is no listing"),
        (b"<ListBucketResult><Name>b</Name><IsTruncated>true</IsTruncated></ListBucketResult>", "breaks off"),
    ],
)
def test_half_a_listing_is_not_taken_for_all(
    body, words, noise, project, s3_bucket: Bucket, s3_proxy: FaultProxy, proxy_env
) -> None:
    s3_proxy.add(faults.plain_answer(200, body), "ListObjectsV2", query="running", times=None)
    made = project({"noise": {"table": "noise"}}, source=noise.uri, lake=f"{s3_bucket.url}/l")
    assert words in made.run(env=proxy_env, expect=4).stderr
    assert "running" not in "".join(s3_bucket.keys())


# -------- what is wrong from the beginning --------


def test_no_credentials_at_all(noise, s3_server: S3Server, s3_bucket: Bucket, aws_home) -> None:
    env = {**aws_home, "AWS_REGION": s3_server.region, "AWS_ENDPOINT_URL_S3": s3_server.endpoint}
    result = export(noise, s3_bucket, env, expect=4)
    assert "credentials" in result.stderr and "AWS_ACCESS_KEY_ID" in result.stderr
    assert len(result.stderr.splitlines()) == 2


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda server: {"AWS_SECRET_ACCESS_KEY": "x" * 40}, ["SignatureDoesNotMatch", "environment"]),
        (lambda server: Keys().env(), ["InvalidAccessKeyId", "environment"]),
        (lambda server: server.new_user().env(), ["AccessDenied", "environment"]),
        (lambda server: {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{free_port()}"}, ["127.0.0.1"]),
    ],
    ids=["wrong secret", "unknown key", "no rights", "wrong endpoint"],
)
def test_what_is_wrong_is_said(wrong, words, noise, s3_server, s3_bucket: Bucket, s3_env) -> None:
    env = {**s3_env, **wrong(s3_server)}
    result = export(noise, s3_bucket, env, expect=4)
    lines = result.stderr.splitlines()
    assert len(lines) == 2 and lines[1].startswith("hint: "), result.stderr
    assert all(word in result.stderr for word in words), result.stderr
    assert not any(keys and keys in result.stderr for keys in (s3_server.keys.secret_key, env["AWS_SECRET_ACCESS_KEY"]))
    assert s3_bucket.keys() == []


def test_a_missing_bucket_is_named(noise, s3_server, s3_env) -> None:
    missing = Bucket(s3_server, "no-such-bucket", None)
    result = export(noise, missing, s3_env, expect=4)
    assert "NoSuchBucket" in result.stderr and "s3://no-such-bucket" in result.stderr
    assert "hint: " in result.stderr


def test_another_region_is_found_out(noise, rows, s3_bucket: Bucket, s3_env) -> None:
    """The server tells its region, as S3 does of a bucket's."""
    export(noise, s3_bucket, {**s3_env, "AWS_REGION": "us-west-2"})
    assert read_rows(s3_bucket).equals(rows)


# -------- the pointer --------


@pytest.mark.parametrize(
    "fault",
    [faults.conflict(), faults.precondition_failed(), faults.reset_instead_of_answer(), faults.slow_down()],
    ids=lambda fault: fault.__name__,
)
def test_a_pointer_that_was_not_replaced_is_read_again(
    fault, database, project, s3_bucket: Bucket, s3_proxy: FaultProxy, proxy_env
) -> None:
    database.execute("CREATE TABLE t AS SELECT 1 AS n")
    made = project({"t": {"table": "t"}}, source=database.uri, lake=f"{s3_bucket.url}/l")
    made.run(env=proxy_env, expect=0)
    first = json.loads(s3_bucket.get("l/_lakehaul/tables/t.json"))
    rule = s3_proxy.add(fault, "PutObject", path=r"tables/t\.json$")
    made.run(env=proxy_env, expect=0)
    second = json.loads(s3_bucket.get("l/_lakehaul/tables/t.json"))
    assert rule.met == 1
    assert [version["version"] for version in second["previous"]] == [first["version"]]


def test_what_another_run_publishes_in_between_is_not_lost(
    database, project, s3_bucket: Bucket, s3_proxy: FaultProxy, proxy_env, s3_env
) -> None:
    """Between this run's read of the pointer and its write, another one publishes another partition."""
    database.execute("CREATE TABLE t AS SELECT i AS n, i % 2 AS half FROM generate_series(1, 10) AS i")
    made = project(
        {"t": {"table": "t", "partition_by": ["half"], "streams": 1}}, source=database.uri, lake=f"{s3_bucket.url}/l"
    )
    made.run(env=s3_env, expect=0)
    database.execute("UPDATE t SET n = n + 100")
    others: list = []

    def publish_other(passage) -> None:
        others.append(made.run("t", "--partition", "0", env=s3_env, expect=None))
        passage.pass_on()

    rule = s3_proxy.add(publish_other, "PutObject", path=r"tables/t\.json$")
    result = made.run("t", "--partition", "1", env=proxy_env, expect=None)
    assert rule.met == 1 and others[0].returncode == 0
    pointer = json.loads(s3_bucket.get("l/_lakehaul/tables/t.json"))
    wrote = {partition["path"]: partition["version"] for partition in pointer["partitions"]}
    # The other's snapshot is the later one, so that this run's is refused, and nothing of the other's is lost.
    assert result.returncode == 1 and "a later run has published t" in result.stdout
    assert wrote["half=0"] == pointer["version"] != wrote["half=1"] == pointer["previous"][0]["version"]
    assert {key.split("/")[3] for key in s3_bucket.keys("l/t/")} >= set(wrote.values())


@pytest.mark.asan
@pytest.mark.threads
def test_a_signal_ends_an_upload_that_hangs(noise, project, s3_bucket: Bucket, s3_proxy: FaultProxy, proxy_env) -> None:
    s3_proxy.add(faults.stall(40), "UploadPart", times=None)
    made = project(
        {"noise": {"table": "noise", "compression": "none"}}, source=noise.uri, lake=f"{s3_bucket.url}/l", memory="96MB"
    )
    with running(made, env=proxy_env) as run:
        wait_until(lambda: any(r.operation == "UploadPart" for r in s3_proxy.requests), "a part is on its way")
        begun = time.monotonic()
        run.signal(signal.SIGTERM)
        run.finish(expect=130)
    assert time.monotonic() - begun < 15
    assert s3_bucket.keys() == [] and s3_bucket.uploads() == []


def test_an_export_that_is_stopped_leaves_nothing(noise, s3_bucket: Bucket, s3_proxy: FaultProxy, proxy_env) -> None:
    s3_proxy.add(faults.stall(40), "UploadPart", times=None)
    process = start_lakehaul(
        "export", noise.uri, "-t", "noise", "-o", f"{s3_bucket.url}/{KEY}", "--compression", "none", "--memory", "96MB",
        env=proxy_env,
    )
    wait_until(lambda: any(r.operation == "UploadPart" for r in s3_proxy.requests), "a part is on its way")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (130, "lakehaul: interrupted\n")
    assert s3_bucket.keys() == [] and s3_bucket.uploads() == []
