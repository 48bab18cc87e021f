"""A lake on S3 read through DuckDB: the same rows as from files, names of every kind, no more bytes than a query needs,
and one clear error for each thing that is wrong, without a secret in it."""
from __future__ import annotations

import csv
import io
import json
import re
import signal
from pathlib import Path

import pytest
from processes import wait_until
from services.environment import REGION, Keys
from services.fault_proxy import FaultProxy
from services.faults import half_answer, internal_error, reset_before_body, s3_error, slow_down, stall, temporary_keys
from services.s3_server import Bucket, S3Server, start_s3_server
from support import ROOT, Project, free_port, run_lakehaul, start_lakehaul

SHOP = ROOT / "examples" / "shop"


def query(lake: str, sql: str, env: dict, **options) -> list[list[str]]:
    result = run_lakehaul("query", "--lake", lake, "--format", "csv", sql, env=env, **{"expect": 0, **options})
    return list(csv.reader(io.StringIO(result.stdout)))


NAMES = ["plain", "two words", "a=b", "50%", "100%25", "ünï ☃", "st*r", "what?", "[x]", "it's", "a/b", "back\\slash", "#1", "a+b", "a&b;c"]


@pytest.mark.asan
def test_names_of_every_kind(database, project, s3_bucket: Bucket, s3_env) -> None:
    database.execute("CREATE TABLE named (name text NOT NULL, n int)")
    for number, name in enumerate(NAMES):
        database.execute("INSERT INTO named VALUES (%s, %s)", (name, number))
    lake = f"{s3_bucket.url}/a lake/100% ünï=☃ [x]*?'s"
    made: Project = project(
        {"named": {"table": "named", "partition_by": ["name"]}, "whole": {"table": "named"}}, source=database.uri, lake=lake
    )
    made.run(env=s3_env)
    for table in ("named", "whole"):
        rows = query(lake, f"SELECT name, n FROM {table} ORDER BY n", s3_env)[1:]
        assert rows == [[name, str(number)] for number, name in enumerate(NAMES)], table


@pytest.fixture(scope="module")
def shop(module_database, tmp_path_factory):
    """The example's tables: what its SQL tasks read, without most of its rows."""
    data = tmp_path_factory.mktemp("shop") / "data.sql"
    data.write_text((SHOP / "data.sql").read_text().replace("600000", "20000").replace("60000", "20000"))
    module_database.psql("-f", SHOP / "schema.sql", "-f", data)
    return module_database


def run_shop(shop, directory: Path, lake: str, env: dict) -> dict[str, list[list[str]]]:
    """All tables of the example after a run of it over `lake`, by the lake's own queries."""
    (directory / "tasks").mkdir(parents=True)
    for path in [SHOP / "lakehaul.yaml", *(SHOP / "tasks").glob("*.sql")]:
        (directory / path.relative_to(SHOP)).write_text(path.read_text())
    env = {**env, "DATABASE_URL": shop.uri}
    text = (directory / "lakehaul.yaml").read_text().replace("lake: ./lake", f"lake: {lake}")
    (directory / "lakehaul.yaml").write_text(text)
    made = Project(directory, env=env)
    made.run("--verify")
    tables = ["combined_orders", "revenue_by_country", "users", "recent_orders"]
    return {table: query(lake, f"SELECT * FROM {table} ORDER BY ALL", env, cwd=directory) for table in tables}


def test_the_shop_is_the_same_on_s3_and_on_files(shop, tmp_path: Path, s3_bucket: Bucket, s3_env) -> None:
    on_files = run_shop(shop, tmp_path / "files", "./lake", s3_env)
    on_s3 = run_shop(shop, tmp_path / "s3", f"{s3_bucket.url}/lake", s3_env)
    assert on_s3 == on_files
    assert len(on_s3["combined_orders"]) > 1000
    assert s3_bucket.uploads() == []
    Project(tmp_path / "s3", env={**s3_env, "DATABASE_URL": shop.uri}).lakehaul("verify", expect=0)


