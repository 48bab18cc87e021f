"""lakehaul query --engine trino against a Trino that says what the test wants: pages, failures, cancellation. What a
real one says is in test_trino.py."""
from __future__ import annotations

import base64
import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import support
from services.query_engines import FakeTrino, trino_columns, trino_error

ONE = {"columns": trino_columns(n="integer"), "data": [[1]]}


@pytest.fixture
def query(project: Callable[..., support.Project], fake_trino: FakeTrino) -> Callable[..., support.subprocess.CompletedProcess[str]]:
    """query(sql, *options, expect=0, **settings of trino)"""

    def run(sql: str, *options: str, expect: int = 0, env: dict | None = None, **trino: object):
        made = project({"a": {"table": "public.a"}}, source="postgresql://nowhere/", trino={"url": fake_trino.endpoint, **trino})
        return support.run_lakehaul(
            "query", "--project", made.path, "--engine", "trino", *options, sql, expect=expect, env=env
        )

    return run


def rows(result: support.subprocess.CompletedProcess[str]) -> list[dict]:
    return json.loads(result.stdout)


def test_pages_follow_until_there_is_none(query: Callable, fake_trino: FakeTrino) -> None:
    fake_trino.pages = [
        {"stats": {"state": "QUEUED"}},
        {},
        {"columns": trino_columns(n="bigint", t="varchar")},
        {"columns": trino_columns(n="bigint", t="varchar"), "data": [[1, "one"], [2, None]]},
        {"columns": trino_columns(n="bigint", t="varchar")},
        {"columns": trino_columns(n="bigint", t="varchar"), "data": [[3, ""]]},
        {"stats": {"state": "FINISHED", "physicalInputBytes": 5 << 20, "queuedTimeMillis": 100, "elapsedTimeMillis": 1600}},
    ]
    result = query("select n, t from numbers;\n", "--format", "json", catalog="lake", schema="shop", user="ada")
    assert rows(result) == [{"n": 1, "t": "one"}, {"n": 2, "t": None}, {"n": 3, "t": ""}]
    assert fake_trino.statements == ["select n, t from numbers"], "Trino takes no semicolon"
    assert "Trino: 5.0 MB read, 1.5 s (0.1 s queued), query 20261124_120000_00001_test" in result.stderr
    first = fake_trino.requests[0].headers
    assert {name: first.get(name) for name in ("X-Trino-User", "X-Trino-Source", "X-Trino-Catalog", "X-Trino-Schema", "X-Trino-Client-Tags")} == {
        "X-Trino-User": "ada", "X-Trino-Source": "lakehaul", "X-Trino-Catalog": "lake", "X-Trino-Schema": "shop",
        "X-Trino-Client-Tags": "lakehaul",
    }
    assert "authorization" not in first
    assert fake_trino.cancelled == []


def test_the_projects_engine_runs_queries(project: Callable[..., support.Project], fake_trino: FakeTrino) -> None:
    fake_trino.pages = [ONE]
    made = project(
        {"a": {"table": "public.a"}}, source="postgresql://nowhere/", engine="trino", trino={"url": fake_trino.endpoint}
    )
    assert made.lakehaul("query", "--format", "csv", "select 1 as n", expect=0).stdout == "n\n1\n"
    assert made.lakehaul("query", "--engine", "duckdb", "-f", "csv", "select 2 as n", cwd=made.directory, expect=4).stdout == ""
    assert len(fake_trino.statements) == 1


