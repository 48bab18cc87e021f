"""Trino and Athena as scripts: what they answer to a statement is a list that the test wrote, down to the pages, the
states and the failures between them. They note every statement, and which were cancelled."""
from __future__ import annotations

import itertools
import json
import tempfile
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from services.http_server import Exchange, HttpServer

Json = dict[str, Any]


def trino_error(
    message: str, name: str = "SYNTAX_ERROR", kind: str = "USER_ERROR", place: tuple[int, int] | None = None
) -> Json:
    error: Json = {"message": message, "errorCode": 1, "errorName": name, "errorType": kind}
    if place:
        error["errorLocation"] = {"lineNumber": place[0], "columnNumber": place[1]}
    return {"error": error, "stats": {"state": "FAILED"}}


def trino_columns(**types: str) -> list[Json]:
    return [{"name": name, "type": kind, "typeSignature": {}} for name, kind in types.items()]


class FakeTrino(HttpServer):
    """`pages` is what each statement gets, or a function of its SQL that tells; a page that is a number is that HTTP
    status, and is followed by the next page at the same address, as after a gateway's failure; one that is bytes is
    sent as it is. A page without "more" is followed by the next, the last one ends the query."""

    def __init__(self, certificate: str | None = None) -> None:
        self.pages: list[Any] | Callable[[str], list[Any]] = []
        self.statements: list[str] = []
        self.cancelled: list[str] = []
        self.advertised: str | None = None
        """The address in nextUri, where it is not the server's own."""
        self.before: Callable[[int], None] = lambda _: None
        """Called with the number of the page before it is sent."""
        self._queries: dict[str, list[Any]] = {}
        self._ids = itertools.count(1)
        super().__init__(self._serve_exchange, certificate)

    def _serve_exchange(self, exchange: Exchange) -> None:
        request = exchange.request
        body = exchange.read_body()
        if request.method == "POST" and request.target == "/v1/statement":
            self._post(exchange, body.decode())
            return
        _, _, _, query, place = request.target.split("/")
        if request.method == "DELETE":
            self.cancelled.append(query)
            exchange.answer(204)
            return
        self._answer_page(exchange, query, int(place))

    def _post(self, exchange: Exchange, sql: str) -> None:
        pages = self.pages(sql) if callable(self.pages) else self.pages
        if pages and isinstance(pages[0], int):
            status = pages.pop(0)
            exchange.answer(status, b"no coordinator here", {"Retry-After": "0"} if status == 429 else {})
            return
        query = f"20261124_120000_{next(self._ids):05}_test"
        self.statements.append(sql)
        self._queries[query] = list(pages)
        self._answer_page(exchange, query, 0)

    def _answer_page(self, exchange: Exchange, query: str, place: int) -> None:
        pages = self._queries[query]
        self.before(place)
        page = pages[place]
        if isinstance(page, int):
            del pages[place]
            exchange.answer(page, b"<html>gateway</html>", {"Retry-After": "0"} if page == 429 else {})
            return
        if page == "reset":
            del pages[place]
            exchange.reset()
        if isinstance(page, bytes):
            exchange.answer(200, page)
            return
        document = {"id": query, "infoUri": f"{self.endpoint}/ui/{query}", "stats": {"state": "RUNNING"}, **page}
        if place + 1 < len(pages):
            document["nextUri"] = f"{self.advertised or self.endpoint}/v1/statement/{query}/{place + 1}"
        exchange.answer(200, json.dumps(document).encode(), {"Content-Type": "application/json"})


@dataclass
class AthenaQuery:
    """How one statement goes: the states that are told one after the other, then what comes of it."""

    states: list[str] = field(default_factory=lambda: ["QUEUED", "RUNNING", "SUCCEEDED"])
    reason: str = ""
    error: Json | None = None
    statement_type: str = "DML"
    columns: list[tuple[str, str]] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)
    scanned_bytes: int = 0
    output: str = "s3://results/{id}.csv"


