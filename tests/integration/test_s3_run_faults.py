"""Runs into a lake on S3 while networks and clouds fail: each ends in the whole table, or in one clear error with the
table as it was before; in both cases nothing else is left in the bucket, no upload either."""
from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from subprocess import CompletedProcess
from typing import Any

import pyarrow.parquet
import pytest
from services import faults
from services.credential_servers import InstanceMetadata
from services.environment import Keys
from services.fault_proxy import Fault, FaultProxy
from services.http_server import Request
from services.s3_server import Bucket, S3Server
from support import Database, Project

ROWS = 150_000
"""Of 56 bytes that nothing makes smaller: three parts of 5 MiB, the least that S3 takes."""
ATTEMPTS = 8
TABLE = "noise"
POINTER = f"l/_lakehaul/tables/{TABLE}.json"


@pytest.fixture(scope="module")
def source(module_database: Database) -> Database:
    module_database.execute(
        f"CREATE TABLE {TABLE} AS SELECT i AS id, decode(md5(i::text) || md5((-i)::text) || md5((i * 7)::text), 'hex')"
        f" AS bytes FROM generate_series(1, {ROWS}) AS i"
    )
    module_database.execute("CREATE TABLE before AS SELECT 1 AS id, NULL::bytea AS bytes")
    return module_database


@dataclass
class Lake:
    bucket: Bucket
    proxy: FaultProxy
    env: dict[str, str | None]
    source: Database
    project: Callable[..., Project]

    def run(self, table: str = TABLE, *, expect: int = 0, env: dict[str, str | None] | None = None) -> CompletedProcess[str]:
        task = {"query": f"SELECT * FROM {table}", "compression": "none"}
        made = self.project({TABLE: task}, source=self.source.uri, lake=f"{self.bucket.url}/l", memory="128MB")
        result = made.run(env={**self.env, **(env or {})}, expect=expect)
        for key in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            secret = self.env.get(key)
            assert not secret or secret not in result.stdout + result.stderr
        return result

    def pointer(self) -> dict[str, Any]:
        return json.loads(self.bucket.get(POINTER))

    def check(self, rows: int = ROWS) -> None:
        """The table has its rows, and the bucket nothing else."""
        files = [f"l/{file['key']}" for file in self.pointer()["files"]]
        assert self.bucket.keys() == sorted([POINTER, *files])
        assert self.bucket.uploads() == []
        ids = [
            value
            for file in files
            for value in pyarrow.parquet.read_table(io.BytesIO(self.bucket.get(file))).column("id").to_pylist()
        ]
        assert sorted(ids) == list(range(1, rows + 1))

    def check_nothing(self) -> None:
        assert (self.bucket.keys(), self.bucket.uploads()) == ([], [])


@pytest.fixture
def lake(
    s3_server: S3Server, s3_bucket: Bucket, s3_proxy: FaultProxy, s3_env: dict[str, str | None], source: Database, project
) -> Lake:
    env = {**s3_env, **s3_server.env(endpoint=s3_proxy.endpoint)}
    return Lake(s3_bucket, s3_proxy, env, source, project)


def name(value: object) -> str | None:
    return getattr(value, "__name__", None)


# -------- what passes --------


PASSING = [
    faults.internal_error(),
    faults.slow_down(),
    faults.unavailable_without_body(),
    faults.request_timeout(),
    faults.reset_before_body(),
    faults.reset_after_body(),
    faults.reset_instead_of_answer(),
    faults.half_answer(),
]