# A value in each of Trino's types as its protocol has it, and SQL that makes the same value in DuckDB.
VALUES = [
    ("boolean", True, "true"),
    ("tinyint", -128, "(-128)::TINYINT"),
    ("smallint", -32768, "(-32768)::SMALLINT"),
    ("integer", 2147483647, "2147483647::INTEGER"),
    ("bigint", -9223372036854775808, "(-9223372036854775808)::BIGINT"),
    ("bigint", 9007199254740993, "9007199254740993::BIGINT"),
    ("real", 0.1, "0.1::FLOAT"),
    ("real", 16777216.0, "16777216::FLOAT"),
    ("double", 1e300, "1e300::DOUBLE"),
    ("double", 5e-324, "5e-324::DOUBLE"),
    ("double", "NaN", "'nan'::DOUBLE"),
    ("double", "Infinity", "'inf'::DOUBLE"),
    ("double", "-Infinity", "'-inf'::DOUBLE"),
    ("decimal(12,2)", "-1234567890.10", "(-1234567890.10)::DECIMAL(12,2)"),
    ("decimal(4,4)", "0.0001", "0.0001::DECIMAL(4,4)"),
    ("decimal(38,0)", "99999999999999999999999999999999999999", "99999999999999999999999999999999999999::DECIMAL(38,0)"),
    ("decimal(38,38)", "-0.12345678901234567890123456789012345678", "'-0.12345678901234567890123456789012345678'::DECIMAL(38,38)"),
    ("varchar(20)", "grüße \"x\"\n", "'grüße \"x\"' || chr(10)"),
    ("char(3)", "ab ", "'ab '"),
    ("varbinary", base64.b64encode(b"\x00\xffhi").decode(), "'\\x00\\xFFhi'::BLOB"),
    ("varbinary", "", "''::BLOB"),
    ("uuid", "12151fd2-7586-11e9-8f9e-2a86e4085a59", "'12151fd2-7586-11e9-8f9e-2a86e4085a59'::UUID"),
    ("date", "2024-02-29", "'2024-02-29'::DATE"),
    ("date", "-0043-03-15", "'0044-03-15 (BC)'::DATE"),
    ("time(6)", "23:59:59.123456", "'23:59:59.123456'::TIME"),
    ("timestamp(3)", "2024-02-29 23:59:59.123", "'2024-02-29 23:59:59.123'::TIMESTAMP"),
    ("timestamp(6)", "1969-12-31 23:59:59.999999", "'1969-12-31 23:59:59.999999'::TIMESTAMP"),
    ("timestamp(9)", "2024-02-29 23:59:59.123456789", "'2024-02-29 23:59:59.123456789'::TIMESTAMP_NS"),
    ("timestamp(6) with time zone", "2024-02-29 23:59:59.123456 UTC", "'2024-02-29 23:59:59.123456+00'::TIMESTAMPTZ"),
    ("timestamp(3) with time zone", "2024-02-29 23:59:59.123 +01:30", "'2024-02-29 23:59:59.123+01:30'::TIMESTAMPTZ"),
    ("array(integer)", [1, None, 3], "[1, NULL, 3]::INTEGER[]"),
    ("array(array(varchar))", [["a"], [], None], "[['a'], [], NULL]::VARCHAR[][]"),
    ("map(integer, varchar)", {"7": "x", "8": None}, "MAP {7: 'x', 8: NULL}::MAP(INTEGER, VARCHAR)"),
    ("map(varchar, row(a decimal(3,1)))", {"k": ["1.5"]}, "MAP {'k': {'a': 1.5::DECIMAL(3,1)}}"),
    (
        'row(id bigint, "two words" timestamp(3) with time zone, t time(3))',
        [5, "2024-01-01 00:00:00.000 UTC", "01:02:03.000"],
        "{'id': 5::BIGINT, 'two words': '2024-01-01 00:00:00+00'::TIMESTAMPTZ, 't': '01:02:03'::TIME}",
    ),
]


@pytest.mark.parametrize("format", ["json", "csv", "table"])
def test_values_print_as_those_of_duckdb(query: Callable, fake_trino: FakeTrino, tmp_path: Path, format: str) -> None:
    names = [f"c{number}" for number in range(len(VALUES))]
    columns = trino_columns(**{name: kind for name, (kind, _, _) in zip(names, VALUES)})
    fake_trino.pages = [{"columns": columns, "data": [[value for _, value, _ in VALUES], [None] * len(VALUES)]}]
    there = query("select * from everything", "--format", format).stdout
    selected = ", ".join(f"{sql} AS {name}" for name, (_, _, sql) in zip(names, VALUES))
    nulls = ", ".join("NULL" for _ in VALUES)
    (tmp_path / "lake").mkdir(exist_ok=True)
    here = support.run_lakehaul(
        "query", "--lake", tmp_path / "lake", "--format", format, f"select {selected} union all select {nulls}", expect=0
    ).stdout
    assert there == here


def test_types_without_a_form_in_the_lake_are_text(query: Callable, fake_trino: FakeTrino) -> None:
    columns = trino_columns(i="interval day to second", z="time(3) with time zone", p="timestamp(12)", a="ipaddress")
    values = ["2 00:00:00.000", "01:02:03.000+01:00", "2024-01-01 00:00:00.123456789012", "::1"]
    fake_trino.pages = [{"columns": columns, "data": [values]}]
    assert list(rows(query("select 1", "--format", "json"))[0].values()) == values


def test_a_time_of_a_named_zone_is_refused_with_the_way_out(query: Callable, fake_trino: FakeTrino) -> None:
    columns = trino_columns(at="timestamp(3) with time zone")
    fake_trino.pages = [{"columns": columns, "data": [["2024-01-01 00:00:00.000 UTC"], ["2024-01-01 00:00:00.000 Europe/Berlin"]]}]
    stderr = query("select 1", expect=1).stderr
    assert 'column "at": "2024-01-01 00:00:00.000 Europe/Berlin" is not a value of type timestamp(3) with time zone' in stderr
    assert "at_timezone(…, 'UTC')" in stderr