@pytest.fixture
def numbers(database, project, s3_bucket: Bucket, s3_env) -> Project:
    """A lake with one table of 40 columns in one object of 25 MB."""
    columns = ", ".join(f"hashint8extended(i, {n}) AS c{n}" for n in range(40))
    database.execute(f"CREATE TABLE numbers AS SELECT i AS id, {columns} FROM generate_series(1, 80000) AS i")
    tasks = {"numbers": {"table": "numbers", "streams": 1, "compression": "none"}}
    made: Project = project(tasks, source=database.uri, lake=f"{s3_bucket.url}/lake")
    made.run(env=s3_env)
    return made


def data_object(bucket: Bucket) -> tuple[str, int]:
    [key] = [key for key in bucket.keys("lake/") if key.endswith(".parquet")]
    return key, bucket.client.head_object(Bucket=bucket.name, Key=key)["ContentLength"]


def ranges(proxy: FaultProxy, key: str) -> list[int]:
    """How many bytes each GET of the object asked for."""
    sizes = []
    for request in proxy.requests:
        if request.operation == "GetObject" and request.path.endswith(key):
            found = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range"))
            assert found, f"the whole object is read: {request}"
            sizes.append(int(found[2]) - int(found[1]) + 1)
    return sizes


def test_one_column_is_a_small_part_of_an_object(numbers, s3_server: S3Server, s3_bucket: Bucket, s3_proxy, s3_env) -> None:
    key, size = data_object(s3_bucket)
    env = {**s3_env, **s3_server.env(endpoint=s3_proxy.endpoint)}
    assert size > 20_000_000
    assert query(numbers_lake(s3_bucket), "SELECT count(c7), sum(id) FROM numbers", env)[1] == ["80000", "3200040000"]
    asked = ranges(s3_proxy, key)
    assert 0 < sum(asked) < size / 8
    s3_proxy.requests.clear()
    text = run_lakehaul("inspect", f"{s3_bucket.url}/{key}", env=env, expect=0).stdout
    assert "c39" in text
    assert 0 < sum(ranges(s3_proxy, key)) < 200_000


def numbers_lake(bucket: Bucket) -> str:
    return f"{bucket.url}/lake"


@pytest.mark.parametrize("fault", [slow_down, internal_error, reset_before_body, half_answer], ids=lambda fault: fault.__name__)
def test_reading_gets_over_faults(numbers, s3_server: S3Server, s3_bucket: Bucket, s3_proxy, s3_env, fault) -> None:
    key, _ = data_object(s3_bucket)
    rule = s3_proxy.add(fault(), "GetObject", path=re.escape(key), times=3)
    env = {**s3_env, **s3_server.env(endpoint=s3_proxy.endpoint)}
    assert query(numbers_lake(s3_bucket), "SELECT count(c7), sum(id) FROM numbers", env)[1] == ["80000", "3200040000"]
    assert rule.met == 3


def fail(lake: str, env: dict, *args: str, sql: str = "SELECT sum(c1) FROM numbers") -> str:
    """What is said of a query that fails because of the lake: one error and one hint, no secret."""
    result = run_lakehaul("query", "--lake", lake, *args, sql, env=env, expect=4)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 2 and lines[0].startswith("lakehaul: ") and lines[1].startswith("hint: "), result.stderr
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        assert not env.get(name) or env[name] not in result.stderr
    return result.stderr


def test_what_is_wrong_is_told_once(numbers, s3_server: S3Server, s3_bucket: Bucket, s3_env) -> None:
    lake = numbers_lake(s3_bucket)
    wrong = {**s3_env, **Keys(access_key=s3_server.keys.access_key).env()}
    text = fail(lake, wrong)
    assert "SignatureDoesNotMatch" in text and "environment" in text
    stranger = {**s3_env, **s3_server.new_user().env()}
    assert "AccessDenied" in fail(lake, stranger)
    assert "NoSuchBucket" in fail("s3://no-such-bucket-here/lake", s3_env)
    nobody = {**s3_env, "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{free_port()}", "AWS_MAX_ATTEMPTS": "1"}
    assert "connect" in fail(lake, nobody)
    key, _ = data_object(s3_bucket)
    s3_bucket.client.delete_object(Bucket=s3_bucket.name, Key=key)
    text = fail(lake, s3_env)
    assert f"cannot read {s3_bucket.url}/{key}: there is no such object" in text
    missing = run_lakehaul("inspect", f"{s3_bucket.url}/{key}", env=s3_env, expect=1).stderr
    assert f"cannot read {s3_bucket.url}/{key}: there is no such object" in missing