@pytest.mark.parametrize("fault", PASSING, ids=name)
def test_a_run_gets_over_it_in_every_request(lake: Lake, fault: Fault) -> None:
    """The first two of each kind of request meet it; S3 waits for bodies only of requests that have one."""
    seen: dict[str, int] = {}

    def is_early(request: Request) -> bool:
        if fault.__name__ == "request_timeout" and request.method not in ("PUT", "POST"):
            return False
        seen[request.operation] = seen.get(request.operation, 0) + 1
        return seen[request.operation] <= 2

    rule = lake.proxy.add(fault, where=is_early, times=None)
    lake.run()
    lake.check()
    assert {"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "PutObject"} <= set(seen)
    assert rule.met >= 7


@pytest.mark.asan
@pytest.mark.parametrize("fault", [faults.error_in_200(), faults.done_but_error_in_200()], ids=name)
def test_a_completion_that_fails_with_status_200_is_repeated(lake: Lake, fault: Fault) -> None:
    lake.proxy.add(fault, "CompleteMultipartUpload", times=1)
    lake.run()
    lake.check()
    assert len(lake.proxy.matching("CompleteMultipartUpload")) == 2


def test_a_pointer_whose_writers_did_not_hear_of_it_is_theirs(lake: Lake) -> None:
    """The write arrived, its answer did not: the repeated one is refused by its condition, and that is no conflict."""
    lake.proxy.add(faults.reset_instead_of_answer(), "PutObject", path=POINTER)
    lake.run()
    lake.check()
    assert [request.status for request in lake.proxy.matching("PutObject", path=f"/{lake.bucket.name}/{POINTER}")] == [None, 412]


def test_a_pointer_that_is_being_written_elsewhere_is_tried_again(lake: Lake) -> None:
    lake.proxy.add(faults.conflict(), "PutObject", path=POINTER, times=2)
    lake.proxy.add(faults.precondition_failed(), "PutObject", path=POINTER, times=2)
    lake.run()
    lake.check()


def test_a_slow_server_is_waited_for(lake: Lake) -> None:
    lake.proxy.add(faults.slow_read(bytes_per_second=20_000_000), "UploadPart", times=1)
    lake.proxy.add(faults.delay(1), "CompleteMultipartUpload")
    lake.proxy.add(faults.drip(bytes_per_second=2000), "ListObjectsV2")
    lake.run()
    lake.check()
    assert len(lake.proxy.matching("CompleteMultipartUpload")) == 1


@pytest.mark.slow
def test_a_server_that_drips_is_asked_again(lake: Lake) -> None:
    """After half a minute below 1 KB/s."""
    lake.proxy.add(faults.drip(bytes_per_second=3), "ListObjectsV2", path=lake.bucket.name, times=1)
    start = time.monotonic()
    lake.run("before")
    lake.check(rows=1)
    assert 25 < time.monotonic() - start < 180


@pytest.mark.parametrize("ahead", [timedelta(hours=-2), timedelta(hours=2)], ids=["behind", "ahead"])
def test_a_wrong_clock_does_not_matter(lake: Lake, ahead: timedelta) -> None:
    lake.proxy.add(faults.other_clock(ahead, lake.bucket.server.keys), times=None)
    lake.run()
    lake.check()


def test_a_wrong_region_does_not_matter(lake: Lake) -> None:
    """The server says which one is right."""
    lake.run(env={"AWS_REGION": "us-west-2"})
    lake.check()


def test_an_expired_token_is_renewed(lake: Lake, s3_server: S3Server) -> None:
    given = Keys(token="a/session+token==")
    lake.proxy.add(faults.expired_token(), "UploadPart", times=1)
    lake.proxy.add(faults.temporary_keys(given, s3_server.keys), times=None)
    nothing = {name: None for name in Keys().env()}
    with InstanceMetadata(given) as metadata:
        lake.run(env={**nothing, **metadata.env()})
        assert metadata.handed_out >= 2
    lake.check()
    assert not lake.proxy.saw(given.secret_key)


# -------- what does not --------


@dataclass
class Failure:
    """What a request of every run meets each time, and what the run says of it."""

    operation: str
    fault: Fault
    says: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.operation}-{name(self.fault)}"


FAILURES = [
    Failure("ListObjectsV2", faults.access_denied(), ("AccessDenied", "environment variables", "permission")),
    Failure("CreateMultipartUpload", faults.access_denied(), ("AccessDenied", "environment variables", "permission")),
    Failure("UploadPart", faults.access_denied(), ("AccessDenied", "environment variables", "permission")),
    Failure("UploadPart", faults.slow_down(), ("SlowDown", f"({ATTEMPTS} attempts)")),
    Failure("UploadPart", faults.expired_token(), ("ExpiredToken", "environment variables", "expired")),
    Failure("CompleteMultipartUpload", faults.access_denied(), ("AccessDenied", "environment variables", "permission")),
    Failure("CompleteMultipartUpload", faults.error_in_200("AccessDenied"), ("AccessDenied", "permission")),
]


@pytest.fixture
def published(lake: Lake) -> Iterator[dict[str, Any]]:
    """What an earlier run has published: it must be there as it was afterwards."""
    lake.run("before", env=lake.bucket.server.env())
    lake.check(rows=1)
    yield lake.pointer()


@pytest.mark.parametrize("failure", FAILURES, ids=str)
def test_a_run_that_fails_leaves_the_table_as_it_was(lake: Lake, published: dict[str, Any], failure: Failure) -> None:
    lake.proxy.add(failure.fault, failure.operation, times=None)
    result = lake.run(expect=1 if failure.operation != "ListObjectsV2" else 4)
    told = result.stdout + result.stderr
    for text in failure.says:
        assert text in told, told
    assert lake.bucket.name in told
    assert lake.pointer() == published
    lake.check(rows=1)


def test_a_lake_without_leave_to_write_pointers_stays_empty(lake: Lake) -> None:
    lake.proxy.add(faults.access_denied(), "PutObject", path=POINTER, times=None)
    result = lake.run(expect=1)
    assert "AccessDenied" in result.stdout + result.stderr
    lake.check_nothing()


@pytest.mark.asan
def test_an_upload_that_cannot_be_aborted_is_left_for_gc(lake: Lake, published: dict[str, Any]) -> None:
    lake.proxy.add(faults.access_denied(), "CompleteMultipartUpload", times=None)
    lake.proxy.add(faults.access_denied(), "AbortMultipartUpload", times=None)
    lake.run(expect=1)
    assert lake.pointer() == published
    assert len(lake.bucket.uploads()) == 1
    lake.proxy.clear()
    made = lake.project({TABLE: {"table": TABLE}}, source=lake.source.uri, lake=f"{lake.bucket.url}/l")
    assert "aborted 1 unfinished upload" in made.lakehaul("gc", env=lake.env, expect=0).stdout
    lake.check(rows=1)


def test_a_server_that_is_none_of_s3_is_named(lake: Lake) -> None:
    lake.proxy.add(faults.plain_answer(200, b"<html>Welcome</html>", {"Content-Type": "text/html"}), times=None)
    result = lake.run("before", expect=4)
    assert lake.proxy.endpoint in result.stderr and "endpoint" in result.stderr