class FakeAthena(HttpServer):
    """`queries` are taken by the statements in turn; `failures` are what the next requests of an operation get first:
    a pair of HTTP status and exception."""

    def __init__(self) -> None:
        self.queries: list[AthenaQuery] | Callable[[str], AthenaQuery] = []
        self.failures: dict[str, list[tuple[int, str, str]]] = {}
        self.started: list[Json] = []
        self.stopped: list[str] = []
        self.before: Callable[[str], None] = lambda _: None
        """Called with each operation before it is answered."""
        self._by_token: dict[str, str] = {}
        self._running: dict[str, AthenaQuery] = {}
        self._ids = itertools.count(1)
        super().__init__(self._serve_exchange)

    def statements(self) -> list[str]:
        return [started["QueryString"] for started in self.started]

    def _serve_exchange(self, exchange: Exchange) -> None:
        request = exchange.request
        input = json.loads(exchange.read_body())
        operation = request.headers.get("x-amz-target").removeprefix("AmazonAthena.")
        self.before(operation)
        if self.failures.get(operation):
            status, name, message = self.failures[operation].pop(0)
            if status == 0:
                exchange.reset()
            exchange.answer(status, json.dumps({"__type": f"com.amazonaws.athena#{name}", "Message": message}).encode())
            return
        answer = getattr(self, f"_{operation}")(input)
        exchange.answer(200, json.dumps(answer).encode(), {"Content-Type": "application/x-amz-json-1.1"})

    def _StartQueryExecution(self, input: Json) -> Json:
        token = input["ClientRequestToken"]
        if token not in self._by_token:
            query = f"{next(self._ids):08}-0000-0000-0000-000000000000"
            self._by_token[token] = query
            self.started.append(input)
            sql = input["QueryString"]
            self._running[query] = self.queries(sql) if callable(self.queries) else self.queries.pop(0)
        return {"QueryExecutionId": self._by_token[token]}

    def _GetQueryExecution(self, input: Json) -> Json:
        id = input["QueryExecutionId"]
        query = self._running[id]
        state = query.states.pop(0) if len(query.states) > 1 else query.states[0]
        status: Json = {"State": state}
        if state in ("FAILED", "CANCELLED"):
            status["StateChangeReason"] = query.reason
            if query.error:
                status["AthenaError"] = query.error
        return {
            "QueryExecution": {
                "QueryExecutionId": id,
                "StatementType": query.statement_type,
                "ResultConfiguration": {"OutputLocation": query.output.format(id=id)},
                "Status": status,
                "Statistics": {
                    "DataScannedInBytes": query.scanned_bytes,
                    "EngineExecutionTimeInMillis": 900,
                    "TotalExecutionTimeInMillis": 1500,
                    "QueryQueueTimeInMillis": 300,
                },
            }
        }

    def _GetQueryResults(self, input: Json) -> Json:
        query = self._running[input["QueryExecutionId"]]
        rows: list[Iterable[str | None]] = list(query.rows)
        if query.statement_type == "DML":
            rows.insert(0, [name for name, _ in query.columns])
        start = int(input.get("NextToken", "0"))
        end = start + min(input["MaxResults"], 1000)
        assert input["MaxResults"] <= 1000
        answer: Json = {
            "ResultSet": {
                "Rows": [
                    {"Data": [{} if value is None else {"VarCharValue": value} for value in row]}
                    for row in rows[start:end]
                ],
                "ResultSetMetadata": {"ColumnInfo": [athena_column(name, kind) for name, kind in query.columns]},
            }
        }
        if end < len(rows):
            answer["NextToken"] = str(end)
        return answer

    def _StopQueryExecution(self, input: Json) -> Json:
        self.stopped.append(input["QueryExecutionId"])
        return {}


def athena_column(name: str, kind: str) -> Json:
    base, _, rest = kind.partition("(")
    precision, _, scale = rest.rstrip(")").partition(",")
    return {"Name": name, "Label": name, "Type": base, "Precision": int(precision or 0), "Scale": int(scale or 0)}


TRINO_TYPES = {
    "BIGINT": "bigint", "INTEGER": "integer", "VARCHAR": "varchar", "DOUBLE": "double", "DATE": "date",
    "BOOLEAN": "boolean", "TIMESTAMP": "timestamp(6)", "HUGEINT": "decimal(38,0)", "INTEGER[]": "array(integer)",
}


