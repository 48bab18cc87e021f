"""SQL tasks on Athena and Trino: their tables are made there, read back, and published like any other. The engines are
scripts over DuckDB here; test_trino.py has a real Trino."""
from __future__ import annotations

import io
import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet
import pytest
import support
from services.aws_server import AwsServer
from services.query_engines import AthenaQuery, FakeAthena, FakeTrino, TableMaker, trino_error
from services.s3_server import Bucket
from support import lake_pointer, read_lake_duckdb, read_lake_pyarrow


def write_file(url: str, data: bytes) -> None:
    path = Path(url.removeprefix("file://"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@pytest.fixture
def shop(project: Callable[..., support.Project], fake_trino: FakeTrino) -> Callable[..., support.Project]:
    """shop({"totals": "SELECT …"}, …): a task numbers on DuckDB, and others on Trino that read it."""

    def make(texts: dict[str, str], tasks: dict | None = None, **keys: object) -> support.Project:
        files = {f"{name}.sql": text for name, text in texts.items()}
        files["numbers.sql"] = "SELECT i AS n, 'number ' || i AS name FROM range(1, 101) AS r(i)"
        given = {name: {"sql": f"{name}.sql", "engine": "trino", **(tasks or {}).get(name, {})} for name in texts}
        made = project(
            {"numbers": {"sql": "numbers.sql"}, **given}, files=files, trino={"url": fake_trino.endpoint}, **keys
        )

        def views(connection) -> None:
            for pointer in (made.lake / "_lakehaul" / "tables").glob("*.json"):
                paths = [str(path) for path in support.lake_files(made.lake, pointer.stem)]
                connection.from_parquet(paths).create_view(pointer.stem)

        made.maker = TableMaker(views, write_file)
        fake_trino.pages = made.maker.trino
        return made

    return make


def test_a_table_made_on_trino_is_published_like_any_other(shop: Callable, fake_trino: FakeTrino) -> None:
    made = shop({"totals": "SELECT n % 3 AS third, sum(n)::BIGINT AS total FROM numbers\nGROUP BY 1 ORDER BY 1;\n"})
    checked = made.lakehaul("check", expect=0).stdout
    assert "numbers: sql, reads 0 tables\ntotals: sql on trino, reads 1 table\n" in checked
    finished = made.run("--json")
    tasks = json.loads(finished.stdout)["tasks"]
    assert [task["task"] for task in tasks] == ["numbers", "totals"], "totals reads numbers"
    assert "elsewhere" not in tasks[0]
    assert tasks[1]["elsewhere"] == {
        "engine": "Trino", "query_id": "20261124_120000_00001_test", "bytes_read": 12 << 20, "rows_read": 100,
        "queued_seconds": 0.25, "run_seconds": 1.5,
    }
    assert "totals: Trino read 12.0 MB in 1.5 s (0.2 s queued), query 20261124_120000_00001_test" in finished.stderr
    assert sorted(read_lake_duckdb(made.lake, "totals")) == [(0, 1683), (1, 1717), (2, 1650)]
    pointer = lake_pointer(made.lake, "totals")
    assert pointer["source"] == "sql totals.sql on trino"
    assert (pointer["rows"], [column["type"] for column in pointer["columns"]]) == (3, ["int64", "int64"])
    (file,) = pointer["files"]
    assert file["rows"] == 3 and file["bytes"] == (made.lake / file["key"]).stat().st_size
    assert not file["key"].endswith(".parquet")
    (name,) = made.maker.made
    assert name.startswith("lakehaul_totals_2026") and made.maker.dropped == [name] and made.maker.tables == {}
    create = fake_trino.statements[0].splitlines()[0]
    assert create == (
        f"CREATE TABLE \"hive\".\"test\".\"{name}\" WITH (format = 'PARQUET', external_location = "
        f"'file://{made.lake}/totals/{pointer['version']}') AS"
    )
    session = fake_trino.requests[0].headers.get("X-Trino-Session")
    assert session == "hive.timestamp_precision=MICROSECONDS,hive.compression_codec=ZSTD"
    here = made.lakehaul("query", "--engine", "duckdb", "--format", "csv", "select sum(total) as s from totals", expect=0)
    assert here.stdout == "s\n5050\n", "DuckDB reads files that have no ending"


def test_runs_replace_and_gc_removes(shop: Callable) -> None:
    made = shop({"ones": "SELECT n FROM numbers WHERE n = 1"})
    for _ in range(3):
        made.run()
    first, second, third = sorted(path.name for path in (made.lake / "ones").iterdir())
    assert lake_pointer(made.lake, "ones")["version"] == third
    made.lakehaul("gc", "--keep", "1", expect=0)
    assert [path.name for path in (made.lake / "ones").iterdir()] == [third]
    assert read_lake_duckdb(made.lake, "ones") == [(1,)]


def test_a_table_without_rows_has_its_columns(shop: Callable) -> None:
    made = shop({"none": "SELECT n, name, [1, 2] AS list FROM numbers WHERE n < 0"})
    made.run()
    table = read_lake_pyarrow(made.lake, "none")
    assert table.num_rows == 0 and table.column_names == ["n", "name", "list"]
    assert [column["type"] for column in lake_pointer(made.lake, "none")["columns"]] == ["int64", "string", "list<int32>"]


def test_an_error_in_the_sql_is_placed_in_the_tasks_file(shop: Callable) -> None:
    made = shop({"wrong": "SELECT nope FROM numbers", "after": "SELECT * FROM wrong"})
    stderr = made.run(expect=1).stderr
    assert 'wrong.sql: line 1, column 1: Binder Error: Referenced column "nope" not found' in stderr
    assert "wrong failed" in stderr, "what reads it is skipped"
    assert not support.is_published(made.lake, "wrong")
    assert list((made.lake / "wrong").glob("*")) == []
    (name,) = made.maker.dropped
    assert name.startswith("lakehaul_wrong_")


def test_a_failure_after_files_were_written_leaves_none(shop: Callable, fake_trino: FakeTrino) -> None:
    made = shop({"half": "SELECT n FROM numbers"})
    made.run()
    before = lake_pointer(made.lake, "half")

    def fails(sql: str) -> list:
        pages = made.maker.trino(sql)
        return [{}, trino_error("worker node is gone", "REMOTE_TASK_ERROR", "INTERNAL_ERROR")] if sql.startswith("CREATE") else pages

    fake_trino.pages = fails
    stderr = made.run(expect=1).stderr
    assert "worker node is gone" in stderr
    assert lake_pointer(made.lake, "half") == before
    assert [path.name for path in (made.lake / "half").iterdir()] == [before["version"]]
    assert made.maker.tables == {}, "the half made table is dropped"


def test_a_file_with_other_columns_is_not_published(shop: Callable, fake_trino: FakeTrino) -> None:
    made = shop({"odd": "SELECT n FROM numbers"})

    def renames(sql: str) -> list:
        pages = made.maker.trino(sql)
        return [{**pages[0]}, {**pages[1], "data": [["m", "bigint"]]}] if sql.startswith("SELECT") else pages

    fake_trino.pages = renames
    assert "has other columns than the table that it was written for" in made.run(expect=1).stderr
    assert not support.is_published(made.lake, "odd") and made.maker.tables == {}


def test_a_table_that_cannot_be_dropped_is_a_warning(shop: Callable, fake_trino: FakeTrino) -> None:
    made = shop({"ones": "SELECT n FROM numbers WHERE n = 1"})
    fake_trino.pages = lambda sql: (
        [trino_error("Access Denied", "PERMISSION_DENIED")] if sql.startswith("DROP") else made.maker.trino(sql)
    )
    stderr = made.run().stderr
    assert f"table {made.maker.made[0]} stays in the catalog of Trino and can be dropped: Access Denied" in stderr
    assert read_lake_duckdb(made.lake, "ones") == [(1,)]


def test_writes_to_tables_that_are_not_managed_may_be_forbidden(shop: Callable, fake_trino: FakeTrino) -> None:
    made = shop({"ones": "SELECT 1 AS n"})
    fake_trino.pages = lambda sql: (
        [trino_error("Cannot create non-managed Hive table", "NOT_SUPPORTED")] if sql.startswith("CREATE") else made.maker.trino(sql)
    )
    assert "hive.non-managed-table-writes-enabled=true" in made.run(expect=1).stderr


def test_an_interrupt_cancels_the_statement_and_drops_the_table(shop: Callable, fake_trino: FakeTrino) -> None:
    made = shop({"slow": "SELECT n FROM numbers"})
    made.run("numbers")
    waits = threading.Event()
    fake_trino.pages = lambda sql: [{} for _ in range(3000)] if sql.startswith("CREATE") else made.maker.trino(sql)
    fake_trino.before = lambda place: (waits.set() if place == 5 else None, threading.Event().wait(0.02))
    process = support.start_lakehaul("run", "--project", made.path, "slow", "--only")
    assert waits.wait(30)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert fake_trino.cancelled == ["20261124_120000_00001_test"]
    assert len(made.maker.dropped) == 1 and not support.is_published(made.lake, "slow")


def test_trinos_own_sql_needs_the_names_of_what_it_reads(shop: Callable) -> None:
    text = "SELECT n FROM numbers MATCH_RECOGNIZE (ORDER BY n MEASURES A.n AS n PATTERN (A) DEFINE A AS true)"
    made = shop({"matched": text})
    stderr = made.lakehaul("check", "--offline", expect=2).stderr
    assert "task matched: matched.sql" in stderr and "if trino understands it" in stderr
    assert "inputs: [orders, users]" in stderr
    made = shop({"matched": text}, {"matched": {"inputs": ["numbers"]}})
    made.lakehaul("check", "--offline", expect=0)
    plan = json.loads(made.lakehaul("plan", "--json", expect=0).stdout)
    assert [(task["task"], task["reads"]) for task in plan["tasks"]] == [("numbers", []), ("matched", ["numbers"])]


def test_names_with_catalog_and_schema_are_those_of_tasks(shop: Callable) -> None:
    made = shop({"a": "SELECT * FROM test.b", "b": "SELECT * FROM Hive.TEST.numbers", "c": "SELECT * FROM other.thing"})
    plan = json.loads(made.lakehaul("plan", "--json", expect=0).stdout)
    assert [(task["task"], task["reads"]) for task in plan["tasks"]] == [
        ("numbers", []), ("b", ["numbers"]), ("a", ["b"]), ("c", ["other.thing"]),
    ]
    made.lakehaul("check", "--offline", expect=0)


def test_a_task_that_writes_is_not_sent(shop: Callable, fake_trino: FakeTrino) -> None:
    made = shop({"bad": "DELETE FROM numbers"}, {"bad": {"inputs": ["numbers"]}})
    assert 'bad.sql: "DELETE …" is not a statement that reads' in made.run(expect=1).stderr
    assert fake_trino.requests == []


def test_of_a_view_only_the_columns_are_asked_for(shop: Callable, fake_trino: FakeTrino) -> None:
    made = shop({"small": "SELECT n FROM numbers WHERE n < 3 -- few\n;"}, {"small": {"view": True}})
    made.run()
    assert fake_trino.statements == ["SELECT * FROM (\nSELECT n FROM numbers WHERE n < 3\n) AS described LIMIT 0"]
    here = made.lakehaul("query", "--engine", "duckdb", "--format", "csv", "select count(*) as c from small", expect=0)
    assert here.stdout == "c\n2\n"


def test_a_strict_schema_holds_there_too(shop: Callable) -> None:
    made = shop({"one": "SELECT n FROM numbers"}, {"one": {"schema": "strict"}})
    made.run()
    version = lake_pointer(made.lake, "one")["version"]
    (made.directory / "one.sql").write_text("SELECT n, name FROM numbers")
    assert "its schema is not the published one" in made.run(expect=1).stderr
    assert [path.name for path in (made.lake / "one").iterdir()] == [version]


# Athena, over a lake on S3 that Glue shows


@pytest.fixture
def athena_shop(
    project: Callable[..., support.Project],
    fake_athena: FakeAthena,
    s3_bucket: Bucket,
    aws_services_env: dict[str, str | None],
) -> Callable[..., support.Project]:
    """athena_shop({"totals": "SELECT …"}, …): a task numbers on DuckDB, and others on Athena that read it."""

    def make(texts: dict[str, str], more: dict | None = None, **keys: object) -> support.Project:
        files = {f"{name}.sql": text for name, text in texts.items()}
        files["numbers.sql"] = "SELECT i AS n, 'number ' || i AS name FROM range(1, 101) AS r(i)"
        tasks = {"numbers": {"sql": "numbers.sql", "engine": "duckdb"}}
        tasks |= {name: {"sql": f"{name}.sql", **(more or {}).get(name, {})} for name in texts}
        made = project(
            tasks, files=files, lake=f"{s3_bucket.url}/lake", catalog="glue", engine="athena",
            glue={"database": "shop"}, athena={"workgroup": "tasks"}, **keys,
        )
        made.env = {**aws_services_env, "AWS_ENDPOINT_URL_ATHENA": fake_athena.endpoint}

        def views(connection) -> None:
            for key in s3_bucket.keys("lake/_lakehaul/tables/"):
                pointer = json.loads(s3_bucket.get(key))
                paths = []
                for file in pointer["files"]:
                    path = made.directory / file["key"].replace("/", "_")
                    path.write_bytes(s3_bucket.get(f"lake/{file['key']}"))
                    paths.append(str(path))
                connection.from_parquet(paths).create_view(pointer["table"])

        def write(url: str, data: bytes) -> None:
            s3_bucket.put(url.removeprefix(f"{s3_bucket.url}/"), data)

        made.maker = TableMaker(views, write)
        fake_athena.queries = made.maker.athena
        return made

    return make


def test_a_table_made_on_athena_is_published_in_glue(
    athena_shop: Callable, fake_athena: FakeAthena, s3_bucket: Bucket, aws_server: AwsServer
) -> None:
    made = athena_shop({"totals": "SELECT n % 3 AS third, sum(n)::BIGINT AS total FROM numbers GROUP BY 1"})
    made.run()
    made.run()
    pointer = json.loads(s3_bucket.get("lake/_lakehaul/tables/totals.json"))
    assert pointer["source"] == "sql totals.sql on athena" and pointer["rows"] == 3
    (file,) = pointer["files"]
    rows = pyarrow.parquet.read_table(io.BytesIO(s3_bucket.get(f"lake/{file['key']}"))).to_pylist()
    assert sorted((row["third"], row["total"]) for row in rows) == [(0, 1683), (1, 1717), (2, 1650)]
    table = aws_server.client("glue").get_table(DatabaseName="shop", Name="totals")["Table"]
    assert table["StorageDescriptor"]["Location"].rstrip("/") == f"{s3_bucket.url}/lake/totals/{pointer['version']}"
    assert [(column["Name"], column["Type"]) for column in table["StorageDescriptor"]["Columns"]] == [
        ("third", "bigint"), ("total", "bigint"),
    ]
    assert {table["Name"] for table in aws_server.client("glue").get_tables(DatabaseName="shop")["TableList"]} == {
        "numbers", "totals",
    }
    create, describe, drop = fake_athena.statements()[3:]
    name = made.maker.made[1]
    assert create.splitlines()[0] == (
        f"CREATE TABLE \"shop\".\"{name}\" WITH (format = 'PARQUET', write_compression = 'ZSTD', external_location = "
        f"'{s3_bucket.url}/lake/totals/{pointer['version']}') AS"
    )
    assert f"table_schema = 'shop' AND table_name = '{name}'" in describe
    assert drop == f"DROP TABLE IF EXISTS `shop`.`{name}`"
    assert {started["WorkGroup"] for started in fake_athena.started} == {"tasks"}
    query = made.lakehaul("query", "--engine", "duckdb", "--format", "csv", "select sum(total) as s from totals", expect=0)
    assert query.stdout == "s\n5050\n"


def test_a_failure_on_athena_leaves_nothing(
    athena_shop: Callable, fake_athena: FakeAthena, s3_bucket: Bucket, aws_server: AwsServer
) -> None:
    made = athena_shop({"wrong": "SELECT 1 AS n,\n  nope FROM numbers"})

    def fails(sql: str) -> AthenaQuery:
        answer = made.maker.athena(sql.replace("nope", "name"))  # what it has written before it failed stays
        if sql.startswith("CREATE"):
            answer.states, answer.reason = ["RUNNING", "FAILED"], "COLUMN_NOT_FOUND: line 3:3: Column 'nope' cannot be resolved"
        return answer

    fake_athena.queries = fails
    stderr = made.run(expect=1).stderr
    assert "wrong.sql: line 2, column 3: Column 'nope' cannot be resolved (Athena: COLUMN_NOT_FOUND" in stderr
    assert made.maker.tables == {} and len(made.maker.dropped) == 1
    assert s3_bucket.keys("lake/wrong/") == []
    tables = aws_server.client("glue").get_tables(DatabaseName="shop")["TableList"]
    assert [table["Name"] for table in tables] == ["numbers"]


def test_a_view_whose_columns_athena_does_not_tell_is_refused(athena_shop: Callable) -> None:
    made = athena_shop({"nested": "SELECT n, [1, 2] AS list FROM numbers"}, {"nested": {"view": True}})
    stderr = made.run(expect=1).stderr
    assert 'nested.sql: column "list" is of type array, of whose elements Athena says nothing' in stderr
