"""lakehaul query --engine athena: through moto's Athena, whose results the test sets, and against one that says what
the test wants: states, failures, pages, cancellation."""
from __future__ import annotations

import json
import re
import signal
import threading
from collections.abc import Callable

import pytest
import requests
import support
from services.aws_server import AwsServer
from services.environment import Keys
from services.query_engines import AthenaQuery, FakeAthena

NUMBERS = AthenaQuery(columns=[("n", "integer")], rows=[["1"]])


@pytest.fixture
def query(
    project: Callable[..., support.Project], fake_athena: FakeAthena, aws_home: dict[str, str | None]
) -> Callable[..., support.subprocess.CompletedProcess[str]]:
    """query(sql, *options, expect=0, **settings of athena)"""

    def run(sql: str, *options: str, expect: int = 0, endpoint: str | None = None, **athena: object):
        keys = {"glue": {"database": "shop"}, **({"athena": athena} if athena else {})}
        made = project({"a": {"table": "public.a"}}, source="postgresql://nowhere/", **keys)
        env = aws_home | Keys().env() | {"AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL_ATHENA": endpoint or fake_athena.endpoint}
        return support.run_lakehaul(
            "query", "--project", made.path, "--engine", "athena", *options, sql, expect=expect, env=env
        )

    return run


def test_moto_runs_a_query_to_its_rows(query: Callable, aws_server: AwsServer) -> None:
    columns = [
        {"CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": name, "Label": name, "Type": kind,
         "Precision": precision, "Scale": scale, "Nullable": "UNKNOWN", "CaseSensitive": False}
        for name, kind, precision, scale in [("country", "varchar", 0, 0), ("total", "decimal", 12, 2)]
    ]
    data = [["country", "total"], ["de", "12.50"], [None, "7.00"]]
    rows = [{"Data": [{} if value is None else {"VarCharValue": value} for value in row]} for row in data]
    answer = requests.post(
        f"{aws_server.endpoint}/moto-api/static/athena/query-results",
        json={"region": "eu-central-1", "results": [{"rows": rows, "column_info": columns}]}, timeout=10,
    )
    assert answer.status_code == 201
    result = query("select * from sales", "--format", "json", endpoint=aws_server.endpoint, output="s3://results/x")
    assert result.stdout == '[\n{"country": "de", "total": 12.50},\n{"country": null, "total": 7.00}\n]\n'
    execution = aws_server.client("athena").list_query_executions()["QueryExecutionIds"][0]
    told = aws_server.client("athena").get_query_execution(QueryExecutionId=execution)["QueryExecution"]
    assert told["Query"] == "select * from sales"
    assert told["QueryExecutionContext"] == {"Database": "shop", "Catalog": "AwsDataCatalog"}
    assert told["ResultConfiguration"]["OutputLocation"].startswith("s3://results/x/")


def test_settings_and_statistics(query: Callable, fake_athena: FakeAthena) -> None:
    fake_athena.queries = [AthenaQuery(columns=[("n", "integer")], rows=[["1"]], scanned_bytes=10 << 20)]
    result = query("select 1 as n;", "--format", "csv", workgroup="analysts", output="s3://results/x/")
    assert result.stdout == "n\n1\n"
    assert "Athena: 10.0 MB read, 1.2 s (0.3 s queued), query 00000001-0000" in result.stderr
    (started,) = fake_athena.started
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", started.pop("ClientRequestToken"))
    assert started == {
        "QueryString": "select 1 as n", "WorkGroup": "analysts",
        "QueryExecutionContext": {"Catalog": "AwsDataCatalog", "Database": "shop"},
        "ResultConfiguration": {"OutputLocation": "s3://results/x/"},
    }


def test_values_print_as_their_types(query: Callable, fake_athena: FakeAthena) -> None:
    columns = [
        ("b", "boolean"), ("i", "bigint"), ("d", "double"), ("f", "float"), ("m", "decimal(38,10)"), ("v", "varchar"),
        ("t", "timestamp"), ("z", "timestamp with time zone"), ("day", "date"), ("bytes", "varbinary"), ("a", "array"),
        ("r", "row"),
    ]
    row = [
        "true", "9007199254740993", "NaN", "0.1", "-1234567890123456789012345678.0123456789", "x,\"y\"",
        "2024-02-29 12:00:00.123", "2024-02-29 12:00:00.000 UTC", "2024-02-29", "68 69", "[1, 2]", "{a=1, b=null}",
    ]
    fake_athena.queries = [AthenaQuery(columns=columns, rows=[row, [""] * 0 + [None] * len(row)])]
    first, second = query("select * from t", "--format", "json").stdout.splitlines()[1:3]
    assert '"m": -1234567890123456789012345678.0123456789' in first and '"i": 9007199254740993' in first
    assert json.loads(first.rstrip(",")) == {
        "b": True, "i": 9007199254740993, "d": "NaN", "f": 0.1, "m": -1234567890123456789012345678.0123456789,
        "v": "x,\"y\"", "t": "2024-02-29T12:00:00.123", "z": "2024-02-29T12:00:00Z", "day": "2024-02-29",
        "bytes": "\\x6869", "a": "[1, 2]", "r": "{a=1, b=null}",
    }
    assert set(json.loads(second).values()) == {None}


def test_an_empty_text_is_not_null(query: Callable, fake_athena: FakeAthena) -> None:
    fake_athena.queries = [AthenaQuery(columns=[("v", "varchar")], rows=[[""], [None], ["v"]])]
    assert query("select v from t", "--format", "csv").stdout == 'v\n""\n\nv\n'