def test_an_error_tells_line_and_column(query: Callable, fake_trino: FakeTrino) -> None:
    message = "line 2:8: Column 'amout' cannot be resolved"
    fake_trino.pages = [{}, trino_error(message, "COLUMN_NOT_FOUND", place=(2, 8))]
    result = query("select\n       amout from orders", expect=1)
    assert result.stderr == (
        "lakehaul: line 2, column 8: Column 'amout' cannot be resolved "
        "(Trino: COLUMN_NOT_FOUND, query 20261124_120000_00001_test)\n"
    )
    assert fake_trino.cancelled == [], "it has ended by itself"


def test_whose_fault_an_error_is_decides_the_exit_status(query: Callable, fake_trino: FakeTrino) -> None:
    fake_trino.pages = [trino_error("no worker is there", "NO_NODES_AVAILABLE", "INTERNAL_ERROR")]
    assert "no worker is there" in query("select 1", expect=4).stderr
    fake_trino.pages = [trino_error("Schema 'shop' does not exist", "SCHEMA_NOT_FOUND")]
    assert "set catalog and schema of trino in lakehaul.yaml: they are hive and test" in query("select 1", expect=1).stderr


def test_an_error_after_rows_fails_the_query(query: Callable, fake_trino: FakeTrino) -> None:
    fake_trino.pages = [ONE, trino_error("Division by zero", "DIVISION_BY_ZERO")]
    assert "Division by zero" in query("select 1/0", expect=1).stderr


def test_failures_of_a_gateway_are_tried_again(query: Callable, fake_trino: FakeTrino) -> None:
    fake_trino.pages = [503, 429, 504, {}, 502, 503, {}, "reset", ONE]
    assert rows(query("select 1 as n", "--format", "json")) == [{"n": 1}]
    assert len(fake_trino.statements) == 1


@pytest.mark.parametrize(
    ("status", "hint"), [(401, "set user and password of trino"), (404, "is url of trino that of the coordinator")]
)
def test_other_answers_fail_at_once(query: Callable, fake_trino: FakeTrino, status: int, hint: str) -> None:
    fake_trino.pages = [status]
    stderr = query("select 1", expect=4).stderr
    assert f"answers with HTTP status {status}: no coordinator here" in stderr and hint in stderr
    assert len(fake_trino.requests) == 1


@pytest.mark.parametrize("page", [b"<html>hello</html>", b"", b"[]", b"7", b'{"answer": 42}', b'{"id": "x"'])
def test_what_is_not_trino_is_called_so(query: Callable, fake_trino: FakeTrino, page: bytes) -> None:
    fake_trino.pages = [page]
    assert "is not Trino: it sends no page of a result" in query("select 1", expect=4).stderr


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ({"columns": {}}, "its columns are no list"),
        ({"columns": [7]}, "a column has no name or no type"),
        ({"columns": [{"name": "n"}]}, "a column has no name or no type"),
        ({"columns": trino_columns(n="integer"), "data": {"a": [1]}}, "its rows are no list"),
        ({"columns": trino_columns(n="integer"), "data": [7]}, "a row has another number of values"),
        ({"columns": trino_columns(n="integer"), "data": [[1, 2]]}, "a row has another number of values"),
        ({"columns": trino_columns(n="row(a integer, b integer)"), "data": [[[1]]]}, "another number of members"),
    ],
)
def test_pages_that_contradict_themselves_are_refused(
    query: Callable, fake_trino: FakeTrino, page: dict, problem: str
) -> None:
    fake_trino.pages = [page, {}]
    assert problem in query("select 1", expect=4).stderr


@pytest.mark.parametrize(
    ("kind", "value"), [("integer", [1]), ("integer", {"a": 1}), ("varchar", [1]), ("array(integer)", {"a": 1}), ("integer", 1.5),
                        ("array(integer)", "text"), ("map(integer, integer)", {"a": 1}), ("varbinary", "!"), ("tinyint", 1000)]
)
def test_values_that_are_not_of_their_type_are_refused(
    query: Callable, fake_trino: FakeTrino, kind: str, value: object
) -> None:
    fake_trino.pages = [{"columns": trino_columns(n=kind), "data": [[value]]}]
    assert 'column "n": ' in query("select 1", expect=1).stderr


def test_nobody_at_the_address(query: Callable) -> None:
    port = support.free_port()
    assert f"127.0.0.1:{port}" in query("select 1", expect=4, url=f"http://127.0.0.1:{port}").stderr