def test_what_goes_wrong_once_the_query_runs_is_told_with_the_object(
    numbers, s3_server: S3Server, s3_bucket: Bucket, s3_proxy, s3_env
) -> None:
    key, _ = data_object(s3_bucket)
    env = {**s3_env, **s3_server.env(endpoint=s3_proxy.endpoint)}
    name = f"{s3_bucket.url}/{key}"
    s3_proxy.add(s3_error(403, "AccessDenied", "Access Denied"), "GetObject", path=re.escape(key), skip=1, times=None)
    text = fail(numbers_lake(s3_bucket), env)
    assert f"cannot read {name}: " in text and "environment variables" in text, text


@pytest.mark.parametrize("operation", ["HeadObject", "GetObject"])
def test_a_query_is_interrupted_while_a_server_says_nothing(
    numbers, s3_server: S3Server, s3_bucket: Bucket, s3_proxy, s3_env, tmp_path: Path, operation: str
) -> None:
    key, _ = data_object(s3_bucket)
    rule = s3_proxy.add(stall(30), operation, path=re.escape(key), times=None)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    env = {**s3_env, **s3_server.env(endpoint=s3_proxy.endpoint), "TMPDIR": str(temporary)}
    process = start_lakehaul("query", "--lake", numbers_lake(s3_bucket), "SELECT sum(c1) FROM numbers", env=env)
    try:
        wait_until(lambda: rule.met > 0, "the query waits for the server")
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=12)
    finally:
        process.kill()
    assert process.returncode == 130 and stderr == "lakehaul: interrupted\n", stderr
    assert list(temporary.iterdir()) == []


def test_certificates_are_those_of_the_authority_that_is_named(
    numbers, s3_server: S3Server, s3_bucket: Bucket, s3_env, tls_certificate: Path
) -> None:
    with FaultProxy(s3_server.endpoint, str(tls_certificate)) as proxy:
        env = {**s3_env, **s3_server.env(endpoint=proxy.endpoint), "AWS_CA_BUNDLE": str(tls_certificate)}
        assert proxy.endpoint.startswith("https://")
        assert query(numbers_lake(s3_bucket), "SELECT count(c7), sum(id) FROM numbers", env)[1] == ["80000", "3200040000"]
        assert {request.operation for request in proxy.requests} >= {"HeadObject", "GetObject"}
        assert "certificate" in fail(numbers_lake(s3_bucket), {**env, "AWS_CA_BUNDLE": None})


def test_options_say_how_s3_is_reached(numbers, s3_server: S3Server, s3_bucket: Bucket, aws_home, tmp_path: Path) -> None:
    (tmp_path / "home" / ".aws").mkdir()
    (tmp_path / "home" / ".aws" / "credentials").write_text(
        f"[lake]\naws_access_key_id = {s3_server.keys.access_key}\naws_secret_access_key = {s3_server.keys.secret_key}\n"
    )
    lake = numbers_lake(s3_bucket)
    options = ["--aws-profile", "lake", "--aws-region", s3_server.region, "--s3-endpoint", s3_server.endpoint]
    result = run_lakehaul("query", "--lake", lake, *options, "-f", "csv", "SELECT count(*) AS n FROM numbers", env=aws_home)
    assert result.stdout == "n\n80000\n"
    key, _ = data_object(s3_bucket)
    assert "c39" in run_lakehaul("inspect", *options, f"{s3_bucket.url}/{key}", env=aws_home, expect=0).stdout
    document = run_lakehaul("gc", "--lake", lake, "--keep", "1", "--json", *options, env=aws_home, expect=0).stdout
    assert json.loads(document)["files"] == 0
    numbers.run(*options, env=aws_home)
    assert numbers.lakehaul("verify", *options, env=aws_home, expect=0)
    wrong = run_lakehaul("query", "--lake", lake, *options[:-1], "nonsense", "SELECT 1 FROM numbers", env=aws_home, expect=4)
    assert "the endpoint of s3 is no URL" in wrong.stderr