class TableMaker:
    """What an engine does with CREATE TABLE … AS, the question for its columns, and DROP TABLE: DuckDB makes the
    rows, over views that `views` makes for it, and `write` gets the file's URL and bytes. Files are named as Athena
    and Trino name them, without an ending."""

    def __init__(self, views: Callable[[Any], None], write: Callable[[str, bytes], None]) -> None:
        self.views = views
        self.write = write
        self.tables: dict[str, list[tuple[str, str]]] = {}
        """Those of its catalog, with their columns."""
        self.made: list[str] = []
        self.dropped: list[str] = []

    def create(self, sql: str) -> int:
        head, _, select = sql.partition(" AS\n")
        assert head.startswith("CREATE TABLE ") and "format = 'PARQUET'" in head, head
        name = head.split()[2].split(".")[-1].strip('"')
        location = head.split("external_location = '")[1].split("'")[0]
        with duckdb.connect() as connection, tempfile.TemporaryDirectory() as directory:
            self.views(connection)
            connection.execute(f"CREATE TABLE made AS {select}")
            described = connection.execute("DESCRIBE made").fetchall()
            rows = connection.execute("SELECT count(*) FROM made").fetchone()[0]
            if rows > 0:
                path = Path(directory) / "file"
                connection.execute(f"COPY made TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
                self.write(f"{location}/20261124_120000_00001_abcde_{uuid.uuid4()}", path.read_bytes())
        self.tables[name] = [(column[0], TRINO_TYPES.get(column[1], column[1].lower())) for column in described]
        self.made.append(name)
        return rows

    def columns(self, sql: str) -> list[tuple[str, str]]:
        return self.tables.get(sql.split("table_name = '")[1].split("'")[0], [])

    def describe(self, sql: str) -> list[tuple[str, str]]:
        with duckdb.connect() as connection:
            self.views(connection)
            described = connection.execute(f"DESCRIBE {sql}").fetchall()
        return [(column[0], TRINO_TYPES.get(column[1], column[1].lower())) for column in described]

    def drop(self, sql: str) -> None:
        assert sql.startswith("DROP TABLE IF EXISTS ")
        name = sql.split(".")[-1].strip('"`')
        self.tables.pop(name, None)
        self.dropped.append(name)

    def trino(self, sql: str) -> list[Any]:
        """As FakeTrino.pages."""
        if sql.startswith("CREATE"):
            try:
                rows = self.create(sql)
            except duckdb.Error as error:
                return [{}, trino_error(f"line 2:1: {str(error).splitlines()[0]}", place=(2, 1))]
            told = {"columns": trino_columns(rows="bigint"), "data": [[rows]], "updateType": "CREATE TABLE"}
            stats = {"state": "FINISHED", "physicalInputBytes": 12 << 20, "processedRows": 100,
                     "queuedTimeMillis": 250, "elapsedTimeMillis": 1750}
            return [{}, {**told, "stats": stats}]
        if sql.startswith("SELECT column_name"):
            columns = trino_columns(column_name="varchar", data_type="varchar")
            return [{}, {"columns": columns, "data": [list(pair) for pair in self.columns(sql)]}]
        if sql.startswith("SELECT * FROM ("):
            return [{}, {"columns": trino_columns(**dict(self.describe(sql))), "data": []}]
        self.drop(sql)
        return [{}, {"updateType": "DROP TABLE"}]

    def athena(self, sql: str) -> AthenaQuery:
        """As FakeAthena.queries."""
        if sql.startswith("CREATE"):
            self.create(sql)
            return AthenaQuery(statement_type="DDL", output="s3://results/tables/{id}", scanned_bytes=4096)
        if sql.startswith("SELECT column_name"):
            return AthenaQuery(
                columns=[("column_name", "varchar"), ("data_type", "varchar")], rows=[list(pair) for pair in self.columns(sql)]
            )
        if sql.startswith("SELECT * FROM ("):
            return AthenaQuery(columns=[(name, kind.partition("(")[0]) for name, kind in self.describe(sql)])
        self.drop(sql)
        return AthenaQuery(statement_type="DDL", output="s3://results/{id}.txt")