def test_a_timeout_cancels_the_query(query: Callable, fake_trino: FakeTrino) -> None:
    fake_trino.pages = [{}, *[{} for _ in range(1000)]]
    fake_trino.before = lambda place: threading.Event().wait(0.02)
    stderr = query("select 1", "--timeout", "1", expect=1).stderr
    assert "Trino query 20261124_120000_00001_test was cancelled: it took longer than 1.0 s" in stderr
    assert fake_trino.cancelled == ["20261124_120000_00001_test"]


def test_an_interrupt_cancels_the_query(project: Callable[..., support.Project], fake_trino: FakeTrino) -> None:
    made = project({"a": {"table": "public.a"}}, source="postgresql://nowhere/", trino={"url": fake_trino.endpoint})
    waits = threading.Event()
    fake_trino.pages = [{}, *[{} for _ in range(3000)]]
    fake_trino.before = lambda place: (waits.set() if place == 5 else None, threading.Event().wait(0.02))
    process = support.start_lakehaul("query", "--project", made.path, "--engine", "trino", "select 1")
    assert waits.wait(30)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130 and "interrupted" in stderr
    assert fake_trino.cancelled == ["20261124_120000_00001_test"]


def test_a_password_goes_over_https_alone(
    query: Callable, fake_trino: FakeTrino, tls_certificate: Path
) -> None:
    stderr = query("select 1", expect=2, user="ada", password="s3cret").stderr
    assert "the password of trino would be sent unprotected" in stderr and "s3cret" not in stderr
    assert fake_trino.requests == []
    with FakeTrino(str(tls_certificate)) as server:
        server.pages = [{}, ONE]
        trusted = {"CURL_CA_BUNDLE": str(tls_certificate)}
        result = query("select 1", "--format", "csv", url=server.endpoint, user="ada", password="s3cret", env=trusted)
        assert result.stdout == "n\n1\n"
        sent = [request.headers.get("authorization") for request in server.requests]
        assert sent == ["Basic " + base64.b64encode(b"ada:s3cret").decode()] * 2
        assert "certificate" in query("select 1", url=server.endpoint, user="ada", password="s3cret", expect=4).stderr


def test_a_password_goes_to_no_other_address(query: Callable, fake_trino: FakeTrino, tls_certificate: Path) -> None:
    with FakeTrino(str(tls_certificate)) as server:
        server.pages = [{}, ONE]
        server.advertised = fake_trino.endpoint
        stderr = query(
            "select 1", url=server.endpoint, user="ada", password="s3cret", expect=4,
            env={"CURL_CA_BUNDLE": str(tls_certificate)},
        ).stderr
    assert "wants its pages fetched from another address" in stderr and "http-server.process-forwarded" in stderr
    assert fake_trino.requests == []


def test_a_catalog_without_hives_settings_is_asked_without_them(query: Callable, fake_trino: FakeTrino) -> None:
    answers = [[trino_error("Session property 'memory.x' does not exist", "INVALID_SESSION_PROPERTY")], [ONE]]
    fake_trino.pages = lambda sql: answers.pop(0)
    assert query("select 1", "--format", "csv", catalog="memory").stdout == "n\n1\n"
    sessions = [request.headers.get("X-Trino-Session") for request in fake_trino.requests]
    assert sessions == ["memory.timestamp_precision=MICROSECONDS", ""]


@pytest.mark.parametrize(
    "sql", ["show tables", " -- all\nwith a as (select 1) select * from a", "(values 1)", "explain (type io) select 1",
            "explain analyze verbose select 1", "/* x */ table orders", "describe orders"]
)
def test_statements_that_read(query: Callable, fake_trino: FakeTrino, sql: str) -> None:
    fake_trino.pages = [ONE]
    query(sql)
    assert fake_trino.statements == [sql]


@pytest.mark.parametrize(
    "sql", ["drop table orders", "insert into a select 1", "explain analyze delete from orders", "/* select */ call x()", " ;"]
)
def test_statements_that_write_are_not_sent(query: Callable, fake_trino: FakeTrino, sql: str) -> None:
    query(sql, expect=1)
    assert fake_trino.requests == []


def test_two_columns_of_one_name_are_refused(query: Callable, fake_trino: FakeTrino) -> None:
    column = trino_columns(n="integer")[0]
    fake_trino.pages = [{"columns": [column, column], "data": [[1, 2]]}, {}, {}]
    assert 'the result has two columns named "n"' in query("select 1, 2", expect=1).stderr
    assert len(fake_trino.cancelled) == 1


def test_many_rows_come_through(query: Callable, fake_trino: FakeTrino) -> None:
    columns = trino_columns(n="bigint", t="varchar")
    pages = [{"columns": columns, "data": [[page * 10000 + n, f"row {n}"] for n in range(10000)]} for page in range(10)]
    fake_trino.pages = pages
    lines = query("select * from big", "--format", "csv").stdout.splitlines()
    assert len(lines) == 100001 and lines[-1] == "99999,row 9999"