def test_no_process_has_the_secret_in_its_arguments_or_its_files(numbers, s3_bucket: Bucket, s3_env, tmp_path: Path) -> None:
    secret = s3_env["AWS_SECRET_ACCESS_KEY"]
    sql = "SELECT coalesce(string_agg(value, ' '), '') || (SELECT string_agg(secret_string, ' ') FROM duckdb_secrets()) FROM duckdb_settings(), (SELECT count(id) FROM numbers)"
    assert secret not in str(query(numbers_lake(s3_bucket), sql, s3_env))
    assert "redacted" in str(query(numbers_lake(s3_bucket), sql, s3_env))


def test_check_looks_into_the_lake_unless_it_is_offline(numbers, s3_server: S3Server, s3_bucket: Bucket, s3_proxy, s3_env) -> None:
    (numbers.directory / "more.sql").write_text("SELECT count(*) AS n FROM numbers")
    text = json.dumps({"project": "more", "source": "x", "lake": numbers_lake(s3_bucket), "tasks": {"more": {"sql": "more.sql"}}})
    numbers.path.write_text(text)
    env = {**s3_env, **s3_server.env(endpoint=s3_proxy.endpoint)}
    assert "1 task, no problem" in numbers.lakehaul("check", "--offline", env=env, expect=0).stdout
    assert s3_proxy.requests == []
    assert "1 task, no problem" in numbers.lakehaul("check", env=env, expect=0).stdout
    assert numbers.lakehaul("plan", env=env, expect=0)
    s3_proxy.add(s3_error(403, "AccessDenied", "Access Denied"), times=None)
    refused = numbers.lakehaul("check", env=env, expect=4).stderr
    assert "AccessDenied" in refused and "environment" in refused
    numbers.run("more", env=s3_env)
    assert query(numbers_lake(s3_bucket), "SELECT n FROM more", s3_env)[1] == ["80000"]


def test_temporary_credentials_reach_the_engine(numbers, s3_server: S3Server, s3_bucket: Bucket, s3_proxy, s3_env) -> None:
    given = Keys(token="to/ken+with=all'kinds")
    s3_proxy.add(temporary_keys(given, s3_server.keys), times=None)
    env = {**s3_env, **s3_server.env(endpoint=s3_proxy.endpoint, keys=given)}
    assert query(numbers_lake(s3_bucket), "SELECT count(c7), sum(id) FROM numbers", env)[1] == ["80000", "3200040000"]
    assert {request.operation for request in s3_proxy.requests} >= {"HeadObject", "GetObject"}


def test_buckets_are_reached_as_hosts_too(database, project, s3_env) -> None:
    with start_s3_server(REGION, "--virtual-domain", "localhost") as server, server.new_bucket() as bucket:
        endpoint = server.endpoint.replace("127.0.0.1", "localhost")
        query_of_rows = {"query": "SELECT i AS n FROM generate_series(1, 1000) AS i"}
        made: Project = project(
            {"rows": query_of_rows}, source=database.uri, lake=f"{bucket.url}/a lake", s3={"addressing": "virtual", "endpoint": endpoint}
        )
        env = {**s3_env, **server.keys.env()}
        made.run("--verify", env=env)
        result = made.lakehaul("query", "-f", "csv", "SELECT count(*) AS rows, sum(n) AS n FROM rows", env=env, expect=0)
        assert result.stdout == "rows,n\n1000,500500\n"