def test_pages_of_a_thousand_rows(query: Callable, fake_athena: FakeAthena) -> None:
    fake_athena.queries = [AthenaQuery(columns=[("n", "integer")], rows=[[str(n)] for n in range(2500)])]
    lines = query("select n from t", "--format", "csv").stdout.splitlines()
    assert lines == ["n", *map(str, range(2500))], "the header is the first page's alone"
    assert fake_athena.operations().count("GetQueryResults") == 3


def test_a_statement_without_a_header(query: Callable, fake_athena: FakeAthena) -> None:
    fake_athena.queries = [
        AthenaQuery(statement_type="UTILITY", columns=[("tab_name", "string")], rows=[["tab_name"], ["orders"]],
                    output="s3://results/{id}.txt")
    ]
    assert query("show tables", "--format", "csv").stdout == "tab_name\ntab_name\norders\n"


def test_a_failed_query_tells_line_and_column(query: Callable, fake_athena: FakeAthena) -> None:
    fake_athena.queries = [
        AthenaQuery(states=["RUNNING", "FAILED"], error={"ErrorCategory": 2, "ErrorType": 1006, "Retryable": False},
                    reason="COLUMN_NOT_FOUND: line 3:8: Column 'amout' cannot be resolved")
    ]
    assert query("select amout from orders", expect=1).stderr == (
        "lakehaul: line 3, column 8: Column 'amout' cannot be resolved "
        "(Athena: COLUMN_NOT_FOUND, query 00000001-0000-0000-0000-000000000000)\n"
    )
    assert fake_athena.stopped == []


def test_a_failure_of_the_service_is_told_from_one_of_the_query(query: Callable, fake_athena: FakeAthena) -> None:
    fake_athena.queries = [
        AthenaQuery(states=["FAILED"], error={"ErrorCategory": 1, "ErrorType": 233, "Retryable": True},
                    reason="Amazon Athena experienced an internal error")
    ]
    stderr = query("select 1", expect=4).stderr
    assert "Amazon Athena experienced an internal error" in stderr and "run again" in stderr


def test_a_query_that_somebody_stopped(query: Callable, fake_athena: FakeAthena) -> None:
    fake_athena.queries = [AthenaQuery(states=["QUEUED", "CANCELLED"], reason="Query cancelled by user")]
    assert "was cancelled: Query cancelled by user" in query("select 1", expect=1).stderr


def test_sql_that_is_refused_at_once(query: Callable, fake_athena: FakeAthena) -> None:
    fake_athena.failures["StartQueryExecution"] = [
        (400, "InvalidRequestException", "line 1:8: mismatched input 'form'. Expecting: <expression>")
    ]
    stderr = query("select form x", expect=1).stderr
    assert "lakehaul: line 1, column 8: mismatched input 'form'. Expecting: <expression>" in stderr


def test_no_place_for_results(query: Callable, fake_athena: FakeAthena) -> None:
    fake_athena.failures["StartQueryExecution"] = [
        (400, "InvalidRequestException", "No output location provided. An output location is required either through "
         "the Workgroup result configuration setting or as an API input.")
    ]
    stderr = query("select 1", expect=4).stderr
    assert "athena: { output: s3://bucket/prefix }" in stderr


def test_throttling_and_lost_answers_start_nothing_twice(query: Callable, fake_athena: FakeAthena) -> None:
    fake_athena.queries = [NUMBERS]
    busy = (400, "TooManyRequestsException", "Rate exceeded")
    fake_athena.failures = {
        "StartQueryExecution": [busy, (0, "", ""), (503, "ServiceUnavailable", "later")],
        "GetQueryExecution": [busy, (500, "InternalServerException", "?")],
        "GetQueryResults": [busy, (0, "", "")],
    }
    assert query("select 1", "--format", "csv").stdout == "n\n1\n"
    assert len(fake_athena.started) == 1
    tokens = {json.loads(request.body)["ClientRequestToken"] for request in fake_athena.matching("StartQueryExecution")}
    assert len(tokens) == 1, "a repeated request has the first one's token"


def test_a_timeout_stops_the_query(query: Callable, fake_athena: FakeAthena) -> None:
    fake_athena.queries = [AthenaQuery(states=["RUNNING"])]
    stderr = query("select 1", expect=1, timeout="700ms").stderr
    assert "took longer than 0.7 s" in stderr
    assert fake_athena.stopped == ["00000001-0000-0000-0000-000000000000"]


def test_an_interrupt_stops_the_query(
    project: Callable[..., support.Project], fake_athena: FakeAthena, aws_home: dict[str, str | None]
) -> None:
    made = project({"a": {"table": "public.a"}}, source="postgresql://nowhere/")
    waits = threading.Event()
    fake_athena.queries = [AthenaQuery(states=["RUNNING"])]
    fake_athena.before = lambda operation: waits.set() if operation == "GetQueryExecution" else None
    env = aws_home | Keys().env() | {"AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL_ATHENA": fake_athena.endpoint}
    process = support.start_lakehaul("query", "--project", made.path, "--engine", "athena", "select 1", env=env)
    assert waits.wait(30)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130 and "interrupted" in stderr
    assert fake_athena.stopped == ["00000001-0000-0000-0000-000000000000"]


def test_no_credentials_are_an_error_that_says_where_they_were_looked_for(
    project: Callable[..., support.Project], fake_athena: FakeAthena, aws_home: dict[str, str | None]
) -> None:
    made = project({"a": {"table": "public.a"}}, source="postgresql://nowhere/")
    env = aws_home | {"AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL_ATHENA": fake_athena.endpoint}
    result = support.run_lakehaul("query", "--project", made.path, "--engine", "athena", "select 1", expect=4, env=env)
    assert "credentials" in result.stderr and fake_athena.requests == []
